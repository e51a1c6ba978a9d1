//! How an input is cut into reads: sizes that follow from one byte.

/// Sizes of pieces, in turn: 0 stands for "all at once", 1 for single bytes.
pub(crate) fn sizes(pattern: u8) -> impl Iterator<Item = usize> {
    let mut state = u32::from(pattern);
    std::iter::from_fn(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some(match pattern {
            0 => usize::MAX,
            1 => 1,
            2..=127 => 1 + (state >> 24) as usize % usize::from(pattern),
            _ => 1 + (state >> 16) as usize % (usize::from(pattern) * 16),
        })
    })
}

/// Calls `read` with the pieces of `bytes` until one call returns false.
pub(crate) fn feed(mut bytes: &[u8], pattern: u8, mut read: impl FnMut(&[u8]) -> bool) {
    for size in sizes(pattern) {
        let (piece, rest) = bytes.split_at(size.min(bytes.len()));
        bytes = rest;
        if !read(piece) || bytes.is_empty() {
            return;
        }
    }
}
