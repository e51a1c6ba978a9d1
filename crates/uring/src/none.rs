//! Where there is no `io_uring`.

use std::io::{self, ErrorKind};
use std::os::fd::BorrowedFd;

/// Cannot be made here.
#[derive(Debug)]
pub struct SendRing(std::convert::Infallible);

impl SendRing {
    /// # Errors
    /// `Unsupported`, always.
    pub fn new() -> io::Result<Self> {
        Err(ErrorKind::Unsupported.into())
    }

    /// Is never called: there is no ring.
    ///
    /// # Errors
    /// None.
    pub fn send(
        &mut self,
        _sockets: &[BorrowedFd<'_>],
        _bytes: &[u8],
        _taken: &mut Vec<io::Result<usize>>,
    ) -> io::Result<()> {
        match self.0 {}
    }
}
