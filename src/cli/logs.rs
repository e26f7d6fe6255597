//! Logs, on stderr, by `tracing`. No level of any crate prints a token: the SDK's clients never see one (`azure::pipeline`).

use std::io;

use tracing_subscriber::{EnvFilter, filter::LevelFilter, fmt};

use super::{Global, environment};
use crate::model::visible;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LogFormat {
    // For people.
    Text,
    // One JSON object a line.
    Json,
}

/// Starts logging: warnings, with `-v` what is done, with `-vv` each request, with `-vvv` everything of every crate.
/// `TILGANG_LOG` takes the directives of `tracing-subscriber` and wins.
pub(super) fn start(global: &Global) {
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
    let logs = fmt().with_env_filter(filter).with_ansi(global.color.stderr());
    // A second start (several runs in one test process) keeps the first.
    let _ = match global.log_format {
        LogFormat::Text => logs.with_target(false).with_writer(|| Harmless(text)).try_init(),
        LogFormat::Json => logs.json().flatten_event(true).with_writer(|| Harmless(visible::json)).try_init(),
    };
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
