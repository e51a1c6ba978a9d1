//! The dashboard's files, embedded in the binary.
//!
//! ```text
//! /assets/NAME-HASH.EXT   immutable: another content has another name
//! any other file          asked again each time, answered with 304 while it is the same
//! any other page          index.html: the dashboard reads the address itself
//! /api/..., /metrics ...  nobody's: not found
//! ```
//!
//! Belongs here: which bytes, in which packing, with which headers. Must not come here: what the pages
//! show, or who may see them: the files hold no data.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;
use bytes::Bytes;
use rust_embed::{EmbeddedFile, RustEmbed};
use std::borrow::Cow;

/// Whether the dashboard is in this binary, or only a line that says how to build it.
pub const BUILT: bool = !cfg!(ui_placeholder);

/// What pages may load and do: files of this server and nothing else, nothing inline, in nobody's frame.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

const INDEX: &str = "index.html";

#[derive(RustEmbed)]
#[folder = "$OUT_DIR/ui"]
struct Files;

/// Answers every path that nothing else answers: to be used as the fallback.
pub fn router() -> Router {
    Router::new().fallback(answer)
}

async fn answer(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let mut response = if method == Method::GET || method == Method::HEAD {
        found(uri.path(), &headers)
    } else {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "this can only be read\n");
        refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        refused
    };
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), microphone=(), geolocation=(), display-capture=()",
        ),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn found(path: &str, headers: &HeaderMap) -> Response {
    let name = path.trim_start_matches('/');
    // The packed copies are not addresses of their own.
    if !name.is_empty()
        && !name.ends_with(".br")
        && !name.ends_with(".gz")
        && let Some(file) = Files::get(name)
    {
        return file_response(name, file, headers);
    }
    match Files::get(INDEX) {
        Some(file) if is_page(name, headers) => file_response(INDEX, file, headers),
        _ => plain(StatusCode::NOT_FOUND, "there is nothing here\n"),
    }
}

/// Pages of the dashboard are asked for by a browser that wants HTML, and stand apart from the addresses
/// of programs.
fn is_page(name: &str, headers: &HeaderMap) -> bool {
    let first = name.split('/').next().unwrap_or_default();
    let wants = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    name.is_empty()
        || (!["api", "assets", "metrics", "healthz", "readyz", "problems"].contains(&first)
            && wants.is_some_and(|accept| accept.contains("text/html")))
}

fn file_response(name: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let hashed = name.starts_with("assets/");
    let tag = format!("\"{}\"", hex(&file.metadata.sha256_hash()));
    let mut response = Response::new(Body::empty());
    let head = response.headers_mut();
    let keep = if hashed { "public, max-age=31536000, immutable" } else { "no-cache" };
    head.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    head.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(value) = HeaderValue::from_str(&tag) {
        head.insert(header::ETAG, value);
    }
    if matches(headers, &tag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    head.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind(name)));
    let data = match packed(name, headers) {
        Some((coding, packed)) => {
            head.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
            packed.data
        }
        None => file.data,
    };
    *response.body_mut() = match data {
        Cow::Borrowed(bytes) => Body::from(Bytes::from_static(bytes)),
        Cow::Owned(bytes) => Body::from(bytes),
    };
    response
}

/// The best packing that is there and that the browser takes.
fn packed(name: &str, headers: &HeaderMap) -> Option<(&'static str, EmbeddedFile)> {
    let accepted: Vec<&str> =
        headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok()).collect();
    [("br", "br"), ("gzip", "gz")]
        .into_iter()
        .filter(|(coding, _)| accepted.iter().any(|list| takes(list, coding)))
        .find_map(|(coding, ending)| Some((coding, Files::get(&format!("{name}.{ending}"))?)))
}

/// Whether an `Accept-Encoding` lists the coding without refusing it (RFC 9110 12.5.3).
fn takes(list: &str, coding: &str) -> bool {
    list.split(',').any(|part| {
        let mut words = part.split(';').map(str::trim);
        let named = words.next().is_some_and(|word| word.eq_ignore_ascii_case(coding));
        let refused = words.any(|word| {
            let weight = word.strip_prefix("q=").or_else(|| word.strip_prefix("Q="));
            weight.is_some_and(|q| q.trim().parse::<f32>().is_ok_and(|q| q <= 0.0))
        });
        named && !refused
    })
}

fn matches(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    known.is_some_and(|list| {
        list.split(',').map(|each| each.trim().trim_start_matches("W/")).any(|each| each == tag)
    })
}

fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        Some("txt") => "text/plain; charset=utf-8",
        Some("woff2") => "font/woff2",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(path: &str, headers: &[(HeaderName, &str)]) -> Response {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.clone(), value.parse().unwrap());
        }
        answer(Method::GET, path.parse().unwrap(), map).await
    }

    fn value(response: &Response, name: HeaderName) -> &str {
        response.headers().get(name).map_or("", |v| v.to_str().unwrap())
    }

    #[tokio::test]
    async fn pages_are_the_index_and_addresses_of_programs_are_not() {
        let html = [(header::ACCEPT, "text/html,application/xhtml+xml")];
        for (path, headers, status) in [
            ("/", &[][..], 200),
            ("/streams", &html, 200),
            ("/s/my.stream/live", &html, 200),
            ("/setup", &html, 200),
            ("/streams", &[(header::ACCEPT, "application/json")], 404),
            ("/api/v1/nothing", &html, 404),
            ("/assets/gone-12345678.js", &html, 404),
            ("/index.html.br", &[], 404),
            ("/../Cargo.toml", &[], 404),
            ("/%2e%2e/Cargo.toml", &[], 404),
        ] {
            let response = get(path, headers).await;
            assert_eq!(response.status().as_u16(), status, "{path}");
            assert_eq!(value(&response, header::CONTENT_SECURITY_POLICY), POLICY, "{path}");
            assert_eq!(value(&response, header::X_CONTENT_TYPE_OPTIONS), "nosniff", "{path}");
        }
    }

    #[tokio::test]
    async fn the_index_is_asked_for_again_and_not_sent_twice() {
        let first = get("/", &[]).await;
        assert_eq!(value(&first, header::CACHE_CONTROL), "no-cache");
        let tag = value(&first, header::ETAG).to_owned();
        assert!(tag.len() > 10, "{tag}");
        let second = get("/", &[(header::IF_NONE_MATCH, &format!("W/{tag}"))]).await;
        assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
    }

    #[tokio::test]
    async fn only_reading_is_answered() {
        let response = answer(Method::POST, "/".parse().unwrap(), HeaderMap::new()).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    }

    #[tokio::test]
    async fn hashed_files_are_kept_and_come_packed_as_the_browser_takes_them() {
        if !BUILT {
            return assert_eq!(Files::iter().count(), 1, "the placeholder stands alone");
        }
        let script =
            Files::iter().find(|name| name.starts_with("assets/index-") && name.ends_with(".js"));
        let path = format!("/{}", script.unwrap());
        for (accepted, coding) in [
            ("gzip, deflate, br", "br"),
            ("gzip", "gzip"),
            ("br;q=0, gzip", "gzip"),
            ("", ""),
            ("identity", ""),
        ] {
            let response = get(&path, &[(header::ACCEPT_ENCODING, accepted)]).await;
            assert_eq!(value(&response, header::CONTENT_ENCODING), coding, "{accepted}");
            assert!(value(&response, header::CACHE_CONTROL).contains("immutable"));
            assert_eq!(value(&response, header::VARY), "accept-encoding");
            assert_eq!(value(&response, header::CONTENT_TYPE), "text/javascript; charset=utf-8");
        }
    }

    #[test]
    fn nothing_in_the_index_is_inline() {
        let index = Files::get(INDEX).unwrap();
        let text = String::from_utf8(index.data.into_owned()).unwrap();
        for tag in text.split("<script").skip(1) {
            let (head, rest) = tag.split_once('>').unwrap();
            assert!(head.contains("src=") && rest.starts_with("</script>"), "{head}");
        }
        assert!(
            !text.contains("<style") && !text.contains(" style=") && !text.contains(" onload=")
        );
    }
}
