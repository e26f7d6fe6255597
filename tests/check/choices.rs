//! A schedule is a set of decisions, each with a name: `git0/ttd/kari/prod-operations = 2`. Nought is the calm choice.
//!
//! A seed decides all of them; a case names those that are not calm. A name, not a place in a row of numbers, ties a decision
//! to its value: a generator that learns something new still makes of an old seed what it made before, and a failing schedule
//! shrinks by making one decision after the other calm.

use std::{collections::BTreeMap, fmt, str::FromStr, sync::Mutex};

/// The decisions that are not calm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Case(pub BTreeMap<String, u32>);

/// Where decisions come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// All of them follow from a number.
    Seed(u64),
    /// These, and calm for the rest.
    Case(Case),
}

/// Decides, and remembers what was not calm.
#[derive(Debug)]
pub struct Choices {
    source: Source,
    drawn: Mutex<BTreeMap<String, u32>>,
}

impl Choices {
    pub fn new(source: Source) -> Self {
        Self { source, drawn: Mutex::default() }
    }

    /// One of these, by weight.
    pub fn pick(&self, name: &str, weights: &[u32]) -> usize {
        let value = match &self.source {
            Source::Case(case) => case.0.get(name).map_or(0, |value| *value as usize).min(weights.len() - 1),
            Source::Seed(seed) => {
                let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
                let mut left = mix(*seed, name) % total.max(1);
                let fits = |weight: &u32| {
                    let here = left < u64::from(*weight);
                    left = left.saturating_sub(u64::from(*weight));
                    here
                };
                weights.iter().position(fits).unwrap_or(0)
            }
        };
        if value > 0 {
            self.drawn.lock().unwrap().insert(name.to_owned(), u32::try_from(value).unwrap());
        }
        value
    }

    /// One of so many, each as likely.
    pub fn below(&self, name: &str, count: usize) -> usize {
        self.pick(name, &vec![1; count.max(1)])
    }

    /// Whether something happens that mostly does not.
    pub fn rarely(&self, name: &str, percent: u32) -> bool {
        self.pick(name, &[100 - percent, percent]) == 1
    }

    /// What was decided, and was not calm.
    pub fn case(&self) -> Case {
        Case(self.drawn.lock().unwrap().clone())
    }
}

/// FNV-1a over the name, mixed with the seed (SplitMix64: Steele, Lea, Flood 2014).
fn mix(seed: u64, name: &str) -> u64 {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mut z = hash ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        f.write_str(&all.join(" "))
    }
}

impl FromStr for Source {
    type Err = String;

    /// `seed 17`, or the decisions of a case.
    fn from_str(line: &str) -> Result<Self, String> {
        if let Some(seed) = line.trim().strip_prefix("seed ") {
            return seed.trim().parse().map(Self::Seed).map_err(|error| format!("{line}: {error}"));
        }
        let mut case = Case::default();
        for word in line.split_whitespace() {
            let (name, value) = word.split_once('=').ok_or_else(|| format!("{word}: no decision"))?;
            case.0.insert(name.to_owned(), value.parse().map_err(|error| format!("{word}: {error}"))?);
        }
        Ok(Self::Case(case))
    }
}

/// The same failure with as few decisions as can be found in so many tries: halves are made calm, then smaller parts, and
/// so on ("Simplifying and Isolating Failure-Inducing Input", Zeller and Hildebrandt 2002).
pub fn shrink(case: Case, tries: usize, fails: impl Fn(&Case) -> bool) -> Case {
    let mut smallest = case;
    let (mut parts, mut left) = (2, tries);
    while left > 0 && !smallest.0.is_empty() {
        let names: Vec<String> = smallest.0.keys().cloned().collect();
        let size = names.len().div_ceil(parts.min(names.len()));
        let mut smaller = None;
        for part in names.chunks(size) {
            if left == 0 {
                break;
            }
            left -= 1;
            let mut other = smallest.clone();
            other.0.retain(|name, _| !part.contains(name));
            if fails(&other) {
                smaller = Some(other);
                break;
            }
        }
        match smaller {
            Some(other) => {
                smallest = other;
                parts = parts.saturating_sub(1).max(2);
            }
            None if size == 1 => break,
            None => parts = (parts * 2).min(names.len()),
        }
    }
    smallest
}
