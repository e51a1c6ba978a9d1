use super::*;
use crate::frame::{self, Stamp};
use manycast_rtmp::command::RtmpUrl;
use manycast_rtmp::session::{
    ClientConfig, ClientEvent, ClientRole, ClientSession, Input, MediaKind, Output,
};
use std::time::Duration;

const KEY: &str = "sesame-1234";

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn tls() -> Security {
    Security::Tls { sni: Some("ingest.example".into()) }
}

/// The product's client on a connection to a stand-in, without any delay.
struct Peer {
    id: ConnectionId,
    client: ClientSession,
    events: Vec<ClientEvent>,
    closed: Option<Action>,
    sent: u32,
}

impl Peer {
    fn connect(platform: &mut Platform, now: Instant, app: &str, key: &str) -> Self {
        let url = RtmpUrl::with_key(&format!("rtmps://ingest.example/{app}"), key).expect("a URL");
        let config = ClientConfig::new(&url, ClientRole::Publish, [3; 32]);
        let id = platform.accept(now, tls());
        let client = ClientSession::new(now, config);
        let mut peer = Self { id, client, events: Vec::new(), closed: None, sent: 0 };
        peer.turn(platform, now);
        peer
    }

    /// Carries bytes both ways until nobody has any.
    fn turn(&mut self, platform: &mut Platform, now: Instant) {
        loop {
            let mut quiet = true;
            loop {
                match self.client.poll_output() {
                    Output::Transmit(piece) => {
                        quiet = false;
                        platform.arrive(now, self.id, Arrival::Bytes(&piece));
                    }
                    Output::Event(event) => self.events.push(event),
                    Output::Idle { .. } => break,
                }
            }
            while let Some(action) = platform.next_action(self.id) {
                match action {
                    Action::Send(piece) => {
                        quiet = false;
                        let _ = self.client.handle_input(now, Input::Bytes(&piece));
                    }
                    end => self.closed = Some(end),
                }
            }
            if quiet {
                return;
            }
        }
    }

    fn publishes(&self) -> bool {
        self.events.contains(&ClientEvent::Publishing)
    }

    fn refusal(&self) -> Option<&str> {
        self.events.iter().find_map(|event| match event {
            ClientEvent::Refused { code, .. } => Some(code.as_str()),
            _ => None,
        })
    }

    fn send(&mut self, platform: &mut Platform, now: Instant, bodies: &[(MediaKind, u32, Bytes)]) {
        for (kind, at, body) in bodies {
            assert!(self.client.send_media(*kind, *at, body.clone()));
        }
        self.turn(platform, now);
    }

    fn headers(&mut self, platform: &mut Platform, now: Instant, variant: u8) {
        let bodies = [
            (MediaKind::Data, 0, frame::metadata()),
            (MediaKind::Video, 0, frame::video_header(variant)),
            (MediaKind::Audio, 0, frame::audio_header()),
        ];
        self.send(platform, now, &bodies);
    }

    fn frame(&mut self, platform: &mut Platform, now: Instant) {
        let stamp = Stamp { source: 1, number: self.sent, clock: 1000 + self.sent * 100 };
        let body = frame::video(stamp, self.sent.is_multiple_of(10), 60);
        self.send(platform, now, &[(MediaKind::Video, self.sent * 100, body)]);
        self.sent += 1;
    }

    /// Sends frames for so long, ten per second.
    fn flow(&mut self, platform: &mut Platform, now: &mut Instant, time: Duration) {
        let until = *now + time;
        while *now < until && self.closed.is_none() {
            self.frame(platform, *now);
            self.wait(platform, now, Duration::from_millis(100));
        }
    }

    fn wait(&mut self, platform: &mut Platform, now: &mut Instant, time: Duration) {
        let until = *now + time;
        while let Some(at) = platform.deadline(self.id).filter(|at| *at <= until) {
            *now = at.max(*now);
            platform.tick(*now, self.id);
            self.turn(platform, *now);
        }
        *now = until;
    }
}

fn start(profile: Profile) -> (Platform, Peer, Instant) {
    let now = Instant::now();
    let mut platform = Platform::new(profile, frame::read);
    let app = platform.profile().app.clone();
    let mut peer = Peer::connect(&mut platform, now, &app, KEY);
    assert!(peer.publishes(), "{:?}", peer.events);
    peer.headers(&mut platform, now, 0);
    (platform, peer, now)
}

fn all() -> [Profile; 4] {
    [Profile::youtube(KEY), Profile::twitch(KEY), Profile::facebook(KEY), Profile::ivs(KEY)]
}

#[test]
fn a_stream_with_a_goodbye_is_recorded_and_ends_the_broadcast() {
    for profile in all() {
        let (mut platform, mut peer, mut now) = start(profile);
        peer.flow(&mut platform, &mut now, secs(3));
        peer.client.close();
        peer.turn(&mut platform, now);
        platform.arrive(now, peer.id, Arrival::Eof);
        let session = platform.session(peer.id);
        assert_eq!(session.complaints(), [""; 0]);
        assert!(session.said_goodbye(), "{:?}", session.commands);
        assert_eq!(session.key.as_deref(), Some(KEY));
        assert_eq!(session.intake.frames.count(), 30);
        assert_eq!(session.intake.times, Some((0, 2900)));
        let ended = platform.broadcasts(now)[0].ended;
        assert_eq!(ended, Some((now, BroadcastEnd::Goodbye)));
    }
}

#[test]
fn the_app_may_carry_a_query_and_the_key_too() {
    let now = Instant::now();
    let mut platform = Platform::new(Profile::youtube(KEY), frame::read);
    let key = format!("{KEY}?bandwidthtest=true");
    let peer = Peer::connect(&mut platform, now, "live2?backup=1", &key);
    assert!(peer.publishes());
    let session = platform.session(peer.id);
    assert_eq!(session.app, "live2?backup=1");
    assert!(session.tc_url.ends_with("/live2?backup=1"), "{}", session.tc_url);
    assert_eq!(session.key.as_deref(), Some(key.as_str()));
    let stranger = Peer::connect(&mut platform, now, "elsewhere", KEY);
    assert_eq!(stranger.refusal(), Some("NetConnection.Connect.InvalidApp"));
    let query = Profile::patient("live", "?streamname=x&key=y");
    let mut platform = Platform::new(query, frame::read);
    let peer = Peer::connect(&mut platform, now, "live", "?streamname=x&key=y");
    assert!(peer.publishes());
}

#[test]
fn a_bad_key_meets_each_platforms_way() {
    let rows = [
        (Profile::twitch(KEY), None, Some(Action::Close), Duration::ZERO),
        (Profile::youtube(KEY), None, Some(Action::Close), secs(6)),
        (
            Profile::facebook(KEY),
            Some("NetStream.Publish.Denied"),
            Some(Action::Close),
            Duration::ZERO,
        ),
        (Profile::ivs(KEY), Some("NetStream.Publish.BadName"), Some(Action::Close), Duration::ZERO),
    ];
    for (profile, refusal, closed, after) in rows {
        let profile = Profile { hang_up: HangUp::Fin, silence: None, ..profile };
        let (mut now, app) = (Instant::now(), profile.app.clone());
        let began = now;
        let mut platform = Platform::new(profile, frame::read);
        let mut peer = Peer::connect(&mut platform, now, &app, "nobody-knows");
        assert_eq!(peer.publishes(), after > Duration::ZERO);
        if peer.publishes() {
            peer.headers(&mut platform, now, 0);
            peer.flow(&mut platform, &mut now, secs(10));
        }
        assert_eq!((peer.refusal(), peer.closed.clone()), (refusal, closed));
        let (ended, end) = platform.session(peer.id).ended.expect("an end");
        assert_eq!((ended - began, end), (after, End::BadKey));
        assert_eq!(platform.broadcasts(now).len(), 0, "nothing goes on air");
    }
}

#[test]
fn silence_ends_a_session_after_the_platforms_time() {
    for (profile, limit) in all().into_iter().zip([None, Some(7), None, Some(5)]) {
        let (mut platform, mut peer, mut now) = start(profile);
        peer.flow(&mut platform, &mut now, secs(2));
        let last = now - Duration::from_millis(100);
        peer.wait(&mut platform, &mut now, secs(60));
        let ended = platform.session(peer.id).ended;
        assert_eq!(ended, limit.map(|limit| (last + secs(limit), End::Silence)));
    }
}

#[test]
fn a_lost_session_lingers_where_a_name_can_be_in_use() {
    let (mut platform, mut peer, mut now) = start(Profile::facebook(KEY));
    peer.flow(&mut platform, &mut now, secs(1));
    let rival = Peer::connect(&mut platform, now, "rtmp", KEY);
    assert_eq!(rival.refusal(), Some("NetStream.Publish.BadName"));
    platform.arrive(now, peer.id, Arrival::Reset);
    assert_eq!(platform.session(peer.id).ended, Some((now, End::Lost)));
    let early = Peer::connect(&mut platform, now + secs(7), "rtmp", KEY);
    assert_eq!(early.refusal(), Some("NetStream.Publish.BadName"));
    assert!(Peer::connect(&mut platform, now + secs(8), "rtmp", KEY).publishes());
    let broadcasts = platform.broadcasts(now + secs(8));
    assert_eq!(broadcasts.len(), 1, "it is the same broadcast");
    assert_eq!(broadcasts[0].sessions, [peer.id.0, 3]);
}

#[test]
fn a_newer_session_replaces_an_older_one_elsewhere() {
    let (mut platform, mut peer, now) = start(Profile::youtube(KEY));
    assert!(Peer::connect(&mut platform, now, "live2", KEY).publishes());
    peer.turn(&mut platform, now);
    assert_eq!(peer.closed, Some(Action::Close));
    assert_eq!(platform.session(peer.id).ended, Some((now, End::Replaced)));
    assert_eq!(platform.broadcasts(now).len(), 1);
}

#[test]
fn nobody_came_back_in_time_and_the_key_is_dead() {
    let (mut platform, peer, now) = start(Profile::facebook(KEY));
    platform.arrive(now, peer.id, Arrival::Eof);
    let late = now + secs(121);
    let ended = platform.broadcasts(late)[0].ended;
    assert_eq!(ended, Some((now + secs(120), BroadcastEnd::Abandoned)));
    let back = Peer::connect(&mut platform, late, "rtmp", KEY);
    assert_eq!(back.refusal(), Some("NetStream.Publish.Denied"));
}

#[test]
fn changed_parameters_end_a_session_at_one_platform_and_no_other() {
    for profile in all() {
        let ends = profile.parameters == Parameters::End;
        let (mut platform, mut peer, mut now) = start(profile);
        peer.flow(&mut platform, &mut now, secs(1));
        peer.headers(&mut platform, now, 0);
        assert_eq!(platform.session(peer.id).ended, None, "the same ones again are no change");
        peer.headers(&mut platform, now, 1);
        let ended = platform.session(peer.id).ended;
        assert_eq!(ended, ends.then_some((now, End::Parameters)));
    }
}

#[test]
fn a_session_is_cut_after_its_time() {
    let profile = Profile { cut: Some(secs(30)), ..Profile::ivs(KEY) };
    let (mut platform, mut peer, mut now) = start(profile);
    let began = now;
    peer.flow(&mut platform, &mut now, secs(40));
    assert_eq!(platform.session(peer.id).ended, Some((began + secs(30), End::Cut)));
    assert_eq!(peer.closed, Some(Action::Reset));
}

#[test]
fn a_redirect_is_understood() {
    let to = "rtmps://b.example/live2";
    let profile = Profile { redirect: Some(to.into()), ..Profile::youtube(KEY) };
    let now = Instant::now();
    let mut platform = Platform::new(profile, frame::read);
    let peer = Peer::connect(&mut platform, now, "live2", KEY);
    assert!(peer.events.contains(&ClientEvent::Redirect { url: to.into() }), "{:?}", peer.events);
}

#[test]
fn a_transport_that_is_not_as_demanded_is_reset() {
    let no_name = Security::Tls { sni: None };
    let rows = [
        (Profile::youtube(KEY), Security::Plain, false),
        (Profile::youtube(KEY), no_name.clone(), false),
        (Profile::youtube(KEY), tls(), true),
        (Profile::twitch(KEY), Security::Plain, true),
        (Profile::twitch(KEY), no_name, true),
    ];
    for (profile, security, admitted) in rows {
        let now = Instant::now();
        let mut platform = Platform::new(profile, frame::read);
        let id = platform.accept(now, security);
        let reset = platform.next_action(id) == Some(Action::Reset);
        assert_eq!(reset, !admitted);
        let ended = platform.session(id).ended;
        assert_eq!(ended, (!admitted).then_some((now, End::Transport)));
    }
}

#[test]
fn the_record_sees_what_is_wrong() {
    let (mut platform, mut peer, mut now) = start(Profile::twitch(KEY));
    peer.flow(&mut platform, &mut now, secs(1));
    peer.sent += 3; // a gap that does not end at a key frame
    peer.frame(&mut platform, now);
    peer.sent -= 6; // twice, and time goes back
    peer.frame(&mut platform, now);
    let late = Stamp { source: 1, number: 20, clock: 3000 };
    let body = frame::video(late, true, 60);
    let mut altered = frame::video(Stamp { number: 21, clock: 3100, ..late }, false, 60).to_vec();
    altered[50] ^= 4;
    let drifted = (MediaKind::Video, 2040, body);
    peer.send(&mut platform, now, &[drifted, (MediaKind::Video, 2100, altered.into())]);
    let complaints = platform.session(peer.id).complaints().join("; ");
    for what in ["go back", "altered", "out of order", "drift"] {
        assert!(complaints.contains(what), "{what}: {complaints}");
    }
    assert_eq!(platform.session(peer.id).intake.frames.missing(), 3 + 11);

    let mut bare = Peer::connect(&mut platform, now, "app", KEY);
    bare.sent = 1;
    bare.frame(&mut platform, now);
    let complaints = platform.session(bare.id).complaints().join("; ");
    for what in ["no metadata", "before their header", "no key frame"] {
        assert!(complaints.contains(what), "{what}: {complaints}");
    }
}
