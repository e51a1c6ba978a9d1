//! Closed captions in the picture: CEA-608 and CEA-708 as `cc_data` of ATSC A/53 part 4.
//!
//! Belongs here: taking the byte pairs out of a T.35 message, saying which services flow.
//! Must not come here: what the captions say; decoding is a player's work.

use manycast_bits::Reader;

/// What a byte pair belongs to (`cc_type`, CEA-708 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CcKind {
    /// CEA-608, field 1: CC1, CC2, T1, T2.
    Cea608Field1,
    /// CEA-608, field 2: CC3, CC4, T3, T4, XDS.
    Cea608Field2,
    /// CEA-708, a packet goes on.
    Cea708,
    /// CEA-708, a packet starts.
    Cea708Start,
}

/// One byte pair of captions, in the order of decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CcTriplet {
    /// What it belongs to.
    pub kind: CcKind,
    /// The bytes as they came, parity included.
    pub data: [u8; 2],
}

impl CcTriplet {
    /// Whether it is filling: CEA-608 without text or control code.
    #[must_use]
    pub const fn is_padding(self) -> bool {
        let [first, second] = self.data;
        matches!(self.kind, CcKind::Cea608Field1 | CcKind::Cea608Field2)
            && first & 0x7F == 0
            && second & 0x7F == 0
    }

    /// Takes the byte pairs out of a message of ITU-T T.35, country code first, and appends those
    /// that are valid. Other messages, and other data in it, give none.
    ///
    /// The same bytes stand in SEI messages of type 4 and in AV1 metadata OBUs of type 4.
    pub fn read_t35(message: &[u8], out: &mut Vec<Self>) {
        const UNITED_STATES: u8 = 0xB5;
        const ATSC: [u8; 2] = [0, 0x31];
        const CC_DATA: u8 = 3;
        const PROCESS_CC_DATA: u8 = 0x40;
        let mut reader = Reader::new(message);
        let Ok([UNITED_STATES, provider @ .., b'G', b'A', b'9', b'4', CC_DATA, flags, _em_data]) =
            reader.array::<10>()
        else {
            return;
        };
        if provider != ATSC || flags & PROCESS_CC_DATA == 0 {
            return;
        }
        for _ in 0..flags & 0x1F {
            let Ok([marker, data @ ..]) = reader.array::<3>() else { return };
            let kind = match marker & 3 {
                0 => CcKind::Cea608Field1,
                1 => CcKind::Cea608Field2,
                2 => CcKind::Cea708,
                _ => CcKind::Cea708Start,
            };
            if marker & 4 != 0 {
                out.push(Self { kind, data });
            }
        }
    }
}

/// Which kinds of captions have come so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptionPresence {
    /// CEA-608 in field 1 (CC1 and CC2).
    pub cea608_field1: bool,
    /// CEA-608 in field 2 (CC3 and CC4).
    pub cea608_field2: bool,
    /// CEA-708.
    pub cea708: bool,
}

impl CaptionPresence {
    /// Takes note of a frame's captions. Padding is no caption.
    pub fn note(&mut self, triplets: &[CcTriplet]) {
        for triplet in triplets.iter().filter(|triplet| !triplet.is_padding()) {
            match triplet.kind {
                CcKind::Cea608Field1 => self.cea608_field1 = true,
                CcKind::Cea608Field2 => self.cea608_field2 = true,
                CcKind::Cea708 | CcKind::Cea708Start => self.cea708 = true,
            }
        }
    }

    /// Whether there are any.
    #[must_use]
    pub const fn any(self) -> bool {
        self.cea608_field1 || self.cea608_field2 || self.cea708
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `GA94` with these byte pairs.
    fn message(triplets: &[[u8; 3]]) -> Vec<u8> {
        let count = u8::try_from(triplets.len()).unwrap();
        let head = [0xB5, 0, 0x31, b'G', b'A', b'9', b'4', 3, 0xC0 | count, 0xFF];
        [&head[..], &triplets.concat(), &[0xFF]].concat()
    }

    fn read(message: &[u8]) -> Vec<CcTriplet> {
        let mut out = Vec::new();
        CcTriplet::read_t35(message, &mut out);
        out
    }

    #[test]
    fn byte_pairs_come_out_in_order() {
        let found = read(&message(&[
            [0xFC, 0x94, 0x20],
            [0xFD, 0x80, 0x80],
            [0xFF, 0x02, 0x21],
            [0xFE, 0x48, 0x49],
            [0xFA, 0, 0],
        ]));
        let kinds: Vec<_> = found.iter().map(|triplet| triplet.kind).collect();
        use CcKind::{Cea608Field1, Cea608Field2, Cea708, Cea708Start};
        assert_eq!(
            kinds,
            [Cea608Field1, Cea608Field2, Cea708Start, Cea708],
            "the invalid is left out"
        );
        assert_eq!(found[0].data, [0x94, 0x20]);
        let mut presence = CaptionPresence::default();
        presence.note(&found);
        // field 2 has filling only
        let want = CaptionPresence { cea608_field1: true, cea608_field2: false, cea708: true };
        assert_eq!(presence, want);
        assert!(presence.any() && !CaptionPresence::default().any());
    }

    #[test]
    fn other_messages_give_none() {
        let good = message(&[[0xFC, 0x94, 0x20]]);
        for (at, byte) in [(0, 0xB4), (2, 0x3C), (3, b'D'), (7, 6), (8, 0x81)] {
            let mut other = good.clone();
            other[at] = byte;
            assert_eq!(read(&other), [], "byte {at}");
        }
        // cut short: what is whole counts
        assert_eq!(read(&good[..12]), []);
        assert_eq!(read(&message(&[[0xFC, 1, 2], [0xFC, 3, 4]])[..15]).len(), 1);
        assert_eq!(read(&[]), []);
    }
}
