//! `manycast session`: encoders and viewers that are connected.

use super::Run;
use super::api::{Api, at, body, with};
use super::show::{Column, Out, time, word};
use crate::tool::Failure;
use clap::Subcommand;
use serde_json::Value;

/// What can be done with connections. SESSION is an id.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Who is connected.
    List {
        /// To this stream only.
        #[arg(long)]
        stream: Option<String>,
    },
    /// End a connection; it may come again.
    End {
        /// The id.
        session: String,
    },
    /// End a connection and keep its address out for a while.
    Block {
        /// The id.
        session: String,
        /// For how long.
        #[arg(long, value_name = "SECONDS")]
        seconds: Option<u64>,
        /// Why, for the others.
        #[arg(long)]
        reason: Option<String>,
    },
}

const COLUMNS: &[Column] = &[
    ("STREAM", |v| word(v, "/stream")),
    ("WHAT", |v| word(v, "/role")),
    ("BY", |v| word(v, "/protocol")),
    ("ADDRESS", |v| word(v, "/address")),
    ("SOFTWARE", |v| word(v, "/software")),
    ("SINCE", |v| time(v, "/since")),
    ("ID", |v| word(v, "/id")),
];

impl Run for Verb {
    async fn run(self, api: &Api, out: Out) -> Result<(), Failure> {
        match self {
            Self::List { stream } => {
                let path = with(&at(&["sessions"]), &[("stream", stream.as_deref())]);
                out.rows(&api.list(&path, usize::MAX).await?, COLUMNS, "Nobody is connected.");
            }
            Self::End { session } => {
                api.delete(&at(&["sessions", &session])).await?;
                out.said("The connection is ended.");
            }
            Self::Block { session, seconds, reason } => {
                let body = body(vec![
                    ("seconds", seconds.map(Value::from)),
                    ("reason", reason.map(Value::from)),
                ]);
                let block = api.act(&at(&["sessions", &session, "block"]), Some(&body)).await?;
                out.one(&block, super::block::COLUMNS);
            }
        }
        Ok(())
    }
}
