//! What a run came to, for notices: what stands open and nobody accepted.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::item::{Found, Item};
use crate::{
    model::{ids::ScopeId, notify::Topic},
    plan::drift::Class,
    watch::{By, Entry, GitTrouble, RunReport, Since},
};

/// How many runs in a row may fail before people are told. Ours: a hiccup of Azure is nobody's business.
const FAILED_MIN: u32 = 3;

/// The id of what is told of git.
pub(super) const GIT: &str = "git";

impl Found {
    /// What a run came to. `failed`: how many in a row have, this one included.
    #[must_use]
    pub fn from_report(report: &RunReport, failed: u32) -> Self {
        let run = &report.run;
        let looked = run.verdict.looked();
        let why = || run.notes.first().map_or_else(|| run.verdict.word().to_owned(), ToString::to_string);
        let open = if looked { report.drift.as_slice() } else { &[] };
        let found = Self::open(run.number, run.ended, run.observed.unwrap_or(run.ended), open);
        let failing = (!looked && failed >= FAILED_MIN).then(why);
        Self { items: found.items.filter(|_| looked), failing, git: report.git.clone(), ..found }
    }

    /// Whether git answers as it should, between runs: of Azure it says nothing. `run`: the last one's number.
    #[must_use]
    pub fn of_git(trouble: Option<&GitTrouble>, at: Timestamp, run: u64) -> Self {
        let day = at.to_zoned(TimeZone::UTC).date();
        Self { at, day, run, items: None, failing: None, git: trouble.cloned() }
    }

    /// What is to be told of git: a question without an answer is nobody's business, three in a row are.
    pub(super) fn git_item(&self) -> Option<Item> {
        let trouble = self.git.as_ref()?;
        let (words, gist, since) = match trouble {
            GitTrouble::Silent { asked, .. } if *asked < FAILED_MIN => return None,
            GitTrouble::Silent { since, why, .. } => {
                let words = format!("git does not answer, so changes to it are not seen, and nothing is healed: {why}");
                (words, "silent".to_owned(), *since)
            }
            rewritten @ GitTrouble::Rewritten { to, .. } => {
                let words = format!("{rewritten}; nothing is healed until somebody acknowledges it");
                (words, format!("rewritten {to}"), None)
            }
        };
        let nobody = Item::of_everybody(Topic::Failing, GIT);
        Some(Item { words, gist, remedy: trouble.remedy(), since, ..nobody })
    }

    /// What stands open after a run that looked. `at`: by the daemon's clock; `observed`: by Azure's, on which hangs what ends.
    #[must_use]
    pub fn open<'a>(
        run: u64,
        at: Timestamp,
        observed: Timestamp,
        entries: impl IntoIterator<Item = &'a Entry>,
    ) -> Self {
        let day = observed.to_zoned(TimeZone::UTC).date();
        let open = entries.into_iter().filter(|it| it.life.is_open() && it.difference.accepted.is_none());
        let items = Some(open.map(|entry| item(entry, day)).collect());
        Self { at, day, run, items, failing: None, git: None }
    }
}

/// The topic of a class.
#[must_use]
pub fn topic(class: Class) -> Topic {
    match class {
        Class::Keeps => Topic::Keeps,
        Class::Missing => Topic::Missing,
        Class::Altered => Topic::Altered,
        Class::DescriptionLost => Topic::DescriptionLost,
        Class::Surplus => Topic::Surplus,
        Class::Expired => Topic::Expired,
        Class::Stray => Topic::Stray,
        Class::Orphaned => Topic::Orphaned,
        Class::Unmanaged => Topic::Unmanaged,
        Class::OtherInstance => Topic::OtherInstance,
        Class::Lookalike => Topic::Lookalike,
        Class::RoleDefinition => Topic::RoleDefinition,
        Class::Locked => Topic::Locked,
        Class::Blocked => Topic::Blocked,
        Class::NoEffect => Topic::NoEffect,
        Class::ExpiringSoon => Topic::Expiring,
    }
}

fn item(entry: &Entry, day: Date) -> Item {
    let Entry { difference, life } = entry;
    let key = &difference.key;
    let role = difference.role.as_ref().map(ToString::to_string);
    let what = match (role, &difference.definition_name) {
        (Some(role), Some(name)) => Some(format!("{role} ({name})")),
        (role, name) => role.or_else(|| name.as_ref().map(ToString::to_string)),
    };
    let said = sentence(key.class, &difference.words);
    // A sentence that names the target says it already.
    let target = key.scope.as_ref().and_then(name).filter(|target| !said.contains(target.as_str()));
    let words = match (what, target) {
        (Some(what), Some(target)) => format!("{what} on {target}: {said}"),
        (Some(one), None) | (None, Some(one)) => format!("{one}: {said}"),
        (None, None) => said,
    };
    Item {
        id: key.id().to_string(),
        topic: topic(key.class),
        owner: key.owner.as_ref().map(ToString::to_string),
        environment: difference.environment.as_ref().map(ToString::to_string),
        who: difference.who.as_ref().map(ToString::to_string),
        words,
        gist: difference.gist.to_string(),
        remedy: difference.remedy.to_string(),
        since: match life.since {
            Since::At(at) => Some(at),
            Since::After(_) | Since::Unknown => None,
        },
        by: match &life.by {
            By::Somebody(doer) => Some(format!("by {doer}")),
            By::NotAsked | By::Git | By::Time | By::Unknown(_) => None,
        },
        until: difference.until,
        left: difference.until.and_then(|until| until.since(day).ok()).map(|span| span.get_days()),
        scope: key.scope.as_ref().map(ToString::to_string),
    }
}

/// What a difference says, for somebody who does not see the report around it.
fn sentence(class: Class, words: &str) -> String {
    match (class, words) {
        (Class::Missing, "listed") => "in git, and not in Azure".to_owned(),
        (Class::Missing, words) => format!("in git, and not in Azure: {words}"),
        (_, words) => words.to_owned(),
    }
}

/// The last part of a scope: what people call it.
fn name(scope: &ScopeId) -> Option<String> {
    scope.to_string().rsplit('/').find(|part| !part.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_the_topic_of_its_word() {
        for class in Class::ALL {
            assert_eq!(topic(*class).word(), class.word());
        }
    }
}
