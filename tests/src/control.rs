//! The healthy stream that nobody may disturb: a publisher, a viewer and a destination, each frame
//! of which is checked while something else goes wrong.

use crate::peer::{Live, LiveReport, Shape, Watcher};
use crate::sink::Sink;
use crate::tally::Tally;
use crate::{Manycast, Setup, millis, secs, until};
use std::time::Duration;

/// Its name and its key.
pub const NAME: &str = "control";
const KEY: &str = "sk_control_0123456789abcdef";
/// The bar is 200 ms; wall clocks are judged at three times the limit.
pub const SILENCE: Duration = millis(600);

/// A control stream under way.
pub struct Control {
    sink: Sink,
    live: Live,
    viewer: Watcher,
}

/// Its figures.
#[derive(Debug)]
pub struct Verdict {
    /// The publisher's.
    pub live: LiveReport,
    /// The viewer's.
    pub viewer: Tally,
    /// The destination's.
    pub destination: Tally,
}

impl Control {
    /// Adds the control stream to a configuration and starts the server.
    ///
    /// # Panics
    /// When it does not come to flow.
    #[must_use]
    pub fn start(setup: Setup) -> (Manycast, Self) {
        let sink = Sink::healthy();
        let setup = setup.stream(NAME, KEY).destination("sink", &sink.url(), "control-out");
        let server = setup.start();
        let control = Self::join(&server, sink);
        (server, control)
    }

    fn join(server: &Manycast, sink: Sink) -> Self {
        let shape = Shape { source: 77, ..Shape::default() };
        let live =
            Live::start(server.rtmp(), KEY, shape).unwrap_or_else(|e| panic!("control: {e}"));
        let viewer = Watcher::start(server.rtmp(), NAME).unwrap_or_else(|e| panic!("viewer: {e}"));
        until("the control stream flows", secs(10), || {
            sink.tally().frames > 30 && viewer.tally().frames > 30
        });
        viewer.forget_silence();
        sink.forget_silence();
        Self { sink, live, viewer }
    }

    /// Ends it; what its receivers saw.
    #[must_use]
    pub fn finish(self) -> Verdict {
        let Self { sink, live, viewer } = self;
        // the last frames, before the goodbye ends the flow
        let sent = live.sent();
        until("the last frames of control", secs(5), || {
            let reached = |tally: &Tally| tally.newest().is_some_and(|n| n + 1 >= sent);
            reached(&viewer.tally()) && reached(&sink.tally())
        });
        let (viewer, destination) = (viewer.stop(), sink.tally());
        Verdict { live: live.stop(), viewer, destination }
    }
}

impl Verdict {
    /// Nothing is missing and nobody was silent for long.
    ///
    /// # Panics
    /// When something was; `bar` names the test.
    pub fn assert_undisturbed(&self, bar: &str) {
        assert_eq!(self.live.error, None, "{bar}: the control publisher was cut");
        let own = self.live.longest_gap;
        println!(
            "{bar}: control: {} frames, silence {} ms (viewer) {} ms (destination), slowest send {} \
             ms, own gap {} ms",
            self.live.frames,
            self.viewer.silence.as_millis(),
            self.destination.silence.as_millis(),
            self.live.slowest_send.as_millis(),
            own.as_millis(),
        );
        for (who, tally) in [("viewer", &self.viewer), ("destination", &self.destination)] {
            tally.assert_whole(&format!("{bar}: control {who}"));
            assert!(tally.silence <= SILENCE + own, "{bar}: {who} silent: {:?}", tally.silence);
        }
    }
}

/// The control stream is whole, the server lives, and nothing in it panicked.
///
/// # Panics
/// When not.
pub fn assert_unharmed(bar: &str, server: &mut Manycast, control: Control) {
    assert!(server.is_alive(), "{bar}: the server died: {}", server.process.tail());
    control.finish().assert_undisturbed(bar);
    assert!(server.panics() < 0.5, "{bar}: panics: {:?}", server.metrics());
}
