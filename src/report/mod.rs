//! Plan and outcomes → text for people, JSON for machines.
