//! What an end means to the one who decides about the next attempt.

use manycast_dial::DialError;
use manycast_hub::{Fault, LinkEnd};
use manycast_rtmp::session::{SessionError, Wait};
use manycast_tls::TlsError;
use std::io::{self, ErrorKind};

pub(super) fn end(fault: Fault, message: impl Into<String>) -> LinkEnd {
    LinkEnd::new(fault, message)
}

pub(super) fn dial(error: &DialError) -> LinkEnd {
    let fault = match error {
        DialError::Dns { .. } => Fault::Dns,
        DialError::Gate { .. } => Fault::Configuration,
        DialError::Timeout { .. } => Fault::ConnectTimeout,
        _ => Fault::Unreachable,
    };
    end(fault, error.reason())
}

pub(super) fn tls(error: &TlsError) -> LinkEnd {
    end(Fault::Tls, error.reason())
}

pub(crate) fn io(error: &io::Error) -> LinkEnd {
    let message = match error.kind() {
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            "the far end reset the connection".to_owned()
        }
        ErrorKind::TimedOut => "the far end no longer acknowledges anything".to_owned(),
        _ => format!("the connection broke: {error}"),
    };
    end(Fault::Reset, message)
}

/// `greeted`: the far end has spoken RTMP already.
pub(crate) fn session(error: &SessionError, greeted: bool) -> LinkEnd {
    match error {
        SessionError::Timeout(Wait::Handshake) => {
            end(Fault::Handshake, "the far end did not answer the RTMP handshake")
        }
        SessionError::Timeout(Wait::Answer) => {
            end(Fault::Handshake, "the far end did not answer our request")
        }
        SessionError::Timeout(_) => end(Fault::Closed, error.to_string()),
        _ if greeted => end(Fault::Reset, format!("the far end broke the protocol: {error}")),
        _ => end(Fault::Handshake, format!("the far end does not speak RTMP: {error}")),
    }
}

/// The far end closed in order.
pub(crate) fn closed(greeted: bool, accepted: bool) -> LinkEnd {
    match (greeted, accepted) {
        (false, _) => end(Fault::Handshake, "the far end closed during the handshake"),
        (true, false) => {
            end(Fault::Closed, "the far end closed instead of accepting; is the key right?")
        }
        (true, true) => end(Fault::Closed, "the far end closed without a word"),
    }
}
