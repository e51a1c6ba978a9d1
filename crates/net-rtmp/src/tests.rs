//! What needs a look inside: a session that panics.

#[path = "../tests/support/mod.rs"]
#[allow(dead_code, reason = "shared with the tests from outside")]
mod support;

use crate::Sender;
use manycast_rtmp::session::MediaKind;
use std::time::Duration;
use support::{TestServer, clip, send};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a8_a_panic_costs_one_session() {
    let server = TestServer::with(|settings| settings.panic_at = Some(b"\x27\x01boom"));
    let mut control = Sender::connect(&server.client, &server.address_of("control")).await.unwrap();
    let mut victim = Sender::connect(&server.client, &server.address_of("victim")).await.unwrap();
    let clip = clip();
    send(&mut control, &clip[..10]).await;
    victim.send(MediaKind::Video, 0, b"\x27\x01boom".as_slice().into()).await.unwrap();
    assert!(victim.idle(Duration::from_secs(10)).await.is_err(), "the session ended");
    send(&mut control, &clip[10..20]).await;
    let ended = async {
        while server.stats.snapshot().panics == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ended).await.expect("counted");
    assert_eq!(server.stats.snapshot().panics, 1);
    assert!(server.hub.streams().iter().any(|s| s.name().as_str() == "control" && s.is_live()));
    let victim = server.hub.streams().into_iter().find(|s| s.name().as_str() == "victim").unwrap();
    assert!(!victim.is_live());
}
