//! Holds a run against the promises. Each function is one of them; what is broken is said in words, all at once.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use tilgang::{
    app::Exit,
    ledger::entry::Ended,
    model::{
        assignment::{PrincipalType, RoleAssignment, Triple},
        ids::{AssignmentName, PrincipalId, RoleDefinitionId, ScopeId, UserName},
        other_access::{Denial, Effect},
        people::{ById, ByName, GroupKey, InGroup, Person},
        policy::Whom,
        trouble::TroubleKind,
    },
    plan::{
        approve::Refusal,
        change::{Action, Change},
        finding::{Code, Finding},
        outcome::{Done, Failure},
        saved::Saved,
        selection::{Kind, Kinds, Why},
    },
    simulator::World,
};

use super::{
    faulty::{Asked, Seen, Write},
    git::{File, Git, Guard, ROLES},
    oracle::{self, Expected, Kept, Meaning, Oracle, Owner, Removal, Said as Must, Where},
    program::{Facts, Head, Said, Told, steps},
    universe::{CALLER, MAY_DELETE, MAY_WRITE, OWNERS},
};

/// One run, with all that is known of it.
pub struct Run<'a> {
    pub oracle: &'a Oracle<'a>,
    pub writes: &'a [Write],
    /// What was asked of Azure, and the journal had not taken down.
    pub unrecorded: &'a [AssignmentName],
    /// How often a beginning was recorded, and the end.
    pub recorded: (usize, Option<Ended>),
    /// Nothing if the run was killed before it had a plan.
    pub said: Option<&'a Said>,
    pub only: Option<&'a BTreeSet<Owner>>,
    /// What it was told beside git and Azure.
    pub told: &'a Told,
}

pub fn judge(run: &Run<'_>) -> Vec<String> {
    let expected = run.oracle.expected();
    let mut broken = Vec::new();
    let mut law = |name: &str, found: Vec<String>| broken.extend(found.into_iter().map(|it| format!("{name}: {it}")));
    law("only what git means is made", made(run, &expected));
    law("only what may go goes", gone(run, &expected));
    law("nobody loses what git lists", listed(run));
    law("grants before revokes", in_order(run, &expected));
    law("the journal knows of it before", run.unrecorded.iter().map(ToString::to_string).collect());
    law("the last look holds", looked(run, &expected));
    law("limits", limits(run, &expected));
    law("protected", protected(run));
    law("frozen", frozen(run, &expected));
    law("a deny assignment stops it", denied(run));
    law("an older commit changes nothing", older(run));
    law("a saved plan only ever takes away", saved(run));
    if let Some(said) = run.said {
        law("who is out of git and keeps access is named", keeps(run, said, &expected));
        law("the plan is what git and Azure say", planned(run, said, &expected));
        law("refused for a reason", refused(run, said, &expected));
        law("what is not done is said", unsaid(run, said, &expected));
        law("outcomes are what happened", outcomes(run, said));
        law("only what is meant is done", meant(run, said, &expected));
        law("what has ended goes, or is named", ended(run, said, &expected));
        law("a run is recorded from its beginning to its end", recorded(run, said));
    }
    broken
}

impl Run<'_> {
    fn concerns(&self, owner: Owner) -> bool {
        self.only.is_none_or(|only| only.contains(owner))
    }

    /// Whether a newer commit than this one was recorded.
    fn is_older(&self) -> bool {
        matches!((self.oracle.head, self.told.newest), (Head::Commit(time, _), Some(newest)) if newest > *time)
    }

    /// Whether an owner's targets bear the marks of other instances, and nothing there is ours.
    fn is_stranger(&self) -> bool {
        let places = self.oracle.places();
        let targets: BTreeMap<&ScopeId, Owner> = places
            .iter()
            .filter_map(|place| match &place.at {
                Where::Found(scope, _) => Some((scope, place.owner)),
                Where::Nowhere => None,
            })
            .collect();
        let standings = self.oracle.standings();
        let owners: BTreeSet<Owner> = targets.values().copied().filter(|owner| self.concerns(owner)).collect();
        owners.into_iter().any(|owner| {
            let there = || standings.iter().filter(|it| targets.get(&it.row.triple.scope) == Some(&owner));
            !there().any(|it| it.is_ours) && there().any(|it| self.oracle.is_of_another(it.row))
        })
    }

    fn is_of_another(&self, stays: &Kept) -> bool {
        let standings = self.oracle.standings();
        let is_it = |row: &RoleAssignment| row.triple.scope == stays.scope && row.triple.principal == stays.principal;
        standings.iter().any(|it| is_it(it.row) && self.oracle.is_of_another(it.row))
    }

    /// Whether nothing at all may be done.
    fn is_halted(&self) -> bool {
        self.is_older() || self.is_stranger()
    }

    /// When the targets that the run was shown were made.
    pub fn made(&self) -> BTreeMap<ScopeId, Timestamp> {
        let Some(Ok(stock)) = &self.seen().stock else { return BTreeMap::new() };
        let places = self.oracle.places();
        let shown = places.iter().filter(|place| self.concerns(place.owner)).filter_map(|place| match &place.at {
            Where::Found(scope, _) => stock.resources.iter().find(|row| row.id == *scope),
            Where::Nowhere => None,
        });
        shown.filter_map(|row| Some((row.id.clone(), row.made?))).collect()
    }

    /// What the role definitions that the run was shown permit.
    pub fn permitted(&self) -> BTreeMap<RoleDefinitionId, String> {
        let read = self.seen().definitions.iter();
        read.filter_map(|(id, read)| Some((*id, read.as_ref().ok()?.as_ref()?.permits_text()))).collect()
    }

    fn git(&self) -> &Git {
        self.oracle.git
    }

    fn seen(&self) -> &Seen {
        self.oracle.seen
    }

    fn puts(&self) -> impl Iterator<Item = (usize, &Write, &tilgang::ports::PutAssignment)> {
        self.writes.iter().enumerate().filter_map(|(at, write)| match &write.asked {
            Asked::Put(put) => Some((at, write, put)),
            Asked::Delete(..) => None,
        })
    }

    fn deletes(&self) -> impl Iterator<Item = (usize, &Write, AssignmentName)> {
        self.writes.iter().enumerate().filter_map(|(at, write)| match &write.asked {
            Asked::Delete(_, name) => Some((at, write, *name)),
            Asked::Put(_) => None,
        })
    }
}

/// Promises 2, 6, 7: grants only for people whom git lists, at their owner's targets, under the derived name.
fn made(run: &Run<'_>, expected: &Expected) -> Vec<String> {
    let mut broken = Vec::new();
    for (_, write, put) in run.puts() {
        let Some(wanted) = expected.puts.get(&put.triple) else {
            broken.push(format!("git does not mean {put:?}"));
            continue;
        };
        if wanted.name != put.name || wanted.description != put.description {
            broken.push(format!("{put:?} should be {wanted:?}"));
        }
        if put.principal_type != PrincipalType::User || !run.concerns(wanted.owner) || !put.triple.scope.is_resource() {
            broken.push(format!("no business of this run: {put:?}"));
        }
        if write.before.as_ref().is_some_and(|before| before.triple != put.triple) {
            broken.push(format!("another's place was taken: {:?}", write.before));
        }
    }
    broken
}

/// Promises 1 to 4: each removal explained, ours or unmanaged, and nothing that PIM made.
fn gone(run: &Run<'_>, expected: &Expected) -> Vec<String> {
    let mut broken = Vec::new();
    for (_, write, name) in run.deletes() {
        let Some(removal) = expected.removals.get(&name) else {
            let why = expected.kept.iter().find(|kept| {
                write
                    .before
                    .as_ref()
                    .is_some_and(|it| it.triple.scope == kept.scope && it.triple.principal == kept.principal)
            });
            let why = why.map_or("git wants it, or it is others'", |kept| kept.why);
            broken.push(format!("{name} must stay ({why}): {:?}", write.before));
            continue;
        };
        if !run.concerns(removal.owner) {
            broken.push(format!("{} was not chosen: {removal:?}", removal.owner));
        }
        let Some(before) = write.before.as_ref().filter(|_| write.took_effect) else { continue };
        if before.triple != removal.triple {
            broken.push(format!("another one went: {before:?}, not {removal:?}"));
        }
        if before.term.activated || before.term.ends.is_some() {
            broken.push(format!("PIM made it, and ends it: {before:?}"));
        }
    }
    broken
}

/// The same as a person would check it: whoever a read file names, by name or id, at an owner, with a role that gives this
/// here, keeps it. Looks at Azure as it was when the run began.
fn listed(run: &Run<'_>) -> Vec<String> {
    let mut broken = Vec::new();
    let world: &World = run.oracle.start;
    for (_, write, _) in run.deletes() {
        let Some(before) = write.before.as_ref().filter(|_| write.took_effect) else { continue };
        let Triple { scope, principal, .. } = &before.triple;
        let name = scope.last_segment().to_ascii_lowercase();
        for (owner, file) in &run.git().files {
            let File::Read(entries) = file else { continue };
            for entry in entries {
                let named = world.user_named(&UserName::new(&entry.name)).map(|user| user.id);
                // Without an id the name decides, and it may have moved on before the run asked. Nobody may have it by then:
                // beside it, an id decides that is another's, if they hold something of ours here; else nobody knows. What lies
                // where no target is found (a stray) cannot be what the entry gives: there the id is believed.
                let answer = run.seen().names.get(&UserName::new(&entry.name));
                let others = entry.id.map(PrincipalId).filter(|id| id != principal);
                let is_stray = !run.oracle.is_at_target(owner, scope);
                let by_id = others.is_some() && (is_stray || run.oracle.is_held(owner, entry));
                let moved_on = match answer {
                    Some(ByName::Person(person)) => person.id != *principal,
                    Some(ByName::Nobody(_)) => by_id,
                    Some(ByName::Unanswered(_)) | None => false,
                };
                let is_meant = named == Some(*principal) && !moved_on || entry.id.map(PrincipalId) == Some(*principal);
                // A name that nobody has, and that nobody but the holder ever had.
                let ever = run.told.names.get(&UserName::new(&entry.name));
                let by_an_older = named.is_none() && !by_id && !moved_on;
                let is_meant = is_meant || by_an_older && ever.is_some_and(|all| all.iter().eq([principal]));
                // An id that nobody has any more means nobody who could sign in.
                let is_there = world.user(*principal).is_some() || world.deleted_user(*principal).is_some();
                for role in entry.roles.iter().filter(|_| is_meant && is_there) {
                    let (_, environment, base) = ROLES.iter().find(|(word, ..)| *word == role.name).unwrap();
                    let azure = if *environment == "prod" { "prod" } else { "tt02" };
                    let vault = if run.git().renamed { "kv2" } else { "keyvault" };
                    let kinds: &[&str] = match *base {
                        "developer" => &["ai"],
                        "operations" => &[vault],
                        _ => &["ai", vault],
                    };
                    // By the naming rule alone; what an owner's row or the shared vault changes is the oracle's matter.
                    let here = kinds.iter().any(|kind| name == format!("{owner}-{azure}-{kind}"));
                    let subscription = super::universe::subscription_name(owner, environment);
                    let here = here && scope.subscription() == Some(super::universe::subscription_id(&subscription));
                    let kept = role.until.is_none_or(|until| until >= run.oracle.today);
                    let same = run.oracle.gives_at(role.name, before.triple.definition);
                    let by_rule = !(run.git().shared && *environment == "prod");
                    if here && kept && same && by_rule {
                        broken.push(format!("{} is listed at {owner} with {}: {before:?}", entry.name, role.name));
                    }
                }
            }
        }
    }
    broken
}

/// Promise 8: no grant is first tried after a revoke; nobody loses at an owner, in an environment, before all grants of theirs
/// there are made.
fn in_order(run: &Run<'_>, expected: &Expected) -> Vec<String> {
    let mut broken = Vec::new();
    let first_delete = run.deletes().map(|(at, ..)| at).min();
    for (at, write, put) in run.puts() {
        // Whom access control does not know yet is asked for again, while others lose what is theirs to lose.
        let is_again = run.puts().any(|(earlier, write, other)| {
            earlier < at && other.name == put.name && write.told == Some(Err(TroubleKind::PrincipalUnknown))
        });
        if first_delete.is_some_and(|first| first < at) && !is_again {
            broken.push(format!("made after something was removed: {write:?}"));
        }
    }
    for (at, _, name) in run.deletes() {
        let Some(removal) = expected.removals.get(&name) else { continue };
        let theirs = expected
            .puts
            .iter()
            .filter(|(triple, put)| put.owner == removal.owner && triple.principal == removal.triple.principal)
            // A last day waits for nothing; and access to prod is no substitute for access to test.
            .filter(|(_, put)| removal.ended.is_none() && removal.environment.is_none_or(|it| it == put.environment));
        for (triple, _) in theirs {
            let made = |(before, write, put): (usize, &Write, &tilgang::ports::PutAssignment)| {
                before < at && put.triple == *triple && write.told == Some(Ok(()))
            };
            if !run.puts().any(made) {
                broken.push(format!("removed, though {triple:?} was not made: {removal:?}"));
            }
        }
    }
    broken
}

/// Right before the first write each target is looked at once more, and so is whoever is said to be gone for good.
fn looked(run: &Run<'_>, expected: &Expected) -> Vec<String> {
    let mut broken = Vec::new();
    let (places, made) = (run.oracle.places(), run.made());
    let is_target = |scope: &tilgang::model::ids::ScopeId| {
        places.iter().any(|place| matches!(&place.at, Where::Found(found, _) if found == scope))
    };
    for write in run.writes {
        let scope = match &write.asked {
            Asked::Put(put) => &put.triple.scope,
            Asked::Delete(scope, _) => scope,
        };
        let again = run.seen().again.get(scope);
        if is_target(scope) && !matches!(again, Some(Ok(Some(now))) if now.id == *scope && now.rbac != Some(false)) {
            broken.push(format!("the target is {again:?}: {write:?}"));
        }
        let made_now = again.and_then(|again| again.as_ref().ok()?.as_ref()?.made);
        if let (Some(was), Some(is)) = (made.get(scope), made_now)
            && was.as_second().abs_diff(is.as_second()) > 1
        {
            broken.push(format!("another target by now, made {is}, not {was}: {write:?}"));
        }
        let Asked::Delete(_, name) = &write.asked else { continue };
        let gone = expected.removals.get(name).filter(|removal| removal.rests_on_gone);
        if let Some(removal) = gone
            && !matches!(
                run.seen().people_again.get(&removal.triple.principal),
                Some(ById::Gone | ById::NoUser) // whose assignment says that it is a user
            )
        {
            broken.push(format!("nobody looked whether the person is still gone: {removal:?}"));
        }
    }
    broken
}

fn limits(run: &Run<'_>, expected: &Expected) -> Vec<String> {
    let limits = run.git().limits;
    let mut broken = Vec::new();
    // Who is named by an override has no limits.
    let raised = |removal: &&Removal| run.git().is_raised(removal.owner, run.oracle.today);
    let asked: Vec<&Removal> =
        run.deletes().filter_map(|(_, _, name)| expected.removals.get(&name)).filter(|it| !raised(it)).collect();
    let expiries = asked.iter().filter(|removal| removal.is_expiry).count();
    if expiries > limits.expiries {
        broken.push(format!("{expiries} ended, {limits:?}"));
    }
    let others: Vec<&&Removal> = asked.iter().filter(|removal| !removal.is_expiry).collect();
    if others.len() > limits.max {
        broken.push(format!("{} in all, {limits:?}", others.len()));
    }
    let share = |count: usize, of: usize| of >= 10 && count * 100 > limits.share * of;
    let mut by_owner: BTreeMap<Owner, (usize, usize)> = BTreeMap::new();
    for removal in &others {
        let (all, prod) = by_owner.entry(removal.owner).or_default();
        *all += 1;
        *prod += usize::from(removal.in_prod);
    }
    for (owner, (all, prod)) in by_owner {
        let of = expected.standing.get(owner).copied().unwrap_or_default();
        if all > limits.per_owner || prod > limits.prod_per_owner || share(all, of) {
            broken.push(format!("{owner}: {all}, {prod} in prod, of {of}; {limits:?}"));
        }
    }
    let of = expected.standing.iter().filter(|(owner, _)| run.concerns(owner)).map(|(_, of)| of).sum();
    if share(others.len(), of) {
        broken.push(format!("{} of {of} in all; {limits:?}", others.len()));
    }
    broken
}

/// The second half of promise 5, where runs are recorded.
fn older(run: &Run<'_>) -> Vec<String> {
    if !run.is_halted() {
        return Vec::new();
    }
    let mut broken: Vec<String> = run.writes.iter().map(|write| format!("{write:?}")).collect();
    if let Some(said) = run.said.filter(|said| said.admitted.is_none() && said.refused.len() != said.plan.changes.len())
    {
        broken.push(format!("{} changes, and {} refused", said.plan.changes.len(), said.refused.len()));
    }
    broken
}

/// What a look showed of the targets of a plan.
pub fn facts(oracle: &Oracle<'_>, saved: &Saved) -> BTreeMap<ScopeId, Facts> {
    let stock = oracle.seen.stock.iter().flatten().next();
    let text = |text: &Option<std::sync::Arc<str>>| text.as_deref().map(ToOwned::to_owned);
    let places = oracle.places();
    let of = |scope: &ScopeId| {
        // What is nobody's target is as good as its assignments, which are compared.
        let is_target = places.iter().any(|place| matches!(&place.at, Where::Found(found, _) if found == scope));
        let made =
            stock.and_then(|stock| stock.resources.iter().find(|row| row.id == *scope)?.made).filter(|_| is_target);
        let standings = oracle.standings();
        let here = standings.iter().map(|it| it.row).filter(|row| row.triple.scope == *scope && oracle.is_named(row));
        let deeds = saved.changes.iter().filter(|deed| deed.triple.scope == *scope);
        let permits = |id: RoleDefinitionId| match oracle.seen.definitions.get(&id) {
            Some(Ok(Some(found))) => Some(found.permits_text()),
            _ => None,
        };
        let definitions = deeds.map(|deed| (deed.triple.definition, permits(deed.triple.definition))).collect();
        (made, here.map(|row| (row.name, text(&row.condition), text(&row.description))).collect(), definitions)
    };
    saved.changes.iter().map(|deed| (deed.triple.scope.clone(), of(&deed.triple.scope))).collect()
}

/// Promise 5: exactly what was written down, or nothing.
fn saved(run: &Run<'_>) -> Vec<String> {
    let Some(saved) = &run.told.saved else { return Vec::new() };
    let steps = steps(saved);
    let mut broken = Vec::new();
    for write in run.writes {
        let step = match &write.asked {
            Asked::Put(put) => [Action::Grant, Action::Update].map(|action| (put.name, action)).to_vec(),
            Asked::Delete(_, name) => vec![(*name, Action::Revoke)],
        };
        if !step.iter().any(|step| steps.contains(step)) {
            broken.push(format!("not in the plan: {write:?}"));
        }
    }
    let Some(said) = run.said else { return broken };
    if said.admitted == Some(true) && run.told.then != facts(run.oracle, saved) {
        broken.push(format!("targets were {:?}, and are {:?}", run.told.then, facts(run.oracle, saved)));
    }
    match (said.admitted, &said.outcomes) {
        (Some(true), Some(outcomes)) if !run.is_halted() && outcomes.len() != saved.changes.len() => {
            broken.push(format!("{} of {} were carried out", outcomes.len(), saved.changes.len()));
        }
        (Some(false), _) if !run.writes.is_empty() => broken.push(format!("it was refused: {:?}", run.writes)),
        (None, _) => broken.push("nobody asked whether it still holds".to_owned()),
        _ => {}
    }
    broken
}

fn frozen(run: &Run<'_>, expected: &Expected) -> Vec<String> {
    let today = run.oracle.today;
    let owner = |write: &Write| match &write.asked {
        Asked::Put(put) => expected.puts.get(&put.triple).map(|put| (put.owner, false)),
        Asked::Delete(_, name) => expected.removals.get(name).map(|removal| (removal.owner, true)),
    };
    let is_frozen =
        |write: &&Write| owner(write).is_some_and(|(owner, is_removal)| run.git().is_frozen(owner, is_removal, today));
    run.writes.iter().filter(is_frozen).map(|write| format!("{write:?}")).collect()
}

/// What a deny assignment stops is not done, and not taken for done; where the run was told of it, it says so before.
fn denied(run: &Run<'_>) -> Vec<String> {
    let denied = || run.writes.iter().filter(|write| write.denied);
    let done = denied().filter(|write| write.took_effect || write.told == Some(Ok(())));
    let mut broken: Vec<String> = done.map(|write| format!("it is done: {write:?}")).collect();
    let Some(said) = run.said else { return broken };
    if said.exit == Some(Exit::Converged) && denied().next().is_some() {
        broken.push("all is well, and something was denied".to_owned());
    }
    let us = PrincipalId(CALLER);
    let stops = |change: &Change, denial: &Denial| {
        let action = if change.action == Action::Revoke { MAY_DELETE } else { MAY_WRITE };
        denial.effect == Effect::Enforced
            && (denial.scope == change.triple.scope || denial.scope.holds(&change.triple.scope))
            && denial.what.blocks.iter().any(|block| block.actions.iter().any(|it| it == action))
            && (denial.principals.is_empty() || denial.principals.contains(&us))
            && !denial.except.contains(&us)
    };
    for change in &said.plan.changes {
        let listed = change.triple.scope.subscription().and_then(|id| run.seen().denials.get(&id));
        let is_stopped = listed.into_iter().flatten().any(|denial| stops(change, denial));
        let is_said = said.plan.findings.iter().any(|it| {
            it.code == Code::NotAssignable
                && it.scope.as_ref() == Some(&change.triple.scope)
                && it.message.contains("the deny assignment `stack`")
        });
        if is_stopped && !is_said {
            broken.push(format!("nobody says that it will be denied: {change:?}"));
        }
    }
    broken
}

/// Whom the guard protects; nothing if nobody can tell.
fn guarded(run: &Run<'_>) -> Option<BTreeSet<PrincipalId>> {
    match run.git().guard {
        Guard::Nobody => Some(BTreeSet::new()),
        Guard::Group(name) => match run.seen().groups.get(&GroupKey::named(name)) {
            Some(InGroup::Members(members)) => Some(members.clone()),
            _ => None,
        },
        Guard::Id(id) => match run.oracle.by_id(PrincipalId(id)) {
            ById::Person(_) | ById::Deleted { .. } => Some(BTreeSet::from([PrincipalId(id)])),
            ById::NotAPerson(_) | ById::Gone | ById::NoUser | ById::Unanswered(_) => None,
        },
    }
}

fn protected(run: &Run<'_>) -> Vec<String> {
    let mut broken = Vec::new();
    let guarded = guarded(run);
    for (_, write, _) in run.deletes() {
        let is_safe = |before: &tilgang::simulator::world::Assignment| {
            guarded.as_ref().is_some_and(|all| !all.contains(&before.triple.principal))
        };
        if !write.before.as_ref().map_or(guarded.is_some(), is_safe) {
            broken.push(format!("{:?} protects, and this goes: {write:?}", run.git().guard));
        }
    }
    for name in &run.git().protected {
        let answer = run.seen().names.get(&UserName::new(name));
        for (_, write, _) in run.deletes() {
            match answer {
                Some(ByName::Person(person)) => {
                    if write.before.as_ref().is_some_and(|before| before.triple.principal == person.id) {
                        broken.push(format!("{name} loses {:?}", write.before));
                    }
                }
                _ => broken.push(format!("nobody knows who {name} is, and somebody loses {:?}", write.before)),
            }
        }
    }
    broken
}

/// No change but those that follow; and each that follows.
fn planned(run: &Run<'_>, said: &Said, expected: &Expected) -> Vec<String> {
    let mut broken = Vec::new();
    let mut changes: BTreeMap<AssignmentName, &Change> = BTreeMap::new();
    for change in said.all_changes() {
        if changes.insert(change.name, change).is_some() {
            broken.push(format!("planned twice: {change:?}"));
        }
        let follows = match change.action {
            Action::Grant | Action::Adopt | Action::Update => expected.puts.contains_key(&change.triple),
            Action::Revoke => expected.removals.get(&change.name).is_some_and(|it| it.triple == change.triple),
        };
        if !follows {
            let why = expected
                .kept
                .iter()
                .find(|it| it.scope == change.triple.scope && it.principal == change.triple.principal);
            broken.push(format!("does not follow ({}): {change:?}", why.map_or("", |kept| kept.why)));
        }
        if let Some(removal) = expected.removals.get(&change.name)
            && change.action == Action::Revoke
            && (change.because.is_expiry() != removal.is_expiry || change.owner.as_str() != removal.owner)
        {
            broken.push(format!("{removal:?} is told as {change:?}"));
        }
    }
    for (triple, put) in expected.puts.iter().filter(|(_, put)| run.concerns(put.owner)) {
        if !changes.values().any(|change| change.action != Action::Revoke && change.triple == *triple) {
            broken.push(format!("not granted: {triple:?} {put:?}"));
        }
    }
    for (name, removal) in expected.removals.iter().filter(|(_, removal)| run.concerns(removal.owner)) {
        if changes.get(name).is_none_or(|change| change.action != Action::Revoke) {
            broken.push(format!("not removed: {removal:?}"));
        }
    }
    broken
}

/// A limit that refuses was exceeded by what it counts.
fn refused(run: &Run<'_>, said: &Said, expected: &Expected) -> Vec<String> {
    let limits = run.git().limits;
    let mine: Vec<&Removal> = expected.removals.values().filter(|removal| run.concerns(removal.owner)).collect();
    let mut broken = Vec::new();
    let limit = |refusal: &Refusal| {
        !matches!(
            refusal,
            Refusal::Protected
                | Refusal::ProtectedUnknown(_)
                | Refusal::Frozen(_)
                | Refusal::OlderCommit(_)
                | Refusal::OtherInstance(_)
        )
    };
    for refused in &said.refused {
        let owner = refused.change.owner.as_str();
        let others = || mine.iter().filter(|removal| !removal.is_expiry);
        let at_owner = || others().filter(|removal| removal.owner == owner);
        let of = expected.standing.get(owner).copied().unwrap_or_default();
        let all = expected.standing.iter().filter(|(owner, _)| run.concerns(owner)).map(|(_, of)| of).sum::<usize>();
        let names = |name: &UserName| run.git().protected.iter().any(|it| UserName::new(it) == *name);
        let because = match &refused.refusal {
            _ if limit(&refused.refusal) && run.git().is_raised(owner, run.oracle.today) => false,
            Refusal::Protected if guarded(run).is_some_and(|all| all.contains(&refused.change.triple.principal)) => {
                true
            }
            Refusal::Protected => run.git().protected.iter().any(|name| {
                matches!(run.seen().names.get(&UserName::new(name)),
                    Some(ByName::Person(person)) if person.id == refused.change.triple.principal)
            }),
            Refusal::ProtectedUnknown(Whom::Name(name)) => {
                names(name) && !matches!(run.seen().names.get(name), Some(ByName::Person(_)))
            }
            Refusal::ProtectedUnknown(_) => guarded(run).is_none(),
            Refusal::Frozen(_) => run.git().is_frozen(owner, refused.change.action == Action::Revoke, run.oracle.today),
            Refusal::OlderCommit(_) => run.is_older(),
            Refusal::OtherInstance(_) => run.is_stranger(),
            Refusal::Owner(_) => at_owner().count() > limits.per_owner,
            Refusal::OwnerInProd(_) => at_owner().filter(|removal| removal.in_prod).count() > limits.prod_per_owner,
            Refusal::OwnerShare(_) => of >= 10 && at_owner().count() * 100 > limits.share * of,
            Refusal::All(_) => others().count() > limits.max,
            Refusal::AllShare(_) => all >= 10 && others().count() * 100 > limits.share * all,
            Refusal::Expiries(_) => mine.iter().filter(|removal| removal.is_expiry).count() > limits.expiries,
        };
        let is_any =
            matches!(refused.refusal, Refusal::Frozen(_) | Refusal::OlderCommit(_) | Refusal::OtherInstance(_));
        if !because || !is_any && refused.change.action != Action::Revoke {
            broken.push(format!("{:?} for {:?}; {limits:?}", refused.refusal, refused.change));
        }
    }
    broken
}

/// What stays though git does not want it, what is missing though git wants it, what could not be read: each is said.
fn unsaid(run: &Run<'_>, said: &Said, expected: &Expected) -> Vec<String> {
    let mut broken = Vec::new();
    let (plan, blocked) = (&said.plan, said.all_blocked());
    let mut kept: BTreeMap<Owner, usize> = BTreeMap::new();
    for stays in &expected.kept {
        // With `--owner`, what is nobody's for certain is not shown.
        if stays.owner.map_or(run.only.is_some(), |owner| !run.concerns(owner)) {
            continue;
        }
        let is_said = match stays.said {
            Must::Blocked => {
                blocked.iter().any(|it| it.action == Action::Revoke && it.scope.as_ref() == Some(&stays.scope))
            }
            Must::Finding => plan.findings.iter().any(|it| {
                let is_counted = it.code == Code::OtherInstance && run.is_of_another(stays);
                is_counted && it.owner.map(|it| it.to_string()).as_deref() == stays.owner
                    || it.scope.as_ref() == Some(&stays.scope)
                        && it.who.as_ref().is_some_and(|who| who.id == stays.principal)
                        && matches!(it.code, Code::Unmanaged | Code::Orphaned | Code::NameChangedHands | Code::Keeps)
            }),
            Must::Kept => {
                *kept.entry(stays.owner.unwrap_or_default()).or_default() += 1;
                true
            }
        };
        if !is_said {
            broken.push(format!("{stays:?}"));
        }
    }
    let counted: BTreeMap<&str, usize> = plan.kept.iter().map(|(owner, count)| (owner.as_str(), *count)).collect();
    if counted != kept {
        broken.push(format!("kept for broken files: {counted:?} said, {kept:?} are"));
    }
    for (owner, name, role) in expected.blocked.iter().filter(|(owner, ..)| run.concerns(owner)) {
        let is_blocked = blocked.iter().any(|it| {
            it.action == Action::Grant
                && it.owner.is_some_and(|it| it.as_str() == *owner)
                && it.who == *name
                && it.role.as_ref().is_some_and(|it| it.as_str() == *role)
        });
        let restorable = plan.findings.iter().any(|it| {
            it.code == Code::Orphaned && it.owner.is_some_and(|it| it.as_str() == *owner) && !it.origins.is_empty()
        });
        if !is_blocked && !restorable {
            broken.push(format!("{name} does not get {role} at {owner}"));
        }
    }
    for (role, code) in expected.unfit.iter().filter(|_| run.only.is_none()) {
        let is_it = |it: &Finding| it.code == *code && it.role.as_ref().is_some_and(|it| it.as_str() == *role);
        if !plan.findings.iter().any(is_it) {
            broken.push(format!("what {role} gives is held, and is not as git says: {code:?}"));
        }
    }
    let changed =
        run.permitted().into_iter().filter(|(id, is)| run.told.definitions.get(id).is_some_and(|was| was != is));
    let (changed, said_changed) =
        (changed.count(), plan.findings.iter().filter(|it| it.code == Code::RoleChanged).count());
    if run.only.is_none() && changed != said_changed {
        broken.push(format!("{changed} role definitions permit something else, and {said_changed} are said to"));
    }
    let said_anew: BTreeSet<&ScopeId> =
        plan.findings.iter().filter(|it| it.code == Code::Recreated).filter_map(|it| it.scope.as_ref()).collect();
    let made = run.made();
    let anew = made.iter().filter(|(scope, is)| {
        run.told.remembered.get(scope).is_some_and(|was| was.as_second().abs_diff(is.as_second()) > 1)
    });
    let anew: BTreeSet<&ScopeId> = anew.map(|(scope, _)| scope).collect();
    if anew != said_anew {
        broken.push(format!("made anew are {anew:?}, and said is {said_anew:?}"));
    }
    let seen = run.seen();
    let unread = matches!(seen.stock, Some(Err(())))
        || seen.lists.values().any(Result::is_err)
        || seen.names.values().any(|answer| matches!(answer, ByName::Unanswered(_)))
        || seen.ids.keys().any(|id| matches!(run.oracle.by_id(*id), ById::Unanswered(_)));
    if unread && plan.unread.is_empty() {
        broken.push("something could not be read".to_owned());
    }
    let any_broken = run.git().files.values().any(|file| matches!(file, File::Broken(_)));
    if any_broken && said.errors == 0 {
        broken.push("a broken file".to_owned());
    }
    broken
}

/// Whether an entry has a name that was theirs: the ledger may know that of somebody whom Entra does not have any more.
fn known_as(run: &Run<'_>, commit: &Git, owner: Owner, who: PrincipalId) -> bool {
    let (File::Read(entries) | File::Broken(entries)) = &commit.files[owner] else { return false };
    let was_theirs = |name: &str| run.told.names.get(&UserName::new(name)).is_some_and(|ids| ids.contains(&who));
    entries.iter().any(|entry| entry.id.is_none() && was_theirs(&entry.name))
}

/// Of each line of a commit that lists somebody with one of these roles, by id or by today's name: whether it has ended.
fn lines(oracle: &Oracle<'_>, commit: &Git, owner: Owner, who: PrincipalId, roles: &[&str]) -> Vec<bool> {
    let (File::Read(entries) | File::Broken(entries)) = &commit.files[owner] else { return Vec::new() };
    let name = match oracle.by_id(who) {
        ById::Person(person) => Some(person.name),
        _ => None,
    };
    let is_them = |entry: &super::git::Entry| match entry.id {
        Some(id) => PrincipalId(id) == who,
        None => Some(UserName::new(&entry.name)) == name,
    };
    let theirs = entries.iter().filter(|entry| is_them(entry)).flat_map(|entry| &entry.roles);
    let theirs = theirs.filter(|role| roles.contains(&role.name));
    theirs.map(|role| role.until.is_some_and(|until| until < oracle.today)).collect()
}

/// Who is said to be out of git and to keep access was listed at that owner, with a role that gives it, and is no longer; and who
/// was and is no longer, and holds it by what others gave at a target, is said to be, or it is said that git did not tell. An apply
/// that says so does not end as if all were well.
fn keeps(run: &Run<'_>, said: &Said, expected: &Expected) -> Vec<String> {
    let mut broken = Vec::new();
    let (oracle, plan) = (run.oracle, &said.plan);
    let versions = || run.told.versions.iter().flatten();
    let lines = |commit: &Git, owner: Owner, who: PrincipalId, roles: &[&str]| lines(oracle, commit, owner, who, roles);
    let every: Vec<&str> = ROLES.iter().map(|(role, ..)| *role).collect();
    let keeping = || plan.findings.iter().filter(|it| it.code == Code::Keeps);
    for keeps in keeping() {
        let Some(who) = &keeps.who else { continue };
        let owners = OWNERS.into_iter().filter(|owner| keeps.owner.is_none_or(|it| it.as_str() == *owner));
        let was = |owner: Owner| {
            versions()
                .any(|commit| !lines(commit, owner, who.id, &every).is_empty() || known_as(run, commit, owner, who.id))
                || lines(run.git(), owner, who.id, &every).contains(&true)
        };
        if !owners.clone().any(was) {
            broken.push(format!("nobody ever listed whom this is said of: {keeps:?}"));
        }
    }
    let gap = |owner: Owner| {
        plan.findings.iter().any(|it| {
            let is_of = it.owner.is_none_or(|it| it.as_str() == owner);
            it.code == Code::Unanswered && is_of && it.message.contains("removed from git")
        })
    };
    let places = oracle.places();
    for standing in oracle.standings().iter().filter(|it| !it.is_ours) {
        let row = standing.row;
        let mut here =
            places.iter().filter(|place| matches!(&place.at, Where::Found(scope, _) if *scope == row.triple.scope));
        let (Some(place), None) = (here.next(), here.next()) else { continue };
        let is_read = matches!(run.git().files[place.owner], File::Read(_) | File::Removed);
        let stays = expected.kept.iter().any(|kept| kept.said == Must::Finding && kept.assignment == row.name);
        let is_person =
            row.principal_type == PrincipalType::User && matches!(oracle.by_id(row.triple.principal), ById::Person(_));
        let is_wanted = oracle.wants().iter().any(|want| {
            let at = oracle::environment_of(want.role);
            (want.owner, at, want.kind) == (place.owner, Some(place.environment), place.kind)
                && want.definition == row.triple.definition
                && want.meaning == Meaning::Person(row.triple.principal)
                && want.until.is_none_or(|until| until >= oracle.today)
        });
        if is_wanted
            || !stays
            || !is_read
            || !is_person
            || !run.concerns(place.owner)
            || oracle.ends_by_itself(row) == Some(true)
        {
            continue;
        }
        // Whom a line lists with a role, certainly or perhaps, is not out of git with it, whatever the role gives today.
        let is_listed = |role: &str| lines(run.git(), place.owner, row.triple.principal, &[role]).contains(&false);
        let gives = |role: &&str| {
            oracle::environment_of(role) == Some(place.environment)
                && oracle.gives(role).contains(&(place.kind, row.triple.definition))
                && !is_listed(role)
        };
        let roles: Vec<&str> = oracle.roles().filter(gives).collect();
        if roles.is_empty() {
            continue; // nobody in git could have had it by a role
        }
        // Of whom a file may speak that nobody could tell from the holder, that is said instead; and so is a name that moved on.
        let is_other = plan.findings.iter().any(|it| {
            let is_it = it.scope.as_ref() == Some(&row.triple.scope)
                && it.who.as_ref().is_some_and(|who| who.id == row.triple.principal);
            is_it && (it.code == Code::NameChangedHands || it.message.contains("could not be resolved"))
        });
        let was = versions().any(|commit| {
            matches!(commit.files[place.owner], File::Read(_))
                && !lines(commit, place.owner, row.triple.principal, &roles).is_empty()
        });
        let is_said = keeping().any(|it| {
            it.assignment.as_deref() == Some(row.resource_id().as_str())
                && it.owner.is_some_and(|owner| owner.as_str() == place.owner)
        });
        if was && !is_said && !is_other {
            broken
                .push(format!("listed before at {} and not now, and nobody says that they keep {row:?}", place.owner));
        }
        let is_known = run.told.versions.is_some() || matches!(oracle.head, Head::NotInGit);
        if !is_known && !is_said && !is_other && !gap(place.owner) {
            broken.push(format!("nobody says that git did not tell of {}: {row:?}", place.owner));
        }
    }
    broken.extend(keeps_in_groups(run, plan));
    let is_whole = run.told.saved.is_none() && run.told.kinds == Kinds::All;
    if is_whole && keeping().any(|it| it.accepted.is_none()) && said.exit == Some(Exit::Converged) {
        broken.push("somebody keeps access, and the exit code is 0".to_owned());
    }
    broken
}

/// The same of people in a group that others gave something at a target: who is said to keep it is in that group, and who was listed, is
/// no longer and is in it is said to, or it is said that this is not known.
fn keeps_in_groups(run: &Run<'_>, plan: &tilgang::plan::Plan) -> Vec<String> {
    let mut broken = Vec::new();
    let oracle = run.oracle;
    let keeping = || plan.findings.iter().filter(|it| it.code == Code::Keeps);
    let is_unknown = |owner: Owner| {
        plan.findings.iter().any(|it| {
            let is_of = it.owner.is_none_or(|it| it.as_str() == owner);
            it.code == Code::Unanswered && is_of && it.message.contains("removed from git")
        })
    };
    let places = oracle.places();
    let is_group = |standing: &&super::oracle::Standing<'_>| standing.row.principal_type == PrincipalType::Group;
    for standing in oracle.standings().iter().filter(is_group) {
        let row = standing.row;
        // As it was when it was asked: people come and go while a run is on.
        let members = match run.seen().groups.get(&GroupKey::Id(row.triple.principal)) {
            Some(InGroup::Members(members)) => members.clone(),
            Some(InGroup::Missing | InGroup::Several(_)) => BTreeSet::new(),
            Some(InGroup::Unanswered(_)) | None => oracle.start.everybody_in(row.triple.principal),
        };
        for keeps in keeping().filter(|it| it.assignment.as_deref() == Some(row.resource_id().as_str())) {
            if !keeps.who.as_ref().is_some_and(|who| members.contains(&who.id)) {
                broken.push(format!("not in the group of whom this is said: {keeps:?}"));
            }
        }
        let mut here =
            places.iter().filter(|place| matches!(&place.at, Where::Found(scope, _) if *scope == row.triple.scope));
        let (Some(place), None) = (here.next(), here.next()) else { continue };
        let is_read = matches!(run.git().files[place.owner], File::Read(_) | File::Removed);
        if standing.is_ours || !is_read || !run.concerns(place.owner) || is_unknown(place.owner) {
            continue;
        }
        let gives = |role: &&str| {
            oracle::environment_of(role) == Some(place.environment)
                && oracle.gives(role).contains(&(place.kind, row.triple.definition))
        };
        for role in oracle.roles().filter(gives) {
            // Somebody whom the file lists with it and who cannot be resolved may be any of them.
            let is_open = match &run.git().files[place.owner] {
                File::Read(entries) => entries.iter().any(|entry| {
                    let answer = run.seen().names.get(&UserName::new(&entry.name));
                    let has_it = entry.roles.iter().any(|it| it.name == role);
                    let is_resolved = |person: &Person| entry.id.is_none_or(|id| PrincipalId(id) == person.id);
                    has_it && !matches!(answer, Some(ByName::Person(person)) if is_resolved(person))
                }),
                _ => false,
            };
            for member in members.iter().filter(|_| !is_open) {
                let ById::Person(person) = oracle.by_id(*member) else { continue };
                let is_of_another = run.told.names.get(&person.name).is_some_and(|ids| !ids.contains(member));
                let was = run.told.versions.iter().flatten().any(|commit| {
                    matches!(commit.files[place.owner], File::Read(_))
                        && !lines(oracle, commit, place.owner, *member, &[role]).is_empty()
                });
                let is_listed = lines(oracle, run.git(), place.owner, *member, &[role]).contains(&false);
                let is_said = keeping().any(|it| {
                    it.assignment.as_deref() == Some(row.resource_id().as_str())
                        && it.who.as_ref().is_some_and(|who| who.id == *member)
                });
                if was && !is_listed && !is_of_another && !is_said {
                    broken.push(format!(
                        "listed before at {} with {role} and not now, and nobody says that {} keeps it by {row:?}",
                        place.owner, person.name
                    ));
                }
            }
        }
    }
    broken
}

/// Each change that policy let through has an outcome, and it is true.
fn outcomes(run: &Run<'_>, said: &Said) -> Vec<String> {
    let Some(outcomes) = &said.outcomes else { return Vec::new() };
    let mut broken = Vec::new();
    if run.told.saved.is_none() && outcomes.len() + said.refused.len() != said.plan.changes.len() {
        broken.push(format!(
            "{} changes, {} refused, {} outcomes",
            said.plan.changes.len(),
            said.refused.len(),
            outcomes.len()
        ));
    }
    for outcome in outcomes {
        let asked = run.writes.iter().rfind(|write| match &write.asked {
            Asked::Put(put) => outcome.change.action != Action::Revoke && put.name == outcome.change.name,
            Asked::Delete(_, name) => outcome.change.action == Action::Revoke && *name == outcome.change.name,
        });
        let told = asked.and_then(|write| write.told);
        let is_true = match &outcome.result {
            Ok(Done::Now | Done::Already) if told == Some(Ok(())) => true,
            // What was to be put right is not right because another one stands there now.
            Ok(Done::Already) => told == Some(Err(TroubleKind::Exists)) && outcome.change.action == Action::Grant,
            Ok(Done::Now) => false,
            Err(Failure::Trouble(trouble)) => told == Some(Err(trouble.kind)),
            Err(Failure::Moved(_) | Failure::Unrecorded(_) | Failure::NotTried) => asked.is_none(),
            Err(Failure::HeldBack) => asked.is_none() && outcome.change.action == Action::Revoke,
        };
        if !is_true {
            broken.push(format!("{outcome:?}, and {told:?} was answered"));
        }
    }
    broken
}

/// A run that makes some kinds of changes only: nothing else is done, and what is left was left for a reason.
fn meant(run: &Run<'_>, said: &Said, expected: &Expected) -> Vec<String> {
    let Kinds::Only(kinds) = &run.told.kinds else {
        return said.deferred.iter().map(|it| format!("left, though everything is meant: {it:?}")).collect();
    };
    let is_meant = |change: &Change| match expected.removals.get(&change.name) {
        Some(removal) if change.action == Action::Revoke => kinds.contains(&Kind::Expired) && removal.is_expiry,
        _ => change.action != Action::Revoke && kinds.contains(&Kind::Grants),
    };
    let done = said.plan.changes.iter().filter(|change| !is_meant(change)).map(|it| format!("not meant: {it:?}"));
    let planned: BTreeSet<AssignmentName> = said.plan.changes.iter().map(|change| change.name).collect();
    let left = said.all_changes().into_iter().filter(|it| is_meant(it) && !planned.contains(&it.name));
    done.chain(left.map(|it| format!("meant, and left: {it:?}"))).collect()
}

/// Whatever else is pending, blocked or refused: what a last day has ended, and may go, goes in a run that removes what has
/// ended; or it is named with its reason, and the exit code is not 0.
fn ended(run: &Run<'_>, said: &Said, expected: &Expected) -> Vec<String> {
    let removes = match &run.told.kinds {
        Kinds::All => true,
        Kinds::Only(kinds) => kinds.contains(&Kind::Expired),
    };
    let (Some(outcomes), Some(exit), true) = (&said.outcomes, said.exit, removes && run.told.saved.is_none()) else {
        return Vec::new();
    };
    let mut broken = Vec::new();
    for (name, removal) in expected.removals.iter().filter(|(_, it)| it.ended.is_some() && run.concerns(it.owner)) {
        let outcome = outcomes.iter().find(|outcome| outcome.change.name == *name).map(|outcome| &outcome.result);
        let is_refused = said.refused.iter().any(|refused| refused.change.name == *name);
        let is_left = said.deferred.iter().any(|it| match &it.what {
            tilgang::plan::selection::Left::Change(change) => change.name == *name && it.why != Why::OtherKind,
            tilgang::plan::selection::Left::Blocked(_) => false,
        });
        let is_named = match outcome {
            Some(Ok(_)) => continue,
            Some(Err(Failure::HeldBack)) => false,
            Some(Err(_)) => true,
            None => is_refused || is_left,
        };
        if !is_named || exit == Exit::Converged {
            broken.push(format!("{removal:?}: {outcome:?}, refused {is_refused}, left {is_left}, {exit:?}"));
        }
    }
    broken
}

/// A beginning before the first write, one end with the exit code and with what became of each change. Where the beginning is not
/// taken down, nothing is asked of Azure.
fn recorded(run: &Run<'_>, said: &Said) -> Vec<String> {
    let (begun, ended) = &run.recorded;
    let is_as_it_should = match (&said.outcomes, said.exit) {
        (Some(outcomes), Some(exit)) => {
            *begun == 1
                && ended.as_ref().is_some_and(|ended| {
                    let Ended { exit: code, done, already, failed, held_back, not_tried, .. } = ended;
                    *code == exit.code() && done + already + failed + held_back + not_tried == outcomes.len()
                })
        }
        // It did not begin.
        (None, Some(exit)) => *begun == 0 && ended.is_none() && run.writes.is_empty() && exit == Exit::Failed,
        // A saved plan that no longer holds; or a run that was killed, perhaps before it began.
        (_, None) => *begun <= usize::from(said.admitted != Some(false)) && ended.is_none(),
    };
    if is_as_it_should { Vec::new() } else { vec![format!("begun {begun} times, ended {ended:?}: {:?}", said.exit)] }
}
