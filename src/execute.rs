//! ApprovedPlan + writing port → Outcomes. Decides nothing.
