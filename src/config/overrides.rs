//! Tree → `overrides/<name>.yaml`: a dated exception to the limits on removals.
//!
//! ```yaml
//! # overrides/ttd-leaves.yaml
//! reason: TTD moves to its own tenant     # why: a reviewer has to believe it
//! ticket: OPS-17                          # where it was asked for
//! until: 2026-12-01                       # the last day, UTC; after it the limits of tilgang.yaml hold again
//! owners: [ttd]                           # or `all`
//! revokes: { max: 40, per_owner: 40, prod_per_owner: 20, share: 100% }   # only those that are raised
//! expiries: { max: 300 }
//! ```
//!
//! It raises limits for the owners it names until its day. It lifts neither `protected` nor a freeze. One that is wrong, or
//! lowers a limit, is an error of that file and gives no exception.

use std::collections::BTreeSet;

use super::{
    cursor::{Cursor, Trail},
    error::Mistakes,
    node::Node,
    policy::{Limits, read_limits, read_max},
    rules::{BAD_VALUE, EMPTY, MISSING_KEY},
};
use crate::model::{
    desired::{FileId, Origin},
    owner::OwnerCode,
    policy::{Override, Policy},
};

/// Reads the whole file and tells every mistake; `None` if there is one.
pub(super) fn read(
    node: &Node<'_>,
    file: FileId,
    known: &BTreeSet<OwnerCode>,
    policy: &Policy,
    mistakes: &mut Mistakes,
) -> Option<Override> {
    let top = Cursor::top(node);
    if *node == Node::Nothing {
        mistakes.add(
            top.wrong(EMPTY, "the file is empty")
                .help("an override needs `reason`, `ticket`, `until`, `owners` and the limits it raises"),
        );
        return None;
    }
    let before = mistakes.len();
    let required = ["reason", "ticket", "until", "owners"];
    let keys = ["reason", "ticket", "until", "owners", "revokes", "expiries"];
    let [reason, ticket, until, owners, revokes, expiries] = top.fields(keys, &required, mistakes)?;
    let reason = reason.and_then(|at| at.reason(mistakes));
    let ticket = ticket.and_then(|at| at.ticket(mistakes));
    let until = until.and_then(|at| at.date(mistakes));
    let owners = owners.map(|at| read_owners(at, known, mistakes));
    if revokes.is_none() && expiries.is_none() && mistakes.len() == before {
        mistakes.add(
            top.wrong(MISSING_KEY, "no limit is raised")
                .label("in this file")
                .help("add `revokes: { … }` or `expiries: { max: … }` with the numbers that this change needs"),
        );
    }
    let limits = revokes.and_then(|at| read_limits(at, mistakes));
    let expiries_max = expiries.and_then(|at| read_max(at, mistakes));
    let Limits { max, per_owner_max, prod_per_owner_max, share_max_percent } =
        limits.unwrap_or(Limits { max: None, per_owner_max: None, prod_per_owner_max: None, share_max_percent: None });
    let set = &policy.revokes;
    for (at, key, raised, now) in [
        (revokes, "revokes.max", max, set.max),
        (revokes, "revokes.per_owner", per_owner_max, set.per_owner_max),
        (revokes, "revokes.prod_per_owner", prod_per_owner_max, set.prod_per_owner_max),
        (revokes, "revokes.share", share_max_percent, set.share_max_percent),
        (expiries, "expiries.max", expiries_max, policy.expiries_max),
    ] {
        if let (Some(at), Some(raised)) = (at, raised)
            && raised <= now
        {
            let unit = if key.ends_with("share") { "%" } else { "" };
            mistakes.add(
                at.wrong(BAD_VALUE, format!("`{key}` is {raised}{unit}, and `tilgang.yaml` allows {now}{unit}"))
                    .help("an override only raises limits: leave out what is enough"),
            );
        }
    }
    if mistakes.len() > before {
        return None;
    }
    Some(Override {
        owners: owners?,
        max,
        per_owner_max,
        prod_per_owner_max,
        share_max_percent,
        expiries_max,
        reason: reason?.to_owned(),
        ticket: ticket?.to_owned(),
        until: until?,
        origin: Origin { file, path: Trail::default().steps().into() },
    })
}

/// A list of codes, or `all`, which is `None`.
fn read_owners(at: Cursor<'_>, known: &BTreeSet<OwnerCode>, mistakes: &mut Mistakes) -> Option<BTreeSet<OwnerCode>> {
    match at.node {
        Node::Text(text) if text == "all" => None,
        Node::List(items) if !items.is_empty() => {
            Some(at.items(mistakes).filter_map(|item| item.known_owner(known, mistakes)).collect())
        }
        _ => {
            mistakes.add(
                at.wrong(BAD_VALUE, "`owners` names no owner")
                    .help("list their codes, such as `[ttd]`, or write `all` if every owner is meant"),
            );
            None
        }
    }
}
