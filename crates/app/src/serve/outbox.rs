//! The queue of webhooks, kept in the database.
//!
//! Belongs here: which webhook wants what, and the translation of rows. Must not come here: SQL
//! (`store`), when something is sent (`webhook`).

use manycast_store::{
    AuditEntry, DeliveryId, DeliveryOutcome, DeliveryRow, Error, NewDelivery, Store, UnixMs,
    WebhookEdit, WebhookId, WebhookRow,
};
use manycast_webhook::{
    Ask, Attempt, Delivery, Due, Endpoint, Filed, Message, Queue, QueueError, Receiver, Secrets,
    SigningSecret, Verdict, Work,
};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

/// Rows that are looked at first; more only if none of them can be sent.
const LOOK: u32 = 64;
/// When it is looked again while something is due that could not be begun.
const AGAIN: Duration = Duration::from_secs(1);
/// How far off a row is that must not be sent.
const NEVER: Duration = Duration::from_secs(24 * 3_600);

/// Why what waited is not sent.
const GONE: &str =
    "not sent: the receiver answered 410 to the message before, so the webhook was disabled";

/// What is owed to webhooks.
#[derive(Clone, Debug)]
pub(super) struct Outbox {
    store: Store,
    /// Whoever files a message, or disables a webhook: otherwise one could be filed for a webhook
    /// that was disabled a moment ago, and wait for ever.
    turn: Arc<Mutex<()>>,
}

impl Outbox {
    /// The queue of this database.
    pub(super) fn new(store: Store) -> Self {
        Self { store, turn: Arc::default() }
    }

    async fn owe(&self, message: &Message, now: SystemTime) -> Result<Filed, Error> {
        let _turn = self.turn.lock().await;
        let hooks = self.store.webhooks().await?;
        let wanted = hooks.iter().filter(|hook| wants(hook, message));
        let new: Vec<_> = wanted.map(|hook| owed(hook.id, message, now.into())).collect();
        let dropped = self.store.enqueue_deliveries(&new).await?;
        Ok(Filed { queued: new.len(), dropped: usize::try_from(dropped).unwrap_or(usize::MAX) })
    }

    async fn begin(&self, ask: Ask<'_>) -> Result<Due, Error> {
        let now = UnixMs::from(ask.now);
        let mut limit = LOOK;
        let rows = loop {
            let rows = self.store.due_deliveries(now, limit).await?;
            let all = rows.len() < usize::try_from(limit).unwrap_or(usize::MAX);
            let chosen = choose(rows, &ask);
            if all || !chosen.is_empty() || limit > 10_000 {
                break chosen;
            }
            limit *= 4;
        };
        let next_at = self.store.next_delivery_at().await?;
        let next_at = next_at.map(|at| if at > now { at } else { now.plus(AGAIN) }.system());
        if rows.is_empty() {
            return Ok(Due { deliveries: Vec::new(), next_at });
        }
        let hooks = self.store.webhooks().await?;
        let receivers: HashMap<_, _> =
            hooks.iter().map(|hook| (hook.id, receiver(hook, now))).collect();
        let known = |row: DeliveryRow| {
            let receiver = receivers.get(&row.webhook_id)?.clone();
            Some(delivery(row, receiver))
        };
        Ok(Due { deliveries: rows.into_iter().filter_map(known).collect(), next_at })
    }

    async fn finish(&self, id: &str, attempt: &Attempt, verdict: Verdict) -> Result<u64, Error> {
        let Some(id) = DeliveryId::parse(id) else { return Ok(0) };
        let (state, next_at) = match verdict {
            Verdict::Delivered => ("delivered", None),
            Verdict::Retry { next_at } => ("pending", Some(next_at.into())),
            Verdict::GaveUp | Verdict::Gone => ("failed", None),
        };
        self.store.finish_delivery(&id, outcome(attempt, state, next_at)).await?;
        match self.store.delivery(&id).await? {
            Some(row) if verdict == Verdict::Gone => self.disable(row.webhook_id).await,
            _ => Ok(0),
        }
    }

    /// The receiver said that it wants nothing any more: what waits for it is given up. Answers how
    /// much that was.
    async fn disable(&self, id: WebhookId) -> Result<u64, Error> {
        let _turn = self.turn.lock().await;
        let Some(hook) = self.store.webhook(&id).await?.filter(|hook| hook.enabled) else {
            return Ok(0);
        };
        tracing::warn!(webhook = hook.name, "disabled: its receiver answered 410");
        let now = UnixMs::now();
        let entry = AuditEntry::new(now, "system", "webhooks", "webhook.disable", &hook.name);
        let mut edit = self.store.edit(entry).await?;
        let off = WebhookEdit { enabled: Some(false), ..WebhookEdit::default() };
        match edit.edit_webhook(&id, None, off).await {
            // deleted a moment ago
            Err(Error::NotFound { .. }) => Ok(0),
            done => {
                done?;
                let others = edit.give_up_deliveries(&id, GONE, now).await?;
                edit.commit().await?;
                Ok(others)
            }
        }
    }

    async fn again(&self, id: &str, now: SystemTime) -> Result<bool, Error> {
        let Some(id) = DeliveryId::parse(id) else { return Ok(false) };
        let Some(old) = self.store.delivery(&id).await? else { return Ok(false) };
        let now = now.into();
        let new = NewDelivery {
            id: DeliveryId::new(),
            webhook_id: old.webhook_id,
            event_id: old.event_id,
            stream: old.stream,
            body: old.body,
            next_at: now,
            created_at: now,
        };
        self.store.enqueue_deliveries(&[new]).await?;
        Ok(true)
    }

    /// A row that is over: it is made where nobody sends it, and finished.
    async fn note(&self, id: &str, message: &Message, attempt: &Attempt) -> Result<(), Error> {
        let Some(id) = WebhookId::parse(id) else { return Ok(()) };
        let mut row = owed(id, message, attempt.at.into());
        row.next_at = row.created_at.plus(NEVER);
        let delivery = row.id;
        self.store.enqueue_deliveries(&[row]).await?;
        let state = if attempt.error.is_none() { "delivered" } else { "failed" };
        self.store.finish_delivery(&delivery, outcome(attempt, state, None)).await
    }
}

/// The lists of a webhook name what it wants; an empty one names all.
fn wants(hook: &WebhookRow, message: &Message) -> bool {
    let kind = hook.events.is_empty() || hook.events.iter().any(|kind| kind == message.kind);
    let of = |stream: &String| hook.streams.iter().any(|name| name == stream);
    hook.enabled && kind && (hook.streams.is_empty() || message.stream.as_ref().is_some_and(of))
}

fn owed(webhook_id: WebhookId, message: &Message, now: UnixMs) -> NewDelivery {
    NewDelivery {
        id: DeliveryId::new(),
        webhook_id,
        event_id: message.id.clone(),
        stream: message.stream.clone(),
        body: message.body.to_string(),
        next_at: now,
        created_at: now,
    }
}

/// Of what is due, what there is room for.
fn choose(rows: Vec<DeliveryRow>, ask: &Ask<'_>) -> Vec<DeliveryRow> {
    let mut busy = HashMap::<String, usize>::new();
    for one in ask.under_way {
        *busy.entry(one.webhook.clone()).or_default() += 1;
    }
    let mut chosen = Vec::new();
    for row in rows {
        let id = row.id.to_string();
        if chosen.len() >= ask.most || ask.under_way.iter().any(|one| one.delivery == id) {
            continue;
        }
        let busy = busy.entry(row.webhook_id.to_string()).or_default();
        if *busy < ask.per_webhook {
            *busy += 1;
            chosen.push(row);
        }
    }
    chosen
}

/// Where a webhook's messages go at `now`, or why they cannot.
fn receiver(hook: &WebhookRow, now: UnixMs) -> Result<Receiver, String> {
    let unreadable = || "the webhook's secret cannot be read: replace it".to_owned();
    let read = |secret: &manycast_hub::Secret| SigningSecret::parse(secret.expose()).ok();
    let current = hook.secret.secret().and_then(read).ok_or_else(unreadable)?;
    let holds = hook.old_until.is_some_and(|until| until > now);
    let old = hook.old_secret.secret().filter(|_| holds).and_then(read);
    let endpoint = Endpoint::parse(&hook.url);
    Ok(Receiver { endpoint, secrets: Secrets { current, old } })
}

fn delivery(row: DeliveryRow, receiver: Result<Receiver, String>) -> Delivery {
    Delivery {
        id: row.id.to_string(),
        webhook: row.webhook_id.to_string(),
        event_id: row.event_id,
        body: row.body.into(),
        attempts: row.attempt,
        receiver,
    }
}

fn outcome(attempt: &Attempt, state: &str, next_at: Option<UnixMs>) -> DeliveryOutcome {
    DeliveryOutcome {
        attempt: attempt.number,
        state: state.to_owned(),
        next_at,
        status: attempt.status,
        error: attempt.error.clone(),
        answer: attempt.status.map(|_| attempt.answer.clone()),
        at: attempt.at.checked_add(attempt.took).unwrap_or(attempt.at).into(),
    }
}

fn failed(error: Error) -> QueueError {
    QueueError(error.to_string())
}

impl Queue for Outbox {
    fn file<'a>(&'a self, message: &'a Message, now: SystemTime) -> Work<'a, Filed> {
        Box::pin(async move { self.owe(message, now).await.map_err(failed) })
    }

    fn due<'a>(&'a self, ask: Ask<'a>) -> Work<'a, Due> {
        Box::pin(async move { self.begin(ask).await.map_err(failed) })
    }

    fn settle<'a>(
        &'a self,
        delivery: &'a str,
        attempt: &'a Attempt,
        verdict: Verdict,
    ) -> Work<'a, u64> {
        Box::pin(async move { self.finish(delivery, attempt, verdict).await.map_err(failed) })
    }

    fn redeliver<'a>(&'a self, delivery: &'a str, now: SystemTime) -> Work<'a, bool> {
        Box::pin(async move { self.again(delivery, now).await.map_err(failed) })
    }

    fn log<'a>(
        &'a self,
        webhook: &'a str,
        message: &'a Message,
        attempt: &'a Attempt,
    ) -> Work<'a, ()> {
        Box::pin(async move { self.note(webhook, message, attempt).await.map_err(failed) })
    }
}

#[cfg(test)]
mod tests;
