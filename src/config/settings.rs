//! Tree → `tilgang.yaml`, the platform team's file, laid over the built-in catalogue.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use super::{
    catalog::{Sections, Words},
    cursor::Cursor,
    error::{Mistakes, Spot},
    ledger,
    node::Node,
    notify, policy,
    rules::{BAD_VALUE, DOUBLED_KEY, EMPTY, KNOWN_NAME},
    suggest::did_you_mean,
};
use crate::model::{
    catalog::Catalog,
    desired::FileId,
    ids::TenantId,
    notify::Notify,
    owner::{EnvironmentName, InstanceName, KindName, OwnerCode},
    policy::Policy,
};

/// Shortest and longest name of a key vault ("Resource naming rules", Microsoft.KeyVault).
const VAULT_NAME_CHARS: std::ops::RangeInclusive<usize> = 3..=24;

/// `tilgang.yaml`, as far as it could be read.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) tenant: Option<TenantId>,
    pub(super) instance: Option<InstanceName>,
    pub(super) former_instances: Vec<InstanceName>,
    pub(super) catalog: Catalog,
    /// What sign-in names end in; empty where that is not sure.
    pub(super) domains: Vec<String>,
    pub(super) owners: BTreeMap<OwnerCode, OwnerSettings>,
    pub(super) policy: Policy,
    /// Where the ledger is kept, as written.
    pub(super) ledger: Option<PathBuf>,
    /// Whom the daemon tells what.
    pub(super) notify: Notify,
    /// Whether roles, environments and domains were read without a mistake. If not, no owner's file is judged by them.
    pub(super) catalog_is_sure: bool,
}

/// What deviates for one owner.
#[derive(Debug, Default)]
pub(super) struct OwnerSettings {
    pub(super) environments: Option<BTreeSet<EnvironmentName>>,
    pub(super) resources: BTreeMap<(EnvironmentName, KindName), Vec<String>>,
    pub(super) reviewers: Vec<String>,
    pub(super) contact: Option<String>,
}

/// Reads the whole file and tells every mistake.
pub(super) fn read(node: &Node<'_>, file: FileId, files: &BTreeSet<OwnerCode>, mistakes: &mut Mistakes) -> Settings {
    let top = Cursor::top(node);
    let mut settings = Settings::default();
    if *node == Node::Nothing {
        mistakes.add(top.wrong(EMPTY, "the file is empty").help("it needs `version: 1`, `tenant` and `instance`"));
        return settings;
    }
    let keys = [
        "version",
        "tenant",
        "instance",
        "former_instances",
        "environments",
        "resources",
        "roles",
        "retired",
        "users",
        "owners",
        "policy",
        "ledger",
        "notify",
    ];
    let Some(
        [
            version,
            tenant,
            instance,
            former,
            environments,
            resources,
            roles,
            retired,
            users,
            owners,
            policy,
            ledger,
            notify,
        ],
    ) = top.fields(keys, &["version", "tenant", "instance"], mistakes)
    else {
        return settings;
    };
    if let Some(version) = version {
        read_version(version, mistakes);
    }
    settings.tenant = tenant.and_then(|at| at.guid(mistakes));
    settings.instance = instance.and_then(|at| at.word(mistakes)).map(InstanceName::new);
    for item in former.map(|former| former.items(mistakes)).into_iter().flatten() {
        let Some(name) = item.word(mistakes).map(InstanceName::new) else { continue };
        if Some(&name) == settings.instance.as_ref() || settings.former_instances.contains(&name) {
            mistakes
                .add(item.wrong(DOUBLED_KEY, format!("`{name}` stands here twice")).help("list only earlier names"));
        } else {
            settings.former_instances.push(name);
        }
    }
    let mut words = Words::built_in();
    let mut told = Mistakes::default();
    words.change(&Sections { environments, resources, roles, retired, users }, &mut told);
    settings.catalog_is_sure = told.is_empty();
    mistakes.0.append(&mut told.0);
    settings.catalog = words.catalog();
    for entry in owners.map(|owners| owners.entries(mistakes)).unwrap_or_default() {
        let Some(code) = OwnerCode::new(entry.key) else {
            mistakes.add(
                entry
                    .wrong_key(BAD_VALUE, format!("`{}` is not an owner's code", entry.key))
                    .help("a code has 2 to 8 of `a-z` and `0-9`"),
            );
            continue;
        };
        settings.owners.insert(code, read_owner(entry, &words, mistakes));
    }
    let known: BTreeSet<OwnerCode> = settings.owners.keys().chain(files).copied().collect();
    let context = policy::Context { file, catalog: &settings.catalog, owners: &known };
    settings.policy = policy.map(|at| policy::read(at, &context, mistakes)).unwrap_or_default();
    settings.policy.member_of = words.member_of.take();
    settings.policy.production = std::mem::take(&mut words.production);
    settings.ledger = ledger.and_then(|at| ledger::read(at, mistakes));
    let context = notify::Context { words: &words, owners: &known };
    settings.notify = notify.and_then(|at| notify::read(at, &context, mistakes)).unwrap_or_default();
    if settings.catalog_is_sure {
        settings.domains = words.domains;
    }
    settings
}

fn read_version(at: Cursor<'_>, mistakes: &mut Mistakes) {
    if *at.node == Node::Nothing {
        at.text(mistakes);
    } else if *at.node != Node::Number("1".to_owned()) {
        mistakes.add(at.wrong(BAD_VALUE, "unknown version").help("this version of tilgang reads `version: 1`"));
    }
}

fn read_owner(entry: Cursor<'_>, words: &Words, mistakes: &mut Mistakes) -> OwnerSettings {
    let mut owner = OwnerSettings::default();
    let keys = ["resources", "environments", "reviewers", "contact"];
    let Some([resources, environments, reviewers, contact]) = entry.fields(keys, &[], mistakes) else { return owner };
    owner.environments = environments.map(|at| read_environments(at, words, mistakes));
    owner.reviewers = reviewers.map(|at| at.reviewers(mistakes)).unwrap_or_default();
    owner.contact = contact.and_then(|at| at.line(mistakes)).map(str::to_owned);
    for in_environment in resources.map(|at| at.entries(mistakes)).unwrap_or_default() {
        let spot = Spot::Key(in_environment.trail);
        let environment = known_environment(in_environment.key, spot, words, mistakes);
        for of_kind in in_environment.entries(mistakes) {
            let kind = words.known_kind(of_kind.key, Spot::Key(of_kind.trail), mistakes);
            let names = read_target_names(of_kind, kind.as_ref(), words, mistakes);
            if let (Some(environment), Some(kind)) = (environment.clone(), kind) {
                owner.resources.insert((environment, kind), names);
            }
        }
    }
    owner
}

pub(super) fn read_environments(at: Cursor<'_>, words: &Words, mistakes: &mut Mistakes) -> BTreeSet<EnvironmentName> {
    let mut found = BTreeSet::new();
    let items = at.items(mistakes);
    if items.len() == 0 && matches!(at.node, Node::List(_)) {
        mistakes
            .add(at.wrong(EMPTY, "`environments` is an empty list").help("leave it out if the owner has all of them"));
    }
    for item in items {
        let name = item.text(mistakes).and_then(|t| known_environment(t, Spot::Value(item.trail), words, mistakes));
        if let Some(name) = name
            && !found.insert(name.clone())
        {
            mistakes.add(item.wrong(DOUBLED_KEY, format!("`{name}` stands here twice")));
        }
    }
    found
}

fn known_environment(text: &str, spot: Spot, words: &Words, mistakes: &mut Mistakes) -> Option<EnvironmentName> {
    let known = words.environments.get_key_value(text).map(|(name, _)| name.clone());
    if known.is_none() {
        let azure_names = words.environments.iter().find(|(_, environment)| environment.azure_name == text);
        let help = azure_names.map(|(name, _)| format!("`{text}` is its name in Azure; here it is `{name}`"));
        mistakes.add(
            super::error::Mistake::new(KNOWN_NAME, spot, format!("unknown environment `{text}`"))
                .label("not in the catalogue")
                .maybe_help(
                    help.or_else(|| did_you_mean(text, words.environments.keys().map(EnvironmentName::as_str))),
                ),
        );
    }
    known
}

fn read_target_names(at: Cursor<'_>, kind: Option<&KindName>, words: &Words, mistakes: &mut Mistakes) -> Vec<String> {
    let is_vault =
        kind.and_then(|kind| words.kinds.get(kind)).is_some_and(|k| k.arm_type == "microsoft.keyvault/vaults");
    let mut names: Vec<String> = Vec::new();
    for item in at.items(mistakes) {
        let Some(name) = item.line(mistakes) else { continue };
        let fits_vault = VAULT_NAME_CHARS.contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if is_vault && !fits_vault {
            let help = "3 to 24 letters, digits and hyphens, starting with a letter";
            mistakes.add(item.wrong(BAD_VALUE, format!("`{name}` cannot be the name of a key vault")).help(help));
        } else if name.contains('/') {
            let help = "write the name alone; the subscription follows from the owner and the environment";
            mistakes.add(item.wrong(BAD_VALUE, format!("`{name}` is not a resource's name")).help(help));
        } else if names.iter().any(|other| other.eq_ignore_ascii_case(name)) {
            mistakes.add(item.wrong(DOUBLED_KEY, format!("`{name}` stands here twice")));
        } else {
            names.push(name.to_owned());
        }
    }
    names
}
