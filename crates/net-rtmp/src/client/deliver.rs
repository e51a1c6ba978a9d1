//! One Delivery over RTMP or RTMPS.
//!
//! The task below greets, listens and says goodbye; the pictures are written by a thread of the
//! fan-out, in one pass with those of all other Deliveries.

use super::conn::{Address, ClientConn, ClientSettings, Farewell};
use super::fault;
use super::login::{self, Approach};
use super::writer::DeliveryWriter;
use manycast_fanout::{Fanout, ViewerEnd, ViewerStats};
use manycast_flv::FourCc;
use manycast_hub::{
    Fault, Link, LinkEnd, LinkMonitor, Progress, Running, Stage, Stop, Subscriber, Target,
};
use manycast_media::{Codec, TrackKind, TrackSet};
use manycast_rtmp::command::StreamKeyText;
use manycast_rtmp::session::{ClientEvent, ClientRole, Stage as Greeting};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, Interval, MissedTickBehavior};

/// How often the state of a connection is looked at. All Deliveries do it at the same moment: fifty
/// tasks that wake together cost a fraction of fifty that wake one by one.
const REPORT: Duration = Duration::from_millis(500);

/// How long what came before an order to stop may take to be written.
const LAST_PICTURES: Duration = Duration::from_millis(500);

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
            let address = match address(&target) {
                Ok(address) => address,
                Err(end) => return end,
            };
            let enhanced = needs_more(&source.stream().tracks());
            let (role, announce) = (ClientRole::Publish, target.announce);
            let settings = &settings;
            let approach = Approach { settings, address: &address, role, announce, enhanced };
            let mut stopped = stop.clone();
            let reach = |stage| monitor.reach(stage);
            let opened = tokio::select! {
                opened = approach.open(reach) => opened,
                () = stopped.ordered() => return fault::end(Fault::None, "stopped"),
            };
            match opened {
                Ok(conn) => {
                    let delivery = Delivery::new(conn, target, source, monitor, fanout);
                    delivery.run(stop, epoch).await
                }
                Err(end) => end,
            }
        })
    }
}

struct Delivery {
    conn: ClientConn,
    target: Target,
    /// The reader until the fan-out has one of its own: who reads counts once.
    source: Option<Subscriber>,
    monitor: Arc<LinkMonitor>,
    fanout: Arc<Fanout>,
    /// What the monitor was told of already.
    told: ViewerStats,
    /// Bytes that the far end's host acknowledged, as known last.
    acked: u64,
    /// Resolves when the fan-out no longer writes.
    ended: Pin<Box<dyn Future<Output = ViewerEnd> + Send>>,
    /// Notified when the session must end for the sake of a new configuration.
    renewal: Arc<Notify>,
}

enum Turn {
    Event(ClientEvent),
    Ended(ViewerEnd),
    Renew,
    Report,
    Stop,
}

impl Delivery {
    fn new(
        conn: ClientConn,
        target: Target,
        source: Subscriber,
        monitor: Arc<LinkMonitor>,
        fanout: Arc<Fanout>,
    ) -> Self {
        Self {
            ended: Box::pin(conn.fanout_ended()),
            conn,
            target,
            source: Some(source),
            monitor,
            fanout,
            told: ViewerStats::default(),
            acked: 0,
            renewal: Arc::default(),
        }
    }

    /// The last report is made before the end is told, and before the goodbye.
    async fn run(mut self, mut stop: Stop, epoch: Instant) -> LinkEnd {
        let end = self.deliver(&mut stop, reports(epoch)).await;
        self.conn.take_back().await;
        self.report();
        match end {
            Ok(end) => {
                // What goes on elsewhere or anew is no end of the broadcast.
                let farewell = match end.fault {
                    Fault::Renewed | Fault::Redirected => Farewell::Leave,
                    _ => Farewell::EndStream,
                };
                self.conn.close(farewell).await;
                end
            }
            Err(end) => end,
        }
    }

    /// `Ok`: we end it. `Err`: there is nobody to say it to.
    async fn deliver(&mut self, stop: &mut Stop, mut report: Interval) -> Result<LinkEnd, LinkEnd> {
        loop {
            let turn = tokio::select! {
                event = self.conn.event() => Turn::Event(event?),
                end = &mut self.ended => Turn::Ended(end),
                () = self.renewal.notified() => Turn::Renew,
                _ = report.tick() => Turn::Report,
                () = stop.ordered() => Turn::Stop,
            };
            match turn {
                Turn::Event(ClientEvent::ReconnectRequest { tc_url, .. }) => {
                    return Ok(self.elsewhere(&tc_url));
                }
                Turn::Event(event) => {
                    if let Some(end) = self.conn.verdict(&event) {
                        return Err(end);
                    }
                    self.event(&event);
                }
                Turn::Report => self.report(),
                Turn::Stop => {
                    self.conn.written(LAST_PICTURES).await;
                    return Ok(fault::end(Fault::None, "stopped"));
                }
                Turn::Renew => {
                    let words = "the encoder's settings changed: a new session begins with them";
                    return Ok(fault::end(Fault::Renewed, words));
                }
                Turn::Ended(ViewerEnd::Broken(kind)) => {
                    self.ended = Box::pin(std::future::pending());
                    self.conn.writing_broke(kind);
                }
                Turn::Ended(_) => return Ok(fault::end(Fault::None, "the stream was removed")),
            }
        }
    }

    /// The far end goes away and wants a new connection, to itself if it named nobody else (E-RTMP
    /// v2 Reconnect Request).
    fn elsewhere(&self, tc_url: &StreamKeyText) -> LinkEnd {
        if self.conn.is_at(tc_url) {
            return fault::to(&self.target.url, "the far end asks for a new connection");
        }
        fault::redirected(self.conn.url(), &tc_url.expose())
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
        let Some(source) = self.source.take() else { return };
        let change = self.target.config_change;
        let writer = DeliveryWriter::new(writer, change, self.renewal.clone());
        let writer = writer.of_tracks(self.target.tracks);
        let writer = Box::new(writer.for_peer(self.conn.peer(), self.monitor.clone()));
        let sink = self.conn.socket().clone();
        let (stream, bounds) = (source.stream().clone(), source.bounds());
        let fanout = &self.fanout;
        // Whoever sees media there finds the stage here.
        self.monitor.reach(Stage::Accepted);
        self.conn.lend(|rest| fanout.join_alone(stream, writer, sink, rest, bounds));
        self.ended = Box::pin(self.conn.fanout_ended());
    }

    fn report(&mut self) {
        let stats = self.conn.lent().unwrap_or_default();
        let told = std::mem::replace(&mut self.told, stats);
        self.monitor.sent(stats.frames - told.frames, stats.sent - told.sent);
        self.monitor.skipped(
            stats.skipped_frames - told.skipped_frames,
            stats.skipped_gops - told.skipped_gops,
        );
        let info = manycast_sys::tcp_info(self.conn.socket().tcp()).ok();
        let unsent = info.and_then(|info| info.notsent_bytes).map_or(0, u64::from);
        self.acked = info.map_or(self.acked, |info| info.bytes_acked);
        self.monitor.report(Progress {
            unacked_bytes: info.map_or(0, |i| i.unacked_bytes)
                + unsent
                + self.conn.waiting() as u64,
            acked_bytes: self.acked,
            rtt: info.map_or(Duration::ZERO, |i| i.rtt),
            lag: stats.lag.min(Duration::from_secs(3600)),
        });
    }
}

fn address(target: &Target) -> Result<Address, LinkEnd> {
    let login = login::of(target.login.as_ref())?;
    Ok(Address::with_key(&target.url, target.key.expose())?.or_login(login))
}

/// Whether tags of old cannot carry the Tracks: then a far end may want to know what we can.
fn needs_more(tracks: &TrackSet) -> bool {
    tracks.tracks.iter().any(|track| {
        let old = matches!(track.codec, Codec::H264 | Codec::Aac | Codec::Mp3)
            || FourCc::of(track.codec).is_none();
        track.id.kind != TrackKind::Data && (track.id.index != 0 || !old)
    })
}

/// Ticks at whole multiples of [`REPORT`] after `epoch`.
fn reports(epoch: Instant) -> Interval {
    let now = Instant::now();
    let since = now.duration_since(epoch).as_millis() % REPORT.as_millis();
    let to_next = REPORT.saturating_sub(Duration::from_millis(since.try_into().unwrap_or(0)));
    let mut report = tokio::time::interval_at(now + to_next, REPORT);
    report.set_missed_tick_behavior(MissedTickBehavior::Skip);
    report
}
