//! Logs, on stderr, by `tracing`. No level of any crate prints a token: the SDK's clients never see one (`azure::pipeline`).

use std::io;

use tokio::runtime::Handle;
use tracing_subscriber::{
    EnvFilter, Layer as _, filter::LevelFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use super::{Global, environment, output};
use crate::{
    host::traces::{Otlp, Telemetry},
    model::visible,
};

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LogFormat {
    // For people.
    Text,
    // One JSON object a line.
    Json,
}

/// Starts logging: warnings, with `-v` what is done, with `-vv` each request, with `-vvv` everything of every crate.
/// `TILGANG_LOG` takes the directives of `tracing-subscriber` and wins. Spans go to a collector where `OTEL_…` names one; that
/// way is to be ended at the end.
pub(super) fn start(global: &Global, runtime: &Handle) -> Option<Otlp> {
    let directives = environment::variable("TILGANG_LOG").unwrap_or_else(|| {
        match global.verbose {
            0 => "warn",
            1 => "warn,tilgang=info",
            2 => "info,tilgang=debug",
            _ => "trace",
        }
        .to_owned()
    });
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).parse_lossy(directives);
    let logs = fmt::layer().with_ansi(global.color.stderr());
    let logs = match global.log_format {
        LogFormat::Text => logs.with_target(false).with_writer(|| Harmless(text)).boxed(),
        LogFormat::Json => logs.json().flatten_event(true).with_writer(|| Harmless(visible::json)).boxed(),
    };
    let (otlp, problem) = match Telemetry::read(&environment::variable) {
        Telemetry::Off => (None, None),
        Telemetry::Wrong(why) => (None, Some(why)),
        Telemetry::On { name } => match Otlp::open(name.as_deref(), runtime.clone()) {
            Ok(otlp) => (Some(otlp), None),
            Err(why) => (None, Some(why)),
        },
    };
    if let Some(why) = problem {
        output::say(format_args!("note: no traces are sent: {why}"));
    }
    // A second start (several runs in one test process) keeps the first.
    let spans = otlp.as_ref().map(Otlp::layer);
    let _ = tracing_subscriber::registry().with(logs.with_filter(filter)).with(spans).try_init();
    otlp
}

/// stderr, for one event at a time: what a log line quotes only shows, and does not begin another line.
struct Harmless(fn(&str) -> String);

impl io::Write for Harmless {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stderr().lock().write_all((self.0)(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

/// One line of text. The colours are ours: `tracing-subscriber` writes out the escapes that an event quotes (since 0.3.20).
fn text(event: &str) -> String {
    let (mut out, end) = (String::with_capacity(event.len()), if event.ends_with('\n') { "\n" } else { "" });
    let mut rest = event.trim_end_matches('\n');
    while let Some(at) = rest.find('\u{1b}') {
        let (before, after) = rest.split_at(at);
        out += &visible::inline(before);
        let colour = after.strip_prefix("\u{1b}[").and_then(|code| code.split_once('m'));
        let ours = colour.filter(|(code, _)| code.bytes().all(|b| b.is_ascii_digit() || b == b';'));
        if let Some((code, tail)) = ours {
            out = out + "\u{1b}[" + code + "m";
            rest = tail;
        } else {
            out += "\\u{1b}";
            rest = after.get(1..).unwrap_or_default();
        }
    }
    out + &visible::inline(rest) + end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_and_only_colours_act() {
        assert_eq!(text("a\u{1b}[31mb\u{1b}[2Jc\nd\u{202e}e\n"), "a\u{1b}[31mb\\u{1b}[2Jc d\\u{202e}e\n");
        assert_eq!(text("\u{1b}]8;;https://x\u{7}y"), "\\u{1b}]8;;https://x\\u{7}y");
    }
}
