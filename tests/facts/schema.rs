//! Swagger's dialect → JSON Schema (draft 4), one self-contained schema for one place in the descriptions.
//!
//! Stricter than `oav` in one thing: enums count even where they are `modelAsString`. As in `oav`, a property that is not
//! required may be null unless `x-nullable` is false (recordings are full of them), and an object with declared properties
//! has no others.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// Whether a schema is for what is sent or for what comes back: a `readOnly` property is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    Request,
    Response,
}

/// Every description, by its path.
pub(crate) type Files = BTreeMap<String, Value>;

/// A place in a description.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) file: &'a str,
    pub(crate) node: &'a Value,
}

/// Follows a `$ref`, if that is what is here.
pub(crate) fn resolve<'a>(files: &'a Files, at: At<'a>) -> At<'a> {
    match at.node.get("$ref").and_then(Value::as_str) {
        Some(reference) => resolve(files, target(files, at.file, reference)),
        None => at,
    }
}

fn target<'a>(files: &'a Files, from: &str, reference: &str) -> At<'a> {
    let (path, pointer) = reference.split_once('#').unwrap();
    let path = if path.is_empty() { from.to_owned() } else { joined(from, path) };
    let (file, whole) =
        files.get_key_value(&path).unwrap_or_else(|| panic!("{from} refers to {path}, which is missing"));
    At { file, node: whole.pointer(pointer).unwrap_or_else(|| panic!("{path} has no {pointer}")) }
}

fn joined(from: &str, path: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The schema for one place.
pub(crate) fn schema(files: &Files, at: At<'_>, way: Way) -> Value {
    let mut making = Making { files, way, definitions: BTreeMap::new() };
    let mut root = making.convert(at);
    root["$schema"] = json!("http://json-schema.org/draft-04/schema#");
    root["definitions"] = json!(making.definitions);
    // In draft 4 nothing counts beside a `$ref`.
    match root.get("$ref").cloned() {
        Some(reference) => {
            let root = root.as_object_mut().unwrap();
            root.remove("$ref");
            root.insert("allOf".to_owned(), json!([{ "$ref": reference }]));
            json!(root)
        }
        None => root,
    }
}

struct Making<'a> {
    files: &'a Files,
    way: Way,
    definitions: BTreeMap<String, Value>,
}

/// What counts in a schema beside its structure.
const KEPT: &[&str] = &[
    "type",
    "format",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minItems",
    "maxItems",
    "uniqueItems",
    "multipleOf",
];

impl Making<'_> {
    fn convert(&mut self, at: At<'_>) -> Value {
        if let Some(reference) = at.node.get("$ref").and_then(Value::as_str) {
            return self.definition(at.file, reference, false);
        }
        let mut made = Map::new();
        for (key, value) in at.node.as_object().into_iter().flatten() {
            if KEPT.contains(&key.as_str()) {
                made.insert(key.clone(), value.clone());
            }
        }
        if let Some(items) = at.node.get("items") {
            made.insert("items".to_owned(), self.convert(At { node: items, ..at }));
        }
        self.object(at, &mut made);
        Value::Object(made)
    }

    fn definition(&mut self, from: &str, reference: &str, or_null: bool) -> Value {
        let files = self.files;
        let target = target(files, from, reference);
        let word = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let name = format!("{} {} {or_null}", target.file, reference.rsplit('#').next().unwrap());
        let key: String = name.chars().map(word).collect();
        if !self.definitions.contains_key(&key) {
            self.definitions.insert(key.clone(), Value::Null); // a type may hold itself
            let made = self.convert(target);
            self.definitions.insert(key.clone(), if or_null { nullable(made) } else { made });
        }
        json!({ "$ref": format!("#/definitions/{key}") })
    }

    /// `properties`, `required`, `additionalProperties`, with every `allOf` taken in.
    fn object(&mut self, at: At<'_>, made: &mut Map<String, Value>) {
        let mut whole = Whole::default();
        whole.take(self.files, at);
        if whole.properties.is_empty() {
            if let Some(values @ Value::Object(_)) = at.node.get("additionalProperties") {
                made.insert("additionalProperties".to_owned(), self.convert(At { node: values, ..at }));
            }
            return;
        }
        let mut properties = Map::new();
        for (name, (file, node)) in &whole.properties {
            if self.way == Way::Request && node.get("readOnly") == Some(&json!(true)) {
                whole.required.remove(name);
                continue;
            }
            let or_null = node.get("x-nullable").and_then(Value::as_bool).unwrap_or(!whole.required.contains(name));
            let value = match node.get("$ref").and_then(Value::as_str) {
                Some(reference) => self.definition(file, reference, or_null),
                None if or_null => nullable(self.convert(At { file, node })),
                None => self.convert(At { file, node }),
            };
            properties.insert(name.clone(), value);
        }
        made.insert("type".to_owned(), json!("object"));
        made.insert("properties".to_owned(), json!(properties));
        if !whole.required.is_empty() {
            made.insert("required".to_owned(), json!(whole.required));
        }
        if !whole.open {
            made.insert("additionalProperties".to_owned(), json!(false));
        }
    }
}

/// The same, or null: by its type rather than by `anyOf`, which does not say what is wrong.
fn nullable(mut schema: Value) -> Value {
    if let Some(kind) = schema.get("type").cloned() {
        schema["type"] = json!([kind, "null"]);
    }
    if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        values.push(Value::Null);
    }
    if schema.get("$ref").is_some() { json!({ "anyOf": [schema, { "type": "null" }] }) } else { schema }
}

#[derive(Default)]
struct Whole {
    properties: BTreeMap<String, (String, Value)>,
    required: BTreeSet<String>,
    open: bool,
}

impl Whole {
    fn take(&mut self, files: &Files, at: At<'_>) {
        let At { file, node } = resolve(files, at);
        for part in node.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.take(files, At { file, node: part });
        }
        for (name, property) in node.get("properties").and_then(Value::as_object).into_iter().flatten() {
            self.properties.insert(name.clone(), (file.to_owned(), property.clone()));
        }
        let required = node.get("required").and_then(Value::as_array).into_iter().flatten();
        self.required.extend(required.filter_map(Value::as_str).map(str::to_owned));
        self.open |= node.get("additionalProperties").is_some_and(|it| it != &json!(false));
        self.open |= node.get("discriminator").is_some(); // what is derived from it has more
    }
}
