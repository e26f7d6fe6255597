//! One page, in one file: who holds what at whom, what changes, and what is wrong. Nothing is fetched, and nothing can be.
//!
//! `layout` is the page around it (its policy lets in the page's own style and script, by their digests, and nothing else),
//! `matrix` says who holds what, `access` and `lists` show it. Without JavaScript it is a plain page to read and to print; with
//! it, one to search. Text from YAML, Azure and git is cleaned and escaped by `shown`, the one way out.

mod access;
pub(super) mod layout;
pub(super) mod lists;
mod matrix;

use maud::{Markup, html};

use crate::plan::{
    drift::Class,
    outcome::{Done, Outcome},
};

use self::{
    access::owners,
    layout::{Page, page},
    lists::{difference, next, problem_lists},
    matrix::Matrix,
};
use super::{
    Checked, Reporter, View,
    clean::clean,
    closing::{self, Closing},
    count::time,
    facts::Facts,
    problems::{self, Problem},
    words::{Tense, count},
};

/// HTML.
pub(super) struct Html;

/// Text from YAML, Azure or git: it only shows. Whatever else is dangerous in HTML is escaped where it is put in.
pub(super) fn shown(text: &str) -> String {
    clean(text)
}

impl Reporter for Html {
    fn checked(&self, checked: &Checked<'_>) -> String {
        let title = match (checked.mistakes.len(), checked.sizes) {
            (0, Some([owners, people, grants])) => format!(
                "Valid: {}, {}, {}",
                count(owners, "service owner", "service owners"),
                count(people, "person", "people"),
                count(grants, "grant", "grants"),
            ),
            (errors, _) => format!("{} in the files", count(errors, "error", "errors")),
        };
        let body = problem_lists(None, &problems::mistakes(checked.mistakes));
        page(&Page { title: &title, sums: &[], about: checked.tool, people: None, owners: &[], body: &body })
    }

    fn plan(&self, view: &View<'_>) -> String {
        let facts = Facts::new(view);
        let matrix = Matrix::new(&facts, facts.changes(), Tense::Will);
        let notes = problems::other_findings(&facts);
        let mut problems = problems::keeps(&facts);
        problems.extend(before(&facts));
        whole(&facts, &problems, &matrix, &notes, &closing::plan(&facts), &html! {})
    }

    fn drift(&self, view: &View<'_>) -> String {
        let facts = Facts::new(view);
        let classes: Vec<(Class, usize)> =
            Class::ALL.iter().copied().map(|class| (class, facts.of_class(class))).collect();
        let classes: Vec<(Class, usize)> = classes.into_iter().filter(|(_, number)| *number > 0).collect();
        let matrix = Matrix::new(&facts, view.plan.changes.iter(), Tense::Is);
        let notes = problems::findings(&facts, |_| true);
        whole(&facts, &before(&facts), &matrix, &notes, &closing::drift(&facts, &classes), &difference(&classes))
    }

    fn outcomes(&self, view: &View<'_>, outcomes: &[Outcome]) -> String {
        let facts = Facts::new(view);
        let of = |done: bool| {
            let wanted = move |it: &&Outcome| (it.result == Ok(Done::Now)) == done && it.result != Ok(Done::Already);
            outcomes.iter().filter(wanted).map(|it| &it.change)
        };
        let mut matrix = Matrix::new(&facts, of(true), Tense::Did);
        matrix.failed(&facts, of(false));
        let mut problems = before(&facts);
        problems.extend(problems::keeps(&facts));
        problems.extend(problems::outcomes(&facts, outcomes));
        problems.sort_by_key(|problem| problem.kind);
        whole(&facts, &problems, &matrix, &[], &closing::outcomes(&facts, outcomes), &html! {})
    }
}

/// What stands before the owners.
fn before<'a>(facts: &Facts<'a>) -> Vec<Problem<'a>> {
    let mut all = problems::mistakes(facts.view.mistakes);
    all.extend(problems::loud(facts));
    all.extend(problems::refused(facts));
    all.extend(problems::blocked(facts));
    all.extend(problems::deferred(facts));
    all.extend(problems::overrides(facts));
    all
}

fn whole(
    facts: &Facts<'_>,
    problems: &[Problem<'_>],
    matrix: &Matrix<'_>,
    notes: &[Problem<'_>],
    closing: &Closing,
    classes: &Markup,
) -> String {
    let (title, sums) = match closing.sums.as_slice() {
        [title, sums @ ..] => (title.as_str(), sums),
        [] => ("", [].as_slice()),
    };
    let body = html! {
        (next(closing))
        (classes)
        (problem_lists(Some(facts), problems))
        (owners(facts, matrix))
        (problem_lists(Some(facts), notes))
    };
    let about = format!("{}, read from Azure at {}", facts.view.tool, time(facts.view.observed_at));
    page(&Page { title, sums, about: &about, people: Some(matrix.people()), owners: &matrix.links(facts), body: &body })
}
