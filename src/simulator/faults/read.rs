//! The fault file: what shall go wrong, and what people do meanwhile.
//!
//! In: YAML or JSON, a mapping or the bare list of faults. Out: a [`FaultFile`], or one clear error that names the entry.
//! Never: a key that nobody knows, or a fault that could not be met.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::Fault;
use crate::simulator::events::Event;

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultFile {
    /// Which of the many runs: the same seed, the same faults met.
    #[serde(default)]
    pub seed: u64,
    /// What shall go wrong; the first that is due meets the request.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// What people do, and when.
    #[serde(default)]
    pub events: Vec<Event>,
}

/// Reads a fault file, or a bare list of faults: YAML or JSON.
pub fn read(text: &str) -> Result<FaultFile, String> {
    // By way of JSON: serde_yaml would have `!throttle` where people write `throttle:`.
    let value: Value = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
    let mut file = FaultFile::default();
    match value {
        Value::Null => {}
        Value::Array(faults) => file.faults = entries("fault", faults)?,
        Value::Object(keys) => {
            for (key, value) in keys {
                let list = |value: Value| match value {
                    Value::Array(list) => Ok(list),
                    Value::Null => Ok(Vec::new()),
                    _ => Err(format!("`{key}` is a list")),
                };
                match key.as_str() {
                    "seed" => file.seed = value.as_u64().ok_or("`seed` is a whole number")?,
                    "faults" => file.faults = entries("fault", list(value)?)?,
                    "events" => file.events = entries("event", list(value)?)?,
                    _ => return Err(format!("unknown key `{key}`: there are `seed`, `faults` and `events`")),
                }
            }
        }
        _ => return Err("a fault file is a mapping with `seed`, `faults` and `events`, or a list of faults".to_owned()),
    }
    for (n, fault) in file.faults.iter().enumerate() {
        fault.check().map_err(|reason| format!("fault {}: {reason}", n + 1))?;
    }
    Ok(file)
}

/// Reads events alone: a list, or one.
pub fn read_events(text: &str) -> Result<Vec<Event>, String> {
    match serde_yaml::from_str(text).map_err(|error| error.to_string())? {
        Value::Array(list) => entries("event", list),
        one => entries("event", vec![one]),
    }
}

fn entries<T: DeserializeOwned>(what: &str, list: Vec<Value>) -> Result<Vec<T>, String> {
    let entry = |(n, value)| serde_json::from_value(value).map_err(|error| format!("{what} {}: {error}", n + 1));
    list.into_iter().enumerate().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("faults.yaml");

    /// The example in the module's documentation has every key.
    #[test]
    fn every_key_is_read_and_written_back() {
        let file = read(EXAMPLE).unwrap();
        assert_eq!((file.seed, file.faults.len(), file.events.len()), (7, 16, 16));
        let json = serde_json::to_string(&file).unwrap();
        assert_eq!(read(&json).unwrap(), file);
        for key in [
            "method", "route", "page", "items", "sign_in", "from", "until", "after", "every", "share", "beyond",
            "times", "does", "met", "seen",
        ] {
            assert!(EXAMPLE.contains(&format!("{key}:")), "the example does not show `{key}`");
        }
        let kinds: std::collections::BTreeSet<_> = file.faults.iter().map(|it| kind(&it.does)).collect();
        assert_eq!(kinds.len(), 11, "{kinds:?}");
        let deeds: std::collections::BTreeSet<_> = file.events.iter().map(|it| kind(&it.does)).collect();
        assert_eq!(deeds.len(), 15, "{deeds:?}");
    }

    fn kind(of: &impl Serialize) -> String {
        match serde_json::to_value(of).unwrap() {
            Value::Object(object) => object.keys().next().unwrap().clone(),
            word => word.as_str().unwrap().to_owned(),
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (text, words) in [
            ("fault: []", "unknown key `fault`"),
            ("seed: soon", "`seed` is a whole number"),
            ("faults: { route: x }", "`faults` is a list"),
            ("[{ does: reset }, { does: reset, rout: /users }]", "fault 2: unknown field `rout`"),
            ("[{ does: unheard_of }]", "fault 1: unknown variant `unheard_of`"),
            ("[{ does: { throttle: { after: 1 } } }]", "fault 1: unknown field `after`"),
            ("[{ route: /users }]", "fault 1: missing field `does`"),
            ("[{ does: reset, every: 0 }]", "fault 1: `every`"),
            ("[{ does: reset, share: 1.5 }]", "fault 1: `share`"),
            ("[{ does: reset, page: 0 }]", "fault 1: `page`"),
            ("[{ does: lost_reply, items: true }]", "fault 1: `items`"),
            ("[{ does: { answer: { status: 99 } } }]", "fault 1: `status`"),
            ("[{ does: reset, from: soon }]", "fault 1: `soon` is neither a time"),
            ("events: [{ does: { delete_user: a }, on: x }]", "event 1: unknown field `on`"),
            ("events: [{ does: { hire_user: a } }]", "event 1: unknown variant `hire_user`"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
