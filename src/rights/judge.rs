//! What was seen of our identity + what it needs → what it lacks, by action and scope, and what is too much.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    model::{
        ids::{RoleDefinitionId, ScopeId, SubscriptionId},
        owner::KindName,
        trouble::{Trouble, TroubleKind},
    },
    ports::{Permission, Permits},
};

use super::{
    DELETE, Needs, Purpose, READ_ASSIGNMENTS, READ_PERMISSIONS, WRITE,
    condition::{Asked, Condition},
    graph_only_reads,
    mandate::allows,
    verdict::{Excess, Lack, Place, Verdict, Why},
};

/// Everything that was seen of our identity.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Calls that do no harm, and what came of them.
    pub probes: Vec<Probe>,
    /// Our permissions at each target that was found.
    pub targets: Vec<TargetSeen>,
    /// The deny assignments that stop us at a target, by action.
    pub denied: BTreeMap<(ScopeId, &'static str), BTreeSet<String>>,
    /// Those of which that is not known, each as a clause that says why.
    pub may_deny: BTreeMap<(ScopeId, &'static str), BTreeSet<String>>,
    /// Our own role assignments, each once.
    pub holdings: Vec<Holding>,
    /// Subscriptions whose list of our own role assignments came, or not.
    pub own: BTreeMap<SubscriptionId, Result<(), Arc<Trouble>>>,
    /// What our token for Microsoft Graph says that we may do there.
    pub graph: Vec<String>,
}

/// One right, tried by a real call.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The action, or Graph's permission.
    pub right: String,
    /// What needs it.
    pub need: &'static str,
    /// Where it was tried.
    pub at: Place,
    /// What came back.
    pub outcome: Result<(), Arc<Trouble>>,
}

/// One target.
#[derive(Clone, Debug)]
pub struct TargetSeen {
    /// Its resource id.
    pub scope: ScopeId,
    /// Its subscription.
    pub subscription: (SubscriptionId, String),
    /// Its kind.
    pub kind: KindName,
    /// What we may do there, conditions left out.
    pub permissions: Result<Vec<Permission>, Arc<Trouble>>,
}

/// One role assignment of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Where.
    pub scope: ScopeId,
    /// In whose lists it was seen: what stands above a subscription reaches it.
    pub seen_in: BTreeSet<SubscriptionId>,
    /// What it permits; `None` if its role definition could not be read.
    pub permits: Option<Permits>,
    /// Which role definition.
    pub definition: RoleDefinitionId,
    /// Its condition.
    pub condition: Option<Arc<str>>,
}

impl Holding {
    /// The role's name, or its id where that is all we know.
    #[must_use]
    pub fn role(&self) -> String {
        let name = self.permits.as_ref().map(|permits| permits.name.clone()).filter(|name| !name.is_empty());
        name.unwrap_or_else(|| self.definition.to_string())
    }

    pub(super) fn permits(&self, action: &str) -> bool {
        self.permits.as_ref().is_some_and(|it| it.permissions.iter().any(|permission| permission.allows(action)))
    }

    pub(super) fn reaches(&self, target: &ScopeId, of: SubscriptionId) -> bool {
        self.scope.holds(target) || self.scope.subscription().is_none() && self.seen_in.contains(&of)
    }
}

/// The rights that are tried at each subscription or target: where none was found, nothing was tried.
const TRIED_WHERE_FOUND: &[(&str, &str)] = &[(READ_ASSIGNMENTS, READS_ASSIGNMENTS), (WRITE, GIVES), (DELETE, TAKES)];
/// What needs to list role assignments.
pub const READS_ASSIGNMENTS: &str = "`plan` needs it to see who holds what";
const GIVES: &str = "`apply` needs it to give access";
const TAKES: &str = "`apply` needs it to take access away";

/// Judges.
#[must_use]
pub fn judge(purpose: Purpose, needs: &Needs, seen: &Seen) -> Verdict {
    let mut judge = Judge { verdict: Verdict::default() };
    for probe in &seen.probes {
        match &probe.outcome {
            Ok(()) => judge.proven(&probe.right),
            Err(trouble) => judge.failed(&probe.right, probe.need, trouble, &probe.at),
        }
    }
    for (id, outcome) in &seen.own {
        // That the list itself may be read was tried above; here is what is not known for want of it.
        if let Err(trouble) = outcome.as_ref().map_err(Arc::clone) {
            let at = Place::Subscription(*id, name_of(seen, *id));
            judge.failed(
                READ_ASSIGNMENTS,
                "`doctor` needs it to see our own assignments and their conditions",
                &trouble,
                &at,
            );
        }
    }
    for target in &seen.targets {
        let at = Place::Target(target.scope.clone(), target.subscription.1.clone());
        match &target.permissions {
            Err(trouble) => {
                judge.failed(READ_PERMISSIONS, "`doctor` needs it to see what our identity may do", trouble, &at);
            }
            Ok(permissions) if purpose == Purpose::Applying => {
                for (action, need, kinds) in [(WRITE, GIVES, &needs.gives), (DELETE, TAKES, &needs.takes)] {
                    if !permissions.iter().any(|permission| permission.allows(action)) {
                        judge.lacks(action, need, None, &at);
                        continue;
                    }
                    let key = (target.scope.clone(), action);
                    if let Some(names) = seen.denied.get(&key) {
                        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                        let names: Vec<&str> = names.iter().map(String::as_str).collect();
                        judge.denied(action, need, format!("the deny assignment {} forbids it", listed(&names)), &at);
                        continue;
                    }
                    if let Some(why) = seen.may_deny.get(&key) {
                        let why: Vec<&str> = why.iter().map(String::as_str).collect();
                        judge.unknown(action, need, why.join("; "), &at);
                        continue;
                    }
                    judge.proven(action);
                    let (mut denied, mut unclear) = (Vec::new(), Vec::new());
                    for definition in kinds.get(&target.kind).into_iter().flatten() {
                        match allowed(seen, target, action, definition.id) {
                            Some(true) => {}
                            Some(false) => denied.push(definition.name.as_str()),
                            None => unclear.push(definition.name.as_str()),
                        }
                    }
                    if !denied.is_empty() {
                        let because = format!("the condition of its role does not allow it for {}", listed(&denied));
                        judge.lacks(action, need, Some(because), &at);
                    }
                    if !unclear.is_empty() {
                        let because = format!("a condition is not understood here; is it for {}?", listed(&unclear));
                        judge.unknown(action, need, because, &at);
                    }
                }
            }
            Ok(_) => {}
        }
    }
    judge.verdict.untried = untried(purpose, &judge.verdict);
    judge.verdict.excess = excess(purpose, needs, seen);
    judge.verdict
}

fn untried(purpose: Purpose, verdict: &Verdict) -> BTreeMap<&'static str, &'static str> {
    let judged = |right: &str| {
        let mut open = verdict.lacks.iter().chain(&verdict.unknown);
        verdict.proven.contains_key(right) || open.any(|lack| lack.right == right)
    };
    let needed = |right: &str| purpose == Purpose::Applying || right == READ_ASSIGNMENTS;
    TRIED_WHERE_FOUND.iter().copied().filter(|(right, _)| needed(right) && !judged(right)).collect()
}

fn name_of(seen: &Seen, id: SubscriptionId) -> String {
    let named = seen.probes.iter().find_map(|probe| match &probe.at {
        Place::Subscription(found, name) if *found == id => Some(name.clone()),
        _ => None,
    });
    named.unwrap_or_else(|| id.to_string())
}

/// Whether conditions let us give or take a role definition at a target, to or from a person. Where our own role
/// assignments are not known, or none explains what the list of permissions says, nothing speaks against it.
fn allowed(seen: &Seen, target: &TargetSeen, action: &str, definition: RoleDefinitionId) -> Option<bool> {
    let through: Vec<&Holding> = seen
        .holdings
        .iter()
        .filter(|it| it.reaches(&target.scope, target.subscription.0) && it.permits(action))
        .collect();
    if through.is_empty() {
        return Some(true);
    }
    let asked = Asked { action, definition, principal_type: "User" };
    let answers: Vec<Option<bool>> = through.iter().map(|holding| allows(holding, &asked)).collect();
    if answers.contains(&Some(true)) {
        Some(true)
    } else if answers.contains(&None) {
        None
    } else {
        Some(false)
    }
}

struct Judge {
    verdict: Verdict,
}

impl Judge {
    fn proven(&mut self, right: &str) {
        *self.verdict.proven.entry(right.to_owned()).or_default() += 1;
    }

    /// A refusal is a lack; anything else leaves it open.
    fn failed(&mut self, right: &str, need: &'static str, trouble: &Trouble, at: &Place) {
        if trouble.is_by_deny_assignment() {
            self.denied(right, need, format!("a deny assignment forbids it: {}", trouble.message), at);
        } else if trouble.kind == TroubleKind::Denied {
            self.lacks(right, need, None, at);
        } else {
            let code = trouble.code.as_ref().map(|code| format!("{code}: ")).unwrap_or_default();
            self.unknown(right, need, format!("{code}{}", trouble.message), at);
        }
    }

    fn lacks(&mut self, right: &str, need: &'static str, because: Option<String>, at: &Place) {
        put(&mut self.verdict.lacks, Lack::new(right, need, Why::NotGiven, because), at);
    }

    fn denied(&mut self, right: &str, need: &'static str, because: String, at: &Place) {
        put(&mut self.verdict.lacks, Lack::new(right, need, Why::Denied, Some(because)), at);
    }

    fn unknown(&mut self, right: &str, need: &'static str, because: String, at: &Place) {
        put(&mut self.verdict.unknown, Lack::new(right, need, Why::Unclear, Some(because)), at);
    }
}

fn put(all: &mut Vec<Lack>, new: Lack, at: &Place) {
    match all.iter_mut().find(|lack| lack.right == new.right && lack.because == new.because) {
        Some(lack) => drop(lack.at.insert(at.clone())),
        None => all.push(Lack { at: BTreeSet::from([at.clone()]), ..new }),
    }
}

/// Actions that nothing here needs, one for each thing that could be harmed.
const NEVER: &[(&str, &str)] = &[
    ("Microsoft.Authorization/roleDefinitions/write", "change roles"),
    ("Microsoft.Authorization/locks/delete", "remove locks"),
    ("Microsoft.KeyVault/vaults/write", "change vaults"),
    ("Microsoft.Insights/components/write", "change components"),
    ("Microsoft.Resources/subscriptions/resourceGroups/delete", "delete resource groups"),
];
/// Owner: whatever lets us give this lets us give anything.
const OWNER: RoleDefinitionId = RoleDefinitionId(uuid::Uuid::from_u128(0x8e3a_f657_a8ff_443c_a75c_2fe8_c4bc_b635));

fn excess(purpose: Purpose, needs: &Needs, seen: &Seen) -> Vec<Excess> {
    let mut all = Vec::new();
    for holding in &seen.holdings {
        let mut reasons = Vec::new();
        let writes = holding.permits(WRITE) || holding.permits(DELETE);
        match purpose {
            Purpose::Reading if writes => {
                reasons.push("it may give or take roles, and a reading identity should not".to_owned());
            }
            Purpose::Applying if writes => {
                reasons.extend(too_wide(holding, needs));
                if holding.scope.subscription().is_none() {
                    reasons.push("it stands above subscriptions, and reaches all below it".to_owned());
                }
            }
            Purpose::Reading | Purpose::Applying => {}
        }
        let never: Vec<&str> =
            NEVER.iter().filter(|(action, _)| holding.permits(action)).map(|(_, may)| *may).collect();
        if !never.is_empty() {
            reasons.push(format!("it may {}", listed(&never)));
        }
        if holding.permits.as_ref().is_some_and(|permits| !permits.data_actions.is_empty()) {
            reasons.push("it reaches data, such as secrets".to_owned());
        }
        if !reasons.is_empty() {
            all.push(Excess { role: holding.role(), scope: Some(holding.scope.clone()), reasons });
        }
    }
    for permission in seen.graph.iter().filter(|permission| !graph_only_reads(permission)) {
        let reasons = vec!["it may change the directory, and nothing here does".to_owned()];
        all.push(Excess { role: permission.clone(), scope: None, reasons });
    }
    all
}

/// What a role assignment lets us do beyond giving and taking what the workspace means, to and from people.
fn too_wide(holding: &Holding, needs: &Needs) -> Option<String> {
    let Some(text) = &holding.condition else {
        return Some("it has no condition: it may give any role to anybody".to_owned());
    };
    let Some(condition) = Condition::read(text) else {
        return Some("its condition is not understood here: compare it with what `tilgang identity` writes".to_owned());
    };
    let (given, taken) = (needs.given(), needs.taken());
    let mut wide = Vec::new();
    for (action, verb, to, known) in [(WRITE, "give", "to", &given), (DELETE, "take", "from", &taken)] {
        if !holding.permits(action) {
            continue;
        }
        let nobodys = RoleDefinitionId(uuid::Uuid::from_u128(0xffff_ffff_ffff_4fff_8fff_ffff_ffff_ffff));
        let may =
            |definition, principal_type| condition.allows(&Asked { action, definition, principal_type }) != Some(false);
        let strange = [OWNER, nobodys].into_iter().filter(|id| !known.contains_key(id));
        if strange.into_iter().any(|id| may(id, "User")) {
            wide.push(format!("{verb} other roles than this workspace's"));
        }
        let others = ["Group", "ServicePrincipal"];
        if known.keys().any(|id| others.iter().any(|other| may(*id, other))) {
            wide.push(format!("{verb} roles {to} groups or applications"));
        }
    }
    let wide: Vec<&str> = wide.iter().map(String::as_str).collect();
    (!wide.is_empty()).then(|| format!("its condition lets it {}", listed(&wide)))
}

/// `a`, `a and b`, `a, b and c`.
fn listed(words: &[&str]) -> String {
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFICER: &str = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7";

    fn needs() -> Needs {
        let definition = crate::model::catalog::RoleDefinition {
            id: OFFICER.parse().unwrap(),
            name: "Key Vault Secrets Officer".to_owned(),
        };
        let gives: BTreeMap<_, _> = [(KindName::new("key-vault"), [definition].into())].into();
        Needs { takes: gives.clone(), gives, arm_types: BTreeSet::new(), graph: Vec::new() }
    }

    fn holding(role: &str, actions: &[&str], scope: &str, condition: Option<&str>) -> Holding {
        let actions = actions.iter().map(ToString::to_string).collect();
        let permissions = vec![Permission { actions, not_actions: Vec::new() }];
        Holding {
            scope: ScopeId::new(scope),
            seen_in: BTreeSet::new(),
            permits: Some(Permits { name: role.to_owned(), permissions, data_actions: Vec::new() }),
            definition: OWNER,
            condition: condition.map(Into::into),
        }
    }

    fn reasons(purpose: Purpose, holding: Holding) -> String {
        let seen = Seen { holdings: vec![holding], ..Seen::default() };
        let found = judge(purpose, &needs(), &seen).excess;
        found.into_iter().flat_map(|excess| excess.reasons).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn too_much_is_said_by_what_it_lets_us_do() {
        let (at, both) = ("/subscriptions/00000000-0000-0000-0000-000000000001", [WRITE, DELETE]);
        let ours = needs().condition();
        let applying = |holding| reasons(Purpose::Applying, holding);
        assert_eq!(applying(holding("least", &both, at, Some(&ours))), "");
        assert!(applying(holding("least", &both, "/", Some(&ours))).contains("above subscriptions"));
        assert!(applying(holding("RBAC Administrator", &both, at, None)).contains("no condition"));
        assert!(applying(holding("RBAC Administrator", &both, at, Some("@Environment[x]"))).contains("not understood"));
        let owner = applying(holding("Owner", &["*"], at, Some(&ours)));
        assert!(owner.contains("change roles, remove locks, change vaults"), "{owner}");
        let groups = ours.replace("'User'", "'User', 'Group'");
        assert!(applying(holding("x", &both, at, Some(&groups))).contains("give roles to groups"));
        let all_but = format!(
            "@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAllValues:GuidNotEquals {{{OWNER}}}"
        );
        assert!(applying(holding("x", &[WRITE], at, Some(&all_but))).contains("give other roles"));
        let reading = |holding| reasons(Purpose::Reading, holding);
        assert_eq!(reading(holding("Reader", &["*/read"], "/", None)), "");
        assert!(reading(holding("least", &[DELETE], at, Some(&ours))).contains("a reading identity should not"));
    }

    #[test]
    fn a_refusal_is_a_lack_and_anything_else_leaves_it_open() {
        let probe = |kind| Probe {
            right: READ_ASSIGNMENTS.to_owned(),
            need: "x",
            at: Place::Graph,
            outcome: Err(Arc::new(Trouble::new(kind, "x", "why"))),
        };
        for (kind, lacks, unknown) in [(TroubleKind::Denied, 1, 0), (TroubleKind::Unreachable, 0, 1)] {
            let verdict = judge(Purpose::Reading, &needs(), &Seen { probes: vec![probe(kind)], ..Seen::default() });
            assert_eq!((verdict.lacks.len(), verdict.unknown.len()), (lacks, unknown), "{kind:?}");
        }
    }
}
