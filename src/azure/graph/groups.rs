//! Who is in groups, and an attribute of users: what proves that somebody belongs somewhere.
//!
//! Keys come in, one answer for each goes out. A list that could not be read to its end is no answer, never a shorter list.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

use super::{
    IN_MAX,
    batch::{self, Item, Outcome, encoded, quoted},
    malformed, text,
};
use crate::{
    azure::pipeline::Door,
    model::{
        ids::PrincipalId,
        people::{Attribute, GroupKey, HasAttribute, InGroup},
        trouble::Trouble,
    },
};

/// The longest page of members ("List group transitive members": 100 by default, at most 999).
const PAGE: usize = 999;
const FIND_GROUPS: &str = "look groups up in Microsoft Graph";
const FIND_MEMBERS: &str = "read who is in groups in Microsoft Graph";
const FIND_ATTRIBUTES: &str = "read users' attributes in Microsoft Graph";

/// Who is in each group, through groups as well. A group's `displayName` "supports `$filter` (`eq`, `ne`,
/// `NOT`, `ge`, `le`, `in`, …)" (microsoft-graph-docs-contrib, api-reference/v1.0/resources/group.md).
pub(crate) async fn members(door: &Door, keys: &BTreeSet<GroupKey>) -> BTreeMap<GroupKey, InGroup> {
    let mut answers = BTreeMap::new();
    let mut ids: Vec<(GroupKey, PrincipalId)> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for key in keys {
        match key {
            GroupKey::Id(id) => ids.push((key.clone(), *id)),
            GroupKey::Name(name) => names.push(name.clone()),
        }
    }
    for (asked, outcome) in by_name(door, names).await {
        let found = match outcome {
            Ok(found) => found,
            Err(trouble) => {
                let unanswered = |name| (GroupKey::Name(name), InGroup::Unanswered(trouble.clone()));
                answers.extend(asked.into_iter().map(unanswered));
                continue;
            }
        };
        for name in asked {
            let called: BTreeSet<PrincipalId> =
                found.iter().filter(|(found, _)| *found == name).map(|(_, id)| *id).collect();
            let key = GroupKey::Name(name);
            match (called.len(), called.first()) {
                (1, Some(id)) => ids.push((key, *id)),
                (0, _) | (_, None) => drop(answers.insert(key, InGroup::Missing)),
                (several, _) => drop(answers.insert(key, InGroup::Several(several))),
            }
        }
    }
    let items = ids.iter().map(|(_, id)| Item::get(format!("/groups/{id}/transitiveMembers?$select=id&$top={PAGE}")));
    let outcomes = batch::send(door, items.collect(), FIND_MEMBERS).await;
    for ((key, _), outcome) in ids.into_iter().zip(outcomes) {
        answers.insert(key, in_group(door, outcome).await);
    }
    answers
}

type Found = Result<Vec<(String, PrincipalId)>, Arc<Trouble>>;

/// Groups by display name, in lower case, 15 names a request. What Graph refuses to look at in company is asked for alone.
async fn by_name(door: &Door, names: Vec<String>) -> Vec<(Vec<String>, Found)> {
    let ask = async |chunks: Vec<Vec<String>>| {
        let items = chunks.iter().map(|chunk| Item::get(groups_url(chunk))).collect();
        let mut answers = Vec::new();
        for (chunk, outcome) in chunks.into_iter().zip(batch::send(door, items, FIND_GROUPS).await) {
            answers.push((chunk, named(door, outcome).await));
        }
        answers
    };
    let whole = ask(names.chunks(IN_MAX).map(<[String]>::to_vec).collect()).await;
    let (refused, mut answered): (Vec<_>, Vec<_>) = whole
        .into_iter()
        .partition(|(chunk, found)| chunk.len() > 1 && found.as_ref().is_err_and(|it| it.status == Some(400)));
    if !refused.is_empty() {
        answered.extend(ask(refused.into_iter().flat_map(|(chunk, _)| chunk).map(|name| vec![name]).collect()).await);
    }
    answered
}

fn groups_url(names: &[String]) -> String {
    let values: Vec<_> = names.iter().map(|name| quoted(name)).collect();
    format!("/groups?$filter={}&$select=id,displayName", encoded(&format!("displayName in ({})", values.join(","))))
}

async fn named(door: &Door, outcome: Outcome) -> Found {
    let entries: Vec<Value> = batch::all_entries(door, outcome?, FIND_GROUPS).await?;
    let group = |entry: &Value| Some((text(entry, "displayName")?.to_lowercase(), text(entry, "id")?.parse().ok()?));
    let groups =
        entries.iter().map(|entry| group(entry).ok_or_else(|| malformed(FIND_GROUPS, "a group without an id")));
    groups.collect()
}

async fn in_group(door: &Door, outcome: Outcome) -> InGroup {
    let first = match outcome {
        Ok(first) => first,
        Err(trouble) if trouble.status == Some(404) => return InGroup::Missing,
        Err(trouble) => return InGroup::Unanswered(trouble),
    };
    let entries: Vec<Value> = match batch::all_entries(door, first, FIND_MEMBERS).await {
        Ok(entries) => entries,
        Err(trouble) => return InGroup::Unanswered(Arc::new(trouble)),
    };
    let ids = entries.iter().map(|entry| text(entry, "id").and_then(|id| id.parse().ok()));
    match ids.collect::<Option<BTreeSet<PrincipalId>>>() {
        Some(members) => InGroup::Members(members),
        None => InGroup::Unanswered(malformed(FIND_MEMBERS, "a member without a readable id")),
    }
}

/// An attribute of each user. By default come `businessPhones`, `displayName`, `givenName`, `id`, `jobTitle`, `mail`,
/// `mobilePhone`, `officeLocation`, `preferredLanguage`, `surname` and `userPrincipalName`; all others are asked for with
/// `$select` (microsoft-graph-docs-contrib, api-reference/v1.0/api/user-get.md).
pub(crate) async fn attributes(
    door: &Door,
    which: Attribute,
    of: &BTreeSet<PrincipalId>,
) -> BTreeMap<PrincipalId, HasAttribute> {
    let all: Vec<PrincipalId> = of.iter().copied().collect();
    let items = all.chunks(IN_MAX).map(|some| Item::get(users_url(which, some))).collect();
    let outcomes = batch::send(door, items, FIND_ATTRIBUTES).await;
    let mut answers = BTreeMap::new();
    for (some, outcome) in all.chunks(IN_MAX).zip(outcomes) {
        match values(door, which, outcome).await {
            Ok(mut values) => answers.extend(some.iter().map(|id| {
                let value = values.remove(id).map_or(HasAttribute::Nothing, |value| HasAttribute::Value(value.into()));
                (*id, value)
            })),
            Err(trouble) => answers.extend(some.iter().map(|id| (*id, HasAttribute::Unanswered(trouble.clone())))),
        }
    }
    answers
}

fn users_url(which: Attribute, ids: &[PrincipalId]) -> String {
    let values: Vec<_> = ids.iter().map(|id| quoted(&id.to_string())).collect();
    let filter = encoded(&format!("id in ({})", values.join(",")));
    format!("/users?$filter={filter}&$select=id,{}", which.word())
}

async fn values(
    door: &Door,
    which: Attribute,
    outcome: Outcome,
) -> Result<BTreeMap<PrincipalId, String>, Arc<Trouble>> {
    let entries: Vec<Value> = batch::all_entries(door, outcome?, FIND_ATTRIBUTES).await?;
    let mut values = BTreeMap::new();
    for entry in &entries {
        let id = text(entry, "id").and_then(|id| id.parse().ok());
        let id: PrincipalId = id.ok_or_else(|| malformed(FIND_ATTRIBUTES, "a user without a readable id"))?;
        values.extend(text(entry, which.word()).map(|value| (id, value)));
    }
    Ok(values)
}
