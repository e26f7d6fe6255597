//! What the daemon knows of git: the tip, whether it may be trusted, and whether git answers at all.
//!
//! Each answer, and each silence, is put up on the board at once, and told to the listeners while something is wrong.

use std::sync::Arc;

use super::{
    super::follow::{Follow, Tip},
    Daemon, GitNow,
};
use crate::{
    cli::{environment, output},
    reconcile::Fetched,
    watch::GitTrouble,
};

/// Git gave no answer.
pub(super) struct Silence {
    /// Why.
    pub(super) why: String,
    /// After a restart: the commit that was trusted before it, as our clone has it.
    pub(super) kept: Option<Box<Tip>>,
}

impl Daemon {
    pub(super) fn fetch(&mut self) {
        let (worker, trusted) = (self.worker.clone(), self.trusted.clone());
        let goes_on = self.tip.is_none() && !self.once;
        let asking = Some(environment::now());
        self.board.put(|now| now.git.asking = asking);
        self.fetching = Some(tokio::spawn(async move {
            let why = match worker.follow.fetch(trusted.as_deref()).await {
                Ok(tip) => return Ok(tip),
                Err(why) => why,
            };
            let kept = match trusted.filter(|_| goes_on) {
                Some(trusted) => worker.follow.kept(&trusted).await.map(Box::new),
                None => None,
            };
            Err(Silence { why, kept })
        }));
    }

    /// Takes in what git answered, or that it did not.
    pub(super) fn fetched(&mut self, fetched: Result<Tip, Silence>) -> Fetched {
        let before = self.board.now().git.trouble(environment::now());
        let fetched = match fetched {
            Ok(tip) => self.answered(tip),
            Err(silence) => self.silent(silence),
        };
        self.tell_of_git(before.as_ref());
        fetched
    }

    fn silent(&mut self, Silence { why, kept }: Silence) -> Fetched {
        tracing::warn!("git gave no answer: {why}");
        let asked = Some(environment::now());
        let commit = kept.as_ref().and_then(|tip| tip.commit.clone());
        self.board.put(|now| {
            let unanswered = now.git.unanswered.saturating_add(1);
            let tip = commit.or_else(|| now.git.tip.clone());
            now.git = GitNow { tip, asked, asking: None, unanswered, error: Some(why.into()), ..now.git.clone() };
        });
        let Some(kept) = kept else { return Fetched::Failed };
        tracing::warn!("Azure is compared with {}, the commit that was trusted before the restart", kept.mark);
        self.tip = Some(*kept);
        Fetched::Kept
    }

    fn answered(&mut self, tip: Tip) -> Fetched {
        // It may have been acknowledged while git was asked.
        let tip = if self.trusted.as_deref() == Some(&*tip.mark) { tip.acknowledged() } else { tip };
        let moved = self.tip.as_ref().is_none_or(|old| (&old.mark, old.follows) != (&tip.mark, tip.follows));
        let follows = tip.follows;
        if moved && !follows {
            let (from, to) = (self.trusted.as_deref().unwrap_or_default(), &tip.mark);
            let words = format_args!(
                "the history of the branch was rewritten: {to} does not follow from {from}; nothing is healed until \
                 somebody acknowledges it: POST /-/acknowledge?commit={to}"
            );
            tracing::error!("{words}");
            if self.once {
                output::say(words);
            }
        }
        let rewritten_from = self.trusted.as_deref().filter(|_| !follows).map(Arc::from);
        let now = Some(environment::now());
        self.board.put(|shown| {
            let source = std::mem::take(&mut shown.git.source);
            let (asked, answered, tip) = (now, now, tip.commit.clone());
            shown.git =
                GitNow { source, tip, asked, asking: None, answered, unanswered: 0, error: None, rewritten_from };
        });
        if follows {
            self.trust(&tip);
        }
        self.tip = Some(tip);
        if moved { Fetched::Moved { follows } } else { Fetched::Same }
    }

    /// Whether it ends here: it was to check once, and git has no commit to check.
    pub(super) fn gives_up(&self) -> bool {
        let git = &self.board.now().git;
        let gives_up = self.once && self.tip.is_none();
        if let (true, Some(why)) = (gives_up, &git.error) {
            output::say(format_args!("error: no answer from git, so nothing was checked: {} ({why})", git.source));
        }
        gives_up
    }

    /// From here on a tip has to follow from this one.
    fn trust(&mut self, tip: &Tip) {
        let Some(commit) = tip.commit.as_ref().map(|commit| commit.hash.to_string()) else { return };
        if self.trusted.as_ref() == Some(&commit) || matches!(self.worker.follow, Follow::Folder(_)) {
            return;
        }
        self.trusted = Some(commit.clone());
        let worker = self.worker.clone();
        tokio::spawn(async move {
            if let Err(error) = worker.follow.trust(&commit).await {
                tracing::warn!("{error}");
            }
        });
    }

    /// Takes the tip as right; whether it is this one.
    pub(super) fn acknowledge(&mut self, commit: &str) -> bool {
        let Some(tip) = self.tip.clone().filter(|tip| tip.mark == commit) else { return false };
        tracing::warn!("somebody acknowledged {commit} as the tip");
        let (before, tip) = (self.board.now().git.trouble(environment::now()), tip.acknowledged());
        self.trust(&tip);
        self.tip = Some(tip);
        self.board.put(|now| now.git.rewritten_from = None);
        self.tell_of_git(before.as_ref());
        true
    }

    /// Tells those who tell of runs, as long as something is wrong, and once when nothing is any more.
    fn tell_of_git(&mut self, before: Option<&GitTrouble>) {
        let trouble = self.board.now().git.trouble(environment::now());
        if trouble.is_none() && before.is_none() {
            return;
        }
        let (now, run) = (environment::now(), self.number);
        for listener in &mut self.listeners {
            listener.git(trouble.as_ref(), now, run);
        }
    }
}
