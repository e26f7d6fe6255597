//! How a report ends: what to do next, and the sums in words. The same in every format for people.

use crate::{
    model::trouble::{Trouble, TroubleKind},
    plan::{
        blocked::Block,
        drift::Class,
        outcome::{Done, Failure, Outcome},
        pace,
    },
};

use super::{
    base,
    count::{Count, length, people, time},
    facts::Facts,
    words::Tense,
};

/// The end of a report.
#[derive(Debug)]
pub(super) struct Closing {
    /// What to do, or to know, next.
    pub next: Vec<String>,
    /// The sums, the most important first.
    pub sums: Vec<String>,
}

/// The end of a plan.
pub(super) fn plan(facts: &Facts<'_>) -> Closing {
    let count = Count::of(facts);
    let changes = people(&facts.changes(), Tense::Will);
    let mut next = not_read(facts, &count);
    let base = facts.view.base;
    next.extend(base.and_then(base::before));
    if let Some(seconds) = facts.forecast() {
        let (about, at_once, then) = (length(seconds), pace::AT_ONCE, pace::PER_SECOND);
        next.push(format!(
            "This takes about {about}: Azure takes {at_once} changes in one subscription at once, then {then} a second."
        ));
    }
    if changes.is_some() && !facts.view.is_applying {
        // What carries out a saved plan is said by whoever saved it.
        let by = if facts.view.saved.is_none() && base.is_none() { " `tilgang apply` carries this out." } else { "" };
        next.push(format!("Nothing has been changed.{by}"));
    }
    let plan = match changes {
        Some(changes) if base.is_some() => format!("This change: {changes}"),
        None if base.is_some() => "This change: nothing to change in Azure".to_owned(),
        _ if count.is_converged() => {
            let at = time(facts.view.observed_at);
            format!("Nothing to do: Azure is as git says; {} checked at {at}", count.unchanged_in_words())
        }
        Some(changes) => format!("Plan: {changes}"),
        None => "Plan: nothing to change".to_owned(),
    };
    Closing { next, sums: [vec![count.headline(&plan)], count.rest()].concat() }
}

/// The end of drift; `classes` as `2 missing`.
pub(super) fn drift(facts: &Facts<'_>, classes: &[(Class, usize)]) -> Closing {
    let count = Count::of(facts);
    let checked = format!("checked at {}", time(facts.view.observed_at));
    let words = |differs: bool| {
        let some = classes.iter().filter(|(class, _)| class.differs() == differs);
        some.map(|(class, number)| match (class, count.keeps) {
            (Class::Keeps, 1) => "1 person keeps access".to_owned(),
            (Class::Keeps, people) if people > 0 => format!("{people} people keep access"),
            (class, _) => format!("{number} {}", class.word()),
        })
        .collect::<Vec<_>>()
    };
    let (classes, beside) = (words(true), words(false));
    let mut sums = match classes.as_slice() {
        [] if count.is_converged() => {
            vec![format!("No drift: Azure is as git says; {} {checked}", count.unchanged_in_words())]
        }
        [] => vec![format!("No drift in what could be compared; {checked}")],
        classes => vec![format!("Drift: {}; {checked}", classes.join(", "))],
    };
    sums.extend((!beside.is_empty()).then(|| beside.join(", ")));
    sums.extend(count.rest());
    Closing { next: not_read(facts, &count), sums }
}

/// The end of a run that changed something, or tried.
pub(super) fn outcomes(facts: &Facts<'_>, outcomes: &[Outcome]) -> Closing {
    let number = |wanted: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| wanted(outcome)).count();
    let failed = number(|outcome| matches!(outcome.result, Err(Failure::Trouble(_))));
    let held_back = number(|outcome| outcome.result == Err(Failure::HeldBack));
    let moved = number(|outcome| matches!(outcome.result, Err(Failure::Moved(_))));
    let not_tried = number(|it| matches!(it.result, Err(Failure::Unrecorded(_) | Failure::NotTried)));
    let already = number(|outcome| outcome.result == Ok(Done::Already));
    let done = outcomes.iter().filter(|outcome| outcome.result == Ok(Done::Now)).map(|outcome| &outcome.change);
    let done = people(&done, Tense::Did);
    let count = Count::of(facts);
    let mut next = Vec::new();
    if !facts.view.is_applying {
        next.extend(not_read(facts, &count));
    }
    if moved > 0 {
        let words = "What moved is seen by the next plan once Resource Graph and Entra show it: `tilgang plan`.";
        next.push(words.to_owned());
    }
    let troubles = outcomes.iter().filter_map(|outcome| match &outcome.result {
        Err(Failure::Trouble(trouble)) => Some(trouble),
        _ => None,
    });
    next.extend(where_to_look(troubles.filter(|trouble| trouble.kind == TroubleKind::Denied)));
    if failed + held_back + not_tried > 0 {
        let words = match facts.view.saved {
            // What was done is itself a difference to the saved plan.
            Some(_) => "What is done stays done. For the rest make a new plan: `tilgang plan`.",
            None => "Run `tilgang apply` again: what is done stays done, and the rest is tried again.",
        };
        next.push(words.to_owned());
    } else if done.is_some() {
        next.push("Azure can take up to ten minutes until a change is felt.".to_owned());
    }
    let applied = match done {
        Some(done) => format!("Applied: {done}"),
        None if outcomes.is_empty() && count.deferred > 0 => "Nothing to do in this run".to_owned(),
        None if outcomes.is_empty() => "Nothing was to be done".to_owned(),
        None => "Applied: nothing changed".to_owned(),
    };
    let mut sums = vec![count.headline(&applied)];
    let rest = [
        (already, "already so"),
        (failed, "failed"),
        (moved, "moved"),
        (held_back, "held back"),
        (not_tried, "not tried"),
    ];
    let rest = rest.into_iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}"));
    let rest = rest.collect::<Vec<_>>().join(", ");
    sums.extend(Some(rest).filter(|rest| !rest.is_empty()));
    sums.extend(count.rest());
    Closing { next, sums }
}

/// What to run next, where something was not read.
fn not_read(facts: &Facts<'_>, count: &Count) -> Vec<String> {
    let mut next = Vec::new();
    if count.errors + count.left_out > 0 {
        next.push("`tilgang validate` shows every error in the files.".to_owned());
    }
    let may_not = |trouble: &Trouble| matches!(trouble.kind, TroubleKind::Denied | TroubleKind::SignIn);
    let plan = facts.view.plan;
    let unanswered = plan.blocked.iter().filter_map(|blocked| match &blocked.block {
        Block::PersonUnanswered(trouble) | Block::Unread(trouble) => Some(trouble),
        _ => None,
    });
    let unread = plan.unread.iter().map(|unread| &*unread.trouble).chain(unanswered.map(|trouble| &**trouble));
    next.extend(where_to_look(unread.filter(|trouble| may_not(trouble))));
    next
}

/// Who finds out more about what our identity may not do. Against a deny assignment no role helps, and Azure has named it.
fn where_to_look<'a>(refused: impl Iterator<Item = &'a Trouble>) -> Vec<String> {
    let (by_denial, by_roles): (Vec<_>, Vec<_>) = refused.partition(|trouble| trouble.is_by_deny_assignment());
    let mut next = Vec::new();
    if !by_roles.is_empty() {
        next.push("`tilgang doctor` shows which rights are missing.".to_owned());
    }
    if !by_denial.is_empty() {
        let words = "A deny assignment forbids it, and no role helps against that: whoever manages it has to exclude \
                     tilgang's identity. Azure's answer has its name.";
        next.push(words.to_owned());
    }
    next
}
