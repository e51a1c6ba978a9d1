//! The hub: Streams that outlive their Publishers, and cursors over what they carry.
//!
//! ```text
//! Publisher --push--> Window (ring of Gops, bounded) <--cursor-- Subscriber (async, one outlet)
//!                        ^ one lane of bytes per entry  <--cursor-- fan-out (many sockets)
//! ```
//!
//! Belongs here: who may write, what is kept and for how long, who is late and what he loses,
//! and the traits through which lower floors ask higher ones ([`Gate`], [`Link`]).
//! Must not come here: a protocol's name, a socket, a clock, a file. Time is an argument.

mod cursor;
mod entry;
mod flow;
mod gate;
pub mod health;
mod lane_bytes;
mod link;
mod liveness;
mod mark;
mod publisher;
mod registry;
mod secret;
mod stats;
mod stream;
mod subscriber;
mod timeline;
mod tracks;
mod window;

pub use cursor::{Bounds, Cursor, Start};
pub use entry::{Content, Entry, Item, LANES, Lane, LaneId, RunEnd};
pub use gate::{
    AccessRequest, Action, Admission, ClientFacts, Denial, DenialKind, Gate, Grant, Lease,
    LeaseHolder, TurnedAway, TurnedAwayFor,
};
pub use health::{Health, TrackHealth};
pub use lane_bytes::LaneBytes;
pub use link::{
    Announce, ConfigChange, Fault, Link, LinkEnd, LinkMonitor, Login, Progress, Running, Stage,
    Stop, StopHandle, Target, WantedTracks,
};
pub use liveness::{Liveness, OnAir};
pub use mark::Mark;
pub use publisher::{Displaced, Publisher, Takeover};
pub use registry::Hub;
pub use secret::Secret;
pub use stats::{Encoder, PublisherStats, StreamStats, TrackStats, Trouble};
pub use stream::{Busy, Listener, Stream, Viewing};
pub use subscriber::Subscriber;
pub use timeline::ClockFault;
pub use window::WindowLimits;
