//! Bounds on what one message may make us hold.

/// Tracks in one multitrack message; a message with more is carried, not understood.
pub const MAX_TRACKS: usize = 32;

/// ModEx prefixes of one message (E-RTMP v2 defines one); a message with more is carried, not
/// understood.
pub const MAX_MOD_EX: usize = 8;

/// Bytes of ModEx data in a message with several tracks, which is repeated for each of them (a
/// nanosecond offset is 3 bytes); a message with more is carried, not understood.
pub const MAX_REPEATED_MOD_EX: usize = 64;

/// Bytes of an FLV file header with its extension; more is no FLV file.
pub const MAX_FILE_HEADER: usize = 4096;

/// Bytes of a tag that ends the search after damage in a file; longer ones are passed over, so that
/// a false start costs no more than this.
pub const MAX_SEARCHED_TAG: usize = 1 << 20;
