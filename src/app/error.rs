//! Why a use case came to nothing.

use super::exit::Exit;
use crate::{
    config::ConfigError,
    ledger::{LedgerError, Unrecorded},
};

/// Why a use case came to nothing. Each says what to do, where something can be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line asks for something that is not there.
    #[error("{0}")]
    Usage(String),
    /// The workspace, a state of it or a proposal cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// The files have these errors, so that nothing can be compared.
    #[error("{message}")]
    Invalid {
        /// What is not done for that.
        message: String,
        /// The errors.
        errors: Vec<ConfigError>,
    },
    /// Nobody is signed in to Azure, or to the wrong one.
    #[error("{0}")]
    SignIn(String),
    /// What everything hangs on could not be read in Azure.
    #[error("{0}")]
    Azure(String),
    /// The ledger could not be read.
    #[error("{0}")]
    Ledger(LedgerError),
    /// The ledger could not be written.
    #[error("the ledger could not be written: {0}")]
    Unrecorded(Unrecorded),
    /// Azure may have moved since the plan was made.
    #[error("the plan is older than five minutes")]
    TooOld,
    /// Git moved since the plan was made.
    #[error("git moved since this run read it; the next one begins from there")]
    GitMoved,
    /// What would be written, or was, is not what is meant.
    #[error("{0}")]
    Unproven(String),
}

impl Error {
    /// As an exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Unreadable(_)
            | Self::Invalid { .. }
            | Self::SignIn(_)
            | Self::Azure(_)
            | Self::Ledger(_)
            | Self::Unrecorded(_)
            | Self::TooOld
            | Self::GitMoved
            | Self::Unproven(_) => Exit::Failed,
        }
    }
}
