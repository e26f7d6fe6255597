//! Who may hold what: the grants of git against policy. What policy has against a grant keeps it from being made; where it
//! stands already it is said. It never takes anything away.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::civil::Date;

use crate::model::{
    desired::{Desired, Grant, Origin, UserEntry},
    ids::PrincipalId,
    observed::Observed,
    owner::{OwnerCode, RoleName},
    people::{GroupKey, HasAttribute, InGroup, People, Person},
    policy::{Account, MemberOf, NewerThanLine, Policy, latest},
};

use super::{
    blocked::Block,
    change::Who,
    changed_hands::Changed,
    effect::DISABLED,
    finding::{Code, Finding},
};

/// A grant that has not ended, and its person, if that is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed<'a> {
    pub grant: &'a Grant,
    pub person: Option<&'a Person>,
}

/// Something that policy has against a grant.
#[derive(Clone, Debug)]
pub(super) struct Objection<'a> {
    /// Why it is not made; `None` where it is only said.
    pub block: Option<Block>,
    code: Code,
    message: String,
    about: About,
    /// The other place it is about.
    pub elsewhere: Option<&'a Origin>,
}

/// How often a finding is said: for each of these.
#[derive(Clone, Copy, Debug)]
enum About {
    Grant,
    Person,
    Role,
    /// Said elsewhere, once.
    Owner,
}

impl Objection<'_> {
    fn new(block: Block, code: Code, about: About) -> Self {
        Self { message: block.to_string(), block: Some(block), code, about, elsewhere: None }
    }

    /// Where it stands all the same, what is to be written is said with it.
    fn with_help(self) -> Self {
        let help = self.block.as_ref().and_then(Block::help).unwrap_or_default();
        Self { message: format!("{}; {help}", self.message), ..self }
    }

    /// Whether it keeps the grant from being made.
    pub(super) fn blocks(&self) -> bool {
        self.block.is_some()
    }

    /// What is said of a grant that stands all the same.
    pub(super) fn finding(&self, grant: &Grant, person: &Person) -> Option<Finding> {
        let (who, role, origins) = match self.about {
            About::Grant => (Some(person), Some(grant), vec![grant.origin.clone()]),
            About::Person => (Some(person), None, vec![grant.user.origin.clone()]),
            About::Role => (None, Some(grant), Vec::new()),
            About::Owner => return None,
        };
        let role = role.map(|grant| grant.role.clone());
        let message = match (self.about, &role) {
            (About::Role, Some(role)) => format!("`{role}`: {}", self.message),
            _ => self.message.clone(),
        };
        let origins = origins.into_iter().chain(self.elsewhere.cloned()).collect();
        Some(Finding {
            owner: Some(grant.owner),
            who: who.map(Who::person),
            role,
            ..Finding::new(self.code, message, origins)
        })
    }
}

/// What policy has against which grants, and where membership is not known, why.
type Judged<'a> = (BTreeMap<&'a Origin, Vec<Objection<'a>>>, BTreeMap<OwnerCode, String>);

/// Holds all grants that have not ended against policy. `changed`: the entries whose name changed hands.
pub(super) fn judge<'a>(
    desired: &Desired,
    observed: &Observed,
    listed: &[Listed<'a>],
    changed: &Changed<'a>,
    today: Date,
) -> Judged<'a> {
    let policy = &desired.policy;
    let mut objections: BTreeMap<&'a Origin, Vec<Objection<'a>>> = BTreeMap::new();
    let mut unproven = BTreeMap::new();
    let elsewhere = two_owners(listed);
    let holders = holders(policy, listed);
    for Listed { grant, person } in listed {
        let mut against = Vec::new();
        against.extend(changed.get(&grant.user.origin).map(|changed| {
            Objection::new(Block::NameChangedHands(changed.clone()), Code::NameChangedHands, About::Person).with_help()
        }));
        against.extend(too_long(policy, grant, today));
        if let (Some(count), Some(max)) =
            (holders.get(&(grant.owner, &grant.role)), policy.holders_max.get(&grant.role))
            && count.len() > *max
        {
            let block = Block::TooMany { listed: count.len(), max: *max };
            against.push(Objection::new(block, Code::TooMany, About::Role));
        }
        for (other, origin) in elsewhere.get(&Arc::as_ptr(&grant.user)).into_iter().flatten() {
            let objection = Objection::new(Block::TwoOwners(*other), Code::TwoOwners, About::Person);
            against.push(Objection { elsewhere: Some(*origin), ..objection });
        }
        if let Some(person) = person {
            against.extend(younger(policy, grant, person, &observed.people));
            against.extend(account(policy, person));
            if let Some(rule) = &policy.member_of {
                match belongs(rule, grant.owner, person.id, &observed.people) {
                    Ok(None) => {}
                    Ok(Some(words)) => {
                        against.push(Objection::new(Block::NotAMember(words), Code::NotAMember, About::Person));
                    }
                    Err(words) => {
                        unproven.entry(grant.owner).or_insert_with(|| words.clone());
                        let block = Block::MembershipUnknown(words);
                        against.push(Objection::new(block, Code::MembershipUnknown, About::Owner));
                    }
                }
            }
        }
        if !against.is_empty() {
            objections.insert(&grant.origin, against);
        }
    }
    (objections, unproven)
}

fn too_long<'a>(policy: &Policy, grant: &Grant, today: Date) -> Option<Objection<'a>> {
    let latest = latest(policy, &grant.role, today)?;
    let days = policy.longest.get(&grant.role).copied().unwrap_or_default();
    let far = grant.until.is_none_or(|until| until > latest);
    let block = Block::TooLong { until: grant.until, latest, days };
    // The day it may state moves with today; what stands is said without it.
    let message = match grant.until {
        Some(until) => format!("lasts until {until}, longer than the {days} days that `policy.longest` allows"),
        None => block.to_string(),
    };
    far.then(|| Objection { message, ..Objection::new(block, Code::TooLong, About::Grant) })
}

/// An account, listed by name alone, that is younger than its line.
fn younger<'a>(policy: &Policy, grant: &Grant, person: &Person, people: &People) -> Option<Objection<'a>> {
    let created = person.created.filter(|_| grant.user.id.is_none())?;
    let is_blocked = policy.newer_than_line == NewerThanLine::Block;
    match people.written.get(&grant.user.origin)?.before(created) {
        Ok(written) => {
            let block = Block::NewerThanLine { id: person.id, created, written: written? };
            let objection = Objection::new(block, Code::NewerThanLine, About::Person).with_help();
            Some(Objection { block: objection.block.clone().filter(|_| is_blocked), ..objection })
        }
        // What it would gain is blocked, and says it; of what it holds, nothing is known to be wrong.
        Err(why) => {
            let block = Block::LineAgeUnknown { id: person.id, why };
            is_blocked.then(|| Objection::new(block, Code::NewerThanLine, About::Owner))
        }
    }
}

fn account<'a>(policy: &Policy, person: &Person) -> impl Iterator<Item = Objection<'a>> {
    let is_blocked = |account| policy.block.contains(&account);
    let guest = person.guest.then(|| Objection {
        block: is_blocked(Account::Guest).then_some(Block::Account(Account::Guest)),
        code: Code::Guest,
        message: "the account is a guest's, from elsewhere: whoever runs it there decides who uses it".to_owned(),
        about: About::Person,
        elsewhere: None,
    });
    // Where policy does not block it, `effect` says it.
    let disabled = (!person.enabled && is_blocked(Account::Disabled)).then(|| Objection {
        message: DISABLED.to_owned(),
        ..Objection::new(Block::Account(Account::Disabled), Code::NoEffect, About::Person)
    });
    guest.into_iter().chain(disabled)
}

/// Whether somebody belongs to an owner: `None` if so, else what was looked at; an error if it is not known.
fn belongs(rule: &MemberOf, owner: OwnerCode, id: PrincipalId, people: &People) -> Result<Option<String>, String> {
    match rule {
        MemberOf::Group(pattern) => {
            let name = pattern.fill(owner, "");
            match people.groups.get(&GroupKey::named(&name)) {
                Some(InGroup::Members(members)) if members.contains(&id) => Ok(None),
                Some(InGroup::Members(_)) => {
                    Ok(Some(format!("not in the group `{name}`: does not belong to the owner")))
                }
                Some(InGroup::Missing) => {
                    Err(format!("who belongs to the owner is not known: there is no group `{name}`"))
                }
                Some(InGroup::Several(count)) => {
                    Err(format!("who belongs to the owner is not known: {count} groups are called `{name}`"))
                }
                Some(InGroup::Unanswered(trouble)) => {
                    Err(format!("who belongs to the owner is not known: {}", trouble.without_request()))
                }
                None => Err(format!("who belongs to the owner is not known: the group `{name}` was not looked up")),
            }
        }
        MemberOf::Attribute(attribute, pattern) => {
            let (word, wanted) = (attribute.word(), pattern.fill(owner, ""));
            match people.attributes.get(&id) {
                Some(HasAttribute::Value(value)) if value.eq_ignore_ascii_case(&wanted) => Ok(None),
                Some(HasAttribute::Value(value)) => {
                    Ok(Some(format!("`{word}` is `{value}` in Entra, not `{wanted}`: does not belong to the owner")))
                }
                Some(HasAttribute::Nothing) => {
                    Ok(Some(format!("no `{word}` in Entra where `{wanted}` is due: does not belong to the owner")))
                }
                Some(HasAttribute::Unanswered(trouble)) => {
                    Err(format!("who belongs to the owner is not known: {}", trouble.without_request()))
                }
                None => Err(format!("who belongs to the owner is not known: `{word}` was not looked up")),
            }
        }
    }
}

/// Who somebody is, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    Id(PrincipalId),
    Name(&'a crate::model::ids::UserName),
}

fn key<'a>(Listed { grant, person }: &Listed<'a>) -> Key<'a> {
    let id = person.map(|person| person.id).or(grant.user.id);
    id.map_or(Key::Name(&grant.user.name), Key::Id)
}

/// People with a role for which there is a highest number, by owner.
fn holders<'a>(policy: &Policy, listed: &[Listed<'a>]) -> BTreeMap<(OwnerCode, &'a RoleName), BTreeSet<Key<'a>>> {
    let mut holders: BTreeMap<_, BTreeSet<Key<'a>>> = BTreeMap::new();
    for entry in listed.iter().filter(|entry| policy.holders_max.contains_key(&entry.grant.role)) {
        holders.entry((entry.grant.owner, &entry.grant.role)).or_default().insert(key(entry));
    }
    holders
}

/// For each entry of a person who is listed at another owner, without both files saying so: that owner, and the place.
fn two_owners<'a>(listed: &[Listed<'a>]) -> BTreeMap<*const UserEntry, Vec<(OwnerCode, &'a Origin)>> {
    let mut entries: Vec<(Key<'a>, OwnerCode, &'a Arc<UserEntry>)> = Vec::new();
    for entry in listed {
        let user = &entry.grant.user;
        if entries.last().is_none_or(|(.., last)| !Arc::ptr_eq(last, user)) {
            entries.push((key(entry), entry.grant.owner, user));
        }
    }
    entries.sort_by_key(|(key, owner, _)| (*key, *owner)); // stable: as in the files
    let mut found: BTreeMap<*const UserEntry, Vec<(OwnerCode, &'a Origin)>> = BTreeMap::new();
    for same in entries.chunk_by(|a, b| a.0 == b.0) {
        for (_, owner, user) in same {
            let mut others: BTreeSet<OwnerCode> = BTreeSet::new();
            for (_, other, there) in same.iter().filter(|(_, other, _)| other != owner) {
                let agreed = user.also_at.contains(other) && there.also_at.contains(owner);
                if !agreed && others.insert(*other) {
                    found.entry(Arc::as_ptr(user)).or_default().push((*other, &there.origin));
                }
            }
        }
    }
    found
}
