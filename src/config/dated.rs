//! What a file says of days, judged when the day is known: the only rule that needs one.

use jiff::civil::Date;

use super::{
    Loaded,
    cursor::Trail,
    error::{ConfigError, Mistake, Spot},
    rules::LASTS,
};
use crate::model::policy::latest;

impl Loaded {
    /// Grants that state a last day further ahead than `policy.longest` allows today, each at its line. What stands in Azure
    /// is not known here: a plan says of one that stands, and blocks one that does not.
    #[must_use]
    pub fn too_long(&self, today: Date) -> Vec<ConfigError> {
        let Some(desired) = &self.desired else { return Vec::new() };
        let far = desired.grants.iter().filter_map(|grant| {
            let latest = latest(&desired.policy, &grant.role, today)?;
            let until = grant.until.filter(|until| *until > latest)?;
            let days = desired.policy.longest.get(&grant.role)?;
            let spot = Spot::Value(Trail::of(&grant.origin.path));
            let message = format!("`{}` may last {days} days, and this lasts until {until}", grant.role);
            let mistake = Mistake::new(LASTS, spot, message).label("limited by `policy.longest`");
            Some(
                self.sources
                    .show(grant.origin.file, mistake.help(format!("write `until: {latest}` or an earlier day"))),
            )
        });
        far.collect()
    }
}
