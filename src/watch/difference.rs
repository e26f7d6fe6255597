//! One difference, and the key by which it is known again in the next look.

use std::{fmt, sync::Arc};

use jiff::civil::Date;
use uuid::Uuid;

use crate::{
    model::{
        desired::Place,
        ids::{PrincipalId, RoleDefinitionId, ScopeId},
        owner::{EnvironmentName, OwnerCode, RoleName},
    },
    plan::{change::Change, drift::Class},
};

/// Namespace of the ids of differences. Fixed: a link in an old notice still leads to its difference.
const NAMESPACE: Uuid = Uuid::from_u128(0x7469_6c67_616e_4767_9b1e_5d0c_6a2f_d21f);

/// What makes two sightings one difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Its class.
    pub class: Class,
    /// At whom.
    pub owner: Option<OwnerCode>,
    /// Whose access it is about.
    pub person: Option<PrincipalId>,
    /// Where.
    pub scope: Option<ScopeId>,
    /// Which role definition.
    pub definition: Option<RoleDefinitionId>,
    /// What else tells it apart, where the rest does not: the role that git grants, the name of a person whom Entra does not
    /// know.
    pub detail: Option<Arc<str>>,
}

impl Key {
    /// Of a class, at an owner; about nobody and nothing yet.
    #[must_use]
    pub fn new(class: Class, owner: Option<OwnerCode>) -> Self {
        Self { class, owner, person: None, scope: None, definition: None, detail: None }
    }

    /// Of what a change mends.
    #[must_use]
    pub fn of(change: &Change) -> Self {
        Self {
            person: Some(change.triple.principal),
            scope: Some(change.triple.scope.clone()),
            definition: Some(change.triple.definition),
            ..Self::new(Class::of(change), Some(change.owner))
        }
    }

    /// A short stable id, for links and for machines: UUIDv5 over the key, in lower case.
    #[must_use]
    pub fn id(&self) -> Uuid {
        Uuid::new_v5(&NAMESPACE, self.to_string().to_ascii_lowercase().as_bytes())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { class, owner, person, scope, definition, detail } = self;
        f.write_str(class.word())?;
        let mut part = |value: Option<&dyn fmt::Display>| match value {
            Some(value) => write!(f, "|{value}"),
            None => f.write_str("|"),
        };
        part(owner.as_ref().map(|it| it as _))?;
        part(person.as_ref().map(|it| it as _))?;
        part(scope.as_ref().map(|it| it as _))?;
        part(definition.as_ref().map(|it| it as _))?;
        part(detail.as_ref().map(|it| it as _))
    }
}

/// One difference as it looks now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// By which it is known again.
    pub key: Key,
    /// In which environment, if it is known.
    pub environment: Option<EnvironmentName>,
    /// Which of the owner's roles, if it is known.
    pub role: Option<RoleName>,
    /// Whose access it is about, as people say it: the sign-in name, else the display name, else the object id.
    pub who: Option<Arc<str>>,
    /// The role definition's name, if it is known.
    pub definition_name: Option<Arc<str>>,
    /// The assignment's resource id, where one stands or would be made.
    pub assignment: Option<Arc<str>>,
    /// What it is, in one sentence without a full stop.
    pub words: Arc<str>,
    /// What of it is news when it changes: a reason, the days that are left. A number or a name in the words is none.
    pub gist: Arc<str>,
    /// What mends it.
    pub remedy: Arc<str>,
    /// The last day, where it is about one.
    pub until: Option<Date>,
    /// Why it is accepted, if it is: then it is known, and nobody is told.
    pub accepted: Option<Arc<str>>,
    /// Where git says so.
    pub places: Vec<Place>,
}

impl Difference {
    /// Whether what changed from this to another sighting of the same is worth telling.
    #[must_use]
    pub fn is_news_beside(&self, before: &Self) -> bool {
        let told = |it: &Self| (it.gist.clone(), it.until, it.accepted.is_some());
        told(self) != told(before)
    }
}
