//! All in one sentence, for whoever has five seconds; the same for a page that is live, and for machines.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Snapshot, plural, shown, when};
use crate::{
    model::owner::OwnerCode,
    watch::{Entry, Files, GitTrouble, Run, Unseen, Verdict},
};

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// All is as git says.
    Calm,
    /// Something differs.
    Heed,
    /// It cannot be said: nobody could look, or not everywhere.
    Blind,
    /// Nobody has looked yet.
    Waiting,
    /// Git gives no answer: whatever Azure is, what it should be now is not known.
    Silent,
    /// The branch's history was rewritten, and nobody has acknowledged it.
    Rewritten,
}

impl Mood {
    /// The class of style, and the sign.
    pub(super) fn looks(self) -> (&'static str, &'static str) {
        match self {
            Self::Calm => ("calm", "✓"),
            Self::Heed => ("heed", "!"),
            Self::Blind | Self::Silent | Self::Rewritten => ("blind", "✕"),
            Self::Waiting => ("waiting", "…"),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Calm => "as-git-says",
            Self::Heed => "drift",
            Self::Blind => "cannot-look",
            Self::Waiting => "not-looked-yet",
            Self::Silent => "git-does-not-answer",
            Self::Rewritten => "history-rewritten",
        }
    }
}

/// How it stands. Git comes first: what Azure should be now hangs on it.
#[must_use]
pub fn mood(snapshot: &Snapshot<'_>) -> Mood {
    match snapshot.git {
        Some(GitTrouble::Silent { .. }) => Mood::Silent,
        Some(GitTrouble::Rewritten { .. }) => Mood::Rewritten,
        None => of_azure(snapshot),
    }
}

/// How Azure stands beside the commit that was compared.
fn of_azure(snapshot: &Snapshot<'_>) -> Mood {
    let last = snapshot.runs.iter().rev().find(|run| run.verdict != Verdict::Ended);
    match (last, snapshot.looked) {
        (None, _) => Mood::Waiting,
        (Some(_), None) => Mood::Blind,
        (Some(run), Some(_)) if !run.verdict.looked() => Mood::Blind,
        (Some(_), Some(_)) if differing(snapshot).next().is_some() => Mood::Heed,
        (Some(run), Some(_)) if run.verdict == Verdict::Incomplete => Mood::Blind,
        (Some(_), Some(_)) => Mood::Calm,
    }
}

fn differing<'a>(snapshot: &'a Snapshot<'_>) -> impl Iterator<Item = &'a Entry> {
    snapshot.open(None).filter(|entry| entry.difference.key.class.differs())
}

/// How it stands, in one sentence without a full stop.
#[must_use]
pub fn sentence(snapshot: &Snapshot<'_>) -> String {
    let Some((git, said, calm)) = of_git(snapshot) else { return beside(snapshot, "git", "All is as git says") };
    joined(&git, &beside(snapshot, said, calm))
}

/// What is wrong with git, if so; what Azure is compared with then, and the words for no difference from that.
pub(super) fn of_git(snapshot: &Snapshot<'_>) -> Option<(String, &'static str, &'static str)> {
    let told = match snapshot.git.as_ref()? {
        GitTrouble::Silent { since: Some(since), .. } => {
            let git = format!("Git has not answered since {} UTC", when::minute(*since));
            (git, "what git said then", "Azure is as git said then")
        }
        GitTrouble::Silent { since: None, .. } => {
            let git = "Git has not answered since the start".to_owned();
            (git, "what git said before", "Azure is as git said before")
        }
        GitTrouble::Rewritten { .. } => {
            let git = "The history of the branch was rewritten, and nobody has acknowledged it".to_owned();
            (git, "the rewritten branch", "Azure is as the rewritten branch says")
        }
    };
    Some(told)
}

/// Two sentences as one.
pub(super) fn joined(git: &str, azure: &str) -> String {
    let mut chars = azure.chars();
    match chars.next() {
        // A name keeps its capital.
        Some(first) if !azure.starts_with("Azure") => format!("{git}; {}{}", first.to_lowercase(), chars.as_str()),
        _ => format!("{git}; {azure}"),
    }
}

/// How Azure stands beside `said`, in one sentence; `calm`: where nothing differs.
fn beside(snapshot: &Snapshot<'_>, said: &str, calm: &str) -> String {
    let last = snapshot.runs.iter().rev().find(|run| run.verdict != Verdict::Ended);
    let is_unreadable = last.is_some_and(|run| run.files == Files::Unreadable);
    let count = differing(snapshot).count();
    let at: BTreeSet<Option<OwnerCode>> = differing(snapshot).map(|entry| entry.difference.key.owner).collect();
    let differs = match (count, at.iter().flatten().count()) {
        (1, _) => format!("1 difference from {said}"),
        (count, 0 | 1) => format!("{count} differences from {said}"),
        (count, owners) => format!("{count} differences from {said}, at {owners} owners"),
    };
    match (of_azure(snapshot), snapshot.looked) {
        (Mood::Calm, _) => calm.to_owned(),
        (Mood::Heed, _) if last.is_some_and(|run| run.verdict == Verdict::Incomplete) => {
            format!("{differs}; and {}", last.map(incomplete).unwrap_or_default())
        }
        (Mood::Heed, _) => differs,
        (Mood::Blind, Some(looked)) if last.is_some_and(|run| !run.verdict.looked()) => {
            let what =
                if is_unreadable { "The files in git cannot be compared" } else { "No check of Azure has worked" };
            format!("{what} since {} UTC", when::minute(looked))
        }
        (Mood::Blind, Some(_)) if snapshot.git.is_none() => {
            format!("What was compared is as git says; {}", last.map(incomplete).unwrap_or_default())
        }
        (Mood::Blind, Some(_)) => "Not everything in Azure could be read".to_owned(),
        (Mood::Blind, None) if is_unreadable => "First check failed: the files in git cannot be compared".to_owned(),
        (Mood::Blind, None) => "First check failed".to_owned(),
        _ if snapshot.outlook.running.is_some() => "The first check is running".to_owned(),
        _ if !snapshot.outlook.leads => "Another replica is the leader, and checks".to_owned(),
        _ => "No check completed yet".to_owned(),
    }
}

/// Why a run did not compare everything: what of Azure was not read, what of git, or what could not be decided.
pub(super) fn incomplete(run: &Run) -> String {
    let with_errors = match run.files {
        Files::Read { with_errors } => with_errors,
        Files::Unreadable => 0,
    };
    match (run.unseen_in_azure(), with_errors) {
        (0, 0) => "not everything could be decided".to_owned(),
        (0, with_errors) => files(with_errors),
        (_, 0) => "not everything could be read".to_owned(),
        (_, with_errors) => format!("not everything could be read, and {}", files(with_errors)),
    }
}

/// `1 owner's file has errors`, `3 owners' files have errors`.
pub(super) fn files(with_errors: usize) -> String {
    let words = plural(with_errors, "owner's file has", "owners' files have");
    format!("{words} errors")
}

/// What a page that is live is told: one line of JSON. `run`: the number of the last run that is shown.
#[must_use]
pub fn live(snapshot: &Snapshot<'_>) -> String {
    let last = snapshot.runs.back().map_or(0, |run| run.number);
    json!({ "run": last, "running": snapshot.outlook.running, "words": sentence(snapshot), "state": mood(snapshot).word() })
        .to_string()
}

/// The overview for machines.
#[must_use]
pub fn state(snapshot: &Snapshot<'_>) -> Value {
    let text = |it: Option<&dyn std::fmt::Display>| it.map(|it| shown(&it.to_string()));
    let differences = snapshot.memory.open().map(|entry| {
        let it = &entry.difference;
        json!({
            "id": it.key.id(),
            "class": it.key.class.word(),
            "owner": it.key.owner.map(|owner| owner.to_string()),
            "environment": text(it.environment.as_ref().map(|it| it as _)),
            "role": text(it.role.as_ref().map(|it| it as _)),
            "who": text(it.who.as_ref().map(|it| it as _)),
            "words": shown(&it.words),
            "remedy": shown(&it.remedy),
            "accepted": text(it.accepted.as_ref().map(|it| it as _)),
            "since": entry.life.began().to_string(),
            "first_seen": entry.life.first_seen.to_string(),
            "by": shown(&entry.life.by.to_string()),
            "places": it.places.iter().map(|place| shown(&place.to_string())).collect::<Vec<_>>(),
        })
    });
    let day = |(day, seen): (&jiff::civil::Date, &super::Day)| {
        let mut sums: BTreeMap<&str, usize> = BTreeMap::new();
        for ((class, _), count) in &seen.counts {
            *sums.entry(class.word()).or_default() += count;
        }
        json!({ "day": day.to_string(), "differences": sums, "complete": seen.unknown.is_empty() })
    };
    json!({
        "version": 1,
        "at": snapshot.now.to_string(),
        "state": mood(snapshot).word(),
        "words": sentence(snapshot),
        "source": shown(snapshot.source),
        "commit": snapshot.tip.map(|tip| tip.hash.to_string()),
        "git": git(snapshot),
        "looked": snapshot.looked.map(|at| at.to_string()),
        "running": snapshot.outlook.running,
        "next": snapshot.outlook.next.map(|at| at.to_string()),
        "not_known": snapshot.last.map(|last| last.unseen.iter().map(unseen).collect::<Vec<_>>()),
        "differences": differences.collect::<Vec<_>>(),
        "days": snapshot.days.iter().map(day).collect::<Vec<_>>(),
        "runs": snapshot.runs.iter().rev().take(50).map(brief).collect::<Vec<_>>(),
    })
}

/// What is known of git, for machines: `trouble` is null where its last answer came, and follows from those before.
fn git(snapshot: &Snapshot<'_>) -> Value {
    let (word, why) = match &snapshot.git {
        None => (None, None),
        Some(GitTrouble::Silent { why, .. }) => (Some("silent"), Some(shown(why))),
        Some(rewritten @ GitTrouble::Rewritten { .. }) => (Some("rewritten"), Some(shown(&rewritten.to_string()))),
    };
    json!({
        "asked": snapshot.asked.map(|at| at.to_string()),
        "answered": snapshot.answered.map(|at| at.to_string()),
        "trouble": word,
        "why": why,
    })
}

fn unseen(it: &Unseen) -> Value {
    json!({ "owner": it.owner.map(|owner| owner.to_string()), "words": shown(&it.words) })
}

fn brief(run: &Run) -> Value {
    json!({
        "number": run.number,
        "what": run.what.word(),
        "trigger": run.trigger.word(),
        "started": run.started.to_string(),
        "ended": run.ended.to_string(),
        "verdict": run.verdict.word(),
        "drift": run.drift(),
        "commit": run.commit.as_ref().map(|commit| commit.hash.to_string()),
    })
}
