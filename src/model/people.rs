//! People as Entra knows them, and the answers to "who is this?".

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use super::{
    desired::FileId,
    ids::{PrincipalId, UserName},
    past::Past,
    trouble::Trouble,
};

/// A user in Entra.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The object id.
    pub id: PrincipalId,
    /// The sign-in name, as Entra spells it.
    pub name: UserName,
    /// The name people use.
    pub display_name: Option<Arc<str>>,
    /// Whether the account can sign in.
    pub enabled: bool,
    /// Whether it is a guest from elsewhere.
    pub guest: bool,
}

/// The answer to "who has this sign-in name?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ByName {
    /// This person.
    Person(Person),
    /// Nobody, for certain; with what may have been meant.
    Nobody(Hint),
    /// Entra could not answer.
    Unanswered(Arc<Trouble>),
}

/// Why a name may lead nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Nothing comes close.
    Nothing,
    /// The written name is the e-mail address of the user with this sign-in name.
    MailOf(UserName),
    /// The user was deleted, and can be restored for 30 days from then.
    Deleted {
        /// The id it had, and would have again.
        id: PrincipalId,
        /// When it was deleted.
        on: Option<Timestamp>,
    },
    /// The real user with the nearest name.
    Nearest(UserName),
}

/// The answer to "who has this object id?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ById {
    /// A user.
    Person(Person),
    /// A group or service principal, by its display name.
    NotAPerson(Arc<str>),
    /// A user that was deleted and can be restored; the name it had.
    Deleted {
        /// The sign-in name, without the id that Entra puts before it.
        name: UserName,
        /// When it was deleted.
        on: Option<Timestamp>,
    },
    /// Neither among the living nor among the deleted.
    Gone,
    /// Entra could not answer.
    Unanswered(Arc<Trouble>),
}

/// Every answer of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People {
    /// By sign-in name: each that git names.
    pub by_name: BTreeMap<UserName, ByName>,
    /// By object id: each that git names and that its name did not lead to, and each that holds something git did not explain.
    pub by_id: BTreeMap<PrincipalId, ById>,
    /// How names came and went in owners' files: asked only where a removal hangs on a name that nobody has.
    pub past: BTreeMap<FileId, Past>,
}
