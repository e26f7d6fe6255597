//! A plan, seen again and again → each difference with its life, and what a run came to. Pure: no IO, no clock.
