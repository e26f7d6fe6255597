//! Tree → `policy:` of `tilgang.yaml`: limits, who is protected, what is accepted, freezes. Who may hold what is read in
//! `content`.

use std::collections::BTreeSet;

use super::{
    content,
    cursor::Cursor,
    error::Mistakes,
    node::Node,
    rules::{BAD_VALUE, KNOWN_NAME},
    sign_in::is_sign_in_name,
    suggest::did_you_mean,
};
use crate::model::{
    catalog::Catalog,
    code::Code,
    desired::{FileId, Origin},
    ids::{ScopeId, UserName},
    owner::OwnerCode,
    people::GroupKey,
    policy::{Accept, Freeze, Frozen, NewerThanLine, Policy, Protected, Unmanaged, Whom},
};

/// What `policy:` is held against.
pub(super) struct Context<'a> {
    /// `tilgang.yaml`.
    pub(super) file: FileId,
    pub(super) catalog: &'a Catalog,
    /// Every owner with a file or an entry.
    pub(super) owners: &'a BTreeSet<OwnerCode>,
}

impl Context<'_> {
    fn origin(&self, at: Cursor<'_>) -> Origin {
        Origin { file: self.file, path: at.trail.steps().into() }
    }
}

/// Reads `policy:`; what is left out keeps its default.
pub(super) fn read(at: Cursor<'_>, context: &Context<'_>, mistakes: &mut Mistakes) -> Policy {
    let mut policy = Policy::default();
    let keys = [
        "unmanaged",
        "newer_than_line",
        "revokes",
        "expiries",
        "protected",
        "require",
        "accept",
        "longest",
        "holders_max",
        "block",
        "freeze",
        "reviewers",
    ];
    let Some(
        [
            unmanaged,
            newer_than_line,
            revokes,
            expiries,
            protected,
            require,
            accept,
            longest,
            holders_max,
            block,
            freeze,
            reviewers,
        ],
    ) = at.fields(keys, &[], mistakes)
    else {
        return policy;
    };
    let words = [("report", Unmanaged::Report), ("revoke", Unmanaged::Revoke)];
    policy.unmanaged = one_of(unmanaged, "unmanaged", words, mistakes).unwrap_or(policy.unmanaged);
    let words = [("report", NewerThanLine::Report), ("block", NewerThanLine::Block)];
    policy.newer_than_line =
        one_of(newer_than_line, "newer_than_line", words, mistakes).unwrap_or(policy.newer_than_line);
    if let Some(limits) = revokes.and_then(|at| read_limits(at, mistakes)) {
        let set = &mut policy.revokes;
        let Limits { max, per_owner_max, prod_per_owner_max, share_max_percent } = limits;
        for (slot, value) in [
            (&mut set.max, max),
            (&mut set.per_owner_max, per_owner_max),
            (&mut set.prod_per_owner_max, prod_per_owner_max),
            (&mut set.share_max_percent, share_max_percent),
        ] {
            *slot = value.unwrap_or(*slot);
        }
    }
    if let Some(max) = expiries.and_then(|at| read_max(at, mistakes)) {
        policy.expiries_max = max;
    }
    for item in protected.map(|at| at.items(mistakes)).into_iter().flatten() {
        if let Some(whom) = whom(item, mistakes) {
            policy.protected.push(Protected { whom, origin: context.origin(item) });
        }
    }
    let catalog = context.catalog;
    policy.require = require.map(|at| content::require(at, catalog, mistakes)).unwrap_or_default();
    policy.longest = longest.map(|at| content::by_role(at, catalog, Cursor::days, mistakes)).unwrap_or_default();
    policy.holders_max =
        holders_max.map(|at| content::by_role(at, catalog, Cursor::count, mistakes)).unwrap_or_default();
    policy.block = block.map(|at| content::block(at, mistakes)).unwrap_or_default();
    for item in accept.map(|at| at.items(mistakes)).into_iter().flatten() {
        policy.accept.extend(read_accept(item, context, mistakes));
    }
    for item in freeze.map(|at| at.items(mistakes)).into_iter().flatten() {
        policy.freezes.extend(read_freeze(item, context, mistakes));
    }
    policy.reviewers = reviewers.map(|at| at.reviewers(mistakes)).unwrap_or_default();
    policy
}

/// What one of these words means.
fn one_of<T: Copy>(
    at: Option<Cursor<'_>>,
    key: &str,
    words: [(&'static str, T); 2],
    mistakes: &mut Mistakes,
) -> Option<T> {
    let at = at?;
    let word = at.text(mistakes)?;
    let found = words.iter().find(|(known, _)| *known == word).map(|(_, is)| *is);
    if found.is_none() {
        let wrong = at.wrong(BAD_VALUE, format!("`{key}` cannot be `{word}`"));
        mistakes.add(wrong.maybe_help(did_you_mean(word, words.map(|(known, _)| known))));
    }
    found
}

/// Limits as written, here and in `overrides/`.
pub(super) struct Limits {
    pub(super) max: Option<usize>,
    pub(super) per_owner_max: Option<usize>,
    pub(super) prod_per_owner_max: Option<usize>,
    pub(super) share_max_percent: Option<usize>,
}

pub(super) fn read_limits(at: Cursor<'_>, mistakes: &mut Mistakes) -> Option<Limits> {
    let [max, per_owner, prod_per_owner, share] =
        at.fields(["max", "per_owner", "prod_per_owner", "share"], &[], mistakes)?;
    Some(Limits {
        max: max.and_then(|at| at.count(mistakes)),
        per_owner_max: per_owner.and_then(|at| at.count(mistakes)),
        prod_per_owner_max: prod_per_owner.and_then(|at| at.count(mistakes)),
        share_max_percent: share.and_then(|at| at.percent(mistakes)),
    })
}

/// `{ max: 200 }`.
pub(super) fn read_max(at: Cursor<'_>, mistakes: &mut Mistakes) -> Option<usize> {
    let [max] = at.fields(["max"], &[], mistakes)?;
    max.and_then(|max| max.count(mistakes))
}

/// A sign-in name, `{ id: <GUID> }` or `{ group: <name or GUID> }`.
fn whom(item: Cursor<'_>, mistakes: &mut Mistakes) -> Option<Whom> {
    if !matches!(item.node, Node::Entries(_)) {
        return person(item, mistakes).map(Whom::Name);
    }
    let [id, group] = item.fields(["id", "group"], &[], mistakes)?;
    match (id, group) {
        (Some(id), None) => id.guid(mistakes).map(Whom::Id),
        (None, Some(group)) => {
            let text = group.line(mistakes)?;
            Some(Whom::Group(text.parse().map_or_else(|_| GroupKey::named(text), GroupKey::Id)))
        }
        _ => {
            mistakes.add(
                item.wrong(BAD_VALUE, "an item of `protected` names one person or one group")
                    .help("write a sign-in name, `{ id: <object id> }` or `{ group: <name or object id> }`"),
            );
            None
        }
    }
}

fn read_freeze(item: Cursor<'_>, context: &Context<'_>, mistakes: &mut Mistakes) -> Option<Freeze> {
    let keys = ["what", "until", "reason", "owner"];
    let [what, until, reason, owner] = item.fields(keys, &["what", "until", "reason"], mistakes)?;
    let what = what.and_then(|at| match at.text(mistakes)? {
        "removals" => Some(Frozen::Removals),
        "all" => Some(Frozen::All),
        other => {
            mistakes.add(
                at.wrong(BAD_VALUE, format!("`what` cannot be `{other}`"))
                    .maybe_help(did_you_mean(other, ["removals", "all"])),
            );
            None
        }
    });
    let until = until.and_then(|at| at.date(mistakes));
    let reason = reason.and_then(|at| at.reason(mistakes));
    let owner = owner.map(|at| at.known_owner(context.owners, mistakes));
    Some(Freeze {
        what: what?,
        owner: owner.map_or(Some(None), |owner| owner.map(Some))?,
        until: until?,
        reason: reason?.to_owned(),
        origin: context.origin(item),
    })
}

fn read_accept(item: Cursor<'_>, context: &Context<'_>, mistakes: &mut Mistakes) -> Option<Accept> {
    let [code, who, scope, reason, until] =
        item.fields(["code", "person", "scope", "reason", "until"], &["code", "reason"], mistakes)?;
    let code = code.and_then(|at| {
        let word = at.text(mistakes)?;
        let known = Code::named(word);
        if known.is_none() {
            mistakes.add(
                at.wrong(KNOWN_NAME, format!("no finding has the code `{word}`"))
                    .maybe_help(did_you_mean(word, Code::ALL.iter().map(|code| code.word()))),
            );
        }
        known
    });
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
        code: code?,
        person: who.map_or(Some(None), |who| who.map(Some))?,
        scope: scope.map_or(Some(None), |scope| scope.map(Some))?,
        reason: reason?.to_owned(),
        until: until.map_or(Some(None), |until| until.map(Some))?,
        origin: context.origin(item),
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
