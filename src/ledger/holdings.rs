//! What was seen and what was written → who held what at managed targets, at any time. Pure.
//!
//! A base says everything, each later record what is other than before it; our own writes count from their answer on. What
//! could not be read is unknown from then on, until it is read again; so is a target where a write was asked for and its answer
//! is not known. Between two records nobody looked: what is given is what the earlier one saw, with both times.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    carried::Carried,
    chain::Line,
    entry::{Answered, Asked, Commit, Entry, Held, How, Made, Opened, Seen, TargetName, TargetRow},
    parts::join,
    permits::Permits,
    sight::View,
};
use crate::model::{
    ids::{PrincipalId, RoleDefinitionId, ScopeId, UserName},
    observed::is_anew,
    owner::{OwnerCode, RoleName},
};

pub(super) const PROVIDER: &str = "/providers/microsoft.authorization/roleassignments/";

/// What is known of one target at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Knowledge {
    /// Who held what there.
    Known {
        /// The target's resource id.
        scope: String,
        /// When it was last looked at, up to that time.
        seen: Timestamp,
        /// When it was looked at next; between the two nobody looked.
        next: Option<Timestamp>,
        /// At the target, above it and below it, by resource id.
        held: Vec<Held>,
    },
    /// Nobody can say.
    Unknown {
        /// From when on; `None`: from before the ledger knew the target.
        since: Option<Timestamp>,
        /// When it was known again.
        until: Option<Timestamp>,
        /// Why.
        why: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Known { scope: ScopeId, seen: Timestamp },
    Unknown { since: Timestamp, why: String },
}

/// A write whose end is not known (yet).
#[derive(Clone, Debug)]
struct Open {
    at: Timestamp,
    asked: Asked,
}

/// The ledger up to some line, as knowledge.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    targets: BTreeMap<TargetName, State>,
    /// When resources were made; kept while a target is not seen, so that its return is told from another's coming.
    made: BTreeMap<ScopeId, Timestamp>,
    permits: Permits,
    /// What is known of accounts for longer than they hold anything.
    carried: Carried,
    /// By resource id in lower case, with the scope it lies at.
    held: BTreeMap<String, (ScopeId, Held)>,
    open: BTreeMap<u64, Open>,
    parts: Vec<Seen>,
    /// An answer to a question in an earlier file: only a base says everything again.
    lost: bool,
    newest: Option<Commit>,
    applied_last: Option<Commit>,
    last: Option<Timestamp>,
}

/// Where an assignment lies, by its resource id.
fn scope_of(assignment: &str) -> ScopeId {
    let at = assignment.to_ascii_lowercase().rfind(PROVIDER).unwrap_or_default();
    ScopeId::new(assignment.get(..at).unwrap_or_default())
}

/// Whether an assignment counts at a target: it lies there, above or below.
fn counts(there: &ScopeId, held: &Held, target: &ScopeId) -> bool {
    match (there.subscription(), target.subscription()) {
        (Some(_), _) => there.holds(target) || target.holds(there),
        (None, Some(id)) => held.over.contains(&id.to_string()),
        (None, None) => false,
    }
}

impl Replay {
    /// After these lines.
    #[must_use]
    pub fn of<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Self {
        let mut replay = Self::default();
        lines.into_iter().for_each(|line| replay.feed(line));
        replay
    }

    /// The commit of the last apply that had something to do (one that was refused had nothing), however old it says it is.
    #[must_use]
    pub fn applied_last(&self) -> Option<&Commit> {
        self.applied_last.as_ref()
    }

    /// The newest commit that an apply recorded, by the commits' own time.
    #[must_use]
    pub fn newest(&self) -> Option<&Commit> {
        self.newest.as_ref()
    }

    /// When resources were made, as the last look at each had it.
    #[must_use]
    pub fn made(&self) -> &BTreeMap<ScopeId, Timestamp> {
        &self.made
    }

    /// What role definitions were called and permitted, as the last look at each had it.
    #[must_use]
    pub fn definitions(&self) -> &BTreeMap<RoleDefinitionId, (String, String)> {
        &self.permits.0
    }

    /// Whom a role was given, and when that was recorded last.
    #[must_use]
    pub fn granted(&self) -> &BTreeMap<(OwnerCode, PrincipalId, Option<RoleName>), Timestamp> {
        &self.carried.granted
    }

    /// People's accounts by the sign-in names that they held something under, each with when that was recorded last.
    #[must_use]
    pub fn names(&self) -> &BTreeMap<UserName, BTreeMap<PrincipalId, Timestamp>> {
        &self.carried.names
    }

    /// Names and grants.
    pub(super) fn carried(&mut self) -> &mut Carried {
        &mut self.carried
    }

    /// The time up to which this speaks.
    #[must_use]
    pub fn last(&self) -> Option<Timestamp> {
        self.last
    }

    /// Takes in the next line.
    pub fn feed(&mut self, line: &Line) {
        self.last = self.last.max(Some(time(line)));
        match &line.entry {
            Entry::Opened(Opened { newest, .. }) => {
                self.applied(newest.as_ref(), 0);
                self.carried.whole |= line.n == 0; // the first file of all
            }
            Entry::Begun(begun) => self.applied(begun.commit.as_ref(), begun.changes),
            Entry::Asked(asked) => {
                self.carried.asked(asked, line.at);
                self.open.insert(line.n, Open { at: line.at, asked: (**asked).clone() });
            }
            Entry::Answered(answered) => self.answered(answered),
            Entry::Seen(seen) => self.part(seen),
            Entry::HeldBack(_) | Entry::Ended(_) | Entry::Torn(_) | Entry::Newer => {}
        }
    }

    fn applied(&mut self, commit: Option<&Commit>, changes: usize) {
        self.applied_last = commit.filter(|_| changes > 0).cloned().or_else(|| self.applied_last.take());
        if let Some(commit) = commit
            && self.newest.as_ref().is_none_or(|newest| newest.time < commit.time)
        {
            self.newest = Some(commit.clone());
        }
    }

    fn answered(&mut self, Answered { of, how, status, .. }: &Answered) {
        let Some(Open { asked, at }) = self.open.get(of).cloned() else {
            self.lost = true;
            return;
        };
        let asked = &asked;
        let key = asked.assignment.to_ascii_lowercase();
        match (asked.action.as_str(), how) {
            ("revoke", How::Done | How::Already) => {
                self.held.remove(&key);
            }
            ("grant" | "adopt" | "update", How::Done) => {
                let (scope, held, at) = (scope_of(&asked.assignment), held(asked), at);
                self.carried.held(&held, at);
                self.held.insert(key, (scope, held));
            }
            // Refused: nothing changed. Without an answer, or with a failure of Azure's own, it may have. And where there was
            // an equal one already, others made it: which, the next look says.
            (_, How::Failed) if status.is_some_and(|status| (400..500).contains(&status)) => {}
            _ => return,
        }
        self.open.remove(of);
    }

    /// Lines that belong together count when the last is there; one that is missing lets go of all.
    fn part(&mut self, seen: &Seen) {
        match seen.part {
            None => {
                self.parts.clear();
                self.seen(seen);
            }
            Some((at, of)) => {
                if usize::try_from(at).ok() != Some(self.parts.len()) {
                    self.parts.clear();
                }
                if at == 0 || !self.parts.is_empty() {
                    self.parts.push(seen.clone());
                }
                if usize::try_from(of).ok() == Some(self.parts.len()) {
                    let whole = join(std::mem::take(&mut self.parts));
                    self.seen(&whole);
                }
            }
        }
    }

    pub(super) fn seen(&mut self, seen: &Seen) {
        let Seen { base, observed, owners, targets, held, gone, made, definitions, .. } = seen;
        if *base {
            self.targets.clear();
            self.made.clear();
            self.permits = Permits::default();
            self.held.clear();
            self.lost = false;
        }
        for TargetRow { target, scope, unknown, at } in targets {
            let at = at.unwrap_or(*observed);
            let state = if let Some(scope) = scope {
                State::Known { scope: ScopeId::new(scope), seen: at }
            } else {
                let since = if *base { at } else { self.unknown_since(target).unwrap_or(at) };
                State::Unknown { since, why: unknown.clone().unwrap_or_default() }
            };
            self.targets.insert(target.clone(), state);
        }
        if !*base {
            for (target, state) in &mut self.targets {
                if let State::Known { seen, .. } = state
                    && (owners.is_empty() || owners.contains(&target.owner))
                {
                    *seen = *observed;
                }
            }
        }
        self.made.extend(made.iter().map(|Made { scope, at }| (ScopeId::new(scope), *at)));
        self.permits.learn(definitions);
        self.carried.seen(seen);
        for it in held {
            self.carried.held(it, *observed);
            self.held.insert(it.assignment.to_ascii_lowercase(), (scope_of(&it.assignment), it.clone()));
        }
        for id in gone {
            self.held.remove(&id.to_ascii_lowercase());
        }
        let targets = &self.targets;
        self.open.retain(|_, Open { at, asked }| {
            let there = ScopeId::new(&asked.scope);
            !targets.values().any(|it| matches!(it, State::Known { scope, seen } if *scope == there && seen >= at))
        });
    }

    /// Since when a target is unknown already, if it is: another reason does not make it known in between.
    fn unknown_since(&self, target: &TargetName) -> Option<Timestamp> {
        match self.targets.get(target)? {
            State::Unknown { since, .. } => Some(*since),
            State::Known { scope, .. } => self.asked_at(scope).map(|open| open.at),
        }
    }

    /// What to record, if this was seen now.
    #[must_use]
    pub fn difference(&self, view: &View) -> Seen {
        let View { observed, owners, targets: _, made, definitions, held } = view;
        let mut seen = Seen { observed: *observed, owners: owners.clone(), ..Seen::default() };
        for (target, now) in &view.targets {
            let same = match (now, self.targets.get(target)) {
                (Ok(scope), Some(State::Known { scope: before, .. })) => scope == before,
                (Err(why), Some(State::Unknown { why: before, .. })) => why == before,
                _ => false,
            };
            if !same {
                seen.targets.push(row(target, now.as_ref(), None));
            }
        }
        for (target, state) in &self.targets {
            let concerned = owners.is_empty() || owners.contains(&target.owner);
            let why = "git names no such target any more";
            let said = matches!(state, State::Unknown { why: before, .. } if before == why);
            if concerned && !said && !view.targets.contains_key(target) {
                seen.targets.push(row(target, Err(&why.to_owned()), None));
            }
        }
        let news = made.iter().filter(|(scope, at)| self.made.get(scope).is_none_or(|was| is_anew(*was, **at)));
        seen.made = news.map(made_row).collect();
        seen.definitions = self.permits.news(definitions);
        let covered: BTreeSet<&ScopeId> = view.targets.values().flatten().collect();
        let subscriptions: BTreeSet<String> =
            covered.iter().filter_map(|it| it.subscription()).map(|id| id.to_string()).collect();
        for (id, now) in held {
            let before = self.held.get(id).map(|(_, before)| before);
            let now = learn(now, before, &subscriptions);
            if before != Some(&now) {
                seen.held.push(now);
            }
        }
        for (there, before) in self.held.iter().filter(|(id, _)| !held.contains_key(*id)).map(|(_, held)| held) {
            let elsewhere: Vec<String> =
                before.over.iter().filter(|id| !subscriptions.contains(*id)).cloned().collect();
            if !elsewhere.is_empty() {
                if elsewhere != before.over {
                    seen.held.push(Held { over: elsewhere, ..before.clone() });
                }
            } else if covered.iter().any(|target| counts(there, before, target)) {
                seen.gone.push(before.assignment.clone());
            }
        }
        if self.targets.is_empty() || self.lost {
            let mut after = self.clone();
            after.seen(&seen);
            return after.base(*observed);
        }
        seen
    }

    /// Everything, for a file that shall be read without the ones before it.
    #[must_use]
    pub fn base(&self, observed: Timestamp) -> Seen {
        let targets = self.targets.iter().map(|(target, state)| match state {
            State::Known { scope, seen } => row(target, Ok(scope), Some(*seen)),
            State::Unknown { since, why } => row(target, Err(why), Some(*since)),
        });
        let held = self.held.values().map(|(_, held)| held.clone()).collect();
        let names = self.carried.names_beside(self.held.values().map(|(_, held)| held));
        let granted = self.carried.granted_rows();
        let made = self.made.iter().map(made_row).collect();
        let definitions = self.permits.rows();
        let (targets, remembers, unknown_before) = (targets.collect(), self.carried.whole, self.carried.unknown_before);
        let (owners, gone, part) = (Vec::new(), Vec::new(), None);
        Seen {
            base: true,
            observed,
            owners,
            targets,
            held,
            gone,
            made,
            definitions,
            names,
            granted,
            remembers,
            unknown_before,
            part,
        }
    }

    /// Whether nothing is known that a base would say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty() && self.carried.names.is_empty() && self.carried.granted.is_empty()
    }

    /// An assignment that stands, by its resource id.
    #[must_use]
    pub fn held(&self, assignment: &str) -> Option<&Held> {
        self.held.get(&assignment.to_ascii_lowercase()).map(|(_, held)| held)
    }

    /// At whose targets an assignment counts.
    #[must_use]
    pub fn owners_of(&self, held: &Held) -> BTreeSet<String> {
        let there = scope_of(&held.assignment);
        let at = self.targets.iter().filter(|(_, state)| match state {
            State::Known { scope, .. } => counts(&there, held, scope),
            State::Unknown { .. } => false,
        });
        at.map(|(target, _)| target.owner.clone()).collect()
    }

    /// A write there whose end is not known.
    fn asked_at(&self, scope: &ScopeId) -> Option<&Open> {
        self.open.values().find(|open| ScopeId::new(&open.asked.scope) == *scope)
    }

    fn knowledge(&self) -> BTreeMap<TargetName, Knowledge> {
        let of = |state: &State| match state {
            State::Unknown { since, why } => Knowledge::Unknown { since: Some(*since), until: None, why: why.clone() },
            State::Known { scope, seen } => {
                if let Some(Open { at, asked }) = self.asked_at(scope) {
                    let who = asked.user.as_deref().unwrap_or(&asked.principal);
                    let why = format!("a {} was asked for {who} there, and its answer is not known", asked.action);
                    return Knowledge::Unknown { since: Some(*at), until: None, why };
                }
                let here =
                    self.held.values().filter(|(there, held)| counts(there, held, scope)).map(|(_, held)| held.clone());
                Knowledge::Known { scope: scope.to_string(), seen: *seen, next: None, held: here.collect() }
            }
        };
        self.targets.iter().map(|(target, state)| (target.clone(), of(state))).collect()
    }
}

/// Who held what at each target that the ledger ever knew, at `at`. `lines`: the whole ledger, in order.
#[must_use]
pub fn holdings_as_of(lines: &[Line], at: Timestamp) -> BTreeMap<TargetName, Knowledge> {
    let then = lines.iter().position(|line| time(line) > at).unwrap_or(lines.len());
    let (before, after) = lines.split_at(then);
    let mut replay = Replay::of(before);
    let mut known = replay.knowledge();
    for line in after {
        replay.feed(line);
        if !matches!(line.entry, Entry::Seen(_) | Entry::Answered(_)) {
            continue;
        }
        for (target, state) in &replay.targets {
            let now = known.entry(target.clone()).or_insert_with(|| Knowledge::Unknown {
                since: None,
                until: None,
                why: "the ledger did not know this target yet".to_owned(),
            });
            let State::Known { scope, seen: again } = state else { continue };
            if replay.asked_at(scope).is_some() {
                continue;
            }
            let again = *again;
            match now {
                Knowledge::Known { seen, next: next @ None, .. } if again > *seen => *next = Some(again),
                Knowledge::Unknown { until: until @ None, .. } => *until = Some(time(line).max(again)),
                Knowledge::Known { .. } | Knowledge::Unknown { .. } => {}
            }
        }
    }
    known
}

/// The time that a line speaks of: a look began before it was written down.
fn time(line: &Line) -> Timestamp {
    match &line.entry {
        Entry::Seen(seen) => seen.observed,
        _ => line.at,
    }
}

fn row(target: &TargetName, state: Result<&ScopeId, &String>, at: Option<Timestamp>) -> TargetRow {
    let scope = state.ok().map(ToString::to_string);
    TargetRow { target: target.clone(), scope, unknown: state.err().cloned(), at }
}

fn made_row((scope, at): (&ScopeId, &Timestamp)) -> Made {
    Made { scope: scope.to_string(), at: *at }
}

/// What was not asked this time is as it was known before.
fn learn(now: &Held, before: Option<&Held>, looked_at: &BTreeSet<String>) -> Held {
    let mut now = now.clone();
    if let Some(before) = before {
        now.name = now.name.or_else(|| before.name.clone());
        now.definition_name = now.definition_name.or_else(|| before.definition_name.clone());
        now.pim = match now.pim.as_deref() {
            Some("no") if before.pim.is_none() => None, // it was ordinary as far as anybody knew: no news
            Some(_) => now.pim,
            None => before.pim.clone(),
        };
        let over: BTreeSet<&String> =
            before.over.iter().filter(|id| !looked_at.contains(*id)).chain(&now.over).collect();
        now.over = over.into_iter().cloned().collect();
        now.assignment.clone_from(&before.assignment); // Azure's spelling may change; the assignment does not
    }
    now
}

/// What a grant or update of ours leaves.
fn held(asked: &Asked) -> Held {
    Held {
        assignment: asked.assignment.clone(),
        principal: asked.principal.clone(),
        principal_type: asked.principal_type.clone(),
        name: asked.user.clone(),
        definition: asked.definition.clone(),
        definition_name: asked.definition_name.clone(),
        ours: true,
        over: Vec::new(),
        condition: None,
        pim: None,
    }
}
