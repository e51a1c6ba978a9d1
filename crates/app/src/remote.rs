//! The command line against a running server: everything that the API does, as words and tables.
//!
//! ```text
//! access (server, trust, token) --> api (requests, problems, pages, versions) <-- one file per resource
//!                                                              show (tables, JSON) <--'
//! ```
//! A new resource is one file here with its verbs and columns, and one line in [`Resource`].
//! Belongs here: what a person types and reads. Must not come here: decisions, which are the server's,
//! and a key or token as an argument, which other users of the machine could read.

mod access;
mod activity;
mod api;
mod audit;
mod block;
mod destination;
mod key;
mod service;
mod session;
mod show;
mod status;
mod stream;
mod token;
mod user;
mod webhook;

#[cfg(test)]
mod tests;

use crate::tool::{self, Failure};
use access::Access;
use api::Api;
use clap::{Args, Subcommand};
use show::Out;
use std::process::ExitCode;
pub(crate) use token::Create as TokenWish;

/// What can be asked of a server.
#[derive(Debug, Subcommand)]
pub enum Resource {
    /// Streams: list, make, edit, go live, end.
    Stream(On<stream::Verb>),
    /// Destinations of streams: list, make, edit, switch, rehearse.
    Destination(On<destination::Verb>),
    /// Stream keys: make, rotate, revoke.
    Key(On<key::Verb>),
    /// Accounts of people, and invitations.
    User(On<user::Verb>),
    /// Tokens of programs. `token create --data-dir DIR` works without a server and without a token.
    Token(On<token::Verb>),
    /// Webhooks and their deliveries.
    Webhook(On<webhook::Verb>),
    /// Encoders and viewers that are connected.
    Session(On<session::Verb>),
    /// Addresses that are kept out.
    Block(On<block::Verb>),
    /// Services that destinations can be made of.
    Service(On<service::Verb>),
    /// What happened, and what happens now.
    Activity(Plain<activity::Verb>),
    /// Who changed what.
    Audit(Plain<audit::Verb>),
    /// How the server and its streams are.
    Status(Plain<status::Verb>),
}

/// A verb, and the server that it is meant for.
#[derive(Args, Debug)]
pub struct On<V: Subcommand> {
    #[command(flatten)]
    access: Access,
    #[command(subcommand)]
    verb: V,
}

/// A resource with a single verb, and the server that it is meant for.
#[derive(Args, Debug)]
pub struct Plain<V: Args> {
    #[command(flatten)]
    access: Access,
    #[command(flatten)]
    verb: V,
}

/// What a resource can do.
trait Run {
    /// What can be done without a server is done; `None`: nothing.
    async fn locally(&self, _access: &Access) -> Option<Result<(), Failure>> {
        None
    }

    async fn run(self, api: &Api, out: Out) -> Result<(), Failure>;
}

/// Does what was asked for.
#[must_use]
pub fn run(resource: Resource) -> ExitCode {
    match resource {
        Resource::Stream(on) => go(on.access, on.verb),
        Resource::Destination(on) => go(on.access, on.verb),
        Resource::Key(on) => go(on.access, on.verb),
        Resource::User(on) => go(on.access, on.verb),
        Resource::Token(on) => go(on.access, on.verb),
        Resource::Webhook(on) => go(on.access, on.verb),
        Resource::Session(on) => go(on.access, on.verb),
        Resource::Block(on) => go(on.access, on.verb),
        Resource::Service(on) => go(on.access, on.verb),
        Resource::Activity(plain) => go(plain.access, plain.verb),
        Resource::Audit(plain) => go(plain.access, plain.verb),
        Resource::Status(plain) => go(plain.access, plain.verb),
    }
}

/// A count of at least one.
fn some(text: &str) -> Result<usize, String> {
    let wrong = || "it is a number from 1 on".to_owned();
    text.parse().ok().filter(|count| *count > 0).ok_or_else(wrong)
}

fn go(access: Access, verb: impl Run) -> ExitCode {
    tool::run(async {
        match verb.locally(&access).await {
            Some(done) => done?,
            None => {
                let api = Api::open(&access)?;
                verb.run(&api, Out::new(access.json)).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}
