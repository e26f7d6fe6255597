//! What role definitions permitted, as the ledger knows it.

use crate::ledger::{entry::TargetName, holdings::Replay, parts::split, sight::View};
use crate::model::ids::RoleDefinitionId;

/// It is recorded when it changes, told by a base alone, and in lines of bounded length.
#[test]
fn what_role_definitions_permit_is_recorded_once() {
    let view = |permits: &str| View {
        observed: "2026-11-22T09:00:00Z".parse().unwrap(),
        targets: [(TargetName { owner: "ttd".to_owned(), ..TargetName::default() }, Err("not read".to_owned()))].into(),
        definitions: (0..1_300_u128)
            .map(|n| (RoleDefinitionId(uuid::Uuid::from_u128(n)), (format!("role {n}"), permits.to_owned())))
            .collect(),
        ..View::default()
    };
    let first = Replay::default().difference(&view("a/read; ; ; "));
    let parts = split(first.clone());
    assert!(parts.len() > 1 && parts.iter().map(|part| part.definitions.len()).sum::<usize>() == 1_300);
    let mut replay = Replay::default();
    replay.seen(&first);
    assert!(replay.difference(&view("a/read; ; ; ")).definitions.is_empty(), "what is known is no news");
    assert_eq!(replay.difference(&view("a/write; ; ; ")).definitions.len(), 1_300);
    let mut alone = Replay::default();
    alone.seen(&replay.base(first.observed));
    assert_eq!(alone.definitions(), replay.definitions());
    assert_eq!(alone.definitions().len(), 1_300);
}
