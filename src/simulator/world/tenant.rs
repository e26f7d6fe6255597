//! What a tenant has, or does, and may be set.

/// Whether a tenant has a licence for Privileged Identity Management.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Licence {
    /// Entra ID P2, or Governance.
    #[default]
    P2,
    /// Neither.
    Free,
}

/// What Graph's `getByIds` does about objects that a token may not look up: OPEN (graph-docs directoryobject-getbyids names
/// `Directory.Read.All` alone), so both can be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Uncovered {
    /// 403, if such a kind is asked for.
    #[default]
    Refused,
    /// They are left out without a sign.
    LeftOut,
}
