//! A `Transport` as hyper wants to have it, with a bound on what it reads.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use manycast_tls::Transport;

/// Bytes asked of the connection at once.
const STEP: usize = 4 * 1024;

/// One connection. Once `left` is used up, reading fails.
pub(super) struct Wire {
    transport: Transport,
    left: usize,
}

impl Wire {
    pub(super) fn new(transport: Transport, left: usize) -> Self {
        Self { transport, left }
    }

    /// Under TLS, hands the socket what was taken before.
    fn flush(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.transport.wants_flush() {
            match self.transport.try_flush() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    ready!(self.transport.poll_writable(context))?;
                }
                done => return Poll::Ready(done),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::Error::other("the answer is too long")));
        }
        let mut bytes = [0; STEP];
        let most = STEP.min(buf.remaining()).min(self.left);
        loop {
            match self.transport.try_read(&mut bytes[..most]) {
                Ok(read) => {
                    buf.put_slice(&bytes[..read]);
                    self.left -= read;
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    ready!(self.transport.poll_readable(context))?;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl Write for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.transport.try_write_vectored(bufs) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    ready!(self.transport.poll_writable(context))?;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                done => return Poll::Ready(done),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.flush(context))?;
        self.transport.shutdown_write();
        self.flush(context)
    }
}
