//! Who can effectively do what where, and by which ways: git, assignments of ours and of others, wider scopes, groups.
//!
//! What git wants, what was seen in Azure and the plan between them come in; every way by which somebody can do something at a
//! target goes out, and beside it what is not known. Pure: no IO, no async, no clock. Never decides, never guesses.
