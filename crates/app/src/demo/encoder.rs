//! The encoder of the demo: `manycast publish` with the clip inside the program, and a count of
//! every frame that it sends.

use super::reel;
use crate::publish::{Feed, Meter, Outgoing, pace};
use crate::tool::{Endpoint, Failure, loopback_settings};
use manycast_hub::LinkEnd;
use manycast_net_rtmp::Sender;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long its goodbye may take.
const GOODBYE: Duration = Duration::from_secs(3);

/// What the encoder is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    Send,
    /// Send nothing more, and stay.
    Hold,
    Leave,
}

/// The encoder while it runs.
pub(super) struct Encoder {
    order: watch::Sender<Order>,
    task: JoinHandle<Result<(), Failure>>,
}

impl Encoder {
    /// Connects and begins to send. `sent` counts frames, each before it is sent.
    pub(super) async fn start(endpoint: &Endpoint, sent: Arc<AtomicU64>) -> Result<Self, Failure> {
        let sender = Sender::connect(&loopback_settings()?, &endpoint.address).await?;
        let (order, orders) = watch::channel(Order::Send);
        let task = tokio::spawn(encode(Counted { sender, sent }, orders));
        Ok(Self { order, task })
    }

    /// Whether it ended by itself, which it never should.
    pub(super) fn is_broken(&self) -> bool {
        self.task.is_finished()
    }

    /// From now on nothing more is sent; the connection stays.
    pub(super) fn hold(&self) {
        self.order.send_replace(Order::Hold);
    }

    /// Says goodbye in order. Returns why it ended if it had already.
    pub(super) async fn leave(self) -> Result<(), Failure> {
        self.order.send_replace(Order::Leave);
        match tokio::time::timeout(GOODBYE, self.task).await {
            Ok(Ok(result)) => result,
            Ok(Err(defect)) => Err(Failure::failed(format!("the encoder: {defect}"))),
            Err(_) => Ok(()),
        }
    }
}

struct Counted {
    sender: Sender,
    sent: Arc<AtomicU64>,
}

impl Feed for Counted {
    async fn send(&mut self, message: Outgoing) -> Result<(), LinkEnd> {
        self.sent.fetch_add(u64::from(message.frame), Ordering::AcqRel);
        Feed::send(&mut self.sender, message).await
    }

    async fn idle(&mut self, time: Duration) -> Result<(), LinkEnd> {
        self.sender.idle(time).await
    }
}

async fn encode(mut feed: Counted, mut orders: watch::Receiver<Order>) -> Result<(), Failure> {
    let mut clip = reel::open(true).await?;
    let meter = Meter::default();
    tokio::select! {
        ended = pace(&mut clip, &mut feed, &meter) => ended?,
        _ = orders.wait_for(|order| *order >= Order::Hold) => {}
    }
    let leave = async {
        let _ = orders.wait_for(|order| *order == Order::Leave).await;
    };
    tokio::select! {
        ended = feed.idle(Duration::from_secs(3600)) => ended?,
        () = leave => {}
    }
    feed.sender.close().await;
    Ok(())
}
