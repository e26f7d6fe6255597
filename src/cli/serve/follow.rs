//! What git says, followed: the tip of a branch, in a clone of our own; or a folder as it stands.
//!
//! In: where it is. Out: a [`Tip`], whether it follows from the one that was trusted, and the workspace in it. The clone is bare and
//! nothing is ever checked out. Credentials are git's business; it asks nobody (`GIT_TERMINAL_PROMPT=0`), and has a bound in time.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use tokio::{process::Command, time::timeout};

use crate::{
    config::{self, Loaded},
    model::desired::Revision,
    watch::Commit,
};

/// How long git may take to answer; a first clone may take longer.
const FETCH_MAX: Duration = Duration::from_mins(1);
const CLONE_MAX: Duration = Duration::from_mins(10);

/// What is fetched stands under these names, which no branch has.
const TIP: &str = "refs/tilgang/tip";
const TRUSTED: &str = "refs/tilgang/trusted";

/// What is followed.
#[derive(Clone, Debug)]
pub(super) enum Follow {
    /// A folder, as it stands: git's HEAD, with whatever is edited there.
    Folder(PathBuf),
    /// The tip of a branch.
    Branch(Branch),
}

/// A branch, and our clone of it.
#[derive(Clone, Debug)]
pub(super) struct Branch {
    /// A URL, or the path of a repository.
    pub(super) source: String,
    /// Its name.
    pub(super) name: String,
    /// The workspace's folder in it; empty for the top.
    pub(super) folder: String,
    /// Our clone.
    pub(super) clone: PathBuf,
}

/// What git has now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tip {
    /// What tells it from another: the commit, or the digest of the folder's files beside it.
    pub(super) mark: String,
    /// The commit, where there is one.
    pub(super) commit: Option<Commit>,
    /// It follows from the commit that was trusted.
    pub(super) follows: bool,
    at: At,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum At {
    Folder(PathBuf),
    Commit(config::Tip),
}

impl Follow {
    /// For people: without whatever stands for a password in a URL.
    pub(super) fn source(&self) -> String {
        match self {
            Self::Folder(dir) => format!("the folder {}", dir.display()),
            Self::Branch(Branch { source, name, .. }) => format!("{name} of {}", without_credentials(source)),
        }
    }

    /// Asks for the tip. `trusted`: the commit from which it has to follow.
    pub(super) async fn fetch(&self, trusted: Option<&str>) -> Result<Tip, String> {
        match self {
            Self::Folder(dir) => {
                let dir = dir.clone();
                blocking(move || Ok(folder(dir))).await
            }
            Self::Branch(branch) => branch.fetch(trusted).await,
        }
    }

    /// From here on a tip has to follow from this commit: it is kept, whatever becomes of the branch.
    pub(super) async fn trust(&self, commit: &str) -> Result<(), String> {
        match self {
            Self::Folder(_) => Ok(()),
            Self::Branch(branch) => branch.git(&["update-ref", TRUSTED, commit], FETCH_MAX).await.map(drop),
        }
    }
}

impl Tip {
    /// The same, and right, whatever it follows from.
    pub(super) fn acknowledged(self) -> Self {
        Self { follows: true, ..self }
    }

    /// Reads the workspace in it.
    pub(super) fn load(&self) -> Result<Loaded, String> {
        match &self.at {
            At::Folder(dir) => Ok(config::load(dir)),
            At::Commit(tip) => tip.load(),
        }
    }

    /// The commit it is read from; none for a folder.
    pub(super) fn in_git(&self) -> Option<&config::Tip> {
        match &self.at {
            At::Folder(_) => None,
            At::Commit(tip) => Some(tip),
        }
    }
}

fn folder(dir: PathBuf) -> Tip {
    let digest = config::digest_of(&dir);
    let commit = match config::revision(&dir, &config::Sources::default()) {
        Revision::Commit { hash, time, .. } => Some(Commit { hash: hash.into(), time }),
        Revision::NotInGit | Revision::Unknown(_) => None,
    };
    let hash = commit.as_ref().map_or("", |commit| &commit.hash);
    Tip { mark: format!("{hash} {digest}"), commit, follows: true, at: At::Folder(dir) }
}

impl Branch {
    /// The repository that a workspace lies in, to be followed as a remote of our clone.
    pub(super) async fn of_clone(dir: &Path, name: &str, clone: PathBuf) -> Result<Self, String> {
        let ask = async |what: &str| run(dir, &["rev-parse", what], FETCH_MAX).await.map(|text| text.trim().to_owned());
        let (source, folder) = if ask("--is-bare-repository").await? == "true" {
            (ask("--absolute-git-dir").await?, String::new())
        } else {
            (ask("--show-toplevel").await?, ask("--show-prefix").await?)
        };
        Ok(Self { source, name: name.to_owned(), folder, clone })
    }

    async fn fetch(&self, trusted: Option<&str>) -> Result<Tip, String> {
        let is_new = !self.clone.join("HEAD").is_file();
        if is_new {
            std::fs::create_dir_all(&self.clone).map_err(|error| format!("{}: {error}", self.clone.display()))?;
            self.git(&["init", "--quiet", "--bare"], FETCH_MAX).await?;
        }
        let refspec = format!("+refs/heads/{}:{TIP}", self.name);
        let fetch = [
            "fetch",
            "--quiet",
            "--force",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--",
            &self.source,
            &refspec,
        ];
        let bound = if is_new || trusted.is_none() { CLONE_MAX } else { FETCH_MAX };
        self.git(&fetch, bound).await.map_err(|error| without_credentials_in(&error, &self.source))?;
        let (clone, folder) = (self.clone.clone(), self.folder.clone());
        let tip = blocking(move || config::Tip::of(clone, TIP, &folder)).await?;
        let follows = match trusted {
            Some(trusted) => self.follows(trusted, &tip.commit).await,
            None => true,
        };
        let commit = Commit { hash: tip.commit.as_str().into(), time: tip.time };
        Ok(Tip { mark: tip.commit.clone(), commit: Some(commit), follows, at: At::Commit(tip) })
    }

    /// Whether nothing of a commit's history is gone. A commit that our clone does not know is no ancestor of anything.
    async fn follows(&self, trusted: &str, tip: &str) -> bool {
        trusted == tip || self.git(&["merge-base", "--is-ancestor", trusted, tip], FETCH_MAX).await.is_ok()
    }

    async fn git(&self, args: &[&str], bound: Duration) -> Result<String, String> {
        run(&self.clone, args, bound).await
    }
}

/// Runs git in a folder, within a bound: no hook, no file watcher, no work in the background.
async fn run(dir: &Path, args: &[&str], bound: Duration) -> Result<String, String> {
    let mut git = Command::new("git");
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY"] {
        git.env_remove(variable);
    }
    git.env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C").arg("-C").arg(dir);
    for setting in [
        "core.hooksPath=/dev/null",
        "core.fsmonitor=false",
        "gc.autoDetach=false",
        "maintenance.autoDetach=false",
        "fetch.fsckObjects=true",
        "protocol.ext.allow=never",
    ] {
        git.args(["-c", setting]);
    }
    git.args(args).stdin(Stdio::null()).kill_on_drop(true);
    let what = args.first().copied().unwrap_or_default();
    let output = match timeout(bound, git.output()).await {
        Ok(output) => output.map_err(|error| format!("git could not be run: {error}"))?,
        Err(_) => return Err(format!("git {what} gave no answer within {} seconds", bound.as_secs())),
    };
    if output.status.success() {
        return String::from_utf8(output.stdout).map_err(|_| "git answered in no known encoding".to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let told = |line: &&str| line.starts_with("fatal:") || line.starts_with("error:");
    let said = said.lines().find(told).or(said.lines().next()).unwrap_or("it failed without a word");
    Err(format!("git {what}: {}", said.trim_start_matches("fatal: ").trim_start_matches("error: ")))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?
}

/// `https://token@host/path` → `https://host/path`.
fn without_credentials(source: &str) -> String {
    match source.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
            let host = host.rsplit('@').next().unwrap_or(host);
            path.map_or_else(|| format!("{scheme}://{host}"), |path| format!("{scheme}://{host}/{path}"))
        }
        None => source.to_owned(),
    }
}

fn without_credentials_in(text: &str, source: &str) -> String {
    text.replace(source, &without_credentials(source))
}

/// Where a clone of ours stands, below the state folder.
pub(super) fn clone_in(state: &Path) -> PathBuf {
    state.join("git")
}

/// For messages: the first of a hash.
pub(super) fn short(hash: &Arc<str>) -> &str {
    hash.get(..10).unwrap_or(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_of_a_url_is_said() {
        for (source, said) in [
            ("https://x-access-token:s3cret@git.example/a/b.git", "https://git.example/a/b.git"),
            ("https://git.example/a@b", "https://git.example/a@b"),
            ("ssh://git@git.example:22/a", "ssh://git.example:22/a"),
            ("git@git.example:a/b", "git@git.example:a/b"),
            ("/srv/git/access.git", "/srv/git/access.git"),
            ("https://s3cret@git.example", "https://git.example"),
        ] {
            assert_eq!(without_credentials(source), said);
        }
        let error = without_credentials_in("unable to access 'https://t:s@h/x/': no", "https://t:s@h/x");
        assert_eq!(error, "unable to access 'https://h/x/': no");
    }
}
