//! Which path gives which answer.

use crate::answer::{harden, json, refusal, typed};
use crate::server::HttpCounters;
use crate::source::Source;
use crate::status::{Picture, StatusView};
use crate::time::Clock;
use crate::{Readiness, metrics};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use manycast_hub::Hub;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;
use tower_service::Service;

/// Everything the answers are made of.
#[derive(Clone)]
pub(crate) struct Knowledge {
    pub(crate) hub: Arc<Hub>,
    pub(crate) readiness: Readiness,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) counters: Arc<HttpCounters>,
    pub(crate) started: SystemTime,
}

/// The paths of a listener.
pub struct Site {
    router: Router,
    knowledge: Knowledge,
    pub(crate) counters: Arc<HttpCounters>,
}

impl Site {
    /// The paths over this hub and this source.
    #[must_use]
    pub fn new(hub: Arc<Hub>, readiness: Readiness, source: Arc<dyn Source>) -> Self {
        let counters = Arc::<HttpCounters>::default();
        let started = SystemTime::now();
        let knowledge = Knowledge { hub, readiness, source, counters: counters.clone(), started };
        Self { router: figures(knowledge.clone()), knowledge, counters }
    }

    /// The paths for those who only watch, over the same knowledge and without login: `/healthz`,
    /// `/readyz`, `/metrics` and `/api/v1/status`.
    #[must_use]
    pub fn figures(&self) -> Self {
        let knowledge = self.knowledge.clone();
        let router = figures(knowledge.clone());
        Self { router, knowledge, counters: self.counters.clone() }
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<hyper::body::Incoming>) -> Response {
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        let mut response = match refuse_body(&request) {
            Some(refused) => refused,
            None => {
                let Ok(response) = self.router.clone().call(request.map(Body::new)).await;
                response
            }
        };
        harden(&mut response);
        response
    }
}

fn figures(knowledge: Knowledge) -> Router {
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(counted))
        .route("/api/v1/status", get(status))
        .fallback(unknown)
        .method_not_allowed_fallback(only_get)
        .with_state(knowledge)
}

/// Nothing here takes a body; one that is announced is not waited for.
fn refuse_body<B>(request: &Request<B>) -> Option<Response> {
    let headers = request.headers();
    let length = headers.get(header::CONTENT_LENGTH).map(HeaderValue::as_bytes);
    let mut refused = if headers.contains_key(header::TRANSFER_ENCODING) {
        refusal(StatusCode::LENGTH_REQUIRED, "body_refused", "no request here takes a body")
    } else if length.is_some_and(|length| length != b"0") {
        refusal(StatusCode::PAYLOAD_TOO_LARGE, "body_refused", "no request here takes a body")
    } else {
        return None;
    };
    refused.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    Some(refused)
}

async fn alive() -> Response {
    typed("alive\n".into(), "text/plain; charset=utf-8")
}

async fn ready(State(known): State<Knowledge>) -> Response {
    let text = "text/plain; charset=utf-8";
    match known.readiness.get() {
        Ok(()) => typed("ready\n".into(), text),
        Err(reason) => {
            let mut response = typed(format!("not ready: {reason}\n").into(), text);
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            response
        }
    }
}

async fn counted(State(known): State<Knowledge>) -> Response {
    match metrics::write(&Picture::take(&known, Clock::read()), &known.source.families()) {
        Ok(text) => {
            typed(text.into(), "application/openmetrics-text; version=1.0.0; charset=utf-8")
        }
        Err(_) => refusal(
            StatusCode::INTERNAL_SERVER_ERROR,
            "metrics_failed",
            "the counters could not be written",
        ),
    }
}

async fn status(State(known): State<Knowledge>) -> Response {
    json(&StatusView::from(&Picture::take(&known, Clock::read())))
}

async fn unknown() -> Response {
    refusal(
        StatusCode::NOT_FOUND,
        "not_found",
        "there is nothing here; known are /healthz, /readyz, /metrics and /api/v1/status",
    )
}

async fn only_get() -> Response {
    let mut response = refusal(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this can only be read: use GET or HEAD",
    );
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}
