//! What every workflow has in common: no right that is not asked for, nothing unpinned, and no text of others in a command.

use std::{collections::BTreeSet, fs};

use serde_yaml::Value;

use super::runner::{Step, texts};
use crate::workspace::project;

pub(super) const WORKFLOWS: [&str; 4] = ["tilgang-pull-request", "tilgang-fork", "tilgang-apply", "tilgang-nightly"];

pub(super) fn read(path: &str) -> Value {
    serde_yaml::from_str(&fs::read_to_string(project().join(path)).unwrap()).unwrap()
}

fn workflow(name: &str) -> Value {
    read(&format!("examples/ci/github/workflows/{name}.yml"))
}

/// Every step with a `run:` block.
pub(super) fn runs(workflow_name: &str) -> BTreeSet<Step> {
    let whole = workflow(workflow_name);
    let jobs = whole["jobs"].as_mapping().unwrap().iter();
    jobs.flat_map(|(job, it)| {
        let steps = it["steps"].as_sequence().unwrap().iter().filter(|step| !step["run"].is_null());
        steps.map(move |step| {
            let name = step["name"].as_str().unwrap().to_owned();
            (workflow_name.to_owned(), job.as_str().unwrap().to_owned(), name)
        })
    })
    .collect()
}

#[test]
fn every_job_asks_for_little_and_takes_nobodys_words_into_a_command() {
    let mut folder: Vec<String> = fs::read_dir(project().join("examples/ci/github/workflows"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    folder.sort();
    let mut known = WORKFLOWS;
    known.sort_unstable();
    assert_eq!(folder, known);
    for name in WORKFLOWS {
        let whole = workflow(name);
        assert_eq!(whole["permissions"], Value::Mapping(serde_yaml::Mapping::new()), "{name}");
        for (job, it) in whole["jobs"].as_mapping().unwrap() {
            let job = format!("{name}: {}", job.as_str().unwrap());
            let rights = texts(&it["permissions"]);
            assert!(!rights.is_empty() && it["timeout-minutes"].is_number(), "{job}");
            // Whoever may write a comment cannot sign in to Azure, and the other way round.
            assert!(
                !(rights.contains_key("id-token") && rights.get("pull-requests").is_some_and(|it| it == "write")),
                "{job}"
            );
            let writes = serde_yaml::to_string(it).unwrap().contains("TILGANG_WRITING_CLIENT_ID");
            assert!(!writes || it["environment"].as_str().is_some(), "{job} writes outside of an environment");
            let group = if it["concurrency"].is_null() { &whole["concurrency"] } else { &it["concurrency"] };
            // The ledger's lock lets one write at a time; a group of all would be held by whoever waits for an approval.
            assert!(!writes || group["cancel-in-progress"] == false, "{job}");
            let told = serde_yaml::to_string(it).unwrap();
            assert!(!writes || (told.contains("ledger.sh take") && told.contains("ledger.sh keep")), "{job}");
            // And nothing is built where the writing identity is.
            assert!(!writes || told.contains("tilgang-built/tilgang"), "{job}");
            for step in it["steps"].as_sequence().unwrap() {
                check(&job, step);
            }
        }
    }
    for step in read("action.yml")["runs"]["steps"].as_sequence().unwrap() {
        check("action.yml", step);
    }
}

fn check(job: &str, step: &Value) {
    assert!(step["name"].is_string(), "{job}");
    if let Some(run) = step["run"].as_str() {
        assert!(!run.contains("${{"), "{job}: an expression is put into a command: {run}");
    }
    if let Some(uses) = step["uses"].as_str().filter(|uses| !uses.starts_with("./")) {
        let pinned =
            uses.split_once('@').is_some_and(|(_, at)| at.len() == 40 && at.chars().all(|c| c.is_ascii_hexdigit()));
        assert!(pinned, "{job}: {uses}");
        assert!(!uses.starts_with("actions/checkout@") || step["with"]["persist-credentials"] == false, "{job}");
    }
}

/// The same of the templates for Azure DevOps: macros are put into commands by the agent, so none stands in one.
#[test]
fn no_macro_stands_in_a_script_for_azure_devops() {
    for entry in fs::read_dir(project().join("examples/ci/azure-devops")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yml") {
            continue;
        }
        let whole: Value = serde_yaml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let mut scripts = Vec::new();
        gather(&whole, &mut scripts);
        assert!(!scripts.is_empty(), "{}", path.display());
        for script in scripts {
            assert!(!script.contains("$(") || script.contains("$(jq "), "{}: {script}", path.display());
            assert!(!script.contains("${{"), "{}: {script}", path.display());
        }
    }
}

/// Each pipeline to copy says what starts it, for one that does not is started by every push, and gives its template all it asks for.
#[test]
fn each_pipeline_says_what_starts_it() {
    let mut names = Vec::new();
    for entry in fs::read_dir(project().join("examples/ci/azure-devops/pipelines")).unwrap() {
        let path = entry.unwrap().path();
        let whole: Value = serde_yaml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(!whole["trigger"].is_null() && whole["pr"] == "none", "{name}");
        assert!(name == "apply.yml" || whole["trigger"] == "none", "{name}");
        assert_eq!(whole["extends"]["template"], format!("examples/ci/azure-devops/{name}@tilgang").as_str());
        let template = read(&format!("examples/ci/azure-devops/{name}"));
        let asked = template["parameters"].as_sequence().unwrap().iter().filter(|it| it["default"].is_null());
        let asked: BTreeSet<&str> = asked.map(|it| it["name"].as_str().unwrap()).collect();
        let given = whole["extends"]["parameters"].as_mapping().unwrap().keys();
        assert_eq!(given.map(|name| name.as_str().unwrap()).collect::<BTreeSet<_>>(), asked, "{name}");
        names.push(name);
    }
    names.sort();
    assert_eq!(names, ["apply.yml", "nightly.yml", "pull-request.yml"]);
}

/// All scripts of a template.
pub(super) fn gather<'a>(value: &'a Value, scripts: &mut Vec<&'a str>) {
    match value {
        Value::Sequence(all) => all.iter().for_each(|it| gather(it, scripts)),
        Value::Mapping(all) => {
            for (key, it) in all {
                match (key.as_str(), it.as_str()) {
                    (Some("bash" | "inlineScript"), Some(script)) => scripts.push(script),
                    _ => gather(it, scripts),
                }
            }
        }
        _ => {}
    }
}
