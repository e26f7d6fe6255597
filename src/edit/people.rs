//! The text of an owner's file + what is asked for → the text afterwards. Only the lines that must change do.

use jiff::civil::Date;

use super::{
    EditError, Grant,
    spelling::spelt,
    splice::{
        Splice, column, comment_above, extent, line_start, lines_at, next_line, push_block, push_flow, remove_block,
        remove_flow, remove_only_block, spliced,
    },
    tree::{Item, Kind, List, Map, Node, sign, tree},
};
use crate::{config::did_you_mean, model::ids::PrincipalId};

/// In which order the keys of a person stand.
const USER_KEYS: [&str; 4] = ["user", "id", "also_at", "roles"];
/// In which order the keys of a role stand.
const ROLE_KEYS: [&str; 4] = ["role", "until", "reason", "ticket"];

/// A file taken apart.
struct File<'t> {
    text: &'t str,
    top: Node,
}

impl<'t> File<'t> {
    fn read(text: &'t str) -> Result<Self, EditError> {
        tree(text).map(|top| Self { text, top }).ok_or(EditError::ByHand)
    }

    fn users(&self) -> Result<(&Node, &Node, &List), EditError> {
        let entry = self.top.map().and_then(|top| top.entry("users"));
        entry.and_then(|(key, node)| Some((key, node, node.list()?))).ok_or(EditError::ByHand)
    }

    /// The person with this name, in whatever case it is written.
    fn person(&self, name: &str) -> Result<Option<(usize, &Map)>, EditError> {
        let (_, _, list) = self.users()?;
        let found = list.items.iter().enumerate().find_map(|(at, item)| {
            let map = item.node.map()?;
            map.value("user")?.text()?.eq_ignore_ascii_case(name).then_some((at, map))
        });
        Ok(found)
    }

    /// Counted from 1.
    fn line(&self, at: usize) -> usize {
        self.text.get(..at).map_or(1, |before| before.matches('\n').count() + 1)
    }
}

/// The roles of a person, as they are written.
fn roles(person: &Map) -> Result<(&Node, &List), EditError> {
    person.value("roles").and_then(|node| Some((node, node.list()?))).ok_or(EditError::ByHand)
}

fn role_name(item: &Item) -> Option<&str> {
    match &item.node.kind {
        Kind::Scalar(name, _) => Some(name),
        Kind::Map(map) => map.value("role")?.text(),
        Kind::List(_) => None,
    }
}

/// What a grant states beside its role, key by key, as it is spelt.
fn details(grant: &Grant, in_flow: bool) -> Vec<(&'static str, String)> {
    let Grant { user: _, id: _, roles: _, until, reason, ticket } = grant;
    let said = |text: &Option<String>| text.as_deref().map(|text| spelt(text, in_flow));
    [("until", until.as_ref().map(Date::to_string)), ("reason", said(reason)), ("ticket", said(ticket))]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect()
}

/// Lets a person in, or changes what is stated about a role that the person has.
pub(super) fn grant(text: &str, grant: &Grant, role: &str) -> Result<String, EditError> {
    let file = File::read(text)?;
    let Some((_, person)) = file.person(&grant.user)? else { return new_person(&file, grant, role) };
    let mut splices = Vec::new();
    if let Some(id) = grant.id {
        splices.extend(identified(&file, person, grant, id)?);
    }
    let (node, list) = roles(person)?;
    match list.items.iter().find(|item| role_name(item) == Some(role)) {
        None => splices.push(new_role(text, node, list, grant, role)?),
        Some(item) => {
            let changes = stated(text, list.flow, item, grant)?;
            if changes.is_empty() && splices.is_empty() {
                let until = item.node.map().and_then(|map| map.value("until")?.text()).map(str::to_owned);
                let line = file.line(item.node.span.start);
                return Err(EditError::Held { user: grant.user.clone(), role: role.to_owned(), line, until });
            }
            splices.extend(changes);
        }
    }
    Ok(spliced(text, splices))
}

/// The object id, where none stands yet. Another one is another person.
fn identified(file: &File<'_>, person: &Map, grant: &Grant, id: PrincipalId) -> Result<Option<Splice>, EditError> {
    let Some(written) = person.value("id") else {
        return put_key(file.text, person, &USER_KEYS, "id", &id.to_string()).map(Some);
    };
    if written.text().and_then(|text| text.parse().ok()) == Some(id) {
        return Ok(None);
    }
    Err(EditError::OtherId { user: grant.user.clone(), line: file.line(written.span.start) })
}

fn new_person(file: &File<'_>, grant: &Grant, role: &str) -> Result<String, EditError> {
    let text = file.text;
    let (key, node, list) = file.users()?;
    let in_flow = list.flow && !list.items.is_empty();
    let in_block = !file.top.map().is_some_and(|top| top.flow);
    if list.items.is_empty() && in_block && text.get(..node.span.end).is_some_and(|t| t.ends_with(": []")) {
        let dash = column(text, key.span.start) + 2;
        let lines = person_lines(grant, role).into_iter().enumerate();
        let lines: Vec<_> =
            lines.map(|(n, line)| format!("{:dash$}{}{line}", "", if n == 0 { "- " } else { "  " })).collect();
        let brackets = Splice::new(node.span.start - 1..node.span.end, "");
        let person = lines_at(text, extent(text, node.span.end, dash), &lines);
        return Ok(spliced(text, vec![brackets, person]));
    }
    let last_is_flow = list.items.last().and_then(|item| item.node.map()).is_some_and(|map| map.flow);
    let splice = if in_flow || list.items.is_empty() {
        push_flow(text, node, list, &person_in_braces(grant, role))
    } else if last_is_flow {
        push_block(text, list, &[person_in_braces(grant, role)]).ok_or(EditError::ByHand)?
    } else {
        push_block(text, list, &person_lines(grant, role)).ok_or(EditError::ByHand)?
    };
    Ok(spliced(text, vec![splice]))
}

fn person_lines(grant: &Grant, role: &str) -> Vec<String> {
    let mut lines = vec![format!("user: {}", spelt(&grant.user, false))];
    lines.extend(grant.id.map(|id| format!("id: {id}")));
    let details = details(grant, false);
    if details.is_empty() {
        lines.push(format!("roles: [{}]", spelt(role, true)));
    } else {
        lines.push("roles:".to_owned());
        lines.extend(
            role_lines(role, details)
                .into_iter()
                .enumerate()
                .map(|(n, line)| if n == 0 { format!("  - {line}") } else { format!("    {line}") }),
        );
    }
    lines
}

fn person_in_braces(grant: &Grant, role: &str) -> String {
    let id = grant.id.map(|id| format!("id: {id}, ")).unwrap_or_default();
    format!("{{ user: {}, {id}roles: [{}] }}", spelt(&grant.user, true), role_in_braces(grant, role))
}

fn role_lines(role: &str, details: Vec<(&'static str, String)>) -> Vec<String> {
    if details.is_empty() {
        return vec![spelt(role, false)];
    }
    let rest = details.into_iter().map(|(key, value)| format!("{key}: {value}"));
    std::iter::once(format!("role: {}", spelt(role, false))).chain(rest).collect()
}

pub(super) fn role_in_braces(grant: &Grant, role: &str) -> String {
    let details = behind(details(grant, true));
    let role = spelt(role, true);
    if details.is_empty() { role } else { format!("{{ role: {role}{details} }}") }
}

/// What follows a role's name within its braces.
fn behind(details: Vec<(&'static str, String)>) -> String {
    let mut text = String::new();
    for (key, value) in details {
        text.extend([", ", key, ": ", &value]);
    }
    text
}

fn new_role(text: &str, node: &Node, list: &List, grant: &Grant, role: &str) -> Result<Splice, EditError> {
    if list.flow {
        return Ok(push_flow(text, node, list, &role_in_braces(grant, role)));
    }
    push_block(text, list, &role_lines(role, details(grant, false))).ok_or(EditError::ByHand)
}

/// What is stated anew about a role that stands there; a role without a statement becomes a mapping.
fn stated(text: &str, in_flow: bool, item: &Item, grant: &Grant) -> Result<Vec<Splice>, EditError> {
    let span = &item.node.span;
    match &item.node.kind {
        Kind::Map(map) => {
            let mut splices = Vec::new();
            for (key, spelling) in details(grant, map.flow || in_flow) {
                let read: Option<String> = serde_yaml::from_str::<serde_yaml::Value>(&spelling)
                    .ok()
                    .and_then(|value| value.as_str().map(str::to_owned));
                let same =
                    map.value(key).and_then(Node::text).map(|text| text.trim_end_matches('\n')) == read.as_deref();
                if !same {
                    splices.push(put_key(text, map, &ROLE_KEYS, key, &spelling)?);
                }
            }
            Ok(splices)
        }
        Kind::Scalar(..) => {
            let details = details(grant, in_flow);
            if details.is_empty() {
                return Ok(Vec::new());
            }
            if in_flow {
                let rest = behind(details);
                return Ok(vec![
                    Splice::new(span.start..span.start, "{ role: "),
                    Splice::new(span.end..span.end, format!("{rest} }}")),
                ]);
            }
            let indent = column(text, span.start);
            let lines: Vec<_> =
                details.into_iter().map(|(key, value)| format!("{:indent$}{key}: {value}", "")).collect();
            let below = next_line(text, span.end - 1);
            Ok(vec![Splice::new(span.start..span.start, "role: "), lines_at(text, below, &lines)])
        }
        Kind::List(_) => Err(EditError::ByHand),
    }
}

/// A value put behind its key; a new key stands behind those that come before it in `order`.
fn put_key(text: &str, map: &Map, order: &[&str], key: &str, value: &str) -> Result<Splice, EditError> {
    if let Some(old) = map.value(key) {
        return Ok(Splice::new(old.span.clone(), value));
    }
    let earlier = order.iter().take_while(|other| **other != key).filter_map(|other| map.value(other)).last();
    let (Some(earlier), Some((first, _))) = (earlier, map.entries.first()) else { return Err(EditError::ByHand) };
    let end = earlier.span.end;
    if map.flow {
        return Ok(Splice::new(end..end, format!(", {key}: {value}")));
    }
    let indent = column(text, first.span.start);
    Ok(lines_at(text, next_line(text, end - 1), &[format!("{:indent$}{key}: {value}", "")]))
}

/// Takes these roles from a person; without a role, or without any left, the person goes.
///
/// Also gives the lines of comments that were kept though what stood below them went.
pub(super) fn revoke(text: &str, name: &str, names: &[String]) -> Result<(String, Vec<usize>), EditError> {
    let file = File::read(text)?;
    let (at, person) = file.person(name)?.ok_or_else(|| not_listed(&file, name))?;
    let (_, held) = roles(person)?;
    for role in names {
        if !held.items.iter().any(|item| role_name(item) == Some(role)) {
            let held: Vec<_> = held.items.iter().filter_map(role_name).collect();
            let line = file.line(person.value("user").map_or(0, |user| user.span.start));
            let held = held.into_iter().map(|role| format!("`{role}`")).collect::<Vec<_>>().join(", ");
            return Err(EditError::NotHeld { user: name.to_owned(), role: role.clone(), line, held });
        }
    }
    let keeps_one = held.items.iter().any(|item| !names.iter().any(|role| role_name(item) == Some(role)));
    if names.is_empty() || !keeps_one {
        let kept = kept_above(&file, file.users()?.2, at);
        return Ok((spliced(text, without_person(&file, at)?), kept.into_iter().collect()));
    }
    let mut kept = Vec::new();
    let mut text = text.to_owned();
    for role in names {
        let file = File::read(&text)?;
        let (_, person) = file.person(name)?.ok_or(EditError::ByHand)?;
        let (node, list) = roles(person)?;
        let Some(at) = list.items.iter().position(|item| role_name(item) == Some(role)) else { continue };
        kept.extend(kept_above(&file, list, at));
        let splices = if list.flow { remove_flow(&text, node, list, at) } else { remove_block(&text, list, at) };
        text = spliced(&text, splices.ok_or(EditError::ByHand)?);
    }
    Ok((text, kept))
}

fn not_listed(file: &File<'_>, name: &str) -> EditError {
    let users = file.users().map(|(_, _, list)| list.items.as_slice()).unwrap_or_default();
    let names = users.iter().filter_map(|item| item.node.map()?.value("user")?.text());
    let near = did_you_mean(name, names).filter(|help| help.starts_with("did you mean"));
    EditError::NotListed { user: name.to_owned(), help: near }
}

/// The line of the comment right above an item that goes, where it is not about the item before.
fn kept_above(file: &File<'_>, list: &List, at: usize) -> Option<usize> {
    let item = list.items.get(at).filter(|_| !list.flow)?;
    let above = comment_above(file.text, item)?;
    let dash = column(file.text, item.dash);
    let before = at.checked_sub(1).and_then(|at| list.items.get(at));
    let of_before = before.is_some_and(|item| extent(file.text, item.node.span.end, dash) > above);
    (!of_before).then(|| file.line(line_start(file.text, above)))
}

fn without_person(file: &File<'_>, at: usize) -> Result<Vec<Splice>, EditError> {
    let text = file.text;
    let (key, node, list) = file.users()?;
    let splices = match list.items.as_slice() {
        _ if list.flow => remove_flow(text, node, list, at),
        [only] => {
            let colon = sign(text, key.span.end..only.dash, &[':']).ok_or(EditError::ByHand)?;
            remove_only_block(text, only).map(|cut| vec![Splice::new(colon + 1..colon + 1, " []"), cut])
        }
        _ => remove_block(text, list, at),
    };
    splices.ok_or(EditError::ByHand)
}
