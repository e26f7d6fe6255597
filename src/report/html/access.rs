//! The owners of a page: what changes there, in sentences, and who may do what, as a table for each environment.

use maud::{Markup, html};

use crate::{
    model::{
        catalog::Environment,
        owner::{EnvironmentName, OwnerCode},
    },
    plan::change::Action,
};

use super::{
    super::{
        count,
        facts::Facts,
        words::{self, Tense},
    },
    lists,
    matrix::{Cell, Matrix, Owner, Row, State, roles},
    shown,
};

/// All owners, the gravest changes first, those without any last.
pub(super) fn owners(facts: &Facts<'_>, matrix: &Matrix<'_>) -> Markup {
    let mut owners: Vec<_> = matrix.owners.iter().collect();
    owners.sort_by_key(|(code, owner)| {
        let gravity = owner.changes.iter().map(|change| facts.gravity(change)).min();
        (gravity.unwrap_or(u8::MAX), !owner.rows.values().any(Row::is_changed), **code)
    });
    html! {
        @for (code, owner) in owners { (one(facts, *code, owner, matrix.tense)) }
        p.none id="none" hidden { "Nothing here is called so." }
    }
}

fn one(facts: &Facts<'_>, code: OwnerCode, owner: &Owner<'_>, tense: Tense) -> Markup {
    let id = format!("owner-{code}");
    let name = words::owner(facts.view, code);
    let sums = count::people(&owner.changes.iter().copied(), tense);
    html! {
        section.owner id=(id) aria-labelledby={ (id) "-name" } data-name=(shown(&name).to_lowercase()) {
            h2 id={ (id) "-name" } {
                (shown(&name))
                @match &sums {
                    Some(sums) => { " " span.sum { (sums) } }
                    None if owner.unread.is_some() => { " " span.sum { "not known" } }
                    None => { " " span.sum.quiet { "no change" } }
                }
            }
            @if let Some(file) = &owner.unread {
                p.unread { "Not known: " code { (shown(file)) } " has errors, so who is listed there was not compared." }
            }
            (lists::changes(facts, &owner.changes, tense))
            @if owner.more > 0 {
                p.about { "People for whom nothing changes are left out here: " (owner.more) "." }
            }
            div.tables {
                @for (name, environment) in facts.view.desired.environments_of(code) {
                    @if owner.unread.is_none() || has_rows(facts, owner, name) { (table(facts, code, owner, name, environment)) }
                }
            }
        }
    }
}

/// Whether anybody has something in an environment.
fn has_rows(facts: &Facts<'_>, owner: &Owner<'_>, name: &EnvironmentName) -> bool {
    let roles = roles(facts, name);
    owner.rows.values().any(|row| roles.iter().any(|(role, ..)| row.cells.contains_key(*role)))
}

/// People × roles in one environment. Who has nothing there is left out.
fn table(
    facts: &Facts<'_>,
    code: OwnerCode,
    owner: &Owner<'_>,
    name: &EnvironmentName,
    environment: &Environment,
) -> Markup {
    let roles = roles(facts, name);
    let has = |row: &&Row| roles.iter().any(|(role, ..)| row.cells.contains_key(*role));
    let rows: Vec<&Row> = owner.rows.values().filter(has).collect();
    let caption = format!("{} at {code}", environment.title);
    let is_production = facts.view.desired.policy.production.contains(name);
    html! {
        @if rows.is_empty() {
            p.nobody { (shown(&caption)) ": nobody" }
        } @else {
            div.scroll role="region" tabindex="0" aria-label=(shown(&caption)) {
                table.prod[is_production] {
                    caption { (shown(&environment.title)) span.hush { " at " (code) } " " span.number { (words::count(rows.len(), "person", "people")) } }
                    thead {
                        tr {
                            th scope="col" { "Person" }
                            @for (_, title, may) in &roles {
                                th scope="col" { (shown(title)) span.may { "may " (shown(may)) } }
                            }
                        }
                    }
                    tbody {
                        @for row in rows {
                            tr.changed[row.is_changed()] {
                                th scope="row" {
                                    @if row.name.is_empty() { (address(&row.sign_in)) }
                                    @else { (shown(&row.name)) " " span.id { (address(&row.sign_in)) } }
                                }
                                @for (role, ..) in &roles { (cell(facts, row.cells.get(*role))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A sign-in name, which may go on in a new line after its `@`.
fn address(text: &str) -> Markup {
    let text = shown(text);
    let (name, domain) = text.split_once('@').unwrap_or((&text, ""));
    html! { (name) @if !domain.is_empty() { "@" wbr; (domain) } }
}

/// A cell: a sign and a word; what it is does not hang on a colour.
fn cell(facts: &Facts<'_>, cell: Option<&Cell>) -> Markup {
    let Some(Cell { state, until, origin }) = cell else {
        return html! { td.no { span aria-hidden="true" { "·" } span.hush { "no" } } };
    };
    let (class, sign, word) = match state {
        State::Listed => ("holds", "✓", "listed"),
        State::Holds => ("holds", "✓", "holds"),
        State::Blocked => ("warn", "!", "blocked"),
        State::BlockedBefore => ("warn", "!", "blocked, as before"),
        State::Before(action) => match action {
            Action::Grant => ("lose", "−", "not granted yet"),
            Action::Revoke => ("warn", "+", "holds, unlisted"),
            Action::Adopt | Action::Update => ("holds", "✓", "holds"),
        },
        State::Refused => ("warn", "✕", "stays: refused"),
        State::Deferred => ("warn", "…", "left for another run"),
        State::Failed => ("warn", "!", "not done"),
        State::Changes(action, tense) => {
            let class = match (action, tense) {
                (Action::Adopt | Action::Update, _) => "mends",
                (Action::Grant, Tense::Is) => "lose",
                (Action::Revoke, Tense::Is) => "warn",
                (Action::Grant, _) => "gain",
                (Action::Revoke, _) => "lose",
            };
            let sign = match words::sign(*action, *tense) {
                '+' => "+",
                '-' => "−",
                _ => "~",
            };
            let word = match (action, tense) {
                (Action::Revoke, Tense::Is) => "holds, unlisted",
                (action, tense) => words::verb(*action, *tense),
            };
            (class, sign, word)
        }
    };
    let place = origin.as_ref().map(|origin| facts.places([origin]));
    html! {
        td class=(class) title=[place.as_deref().map(shown)] {
            span.sign aria-hidden="true" { (sign) } " " span.word { (word) }
            @if let Some(until) = until { span.until { "until " (words::day(*until)) } }
        }
    }
}
