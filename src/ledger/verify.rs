//! Files → whole, with the head; or the first place where not. Pure.

use std::fmt;

use jiff::Timestamp;

use super::{
    chain::{Hash, Line, Sheet},
    entry::{Entry, FORMAT, Opened},
};

/// The first place where a ledger is not whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// Which file.
    pub file: String,
    /// Which line, from 1.
    pub line: usize,
    /// What is wrong.
    pub why: String,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, why } = self;
        write!(f, "{file}:{line}: {why}")
    }
}

/// A chain that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many lines.
    pub lines: usize,
    /// The last line's hash.
    pub head: Hash,
    /// When the first and the last line were written.
    pub span: (Timestamp, Timestamp),
    /// A last line that was cut while it was written, and that no run has kept aside yet: its file and its bytes.
    pub torn: Option<(String, usize)>,
}

/// Follows a chain line by line.
#[derive(Clone, Debug, Default)]
pub(super) struct Follow {
    last: Option<(Hash, u64)>,
}

impl Follow {
    /// After this line; for a reader that begins in the middle.
    pub(super) fn after(line: &Line) -> Self {
        Self { last: Some((line.hash, line.n)) }
    }

    /// Whether `line` follows.
    pub(super) fn next(&mut self, line: &Line, first_in_file: bool) -> Result<(), String> {
        let opened = match &line.entry {
            Entry::Opened(opened) => Some(opened),
            _ => None,
        };
        if first_in_file != opened.is_some() {
            let why = if first_in_file {
                "a file begins with a line that opens it: its first lines are missing"
            } else {
                "a second beginning"
            };
            return Err(why.to_owned());
        }
        match (self.last, opened) {
            (Some((_, n)), _) if line.n > n + 1 => {
                let missing = line.n - n - 1;
                let lines =
                    if missing == 1 { "1 line is missing".to_owned() } else { format!("{missing} lines are missing") };
                return Err(format!("{lines} before this one: number {} follows number {n}", line.n));
            }
            (Some((_, n)), _) if line.n <= n => {
                return Err(format!("out of order: number {} follows number {n}", line.n));
            }
            (Some((hash, _)), _) if line.prev != hash => {
                return Err("does not follow the line before it: one of the two was put here later".to_owned());
            }
            (None, Some(Opened { format, .. })) if *format != FORMAT => {
                return Err(format!("format {format}: this version of tilgang reads format {FORMAT}"));
            }
            (None, Some(opened)) if line.n != 0 || line.prev != Hash::genesis(&opened.tenant, &opened.instance) => {
                return Err("the ledger does not begin here: an earlier file is missing".to_owned());
            }
            (Some(_) | None, _) => {}
        }
        self.last = Some((line.hash, line.n));
        Ok(())
    }
}

/// Checks files in the order of their names. `Ok(None)`: there is no line at all.
pub fn verify(sheets: &[(String, Sheet)]) -> Result<Option<Verified>, Break> {
    let mut follow = Follow::default();
    let mut torn = None;
    for (at, (file, sheet)) in sheets.iter().enumerate() {
        let broken = |line, why| Break { file: file.clone(), line, why };
        for (at, line) in sheet.lines.iter().enumerate() {
            follow.next(line, at == 0).map_err(|why| broken(at + 1, why))?;
        }
        if let Some((line, why)) = &sheet.broken {
            return Err(broken(*line, why.clone()));
        }
        if let Some(piece) = &sheet.torn {
            if at + 1 < sheets.len() {
                return Err(broken(sheet.lines.len() + 1, "cut in the middle, and later files go on".to_owned()));
            }
            torn = Some((file.clone(), piece.len()));
        }
    }
    let lines = || sheets.iter().flat_map(|(_, sheet)| &sheet.lines);
    let (Some(first), Some(last)) = (lines().next(), lines().next_back()) else {
        return match (sheets.first(), torn) {
            (Some((file, _)), Some(_)) => {
                Err(Break { file: file.clone(), line: 1, why: "cut in the middle, and nothing before it".to_owned() })
            }
            _ => Ok(None),
        };
    };
    Ok(Some(Verified { lines: lines().count(), head: last.hash, span: (first.at, last.at), torn }))
}
