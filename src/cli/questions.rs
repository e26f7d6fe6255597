//! What the commands `why`, `who` and `review` share: the answer's connection and progress, and their arguments.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    app::{Answer, Workspace, record},
    ledger::Line,
    model::{
        desired::Desired,
        owner::{EnvironmentName, OwnerCode},
    },
    plan::selection::Scope,
};

use super::{Exit, Global, connect::Connection, output, progress};

/// Connects and reads Azure, with a spinner. `Err` when there is nothing to answer from.
pub(super) async fn answer(
    global: &Global,
    (mut workspace, scope): (Workspace, Scope),
) -> Result<(Answer, Connection), Exit> {
    let desired = workspace.take_desired()?;
    let connection = Connection::open(global, &workspace, desired.tenant).await?;
    let spinner = progress::looking();
    let answer = Box::pin(Answer::observe(workspace, desired, scope, connection.now(), &connection.reader));
    let answer = progress::telling(&spinner, || connection.session.waiting(), answer).await;
    spinner.finish_and_clear();
    Ok((answer, connection))
}

/// The environment that is meant: one of the workspace's that at least one of the chosen owners has. Of an owner without it
/// nothing was looked at, and "nobody" would be no answer.
pub(super) fn environment(
    global: &Global,
    text: Option<&str>,
    desired: &Desired,
    scope: &Scope,
) -> Result<Option<EnvironmentName>, Exit> {
    let Some(text) = text else { return Ok(None) };
    let name = EnvironmentName::new(text);
    if !desired.catalog.environments.contains_key(&name) {
        let names: Vec<&str> = desired.catalog.environments.keys().map(EnvironmentName::as_str).collect();
        let words = format!("no environment `{text}` in this workspace; there are: {}", names.join(", "));
        return Err(output::usage(global, words));
    }
    let its = |owner: OwnerCode| desired.environments_of(owner).map(|(its, _)| its.as_str()).collect::<Vec<_>>();
    let owners: Vec<OwnerCode> = desired.owners.keys().copied().filter(|owner| scope.holds(*owner)).collect();
    if owners.iter().any(|owner| its(*owner).contains(&text)) {
        return Ok(Some(name));
    }
    let words = match owners.as_slice() {
        [owner] => format!("`{owner}` has no environment `{text}`; it has: {}", its(*owner).join(", ")),
        _ => format!("none of these service owners has an environment `{text}`"),
    };
    Err(output::usage(global, words))
}

/// A time, or a day, which means its end, UTC.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    let next = text.parse::<Date>().ok().and_then(|day| day.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok());
    let end = next.and_then(|next| next.timestamp().checked_sub(jiff::SignedDuration::from_nanos(1)).ok());
    end.ok_or_else(|| "neither a day such as 2026-11-01 nor a time such as 2026-11-01T09:00:00Z".to_owned())
}

/// The whole ledger, in order; or why it cannot be read.
pub(super) fn ledger(global: &Global, workspace: &Workspace, desired: &Desired) -> Result<Vec<Line>, String> {
    record::lines(workspace, global.recorded(), desired).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_its_end() {
        assert_eq!(moment("2026-11-01").unwrap().to_string(), "2026-11-01T23:59:59.999999999Z");
        assert_eq!(moment("2026-11-01T09:00:00+01:00").unwrap().to_string(), "2026-11-01T08:00:00Z");
        assert!(moment("yesterday").is_err());
    }
}
