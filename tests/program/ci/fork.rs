//! Pull requests: from a branch of the repository, and from a hostile fork whose files, names, messages and branch attack the comment,
//! the shell and the plan. Nothing gets out, nothing gets in.

use std::{fs, os::unix::fs::symlink, path::Path};

use serde_json::{Value, json};

use super::{
    hub::{Hub, Platform, comment},
    runner::{Played, Runner, TOKEN, has_tools},
};
use crate::workspace::project;

const MARKER: &str = "<!-- tilgang:plan -->";

fn case(name: &str) -> std::path::PathBuf {
    project().join("tests/cases").join(name)
}

fn comments(runner: &Runner) -> Vec<Value> {
    runner.hub.with(|platform| platform.comments.clone())
}

/// Whether a file that only an attack makes is anywhere.
fn is_pwned(dir: &Path) -> bool {
    fs::read_dir(dir).unwrap().any(|entry| {
        let entry = entry.unwrap();
        let is_dir = entry.file_type().unwrap().is_dir();
        entry.file_name().to_string_lossy().starts_with("PWNED") || is_dir && is_pwned(&entry.path())
    })
}

/// What of a Markdown text is not in code spans, line by line: in them nothing acts (CommonMark, "Code spans").
fn outside_of_code(text: &str) -> String {
    let mut outside = String::new();
    for line in text.lines() {
        let mut rest = line;
        while let Some(start) = rest.find('`') {
            outside += &rest[..start];
            let run = rest[start..].chars().take_while(|c| *c == '`').count();
            let after = &rest[start + run..];
            let ticks = "`".repeat(run);
            let ends = after.match_indices(&ticks).map(|(at, _)| at);
            let mut ends = ends.filter(|at| !after[..*at].ends_with('`') && !after[at + run..].starts_with('`'));
            let end = ends.next().unwrap_or_else(|| panic!("a code span does not end: {line}"));
            rest = &after[end + run..];
        }
        outside += rest;
        outside.push('\n');
    }
    outside
}

fn wrote_nothing(runner: &Runner) {
    assert_eq!(runner.azure.stats()["writes"], 0);
}

#[test]
fn a_pull_request_gets_one_comment_that_is_kept_up_to_date() {
    if !has_tools() {
        return;
    }
    // Two hundred comments of others, one with a forged marker, one of a bot that is not ours, one that only quotes the marker.
    let mut before: Vec<Value> = (0..200).map(|n| comment(n, "ola", "User", "+1")).collect();
    before.insert(3, comment(300, "mallory", "User", &format!("{MARKER}\nall is well")));
    before.insert(4, comment(301, "other[bot]", "Bot", &format!("{MARKER}\nall is well")));
    before.insert(5, comment(302, "github-actions[bot]", "Bot", &format!("> {MARKER}\nno")));
    let runner = Runner::of(&case("base"), Hub::start(Platform { comments: before.clone(), ..Platform::default() }));
    let work = runner.work();
    runner.git(&work, &["checkout", "--quiet", "-b", "change"]);
    fs::write(
        work.join("owners/brg.yaml"),
        "owner: brg\nusers:\n  - user: ola.dikt@ai-dev.no\n    roles: [test-developer]\n",
    )
    .unwrap();
    runner.commit("Ola at brg");
    let play = |runner: &Runner| {
        let merge = runner.merge("change");
        let event = [
            ("github.event.pull_request.head.repo.full_name", "example/access"),
            ("github.event.pull_request.number", "7"),
        ];
        let validated = runner.play("tilgang-pull-request", "validate", &merge, &[]);
        let planned = runner.play("tilgang-pull-request", "plan", &merge, &event);
        assert!(!validated.failed && !planned.failed, "{}{}", validated.log(), planned.log());
        let head = runner.git(&runner.work(), &["rev-parse", "change"]);
        let head = ("github.event.pull_request.head.sha", &*head);
        let outputs = [event[1], head, ("needs.plan.outputs.report", &planned.outputs["report"])];
        runner.hub.with(|platform| platform.bad_gateways = 2); // each answer of GitHub's may be one of these
        let said = runner.play("tilgang-pull-request", "comment", &merge, &outputs);
        assert!(!said.failed, "{}", said.log());
        planned
    };
    let planned = play(&runner);
    assert!(planned.summary.contains("Besides this change: 3 differences"), "{}", planned.summary);
    let after = comments(&runner);
    assert_eq!(after[..before.len()], before[..], "nobody else's comment is touched");
    let ours = after.last().unwrap();
    let text = ours["body"].as_str().unwrap();
    assert!(text.starts_with(MARKER) && text.contains("Ola Dikt") && !text.contains("Nora"), "{text}");
    assert_eq!(after.len(), before.len() + 1);

    // A word more: the same comment says it.
    let path = work.join("owners/brg.yaml");
    runner.git(&work, &["checkout", "--quiet", "change"]);
    fs::write(&path, "owner: brg\nusers:\n  - user: ola.dikt@ai-dev.no\n    roles: [test-operations]\n").unwrap();
    runner.commit("Operations instead");
    play(&runner);
    let last = comments(&runner);
    assert_eq!(last.len(), after.len());
    assert_eq!(last[..before.len()], before[..]);
    assert!(last.last().unwrap()["body"].as_str().unwrap().contains("Test Operations"));
    let asked = runner.hub.with(|platform| platform.asked.clone());
    assert_eq!(asked.iter().filter(|(method, ..)| method != "GET").count(), 2, "one POST, one PATCH");
    runner.whole("tilgang-pull-request", "validate");
    runner.whole("tilgang-pull-request", "comment");
    let last = comments(&runner);
    let head = runner.git(&work, &["rev-parse", "change"]);
    assert!(last.last().unwrap()["body"].as_str().unwrap().contains(&head), "the comment names its commit");

    // A plan that fails takes the place of the old one, which would look as if it were of this commit.
    runner.git(&work, &["checkout", "--quiet", "change"]);
    let rules = work.join("tilgang.yaml");
    let text = fs::read_to_string(&rules).unwrap();
    fs::write(&rules, text.replacen("version: 1", "version: 9", 1)).unwrap();
    runner.commit("Broken rules");
    let merge = runner.merge("change");
    let head = runner.git(&work, &["rev-parse", "change"]);
    let event = [
        ("github.event.pull_request.head.repo.full_name", "example/access"),
        ("github.event.pull_request.number", "7"),
        ("github.event.pull_request.head.sha", &*head),
    ];
    let planned = runner.play("tilgang-pull-request", "plan", &merge, &event);
    assert!(planned.failed, "{}", planned.log());
    let report = [event[1], event[2], ("needs.plan.outputs.report", &planned.outputs["report"])];
    assert!(!runner.play("tilgang-pull-request", "comment", &merge, &report).failed);
    let text = comments(&runner).last().unwrap()["body"].as_str().unwrap().to_owned();
    assert!(text.contains("unknown version") && text.contains(&head) && !text.contains("Ola Dikt"), "{text}");
    runner.whole("tilgang-pull-request", "plan");
    wrote_nothing(&runner);
}

/// A gateway that fails may have handed on what it was given: then nothing is written twice.
#[test]
fn a_comment_that_was_taken_and_not_answered_is_written_once() {
    if !has_tools() {
        return;
    }
    let platform = Platform { lost_answers: 1, bad_gateways: 1, ..Platform::default() };
    let runner = Runner::of(&case("base"), Hub::start(platform));
    let report = runner.path().join("plan.md");
    fs::write(&report, format!("{MARKER}\n## Plan\n")).unwrap();
    let said = runner.script("github/comment.sh", &[report.to_str().unwrap()]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let written = comments(&runner);
    assert_eq!(written.len(), 1, "{written:#?}");
    assert!(written[0]["body"].as_str().unwrap().starts_with(MARKER));
    // The same of Azure DevOps.
    runner.hub.with(|platform| (platform.lost_answers, platform.bad_gateways) = (1, 1));
    let said = runner.script("azure-devops/comment.sh", &[report.to_str().unwrap()]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert_eq!(runner.hub.with(|platform| platform.threads.len()), 1);
}

/// Attacks Markdown, HTML, mentions, workflow commands, the shell, expressions, YAML, and our own marker.
const EVIL: &str = "</details><img src=x onerror=alert(1)> [click](https://evil.example) @everyone #1 `$(touch PWNED1)` ${{ secrets.X }} ::error::forged ##vso[task.setvariable variable=x]y <!-- tilgang:plan --> $(touch PWNED2); touch PWNED3 | & \\\" '";

/// The fork's branch: all that git allows in a name.
const BRANCH: &str = "a$(touch${IFS}PWNED4)`touch${IFS}PWNED5`;'\"&<b>@everyone|x%0aerror=forged";

/// A fork, and its pull request on the platform.
fn fork(runner: &Runner) -> String {
    let work = runner.work();
    runner.git(&work, &["checkout", "--quiet", "-b", BRANCH]);
    let quoted = Value::from(EVIL).to_string();
    let name = Value::from(&EVIL[..150]).to_string(); // longer ones are errors
    let write = |path: &str, text: &str| {
        let path = work.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "owners/ttd.yaml",
        &format!(
            "owner: ttd\nname: {name}\nusers:\n  - user: kari.fiktiv@ai-dev.no\n    roles: [prod-developer, {{ role: prod-operations, reason: {quoted} }}]\n  - user: ola.dikt@ai-dev.no\n    roles: [{{ role: prod-developer, reason: {quoted} }}]\n"
        ),
    );
    write(
        "owners/brg.yaml",
        "owner: brg\nusers:\n  - user: mallory@evil.example\n    roles: [test-developer, owner]\n",
    );
    write("owners/$(touch PWNED6).yaml", "owner: x\n");
    write("owners/a\n::error::forged\u{202e}.yaml", "owner: x\n");
    write(
        "tilgang.yaml",
        "version: 1\ntenant: 00000000-0000-0000-0000-0000000000aa\ninstance: altinn-apps\nusers: { domains: [ai-dev.no, evil.example] }\npolicy: { revokes: { max: 9999, per_owner: 9999, prod_per_owner: 9999, share: 100% } }\n",
    );
    write("overrides/x.yaml", "reason: none\n");
    write("CODEOWNERS", "* @mallory\n");
    write(".github/workflows/tilgang-fork.yml", "on: push\n");
    write(
        ".tools/tilgang/action.yml",
        "runs: { using: composite, steps: [{ name: x, shell: bash, run: touch PWNED7 }] }\n",
    );
    write(".tools/tilgang/examples/ci/github/comment.sh", "#!/bin/sh\ntouch PWNED8\n");
    write(".gitattributes", "* filter=evil diff=evil\n");
    write("tilgang", "#!/bin/sh\ntouch PWNED9\n");
    let message = format!("{EVIL}\n\n::add-mask::x\n\u{1b}[2J");
    let head = runner.commit(&message);
    let pull = json!({
        "number": 7,
        "head": { "sha": head, "ref": BRANCH, "label": format!("mallory:{BRANCH}") },
        "base": { "ref": "main", "repo": { "full_name": "example/access" } },
        "title": EVIL, "body": EVIL,
    });
    let older = json!({ "number": 6, "head": { "sha": "0".repeat(40) }, "base": pull["base"] });
    let files = runner.git(&work, &["diff", "--name-only", "-z", "main", "HEAD"]);
    runner.hub.with(|platform| {
        platform.pulls.insert(format!("mallory:{BRANCH}"), vec![older, pull]);
        platform.files = files.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    });
    runner.git(&work, &["checkout", "--quiet", "main"]);
    head
}

/// The trusted half, as far as it goes.
fn plan_of_fork(runner: &Runner, head: &str) -> Played {
    let main = runner.git(&runner.work(), &["rev-parse", "main"]);
    runner.play(
        "tilgang-fork",
        "plan",
        &main,
        &[
            ("github.event.workflow_run.event", "pull_request"),
            ("github.event.workflow_run.head_repository.full_name", "mallory/access"),
            ("github.event.workflow_run.head_repository.owner.login", "mallory"),
            ("github.event.workflow_run.head_branch", BRANCH),
            ("github.event.workflow_run.head_sha", head),
            ("github.event.workflow_run.id", "99"),
        ],
    )
}

fn comment_on_fork(runner: &Runner, planned: &Played) -> Played {
    let main = runner.git(&runner.work(), &["rev-parse", "main"]);
    let known = [
        ("needs.plan.outputs.report", planned.outputs["report"].as_str()),
        ("needs.plan.outputs.number", planned.outputs["number"].as_str()),
    ];
    runner.play("tilgang-fork", "comment", &main, &known)
}

#[test]
fn a_hostile_fork_gets_a_plan_and_nothing_else() {
    if !has_tools() {
        return;
    }
    let runner = Runner::of(&case("base"), Hub::start(Platform::default()));
    let head = fork(&runner);

    // Without any right: errors are told, and what can be read is written down.
    let merge = runner.merge(BRANCH);
    let validated = runner.play("tilgang-pull-request", "validate", &merge, &[]);
    assert!(validated.failed, "{}", validated.log());
    let ours = ["::group::tilgang validate", "::endgroup::", "::error file=owners/", "::error file=overrides/"];
    for line in validated.log().lines() {
        let is_ours = ours.iter().any(|start| line.starts_with(start));
        let commands = line.starts_with("::") || line.trim_start().starts_with("##");
        assert!(!commands || is_ours, "the log commands the runner: {line}");
    }
    let proposal: Value =
        serde_json::from_slice(&fs::read(runner.artifact("proposal").join("proposal.json")).unwrap()).unwrap();
    let owners: Vec<&str> =
        proposal["owners"].as_array().unwrap().iter().map(|it| it["owner"].as_str().unwrap()).collect();
    assert_eq!(owners, ["brg", "ttd"]);

    // With the reading identity: from that file, and the protected branch's own rules.
    let planned = plan_of_fork(&runner, &head);
    assert_eq!(planned.outputs["number"], "7");
    assert_ne!(planned.outputs["report"], "", "{}", planned.log());
    let said = comment_on_fork(&runner, &planned);
    assert!(!said.failed, "{}", said.log());

    let comments = comments(&runner);
    let [ours] = comments.as_slice() else { panic!("{comments:#?}") };
    let text = ours["body"].as_str().unwrap();
    assert!(text.starts_with(&format!("{MARKER}\n> From a fork:")), "{text}");
    assert!(text.contains("Also changes other files (10)"), "{text}");
    assert!(text.contains("Ola Dikt"), "{text}");
    assert!(
        !text.contains("mallory") && !text.contains("evil.example]"),
        "the fork's own rules let somebody in: {text}"
    );
    let acts = outside_of_code(text);
    for attack in ["<img", "](", "@everyone", "</details><", "PWNED6", "\u{202e}", "evil.example", "${{"] {
        assert!(!acts.contains(attack), "{attack} is in the comment: {text}");
    }
    assert_eq!(acts.matches("<!--").count(), 1, "{text}");
    let log = planned.log() + &said.log();
    assert!(!text.contains(TOKEN) && !log.contains(BRANCH), "{log}");
    for line in log.lines() {
        assert!(!line.starts_with("::") && !line.starts_with("##vso"), "the log commands the runner: {line}");
    }
    assert!(!is_pwned(runner.path()), "something of the fork's was run");
    wrote_nothing(&runner);
    runner.whole("tilgang-fork", "plan");
    runner.whole("tilgang-fork", "comment");
    assert!(runner.hub.with(|it| it.asked.iter().all(|(.., token)| token == &format!("Bearer {TOKEN}"))));
}

#[test]
fn a_forged_proposal_is_no_way_in() {
    if !has_tools() {
        return;
    }
    let runner = Runner::of(&case("base"), Hub::start(Platform::default()));
    let head = fork(&runner);
    let folder = runner.artifact("proposal");
    let deep = format!("{{\"proposal\": 1, \"owners\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let many =
        format!("{{\"proposal\": 1, \"owners\": [{}]}}", "{\"owner\": \"ttd\", \"removed\": true},".repeat(90_000));
    let elsewhere = "{\"proposal\": 1, \"owners\": [{\"owner\": \"../../x\", \"users\": []}]}";
    let rules = "{\"proposal\": 1, \"owners\": [], \"policy\": { \"revokes\": { \"max\": 9999 } }}";
    for text in ["", "null", "[]", "{", elsewhere, rules, &deep, &many, &"\0".repeat(5_000_000)] {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("proposal.json"), text).unwrap();
        let planned = plan_of_fork(&runner, &head);
        let (_, code, said) = planned.steps.iter().find(|(name, ..)| name == "Plan").unwrap();
        assert_eq!(*code, 1, "{said}");
        assert!(said.contains("proposal.json: ") && said.len() < 2_000, "{said}");
    }
    // No proposal at all, and more beside it than is asked for.
    fs::remove_dir_all(&folder).unwrap();
    assert!(plan_of_fork(&runner, &head).failed);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("tilgang.yaml"), "policy: {}\n").unwrap();
    fs::write(folder.join("proposal.json"), "{\"proposal\": 1, \"owners\": [{\"owner\": \"ttd\", \"removed\": true}]}")
        .unwrap();
    let planned = plan_of_fork(&runner, &head);
    assert!(planned.summary.contains("2 people lose"), "{}", planned.log());
    // A commit that GitHub does not know as an open pull request's: nothing is done, and nothing is said.
    let other = plan_of_fork(&runner, &"f".repeat(40));
    assert_eq!((other.outputs["number"].as_str(), other.outputs["report"].as_str(), other.failed), ("", "", false));
    assert!(comments(&runner).is_empty());
    assert!(!is_pwned(runner.path()));
    wrote_nothing(&runner);
}

/// A link in the place of the file is not what an artifact brings; if one does, what it leads to is no proposal.
#[test]
fn a_link_as_a_proposal_leads_to_nothing() {
    let dir = tempfile::tempdir().unwrap();
    symlink("/proc/self/environ", dir.path().join("proposal.json")).unwrap();
    let workspace = crate::workspace::Workspace::copy_of(&case("base"));
    let file = dir.path().join("proposal.json").display().to_string();
    let out = workspace.tilgang(&["plan", "--simulate", "--proposal", &file]);
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert!(said.contains("not a proposal") && !said.contains("PATH="), "{said}");
}
