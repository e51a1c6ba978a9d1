//! `webhook_delivery`: what is owed to webhooks and what became of it. A queue with a bound: when 10,000
//! wait, the oldest are dropped, and stay in the list as such.

use crate::DELIVERIES_MAX;
use crate::edit::Edit;
use crate::error::Result;
use crate::id::{DeliveryId, WebhookId};
use crate::page::{Page, PageRequest};
use crate::row::{Row, id, maybe_time, time};
use crate::store::{Statement, Store, Work};
use crate::time::UnixMs;
use crate::vault::Ring;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, query, query_scalar};

const WHAT: &str = "delivery";

/// A delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Its place in the order of all deliveries.
    pub seq: i64,
    /// Its id.
    pub id: DeliveryId,
    /// Who is told.
    pub webhook_id: WebhookId,
    /// Which event; the same for all who are told of it, and for a redelivery.
    pub event_id: String,
    /// The Stream that it is about: deliveries of one Stream go in order.
    pub stream: Option<String>,
    /// What is sent.
    pub body: String,
    /// How often it was tried.
    pub attempt: u32,
    /// When it is tried next.
    pub next_at: UnixMs,
    /// `pending`, `delivered`, `failed`, `given_up` or `dropped`.
    pub state: String,
    /// The HTTP status of the last answer.
    pub status: Option<u16>,
    /// Why there was no answer.
    pub error: Option<String>,
    /// How the last answer begins.
    pub answer: Option<String>,
    /// When it was made.
    pub created_at: UnixMs,
    /// When it left the queue.
    pub done_at: Option<UnixMs>,
}

impl Row for DeliveryRow {
    fn read(row: &SqliteRow, _ring: &Ring) -> sqlx::Result<Self> {
        Ok(Self {
            seq: row.try_get("seq")?,
            id: id(row, "id")?,
            webhook_id: id(row, "webhook_id")?,
            event_id: row.try_get("event_id")?,
            stream: row.try_get("stream")?,
            body: row.try_get("body")?,
            attempt: row.try_get("attempt")?,
            next_at: time(row, "next_at")?,
            state: row.try_get("state")?,
            status: row.try_get("status")?,
            error: row.try_get("error")?,
            answer: row.try_get("answer")?,
            created_at: time(row, "created_at")?,
            done_at: maybe_time(row, "done_at")?,
        })
    }
}

/// What is owed.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// Who is told.
    pub webhook_id: WebhookId,
    /// Which event.
    pub event_id: String,
    /// The Stream that it is about.
    pub stream: Option<String>,
    /// What is sent.
    pub body: String,
    /// When it is tried first.
    pub next_at: UnixMs,
    /// When.
    pub created_at: UnixMs,
}

/// What became of an attempt.
#[derive(Clone, Debug)]
pub struct DeliveryOutcome {
    /// How often it was tried by now.
    pub attempt: u32,
    /// `pending` to try again at `next_at`, else `delivered` or `failed`.
    pub state: String,
    /// When to try again.
    pub next_at: Option<UnixMs>,
    /// The HTTP status of the answer.
    pub status: Option<u16>,
    /// Why there was no answer.
    pub error: Option<String>,
    /// How the answer begins.
    pub answer: Option<String>,
    /// When the attempt ended.
    pub at: UnixMs,
}

/// The heads of the queues: the oldest that waits, per webhook and Stream. The index
/// `webhook_delivery_pending` answers this by itself.
macro_rules! heads {
    ($select:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $select,
            " FROM webhook_delivery WHERE seq IN (SELECT min(seq) FROM webhook_delivery WHERE state = 'pending' \
             GROUP BY webhook_id, stream) AND webhook_id IN (SELECT id FROM webhook WHERE enabled)",
            $rest
        )
    };
}

fn by_id(id: &DeliveryId) -> Statement<'static> {
    query("SELECT * FROM webhook_delivery WHERE id = ?1").bind(id.text())
}

async fn insert(work: &mut Work, new: &NewDelivery) -> Result<()> {
    let insert = query(
        "INSERT INTO webhook_delivery (id, webhook_id, event_id, stream, body, next_at, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )
    .bind(new.id.text())
    .bind(new.webhook_id.text())
    .bind(&new.event_id)
    .bind(&new.stream)
    .bind(&new.body)
    .bind(new.next_at.0)
    .bind(new.created_at.0);
    work.execute(insert).await.map(drop)
}

/// Drops the oldest that are too many and forgets the oldest of those that are done.
async fn bound(work: &mut Work, at: UnixMs) -> Result<u64> {
    let waiting = query_scalar("SELECT count(*) FROM webhook_delivery WHERE state = 'pending'");
    let over = work.scalar::<i64>(waiting).await?.unwrap_or(0) - DELIVERIES_MAX;
    let mut dropped = 0;
    if over > 0 {
        let drop = query(
            "UPDATE webhook_delivery SET state = 'dropped', error = 'too many were waiting', done_at = ?2 \
             WHERE seq IN (SELECT seq FROM webhook_delivery WHERE state = 'pending' ORDER BY seq LIMIT ?1)",
        );
        dropped = work.execute(drop.bind(over).bind(at.0)).await?;
    }
    let forget = query(
        "DELETE FROM webhook_delivery WHERE state <> 'pending' AND seq <= \
         (SELECT max(seq) FROM webhook_delivery) - 2 * ?1",
    );
    work.execute(forget.bind(DELIVERIES_MAX)).await?;
    Ok(dropped)
}

impl Store {
    /// Puts deliveries into the queue, all or none. Answers how many of the oldest were dropped to
    /// make room. One for a webhook that is gone is left out.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn enqueue_deliveries(&self, new: &[NewDelivery]) -> Result<u64> {
        let Some(last) = new.last() else { return Ok(0) };
        let mut work = self.work().await?;
        for one in new {
            let there = query_scalar("SELECT 1 FROM webhook WHERE id = ?1");
            if work.scalar::<i64>(there.bind(one.webhook_id.text())).await?.is_some() {
                insert(&mut work, one).await?;
            }
        }
        let dropped = bound(&mut work, last.created_at).await?;
        work.commit().await?;
        Ok(dropped)
    }

    /// What is to be tried now, the oldest first: of each webhook and Stream only the oldest that
    /// waits, so that they go in order. Webhooks that are not enabled are left out.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn due_deliveries(&self, now: UnixMs, limit: u32) -> Result<Vec<DeliveryRow>> {
        let due = query(heads!("*", " AND next_at <= ?1 ORDER BY seq LIMIT ?2"));
        self.all(due.bind(now.0).bind(limit)).await
    }

    /// When there is something to try next; `None`: nothing waits.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn next_delivery_at(&self) -> Result<Option<UnixMs>> {
        let next = self.scalar::<Option<i64>>(query_scalar(heads!("min(next_at)", ""))).await?;
        Ok(next.flatten().map(UnixMs))
    }

    /// How many wait.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn pending_deliveries(&self) -> Result<u64> {
        let waiting = query_scalar("SELECT count(*) FROM webhook_delivery WHERE state = 'pending'");
        Ok(self.scalar::<i64>(waiting).await?.unwrap_or(0).unsigned_abs())
    }

    /// Notes what became of an attempt. One that was dropped or deleted meanwhile stays so.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] for an unknown state.
    pub async fn finish_delivery(&self, id: &DeliveryId, outcome: DeliveryOutcome) -> Result<()> {
        let done = (outcome.state != "pending").then_some(outcome.at.0);
        let update = query(
            "UPDATE webhook_delivery SET attempt = ?2, state = ?3, next_at = coalesce(?4, next_at), status = ?5, \
             error = ?6, answer = ?7, done_at = ?8 WHERE id = ?1 AND state = 'pending'",
        )
        .bind(id.text())
        .bind(outcome.attempt)
        .bind(outcome.state)
        .bind(outcome.next_at.map(|at| at.0))
        .bind(outcome.status)
        .bind(outcome.error)
        .bind(outcome.answer)
        .bind(done);
        self.execute(update).await.map(drop)
    }

    /// The deliveries of a webhook, the newest first.
    ///
    /// # Errors
    /// [`crate::Error::BadCursor`], and those that are [`crate::Error::is_unavailable`].
    pub async fn deliveries(
        &self,
        webhook: &WebhookId,
        ask: PageRequest,
    ) -> Result<Page<DeliveryRow>> {
        let found = query(
            "SELECT * FROM webhook_delivery WHERE webhook_id = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3",
        )
        .bind(webhook.text())
        .bind(ask.number(i64::MAX)?)
        .bind(ask.rows());
        self.page(&ask, found, |row: &DeliveryRow| row.seq.to_string()).await
    }

    /// A delivery by its id.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn delivery(&self, id: &DeliveryId) -> Result<Option<DeliveryRow>> {
        self.one(by_id(id)).await
    }
}

impl Edit {
    /// Gives up all that waits for a webhook. Answers how many that were.
    ///
    /// # Errors
    /// Those that are [`crate::Error::is_unavailable`].
    pub async fn give_up_deliveries(
        &mut self,
        webhook: &WebhookId,
        why: &str,
        at: UnixMs,
    ) -> Result<u64> {
        let update = query(
            "UPDATE webhook_delivery SET state = 'given_up', error = ?2, done_at = ?3 \
             WHERE webhook_id = ?1 AND state = 'pending'",
        );
        self.work.execute(update.bind(webhook.text()).bind(why).bind(at.0)).await
    }

    /// Owes a delivery once more, as a new one about the same event.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`].
    pub async fn redeliver(
        &mut self,
        id: &DeliveryId,
        new: DeliveryId,
        at: UnixMs,
    ) -> Result<DeliveryRow> {
        let old: DeliveryRow = self.work.must(by_id(id), WHAT).await?;
        let again = NewDelivery {
            id: new,
            webhook_id: old.webhook_id,
            event_id: old.event_id,
            stream: old.stream,
            body: old.body,
            next_at: at,
            created_at: at,
        };
        insert(&mut self.work, &again).await?;
        bound(&mut self.work, at).await?;
        self.work.must(by_id(&new), WHAT).await
    }
}
