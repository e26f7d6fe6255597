//! The JSON Schema for editors, held against the reader: the same keys, every valid file, and every invalid one that a schema
//! can tell.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use jsonschema::Validator;
use serde_json::{Value, json};
use tilgang::{
    config::{Loaded, load, load_texts},
    edit::schema::{OVERRIDE, OWNER, WORKSPACE},
    model::{code::Code, desired::FileId, notify::Topic, people::Attribute},
};

const SETTINGS: &str = "version: 1\ntenant: 00000000-0000-0000-0000-0000000000aa\ninstance: altinn-apps\n";

fn schema(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn validator(text: &str) -> Validator {
    let schema = schema(text);
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

/// Files that a schema takes for valid though the reader does not, and why no schema can tell. All others must be refused.
const UNTOLD: &[(&str, &str)] = &[
    ("alias", "an editor sees the value, not how it is written"),
    ("another-owner", "no schema knows the file's name"),
    ("directive", "an editor sees the value, not how it is written"),
    ("doubled-keys", "of two keys only one reaches a schema"),
    ("longest/owners/ttd.yaml", "needs the settings' policy"),
    ("tab-after-colon", "an editor sees the value, not how it is written"),
    ("tilgang-everybodys-target", "needs the built-in catalogue and every owner"),
    ("tilgang-quiet", "no schema compares two times, or knows the zones"),
    ("tilgang-shared-targets", "needs the built-in catalogue and every owner"),
    ("ten-mistakes/owners/k1103.yaml", "needs the owner's settings"),
    ("two-readings", "an editor sees the value, not how it is written"),
];

/// The schemas, and which of them is for a file.
struct Schemas {
    owner: Validator,
    workspace: Validator,
    exception: Validator,
}

impl Schemas {
    fn new() -> Self {
        Self { owner: validator(OWNER), workspace: validator(WORKSPACE), exception: validator(OVERRIDE) }
    }

    /// By its path in a workspace.
    fn of(&self, path: &str) -> &Validator {
        match path.split_once('/') {
            Some(("owners", _)) => &self.owner,
            Some(("overrides", _)) => &self.exception,
            _ => &self.workspace,
        }
    }
}

/// The files of `tests/invalid`, by the name of their case: those of a folder by their path in it, too.
fn cases() -> Vec<(String, &'static str, String)> {
    let mut cases = Vec::new();
    for path in fs::read_dir("tests/invalid").unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            let loaded = load(&path);
            let wrong = |path: &str| loaded.errors.iter().any(|error| error.file() == path);
            // Of these only the name is wrong, or they are not there.
            let counts = |path: &str| name != "stray-files" && !loaded.sources.text(id(&loaded, path)).is_empty();
            for (id, path) in loaded.sources.files().filter(|(_, path)| wrong(path) && counts(path)) {
                let kind = if path.starts_with("overrides/") { "overrides/" } else { "owners/" };
                cases.push((format!("{name}/{path}"), kind, loaded.sources.text(id).to_owned()));
            }
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            let kind = if name.starts_with("tilgang-") { "" } else { "owners/" };
            let text = fs::read_to_string(&path).unwrap();
            cases.push((name, kind, text));
        }
    }
    cases.sort();
    cases
}

fn id(loaded: &Loaded, path: &str) -> FileId {
    loaded.sources.files().find(|(_, other)| *other == path).unwrap().0
}

#[test]
fn every_invalid_file_that_a_schema_can_tell_is_refused() {
    let schemas = Schemas::new();
    let (mut wrong, mut told) = (Vec::new(), 0);
    let mut untold: BTreeSet<&str> = BTreeSet::new();
    for (name, kind, text) in cases() {
        // What is no YAML is told by the editor itself.
        let Ok(value) = serde_yaml::from_str::<Value>(&text) else { continue };
        let refused = !schemas.of(kind).is_valid(&value);
        told += usize::from(refused);
        let listed = UNTOLD.iter().find(|(untold, _)| *untold == name);
        untold.extend(listed.map(|(name, _)| *name));
        if refused == listed.is_some() {
            wrong.push((name, refused));
        }
    }
    assert!(wrong.is_empty(), "told or untold, and listed the other way round: {wrong:#?}");
    assert!(told >= 25, "{told}");
    let gone: Vec<_> = UNTOLD.iter().filter(|(name, _)| !untold.contains(name)).collect();
    assert!(gone.is_empty(), "no case, or no YAML: {gone:?}");
}

fn workspaces(folder: &Path, found: &mut Vec<PathBuf>) {
    found.extend(folder.join("tilgang.yaml").is_file().then(|| folder.to_owned()));
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            workspaces(&path, found);
        }
    }
}

#[test]
fn every_valid_file_fits() {
    let schemas = Schemas::new();
    let mut folders = Vec::new();
    workspaces(Path::new("examples"), &mut folders);
    workspaces(Path::new("tests/cases"), &mut folders);
    let mut seen = BTreeMap::new();
    for folder in &folders {
        let loaded = load(folder);
        for (id, path) in loaded.sources.files() {
            if loaded.errors.iter().any(|error| error.file() == path) {
                continue;
            }
            let value: Value = serde_yaml::from_str(loaded.sources.text(id)).unwrap();
            let errors = schemas.of(path).iter_errors(&value);
            let errors: Vec<_> = errors.map(|error| format!("{} {error}", error.instance_path)).collect();
            assert!(errors.is_empty(), "{} {path}: {errors:#?}", folder.display());
            let kind = path.split_once('/').map_or("", |(folder, _)| folder).to_owned();
            *seen.entry(kind).or_insert(0) += 1;
        }
    }
    assert!(seen["owners"] > 60 && seen[""] > 40 && seen["overrides"] > 1, "{seen:?}");
}

#[test]
fn every_value_that_files_can_state_fits() {
    let workspace = json!({
        "version": 1, "tenant": "00000000-0000-0000-0000-0000000000aa", "instance": "altinn-apps", "former_instances": ["old"],
        "environments": { "test": { "title": "Test" }, "at23": { "azure_name": "at23", "subscription": "Altinn-{OWNER}-AT", "production": false } },
        "resources": {
            "key-vault": { "tags": { "a": "{owner}" } },
            "storage": { "title": "Lager på nett", "type": "Microsoft.Storage/storageAccounts", "name": "{owner}{env}st" },
        },
        "roles": {
            "operations": { "may": "rotate" },
            "reader": { "gives": [
                { "on": "key-vault", "definition": "4633458b-17de-408a-b874-0445c86b69e6", "name": "Key Vault Secrets User", "privileged": "why" },
            ] },
        },
        "retired": [{ "on": "key-vault", "definition": "4633458b-17de-408a-b874-0445c86b69e6" }],
        "users": { "domains": ["ai-dev.no"], "member_of": { "attribute": "companyName", "value": "{OWNER}" } },
        "ledger": { "dir": "./../ledger" },
        "notify": {
            "channels": {
                "a": { "slack": { "url": { "env": "A_1" } }, "only": { "classes": ["unmanaged", "expiring-soon"], "owners": ["ttd"], "environments": ["test"] } },
                "b": { "teams": { "url": { "file": "/run/secrets/b" }, "loopback": false } },
                "c": { "email": { "server": "smtp.example.no", "port": 2525, "security": "tls", "user": "å", "password": { "env": "_" }, "from": "a@b.no", "to": ["contact", "a.b+c@d.no"] } },
                "d": { "email": { "server": "127.0.0.1", "security": "none", "from": "a@b", "to": ["contact"] } },
                "e": { "webhook": { "url": { "env": "A" }, "key": { "file": "k" }, "loopback": true } },
                "f": { "ping": { "url": { "env": "A" } } },
            },
            "quiet": { "from": "17:00", "to": "08:00", "days": ["sat", "sun"], "except": ["failing"] },
            "digest": "wednesdays 08:00", "zone": "Europe/Oslo",
        },
        "owners": { "1103": { "environments": ["test"], "resources": { "test": { "key-vault": ["kv-1103"] } }, "reviewers": ["@a/b", "x@example.no"], "contact": "x" } },
        "policy": {
            "unmanaged": "revoke", "revokes": { "max": 1, "per_owner": 2, "prod_per_owner": 3, "share": "100%" }, "expiries": { "max": 0 },
            "protected": ["breakglass@ai-dev.no", { "id": "00000000-0000-0000-0000-0000000000ab" }, { "group": "Break glass" }],
            "require": { "prod-reader": ["reason", "ticket", "until", "id"], "test-reader": [], "prod": [] },
            "longest": { "prod": "0365d", "prod-reader": "3650d" }, "holders_max": { "test": 0, "prod-reader": 3 },
            "block": ["guest", "disabled"], "reviewers": ["@a"],
            "freeze": [{ "what": "all", "until": "2027-01-31", "reason": "x" }, { "what": "removals", "until": "2027-01-31", "reason": "x", "owner": "ttd" }],
            "accept": [{ "code": "unmanaged", "person": "a@b.no", "scope": "/subscriptions/x", "reason": "y", "until": "2027-01-31" }],
        },
    });
    let text = serde_yaml::to_string(&workspace).unwrap();
    let owner = json!({ "owner": "ttd", "name": "Å", "users": [{
        "user": "A.o'B#EXT#@ai-dev.no", "id": "00000000-0000-0000-0000-0000000000AA", "also_at": ["skd", "11"],
        "roles": ["test-reader", { "role": "prod-reader", "until": "2027-01-31", "reason": "a: b – «c»\n", "ticket": "TTD-123/4" }],
    }] });
    let people = serde_yaml::to_string(&owner).unwrap();
    let exception = json!({
        "reason": "x – y", "ticket": "OPS-17", "until": "2027-01-31", "owners": ["ttd", "1103"],
        "revokes": { "max": 2, "per_owner": 3, "prod_per_owner": 4 }, "expiries": { "max": 1 },
    });
    let exceptional = serde_yaml::to_string(&exception).unwrap();
    let loaded =
        load_texts(&[("tilgang.yaml", &text), ("owners/ttd.yaml", &people), ("overrides/a.yaml", &exceptional)]);
    assert!(loaded.errors.is_empty(), "{:#?}", loaded.errors);
    validator(WORKSPACE).validate(&workspace).unwrap();
    validator(OWNER).validate(&owner).unwrap();
    validator(OVERRIDE).validate(&exception).unwrap();
}

/// Values that are read alike by the schema and by the reader: a place in `tilgang.yaml`, and whether each is valid.
const VALUES: &[(&str, &[&str], &[&str])] = &[
    (
        "policy: { longest: { prod: HERE } }",
        &["1d", "9d", "365d", "3599d", "3600d", "3650d", "01d"],
        &["0d", "3651d", "3700d", "4000d", "10000d", "365", "d", "\"365\"", "-1d", "1 d"],
    ),
    ("policy: { holders_max: { prod: HERE } }", &["0", "3"], &["-1", "\"3\"", "2.5", "3d"]),
    ("policy: { freeze: [{ what: HERE, until: 2027-01-31, reason: x }] }", &["all", "removals"], &["grants", "[]"]),
    ("policy: { block: HERE }", &["[]", "[guest]", "[disabled, guest]"], &["[guests]", "[guest, guest]", "guest"]),
    (
        "policy: { reviewers: [HERE] }",
        &["\"@a\"", "\"@a/b-c\"", "a@b.no"],
        &["\"@\"", "a", "\"@a b\"", "\"@a#b\"", "\"@å\""],
    ),
    (
        "policy: { protected: [HERE] }",
        &["a@b.no", "{ group: x y }", "{ id: 00000000-0000-0000-0000-0000000000aa }"],
        &["a", "{}", "{ id: a }", "{ id: 00000000-0000-0000-0000-0000000000aa, group: x }"],
    ),
    ("policy: { accept: [{ code: HERE, reason: x }] }", &["unmanaged", "two-owners"], &["unmanagd"]),
    (
        "users: { member_of: HERE }",
        &["\"{owner}\"", "\"a {OWNER} {owner}\"", "{ attribute: department, value: \"{OWNER}\" }"],
        &[
            "a",
            "\"{env}{owner}\"",
            "\"{owner\"",
            "\"{Owner}\"",
            "{ attribute: mail, value: \"{owner}\" }",
            "{ attribute: department }",
            "{ attribute: department, value: x }",
        ],
    ),
    ("environments: { test: { production: HERE } }", &["true", "false"], &["yes", "1", "\"true\""]),
    (
        "ledger: { dir: HERE }",
        &["../ledger", "ledger", "/var/ledger", "ownership", ".gitlab", "a/owners"],
        &[".", "./", "././.", "owners", "./owners/a", ".//overrides", ".git", ".tilgang/ledger"],
    ),
    (
        "notify: { channels: {}, digest: HERE }",
        &["daily 08:00", "\"mondays 23:59\"", "thursdays 00:00", "tuesdays 12:30"],
        &[
            "daily",
            "08:00",
            "daily 8:00",
            "daily 24:00",
            "monday 08:00",
            "daily  08:00",
            "daily 08:00:00",
            "daily 0x:00",
        ],
    ),
    (
        "notify: { channels: {}, quiet: HERE }",
        &["{}", "{ from: \"17:00\", to: \"08:00\" }", "{ days: [sat] }", "{ except: [] }"],
        &[
            "{ from: \"17:00\" }",
            "{ to: \"08:00\" }",
            "{ days: [saturday] }",
            "{ days: [sat, sat] }",
            "{ days: [mon, tue, wed, thu, fri, sat, sun] }",
            "{ except: [unmanagd] }",
            "{ except: [expired, expired] }",
        ],
    ),
    (
        "notify: { channels: { a: HERE } }",
        &["{ ping: { url: { env: A } } }", "{ webhook: { url: { file: /a }, key: { env: A } } }"],
        &[
            "{}",
            "{ only: { owners: [ttd] } }",
            "{ ping: { url: { env: A } }, slack: { url: { env: A } } }",
            "{ ping: {} }",
            "{ ping: { url: \"https://a.no\" } }",
            "{ ping: { url: { env: a } } }",
            "{ ping: { url: { env: A, file: a } } }",
            "{ ping: { url: {} } }",
            "{ ping: { url: { file: \"https://a.no\" } } }",
            "{ webhook: { url: { env: A } } }",
            "{ ping: { url: { env: A } }, only: { owners: [] } }",
            "{ ping: { url: { env: A } }, only: { classes: [] } }",
            "{ ping: { url: { env: A } }, only: { environments: [] } }",
            "{ ping: { url: { env: A }, loopback: 1 } }",
        ],
    ),
    (
        "notify: { channels: { a: { email: { server: HERE, from: a@b.no, to: [contact] } } } }",
        &["a", "smtp.example.no", "\"127.0.0.1\""],
        &["smtp://a", "\"a:25\"", "a b", "\"\""],
    ),
    (
        "notify: { channels: { a: { email: { server: HERE, security: none, from: a@b.no, to: [contact] } } } }",
        &["localhost", "127.0.0.1"],
        &["a", "localhost.example.no", "10.0.0.1"],
    ),
    (
        "notify: { channels: { a: { email: { server: a, from: HERE, to: [contact] } } } }",
        &["a@b.no", "a.b-c@d", "a+b@c.no"],
        &[
            "a",
            "a@",
            "\"@b\"",
            "a..b@c.no",
            "a@b..no",
            "\"a <a@b.no>\"",
            "\"a@b.no\\nBcc: c@d.no\"",
            "a@b@c",
            "contact",
        ],
    ),
    (
        "notify: { channels: { a: { email: { server: a, from: a@b.no, to: HERE } } } }",
        &["[contact]", "[a@b.no, contact]"],
        &["[]", "contact", "[contact, contact]", "[somebody]"],
    ),
    (
        "notify: { channels: { a: { email: { server: a, from: a@b.no, to: [contact], port: HERE } } } }",
        &["1", "65535"],
        &["0", "65536", "\"25\"", "-1"],
    ),
];

#[test]
fn the_schema_and_the_reader_agree_on_values() {
    let validator = validator(WORKSPACE);
    for (place, valid, invalid) in VALUES {
        let all = valid.iter().map(|value| (value, true)).chain(invalid.iter().map(|value| (value, false)));
        for (value, is_valid) in all {
            let text = format!("{SETTINGS}{}", place.replace("HERE", value));
            let loaded = load_texts(&[("tilgang.yaml", &text), ("owners/ttd.yaml", "owner: ttd\nusers: []\n")]);
            assert_eq!(loaded.errors.is_empty(), is_valid, "the reader: {text}");
            let read: Value = serde_yaml::from_str(&text).unwrap();
            assert_eq!(validator.is_valid(&read), is_valid, "the schema: {text}");
        }
    }
}

/// An unknown key that is near to no known one: the reader answers with all that it knows.
const UNKNOWN: &str = "qqqqqqqqqqqqqqqqqqqq";

/// The keys that the reader knows in a mapping of this file, which stands where `HERE` is.
fn known(path: &str, text: &str) -> BTreeSet<String> {
    let text = text.replace("HERE", &format!("{UNKNOWN}: 1"));
    let mut files = vec![("tilgang.yaml", SETTINGS), ("owners/ttd.yaml", "owner: ttd\nusers: []\n")];
    files.retain(|(other, _)| *other != path);
    files.push((path, &text));
    let loaded = load_texts(&files);
    let unknown = loaded.errors.iter().find(|e| e.message() == format!("unknown key `{UNKNOWN}`"));
    let error = unknown.unwrap_or_else(|| panic!("no mapping is read here: {text}\n{:#?}", loaded.errors));
    error.help_text().unwrap().split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Every mapping with keys of its own in a schema, by its place in the schema.
fn mappings(value: &Value, at: &str, found: &mut BTreeMap<String, BTreeSet<String>>) {
    match value {
        Value::Object(object) => {
            if object.get("additionalProperties") == Some(&Value::Bool(false)) {
                found.insert(at.to_owned(), object["properties"].as_object().unwrap().keys().cloned().collect());
            }
            for (key, value) in object {
                mappings(value, &format!("{at}/{key}"), found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| mappings(item, at, found)),
        _ => {}
    }
}

/// Where each mapping of a schema stands in a file.
const WHERE: &[(&str, &str, &str)] = &[
    ("owners/ttd.yaml", "", "HERE"),
    ("owners/ttd.yaml", "/$defs/user", "users: [{ HERE }]"),
    ("owners/ttd.yaml", "/$defs/stated", "users: [{ roles: [{ HERE }] }]"),
    ("tilgang.yaml", "", "HERE"),
    ("tilgang.yaml", "/$defs/environment", "environments: { test: { HERE } }"),
    ("tilgang.yaml", "/$defs/kind", "resources: { key-vault: { HERE } }"),
    ("tilgang.yaml", "/$defs/role", "roles: { developer: { HERE } }"),
    ("tilgang.yaml", "/$defs/gives", "roles: { developer: { gives: [{ HERE }] } }"),
    ("tilgang.yaml", "/$defs/retired", "retired: [{ HERE }]"),
    ("tilgang.yaml", "/properties/users", "users: { HERE }"),
    ("tilgang.yaml", "/$defs/attribute", "users: { member_of: { HERE } }"),
    ("tilgang.yaml", "/properties/ledger", "ledger: { HERE }"),
    ("tilgang.yaml", "/$defs/owner", "owners: { ttd: { HERE } }"),
    ("tilgang.yaml", "/properties/policy", "policy: { HERE }"),
    ("tilgang.yaml", "/properties/policy/properties/revokes", "policy: { revokes: { HERE } }"),
    ("tilgang.yaml", "/properties/policy/properties/expiries", "policy: { expiries: { HERE } }"),
    ("tilgang.yaml", "/$defs/accept", "policy: { accept: [{ HERE }] }"),
    ("tilgang.yaml", "/$defs/protected", "policy: { protected: [{ HERE }] }"),
    ("tilgang.yaml", "/$defs/freeze", "policy: { freeze: [{ HERE }] }"),
    ("tilgang.yaml", "/properties/notify", "notify: { HERE }"),
    ("tilgang.yaml", "/properties/notify/properties/quiet", "notify: { channels: {}, quiet: { HERE } }"),
    ("tilgang.yaml", "/$defs/channel", "notify: { channels: { a: { HERE } } }"),
    ("tilgang.yaml", "/$defs/channel/properties/only", "notify: { channels: { a: { only: { HERE } } } }"),
    ("tilgang.yaml", "/$defs/door", "notify: { channels: { a: { ping: { HERE } } } }"),
    ("tilgang.yaml", "/$defs/signed", "notify: { channels: { a: { webhook: { HERE } } } }"),
    ("tilgang.yaml", "/$defs/mail", "notify: { channels: { a: { email: { HERE } } } }"),
    ("tilgang.yaml", "/$defs/secret", "notify: { channels: { a: { slack: { url: { HERE } } } } }"),
    ("overrides/a.yaml", "", "HERE"),
    ("overrides/a.yaml", "/properties/revokes", "revokes: { HERE }"),
    ("overrides/a.yaml", "/properties/expiries", "expiries: { HERE }"),
];

#[test]
fn the_schema_has_every_key_that_is_read_and_no_other() {
    for (file, text) in [("owners/ttd.yaml", OWNER), ("tilgang.yaml", WORKSPACE), ("overrides/a.yaml", OVERRIDE)] {
        let mut told = BTreeMap::new();
        mappings(&schema(text), "", &mut told);
        for (_, place, text) in WHERE.iter().filter(|(of, ..)| *of == file) {
            let keys = told.remove(*place).unwrap_or_else(|| panic!("{file}: no mapping at {place}"));
            assert_eq!(keys, known(file, text), "{file} {place}");
        }
        assert!(told.is_empty(), "{file}: where do these stand? {told:#?}");
    }
}

#[test]
fn the_examples_of_roles_are_those_of_the_built_in_catalogue() {
    let loaded = load_texts(&[("tilgang.yaml", SETTINGS), ("owners/ttd.yaml", "owner: ttd\nusers: []\n")]);
    let catalog = loaded.desired.unwrap().catalog;
    let roles: Vec<_> = catalog.roles.keys().map(ToString::to_string).collect();
    let environments = catalog.environments.keys().map(ToString::to_string);
    let meant: Vec<_> = roles.iter().cloned().chain(environments).collect();
    assert_eq!(schema(OWNER)["$defs"]["role"]["examples"], json!(roles));
    assert_eq!(schema(WORKSPACE)["$defs"]["granted"]["examples"], json!(meant));
}

#[test]
fn the_words_of_a_list_are_all_there() {
    let workspace = schema(WORKSPACE);
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.word()).collect();
    assert_eq!(workspace["$defs"]["accept"]["properties"]["code"]["enum"], json!(codes));
    let topics: Vec<_> = Topic::ALL.iter().map(|topic| topic.word()).collect();
    assert_eq!(workspace["$defs"]["classes"]["items"]["enum"], json!(topics));
    let attributes = Attribute::ALL.map(Attribute::word);
    assert_eq!(workspace["$defs"]["attribute"]["properties"]["attribute"]["enum"], json!(attributes));
}

#[test]
fn everything_that_can_be_written_is_explained() {
    fn unexplained(root: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
        for (name, property) in value.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let place = format!("{at}/{name}");
            let of = property["$ref"].as_str().map(|name| &root["$defs"][name.trim_start_matches("#/$defs/")]);
            if property.is_object() && property.get("title").or(of.and_then(|of| of.get("title"))).is_none() {
                found.push(place.clone());
            }
            unexplained(root, property, &place, found);
        }
        for (name, inner) in value.get("$defs").and_then(Value::as_object).into_iter().flatten() {
            unexplained(root, inner, name, found);
        }
    }
    for text in [OWNER, WORKSPACE, OVERRIDE] {
        let (schema, mut found) = (schema(text), Vec::new());
        unexplained(&schema, &schema, "", &mut found);
        assert!(found.is_empty(), "no title: {found:#?}");
    }
}
