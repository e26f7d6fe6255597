//! What git says at one commit, as plain data, and the YAML it is written as.
//!
//! The reference model reads this data; the program reads the YAML.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use jiff::{Timestamp, ToSpan, civil::Date};
use tilgang::model::ids::UserName;
use uuid::Uuid;

use super::{
    choices::Choices,
    universe::{
        AGENCY_NAME, AGENCY_SECRETS, FORMER, GROUP, INSTANCE, MISSPELT, OWNERS, PEOPLE, READER_OF_LOGS,
        SECRETS_OFFICER, SECRETS_USER, TENANT, other_id, short, user_id,
    },
};

/// One commit.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a line of tilgang.yaml that stands there or not")]
pub struct Git {
    pub committed: Timestamp,
    /// What the role `operations` gives, and whether what it gave before is retired.
    pub catalogue: Catalogue,
    /// The names of vaults: `{owner}-{env}-keyvault`, or `-kv2` since the rule was changed.
    pub renamed: bool,
    /// Production of all owners lies in one subscription, and two owners name one vault.
    pub shared: bool,
    /// `ttd` names two vaults of its own in production.
    pub two_vaults: bool,
    /// `k1103` has no production.
    pub test_only: bool,
    /// The instance was called otherwise before.
    pub former: bool,
    /// The instance is misspelt.
    pub misspelt: bool,
    pub revokes_unmanaged: bool,
    pub limits: Limits,
    pub protected: Vec<String>,
    /// Who else is protected.
    pub guard: Guard,
    pub freeze: Option<Dated>,
    /// An override: no limits for whom it names.
    pub raised: Option<Dated>,
    /// How many an owner may list with `prod-operations`.
    pub holders_max: Option<usize>,
    pub accepts_unmanaged: bool,
    /// Guests, and disabled accounts, get nothing new.
    pub blocks_guests: bool,
    pub blocks_disabled: bool,
    /// How many days ahead `prod-operations` may state its last.
    pub longest: Option<i64>,
    /// Whether a group, `tilgang-{owner}`, proves that people belong to an owner.
    pub member_of: bool,
    pub files: BTreeMap<&'static str, File>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Catalogue {
    /// As shipped.
    BuiltIn,
    /// `operations` gives Secrets User; Secrets Officer is retired.
    Retired,
    /// The same, and nobody thought of `retired`.
    Forgotten,
    /// A further role, `lead`, gives both.
    WithLead,
    /// `operations` gives a role definition of the agency's own, and says what it may.
    Custom,
}

/// A rule for an owner, or for all, until a day. `all`: a freeze that stops grants, too.
#[derive(Clone, Copy, Debug)]
pub struct Dated {
    pub all: bool,
    pub owner: Option<&'static str>,
    pub until: Date,
}

/// Who is protected beside those who are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    Nobody,
    Group(&'static str),
    Id(Uuid),
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub max: usize,
    pub per_owner: usize,
    pub prod_per_owner: usize,
    pub share: usize,
    pub expiries: usize,
}

/// The state of an owner's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum File {
    Read(Vec<Entry>),
    Removed,
    Missing,
    /// It has an error; what it would say otherwise.
    Broken(Vec<Entry>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Who is meant, by number.
    pub person: usize,
    pub name: String,
    pub id: Option<Uuid>,
    /// It does not say that other owners list the person, too.
    pub apart: bool,
    pub roles: Vec<Role>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    pub name: &'static str,
    pub until: Option<Date>,
    pub ticket: bool,
}

pub const ROLES: [(&str, &str, &str); 6] = [
    ("test-developer", "test", "developer"),
    ("test-operations", "test", "operations"),
    ("prod-developer", "prod", "developer"),
    ("prod-operations", "prod", "operations"),
    ("test-lead", "test", "lead"),
    ("prod-lead", "prod", "lead"),
];

impl Git {
    /// The first commit.
    pub fn first(choices: &Choices, committed: Timestamp) -> Self {
        let git = Self {
            committed,
            catalogue: Catalogue::BuiltIn,
            renamed: false,
            shared: false,
            two_vaults: false,
            test_only: false,
            former: false,
            misspelt: false,
            revokes_unmanaged: false,
            limits: Limits { max: 99, per_owner: 99, prod_per_owner: 99, share: 100, expiries: 99 },
            protected: Vec::new(),
            guard: Guard::Nobody,
            freeze: None,
            raised: None,
            holders_max: None,
            accepts_unmanaged: false,
            blocks_guests: false,
            blocks_disabled: false,
            longest: None,
            member_of: false,
            files: OWNERS.map(|owner| (owner, File::Read(Vec::new()))).into(),
        };
        git.changed(choices, "git0", committed, &PEOPLE.map(ToOwned::to_owned), true)
    }

    /// The next one: what is not decided anew stays. `names`: what people are called; whoever writes an entry uses that.
    pub fn next(&self, choices: &Choices, at: &str, committed: Timestamp, names: &[String]) -> Self {
        self.changed(choices, at, committed, names, false)
    }

    fn changed(&self, choices: &Choices, at: &str, committed: Timestamp, names: &[String], first: bool) -> Self {
        let mut git = Self { committed, ..self.clone() };
        let today = committed.to_zoned(jiff::tz::TimeZone::UTC).date();
        let name = |what: &str| format!("{at}/{what}");
        git.misspelt = choices.rarely(&name("misspelt"), 8);
        let settings = first || choices.rarely(&name("settings"), 40);
        if settings {
            git.catalogue = match choices.pick(&name("catalogue"), &[6, 2, 1, 2]) {
                0 => Catalogue::BuiltIn,
                1 => Catalogue::Retired,
                2 => Catalogue::Forgotten,
                _ => Catalogue::WithLead,
            };
            if choices.rarely(&name("agency"), 20) {
                git.catalogue = Catalogue::Custom;
            }
            git.renamed = choices.rarely(&name("renamed"), 15);
            git.shared = choices.rarely(&name("shared"), 12);
            git.two_vaults = choices.rarely(&name("two-vaults"), 20);
            git.test_only = choices.rarely(&name("test-only"), 30);
            git.former = choices.rarely(&name("former"), 30);
            git.revokes_unmanaged = choices.rarely(&name("unmanaged"), 35);
            git.accepts_unmanaged = choices.rarely(&name("accept"), 20);
            let protected: &[&str] = match choices.pick(&name("protected"), &[6, 3, 2, 1]) {
                0 => &[],
                1 => &[PEOPLE[5]],
                2 => &[PEOPLE[5], PEOPLE[0]],
                _ => &["nobody.known@ai-dev.no"],
            };
            git.protected = protected.iter().map(ToString::to_string).collect();
            git.guard = match choices.pick(&name("guard"), &[40, 2, 2, 1, 1]) {
                0 => Guard::Nobody,
                1 => Guard::Group("platform-team"),
                2 => Guard::Id(user_id(5)),
                3 => Guard::Group("nobody-at-all"),
                _ => Guard::Id(Uuid::from_u128(0xdead)),
            };
            let dated = |what: &str| {
                let owner = match choices.below(&name(&format!("{what}/owner")), 4) {
                    3 => None,
                    n => Some(OWNERS[n]),
                };
                let until = today + [20, -1][choices.pick(&name(&format!("{what}/ended")), &[4, 1])].days();
                Dated { all: choices.rarely(&name(&format!("{what}/all")), 50), owner, until }
            };
            git.freeze = choices.rarely(&name("freeze"), 8).then(|| dated("freeze"));
            git.raised = choices.rarely(&name("override"), 15).then(|| dated("override"));
            git.holders_max = choices.rarely(&name("holders"), 10).then(|| choices.below(&name("holders/max"), 3) + 1);
            git.blocks_guests = choices.rarely(&name("block-guests"), 12);
            git.blocks_disabled = choices.rarely(&name("block-disabled"), 12);
            git.longest = choices.rarely(&name("longest"), 10).then_some(30);
            git.member_of = choices.rarely(&name("member-of"), 12);
            let or = |what: &str, calm: usize, others: &[usize]| {
                let mut weights = vec![7];
                weights.extend(others.iter().map(|_| 1));
                let picked = choices.pick(&format!("{at}/limit/{what}"), &weights);
                if picked == 0 { calm } else { others[picked - 1] }
            };
            git.limits = Limits {
                max: or("max", 99, &[0, 2, 5]),
                per_owner: or("per-owner", 99, &[0, 1, 3]),
                prod_per_owner: or("prod", 99, &[0, 1, 2]),
                share: or("share", 100, &[0, 10, 25]),
                expiries: or("expiries", 99, &[0, 1]),
            };
        }
        for owner in OWNERS {
            if !first && !choices.rarely(&format!("{at}/{owner}"), 50) {
                continue;
            }
            let old = match &self.files[owner] {
                File::Read(old) | File::Broken(old) => old.clone(),
                File::Removed | File::Missing => Vec::new(),
            };
            let entries = entries(choices, &format!("{at}/{owner}"), &git, (&old, names), today);
            let state = choices.pick(&format!("{at}/{owner}/file"), if first { &[12, 1, 1, 1] } else { &[8, 2, 2, 2] });
            let file = match state {
                0 => File::Read(entries),
                1 => File::Removed,
                2 => File::Missing,
                _ => File::Broken(entries),
            };
            git.files.insert(owner, file);
        }
        git.fit(today);
        if git.files.values().all(|file| *file == File::Missing) {
            git.files.insert(OWNERS[0], File::Read(Vec::new())); // a workspace without owners is an error, and no schedule
        }
        git
    }

    /// Makes the files fit the rules of the workspace: what does not is an error of its file, and that state is made elsewhere.
    fn fit(&mut self, today: Date) {
        let git = self;
        // A role that may not last for ever states its last day: else that is an error of the file.
        for file in git.files.values_mut() {
            let (File::Read(entries) | File::Broken(entries)) = file else { continue };
            let roles = entries.iter_mut().flat_map(|entry| &mut entry.roles);
            for role in roles.filter(|role| git.longest.is_some() && role.name == "prod-operations") {
                role.until = role.until.or(Some(today + 40.days()));
            }
        }
        // A role that the catalogue does not know is an error of the file: that state is made above.
        for file in git.files.values_mut() {
            if let (File::Read(entries) | File::Broken(entries), true) = (file, git.catalogue != Catalogue::WithLead) {
                for entry in entries.iter_mut() {
                    entry.roles.retain(|role| !role.name.ends_with("lead"));
                }
                entries.retain(|entry| !entry.roles.is_empty());
            }
        }
        if let (Some(File::Read(entries) | File::Broken(entries)), true) = (git.files.get_mut("k1103"), git.test_only) {
            for entry in entries.iter_mut() {
                entry.roles.retain(|role| role.name.starts_with("test"));
            }
            entries.retain(|entry| !entry.roles.is_empty());
        }
    }

    /// What the instance is called.
    pub fn instance(&self) -> &'static str {
        if self.misspelt { MISSPELT } else { INSTANCE }
    }

    /// Who is listed in an owner's file by which names; nothing where there is no file.
    pub fn names(&self, owner: &str) -> Option<BTreeSet<UserName>> {
        match &self.files[owner] {
            File::Missing => None,
            File::Removed => Some(BTreeSet::new()),
            File::Read(entries) | File::Broken(entries) => {
                Some(entries.iter().map(|entry| UserName::new(&entry.name)).collect())
            }
        }
    }

    /// An owner that has no file is not one that a rule can name.
    fn known(&self, rule: Option<Dated>) -> Option<Dated> {
        rule.filter(|rule| rule.owner.is_none_or(|owner| self.files[owner] != File::Missing))
    }

    fn holds(&self, rule: Option<Dated>, owner: &str, today: Date) -> bool {
        self.known(rule).is_some_and(|rule| rule.until >= today && rule.owner.is_none_or(|it| it == owner))
    }

    /// Whether a freeze stops this.
    pub fn is_frozen(&self, owner: &str, is_removal: bool, today: Date) -> bool {
        self.holds(self.freeze.filter(|freeze| freeze.all || is_removal), owner, today)
    }

    /// Whether an override lifts the limits here.
    pub fn is_raised(&self, owner: &str, today: Date) -> bool {
        self.holds(self.raised, owner, today)
    }

    /// The files of the workspace.
    pub fn texts(&self) -> Vec<(String, String)> {
        let mut files = vec![("tilgang.yaml".to_owned(), self.settings())];
        if let Some(Dated { owner, until, .. }) = self.known(self.raised) {
            let owners = owner.map_or("owners: all".to_owned(), |owner| format!("owners: [{owner}]"));
            // What is raised must be higher than it was.
            let share = if self.limits.share < 100 { ", share: 100%" } else { "" };
            let limits = format!(
                "revokes: {{ max: 999, per_owner: 999, prod_per_owner: 999{share} }}\nexpiries: {{ max: 999 }}"
            );
            let text = format!("reason: a move\nticket: OPS-1\nuntil: {until}\n{owners}\n{limits}\n");
            files.push(("overrides/move.yaml".to_owned(), text));
        }
        for (owner, file) in &self.files {
            let text = match file {
                File::Missing => continue,
                File::Removed => format!("owner: {owner}\nremoved: true\n"),
                File::Read(entries) => users(owner, entries),
                File::Broken(entries) => format!("{}surprise: true\n", users(owner, entries)),
            };
            files.push((format!("owners/{owner}.yaml"), text));
        }
        files
    }

    fn settings(&self) -> String {
        let mut text = format!("version: 1\ntenant: {TENANT}\ninstance: {}\n", self.instance());
        if self.member_of {
            text.push_str("users: { member_of: \"tilgang-{owner}\" }\n");
        }
        if self.former {
            let _ = writeln!(text, "former_instances: [{FORMER}]");
        }
        if self.shared {
            text.push_str("environments:\n  prod: { subscription: Altinn-Shared }\n");
        }
        let vault = if self.renamed { "kv2" } else { "keyvault" };
        let tags = if self.shared { "platform: altinn" } else { "finops_serviceownercode: \"{owner}\"" };
        let _ =
            writeln!(text, "resources:\n  key-vault: {{ name: \"{{owner}}-{{env}}-{vault}\", tags: {{ {tags} }} }}");
        match self.catalogue {
            Catalogue::BuiltIn => {}
            Catalogue::Retired | Catalogue::Forgotten => {
                let _ = writeln!(
                    text,
                    "roles:\n  operations:\n    may: read secrets\n    gives: [{{ on: key-vault, definition: {SECRETS_USER}, name: Key Vault Secrets User }}]"
                );
            }
            Catalogue::Custom => {
                let _ = writeln!(
                    text,
                    "roles:\n  operations:\n    may: read secrets\n    gives: [{{ on: key-vault, definition: {AGENCY_SECRETS}, name: {AGENCY_NAME} }}]"
                );
            }
            Catalogue::WithLead => {
                let _ = writeln!(
                    text,
                    "roles:\n  lead:\n    title: Lead\n    gives:\n      - {{ on: application-insights, definition: {READER_OF_LOGS} }}\n      - {{ on: key-vault, definition: {SECRETS_OFFICER} }}"
                );
            }
        }
        if self.catalogue == Catalogue::Retired {
            let _ =
                writeln!(text, "retired: [{{ on: key-vault, definition: {SECRETS_OFFICER}, name: Secrets Officer }}]");
        }
        let mut owners = Vec::new();
        if self.shared {
            owners.push("  skd: { resources: { prod: { key-vault: [shared-kv] } } }".to_owned());
            owners.push("  ttd: { resources: { prod: { key-vault: [shared-kv] } } }".to_owned());
        } else if self.two_vaults {
            owners.push("  ttd: { resources: { prod: { key-vault: [ttd-prod-keyvault, ttd-prod-kv2] } } }".to_owned());
        }
        if self.test_only {
            owners.push("  k1103: { environments: [test] }".to_owned());
        }
        if !owners.is_empty() {
            let _ = writeln!(text, "owners:\n{}", owners.join("\n"));
        }
        let unmanaged = if self.revokes_unmanaged { "revoke" } else { "report" };
        let Limits { max, per_owner, prod_per_owner, share, expiries } = self.limits;
        let _ = writeln!(
            text,
            "policy:\n  unmanaged: {unmanaged}\n  revokes: {{ max: {max}, per_owner: {per_owner}, prod_per_owner: {prod_per_owner}, share: {share}% }}\n  expiries: {{ max: {expiries} }}"
        );
        let guard = match self.guard {
            Guard::Nobody => None,
            Guard::Group(name) => Some(format!("{{ group: {name} }}")),
            Guard::Id(id) => Some(format!("{{ id: {id} }}")),
        };
        let protected: Vec<String> = self.protected.iter().cloned().chain(guard).collect();
        if !protected.is_empty() {
            let _ = writeln!(text, "  protected: [{}]", protected.join(", "));
        }
        if let Some(Dated { all, owner, until }) = self.known(self.freeze) {
            let owner = owner.map(|owner| format!(", owner: {owner}")).unwrap_or_default();
            let what = if all { "all" } else { "removals" };
            let _ = writeln!(text, "  freeze: [{{ what: {what}, until: {until}, reason: a holiday{owner} }}]");
        }
        if let Some(max) = self.holders_max {
            let _ = writeln!(text, "  holders_max: {{ prod-operations: {max} }}");
        }
        if let Some(days) = self.longest {
            let _ = writeln!(text, "  longest: {{ prod-operations: {days}d }}");
        }
        let block = [("guest", self.blocks_guests), ("disabled", self.blocks_disabled)];
        let block: Vec<&str> = block.iter().filter(|(_, is)| *is).map(|(word, _)| *word).collect();
        if !block.is_empty() {
            let _ = writeln!(text, "  block: [{}]", block.join(", "));
        }
        if self.accepts_unmanaged {
            text.push_str("  accept: [{ code: unmanaged, reason: known }]\n");
        }
        text
    }
}

fn users(owner: &str, entries: &[Entry]) -> String {
    let mut text = format!("owner: {owner}\nname: Fiktivdirektoratet\n");
    text.push_str(if entries.is_empty() { "users: []\n" } else { "users:\n" });
    for Entry { person: _, name, id, apart, roles } in entries {
        let _ = writeln!(text, "  - user: {name}");
        let others: Vec<&str> = OWNERS.into_iter().filter(|other| *other != owner).collect();
        if !apart {
            let _ = writeln!(text, "    also_at: [{}]", others.join(", "));
        }
        if let Some(id) = id {
            let _ = writeln!(text, "    id: {id}");
        }
        text.push_str("    roles:\n");
        for Role { name, until, ticket } in roles {
            let _ = writeln!(text, "      - role: {name}");
            if let Some(until) = until {
                let _ = writeln!(text, "        until: {until}");
            }
            if *ticket {
                text.push_str("        ticket: TTD-1\n");
            }
        }
    }
    text
}

/// Who is listed. In a later commit each person's entry stays as it was unless decided otherwise.
fn entries(choices: &Choices, at: &str, git: &Git, (old, names): (&[Entry], &[String]), today: Date) -> Vec<Entry> {
    let first = old.is_empty();
    let mut entries = Vec::new();
    for (n, person) in PEOPLE.iter().enumerate() {
        let at = format!("{at}/{}", short(person));
        let theirs = || old.iter().filter(|entry| entry.person == n);
        if !first && !choices.rarely(&at, 40) {
            entries.extend(theirs().cloned());
            continue;
        }
        // Somebody writes the new name, and leaves the old one where it is.
        if let Some(old) = theirs().find(|entry| entry.name != names[n])
            && choices.rarely(&format!("{at}/both"), 50)
        {
            entries.push(Entry { id: None, ..old.clone() });
        }
        let roles: Vec<Role> = ROLES
            .iter()
            .filter(|(_, _, base)| *base != "lead" || git.catalogue == Catalogue::WithLead)
            .filter_map(|(role, ..)| {
                let until = match choices.pick(&format!("{at}/{role}"), &[8, 5, 1, 1, 1, 1]) {
                    0 => return None,
                    1 => None,
                    2 => Some(today + 3.days()),
                    3 => Some(today + 40.days()),
                    4 => Some(today - 2.days()),
                    _ => Some(today - 90.days()),
                };
                let ticket = choices.rarely(&format!("{at}/{role}/ticket"), 15);
                Some(Role { name: role, until, ticket })
            })
            .collect();
        if roles.is_empty() {
            continue;
        }
        let id = match choices.pick(&format!("{at}/id"), &[10, 8, 1, 1, 1]) {
            0 => None,
            1 => Some(user_id(n)),
            2 => Some(other_id(n)),
            3 => Some(Uuid::from_u128(0xdead_0000 + n as u128)),
            _ => Some(GROUP),
        };
        let apart = choices.rarely(&format!("{at}/apart"), 4);
        entries.push(Entry { person: n, name: names[n].clone(), id, apart, roles });
    }
    // An object id stands once in a file.
    let groups = entries.iter_mut().filter(|entry| entry.id == Some(GROUP)).skip(1);
    groups.for_each(|entry| entry.id = None);
    entries
}
