//! Who can do one thing → text: people first, each with every way; then what has no effect, and what is not known.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Asked, json, words};
use crate::{
    access::{Being, Holder, Key, State, Unknown, Way},
    model::{
        ability::Ability,
        desired::Grant,
        ids::PrincipalId,
        log_query,
        observed::TargetKey,
        other_access::Denial,
        owner::{EnvironmentName, KindName, OwnerCode},
        permissions::Extent,
    },
    report::{
        Format, Style,
        count::time,
        page::{Ink, Lead, Page},
        words::{count, list},
    },
};

/// Targets that one way leads to are named up to here, then counted.
const NAMED_MAX: usize = 6;

/// The word for changing which of the two ways a vault lets people in by.
const VAULT_MODE: &str = "change-vault-mode";
/// The word for changing access policies, which decide only in a vault that is not in RBAC mode.
const VAULT_POLICIES: &str = "change-vault-policies";

/// What became of a line of git: in words, with what helps.
pub(super) type Fate = (String, Option<String>);

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Who can do this.
    pub can: &'static Ability,
    /// In which environment; `None`: in all.
    pub environment: Option<&'a EnvironmentName>,
    /// At these owners; `None`: at all.
    pub owners: Option<&'a BTreeSet<OwnerCode>>,
    /// At a time in the past.
    pub as_of: Option<&'a AsOf>,
}

/// What an answer about the past rests on.
#[derive(Clone, Debug)]
pub struct AsOf {
    /// The time that was asked for.
    pub at: Timestamp,
    /// Which commit says what git wanted then; or why that is not known.
    pub git: Result<String, String>,
    /// What the ledger knows of each target, then.
    pub looks: BTreeMap<TargetKey, Look>,
    /// What else the answer cannot know.
    pub limits: Vec<String>,
}

/// Between which looks a time lies, at one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// It was looked at.
    Between {
        /// For the last time before.
        seen: Timestamp,
        /// For the first time after, if it was.
        next: Option<Timestamp>,
    },
    /// Nobody can say.
    Unknown {
        /// From when on; `None`: from before the ledger knew it.
        since: Option<Timestamp>,
        /// When it was known again.
        until: Option<Timestamp>,
        /// Why.
        why: String,
    },
}

impl Look {
    fn words(&self) -> String {
        match self {
            Self::Between { seen, next: Some(next) } => {
                format!(
                    "as it was seen at {}; the next look was at {}, and between the two nobody looked",
                    time(*seen),
                    time(*next)
                )
            }
            Self::Between { seen, next: None } => format!("as it was seen at {}; nobody looked since", time(*seen)),
            Self::Unknown { since, until, why } => {
                let since = since.map(|at| format!(" from {}", time(at))).unwrap_or_default();
                let until = until.map(|at| format!(" until {}", time(at))).unwrap_or_default();
                format!("cannot be answered{since}{until}: {why}")
            }
        }
    }
}

impl Question<'_> {
    /// Whether a target is asked for.
    pub(super) fn wants(&self, asked: &Asked<'_>, target: &TargetKey) -> bool {
        self.environment.is_none_or(|it| target.environment == *it)
            && self.owners.is_none_or(|owners| owners.contains(&target.owner))
            && self.is_about(asked, &target.kind)
    }

    /// Whether the ability means something at targets of this kind; in doubt it does.
    fn is_about(&self, asked: &Asked<'_>, kind: &KindName) -> bool {
        let arm_type = asked.desired.catalog.kinds.get(kind).map(|kind| kind.arm_type.as_str());
        self.can.arm_type.zip(arm_type).is_none_or(|(wanted, its)| wanted == its)
    }

    /// What the ledger knows of the targets that are asked for.
    pub(super) fn looks<'a>(&self, asked: &Asked<'_>, as_of: &'a AsOf) -> Vec<(&'a TargetKey, &'a Look)> {
        as_of.looks.iter().filter(|(target, _)| self.wants(asked, target)).collect()
    }

    /// What is not known of the answer.
    pub(super) fn unknown<'a>(&self, asked: &Asked<'a>) -> Vec<&'a Unknown> {
        let here = |it: &&Unknown| {
            // Of the past, each target is told by itself.
            !(self.as_of.is_some() && it.kind.is_some())
                && it.environment.as_ref().zip(self.environment).is_none_or(|(its, wanted)| its == wanted)
                && it.kind.as_ref().is_none_or(|kind| self.is_about(asked, kind))
                && it.owner.zip(self.owners).is_none_or(|(its, wanted)| wanted.contains(&its))
        };
        asked.access.unknown.iter().filter(here).collect()
    }

    /// Whether everything was read that the answer hangs on.
    #[must_use]
    pub fn is_answered(&self, asked: &Asked<'_>) -> bool {
        let looked = |as_of: &AsOf| {
            let looks = self.looks(asked, as_of);
            as_of.git.is_ok() && looks.iter().all(|(_, look)| matches!(look, Look::Between { .. }))
        };
        let read = self.as_of.is_none_or(looked) && !self.unknown(asked).iter().any(|it| it.unread);
        read && self.without_environment(asked).is_empty()
    }

    /// Lines of git that should give it, and do not.
    pub(super) fn missing<'a>(&self, asked: &Asked<'a>) -> Vec<(&'a Grant, Vec<Fate>)> {
        let mut held: BTreeSet<*const Grant> = BTreeSet::new();
        for way in asked.access.holders.values().flat_map(|holder| &holder.ways) {
            held.extend(way.grants.iter().map(|grant| std::ptr::from_ref::<Grant>(grant)));
        }
        let gives = |grant: &Grant| {
            let Some(role) = asked.desired.catalog.roles.get(&grant.role) else { return false };
            let mut kinds = role.gives.iter().filter_map(|gives| asked.desired.catalog.kinds.get(&gives.kind));
            self.environment.is_none_or(|it| role.environment == *it)
                && kinds.any(|kind| Some(kind.arm_type.as_str()) == self.can.arm_type)
        };
        let listed = asked.access.listed.iter().filter(|it| !matches!(it.state, State::Ended) && gives(it.grant));
        let missing = listed.filter_map(|listed| {
            let words = words::state(listed);
            if !words.is_empty() {
                return Some((listed.grant, words));
            }
            let absent = self.as_of.filter(|_| !held.contains(&std::ptr::from_ref(listed.grant)));
            absent.map(|as_of| {
                let is_there = |key: &TargetKey| {
                    let role = asked.desired.catalog.roles.get(&listed.grant.role);
                    key.owner == listed.grant.owner && role.is_some_and(|role| role.environment == key.environment)
                };
                let mut looks = self.looks(asked, as_of).into_iter().filter(|(key, _)| is_there(key));
                let words = if looks.any(|(_, look)| matches!(look, Look::Unknown { .. })) {
                    "listed then; whether it stood is not known"
                } else {
                    "listed then, and not seen at the last look"
                };
                (listed.grant, vec![(words.to_owned(), None)])
            })
        });
        missing.collect()
    }

    /// What is in the groups beside people: an application among it can do the same.
    pub(super) fn others(&self, asked: &Asked<'_>) -> Vec<String> {
        let ways = asked.access.holders.values().flat_map(|holder| &holder.ways);
        let ways = ways.filter(|way| self.wants(asked, way.target) && way.opens.abilities.contains_key(self.can));
        let groups: BTreeSet<PrincipalId> = ways.filter_map(|way| way.through).collect();
        words::others(asked, &groups)
    }

    /// What denies it, or some of it, at the targets that are asked for.
    pub(super) fn denials<'a>(&self, asked: &Asked<'a>) -> Vec<&'a Denial> {
        let all = words::denials(asked, |target| self.wants(asked, target));
        all.into_iter().filter(|it| it.denies(self.can) || self.can.may.1 == "logs" && denies_queries(it)).collect()
    }

    /// Who can change whom a vault lets in, where secrets are asked for: they are not among those who can, and can be.
    pub(super) fn insiders(&self, asked: &Asked<'_>) -> Vec<String> {
        if !self.can.of_data {
            return Vec::new();
        }
        let can = |way: &&Way<'_>| {
            let by_policies = asked.access.has_policies(way.target);
            let mut abilities = way.opens.abilities.keys();
            self.wants(asked, way.target)
                && abilities.any(|it| it.word == VAULT_MODE || by_policies && it.word == VAULT_POLICIES)
        };
        let holders = asked.access.holders.values().filter(|holder| holder.being.can_act());
        let mut found: Vec<_> = holders
            .map(|it| (it, it.ways.iter().filter(can).collect::<Vec<_>>()))
            .filter(|(_, ways)| !ways.is_empty())
            .collect();
        found.sort_by_cached_key(|(holder, _)| holder.order());
        let one = |(holder, ways): (&Holder<'_>, Vec<&Way<'_>>)| {
            let mut lines: Vec<String> = Vec::new();
            for way in ways {
                let line = words::way(asked, way);
                if !lines.contains(&line) {
                    lines.push(line);
                }
            }
            format!("{}: {}", crate::report::words::short(&holder.who), lines.join("; "))
        };
        found.into_iter().map(one).collect()
    }

    /// What keeps the answer from having effect, said once a target.
    pub(super) fn without_effect(&self, asked: &Asked<'_>) -> Vec<String> {
        let targets = asked.access.targets.iter().filter(|(key, _)| self.wants(asked, key));
        let all = targets.flat_map(|(key, target)| {
            let why = asked.access.hindrances(key, self.can);
            why.map(|why| words::impediment(target.scope.last_segment(), why))
        });
        all.collect()
    }

    /// Owners that do not have the environment at all: of them, nothing can be answered.
    pub(super) fn without_environment(&self, asked: &Asked<'_>) -> Vec<OwnerCode> {
        words::without_environment(asked, self.owners, self.environment)
    }

    /// `ttd (Testdepartementet), Prod`.
    fn place(&self, asked: &Asked<'_>) -> String {
        let owners = match self.owners {
            Some(owners) => list(&owners.iter().map(|owner| asked.owner(*owner)).collect::<Vec<_>>()),
            None => "all service owners".to_owned(),
        };
        match self.environment.map(|it| asked.desired.catalog.environments.get(it).map_or(it.as_str(), |it| &it.title))
        {
            Some(environment) => format!("{owners}, {environment}"),
            None => owners,
        }
    }
}

/// Whether it denies the other way to logs.
fn denies_queries(denial: &Denial) -> bool {
    log_query::opens_something(&denial.what)
}

/// The answer. Ends with a line feed.
#[must_use]
pub fn who(asked: &Asked<'_>, question: &Question<'_>, format: Format, style: Style) -> String {
    match format {
        Format::Json => json::who(asked, question),
        Format::Text => text(asked, question, style),
    }
}

/// A way and the targets that the same assignment leads to.
type Same<'a> = BTreeMap<Key<'a>, Vec<&'a Way<'a>>>;

fn text(asked: &Asked<'_>, question: &Question<'_>, style: Style) -> String {
    let mut page = Page::new(style);
    let Question { can, environment, as_of, .. } = question;
    let found = asked.access.who(can, *environment);
    let (verb, object) = can.may;
    let when = as_of.map(|it| format!(", as of {}", time(it.at))).unwrap_or_default();
    page.line(0, Ink::Strong, &format!("Who can {verb} {object} at {}{when}", question.place(asked)));
    if let Some(as_of) = as_of {
        past(&mut page, asked, question, as_of);
    }
    for line in words::no_environment(asked, &question.without_environment(asked), *environment) {
        page.line(2, Ink::Warn, &line);
    }
    for (holder, ways) in &found {
        page.gap();
        person(&mut page, holder);
        for same in same(ways).into_values() {
            ways_of_one(&mut page, asked, can, &same);
        }
    }
    section(
        &mut page,
        "LISTED IN GIT, AND NOT SO",
        question.missing(asked).into_iter().flat_map(|(grant, words)| {
            let place = words::place(&(asked.places)(&grant.origin));
            words.into_iter().map(move |(words, help)| {
                let help = help.map(|help| format!("; {help}")).unwrap_or_default();
                format!("{place}  {}: {words}{help}", grant.user.name)
            })
        }),
    );
    section(&mut page, "ALSO IN THESE GROUPS", question.others(asked));
    section(&mut page, "WITHOUT EFFECT", question.without_effect(asked));
    section(&mut page, "DENIED", question.denials(asked).into_iter().map(|it| words::denial(asked, it)));
    section(&mut page, "COULD LET THEMSELVES IN", question.insiders(asked));
    let left = asked.access.holders.values().filter(|holder| {
        let held = |way: &Way<'_>| question.wants(asked, way.target) && way.opens.abilities.contains_key(can);
        !holder.being.can_act() && holder.ways.iter().any(held)
    });
    section(
        &mut page,
        "LEFT BEHIND",
        left.map(|holder| {
            let (name, more) = words::called(holder);
            let called = format!("{name} {more}");
            format!("{}: {}", called.trim(), words::being(holder.being).join(", "))
        }),
    );
    section(&mut page, "NOT KNOWN", question.unknown(asked).into_iter().map(|it| it.words.clone()));
    page.gap();
    page.last(&sums(asked, question, &found));
    page.finish()
}

fn past(page: &mut Page, asked: &Asked<'_>, question: &Question<'_>, as_of: &AsOf) {
    match &as_of.git {
        Ok(words) => page.put(2, &[Lead { ink: Ink::Faint, text: "git", width: 8 }], Ink::Plain, words),
        Err(why) => {
            page.put(2, &[Lead { ink: Ink::Warn, text: "git", width: 8 }], Ink::Warn, &format!("not known: {why}"));
        }
    }
    for (target, look) in question.looks(asked, as_of) {
        let ink = if matches!(look, Look::Unknown { .. }) { Ink::Warn } else { Ink::Plain };
        let words = format!("`{}`: {}", target.name, look.words());
        page.put(2, &[Lead { ink: Ink::Faint, text: "ledger", width: 8 }], ink, &words);
    }
    for words in &as_of.limits {
        page.put(2, &[Lead { ink: Ink::Faint, text: "limit", width: 8 }], Ink::Plain, words);
    }
}

pub(super) fn person(page: &mut Page, holder: &Holder<'_>) {
    let (name, more) = words::called(holder);
    page.put(0, &[Lead { ink: Ink::Strong, text: &name, width: 0 }], Ink::Faint, &more);
    // That it is an application is said by its kind already.
    for words in words::being(holder.being).into_iter().filter(|_| holder.being != Being::Application) {
        page.line(2, Ink::Warn, words);
    }
}

/// Ways of one holder, those by one assignment together.
fn same<'a>(ways: &[&'a Way<'a>]) -> Same<'a> {
    let mut same = Same::new();
    for way in ways {
        same.entry(way.key()).or_default().push(way);
    }
    same
}

fn ways_of_one(page: &mut Page, asked: &Asked<'_>, can: &Ability, ways: &[&Way<'_>]) {
    let Some(first) = ways.first() else { return };
    let mut names: Vec<&str> = ways.iter().map(|way| way.target.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let targets = if names.len() > NAMED_MAX { count(names.len(), "target", "targets") } else { list(&names) };
    let (ink, sign) = words::sign(asked, first);
    let grants = ways.iter().flat_map(|way| &way.grants);
    let mut lines: Vec<String> = Vec::new();
    for grant in grants {
        let line = format!("{}  {}", words::place(&(asked.places)(&grant.origin)), words::grant(asked, grant));
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.push(words::way(asked, first));
    lines.extend(words::notes(first));
    if first.opens.abilities.get(can) == Some(&Extent::Part) {
        lines.push(format!("only some of the {}", can.may.1));
    }
    page.put(2, &[Lead { ink, text: sign, width: 10 }], Ink::Plain, &targets);
    for line in lines {
        page.line(14, Ink::Faint, &line);
    }
}

pub(super) fn section(page: &mut Page, title: &str, lines: impl IntoIterator<Item = String>) {
    let mut lines = lines.into_iter().peekable();
    if lines.peek().is_none() {
        return;
    }
    page.gap();
    page.line(0, Ink::Strong, title);
    for line in lines {
        page.line(2, Ink::Plain, &line);
    }
}

fn sums(asked: &Asked<'_>, question: &Question<'_>, found: &[(&Holder<'_>, Vec<&Way<'_>>)]) -> Vec<String> {
    let is_person = |being: Being| matches!(being, Being::Person { .. } | Being::Unknown);
    let is_active = |ways: &[&Way<'_>]| ways.iter().any(|way| !way.is_eligible());
    let active = found.iter().filter(|(_, ways)| is_active(ways));
    let people = active.clone().filter(|(holder, _)| is_person(holder.being)).count();
    let others = active.count() - people;
    let mut sums = vec![format!("Who: {}", count(people, "person", "people"))];
    if others > 0 {
        sums.push(count(others, "other", "others"));
    }
    let eligible = found.iter().filter(|(_, ways)| !is_active(ways)).count();
    if eligible > 0 {
        sums.push(format!("{eligible} eligible"));
    }
    let by_git = found.iter().filter(|(_, ways)| ways.iter().any(|way| way.is_of_git())).count();
    sums.push(format!("{by_git} by git"));
    let looks = question.as_of.map(|as_of| question.looks(asked, as_of)).unwrap_or_default();
    let unlooked = looks.iter().filter(|(_, look)| matches!(look, Look::Unknown { .. })).count();
    let unknown = question.unknown(asked).len() + unlooked;
    if unknown > 0 {
        sums.push(format!("{unknown} not known"));
    }
    match question.without_environment(asked).len() {
        0 => {}
        without => sums.push(format!("{} without this environment", count(without, "owner", "owners"))),
    }
    if question.as_of.is_none() {
        sums.push(format!("seen at {}", time(asked.at)));
    }
    sums
}
