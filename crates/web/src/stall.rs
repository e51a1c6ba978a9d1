//! A connection whose far end has to take what it asked for.
//!
//! Belongs here: the bound on how long a write may make no progress (B3). The bound on reading is
//! the HTTP library's.

use crate::seats::Seat;
use manycast_tls::Duplex;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// A connection that fails with `TimedOut` when a write waits longer than `bound`.
#[derive(Debug)]
pub(crate) struct Stalling {
    socket: Duplex,
    bound: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
    /// Which is told whether something waits.
    seat: Seat,
}

impl Stalling {
    pub(crate) fn new(socket: Duplex, bound: Duration, seat: Seat) -> Self {
        Self { socket, bound, waiting: None, seat }
    }

    /// Arms, follows or disarms the bound, by the result of a write.
    fn judge<T>(
        &mut self,
        context: &mut Context<'_>,
        result: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        self.seat.sends(result.is_pending());
        if result.is_ready() {
            self.waiting = None;
            return result;
        }
        let bound = self.bound;
        let sleep = || Box::pin(tokio::time::sleep_until(Instant::now() + bound));
        let waiting = self.waiting.get_or_insert_with(sleep);
        match waiting.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                // what is unsent is thrown away, or the kernel would keep it for minutes (B2)
                self.socket.transport().abort();
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl AsyncRead for Stalling {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stalling {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.judge(context, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.socket).poll_write_vectored(context, pieces);
        self.judge(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.socket).poll_flush(context);
        self.judge(context, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
