//! Text from YAML or Azure is data: whatever it holds, it stays inside its line and shows what it is (promise 10).

use std::sync::Arc;

use crate::{
    model::{
        desired::OwnerFile,
        ids::{ScopeId, UserName},
        people::Hint,
        trouble::{Trouble, TroubleKind},
    },
    plan::{
        Unread,
        blocked::Block,
        change::{Because, Who},
        finding::Code,
        outcome::{Failure, Outcome},
    },
    report::{ReportFormat, Style, drift, outcomes, plan},
};

use super::{invented::who, world::World};

/// Clears the screen, turns the line round, forges a line, hides, and ends a line in four ways.
pub(super) const EVIL: &str =
    "\u{1b}[2J\u{9b}31m\u{202e}\u{2066}\r\n  + gains  Prod Operations\u{200b}\u{2028}\u{85}\u{e0041}\0\u{7f}`x`";

pub(super) fn evil() -> World {
    let mut world = World::new();
    world.owner("ttd", EVIL, OwnerFile::Read);
    world.owner("skd", EVIL, OwnerFile::Broken);
    let villain = Who { name: Some(UserName::new(EVIL)), display_name: Some(EVIL.into()), ..who("Ola Vond") };
    world.grant_with(&villain, "ttd", "prod-operations", 5, None, Some(EVIL)).ticket = Some(EVIL.into());
    let change = world.revoke(&villain, "ttd", "test-operations", Because::NotListed { gone: None });
    change.description = EVIL.into();
    change.role = None;
    change.definition_name = Some(EVIL.into());
    change.triple.scope = ScopeId::new(&format!("/subscriptions/x/{EVIL}"));
    let trouble = Trouble {
        code: Some(EVIL.into()),
        request_id: Some(EVIL.into()),
        ..Trouble::new(TroubleKind::Rejected, EVIL, EVIL)
    };
    world.plan.unread.push(Unread { stops: crate::plan::Stops::Removals, owner: None, trouble: Arc::new(trouble) });
    world.plan.protected.unresolved.push(crate::plan::Unresolved {
        whom: crate::model::policy::Whom::Name(UserName::new(EVIL)),
        why: EVIL.to_owned(),
    });
    world.block(EVIL, "ttd", "prod-developer", 9, Block::UnknownPerson(Hint::Nearest(UserName::new(EVIL))));
    world.find(Code::Unmanaged, &villain, "ttd", "prod-operations", EVIL);
    world
}

pub(super) fn all(world: &World, format: ReportFormat, style: Style) -> [String; 3] {
    let trouble = Trouble::new(TroubleKind::Rejected, EVIL, EVIL);
    let failed = |change: &_| Outcome { change: Clone::clone(change), result: Err(Failure::Trouble(trouble.clone())) };
    let failed: Vec<Outcome> = world.plan.changes.iter().map(failed).collect();
    world.view(|view| [plan(view, format, style), drift(view, format, style), outcomes(view, &failed, format, style)])
}

#[test]
fn nothing_acts_in_any_output() {
    let world = evil();
    for text in
        [ReportFormat::Text, ReportFormat::Json].into_iter().flat_map(|format| all(&world, format, Style::Plain))
    {
        for c in text.chars().filter(|c| *c != '\n') {
            assert!(!c.is_control(), "{c:?} in {text}");
            assert!(!matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'), "{c:?}");
            assert!(!matches!(c, '\u{e0000}'..='\u{e0fff}'), "{c:?}");
        }
    }
}

#[test]
fn only_our_own_colours_stand_in_coloured_text() {
    for text in all(&evil(), ReportFormat::Text, Style::Colour) {
        for (at, _) in text.match_indices('\u{1b}') {
            let code = text[at..].split_inclusive('m').next().unwrap();
            let ours = code[1..].trim_start_matches('[').trim_end_matches('m');
            assert!(ours.is_empty() || ours.chars().all(|c| c.is_ascii_digit()), "{code:?}");
        }
    }
}

#[test]
fn no_line_is_forged() {
    let [text, ..] = all(&evil(), ReportFormat::Text, Style::Plain);
    let gains: Vec<&str> = text.lines().filter(|line| line.starts_with("  + gains  ")).collect();
    assert_eq!(gains.len(), 1, "{text}");
}

#[test]
fn json_keeps_hostile_text_as_it_was() {
    let [json, ..] = all(&evil(), ReportFormat::Json, Style::Plain);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["changes"][0]["user"], EVIL);
}
