//! What is told while git does not answer, or its history was rewritten.

use super::*;
use crate::watch::GitTrouble;

#[test]
fn git_that_does_not_answer_is_told_once_and_is_no_sign_of_life() {
    let mut routes = routes(false, None);
    let ping = channel("ping", Target::Ping(door()));
    routes.notify.channels.push(ping);
    let mut memory = Memory::default();
    let mut receiver = Receiver::default();
    let silent = |asked: u32| GitTrouble::Silent { since: None, asked, why: "no such branch".into() };
    let rewritten = || GitTrouble::Rewritten { from: "a".into(), to: "b".into() };
    let alive = |memory: &Memory| memory.pending().iter().filter(|it| it.notice.channel == "ping").count();
    let mut hear = |git: Option<GitTrouble>, items: Option<Vec<Item>>, pings: usize| {
        let found = Found { items, git, ..found(start(), Vec::new()) };
        memory.heard(&found, &routes);
        assert_eq!(alive(&memory), pings, "{found:?}");
        receiver.deliver(&mut memory, &routes, start(), Then::Nothing);
    };
    hear(None, Some(Vec::new()), 1);
    hear(Some(silent(1)), Some(Vec::new()), 0); // nobody is told of one question, and yet it is no sign of life
    hear(Some(silent(3)), None, 0); // between runs, too
    hear(Some(silent(4)), Some(Vec::new()), 0);
    hear(Some(rewritten()), Some(Vec::new()), 0);
    hear(None, None, 0); // it is over without a look at Azure
    hear(None, Some(Vec::new()), 1);
    let heard = receiver.heard();
    let git: Vec<_> =
        heard[&("all".to_owned(), None)].iter().filter(|(_, key, _)| key == "git").map(|it| it.0).collect();
    assert_eq!(git, [Happened::New, Happened::Changed, Happened::Resolved]);
}
