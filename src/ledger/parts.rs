//! One record of who holds what ⇄ lines of bounded length that belong together. Pure.

use super::entry::Seen;

/// Assignments in one line. Ours: some 200 KB.
pub const HELD_A_LINE_MAX: usize = 500;

/// One record in lines of bounded length.
#[must_use]
pub fn split(seen: Seen) -> Vec<Seen> {
    let Seen { base, observed, owners, targets, held, gone, made, definitions, part: _ } = seen;
    if targets.len() + held.len() + gone.len() + made.len() + definitions.len() <= HELD_A_LINE_MAX {
        return vec![Seen { base, observed, owners, targets, held, gone, made, definitions, part: None }];
    }
    let empty = || Seen { base, observed, owners: owners.clone(), ..Seen::default() };
    let mut parts: Vec<Seen> = Vec::new();
    parts.extend(targets.chunks(HELD_A_LINE_MAX).map(|some| Seen { targets: some.to_vec(), ..empty() }));
    parts.extend(held.chunks(HELD_A_LINE_MAX).map(|some| Seen { held: some.to_vec(), ..empty() }));
    parts.extend(gone.chunks(HELD_A_LINE_MAX).map(|some| Seen { gone: some.to_vec(), ..empty() }));
    parts.extend(definitions.chunks(HELD_A_LINE_MAX).map(|some| Seen { definitions: some.to_vec(), ..empty() }));
    parts.extend(made.chunks(HELD_A_LINE_MAX).map(|some| Seen { made: some.to_vec(), ..empty() }));
    let of = u32::try_from(parts.len()).unwrap_or(u32::MAX);
    for (at, part) in (0..).zip(&mut parts) {
        part.part = Some((at, of));
    }
    parts
}

/// The lines of one record, put together again.
pub(super) fn join(parts: Vec<Seen>) -> Seen {
    let mut whole = Seen::default();
    for part in parts {
        (whole.base, whole.observed, whole.owners) = (part.base, part.observed, part.owners);
        whole.targets.extend(part.targets);
        whole.held.extend(part.held);
        whole.gone.extend(part.gone);
        whole.made.extend(part.made);
        whole.definitions.extend(part.definitions);
    }
    whole
}
