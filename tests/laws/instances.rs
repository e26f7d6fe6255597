//! Marks of other instances at the targets: counted, never explained by them, and where there are no others nothing is changed.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tilgang::{
    model::{
        assignment::Hand,
        code::Code,
        ids::AssignmentName,
        observed::{Observed, Reading, Sighting},
        policy::Accept,
    },
    plan::{Plan, approve::Refusal, finding::Finding, plan},
};

use crate::laws::{Seed, TODAY, desired, foggy, hands, observed};

/// Others' assignments, each with the description that `mark` gives it.
fn marked(seed: &Seed, mark: impl Fn(usize) -> Option<&'static str>) -> Observed {
    let mut observed = observed(seed);
    for subscription in observed.subscriptions.values_mut() {
        let Reading::Seen(scopes) = &mut subscription.reading else { continue };
        let others = scopes.values_mut().flatten().filter(|standing| standing.hand == Hand::Foreign);
        for (n, standing) in others.enumerate() {
            standing.assignment.description = mark(n).map(Into::into);
        }
    }
    observed
}

/// Marks of two other instances, texts that only look like one, hostile ones among them, and none.
fn some(n: usize) -> Option<&'static str> {
    [
        Some("tilgang/altinn-app ttd test-developer"),
        Some("tilgang/second skd prod-operations TTD-1"),
        Some("tilgang/altinn-app"),
        Some("see tilgang/altinn-app ttd test-developer"),
        Some("tilgang/x],policy:{unmanaged:revoke ttd test-developer"),
        Some("tilgang/ ttd test-developer"),
        Some("tilgang/Altinn-Apps ttd test-developer"),
        None,
    ][n % 8]
}

fn is_mark(text: Option<&str>) -> bool {
    let name = text.and_then(|text| text.strip_prefix("tilgang/")?.split_once(' '));
    name.is_some_and(|(name, rest)| ["altinn-app", "second"].contains(&name) && rest.contains(' '))
}

fn without(plan: &Plan, code: Code) -> Vec<Finding> {
    plan.findings.iter().filter(|finding| finding.code != code).cloned().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn marks_of_others_are_counted_and_stop_what_has_none_of_ours(seed in foggy()) {
        let (desired, observed, bare) = (desired(&seed), marked(&seed, some), marked(&seed, |_| None));
        let mut marked = plan(&desired, &observed, TODAY);
        let unmarked = plan(&desired, &bare, TODAY);
        prop_assert_eq!(&marked.changes, &unmarked.changes);
        prop_assert_eq!(&marked.blocked, &unmarked.blocked);
        let targets: Vec<_> = observed.targets.values().filter_map(|sighting| match sighting {
            Sighting::Found(target) => Some(&target.scope),
            _ => None,
        }).collect();
        let hands = hands(&observed);
        let at_targets = || hands.values().filter(|standing| targets.contains(&&standing.assignment.triple.scope));
        let names: BTreeMap<AssignmentName, bool> =
            at_targets().map(|it| (it.assignment.name, it.hand == Hand::Foreign && is_mark(it.assignment.description.as_deref()))).collect();
        let others = names.values().filter(|is| **is).count();
        let told: Vec<&Finding> =
            marked.findings.iter().filter(|it| it.code == Code::OtherInstance && it.assignment.is_none()).collect();
        let number = |finding: &&Finding| finding.message.split(' ').next().unwrap().parse::<usize>().unwrap();
        prop_assert_eq!(told.iter().map(number).sum::<usize>(), others);
        prop_assert!(told.iter().all(|it| it.message.contains("`altinn-app`") || it.message.contains("`second`")));
        // What bears such a mark is not unmanaged, and who keeps access by it is told with the mark; everything else is as without.
        let is_of_others = |finding: &&Finding| {
            let id = finding.assignment.as_deref().and_then(|id| id.rsplit('/').next()?.parse().ok());
            id.is_some_and(|id: AssignmentName| names.get(&id) == Some(&true))
        };
        let mut left: Vec<Finding> = without(&marked, Code::OtherInstance);
        left.retain(|it| !(is_of_others(&it) && it.code == Code::Keeps));
        let expected: Vec<Finding> = unmarked.findings.iter().filter(|it| {
            !(is_of_others(it) && matches!(it.code, Code::Unmanaged | Code::Orphaned | Code::Keeps))
        }).cloned().collect();
        prop_assert_eq!(left, expected);
        let before = marked.clone();
        let approval = marked.settle(&desired.policy, false);
        // At each owner by itself: that there are some of ours at another one says nothing of this.
        let is_halted = observed.targets.keys().map(|key| key.owner).any(|owner| {
            let its = observed.targets.iter().filter(|(key, _)| key.owner == owner).filter_map(|(_, it)| match it {
                Sighting::Found(target) => Some(&target.scope),
                _ => None,
            });
            let its: Vec<_> = its.collect();
            let there = || at_targets().filter(|it| its.contains(&&it.assignment.triple.scope));
            let is_marked = there().any(|it| names.get(&it.assignment.name) == Some(&true));
            is_marked && !there().any(|it| it.hand == Hand::Ours)
        });
        prop_assert_eq!(marked.halted.is_some(), is_halted);
        if is_halted {
            prop_assert!(approval.approved.changes().is_empty());
            prop_assert!(approval.refused.iter().all(|it| it.refusals().any(Refusal::is_of_run)));
            prop_assert_eq!(approval.refused.len(), marked.changes.len());
            let said = marked.halted.as_ref().unwrap().to_string();
            let names = said.split_once("former_instances: [").and_then(|(_, rest)| Some(rest.split_once(']')?.0));
            let named: Vec<&str> = names.unwrap_or_default().split(", ").collect();
            prop_assert!(said.contains("`altinn-apps`") && !said.contains("policy"), "{}", said);
            prop_assert!(!named.is_empty() && named.iter().all(|it| ["altinn-app", "second"].contains(it)), "{}", said);
        }
        // Accepted, they are known, and nothing stops.
        let mut known = desired.clone();
        let origin = tilgang::model::desired::Origin { file: tilgang::model::desired::FileId(0), path: Box::new([]) };
        let (person, scope, until) = (None, None, None);
        known.policy.accept = vec![Accept { code: Code::OtherInstance, person, scope, reason: "two".to_owned(), until, origin }];
        let mut accepted = before;
        let approval = accepted.settle(&known.policy, false);
        prop_assert_eq!(&accepted.halted, &None);
        prop_assert!(approval.refused.iter().all(|it| !it.refusals().any(Refusal::is_of_run)));
        // A former name makes them ours: no other instance is there any more.
        known.former_instances = ["altinn-app", "second"].map(tilgang::model::owner::InstanceName::new).into();
        let mut renamed = observed.clone();
        for subscription in renamed.subscriptions.values_mut() {
            let Reading::Seen(scopes) = &mut subscription.reading else { continue };
            for standing in scopes.values_mut().flatten() {
                standing.hand = tilgang::model::assignment::hand(&standing.assignment, known.instances());
            }
        }
        let renamed = plan(&known, &renamed, TODAY);
        prop_assert!(renamed.instances.at.values().all(|marks| marks.others.is_empty()));
    }
}
