//! Answers → JSON format 1 of questions. Keys are only added within a format.

use serde_json::{Value, json};

use super::{
    Asked, Commits,
    review::{Review, Row, Since, rows},
    who::{AsOf, Look, Question},
    why::Why,
    words,
};
use crate::{
    access::{Being, By, Holder, Level, Listed, State, Subject, Unknown, Way},
    config::Blame,
    model::{
        assignment::{Hand, Pim, PrincipalType},
        desired::{Grant, Origin, Place},
        ids::PrincipalId,
        observed::TargetKey,
        other_access::{Conditional, Denial, Effect, Reach},
        permissions::Extent,
    },
    plan::{change::Who, finding::Finding},
    report::clean::clean_json,
};

/// The number under `format`.
const FORMAT: u32 = 1;

pub(super) fn who(asked: &Asked<'_>, question: &Question<'_>) -> String {
    let Question { can, environment, owners, as_of } = question;
    let people =
        asked.access.who(can, *environment).into_iter().map(|(holder, ways)| holder_json(asked, holder, &ways));
    let missing = question.missing(asked).into_iter().map(|(line, words)| {
        let why: Vec<String> = words.into_iter().map(|(words, _)| words).collect();
        json!({ "user": line.user.name.as_str(), "grant": grant(asked, line), "why": why })
    });
    print(&json!({
        "format": FORMAT,
        "tool": asked.tool,
        "question": "who",
        "can": { "word": can.word, "action": can.action, "data_action": can.of_data, "source": can.source },
        "owners": owners.map(|owners| owners.iter().map(ToString::to_string).collect::<Vec<_>>()),
        "environment": environment.map(ToString::to_string),
        "at": asked.at.to_string(),
        "as_of": as_of.map(|as_of| past(asked, question, as_of)),
        "answered": question.is_answered(asked),
        "holders": people.collect::<Vec<_>>(),
        "listed_and_not_so": missing.collect::<Vec<_>>(),
        "also_in_groups": question.others(asked),
        "without_environment": question.without_environment(asked).iter().map(ToString::to_string).collect::<Vec<_>>(),
        "without_effect": question.without_effect(asked),
        "groups": groups(asked),
        "denied": question.denials(asked).iter().map(|it| denial(it)).collect::<Vec<_>>(),
        "could_let_themselves_in": question.insiders(asked),
        "unknown": unknown(&question.unknown(asked)),
    }))
}

pub(super) fn why(asked: &Asked<'_>, question: &Why<'_>) -> String {
    let subject = match question.subject {
        Subject::Known(who) => who_json(who),
        Subject::Listed(name) => json!({ "id": null, "user": name.as_str(), "display_name": null }),
    };
    let being = question.holder(asked).map(|holder| being(holder.being));
    let ways: Vec<Value> = question.ways(asked).into_iter().map(|it| way(asked, it)).collect();
    let listed: Vec<Value> = question.listed(asked).into_iter().map(|it| listed_json(asked, it)).collect();
    print(&json!({
        "format": FORMAT,
        "tool": asked.tool,
        "question": "why",
        "who": subject,
        "is": being,
        "owners": question.owners.map(|owners| owners.iter().map(ToString::to_string).collect::<Vec<_>>()),
        "environment": question.environment.map(ToString::to_string),
        "at": asked.at.to_string(),
        "answered": question.is_answered(asked),
        "ways": ways,
        "listed": listed,
        "groups": groups(asked),
        "denied": question.denials(asked).iter().map(|it| denial(it)).collect::<Vec<_>>(),
        "unknown": unknown(&question.unknown(asked)),
    }))
}

pub(super) fn review(asked: &Asked<'_>, question: &Review<'_>) -> String {
    let rows: Vec<Value> = rows(asked, question).iter().map(row).collect();
    let listed = asked.access.listed.iter().filter(|it| !matches!(it.state, State::Stands));
    let findings = |accepted: bool| -> Vec<Value> {
        question.findings(asked, accepted).into_iter().map(|it| finding(asked, it)).collect()
    };
    print(&json!({
        "format": FORMAT,
        "tool": asked.tool,
        "question": "review",
        "owner": question.owner.to_string(),
        "at": asked.at.to_string(),
        "commit": question.commit,
        "answered": question.is_answered(asked),
        "membership_proven": asked.desired.policy.member_of.is_some(),
        "rows": rows,
        "listed_and_not_so": listed.map(|it| listed_json(asked, it)).collect::<Vec<_>>(),
        "findings": findings(false),
        "accepted": findings(true),
        "since": question.since.map(since),
        "groups": groups(asked),
        "denied": question.denials(asked).iter().map(|it| denial(it)).collect::<Vec<_>>(),
        "unknown": unknown(&asked.access.unknown.iter().collect::<Vec<_>>()),
    }))
}

fn since(Since { at, git, azure }: &Since) -> Value {
    let unknown: Vec<&String> = git.as_ref().err().into_iter().chain(azure.as_ref().err()).collect();
    json!({ "at": at.to_string(), "git": git.as_ref().ok(), "azure": azure.as_ref().ok(), "unknown": unknown })
}

fn row(row: &Row) -> Value {
    let Row { environment, role, person, sign_in, can, targets, by, assignment, since, why, until, soon, notes } = row;
    json!({
        "environment": environment, "role": role, "person": person, "sign_in": sign_in, "can": can, "targets": targets,
        "by": by, "assignment": assignment, "since": since, "why": why, "until": until, "expires_soon": soon,
        "notes": notes, "decision": null,
    })
}

fn finding(asked: &Asked<'_>, finding: &Finding) -> Value {
    json!({
        "code": finding.code.word(),
        "message": finding.message,
        "who": finding.who.as_ref().map(who_json),
        "scope": finding.scope.as_ref().map(ToString::to_string),
        "accepted": finding.accepted,
        "origins": finding.origins.iter().map(|it| origin(asked, it)).collect::<Vec<_>>(),
    })
}

fn print(value: &Value) -> String {
    clean_json(&format!("{value:#}\n"))
}

fn who_json(who: &Who) -> Value {
    json!({
        "id": who.id.to_string(),
        "user": who.name.as_ref().map(ToString::to_string),
        "display_name": who.display_name.as_deref(),
    })
}

fn being(being: Being) -> Value {
    let kind = match being {
        Being::Person { .. } => "person",
        Being::Application => "application",
        Being::Group => "group",
        Being::ForeignGroup => "foreign-group",
        Being::Other => "other",
        Being::NoUser => "no-user",
        Being::Deleted => "deleted",
        Being::Gone => "gone",
        Being::Unknown => "unknown",
    };
    match being {
        Being::Person { enabled, guest } => json!({ "kind": kind, "enabled": enabled, "guest": guest }),
        _ => json!({ "kind": kind }),
    }
}

fn holder_json(asked: &Asked<'_>, holder: &Holder<'_>, ways: &[&Way<'_>]) -> Value {
    let ways: Vec<Value> = ways.iter().map(|it| way(asked, it)).collect();
    json!({ "who": who_json(&holder.who), "is": being(holder.being), "ways": ways })
}

fn target(asked: &Asked<'_>, key: &TargetKey) -> Value {
    let scope = asked.access.targets.get(key).map(|target| target.scope.to_string());
    json!({
        "owner": key.owner.to_string(), "environment": key.environment.to_string(), "kind": key.kind.to_string(),
        "name": key.name, "scope": scope,
    })
}

fn way(asked: &Asked<'_>, way: &Way<'_>) -> Value {
    let by = match (way.is_of_git(), way.hand()) {
        (true, _) => Some("git"),
        (false, Some(Hand::Ours)) => Some("ours"),
        (false, Some(Hand::Foreign)) => Some("foreign"),
        (false, None) => None,
    };
    let level = match way.from {
        Level::Within(_) => "within",
        Level::Target => "target",
        Level::ResourceGroup(_) => "resource-group",
        Level::Subscription(_) => "subscription",
        Level::ManagementGroup(_) => "management-group",
        Level::Tenant => "tenant",
    };
    let pim = way.pim().map(|pim| match pim {
        Pim::NotAsked => "not-asked",
        Pim::Unanswered => "unknown",
        Pim::No => "no",
        Pim::Activated => "activated",
        Pim::Timed => "timed",
    });
    let through = way.through.map(|id| {
        json!({ "id": id.to_string(), "name": asked.access.groups.get(&id).and_then(|group| group.name.as_deref()) })
    });
    let can: serde_json::Map<String, Value> = way
        .opens
        .abilities
        .iter()
        .map(|(ability, extent)| {
            let word = if *extent == Extent::Whole { "whole" } else { "part" };
            (ability.word.to_owned(), Value::from(word))
        })
        .collect();
    let mut hindered: Vec<String> = Vec::new();
    for why in way.opens.abilities.keys().flat_map(|ability| asked.access.hindrances_of(way, ability)) {
        let words = words::impediment(&way.target.name, why);
        if !hindered.contains(&words) {
            hindered.push(words);
        }
    }
    json!({
        "target": target(asked, way.target),
        "by": by,
        // Not known where the owner's file has errors.
        "in_git": (!words::is_unread(asked, way)).then(|| way.is_of_git()),
        "level": level,
        "at": way.at.to_string(),
        "kind": match way.by { By::Assignment(_) => "assignment", By::Eligibility(_) => "eligibility", By::Policy(_) => "access-policy" },
        "workspace": way.workspace.map(ToString::to_string),
        "assignment": way.standing().map(|standing| standing.assignment.resource_id()),
        "principal_id": way.by.principal().to_string(),
        "principal_type": way.principal_type().map(PrincipalType::as_azure),
        "application_id": way.application().map(|id| id.to_string()),
        "role_definition": way.definition_id().map(|id| json!({ "id": id.to_string(), "name": way.definition })),
        "through_group": through,
        "created_on": way.made().map(|at| at.to_string()),
        "condition": way.by.condition(),
        "pim": pim,
        "ends": way.ends.map(|at| at.to_string()),
        "can": can,
        "can_is_known": !way.opens.unread,
        "as_good_as": way.opens.roles.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "without_effect": hindered,
        "grants": way.grants.iter().map(|it| grant(asked, it)).collect::<Vec<_>>(),
    })
}

fn origin(asked: &Asked<'_>, origin: &Origin) -> Value {
    let Place { file, line, column } = (asked.places)(origin);
    json!({ "file": file, "line": line, "column": column })
}

fn grant(asked: &Asked<'_>, grant: &Grant) -> Value {
    let Place { file, line, .. } = (asked.places)(&grant.origin);
    let Commits { known, changed, .. } = asked.commits;
    let commit = |Blame { hash, author, committer, at, summary, or_earlier }: &Blame| {
        json!({
            "hash": hash, "author": author, "committer": committer, "at": at.to_string(), "summary": summary,
            "or_earlier": or_earlier,
        })
    };
    let at = (file, line);
    let (commit, changed) = (known.get(&at).map(commit), changed.get(&at).map(commit));
    json!({
        "owner": grant.owner.to_string(),
        "role": grant.role.to_string(),
        "until": grant.until.map(|until| until.to_string()),
        "reason": grant.reason.as_deref(),
        "ticket": grant.ticket.as_deref(),
        "origin": origin(asked, &grant.origin),
        "commit": commit,
        "changed": changed,
    })
}

fn listed_json(asked: &Asked<'_>, listed: &Listed<'_>) -> Value {
    let state = match &listed.state {
        State::Ended => "ended",
        State::Stands => "stands",
        State::Due(_) => "due",
        State::Blocked(_) => "blocked",
    };
    let codes = match &listed.state {
        State::Blocked(blocked) => blocked.iter().map(|it| it.block.code()).collect(),
        _ => Vec::new(),
    };
    let why: Vec<String> = words::state(listed).into_iter().map(|(words, _)| words).collect();
    json!({
        "user": listed.grant.user.name.as_str(),
        "principal_id": listed.person.map(|id| id.to_string()),
        "grant": grant(asked, listed.grant),
        "state": state,
        "codes": codes,
        "why": why,
    })
}

fn groups(asked: &Asked<'_>) -> Vec<Value> {
    let groups = asked.access.groups.iter().map(|(id, group)| {
        let members = group.members.as_ref().ok();
        json!({
            "id": id.to_string(),
            "name": group.name.as_deref(),
            "people": members.map(|members| members.people.len()),
            "others": members.map(|members| members.others.iter().map(ToString::to_string).collect::<Vec<_>>()),
            "unknown": group.members.as_ref().err(),
        })
    });
    groups.collect()
}

fn denial(it: &Denial) -> Value {
    let ids = |ids: &[PrincipalId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let blocks = it.what.blocks.iter().map(|block| {
        json!({
            "actions": block.actions, "not_actions": block.not_actions, "data_actions": block.data_actions,
            "not_data_actions": block.not_data_actions,
        })
    });
    json!({
        "id": it.id,
        "name": it.name,
        "at": it.scope.to_string(),
        "below": it.reach == Reach::Below,
        "effect": match it.effect { Effect::Enforced => "enforced", Effect::Audit => "audit" },
        "has_condition": it.conditional == Conditional::Yes,
        "permissions": blocks.collect::<Vec<_>>(),
        "everybody": it.principals.is_empty(),
        "principals": ids(&it.principals),
        "except": ids(&it.except),
    })
}

fn unknown(unknown: &[&Unknown]) -> Vec<Value> {
    let one = |it: &&Unknown| {
        json!({
            "owner": it.owner.map(|owner| owner.to_string()),
            "environment": it.environment.as_ref().map(ToString::to_string),
            "message": it.words,
            "unread": it.unread,
        })
    };
    unknown.iter().map(one).collect()
}

fn past(asked: &Asked<'_>, question: &Question<'_>, as_of: &AsOf) -> Value {
    let looks = question.looks(asked, as_of).into_iter().map(|(target, look)| {
        let time = |at: &Option<jiff::Timestamp>| at.map(|at| at.to_string());
        let (known, seen, next, since, until, why) = match look {
            Look::Between { seen, next } => (true, Some(seen.to_string()), time(next), None, None, None),
            Look::Unknown { since, until, why } => (false, None, None, time(since), time(until), Some(why)),
        };
        json!({
            "owner": target.owner.to_string(), "environment": target.environment.to_string(), "name": target.name,
            "known": known, "seen": seen, "next": next, "unknown_since": since, "unknown_until": until, "why": why,
        })
    });
    json!({
        "at": as_of.at.to_string(),
        "git": as_of.git.as_ref().ok(),
        "git_unknown": as_of.git.as_ref().err(),
        "looks": looks.collect::<Vec<_>>(),
        "limits": as_of.limits,
    })
}
