//! What an end means to the one who decides about the next attempt.

use manycast_dial::DialError;
use manycast_hub::{Fault, LinkEnd, Secret};
use manycast_rtmp::command::RtmpUrl;
use manycast_rtmp::session::{ClientEvent, SessionError, Wait};
use manycast_tls::TlsError;
use std::io::{self, ErrorKind};

pub(super) fn end(fault: Fault, message: impl Into<String>) -> LinkEnd {
    LinkEnd::new(fault, message)
}

pub(super) fn dial(error: &DialError) -> LinkEnd {
    let fault = match error {
        _ if error.is_permanent() => Fault::Configuration,
        DialError::Dns { .. } => Fault::Dns,
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
        _ if greeted => end(Fault::Handshake, format!("the far end broke the protocol: {error}")),
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

/// The end that an event of a session with `ours` means, if it ends the connection.
pub(crate) fn verdict(event: &ClientEvent, ours: &RtmpUrl, accepted: bool) -> Option<LinkEnd> {
    Some(match event {
        ClientEvent::Refused { code, description, command } => {
            refused(code, description, command, accepted)
        }
        ClientEvent::Challenged { demand } => super::login::demanded(demand),
        ClientEvent::Redirect { url } => redirected(ours, &url.expose()),
        ClientEvent::Closed => closed(true, accepted),
        _ => return None,
    })
}

/// The far end said no to `command`, or, once it had `accepted`, that it goes away.
fn refused(code: &str, description: &str, command: &str, accepted: bool) -> LinkEnd {
    let words = match (code.is_empty(), description.is_empty()) {
        (false, false) => format!("{code}: {description}"),
        (false, true) => code.to_owned(),
        (true, false) => description.to_owned(),
        (true, true) => format!("refused {command} without a reason"),
    };
    let fault = match code {
        "NetConnection.Connect.Closed" | "NetConnection.Connect.AppShutdown" if accepted => {
            Fault::Closed
        }
        _ if is_in_use(description) => Fault::Occupied,
        "NetStream.Publish.BadName" => Fault::BadName,
        _ => Fault::Rejected,
    };
    end(fault, words)
}

/// How servers say that somebody publishes under this name: "Already publishing" (nginx-rtmp),
/// "Stream already publishing" (node-media-server), "is already in use" (Wowza), "stream busy"
/// (SRS), and the like. What has "already" ended, or does not "exist", is something else.
fn is_in_use(description: &str) -> bool {
    const SIGNS: [&str; 8] = [
        "already",
        "in use",
        "busy",
        "duplicate",
        "being published",
        "exists",
        "occupied",
        "in progress",
    ];
    const OTHERS: [&str; 10] = [
        "already ended",
        "already expired",
        "already finished",
        "already over",
        "already closed",
        "already deleted",
        "has ended",
        "no longer exists",
        "none exists",
        "not in use",
    ];
    let words = description.to_ascii_lowercase();
    let holds = |signs: &[&str]| signs.iter().any(|sign| words.contains(sign));
    holds(&SIGNS) && !holds(&OTHERS)
}

/// The far end, reached as `ours`, sends us to `theirs`. The words name the host alone: whatever
/// else the address holds may be a token.
pub(super) fn redirected(ours: &RtmpUrl, theirs: &str) -> LinkEnd {
    let refused = |why: String| end(Fault::Rejected, format!("the far end redirects {why}"));
    let url = match ours.follow(theirs) {
        Ok(url) => url,
        Err(error) => return refused(error.to_string()),
    };
    match manycast_dial::Target::parse(&url) {
        Ok(target) => to(&url, format!("the far end redirects to {}", target.host)),
        Err(error) => refused(format!("to an address that cannot be used: {error}")),
    }
}

/// Ends with the order to go on at `url`.
pub(super) fn to(url: &str, words: impl Into<String>) -> LinkEnd {
    LinkEnd { redirect: Some(Secret::new(url)), ..end(Fault::Redirected, words) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use manycast_dial::DnsFailure;

    #[test]
    fn d5_a_name_in_use_is_told_from_other_refusals() {
        let bad_name = "NetStream.Publish.BadName";
        for (code, description, fault) in [
            (bad_name, "Already publishing", Fault::Occupied),
            (bad_name, "Stream already publishing", Fault::Occupied),
            (bad_name, "", Fault::BadName),
            (bad_name, "this key is not known here", Fault::BadName),
            (bad_name, "the broadcast has already ended", Fault::BadName),
            ("NetStream.Publish.Denied", "Stream name [x] is already in use.", Fault::Occupied),
            ("NetConnection.Connect.Rejected", "live/k is BUSY", Fault::Occupied),
            ("NetStream.Failed", "duplicate stream name", Fault::Occupied),
            ("NetStream.Publish.Rejected", "stream exists", Fault::Occupied),
            ("", "somebody else is being published", Fault::Occupied),
            ("NetStream.Publish.Denied", "invalid token", Fault::Rejected),
            ("NetStream.Publish.Denied", "the stream does not exist", Fault::Rejected),
            ("NetStream.Publish.Denied", "the broadcast has already ended", Fault::Rejected),
            ("NetStream.publish.Unauthorized", "Authorization required.", Fault::Rejected),
            ("NetConnection.Connect.InvalidApp", "", Fault::Rejected),
            ("", "", Fault::Rejected),
        ] {
            let end = refused(code, description, "publish", true);
            assert_eq!(end.fault, fault, "{code} {description}");
            assert!(end.message.contains(code) && end.message.contains(description));
            assert!(!end.message.is_empty() && end.redirect.is_none());
        }
    }

    /// A server that is restarted is dialled again soon, not as after a refusal.
    #[test]
    fn d4_a_server_that_goes_away_has_refused_nothing() {
        for code in ["NetConnection.Connect.Closed", "NetConnection.Connect.AppShutdown"] {
            let end = refused(code, "restarting", "publish", true);
            assert_eq!((end.fault, end.message), (Fault::Closed, format!("{code}: restarting")));
            assert_eq!(refused(code, "no", "connect", false).fault, Fault::Rejected);
        }
    }

    #[test]
    fn d13_a_redirect_is_told_without_its_secrets() {
        let ours = RtmpUrl::with_key("rtmps://h/live", "k-secret").unwrap();
        let end = redirected(&ours, "rtmps://edge.example/app?token=hush/k-secret");
        assert_eq!(end.fault, Fault::Redirected);
        assert_eq!(end.message, "the far end redirects to edge.example");
        assert_eq!(end.redirect.unwrap().expose(), "rtmps://edge.example/app?token=hush/k-secret");
        for theirs in [
            "rtmp://edge.example/hush",
            "http://edge.example/hush",
            "rtmps://0x7f.1/hush",
            "rtmps://a@b/hush",
            "rtmps://edge.example:0/hush",
            "",
        ] {
            let end = redirected(&ours, theirs);
            assert_eq!((end.fault, end.redirect), (Fault::Rejected, None), "{theirs}");
            assert!(!end.message.contains("hush"), "{}", end.message);
        }
    }

    #[test]
    fn what_only_a_person_can_mend_is_a_matter_of_configuration() {
        let dns = |failure| dial(&DialError::Dns { host: "h".into(), failure }).fault;
        assert_eq!(dns(DnsFailure::BadName), Fault::Configuration);
        assert_eq!(dns(DnsFailure::NxDomain), Fault::Dns);
        assert_eq!(dns(DnsFailure::Timeout), Fault::Dns);
    }
}
