//! What goes in and out of both sessions: inputs, outputs, media, and what a server tells its owner.
//!
//! Belongs here: plain data.
//! Must not come here: behaviour, see `server.rs` and `client.rs`.

use std::{fmt, time::Instant};

use bytes::Bytes;

use super::Capabilities;
use crate::{command::StreamKeyText, message::MessageStreamId};

/// One request that waits for a [`Verdict`], unique within its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub(crate) u64);

/// What a session is told.
pub enum Input<'a> {
    /// Bytes from the socket, in any pieces.
    Bytes(&'a [u8]),
    /// The answer to a request. One for a request that is gone is ignored.
    Verdict {
        /// The request that it answers.
        request: RequestId,
        /// The answer.
        verdict: Verdict,
    },
    /// Time has reached the instant that [`Output::Idle`] gave. Earlier or later is harmless.
    Deadline,
    /// The peer closed its side: whatever flowed has ended.
    Eof,
}

/// Whether a request is granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Let it begin.
    Accept,
    /// Tell the peer why not, then end.
    Refuse {
        /// The machine-readable reason.
        code: RefusalCode,
        /// Words for the person at the encoder; no secrets.
        description: String,
    },
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalCode {
    /// The key is unknown, or its stream has a publisher: `NetStream.Publish.BadName`.
    BadName,
    /// The peer may not publish here: `NetStream.Publish.Denied`.
    Denied,
    /// The server cannot take it now: `NetStream.Publish.Rejected`.
    Rejected,
    /// `NetStream.Publish.Unauthorized`; few encoders know it, they would rather have `Denied`.
    Unauthorized,
    /// No such stream to play: `NetStream.Play.StreamNotFound`.
    StreamNotFound,
    /// The peer may not play this: `NetStream.Play.Failed`.
    PlayFailed,
    /// `NetConnection.Connect.Rejected`.
    ConnectRejected,
    /// `NetConnection.Connect.InvalidApp`.
    InvalidApp,
}

impl RefusalCode {
    /// The code as it goes over the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadName => "NetStream.Publish.BadName",
            Self::Denied => "NetStream.Publish.Denied",
            Self::Rejected => "NetStream.Publish.Rejected",
            Self::Unauthorized => "NetStream.Publish.Unauthorized",
            Self::StreamNotFound => "NetStream.Play.StreamNotFound",
            Self::PlayFailed => "NetStream.Play.Failed",
            Self::ConnectRejected => "NetConnection.Connect.Rejected",
            Self::InvalidApp => "NetConnection.Connect.InvalidApp",
        }
    }
}

/// What a session wants done. `E` is its kind of event.
pub enum Output<E = Event> {
    /// Write these bytes. Pieces of one flight follow each other: write them in one vectored write.
    Transmit(Bytes),
    /// Something happened.
    Event(E),
    /// Nothing more until an input, or until the instant given: then [`Input::Deadline`].
    Idle {
        /// The next deadline, if the session waits for one.
        until: Option<Instant>,
    },
}

impl fmt::Debug for Input<'_> {
    /// Bytes are counted, not shown: they may hold keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::Verdict { request, verdict } => write!(f, "Verdict({}, {verdict:?})", request.0),
            Self::Deadline => f.write_str("Deadline"),
            Self::Eof => f.write_str("Eof"),
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for Output<E> {
    /// Bytes are counted, not shown: they may hold keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transmit(bytes) => write!(f, "Transmit({})", bytes.len()),
            Self::Event(event) => write!(f, "Event({event:?})"),
            Self::Idle { until } => write!(f, "Idle({until:?})"),
        }
    }
}

/// What a media message carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// Message type 8, an FLV audio tag body.
    Audio,
    /// Message type 9, an FLV video tag body.
    Video,
    /// Message type 18 or 15, AMF values: metadata, captions, cue points.
    Data,
}

/// How a data message came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DataEncoding {
    /// Message type 18; also for audio and video.
    #[default]
    Amf0,
    /// Message type 15: AMF0 values that may hold AMF3 ones behind marker 0x11.
    Amf3,
}

/// One message of media.
#[derive(Clone, PartialEq, Eq)]
pub struct Media {
    /// What it carries.
    pub kind: MediaKind,
    /// Decode time in milliseconds on the sender's 32-bit clock, which wraps.
    pub timestamp: u32,
    /// The body as received. Of data in message type 15 the format selector in front is taken off, so
    /// that the body reads the same whichever type carried it; nothing else is changed.
    pub body: Bytes,
    /// How data came.
    pub encoding: DataEncoding,
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {} ms, {} bytes", self.kind, self.timestamp, self.body.len())
    }
}

/// What a publisher wants done with its stream. Manycast serves all live; the kind is told on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PublishKind {
    /// `live`, and whatever is missing or unknown.
    #[default]
    Live,
    /// `record`.
    Record,
    /// `append`, `appendWithGap`.
    Append,
}

/// What a server session tells its owner.
#[derive(Clone, PartialEq)]
pub enum Event {
    /// The client connected; streams follow.
    Connected {
        /// The app without its query and without slashes at its ends. With encoders that have no
        /// field for a key it ends in the key: show it with care. `Debug` hides it.
        app: String,
        /// `tcUrl` as sent, or empty.
        tc_url: StreamKeyText,
        /// The query of the app, without the question mark.
        query: StreamKeyText,
        /// `flashVer`: the name that encoders give themselves. At most 128 characters.
        flash_version: String,
        /// 0 or 3, as the client asked.
        object_encoding: u8,
        /// What the client can do.
        capabilities: Capabilities,
    },
    /// `connect` waits for a verdict; only with `ServerConfig::ask_connect`.
    ConnectRequest {
        /// What to answer.
        request: RequestId,
        /// The app as sent, with its query.
        app: StreamKeyText,
        /// `tcUrl` as sent, or empty.
        tc_url: StreamKeyText,
        /// Whether the client says that it will publish: players say nothing of the kind.
        publishes: bool,
    },
    /// A `publish` waits for a verdict.
    PublishRequest {
        /// What to answer.
        request: RequestId,
        /// The message stream that asks.
        stream: MessageStreamId,
        /// As in [`Event::Connected`].
        app: String,
        /// The name as sent, with its query.
        name: StreamKeyText,
        /// What the publisher wants done with it.
        kind: PublishKind,
    },
    /// A `play` waits for a verdict.
    PlayRequest {
        /// What to answer.
        request: RequestId,
        /// The message stream that asks.
        stream: MessageStreamId,
        /// As in [`Event::Connected`].
        app: String,
        /// The name as sent, with its query.
        name: StreamKeyText,
        /// -2 live or recorded, -1 live, from 0 on seconds of a recording.
        start: f64,
        /// Seconds, -1 to the end.
        duration: f64,
        /// Whether what played before on this stream is forgotten.
        reset: bool,
    },
    /// Media of a stream whose publish was accepted.
    Media {
        /// The message stream that it came on.
        stream: MessageStreamId,
        /// The message.
        media: Media,
    },
    /// A publish has ended, or a request was taken back before its verdict.
    PublishEnded {
        /// The message stream.
        stream: MessageStreamId,
        /// Whether the encoder said so; `false` when it vanished.
        orderly: bool,
    },
    /// A play has ended, or a request was taken back before its verdict.
    PlayEnded {
        /// The message stream.
        stream: MessageStreamId,
    },
    /// A player paused, or goes on: at a key frame of now.
    Paused {
        /// The message stream.
        stream: MessageStreamId,
        /// Whether it is paused now.
        paused: bool,
    },
    /// A player sought: live streams go on from the newest key frame.
    SeekToLive {
        /// The message stream.
        stream: MessageStreamId,
    },
    /// A player turned audio off or on.
    ReceiveAudio {
        /// The message stream.
        stream: MessageStreamId,
        /// Whether it wants audio.
        on: bool,
    },
    /// A player turned video off or on.
    ReceiveVideo {
        /// The message stream.
        stream: MessageStreamId,
        /// Whether it wants video.
        on: bool,
    },
    /// A player told its buffer length, in milliseconds.
    BufferLength {
        /// The message stream.
        stream: MessageStreamId,
        /// Milliseconds.
        milliseconds: u32,
    },
    /// Write what is left, shut the writing side down, and read on for a second or two: a reset
    /// would destroy what the peer has not read yet.
    Close {
        /// Why.
        reason: CloseReason,
    },
}

/// Why a server session wants its socket closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// A request was refused.
    Refused(RefusalCode),
    /// The client said `close`.
    PeerClosed,
    /// The owner asked for it.
    Drained(DrainReason),
}

/// Why the owner ends a session in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DrainReason {
    /// The server stops.
    Shutdown,
    /// The right to be here has ended: a key was revoked, or somebody ended the session by hand.
    Revoked,
    /// What the client came for is over.
    Finished,
}

impl fmt::Debug for Event {
    /// Names, apps and URLs stay hidden: an app may end in a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected { flash_version, object_encoding, capabilities, .. } => write!(
                f,
                "Connected({flash_version:?}, encoding {object_encoding}, {capabilities:?})"
            ),
            Self::ConnectRequest { request, .. } => write!(f, "ConnectRequest({})", request.0),
            Self::PublishRequest { request, stream, kind, .. } => {
                write!(f, "PublishRequest({}, stream {}, {kind:?})", request.0, stream.0)
            }
            Self::PlayRequest { request, stream, start, duration, reset, .. } => write!(
                f,
                "PlayRequest({}, stream {}, {start} for {duration}, reset {reset})",
                request.0, stream.0
            ),
            Self::Media { stream, media } => write!(f, "Media(stream {}, {media:?})", stream.0),
            Self::PublishEnded { stream, orderly } => {
                write!(f, "PublishEnded(stream {}, orderly {orderly})", stream.0)
            }
            Self::PlayEnded { stream } => write!(f, "PlayEnded(stream {})", stream.0),
            Self::Paused { stream, paused } => write!(f, "Paused(stream {}, {paused})", stream.0),
            Self::SeekToLive { stream } => write!(f, "SeekToLive(stream {})", stream.0),
            Self::ReceiveAudio { stream, on } => {
                write!(f, "ReceiveAudio(stream {}, {on})", stream.0)
            }
            Self::ReceiveVideo { stream, on } => {
                write!(f, "ReceiveVideo(stream {}, {on})", stream.0)
            }
            Self::BufferLength { stream, milliseconds } => {
                write!(f, "BufferLength(stream {}, {milliseconds} ms)", stream.0)
            }
            Self::Close { reason } => write!(f, "Close({reason:?})"),
        }
    }
}
