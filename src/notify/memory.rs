//! What each channel was told, and the outbox; what a run changes in both.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    calendar,
    found::GIT,
    item::{Event, Found, Happened, Item},
    outbox::{Answer, Done, EVENTS_MAX, Kind, Notice, Outbox, Outcome, Pending},
};
use crate::model::{
    notify::{Addressee, Channel, Notify, Target, Topic, is_address},
    owner::OwnerCode,
};

/// The id of what is told when runs fail.
const FAILING: &str = "run";

/// Whom to tell: `notify` of `tilgang.yaml`, and where owners can be reached.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Routes {
    /// The channels, and when they are quiet.
    pub notify: Notify,
    /// The contact of each owner that has one.
    pub contacts: BTreeMap<OwnerCode, String>,
}

impl Routes {
    /// Owners that a channel is to write to, and that have no address: they hear nothing of it.
    #[must_use]
    pub fn unreachable<'a>(&self, owners: impl IntoIterator<Item = &'a OwnerCode>) -> Vec<OwnerCode> {
        let to_contact = |channel: &Channel, owner: &OwnerCode| {
            let Target::Email(mail) = &channel.target else { return false };
            mail.to.contains(&Addressee::Contact) && channel.owners.as_ref().is_none_or(|only| only.contains(owner))
        };
        let reached = |owner: &OwnerCode| self.contacts.get(owner).is_some_and(|contact| is_address(contact));
        let owners = owners.into_iter().filter(|owner| !reached(owner));
        owners.filter(|owner| self.notify.channels.iter().any(|channel| to_contact(channel, owner))).copied().collect()
    }

    /// Whether a channel is told of an item at all.
    fn wants(channel: &Channel, item: &Item) -> bool {
        let Channel { name: _, target, classes, owners, environments } = channel;
        let owner = item.owner.as_deref().and_then(OwnerCode::new);
        let environment = item.environment.as_deref();
        // Failing runs are everybody's trouble, whatever else the channel is for.
        let all = item.topic == Topic::Failing;
        !matches!(target, Target::Ping(_))
            && classes.as_ref().is_none_or(|only| only.contains(&item.topic))
            && (all || owners.as_ref().is_none_or(|only| owner.is_some_and(|owner| only.contains(&owner))))
            && (all || environments.as_ref().is_none_or(|only| environment.is_some_and(|name| only.contains(name))))
    }

    /// Who is told of an item through a channel: `None` stands for whoever reads it.
    fn addressees(&self, channel: &Channel, item: &Item) -> BTreeSet<Option<String>> {
        if !Self::wants(channel, item) {
            return BTreeSet::new();
        }
        let Target::Email(mail) = &channel.target else { return BTreeSet::from([None]) };
        let owner = item.owner.as_deref().and_then(OwnerCode::new);
        let contact = owner.and_then(|owner| self.contacts.get(&owner)).filter(|contact| is_address(contact));
        let to = mail.to.iter().filter_map(|to| match to {
            Addressee::Contact => contact.cloned(),
            Addressee::Address(address) => Some(address.clone()),
        });
        to.map(Some).collect()
    }

    /// When a notice may go out: what failed by day, or was not sent because nobody was there to do it, waits for the morning.
    fn goes(&self, notice: &Notice, at: Timestamp) -> Timestamp {
        let (Some(quiet), Some(channel)) = (&self.notify.quiet, self.notify.channel(&notice.channel)) else {
            return at;
        };
        let hurried = notice.events.iter().any(|event| quiet.except.contains(&event.item.topic));
        let waits = match notice.kind {
            Kind::Changes => !hurried,
            Kind::Digest => true,
            Kind::Alive | Kind::Test => false,
        };
        if waits && channel.target.is_for_people() { calendar::awake(quiet, &self.notify.zone(), at) } else { at }
    }

    /// When a channel may be told of such a thing.
    fn due(&self, channel: &Channel, topic: Option<Topic>, zone: &TimeZone, now: Timestamp) -> Timestamp {
        match &self.notify.quiet {
            Some(quiet) if channel.target.is_for_people() && !topic.is_some_and(|it| quiet.except.contains(&it)) => {
                calendar::awake(quiet, zone, now)
            }
            _ => now,
        }
    }
}

/// What was told already, and what is still to be. Survives a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    #[serde(default)]
    channels: BTreeMap<String, Told>,
    #[serde(default)]
    outbox: Outbox,
}

/// What a channel was told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    /// What stands open, as far as it was told, by id.
    open: BTreeMap<String, Known>,
    /// The last time that its digest was due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    item: Item,
    /// Of what ends soon, the gravest stage that was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stage: Option<i32>,
}

/// What is to be told through a channel, by addressee and whether it can wait.
type Letters = BTreeMap<(Option<String>, Timestamp), Vec<Event>>;

impl Memory {
    /// Takes in what a run found: what changed for a channel becomes a notice. Says whether anything is to be kept.
    pub fn heard(&mut self, found: &Found, routes: &Routes) -> bool {
        let before = self.outbox.made;
        let mut changed = self.forget(routes, found.at);
        let zone = routes.notify.zone();
        for channel in &routes.notify.channels {
            if matches!(channel.target, Target::Ping(_)) {
                // A run that rests on an old git, or on one that nobody reviewed, is no sign that all is well.
                if found.items.is_some() && found.git.is_none() {
                    let when = (found.at, found.at, found.run);
                    self.outbox.post((&channel.name, None), Kind::Alive, when, Vec::new());
                }
                continue;
            }
            let told = self.channels.entry(channel.name.clone()).or_default();
            let mut letters = Letters::new();
            for event in told.heard(found, |item| !routes.addressees(channel, item).is_empty()) {
                changed = true;
                let due = routes.due(channel, Some(event.item.topic), &zone, found.at);
                for to in routes.addressees(channel, &event.item) {
                    letters.entry((to, due)).or_default().push(event.clone());
                }
            }
            for ((to, due), events) in letters {
                let when = (found.at, due, found.run);
                self.outbox.post((&channel.name, to.as_deref()), Kind::Changes, when, events);
            }
        }
        self.digests(routes, found.at, found.run) || changed || self.outbox.made != before
    }

    /// Time has passed: digests. Says whether anything is to be kept.
    pub fn tick(&mut self, routes: &Routes, now: Timestamp) -> bool {
        let forgot = self.forget(routes, now);
        self.digests(routes, now, 0) || forgot
    }

    fn digests(&mut self, routes: &Routes, now: Timestamp, run: u64) -> bool {
        let Some(digest) = routes.notify.digest else { return false };
        let zone = routes.notify.zone();
        let Some(slot) = calendar::last_digest(digest, &zone, now) else { return false };
        let mut changed = false;
        for channel in routes.notify.channels.iter().filter(|channel| channel.target.is_for_people()) {
            let told = self.channels.entry(channel.name.clone()).or_default();
            let last = told.digest.replace(slot);
            changed |= last != Some(slot);
            // A channel that is new has just been told everything.
            if last.is_none_or(|last| last >= slot) {
                continue;
            }
            let mut letters: BTreeMap<Option<String>, Vec<Event>> = BTreeMap::new();
            let mut open: Vec<&Item> = told.open.values().map(|known| &known.item).collect();
            open.sort_by_key(|item| (item.topic, &item.owner, &item.who));
            for item in open {
                let event = Event { happened: Happened::Open, at: now, item: item.clone() };
                for to in routes.addressees(channel, item) {
                    letters.entry(to).or_default().push(event.clone());
                }
            }
            let due = routes.due(channel, None, &zone, now);
            for (to, events) in letters {
                self.outbox.post((&channel.name, to.as_deref()), Kind::Digest, (now, due, run), events);
            }
        }
        changed
    }

    /// Channels that are gone are forgotten, and what was meant for them.
    fn forget(&mut self, routes: &Routes, now: Timestamp) -> bool {
        let (channels, pending) = (self.channels.len(), self.outbox.pending.len());
        self.channels.retain(|name, _| routes.notify.channel(name).is_some());
        self.outbox.keep(now, |notice| routes.notify.channel(&notice.channel).is_some());
        (channels, pending) != (self.channels.len(), self.outbox.pending.len())
    }

    /// What is due, the first of each channel and addressee.
    #[must_use]
    pub fn due(&self, routes: &Routes, now: Timestamp) -> Vec<Uuid> {
        self.outbox.due(now, |notice| routes.goes(notice, now) > now)
    }

    /// When to look again: the next notice that is due where nothing is under way, or the next digest.
    #[must_use]
    pub fn wake(&self, routes: &Routes, now: Timestamp, under_way: &BTreeSet<Uuid>) -> Option<Timestamp> {
        let people = routes.notify.channels.iter().any(|channel| channel.target.is_for_people());
        let digest = routes.notify.digest.filter(|_| people);
        let digest = digest.and_then(|digest| calendar::next_digest(digest, &routes.notify.zone(), now));
        self.outbox.next(under_way, |it| routes.goes(&it.notice, it.due.max(now))).into_iter().chain(digest).min()
    }

    /// A notice is about to be sent. To be kept before it is.
    pub fn begin(&mut self, id: Uuid, now: Timestamp) -> Option<Notice> {
        self.outbox.begin(id, now)
    }

    /// What its channel answered. To be kept at once.
    pub fn answered(&mut self, id: Uuid, now: Timestamp, answer: Answer) -> Option<Outcome> {
        self.outbox.answered(id, now, answer)
    }

    /// What was not answered yet.
    #[must_use]
    pub fn pending(&self) -> &[Pending] {
        &self.outbox.pending
    }

    /// The last notices that are done, the oldest first.
    #[must_use]
    pub fn done(&self) -> &[Done] {
        &self.outbox.done
    }

    /// How many events a notice can hold.
    #[must_use]
    pub const fn events_max() -> usize {
        EVENTS_MAX
    }
}

impl Told {
    /// What this channel has to be told of what was found, gravest first; from here on it counts as told.
    fn heard(&mut self, found: &Found, wanted: impl Fn(&Item) -> bool) -> Vec<Event> {
        let mut events = Vec::new();
        let mut tell = |happened, item: &Item| events.push(Event { happened, at: found.at, item: item.clone() });
        // What is no longer routed here is not over: it is somebody else's.
        self.open.retain(|_, known| wanted(&known.item));
        let (failing, git) = (found.failing.as_deref().map(failing), found.git_item());
        let seen: BTreeMap<&str, &Item> =
            found.items.iter().flatten().chain(&failing).chain(&git).map(|it| (&*it.id, it)).collect();
        for (key, item) in &seen {
            if !wanted(item) {
                // It may have been wanted before, in another class or environment.
                self.open.remove(*key);
                continue;
            }
            let stage = item.stage();
            let Some(known) = self.open.get_mut(*key) else {
                tell(if stage.is_some() { Happened::Ends } else { Happened::New }, item);
                self.open.insert((*key).to_owned(), Known { item: (*item).clone(), stage });
                continue;
            };
            let graver = stage.is_some_and(|stage| known.stage.is_none_or(|told| stage < told));
            if item.differs(&known.item) {
                let ends = stage.is_some() && item.until != known.item.until;
                tell(if ends { Happened::Ends } else { Happened::Changed }, item);
                known.stage = stage;
            } else if graver {
                tell(Happened::Ends, item);
                known.stage = stage;
            }
            known.item = (*item).clone();
        }
        // What could not be looked at is not over. Whether git answers is known without Azure.
        let known = |key: &str| if key == GIT { found.git.is_none() } else { found.items.is_some() };
        let over: Vec<String> =
            self.open.keys().filter(|key| known(key) && !seen.contains_key(key.as_str())).cloned().collect();
        for known in over.iter().filter_map(|key| self.open.remove(key)) {
            // That a grant has ended is no news after it was told when it would; that it lasts longer is.
            let ended = known.item.topic == Topic::Expiring && known.item.until.is_some_and(|until| until < found.day);
            if !ended {
                tell(Happened::Resolved, &known.item);
            }
        }
        events.sort_by(|a, b| {
            let of = |event: &Event| (event.item.topic, event.item.owner.clone(), event.item.who.clone());
            of(a).cmp(&of(b))
        });
        events
    }
}

fn failing(why: &str) -> Item {
    let remedy = "`tilgang doctor` says what the identity lacks; the daemon's log has the whole story".to_owned();
    let words = format!("runs fail, so nobody knows what stands in Azure: {why}");
    Item { words, remedy, ..Item::of_everybody(Topic::Failing, FAILING) }
}
