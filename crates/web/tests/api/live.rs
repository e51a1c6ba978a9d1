//! Live updates: what pages are told, and when that ends (I16).

use crate::support::Bench;
use manycast_auth::{Role, Scope};
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test]
async fn pages_are_told_what_changes_and_can_resume() {
    let bench = Bench::new().await;
    let by = bench.full().await;
    let mut page = bench.listen(&by, "/api/v1/events?stream=filed").await;
    let (_, first) = page.next("streams").await.unwrap();
    assert_eq!(first["streams"][0]["name"], "filed");
    let (_, close) = page.next("stream").await.unwrap();
    assert_eq!(close["destinations"][0]["name"], "tube");
    assert!(close["connect"]["rtmp"][0].as_str().unwrap().starts_with("rtmp://127.0.0.1"));
    bench.post(&by, "/api/v1/streams", &json!({"name": "show"})).await;
    let (_, next) = page.next("streams").await.unwrap();
    assert_eq!(next["streams"].as_array().unwrap().len(), 2);
    for text in ["one", "two", "three"] {
        bench.control.tell(event("config.reloaded", text));
    }
    let mut ids = Vec::new();
    for text in ["one", "two", "three"] {
        let (id, event) = page.next("activity").await.unwrap();
        assert_eq!((event["text"].as_str(), event["id"].as_str()), (Some(text), id.as_deref()));
        ids.push(id.unwrap());
    }
    // a page that lost its connection goes on behind the last event that it knows
    let path = format!("/api/v1/events?after={}", ids[0]);
    let mut again = bench.listen(&by, &path).await;
    for text in ["two", "three"] {
        assert_eq!(again.next("activity").await.unwrap().1["text"], text);
    }
    let listed = bench.get(&by, "/api/v1/activity?kind=config.&limit=2").await.json();
    assert_eq!(listed["items"][0]["text"], "three");
    assert!(listed["next"].is_string());
}

fn event(kind: &str, text: &str) -> manycast_control::NewEvent {
    manycast_control::NewEvent {
        kind: kind.to_owned(),
        stream: None,
        destination: None,
        actor: Some("olga".to_owned()),
        address: Some("192.0.2.7".to_owned()),
        severity: manycast_control::Severity::Info,
        text: text.to_owned(),
        data: json!({"address": "192.0.2.7", "count": 1}),
    }
}

#[tokio::test]
async fn who_may_not_see_people_is_told_of_none() {
    let bench = Bench::new().await;
    let viewer = bench.person("vera", Role::Viewer).await;
    let mut page = bench.listen(&viewer, "/api/v1/events").await;
    page.next("streams").await.unwrap();
    bench.control.tell(event("user.created", "somebody came"));
    bench.control.tell(event("config.reloaded", "done"));
    let (_, told) = page.next("activity").await.unwrap();
    assert_eq!(told["text"], "done");
    assert!(told["actor"].is_null() && told["address"].is_null(), "{told}");
    assert_eq!(told["data"], json!({"count": 1}));
    let listed = bench.get(&viewer, "/api/v1/activity").await;
    assert!(!listed.body.contains("192.0.2.7") && !listed.body.contains("somebody"), "{listed:?}");
    let operator = bench.person("otto", Role::Operator).await;
    assert!(bench.get(&operator, "/api/v1/activity").await.body.contains("192.0.2.7"));
}

#[tokio::test]
async fn i16_a_page_is_closed_soon_after_its_session_or_token_ends() {
    let bench = Bench::new().await;
    let owner = bench.full().await;
    let person = bench.person("vera", Role::Viewer).await;
    let token = bench.token(Role::Viewer, &[Scope::Read]).await;
    let mut pages = vec![];
    for by in [&person, &token] {
        let mut page = bench.listen(by, "/api/v1/events").await;
        page.next("streams").await.unwrap();
        pages.push(page);
    }
    let began = Instant::now();
    assert_eq!(bench.send(&person, "DELETE", "/api/v1/session", &[], None).await.status, 204);
    let tokens = bench.get(&owner, "/api/v1/tokens").await.json();
    for token in tokens["items"].as_array().unwrap() {
        if token["role"] == "viewer" {
            let path = format!("/api/v1/tokens/{}", token["id"].as_str().unwrap());
            assert_eq!(bench.send(&owner, "DELETE", &path, &[], None).await.status, 204);
        }
    }
    for mut page in pages {
        assert!(page.next("signed_out").await.is_some());
        assert!(page.next("streams").await.is_none(), "it ends");
    }
    assert!(began.elapsed() < Duration::from_millis(5500), "{:?}", began.elapsed());
}

#[tokio::test]
async fn pages_are_told_when_the_server_ends() {
    let bench = Bench::new().await;
    let by = bench.full().await;
    let mut page = bench.listen(&by, "/api/v1/events").await;
    page.next("streams").await.unwrap();
    bench.readiness.not_ready("draining");
    assert!(page.next("restart").await.is_some());
    assert!(page.next("streams").await.is_none());
}

#[tokio::test]
async fn pages_are_bounded_for_each_caller() {
    let bench = Bench::new().await;
    let by = bench.full().await;
    let mut pages = Vec::new();
    for _ in 0..16 {
        let mut page = bench.listen(&by, "/api/v1/events").await;
        page.next("streams").await.unwrap();
        pages.push(page);
    }
    let refused = bench.get(&by, "/api/v1/events").await;
    assert_eq!((refused.status, refused.word()), (503, "too-many-event-streams".to_owned()));
    assert!(refused.header("retry-after").is_some());
    let other = bench.person("vera", Role::Viewer).await;
    bench.listen(&other, "/api/v1/events").await.next("streams").await.unwrap();
    drop(pages);
    for attempt in 0.. {
        let mut page = bench.listen(&by, "/api/v1/events").await;
        if page.next("streams").await.is_some() {
            break;
        }
        assert!(attempt < 1000, "the places are given back");
    }
}

#[tokio::test]
async fn a_page_that_asks_nonsense_is_refused() {
    let bench = Bench::new().await;
    let by = bench.full().await;
    for (path, headers, want) in [
        ("/api/v1/events?stream=nothing", vec![], 404),
        ("/api/v1/events?after=-1", vec![], 400),
        ("/api/v1/events?after=x", vec![], 400),
        ("/api/v1/events", vec![("Last-Event-ID", "x")], 400),
    ] {
        assert_eq!(bench.send(&by, "GET", path, &headers, None).await.status, want, "{path}");
    }
}
