//! The same bytes to many viewers by one system call, where the system allows it.
//!
//! Belongs here: whether that can be done, and for whom. Must not come here: what a viewer that did
//! not take all of it wants next.

use crate::viewer::Viewer;
use manycast_hub::Cursor;
use manycast_uring::SendRing;
use smallvec::SmallVec;
use std::io;
use std::os::fd::BorrowedFd;

/// Viewers that are written to before it is looked what they took.
pub(crate) const PART: usize = 128;

/// What one thread writes in bulk with.
pub(crate) struct Bulk {
    ring: Ring,
    /// By viewer: their places in the part that was written to, and what they took.
    places: Vec<usize>,
    taken: Vec<io::Result<usize>>,
}

enum Ring {
    /// Nobody has needed it yet: at rest a server holds none.
    Untried,
    Ready(Box<SendRing>),
    Refused,
}

impl Bulk {
    /// `allowed`: otherwise everybody is written to alone.
    pub(crate) fn new(allowed: bool) -> Self {
        let ring = if allowed { Ring::Untried } else { Ring::Refused };
        Self { ring, places: Vec::new(), taken: Vec::new() }
    }

    /// Writes `bytes` to those of `viewers` that stand at `front` and whose sockets may be written
    /// to by anybody. What they took, by their places, in ascending order; the others are missing.
    pub(crate) fn write<'a>(
        &'a mut self,
        viewers: &[Viewer],
        front: &Cursor,
        bytes: &[u8],
    ) -> impl Iterator<Item = (usize, io::Result<usize>)> + use<'a> {
        self.places.clear();
        self.taken.clear();
        if let Some(ring) = self.ring.ready() {
            let mut sockets = SmallVec::<[BorrowedFd<'_>; PART]>::new();
            for (at, viewer) in viewers.iter().enumerate() {
                if viewer.is_at(front)
                    && let Some(socket) = viewer.sink.socket()
                {
                    sockets.push(socket);
                    self.places.push(at);
                }
            }
            if let Err(error) = ring.send(&sockets, bytes, &mut self.taken) {
                tracing::warn!(%error, "io_uring is refused now: viewers are written to one by one");
                self.ring = Ring::Refused;
            }
        }
        self.places.drain(..).zip(self.taken.drain(..))
    }
}

impl Ring {
    fn ready(&mut self) -> Option<&mut SendRing> {
        if let Self::Untried = self {
            *self = match SendRing::new() {
                Ok(ring) => Self::Ready(Box::new(ring)),
                Err(error) => {
                    tracing::debug!(%error, "io_uring is not allowed: viewers are written to one by one");
                    Self::Refused
                }
            };
        }
        match self {
            Self::Ready(ring) => Some(ring),
            Self::Untried | Self::Refused => None,
        }
    }
}
