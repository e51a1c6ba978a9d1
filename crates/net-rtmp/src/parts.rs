//! Pure parts of connections, handed out to the simulator, which carries their bytes in virtual
//! time. Not part of the API.
//!
//! Belongs here: doors to what exists. Must not come here: behaviour of its own.

use crate::client::{DeliveryWriter, fault};
use manycast_fanout::Writer;
use manycast_hub::{Displaced, LinkEnd, Publisher};
use manycast_rtmp::session::{ClientEvent, Media, MediaWriter, SessionError};
use std::io::{Error, ErrorKind};
use std::time::Instant;

/// What writes a Stream's items as the messages of one Delivery.
#[must_use]
pub fn delivery_writer(media: MediaWriter) -> Box<dyn Writer> {
    Box::new(DeliveryWriter::new(media))
}

/// The end that an event of the session means, if it means one.
#[must_use]
pub fn verdict(event: &ClientEvent, accepted: bool) -> Option<LinkEnd> {
    crate::client::verdict(event, accepted)
}

/// The end that an error of the session means. `greeted`: the far end has spoken RTMP.
#[must_use]
pub fn broken(error: &SessionError, greeted: bool) -> LinkEnd {
    fault::session(error, greeted)
}

/// The end that a close of the far end means.
#[must_use]
pub fn closed(greeted: bool, accepted: bool) -> LinkEnd {
    fault::closed(greeted, accepted)
}

/// The end that a reset means.
#[must_use]
pub fn reset() -> LinkEnd {
    fault::io(&Error::from(ErrorKind::ConnectionReset))
}

/// One publish on its way into a Stream.
#[derive(Debug)]
pub struct Ingest(crate::ingest::Ingest);

impl Ingest {
    /// Writes with this Publisher.
    #[must_use]
    pub fn new(publisher: Publisher) -> Self {
        Self(crate::ingest::Ingest::new(publisher))
    }

    /// Takes one message.
    ///
    /// # Errors
    /// [`Displaced`] when somebody else publishes by now.
    pub fn media(&mut self, now: Instant, media: &Media) -> Result<(), Displaced> {
        self.0.media(now, media)
    }

    /// Wakes readers if it is time; when to come back otherwise.
    pub fn commit(&mut self, now: Instant) -> Option<Instant> {
        self.0.commit(now)
    }

    /// Ends the Run.
    pub fn end(self, now: Instant, orderly: bool) {
        self.0.end(now, orderly);
    }
}
