//! One Delivery over RTMP or RTMPS.

use super::conn::{Address, ClientConn, ClientSettings, verdict};
use super::fault;
use super::relay::{Relay, Relays};
use crate::conn::now;
use crate::egress::Egress;
use manycast_hub::{
    Fault, Item, Link, LinkEnd, LinkMonitor, Progress, Running, Stage, Stop, Subscriber, Target,
};
use manycast_rtmp::session::{ClientEvent, ClientRole, Stage as Greeting};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior};

/// Most items written at once.
const BATCH: usize = 64;
/// How often the state of the connection is looked at.
const REPORT: Duration = Duration::from_millis(250);

/// Carries Streams to RTMP and RTMPS addresses.
#[derive(Clone)]
pub struct RtmpLink {
    settings: ClientSettings,
    relays: Arc<Relays>,
}

impl RtmpLink {
    /// A link that dials with these settings.
    #[must_use]
    pub fn new(settings: ClientSettings) -> Self {
        Self { settings, relays: Arc::default() }
    }
}

impl Link for RtmpLink {
    fn deliver(
        &self,
        target: Target,
        source: Subscriber,
        monitor: Arc<LinkMonitor>,
        stop: Stop,
    ) -> Running {
        let (settings, relays) = (self.settings.clone(), self.relays.clone());
        Box::pin(async move {
            let address = match Address::with_key(&target.url, target.key.expose()) {
                Ok(address) => address,
                Err(end) => return end,
            };
            let mut stopped = stop.clone();
            let reach = |stage| monitor.reach(stage);
            let opened = tokio::select! {
                opened = ClientConn::open(&settings, &address, ClientRole::Publish, reach) => opened,
                () = stopped.ordered() => return fault::end(Fault::None, "stopped"),
            };
            match opened {
                Ok(conn) => {
                    let relay = relays.of(source.stream());
                    Delivery::new(conn, source, monitor, relay).run(stop).await
                }
                Err(end) => end,
            }
        })
    }
}

struct Delivery {
    conn: ClientConn,
    source: Subscriber,
    monitor: Arc<LinkMonitor>,
    relay: Arc<Relay>,
    egress: Egress,
    accepted: bool,
    items: Vec<Item>,
    report: Interval,
}

enum Turn {
    Event(ClientEvent),
    Ready,
    Report,
    Stop,
}

impl Delivery {
    fn new(
        conn: ClientConn,
        source: Subscriber,
        monitor: Arc<LinkMonitor>,
        relay: Arc<Relay>,
    ) -> Self {
        let mut report = tokio::time::interval(REPORT);
        report.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            conn,
            source,
            monitor,
            relay,
            egress: Egress::delivery(),
            accepted: false,
            items: Vec::new(),
            report,
        }
    }

    async fn run(mut self, mut stop: Stop) -> LinkEnd {
        // Kept over all turns: to register with it anew for each picture would cost more than to
        // write the picture's headers.
        let mut stop = std::pin::pin!(stop.ordered());
        loop {
            let feeding = self.accepted && self.conn.is_clear();
            let turn = tokio::select! {
                event = self.conn.event() => match event {
                    Ok(event) => Turn::Event(event),
                    Err(end) => return end,
                },
                () = self.relay.ready(&self.source), if feeding => Turn::Ready,
                _ = self.report.tick() => Turn::Report,
                () = &mut stop => Turn::Stop,
            };
            let result = match turn {
                Turn::Event(event) => self.event(&event),
                Turn::Ready => self.feed(),
                Turn::Report => {
                    self.report();
                    // The socket may have taken all meanwhile.
                    self.conn.flush()
                }
                Turn::Stop => {
                    self.conn.close().await;
                    return fault::end(Fault::None, "stopped");
                }
            };
            if let Err(end) = result {
                return end;
            }
            if self.source.is_ended() {
                self.conn.close().await;
                return fault::end(Fault::None, "the stream was removed");
            }
        }
    }

    fn event(&mut self, event: &ClientEvent) -> Result<(), LinkEnd> {
        if let Some(end) = verdict(event, self.accepted) {
            return Err(end);
        }
        match event {
            ClientEvent::Stage(Greeting::Connected) => self.monitor.reach(Stage::Publishing),
            ClientEvent::Publishing => {
                self.accepted = true;
                self.source.rejoin(now());
                self.monitor.reach(Stage::Accepted);
            }
            _ => {}
        }
        Ok(())
    }

    /// Writes what is new, as much as the connection takes; the rest waits in the Stream's Window.
    fn feed(&mut self) -> Result<(), LinkEnd> {
        loop {
            self.items.clear();
            let more = self.source.read(now(), BATCH, &mut self.items);
            let mut messages = Vec::new();
            let mut frames = 0;
            for item in &self.items {
                frames += self.egress.item(item, &mut messages);
                if let Item::Skipped { frames, gops } = item {
                    self.monitor.skipped(*frames, *gops);
                }
            }
            let mut bytes = 0;
            for message in messages {
                bytes += self.conn.send(message.kind, message.timestamp, message.body) as u64;
            }
            self.monitor.sent(frames, bytes);
            self.conn.flush()?;
            if !more || !self.conn.is_clear() {
                return Ok(());
            }
        }
    }

    fn report(&self) {
        let info = manycast_sys::tcp_info(self.conn.transport().tcp()).ok();
        let unsent = info.and_then(|info| info.notsent_bytes).map_or(0, u64::from);
        let lag = if self.accepted { self.source.lag(now()).0 } else { Duration::ZERO };
        self.monitor.report(Progress {
            unacked_bytes: info.map_or(0, |i| i.unacked_bytes)
                + unsent
                + self.conn.waiting() as u64,
            acked_bytes: info.map_or(0, |i| i.bytes_acked),
            rtt: info.map_or(Duration::ZERO, |i| i.rtt),
            lag: lag.min(Duration::from_secs(3600)),
        });
    }
}
