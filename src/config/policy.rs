//! Tree → `policy:` of `tilgang.yaml`. What this version does not enforce is refused, never passed over.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    cursor::Cursor,
    error::Mistakes,
    rules::{BAD_VALUE, DOUBLED_KEY, KNOWN_NAME},
    sign_in::is_sign_in_name,
    suggest::{did_you_mean, one_of},
};
use crate::model::{
    catalog::Catalog,
    desired::{FileId, Origin},
    ids::{ScopeId, UserName},
    owner::RoleName,
    policy::{Accept, Policy, Protected, Required, Unmanaged},
};

const REQUIRED: [(&str, Required); 4] =
    [("reason", Required::Reason), ("ticket", Required::Ticket), ("until", Required::Until), ("id", Required::Id)];

/// Reads `policy:`; what is left out keeps its default.
pub(super) fn read(at: Cursor<'_>, file: FileId, catalog: &Catalog, mistakes: &mut Mistakes) -> Policy {
    let mut policy = Policy::default();
    let keys =
        ["unmanaged", "revokes", "expiries", "protected", "require", "accept", "longest", "holders_max", "freeze"];
    let Some([unmanaged, revokes, expiries, protected, require, accept, later @ ..]) = at.fields(keys, &[], mistakes)
    else {
        return policy;
    };
    let later: [Option<Cursor<'_>>; 3] = later;
    for key in later.into_iter().flatten() {
        key.unsupported(mistakes);
    }
    if let Some(unmanaged) = unmanaged {
        match unmanaged.text(mistakes) {
            Some("report") => policy.unmanaged = Unmanaged::Report,
            Some("revoke") => policy.unmanaged = Unmanaged::Revoke,
            Some(other) => mistakes.add(
                unmanaged
                    .wrong(BAD_VALUE, format!("`unmanaged` cannot be `{other}`"))
                    .maybe_help(did_you_mean(other, ["report", "revoke"])),
            ),
            None => {}
        }
    }
    if let Some([max, per_owner, prod_per_owner, share]) =
        revokes.and_then(|at| at.fields(["max", "per_owner", "prod_per_owner", "share"], &[], mistakes))
    {
        let limits = &mut policy.revokes;
        set(&mut limits.max, max, Cursor::count, mistakes);
        set(&mut limits.per_owner_max, per_owner, Cursor::count, mistakes);
        set(&mut limits.prod_per_owner_max, prod_per_owner, Cursor::count, mistakes);
        set(&mut limits.share_max_percent, share, Cursor::percent, mistakes);
    }
    if let Some([max]) = expiries.and_then(|at| at.fields(["max"], &[], mistakes)) {
        set(&mut policy.expiries_max, max, Cursor::count, mistakes);
    }
    for item in protected.map(|at| at.items(mistakes)).into_iter().flatten() {
        if let Some(name) = person(item, mistakes) {
            let path = item.trail.steps().into();
            policy.protected.push(Protected { name, origin: Origin { file, path } });
        }
    }
    policy.require = require.map(|at| read_require(at, catalog, mistakes)).unwrap_or_default();
    for item in accept.map(|at| at.items(mistakes)).into_iter().flatten() {
        policy.accept.extend(read_accept(item, mistakes));
    }
    policy
}

fn set<'a>(
    slot: &mut usize,
    field: Option<Cursor<'a>>,
    read: fn(Cursor<'a>, &mut Mistakes) -> Option<usize>,
    mistakes: &mut Mistakes,
) {
    if let Some(value) = field.and_then(|field| read(field, mistakes)) {
        *slot = value;
    }
}

fn read_require(at: Cursor<'_>, catalog: &Catalog, mistakes: &mut Mistakes) -> BTreeMap<RoleName, BTreeSet<Required>> {
    let mut require = BTreeMap::new();
    for entry in at.entries(mistakes) {
        let known = catalog.roles.get_key_value(entry.key).map(|(name, _)| name.clone());
        if known.is_none() {
            mistakes.add(
                entry
                    .wrong_key(KNOWN_NAME, format!("unknown role `{}`", entry.key))
                    .label("not in the catalogue")
                    .maybe_help(did_you_mean(entry.key, catalog.roles.keys().map(RoleName::as_str))),
            );
        }
        let mut all = BTreeSet::new();
        for item in entry.items(mistakes) {
            let Some(word) = item.text(mistakes) else { continue };
            match REQUIRED.iter().find(|(name, _)| *name == word) {
                Some((_, required)) if all.insert(*required) => {}
                Some(_) => mistakes.add(item.wrong(DOUBLED_KEY, format!("`{word}` stands here twice"))),
                None => mistakes.add(
                    item.wrong(BAD_VALUE, format!("`{word}` is nothing a grant can state"))
                        .maybe_help(one_of(REQUIRED.map(|(name, _)| name))),
                ),
            }
        }
        if let Some(role) = known {
            require.insert(role, all);
        }
    }
    require
}

fn read_accept(item: Cursor<'_>, mistakes: &mut Mistakes) -> Option<Accept> {
    let [code, who, scope, reason, until] =
        item.fields(["code", "person", "scope", "reason", "until"], &["code", "reason"], mistakes)?;
    let code = code.and_then(|at| at.word(mistakes));
    let reason = reason.and_then(|at| at.reason(mistakes));
    let who = who.map(|at| person(at, mistakes));
    let until = until.map(|at| at.date(mistakes));
    let scope = scope.map(|at| {
        let text = at.line(mistakes)?;
        if !text.starts_with('/') {
            mistakes.add(
                at.wrong(BAD_VALUE, format!("`{text}` is not a scope"))
                    .help("write a resource id, such as `/subscriptions/…/resourceGroups/…`"),
            );
        }
        text.starts_with('/').then(|| ScopeId::new(text))
    });
    // What is written but wrong must not widen what is accepted.
    Some(Accept {
        code: code?.to_owned(),
        person: who.map_or(Some(None), |who| who.map(Some))?,
        scope: scope.map_or(Some(None), |scope| scope.map(Some))?,
        reason: reason?.to_owned(),
        until: until.map_or(Some(None), |until| until.map(Some))?,
    })
}

/// A sign-in name in any domain: a break-glass account often has the tenant's own.
fn person(at: Cursor<'_>, mistakes: &mut Mistakes) -> Option<UserName> {
    let text = at.text(mistakes)?;
    if !is_sign_in_name(text) {
        mistakes.add(
            at.wrong(super::rules::SIGN_IN_NAME, format!("`{text}` is not a sign-in name"))
                .help("write the whole name, such as `breakglass@ai-dev.no`"),
        );
        return None;
    }
    Some(UserName::new(text))
}
