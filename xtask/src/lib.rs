//! Reads the workspace so that the house rules can be judged by tests, and builds the dashboard.
//!
//! What belongs here: finding packages ([`workspace`]), files and the plain code in them
//! ([`source`]), and the one place that calls npm ([`ui`]). What must not: a rule. The rules are the
//! tests under `tests/house/`, one file each.

pub mod source;
pub mod ui;
pub mod workspace;
