//! What a browser hears that speaks plain HTTP to the encrypted port.

use crate::answer::harden;
use crate::problem::{Fault, Problem};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

/// The way to where it should have gone; a sentence for what cannot be sent there.
pub(crate) fn answer<B>(request: &Request<B>) -> Response {
    let sentence = "this port speaks https: write https:// in the address";
    let mut response = Problem::new(Fault::HttpsOnly, sentence).into_response();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if let Some(target) = target(request.uri(), request.headers()).filter(|_| reads) {
        *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
        response.headers_mut().insert(header::LOCATION, target);
    }
    harden(&mut response);
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The same place under https, if the host that was asked for is one.
fn target(uri: &Uri, headers: &HeaderMap) -> Option<HeaderValue> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
    if host.is_empty() || !host.bytes().all(allowed) {
        return None;
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let path = if path.starts_with('/') { path } else { "/" };
    HeaderValue::from_str(&format!("https://{host}{path}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_is_sent_on_and_who_writes_is_told() {
        for (method, host, path, code, to) in [
            ("GET", "a.example:8443", "/x?y=1", 308, Some("https://a.example:8443/x?y=1")),
            ("HEAD", "[2001:db8::1]:8443", "/", 308, Some("https://[2001:db8::1]:8443/")),
            ("POST", "a.example:8443", "/api/v1/session", 400, None),
            ("GET", "evil.example/..@", "/", 400, None),
            ("GET", "", "/", 400, None),
        ] {
            let request = Request::builder().method(method).uri(path).header("host", host);
            let answer = answer(&request.body(()).unwrap());
            let location = answer.headers().get(header::LOCATION);
            assert_eq!(answer.status().as_u16(), code, "{method} {host}");
            assert_eq!(location.map(|to| to.to_str().unwrap()), to, "{method} {host}");
        }
    }
}
