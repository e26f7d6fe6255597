//! Laws of a bucket, against Azure's side of one in simulated time: whatever it holds, however fast it fills, however late
//! answers come and whoever else takes from it.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use proptest::prelude::*;

use super::bucket::{Bucket, Heard, Published, Say, Ticket};

const WRITES: Published = Published { most: 200.0, per_second: 10.0 };

/// Azure's side: a bucket, and others who take from it. Times in seconds.
#[derive(Clone, Copy, Debug)]
struct Far {
    most: f64,
    per_second: f64,
    /// Somebody else takes so many a second, however little is left.
    others: f64,
    /// Whether headers tell what is left.
    tells: bool,
    /// How long a request takes to arrive, and its answer to come back; at times up to twice as long.
    there: f64,
    back: f64,
}

/// How it went.
#[derive(Clone, Copy, Debug, Default)]
struct Went {
    seconds: f64,
    throttled: usize,
    /// Hours went by, and it did not end.
    stuck: bool,
}

const STUCK: f64 = 36_000.0;

impl Far {
    const PUBLISHED: Self = Self { most: 200.0, per_second: 10.0, others: 0.0, tells: true, there: 0.05, back: 0.2 };

    /// The least time in which so many can be done.
    fn least(&self, requests: usize, at_once: usize) -> f64 {
        let bucket = (count(requests) - self.most) / (self.per_second - self.others);
        let line = count(requests) / count(at_once) * (self.there + self.back) * 1.5; // half as long again on average
        bucket.max(line)
    }

    /// Sends so many, so many of them at once.
    fn take(&self, requests: usize, at_once: usize) -> Went {
        let mut bucket = Bucket::new(WRITES);
        let mut uneven = (0..).map(|n: u32| 1.0 + f64::from(n.wrapping_mul(2_654_435_761) >> 22) / 1_024.0);
        let mut uneven = || uneven.next().unwrap();
        let (mut tokens, mut filled, mut shut, mut others) = (self.most, 0.0_f64, 0.0_f64, 0.0_f64);
        let mut sent: Vec<(Ticket, Option<Heard>)> = Vec::new();
        let mut events = BinaryHeap::new(); // when, which
        let (mut open, mut under_way, mut now, mut went) = (requests, 0, 0.0_f64, Went::default());
        while open + under_way > 0 {
            let mut next = None;
            while open > 0 && under_way < at_once && next.is_none() {
                match bucket.ask(Duration::from_secs_f64(now)) {
                    Say::Go(ticket) => {
                        (open, under_way) = (open - 1, under_way + 1);
                        events.push(Reverse((micros(now + self.there * uneven()), sent.len())));
                        sent.push((ticket, None));
                    }
                    Say::Wait(wait) | Say::Closed(wait) => next = Some(micros(now) + micros(wait.as_secs_f64()).max(1)),
                }
            }
            let event = events.peek().map(|Reverse((at, _))| *at);
            if let Some(next) = next.filter(|next| event.is_none_or(|event| *next < event)) {
                now = seconds(next);
            } else {
                let Reverse((at, which)) = events.pop().unwrap();
                now = seconds(at);
                let (ticket, heard) = &mut sent[which];
                if let Some(heard) = heard {
                    under_way -= 1;
                    if matches!(heard, Heard::Throttled(_)) {
                        (open, went.throttled) = (open + 1, went.throttled + 1);
                    }
                    bucket.heard(*ticket, Duration::from_secs_f64(now), *heard);
                } else {
                    let fill = |until: f64, tokens: &mut f64, filled: &mut f64| {
                        *tokens = (*tokens + (until - *filled) * self.per_second).min(self.most);
                        *filled = until;
                    };
                    while self.others > 0.0 && others <= now {
                        fill(others.max(filled), &mut tokens, &mut filled);
                        others += 1.0 / self.others;
                        tokens = (tokens - 1.0).max(0.0);
                    }
                    fill(now, &mut tokens, &mut filled);
                    // Who asks before the wait is over is refused with a new value (FACTS §6).
                    let wait = if now < shut { shut - now } else { (1.0 - tokens) / self.per_second };
                    *heard = Some(if now < shut || tokens < 1.0 {
                        let wait = wait.ceil().max(1.0);
                        shut = shut.max(now + wait);
                        Heard::Throttled(Some(Duration::from_secs_f64(wait)))
                    } else {
                        tokens -= 1.0;
                        Heard::Taken(self.tells.then_some(tokens.ceil()))
                    });
                    events.push(Reverse((micros(now + self.back * uneven()), which)));
                }
            }
            if now > STUCK {
                return Went { stuck: true, ..went };
            }
        }
        Went { seconds: now, ..went }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "hours at the most")]
fn micros(seconds: f64) -> u64 {
    (seconds * 1e6).ceil() as u64
}

#[expect(clippy::cast_precision_loss, reason = "hours at the most")]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "thousands at the most")]
fn count(requests: usize) -> f64 {
    requests as f64
}

#[test]
fn two_thousand_at_the_published_pace_are_hardly_ever_refused() {
    for (name, far) in [
        ("as published", Far::PUBLISHED),
        ("slow answers", Far { back: 1.5, ..Far::PUBLISHED }),
        ("half the bucket", Far { most: 100.0, per_second: 5.0, ..Far::PUBLISHED }),
        ("half the bucket, slow", Far { most: 100.0, per_second: 5.0, back: 1.5, ..Far::PUBLISHED }),
        ("another eats half", Far { others: 5.0, ..Far::PUBLISHED }),
        ("ten times as much", Far { most: 2_000.0, per_second: 100.0, ..Far::PUBLISHED }),
    ] {
        let at_once = if far.back > 1.0 { 64 } else { 16 };
        let went = far.take(2_000, at_once);
        let least = far.least(2_000, at_once);
        assert!(went.throttled < 20 && !went.stuck, "{name}: {went:?}");
        assert!(went.seconds <= least * 1.1, "{name}: {went:?}, least {least}");
    }
}

#[test]
fn without_headers_refusals_teach() {
    let far = Far { tells: false, ..Far::PUBLISHED };
    let went = far.take(2_000, 16);
    assert!(went.throttled < 2_000 / 6 && went.seconds <= far.least(2_000, 16) * 1.15, "{went:?}");
}

/// 1,200 an hour, and nothing comes back until the hour is over (before 2024, FACTS §6).
#[test]
fn an_hourly_limit_is_used_up_and_then_closed() {
    let mut bucket = Bucket::new(WRITES);
    let mut now = Duration::ZERO;
    let go = |bucket: &mut Bucket, now: &mut Duration| loop {
        match bucket.ask(*now) {
            Say::Go(ticket) => return ticket,
            Say::Wait(wait) | Say::Closed(wait) => *now += wait,
        }
    };
    for left in (0..1_200_u32).rev() {
        let ticket = go(&mut bucket, &mut now);
        now += Duration::from_millis(20);
        bucket.heard(ticket, now, Heard::Taken(Some(f64::from(left))));
        assert!(left < 10 || now < Duration::from_secs(30), "{left} are left, and it waits");
    }
    let ticket = go(&mut bucket, &mut now);
    bucket.heard(ticket, now, Heard::Throttled(Some(Duration::from_mins(30))));
    assert!(matches!(bucket.ask(now), Say::Closed(wait) if wait == Duration::from_mins(30)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Few are refused, and the pace is the bucket's; where a bucket holds less than is under way, fewer than are taken.
    #[test]
    fn any_bucket_is_learned(
        most in prop_oneof![8_u32..32, 32_u32..2_000],
        refill in 2_u32..120,
        eaten in 0_u32..8, // tenths of the refill
        there in 1_u32..60, back in 1_u32..800, // milliseconds
    ) {
        let most = f64::from(most);
        let per_second = f64::from(refill).min(most * 2.0);
        let others = per_second * f64::from(eaten) / 10.0;
        let far = Far { most, per_second, others, tells: true, there: f64::from(there) / 1e3, back: f64::from(back) / 1e3 };
        let requests = 1_000;
        let (went, least) = (far.take(requests, 16), far.least(requests, 16));
        prop_assert!(!went.stuck, "{far:?}");
        let (throttled, times) = if most < 32.0 { (requests, 2.0) } else { (64, 1.3) };
        prop_assert!(went.throttled <= throttled, "{far:?}: {went:?}");
        prop_assert!(went.seconds <= least * times + 15.0, "{far:?}: {went:?}, least {least}");
    }

    /// However hostile the answers are, the next request goes at last, and no number breaks anything.
    #[test]
    fn no_answer_stops_it_for_ever(answers in prop::collection::vec((0_u8..4, any::<f64>(), 0_u64..5_000), 1..200)) {
        let mut bucket = Bucket::new(WRITES);
        let mut now = Duration::ZERO;
        for (kind, left, millis) in answers {
            let began = now;
            let ticket = loop {
                match bucket.ask(now) {
                    Say::Go(ticket) => break ticket,
                    Say::Wait(wait) | Say::Closed(wait) => {
                        prop_assert!(!wait.is_zero() && now < began + Duration::from_secs(20), "waits {wait:?}");
                        now += wait;
                    }
                }
            };
            now += Duration::from_millis(millis);
            let left = if left.is_finite() { left.abs() } else { 0.0 };
            bucket.heard(ticket, now, match kind {
                0 => Heard::Taken(None),
                1 => Heard::Throttled(None),
                2 => Heard::Throttled(Some(Duration::from_millis(millis))),
                _ => Heard::Taken(Some(left)),
            });
        }
    }
}
