//! What is not known of who can do what: said, so that nobody takes silence for "nobody".

use std::collections::{BTreeMap, BTreeSet};

use super::{Being, By, Group, Holder};
use crate::model::{
    assignment::Pim,
    desired::{Desired, OwnerFile},
    ids::{PrincipalId, RoleDefinitionId, ScopeId},
    observed::{Definitions, Impediment, Observed, OtherAccess, Reading, Sighting, TargetKey},
    owner::{EnvironmentName, KindName, OwnerCode},
    people::ByName,
};

/// Something that is not known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unknown {
    /// Whose access it concerns, if it is one owner's.
    pub owner: Option<OwnerCode>,
    /// In which environment, if it is one.
    pub environment: Option<EnvironmentName>,
    /// At which kind of target, if it is one.
    pub kind: Option<KindName>,
    /// What, in words.
    pub words: String,
    /// Whether something is there that could not be read. Else it was looked for and is not there.
    pub unread: bool,
}

pub(super) fn unknown(
    desired: &Desired,
    observed: &Observed,
    groups: &BTreeMap<PrincipalId, Group>,
    holders: &BTreeMap<PrincipalId, Holder<'_>>,
    chosen: &impl Fn(OwnerCode) -> bool,
) -> Vec<Unknown> {
    let mut unknown = BTreeSet::new();
    let everywhere = |words: String| Unknown { owner: None, environment: None, kind: None, words, unread: true };
    if let Err(trouble) = &observed.inventory {
        unknown.insert(everywhere(trouble.without_request().to_string()));
    }
    targets(desired, observed, chosen, &mut unknown);
    let broken =
        desired.owners.iter().filter(|(code, owner)| chosen(**code) && matches!(owner.file, OwnerFile::Broken(_)));
    unknown.extend(broken.map(|(code, _)| {
        let words = format!("whom `owners/{code}.yaml` lists: the file has errors");
        Unknown { owner: Some(*code), ..everywhere(words) }
    }));
    for (id, group) in groups {
        if let Err(why) = &group.members {
            let name = group.name.as_deref().map_or_else(|| format!("with object id {id}"), |name| format!("`{name}`"));
            unknown.insert(everywhere(format!("who is in the group {name}, which holds something here: {why}")));
        }
    }
    let nameless = holders.values().filter(|it| it.being == Being::Unknown).count();
    if nameless > 0 {
        let words = format!("who {nameless} of the holders are: Entra could not say");
        unknown.insert(everywhere(words));
    }
    // An access policy does not say what it names: whoever is in it, if that is a group, is not known.
    let policies =
        |it: &&Holder<'_>| it.being == Being::NoUser && it.ways.iter().any(|way| matches!(way.by, By::Policy(_)));
    let unnamed = holders.values().filter(policies).count();
    if unnamed > 0 {
        let words = format!(
            "what {unnamed} of the object ids in access policies are: no users; our token does not look up groups and applications"
        );
        unknown.insert(everywhere(words));
    }
    let names = observed.people.by_name.iter().filter_map(|(name, answer)| match answer {
        ByName::Unanswered(trouble) => Some((name, trouble)),
        ByName::Person(_) | ByName::Nobody(_) => None,
    });
    unknown.extend(names.map(|(name, trouble)| everywhere(format!("who `{name}` is: {}", trouble.without_request()))));
    if let Definitions::Unanswered(trouble) = &observed.definitions {
        unknown.insert(everywhere(format!("what role definitions permit: {}", trouble.without_request())));
    } else {
        let unread = holders.values().flat_map(|it| &it.ways).filter(|way| way.opens.unread);
        let unread: BTreeSet<(RoleDefinitionId, Option<&str>)> =
            unread.filter_map(|way| Some((way.definition_id()?, way.definition))).collect();
        unknown.extend(unread.into_iter().map(|(id, name)| {
            let name = name.map_or_else(|| id.to_string(), |name| format!("`{name}`"));
            everywhere(format!("what the role definition {name} permits, which somebody holds here: it was not found"))
        }));
    }
    let unasked = holders.values().flat_map(|it| &it.ways).any(|way| way.pim() == Some(Pim::Unanswered));
    if unasked {
        let words = "which assignments end by themselves: Privileged Identity Management could not be asked";
        unknown.insert(everywhere(words.to_owned()));
    }
    other(observed, chosen, &mut unknown);
    let foreign = holders.values().filter(|it| it.being == Being::ForeignGroup).map(|it| it.who.id);
    unknown.extend(foreign.map(|id| Unknown {
        unread: false, // nothing that we could be allowed to read
        ..everywhere(format!(
            "who is in the group with object id {id}: a group of another tenant; it cannot be opened here"
        ))
    }));
    unknown.into_iter().collect()
}

/// What gives or takes access beside role assignments, at each target that was found. Where nothing of it was asked (a look at
/// drift, the past), whoever shows the answer says so.
fn other(observed: &Observed, chosen: &impl Fn(OwnerCode) -> bool, unknown: &mut BTreeSet<Unknown>) {
    let other = &observed.other;
    if other.eligible.is_empty() {
        return;
    }
    let found = observed.targets.iter().filter_map(|(key, sighting)| match sighting {
        Sighting::Found(target) if chosen(key.owner) => Some((key, target)),
        _ => None,
    });
    let (mut unlisted, mut unlicensed) = (false, false);
    for (key, target) in found {
        let mut add = |kind: Option<&KindName>, words: String, unread: bool| {
            let (owner, environment) = (Some(key.owner), Some(key.environment.clone()));
            unknown.insert(Unknown { owner, environment, kind: kind.cloned(), words, unread });
        };
        let workspace = other.workspaces.get(&target.scope);
        let places: Vec<&ScopeId> = [&target.scope].into_iter().chain(workspace).collect();
        for id in places.iter().filter_map(|at| at.subscription()) {
            let its = observed.subscriptions.get(&id).or_else(|| other.of_workspaces.get(&id));
            let name = its.map_or_else(|| id.to_string(), |it| it.name.clone());
            match other.eligible.get(&ScopeId::subscription_scope(id)) {
                Some(Ok(_)) => {}
                Some(Err(trouble)) if OtherAccess::is_unlicensed(trouble) => {
                    unlicensed = true;
                }
                Some(Err(trouble)) => {
                    let trouble = trouble.without_request();
                    add(None, format!("who is eligible for a role in the subscription `{name}`: {trouble}"), true);
                }
                None => add(None, format!("who is eligible for a role in the subscription `{name}`: not read"), true),
            }
            if let Some(Err(trouble)) = other.denials.get(&id) {
                let trouble = trouble.without_request();
                add(None, format!("which deny assignments there are in the subscription `{name}`: {trouble}"), true);
            }
        }
        for at in places {
            match other.eligible.get(at) {
                Some(Err(trouble)) if OtherAccess::is_unlicensed(trouble) => {} // said of the subscription
                Some(Err(trouble)) => {
                    let (name, trouble) = (at.last_segment(), trouble.without_request());
                    add(Some(&key.kind), format!("who is eligible for a role on `{name}`: {trouble}"), true);
                }
                Some(Ok(_)) => {}
                None => unlisted |= at.subscription().is_some_and(|id| !other.shows_resources(id)),
            }
        }
        if let Some(workspace) = workspace {
            let id = workspace.subscription();
            let its = id.and_then(|id| observed.subscriptions.get(&id).or_else(|| other.of_workspaces.get(&id)));
            let why = match its.map(|it| &it.reading) {
                Some(Reading::Seen(_)) => None,
                Some(Reading::Unseen(trouble)) => Some(trouble.without_request().to_string()),
                None => Some("its subscription was not read".to_owned()),
            };
            if let Some(why) = why {
                let (name, of) = (workspace.last_segment(), &key.name);
                add(
                    Some(&key.kind),
                    format!("who reads the logs of `{of}` by way of the workspace `{name}`: {why}"),
                    true,
                );
            }
        }
        match other.policies.get(&target.scope) {
            Some(Ok(None)) => {
                add(Some(&key.kind), format!("the access policies of `{}`: the vault is gone", key.name), true);
            }
            Some(Err(trouble)) => {
                let words = format!("the access policies of `{}`: {}", key.name, trouble.without_request());
                add(Some(&key.kind), words, true);
            }
            None if target.impediments.contains(&Impediment::AccessPolicyMode) => {
                add(Some(&key.kind), format!("the access policies of `{}`: not read", key.name), true);
            }
            Some(Ok(Some(_))) | None => {}
        }
    }
    if unlicensed {
        let words = "who is eligible for a role: the tenant has no licence for Privileged Identity Management, so Azure lists \
                     nobody";
        let (owner, environment, kind) = (None, None, None);
        unknown.insert(Unknown { owner, environment, kind, words: words.to_owned(), unread: false });
    }
    if unlisted {
        let words = "who is eligible for a role on a single resource: Azure does not document whether the list of a \
                     subscription shows them, and these lists show none; `--owner` asks each resource";
        let (owner, environment, kind) = (None, None, None);
        unknown.insert(Unknown { owner, environment, kind, words: words.to_owned(), unread: false });
    }
}

fn targets(
    desired: &Desired,
    observed: &Observed,
    chosen: &impl Fn(OwnerCode) -> bool,
    unknown: &mut BTreeSet<Unknown>,
) {
    for (key, sighting) in observed.targets.iter().filter(|(key, _)| chosen(key.owner)) {
        let of = |words: String, unread: bool| Unknown {
            owner: Some(key.owner),
            environment: Some(key.environment.clone()),
            kind: Some(key.kind.clone()),
            words,
            unread,
        };
        let name = &key.name;
        let it = match sighting {
            Sighting::Found(target) => match observed.subscriptions.get(&target.subscription).map(|it| &it.reading) {
                Some(Reading::Seen(_)) => continue,
                Some(Reading::Unseen(trouble)) => {
                    of(format!("who holds what at `{name}`: {}", trouble.without_request()), true)
                }
                None => of(format!("who holds what at `{name}`: its subscription was not read"), true),
            },
            // Said once, of the whole subscription.
            Sighting::Missing(_) if is_absent(desired, observed, key) => continue,
            Sighting::Missing(words) => of(format!("nothing to look at: {words}"), false),
            Sighting::Several(several) => {
                of(format!("which `{name}` is meant: {} resources are called so", several.len()), true)
            }
            // Said once, where nothing could be looked for at all.
            Sighting::Unseen(_) if observed.inventory.is_err() => continue,
            Sighting::Unseen(trouble) => of(format!("who holds what at `{name}`: {}", trouble.without_request()), true),
        };
        unknown.insert(it);
    }
    for (owner, name) in observed.absent.iter().filter(|(owner, _)| chosen(*owner)) {
        let mut environments = desired.environments_of(*owner);
        let its = environments.find(|(_, it)| it.subscription.fill(*owner, &it.azure_name) == *name);
        unknown.insert(Unknown {
            owner: Some(*owner),
            environment: its.map(|(environment, _)| environment.clone()),
            kind: None,
            words: format!("what stands in the subscription `{name}`: our identity does not see it"),
            unread: true,
        });
    }
}

/// Whether the whole subscription where a target should be cannot be seen.
fn is_absent(desired: &Desired, observed: &Observed, key: &TargetKey) -> bool {
    let environment = desired.catalog.environments.get(&key.environment);
    let name = environment.map(|it| it.subscription.fill(key.owner, &it.azure_name));
    name.is_some_and(|name| observed.absent.contains(&(key.owner, name)))
}
