//! What the Window holds, and the lanes of finished bytes made of it.

use crate::LaneBytes;
use manycast_media::{CodecConfig, Frame, Timestamp, TrackId, TrackSet};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// How many lanes an entry has room for.
pub const LANES: usize = 4;

/// Which lane: opaque to the hub, handed out by the application, below [`LANES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneId(pub u8);

/// One way to serialise a Stream for all viewers of one protocol alike.
///
/// Bytes are made lazily once per entry, shared by all, and evicted with the entry. They must not
/// depend on anything but the entry, so that a viewer can start and jump at any of them.
pub trait Lane: Send + Sync + 'static {
    /// Its number, distinct among the lanes in use.
    fn id(&self) -> LaneId;
    /// Appends the finished bytes of one entry.
    fn write(&self, content: &Content, out: &mut LaneBytes);
    /// Appends what a viewer needs before the first Frame: configuration and sticky messages,
    /// stamped with the time of that Frame.
    fn write_joiner(&self, tracks: &TrackSet, at: Timestamp, out: &mut LaneBytes);
}

/// How a Run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// The encoder said goodbye.
    Orderly,
    /// The encoder vanished, was cut or was displaced.
    Lost,
}

/// One thing that happened on a Stream, in order.
#[derive(Clone, Debug)]
pub enum Content {
    /// A Run began.
    RunStarted {
        /// Counts the Runs of this Stream from 1.
        run: u64,
    },
    /// The Tracks in force from here on; `changed` names those that are new or configured anew.
    Tracks {
        /// All Tracks in force.
        set: Arc<TrackSet>,
        /// New, or with a new configuration.
        changed: Arc<[TrackId]>,
        /// The time of the Frame that follows.
        at: Timestamp,
    },
    /// One access unit, on the Stream's timeline.
    Frame(Frame),
    /// The Run ended.
    RunEnded(RunEnd),
}

/// An entry of the Window.
#[derive(Debug)]
pub struct Entry {
    /// What happened.
    pub content: Content,
    /// When it came in.
    pub arrived: Instant,
    /// Bytes pushed to this Stream before it; the base of every lag in bytes.
    pub(crate) offset: u64,
    /// The number of the Gop that it belongs to.
    pub(crate) gop: u64,
    lanes: Lanes,
}

impl Entry {
    pub(crate) fn new(content: Content, arrived: Instant, offset: u64, gop: u64) -> Self {
        Self { content, arrived, offset, gop, lanes: Lanes::default() }
    }

    /// The Frame, if it is one.
    #[must_use]
    pub fn frame(&self) -> Option<&Frame> {
        match &self.content {
            Content::Frame(frame) => Some(frame),
            _ => None,
        }
    }

    /// The bytes of this entry that count against the Window's cap.
    pub(crate) fn size(&self) -> usize {
        match &self.content {
            Content::Frame(frame) => frame.size(),
            Content::Tracks { set, changed, .. } => {
                let news = changed.iter().filter_map(|id| set.get(*id)?.config.as_ref());
                news.map(CodecConfig::size).sum()
            }
            Content::RunStarted { .. } | Content::RunEnded(_) => 0,
        }
    }

    /// The finished bytes in a lane, made at the first call.
    pub fn lane(&self, lane: &dyn Lane) -> &LaneBytes {
        self.lanes.get(lane.id(), || {
            let mut bytes = LaneBytes::default();
            lane.write(&self.content, &mut bytes);
            bytes
        })
    }
}

/// The lanes of one entry. Nearly all viewers of a Stream share one: only the others cost memory
/// apart.
#[derive(Debug, Default)]
struct Lanes {
    first: OnceLock<(LaneId, LaneBytes)>,
    others: OnceLock<Box<[OnceLock<LaneBytes>; LANES]>>,
}

impl Lanes {
    fn get(&self, id: LaneId, make: impl Fn() -> LaneBytes) -> &LaneBytes {
        let (first, bytes) = self.first.get_or_init(|| (id, make()));
        if *first == id {
            return bytes;
        }
        static NONE: LaneBytes = LaneBytes::NONE;
        let others = self.others.get_or_init(Box::default);
        others.get(usize::from(id.0)).map_or(&NONE, |slot| slot.get_or_init(make))
    }
}

/// What a reader is handed.
#[derive(Clone, Debug)]
pub enum Item {
    /// The next entry, in order.
    Entry(Arc<Entry>),
    /// The reader starts or starts again: these are the Tracks in force, the first Frame that
    /// follows is due at `at` and a decoder can start there.
    Joined {
        /// All Tracks in force.
        tracks: Arc<TrackSet>,
        /// When the first Frame is due.
        at: Timestamp,
    },
    /// The reader was too late and lost this much; a [`Item::Joined`] follows.
    Skipped {
        /// Frames that it did not get.
        frames: u64,
        /// Gops that it did not get, or not whole.
        gops: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn each_lane_is_made_once_and_keeps_its_place() {
        let lanes = Lanes::default();
        let made = Cell::new(0);
        let get = |id: u8| {
            let bytes = lanes.get(LaneId(id), || {
                made.set(made.get() + 1);
                let mut bytes = LaneBytes::default();
                bytes.put(&[id; 3]);
                bytes
            });
            bytes.parts().collect::<Vec<_>>().concat()
        };
        for id in [2, 0, 3, 2, 0, 3, 1] {
            assert_eq!(get(id), [id; 3]);
        }
        assert_eq!(made.get(), 4);
        assert_eq!((get(LANES as u8), made.get()), (vec![], 4), "no such lane");
    }
}
