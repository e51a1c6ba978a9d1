//! Accounts over a real database, with cheap hashes and a clock that is set by hand.

mod logins;
mod people;
mod proofs;

use super::*;
use crate::permission::{Principal, Role, Scope, Scopes};
use manycast_hub::Secret;
use manycast_store::{AuditFilter, Options, PageRequest, UnixMs};
use std::path::Path;
use tempfile::TempDir;

const T0: UnixMs = UnixMs(1_800_000_000_000);
const GOOD: &str = "correct horse battery";
const CHEAP: Cost = Cost { memory: 64, passes: 1 };

fn secret(text: &str) -> Secret {
    Secret::new(text)
}

fn here() -> IpAddr {
    "192.0.2.1".parse().unwrap()
}

fn client() -> Client {
    Client { address: here(), agent: "Probe/1.0".to_owned() }
}

fn with(name: &str, password: &str) -> Credentials {
    Credentials { name: name.to_owned(), password: secret(password), code: None }
}

/// A database and what is kept in it.
struct House {
    dir: TempDir,
    store: Store,
    clock: Clock,
    accounts: Accounts,
}

async fn open(dir: &Path, clock: &Clock, cost: Cost) -> (Store, Accounts) {
    let store = Store::open(dir, Options::default()).await.unwrap();
    let options = AccountOptions { clock: clock.clone(), cost, ..AccountOptions::default() };
    let accounts = Accounts::open(store.clone(), options).await.unwrap();
    (store, accounts)
}

/// Nobody has set it up yet.
async fn empty() -> House {
    let (dir, clock) = (TempDir::new().unwrap(), Clock::fixed(T0));
    let (store, accounts) = open(dir.path(), &clock, CHEAP).await;
    House { dir, store, clock, accounts }
}

/// `ana` is its owner.
async fn house() -> (House, LoggedIn) {
    let house = empty().await;
    let token = house.accounts.setup_token().unwrap();
    let (password, client) = (secret(GOOD), client());
    let owner = house.accounts.set_up(token.expose(), "ana", &password, &client).await.unwrap();
    (house, owner)
}

impl House {
    async fn add(&self, name: &str, role: Role, by: &Principal) -> User {
        let new = NewUser { name: name.to_owned(), password: secret(GOOD), role };
        self.accounts.create_user(new, by, here()).await.unwrap()
    }

    async fn enter(&self, name: &str) -> LoggedIn {
        self.accounts.log_in(with(name, GOOD), &client()).await.unwrap()
    }

    /// Adds somebody and logs him in.
    async fn join(&self, name: &str, role: Role, by: &Principal) -> LoggedIn {
        self.add(name, role, by).await;
        self.enter(name).await
    }

    async fn is_in(&self, session: &LoggedIn) -> bool {
        let found = self.accounts.check_cookie(session.cookie.expose()).await.unwrap();
        found.is_some()
    }

    fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// The audit log, the oldest first: who, from where, what, to whom.
    async fn log(&self) -> Vec<String> {
        let ask = PageRequest { limit: 200, after: None };
        let page = self.store.audit_log(AuditFilter::default(), ask).await.unwrap();
        let line = |row: &manycast_store::AuditRow| {
            let row = &row.entry;
            let address = row.address.as_deref().unwrap_or("-");
            format!("{} {} {address} {} {}", row.actor_kind, row.actor, row.action, row.subject)
        };
        page.items.iter().rev().map(line).collect()
    }
}
