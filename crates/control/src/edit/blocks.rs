//! Addresses that are kept out: on disk, so that they stay out over a restart.

use super::entry;
use crate::ControlError;
use crate::control::Control;
use manycast_auth::{Actor, Block, UnixMs, subject};
use manycast_store::BlockRow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

impl Control {
    /// Keeps an address out for `span`, and ends what it publishes. Ending its viewers is for whoever
    /// knows sessions.
    ///
    /// # Errors
    /// The database: it is not kept out then.
    pub async fn block(
        self: &Arc<Self>,
        by: &Actor,
        address: IpAddr,
        span: Duration,
        why: &str,
    ) -> Result<Block, ControlError> {
        let (by, since) = (by.clone(), UnixMs::now());
        let (address, until) = (subject(address), since.plus(span));
        let block = Block { address, since, until, why: why.to_owned(), by: by.name.clone() };
        self.carried(move |control| async move {
            let _one = control.books.lock().await;
            let mut edit = control.store.edit(entry(&by, "address.block", &text(&block))).await?;
            let told = serde_json::json!({ "seconds": span.as_secs_f64(), "reason": block.why });
            edit.after(told.to_string());
            edit.put_block(row(&block)).await?;
            edit.commit().await?;
            Ok(control.gate.block(block))
        })
        .await
    }

    /// Lets an address in again.
    ///
    /// # Errors
    /// It is not kept out; the database.
    pub async fn unblock(
        self: &Arc<Self>,
        by: &Actor,
        address: IpAddr,
    ) -> Result<(), ControlError> {
        let (by, address) = (by.clone(), subject(address));
        self.carried(move |control| async move {
            let _one = control.books.lock().await;
            let name = address.to_string();
            let held = control.gate.blocks().iter().any(|block| block.address == address);
            let mut edit = control.store.edit(entry(&by, "address.unblock", &name)).await?;
            if !(edit.remove_block(&name).await? && held) {
                return Err(ControlError::NotFound { what: "block" });
            }
            edit.commit().await?;
            control.gate.unblock(address);
            Ok(())
        })
        .await
    }

    /// Those that were kept out before the start still are.
    pub(crate) async fn keep_out_again(&self) -> Result<(), ControlError> {
        for BlockRow { address, since, until, reason, made_by } in
            self.store.blocks(UnixMs::now()).await?
        {
            match address.parse() {
                Ok(address) => {
                    self.gate.block(Block { address, since, until, why: reason, by: made_by });
                }
                Err(_) => tracing::warn!("a block of the database names no address"),
            }
        }
        Ok(())
    }
}

fn text(block: &Block) -> String {
    block.address.to_string()
}

fn row(block: &Block) -> BlockRow {
    let Block { since, until, why, by, .. } = block.clone();
    BlockRow { address: text(block), since, until, reason: why, made_by: by }
}
