//! How things look to those who use the API: small structs, each with one conversion.
//!
//! Belongs here: what several resources share. A resource's own shapes stand in its file. Must not
//! come here: a key or password on its way out.

mod card;
mod destination;
mod event;
mod hidden;
mod list;
mod stream;
mod word;

pub(crate) use card::CardShape;
pub(crate) use destination::{DestinationPatchShape, DestinationShape, NewDestinationShape};
pub(crate) use event::EventShape;
pub(crate) use hidden::Hidden;
pub(crate) use list::List;
pub(crate) use stream::{Look, NewStreamShape, StreamPatchShape, StreamShape};
pub(crate) use word::{RoleWord, ScopeWord};

use crate::problem::Problem;
use crate::time::rfc3339;
use manycast_store::UnixMs;
use std::time::Duration;

/// A point in time of the database.
pub(crate) fn stamp(at: UnixMs) -> String {
    rfc3339(at.system())
}

/// A length of time that was given in seconds.
pub(crate) fn seconds(field: &str, seconds: f64) -> Result<Duration, Problem> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| Problem::field(field, "has to be a number of seconds, 0 or more"))
}
