//! Who can do what, held against an oracle: random worlds, in which the simulator's own evaluation of rights says what is true.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use jiff::Timestamp;
use proptest::prelude::*;
use tilgang::{
    access::{self, Access, Being, Found, Level, Subject},
    config::load_texts,
    model::{
        ability::{ABILITIES, Ability},
        assignment::Pim,
        desired::{Desired, FileId, OwnerFile},
        ids::{PrincipalId, ScopeId},
        observed::{Definitions, Observed, Reading, Sighting, TargetKey},
        people::{ById, ByName, InGroup},
        permissions::Extent,
        trouble::{Trouble, TroubleKind},
    },
    observe::{observe, widely},
    plan::{self, Plan},
    simulator::{SharedWorld, World, file, world::Block},
};

const NOW: &str = "2026-11-22T09:00:00Z";
const PEOPLE: [&str; 4] = ["kari.fiktiv", "ola.dikt", "siri.proeve", "nora.eksempel"];
const GROUPS: [&str; 3] = ["inner", "outer", "platform"];
const ROLES: [&str; 14] = [
    "Reader",
    "Contributor",
    "Owner",
    "Monitoring Reader",
    "Application Insights Component Contributor",
    "Key Vault Reader",
    "Key Vault Secrets User",
    "Key Vault Secrets Officer",
    "Key Vault Administrator",
    "Key Vault Contributor",
    "Role Based Access Control Administrator",
    "Some logs",
    "All but secrets",
    "All but keys",
];
const SETTINGS: &str = "version: 1\ntenant: 00000000-0000-0000-0000-0000000000aa\ninstance: altinn-apps\n";

/// What a world is made of.
#[derive(Clone, Debug)]
struct Seed {
    /// Who is in each group: people first, then groups.
    members: [u8; 3],
    /// Principal (people, groups, the application `build`), role, scope, and what is odd about it.
    assignments: Vec<(u8, u8, u8, u8)>,
    /// Person, owner and role of git.
    grants: BTreeSet<(u8, u8, u8)>,
    /// Whether our identity sees all, and whether it may read groups.
    sees_all: bool,
    reads_groups: bool,
}

fn seed() -> impl Strategy<Value = Seed> {
    let assignment = (0..8u8, 0..u8::try_from(ROLES.len()).unwrap(), 0..12u8, 0..8u8);
    (
        any::<[u8; 3]>(),
        proptest::collection::vec(assignment, 0..14),
        proptest::collection::btree_set((0..4u8, 0..2u8, 0..4u8), 0..6),
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.8),
    )
        .prop_map(|(members, assignments, grants, sees_all, reads_groups)| Seed {
            members,
            assignments,
            grants,
            sees_all,
            reads_groups,
        })
}

fn subscription(n: u8) -> String {
    format!("/subscriptions/00000000-0000-0000-0000-00000000000{}", n + 1)
}

/// Subscriptions: ttd's test and prod, skd's prod. Each with a component and a vault in a group `rg`.
const PLACES: [(&str, &str, &str); 3] = [("ttd", "tt02", "Test"), ("ttd", "prod", "Prod"), ("skd", "prod", "Prod")];

fn scope(n: u8) -> String {
    let at = subscription(n % 3);
    let (owner, environment, _) = PLACES[usize::from(n % 3)];
    let vault = format!("{at}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/{owner}-{environment}-keyvault");
    match n / 3 {
        0 => format!("{at}/resourceGroups/RG"), // Azure does not tell case apart
        1 => vault,
        2 => format!("{at}/resourceGroups/rg/providers/Microsoft.Insights/components/{owner}-{environment}-ai"),
        _ => match n % 3 {
            0 => "/providers/Microsoft.Management/managementGroups/altinn".to_owned(),
            1 => at,
            _ => format!("{vault}/secrets/one"),
        },
    }
}

fn world(seed: &Seed) -> World {
    let mut text = format!(
        "tenant: 00000000-0000-0000-0000-0000000000aa\nclock: {NOW}\n\
         applications:\n  - {{ name: tilgang, secret: x{} }}\n  - {{ name: build, secret: y }}\nusers:\n",
        if seed.reads_groups { "" } else { ", graph: [User.Read.All]" }
    );
    for name in PEOPLE {
        let _ = writeln!(text, "  - {name}@ai-dev.no");
    }
    text += "groups:\n";
    for (n, name) in GROUPS.iter().enumerate() {
        let bits = seed.members[n];
        let people =
            PEOPLE.iter().enumerate().filter(|(m, _)| bits & (1 << m) != 0).map(|(_, p)| format!("{p}@ai-dev.no"));
        let groups =
            GROUPS.iter().enumerate().filter(|(m, _)| bits & (16 << m) != 0 && *m != n).map(|(_, g)| (*g).to_owned());
        let build = (bits & 128 != 0).then(|| "build".to_owned());
        let members: Vec<String> = people.chain(groups).chain(build).collect();
        let _ = writeln!(text, "  - {{ name: {name}, members: [{}] }}", members.join(", "));
    }
    text += "role_definitions:\n\
        \x20 - { name: Some logs, actions: [Microsoft.Insights/logs/AppTraces/read] }\n\
        \x20 - { name: All but secrets, data_actions: ['*'], not_data_actions: ['Microsoft.KeyVault/vaults/secrets/*'] }\n\
        \x20 - { name: All but keys, data_actions: ['*'], not_data_actions: ['*/keys/*'] }\n\
        subscriptions:\n";
    for (n, (owner, environment, title)) in PLACES.iter().enumerate() {
        let _ = writeln!(
            text,
            "  - name: Altinn-{}-{title}\n    id: 00000000-0000-0000-0000-00000000000{}\n    group: rg\n    \
             management_groups: [altinn]\n    tags: {{ finops_serviceownercode: {owner} }}\n    \
             resources: [component {owner}-{environment}-ai, vault {owner}-{environment}-keyvault]",
            owner.to_uppercase(),
            n + 1
        );
    }
    text += "assignments:\n";
    let ours = if seed.sees_all { "/".to_owned() } else { subscription(1) };
    let _ =
        writeln!(text, "  - {{ principal: tilgang, role: Role Based Access Control Administrator, scope: {ours} }}");
    let mut there = BTreeSet::new();
    for (who, role, at, odd) in &seed.assignments {
        let principal = match usize::from(*who) {
            n @ 0..4 => format!("{}@ai-dev.no", PEOPLE[n]),
            n @ 4..7 => GROUPS[n - 4].to_owned(),
            _ => "build".to_owned(),
        };
        let (role, at) = (ROLES[usize::from(*role)], scope(*at));
        if !there.insert((principal.clone(), role, at.to_lowercase())) {
            continue; // Azure refuses a second one
        }
        let odd = match odd {
            0 => ", condition: \"@Resource[a:b] StringEquals 'x'\"",
            1 => ", ends: 2026-12-01T00:00:00Z, activated: true",
            2 => ", ends: 2026-12-02T00:00:00Z",
            _ => "",
        };
        let _ = writeln!(text, "  - {{ principal: {principal}, role: {role}, scope: {at}{odd} }}");
    }
    file::read(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn desired(seed: &Seed) -> Desired {
    let roles = ["test-developer", "test-operations", "prod-developer", "prod-operations"];
    let mut files =
        vec![("tilgang.yaml".to_owned(), format!("{SETTINGS}owners: {{ skd: {{ environments: [prod] }} }}\n"))];
    for (n, owner) in ["ttd", "skd"].iter().enumerate() {
        let mut people: BTreeMap<u8, Vec<&str>> = BTreeMap::new();
        for (person, at, role) in &seed.grants {
            if usize::from(*at) == n && (*at == 0 || *role >= 2) {
                people.entry(*person).or_default().push(roles[usize::from(*role)]);
            }
        }
        let mut text = format!("owner: {owner}\nusers:");
        if people.is_empty() {
            text += " []\n";
        }
        for (person, roles) in people {
            let _ = write!(
                text,
                "\n  - user: {}@ai-dev.no\n    roles: [{}]",
                PEOPLE[usize::from(person)],
                roles.join(", ")
            );
        }
        files.push((format!("owners/{owner}.yaml"), text + "\n"));
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let loaded = load_texts(&files);
    assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
    loaded.desired.unwrap()
}

/// Whether a pattern of Azure's stands for an action: the oracle's own reading of it.
fn fits(pattern: &str, action: &str) -> bool {
    fn rest(pattern: &[u8], action: &[u8]) -> bool {
        match (pattern.split_first(), action.split_first()) {
            (None, None) => true,
            (Some((b'*', after)), None) => rest(after, action),
            (Some((b'*', after)), Some((_, tail))) => rest(after, action) || rest(pattern, tail),
            (Some((p, after)), Some((a, tail))) => p.eq_ignore_ascii_case(a) && rest(after, tail),
            _ => false,
        }
    }
    rest(pattern.as_bytes(), action.as_bytes())
}

/// One action that an ability may stand for.
fn actions(ability: &Ability) -> Vec<String> {
    if ability.action.contains('*') {
        ["AppTraces", "AppRequests"].iter().map(|table| ability.action.replace('*', table)).collect()
    } else {
        vec![ability.action.to_owned()]
    }
}

fn allows(block: &Block, ability: &Ability, action: &str) -> bool {
    let (allowed, out) = if ability.of_data {
        (&block.data_actions, &block.not_data_actions)
    } else {
        (&block.actions, &block.not_actions)
    };
    allowed.iter().any(|it| fits(it, action)) && !out.iter().any(|it| fits(it, action))
}

/// What somebody can do, straight from the world: at the target, or at something within it.
fn truth(world: &World, who: PrincipalId, target: &ScopeId, ability: &Ability) -> Option<Extent> {
    let within = world.all_assignments().map(|it| &it.triple.scope).filter(|scope| target.holds(scope));
    let places: BTreeSet<&ScopeId> = within.chain([target]).collect();
    let can =
        |action: &String| places.iter().any(|at| world.blocks(who, at).iter().any(|it| allows(it, ability, action)));
    let actions = actions(ability);
    let count = actions.iter().filter(|action| can(action)).count();
    match count {
        0 => None,
        some if some == actions.len() => Some(Extent::Whole),
        _ => Some(Extent::Part),
    }
}

struct Looked {
    world: SharedWorld,
    desired: Desired,
    observed: Observed,
    plan: Plan,
}

fn look(seed: &Seed) -> Looked {
    let now: Timestamp = NOW.parse().unwrap();
    let shared = SharedWorld::new(world(seed), move || now);
    let identity = shared.sign_in_first().unwrap();
    let desired = desired(seed);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let observed = runtime.block_on(widely(&desired, None, now, &identity));
    let plan = plan::plan(&desired, &observed, jiff::civil::date(2026, 11, 22));
    Looked { world: shared, desired, observed, plan }
}

/// What an answer says: person, target, ability.
fn said(access: &Access<'_>) -> BTreeMap<(PrincipalId, TargetKey, &'static str), Extent> {
    let mut said = BTreeMap::new();
    for ability in ABILITIES {
        for (holder, ways) in access.who(ability, None) {
            for way in ways {
                let extent = way.opens.abilities[ability];
                let most = said.entry((holder.who.id, way.target.clone(), ability.word)).or_insert(extent);
                *most = (*most).max(extent);
            }
        }
    }
    said
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// Where all could be read, who can do what is what the world says, person by person and target by target.
    #[test]
    fn who_can_is_who_can(seed in seed()) {
        let seed = Seed { sees_all: true, reads_groups: true, ..seed };
        let Looked { world, desired, observed, plan } = look(&seed);
        let access = access::of(&desired, &observed, &plan, None);
        prop_assert_eq!(&access.unknown, &Vec::new());
        prop_assert_eq!(access.targets.len(), 6);
        let said = said(&access);
        world.with(|world| {
            for user in world.users() {
                for (key, target) in &access.targets {
                    for ability in ABILITIES.iter().filter(|it| it.arm_type.is_none_or(|it| target.scope.folded().contains(it))) {
                        let truth = truth(world, user.id, &target.scope, ability);
                        let answer = said.get(&(user.id, (*key).clone(), ability.word)).copied();
                        // Two halves are not known to be a whole; what is said to be whole is.
                        prop_assert_eq!(answer.is_some(), truth.is_some(), "{} {} {}", &user.name, &target.scope, ability.word);
                        prop_assert!(answer <= truth, "{} {}", &user.name, ability.word);
                    }
                }
            }
            Ok(())
        })?;
    }

    /// Every way is real: its assignment stands where it says, its holder is who it says, and opens what it says.
    #[test]
    fn every_way_is_real(seed in seed()) {
        let Looked { world, desired, observed, plan } = look(&seed);
        let access = access::of(&desired, &observed, &plan, None);
        world.with(|world| {
            for (id, holder) in &access.holders {
                for way in &holder.ways {
                    let Some(standing) = way.standing() else { continue };
                    let assignment = &standing.assignment;
                    let real = world.assignment(assignment.name).unwrap();
                    prop_assert_eq!(&real.triple, &assignment.triple);
                    let target = &access.targets[way.target].scope;
                    let at = &real.triple.scope;
                    prop_assert!(at == target || target.holds(at) || world.above(target).contains(at), "{} {}", at, target);
                    let level = match way.from {
                        Level::Target => at == target,
                        Level::Within(scope) => target.holds(scope) && scope == at,
                        Level::ResourceGroup(name) => at.folded().ends_with(&name.to_lowercase()),
                        Level::Subscription(name) => world.subscriptions().any(|it| it.name == name && at.holds(&ScopeId::subscription_scope(it.id))),
                        Level::ManagementGroup(name) => at.folded().ends_with(&name.to_lowercase()) && at.subscription().is_none(),
                        Level::Tenant => at.folded() == "/",
                    };
                    prop_assert!(level, "{:?} {}", way.from, at);
                    match way.through {
                        None => prop_assert_eq!(real.triple.principal, *id),
                        Some(group) => {
                            prop_assert_eq!(real.triple.principal, group);
                            prop_assert!(world.with_groups(*id).contains(&group));
                        }
                    }
                    prop_assert_eq!(way.ends, real.term.ends);
                    prop_assert_eq!(assignment.condition.is_some(), real.condition.is_some());
                    let block = &world.definition(real.triple.definition).unwrap().block;
                    for (ability, extent) in &way.opens.abilities {
                        let count = actions(ability).iter().filter(|action| allows(block, ability, action)).count();
                        prop_assert!(count > 0);
                        prop_assert!(*extent == Extent::Part || count == actions(ability).len());
                    }
                    for grant in &way.grants {
                        prop_assert_eq!(way.from, Level::Target);
                        prop_assert!(way.through.is_none());
                        prop_assert!(desired.grants.contains(grant));
                    }
                }
            }
            Ok(())
        })?;
    }

    /// What could not be read is said: nobody who can do something is silently left out.
    #[test]
    fn nobody_is_silently_absent(seed in seed()) {
        let Looked { world, desired, observed, plan } = look(&seed);
        let access = access::of(&desired, &observed, &plan, None);
        let said = said(&access);
        world.with(|world| {
            for user in world.users() {
                for (key, sighting) in &observed.targets {
                    for ability in ABILITIES {
                        let Some(scope) = world.resources().map(|it| &it.id).find(|id| id.last_segment() == key.name) else { continue };
                        let arm_type = &desired.catalog.kinds[&key.kind].arm_type;
                        if ability.arm_type.is_some_and(|it| it != arm_type) || truth(world, user.id, scope, ability).is_none() {
                            continue;
                        }
                        let here = said.contains_key(&(user.id, key.clone(), ability.word));
                        let about = access.unknown.iter().any(|it| it.owner.is_none_or(|owner| owner == key.owner));
                        prop_assert!(here || about, "{} {} {:?}", &user.name, ability.word, sighting);
                    }
                }
            }
            Ok(())
        })?;
    }

    /// `why` knows exactly whom `who` names, by any name they go by.
    #[test]
    fn whom_who_names_why_explains(seed in seed()) {
        let Looked { world: _, desired, observed, plan } = look(&seed);
        let access = access::of(&desired, &observed, &plan, None);
        for (id, holder) in &access.holders {
            let by_id = access::find(&id.to_string(), &access, &observed);
            prop_assert!(matches!(&by_id, Found::One(Subject::Known(who)) if who.id == *id));
            if let Being::Person { .. } = holder.being {
                let name = holder.who.name.as_ref().unwrap();
                let by_name = access::find(&name.to_string().to_uppercase(), &access, &observed);
                prop_assert_eq!(&by_name, &by_id);
                prop_assert_eq!(access::find(name.local(), &access, &observed), by_id);
            }
        }
        for listed in &access.listed {
            let found = access::find(listed.grant.user.name.as_str(), &access, &observed);
            prop_assert!(matches!(found, Found::One(_)));
        }
    }

    /// A plan is the same whether one looked for it or for who can do what.
    #[test]
    fn a_wider_look_plans_the_same(seed in seed()) {
        let now: Timestamp = NOW.parse().unwrap();
        let Looked { world, desired, plan, .. } = look(&seed);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let narrow = runtime.block_on(observe(&desired, None, now, &world.sign_in_first().unwrap()));
        let narrow = plan::plan(&desired, &narrow, jiff::civil::date(2026, 11, 22));
        prop_assert_eq!(&narrow.changes, &plan.changes);
        prop_assert_eq!(narrow.blocked.len(), plan.blocked.len());
        prop_assert_eq!(narrow.unchanged, plan.unchanged);
    }
}

/// A git that asks for something, and what stands of it.
#[test]
fn a_line_of_git_leads_to_its_way() {
    let seed = Seed {
        members: [0b0001_0001, 0, 0],
        assignments: vec![(0, 7, 4, 9), (4, 9, 4, 9)],
        grants: BTreeSet::from([(0, 0, 3), (1, 0, 3)]),
        sees_all: true,
        reads_groups: true,
    };
    let Looked { desired, observed, plan, .. } = look(&seed);
    let access = access::of(&desired, &observed, &plan, None);
    let can = Ability::named("read-secrets").unwrap();
    let found = access.who(can, None);
    let [(holder, ways)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(holder.who.name.as_ref().unwrap().as_str(), "kari.fiktiv@ai-dev.no");
    assert_eq!(ways.iter().map(|way| way.grants.len()).collect::<Vec<_>>(), [1]);
    let states: Vec<bool> = access.listed.iter().map(|it| matches!(it.state, access::State::Stands)).collect();
    assert_eq!(states, [true, false], "Ola's line is due");
}

/// Each thing that can go unread is said, and leaves what is known as it is.
#[test]
fn what_is_not_known_is_said() {
    let seed = Seed {
        members: [0b0000_0001, 0, 0],
        assignments: vec![(4, 6, 4, 9), (1, 7, 4, 9), (2, 8, 4, 9)],
        grants: BTreeSet::from([(1, 0, 3)]),
        sees_all: true,
        reads_groups: true,
    };
    let trouble = || std::sync::Arc::new(Trouble::new(TroubleKind::Denied, "look", "no"));
    let say = |spoil: &dyn Fn(&mut Observed, &mut Desired)| {
        let Looked { mut desired, mut observed, .. } = look(&seed);
        spoil(&mut observed, &mut desired);
        let plan = plan::plan(&desired, &observed, jiff::civil::date(2026, 11, 22));
        let access = access::of(&desired, &observed, &plan, None);
        let words: Vec<String> = access.unknown.iter().filter(|it| it.unread).map(|it| it.words.clone()).collect();
        (words, access.holders.values().filter(|it| matches!(it.being, Being::Person { .. })).count())
    };
    let has = |words: &[String], part: &str| assert!(words.iter().any(|it| it.contains(part)), "{part}: {words:#?}");
    assert_eq!(say(&|_, _| ()), (Vec::new(), 3));
    let (words, people) = say(&|observed, _| observed.definitions = Definitions::Unanswered(trouble()));
    has(&words, "what role definitions permit");
    assert_eq!(people, 3, "who holds a definition that nobody could read is there all the same");
    let (words, _) = say(&|observed, _| {
        let Definitions::Known(known) = &mut observed.definitions else { panic!() };
        known.remove(&"00482a5a-887f-4fb3-b363-3b7fe8e74483".parse().unwrap());
    });
    has(&words, "what the role definition 00482a5a");
    let (words, people) = say(&|observed, _| {
        observed.people.groups.values_mut().for_each(|it| *it = InGroup::Unanswered(trouble()));
    });
    has(&words, "who is in the group `inner`");
    assert_eq!(people, 2);
    let (words, _) = say(&|observed, _| observed.inventory = Err(trouble()));
    has(&words, "could not look");
    let (words, people) = say(&|observed, _| {
        observed.subscriptions.values_mut().for_each(|it| it.reading = Reading::Unseen(trouble()));
    });
    has(&words, "who holds what at `ttd-prod-keyvault`");
    assert_eq!(people, 0);
    let (words, _) = say(&|observed, _| observed.subscriptions.clear());
    has(&words, "was not read");
    let (words, _) = say(&|observed, _| {
        observed.people.by_id.values_mut().for_each(|it| *it = ById::Unanswered(trouble()));
    });
    has(&words, "holders are: Entra could not say");
    let (words, _) = say(&|observed, _| {
        observed.people.by_name.values_mut().for_each(|it| *it = ByName::Unanswered(trouble()));
    });
    has(&words, "who `ola.dikt@ai-dev.no` is");
    let (words, _) = say(&|observed, _| {
        for subscription in observed.subscriptions.values_mut() {
            let Reading::Seen(scopes) = &mut subscription.reading else { panic!() };
            scopes.values_mut().flatten().for_each(|it| it.pim = Pim::Unanswered);
        }
    });
    has(&words, "which assignments end by themselves");
    let (words, _) = say(&|_, desired| {
        for owner in desired.owners.values_mut() {
            owner.file = OwnerFile::Broken(FileId(1));
        }
    });
    has(&words, "whom `owners/ttd.yaml` lists");
    let (words, _) = say(&|observed, _| {
        observed
            .targets
            .values_mut()
            .for_each(|it| *it = Sighting::Several(vec![ScopeId::new("/a"), ScopeId::new("/b")]));
    });
    has(&words, "2 resources are called so");
    let (words, _) = say(&|observed, _| {
        observed.targets.values_mut().for_each(|it| *it = Sighting::Unseen(trouble()));
    });
    has(&words, "who holds what at `skd-prod-keyvault`");
}
