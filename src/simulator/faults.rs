//! What shall go wrong, as data: which request, which misbehaviour, how often.
//!
//! A list is kept in memory; `PUT /_simulator/faults` replaces it. The first fault that fits a request meets it.
//!
//! ```json
//! [ { "method": "PUT", "route": "roleAssignments", "does": "lost_reply", "times": 1 },
//!   { "route": "/users", "does": { "throttle": { "retry_after": "2.128", "html": true } }, "times": 2, "after": 3 } ]
//! ```

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Only requests of this method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only requests whose path and query, as sent, hold this; letters in any case. Empty: all.
    #[serde(default)]
    pub route: String,
    /// What happens instead.
    pub does: Misbehaviour,
    /// How often; left out: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// How many such requests are let through first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub after: u32,
}

/// What can go wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Misbehaviour {
    /// Nothing is done; this is answered.
    Answer(Canned),
    /// Nothing is done; 429.
    Throttle(Throttle),
    /// It is done, and the connection closed without a word.
    LostReply,
    /// Nothing is done, and the connection is reset.
    Reset,
    /// It is done, and half of the answer's body is sent before the connection is closed.
    HalfBody,
    /// Nothing is done; a proxy's HTML page is answered with 200.
    Html,
    /// Nothing is done; 200 with `{}`.
    EmptyObject,
    /// It is done; a list's answer gets a `nextLink` (or `@odata.nextLink`) to this URL.
    NextLink(String),
    /// It is done after so many milliseconds.
    Slow(u64),
}

/// An answer that is made up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canned {
    /// HTTP status.
    pub status: u16,
    /// Azure's error code; with it the body is Azure's error form.
    #[serde(default)]
    pub code: Option<String>,
    /// The message with it.
    #[serde(default)]
    pub message: String,
    /// The whole body, where `code` is left out.
    #[serde(default)]
    pub body: String,
    /// Its type; JSON if left out.
    #[serde(default)]
    pub content_type: Option<String>,
    /// Further headers.
    #[serde(default)]
    pub headers: std::collections::BTreeMap<String, String>,
}

/// A 429.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Throttle {
    /// `Retry-After` as sent: whole seconds, a fraction (Graph's own sample: `2.128`, FACTS §6) or a date.
    #[serde(default)]
    pub retry_after: Option<String>,
    /// Whether the body is HTML (PIM does that: 17 bytes of `text/HTML`, azurerm#31893).
    #[serde(default)]
    pub html: bool,
}

/// The list of faults, with how often each was met.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    /// Replaces the list.
    pub fn set(&self, faults: Vec<Fault>) {
        *self.lock() = faults;
    }

    /// Adds one.
    pub fn add(&self, fault: Fault) {
        self.lock().push(fault);
    }

    /// What is left of the list.
    #[must_use]
    pub fn left(&self) -> Vec<Fault> {
        self.lock().clone()
    }

    /// The fault that a request meets, if any; counts it.
    pub fn meet(&self, method: &str, path_and_query: &str) -> Option<Misbehaviour> {
        let mut faults = self.lock();
        let target = path_and_query.to_ascii_lowercase();
        for fault in faults.iter_mut() {
            let fits = fault.method.as_ref().is_none_or(|only| only.eq_ignore_ascii_case(method))
                && target.contains(&fault.route.to_ascii_lowercase())
                && fault.times != Some(0);
            if !fits {
                continue;
            }
            if fault.after > 0 {
                fault.after -= 1;
                continue;
            }
            if let Some(times) = &mut fault.times {
                *times -= 1;
            }
            return Some(fault.does.clone());
        }
        None
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a list of faults: YAML or JSON.
pub fn read(text: &str) -> Result<Vec<Fault>, String> {
    let value: serde_json::Value = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
    serde_json::from_value(value).map_err(|error| error.to_string())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_met_as_often_as_it_says() {
        let faults = Faults::default();
        faults.set(read("[{ method: put, route: roleassignments, does: lost_reply, times: 2, after: 1 }]").unwrap());
        let met = |method| faults.meet(method, "/x/roleAssignments/y?z");
        assert_eq!(met("GET"), None);
        assert_eq!(
            [met("PUT"), met("PUT"), met("PUT"), met("PUT")],
            [None, Some(Misbehaviour::LostReply), Some(Misbehaviour::LostReply), None]
        );
    }

    #[test]
    fn yaml_and_json() {
        let throttle = Misbehaviour::Throttle(Throttle { retry_after: Some("2.128".to_owned()), html: true });
        let yaml = "- route: /users\n  does: { throttle: { retry_after: '2.128', html: true } }";
        assert_eq!(read(yaml).unwrap()[0].does, throttle);
        assert_eq!(read(&serde_json::to_string(&read(yaml).unwrap()).unwrap()).unwrap()[0].does, throttle);
        assert!(read("[{ does: unheard_of }]").is_err());
    }
}
