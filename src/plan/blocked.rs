//! What cannot be done, or not safely: each with its reason and what would help.

use std::{fmt, sync::Arc};

use jiff::{Timestamp, civil::Date};

use crate::model::{
    code::Code,
    desired::Origin,
    former::ChangedHands,
    ids::{PrincipalId, ScopeId, UserName},
    observed::Lock,
    owner::{EnvironmentName, OwnerCode, RoleName},
    past::NoAge,
    people::Hint,
    policy::Account,
    trouble::Trouble,
};

use super::{
    change::{Action, Stray},
    role_problem::RoleProblem,
};

/// A change that git asks for and that is not in the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// What would have been done.
    pub action: Action,
    /// At whom.
    pub owner: Option<OwnerCode>,
    /// In which environment, if it is known.
    pub environment: Option<EnvironmentName>,
    /// Which role, if it is known.
    pub role: Option<RoleName>,
    /// Who, as git or Entra names them; else the object id.
    pub who: String,
    /// Where, if it is known.
    pub scope: Option<ScopeId>,
    /// Why not.
    pub block: Block,
    /// The lines of git it comes from.
    pub origins: Vec<Origin>,
}

impl Blocked {
    /// By owner, then person, role and place.
    #[must_use]
    pub fn order(&self) -> impl Ord + '_ {
        (self.owner, &self.who, self.action, &self.role, &self.scope)
    }
}

/// Why a change is not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// Entra knows nobody by this name.
    UnknownPerson(Hint),
    /// The object id in git belongs to nobody, not even among the deleted.
    GonePerson,
    /// The object id in git belongs to a group or service principal, by this name.
    NotAPerson(Arc<str>),
    /// Another person stands behind the name than git's object id says.
    OtherPerson {
        /// The name that Entra has for git's id, if any.
        id_is: Option<UserName>,
    },
    /// The name led to another account before, and git has no object id beside it.
    NameChangedHands(Arc<ChangedHands>),
    /// The account is younger than the line of git that lists it by name alone.
    NewerThanLine {
        /// The account.
        id: PrincipalId,
        /// When it was created.
        created: Timestamp,
        /// When the line was committed.
        written: Timestamp,
    },
    /// Policy blocks accounts that are younger than their line, and how old the line is that lists this one by name alone is not
    /// known.
    LineAgeUnknown {
        /// The account.
        id: PrincipalId,
        /// Why git does not say.
        why: NoAge,
    },
    /// Nobody has this name, and git's object id leads to a guest, or to somebody of another domain than reviewers saw.
    NameElsewhere(UserName),
    /// Nobody has this name, and the `id` is that of this user, who holds nothing at the owner; somebody who does, unexplained,
    /// could be the one whom the name meant.
    IdUnproven(UserName),
    /// Entra could not say who this is.
    PersonUnanswered(Arc<Trouble>),
    /// There is no such target; what was looked for, and what came close.
    TargetMissing(String),
    /// Two targets where one is meant.
    TargetSeveral(Vec<ScopeId>),
    /// One resource is the target of two owners, environments or kinds.
    TargetShared,
    /// The target could not be looked for, or what stands at it could not be read.
    Unread(Arc<Trouble>),
    /// Something is wrong with the role definition that it gives.
    RoleDefinition(RoleProblem),
    /// Somebody else's assignment with a condition stands in its place; Azure allows one.
    HeldWithCondition,
    /// The person holds it through PIM, for a time; Azure allows one.
    HeldByPim,
    /// Whether PIM ends it could not be asked.
    PimUnanswered,
    /// The owner has no file.
    OwnerFileMissing,
    /// The owner's file has errors.
    OwnerFileBroken,
    /// Nobody can say whose it is: neither its description nor its subscription names an owner.
    OwnerUnknown(Stray),
    /// Somebody whom git lists here could not be told from the holder.
    Doubt(UserName),
    /// Git still lists the person, but where it should now stand is not known.
    StillListed(Stray),
    /// Ours stands where the naming rule still leads, but Resource Graph does not show the resource: that proves nothing.
    NotShown,
    /// The same person shall have this role in its place, and cannot get it now.
    GrantWaits(RoleName),
    /// It was made after the commit that was read: by a newer commit than this one.
    MadeAfterCommit {
        /// When it was made.
        made: Option<Timestamp>,
        /// When HEAD was committed.
        commit: Timestamp,
    },
    /// Git could not say which commit this is.
    CommitUnknown(String),
    /// A lock stops the deletion.
    Locked(Lock),
    /// It would last longer than policy allows.
    TooLong {
        /// The last day it states.
        until: Option<Date>,
        /// The last day it may state today.
        latest: Date,
        /// How many days policy allows.
        days: i32,
    },
    /// The owner lists more people with this role than policy allows.
    TooMany {
        /// How many are listed.
        listed: usize,
        /// How many may be.
        max: usize,
    },
    /// The person is listed at another owner, too, and not both files say so.
    TwoOwners(OwnerCode),
    /// The person does not belong to the owner; in words, what was looked at.
    NotAMember(String),
    /// Whether people belong to the owner is not known; in words, why not.
    MembershipUnknown(String),
    /// Policy gives this kind of account nothing new.
    Account(Account),
    /// The subscription cannot hold them all: none is made, for who should do without?
    NoRoom {
        /// How many role assignments it may hold.
        limit: usize,
        /// How many it holds.
        held: usize,
        /// How many shall be added.
        grants: usize,
    },
}

impl Block {
    /// A stable word for machines.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownPerson(_) => "unknown-person",
            Self::GonePerson => "gone-person",
            Self::NotAPerson(_) => "not-a-person",
            Self::OtherPerson { .. } | Self::NameElsewhere(_) | Self::IdUnproven(_) => "other-person",
            Self::NameChangedHands(_) => Code::NameChangedHands.word(),
            Self::NewerThanLine { .. } => Code::NewerThanLine.word(),
            Self::LineAgeUnknown { .. } => "line-age-unknown",
            Self::PersonUnanswered(_) => "person-unanswered",
            Self::TargetMissing(_) => "target-missing",
            Self::TargetSeveral(_) => "target-ambiguous",
            Self::TargetShared => "target-shared",
            Self::Unread(_) => "unread",
            Self::RoleDefinition(problem) => problem.code().word(),
            Self::HeldWithCondition => "held-with-condition",
            Self::HeldByPim => "held-by-pim",
            Self::PimUnanswered => "pim-unanswered",
            Self::OwnerFileMissing => "owner-file-missing",
            Self::OwnerFileBroken => "owner-file-broken",
            Self::OwnerUnknown(_) => "owner-unknown",
            Self::Doubt(_) => "doubt",
            Self::StillListed(_) => "still-listed",
            Self::NotShown => "not-shown",
            Self::GrantWaits(_) => "grant-waits",
            Self::MadeAfterCommit { .. } => "made-after-commit",
            Self::CommitUnknown(_) => "commit-unknown",
            Self::Locked(_) => "locked",
            Self::TooLong { .. } => Code::TooLong.word(),
            Self::TooMany { .. } => Code::TooMany.word(),
            Self::TwoOwners(_) => Code::TwoOwners.word(),
            Self::NotAMember(_) => Code::NotAMember.word(),
            Self::MembershipUnknown(_) => Code::MembershipUnknown.word(),
            Self::Account(Account::Guest) => Code::Guest.word(),
            Self::Account(Account::Disabled) => "disabled",
            Self::NoRoom { .. } => "no-room",
        }
    }

    /// Whether it only says that something could not be asked or read.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        if let Self::RoleDefinition(problem) = self {
            return problem.is_unknown();
        }
        matches!(
            self,
            Self::PersonUnanswered(_)
                | Self::LineAgeUnknown { .. }
                | Self::Unread(_)
                | Self::PimUnanswered
                | Self::CommitUnknown(_)
                | Self::MembershipUnknown(_)
                | Self::OwnerFileBroken
        )
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::UnknownPerson(Hint::Nearest(name)) => format!("did you mean `{name}`?"),
            Self::UnknownPerson(Hint::MailOf(names)) => {
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                format!("did you mean {}?", names.join(" or "))
            }
            Self::UnknownPerson(Hint::Deleted { .. }) => {
                "restore the user in Entra, or take the entry out of the file".to_owned()
            }
            Self::UnknownPerson(Hint::Nothing) => {
                "the person must be a registered user first; check the spelling of the sign-in name".to_owned()
            }
            Self::GonePerson | Self::NotAPerson(_) => "correct `id`, or take the entry out of the file".to_owned(),
            Self::OtherPerson { .. } | Self::IdUnproven(_) => {
                "find out which of the two is meant, and correct `user` or `id` in the file".to_owned()
            }
            Self::NameChangedHands(changed) => paste(changed.now),
            Self::NewerThanLine { id, .. } => paste(*id),
            Self::LineAgeUnknown { id, why } => {
                let date = match why {
                    NoAge::NotInGit => "commit the workspace to git",
                    NoAge::NotCommitted => "commit the file",
                    NoAge::Shallow => "fetch the whole history (in GitHub Actions, `fetch-depth: 0` of the checkout)",
                    NoAge::Unanswered(_) => "run where git can read the file's history",
                };
                format!("{date}; or {}", paste(*id))
            }
            Self::TargetMissing(_) => {
                "make the resource fit in Azure; or correct the rule, or the owner's `resources`, in `tilgang.yaml`"
                    .to_owned()
            }
            Self::TargetSeveral(_) => "rename one, or tag only the right one, so that one is left".to_owned(),
            Self::TargetShared => "give each a resource of its own in `tilgang.yaml`".to_owned(),
            Self::NameElsewhere(name) => format!("if `{name}` is meant, write that name in the file"),
            Self::RoleDefinition(problem) => problem.help(),
            Self::HeldWithCondition => "take the other assignment away in the portal, and run again".to_owned(),
            Self::HeldByPim => "run again when it has ended there".to_owned(),
            Self::OwnerFileMissing => {
                "restore the file; or, if the owner has left, write one with `removed: true`".to_owned()
            }
            Self::OwnerFileBroken => "correct the errors in the owner's file".to_owned(),
            Self::OwnerUnknown(_) => "remove it by hand, if nobody needs it".to_owned(),
            Self::Doubt(name) => format!("make sure who `{name}` is; then run again"),
            Self::StillListed(Stray::NoTarget) => "correct the naming rule in `tilgang.yaml`".to_owned(),
            Self::StillListed(Stray::NoRole) => {
                "put the role definition back in `tilgang.yaml`, or add it to `retired` there".to_owned()
            }
            Self::NotShown => {
                "if the resource was moved or deleted, remove the assignment by hand: it opens nothing there".to_owned()
            }
            Self::GrantWaits(role) => {
                format!("see to it that `{role}` can be granted; or take it out of the file, if it is not meant")
            }
            Self::MadeAfterCommit { .. } => {
                "run from the newest commit; if this is the newest, make another".to_owned()
            }
            Self::CommitUnknown(_) => "make git work here: without it an old commit could undo a new one".to_owned(),
            Self::Locked(lock) => format!("take the lock `{}` away, apply, and put it back", lock.name),
            Self::TooLong { latest, .. } => format!("write `until: {latest}` or an earlier day"),
            Self::TooMany { max, .. } => format!("list at most {max}; or let the platform team raise the number"),
            Self::TwoOwners(other) => format!(
                "if both are meant, write `also_at` into both files: `also_at: [{other}]` here, and this owner there"
            ),
            Self::NotAMember(_) => {
                "let the owner's people be registered as such first, or list somebody else".to_owned()
            }
            Self::MembershipUnknown(_) => {
                "see to it that it can be looked up, or correct `users.member_of` in `tilgang.yaml`; until then nobody gains \
                 anything there"
                    .to_owned()
            }
            Self::Account(Account::Guest) => "list the person's own account here, or take the entry out".to_owned(),
            Self::Account(Account::Disabled) => "let the account be enabled first, or take the entry out".to_owned(),
            Self::NoRoom { .. } => {
                "take away role assignments there that nobody needs; or grant to fewer people".to_owned()
            }
            Self::PimUnanswered => "run again; `tilgang doctor` shows whether our identity may ask".to_owned(),
            Self::PersonUnanswered(_) | Self::Unread(_) => return None,
        })
    }
}

fn mail_of(accounts: usize) -> String {
    let several = if accounts > 1 { format!(", and {accounts} accounts have it") } else { String::new() };
    format!("this is an e-mail address, not a sign-in name{several}")
}

fn newer(created: Timestamp, written: Timestamp) -> String {
    let (created, written) = (day(created), day(written));
    format!("the account was created on {created}, after the line of git that lists it by name ({written})")
}

fn line_age_unknown(why: &NoAge) -> String {
    format!(
        "whether the account is older than the line of git that lists it by name is not known ({why}), and policy says \
         `newer_than_line: block`"
    )
}

fn unproven(id_is: &UserName) -> String {
    let others = "who holds nothing here; the name may be an older one of somebody who does";
    format!("nobody has this name, and the `id` in the file is that of `{id_is}`, {others}")
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownPerson(Hint::MailOf(names)) => f.write_str(&mail_of(names.len())),
            Self::UnknownPerson(Hint::Deleted { on: Some(on), .. }) => {
                write!(f, "deleted from Entra on {}", on.strftime("%Y-%m-%d"))
            }
            Self::UnknownPerson(hint) => f.write_str(match hint {
                Hint::Deleted { .. } => "deleted from Entra",
                _ => "Entra knows no such user",
            }),
            Self::GonePerson => f.write_str("Entra knows nobody with this `id`, not even among the deleted"),
            Self::NotAPerson(name) => write!(f, "this `id` is not a person's but that of `{name}`"),
            Self::OtherPerson { id_is: Some(name) } => {
                write!(f, "another person has this name now; the `id` in the file is that of `{name}`")
            }
            Self::OtherPerson { id_is: None } => {
                f.write_str("another person has this name now; the `id` in the file is nobody's")
            }
            Self::NameChangedHands(changed) => changed.fmt(f),
            Self::NewerThanLine { created, written, .. } => f.write_str(&newer(*created, *written)),
            Self::LineAgeUnknown { why, .. } => f.write_str(&line_age_unknown(why)),
            Self::PersonUnanswered(trouble) | Self::Unread(trouble) => write!(f, "{trouble}"),
            Self::TargetMissing(words) | Self::NotAMember(words) | Self::MembershipUnknown(words) => f.write_str(words),
            Self::TargetSeveral(scopes) => {
                write!(f, "{} resources fit where one is meant:", scopes.len())?;
                scopes.iter().try_for_each(|scope| write!(f, " `{scope}`"))
            }
            Self::TargetShared => {
                f.write_str("this resource is a target twice, so whose an assignment on it is cannot be told")
            }
            Self::NameElsewhere(name) => {
                write!(
                    f,
                    "nobody has this name; the `id` in the file is that of `{name}`: a guest, or of another domain"
                )
            }
            Self::IdUnproven(name) => f.write_str(&unproven(name)),
            Self::RoleDefinition(problem) => problem.fmt(f),
            Self::HeldWithCondition => f.write_str(
                "an assignment with a condition, created outside tilgang, is in its place, and Azure allows only one",
            ),
            Self::HeldByPim => f.write_str("held through PIM for a time, and Azure allows only one such assignment"),
            Self::PimUnanswered => f.write_str("whether PIM activated it could not be asked"),
            Self::OwnerFileMissing => f.write_str("the owner has no file; without one nothing explains a removal"),
            Self::OwnerFileBroken => {
                f.write_str("the owner's file has errors; a file that was not read explains nothing")
            }
            Self::OwnerUnknown(stray) => {
                write!(f, "{stray}; whose it is cannot be told: description and subscription name no owner, or two")
            }
            Self::Doubt(name) => write!(f, "this could be `{name}`, whom the file lists and who could not be resolved"),
            Self::StillListed(stray) => {
                write!(f, "{stray}; git still lists the person, and where it should now stand is not known")
            }
            Self::NotShown => f.write_str(
                "the naming rule still leads to this resource, and git lists the person; that Resource Graph does not \
                 show it proves nothing",
            ),
            Self::GrantWaits(role) => {
                write!(
                    f,
                    "`{role}`, which the same person shall have here, cannot be granted yet: nobody loses access halfway"
                )
            }
            Self::MadeAfterCommit { made, commit } => f.write_str(&made_after(*made, *commit)),
            Self::CommitUnknown(reason) => write!(f, "git could not say which commit this is: {reason}"),
            Self::NoRoom { limit, held, grants } => {
                write!(
                    f,
                    "the subscription holds {held} of {limit} role assignments, and {grants} more do not fit: none of \
                     them is made, for nobody can say who should do without"
                )
            }
            Self::Locked(Lock { name, level, scope })
                if scope.subscription().is_some_and(|id| ScopeId::subscription_scope(id) == *scope) =>
            {
                write!(f, "the lock `{name}` ({level}) on the whole subscription stops deletions")
            }
            Self::TooLong { until: Some(until), latest, days } => {
                write!(f, "lasts until {until}; `policy.longest` allows {days} days, today until {latest}")
            }
            Self::TooLong { until: None, days, .. } => {
                write!(f, "has no last day; `policy.longest` allows {days} days")
            }
            Self::TooMany { listed, max } => {
                write!(f, "{listed} people are listed with this role; `policy.holders_max` allows {max} at one owner")
            }
            Self::TwoOwners(other) => {
                write!(f, "listed at `{other}`, too, and not both files say so in `also_at`")
            }
            Self::Account(Account::Guest) => {
                f.write_str("a guest from elsewhere; `policy.block` gives guests nothing new")
            }
            Self::Account(Account::Disabled) => {
                f.write_str("the account is disabled; `policy.block` gives such accounts nothing new")
            }
            Self::Locked(Lock { name, level, scope }) => {
                write!(f, "the lock `{name}` ({level}) on `{}` stops deletions", scope.last_segment())
            }
        }
    }
}

fn made_after(made: Option<Timestamp>, commit: Timestamp) -> String {
    match made {
        Some(made) => format!("made on {}, after the commit that was read ({})", day(made), minute(commit)),
        None => format!("Azure does not say when it was made; the commit that was read is of {}", minute(commit)),
    }
}

/// A day says enough of when something was made, and what was made on one day is said once.
fn day(at: Timestamp) -> impl fmt::Display {
    at.strftime("%Y-%m-%d")
}

/// What is to be written for an account that is meant.
fn paste(id: PrincipalId) -> String {
    format!(
        "if {id} is who you mean, add `id: {id}` on a line of its own below the name in the owner's file, under `user`"
    )
}

fn minute(at: Timestamp) -> impl fmt::Display {
    at.strftime("%Y-%m-%d %H:%M UTC")
}
