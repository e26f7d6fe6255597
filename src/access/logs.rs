//! Who reads a component's logs by way of the workspace that keeps them: with rights on the workspace, on what lies above it, or on
//! its tables (`model/log_query`). In the mode "resource or workspace" these rights count when somebody queries the workspace, in
//! the other they bind in any case (FACTS_PIM_GROUPS §6).

use std::{collections::BTreeMap, sync::Arc};

use super::{
    By, Level, Opens, Way,
    walk::{Walk, ends, level},
};
use crate::model::{
    ability::Ability,
    ids::PrincipalId,
    log_query,
    observed::{Impediment, Reading, Target, TargetKey},
    permissions::Extent,
};

impl<'a> Walk<'a> {
    /// Adds these ways at one target, if it is a component with a workspace.
    pub(super) fn logs(&mut self, key: &'a TargetKey, target: &'a Target) {
        let Some(can) = Ability::named("read-logs") else { return };
        let Some(workspace) = self.observed.other.workspaces.get(&target.scope) else { return };
        let Some(id) = workspace.subscription() else { return };
        let observed = self.observed;
        let known = observed.subscriptions.get(&id).or_else(|| observed.other.of_workspaces.get(&id));
        let Some(subscription) = known else { return };
        let Reading::Seen(scopes) = &subscription.reading else { return };
        let demands = target.impediments.iter().any(|why| matches!(why, Impediment::WorkspaceDemandsRights(_)));
        let mut readers: Vec<Way<'a>> = Vec::new();
        let mut runners: BTreeMap<PrincipalId, Way<'a>> = BTreeMap::new();
        let held = scopes.values().flatten().map(By::Assignment);
        // What is held comes first: whoever holds the right need not activate it.
        for by in held.chain(observed.other.eligible_at(id).map(By::Eligibility)) {
            let Some(triple) = by.triple() else { continue };
            let Some(from) = level(&triple.scope, workspace, &subscription.name) else { continue };
            let reaches = level(&triple.scope, &target.scope, &subscription.name).is_some();
            let known = self.known(triple.definition);
            if known.is_none() && reaches {
                continue; // said where it reaches the component
            }
            let extent = known.and_then(log_query::reads);
            // A table is a part of the workspace.
            let extent = extent.map(|it| if matches!(from, Level::Within(_)) { Extent::Part } else { it });
            let opens = Opens {
                abilities: extent.map(|it| (can, it)).into_iter().collect(),
                unread: known.is_none(),
                ..Opens::default()
            };
            let way = self.way((key, target), by, from, Arc::new(opens));
            let way = Way { workspace: Some(workspace), ends: ends(by, subscription), ..way };
            let Some(definition) = known else {
                self.give(&way);
                continue;
            };
            if log_query::runs(definition) && !matches!(from, Level::Within(_)) {
                for holder in self.holders_of(&way) {
                    runners.entry(holder).or_insert_with(|| way.clone());
                }
            }
            // Whoever has the logs by the component, too, is named there.
            let is_there =
                reaches && can.given_by(definition).is_some() && (!demands || log_query::is_enough(definition));
            if extent.is_some() && !is_there {
                readers.push(way);
            }
        }
        for way in readers {
            for holder in self.holders_of(&way) {
                match runners.get(&holder) {
                    Some(run) if run.is_eligible() && !way.is_eligible() => {
                        // What is held counts once the right to run a query is activated: that is the way.
                        let run = Way { opens: way.opens.clone(), ..run.clone() };
                        self.give_to(holder, &run);
                    }
                    Some(_) => self.give_to(holder, &way),
                    None => {}
                }
            }
        }
    }
}
