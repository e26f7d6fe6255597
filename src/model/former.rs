//! Sign-in names that led to another account before.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;

use super::ids::{PrincipalId, UserName};

/// A sign-in name that leads to another account than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedHands {
    /// The name.
    pub name: UserName,
    /// The account that it leads to now.
    pub now: PrincipalId,
    /// When that was made, where Entra says so.
    pub created: Option<Timestamp>,
    /// The accounts that it led to before.
    pub before: BTreeMap<PrincipalId, Evidence>,
}

/// How it is known that an account had a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// It was deleted, and had the name.
    Deleted(Option<Timestamp>),
    /// The ledger knew it by the name, for the last time then.
    Recorded(Timestamp),
    /// It holds, by an assignment of ours that is older than the account of today, what the line gives, which is older than that
    /// account as well; and git lists it nowhere.
    Assigned {
        /// When the assignment was made.
        on: Timestamp,
        /// The sign-in name that the account has now, if it has one.
        name: Option<UserName>,
    },
}

/// A day says enough of when something was made.
const DAY: &str = "%Y-%m-%d";

impl fmt::Display for ChangedHands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, now, created, before } = self;
        let is_sure = before.values().any(|evidence| !matches!(evidence, Evidence::Assigned { .. }));
        let led = if is_sure { "led" } else { "seems to have led" };
        write!(f, "`{name}` {led} to another account before: ")?;
        for (n, (id, evidence)) in before.iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            write!(f, "{comma}{id}")?;
            match evidence {
                Evidence::Deleted(Some(on)) => write!(f, " (deleted from Entra on {})", on.strftime(DAY))?,
                Evidence::Deleted(None) => f.write_str(" (deleted from Entra)")?,
                Evidence::Assigned { on, name } => {
                    write!(f, " (assigned this access by tilgang on {}", on.strftime(DAY))?;
                    match name {
                        Some(name) => write!(f, ", and now called `{name}`)")?,
                        None => f.write_str(")")?,
                    }
                }
                Evidence::Recorded(at) => write!(f, " (in the ledger by this name, last on {})", at.strftime(DAY))?,
            }
        }
        write!(f, "; now it leads to {now}")?;
        created.map_or(Ok(()), |at| write!(f, " (created on {})", at.strftime(DAY)))
    }
}
