#![cfg(test)]
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
    config::{Loaded, load_texts},
    edit::schema::{OWNER, WORKSPACE},
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
    ("byte-order-mark", "an editor takes it away before a schema sees the text"),
    ("directive", "an editor sees the value, not how it is written"),
    ("doubled-keys", "of two keys only one reaches a schema"),
    ("hidden-characters", "comments do not reach a schema"),
    ("tab-after-colon", "an editor sees the value, not how it is written"),
    ("tilgang-everybodys-target", "needs the built-in catalogue and every owner"),
    ("tilgang-shared-targets", "needs the built-in catalogue and every owner"),
    ("text-with-a-star", "an editor sees the value, not how it is written"),
    ("two-readings", "an editor sees the value, not how it is written"),
];

/// The cases of `tests/invalid` that are one file.
fn cases() -> Vec<PathBuf> {
    let all = fs::read_dir("tests/invalid").unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = all.filter(|path| path.extension().is_some_and(|e| e == "yaml")).collect();
    cases.sort();
    cases
}

#[test]
fn every_invalid_file_that_a_schema_can_tell_is_refused() {
    let (owner, workspace) = (validator(OWNER), validator(WORKSPACE));
    let (mut wrong, mut told) = (Vec::new(), 0);
    for case in cases() {
        let name = case.file_stem().unwrap().to_str().unwrap().to_owned();
        let validator = if name.starts_with("tilgang-") { &workspace } else { &owner };
        // What is no YAML is told by the editor itself.
        let Ok(value) = serde_yaml::from_str::<Value>(&fs::read_to_string(&case).unwrap()) else { continue };
        let refused = !validator.is_valid(&value);
        told += usize::from(refused);
        if refused == UNTOLD.iter().any(|(untold, _)| *untold == name) {
            wrong.push((name, refused));
        }
    }
    assert!(wrong.is_empty(), "told or untold, and listed the other way round: {wrong:#?}");
    assert!(told >= 15, "{told}");
}

fn yaml_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            yaml_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path);
        }
    }
}

#[test]
fn every_valid_file_fits() {
    let (owner, workspace) = (validator(OWNER), validator(WORKSPACE));
    let mut files = Vec::new();
    yaml_files(Path::new("examples"), &mut files);
    yaml_files(Path::new("tests/cases"), &mut files);
    let mut seen = BTreeSet::new();
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        let is_owner = file.parent().unwrap().ends_with("owners");
        let validator = match file.file_name().unwrap().to_str().unwrap() {
            "tilgang.yaml" => &workspace,
            _ if is_owner => &owner,
            _ => continue,
        };
        if !valid(file, &text) {
            continue;
        }
        let value: Value = serde_yaml::from_str(&text).unwrap();
        let errors: Vec<_> = validator.iter_errors(&value).map(|e| format!("{} {e}", e.instance_path)).collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", file.display());
        seen.insert(file);
    }
    assert!(seen.len() > 40, "{}", seen.len());
}

/// Whether the reader finds no mistake in the file, beside the settings of its own workspace.
fn valid(file: &Path, text: &str) -> bool {
    let name = file.file_name().unwrap().to_str().unwrap();
    let loaded = if name == "tilgang.yaml" {
        load_texts(&[("tilgang.yaml", text)])
    } else {
        let settings = fs::read_to_string(file.parent().unwrap().parent().unwrap().join("tilgang.yaml")).unwrap();
        load_texts(&[("tilgang.yaml", &settings), (&format!("owners/{name}"), text)])
    };
    !loaded.errors.iter().any(|error| error.file().ends_with(name))
}

#[test]
fn every_value_that_files_can_state_fits() {
    let workspace = json!({
        "version": 1, "tenant": "00000000-0000-0000-0000-0000000000aa", "instance": "altinn-apps", "former_instances": ["old"],
        "environments": { "test": { "title": "Test" }, "at23": { "azure_name": "at23", "subscription": "Altinn-{OWNER}-AT" } },
        "resources": {
            "key-vault": { "tags": { "a": "{owner}" } },
            "storage": { "title": "Lager på nett", "type": "Microsoft.Storage/storageAccounts", "name": "{owner}{env}st" },
        },
        "roles": {
            "operations": { "may": "rotate" },
            "reader": { "gives": [{ "on": "key-vault", "definition": "4633458b-17de-408a-b874-0445c86b69e6", "name": "Key Vault Secrets User" }] },
        },
        "retired": [{ "on": "key-vault", "definition": "4633458b-17de-408a-b874-0445c86b69e6" }],
        "users": { "domains": ["ai-dev.no"] },
        "owners": { "1103": { "environments": ["test"], "resources": { "test": { "key-vault": ["kv-1103"] } }, "reviewers": ["@a/b"], "contact": "x" } },
        "policy": {
            "unmanaged": "revoke", "revokes": { "max": 1, "per_owner": 2, "prod_per_owner": 3, "share": "100%" }, "expiries": { "max": 0 },
            "protected": ["breakglass@ai-dev.no"], "require": { "prod-reader": ["reason", "ticket", "until", "id"], "test-reader": [] },
            "accept": [{ "code": "unmanaged", "person": "a@b.no", "scope": "/subscriptions/x", "reason": "y", "until": "2027-01-31" }],
        },
    });
    let text = serde_yaml::to_string(&workspace).unwrap();
    let owner = json!({ "owner": "ttd", "name": "Å", "users": [{
        "user": "A.o'B#EXT#@ai-dev.no", "id": "00000000-0000-0000-0000-0000000000AA",
        "roles": ["test-reader", { "role": "prod-reader", "until": "2027-01-31", "reason": "a: b – «c»\n", "ticket": "TTD-123/4" }],
    }] });
    let people = serde_yaml::to_string(&owner).unwrap();
    let loaded = load_texts(&[("tilgang.yaml", &text), ("owners/ttd.yaml", &people)]);
    assert!(loaded.errors.is_empty(), "{:#?}", loaded.errors);
    validator(WORKSPACE).validate(&workspace).unwrap();
    validator(OWNER).validate(&owner).unwrap();
}

/// An unknown key that is near to no known one: the reader answers with all that it knows.
const UNKNOWN: &str = "qqqqqqqqqqqqqqqqqqqq";

/// The keys that the reader knows in a mapping of this file, which stands where `HERE` is.
fn known(path: &str, text: &str) -> BTreeSet<String> {
    let text = text.replace("HERE", &format!("{UNKNOWN}: 1"));
    let loaded: Loaded = if path == "tilgang.yaml" {
        load_texts(&[(path, &text), ("owners/ttd.yaml", "owner: ttd\nusers: []\n")])
    } else {
        load_texts(&[("tilgang.yaml", SETTINGS), (path, &text)])
    };
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
    ("tilgang.yaml", "/$defs/gives", "retired: [{ HERE }]"),
    ("tilgang.yaml", "/properties/users", "users: { HERE }"),
    ("tilgang.yaml", "/$defs/owner", "owners: { ttd: { HERE } }"),
    ("tilgang.yaml", "/properties/policy", "policy: { HERE }"),
    ("tilgang.yaml", "/properties/policy/properties/revokes", "policy: { revokes: { HERE } }"),
    ("tilgang.yaml", "/properties/policy/properties/expiries", "policy: { expiries: { HERE } }"),
    ("tilgang.yaml", "/$defs/accept", "policy: { accept: [{ HERE }] }"),
];

#[test]
fn the_schema_has_every_key_that_is_read_and_no_other() {
    for (file, text) in [("owners/ttd.yaml", OWNER), ("tilgang.yaml", WORKSPACE)] {
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
    let roles: Vec<_> = loaded.desired.unwrap().catalog.roles.keys().map(ToString::to_string).collect();
    assert_eq!(schema(OWNER)["$defs"]["role"]["examples"], json!(roles));
    assert_eq!(schema(WORKSPACE)["$defs"]["granted"]["examples"], json!(roles));
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
    for text in [OWNER, WORKSPACE] {
        let (schema, mut found) = (schema(text), Vec::new());
        unexplained(&schema, &schema, "", &mut found);
        assert!(found.is_empty(), "no title: {found:#?}");
    }
}
