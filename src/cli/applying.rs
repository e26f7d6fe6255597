//! A planned run is carried out, by a command or by the daemon: who runs it and where it is recorded are filled in here. The only file
//! that takes a writer.

use crate::{
    app::{AppliedRun, ApplyRequest, Error, NotBegun, PlannedRun, Stop},
    ledger::RunJournal,
};

use super::{TOOL, actor::actor, connect::Connection, environment, output, signals::End};

/// What is said when a run is asked to end.
pub(super) const ENDING: &str =
    "ending: what was asked of Azure is waited for, and nothing new is begun; once more ends at once";

/// Somebody at the terminal, a service manager, or CI.
pub(super) struct Signals {
    end: End,
    is_asked: bool,
}

impl Signals {
    /// Begins to listen: from here on a signal does not end the program by itself.
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self { end: End::listen()?, is_asked: false })
    }
}

impl Stop for Signals {
    async fn asked(&mut self) {
        self.end.asked().await;
        if !self.is_asked {
            self.is_asked = true;
            output::say(ENDING);
        }
    }
}

/// How a run is carried out.
pub(super) struct How<'a, S, C> {
    /// The command, as the ledger names it.
    pub command: &'static str,
    /// The digest of what a saved plan rests on, if it is one.
    pub saved: Option<String>,
    /// Where Azure is read once more, and written.
    pub connection: &'a Connection,
    /// Where it is recorded.
    pub journal: &'a RunJournal<'a>,
    /// Who may end it.
    pub stop: &'a mut S,
    /// Whether it may still be carried out: asked right before it begins.
    pub check: C,
}

/// Carries it out, through the one way to the writes.
pub(super) async fn carry_out<S: Stop, C: AsyncFnOnce() -> Result<(), Error>>(
    run: PlannedRun,
    how: How<'_, S, C>,
) -> Result<AppliedRun<'_, RunJournal<'_>>, Box<NotBegun>> {
    let How { command, saved, connection, journal, stop, check } = how;
    let mut by = actor(&environment::variable);
    by.identity = connection.identity.map(|id| id.to_string());
    let writer = connection.writer();
    let (reader, writer) = (&connection.reader, &writer);
    run.apply(ApplyRequest { command, tool: TOOL, by, saved, reader, writer, journal, stop, check }).await
}
