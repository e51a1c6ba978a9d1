//! Which path gives which answer.
//!
//! ```text
//! Site::new      /healthz /readyz /metrics /api/v1/status, without login: for those who only watch
//! Site::manage   the same, and all of /api/v1 and the dashboard, behind session or token
//! ```

use crate::answer::{harden, json, typed, unknown};
use crate::api::{self, Api, ApiParts, refuse_body};
use crate::live::Feed;
use crate::problem::{Fault, Problem};
use crate::server::HttpCounters;
use crate::source::{Sessions, Source};
use crate::status::{Picture, StatusView};
use crate::time::Clock;
use crate::{Readiness, metrics, ui};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use manycast_auth::{AccessGate, Accounts};
use manycast_control::Control;
use manycast_hub::Hub;
use manycast_store::Store;
use manycast_webhook::Webhooks;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;
use tower_service::Service;

/// Everything that figures are made of.
#[derive(Clone)]
pub(crate) struct Knowledge {
    pub(crate) hub: Arc<Hub>,
    pub(crate) readiness: Readiness,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) counters: Arc<HttpCounters>,
    pub(crate) started: SystemTime,
}

/// What is asked by those who manage the server.
pub struct Managed {
    /// People and tokens.
    pub accounts: Accounts,
    /// Who may publish and play: blocked addresses.
    pub gate: Arc<AccessGate>,
    /// Streams and destinations.
    pub control: Arc<Control>,
    /// The audit log, webhooks, answers that are kept.
    pub store: Store,
    /// Messages to others.
    pub webhooks: Arc<Webhooks>,
    /// Encoders and viewers.
    pub sessions: Arc<dyn Sessions>,
}

/// The paths of a listener.
pub struct Site {
    router: Router,
    knowledge: Knowledge,
    api: Option<Api>,
    pub(crate) counters: Arc<HttpCounters>,
}

impl Site {
    /// The paths for those who only watch, over this hub and this source.
    #[must_use]
    pub fn new(hub: Arc<Hub>, readiness: Readiness, source: Arc<dyn Source>) -> Self {
        let counters = Arc::<HttpCounters>::default();
        let started = SystemTime::now();
        let knowledge = Knowledge { hub, readiness, source, counters: counters.clone(), started };
        Self { router: figures(&knowledge), knowledge, api: None, counters }
    }

    /// Adds everything that asks who you are. Metrics and status ask too from now on.
    #[must_use]
    pub fn manage(self, managed: Managed) -> Self {
        let Managed { accounts, gate, control, store, webhooks, sessions } = managed;
        let known = self.knowledge.clone();
        let feed = Feed::new(control.clone(), known.source.clone());
        let own = api::router().merge(health(&known));
        let parts = ApiParts {
            known,
            accounts,
            gate,
            control,
            store,
            webhooks,
            sessions,
            feed,
            under_way: Arc::default(),
        };
        let pages = ui::router().layer(from_fn(only_pages)).layer(from_fn(bodiless));
        let router = own.fallback_service(pages).method_not_allowed_fallback(other_method);
        Self { router, api: Some(Api::new(parts)), ..self }
    }

    /// The paths for those who only watch, over the same knowledge and without login: `/healthz`,
    /// `/readyz`, `/metrics` and `/api/v1/status`.
    #[must_use]
    pub fn figures(&self) -> Self {
        let knowledge = self.knowledge.clone();
        let (router, counters) = (figures(&knowledge), self.counters.clone());
        Self { router, knowledge, api: None, counters }
    }

    /// Whether people sign in here.
    pub(crate) fn is_managed(&self) -> bool {
        self.api.is_some()
    }

    /// Answers a request that nobody looks at.
    pub(crate) fn refuse(&self, problem: Problem) -> Response {
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        let mut response = problem.into_response();
        harden(&mut response);
        response
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<hyper::body::Incoming>) -> Response {
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        let mut request = request.map(Body::new);
        if let Some(api) = &self.api {
            request.extensions_mut().insert(api.clone());
        }
        let Ok(mut response) = self.router.clone().call(request).await;
        harden(&mut response);
        response
    }
}

/// The description of the API as OpenAPI 3.1: the text of `/api/v1/openapi.json`.
#[must_use]
pub fn openapi() -> &'static str {
    api::document()
}

/// Where no route takes a body, none is waited for.
async fn bodiless(request: Request, next: Next) -> Response {
    match refuse_body(request.headers()) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

/// What looks like the API and is not is a problem, no page.
async fn only_pages(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let first = path.split('/').nth(1).unwrap_or_default();
    if matches!(first, "api" | "problems") {
        return unknown().await;
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let allow = HeaderValue::from_static("GET,HEAD");
        return no_such_method().header(header::ALLOW, allow).into_response();
    }
    next.run(request).await
}

fn health(knowledge: &Knowledge) -> Router {
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .layer(from_fn(bodiless))
        .with_state(knowledge.clone())
}

fn figures(knowledge: &Knowledge) -> Router {
    let open = |State(known): State<Knowledge>| async move { status_of(&known, true) };
    let counted = |State(known): State<Knowledge>| async move { metrics_of(&known) };
    let own = Router::new()
        .route("/metrics", get(counted))
        .route("/api/v1/status", get(open))
        .with_state(knowledge.clone());
    own.merge(health(knowledge))
        .fallback(unknown)
        .method_not_allowed_fallback(other_method)
        .layer(from_fn(bodiless))
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
            *response.status_mut() = Fault::Storage.status();
            response
        }
    }
}

/// The counters as OpenMetrics text.
pub(crate) fn metrics_of(known: &Knowledge) -> Response {
    match metrics::write(&Picture::take(known, Clock::read()), &known.source.families()) {
        Ok(text) => {
            typed(text.into(), "application/openmetrics-text; version=1.0.0; charset=utf-8")
        }
        Err(_) => {
            Problem::new(Fault::Internal, "the counters could not be written").into_response()
        }
    }
}

/// The state of everything, with addresses of people or without.
pub(crate) fn status_of(known: &Knowledge, people: bool) -> Response {
    json(&StatusView::of(&Picture::take(known, Clock::read()), people))
}

fn no_such_method() -> Problem {
    Problem::new(Fault::MethodNotAllowed, "this address exists, and does not do what was asked")
}

async fn other_method() -> Response {
    no_such_method().into_response()
}
