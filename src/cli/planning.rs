//! What `plan`, `apply` and `drift` share: a connection, a plan with a spinner, its notes on stderr.

use crate::{
    app::{AskPermissions, PlanRequest, PlannedRun, Recording, Workspace, base_diff::Base},
    plan::selection::Scope,
};

use super::{Exit, Global, connect::Connection, output, progress};

/// A run that was planned, with what it was planned through.
pub(super) struct Planned {
    pub run: PlannedRun,
    /// Where it is recorded, if it is carried out.
    pub recording: Recording,
    pub connection: Connection,
}

/// What is planned.
pub(super) enum What {
    /// What would be done: our own permissions are asked, too.
    Changes,
    /// Only what a change to git causes.
    Since(Box<Base>),
    /// Only what differs.
    Drift,
}

/// Connects, reads Azure and compares. `Err` when there is nothing to compare with.
pub(super) async fn plan(global: &Global, mut workspace: Workspace, scope: Scope, what: What) -> Result<Planned, Exit> {
    let desired = workspace.take_desired()?;
    let connection = Box::pin(Connection::open(global, &workspace, desired.tenant)).await?;
    let recording = connection.recording(&workspace, &desired);
    let request = PlanRequest {
        history: &workspace.history(),
        workspace,
        desired,
        scope,
        azure: &connection.reader,
        records: recording.records(),
        permissions: match what {
            What::Changes | What::Since(_) => connection.permissions(),
            What::Drift => AskPermissions::No,
        },
        now: connection.now(),
    };
    let spinner = progress::looking();
    let work = Box::pin(async {
        match what {
            What::Changes => Box::pin(request.plan()).await,
            What::Drift => Box::pin(request.drift()).await,
            What::Since(base) => Box::pin(request.plan_since(*base)).await,
        }
    });
    let run = progress::telling(&spinner, || connection.session.waiting(), work).await;
    spinner.finish_and_clear();
    run.notes().iter().for_each(output::note);
    Ok(Planned { run, recording, connection })
}
