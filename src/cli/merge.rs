//! `tilgang merge`: the reports of `drift --shard` → one report, and one exit code. Asks neither git nor Azure.

use std::{fs, io::Read as _, path::PathBuf};

use clap::Args;

use crate::{
    model::shard::SHARDS_MAX,
    report::{Format, shards::merge},
};

use super::{Exit, Global, output};

/// A part larger than this is none of ours: a saved plan of 400,000 assignments is smaller.
const BYTES_MAX: u64 = 1 << 30;

/// Make one report of what `drift --shard` wrote; exit 1 if a part is missing or broken
#[derive(Debug, Args)]
#[command(after_help = "Example: tilgang merge 0.json 1.json")]
pub(super) struct Merge {
    /// The parts' reports, in any order
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How many parts there must be [default: as many as they say themselves]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(SHARDS_MAX)))]
    of: Option<u16>,
    /// How the report looks
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl Merge {
    pub(super) fn run(&self, global: &Global) -> Exit {
        let read = |path: &PathBuf| {
            let mut text = String::new();
            let read = fs::File::open(path).and_then(|file| file.take(BYTES_MAX).read_to_string(&mut text));
            (path.display().to_string(), read.map(|_| text).map_err(|error| error.to_string()))
        };
        let files: Vec<_> = self.files.iter().map(read).collect();
        let merged = merge(&files, self.of);
        match (&merged.report, self.format) {
            (Some(report), Format::Json) => output::result(report),
            (Some(_), _) => output::result(&merged.text()),
            (None, _) => {}
        }
        for words in &merged.wrong {
            output::fail(global, words);
        }
        let worst =
            merged.exits.iter().filter_map(|code| Exit::ALL.into_iter().find(|exit| exit.code() == *code)).max();
        let whole = if merged.wrong.is_empty() { Exit::Converged } else { Exit::Failed };
        worst.unwrap_or(Exit::Failed).max(whole)
    }
}
