//! `tilgang review`: the pack that a lead signs: who can do what at one owner, by which way, why, since when.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use jiff::Timestamp;

use crate::{
    app::Answer,
    config::{self, Then},
    ledger::{self, Knowledge, entry::Held},
    model::{
        desired::{Desired, Grant, Revision},
        ids::{ScopeId, UserName},
        owner::{OwnerCode, RoleName},
    },
    report::{
        self, Style,
        access::{Asked, Review as Question, ReviewFormat, Since},
    },
};

use super::{Exit, Global, TOOL, output, questions};

const HELP: &str = "Examples:
  The pack for this quarter, with what changed since the last one, to print and sign
    tilgang review --owner ttd --since 2026-07-01 --format csv > ttd.csv

Exit codes: 0 whole; 1 something could not be read: the pack says what.";

/// Write down who can do what at an owner, for its lead to keep or remove, and sign
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct Review {
    /// Say what changed since the last review: a day, which means its end, UTC, or a time
    #[arg(long, value_name = "DATE", value_parser = questions::moment)]
    since: Option<Timestamp>,
    /// How the pack looks
    #[arg(long, value_enum, default_value_t = ReviewFormat::Text, value_name = "FORMAT")]
    format: ReviewFormat,
}

impl Review {
    pub(super) async fn run(&self, global: &Global) -> Exit {
        Box::pin(self.answer(global)).await.unwrap_or_else(|exit| exit)
    }

    async fn answer(&self, global: &Global) -> Result<Exit, Exit> {
        let (workspace, scope) = global.workspace()?;
        let owner = match scope.owners().map(|owners| (owners.len(), owners.first())) {
            Some((1, Some(owner))) => *owner,
            _ => return Err(output::usage(global, "a review is of one service owner: name it with `--owner CODE`")),
        };
        let (answer, _) = questions::answer(global, (workspace, scope)).await?;
        let access = answer.access();
        let sources = &answer.workspace.loaded.sources;
        let commits = answer.commits(access.listed.iter().map(|listed| &listed.grant.origin));
        let commit = match &answer.desired.revision {
            Revision::Commit { hash, .. } => Some(hash.as_str()),
            Revision::NotInGit | Revision::Unknown(_) => None,
        };
        let asked = Asked {
            desired: &answer.desired,
            plan: &answer.plan,
            access: &access,
            places: &|origin| sources.place(origin),
            commits: &commits,
            at: answer.observed.at,
            tool: TOOL,
        };
        let since = self.since.map(|at| Since {
            at,
            git: git_since(&answer, owner, at),
            azure: azure_since(global, &answer, &asked, owner, at),
        });
        let question = Question { owner, commit, since: since.as_ref() };
        let style = if global.color.stdout() { Style::Colour } else { Style::Plain };
        output::result(&report::access::review(&asked, &question, self.format, style));
        let read = if question.is_answered(&asked) { Exit::Converged } else { Exit::Failed };
        Ok(answer.workspace.exit().max(read))
    }
}

/// What each line says of one person and role.
type Lines = BTreeMap<(UserName, RoleName), String>;

fn lines(desired: &Desired, owner: OwnerCode) -> Lines {
    let says = |grant: &Grant| match grant.until {
        Some(until) => format!("until {until}"),
        None => "without an end".to_owned(),
    };
    let here = desired.grants.iter().filter(|grant| grant.owner == owner);
    here.map(|grant| ((grant.user.name.clone(), grant.role.clone()), says(grant))).collect()
}

/// Who came and went in the owner's file.
fn git_since(answer: &Answer, owner: OwnerCode, at: Timestamp) -> Result<Vec<String>, String> {
    let Then { loaded, .. } = config::load_at(&answer.workspace.dir, at)?;
    let then = loaded.desired.ok_or("the files had errors then")?;
    if matches!(then.file_of(owner), crate::model::desired::OwnerFile::Broken(_)) {
        return Err("the owner's file had errors then".to_owned());
    }
    let (before, now) = (lines(&then, owner), lines(&answer.desired, owner));
    let mut changes = Vec::new();
    for (key @ (user, role), says) in &now {
        match before.get(key) {
            None => changes.push(format!("{user} was listed with {role}, {says}")),
            Some(said) if said != says => changes.push(format!("{user}, {role}: {said} before, now {says}")),
            Some(_) => {}
        }
    }
    let gone = before.keys().filter(|key| !now.contains_key(*key));
    changes.extend(gone.map(|(user, role)| format!("{user} is no longer listed with {role}")));
    Ok(changes)
}

/// Which assignments came and went at the owner's targets, whoever made them.
fn azure_since(
    global: &Global,
    answer: &Answer,
    asked: &Asked<'_>,
    owner: OwnerCode,
    at: Timestamp,
) -> Result<Vec<String>, String> {
    let known = ledger::holdings_as_of(&questions::ledger(global, &answer.workspace, &answer.desired)?, at);
    let mut before: BTreeMap<String, &Held> = BTreeMap::new();
    let mut unknown: BTreeSet<String> = BTreeSet::new();
    let here = known.iter().filter(|(target, _)| target.owner == owner.as_str());
    for (target, knowledge) in here {
        match knowledge {
            Knowledge::Known { held, .. } => {
                before.extend(held.iter().map(|it| (it.assignment.to_ascii_lowercase(), it)));
            }
            Knowledge::Unknown { why, .. } => drop(unknown.insert(format!("`{}`: {why}", target.name))),
        }
    }
    let heard: BTreeSet<&str> = known.keys().map(|target| target.name.as_str()).collect();
    let targets = asked.access.targets.keys().filter(|key| !heard.contains(key.name.as_str()));
    unknown.extend(targets.map(|key| format!("`{}`: the ledger never looked there", key.name)));
    if !unknown.is_empty() {
        return Err(unknown.into_iter().collect::<Vec<_>>().join("; "));
    }
    let mut now: BTreeMap<String, String> = BTreeMap::new();
    for holder in asked.access.holders.values() {
        for way in &holder.ways {
            // Eligibilities, access policies and rights on a workspace are not recorded, so nobody can say that they are new;
            // nor is what applications hold from above a target.
            let Some(standing) = way.standing().filter(|_| way.workspace.is_none()) else { continue };
            if way.is_inherited() && !standing.assignment.principal_type.is_people() {
                continue;
            }
            now.insert(standing.assignment.resource_id().to_ascii_lowercase(), asked.holds(holder, way));
        }
    }
    let mut changes: Vec<String> =
        now.iter().filter(|(id, _)| !before.contains_key(*id)).map(|(_, words)| format!("new: {words}")).collect();
    let standing = standing(answer);
    for (_, held) in before.iter().filter(|(id, _)| !standing.contains(*id)) {
        let Held { assignment, principal, name, definition, definition_name, ours, .. } = held;
        let who = name.as_deref().unwrap_or(principal);
        let definition = definition_name.as_deref().unwrap_or(definition);
        let scope = ScopeId::new(assignment.split("/providers/Microsoft.Authorization/").next().unwrap_or_default());
        let hand = if *ours { "made by tilgang" } else { "made by others" };
        changes.push(format!("gone: {who}: `{definition}` on `{}`, {hand}", scope.last_segment()));
    }
    Ok(changes)
}

/// Everything that stands now, by resource id in lower case.
fn standing(answer: &Answer) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for subscription in answer.observed.subscriptions.values() {
        if let crate::model::observed::Reading::Seen(scopes) = &subscription.reading {
            all.extend(scopes.values().flatten().map(|it| it.assignment.resource_id().to_ascii_lowercase()));
        }
    }
    all
}
