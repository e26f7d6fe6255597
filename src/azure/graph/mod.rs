//! People, by Microsoft Graph: 300 names or ids a call.
//!
//! Names or ids come in, one answer for each goes out. "Nobody" and "gone" are said only where Graph answered; where it did
//! not, those names alone are unanswered.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::Deserialize;
use serde_json::{Value, json};

use self::batch::{Item, Outcome};
pub(super) use self::kinds::Kinds;
use super::pipeline::Door;
use crate::model::{
    ids::{PrincipalId, UserName},
    people::{ById, ByName, FormerHolders, Hint, Person},
    trouble::{Trouble, TroubleKind},
};

mod batch;
pub(super) mod groups;
mod hints;
mod kinds;

/// Values of one `in (…)` (FACTS §6).
const IN_MAX: usize = 15;
/// Ids of one `getByIds` (FACTS §6).
const BY_IDS_MAX: usize = 1_000;
/// `accountEnabled` and `userType` come only when asked for (FACTS §7); so does `createdDateTime` (graph-docs v1.0
/// resources/user.md).
const SELECT: &str = "$select=id,userPrincipalName,displayName,accountEnabled,userType,mail,createdDateTime";
/// The deleted users: 100 a page, up to 999 if asked for (graph-docs v1.0 api/directory-deleteditems-list.md).
const DELETED: &str =
    "/v1.0/directory/deletedItems/microsoft.graph.user?$select=id,userPrincipalName,deletedDateTime&$top=999";
const FIND_DELETED: &str = "look for deleted users in Microsoft Graph";
const FIND_NAMES: &str = "look people up in Microsoft Graph";
const FIND_IDS: &str = "look object ids up in Microsoft Graph";

/// Answers for each name.
pub(crate) async fn by_name(door: &Door, names: &BTreeSet<UserName>) -> BTreeMap<UserName, ByName> {
    let found = ask_in_chunks(door, "userPrincipalName", names.iter().cloned().collect(), FIND_NAMES).await;
    let mut answers = BTreeMap::new();
    let (mut nobody, mut known) = (Vec::new(), Vec::new());
    for (asked, outcome) in found {
        match outcome {
            Ok(people) => {
                let mut people: BTreeMap<_, _> = people.into_iter().map(|it| (it.name.clone(), it)).collect();
                for name in asked {
                    match people.remove(&name) {
                        Some(person) => {
                            known.push(person.name.clone());
                            answers.insert(name, ByName::Person(person));
                        }
                        None => nobody.push(name),
                    }
                }
            }
            Err(trouble) => {
                answers.extend(asked.into_iter().map(|name| (name, ByName::Unanswered(trouble.clone()))));
            }
        }
    }
    let mut hints = hints::find(door, &nobody, &known).await;
    for name in nobody {
        let hint = hints.remove(&name).unwrap_or(Hint::Nothing);
        answers.insert(name, ByName::Nobody(hint));
    }
    answers
}

/// Answers for each object id: users, then whatever else our token may look up, then the deleted.
pub(crate) async fn by_id(door: &Door, kinds: &Kinds, ids: &BTreeSet<PrincipalId>) -> BTreeMap<PrincipalId, ById> {
    let mut answers = BTreeMap::new();
    let mut rest = Vec::new();
    for (asked, outcome) in ask_in_chunks(door, "id", ids.iter().copied().collect(), FIND_IDS).await {
        match outcome {
            Ok(people) => {
                let mut people: BTreeMap<_, _> = people.into_iter().map(|it| (it.id, it)).collect();
                for id in asked {
                    match people.remove(&id) {
                        Some(person) => drop(answers.insert(id, ById::Person(person))),
                        None => rest.push(id),
                    }
                }
            }
            Err(trouble) => answers.extend(asked.into_iter().map(|id| (id, ById::Unanswered(trouble.clone())))),
        }
    }
    let mut missing = Vec::new();
    let mut left = if kinds.is_all() { ById::Gone } else { ById::NoUser };
    for some in rest.chunks(BY_IDS_MAX) {
        if kinds.beyond_users().is_empty() {
            missing.extend(some);
            continue;
        }
        match others(door, kinds, some).await {
            Ok(found) => {
                missing.extend(some.iter().filter(|id| !found.contains_key(*id)).copied());
                answers.extend(found);
            }
            // What the token says and what Graph lets it do may differ; users were answered for all the same.
            Err(trouble) if trouble.kind == TroubleKind::Denied => {
                left = ById::NoUser;
                missing.extend(some);
            }
            Err(trouble) => {
                let trouble = Arc::new(trouble);
                answers.extend(some.iter().map(|id| (*id, ById::Unanswered(trouble.clone()))));
            }
        }
    }
    answers.extend(deleted(door, missing, &left).await);
    answers
}

/// Which deleted users had one of these names: a list of all of them, which no index answers that lags, and whose cost does
/// not grow with the number of names.
pub(crate) async fn former_holders(door: &Door, names: &BTreeSet<UserName>) -> Result<FormerHolders, Trouble> {
    let first = door.get(door.url(DELETED, FIND_DELETED)?, FIND_DELETED).await?;
    let mut found = FormerHolders::new();
    for entry in batch::all_entries::<Value>(door, first, FIND_DELETED).await? {
        let unreadable = || Trouble::new(TroubleKind::Malformed, FIND_DELETED, "a deleted user without a readable id");
        let id: PrincipalId = text(&entry, "id").and_then(|id| id.parse().ok()).ok_or_else(unreadable)?;
        let name = text(&entry, "userPrincipalName").map(|name| name_before(id, &name));
        if let Some(name) = name.filter(|name| names.contains(name)) {
            found.entry(name).or_default().insert(id, when(&entry));
        }
    }
    Ok(found)
}

/// Asks `/users` for these values of a property, 15 a request, 20 requests a call. What Graph refuses to look at in
/// company is asked for alone: one odd name must not cost its neighbours their answer.
async fn ask_in_chunks<T: ToString + Clone>(
    door: &Door,
    property: &str,
    values: Vec<T>,
    doing: &str,
) -> Vec<(Vec<T>, Result<Vec<Person>, Arc<Trouble>>)> {
    let ask = async |chunks: Vec<Vec<T>>| {
        let items = chunks.iter().map(|chunk| Item::get(users_url(property, chunk))).collect();
        let mut answers = Vec::new();
        for (chunk, outcome) in chunks.into_iter().zip(batch::send(door, items, doing).await) {
            answers.push((chunk, people(door, outcome, doing).await));
        }
        answers
    };
    let whole = ask(values.chunks(IN_MAX).map(<[T]>::to_vec).collect()).await;
    let (refused, mut answered): (Vec<_>, Vec<_>) = whole.into_iter().partition(|(chunk, outcome)| {
        chunk.len() > 1 && outcome.as_ref().is_err_and(|trouble| trouble.status == Some(400))
    });
    if !refused.is_empty() {
        answered.extend(ask(refused.into_iter().flat_map(|(chunk, _)| chunk).map(|value| vec![value]).collect()).await);
    }
    answered
}

fn users_url<T: ToString>(property: &str, values: &[T]) -> String {
    let values: Vec<_> = values.iter().map(|value| batch::quoted(&value.to_string())).collect();
    format!("/users?$filter={}&{SELECT}", batch::encoded(&format!("{property} in ({})", values.join(","))))
}

async fn people(door: &Door, outcome: Outcome, doing: &str) -> Result<Vec<Person>, Arc<Trouble>> {
    let users: Vec<User> = batch::all_entries(door, outcome?, doing).await?; // one page, but for an odd day
    users
        .into_iter()
        .map(|user| user.person().ok_or_else(|| malformed(doing, "a user without a readable id")))
        .collect()
}

/// A user as Graph sends it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    id: String,
    #[serde(rename = "userPrincipalName")]
    name: String,
    display_name: Option<String>,
    account_enabled: Option<bool>,
    #[serde(rename = "userType")]
    kind: Option<String>,
    #[serde(rename = "createdDateTime")]
    created: Option<String>,
}

impl User {
    fn person(self) -> Option<Person> {
        Some(Person {
            id: self.id.parse().ok()?,
            name: UserName::new(&self.name),
            display_name: self.display_name.filter(|name| !name.is_empty()).map(Into::into),
            enabled: self.account_enabled != Some(false),
            guest: self.kind.is_some_and(|kind| kind.eq_ignore_ascii_case("Guest")),
            created: self.created.and_then(|at| at.parse().ok()),
        })
    }
}

/// Whatever lives and is no user, as far as our token covers it: groups, applications, devices. Ids that do not exist are left
/// out (FACTS §7).
async fn others(door: &Door, kinds: &Kinds, ids: &[PrincipalId]) -> Result<BTreeMap<PrincipalId, ById>, Trouble> {
    let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
    let types: Vec<&str> = ["user"].iter().chain(kinds.beyond_users()).copied().collect();
    let url = door.url("/v1.0/directoryObjects/getByIds", FIND_IDS)?;
    let answer = door.ask(url, &json!({ "ids": ids, "types": types }), FIND_IDS).await?;
    let mut found = BTreeMap::new();
    for entry in batch::all_entries::<Value>(door, answer.json(FIND_IDS)?, FIND_IDS).await? {
        let id = text(&entry, "id").and_then(|id| id.parse().ok());
        let id = id.ok_or_else(|| Trouble::new(TroubleKind::Malformed, FIND_IDS, "an object without a readable id"))?;
        let person = if kind_of(&entry) == "user" { serde_json::from_value::<User>(entry.clone()).ok() } else { None };
        let answer = match person.and_then(User::person) {
            Some(person) => ById::Person(person), // came into being between two questions
            None => ById::NotAPerson(text(&entry, "displayName").unwrap_or_else(|| kind_of(&entry)).into()),
        };
        found.insert(id, answer);
    }
    Ok(found)
}

/// Looks for ids among the deleted; of who is not there either, `left` is said.
async fn deleted(door: &Door, ids: Vec<PrincipalId>, left: &ById) -> BTreeMap<PrincipalId, ById> {
    let items = ids.iter().map(|id| Item::get(format!("/directory/deletedItems/{id}"))).collect();
    let outcomes = batch::send(door, items, FIND_IDS).await;
    ids.into_iter().zip(outcomes).map(|(id, outcome)| (id, deleted_answer(id, outcome, left))).collect()
}

fn deleted_answer(id: PrincipalId, outcome: Outcome, left: &ById) -> ById {
    match outcome {
        Ok(entry) => match text(&entry, "userPrincipalName") {
            Some(name) => ById::Deleted { name: name_before(id, &name), on: when(&entry) },
            None => ById::NotAPerson(text(&entry, "displayName").unwrap_or_else(|| kind_of(&entry)).into()),
        },
        Err(trouble) if trouble.status == Some(404) => left.clone(),
        Err(trouble) => ById::Unanswered(trouble),
    }
}

/// The name a deleted user had: Entra puts the object id before it, without dashes (TRAPS).
fn name_before(id: PrincipalId, name: &str) -> UserName {
    let prefix = id.0.simple().to_string();
    let had = name.get(..prefix.len()).filter(|start| start.eq_ignore_ascii_case(&prefix));
    UserName::new(had.and_then(|_| name.get(prefix.len()..)).unwrap_or(name))
}

fn when(entry: &Value) -> Option<jiff::Timestamp> {
    entry.get("deletedDateTime")?.as_str()?.parse().ok()
}

fn text(entry: &Value, key: &str) -> Option<String> {
    entry.get(key)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// `#microsoft.graph.servicePrincipal` → `servicePrincipal`.
fn kind_of(entry: &Value) -> String {
    text(entry, "@odata.type").and_then(|kind| kind.rsplit('.').next().map(str::to_owned)).unwrap_or_default()
}

fn malformed(doing: &str, message: &str) -> Arc<Trouble> {
    Arc::new(Trouble::new(TroubleKind::Malformed, doing, message))
}
