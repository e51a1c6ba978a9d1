//! What is defined and what is applied: the one place that edits Streams and Destinations.
//!
//! ```text
//! config file --FileDefs--+                       +--> hub       open, close
//! people --edits--> store-+-> Registry --apply----+--> gate      who may publish and play
//!                              ^                  +--> restream  who is fed
//! hub, restream, gate, coach --+--> Live --> events --> store, followers, heralds
//!                                     +----> state of each Stream
//! ```
//! A change is on disk before it is applied, and applied before it is acknowledged; one change at a
//! time. What is applied is always the whole picture, compared by those it is handed to: nobody
//! whom a change does not concern notices it (D12, G1).
//!
//! Belongs here: definitions and their checks, going live and ending, events, the figures for
//! charts, the services that are known, rehearsals. Must not come here: HTTP, JSON shapes, SQL,
//! accounts, how media flows.

pub mod address;
mod air;
mod apply;
mod check;
mod control;
mod def;
mod edit;
mod error;
mod events;
mod history;
mod live;
mod rehearsal;
mod services;
mod state;
mod view;
mod watch;

pub use check::{DestinationPatch, NewBackup, NewDestination, NewStream, StreamPatch};
pub use control::{Control, Parts, Reloaded};
pub use def::{BackupDef, DestinationDef, FileDefs, ManagedBy, Remote, Start, StreamDef};
pub use edit::{KeyPatch, NewKey};
pub use error::{ControlError, FieldError};
pub use events::{
    DestinationFacts, EncoderFacts, Event, EventFilter, Follow, Followed, Happening, Herald,
    KeyFacts, NewEvent, RefusedFacts, Severity, Telling,
};
pub use manycast_auth::Actor;
pub use rehearsal::{Rehearsal, RehearsalOf, RehearsalStep, Step, StepState};
pub use services::{
    ResolutionLimit, Service, ServiceLimits, ServiceServer, check_as_typed, find_services, service,
    services,
};
pub use state::StreamState;
pub use view::{
    BackupView, Counts, DestinationView, HistoryView, Sample, ServerFinding, StreamKeyView,
    StreamView,
};
