//! The look that answers who can do what: everything that reaches a target is kept, whoever holds it and whoever made it, and
//! groups that hold something are opened.
//!
//! What it costs beyond a plan does not grow with people or assignments: one `$batch` of members for twenty groups, one
//! question for 300 people, one list of PIM instances for each subscription in which others gave something.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::{
    model::{
        assignment::{PrincipalType, Standing},
        desired::Desired,
        observed::{Definitions, Observed, Reading},
        owner::OwnerCode,
        people::{GroupKey, People},
    },
    ports::{AssignmentReader, Directory, Inventory},
};

use super::{Keep, Looked, definitions, look, names, questions};

/// Looks at Azure for who can do what. `owners`: only at these, if given.
///
/// A plan can be made of the answer as of any other; locks are not asked for.
#[tracing::instrument(name = "observe", level = "trace", skip_all)]
pub async fn widely(
    desired: &Desired,
    owners: Option<&BTreeSet<OwnerCode>>,
    at: Timestamp,
    azure: &(impl Directory + Inventory + AssignmentReader),
) -> Observed {
    let chosen = |owner: OwnerCode| owners.is_none_or(|owners| owners.contains(&owner));
    let names = names(desired, &chosen);
    let (by_name, looked) =
        futures::join!(azure.by_name(&names), look(desired, &chosen, None, Keep::Everything, azure));
    let Looked { inventory, targets, absent, subscriptions } = looked;
    let people = People { by_name, ..People::default() };
    let definitions = Definitions::NotAsked;
    let remembered = BTreeMap::new();
    let role_definitions = definitions::named(desired, &targets, azure).await;
    let mut observed = Observed {
        at,
        inventory,
        targets,
        remembered,
        remembered_definitions: BTreeMap::new(), // of that, too
        granted_before: BTreeSet::new(),
        absent,
        subscriptions,
        definitions,
        role_definitions,
        people,
    };
    definitions::ask_all(desired, &mut observed, azure).await;
    let holding = holding(&observed);
    let members = async { if holding.is_empty() { BTreeMap::new() } else { azure.groups(&holding).await } };
    let (groups, attributes, members) = futures::join!(
        questions::groups(desired, &chosen, &observed, azure),
        questions::attributes(desired, &chosen, &observed, azure),
        members,
    );
    (observed.people.groups, observed.people.attributes) = (groups, attributes);
    observed.people.groups.extend(members);
    questions::ask(desired, &mut observed, Keep::Everything, azure).await;
    observed
}

/// The groups that hold something.
fn holding(observed: &Observed) -> BTreeSet<GroupKey> {
    let mut holding = BTreeSet::new();
    for subscription in observed.subscriptions.values() {
        let Reading::Seen(scopes) = &subscription.reading else { continue };
        for Standing { assignment, .. } in scopes.values().flatten() {
            if assignment.principal_type == PrincipalType::Group {
                holding.insert(GroupKey::Id(assignment.triple.principal));
            }
        }
    }
    holding
}
