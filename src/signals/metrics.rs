//! Runs, drift, requests and notices → the text that Prometheus reads (format 0.0.4).
//!
//! Names as "Metric and label naming" asks (prometheus.io/docs/practices/naming): our own prefix, base units, `_total` on what
//! only grows, times as Unix seconds. Labels have few values: a class, an owner, a service, a channel, an outcome.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError, atomic::AtomicU64},
};

use jiff::{SignedDuration, Timestamp, ToSpan as _, tz::TimeZone};
use prometheus_client::{
    encoding::{EncodeLabelSet, prometheus_text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use super::process::Process;
use crate::{
    deliver::Pulse,
    model::owner::EnvironmentName,
    notify::{Outcome, Pending},
    plan::drift::Class,
    watch::{RunReport, Service, Verdict},
};

pub use prometheus_text::CONTENT_TYPE;

/// From a run that changed nothing on a laptop to one that its deadline ends.
const DURATIONS: [f64; 11] = [0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0];
/// Whose access it is, where nobody's owner it is. No owner's code is so long.
const NOBODY: &str = "unattributed";

const VERSION: &str = env!("CARGO_PKG_VERSION");

type Number = Gauge<f64, AtomicU64>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
    /// `instance` of `tilgang.yaml`; to Prometheus that word means whom it scrapes.
    installation: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfVerdict {
    verdict: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
struct OfDrift {
    class: &'static str,
    owner: String,
    production: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfService {
    service: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfOutcome {
    channel: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
struct OfChannel {
    channel: String,
}

/// No label: such a metric is not there while nothing is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Alone {}

/// The names of the channels that there are: a metric for each is there from the start.
pub type Channels<'a> = &'a [String];

/// All metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    build: Family<Build, Number>,
    runs: Family<OfVerdict, Counter>,
    duration: Histogram,
    last_run: Family<Alone, Number>,
    last_success: Family<Alone, Number>,
    interval: Number,
    drift: Family<OfDrift, Number>,
    oldest: Family<OfDrift, Number>,
    unread: Family<Alone, Number>,
    owners: Family<Alone, Number>,
    in_place: Family<Alone, Number>,
    next_expiry: Family<Alone, Number>,
    requests: Family<OfService, Counter>,
    throttles: Family<OfService, Counter>,
    healed: Family<OfHealing, Counter>,
    notices: Family<OfOutcome, Counter>,
    pending: Family<OfChannel, Number>,
    failing: Family<OfChannel, Number>,
    unkept: Number,
    leader: Number,
    git_answered: Family<Alone, Number>,
    git_rewritten: Family<Alone, Number>,
    resident: Family<Alone, Number>,
    fds: Family<Alone, Number>,
    cpu: Family<Alone, Counter<f64, AtomicU64>>,
    /// A scrape reads while nothing is cleared and set anew.
    whole: Mutex<()>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfHealing {
    outcome: &'static str,
}

/// The branch's history, as git told it last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// Its tip follows from the commit that was trusted, or somebody acknowledged it.
    Follows,
    /// It was rewritten, and nobody acknowledged that.
    Rewritten,
}

impl Metrics {
    /// All metrics, nothing counted yet. `interval`: how often everything is looked at.
    #[must_use]
    pub fn new(started: Timestamp, interval: SignedDuration) -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            build: Family::default(),
            runs: Family::default(),
            duration: Histogram::new(DURATIONS),
            last_run: Family::default(),
            last_success: Family::default(),
            interval: Gauge::default(),
            drift: Family::default(),
            oldest: Family::default(),
            unread: Family::default(),
            owners: Family::default(),
            in_place: Family::default(),
            next_expiry: Family::default(),
            requests: Family::default(),
            throttles: Family::default(),
            healed: Family::default(),
            notices: Family::default(),
            pending: Family::default(),
            failing: Family::default(),
            unkept: Gauge::default(),
            leader: Gauge::default(),
            git_answered: Family::default(),
            git_rewritten: Family::default(),
            resident: Family::default(),
            fds: Family::default(),
            cpu: Family::default(),
            whole: Mutex::new(()),
        };
        metrics.interval.set(interval.as_secs_f64());
        metrics.register(started);
        // What can grow is there from the start: an increase from nothing is none to Prometheus.
        for verdict in Verdict::ALL {
            drop(metrics.runs.get_or_create(&OfVerdict { verdict: verdict.word() }));
        }
        for service in Service::ALL {
            drop(metrics.requests.get_or_create(&OfService { service: service.word() }));
            drop(metrics.throttles.get_or_create(&OfService { service: service.word() }));
        }
        metrics
    }

    /// What `tilgang.yaml` says from here on: what this installation is called, and its channels.
    pub fn installation(&self, instance: &str, channels: Channels<'_>) {
        self.build.clear();
        self.build.get_or_create(&Build { version: VERSION, installation: instance.to_owned() }).set(1.0);
        for channel in channels {
            for outcome in Outcome::ALL {
                let labels = OfOutcome { channel: channel.clone(), outcome: outcome.word() };
                drop(self.notices.get_or_create(&labels));
            }
        }
    }

    fn register(&mut self, started: Timestamp) {
        self.build.get_or_create(&Build { version: VERSION, installation: String::new() }).set(1.0);
        let begun = Number::default();
        begun.set(started.as_duration().as_secs_f64());
        let process = self.registry.sub_registry_with_prefix("process");
        process.register("start_time_seconds", "When the process started, in Unix seconds", begun);
        process.register("resident_memory_bytes", "Memory that is resident", self.resident.clone());
        process.register("open_fds", "File handles that are open", self.fds.clone());
        process.register("cpu_seconds", "User and system time", self.cpu.clone());
        let ours = self.registry.sub_registry_with_prefix("tilgang");
        ours.register("build_info", "Which version runs", self.build.clone());
        ours.register("runs", "Runs that are over, by how they ended", self.runs.clone());
        ours.register("run_duration_seconds", "How long runs took", self.duration.clone());
        ours.register("last_run_timestamp_seconds", "When the last run ended", self.last_run.clone());
        ours.register(
            "last_success_timestamp_seconds",
            "When the last run ended that looked at Azure",
            self.last_success.clone(),
        );
        ours.register("interval_seconds", "How often all owners are looked at", self.interval.clone());
        ours.register(
            "drift",
            "Differences that stand open and nobody accepted, by class, owner and whether in production: true, false or unknown",
            self.drift.clone(),
        );
        ours.register(
            "drift_oldest_timestamp_seconds",
            "Since when the oldest of these differences is there",
            self.oldest.clone(),
        );
        ours.register("unread", "Things that the last run could not read", self.unread.clone());
        ours.register("owners", "Service owners that git names", self.owners.clone());
        ours.register("assignments_in_place", "Assignments that git wants and Azure has", self.in_place.clone());
        ours.register(
            "next_expiry_timestamp_seconds",
            "When the next grant ends: the end of its last day, UTC",
            self.next_expiry.clone(),
        );
        ours.register("requests", "Requests to Azure, repeated ones included, by service", self.requests.clone());
        ours.register(
            "throttles",
            "Requests that were answered with a time to wait, by service",
            self.throttles.clone(),
        );
        ours.register("heals", "What healing came to, by outcome", self.healed.clone());
        ours.register("notices", "What came of tries to send notices, by channel", self.notices.clone());
        ours.register("notices_pending", "Notices that are still to be sent, by channel", self.pending.clone());
        ours.register(
            "notices_failing_since_timestamp_seconds",
            "When the oldest notice that could not be sent was tried first, by channel",
            self.failing.clone(),
        );
        ours.register("notices_unkept", "Whether what was told cannot be written down", self.unkept.clone());
        ours.register("leader", "Whether this replica leads, and looks", self.leader.clone());
        ours.register(
            "git_answered_timestamp_seconds",
            "When git last answered what the tip of the branch is",
            self.git_answered.clone(),
        );
        ours.register(
            "git_rewritten",
            "Whether the history of the branch was rewritten, and nobody acknowledged it",
            self.git_rewritten.clone(),
        );
    }

    /// A run is over. `production`: whether an environment is in production; none where that is not known.
    pub fn run_over(&self, report: &RunReport, production: impl Fn(&EnvironmentName) -> Option<bool>) {
        let run = &report.run;
        self.runs.get_or_create(&OfVerdict { verdict: run.verdict.word() }).inc();
        self.duration.observe(run.took().as_secs_f64().max(0.0));
        for (service, spent) in &run.cost {
            let service = OfService { service: service.word() };
            self.requests.get_or_create(&service).inc_by(spent.requests);
            self.throttles.get_or_create(&service).inc_by(spent.throttled);
        }
        if let Some(healing) = &run.healing {
            let count = |outcome, n: usize| {
                self.healed.get_or_create(&OfHealing { outcome }).inc_by(u64::try_from(n).unwrap_or(u64::MAX));
            };
            count("done", healing.done);
            count("already", healing.already);
            count("failed", healing.failed);
            count("refused", healing.refused);
            count("deferred", healing.deferred);
        }
        let ended = run.ended.as_duration().as_secs_f64();
        let _whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        self.last_run.get_or_create(&Alone {}).set(ended);
        if run.verdict.looked() || run.unseen > 0 {
            self.unread.get_or_create(&Alone {}).set(number(run.unseen));
        } else {
            self.unread.clear(); // nothing was read: a nought would say that all was
        }
        if !run.verdict.looked() {
            return; // what is known of Azure is what was known before
        }
        self.last_success.get_or_create(&Alone {}).set(ended);
        self.owners.get_or_create(&Alone {}).set(number(run.owners));
        self.in_place.get_or_create(&Alone {}).set(number(run.unchanged));
        self.next_expiry.clear();
        // A grant holds through the whole of its last day.
        let end = run.next_expiry.and_then(|(day, _)| day.checked_add(1.day()).ok());
        if let Some(end) = end.and_then(|day| day.to_zoned(TimeZone::UTC).ok()) {
            self.next_expiry.get_or_create(&Alone {}).set(end.timestamp().as_duration().as_secs_f64());
        }
        let mut drift: BTreeMap<OfDrift, (usize, Timestamp)> = BTreeMap::new();
        for entry in report.drift.iter().filter(|entry| entry.life.is_open() && entry.difference.accepted.is_none()) {
            let environment = entry.difference.environment.as_ref();
            let labels = OfDrift {
                class: entry.difference.key.class.word(),
                owner: entry.difference.key.owner.map_or_else(|| NOBODY.to_owned(), |owner| owner.to_string()),
                production: match environment.and_then(&production) {
                    Some(true) => "true",
                    Some(false) => "false",
                    None => "unknown", // rules take it as grave, and do not call it production
                },
            };
            let began = entry.life.began();
            let (count, oldest) = drift.entry(labels).or_insert((0, began));
            (*count, *oldest) = (*count + 1, (*oldest).min(began));
        }
        // Without any of a class there is a nought, so that a rule can tell "none" from "not known".
        let some: BTreeSet<&str> = drift.keys().map(|labels| labels.class).collect();
        let none = Class::ALL.iter().map(|class| class.word()).filter(|class| !some.contains(class));
        let none: Vec<_> = none.map(|class| OfDrift { class, owner: NOBODY.to_owned(), production: "false" }).collect();
        self.drift.clear();
        self.oldest.clear();
        for labels in none {
            self.drift.get_or_create(&labels).set(0.0);
        }
        for (labels, (count, oldest)) in drift {
            self.oldest.get_or_create(&labels).set(oldest.as_duration().as_secs_f64());
            self.drift.get_or_create(&labels).set(number(count));
        }
    }

    /// What is still to be sent, just before a scrape; and whether it can be written down.
    pub fn outbox(&self, pending: &[Pending], channels: Channels<'_>, is_kept: bool) {
        let mut counts: BTreeMap<&str, (usize, Option<Timestamp>)> =
            channels.iter().map(|channel| (channel.as_str(), (0, None))).collect();
        for waiting in pending {
            let (count, failing) = counts.entry(&waiting.notice.channel).or_default();
            *count += 1;
            if waiting.why.is_some() {
                *failing = waiting.first_try.into_iter().chain(*failing).min();
            }
        }
        let _whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        self.pending.clear();
        self.failing.clear();
        for (channel, (count, failing)) in counts {
            let labels = OfChannel { channel: channel.to_owned() };
            self.pending.get_or_create(&labels).set(number(count));
            if let Some(since) = failing {
                self.failing.get_or_create(&labels).set(since.as_duration().as_secs_f64());
            }
        }
        self.unkept.set(if is_kept { 0.0 } else { 1.0 });
    }

    /// Whether this replica leads.
    pub fn leads(&self, leads: bool) {
        self.leader.set(if leads { 1.0 } else { 0.0 });
    }

    /// What is known of git, just before a scrape: when it last answered, and whether what it said then follows from what was trusted.
    /// Before the first answer neither is known.
    pub fn git(&self, answered: Option<Timestamp>, history: History) {
        let Some(answered) = answered else { return };
        self.git_answered.get_or_create(&Alone {}).set(answered.as_duration().as_secs_f64());
        self.git_rewritten.get_or_create(&Alone {}).set(if history == History::Rewritten { 1.0 } else { 0.0 });
    }

    /// All of it, as Prometheus reads it.
    #[must_use]
    pub fn text(&self) -> String {
        let Process { resident_bytes, open_fds, cpu_seconds } = Process::now();
        let _whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        for (gauge, value) in [(&self.resident, resident_bytes), (&self.fds, open_fds)] {
            if let Some(value) = value {
                gauge.get_or_create(&Alone {}).set(value);
            }
        }
        if let Some(seconds) = cpu_seconds {
            let counter = self.cpu.get_or_create(&Alone {});
            counter.inc_by((seconds - counter.get()).max(0.0));
        }
        let mut text = String::new();
        match prometheus_text::encode(&mut text, &self.registry) {
            Ok(()) => text,
            Err(_) => String::new(), // writing to a String cannot fail
        }
    }
}

impl Pulse for Metrics {
    fn notice(&self, channel: &str, outcome: Outcome) {
        let labels = OfOutcome { channel: channel.to_owned(), outcome: outcome.word() };
        self.notices.get_or_create(&labels).inc();
    }
}

/// Counts here are far below 2^53.
fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}
