//! Decisions under way: asking the Gate, and waiting until a silent Publisher counts as gone.

use super::wish::Wish;
use manycast_hub::{
    AccessRequest, Action, ClientFacts, Denial, DenialKind, Gate, Grant, Lease, Login, Publisher,
    Secret, Stream, TurnedAway, TurnedAwayFor,
};
use manycast_rtmp::command::Target;
use manycast_rtmp::message::MessageStreamId;
use manycast_rtmp::session::{RefusalCode, RequestId};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// What a decision came to.
pub(crate) enum Outcome {
    Publish { publisher: Publisher, lease: Lease },
    Play { stream: Arc<Stream>, lease: Lease, wish: Wish },
    Refused(Refusal),
}

/// Why not, in RTMP's terms and in words.
pub(crate) struct Refusal {
    pub(crate) code: RefusalCode,
    pub(crate) why: Why,
    pub(crate) words: String,
}

/// The counter that a refusal belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    Key,
    Busy,
    Play,
}

/// One decision under way.
pub(crate) struct Pending {
    pub(crate) request: RequestId,
    pub(crate) stream: MessageStreamId,
    pub(crate) decision: Pin<Box<dyn Future<Output = Outcome> + Send>>,
}

/// What is asked of the Gate.
pub(crate) fn access_request(
    action: Action,
    app: &str,
    target: &Target,
    query: &str,
    (peer, secure): (SocketAddr, bool),
    user: Option<Secret>,
    client: ClientFacts,
) -> AccessRequest {
    AccessRequest {
        action,
        protocol: if secure { "rtmps" } else { "rtmp" },
        app: app.to_owned(),
        name: Secret::new(&target.name().expose()),
        keys: target.keys().iter().map(|key| Secret::new(&key.expose())).collect(),
        query: Secret::new(query),
        user,
        login: target.login().map(|login| Login {
            user: Secret::new(&login.user().expose()),
            password: Secret::new(&login.password().expose()),
        }),
        peer,
        secure,
        client,
    }
}

/// What a dead connection had still on the way is no sign of life: it gets this long to arrive.
const IN_FLIGHT: Duration = Duration::from_millis(250);

/// Decides on a publisher. A rival that was heard of lately gets until it is silent for two
/// seconds; any sign of life of it meanwhile refuses the newcomer.
pub(crate) async fn publish(gate: Arc<dyn Gate>, request: AccessRequest, who: String) -> Outcome {
    let told = TurnedAway::of(&request, TurnedAwayFor::Busy, None);
    let Grant { stream, takeover, lease } = match gate.admit(request).await {
        Ok(grant) => grant,
        Err(denial) => return Outcome::Refused(refuse_publish(&denial)),
    };
    let mut arrived = false;
    loop {
        let busy = match stream.publish(super::now(), takeover, &who) {
            Ok(publisher) => return Outcome::Publish { publisher, lease },
            Err(busy) => busy,
        };
        if !std::mem::replace(&mut arrived, true) {
            let enough = (super::now() + IN_FLIGHT).min(busy.silent_at);
            tokio::time::sleep_until(enough.into()).await;
            continue;
        }
        let silent = tokio::time::sleep_until(busy.silent_at.into());
        tokio::select! {
            () = stream.publisher_stirs(&busy) => {
                if !stream.is_live() {
                    continue;
                }
                gate.turned_away(&TurnedAway { stream: Some(stream.name().clone()), ..told });
                return Outcome::Refused(Refusal {
                    code: RefusalCode::BadName,
                    why: Why::Busy,
                    words: format!("{busy}; stop it first, or use another key"),
                });
            }
            () = silent => {}
        }
    }
}

/// Decides on a viewer.
pub(crate) async fn play(gate: Arc<dyn Gate>, request: AccessRequest, wish: Wish) -> Outcome {
    match gate.admit(request).await {
        Ok(Grant { stream, lease, .. }) => Outcome::Play { stream, lease, wish },
        Err(denial) => Outcome::Refused(Refusal {
            code: match denial.kind {
                DenialKind::UnknownStream | DenialKind::UnknownKey => RefusalCode::StreamNotFound,
                DenialKind::Forbidden | DenialKind::Full => RefusalCode::PlayFailed,
            },
            why: Why::Play,
            words: denial.message,
        }),
    }
}

fn refuse_publish(denial: &Denial) -> Refusal {
    let code = match denial.kind {
        DenialKind::UnknownKey | DenialKind::UnknownStream => RefusalCode::BadName,
        DenialKind::Forbidden => RefusalCode::Denied,
        DenialKind::Full => RefusalCode::Rejected,
    };
    Refusal { code, why: Why::Key, words: denial.message.clone() }
}

/// The first decision that is made.
pub(crate) fn poll(
    pending: &mut Vec<Pending>,
    context: &mut Context<'_>,
) -> Poll<(Pending, Outcome)> {
    for at in 0..pending.len() {
        if let Poll::Ready(outcome) = pending[at].decision.as_mut().poll(context) {
            return Poll::Ready((pending.swap_remove(at), outcome));
        }
    }
    Poll::Pending
}

/// What the status and the logs say of an encoder.
pub(crate) fn description(peer: SocketAddr, software: &str, secure: bool) -> String {
    let software = if software.is_empty() { "unknown software" } else { software };
    format!("{peer}{} {software}", if secure { " (TLS)" } else { "" })
}
