//! The TLS half of a transport: rustls' state and its exchange with a non-blocking socket.
//!
//! Belongs here: moving bytes between caller, rustls and socket under the transport's lock. Must
//! not come here: waiting (the transport does), handshakes (`handshake`).

use std::io::{self, ErrorKind, IoSlice, Read, Write};

use rustls::Connection;
use tokio::net::TcpStream;

/// Plaintext encrypted ahead of what the socket has taken, in bytes: four full TLS records, and the
/// most that a slow peer can make this side keep.
pub(crate) const PIECE: usize = 64 * 1024;

/// The socket as the blocking-style object that rustls wants; `WouldBlock` passes through it.
pub(crate) struct Socket<'a>(pub(crate) &'a TcpStream);

impl Read for Socket<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buf)
    }
}

impl Write for Socket<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.try_write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An established TLS connection.
pub(crate) struct Session {
    conn: Connection,
    /// TLS itself is broken: nothing can be read or written any more.
    fault: Option<Fault>,
    /// The socket takes nothing more. What the peer sent before that can still be read: its last
    /// word often stands right before its reset.
    cut: Option<Fault>,
    ended: bool,
    closing: Closing,
}

/// A failure that every later call in its direction repeats.
#[derive(Clone)]
struct Fault {
    kind: ErrorKind,
    text: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Closing {
    Open,
    /// close_notify is queued; FIN follows once everything before it has left.
    Queued,
    Done,
}

impl Session {
    pub(crate) fn new(mut conn: Connection) -> Self {
        conn.set_buffer_limit(Some(PIECE));
        Self { conn, fault: None, cut: None, ended: false, closing: Closing::Open }
    }

    /// Whether `read` would return something without asking the socket.
    pub(crate) fn has_input(&mut self) -> bool {
        self.ended
            || self.fault.is_some()
            || self.conn.process_new_packets().map_or(true, |state| {
                state.plaintext_bytes_to_read() > 0 || state.peer_has_closed()
            })
    }

    /// Plaintext as far as the socket has it; 0 at the peer's end.
    pub(crate) fn read(&mut self, tcp: &TcpStream, buf: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buf.len() {
            match self.conn.reader().read(&mut buf[filled..]) {
                Ok(0) => return Ok(filled),
                Ok(taken) => {
                    filled += taken;
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // FIN without close_notify: usual among RTMP programs, and nothing is lost by it,
                // since each message says its own length.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(filled),
                Err(error) => {
                    let fault = self.fault.insert(Fault::of(&error));
                    return if filled > 0 { Ok(filled) } else { Err(fault.error()) };
                }
            }
            if let Some(fault) = &self.fault {
                return if filled > 0 { Ok(filled) } else { Err(fault.error()) };
            }
            match self.receive(tcp) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock && filled > 0 => {
                    return Ok(filled);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Err(error),
                // What was sound before the failure is handed out first.
                Err(error) => self.fault = Some(Fault::of(&error)),
            }
        }
        Ok(filled)
    }

    /// One read from the socket, decrypted.
    fn receive(&mut self, tcp: &TcpStream) -> io::Result<()> {
        match self.conn.read_tls(&mut Socket(tcp)) {
            Ok(0) => self.ended = true,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        }
        let processed = self.conn.process_new_packets().map(|_| ());
        // Answers to the peer (a key update, an alert) leave at once if they can, else with the
        // next write; a broken path shows by itself.
        let _ = self.flush(tcp);
        processed.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
    }

    /// Plaintext bytes taken; `WouldBlock` only after the socket itself said so.
    pub(crate) fn write(&mut self, tcp: &TcpStream, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        if let Some(fault) = self.fault.as_ref().or(self.cut.as_ref()) {
            return Err(fault.error());
        }
        if self.closing != Closing::Open {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let total: usize = bufs.iter().map(|buf| buf.len()).sum();
        let mut rest: Vec<IoSlice<'_>>;
        let mut left = bufs;
        let mut taken = 0;
        loop {
            match self.flush(tcp) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return if taken > 0 { Ok(taken) } else { Err(error) };
                }
                Err(error) => return self.stopped(taken, &error),
            }
            if taken == total {
                return Ok(taken);
            }
            match self.conn.writer().write_vectored(left) {
                Ok(0) => return self.stopped(taken, &exhausted()),
                Ok(more) => taken += more,
                Err(error) => return self.stopped(taken, &error),
            }
            if taken < total {
                rest = bufs.to_vec();
                let mut advanced = rest.as_mut_slice();
                IoSlice::advance_slices(&mut advanced, taken);
                left = advanced;
            }
        }
    }

    pub(crate) fn wants_flush(&self) -> bool {
        self.conn.wants_write()
    }

    /// Hands the socket what is encrypted; `WouldBlock` when it did not take all.
    pub(crate) fn flush(&mut self, tcp: &TcpStream) -> io::Result<()> {
        while self.conn.wants_write() {
            match self.conn.write_tls(&mut Socket(tcp)) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.closing == Closing::Queued {
            self.closing = Closing::Done;
            let _ = manycast_sys::shutdown_write(tcp);
        }
        Ok(())
    }

    /// close_notify, then FIN; what still waits goes out first, with later flushes if need be.
    pub(crate) fn close(&mut self, tcp: &TcpStream) {
        if self.closing == Closing::Open {
            self.conn.send_close_notify();
            self.closing = Closing::Queued;
            let _ = self.flush(tcp);
        }
    }

    /// Remembers that nothing more can be written; what was done before is reported first.
    fn stopped(&mut self, done: usize, error: &io::Error) -> io::Result<usize> {
        let cut = self.cut.insert(Fault::of(error));
        if done > 0 { Ok(done) } else { Err(cut.error()) }
    }
}

impl Fault {
    fn of(error: &io::Error) -> Self {
        Self { kind: error.kind(), text: error.to_string() }
    }

    fn error(&self) -> io::Error {
        io::Error::new(self.kind, self.text.clone())
    }
}

/// TLS 1.2 has no key update, and a key serves for 2^24 records only (RFC 9325 4.4).
fn exhausted() -> io::Error {
    io::Error::new(ErrorKind::ConnectionAborted, "the TLS 1.2 connection has used up its keys")
}
