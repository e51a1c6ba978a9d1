//! What is refused, and how: forged origins, bodies, queries, methods, versions, repetitions.

use crate::support::{Bench, By, PASSWORD};
use manycast_auth::Role;
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test]
async fn i4_a_cookie_changes_nothing_from_another_site() {
    let bench = Bench::new().await;
    let By::Cookie(cookie) = bench.log_in("olga").await else { unreachable!() };
    let host = bench.address.to_string();
    let body = r#"{"name":"forged"}"#;
    for (lines, want) in [
        (String::new(), 403),
        ("Sec-Fetch-Site: cross-site\r\n".to_owned(), 403),
        ("Sec-Fetch-Site: same-site\r\n".to_owned(), 403),
        ("Origin: https://evil.example\r\n".to_owned(), 403),
        ("Origin: null\r\n".to_owned(), 403),
        (format!("Origin: https://{host}\r\n"), 403),
        (format!("Origin: http://{host}.evil.example\r\n"), 403),
        (format!("Sec-Fetch-Site: cross-site\r\nOrigin: http://{host}\r\n"), 403),
        ("Sec-Fetch-Site: same-origin\r\nContent-Type: text/plain\r\n".to_owned(), 415),
        (
            "Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                .to_owned(),
            415,
        ),
        (format!("Origin: http://{host}\r\nContent-Type: application/json\r\n"), 201),
    ] {
        let text = format!(
            "POST /api/v1/streams HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
             Cookie: manycast={cookie}\r\n{lines}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = bench.raw(&text).await;
        assert_eq!(answer.status, want, "{lines:?}: {answer:?}");
        assert!(!answer.head.to_lowercase().contains("access-control"), "{answer:?}");
    }
    let streams = bench.get(&By::Cookie(cookie), "/api/v1/streams").await.json();
    assert_eq!(streams["items"].as_array().unwrap().len(), 2, "{streams}");
}

#[tokio::test]
async fn i14_only_a_listed_proxy_speaks_for_others() {
    let bench = Bench::new().await;
    let login = json!({"name": "olga", "password": PASSWORD});
    for header in ["X-Forwarded-For", "Forwarded", "X-Real-IP"] {
        let forged = [(header, "203.0.113.9")];
        let answer =
            bench.send(&By::Nobody, "POST", "/api/v1/session", &forged, Some(&login)).await;
        assert_eq!((answer.status, answer.word()), (403, "insecure".to_owned()), "{header}");
    }
    let answer = bench.post(&By::Nobody, "/api/v1/session", &login).await;
    assert_eq!(answer.status, 200);
    let cookie = answer.header("set-cookie").unwrap();
    assert!(
        cookie.starts_with("manycast=") && cookie.contains("HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
}

#[tokio::test]
async fn i12_i13_bodies_and_queries_have_bounds() {
    let bench = Bench::new().await;
    let by = bench.full().await;
    let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(10_000_000));
    let deep = "[".repeat(10_000);
    let nested = format!(r#"{{"name":"a","x":{}}}"#, "{\"a\":".repeat(9_000));
    for (body, statuses, words) in [
        (large.as_str(), &[413][..], &["body-too-large"][..]),
        (&deep, &[400, 422], &["invalid-json", "invalid"]),
        (&nested, &[400, 422], &["invalid-json", "invalid"]),
        ("{", &[400], &["invalid-json"]),
        ("", &[422], &["invalid"]),
        ("nonsense", &[400], &["invalid-json"]),
        (r#"{"name":"a","version":7}"#, &[422], &["invalid"]),
        (r#"{"name":"a","managed_by":"file"}"#, &[422], &["invalid"]),
        (r#"{"name":"../../etc"}"#, &[422], &["invalid"]),
        (r#"{"name":"a","reconnect_window_s":-1}"#, &[422], &["invalid"]),
        (r#"{"name":"a","reconnect_window_s":1e300}"#, &[422], &["invalid"]),
        (r#"{"name":"a","start":"never"}"#, &[422], &["invalid"]),
    ] {
        let began = Instant::now();
        let head = bench.head(&by, "POST", "/api/v1/streams", &[]);
        let text = format!(
            "{head}Connection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = bench.raw(&text).await;
        let shown = &body[..body.len().min(60)];
        // the far end may be cut before it has read why: what counts is that nothing was made
        if answer.status != 0 || body.len() < 100_000 {
            assert!(statuses.contains(&answer.status), "{shown}: {answer:?}");
            assert!(words.contains(&answer.word().as_str()), "{shown}: {answer:?}");
            assert!(answer.json()["remedy"].as_str().is_some_and(|text| text.len() > 5));
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{shown}");
    }
    for query in [
        "limit=0",
        "limit=-1",
        "limit=201",
        "limit=9223372036854775808",
        "limit=x",
        "page=0",
        "after=nothing",
        "limit=1&limit=2",
        "after=%ff",
    ] {
        for path in ["/api/v1/streams", "/api/v1/audit", "/api/v1/activity", "/api/v1/users"] {
            let answer = bench.get(&by, &format!("{path}?{query}")).await;
            assert_eq!(answer.status, 400, "{path}?{query}: {answer:?}");
        }
    }
    assert_eq!(
        bench.get(&by, "/api/v1/streams").await.json()["items"].as_array().unwrap().len(),
        1
    );
}

#[tokio::test]
async fn methods_bodies_and_types_are_told() {
    let bench = Bench::new().await;
    let by = bench.full().await;
    for (method, path, more, want, word) in [
        ("PUT", "/api/v1/streams", "", 405, "method-not-allowed"),
        ("POST", "/healthz", "", 405, "method-not-allowed"),
        ("GET", "/api/v1/streams", "Content-Length: 2\r\n\r\n{}", 413, "body-too-large"),
        (
            "GET",
            "/api/v1/streams",
            "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            411,
            "length-required",
        ),
        ("GET", "/healthz", "Content-Length: 2\r\n\r\n{}", 413, "body-too-large"),
        ("GET", "/", "Content-Length: 2\r\n\r\n{}", 413, "body-too-large"),
        ("POST", "/api/v1/streams", "Content-Length: 2\r\n\r\n{}", 415, "not-json"),
        (
            "POST",
            "/api/v1/streams",
            "Content-Type: text/json\r\nContent-Length: 2\r\n\r\n{}",
            415,
            "not-json",
        ),
    ] {
        let end = if more.contains("\r\n\r\n") { "" } else { "\r\n" };
        let text = bench.head(&by, method, path, &[]) + "Connection: close\r\n" + more + end;
        let answer = bench.raw(&text).await;
        assert_eq!((answer.status, answer.word().as_str()), (want, word), "{method} {path}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!(answer.header("allow").is_some(), want == 405, "{answer:?}");
    }
}

#[tokio::test]
async fn i7_every_answer_is_hardened() {
    let bench = Bench::new().await;
    let by = bench.full().await;
    for path in [
        "/",
        "/healthz",
        "/api/docs",
        "/api/docs/page.js",
        "/api/v1/openapi.json",
        "/problems/invalid",
        "/api/v1/streams",
        "/api/v1/nothing",
        "/metrics",
        "/api/v1/streams/nothing",
    ] {
        let answer =
            bench.send(&by, "GET", path, &[("Origin", "https://evil.example")], None).await;
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.contains("default-src") && !policy.contains("unsafe"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert!(answer.header("referrer-policy").is_some(), "{path}");
        assert!(!answer.head.to_lowercase().contains("access-control"), "i10, {path}: {answer:?}");
    }
    let page = bench.get(&By::Nobody, "/api/docs").await.body;
    assert!(
        page.contains("<script src=") && !page.contains("<script>") && !page.contains("style=")
    );
    let script = bench.get(&By::Nobody, "/api/docs/page.js").await.body;
    assert!(!script.contains("innerHTML") && !script.contains("eval("), "I9");
}

#[tokio::test]
async fn an_edit_names_the_version_that_it_saw() {
    let bench = Bench::new().await;
    let by = bench.full().await;
    let made = bench.post(&by, "/api/v1/streams", &json!({"name": "show"})).await;
    assert_eq!((made.status, made.header("etag")), (201, Some("\"1\"")), "{made:?}");
    assert_eq!(made.header("location"), Some("/api/v1/streams/show"));
    let patch = json!({"title": "Evening show"});
    let path = "/api/v1/streams/show";
    let edit = async |tag: Option<&str>| {
        let headers: Vec<_> = tag.map(|tag| ("If-Match", tag)).into_iter().collect();
        bench.send(&by, "PATCH", path, &headers, Some(&patch)).await
    };
    for (tag, want, word) in [
        (None, 428, "version-needed"),
        (Some("\"9\""), 412, "conflict"),
        (Some("1"), 400, "invalid-header"),
        (Some("*"), 400, "invalid-header"),
        (Some("W/\"1\""), 400, "invalid-header"),
    ] {
        let answer = edit(tag).await;
        assert_eq!((answer.status, answer.word().as_str()), (want, word), "{tag:?}: {answer:?}");
    }
    let edited = edit(Some("\"1\"")).await;
    assert_eq!((edited.status, edited.header("etag")), (200, Some("\"2\"")), "{edited:?}");
    assert_eq!(edited.json()["title"], "Evening show");
    let late = edit(Some("\"1\"")).await;
    assert_eq!((late.status, late.header("etag")), (412, Some("\"2\"")), "{late:?}");
    assert_eq!(bench.send(&by, "DELETE", path, &[], None).await.status, 204);
    let anew = bench.post(&by, "/api/v1/streams", &json!({"name": "show"})).await;
    assert_eq!((anew.status, anew.header("etag")), (201, Some("\"3\"")), "{anew:?}");
    let stale = edit(Some("\"2\"")).await;
    assert_eq!(stale.status, 412, "it was seen of another: {stale:?}");
    let filed = bench
        .send(&by, "PATCH", "/api/v1/streams/filed", &[("If-Match", "\"0\"")], Some(&patch))
        .await;
    assert_eq!((filed.status, filed.word()), (409, "managed-by-file".to_owned()), "{filed:?}");
    assert!(filed.body.contains("manycast.toml"), "{filed:?}");
}

#[tokio::test]
async fn a_create_that_is_sent_twice_is_done_once() {
    let bench = Bench::new().await;
    let by = bench.full().await;
    let path = "/api/v1/streams/filed/keys";
    let create = async |by: &By, key: &str, label: &str| {
        let body = json!({"label": label});
        bench.send(by, "POST", path, &[("Idempotency-Key", key)], Some(&body)).await
    };
    let (first, second) = (create(&by, "one", "Phone").await, create(&by, "one", "Phone").await);
    assert_eq!((first.status, second.status), (201, 201), "{first:?} {second:?}");
    assert_eq!(first.json(), second.json(), "the key that is shown once is in both");
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
    let other = create(&by, "one", "Tablet").await;
    assert_eq!((other.status, other.word()), (422, "idempotency-key-reused".to_owned()));
    let admin = bench.person("anna", Role::Admin).await;
    assert_eq!(create(&admin, "one", "Camera").await.status, 201, "keys are each caller's own");
    assert_eq!(create(&by, "no blanks", "Phone").await.status, 400);
    let kept = bench.get(&by, path).await.json();
    assert_eq!(kept["items"].as_array().unwrap().len(), 2, "{kept}");
    let failed = create(&by, "two", "").await;
    assert_eq!(failed.status, 422, "{failed:?}");
    assert_eq!(create(&by, "two", "Car").await.status, 201, "a refusal is not kept");
}

/// J8: a token in the address opens nothing, so that none gets into logs and histories.
#[tokio::test]
async fn j8_a_token_in_the_address_opens_nothing() {
    let bench = Bench::new().await;
    let By::Token(token) = bench.full().await else { unreachable!() };
    for name in ["token", "access_token", "authorization", "api_key", "bearer"] {
        for path in ["/api/v1/server", "/api/v1/streams", "/api/v1/events", "/metrics"] {
            let path = format!("{path}?{name}={token}");
            let answer = bench.get(&By::Nobody, &path).await;
            assert!(matches!(answer.status, 400 | 401), "{name}: {answer:?}");
            assert!(!format!("{answer:?}").contains(&token), "{name}: it is not repeated");
        }
    }
}

/// I11: what reaches for files, or for headers of its own, gets nothing on any prefix.
#[tokio::test]
async fn i11_no_path_leads_out_and_none_makes_a_header() {
    let bench = Bench::new().await;
    let host = bench.address.to_string();
    let climbs = [
        "../../../../etc/passwd",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/etc/passwd",
        "%252e%252e%252fetc%252fpasswd",
        "..%5c..%5cetc%5cpasswd",
        "....//....//etc/passwd",
        "..%c0%af..%c0%afetc/passwd",
        "/etc/passwd",
        "//etc/passwd",
        "file:///etc/passwd",
        "manycast.db",
        "../vault.key",
        "%00",
        "x%00.html",
        "x%0d%0aSet-Cookie:%20a=b",
        "x%0aX-Made:%201",
        "%E2%80%AE",
        "%ff%fe",
        "'%20OR%201=1--",
        "${jndi:ldap://x}",
        "{{7*7}}",
        "%3Cscript%3Ealert(1)%3C/script%3E",
    ];
    let prefixes = [
        "/",
        "/assets/",
        "/api/docs/",
        "/api/v1/",
        "/api/v1/streams/",
        "/api/v1/streams/filed/destinations/",
        "/api/v1/services/",
        "/api/v1/blocks/",
        "/problems/",
    ];
    let by = bench.full().await;
    let By::Token(token) = &by else { unreachable!() };
    for prefix in prefixes {
        for climb in climbs {
            let text = format!(
                "GET {prefix}{climb} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
                 Authorization: Bearer {token}\r\n\r\n"
            );
            let answer = bench.raw(&text).await;
            let told = format!("{prefix}{climb}: {answer:?}");
            // the pages of the dashboard answer any path of theirs with the one page
            let page = answer.status == 200 && answer.body.contains("<!doctype html>");
            assert!(page || (400..500).contains(&answer.status), "{told}");
            assert!(!answer.body.contains("root:") && !answer.body.contains("SQLite"), "{told}");
            let head = answer.head.to_lowercase();
            assert!(!head.contains("set-cookie") && !head.contains("x-made"), "{told}");
            assert!(!answer.body.contains("<script>alert"), "{told}");
        }
    }
}

/// A page whose name leads to this machine is no page of ours (DNS rebinding).
#[tokio::test]
async fn i4_a_name_that_is_not_ours_opens_nothing() {
    let bench = Bench::new().await;
    let ask = async |host: &str| {
        let body = r#"{"name":"owner","password":"x"}"#;
        let text = format!(
            "POST /api/v1/session HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n\
             Connection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        bench.raw(&text).await
    };
    for (host, want, word) in [
        ("evil.example", 421, "wrong-host"),
        ("evil.example:8080", 421, "wrong-host"),
        ("localhost", 401, "wrong-login"),
        ("127.0.0.1", 401, "wrong-login"),
    ] {
        let answer = ask(host).await;
        assert_eq!((answer.status, answer.word().as_str()), (want, word), "{host}: {answer:?}");
    }
    let twice =
        bench.raw("GET / HTTP/1.1\r\nHost: localhost\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(twice.await.status, 400);
}
