//! `manycast user`: accounts of people.

use super::Run;
use super::access::secret;
use super::api::{Api, at, body};
use super::show::{Column, Out, time, word};
use crate::tool::Failure;
use clap::Subcommand;
use serde_json::{Value, json};

const PASSWORD: &str = "MANYCAST_PASSWORD";
const ROLES: [&str; 4] = ["viewer", "operator", "admin", "owner"];

/// What can be done with accounts. USER is a name or an id. Passwords come from the variable
/// MANYCAST_PASSWORD or from the standard input.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// All accounts.
    List,
    /// Make an account with a password.
    Create {
        /// The name to log in by.
        name: String,
        /// What it may do.
        #[arg(long, value_parser = ROLES)]
        role: String,
        /// `-`: read the password from the standard input.
        #[arg(long, value_name = "-", value_parser = ["-"])]
        password: Option<String>,
    },
    /// Invite somebody who chooses name and password himself; the link is shown this once.
    Invite {
        /// What the account may do.
        #[arg(long, value_parser = ROLES)]
        role: String,
    },
    /// Change an account.
    Edit {
        /// The name or id.
        user: String,
        /// A new name.
        #[arg(long)]
        name: Option<String>,
        /// What it may do.
        #[arg(long, value_parser = ROLES)]
        role: Option<String>,
        /// Whether it is kept out.
        #[arg(long, value_name = "true|false")]
        disabled: Option<bool>,
        /// `-`: read a new password from the standard input.
        #[arg(long, value_name = "-", value_parser = ["-"])]
        password: Option<String>,
    },
    /// Remove an account with its sessions and tokens.
    Delete {
        /// The name or id.
        user: String,
    },
}

const COLUMNS: &[Column] = &[
    ("NAME", |v| word(v, "/name")),
    ("ROLE", |v| word(v, "/role")),
    ("SECOND FACTOR", |v| word(v, "/totp")),
    ("DISABLED", |v| word(v, "/disabled")),
    ("LAST SEEN", |v| time(v, "/last_seen_at")),
    ("ID", |v| word(v, "/id")),
];

async fn path(api: &Api, user: &str) -> Result<String, Failure> {
    let id = match user {
        "me" => "me".to_owned(),
        name => api.id(&at(&["users"]), name, &["name"]).await?,
    };
    Ok(at(&["users", &id]))
}

impl Run for Verb {
    async fn run(self, api: &Api, out: Out) -> Result<(), Failure> {
        match self {
            Self::List => {
                out.rows(&api.list(&at(&["users"]), usize::MAX).await?, COLUMNS, "Nobody has an account yet: open the link of the server's log, or manycast user create NAME --role owner");
            }
            Self::Create { name, role, password } => {
                let Some(password) = secret(password.as_deref(), PASSWORD)? else {
                    return Err(Failure::usage(
                        "the account needs a password: give it with --password - or in \
                         MANYCAST_PASSWORD, or let the person choose it: manycast user invite",
                    ));
                };
                let body = json!({ "name": name, "role": role, "password": password.expose() });
                out.rows(&[api.create(&at(&["users"]), &body).await?], COLUMNS, "");
            }
            Self::Invite { role } => {
                let made = api.create(&at(&["invites"]), &json!({ "role": role })).await?;
                if out.is_json() {
                    out.one(&made, &[]);
                    return Ok(());
                }
                let link = format!("{}/invite#{}", api.address(), word(&made, "/token"));
                let until = time(&made, "/expires_at");
                out.said(&format!(
                    "The invitation, shown this once; it holds once and until {until}:\n{link}\nWhoever is \
                     elsewhere needs the address that he reaches this server by in place of {}.",
                    api.address()
                ));
            }
            Self::Edit { user, name, role, disabled, password } => {
                // The variable is for new accounts: what was left in it must not change this one.
                let password = match password {
                    Some(_) => secret(password.as_deref(), PASSWORD)?,
                    None => None,
                };
                let patch = body(vec![
                    ("name", name.map(Value::from)),
                    ("role", role.map(Value::from)),
                    ("disabled", disabled.map(Value::from)),
                    ("password", password.map(|secret| Value::from(secret.expose()))),
                ]);
                out.rows(&[api.edit(&path(api, &user).await?, &patch).await?], COLUMNS, "");
            }
            Self::Delete { user } => {
                api.delete(&path(api, &user).await?).await?;
                out.said("The account is removed.");
            }
        }
        Ok(())
    }
}
