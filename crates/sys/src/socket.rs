//! Options of a TCP socket that live media needs.
//!
//! Belongs here: one function per option. Must not come here: which values are right.

use std::io::{self, IoSlice, Read};
use std::net::Shutdown;
use std::time::Duration;

#[cfg(unix)]
use std::os::fd::AsFd as AsSocket;
#[cfg(windows)]
use std::os::windows::io::AsSocket;

use socket2::{SockRef, TcpKeepalive};

/// `MSG_NOSIGNAL`. Elsewhere the standard library has switched the signal off.
#[cfg(any(target_os = "linux", target_os = "android"))]
const NO_SIGNAL: i32 = 0x4000;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const NO_SIGNAL: i32 = 0;

/// From now on closing this socket sends RST and throws away what was not yet sent
/// (`SO_LINGER` 0).
///
/// A FIN queues behind the unsent bytes: towards a peer that stopped reading it never leaves, and
/// the kernel would keep the buffers for minutes.
///
/// # Errors
/// What the system says.
pub fn reset_on_close(socket: &impl AsSocket) -> io::Result<()> {
    SockRef::from(socket).set_linger(Some(Duration::ZERO))
}

/// Sends every write at once instead of waiting for the acknowledgement of the one before
/// (`TCP_NODELAY`).
///
/// # Errors
/// What the system says.
pub fn nodelay(socket: &impl AsSocket) -> io::Result<()> {
    SockRef::from(socket).set_tcp_nodelay(true)
}

/// When an idle connection is asked whether its peer still exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    /// Silence before the first probe.
    pub idle: Duration,
    /// Time between probes.
    pub interval: Duration,
    /// Unanswered probes after which the connection counts as dead.
    pub retries: u32,
}

/// Probes the peer of an idle connection (`SO_KEEPALIVE`).
///
/// # Errors
/// What the system says.
pub fn keepalive(socket: &impl AsSocket, values: Keepalive) -> io::Result<()> {
    let probes = TcpKeepalive::new()
        .with_time(values.idle)
        .with_interval(values.interval)
        .with_retries(values.retries);
    SockRef::from(socket).set_tcp_keepalive(&probes)
}

/// Ends the connection with `TimedOut` when sent bytes stay unacknowledged for this long
/// (`TCP_USER_TIMEOUT`, RFC 5482). Also bounds how long a peer may keep its window shut.
///
/// # Errors
/// `Unsupported` where the system has no such option, else what it says.
pub fn set_user_timeout(socket: &impl AsSocket, timeout: Duration) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        SockRef::from(socket).set_tcp_user_timeout(Some(timeout))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (socket, timeout);
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// The socket counts as writable only while fewer than this many bytes wait in the kernel for
/// their first transmission (`TCP_NOTSENT_LOWAT`): what is late stays in the server, where it can
/// still be dropped.
///
/// # Errors
/// `Unsupported` where the system has no such option, else what it says.
pub fn set_notsent_lowat(socket: &impl AsSocket, bytes: u32) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        SockRef::from(socket).set_tcp_notsent_lowat(bytes)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (socket, bytes);
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Sends FIN after everything that was written; reading goes on.
///
/// # Errors
/// What the system says, `NotConnected` above all.
pub fn shutdown_write(socket: &impl AsSocket) -> io::Result<()> {
    SockRef::from(socket).shutdown(Shutdown::Write)
}

/// Ends reading on this side only, without a word to the peer: whoever waits for the socket to
/// become readable wakes up and finds its end.
///
/// # Errors
/// What the system says, `NotConnected` above all.
pub fn shutdown_read(socket: &impl AsSocket) -> io::Result<()> {
    SockRef::from(socket).shutdown(Shutdown::Read)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{ErrorKind, Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (near, listener.accept().unwrap().0)
    }

    #[test]
    fn reset_on_close_reaches_the_peer_as_a_reset_even_past_unread_bytes() {
        let (mut near, mut far) = pair();
        near.write_all(b"never read").unwrap();
        reset_on_close(&near).unwrap();
        drop(near);
        let mut rest = Vec::new();
        assert_eq!(far.read_to_end(&mut rest).unwrap_err().kind(), ErrorKind::ConnectionReset);
    }

    #[test]
    fn an_ordinary_close_is_no_reset() {
        let (near, mut far) = pair();
        drop(near);
        assert_eq!(far.read(&mut [0; 8]).unwrap(), 0);
    }

    #[test]
    fn options_read_back_as_set() {
        let (near, _far) = pair();
        nodelay(&near).unwrap();
        let values = Keepalive {
            idle: Duration::from_secs(20),
            interval: Duration::from_secs(5),
            retries: 4,
        };
        keepalive(&near, values).unwrap();
        set_user_timeout(&near, Duration::from_secs(15)).unwrap();
        set_notsent_lowat(&near, 65_536).unwrap();
        let socket = SockRef::from(&near);
        assert!(socket.tcp_nodelay().unwrap());
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), values.idle);
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), values.interval);
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), values.retries);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(15)));
        assert_eq!(socket.tcp_notsent_lowat().unwrap(), 65_536);
    }

    #[test]
    fn shutting_the_read_side_wakes_a_blocked_reader_and_tells_the_peer_nothing() {
        let (near, mut far) = pair();
        let mut reader = near.try_clone().unwrap();
        let reading = std::thread::spawn(move || reader.read(&mut [0; 8]).unwrap());
        shutdown_read(&near).unwrap();
        assert_eq!(reading.join().unwrap(), 0);
        far.set_nonblocking(true).unwrap();
        assert_eq!(far.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    }
}

/// Writes what the connection takes now. On Linux this costs a few percent less than `writev`,
/// which takes the way through the file system.
///
/// # Errors
/// What the system says; a broken connection is an error and never a signal.
pub fn send(socket: &impl AsSocket, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
    let socket = SockRef::from(socket);
    match bufs {
        [one] => socket.send_with_flags(one, NO_SIGNAL),
        many => socket.send_vectored_with_flags(many, NO_SIGNAL),
    }
}

/// Reads what is there now, up to the length of `buf`; 0 is the end.
///
/// # Errors
/// `WouldBlock` when there is nothing now, else what the system says.
pub fn recv(socket: &impl AsSocket, buf: &mut [u8]) -> io::Result<usize> {
    (&*SockRef::from(socket)).read(buf)
}
