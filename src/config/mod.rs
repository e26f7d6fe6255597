//! YAML and the built-in catalogue → [`Desired`], or every error at once.
//!
//! `files` reads a folder; `yaml` makes a tree of each text (`node`), refusing what a reviewer would misread (`characters`,
//! `spans`); `settings`, `catalog`, `targets`, `policy`, `content`, `notify` and `channels` read `tilgang.yaml`, `overrides` its exceptions, `owner_file` the shape of an owner's file, `checks` hold
//! it against the rules, `lower` makes grants of it. A mistake is gathered, not thrown: one file's trouble is its own.
//! What hangs on the day or on two files is judged apart (`dated`, `elsewhere`), `codeowners` says to GitHub who reviews what, and `proposal` makes data of
//! owners' files, and owners' files of data. Of git's past, `base` and `as_of` read a workspace as it was, `past` how names came
//! and went, `file_history` whom earlier versions listed, and `blame` who wrote a line (`commits`: of many).
//! Reads files below the workspace and asks `git` for the commit; never the network, never a clock, never a write.

mod arm_types;
mod as_of;
mod base;
mod blame;
mod catalog;
mod channels;
mod characters;
mod checks;
mod codeowners;
mod commit;
mod commits;
mod content;
mod cursor;
mod dated;
mod elsewhere;
mod error;
mod file_history;
mod files;
mod git;
mod ledger;
mod lower;
mod marked_block;
mod node;
mod notify;
mod overrides;
mod owner_file;
mod past;
mod policy;
mod proposal;
mod revision;
mod rules;
mod settings;
mod sign_in;
mod sources;
mod spans;
mod suggest;
mod targets;
mod tip;
mod tracked;
mod values;
mod yaml;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::{Path, PathBuf},
};

use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::model::desired::{Desired, FileId, Grant, Owner, OwnerFile, Revision};
use crate::model::notify::Notify;
use crate::model::owner::OwnerCode;

pub use as_of::{Then, load_at};
pub use base::{Base, Touched, base};
pub use blame::{Blame, blame};
pub use codeowners::{CodeownersError, Repository};
pub use commits::{Commits, written};
pub use elsewhere::AtTwoOwners;
pub use error::{ConfigError, DrawnFile};
pub use file_history::file_history;
pub use git::{ProcessGroup, Repo, command as git_command, complaint as git_complaint, follows, gap};
pub use past::past;
pub use proposal::{Lines, PROPOSAL_BYTES_MAX, Proposal};
pub use revision::revision;
pub use rules::{RULES, Rule};
pub use sign_in::may_be_listed;
pub use sources::Sources;
pub use suggest::did_you_mean;
pub use tip::Tip;

use checks::{CHECKS, Context};
use error::{Mistake, Mistakes};
use files::{Found, Input, Purpose, SETTINGS, purpose};
use settings::Settings;

/// A workspace as far as it could be read.
#[derive(Debug)]
pub struct Loaded {
    /// What git wants; `None` if `tilgang.yaml` is missing or has a mistake, or if there is no owner's file.
    pub desired: Option<Desired>,
    /// The files, their text, and where things stand in them.
    pub sources: Sources,
    /// Every mistake in every file, by file, then by place.
    pub errors: Vec<ConfigError>,
    /// `sha256:…` over names and bytes of all files that count, and the built-in catalogue.
    pub digest: String,
    /// What sign-in names end in; empty where anything will do, or where that is not sure.
    pub domains: Vec<String>,
    /// `ledger.dir` of `tilgang.yaml`: relative to the workspace, or absolute. None: nothing is recorded.
    pub ledger: Option<PathBuf>,
    /// `notify` of `tilgang.yaml`: whom the daemon tells what.
    pub notify: Notify,
    /// Why git did not say which of the files are links there, and which were left out of the checkout, where it was asked and did not.
    pub untracked: Option<String>,
}

/// Reads a workspace from disk, and asks git which commit it is.
#[must_use]
pub fn load(dir: &Path) -> Loaded {
    load_with(dir, Owners::Needed)
}

fn load_with(dir: &Path, owners: Owners) -> Loaded {
    let Found { inputs, untracked } = files::read(dir);
    let mut loaded = Loaded { untracked, ..assemble_with(inputs, owners) };
    if let Some(desired) = &mut loaded.desired {
        desired.revision = revision(dir, &loaded.sources);
    }
    loaded
}

/// The digest of a workspace's files, as [`Loaded::digest`] has it: whether anything changed, without reading what it means.
#[must_use]
pub fn digest_of(dir: &Path) -> String {
    let mut inputs = files::read(dir).inputs;
    complete(&mut inputs, Owners::Needed);
    digest(&inputs)
}

/// The same where the owners' files may be still to be written: without one, nothing is wrong, and nobody is listed.
#[must_use]
pub fn load_to_begin(dir: &Path) -> Loaded {
    load_with(dir, Owners::MayBeMissing)
}

/// Reads a workspace from texts, each with its path relative to the workspace: what [`load`] does, without a disk or git.
#[must_use]
pub fn load_texts(files: &[(&str, &str)]) -> Loaded {
    assemble(files.iter().map(|(path, text)| Input::text(path, text)).collect())
}

/// The nearest folder upwards that holds a `tilgang.yaml`.
#[must_use]
pub fn find_workspace(from: &Path) -> Option<PathBuf> {
    let real = from.canonicalize().ok()?;
    real.ancestors().find(|folder| folder.join(SETTINGS).is_file()).map(Path::to_owned)
}

/// What one owner's file came to.
struct OwnerRead {
    code: Option<OwnerCode>,
    file: OwnerFile,
    title: Option<String>,
    grants: Vec<Grant>,
    mistakes: Vec<Mistake>,
}

/// Whether there has to be an owner's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owners {
    Needed,
    MayBeMissing,
}

/// Leaves out what does not count, puts in what is missing, and sorts: `tilgang.yaml` first.
fn complete(inputs: &mut Vec<Input>, owners_files: Owners) {
    inputs.retain(|input| purpose(&input.path) != Purpose::Ignored || input.refused.is_some());
    let no_settings = !inputs.iter().any(|input| input.path == SETTINGS);
    inputs.extend(no_settings.then(|| files::missing(SETTINGS)));
    // A folder that could not be read has been told already.
    let no_owners = owners_files == Owners::Needed && !inputs.iter().any(|input| input.path.starts_with("owners/"));
    inputs.extend(no_owners.then(|| files::missing("owners/")));
    inputs.sort_by(|a, b| (a.path != SETTINGS, &a.path).cmp(&(b.path != SETTINGS, &b.path)));
}

fn assemble(inputs: Vec<Input>) -> Loaded {
    assemble_with(inputs, Owners::Needed)
}

fn assemble_with(mut inputs: Vec<Input>, owners_files: Owners) -> Loaded {
    complete(&mut inputs, owners_files);
    let digest = digest(&inputs);
    let decoded: Vec<_> = inputs.into_par_iter().map(Input::decode).collect();
    let (texts, refused): (Vec<_>, Vec<_>) =
        decoded.into_iter().map(|(path, text, refused)| ((path, text), refused)).unzip();
    let sources = Sources::new(texts);
    let files: Vec<_> = sources.files().map(|(id, path)| (id, purpose(path))).zip(refused).collect();

    let with_file: BTreeSet<OwnerCode> = files.iter().filter_map(|((_, purpose), _)| purpose.owner()).collect();
    let mut mistakes = Mistakes::default();
    let mut settings = Settings::default();
    let mut of_settings = FileId(0);
    for ((id, _), refused) in files.iter().filter(|((_, purpose), _)| *purpose == Purpose::Settings) {
        of_settings = *id;
        if let Some(refused) = refused {
            mistakes.add(refused.clone());
        } else if let Some(node) = yaml::read(sources.text(*id), &mut mistakes) {
            settings = settings::read(&node, *id, &with_file, &mut mistakes);
        }
    }

    let known: BTreeSet<OwnerCode> = settings.owners.keys().copied().chain(with_file).collect();
    let mut of_overrides: Vec<(FileId, Mistake)> = Vec::new();
    for ((id, _), refused) in files.iter().filter(|((_, purpose), _)| *purpose == Purpose::Override) {
        let mut told = Mistakes(refused.iter().cloned().collect());
        if told.is_empty()
            && let Some(node) = yaml::read(sources.text(*id), &mut told)
        {
            let read = overrides::read(&node, *id, &known, &settings.policy, &mut told);
            settings.policy.overrides.extend(read);
        }
        of_overrides.extend(told.0.into_iter().map(|mistake| (*id, mistake)));
    }

    let owners: Vec<_> = files
        .par_iter()
        .filter(|((_, purpose), _)| !matches!(purpose, Purpose::Settings | Purpose::Override))
        .map(|((id, purpose), refused)| read_owner(*id, *purpose, refused.as_ref(), sources.text(*id), &settings))
        .collect();

    let told = mistakes.0.iter().map(|mistake| (of_settings, mistake));
    let told = told.chain(owners.iter().flat_map(|owner| owner.mistakes.iter().map(|m| (id_of(owner.file), m))));
    let told = told.chain(of_overrides.iter().map(|(id, mistake)| (*id, mistake)));
    let mut errors: Vec<_> =
        told.collect::<Vec<_>>().into_par_iter().map(|(id, m)| sources.show(id, m.clone())).collect();
    errors.sort_by_key(ConfigError::order);

    let any_owner = owners_files == Owners::MayBeMissing || owners.iter().any(|owner| owner.code.is_some());
    let domains = settings.domains.clone();
    let ledger = settings.ledger.take();
    let notify = std::mem::take(&mut settings.notify);
    let desired = if mistakes.is_empty() && any_owner { desired(settings, owners) } else { None };
    Loaded { desired, sources, errors, digest, domains, ledger, notify, untracked: None }
}

fn read_owner(id: FileId, purpose: Purpose, refused: Option<&Mistake>, text: &str, settings: &Settings) -> OwnerRead {
    let (Purpose::Owner(owner), None) = (purpose, refused) else {
        let code = if let Purpose::Owner(code) | Purpose::Misnamed(Some(code)) = purpose { Some(code) } else { None };
        let mistakes = refused.cloned().into_iter().collect();
        return OwnerRead { code, file: OwnerFile::Broken(id), title: None, grants: Vec::new(), mistakes };
    };
    let mut mistakes = Mistakes::default();
    let node = yaml::read(text, &mut mistakes);
    let shape = node.as_ref().and_then(|node| owner_file::read(node, &mut mistakes));
    let mut read = OwnerRead {
        code: Some(owner),
        file: OwnerFile::Broken(id),
        title: shape.as_ref().and_then(|shape| shape.title).map(str::to_owned),
        grants: Vec::new(),
        mistakes: Vec::new(),
    };
    if let Some(shape) = shape {
        let context = Context { owner, settings };
        for check in CHECKS {
            check(&shape, &context, &mut mistakes);
        }
        if mistakes.is_empty() {
            read.file = if shape.removed { OwnerFile::Removed(id) } else { OwnerFile::Read(id) };
            read.grants = lower::grants(&shape, owner, id, &settings.catalog);
        }
    }
    read.mistakes = mistakes.0;
    read
}

fn desired(settings: Settings, read: Vec<OwnerRead>) -> Option<Desired> {
    let Settings { tenant, instance, former_instances, catalog, owners: deviating, policy, .. } = settings;
    let mut owners: BTreeMap<_, _> = deviating
        .into_iter()
        .map(|(code, of)| {
            let settings::OwnerSettings { environments, resources, reviewers, contact } = of;
            let file = OwnerFile::Missing;
            (code, Owner { title: None, file, environments, resources, reviewers, contact })
        })
        .collect();
    let mut grants = Vec::with_capacity(read.iter().map(|owner| owner.grants.len()).sum());
    for OwnerRead { code, file, title, grants: of_owner, mistakes: _ } in read {
        let Some(code) = code else { continue };
        let entry = owners.entry(code).or_insert_with(|| Owner {
            title: None,
            file: OwnerFile::Missing,
            environments: None,
            resources: BTreeMap::new(),
            reviewers: Vec::new(),
            contact: None,
        });
        // `ttd.yml` beside `ttd.yaml`: which of them is meant? Until that is clear, neither explains anything.
        let doubtful = matches!(entry.file, OwnerFile::Broken(_));
        if !doubtful {
            (entry.file, entry.title) = (file, title);
            grants.extend(of_owner);
        }
    }
    grants.retain(|grant| matches!(owners.get(&grant.owner), Some(Owner { file: OwnerFile::Read(_), .. })));
    grants.sort_by_key(|grant| grant.owner); // stable: as in the file
    let (tenant, instance) = (tenant?, instance?);
    Some(Desired { tenant, instance, former_instances, catalog, owners, grants, policy, revision: Revision::NotInGit })
}

fn id_of(file: OwnerFile) -> FileId {
    match file {
        OwnerFile::Read(id) | OwnerFile::Removed(id) | OwnerFile::Broken(id) => id,
        OwnerFile::Missing => FileId(0),
    }
}

fn digest(inputs: &[Input]) -> String {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes()); // else `ab` + `c` would be `a` + `bc`
        hash.update(bytes);
    };
    for Input { path, bytes, refused: _ } in inputs {
        part(path.as_bytes());
        part(bytes);
    }
    part(catalog::BUILT_IN.as_bytes());
    let mut text = "sha256:".to_owned();
    for byte in hash.finalize() {
        let _ = write!(text, "{byte:02x}"); // into a String: cannot fail
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_tells_workspaces_apart() {
        let of = |path, text| load_texts(&[("tilgang.yaml", "version: 1"), (path, text), ("azure.yaml", text)]).digest;
        let one = of("owners/ttd.yaml", "owner: ttd");
        assert_eq!(one, of("owners/ttd.yaml", "owner: ttd"));
        assert_ne!(one, of("owners/skd.yaml", "owner: ttd"));
        assert_ne!(one, of("owners/ttd.yaml", "owner: ttd "));
        assert_eq!(one.len(), "sha256:".len() + 64);
    }
}
