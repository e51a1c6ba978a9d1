//! Every change is in the audit log: who, what, from where (I15). Each changing operation of the
//! document is played once; one that is missing here fails.

use crate::support::{Bench, PASSWORD};
use manycast_auth::Role;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Operations that change nothing that lasts, or that have no success without the world outside.
const NOTHING_CHANGES: [&str; 3] = ["rehearse", "rehearse_destination", "redeliver"];
/// Played elsewhere: they ask for a link or a code that is made outside of the API.
const ELSEWHERE: [&str; 4] = ["set_up", "begin_totp", "confirm_totp", "remove_totp"];

/// A step: operation, method, path, body, and which action the log shall show.
type Step<'a> = (&'a str, &'a str, String, Option<Value>, &'a str);

struct Play {
    bench: Bench,
    by: crate::support::By,
    played: BTreeSet<String>,
}

impl Play {
    /// Plays a step; returns its answer.
    async fn step(&mut self, (id, method, path, body, action): Step<'_>) -> Value {
        let before = self.entries().await;
        let path = format!("/api/v1{path}");
        let mut headers = Vec::new();
        let version;
        if method == "PATCH" {
            let seen = self.bench.get(&self.by, &path).await;
            version = seen.header("etag").unwrap_or("\"1\"").to_owned();
            headers.push(("If-Match", version.as_str()));
        }
        let answer = self.bench.send(&self.by, method, &path, &headers, body.as_ref()).await;
        assert!((200..300).contains(&answer.status), "{id}: {answer:?}");
        let after = self.entries().await;
        let fresh: Vec<_> = after.iter().take(after.len() - before.len()).collect();
        assert!(!fresh.is_empty(), "{id} left nothing in the audit log");
        let named = fresh.iter().any(|entry| entry["action"] == action);
        assert!(named, "{id}: {action} is not in {fresh:#?}");
        for entry in fresh {
            let shown = entry.to_string();
            assert!(entry["actor"].as_str().is_some_and(|name| !name.is_empty()), "{id}: {shown}");
            assert_eq!(entry["address"], "127.0.0.1", "{id}: {shown}");
            for secret in [PASSWORD, "k3y-secret", "whsec_"] {
                assert!(!shown.contains(secret), "{id}: {shown}");
            }
        }
        self.played.insert(id.to_owned());
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    async fn entries(&self) -> Vec<Value> {
        let answer = self.bench.get(&self.by, "/api/v1/audit?limit=200").await;
        answer.json()["items"].as_array().unwrap().clone()
    }
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("{field} in {value}")).to_owned()
}

async fn streams(play: &mut Play) {
    let show = || "/streams/show".to_owned();
    play.step((
        "create_stream",
        "POST",
        "/streams".into(),
        Some(json!({"name": "show"})),
        "stream.create",
    ))
    .await;
    play.step(("edit_stream", "PATCH", show(), Some(json!({"notes": "n"})), "stream.edit")).await;
    play.step(("go_live", "POST", show() + "/go-live", None, "stream.go_live")).await;
    play.step(("end_stream", "POST", show() + "/end", None, "stream.end")).await;
    let key = play
        .step((
            "create_stream_key",
            "POST",
            show() + "/keys",
            Some(json!({"label": "Phone"})),
            "key.create",
        ))
        .await;
    let path = format!("/streams/show/keys/{}", text(&key, "id"));
    play.step((
        "edit_stream_key",
        "PATCH",
        path.clone(),
        Some(json!({"label": "Tablet"})),
        "key.edit",
    ))
    .await;
    let fresh = play
        .step((
            "rotate_stream_key",
            "POST",
            path + "/rotate",
            Some(json!({"grace_s": 60})),
            "key.rotate",
        ))
        .await;
    let path = format!("/streams/show/keys/{}", text(&fresh, "id"));
    play.step(("revoke_stream_key", "DELETE", path, None, "key.revoke")).await;
    let new = json!({"name": "tube", "url": "rtmp://a.invalid/live", "key": "k3y-secret"});
    let made = play
        .step((
            "create_destination",
            "POST",
            show() + "/destinations",
            Some(new),
            "destination.create",
        ))
        .await;
    assert!(!made.to_string().contains("k3y-secret") && made["key_set"] == true, "{made}");
    let id = text(&made, "id");
    let path = format!("/streams/show/destinations/{id}");
    play.step((
        "edit_destination",
        "PATCH",
        path.clone(),
        Some(json!({"notes": "n", "key": "k3y-secret-2"})),
        "destination.edit",
    ))
    .await;
    play.step((
        "disable_destination",
        "POST",
        path.clone() + "/disable",
        None,
        "destination.disable",
    ))
    .await;
    play.step(("enable_destination", "POST", path.clone() + "/enable", None, "destination.enable"))
        .await;
    play.step(("retry_destination", "POST", path.clone() + "/retry", None, "destination.retry"))
        .await;
    play.step((
        "order_destinations",
        "POST",
        show() + "/destinations/order",
        Some(json!({"ids": [id]})),
        "destination.order",
    ))
    .await;
    play.step(("remove_destination", "DELETE", path, None, "destination.delete")).await;
    play.step(("remove_stream", "DELETE", show(), None, "stream.delete")).await;
}

async fn people(play: &mut Play) {
    let new = json!({"name": "otto", "password": PASSWORD, "role": "operator"});
    let user = play.step(("create_user", "POST", "/users".into(), Some(new), "user.create")).await;
    let path = format!("/users/{}", text(&user, "id"));
    play.step(("edit_user", "PATCH", path.clone(), Some(json!({"role": "viewer"})), "user.edit"))
        .await;
    play.step(("remove_user", "DELETE", path, None, "user.delete")).await;
    let invite = play
        .step((
            "create_invite",
            "POST",
            "/invites".into(),
            Some(json!({"role": "viewer"})),
            "invite.create",
        ))
        .await;
    let accept = json!({"token": invite["token"], "name": "ines", "password": PASSWORD});
    play.step(("accept_invite", "POST", "/invites/accept".into(), Some(accept), "invite.accept"))
        .await;
    let invite = play
        .step((
            "create_invite",
            "POST",
            "/invites".into(),
            Some(json!({"role": "viewer"})),
            "invite.create",
        ))
        .await;
    play.step((
        "withdraw_invite",
        "DELETE",
        format!("/invites/{}", text(&invite, "id")),
        None,
        "invite.delete",
    ))
    .await;
    let token = json!({"name": "ci", "role": "viewer", "scopes": ["read"]});
    let token =
        play.step(("create_token", "POST", "/tokens".into(), Some(token), "token.create")).await;
    play.step((
        "revoke_token",
        "DELETE",
        format!("/tokens/{}", text(&token, "id")),
        None,
        "token.revoke",
    ))
    .await;
    let login = json!({"name": "ines", "password": PASSWORD});
    play.step(("log_in", "POST", "/session".into(), Some(login), "session.create")).await;
    let sessions = play.bench.get(&play.by, "/api/v1/session/list").await.json();
    let other = sessions["items"].as_array().unwrap().iter().find(|one| one["current"] == false);
    let path = format!("/session/list/{}", text(other.unwrap(), "id"));
    play.step(("end_own_session", "DELETE", path, None, "session.delete")).await;
    let change = json!({"current": PASSWORD, "new": "another long passphrase"});
    play.step((
        "change_password",
        "POST",
        "/session/password".into(),
        Some(change),
        "user.password",
    ))
    .await;
}

async fn machines(play: &mut Play) {
    let new = json!({"name": "ops", "url": "https://hooks.invalid/x"});
    let hook = play
        .step(("create_webhook", "POST", "/webhooks".into(), Some(new), "webhook.create"))
        .await;
    let path = format!("/webhooks/{}", text(&hook, "id"));
    play.step((
        "edit_webhook",
        "PATCH",
        path.clone(),
        Some(json!({"enabled": false})),
        "webhook.edit",
    ))
    .await;
    play.step((
        "rotate_webhook",
        "POST",
        path.clone() + "/rotate",
        Some(json!({})),
        "webhook.rotate",
    ))
    .await;
    play.step(("test_webhook", "POST", path.clone() + "/test", None, "webhook.test")).await;
    play.step(("remove_webhook", "DELETE", path, None, "webhook.delete")).await;
    play.step(("end_session", "DELETE", "/sessions/2".into(), None, "session.end")).await;
    play.step((
        "block_session",
        "POST",
        "/sessions/3/block".into(),
        Some(json!({"reason": "noise"})),
        "address.block",
    ))
    .await;
    play.step(("lift_block", "DELETE", "/blocks/192.0.2.3".into(), None, "address.unblock")).await;
}

#[tokio::test]
async fn i15_every_change_is_in_the_audit_log() {
    let bench = Bench::new().await;
    bench.log_in("olga").await;
    let by = bench.log_in("olga").await;
    let mut play = Play { bench, by, played: BTreeSet::new() };
    streams(&mut play).await;
    machines(&mut play).await;
    people(&mut play).await;
    let document: Value = serde_json::from_str(manycast_web::openapi()).unwrap();
    play.played.insert("log_out".to_owned());
    let out = play.bench.send(&play.by, "DELETE", "/api/v1/session", &[], None).await;
    assert_eq!(out.status, 204);
    for item in document["paths"].as_object().unwrap().values() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            let told = NOTHING_CHANGES.contains(&id) || ELSEWHERE.contains(&id);
            let known = method == "get" || told || play.played.contains(id);
            assert!(known, "{id} changes something and is not played");
        }
    }
    // nobody takes anything out of it
    let owner = play.bench.full().await;
    for method in ["DELETE", "PATCH", "PUT", "POST"] {
        let answer = play.bench.send(&owner, method, "/api/v1/audit", &[], None).await;
        assert_eq!(answer.status, 405, "{method}");
    }
    let viewer = play.bench.person("vera", Role::Operator).await;
    assert_eq!(play.bench.get(&viewer, "/api/v1/audit").await.status, 403);
}
