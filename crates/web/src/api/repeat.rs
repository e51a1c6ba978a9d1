//! `Idempotency-Key`: a create that is sent twice is done once, and answered twice alike.
//!
//! Answers are kept sealed for 24 hours, since some show a key once. Only successes are kept.

use super::Api;
use crate::problem::{Fault, Problem};
use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use manycast_auth::{Principal, PrincipalKind};
use manycast_hub::Secret;
use manycast_store::{IdempotencyRow, UnixMs};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::sync::Arc;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// No answer of a create is larger.
const MAX_ANSWER: usize = 256 * 1024;
/// What of an answer's head is kept, in this order.
const KEPT: [HeaderName; 2] = [header::ETAG, header::LOCATION];

/// The creates that are being done.
#[derive(Debug, Default)]
pub(crate) struct UnderWay(Mutex<HashSet<(String, String)>>);

/// What is known of a request.
pub(crate) enum Repeat {
    /// It names no key.
    Untold,
    /// It was answered before, so.
    Known(Response),
    /// It is new.
    New(Box<Fresh>),
}

/// A request with a key that was not seen before.
pub(crate) struct Fresh {
    row: IdempotencyRow,
    under_way: Arc<UnderWay>,
}

impl Drop for Fresh {
    fn drop(&mut self) {
        self.under_way.0.lock().remove(&(self.row.actor.clone(), self.row.key.clone()));
    }
}

fn key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(KEY) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    if (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(Some(text.to_owned()));
    }
    let detail = "Idempotency-Key has to be 1 to 128 visible ASCII characters";
    Err(Problem::new(Fault::InvalidHeader, detail))
}

pub(crate) async fn begin(
    api: &Api,
    principal: &Principal,
    parts: &Parts,
    body: &Bytes,
) -> Result<Repeat, Problem> {
    let Some(key) = key_of(&parts.headers)? else { return Ok(Repeat::Untold) };
    let kind = match principal.kind {
        PrincipalKind::User => "user",
        PrincipalKind::Token => "token",
    };
    let actor = format!("{kind}:{}", principal.id);
    let under_way = api.under_way.clone();
    if !under_way.0.lock().insert((actor.clone(), key.clone())) {
        return Err(Problem::new(Fault::Repeating, "the same request is being done"));
    }
    let fresh = Box::new(Fresh {
        row: IdempotencyRow {
            actor,
            key,
            route: format!("{} {}", parts.method, parts.uri.path()),
            body_hash: Sha256::digest(body).to_vec(),
            status: 0,
            answer: Secret::new(""),
            created_at: UnixMs::now(),
        },
        under_way,
    });
    let row = &fresh.row;
    let Some(known) = api.store.idempotency(&row.actor, &row.key, row.created_at).await? else {
        return Ok(Repeat::New(fresh));
    };
    if known.route != row.route || known.body_hash != row.body_hash {
        let detail = "this Idempotency-Key came with another request before";
        return Err(Problem::new(Fault::KeyReused, detail));
    }
    Ok(Repeat::Known(answer(&known)))
}

impl Repeat {
    /// Keeps a success.
    pub(crate) async fn finish(self, api: &Api, response: Response) -> Response {
        let Self::New(mut fresh) = self else { return response };
        if !response.status().is_success() {
            return response;
        }
        let (parts, body) = response.into_parts();
        let Ok(bytes) = axum::body::to_bytes(body, MAX_ANSWER).await else {
            let detail = "the answer is too large to be kept";
            return axum::response::IntoResponse::into_response(Problem::new(
                Fault::Internal,
                detail,
            ));
        };
        fresh.row.status = parts.status.as_u16();
        fresh.row.answer = Secret::new(kept(&parts.headers, &bytes).as_str());
        // what was made is there: a repetition that fails by its name is better than an error now
        if let Err(error) = api.store.remember(fresh.row.clone()).await {
            tracing::warn!(%error, "the answer to a create could not be kept for repetitions");
        }
        Response::from_parts(parts, Body::from(bytes))
    }
}

fn kept(headers: &HeaderMap, body: &Bytes) -> String {
    let mut text = String::new();
    for name in KEPT {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        text.push_str(value.unwrap_or_default());
        text.push('\n');
    }
    text.push_str(&String::from_utf8_lossy(body));
    text
}

fn answer(row: &IdempotencyRow) -> Response {
    let mut rest = row.answer.expose();
    let mut lines = Vec::new();
    for name in KEPT {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        lines.push((name, line));
        rest = after;
    }
    let mut response = crate::answer::typed(rest.to_owned().into(), "application/json");
    *response.status_mut() = StatusCode::from_u16(row.status).unwrap_or(StatusCode::CREATED);
    let headers = response.headers_mut();
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    for (name, line) in lines {
        if let Ok(value) = HeaderValue::from_str(line)
            && !line.is_empty()
        {
            headers.insert(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_short_and_visible() {
        for (text, fine) in [
            ("a", true),
            ("5f0c1a52-0f0e-4d5e-8b0c-1a520f0e4d5e", true),
            ("a b", false),
            ("", false),
            (&"x".repeat(128), true),
            (&"x".repeat(129), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(KEY, HeaderValue::from_str(text).unwrap());
            assert_eq!(key_of(&headers).is_ok(), fine, "{text}");
        }
    }

    #[tokio::test]
    async fn an_answer_comes_back_as_it_was() {
        let mut headers = HeaderMap::new();
        headers.insert(header::ETAG, HeaderValue::from_static("\"1\""));
        let body = Bytes::from_static(b"{\"name\":\"a\\nb\"}");
        let row = IdempotencyRow {
            actor: "user:1".to_owned(),
            key: "k".to_owned(),
            route: "POST /x".to_owned(),
            body_hash: Vec::new(),
            status: 201,
            answer: Secret::new(kept(&headers, &body).as_str()),
            created_at: UnixMs(0),
        };
        let response = answer(&row);
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.headers()[header::ETAG], "\"1\"");
        assert!(response.headers().get(header::LOCATION).is_none());
        let got = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        assert_eq!(got, body);
    }
}
