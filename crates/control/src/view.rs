//! What is shown: plain values, each made of what is defined and what goes on.
//!
//! Belongs here: the conversion for strangers' shapes, which web makes. Must not come here: JSON.

use crate::ControlError;
use crate::control::{Control, now, wall};
use crate::def::{Defined, Destination, ManagedBy, Start};
use crate::events::{Event, EventFilter};
use crate::state::StreamState;
use manycast_auth::StreamKey;
use manycast_coach::{Finding, Subject, findings};
use manycast_hub::{Announce, ConfigChange, Stream, StreamStats, Takeover, TrackStats};
use manycast_media::StreamName;
use manycast_restream::{BackupMode, DestinationId, DestinationStatus, State};
use manycast_store::{Page, PageRequest};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Something wrong with what is defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFinding {
    /// For programs: `shadowed`, `key_unreadable`.
    pub code: &'static str,
    /// The Stream.
    pub stream: String,
    /// What is wrong.
    pub sentence: String,
    /// What mends it.
    pub remedy: String,
}

/// Destinations of a Stream, counted by what people have to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Live.
    pub live: usize,
    /// In trouble that the server sees to.
    pub retrying: usize,
    /// In trouble that a person has to see to.
    pub need_you: usize,
    /// Switched off.
    pub off: usize,
}

/// One Stream.
#[derive(Clone, Debug)]
pub struct StreamView {
    /// What viewers ask for.
    pub name: StreamName,
    /// What people call it.
    pub title: String,
    /// Who holds the definition.
    pub managed_by: ManagedBy,
    /// The file that holds it.
    pub file: Option<PathBuf>,
    /// What brings it on air.
    pub start: Start,
    /// Whether it may be watched here.
    pub play: bool,
    /// What happens when a second encoder comes.
    pub takeover: Takeover,
    /// How long destinations are held.
    pub reconnect_window: Duration,
    /// Whether they are so after an orderly end too.
    pub hold_on_stop: bool,
    /// Of people, for people.
    pub notes: String,
    /// For edits; 0 of the file's.
    pub version: i64,
    /// Whether people want it on air.
    pub wanted: bool,
    /// What it is doing.
    pub state: StreamState,
    /// Since when.
    pub state_since: SystemTime,
    /// Since when a destination has it, through losses of the encoder.
    pub on_air_since: Option<SystemTime>,
    /// The hub's figures, while it knows the Stream.
    pub stats: Option<StreamStats>,
    /// What the coach says of what comes in; in a list, what it said some seconds ago.
    pub findings: Vec<Finding>,
    /// Who watches here.
    pub viewers: u64,
    /// Its destinations, counted.
    pub counts: Counts,
    /// Its destinations, in their order.
    pub destinations: Vec<DestinationView>,
}

/// A second address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupView {
    /// Without a key.
    pub url: String,
    /// When it is fed.
    pub mode: BackupMode,
    /// Whether a key is kept for it.
    pub key_set: bool,
}

/// One Destination.
#[derive(Clone, Debug)]
pub struct DestinationView {
    /// Unique in its Stream.
    pub id: String,
    /// Its Stream.
    pub stream: StreamName,
    /// What people call it.
    pub name: String,
    /// Which of the known services it is.
    pub service: Option<String>,
    /// Its address, without a key.
    pub url: String,
    /// Who holds the definition.
    pub managed_by: ManagedBy,
    /// Whether people want it fed.
    pub enabled: bool,
    /// Its place in the Stream's list.
    pub position: i64,
    /// Of people, for people.
    pub notes: String,
    /// Whether a key is kept, and can be read.
    pub key_set: bool,
    /// Who we are there.
    pub user: Option<String>,
    /// Its second address.
    pub backup: Option<BackupView>,
    /// What happens when the encoder's codec configuration changes.
    pub config_change: ConfigChange,
    /// Whether it is told what we can.
    pub announce: Announce,
    /// Which picture it gets.
    pub video_track: Option<String>,
    /// Which sound it gets.
    pub audio_track: Option<String>,
    /// For edits; 0 of the file's.
    pub version: i64,
    /// What it is doing.
    pub status: Option<DestinationStatus>,
    /// Bits per second of the last minute, oldest first; only where one Stream or Destination is
    /// asked for.
    pub recent: Vec<u64>,
}

/// One stream key without the key.
#[derive(Clone, Debug)]
pub struct StreamKeyView {
    /// Its id.
    pub id: String,
    /// What it opens.
    pub stream: String,
    /// What people call it.
    pub label: String,
    /// How it begins.
    pub prefix: String,
    /// From where it may be used; empty: from everywhere.
    pub addresses: Vec<String>,
    /// When it was made.
    pub created_at: SystemTime,
    /// From when on it takes nobody new.
    pub expires_at: Option<SystemTime>,
    /// When it was used last.
    pub last_used_at: Option<SystemTime>,
    /// From where.
    pub last_address: Option<String>,
    /// Whether an encoder is in with it.
    pub in_use: bool,
}

/// Figures over time.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryView {
    /// How far samples are apart; where there was no input there are none.
    pub every: Duration,
    /// Now.
    pub end: SystemTime,
    /// Oldest first.
    pub samples: Vec<Sample>,
}

/// The figures of one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// When.
    pub at: SystemTime,
    /// Bits per second.
    pub bitrate: u32,
    /// Pictures per second.
    pub fps: Option<f32>,
    /// Distance of the last two key frames.
    pub key_frame_ms: Option<u32>,
    /// Unevenness of arrival.
    pub jitter_ms: Option<f32>,
    /// Who watches here.
    pub viewers: u32,
}

impl StreamKeyView {
    pub(crate) fn of(key: StreamKey, used: &HashSet<String>) -> Self {
        let id = key.id.to_string();
        Self {
            in_use: used.contains(&id),
            id,
            stream: key.stream,
            label: key.label,
            prefix: key.prefix,
            addresses: key.addresses.iter().map(ToString::to_string).collect(),
            created_at: key.created_at.system(),
            expires_at: key.expires_at.map(|at| at.system()),
            last_used_at: key.last_used_at.map(|at| at.system()),
            last_address: key.last_address,
        }
    }
}

/// What the coach says of a Stream's figures.
pub(crate) fn coached(stats: &StreamStats) -> Vec<Finding> {
    let Some(publisher) = &stats.publisher else { return Vec::new() };
    let subject = |one: &TrackStats| Subject::of(&one.track, one.sample.as_ref());
    let subjects: Vec<_> = publisher.tracks.iter().map(subject).collect();
    findings(&publisher.health, publisher.trouble, &subjects)
}

/// What goes on, at one moment, for many views.
struct Picture {
    streams: HashMap<StreamName, Arc<Stream>>,
    /// In order of their ids. Each is taken out once.
    statuses: Vec<(DestinationId, Option<DestinationStatus>)>,
    /// Whether what only one asks for is told.
    whole: bool,
}

impl Picture {
    fn take(control: &Control, whole: bool) -> Self {
        let streams = control.hub.streams();
        let statuses = control.restream.status();
        Self {
            streams: streams.into_iter().map(|one| (one.name().clone(), one)).collect(),
            statuses: statuses.into_iter().map(|one| (one.id.clone(), Some(one))).collect(),
            whole,
        }
    }

    fn take_status(&mut self, id: &DestinationId) -> Option<DestinationStatus> {
        let at = self.statuses.binary_search_by(|(other, _)| other.cmp(id)).ok()?;
        self.statuses.get_mut(at)?.1.take()
    }
}

impl Control {
    /// All Streams: the file's in its order, the database's in theirs, then those of open names that
    /// somebody publishes.
    #[must_use]
    pub fn streams(&self) -> Vec<StreamView> {
        let (registry, mut picture) = (self.registry.load(), Picture::take(self, false));
        let open = self.open_streams(&picture);
        let defined = registry.streams.iter().map(|one| self.view(one, &mut picture));
        defined.chain(open).collect()
    }

    /// The Stream of this name.
    ///
    /// # Errors
    /// There is none.
    pub fn stream(&self, name: &str) -> Result<StreamView, ControlError> {
        let (registry, mut picture) = (self.registry.load(), Picture::take(self, true));
        if let Some(stream) = registry.stream(name) {
            return Ok(self.view(stream, &mut picture));
        }
        let mut open = self.open_streams(&picture).into_iter();
        open.find(|one| one.name.as_str() == name).ok_or(ControlError::NotFound { what: "stream" })
    }

    /// All Destinations, in the order of the Streams and their own.
    #[must_use]
    pub fn destinations(&self) -> Vec<DestinationView> {
        let (registry, mut picture) = (self.registry.load(), Picture::take(self, false));
        let of = |stream: &Defined| {
            let own = stream.destinations.iter();
            own.map(|one| self.destination_view(stream, one, &mut picture)).collect::<Vec<_>>()
        };
        registry.streams.iter().flat_map(of).collect()
    }

    /// One Destination, by id or by name.
    ///
    /// # Errors
    /// There is none.
    pub fn destination(&self, stream: &str, id: &str) -> Result<DestinationView, ControlError> {
        let (stream, one) = Self::place(&self.registry.load(), stream, id)?;
        Ok(self.destination_view(&stream, &one, &mut Picture::take(self, true)))
    }

    /// Figures of the last `window`: by the second up to 15 minutes, by ten seconds up to 4 hours.
    ///
    /// # Errors
    /// There is no such Stream.
    pub fn history(&self, stream: &str, window: Duration) -> Result<HistoryView, ControlError> {
        let unknown = || ControlError::NotFound { what: "stream" };
        let name = StreamName::new(stream).map_err(|_| unknown())?;
        let known = self.is_defined(&name) || self.live.lock().get(&name).is_some();
        known.then_some(()).ok_or_else(unknown)?;
        let (second, end) = (self.second(), SystemTime::now());
        let (every, samples) = self.history.lock().read(&name, second, window);
        let known = |value: f32| (!value.is_nan()).then_some(value);
        let sample = |(at, figures): (u32, crate::history::Figures)| Sample {
            at: wall(self.epoch + Duration::from_secs(at.into())),
            bitrate: figures.bitrate,
            fps: known(figures.fps),
            key_frame_ms: Some(figures.key_frame_ms).filter(|ms| *ms > 0),
            jitter_ms: known(figures.jitter_ms),
            viewers: figures.viewers,
        };
        let every = Duration::from_secs(every.into());
        Ok(HistoryView { every, end, samples: samples.into_iter().map(sample).collect() })
    }

    /// Seconds since the start.
    pub(crate) fn second(&self) -> u32 {
        u32::try_from(now().saturating_duration_since(self.epoch).as_secs()).unwrap_or(u32::MAX)
    }

    /// Events that were kept, newest first.
    ///
    /// # Errors
    /// A cursor that is none; the database.
    pub async fn activity(
        &self,
        filter: EventFilter,
        page: PageRequest,
    ) -> Result<Page<Event>, ControlError> {
        let EventFilter { kind, stream, destination } = filter;
        let filter = manycast_store::EventFilter { kind, stream, destination };
        let Page { items, next } = self.store.events(filter, page).await?;
        Ok(Page { items: items.into_iter().map(Event::from).collect(), next })
    }

    /// What is wrong with the way that all Destinations share, in a sentence.
    #[must_use]
    pub fn uplink_trouble(&self) -> Option<String> {
        self.restream.uplink_trouble().map(|trouble| trouble.advice())
    }

    fn view(&self, stream: &Defined, picture: &mut Picture) -> StreamView {
        let managed_by = stream.origin.managed_by();
        let file = (managed_by == ManagedBy::File).then(|| self.file.load().path.clone());
        let own = stream.destinations.iter();
        let destinations: Vec<_> =
            own.map(|one| self.destination_view(stream, one, picture)).collect();
        let title = Some(&stream.title).filter(|title| !title.is_empty());
        let view = StreamView {
            title: title.cloned().unwrap_or_else(|| stream.name.to_string()),
            managed_by,
            file,
            start: stream.start,
            play: stream.play,
            takeover: stream.takeover,
            reconnect_window: stream.reconnect_window,
            hold_on_stop: stream.hold_on_stop,
            notes: stream.notes.clone(),
            version: stream.origin.version(),
            counts: count(&destinations),
            destinations,
            ..self.bare(&stream.name)
        };
        self.with_figures(view, picture.streams.get(&stream.name), picture.whole)
    }

    /// Of a Stream that nobody defined.
    fn bare(&self, name: &StreamName) -> StreamView {
        let (wanted, life) = {
            let live = self.live.lock();
            (live.get(name).is_some_and(|one| one.is_wanted()), live.life(name, now()))
        };
        StreamView {
            name: name.clone(),
            title: name.to_string(),
            managed_by: ManagedBy::Open,
            file: None,
            start: Start::Auto,
            play: true,
            takeover: Takeover::default(),
            reconnect_window: Duration::ZERO,
            hold_on_stop: false,
            notes: String::new(),
            version: 0,
            wanted,
            state: life.state,
            state_since: wall(life.since),
            on_air_since: life.on_air_since.map(wall),
            stats: None,
            findings: Vec::new(),
            viewers: 0,
            counts: Counts::default(),
            destinations: Vec::new(),
        }
    }

    /// In a list the coach's word is some seconds old: it costs more than all other figures.
    fn with_figures(
        &self,
        view: StreamView,
        stream: Option<&Arc<Stream>>,
        fresh: bool,
    ) -> StreamView {
        let Some(stats) = stream.map(|stream| stream.stats(now())) else { return view };
        let viewers = stats.viewers;
        let said = || self.live.lock().get(&view.name).map(|live| live.said().to_vec());
        let findings = if fresh { coached(&stats) } else { said().unwrap_or_default() };
        StreamView { findings, viewers, stats: Some(stats), ..view }
    }

    fn open_streams(&self, picture: &Picture) -> Vec<StreamView> {
        let mut open: Vec<_> = picture
            .streams
            .values()
            .filter(|stream| !self.is_defined(stream.name()) && stream.is_live())
            .map(|stream| self.with_figures(self.bare(stream.name()), Some(stream), picture.whole))
            .collect();
        open.sort_by(|a, b| a.name.cmp(&b.name));
        open
    }

    fn destination_view(
        &self,
        stream: &Defined,
        one: &Destination,
        picture: &mut Picture,
    ) -> DestinationView {
        let backup = one.backup.as_ref().map(|backup| BackupView {
            url: backup.remote.url.clone(),
            mode: backup.mode,
            key_set: !backup.remote.key.is_empty(),
        });
        let recent = match picture.whole {
            true => self.history.lock().recent(&one.seat),
            false => Vec::new(),
        };
        DestinationView {
            id: one.id.clone(),
            stream: stream.name.clone(),
            name: one.name.clone(),
            service: one.service.clone(),
            url: one.remote.url.clone(),
            managed_by: one.origin.managed_by(),
            enabled: one.enabled,
            position: one.position,
            notes: one.notes.clone(),
            key_set: !one.remote.key.is_empty(),
            user: one.remote.login.as_ref().map(|login| login.user.expose().to_owned()),
            backup,
            config_change: one.config_change,
            announce: one.announce,
            video_track: one.tracks.video.map(|rule| rule.to_string()),
            audio_track: one.tracks.audio.map(|rule| rule.to_string()),
            version: one.origin.version(),
            status: picture.take_status(&one.seat),
            recent,
        }
    }
}

/// Each Destination counts once: by the better of its two addresses.
fn count(destinations: &[DestinationView]) -> Counts {
    let mut counts = Counts::default();
    for one in destinations {
        let Some(status) = one.status.as_ref().filter(|_| one.enabled) else {
            counts.off += 1;
            continue;
        };
        let states = [Some(status.primary.state), status.backup.as_ref().map(|leg| leg.state)];
        let any = |wanted: &[State]| states.iter().flatten().any(|state| wanted.contains(state));
        if any(&[State::Live]) {
            counts.live += 1;
        } else if any(&[State::Rejected, State::Unfed]) {
            counts.need_you += 1;
        } else if any(&[State::Backoff, State::Stalled]) {
            counts.retrying += 1;
        }
    }
    counts
}
