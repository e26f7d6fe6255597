//! `tilgang who`: who can do one thing, now or at a time in the past.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Args, builder::PossibleValuesParser};
use jiff::{Timestamp, tz::TimeZone};

use crate::{
    access,
    config::{self, Commits, Sources, Then},
    ledger::{self, Knowledge, entry::TargetName, past},
    model::{
        ability::{ABILITIES, Ability},
        desired::Desired,
        ids::{RoleDefinitionId, SubscriptionId},
        observed::{Definitions, Observed, Reading, Sighting, TargetKey},
    },
    observe::permitted,
    plan::{Plan, Rules, selection::Scope},
    report::{
        self, Format, Style,
        access::{AsOf, Asked, Look, Question},
    },
};

use super::{Exit, Global, TOOL, connect::Connection, output, questions};

const HELP: &str = "Examples:
  Who can read ttd's secrets in production?
    tilgang who --can read-secrets --owner ttd --env prod
  Who could, at the end of 1 March (UTC), as git and the ledger tell?
    tilgang who --can read-secrets --owner ttd --env prod --as-of 2026-03-01

A day means its end, UTC. The past is answered from git (the newest commit of the branch at that time, along first parents) and
from the ledger (what was seen and written); between two looks nobody looked, and that is said. Who was in groups then is not
recorded.

Exit codes: 0 answered; 1 something could not be read, cannot be answered for that time, or a chosen service owner does not have
the environment; 64 none of them has it.";

/// Say who can do something: by git, by others' assignments, from wider scopes, through groups; now or then
///
/// Effective: groups are opened, what is inherited is in it, and so is who may activate a role, who reads logs by way of their
/// workspace, and whom the access policies of a vault let in. Conditions and deny assignments are named and not weighed.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct Who {
    /// What they can do
    #[arg(long, value_name = "WHAT", required = true, value_parser = PossibleValuesParser::new(ABILITIES.iter().map(|it| it.word)))]
    can: String,
    /// Only in this environment
    #[arg(long, value_name = "ENVIRONMENT")]
    env: Option<String>,
    /// At this time: a day, which means its end, UTC, or 2026-03-01T09:00:00Z
    #[arg(long, value_name = "DATE", value_parser = questions::moment)]
    as_of: Option<Timestamp>,
    /// How the answer looks
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,
}

impl Who {
    pub(super) async fn run(&self, global: &Global) -> Exit {
        let answer = match self.as_of {
            None => Box::pin(self.now(global)).await,
            Some(at) => Box::pin(self.then(global, at)).await,
        };
        answer.unwrap_or_else(|exit| exit)
    }

    async fn now(&self, global: &Global) -> Result<Exit, Exit> {
        let answer = questions::answer(global, global.workspace()?).await?.0;
        let access = answer.access();
        let sources = &answer.workspace.loaded.sources;
        let asked = Asked {
            desired: &answer.desired,
            plan: &answer.plan,
            access: &access,
            places: &|origin| sources.place(origin),
            commits: &Commits::default(),
            at: answer.observed.at,
            tool: TOOL,
        };
        let read = self.print(global, &answer.scope, &asked, None)?;
        Ok(answer.workspace.exit().max(read))
    }

    fn print(&self, global: &Global, scope: &Scope, asked: &Asked<'_>, as_of: Option<&AsOf>) -> Result<Exit, Exit> {
        let environment = questions::environment(global, self.env.as_deref(), asked.desired, scope)?;
        let Some(can) = Ability::named(&self.can) else { return Err(Exit::Usage) }; // clap lets none through
        let question = Question { can, environment: environment.as_ref(), owners: scope.owners(), as_of };
        let style = if global.color.stdout() { Style::Colour } else { Style::Plain };
        output::result(&report::access::who(asked, &question, self.format, style));
        Ok(if question.is_answered(asked) { Exit::Converged } else { Exit::Failed })
    }

    /// The past: what git said then, and what the ledger saw. Azure is only asked what role definitions permit.
    async fn then(&self, global: &Global, at: Timestamp) -> Result<Exit, Exit> {
        let (mut workspace, scope) = global.workspace()?;
        let today = workspace.take_desired()?;
        let far = Connection::open(global, &workspace, today.tenant).await?;
        let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
        if day(at) > day(far.now()) {
            let words = format!("{} has not come yet: who can do something then is not known", day(at));
            return Err(output::usage(global, words));
        }
        let lines = questions::ledger(global, &workspace, &today);
        let known = match &lines {
            Ok(lines) => ledger::holdings_as_of(lines, at),
            Err(why) => return Err(output::fail(global, format_args!("who held what then is not known: {why}"))),
        };
        let (git, desired, sources) = match config::load_at(&workspace.dir, at) {
            Ok(Then { loaded, commit, at, next }) => match loaded.desired {
                Some(desired) => {
                    let newer = next.map(|next| format!("; the next is of {}", minutes(next))).unwrap_or_default();
                    let words = format!("commit {} of {}{newer}", commit.get(..12).unwrap_or(&commit), minutes(at));
                    (Ok(words), desired, loaded.sources)
                }
                None => {
                    (Err(format!("the files of commit {commit} have errors")), unlisted(&today), Sources::default())
                }
            },
            Err(why) => (Err(why), unlisted(&today), Sources::default()),
        };
        let mut observed = past::observed(&known, at);
        observed.definitions = definitions(&far, &today, &observed).await;
        name_subscriptions(&mut observed, &desired);
        let date = at.to_zoned(TimeZone::UTC).date();
        let plan = Plan { rules: Rules { today: date, ..Rules::default() }, ..Plan::default() };
        let access = access::of(&desired, &observed, &plan, scope.owners());
        let as_of = AsOf { at, git, looks: looks(&known, &desired, &scope), limits: limits(&access) };
        let asked = Asked {
            desired: &desired,
            plan: &plan,
            access: &access,
            places: &|origin| sources.place(origin),
            commits: &Commits::default(),
            at,
            tool: TOOL,
        };
        let read = self.print(global, &scope, &asked, Some(&as_of))?;
        Ok(workspace.exit().max(read))
    }
}

fn minutes(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// What roles mean today, and nobody listed: what git said then is not known.
fn unlisted(today: &Desired) -> Desired {
    Desired { grants: Vec::new(), ..today.clone() }
}

/// A target counts only in the subscription that the naming rule gives it: so that is what the subscription was called.
fn name_subscriptions(observed: &mut Observed, desired: &Desired) {
    let Observed { targets, subscriptions, .. } = observed;
    for (key, sighting) in targets {
        if let (Sighting::Found(target), Some(environment)) =
            (sighting, desired.catalog.environments.get(&key.environment))
            && let Some(subscription) = subscriptions.get_mut(&target.subscription)
        {
            subscription.name = environment.subscription.fill(key.owner, &environment.azure_name);
        }
    }
}

/// What the definitions permit today that somebody held then.
async fn definitions(far: &Connection, desired: &Desired, observed: &Observed) -> Definitions {
    let mut held: BTreeMap<RoleDefinitionId, SubscriptionId> = BTreeMap::new();
    for (id, subscription) in &observed.subscriptions {
        let Reading::Seen(scopes) = &subscription.reading else { continue };
        for standing in scopes.values().flatten() {
            held.entry(standing.assignment.triple.definition).or_insert(*id);
        }
    }
    let given: BTreeSet<RoleDefinitionId> = desired.catalog.managed().iter().map(|(_, id)| *id).collect();
    permitted(&held, &given, &far.reader).await
}

/// What the ledger knows of each target of these owners: of those that git means, and of those that it meant.
fn looks(known: &BTreeMap<TargetName, Knowledge>, desired: &Desired, scope: &Scope) -> BTreeMap<TargetKey, Look> {
    let chosen = |key: &TargetKey| scope.holds(key.owner);
    let mut looks = BTreeMap::new();
    for (name, knowledge) in known {
        let Some(key) = past::key(name).filter(chosen) else { continue };
        let look = match knowledge {
            Knowledge::Known { seen, next, .. } => Look::Between { seen: *seen, next: *next },
            Knowledge::Unknown { since, until, why } => {
                Look::Unknown { since: *since, until: *until, why: why.clone() }
            }
        };
        looks.insert(key, look);
    }
    // An owner of whose targets the ledger never heard would else be silently absent.
    for owner in desired.owners.keys() {
        for (environment, _) in desired.environments_of(*owner) {
            let heard = looks.keys().any(|key: &TargetKey| key.owner == *owner && key.environment == *environment);
            let name = format!("targets of {owner} in {environment}");
            let key = TargetKey {
                owner: *owner,
                environment: environment.clone(),
                kind: crate::model::owner::KindName::new(""),
                name,
            };
            if !heard && chosen(&key) {
                let why = "the ledger never looked there".to_owned();
                looks.insert(key, Look::Unknown { since: None, until: None, why });
            }
        }
    }
    looks
}

/// What an answer about the past cannot know, and does not guess.
fn limits(access: &access::Access<'_>) -> Vec<String> {
    let mut limits = vec![
        "what role definitions permit is as Azure says today".to_owned(),
        "not recorded: whether rights had effect (a vault's mode, its network, a workspace's rights), what applications \
         hold from above a target, whether PIM ended what others gave from above, who was eligible for a role, what access \
         policies and rights on a workspace gave, and what was denied"
            .to_owned(),
    ];
    if !access.groups.is_empty() {
        limits.push("not recorded: who was in groups; a group stands for whoever was in it".to_owned());
    }
    limits
}
