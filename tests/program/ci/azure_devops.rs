//! The templates for Azure DevOps: their scripts, played in order as the agent would, and the thread that is kept up to date.

use std::{fs, path::PathBuf, process::Command};

use serde_yaml::Value;

use super::{
    hub::{BUILD, Hub, Platform, thread},
    runner::{Runner, TOKEN, has_tools, texts},
    shape::read,
};
use crate::workspace::project;

const PROJECT: &str = "00000000-0000-0000-0000-0000000000f1";
const MARKER: &str = "<!-- tilgang:plan -->";

/// An agent's folders, and what it says to a script.
struct Agent<'a> {
    runner: &'a Runner,
    dir: PathBuf,
}

impl<'a> Agent<'a> {
    fn new(runner: &'a Runner, name: &str, sha: &str) -> Self {
        let it = Self { runner, dir: runner.path().join(name) };
        for folder in ["s/tilgang/src", "temp", "plan"] {
            fs::create_dir_all(it.dir.join(folder)).unwrap();
        }
        crate::workspace::copy(&project().join("examples/ci"), &it.dir.join("s/tilgang/examples/ci"));
        fs::copy(project().join("Cargo.toml"), it.dir.join("s/tilgang/Cargo.toml")).unwrap();
        let (access, remote) = (it.dir.join("s/access"), runner.remote().display().to_string());
        runner.git(runner.path(), &["clone", "--quiet", &remote, access.to_str().unwrap()]);
        runner.git(&access, &["fetch", "--quiet", "origin", sha]);
        runner.git(&access, &["checkout", "--quiet", "--detach", sha]);
        it
    }

    /// Plays the steps of a job, or of a deployment: what each printed, with its exit code.
    fn play(&self, steps: &Value) -> Vec<(String, i32, String)> {
        let mut told = Vec::new();
        for step in steps.as_sequence().unwrap() {
            if step["template"] == "install.yml" {
                told.extend(self.play(&read("examples/ci/azure-devops/install.yml")["steps"]));
                continue;
            }
            let script = step["bash"].as_str().or(step["inputs"]["inlineScript"].as_str());
            let Some(script) = script else { continue }; // checkout, publish, download
            let failed = told.iter().any(|(_, code, _): &(String, i32, String)| *code != 0);
            if failed && step["condition"].is_null() {
                continue;
            }
            let at = step["workingDirectory"].as_str().or(step["inputs"]["workingDirectory"].as_str());
            let at = at.map_or("$(Build.SourcesDirectory)".to_owned(), str::to_owned);
            let bin = self.runner.path().join("bin").display().to_string();
            let tilgang = self.dir.join("temp/tilgang-bin").display().to_string();
            let mut command = Command::new("bash");
            command.env_clear().args(["--noprofile", "--norc", "-c", script]).current_dir(self.filled(&at));
            command.env("PATH", format!("{tilgang}:{bin}:{}", std::env::var("PATH").unwrap())).env("HOME", &self.dir);
            command.env("TF_BUILD", "True").env("BUILD_BUILDID", "17").env("NO_PROXY", "127.0.0.1");
            command.env("BUILD_SOURCESDIRECTORY", self.dir.join("s")).env("AGENT_TEMPDIRECTORY", self.dir.join("temp"));
            command
                .env("PIPELINE_WORKSPACE", &self.dir)
                .env("SYSTEM_COLLECTIONURI", format!("{}/example/", self.runner.hub.url));
            command.env("SYSTEM_TEAMPROJECTID", PROJECT).env("BUILD_REPOSITORY_ID", PROJECT);
            command.env("SYSTEM_PULLREQUEST_PULLREQUESTID", "7");
            for (variable, value) in texts(&step["env"]) {
                command.env(variable, self.filled(&value));
            }
            let out = command.output().unwrap();
            let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
            assert!(!text.contains(TOKEN), "the token is in the log: {text}");
            let name = step["displayName"].as_str().unwrap().to_owned();
            told.push((name, out.status.code().unwrap_or(-1), text));
        }
        told
    }

    fn filled(&self, text: &str) -> String {
        let text = text.replace("$(Build.SourcesDirectory)", &self.dir.join("s").display().to_string());
        let text = text.replace("$(System.AccessToken)", TOKEN);
        let text = text.replace("$(Build.Repository.Uri)", &format!("file://{}", self.runner.remote().display()));
        assert!(!text.contains("$("), "{text}");
        text
    }
}

fn went_well(told: &[(String, i32, String)]) {
    assert!(told.iter().all(|(_, code, _)| *code == 0), "{told:#?}");
}

#[test]
fn a_pull_request_in_azure_devops_gets_one_thread() {
    if !has_tools() {
        return;
    }
    let forged = thread(1, "00000000-0000-0000-0000-0000000bad01", &format!("{MARKER}\nall is well"));
    let other = thread(2, BUILD, "something else of ours");
    let before = vec![forged, other];
    let platform = Platform { threads: before.clone(), ..Platform::default() };
    let runner = Runner::of(&project().join("tests/cases/base"), Hub::start(platform));
    let work = runner.work();
    let template = read("examples/ci/azure-devops/pull-request.yml");
    runner.git(&work, &["checkout", "--quiet", "-b", "change"]);
    for (build, role) in ["developer", "operations"].into_iter().enumerate() {
        let text = format!("owner: brg\nusers:\n  - user: ola.dikt@ai-dev.no\n    roles: [test-{role}]\n");
        fs::write(work.join("owners/brg.yaml"), text).unwrap();
        runner.commit(role);
        let merge = runner.merge("change");
        runner.git(&work, &["checkout", "--quiet", "change"]);
        let agent = Agent::new(&runner, &format!("build-{build}"), &merge);
        for job in template["jobs"].as_sequence().unwrap() {
            let told = agent.play(&job["steps"]);
            went_well(&told);
            assert!(told.len() >= 2, "{told:#?}");
        }
        let threads = runner.hub.with(|platform| platform.threads.clone());
        assert_eq!(threads[..2], before[..], "nobody else's thread is touched");
        assert_eq!(threads.len(), 3);
        let text = threads[2]["comments"][0]["content"].as_str().unwrap();
        assert!(text.starts_with(MARKER) && text.to_lowercase().contains(&format!("test {role}")), "{text}");
    }
    assert_eq!(runner.azure.stats()["writes"], 0);
}

#[test]
fn what_is_merged_in_azure_devops_is_applied_as_planned() {
    if !has_tools() {
        return;
    }
    let runner = Runner::of(&project().join("tests/cases/proposal"), Hub::start(Platform::default()));
    let work = runner.work();
    let text = fs::read_to_string(work.join("tilgang.yaml")).unwrap() + "ledger: { dir: ledger }\n";
    fs::write(work.join("tilgang.yaml"), text).unwrap();
    let skd = "owner: skd\nusers:\n  - user: nora.eksempel@ai-dev.no\n    roles: [test-developer]\n";
    fs::write(work.join("owners/skd.yaml"), skd).unwrap();
    let main = runner.commit("A ledger");
    runner.git(&work, &["push", "--quiet", "origin", "main"]);
    runner.begin_ledger();
    let template = read("examples/ci/azure-devops/apply.yml");
    let agent = Agent::new(&runner, "plan-build", &main);
    let told = agent.play(&template["stages"][0]["jobs"][0]["steps"]);
    went_well(&told);
    let (.., said) = told.last().unwrap();
    assert!(said.contains("##vso[task.setvariable variable=changes;isOutput=true]2\n"), "{said}");
    let steps = |stage: &Value| stage["jobs"][0]["strategy"]["runOnce"]["deploy"]["steps"].clone();
    let applying = Agent::new(&runner, "apply-build", &main);
    fs::copy(agent.dir.join("temp/plan.json"), applying.dir.join("plan/plan.json")).unwrap();
    went_well(&applying.play(&steps(&template["stages"][1])));
    assert_eq!(runner.azure.stats()["writes"], 2);

    let template = read("examples/ci/azure-devops/nightly.yml");
    let night = Agent::new(&runner, "night-build", &main);
    went_well(&night.play(&steps(&template["stages"][0])));
    let night = Agent::new(&runner, "drift-build", &main);
    let told = night.play(&template["stages"][1]["jobs"][0]["steps"]);
    let drift = told.iter().find(|(name, ..)| name == "Drift").unwrap();
    assert!(drift.1 == 2 && drift.2.contains("##vso[task.uploadsummary]"), "{told:#?}");
    assert_eq!(told.last().unwrap().1, 0, "the ledger is kept all the same");
    assert_eq!(runner.azure.stats()["writes"], 2);
}
