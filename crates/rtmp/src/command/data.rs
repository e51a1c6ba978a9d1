//! Data messages as bytes: the name in front, and the `@setDataFrame` that publishers add and
//! players must not see. Bodies are never parsed and written again, so that they stay bit-exact.
//!
//! Belongs here: what can be told from the first bytes of a data body.
//! Must not come here: the meaning of metadata.

use bytes::Bytes;

/// `"@setDataFrame"` as an AMF0 string: what a publisher puts before metadata that the server keeps.
const SET_DATA_FRAME: &[u8] = b"\x02\x00\x0d@setDataFrame";

/// AMF0 markers of the values that may stand before the first string.
const NUMBER: u8 = 0x00;
const STRING: u8 = 0x02;

/// The name of a data message: its first string, `None` when it has none or is not AMF at all.
///
/// Leading numbers are stepped over: some cameras send two before `@setDataFrame`.
#[must_use]
pub fn data_name(body: &[u8]) -> Option<&[u8]> {
    let body = skip_numbers(body);
    let text = body.strip_prefix(&[STRING])?;
    let (length, text) = text.split_first_chunk::<2>()?;
    text.get(..usize::from(u16::from_be_bytes(*length)))
}

/// The body as players take it: without a leading `@setDataFrame`, otherwise the same bytes.
#[must_use]
pub fn without_set_data_frame(body: &Bytes) -> Bytes {
    let start = skip_numbers(body);
    match start.strip_prefix(SET_DATA_FRAME) {
        Some(rest) => body.slice_ref(rest),
        None => body.clone(),
    }
}

/// The body as a server keeps it: metadata gets a leading `@setDataFrame`, anything else and whatever
/// has one already stays the same bytes.
#[must_use]
pub fn with_set_data_frame(body: &Bytes) -> Bytes {
    if data_name(body) == Some(b"onMetaData") {
        Bytes::from([SET_DATA_FRAME, body].concat())
    } else {
        body.clone()
    }
}

fn skip_numbers(mut body: &[u8]) -> &[u8] {
    while let Some((marker, rest)) = body.split_first() {
        let Some((_, after)) = rest.split_first_chunk::<8>() else { break };
        if *marker != NUMBER {
            break;
        }
        body = after;
    }
    body
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{data_name, with_set_data_frame, without_set_data_frame};

    const META: &[u8] = b"\x02\x00\x0aonMetaData\x08\x00\x00\x00\x14\x00\x00\x09";

    fn prefixed() -> Bytes {
        Bytes::from([b"\x02\x00\x0d@setDataFrame".as_slice(), META].concat())
    }

    #[test]
    fn section14_metadata_gains_and_loses_its_prefix_bit_exactly() {
        let bare = Bytes::from_static(META);
        assert_eq!(with_set_data_frame(&bare), prefixed());
        assert_eq!(with_set_data_frame(&prefixed()), prefixed());
        assert_eq!(without_set_data_frame(&prefixed()), bare);
        assert_eq!(without_set_data_frame(&bare), bare);
    }

    #[test]
    fn section14_other_data_passes_as_it_is() {
        for body in
            [&b"\x02\x00\x06onText\x05"[..], b"", b"\x00", b"\x00\x00\x00\x01", b"\x02\xff\xffab"]
        {
            let body = Bytes::from_static(body);
            assert_eq!(with_set_data_frame(&body), body);
            assert_eq!(without_set_data_frame(&body), body);
        }
    }

    #[test]
    fn trap_a9_leading_numbers_are_stepped_over() {
        let number = b"\x00\x3f\xf0\x00\x00\x00\x00\x00\x00".as_slice();
        let body = Bytes::from([number, number, &prefixed()].concat());
        assert_eq!(data_name(&body), Some(&b"@setDataFrame"[..]));
        assert_eq!(without_set_data_frame(&body), Bytes::from_static(META));
    }

    #[test]
    fn trap_a10_data_that_is_not_amf_has_no_name() {
        for body in
            [&b"\x00\x00\x00\x01"[..], b"", b"\x02", b"\x02\x00\x05abcd", b"\x09\x02\x00\x01a"]
        {
            assert_eq!(data_name(body), None, "{body:?}");
        }
    }

    #[test]
    fn trap_a8_a_name_that_is_not_utf8_stays_bytes() {
        assert_eq!(data_name(b"\x02\x00\x02\xc4\xe3"), Some(&b"\xc4\xe3"[..]));
    }
}
