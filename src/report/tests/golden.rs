//! One story a test, its text beside it in `golden/`.

use std::{path::Path, sync::Arc};

use crate::{
    model::{desired::OwnerFile, ids::UserName, people::Hint},
    plan::{
        approve::{Count, Refusal, Refused},
        blocked::Block,
        change::{Action, Because, Gone, Stray, Who},
        finding::Code,
        outcome::{Done, Failure, Outcome},
    },
    report::{ReportFormat, Style, drift, outcomes, plan},
};

use super::{
    invented::{code, id, trouble, who},
    world::World,
};

#[track_caller]
#[expect(clippy::disallowed_methods, reason = "the one switch of the tests in this room")]
pub(super) fn check(name: &str, printed: &str) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report/tests/golden").join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&golden, printed).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&golden).unwrap_or_default(), printed, "{name}");
}

/// A bit of everything.
pub(super) fn everything() -> World {
    let mut world = World::new();
    let siri = Who { name: Some(UserName::new("siri.proeve@ai-dev.brreg.no")), ..who("Siri Prøve") };
    let (kari, ola, per) = (who("Kari Fiktiv"), who("Ola Eksempel"), who("Per Sluttet"));
    world
        .grant_with(&siri, "ttd", "prod-operations", 8, Some("2027-01-31"), Some("on call for the tax season"))
        .ticket = Some("TTD-123".into());
    world.grant(&siri, "skd", "test-developer", 5);
    world.grant(&kari, "ttd", "prod-developer", 12);
    world.grant(&kari, "ttd", "test-developer", 12);
    world.revoke(&kari, "ttd", "prod-operations", Because::NotListed { gone: None });
    world.change(Action::Update, &ola, "ttd", "test-operations", Because::ConditionAdded).origins =
        vec![world.origin("ttd", 20)];
    world.revoke(&per, "skd", "prod-operations", Because::NotListed { gone: Some(Gone::Deleted(None)) });
    world
        .revoke(&per, "skd", "prod-developer", Because::Ended { on: "2026-11-21".parse().unwrap(), recently: true })
        .origins = vec![world.origin("skd", 31)];
    let nobody = Who { id: id("nobody"), name: None, display_name: None, ..who("x") };
    world.revoke(&nobody, "ttd", "prod-operations", Because::Stray(Stray::NoTarget)).role = None;
    let change =
        world.revoke(&who("Eva Oppdiktet"), "skd", "prod-operations", Because::NotListed { gone: None }).clone();
    world.refused.push(Refused { change, refusal: Refusal::OwnerInProd(Count { count: 4, max: 3 }), also: Vec::new() });
    let nearest = |name| Block::UnknownPerson(Hint::Nearest(UserName::new(name)));
    world.block("kari.fiktif@ai-dev.no", "ttd", "test-developer", 14, nearest("kari.fiktiv@ai-dev.no"));
    world.block("kari.fiktif@ai-dev.no", "ttd", "prod-developer", 14, nearest("kari.fiktiv@ai-dev.no"));
    world.block("ola.eksempel@example.no", "skd", "test-developer", 9, Block::UnknownPerson(Hint::Nothing));
    world.block("siri.proeve@ai-dev.brreg.no", "skd", "prod-operations", 6, Block::HeldByPim);
    let unmanaged = "created outside tilgang and not in git: list it in git, or remove it in the portal";
    world.find(Code::Unmanaged, &who("Nils Funnet"), "ttd", "prod-operations", unmanaged);
    world.find(Code::Unmanaged, &who("Grete Funnet"), "ttd", "prod-operations", unmanaged);
    world.find(Code::Unmanaged, &who("Ada Kjent"), "ttd", "prod-operations", unmanaged).accepted = Some("known".into());
    world
}

#[test]
fn a_plan_with_everything() {
    let world = everything();
    check("plan.txt", &world.view(|view| plan(view, ReportFormat::Text, Style::Plain)));
    check("plan.ansi", &world.view(|view| plan(view, ReportFormat::Text, Style::Colour)));
    check("plan.md", &world.view(|view| plan(view, ReportFormat::Markdown, Style::Plain)));
    check("plan.json", &world.view(|view| plan(view, ReportFormat::Json, Style::Plain)));
}

#[test]
fn drift_with_everything() {
    let world = everything();
    check("drift.txt", &world.view(|view| drift(view, ReportFormat::Text, Style::Plain)));
    check("drift.md", &world.view(|view| drift(view, ReportFormat::Markdown, Style::Plain)));
    check("drift.json", &world.view(|view| drift(view, ReportFormat::Json, Style::Plain)));
}

#[test]
fn outcomes_of_everything() {
    let world = everything();
    let mut results: Vec<Outcome> = Vec::new();
    for (index, change) in world.plan.changes.iter().filter(|change| world.refused[0].change != **change).enumerate() {
        let result = match index {
            2 => Err(Failure::Trouble(trouble("create role assignment"))),
            4 => Err(Failure::HeldBack),
            6 => Ok(Done::Already),
            _ => Ok(Done::Now),
        };
        results.push(Outcome { change: change.clone(), result });
    }
    check("outcomes.txt", &world.view(|view| outcomes(view, &results, ReportFormat::Text, Style::Plain)));
    check("outcomes.md", &world.view(|view| outcomes(view, &results, ReportFormat::Markdown, Style::Plain)));
    check("outcomes.json", &world.view(|view| outcomes(view, &results, ReportFormat::Json, Style::Plain)));
}

#[test]
fn what_was_not_read_comes_first() {
    let mut world = World::new();
    world.owner("mat", "Mattilsynet", OwnerFile::Broken);
    world.plan.kept.insert(code("mat"), 3);
    world.errors = 2;
    world.unread("skd", "list role assignments of Altinn-SKD-Prod");
    let unread = Arc::new(trouble("list role assignments of Altinn-SKD-Prod"));
    world.block("kari.fiktiv@ai-dev.no", "skd", "prod-developer", 5, Block::Unread(unread));
    world.grant(&who("Kari Fiktiv"), "ttd", "test-developer", 5);
    check("unread.txt", &world.view(|view| plan(view, ReportFormat::Text, Style::Plain)));
    check("unread.md", &world.view(|view| plan(view, ReportFormat::Markdown, Style::Plain)));
    check("unread.json", &world.view(|view| plan(view, ReportFormat::Json, Style::Plain)));
}

#[test]
fn nothing_to_do_is_said_plainly() {
    let mut world = World::new();
    check("nothing.txt", &world.view(|view| plan(view, ReportFormat::Text, Style::Plain)));
    check("nothing.md", &world.view(|view| plan(view, ReportFormat::Markdown, Style::Plain)));
    check("nothing_drift.txt", &world.view(|view| drift(view, ReportFormat::Text, Style::Plain)));
    check("nothing_outcomes.txt", &world.view(|view| outcomes(view, &[], ReportFormat::Text, Style::Plain)));
    world.plan.unchanged = 0;
    world.block("ola.eksempel@example.no", "skd", "test-developer", 9, Block::UnknownPerson(Hint::Nothing));
    check("only_blocked.txt", &world.view(|view| plan(view, ReportFormat::Text, Style::Plain)));
}
