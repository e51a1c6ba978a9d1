//! A Stream with an encoder on it, without a socket, and Deliveries of it.

use super::client_settings;
use bytes::Bytes;
use manycast_fanout::{Fanout, FanoutConfig};
use manycast_flv::frame::{Unit, Units, read_audio, read_data, read_video};
use manycast_hub::{
    Bounds, Hub, Link, LinkEnd, LinkMonitor, Publisher, Secret, Start, StopHandle, Stream,
    Takeover, Target, WindowLimits,
};
use manycast_media::{StreamName, Timestamp};
use manycast_net_rtmp::{ClientSettings, RtmpLink};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

pub(crate) const SMALL: &[u8] = &[0x17, 0, 0, 0, 0, 1, 0x64, 0, 0x1f];
pub(crate) const LARGE: &[u8] = &[0x17, 0, 0, 0, 0, 1, 0x64, 0, 0x28];

pub(crate) struct Source {
    pub(crate) stream: Arc<Stream>,
    pub(crate) settings: ClientSettings,
    pub(crate) fanout: Arc<Fanout>,
    publisher: Option<Publisher>,
    at: i64,
}

/// A Delivery under way.
pub(crate) struct Attempt {
    pub(crate) monitor: Arc<LinkMonitor>,
    pub(crate) stop: StopHandle,
    task: JoinHandle<LinkEnd>,
}

impl Attempt {
    /// Why it ended, in bounded time.
    pub(crate) async fn end(self) -> LinkEnd {
        let ended = tokio::time::timeout(Duration::from_secs(20), self.task).await;
        ended.expect("an attempt that ends").unwrap()
    }
}

impl Source {
    /// On air, with one group of pictures.
    pub(crate) fn new() -> Self {
        let mut source = Self::idle();
        source.publish();
        source.configure(SMALL);
        source.picture(true, 100);
        source
    }

    /// Off air.
    pub(crate) fn idle() -> Self {
        let stream = Hub::new().open(&StreamName::new("main").unwrap(), WindowLimits::default());
        let fanout = Fanout::start(FanoutConfig { shards: 1, ..FanoutConfig::default() }).unwrap();
        let (settings, fanout) = (client_settings(), Arc::new(fanout));
        Self { stream, settings, fanout, publisher: None, at: 0 }
    }

    /// An encoder comes.
    pub(crate) fn publish(&mut self) {
        let now = Instant::now();
        self.publisher = Some(self.stream.publish(now, Takeover::Always, "test").unwrap());
    }

    pub(crate) fn configure(&mut self, body: &'static [u8]) {
        self.take(read_video(&Bytes::from_static(body)));
    }

    pub(crate) fn sound(&mut self) {
        self.take(read_audio(&Bytes::from_static(&[0xaf, 0, 0x11, 0x90])));
        self.take(read_audio(&Bytes::from_static(&[0xaf, 1, 0x21])));
    }

    pub(crate) fn data(&mut self, body: Vec<u8>) {
        self.take(read_data(&body.into(), false));
    }

    /// A picture of so many bytes.
    pub(crate) fn picture(&mut self, key: bool, bytes: usize) {
        let (kind, unit) = if key { (0x17, 0x65) } else { (0x27, 0x41) };
        let mut body = vec![kind, 1, 0, 0, 0];
        let length = u32::try_from(bytes).unwrap() + 1;
        body.extend(length.to_be_bytes());
        body.push(unit);
        body.resize(body.len() + bytes, 7);
        self.take(read_video(&body.into()));
        self.at += 20;
    }

    /// A message of pictures as it is.
    pub(crate) fn video(&mut self, body: &'static [u8]) {
        self.take(read_video(&Bytes::from_static(body)));
        self.at += 20;
    }

    fn take(&mut self, units: Units) {
        let now = Instant::now();
        let publisher = self.publisher.as_mut().unwrap();
        for unit in units {
            match unit {
                Unit::Config { track, config } => publisher.configure(now, track, config).unwrap(),
                Unit::Sticky(sticky) => publisher.stick(now, sticky).unwrap(),
                unit => {
                    let frame = unit.into_frame(Timestamp::from_millis(self.at)).unwrap();
                    publisher.push(now, frame).unwrap();
                }
            }
        }
        publisher.commit(now + Duration::from_secs(1));
    }

    /// Begins to deliver to `url`.
    pub(crate) fn deliver(&self, url: &str, key: &str) -> Attempt {
        self.deliver_to(Target::new(url, Secret::new(key)))
    }

    pub(crate) fn deliver_to(&self, target: Target) -> Attempt {
        let monitor = LinkMonitor::new();
        let (stop, stopped) = StopHandle::new();
        let reader = self.stream.subscribe(Start::CurrentGop, Bounds::default(), Instant::now());
        let link = RtmpLink::new(self.settings.clone(), self.fanout.clone());
        let task = tokio::spawn(link.deliver(target, reader, monitor.clone(), stopped));
        Attempt { monitor, stop, task }
    }
}
