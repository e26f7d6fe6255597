//! The text of outcomes: who gained and lost, what was so already, what failed in Azure's words, what was held back, and
//! what was not tried any more.

use crate::plan::outcome::{Done, Outcome};

use super::{
    Style, closing,
    facts::Facts,
    page::Page,
    problems::{self, Kind},
    text::{ending, sections},
    text_sections,
    words::Tense,
};

pub(super) fn outcomes(facts: &Facts<'_>, outcomes: &[Outcome], style: Style) -> String {
    let mut page = Page::new(style);
    let done = outcomes.iter().filter(|it| it.result == Ok(Done::Now)).map(|it| &it.change);
    if !facts.view.is_applying {
        text_sections::loud(&mut page, facts);
    }
    text_sections::problems(&mut page, facts, &problems::keeps(facts));
    sections(&mut page, facts, &facts.sections(done), Tense::Did);
    let (already, rest): (Vec<_>, Vec<_>) =
        problems::outcomes(facts, outcomes).into_iter().partition(|problem| problem.kind == Kind::Already);
    text_sections::problems(&mut page, facts, &already);
    text_sections::problems(&mut page, facts, &rest);
    if !facts.view.is_applying {
        text_sections::problems(&mut page, facts, &problems::blocked(facts));
        text_sections::problems(&mut page, facts, &problems::refused(facts));
        text_sections::problems(&mut page, facts, &problems::deferred(facts));
    }
    ending(&mut page, &closing::outcomes(facts, outcomes));
    page.finish()
}
