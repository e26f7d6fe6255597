//! Whatever happens: never two, and soon one.

use proptest::prelude::*;

use super::play::{Line, Play, SETTLED};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    /// Two or three replicas whose clocks stand anywhere and run up to a quarter wrong, frozen for minutes, killed, stopped;
    /// requests lost, answers lost, writes done 40 s late, 500 and 429, a Lease deleted under a leader.
    #[test]
    fn there_are_never_two_and_soon_there_is_one(
        choices in proptest::collection::vec(any::<u16>(), 0..600),
        replicas in 2..=3,
        comes_with_lease: bool,
    ) {
        let mut play = Play::new(&choices);
        if comes_with_lease {
            play = play.with_lease();
        }
        for _ in 0..replicas {
            play.start(0);
        }
        play.disturb();
        play.run();
        for Line { at, leaders } in &play.line {
            prop_assert!(leaders.len() <= 1, "{leaders:?} lead at {at} ms; {:?}", play.told);
        }
        if play.has_candidates() {
            for Line { at, leaders } in play.line.iter().filter(|line| line.at > SETTLED) {
                prop_assert!(leaders.len() == 1, "nobody leads at {at} ms; {:?}", play.told);
            }
        }
    }
}

/// The law above is about something: leaders change in it, many times.
#[test]
fn schedules_of_the_law_are_eventful() {
    let mut seed = 7_u64;
    let (mut changes, mut yields) = (0, 0);
    for _ in 0..100 {
        let choices: Vec<u16> = (0..600)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                u16::try_from(seed >> 48).unwrap()
            })
            .collect();
        let mut play = Play::new(&choices).with_lease();
        for _ in 0..3 {
            play.start(0);
        }
        play.disturb();
        play.run();
        changes += play.transitions;
        yields += play.told.iter().filter(|(_, _, word)| *word == "yield").count();
    }
    assert!(changes > 100 && yields > 100, "{changes} changes of the holder, {yields} leaderships ended");
}
