//! Repeats what may succeed when repeated, and waits as long as Azure asks.
//!
//! Everything we send can be repeated: GET; PUT and DELETE of a role assignment whose name we chose (FACTS §10); and
//! POSTs that only read (Resource Graph, `$batch` of GETs, `getByIds`, a token). Never waits without a bound. At a door that
//! has a pace, each try waits for its turn there; that wait is nobody's failure, and counts towards no bound here.

use std::{sync::Arc, time::Duration};

use azure_core::{
    error::ErrorKind,
    http::{
        AsyncRawResponse, Context, Request,
        headers::{HeaderName, Headers},
        policies::{Policy, PolicyResult},
    },
    time::{OffsetDateTime, parse_rfc7231},
};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{carry, gate::Gate, no_next};
use crate::azure::{
    pace::{Key, Pacer},
    transport::CONNECT_MAX,
};

/// Tries of one request, the first included; those that were throttled with a wait are counted apart.
const TRIES_MAX: u32 = 6;
/// Times that one request is throttled with a wait. Who is told when to come back, and does, has not failed.
pub(crate) const THROTTLED_MAX: u32 = 60;
/// For all waits together of a request that is only ever throttled.
const THROTTLED_TOTAL: Duration = Duration::from_mins(15);
/// For all tries together of a host that does not answer at all: a typing error must not cost a minute.
pub(crate) const CONNECT_TOTAL: Duration = Duration::from_secs(10);
/// For all tries together of a host that takes requests and does not answer them: one more after a whole silence.
const SILENCE_TOTAL: Duration = Duration::from_secs(90);
/// The longest wait that Azure can ask of us. Past it we give up at once: asking earlier is refused anyway (FACTS §6),
/// and an hour's wait is better spent by whoever runs us.
pub(crate) const WAIT_MAX: Duration = Duration::from_mins(2);
/// First wait when Azure names none; doubles from here.
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
/// Where the doubling ends.
const BACKOFF_MAX: Duration = Duration::from_secs(20);

/// Our retry policy, in front of the SDK's, which is switched off.
#[derive(Debug)]
pub(crate) struct Retry(Option<Pace>);

/// Whose turns to wait for, and how they are told apart at this door.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    /// Who keeps the turns.
    pub(crate) pacer: Arc<Pacer>,
    /// The bucket of a request.
    pub(crate) key: fn(&Request) -> Key,
    /// Where it goes then: a turn that is not used at once is worth little.
    pub(crate) gate: Arc<Gate>,
}

impl Retry {
    /// Without turns: for signing in.
    pub(crate) fn unpaced() -> Arc<Self> {
        Arc::new(Self(None))
    }

    /// Each try in its turn.
    pub(crate) fn at(pace: Pace) -> Arc<Self> {
        Arc::new(Self(Some(pace)))
    }
}

#[async_trait::async_trait]
impl Policy for Retry {
    async fn send(&self, context: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let (first, rest) = next.split_first().ok_or_else(no_next)?;
        let (mut tries, mut throttled, mut spent) = (0, 0, Duration::ZERO);
        loop {
            let turn = match &self.0 {
                Some(Pace { pacer, key, gate }) => Some(pacer.turn(key(request), gate.room()).await.map_err(carry)?),
                None => None,
            };
            let began = Instant::now();
            let outcome = first.send(context, request, rest).await;
            spent += began.elapsed();
            let keeps_turns = turn.is_some();
            if let (Some(turn), Ok(answer)) = (turn, &outcome) {
                turn.heard(u16::from(answer.status()) == 429, asked(answer), answer.headers());
            }
            let was_told = is_throttled(&outcome);
            let count = if was_told { &mut throttled } else { &mut tries };
            *count += 1;
            let Some(wait) = wait(&outcome, *count, spent) else { return outcome };
            spent += wait;
            tracing::Span::current().record("http.request.resend_count", tries + throttled);
            tracing::debug!(tries, throttled, ?wait, host = request.url().host_str(), "waiting to repeat a request");
            if !(was_told && keeps_turns) {
                sleep(wait).await; // else the next turn comes after that
            }
            request.body_mut().reset().await?;
        }
    }
}

/// Whether we were told when to come back.
fn is_throttled(outcome: &PolicyResult) -> bool {
    outcome.as_ref().is_ok_and(|answer| u16::from(answer.status()) == 429 && asked(answer).is_some())
}

/// How long to wait before the next try, after so many of its kind; `None` to take the outcome as it is.
fn wait(outcome: &PolicyResult, tries: u32, elapsed: Duration) -> Option<Duration> {
    let wait = match outcome {
        Ok(answer) if is_passing(u16::from(answer.status())) => asked(answer).unwrap_or_else(|| backoff(tries)),
        Ok(_) => return None,
        Err(error) => match error.kind() {
            ErrorKind::Connection => {
                let wait = backoff(tries);
                return (elapsed + wait + CONNECT_MAX <= CONNECT_TOTAL).then_some(wait);
            }
            // Half an answer, or none: it may have been done, and may be done again.
            ErrorKind::Io if elapsed <= SILENCE_TOTAL => backoff(tries),
            _ => return None,
        },
    };
    let room = if is_throttled(outcome) {
        tries < THROTTLED_MAX && elapsed + wait <= THROTTLED_TOTAL
    } else {
        tries < TRIES_MAX
    };
    (room && wait <= WAIT_MAX).then_some(wait)
}

/// Statuses that a later try may change.
pub(crate) fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// The wait that an answer asks for: milliseconds, whole or broken seconds (Graph sends `2.128`), or an HTTP date.
fn asked(answer: &AsyncRawResponse) -> Option<Duration> {
    retry_after(answer.headers())
}

fn retry_after(headers: &Headers) -> Option<Duration> {
    let text = |name: &'static str| headers.get_optional_str(&HeaderName::from_static(name)).map(str::trim);
    if let Some(milliseconds) = text("x-ms-retry-after-ms").or_else(|| text("retry-after-ms")) {
        return milliseconds.parse().ok().map(Duration::from_millis);
    }
    let asked = text("retry-after")?;
    seconds(asked).or_else(|| {
        // Measured against the answer's own clock where there is one: ours may be wrong.
        let now = text("date").and_then(|date| parse_rfc7231(date).ok()).unwrap_or_else(OffsetDateTime::now_utc);
        let wait = parse_rfc7231(asked).ok()? - now;
        Some(Duration::try_from(wait).unwrap_or_default()) // a date that has passed: at once
    })
}

/// A number of seconds as Graph writes them; also inside `$batch` answers.
pub(crate) fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.trim().parse().ok()?).ok()
}

/// Doubles with each try, and differs between those who wait together.
pub(crate) fn backoff(tries: u32) -> Duration {
    let whole = BACKOFF_FIRST.saturating_mul(1 << tries.saturating_sub(1).min(10)).min(BACKOFF_MAX);
    let share = f64::from(Uuid::new_v4().as_fields().0) / f64::from(u32::MAX);
    whole.mul_f64(0.5 + share / 2.0)
}

/// Any headers, in front of what reads them here.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(headers: &Headers) {
    for status in [429, 503] {
        let answer = AsyncRawResponse::from_bytes(status.into(), headers.clone(), "");
        let _ = wait(&Ok(answer), 1, Duration::from_secs(1));
    }
}

#[cfg(test)]
mod tests {
    use azure_core::{error::Error, http::StatusCode};

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &'static str)]) -> AsyncRawResponse {
        let mut all = Headers::new();
        for (name, value) in headers {
            all.insert(HeaderName::from_static(name), *value);
        }
        AsyncRawResponse::from_bytes(StatusCode::from(status), all, "<html>no</html>")
    }

    #[test]
    fn retry_after_is_read_in_all_its_spellings() {
        for (headers, wait) in [
            (&[("retry-after", "3")][..], 3_000),
            (&[("retry-after", "2.128")], 2_128),
            (&[("retry-after", " 0 ")], 0),
            (&[("date", "Sun, 22 Nov 2026 09:00:00 GMT"), ("retry-after", "Sun, 22 Nov 2026 09:00:07 GMT")], 7_000),
            (&[("date", "Sun, 22 Nov 2026 09:00:00 GMT"), ("retry-after", "Sun, 22 Nov 2026 08:00:00 GMT")], 0),
            (&[("x-ms-retry-after-ms", "250"), ("retry-after", "9")], 250),
        ] {
            let waited = super::wait(&Ok(answer(429, headers)), 1, Duration::ZERO);
            assert_eq!(waited, Some(Duration::from_millis(wait)), "{headers:?}");
        }
    }

    #[test]
    fn nonsense_is_a_back_off_and_too_long_a_wait_is_given_up() {
        for nonsense in ["-1", "soon", "NaN", "1e300"] {
            let waited = super::wait(&Ok(answer(429, &[("retry-after", nonsense)])), 1, Duration::ZERO).unwrap();
            assert!(waited <= BACKOFF_FIRST, "{nonsense}: {waited:?}");
        }
        assert_eq!(super::wait(&Ok(answer(429, &[("retry-after", "3600")])), 1, Duration::ZERO), None);
        assert_eq!(super::wait(&Ok(answer(503, &[("retry-after", "1")])), TRIES_MAX, Duration::ZERO), None);
    }

    #[test]
    fn who_is_told_to_wait_comes_back_more_often_than_who_is_not_but_not_for_ever() {
        let told = |tries, elapsed| super::wait(&Ok(answer(429, &[("retry-after", "1")])), tries, elapsed);
        assert!(told(TRIES_MAX, Duration::ZERO).is_some());
        assert_eq!(told(THROTTLED_MAX, Duration::ZERO), None);
        assert_eq!(told(1, THROTTLED_TOTAL), None);
        assert_eq!(super::wait(&Ok(answer(429, &[])), TRIES_MAX, Duration::ZERO), None);
    }

    #[test]
    fn only_what_may_pass_is_repeated() {
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(super::wait(&Ok(answer(status, &[])), 1, Duration::ZERO).is_some(), "{status}");
        }
        for status in [200, 201, 204, 307, 400, 401, 403, 404, 409, 501, 529] {
            assert!(super::wait(&Ok(answer(status, &[])), 1, Duration::ZERO).is_none(), "{status}");
        }
    }

    #[test]
    fn a_host_that_does_not_answer_costs_ten_seconds_and_no_more() {
        let refused = || Err(Error::with_message(ErrorKind::Connection, "no"));
        let (mut elapsed, mut tries) = (Duration::ZERO, 0);
        loop {
            elapsed += CONNECT_MAX; // the worst case: each try takes all it may
            tries += 1;
            let Some(wait) = super::wait(&refused(), tries, elapsed) else { break };
            elapsed += wait;
        }
        assert!(tries > 1 && elapsed <= CONNECT_TOTAL, "{tries} tries, {elapsed:?}");
    }

    #[test]
    fn a_lost_answer_is_asked_for_again_but_not_for_ever() {
        let lost = || Err(Error::with_message(ErrorKind::Io, "cut"));
        assert!(super::wait(&lost(), 1, Duration::from_mins(1)).is_some());
        assert!(super::wait(&lost(), 2, Duration::from_mins(2)).is_none());
        assert!(super::wait(&lost(), TRIES_MAX, Duration::ZERO).is_none());
    }

    #[test]
    fn back_off_grows_to_its_bound() {
        assert!(backoff(1) <= BACKOFF_FIRST && backoff(1) >= BACKOFF_FIRST / 2);
        assert!(backoff(60) <= BACKOFF_MAX && backoff(60) >= BACKOFF_MAX / 2);
    }
}
