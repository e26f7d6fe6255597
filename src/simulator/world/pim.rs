//! Privileged Identity Management: who may activate what, requests, and activations that end by the clock (api-version
//! 2020-10-01: RoleEligibilityScheduleRequest.json, RoleAssignmentScheduleRequest.json; FACTS §8).
//!
//! An activation is an ordinary role assignment with an end (inferred, FACTS §8). Not simulated: approval, and policies
//! other than the defaults below.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Assignment, Licence, Refusal, Term, Touched, World};
use crate::model::{
    assignment::Triple,
    ids::{AssignmentName, PrincipalId, RoleDefinitionId, ScopeId},
};

/// What PIM keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pim {
    /// Eligibilities by the id of their schedule.
    pub eligibilities: BTreeMap<Uuid, Eligibility>,
    /// Requests by name.
    pub requests: BTreeMap<Uuid, PimRequest>,
}

/// Somebody may activate a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eligibility {
    /// The id of its schedule; a new one with each change (azurerm, FACTS §8).
    pub id: Uuid,
    /// Where, who, what.
    pub triple: Triple,
    /// From when.
    pub start: Timestamp,
    /// Until when; `None` for ever.
    pub end: Option<Timestamp>,
    /// When it was made.
    pub created_on: Timestamp,
}

/// Whether a request is about eligibilities or about assignments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `roleEligibilityScheduleRequests`.
    Eligibility,
    /// `roleAssignmentScheduleRequests`.
    Assignment,
}

/// A request, as it is kept and as the file has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PimRequest {
    /// Its name: a GUID of the client's.
    pub id: Uuid,
    /// About what.
    pub kind: Kind,
    /// Where, as it was spelt.
    pub scope: String,
    /// For whom.
    pub principal: Uuid,
    /// Which role definition.
    pub definition: Uuid,
    /// `AdminAssign`, `AdminRemove`, `SelfActivate`, `SelfDeactivate`.
    pub request_type: String,
    /// One of the 22 that the description names.
    pub status: String,
    /// From when.
    pub start: Timestamp,
    /// `AfterDuration`, `AfterDateTime` or `NoExpiration`.
    pub expiration: String,
    /// `P365D`, `PT8H`.
    pub duration: Option<String>,
    /// Until when.
    pub end: Option<Timestamp>,
    /// Why.
    pub justification: Option<String>,
    /// The schedule that it made or ended.
    pub target: Option<Uuid>,
    /// Who asked.
    pub requestor: Uuid,
    /// When.
    pub created_on: Timestamp,
}

/// What a default policy allows: a year of eligibility, half a year of assignment, eight hours of activation, nothing for
/// ever (Microsoft Learn, PIM role settings; inferred for the API).
const LONGEST: [(Kind, bool, SignedDuration); 3] = [
    (Kind::Eligibility, false, SignedDuration::from_hours(366 * 24)),
    (Kind::Assignment, false, SignedDuration::from_hours(183 * 24)),
    (Kind::Assignment, true, SignedDuration::from_hours(8)),
];
/// Nothing is removed before it is this old (public tests, FACTS §8).
const SHORTEST: SignedDuration = SignedDuration::from_mins(5);

fn bad(code: &str, message: &str) -> Refusal {
    Refusal::new(400, code, message)
}

impl World {
    /// What PIM keeps.
    #[must_use]
    pub fn pim(&self) -> &Pim {
        &self.pim
    }

    /// Puts an eligibility in, past every rule.
    pub fn place_eligibility(&mut self, eligibility: Eligibility) {
        self.pim.eligibilities.insert(eligibility.id, eligibility);
        self.touch(Touched::World);
    }

    /// Puts a request in, past every rule.
    pub fn place_pim_request(&mut self, request: PimRequest) {
        self.pim.requests.insert(request.id, request);
        self.touch(Touched::World);
    }

    /// The eligibilities that have not ended.
    pub fn eligibilities(&self) -> impl Iterator<Item = &Eligibility> {
        let now = self.now();
        self.pim.eligibilities.values().filter(move |found| found.end.is_none_or(|end| end > now))
    }

    /// Those in force that a list at a scope shows: at it, above it and, as the list of active instances does (recorded;
    /// for eligibilities OPEN, FACTS_PIM_GROUPS §1.2), below it.
    pub fn eligibilities_seen(&self, caller: PrincipalId, at: &ScopeId) -> Result<Vec<&Eligibility>, Refusal> {
        self.demand_pim()?;
        self.demand(caller, "Microsoft.Authorization/roleEligibilityScheduleInstances/read", at)?;
        let (above, now) = (self.above(at), self.now());
        let seen = |found: &&Eligibility| {
            let scope = &found.triple.scope;
            found.start <= now && (scope == at || above.contains(scope) || at.holds(scope))
        };
        Ok(self.eligibilities().filter(seen).collect())
    }

    /// Without a licence for it there is no Privileged Identity Management: the reads were seen (govviz#114, FACTS_PIM_GROUPS §1.6);
    /// that the writes answer alike, and that this comes before any right is looked at, is OPEN.
    pub fn demand_pim(&self) -> Result<(), Refusal> {
        match self.settings.licence {
            Licence::P2 => Ok(()),
            Licence::Free => Err(Refusal::no_licence()),
        }
    }

    /// The eligibility by which a principal can activate a role at a scope: its own or a group's, there or above.
    #[must_use]
    pub fn eligible(&self, principal: PrincipalId, role: RoleDefinitionId, at: &ScopeId) -> Option<&Eligibility> {
        let (holders, above, now) = (self.with_groups(principal), self.above(at), self.now());
        self.eligibilities().find(|found| {
            let triple = &found.triple;
            found.start <= now
                && triple.definition == role
                && holders.contains(&triple.principal)
                && (triple.scope == *at || above.contains(&triple.scope))
        })
    }

    /// Activates a role for a while, past every rule; the assignment's name.
    pub fn activate(&mut self, triple: Triple, ends: Timestamp) -> AssignmentName {
        self.drop_ended(&triple);
        let key = format!("{}|{}|{}|{ends}", triple.scope, triple.principal, triple.definition);
        let name = AssignmentName(Self::derived_id(self.tenant, "activation", &key));
        let term = Term { activated: true, ends: Some(ends) };
        self.place_timed(triple, name, term, None);
        name
    }

    fn place_timed(&mut self, triple: Triple, name: AssignmentName, term: Term, by: Option<PrincipalId>) {
        let now = self.now();
        self.place(Assignment {
            principal_type: self.type_of(triple.principal).unwrap_or("User").into(),
            triple,
            name,
            condition: None,
            condition_version: None,
            description: None::<Arc<str>>,
            created_on: now,
            updated_on: now,
            created_by: by,
            updated_by: by,
            term,
        });
    }

    /// Takes an assignment out whose time is over: another may then take its place.
    pub(super) fn drop_ended(&mut self, triple: &Triple) {
        let now = self.now();
        let found = self.table.find(triple).and_then(|name| self.table.get(name));
        let ended = found.filter(|found| found.term.ends.is_some_and(|ends| ends <= now)).map(|found| found.name);
        if let Some(name) = ended {
            self.unplace(name);
        }
    }

    /// Carries out a request, and keeps it.
    pub fn pim_request(&mut self, caller: PrincipalId, mut request: PimRequest) -> Result<PimRequest, Refusal> {
        let scope = ScopeId::new(&request.scope);
        let triple = Triple {
            scope: scope.clone(),
            principal: PrincipalId(request.principal),
            definition: RoleDefinitionId(request.definition),
        };
        let is_self = request.request_type.starts_with("Self");
        if is_self {
            // Who activates does so for himself; code and words from public reports, status inferred.
            if triple.principal != caller {
                let message = format!("The requestor {caller} does not have permissions for this request.");
                return Err(Refusal::new(403, "InsufficientPermissions", message));
            }
        } else {
            let of = if request.kind == Kind::Eligibility { "roleEligibility" } else { "roleAssignment" };
            self.demand(caller, &format!("Microsoft.Authorization/{of}ScheduleRequests/write"), &scope)?;
        }
        if self.pim.requests.contains_key(&request.id) {
            let message = "A request with this name exists already."; // inferred: a new GUID each time (azurerm)
            return Err(Refusal::new(409, "RoleAssignmentRequestExists", message));
        }
        self.definition(triple.definition)?;
        let is = self.type_of(triple.principal).ok_or_else(|| bad("SubjectNotFound", "The subject is not found."))?;
        if request.kind == Kind::Eligibility && is == "ServicePrincipal" {
            return Err(bad("InvalidSubject", "Only users and groups can be eligible.")); // "Only users and groups" (docs); words inferred
        }
        self.drop_ended(&triple);
        match (request.kind, request.request_type.as_str()) {
            (Kind::Eligibility, "AdminAssign") => self.make_eligible(&mut request, triple)?,
            (Kind::Assignment, "AdminAssign") => self.assign(&mut request, triple, false)?,
            (Kind::Assignment, "SelfActivate") => {
                self.eligible(caller, triple.definition, &scope).ok_or_else(no_assignment)?;
                self.assign(&mut request, triple, true)?;
            }
            (Kind::Eligibility, "AdminRemove") => {
                let found = self.eligibilities().find(|found| found.triple == triple);
                let (id, start) = found.map(|found| (found.id, found.start)).ok_or_else(no_assignment)?;
                self.old_enough(start)?;
                self.pim.eligibilities.remove(&id);
                request.target = Some(id);
                "Revoked".clone_into(&mut request.status);
            }
            (Kind::Assignment, "AdminRemove" | "SelfDeactivate") => {
                let found = self.table.find(&triple).and_then(|name| self.table.get(name));
                let found = found.filter(|found| found.term != Term::default()).ok_or_else(no_assignment)?;
                let (name, start) = (found.name, found.created_on);
                self.old_enough(start)?;
                self.unplace(name);
                request.target = Some(name.0);
                "Revoked".clone_into(&mut request.status);
            }
            (_, other) => {
                let message = format!("The simulator does not know the request type '{other}'.");
                return Err(bad("InvalidRequestType", &message));
            }
        }
        self.place_pim_request(request.clone());
        Ok(request)
    }

    fn make_eligible(&mut self, request: &mut PimRequest, triple: Triple) -> Result<(), Refusal> {
        if self.eligibilities().any(|found| found.triple == triple) {
            return Err(exists());
        }
        allowed(request, false)?;
        let id = Self::derived_id(self.tenant, "eligibility", &request.id.to_string());
        let (start, end, created_on) = (request.start, request.end, self.now());
        self.place_eligibility(Eligibility { id, triple, start, end, created_on });
        request.target = Some(id);
        Ok(())
    }

    fn assign(&mut self, request: &mut PimRequest, triple: Triple, activated: bool) -> Result<(), Refusal> {
        if self.table.find(&triple).is_some() {
            return Err(exists());
        }
        allowed(request, activated)?;
        if request.start > self.now() {
            return Err(bad("InvalidStartTime", "The simulator starts an assignment at once or not at all."));
        }
        let name = AssignmentName(Self::derived_id(self.tenant, "pim assignment", &request.id.to_string()));
        let term = Term { activated, ends: request.end };
        self.place_timed(triple, name, term, Some(PrincipalId(request.requestor)));
        request.target = Some(name.0);
        Ok(())
    }

    fn old_enough(&self, start: Timestamp) -> Result<(), Refusal> {
        let age = self.now().duration_since(start);
        if age >= SignedDuration::ZERO && age < SHORTEST {
            let message = "The Active duration is too short. Miniumum Required is 5 minutes."; // sic, FACTS §8
            return Err(bad("ActiveDurationTooShort", message));
        }
        Ok(())
    }

    /// Cancels what has not begun; that it must not have begun is inferred.
    pub fn cancel_pim_request(&mut self, caller: PrincipalId, at: &ScopeId, id: Uuid) -> Result<(), Refusal> {
        self.demand(caller, "Microsoft.Authorization/roleEligibilityScheduleRequests/cancel/action", at)?;
        let now = self.now();
        let request =
            self.pim.requests.get_mut(&id).filter(|request| request.start > now && request.status == "Provisioned");
        let request = request
            .ok_or_else(|| bad("RoleAssignmentRequestCannotBeCancelled", "Only a pending request can be cancelled."))?;
        "Canceled".clone_into(&mut request.status);
        if let Some(target) = request.target {
            self.pim.eligibilities.remove(&target);
        }
        self.touch(Touched::World);
        Ok(())
    }
}

/// The role's policy (exact words, azurerm#22766).
fn allowed(request: &PimRequest, activated: bool) -> Result<(), Refusal> {
    let longest = LONGEST.iter().find(|(kind, active, _)| *kind == request.kind && *active == activated);
    let length = request.end.map(|end| end.duration_since(request.start));
    if longest.is_some_and(|(.., longest)| length.is_some_and(|length| length <= *longest)) {
        return Ok(());
    }
    let message = "The following policy rules failed: [\"ExpirationRule\"]";
    Err(bad("RoleAssignmentRequestPolicyValidationFailed", message))
}

/// Exact words (EasyPIM, azure-pim-cli, FACTS §8).
fn exists() -> Refusal {
    bad("RoleAssignmentExists", "The Role assignment already exists.")
}

/// Likewise.
fn no_assignment() -> Refusal {
    bad("RoleAssignmentDoesNotExist", "The Role assignment does not exist.")
}
