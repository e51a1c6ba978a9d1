//! Where the bodies of messages are put together.
//!
//! Belongs here: the memory of bodies. Must not come here: which message a byte belongs to.

use bytes::{Bytes, BytesMut};

/// Bodies are cut from blocks of this size.
const BLOCK: usize = 64 * 1024;
/// Longer bodies have memory of their own: what a block has left when one does not fit is lost.
const LONGEST_CUT: usize = BLOCK / 4;

/// The body of a message that comes in.
#[derive(Debug)]
pub(super) enum Body {
    /// In memory of its own, which grows with what comes.
    Own(Vec<u8>),
    /// In a place of just its length in a block.
    Cut(BytesMut),
}

impl Body {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Own(body) => body.len(),
            Self::Cut(body) => body.len(),
        }
    }

    pub(super) fn capacity(&self) -> usize {
        match self {
            Self::Own(body) => body.capacity(),
            Self::Cut(body) => body.capacity(),
        }
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        match self {
            Self::Own(body) => body.extend_from_slice(bytes),
            Self::Cut(body) => body.extend_from_slice(bytes),
        }
    }

    pub(super) fn freeze(self) -> Bytes {
        match self {
            Self::Own(body) => Bytes::from(body),
            Self::Cut(body) => body.freeze(),
        }
    }
}

/// Blocks that the bodies of one encoder's media are cut from, one after another: they cost no
/// allocation each, and lie together as they will be read. A block goes with the last of its bodies.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    on: bool,
    /// What is left of the current one.
    rest: BytesMut,
}

impl Blocks {
    pub(super) fn turn(&mut self, on: bool) {
        if self.on != on {
            *self = Self { on, rest: BytesMut::new() };
        }
    }

    /// A place for a body that is at hand as a whole, if it is one for a block.
    pub(super) fn cut(&mut self, length: usize) -> Option<Body> {
        if !self.on || length > LONGEST_CUT {
            return None;
        }
        if self.rest.capacity() < length {
            self.rest = BytesMut::with_capacity(BLOCK);
        }
        let rest = self.rest.split_off(length);
        Some(Body::Cut(std::mem::replace(&mut self.rest, rest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(blocks: &mut Blocks, length: usize) -> Option<Bytes> {
        let mut body = blocks.cut(length)?;
        assert_eq!((body.len(), body.capacity()), (0, length));
        body.append(&vec![7; length]);
        Some(body.freeze())
    }

    #[test]
    fn bodies_lie_one_behind_the_other_in_a_block() {
        let mut blocks = Blocks::default();
        assert!(cut(&mut blocks, 100).is_none(), "nobody asked for it");
        blocks.turn(true);
        let first = cut(&mut blocks, 100).unwrap();
        let second = cut(&mut blocks, LONGEST_CUT).unwrap();
        assert_eq!(second.as_ptr(), first.as_ptr().wrapping_add(100));
        assert!(cut(&mut blocks, LONGEST_CUT + 1).is_none());
        blocks.turn(true);
        let third = cut(&mut blocks, 1).unwrap();
        assert_eq!(third.as_ptr(), second.as_ptr().wrapping_add(LONGEST_CUT));
        for _ in 0..20 {
            assert_eq!(cut(&mut blocks, LONGEST_CUT).unwrap(), vec![7; LONGEST_CUT]);
        }
        assert_eq!(
            (first, third),
            (vec![7; 100].into(), vec![7].into()),
            "untouched by later ones"
        );
        blocks.turn(false);
        assert_eq!(blocks.rest.capacity(), 0);
    }
}
