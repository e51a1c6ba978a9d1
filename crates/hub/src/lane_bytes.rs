//! Finished bytes of one entry in one lane.
//!
//! Belongs here: how they are kept. Must not come here: what they mean.

use bytes::Bytes;
use smallvec::SmallVec;

/// Bytes to be written one after another: short ones that were made for it (headers), which are
/// copied to a place of their own, and long ones that are shared (payload).
///
/// The usual entry, a header and its payload, takes no allocation.
#[derive(Debug, Default)]
pub struct LaneBytes {
    made: SmallVec<[u8; 24]>,
    shared: SmallVec<[Shared; 1]>,
    len: usize,
}

#[derive(Debug)]
struct Shared {
    /// How many of the bytes that were made go before it.
    after: usize,
    bytes: Bytes,
}

impl LaneBytes {
    /// No bytes.
    pub(crate) const NONE: Self =
        Self { made: SmallVec::new_const(), shared: SmallVec::new_const(), len: 0 };

    /// Appends a copy of a few bytes.
    pub fn put(&mut self, bytes: &[u8]) {
        self.made.extend_from_slice(bytes);
        self.len += bytes.len();
    }

    /// Appends bytes without a copy.
    pub fn share(&mut self, bytes: Bytes) {
        self.len += bytes.len();
        self.shared.push(Shared { after: self.made.len(), bytes });
    }

    /// How many bytes these are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// An upper bound of the number of [`Self::parts`].
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.len() * 2 + 1
    }

    /// What is to be written, in order. No part is empty.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let mut made = 0;
        let with_header = move |shared: &'_ Shared| {
            let before = made..shared.after;
            made = shared.after;
            before
        };
        let last = self.shared.last().map_or(0, |shared| shared.after);
        let before = self.shared.iter().map(with_header);
        let pairs = before.zip(&self.shared).flat_map(|(made, shared)| {
            [self.made.get(made).unwrap_or_default(), &shared.bytes[..]]
        });
        let end = self.made.get(last..).unwrap_or_default();
        pairs.chain([end]).filter(|part| !part.is_empty())
    }

    /// What is left after the first `written` bytes, for those who keep it.
    #[must_use]
    pub fn rest(&self, mut written: usize) -> Vec<Bytes> {
        let mut rest = Vec::new();
        let mut made = 0;
        let mut leave = |bytes: Bytes| {
            let gone = written.min(bytes.len());
            written -= gone;
            if gone < bytes.len() {
                rest.push(bytes.slice(gone..));
            }
        };
        for shared in &self.shared {
            leave(Bytes::copy_from_slice(&self.made[made..shared.after]));
            leave(shared.bytes.clone());
            made = shared.after;
        }
        leave(Bytes::copy_from_slice(&self.made[made..]));
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> LaneBytes {
        let mut bytes = LaneBytes::default();
        bytes.share(Bytes::from_static(b"ab"));
        bytes.put(b"c");
        bytes.put(b"d");
        bytes.share(Bytes::from_static(b"efg"));
        bytes.share(Bytes::from_static(b"hi"));
        bytes.put(b"jklmnopqrstuvwxyz0123456789");
        bytes
    }

    #[test]
    fn parts_come_in_order_and_none_is_empty() {
        let bytes = sample();
        let parts: Vec<_> = bytes.parts().collect();
        let want: [&[u8]; 5] = [b"ab", b"cd", b"efg", b"hi", b"jklmnopqrstuvwxyz0123456789"];
        assert_eq!(parts, want);
        assert_eq!(bytes.len(), parts.concat().len());
        assert!(bytes.count() >= parts.len() && !bytes.is_empty());
        assert!(LaneBytes::NONE.is_empty() && LaneBytes::NONE.parts().next().is_none());
    }

    #[test]
    fn the_rest_begins_wherever_a_write_has_ended() {
        let bytes = sample();
        let all = bytes.parts().collect::<Vec<_>>().concat();
        for written in 0..=all.len() {
            assert_eq!(bytes.rest(written).concat(), all[written..], "{written}");
        }
        assert_eq!(bytes.rest(all.len()), Vec::<Bytes>::new());
    }
}
