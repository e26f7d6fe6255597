//! Arguments and environment → exit code. One file a command: its flags, and `run`.
//!
//! Rules live elsewhere; here is only who is asked, in which order, and where the answer is printed: results on stdout,
//! everything for people on stderr.

mod actor;
mod adopt;
mod apply;
mod applying;
mod change;
mod channels;
mod codeowners;
mod color;
mod completions;
mod connect;
mod doctor;
mod drift;
mod exit;
mod file;
mod fmt;
mod grant;
mod identity;
mod ledger;
mod logs;
mod man;
mod merge;
mod notify;
mod output;
mod plan;
mod planning;
mod progress;
mod questions;
mod reports;
mod review;
mod revoke;
mod schema;
mod serve;
mod simulate;
mod validate;
mod who;
mod why;
mod workspace;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use tracing::Instrument as _;

use self::{color::Color, logs::LogFormat};
pub use crate::app::Exit;
use crate::host::{environment, signals};

/// Keeps Azure RBAC equal to what git says: who may read logs and manage secrets, per service owner.
#[derive(Debug, Parser)]
#[command(name = "tilgang", version, propagate_version = true, after_help = exit::HELP, max_term_width = 110)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
struct Global {
    /// The workspace [default: the nearest folder upwards with tilgang.yaml]
    #[arg(long, global = true, help_heading = "Global options", value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Use a simulated Azure: from the workspace's azure.yaml, from WORLD (a file), or one that runs at an https:// address
    #[arg(long, global = true, help_heading = "Global options", value_name = "WORLD", num_args = 0..=1, default_missing_value = "")]
    simulate: Option<String>,
    /// Trust this CA, too: a PEM file
    #[arg(long, global = true, help_heading = "Global options", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Only this service owner; repeat for more
    #[arg(long, global = true, help_heading = "Global options", value_name = "CODE")]
    owner: Vec<String>,
    /// How log lines on stderr look
    #[arg(long, global = true, help_heading = "Global options", value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    log_format: LogFormat,
    /// When to colour: auto is when stdout is a terminal and NO_COLOR is not set
    #[arg(long, global = true, help_heading = "Global options", value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    color: Color,
    /// Say more on stderr; repeat for more
    #[arg(short, long, global = true, help_heading = "Global options", action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    Validate(validate::Validate),
    Plan(plan::Plan),
    Apply(apply::Apply),
    Drift(drift::Drift),
    Merge(merge::Merge),
    Adopt(adopt::Adopt),
    Why(why::Why),
    Who(who::Who),
    Review(review::Review),
    Ledger(ledger::Ledger),
    Doctor(doctor::Doctor),
    Identity(identity::Identity),
    Grant(grant::Grant),
    Revoke(revoke::Revoke),
    Fmt(fmt::Fmt),
    Schema(schema::Schema),
    Notify(notify::Notify),
    Serve(Box<serve::Serve>),
    Simulate(Box<simulate::Simulate>),
    Codeowners(codeowners::Codeowners),
    Completions(completions::Completions),
    Man(man::Man),
}

/// Who we are, in records and reports.
const TOOL: &str = concat!("tilgang ", env!("CARGO_PKG_VERSION"));

/// Runs the program on these arguments.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let asked = !error.use_stderr(); // --help and --version
            return match error.print() {
                Ok(()) if asked => Exit::Converged,
                _ => Exit::Usage,
            };
        }
    };
    let Cli { global, command } = cli;
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output::fail(&global, format!("could not start: {error}")),
    };
    let otlp = logs::start(&global, runtime.handle());
    let span = tracing::trace_span!("command");
    let work = async {
        match command {
            Command::Validate(command) => command.run(&global),
            Command::Plan(command) => command.run(&global).await,
            Command::Apply(command) => command.run(&global).await,
            Command::Drift(command) => command.run(&global).await,
            Command::Merge(command) => command.run(&global),
            Command::Adopt(command) => Box::pin(command.run(&global)).await,
            Command::Why(command) => command.run(&global).await,
            Command::Who(command) => command.run(&global).await,
            Command::Review(command) => command.run(&global).await,
            Command::Ledger(command) => command.run(&global).await,
            Command::Doctor(command) => command.run(&global).await,
            Command::Identity(command) => command.run(&global).await,
            Command::Grant(command) => command.run(&global),
            Command::Revoke(command) => command.run(&global),
            Command::Fmt(command) => command.run(&global),
            Command::Schema(command) => command.run(),
            Command::Notify(command) => command.run(&global).await,
            Command::Serve(command) => command.run(&global).await,
            Command::Simulate(command) => command.run(&global).await,
            Command::Codeowners(command) => command.run(&global),
            Command::Completions(command) => command.run(),
            Command::Man(command) => command.run(&global),
        }
    };
    let exit = runtime.block_on(work.instrument(span));
    if let Some(otlp) = otlp {
        otlp.end(); // the runtime still runs: the last spans go through it
    }
    exit
}
