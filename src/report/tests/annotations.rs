//! What points at a line: for GitHub Actions, Azure Pipelines and code scanning. Whatever it says, a log gives no order that is not
//! ours, no more is said than a step shows, and a fingerprint stays when lines move.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    config::load_texts,
    model::trouble::{Trouble, TroubleKind},
    plan::{
        blocked::Block,
        change::Because,
        outcome::{Failure, Outcome},
    },
    report::{Checked, Fit, ReportFormat, Style, View, checked, drift, outcomes, plan},
};

use super::{
    golden::{check, everything},
    hostile::evil,
    invented::who,
    markdown::thirty,
    world::World,
};

const FORMATS: [(ReportFormat, &str); 3] =
    [(ReportFormat::Github, "github"), (ReportFormat::AzureDevops, "azure-devops"), (ReportFormat::Sarif, "sarif")];

#[test]
fn thirty_changes_point_at_their_lines() {
    let world = thirty();
    for (format, name) in FORMATS {
        check(&format!("pull_request.{name}"), &world.view(|view| plan(view, format, Style::Plain)));
    }
}

#[test]
fn everything_points_at_its_line() {
    let world = everything();
    for (format, name) in FORMATS {
        check(
            &format!("drift.{name}"),
            &world.view(|view| drift(&View { folder: "access/", ..*view }, format, Style::Plain)),
        );
    }
}

fn reports(world: &World, format: ReportFormat) -> [String; 3] {
    let trouble = Trouble::new(TroubleKind::Rejected, "put", "no");
    let failed = |change: &_| Outcome { change: Clone::clone(change), result: Err(Failure::Trouble(trouble.clone())) };
    let failed: Vec<Outcome> = world.plan.changes.iter().map(failed).collect();
    world.view(|view| {
        [
            plan(view, format, Style::Plain),
            drift(view, format, Style::Plain),
            outcomes(view, &failed, format, Style::Plain),
        ]
    })
}

/// Every line that a runner would take for an order, by its rules: GitHub's looks at the start of a line for `::`, and anywhere
/// for `##[`; Azure's agent anywhere for `##vso[`.
#[test]
fn a_log_gives_our_orders_only() {
    let ours = regex::Regex::new(
        r"^(::(error|warning|notice) (file=[^:,]*,line=\d+,col=\d+,)?title=[^:,]*::.*|::group::tilgang (plan|drift|apply)|::endgroup::)$",
    )
    .unwrap();
    let azure = regex::Regex::new(
        r"^(##vso\[task\.logissue type=(error|warning)(;sourcepath=[^;\]]*;linenumber=\d+;columnnumber=\d+;code=[a-z-]*;)?\][^\n]*|##vso\[task\.complete result=SucceededWithIssues;\]tilgang has warnings|##\[(group\]tilgang (plan|drift|apply)|endgroup\]))$",
    )
    .unwrap();
    let mut world = evil();
    for order in
        ["::error::x", "##[add-path]/tmp", "##vso[task.setvariable variable=PATH]/tmp", "a;b]c%25\n::stop-commands::y"]
    {
        let villain = crate::plan::change::Who { display_name: Some(order.into()), ..who(order) };
        world.revoke(&villain, "ttd", "prod-operations", Because::NotListed { gone: None });
        world.block(order, "ttd", "prod-developer", 9, Block::NotAMember(order.to_owned()));
    }
    for format in [ReportFormat::Text, ReportFormat::Markdown, ReportFormat::Json, ReportFormat::Sarif] {
        for line in reports(&world, format).iter().flat_map(|text| text.lines()) {
            assert!(
                !line.trim_start().starts_with("::")
                    && !line.contains("##[")
                    && !line.to_lowercase().contains("##vso["),
                "{line}"
            );
        }
    }
    for line in reports(&world, ReportFormat::Github).iter().flat_map(|text| text.lines()) {
        assert!(!line.contains("##[") && !line.to_lowercase().contains("##vso["), "{line}");
        assert!(!line.trim_start().starts_with("::") || ours.is_match(line), "{line}");
    }
    for line in reports(&world, ReportFormat::AzureDevops).iter().flat_map(|text| text.lines()) {
        let order = line.contains("##[") || line.to_lowercase().contains("##vso[");
        assert!(!order || azure.is_match(line), "{line}");
        assert!(line.matches("##").count() <= 1 || !order, "{line}");
    }
}

#[test]
fn a_step_says_no_more_than_it_shows() {
    let mut world = World::new();
    for n in 0..30 {
        world.block(&format!("p{n}@ai-dev.no"), "ttd", "test-developer", n + 1, Block::HeldByPim);
        world.grant(&who(&format!("Person {n}")), "ttd", "prod-developer", n + 1);
    }
    let log = world.view(|view| plan(view, ReportFormat::Github, Style::Plain));
    for grade in ["error", "notice"] {
        let said: Vec<&str> = log.lines().filter(|line| line.starts_with(&format!("::{grade} "))).collect();
        assert_eq!(said.len(), 10, "{log}");
        assert!(said[9].contains("and 21 "), "{}", said[9]);
    }
}

/// What GitHub and the standard ask of a log (SARIF 2.1.0, 3.13 to 3.29).
fn sound(text: &str) -> Value {
    let log: Value = serde_json::from_str(text).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert!(results.len() <= 5_000);
    for rule in rules {
        for text in [&rule["shortDescription"]["text"], &rule["fullDescription"]["text"], &rule["help"]["text"]] {
            assert!(text.as_str().is_some_and(|text| text.len() > 8), "{rule}");
        }
    }
    let mut prints = BTreeSet::new();
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uriBaseId"], "%SRCROOT%");
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(
            !uri.starts_with('/') && uri.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.~%".contains(&b)),
            "{uri}"
        );
        assert!(
            place["region"]["startLine"].as_u64().unwrap() >= 1
                && place["region"]["startColumn"].as_u64().unwrap() >= 1
        );
        assert!(
            prints.insert(result["partialFingerprints"]["primaryLocationLineHash"].as_str().unwrap().to_owned()),
            "{result}"
        );
    }
    log
}

#[test]
fn sarif_is_what_code_scanning_takes() {
    for world in [everything(), thirty(), evil(), World::new()] {
        for text in reports(&world, ReportFormat::Sarif) {
            sound(&text);
        }
    }
    let mut many = World::new();
    for n in 0..5_100 {
        many.block(&format!("p{n}@ai-dev.no"), "ttd", "test-developer", n + 1, Block::HeldByPim);
    }
    let log = sound(&many.view(|view| plan(view, ReportFormat::Sarif, Style::Plain)));
    assert_eq!(log["runs"][0]["properties"]["resultsInAll"], 5_100);
}

fn prints(log: &Value) -> Vec<String> {
    let results = log["runs"][0]["results"].as_array().unwrap();
    results
        .iter()
        .map(|result| result["partialFingerprints"]["primaryLocationLineHash"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_fingerprint_stays_when_lines_move() {
    let at = |line: u32| {
        let mut world = World::new();
        world.block("p@ai-dev.no", "ttd", "test-developer", line, Block::HeldByPim);
        sound(&world.view(|view| plan(view, ReportFormat::Sarif, Style::Plain)))
    };
    assert_eq!(prints(&at(4)), prints(&at(40)));

    let settings = "version: 1\ntenant: 00000000-0000-0000-0000-0000000000aa\ninstance: x\n";
    let wrong = |above: &str| {
        let owner =
            format!("owner: ttd\n{above}name: T\nusers:\n  - user: kari@ai-dev.no\n    roles: [test-develper]\n");
        let loaded = load_texts(&[("tilgang.yaml", settings), ("owners/ttd.yaml", &owner)]);
        assert_eq!(loaded.errors.len(), 1, "{:?}", loaded.errors);
        let of = Checked {
            command: "validate",
            mistakes: &loaded.errors,
            sizes: None,
            folder: "a b/",
            tool: "tilgang 0.1.0",
            fit: Fit::None,
        };
        FORMATS.map(|(format, _)| checked(&of, format, Style::Plain))
    };
    let [github, azure, sarif] = wrong("");
    assert!(github.starts_with("::error file=a b/owners/ttd.yaml,line=5,col=13,title="), "{github}");
    assert!(
        azure.starts_with(
            "##vso[task.logissue type=error;sourcepath=a b/owners/ttd.yaml;linenumber=5;columnnumber=13;code="
        ),
        "{azure}"
    );
    assert!(sarif.contains("\"uri\": \"a%20b/owners/ttd.yaml\""), "{sarif}");
    let [.., moved] = wrong("# a line more\n");
    assert_eq!(prints(&sound(&sarif)), prints(&sound(&moved)));
}
