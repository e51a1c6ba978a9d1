//! What is told of each attempt to publish: to observers at once, and to whoever asks later.
//!
//! This is for those who run the server. The stranger is told none of it.

use manycast_hub::DenialKind;
use manycast_media::StreamName;
use manycast_store::UnixMs;
use std::fmt;
use std::net::SocketAddr;

/// The stream key that an attempt was made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptKey {
    /// Id of its row; `None`: it is in the configuration file.
    pub id: Option<String>,
    /// What people call it.
    pub label: String,
}

/// Somebody wanted to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When.
    pub at: UnixMs,
    /// The transport, for example `rtmp`.
    pub protocol: &'static str,
    /// The Stream that was meant, as far as it is one of ours.
    pub stream: Option<StreamName>,
    /// The key that was right, or was nearly.
    pub key: Option<AttemptKey>,
    /// Who.
    pub peer: SocketAddr,
    /// Whether the connection was encrypted.
    pub secure: bool,
    /// What its program calls itself; whatever it likes.
    pub software: String,
    /// What the answer was.
    pub outcome: AttemptOutcome,
}

/// The answer to an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// Yes.
    Admitted {
        /// The key was used before, but never from this address.
        new_address: bool,
    },
    /// No.
    Refused {
        /// What the transport was told.
        kind: DenialKind,
        /// Why in truth.
        reason: RefusalReason,
        /// What may have gone wrong, as a sentence, if it can be told.
        hint: Option<String>,
        /// How what was sent begins, if it is as long as a key of this server and none of them.
        begins: Option<String>,
    },
}

/// Why an attempt was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalReason {
    /// No stream has this key.
    UnknownKey,
    /// The key's time is over.
    ExpiredKey,
    /// The key was withdrawn.
    RevokedKey,
    /// The key is bound to other addresses.
    AddressNotAllowed,
    /// The address is blocked.
    AddressBlocked,
    /// The key is that of another stream than the named one.
    WrongStream,
    /// The user or the password is missing or wrong.
    LoginMissing,
    /// The server takes no more at the moment.
    TooMany,
    /// Any name may be published, but this is none.
    BadName,
    /// Another encoder is there, and lives.
    Busy,
    /// The authorisation service said no.
    ServiceRefused,
    /// The authorisation service does not answer.
    ServiceSilent,
}

impl RefusalReason {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::UnknownKey,
        Self::ExpiredKey,
        Self::RevokedKey,
        Self::AddressNotAllowed,
        Self::AddressBlocked,
        Self::WrongStream,
        Self::LoginMissing,
        Self::TooMany,
        Self::BadName,
        Self::Busy,
        Self::ServiceRefused,
        Self::ServiceSilent,
    ];

    /// The word in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownKey => "unknown_key",
            Self::ExpiredKey => "expired_key",
            Self::RevokedKey => "revoked_key",
            Self::AddressNotAllowed => "address_not_allowed",
            Self::AddressBlocked => "address_blocked",
            Self::WrongStream => "wrong_stream",
            Self::LoginMissing => "login_missing",
            Self::TooMany => "too_many",
            Self::BadName => "bad_name",
            Self::Busy => "busy",
            Self::ServiceRefused => "service_refused",
            Self::ServiceSilent => "service_silent",
        }
    }
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownKey => "no stream has this key",
            Self::ExpiredKey => "the key has expired",
            Self::RevokedKey => "the key was withdrawn",
            Self::AddressNotAllowed => "the key may not be used from this address",
            Self::AddressBlocked => "the address is blocked",
            Self::WrongStream => "the key is that of another stream than the named one",
            Self::LoginMissing => "the user or the password is missing or wrong",
            Self::TooMany => "the server takes no more streams at the moment",
            Self::BadName => "this is no name for a stream",
            Self::Busy => "another encoder sends this stream already",
            Self::ServiceRefused => "the authorisation service said no",
            Self::ServiceSilent => "the authorisation service does not answer",
        })
    }
}

/// Hears of each attempt to publish.
pub trait GateObserver: Send + Sync + 'static {
    /// Called where the answer is made, before it is given: must neither block nor take long.
    fn attempted(&self, attempt: &Attempt);
}
