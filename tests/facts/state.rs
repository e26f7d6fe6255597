//! A world as one recorded exchange found it: whatever its answer shows is there, what it refused for is not.
//!
//! Lists get company: everything else that the same recording lists, so that a filter has something to leave out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use tilgang::simulator::file;

use crate::cassette::Recorded;

pub(crate) const TENANT: &str = "00000000-0000-0000-0000-0000000000aa";
/// Signs in for what was answered.
pub(crate) const ALL: &str = "00000000-0000-0000-0000-0000000000c1";
/// Signs in for what was refused with 403.
pub(crate) const NOBODY: &str = "00000000-0000-0000-0000-0000000000c2";

#[derive(Default)]
pub(crate) struct State {
    users: BTreeMap<String, Value>,
    pub(crate) groups: BTreeMap<String, Value>,
    applications: BTreeMap<String, Value>,
    definitions: BTreeMap<String, Value>,
    assignments: BTreeMap<String, Value>,
    resources: BTreeMap<String, Value>,
    locks: BTreeMap<String, Value>,
    management_groups: BTreeSet<String>,
    subscriptions: BTreeSet<String>,
    groups_of_resources: BTreeMap<String, Value>,
}

pub(crate) fn text<'a>(of: &'a Value, pointer: &str) -> &'a str {
    of.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

pub(crate) fn last(id: &str) -> String {
    id.rsplit('/').next().unwrap_or_default().to_ascii_lowercase()
}

/// The directory of a `PrincipalNotFound` that was recorded, else ours.
fn tenant(recorded: &Recorded) -> String {
    let words = recorded.error().map(|(_, words)| words).unwrap_or_default();
    let found = words.split_once("in the directory ").and_then(|(_, rest)| rest.get(..36));
    found.unwrap_or(TENANT).to_owned()
}

/// The world for the exchange at `at`, as the text of `azure.yaml`; and its tenant.
pub(crate) fn world(all: &[Recorded], at: usize, throttling: bool) -> (String, String) {
    let recorded = &all[at];
    let tenant = tenant(recorded);
    let mut state = State::default();
    let known = file::read(&format!("tenant: {tenant}")).unwrap();
    let known: BTreeSet<String> = known.definitions().map(|it| it.id.to_string()).collect();
    for word in recorded.parts().windows(2).filter(|pair| pair[0] == "subscriptions") {
        state.subscriptions.insert(word[1].clone());
    }
    state.exchange(all, at);
    let definitions: Vec<Value> = state
        .definitions
        .iter()
        .filter(|(id, _)| !known.contains(*id))
        .map(|(id, it)| {
            let name = if text(it, "/properties/roleName").is_empty() {
                id.as_str()
            } else {
                text(it, "/properties/roleName")
            };
            json!({ "name": name, "id": id, "actions": ["*/read"] })
        })
        .collect();
    let mut applications: Vec<Value> = vec![
        json!({ "name": "tilgang", "client_id": ALL, "secret": "secret" }),
        json!({ "name": "nobody", "client_id": NOBODY, "secret": "secret", "graph": [] }),
    ];
    applications.extend(state.applications.values().cloned());
    let mut assignments: Vec<Value> = state.assignments.values().map(entry).collect();
    let owner = json!({ "principal": "tilgang", "role": "Owner", "scope": "/", "name": "00000000-0000-0000-0000-0000000000e1" });
    assignments.push(owner);
    let subscriptions: Vec<Value> = state.subscriptions.iter().map(|id| subscription(&state, id)).collect();
    let whole = json!({
        "tenant": tenant,
        "settings": { "page_size": 0, "throttling": throttling },
        "applications": applications,
        "users": state.users.values().collect::<Vec<_>>(),
        "groups": state.groups.values().collect::<Vec<_>>(),
        "role_definitions": definitions,
        "subscriptions": subscriptions,
        "assignments": assignments,
    });
    (whole.to_string(), tenant)
}

/// An assignment as it was answered → an entry of the file.
fn entry(it: &Value) -> Value {
    let properties = &it["properties"];
    let mut made = json!({
        "name": it["name"], "principal": properties["principalId"], "scope": properties["scope"],
        "role": last(text(properties, "/roleDefinitionId")),
    });
    for (from, to) in [
        ("description", "description"),
        ("condition", "condition"),
        ("conditionVersion", "condition_version"),
        ("createdOn", "created"),
        ("updatedOn", "updated"),
        ("principalType", "type"),
        ("createdBy", "created_by"),
        ("updatedBy", "updated_by"),
    ] {
        let value = &properties[from];
        if value.as_str().is_some_and(|text| !text.is_empty()) {
            made[to] = value.clone();
        }
    }
    made
}

fn subscription(state: &State, id: &str) -> Value {
    let within = |key: &&String| key.starts_with(&format!("/subscriptions/{id}").to_ascii_lowercase());
    let resources = state.resources.iter().filter(|(key, _)| within(key)).map(|(_, it)| {
        let group = text(it, "/id").split('/').nth(4).unwrap_or_default();
        let mut made = Map::new();
        for key in ["type", "name", "id", "location", "kind", "tags", "properties"] {
            if !it[key].is_null() {
                made.insert(key.to_owned(), it[key].clone());
            }
        }
        made.insert("group".to_owned(), json!(group));
        Value::Object(made)
    });
    let locks = state.locks.iter().filter(|(key, _)| within(key)).map(|(_, it)| {
        let scope = text(it, "/id");
        let end = scope.to_ascii_lowercase().rfind("/providers/microsoft.authorization/").unwrap();
        let mut made = json!({ "name": it["name"], "level": it["properties"]["level"], "scope": scope[..end] });
        if let Some(notes) = it["properties"].get("notes") {
            made["notes"] = notes.clone();
        }
        made
    });
    json!({
        "name": format!("subscription {id}"), "id": id, "management_groups": state.management_groups,
        "resource_groups": state.groups_of_resources.values().collect::<Vec<_>>(),
        "resources": resources.collect::<Vec<_>>(), "locks": locks.collect::<Vec<_>>(),
    })
}

impl State {
    fn exchange(&mut self, all: &[Recorded], at: usize) {
        let recorded = &all[at];
        if recorded.is_graph() {
            self.graph(recorded);
            self.members(all, at);
            return;
        }
        let Some((scope, rest)) = recorded.authorization() else {
            self.resource(recorded);
            return;
        };
        match (recorded.method.as_str(), rest.iter().map(String::as_str).collect::<Vec<_>>().as_slice()) {
            ("GET", ["roleAssignments"]) => {
                recorded.entries().iter().for_each(|it| self.assignment(it));
                // Company: what other lists of the recording show, unless it came or went in between.
                let passing: BTreeSet<String> = all
                    .iter()
                    .filter(|it| it.method != "GET")
                    .filter_map(Recorded::authorization)
                    .filter_map(|(_, rest)| rest.get(1).cloned())
                    .collect();
                for other in all
                    .iter()
                    .filter(|it| it.method == "GET" && it.kind() == recorded.kind() && it.target != recorded.target)
                {
                    for it in other.entries().iter().filter(|it| !passing.contains(text(it, "/name"))) {
                        self.assignment(it);
                    }
                }
            }
            ("GET" | "DELETE", ["roleAssignments", _]) if recorded.status == 200 => {
                self.assignment(&recorded.reply);
            }
            ("PUT", ["roleAssignments", name]) => self.put(all, at, &scope, name),
            ("GET", ["roleDefinitions", ..]) => {
                for it in recorded.entries() {
                    self.definitions.insert(text(it, "/name").to_owned(), it.clone());
                }
            }
            (_, ["locks", ..]) => {
                for it in recorded.entries() {
                    self.locks.insert(text(it, "/id").to_ascii_lowercase(), it.clone());
                }
                self.lock(all, at);
            }
            _ => {}
        }
    }

    /// The one that is asked for by its name, unless it was new.
    fn lock(&mut self, all: &[Recorded], at: usize) {
        let recorded = &all[at];
        let path = recorded.path();
        self.group_of(recorded);
        let (method, status) = (recorded.method.as_str(), recorded.status);
        if path.ends_with("/locks") || status == 404 || (method, status) == ("PUT", 201) {
            return;
        }
        let level = json!({ "level": "CanNotDelete" });
        let level = if method == "GET" { recorded.reply["properties"].clone() } else { level };
        let name = path.rsplit('/').next().unwrap();
        self.locks.insert(path.to_ascii_lowercase(), json!({ "id": path, "name": name, "properties": level }));
    }

    /// The resource group of a path, where it was there.
    fn group_of(&mut self, recorded: &Recorded) {
        let parts = recorded.parts();
        let gone = recorded.error().is_some_and(|(code, _)| code == "ResourceGroupNotFound");
        let made = recorded.method == "PUT" && recorded.status == 201 && parts.len() == 4;
        if let Some(pair) = parts.windows(2).find(|pair| pair[0].eq_ignore_ascii_case("resourceGroups"))
            && !gone
            && !made
        {
            let mut group = json!({ "group": pair[1] });
            for key in
                ["location", "tags"].into_iter().filter(|key| parts.len() == 4 && recorded.reply[key] != Value::Null)
            {
                group[key] = recorded.reply[key].clone();
            }
            self.groups_of_resources.insert(pair[1].clone(), group);
        }
    }

    /// What stood when this was put: the one of this name, or another of this triple.
    fn put(&mut self, all: &[Recorded], at: usize, scope: &str, name: &str) {
        let recorded = &all[at];
        let properties = &recorded.request["properties"];
        self.definitions.entry(last(text(properties, "/roleDefinitionId"))).or_default();
        let known = recorded.error().is_none_or(|(code, _)| code != "PrincipalNotFound");
        if known {
            let kind = text(&recorded.reply, "/properties/principalType").to_owned();
            self.principal(text(properties, "/principalId"), if kind.is_empty() { "ServicePrincipal" } else { &kind });
        }
        let mut standing: BTreeMap<String, Value> = BTreeMap::new();
        for before in &all[..at] {
            let Some((_, rest)) = before.authorization() else { continue };
            match (before.method.as_str(), before.status) {
                ("PUT", 200 | 201) => drop(standing.insert(rest[1].clone(), before.reply.clone())),
                ("DELETE", _) => drop(standing.remove(&rest[1])),
                _ => {}
            }
        }
        for (standing_name, it) in standing {
            let same = text(&it, "/properties/scope").eq_ignore_ascii_case(scope)
                && text(&it, "/properties/principalId") == text(properties, "/principalId");
            if standing_name == name || same {
                self.assignment(&it);
            }
        }
    }

    fn assignment(&mut self, it: &Value) {
        let properties = &it["properties"];
        self.principal(text(properties, "/principalId"), text(properties, "/principalType"));
        self.definitions.entry(last(text(properties, "/roleDefinitionId"))).or_default();
        let scope = text(properties, "/scope");
        if let Some((_, name)) = scope.split_once("/managementGroups/") {
            self.management_groups.insert(name.to_owned());
        }
        self.assignments.insert(text(it, "/name").to_owned(), it.clone());
    }

    pub(crate) fn principal(&mut self, id: &str, kind: &str) {
        let name = format!("p-{id}");
        let (into, made) = match kind {
            "User" => (&mut self.users, json!({ "user": format!("{name}@x.no"), "id": id })),
            "Group" => (&mut self.groups, json!({ "name": name, "id": id })),
            _ => (&mut self.applications, json!({ "name": name, "id": id })),
        };
        into.entry(id.to_owned()).or_insert(made);
    }

    fn resource(&mut self, recorded: &Recorded) {
        self.group_of(recorded);
        let path = recorded.path().to_ascii_lowercase();
        // What stands in a list of everything has no properties; a component is answered alike, new or not.
        let listed = path.ends_with("/resources");
        let new = recorded.method == "PUT" && path.contains("/components/");
        let group = |it: &Value| text(it, "/type").eq_ignore_ascii_case("Microsoft.Resources/resourceGroups");
        let one = (recorded.reply.get("type").is_some() && !new).then_some(&recorded.reply);
        for it in recorded.entries().iter().chain(one).filter(|it| listed || it.get("properties").is_some()) {
            if !group(it) {
                self.resources.insert(text(it, "/id").to_ascii_lowercase(), it.clone());
            }
        }
        if let Some(("ScopeLocked", words)) = recorded.error() {
            // …are locked: 'ID'.
            let id = words.split('\'').nth(3).unwrap();
            let parts: Vec<&str> = id.split('/').collect();
            let kind = format!("{}/{}", parts[6], parts[7]);
            let lock = format!("{id}/providers/Microsoft.Authorization/locks/l");
            self.resources.insert(id.to_ascii_lowercase(), json!({ "id": id, "name": parts[8], "type": kind }));
            let level = json!({ "level": "CanNotDelete" });
            self.locks.insert(lock.to_ascii_lowercase(), json!({ "id": lock, "name": "l", "properties": level }));
        }
        for it in recorded.entries().iter().filter(|it| it.get("subscriptionId").is_some()) {
            self.subscriptions.insert(last(text(it, "/id")));
        }
    }

    fn graph(&mut self, recorded: &Recorded) {
        let parts = recorded.parts();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let of = parts.get(1).copied().unwrap_or_default();
        let one = recorded.method == "GET" && parts.len() == 3 && recorded.status == 200;
        for it in recorded.entries().iter().chain(one.then_some(&recorded.reply)).filter(|it| it.is_object()) {
            let typed = text(it, "/@odata.type");
            let is = |kind: &str, collection: &str| typed.ends_with(kind) || typed.is_empty() && of == collection;
            let (id, name) = (text(it, "/id"), text(it, "/displayName"));
            if is("graph.user", "users") {
                self.users.insert(id.to_owned(), json!({ "user": it["userPrincipalName"], "id": id, "name": name }));
            } else if is("graph.group", "groups") {
                self.groups.insert(id.to_owned(), json!({ "name": name, "id": id }));
            } else if is("graph.servicePrincipal", "servicePrincipals") {
                let application = json!({ "name": name, "id": id, "client_id": it["appId"] });
                // Two may have one name; the world's file wants them apart.
                let taken = self.applications.values().any(|it| text(it, "/name").eq_ignore_ascii_case(name));
                let application = if taken {
                    json!({ "name": format!("{name} {id}"), "id": id, "client_id": it["appId"] })
                } else {
                    application
                };
                self.applications.insert(id.to_owned(), application);
            }
        }
        match (recorded.method.as_str(), parts.as_slice()) {
            ("PATCH" | "DELETE", [_, "users", key]) => {
                let name = if key.contains('@') { (*key).to_owned() } else { "somebody@x.no".to_owned() };
                let id = if key.contains('@') { "00000000-0000-0000-0000-00000000000a" } else { key };
                self.users.insert(id.to_owned(), json!({ "user": name, "id": id }));
            }
            ("GET", [_, "groups", id, "members"]) => {
                let members: Vec<&str> = recorded.entries().iter().map(|it| text(it, "/id")).collect();
                self.groups.insert((*id).to_owned(), json!({ "name": "the group", "id": id, "members": members }));
            }
            _ => {}
        }
    }
}
