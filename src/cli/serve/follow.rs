//! What git says, followed: the tip of a branch, in a clone of our own; or a folder as it stands.
//!
//! In: where it is. Out: a [`Tip`], whether it follows from the one that was trusted, and the workspace in it. The clone is bare and
//! nothing is ever checked out. Credentials are git's business; it asks nobody (`GIT_TERMINAL_PROMPT=0`), and has a bound in time.

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::Arc,
    time::Duration,
};

use tokio::{process::Command, time::timeout};

use crate::{
    config::{self, Loaded, ProcessGroup, Repo},
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
    /// The longest that git may take, whatever it does.
    pub(super) patience: Duration,
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

    /// The commit that was trusted last, as our clone has it; none in a folder, or where the clone is gone.
    pub(super) async fn kept(&self, trusted: &str) -> Option<Tip> {
        let Self::Branch(Branch { clone, folder, .. }) = self else { return None };
        let (clone, folder, trusted) = (clone.clone(), folder.clone(), trusted.to_owned());
        let tip = blocking(move || config::Tip::of(clone, &trusted, &folder)).await.ok()?;
        Some(Tip::of_commit(tip))
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
    fn of_commit(tip: config::Tip) -> Self {
        let commit = Commit { hash: tip.commit.as_str().into(), time: tip.time };
        Self { mark: tip.commit.clone(), commit: Some(commit), follows: true, at: At::Commit(tip) }
    }

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
    pub(super) async fn of_clone(dir: &Path, name: &str, clone: PathBuf, patience: Duration) -> Result<Self, String> {
        // Git looks for a repository around a folder. One that lies in no work tree is named by `--dir`, and may be bare.
        let real = dir.canonicalize().map_err(|error| format!("{}: {error}", dir.display()))?;
        let in_work_tree = real.ancestors().any(|folder| folder.join(".git").exists());
        let repo = if in_work_tree { Repo::Around(dir) } else { Repo::Bare(dir) };
        let bound = FETCH_MAX.min(patience);
        let ask = async |what: &str| run(repo, &["rev-parse", what], bound).await.map(|text| text.trim().to_owned());
        let (source, folder) = if ask("--is-bare-repository").await? == "true" {
            (ask("--absolute-git-dir").await?, String::new())
        } else {
            (ask("--show-toplevel").await?, ask("--show-prefix").await?)
        };
        Ok(Self { source, name: name.to_owned(), folder, clone, patience })
    }

    async fn fetch(&self, trusted: Option<&str>) -> Result<Tip, String> {
        let is_new = !self.clone.join("HEAD").is_file();
        if is_new {
            self.init("sha1").await?;
        }
        let bound = if is_new || trusted.is_none() { CLONE_MAX } else { FETCH_MAX };
        let fetched = match self.fetch_once(bound).await {
            // The clone is of another kind of hash than the repository: a new one is, and what was trusted does not lead to it.
            Err(error) if error.contains("mismatched algorithms") => {
                let other = match self.git(&["rev-parse", "--show-object-format"], FETCH_MAX).await?.trim() {
                    "sha1" => "sha256",
                    _ => "sha1",
                };
                std::fs::remove_dir_all(&self.clone).map_err(|error| format!("{}: {error}", self.clone.display()))?;
                self.init(other).await?;
                self.fetch_once(CLONE_MAX).await
            }
            fetched => fetched,
        };
        fetched.map_err(|error| without_credentials_in(&self.explained(&error)))?;
        let (clone, folder) = (self.clone.clone(), self.folder.clone());
        let tip = blocking(move || config::Tip::of(clone, TIP, &folder)).await?;
        let follows = match trusted {
            Some(trusted) => self.follows(trusted, &tip.commit).await?,
            None => true,
        };
        Ok(Tip { follows, ..Tip::of_commit(tip) })
    }

    /// Why it was not fetched; of a repository on this machine that does not have everything, that as well.
    fn explained(&self, error: &str) -> String {
        let local = Path::new(&self.source);
        let gap = local.exists().then(|| config::gap(Repo::named(local))).flatten();
        gap.map_or_else(|| error.to_owned(), |gap| format!("{error}; in {}: {gap}", self.source))
    }

    async fn init(&self, format: &str) -> Result<(), String> {
        std::fs::create_dir_all(&self.clone).map_err(|error| format!("{}: {error}", self.clone.display()))?;
        self.git(&["init", "--quiet", "--bare", &format!("--object-format={format}")], FETCH_MAX).await.map(drop)
    }

    /// A repository that was cloned without its whole history is followed as far as that goes.
    async fn fetch_once(&self, bound: Duration) -> Result<(), String> {
        let refspec = format!("+refs/heads/{}:{TIP}", self.name);
        let fetch = [
            "fetch",
            "--quiet",
            "--force",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--update-shallow",
            "--",
            &self.source,
            &refspec,
        ];
        self.git(&fetch, bound).await.map(drop)
    }

    /// Whether nothing of a commit's history is gone. A commit that our clone does not know is no ancestor of anything; in a
    /// clone without the whole history nobody knows.
    async fn follows(&self, trusted: &str, tip: &str) -> Result<bool, String> {
        if trusted == tip {
            return Ok(true);
        }
        let bound = FETCH_MAX.min(self.patience);
        match output(Repo::Bare(&self.clone), &["merge-base", "--is-ancestor", trusted, tip], bound).await? {
            output if output.status.success() => Ok(true),
            // 1: it is not; else git could not tell (git-merge-base(1)).
            output if output.status.code() == Some(1) => self.is_whole().await.map(|()| false),
            output => {
                self.is_whole().await?;
                // 1: there is no such object; 128: git could not tell (git-cat-file(1)).
                let known = Repo::Bare(&self.clone);
                let known = self::output(known, &["cat-file", "-e", trusted], bound).await?;
                let complaint = config::git_complaint(&output.stderr);
                if known.status.code() == Some(1) { Ok(false) } else { Err(format!("git merge-base: {complaint}")) }
            }
        }
    }

    async fn is_whole(&self) -> Result<(), String> {
        match self.git(&["rev-parse", "--is-shallow-repository"], FETCH_MAX).await?.trim() {
            "false" => Ok(()),
            _ => Err("whether the tip follows from the commit that was trusted is not known, as the repository does not have the \
                      whole history: clone it without `--depth`, or run `git fetch --unshallow` in it"
                .to_owned()),
        }
    }

    async fn git(&self, args: &[&str], bound: Duration) -> Result<String, String> {
        run(Repo::Bare(&self.clone), args, bound.min(self.patience)).await
    }
}

/// Runs git within a bound: what it printed, or why it did not.
async fn run(repo: Repo<'_>, args: &[&str], bound: Duration) -> Result<String, String> {
    let output = output(repo, args, bound).await?;
    if output.status.success() {
        return String::from_utf8(output.stdout).map_err(|_| "git answered in no known encoding".to_owned());
    }
    let what = args.first().copied().unwrap_or_default();
    Err(format!("git {what}: {}", config::git_complaint(&output.stderr)))
}

/// Runs git to its end. At the bound, and where nobody waits for it any more, it is ended with all that it started.
async fn output(repo: Repo<'_>, args: &[&str], bound: Duration) -> Result<Output, String> {
    let failed = |error: std::io::Error| format!("git could not be run: {error}");
    let mut git = Command::from(config::git_command(repo));
    git.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let child = git.spawn().map_err(failed)?;
    let group = ProcessGroup::of(child.id());
    let what = args.first().copied().unwrap_or_default();
    match timeout(bound, child.wait_with_output()).await {
        Ok(output) => {
            group.is_over();
            output.map_err(failed)
        }
        Err(_) => Err(format!("git {what} gave no answer within {} seconds", bound.as_secs())),
    }
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

/// The same for each URL in a text. Git names the one that it asked, which its configuration may have made of ours.
fn without_credentials_in(text: &str) -> String {
    let mut parts = text.split("://");
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let authority = part.split(['/', ' ', '\'', '"', '\n']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        clean = clean + "://" + host + part.get(authority.len()..).unwrap_or_default();
    }
    clean
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
        for (error, said) in [
            ("unable to access 'https://t:s@h/x/': no", "unable to access 'https://h/x/': no"),
            ("Authentication failed for 'https://s3cret@h:8443/x'", "Authentication failed for 'https://h:8443/x'"),
            ("fatal: https://a:p@ss@h refused, see https://h/help", "fatal: https://h refused, see https://h/help"),
            ("couldn't find remote ref refs/heads/a@b", "couldn't find remote ref refs/heads/a@b"),
        ] {
            assert_eq!(without_credentials_in(error), said);
        }
    }
}
