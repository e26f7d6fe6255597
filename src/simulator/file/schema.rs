//! Tests of the JSON Schema beside this file: it knows every key that is read and no other, and every world file here fits it.

use std::{collections::BTreeSet, fs, path::Path};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    ApplicationEntry, AssignmentEntry, DefinitionEntry, DenialEntry, EligibilityEntry, GroupEntry, LockItem,
    ResourceEntry, ResourceGroupEntry, SCHEMA, SettingsEntry, SubscriptionItem, UserEntry, WorldFile,
};

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

/// The keys that serde knows: it lists them when it meets another.
fn keys<T: DeserializeOwned>() -> BTreeSet<String> {
    let error = serde_json::from_value::<T>(json!({ "no such key": 1 })).err().unwrap().to_string();
    error.split('`').skip(3).step_by(2).map(ToOwned::to_owned).collect()
}

#[test]
fn the_schema_has_every_key_and_no_other() {
    let schema = schema();
    for (name, keys) in [
        ("settings", keys::<SettingsEntry>()),
        ("application", keys::<ApplicationEntry>()),
        ("user", keys::<UserEntry>()),
        ("group", keys::<GroupEntry>()),
        ("subscription", keys::<SubscriptionItem>()),
        ("resource", keys::<ResourceEntry>()),
        ("lock", keys::<LockItem>()),
        ("role_definition", keys::<DefinitionEntry>()),
        ("resource_group", keys::<ResourceGroupEntry>()),
        ("eligibility", keys::<EligibilityEntry>()),
        ("denial", keys::<DenialEntry>()),
        ("assignment", keys::<AssignmentEntry>()),
    ] {
        let told: BTreeSet<String> = schema["$defs"][name]["properties"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(told, keys, "{name}");
    }
    let told: BTreeSet<String> = schema["properties"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(told, keys::<WorldFile>());
}

/// What of JSON Schema is used here, and nothing else: a word that is not known fails.
fn fits(root: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let fail = |what: &str| Err(format!("{at}: {what}: {value}"));
    for (word, rule) in schema.as_object().unwrap() {
        match word.as_str() {
            "$schema" | "$defs" | "title" | "description" | "additionalProperties" | "minimum" => {}
            "$ref" => fits(root, &root["$defs"][rule.as_str().unwrap().trim_start_matches("#/$defs/")], value, at)?,
            "type" => {
                let is = match rule.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "integer" => value.is_u64(),
                    other => panic!("type {other}"),
                };
                if !is {
                    return fail(&format!("no {rule}"));
                }
            }
            "enum" => {
                if !rule.as_array().unwrap().contains(value) {
                    return fail("not one of those allowed");
                }
            }
            "pattern" => {
                if value.as_str().is_some_and(|text| !regex::Regex::new(rule.as_str().unwrap()).unwrap().is_match(text))
                {
                    return fail("another pattern");
                }
            }
            "required" => {
                for key in rule.as_array().unwrap() {
                    if value.as_object().is_some_and(|object| !object.contains_key(key.as_str().unwrap())) {
                        return fail(&format!("{key} is missing"));
                    }
                }
            }
            "items" => {
                for (n, item) in value.as_array().into_iter().flatten().enumerate() {
                    fits(root, rule, item, &format!("{at}/{n}"))?;
                }
            }
            "properties" => {
                for (key, inner) in value.as_object().into_iter().flatten() {
                    match rule.get(key) {
                        Some(rule) => fits(root, rule, inner, &format!("{at}/{key}"))?,
                        None => return fail(&format!("unknown key {key}")),
                    }
                }
            }
            "oneOf" | "anyOf" => {
                let fitting =
                    rule.as_array().unwrap().iter().filter(|rule| fits(root, rule, value, at).is_ok()).count();
                if fitting == 0 || word == "oneOf" && fitting > 1 {
                    return fail(&format!("{fitting} forms fit"));
                }
            }
            other => panic!("this test does not know `{other}`"),
        }
    }
    Ok(())
}

fn check(text: &str) -> Result<(), String> {
    let (schema, value) = (schema(), serde_yaml::from_str(text).unwrap());
    fits(&schema, &schema, &value, "")
}

fn worlds(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") && !path.ends_with(".git") {
            worlds(&path, found);
        } else if path.ends_with("azure.yaml") {
            found.push(path);
        }
    }
}

#[test]
fn every_world_file_fits_the_schema() {
    let mut files = Vec::new();
    worlds(Path::new(env!("CARGO_MANIFEST_DIR")), &mut files);
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        check(&fs::read_to_string(&file).unwrap()).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
    let example = include_str!("example.yaml");
    check(example).unwrap();
    let written = serde_yaml::to_string(&super::write(&super::read(example).unwrap())).unwrap();
    check(&written).unwrap();
}

#[test]
fn what_cannot_be_read_does_not_fit() {
    let head = "tenant: 00000000-0000-0000-0000-0000000000aa\n";
    check(head).unwrap();
    for text in [
        "tenant: x",
        "users: []",
        &format!("{head}user: []"),
        &format!("{head}users: [{{ user: a@b.no, nam: x }}]"),
        &format!("{head}subscriptions: [{{ name: S, resources: [valut kv] }}]"),
        &format!("{head}subscriptions: [{{ name: S, resources: [{{ group: g }}] }}]"),
        &format!("{head}subscriptions: [{{ name: S, locks: [{{ name: l, level: Never }}] }}]"),
        &format!("{head}assignments: [{{ principal: a, role: r }}]"),
    ] {
        assert!(check(text).is_err(), "{text}");
    }
}
