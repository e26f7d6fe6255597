#![allow(clippy::format_push_string, clippy::format_collect, reason = "a generator reads like the text that it makes")]
//! What is true of every edit of every file: nothing else in it moves, and what was put in can be taken out again.

use std::{fs, path::Path};

use proptest::prelude::*;
use tilgang::{
    config::{Loaded, load, load_texts},
    edit::{Change, EditError, Grant, LeftAlone, canonical, changed},
};

const SETTINGS: &str = "version: 1\ntenant: 00000000-0000-0000-0000-0000000000aa\ninstance: altinn-apps\n";
const TODAY: jiff::civil::Date = jiff::civil::date(2026, 11, 22);
const ROLES: [&str; 4] = ["test-developer", "prod-developer", "test-operations", "prod-operations"];

fn read(text: &str) -> Loaded {
    load_texts(&[("tilgang.yaml", SETTINGS), ("owners/ttd.yaml", text)])
}

fn asked(user: &str, roles: &[&str]) -> Grant {
    Grant { user: user.to_owned(), roles: roles.iter().map(ToString::to_string).collect(), ..Grant::default() }
}

fn granted(text: &str, grant: &Grant) -> Result<String, EditError> {
    changed(&read(text), "ttd", &Change::Grant(grant.clone()), TODAY).map(|edited| edited.after)
}

fn revoked(text: &str, user: &str, roles: &[&str]) -> Result<String, EditError> {
    let roles = roles.iter().map(ToString::to_string).collect();
    changed(&read(text), "ttd", &Change::Revoke { user: user.to_owned(), roles }, TODAY).map(|edited| edited.after)
}

/// Persons and how each is written, in one of many spellings.
fn file() -> impl Strategy<Value = (String, Vec<(String, Vec<&'static str>)>)> {
    let comment = || prop::sample::select(vec!["", "", "", " # æøå: {x} [y], - z", "   ", "  #"]);
    let own_line =
        prop::sample::select(vec!["", "\n", "# c\n", "  # c - x\n", "      # deep\n", "    # c\n\n", "\n\n", "   \n"]);
    let role = (prop::sample::subsequence(vec![0, 1, 2, 3], 1..=4), comment(), 0..4_u8, own_line.clone());
    let person = (role, 0..6_u8, any::<bool>(), comment(), own_line.clone(), any::<bool>());
    let end = prop::sample::select(vec![
        "\n",
        "",
        "\n\n\n",
        "\n# end\n",
        "\n  # end",
        "\n    # end\n\n",
        "\n...\n",
        "\nname: T # t\n",
        "\n\n# c\nname: T",
        "\n    # x\n  # y\nname: T",
        "  ",
        " # end",
    ]);
    let shape = (any::<bool>(), 0..3_usize, any::<bool>(), 0..4_u8);
    (prop::collection::vec(person, 0..4), shape, own_line, comment(), end).prop_map(
        |(people, (crlf, indent, start, flow), above, behind, end)| {
            let mut text = String::new();
            let mut expected = Vec::new();
            if start {
                text += "---\n";
            }
            text += "# æøå\nowner: ttd # ø\n";
            text += above;
            let indent = " ".repeat(indent);
            if people.is_empty() {
                let empty = ["[]", "[ ]", " []", "[\n  # nobody\n  ]"][usize::from(flow)];
                text += &format!("users: {empty}{behind}");
            } else if flow == 3 {
                text += "users: [";
                for (n, ((roles, ..), _, quote, _, _, broken)) in people.into_iter().enumerate() {
                    let name = format!("person{n}@ai-dev.no");
                    let roles: Vec<_> = roles.into_iter().map(|at| ROLES[at]).collect();
                    text += if n > 0 { "," } else { "" };
                    text += if broken { " # c, x\n    " } else { " " };
                    let spelt = if quote { format!("'{name}'") } else { name.clone() };
                    text += &format!("{{ user: {spelt}, roles: [{}] }}", roles.join(", "));
                    expected.push((name, roles));
                }
                text += &format!(" ]{behind}");
            } else {
                text += &format!("users:{behind}\n{above}");
                let count = people.len();
                for (n, ((roles, of_role, style, within), flow, quote, behind, below, id)) in people.into_iter().enumerate() {
                    let name = format!("Person{n}@ai-dev.no");
                    let roles: Vec<_> = roles.into_iter().map(|at| ROLES[at]).collect();
                    let spelt = if quote { format!("\"{name}\"") } else { name.clone() };
                    let id = if id { format!("{indent}  id: 00000000-0000-0000-0000-00000000000{}\n{indent}  also_at:\n{indent}  - skd # both\n", n + 1) } else { String::new() };
                    match flow {
                        0 => text += &format!("{indent}- {{ user: {spelt}, roles: [{}] }}{behind}", roles.join(" , ")),
                        1 => {
                            text += &format!("{indent}- user: {spelt}{behind}\n{id}{indent}  roles: [ {}, ]{of_role}", roles.join(", "));
                        }
                        2 => {
                            text += &format!("{indent}- roles: [{}]{behind}\n{id}{indent}  user: {spelt}{of_role}", roles.join(",\n        "));
                        }
                        _ => {
                            text += &format!("{indent}- user: {spelt}{behind}\n{id}{indent}  roles:{of_role}");
                            for (n, role) in roles.iter().enumerate() {
                                text += "\n";
                                if n > 0 {
                                    text += within;
                                }
                                let detail = match style {
                                    0 => format!("- {role}{of_role}"),
                                    1 => format!("-   role: {role}{of_role}\n{indent}        until: 2027-01-31 # x"),
                                    2 => format!("- role: {role}{of_role}\n{indent}      reason: >-\n{indent}       long\n{indent}       tale"),
                                    _ => format!("- reason: 'it''s\n{indent}       so'\n{indent}      role: \"{role}\"{of_role}"),
                                };
                                text += &format!("{indent}    {detail}");
                            }
                        }
                    }
                    expected.push((name, roles));
                    if n + 1 < count {
                        text += "\n";
                        text += below;
                    }
                }
            }
            text += end;
            (if crlf { text.replace('\n', "\r\n") } else { text }, expected)
        },
    )
}

fn ask() -> impl Strategy<Value = Grant> {
    let until = prop::sample::select(vec![None, Some("2027-01-31")]);
    let reason = prop::sample::select(vec![None, Some("on call"), Some("a, b: [c] # \"d\" æ")]);
    let roles = prop::sample::subsequence(ROLES.to_vec(), 1..=3).prop_shuffle();
    (roles, until, reason, any::<bool>()).prop_map(|(roles, until, reason, ticket)| Grant {
        until: until.map(|day| day.parse().unwrap()),
        reason: reason.map(str::to_owned),
        ticket: ticket.then(|| "TTD-123".to_owned()),
        ..asked("new.one@ai-dev.no", &roles)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn who_was_let_in_can_be_taken_out_and_the_file_is_as_it_was((text, people) in file(), grant in ask()) {
        prop_assume!(read(&text).errors.is_empty());
        let with = granted(&text, &grant).unwrap_or_else(|error| panic!("{error}\n{text}"));
        prop_assert_ne!(&with, &text);
        let ends = |text: &str, end: &str| text.matches(end).count();
        prop_assert!(ends(&text, "\r\n") == 0 || ends(&with, "\n") == ends(&with, "\r\n"), "{:?}", with);
        let roles: Vec<_> = grant.roles.iter().map(String::as_str).collect();
        prop_assert_eq!(&revoked(&with, "NEW.one@ai-dev.no", &[]).unwrap(), &text, "{}", with);
        prop_assert_eq!(&revoked(&with, &grant.user, &roles).unwrap(), &text, "{}", with);
        // Every line that stood there still does, but for the one with `[]`, a last one without an end, and brackets.
        for (name, held) in people {
            let others: Vec<_> = ROLES.into_iter().filter(|role| !held.contains(role)).collect();
            if others.is_empty() {
                continue;
            }
            let more = Grant { user: name.to_lowercase(), roles: others.iter().map(ToString::to_string).collect(), ..grant.clone() };
            let with = granted(&text, &more).unwrap_or_else(|error| panic!("{error}\n{text}"));
            let without = revoked(&with, &name, &others);
            prop_assert_eq!(&without.unwrap(), &text, "{}", with);
        }
    }

    #[test]
    fn whoever_goes_nobody_else_does_and_no_comment_outside((text, people) in file(), at in 0..4_usize) {
        prop_assume!(read(&text).errors.is_empty());
        let Some((name, held)) = people.get(at) else { return Ok(()) };
        // That the others keep what they have is proven by each edit itself; an edit that is not possible would be an error.
        let without = revoked(&text, name, &[]).unwrap_or_else(|error| panic!("{error}\n{text}"));
        prop_assert!(read(&without).errors.is_empty());
        prop_assert!(!without.to_lowercase().contains(&name.to_lowercase()));
        for line in text.lines().filter(|line| ["# æøå", "# end"].contains(line)) {
            prop_assert!(without.lines().any(|other| other == line), "{line} went from {text}");
        }
        if held.len() > 1 {
            let one = revoked(&text, name, &held[..1]).unwrap_or_else(|error| panic!("{error}\n{text}"));
            prop_assert!(one.contains(name.as_str()));
        }
    }

    #[test]
    fn what_is_stated_anew_is_stated_and_nothing_else_changes((text, people) in file(), grant in ask(), at in 0..4_usize) {
        prop_assume!(read(&text).errors.is_empty());
        let Some((name, held)) = people.get(at) else { return Ok(()) };
        let more = Grant { user: name.clone(), roles: vec![held[0].to_owned()], ..grant.clone() };
        match granted(&text, &more) {
            Ok(with) => {
                let again = granted(&with, &more);
                prop_assert!(matches!(again, Err(EditError::Held { .. })), "{again:?}");
            }
            Err(EditError::Held { .. }) => prop_assert!(grant.reason.is_none() && grant.ticket.is_none()),
            Err(error) => panic!("{error}\n{text}"),
        }
    }
}

#[test]
fn every_example_is_as_it_was_after_a_grant_and_its_revoke() {
    let mut tried = 0;
    for dir in fs::read_dir("examples")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|dir| dir.join("tilgang.yaml").exists())
    {
        let loaded = load(&dir);
        for owner in loaded.desired.as_ref().unwrap().owners.keys().map(ToString::to_string) {
            let mut people: Vec<_> = ["new.one@ai-dev.no".to_owned()].into();
            people.extend(loaded.desired.iter().flat_map(|d| &d.grants).map(|grant| grant.user.name.to_string()));
            people.sort();
            people.dedup();
            for (user, role) in people.iter().flat_map(|user| ROLES.map(|role| (user, role))) {
                let grant = Grant { reason: Some("a test".into()), ..asked(user, &[role]) };
                let Ok(with) = changed(&loaded, &owner, &Change::Grant(grant), TODAY) else { continue };
                if with.granted.iter().any(|granted| !granted.is_new) {
                    continue; // stated anew: there is no way back
                }
                let text = &with.before;
                let files = loaded
                    .sources
                    .files()
                    .map(|(id, path)| (path, if path == with.path { &with.after } else { loaded.sources.text(id) }));
                let after = load_texts(&files.collect::<Vec<_>>());
                let change = Change::Revoke { user: user.clone(), roles: vec![role.to_owned()] };
                assert_eq!(&changed(&after, &owner, &change, TODAY).unwrap().after, text, "{owner} {user} {role}");
                tried += 1;
            }
        }
    }
    assert!(tried > 30, "{tried}");
    assert!(Path::new("examples/altinn").exists());
}

#[track_caller]
fn check(before: &str, after: Result<String, EditError>, expected: &str) {
    assert_eq!(after.unwrap(), expected, "from\n{before}");
}

#[test]
fn people_are_written_as_their_neighbours_are() {
    let head = "owner: ttd\n";
    for (before, after) in [
        ("users: []\n", "users:\n  - user: new.one@ai-dev.no\n    roles: [test-developer]\n"),
        ("users: [] # nobody", "users: # nobody\n  - user: new.one@ai-dev.no\n    roles: [test-developer]"),
        ("users: [ ]\n", "users: [{ user: new.one@ai-dev.no, roles: [test-developer] } ]\n"),
        (
            "users:\n- user: a@ai-dev.no\n  roles:\n  - test-developer\n",
            "users:\n- user: a@ai-dev.no\n  roles:\n  - test-developer\n- user: new.one@ai-dev.no\n  roles: [test-developer]\n",
        ),
        (
            "users:\n  - { user: a@ai-dev.no, roles: [test-developer] }\n",
            "users:\n  - { user: a@ai-dev.no, roles: [test-developer] }\n  - { user: new.one@ai-dev.no, roles: [test-developer] }\n",
        ),
        (
            "users: [\n  { user: a@ai-dev.no, roles: [] },\n  ]\n",
            "users: [\n  { user: a@ai-dev.no, roles: [] },\n  { user: new.one@ai-dev.no, roles: [test-developer] },\n  ]\n",
        ),
        (
            "users:\n  - user: a@ai-dev.no\n    roles: []\n\n  - user: b@ai-dev.no\n    roles: []\n\n# end\n",
            "users:\n  - user: a@ai-dev.no\n    roles: []\n\n  - user: b@ai-dev.no\n    roles: []\n\n  - user: new.one@ai-dev.no\n    roles: [test-developer]\n\n# end\n",
        ),
    ] {
        let (before, after) = (format!("{head}{before}"), format!("{head}{after}"));
        check(&before, granted(&before, &asked("new.one@ai-dev.no", &["test-developer"])), &after);
    }
}

#[test]
fn roles_are_written_as_their_neighbours_are() {
    let head = "owner: ttd\nusers:\n  - user: a@ai-dev.no # A\n";
    let full = Grant {
        until: Some("2027-01-31".parse().unwrap()),
        reason: Some("on call, at night".into()),
        ticket: Some("2027".into()),
        ..asked("A@ai-dev.no", &["prod-operations"])
    };
    for (before, after) in [
        (
            "    roles: [test-developer] # two\n",
            "    roles: [test-developer, { role: prod-operations, until: 2027-01-31, reason: \"on call, at night\", ticket: \"2027\" }] # two\n",
        ),
        (
            "    roles:\n      - test-developer\n      # that is it\n",
            "    roles:\n      - test-developer\n      - role: prod-operations\n        until: 2027-01-31\n        reason: on call, at night\n        ticket: \"2027\"\n      # that is it\n",
        ),
        (
            "    roles: [prod-operations] # two\n",
            "    roles: [{ role: prod-operations, until: 2027-01-31, reason: \"on call, at night\", ticket: \"2027\" }] # two\n",
        ),
        (
            "    roles:\n      - prod-operations # why\n      - test-developer",
            "    roles:\n      - role: prod-operations # why\n        until: 2027-01-31\n        reason: on call, at night\n        ticket: \"2027\"\n      - test-developer",
        ),
        (
            "    roles:\n      - role: prod-operations\n        ticket: TTD-1 # old\n        until: 2026-12-31 # soon",
            "    roles:\n      - role: prod-operations\n        ticket: \"2027\" # old\n        until: 2027-01-31 # soon\n        reason: on call, at night",
        ),
    ] {
        let (before, after) = (format!("{head}{before}"), format!("{head}{after}"));
        check(&before, granted(&before, &full), &after);
    }
    let with_id = Grant {
        id: Some("00000000-0000-0000-0000-000000000001".parse().unwrap()),
        ..asked("a@ai-dev.no", &["test-developer"])
    };
    let before = format!("{head}    roles: [test-developer]\n");
    let after = format!("{head}    id: 00000000-0000-0000-0000-000000000001\n    roles: [test-developer]\n");
    check(&before, granted(&before, &with_id), &after);
}

#[test]
fn what_goes_takes_its_comments_along_and_no_others() {
    let text = "owner: ttd\nusers:\n  # the team\n  - user: a@ai-dev.no # A\n    roles: [test-developer] # only one\n    # until the summer\n\n  # the others\n  - user: b@ai-dev.no\n    roles:\n      - test-developer # t\n      - prod-developer # p\n\n  - user: c@ai-dev.no\n    roles: [test-developer]\n";
    check(
        text,
        revoked(text, "a@ai-dev.no", &[]),
        "owner: ttd\nusers:\n  # the team\n\n  # the others\n  - user: b@ai-dev.no\n    roles:\n      - test-developer # t\n      - prod-developer # p\n\n  - user: c@ai-dev.no\n    roles: [test-developer]\n",
    );
    check(text, revoked(text, "b@ai-dev.no", &["test-developer"]), &text.replace("      - test-developer # t\n", ""));
    check(text, revoked(text, "c@ai-dev.no", &["test-developer"]), &text[..text.find("\n  - user: c").unwrap()]);
    let change = Change::Revoke { user: "a@ai-dev.no".into(), roles: Vec::new() };
    assert_eq!(changed(&read(text), "ttd", &change, TODAY).unwrap().comments_kept, [3]);
}

#[test]
fn a_list_of_roles_that_was_empty_is_not_known_to_have_been_one() {
    // The one exception to the law: the last role takes the person along.
    let text = "owner: ttd\nusers:\n  - user: a@ai-dev.no\n    roles: []\n";
    let with = granted(text, &asked("a@ai-dev.no", &["test-developer"])).unwrap();
    check(&with, revoked(&with, "a@ai-dev.no", &["test-developer"]), "owner: ttd\nusers: []\n");
}

/// Settings in one of many spellings.
fn settings() -> impl Strategy<Value = String> {
    let parts = vec![
        "version: 1",
        "tenant: '00000000-0000-0000-0000-0000000000aa' # whose",
        "instance: \"altinn-apps\"\n\n\n# former\nformer_instances: [ 'x' , \"y\" ]",
        "owners:\n    ttd: # t\n        contact:   ttd@example.no\n        resources: { prod: {key-vault: [ttd-prod-kv2]}}   # new\n    # of ttd\n    '1103': {}\n    skd:\n        environments:\n        - test # only\n        reviewers: [\"@example/a\",\n          '@example/b']",
        "policy:\n  require: {prod-operations: [ reason , id]}\n\n  # who\n  accept:\n  -   reason: 'it''s: known'\n      # c\n      code: unmanaged\n\n  revokes: {share: \"25%\", max: 20}\n  longest: {prod-operations: '180d', test: \"365d\"}\n  freeze:\n  - {reason: 'all, still', until: 2026-12-31, owner: ttd, what: all} # quiet\n  protected:\n  - {group: 'break: glass'}\n  - id: \"00000000-0000-0000-0000-000000000001\"\n  reviewers: ['@example/platform']\n  block: [ guest ]",
        "ledger:\n    dir: '../ledger' # kept",
        "environments: { test: {title: \"Test\"} , 'at': { production: false, subscription: 'Altinn-{OWNER}-AT', azure_name: at23 } }",
        "roles:\n  reader:\n    may: read, only\n    gives: [{ on: key-vault, name: Key Vault Secrets User, definition: 4633458b-17de-408a-b874-0445c86b69e6 }, { name: Key Vault Reader, on: key-vault, definition: 21090545-7ca7-4776-b22c-e363652d74d2 }]",
        "users: {member_of: { value: '{owner}', attribute: companyName }, domains: [ai-dev.no]} # all",
    ];
    let breaks = prop::collection::vec(
        prop::sample::select(vec!["\n", "\n\n", "\n\n\n# above\n", "\n# a\n\n# b\n", " # behind\n"]),
        9,
    );
    (Just(parts).prop_shuffle(), breaks, any::<bool>()).prop_map(|(parts, breaks, crlf)| {
        let text: String = parts.iter().zip(breaks).map(|(part, end)| format!("{part}{end}")).collect();
        if crlf { text.replace('\n', "\r\n") } else { text }
    })
}

fn in_canonical_form(loaded: &Loaded, path: &str) -> Result<String, LeftAlone> {
    canonical(loaded, path).map(|edited| edited.after)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 150, ..ProptestConfig::default() })]

    // That neither meaning nor comments change is proven by `canonical` for each file; here it is tried whether it ever has to
    // leave a file alone for that reason, and whether what it writes is settled.
    #[test]
    fn an_owners_file_has_one_canonical_form((text, _) in file()) {
        let loaded = read(&text);
        prop_assume!(loaded.errors.is_empty());
        match in_canonical_form(&loaded, "owners/ttd.yaml") {
            Err(left) => prop_assert!(left.why != "something whose meaning could change", "{text}"),
            Ok(form) => {
                let again = read(&form);
                prop_assert!(again.errors.is_empty(), "{form}");
                let (was, is) = (loaded.desired.unwrap().grants, again.desired.as_ref().unwrap().grants.clone());
                let said = |grants: &[tilgang::model::desired::Grant]| -> Vec<_> {
                    grants.iter().map(|g| (g.user.name.clone(), g.user.id, g.role.clone(), g.user.also_at.clone(), g.until, g.reason.clone())).collect()
                };
                prop_assert_eq!(said(&was), said(&is));
                prop_assert_eq!(in_canonical_form(&again, "owners/ttd.yaml"), Ok(form.clone()));
                prop_assert!(!form.contains("\n\n\n") && form.ends_with('\n') && !form.ends_with("\n\n"));
                prop_assert!(form.lines().all(|line| line.trim_end() == line), "{form:?}");
                let sharps = |text: &str| text.matches('#').count();
                prop_assert_eq!(sharps(&text), sharps(&form));
            }
        }
    }

    #[test]
    fn the_settings_have_one_canonical_form(text in settings()) {
        let files = |text: &str| load_texts(&[("tilgang.yaml", text), ("owners/ttd.yaml", "owner: ttd\nusers: []\n")]);
        let loaded = files(&text);
        prop_assert!(loaded.errors.is_empty(), "{text}\n{:#?}", loaded.errors);
        let form = in_canonical_form(&loaded, "tilgang.yaml").unwrap_or_else(|left| panic!("{left:?}\n{text}"));
        prop_assert_eq!(in_canonical_form(&files(&form), "tilgang.yaml"), Ok(form.clone()));
        let first = form.lines().find(|line| !line.is_empty() && !line.starts_with('#'));
        prop_assert!(first.is_some_and(|line| line.starts_with("version: 1")), "{}", form);
        let sharps = |text: &str| text.matches('#').count();
        prop_assert_eq!(sharps(&text), sharps(&form));
    }
}

#[test]
fn an_override_has_a_canonical_form_with_the_meaning_it_had() {
    let settings =
        format!("{SETTINGS}policy: {{ freeze: [{{ what: all, owner: skd, until: 2026-12-31, reason: still }}] }}\n");
    let with = |text: &str, owner: &str| {
        let skd = "owner: skd\nusers: [ ]\n";
        load_texts(&[
            ("tilgang.yaml", &settings),
            ("overrides/a.yaml", text),
            ("owners/skd.yaml", skd),
            ("owners/ttd.yaml", owner),
        ])
    };
    let ttd = "owner: ttd\nusers:   []\n";
    let text = "expiries: {max: 300}\n# why\nreason: 'TTD: moves'\nuntil: 2026-12-01\nowners:\n- ttd # one\nticket: \"OPS-17\"\n";
    let loaded = with(text, ttd);
    assert!(loaded.errors.is_empty(), "{:#?}", loaded.errors);
    let form = "# why\nreason: \"TTD: moves\"\nticket: OPS-17\nuntil: 2026-12-01\nowners:\n  - ttd # one\nexpiries: { max: 300 }\n";
    assert_eq!(in_canonical_form(&loaded, "overrides/a.yaml").as_deref(), Ok(form));
    assert_eq!(in_canonical_form(&with(form, ttd), "overrides/a.yaml").as_deref(), Ok(form));
    // Settings that name another owner are in nobody's way.
    assert_eq!(in_canonical_form(&loaded, "owners/ttd.yaml").as_deref(), Ok("owner: ttd\nusers: []\n"));
    // What is not clear is left alone, not mangled.
    let folded = with(&text.replace("'TTD: moves'", ">\n  TTD moves"), ttd);
    assert!(folded.errors.is_empty(), "{:#?}", folded.errors);
    assert_eq!(in_canonical_form(&folded, "overrides/a.yaml").map_err(|left| left.line), Err(3));
}

#[test]
fn a_longer_time_than_policy_allows_is_not_written() {
    let settings = format!("{SETTINGS}policy: {{ longest: {{ prod: 180d }} }}\n");
    let loaded = load_texts(&[("tilgang.yaml", &settings), ("owners/ttd.yaml", "owner: ttd\nusers: []\n")]);
    let until = |day: &str| {
        let grant =
            Grant { until: Some(day.parse().unwrap()), ..asked("a@ai-dev.no", &["test-developer", "prod-developer"]) };
        changed(&loaded, "ttd", &Change::Grant(grant), TODAY).map(|edited| edited.granted.len())
    };
    assert_eq!(until("2027-05-21").ok(), Some(2));
    let error = until("2027-05-22").unwrap_err();
    assert!(matches!(error, EditError::TooLong { days: 180, .. }), "{error:?}");
    assert_eq!(error.help().as_deref(), Some("state `--until 2027-05-21` or an earlier day"));
}

/// Every workspace that the tests and examples have, as far as its settings can be read.
fn workspaces() -> Vec<Loaded> {
    let folders = ["examples", "tests/cases"].into_iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let loaded = folders.map(|entry| load(&entry.unwrap().path())).filter(|loaded| loaded.desired.is_some());
    let loaded: Vec<_> = loaded.collect();
    assert!(loaded.len() > 40, "{}", loaded.len());
    loaded
}

/// The workspace with this text in the place of that file's.
fn with(loaded: &Loaded, path: &str, text: &str) -> Loaded {
    let files = loaded.sources.files();
    load_texts(
        &files
            .map(|(id, other)| (other, if other == path { text } else { loaded.sources.text(id) }))
            .collect::<Vec<_>>(),
    )
}

/// Everything that is granted, wherever it stands.
fn meaning(loaded: &Loaded) -> Vec<String> {
    let grants = loaded.desired.iter().flat_map(|desired| &desired.grants);
    let said = grants.map(|g| {
        format!(
            "{} {} {:?} {:?} {} {:?} {:?} {:?}",
            g.owner, g.user.name, g.user.id, g.user.also_at, g.role, g.until, g.reason, g.ticket
        )
    });
    said.collect()
}

#[test]
fn every_file_of_every_workspace_has_one_canonical_form_with_its_meaning() {
    let mut tried = 0;
    for loaded in workspaces() {
        let paths: Vec<String> = loaded.sources.files().map(|(_, path)| path.to_owned()).collect();
        for path in paths.iter().filter(|path| loaded.errors.iter().all(|error| error.file() != *path)) {
            let Ok(edited) = canonical(&loaded, path) else { continue };
            let after = with(&loaded, path, &edited.after);
            assert_eq!(meaning(&after), meaning(&loaded), "{path}");
            assert_eq!(canonical(&after, path).unwrap().after, edited.after, "{path}");
            tried += 1;
        }
    }
    assert!(tried > 80, "{tried}");
}

#[test]
fn every_owner_of_every_workspace_is_as_it_was_after_a_grant_and_its_revoke() {
    let mut tried = 0;
    for loaded in workspaces() {
        for owner in loaded.desired.as_ref().unwrap().owners.keys().map(ToString::to_string) {
            let grant = Grant { reason: Some("a test".into()), ..asked("new.one@ai-dev.no", &["test-developer"]) };
            let Ok(edited) = changed(&loaded, &owner, &Change::Grant(grant), TODAY) else { continue };
            let after = with(&loaded, &edited.path, &edited.after);
            let change = Change::Revoke { user: "new.one@ai-dev.no".to_owned(), roles: Vec::new() };
            assert_eq!(changed(&after, &owner, &change, TODAY).unwrap().after, edited.before, "{owner}");
            tried += 1;
        }
    }
    assert!(tried > 40, "{tried}");
}

#[test]
fn every_example_is_in_canonical_form() {
    for dir in fs::read_dir("examples")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|dir| dir.join("tilgang.yaml").exists())
    {
        let loaded = load(&dir);
        for (_, path) in loaded.sources.files() {
            let edited = canonical(&loaded, path).unwrap();
            assert_eq!(edited.after, edited.before, "{} {path}", dir.display());
        }
    }
}
