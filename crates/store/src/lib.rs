//! What Manycast keeps on disk: one SQLite file and, apart from it, the keys of its secrets.
//!
//! Belongs here: the schema and its numbered steps (`schema/`, `migrate.rs`), rows as plain structs with the
//! methods that read and write them (`table/`, one table per file), the vault, backup and restore. This is the
//! only crate that knows SQL. Not here: what a role may do, what a Stream does, who is asked; nor JSON, apart
//! from lists of text in a column.
//!
//! ```text
//! Store --reading()--> pool of two readers          WAL: readers see the last commit, never wait for writers
//!       --edit(entry)-> Edit ---+
//!       --work()------> Work    +--> one writer, BEGIN IMMEDIATE .. COMMIT with fsync
//! ```
//!
//! A change that somebody asked for is an [`Edit`]; it takes its entry of the audit log with it into the same
//! transaction, so that neither can be without the other. What the server notes by itself (events, last use,
//! what is owed to webhooks) has methods of its own on [`Store`].

mod backup;
mod disk;
mod edit;
mod error;
mod forget;
mod id;
mod migrate;
mod open;
mod page;
mod prune;
mod restore;
mod rotate;
mod row;
mod store;
mod table;
mod time;
mod vault;

pub use backup::{Backup, BackupFile, back_up, backups};
pub use edit::Edit;
pub use error::{Error, Result};
pub use forget::{Sealed, sealed_with};
pub use id::{
    DeliveryId, DestinationId, IdError, InviteId, StreamId, StreamKeyId, TokenId, UserId, WebhookId,
};
pub use open::{LostKey, Options};
pub use page::{PAGE_MAX, Page, PageRequest};
pub use prune::Pruned;
pub use restore::{Restored, restore};
pub use rotate::Rotated;
pub use store::Store;
pub use table::audit::{AuditEntry, AuditFilter, AuditRow};
pub use table::block::BlockRow;
pub use table::delivery::{DeliveryOutcome, DeliveryRow, NewDelivery};
pub use table::destination::{DestinationEdit, DestinationRow, NewDestination};
pub use table::event::{EventFilter, EventRow, NewEvent};
pub use table::idempotency::IdempotencyRow;
pub use table::invite::{InviteRow, NewInvite};
pub use table::runtime::RuntimeRow;
pub use table::session::SessionRow;
pub use table::stream::{NewStream, StreamEdit, StreamRow};
pub use table::stream_key::{KeyUse, NewStreamKey, StreamKeyEdit, StreamKeyRow};
pub use table::token::{NewToken, TokenRow};
pub use table::user::{NewUser, UserEdit, UserRow};
pub use table::webhook::{NewWebhook, WebhookEdit, WebhookRow};
pub use time::UnixMs;
pub use vault::Kept;

/// The file that whoever works in a data directory holds a lock on.
pub const LOCK_FILE: &str = "manycast.lock";
/// The database, in the data directory.
pub const DATABASE_FILE: &str = "manycast.db";
/// The keys of the vault, in the data directory unless [`VAULT_KEY_ENV`] names another file.
pub const VAULT_KEY_FILE: &str = "vault.key";
/// The environment variable that names the file with the vault's keys.
pub const VAULT_KEY_ENV: &str = "MANYCAST_VAULT_KEY_FILE";
/// Where backups before migrations and replaced databases go, in the data directory.
pub const BACKUP_FOLDER: &str = "backups";
/// The most events that are kept.
pub const EVENTS_MAX: i64 = 100_000;
/// How long events are kept, in days.
pub const EVENTS_DAYS: u64 = 90;
/// The most deliveries that wait, and the most that are kept once they are done.
pub const DELIVERIES_MAX: i64 = 10_000;
/// The most addresses that are kept out at a time.
pub const BLOCKS_MAX: i64 = 4096;
/// How long the answer to an idempotent request is kept, in hours.
pub const IDEMPOTENCY_HOURS: u64 = 24;
