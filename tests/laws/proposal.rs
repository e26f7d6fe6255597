//! Owners' files as data: what is written down means what the files mean, and whatever a file of the kind holds, it reaches no further
//! than the owners that it names.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use proptest::prelude::*;
use serde_json::{Value, json};
use tilgang::{
    config::{Loaded, Proposal, load},
    model::desired::{Desired, Grant, OwnerFile},
    simulator::generate::{Options, generate},
};

/// All of a grant but where it stands.
fn meaning(grant: &Grant) -> impl Ord + std::fmt::Debug + use<> {
    let Grant { owner, user, role, until, reason, ticket, origin: _ } = grant;
    let user = (user.name.to_string(), user.id, user.also_at.clone());
    (*owner, user, role.clone(), *until, reason.clone(), ticket.clone())
}

fn desired(loaded: &Loaded) -> &Desired {
    loaded.desired.as_ref().unwrap()
}

/// Read, tombstone, none, or with errors.
fn kind(file: OwnerFile) -> u8 {
    match file {
        OwnerFile::Read(_) => 0,
        OwnerFile::Removed(_) => 1,
        OwnerFile::Missing => 2,
        OwnerFile::Broken(_) => 3,
    }
}

fn check(dir: &Path) {
    let loaded = load(dir);
    let proposal = Proposal::of(&loaded, desired(&loaded), None);
    let read = Proposal::read(proposal.text().as_bytes()).unwrap();
    assert_eq!(read, proposal);
    let (over, lines) = read.over(dir);
    let (was, is) = (desired(&loaded), desired(&over));
    assert!(was.grants.iter().map(meaning).eq(is.grants.iter().map(meaning)), "{}", dir.display());
    for (code, owner) in &was.owners {
        assert_eq!(kind(owner.file), kind(is.file_of(*code)), "{code}");
        let is_broken = matches!(owner.file, OwnerFile::Broken(_)); // and so not read
        assert!(is_broken || owner.title == is.owners[code].title, "{code}");
    }
    for (was, is) in was.grants.iter().zip(&is.grants) {
        for (was, is) in [(&was.origin, &is.origin), (&was.user.origin, &is.user.origin)] {
            let there = lines.place(is, over.sources.place(is));
            let here = loaded.sources.place(was);
            assert_eq!((&there.file, there.line), (&here.file, here.line));
        }
    }
}

/// A folder of its own for a workspace.
fn workspace(files: &[(String, String)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path: PathBuf = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

#[test]
fn what_a_proposal_says_is_what_the_files_say() {
    for folder in ["examples", "tests/cases"] {
        for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
            let dir = entry.unwrap().path();
            if dir.join("tilgang.yaml").exists() && load(&dir).desired.is_some() {
                check(&dir);
            }
        }
    }
    let made = generate(&Options::new(30, 200, 7));
    check(workspace(&made.files).path());
}

const SETTINGS: &str = "version: 1\ntenant: 00000000-0000-0000-0000-0000000000aa\ninstance: x\n";

fn small() -> tempfile::TempDir {
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    workspace(&[
        file("tilgang.yaml", SETTINGS),
        file("owners/ttd.yaml", "owner: ttd\nusers:\n  - user: kari.fiktiv@ai-dev.no\n    roles: [test-developer]\n"),
        file("owners/skd.yaml", "owner: skd\nusers:\n  - user: ola.dikt@ai-dev.no\n    roles: [test-developer]\n"),
    ])
}

/// Words that are right, and words that are made to escape.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => prop::sample::select(vec![
            "test-developer", "prod-operations", "kari.fiktiv@ai-dev.no", "nora.eksempel@ai-dev.no", "2027-01-31", "TTD-1",
        ]).prop_map(str::to_owned),
        1 => "[\\PC\n\t\r\"'#:{}\\[\\]&*!|>%@`\\\\,-]{0,20}",
        1 => prop::sample::select(vec![
            "\"\nowner: skd", "x\"\n  - user: \"mallory@ai-dev.no", "*a", "&a b", "!!str x", "a # b", "\u{85}- user: x", "\u{2028}", "\\x85",
            "\u{202e}", "${{ secrets.X }}",
        ]).prop_map(str::to_owned),
    ]
}

prop_compose! {
    fn role()(role in word(), until in prop::option::of(word()), reason in prop::option::of(word()), ticket in prop::option::of(word()), line in any::<u32>()) -> Value {
        let mut it = json!({ "role": role, "line": line });
        for (key, value) in [("until", until), ("reason", reason), ("ticket", ticket)] {
            if let Some(value) = value {
                it[key] = value.into();
            }
        }
        it
    }
}

prop_compose! {
    fn user()(user in word(), id in prop::option::weighted(0.2, word()), roles in prop::collection::vec(role(), 0..4), line in any::<u32>()) -> Value {
        let mut it = json!({ "user": user, "line": line, "roles": roles });
        if let Some(id) = id {
            it["id"] = id.into();
        }
        it
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_proposal_reaches_past_the_owners_it_names(name in prop::option::of(word()), users in prop::collection::vec(user(), 0..4)) {
        let dir = small();
        let before = load(dir.path());
        let mut owner = json!({ "owner": "ttd", "users": users });
        if let Some(name) = name {
            owner["name"] = name.into();
        }
        let text = json!({ "proposal": 1, "owners": [owner] }).to_string();
        let (over, _) = Proposal::read(text.as_bytes()).unwrap().over(dir.path());
        let (was, is) = (desired(&before), desired(&over));
        let elsewhere = |all: &Desired| all.grants.iter().filter(|it| it.owner.as_str() != "ttd").map(meaning).collect::<Vec<_>>();
        prop_assert_eq!(elsewhere(was), elsewhere(is));
        prop_assert!(was.owners.keys().eq(is.owners.keys()));
        prop_assert_eq!(&was.policy, &is.policy);
        let said: BTreeSet<(String, String)> = users
            .iter()
            .flat_map(|user| {
                let name = user["user"].as_str().unwrap().to_owned();
                user["roles"].as_array().unwrap().iter().map(move |role| (name.clone(), role["role"].as_str().unwrap().to_owned()))
            })
            .collect();
        for grant in is.grants.iter().filter(|it| it.owner.as_str() == "ttd") {
            let one = (grant.user.name.to_string(), grant.role.to_string());
            prop_assert!(said.contains(&one), "{:?} is in no part of {}", one, text);
        }
    }

    #[test]
    fn whatever_it_holds_reading_ends(text in "\\PC{0,80}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Proposal::read(text.as_bytes());
        let _ = Proposal::read(&bytes);
    }
}
