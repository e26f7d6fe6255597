//! Memory, file handles and CPU time of this process, under the names that every client library gives them. Where `/proc` does
//! not tell, nothing is said.

use std::fs;

/// What is known of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Process {
    /// In bytes.
    pub(super) resident_bytes: Option<f64>,
    /// How many are open.
    pub(super) open_fds: Option<f64>,
    /// User and system time, in seconds.
    pub(super) cpu_seconds: Option<f64>,
}

/// Ticks in a second in `/proc/self/stat`: 100 on every Linux that Rust runs on (proc(5); `USER_HZ`).
const TICKS: f64 = 100.0;

impl Process {
    /// Asks the system.
    pub(super) fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        // One of them is the folder itself, while it is read.
        let open_fds = fs::read_dir("/proc/self/fd").ok().and_then(|dir| u32::try_from(dir.count()).ok());
        Self {
            resident_bytes: resident(&status),
            open_fds: open_fds.map(|count| f64::from(count.saturating_sub(1))),
            cpu_seconds: cpu(&stat),
        }
    }
}

/// `VmRSS:    12345 kB`.
fn resident(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0)
}

/// Fields 14 and 15; the name in the second may hold anything, and ends at the last `)`.
fn cpu(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<f64>().ok();
    Some((next()? + next()?) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linux_is_read() {
        assert_eq!(resident("VmSize:\t  9 kB\nVmRSS:\t   12 kB\n"), Some(12_288.0));
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 9 0 100 1 2";
        assert_eq!(cpu(stat), Some(3.0));
        assert_eq!((resident(""), cpu("")), (None, None));
        let now = Process::now();
        assert!(now.resident_bytes.unwrap() > 1e6 && now.open_fds.unwrap() >= 3.0 && now.cpu_seconds.is_some());
    }
}
