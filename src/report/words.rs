//! How things are said: owners, people, roles and reasons in the words of a service owner's lead.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::{
    model::{
        catalog::{Gives, Role},
        desired::{Origin, OwnerFile},
        ids::PrincipalId,
        owner::{OwnerCode, RoleName},
    },
    plan::{
        approve::Refusal,
        change::{Action, Because, Change, Who},
    },
};

use super::{
    View,
    facts::{Facts, Item},
};

/// When something is said: before it is done, after, or of what stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tense {
    Will,
    Did,
    /// As drift: what stands now, against git.
    Is,
}

/// `ttd (Testdepartementet)`.
pub(super) fn owner(view: &View<'_>, code: OwnerCode) -> String {
    match view.desired.owners.get(&code).and_then(|owner| owner.title.as_deref()) {
        Some(title) => format!("{code} ({title})"),
        None => code.to_string(),
    }
}

/// What people call somebody, and what tells them apart.
pub(super) fn person(who: &Who) -> (String, String) {
    let kind = who.kind();
    let id = || format!("object id {}", who.id);
    match (&who.display_name, &who.name) {
        (Some(display_name), Some(name)) => (display_name.to_string(), name.to_string()),
        (None, Some(name)) => (name.to_string(), String::new()),
        (Some(display_name), None) => (display_name.to_string(), kind.map_or_else(id, str::to_owned)),
        (None, None) => (format!("{} without a known name", kind.unwrap_or("a user")), id()),
    }
}

/// Somebody in one word or two: the sign-in name where there is one.
pub(super) fn short(who: &Who) -> String {
    who.short()
}

/// The order in which people are listed: as they are called, those without a name last.
pub(super) fn sorted_by(who: &Who) -> (bool, String, PrincipalId) {
    let (name, _) = person(who);
    (who.name.is_none() && who.display_name.is_none(), name.to_lowercase(), who.id)
}

/// `Prod Operations`.
pub(super) fn role(view: &View<'_>, name: &RoleName) -> String {
    view.desired.catalog.role_title(name)
}

/// `a, b and c`.
pub(super) fn list<T: AsRef<str>>(words: &[T]) -> String {
    match words {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [most @ .., last] => {
            let most: Vec<&str> = most.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", most.join(", "), last.as_ref())
        }
    }
}

/// `1 person`, `3 people`.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// What happens to a person: `gains`, `lost`.
pub(super) fn verb(action: Action, tense: Tense) -> &'static str {
    match (action, tense) {
        (Action::Grant, Tense::Will) => "gains",
        (Action::Adopt, Tense::Will) => "is adopted",
        (Action::Update, Tense::Will) => "is put right",
        (Action::Revoke, Tense::Will) => "loses",
        (Action::Grant, Tense::Did) => "gained",
        (Action::Adopt, Tense::Did) => "was adopted",
        (Action::Update, Tense::Did) => "was put right",
        (Action::Revoke, Tense::Did) => "lost",
        (Action::Grant, Tense::Is) => "lacks",
        (Action::Adopt, Tense::Is) => "is not ours",
        (Action::Update, Tense::Is) => "differs",
        (Action::Revoke, Tense::Is) => "holds",
    }
}

/// The same of so many people: `3 people gain`.
pub(super) fn verbs(action: Action, tense: Tense, people: usize) -> &'static str {
    match (action, tense) {
        _ if people == 1 => verb(action, tense),
        (Action::Grant, Tense::Will) => "gain",
        (Action::Adopt, Tense::Will) => "are adopted",
        (Action::Update, Tense::Will) => "are put right",
        (Action::Revoke, Tense::Will) => "lose",
        (Action::Adopt, Tense::Did) => "were adopted",
        (Action::Update, Tense::Did) => "were put right",
        (Action::Grant, Tense::Is) => "lack",
        (Action::Adopt, Tense::Is) => "are not ours",
        (Action::Update, Tense::Is) => "differ",
        (Action::Revoke, Tense::Is) => "hold",
        (Action::Grant | Action::Revoke, Tense::Did) => verb(action, tense),
    }
}

/// The sign of what happens to a person; of drift, how Azure stands to git.
pub(super) fn sign(action: Action, tense: Tense) -> char {
    match (action, tense) {
        (Action::Adopt | Action::Update, _) => '~',
        (Action::Grant, Tense::Will | Tense::Did) | (Action::Revoke, Tense::Is) => '+',
        (Action::Revoke, Tense::Will | Tense::Did) | (Action::Grant, Tense::Is) => '-',
    }
}

/// `31 January 2027`.
pub(super) fn day(date: Date) -> String {
    date.strftime("%-d %B %Y").to_string()
}

/// The last day of what an item gives.
pub(super) fn until(item: &Item<'_>) -> Option<Date> {
    match item.because {
        Because::Listed { until, .. } => *until,
        _ => None,
    }
}

/// `Prod Operations at ttd (Testdepartementet), until 2027-01-31: may read and change secrets in ttd-prod-keyvault`.
pub(super) fn what(facts: &Facts<'_>, item: &Item<'_>, tense: Tense) -> String {
    let until = until(item).map(|until| format!(", until {until}")).unwrap_or_default();
    let at = owner(facts.view, item.owner);
    match item.role {
        Some(name) => format!("{} at {at}{until}: {}", role(facts.view, name), effect(facts.view, item, tense)),
        None => format!("{} at {at}", effect(facts.view, item, tense)),
    }
}

/// What changes for the person. What the role "may" is only said where the whole role is given or taken.
pub(super) fn effect(view: &View<'_>, item: &Item<'_>, tense: Tense) -> String {
    let targets = |changes: &[&Change]| {
        let mut names: Vec<&str> = changes.iter().map(|change| change.triple.scope.last_segment()).collect();
        names.dedup();
        list(&names)
    };
    if matches!(item.action, Action::Adopt | Action::Update) {
        return targets(&item.changes);
    }
    let whole = item.role.and_then(|name| view.desired.catalog.roles.get(name)).filter(|role| {
        role.gives.iter().all(|given| item.changes.iter().any(|change| gives(view, given, change)))
            && item.changes.iter().all(|change| role.gives.iter().any(|given| gives(view, given, change)))
    });
    let may = match (item.action, tense) {
        (Action::Grant, Tense::Is) => "to",
        (Action::Revoke, Tense::Will | Tense::Did) => "may no longer",
        _ => "may",
    };
    let role = item.role.and_then(|name| view.desired.catalog.roles.get(name));
    let privileged = role.filter(|_| item.action == Action::Grant).map(|role| privileged(role, &item.changes));
    let by = match privileged {
        Some(reasons) if !reasons.is_empty() => format!("; by {}", list(&reasons)),
        _ => String::new(),
    };
    if let Some(role) = whole {
        return format!("{may} {} in {}{by}", role.may, targets(&item.changes));
    }
    let parts = item.changes.iter().map(|change| {
        let target = change.triple.scope.last_segment();
        match &change.definition_name {
            Some(name) => format!("{name} on {target}"),
            None => format!("a role on {target} (role definition {})", change.triple.definition),
        }
    });
    list(&parts.collect::<Vec<_>>()) + &by
}

/// `Owner`, privileged: the reason; each role definition that gives access itself, as Azure calls it, and why it may be given.
fn privileged(role: &Role, changes: &[&Change]) -> Vec<String> {
    let told = role.gives.iter().filter_map(|given| {
        let reason = given.privileged.as_ref()?;
        let change = changes.iter().find(|change| change.triple.definition == given.definition.id)?;
        let name = change.definition_name.as_deref().unwrap_or(&given.definition.name);
        Some(format!("`{name}`, privileged: {reason}"))
    });
    let told: BTreeSet<String> = told.collect();
    told.into_iter().collect()
}

/// Whether a change is about this part of a role.
fn gives(view: &View<'_>, Gives { kind, definition, privileged: _ }: &Gives, change: &Change) -> bool {
    let of_kind = view.desired.catalog.kinds.get(kind).is_some_and(|kind| {
        let arm_type = format!("/providers/{}/", kind.arm_type);
        change.triple.scope.folded().contains(&arm_type)
    });
    of_kind && definition.id == change.triple.definition
}

/// Where git says so: the lines, or the owner's file whose silence says it.
pub(super) fn place(facts: &Facts<'_>, item: &Item<'_>) -> String {
    if !item.origins.is_empty() {
        return facts.places(item.origins);
    }
    match (item.because, facts.view.desired.file_of(item.owner)) {
        (Because::NotListed { .. } | Because::OwnerRemoved, OwnerFile::Read(file) | OwnerFile::Removed(file)) => {
            (facts.view.places)(&Origin { file, path: Box::default() }).file
        }
        _ => String::new(),
    }
}

/// Why, beyond that git lists it: git's own reason and ticket, or what the plan says.
pub(super) fn reason(facts: &Facts<'_>, item: &Item<'_>) -> String {
    match item.because {
        Because::Listed { reason, .. } => {
            let ticket = facts.grants(item.origins).into_iter().find_map(|grant| grant.ticket.clone());
            let words = [reason.as_deref(), ticket.as_deref()];
            words.into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
        because => because.to_string(),
    }
}

/// What helps against a refusal.
pub(super) fn refusal_help(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Protected => "take the person out of `policy.protected`, or list the role in the owner's file again",
        Refusal::ProtectedUnknown(_) => "correct the name in `tilgang.yaml`",
        Refusal::OtherInstance(_) => {
            "correct `instance` or `former_instances` in `tilgang.yaml`; if a second instance is meant, accept `other-instance` in `policy.accept`"
        }
        Refusal::OlderCommit(_) => "run from that commit, or from a newer one",
        Refusal::Frozen(_) => "wait until it has ended; or let the platform team take it out of `policy.freeze`",
        Refusal::Owner(_)
        | Refusal::OwnerInProd(_)
        | Refusal::OwnerShare(_)
        | Refusal::All(_)
        | Refusal::AllShare(_)
        | Refusal::Expiries(_) => {
            "if all of them are meant, let the platform team raise the limit for this change by a dated file in `overrides/`; or remove fewer at a time"
        }
    }
}
