//! The application: configuration, wiring, signals, command line.
//!
//! Belongs here: what joins the crates below into one program. Must not come here: protocols,
//! media, HTTP.

pub mod config;
