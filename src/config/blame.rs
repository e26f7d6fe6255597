//! Who wrote a line, and when. Asks the `git` program; never changes anything.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use jiff::Timestamp;

use super::git::{READING_MAX, Repo, ended, git, git_bytes, is_shallow, reading, why_not};
use crate::model::past::NoAge;

/// The commit that a line is from. Names and words are as somebody wrote them: data, to be made harmless where they are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blame {
    /// The commit's hash.
    pub hash: String,
    /// Who wrote the change.
    pub author: String,
    /// Who committed it: somebody else where a change was merged for its author.
    pub committer: String,
    /// When it was committed.
    pub at: Timestamp,
    /// The first line of what was said of it.
    pub summary: String,
    /// The history ends here: the line may be older.
    pub or_earlier: bool,
}

/// Lines of a file, from 1, each with the commit it is from; a line without one is not committed yet. `at`: as the file is in
/// this commit, not in the folder.
pub fn blame(
    repo: Repo<'_>,
    file: &str,
    lines: &BTreeSet<usize>,
    at: Option<&str>,
) -> Result<BTreeMap<usize, Blame>, String> {
    ask((repo, file), lines, at, &[])
}

/// The same, where a line that only got other white space, or was moved within its file, is as old as it was (git-blame(1): `-w`,
/// `-M` with the fewest characters that make a move).
pub(super) fn first_written(
    repo: Repo<'_>,
    file: &str,
    lines: &BTreeSet<usize>,
    at: Option<&str>,
) -> Result<BTreeMap<usize, Blame>, NoAge> {
    ask((repo, file), lines, at, &["-w", "-M1"]).map_err(NoAge::Unanswered)
}

fn ask(
    (repo, file): (Repo<'_>, &str),
    lines: &BTreeSet<usize>,
    at: Option<&str>,
    how: &[&str],
) -> Result<BTreeMap<usize, Blame>, String> {
    // The empty one ends the list of commits that somebody wants to see ignored (git-blame(1)): here each of them counts.
    let fixed = ["blame", "--ignore-revs-file=", "--line-porcelain", "--no-textconv", "--encoding=UTF-8"];
    let mut args: Vec<String> = fixed.iter().chain(how).map(|it| (*it).to_owned()).collect();
    args.extend(lines.iter().map(|line| format!("-L{line},{line}")));
    args.extend(at.map(str::to_owned));
    args.extend(["--".to_owned(), file.to_owned()]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let told = match git_bytes(repo, &args, None) {
        // Git reads that list all the same, and fails where it names nothing.
        Err(_) if git(repo, &["config", "--get-all", "blame.ignoreRevsFile"]).is_ok() => apart(repo, &args)?,
        told => told?,
    };
    Ok(read(&String::from_utf8_lossy(&told), is_shallow(repo)))
}

/// Asks the same of the same objects and files, without any configuration but what says how lines end.
fn apart(repo: Repo<'_>, args: &[&str]) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("no repository could be made to ask apart: {error}");
    let ask = |args: &[&str]| git(repo, args).map(|text| text.trim_end_matches(['\r', '\n']).to_owned());
    let path = |of: &str| ask(&["rev-parse", "--path-format=absolute", "--git-path", of]);
    let made = tempfile::tempdir().map_err(failed)?;
    let format = ask(&["rev-parse", "--show-object-format"])?;
    let config = format!("[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectFormat = {format}\n");
    for folder in ["refs", "objects"] {
        fs::create_dir(made.path().join(folder)).map_err(failed)?;
    }
    for (file, text) in [("HEAD", ask(&["rev-parse", "HEAD"])? + "\n"), ("config", config)] {
        fs::write(made.path().join(file), text).map_err(failed)?;
    }
    // How lines end may be said there, too (gitattributes(5)).
    if let Ok(attributes) = fs::read(path("info/attributes")?) {
        fs::create_dir(made.path().join("info")).map_err(failed)?;
        fs::write(made.path().join("info/attributes"), attributes).map_err(failed)?;
    }
    let mut asked = match repo {
        Repo::Bare(_) => reading(Repo::Bare(made.path())),
        Repo::Around(_) => {
            let mut asked = reading(repo);
            asked.env("GIT_DIR", made.path()).env("GIT_WORK_TREE", ask(&["rev-parse", "--show-toplevel"])?);
            asked
        }
    };
    asked.env("GIT_OBJECT_DIRECTORY", path("objects")?);
    let shallow = path("shallow")?;
    if Path::new(&shallow).is_file() {
        asked.env("GIT_SHALLOW_FILE", shallow);
    }
    let nowhere = if cfg!(windows) { "NUL" } else { "/dev/null" };
    asked.env("GIT_CONFIG_GLOBAL", nowhere).env("GIT_CONFIG_SYSTEM", nowhere);
    asked.env_remove("GIT_CONFIG_COUNT").env_remove("GIT_CONFIG_PARAMETERS");
    for key in ["core.autocrlf", "core.eol", "core.attributesFile"] {
        if let Ok(value) = ask(&["config", "--get", key]) {
            asked.arg("-c").arg(format!("{key}={value}"));
        }
    }
    asked.args(args);
    let output = ended(asked, None, READING_MAX)?;
    if output.status.success() { Ok(output.stdout) } else { Err(why_not(repo, &output.stderr)) }
}

/// Git's line porcelain: a head `<hash> <line then> <line now>`, keys with values, a tab and the line itself.
fn read(told: &str, shallow: bool) -> BTreeMap<usize, Blame> {
    let mut found = BTreeMap::new();
    let mut lines = told.lines();
    while let Some(head) = lines.next() {
        let mut words = head.split(' ');
        let (hash, now) = (words.next().unwrap_or_default(), words.nth(1));
        let mut values: BTreeMap<&str, &str> = BTreeMap::new();
        for line in lines.by_ref() {
            if line.starts_with('\t') {
                break; // the line of the file, whatever it says
            }
            let (key, value) = line.split_once(' ').unwrap_or((line, ""));
            values.entry(key).or_insert(value);
        }
        let text = |key: &str| values.get(key).copied().unwrap_or_default().to_owned();
        let at = text("committer-time").parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        let committed = hash.bytes().any(|byte| byte != b'0');
        if let (Some(now), Some(at), true) = (now.and_then(|now| now.parse().ok()), at, committed) {
            let blame = Blame {
                hash: hash.to_owned(),
                author: format!("{} {}", text("author"), text("author-mail")),
                committer: format!("{} {}", text("committer"), text("committer-mail")),
                at,
                summary: text("summary"),
                or_earlier: shallow && values.contains_key("boundary"),
            };
            found.insert(now, blame);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_its_commit_and_nothing_in_a_file_or_name_can_say_another() {
        let told = "1111111111111111111111111111111111111111 3 7 1\nauthor Kari\nauthor-mail <kari@x.no>\n\
            author-time 1\ncommitter GitHub\ncommitter-mail <noreply@x.no>\ncommitter-time 1700000000\n\
            summary summary of x\nboundary\nfilename f\n\t2222222222222222222222222222222222222222 1 1\n\
            0000000000000000000000000000000000000000 8 8 1\nauthor Not Committed Yet\ncommitter-time 1700000001\n\tx\n";
        let found = read(told, true);
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), [7]);
        let Blame { hash, author, committer, at, summary, or_earlier } = &found[&7];
        assert_eq!((hash.as_str(), at.as_second()), ("1111111111111111111111111111111111111111", 1_700_000_000));
        assert_eq!((author.as_str(), committer.as_str()), ("Kari <kari@x.no>", "GitHub <noreply@x.no>"));
        assert_eq!((summary.as_str(), *or_earlier), ("summary of x", true));
        assert!(!read(told, false)[&7].or_earlier);
    }
}
