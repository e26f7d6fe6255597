//! People as Entra knows them, and the answers to "who is this?".

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use jiff::Timestamp;

use super::{
    desired::{FileId, Origin},
    ids::{PrincipalId, UserName},
    past::{LineAge, Past},
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
    /// When the account was made, where Entra says so: `createdDateTime`, which may be null (graph-docs v1.0
    /// resources/user.md).
    pub created: Option<Timestamp>,
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
    /// The written name is the e-mail address of the users with these sign-in names: several accounts may have one address.
    MailOf(BTreeSet<UserName>),
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
    /// No user has it, and no deleted one; whether anything else has, could not be asked: a token with `User.Read.All` alone
    /// looks up users (graph-docs directoryobject-getbyids).
    NoUser,
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
    /// Names that git listed before, and does not list now: asked only where a group may still give them what they had.
    pub former: BTreeMap<UserName, ByName>,
    /// How names came and went in owners' files: asked only where a removal hangs on a name that nobody has.
    pub past: BTreeMap<FileId, Past>,
    /// Groups: each that policy names.
    pub groups: BTreeMap<GroupKey, InGroup>,
    /// An attribute of users, where policy asks for one: each that git lists.
    pub attributes: BTreeMap<PrincipalId, HasAttribute>,
    /// Deleted accounts by the name they had: asked only where somebody would gain something by a name alone.
    pub deleted: DeletedAccounts,
    /// When the lines of git were committed that list people by name: asked only where such a line would give something new,
    /// or an account of before may be meant by it. A line whose account is older than git's whole history is left out.
    pub written: BTreeMap<Origin, LineAge>,
    /// Why git could not tell that of all lines that were asked about, if so.
    pub undated: Option<Arc<str>>,
}

/// The answer to "which deleted accounts had these sign-in names?".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DeletedAccounts {
    /// Nothing hung on it.
    #[default]
    NotAsked,
    /// These, each with when it was deleted. A name that no deleted account had is left out.
    Known(FormerHolders),
    /// Entra could not answer.
    Unanswered(Arc<Trouble>),
}

/// Deleted accounts by the sign-in name they had, each with when it was deleted.
pub type FormerHolders = BTreeMap<UserName, BTreeMap<PrincipalId, Option<Timestamp>>>;

/// How a group is named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupKey {
    /// By object id.
    Id(PrincipalId),
    /// By display name, which need not be unique; in lower case, as Graph compares it.
    Name(String),
}

impl GroupKey {
    /// By display name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self::Name(name.to_lowercase())
    }
}

impl fmt::Display for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// The answer to "who is in this group?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InGroup {
    /// These, through groups as well; whatever else is in it (groups, applications, devices) included.
    Members(BTreeSet<PrincipalId>),
    /// There is no such group.
    Missing,
    /// Several groups have this name; how many.
    Several(usize),
    /// Entra could not answer.
    Unanswered(Arc<Trouble>),
}

/// An attribute of a user that can name an owner. Microsoft Graph v1.0, "user resource type".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attribute {
    /// `companyName`.
    CompanyName,
    /// `department`.
    Department,
    /// `officeLocation`.
    OfficeLocation,
    /// `employeeType`.
    EmployeeType,
}

impl Attribute {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::CompanyName, Self::Department, Self::OfficeLocation, Self::EmployeeType];

    /// Graph's word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::CompanyName => "companyName",
            Self::Department => "department",
            Self::OfficeLocation => "officeLocation",
            Self::EmployeeType => "employeeType",
        }
    }
}

/// The answer to "what does this user have there?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HasAttribute {
    /// This.
    Value(Arc<str>),
    /// Nothing; or there is no such user.
    Nothing,
    /// Entra could not answer.
    Unanswered(Arc<Trouble>),
}
