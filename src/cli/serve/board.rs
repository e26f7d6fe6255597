//! What the daemon knows now, for whoever shows it: probes, the web page, metrics.
//!
//! One [`Snapshot`] at a time, put up whole; whoever reads it never waits for a run, and whoever follows it is woken at each
//! change. Never holds anything secret.

use std::{collections::VecDeque, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use crate::{
    config::Loaded,
    model::{desired::Desired, observed::Observed},
    plan::Plan,
    reconcile::Outlook,
    watch::{Commit, GitTrouble, Memory, Run, RunReport},
};

/// Runs that are remembered, for a page and a time line. Ours: a day and a half at the usual interval.
pub(in crate::cli) const RUNS_MAX: usize = 500;

/// Everything that is known at one time.
#[derive(Clone)]
pub(in crate::cli) struct Snapshot {
    /// When the daemon started.
    pub started: Timestamp,
    /// When this was put up.
    pub at: Timestamp,
    /// What is to come.
    pub outlook: Outlook,
    /// What is known of git.
    pub git: GitNow,
    /// The last runs, the newest last.
    pub runs: Arc<VecDeque<Run>>,
    /// The last run that was through.
    pub last: Option<Arc<RunReport>>,
    /// When the last look at all owners began that could compare.
    pub looked: Option<Timestamp>,
    /// Every difference with its life, those that are over as well.
    pub memory: Arc<Memory>,
    /// What the last look at all owners showed.
    pub seen: Option<Arc<SeenLast>>,
}

/// What the last look at all owners showed: who can do what where.
pub(in crate::cli) struct SeenLast {
    /// What git says.
    pub desired: Desired,
    /// Its files.
    pub loaded: Loaded,
    /// What Azure showed.
    pub observed: Observed,
    /// What lies between the two, before anything was healed.
    pub plan: Plan,
}

/// How long a question to git may be open. Ours: a fetch of what is new takes a second or two.
const OVERDUE: SignedDuration = SignedDuration::from_secs(15);

/// What is known of git.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct GitNow {
    /// What is followed, for people: `main of https://…` without credentials, or the folder.
    pub source: String,
    /// Its tip; none while there is none, or outside git.
    pub tip: Option<Commit>,
    /// When it was last asked.
    pub asked: Option<Timestamp>,
    /// Since when a question has been open.
    pub asking: Option<Timestamp>,
    /// When it last answered.
    pub answered: Option<Timestamp>,
    /// How many questions in a row got no answer.
    pub unanswered: u32,
    /// Why the last question was not answered.
    pub error: Option<Arc<str>>,
    /// The commit that was trusted last, where the tip does not follow from it.
    pub rewritten_from: Option<Arc<str>>,
}

impl GitNow {
    /// Why what is known of git may not be what it says now, if so. A question that has been open for long is as good as unanswered.
    pub(in crate::cli) fn trouble(&self, now: Timestamp) -> Option<GitTrouble> {
        let overdue = self.asking.map(|since| now.duration_since(since)).filter(|open| *open > OVERDUE);
        let overdue = overdue.map(|open| {
            let why = format!("it was asked {} seconds ago and has not answered yet", open.as_secs()).into();
            GitTrouble::Silent { since: self.answered, asked: self.unanswered.saturating_add(1), why }
        });
        let unanswered =
            || self.error.clone().map(|why| GitTrouble::Silent { since: self.answered, asked: self.unanswered, why });
        let silent = overdue.or_else(unanswered);
        let rewritten = || {
            let to = self.tip.as_ref()?.hash.clone();
            self.rewritten_from.clone().map(|from| GitTrouble::Rewritten { from, to })
        };
        silent.or_else(rewritten)
    }
}

/// Where snapshots are put up.
#[derive(Clone)]
pub(in crate::cli) struct Board(watch::Sender<Arc<Snapshot>>);

impl Board {
    /// With a first snapshot.
    pub(in crate::cli) fn new(first: Snapshot) -> Self {
        Self(watch::Sender::new(Arc::new(first)))
    }

    /// What is known now.
    pub(in crate::cli) fn now(&self) -> Arc<Snapshot> {
        self.0.borrow().clone()
    }

    /// For whoever wants to be woken at each change.
    pub(in crate::cli) fn follow(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.0.subscribe()
    }

    /// Puts up what has changed.
    pub(in crate::cli) fn put(&self, change: impl FnOnce(&mut Snapshot)) {
        self.0.send_modify(|snapshot| change(Arc::make_mut(snapshot)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_that_is_open_for_long_is_as_good_as_unanswered() {
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let git = GitNow { answered: Some(at(0)), asking: Some(at(30)), unanswered: 0, ..GitNow::default() };
        assert_eq!(git.trouble(at(45)), None);
        let Some(GitTrouble::Silent { since, asked, why }) = git.trouble(at(46)) else { panic!("16 s are long") };
        assert_eq!((since, asked), (Some(at(0)), 1));
        assert_eq!(&*why, "it was asked 16 seconds ago and has not answered yet");
        assert_eq!(GitNow { asking: None, ..git }.trouble(at(900)), None);
    }
}
