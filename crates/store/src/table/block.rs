//! `block`: addresses that are kept out for a while.

use crate::BLOCKS_MAX;
use crate::edit::Edit;
use crate::error::Result;
use crate::row::{Row, time};
use crate::store::Store;
use crate::time::UnixMs;
use crate::vault::Ring;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, query};

/// An address that is kept out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockRow {
    /// The address, or the first one of the network that stands for one host.
    pub address: String,
    /// Since when.
    pub since: UnixMs,
    /// Until when.
    pub until: UnixMs,
    /// Why, for people.
    pub reason: String,
    /// Who wants it.
    pub made_by: String,
}

impl Row for BlockRow {
    fn read(row: &SqliteRow, _ring: &Ring) -> sqlx::Result<Self> {
        Ok(Self {
            address: row.try_get("address")?,
            since: time(row, "since")?,
            until: time(row, "until")?,
            reason: row.try_get("reason")?,
            made_by: row.try_get("made_by")?,
        })
    }
}

impl Store {
    /// Those that hold at `now`, the one that ends first in front.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn blocks(&self, now: UnixMs) -> Result<Vec<BlockRow>> {
        let found = query("SELECT * FROM block WHERE until > ?1 ORDER BY until, address");
        self.all(found.bind(now.0)).await
    }
}

impl Edit {
    /// Keeps an address out, in place of what was said of it before. Of too many those go that end
    /// first.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn put_block(&mut self, row: BlockRow) -> Result<()> {
        let insert = query(
            "INSERT INTO block (address, since, until, reason, made_by) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (address) DO UPDATE SET since = excluded.since, until = excluded.until, \
             reason = excluded.reason, made_by = excluded.made_by",
        )
        .bind(row.address)
        .bind(row.since.0)
        .bind(row.until.0)
        .bind(row.reason)
        .bind(row.made_by);
        self.work.execute(insert).await?;
        let rest = query(
            "DELETE FROM block WHERE address NOT IN \
             (SELECT address FROM block ORDER BY until DESC, address LIMIT ?1)",
        );
        self.work.execute(rest.bind(BLOCKS_MAX)).await.map(drop)
    }

    /// Lets an address in again. False: it was not kept out.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn remove_block(&mut self, address: &str) -> Result<bool> {
        let delete = query("DELETE FROM block WHERE address = ?1");
        Ok(self.work.execute(delete.bind(address)).await? > 0)
    }
}
