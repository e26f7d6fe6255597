//! What would be done to one assignment, and why.

use std::{fmt, sync::Arc};

use jiff::{Timestamp, civil::Date};

use crate::model::{
    assignment::{PrincipalType, Standing, Triple, resource_id},
    desired::Origin,
    ids::{AssignmentName, PrincipalId, UserName},
    owner::{EnvironmentName, OwnerCode, RoleName},
    people::{ById, People, Person},
};

/// How long after its last day a removal still counts as an expiry. Ours: a nightly job may rest for a month.
pub(super) const EXPIRY_RECENT_DAYS: i64 = 31;

/// What is done to an assignment. The order is the order of execution: nobody loses access halfway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// It is made.
    Grant,
    /// It stands by someone else's hand, git lists it, and it gets our mark: from then on it is ours.
    Adopt,
    /// It stands, and is put right: a condition taken off, our mark put back.
    Update,
    /// It is deleted.
    Revoke,
}

impl Action {
    /// The word of JSON format 1.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Adopt => "adopt",
            Self::Update => "update",
            Self::Revoke => "revoke",
        }
    }
}

/// Who an assignment is for, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// The object id.
    pub id: PrincipalId,
    /// What it is.
    pub principal_type: PrincipalType,
    /// The sign-in name, of a living or a deleted person.
    pub name: Option<UserName>,
    /// The name people use; for a group or service principal its only one.
    pub display_name: Option<Arc<str>>,
}

impl Who {
    /// A living person.
    #[must_use]
    pub fn person(person: &Person) -> Self {
        Self {
            id: person.id,
            principal_type: PrincipalType::User,
            name: Some(person.name.clone()),
            display_name: person.display_name.clone(),
        }
    }
}

impl Who {
    /// The holder of an assignment, as far as Entra said.
    #[must_use]
    pub fn of(standing: &Standing, people: &People) -> Self {
        Self::known(standing.assignment.triple.principal, standing.assignment.principal_type, people)
    }

    /// Somebody by object id, as far as Entra said.
    #[must_use]
    pub fn known(id: PrincipalId, principal_type: PrincipalType, people: &People) -> Self {
        let nameless = Self { id, principal_type, name: None, display_name: None };
        match people.by_id.get(&id) {
            Some(ById::Person(person)) => Self { principal_type, ..Self::person(person) },
            Some(ById::Deleted { name, .. }) => Self { name: Some(name.clone()), ..nameless },
            Some(ById::NotAPerson(name)) => Self { display_name: Some(name.clone()), ..nameless },
            Some(ById::Gone | ById::NoUser | ById::Unanswered(_)) | None => nameless,
        }
    }
}

impl Who {
    /// Somebody in one word or two: the sign-in name where there is one.
    #[must_use]
    pub fn short(&self) -> String {
        match (&self.name, &self.display_name) {
            (Some(name), _) => name.to_string(),
            (None, Some(display_name)) => match self.kind() {
                Some(kind) => format!("{display_name} ({kind})"),
                None => display_name.to_string(),
            },
            (None, None) => format!("object id {}", self.id),
        }
    }

    /// What it is, if not a user.
    #[must_use]
    pub fn kind(&self) -> Option<&'static str> {
        match self.principal_type {
            PrincipalType::User => None,
            PrincipalType::Group => Some("a group"),
            PrincipalType::ForeignGroup => Some("a group of another tenant"),
            PrincipalType::ServicePrincipal => Some("an application"),
            PrincipalType::Other => Some("neither a person nor a group"),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, &self.display_name) {
            (Some(name), _) => write!(f, "{name}"),
            (None, Some(display_name)) => write!(f, "{display_name}"),
            (None, None) => write!(f, "{}", self.id),
        }
    }
}

/// One change to one assignment, complete: whoever carries it out has nothing left to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What is done.
    pub action: Action,
    /// At whose expense or gain.
    pub owner: OwnerCode,
    /// In which environment, if it is known.
    pub environment: Option<EnvironmentName>,
    /// Which of the owner's roles, if it is known.
    pub role: Option<RoleName>,
    /// For whom.
    pub who: Who,
    /// Scope, principal, role definition.
    pub triple: Triple,
    /// The role definition's name, if the catalogue knows it.
    pub definition_name: Option<Arc<str>>,
    /// The assignment's name in Azure.
    pub name: AssignmentName,
    /// Its description: for a grant or update the one it shall have, for a revoke the one it has.
    pub description: String,
    /// Where git says so.
    pub origins: Vec<Origin>,
    /// Why.
    pub because: Because,
}

impl Change {
    /// The assignment's resource id.
    #[must_use]
    pub fn assignment(&self) -> String {
        resource_id(&self.triple.scope, self.name)
    }

    /// Grants before adoptions and updates before revokes; then by owner, person, role, scope.
    #[must_use]
    pub fn order(&self) -> impl Ord + '_ {
        (self.action, self.owner, &self.who.name, &self.role, &self.triple)
    }
}

/// Why a change is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Because {
    /// Git lists it, and Azure does not have it.
    Listed {
        /// The last day.
        until: Option<Date>,
        /// Git's own reason.
        reason: Option<Arc<str>>,
    },
    /// Git lists it, and someone else made it; what its description said until now.
    MadeByOthers {
        /// That description.
        description: Option<Arc<str>>,
    },
    /// Somebody put a condition on one of ours.
    ConditionAdded,
    /// The description says something else than it should.
    DescriptionChanged,
    /// The description is gone, or no longer ours: others wrote over it.
    DescriptionLost,
    /// The owner's file was read and does not list it.
    NotListed {
        /// The person is no longer among the living in Entra; what is known of that.
        gone: Option<Gone>,
    },
    /// Git may still list them, but the person is no more: neither among the living nor among the deleted. Whoever
    /// carries it out looks once more ([`Because::rests_on_gone`]).
    PersonGone,
    /// Its role definition was given once and is no longer.
    Retired,
    /// Its last day has passed.
    Ended {
        /// The last day.
        on: Date,
        /// Not long ago.
        recently: bool,
    },
    /// The owner's file is a tombstone.
    OwnerRemoved,
    /// Ours, where no file, rule or catalogue puts anything.
    Stray(Stray),
    /// Others made it, and policy says that such are removed.
    Unmanaged {
        /// The last day of what git listed, if that is why git no longer does.
        ended: Option<Date>,
    },
}

/// What became of a person in Entra.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// Deleted, and restorable for 30 days from then.
    Deleted(Option<Timestamp>),
    /// Not even among the deleted.
    ForGood,
}

/// Why one of ours is where nothing puts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stray {
    /// Its scope is no target: the naming rule changed, or the target vanished.
    NoTarget,
    /// Its scope is a target, but no role gives this role definition there, and none is retired.
    NoRole,
}

impl Because {
    /// Whether the day alone took it away: such removals are counted apart.
    #[must_use]
    pub fn is_expiry(&self) -> bool {
        matches!(self, Self::Ended { recently: true, .. })
    }

    /// The last day that ended it, if one did.
    #[must_use]
    pub fn ended(&self) -> Option<Date> {
        match self {
            Self::Ended { on, .. } => Some(*on),
            Self::Unmanaged { ended } => *ended,
            _ => None,
        }
    }

    /// Whether the removal is only right as long as Entra does not know the person, not even among the deleted. Nothing
    /// else says that git does not mean them.
    #[must_use]
    pub fn rests_on_gone(&self) -> bool {
        matches!(self, Self::PersonGone)
    }
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deleted(Some(on)) => write!(f, "deleted from Entra on {}", on.strftime("%Y-%m-%d")),
            Self::Deleted(None) => f.write_str("deleted from Entra"),
            Self::ForGood => f.write_str("gone from Entra for good"),
        }
    }
}

impl fmt::Display for Stray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoTarget => "made by tilgang, at a resource that no naming rule leads to any more",
            Self::NoRole => "made by tilgang, and no role in the catalogue gives it any more",
        })
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listed { until: Some(until), reason: Some(reason) } => {
                write!(f, "listed until {until}: {reason}")
            }
            Self::Listed { until: Some(until), reason: None } => write!(f, "listed until {until}"),
            Self::Listed { until: None, reason: Some(reason) } => write!(f, "listed: {reason}"),
            Self::Listed { until: None, reason: None } => f.write_str("listed"),
            Self::MadeByOthers { description: None } => f.write_str("in git, and created outside tilgang"),
            Self::MadeByOthers { description: Some(text) } => {
                write!(f, "in git, and created outside tilgang; its description was: {text}")
            }
            Self::ConditionAdded => f.write_str("somebody put a condition on it; git has none"),
            Self::DescriptionChanged => f.write_str("its description says something else than git"),
            Self::DescriptionLost => f.write_str("its description no longer says that it is tilgang's"),
            Self::NotListed { gone: None } => f.write_str("no longer listed"),
            Self::NotListed { gone: Some(gone) } => write!(f, "no longer listed, and {gone}"),
            Self::PersonGone => f.write_str("the person is gone from Entra for good"),
            Self::Retired => f.write_str("its role definition is `retired` in the catalogue"),
            Self::Ended { on, .. } => write!(f, "expired: the last day was {on}"),
            Self::OwnerRemoved => f.write_str("the owner's file says `removed: true`"),
            Self::Stray(stray) => write!(f, "{stray}"),
            Self::Unmanaged { .. } => {
                f.write_str("not in git, created outside tilgang; policy says `unmanaged: revoke`")
            }
        }
    }
}
