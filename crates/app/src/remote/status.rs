//! `manycast status`: how the server and its streams are.

use super::Run;
use super::api::{Api, at};
use super::show::{Column, Out, time, word};
use super::stream;
use crate::tool::{self, Failure};
use clap::Args;
use serde_json::{Value, json};

/// Nothing more to say.
#[derive(Args, Debug)]
pub struct Verb {}

const FIELDS: &[Column] = &[
    ("Version", |v| word(v, "/version")),
    ("Started", |v| time(v, "/started")),
    ("Ready", |v| word(v, "/ready")),
    ("Listens", |v| {
        let all = v.get("listeners").and_then(Value::as_array);
        let one = |l: &Value| format!("{} {}", word(l, "/protocol"), word(l, "/address"));
        all.map(|all| all.iter().map(one).collect::<Vec<_>>().join("\n")).unwrap_or_default()
    }),
    ("Certificate", |v| word(v, "/certificate/fingerprint")),
    ("  until", |v| time(v, "/certificate/not_after")),
    ("  problem", |v| word(v, "/certificate/problem")),
    ("Configuration", |v| {
        let mut lines = vec![format!("loaded {}", time(v, "/config/loaded_at"))];
        match word(v, "/config/last_error").as_str() {
            "-" => {}
            why => lines.push(format!("the last reload was refused, this one holds: {why}")),
        }
        match word(v, "/config/needs_restart").as_str() {
            "-" => {}
            settings => lines.push(format!("holds after a restart: {settings}")),
        }
        lines.join("\n")
    }),
    ("Findings", |v| {
        let all = v.get("findings").and_then(Value::as_array);
        let one = |f: &Value| format!("{} {}", word(f, "/sentence"), word(f, "/remedy"));
        let text = all.map(|all| all.iter().map(one).collect::<Vec<_>>().join("\n"));
        text.filter(|text| !text.is_empty()).unwrap_or_else(|| "-".to_owned())
    }),
];

impl Run for Verb {
    async fn run(self, api: &Api, out: Out) -> Result<(), Failure> {
        let server = api.get(&at(&["server"])).await?;
        let streams = api.list(&at(&["streams"]), usize::MAX).await?;
        if out.is_json() {
            out.one(&json!({ "server": server, "streams": streams }), &[]);
            return Ok(());
        }
        out.one(&server, FIELDS);
        tool::say("\n");
        out.rows(&streams, stream::COLUMNS, "There is no stream yet: manycast stream create NAME");
        Ok(())
    }
}
