//! The lists of a page: what is wrong, what helps, what changes in sentences, what comes next.

use maud::{Markup, html};

use crate::plan::{
    change::{Action, Change},
    drift::Class,
};

use super::{
    super::{
        closing::Closing,
        facts::{Facts, Item, items},
        groups::Affected,
        problems::{Kind, Problem},
        words::{self, Tense},
    },
    shown,
};

/// What to do next.
pub(super) fn next(closing: &Closing) -> Markup {
    html! {
        @if !closing.next.is_empty() {
            ul.next { @for line in &closing.next { li { (prose(line)) } } }
        }
    }
}

/// The classes of drift, with what they mean.
pub(super) fn difference(classes: &[(Class, usize)]) -> Markup {
    html! {
        @if !classes.is_empty() {
            dl.classes {
                @for (class, number) in classes {
                    div {
                        dt { (class.word()) " " span.number { (number) } }
                        dd { (prose(class.meaning())) ". " (prose(class.remedy())) "." }
                    }
                }
            }
        }
    }
}

/// Text in which what stands between backticks is code.
pub(in crate::report) fn prose(text: &str) -> Markup {
    let text = shown(text);
    let parts: Vec<&str> = text.split('`').collect();
    html! {
        @for (at, part) in parts.iter().enumerate() {
            @if at % 2 == 1 && at + 1 < parts.len() { code { (part) } } @else { (part) }
        }
    }
}

/// A list for each kind of problem. Without facts none of them may be about people.
pub(super) fn problem_lists(facts: Option<&Facts<'_>>, problems: &[Problem<'_>]) -> Markup {
    html! {
        @for alike in problems.chunk_by(|a, b| a.kind == b.kind) {
            @if let Some(first) = alike.first() {
                section.problems.(class(first.kind)) {
                    h2 { (title(first.kind)) " " span.number { (alike.iter().map(|it| it.affected.len().max(1)).sum::<usize>()) } }
                    ul { @for problem in alike { (one(facts, problem)) } }
                }
            }
        }
    }
}

fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Mistake
        | Kind::NotRead
        | Kind::Attention
        | Kind::Keeps
        | Kind::Failed
        | Kind::Refused
        | Kind::Blocked
        | Kind::Expired => "grave",
        Kind::LeftOut | Kind::Moved | Kind::HeldBack | Kind::NotTried | Kind::Override => "heed",
        Kind::Already | Kind::Finding | Kind::Deferred => "note",
    }
}

/// The heading over problems of a kind.
fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Mistake => "Errors in the files",
        Kind::NotRead => "Could not be read",
        Kind::LeftOut => "Left out",
        Kind::Attention => "Attention",
        Kind::Keeps => "Out of git, and keeps access",
        Kind::Failed => "Failed",
        Kind::Refused => "Refused by policy",
        Kind::Blocked => "Blocked",
        Kind::Moved => "Moved meanwhile",
        Kind::HeldBack => "Held back",
        Kind::NotTried => "Not tried",
        Kind::Expired => "Expired, and not removed",
        Kind::Deferred => "Left for another run",
        Kind::Override => "Beyond the limits, by an override",
        Kind::Already => "Was so already",
        Kind::Finding => "Findings",
    }
}

fn one(facts: Option<&Facts<'_>>, problem: &Problem<'_>) -> Markup {
    let Problem { kind, code, message, more, affected, place, .. } = problem;
    let same = affected.windows(2).all(|pair| matches!(pair, [a, b] if a.help == b.help));
    let help = affected.first().and_then(|one| one.help.as_deref()).filter(|_| same);
    let place = place.as_ref().filter(|_| *kind == Kind::Mistake).map(|place| format!("{}:{}", place.file, place.line));
    html! {
        li {
            p.said {
                @if let Some(place) = &place { code.place { (shown(place)) } " " }
                strong { (prose(message)) } " " code.rule { (code) }
            }
            @for line in more { p { (prose(line)) } }
            @if let Some(facts) = facts {
                @if !affected.is_empty() {
                    ul.whom { @for one in affected { (whom(facts, one, !same)) } }
                }
            }
            @if let Some(help) = help { p.help { "How to fix it: " (prose(help)) } }
        }
    }
}

fn whom(facts: &Facts<'_>, one: &Affected<'_>, with_help: bool) -> Markup {
    let place = facts.places(one.origins.iter().copied());
    html! {
        li data-entry {
            (prose(&one.words(facts)))
            @if !place.is_empty() { " " code.place { (shown(&place)) } }
            @if let Some(help) = one.help.as_deref().filter(|_| with_help) { br; span.help { "How to fix it: " (prose(help)) } }
        }
    }
}

/// What changes at an owner: a sentence for each decision, the gravest first.
pub(super) fn changes(facts: &Facts<'_>, changes: &[&Change], tense: Tense) -> Markup {
    let mut items = items(changes.iter().copied());
    items.sort_by_key(|item| {
        let gravity = item.changes.iter().map(|change| facts.gravity(change)).min();
        (gravity, words::sorted_by(item.who))
    });
    html! {
        @if !items.is_empty() {
            ul.changes { @for item in &items { (sentence(facts, item, tense)) } }
        }
    }
}

fn sentence(facts: &Facts<'_>, item: &Item<'_>, tense: Tense) -> Markup {
    let (name, rest) = words::person(item.who);
    let (class, sign) = match (item.action, words::sign(item.action, tense)) {
        (Action::Adopt | Action::Update, _) => ("mends", "~"),
        (_, '+') if tense == Tense::Is => ("warn", "+"),
        (_, '+') => ("gain", "+"),
        _ => ("lose", "−"),
    };
    let role = item.role.map(|role| words::role(facts.view, role));
    let (place, reason) = (words::place(facts, item), words::reason(facts, item));
    html! {
        li class=(class) data-entry {
            span.sign aria-hidden="true" { (sign) }
            div {
                p {
                    strong { (shown(&name)) } " " (words::verb(item.action, tense))
                    @if matches!(item.action, Action::Adopt | Action::Update) { ":" }
                    @if let Some(role) = &role { " " strong { (shown(role)) } }
                    @if let Some(until) = words::until(item) { " until " (words::day(until)) }
                    @if role.is_some() { ": " } @else { " " }
                    (prose(&words::effect(facts.view, item, tense)))
                }
                p.below {
                    @if !rest.is_empty() { span.id { (shown(&rest)) } }
                    @if !place.is_empty() { code.place { (shown(&place)) } }
                    @if !reason.is_empty() { span { (prose(&reason)) } }
                }
            }
        }
    }
}
