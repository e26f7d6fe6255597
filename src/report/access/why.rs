//! Why one person has what they have, and what git wants and they have not → text.

use std::collections::{BTreeMap, BTreeSet};

use super::{Asked, json, who::section, words};
use crate::{
    access::{Being, Holder, Listed, Subject, Unknown, Way},
    model::{
        ids::PrincipalId,
        observed::TargetKey,
        other_access::Denial,
        owner::{EnvironmentName, OwnerCode},
    },
    report::{
        Format, Style,
        count::time,
        page::{Ink, Lead, Page},
        words::{count, list},
    },
};

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Why<'a> {
    /// Of whom.
    pub subject: &'a Subject,
    /// At these owners; `None`: at all.
    pub owners: Option<&'a BTreeSet<OwnerCode>>,
    /// In which environment; `None`: in all.
    pub environment: Option<&'a EnvironmentName>,
}

impl Why<'_> {
    /// What the person holds, if anything.
    pub(super) fn holder<'a>(&self, asked: &Asked<'a>) -> Option<&'a Holder<'a>> {
        asked.access.holders.get(&self.subject.id()?)
    }

    /// Every way that is asked for.
    pub(super) fn ways<'a>(&self, asked: &Asked<'a>) -> Vec<&'a Way<'a>> {
        let wanted = |way: &&Way<'_>| self.environment.is_none_or(|it| way.target.environment == *it);
        self.holder(asked).into_iter().flat_map(|holder| &holder.ways).filter(wanted).collect()
    }

    /// Every line of git about the person.
    pub(super) fn listed<'a>(&self, asked: &Asked<'a>) -> Vec<&'a Listed<'a>> {
        let is_them = |listed: &Listed<'_>| match self.subject {
            Subject::Known(who) => listed.person == Some(who.id),
            Subject::Listed(name) => listed.grant.user.name == *name,
        };
        let here = |listed: &Listed<'_>| {
            let role = asked.desired.catalog.roles.get(&listed.grant.role);
            self.environment.is_none_or(|it| role.is_some_and(|role| role.environment == *it))
        };
        asked.access.listed.iter().filter(|listed| is_them(listed) && here(listed)).collect()
    }

    /// What is denied to this person, or may be, where they hold something.
    pub(super) fn denials<'a>(&self, asked: &Asked<'a>) -> Vec<&'a Denial> {
        let Some(id) = self.subject.id() else { return Vec::new() };
        let targets: BTreeSet<&TargetKey> = self.ways(asked).into_iter().map(|way| way.target).collect();
        let is_meant = |whom: &PrincipalId| match asked.access.groups.get(whom).map(|group| &group.members) {
            Some(Ok(members)) => members.people.contains(&id),
            Some(Err(_)) => true,
            None => *whom == id || !asked.access.holders.contains_key(whom), // in doubt it is a group that holds nothing
        };
        let all = words::denials(asked, |target| targets.contains(target));
        let is_theirs =
            |it: &&Denial| (it.principals.is_empty() || it.principals.iter().any(is_meant)) && !it.except.contains(&id);
        all.into_iter().filter(is_theirs).collect()
    }

    pub(super) fn unknown<'a>(&self, asked: &Asked<'a>) -> Vec<&'a Unknown> {
        let here =
            |it: &&Unknown| it.environment.as_ref().zip(self.environment).is_none_or(|(its, wanted)| its == wanted);
        asked.access.unknown.iter().filter(here).collect()
    }

    /// Whether everything was read that the answer hangs on.
    #[must_use]
    pub fn is_answered(&self, asked: &Asked<'_>) -> bool {
        let without = words::without_environment(asked, self.owners, self.environment);
        without.is_empty() && !self.unknown(asked).iter().any(|it| it.unread)
    }
}

/// The answer. Ends with a line feed.
#[must_use]
pub fn why(asked: &Asked<'_>, question: &Why<'_>, format: Format, style: Style) -> String {
    match format {
        Format::Json => json::why(asked, question),
        Format::Text => text(asked, question, style),
    }
}

fn text(asked: &Asked<'_>, question: &Why<'_>, style: Style) -> String {
    let mut page = Page::new(style);
    match question.subject {
        Subject::Known(who) => {
            let (name, more) = crate::report::words::person(who);
            page.put(0, &[Lead { ink: Ink::Strong, text: &name, width: 0 }], Ink::Faint, &more);
        }
        Subject::Listed(name) => page.line(0, Ink::Strong, name.as_str()),
    }
    let being = question.holder(asked).map_or(Vec::new(), |holder| match holder.being {
        Being::Application => Vec::new(),
        being => words::being(being),
    });
    for words in being {
        page.line(2, Ink::Warn, words);
    }
    let ways = question.ways(asked);
    for of_target in ways.chunk_by(|a, b| a.target == b.target) {
        let Some(first) = of_target.first() else { continue };
        page.gap();
        target(&mut page, asked, first.target, of_target);
    }
    let mut not_so = question.listed(asked).into_iter().filter(|listed| !words::state(listed).is_empty()).peekable();
    if not_so.peek().is_some() {
        page.gap();
        page.line(0, Ink::Strong, "LISTED IN GIT, AND NOT SO");
    }
    for listed in not_so {
        let place = (asked.places)(&listed.grant.origin);
        let at = words::place(&place);
        page.put(2, &[Lead { ink: Ink::Warn, text: &at, width: 0 }], Ink::Plain, &words::grant(asked, listed.grant));
        for (words, help) in words::state(listed) {
            page.line(4, Ink::Plain, &words);
            if let Some(help) = help {
                page.line(4, Ink::Faint, &format!("help: {help}"));
            }
        }
        if let Some(words) = words::commit(asked, &place) {
            page.line(4, Ink::Faint, &words);
        }
    }
    page.gap();
    let without = words::without_environment(asked, question.owners, question.environment);
    for words in words::no_environment(asked, &without, question.environment) {
        page.line(0, Ink::Warn, &words);
    }
    if let Some(words) = nothing(asked, question, &ways) {
        page.line(0, Ink::Plain, &words);
    }
    section(&mut page, "DENIED", question.denials(asked).into_iter().map(|it| words::denial(asked, it)));
    section(&mut page, "NOT KNOWN", question.unknown(asked).into_iter().map(|it| it.words.clone()));
    page.gap();
    page.last(&sums(asked, question, &ways));
    page.finish()
}

fn target(page: &mut Page, asked: &Asked<'_>, key: &TargetKey, ways: &[&Way<'_>]) {
    let most = |ways: &mut dyn Iterator<Item = &&Way<'_>>| {
        let mut can = BTreeMap::new();
        for (ability, extent) in ways.flat_map(|way| &way.opens.abilities) {
            let most = can.entry(*ability).or_insert(*extent);
            *most = (*most).max(*extent);
        }
        can
    };
    let now = most(&mut ways.iter().filter(|way| !way.is_eligible()));
    let mut eligible = most(&mut ways.iter().filter(|way| way.is_eligible()));
    eligible.retain(|ability, extent| now.get(ability).is_none_or(|now| *now < *extent));
    let may = match (now.is_empty(), eligible.is_empty()) {
        (true, true) => "may something that is not known".to_owned(),
        (false, true) => format!("may {}", words::may(&now)),
        (true, false) => format!("eligible to {}", words::may(&eligible)),
        (false, false) => format!("may {}; eligible to {}", words::may(&now), words::may(&eligible)),
    };
    let can: BTreeSet<_> = now.keys().chain(eligible.keys()).copied().collect();
    let name = key.name.as_str();
    let words = format!("{}, {} at {}: {may}", asked.kind(key), asked.environment(key), asked.owner(key.owner));
    page.put(0, &[Lead { ink: Ink::Strong, text: name, width: 0 }], Ink::Plain, &words);
    let mut said: Vec<String> = Vec::new();
    for ability in can {
        let its = ways.iter().filter(|way| way.opens.abilities.contains_key(ability));
        for why in its.flat_map(|way| asked.access.hindrances_of(way, ability)) {
            let words = words::impediment(name, why);
            if !said.contains(&words) {
                page.put(2, &[Lead { ink: Ink::Warn, text: "! no effect", width: 12 }], Ink::Plain, &words);
                said.push(words);
            }
        }
    }
    for way in ways {
        let (ink, sign) = words::sign(asked, way);
        let mut sign = Some(Lead { ink, text: sign, width: 12 });
        let mut put = |page: &mut Page, ink: Ink, words: &str| match sign.take() {
            Some(lead) => page.put(2, &[lead], ink, words),
            None => page.line(16, ink, words),
        };
        for grant in &way.grants {
            let place = (asked.places)(&grant.origin);
            put(page, Ink::Plain, &format!("{}  {}", words::place(&place), words::grant(asked, grant)));
            if let Some(words) = words::commit(asked, &place) {
                put(page, Ink::Faint, &words);
            }
        }
        put(page, Ink::Plain, &words::way(asked, way));
        for words in words::notes(way) {
            put(page, Ink::Warn, &words);
        }
    }
}

/// What is said where there is nothing to explain.
fn nothing(asked: &Asked<'_>, question: &Why<'_>, ways: &[&Way<'_>]) -> Option<String> {
    let at = match question.owners {
        Some(owners) => format!(" at {}", list(&owners.iter().map(|owner| asked.owner(*owner)).collect::<Vec<_>>())),
        None => String::new(),
    };
    let holds = if ways.is_empty() {
        format!("holds nothing{at} that tilgang looks at")
    } else if ways.iter().any(|way| words::is_unread(asked, way)) {
        "whether git gives what is held is not known".to_owned()
    } else {
        "what is held is not by git".to_owned()
    };
    match (ways.iter().any(|way| way.is_of_git()), question.listed(asked).is_empty()) {
        (false, true) => {
            let read = if ways.iter().any(|way| words::is_unread(asked, way)) { " that was read" } else { "" };
            Some(format!("no line of git{at}{read} lists this person; {holds}"))
        }
        (false, false) if ways.is_empty() => Some(holds),
        (true, _) | (false, false) => None,
    }
}

fn sums(asked: &Asked<'_>, question: &Why<'_>, ways: &[&Way<'_>]) -> Vec<String> {
    let by_git = ways.iter().filter(|way| way.is_of_git()).count();
    let eligible = ways.iter().filter(|way| way.is_eligible()).count();
    let unread = ways.iter().filter(|way| words::is_unread(asked, way)).count();
    let mut sums = vec![
        format!("Why: {} by git", count(by_git, "way", "ways")),
        format!("{} not", ways.len() - by_git - eligible - unread),
    ];
    if unread > 0 {
        sums.push(format!("{unread} where git was not read"));
    }
    if eligible > 0 {
        sums.push(format!("{eligible} eligible"));
    }
    let unknown = question.unknown(asked).len();
    if unknown > 0 {
        sums.push(format!("{unknown} not known"));
    }
    sums.push(format!("seen at {}", time(asked.at)));
    sums
}
