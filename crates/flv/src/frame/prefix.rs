//! Messages for those who cannot step over what modifies a message (E-RTMP v2 "ModEx").
//!
//! Belongs here: the message without its prefixes. Must not come here: who takes what; what the
//! message is about, since a prefix may stand before anything.

use super::{FLV_AUDIO, FLV_VIDEO};
use crate::audio::EX_HEADER;
use crate::enhanced::{MOD_EX, read_mod_ex};
use bytes::{BufMut, BytesMut};
use manycast_bits::Reader;
use manycast_media::Wire;

/// Whether a message begins with a prefix that modifies it.
#[must_use]
pub fn has_mod_ex(wire: &Wire) -> bool {
    let first = wire.body.first().copied().unwrap_or(0);
    let enhanced = match wire.dialect {
        FLV_VIDEO => first & 0x80 != 0,
        FLV_AUDIO => first >> 4 == EX_HEADER,
        _ => false,
    };
    enhanced && first & 0x0F == MOD_EX
}

/// The message without the prefixes that modify it, and else as it came: its numbers, its neighbours
/// and what nobody here understands stay. Without a prefix nothing is copied. `None` when the
/// prefixes are cut short or too many, so that nobody can tell where the message begins.
#[must_use]
pub fn write_without_mod_ex(wire: Wire) -> Option<Wire> {
    if !has_mod_ex(&wire) {
        return Some(wire);
    }
    let mut reader = Reader::new(&wire.body);
    let first = reader.u8().ok()?;
    let (_, packet_type) = read_mod_ex(&wire.body, &mut reader, MOD_EX)?;
    let rest = reader.rest();
    let mut body = BytesMut::with_capacity(rest.len().saturating_add(1));
    body.put_u8(first & 0xF0 | packet_type);
    body.put_slice(rest);
    Some(Wire { dialect: wire.dialect, body: body.freeze() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{FLV_DATA_AMF0, FLV_DATA_AMF3};
    use crate::testing::bytes;

    #[test]
    fn e_rtmp_a_message_goes_without_its_prefixes_to_those_who_know_none() {
        for (dialect, came, want) in [
            // one prefix, several, one of a wide size, one of an unknown kind
            (FLV_VIDEO, "97 02 0003E8 01 'hvc1' 000010 2601", Some("91 'hvc1' 000010 2601")),
            (FLV_VIDEO, "A7 02 0003E8 07 00 AA 13 'hvc1' 2601", Some("A3 'hvc1' 2601")),
            (FLV_VIDEO, "97 FF 0002 0003E8 01 'av01' 3201", Some("91 'av01' 3201")),
            (FLV_AUDIO, "97 00 AA F1 'Opus' FC", Some("91 'Opus' FC")),
            // numbers stay, and so do commands and what is reserved
            (
                FLV_VIDEO,
                "97 02 0003E8 06 01 'hvc1' 05 000010 2601",
                Some("96 01 'hvc1' 05 000010 2601"),
            ),
            (FLV_AUDIO, "97 02 0003E8 05 01 'mp4a' 02 2110", Some("95 01 'mp4a' 02 2110")),
            (FLV_VIDEO, "D7 02 0003E8 00 00", Some("D0 00")),
            (FLV_VIDEO, "97 00 AA 09 0102", Some("99 0102")),
            // the beginning cannot be found
            (FLV_VIDEO, "97 02 0003", None),
            (FLV_AUDIO, "97", None),
            // no prefix: legacy tags and script messages may begin with the same digits
            (FLV_VIDEO, "91 'hvc1' 000010 2601", Some("91 'hvc1' 000010 2601")),
            (FLV_VIDEO, "17 01 000000 65", Some("17 01 000000 65")),
            (FLV_AUDIO, "A7 0102", Some("A7 0102")),
            (FLV_DATA_AMF0, "97 02 0003E8 01", Some("97 02 0003E8 01")),
            (FLV_DATA_AMF3, "97", Some("97")),
            (FLV_VIDEO, "", Some("")),
        ] {
            let wire = Wire { dialect, body: bytes(came) };
            let got = write_without_mod_ex(wire.clone());
            assert_eq!(got.as_ref().map(|wire| &wire.body), want.map(bytes).as_ref(), "{came}");
            assert!(got.iter().all(|wire| !has_mod_ex(wire) && wire.dialect == dialect), "{came}");
            if !has_mod_ex(&wire) {
                let same = got.is_some_and(|got| got.body.as_ptr() == wire.body.as_ptr());
                assert!(same, "{came}: copied for nothing");
            }
        }
        let most =
            |count| [&b"\x97"[..], &b"\0\xAA\x07".repeat(count - 1), b"\0\xAA\x01rest"].concat();
        let of =
            |count| write_without_mod_ex(Wire { dialect: FLV_VIDEO, body: most(count).into() });
        assert_eq!(
            of(crate::limits::MAX_MOD_EX).map(|wire| wire.body),
            Some(b"\x91rest"[..].into())
        );
        assert_eq!(of(crate::limits::MAX_MOD_EX + 1), None, "bounded");
    }
}
