//! How many descriptors this process may hold, and how to tell that they ran out.
//!
//! Belongs here: resource limits of the process. Must not come here: limits of the server's own
//! making (connections per address and the like).

use std::io;

/// The limit of open descriptors of this process (`RLIMIT_NOFILE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// What is enforced now, in descriptors.
    pub soft: u64,
    /// How far an ordinary process may raise it.
    pub hard: u64,
}

/// The limit of open descriptors as it is.
///
/// # Errors
/// `Unsupported` off Unix, else what the system says.
#[cfg(unix)]
pub fn open_files() -> io::Result<Limits> {
    use nix::sys::resource::{Resource, getrlimit};
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(Limits { soft: widen(soft), hard: widen(hard) })
}

/// Raises the limit of open descriptors as far as an ordinary process may, and returns the result.
///
/// # Errors
/// `Unsupported` off Unix, else what the system says; the old limit then still holds.
#[cfg(unix)]
pub fn raise_open_files() -> io::Result<Limits> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    open_files()
}

/// `rlim_t` is 32 bits wide on some systems.
#[cfg(unix)]
#[allow(clippy::useless_conversion)]
fn widen(limit: nix::libc::rlim_t) -> u64 {
    u64::from(limit)
}

/// The limit of open descriptors as it is.
///
/// # Errors
/// Always `Unsupported` here.
#[cfg(not(unix))]
pub fn open_files() -> io::Result<Limits> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Raises the limit of open descriptors as far as an ordinary process may, and returns the result.
///
/// # Errors
/// Always `Unsupported` here.
#[cfg(not(unix))]
pub fn raise_open_files() -> io::Result<Limits> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether an accept or connect failed for want of descriptors or socket memory, in this process
/// or in the whole system. Such a failure says nothing about the peer, and trying again at once
/// would only spin.
#[must_use]
pub fn is_fd_exhaustion(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use nix::libc;
        matches!(
            error.raw_os_error(),
            Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
        )
    }
    #[cfg(not(unix))]
    {
        // WSAEMFILE, WSAENOBUFS
        matches!(error.raw_os_error(), Some(10024 | 10055))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn raising_reaches_the_hard_limit_and_is_repeatable() {
        let before = open_files().unwrap();
        let after = raise_open_files().unwrap();
        assert_eq!(after, Limits { soft: before.hard, hard: before.hard });
        assert_eq!(raise_open_files().unwrap(), after);
    }

    #[test]
    fn exhaustion_is_told_from_other_failures() {
        use nix::libc;
        for (code, expected) in [
            (libc::EMFILE, true),
            (libc::ENFILE, true),
            (libc::ENOBUFS, true),
            (libc::ENOMEM, true),
            (libc::ECONNABORTED, false),
            (libc::EINTR, false),
            (libc::EPERM, false),
        ] {
            assert_eq!(is_fd_exhaustion(&io::Error::from_raw_os_error(code)), expected, "{code}");
        }
        assert!(!is_fd_exhaustion(&io::Error::other("no code at all")));
    }
}
