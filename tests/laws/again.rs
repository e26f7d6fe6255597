//! The last look before the first write: what moved after everything was read, in the simulated Azure itself.

use std::{collections::BTreeSet, sync::atomic::AtomicBool};

use jiff::{Timestamp, tz::TimeZone};
use tilgang::{
    config,
    execute::execute,
    ledger::NoJournal,
    model::{
        desired::Desired,
        ids::{PrincipalId, UserName},
        observed::Observed,
    },
    observe::{again, observe},
    plan::outcome::{Failure, Outcome},
    plan::{again::Moved, approve::ApprovedPlan, change::Action, plan},
    simulator::{
        SharedWorld, file,
        inprocess::Identity,
        world::{Resource, User, World},
    },
};

const NOW: &str = "2026-11-22T09:00:00Z";
const GONE: PrincipalId = PrincipalId(uuid::Uuid::from_u128(0xee));

const WORLD: &str = r"
tenant: 00000000-0000-0000-0000-0000000000aa
settings: { resource_graph_lag: 1h }
users: [kari.fiktiv@ai-dev.no, ola.dikt@ai-dev.no]
subscriptions:
  - name: Altinn-TTD-Prod
    tags: { finops_serviceownercode: ttd }
    resources: [component ttd-prod-ai, vault ttd-prod-keyvault]
assignments:
  - { principal: 00000000-0000-0000-0000-0000000000ee, type: User, role: Monitoring Reader, scope: ttd-prod-ai, description: tilgang/altinn-apps ttd prod-developer }
  - { principal: kari.fiktiv@ai-dev.no, role: Monitoring Reader, scope: ttd-prod-ai, description: tilgang/altinn-apps ttd prod-developer }
  - { principal: ola.dikt@ai-dev.no, role: Monitoring Reader, scope: ttd-prod-ai, description: tilgang/altinn-apps ttd prod-developer }
";

/// Kari changes from logs to secrets, Ola leaves, and one is gone from Entra.
const OWNER: &str = "owner: ttd\nusers: [{ user: kari.fiktiv@ai-dev.no, roles: [prod-operations] }]\n";
const SETTINGS: &str = "version: 1\ntenant: 00000000-0000-0000-0000-0000000000aa\ninstance: altinn-apps\n\
    owners: { ttd: { environments: [prod] } }\npolicy: { revokes: { prod_per_owner: 9 } }\n";

struct Story {
    world: SharedWorld,
    azure: Identity,
    desired: Desired,
    observed: Observed,
    approved: ApprovedPlan,
}

impl Story {
    /// Everything is read, planned and approved.
    async fn begin() -> Self {
        let now: Timestamp = NOW.parse().unwrap();
        let world = SharedWorld::new(file::read(WORLD).unwrap(), || NOW.parse().unwrap());
        let azure = world.sign_in_first().unwrap();
        let loaded = config::load_texts(&[("tilgang.yaml", SETTINGS), ("owners/ttd.yaml", OWNER)]);
        let desired = loaded.desired.unwrap_or_else(|| panic!("{:?}", loaded.errors));
        let observed = observe(&desired, None, now, &azure).await;
        let plan = plan(&desired, &observed, now.to_zoned(TimeZone::UTC).date());
        let approved = plan.approve(&desired.policy).approved;
        let actions: Vec<Action> = approved.changes().iter().map(|change| change.action).collect();
        assert_eq!(actions, [Action::Grant, Action::Revoke, Action::Revoke, Action::Revoke], "{:#?}", plan.blocked);
        Self { world, azure, desired, observed, approved }
    }

    /// Something happens; then it is carried out.
    async fn end(mut self, happens: impl FnOnce(&mut World)) -> (Self, Vec<Outcome>) {
        self.world.with(happens);
        let questions = self.approved.questions(&self.observed);
        assert_eq!((questions.targets.len(), &questions.people), (2, &[GONE].into()));
        let seen = again(&questions.targets, &questions.people, &self.azure).await;
        let withheld = self.approved.withhold(&self.observed, &seen);
        let mut outcomes = execute(&self.approved, &self.azure, &NoJournal, &AtomicBool::new(false)).await;
        outcomes.extend(withheld.into_iter().map(Outcome::from));
        assert_eq!(outcomes.len(), 4);
        (self, outcomes)
    }

    fn stands(&self) -> BTreeSet<PrincipalId> {
        let ours = |text: &str| text.starts_with("tilgang/");
        self.world.with(|world| {
            let all = world.all_assignments().filter(|it| it.description.as_deref().is_some_and(ours));
            all.map(|it| it.triple.principal).collect()
        })
    }

    fn id(&self, name: &str) -> PrincipalId {
        self.world.with(|world| world.user_named(&UserName::new(name)).unwrap().id)
    }
}

fn moved(outcomes: &[Outcome]) -> Vec<&Moved> {
    let moved = outcomes.iter().filter_map(|outcome| match &outcome.result {
        Err(Failure::Moved(moved)) => Some(moved),
        _ => None,
    });
    moved.collect()
}

#[tokio::test]
async fn what_did_not_move_is_carried_out() {
    let (story, outcomes) = Story::begin().await.end(|_| {}).await;
    assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()), "{outcomes:#?}");
    assert_eq!(story.stands(), [story.id("kari.fiktiv@ai-dev.no")].into());
}

#[tokio::test]
async fn who_is_back_keeps_what_they_had() {
    let back = |world: &mut World| {
        let kari = world.user_named(&UserName::new("kari.fiktiv@ai-dev.no")).unwrap().clone();
        world.place_user(User { id: GONE, name: UserName::new("per.papir@ai-dev.no"), ..kari });
    };
    let (story, outcomes) = Story::begin().await.end(back).await;
    assert_eq!(moved(&outcomes), [&Moved::PersonBack(UserName::new("per.papir@ai-dev.no"))]);
    assert_eq!(story.stands(), [story.id("kari.fiktiv@ai-dev.no"), GONE].into());
}

/// The vault is gone, though Resource Graph shows it: Kari does not get the new, and keeps the old; Ola leaves all the same.
#[tokio::test]
async fn a_target_that_is_gone_takes_its_grants_out_and_nobody_loses_access_halfway() {
    let gone = |world: &mut World| {
        let vault = world.resources().find(|found| found.name == "ttd-prod-keyvault").unwrap().id.clone();
        world.remove_resource(&vault);
    };
    let (story, outcomes) = Story::begin().await.end(gone).await;
    let [Moved::TargetGone(vault)] = moved(&outcomes)[..] else { panic!("{outcomes:#?}") };
    assert_eq!(vault.last_segment(), "ttd-prod-keyvault");
    assert_eq!(moved(&outcomes)[0].code(), "target-gone");
    let held_back = outcomes.iter().filter(|outcome| outcome.result == Err(Failure::HeldBack));
    let kari = story.id("kari.fiktiv@ai-dev.no");
    assert_eq!(held_back.map(|outcome| outcome.change.triple.principal).collect::<Vec<_>>(), [kari]);
    assert_eq!(story.stands(), [kari].into());
    assert_eq!(story.desired.owners.len(), 1);
}

/// Another vault by the same id, which Resource Graph does not show yet: nobody gets anything at it, nobody loses the old.
#[tokio::test]
async fn a_target_that_was_made_anew_waits_for_another_plan() {
    let at: Timestamp = "2026-11-22T08:59:00Z".parse().unwrap();
    let anew = |world: &mut World| {
        let vault = world.resources().find(|found| found.name == "ttd-prod-keyvault").unwrap().clone();
        world.take_resource(&vault.id);
        world.place_resource(Resource { created: Some(at), ..vault });
    };
    let (story, outcomes) = Story::begin().await.end(anew).await;
    assert!(matches!(moved(&outcomes)[..], [Moved::TargetAnew(_, made)] if *made == at), "{outcomes:#?}");
    assert_eq!(story.stands(), [story.id("kari.fiktiv@ai-dev.no")].into());
}

#[tokio::test]
async fn a_vault_that_changed_its_mode_waits_for_another_plan() {
    let flip = |world: &mut World| {
        let mut vault = world.resources().find(|found| found.name == "ttd-prod-keyvault").unwrap().clone();
        vault.properties["enableRbacAuthorization"] = false.into();
        world.place_resource(vault);
    };
    let (_, outcomes) = Story::begin().await.end(flip).await;
    assert!(matches!(moved(&outcomes)[..], [Moved::Mode { rbac: false, .. }]), "{outcomes:#?}");
}

/// The network is away: nothing is known, so nothing is tried.
#[tokio::test]
async fn what_could_not_be_looked_at_is_not_touched() {
    let mut story = Story::begin().await;
    let before = story.stands();
    let withheld = story.approved.withhold(&story.observed, &tilgang::model::observed::SeenAgain::default());
    assert_eq!((withheld.len(), story.approved.changes().len()), (4, 0));
    assert!(withheld.iter().all(|it| matches!(&it.moved, Some(Moved::TargetUnread(_)))), "{withheld:#?}");
    assert_eq!(story.stands(), before);
}
