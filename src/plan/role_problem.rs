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

/// One thing that is wrong with a role definition; the gravest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It was not read in this run, and why, where something failed.
    Unread(Option<Arc<Trouble>>),
    /// Azure has none with this GUID.
    Missing,
    /// It gives access itself, and the role does not say why it may.
    GivesAccess(Vec<&'static Privilege>),
    /// It does not give what `may:` claims.
    GivesLess(Vec<&'static Ability>),
    /// The workspace calls it something else.
    OtherName(String),
    /// The workspace calls it what Microsoft called it before, and it permits what it did.
    Renamed(String),
    /// It reaches nearly everything, and the role does not say why it may.
    Broad,
    /// It cannot be assigned at the target.
    NotAssignable(Vec<ScopeId>),
    /// Whether it can be assigned at the target was not read in this run, and why, where something failed.
    AssignableUnread(Option<Arc<Trouble>>),
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
            Self::Renamed(_) => Code::RoleRenamed,
            Self::GivesAccess(_) => Code::Privileged,
            Self::Broad => Code::Broad,
            Self::GivesLess(_) => Code::RoleGivesLess,
            Self::NotAssignable(_) => Code::RoleNotAssignable,
        }
    }
}

impl Fault {
    /// How grave it is: the smaller, the graver.
    fn gravity(&self) -> usize {
        match self {
            Self::Unread(_) => 0,
            Self::Missing => 1,
            Self::GivesAccess(_) => 2,
            Self::GivesLess(_) => 3,
            Self::OtherName(_) => 4,
            Self::Broad => 5,
            Self::NotAssignable(_) => 6,
            Self::AssignableUnread(_) => 7,
            Self::Renamed(_) => 8,
        }
    }
}

impl RoleProblem {
    /// With its faults in order.
    #[must_use]
    pub fn new(id: RoleDefinitionId, name: String, mut faults: Vec<Fault>) -> Self {
        faults.sort_by_key(Fault::gravity);
        Self { id, name, faults }
    }

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

    /// What to do about it: all of it, the likeliest first. Where the name is another, most likely another definition was meant.
    #[must_use]
    pub fn help(&self) -> String {
        let (name, rest): (Vec<&Fault>, Vec<&Fault>) =
            self.faults.iter().partition(|fault| matches!(fault, Fault::OtherName(_)));
        let each = name.into_iter().chain(rest).map(|fault| match fault {
            Fault::Unread(_) | Fault::AssignableUnread(_) => {
                "run again; `tilgang doctor` shows whether our identity may read role definitions".to_owned()
            }
            Fault::Missing => "correct `definition` in `tilgang.yaml`, or create the role definition".to_owned(),
            Fault::OtherName(_) => {
                format!("correct `definition` in `tilgang.yaml`; or, if `{}` is meant, write that `name`", self.name)
            }
            Fault::Renamed(_) => format!("write its new `name` in `tilgang.yaml`: `{}`", self.name),
            Fault::GivesAccess(_) | Fault::Broad => {
                "give a narrower role definition; or, if this one is meant, write `privileged: \"<reason>\"` beside its \
                 `definition` in `tilgang.yaml`"
                    .to_owned()
            }
            Fault::GivesLess(_) => "give a role definition that does, or correct `may` in `tilgang.yaml`".to_owned(),
            Fault::NotAssignable(_) => {
                "add the subscription to the role definition's assignable scopes, or give another".to_owned()
            }
        });
        let mut helps: Vec<String> = Vec::new();
        for help in each {
            if !helps.contains(&help) {
                helps.push(help);
            }
        }
        helps.join("; ")
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
                Fault::Renamed(said) => {
                    write!(
                        f,
                        "Microsoft renamed the role definition `{said}`: it is `{name}` now, and permits what it did"
                    )?;
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
                Fault::AssignableUnread(Some(trouble)) => {
                    write!(f, "whether {it} can be assigned here is unknown: {}", trouble.without_request())?;
                }
                Fault::AssignableUnread(None) => {
                    write!(f, "whether {it} can be assigned here is unknown: it was not read")?;
                }
            }
        }
        Ok(())
    }
}
