//! The world's time: fixed by its file, or following the time its caller tells, with an offset.
//!
//! Nothing here looks at a real clock: whoever holds a world says what time it is ([`super::World::told`]).

use jiff::{SignedDuration, Timestamp};

/// How the world's time comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// It stands still, so that every answer can be repeated.
    Fixed(Timestamp),
    /// It is the caller's time and this much more.
    Following(SignedDuration),
}

impl Default for Clock {
    fn default() -> Self {
        Self::Following(SignedDuration::ZERO)
    }
}

impl Clock {
    /// The world's time when the caller's is `told`.
    #[must_use]
    pub fn at(self, told: Timestamp) -> Timestamp {
        match self {
            Self::Fixed(time) => time,
            Self::Following(offset) => told.checked_add(offset).unwrap_or(told),
        }
    }

    /// Reads `2026-11-22T09:00:00Z`, or an offset such as `30 days` or `-2h`.
    pub fn read(text: &str) -> Result<Self, String> {
        if let Ok(time) = text.parse() {
            return Ok(Self::Fixed(time));
        }
        let text = text.trim().trim_start_matches('+');
        duration(text).map(Self::Following).map_err(|_| {
            format!("`clock: {text}` is neither a time such as 2026-11-22T09:00:00Z nor an offset such as 30 days")
        })
    }

    /// As [`Clock::read`] reads it; `None` for the caller's own time.
    #[must_use]
    pub fn write(self) -> Option<String> {
        match self {
            Self::Fixed(time) => Some(time.to_string()),
            Self::Following(SignedDuration::ZERO) => None,
            Self::Following(offset) => Some(format!("{offset:#}")),
        }
    }
}

/// A length of time: `30 days`, `-2h`, `1m 30s`.
pub fn duration(text: &str) -> Result<SignedDuration, String> {
    let span: jiff::Span =
        text.trim().parse().map_err(|_| format!("`{text}` is not a length of time such as 90s or 10m"))?;
    // A duration has no calendar: a day is 24 hours here.
    let length = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours());
    length.map_err(|error| format!("`{text}`: {error}"))
}

/// A time as Azure writes it: seven decimals and `Z` (recorded, FACTS §1.4).
#[must_use]
pub fn azure_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.9f").to_string().trim_end_matches('Z').chars().take(27).chain(['Z']).collect()
}

/// A time as Graph writes it: whole seconds and `Z`.
#[must_use]
pub fn graph_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_or_following() {
        let told: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
        assert_eq!(Clock::read("2027-01-01T00:00:00Z").unwrap().at(told).to_string(), "2027-01-01T00:00:00Z");
        assert_eq!(Clock::read("+30 days").unwrap().at(told).to_string(), "2026-12-22T09:00:00Z");
        assert_eq!(Clock::read("-2h").unwrap().at(told).to_string(), "2026-11-22T07:00:00Z");
        assert!(Clock::read("tomorrow").is_err());
        for text in ["2027-01-01T00:00:00Z", "30 days", "-2h"] {
            let clock = Clock::read(text).unwrap();
            assert_eq!(Clock::read(&clock.write().unwrap()).unwrap(), clock, "{text}");
        }
    }

    #[test]
    fn seven_decimals() {
        assert_eq!(azure_time("2023-08-23T13:05:57.6621925Z".parse().unwrap()), "2023-08-23T13:05:57.6621925Z");
        assert_eq!(azure_time("2026-11-22T09:00:00Z".parse().unwrap()), "2026-11-22T09:00:00.0000000Z");
    }
}
