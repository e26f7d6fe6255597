//! Who was in which group when a recorded exchange was made: what came before it tells.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::{
    cassette::Recorded,
    state::{State, last, text},
};

impl State {
    /// The groups as they stood, where it matters who is in them.
    pub(crate) fn members(&mut self, all: &[Recorded], at: usize) {
        let recorded = &all[at];
        let parts = recorded.parts();
        let of_groups = parts.iter().any(|part| part.ends_with("MemberGroups"))
            || parts.get(1).is_some_and(|of| of == "groups") && recorded.method != "GET";
        if !of_groups {
            return;
        }
        let mut standing: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for before in &all[..at] {
            let parts = before.parts();
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            match (before.method.as_str(), parts.as_slice()) {
                ("POST", [_, "groups"]) => {
                    standing.insert(text(&before.reply, "/id").to_owned(), BTreeSet::new());
                }
                ("POST", [_, "groups", group, "members", _]) => {
                    let member = last(text(&before.request, "/@odata.id"));
                    standing.entry((*group).to_owned()).or_default().insert(member);
                }
                ("DELETE", [_, "groups", group, "members", member, _]) => {
                    standing.entry((*group).to_owned()).or_default().remove(*member);
                }
                ("DELETE", [_, "groups", group]) => drop(standing.remove(*group)),
                _ => {}
            }
        }
        // Who is named in the request is there as well.
        let key = parts.get(2).cloned().unwrap_or_default();
        if parts.get(1).is_some_and(|of| of == "groups") && parts.len() > 2 {
            standing.entry(key.clone()).or_default();
        }
        let named = last(text(&recorded.request, "/@odata.id"));
        let people: BTreeSet<String> = standing.values().flatten().cloned().chain([named, key]).collect();
        for id in people.into_iter().filter(|id| id.len() == 36 && !standing.contains_key(id)) {
            self.principal(&id, "User");
        }
        for (id, members) in standing {
            self.groups.insert(id.clone(), json!({ "name": format!("g-{id}"), "id": id, "members": members }));
        }
    }
}
