//! The folder: one file a month, which the last run may have left in the middle of a line. Reads and appends; the only IO here.
//!
//! Whoever appends holds `lock` (`std::fs::File::lock`, for all of the machine) and first reads what others added since. A line
//! goes out in one write, and where a write to Azure hangs on it, is synced before that. What cannot be written whole is taken
//! back. Each file begins with all that a run has to know, so only the newest is read to go on.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    chain::{Hash, Line, Sheet, read},
    entry::{Begun, Entry, FORMAT, Opened, Torn},
    holdings::Replay,
    parts::split,
    sight::View,
    verify::{Break, Follow},
};

/// Largest file that is read. Ours: a month of 400,000 assignments, several times over.
const FILE_BYTES_MAX: u64 = 1 << 30;
/// How long another run may hold the lock: it holds it for one append.
const LOCK_TRIES: u32 = 500;
const LOCK_PAUSE: Duration = Duration::from_millis(20);
const ENDING: &str = ".jsonl";
const LOCK: &str = "lock";

/// Why a ledger could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The disk says no.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// Larger than is read.
    #[error("{0} is larger than 1 GiB: nobody reads that")]
    TooLarge(PathBuf),
    /// It is not whole; nothing is added to such a one.
    #[error("it is not whole: {dir}/{0}; `tilgang ledger verify` checks all of it", dir = .1.display())]
    Broken(Break, PathBuf),
    /// Nothing was ever written to it, or it is not where it should be.
    #[error(
        "there is no ledger in {0}: bring it there, or, where none was ever kept, begin one with `tilgang ledger begin`"
    )]
    NotBegun(PathBuf),
    /// It is somebody else's.
    #[error("{path} is the ledger of tenant {tenant}, instance {instance}: give each its own `ledger.dir`")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Whose.
        tenant: String,
        /// Whose.
        instance: String,
    },
    /// Another run holds the lock for too long.
    #[error("{0}: another program has held this lock for ten seconds")]
    Held(PathBuf),
    /// Another run saw Azure, or wrote to it, after we looked.
    #[error("another run wrote to the ledger since this one looked at Azure")]
    Overtaken,
    /// A line could not be made.
    #[error("{0}")]
    Line(String),
}

/// Whose ledger is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whose {
    /// The Entra tenant.
    pub tenant: String,
    /// The instance, and after it the names it had before.
    pub instances: Vec<String>,
}

/// What time it is.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A ledger that can be added to.
pub struct Ledger {
    dir: PathBuf,
    whose: Whose,
    clock: Clock,
    tail: Mutex<Tail>,
    notices: Mutex<Vec<String>>,
}

/// Where the chain stands, as far as it was read.
#[derive(Default)]
struct Tail {
    /// The newest file and how much of it was read.
    file: Option<(String, u64)>,
    unended: bool,
    torn: Option<Vec<u8>>,
    last: Option<(Hash, u64)>,
    follow: Follow,
    replay: Replay,
}

/// Whether a line must be on the disk before we go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durable {
    /// It is synced.
    Yes,
    /// It goes with the next one that is; a killed program leaves it all the same.
    No,
}

impl Ledger {
    /// Reads the newest file of the ledger in `dir`; a folder that does not exist yet is an empty ledger.
    pub fn open(dir: &Path, whose: Whose, clock: Clock) -> Result<Self, LedgerError> {
        let ledger = Self { dir: dir.to_owned(), whose, clock, tail: Mutex::default(), notices: Mutex::default() };
        ledger.catch_up(&mut ledger.tail())?;
        Ok(ledger)
    }

    /// The same, of a ledger that was begun.
    pub fn open_begun(dir: &Path, whose: Whose, clock: Clock) -> Result<Self, LedgerError> {
        let ledger = Self::open(dir, whose, clock)?;
        if ledger.is_begun() { Ok(ledger) } else { Err(LedgerError::NotBegun(dir.to_owned())) }
    }

    /// Whether it holds a line.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.tail().last.is_some()
    }

    /// Writes the first line, once: from then on a ledger that is not there is one that was lost, or was not fetched.
    pub fn begin_new(&self) -> Result<(), LedgerError> {
        let mut tail = self.tail();
        let _lock = self.lock()?;
        self.catch_up(&mut tail)?;
        self.write(&mut tail, Vec::new(), Durable::Yes).map(drop)
    }

    /// What it says so far.
    #[must_use]
    pub fn replay(&self) -> Replay {
        self.tail().replay.clone()
    }

    /// What people should know of the files, once.
    pub fn notices(&self) -> Vec<String> {
        std::mem::take(&mut *self.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn notice(&self, words: String) {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).push(words);
    }

    /// Adds one line; its number.
    pub fn append(&self, entry: Entry, durable: Durable) -> Result<u64, LedgerError> {
        let mut tail = self.tail();
        let _lock = self.lock()?;
        self.catch_up(&mut tail)?;
        self.write(&mut tail, vec![entry], durable)
    }

    /// Adds a line that must last, and with it all before it.
    pub fn sync(&self, entry: Entry) -> Result<(), LedgerError> {
        self.append(entry, Durable::Yes).map(drop)
    }

    /// A run begins: its number, by which its end names it. A new month begins a new file.
    pub fn begin(&self, begun: Begun) -> Result<u64, LedgerError> {
        let mut tail = self.tail();
        let _lock = self.lock()?;
        self.catch_up(&mut tail)?;
        self.turn(&mut tail);
        self.write(&mut tail, vec![Entry::Begun(Box::new(begun))], Durable::Yes)
    }

    /// Writes down what is other than at the last look.
    pub fn saw(&self, view: &View) -> Result<(), LedgerError> {
        let mut tail = self.tail();
        let _lock = self.lock()?;
        self.catch_up(&mut tail)?;
        if tail.replay.last().is_some_and(|last| last > view.observed) {
            return Err(LedgerError::Overtaken);
        }
        self.turn(&mut tail);
        let entries = split(tail.replay.difference(view)).into_iter().map(|seen| Entry::Seen(Box::new(seen)));
        self.write(&mut tail, entries.collect(), Durable::Yes).map(drop)
    }

    fn tail(&self) -> std::sync::MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn io(&self, name: &str) -> impl Fn(io::Error) -> LedgerError + use<> {
        let path = self.dir.join(name);
        move |source| LedgerError::Io { path: path.clone(), source }
    }

    /// Alone on this machine until the file is dropped.
    fn lock(&self) -> Result<File, LedgerError> {
        fs::create_dir_all(&self.dir).map_err(|source| LedgerError::Io { path: self.dir.clone(), source })?;
        let path = self.dir.join(LOCK);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(self.io(LOCK))?;
        for _ in 0..LOCK_TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
                Err(TryLockError::Error(source)) => return Err(LedgerError::Io { path, source }),
            }
        }
        Err(LedgerError::Held(path))
    }

    /// Reads what was added since, here or by others.
    fn catch_up(&self, tail: &mut Tail) -> Result<(), LedgerError> {
        let names = names(&self.dir)?;
        let known = tail.file.as_ref().map(|(name, _)| name.clone());
        let start = if let Some(known) = &known {
            names.iter().position(|name| name >= known).unwrap_or(names.len())
        } else {
            // A file that was torn in its first line holds nothing: then the one before tells.
            let mut start = names.len();
            while start > 0 && names.get(start..).unwrap_or_default().iter().all(|name| self.is_void(name)) {
                start -= 1;
            }
            start
        };
        let mut begins = None;
        for name in names.get(start..).unwrap_or_default() {
            let from = tail.file.as_ref().filter(|(file, _)| file == name).map_or(0, |(_, end)| *end);
            let bytes = bytes(&self.dir.join(name), from)?;
            let broken = |line, why: &str| {
                LedgerError::Broken(Break { file: name.clone(), line, why: why.to_owned() }, self.dir.clone())
            };
            let skip = if tail.unended && from > 0 { usize::from(bytes.first() == Some(&b'\n')) } else { 0 };
            let sheet = read(bytes.get(skip..).unwrap_or_default());
            if let Some((line, why)) = &sheet.broken {
                return Err(broken(*line, why));
            }
            for (at, line) in sheet.lines.iter().enumerate() {
                let first = from == 0 && at == 0;
                begins = begins.or(Some((line.prev, line.at)));
                if tail.last.is_none() && first && line.n > 0 {
                    tail.follow = Follow::after(line); // the files before it are for `verify`
                } else {
                    tail.follow.next(line, first).map_err(|why| broken(at + 1, &why))?;
                }
                self.is_ours(name, line)?;
                tail.last = Some((line.hash, line.n));
                tail.replay.feed(line);
            }
            if skip == 1 || !sheet.lines.is_empty() {
                tail.unended = sheet.unended;
            }
            tail.torn = sheet.torn;
            tail.file = Some((name.clone(), from + skip as u64 + sheet.end));
        }
        if let (None, Some(first)) = (known, begins) {
            self.recall(names.get(..start).unwrap_or_default(), first, tail);
        }
        Ok(())
    }

    /// A file of an older version does not carry on what the ones before it knew of names and grants: then those are read for it,
    /// newest first. The next file carries it on. What is missing is said. `begins`: what the first line that was read follows, and when
    /// it was written.
    fn recall(&self, before: &[String], begins: (Hash, Timestamp), tail: &mut Tail) {
        let (mut prev, mut since) = begins;
        let mut why = "earlier files are missing".to_owned();
        for name in before.iter().rev() {
            if tail.replay.carried().whole {
                return;
            }
            let sheet = match bytes(&self.dir.join(name), 0) {
                Ok(bytes) => read(&bytes),
                Err(error) => {
                    why = error.to_string();
                    break;
                }
            };
            let (Some(first), Some(last)) = (sheet.lines.first(), sheet.lines.last()) else { continue };
            if last.hash != prev || sheet.broken.is_some() || self.is_ours(name, first).is_err() {
                why = format!("{name} does not end where the next file begins");
                break;
            }
            tail.replay.carried().recall(std::mem::take(Replay::of(&sheet.lines).carried()));
            (prev, since) = (first.prev, first.at);
        }
        if !tail.replay.carried().whole {
            tail.replay.carried().begins(since);
            let day = since.strftime("%Y-%m-%d");
            self.notice(format!(
                "who had which sign-in name, and who was granted what, is not known from before {day}: {why}"
            ));
        }
    }

    fn is_void(&self, name: &str) -> bool {
        bytes(&self.dir.join(name), 0).is_ok_and(|bytes| {
            let sheet = read(&bytes);
            sheet.lines.is_empty() && sheet.broken.is_none()
        })
    }

    fn is_ours(&self, name: &str, line: &Line) -> Result<(), LedgerError> {
        let Entry::Opened(Opened { tenant, instance, .. }) = &line.entry else { return Ok(()) };
        if *tenant == self.whose.tenant && self.whose.instances.contains(instance) {
            return Ok(());
        }
        let (tenant, instance) = (tenant.clone(), instance.clone());
        Err(LedgerError::Foreign { path: self.dir.join(name), tenant, instance })
    }

    /// In a new month the next line goes into a new file, which begins with what has to be known.
    fn turn(&self, tail: &mut Tail) {
        let month = month((self.clock)());
        if tail.torn.is_none() && tail.file.as_ref().is_some_and(|(name, end)| *name < month && *end > 0) {
            tail.file = Some((month, 0));
            tail.unended = false;
        }
    }

    fn write(&self, tail: &mut Tail, entries: Vec<Entry>, durable: Durable) -> Result<u64, LedgerError> {
        let now = tail.replay.last().map_or((self.clock)(), |last| last.max((self.clock)()));
        let (name, end) = tail.file.clone().unwrap_or_else(|| (month(now), 0));
        let io = self.io(&name);
        let mut file = OpenOptions::new().create(true).append(true).open(self.dir.join(&name)).map_err(&io)?;
        let mut all = Vec::new();
        if let Some(torn) = tail.torn.take() {
            all.push(Entry::Torn(self.keep_aside(&file, &name, end, &torn)?));
        }
        if end == 0 {
            let (tenant, instance) = (self.whose.tenant.clone(), self.whose.instances.first().cloned());
            let newest = tail.replay.newest().cloned();
            let opened = Opened { format: FORMAT, tenant, instance: instance.unwrap_or_default(), newest };
            all.insert(0, Entry::Opened(opened));
            if !tail.replay.is_empty() {
                let base = split(tail.replay.base(tail.replay.last().unwrap_or(now)));
                all.extend(base.into_iter().map(|seen| Entry::Seen(Box::new(seen))));
            }
        }
        let before = all.len();
        all.extend(entries);
        let mut bytes = if tail.unended { b"\n".to_vec() } else { Vec::new() };
        let mut lines = Vec::new();
        let mut last = tail.last;
        for entry in all {
            let genesis = || {
                let instance = self.whose.instances.first().map(String::as_str).unwrap_or_default();
                Hash::genesis(&self.whose.tenant, instance)
            };
            let (prev, n) = last.map_or_else(|| (genesis(), 0), |(hash, n)| (hash, n + 1));
            let (line, sealed) = Line::seal(prev, n, now, entry).map_err(LedgerError::Line)?;
            bytes.extend(sealed);
            last = Some((line.hash, line.n));
            lines.push(line);
        }
        let written = file.write_all(&bytes).and_then(|()| match durable {
            Durable::Yes => file.sync_data(),
            Durable::No => Ok(()),
        });
        if let Err(error) = written {
            let _ = file.set_len(end); // half a line, or one that may not last: as if it had not been
            return Err(io(error));
        }
        if end == 0 {
            // The file's name must last, too. Where folders cannot be synced, it does without.
            let _ = File::open(&self.dir).and_then(|dir| dir.sync_all());
        }
        let number = lines.get(before).map_or(0, |line| line.n);
        for line in &lines {
            tail.replay.feed(line);
        }
        (tail.last, tail.unended) = (last, false);
        if let Some(line) = lines.last() {
            tail.follow = Follow::after(line);
        }
        tail.file = Some((name, end + bytes.len() as u64));
        Ok(number)
    }

    /// Puts a line that was cut into a file of its own, and takes it out of the ledger's.
    fn keep_aside(&self, file: &File, name: &str, end: u64, torn: &[u8]) -> Result<Torn, LedgerError> {
        let kept = format!("{name}.torn-{end}");
        let mut aside = File::create(self.dir.join(&kept)).map_err(self.io(&kept))?;
        aside.write_all(torn).and_then(|()| aside.sync_data()).map_err(self.io(&kept))?;
        file.set_len(end).map_err(self.io(name))?;
        let words =
            format!("{name}: an earlier run was cut while it wrote a line; what there is of it is kept in {kept}");
        self.notice(words);
        Ok(Torn { kept, bytes: torn.len() as u64, sha256: Hash::of(torn).to_string() })
    }
}

/// Every file of a ledger, in order, with what it holds. For `verify` and `show`.
pub fn read_all(dir: &Path) -> Result<Vec<(String, Sheet)>, LedgerError> {
    names(dir)?
        .into_iter()
        .map(|name| {
            let sheet = read(&bytes(&dir.join(&name), 0)?);
            Ok((name, sheet))
        })
        .collect()
}

/// `2026-11.jsonl`.
fn month(at: Timestamp) -> String {
    at.strftime("%Y-%m").to_string() + ENDING
}

fn is_month(name: &str) -> bool {
    let digits = name.strip_suffix(ENDING).unwrap_or_default();
    digits.len() == 7 && digits.bytes().enumerate().all(|(at, b)| if at == 4 { b == b'-' } else { b.is_ascii_digit() })
}

fn names(dir: &Path) -> Result<Vec<String>, LedgerError> {
    let io = |source| LedgerError::Io { path: dir.to_owned(), source };
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(io)?.file_name();
        names.extend(name.to_str().filter(|name| is_month(name)).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

fn bytes(path: &Path, from: u64) -> Result<Vec<u8>, LedgerError> {
    let io = |source| LedgerError::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    if length > FILE_BYTES_MAX {
        return Err(LedgerError::TooLarge(path.to_owned()));
    }
    if length < from {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let why = "it is shorter than a moment ago: somebody changed it".to_owned();
        let dir = path.parent().unwrap_or(path).to_owned();
        return Err(LedgerError::Broken(Break { file: name, line: 1, why }, dir));
    }
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(from)).map_err(io)?;
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}
