//! The OpenAPI files → operations, and whether a request or an answer fits one.

use std::{cell::RefCell, collections::BTreeMap, fs, path::Path, rc::Rc};

use jsonschema::Validator;
use serde_json::Value;
use tilgang::simulator::routes::{decoded, pairs};

use crate::schema::{At, Files, Way, resolve, schema};

/// Every description there is.
pub(crate) struct Described {
    files: Files,
    operations: Vec<Operation>,
    validators: RefCell<BTreeMap<(String, Way, u16), Rc<Validator>>>,
}

/// One operation.
pub(crate) struct Operation {
    /// `RoleAssignments_Create 2022-04-01`: unique, and readable.
    pub(crate) name: String,
    version: String,
    method: String,
    file: String,
    segments: Vec<Segment>,
    parameters: Vec<Value>,
    node: Value,
}

impl Operation {
    /// What a request may carry beside its path and body, `api-version` left out: where, and its name.
    pub(crate) fn options(&self) -> Vec<(String, String)> {
        let text = |node: &Value, key: &str| node[key].as_str().unwrap_or_default().to_owned();
        let all = self.parameters.iter().map(|it| (text(it, "in"), text(it, "name")));
        all.filter(|(place, name)| ["query", "header"].contains(&place.as_str()) && name != "api-version").collect()
    }
}

#[derive(Debug)]
enum Segment {
    Word(String),
    One(String),
    /// `x-ms-skip-url-encoding`: any number of segments; none, unless it is the last.
    Any,
}

fn files_below(folder: &Path, root: &Path, into: &mut Files) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("examples") {
            files_below(&path, root, into);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            into.insert(name, serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap());
        }
    }
}

impl Described {
    pub(crate) fn load(facts: &Path) -> Self {
        let mut files = Files::new();
        let root = facts.join("specs/specification");
        files_below(&root, &root, &mut files);
        let mut operations = Vec::new();
        for (file, whole) in &files {
            let version = whole.pointer("/info/version").and_then(Value::as_str).unwrap_or_default();
            for (template, methods) in whole.get("paths").and_then(Value::as_object).into_iter().flatten() {
                for (method, node) in methods.as_object().unwrap().iter().filter(|(key, _)| *key != "parameters") {
                    let of =
                        |node: &Value| node.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
                    let all = [of(methods), of(node)].concat();
                    let parameters: Vec<Value> =
                        all.iter().map(|node| resolve(&files, At { file, node }).node.clone()).collect();
                    let segments = segments(template, &parameters);
                    if segments.iter().any(|segment| matches!(segment, Segment::Word(_))) {
                        let id = node.get("operationId").and_then(Value::as_str).unwrap_or(template);
                        operations.push(Operation {
                            name: format!("{id} {version}"),
                            version: version.to_owned(),
                            method: method.to_ascii_uppercase(),
                            file: file.clone(),
                            segments,
                            parameters,
                            node: node.clone(),
                        });
                    }
                }
            }
        }
        Self { files, operations, validators: RefCell::default() }
    }

    /// How many files and operations were read.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.files.len(), self.operations.len())
    }

    /// The operation that describes a request, in the version it names: the one with most words of its own.
    pub(crate) fn find(&self, method: &str, target: &str) -> Option<&Operation> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let query = pairs(query);
        let version = query.iter().find(|(key, _)| key.eq_ignore_ascii_case("api-version"))?.1.clone();
        let parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decoded).collect();
        let fits = |it: &&Operation| it.method == method && it.version == version && fits(&it.segments, &parts);
        let words = |it: &&Operation| it.segments.iter().filter(|it| matches!(it, Segment::Word(_))).count();
        self.operations.iter().filter(fits).max_by_key(words)
    }

    fn validator(&self, operation: &Operation, way: Way, status: u16, node: &Value) -> Rc<Validator> {
        let key = (format!("{} {}", operation.file, operation.name), way, status);
        if let Some(known) = self.validators.borrow().get(&key) {
            return known.clone();
        }
        let schema = schema(&self.files, At { file: &operation.file, node }, way);
        let made = jsonschema::options()
            .should_validate_formats(true)
            .with_format("uuid", |text: &str| text.len() == 36 && text.parse::<uuid::Uuid>().is_ok())
            .with_format("arm-id", |text: &str| text.starts_with('/'))
            .build(&schema);
        let made = Rc::new(made.unwrap_or_else(|error| panic!("{}: {error}", operation.name)));
        self.validators.borrow_mut().insert(key, made.clone());
        made
    }

    /// What does not fit in an answer.
    pub(crate) fn answer(&self, operation: &Operation, status: u16, body: &[u8]) -> Vec<String> {
        let responses = operation.node.get("responses").unwrap();
        let declared = responses.get(status.to_string());
        let Some(declared) = declared.or_else(|| responses.get("default").filter(|_| status >= 400)) else {
            return vec![format!("status {status} is not declared")];
        };
        let declared = resolve(&self.files, At { file: &operation.file, node: declared }).node;
        let Some(node) = declared.get("schema") else {
            return if body.is_empty() { vec![] } else { vec![format!("{status} is declared without a body")] };
        };
        self.body(operation, Way::Response, status, node, body)
    }

    fn body(&self, operation: &Operation, way: Way, status: u16, node: &Value, body: &[u8]) -> Vec<String> {
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return vec![format!("not JSON: {}", String::from_utf8_lossy(body))];
        };
        let validator = self.validator(operation, way, status, node);
        validator.iter_errors(&body).map(|error| format!("{} at {}", error, error.instance_path)).collect()
    }

    /// What does not fit in a request. Links that Azure gave are followed as they are, so `$skiptoken` may always be there.
    pub(crate) fn request(&self, operation: &Operation, target: &str, body: &[u8]) -> Vec<String> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let query = pairs(query);
        let mut wrong = Vec::new();
        let text = |node: &Value, key: &str| node.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let place = |wanted: &'static str| operation.parameters.iter().filter(move |it| it["in"] == wanted);
        for parameter in place("query") {
            let name = text(parameter, "name");
            if parameter["required"] == true && !query.iter().any(|(key, _)| key.eq_ignore_ascii_case(&name)) {
                wrong.push(format!("query parameter {name} is missing"));
            }
        }
        for (key, _) in &query {
            let known = place("query").any(|it| text(it, "name").eq_ignore_ascii_case(key));
            if !known && !key.eq_ignore_ascii_case("$skiptoken") {
                wrong.push(format!("query parameter {key} is not declared"));
            }
        }
        if path.contains("//") {
            wrong.push("an empty segment".to_owned());
        }
        let parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decoded).collect();
        for (name, value) in named(&operation.segments, &parts) {
            let parameter = place("path").find(|it| text(it, "name") == name);
            for error in parameter.map(|it| path_errors(it, &value)).unwrap_or_default() {
                wrong.push(format!("path parameter {name}: {error}"));
            }
        }
        match (place("body").next(), body.is_empty()) {
            (Some(it), false) => {
                wrong.extend(self.body(operation, Way::Request, 0, it.get("schema").unwrap(), body));
            }
            (Some(it), true) if it["required"] == true => wrong.push("the body is missing".to_owned()),
            (None, false) => wrong.push("a body that is not declared".to_owned()),
            _ => {}
        }
        wrong
    }
}

fn segments(template: &str, parameters: &[Value]) -> Vec<Segment> {
    let path = template.split('?').next().unwrap();
    let segment = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        None => Segment::Word(part.to_ascii_lowercase()),
        Some(name) => {
            let declared = parameters.iter().find(|it| it["name"] == name);
            let many = declared.is_some_and(|it| it.get("x-ms-skip-url-encoding") == Some(&Value::Bool(true)));
            if many { Segment::Any } else { Segment::One(name.to_owned()) }
        }
    };
    path.split('/').filter(|part| !part.is_empty()).map(segment).collect()
}

fn fits(segments: &[Segment], parts: &[String]) -> bool {
    match (segments.split_first(), parts.split_first()) {
        (None, part) => part.is_none(),
        (Some((Segment::Any, rest)), part) => {
            let later = |others| fits(segments, others) || rest.is_empty();
            !rest.is_empty() && fits(rest, parts) || part.is_some_and(|(_, others)| later(others))
        }
        (Some(_), None) => false,
        (Some((Segment::Word(word), rest)), Some((part, others))) => {
            word.eq_ignore_ascii_case(part) && fits(rest, others)
        }
        (Some((Segment::One(_), rest)), Some((_, others))) => fits(rest, others),
    }
}

/// Path parameters with what stands in their place, read from the end: what may be long stands in front.
fn named(segments: &[Segment], parts: &[String]) -> Vec<(String, String)> {
    let pairs =
        segments.iter().rev().zip(parts.iter().rev()).take_while(|(segment, _)| !matches!(segment, Segment::Any));
    let named = pairs.filter_map(|(segment, part)| match segment {
        Segment::One(name) => Some((name.clone(), part.clone())),
        _ => None,
    });
    named.collect()
}

fn path_errors(parameter: &Value, value: &str) -> Vec<String> {
    let keys = ["type", "pattern", "minLength", "maxLength", "enum"];
    let schema: serde_json::Map<String, Value> = parameter
        .as_object()
        .unwrap()
        .iter()
        .filter(|(key, _)| keys.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let validator = jsonschema::draft4::new(&Value::Object(schema)).unwrap();
    validator.iter_errors(&Value::String(value.to_owned())).map(|error| error.to_string()).collect()
}
