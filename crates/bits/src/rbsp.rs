//! Emulation prevention of byte-stream video (H.264 7.4.1, H.265 7.4.2, H.266 7.4.2).
//!
//! Belongs here: taking the prevention bytes out. Must not come here: what the payload means.

use std::borrow::Cow;

/// Drops each `03` that follows two zero bytes, giving the raw payload. Borrows when there is none.
pub fn unescape_rbsp(payload: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = payload.windows(3).position(|window| window == [0, 0, 3]) else {
        return Cow::Borrowed(payload);
    };
    let (clean, rest) = payload.split_at_checked(first).unwrap_or((payload, &[]));
    let mut raw = Vec::with_capacity(payload.len());
    raw.extend_from_slice(clean);
    let mut zeros = 0_u8;
    for &byte in rest {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros.saturating_add(1) } else { 0 };
        raw.push(byte);
    }
    Cow::Owned(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prevention_bytes_are_dropped() {
        for (escaped, raw) in [
            (&[][..], &[][..]),
            (&[1, 2, 3], &[1, 2, 3]),
            (&[0, 3, 0, 3], &[0, 3, 0, 3]),
            (&[0, 0, 3, 1], &[0, 0, 1]),
            (&[0, 0, 3], &[0, 0]),
            (&[0, 0, 3, 0, 0, 3, 0, 0, 3], &[0, 0, 0, 0, 0, 0]),
            (&[9, 0, 0, 3, 3, 0, 0, 0, 3], &[9, 0, 0, 3, 0, 0, 0]),
        ] {
            assert_eq!(unescape_rbsp(escaped), raw, "{escaped:?}");
        }
    }

    #[test]
    fn clean_payload_is_borrowed() {
        assert!(matches!(unescape_rbsp(&[0, 0, 1, 0, 0, 2]), Cow::Borrowed(_)));
    }
}
