//! Laws of Markdown, read back by a parser of GitHub's dialect: whatever people and Azure write, a report holds our own HTML and no
//! other, no link, picture, mention or reference; its folds close; and it fits.

use proptest::{prelude::*, sample::select};
use pulldown_cmark::{Event, Options, Parser, Tag};

use crate::{
    model::{
        desired::OwnerFile,
        ids::{ScopeId, UserName},
        people::Hint,
        trouble::{Trouble, TroubleKind},
    },
    plan::{
        approve::{Count, Refusal, Refused},
        blocked::Block,
        change::{Because, Stray, Who},
        finding::Code,
        outcome::{Failure, Outcome},
    },
    report::{Fit, ReportFormat, Style, View, drift, outcomes, plan},
};

use super::{golden::check, hostile::evil, invented::who, world::World};

const FITS: [Fit; 3] = [Fit::GithubComment, Fit::AzureDevopsComment, Fit::GithubSummary];
const ROLES: [&str; 4] = ["test-developer", "test-operations", "prod-developer", "prod-operations"];

/// What a report says, in every room; and that it is as it should be.
#[track_caller]
fn sound(world: &World) -> Vec<String> {
    let trouble = Trouble::new(TroubleKind::Rejected, "put", "no");
    let failed = |change: &_| Outcome { change: Clone::clone(change), result: Err(Failure::Trouble(trouble.clone())) };
    let failed: Vec<Outcome> = world.plan.changes.iter().step_by(2).map(failed).collect();
    let mut texts = Vec::new();
    for fit in FITS {
        texts.extend(world.view(|view| {
            let view = View { fit, ..*view };
            let texts = [
                plan(&view, ReportFormat::Markdown, Style::Plain),
                drift(&view, ReportFormat::Markdown, Style::Plain),
                outcomes(&view, &failed, ReportFormat::Markdown, Style::Plain),
            ];
            for text in &texts {
                fits(text, fit);
                reads(text);
            }
            texts
        }));
    }
    texts
}

#[track_caller]
fn fits(text: &str, fit: Fit) {
    let (length, max) = match fit {
        Fit::GithubComment => (text.chars().count(), 65_536),
        Fit::AzureDevopsComment => (text.encode_utf16().count(), 150_000),
        Fit::GithubSummary => (text.len(), 1 << 20),
        Fit::None => return,
    };
    assert!(length < max, "{length} of {max}");
}

/// What GitHub would make of it.
#[track_caller]
fn reads(text: &str) {
    let marker = regex::Regex::new("^<!-- tilgang:(plan|drift|apply) -->\n").unwrap();
    assert!(marker.is_match(text), "{text}");
    assert!(
        !text.lines().any(|line| ["```", "~~~"].iter().any(|fence| line.trim_start().starts_with(fence))),
        "a fence in {text}"
    );
    let summary = regex::Regex::new("^<details><summary>[^<>&@#]*</summary>$").unwrap();
    let acts = regex::Regex::new(r"@|#\d|://|www\.|(?i)gh-\d|\b[0-9a-f]{7,40}\b").unwrap();
    let (mut open, mut level) = (0_i32, 0_i32);
    for event in Parser::new_ext(
        text,
        Options::ENABLE_TABLES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_GFM
            | Options::ENABLE_MATH
            | Options::ENABLE_FOOTNOTES,
    ) {
        match event {
            Event::Html(html) => match html.trim() {
                "</details>" => open -= 1,
                html if html.starts_with("<!-- tilgang:") => {}
                html if summary.is_match(html) => open += 1,
                html => panic!("HTML `{html}` in {text}"),
            },
            Event::Text(words) => assert!(!acts.is_match(&words), "`{words}` acts in {text}"),
            Event::Code(_) | Event::SoftBreak | Event::HardBreak => {}
            Event::Start(tag) => {
                level += 1;
                match tag {
                    Tag::Paragraph
                    | Tag::Heading { .. }
                    | Tag::List(None)
                    | Tag::Item
                    | Tag::Strong
                    | Tag::Emphasis
                    | Tag::HtmlBlock => {}
                    tag => panic!("{tag:?} in {text}"),
                }
            }
            Event::End(_) => level -= 1,
            event => panic!("{event:?} in {text}"),
        }
        assert!((0..=1).contains(&open), "folds in {text}");
    }
    assert_eq!((open, level), (0, 0), "{text}");
}

#[test]
fn nothing_hostile_acts() {
    sound(&evil());
}

/// Pieces of text that act somewhere.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = [
        "@everyone",
        "@kari-fiktiv",
        "#1",
        "GH-1",
        "octo/cat#2",
        "3f2a9c1d",
        "<img src=x onerror=alert(1)>",
        "</details>",
        "<details>",
        "<!--",
        "-->",
        "[x](https://evil.example)",
        "![x](https://evil.example/x.png)",
        "https://evil.example",
        "www.evil.example",
        "`",
        "``",
        "```",
        "~~~",
        "~",
        "|",
        "\n",
        "\n\n",
        "\n# ",
        "\r\n- ",
        "***",
        "__",
        "$x$",
        "$$",
        ":tada:",
        "&lt;b&gt;",
        "&#64;x",
        "\\",
        "a",
        "Kari",
        "ø",
        "李",
        "\u{202e}",
        "\u{200b}",
        "'",
        "\"",
        "(",
        ")",
        ".",
        "1.",
        "=",
        "===",
        "---",
        "> ",
        "[^1]",
        "<https://x>",
        "mailto:x@y.no",
        "!1",
        "{{",
        "%0A",
        "\u{1b}[2J",
    ];
    prop_oneof![
        prop::collection::vec(prop_oneof![4 => select(pieces.to_vec()), 1 => Just(" ")], 0..12)
            .prop_map(|pieces| pieces.concat()),
        ".{0,40}",
        Just("x".repeat(3_000))
    ]
}

/// A view that anybody might bring about.
type Invented = (Vec<(String, String, bool, u8, usize, bool)>, String, String);

fn invented() -> impl Strategy<Value = Invented> {
    let person = (hostile(), hostile(), any::<bool>(), 0..6_u8, 0..4_usize, any::<bool>());
    (prop::collection::vec(person, 0..24), hostile(), hostile())
}

fn world((people, title, reason): &Invented) -> World {
    let mut world = World::new();
    world.owner("ttd", title, OwnerFile::Read);
    for (n, (name, display, named, what, role, in_ttd)) in people.iter().enumerate() {
        let (owner, role) = (if *in_ttd { "ttd" } else { "skd" }, ROLES[*role]);
        let named = Some(UserName::new(name)).filter(|_| *named);
        let villain = Who { name: named, display_name: Some(display.as_str().into()), ..who(&format!("Nr {n}")) };
        match what {
            0 => {
                world.grant_with(&villain, owner, role, 5, Some("2027-01-31"), Some(reason)).ticket =
                    Some(reason.as_str().into());
            }
            1 => {
                let change = world.revoke(&villain, owner, role, Because::NotListed { gone: None });
                change.triple.scope = ScopeId::new(&format!("/subscriptions/x/{name}"));
                change.definition_name = Some(display.as_str().into());
            }
            2 => {
                let change = world.revoke(&villain, owner, role, Because::Stray(Stray::NoRole)).clone();
                world.refused.push(Refused {
                    change,
                    refusal: Refusal::All(Count { count: 4, max: 3 }),
                    also: Vec::new(),
                });
            }
            3 => world.block(name, owner, role, 9, Block::UnknownPerson(Hint::Nearest(UserName::new(display)))),
            4 => world.block(name, owner, role, 9, Block::NotAMember(display.clone())),
            _ => {
                world.find(Code::Unmanaged, &villain, owner, role, reason);
            }
        }
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn whatever_people_write_is_only_read(invented in invented()) {
        sound(&world(&invented));
    }
}

/// Everything at once, in the size of a bad day.
fn two_thousand(owners: usize) -> World {
    let mut world = World::new();
    for owner in 0..owners {
        let code = format!("o{owner}");
        world.owner(&code, &format!("Etat nummer {owner}"), OwnerFile::Read);
        for n in 0..2_000 / owners {
            let person = who(&format!("Person Nummer {}", owner * 2_000 + n));
            let role = ROLES[n % 4];
            if n % 3 == 0 {
                world.revoke(&person, &code, role, Because::NotListed { gone: None });
            } else {
                world.grant_with(&person, &code, role, 5, Some("2027-01-31"), Some("årsoppgjøret"));
            }
        }
    }
    world
}

#[test]
fn two_thousand_changes_fit_everywhere() {
    for owners in [1, 5, 100] {
        let world = two_thousand(owners);
        for text in sound(&world) {
            let cut = text.contains("Not shown, for want of room");
            // Room is not wasted, either.
            let full = [65_536, 150_000, 1 << 20].iter().any(|max| text.chars().count() * 10 > max * 7);
            assert!(!cut || full, "{} of {} owners", text.chars().count(), owners);
        }
        let [comment, ..] = sound(&world).try_into().unwrap_or([const { String::new() }; 9]);
        let left: usize = {
            let words = comment.split("for want of room: ").nth(1).unwrap();
            words.split(' ').next().unwrap().parse().unwrap()
        };
        let shown = comment.matches("person.nummer.").count();
        assert_eq!(shown + left, world.plan.changes.len(), "each is shown or counted");
    }
}

/// Thirty changes over five owners: what a lead reads in a pull request.
#[test]
fn thirty_changes_over_five_owners() {
    let world = thirty();
    check("pull_request.md", &world.view(|view| plan(view, ReportFormat::Markdown, Style::Plain)));
    check("pull_request.txt", &world.view(|view| plan(view, ReportFormat::Text, Style::Plain)));
}

/// Such a pull request.
pub(super) fn thirty() -> World {
    let mut world = World::new();
    for (owner, title) in [
        ("ttd", "Testdepartementet"),
        ("skd", "Skatteetaten"),
        ("brg", "Brønnøysundregistrene"),
        ("nav", "Nav"),
        ("k1103", "Stavanger kommune"),
    ] {
        world.owner(owner, title, OwnerFile::Read);
    }
    let names = ["Siri Prøve", "Kari Fiktiv", "Ola Eksempel", "Anna Tenkt", "Bjørn Dikt", "Eva Oppdiktet"];
    for (o, owner) in ["brg", "k1103", "nav", "skd", "ttd"].into_iter().enumerate() {
        for (n, name) in names.iter().enumerate() {
            let person = who(name);
            let role = ROLES[(n + o) % 4];
            let line = 4 + 3 * u32::try_from(n).unwrap();
            match (n + o) % 5 {
                0 => {
                    world
                        .grant_with(&person, owner, role, line, Some("2027-01-31"), Some("on call for the tax season"))
                        .ticket = Some("TTD-123".into());
                }
                1 | 2 => {
                    world.grant(&person, owner, role, line);
                }
                3 => {
                    world.revoke(&person, owner, role, Because::NotListed { gone: None });
                }
                _ => {
                    world
                        .revoke(
                            &person,
                            owner,
                            role,
                            Because::Ended { on: "2026-11-21".parse().unwrap(), recently: true },
                        )
                        .origins = vec![world.origin(owner, line)];
                }
            }
        }
    }
    let change =
        world.plan.changes.iter().find(|change| change.because == Because::NotListed { gone: None }).unwrap().clone();
    world.refused.push(Refused { change, refusal: Refusal::OwnerInProd(Count { count: 4, max: 3 }), also: Vec::new() });
    world.block(
        "kari.fiktif@ai-dev.no",
        "ttd",
        "test-developer",
        31,
        Block::UnknownPerson(Hint::Nearest(UserName::new("kari.fiktiv@ai-dev.no"))),
    );
    world
}
