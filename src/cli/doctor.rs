//! `tilgang doctor`: tries what a run needs by calls that do no harm, and says what our identity lacks, by action and scope;
//! what it has too much of; and what stands in the way.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use clap::{Args, ValueEnum};
use futures::{StreamExt, stream};

use crate::{
    app::{
        self,
        own_denials::{OwnDenials, own_denials},
        own_permissions::held,
    },
    model::{
        ids::{PrincipalId, UserName},
        observed::{Observed, OtherAccess, PimService, Reading, Sighting},
        other_access::Effect,
        people::{ById, ByName},
        trouble::Trouble,
    },
    plan,
    ports::{AssignmentReader, Directory, Rights},
    report::{self, Checkup},
    rights::{
        DELETE, GRAPH, GRAPH_NAMES_ALL, Needs, Purpose, READ_ASSIGNMENTS, READ_DENIALS, READ_LOCKS, READ_PIM, WRITE,
        judge::{Place, Probe, Seen, TargetSeen, judge},
        names_all,
    },
};

use super::{Exit, Global, connect::Connection, output, validate::count};

/// Questions asked at the same time.
const SIDE_BY_SIDE_MAX: usize = 16;

/// Say what our identity may do, what it lacks and what is too much, by action and scope
#[derive(Debug, Args)]
#[command(after_help = "Example: tilgang doctor --dir examples/altinn --simulate")]
pub(super) struct Doctor {
    /// What the identity is for: reading is `plan` and `drift`, applying is `apply` as well
    #[arg(long = "for", value_enum, default_value_t = For::Applying, value_name = "PURPOSE")]
    purpose: For,
    /// How the answer looks
    #[arg(long, value_enum, default_value_t = report::Format::Text)]
    format: report::Format,
}

/// What an identity is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum For {
    Reading,
    Applying,
}

impl From<For> for Purpose {
    fn from(word: For) -> Self {
        match word {
            For::Reading => Self::Reading,
            For::Applying => Self::Applying,
        }
    }
}

impl Doctor {
    pub(super) async fn run(&self, global: &Global) -> Exit {
        let Self { purpose, format } = self;
        let purpose = Purpose::from(*purpose);
        let (mut workspace, scope) = match global.workspace() {
            Ok(read) => read,
            Err(exit) => return exit,
        };
        let desired = match workspace.take_desired() {
            Ok(desired) => desired,
            Err(exit) => return exit,
        };
        let far = match Connection::open(global, &workspace, desired.tenant).await {
            Ok(connection) => connection,
            Err(exit) => return exit,
        };
        let (observed, compared) = app::observe(&desired, &scope, far.now(), &far.reader).await;
        let read = format!("workspace {}: {}", workspace.dir.display(), count(desired.owners.len(), "service owner"));
        let (tenant, by) = (desired.tenant, far.session.signed_in_by());
        let mut notes = vec![format!("as {}", far.who)];
        notes.extend(far.used.iter().map(|used| format!("{} gave the {}", used.variable, used.became)));
        let mut good =
            vec![(read, Vec::new()), (format!("signed in to tenant {tenant} by {by} at {}", far.address), notes)];
        let mut problems = Vec::new();
        match &observed.inventory {
            Ok(()) => {
                let seen = count(observed.subscriptions.len(), "subscription");
                good.push((format!("Resource Graph answers: {seen}"), Vec::new()));
            }
            Err(trouble) => problems.push(trouble.to_string()),
        }
        for (key, sighting) in &observed.targets {
            let at = format!("{} {}", key.owner, key.environment);
            match sighting {
                Sighting::Missing(words) => problems.push(format!("{at}: {words}")),
                Sighting::Several(all) => {
                    problems.push(format!(
                        "{at}: {} resources are named `{}`; rename one, or tag only the right one",
                        all.len(),
                        key.name
                    ));
                }
                Sighting::Found(_) | Sighting::Unseen(_) => {} // the inventory's trouble says why, once
            }
        }
        let mut unfit: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (role, problem) in plan::role_problems(&desired, &observed) {
            unfit.entry(format!("{problem}; {}", problem.help())).or_default().push(format!("`{role}`"));
        }
        problems.extend(unfit.into_iter().map(|(words, roles)| format!("{}: {words}", roles.join(", "))));
        let named = observed.role_definitions.keys().filter_map(|id| observed.definition_name(*id));
        let named: Vec<String> = named.map(str::to_owned).collect();
        if !named.is_empty() {
            let read = count(named.len(), "role definition");
            good.push((format!("{read} that the workspace names, as Azure calls them"), named));
        }
        let Asked { seen, denials, pim } = look(&far, &observed).await;
        if pim == PimService::Unlicensed {
            let words = "this tenant has no Privileged Identity Management (Azure answers `AadPremiumLicenseRequired`): nothing is \
                         activated, and nothing ends by itself";
            good.push((words.to_owned(), Vec::new()));
        }
        let is_answered =
            seen.probes.iter().filter(|probe| probe.at == Place::Graph).all(|probe| probe.outcome.is_ok());
        if is_answered && !names_all(&seen.graph) {
            let words = format!(
                "Microsoft Graph looks up users; without `{GRAPH_NAMES_ALL}`, groups and applications are shown by object id only"
            );
            good.push((words, Vec::new()));
        }
        for denial in denials.all().values() {
            let effect = match denial.effect {
                Effect::Enforced => "",
                Effect::Audit => ", audit only: it blocks nothing",
            };
            good.push((format!("deny assignment `{}` at {}{effect}", denial.name, denial.scope), Vec::new()));
        }
        let verdict = judge(purpose, &Needs::of(&desired.catalog), &seen);
        if compared.is_complete() {
            good.push(("everything that a plan needs can be read".to_owned(), Vec::new()));
        }
        let tool = concat!("tilgang ", env!("CARGO_PKG_VERSION"));
        let checkup = Checkup { purpose, who: &far.who, good: &good, problems: &problems, verdict: &verdict, tool };
        output::result(&report::doctor(&checkup, *format));
        workspace.exit().max(if checkup.is_well() { Exit::Converged } else { Exit::Failed })
    }
}

/// What was asked of our identity.
struct Asked {
    seen: Seen,
    denials: OwnDenials,
    pim: PimService,
}

/// Asks what is to be asked of our identity.
async fn look(far: &Connection, observed: &Observed) -> Asked {
    let identity = far.session.identity().await.ok().and_then(|identity| identity.object);
    let names = observed.subscriptions.iter().map(|(id, it)| (*id, it.name.clone())).collect();
    let subscriptions: BTreeSet<_> = observed.subscriptions.keys().copied().collect();
    let (graph, probes, targets, held, denials) = futures::join!(
        graph(far),
        probes(far, observed),
        targets(far, observed),
        held(&far.reader, &names, identity),
        own_denials(&far.reader, &subscriptions, identity),
    );
    let (holdings, own, definitions) = held;
    let (probes, pim) = probes;
    let permissions = far.session.graph_permissions().await.unwrap_or_default(); // a token that does not come is said by `graph`
    let mut denied = BTreeMap::new();
    for target in &targets {
        for action in [WRITE, DELETE] {
            let names: BTreeSet<String> = denials.stop(action, &target.scope).map(|it| it.name.clone()).collect();
            if !names.is_empty() {
                denied.insert((target.scope.clone(), action), names);
            }
        }
    }
    let failed: BTreeMap<_, _> = denials.unanswered().map(|(id, trouble)| (id, trouble.clone())).collect();
    let of_denials = subscriptions.iter().map(|id| Probe {
        right: READ_DENIALS.to_owned(),
        need: "`plan` needs it to tell what is denied to our identity",
        at: Place::Subscription(*id, names.get(id).cloned().unwrap_or_default()),
        outcome: failed.get(id).map_or(Ok(()), |trouble| Err(trouble.clone())),
    });
    let seen = Seen {
        probes: graph.into_iter().chain(probes).chain(definitions).chain(of_denials).collect(),
        targets,
        denied,
        holdings,
        own,
        graph: permissions,
    };
    Asked { seen, denials, pim }
}

/// A name and an id that nobody has: what comes back says whether people, groups and the deleted can be looked up.
async fn graph(far: &Connection) -> Vec<Probe> {
    let (name, id) = (UserName::new("nobody@tilgang.invalid"), PrincipalId(uuid::Uuid::max()));
    let (names, ids) = ([name].into(), [id].into());
    let (by_name, by_id) = futures::join!(far.reader.by_name(&names), far.reader.by_id(&ids));
    let by_name = by_name.into_values().find_map(|answer| match answer {
        ByName::Unanswered(trouble) => Some(trouble),
        ByName::Person(_) | ByName::Nobody(_) => None,
    });
    let by_id = by_id.into_values().find_map(|answer| match answer {
        ById::Unanswered(trouble) => Some(trouble),
        _ => None,
    });
    let probe = |need, trouble: Option<Arc<Trouble>>| Probe {
        right: GRAPH.to_owned(),
        need,
        at: Place::Graph,
        outcome: trouble.map_or(Ok(()), Err),
    };
    vec![
        probe("`plan` needs it to look people up, by name and id, the deleted ones as well", by_name),
        probe("`plan` needs it to look people up, by name and id, the deleted ones as well", by_id),
    ]
}

/// The lists that a run reads, at each subscription. Where the tenant has no PIM, whether we may read its list is not to be known, and
/// nothing hangs on it.
async fn probes(far: &Connection, observed: &Observed) -> (Vec<Probe>, PimService) {
    let asked = observed.subscriptions.iter().map(async |(id, subscription)| {
        let (pim, locks) = futures::join!(far.reader.pim_instances(*id), far.reader.locks(*id));
        let assignments = match &subscription.reading {
            Reading::Seen(_) => Ok(()),
            Reading::Unseen(trouble) => Err(trouble.clone()),
        };
        let pim = pim.map(drop).map_err(Arc::new);
        let locks = locks.map(drop).map_err(Arc::new);
        let probe = |right: &str, need, outcome| Probe {
            right: right.to_owned(),
            need,
            at: Place::Subscription(*id, subscription.name.clone()),
            outcome,
        };
        [
            probe(READ_ASSIGNMENTS, "`plan` needs it to see who holds what", assignments),
            probe(READ_PIM, "`plan` needs it to tell what ends by itself, before anything is removed", pim),
            probe(READ_LOCKS, "`plan` needs it to tell what cannot be removed", locks),
        ]
    });
    let all: Vec<[Probe; 3]> = stream::iter(asked).buffered(SIDE_BY_SIDE_MAX).collect().await;
    let is_unlicensed =
        |probe: &Probe| probe.outcome.as_ref().is_err_and(|trouble| OtherAccess::is_unlicensed(trouble));
    let (without, probes): (Vec<Probe>, Vec<Probe>) = all.into_iter().flatten().partition(is_unlicensed);
    (probes, if without.is_empty() { PimService::NotTold } else { PimService::Unlicensed })
}

/// Our permissions at each target.
async fn targets(far: &Connection, observed: &Observed) -> Vec<TargetSeen> {
    let found = observed.targets.iter().filter_map(|(key, sighting)| match sighting {
        Sighting::Found(target) => Some((key, target)),
        Sighting::Missing(_) | Sighting::Several(_) | Sighting::Unseen(_) => None,
    });
    let asked = found.map(async |(key, target)| {
        let name = observed.subscriptions.get(&target.subscription).map(|it| it.name.clone());
        TargetSeen {
            scope: target.scope.clone(),
            subscription: (target.subscription, name.unwrap_or_else(|| target.subscription.to_string())),
            kind: key.kind.clone(),
            permissions: far.reader.permissions(&target.scope).await.map_err(Arc::new),
        }
    });
    stream::iter(asked).buffered(SIDE_BY_SIDE_MAX).collect().await
}
