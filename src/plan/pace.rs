//! How long a plan takes at the least, at Azure's published pace.
//!
//! Changes come in, seconds come out. Azure takes 200 writes of one identity in one subscription at once and then 10 a second,
//! and the same of deletes ("Understand how Azure Resource Manager throttles requests"). Subscriptions go side by side;
//! removals begin when all else has answered. A tenant may have other limits, and others may be at work: a forecast, no more.

use std::collections::BTreeMap;

use super::change::{Action, Change};

/// Writes that one subscription takes at once, and deletes.
pub const AT_ONCE: u64 = 200;
/// And then so many each second.
pub const PER_SECOND: u64 = 10;

/// Seconds that these changes take at the least.
#[must_use]
pub fn seconds<'a>(changes: impl IntoIterator<Item = &'a Change>) -> u64 {
    let (mut writes, mut deletes) = (BTreeMap::new(), BTreeMap::new());
    for change in changes {
        let counted = if change.action == Action::Revoke { &mut deletes } else { &mut writes };
        *counted.entry(change.triple.scope.subscription()).or_insert(0_u64) += 1;
    }
    let slowest = |counted: BTreeMap<_, u64>| {
        let most = counted.into_values().max().unwrap_or_default();
        most.saturating_sub(AT_ONCE).div_ceil(PER_SECOND)
    };
    slowest(writes) + slowest(deletes)
}
