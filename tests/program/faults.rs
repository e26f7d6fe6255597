//! Faults from a file and live, what people do meanwhile, and an Azure that lags: the program ends right, or says what it
//! could not do, and nobody loses access.

use serde_json::{Value, json};
use tilgang::simulator::generate::{Options, Standing};

use crate::{simulator::Simulator, workspace::Workspace};

struct Story {
    workspace: Workspace,
    simulator: Simulator,
}

impl Story {
    fn begin(options: &Options) -> Self {
        let workspace = Workspace::generated(options);
        let simulator = Simulator::start(&workspace.path().join("azure.yaml"));
        Self { workspace, simulator }
    }

    /// So many grants, all to be made.
    fn to_grant(grants: usize) -> Self {
        Self::begin(&Options { grants: Some(grants), ..Options::new(3, 40, 7) })
    }

    /// All stands, and one person has just left: there is something to remove.
    fn to_revoke() -> Self {
        let story = Self::begin(&Options { standing: Standing::All, grants: Some(60), ..Options::new(3, 20, 7) });
        let file = std::fs::read_dir(story.workspace.path().join("owners")).unwrap().next().unwrap().unwrap().path();
        let text = std::fs::read_to_string(&file).unwrap();
        let (kept, _) = text.rsplit_once("\n  - user: ").unwrap();
        std::fs::write(&file, format!("{kept}\n")).unwrap();
        story
    }

    /// Runs the program; its exit code, what it said, and how many writes it sent.
    fn run(&self, arguments: &[&str]) -> (i32, String, u64) {
        self.simulator.reset();
        let flags = self.simulator.flags();
        let all: Vec<&str> = arguments.iter().copied().chain(flags.iter().map(String::as_str)).collect();
        let out = self.workspace.tilgang(&all);
        let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
        let stats = self.simulator.stats();
        println!("{arguments:?}: exit {:?}, {}, {}", out.status.code(), stats["by_route"], stats["by_status"]);
        (out.status.code().unwrap(), text, stats["writes"].as_u64().unwrap())
    }

    fn apply(&self) -> (i32, String, u64) {
        self.run(&["apply", "--yes"])
    }

    fn tell(&self, method: &str, route: &str, body: &Value) {
        let (status, answer) = self.simulator.send(method, &format!("/_simulator/{route}"), None, Some(body));
        assert!((200..300).contains(&status), "{route}: {status} {answer}");
    }

    fn faults(&self, faults: &Value) {
        self.tell("PUT", "faults", faults);
    }

    fn wait(&self, seconds: u32) {
        self.tell("POST", "clock", &json!({ "seconds": seconds }));
    }

    fn world(&self) -> Value {
        self.simulator.send("GET", "/_simulator/world", None, None).1
    }

    /// The role assignments of people; each (who, role, where) once.
    fn grants(&self) -> usize {
        let world = self.world();
        let people: std::collections::BTreeSet<_> =
            world["users"].as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap()).collect();
        let all = world["assignments"].as_array().unwrap().iter();
        let of_people: Vec<_> = all.filter(|it| people.contains(it["principal"].as_str().unwrap())).collect();
        let triple = |it: &Value| format!("{}{}{}", it["principal"], it["role"], it["scope"]).to_lowercase();
        let once: std::collections::BTreeSet<_> = of_people.iter().map(|it| triple(it)).collect();
        assert_eq!(once.len(), of_people.len(), "something stands twice");
        of_people.len()
    }
}

/// Every third request is throttled, and every tenth reply is lost.
#[test]
fn two_hundred_grants_through_a_storm() {
    let workspace = Workspace::generated(&Options { grants: Some(200), ..Options::new(3, 60, 7) });
    let file = workspace.path().join("faults.yaml");
    let text =
        "faults:\n  - { every: 3, does: { throttle: { retry_after: '0.05' } } }\n  - { every: 10, does: lost_reply }\n";
    std::fs::write(&file, text).unwrap();
    let simulator =
        Simulator::start_with(&workspace.path().join("azure.yaml"), &["--faults", &file.display().to_string()]);
    let story = Story { workspace, simulator };
    let (code, text, writes) = story.apply();
    assert_eq!((code, story.grants()), (0, 200), "{text}");
    let left = story.simulator.send("GET", "/_simulator/faults", None, None).1;
    let met = |n: usize| left["faults"][n]["met"].as_u64().unwrap();
    println!("throttled {}, replies lost {}, writes sent {writes}", met(0), met(1));
    assert!(met(0) >= 100 && met(1) >= 20, "{left}");
    let (code, text, writes) = story.apply();
    assert_eq!((code, writes), (0, 0), "{text}");
}

/// The roles that a report says were not gained, person by person.
fn named(text: &str) -> usize {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let entry = regex::Regex::new(r"(\d+) (?:person|people) did not gain (.*?) at ").unwrap();
    let roles = |list: &str| list.matches(", ").count() + list.matches(" and ").count() + 1;
    entry.captures_iter(&text).map(|found| found[1].parse::<usize>().unwrap() * roles(&found[2])).sum()
}

/// Resource Manager takes forty writes, and then fails at every one.
#[test]
fn a_run_that_is_cut_names_each_failure_and_the_next_one_finishes() {
    let story = Story::to_grant(100);
    let fails = json!({ "answer": { "status": 500, "headers": { "retry-after": "0.05" } } });
    story.faults(&json!([{ "method": "PUT", "route": "roleAssignments", "after": 40, "does": fails }]));
    let (code, text, _) = story.apply();
    assert_eq!((code, story.grants()), (4, 40), "{text}");
    assert!(text.contains("InternalServerError") && text.contains("60 failed"), "{text}");
    assert_eq!(named(&text), 60, "{text}");
    story.faults(&json!([{ "method": "PUT", "route": "roleAssignments", "does": fails }]));
    let (code, text, _) = story.apply();
    assert!([1, 4].contains(&code) && story.grants() == 40, "{code} {text}");
    story.faults(&json!([]));
    let (code, text, writes) = story.apply();
    assert_eq!((code, writes, story.grants()), (0, 60, 100), "{text}");
}

/// What came of Resource Manager's lists is not the whole truth: nothing is removed, and it is said.
#[test]
fn half_a_list_never_removes() {
    let story = Story::to_revoke();
    let before = story.grants();
    story.tell("PUT", "settings", &json!({ "page_size": 4 }));
    let fails = json!({ "answer": { "status": 503, "headers": { "retry-after": "0.05" } } });
    for (name, fault) in [
        ("{} in place of a list", json!({ "does": "empty_object" })),
        ("HTML in place of JSON", json!({ "does": "html" })),
        ("a link to another host", json!({ "does": { "next_link": "https://elsewhere.example/x" } })),
        ("a page that fails", json!({ "page": 2, "does": fails })),
        ("half an answer", json!({ "does": "half_body" })),
    ] {
        let mut fault = fault;
        fault["method"] = json!("GET");
        fault["route"] = json!("roleAssignments");
        story.faults(&json!([fault]));
        let (code, text, writes) = story.apply();
        assert_eq!((code, writes, story.grants()), (1, 0, before), "{name}: {text}");
        assert!(text.contains("list role assignments"), "{name} is not said: {text}");
    }
    story.faults(&json!([]));
    let (code, text, writes) = story.apply();
    assert!(code == 0 && writes > 0 && story.grants() < before, "{code} {text}");
}

/// Entra itself may be out of order: then nothing is asked of Azure, and nothing is said to be well.
#[test]
fn a_sign_in_that_fails_is_the_end_of_it() {
    let story = Story::to_grant(3);
    for (name, does, words) in [
        (
            "refused",
            json!({ "answer": { "status": 400, "code": "unauthorized_client", "message": "AADSTS700016: no." } }),
            "AADSTS700016",
        ),
        ("no JSON", json!("html"), "sign"),
    ] {
        story.faults(&json!([{ "sign_in": true, "does": does }]));
        let (code, text, writes) = story.apply();
        assert_eq!((code, writes, story.grants()), (1, 0, 0), "{name}: {text}");
        assert!(text.contains(words), "{name}: {text}");
        let asked = story.simulator.stats()["by_route"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert!(
            asked.iter().all(|route| ["POST token", "GET openid-configuration"].contains(&route.as_str())),
            "{asked:?}"
        );
    }
    // Any other fault leaves signing in alone.
    story.faults(
        &json!([{ "times": 1, "does": { "answer": { "status": 503, "headers": { "retry-after": "0.05" } } } }]),
    );
    let (code, text, _) = story.apply();
    assert_eq!((code, story.grants()), (0, 3), "{text}");
}

#[test]
fn without_graph_nobody_is_removed() {
    let story = Story::to_revoke();
    let before = story.grants();
    let fails = json!({ "answer": { "status": 503, "headers": { "retry-after": "0.05" } } });
    for fault in [json!({ "route": "/v1.0/", "does": fails }), json!({ "items": true, "does": fails })] {
        story.faults(&json!([fault]));
        let (code, text, writes) = story.apply();
        assert_eq!((code, writes, story.grants()), (1, 0, before), "{text}");
    }
    // One question of ten is throttled inside its batch, with a wait as Graph writes it.
    story.faults(&json!({ "seed": 7, "faults": [
        { "items": true, "share": 0.3, "does": { "throttle": { "retry_after": "0.05" } } },
    ]}));
    let (code, text, writes) = story.apply();
    assert!(code == 0 && writes > 0, "{code} {text}");
}

/// A target that Resource Graph does not know yet: who has access keeps it.
#[test]
fn behind_in_resource_graph_nobody_loses_access() {
    let story = Story::begin(&Options { standing: Standing::All, grants: Some(60), ..Options::new(3, 20, 7) });
    let before = story.grants();
    let world = story.world();
    let all = world["subscriptions"].as_array().unwrap().iter().flat_map(|it| it["resources"].as_array().unwrap());
    let components: Vec<&Value> = all
        .filter(|it| it["type"].as_str().unwrap().eq_ignore_ascii_case("microsoft.insights/components"))
        .map(|it| &it["id"])
        .collect();
    story.tell("PUT", "settings", &json!({ "resource_graph_lag": "1h" }));
    for id in &components {
        story.tell("POST", "events", &json!({ "does": { "delete_resource": id } }));
    }
    story.wait(2 * 3_600);
    for id in &components {
        story.tell("POST", "events", &json!({ "does": { "recreate_resource": id } }));
    }
    let (code, text, writes) = story.apply();
    println!("{text}");
    assert_eq!((writes, story.grants()), (0, before), "{code} {text}");
    story.wait(2 * 3_600);
    let (code, text, writes) = story.apply();
    assert_eq!((code, writes, story.grants()), (0, 0, before), "{text}");
}

/// A list that does not show yet what was just written: the same is sent again, which harms nobody.
#[test]
fn a_stale_list_costs_harmless_repeats() {
    let story = Story::to_grant(50);
    story.tell("PUT", "settings", &json!({ "lists_stale": "1h" }));
    for (wait, sent) in [(0, 50), (0, 50), (2 * 3_600, 0)] {
        story.wait(wait);
        let (code, text, writes) = story.apply();
        assert_eq!((code, writes, story.grants()), (0, sent, 50), "{text}");
    }
}

/// A vault is made anew on its day, and a person is replaced by another of the same name.
#[test]
fn what_people_do_happens_at_its_time() {
    let story = Story::begin(&Options { standing: Standing::All, grants: Some(60), ..Options::new(3, 20, 7) });
    let before = story.grants();
    let world = story.world();
    let all = world["assignments"].as_array().unwrap();
    let vault = all.iter().filter_map(|it| it["scope"].as_str()).find(|it| it.contains("Microsoft.KeyVault")).unwrap();
    let lost = all.iter().filter(|it| it["scope"] == vault).count();
    story.faults(&json!({ "events": [{ "at": "+10m", "does": { "recreate_vault": vault } }] }));
    let (code, text, writes) = story.apply();
    assert_eq!((code, writes), (0, 0), "{text}");
    story.wait(600);
    assert_eq!(story.grants(), before - lost);
    let (code, text, _) = story.run(&["drift"]);
    assert!(code == 2 && text.contains("MISSING"), "{code} {text}");
    let (code, text, writes) = story.apply();
    assert_eq!((code, writes, story.grants()), (0, lost as u64, before), "{text}");

    let who = story.world()["users"][0]["user"].clone();
    story.tell("POST", "events", &json!([{ "does": { "replace_user": who } }]));
    let happened = story.simulator.send("GET", "/_simulator/events", None, None).1;
    assert_eq!(happened["happened"].as_array().unwrap().len(), 2, "{happened}");
    let (code, text, _) = story.run(&["drift"]);
    assert!(code == 1 && text.contains("another person has this name now"), "{code} {text}");
    assert!(text.contains(who.as_str().unwrap()), "{text}");
}

/// A saved plan, and a vault that Resource Graph still shows: its grants are taken out and said, the others are made.
#[test]
fn a_vault_that_is_gone_for_resource_manager_alone_is_said() {
    let story = Story::to_grant(60);
    let (code, text, _) = story.run(&["plan", "--out", "plan.json"]);
    assert_eq!(code, 0, "{text}");
    story.tell("PUT", "settings", &json!({ "resource_graph_lag": "1h" }));
    let world = story.world();
    let all = world["subscriptions"].as_array().unwrap().iter().flat_map(|it| it["resources"].as_array().unwrap());
    let vaults: Vec<&Value> = all.filter(|it| it["type"] == "Microsoft.KeyVault/vaults").map(|it| &it["id"]).collect();
    story.tell("POST", "events", &json!({ "does": { "delete_vault": vaults[0] } }));
    let (code, text, writes) = story.run(&["apply", "plan.json"]);
    println!("{text}");
    assert!(code == 4 && writes > 0 && writes < 60 && story.grants() as u64 == writes, "{code} {writes} {text}");
    assert!(text.contains("is not there any more; Resource Graph still shows it"), "{text}");
    // Without a file it is the same.
    let (code, text, again) = story.apply();
    assert!(code == 1 && again == 0 && text.contains("is not there any more"), "{code} {again} {text}");
    // When Resource Graph has caught up it is a target that is missing.
    story.wait(2 * 3_600);
    let (code, text, again) = story.apply();
    assert!(code == 1 && again == 0 && text.contains("no Key Vault"), "{code} {again} {text}");
}
