//! The question that a transport asks before it serves a peer, and the answer.
//!
//! Declared here so that no transport knows where keys are kept; implemented above; joined in the
//! application.

use crate::{Login, Secret, Stream, Takeover};
use manycast_media::StreamName;
use std::{fmt, future::Future, net::SocketAddr, pin::Pin, sync::Arc};
use tokio::sync::watch;

/// What a peer wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Send a Stream in.
    Publish,
    /// Watch a Stream.
    Play,
}

/// What a transport asks.
#[derive(Clone, Debug)]
pub struct AccessRequest {
    /// Publish or play.
    pub action: Action,
    /// The transport's name for logs and metrics, for example `rtmp`.
    pub protocol: &'static str,
    /// The application part of the address, for example `live`.
    pub app: String,
    /// The stream key of a publisher, the Stream's name of a viewer; without query.
    pub name: Secret,
    /// Everything that may be the stream key of a publisher, in the order in which it is likely: the
    /// name first, then whatever of its address encoders use for it.
    pub keys: Vec<Secret>,
    /// The query that came with name or address, without `?`.
    pub query: Secret,
    /// The user that the peer has proved to be, by an exchange that gives no password away.
    pub user: Option<Secret>,
    /// User and password that came in plain words, not checked yet.
    pub login: Option<Login>,
    /// Who asks.
    pub peer: SocketAddr,
    /// Whether the connection is encrypted.
    pub secure: bool,
    /// What the peer said of itself besides.
    pub client: ClientFacts,
}

/// What a peer says of itself without being asked, as far as its protocol has words for it. Nothing
/// here is proved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientFacts {
    /// The address that it was told to connect to, as it was typed there; it may hold a key.
    pub tc_url: Secret,
    /// What its program calls itself.
    pub software: String,
}

/// The answer yes: a live lease on a Stream.
#[derive(Debug)]
pub struct Grant {
    /// What may be published to or played.
    pub stream: Arc<Stream>,
    /// What happens when somebody else publishes already.
    pub takeover: Takeover,
    /// Ends the session when it is revoked.
    pub lease: Lease,
}

/// Why the answer is no, in the sense that transports map to their own codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DenialKind {
    /// No Stream has this key.
    UnknownKey,
    /// No Stream has this name, or it may not be watched.
    UnknownStream,
    /// Known, but not allowed now.
    Forbidden,
    /// The server cannot take more at the moment.
    Full,
}

/// The answer no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Denial {
    /// For the transport.
    pub kind: DenialKind,
    /// For the person who reads the encoder's window: what is wrong and what to do.
    pub message: String,
}

/// Why a publisher is refused by another than the Gate that knows the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TurnedAwayFor {
    /// Another publisher is there, and lives.
    Busy,
    /// User and password, which were asked for before anything else.
    Login,
    /// The authorisation service said no.
    Service,
    /// The authorisation service did not answer.
    ServiceSilent,
}

/// A publisher that is refused by another than the Gate that knows the keys.
#[derive(Clone, Debug)]
pub struct TurnedAway {
    /// Why.
    pub why: TurnedAwayFor,
    /// What it wanted to publish to, where that is known.
    pub stream: Option<StreamName>,
    /// The transport's name.
    pub protocol: &'static str,
    /// Who.
    pub peer: SocketAddr,
    /// Whether the connection is encrypted.
    pub secure: bool,
    /// What its program calls itself.
    pub software: String,
}

impl TurnedAway {
    /// That whoever asked is refused, with the Stream that it would have got.
    #[must_use]
    pub fn of(request: &AccessRequest, why: TurnedAwayFor, stream: Option<StreamName>) -> Self {
        let AccessRequest { protocol, peer, secure, client, .. } = request;
        let software = client.software.clone();
        Self { why, stream, protocol, peer: *peer, secure: *secure, software }
    }
}

/// A decision under way.
pub type Admission<'a> = Pin<Box<dyn Future<Output = Result<Grant, Denial>> + Send + 'a>>;

/// Decides who may publish and play.
pub trait Gate: Send + Sync + 'static {
    /// Answers one request.
    fn admit(&self, request: AccessRequest) -> Admission<'_>;

    /// Is told of a publisher that is refused elsewhere, so that one place knows of all. Must
    /// neither block nor take long.
    fn turned_away(&self, _told: &TurnedAway) {}
}

/// The holder's end of a lease: dropping it or calling [`LeaseHolder::revoke`] ends all sessions
/// that run under it.
pub struct LeaseHolder(watch::Sender<Option<Arc<str>>>);

/// A permission that can be taken back while the session runs.
#[derive(Clone)]
pub struct Lease(watch::Receiver<Option<Arc<str>>>);

impl LeaseHolder {
    /// A new lease.
    #[must_use]
    pub fn new() -> Self {
        Self(watch::channel(None).0)
    }

    /// A lease for one session.
    #[must_use]
    pub fn lease(&self) -> Lease {
        Lease(self.0.subscribe())
    }

    /// How many leases are held at the moment.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.0.receiver_count()
    }

    /// Resolves when nobody holds a lease any more: all sessions under it are over. Cancel-safe.
    pub async fn released(&self) {
        self.0.closed().await;
    }

    /// Takes every lease back; sessions end with `reason`.
    pub fn revoke(&self, reason: &str) {
        self.0.send_replace(Some(reason.into()));
    }
}

impl Default for LeaseHolder {
    fn default() -> Self {
        Self::new()
    }
}

impl Lease {
    /// Resolves when the permission is taken back, with the reason. Cancel-safe.
    pub async fn revoked(&mut self) -> Arc<str> {
        match self.0.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_else(|| "revoked".into()),
            Err(_) => "the stream was removed".into(),
        }
    }
}

impl fmt::Debug for LeaseHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LeaseHolder")
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lease")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::{Context, Poll, Waker};

    #[test]
    fn a_lease_is_released_with_its_last_session() {
        let holder = LeaseHolder::new();
        let (first, second) = (holder.lease(), holder.lease());
        let mut released = Box::pin(holder.released());
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(released.as_mut().poll(&mut context), Poll::Pending);
        drop(first);
        assert_eq!(released.as_mut().poll(&mut context), Poll::Pending);
        drop(second);
        assert_eq!(released.as_mut().poll(&mut context), Poll::Ready(()));
    }

    #[test]
    fn facts_show_no_address() {
        let facts = ClientFacts { tc_url: Secret::new("rtmp://x/live/sk_1"), ..Default::default() };
        assert!(!format!("{facts:?}").contains("sk_1"));
    }
}
