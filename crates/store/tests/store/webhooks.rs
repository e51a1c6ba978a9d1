//! Webhooks and what is owed to them.

use crate::fixture::{AT, Fixture, secret, webhook};
use manycast_store::{
    DELIVERIES_MAX, DeliveryId, DeliveryOutcome, DeliveryRow, Error, Kept, NewDelivery,
    PageRequest, UnixMs, WebhookEdit, WebhookId, WebhookRow,
};
use std::time::Duration;

async fn made(f: &Fixture, name: &str) -> WebhookRow {
    let mut edit = f.edit().await;
    let row = edit.create_webhook(webhook(name)).await.unwrap();
    edit.commit().await.unwrap();
    row
}

fn owed(webhook: WebhookId, stream: Option<&str>, event: &str) -> NewDelivery {
    NewDelivery {
        id: DeliveryId::new(),
        webhook_id: webhook,
        event_id: event.to_owned(),
        stream: stream.map(str::to_owned),
        body: format!("{{\"id\":\"{event}\"}}"),
        next_at: AT,
        created_at: AT,
    }
}

fn outcome(state: &str, next_at: Option<UnixMs>) -> DeliveryOutcome {
    DeliveryOutcome {
        attempt: 1,
        state: state.to_owned(),
        next_at,
        status: Some(500),
        error: None,
        answer: Some("no".to_owned()),
        at: AT,
    }
}

fn events(rows: &[DeliveryRow]) -> String {
    rows.iter().map(|row| row.event_id.as_str()).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_webhook_is_edited_and_its_secret_changed_for_another() {
    let f = Fixture::new().await;
    let hook = made(&f, "ops").await;
    assert_eq!(hook.secret, Kept::Secret(secret("canary-webhook")));
    let mut edit = f.edit().await;
    let change = WebhookEdit {
        secret: Some(secret("new")),
        old_secret: Some(hook.secret.secret().cloned()),
        old_until: Some(Some(AT)),
        streams: Some(vec!["main".into()]),
        ..WebhookEdit::default()
    };
    let edited = edit.edit_webhook(&hook.id, Some(1), change).await.unwrap();
    assert_eq!(edited.secret.secret(), Some(&secret("new")));
    assert_eq!(edited.old_secret.secret(), Some(&secret("canary-webhook")));
    assert_eq!((edited.version, edited.old_until), (2, Some(AT)));
    assert_eq!((edited.events, edited.streams), (hook.events, vec!["main".to_owned()]));
    let off = WebhookEdit {
        old_secret: Some(None),
        enabled: Some(false),
        name: Some("Ops".into()),
        ..WebhookEdit::default()
    };
    let edited = edit.edit_webhook(&hook.id, Some(2), off).await.unwrap();
    assert!(!edited.old_secret.is_set() && !edited.enabled);
    let taken = edit.create_webhook(webhook("OPS")).await.unwrap_err();
    assert_eq!(taken, Error::NameTaken { what: "webhook", name: "OPS".into() });
    edit.commit().await.unwrap();
    let mut edit = f.edit().await;
    edit.delete_webhook(&hook.id, Some(3)).await.unwrap();
    edit.commit().await.unwrap();
    assert!(f.webhooks().await.unwrap().is_empty());
}

#[tokio::test]
async fn k7_deliveries_of_a_stream_go_in_order_and_others_do_not_wait() {
    let f = Fixture::new().await;
    let (one, two) = (made(&f, "one").await.id, made(&f, "two").await.id);
    let new = [
        owed(one, Some("main"), "1"),
        owed(one, Some("main"), "2"),
        owed(one, Some("other"), "3"),
        owed(two, Some("main"), "4"),
        owed(one, None, "5"),
        owed(one, None, "6"),
        owed(WebhookId::new(), None, "of nobody"),
    ];
    assert_eq!(f.next_delivery_at().await.unwrap(), None);
    assert_eq!(f.enqueue_deliveries(&new).await.unwrap(), 0);
    assert_eq!(f.next_delivery_at().await.unwrap(), Some(AT));
    assert!(f.due_deliveries(UnixMs(AT.0 - 1), 9).await.unwrap().is_empty());
    assert_eq!(events(&f.due_deliveries(AT, 9).await.unwrap()), "1 3 4 5");
    assert_eq!(events(&f.due_deliveries(AT, 2).await.unwrap()), "1 3");

    let later = AT.plus(Duration::from_secs(5));
    f.finish_delivery(&new[0].id, outcome("pending", Some(later))).await.unwrap();
    assert_eq!(events(&f.due_deliveries(AT, 9).await.unwrap()), "3 4 5");
    assert_eq!(events(&f.due_deliveries(later, 9).await.unwrap()), "1 3 4 5");
    f.finish_delivery(&new[0].id, outcome("delivered", None)).await.unwrap();
    f.finish_delivery(&new[4].id, outcome("failed", None)).await.unwrap();
    assert_eq!(events(&f.due_deliveries(AT, 9).await.unwrap()), "2 3 4 6");
    let done = f.delivery(&new[0].id).await.unwrap().unwrap();
    assert_eq!(
        (done.state.as_str(), done.status, done.done_at),
        ("delivered", Some(500), Some(AT))
    );
    f.finish_delivery(&new[0].id, outcome("pending", None)).await.unwrap();
    assert_eq!(f.delivery(&new[0].id).await.unwrap().unwrap().state, "delivered");

    let mut edit = f.edit().await;
    let off = WebhookEdit { enabled: Some(false), ..WebhookEdit::default() };
    edit.edit_webhook(&two, None, off).await.unwrap();
    let again = edit.redeliver(&new[0].id, DeliveryId::new(), later).await.unwrap();
    edit.commit().await.unwrap();
    assert_eq!((again.event_id.as_str(), again.state.as_str(), again.attempt), ("1", "pending", 0));
    assert_eq!(again.body, done.body);
    assert_eq!(events(&f.due_deliveries(later, 9).await.unwrap()), "2 3 6");
    assert_eq!(f.pending_deliveries().await.unwrap(), 5);
    let ask = PageRequest { limit: 3, after: None };
    let page = f.deliveries(&one, ask.clone()).await.unwrap();
    assert_eq!(events(&page.items), "1 6 5");
    let rest = f.deliveries(&one, PageRequest { after: page.next, ..ask }).await.unwrap();
    assert_eq!((events(&rest.items), rest.next), ("3 2 1".to_owned(), None));
}

#[tokio::test]
async fn k7_ten_thousand_wait_and_the_oldest_beyond_are_dropped_and_shown() {
    let f = Fixture::new().await;
    let hook = made(&f, "ops").await.id;
    let many = |n: i64| (0..n).map(|i| owed(hook, None, &i.to_string())).collect::<Vec<_>>();
    assert_eq!(f.enqueue_deliveries(&many(DELIVERIES_MAX)).await.unwrap(), 0);
    assert_eq!(f.enqueue_deliveries(&many(3)).await.unwrap(), 3);
    assert_eq!(f.pending_deliveries().await.unwrap(), DELIVERIES_MAX.unsigned_abs());
    assert_eq!(events(&f.due_deliveries(AT, 9).await.unwrap()), "3");
    let last = PageRequest { limit: 3, after: Some("4".to_owned()) };
    let oldest = f.deliveries(&hook, last).await.unwrap().items;
    assert!(oldest.iter().all(|d| d.state == "dropped" && d.error.is_some()), "{oldest:?}");
    assert_eq!(oldest.len(), 3);
    let later = AT.plus(Duration::from_secs(91 * 86_400));
    assert_eq!(f.prune(later).await.unwrap().deliveries, 3);
}
