//! One table per file: its row, what makes and edits one, and the methods that read and write it.
//!
//! Methods that change something stand on [`crate::Edit`], so that they come with an entry of the audit log;
//! what the server notes by itself stands on [`crate::Store`].

pub(crate) mod audit;
pub(crate) mod block;
pub(crate) mod delivery;
pub(crate) mod destination;
pub(crate) mod event;
pub(crate) mod idempotency;
pub(crate) mod invite;
pub(crate) mod runtime;
pub(crate) mod session;
pub(crate) mod setting;
pub(crate) mod stream;
pub(crate) mod stream_key;
pub(crate) mod token;
pub(crate) mod user;
pub(crate) mod webhook;
