//! One record of who holds what ⇄ lines of bounded length that belong together. Pure.

use super::entry::Seen;

/// Assignments in one line. Ours: some 200 KB.
pub const HELD_A_LINE_MAX: usize = 500;

/// One record in lines of bounded length.
#[must_use]
pub fn split(seen: Seen) -> Vec<Seen> {
    let Seen { targets, held, gone, made, definitions, names, granted, .. } = &seen;
    let rows = targets.len() + held.len() + gone.len() + made.len() + definitions.len() + names.len() + granted.len();
    if rows <= HELD_A_LINE_MAX {
        return vec![seen];
    }
    let Seen { base, observed, owners, remembers, unknown_before, .. } = &seen;
    let empty = || Seen {
        base: *base,
        observed: *observed,
        owners: owners.clone(),
        remembers: *remembers,
        unknown_before: *unknown_before,
        ..Seen::default()
    };
    let mut parts: Vec<Seen> = Vec::new();
    parts.extend(targets.chunks(HELD_A_LINE_MAX).map(|some| Seen { targets: some.to_vec(), ..empty() }));
    parts.extend(held.chunks(HELD_A_LINE_MAX).map(|some| Seen { held: some.to_vec(), ..empty() }));
    parts.extend(gone.chunks(HELD_A_LINE_MAX).map(|some| Seen { gone: some.to_vec(), ..empty() }));
    parts.extend(definitions.chunks(HELD_A_LINE_MAX).map(|some| Seen { definitions: some.to_vec(), ..empty() }));
    parts.extend(names.chunks(HELD_A_LINE_MAX).map(|some| Seen { names: some.to_vec(), ..empty() }));
    parts.extend(granted.chunks(HELD_A_LINE_MAX).map(|some| Seen { granted: some.to_vec(), ..empty() }));
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
        let Seen { base, observed, owners, targets, held, gone, made, definitions, names, granted, .. } = part;
        (whole.base, whole.observed, whole.owners) = (base, observed, owners);
        (whole.remembers, whole.unknown_before) = (part.remembers, part.unknown_before);
        whole.targets.extend(targets);
        whole.held.extend(held);
        whole.gone.extend(gone);
        whole.made.extend(made);
        whole.definitions.extend(definitions);
        whole.names.extend(names);
        whole.granted.extend(granted);
    }
    whole
}
