//! Git as people have it, and git that gives no answer: real repositories, in whatever state, asked by the program.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::Value;
use tilgang::config::{self, Loaded};

use crate::workspace::{Workspace, copy, program, project};

/// Longer than anything here takes; who waits so long has found a mistake.
const PATIENCE: Duration = Duration::from_mins(2);

fn until<T>(what: &str, mut is: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = is() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited too long: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Git, away from this machine's settings, with these of its own.
fn git_with(dir: &Path, settings: &[&str], arguments: &[&str]) -> String {
    let settings = settings.iter().flat_map(|setting| ["-c", setting]);
    let out = Command::new("git")
        .args(settings)
        .args(["-c", "protocol.file.allow=always"])
        .args(arguments)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .envs(["AUTHOR", "COMMITTER"].map(|role| (format!("GIT_{role}_NAME"), "Kari Fiktiv")))
        .envs(["AUTHOR", "COMMITTER"].map(|role| (format!("GIT_{role}_EMAIL"), "kari.fiktiv@ai-dev.no")))
        .output()
        .unwrap();
    assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

fn git(dir: &Path, arguments: &[&str]) -> String {
    git_with(dir, &[], arguments)
}

fn commit(dir: &Path, message: &str) -> String {
    git(dir, &["add", "-A"]);
    git(dir, &["commit", "-q", "-m", message]);
    git(dir, &["rev-parse", "HEAD"])
}

/// A copy of an example, committed.
fn committed(example: &str) -> Workspace {
    let workspace = Workspace::copy_of(&project().join("examples").join(example));
    git(workspace.path(), &["init", "-q", "-b", "main"]);
    fs::write(workspace.path().join(".gitignore"), ".tilgang\nremote\nstate*\n*.log\nx*\nbin\n").unwrap();
    commit(workspace.path(), "first");
    workspace
}

fn said(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr)
}

/// Requests as they came: each path, and its body.
type Came = Arc<Mutex<Vec<(String, String)>>>;

/// A server on loopback that takes every request.
fn server() -> (String, Came) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let came = Came::default();
    let taken = came.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let taken = taken.clone();
            std::thread::spawn(move || {
                let (mut text, mut buffer) = (String::new(), vec![0; 65_536]);
                stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
                while let Ok(count @ 1..) = stream.read(&mut buffer) {
                    text += &String::from_utf8_lossy(&buffer[..count]);
                    while let Some((head, body)) = text.split_once("\r\n\r\n") {
                        let length = head
                            .to_ascii_lowercase()
                            .lines()
                            .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                        let Some(rest) = body.get(length.unwrap_or(0)..) else { break };
                        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                        taken.lock().unwrap().push((path, body[..length.unwrap_or(0)].to_owned()));
                        text = rest.to_owned();
                        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
                    }
                }
            });
        }
    });
    (url, came)
}

/// The daemon; ended when dropped.
struct Served {
    child: Child,
    port: u16,
}

impl Served {
    fn start(workspace: &Workspace, url: &str, more: &[&str]) -> Self {
        let log = workspace.path().join("serve.log");
        let mut command = program();
        command.args([
            "serve",
            "--remote",
            "remote",
            "--branch",
            "main",
            "--state",
            "state",
            "--simulate",
            "azure.yaml",
        ]);
        command.args(["--listen", "127.0.0.1:0", "--poll", "100ms", "--interval", "1s", "--jitter", "0s"]).args(more);
        command
            .env("TRY_URL", format!("{url}/hook"))
            .env("TRY_PING", format!("{url}/ping"))
            .current_dir(workspace.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let port = until("it listens", || {
            let text = fs::read_to_string(&log).unwrap();
            assert!(child.try_wait().unwrap().is_none(), "it ended: {text}");
            text.split("listening on http://127.0.0.1:").nth(1)?.split('\n').next()?.parse().ok()
        });
        Self { child, port }
    }

    fn send(&self, method: &str, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let status = text.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or_default();
        (status, text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
    }

    fn state(&self) -> Value {
        serde_json::from_str(&self.send("GET", "/api/state.json").1).unwrap()
    }

    fn wait(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        until(what, || Some(self.state()).filter(&is))
    }

    /// Waits for so many more runs that are over.
    fn runs(&self, more: u64) {
        let number = |state: &Value| state["runs"][0]["number"].as_u64().unwrap_or(0);
        let before = number(&self.state());
        self.wait("more runs", |state| number(state) >= before + more);
    }

    fn metric(&self, name: &str) -> Option<f64> {
        let (_, text) = self.send("GET", "/metrics");
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const CHANNELS: &str = "\nnotify:\n  channels:\n    hook: { webhook: { url: { env: TRY_URL }, key: { file: key }, loopback: true } }\n    \
    alive: { ping: { url: { env: TRY_PING }, loopback: true } }\n";

/// A workspace with channels, and a bare repository of it.
fn followed() -> Workspace {
    let workspace = committed("minimal");
    let path = workspace.path().join("tilgang.yaml");
    fs::write(&path, fs::read_to_string(&path).unwrap() + CHANNELS).unwrap();
    fs::write(workspace.path().join("key"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    commit(workspace.path(), "channels");
    git(workspace.path(), &["clone", "-q", "--bare", ".", "remote"]);
    workspace
}

#[test]
fn git_that_does_not_answer_is_the_headline_a_metric_a_notice_and_no_sign_of_life() {
    let (url, came) = server();
    let workspace = followed();
    let remote = workspace.path().join("remote");
    let served = Served::start(&workspace, &url, &[]);
    let well = served.wait("a first look", |state| !state["looked"].is_null());
    assert_eq!((&well["git"]["trouble"], served.metric("tilgang_git_rewritten")), (&Value::Null, Some(0.0)));
    let pings = || came.lock().unwrap().iter().filter(|(path, _)| path == "/ping").count();
    let heard = |words: &str, event: &str| {
        until(words, || {
            let came = came.lock().unwrap();
            came.iter()
                .any(|(path, body)| path == "/hook" && body.contains(words) && body.contains(event))
                .then_some(())
        });
    };
    until("a sign of life", || (pings() > 0).then_some(()));
    // The branch is gone.
    git(&remote, &["branch", "-m", "main", "trunk"]);
    let state = served.wait("the headline", |state| state["git"]["trouble"] == "silent");
    assert_eq!(state["state"], "git-does-not-answer");
    let words = state["words"].as_str().unwrap();
    assert!(words.starts_with("Git has not answered since ") && !words.contains("as git says"), "{words}");
    assert!(state["git"]["why"].as_str().unwrap().contains("couldn't find remote ref"), "{state}");
    assert!(served.send("GET", "/").1.contains(words) && served.send("GET", "/readyz").0 == 200);
    heard("git does not answer", "\"new\"");
    served.runs(2); // one may have been on
    let (before, answered) = (pings(), served.metric("tilgang_git_answered_timestamp_seconds").unwrap());
    served.runs(2);
    assert_eq!((pings(), served.metric("tilgang_git_answered_timestamp_seconds")), (before, Some(answered)));
    // It is back.
    git(&remote, &["branch", "-m", "trunk", "main"]);
    served.wait("git is well", |state| state["git"]["trouble"].is_null() && state["words"] == well["words"]);
    heard("git does not answer", "\"resolved\"");
    until("a sign of life again", || (pings() > before).then_some(()));
    assert!(served.metric("tilgang_git_answered_timestamp_seconds").unwrap() > answered);
    // Its history is rewritten.
    git(workspace.path(), &["commit", "-q", "--amend", "-m", "another"]);
    git(workspace.path(), &["push", "-q", "--force", "remote", "main"]);
    let tip = git(workspace.path(), &["rev-parse", "HEAD"]);
    let state = served.wait("the other headline", |state| state["git"]["trouble"] == "rewritten");
    assert_eq!(state["state"], "history-rewritten");
    assert!(state["words"].as_str().unwrap().starts_with("The history of the branch was rewritten"), "{state}");
    assert_eq!(served.metric("tilgang_git_rewritten"), Some(1.0));
    heard("the history of the branch was rewritten", "\"new\"");
    served.runs(2);
    let before = pings();
    served.runs(2);
    assert_eq!(pings(), before);
    assert_eq!(served.send("POST", &format!("/-/acknowledge?commit={tip}")).0, 202);
    served.wait("all is well", |state| state["words"] == well["words"]);
    heard("the history of the branch was rewritten", "\"resolved\"");
    assert_eq!(served.metric("tilgang_git_rewritten"), Some(0.0));
}

#[test]
fn after_a_restart_without_git_it_goes_on_with_the_commit_that_was_trusted() {
    let (url, came) = server();
    let workspace = followed();
    let remote = workspace.path().join("remote");
    let served = Served::start(&workspace, &url, &["--heal", "grants"]);
    let well = served.wait("a look that is kept", |state| {
        let kept = fs::read_to_string(workspace.path().join("state/serve.json")).unwrap_or_default();
        !state["looked"].is_null() && kept.contains("\"trusted\":\"") && state["state"] == "as-git-says"
    });
    drop(served);
    git(&remote, &["branch", "-m", "main", "trunk"]);
    let served = Served::start(&workspace, &url, &["--heal", "grants"]);
    let before = well["runs"][0]["number"].as_u64();
    let state = served.wait("a look at the trusted commit", |state| {
        state["git"]["trouble"] == "silent" && state["runs"][0]["number"].as_u64() > before
    });
    assert_eq!((&state["state"], &state["commit"]), (&"git-does-not-answer".into(), &well["commit"]), "{state}");
    assert_eq!(state["runs"][0]["what"], "look", "without git nothing is healed: {state}");
    until("a notice", || {
        let came = came.lock().unwrap();
        came.iter().any(|(path, body)| path == "/hook" && body.contains("git does not answer")).then_some(())
    });
    git(&remote, &["branch", "-m", "trunk", "main"]);
    served.wait("all is well", |state| state["words"] == well["words"] && state["runs"][0]["what"] == "heal");
}

/// A program of Debian's that is ended when this is dropped.
struct Other(Child);

impl Other {
    fn start(program: &Path, arguments: &[String], log: &Path) -> Self {
        let mut command = Command::new(program);
        let log = fs::File::create(log).unwrap();
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Self(command.spawn().unwrap())
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// From the daemon through Prometheus, with the rules as they are shipped, and Alertmanager to whoever is called. A rule waits for a
/// minute, so this runs only where `TILGANG_ALERTING` names the folder of both (`.ci/run --full`).
#[test]
#[allow(clippy::disallowed_methods, reason = "a test may look at its environment")]
fn somebody_is_called_when_git_does_not_answer() {
    let Some(programs) = std::env::var_os("TILGANG_ALERTING").map(std::path::PathBuf::from) else { return };
    let (url, came) = server();
    let workspace = followed();
    let (dir, remote) = (workspace.path(), workspace.path().join("remote"));
    let served = Served::start(&workspace, &url, &[]);
    served.wait("a first look", |state| !state["looked"].is_null());
    let port = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (of_prometheus, of_alertmanager) = (port(), port());
    let alertmanager = format!(
        "route: {{ receiver: us, group_by: [alertname], group_wait: 0s, group_interval: 1s }}\n\
         receivers: [{{ name: us, webhook_configs: [{{ url: '{url}/called' }}] }}]\n"
    );
    fs::write(dir.join("xalertmanager.yaml"), alertmanager).unwrap();
    let prometheus = format!(
        "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\n\
         rule_files: ['{}']\n\
         alerting: {{ alertmanagers: [{{ static_configs: [{{ targets: ['127.0.0.1:{of_alertmanager}'] }}] }}] }}\n\
         scrape_configs: [{{ job_name: tilgang, static_configs: [{{ targets: ['127.0.0.1:{}'] }}] }}]\n",
        project().join("deploy/alerts.yaml").display(),
        served.port
    );
    fs::write(dir.join("xprometheus.yaml"), prometheus).unwrap();
    let path = |name: &str| dir.join(name).display().to_string();
    let start = |program: &str, arguments: &[String]| {
        Other::start(&programs.join(program), arguments, &dir.join(format!("{program}.log")))
    };
    let _alertmanager = start(
        "prometheus-alertmanager",
        &[
            format!("--config.file={}", path("xalertmanager.yaml")),
            format!("--storage.path={}", path("xalerts")),
            format!("--web.listen-address=127.0.0.1:{of_alertmanager}"),
            "--cluster.listen-address=".to_owned(),
        ],
    );
    let _prometheus = start(
        "prometheus",
        &[
            format!("--config.file={}", path("xprometheus.yaml")),
            format!("--storage.tsdb.path={}", path("xmetrics")),
            format!("--web.listen-address=127.0.0.1:{of_prometheus}"),
        ],
    );
    let called = |status: &str| {
        let came = came.lock().unwrap();
        let is =
            |body: &String| body.contains("\"TilgangGitSilent\"") && body.contains(&format!("\"status\":\"{status}\""));
        came.iter().any(|(path, body)| path == "/called" && is(body)).then_some(())
    };
    git(&remote, &["branch", "-m", "main", "trunk"]);
    until("somebody is called", || called("firing"));
    git(&remote, &["branch", "-m", "trunk", "main"]);
    until("and told that it is over", || called("resolved"));
    let bodies = came.lock().unwrap();
    let others = ["TilgangNoSuccessfulRun", "TilgangGitNeverAnswered", "TilgangHistoryRewritten", "TilgangGone"];
    for other in others {
        assert!(!bodies.iter().any(|(path, body)| path == "/called" && body.contains(other)), "{other}");
    }
}

#[test]
fn before_git_ever_answered_the_page_says_so_and_is_ready() {
    let workspace = followed();
    fs::remove_dir_all(workspace.path().join("remote")).unwrap();
    let served = Served::start(&workspace, "http://127.0.0.1:1", &[]);
    let state = served.wait("the headline", |state| state["git"]["trouble"] == "silent");
    assert_eq!(state["words"], "Git has not answered since the start; no check completed yet");
    assert_eq!(served.send("GET", "/readyz"), (200, "ready\n".to_owned()));
    assert_eq!(served.metric("tilgang_git_answered_timestamp_seconds"), None, "not known is not there");
    assert!(served.metric("tilgang_interval_seconds").is_some());
}

#[test]
fn a_look_at_once_ends_whatever_git_does() {
    let workspace = followed();
    let dir = workspace.path();
    let bin = |name: &str, script: &str| {
        let bin = dir.join(format!("bin/{name}"));
        fs::create_dir_all(&bin).unwrap();
        fs::write(bin.join("git"), format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(bin.join("git"), fs::Permissions::from_mode(0o755)).unwrap();
        bin.display().to_string()
    };
    let path = std::env::var("PATH").unwrap();
    let child = dir.join("bin/child");
    let hang = format!("sleep 600 & echo $! >'{}'; wait", child.display());
    let real = path.split(':').map(|dir| format!("{dir}/git")).find(|git| Path::new(git).is_file()).unwrap();
    let on_fetch = format!("case \" $* \" in *' fetch '*) {hang} ;; *) exec '{real}' \"$@\" ;; esac");
    for (state, remote, branch, path, why) in [
        ("state-1", "nowhere", "main", path.clone(), "git fetch: "),
        ("state-2", "remote", "no-such-branch", path.clone(), "couldn't find remote ref"),
        ("state-3", "remote", "main", format!("{}:{path}", bin("hangs", &hang)), "gave no answer within 2 seconds"),
        (
            "state-4",
            "remote",
            "main",
            format!("{}:{path}", bin("fetch", &on_fetch)),
            "git fetch gave no answer within 2 seconds",
        ),
        ("state-5", "remote", "main", dir.join("bin").display().to_string(), "git could not be run"),
    ] {
        let began = Instant::now();
        let mut command = program();
        command.args(["serve", "--once", "--remote", remote, "--branch", branch, "--state", state]);
        let out = command
            .args(["--simulate", "azure.yaml", "--run-timeout", "2s"])
            .env("PATH", path)
            .current_dir(dir)
            .output()
            .unwrap();
        let text = said(&out);
        assert_eq!(out.status.code(), Some(1), "{state}: {text}");
        assert!(
            text.contains("error: no answer from git, so nothing was checked: ") && text.contains(why),
            "{state}: {text}"
        );
        assert!(began.elapsed() < PATIENCE, "{state}");
        if why.contains("no answer") {
            let id = fs::read_to_string(&child).unwrap();
            let gone = || {
                !Path::new(&format!("/proc/{}/cmdline", id.trim())).exists()
                    || fs::read(format!("/proc/{}/cmdline", id.trim())).is_ok_and(|it| it.is_empty())
            };
            until("what git started is ended, too", || gone().then_some(()));
        }
    }
    // A history that was rewritten since the last time is no success either, whatever was compared.
    let once = || {
        let mut command = program();
        command.args([
            "serve",
            "--once",
            "--remote",
            "remote",
            "--branch",
            "main",
            "--state",
            "state-6",
            "--simulate",
            "azure.yaml",
        ]);
        command.current_dir(dir).output().unwrap()
    };
    let first = once();
    assert_ne!(first.status.code(), Some(1), "{}", said(&first));
    git(dir, &["commit", "-q", "--amend", "-m", "another"]);
    git(dir, &["push", "-q", "--force", "remote", "main"]);
    let second = once();
    assert!(second.status.code() == Some(1) && said(&second).contains("acknowledge?commit="), "{}", said(&second));
}

/// A whole clone, and two in part, of a change.
#[test]
fn a_clone_in_part_answers_as_a_whole_one_or_names_its_filter() {
    let workspace = committed("altinn");
    let up = workspace.path();
    git(up, &["config", "uploadpack.allowFilter", "true"]);
    git(up, &["switch", "-q", "-c", "feature"]);
    let path = up.join("owners/k1103.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let less = text.replace("roles: [test-developer, test-operations]", "roles: [test-developer]");
    assert_ne!(less, text);
    fs::write(&path, less).unwrap();
    commit(up, "one role less");
    let url = format!("file://{}", up.display());
    let run = |clone: &Path, arguments: &[&str]| {
        let out = program().args(arguments).current_dir(clone).output().unwrap();
        (out.status.code().unwrap(), said(&out))
    };
    let clones = Workspace::empty();
    let clone = |name: &str, more: &[&str]| {
        let dir = clones.path().join(name);
        let all = [&["clone", "-q", "--branch", "feature"], more, &[url.as_str(), name]].concat();
        git(clones.path(), &all);
        dir
    };
    let plan = ["plan", "--simulate", "--base", "origin/main"];
    let whole = clone("whole", &[]);
    let told = run(&whole, &plan);
    assert!(told.0 == 0 && told.1.contains("This change: "), "{told:?}");
    for filter in ["blob:none", "tree:0"] {
        let part = clone(&filter.replace(':', "-"), &[&format!("--filter={filter}")]);
        let named = format!("`--filter={filter}`");
        let (code, text) = run(&part, &plan);
        assert!(code == 1 && text.contains(&named) && !text.contains("This change: "), "{filter}: {text}");
        assert!(!text.contains("errors before"), "{text}");
        // What is checked out is answered.
        assert_eq!(run(&part, &["validate"]), run(&whole, &["validate"]), "{filter}");
        // The one line that it says, and then the same answer.
        assert!(text.contains("git fetch --refetch --no-filter"), "{text}");
        git(&part, &["fetch", "-q", "--refetch", "--no-filter"]);
        assert_eq!(run(&part, &plan), told, "{filter}");
    }
    let shallow = clone("shallow", &["--depth", "1", "--no-single-branch"]);
    let (code, text) = run(&shallow, &plan);
    assert!(code == 1 && text.contains("this clone is shallow"), "{text}");
    // A clone in part that the daemon follows: nobody fetches for it on the quiet either.
    let sparse = clone("sparse", &[]);
    git(&sparse, &["sparse-checkout", "set", "--no-cone", "/tilgang.yaml", "/owners/ttd.yaml"]);
    let (code, text) = run(&sparse, &["validate"]);
    assert!(code == 1 && text.contains("owners/k1103.yaml") && text.contains("sparse checkout"), "{text}");
}

/// Whether a file is a link that git tracks is not known where git cannot tell what it tracks: then nothing says that all is well without that.
#[test]
fn what_git_cannot_say_of_its_files_is_said() {
    let workspace = committed("minimal");
    fs::write(workspace.path().join(".git/index"), "garbage").unwrap();
    for command in [&["validate"][..], &["plan", "--simulate"]] {
        let text = said(&workspace.tilgang(command));
        assert!(
            text.contains("git did not say which files it tracks") && text.contains("index"),
            "{command:?}: {text}"
        );
    }
}

/// What was refused, by file: its rule and its words.
fn refused(loaded: &Loaded) -> Vec<(String, String)> {
    loaded
        .errors
        .iter()
        .map(|error| (error.file().to_owned(), format!("{} {}", error.rule().name, error.message())))
        .collect()
}

/// Puts something in the place of a file; given the workspace, and another repository.
type Make = fn(&Path, &Path);

#[test]
fn what_git_tracks_in_the_place_of_a_file_is_refused_by_every_reader_alike() {
    let submodule = committed("minimal");
    let kinds: [(&str, &str, Make); 6] = [
        ("an owner's file", "owners/skd.yaml", |dir, _| {
            fs::rename(dir.join("owners/skd.yaml"), dir.join("shared.yaml")).unwrap();
            symlink("../shared.yaml", dir.join("owners/skd.yaml")).unwrap();
        }),
        ("a link to another owner's file", "owners/skd.yaml", |dir, _| {
            fs::remove_file(dir.join("owners/skd.yaml")).unwrap();
            symlink("ttd.yaml", dir.join("owners/skd.yaml")).unwrap();
        }),
        ("owners", "owners/", |dir, _| {
            fs::rename(dir.join("owners"), dir.join("people")).unwrap();
            symlink("people", dir.join("owners")).unwrap();
        }),
        ("overrides", "overrides/", |dir, _| {
            fs::create_dir(dir.join("elsewhere")).unwrap();
            fs::write(dir.join("elsewhere/a.yaml"), "reason: x\n").unwrap();
            symlink("elsewhere", dir.join("overrides")).unwrap();
        }),
        ("tilgang.yaml", "tilgang.yaml", |dir, _| {
            fs::rename(dir.join("tilgang.yaml"), dir.join("rules.yaml")).unwrap();
            symlink("rules.yaml", dir.join("tilgang.yaml")).unwrap();
        }),
        ("a submodule", "owners/", |dir, other| {
            fs::remove_dir_all(dir.join("owners")).unwrap();
            git(dir, &["rm", "-rq", "--cached", "owners"]);
            git(dir, &["submodule", "--quiet", "add", &other.display().to_string(), "owners"]);
        }),
    ];
    for (kind, file, make) in kinds {
        let workspace = committed("altinn");
        let dir = workspace.path();
        make(dir, submodule.path());
        commit(dir, kind);
        let on_disk = config::load(dir);
        let of_commit = config::Tip::of(dir.to_owned(), "HEAD", "").unwrap().load().unwrap();
        let on_disk_said = refused(&on_disk);
        assert!(
            on_disk_said.iter().any(|(of, words)| of == file && words.starts_with("link-inside a")),
            "{kind}: {on_disk_said:?}"
        );
        assert_eq!(on_disk_said, refused(&of_commit), "{kind}");
        assert_eq!(on_disk.desired.is_some(), of_commit.desired.is_some(), "{kind}");
        // Whoever lists people by it lists nobody.
        let code = file.trim_start_matches("owners/").trim_end_matches(".yaml");
        let grants = |loaded: &Loaded| {
            loaded.desired.iter().flat_map(|it| &it.grants).filter(|it| it.owner.as_str() == code).count()
        };
        assert_eq!((grants(&on_disk), grants(&of_commit)), (0, 0), "{kind}");
    }
    // Every command that reads or writes it.
    let workspace = committed("altinn");
    let dir = workspace.path();
    kinds[0].2(dir, dir);
    let rules = fs::read_to_string(dir.join("tilgang.yaml")).unwrap();
    let rules = rules.replace("policy:\n", "policy:\n  reviewers: [\"@example/platform\"]\n");
    fs::write(dir.join("tilgang.yaml"), rules).unwrap();
    let before = fs::read(dir.join("shared.yaml")).unwrap();
    commit(dir, "a link");
    for command in [
        &["validate"][..],
        &["fmt"],
        &["codeowners"],
        &["grant", "berit.malt@ai-dev.no", "test-developer", "--owner", "skd"],
        &["plan", "--simulate"],
        &["why", "nora.eksempel@ai-dev.no", "--simulate", "--owner", "skd"],
    ] {
        let out = workspace.tilgang(command);
        let text = said(&out);
        assert!(
            out.status.code() == Some(1) && text.contains("owners/skd.yaml") && text.contains("a link"),
            "{command:?}: {text}"
        );
    }
    assert_eq!(fs::read(dir.join("shared.yaml")).unwrap(), before, "and nothing was written through it");
    assert!(dir.join("owners/skd.yaml").is_symlink());
    // A link that git does not track is how Kubernetes mounts files, in git or not.
    let mounted = Workspace::copy_of(&project().join("examples/altinn"));
    kinds[0].2(mounted.path(), dir);
    assert_eq!(refused(&config::load(mounted.path())), []);
    git(mounted.path(), &["init", "-q"]);
    assert_eq!(refused(&config::load(mounted.path())), []);
}

#[test]
fn whatever_people_configure_git_answers_the_same() {
    let plain = committed("altinn");
    fs::write(plain.path().join("config"), "").unwrap();
    let answers = |workspace: &Workspace, dir: &Path, config: &str, variables: &[(&str, &str)]| {
        let file = workspace.path().join("xconfig");
        fs::write(&file, config).unwrap();
        let run = |arguments: &[&str]| {
            let mut command = program();
            command.args(arguments).envs(variables.iter().copied()).env("GIT_CONFIG_GLOBAL", &file).current_dir(dir);
            let out = command.output().unwrap();
            (out.status.code().unwrap(), said(&out))
        };
        let why = run(&["why", "kari.fiktiv@ai-dev.no", "--simulate"]);
        let (code, base) = run(&["plan", "--simulate", "--base", "HEAD"]);
        let state = workspace.path().join("xstate").display().to_string();
        let _ = fs::remove_dir_all(&state);
        let (served, log) =
            run(&["serve", "--once", "--branch", "main", "--state", &state, "--simulate", "azure.yaml"]);
        let hash = regex::Regex::new("[0-9a-f]{10,64}|[0-9-]{10} [0-9:]{5} UTC").unwrap();
        assert!(served == 0 || served == 2, "{config}: {log}");
        (
            why.0,
            hash.replace_all(&why.1, "HASH").into_owned(),
            code,
            hash.replace_all(&base, "HASH").into_owned(),
            served,
        )
    };
    let expected = answers(&plain, plain.path(), "", &[]);
    assert!(expected.1.contains("Kari Fiktiv") && expected.3.contains("This change: nothing"), "{expected:?}");
    for (config, variables) in [
        ("[safe]\n\tbareRepository = explicit\n", &[][..]),
        ("[blame]\n\tignoreRevsFile = .git-blame-ignore-revs\n", &[]),
        ("[log]\n\tshowSignature = true\n[core]\n\tquotePath = true\n[color]\n\tui = always\n", &[]),
        (
            "[init]\n\tdefaultObjectFormat = sha256\n[core]\n\thooksPath = /nowhere\n\tfsmonitor = /nowhere/at-all\n",
            &[],
        ),
        ("", &[("GIT_DEFAULT_HASH", "sha256"), ("GIT_NAMESPACE", "x"), ("GIT_ICASE_PATHSPECS", "1")]),
    ] {
        assert_eq!(answers(&plain, plain.path(), config, variables), expected, "{config} {variables:?}");
    }
    // The same list, of this repository alone; and one that exists, and would hide who wrote a line.
    git(plain.path(), &["config", "blame.ignoreRevsFile", "no-such-file"]);
    assert_eq!(answers(&plain, plain.path(), "", &[]), expected);
    let first = git(plain.path(), &["rev-parse", "HEAD"]);
    fs::write(plain.path().join("xrevs"), format!("{first}\n")).unwrap();
    git(plain.path(), &["config", "blame.ignoreRevsFile", "xrevs"]);
    assert_eq!(answers(&plain, plain.path(), "", &[]), expected);
    // Hashes of the other kind; a folder whose name git would quote.
    for (format, folder) in [("sha256", ""), ("sha1", "tilgång og ro")] {
        let workspace = Workspace::empty();
        git(workspace.path(), &["init", "-q", "-b", "main", &format!("--object-format={format}")]);
        let dir = workspace.path().join(folder);
        copy(&project().join("examples/altinn"), &dir);
        fs::write(workspace.path().join(".gitignore"), ".tilgang\nx*\n").unwrap();
        commit(workspace.path(), "first");
        assert_eq!(answers(&workspace, &dir, "", &[]), expected, "{format} {folder}");
    }
}

#[test]
fn a_repository_of_another_users_is_not_believed_and_the_line_that_makes_it_so_is_said() {
    let workspace = committed("altinn");
    let advice =
        format!("git config --global --add safe.directory {}", workspace.path().canonicalize().unwrap().display());
    let run = |arguments: &[&str]| {
        // Git's own way to try what it does where a folder belongs to somebody else.
        let out = program()
            .args(arguments)
            .env("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
            .current_dir(workspace.path())
            .output()
            .unwrap();
        (out.status.code().unwrap(), said(&out))
    };
    assert_eq!(run(&["validate"]).0, 0);
    for command in [
        &["plan", "--simulate", "--base", "HEAD"][..],
        &["serve", "--once", "--branch", "main", "--state", "state", "--simulate", "azure.yaml"],
    ] {
        let (code, text) = run(command);
        assert!(code == 1 && text.contains(&advice), "{command:?}: {text}");
    }
    // A clone of our own is believed, whoever owns the volume that it lies on.
    let once = || {
        let mut command = program();
        command.args(["serve", "--once", "--branch", "main", "--state", "state-1", "--simulate", "azure.yaml"]);
        command.current_dir(workspace.path()).output().unwrap()
    };
    assert_ne!(once().status.code(), Some(1));
    let chown = Command::new("chown").args(["-R", "65534", "state-1/git"]).current_dir(workspace.path()).output();
    if chown.is_ok_and(|out| out.status.success()) {
        let again = once(); // only where this test may give files away
        assert_ne!(again.status.code(), Some(1), "{}", said(&again));
    }
}

/// A bare repository that lies in a workspace is not git's to anybody: its configuration could run whatever it likes.
#[test]
fn a_repository_planted_in_a_workspace_is_not_asked() {
    let workspace = Workspace::empty();
    let (top, dir) = (workspace.path(), workspace.path().join("access"));
    git(top, &["init", "-q", "-b", "main"]);
    copy(&project().join("examples/minimal"), &dir);
    git(top, &["init", "-q", "--bare", "planted"]);
    for name in ["HEAD", "config", "objects", "refs"] {
        fs::rename(top.join("planted").join(name), dir.join(name)).unwrap();
    }
    let trace = top.join("xtrace");
    git(top, &["config", "-f", "access/config", "core.fsmonitor", &format!("touch {}", trace.display())]);
    fs::write(dir.join("objects/.keep"), "").unwrap();
    fs::write(dir.join("refs/.keep"), "").unwrap();
    commit(top, "planted");
    let out = program().args(["plan", "--simulate", "--base", "HEAD"]).current_dir(&dir).output().unwrap();
    let text = said(&out);
    assert!(text.contains("cannot use bare repository") || text.contains("This change: "), "{text}");
    let out = program()
        .args(["serve", "--once", "--branch", "main", "--state", "../xstate", "--simulate", "azure.yaml"])
        .current_dir(&dir)
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(1), "{}", said(&out));
    assert!(!trace.exists(), "{text}");
}
