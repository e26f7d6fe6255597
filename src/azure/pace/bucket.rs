//! One bucket of requests as we believe it to be: when the next one may go.
//!
//! Pure: time is an argument, counted from any start. Answers come in ([`Bucket::heard`]), the word whether the next request
//! may go comes out ([`Bucket::ask`]). What Azure says beats what is assumed, in both directions: the bucket may be smaller or
//! larger than published, and others may take from it. Three things can hold a request back:
//!
//! | what | learned from |
//! |---|---|
//! | a closing | `Retry-After` of any answer: nobody asks earlier, it would be refused anyway (FACTS §6) |
//! | the level | the remaining count in the headers of each answer, and how fast it comes back |
//! | a ceiling | refusals that the headers do not explain: a provider's own limit, or a far end without headers |

use std::time::Duration;

/// A bucket as published: how much it holds, and how much comes back each second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Published {
    /// Requests at once.
    pub(crate) most: f64,
    /// Requests that come back each second.
    pub(crate) per_second: f64,
}

/// Left untouched beside one, at most this share: clocks, counts and the order of arrival at the far end are not ours.
const RESERVE_SHARE: f64 = 0.125;
/// How much the latest answer counts for the noise: how far answers lie from what was expected.
const NOISE_NEWEST: f64 = 0.05;
/// A refusal is explained by the level when we believed this little was left: what may be under way and out of order.
const NEAR_EMPTY: f64 = 16.0;
/// How fast an old observation of the refill counts less.
const MEMORY: f64 = 5.0;
/// How far observations must lie apart (standard deviation of their times, in seconds), and how many must there be.
const SPREAD_MIN: f64 = 0.15;
const OBSERVED_MIN: f64 = 8.0;
/// By how much a refill that nothing has confirmed turns out slower with each salvo that is refused.
const SLOWER: f64 = 0.7;
/// The slowest refill that is believed.
const RATE_MIN: f64 = 0.01;
/// After so long without news, more than expected is believed at once.
const LONG_SILENCE: Duration = Duration::from_secs(2);
/// However little is believed to be left, after this long one request goes to see: a belief must not last for ever.
const PROBE: Duration = Duration::from_secs(10);
/// A ceiling grows by this share with each answer that is no refusal.
const CEILING_GROWS: f64 = 0.005;
/// A ceiling is forgotten when nothing was refused for so long.
const CEILING_LASTS: Duration = Duration::from_mins(1);

/// What a request under way was sent with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    at: Duration,
    /// What should be left after it.
    expected: f64,
    /// All corrections of the level so far.
    corrected: f64,
    /// Requests that took something so far, this one included.
    taken: f64,
    /// How often all counting had begun anew.
    epoch: u32,
}

/// Whether a request may go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Say {
    /// Yes.
    Go(Ticket),
    /// Not before so long, unless an answer comes first that says otherwise.
    Wait(Duration),
    /// Azure asked for so long.
    Closed(Duration),
}

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Heard {
    /// It was taken on. With the least remaining count of its headers, if there is one.
    Taken(Option<f64>),
    /// Throttled, with the wait that was asked for, if any.
    Throttled(Option<Duration>),
}

/// A bucket.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    level: f64,
    at: Duration,
    /// What comes back each second, net of what others take.
    rate: f64,
    /// The most it was ever seen to hold.
    most: f64,
    corrected: f64,
    taken: f64,
    epoch: u32,
    noise: f64,
    /// Whether a header ever told what is left; without one, nothing but a refusal holds us back.
    is_told: bool,
    refill: Refill,
    /// Whether the rate was measured since the last salvo that was refused.
    is_measured: bool,
    /// When the last request was sent whose answer told something.
    told_at: Duration,
    ceiling: Option<Ceiling>,
    closed_until: Duration,
    last_sent: Duration,
}

impl Bucket {
    /// A full one.
    pub(crate) fn new(published: Published) -> Self {
        let Published { most, per_second } = published;
        Self {
            level: most,
            at: Duration::ZERO,
            rate: per_second,
            most: 0.0,
            corrected: 0.0,
            taken: 0.0,
            epoch: 0,
            noise: 0.0,
            is_told: false,
            refill: Refill::default(),
            is_measured: false,
            told_at: Duration::ZERO,
            ceiling: None,
            closed_until: Duration::ZERO,
            last_sent: Duration::ZERO,
        }
    }

    /// Requests each second that it is believed to let through for long.
    pub(crate) fn per_second(&self) -> f64 {
        self.ceiling.iter().filter_map(|ceiling| ceiling.rate).fold(self.rate, f64::min)
    }

    /// Whether the next request may go now; if so, it is counted as sent.
    pub(crate) fn ask(&mut self, now: Duration) -> Say {
        if now < self.closed_until {
            return Say::Closed(self.closed_until.saturating_sub(now));
        }
        self.pass(now);
        let level = if self.is_told { until(1.0 + self.reserve(), self.level, self.rate) } else { Duration::ZERO };
        let ceiling = self.ceiling.as_ref().map_or(Duration::ZERO, Ceiling::wait);
        let wait = level.max(ceiling).min((self.last_sent + PROBE).saturating_sub(now));
        if !wait.is_zero() {
            return Say::Wait(wait);
        }
        self.last_sent = now;
        self.level -= 1.0;
        self.taken += 1.0;
        if let Some(ceiling) = &mut self.ceiling {
            ceiling.level -= 1.0;
        }
        let Self { level: expected, corrected, taken, epoch, .. } = *self;
        Say::Go(Ticket { at: now, expected, corrected, taken, epoch })
    }

    fn reserve(&self) -> f64 {
        let most = (self.most * RESERVE_SHARE).max(1.0).min((self.most - 1.0) / 2.0);
        (1.0 + 2.0 * self.noise).min(most).max(0.0)
    }

    /// An answer came.
    pub(crate) fn heard(&mut self, ticket: Ticket, now: Duration, heard: Heard) {
        self.pass(now);
        match heard {
            Heard::Taken(left) => {
                if let Some(ceiling) = &mut self.ceiling {
                    ceiling.taken += 1.0;
                    ceiling.rate = ceiling.rate.map(|rate| rate * (1.0 + CEILING_GROWS));
                }
                if let Some(left) = left {
                    self.is_told = true;
                    self.correct(ticket, left);
                }
            }
            Heard::Throttled(wait) => {
                if let Some(wait) = wait {
                    self.close(now.saturating_add(wait));
                }
                self.taken -= 1.0; // it took nothing, whatever we counted
                if ticket.epoch < self.epoch {
                    return; // of the same salvo as one that was heard before
                }
                let left = ticket.expected + self.corrected - ticket.corrected;
                if self.is_told && left < NEAR_EMPTY {
                    // Empty, and what is under way may or may not take something: the level is counted anew.
                    self.epoch += 1;
                    self.level = 0.0;
                    if !self.is_measured {
                        self.rate = (self.rate * SLOWER).max(RATE_MIN);
                    }
                    self.is_measured = false;
                } else {
                    self.level += 1.0;
                    self.ceiling.get_or_insert_with(|| Ceiling::new(now)).refused(ticket.at, now);
                }
            }
        }
    }

    /// Nobody asks before this.
    pub(crate) fn close(&mut self, until: Duration) {
        self.closed_until = self.closed_until.max(until);
    }

    /// Puts the level right by what was left after one request. Less than expected counts whole and at once; more only by
    /// half, because answers overtake each other.
    fn correct(&mut self, ticket: Ticket, left: f64) {
        if ticket.epoch < self.epoch {
            return;
        }
        let error = left - (ticket.expected + self.corrected - ticket.corrected);
        let is_first = self.most == 0.0;
        let since = ticket.at.saturating_sub(self.told_at);
        self.told_at = self.told_at.max(ticket.at);
        let is_late = error > 0.0 && since >= LONG_SILENCE;
        let step = if error < 0.0 || is_first || is_late { error } else { error / 2.0 };
        self.level += step;
        self.corrected += step;
        self.noise += if is_first { 0.0 } else { (error.abs() - self.noise) * NOISE_NEWEST };
        let is_full = left + 1.0 >= self.most;
        self.most = self.most.max(left + 1.0);
        if is_full {
            self.refill = Refill::default(); // full: what comes back is lost, and cannot be measured
        } else if let Some(rate) = self.refill.observe(ticket.at, left + ticket.taken) {
            (self.rate, self.is_measured) = (rate.max(RATE_MIN), true);
        }
        if is_late && !is_first {
            self.rate += error / since.as_secs_f64(); // it came back at least so fast
        }
    }

    fn pass(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        // A bucket that was never seen fuller is not believed to become so; before it was seen, it is as published.
        let most = if self.most > 0.0 { self.most } else { self.level };
        if self.level < most {
            self.level = (self.level + passed * self.rate).min(most);
        }
        if let Some(ceiling) = &mut self.ceiling {
            if now.saturating_sub(ceiling.since) > CEILING_LASTS {
                self.ceiling = None;
            } else {
                ceiling.pass(passed);
            }
        }
    }
}

/// Time until there is as much as wanted.
fn until(wanted: f64, level: f64, rate: f64) -> Duration {
    let seconds = ((wanted - level) / rate).max(0.0);
    if seconds > 0.0 {
        Duration::try_from_secs_f64(seconds).unwrap_or(PROBE).max(Duration::from_micros(100))
    } else {
        Duration::ZERO
    }
}

/// How fast a bucket fills: the slope of (what was left + what was taken) over time, by least squares, in which answers that
/// overtook each other cancel out. Newer ones count more.
#[derive(Clone, Copy, Debug, Default)]
struct Refill {
    at: f64,
    weight: f64,
    mean_at: f64,
    mean: f64,
    spread: f64,
    together: f64,
}

impl Refill {
    fn observe(&mut self, at: Duration, total: f64) -> Option<f64> {
        let at = at.as_secs_f64();
        let fade = (-(at - self.at).max(0.0) / MEMORY).exp();
        self.at = self.at.max(at);
        self.weight = self.weight * fade + 1.0;
        let away = at - self.mean_at;
        self.mean_at += away / self.weight;
        let off = total - self.mean;
        self.mean += off / self.weight;
        self.spread = self.spread * fade + away * (at - self.mean_at);
        self.together = self.together * fade + off * (at - self.mean_at);
        self.is_ready().then(|| self.together / self.spread)
    }

    fn is_ready(&self) -> bool {
        self.weight >= OBSERVED_MIN && (self.spread / self.weight).sqrt() >= SPREAD_MIN
    }
}

/// A limit that only shows by its refusals: as much as was let through between two of them, and a little more each time.
#[derive(Clone, Copy, Debug)]
struct Ceiling {
    /// When something was refused last, and how much was let through since.
    since: Duration,
    taken: f64,
    rate: Option<f64>,
    level: f64,
}

impl Ceiling {
    fn new(now: Duration) -> Self {
        Self { since: now, taken: 0.0, rate: None, level: 0.0 }
    }

    fn refused(&mut self, sent: Duration, now: Duration) {
        if sent <= self.since {
            return; // of the same salvo
        }
        // Nothing let through in between teaches nothing: then the waits that are asked for have to do.
        let passed = now.saturating_sub(self.since).as_secs_f64();
        self.rate = (self.taken > 0.0).then(|| (self.taken / passed).max(RATE_MIN));
        (self.since, self.taken, self.level) = (now, 0.0, 0.0);
    }

    fn pass(&mut self, seconds: f64) {
        if let Some(rate) = self.rate {
            self.level = (self.level + seconds * rate).min(rate.max(1.0));
        }
    }

    fn wait(&self) -> Duration {
        self.rate.map_or(Duration::ZERO, |rate| until(1.0, self.level, rate))
    }
}
