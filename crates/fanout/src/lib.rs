//! Many sockets, shared bytes.
//!
//! ```text
//! Window entry --Lane--> finished bytes (made once) --+--> viewer 1   one vectored write each,
//!                                                     +--> viewer 2   whatever it has not had yet
//!   one thread per shard, one pass per picture        +--> viewer N
//! ```
//! The cost of serving many viewers is the number of transmissions, not the bytes: a pass gives
//! each viewer all that is new to it in one write, so that batches grow by themselves when the
//! machine is busy. A viewer is a cursor and the rest of one message; it takes no lock, no queue
//! and no allocation per Frame. One that takes nothing for too long is let go with a reset.
//!
//! Belongs here: shards, passes, partial writes, letting go.
//! Must not come here: what the bytes mean, who may watch, any protocol's name.

mod alike;
mod batch;
mod bulk;
mod cell;
mod control;
mod fanout;
mod group;
mod shard;
mod viewer;

pub use control::ViewerFull;
pub use fanout::{Detached, Fanout, FanoutConfig, Inline, Membership, ViewerEnd, ViewerStats};
pub use viewer::{Sink, Stand, Writer, Written};

#[cfg(test)]
mod tests;
