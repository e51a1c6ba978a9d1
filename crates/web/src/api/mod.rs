//! `/api/v1`: everything that can be seen and done, for the dashboard and for programs.
//!
//! ```text
//! request -> guard (who, may he, body) -> operation of a resource -> control, accounts, store
//!                                                               \-> shape -> JSON
//! ```
//!
//! Belongs here: one file per resource, each operation with its description; the document is made
//! from these. Must not come here: decisions about streams, people or keys.

#![allow(unused_qualifications, reason = "utoipa writes the paths of parameters in full")]

mod account;
mod activity;
mod audit;
mod blocks;
mod deliveries;
mod destinations;
mod docs;
mod document;
mod events;
mod extract;
mod faults;
mod guard;
mod invites;
mod keys;
mod rehearsals;
mod repeat;
mod server;
mod services;
mod sessions;
mod state;
mod streams;
mod tokens;
mod totp;
mod users;
mod webhooks;
mod who;

pub(crate) use document::document;
pub(crate) use extract::{object, three_state, three_state_object};
pub(crate) use guard::refuse_body;
pub(crate) use who::Who;

use crate::live::Feed;
use crate::problem::{Fault, Problem};
use crate::routes::Knowledge;
use crate::source::Sessions;
use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use document::Operations;
use guard::Need::{Public, SignedIn};
use manycast_auth::{AccessGate, Accounts};
use manycast_control::Control;
use manycast_store::Store;
use manycast_webhook::Webhooks;
use repeat::UnderWay;
use serde::Serialize;
use std::ops::Deref;
use std::sync::Arc;

/// What the operations call.
pub(crate) struct ApiParts {
    pub(crate) known: Knowledge,
    pub(crate) accounts: Accounts,
    pub(crate) gate: Arc<AccessGate>,
    pub(crate) control: Arc<Control>,
    pub(crate) store: Store,
    pub(crate) webhooks: Arc<Webhooks>,
    pub(crate) sessions: Arc<dyn Sessions>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) under_way: Arc<UnderWay>,
}

/// The parts, as each request carries them.
#[derive(Clone)]
pub(crate) struct Api(Arc<ApiParts>);

impl Api {
    pub(crate) fn new(parts: ApiParts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for Api {
    type Target = ApiParts;

    fn deref(&self) -> &ApiParts {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Api {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let api = parts.extensions.get::<Self>().cloned();
        api.ok_or_else(|| Problem::new(Fault::Internal, "the server is not whole"))
    }
}

/// The paths of the API.
pub(crate) fn router() -> Router {
    operations(Operations::served()).into_router()
}

/// Every operation, with who may use it.
fn operations(operations: Operations) -> Operations {
    let operations = account::operations(operations);
    let operations = streams::operations(operations);
    let operations = keys::operations(operations);
    let operations = destinations::operations(operations);
    let operations = rehearsals::operations(operations);
    let operations = services::operations(operations);
    let operations = sessions::operations(operations);
    let operations = blocks::operations(operations);
    let operations = activity::operations(operations);
    let operations = events::operations(operations);
    let operations = users::operations(operations);
    let operations = totp::operations(operations);
    let operations = invites::operations(operations);
    let operations = tokens::operations(operations);
    let operations = webhooks::operations(operations);
    let operations = deliveries::operations(operations);
    let operations = audit::operations(operations);
    let operations = server::operations(operations);
    let operations = state::operations(operations);
    docs::operations(operations)
}

/// An answer with a version.
fn tagged(status: StatusCode, version: i64, value: &impl Serialize) -> Response {
    let mut response = made(status, value);
    if let Ok(tag) = HeaderValue::try_from(format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// An answer with a status.
fn made(status: StatusCode, value: &impl Serialize) -> Response {
    let mut response = crate::answer::json(value);
    *response.status_mut() = status;
    response
}

/// Says where the new thing is.
fn located(mut response: Response, path: &str) -> Response {
    if let Ok(value) = HeaderValue::try_from(path) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}
