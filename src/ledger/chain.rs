//! Bytes ↔ lines. Each line is one JSON object that begins with its own hash, and then with the hash of the line before:
//!
//! ```text
//! {"hash":"<sha256 of the rest>","prev":"<hash before>","n":7,"at":"2026-11-22T09:00:00Z","what":"asked",…}
//! ```
//!
//! `hash` is the SHA-256 of the line's bytes without its own member: of `{"prev":…}`. So a changed byte shows in its own
//! line, and a line that is taken out, put in or moved shows in the next. Reading takes any bytes, and never panics.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::entry::Entry;

/// What the first line of all follows, with tenant and instance.
const GENESIS: &str = "tilgang ledger 1";
/// Longest line. Ours: some ten times the longest that is written (`parts::HELD_A_LINE_MAX`).
pub const LINE_BYTES_MAX: usize = 8 * 1024 * 1024;
const START: &[u8] = b"{\"hash\":\"";
const HEX: usize = 64;

/// A SHA-256, printed as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hash([u8; 32]);

impl Hash {
    /// Of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// What a ledger's first line follows.
    #[must_use]
    pub fn genesis(tenant: &str, instance: &str) -> Self {
        Self::of(format!("{GENESIS}\n{tenant}\n{instance}").as_bytes())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a hash: 64 of `0-9a-f`");
        if text.len() != HEX || !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return Err(wrong());
        }
        let mut hash = [0; 32];
        for (at, slot) in hash.iter_mut().enumerate() {
            let pair = text.get(2 * at..2 * at + 2).ok_or_else(wrong)?;
            *slot = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
        }
        Ok(Self(hash))
    }
}

/// A line that fits its own hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its hash.
    pub hash: Hash,
    /// The hash of the line before.
    pub prev: Hash,
    /// Its number in the whole ledger, from 0.
    pub n: u64,
    /// When it was written.
    pub at: Timestamp,
    /// What it says.
    pub entry: Entry,
}

#[derive(Serialize, Deserialize)]
struct Body {
    prev: String,
    n: u64,
    at: Timestamp,
    #[serde(flatten)]
    entry: Entry,
}

impl Line {
    /// The line that follows `prev`, and its bytes, with the line feed.
    pub fn seal(prev: Hash, n: u64, at: Timestamp, entry: Entry) -> Result<(Self, Vec<u8>), String> {
        let body = Body { prev: prev.to_string(), n, at, entry };
        let text = serde_json::to_string(&body).map_err(|error| error.to_string())?;
        let hash = Hash::of(text.as_bytes());
        let rest = text.strip_prefix('{').unwrap_or_default();
        let bytes = format!("{{\"hash\":\"{hash}\",{rest}\n").into_bytes();
        if bytes.len() > LINE_BYTES_MAX {
            return Err(format!("a line of {} bytes is longer than any may be", bytes.len()));
        }
        Ok((Self { hash, prev, n, at, entry: body.entry }, bytes))
    }

    /// Reads a line without its line feed.
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > LINE_BYTES_MAX {
            return Err("longer than any line may be".to_owned());
        }
        let shape = || "not a line of a ledger".to_owned();
        let rest = bytes.strip_prefix(START).ok_or_else(shape)?;
        let (hash, rest) = rest.split_at_checked(HEX).ok_or_else(shape)?;
        let hash: Hash = str::from_utf8(hash).map_err(|_| shape())?.parse().map_err(|_| shape())?;
        let rest = rest.strip_prefix(b"\",").ok_or_else(shape)?;
        let body = [b"{", rest].concat();
        if Hash::of(&body) != hash {
            return Err("its content does not fit its hash: it was changed".to_owned());
        }
        let Body { prev, n, at, entry } =
            serde_json::from_slice(&body).map_err(|error| format!("{}: {error}", shape()))?;
        Ok(Self { hash, prev: prev.parse()?, n, at, entry })
    }
}

/// One file, as far as it could be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    /// The lines that fit their own hash, up to the first that does not.
    pub lines: Vec<Line>,
    /// The first complete line that does not: its number from 1, and why.
    pub broken: Option<(usize, String)>,
    /// Where the last good line ends, its line feed included.
    pub end: u64,
    /// The last good line lacks nothing but its line feed.
    pub unended: bool,
    /// What stands after the last line feed and is no whole line: cut while it was written.
    pub torn: Option<Vec<u8>>,
}

/// Reads a file's bytes, whatever they are.
#[must_use]
pub fn read(bytes: &[u8]) -> Sheet {
    let mut sheet = Sheet::default();
    for (at, piece) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let whole = piece.strip_suffix(b"\n");
        match Line::parse(whole.unwrap_or(piece)) {
            Ok(line) => {
                sheet.lines.push(line);
                sheet.end += piece.len() as u64;
                sheet.unended = whole.is_none();
            }
            Err(_) if whole.is_none() => sheet.torn = Some(piece.to_vec()),
            Err(why) => {
                sheet.broken = Some((at + 1, why));
                break;
            }
        }
    }
    sheet
}
