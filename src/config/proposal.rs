//! Owners' files as data, so that a pull request from a fork can be planned where its code never runs: a workspace → one JSON
//! file of who wants what; that file over the workspace of the protected branch → the workspace as it would be.
//!
//! Only owners' files: `tilgang.yaml`, overrides and all else stay the protected branch's own. The file is hostile until it is
//! read: its size is bounded, unknown and doubled keys are refused, an owner's code is the only thing a name is made of; and what
//! it wants is written out as an owner's file, which the reading of every owner's file then judges. One parser decides.
//! Never the network, never a write.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{
    Loaded, Touched, assemble,
    error::{Mistake, Spot},
    files::{self, Found, Input},
    revision::revision,
    rules::UNREADABLE,
    sources::Sources,
};
use crate::model::{
    desired::{Desired, FileId, Origin, OwnerFile, Place, Revision},
    owner::OwnerCode,
};

/// Largest file that is read. Ours: some 20,000 people.
pub const PROPOSAL_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The format that is written and read.
const FORMAT: u32 = 1;
/// A line further down than this is not believed.
const LINE_MAX: u32 = 1_000_000;

/// Owners' files that somebody proposes.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    proposal: u32,
    owners: Vec<OwnerJson>,
}

/// One owner's file: `users`, or one of the others.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnerJson {
    owner: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    users: Option<Vec<UserJson>>,
    #[serde(default, skip_serializing_if = "is_false")]
    removed: bool,
    /// There is no such file.
    #[serde(default, skip_serializing_if = "is_false")]
    deleted: bool,
    /// It has errors.
    #[serde(default, skip_serializing_if = "is_false")]
    broken: bool,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserJson {
    user: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    also_at: Vec<String>,
    line: u32,
    roles: Vec<RoleJson>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleJson {
    role: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ticket: Option<String>,
    line: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(it: &bool) -> bool {
    !it
}

/// Where people and roles stand in the files of a proposal, by owner and person: they are written out on other lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines(BTreeMap<FileId, Vec<(u32, Vec<u32>)>>);

impl Lines {
    /// A place as the proposer's file has it.
    #[must_use]
    pub fn place(&self, origin: &Origin, written: Place) -> Place {
        let Some(people) = self.0.get(&origin.file) else { return written };
        let step = |at: usize| origin.path.get(at).and_then(|step| usize::try_from(*step).ok());
        let person = step(1).and_then(|at| people.get(at)); // `users`, person, `roles`, role
        let role = person.zip(step(3)).and_then(|((_, roles), at)| roles.get(at));
        let line = role.or(person.map(|(line, _)| line)).copied().unwrap_or(1);
        Place { line: usize::try_from(line).unwrap_or(1), column: 1, ..written }
    }
}

impl Proposal {
    /// What a workspace's owners' files want; with `since`, only those that differ from it.
    #[must_use]
    pub fn of(loaded: &Loaded, desired: &Desired, since: Option<&Sources>) -> Self {
        let touched = since.map(|since| Touched::between(since, &loaded.sources).owners);
        let chosen = |code: &OwnerCode| touched.as_ref().is_none_or(|touched| touched.contains(code));
        let mut all: BTreeSet<OwnerCode> = touched.iter().flatten().copied().collect();
        all.extend(desired.owners.keys().filter(|code| chosen(code)));
        let owner = |code: OwnerCode| owner(code, loaded, desired);
        let deleted = |it: &OwnerJson| it.deleted && since.is_none(); // nobody said that there ever was one
        Self { proposal: FORMAT, owners: all.into_iter().map(owner).filter(|it| !deleted(it)).collect() }
    }

    /// As a file.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n" // strings and numbers under fixed keys: cannot fail
    }

    /// Reads a file.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > PROPOSAL_BYTES_MAX {
            return Err(format!("larger than {} MiB: no proposal of ours is", PROPOSAL_BYTES_MAX / 1024 / 1024));
        }
        let read: Self = serde_json::from_slice(bytes)
            .map_err(|error| format!("not a proposal: {error}; `tilgang validate --out FILE` writes one"))?;
        if read.proposal != FORMAT {
            return Err(format!("a proposal of format {}, and this program reads format {FORMAT}", read.proposal));
        }
        let mut seen = BTreeSet::new();
        for OwnerJson { owner, users, removed, deleted, broken, .. } in &read.owners {
            let Some(code) = OwnerCode::new(owner) else {
                return Err("not a proposal: an owner's code is 2 to 8 of `a-z` and `0-9`".to_owned());
            };
            if !seen.insert(code) {
                return Err(format!("not a proposal: `{code}` stands in it twice"));
            }
            let states = [users.is_some(), *removed, *deleted, *broken];
            if states.into_iter().filter(|is| *is).count() != 1 {
                return Err(format!("not a proposal: `{code}` has not exactly one of users, removed, deleted, broken"));
            }
        }
        Ok(read)
    }

    /// The workspace in `dir`, as it would be with these files; and where things stand in them.
    #[must_use]
    pub fn over(&self, dir: &Path) -> (Loaded, Lines) {
        let Found { mut inputs, untracked } = files::read(dir);
        let paths: BTreeMap<String, &OwnerJson> =
            self.owners.iter().map(|it| (format!("owners/{}.yaml", it.owner), it)).collect();
        inputs.retain(|input| !paths.contains_key(&input.path));
        inputs.extend(paths.iter().filter(|(_, it)| !it.deleted).map(|(path, it)| {
            let refused = it.broken.then(|| {
                let help = "the job that read the pull request shows each error";
                Mistake::new(UNREADABLE, Spot::File, "has errors in the pull request").help(help)
            });
            Input { refused, ..Input::text(path, &written(it)) }
        }));
        let mut loaded = Loaded { untracked, ..assemble(inputs) };
        let ids: BTreeMap<&str, FileId> = loaded.sources.files().map(|(id, path)| (path, id)).collect();
        let of = |(path, it): (&String, &&OwnerJson)| {
            let line = |line: u32| line.clamp(1, LINE_MAX);
            let roles = |user: &UserJson| user.roles.iter().map(|role| line(role.line)).collect();
            let people = it.users.iter().flatten().map(|user| (line(user.line), roles(user)));
            Some((*ids.get(path.as_str())?, people.collect()))
        };
        let lines = Lines(paths.iter().filter_map(of).collect());
        let proposed = || paths.keys().filter_map(|path| ids.get(path.as_str())).copied();
        let revision = as_new(revision(dir, &loaded.sources), proposed());
        if let Some(desired) = &mut loaded.desired {
            desired.revision = revision;
        }
        (loaded, lines)
    }

    /// The workspace that it is held against: the files it would replace count as edited there, too, so that what was made
    /// lately counts alike for both.
    pub fn beside(&self, is: &mut Loaded) {
        let paths: BTreeSet<String> = self.owners.iter().map(|it| format!("owners/{}.yaml", it.owner)).collect();
        let files: Vec<FileId> =
            is.sources.files().filter(|(_, path)| paths.contains(*path)).map(|(id, _)| id).collect();
        if let Some(desired) = &mut is.desired {
            desired.revision = as_new(desired.revision.clone(), files.into_iter());
        }
    }
}

/// The same commit, with these files as new as this run.
fn as_new(revision: Revision, files: impl Iterator<Item = FileId>) -> Revision {
    match revision {
        Revision::Commit { hash, time, mut edited } => {
            edited.extend(files);
            Revision::Commit { hash, time, edited }
        }
        other => other,
    }
}

fn owner(code: OwnerCode, loaded: &Loaded, desired: &Desired) -> OwnerJson {
    let file = desired.file_of(code);
    let mut it = OwnerJson {
        owner: code.to_string(),
        name: desired.owners.get(&code).and_then(|owner| owner.title.clone()),
        users: None,
        removed: matches!(file, OwnerFile::Removed(_)),
        deleted: matches!(file, OwnerFile::Missing),
        broken: matches!(file, OwnerFile::Broken(_)),
    };
    if !matches!(file, OwnerFile::Read(_)) {
        it.name = it.name.filter(|_| it.removed);
        return it;
    }
    let line = |origin: &Origin| u32::try_from(loaded.sources.place(origin).line).unwrap_or(1);
    let mut users: Vec<UserJson> = Vec::new();
    let first = desired.grants.partition_point(|grant| grant.owner < code); // sorted by owner, then as in the file
    let grants = desired.grants.get(first..).unwrap_or_default().iter().take_while(|grant| grant.owner == code);
    for same in grants.collect::<Vec<_>>().chunk_by(|a, b| a.user.origin == b.user.origin) {
        let Some(user) = same.first().map(|grant| &grant.user) else { continue };
        let roles = same.iter().map(|grant| RoleJson {
            role: grant.role.to_string(),
            until: grant.until.map(|until| until.to_string()),
            reason: grant.reason.as_deref().map(str::to_owned),
            ticket: grant.ticket.as_deref().map(str::to_owned),
            line: line(&grant.origin),
        });
        users.push(UserJson {
            user: user.name.to_string(),
            id: user.id.map(|id| id.to_string()),
            also_at: user.also_at.iter().map(ToString::to_string).collect(),
            line: line(&user.origin),
            roles: roles.collect(),
        });
    }
    it.users = Some(users);
    it
}

/// An owner's file that says this. A JSON string is a YAML string in double quotes, so whatever a text holds, it ends where it
/// ends; whether it may hold that is for the reading to say.
fn written(it: &OwnerJson) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut text = format!("owner: {}\n", it.owner);
    let mut put = |line: String| {
        let _ = writeln!(text, "{line}"); // into a String: cannot fail
    };
    if let Some(name) = &it.name {
        put(format!("name: {}", quoted(name)));
    }
    if it.removed {
        put("removed: true".to_owned());
    }
    match it.users.as_deref() {
        None => {}
        Some([]) => put("users: []".to_owned()),
        Some(users) => {
            put("users:".to_owned());
            for UserJson { user, id, also_at, line: _, roles } in users {
                put(format!("  - user: {}", quoted(user)));
                if let Some(id) = id {
                    put(format!("    id: {}", quoted(id)));
                }
                if !also_at.is_empty() {
                    put(format!(
                        "    also_at: [{}]",
                        also_at.iter().map(|it| quoted(it)).collect::<Vec<_>>().join(", ")
                    ));
                }
                put(if roles.is_empty() { "    roles: []".to_owned() } else { "    roles:".to_owned() });
                for RoleJson { role, until, reason, ticket, line: _ } in roles {
                    put(format!("      - role: {}", quoted(role)));
                    for (key, value) in [("until", until), ("reason", reason), ("ticket", ticket)] {
                        if let Some(value) = value {
                            put(format!("        {key}: {}", quoted(value)));
                        }
                    }
                }
            }
        }
    }
    text
}
