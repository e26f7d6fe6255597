//! The text of outcomes: who gained and lost, what was so already, what failed in Azure's words, what was held back, and
//! what was not tried any more.

use crate::{
    execute::{Done, Failure, Outcome},
    model::trouble::TroubleKind,
    plan::change::{Action, Change},
};

use super::{
    Style,
    count::{Count, people},
    facts::Facts,
    groups::{self, group},
    page::{Ink, Page},
    text::sections,
    text_sections,
    words::Tense,
};

pub(super) fn outcomes(facts: &Facts<'_>, outcomes: &[Outcome], style: Style) -> String {
    let mut page = Page::new(style);
    let of = |done: Done| outcomes.iter().filter(move |it| it.result == Ok(done)).map(|it| &it.change);
    if !facts.view.is_applying {
        text_sections::loud(&mut page, facts);
    }
    sections(&mut page, facts, &facts.sections(of(Done::Now)), Tense::Did);
    already(&mut page, facts, &of(Done::Already).collect::<Vec<_>>());
    failed(&mut page, facts, outcomes);
    moved(&mut page, facts, outcomes);
    held_back(&mut page, facts, outcomes);
    not_tried(&mut page, facts, outcomes);
    if !facts.view.is_applying {
        text_sections::blocked(&mut page, facts);
        text_sections::refused(&mut page, facts);
    }
    end(&mut page, facts, outcomes);
    page.finish()
}

/// Changes that somebody else had made meanwhile.
fn already(page: &mut Page, facts: &Facts<'_>, changes: &[&Change]) {
    for (revoke, words) in [(false, "there already: somebody was faster"), (true, "gone already: somebody was faster")]
    {
        let changes: Vec<&Change> =
            changes.iter().copied().filter(|change| (change.action == Action::Revoke) == revoke).collect();
        if !changes.is_empty() {
            page.gap();
            text_sections::entry(page, Ink::Mend, "= already", words);
            text_sections::people(page, facts, &groups::changes(facts, &changes, |_| ":"));
        }
    }
}

/// What Azure refused: each of its messages once, with the requests to name to Microsoft.
fn failed(page: &mut Page, facts: &Facts<'_>, outcomes: &[Outcome]) {
    let failed = outcomes.iter().filter(|outcome| matches!(outcome.result, Err(Failure::Trouble(_))));
    for group in group(failed, |outcome| ("failed", azure_said(outcome))) {
        page.gap();
        text_sections::entry(page, Ink::Lose, "! failed", &group.message);
        let changes: Vec<&Change> = group.members.iter().map(|outcome| &outcome.change).collect();
        text_sections::people(page, facts, &groups::changes(facts, &changes, not_done));
        let mut requests: Vec<&str> = group.members.iter().filter_map(|outcome| request_id(outcome)).collect();
        requests.dedup();
        if let Some(first) = requests.first() {
            let more = if requests.len() > 1 { format!(" and {} more", requests.len() - 1) } else { String::new() };
            page.line(text_sections::INDENT, Ink::Faint, &format!("request {first}{more}"));
        }
    }
}

/// What was not tried, because it no longer rests on what the plan saw.
fn moved(page: &mut Page, facts: &Facts<'_>, outcomes: &[Outcome]) {
    let moved = outcomes.iter().filter(|outcome| matches!(outcome.result, Err(Failure::Moved(_))));
    let said = |outcome: &Outcome| match &outcome.result {
        Err(Failure::Moved(moved)) => (moved.code(), moved.to_string()),
        _ => ("", String::new()),
    };
    for group in group(moved, said) {
        page.gap();
        text_sections::entry(page, Ink::Warn, "! moved", &group.message);
        let changes: Vec<&Change> = group.members.iter().map(|outcome| &outcome.change).collect();
        text_sections::people(page, facts, &groups::changes(facts, &changes, not_done));
    }
}

fn not_done(action: Action) -> &'static str {
    match action {
        Action::Grant => " did not gain",
        Action::Adopt => " was not adopted:",
        Action::Update => " was not put right:",
        Action::Revoke => " did not lose",
    }
}

/// Azure's answer without the request's id: many failures share the one, none the other.
fn azure_said(outcome: &Outcome) -> String {
    let Err(Failure::Trouble(trouble)) = &outcome.result else { return String::new() };
    let answer = [trouble.status.map(|status| status.to_string()), trouble.code.clone()];
    let answer = answer.into_iter().flatten().collect::<Vec<_>>().join(" ");
    if answer.is_empty() { trouble.message.clone() } else { format!("{answer}: {}", trouble.message) }
}

fn request_id(outcome: &Outcome) -> Option<&str> {
    match &outcome.result {
        Err(Failure::Trouble(trouble)) => trouble.request_id.as_deref(),
        _ => None,
    }
}

fn held_back(page: &mut Page, facts: &Facts<'_>, outcomes: &[Outcome]) {
    let held_back = outcomes.iter().filter(|outcome| outcome.result == Err(Failure::HeldBack));
    let changes: Vec<&Change> = held_back.map(|outcome| &outcome.change).collect();
    if !changes.is_empty() {
        page.gap();
        let words = "not taken away, because what the same person should gain at the same owner failed";
        text_sections::entry(page, Ink::Warn, "! held back", words);
        text_sections::people(page, facts, &groups::changes(facts, &changes, |_| " keeps"));
    }
}

/// What the end of the run came before.
fn not_tried(page: &mut Page, facts: &Facts<'_>, outcomes: &[Outcome]) {
    let unrecorded = outcomes.iter().find_map(|outcome| match &outcome.result {
        Err(Failure::Unrecorded(why)) => Some(why),
        _ => None,
    });
    let left = outcomes.iter().filter(|it| matches!(it.result, Err(Failure::Unrecorded(_) | Failure::NotTried)));
    let changes: Vec<&Change> = left.map(|outcome| &outcome.change).collect();
    if changes.is_empty() {
        return;
    }
    let words = match unrecorded {
        Some(why) => format!("what is not written down is not done, and the ledger could not be written: {why}"),
        None => "the run was ended before".to_owned(),
    };
    page.gap();
    text_sections::entry(page, Ink::Warn, "! not tried", &words);
    text_sections::people(page, facts, &groups::changes(facts, &changes, not_done));
}

fn end(page: &mut Page, facts: &Facts<'_>, outcomes: &[Outcome]) {
    let number = |wanted: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| wanted(outcome)).count();
    let failed = number(|outcome| matches!(outcome.result, Err(Failure::Trouble(_))));
    let held_back = number(|outcome| outcome.result == Err(Failure::HeldBack));
    let moved = number(|outcome| matches!(outcome.result, Err(Failure::Moved(_))));
    let not_tried = number(|it| matches!(it.result, Err(Failure::Unrecorded(_) | Failure::NotTried)));
    let already = number(|outcome| outcome.result == Ok(Done::Already));
    let done = outcomes.iter().filter(|outcome| outcome.result == Ok(Done::Now)).map(|outcome| &outcome.change);
    let done = people(&done, Tense::Did);
    let count = Count::of(facts);
    page.gap();
    if !facts.view.is_applying {
        text_sections::next(page, facts, &count);
    }
    if moved > 0 {
        page.line(
            0,
            Ink::Plain,
            "What moved is seen by the next plan once Resource Graph and Entra show it: `tilgang plan`.",
        );
    }
    let is_denied = |it: &Outcome| matches!(&it.result, Err(Failure::Trouble(it)) if it.kind == TroubleKind::Denied);
    if outcomes.iter().any(is_denied) {
        page.line(0, Ink::Plain, "`tilgang doctor` shows which rights are missing.");
    }
    if failed + held_back + not_tried > 0 {
        let next = match facts.view.saved {
            // What was done is itself a difference to the saved plan.
            Some(_) => "What is done stays done. For the rest make a new plan: `tilgang plan`.",
            None => "Run `tilgang apply` again: what is done stays done, and the rest is tried again.",
        };
        page.line(0, Ink::Plain, next);
    } else if done.is_some() {
        page.line(0, Ink::Plain, "Azure can take up to ten minutes until a change is felt.");
    }
    let mut words = vec![match done {
        Some(done) => format!("Applied: {done}"),
        None if outcomes.is_empty() => "Nothing was to be done".to_owned(),
        None => "Applied: nothing changed".to_owned(),
    }];
    let rest = [
        (already, "already so"),
        (failed, "failed"),
        (moved, "moved"),
        (held_back, "held back"),
        (not_tried, "not tried"),
    ];
    let rest = rest.into_iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}"));
    let rest = rest.collect::<Vec<_>>().join(", ");
    words.extend(Some(rest).filter(|rest| !rest.is_empty()));
    words.extend(count.rest());
    page.last(&words);
}
