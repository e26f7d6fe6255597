//! The daemon as a state machine: what happened and the time come in, what to do next goes out. Never waits, never fails, never
//! asks the time: whoever holds a [`Reconciler`] owns sockets, timers and git, and tells it [`Event`]s.
//!
//! What holds, whatever happens: one run at a time; whatever asks for a look in the middle of a run is remembered, and followed
//! by one that begins after it; a run has a deadline; failure never makes runs come quicker than the first pause; after a stop
//! nothing begins. Only a leader runs; it heals only from the tip of a branch that git has just answered for, and whose history
//! was not rewritten.

mod event;
mod random;
mod settings;

#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};

use self::{event::Wish, random::Random};
pub use self::{
    event::{Command, Event, Fetched, How, Order},
    settings::Settings,
};
use crate::watch::{Part, Trigger, What};

/// The daemon's state.
#[derive(Clone, Debug)]
pub struct Reconciler {
    settings: Settings,
    random: Random,
    phase: Phase,
    leads: bool,
    git: Git,
    running: Option<Running>,
    wish: Wish,
    /// When all owners are looked at again.
    look_at: Timestamp,
    failures: u32,
    /// The last run's.
    number: u64,
    /// The last time that was asked to be woken at.
    wake: Option<Timestamp>,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting,
    Working,
    Stopping,
    Stopped,
}

/// What is known of the branch.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Copy, Debug)]
struct Git {
    /// There is a commit to work from.
    known: bool,
    /// It follows from those before it, or somebody said that it is right.
    trusted: bool,
    /// The last question was answered.
    fresh: bool,
    fetching: bool,
    /// Asked for while it was being asked.
    again: bool,
    fetch_at: Timestamp,
    failures: u32,
}

/// The run that is on.
#[derive(Clone, Copy, Debug)]
struct Running {
    number: u64,
    what: What,
    is_whole: bool,
    deadline: Timestamp,
    told: Option<How>,
    /// When one that was to end in good order is ended at once.
    end_at: Option<Timestamp>,
    is_late: bool,
}

/// What is to come, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// The run that is on.
    pub running: Option<u64>,
    /// When all owners are looked at next, if nothing happens before; none while that hangs on something else.
    pub next: Option<Timestamp>,
    /// How many runs in a row have failed.
    pub failures: u32,
    /// Whether this replica leads.
    pub leads: bool,
    /// Whether runs heal; else why not.
    pub heals: Result<(), WhyNot>,
    /// Whether it is about to end.
    pub is_stopping: bool,
}

/// Why a run does not heal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyNot {
    /// It was not told to.
    NotTold,
    /// The branch's history was rewritten, and nobody has acknowledged it.
    Rewritten,
    /// Git gives no answer, so nobody knows whether this is the tip.
    NotFresh,
}

impl Reconciler {
    /// Before anything happened. `now` is when it was made; `number` is the last run's, from before a restart.
    #[must_use]
    pub fn new(now: Timestamp, settings: Settings, number: u64) -> Self {
        let Settings { seed, leads, .. } = settings;
        Self {
            random: Random::new(seed),
            phase: Phase::Waiting,
            leads,
            git: Git {
                known: false,
                trusted: true,
                fresh: false,
                fetching: false,
                again: false,
                fetch_at: now,
                failures: 0,
            },
            running: None,
            wish: Wish::default(),
            look_at: now,
            failures: 0,
            number,
            wake: None,
            settings,
        }
    }

    /// Takes what happened, and says what to do next, in this order.
    pub fn step(&mut self, now: Timestamp, event: Event) -> Vec<Command> {
        let mut commands = Vec::new();
        match event {
            Event::Started => {
                if self.phase == Phase::Waiting {
                    self.phase = Phase::Working;
                    self.wish.whole = Some(Trigger::Start);
                }
            }
            Event::TimerFired => self.wake = None,
            Event::Fetched(fetched) => self.fetched(now, fetched),
            Event::Acknowledged => {
                if self.git.known && !self.git.trusted {
                    self.git.trusted = true;
                    self.wish.whole(Trigger::Git);
                }
            }
            Event::AzureMoved(part) => {
                if self.leads {
                    self.wish.part(part, later(now, self.settings.settle));
                }
            }
            Event::RunFinished { number, failed } => self.finished(now, number, failed, &mut commands),
            Event::ReloadAsked => {
                self.wish.reload = true;
                self.git.again = self.git.fetching; // that question may be older than what was pushed
                self.git.fetch_at = now;
            }
            Event::LeadershipGained => {
                if !self.leads {
                    self.leads = true;
                    self.wish.whole = Some(Trigger::Leadership);
                }
            }
            Event::LeadershipLost => {
                self.leads = false;
                self.wish = Wish::default();
                self.end(now, &mut commands);
            }
            Event::StopAsked => self.stop(now, &mut commands),
        }
        self.advance(now, &mut commands);
        commands
    }

    /// What is to come.
    #[must_use]
    pub fn outlook(&self) -> Outlook {
        Outlook {
            running: self.running.map(|running| running.number),
            next: self.may_run().then_some(self.look_at),
            failures: self.failures,
            leads: self.leads,
            heals: self.heals(),
            is_stopping: matches!(self.phase, Phase::Stopping | Phase::Stopped),
        }
    }

    /// Whether the run that is on is ended because it took too long.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.running.is_some_and(|running| running.is_late)
    }

    fn heals(&self) -> Result<(), WhyNot> {
        match (self.settings.heals, self.git.trusted, self.git.fresh) {
            (false, ..) => Err(WhyNot::NotTold),
            (true, false, _) => Err(WhyNot::Rewritten),
            (true, true, false) => Err(WhyNot::NotFresh),
            (true, true, true) => Ok(()),
        }
    }

    fn fetched(&mut self, now: Timestamp, fetched: Fetched) {
        let git = &mut self.git;
        git.fetching = false;
        match fetched {
            Fetched::Failed | Fetched::Kept => {
                (git.fresh, git.failures) = (false, git.failures.saturating_add(1));
                git.known |= fetched == Fetched::Kept;
            }
            Fetched::Same => (git.fresh, git.failures) = (true, 0),
            Fetched::Moved { follows } => {
                let is_first = !git.known;
                (git.known, git.fresh, git.failures, git.trusted) = (true, true, 0, follows);
                if !is_first {
                    self.wish.whole(Trigger::Git);
                }
            }
        }
        let wait =
            self.settings.retry(self.git.failures).map_or(self.settings.poll, |wait| wait.min(self.settings.poll));
        if std::mem::take(&mut self.git.again) {
            self.git.fetch_at = now;
            return;
        }
        self.git.fetch_at = later(now, wait);
        if std::mem::take(&mut self.wish.reload) {
            self.wish.whole(Trigger::Reload);
        }
    }

    fn finished(&mut self, now: Timestamp, number: u64, failed: bool, commands: &mut Vec<Command>) {
        let Some(running) = self.running.take_if(|running| running.number == number) else { return };
        if failed || running.is_late {
            self.failures = self.failures.saturating_add(1);
            let pause = self.settings.retry(self.failures).unwrap_or(self.settings.interval);
            self.look_at = later(now, pause + self.random.below(self.settings.jitter.min(pause)));
        } else {
            self.failures = 0;
            if running.is_whole {
                self.look_at = self.look_at.max(later(now, self.settings.rest()));
            }
        }
        self.wish.rest(later(now, self.settings.settle));
        if self.leads {
            commands.extend([Command::Publish(number), Command::Persist]);
        }
    }

    fn stop(&mut self, now: Timestamp, commands: &mut Vec<Command>) {
        match self.phase {
            Phase::Waiting | Phase::Working => {
                self.phase = Phase::Stopping;
                self.wish = Wish::default();
                self.end(now, commands);
            }
            Phase::Stopping => self.end_at_once(commands), // asked twice: not patient
            Phase::Stopped => {}
        }
    }

    /// Ends the run that is on: one that writes in good order, one that only looks at once.
    fn end(&mut self, now: Timestamp, commands: &mut Vec<Command>) {
        let Some(running) = &mut self.running else { return };
        if running.told.is_some() {
            return;
        }
        if running.what == What::Look {
            return self.end_at_once(commands);
        }
        running.told = Some(How::InGoodOrder);
        running.end_at = Some(later(now, self.settings.ending));
        commands.push(Command::End { number: running.number, how: How::InGoodOrder });
    }

    fn end_at_once(&mut self, commands: &mut Vec<Command>) {
        if let Some(running) = &mut self.running
            && running.told != Some(How::AtOnce)
        {
            (running.told, running.end_at) = (Some(How::AtOnce), None);
            commands.push(Command::End { number: running.number, how: How::AtOnce });
        }
    }

    /// Does what is due, and asks to be woken for what is due next.
    fn advance(&mut self, now: Timestamp, commands: &mut Vec<Command>) {
        if let Some(running) = &mut self.running {
            if running.end_at.is_some_and(|at| at <= now) {
                self.end_at_once(commands);
            } else if running.told.is_none() && running.deadline <= now {
                running.is_late = true;
                self.end(now, commands);
            }
        }
        match self.phase {
            Phase::Waiting | Phase::Stopped => return,
            Phase::Stopping if self.running.is_none() => {
                self.phase = Phase::Stopped;
                commands.extend([Command::Persist, Command::Stop]);
                return;
            }
            Phase::Stopping => {}
            Phase::Working => {
                if !self.git.fetching && self.git.fetch_at <= now {
                    self.git.fetching = true;
                    commands.push(Command::FetchGit);
                }
                self.begin(now, commands);
            }
        }
        let next = self.next();
        if next != self.wake {
            self.wake = next;
            commands.extend(next.map(Command::WakeAt));
        }
    }

    fn may_run(&self) -> bool {
        self.phase == Phase::Working && self.leads && self.git.known
    }

    fn begin(&mut self, now: Timestamp, commands: &mut Vec<Command>) {
        if self.running.is_some() || !self.may_run() {
            return;
        }
        let scheduled = if self.failures > 0 { Trigger::Retry } else { Trigger::Schedule };
        let whole = self.wish.whole.or_else(|| (self.look_at <= now).then_some(scheduled));
        // While runs fail, what Azure tells waits for the next try, which looks at all of it.
        let may_be_part = self.failures == 0;
        let (trigger, part) = match whole {
            Some(trigger) => {
                self.wish.taken();
                (trigger, Part::Everything)
            }
            None => match self.wish.due(now).filter(|_| may_be_part) {
                Some(Part::Everything) => {
                    self.wish.taken();
                    (Trigger::Azure, Part::Everything)
                }
                Some(part) => (Trigger::Azure, part),
                None => return,
            },
        };
        let is_whole = part == Part::Everything;
        if is_whole {
            self.look_at = later(now, self.settings.interval + self.random.below(self.settings.jitter));
        }
        self.wish.forget_part();
        self.number += 1;
        let what = if self.heals().is_ok() { What::Heal } else { What::Look };
        let deadline = later(now, self.settings.run_timeout);
        let number = self.number;
        self.running = Some(Running { number, what, is_whole, deadline, told: None, end_at: None, is_late: false });
        commands.push(Command::Run(Order { number, what, trigger, part }));
    }

    /// When something is due next, if nothing happens before.
    fn next(&self) -> Option<Timestamp> {
        let run = self.running.and_then(|running| match running.told {
            None => Some(running.deadline),
            Some(_) => running.end_at,
        });
        let fetch = (self.phase == Phase::Working && !self.git.fetching).then_some(self.git.fetch_at);
        let is_free = self.running.is_none() && self.may_run();
        let look = is_free.then_some(self.look_at);
        let part = self.wish.part_at().filter(|_| is_free && self.failures == 0);
        [run, fetch, look, part].into_iter().flatten().min()
    }
}

/// So much later; for ever where there is no such time.
fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}
