//! Desired + reading ports → Observed. Never writes, never decides.
