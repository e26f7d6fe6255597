//! `tilgang ledger`: whether all that was recorded is whole, and what it says.

use std::{path::PathBuf, sync::Arc};

use clap::{Args, Subcommand};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    app::record,
    config,
    ledger::{self, Clock, Hash, Sheet, Whose, read_all, verify},
    model::ids::TenantId,
    report::{self, Format, Style, ledger::Filter},
};

use super::{Exit, Global, connect::Connection, environment, output, workspace::draw};

const EXAMPLES: &str = "Examples:
  Is it whole, and does it still hold the line whose hash was noted last week?
    tilgang ledger verify --head 3f0a…
  What happened to one person's access this year
    tilgang ledger show --person kari.fiktiv@ai-dev.no --since 2026-01-01";

/// What was done, by whom and from which commit; what was seen, and when
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Ledger {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Begin(Begin),
    Verify(Verify),
    Show(Show),
}

/// Begin a ledger, once: from then on nothing is applied where it is not there
///
/// A folder that is not there may be one that was not fetched, and an old job would undo what a newer commit did. So `apply`, `drift` and
/// `serve` make none.
#[derive(Debug, Args)]
#[command(after_help = "Example: tilgang ledger begin --dir examples/altinn --simulate")]
struct Begin {}

/// Check the whole chain, and name the first place where it does not hold
///
/// A chain alone does not stop whoever can rewrite the whole folder: they can compute it anew. Keep the head that is printed
/// somewhere else, and give it back with `--head`.
#[derive(Debug, Args)]
#[command(after_help = "Example: tilgang ledger verify --dir examples/altinn --simulate")]
struct Verify {
    /// A line with this hash must be there: a head that was printed before
    #[arg(long, value_name = "HASH")]
    head: Option<Hash>,
}

/// Show what happened, person by person, and the runs that did it
#[derive(Debug, Args)]
#[command(
    after_help = "Example: tilgang ledger show --dir examples/altinn --simulate --person siri.proeve@ai-dev.brreg.no"
)]
struct Show {
    /// Only from this day or time on, UTC: 2026-11-01, or 2026-11-01T09:00:00Z
    #[arg(long, value_name = "DATE", value_parser = since)]
    since: Option<Timestamp>,
    /// Only this person: a sign-in name or an object id
    #[arg(long, value_name = "NAME")]
    person: Option<String>,
    /// How it looks
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

fn since(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    let day = text.parse::<Date>().ok().and_then(|day| day.to_zoned(TimeZone::UTC).ok());
    day.map(|day| day.timestamp()).ok_or_else(|| "neither a day such as 2026-11-01 nor a time".to_owned())
}

impl Begin {
    /// The first line has the time of the Azure that is recorded: a simulated one has its own.
    async fn run(&self, global: &Global) -> Exit {
        let (dir, whose) = match place(global) {
            Ok(found) => found,
            Err(exit) => return exit,
        };
        let clock: Clock = match &global.simulate {
            None => Arc::new(environment::now),
            Some(_) => match simulated_clock(global, &whose).await {
                Ok(clock) => clock,
                Err(exit) => return exit,
            },
        };
        let ledger = match ledger::Ledger::open(&dir, whose, clock) {
            Ok(ledger) if ledger.is_begun() => {
                return output::fail(global, format_args!("there is a ledger in {} already", dir.display()));
            }
            Ok(ledger) => ledger,
            Err(error) => return output::fail(global, error),
        };
        match ledger.begin_new() {
            Ok(()) => {
                output::result(&format!("a ledger is begun in {}\n", dir.display()));
                Exit::Converged
            }
            Err(error) => output::fail(global, error),
        }
    }
}

impl Ledger {
    pub(super) async fn run(&self, global: &Global) -> Exit {
        if let Command::Begin(command) = &self.command {
            return Box::pin(command.run(global)).await;
        }
        let (dir, whose) = match place(global) {
            Ok(found) => found,
            Err(exit) => return exit,
        };
        let sheets = match read_all(&dir) {
            Ok(sheets) => sheets,
            Err(error) => return output::fail(global, error),
        };
        if sheets.is_empty() {
            return output::fail(
                global,
                format_args!(
                    "nothing is recorded in {}: bring the ledger there, or, where none was ever kept, begin one with `tilgang ledger begin`",
                    dir.display()
                ),
            );
        }
        if let Some(owner) = record::other(&sheets, &whose) {
            return output::fail(
                global,
                format_args!(
                    "{}: this is the ledger of {owner}; name another folder under `ledger` in tilgang.yaml",
                    dir.display()
                ),
            );
        }
        match &self.command {
            Command::Begin(_) => Exit::Converged, // it was run above
            Command::Verify(command) => command.run(global, &sheets),
            Command::Show(command) => command.run(global, &sheets),
        }
    }
}

impl Verify {
    fn run(&self, global: &Global, sheets: &[(String, Sheet)]) -> Exit {
        let whole = match verify(sheets) {
            Ok(Some(whole)) => whole,
            Ok(None) => {
                return output::fail(
                    global,
                    "the ledger holds no line; `tilgang apply` and `tilgang drift` write there",
                );
            }
            Err(found) => return output::fail(global, format_args!("not whole: {found}")),
        };
        let time = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M UTC").to_string();
        let (from, to) = whole.span;
        let some = |number: usize, word: &str| super::validate::count(number, word);
        output::result(&format!(
            "whole: {} in {}, from {} to {}\nhead {}\n",
            some(whole.lines, "line"),
            some(sheets.len(), "file"),
            time(from),
            time(to),
            whole.head
        ));
        if let Some((file, bytes)) = &whole.torn {
            let words = "the next run keeps it aside and says so in the ledger";
            return output::fail(
                global,
                format_args!("{file}: the last line was cut while it was written ({bytes} bytes); {words}"),
            );
        }
        let Some(head) = self.head else {
            output::say(
                "note the head somewhere else: whoever can rewrite the whole folder can make a chain that holds",
            );
            return Exit::Converged;
        };
        for (file, sheet) in sheets {
            if let Some(at) = sheet.lines.iter().position(|line| line.hash == head) {
                output::result(&format!("the line that was noted is there: {file}:{}\n", at + 1));
                return Exit::Converged;
            }
        }
        output::fail(
            global,
            "no line has the hash that was noted: the ledger was rewritten or cut since; compare it with a copy",
        )
    }
}

impl Show {
    fn run(&self, global: &Global, sheets: &[(String, Sheet)]) -> Exit {
        let whole = verify(sheets);
        if let Err(found) = &whole {
            output::fail(global, format_args!("not whole: {found}; what can be read is shown all the same"));
        }
        let lines: Vec<_> = sheets.iter().flat_map(|(_, sheet)| &sheet.lines).collect();
        let owners = global.owner.iter().cloned().collect();
        let filter = Filter { owners, since: self.since, person: self.person.clone() };
        let style = if global.color.stdout() { Style::Colour } else { Style::Plain };
        output::result(&report::ledger::show(&lines, &filter, self.format, style));
        if whole.is_ok() { Exit::Converged } else { Exit::Failed }
    }
}

/// What time it is in the simulated Azure that is meant.
async fn simulated_clock(global: &Global, whose: &Whose) -> Result<Clock, Exit> {
    let tenant = whose.tenant.parse().map(TenantId).map_err(|error| output::fail(global, error))?;
    let connected = Connection::open_quietly(global, &global.find_dir()?, tenant).await;
    Ok(connected.map_err(|error| output::error(global, &error))?.clock())
}

/// Where the ledger is, and whose.
fn place(global: &Global) -> Result<(PathBuf, Whose), Exit> {
    let dir = global.find_dir()?;
    let loaded = config::load_to_begin(&dir); // owners' files, broken or not there yet, are no matter here
    let Some(desired) = &loaded.desired else {
        for error in &loaded.errors {
            output::say(draw(error, global.color.stderr()));
        }
        return Err(output::fail(
            global,
            "without a valid tilgang.yaml nobody knows whose ledger is meant; correct it first",
        ));
    };
    let Some(ledger) = record::folder(&loaded, &dir, global.recorded()) else {
        let words = "tilgang.yaml names no ledger, so nothing is recorded; add `ledger: { dir: ../ledger }`";
        return Err(output::fail(global, words));
    };
    Ok((ledger, record::whose(desired)))
}
