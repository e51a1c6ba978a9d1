//! What servers answer to `connect` beside yes and no: demands for a user, and what they can.

mod support;

use manycast_amf::{Value, object};
use manycast_rtmp::{
    auth::{Demand, Dialect},
    command::RtmpUrl,
    session::{Capabilities, ClientConfig, ClientEvent, ClientRole, MediaKind, Stage},
};
use support::{Client, Turn, command};

fn client() -> Client {
    let url = RtmpUrl::with_key("rtmp://h/live", "canary").expect("valid");
    Client::greeted(ClientConfig::new(&url, ClientRole::Publish, [9; 32])).0
}

fn refused(description: &str) -> Turn<ClientEvent> {
    let status = object([
        ("level", Value::from("error")),
        ("code", "NetConnection.Connect.Rejected".into()),
        ("description", description.into()),
    ]);
    client().say(&command(0, "_error", 1.0, &[Value::Null, status]))
}

#[test]
fn section8_4_a_demand_for_a_user_is_no_refusal() {
    let turn = refused("[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ");
    let demand = Demand::Identify(Dialect::Adobe);
    assert_eq!(turn.events, [ClientEvent::Challenged { demand }, ClientEvent::Closed]);
    let turn = refused("[ authmod=llnw ] : ?reason=needauth&user=canary&nonce=canary-nonce");
    let [ClientEvent::Challenged { demand: Demand::Prove(_) }, ClientEvent::Closed] =
        &turn.events[..]
    else {
        panic!("{:?}", turn.events)
    };
    let turn = refused("[ authmod=adobe ] : ?reason=authfailed");
    let demand = Demand::Other;
    assert_eq!(turn.events, [ClientEvent::Challenged { demand }, ClientEvent::Closed]);
    let turn = refused("no such app");
    assert!(matches!(turn.events[..], [ClientEvent::Refused { .. }, ClientEvent::Closed]));
}

/// In the properties or in the info; an answer without anything is the default.
#[test]
fn negotiation_what_a_server_can_is_read_from_either_object() {
    let says = || {
        let map = object([("hvc1", Value::from(1.0)), ("av01", 2.0.into())]);
        [("videoFourCcInfoMap", map), ("capsEx", Value::from(3.0))]
    };
    let code = || [("code", Value::from("NetConnection.Connect.Success"))];
    for values in [
        vec![object(says()), object(code())],
        vec![object::<&str>([]), object(code().into_iter().chain(says()))],
        vec![Value::Null, object(code().into_iter().chain(says()))],
    ] {
        let mut client = client();
        assert_eq!(client.session.peer(), None);
        let turn = client.say(&command(0, "_result", 1.0, &values));
        assert_eq!(turn.events, [ClientEvent::Stage(Stage::Connected)]);
        let peer = client.session.peer().expect("connected");
        assert_eq!(peer.takes(MediaKind::Video, "hvc1"), Some(true));
        assert_eq!(peer.takes(MediaKind::Video, "av01"), Some(false));
        assert_eq!(peer.takes(MediaKind::Audio, "Opus"), None);
        assert!(peer.has(Capabilities::RECONNECT) && !peer.has(Capabilities::MOD_EX));
    }
    let mut client = client();
    client.say(&command(0, "_result", 1.0, &[object::<&str>([]), object(code())]));
    assert_eq!(client.session.peer(), Some(&Capabilities::default()));
}
