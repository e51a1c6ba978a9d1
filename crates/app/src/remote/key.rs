//! `manycast key`: the stream keys of encoders.

use super::Run;
use super::api::{Api, at, body};
use super::show::{Column, Out, time, word};
use super::stream::servers;
use crate::tool::Failure;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

/// What can be done with stream keys. KEY is a label or an id.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The keys of a stream.
    List {
        /// The stream.
        stream: String,
    },
    /// Make a key; it is shown this once.
    Create {
        /// The stream.
        stream: String,
        /// Which device it is for.
        #[arg(long)]
        label: String,
        /// Only from this address or network; may be given again.
        #[arg(long, value_name = "ADDRESS")]
        address: Vec<String>,
    },
    /// Change its label or its addresses.
    Edit {
        #[command(flatten)]
        which: Which,
        /// Which device it is for.
        #[arg(long)]
        label: Option<String>,
        /// Only from this address or network; may be given again.
        #[arg(long, value_name = "ADDRESS")]
        address: Vec<String>,
        /// From everywhere.
        #[arg(long, conflicts_with = "address")]
        anywhere: bool,
    },
    /// Make another key in its place; the old one holds for a while yet.
    Rotate {
        #[command(flatten)]
        which: Which,
        /// How long the old one holds.
        #[arg(long, value_name = "SECONDS", default_value_t = 300)]
        grace: u64,
    },
    /// Revoke a key; an encoder that runs with it ends at once.
    Revoke(Which),
}

#[derive(Args, Debug)]
pub struct Which {
    /// The stream.
    stream: String,
    /// The key's label or id.
    key: String,
}

impl Which {
    async fn path(&self, api: &Api) -> Result<String, Failure> {
        let keys = at(&["streams", &self.stream, "keys"]);
        let id = api.id(&keys, &self.key, &["label", "prefix"]).await?;
        Ok(at(&["streams", &self.stream, "keys", &id]))
    }
}

/// Where the key goes.
async fn tell_server(api: &Api, stream: &str, out: Out) -> Result<(), Failure> {
    if !out.is_json() {
        let servers = servers(&api.get(&at(&["streams", stream])).await?).replace('\n', " or ");
        out.said(&format!("The encoder takes it as stream key, with the server {servers}"));
    }
    Ok(())
}

const COLUMNS: &[Column] = &[
    ("LABEL", |v| word(v, "/label")),
    ("BEGINS", |v| word(v, "/prefix")),
    ("IN USE", |v| word(v, "/in_use")),
    ("LAST USED", |v| time(v, "/last_used_at")),
    ("FROM", |v| word(v, "/last_address")),
    ("ADDRESSES", |v| word(v, "/addresses")),
    ("EXPIRES", |v| time(v, "/expires_at")),
    ("ID", |v| word(v, "/id")),
];

impl Run for Verb {
    async fn run(self, api: &Api, out: Out) -> Result<(), Failure> {
        match self {
            Self::List { stream } => {
                let items = api.all(&at(&["streams", &stream, "keys"])).await?;
                out.rows(&items, COLUMNS, "This stream has no key made here yet.");
            }
            Self::Create { stream, label, address } => {
                let body = json!({ "label": label, "addresses": address });
                let made = api.create(&at(&["streams", &stream, "keys"]), &body).await?;
                out.once(&made, "key", "The stream key");
                tell_server(api, &stream, out).await?;
            }
            Self::Edit { which, label, address, anywhere } => {
                let addresses = (anywhere || !address.is_empty()).then(|| Value::from(address));
                let patch = body(vec![("label", label.map(Value::from)), ("addresses", addresses)]);
                out.rows(&[api.patch(&which.path(api).await?, &patch).await?], COLUMNS, "");
            }
            Self::Rotate { which, grace } => {
                let path = format!("{}/rotate", which.path(api).await?);
                let made = api.create(&path, &json!({ "grace_s": grace })).await?;
                out.once(&made, "key", "The new stream key");
                out.said(&format!("The old one holds for {grace} s."));
            }
            Self::Revoke(which) => {
                api.delete(&which.path(api).await?).await?;
                out.said("The key is revoked.");
            }
        }
        Ok(())
    }
}
