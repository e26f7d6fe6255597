//! Whom earlier versions of owners' files listed: read as the files of today are, from a real repository.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use tilgang::{
    config::{Tip, file_history, load},
    model::{
        desired::Revision,
        file_history::{FileHistory, HistoryGap},
        owner::OwnerCode,
    },
};

fn git(dir: &Path, at: u32, arguments: &[&str]) {
    let date = format!("2026-11-{at:02}T09:00:00Z");
    let mut git = Command::new("git");
    for role in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{role}_NAME"), "Kari Fiktiv").env(format!("GIT_{role}_EMAIL"), "kari.fiktiv@ai-dev.no");
        git.env(format!("GIT_{role}_DATE"), &date);
    }
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    let out = git.arg("-C").arg(dir).args(arguments).output().unwrap();
    assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
}

fn code(text: &str) -> OwnerCode {
    OwnerCode::new(text).unwrap()
}

/// Versions of the file of `ttd`, oldest first: flow style over lines, keys in another order, quotes, comments, a role that nobody
/// knows any more, an error, text that is not YAML, a tombstone, and a name in a comment alone.
const VERSIONS: &[&str] = &[
    "owner: ttd\nusers: [{\n  roles: [prod-operations,\n    test-developer],\n  user: 'flow@ai-dev.no' }]\n",
    "owner: ttd\nusers:\n  - roles:\n      - role: prod-developer\n        until: 2026-01-01\n    # - user: comment@ai-dev.no\n    \
     id: 00000000-0000-0000-0000-000000000007\n    user: \"Late@ai-dev.no\"\n",
    "owner: ttd\nusers:\n  - user: old@ai-dev.no\n    roles: [gone-role]\n    surprise: true\n",
    "owner: ttd\nusers: [\n",
    "owner: ttd\nremoved: true\n",
    "owner: ttd\nusers:\n  - user: now@ai-dev.no\n    roles: [test-developer]\n",
];

/// A repository with the workspace in a folder of its own; the last commit is of the 6th.
fn repository() -> tempfile::TempDir {
    let repository = tempfile::tempdir().unwrap();
    let (top, dir) = (repository.path(), repository.path().join("access"));
    fs::create_dir_all(dir.join("owners")).unwrap();
    let settings = "version: 1\ntenant: 00000000-0000-0000-0000-0000000000aa\ninstance: altinn-apps\n";
    fs::write(dir.join("tilgang.yaml"), settings).unwrap();
    fs::write(dir.join("owners/skd.yaml"), "owner: skd\nusers: []\n").unwrap();
    git(top, 1, &["init", "-q", "-b", "main"]);
    for (at, text) in (1..).zip(VERSIONS) {
        fs::write(dir.join("owners/ttd.yaml"), text).unwrap();
        git(top, at, &["add", "-A"]);
        git(top, at, &["commit", "-q", "-m", "one more"]);
    }
    repository
}

fn told(history: &FileHistory) -> Vec<String> {
    let one = |(entry, replaced): (&tilgang::model::file_history::FormerEntry, &Option<jiff::Timestamp>)| {
        let id = entry.id.map(|id| format!(" {id}")).unwrap_or_default();
        let until = replaced.map_or("now".to_owned(), |at| at.strftime("%d").to_string());
        format!("{}{id} {} {until}", entry.name.folded(), entry.role)
    };
    history.entries.iter().map(one).collect()
}

const LISTED: &[&str] = &[
    "flow@ai-dev.no prod-operations 02",
    "flow@ai-dev.no test-developer 02",
    "late@ai-dev.no 00000000-0000-0000-0000-000000000007 prod-developer 03",
    "now@ai-dev.no test-developer now",
    "old@ai-dev.no gone-role 04",
];

#[test]
fn every_version_is_read_as_the_file_of_today() {
    let repository = repository();
    let dir = repository.path().join("access");
    // What is edited and not committed is not of the past.
    fs::write(dir.join("owners/ttd.yaml"), "owner: ttd\nusers: []\n").unwrap();
    let revision = load(&dir).desired.unwrap().revision;
    let owners = BTreeSet::from([code("ttd"), code("skd"), code("none")]);
    let histories = file_history(&dir, &revision, &owners);
    assert_eq!(told(&histories[&code("ttd")]), LISTED);
    assert!(histories.values().all(|history| history.gaps.is_empty()), "{histories:?}");
    assert!(histories[&code("skd")].entries.is_empty() && histories[&code("none")].entries.is_empty());
    let tip = Tip::of(repository.path().to_owned(), "main", "access/").unwrap();
    assert_eq!(tip.file_history(&owners), histories);
    assert!(file_history(&dir, &Revision::NotInGit, &owners).is_empty());
    let unknown = file_history(&dir, &Revision::Unknown("no git".to_owned()), &owners);
    assert!(unknown.values().all(|it| it.gaps == BTreeSet::from([HistoryGap::Unanswered("no git".to_owned())])));
}

#[test]
fn a_workspace_that_moved_is_followed_to_where_it_was() {
    let repository = repository();
    let top = repository.path();
    // To the top with another text, into a folder that git writes in quotes, and there beside another workspace of the same owner.
    let text = "owner: ttd\n# all is new\nusers: [{ user: moved@ai-dev.no, roles: [prod-developer] }]\n";
    for (at, from, to) in [(7, "access", "."), (8, ".", "Åpen \"tilgang\"")] {
        fs::create_dir_all(top.join(to)).unwrap();
        for name in ["owners", "tilgang.yaml"] {
            git(top, at, &["mv", &format!("{from}/{name}"), &format!("{to}/{name}")]);
        }
        fs::write(top.join(to).join("owners/ttd.yaml"), text).unwrap();
        git(top, at, &["add", "-A"]);
        git(top, at, &["commit", "-q", "-m", "moved"]);
    }
    let dir = top.join("Åpen \"tilgang\"");
    let read = |owner: &str| {
        let revision = load(&dir).desired.unwrap().revision;
        let told = file_history(&dir, &revision, &BTreeSet::from([code(owner)])).remove(&code(owner)).unwrap();
        assert!(told.gaps.is_empty(), "{told:?}");
        told
    };
    let all = |now: &str| {
        let mut all: Vec<String> =
            LISTED.iter().map(|it| it.replace("test-developer now", "test-developer 07")).collect();
        all.push(format!("moved@ai-dev.no prod-developer {now}"));
        all.sort();
        all
    };
    assert_eq!(told(&read("ttd")), all("now"));
    let tip = Tip::of(top.to_owned(), "main", "Åpen \"tilgang\"").unwrap();
    assert_eq!(tip.file_history(&BTreeSet::from([code("ttd")]))[&code("ttd")], read("ttd"));
    // A file that comes while two of its name go is nobody's in particular; one of another owner's name is another's.
    for folder in ["one", "two"] {
        fs::create_dir_all(top.join(folder).join("owners")).unwrap();
        fs::write(top.join(folder).join("owners/nav.yaml"), text.replace("ttd", "nav")).unwrap();
    }
    git(top, 9, &["add", "-A"]);
    git(top, 9, &["commit", "-q", "-m", "two"]);
    git(top, 10, &["rm", "-q", "-r", "one", "two"]);
    for owner in ["nav", "brg"] {
        fs::write(dir.join(format!("owners/{owner}.yaml")), format!("owner: {owner}\nusers: []\n")).unwrap();
    }
    git(top, 10, &["add", "-A"]);
    git(top, 10, &["commit", "-q", "-m", "one"]);
    assert!(read("nav").entries.is_empty() && read("brg").entries.is_empty());
    assert_eq!(told(&read("ttd")), all("now"));
}

#[test]
fn a_clone_that_is_cut_says_so() {
    let repository = repository();
    let from = format!("file://{}", repository.path().display());
    git(repository.path(), 6, &["config", "uploadpack.allowFilter", "true"]);
    let to = tempfile::tempdir().unwrap();
    let owners = BTreeSet::from([code("ttd")]);
    let clone = |name: &str, option: &str| {
        git(to.path(), 6, &["clone", "-q", "-b", "main", option, &from, name]);
        let dir = to.path().join(name).join("access");
        let revision = load(&dir).desired.unwrap().revision;
        file_history(&dir, &revision, &owners).remove(&code("ttd")).unwrap()
    };
    let shallow = clone("shallow", "--depth=4");
    assert_eq!(told(&shallow), &LISTED[3..]);
    let gaps: Vec<String> = shallow.gaps.iter().map(ToString::to_string).collect();
    assert!(matches!(gaps.as_slice(), [gap] if gap.contains("2026-11-03")), "{gaps:?}");
    let filtered = clone("filtered", "--filter=blob:none");
    assert_eq!(told(&filtered), &LISTED[3..4]);
    assert_eq!(filtered.gaps, BTreeSet::from([HistoryGap::Filtered]));
    let whole = clone("whole", "--depth=100");
    assert_eq!((told(&whole).len(), whole.gaps.len()), (LISTED.len(), 0));
}
