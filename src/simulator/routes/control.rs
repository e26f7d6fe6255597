//! The simulator's own routes: the world out and in, what was counted, what shall go wrong.

use serde_json::json;

use super::{Answer, Ask, page};
use crate::simulator::{SharedWorld, faults, file, refusal::Refusal};

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
        ("GET", "/_simulator/faults") => Answer::json(200, &shared.faults.left()),
        ("PUT", "/_simulator/faults") => match faults::read(&text) {
            Ok(list) => {
                shared.faults.set(list);
                Answer::empty(204)
            }
            Err(error) => refused(&error),
        },
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
                world.now()
            });
            Answer::json(200, &json!({ "now": now.to_string() }))
        }
        _ => {
            Answer::refused(&Refusal::new(404, "NotFound", format!("the simulator has no {} {}", ask.method, ask.path)))
        }
    }
}

fn refused(message: &str) -> Answer {
    Answer::refused(&Refusal::new(400, "BadRequest", message))
}
