//! What is known of differences from look to look: what is new, what changed, what is over.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};

use super::{
    difference::Key,
    life::{By, Doer, Entry, Life, Since},
    sight::{Sight, Sighted},
};
use crate::model::ids::PrincipalId;

/// How long one that is over is remembered: for a time line, and to be known again when it comes back. Ours.
pub(super) const RESOLVED_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How many that are over are remembered at most; the oldest go first. Ours: what a page can draw.
pub(super) const RESOLVED_MAX: usize = 10_000;

/// How long one is kept that nobody could look at any more: its subscription is gone. Ours.
pub(super) const UNSEEN_KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// What is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    open: BTreeMap<Key, Entry>,
    over: Vec<Entry>,
    /// When all owners were last looked at.
    looked: Option<Timestamp>,
}

/// What a look changed in what is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// What happened.
    pub turn: Turn,
    /// The difference, with its life after the look.
    pub entry: Entry,
}

/// What happened to a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// It is there, and was not before.
    New,
    /// It is still there, and says something else: another condition, fewer days left, accepted now.
    Changed,
    /// It is over.
    Resolved,
}

impl Memory {
    /// What was kept: those that are there, those that are over, and when all was last looked at.
    #[must_use]
    pub fn restored(entries: impl IntoIterator<Item = Entry>, looked: Option<Timestamp>) -> Self {
        let (open, mut over): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(|entry| entry.life.is_open());
        over.sort_by_key(|entry| entry.life.resolved);
        let open = open.into_iter().map(|entry| (entry.difference.key.clone(), entry)).collect();
        Self { open, over, looked }
    }

    /// Those that are there, by key.
    #[must_use]
    pub fn open(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.open.values()
    }

    /// Those that are over, the oldest first.
    #[must_use]
    pub fn over(&self) -> &[Entry] {
        &self.over
    }

    /// One that is there.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Entry> {
        self.open.get(key)
    }

    /// When all owners were last looked at.
    #[must_use]
    pub fn looked(&self) -> Option<Timestamp> {
        self.looked
    }

    /// Takes in a look that began at `now`, and says what it changes, by key.
    pub fn saw(&mut self, now: Timestamp, sight: &Sight) -> Vec<News> {
        let before = self.looked;
        let mut news = Vec::new();
        let seen: BTreeSet<&Key> = sight.differences.iter().map(|sighted| &sighted.difference.key).collect();
        for sighted in &sight.differences {
            news.extend(self.sighted(now, before, sighted));
        }
        let gone: Vec<Key> = self
            .open
            .iter()
            .filter(|(key, entry)| {
                let forgotten = now.duration_since(entry.life.last_seen) > UNSEEN_KEPT;
                !seen.contains(key) && (sight.coverage.holds(key) || forgotten)
            })
            .map(|(key, _)| key.clone())
            .collect();
        news.extend(gone.iter().filter_map(|key| self.end(now, key, false)));
        if sight.coverage.is_whole() {
            self.looked = Some(now);
        }
        self.forget(now);
        news.sort_by(|a, b| a.entry.difference.key.cmp(&b.entry.difference.key));
        news
    }

    /// These were healed: they are over.
    pub fn healed<'a>(&mut self, now: Timestamp, keys: impl IntoIterator<Item = &'a Key>) -> Vec<News> {
        keys.into_iter().filter_map(|key| self.end(now, key, true)).collect()
    }

    /// Object ids of those who did something that is new, and whose names are not known.
    #[must_use]
    pub fn nameless(&self, news: &[News]) -> BTreeSet<PrincipalId> {
        let entries = news.iter().filter_map(|news| self.open.get(&news.entry.difference.key));
        let ids = entries.filter_map(|entry| match &entry.life.by {
            By::Somebody(Doer { id, name: None }) => *id,
            _ => None,
        });
        ids.collect()
    }

    /// The names of some who did something.
    pub fn named(&mut self, names: &BTreeMap<PrincipalId, Arc<str>>) {
        for entry in self.open.values_mut() {
            if let By::Somebody(doer @ Doer { name: None, .. }) = &mut entry.life.by {
                doer.name = doer.id.and_then(|id| names.get(&id)).cloned();
            }
        }
    }

    /// News as they are known now: what was learnt since is in them.
    #[must_use]
    pub fn told_again(&self, news: Vec<News>) -> Vec<News> {
        let again = |News { turn, entry }| {
            let entry = self.open.get(&entry.difference.key).cloned().unwrap_or(entry);
            News { turn, entry }
        };
        news.into_iter().map(|it| if it.turn == Turn::Resolved { it } else { again(it) }).collect()
    }

    /// What was found out about one: since when, and by whom.
    pub fn learnt(&mut self, key: &Key, since: Option<Since>, by: By) {
        if let Some(entry) = self.open.get_mut(key) {
            entry.life.since = since.unwrap_or(entry.life.since);
            entry.life.by = by;
        }
    }

    fn sighted(&mut self, now: Timestamp, before: Option<Timestamp>, sighted: &Sighted) -> Option<News> {
        let Sighted { difference, since, by } = sighted;
        let Some(entry) = self.open.get_mut(&difference.key) else {
            let since = since.unwrap_or_else(|| before.map_or(Since::Unknown, Since::After));
            let life = Life { first_seen: now, last_seen: now, resolved: None, healed: false, since, by: by.clone() };
            let entry = Entry { difference: difference.clone(), life };
            self.open.insert(difference.key.clone(), entry.clone());
            return Some(News { turn: Turn::New, entry });
        };
        entry.life.last_seen = now;
        if entry.difference == *difference {
            return None;
        }
        let told = difference.is_news_beside(&entry.difference);
        entry.difference = difference.clone();
        told.then(|| News { turn: Turn::Changed, entry: entry.clone() })
    }

    fn end(&mut self, now: Timestamp, key: &Key, healed: bool) -> Option<News> {
        let mut entry = self.open.remove(key)?;
        (entry.life.resolved, entry.life.healed) = (Some(now), healed);
        self.over.push(entry.clone());
        Some(News { turn: Turn::Resolved, entry })
    }

    fn forget(&mut self, now: Timestamp) {
        let kept = |entry: &Entry| entry.life.resolved.is_some_and(|at| now.duration_since(at) <= RESOLVED_KEPT);
        self.over.retain(kept);
        let surplus = self.over.len().saturating_sub(RESOLVED_MAX);
        self.over.drain(..surplus);
    }
}
