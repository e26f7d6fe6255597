//! The page around it: style, script, ways to go, and the policy that lets in nothing else.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use super::{Snapshot, shown, state};

/// How pages look. Light or dark as the reader's machine says; on paper black on white.
const STYLE: &str = include_str!("style.css");
/// Search, and news while the page is open. Without it everything is there, too.
const SCRIPT: &str = include_str!("live.js");

/// A tick, drawn here: a browser that finds no icon asks for one.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='4' fill='%230b5cad'/%3E%3Cpath d='M4 8.5l3 3 5-6' fill='none' stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E";

/// Which way of the navigation is the present one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Overview,
    People,
    Other,
}

/// Nothing is fetched but from here, nothing is sent elsewhere, and nothing runs but what stands here. For the header.
#[must_use]
pub fn policy() -> String {
    let digest = |text: &str| format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)));
    format!(
        "default-src 'none'; style-src {}; script-src {}; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'",
        digest(STYLE),
        digest(SCRIPT)
    )
}

/// A whole page. `title`: what it is about; `head`: what is said first.
pub(super) fn page(snapshot: &Snapshot<'_>, way: Way, title: &str, head: &Markup, body: &Markup) -> String {
    let last = snapshot.runs.back().map_or(0, |run| run.number);
    let content = html! {
        header {
            div.wide {
                div.top {
                    a.brand href="/" { "tilgang" }
                    nav aria-label="Pages" {
                        a href="/" aria-current=[(way == Way::Overview).then_some("page")] { "Overview" }
                        a href="/people" aria-current=[(way == Way::People).then_some("page")] { "People" }
                    }
                    p.live id="live" role="status" data-run=(last) data-words=(shown(&state::sentence(snapshot))) {
                        @if snapshot.outlook.running.is_some() { span.pulse aria-hidden="true" {} "a run is on" }
                    }
                }
                (head)
            }
        }
        main.wide id="main" tabindex="-1" { (body) }
        footer.wide {
            p.about {
                (shown(snapshot.tool)) " watches " (shown(snapshot.source)) " since " (super::when::minute(snapshot.started)) " UTC"
                @if let Some(reader) = snapshot.reader { "; read by " (shown(reader)) }
                ". Nothing on this page changes anything. " a href="/api/state.json" { "The same as JSON" } "."
            }
        }
    };
    whole(title, &content)
}

fn whole(title: &str, content: &Markup) -> String {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="color-scheme" content="light dark";
                link rel="icon" href=(ICON);
                title { (shown(title)) " – tilgang" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                (content)
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    markup.into_string() + "\n"
}

/// Somebody may not read here: says why, and nothing of what is known.
#[must_use]
pub fn unwelcome(title: &str, why: &str) -> String {
    let content = html! {
        header { div.wide { a.brand href="/" { "tilgang" } h1 { (shown(title)) } } }
        main.wide id="main" tabindex="-1" { section { p { (shown(why)) } } }
    };
    whole(title, &content)
}

/// Text in which what stands between backticks is code.
pub(super) fn prose(text: &str) -> Markup {
    let text = shown(text);
    let parts: Vec<&str> = text.split('`').collect();
    html! {
        @for (at, part) in parts.iter().enumerate() {
            @if at % 2 == 1 && at + 1 < parts.len() { code { (part) } } @else { (part) }
        }
    }
}

/// A sign-in name, which may go on in a new line after its `@`; a way to that person's page.
pub(super) fn person(name: &str) -> Markup {
    let text = shown(name);
    let (local, domain) = text.split_once('@').unwrap_or((&text, ""));
    html! {
        a href={ "/people/" (super::encoded(name)) } { (local) @if !domain.is_empty() { "@" wbr; (domain) } }
    }
}

/// Search in what is on the page; shown by the script, which makes it work.
pub(super) fn filter(hint: &str) -> Markup {
    html! {
        form.tools role="search" hidden id="tools" {
            label for="search" { "Search" }
            input type="search" id="search" autocomplete="off" spellcheck="false" placeholder=(hint) aria-keyshortcuts="/";
            span.hint { kbd { "/" } " to search" }
            output id="found" for="search" aria-live="polite" {}
        }
    }
}
