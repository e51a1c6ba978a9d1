//! What real peers do that the specification does not say, and what we do about it.
//!
//! Belongs here: one name per policy of the handshake and the chunk stream, with its evidence.
//! Must not come here: session policies (`session/quirks.rs`), limits (`limits.rs`).
//!
//! The ids (H1, C1 …) are those of the trap list; a test of the same name proves each.

/// H1: the version in S1 of a simple handshake. ffmpeg as a player demands a digest as soon as the
/// first byte is 3 or more, so it has to be zero unless there is one (libavformat/rtmpproto.c).
pub(crate) const SIMPLE_VERSION: [u8; 4] = [0; 4];

/// H1: the version in S1 of a digest handshake; not zero. nginx-rtmp answers with the same one.
pub(crate) const SERVER_VERSION: [u8; 4] = [0x0D, 0x0E, 0x0A, 0x0D];

/// H3: the version in C1 of a digest handshake: a Flash Player that every server knows.
pub(crate) const CLIENT_VERSION: [u8; 4] = [9, 0, 124, 2];

/// H5: the versions of encrypted RTMP. It is obsolete and broken; the answer is to close.
pub(crate) const ENCRYPTED_VERSIONS: [u8; 3] = [6, 8, 9];

/// H6: from here on the first byte is text: a browser, a health check, a port scanner
/// (RTMP 5.2.2 forbids these versions for that purpose).
pub(crate) const FIRST_TEXT_VERSION: u8 = 32;

/// C1: bits of a repeated extended timestamp that must agree for it to count as repeated. Senders
/// that omit the repetition exist (OBS before 30.1, older ffmpeg and librtmp); some that repeat it
/// drop the top bit, which is why SRS compares 31.
const EXTENDED_BITS: u32 = 0x7FFF_FFFF;

/// C2: a timestamp below this, in ms, is taken for the delta that the specification makes of it.
const FIRST_DELTA_BELOW: u32 = 1000;

/// C3: an extended delta this close to the last timestamp, in ms, is taken for an absolute one.
const ABSOLUTE_WITHIN: u32 = 10_000;

/// C3: 24-bit fields hold anything below; only from here on is a field extended.
pub(crate) const EXTENDED_FROM: u32 = 0xFF_FFFF;

/// C8: chunk sizes beyond the longest message mean the same as this one. 0x7FFFFFFF and 128 MiB
/// are in use.
pub(crate) const LARGEST_CHUNK: u32 = 0xFF_FFFF;

/// C1: whether a field after a type 3 header repeats the extended timestamp `stored`.
pub(crate) const fn repeats_extended(field: u32, stored: u32) -> bool {
    (field ^ stored) & EXTENDED_BITS == 0
}

/// C2: what a type 3 chunk that opens a message adds, after a type 0 header with `timestamp`.
///
/// RTMP 5.3.1.2.4 says the timestamp itself, and FMLE means that (26 ms, then type 3). GStreamer
/// and librtmp mean 0. To double a large timestamp is never right.
pub(crate) const fn delta_after_full_header(timestamp: u32) -> u32 {
    if timestamp < FIRST_DELTA_BELOW { timestamp } else { 0 }
}

/// C3: whether the extended field of a type 1 or 2 header, by the specification a delta, holds an
/// absolute timestamp: it does if that is near the last one.
pub(crate) const fn is_absolute(field: u32, last: u32) -> bool {
    field >= EXTENDED_FROM
        && field.wrapping_sub(last).cast_signed().unsigned_abs() <= ABSOLUTE_WITHIN
}

/// C1, C3: whether a field that begins with `first` can still turn out to be an extended timestamp,
/// before its other bytes are there. Never false for a field that passes either test above.
pub(crate) fn may_be_extended(first: u8, stored: u32, last: u32) -> bool {
    [stored, last.wrapping_sub(ABSOLUTE_WITHIN), last.wrapping_add(ABSOLUTE_WITHIN)]
        .iter()
        .any(|candidate| (candidate.to_be_bytes()[0] ^ first) & 0x7F == 0)
}

/// C9: what a header with more than type 3 in the middle of a message means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InMessage {
    /// The message goes on: types 1 and 2 that change nothing. Some hardware sends them; SRS and
    /// nginx-rtmp tolerate it. Their delta is not added.
    Continues,
    /// The message is dropped and another begins: type 0.
    Restarts,
    /// The peer is out of step: size or type changed (bar A5).
    Refused,
}

impl InMessage {
    /// `unchanged` says whether length and type, where the header has them, are those of the open
    /// message.
    pub(crate) const fn of(format: u8, unchanged: bool) -> Self {
        match format {
            0 => Self::Restarts,
            _ if unchanged => Self::Continues,
            _ => Self::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_never_rules_out_a_match() {
        let edges = [0, 1, 0xFF_FFFF, 0x0100_0000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FF00, u32::MAX];
        for stored in edges {
            for last in edges {
                for offset in [0, 1, 9_999, 10_000, 0x8000_0000] {
                    for field in [
                        stored.wrapping_add(offset),
                        last.wrapping_add(offset),
                        last.wrapping_sub(offset),
                    ] {
                        let matches = repeats_extended(field, stored) || is_absolute(field, last);
                        let may = may_be_extended(field.to_be_bytes()[0], stored, last);
                        assert!(may || !matches, "{field:#x} {stored:#x} {last:#x}");
                    }
                }
            }
        }
    }
}
