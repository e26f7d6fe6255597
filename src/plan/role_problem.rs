//! What may be wrong with a role definition that a role gives, in words, with what to do about it.

use std::{fmt, sync::Arc};

use crate::model::{
    ability::Ability,
    code::Code,
    ids::{RoleDefinitionId, ScopeId},
    privilege::Privilege,
    trouble::Trouble,
};

/// What is wrong with a role definition that a role gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleProblem {
    /// Its GUID.
    pub id: RoleDefinitionId,
    /// What Azure calls it; what the workspace does, where Azure's name was not read.
    pub name: String,
    /// Everything that is wrong, gravest first. Never empty.
    pub faults: Vec<Fault>,
}

/// One thing that is wrong with a role definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It was not read in this run, and why, where something failed.
    Unread(Option<Arc<Trouble>>),
    /// Azure has none with this GUID.
    Missing,
    /// The workspace calls it something else.
    OtherName(String),
    /// It gives access itself, and the role does not say why it may.
    GivesAccess(Vec<&'static Privilege>),
    /// It reaches nearly everything, and the role does not say why it may.
    Broad,
    /// It does not give what `may:` claims.
    GivesLess(Vec<&'static Ability>),
    /// It cannot be assigned at the target.
    NotAssignable(Vec<ScopeId>),
    /// Whether it can be assigned at the target could not be read.
    AssignableUnread(Arc<Trouble>),
}

/// Privileges that are named in a sentence; what is beyond is counted.
const NAMED_MAX: usize = 3;

impl Fault {
    /// The stable word, and that of the finding about what exists.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Unread(_) | Self::AssignableUnread(_) => Code::RoleUnread,
            Self::Missing => Code::RoleMissing,
            Self::OtherName(_) => Code::RoleName,
            Self::GivesAccess(_) => Code::RolePrivileged,
            Self::Broad => Code::RoleBroad,
            Self::GivesLess(_) => Code::RoleGivesLess,
            Self::NotAssignable(_) => Code::RoleNotAssignable,
        }
    }
}

impl RoleProblem {
    /// The stable word of the gravest fault.
    #[must_use]
    pub fn code(&self) -> Code {
        self.faults.first().map_or(Code::RoleUnread, Fault::code)
    }

    /// Whether it only says that something could not be read.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.code() == Code::RoleUnread
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self.faults.first() {
            None | Some(Fault::Unread(_) | Fault::AssignableUnread(_)) => {
                "run again; `tilgang doctor` shows whether our identity may read role definitions".to_owned()
            }
            Some(Fault::Missing) => "correct `definition` in `tilgang.yaml`, or create the role definition".to_owned(),
            Some(Fault::OtherName(_)) => format!(
                "if `{}` is meant, write that `name` in `tilgang.yaml`; else correct `definition`",
                self.name
            ),
            Some(Fault::GivesAccess(_) | Fault::Broad) => {
                "give a narrower role definition; or, if the role is meant to, write `privileged: \"<reason>\"` with it in \
                 `tilgang.yaml`"
                    .to_owned()
            }
            Some(Fault::GivesLess(_)) => {
                "give a role definition that does, or correct `may` in `tilgang.yaml`".to_owned()
            }
            Some(Fault::NotAssignable(_)) => {
                "add the subscription to the role definition's assignable scopes, or give another".to_owned()
            }
        }
    }
}

impl fmt::Display for RoleProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, name, faults } = self;
        for (n, fault) in faults.iter().enumerate() {
            f.write_str(if n == 0 { "" } else { "; " })?;
            // The first names it, the others are about "it".
            let it = if n == 0 { format!("the role definition `{name}`") } else { "it".to_owned() };
            match fault {
                Fault::Unread(Some(trouble)) => {
                    write!(f, "what {it} permits is unknown: {}", trouble.without_request())?;
                }
                Fault::Unread(None) => write!(f, "what {it} permits is unknown: it was not read")?,
                Fault::Missing => write!(f, "Azure has no role definition `{id}`, which the workspace calls `{name}`")?,
                Fault::OtherName(said) => {
                    write!(f, "Azure calls the role definition `{id}` `{name}`, and the workspace `{said}`")?;
                }
                Fault::GivesAccess(privileges) => {
                    let named: Vec<&str> = privileges.iter().take(NAMED_MAX).map(|it| it.may).collect();
                    write!(f, "{it} gives access itself: it may {}", named.join(", "))?;
                    match privileges.len().saturating_sub(NAMED_MAX) {
                        0 => {}
                        more => write!(f, ", and {more} more")?,
                    }
                }
                Fault::Broad => write!(f, "{it} is broad: it may change nearly everything")?,
                Fault::GivesLess(lacks) => {
                    let lacks: Vec<String> = lacks.iter().map(|it| format!("{} {}", it.may.0, it.may.1)).collect();
                    write!(f, "{it} does not let anybody {}, as `may` claims", lacks.join(" or "))?;
                }
                Fault::NotAssignable(scopes) => {
                    let scopes: Vec<String> = scopes.iter().map(|scope| format!("`{scope}`")).collect();
                    write!(f, "{it} cannot be assigned here: its assignable scopes are {}", scopes.join(", "))?;
                }
                Fault::AssignableUnread(trouble) => {
                    write!(f, "whether {it} can be assigned here is unknown: {}", trouble.without_request())?;
                }
            }
        }
        Ok(())
    }
}
