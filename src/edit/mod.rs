//! What is asked for + the YAML as it stands → the YAML afterwards: people let in and taken out, and canonical form.
//!
//! `tree` says where everything stands, to the byte; `adopt` what stands in Azure comes to in them; `splice` puts items into lists and takes them out; `people` finds what
//! must change for a grant or a revoke, and `spelling` how a value is written; `layout` takes a file apart, each part with its
//! `comments`, and `format` puts it together in canonical form, in the order of the `schema`; `proof` reads the result as `config` reads every
//! file, and lets it pass only if it means what was asked for; `write` exchanges the file, whole or not at all.
//! Never the network, never a clock, never a file that could not be read without an error.

mod adopt;
mod comments;
mod format;
mod layout;
mod people;
mod proof;
pub mod schema;
mod spelling;
mod splice;
mod tree;
mod write;

use std::{io, path::Path};

use jiff::civil::Date;
use thiserror::Error;

pub use adopt::{Adopted, Adopting, adopted};
pub use layout::LeftAlone;

use layout::Style;

use crate::{
    config::{AtTwoOwners, ConfigError, Loaded, did_you_mean},
    model::{
        desired::{self, OwnerFile},
        ids::{PrincipalId, UserName},
        owner::{OwnerCode, RoleName},
        policy::{self, Policy},
    },
};

/// The platform team's file.
const SETTINGS: &str = "tilgang.yaml";
/// The folder of dated exceptions to the limits.
const OVERRIDES: &str = "overrides/";

/// What to change in an owner's file.
#[derive(Clone, Debug)]
pub enum Change {
    /// Let a person in, or state something anew about a role the person has.
    Grant(Grant),
    /// Take roles from a person.
    Revoke {
        /// The sign-in name, in any case.
        user: String,
        /// None means all of them.
        roles: Vec<String>,
    },
}

/// A person to let in. What is left out is not stated, or stays as it stands.
#[derive(Clone, Debug, Default)]
pub struct Grant {
    /// The sign-in name.
    pub user: String,
    /// The object id in Entra.
    pub id: Option<PrincipalId>,
    /// One or more, by their names in owners' files.
    pub roles: Vec<String>,
    /// The last day, UTC.
    pub until: Option<Date>,
    /// Why.
    pub reason: Option<String>,
    /// Where it was asked for.
    pub ticket: Option<String>,
}

/// A file that would be changed, or was.
#[derive(Clone, Debug, Default)]
pub struct Edited {
    /// Relative to the workspace, with `/`.
    pub path: String,
    /// Whether there is no such file yet.
    pub is_new: bool,
    /// Its text as it was read.
    pub before: String,
    /// Its text as it shall be.
    pub after: String,
    /// What is granted now and was not, or not like this.
    pub granted: Vec<Granted>,
    /// What was granted before and no longer is.
    pub revoked: Vec<desired::Grant>,
    /// Lines of `before` with comments that stay though what stood below them goes.
    pub comments_kept: Vec<usize>,
}

/// A grant that stands in the text afterwards.
#[derive(Clone, Debug)]
pub struct Granted {
    /// As it stands there.
    pub grant: desired::Grant,
    /// The line, from 1.
    pub line: usize,
    /// Whether the person did not have the role before.
    pub is_new: bool,
}

/// Why a file was not changed.
#[derive(Clone, Debug, Error)]
pub enum EditError {
    /// There is no such owner.
    #[error("no service owner `{owner}` in this workspace")]
    UnknownOwner {
        /// As it was asked for.
        owner: String,
        /// `did you mean …?`
        help: Option<String>,
    },
    /// The owner has no file.
    #[error("`{0}` has no file yet")]
    NoFile(OwnerCode),
    /// The owner has left.
    #[error("`{0}` has left: its file says `removed: true`")]
    Tombstone(OwnerCode),
    /// What is there cannot be read without an error.
    #[error("nothing is changed in files with errors")]
    Broken(Vec<ConfigError>),
    /// The person has the role, as it was asked for.
    #[error("`{user}` has `{role}` already{}", until.as_ref().map(|day| format!(", until {day}")).unwrap_or_default())]
    Held {
        /// Who.
        user: String,
        /// What.
        role: String,
        /// Where it stands, from 1.
        line: usize,
        /// The last day.
        until: Option<String>,
    },
    /// The person does not have the role.
    #[error("`{user}` does not have `{role}`")]
    NotHeld {
        /// Who.
        user: String,
        /// What.
        role: String,
        /// Where the person stands, from 1.
        line: usize,
        /// What the person has, for people.
        held: String,
    },
    /// The person is not in the file.
    #[error("`{user}` is not listed")]
    NotListed {
        /// Who.
        user: String,
        /// `did you mean …?`
        help: Option<String>,
    },
    /// Another object id stands there.
    #[error("`{user}` has another `id`")]
    OtherId {
        /// Who.
        user: String,
        /// Where it stands, from 1.
        line: usize,
    },
    /// The result would not be valid.
    #[error("the file would not be valid")]
    Invalid(Vec<ConfigError>),
    /// The role may not last so long.
    #[error("`{role}` may last {days} days, and this would last until {until}")]
    TooLong {
        /// What.
        role: RoleName,
        /// `policy.longest`.
        days: i32,
        /// What was asked for.
        until: Date,
        /// The last day that is possible.
        latest: Date,
    },
    /// The file is written in a way that is not edited here.
    #[error("the file is written in a way that cannot be changed safely here")]
    ByHand,
}

impl EditError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::UnknownOwner { help, .. } | Self::NotListed { help, .. } => return help.clone(),
            Self::NotHeld { held, .. } if held.is_empty() => "no role stands there".to_owned(),
            Self::NotHeld { held, .. } => format!("what stands there is {held}"),
            Self::NoFile(owner) => {
                format!("write `owners/{owner}.yaml` with `owner: {owner}` and `users: []`, and try again")
            }
            Self::Tombstone(_) => {
                "nobody has access; put `users: []` in the place of that line to let people in".to_owned()
            }
            Self::Broken(_) => "correct them first; `tilgang validate` shows them all".to_owned(),
            Self::Held { .. } => "other `--until`, `--reason` or `--ticket` change what stands there".to_owned(),
            Self::OtherId { .. } => "another id is another person: which of them is meant?".to_owned(),
            Self::TooLong { latest, .. } => format!("state `--until {latest}` or an earlier day"),
            Self::Invalid(_) => return None,
            Self::ByHand => "edit it by hand; `tilgang fmt` may bring it into a form that can be".to_owned(),
        })
    }

    /// The line it is about, from 1.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Held { line, .. } | Self::NotHeld { line, .. } | Self::OtherId { line, .. } => Some(*line),
            _ => None,
        }
    }
}

/// An owner's file.
#[must_use]
pub fn path_of(owner: OwnerCode) -> String {
    format!("owners/{owner}.yaml")
}

/// What this change makes of an owner's file if it is made today; nothing is written.
pub fn changed(loaded: &Loaded, owner: &str, change: &Change, today: Date) -> Result<Edited, EditError> {
    let settings: Vec<_> = loaded.errors.iter().filter(|error| error.file() == SETTINGS).cloned().collect();
    let Some(desired) = loaded.desired.as_ref().filter(|_| settings.is_empty()) else {
        return Err(EditError::Broken(if settings.is_empty() { loaded.errors.clone() } else { settings }));
    };
    let known = OwnerCode::new(owner).filter(|code| desired.owners.contains_key(code));
    let Some(owner) = known else {
        let codes: Vec<_> = desired.owners.keys().map(ToString::to_string).collect();
        let help = did_you_mean(owner, codes.iter().map(String::as_str));
        return Err(EditError::UnknownOwner { owner: owner.to_owned(), help });
    };
    let path = path_of(owner);
    let file = match desired.file_of(owner) {
        OwnerFile::Read(file) => file,
        OwnerFile::Removed(_) => return Err(EditError::Tombstone(owner)),
        OwnerFile::Missing => return Err(EditError::NoFile(owner)),
        OwnerFile::Broken(file) => {
            let of_file = |error: &&ConfigError| error.file() == path || error.file() == loaded.sources.path(file);
            return Err(EditError::Broken(loaded.errors.iter().filter(of_file).cloned().collect()));
        }
    };
    let before = loaded.sources.text(file).to_owned();
    let (after, comments_kept) = match change {
        Change::Grant(grant) => {
            not_too_long(&desired.policy, grant, today)?;
            let text = grant.roles.iter().try_fold(before.clone(), |text, role| people::grant(&text, grant, role))?;
            (text, Vec::new())
        }
        Change::Revoke { user, roles } => people::revoke(&before, user, roles)?,
    };
    let proven = proof::proven(loaded, owner, &after, change)?;
    let (granted, revoked) = difference(loaded, &proven, owner);
    Ok(Edited { path, is_new: false, before, after, granted, revoked, comments_kept })
}

/// The entries of a person whom these edits grant something at two owners, without both files saying that it is meant: a plan
/// would block what they grant.
#[must_use]
pub fn at_two_owners(loaded: &Loaded, edits: &[Edited], today: Date) -> Vec<AtTwoOwners> {
    let granted = |owner: OwnerCode, found: &AtTwoOwners| {
        let edit = edits.iter().find(|edit| edit.path == path_of(owner));
        let mut names = edit.into_iter().flat_map(|edit| &edit.granted).map(|granted| &granted.grant.user.name);
        names.any(|name| *name == found.person)
    };
    let mut found = proof::read_after(loaded, edits).at_two_owners(today);
    found.retain(|it| it.owners.iter().any(|owner| granted(*owner, it)));
    found
}

/// Holds the day that is asked for against `policy.longest`.
fn not_too_long(policy: &Policy, grant: &Grant, today: Date) -> Result<(), EditError> {
    for role in grant.roles.iter().map(|role| RoleName::new(role)) {
        let (Some(until), Some(latest), Some(days)) =
            (grant.until, policy::latest(policy, &role, today), policy.longest.get(&role).copied())
        else {
            continue;
        };
        if until > latest {
            return Err(EditError::TooLong { role, days, until, latest });
        }
    }
    Ok(())
}

/// What an owner's file grants otherwise than before; and what it no longer grants.
fn difference(before: &Loaded, after: &Loaded, owner: OwnerCode) -> (Vec<Granted>, Vec<desired::Grant>) {
    let of = |loaded: &Loaded| -> Vec<desired::Grant> {
        let grants = loaded.desired.iter().flat_map(|desired| &desired.grants);
        grants.filter(|grant| grant.owner == owner).cloned().collect()
    };
    let (was, is) = (of(before), of(after));
    let same =
        |one: &desired::Grant, other: &desired::Grant| one.user.name == other.user.name && one.role == other.role;
    let stated = |grant: &desired::Grant| (grant.user.id, grant.until, grant.reason.clone(), grant.ticket.clone());
    let revoked = was.iter().filter(|old| !is.iter().any(|new| same(old, new))).cloned().collect();
    let granted = is.into_iter().filter_map(|grant| {
        let old = was.iter().find(|old| same(old, &grant));
        let line = after.sources.place(&grant.origin).line;
        (old.map(stated) != Some(stated(&grant))).then_some(Granted { grant, line, is_new: old.is_none() })
    });
    (granted.collect(), revoked)
}

/// A file's canonical form; nothing is written. Its meaning, and its comments, are those of the file: that is proven for each.
///
/// A file with errors, or in a workspace whose settings have errors, must not be asked for: it is left alone.
pub fn canonical(loaded: &Loaded, path: &str) -> Result<Edited, LeftAlone> {
    let not_sure = |why| LeftAlone { line: 1, why };
    let file = loaded.sources.files().find(|(_, other)| *other == path).ok_or(not_sure("no such file"))?;
    let before = loaded.sources.text(file.0).to_owned();
    let style = match path {
        SETTINGS => Style::Settings,
        _ if path.starts_with(OVERRIDES) => Style::Override,
        _ => Style::People,
    };
    let after = format::formatted(&before, style)?;
    let comments_of = |text: &str| {
        let mut found: Vec<_> =
            tree::tree(text).map(|top| comments::comments(text, &top)).into_iter().flatten().collect();
        found.sort_by(|a, b| a.text.cmp(&b.text));
        found.into_iter().map(|comment| comment.text).collect::<Vec<_>>()
    };
    let settled = format::formatted(&after, style).as_ref() == Ok(&after);
    if !settled || comments_of(&before) != comments_of(&after) || !proof::means_the_same(loaded, path, &after) {
        return Err(not_sure("something whose meaning could change"));
    }
    Ok(Edited { path: path.to_owned(), before, after, ..Edited::default() })
}

/// The owners in whose files a person stands, with the roles there, by code.
#[must_use]
pub fn owners_of(loaded: &Loaded, user: &str) -> Vec<(OwnerCode, Vec<String>)> {
    let user = UserName::new(user);
    let mut found: Vec<(OwnerCode, Vec<String>)> = Vec::new();
    let grants = loaded.desired.iter().flat_map(|desired| &desired.grants);
    for grant in grants.filter(|grant| grant.user.name == user) {
        match found.last_mut().filter(|(owner, _)| *owner == grant.owner) {
            Some((_, roles)) => roles.push(grant.role.to_string()),
            None => found.push((grant.owner, vec![grant.role.to_string()])),
        }
    }
    found
}

/// Puts the new text in the place of the old one: whole or not at all, with the same permissions. A file that somebody else
/// changed or made meanwhile is left as it is.
pub fn write(dir: &Path, edited: &Edited) -> io::Result<()> {
    if edited.is_new {
        return write::create(&dir.join(&edited.path), &edited.after);
    }
    write::replace(&dir.join(&edited.path), &edited.before, &edited.after)
}
