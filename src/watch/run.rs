//! What a run came to: the one type that the web page, notifications, metrics and the state file are given.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp, civil::Date};

use super::{life::Entry, memory::News};
use crate::{
    model::owner::OwnerCode,
    plan::{drift::Class, selection::Deferred},
};

/// What a run came to, with all that it saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunReport {
    /// The sums: what is kept of each run.
    pub run: Run,
    /// Every difference that is known and not over, at all owners, by key. What this run did not look at is as it was.
    pub drift: Vec<Entry>,
    /// What this run changed in what is known, by key.
    pub news: Vec<News>,
    /// What healing came to, change by change.
    pub healed: Vec<Healed>,
    /// What healing left for another run, as it was told to make changes of other kinds only.
    pub deferred: Vec<Deferred>,
    /// What could not be read.
    pub unseen: Vec<Unseen>,
    /// Why what was compared may not be what git says now, when the run was over.
    pub git: Option<GitTrouble>,
}

/// Why what is known of git may not be what it says now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GitTrouble {
    /// The last question got no answer.
    Silent {
        /// When git answered last; none if it never did since the start.
        since: Option<Timestamp>,
        /// How many questions in a row got no answer.
        asked: u32,
        /// What came back instead.
        why: Arc<str>,
    },
    /// The branch's history was rewritten, and nobody has acknowledged it.
    Rewritten {
        /// The commit that was trusted last.
        from: Arc<str>,
        /// The tip, which does not follow from it.
        to: Arc<str>,
    },
}

impl GitTrouble {
    /// What helps, in one sentence without a full stop.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            // As git says it of a name that the other side does not have.
            Self::Silent { why, .. } if why.contains("couldn't find remote ref") => {
                "if the branch was renamed or deleted, restore it, or start `tilgang serve` with `--branch NAME`"
                    .to_owned()
            }
            Self::Silent { .. } => {
                "check that the repository can be reached, that the branch exists, and that the token is valid"
                    .to_owned()
            }
            Self::Rewritten { from, to } => format!(
                "find out who rewrote it, and read `git log {from}..{to}`; if it is right: \
                 `curl -X POST 'http://127.0.0.1:8080/-/acknowledge?commit={to}'`, with the address of this daemon (from \
                 another machine it asks for TILGANG_ADMIN_TOKEN: `tilgang serve --help`)"
            ),
        }
    }
}

impl fmt::Display for GitTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent { since: Some(since), why, .. } => write!(f, "git has not answered since {since}: {why}"),
            Self::Silent { since: None, why, .. } => write!(f, "git has not answered since the start: {why}"),
            Self::Rewritten { from, to } => {
                write!(f, "the history of the branch was rewritten: its tip {to} does not follow from {from}")
            }
        }
    }
}

/// A run in sums.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its number: they go up, across restarts.
    pub number: u64,
    /// What it was to do.
    pub what: What,
    /// Why it began.
    pub trigger: Trigger,
    /// What it looked at.
    pub part: Part,
    /// When it began, by the daemon's clock.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// When the reading of Azure began, by Azure's clock; none if it never did.
    pub observed: Option<Timestamp>,
    /// From which commit.
    pub commit: Option<Commit>,
    /// How it ended.
    pub verdict: Verdict,
    /// What it says about its end, where there is more to say: an error, why nothing was healed.
    pub notes: Vec<Arc<str>>,
    /// Differences that are known and not over after it, accepted ones left out, by class and owner.
    pub counts: BTreeMap<(Class, Option<OwnerCode>), usize>,
    /// How many owners git names, and how many assignments it wants and Azure has.
    pub owners: usize,
    /// Assignments that git wants and Azure has.
    pub unchanged: usize,
    /// What healing came to, in sums; none if it was not to heal.
    pub healing: Option<Healing>,
    /// What it cost, by service.
    pub cost: Cost,
    /// The next last day of a grant that stands, and at whom.
    pub next_expiry: Option<(Date, OwnerCode)>,
    /// How many things could not be read, files of git included.
    pub unseen: usize,
    /// What became of git's files.
    pub files: Files,
}

/// What became of git's files in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// They were read, but for so many owners' files, which have errors.
    Read {
        /// Whose people were not compared.
        with_errors: usize,
    },
    /// None could be compared with Azure: `tilgang.yaml` has errors, or git did not give them.
    Unreadable,
}

impl Run {
    /// How long it took.
    #[must_use]
    pub fn took(&self) -> SignedDuration {
        self.ended.duration_since(self.started)
    }

    /// How many things could not be read of Azure.
    #[must_use]
    pub fn unseen_in_azure(&self) -> usize {
        match self.files {
            Files::Read { with_errors } => self.unseen.saturating_sub(with_errors),
            Files::Unreadable => 0, // it was not asked
        }
    }

    /// How many differences there are of a class, at all owners.
    #[must_use]
    pub fn of_class(&self, class: Class) -> usize {
        self.counts.iter().filter(|((of, _), _)| *of == class).map(|(_, count)| count).sum()
    }

    /// How many differences there are that make a drift: what is only soon to end, or has no effect, is left out.
    #[must_use]
    pub fn drift(&self) -> usize {
        self.counts.iter().filter(|((class, _), _)| class.differs()).map(|(_, count)| count).sum()
    }
}

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// It looks, and cannot write.
    Look,
    /// It looks, and heals what it was told to heal.
    Heal,
}

impl What {
    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::Heal => "heal",
        }
    }
}

/// Why a run began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trigger {
    /// The daemon started.
    Start,
    /// It was time.
    Schedule,
    /// The run before failed.
    Retry,
    /// Git moved.
    Git,
    /// Azure told of a change.
    Azure,
    /// Somebody asked for it.
    Reload,
    /// This replica became the leader.
    Leadership,
}

impl Trigger {
    /// Every trigger.
    pub const ALL: &[Self] =
        &[Self::Start, Self::Schedule, Self::Retry, Self::Git, Self::Azure, Self::Reload, Self::Leadership];

    /// The stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Schedule => "schedule",
            Self::Retry => "retry",
            Self::Git => "git",
            Self::Azure => "azure-event",
            Self::Reload => "reload",
            Self::Leadership => "leadership",
        }
    }
}

/// What a run looks at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Every owner.
    Everything,
    /// Only these.
    Owners(BTreeSet<OwnerCode>),
}

impl Part {
    /// Takes in another part.
    pub fn join(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::Owners(mine), Self::Owners(theirs)) => mine.extend(theirs),
            (Self::Everything, _) => {}
            (Self::Owners(_), Self::Everything) => *self = Self::Everything,
        }
    }

    /// Whether it takes in an owner.
    #[must_use]
    pub fn holds(&self, owner: OwnerCode) -> bool {
        match self {
            Self::Everything => true,
            Self::Owners(owners) => owners.contains(&owner),
        }
    }
}

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its hash.
    pub hash: Arc<str>,
    /// When it was committed.
    pub time: Timestamp,
}

/// How a run ended. The order is the order of gravity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Azure is as git says.
    Converged,
    /// Something differs.
    Drift,
    /// Policy refused some of what was to be healed.
    Refused,
    /// It healed in part.
    Partly,
    /// Something could not be read, or not be decided; the rest was looked at.
    Incomplete,
    /// Nothing could be compared.
    Failed,
    /// It was ended before it was through: out of time, or told to.
    Ended,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: &[Self] =
        &[Self::Converged, Self::Drift, Self::Refused, Self::Partly, Self::Incomplete, Self::Failed, Self::Ended];

    /// The stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Converged => "converged",
            Self::Drift => "drift",
            Self::Refused => "refused",
            Self::Partly => "partly",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
            Self::Ended => "ended",
        }
    }

    /// The exit code that the same would have on the command line.
    #[must_use]
    pub fn exit(self) -> u8 {
        match self {
            Self::Converged => 0,
            Self::Incomplete | Self::Failed | Self::Ended => 1,
            Self::Drift => 2,
            Self::Refused => 3,
            Self::Partly => 4,
        }
    }

    /// Whether Azure was looked at to the end, however little was to be seen there.
    #[must_use]
    pub fn looked(self) -> bool {
        !matches!(self, Self::Failed | Self::Ended)
    }
}

/// What healing came to, in sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Healing {
    /// Made, put right or removed.
    pub done: usize,
    /// As wanted already, when it was asked for.
    pub already: usize,
    /// Not done, and why stands with each.
    pub failed: usize,
    /// Refused by policy.
    pub refused: usize,
    /// Left for another run: healing was told to make changes of other kinds only.
    pub deferred: usize,
}

/// One change that healing tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Healed {
    /// Which difference it was to mend.
    pub key: super::difference::Key,
    /// What was done: `grant`, `update`, `revoke`.
    pub action: &'static str,
    /// Whose access, as people say it.
    pub who: Arc<str>,
    /// Why it was not done, if it was not.
    pub failed: Option<Arc<str>>,
}

/// A part of Azure or git that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// Whose access it concerns, if it is one owner's.
    pub owner: Option<OwnerCode>,
    /// What was being read, and what came back.
    pub words: Arc<str>,
}

/// A service that requests go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Azure Resource Manager, Resource Graph included.
    ResourceManager,
    /// Microsoft Graph.
    Graph,
    /// Microsoft Entra, where we sign in.
    SignIn,
}

impl Service {
    /// Every service.
    pub const ALL: &[Self] = &[Self::ResourceManager, Self::Graph, Self::SignIn];

    /// The stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::ResourceManager => "resource-manager",
            Self::Graph => "graph",
            Self::SignIn => "sign-in",
        }
    }
}

/// What was spent at a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Requests sent, repeated ones included.
    pub requests: u64,
    /// Of these, how many were answered with "too many" (429), or put off (503 with a time to wait).
    pub throttled: u64,
}

/// What a run cost.
pub type Cost = BTreeMap<Service, Spent>;
