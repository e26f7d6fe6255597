//! The recordings, as exchanges in their order.

use std::{fs, path::Path};

use serde_json::{Value, json};

/// What one file recorded.
pub(crate) struct Cassette {
    /// Its name, folder included.
    pub(crate) name: String,
    pub(crate) recorded: Vec<Recorded>,
}

/// One recorded exchange.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) at: usize,
    pub(crate) method: String,
    pub(crate) host: String,
    /// Path and query, as sent.
    pub(crate) target: String,
    pub(crate) request: Value,
    pub(crate) status: u16,
    /// JSON, or null if there was none.
    pub(crate) reply: Value,
}

impl Recorded {
    pub(crate) fn is_graph(&self) -> bool {
        self.host.starts_with("graph.")
    }

    pub(crate) fn path(&self) -> String {
        tilgang::simulator::routes::decoded(self.target.split('?').next().unwrap())
    }

    pub(crate) fn parts(&self) -> Vec<String> {
        self.path().split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    pub(crate) fn error(&self) -> Option<(&str, &str)> {
        let error = self.reply.get("error")?;
        Some((error.get("code")?.as_str()?, error.get("message")?.as_str()?))
    }

    pub(crate) fn entries(&self) -> &[Value] {
        self.reply.get("value").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// The last `Microsoft.Authorization` of a path: the scope before it, and what comes after it.
    pub(crate) fn authorization(&self) -> Option<(String, Vec<String>)> {
        let parts = self.parts();
        let at = parts.windows(2).rposition(|pair| {
            pair[0].eq_ignore_ascii_case("providers") && pair[1].eq_ignore_ascii_case("Microsoft.Authorization")
        })?;
        Some((format!("/{}", parts[..at].join("/")), parts[at + 2..].to_vec()))
    }

    /// `GET roleAssignments`, `POST users`: the method and the words of the route, ids left out.
    pub(crate) fn kind(&self) -> String {
        let all = self.parts();
        let words: Vec<String> = match self.authorization() {
            _ if self.is_graph() => {
                all[1..].iter().map(|part| if part.contains(['-', '@']) { "{}".into() } else { part.clone() }).collect()
            }
            Some((_, rest)) => {
                rest.iter().enumerate().map(|(n, part)| if n == 1 { "{}".into() } else { part.clone() }).collect()
            }
            None => all
                .iter()
                .enumerate()
                .map(|(n, part)| {
                    let after = n.checked_sub(1).map_or("", |before| all[before].as_str()).to_ascii_lowercase();
                    let named = [
                        "subscriptions",
                        "resourcegroups",
                        "managementgroups",
                        "vaults",
                        "components",
                        "virtualmachines",
                        "storageaccounts",
                        "mediaservices",
                        "backupjobs",
                    ];
                    if named.contains(&after.as_str()) { "{}".into() } else { part.clone() }
                })
                .collect(),
        };
        format!("{} {}", self.method, words.join("/"))
    }
}

/// Every recording.
pub(crate) fn all(facts: &Path) -> Vec<Cassette> {
    let mut files = Vec::new();
    for folder in fs::read_dir(facts.join("recordings")).unwrap().map(|entry| entry.unwrap().path()) {
        if folder.is_dir() {
            files.extend(fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    files.sort();
    files.iter().map(|file| read(file)).collect()
}

fn read(file: &Path) -> Cassette {
    let text = fs::read_to_string(file).unwrap();
    let name = file.iter().rev().take(2).map(|part| part.to_str().unwrap()).collect::<Vec<_>>();
    let yaml: serde_yaml::Value = serde_yaml::from_str(&text).unwrap(); // JSON is YAML
    let whole = plain(yaml);
    let interactions = whole["interactions"].as_array().unwrap();
    let recorded = interactions.iter().enumerate().map(|(at, it)| {
        let (request, response) = (&it["request"], &it["response"]);
        let url = request["uri"].as_str().or(request["url"].as_str()).unwrap();
        let rest = url.strip_prefix("https://").unwrap();
        let (host, target) = rest.split_at(rest.find('/').unwrap());
        let body = &response["body"];
        Recorded {
            at,
            method: request["method"].as_str().unwrap().to_owned(),
            host: host.to_owned(),
            target: target.to_owned(),
            request: parsed(&request["body"]),
            status: u16::try_from(response["status"]["code"].as_u64().unwrap()).unwrap(),
            reply: parsed(if body["string"].is_null() { &body["data"] } else { &body["string"] }),
        }
    });
    Cassette { recorded: recorded.collect(), name: format!("{}/{}", name[1], name[0]) }
}

/// A body that may be JSON in a text, `b'…'` around it or not, or JSON as it is.
fn parsed(body: &Value) -> Value {
    match body {
        Value::String(text) => {
            let text = text.strip_prefix("b'").and_then(|text| text.strip_suffix('\'')).unwrap_or(text);
            serde_json::from_str(text).unwrap_or_default()
        }
        Value::Object(_) => body.clone(),
        _ => Value::Null,
    }
}

/// YAML as JSON, the tags of its writer left out.
fn plain(value: serde_yaml::Value) -> Value {
    use serde_yaml::Value as Yaml;
    match value {
        Yaml::Tagged(tagged) => plain(tagged.value),
        Yaml::Mapping(map) => {
            map.into_iter().map(|(key, value)| (key.as_str().unwrap_or_default().to_owned(), plain(value))).collect()
        }
        Yaml::Sequence(list) => list.into_iter().map(plain).collect(),
        other => serde_json::to_value(other).unwrap_or(json!(null)),
    }
}
