//! What a name that nobody has may have been meant for.
//!
//! Names come in, hints go out, by one more call. Nothing hangs on them: what cannot be asked is no hint.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    IN_MAX,
    batch::{self, Item, encoded, quoted},
    name_before, text, when,
};
use crate::{
    azure::pipeline::Door,
    model::{
        ids::{PrincipalId, UserName},
        people::Hint,
    },
};

/// Names that get a hint in one run. Ours: who misspells more than this did something else.
const NAMES_MAX: usize = 40;
/// Letters that a name and the one that was meant begin with, or end with before the domain.
const LETTERS: usize = 3;
const DOING: &str = "look for who was meant";

/// Hints for names that nobody has; `known` are names that somebody has.
pub(super) async fn find(door: &Door, nobody: &[UserName], known: &[UserName]) -> BTreeMap<UserName, Hint> {
    let names = nobody.get(..nobody.len().min(NAMES_MAX)).unwrap_or_default();
    let mails = names.chunks(IN_MAX).map(|some| Item::get(mail_url(some)));
    let deleted = names.iter().map(|name| Item::advanced(deleted_url(name)));
    let begins = names.iter().map(|name| Item::get(begins_url(name)));
    let ends = names.iter().map(|name| Item::advanced(ends_url(name)));
    let count = names.chunks(IN_MAX).len();
    let mut answers =
        batch::send(door, mails.chain(deleted).chain(begins).chain(ends).collect(), DOING).await.into_iter();
    let mut entries = || -> Vec<Value> {
        answers.next().and_then(Result::ok).and_then(|body| body.get("value")?.as_array().cloned()).unwrap_or_default()
    };
    let by_mail: Vec<Value> = (0..count).flat_map(|_| entries()).collect();
    let deleted: Vec<Vec<Value>> = names.iter().map(|_| entries()).collect();
    let alike: Vec<Value> = (0..2 * names.len()).flat_map(|_| entries()).collect();
    let living: BTreeSet<UserName> = alike.iter().filter_map(user_name).chain(known.iter().cloned()).collect();
    let hints = names.iter().zip(deleted).map(|(name, deleted)| {
        let hint = mail_of(name, &by_mail)
            .or_else(|| was_deleted(name, &deleted))
            .or_else(|| nearest(name, &living))
            .unwrap_or(Hint::Nothing);
        (name.clone(), hint)
    });
    hints.collect()
}

fn mail_url(names: &[UserName]) -> String {
    let values: Vec<_> = names.iter().map(|name| quoted(name.as_str())).collect();
    let filter = encoded(&format!("mail in ({})", values.join(",")));
    format!("/users?$filter={filter}&$select=id,userPrincipalName,mail")
}

/// By its end: a deleted user's name has its object id before it (TRAPS). `endsWith` is an advanced query.
fn deleted_url(name: &UserName) -> String {
    let filter = encoded(&format!("endswith(userPrincipalName,{})", quoted(name.as_str())));
    format!(
        "/directory/deletedItems/microsoft.graph.user?$filter={filter}&$count=true\
         &$select=id,userPrincipalName,deletedDateTime"
    )
}

fn begins_url(name: &UserName) -> String {
    let letters: String = name.as_str().chars().take(LETTERS).collect();
    let filter = encoded(&format!("startswith(userPrincipalName,{})", quoted(&letters)));
    format!("/users?$filter={filter}&$select=id,userPrincipalName&$top=100")
}

/// For a slip in the first letters.
fn ends_url(name: &UserName) -> String {
    let letters = name.local().chars().count().saturating_sub(LETTERS);
    let end: String = name.folded().chars().skip(letters).collect();
    let filter = encoded(&format!("endswith(userPrincipalName,{})", quoted(&end)));
    format!("/users?$filter={filter}&$count=true&$select=id,userPrincipalName&$top=100")
}

fn user_name(entry: &Value) -> Option<UserName> {
    text(entry, "userPrincipalName").map(|name| UserName::new(&name))
}

fn mail_of(name: &UserName, entries: &[Value]) -> Option<Hint> {
    let is_theirs = |it: &&Value| text(it, "mail").is_some_and(|mail| mail.eq_ignore_ascii_case(name.as_str()));
    let with_mail: BTreeSet<UserName> = entries.iter().filter(is_theirs).filter_map(user_name).collect();
    (!with_mail.is_empty()).then_some(Hint::MailOf(with_mail))
}

fn was_deleted(name: &UserName, entries: &[Value]) -> Option<Hint> {
    let had = |entry: &Value| {
        let id: PrincipalId = text(entry, "id")?.parse().ok()?;
        (name_before(id, &text(entry, "userPrincipalName")?) == *name).then(|| (id, when(entry)))
    };
    let latest = entries.iter().filter_map(had).max_by_key(|(_, on)| *on); // one name may have been deleted twice
    latest.map(|(id, on)| Hint::Deleted { id, on })
}

fn nearest(name: &UserName, living: &BTreeSet<UserName>) -> Option<Hint> {
    let alike = living.iter().filter_map(|other| Some((name.slips_to(other)?, other)));
    alike.min().map(|(_, other)| Hint::Nearest(other.clone()))
}
