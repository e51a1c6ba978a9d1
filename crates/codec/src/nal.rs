//! NAL units and the two ways of framing them.
//!
//! Belongs here: telling the framings apart and walking the units (H.264 annex B, ISO/IEC 14496-15
//! clause 4.3.3). Must not come here: what a unit means.

/// How the NAL units of an access unit follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Each unit is preceded by its length in 1, 2 or 4 bytes.
    Length(LengthSize),
    /// Each unit is preceded by a start code (annex B).
    StartCode,
}

/// Bytes of the length before each unit. Three is not allowed (ISO/IEC 14496-15 5.3.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthSize {
    /// One byte.
    One,
    /// Two bytes.
    Two,
    /// Four bytes: what everybody writes.
    Four,
}

impl LengthSize {
    /// From the number of bytes.
    #[must_use]
    pub const fn from_bytes(n: u8) -> Option<Self> {
        match n {
            1 => Some(Self::One),
            2 => Some(Self::Two),
            4 => Some(Self::Four),
            _ => None,
        }
    }

    /// Takes a length off the front.
    fn split(self, bytes: &[u8]) -> Option<(usize, &[u8])> {
        match self {
            Self::One => bytes.split_first().map(|(n, rest)| (usize::from(*n), rest)),
            Self::Two => bytes
                .split_first_chunk::<2>()
                .map(|(n, rest)| (usize::from(u16::from_be_bytes(*n)), rest)),
            Self::Four => {
                let (n, rest) = bytes.split_first_chunk::<4>()?;
                Some((usize::try_from(u32::from_be_bytes(*n)).ok()?, rest))
            }
        }
    }
}

impl Framing {
    /// Whether a payload is framed so: lengths that end on its last byte, or a start code first.
    #[must_use]
    pub fn fits(self, payload: &[u8]) -> bool {
        match self {
            Self::Length(size) => walk_fits(payload, size),
            Self::StartCode => starts_with_code(payload),
        }
    }

    /// The framing of an access unit whose configuration is not at hand: 4-byte lengths where they
    /// end on the last byte, else start codes, else shorter lengths.
    ///
    /// `00 00 00 01` is both a start code and a length of one, so that the walk decides.
    #[must_use]
    pub fn detect(payload: &[u8]) -> Option<Self> {
        let fits = |size| walk_fits(payload, size).then_some(Self::Length(size));
        fits(LengthSize::Four)
            .or_else(|| starts_with_code(payload).then_some(Self::StartCode))
            .or_else(|| fits(LengthSize::Two))
            .or_else(|| fits(LengthSize::One))
    }
}

/// Whether `bytes` opens with a start code of three or four bytes.
#[must_use]
pub fn starts_with_code(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0, 0, 1]) || bytes.starts_with(&[0, 0, 0, 1])
}

fn walk_fits(payload: &[u8], size: LengthSize) -> bool {
    let mut rest = payload;
    while !rest.is_empty() {
        match size.split(rest).and_then(|(n, tail)| tail.get(n..)) {
            Some(tail) => rest = tail,
            None => return false,
        }
    }
    !payload.is_empty()
}

/// The NAL units of an access unit, without their framing; empty ones are passed over. Ends early
/// where a length runs past the end.
#[derive(Clone, Debug)]
pub struct NalUnits<'a> {
    framing: Framing,
    rest: &'a [u8],
}

impl<'a> NalUnits<'a> {
    /// Walks `payload` in a framing that is known.
    #[must_use]
    pub const fn new(framing: Framing, payload: &'a [u8]) -> Self {
        Self { framing, rest: payload }
    }

    /// Walks `payload` in the framing that it seems to have; yields nothing when it has none.
    #[must_use]
    pub fn detect(payload: &'a [u8]) -> Self {
        match Framing::detect(payload) {
            Some(framing) => Self::new(framing, payload),
            None => Self::new(Framing::StartCode, &[]),
        }
    }

    fn next_by_length(&mut self, size: LengthSize) -> Option<&'a [u8]> {
        let (n, tail) = size.split(self.rest)?;
        let (unit, rest) = tail.split_at_checked(n)?;
        self.rest = rest;
        Some(unit)
    }

    /// Annex B: leading zeros, start code, unit, trailing zeros.
    fn next_by_code(&mut self) -> Option<&'a [u8]> {
        let at = find_code(self.rest)?;
        let body = self.rest.get(at.saturating_add(3)..)?;
        let (unit, rest) = body.split_at_checked(find_code(body).unwrap_or(body.len()))?;
        self.rest = rest;
        let end = unit.iter().rposition(|b| *b != 0).map_or(0, |last| last.saturating_add(1));
        unit.get(..end)
    }
}

impl<'a> Iterator for NalUnits<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let unit = match self.framing {
                Framing::Length(size) => self.next_by_length(size),
                Framing::StartCode => self.next_by_code(),
            };
            match unit {
                Some([]) => {}
                Some(unit) => return Some(unit),
                None => {
                    self.rest = &[];
                    return None;
                }
            }
        }
    }
}

fn find_code(bytes: &[u8]) -> Option<usize> {
    bytes.windows(3).position(|window| window == [0, 0, 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn framings_are_told_apart() {
        use Framing::{Length, StartCode};
        use LengthSize::{Four, One, Two};
        for (payload, want) in [
            (&[0, 0, 0, 2, 0x65, 1][..], Some(Length(Four))),
            (&[0, 0, 0, 1, 0x65], Some(Length(Four))),
            (&[0, 0, 0, 1, 0x65, 0x88], Some(StartCode)),
            (&[0, 0, 1, 0x65, 0x88], Some(StartCode)),
            (&[0, 2, 0x65, 0x88], Some(Length(Two))),
            (&[2, 0x65, 0x88], Some(Length(One))),
            (&[0, 0, 0, 9, 0x65], None),
            (&[], None),
        ] {
            assert_eq!(Framing::detect(payload), want, "{payload:?}");
        }
    }

    #[test]
    fn empty_units_are_passed_over_and_overruns_end_the_walk() {
        let four = Framing::Length(LengthSize::Four);
        let units = |framing, bytes| NalUnits::new(framing, bytes).collect::<Vec<_>>();
        assert_eq!(
            units(four, &[0, 0, 0, 0, 0, 0, 0, 1, 9, 0, 0, 0, 2, 7, 8]),
            [&[9][..], &[7, 8]]
        );
        assert_eq!(units(four, &[0, 0, 0, 1, 9, 0, 0, 0, 3, 7, 8]), [&[9][..]]);
        assert_eq!(
            units(Framing::StartCode, &[0, 0, 0, 1, 9, 0xF0, 0, 0, 0, 1, 0, 0, 1, 0x65, 1, 0, 0]),
            [&[9, 0xF0][..], &[0x65, 1]]
        );
        assert!(NalUnits::detect(&[0xFF; 9]).next().is_none());
    }
}
