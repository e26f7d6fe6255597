//! The entries of JSON format 1: changes, drift, outcomes, and what is blocked, refused, found or unread.

use serde::Serialize;

use crate::{
    model::{desired::Origin, trouble::Trouble},
    plan::{
        Unread, Used,
        again::Moved,
        approve::{Refusal, Refused},
        blocked::Blocked,
        change::{Change, Who},
        drift::Class,
        expiring::Expiring,
        finding::Finding,
        outcome::{Done, Failure, Outcome},
        selection::{Deferred, Left},
    },
};

use super::{View, words};

#[derive(Serialize)]
pub(super) struct ChangeJson {
    action: &'static str,
    owner: String,
    environment: Option<String>,
    role: Option<String>,
    user: Option<String>,
    principal_id: String,
    scope: String,
    role_definition: RoleDefinitionJson,
    principal_type: &'static str,
    assignment: String,
    description: String,
    origins: Vec<PlaceJson>,
    because: String,
}

#[derive(Serialize)]
struct RoleDefinitionJson {
    id: String,
    name: Option<String>,
}

#[derive(Serialize)]
struct PlaceJson {
    file: String,
    line: usize,
    column: usize,
}

#[derive(Serialize)]
pub(super) struct BlockedJson {
    code: &'static str,
    message: String,
    help: Option<String>,
    action: &'static str,
    owner: Option<String>,
    environment: Option<String>,
    role: Option<String>,
    user: String,
    scope: Option<String>,
    origins: Vec<PlaceJson>,
}

#[derive(Serialize)]
pub(super) struct RefusedJson {
    code: &'static str,
    message: String,
    help: Option<String>,
    /// Every other limit that it breaks.
    also: Vec<RefusalJson>,
    #[serde(flatten)]
    change: ChangeJson,
}

#[derive(Serialize)]
struct RefusalJson {
    code: &'static str,
    message: String,
    help: Option<String>,
}

impl RefusalJson {
    fn of(refusal: &Refusal) -> Self {
        let help = Some(words::refusal_help(refusal).to_owned());
        Self { code: refusal.code(), message: refusal.to_string(), help }
    }
}

/// Something that is left for another run: a change, or what is blocked anyway.
#[derive(Serialize)]
pub(super) struct DeferredJson {
    code: &'static str,
    message: String,
    help: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<ChangeJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked: Option<BlockedJson>,
}

impl DeferredJson {
    pub(super) fn of(view: &View<'_>, deferred: &Deferred) -> Self {
        let (change, blocked) = match &deferred.what {
            Left::Change(change) => (Some(ChangeJson::of(view, change)), None),
            Left::Blocked(blocked) => (None, Some(BlockedJson::of(view, blocked))),
        };
        let why = deferred.why;
        Self { code: why.code(), message: why.to_string(), help: why.help(), change, blocked }
    }
}

/// An override that lets removals through.
#[derive(Serialize)]
pub(super) struct OverrideJson {
    file: String,
    reason: String,
    ticket: String,
    until: String,
    owners: Vec<String>,
    removals: usize,
}

impl OverrideJson {
    pub(super) fn of(view: &View<'_>, used: &Used) -> Self {
        let Used { by, removals, owners } = used;
        Self {
            file: (view.places)(&by.origin).file,
            reason: by.reason.clone(),
            ticket: by.ticket.clone(),
            until: by.until.to_string(),
            owners: owners.iter().map(ToString::to_string).collect(),
            removals: *removals,
        }
    }
}

#[derive(Serialize)]
pub(super) struct FindingJson {
    code: &'static str,
    message: String,
    help: Option<String>,
    owner: Option<String>,
    environment: Option<String>,
    role: Option<String>,
    user: Option<String>,
    principal_id: Option<String>,
    scope: Option<String>,
    assignment: Option<String>,
    origins: Vec<PlaceJson>,
    accepted: Option<String>,
}

/// One difference: what a change would mend (then its keys follow), or a finding.
#[derive(Serialize)]
pub(super) struct DriftJson {
    pub(super) class: &'static str,
    remedy: String,
    #[serde(flatten)]
    what: DriftOf,
}

#[derive(Serialize)]
#[serde(untagged)]
enum DriftOf {
    Change(ChangeJson),
    Finding(FindingJson),
    Blocked(BlockedJson),
    Expiring(ExpiringJson),
}

/// A grant that ends soon.
#[derive(Serialize)]
struct ExpiringJson {
    owner: String,
    environment: Option<String>,
    role: String,
    user: String,
    principal_id: Option<String>,
    until: String,
    days_left: i32,
    origins: Vec<PlaceJson>,
}

#[derive(Serialize)]
pub(super) struct OutcomeJson {
    result: &'static str,
    error: Option<TroubleJson>,
    #[serde(flatten)]
    change: ChangeJson,
}

#[derive(Serialize)]
pub(super) struct UnreadJson {
    owner: Option<String>,
    #[serde(flatten)]
    trouble: TroubleJson,
}

#[derive(Serialize)]
struct TroubleJson {
    doing: String,
    status: Option<u16>,
    code: Option<String>,
    message: String,
    request_id: Option<String>,
}

fn text<T: ToString>(value: Option<T>) -> Option<String> {
    value.map(|value| value.to_string())
}

fn places(view: &View<'_>, origins: &[Origin]) -> Vec<PlaceJson> {
    let places = origins.iter().map(|origin| (view.places)(origin));
    places.map(|place| PlaceJson { file: place.file, line: place.line, column: place.column }).collect()
}

impl ChangeJson {
    pub(super) fn of(view: &View<'_>, change: &Change) -> Self {
        let Change { action, owner, environment, role, who, triple, definition_name, .. } = change;
        let Who { id, principal_type, name, display_name: _ } = who;
        Self {
            action: action.word(),
            owner: owner.to_string(),
            environment: text(environment.as_ref()),
            role: text(role.as_ref()),
            user: text(name.as_ref()),
            principal_id: id.to_string(),
            scope: triple.scope.to_string(),
            role_definition: RoleDefinitionJson {
                id: triple.definition.to_string(),
                name: text(definition_name.as_ref()),
            },
            principal_type: principal_type.as_azure(),
            assignment: change.assignment(),
            description: change.description.clone(),
            origins: places(view, &change.origins),
            because: change.because.to_string(),
        }
    }
}

impl BlockedJson {
    pub(super) fn of(view: &View<'_>, blocked: &Blocked) -> Self {
        let Blocked { action, owner, environment, role, who, scope, block, origins } = blocked;
        Self {
            code: block.code(),
            message: block.to_string(),
            help: block.help(),
            action: action.word(),
            owner: text(*owner),
            environment: text(environment.as_ref()),
            role: text(role.as_ref()),
            user: who.clone(),
            scope: text(scope.as_ref()),
            origins: places(view, origins),
        }
    }
}

impl RefusedJson {
    pub(super) fn of(view: &View<'_>, refused: &Refused) -> Self {
        let Refused { change, refusal, also } = refused;
        Self {
            code: refusal.code(),
            message: refusal.to_string(),
            help: Some(words::refusal_help(refusal).to_owned()),
            also: also.iter().map(RefusalJson::of).collect(),
            change: ChangeJson::of(view, change),
        }
    }
}

impl FindingJson {
    pub(super) fn of(view: &View<'_>, finding: &Finding) -> Self {
        let Finding { code, owner, environment, role, who, scope, assignment, message, origins, accepted } = finding;
        Self {
            code: code.word(),
            message: message.clone(),
            help: None,
            owner: text(*owner),
            environment: text(environment.as_ref()),
            role: text(role.as_ref()),
            user: text(who.as_ref().and_then(|who| who.name.as_ref())),
            principal_id: text(who.as_ref().map(|who| who.id)),
            scope: text(scope.as_ref()),
            assignment: assignment.clone(),
            origins: places(view, origins),
            accepted: accepted.clone(),
        }
    }
}

impl DriftJson {
    pub(super) fn of_change(view: &View<'_>, change: &Change) -> Self {
        let class = Class::of(change);
        let remedy = class.remedy().to_owned();
        Self { class: class.word(), remedy, what: DriftOf::Change(ChangeJson::of(view, change)) }
    }

    pub(super) fn of_finding(view: &View<'_>, finding: &Finding) -> Option<Self> {
        let class = Class::of_finding(finding.code)?;
        let what = DriftOf::Finding(FindingJson::of(view, finding));
        // The message of the others says what to do.
        let remedy = if matches!(class, Class::NoEffect | Class::RoleDefinition) {
            class.remedy().to_owned()
        } else {
            finding.message.clone()
        };
        Some(Self { class: class.word(), remedy, what })
    }
}

impl DriftJson {
    /// Only what a lock is in the way of: everything else that is blocked stands under `blocked`.
    pub(super) fn of_blocked(view: &View<'_>, blocked: &Blocked) -> Option<Self> {
        let class = Class::of_block(&blocked.block).filter(|class| *class == Class::Locked)?;
        let help = blocked.block.help().unwrap_or_else(|| class.remedy().to_owned());
        Some(Self { class: class.word(), remedy: help, what: DriftOf::Blocked(BlockedJson::of(view, blocked)) })
    }

    pub(super) fn of_expiring(view: &View<'_>, expiring: &Expiring) -> Self {
        let Expiring { owner, environment, role, user, person, until, left, origin } = expiring;
        let what = ExpiringJson {
            owner: owner.to_string(),
            environment: text(environment.as_ref()),
            role: role.to_string(),
            user: user.to_string(),
            principal_id: text(*person),
            until: until.to_string(),
            days_left: *left,
            origins: places(view, std::slice::from_ref(origin)),
        };
        let class = Class::ExpiringSoon;
        Self { class: class.word(), remedy: class.remedy().to_owned(), what: DriftOf::Expiring(what) }
    }
}

impl OutcomeJson {
    pub(super) fn of(view: &View<'_>, outcome: &Outcome) -> Self {
        let (result, error) = match &outcome.result {
            Ok(Done::Now) => ("done", None),
            Ok(Done::Already) => ("already", None),
            Err(Failure::Trouble(trouble)) => ("failed", Some(TroubleJson::of(trouble))),
            Err(Failure::HeldBack) => ("held-back", None),
            Err(Failure::Moved(Moved::TargetUnread(it) | Moved::PersonUnanswered(it))) => {
                ("moved", Some(TroubleJson::of(it)))
            }
            Err(Failure::Moved(moved)) => ("moved", Some(TroubleJson::of_moved(moved))),
            Err(Failure::Unrecorded(why)) => ("unrecorded", Some(TroubleJson::unrecorded(why))),
            Err(Failure::NotTried) => ("not-tried", None),
        };
        Self { result, error, change: ChangeJson::of(view, &outcome.change) }
    }
}

impl UnreadJson {
    pub(super) fn of(unread: &Unread) -> Self {
        Self { owner: text(unread.owner), trouble: TroubleJson::of(&unread.trouble) }
    }
}

impl TroubleJson {
    /// The ledger's trouble: Azure was not asked.
    fn unrecorded(why: &str) -> Self {
        let doing = "write down what was to be asked".to_owned();
        Self { doing, status: None, code: None, message: why.to_owned(), request_id: None }
    }

    fn of(trouble: &Trouble) -> Self {
        let Trouble { kind: _, doing, status, code, message, request_id } = trouble.clone();
        Self { doing, status, code, message, request_id }
    }

    fn of_moved(moved: &Moved) -> Self {
        let (doing, code) = ("look once more before the first write".to_owned(), Some(moved.code().to_owned()));
        Self { doing, status: None, code, message: moved.to_string(), request_id: None }
    }
}
