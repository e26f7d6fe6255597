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
        desired::{Desired, OwnerFile},
        ids::{PrincipalId, UserName},
        observed::{DefinitionLookup, Observed, OtherAccess, PimService, Reading, Sighting},
        other_access::Effect,
        people::{ById, ByName, GroupKey, HasAttribute, InGroup},
        policy::Whom,
        trouble::Trouble,
    },
    plan::{self, Plan},
    ports::{AssignmentReader, Directory, Inventory, Rights},
    report::{self, Checkup},
    rights::{
        DELETE, GRAPH, GRAPH_GROUPS, GRAPH_NAMES_ALL, Needs, Purpose, READ_ASSIGNMENTS, READ_DEFINITIONS, READ_DENIALS,
        READ_LOCKS, READ_PIM, WRITE,
        judge::{Probe, READS_ASSIGNMENTS, Seen, TargetSeen, judge},
        names_all,
        verdict::Place,
    },
};

use super::{Exit, Global, connect::Connection, output, validate::count};

/// What rights were asked for, where files have errors.
const NOT_LEFT_OUT: &str = " for what is not left out";

/// Questions asked at the same time.
const SIDE_BY_SIDE_MAX: usize = 16;
/// Subscriptions that are named where none is seen.
const NAMED_MAX: usize = 5;

/// Check the identity's permissions: present, missing, excessive, by action and scope
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
        let mut problems = with_errors(&desired, workspace.loaded.errors.len());
        match &observed.inventory {
            Ok(()) if observed.subscriptions.is_empty() => problems.push(nothing_seen(&far, &observed).await),
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
        // Where no target is found, no role definition was asked for: that is reported above.
        let asked = observed.targets.values().any(|sighting| matches!(sighting, Sighting::Found(_)));
        for (role, problem) in plan::role_problems(&desired, &observed).into_iter().filter(|_| asked) {
            unfit.entry(format!("{problem}; {}", problem.help())).or_default().push(format!("`{role}`"));
        }
        problems.extend(unfit.into_iter().map(|(words, roles)| format!("{}: {words}", roles.join(", "))));
        let named = observed.role_definitions.keys().filter_map(|id| observed.definition_name(*id));
        let named: Vec<String> = named.map(str::to_owned).collect();
        if !named.is_empty() {
            let read = count(named.len(), "role definition");
            good.push((format!("{read} that the workspace names, as Azure calls them"), named));
        }
        problems.extend(groups_not_found(&compared, &observed));
        problems.extend(compared.stranger(&desired.policy).map(|stranger| stranger.to_string()));
        let needs = Needs::of(&desired);
        let Asked { seen, denials, pim } = look(&far, &observed, &needs).await;
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
        let verdict = judge(purpose, &needs, &seen);
        let of = if workspace.loaded.errors.is_empty() { "" } else { NOT_LEFT_OUT };
        if compared.is_complete() && observed.absent.is_empty() && !observed.subscriptions.is_empty() {
            good.push((format!("everything that a plan needs{of} can be read"), Vec::new()));
        }
        let tool = concat!("tilgang ", env!("CARGO_PKG_VERSION"));
        let checkup = Checkup {
            purpose,
            who: &far.who,
            good: &good,
            notes: &far.doubts,
            problems: &problems,
            of,
            verdict: &verdict,
            tool,
        };
        output::result(&report::doctor(&checkup, *format));
        workspace.exit().max(if checkup.is_well() { Exit::Converged } else { Exit::Failed })
    }
}

/// The owners whose files have errors, and how many errors there are in all: none of what they list was compared.
fn with_errors(desired: &Desired, errors: usize) -> Vec<String> {
    let broken = desired.owners.iter().filter(|(_, owner)| matches!(owner.file, OwnerFile::Broken(_)));
    let broken: Vec<String> = broken.map(|(code, _)| format!("`{code}`")).collect();
    if errors == 0 {
        return Vec::new();
    }
    let left_out = if broken.is_empty() { String::new() } else { format!("; left out here: {}", broken.join(", ")) };
    vec![format!("{} in the files{left_out}; `tilgang validate` shows them", count(errors, "error"))]
}

/// Why there is no subscription to look into: our identity sees none at all, or none of those that are meant.
async fn nothing_seen(far: &Connection, observed: &Observed) -> String {
    let named: Vec<String> = observed.absent.iter().take(NAMED_MAX).map(|(_, name)| format!("`{name}`")).collect();
    let more = if observed.absent.len() > named.len() { " and others" } else { "" };
    let meant = format!("{}{more}", named.join(", "));
    match far.reader.stock(&BTreeSet::new()).await {
        Ok(stock) if stock.subscriptions.is_empty() => {
            format!("our identity sees no subscription: wrong tenant, or no role? The workspace means {meant}")
        }
        Ok(stock) => {
            let seen = count(stock.subscriptions.len(), "subscription");
            format!("our identity sees {seen}, and none that the workspace means: {meant}")
        }
        Err(trouble) => trouble.to_string(),
    }
}

/// Groups that `tilgang.yaml` names and that lead to nobody. One that could not be read is among the rights.
fn groups_not_found(compared: &Plan, observed: &Observed) -> Vec<String> {
    let not_read = |key: &GroupKey| matches!(observed.people.groups.get(key), Some(InGroup::Unanswered(_)));
    let unresolved = compared.protected.unresolved.iter().filter(|it| match &it.whom {
        Whom::Group(key) => !not_read(key),
        Whom::Name(_) | Whom::Id(_) => true,
    });
    let unresolved = unresolved.map(|it| format!("`policy.protected` names {it}, {}: nothing is removed", it.why));
    let protected: BTreeSet<&GroupKey> = compared
        .protected
        .unresolved
        .iter()
        .filter_map(|it| if let Whom::Group(key) = &it.whom { Some(key) } else { None })
        .collect();
    let of_members = observed.people.groups.iter().filter(|(key, _)| !protected.contains(key));
    let of_members = of_members.filter_map(|(key, answer)| match answer {
        InGroup::Missing => {
            Some(format!("`users.member_of`: there is no group `{key}`, so nobody gains anything there"))
        }
        InGroup::Several(several) => {
            Some(format!("`users.member_of`: {several} groups are called `{key}`, so nobody gains anything there"))
        }
        InGroup::Members(_) | InGroup::Unanswered(_) => None,
    });
    unresolved.chain(of_members).collect()
}

/// What was asked of our identity.
struct Asked {
    seen: Seen,
    denials: OwnDenials,
    pim: PimService,
}

/// Asks what is to be asked of our identity.
async fn look(far: &Connection, observed: &Observed, needs: &Needs) -> Asked {
    let identity = far.session.identity().await.ok().and_then(|identity| identity.object);
    let names = observed.subscriptions.iter().map(|(id, it)| (*id, it.name.clone())).collect();
    let subscriptions: BTreeSet<_> = observed.subscriptions.keys().copied().collect();
    let (graph, probes, targets, held, denials) = futures::join!(
        graph(far, observed, needs),
        probes(far, observed),
        targets(far, observed),
        held(&far.reader, &names, identity),
        own_denials(&far.reader, &subscriptions, identity),
    );
    let (holdings, own, definitions) = held;
    let (probes, pim) = probes;
    let permissions = far.session.graph_permissions().await.unwrap_or_default(); // a token that does not come is said by `graph`
    let (mut denied, mut may_deny) = (BTreeMap::new(), BTreeMap::new());
    for target in &targets {
        for action in [WRITE, DELETE] {
            let names: BTreeSet<String> = denials.stop(action, &target.scope).map(|it| it.name.clone()).collect();
            if !names.is_empty() {
                denied.insert((target.scope.clone(), action), names);
            }
            let open = denials.may_stop(action, &target.scope);
            let open = open.map(|(it, why)| format!("the deny assignment `{}` may forbid it: {why}", it.name));
            let open: BTreeSet<String> = open.collect();
            if !open.is_empty() {
                may_deny.insert((target.scope.clone(), action), open);
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
    let unread = observed.role_definitions.values().filter_map(|lookup| match lookup {
        DefinitionLookup::Unanswered(trouble) => Some(trouble.clone()),
        DefinitionLookup::Found(_) | DefinitionLookup::Missing => None,
    });
    let of_unread = names.iter().take(1).flat_map(|(id, name)| {
        unread.clone().map(|trouble| Probe {
            right: READ_DEFINITIONS.to_owned(),
            need: "`plan` needs it to see what role definitions permit",
            at: Place::Subscription(*id, name.clone()),
            outcome: Err(trouble),
        })
    });
    let seen = Seen {
        probes: graph.into_iter().chain(probes).chain(definitions).chain(of_denials).chain(of_unread).collect(),
        targets,
        denied,
        may_deny,
        holdings,
        own,
        graph: permissions,
    };
    Asked { seen, denials, pim }
}

/// A name and an id that nobody has: what comes back says whether people, groups and the deleted can be looked up. Groups are
/// tried where policy names some; what the run itself asked of groups and attributes counts as well.
async fn graph(far: &Connection, observed: &Observed, needs: &Needs) -> Vec<Probe> {
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
    let probe = |right: &str, need, trouble: Option<Arc<Trouble>>| Probe {
        right: right.to_owned(),
        need,
        at: Place::Graph,
        outcome: trouble.map_or(Ok(()), Err),
    };
    let people = "`plan` needs it to look people up, by name and id, the deleted ones as well";
    let mut probes = vec![probe(GRAPH, people, by_name), probe(GRAPH, people, by_id)];
    let attribute = observed.people.attributes.values().find_map(|answer| match answer {
        HasAttribute::Unanswered(trouble) => Some(trouble.clone()),
        HasAttribute::Value(_) | HasAttribute::Nothing => None,
    });
    probes.extend(attribute.map(|trouble| probe(GRAPH, people, Some(trouble))));
    if needs.groups().is_some() {
        let nobodys = [GroupKey::Id(PrincipalId(uuid::Uuid::max())), GroupKey::named("nobody.tilgang.invalid")];
        let asked = far.reader.groups(&nobodys.into()).await;
        let groups = "`plan` needs it to read the groups that `tilgang.yaml` names";
        let failed = |answer: &InGroup| match answer {
            InGroup::Unanswered(trouble) => Some(trouble.clone()),
            InGroup::Members(_) | InGroup::Missing | InGroup::Several(_) => None,
        };
        let answers = asked.values().chain(observed.people.groups.values());
        probes.extend(answers.map(|answer| probe(GRAPH_GROUPS, groups, failed(answer))));
    }
    probes
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
            probe(READ_ASSIGNMENTS, READS_ASSIGNMENTS, assignments),
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
