//! A connection's socket, which its task and the fan-out share.
//!
//! Belongs here: the one as the other's sink. Must not come here: what is written.

use manycast_fanout::Sink;
use manycast_tls::Transport;
use std::io::{self, IoSlice};
use std::ops::Deref;
use std::os::fd::BorrowedFd;

/// A [`Transport`] that the fan-out writes to, without another place in memory between the two.
#[derive(Debug)]
pub(crate) struct Socket(pub(crate) Transport);

impl Deref for Socket {
    type Target = Transport;
    fn deref(&self) -> &Transport {
        &self.0
    }
}

impl Sink for Socket {
    fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(bufs)
    }
    fn keeps_bytes(&self) -> bool {
        self.0.is_tls()
    }
    fn try_flush(&self) -> io::Result<()> {
        self.0.try_flush()
    }
    fn socket(&self) -> Option<BorrowedFd<'_>> {
        self.0.socket()
    }
    fn abort(&self) {
        self.0.abort();
    }
}
