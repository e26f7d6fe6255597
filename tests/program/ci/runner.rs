//! A small stand-in for the runner of GitHub Actions: it plays one job of a workflow file, step by step. `run:` blocks are run by bash
//! as they stand; of the actions that they stand between, it does what each is documented to do. An expression that it was not
//! told is an error, so that none slips through.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_yaml::Value;
use tilgang::simulator::World;

use super::hub::Hub;
use crate::{simulator::Simulator, workspace::project};

/// What the platform gives a job to speak with. It must not be seen anywhere.
pub(super) const TOKEN: &str = "ghs_theTokenThatNobodyShallSee0123456789";
pub(super) const REPOSITORY: &str = "example/access";
const TENANT: &str = "00000000-0000-0000-0000-0000000000aa";

/// Whether this machine has what the scripts of the workflows use. `.ci/run` sees to it.
pub(super) fn has_tools() -> bool {
    let missing = ["bash", "curl", "jq"].into_iter().find(|tool| Command::new(tool).arg("--version").output().is_err());
    if let Some(tool) = missing {
        println!("skipped: there is no {tool} here; `.ci/run` installs it");
    }
    missing.is_none()
}

/// What was played: workflow, job, step.
pub(super) type Step = (String, String, String);

/// One repository with its platform, and one Azure.
pub(super) struct Runner {
    root: tempfile::TempDir,
    pub hub: Hub,
    pub azure: Simulator,
    /// The steps with a `run:` block that were played.
    pub played: RefCell<BTreeSet<Step>>,
    jobs: RefCell<usize>,
}

/// How a job went.
#[derive(Debug, Default)]
pub(super) struct Played {
    pub outputs: BTreeMap<String, String>,
    /// What each step printed, with its name and exit code.
    pub steps: Vec<(String, i32, String)>,
    pub summary: String,
    pub failed: bool,
}

impl Played {
    /// Everything that a reader of the log sees.
    pub(super) fn log(&self) -> String {
        let steps = self.steps.iter().map(|(name, code, text)| format!("== {name} ({code})\n{text}\n"));
        steps.collect::<String>() + &self.summary
    }
}

impl Runner {
    /// A repository with what a folder holds.
    pub(super) fn of(folder: &Path, hub: Hub) -> Self {
        let root = tempfile::tempdir().unwrap();
        let remote = root.path().join("remotes").join(REPOSITORY);
        let work = root.path().join("work");
        crate::workspace::copy(folder, &work);
        let azure = Simulator::start(&work.join("azure.yaml"));
        fs::remove_file(work.join("azure.yaml")).unwrap();
        let it = Self { root, hub, azure, played: RefCell::default(), jobs: RefCell::default() };
        it.git(&work, &["init", "--quiet", "--initial-branch", "main"]);
        it.commit("As it is");
        fs::create_dir_all(remote.parent().unwrap()).unwrap();
        it.git(&work, &["clone", "--quiet", "--bare", ".", remote.to_str().unwrap()]);
        it.git(&work, &["remote", "add", "origin", remote.to_str().unwrap()]);
        it.bin();
        it
    }

    pub(super) fn path(&self) -> &Path {
        self.root.path()
    }

    /// Where people edit.
    pub(super) fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    pub(super) fn artifact(&self, name: &str) -> PathBuf {
        self.root.path().join("artifacts").join(name)
    }

    /// The platform's copy of the repository.
    pub(super) fn remote(&self) -> PathBuf {
        self.root.path().join("remotes").join(REPOSITORY)
    }

    /// Runs git, as nobody in particular.
    pub(super) fn git(&self, dir: &Path, args: &[&str]) -> String {
        let out = self.command("git").current_dir(dir).args(args).output().unwrap();
        assert!(out.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    /// Commits all that is in the folder where people edit, and pushes it nowhere.
    pub(super) fn commit(&self, message: &str) -> String {
        self.git(&self.work(), &["add", "--all"]);
        self.git(&self.work(), &["commit", "--quiet", "--message", message]);
        self.git(&self.work(), &["rev-parse", "HEAD"])
    }

    /// A pull request's merge, as the platform makes it: a commit of both, at `refs/pull/7/merge`.
    pub(super) fn merge(&self, branch: &str) -> String {
        let work = self.work();
        self.git(&work, &["checkout", "--quiet", "--detach", "main"]);
        self.git(&work, &["merge", "--quiet", "--no-ff", "--no-edit", branch]);
        self.git(&work, &["push", "--quiet", "--force", "origin", "HEAD:refs/pull/7/merge"]);
        let merge = self.git(&work, &["rev-parse", "HEAD"]);
        self.git(&work, &["checkout", "--quiet", "main"]);
        merge
    }

    /// Away from this machine's settings.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.root.path());
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("LC_ALL", "C.UTF-8").env("NO_PROXY", "127.0.0.1");
        for role in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{role}_NAME"), "Kari Fiktiv")
                .env(format!("GIT_{role}_EMAIL"), "kari.fiktiv@ai-dev.no");
        }
        command
    }

    /// Runs a script of `examples/ci` as both platforms would, for pull request 7.
    pub(super) fn script(&self, name: &str, arguments: &[&str]) -> Output {
        let mut command = self.command("bash");
        command.arg(project().join("examples/ci").join(name)).args(arguments);
        command.env("GITHUB_API_URL", &self.hub.url).env("GITHUB_REPOSITORY", REPOSITORY);
        command.env("GITHUB_TOKEN", TOKEN).env("PULL_REQUEST", "7");
        command.env("SYSTEM_COLLECTIONURI", format!("{}/example/", self.hub.url)).env("SYSTEM_ACCESSTOKEN", TOKEN);
        for variable in ["SYSTEM_TEAMPROJECTID", "BUILD_REPOSITORY_ID"] {
            command.env(variable, "00000000-0000-0000-0000-0000000000ab");
        }
        command.env("SYSTEM_PULLREQUEST_PULLREQUESTID", "7").output().unwrap()
    }

    /// Begins the ledger, as whoever sets this up does once.
    pub(super) fn begin_ledger(&self) {
        let work = self.work();
        let flags = self.azure.flags();
        let mut begin = self.command(env!("CARGO_BIN_EXE_tilgang"));
        let mut push = self.command("bash");
        push.arg(project().join("examples/ci/ledger.sh")).args(["begin", "ledger"]).env("LEDGER_URL", self.remote());
        for command in [begin.args(["ledger", "begin"]).args(flags), &mut push] {
            let out = command.current_dir(&work).output().unwrap();
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        }
        fs::remove_dir_all(work.join("ledger")).unwrap();
    }

    /// A `cargo` that puts the program in its place at once, where nothing of the repository is above it, and with a toolchain that is
    /// fixed; what it puts there goes to the simulated Azure.
    fn bin(&self) {
        let bin = self.root.path().join("bin");
        let real = env!("CARGO_BIN_EXE_tilgang");
        let flags = self.azure.flags().map(|flag| format!("'{flag}'")).join(" ");
        let tilgang = format!(
            "#!/bin/sh\ncase \"$1\" in plan | apply | drift) exec '{real}' \"$@\" {flags} ;; esac\nexec '{real}' \"$@\"\n"
        );
        let wrapped = bin.join("wrapped");
        let cargo = format!(
            "#!/bin/sh\n[ \"$1 $2 $3\" = 'build --locked --release' ] && [ -n \"$RUSTUP_TOOLCHAIN\" ] || exit 9\ncase \"$PWD/\" in */workspace/* | */s/*) exit 8 ;; esac\nmkdir -p target/release && cp '{}' target/release/tilgang\n",
            wrapped.display()
        );
        let rustup = "#!/bin/sh\n[ \"$1 $2\" = 'toolchain install' ] || exit 9\n".to_owned();
        fs::create_dir_all(&bin).unwrap();
        for (path, text) in [(wrapped, tilgang), (bin.join("cargo"), cargo), (bin.join("rustup"), rustup)] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    /// Every `run:` block of a job was played, those of our action included.
    pub(super) fn whole(&self, workflow: &str, job: &str) {
        let played = self.played.borrow();
        for step in super::shape::runs(workflow).iter().filter(|(_, of, _)| of == job) {
            assert!(played.contains(step), "{step:?} was not played");
        }
        for name in ["Which build", "Build", "On the path"] {
            let step = ("action".to_owned(), "tilgang".to_owned(), name.to_owned());
            assert!(job == "comment" || played.contains(&step), "{step:?} was not played");
        }
    }

    /// Plays a job of a workflow. `sha`: what `actions/checkout` fetches. `known`: what expressions are, beside what every run has.
    pub(super) fn play(&self, workflow: &str, job: &str, sha: &str, known: &[(&str, &str)]) -> Played {
        let file = project().join("examples/ci/github/workflows").join(format!("{workflow}.yml"));
        let whole: Value = serde_yaml::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        *self.jobs.borrow_mut() += 1;
        let dir = self.root.path().join(format!("job-{}", self.jobs.borrow()));
        for folder in ["workspace", "temp", "files"] {
            fs::create_dir_all(dir.join(folder)).unwrap();
        }
        let client =
            World::derived_id(TENANT.parse().map(tilgang::model::ids::TenantId).unwrap(), "application", "tilgang");
        let mut known: BTreeMap<String, String> =
            known.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        for (name, value) in [
            ("github.token", TOKEN.to_owned()),
            ("github.repository", REPOSITORY.to_owned()),
            ("github.server_url", format!("file://{}", self.root.path().join("remotes").display())),
            ("github.event.repository.default_branch", "main".to_owned()),
            ("runner.temp", dir.join("temp").display().to_string()),
            ("github.job", job.to_owned()),
            ("github.run_id", "4711".to_owned()),
            ("runner.os", "Linux".to_owned()),
            ("runner.arch", "X64".to_owned()),
            ("vars.TILGANG_READING_CLIENT_ID", client.to_string()),
            ("vars.TILGANG_WRITING_CLIENT_ID", client.to_string()),
        ] {
            known.entry(name.to_owned()).or_insert(value);
        }
        for (name, value) in texts(&whole["env"]) {
            known.insert(format!("env.{name}"), value);
        }
        let it = &whole["jobs"][job];
        assert!(!it.is_null(), "{workflow} has no job {job}");
        let mut playing = Playing {
            runner: self,
            dir,
            sha: sha.to_owned(),
            name: (workflow.to_owned(), job.to_owned()),
            known,
            env: texts(&whole["env"]),
            paths: vec![self.root.path().join("bin").display().to_string()],
            played: Played::default(),
        };
        if let Some(condition) = it["if"].as_str() {
            assert!(playing.holds(condition), "{workflow}: {job} is not run here: {condition}");
        }
        playing.steps(&it["steps"]);
        for (name, value) in texts(&it["outputs"]) {
            let value = playing.filled(&value);
            playing.played.outputs.insert(name, value);
        }
        playing.played.summary = fs::read_to_string(playing.dir.join("files/summary")).unwrap_or_default();
        let log = playing.played.log();
        assert!(!log.contains(TOKEN), "the token is in the log:\n{log}");
        playing.played
    }
}

/// A mapping of texts.
pub(super) fn texts(value: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => serde_yaml::to_string(other).unwrap().trim().to_owned(),
    };
    value.as_mapping().into_iter().flatten().map(|(name, value)| (text(name), text(value))).collect()
}

struct Playing<'a> {
    runner: &'a Runner,
    dir: PathBuf,
    sha: String,
    name: (String, String),
    known: BTreeMap<String, String>,
    env: BTreeMap<String, String>,
    paths: Vec<String>,
    played: Played,
}

impl Playing<'_> {
    /// What an expression is. Outputs of steps that did not run are empty, as with the runner.
    fn value(&self, expression: &str) -> String {
        let expression = expression.trim();
        if let Some(text) = expression.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
            return text.to_owned();
        }
        if expression.chars().all(|c| c.is_ascii_digit()) {
            return expression.to_owned();
        }
        let of_step = expression.starts_with("steps.") || expression.starts_with("needs.");
        let known = self.known.get(expression).cloned().or(of_step.then(String::new));
        known.unwrap_or_else(|| panic!("{:?}: nobody said what `{expression}` is", self.name))
    }

    /// A text with its expressions filled in.
    fn filled(&self, text: &str) -> String {
        let mut parts = text.split("${{");
        let mut filled = parts.next().unwrap().to_owned();
        for part in parts {
            let (expression, rest) = part.split_once("}}").unwrap();
            filled += &self.value(expression);
            filled += rest;
        }
        filled
    }

    /// Whether a condition holds: comparisons joined by `&&`; without a word about the status, everything before must have gone well.
    fn holds(&self, condition: &str) -> bool {
        let condition = condition.trim().trim_start_matches("${{").trim_end_matches("}}");
        let asks_status = condition.contains("cancelled()") || condition.contains("always()");
        if self.played.failed && !asks_status {
            return false;
        }
        condition.split("&&").map(str::trim).all(|part| match part {
            "!cancelled()" | "always()" => true,
            part => ["==", "!=", ">"].into_iter().find_map(|sign| Some((sign, part.split_once(sign)?))).is_some_and(
                |(sign, (a, b))| {
                    let (a, b) = (self.value(a), self.value(b));
                    match sign {
                        "==" => a == b,
                        "!=" => a != b,
                        _ => a.parse::<u32>().unwrap_or(0) > b.parse().unwrap(),
                    }
                },
            ),
        })
    }

    fn steps(&mut self, steps: &Value) {
        for step in steps.as_sequence().unwrap() {
            let name = step["name"].as_str().unwrap().to_owned();
            let condition = step["if"].as_str().unwrap_or("");
            let runs = if condition.is_empty() { !self.played.failed } else { self.holds(condition) };
            if !runs {
                continue;
            }
            let inputs: BTreeMap<String, String> =
                texts(&step["with"]).into_iter().map(|(name, value)| (name, self.filled(&value))).collect();
            match (step["uses"].as_str(), step["run"].as_str()) {
                (Some("./.tools/tilgang"), None) => self.action(&inputs),
                (Some(uses), None) => self.uses(step["id"].as_str(), uses, &inputs),
                (None, Some(run)) => self.run(&name, step, run),
                _ => panic!("{name}: uses or runs?"),
            }
        }
    }

    /// Our own action, from where it was fetched.
    fn action(&mut self, inputs: &BTreeMap<String, String>) {
        let tool = self.dir.join("workspace/.tools/tilgang");
        let action: Value = serde_yaml::from_str(&fs::read_to_string(tool.join("action.yml")).unwrap()).unwrap();
        self.known.insert("github.action_path".to_owned(), tool.display().to_string());
        for (name, of) in action["inputs"].as_mapping().unwrap() {
            let name = name.as_str().unwrap();
            let value = inputs.get(name).cloned().unwrap_or_else(|| of["default"].as_str().unwrap().to_owned());
            self.known.insert(format!("inputs.{name}"), value);
        }
        let outer = std::mem::replace(&mut self.name, ("action".to_owned(), "tilgang".to_owned()));
        self.steps(&action["runs"]["steps"]);
        self.name = outer;
    }

    /// What others' actions are documented to do, as far as it matters.
    fn uses(&mut self, id: Option<&str>, uses: &str, inputs: &BTreeMap<String, String>) {
        let (action, commit) = uses.split_once('@').unwrap();
        assert!(commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit()), "{uses} is not pinned");
        let workspace = self.dir.join("workspace");
        match action {
            "actions/checkout" => {
                assert_eq!(inputs["persist-credentials"], "false");
                if let Some(repository) = inputs.get("repository") {
                    assert_eq!((repository.as_str(), inputs["ref"].len()), ("example/tilgang", 40));
                    let tool = workspace.join(&inputs["path"]);
                    let _ = fs::remove_dir_all(&tool); // whatever was there goes
                    fs::create_dir_all(tool.join("src")).unwrap();
                    crate::workspace::copy(&project().join("examples/ci"), &tool.join("examples/ci"));
                    crate::workspace::copy(&project().join("config"), &tool.join("config"));
                    for file in ["action.yml", "Cargo.toml", "Cargo.lock"] {
                        fs::copy(project().join(file), tool.join(file)).unwrap();
                    }
                    return;
                }
                let remote = format!("file://{}", self.runner.remote().display());
                let git = |args: &[&str]| self.runner.git(&workspace, args);
                git(&["init", "--quiet"]);
                git(&["remote", "add", "origin", &remote]);
                let depth = format!("--depth={}", inputs["fetch-depth"]);
                let mut fetch = vec!["fetch", "--quiet", "--no-tags", "origin", &self.sha];
                if depth != "--depth=0" {
                    fetch.insert(2, &depth);
                }
                git(&fetch);
                git(&["checkout", "--quiet", "--detach", &self.sha]);
            }
            "actions/upload-artifact" => {
                let (from, to) = (Path::new(&inputs["path"]), self.runner.artifact(&inputs["name"]));
                let _ = fs::remove_dir_all(&to);
                if from.is_dir() {
                    crate::workspace::copy(from, &to);
                } else if from.exists() {
                    fs::create_dir_all(&to).unwrap();
                    fs::copy(from, to.join(from.file_name().unwrap())).unwrap();
                } else {
                    assert_eq!(inputs["if-no-files-found"], "ignore");
                    return;
                }
                if let Some(id) = id {
                    self.known.insert(format!("steps.{id}.outputs.artifact-id"), "17".to_owned());
                }
            }
            "actions/download-artifact" => {
                let from = self.runner.artifact(&inputs["name"]);
                if from.exists() {
                    crate::workspace::copy(&from, Path::new(&inputs["path"]));
                } else {
                    self.played.failed = true;
                    self.played.steps.push((uses.to_owned(), 1, "artifact not found".to_owned()));
                }
            }
            "actions/cache" => {} // nothing in it
            other => panic!("what does {other} do?"),
        }
    }

    /// A `run:` block, as GitHub runs it: from a file, by bash that stops at the first failure.
    fn run(&mut self, name: &str, step: &Value, run: &str) {
        let (workflow, job) = self.name.clone();
        self.runner.played.borrow_mut().insert((workflow, job, name.to_owned()));
        let files = self.dir.join("files");
        let script = files.join("step.sh");
        fs::write(&script, run).unwrap();
        let mut command = self.runner.command("bash");
        if step["shell"].as_str() == Some("bash") {
            command.args(["--noprofile", "--norc", "-eo", "pipefail"]);
        } else {
            command.arg("-e");
        }
        command.arg(&script).current_dir(self.dir.join("workspace"));
        let path = format!("{}:{}", self.paths.join(":"), std::env::var("PATH").unwrap());
        command.env("PATH", path).envs(&self.env).env("CI", "true").env("GITHUB_ACTIONS", "true");
        command.env("RUNNER_TEMP", self.dir.join("temp")).env("GITHUB_WORKSPACE", self.dir.join("workspace"));
        command
            .env("GITHUB_API_URL", &self.runner.hub.url)
            .env("GITHUB_REPOSITORY", REPOSITORY)
            .env("GITHUB_RUN_ID", "4711")
            .env("GITHUB_SERVER_URL", "https://github.example");
        for (variable, file) in [
            ("GITHUB_OUTPUT", "output"),
            ("GITHUB_PATH", "path"),
            ("GITHUB_STEP_SUMMARY", "summary"),
            ("GITHUB_ENV", "env"),
        ] {
            let file = files.join(file);
            if !file.exists() {
                fs::write(&file, "").unwrap();
            }
            command.env(variable, file);
        }
        for (variable, value) in texts(&step["env"]) {
            command.env(variable, self.filled(&value));
        }
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
        self.played.failed |= !status.success();
        if let Some(id) = step["id"].as_str() {
            let outcome = if status.success() { "success" } else { "failure" };
            self.known.insert(format!("steps.{id}.outcome"), outcome.to_owned());
        }
        self.played.steps.push((name.to_owned(), status.code().unwrap_or(-1), text));
        let taken = |file: &str| {
            let file = files.join(file);
            let text = fs::read_to_string(&file).unwrap();
            fs::write(file, "").unwrap();
            text
        };
        for line in taken("output").lines() {
            let (key, value) = line.split_once('=').unwrap();
            let id = step["id"].as_str().unwrap();
            self.known.insert(format!("steps.{id}.outputs.{key}"), value.to_owned());
        }
        let paths = taken("path").lines().map(str::to_owned).collect::<Vec<_>>();
        self.paths.splice(0..0, paths);
        assert_eq!(taken("env"), "", "nothing here sets variables for later steps");
    }
}
