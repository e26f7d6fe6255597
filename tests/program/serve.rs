//! `tilgang serve`, as it runs: its binary on loopback, a real git remote, a simulated Azure whose people do things meanwhile.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tilgang::simulator::generate::{Options, Standing};

use crate::{
    simulator::Simulator,
    workspace::{Workspace, program},
};

/// Longer than anything here takes; who waits so long has found a mistake.
const PATIENCE: Duration = Duration::from_mins(1);

fn until<T>(what: &str, mut is: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = is() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited too long: {what}");
        std::thread::sleep(Duration::from_millis(25));
    }
}

/// A workspace whose grants all stand, a simulated Azure that serves it, and a bare repository of it.
struct House {
    workspace: Workspace,
    simulator: Simulator,
    remote: PathBuf,
}

/// The daemon; ended when dropped.
struct Daemon {
    child: Child,
    port: u16,
    log: PathBuf,
    state: PathBuf,
}

impl House {
    fn new(standing: Standing) -> Self {
        let workspace = Workspace::generated(&Options { standing, grants: Some(24), ..Options::new(3, 12, 7) });
        let simulator = Simulator::start(&workspace.path().join("azure.yaml"));
        let remote = workspace.path().join("remote.git");
        let house = Self { workspace, simulator, remote };
        house.git(&["init", "-q", "-b", "main"]);
        fs::write(house.workspace.path().join(".gitignore"), "remote.git\nstate*\n.tilgang\n*.log\n").unwrap();
        house.commit("first");
        house.git(&["init", "-q", "--bare", "-b", "main", "remote.git"]);
        house.push(&[]);
        house
    }

    fn git(&self, arguments: &[&str]) -> String {
        let out = Command::new("git")
            .args(arguments)
            .current_dir(self.workspace.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .envs(["AUTHOR", "COMMITTER"].map(|role| (format!("GIT_{role}_NAME"), "Kari Fiktiv")))
            .envs(["AUTHOR", "COMMITTER"].map(|role| (format!("GIT_{role}_EMAIL"), "kari.fiktiv@ai-dev.no")))
            .output()
            .unwrap();
        assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    fn commit(&self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn push(&self, more: &[&str]) {
        let remote = self.remote.display().to_string();
        let all: Vec<&str> = ["push", "-q"].iter().chain(more).chain(&[remote.as_str(), "main"]).copied().collect();
        self.git(&all);
    }

    /// Takes the last person out of the first owner's file; who it was.
    fn one_leaves(&self) -> String {
        let file = fs::read_dir(self.workspace.path().join("owners")).unwrap();
        let file = file.map(|entry| entry.unwrap().path()).min().unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let (kept, gone) = text.rsplit_once("\n  - user: ").unwrap();
        fs::write(&file, format!("{kept}\n")).unwrap();
        gone.split_whitespace().next().unwrap().to_owned()
    }

    /// Gives the last person in the first owner's file one more role; who it is, and which.
    fn one_gains(&self) -> (String, &'static str) {
        let file = fs::read_dir(self.workspace.path().join("owners")).unwrap();
        let file = file.map(|entry| entry.unwrap().path()).min().unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let (before, person) = text.rsplit_once("\n  - user: ").unwrap();
        let roles = ["test-developer", "test-operations", "prod-developer"];
        let role = roles.into_iter().find(|role| !person.contains(*role)).unwrap();
        let more = person.replacen("    roles:\n", &format!("    roles:\n      - {role}\n"), 1);
        fs::write(&file, format!("{before}\n  - user: {more}")).unwrap();
        (person.split_whitespace().next().unwrap().to_owned(), role)
    }

    fn tell(&self, method: &str, route: &str, body: &Value) {
        let (status, answer) = self.simulator.send(method, &format!("/_simulator/{route}"), None, Some(body));
        assert!((200..300).contains(&status), "{route}: {status} {answer}");
    }

    fn does(&self, deed: &Value) {
        self.tell("POST", "events", &json!([{ "does": deed }]));
    }

    fn world(&self) -> Value {
        self.simulator.send("GET", "/_simulator/world", None, None).1
    }

    /// Role assignments of people that are ours by their description.
    fn ours(&self) -> Vec<Value> {
        let world = self.world();
        let all = world["assignments"].as_array().unwrap().iter();
        let ours = |it: &&Value| it["description"].as_str().is_some_and(|text| text.starts_with("tilgang/"));
        all.filter(ours).cloned().collect()
    }

    /// Follows the remote.
    fn follow(&self, more: &[&str]) -> Daemon {
        let remote = self.remote.display().to_string();
        self.serve(&[&["--remote", &remote, "--branch", "main", "--poll", "200ms"], more].concat())
    }

    fn serve(&self, more: &[&str]) -> Daemon {
        let state = self.workspace.path().join("state");
        let log = self.workspace.path().join("serve.log");
        let flags = self.simulator.flags();
        let mut command = program();
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--jitter", "0s", "--settle", "100ms", "-v", "--state"])
            .arg(&state);
        command.args(more).args(flags).current_dir(self.workspace.path());
        command.env("TILGANG_EVENTS_SECRET", "open sesame").env("RUST_BACKTRACE", "1");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let port = until("it listens", || {
            let text = fs::read_to_string(&log).unwrap();
            assert!(child.try_wait().unwrap().is_none(), "it ended: {text}");
            let rest = text.split("listening on http://127.0.0.1:").nth(1)?;
            rest.split('\n').next()?.parse().ok()
        });
        Daemon { child, port, log, state: state.join("serve.json") }
    }
}

impl Daemon {
    fn state(&self) -> Value {
        let text = fs::read_to_string(&self.state).unwrap_or_default();
        serde_json::from_str::<Value>(&text).map(|it| it["state"].clone()).unwrap_or_default()
    }

    fn runs(&self) -> Vec<Value> {
        self.state()["runs"].as_array().cloned().unwrap_or_default()
    }

    /// The first run after number `after` that is as wanted.
    fn run(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        until(what, || self.runs().into_iter().find(|run| is(run)))
    }

    fn lives(&self, class: &str) -> Vec<Value> {
        let lives = self.state()["lives"].as_array().cloned().unwrap_or_default();
        lives.into_iter().filter(|life| life["class"] == class).collect()
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let headers: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let headers = headers.concat();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
        );
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text);
        let status = text.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or_default();
        (status, text)
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// Asks it to end; its exit code.
    fn end(mut self) -> i32 {
        self.signal("-TERM");
        let mut code = None;
        until("it ends", || {
            code = self.child.try_wait().unwrap();
            code
        })
        .code()
        .unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("{}", self.log());
        }
    }
}

fn is_over(run: &Value) -> bool {
    ["converged", "drift", "refused", "partly", "incomplete"].contains(&run["verdict"].as_str().unwrap())
}

#[test]
fn what_a_stranger_does_is_noticed_with_when_and_by_whom() {
    let house = House::new(Standing::All);
    let daemon = house.follow(&["--interval", "1s"]);
    daemon.run("a first look", is_over);
    let world = house.world();
    let (ola, siri) = (world["users"][0]["user"].clone(), world["users"][1]["user"].clone());
    let lost = house.ours()[0].clone();
    let vault = lost["scope"].clone();
    // Somebody takes one of ours away, and gives somebody else another role there.
    house.does(
        &json!({ "unassign": { "principal": lost["principal"], "role": lost["role"], "scope": vault, "by": ola } }),
    );
    let life = until("one is missing", || daemon.lives("missing").into_iter().next());
    let life = until("by whom", || {
        daemon.lives("missing").into_iter().find(|it| it["by"].get("somebody").is_some()).or_else(|| {
            assert_eq!(life["resolved"], Value::Null);
            None
        })
    });
    assert_eq!(life["by"]["somebody"]["name"], ola);
    assert!(life["since"].get("at").is_some(), "{life}");
    house.does(&json!({ "assign": { "principal": siri, "role": "Owner", "scope": vault, "by": ola } }));
    let life = until("a lookalike", || daemon.lives("lookalike").into_iter().next());
    assert_eq!((&life["by"]["somebody"]["name"], &life["who"]), (&ola, &siri));
    // And takes it back: it is over, and remembered.
    house.does(&json!({ "unassign": { "principal": siri, "role": "Owner", "scope": vault, "by": ola } }));
    until("it is over", || daemon.lives("lookalike").into_iter().find(|it| it["resolved"] != Value::Null));
    assert_eq!(daemon.lives("missing").len(), 1, "it only looks: nothing is healed");
    // A restart remembers.
    let first_seen = daemon.lives("missing")[0]["first_seen"].clone();
    let newest = daemon.state()["number"].as_u64();
    assert_eq!(daemon.end(), 0);
    let daemon = house.follow(&["--interval", "1s"]);
    daemon.run("another look", |run| run["number"].as_u64() > newest && is_over(run));
    assert_eq!(daemon.lives("missing")[0]["first_seen"], first_seen);
    assert_eq!(house.simulator.stats()["writes"], 0);
}

#[test]
fn git_is_blamed_for_nothing_but_its_own_changes() {
    let house = House::new(Standing::All);
    let world = house.world();
    let (ola, ours) = (world["users"][0]["user"].clone(), house.ours());
    // Instead of one of ours stands one that somebody else made: it meets the grant as well.
    let theirs =
        |it: &Value| json!({ "principal": it["principal"], "role": it["role"], "scope": it["scope"], "by": ola });
    house.does(&json!({ "unassign": theirs(&ours[0]) }));
    house.does(&json!({ "assign": theirs(&ours[0]) }));
    let daemon = house.follow(&["--interval", "1s"]);
    let run = daemon.run("a first look", is_over);
    assert_eq!(run["verdict"], "converged", "{run}");
    // It goes, and git has not moved at all.
    house.does(&json!({ "unassign": theirs(&ours[0]) }));
    let by = |life: &Value| life["by"].get("somebody").map(|it| it["name"].clone());
    until("by whom", || daemon.lives("missing").iter().find_map(by).map(|name| assert_eq!(name, ola)));
    // Another one goes while git moves elsewhere, and gives somebody one more role.
    house.does(&json!({ "unassign": theirs(&ours[1]) }));
    let (who, role) = house.one_gains();
    house.commit("one gains");
    house.push(&[]);
    let lives = until("three are missing", || Some(daemon.lives("missing")).filter(|all| all.len() == 3));
    let of_git =
        |life: &Value| life["role"] == role && life["who"].as_str().is_some_and(|it| it.eq_ignore_ascii_case(&who));
    assert_eq!(lives.iter().filter(|life| life["by"] == "git").count(), 1, "{lives:#?}");
    assert!(lives.iter().all(|life| (life["by"] == "git") == of_git(life)), "{lives:#?}");
    until("by whom", || Some(daemon.lives("missing").iter().filter_map(by).count()).filter(|count| *count == 2));
}

#[test]
fn a_push_in_the_middle_of_a_run_is_followed_by_a_run_from_there_and_heals_only_what_it_was_told_to() {
    let house = House::new(Standing::None);
    house.tell("PUT", "faults", &json!([{ "route": "roleAssignments", "method": "GET", "does": { "slow": 1500 } }]));
    let daemon = house.follow(&["--interval", "1h", "--heal", "grants"]);
    until("a run is on", || daemon.log().contains("a run begins").then_some(()));
    let gone = house.one_leaves();
    let second = house.commit("one leaves");
    house.push(&[]);
    let of = |commit: &str, run: &Value| run["commit"][0] == commit && is_over(run);
    let run = daemon.run("a run from the new commit", |run| of(&second, run));
    assert_eq!((&run["trigger"], &run["heals"]), (&json!("git"), &json!(true)));
    let first = daemon.runs()[0].clone();
    assert!(first["commit"][0] != second.as_str() && first["ended"].as_str() <= run["started"].as_str());
    // The first run read git again before its first write, saw that it had moved, and left the healing to the second.
    let note = first["notes"].to_string();
    assert!(note.contains("git moved"), "{first}");
    assert_eq!(first["healing"], json!([0, 0, 0, 0]));
    let names = |house: &House| {
        let world = house.world();
        let user =
            |id: &Value| world["users"].as_array().unwrap().iter().find(|it| it["id"] == *id).unwrap()["user"].clone();
        house.ours().iter().map(|it| user(&it["principal"]).to_string().replace('"', "")).collect::<Vec<_>>()
    };
    let after = names(&house);
    assert!(!after.is_empty() && !after.iter().any(|name| name.eq_ignore_ascii_case(&gone)), "{gone}: {after:?}");
    // Somebody else leaves: a removal, which this daemon was not told to make.
    house.tell("PUT", "faults", &json!([]));
    std::thread::sleep(Duration::from_millis(1_100)); // a commit's time has seconds, and what was made after it stays
    let gone = house.one_leaves();
    let third = house.commit("another leaves");
    house.push(&[]);
    let run = daemon.run("a third", |run| of(&third, run));
    assert_eq!(run["healing"][0], 0, "{run}");
    assert!(names(&house).iter().any(|name| name.eq_ignore_ascii_case(&gone)));
    assert_eq!(daemon.end(), 0);
    let before = house.ours().len();
    let last = run["number"].as_u64();
    // One that was told to heal all takes it away, and says so in its state.
    let daemon = house.follow(&["--interval", "1h", "--heal", "all"]);
    let run = daemon.run("it heals", |run| run["number"].as_u64() > last && run["healing"][0].as_u64() > Some(0));
    let (healed, after) = (run["healing"][0].as_u64().unwrap(), house.ours().len());
    assert_eq!(u64::try_from(before - after).unwrap(), healed, "{run}");
    assert!(daemon.lives("surplus").iter().all(|it| it["healed"] == true), "{:?}", daemon.lives("surplus"));
}

#[test]
fn a_rewritten_history_heals_nothing_until_somebody_acknowledges_it() {
    let house = House::new(Standing::All);
    let daemon = house.follow(&["--interval", "1s", "--heal", "all"]);
    daemon.run("a first look", is_over);
    house.one_leaves();
    house.git(&["commit", "-q", "-a", "--amend", "-m", "rewritten"]);
    let tip = house.git(&["rev-parse", "HEAD"]);
    house.push(&["--force"]);
    let before = house.ours().len();
    let run = daemon.run("a look at the rewritten branch", |run| run["commit"][0] == tip.as_str() && is_over(run));
    assert_eq!((&run["heals"], &run["verdict"]), (&json!(false), &json!("drift")), "{run}");
    assert!(daemon.log().contains("history of the branch was rewritten"), "{}", daemon.log());
    assert_eq!(house.ours().len(), before);
    // A restart does not make it right; a wrong hash does not either.
    assert_eq!(daemon.end(), 0);
    let daemon = house.follow(&["--interval", "1s", "--heal", "all"]);
    let after = daemon.runs().last().unwrap()["number"].as_u64();
    let run = daemon.run("a look after the restart", |run| run["number"].as_u64() > after && is_over(run));
    assert_eq!(run["heals"], false);
    assert_eq!(daemon.send("POST", &format!("/-/acknowledge?commit={}", &tip[..10]), &[], "").0, 409);
    let proxied = [("X-Forwarded-For", "192.0.2.1")];
    assert_eq!(daemon.send("POST", &format!("/-/acknowledge?commit={tip}"), &proxied, "").0, 403);
    assert_eq!(daemon.send("POST", &format!("/-/acknowledge?commit={tip}"), &[], "").0, 202);
    daemon.run("it heals again", |run| run["heals"] == true && run["healing"][0].as_u64() > Some(0));
    assert!(house.ours().len() < before);
}

#[test]
fn azure_tells_of_a_change_and_only_its_owner_is_looked_at() {
    let house = House::new(Standing::All);
    let daemon = house.follow(&["--interval", "1h"]);
    daemon.run("a first look", is_over);
    // The handshakes.
    let code = json!([{ "id": "1", "topic": "/subscriptions/x", "subject": "", "eventTime": "2026-01-25T22:12:19Z",
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "metadataVersion": "1", "dataVersion": "1",
        "data": { "validationCode": "512d38b6", "validationUrl": "https://rp-eastus2.eventgrid.azure.net/validate" } }]);
    let kind = [("aeg-event-type", "SubscriptionValidation"), ("content-type", "application/json")];
    assert_eq!(daemon.send("POST", "/events", &kind, &code.to_string()).0, 401);
    assert_eq!(daemon.send("POST", "/events?secret=open%20sesam", &kind, &code.to_string()).0, 401);
    let (status, text) = daemon.send("POST", "/events?secret=open%20sesame", &kind, &code.to_string());
    assert!(status == 200 && text.ends_with(r#"{"validationResponse":"512d38b6"}"#), "{text}");
    let origin = [("WebHook-Request-Origin", "eventgrid.azure.net"), ("X-Tilgang-Secret", "open sesame")];
    let (status, text) = daemon.send("OPTIONS", "/events", &origin, "");
    assert!(status == 200 && text.contains("webhook-allowed-origin: eventgrid.azure.net"), "{text}");
    assert_eq!(daemon.send("OPTIONS", "/events", &origin[..1], "").0, 401);
    assert_eq!(daemon.send("POST", "/events?secret=open%20sesame", &[], "nonsense").0, 400);
    let huge = "x".repeat(2 * 1024 * 1024);
    assert!([413, 0].contains(&daemon.send("POST", "/events?secret=open%20sesame", &[], &huge).0));
    // A deletion, told by both schemas, many times in a second: one look, at that owner alone.
    let lost = house.ours()[0].clone();
    house
        .does(&json!({ "unassign": { "principal": lost["principal"], "role": lost["role"], "scope": lost["scope"] } }));
    house.simulator.reset();
    let name = "00000000-0000-0000-0000-000000000009";
    let id = format!("{}/providers/Microsoft.Authorization/roleAssignments/{name}", lost["scope"].as_str().unwrap());
    let data = json!({ "operationName": "Microsoft.Authorization/roleAssignments/delete", "resourceUri": id, "status": "Succeeded" });
    let grid =
        json!([{ "id": "2", "subject": id, "eventType": "Microsoft.Resources.ResourceDeleteSuccess", "data": data }]);
    let cloud = json!({ "specversion": "1.0", "id": "3", "source": "/subscriptions/x", "subject": id,
        "type": "Microsoft.Resources.ResourceDeleteSuccess", "data": data });
    for _ in 0..20 {
        assert_eq!(daemon.send("POST", "/events?secret=open%20sesame", &[], &grid.to_string()).0, 202);
        assert_eq!(daemon.send("POST", "/events?secret=open%20sesame", &[], &cloud.to_string()).0, 202);
    }
    let run = daemon.run("a look by event", |run| run["trigger"] == "azure-event");
    assert_eq!(run["owners"].as_array().unwrap().len(), 1);
    until("it is noticed", || daemon.lives("missing").into_iter().next());
    let looks = daemon.runs().iter().filter(|run| run["trigger"] == "azure-event").count();
    assert!(looks <= 3, "{looks} looks for forty deliveries");
    let lists = house.simulator.stats()["by_route"]["GET roleAssignments"].as_u64().unwrap();
    assert!(lists <= 2 * u64::try_from(looks).unwrap(), "{lists} lists for one owner's two environments");
    // What is nothing for us makes no look.
    let other = grid.to_string().replace("roleAssignments/delete", "storageAccounts/delete");
    assert_eq!(daemon.send("POST", "/events?secret=open%20sesame", &[], &other).0, 200);
    // Whoever may ask, may: by signal, and from this machine.
    let number = |daemon: &Daemon| daemon.state()["number"].as_u64().unwrap();
    let before = number(&daemon);
    daemon.signal("-HUP");
    daemon.run("a look by signal", |run| run["number"].as_u64() > Some(before) && run["trigger"] == "reload");
    assert_eq!(daemon.send("POST", "/-/reload", &[("Origin", "https://evil.example")], "").0, 403);
    assert_eq!(daemon.send("POST", "/-/reload", &[], "").0, 202);
    assert_eq!((daemon.send("GET", "/healthz", &[], "").0, daemon.send("GET", "/readyz", &[], "").0), (200, 200));
    assert_eq!(daemon.send("GET", "/nowhere", &[], "").0, 421, "pages answer to this machine's own names");
}

#[test]
fn azure_that_does_not_answer_is_no_end_of_the_world() {
    let house = House::new(Standing::All);
    let daemon = house.follow(&["--interval", "1s", "--run-timeout", "2s"]);
    daemon.run("a first look", is_over);
    let lost = house.ours()[0].clone();
    house
        .does(&json!({ "unassign": { "principal": lost["principal"], "role": lost["role"], "scope": lost["scope"] } }));
    until("one is missing", || daemon.lives("missing").into_iter().next());
    house.tell("PUT", "faults", &json!([{ "does": "never" }]));
    let too_long = |run: &Value| run["notes"].to_string().contains("--run-timeout");
    daemon.run("a run that took too long", |run| run["verdict"] == "failed" && too_long(run));
    assert_eq!(daemon.send("GET", "/healthz", &[], "").0, 200);
    assert_eq!(daemon.lives("missing")[0]["resolved"], Value::Null, "unknown is not over");
    house.tell("PUT", "faults", &json!([{ "does": { "answer": { "status": 401 } } }]));
    daemon.run("a run that could not compare", |run| run["verdict"] == "failed" && !too_long(run));
    house.tell("PUT", "faults", &json!([]));
    let newest = daemon.state()["number"].as_u64();
    daemon.run("a good one again", |run| run["number"].as_u64() > newest && is_over(run));
    assert_eq!(daemon.lives("missing").len(), 1);
    // Git away: it looks on at what it knows.
    fs::rename(&house.remote, house.workspace.path().join("elsewhere.git")).unwrap();
    until("it is said", || daemon.log().contains("git gave no answer").then_some(()));
    let newest = daemon.state()["number"].as_u64();
    daemon.run("a look all the same", |run| run["number"].as_u64() > newest && is_over(run));
    assert_eq!(daemon.end(), 0);
}

#[test]
fn handles_and_connections_stay_the_same_from_run_to_run() {
    let house = House::new(Standing::All);
    house.tell("PUT", "settings", &json!({ "throttling": false }));
    let daemon = house.follow(&["--interval", "100ms"]);
    let handles = || fs::read_dir(format!("/proc/{}/fd", daemon.child.id())).map(Iterator::count).unwrap_or_default();
    daemon.run("ten runs", |run| run["number"].as_u64() >= Some(10));
    let (before, connections) = (handles(), house.simulator.stats()["connections"].as_u64().unwrap());
    daemon.run("sixty runs", |run| run["number"].as_u64() >= Some(60));
    let (after, now) = (handles(), house.simulator.stats()["connections"].as_u64().unwrap());
    println!("handles {before} → {after}, connections {connections} → {now}");
    assert!(after <= before + 8, "{before} → {after} handles");
    assert!(now <= connections + 4, "{connections} → {now} connections");
    let signed_in = house.simulator.stats()["by_route"]["POST token"].as_u64().unwrap();
    assert!(signed_in <= 2, "signed in {signed_in} times: the session is kept");
}

#[test]
fn what_is_wrong_is_said_at_once() {
    let house = House::new(Standing::All);
    let state = house.workspace.path().join("state-2").display().to_string();
    let flags = house.simulator.flags();
    let run = |arguments: &[&str]| {
        let all: Vec<&str> = arguments.iter().copied().chain(flags.iter().map(String::as_str)).collect();
        let out = house.workspace.tilgang(&all);
        (out.status.code().unwrap(), String::from_utf8(out.stderr).unwrap())
    };
    let (code, text) = run(&["serve", "--heal", "grants", "--state", &state]);
    assert!(code == 64 && text.contains("--heal needs a branch"), "{code} {text}");
    let (code, text) = run(&["serve", "--interval", "soon"]);
    assert!(code == 64 && text.contains("not a length of time"), "{code} {text}");
    let (code, text) = run(&["serve", "--once", "--state", &state]);
    assert!(code == 0, "{code} {text}");
    // A state that cannot be read is set aside, and nothing else happens.
    fs::write(Path::new(&state).join("serve.json"), "{").unwrap();
    let (code, text) = run(&["serve", "--once", "--state", &state]);
    assert!(code == 0 && text.contains("set aside") && text.contains("begins anew"), "{code} {text}");
    let daemon = house.follow(&["--interval", "1h"]);
    let (code, text) = run(&["serve", "--state", &house.workspace.path().join("state").display().to_string()]);
    assert!(code == 1 && text.contains("another `tilgang serve`"), "{code} {text}");
    assert_eq!(daemon.end(), 0);
}
