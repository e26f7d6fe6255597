//! Logs, on stderr, by `tracing`. No level of any crate prints a token: the SDK's clients never see one (`azure::pipeline`).

use tracing_subscriber::{EnvFilter, filter::LevelFilter, fmt};

use super::{Global, environment};

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
    let logs = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(global.color.stderr());
    // A second start (several runs in one test process) keeps the first.
    let _ = match global.log_format {
        LogFormat::Text => logs.with_target(false).try_init(),
        LogFormat::Json => logs.json().flatten_event(true).try_init(),
    };
}
