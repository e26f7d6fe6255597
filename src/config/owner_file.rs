//! Tree → the shape of `owners/<code>.yaml`. Unknown, doubled, missing and empty things are told here; what the words mean
//! is judged by `checks`.

use jiff::civil::Date;

use super::{
    cursor::{Cursor, Trail},
    error::Mistakes,
    node::Node,
    rules::{EMPTY, TOMBSTONE, WRONG_TYPE},
};
use crate::model::{ids::PrincipalId, owner::OwnerCode};

/// A value and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<'a, T> {
    pub(super) value: T,
    pub(super) at: Cursor<'a>,
}

/// A value that may be left out. One that is there but wrong is not left out: it was told already.
#[derive(Clone, Copy, Debug)]
pub(super) enum Given<T> {
    Not,
    Wrong,
    As(T),
}

impl<T> Given<T> {
    fn read<'a>(field: Option<Cursor<'a>>, read: impl FnOnce(Cursor<'a>) -> Option<T>) -> Self {
        match field {
            None => Self::Not,
            Some(field) => read(field).map_or(Self::Wrong, Self::As),
        }
    }

    pub(super) fn value(self) -> Option<T> {
        if let Self::As(value) = self { Some(value) } else { None }
    }

    pub(super) fn is_not(&self) -> bool {
        matches!(self, Self::Not)
    }
}

/// An owner's file as written.
#[derive(Debug)]
pub(super) struct OwnerText<'a> {
    pub(super) code: Option<Said<'a, &'a str>>,
    pub(super) title: Option<&'a str>,
    pub(super) removed: bool,
    pub(super) users: Vec<UserText<'a>>,
}

/// A person as written.
#[derive(Debug)]
pub(super) struct UserText<'a> {
    pub(super) name: Option<Said<'a, &'a str>>,
    pub(super) id: Given<Said<'a, PrincipalId>>,
    pub(super) also_at: Vec<Said<'a, OwnerCode>>,
    pub(super) roles: Vec<RoleText<'a>>,
}

/// A role of a person as written.
#[derive(Debug)]
pub(super) struct RoleText<'a> {
    pub(super) name: Said<'a, &'a str>,
    pub(super) until: Given<Date>,
    pub(super) reason: Given<&'a str>,
    pub(super) ticket: Given<&'a str>,
}

impl RoleText<'_> {
    pub(super) fn trail(&self) -> Trail {
        self.name.at.trail
    }
}

/// Reads the shape; `None` if the file is no mapping at all.
pub(super) fn read<'a>(file: &'a Node<'a>, mistakes: &mut Mistakes) -> Option<OwnerText<'a>> {
    let top = Cursor::top(file);
    if *file == Node::Nothing {
        mistakes.add(
            top.wrong(EMPTY, "the file is empty")
                .help("a file starts with `owner:` and lists `users:`; nobody is `users: []`"),
        );
        return None;
    }
    let required: &[_] = if top.has("removed") { &["owner"] } else { &["owner", "users"] };
    let [code, title, removed, users] = top.fields(["owner", "name", "removed", "users"], required, mistakes)?;
    let code = code.and_then(|at| said(at, mistakes));
    let title = title.and_then(|title| title.line(mistakes));
    if let (Some(removed), Some(_)) = (removed, users) {
        mistakes.add(
            removed
                .wrong_key(TOMBSTONE, "`removed` and `users` stand in one file")
                .label("takes everybody out")
                .help("keep `removed: true` and delete `users`, or the other way round"),
        );
    }
    if let Some(removed) = removed.filter(|removed| *removed.node != Node::Bool(true)) {
        mistakes.add(
            removed
                .wrong(WRONG_TYPE, "`removed` can only be `true`")
                .help("write `removed: true` to take everybody out, or leave the line out"),
        );
    }
    let users = users.into_iter().flat_map(|users| users.items(mistakes).collect::<Vec<_>>()).collect::<Vec<_>>();
    let users = users.into_iter().filter_map(|user| read_user(user, mistakes)).collect();
    Some(OwnerText { code, title, removed: removed.is_some(), users })
}

fn said<'a>(at: Cursor<'a>, mistakes: &mut Mistakes) -> Option<Said<'a, &'a str>> {
    at.text(mistakes).map(|value| Said { value, at })
}

fn read_user<'a>(entry: Cursor<'a>, mistakes: &mut Mistakes) -> Option<UserText<'a>> {
    if let Node::Text(_) = entry.node {
        mistakes.add(
            entry
                .wrong(WRONG_TYPE, "a person is text where a mapping belongs")
                .help("write `- user: …` with `roles: […]` on the next line"),
        );
        return None;
    }
    let [name, id, also_at, roles] = entry.fields(["user", "id", "also_at", "roles"], &["user", "roles"], mistakes)?;
    let name = name.and_then(|at| said(at, mistakes));
    let id = Given::read(id, |at| at.guid(mistakes).map(|value| Said { value, at }));
    let also_at = also_at.map(|at| at.items(mistakes).collect::<Vec<_>>()).unwrap_or_default();
    let also_at =
        also_at.into_iter().filter_map(|at| at.owner_code(mistakes).map(|value| Said { value, at })).collect();
    let mut texts = Vec::new();
    if let Some(roles) = roles {
        let items = roles.items(mistakes);
        texts.reserve_exact(items.len());
        texts.extend(items.filter_map(|role| read_role(role, mistakes)));
    }
    Some(UserText { name, id, also_at, roles: texts })
}

fn read_role<'a>(item: Cursor<'a>, mistakes: &mut Mistakes) -> Option<RoleText<'a>> {
    if !matches!(item.node, Node::Entries(_)) {
        let name = said(item, mistakes)?;
        return Some(RoleText { name, until: Given::Not, reason: Given::Not, ticket: Given::Not });
    }
    let [role, until, reason, ticket] = item.fields(["role", "until", "reason", "ticket"], &["role"], mistakes)?;
    let until = Given::read(until, |at| at.date(mistakes));
    let reason = Given::read(reason, |at| at.reason(mistakes));
    let ticket = Given::read(ticket, |at| at.ticket(mistakes));
    let name = role.and_then(|at| said(at, mistakes))?;
    Some(RoleText { name, until, reason, ticket })
}
