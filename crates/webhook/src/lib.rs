//! Asking and telling others over HTTP.
//!
//! ```text
//! event -> Webhooks::file -> Queue (on disk) -> worker -> sign -> HttpClient -> receiver     at least once, in order per Stream
//! encoder, viewer -> Authorised (a hub::Gate around another) -> HttpClient -> yes, no, another name
//!                                                              HttpClient = dial + tls + hyper
//! ```
//!
//! Belongs here: signed webhooks (Standard Webhooks), their retries, and the questions that other
//! servers' hooks know (`on_publish` and so on). Must not come here: SQL, who decides that something
//! happened, JSON for the dashboard.
//!
//! Absent on purpose: no redirect is followed, no connection is kept, no address is dialled but
//! through `dial` and its gate, no path or query of a receiver's address and no stream key is logged.

mod authorise;
mod client;
mod endpoint;
mod event;
mod queue;
mod schedule;
mod secret;
mod send;
mod task;
mod time;
mod webhooks;
mod worker;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use authorise::{Asked, Authorise, Authorised, Hooks, OnFailure, Style};
pub use client::HttpClient;
pub use endpoint::{Endpoint, EndpointError};
pub use event::{
    DestinationFacts, EVENT_TYPES, Event, EventKind, KeyFacts, Message, PublisherFacts,
};
pub use queue::{
    Ask, Attempt, Delivery, Due, Filed, Queue, QueueError, Receiver, UnderWay, Verdict, Work,
};
pub use secret::{SecretError, Secrets, SigningSecret};
pub use webhooks::{Counters, TestError, Webhooks};
pub use worker::{Clock, Options};
