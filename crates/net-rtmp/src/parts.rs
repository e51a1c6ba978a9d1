//! Pure parts of connections, handed out to the simulator, which carries their bytes in virtual
//! time. Not part of the API.
//!
//! Belongs here: doors to what exists. Must not come here: behaviour of its own.

use crate::client::{DeliveryWriter, fault};
use manycast_fanout::Writer;
use manycast_hub::{ConfigChange, Displaced, LinkEnd, Publisher};
use manycast_rtmp::command::RtmpUrl;
use manycast_rtmp::session::{ClientEvent, Media, MediaWriter, SessionError};
use std::io::{Error, ErrorKind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Notify;

/// Whether a session must end for the sake of a new configuration.
#[derive(Debug)]
pub struct Renewal(Arc<Notify>);

impl Renewal {
    /// Told once.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        pin!(self.0.notified()).as_mut().enable()
    }
}

/// What writes a Stream's items as the messages of one Delivery.
#[must_use]
pub fn delivery_writer(media: MediaWriter, change: ConfigChange) -> (Box<dyn Writer>, Renewal) {
    let renewal = Arc::<Notify>::default();
    (Box::new(DeliveryWriter::new(media, change, renewal.clone())), Renewal(renewal))
}

/// The end that an event of a session with `ours` means, if it means one.
#[must_use]
pub fn verdict(event: &ClientEvent, ours: &RtmpUrl, accepted: bool) -> Option<LinkEnd> {
    fault::verdict(event, ours, accepted)
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
