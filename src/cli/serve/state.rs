//! What survives a restart: lives of drift, the last runs, the commit that was trusted. `serve.json` of the state folder, version 1.
//!
//! Core types are not serializable; these are. What cannot be read of one entry loses that entry, not the file.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    model::{
        desired::Place,
        ids::{PrincipalId, RoleDefinitionId, ScopeId},
        owner::{EnvironmentName, OwnerCode, RoleName},
    },
    plan::drift::Class,
    watch::{
        By, Commit, Difference, Doer, Entry, Files, Healing, Key, Life, Part, Run, Service, Since, Spent, Trigger,
        Verdict, What,
    },
};

/// The form of the file.
pub(super) const VERSION: u32 = 1;
/// Its name.
pub(super) const NAME: &str = "serve.json";

/// The file.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    /// The last run's number.
    pub(super) number: u64,
    /// The commit from which a tip has to follow.
    pub(super) trusted: Option<String>,
    /// The commit of the last look at all owners.
    pub(super) commit: Option<String>,
    /// When all owners were last looked at, everything read.
    pub(super) looked: Option<Timestamp>,
    /// When a look at all owners last compared.
    pub(super) compared: Option<Timestamp>,
    /// Differences.
    pub(super) lives: Vec<LifeJson>,
    /// The last runs, the newest last.
    pub(super) runs: Vec<RunJson>,
}

/// A difference with its life.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LifeJson {
    class: String,
    owner: Option<String>,
    person: Option<String>,
    scope: Option<String>,
    definition: Option<String>,
    detail: Option<String>,
    environment: Option<String>,
    role: Option<String>,
    who: Option<String>,
    definition_name: Option<String>,
    assignment: Option<String>,
    words: String,
    gist: String,
    remedy: String,
    until: Option<Date>,
    accepted: Option<String>,
    places: Vec<(String, usize, usize)>,
    first_seen: Timestamp,
    last_seen: Timestamp,
    resolved: Option<Timestamp>,
    healed: bool,
    since: SinceJson,
    by: ByJson,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SinceJson {
    At(Timestamp),
    After(Timestamp),
    Unknown,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ByJson {
    NotAsked,
    Somebody { id: Option<String>, name: Option<String> },
    Git,
    Time,
    Unknown(String),
}

/// A run in sums.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RunJson {
    number: u64,
    heals: bool,
    trigger: String,
    owners: Option<Vec<String>>,
    started: Timestamp,
    ended: Timestamp,
    observed: Option<Timestamp>,
    commit: Option<(String, Timestamp)>,
    verdict: String,
    notes: Vec<String>,
    counts: Vec<(String, Option<String>, usize)>,
    git_owners: usize,
    unchanged: usize,
    healing: Option<(usize, usize, usize, usize)>,
    /// How much of the last run was left for another; apart, so that older programs read the rest.
    #[serde(default)]
    healing_deferred: usize,
    cost: BTreeMap<String, (u64, u64)>,
    next_expiry: Option<(Date, String)>,
    unseen: usize,
    /// How many owners' files had errors; none where no file could be read. Older programs kept no such number.
    #[serde(default = "without_errors")]
    with_errors: Option<usize>,
}

#[expect(clippy::unnecessary_wraps, reason = "serde takes a default of the field's own type")]
fn without_errors() -> Option<usize> {
    Some(0)
}

fn text<T: ToString>(value: Option<T>) -> Option<String> {
    value.map(|value| value.to_string())
}

fn arc(value: Option<String>) -> Option<Arc<str>> {
    value.map(Arc::from)
}

impl LifeJson {
    pub(super) fn of(entry: &Entry) -> Self {
        let Difference {
            key,
            environment,
            role,
            who,
            definition_name,
            assignment,
            words,
            gist,
            remedy,
            until,
            accepted,
            places,
        } = &*entry.difference;
        let Key { class, owner, person, scope, definition, detail } = key;
        let Life { first_seen, last_seen, resolved, healed, since, by } = &entry.life;
        Self {
            class: class.word().to_owned(),
            owner: text(*owner),
            person: text(*person),
            scope: text(scope.as_ref()),
            definition: text(*definition),
            detail: text(detail.as_ref()),
            environment: text(environment.as_ref()),
            role: text(role.as_ref()),
            who: text(who.as_ref()),
            definition_name: text(definition_name.as_ref()),
            assignment: text(assignment.as_ref()),
            words: words.to_string(),
            gist: gist.to_string(),
            remedy: remedy.to_string(),
            until: *until,
            accepted: text(accepted.as_ref()),
            places: places.iter().map(|it| (it.file.clone(), it.line, it.column)).collect(),
            first_seen: *first_seen,
            last_seen: *last_seen,
            resolved: *resolved,
            healed: *healed,
            since: match since {
                Since::At(at) => SinceJson::At(*at),
                Since::After(at) => SinceJson::After(*at),
                Since::Unknown => SinceJson::Unknown,
            },
            by: match by {
                By::NotAsked => ByJson::NotAsked,
                By::Somebody(Doer { id, name }) => ByJson::Somebody { id: text(*id), name: text(name.as_ref()) },
                By::Git => ByJson::Git,
                By::Time => ByJson::Time,
                By::Unknown(why) => ByJson::Unknown(why.to_string()),
            },
        }
    }

    /// None where a word is none that this program knows.
    pub(super) fn read(self) -> Option<Entry> {
        /// `Err`: a text that is none of its kind.
        fn id<T>(text: Option<String>, read: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, ()> {
            text.map(|text| read(&text).ok_or(())).transpose()
        }
        let key = Key {
            class: Class::named(&self.class)?,
            owner: id(self.owner, OwnerCode::new).ok()?,
            person: id(self.person, |text| text.parse::<PrincipalId>().ok()).ok()?,
            scope: self.scope.as_deref().map(ScopeId::new),
            definition: id(self.definition, |text| text.parse::<RoleDefinitionId>().ok()).ok()?,
            detail: arc(self.detail),
        };
        let places = self.places.into_iter().map(|(file, line, column)| Place { file, line, column });
        let difference = Difference {
            key,
            environment: self.environment.as_deref().map(EnvironmentName::new),
            role: self.role.as_deref().map(RoleName::new),
            who: arc(self.who),
            definition_name: arc(self.definition_name),
            assignment: arc(self.assignment),
            words: self.words.into(),
            gist: self.gist.into(),
            remedy: self.remedy.into(),
            until: self.until,
            accepted: arc(self.accepted),
            places: places.collect(),
        };
        let life = Life {
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            resolved: self.resolved,
            healed: self.healed,
            since: match self.since {
                SinceJson::At(at) => Since::At(at),
                SinceJson::After(at) => Since::After(at),
                SinceJson::Unknown => Since::Unknown,
            },
            by: match self.by {
                ByJson::NotAsked => By::NotAsked,
                ByJson::Somebody { id, name } => {
                    By::Somebody(Doer { id: id.and_then(|id| id.parse().ok()), name: arc(name) })
                }
                ByJson::Git => By::Git,
                ByJson::Time => By::Time,
                ByJson::Unknown(why) => By::Unknown(why.into()),
            },
        };
        Some(Entry { difference: Arc::new(difference), life })
    }
}

impl RunJson {
    pub(super) fn of(run: &Run) -> Self {
        let Run {
            number,
            what,
            trigger,
            part,
            started,
            ended,
            observed,
            commit,
            verdict,
            notes,
            counts,
            owners,
            unchanged,
            healing,
            cost,
            next_expiry,
            unseen,
            files,
        } = run;
        Self {
            number: *number,
            heals: *what == What::Heal,
            trigger: trigger.word().to_owned(),
            owners: match part {
                Part::Everything => None,
                Part::Owners(owners) => Some(owners.iter().map(ToString::to_string).collect()),
            },
            started: *started,
            ended: *ended,
            observed: *observed,
            commit: commit.as_ref().map(|commit| (commit.hash.to_string(), commit.time)),
            verdict: verdict.word().to_owned(),
            notes: notes.iter().map(ToString::to_string).collect(),
            counts: counts.iter().map(|((class, owner), n)| (class.word().to_owned(), text(*owner), *n)).collect(),
            git_owners: *owners,
            unchanged: *unchanged,
            healing: healing
                .map(|Healing { done, already, failed, refused, deferred: _ }| (done, already, failed, refused)),
            healing_deferred: healing.map_or(0, |healing| healing.deferred),
            cost: cost.iter().map(|(of, it)| (of.word().to_owned(), (it.requests, it.throttled))).collect(),
            next_expiry: next_expiry.map(|(day, owner)| (day, owner.to_string())),
            unseen: *unseen,
            with_errors: match files {
                Files::Read { with_errors } => Some(*with_errors),
                Files::Unreadable => None,
            },
        }
    }

    /// None where a word is none that this program knows.
    pub(super) fn read(self) -> Option<Run> {
        let owners = |all: Vec<String>| all.iter().map(|text| OwnerCode::new(text)).collect::<Option<_>>();
        let counts = self.counts.into_iter().map(|(class, owner, count)| {
            let owner = match owner {
                None => None,
                Some(text) => Some(OwnerCode::new(&text)?),
            };
            Some(((Class::named(&class)?, owner), count))
        });
        let cost = self.cost.iter().map(|(word, (requests, throttled))| {
            let service = Service::ALL.iter().copied().find(|service| service.word() == word)?;
            Some((service, Spent { requests: *requests, throttled: *throttled }))
        });
        Some(Run {
            number: self.number,
            what: if self.heals { What::Heal } else { What::Look },
            trigger: Trigger::ALL.iter().copied().find(|trigger| trigger.word() == self.trigger)?,
            part: match self.owners {
                None => Part::Everything,
                Some(all) => Part::Owners(owners(all)?),
            },
            started: self.started,
            ended: self.ended,
            observed: self.observed,
            commit: self.commit.map(|(hash, time)| Commit { hash: hash.into(), time }),
            verdict: Verdict::ALL.iter().copied().find(|verdict| verdict.word() == self.verdict)?,
            notes: self.notes.into_iter().map(Arc::from).collect(),
            counts: counts.collect::<Option<_>>()?,
            owners: self.git_owners,
            unchanged: self.unchanged,
            healing: self.healing.map(|(done, already, failed, refused)| Healing {
                done,
                already,
                failed,
                refused,
                deferred: self.healing_deferred,
            }),
            cost: cost.collect::<Option<_>>()?,
            next_expiry: match self.next_expiry {
                None => None,
                Some((day, owner)) => Some((day, OwnerCode::new(&owner)?)),
            },
            unseen: self.unseen,
            files: self.with_errors.map_or(Files::Unreadable, |with_errors| Files::Read { with_errors }),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn entry(class: Class, since: Since, by: By) -> Entry {
        let key = Key {
            person: Some(PrincipalId(uuid::Uuid::from_u128(7))),
            scope: Some(ScopeId::new("/subscriptions/X/resourceGroups/rg")),
            definition: Some(RoleDefinitionId(uuid::Uuid::from_u128(8))),
            detail: Some("æ".into()),
            ..Key::new(class, OwnerCode::new("ttd"))
        };
        let difference = Difference {
            key,
            environment: Some(EnvironmentName::new("prod")),
            role: Some(RoleName::new("prod-operations")),
            who: Some("kari.fiktiv@ai-dev.no".into()),
            definition_name: Some("Reader".into()),
            assignment: Some("/x/roleAssignments/y".into()),
            words: "stands".into(),
            gist: "g".into(),
            remedy: "mend it".into(),
            until: Some(Date::constant(2027, 1, 31)),
            accepted: Some("known".into()),
            places: vec![Place { file: "owners/ttd.yaml".to_owned(), line: 8, column: 3 }],
        };
        let life = Life { first_seen: at(1), last_seen: at(2), resolved: Some(at(3)), healed: true, since, by };
        Entry { difference: Arc::new(difference), life }
    }

    #[test]
    fn lives_come_back_whole() {
        let doer = Doer { id: Some(PrincipalId(uuid::Uuid::from_u128(9))), name: Some("ola".into()) };
        let stories = [
            (Since::At(at(0)), By::Somebody(doer)),
            (Since::After(at(0)), By::Unknown("no right".into())),
            (Since::Unknown, By::NotAsked),
            (Since::Unknown, By::Git),
            (Since::Unknown, By::Time),
        ];
        for class in Class::ALL {
            for (since, by) in stories.clone() {
                let entry = entry(*class, since, by);
                let json = serde_json::to_string(&LifeJson::of(&entry)).unwrap();
                assert_eq!(serde_json::from_str::<LifeJson>(&json).unwrap().read(), Some(entry));
            }
        }
    }

    #[test]
    fn runs_come_back_whole() {
        let owner = OwnerCode::new("ttd").unwrap();
        for (trigger, verdict) in Trigger::ALL.iter().zip(Verdict::ALL) {
            let run = Run {
                number: 7,
                what: What::Heal,
                trigger: *trigger,
                part: Part::Owners(BTreeSet::from([owner])),
                started: at(0),
                ended: at(1),
                observed: Some(at(0)),
                commit: Some(Commit { hash: "abc".into(), time: at(0) }),
                verdict: *verdict,
                notes: vec!["n".into()],
                counts: BTreeMap::from([((Class::Missing, Some(owner)), 2), ((Class::Stray, None), 1)]),
                owners: 3,
                unchanged: 4,
                healing: Some(Healing { done: 1, already: 2, failed: 3, refused: 4, deferred: 5 }),
                cost: BTreeMap::from([(Service::Graph, Spent { requests: 5, throttled: 1 })]),
                next_expiry: Some((Date::constant(2027, 1, 31), owner)),
                unseen: 1,
                files: Files::Unreadable,
            };
            let json = serde_json::to_string(&RunJson::of(&run)).unwrap();
            assert_eq!(serde_json::from_str::<RunJson>(&json).unwrap().read(), Some(run));
        }
    }
}
