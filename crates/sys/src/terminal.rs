//! The terminal that somebody looks at.

/// How many columns the terminal behind the standard output has; `None`: it is none, or does not say.
#[cfg(unix)]
#[must_use]
pub fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0).then(|| size.ws_col.into())
}

/// How many columns the terminal behind the standard output has.
#[cfg(not(unix))]
#[must_use]
pub fn terminal_width() -> Option<usize> {
    None
}
