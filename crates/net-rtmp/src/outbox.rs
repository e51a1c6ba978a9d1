//! Bytes on their way out of one connection, bounded.

use bytes::{Buf, Bytes};
use manycast_tls::Transport;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};

/// Most pieces in one write.
const SLICES: usize = 128;

/// What waits to be written.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pieces: VecDeque<Bytes>,
    bytes: usize,
    /// All that the connection took so far.
    written: u64,
}

impl Outbox {
    pub(crate) fn push(&mut self, piece: Bytes) {
        self.bytes += piece.len();
        self.pieces.push_back(piece);
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// All bytes that the connection took so far, without those that others sent.
    pub(crate) const fn written(&self) -> u64 {
        self.written
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Takes everything, to be sent by somebody else.
    pub(crate) fn take(&mut self) -> Vec<Bytes> {
        self.bytes = 0;
        std::mem::take(&mut self.pieces).into()
    }

    /// Puts bytes in front.
    pub(crate) fn prepend(&mut self, pieces: Vec<Bytes>) {
        for piece in pieces.into_iter().rev() {
            self.bytes += piece.len();
            self.pieces.push_front(piece);
        }
    }

    /// Writes what the connection takes; returns the bytes taken.
    pub(crate) fn flush(&mut self, transport: &Transport) -> io::Result<usize> {
        let mut total = 0;
        while !self.pieces.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = self.pieces.len().min(SLICES);
            for (slice, piece) in slices.iter_mut().zip(&self.pieces) {
                *slice = IoSlice::new(piece);
            }
            match transport.try_write_vectored(&slices[..count]) {
                Ok(written) => {
                    total += written;
                    self.advance(written);
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(total),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        match transport.try_flush() {
            Err(e) if e.kind() != ErrorKind::WouldBlock => Err(e),
            _ => Ok(total),
        }
    }

    fn advance(&mut self, mut written: usize) {
        self.written += written as u64;
        self.bytes -= written.min(self.bytes);
        while let Some(front) = self.pieces.front_mut() {
            if written < front.len() {
                front.advance(written);
                return;
            }
            written -= front.len();
            self.pieces.pop_front();
        }
    }
}
