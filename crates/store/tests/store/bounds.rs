//! Events: order, filters, bounds.

use crate::fixture::{AT, Fixture};
use manycast_store::{EVENTS_DAYS, EVENTS_MAX, Error, EventFilter, NewEvent, PageRequest, UnixMs};
use std::time::Duration;

fn event(kind: &str, stream: Option<&str>) -> NewEvent {
    NewEvent {
        at: AT,
        kind: kind.to_owned(),
        stream: stream.map(str::to_owned),
        destination: None,
        actor: None,
        address: None,
        severity: "info".to_owned(),
        text: "It happened.".to_owned(),
        data: "{}".to_owned(),
    }
}

#[tokio::test]
async fn events_are_numbered_filtered_and_paged() {
    let f = Fixture::new().await;
    assert_eq!(f.last_event_id().await.unwrap(), 0);
    let new = [
        event("stream.started", Some("a")),
        event("destination.live", Some("a")),
        NewEvent { destination: Some("yt".into()), ..event("destination.failing", Some("b")) },
        event("streaming", None),
    ];
    assert_eq!(f.insert_events(&new).await.unwrap(), [1, 2, 3, 4]);
    assert_eq!(f.insert_events(&[]).await.unwrap(), [0; 0]);
    let wrong = NewEvent { severity: "bad".into(), ..event("x", None) };
    assert!(matches!(
        f.insert_events(&[event("x", None), wrong]).await,
        Err(Error::Invalid { .. })
    ));
    assert_eq!(f.last_event_id().await.unwrap(), 4);
    let of = async |kind: Option<&str>, stream: Option<&str>, destination: Option<&str>| {
        let own = |t: Option<&str>| t.map(str::to_owned);
        let filter =
            EventFilter { kind: own(kind), stream: own(stream), destination: own(destination) };
        let page = f.events(filter, PageRequest::default()).await.unwrap();
        page.items.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(of(None, None, None).await, [4, 3, 2, 1]);
    assert_eq!(of(Some("stream."), None, None).await, [1]);
    assert_eq!(of(Some("destination."), Some("a"), None).await, [2]);
    assert_eq!(of(Some("destination"), None, None).await, [0; 0]);
    assert_eq!(of(Some("streaming"), None, None).await, [4]);
    assert_eq!(of(None, Some("b"), Some("yt")).await, [3]);
    let ask = PageRequest { limit: 3, after: None };
    let page = f.events(EventFilter::default(), ask.clone()).await.unwrap();
    assert_eq!(page.next.as_deref(), Some("2"));
    let rest = f.events(EventFilter::default(), PageRequest { after: page.next, ..ask }).await;
    assert_eq!(rest.unwrap().items[0].event, new[0]);
    let after = f.events_after(2, 1).await.unwrap();
    assert_eq!((after.len(), after[0].id), (1, 3));
    let bent = PageRequest { limit: 1, after: Some("x".into()) };
    assert_eq!(f.events(EventFilter::default(), bent).await.unwrap_err(), Error::BadCursor);
}

#[tokio::test]
async fn events_are_bounded_in_number_and_age_and_numbers_never_come_again() {
    let f = Fixture::new().await;
    let many = vec![event("viewer.count", None); 20_000];
    for _ in 0..6 {
        f.insert_events(&many).await.unwrap();
    }
    let last = f.last_event_id().await.unwrap();
    assert_eq!(last, 120_000);
    assert_eq!(f.events_after(0, 1).await.unwrap()[0].id, last - EVENTS_MAX + 1);
    let size = f.size().await;
    assert!(size < 40_000_000, "{size} bytes");
    let days = |n: u64| AT.plus(Duration::from_secs(n * 86_400));
    assert_eq!(f.prune(days(EVENTS_DAYS)).await.unwrap().events, 0);
    let gone = f.prune(UnixMs(days(EVENTS_DAYS).0 + 1)).await.unwrap().events;
    assert_eq!(gone, EVENTS_MAX.unsigned_abs());
    assert_eq!(f.insert_events(&many[..1]).await.unwrap(), [last + 1]);
}
