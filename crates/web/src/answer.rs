//! Answers in one form: JSON with a sentence when something is wrong, headers that keep browsers
//! from doing more with it than showing it.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

#[derive(Serialize)]
struct ErrorView<'a> {
    error: &'a str,
    message: &'a str,
}

/// A refusal: a stable word and a sentence.
pub(crate) fn refusal(status: StatusCode, error: &str, message: &str) -> Response {
    let mut response = json(&ErrorView { error, message });
    *response.status_mut() = status;
    response
}

/// A value as JSON.
pub(crate) fn json(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => typed(bytes.into(), "application/json"),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written as JSON");
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    }
}

/// Bytes of a type.
pub(crate) fn typed(body: Body, kind: &'static str) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Puts in what every answer carries. No CORS header is among them: other origins get nothing.
pub(crate) fn harden(response: &mut Response) {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
