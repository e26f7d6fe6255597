//! What shall go wrong, as data: which request, which misbehaviour, how often. And what people do meanwhile.
//!
//! In: a file ([`read()`]), with `--faults FILE` or `PUT /_simulator/faults`. Out: for each request, what it meets ([`Faults::meet`]).
//! Counted in the order of the requests, and by `seed` where chance decides: a run can be repeated. Signing in meets
//! those with `sign_in` and no others; the simulator's own routes meet none.
//!
//! ```yaml
#![doc = include_str!("faults.yaml")]
//! ```

mod kinds;
mod read;
mod when;

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::{
    kinds::{Canned, Misbehaviour, Pace, Throttle},
    read::{FaultFile, read, read_events},
    when::When,
};

/// One fault.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Only requests of this method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only requests whose path and query, decoded, hold this; letters in any case, `*` for any text. Empty: all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub route: String,
    /// Only this page of a list; the first is 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<usize>,
    /// Meets the requests inside a `$batch`, and no others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub items: bool,
    /// Meets the requests to sign in, and no others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sign_in: bool,
    /// Only from this moment of the world's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<When>,
    /// Only until this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<When>,
    /// How many such requests are let through first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub after: u32,
    /// Every so-manyth of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u32>,
    /// This share of them, by chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// Only those that this has no room for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beyond: Option<Pace>,
    /// How often; left out: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// What happens.
    pub does: Misbehaviour,
    /// How often it was met.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub met: u32,
    /// How many such requests there were, those let through by `after` not counted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub seen: u32,
}

/// What a fault sees of a request.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// In capitals.
    pub method: &'a str,
    /// Path and query, decoded.
    pub target: &'a str,
    /// Which page of a list it asks for.
    pub page: usize,
    /// What it is to.
    pub to: To,
    /// The world's time.
    pub now: Timestamp,
    /// The caller's time, which passes where the world's stands still.
    pub told: Timestamp,
}

/// What a request is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// Resource Manager, or Microsoft Graph.
    Service,
    /// Graph, inside a `$batch`.
    Item,
    /// Entra, to sign in.
    SignIn,
}

/// What is left of a fault's `beyond`, and when that was counted; nothing before its first request.
type Tokens = Option<(f64, Timestamp)>;

#[derive(Debug, Default)]
struct Kept {
    list: Vec<(Fault, Tokens)>,
    seed: u64,
    given: Option<Timestamp>,
}

/// The list of faults, with how often each was met.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Kept>);

impl Faults {
    /// Replaces the list; what is told relative to its beginning begins with the first request.
    pub fn set(&self, faults: Vec<Fault>) {
        let list = faults.into_iter().map(|fault| (fault, None)).collect();
        *self.lock() = Kept { list, ..Kept::default() };
    }

    /// Replaces the list by one that was given at this time of the world, with the seed of its chances.
    pub fn begin(&self, faults: Vec<Fault>, seed: u64, given: Timestamp) {
        let list = faults.into_iter().map(|fault| (fault, None)).collect();
        *self.lock() = Kept { list, seed, given: Some(given) };
    }

    /// Adds one.
    pub fn add(&self, fault: Fault) {
        self.lock().list.push((fault, None));
    }

    /// What is left of the list.
    #[must_use]
    pub fn left(&self) -> Vec<Fault> {
        self.lock().list.iter().map(|(fault, _)| fault.clone()).collect()
    }

    /// The seed of its chances.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.lock().seed
    }

    /// Whether nothing shall go wrong: then nobody need ask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().list.is_empty()
    }

    /// The fault that a request meets, if any; counts it.
    pub fn meet(&self, seen: &Seen<'_>) -> Option<Misbehaviour> {
        let mut kept = self.lock();
        let Kept { list, seed, given } = &mut *kept;
        let start = *given.get_or_insert(seen.now);
        let target = seen.target.to_ascii_lowercase();
        let due = |(place, (fault, tokens)): (usize, &mut (Fault, Tokens))| {
            if !fault.fits(seen, &target, start) {
                return None;
            }
            if fault.after > 0 {
                fault.after -= 1;
                return None;
            }
            fault.seen = fault.seen.saturating_add(1);
            if fault.every.is_some_and(|every| !fault.seen.is_multiple_of(every)) {
                return None;
            }
            if fault.share.is_some_and(|share| chance(*seed, place, fault.seen) >= share) {
                return None;
            }
            let wait = match fault.beyond {
                Some(pace) => Some(pace.room(tokens, seen.told)?),
                None => None,
            };
            if let Some(times) = &mut fault.times {
                *times -= 1;
            }
            fault.met = fault.met.saturating_add(1);
            let mut does = fault.does.clone();
            if let (Misbehaviour::Throttle(throttle), Some(wait)) = (&mut does, wait) {
                throttle.retry_after.get_or_insert_with(|| format!("{}", wait.ceil().max(1.0)));
            }
            Some(does)
        };
        list.iter_mut().enumerate().find_map(due)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fault {
    /// Whether it can be met at all.
    fn check(&self) -> Result<(), &'static str> {
        if self.every == Some(0) {
            return Err("`every` is 1 or more");
        }
        if self.share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            return Err("`share` is between 0 and 1");
        }
        if self.page == Some(0) {
            return Err("`page`: the first one is 1");
        }
        if self.items && !self.does.is_for_items() {
            return Err(
                "`items`: a request inside a batch has no connection of its own; it can only be answered wrongly",
            );
        }
        if self.items && self.sign_in {
            return Err("`items` and `sign_in`: no batch signs in");
        }
        if self.beyond.is_some_and(|pace| pace.per_second.is_nan() || pace.per_second < 0.0) {
            return Err("`per_second` is 0 or more");
        }
        match &self.does {
            Misbehaviour::Answer(canned) if !(200..600).contains(&canned.status) => {
                Err("`status` is between 200 and 599")
            }
            _ => Ok(()),
        }
    }

    fn fits(&self, seen: &Seen<'_>, target: &str, start: Timestamp) -> bool {
        self.times != Some(0)
            && self.items == (seen.to == To::Item)
            && self.sign_in == (seen.to == To::SignIn)
            && self.method.as_ref().is_none_or(|only| only.eq_ignore_ascii_case(seen.method))
            && self.page.is_none_or(|page| page == seen.page)
            && self.from.is_none_or(|from| from.since(start) <= seen.now)
            && self.until.is_none_or(|until| seen.now < until.since(start))
            && holds(target, &self.route.to_ascii_lowercase())
    }
}

impl Pace {
    /// How long until there is room, in seconds; `None` if there is, and then it is taken.
    fn room(self, tokens: &mut Tokens, now: Timestamp) -> Option<f64> {
        let most = f64::from(self.at_once);
        let (left, counted) = tokens.unwrap_or((most, now));
        let passed = now.duration_since(counted).as_secs_f64().max(0.0);
        let left = passed.mul_add(self.per_second, left).min(most);
        let room = left >= 1.0;
        *tokens = Some((if room { left - 1.0 } else { left }, now));
        // Never again is an hour: a header needs a number.
        (!room).then(|| if self.per_second > 0.0 { (1.0 - left) / self.per_second } else { 3_600.0 })
    }
}

/// Whether a text holds the pieces of a pattern, in their order.
fn holds(text: &str, pattern: &str) -> bool {
    let mut rest = text;
    pattern.split('*').all(|piece| match rest.find(piece).and_then(|at| rest.get(at + piece.len()..)) {
        Some(after) => {
            rest = after;
            true
        }
        None => false,
    })
}

/// A number from 0 up to 1 for the nth request that a fault sees: SplitMix64 (Steele, Lea, Flood 2014).
fn chance(seed: u64, place: usize, n: u32) -> f64 {
    let place = u64::try_from(place).unwrap_or_default();
    let mut z = (seed ^ place.rotate_left(32)).wrapping_add(u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    let high = u32::try_from(z >> 32).unwrap_or_default();
    f64::from(high) / (f64::from(u32::MAX) + 1.0)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests;
