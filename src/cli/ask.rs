//! What `why`, `who` and `review` share: read git, look widely at Azure, ask git who wrote the lines.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    access::{self, Access},
    config,
    model::{
        desired::{Desired, Origin, Revision},
        observed::Observed,
        owner::EnvironmentName,
    },
    observe::widely,
    plan::{self, Plan},
    report::access::Commits,
};

use super::{Exit, Global, far::Far, ground::Ground, output, progress};

/// Everything that an answer is made of.
pub(super) struct Answer {
    pub ground: Ground,
    pub desired: Desired,
    pub observed: Observed,
    pub plan: Plan,
}

impl Answer {
    /// Reads, looks and compares. `Err` when there is nothing to answer from.
    pub(super) async fn make(mut ground: Ground, global: &Global, far: &mut Option<Far>) -> Result<Self, Exit> {
        let Some(desired) = ground.loaded.desired.take() else { return Err(ground.exit().max(Exit::Failed)) };
        let far = far.insert(Far::connect(global, &ground, desired.tenant).await?);
        let spinner = progress::looking();
        let observed = widely(&desired, ground.owners.as_ref(), far.now(), &far.reader);
        let observed = progress::telling(&spinner, || far.session.waiting(), observed).await;
        spinner.finish_and_clear();
        let today = observed.at.to_zoned(TimeZone::UTC).date();
        let mut plan = plan::plan(&desired, &observed, today);
        if let Some(owners) = &ground.owners {
            plan.only(owners);
        }
        Ok(Self { ground, desired, observed, plan })
    }

    /// Who can do what.
    pub(super) fn access(&self) -> Access<'_> {
        access::of(&self.desired, &self.observed, &self.plan, self.ground.owners.as_ref())
    }

    /// Who wrote these lines, and what stands with them.
    pub(super) fn commits<'a>(&self, origins: impl Iterator<Item = &'a Origin>) -> Commits {
        if self.desired.revision == Revision::NotInGit {
            return Commits::default();
        }
        let sources = &self.ground.loaded.sources;
        let mut lines: BTreeMap<&str, BTreeSet<(usize, usize)>> = BTreeMap::new();
        for origin in origins {
            lines.entry(sources.path(origin.file)).or_default().insert(sources.lines(origin));
        }
        let mut commits = Commits { asked: true, ..Commits::default() };
        for (file, spans) in lines {
            let all: BTreeSet<usize> = spans.iter().flat_map(|(first, last)| *first..=*last).collect();
            let found = match config::blame(&self.ground.dir, file, &all) {
                Ok(found) => found,
                Err(why) => {
                    commits.unknown.insert(file.to_owned(), why);
                    continue;
                }
            };
            for (first, last) in spans {
                let Some(of_line) = found.get(&first) else { continue };
                let others = found.range(first..=last).map(|(_, blame)| blame).filter(|it| it.hash != of_line.hash);
                if let Some(newest) = others.filter(|it| it.at >= of_line.at).max_by_key(|it| it.at) {
                    commits.changed.insert((file.to_owned(), first), newest.clone());
                }
                commits.known.insert((file.to_owned(), first), of_line.clone());
            }
        }
        commits
    }
}

/// The environment that is meant.
pub(super) fn environment(
    global: &Global,
    text: Option<&str>,
    desired: &Desired,
) -> Result<Option<EnvironmentName>, Exit> {
    let Some(text) = text else { return Ok(None) };
    let name = EnvironmentName::new(text);
    if desired.catalog.environments.contains_key(&name) {
        return Ok(Some(name));
    }
    let names: Vec<&str> = desired.catalog.environments.keys().map(EnvironmentName::as_str).collect();
    let words = format!("no environment `{text}` in this workspace; there are: {}", names.join(", "));
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
pub(super) fn ledger(global: &Global, ground: &Ground, desired: &Desired) -> Result<Vec<crate::ledger::Line>, String> {
    super::ledger::lines(&ground.loaded, &ground.dir, global.simulate.is_some(), desired)
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
