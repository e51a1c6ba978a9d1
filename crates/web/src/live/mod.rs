//! Live updates for open pages (server-sent events).
//!
//! ```text
//! control --once a second, while a page is open--> Feed: one snapshot for all pages
//! Feed, control's events --> Connection: what one page is sent --> Frames: the body of its answer
//! ```
//!
//! Belongs here: who is sent what, and when that ends. A page that does not read is cut by the
//! connection's own bound on writing; nothing is queued for it here.

mod connection;
mod feed;

pub(crate) use connection::{Connection, Frames};
pub(crate) use feed::{Crowded, Feed};

use bytes::Bytes;
use serde::Serialize;

/// One message as it goes out.
fn message(event: &str, id: Option<&str>, data: &impl Serialize) -> Bytes {
    let json = serde_json::to_string(data).unwrap_or_else(|_| "{}".to_owned());
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    Bytes::from(format!("event: {event}\n{id}data: {json}\n\n"))
}
