//! What happens around the daemon, and what it says to do.

use jiff::Timestamp;

use crate::watch::{Part, Trigger, What};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Everything is ready to begin.
    Started,
    /// The time that was asked for has come.
    TimerFired,
    /// What [`Command::FetchGit`] came to.
    Fetched(Fetched),
    /// Somebody said that the branch is right as it is now, though its history was rewritten.
    Acknowledged,
    /// Azure told of a change there.
    AzureMoved(Part),
    /// The run with this number is over; whether nothing could be compared.
    RunFinished {
        /// Its number.
        number: u64,
        /// Nothing could be compared.
        failed: bool,
    },
    /// Somebody asked for a look, and for what git has now.
    ReloadAsked,
    /// This replica leads now.
    LeadershipGained,
    /// This replica leads no more.
    LeadershipLost,
    /// Somebody asked for the end; a second time: at once.
    StopAsked,
}

/// What became of a question to git.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The tip is where it was.
    Same,
    /// There is a tip, and it is another than before, or the first.
    Moved {
        /// It follows from the last one that was trusted: nothing of that one's history is gone.
        follows: bool,
    },
    /// Git gave no answer; after a restart there is still the commit that was trusted before it.
    Kept,
    /// Git gave no answer.
    Failed,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Tell [`Event::TimerFired`] at this time. Only the last one counts.
    WakeAt(Timestamp),
    /// Ask git for the tip, and tell [`Event::Fetched`].
    FetchGit,
    /// Begin this run, and tell [`Event::RunFinished`] when it is over, however it ends.
    Run(Order),
    /// End the run with this number. It still tells that it is over.
    End {
        /// Its number.
        number: u64,
        /// How.
        how: How,
    },
    /// Take in what the run with this number saw, and hand its report to everybody who tells of runs.
    Publish(u64),
    /// Write the state down.
    Persist,
    /// End.
    Stop,
}

/// A run to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its number: they go up.
    pub number: u64,
    /// What it does.
    pub what: What,
    /// Why.
    pub trigger: Trigger,
    /// What it looks at.
    pub part: Part,
}

/// How a run is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// What was asked of Azure is waited for, and nothing new is begun.
    InGoodOrder,
    /// Without a word.
    AtOnce,
}

/// What was asked for and has not begun.
#[derive(Clone, Debug, Default)]
pub(super) struct Wish {
    /// A look at all owners.
    pub(super) whole: Option<Trigger>,
    /// The same, once git has answered.
    pub(super) reload: bool,
    part: Option<(Part, Timestamp)>,
}

impl Wish {
    /// Asks for a look at all owners; the reason that was given first is kept.
    pub(super) fn whole(&mut self, trigger: Trigger) {
        self.whole.get_or_insert(trigger);
    }

    /// Asks for a look at some owners, not before this time; what was asked before sets the time.
    pub(super) fn part(&mut self, part: Part, not_before: Timestamp) {
        match &mut self.part {
            Some((all, _)) => all.join(part),
            None => self.part = Some((part, not_before)),
        }
    }

    /// A run is over: the next look at a part comes no sooner than this.
    pub(super) fn rest(&mut self, not_before: Timestamp) {
        if let Some((_, at)) = &mut self.part {
            *at = not_before.max(*at);
        }
    }

    /// What of Azure's news may be looked at now.
    pub(super) fn due(&self, now: Timestamp) -> Option<Part> {
        self.part.as_ref().filter(|(_, at)| *at <= now).map(|(part, _)| part.clone())
    }

    /// When Azure's news may be looked at.
    pub(super) fn part_at(&self) -> Option<Timestamp> {
        self.part.as_ref().map(|(_, at)| *at)
    }

    /// A look at all owners begins.
    pub(super) fn taken(&mut self) {
        self.whole = None;
    }

    /// A look that takes in Azure's news begins.
    pub(super) fn forget_part(&mut self) {
        self.part = None;
    }
}
