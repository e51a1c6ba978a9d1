//! The chunk stream in use: messages in, protocol control answered, and the bounds that hold in
//! every state after the handshake.
//!
//! Belongs here: what server and client do alike.
//! Must not come here: commands and media.

use std::{fmt, time::Instant};

use super::{
    acks::{Confirmations, PeerBandwidth, Receipts},
    error::SessionError,
    outbox::Outbox,
    pace::{ChunkBudget, SlowWatch},
};
use crate::{
    Limits,
    chunk::ChunkReader,
    message::{Control, Message, UserControl},
};

/// What comes out of the chunk stream.
#[derive(Debug)]
pub(crate) enum Arrival {
    Message(Message),
    /// A user control event that is no ping.
    User(UserControl),
    /// The peer acknowledged so many bytes since the connection began.
    Acknowledged(u64),
}

/// The incoming chunk stream and both counters of bytes.
pub(crate) struct Link {
    pub(crate) reader: ChunkReader,
    receipts: Receipts,
    confirmations: Confirmations,
    counted: u64,
    bandwidth: PeerBandwidth,
    slow: SlowWatch,
    budget: ChunkBudget,
    received: u64,
    heard: Instant,
}

impl fmt::Debug for Link {
    /// Counts alone: unfinished messages may hold keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({} bytes, {:?})", self.received, self.reader.counts())
    }
}

impl Link {
    /// Takes over after the handshake. `counted` is where both counters start.
    pub(crate) fn new(now: Instant, limits: &Limits, counted: u64) -> Self {
        Self {
            reader: ChunkReader::new(limits),
            receipts: Receipts::new(counted, limits.window_ack_size),
            confirmations: Confirmations::new(counted),
            counted,
            bandwidth: PeerBandwidth::default(),
            slow: SlowWatch::new(limits.slow_message_window, limits.slow_message_rate),
            budget: ChunkBudget::new(now),
            received: 0,
            heard: now,
        }
    }

    /// Counts bytes before they are read.
    pub(crate) fn count(&mut self, now: Instant, bytes: usize) {
        self.heard = now;
        self.receipts.receive(bytes);
        self.received = self.received.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// The next message, with protocol control taken care of. `None` when `input` is used up.
    pub(crate) fn next<E>(
        &mut self,
        input: &mut &[u8],
        out: &mut Outbox<E>,
    ) -> Result<Option<Arrival>, SessionError> {
        while let Some(message) = self.reader.read(input)? {
            let arrival = match Control::parse(&message) {
                Ok(Some(control)) => self.control(control, out)?,
                Ok(None) => Some(Arrival::Message(message)),
                // Too short to mean anything.
                Err(_) => None,
            };
            if arrival.is_some() {
                return Ok(arrival);
            }
        }
        Ok(None)
    }

    /// Ends a read: acknowledges once, and looks at the pace.
    pub(crate) fn finish<E>(
        &mut self,
        now: Instant,
        out: &mut Outbox<E>,
    ) -> Result<(), SessionError> {
        if let Some(sequence) = self.receipts.due() {
            out.reply_control(&Control::Acknowledgement(sequence));
        }
        self.slow.note(now, self.reader.open_message());
        if self.budget.is_exceeded(now, self.reader.counts().chunks, self.received) {
            return Err(SessionError::ChunkFlood);
        }
        Ok(())
    }

    /// When the open message has to have come far enough.
    pub(crate) fn slow_deadline(&self) -> Option<Instant> {
        self.slow.deadline()
    }

    pub(crate) fn check_pace(&mut self, now: Instant) -> Result<(), SessionError> {
        if self.slow.is_too_slow(now, self.reader.open_message()) {
            return Err(SessionError::SlowMessage);
        }
        Ok(())
    }

    /// Whether a message is coming in.
    pub(crate) fn is_receiving(&self) -> bool {
        self.reader.open_message().is_some()
    }

    /// Bytes that the message under way lacks, without the headers of its further chunks.
    pub(crate) fn missing(&self) -> Option<usize> {
        let open = self.reader.open_message()?;
        Some(open.length.saturating_sub(open.received))
    }

    /// When the last bytes came.
    pub(crate) fn heard(&self) -> Instant {
        self.heard
    }

    /// Bytes of the chunk stream received so far.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Notes that we announced `window` of ourselves.
    pub(crate) fn announced(&mut self, window: u32) {
        self.bandwidth.announce(window);
    }

    /// RTMP 5.4 and 7.1.7. Control messages count on any chunk stream and any message stream
    /// (trap C7).
    fn control<E>(
        &mut self,
        control: Control,
        out: &mut Outbox<E>,
    ) -> Result<Option<Arrival>, SessionError> {
        match control {
            Control::SetChunkSize(size) => self.reader.set_chunk_size(size)?,
            Control::Abort(chunk_stream) => self.reader.abort(chunk_stream),
            Control::WindowAckSize(window) => self.receipts.set_window(window),
            Control::SetPeerBandwidth { window, limit } => {
                if let Some(window) = self.bandwidth.limit(window, limit) {
                    out.reply_control(&Control::WindowAckSize(window));
                }
            }
            Control::Acknowledgement(sequence) => {
                let sent = self.counted.saturating_add(out.sent());
                let confirmed = self.confirmations.confirm(sequence, sent);
                return Ok(confirmed.map(Arrival::Acknowledged));
            }
            Control::User(UserControl::PingRequest(time)) => {
                out.reply_control(&Control::User(UserControl::PingResponse(time)));
            }
            Control::User(UserControl::PingResponse(_)) => {}
            Control::User(event) => return Ok(Some(Arrival::User(event))),
        }
        Ok(None)
    }
}
