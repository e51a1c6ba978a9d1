//! `manycast service`: the services that destinations can be made of.

use super::Run;
use super::api::{Api, at, with};
use super::show::{Column, Out, word};
use crate::tool::Failure;
use clap::Subcommand;

/// What can be asked about services.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// All services, the common ones first.
    List {
        /// Only those whose name holds this, or whose address this is.
        #[arg(value_name = "TEXT")]
        query: Option<String>,
    },
    /// One service: its servers, its limits, where its key is found.
    Show {
        /// The service's key, such as `youtube`.
        service: String,
    },
}

const COLUMNS: &[Column] = &[
    ("KEY", |v| word(v, "/key")),
    ("NAME", |v| word(v, "/name")),
    ("FIRST SERVER", |v| word(v, "/servers/0/url")),
    ("WHERE THE KEY IS", |v| word(v, "/key_link")),
];

const FIELDS: &[Column] = &[
    ("Key", |v| word(v, "/key")),
    ("Name", |v| word(v, "/name")),
    ("Schemes", |v| word(v, "/schemes")),
    ("Key link", |v| word(v, "/key_link")),
    ("Key help", |v| word(v, "/key_help")),
    ("Limits", |v| word(v, "/limits")),
    ("Servers", |v| {
        let all = v.get("servers").and_then(serde_json::Value::as_array);
        let one = |s: &serde_json::Value| format!("{}  {}", word(s, "/name"), word(s, "/url"));
        all.map(|all| all.iter().map(one).collect::<Vec<_>>().join("\n")).unwrap_or_default()
    }),
];

/// Keys are not guessed: their list says them.
fn looked_for(failure: Failure, service: &str) -> Failure {
    let mut lines = failure.message.lines();
    let what = lines.next().unwrap_or_default();
    if failure.code != 1 || !what.contains("no such service") {
        return failure;
    }
    Failure::failed(format!(
        "{what}\n  look for its key: manycast service list {}",
        super::show::plain(service)
    ))
}

impl Run for Verb {
    async fn run(self, api: &Api, out: Out) -> Result<(), Failure> {
        match self {
            Self::List { query } => {
                let path = with(&at(&["services"]), &[("query", query.as_deref())]);
                out.rows(&api.all(&path).await?, COLUMNS, "There is no such service.");
            }
            Self::Show { service } => {
                let shown = api.get(&at(&["services", &service])).await;
                out.one(&shown.map_err(|failure| looked_for(failure, &service))?, FIELDS);
            }
        }
        Ok(())
    }
}
