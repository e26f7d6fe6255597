//! Some replicas, a server and bad weather, on one true time line. Decisions come as numbers; 0, and none, is calm.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use tilgang::lease::{Command, Elector, Event, Failure, Moment, Record, Seen, Terms};

/// How far a clock may run wrong, in per mille. (1 + D) / (1 − D) < lease / renew = 2.
pub(crate) const DRIFT_MAX: i64 = 250;
/// When a client gives up waiting for an answer, by its own clock. Milliseconds.
const TIMEOUT: i64 = 10_000;
/// How long a write may be under way before it is done.
const UNDER_WAY_MAX: i64 = 40_000;
/// How long work may take to end once it is told to.
const WORK_MAX: i64 = 40_000;
/// The storm ends, and calm begins.
pub(crate) const STORM: i64 = 300_000;
/// By then somebody leads: what was under way has arrived, what worked has ended, a lease has passed on the slowest clock,
/// and a few requests have been answered.
pub(crate) const SETTLED: i64 =
    STORM + UNDER_WAY_MAX + WORK_MAX + (60_000 + 4 * 5_000 + TIMEOUT) * 1000 / (1000 - DRIFT_MAX);
const END: i64 = SETTLED + 120_000;

/// Decisions, one after the other.
pub(crate) struct Choices<'a>(std::slice::Iter<'a, u16>);

impl Choices<'_> {
    /// 0 to `below` − 1.
    fn next(&mut self, below: i64) -> i64 {
        self.0.next().map_or(0, |choice| i64::from(*choice) % below)
    }

    /// Whether something happens that happens once in `of` times.
    fn is(&mut self, of: i64) -> bool {
        self.next(of) == of - 1
    }
}

struct Replica {
    name: usize,
    elector: Elector,
    /// Its clock: (true time − `born`) × `rate` / 1000. Its wall clock is anything.
    born: i64,
    rate: i64,
    wall: i64,
    /// Until then it is frozen: what happens to it, happens to it then.
    frozen_until: i64,
    /// The number of the request that it waits for.
    request: u64,
    is_stopping: bool,
    /// Whether it was told that it leads, and not yet told to end.
    works: bool,
}

impl Replica {
    fn local(&self, now: i64) -> Moment {
        SignedDuration::from_millis((now - self.born) * self.rate / 1000)
    }

    /// The first true moment at which its clock shows this or more.
    fn at(&self, local: Moment) -> i64 {
        self.born + (i64::try_from(local.as_millis()).unwrap() * 1000).div_euclid(self.rate) + 1
    }
}

enum Happens {
    To {
        replica: usize,
        event: Event,
        request: Option<u64>,
    },
    /// A request reaches the server.
    Arrives {
        replica: usize,
        request: u64,
        command: Command,
        back: i64,
        answer: Fate,
    },
    Freeze {
        replica: usize,
        until: i64,
    },
    Die {
        replica: usize,
    },
    Delete,
}

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Answered,
    /// Done, but the answer is lost.
    Lost,
    /// Not done: 500, or 429 with a wish.
    Refused(Option<i64>),
}

/// What was seen at one moment: who leads.
pub(crate) struct Line {
    pub at: i64,
    pub leaders: Vec<usize>,
}

pub(crate) struct Play<'a> {
    choices: Choices<'a>,
    queue: BTreeMap<(i64, u64), Happens>,
    count: u64,
    replicas: BTreeMap<usize, Replica>,
    born: usize,
    lease: Option<Seen>,
    version: u64,
    pub line: Vec<Line>,
    /// Writes that changed the holder.
    pub transitions: i32,
    pub told: Vec<(i64, usize, &'static str)>,
}

impl<'a> Play<'a> {
    pub(crate) fn new(choices: &'a [u16]) -> Self {
        Self {
            choices: Choices(choices.iter()),
            queue: BTreeMap::new(),
            count: 0,
            replicas: BTreeMap::new(),
            born: 0,
            lease: None,
            version: 0,
            line: Vec::new(),
            transitions: 0,
            told: Vec::new(),
        }
    }

    /// A Lease with nobody's name, as `deploy/` brings it.
    pub(crate) fn with_lease(mut self) -> Self {
        self.lease = Some(Seen { record: Record::default(), version: "0".to_owned() });
        self
    }

    fn plan(&mut self, at: i64, happens: Happens) {
        self.count += 1;
        self.queue.insert((at, self.count), happens);
    }

    pub(crate) fn start(&mut self, now: i64) -> usize {
        self.born += 1;
        let name = self.born;
        let rate = 1000 + [0, -1, 1][usize::try_from(self.choices.next(3)).unwrap()] * self.choices.next(DRIFT_MAX + 1);
        let wall = (self.choices.next(1000) - 500) * 1_000_000;
        let elector = Elector::new(format!("pod-{name}"), Terms::DEFAULT, Moment::ZERO);
        let replica = Replica {
            name,
            elector,
            born: now,
            rate,
            wall,
            frozen_until: 0,
            request: 0,
            is_stopping: false,
            works: false,
        };
        self.replicas.insert(name, replica);
        self.plan(now, Happens::To { replica: name, event: Event::Tick, request: None });
        name
    }

    pub(crate) fn die(&mut self, at: i64, replica: usize) {
        self.plan(at, Happens::Die { replica });
    }

    pub(crate) fn stop(&mut self, at: i64, replica: usize) {
        self.plan(at, Happens::To { replica, event: Event::Stop, request: None });
    }

    /// A few blows, while the storm lasts.
    pub(crate) fn disturb(&mut self) {
        for _ in 0..self.choices.next(8) {
            let at = self.choices.next(300) * 1000;
            let replica = 1 + usize::try_from(self.choices.next(4)).unwrap();
            match self.choices.next(5) {
                0 => {}
                1 => self.die(at, replica),
                2 => self.stop(at, replica),
                3 => {
                    let until = (at + self.choices.next(120) * 1000).min(STORM);
                    self.plan(at, Happens::Freeze { replica, until });
                }
                _ => self.plan(at, Happens::Delete),
            }
        }
    }

    /// Whether anybody is there who could lead.
    pub(crate) fn has_candidates(&self) -> bool {
        self.replicas.values().any(|replica| !replica.is_stopping)
    }

    pub(crate) fn run(&mut self) {
        self.run_until(END);
    }

    pub(crate) fn run_until(&mut self, end: i64) {
        while let Some(first) = self.queue.first_entry() {
            let (now, _) = *first.key();
            if now > end {
                break;
            }
            let happens = first.remove();
            self.happen(now, happens);
            let leads = |replica: &&Replica| replica.elector.leads(replica.local(now));
            let leaders = self.replicas.values().filter(leads).map(|replica| replica.name).collect();
            self.line.push(Line { at: now, leaders });
        }
    }

    fn happen(&mut self, now: i64, happens: Happens) {
        match happens {
            Happens::Die { replica } => {
                if self.replicas.remove(&replica).is_some() {
                    self.start(now + 1000); // by another name
                }
            }
            Happens::Freeze { replica, until } => {
                if let Some(replica) = self.replicas.get_mut(&replica) {
                    replica.frozen_until = until;
                }
            }
            Happens::Delete => self.lease = None,
            Happens::Arrives { replica, request, command, back, answer } => {
                let event = match answer {
                    Fate::Refused(wait) => {
                        let wait = wait.map(SignedDuration::from_secs);
                        let failure = Failure::Unclear { wait };
                        if command == Command::Read { Event::Read(Err(failure)) } else { Event::Wrote(Err(failure)) }
                    }
                    Fate::Answered | Fate::Lost => self.serve(command),
                };
                if answer != Fate::Lost {
                    self.plan(now + back, Happens::To { replica, event, request: Some(request) });
                }
            }
            Happens::To { replica, event, request } => {
                let Some(it) = self.replicas.get_mut(&replica) else { return };
                if now < it.frozen_until {
                    let until = it.frozen_until;
                    return self.plan(until, Happens::To { replica, event, request });
                }
                if let Some(request) = request {
                    if it.request != request {
                        return; // answered already, or given up
                    }
                    it.request = 0;
                }
                it.is_stopping |= event == Event::Stop;
                let (local, wall) = (it.local(now), Timestamp::from_millisecond(1_800_000_000_000 + it.wall).unwrap());
                let commands = it.elector.handle(local, wall, event);
                for command in commands {
                    self.obey(now, replica, command);
                }
                if let Some(it) = self.replicas.get(&replica)
                    && let Some(wake) = it.elector.wake()
                {
                    let at = it.at(wake).max(now + 1);
                    self.plan(at, Happens::To { replica, event: Event::Tick, request: None });
                }
            }
        }
    }

    fn obey(&mut self, now: i64, replica: usize, command: Command) {
        match command {
            Command::Lead { .. } => {
                let it = self.replicas.get_mut(&replica).unwrap();
                if !std::mem::replace(&mut it.works, true) {
                    self.told.push((now, replica, "lead"));
                }
            }
            Command::Yield => {
                self.told.push((now, replica, "yield"));
                self.replicas.get_mut(&replica).unwrap().works = false;
                let takes = if now < STORM { self.choices.next(WORK_MAX) } else { 0 };
                self.plan(now + takes, Happens::To { replica, event: Event::Ended, request: None });
            }
            Command::Done => {
                self.told.push((now, replica, "done"));
                self.replicas.remove(&replica);
            }
            Command::Read | Command::Create(_) | Command::Update { .. } => self.send(now, replica, command),
        }
    }

    fn send(&mut self, now: i64, replica: usize, command: Command) {
        let is_storm = now < STORM;
        let bad = if is_storm { self.choices.next(8) } else { 0 };
        let (there, back, answer) = match bad {
            3 => (self.choices.next(UNDER_WAY_MAX), 20, Fate::Answered),
            4 => (20, self.choices.next(UNDER_WAY_MAX), Fate::Answered),
            5 => (self.choices.next(UNDER_WAY_MAX), 20, Fate::Lost),
            6 => (20, 20, Fate::Refused(None)),
            7 => (20, 20, Fate::Refused(Some(self.choices.next(90)))),
            _ => (20, 20, Fate::Answered),
        };
        self.count += 1;
        let request = self.count;
        let failure = Failure::Unclear { wait: None };
        let is_read = command == Command::Read;
        let given_up = if is_read { Event::Read(Err(failure)) } else { Event::Wrote(Err(failure)) };
        let it = self.replicas.get_mut(&replica).unwrap();
        assert_eq!(it.request, 0, "one request at a time");
        it.request = request;
        let timeout = now + TIMEOUT * 1000 / it.rate;
        if !(is_storm && self.choices.is(10)) {
            self.plan(now + there, Happens::Arrives { replica, request, command, back, answer });
        }
        self.plan(timeout, Happens::To { replica, event: given_up, request: Some(request) });
    }

    /// The server: one Lease, optimistic concurrency.
    fn serve(&mut self, command: Command) -> Event {
        let is_free = self.lease.is_none();
        let record = match command {
            Command::Read => return Event::Read(Ok(self.lease.clone())),
            Command::Create(record) if is_free => record,
            Command::Update { record, version } if self.lease.as_ref().is_some_and(|seen| seen.version == version) => {
                record
            }
            _ => return Event::Wrote(Err(Failure::Conflict)),
        };
        if self.lease.as_ref().is_some_and(|seen| seen.record.holder != record.holder) && record.holder.is_some() {
            self.transitions += 1;
            assert_eq!(record.transitions, self.lease.as_ref().unwrap().record.transitions + 1);
        }
        self.version += 1;
        let seen = Seen { record, version: self.version.to_string() };
        self.lease = Some(seen.clone());
        Event::Wrote(Ok(seen))
    }
}
