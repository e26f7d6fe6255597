//! What a run costs, counted by the simulator.

use serde_json::Value;
use tilgang::simulator::generate::Options;

use crate::{simulator::Simulator, workspace::Workspace};

fn run(workspace: &Workspace, simulator: &Simulator, arguments: &[&str]) -> (i32, String, Value) {
    simulator.reset();
    let flags = simulator.flags();
    let all: Vec<&str> = arguments.iter().copied().chain(flags.iter().map(String::as_str)).collect();
    let out = workspace.tilgang(&all);
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    let stats = simulator.stats();
    println!("{arguments:?}: {}", stats["by_route"]);
    (out.status.code().unwrap(), text, stats)
}

/// 1,000 standing assignments, 20 subscriptions, 600 people, nothing to change and nothing foreign.
#[test]
fn a_plan_without_changes_asks_once_for_each_list() {
    let workspace = Workspace::generated(&Options::a_thousand_standing());
    let simulator = Simulator::start(&workspace.path().join("azure.yaml"));
    let (code, text, stats) = run(&workspace, &simulator, &["plan", "--detailed-exitcode"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("1000 assignments checked"), "{text}");
    let routes = &stats["by_route"];
    assert_eq!(routes["POST resourceGraph"], 1, "{routes}");
    assert_eq!(routes["GET roleAssignments"], 20, "{routes}");
    assert_eq!(routes["POST $batch"], 2, "{routes}");
    assert_eq!(stats["writes"], 0);
    let sign_in = 4; // an OpenID document or none, and a token for each of the two audiences
    assert!(stats["requests"].as_u64().unwrap() <= 23 + sign_in, "{routes}");
}

/// The last look before the first write: one GET for each target that a change touches.
fn looks(stats: &Value) -> u64 {
    ["GET vaults", "GET components"].iter().map(|route| stats["by_route"][route].as_u64().unwrap_or(0)).sum()
}

/// A grant costs one PUT, a removal one DELETE, each target one last GET, and nothing is asked per item.
#[test]
fn a_change_costs_one_request() {
    let workspace = Workspace::generated(&Options { grants: Some(100), ..Options::new(3, 40, 7) });
    let simulator = Simulator::start(&workspace.path().join("azure.yaml"));
    let (code, text, planned) = run(&workspace, &simulator, &["plan", "--detailed-exitcode"]);
    assert_eq!(code, 2, "{text}");
    let (code, text, applied) = run(&workspace, &simulator, &["apply", "--yes"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(applied["by_route"]["PUT roleAssignments"], 100, "{}", applied["by_route"]);
    let count = |stats: &Value| stats["requests"].as_u64().unwrap();
    let targets = 3 * 4; // owners, each with a component and a vault in two environments
    assert_eq!((looks(&planned), looks(&applied)), (0, targets), "{}", applied["by_route"]);
    assert_eq!(count(&applied) - count(&planned), 100 + targets, "{}", applied["by_route"]);
    let (code, text, again) = run(&workspace, &simulator, &["apply", "--yes"]);
    assert_eq!((code, &again["writes"]), (0, &Value::from(0)), "{text}");

    // One person leaves one owner: a DELETE for each role; one list of PIM instances, one of locks and one of our own role
    // assignments for each subscription concerned, and one question who that is.
    let file = std::fs::read_dir(workspace.path().join("owners")).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(&file).unwrap();
    let entries: Vec<&str> = text.split("\n  - user: ").collect();
    let (kept, last) = entries.split_at(entries.len() - 1);
    let removals = last[0].matches("test-").count() + last[0].matches("prod-").count();
    std::fs::write(&file, kept.join("\n  - user: ") + "\n").unwrap();
    let (code, text, removed) = run(&workspace, &simulator, &["apply", "--yes"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(removed["by_route"]["DELETE roleAssignments"], removals, "{}\n{text}", removed["by_route"]);
    let more =
        |route: &str| removed["by_route"][route].as_u64().unwrap_or(0) - again["by_route"][route].as_u64().unwrap_or(0);
    assert_eq!(more("POST $batch"), 1, "who holds what git no longer explains: {}", removed["by_route"]);
    assert!(more("GET roleAssignmentScheduleInstances") <= 2 && more("GET locks") <= 2, "{}", removed["by_route"]);
    assert_eq!(more("GET roleAssignments"), more("GET locks"), "our own, once for each subscription concerned");
    assert_eq!(more("GET roleDefinitions"), 1, "the one role definition that we hold");
    assert!(looks(&again) == 0 && (1..=removals as u64).contains(&looks(&removed)), "{}", removed["by_route"]);
}

/// Two states of git are held against one look at Azure: the lists are asked for once, and only whom the state before the change
/// names beside the others is asked for.
#[cfg(unix)]
#[test]
fn a_plan_against_a_base_looks_once() {
    let workspace = Workspace::generated(&Options::a_thousand_standing());
    let simulator = Simulator::start(&workspace.path().join("azure.yaml"));
    std::fs::remove_file(workspace.path().join("azure.yaml")).unwrap();
    let (said, code) = workspace.shell("git init -q && git add . && git commit -qm 'As it is'");
    assert_eq!(code, 0, "{said}");
    let file = std::fs::read_dir(workspace.path().join("owners")).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(&file).unwrap();
    let entries: Vec<&str> = text.split("\n  - user: ").collect();
    let (kept, _) = entries.split_at(entries.len() - 1);
    std::fs::write(&file, kept.join("\n  - user: ") + "\n").unwrap();
    let (code, text, plain) = run(&workspace, &simulator, &["plan"]);
    assert_eq!(code, 0, "{text}");
    let (code, text, stats) = run(&workspace, &simulator, &["plan", "--base", "HEAD", "--detailed-exitcode"]);
    assert!(code == 2 && text.contains("This change: 1 person loses"), "{text}");
    for route in ["POST resourceGraph", "GET roleAssignments", "GET roleAssignmentScheduleInstances", "GET locks"] {
        assert_eq!(stats["by_route"][route], plain["by_route"][route], "{route}");
    }
    let batches = |stats: &Value| stats["by_route"]["POST $batch"].as_u64().unwrap();
    assert!(batches(&stats) <= batches(&plain) + 1, "{}", stats["by_route"]);
}

/// Who can do what costs one `$batch` of members for twenty groups and one for 300 people, however many assignments there are.
#[test]
fn a_question_costs_no_request_a_person() {
    let ask = |groups: usize, people: usize| {
        let workspace = Workspace::empty();
        let write = |path: &str, text: String| {
            let path = workspace.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let tenant = "tenant: 00000000-0000-0000-0000-0000000000aa\n";
        let settings = format!("version: 1\n{tenant}instance: i\nowners: {{ ttd: {{ environments: [prod] }} }}\n");
        write("tilgang.yaml", settings);
        write("owners/ttd.yaml", "owner: ttd\nusers: []\n".to_owned());
        let name = |n: usize| format!("person{n}@ai-dev.no");
        let users: Vec<String> = (0..people).map(name).collect();
        let of = |n: usize| users.iter().skip(n % people).step_by(7).cloned().collect::<Vec<_>>().join(", ");
        let groups: Vec<usize> = (0..groups).collect();
        let made: Vec<String> = groups.iter().map(|n| format!("{{ name: g{n}, members: [{}] }}", of(*n))).collect();
        let held = groups.iter().map(|n| format!("g{n}")).chain(users.iter().cloned());
        let at =
            |who: String| format!("{{ principal: {who}, role: Key Vault Secrets User, scope: ttd-prod-keyvault }}");
        let held: Vec<String> = held.map(at).collect();
        write(
            "azure.yaml",
            format!(
                "{tenant}clock: 2026-11-20T09:00:00Z\nusers: [{}]\ngroups: [{}]\nsubscriptions:\n  - name: Altinn-TTD-Prod\n    \
                 tags: {{ finops_serviceownercode: ttd }}\n    resources: [component ttd-prod-ai, vault ttd-prod-keyvault]\n\
                 assignments: [{}]\n",
                users.join(", "),
                made.join(", "),
                held.join(", ")
            ),
        );
        let simulator = Simulator::start(&workspace.path().join("azure.yaml"));
        let (code, text, stats) = run(&workspace, &simulator, &["who", "--can", "read-secrets"]);
        assert_eq!(code, 0, "{text}");
        assert!(text.contains(&format!("Who: {people} people; 0 by git")), "{text}");
        assert_eq!(stats["writes"], 0);
        stats
    };
    for (groups, people, batches) in [(0, 10, 1), (1, 10, 1 + 1), (20, 10, 1 + 1), (21, 250, 2 + 1), (45, 250, 3 + 1)] {
        let stats = ask(groups, people);
        let routes = &stats["by_route"];
        assert_eq!(routes["POST $batch"], batches, "{groups} groups, {people} people: {routes}");

        assert_eq!(routes["POST getByIds"], 1, "whatever is no person, in one question: {routes}");
        assert_eq!(routes["GET roleDefinitions"], 1 + 2, "the list, and each that the workspace names: {routes}");
        let lists = ["GET roleAssignments", "GET roleAssignmentScheduleInstances", "POST resourceGraph"];
        for route in lists {
            assert_eq!(routes[route], 1, "{route}: {routes}");
        }
        // Who may activate a role: the subscription's list, and each of the two targets itself.
        assert_eq!(routes["GET roleEligibilityScheduleInstances"], 3, "{routes}");
        assert_eq!(routes["GET denyAssignments"], 1, "{routes}");
        assert!(routes["GET locks"].is_null(), "{routes}");
    }
}
