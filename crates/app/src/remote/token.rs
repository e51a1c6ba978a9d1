//! `manycast token`: tokens of programs.

use super::Run;
use super::access::Access;
use super::api::{Api, at, body};
use super::show::{Column, Out, time, word};
use crate::local;
use crate::tool::Failure;
use clap::{Args, Subcommand};
use serde_json::Value;
use std::time::{Duration, SystemTime};

const ROLES: [&str; 4] = ["viewer", "operator", "admin", "owner"];
const SCOPES: [&str; 4] = ["read", "control", "edit", "admin"];

/// What can be done with tokens.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// All tokens.
    List,
    /// Make a token; it is shown this once. With --data-dir and no token it is made in the database
    /// itself, running or not.
    Create(Create),
    /// Revoke a token.
    Revoke {
        /// The name, the beginning or the id.
        token: String,
    },
}

#[derive(Args, Clone, Debug)]
pub struct Create {
    /// What it is for.
    #[arg(long, default_value = "command line")]
    pub(crate) name: String,
    /// What it may do at most.
    #[arg(long, value_parser = ROLES)]
    pub(crate) role: String,
    /// Which part of that; may be given again. Without it: all.
    #[arg(long, value_parser = SCOPES)]
    pub(crate) scope: Vec<String>,
    /// When it ends, in days from now; without it: never.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub(crate) days: Option<u32>,
}

impl Create {
    /// The scopes that are asked for.
    pub(crate) fn scopes(&self) -> Vec<String> {
        if self.scope.is_empty() { SCOPES.map(str::to_owned).to_vec() } else { self.scope.clone() }
    }

    /// When it ends.
    pub(crate) fn ends(&self, now: SystemTime) -> Option<SystemTime> {
        self.days.map(|days| now + Duration::from_secs(u64::from(days) * 86_400))
    }
}

const COLUMNS: &[Column] = &[
    ("NAME", |v| word(v, "/name")),
    ("ROLE", |v| word(v, "/role")),
    ("SCOPES", |v| word(v, "/scopes")),
    ("BEGINS", |v| word(v, "/prefix")),
    ("LAST USED", |v| time(v, "/last_used_at")),
    ("FROM", |v| word(v, "/last_address")),
    ("EXPIRES", |v| time(v, "/expires_at")),
    ("ID", |v| word(v, "/id")),
];

fn show(made: &Value, out: Out) {
    out.once(made, "token", "The token");
    out.said(
        "Programs send it as `Authorization: Bearer TOKEN`; manycast takes it from MANYCAST_TOKEN.",
    );
}

impl Run for Verb {
    async fn locally(&self, access: &Access) -> Option<Result<(), Failure>> {
        let (Self::Create(create), Some(dir)) = (self, &access.data_dir) else { return None };
        match access.token() {
            Ok(Some(_)) => return None,
            Ok(None) => {}
            Err(failure) => return Some(Err(failure)),
        }
        let fresh = local::has_database(dir).is_err();
        let out = Out::new(access.json);
        let made = local::create_token(dir, create.clone()).await;
        Some(made.map(|shown| {
            show(&shown, out);
            if fresh {
                out.said(&format!(
                    "{} had no database: it was made. A server in another directory does not know \
                     this token.",
                    dir.display()
                ));
            }
        }))
    }

    async fn run(self, api: &Api, out: Out) -> Result<(), Failure> {
        match self {
            Self::List => {
                out.rows(&api.list(&at(&["tokens"]), usize::MAX).await?, COLUMNS, "None.");
            }
            Self::Create(create) => {
                let ends = create.ends(SystemTime::now()).map(manycast_web::rfc3339);
                let body = body(vec![
                    ("scopes", Some(create.scopes().into())),
                    ("name", Some(create.name.into())),
                    ("role", Some(create.role.into())),
                    ("expires_at", ends.map(Value::from)),
                ]);
                show(&api.create(&at(&["tokens"]), &body).await?, out);
            }
            Self::Revoke { token } => {
                let id = api.id(&at(&["tokens"]), &token, &["name", "prefix"]).await?;
                api.delete(&at(&["tokens", &id])).await?;
                out.said("The token is revoked.");
            }
        }
        Ok(())
    }
}
