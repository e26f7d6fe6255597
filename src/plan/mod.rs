//! Desired + Observed → Plan; Plan + policy → ApprovedPlan. Pure: no IO, no async, no clock.
