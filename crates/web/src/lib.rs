//! The HTTP side of Manycast: whether it is alive and ready, what it counted, what its state is.
//!
//! ```text
//! GET /healthz /readyz        for supervisors and load balancers (Readiness)
//! GET /metrics                for Prometheus (metrics)
//! GET /api/v1/status          for people and programs, documented JSON (status)
//! /api/v1/...                 everything that can be seen and done (api, shape, live)
//! /, /assets/...              the dashboard, embedded (ui)
//! ```
//!
//! Belongs here: the shapes shown to strangers, each with one conversion from a domain type, and the
//! hygiene of an HTTP server. Must not come here: decisions about streams, and any key. This is the
//! only crate that knows HTTP, JSON or the metrics format.

mod answer;
mod api;
mod client;
mod host;
mod live;
mod metrics;
mod plain;
mod problem;
mod readiness;
mod routes;
mod seats;
mod server;
mod shape;
mod source;
mod stall;
mod status;
mod time;
pub mod ui;
mod via;
mod words;

pub use client::{Call, Client, ClientError, Reply};
pub use hyper::Method;
pub use metrics::{Family, Kind, Sample};
pub use readiness::Readiness;
pub use routes::{Managed, Site, openapi};
pub use server::{HttpCounters, HttpServer, Limits, Way};
pub use source::{
    CertificateFacts, ConfigFacts, ListenerFacts, SessionFacts, SessionRole, Sessions, Source,
};
pub use time::rfc3339;
pub use via::{Distrust, Door, Via};
