//! What a Lease says: the fields of `coordination.k8s.io/v1` LeaseSpec that leading needs. No JSON here.

use jiff::Timestamp;

/// The Lease's spec.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// `holderIdentity`; nobody's where empty or missing.
    pub holder: Option<String>,
    /// `leaseDurationSeconds`: how long others wait after they last saw it change.
    pub lease_seconds: Option<i32>,
    /// `acquireTime`, by the holder's wall clock. For people.
    pub acquired: Option<Timestamp>,
    /// `renewTime`, by the holder's wall clock. For people; that it changes counts, not what it says.
    pub renewed: Option<Timestamp>,
    /// `leaseTransitions`: how often the holder has changed.
    pub transitions: i32,
}

/// A Lease as the server has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What it says.
    pub record: Record,
    /// Its `resourceVersion`: a write names it, and fails if it is another by then.
    pub version: String,
}
