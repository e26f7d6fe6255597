//! Laws of the chain, of the folder, and of what was held when; and what they have in common: chains, and a small world.

mod carried;
mod chain;
mod definitions;
mod replay;
mod store;

use std::collections::BTreeSet;

use jiff::{Timestamp, ToSpan};

use super::{
    chain::{Hash, Line, Sheet, read},
    entry::{Answered, Entry, Held, How, Opened, TargetName},
    sight::View,
    store::Whose,
    verify::verify,
};
use crate::model::ids::ScopeId;

const TENANT: &str = "00000000-0000-0000-0000-0000000000aa";

fn start() -> Timestamp {
    "2026-11-20T09:00:00Z".parse().unwrap()
}

fn hour(n: usize) -> Timestamp {
    start() + i64::try_from(n).unwrap().hours()
}

fn whose() -> Whose {
    Whose { tenant: TENANT.to_owned(), instances: vec!["altinn-apps".to_owned()] }
}

fn opened() -> Entry {
    Entry::Opened(Opened { format: 1, tenant: TENANT.to_owned(), instance: "altinn-apps".to_owned(), newest: None })
}

fn answer(of: u64) -> Entry {
    let (code, message) = (Some("AuthorizationFailed".to_owned()), Some("nei, \"æøå\"\n".to_owned()));
    Entry::Answered(Answered { of, how: How::Failed, status: Some(403), code, message, request: None })
}

/// A chain of these entries, each an hour after the one before; line by line.
fn chain(entries: impl IntoIterator<Item = Entry>) -> (Vec<Line>, Vec<Vec<u8>>) {
    let mut prev = Hash::genesis(TENANT, "altinn-apps");
    let sealed = entries.into_iter().enumerate().map(|(at, entry)| {
        let (line, bytes) = Line::seal(prev, at as u64, hour(at), entry).unwrap();
        prev = line.hash;
        (line, bytes)
    });
    sealed.unzip()
}

fn some_lines(many: usize) -> Vec<Vec<u8>> {
    chain(std::iter::once(opened()).chain((0..many as u64).map(answer))).1
}

fn sheets(bytes: &[u8]) -> Vec<(String, Sheet)> {
    vec![("2026-11.jsonl".to_owned(), read(bytes))]
}

/// Whole to its last byte.
fn is_whole(bytes: &[u8]) -> bool {
    matches!(verify(&sheets(bytes)), Ok(Some(whole)) if whole.torn.is_none())
}

/// Two owners with a subscription each; the first has two targets. Who holds what, as (where, who).
#[derive(Clone, Debug, Default)]
struct World(BTreeSet<(usize, u8)>);

const SUBSCRIPTIONS: [&str; 2] = ["00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"];
const OWNERS: [&str; 2] = ["ttd", "skd"];
/// Owner, and name.
const TARGETS: [(usize, &str); 3] = [(0, "ttd-prod-ai"), (0, "ttd-prod-kv"), (1, "skd-prod-kv")];

/// Where something can be held: at a target, at a subscription, above both.
fn place(n: usize) -> String {
    match n {
        0..3 => {
            let (owner, name) = TARGETS[n];
            format!(
                "/subscriptions/{}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/{name}",
                SUBSCRIPTIONS[owner]
            )
        }
        3 | 4 => format!("/subscriptions/{}", SUBSCRIPTIONS[n - 3]),
        _ => "/providers/Microsoft.Management/managementGroups/all".to_owned(),
    }
}

fn id(place_: usize, who: u8) -> String {
    format!(
        "{}/providers/Microsoft.Authorization/roleAssignments/00000000-0000-0000-0000-0000000000{who:02x}",
        place(place_)
    )
}

fn target(n: usize) -> TargetName {
    let (owner, name) = TARGETS[n];
    let text = str::to_owned;
    TargetName { owner: text(OWNERS[owner]), environment: text("prod"), kind: text("key-vault"), name: text(name) }
}

fn held(place: usize, who: u8, over: Vec<String>) -> Held {
    Held {
        assignment: id(place, who),
        principal: who.to_string(),
        principal_type: "User".to_owned(),
        name: None,
        definition: "d".to_owned(),
        definition_name: None,
        ours: true,
        condition: None,
        over,
        pim: None,
    }
}

impl World {
    /// What counts at a target.
    fn at(&self, target: usize) -> BTreeSet<String> {
        let owner = TARGETS[target].0;
        let counts = |place: usize| place == target || place == 3 + owner || place == 5;
        self.0.iter().filter(|(place, _)| counts(*place)).map(|(place, who)| id(*place, *who)).collect()
    }

    fn view(&self, observed: Timestamp, owner: Option<usize>, readable: [bool; 2]) -> View {
        let chosen = |of: usize| owner.is_none_or(|owner| owner == of);
        let mut view = View {
            observed,
            owners: owner.map(|owner| OWNERS[owner].to_owned()).into_iter().collect(),
            ..View::default()
        };
        for (n, (of, _)) in TARGETS.iter().enumerate().filter(|(_, (of, _))| chosen(*of)) {
            let state = if readable[*of] { Ok(ScopeId::new(&place(n))) } else { Err("not read".to_owned()) };
            view.targets.insert(target(n), state);
        }
        for (place, who) in &self.0 {
            let read = |of: usize| chosen(of) && readable[of];
            let (over, here) = match place {
                0..3 => (Vec::new(), read(TARGETS[*place].0)),
                3 | 4 => (Vec::new(), read(place - 3)),
                _ => {
                    let over: Vec<String> =
                        (0..2).filter(|of| read(*of)).map(|of| SUBSCRIPTIONS[of].to_owned()).collect();
                    (over.clone(), !over.is_empty())
                }
            };
            if here {
                view.held.insert(id(*place, *who).to_ascii_lowercase(), held(*place, *who, over));
            }
        }
        view
    }
}
