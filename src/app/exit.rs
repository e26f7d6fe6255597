//! How a run ended, as a number; and which number is given where several apply.

/// How a run ended. The order is the order of precedence: where several apply, the last here is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Converged, done, or nothing to report.
    Converged,
    /// Changes or drift (`plan` only with `--detailed-exitcode`).
    Pending,
    /// Refused by policy, in part or whole.
    Refused,
    /// Partly applied.
    Partly,
    /// An error, or something could not be read.
    Failed,
    /// Wrong usage. Not clap's own 2: that would read as drift.
    Usage,
}

impl Exit {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Converged, Self::Pending, Self::Refused, Self::Partly, Self::Failed, Self::Usage];

    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Converged => 0,
            Self::Failed => 1,
            Self::Pending => 2,
            Self::Refused => 3,
            Self::Partly => 4,
            Self::Usage => 64,
        }
    }

    /// The exit with this number; an unknown one is a failure.
    #[must_use]
    pub fn of_code(code: u8) -> Self {
        Self::ALL.into_iter().find(|exit| exit.code() == code).unwrap_or(Self::Failed)
    }

    /// This exit if something is so, else the best one.
    #[must_use]
    pub fn when(self, is_so: bool) -> Self {
        if is_so { self } else { Self::Converged }
    }
}

#[cfg(test)]
mod tests {
    use super::Exit::{self, *};

    #[test]
    fn the_first_of_1_4_3_2_is_given() {
        assert_eq!([Pending, Refused, Partly, Failed].into_iter().max().map(Exit::code), Some(1));
        assert_eq!([Pending, Refused, Partly].into_iter().max().map(Exit::code), Some(4));
        assert_eq!([Converged, Pending, Refused].into_iter().max().map(Exit::code), Some(3));
        assert_eq!([Converged, Pending].into_iter().max().map(Exit::code), Some(2));
    }

    #[test]
    fn a_number_is_one_exit() {
        assert!(Exit::ALL.into_iter().all(|exit| Exit::of_code(exit.code()) == exit));
        assert_eq!(Exit::of_code(77), Failed);
    }
}
