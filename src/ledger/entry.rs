//! What a line of the ledger can say. Texts, as they were then: a record is data, and outlives names and catalogues.
//!
//! Keys are only added. A `what` that is newer than this program is read as [`Entry::Newer`]: the chain holds all the same.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The number under `format` in the first line of a file.
pub const FORMAT: u32 = 1;

/// One thing that is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Entry {
    /// The first line of each file.
    Opened(Opened),
    /// A run that will write began.
    Begun(Box<Begun>),
    /// A write is about to be asked of Azure.
    Asked(Box<Asked>),
    /// What came back. Without it: asked, answer unknown.
    Answered(Answered),
    /// A write that was not asked for: a grant of the same person at the same owner was not made.
    HeldBack(Box<Asked>),
    /// The run ended, by itself or because somebody ended it.
    Ended(Ended),
    /// Azure was looked at.
    Seen(Box<Seen>),
    /// The line before this one was cut while it was written; it is kept aside.
    Torn(Torn),
    /// From a newer version.
    #[serde(other)]
    Newer,
}

/// Whose ledger a file belongs to; the newest commit known then, so that one file is enough to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// [`FORMAT`].
    pub format: u32,
    /// The Entra tenant.
    pub tenant: String,
    /// The instance, as it was called when the first file began.
    pub instance: String,
    /// The newest commit that was applied before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Commit>,
}

/// A commit of the workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Its hash.
    pub hash: String,
    /// When it was committed.
    pub time: Timestamp,
}

/// Who ran it, as the surroundings say. Nobody checked it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// `github-actions`, `azure-pipelines` or `machine`.
    pub via: String,
    /// The person there.
    pub name: String,
    /// Which run of CI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The object id that Azure saw, as the token says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

/// How a run began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// `apply`.
    pub command: String,
    /// `tilgang 0.1.0`.
    pub tool: String,
    /// Who ran it.
    pub by: By,
    /// The state of git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
    /// How many files differed from that commit.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub edited: usize,
    /// Digest of the YAML.
    pub config: String,
    /// Digest of the approved changes.
    pub plan: String,
    /// The saved plan that was carried out, by the digest in its file: another person's work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved_plan: Option<String>,
    /// How many changes were approved.
    pub changes: usize,
    /// How many were refused, and why; `older-commit` refuses all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refusals>,
    /// Only these owners, if some were chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<String>,
}

/// How many changes were refused for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusals {
    /// The reason's stable word.
    pub code: String,
    /// How many.
    pub count: usize,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The number of the line that began the run.
    pub run: u64,
    /// `grant`, `update` or `revoke`.
    pub action: String,
    /// At which owner.
    pub owner: String,
    /// In which environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The owner's role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The person's sign-in name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The object id.
    pub principal: String,
    /// `User`, where it is one.
    pub principal_type: String,
    /// Where.
    pub scope: String,
    /// GUID of the role definition.
    pub definition: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition_name: Option<String>,
    /// Resource id of the assignment.
    pub assignment: String,
    /// Why.
    pub because: String,
    /// `owners/ttd.yaml:8`: where git says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
}

/// How a write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Azure made it so.
    Done,
    /// It was so already.
    Already,
    /// Azure refused, or could not be reached.
    Failed,
}

/// The answer to a write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The number of the line that asked.
    pub of: u64,
    /// How it ended.
    pub how: How,
    /// HTTP status; none when no answer came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Azure's error code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Azure's words, or the transport's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The request to name to Microsoft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

/// How a run ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The number of the line that began it.
    pub of: u64,
    /// Somebody ended it before it was through.
    #[serde(default, skip_serializing_if = "is_false")]
    pub interrupted: bool,
    /// Exit code.
    pub exit: u8,
    /// Changes that were made.
    pub done: usize,
    /// Changes that were so already.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub already: usize,
    /// Changes that failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed: usize,
    /// Removals that were held back.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub held_back: usize,
    /// Changes that were not tried any more.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_tried: usize,
}

/// Who effectively holds what at managed targets: everything (`base`), or what is other than the record before says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Everything that is known, from here on alone; else what changed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub base: bool,
    /// When the reading began.
    pub observed: Timestamp,
    /// Only these owners were looked at, if some were chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<String>,
    /// Targets whose state is another than before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<TargetRow>,
    /// Assignments that appeared, or are other than before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Held>,
    /// Assignments that vanished, by resource id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<String>,
    /// Targets of which another time of making is told than before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub made: Vec<Made>,
    /// Role definitions that the workspace names and that permit something else than before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub definitions: Vec<Permitted>,
    /// In a base: accounts by the sign-in names that they had, where no assignment in it says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<NamedBefore>,
    /// In a base: whom a role was given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub granted: Vec<GrantedBefore>,
    /// In a base: `names` and `granted` are all that the ledger knows. Where an older version wrote it, the files before have to
    /// be read for them.
    #[serde(default, skip_serializing_if = "is_false")]
    pub remembers: bool,
    /// From when on that is all: earlier files were missing when it was gathered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_before: Option<Timestamp>,
    /// Which part of how many lines that belong together; they count when the last is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<(u32, u32)>,
}

/// One target that git means.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TargetName {
    /// Whose.
    pub owner: String,
    /// In which environment.
    pub environment: String,
    /// Of which kind.
    pub kind: String,
    /// Its name, in lower case.
    pub name: String,
}

/// A target's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetRow {
    /// Which.
    #[serde(flatten)]
    pub target: TargetName,
    /// Its resource id, where who holds what there is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Why it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
    /// In a base: when it was last seen, or since when it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// When a resource was made: one that is deleted and made anew has the same id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Its resource id.
    pub scope: String,
    /// When.
    pub at: Timestamp,
}

/// What a role definition permitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permitted {
    /// Its GUID.
    pub definition: String,
    /// What Azure called it.
    pub name: String,
    /// What it permitted: a block of permissions a line; actions, not actions, data actions, not data actions.
    pub permits: String,
}

/// A sign-in name that an account held something under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedBefore {
    /// The name.
    pub name: String,
    /// The account's object id.
    pub principal: String,
    /// When that was recorded last.
    pub at: Timestamp,
}

/// A role that was given to somebody at an owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantedBefore {
    /// At which owner.
    pub owner: String,
    /// The object id.
    pub principal: String,
    /// Which role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// When it was given last.
    pub at: Timestamp,
}

/// A role assignment that stands at a target, above it or below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Its resource id: scope and name.
    pub assignment: String,
    /// The object id.
    pub principal: String,
    /// `User`, `Group`, `ServicePrincipal`.
    pub principal_type: String,
    /// The sign-in or display name, where it was looked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// GUID of the role definition.
    pub definition: String,
    /// Its name, where the catalogue knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition_name: Option<String>,
    /// Made by tilgang, or by anybody else.
    pub ours: bool,
    /// A condition that narrows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// For one that lies above subscriptions (a management group, the root): the subscriptions below it where it stood.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub over: Vec<String>,
    /// `activated` or `timed`, where PIM was asked and ends it; `no` where it was asked and does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pim: Option<String>,
}

/// A line that was cut while it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Torn {
    /// The file beside the ledger's that keeps it.
    pub kept: String,
    /// How long it was.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(it: &bool) -> bool {
    !it
}
