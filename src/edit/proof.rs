//! A text that was edited → proof that it means what was asked for, and nothing else, before it is written.
//!
//! The whole workspace is read again with it. What is granted must be what was granted before, but for the one change; if
//! it is not, the edit is thrown away, and people edit by hand.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Change, EditError, Edited, Grant};
use crate::{
    config::{ConfigError, Loaded, load_texts},
    model::{
        desired::{self, Desired, FileId, Origin, OwnerFile, UserEntry},
        ids::UserName,
        owner::OwnerCode,
        policy::Policy,
    },
};

/// All grants, without their places, in an order that does not hang on the files'.
fn placeless(desired: &Desired) -> Vec<desired::Grant> {
    let mut grants = desired.grants.clone();
    for grant in &mut grants {
        grant.origin = nowhere();
        grant.user = Arc::new(UserEntry { origin: nowhere(), ..UserEntry::clone(&grant.user) });
    }
    sort(&mut grants);
    grants
}

fn sort(grants: &mut [desired::Grant]) {
    grants.sort_by(|a, b| (a.owner, &a.user.name, &a.role).cmp(&(b.owner, &b.user.name, &b.role)));
}

/// The workspace with this text in place of that file's.
pub(super) fn read_with(loaded: &Loaded, path: &str, text: &str) -> Loaded {
    let sources = &loaded.sources;
    let all = sources.files().map(|(id, other)| (other, if other == path { text } else { sources.text(id) }));
    load_texts(&all.collect::<Vec<_>>())
}

/// The workspace with all of these texts in place of the files'.
pub(super) fn read_after(loaded: &Loaded, edits: &[Edited]) -> Loaded {
    let sources = &loaded.sources;
    let text = |path: &str| edits.iter().find(|edit| edit.path == path).map(|edit| edit.after.as_str());
    let all = sources.files().map(|(id, path)| (path, text(path).unwrap_or(sources.text(id))));
    load_texts(&all.collect::<Vec<_>>())
}

/// Whether a file means the same with this text, wherever in it that stands. An owner's file is read with the settings, and
/// with the files of owners whom those name: what it says of others is nothing.
pub(super) fn means_the_same(loaded: &Loaded, path: &str, text: &str) -> bool {
    let sources = &loaded.sources;
    let is_owners = path != super::SETTINGS && !path.starts_with(super::OVERRIDES);
    let freezes = loaded.desired.iter().flat_map(|desired| &desired.policy.freezes);
    let named: BTreeSet<_> = freezes.filter_map(|freeze| freeze.owner).map(super::path_of).collect();
    let with = |text: Option<&str>| {
        let counts = |other: &str| !is_owners || [super::SETTINGS, path].contains(&other) || named.contains(other);
        let all = sources.files().filter(|(_, other)| counts(other));
        let all = all.map(|(id, other)| (other, text.filter(|_| other == path).unwrap_or(sources.text(id))));
        load_texts(&all.collect::<Vec<_>>())
    };
    let (was, is) = (with(None), with(Some(text)));
    same_but_for_grants(&was, &is) && was.desired.as_ref().map(placeless) == is.desired.as_ref().map(placeless)
}

/// The workspace with these texts, if it is valid and grants what it did and what is `stated`, and nothing else.
pub(super) fn adopted(
    before: &Loaded,
    edits: &[Edited],
    stated: &BTreeMap<OwnerCode, Vec<Grant>>,
) -> Result<Loaded, Vec<ConfigError>> {
    let sources = &before.sources;
    let texts: BTreeMap<&str, &str> = edits.iter().map(|edit| (edit.path.as_str(), edit.after.as_str())).collect();
    let kept = sources.files().filter(|(_, path)| !texts.contains_key(path)).map(|(id, path)| (path, sources.text(id)));
    let files: Vec<_> = kept.chain(texts.iter().map(|(path, text)| (*path, *text))).collect();
    let after = load_texts(&files);
    if edits.is_empty() || !after.errors.is_empty() {
        return if edits.is_empty() { Ok(after) } else { Err(after.errors) };
    }
    let (Some(was), Some(is)) = (&before.desired, &after.desired) else { return Err(Vec::new()) };
    let by_owner = |grants: Vec<desired::Grant>| {
        let mut by_owner: BTreeMap<OwnerCode, Vec<desired::Grant>> = BTreeMap::new();
        for grant in grants {
            by_owner.entry(grant.owner).or_default().push(grant);
        }
        by_owner
    };
    let (mut expected, got) = (by_owner(placeless(was)), by_owner(placeless(is)));
    for (owner, grants) in stated.iter().filter(|(_, grants)| !grants.is_empty()) {
        let (of_owner, none) = (expected.entry(*owner).or_default(), Vec::new());
        let got = got.get(owner).unwrap_or(&none);
        for grant in grants {
            expect(of_owner, *owner, grant, got).ok_or_else(Vec::new)?;
        }
        sort(of_owner);
    }
    let same = without_places(&was.policy) == without_places(&is.policy)
        && (&was.tenant, &was.instance, &was.former_instances) == (&is.tenant, &is.instance, &is.former_instances)
        && (&was.catalog, &before.ledger) == (&is.catalog, &after.ledger)
        && was.owners.iter().all(|(code, owner)| is.owners.get(code).is_some_and(|other| same_owner(owner, other)));
    if same && expected == got { Ok(after) } else { Err(Vec::new()) }
}

/// Whether an owner is the same, but for where the file is, and that there may be one now.
fn same_owner(was: &desired::Owner, is: &desired::Owner) -> bool {
    let file = match (was.file, is.file) {
        (OwnerFile::Missing | OwnerFile::Read(_), OwnerFile::Read(_))
        | (OwnerFile::Removed(_), OwnerFile::Removed(_)) => is.file,
        _ => was.file,
    };
    desired::Owner { file, ..was.clone() } == *is
}

/// Whether all but the grants is known, and the same.
fn same_but_for_grants(before: &Loaded, after: &Loaded) -> bool {
    let (Some(was), Some(is)) = (&before.desired, &after.desired) else { return false };
    let Desired { tenant, instance, former_instances, catalog, owners, grants: _, policy, revision: _ } = was;
    without_places(policy) == without_places(&is.policy)
        && (tenant, instance, former_instances) == (&is.tenant, &is.instance, &is.former_instances)
        && (catalog, owners, &before.ledger) == (&is.catalog, &is.owners, &after.ledger)
}

/// The rules, in their order, wherever they stand.
fn without_places(policy: &Policy) -> Policy {
    let mut policy = policy.clone();
    let Policy { protected, accept, freezes, overrides, .. } = &mut policy;
    let origins = protected.iter_mut().map(|one| &mut one.origin);
    let origins = origins.chain(accept.iter_mut().map(|one| &mut one.origin));
    let origins = origins.chain(freezes.iter_mut().map(|one| &mut one.origin));
    for origin in origins {
        *origin = nowhere();
    }
    for one in overrides {
        one.origin.path = Box::default(); // which file it is counts: it is the exception's name
    }
    policy
}

fn nowhere() -> Origin {
    Origin { file: FileId(0), path: Box::default() }
}

/// The workspace after the change, if it is valid and means what was asked for.
pub(super) fn proven(before: &Loaded, owner: OwnerCode, text: &str, change: &Change) -> Result<Loaded, EditError> {
    let path = super::path_of(owner);
    let after = read_with(before, &path, text);
    let errors: Vec<_> = after.errors.iter().filter(|error| error.file() == path).cloned().collect();
    if !errors.is_empty() {
        return Err(EditError::Invalid(errors));
    }
    let (Some(was), Some(is)) = (&before.desired, &after.desired) else { return Err(EditError::ByHand) };
    let (mut expected, got) = (placeless(was), placeless(is));
    match change {
        Change::Grant(grant) => expect(&mut expected, owner, grant, &got).ok_or(EditError::ByHand)?,
        Change::Revoke { user, roles } => {
            let user = UserName::new(user);
            let goes =
                |grant: &desired::Grant| roles.is_empty() || roles.iter().any(|role| role == grant.role.as_str());
            expected.retain(|grant| grant.owner != owner || grant.user.name != user || !goes(grant));
        }
    }
    sort(&mut expected);
    if expected == got && same_but_for_grants(before, &after) { Ok(after) } else { Err(EditError::ByHand) }
}

/// What must be granted after this; `None` where something that was asked for is not.
fn expect(expected: &mut Vec<desired::Grant>, owner: OwnerCode, grant: &Grant, got: &[desired::Grant]) -> Option<()> {
    let Grant { user, id, roles, until, reason, ticket } = grant;
    let user = UserName::new(user);
    let of_user = |grant: &&desired::Grant| grant.owner == owner && grant.user.name == user;
    // A person listed with `roles: []` has granted nothing to know the id by: then any will do.
    let person = expected.iter().find(of_user).or_else(|| got.iter().find(of_user))?.user.clone();
    let person = Arc::new(UserEntry { id: id.or(person.id), ..UserEntry::clone(&person) });
    for role in roles {
        let is_it = |grant: &&desired::Grant| of_user(grant) && grant.role.as_str() == role;
        let was = expected.iter().position(|grant| is_it(&grant));
        let mut one = match was {
            Some(at) => expected.swap_remove(at),
            None => desired::Grant { until: None, reason: None, ticket: None, ..got.iter().find(is_it)?.clone() },
        };
        one.until = until.or(one.until);
        one.reason = reason.as_deref().map(Arc::from).or(one.reason);
        one.ticket = ticket.as_deref().map(Arc::from).or(one.ticket);
        expected.push(one);
    }
    expected.iter_mut().filter(|grant| of_user(&&**grant)).for_each(|grant| grant.user = person.clone());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: &str = "version: 1\ntenant: 00000000-0000-0000-0000-0000000000aa\ninstance: altinn-apps\n";
    const BEFORE: &str = "owner: ttd\nname: T\nusers:\n  - user: a@ai-dev.no\n    id: 00000000-0000-0000-0000-000000000001\n    roles: [test-developer]\n";

    fn holds(text: &str, change: &Change) -> bool {
        let before = load_texts(&[("tilgang.yaml", SETTINGS), ("owners/ttd.yaml", BEFORE)]);
        let owner = OwnerCode::new("ttd").unwrap();
        match proven(&before, owner, text, change) {
            Ok(_) => true,
            Err(EditError::ByHand) => false,
            Err(error) => panic!("{error:?}"),
        }
    }

    #[test]
    fn only_what_was_asked_for_passes() {
        let roles = vec!["prod-developer".to_owned()];
        let grant = Change::Grant(Grant { user: "A@ai-dev.no".into(), roles: roles.clone(), ..Grant::default() });
        let with = BEFORE.replace("[test-developer]", "[prod-developer, test-developer]");
        assert!(holds(&with, &grant));
        for wrong in [
            BEFORE.to_owned(),
            BEFORE.replace("test-developer", "prod-developer"),
            with.replace("prod-developer", "prod-operations"),
            with.replace("[prod-developer", "[{ role: prod-developer, until: 2027-01-31 }"),
            with.replace("[prod-developer", "[{ role: prod-developer, ticket: T }"),
            with.replace("test-developer]", "{ role: test-developer, reason: x }]"),
            with.replace("000001", "000002"),
            with.replace("name: T", "name: U"),
            format!("{with}  - user: b@ai-dev.no\n    roles: [test-developer]\n"),
        ] {
            assert!(!holds(&wrong, &grant), "{wrong}");
        }
        let revoke = |roles: &[String]| Change::Revoke { user: "a@ai-dev.no".into(), roles: roles.to_vec() };
        let nobody = "owner: ttd\nname: T\nusers: []\n";
        assert!(holds(nobody, &revoke(&[])));
        assert!(!holds(nobody, &revoke(&roles)));
        assert!(!holds(BEFORE, &revoke(&[])));
    }

    #[test]
    fn the_same_elsewhere_in_the_file_means_the_same() {
        let loaded = load_texts(&[("tilgang.yaml", SETTINGS), ("owners/ttd.yaml", BEFORE)]);
        let same = |text: &str| means_the_same(&loaded, "owners/ttd.yaml", text);
        assert!(same(&format!("# c\n{BEFORE}")));
        assert!(!same(&BEFORE.replace("name: T\n", "")));
        assert!(!same(&BEFORE.replace("test-developer", "prod-developer")));
        assert!(!same("owner: ttd\nusers: ["));
    }

    #[test]
    fn an_override_that_says_something_else_means_something_else() {
        let text = "reason: r\nticket: T\nuntil: 2026-12-01\nowners: [ttd]\nrevokes: { max: 40 }\n";
        let loaded = load_texts(&[("tilgang.yaml", SETTINGS), ("owners/ttd.yaml", BEFORE), ("overrides/a.yaml", text)]);
        let same = |text: &str| means_the_same(&loaded, "overrides/a.yaml", text);
        assert!(same(&format!("# c\nrevokes:\n  max: 40\n{}", text.replace("revokes: { max: 40 }\n", ""))));
        for (was, is) in [
            ("reason: r", "reason: s"),
            ("T", "U"),
            ("12-01", "12-02"),
            ("[ttd]", "all"),
            ("40", "41"),
            ("{ max", "{ per_owner"),
            ("revokes", "expiries"),
            ("40", "4"),
        ] {
            assert!(text.contains(was) && !same(&text.replace(was, is)), "{was} → {is}");
        }
    }

    #[test]
    fn settings_in_another_order_mean_the_same_and_others_do_not() {
        let text = format!(
            "{SETTINGS}ledger: {{ dir: ../ledger }}\nusers: {{ member_of: \"tilgang-{{owner}}\" }}\nenvironments: {{ test: {{ production: true }} }}\n\
             policy:\n  protected: [{{ group: G }}, a@ai-dev.no]\n  longest: {{ prod: 180d }}\n  holders_max: {{ prod: 3 }}\n  block: [guest]\n  reviewers: [\"@a\"]\n  \
             freeze: [{{ what: all, owner: ttd, until: 2026-12-31, reason: r }}]\n  accept: [{{ code: unmanaged, reason: r }}]\n"
        );
        let loaded = load_texts(&[("tilgang.yaml", &text), ("owners/ttd.yaml", BEFORE)]);
        assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
        let same = |text: &str| means_the_same(&loaded, "tilgang.yaml", text);
        let (_, policy) = text.split_once("policy:\n").unwrap();
        let mut turned: Vec<_> = policy.lines().collect();
        turned.reverse();
        let turned = text.replace(policy, &format!("{}\n", turned.join("\n")));
        assert!(same(&turned) && turned != text);
        for (was, is) in [
            ("../ledger", "../other"),
            ("tilgang-{", "altinn-{"),
            ("production: true", "production: false"),
            ("group: G", "group: H"),
            ("[{ group: G }, a@ai-dev.no]", "[a@ai-dev.no, { group: G }]"),
            ("180d", "181d"),
            ("prod: 3", "prod: 4"),
            ("guest", "disabled"),
            ("@a", "@b"),
            ("what: all", "what: removals"),
            ("2026-12-31", "2027-12-31"),
            ("owner: ttd, ", ""),
            ("unmanaged", "orphaned"),
        ] {
            assert!(text.contains(was) && !same(&text.replace(was, is)), "{was} → {is}");
        }
    }
}
