//! Targets that are not the resource that the ledger knew: deleted and made anew under the same resource id. What stood on the
//! old one went with it, and the new one may be somebody else's. Where no ledger is kept, or it does not know when the
//! resource was made, nothing is said.

use jiff::tz::TimeZone;

use crate::model::observed::{Observed, Sighting, is_anew};

use super::finding::{Code, Finding};

/// One finding for each target that was made anew.
pub(super) fn recreated(observed: &Observed) -> impl Iterator<Item = Finding> {
    observed.targets.iter().filter_map(|(key, sighting)| {
        let Sighting::Found(target) = sighting else { return None };
        let (was, is) = (*observed.remembered.made.get(&target.scope)?, target.made?);
        let day = |at: jiff::Timestamp| at.to_zoned(TimeZone::UTC).date();
        is_anew(was, is).then(|| Finding {
            owner: Some(key.owner),
            environment: Some(key.environment.clone()),
            scope: Some(target.scope.clone()),
            message: format!(
                "`{}` is not the resource that the ledger knew, which was made on {}: it was made anew on {}, and what \
                 stood on the old one is gone; make sure that it is `{}`'s before git's grants go there",
                target.scope.last_segment(),
                day(was),
                day(is),
                key.owner
            ),
            ..Finding::new(Code::Recreated, String::new(), Vec::new())
        })
    })
}
