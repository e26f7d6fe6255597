//! How ways, lines of git and what is in the way are said. One sentence each, for every format but JSON.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, tz::TimeZone};

use super::Asked;
use crate::{
    access::{Being, By, Holder, Level, Listed, State, Way},
    config::Blame,
    model::{
        ability::Ability,
        assignment::{Hand, Pim, PrincipalType, Standing},
        desired::{Grant, OwnerFile, Place},
        ids::PrincipalId,
        observed::{Impediment, TargetKey},
        other_access::{Conditional, Denial, Effect, Reach},
        owner::{EnvironmentName, OwnerCode},
        permissions::{Block, Extent},
    },
    report::{count::time, page::Ink, words::list},
};

/// So much of a commit's hash is said.
const COMMIT_CHARS: usize = 12;

/// `list, read and change secrets; give access to others`.
pub(super) fn may(abilities: &BTreeMap<&Ability, Extent>) -> String {
    let mut objects: Vec<(&str, Vec<String>)> = Vec::new();
    for (ability, extent) in abilities {
        let (verb, object) = ability.may;
        let verb = if *extent == Extent::Part { format!("{verb} some") } else { verb.to_owned() };
        match objects.iter_mut().find(|(it, _)| *it == object) {
            Some((_, verbs)) => verbs.push(verb),
            None => objects.push((object, vec![verb])),
        }
    }
    let parts: Vec<String> = objects.into_iter().map(|(object, verbs)| format!("{} {object}", list(&verbs))).collect();
    list(&parts)
}

/// `2026-11-20`.
pub(super) fn day(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).date().to_string()
}

/// `on the management group `altinn``.
pub(super) fn level(way: &Way<'_>) -> String {
    let on = match way.from {
        Level::Within(scope) => format!("on `{}` in it only", scope.last_segment()),
        Level::Target => format!("on `{}`", way.at.last_segment()),
        Level::ResourceGroup(name) => format!("on the resource group `{name}`"),
        Level::Subscription(name) => format!("on the whole subscription `{name}`"),
        Level::ManagementGroup(name) => format!("on the management group `{name}`"),
        Level::Tenant => "on the whole tenant".to_owned(),
    };
    match (way.workspace, way.from) {
        (None, _) => on,
        (Some(workspace), Level::Target) => {
            format!("on the workspace `{}`, which keeps the logs", workspace.last_segment())
        }
        (Some(workspace), Level::Within(table)) => format!(
            "on the table `{}` of the workspace `{}`, which keeps the logs",
            table.last_segment(),
            workspace.last_segment()
        ),
        (Some(workspace), _) => format!("{on}, for the workspace `{}`, which keeps the logs", workspace.last_segment()),
    }
}

/// What it is that gives it: `Owner` on the management group `altinn`, held by the group `Platform`, made by others on …
pub(super) fn way(asked: &Asked<'_>, way: &Way<'_>) -> String {
    let group = match way.through.map(|id| (id, asked.access.groups.get(&id).and_then(|group| group.name.as_deref()))) {
        Some((_, Some(name))) => format!(", held by the group `{name}`"),
        Some((id, None)) => format!(", held by the group with object id {id}"),
        None => String::new(),
    };
    let definition = || match (way.definition, way.definition_id()) {
        (Some(name), _) => format!("`{name}`"),
        (None, Some(id)) => format!("the role definition {id}"),
        (None, None) => "a role definition".to_owned(),
    };
    match way.by {
        By::Assignment(standing) => {
            let hand = match standing.hand {
                Hand::Ours => "made by tilgang",
                Hand::Foreign => "made by others",
            };
            let when = way.made().map(|at| format!(" on {}", day(at))).unwrap_or_default();
            format!("{} {}{group}, {hand}{when}", definition(), level(way))
        }
        By::Eligibility(_) => format!("eligible for {} {}{group}", definition(), level(way)),
        By::Policy(policy) => {
            let with = policy.application.map(|id| format!(", only together with the application {id}"));
            let words: Vec<String> = policy.secrets.iter().map(|word| format!("`{word}`")).collect();
            let name = way.at.last_segment();
            format!("access policy of `{name}` for secrets: {}{group}{}", list(&words), with.unwrap_or_default())
        }
    }
}

/// Whether git may well give it: a direct assignment at a target of an owner whose file has errors.
pub(super) fn is_unread(asked: &Asked<'_>, way: &Way<'_>) -> bool {
    let is_direct = matches!(way.by, By::Assignment(_)) && way.from == Level::Target && way.through.is_none();
    let file = asked.desired.file_of(way.target.owner);
    !way.is_of_git() && is_direct && matches!(file, OwnerFile::Broken(_))
}

/// Who or what gives it, in a word.
pub(super) fn by(asked: &Asked<'_>, way: &Way<'_>) -> &'static str {
    if is_unread(asked, way) {
        return "git not read";
    }
    match (way.is_of_git(), way.by) {
        (true, _) => "git",
        (false, By::Eligibility(_)) => "eligible",
        (false, By::Policy(_)) => "access policy",
        (false, By::Assignment(Standing { hand: Hand::Ours, .. })) => "tilgang, not git",
        (false, By::Assignment(Standing { hand: Hand::Foreign, .. })) => "others",
    }
}

/// The sign before a way: `by git`, `eligible`.
pub(super) fn sign(asked: &Asked<'_>, way: &Way<'_>) -> (Ink, &'static str) {
    if is_unread(asked, way) {
        return (Ink::Warn, "git not read");
    }
    match (way.is_of_git(), way.is_eligible()) {
        (true, _) => (Ink::Gain, "by git"),
        (false, true) => (Ink::Warn, "eligible"),
        (false, false) => (Ink::Mend, "not by git"),
    }
}

/// What narrows a way or ends it.
pub(super) fn notes(way: &Way<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    if way.by.condition().is_some() {
        notes.push("with a condition that tilgang does not weigh".to_owned());
    }
    let ends = way.ends.map(|at| format!(", ends {}", time(at))).unwrap_or_default();
    if way.is_eligible() {
        let ends = if ends.is_empty() { ", without an end" } else { ends.as_str() };
        notes.push(format!("not active: can be activated in Privileged Identity Management{ends}"));
    }
    match way.pim() {
        Some(Pim::Activated) => notes.push(format!("activated by Privileged Identity Management{ends}")),
        Some(Pim::Timed) => notes.push(format!("for a time{ends}")),
        Some(Pim::Unanswered) => notes.push("whether it ends by itself is not known".to_owned()),
        Some(Pim::NotAsked | Pim::No) | None => {}
    }
    if way.workspace.is_some() {
        notes.push("a table that is protected may show it nothing: that is not read".to_owned());
    }
    if way.opens.unread {
        notes.push("what its role definition permits is not known".to_owned());
    }
    notes
}

/// The deny assignments at targets, each once.
pub(super) fn denials<'a>(asked: &Asked<'a>, is_meant: impl Fn(&TargetKey) -> bool) -> Vec<&'a Denial> {
    let at = asked.access.denials.iter().filter(|(target, _)| is_meant(target));
    let mut all: Vec<&Denial> = at.flat_map(|(_, all)| all.iter().copied()).collect();
    all.sort_by_key(|it| (&it.scope, &it.id));
    all.dedup();
    all
}

/// A deny assignment: what it is called, where it holds, whom it leaves out.
pub(super) fn denial(asked: &Asked<'_>, denial: &Denial) -> String {
    let name = |id: &PrincipalId| {
        let holder = asked.access.holders.get(id).map(|holder| crate::report::words::short(&holder.who));
        let group = || asked.access.groups.get(id).and_then(|group| Some(format!("`{}`", group.name.as_ref()?)));
        holder.or_else(group).unwrap_or_else(|| format!("object id {id}"))
    };
    let names = |ids: &[PrincipalId]| list(&ids.iter().map(name).collect::<Vec<_>>());
    let whom = if denial.principals.is_empty() { "everybody".to_owned() } else { names(&denial.principals) };
    let except = if denial.except.is_empty() { String::new() } else { format!(", but not {}", names(&denial.except)) };
    let what: Vec<String> = denial.what.blocks.iter().map(actions).filter(|it| !it.is_empty()).collect();
    let what = what.join("; ");
    let reach = match denial.reach {
        Reach::Below => "",
        Reach::ScopeOnly => ", not below it",
    };
    let effect = match (denial.effect, denial.conditional) {
        (Effect::Audit, _) => "; audit only: it blocks nothing",
        (Effect::Enforced, Conditional::Yes) => "; under a condition that tilgang does not weigh",
        (Effect::Enforced, Conditional::No) => "",
    };
    let at = denial.scope.last_segment();
    format!("`{}` on `{at}`{reach} denies {whom}{except}: {what}{effect}", denial.name)
}

/// The actions of one block, and what is left out of them.
fn actions(block: &Block) -> String {
    let named = |actions: &[String], data: &[String]| {
        let all: Vec<&str> = actions.iter().chain(data).map(String::as_str).collect();
        list(&all)
    };
    let what = named(&block.actions, &block.data_actions);
    match named(&block.not_actions, &block.not_data_actions) {
        none if none.is_empty() => what,
        left_out => format!("{what}, except {left_out}"),
    }
}

/// What is to be known of the account.
pub(super) fn being(being: Being) -> Vec<&'static str> {
    match being {
        Being::Person { enabled, guest } => {
            let disabled = (!enabled).then_some("the account is disabled: nobody can sign in with it");
            let guest = guest.then_some("a guest from elsewhere");
            disabled.into_iter().chain(guest).collect()
        }
        Being::Application => vec!["an application"],
        Being::Group => vec!["a group that could not be opened: whoever is in it"],
        Being::ForeignGroup => vec!["a group of another tenant; it cannot be opened here: whoever is in it"],
        Being::Other => vec!["neither a person nor a group"],
        Being::NoUser => vec!["not a user of this tenant"],
        Being::Deleted => vec!["deleted: cannot sign in, and has it again if restored"],
        Being::Gone => vec!["no longer in Entra"],
        Being::Unknown => vec!["Entra could not say who this is"],
    }
}

/// Owners among these that do not have the environment.
pub(super) fn without_environment(
    asked: &Asked<'_>,
    owners: Option<&BTreeSet<OwnerCode>>,
    environment: Option<&EnvironmentName>,
) -> Vec<OwnerCode> {
    let Some((owners, environment)) = owners.zip(environment) else { return Vec::new() };
    let has = |owner: &OwnerCode| asked.desired.environments_of(*owner).any(|(its, _)| its == environment);
    owners.iter().copied().filter(|owner| !has(owner)).collect()
}

/// That they do not have it.
pub(super) fn no_environment(
    asked: &Asked<'_>,
    owners: &[OwnerCode],
    environment: Option<&EnvironmentName>,
) -> Vec<String> {
    let Some(environment) = environment else { return Vec::new() };
    let title = asked.desired.catalog.environments.get(environment).map_or(environment.as_str(), |it| &it.title);
    owners.iter().map(|owner| format!("{} has no environment {title}", asked.owner(*owner))).collect()
}

/// What is in these groups beside people.
pub(super) fn others(asked: &Asked<'_>, groups: &BTreeSet<PrincipalId>) -> Vec<String> {
    let groups = groups.iter().filter_map(|id| asked.access.groups.get(id));
    let others = groups.filter_map(|group| {
        let members = group.members.as_ref().ok().filter(|members| !members.others.is_empty())?;
        let name = group.name.as_deref().unwrap_or("a group without a known name");
        let others: Vec<&str> = members.others.iter().map(|name| &**name).collect();
        Some(format!(
            "`{name}`: {}: groups, whose people are counted, or applications, which can do the same",
            list(&others)
        ))
    });
    others.collect()
}

/// What people call a holder, and what tells them apart.
pub(super) fn called(holder: &Holder<'_>) -> (String, String) {
    let (name, more) = crate::report::words::person(&holder.who);
    // Named by an access policy, which does not say what it names; that it is no user is known.
    let is_unnamed = holder.being == Being::NoUser && holder.who.principal_type == PrincipalType::User;
    if is_unnamed { ("a group or an application without a known name".to_owned(), more) } else { (name, more) }
}

/// Why what is given has no effect, or not the whole one.
pub(super) fn impediment(name: &str, why: &Impediment) -> String {
    match why {
        Impediment::AccessPolicyMode => format!(
            "`{name}` is in access-policy mode, where no role assignment opens a secret: its access policies decide"
        ),
        Impediment::NetworkClosed => {
            format!(
                "`{name}` is closed to public networks: its secrets are read and changed only from inside its network"
            )
        }
        Impediment::OtherTenant(tenant) => format!(
            "`{name}` accepts accounts of the tenant {tenant} only: accounts of this one cannot read or change its secrets"
        ),
        Impediment::Perimeter(place) => format!(
            "`{}` is inside a network security perimeter: from where it is reached depends on its access rules, which tilgang \
             does not read",
            place.last_segment()
        ),
        Impediment::QueriesClosed(place) => format!(
            "`{}` is closed to queries from public networks: logs are read only from inside its private network",
            place.last_segment()
        ),
        Impediment::WorkspaceDemandsRights(workspace) => format!(
            "`{name}` keeps its logs in `{}`, which demands rights of its own: rights on `{name}` alone do not open them",
            workspace.last_segment()
        ),
        Impediment::WorkspaceUnseen(workspace) => format!(
            "`{name}` keeps its logs in `{}`, which could not be seen: whether rights on `{name}` open them is not known",
            workspace.last_segment()
        ),
    }
}

/// `owners/ttd.yaml:9`.
pub(super) fn place(Place { file, line, .. }: &Place) -> String {
    format!("{file}:{line}")
}

/// `Prod Operations at ttd, until 2027-01-31: on call for the tax season, TTD-123`.
pub(super) fn grant(asked: &Asked<'_>, grant: &Grant) -> String {
    let title = asked.desired.catalog.roles.get(&grant.role).map_or(grant.role.as_str(), |role| role.title.as_str());
    let until = grant.until.map(|until| format!(", until {until}")).unwrap_or_default();
    let why = why(grant);
    let why = if why.is_empty() { why } else { format!(": {why}") };
    format!("{title} at {}{until}{why}", grant.owner)
}

/// Git's own reason and ticket.
pub(super) fn why(grant: &Grant) -> String {
    let words = [grant.reason.as_deref(), grant.ticket.as_deref()];
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Who wrote a line, and when.
pub(super) fn commit(asked: &Asked<'_>, Place { file, line, .. }: &Place) -> Option<String> {
    if !asked.commits.asked {
        return None;
    }
    if let Some(why) = asked.commits.unknown.get(file) {
        return Some(format!("who wrote it is not known: {why}"));
    }
    let Some(Blame { hash, author, committer, at, summary, or_earlier }) =
        asked.commits.known.get(&(file.clone(), *line))
    else {
        return Some("not committed yet".to_owned());
    };
    let committed = if author == committer { String::new() } else { format!(", committed by {committer}") };
    let earlier = if *or_earlier { " or before: the history that is here ends there" } else { "" };
    let short = |hash: &str| hash.get(..COMMIT_CHARS).unwrap_or(hash).to_owned();
    let changed =
        asked.commits.changed.get(&(file.clone(), *line)).map(|Blame { hash, author, at, summary, .. }| {
            format!(
                "; what stands with it changed last by commit {} of {}, by {author}: {summary}",
                short(hash),
                day(*at)
            )
        });
    let changed = changed.unwrap_or_default();
    Some(format!("commit {} of {}{earlier}, by {author}{committed}: {summary}{changed}", short(hash), day(*at)))
}

/// What became of a line of git, where it does not simply stand.
pub(super) fn state(listed: &Listed<'_>) -> Vec<(String, Option<String>)> {
    match &listed.state {
        State::Stands => Vec::new(),
        State::Ended => {
            let until = listed.grant.until.map(|until| until.to_string()).unwrap_or_default();
            vec![(format!("ended with {until}: no longer wanted"), None)]
        }
        State::Due(changes) => {
            let targets: Vec<&str> = changes.iter().map(|change| change.triple.scope.last_segment()).collect();
            let what = format!("not yet as git says on {}", list(&targets));
            vec![(what, Some("`tilgang apply` carries it out".to_owned()))]
        }
        State::Blocked(blocked) => {
            blocked.iter().map(|it| (format!("blocked: {}", it.block), it.block.help())).collect()
        }
    }
}
