//! Every case of `tests/invalid/` with its exact messages beside it, and what is true of every workspace.
//!
//! A case is a folder (a whole workspace) or a file: `tilgang-….yaml` stands for `tilgang.yaml`, any other for
//! `owners/ttd.yaml`. `BLESS=1 cargo test --test laws config` writes the messages anew; then read them.

use std::{
    collections::BTreeSet,
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use miette::{GraphicalReportHandler, GraphicalTheme};
use proptest::prelude::*;
use tilgang::{
    config::{Loaded, RULES, find_workspace, load, load_texts},
    model::{
        desired::{Grant, OwnerFile, Revision},
        owner::OwnerCode,
        policy::{Required, Unmanaged},
    },
};

const SETTINGS: &str = "version: 1\ntenant: 00000000-0000-0000-0000-0000000000aa\ninstance: altinn-apps\n";
const OWNER: &str = "owner: ttd\nusers: []\n";

/// As a terminal without colour shows it.
fn drawn(loaded: &Loaded) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
    let mut text = String::new();
    for error in &loaded.errors {
        handler.render_report(&mut text, error).unwrap();
        text.push('\n');
    }
    text
}

fn cases() -> Vec<PathBuf> {
    let all = fs::read_dir("tests/invalid").unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = all.filter(|path| path.is_dir() || path.extension().is_some_and(|e| e == "yaml")).collect();
    cases.sort();
    cases
}

fn read(case: &Path) -> Loaded {
    if case.is_dir() {
        return load(case);
    }
    let text = fs::read_to_string(case).unwrap();
    if case.file_name().unwrap().to_str().unwrap().starts_with("tilgang-") {
        load_texts(&[("tilgang.yaml", &text), ("owners/ttd.yaml", OWNER)])
    } else {
        load_texts(&[("tilgang.yaml", SETTINGS), ("owners/ttd.yaml", &text)])
    }
}

#[track_caller]
#[expect(clippy::disallowed_methods, reason = "BLESS is a wish of the person at the keyboard, not a setting")]
fn check(case: &Path) -> Loaded {
    let golden = case.with_extension("stderr");
    let loaded = read(case);
    let drawn = drawn(&loaded);
    assert!(!drawn.is_empty(), "{} has no mistake", case.display());
    if env::var_os("BLESS").is_some() {
        fs::write(&golden, &drawn).unwrap();
    }
    assert_eq!(fs::read_to_string(&golden).unwrap_or_default(), drawn, "{}", case.display());
    loaded
}

#[test]
fn every_mistake_is_told_as_written_down() {
    let mut told = BTreeSet::new();
    for case in cases() {
        told.extend(check(&case).errors.iter().map(|error| error.rule().name));
    }
    let untold: Vec<_> = RULES.iter().map(|rule| rule.name).filter(|name| !told.contains(name)).collect();
    // These need a disk (`what_a_disk_can_hold`), and two a day (`the_longest_time_counts_from_today`, the story `at-two-owners`).
    assert_eq!(untold, ["file-readable", "link-inside", "utf-8", "role-lasts", "at-two-owners"]);
}

fn owner(code: &str) -> OwnerCode {
    OwnerCode::new(code).unwrap()
}

#[track_caller]
fn messages(loaded: &Loaded) -> Vec<String> {
    loaded.errors.iter().map(|e| format!("{} {}: {}", e.file(), e.line().unwrap_or(0), e.message())).collect()
}

/// DESIGN §2, as it stands there, but for what this version refuses.
#[test]
fn the_workspace_of_the_design() {
    let settings = r#"
version: 1
tenant: 00000000-0000-0000-0000-0000000000aa
instance: altinn-apps
former_instances: [apps]
environments:
  test: { title: Test, azure_name: tt02, subscription: "Altinn-{OWNER}-Test" }
users:
  domains: [ai-dev.no, ai-dev.brreg.no]
resources:
  key-vault: { name: "{owner}-{env}-keyvault" }
roles:
  reader:
    gives: [{ on: key-vault, definition: 4633458b-17de-408a-b874-0445c86b69e6, name: Key Vault Secrets User }]
owners:
  ttd:   { resources: { prod: { key-vault: [ttd-prod-kv2] } }, reviewers: ["@example/ttd"], contact: ttd@example.no }
  k1103: { environments: [test] }
policy:
  unmanaged: revoke
  revokes: { max: 30, share: 50% }
  protected: [breakglass@altinn.onmicrosoft.com]
  require: { prod-operations: [reason] }
  accept: [{ code: unmanaged, person: kari.fiktiv@ai-dev.no, reason: known, until: 2027-01-31 }]
"#;
    let ttd = r"
owner: ttd
name: Testdepartementet
users:
  - user: Kari.Fiktiv@ai-dev.no
    id: 11111111-2222-4333-8444-555555555555
    roles: [test-developer, test-reader]
  - user: siri.proeve@ai-dev.brreg.no
    roles:
      - test-operations
      - role: prod-operations
        until: 2027-01-31
        reason: on call for the tax season
        ticket: TTD-123
  - user: ola.dikt@ai-dev.no
    roles: []
";
    let loaded = load_texts(&[
        ("owners/ttd.yaml", ttd),
        ("owners/skd.yaml", "owner: skd\nremoved: true\n"),
        ("owners/brg.yaml", "owner: brg\nusers: [{ user: kari.fiktiv@ai-dev.no, roles: [nothing] }]\n"),
        ("azure.yaml", "\u{2028} not ours to read"),
        ("tilgang.yaml", settings),
    ]);
    assert_eq!(messages(&loaded), ["owners/brg.yaml 2: unknown role `nothing`"]);
    let desired = loaded.desired.as_ref().unwrap();
    assert_eq!(desired.instances().map(ToString::to_string).collect::<Vec<_>>(), ["altinn-apps", "apps"]);
    assert_eq!(desired.revision, Revision::NotInGit);
    assert_eq!(desired.catalog.roles["test-reader"].title, "Test Reader");
    assert_eq!(desired.catalog.roles["test-reader"].may, "act as Key Vault Secrets User");
    assert_eq!(desired.catalog.kinds["key-vault"].tags.len(), 1, "what is not stated keeps its default");
    assert_eq!((desired.policy.revokes.max, desired.policy.revokes.per_owner_max), (30, 5));
    assert_eq!((desired.policy.unmanaged, desired.policy.revokes.share_max_percent), (Unmanaged::Revoke, 50));
    assert!(desired.policy.require["prod-operations"].contains(&Required::Reason));
    assert_eq!(loaded.sources.place(&desired.policy.protected[0].origin).line, 21);

    let files: Vec<_> = desired.owners.iter().map(|(code, owner)| (code.to_string(), owner.file)).collect();
    assert!(matches!(files[0], (ref brg, OwnerFile::Broken(_)) if brg == "brg"));
    assert!(matches!(files[1], (ref k1103, OwnerFile::Missing) if k1103 == "k1103"));
    assert!(matches!(files[2], (ref skd, OwnerFile::Removed(_)) if skd == "skd"));
    assert!(matches!(files[3], (ref ttd, OwnerFile::Read(_)) if ttd == "ttd"));
    assert_eq!(desired.owners[&owner("ttd")].title.as_deref(), Some("Testdepartementet"));
    assert_eq!(desired.owners[&owner("ttd")].resources.values().next().unwrap(), &["ttd-prod-kv2"]);

    let grants: Vec<_> = desired.grants.iter().map(|g| (g.user.name.as_str(), g.role.as_str())).collect();
    assert_eq!(
        grants,
        [
            ("Kari.Fiktiv@ai-dev.no", "test-developer"),
            ("Kari.Fiktiv@ai-dev.no", "test-reader"),
            ("siri.proeve@ai-dev.brreg.no", "test-operations"),
            ("siri.proeve@ai-dev.brreg.no", "prod-operations")
        ]
    );
    let Grant { user, until, reason, ticket, origin, .. } = &desired.grants[3];
    assert_eq!((until.unwrap().to_string().as_str(), ticket.as_deref()), ("2027-01-31", Some("TTD-123")));
    assert_eq!((reason.as_deref(), user.id), (Some("on call for the tax season"), None));
    let place = |origin| {
        let place = loaded.sources.place(origin);
        (place.file, place.line, place.column)
    };
    assert_eq!(place(origin), ("owners/ttd.yaml".to_owned(), 11, 15));
    assert_eq!(place(&user.origin), ("owners/ttd.yaml".to_owned(), 8, 11));
}

#[test]
fn the_longest_time_counts_from_today() {
    let settings = format!("{SETTINGS}policy: {{ longest: {{ prod: 30d, prod-operations: 10d }} }}\n");
    let until = |role, day| format!("      - {{ role: {role}, until: 2027-01-{day} }}\n");
    let roles = [until("prod-operations", 11), until("prod-developer", 31), until("test-developer", 31)].concat();
    let ttd = format!("owner: ttd\nusers:\n  - user: kari.fiktiv@ai-dev.no\n    roles:\n{roles}");
    let loaded = load_texts(&[("tilgang.yaml", &settings), ("owners/ttd.yaml", &ttd)]);
    assert_eq!(messages(&loaded), [""; 0]);
    let on =
        |day| loaded.too_long(jiff::civil::date(2027, 1, day)).iter().map(|e| e.line().unwrap()).collect::<Vec<_>>();
    assert_eq!(on(1), [0_usize; 0]);
    let the_day_before = loaded.too_long(jiff::civil::date(2026, 12, 31));
    assert_eq!(the_day_before.len(), 2, "one day too far each");
    assert_eq!((the_day_before[0].line(), the_day_before[0].rule().name), (Some(5), "role-lasts"));
    assert_eq!(the_day_before[0].help_text(), Some("write `until: 2027-01-10` or an earlier day"));
}

#[test]
fn an_environment_is_in_production_unless_it_is_said_not_to_be() {
    let more = "environments:\n  yt01: { subscription: \"Altinn-{OWNER}-Yt\", production: false }\n  pen: { subscription: \"Altinn-{OWNER}-Pen\" }\n";
    let settings = format!("{SETTINGS}{more}");
    let loaded = load_texts(&[("tilgang.yaml", &settings), ("owners/ttd.yaml", OWNER)]);
    assert_eq!(messages(&loaded), [""; 0]);
    let policy = loaded.desired.unwrap().policy;
    assert_eq!(policy.production.iter().map(ToString::to_string).collect::<Vec<_>>(), ["pen", "prod"]);
}

#[test]
fn numbers_by_role_and_by_environment() {
    let policy = "policy:\n  require: { prod: [ticket], prod-operations: [reason] }\n  longest: { prod-operations: 9d, prod: 99d }\n";
    let loaded = load_texts(&[("tilgang.yaml", &format!("{SETTINGS}{policy}")), ("owners/ttd.yaml", OWNER)]);
    let policy = loaded.desired.unwrap().policy;
    assert_eq!(policy.require["prod-operations"], [Required::Reason, Required::Ticket].into());
    assert_eq!(policy.require["prod-developer"], [Required::Ticket].into());
    assert_eq!((policy.longest["prod-operations"], policy.longest["prod-developer"], policy.longest.len()), (9, 99, 2));
}

#[test]
fn without_the_settings_owners_are_still_read_but_not_believed() {
    let ttd = "owner: ttd\nusers: [{ user: x@foreign.example, roles: [some-role] }]\n";
    for settings in ["instance: [\n", "version: 1\nroles: 3\n"] {
        let loaded = load_texts(&[("tilgang.yaml", settings), ("owners/ttd.yaml", ttd), ("owners/skd.yaml", ttd)]);
        assert!(loaded.desired.is_none());
        let told = messages(&loaded);
        assert!(told.last().unwrap().contains("owners/skd.yaml 1: `owner` says `ttd`") || told.len() > 2, "{told:?}");
        assert!(!told.iter().any(|message| message.contains("role `")), "{told:?}");
    }
}

#[test]
fn two_files_for_one_owner_count_as_none() {
    let people = "owner: ttd\nusers: [{ user: kari.fiktiv@ai-dev.no, roles: [test-developer] }]\n";
    for stray in ["owners/ttd.yml", "owners/TTD.yaml"] {
        let loaded = load_texts(&[("tilgang.yaml", SETTINGS), ("owners/ttd.yaml", people), (stray, OWNER)]);
        assert_eq!(loaded.errors.len(), 1);
        let desired = loaded.desired.unwrap();
        assert!(matches!(desired.file_of(owner("ttd")), OwnerFile::Broken(_)));
        assert!(desired.grants.is_empty());
    }
}

fn write(dir: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn what_a_disk_can_hold() {
    let (outside, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dir = dir.path();
    write(outside.path(), "skd.yaml", "owner: skd\nusers: []\n");
    write(dir, "tilgang.yaml", SETTINGS);
    write(dir, "owners/ttd.yaml", b"owner: ttd\nname: Bl\xe5b\xe6r\nusers: []\n");
    write(dir, ".data/nb.yaml", "owner: nb\nusers: []\n");
    write(dir, "owners/.hidden.yaml", "\0");
    write(dir, "azure.yaml", "\0");
    symlink(outside.path().join("skd.yaml"), dir.join("owners/skd.yaml")).unwrap();
    symlink(dir.join(".data/nb.yaml"), dir.join("owners/nb.yaml")).unwrap();
    symlink("nowhere", dir.join("owners/brg.yaml")).unwrap();
    fs::create_dir(dir.join("owners/mat.yaml")).unwrap();
    let loaded = load(dir);
    let told: Vec<_> = loaded.errors.iter().map(|error| (error.file(), error.rule().name)).collect();
    assert_eq!(
        told,
        [
            ("owners/brg.yaml", "file-readable"),
            ("owners/mat.yaml/", "file-counts"),
            ("owners/skd.yaml", "link-inside"),
            ("owners/ttd.yaml", "utf-8")
        ]
    );
    assert_eq!((loaded.errors[3].line(), loaded.errors[3].column()), (Some(2), Some(9)));
    let desired = loaded.desired.unwrap();
    assert!(matches!(desired.file_of(owner("nb")), OwnerFile::Read(_)), "a link within is a file");
    for code in ["skd", "ttd", "brg"] {
        assert!(matches!(desired.file_of(owner(code)), OwnerFile::Broken(_)), "{code}");
    }
    assert_eq!(find_workspace(&dir.join("owners")), Some(dir.canonicalize().unwrap()));
    assert_eq!(find_workspace(outside.path()), None);

    fs::remove_dir_all(dir.join("owners")).unwrap();
    symlink(outside.path(), dir.join("owners")).unwrap();
    let loaded = load(dir);
    assert!(loaded.desired.is_none());
    assert_eq!(loaded.errors[0].rule().name, "link-inside");
}

fn git(dir: &Path, args: &[&str]) {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=Kari Fiktiv", "-c", "user.email=kari.fiktiv@ai-dev.no", "-c", "commit.gpgsign=false"]);
    let date = "2026-11-01T12:00:00+01:00";
    let done = git.arg("-C").arg(dir).args(args).env("GIT_COMMITTER_DATE", date).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn the_commit_and_what_differs_from_it() {
    let repository = tempfile::tempdir().unwrap();
    let dir = &repository.path().join("access");
    write(dir, "tilgang.yaml", SETTINGS);
    for code in ["brg", "skd", "ttd"] {
        write(dir, &format!("owners/{code}.yaml"), format!("owner: {code}\nusers: []\n"));
    }
    let revision = || load(dir).desired.unwrap().revision;
    assert_eq!(revision(), Revision::NotInGit);
    git(repository.path(), &["init", "-q"]);
    assert!(matches!(revision(), Revision::Unknown(_)), "no commit yet: {:?}", revision());
    git(repository.path(), &["add", "."]);
    git(repository.path(), &["commit", "-qm", "x"]);
    let Revision::Commit { hash, time, edited } = revision() else { panic!("{:?}", revision()) };
    assert_eq!((hash.len(), time.to_string().as_str(), edited.len()), (40, "2026-11-01T11:00:00Z", 0));

    git(dir, &["update-index", "--assume-unchanged", "owners/skd.yaml"]); // a flag that hides changes from `git status`
    write(dir, "owners/skd.yaml", "owner: skd\nusers: [] # edited\n");
    write(dir, "owners/nb.yaml", "owner: nb\nusers: []\n");
    let loaded = load(dir);
    let Revision::Commit { edited, .. } = loaded.desired.unwrap().revision else { panic!() };
    let edited: Vec<_> = edited.iter().map(|file| loaded.sources.path(*file)).collect();
    assert_eq!(edited, ["owners/nb.yaml", "owners/skd.yaml"]);

    fs::write(repository.path().join(".git/HEAD"), "nonsense").unwrap();
    assert!(matches!(revision(), Revision::Unknown(_)));
}

/// A file of people in one of many spellings, and where each role stands in it.
#[derive(Clone, Debug)]
struct Spelling {
    text: String,
    roles: Vec<(String, usize, usize)>,
}

fn spelling() -> impl Strategy<Value = Spelling> {
    let role = (prop::sample::select(vec!["test-developer", "prod-developer", "blåbær", "prod-operations"]), 0..4_u8);
    let person = (any::<bool>(), prop::sample::subsequence(vec![0, 1, 2], 1..=3), prop::collection::vec(role, 0..4));
    (prop::collection::vec(person, 0..5), any::<bool>(), any::<bool>()).prop_map(|(people, crlf, start)| {
        let mut lines = vec![if start { "---".to_owned() } else { "# æøå".to_owned() }];
        lines.push("owner: ttd # ø".to_owned());
        lines.push(if people.is_empty() { "users: []".to_owned() } else { "users:".to_owned() });
        let mut roles = Vec::new();
        for (number, (flow, order, written)) in people.into_iter().enumerate() {
            let column = |line: &str| line.chars().count() + 1;
            lines.push(format!("  - \"user\": ændre{number}@ai-dev.no").replace("ændre", "person"));
            if order.len() > 1 {
                lines.push(format!("    id: 00000000-0000-0000-0000-00000000000{}", number + 1));
            }
            if flow || written.is_empty() {
                let mut line = "    'roles': [ ".to_owned();
                for (name, quote) in written {
                    let (before, word) = spelt(name, quote);
                    line += &before;
                    roles.push((name.to_owned(), lines.len() + 1, column(&line)));
                    line = line + &word + ", ";
                }
                lines.push(line + "]");
            } else {
                lines.push("    roles: # blåbær".to_owned());
                for (name, quote) in written {
                    let (_, word) = spelt(name, quote);
                    let before = if order.contains(&2) { "      - role: " } else { "      - " };
                    roles.push((name.to_owned(), lines.len() + 1, column(before)));
                    lines.push(format!("{before}{word}"));
                }
            }
        }
        Spelling { text: lines.join(if crlf { "\r\n" } else { "\n" }) + "\n", roles }
    })
}

fn spelt(name: &str, quote: u8) -> (String, String) {
    match quote {
        0 => (String::new(), name.to_owned()),
        1 => (" ".to_owned(), format!("'{name}'")),
        2 => ("  ".to_owned(), format!("\"{name}\"")),
        _ => (String::new(), format!("\"{}\"", name.replace('å', "\\u00e5"))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn places_are_exact(Spelling { text, roles } in spelling()) {
        let loaded = load_texts(&[("tilgang.yaml", SETTINGS), ("owners/ttd.yaml", &text)]);
        let unknown: Vec<_> = roles.iter().filter(|(name, ..)| name == "blåbær").collect();
        let told: Vec<_> = loaded.errors.iter().filter(|error| error.rule().name == "known-role").collect();
        prop_assert_eq!(told.len(), unknown.len(), "{}", text);
        for (error, (_, line, column)) in told.iter().zip(unknown) {
            prop_assert_eq!((error.line(), error.column()), (Some(*line), Some(*column)), "{}", text);
        }
        if loaded.errors.is_empty() {
            let desired = loaded.desired.unwrap();
            let places = desired.grants.iter().map(|grant| (grant.role.to_string(), loaded.sources.place(&grant.origin)));
            let places: Vec<_> = places.map(|(role, place)| (role, place.line, place.column)).collect();
            prop_assert_eq!(places, roles, "{}", text);
        }
    }

    #[test]
    fn neither_the_order_of_files_nor_the_case_of_names_matters(
        order in Just(vec!["brg", "skd", "ttd", "ssb"]).prop_shuffle(),
        upper in any::<bool>(),
    ) {
        let read = |codes: &[&str], upper: bool| {
            let name = if upper { "KARI.Fiktiv@AI-dev.no" } else { "kari.fiktiv@ai-dev.no" };
            let file = |code: &&str| {
                let role = if *code == "ssb" { "test-develper" } else { "test-developer" };
                (format!("owners/{code}.yaml"), format!("owner: {code}\nusers: [{{ user: {name}, roles: [{role}] }}]\n"))
            };
            let files: Vec<_> = codes.iter().map(file).chain([("tilgang.yaml".to_owned(), SETTINGS.to_owned())]).collect();
            load_texts(&files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect::<Vec<_>>())
        };
        let (one, other) = (read(&["ttd", "skd", "ssb", "brg"], false), read(&order, upper));
        prop_assert_eq!(drawn(&one).to_lowercase(), drawn(&other).to_lowercase());
        let (one, other) = (one.desired.unwrap(), other.desired.unwrap());
        prop_assert_eq!(one.grants, other.grants);
        prop_assert_eq!(one.owners, other.owners);
    }

    #[test]
    fn no_text_breaks_the_reading(text in "(owner|users|user|roles|ttd|[-:&*!%{}\\[\\],#|>\"' \n\t\r]|\\PC){0,40}") {
        let loaded = load_texts(&[("tilgang.yaml", &text), ("owners/ttd.yaml", &text), ("owners/skd.yaml", OWNER)]);
        drawn(&loaded);
        prop_assert!(!loaded.errors.is_empty());
    }
}

/// What a repository can do to whoever checks it out (hooks, filters, links, submodules) is not done: there is no checkout.
#[test]
fn a_commit_is_read_as_its_files_would_be_and_runs_nothing() {
    let repository = tempfile::tempdir().unwrap();
    let (top, trace) = (repository.path(), repository.path().join("trace"));
    let dir = &top.join("access");
    let kari = "owner: ttd\nname: Æ Ø Å\nusers:\n  - { user: kari.fiktiv@ai-dev.no, roles: [test-developer] }\n";
    let domain = "version: 1\ntenant: 00000000-0000-0000-0000-0000000000aa\ninstance: altinn-apps\nusers: { domains: [ai-dev.no] }\n";
    for (path, text) in
        [("tilgang.yaml", domain), ("owners/ttd.yaml", kari), ("owners/.gitkeep", ""), ("README.md", "x")]
    {
        write(dir, path, text);
    }
    write(top, ".gitattributes", "*.yaml filter=evil diff=evil text eol=crlf\n");
    git(top, &["init", "-q", "-b", "main"]);
    git(top, &["add", "-A"]);
    git(top, &["commit", "-q", "-m", "first"]);
    let evil = format!("sh -c 'touch {}; cat'", trace.display());
    for key in ["filter.evil.smudge", "filter.evil.clean", "diff.evil.textconv", "core.fsmonitor"] {
        git(top, &["config", key, &evil]);
    }
    write(top, ".git/hooks/post-checkout", format!("#!/bin/sh\ntouch {}\n", trace.display()));
    let load_at = |name: &str, folder: &str| {
        let _ = fs::remove_file(&trace); // what git itself ran for this test
        let loaded = tilgang::config::Tip::of(top.to_owned(), name, folder).and_then(|tip| tip.load());
        assert!(!trace.exists(), "something of the repository's was run");
        loaded
    };
    let loaded = load_at("main", "access/").unwrap();
    assert!(loaded.errors.is_empty(), "{}", drawn(&loaded));
    assert_eq!(
        loaded.digest,
        load_texts(&[("tilgang.yaml", domain), ("owners/ttd.yaml", kari), ("owners/.gitkeep", "")]).digest
    );
    let desired = loaded.desired.unwrap();
    let Revision::Commit { hash, edited, .. } = &desired.revision else { panic!("{:?}", desired.revision) };
    assert!(hash.len() == 40 && edited.is_empty());
    assert_eq!(desired.grants.len(), 1);
    assert!(load_at("main", "elsewhere").is_err() && load_at("no-branch", "access").is_err());
    assert!(load_at("--output=x", "access").is_err());
    // Links and whole repositories in place of files are no files; a folder in `owners/` does not count.
    symlink("/etc/passwd", dir.join("owners/skd.yaml")).unwrap();
    write(dir, "owners/deep/brg.yaml", "owner: brg\nusers: []\n");
    git(top, &["-c", "core.fsmonitor=false", "-c", "filter.evil.clean=cat", "add", "-A"]);
    git(
        top,
        &[
            "-c",
            "core.fsmonitor=false",
            "update-index",
            "--add",
            "--cacheinfo",
            &format!("160000,{hash},access/owners/nav.yaml"),
        ],
    );
    git(top, &["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "second"]);
    let loaded = load_at("HEAD", "access").unwrap();
    let text = drawn(&loaded);
    assert!(text.contains("a link") && text.contains("not a file") && text.contains("does not count"), "{text}");
    assert_eq!(loaded.errors.len(), 3, "{text}");
}
