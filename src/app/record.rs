//! Where runs are recorded, and what a run has to know of those before it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    error::Error,
    note::Note,
    workspace::{NameHistory, Workspace},
};
use crate::{
    config::Loaded,
    ledger::{
        self, Clock, Ledger, LedgerError, Line, Sheet, Unrecorded, Whose, entry::Commit, entry::Entry, read_all, sight,
        verify,
    },
    model::{
        desired::{Desired, Revision},
        observed::Observed,
        remembered::{Given, RecordedDefinition, Remembered},
    },
    plan::{approve::Applied, selection::Scope},
};

/// Of which Azure runs are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Microsoft's.
    Azure,
    /// A simulated one, which has a ledger of its own, below the other's folder.
    Simulation,
}

const SIMULATED: &str = "simulated";

/// What a run has to know of the runs before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// The newest commit that was applied.
    pub newest: Option<Applied>,
    /// The commit that was applied last, where that is another.
    pub applied_last: Option<Applied>,
    /// What they made, gave and read.
    pub remembered: Remembered,
}

impl Records {
    /// The same, with the order of commits as git has it. Of two that were applied, one that follows from what was read counts.
    #[must_use]
    pub fn in_order_of(self, read: &Revision, history: &impl NameHistory) -> Self {
        let ask = |applied: Applied| Applied { follows: history.follows(&applied.commit, read), ..applied };
        let (newest, applied_last) = (self.newest.map(ask), self.applied_last.map(ask));
        let is_newer = applied_last.as_ref().is_some_and(|applied| applied.follows == Some(true));
        let newest = if is_newer { applied_last.clone() } else { newest };
        Self { newest, applied_last, ..self }
    }
}

/// Where a run is recorded.
#[derive(Clone)]
pub enum Recording {
    /// `tilgang.yaml` names no ledger.
    Nowhere,
    /// It names one that cannot be read, and why.
    Unreadable(Arc<LedgerError>),
    /// In this one.
    In(Arc<Ledger>),
}

impl Recording {
    /// The ledger that the workspace names, read. One that nobody began is not made here: it may be one that was not fetched.
    #[must_use]
    pub fn open(workspace: &Workspace, desired: &Desired, of: Of, clock: Clock) -> Self {
        let Some(folder) = folder(&workspace.loaded, &workspace.dir, of) else { return Self::Nowhere };
        match Ledger::open_begun(&folder, whose(desired), clock) {
            Ok(ledger) => Self::In(Arc::new(ledger)),
            Err(error) => Self::Unreadable(Arc::new(error)),
        }
    }

    /// What it says of the runs before. A ledger that cannot be read says nothing ([`Recording::notes`]).
    #[must_use]
    pub fn records(&self) -> Records {
        let Self::In(ledger) = self else { return Records::default() };
        let replay = ledger.replay();
        let applied = |Commit { hash, time }| Applied { commit: hash, time, follows: None };
        let newest = replay.newest().cloned().map(applied);
        let applied_last = replay.applied_last().filter(|it| replay.newest() != Some(it)).cloned().map(applied);
        let definitions = replay
            .definitions()
            .iter()
            .map(|(id, (name, permits))| (*id, RecordedDefinition { name: name.clone(), permits: permits.clone() }));
        let given = replay.granted().keys().filter_map(|(owner, principal, role)| {
            Some(Given { owner: *owner, principal: *principal, role: role.clone()? })
        });
        let remembered = Remembered {
            made: replay.made().clone(),
            definitions: definitions.collect(),
            given: given.collect(),
            names: replay.names().clone(),
        };
        Records { newest, applied_last, remembered }
    }

    /// What is not known, as the ledger cannot be read.
    #[must_use]
    pub fn notes(&self) -> Option<Note> {
        match self {
            Self::Unreadable(why) => Some(Note::NewestUnknown(why.to_string())),
            Self::Nowhere | Self::In(_) => None,
        }
    }

    /// Records who holds what, as it was read; and what people should know of the ledger, whatever came of that.
    ///
    /// # Errors
    /// If there is a ledger, and it cannot be read or written.
    pub fn saw(&self, desired: &Desired, observed: &Observed, scope: &Scope) -> (Vec<Note>, Result<(), Unrecorded>) {
        let ledger = match self {
            Self::Nowhere => return (Vec::new(), Ok(())),
            Self::Unreadable(why) => return (Vec::new(), Err(Unrecorded::new(why))),
            Self::In(ledger) => ledger,
        };
        let saw = ledger.saw(&sight::view(desired, observed, scope.owners()));
        let mut notes: Vec<Note> = ledger.notices().into_iter().map(Note::Ledger).collect();
        match saw {
            Ok(()) => (notes, Ok(())),
            // Two at a time: the other has the newer picture, and ours would undo it.
            Err(error @ LedgerError::Overtaken) => {
                notes.push(Note::ObservedNotRecorded(error.to_string()));
                (notes, Ok(()))
            }
            Err(error) => (notes, Err(Unrecorded::new(error))),
        }
    }

    /// The ledger to record a run in, if there is one.
    #[must_use]
    pub fn ledger(&self) -> Option<Arc<Ledger>> {
        match self {
            Self::In(ledger) => Some(ledger.clone()),
            Self::Nowhere | Self::Unreadable(_) => None,
        }
    }
}

/// The folder of the ledger that a workspace names.
#[must_use]
pub fn folder(loaded: &Loaded, dir: &Path, of: Of) -> Option<PathBuf> {
    let folder = dir.join(loaded.ledger.as_ref()?);
    Some(match of {
        Of::Azure => folder,
        Of::Simulation => folder.join(SIMULATED),
    })
}

/// Whose ledger a workspace means.
#[must_use]
pub fn whose(desired: &Desired) -> Whose {
    let instances = desired.instances().map(ToString::to_string).collect();
    Whose { tenant: desired.tenant.to_string(), instances }
}

/// Whose ledger it is, if it is not the one that is meant.
#[must_use]
pub fn other(sheets: &[(String, Sheet)], whose: &Whose) -> Option<String> {
    let mut lines = sheets.iter().flat_map(|(_, sheet)| &sheet.lines);
    lines.find_map(|line| match &line.entry {
        Entry::Opened(it) if it.tenant != whose.tenant || !whose.instances.contains(&it.instance) => {
            Some(format!("tenant {}, instance {}", it.tenant, it.instance))
        }
        _ => None,
    })
}

/// All that is recorded, in order.
///
/// # Errors
/// If nothing is, or the ledger cannot be read, is another's, or is not whole: a chain with a gap says nothing for certain.
pub fn lines(workspace: &Workspace, of: Of, desired: &Desired) -> Result<Vec<Line>, Error> {
    let folder = folder(&workspace.loaded, &workspace.dir, of);
    let folder =
        folder.ok_or_else(|| Error::Unreadable("tilgang.yaml names no ledger, so nothing is recorded".to_owned()))?;
    let sheets = read_all(&folder).map_err(Error::Ledger)?;
    if let Some(owner) = other(&sheets, &whose(desired)) {
        return Err(Error::Unreadable(format!("{}: this is the ledger of {owner}", folder.display())));
    }
    match verify(&sheets) {
        Err(found) => Err(Error::Unreadable(format!("the ledger is not whole: {found}"))),
        Ok(None) => Err(Error::Unreadable(format!("nothing is recorded in {}", folder.display()))),
        Ok(Some(_)) => Ok(sheets.into_iter().flat_map(|(_, sheet)| sheet.lines).collect::<Vec<ledger::Line>>()),
    }
}
