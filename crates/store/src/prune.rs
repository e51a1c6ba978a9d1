//! Letting go of what is past: in short transactions, so that no writer waits for long.

use crate::error::Result;
use crate::store::{Statement, Store};
use crate::table::idempotency;
use crate::time::UnixMs;
use crate::{DELIVERIES_MAX, EVENTS_DAYS};
use sqlx::query;
use std::time::Duration;

/// Rows that one transaction deletes at most.
const STEP: u64 = 500;
const DAY: u64 = 86_400;
/// What is used up, revoked or done stays to be looked at for so many days.
const PAST_DAYS: u64 = 90;

/// How many rows went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Events that were too old.
    pub events: u64,
    /// Deliveries that were done long ago.
    pub deliveries: u64,
    /// Answers to requests that nobody repeats any more.
    pub idempotency: u64,
    /// Blocks that are over.
    pub blocks: u64,
    /// Sessions that have expired.
    pub sessions: u64,
    /// Invitations that were used or have expired.
    pub invites: u64,
    /// Stream keys and tokens that were revoked long ago.
    pub keys: u64,
}

impl Store {
    /// Deletes what is too old or too much. Meant to be called every hour.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`]; what went before has gone.
    pub async fn prune(&self, now: UnixMs) -> Result<Pruned> {
        let days = |n: u64| now.minus(Duration::from_secs(n * DAY)).0;
        let past = days(PAST_DAYS);
        let events = "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE at < ?1 LIMIT ?2)";
        let idempotent = "DELETE FROM idempotency WHERE rowid IN \
                          (SELECT rowid FROM idempotency WHERE created_at < ?1 LIMIT ?2)";
        let blocks = "DELETE FROM block WHERE address IN \
                      (SELECT address FROM block WHERE until < ?1 LIMIT ?2)";
        let sessions = "DELETE FROM session WHERE token_hash IN \
                        (SELECT token_hash FROM session WHERE expires_at < ?1 LIMIT ?2)";
        let invites = "DELETE FROM invite WHERE id IN \
                       (SELECT id FROM invite WHERE expires_at < ?1 OR used_at < ?1 LIMIT ?2)";
        let keys = "DELETE FROM stream_key WHERE id IN \
                    (SELECT id FROM stream_key WHERE revoked_at < ?1 LIMIT ?2)";
        let tokens =
            "DELETE FROM token WHERE id IN (SELECT id FROM token WHERE revoked_at < ?1 LIMIT ?2)";
        Ok(Pruned {
            events: self.sweep(events, days(EVENTS_DAYS)).await?,
            deliveries: self.sweep_deliveries(past).await?,
            idempotency: self.sweep(idempotent, idempotency::oldest(now).0).await?,
            blocks: self.sweep(blocks, now.0).await?,
            sessions: self.sweep(sessions, now.0).await?,
            invites: self.sweep(invites, past).await?,
            keys: self.sweep(keys, past).await? + self.sweep(tokens, past).await?,
        })
    }

    async fn sweep(&self, delete: &'static str, before: i64) -> Result<u64> {
        self.repeat(|step| query(delete).bind(before).bind(step)).await
    }

    async fn sweep_deliveries(&self, before: i64) -> Result<u64> {
        let delete = "DELETE FROM webhook_delivery WHERE seq IN (SELECT seq FROM webhook_delivery \
                      WHERE state <> 'pending' AND (done_at < ?1 OR seq <= \
                      (SELECT max(seq) FROM webhook_delivery) - ?3) LIMIT ?2)";
        self.repeat(|step| query(delete).bind(before).bind(step).bind(DELIVERIES_MAX)).await
    }

    async fn repeat(&self, statement: impl Fn(i64) -> Statement<'static>) -> Result<u64> {
        let mut gone = 0;
        loop {
            let step = self.execute(statement(i64::try_from(STEP).unwrap_or(1))).await?;
            gone += step;
            if step < STEP {
                return Ok(gone);
            }
        }
    }
}
