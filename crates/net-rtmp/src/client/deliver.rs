//! One Delivery over RTMP or RTMPS.
//!
//! The task below greets, listens and says goodbye; the pictures are written by a thread of the
//! fan-out, in one pass with those of all other Deliveries.

use super::conn::{Address, ClientConn, ClientSettings, verdict};
use super::fault;
use crate::conn::SocketSink;
use crate::egress::{Egress, Outgoing};
use bytes::Bytes;
use manycast_fanout::{Fanout, ViewerEnd, ViewerStats, Writer};
use manycast_hub::{
    Fault, Item, Link, LinkEnd, LinkMonitor, Progress, Running, Stage, Stop, Subscriber, Target,
};
use manycast_rtmp::session::{ClientEvent, ClientRole, MediaWriter, Stage as Greeting};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, Interval, MissedTickBehavior};

/// How often the state of a connection is looked at. All Deliveries do it at the same moment: fifty
/// tasks that wake together cost a fraction of fifty that wake one by one.
const REPORT: Duration = Duration::from_millis(500);

/// Carries Streams to RTMP and RTMPS addresses.
#[derive(Clone)]
pub struct RtmpLink {
    settings: ClientSettings,
    fanout: Arc<Fanout>,
    /// Reports are made at whole multiples of [`REPORT`] after this.
    epoch: Instant,
}

impl RtmpLink {
    /// A link that dials with these settings and has its pictures written by `fanout`.
    #[must_use]
    pub fn new(settings: ClientSettings, fanout: Arc<Fanout>) -> Self {
        Self { settings, fanout, epoch: Instant::now() }
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
        let Self { settings, fanout, epoch } = self.clone();
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
                Ok(conn) => Delivery::new(conn, source, monitor, fanout, epoch).run(stop).await,
                Err(end) => end,
            }
        })
    }
}

/// Writes a Stream's items as one Delivery's messages.
pub(crate) struct DeliveryWriter {
    egress: Egress,
    writer: MediaWriter,
    messages: Vec<Outgoing>,
}

impl DeliveryWriter {
    pub(crate) fn new(writer: MediaWriter) -> Self {
        Self { egress: Egress::delivery(), writer, messages: Vec::new() }
    }
}

impl Writer for DeliveryWriter {
    fn write(&mut self, item: &Item, out: &mut Vec<Bytes>) -> u64 {
        let frames = self.egress.item(item, &mut self.messages);
        for message in self.messages.drain(..) {
            self.writer.write(message.kind, message.timestamp, message.body, out);
        }
        frames
    }
}

struct Delivery {
    conn: ClientConn,
    source: Subscriber,
    monitor: Arc<LinkMonitor>,
    fanout: Arc<Fanout>,
    /// What the monitor was told of already.
    told: ViewerStats,
    /// Resolves when the fan-out no longer writes.
    ended: Pin<Box<dyn Future<Output = ViewerEnd> + Send>>,
    accepted: bool,
    report: Interval,
}

enum Turn {
    Event(ClientEvent),
    Ended(ViewerEnd),
    Report,
    Stop,
}

impl Delivery {
    fn new(
        conn: ClientConn,
        source: Subscriber,
        monitor: Arc<LinkMonitor>,
        fanout: Arc<Fanout>,
        epoch: Instant,
    ) -> Self {
        let now = Instant::now();
        let since = now.duration_since(epoch).as_millis() % REPORT.as_millis();
        let to_next = REPORT.saturating_sub(Duration::from_millis(since.try_into().unwrap_or(0)));
        let mut report = tokio::time::interval_at(now + to_next, REPORT);
        report.set_missed_tick_behavior(MissedTickBehavior::Skip);
        Self {
            ended: Box::pin(conn.fanout_ended()),
            conn,
            source,
            monitor,
            fanout,
            told: ViewerStats::default(),
            accepted: false,
            report,
        }
    }

    async fn run(mut self, mut stop: Stop) -> LinkEnd {
        let end = self.deliver(&mut stop).await;
        self.report();
        if end.fault == Fault::None {
            self.conn.close().await;
        }
        end
    }

    async fn deliver(&mut self, stop: &mut Stop) -> LinkEnd {
        loop {
            let turn = tokio::select! {
                event = self.conn.event() => match event {
                    Ok(event) => Turn::Event(event),
                    Err(end) => return end,
                },
                end = &mut self.ended => Turn::Ended(end),
                _ = self.report.tick() => Turn::Report,
                () = stop.ordered() => Turn::Stop,
            };
            match turn {
                Turn::Event(event) => {
                    if let Some(end) = verdict(&event, self.accepted) {
                        return end;
                    }
                    self.event(&event);
                }
                Turn::Report => self.report(),
                Turn::Stop => return fault::end(Fault::None, "stopped"),
                Turn::Ended(ViewerEnd::Broken(kind)) => return fault::io(&io::Error::from(kind)),
                Turn::Ended(_) => return fault::end(Fault::None, "the stream was removed"),
            }
        }
    }

    fn event(&mut self, event: &ClientEvent) {
        match event {
            ClientEvent::Stage(Greeting::Connected) => self.monitor.reach(Stage::Publishing),
            ClientEvent::Publishing => self.begin(),
            _ => {}
        }
    }

    /// The far end takes the Stream: from now on the fan-out writes.
    fn begin(&mut self) {
        let Some(writer) = self.conn.media_writer() else { return };
        let writer = Box::new(DeliveryWriter::new(writer));
        let sink = Arc::new(SocketSink(self.conn.transport().clone()));
        let (stream, bounds) = (self.source.stream().clone(), self.source.bounds());
        let fanout = &self.fanout;
        self.conn.lend(|rest| fanout.join_alone(stream, writer, sink, rest, bounds));
        self.ended = Box::pin(self.conn.fanout_ended());
        self.accepted = true;
        self.monitor.reach(Stage::Accepted);
    }

    fn report(&mut self) {
        let stats = self.conn.lent().unwrap_or_default();
        let told = std::mem::replace(&mut self.told, stats);
        self.monitor.sent(stats.frames - told.frames, stats.sent - told.sent);
        self.monitor.skipped(
            stats.skipped_frames - told.skipped_frames,
            stats.skipped_gops - told.skipped_gops,
        );
        let info = manycast_sys::tcp_info(self.conn.transport().tcp()).ok();
        let unsent = info.and_then(|info| info.notsent_bytes).map_or(0, u64::from);
        self.monitor.report(Progress {
            unacked_bytes: info.map_or(0, |i| i.unacked_bytes)
                + unsent
                + self.conn.waiting() as u64,
            acked_bytes: info.map_or(0, |i| i.bytes_acked),
            rtt: info.map_or(Duration::ZERO, |i| i.rtt),
            lag: stats.lag.min(Duration::from_secs(3600)),
        });
    }
}
