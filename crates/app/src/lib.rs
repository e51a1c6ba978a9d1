//! The application: configuration, wiring, signals, command line.
//!
//! ```text
//! cli (verbs) --> serve --> wiring: hub, gate, transports, destinations, HTTP
//!            \--> config (file + environment --> checked values, or all faults)
//! ```
//!
//! Belongs here: what joins the crates below into one program. Must not come here: protocols,
//! media, HTTP.

pub mod cli;
pub mod config;
pub mod serve;
