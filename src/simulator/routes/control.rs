//! The simulator's own routes: the world out and in, what was counted, what shall go wrong.

use serde_json::json;

use super::{Answer, Ask, page};
use crate::simulator::{
    SharedWorld,
    events::Happened,
    faults::{self, FaultFile},
    file,
    refusal::Refusal,
};

pub(super) fn answer(shared: &SharedWorld, ask: &Ask) -> Answer {
    let text = String::from_utf8_lossy(&ask.body);
    match (ask.method.as_str(), ask.path.trim_end_matches('/')) {
        ("GET", "/_simulator") => page::answer(shared, ask),
        ("GET", "/_simulator/stats") => Answer::json(200, &shared.stats.counts()),
        ("POST", "/_simulator/stats/reset") => {
            shared.stats.reset();
            Answer::empty(204)
        }
        ("GET", "/_simulator/world") => {
            let world = shared.with(|world| file::write(world));
            if ask.headers.get("accept").is_some_and(|accept| accept.contains("json")) {
                return Answer::json(200, &world);
            }
            Answer::text(200, "application/yaml", &serde_yaml::to_string(&world).unwrap_or_default())
        }
        ("PUT", "/_simulator/world") => match file::read(&text) {
            Ok(world) => {
                shared.replace(world);
                Answer::empty(204)
            }
            Err(error) => refused(&file::explain(&text, &error).to_string()),
        },
        ("GET", "/_simulator/faults") => {
            let (seed, faults, events) = (shared.faults.seed(), shared.faults.left(), shared.events.coming());
            Answer::json(200, &FaultFile { seed, faults, events })
        }
        ("PUT", "/_simulator/faults") => match faults::read(&text) {
            Ok(file) => happened(&shared.begin(file)),
            Err(error) => refused(&error),
        },
        ("GET", "/_simulator/events") => {
            Answer::json(200, &json!({ "coming": shared.events.coming(), "happened": shared.events.happened() }))
        }
        ("POST", "/_simulator/events") => match faults::read_events(&text) {
            Ok(events) => happened(&shared.with(|world| shared.events.begin(world, events))),
            Err(error) => refused(&error),
        },
        ("GET", "/_simulator/settings") => {
            Answer::json(200, &shared.with(|world| file::settings_entry(world.settings())))
        }
        // What is left out stays as it is: `{"lists_stale": "5s"}`.
        ("PUT", "/_simulator/settings") => shared.with(|world| match file::change_settings(&text, world.settings()) {
            Ok(settings) => {
                world.set(settings);
                Answer::json(200, &file::settings_entry(&settings))
            }
            Err(error) => refused(&error),
        }),
        ("GET", "/_simulator/clock") => {
            let now = shared.with(|world| world.now());
            Answer::json(200, &json!({ "now": now.to_string() }))
        }
        // Waiting, for those who cannot: `{"seconds": 3600}` moves the world's clock on.
        ("POST", "/_simulator/clock") => {
            let body: serde_json::Value = serde_json::from_slice(&ask.body).unwrap_or_default();
            let Some(seconds) = body.get("seconds").and_then(serde_json::Value::as_i64) else {
                return refused("`seconds` is a whole number");
            };
            let now = shared.with(|world| {
                world.wait(jiff::SignedDuration::from_secs(seconds));
                shared.events.happen(world);
                world.now()
            });
            Answer::json(200, &json!({ "now": now.to_string() }))
        }
        _ => {
            Answer::refused(&Refusal::new(404, "NotFound", format!("the simulator has no {} {}", ask.method, ask.path)))
        }
    }
}

/// What happened at once: 204 where that is nothing, 409 where something could not.
fn happened(all: &[Happened]) -> Answer {
    match all {
        [] => Answer::empty(204),
        all if all.iter().any(|it| it.failed.is_some()) => Answer::json(409, &all),
        all => Answer::json(200, &all),
    }
}

fn refused(message: &str) -> Answer {
    Answer::refused(&Refusal::new(400, "BadRequest", message))
}
