//! What a Delivery writes: a Stream's items as its own messages, with its own headers and clock.
//!
//! ```text
//! Tracks, Frames --asked--> by the settings --plan--> by what the far end said --rest--> as messages
//! ```
//! The far end sees the Tracks that are left in the end, each with the number that it has there.
//!
//! Belongs here: which configuration and metadata the far end has, and what a change of them means.
//! Must not come here: sockets; chunks, see crate `rtmp`.

use super::metadata;
use super::peer::{self, Plan};
use super::pick::{Pick, Picked};
use crate::clock::wire_millis;
use crate::egress::{Outgoing, facts, goes_first, message_for};
use bytes::Bytes;
use manycast_fanout::{Stand, Writer, Written};
use manycast_flv::frame::{FLV_DATA_AMF0, write_config, write_frame};
use manycast_hub::{ConfigChange, Content, Item, LinkMonitor, WantedTracks};
use manycast_media::{
    CodecConfig, Facts, Frame, Sticky, TICKS_PER_MILLISECOND, TimeDelta, Timestamp, Track, TrackId,
    TrackKind, TrackRule, TrackRules, TrackSet, Wire,
};
use manycast_rtmp::session::{Capabilities, MediaWriter};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use tokio::sync::Notify;

/// Of a Stream that has none of the Tracks that settings ask for.
const NOT_ASKED_FOR: &str = "the stream has none of the tracks that this destination is set to get: \
                             choose others (video_track, audio_track), or have the encoder send them";

/// Writes a Stream's items as one Delivery's messages.
pub(crate) struct DeliveryWriter {
    feed: Feed,
    writer: MediaWriter,
    messages: Vec<Outgoing>,
}

impl DeliveryWriter {
    /// `renewal` is notified when the session must end for the sake of a new configuration; nothing
    /// is written from then on.
    pub(crate) fn new(writer: MediaWriter, change: ConfigChange, renewal: Arc<Notify>) -> Self {
        Self { feed: Feed::new(change, renewal), writer, messages: Vec::new() }
    }

    /// Takes the Tracks that are asked for.
    pub(crate) fn of_tracks(mut self, wanted: WantedTracks) -> Self {
        self.feed.choose(wanted);
        self
    }

    /// Leaves out what a far end that said this of itself cannot take, and says so to `monitor`.
    pub(crate) fn for_peer(mut self, peer: Capabilities, monitor: Arc<LinkMonitor>) -> Self {
        self.feed.peer = Some((peer, monitor));
        self.feed.choose(self.feed.wanted);
        self
    }
}

impl Writer for DeliveryWriter {
    fn write(&mut self, item: &Item, out: &mut Vec<Bytes>) -> Written {
        let frames = self.feed.item(item, &mut self.messages);
        let mut common = true;
        for message in self.messages.drain(..) {
            common &= self.writer.write(message.kind, message.timestamp, message.body, out);
        }
        Written { frames, common }
    }

    /// Headers tell the time since the message before, so that sessions with other beginnings write
    /// alike. Milliseconds must fall alike too, which is what the ticks below one are for.
    fn stand(&self) -> Option<Stand> {
        let base = self.feed.steady_base()?;
        let [fixed, video, audio] = self.writer.stand(wire_millis(Timestamp::ZERO + base))?;
        let below = base.ticks().rem_euclid(TICKS_PER_MILLISECOND).cast_unsigned();
        Some(Stand([fixed, video, audio, below, self.feed.wishes]))
    }

    fn follow(&mut self, stand: &Stand) {
        let Stand([fixed, video, audio, ..]) = *stand;
        if let Some(base) = self.feed.base {
            self.writer.follow([fixed, video, audio], wire_millis(Timestamp::ZERO + base));
        }
    }
}

/// The messages of one Delivery, and what the far end was told so far.
struct Feed {
    wanted: WantedTracks,
    /// A number for what is asked for and taken: that decides which messages go out, and how.
    wishes: u64,
    /// Of all Tracks, those that the settings ask for.
    asked: Pick,
    change: ConfigChange,
    renewal: Arc<Notify>,
    /// What the far end said that it can, and where to say what it does not get.
    peer: Option<(Capabilities, Arc<LinkMonitor>)>,
    /// Whether it steps over what modifies a message.
    mod_ex: bool,
    plan: Plan,
    /// Of those that the far end can take, the ones that it is sent: where nothing is asked for, the
    /// default Track, or all if it said that it takes several.
    rest: Pick,
    /// The Tracks in force, as they came.
    tracks: TrackSet,
    /// Those of them that are asked for and that the far end can take.
    planned: TrackSet,
    /// The session is to be renewed: nothing more is said in it.
    over: bool,
    /// What is taken off every time: the first Frame is at zero.
    base: Option<TimeDelta>,
    begun: bool,
    /// The Tracks as the far end knows them, over all Runs of the Stream.
    known: Vec<Track>,
    sticky: Vec<Sticky>,
    /// The metadata that we made, as told last.
    metadata: Option<Bytes>,
}

impl Feed {
    fn new(change: ConfigChange, renewal: Arc<Notify>) -> Self {
        Self {
            wanted: WantedTracks::default(),
            wishes: 0,
            asked: Pick::asked(None, None),
            rest: Pick::new(TrackRules::default()),
            tracks: TrackSet::default(),
            planned: TrackSet::default(),
            change,
            renewal,
            peer: None,
            mod_ex: true,
            plan: Plan::default(),
            over: false,
            base: None,
            begun: false,
            known: Vec::new(),
            sticky: Vec::new(),
            metadata: None,
        }
    }

    /// Sets what is taken, before anything was written.
    fn choose(&mut self, wanted: WantedTracks) {
        let peer = self.peer.as_ref().map(|(peer, _)| peer);
        let several = peer.and_then(Capabilities::takes_tracks) == Some(true);
        self.mod_ex = peer.is_none_or(Capabilities::takes_mod_ex);
        let rest = |asked: Option<TrackRule>| match asked {
            None if !several => TrackRule::Default,
            _ => TrackRule::All,
        };
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        self.wishes = hasher.hash_one((wanted, several, self.mod_ex));
        self.wanted = wanted;
        self.asked = Pick::asked(wanted.video, wanted.audio);
        self.rest = Pick::new(TrackRules { video: rest(wanted.video), audio: rest(wanted.audio) });
    }

    /// What is taken off every time, if all Frames go out as they came and nothing else is due.
    fn steady_base(&self) -> Option<TimeDelta> {
        let all = self.asked.is_plain() && self.plan.is_plain() && self.rest.is_plain();
        self.base.filter(|_| !self.over && all)
    }

    /// The messages of one item, and how many Frames they are.
    fn item(&mut self, item: &Item, out: &mut Vec<Outgoing>) -> u64 {
        if self.over {
            return 0;
        }
        match item {
            Item::Joined { tracks, at } => {
                self.asked.restart();
                self.rest.restart();
                self.come(tracks, *at, out);
            }
            Item::Skipped { .. } => {}
            Item::Entry(entry) => match &entry.content {
                Content::Frame(frame) => return self.frame(frame, out),
                Content::Tracks { set, at, .. } => self.come(set, *at, out),
                _ => {}
            },
        }
        0
    }

    fn frame(&mut self, frame: &Frame, out: &mut Vec<Outgoing>) -> u64 {
        let asked = match self.asked.frame(&self.tracks, frame) {
            Picked::No => return 0,
            Picked::Yes(asked) => asked,
            Picked::Changed(asked) => {
                self.say(frame.dts, out);
                asked
            }
        };
        let Some(planned) = self.plan.frame(&asked) else { return 0 };
        let seen = match self.rest.frame(&self.planned, &planned) {
            Picked::No => return 0,
            Picked::Yes(seen) => seen,
            Picked::Changed(seen) => {
                self.say(frame.dts, out);
                seen
            }
        };
        if self.over {
            return 0;
        }
        let at = self.shift(frame.dts);
        let before = out.len();
        out.extend(write_frame(&seen).and_then(|wire| message_for(self.mod_ex, wire, at)));
        (out.len() - before) as u64
    }

    /// The Tracks in force from here on.
    fn come(&mut self, tracks: &TrackSet, at: Timestamp, out: &mut Vec<Outgoing>) {
        self.tracks = tracks.clone();
        let facts = |track: &Track| Facts {
            playable: self.peer.as_ref().is_none_or(|(peer, _)| peer::takes(peer, track)),
            ..facts(track)
        };
        self.asked.tracks(tracks, facts);
        self.say(at, out);
    }

    /// What the far end is to know of the Tracks. Only what is new is said: platforms take a
    /// repeated header for a restart, and an encoder that returns as it was is no news.
    fn say(&mut self, at: Timestamp, out: &mut Vec<Outgoing>) {
        let asked = self.asked.seen(&self.tracks).into_owned();
        self.plan(&asked);
        let planned = self.plan.seen(&asked).into_owned();
        self.rest.tracks(&planned, facts);
        let seen = self.rest.seen(&planned).into_owned();
        self.planned = planned;
        self.account(&seen);
        if self.change == ConfigChange::Redial && self.must_renew(&seen) {
            self.over = true;
            self.renewal.notify_one();
            return;
        }
        let at = self.shift(at);
        let sticky_at = if self.begun { at } else { Timestamp::ZERO };
        self.sticky(&seen, sticky_at, out);
        self.configs(&seen, at, out);
        self.sticky_last(&seen, sticky_at, out);
        self.begun = true;
    }

    /// Decides what the far end gets of the Tracks in force.
    fn plan(&mut self, tracks: &TrackSet) {
        if let Some((peer, _)) = &self.peer {
            self.plan = Plan::new(peer, tracks);
        }
    }

    /// Tells what the far end does not get, and whether it gets nothing at all.
    fn account(&self, seen: &TrackSet) {
        let Some((_, monitor)) = &self.peer else { return };
        let flows = |set: &TrackSet| set.tracks.iter().any(|one| one.id.kind != TrackKind::Data);
        let unfed = flows(&self.tracks) && !flows(seen);
        let ended = self.ended();
        let planned = self.plan.words.as_deref();
        let words = match (planned, &ended) {
            (Some(planned), Some(ended)) => Some(format!("{planned}; {ended}")),
            (planned, ended) => planned.or(ended.as_deref()).map(str::to_owned),
        };
        monitor.leave_out(words.as_deref().or_else(|| unfed.then_some(NOT_ASKED_FOR)));
        monitor.set_unfed(unfed);
    }

    /// Of Tracks that were asked for by their number: which have ended, and what to do about it.
    fn ended(&self) -> Option<String> {
        let asked = [(TrackKind::Video, self.wanted.video), (TrackKind::Audio, self.wanted.audio)];
        let words = asked.into_iter().filter_map(|(kind, rule)| {
            let Some(TrackRule::Number(index)) = rule else { return None };
            let id = TrackId { kind, index };
            let (what, setting) = match kind {
                TrackKind::Audio => ("sound", "audio_track"),
                _ => ("pictures", "video_track"),
            };
            self.tracks.ended.contains(&id).then(|| {
                format!(
                    "{what} of {id} not sent: the encoder has ended this track; have it send the \
                     track again, or choose another one ({setting})"
                )
            })
        });
        let words: Vec<_> = words.collect();
        (!words.is_empty()).then(|| words.join("; "))
    }

    /// Whether a Track is coded or configured otherwise than the far end was told.
    fn must_renew(&self, tracks: &TrackSet) -> bool {
        tracks.tracks.iter().any(|track| {
            self.known(track.id).is_some_and(|known| match (&known.config, &track.config) {
                (Some(told), Some(config)) => !same_decoder(told, config),
                _ => known.codec != track.codec,
            })
        })
    }

    fn known(&self, id: TrackId) -> Option<&Track> {
        self.known.iter().find(|known| known.id == id)
    }

    /// Sticky messages are about the whole, the first ones at time zero: ffmpeg takes metadata of
    /// any other time for a track of text. Metadata that lacks what ingests look at is completed.
    fn sticky(&mut self, tracks: &TrackSet, at: Timestamp, out: &mut Vec<Outgoing>) {
        // What is said of what comes next waits for its first picture.
        let lost = self.asked.is_lost() || self.rest.is_lost();
        let ours = if lost { self.metadata.clone() } else { metadata::completed(tracks) };
        if let Some(body) = ours.clone().filter(|body| self.metadata.as_ref() != Some(body)) {
            out.extend(message_for(self.mod_ex, Wire { dialect: FLV_DATA_AMF0, body }, at));
        }
        let theirs = |sticky: &&Sticky| !(ours.is_some() && metadata::is_metadata(sticky));
        let news = tracks.sticky.iter().filter(|sticky| !self.sticky.contains(sticky));
        let first = news.filter(theirs).filter(|sticky| goes_first(sticky));
        out.extend(first.filter_map(|sticky| message_for(self.mod_ex, sticky.wire.clone(), at)));
        self.metadata = ours;
    }

    /// What is said of sound stands after its configuration.
    fn sticky_last(&mut self, tracks: &TrackSet, at: Timestamp, out: &mut Vec<Outgoing>) {
        let news = tracks.sticky.iter().filter(|sticky| !self.sticky.contains(sticky));
        let last = news.filter(|sticky| !goes_first(sticky));
        out.extend(last.filter_map(|sticky| message_for(self.mod_ex, sticky.wire.clone(), at)));
        self.sticky.clone_from(&tracks.sticky);
    }

    fn configs(&mut self, tracks: &TrackSet, at: Timestamp, out: &mut Vec<Outgoing>) {
        let mut sent: Vec<Bytes> = Vec::new();
        for track in &tracks.tracks {
            let told = self.known(track.id).and_then(|known| known.config.clone());
            let news = track.config.as_ref().filter(|config| {
                told.as_ref()
                    .is_none_or(|told| !same_decoder(told, config) || !same_form(told, config))
            });
            let wire = news.and_then(|config| write_config(config, track.id));
            // Several Tracks may have been configured by one message.
            if let Some(wire) = wire.filter(|wire| !sent.contains(&wire.body)) {
                sent.push(wire.body.clone());
                out.extend(message_for(self.mod_ex, wire, at));
            }
            let told = told.filter(|told| told.codec == track.codec);
            let config = track.config.clone().or(told);
            self.known.retain(|known| known.id != track.id);
            self.known.push(Track { config, ..track.clone() });
        }
    }

    fn shift(&mut self, at: Timestamp) -> Timestamp {
        let base = *self.base.get_or_insert(at - Timestamp::ZERO);
        (at - base).max(Timestamp::ZERO)
    }
}

/// Whether a decoder set up for one can go on with the other.
fn same_decoder(one: &CodecConfig, other: &CodecConfig) -> bool {
    one.codec == other.codec && one.record == other.record
}

/// Whether both come in the same kind of message: legacy and enhanced ones differ in the first byte.
fn same_form(one: &CodecConfig, other: &CodecConfig) -> bool {
    let form = |config: &CodecConfig| {
        config.wire.as_ref().map(|wire| (wire.dialect, wire.body.first().copied()))
    };
    form(one) == form(other)
}

#[cfg(test)]
mod tests;
