//! The page around a report: head, style, script, search, the list of owners. Nothing in it comes from anywhere else.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use super::shown;

/// How pages look. Light or dark as the reader's machine says; on paper black on white.
const STYLE: &str = include_str!("style.css");
/// Search, and nothing else.
const SCRIPT: &str = include_str!("filter.js");

/// What differs from page to page.
pub(in crate::report) struct Page<'a> {
    pub title: &'a str,
    /// What else is to be said first.
    pub sums: &'a [String],
    /// What made it, and when.
    pub about: &'a str,
    /// How many people can be searched; `None` for a page without.
    pub people: Option<usize>,
    /// Where to go: the id, what it is called, how many changes there are.
    pub owners: &'a [(String, String, usize)],
    pub body: &'a Markup,
}

/// A whole page.
pub(in crate::report) fn page(page: &Page<'_>) -> String {
    let Page { title, sums, about, people, owners, body } = page;
    let rest = sums.join("; ");
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="color-scheme" content="light dark";
                title { (shown(title)) " – tilgang" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header {
                    div.wide {
                        h1 { (shown(title)) }
                        @if !rest.is_empty() { p.sums { (shown(&rest)) } }
                        p.about { (shown(about)) }
                        @if let Some(people) = people { (search(*people)) }
                    }
                }
                @if owners.len() > 1 {
                    nav.wide aria-label="Service owners" {
                        ul {
                            @for (id, name, changes) in *owners {
                                @let word = if *changes == 1 { "change" } else { "changes" };
                                li data-owner=(id) {
                                    a href={ "#" (id) } {
                                        (shown(name))
                                        @if *changes > 0 {
                                            " " span.badge title=(word) { (changes) span.hush { " " (word) } }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
                main.wide id="main" tabindex="-1" { (body) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    markup.into_string() + "\n"
}

/// Shown by the script, which makes it work.
fn search(people: usize) -> Markup {
    html! {
        form.tools role="search" hidden id="tools" {
            label for="search" { "Search" }
            input type="search" id="search" autocomplete="off" spellcheck="false" placeholder="person, role or owner" aria-keyshortcuts="/" aria-describedby="hint";
            span.hint id="hint" { kbd { "/" } " to search" }
            label.check { input type="checkbox" id="changed"; " Changes only" }
            output id="found" for="search changed" aria-live="polite" data-all=(people) {}
        }
    }
}

/// Nothing is fetched, nothing is sent, and nothing runs but what stands here.
fn policy() -> String {
    let digest = |text: &str| format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)));
    format!(
        "default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
        digest(STYLE),
        digest(SCRIPT)
    )
}
