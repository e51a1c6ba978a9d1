//! Setting up, signing in and out, second factors, invitations, tokens.

use crate::support::{Bench, By, PASSWORD};
use manycast_auth::{Role, Scope};
use serde_json::json;

fn cookie_of(answer: &crate::support::Answer) -> By {
    let line = answer.header("set-cookie").unwrap();
    let value = line.split(';').next().unwrap().strip_prefix("manycast=").unwrap();
    By::Cookie(value.to_owned())
}

#[tokio::test]
async fn i2_the_first_owner_comes_in_by_the_link_once() {
    let bench = Bench::bare().await;
    let needed = async || bench.get(&By::Nobody, "/api/v1/setup").await.json();
    assert_eq!(needed().await, json!({"needed": true}));
    let token = bench.accounts.setup_token().unwrap();
    let body = |token: &str| json!({"token": token, "name": "olga", "password": PASSWORD});
    let path = "/api/v1/setup";
    let wrong = bench.post(&By::Nobody, path, &body(&"0".repeat(32))).await;
    assert_eq!((wrong.status, wrong.word()), (403, "wrong-setup-link".to_owned()));
    let weak = json!({"token": token.expose(), "name": "olga", "password": "olga"});
    let weak = bench.post(&By::Nobody, path, &weak).await;
    assert_eq!((weak.status, weak.json()["errors"][0]["field"].as_str()), (422, Some("password")));
    let made = bench.post(&By::Nobody, path, &body(token.expose())).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.json()["user"]["role"], "owner");
    assert_eq!(made.json()["needs_totp"], true);
    assert!(!made.body.contains(PASSWORD) && !made.body.contains(token.expose()));
    let me = bench.get(&cookie_of(&made), "/api/v1/session").await;
    assert_eq!(me.json()["user"]["name"], "olga");
    let again = bench.post(&By::Nobody, path, &body(token.expose())).await;
    assert_eq!((again.status, again.word()), (410, "link-used".to_owned()));
    assert_eq!(needed().await, json!({"needed": false}));
}

#[tokio::test]
async fn i5_sessions_are_new_at_log_in_and_dead_at_log_out() {
    let bench = Bench::new().await;
    let login = |password: &str| json!({"name": "olga", "password": password});
    let path = "/api/v1/session";
    let wrong = bench.post(&By::Nobody, path, &login("wrong wrong wrong")).await;
    assert_eq!((wrong.status, wrong.word()), (401, "wrong-login".to_owned()));
    assert!(wrong.header("set-cookie").is_none());
    // a cookie that an attacker planted does not become the session
    let planted = [
        ("Cookie", "manycast=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ("Sec-Fetch-Site", "same-origin"),
    ];
    let first = bench.send(&By::Nobody, "POST", path, &planted, Some(&login(PASSWORD))).await;
    let second = bench.post(&By::Nobody, path, &login(PASSWORD)).await;
    let (one, two) = (cookie_of(&first), cookie_of(&second));
    let (By::Cookie(a), By::Cookie(b)) = (&one, &two) else { unreachable!() };
    assert!(a != b && !a.contains("AAAAAA"));
    let listed = bench.get(&one, "/api/v1/session/list").await.json();
    let all = listed["items"].as_array().unwrap();
    assert!(all.len() >= 2 && all.iter().filter(|one| one["current"] == true).count() == 1);
    let out = bench.send(&one, "DELETE", path, &[], None).await;
    assert_eq!(out.status, 204);
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(bench.get(&one, path).await.status, 401);
    assert_eq!(bench.get(&two, path).await.status, 200);
    let other = listed["items"].as_array().unwrap().iter().find(|one| one["current"] == false);
    let id = other.unwrap()["id"].as_str().unwrap();
    let end = format!("/api/v1/session/list/{id}");
    assert_eq!(bench.send(&two, "DELETE", &end, &[], None).await.status, 204);
    let change = json!({"current": PASSWORD, "new": "another long passphrase"});
    let three = bench.log_in("olga").await;
    assert_eq!(bench.post(&three, "/api/v1/session/password", &change).await.status, 204);
    assert_eq!(bench.get(&three, path).await.status, 200, "his own goes on");
    assert_eq!(bench.get(&two, path).await.status, 401, "all others end");
}

#[tokio::test]
async fn a_second_factor_is_asked_for_once_it_is_confirmed() {
    let bench = Bench::new().await;
    let by = bench.log_in("olga").await;
    let path = "/api/v1/users/me/totp";
    let wrong = bench.post(&by, path, &json!({"password": "wrong wrong wrong"})).await;
    assert!(matches!(wrong.status, 403 | 422), "{wrong:?}");
    let offer = bench.post(&by, path, &json!({"password": PASSWORD})).await;
    assert_eq!(offer.status, 200, "{offer:?}");
    assert!(offer.json()["uri"].as_str().unwrap().starts_with("otpauth://totp/"));
    let guess = json!({"code": "000000"});
    let refused = bench.post(&by, "/api/v1/users/me/totp/confirm", &guess).await;
    assert!(matches!(refused.status, 403 | 422), "{refused:?}");
    assert_eq!(bench.get(&by, "/api/v1/users/me").await.json()["totp"], false);
    let admin = bench.person("anna", Role::Admin).await;
    let id = bench.owner.id.clone();
    let others = format!("/api/v1/users/{id}/totp");
    let refused = bench.post(&admin, &others, &json!({"password": PASSWORD})).await;
    assert_eq!(refused.status, 403, "nobody sets up another's: {refused:?}");
}

#[tokio::test]
async fn people_are_invited_and_kept_below() {
    let bench = Bench::new().await;
    let admin = bench.person("anna", Role::Admin).await;
    let invite = bench.post(&admin, "/api/v1/invites", &json!({"role": "operator"})).await;
    assert_eq!(invite.status, 201, "{invite:?}");
    let token = invite.json()["token"].clone();
    let body = json!({"token": token, "name": "otto", "password": PASSWORD});
    let made = bench.post(&By::Nobody, "/api/v1/invites/accept", &body).await;
    assert_eq!((made.status, made.json()["role"].as_str()), (201, Some("operator")), "{made:?}");
    let people = bench.get(&admin, "/api/v1/users").await.json();
    let otto = people["items"].as_array().unwrap().iter().find(|one| one["name"] == "otto");
    assert!(otto.unwrap()["last_seen_at"].is_string(), "{people}");
    let again = bench.post(&By::Nobody, "/api/v1/invites/accept", &body).await;
    assert!(matches!(again.status, 403 | 410), "{again:?}");
    for (what, body) in [
        ("/api/v1/invites", json!({"role": "owner"})),
        ("/api/v1/users", json!({"name": "eve", "password": PASSWORD, "role": "owner"})),
        ("/api/v1/tokens", json!({"name": "eve", "role": "owner", "scopes": ["admin"]})),
    ] {
        let answer = bench.post(&admin, what, &body).await;
        assert_eq!(answer.status, 403, "{what}: {answer:?}");
    }
    let owner = format!("/api/v1/users/{}", bench.owner.id);
    let patch = json!({"disabled": true});
    let answer = bench.send(&admin, "PATCH", &owner, &[("If-Match", "\"1\"")], Some(&patch)).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(bench.send(&admin, "DELETE", &owner, &[], None).await.status, 403);
}

#[tokio::test]
async fn tokens_are_shown_once_and_do_what_they_say() {
    let bench = Bench::new().await;
    let owner = bench.log_in("olga").await;
    let body = json!({"name": "ci", "role": "admin", "scopes": ["read", "edit"], "expires_at": "2099-01-01T00:00:00Z"});
    let made = bench.post(&owner, "/api/v1/tokens", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    let text = made.json()["token"].as_str().unwrap().to_owned();
    let by = By::Token(text.clone());
    let me = bench.get(&by, "/api/v1/session").await.json();
    assert_eq!((me["user"].is_null(), me["token"]["name"].as_str()), (true, Some("ci")), "{me}");
    assert_eq!(me["scopes"], json!(["read", "edit"]));
    let listed = bench.get(&owner, "/api/v1/tokens").await;
    assert!(!listed.body.contains(&text), "{listed:?}");
    assert_eq!(listed.json()["items"][0]["expires_at"], "2099-01-01T00:00:00.000Z");
    for expires_at in ["tomorrow", "2099-13-01T00:00:00Z"] {
        let body =
            json!({"name": "x", "role": "viewer", "scopes": ["read"], "expires_at": expires_at});
        let answer = bench.post(&owner, "/api/v1/tokens", &body).await;
        assert_eq!(answer.json()["errors"][0]["field"], "expires_at", "{answer:?}");
    }
    assert_eq!(bench.get(&By::Token(format!("{text}x")), "/api/v1/session").await.status, 401);
    let reader = bench.token(Role::Viewer, &[Scope::Read]).await;
    assert_eq!(bench.get(&reader, "/api/v1/tokens").await.status, 403);
}
