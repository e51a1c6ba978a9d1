//! The application: configuration, wiring, signals, command line.
//!
//! ```text
//! cli (verbs) --> serve --> wiring: hub, gate, transports, destinations, HTTP
//!            \--> demo  --> the same parts on 127.0.0.1, with an encoder and destinations of its own
//!            \--> publish, play: clients for files and eyes
//!            \--> local: backup, restore, vault rotate on a data directory
//!            \--> doctor: what is wrong with this machine, and how to mend it
//!            \--> remote: stream, destination, ... of a running server, over its API
//!            \--> config (file + environment --> checked values, or all faults)
//! ```
//!
//! Belongs here: what joins the crates below into one program. Must not come here: protocols,
//! media, HTTP.

pub mod cli;
pub mod config;
pub mod demo;
pub mod doctor;
pub mod local;
pub mod play;
pub mod publish;
pub mod remote;
pub mod serve;
mod tool;
