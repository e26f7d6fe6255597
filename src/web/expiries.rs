//! What ends next.

use maud::{Markup, html};

use super::{
    Snapshot,
    drift::{owner_link, title},
    layout::person,
    not_known::{file_with_errors, left_out},
    plural, shown, when,
};
use crate::model::{desired::Grant, owner::OwnerCode};

/// The next last days of grants, the nearest first. `max`: no more than so many.
pub(super) fn expiries(snapshot: &Snapshot<'_>, owner: Option<OwnerCode>, max: usize) -> Markup {
    let today = snapshot.today();
    let grants = snapshot.seen.iter().flat_map(|seen| &seen.desired.grants);
    let mut ends: Vec<(jiff::civil::Date, &Grant)> = grants
        .filter(|grant| owner.is_none_or(|owner| grant.owner == owner))
        .filter_map(|grant| Some((grant.until?, grant)))
        .filter(|(until, _)| *until >= today)
        .collect();
    ends.sort_by(|a, b| (a.0, a.1.owner, &a.1.user.name, &a.1.role).cmp(&(b.0, b.1.owner, &b.1.user.name, &b.1.role)));
    let more = ends.len().saturating_sub(max);
    let is_unread =
        snapshot.seen.as_ref().zip(owner).is_some_and(|(seen, owner)| file_with_errors(seen, owner).is_some());
    html! {
        section aria-labelledby="ends-name" {
            h2 id="ends-name" { "What ends next" }
            @if owner.is_none() { (left_out(snapshot)) }
            @if snapshot.seen.is_none() {
                p.about { "Not known before the first check." }
            } @else if ends.is_empty() && is_unread {
                p.about { "Not known: the owner's file has errors." }
            } @else if ends.is_empty() {
                p.about { "No grant has a last day to come." }
            } @else {
                ol.ends {
                    @for (until, grant) in ends.iter().take(max) {
                        li.soon[until.duration_since(today).as_hours() <= 14 * 24] {
                            span.day { (until) span.below { (when::left(today, *until)) } }
                            span {
                                (person(grant.user.name.as_str()))
                                span.below {
                                    (title(snapshot, &grant.role))
                                    @if owner.is_none() { " at " (owner_link(snapshot, Some(grant.owner))) }
                                    @if let Some(why) = &grant.reason { " · " (shown(why)) }
                                }
                            }
                        }
                    }
                }
                @if more > 0 { p.about { "And " (plural(more, "other", "others")) " later." } }
            }
        }
    }
}
