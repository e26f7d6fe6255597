//! A saved plan as a file: JSON format 1 with what it rests on, and a seal over its own text.
//!
//! A report's JSON comes in, the file's text goes out; a file's bytes come in, a [`Saved`] goes out, or why not. The file may
//! come from anywhere: its size is bounded, unknown keys are passed over (format 1 only ever gains keys), nothing in it is
//! believed that [`Saved::admit`] does not find again in git and Azure.
//!
//! The seal is a digest that anybody can compute. It finds a cut download, a merge tool, a slip in an editor; it is no proof of
//! who wrote the file.

use std::fmt::Display;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::{
    model::{
        assignment::{PrincipalType, Triple, resource_id},
        ids::{ScopeId, UserName},
        owner::{EnvironmentName, InstanceName, OwnerCode, RoleName},
    },
    plan::{
        basis::{About, Basis, Side},
        change::Action,
        saved::{Deed, Saved},
    },
};

/// Largest file that is written or read. Ours: some 40,000 changes.
pub const BYTES_MAX: usize = 64 * 1024 * 1024;

/// The format that is written and read.
pub const FORMAT: u64 = 1;

const SEAL: &str = ",\n  \"seal\": \"";
const END: &str = "\"\n}\n";

/// Why a plan could not be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the plan is larger than {} MiB: save it in parts, with `--owner`", BYTES_MAX / 1024 / 1024)]
pub struct TooLarge;

/// Why a file is no plan that can be carried out. Each says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Beyond [`BYTES_MAX`].
    #[error("larger than {} MiB: no plan of ours is", BYTES_MAX / 1024 / 1024)]
    TooLarge,
    /// Not JSON, or without the keys of a plan; with the parser's words.
    #[error("not a saved plan: {0}; `tilgang plan --out FILE` writes one")]
    NotAPlan(String),
    /// A report, not a saved plan.
    #[error("a report of `--format json`, not a saved plan; `tilgang plan --out FILE` writes one")]
    Report,
    /// Another format.
    #[error(
        "format {0}, and this program reads format {FORMAT}: run `tilgang plan --out FILE` again with this program, or \
         `tilgang apply` with the one that wrote it"
    )]
    Format(u64),
    /// Its text is not what was written.
    #[error("changed since it was written: its seal does not fit its text; run `tilgang plan --out FILE` again")]
    Edited,
    /// A value that no plan of ours has.
    #[error("{0}; run `tilgang plan --out FILE` again")]
    Value(String),
}

/// Puts the seal under a plan's JSON.
pub fn seal(json: &str) -> Result<String, TooLarge> {
    let body = json.trim_end().strip_suffix('}').unwrap_or(json).trim_end();
    let text = format!("{body}{SEAL}{}{END}", digest(body));
    if text.len() > BYTES_MAX { Err(TooLarge) } else { Ok(text) }
}

fn digest(body: &str) -> String {
    format!("sha256:{:x}", Sha256::digest(body))
}

/// Reads a saved plan.
pub fn read(bytes: &[u8]) -> Result<Saved, Unreadable> {
    if bytes.len() > BYTES_MAX {
        return Err(Unreadable::TooLarge);
    }
    let not_a_plan = |error: &dyn Display| Unreadable::NotAPlan(error.to_string());
    let head: Head = serde_json::from_slice(bytes).map_err(|error| not_a_plan(&error))?;
    if head.format != FORMAT {
        return Err(Unreadable::Format(head.format));
    }
    let text = str::from_utf8(bytes).map_err(|error| not_a_plan(&error))?;
    let Some((body, rest)) = text.rsplit_once(SEAL) else {
        return Err(if head.seal.is_some() { Unreadable::Edited } else { Unreadable::Report });
    };
    if rest.strip_suffix(END) != Some(&digest(body)) {
        return Err(Unreadable::Edited);
    }
    let file: File = serde_json::from_slice(bytes).map_err(|error| not_a_plan(&error))?;
    file.lower()
}

#[derive(Deserialize)]
struct Head {
    format: u64,
    #[serde(default)]
    seal: Option<String>,
}

#[derive(Deserialize)]
struct File {
    tool: String,
    tenant: String,
    instance: String,
    changes: Vec<Entry>,
    refused: Vec<Entry>,
    selected: Option<Vec<String>>,
    basis: Vec<Of>,
}

#[derive(Deserialize)]
struct Entry {
    action: String,
    owner: String,
    environment: Option<String>,
    role: Option<String>,
    user: Option<String>,
    principal_id: String,
    scope: String,
    role_definition: Definition,
    principal_type: String,
    assignment: String,
    description: String,
    because: String,
}

#[derive(Deserialize)]
struct Definition {
    id: String,
}

#[derive(Deserialize)]
struct Of {
    owner: Option<String>,
    facts: Vec<Fact>,
}

#[derive(Deserialize)]
struct Fact {
    side: String,
    about: String,
    is: String,
}

fn value(what: &str, text: &str) -> Unreadable {
    let shown: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    Unreadable::Value(format!("`{shown}` is not {what}"))
}

fn owner(text: &str) -> Result<OwnerCode, Unreadable> {
    OwnerCode::new(text).ok_or_else(|| value("an owner's code", text))
}

impl File {
    fn lower(self) -> Result<Saved, Unreadable> {
        let Self { tool, tenant, instance, changes, refused, selected, basis } = self;
        let deeds = |entries: Vec<Entry>| entries.into_iter().map(Entry::lower).collect::<Result<Vec<_>, _>>();
        let selected = selected.map(|codes| codes.iter().map(|code| owner(code)).collect()).transpose()?;
        let mut facts = Basis::default();
        for Of { owner: whose, facts: entries } in basis {
            let owner = whose.as_deref().map(owner).transpose()?;
            for Fact { side, about, is } in entries {
                let known = [Side::Git, Side::Azure].into_iter().find(|it| it.word() == side);
                let side = known.ok_or_else(|| value("where a fact is read", &side))?;
                facts.0.insert(About { owner, side, what: about }, is);
            }
        }
        let tenant = tenant.parse().map_err(|_| value("a tenant's id", &tenant))?;
        let instance = InstanceName::new(&instance);
        Ok(Saved { tool, tenant, instance, selected, changes: deeds(changes)?, refused: deeds(refused)?, basis: facts })
    }
}

impl Entry {
    fn lower(self) -> Result<Deed, Unreadable> {
        let Self { action, scope, assignment, principal_id, role_definition: Definition { id }, .. } = self;
        let known = [Action::Grant, Action::Adopt, Action::Update, Action::Revoke];
        let known = known.into_iter().find(|it| it.word() == action);
        let triple = Triple {
            scope: ScopeId::new(&scope),
            principal: principal_id.parse().map_err(|_| value("an object id", &principal_id))?,
            definition: id.parse().map_err(|_| value("a role definition's id", &id))?,
        };
        let name = assignment.rsplit('/').next().and_then(|name| name.parse().ok());
        let name = name.filter(|name| resource_id(&triple.scope, *name).eq_ignore_ascii_case(&assignment));
        Ok(Deed {
            action: known.ok_or_else(|| value("what is done to an assignment", &action))?,
            owner: owner(&self.owner)?,
            environment: self.environment.as_deref().map(EnvironmentName::new),
            role: self.role.as_deref().map(RoleName::new),
            user: self.user.as_deref().map(UserName::new),
            principal_type: PrincipalType::from_azure(&self.principal_type),
            name: name.ok_or_else(|| value("an assignment at its scope", &assignment))?,
            description: self.description,
            because: self.because,
            triple,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plan_is_told_apart() {
        assert_eq!(read(&vec![b' '; BYTES_MAX + 1]), Err(Unreadable::TooLarge));
        for (text, is) in [
            ("", "not a saved plan"),
            ("{}", "not a saved plan: missing field `format`"),
            ("{\"format\": 7}", "format 7"),
            ("{\"format\": 1}", "a report"),
            ("{\"format\": 1, \"seal\": \"\"}", "changed since it was written"),
        ] {
            let said = read(text.as_bytes()).unwrap_err().to_string();
            assert!(said.starts_with(is), "{text}: {said}");
        }
        let deep = format!("{{\"format\": 1, \"x\": {}", "[".repeat(1_000_000));
        assert!(matches!(read(deep.as_bytes()), Err(Unreadable::NotAPlan(_))));
        let sealed = seal("{\n  \"format\": 1\n}\n").unwrap();
        assert!(matches!(read(sealed.as_bytes()), Err(Unreadable::NotAPlan(why)) if why.contains("missing field")));
    }
}
