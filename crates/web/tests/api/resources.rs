//! What the resources show, and that lists hang together.

use crate::support::{Bench, By, PASSWORD};
use manycast_auth::{Role, Scope};
use serde_json::{Value, json};

/// Holds an answer to the schema of the document: every field it has is named there, and none that
/// is named is missing.
fn fits(value: &Value, schema: &Value, document: &Value, at: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.strip_prefix('#').unwrap()).unwrap();
        return fits(value, target, document, at);
    }
    for word in ["oneOf", "anyOf"] {
        if let Some(all) = schema[word].as_array() {
            let real: Vec<_> = all.iter().filter(|one| one["type"] != "null").collect();
            if !value.is_null() && real.len() == 1 {
                fits(value, real[0], document, at);
            }
            return;
        }
    }
    if let Some(all) = schema["allOf"].as_array() {
        let mut named = serde_json::Map::new();
        for part in all {
            let part = match part["$ref"].as_str() {
                Some(reference) => document.pointer(&reference[1..]).unwrap(),
                None => part,
            };
            named.extend(part["properties"].as_object().cloned().unwrap_or_default());
        }
        return compare(value, &named, document, at);
    }
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        values.iter().for_each(|one| fits(one, items, document, at));
    }
    if let Some(named) = schema["properties"].as_object()
        && value.is_object()
    {
        compare(value, named, document, at);
    }
    if let (Some(words), Some(text)) = (schema["enum"].as_array(), value.as_str()) {
        assert!(words.iter().any(|word| word == text), "{at}: {text} is none of {words:?}");
    }
}

fn compare(value: &Value, named: &serde_json::Map<String, Value>, document: &Value, at: &str) {
    let fields = value.as_object().unwrap_or_else(|| panic!("{at}: {value}"));
    for (name, schema) in named {
        let its = fields.get(name).unwrap_or_else(|| panic!("{at}: {name} is missing in {value}"));
        fits(its, schema, document, &format!("{at}.{name}"));
    }
    for name in fields.keys() {
        assert!(named.contains_key(name), "{at}: {name} is not described");
    }
}

#[tokio::test]
async fn answers_are_as_they_are_described() {
    let bench = Bench::new().await;
    let by = bench.log_in("olga").await;
    let document: Value = serde_json::from_str(manycast_web::openapi()).unwrap();
    let setup = [
        ("/streams", json!({"name": "show", "title": "<script>alert(1)</script>"})),
        ("/streams/show/keys", json!({"label": "Phone", "addresses": ["192.0.2.0/24"]})),
        (
            "/streams/show/destinations",
            json!({"name": "tube", "url": "rtmps://a.invalid/live", "key": "k3y-secret", "backup": {"url": "rtmps://b.invalid/live", "mode": "both"}}),
        ),
        ("/users", json!({"name": "vera", "password": PASSWORD, "role": "viewer"})),
        ("/invites", json!({"role": "viewer"})),
        ("/tokens", json!({"name": "ci", "role": "viewer", "scopes": ["read"]})),
        (
            "/webhooks",
            json!({"name": "ops", "url": "https://hooks.invalid/x", "events": ["stream.started"]}),
        ),
    ];
    for (path, body) in setup {
        let answer = bench.post(&by, &format!("/api/v1{path}"), &body).await;
        assert_eq!(answer.status, 201, "{path}: {answer:?}");
        let schema = &document["paths"][format!("/api/v1{path}").replace("show", "{stream}")]["post"]
            ["responses"]["201"]["content"]["application/json"]["schema"];
        fits(&answer.json(), schema, &document, path);
    }
    let mut seen = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(content) =
            item["get"]["responses"]["200"]["content"]["application/json"].as_object()
        else {
            continue;
        };
        let asked = path
            .replace("{stream}", "show")
            .replace("{destination}", "tube")
            .replace("{service}", "twitch")
            .replace("{user}", "me");
        if asked.contains('{') {
            continue;
        }
        let answer = bench.get(&by, &asked).await;
        assert_eq!(answer.status, 200, "{asked}: {answer:?}");
        assert!(!answer.body.contains("k3y-secret"), "{asked} shows a key");
        fits(&answer.json(), &content["schema"], &document, path);
        seen += 1;
    }
    assert!(seen > 22, "{seen}");
}

#[tokio::test]
async fn lists_come_in_parts_that_hang_together() {
    let bench = Bench::new().await;
    let by = bench.full().await;
    for number in 0..7 {
        bench.post(&by, "/api/v1/streams", &json!({"name": format!("s{number}")})).await;
    }
    for path in ["/api/v1/streams", "/api/v1/audit", "/api/v1/users"] {
        let whole = bench.get(&by, &format!("{path}?limit=200")).await.json();
        assert!(whole["next"].is_null(), "{path}");
        let (mut parts, mut after) = (Vec::new(), String::new());
        loop {
            let part = bench.get(&by, &format!("{path}?limit=3{after}")).await.json();
            let items = part["items"].as_array().unwrap().clone();
            assert!(items.len() <= 3, "{path}");
            parts.extend(items);
            let Some(next) = part["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        let count = whole["items"].as_array().unwrap().len();
        assert_eq!(parts.len(), count, "{path}");
        let id = |value: &Value| value.get("id").or(value.get("name")).cloned();
        let all: Vec<_> = whole["items"].as_array().unwrap().iter().map(id).collect();
        assert_eq!(parts.iter().map(id).collect::<Vec<_>>(), all, "{path}");
    }
}

#[tokio::test]
async fn who_may_not_see_addresses_gets_none() {
    let bench = Bench::new().await;
    let viewer = bench.person("vera", Role::Viewer).await;
    assert_eq!(bench.get(&viewer, "/api/v1/sessions").await.status, 403);
    let server = bench.get(&viewer, "/api/v1/server").await.json();
    assert!(server["config"].is_null() && server["certificate"].is_null(), "{server}");
    let operator = bench.person("otto", Role::Operator).await;
    let sessions = bench.get(&operator, "/api/v1/sessions?stream=main").await.json();
    assert_eq!(sessions["items"][0]["address"], "192.0.2.1:5000");
    assert_eq!(sessions["items"][0]["software"], "<b>OBS</b>");
    let admin = bench.token(Role::Admin, &[Scope::Read, Scope::Admin]).await;
    assert!(bench.get(&admin, "/api/v1/server").await.json()["config"].is_object());
}

#[tokio::test]
async fn a_block_keeps_an_address_out_until_it_is_lifted() {
    let bench = Bench::new().await;
    let by = bench.full().await;
    let path = "/api/v1/sessions/1/block";
    for (body, field) in [(json!({"seconds": 0}), "seconds"), (json!({"seconds": 1e9}), "seconds")]
    {
        let answer = bench.post(&by, path, &body).await;
        assert_eq!(answer.json()["errors"][0]["field"], field, "{answer:?}");
    }
    let made = bench.post(&by, path, &json!({"seconds": 60, "reason": "noise"})).await;
    assert_eq!(
        (made.status, made.json()["address"].as_str()),
        (201, Some("192.0.2.1")),
        "{made:?}"
    );
    let listed = bench.get(&by, "/api/v1/sessions").await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2, "its sessions ended: {listed}");
    assert_eq!(bench.get(&by, "/api/v1/blocks").await.json()["items"][0]["reason"], "noise");
    let lift = "/api/v1/blocks/192.0.2.1";
    assert_eq!(bench.send(&by, "DELETE", lift, &[], None).await.status, 204);
    assert_eq!(bench.send(&by, "DELETE", lift, &[], None).await.status, 404);
}

#[tokio::test]
async fn problems_explain_themselves() {
    let bench = Bench::new().await;
    let by = bench.full().await;
    let answer = bench.get(&by, "/api/v1/streams/nothing").await;
    let kind = answer.json()["type"].as_str().unwrap().to_owned();
    let page = bench.get(&By::Nobody, &kind).await;
    assert_eq!(page.header("content-type"), Some("text/plain; charset=utf-8"));
    assert!(page.body.contains("no such thing"), "{page:?}");
}

#[tokio::test]
async fn a_key_of_a_guest_is_given_an_end() {
    let bench = Bench::new().await;
    let by = bench.full().await;
    let keys = "/api/v1/streams/filed/keys";
    let end = "2099-01-31T12:00:00Z";
    let new = json!({"label": "Guest", "expires_at": end});
    let made = bench.post(&by, keys, &new).await;
    assert_eq!(made.status, 201, "{made:?}");
    let key = format!("{keys}/{}", made.json()["id"].as_str().unwrap());
    let shown = async || bench.get(&by, keys).await.json()["items"][0]["expires_at"].clone();
    let kept = shown().await;
    assert!(kept.as_str().unwrap().starts_with("2099-01-31T12:00:00"), "{kept}");
    for (patch, status, want) in [
        (json!({"label": "Visitor"}), 200, Some("2099")),
        (json!({"expires_at": "2001-01-31T12:00:00Z"}), 422, Some("2099")),
        (json!({"expires_at": "soon"}), 422, Some("2099")),
        (json!({"expires_at": null}), 200, None),
        (json!({"expires_at": "2098-01-31T12:00:00Z"}), 200, Some("2098")),
    ] {
        let answer = bench.send(&by, "PATCH", &key, &[], Some(&patch)).await;
        assert_eq!(answer.status, status, "{patch}: {answer:?}");
        assert!(status == 200 || answer.body.contains("expires_at"), "{answer:?}");
        let now = shown().await;
        assert_eq!(now.as_str().map(|text| &text[..4]), want, "{patch}");
    }
}

/// The token in a webhook's address goes in and does not come out.
#[tokio::test]
async fn j1_the_query_of_a_webhook_is_not_told() {
    let bench = Bench::new().await;
    let by = bench.full().await;
    let new = json!({"name": "ops", "url": "https://hooks.example/x?token=canary&v=1"});
    let made = bench.post(&by, "/api/v1/webhooks", &new).await;
    assert_eq!(made.status, 201, "{made:?}");
    let shown = made.json()["url"].clone();
    assert_eq!(shown, "https://hooks.example/x?token=\u{2026}&v=\u{2026}");
    let path = format!("/api/v1/webhooks/{}", made.json()["id"].as_str().unwrap());
    let same = json!({"name": "Ops", "url": shown});
    let edited = bench.send(&by, "PATCH", &path, &[("If-Match", "\"1\"")], Some(&same)).await;
    assert_eq!((edited.status, &edited.json()["name"]), (200, &json!("Ops")), "{edited:?}");
    let kept = bench.webhook_urls().await;
    assert_eq!(
        kept,
        ["https://hooks.example/x?token=canary&v=1"],
        "what was shown changes nothing"
    );
    let other = json!({"url": "https://hooks.example/y?token=\u{2026}"});
    let refused = bench.send(&by, "PATCH", &path, &[("If-Match", "\"2\"")], Some(&other)).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    for answer in [
        made,
        edited,
        refused,
        bench.get(&by, "/api/v1/webhooks").await,
        bench.get(&by, &path).await,
    ] {
        assert!(!answer.body.contains("canary"), "{answer:?}");
    }
}
