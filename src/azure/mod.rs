//! The ports over HTTP, through Microsoft's SDK.
