//! Destinations: where a Stream goes out to, each kept on air by itself and apart from the others.
//!
//! ```text
//! Restream --orders--> supervisor (one task per Destination) --drives--> Machine (pure)
//!    ^                    |  starts, stops, drops                          now, events in;
//!    +--status, events ---+---> attempt (one task) = Link::deliver         orders out
//! ```
//!
//! A Destination with a backup address has two supervisors, its legs; the primary's calls the
//! backup by the rule in [`failover`].
//!
//! Belongs here: when to dial, when to wait and how long, when to give an attempt up, and what is
//! told about it. Must not come here: a protocol, a socket, a file, HTTP or JSON. What carries the
//! Stream is a [`manycast_hub::Link`] handed in from above.

mod board;
mod destination;
pub mod failover;
pub mod machine;
mod redact;
mod service;
mod spec;
mod uplink;

// For the simulator: it follows the Stream as a supervisor does.
pub use board::{DestinationEvent, DestinationStatus, LegStatus, Totals};
#[doc(hidden)]
pub use destination::source::Source;
pub use machine::{Failure, FailureKind, State};
pub use redact::{address as shown_address, words as shown_words};
pub use service::Restream;
pub use spec::{Backup, BackupMode, DestinationId, DestinationSpec, Leg, Timings};
pub use uplink::UplinkTrouble;
