//! What the kernel knows about a TCP connection (`TCP_INFO`, tcp(7)).
//!
//! Belongs here: the layout of the kernel's record and its conversion. Must not come here: what
//! the numbers mean for a viewer or destination.

use std::io;
use std::time::Duration;

/// State of a TCP connection, numbered as the kernel does (`tcp_states.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum TcpState {
    Established,
    SynSent,
    SynRecv,
    FinWait1,
    FinWait2,
    TimeWait,
    Close,
    CloseWait,
    LastAck,
    Listen,
    Closing,
    /// A number this table does not know.
    Other(u8),
}

impl From<u8> for TcpState {
    fn from(number: u8) -> Self {
        match number {
            1 => Self::Established,
            2 => Self::SynSent,
            3 => Self::SynRecv,
            4 => Self::FinWait1,
            5 => Self::FinWait2,
            6 => Self::TimeWait,
            7 => Self::Close,
            8 => Self::CloseWait,
            9 => Self::LastAck,
            10 => Self::Listen,
            11 => Self::Closing,
            other => Self::Other(other),
        }
    }
}

/// A snapshot of a TCP connection. Counters run from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpInfo {
    /// State of the connection.
    pub state: TcpState,
    /// Bytes the peer has acknowledged. The side that connected counts one more, its SYN. The only
    /// honest measure of progress: written bytes may lie in a buffer for ever.
    pub bytes_acked: u64,
    /// Bytes put on the wire, repeats included; kernels before 4.19 do not say.
    pub bytes_sent: Option<u64>,
    /// Bytes put on the wire again; kernels before 4.19 do not say.
    pub bytes_retransmitted: Option<u64>,
    /// Bytes in flight: sent, not yet acknowledged. Exact where `bytes_sent` is known, else
    /// segments times their size.
    pub unacked_bytes: u64,
    /// Bytes that wait in the kernel for their first transmission; kernels before 4.6 do not say.
    pub notsent_bytes: Option<u32>,
    /// Smoothed round trip time; zero before the first measurement.
    pub rtt: Duration,
    /// Segments sent again over the life of the connection.
    pub retransmits: u32,
    /// Consecutive retransmission time-outs of the segment that is due now: above zero means that
    /// the path is silent at this moment.
    pub backoff: u8,
}

#[cfg(target_os = "linux")]
pub use linux::tcp_info;

/// What the kernel knows about this connection.
///
/// # Errors
/// Always `Unsupported` here.
#[cfg(not(target_os = "linux"))]
pub fn tcp_info<S>(_socket: &S) -> io::Result<TcpInfo> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::AsFd;
    use std::sync::OnceLock;

    // The option macros of `nix` name `libc` and one another without a path.
    use nix::{getsockopt_impl, libc, sockopt_impl, sys::socket::getsockopt};

    use super::*;

    /// `struct tcp_info` of `linux/tcp.h` up to the field that Linux 4.2 ended with. The kernel
    /// only ever appends to it and copies as much as the caller has room for.
    #[repr(C)]
    #[derive(Clone, Copy, Debug)]
    #[allow(unreachable_pub, missing_docs, reason = "the option macro wants a public type")]
    pub struct Base {
        state: u8,
        ca_state: u8,
        retransmits: u8,
        probes: u8,
        backoff: u8,
        options: u8,
        window_scales: u8,
        flags: u8,
        rto: u32,
        ato: u32,
        snd_mss: u32,
        rcv_mss: u32,
        unacked: u32,
        sacked: u32,
        lost: u32,
        retrans: u32,
        fackets: u32,
        last_data_sent: u32,
        last_ack_sent: u32,
        last_data_recv: u32,
        last_ack_recv: u32,
        pmtu: u32,
        rcv_ssthresh: u32,
        rtt: u32,
        rttvar: u32,
        snd_ssthresh: u32,
        snd_cwnd: u32,
        advmss: u32,
        reordering: u32,
        rcv_rtt: u32,
        rcv_space: u32,
        total_retrans: u32,
        pacing_rate: u64,
        max_pacing_rate: u64,
        bytes_acked: u64,
        bytes_received: u64,
        segs_out: u32,
        segs_in: u32,
    }

    /// The same, up to `tcpi_bytes_retrans` of Linux 4.19.
    #[repr(C)]
    #[derive(Clone, Copy, Debug)]
    #[allow(unreachable_pub, missing_docs, reason = "the option macro wants a public type")]
    pub struct Full {
        base: Base,
        notsent_bytes: u32,
        min_rtt: u32,
        data_segs_in: u32,
        data_segs_out: u32,
        delivery_rate: u64,
        busy_time: u64,
        rwnd_limited: u64,
        sndbuf_limited: u64,
        delivered: u32,
        delivered_ce: u32,
        bytes_sent: u64,
        bytes_retrans: u64,
    }

    // The offsets of the kernel's header: a slip above must not compile.
    const _: () = {
        assert!(std::mem::offset_of!(Base, rtt) == 68);
        assert!(std::mem::offset_of!(Base, total_retrans) == 100);
        assert!(std::mem::offset_of!(Base, bytes_acked) == 120);
        assert!(size_of::<Base>() == 144);
        assert!(std::mem::offset_of!(Full, notsent_bytes) == 144);
        assert!(std::mem::offset_of!(Full, bytes_sent) == 200);
        assert!(size_of::<Full>() == 216);
    };

    sockopt_impl!(
        /// `TCP_INFO` as every kernel since 4.2 has it.
        BaseInfo,
        GetOnly,
        libc::IPPROTO_TCP,
        libc::TCP_INFO,
        Base
    );
    sockopt_impl!(
        /// `TCP_INFO` as every kernel since 4.19 has it.
        FullInfo,
        GetOnly,
        libc::IPPROTO_TCP,
        libc::TCP_INFO,
        Full
    );

    /// What the kernel knows about this connection. One system call, about a microsecond.
    ///
    /// # Errors
    /// `Unsupported` on kernels before 4.2, else what the system says (not a TCP socket).
    pub fn tcp_info<S: AsFd>(socket: &S) -> io::Result<TcpInfo> {
        match kernel() {
            version if version >= (4, 19) => Ok(from_full(&getsockopt(socket, FullInfo)?)),
            version if version >= (4, 2) => Ok(from_base(&getsockopt(socket, BaseInfo)?)),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    pub(super) fn from_base(raw: &Base) -> TcpInfo {
        TcpInfo {
            state: raw.state.into(),
            bytes_acked: raw.bytes_acked,
            bytes_sent: None,
            bytes_retransmitted: None,
            unacked_bytes: u64::from(raw.unacked) * u64::from(raw.snd_mss),
            notsent_bytes: None,
            rtt: Duration::from_micros(u64::from(raw.rtt)),
            retransmits: raw.total_retrans,
            backoff: raw.backoff,
        }
    }

    fn from_full(raw: &Full) -> TcpInfo {
        let first_time = raw.bytes_sent.saturating_sub(raw.bytes_retrans);
        TcpInfo {
            bytes_sent: Some(raw.bytes_sent),
            bytes_retransmitted: Some(raw.bytes_retrans),
            unacked_bytes: first_time.saturating_sub(raw.base.bytes_acked),
            notsent_bytes: Some(raw.notsent_bytes),
            ..from_base(&raw.base)
        }
    }

    /// Major and minor number of the running kernel. Decides how much the kernel will fill in:
    /// asking an old one for more than it has would be an error of ours.
    fn kernel() -> (u32, u32) {
        static VERSION: OnceLock<(u32, u32)> = OnceLock::new();
        *VERSION.get_or_init(|| {
            nix::sys::utsname::uname()
                .ok()
                .and_then(|name| release(&name.release().to_string_lossy()))
                .unwrap_or((0, 0))
        })
    }

    pub(super) fn release(text: &str) -> Option<(u32, u32)> {
        let mut numbers = text.split(|c: char| !c.is_ascii_digit());
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    }

    #[cfg(test)]
    pub(super) fn base_of(socket: &impl AsFd) -> TcpInfo {
        from_base(&getsockopt(socket, BaseInfo).unwrap())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{ErrorKind, Read, Write};
    use std::net::{TcpListener, TcpStream, UdpSocket};

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (near, listener.accept().unwrap().0)
    }

    #[test]
    fn counts_what_the_peer_acknowledged() {
        let (mut near, mut far) = pair();
        near.write_all(&[7; 50_000]).unwrap();
        far.read_exact(&mut [0; 50_000]).unwrap();
        // A byte back carries the acknowledgement of all that came before it.
        far.write_all(&[1]).unwrap();
        near.read_exact(&mut [0]).unwrap();
        let info = tcp_info(&near).unwrap();
        assert_eq!(info.state, TcpState::Established);
        assert!((50_000..=50_001).contains(&info.bytes_acked), "{info:?}");
        assert!(info.bytes_sent.is_none_or(|sent| sent >= 50_000), "{info:?}");
        assert_eq!(info.unacked_bytes, 0);
        assert_eq!(info.notsent_bytes.unwrap_or(0), 0);
        assert!(info.rtt > Duration::ZERO);
    }

    #[test]
    fn a_peer_that_reads_nothing_shows_as_unsent_bytes_and_no_progress() {
        let (mut near, _far) = pair();
        near.set_nonblocking(true).unwrap();
        let mut written = 0_u64;
        loop {
            match near.write(&[0; 65_536]) {
                Ok(taken) => written += taken as u64,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
        }
        let info = tcp_info(&near).unwrap();
        assert!(info.bytes_acked < written, "{info:?} of {written}");
        let waiting = u64::from(info.notsent_bytes.unwrap()) + info.unacked_bytes;
        assert!(waiting > 0 && info.bytes_acked + waiting <= written + 1, "{info:?} of {written}");
    }

    #[test]
    fn states_follow_the_connection() {
        let (near, far) = pair();
        crate::shutdown_write(&far).unwrap();
        (&near).read_exact(&mut [0]).unwrap_err();
        assert_eq!(tcp_info(&near).unwrap().state, TcpState::CloseWait);
        let closing = tcp_info(&far).unwrap().state;
        assert!(matches!(closing, TcpState::FinWait1 | TcpState::FinWait2), "{closing:?}");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(tcp_info(&listener).unwrap().state, TcpState::Listen);
        assert_eq!(TcpState::from(99), TcpState::Other(99));
    }

    #[test]
    fn the_short_record_of_old_kernels_agrees_with_the_long_one() {
        let (mut near, mut far) = pair();
        near.write_all(&[7; 1_000]).unwrap();
        far.read_exact(&mut [0; 1_000]).unwrap();
        far.write_all(&[1]).unwrap();
        near.read_exact(&mut [0]).unwrap();
        let (short, long) = (linux::base_of(&near), tcp_info(&near).unwrap());
        assert_eq!((short.state, short.bytes_acked), (long.state, long.bytes_acked));
        assert_eq!((short.bytes_sent, short.notsent_bytes), (None, None));
    }

    #[test]
    fn kernel_releases_are_understood() {
        for (text, expected) in [
            ("6.1.0-18-amd64", Some((6, 1))),
            ("4.19.0", Some((4, 19))),
            ("5.15.167.4-microsoft-standard-WSL2", Some((5, 15))),
            ("4.4", Some((4, 4))),
            ("generic", None),
            ("", None),
        ] {
            assert_eq!(linux::release(text), expected, "{text}");
        }
    }

    #[test]
    fn a_socket_that_is_not_tcp_is_an_error() {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(tcp_info(&udp).is_err());
    }
}
