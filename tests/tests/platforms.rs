//! Platforms over real TCP and TLS: stand-ins that behave as YouTube, Twitch, Facebook and Amazon IVS do
//! each get what they need, and say so when the key is wrong.

use manycast_sim::platform::{BadKey, BroadcastEnd, End, Profile, Session};
use manycast_tests::authority::Authority;
use manycast_tests::dns::NameServer;
use manycast_tests::sink::StandIn;
use manycast_tests::{Live, Manycast, Setup, Shape, Sink, millis, pause, secs, until};
use serde_json::Value;
use std::time::Instant;

const KEY: &str = "sk_platforms_0123456789";
const YOUTUBE: &str = "abcd-1234-efgh-5678";
const TWITCH: &str = "live_123456_Zyxwvu";
const FACEBOOK: &str = "FB-1234567-0-Abcdef";
const IVS: &str = "sk_eu-west-1_Abcdef";

/// The four, by names of their own that only they have certificates for.
struct Platforms {
    authority: Authority,
    names: NameServer,
    all: [(&'static str, StandIn); 4],
}

impl Platforms {
    fn new() -> Self {
        let (authority, names) = (Authority::new(), NameServer::new());
        let start = |name: &'static str, profile: Profile| {
            let host = format!("{name}.test");
            names.point(&host, &["127.0.0.1"]);
            let tls = profile.transport.tls.then(|| authority.server(&host));
            (name, StandIn::start(profile, tls))
        };
        let all = [
            start("youtube", Profile::youtube(YOUTUBE)),
            start("twitch", Profile::twitch(TWITCH)),
            start("facebook", Profile::facebook(FACEBOOK)),
            start("ivs", Profile::ivs(IVS)),
        ];
        Self { authority, names, all }
    }

    /// A configuration with the four as destinations, each with its key.
    fn setup(&self, keys: [&str; 4]) -> Setup {
        let resolver = format!("resolver = \"{}\"", self.names.address);
        let trust = format!("ca_file = \"{}\"", self.authority.file().display());
        let mut setup = Setup::new().egress(&resolver).egress(&trust).stream("main", KEY);
        for ((name, platform), key) in self.all.iter().zip(keys) {
            // Facebook gives its address with a slash at its end
            let slash = if *name == "facebook" { "/" } else { "" };
            let url = format!("{}{slash}", platform.url(&format!("{name}.test")));
            setup = setup.destination(name, &url, key);
        }
        setup
    }

    fn get(&self, wanted: &str) -> &StandIn {
        let found = self.all.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, platform)| platform).unwrap()
    }
}

fn shape(source: u8) -> Shape {
    Shape { source, size: 3000, ..Shape::default() }
}

fn all_live(server: &Manycast, platforms: &Platforms) {
    for (name, _) in &platforms.all {
        server.wait_state("main", name, "live", secs(12));
    }
}

/// The complaints of a platform about its sessions: none.
fn content(name: &str, session: &Session) {
    assert_eq!(session.complaints(), Vec::<String>::new(), "{name}: {session:?}");
    assert_eq!(session.intake.frames.missing(), 0, "{name}: {:?}", session.intake.frames.runs);
}

/// The right keys. An encoder lost for 3 s is one session everywhere; lost for 9 s it is one session on
/// those that bear it and two of one broadcast on those that do not; its goodbye ends every broadcast
/// at once.
#[test]
fn each_platform_gets_what_it_needs() {
    let platforms = Platforms::new();
    let setup = platforms.setup([YOUTUBE, &format!("{TWITCH}?bandwidthtest=true"), FACEBOOK, IVS]);
    let server = setup.start();
    for (source, away) in [(1, 3), (2, 9)] {
        let live = Live::start(server.rtmp(), KEY, shape(source)).unwrap();
        all_live(&server, &platforms);
        pause(secs(2));
        assert_eq!(live.vanish().error, None);
        pause(secs(away));
        for (name, platform) in &platforms.all {
            let view = server.destination("main", name);
            assert_eq!(view["state"], "held", "{view}");
            assert!(view["last_error"].is_null(), "a close in the hold is no failure: {view}");
            assert_eq!(platform.count(), 1, "{name}: one session so far");
        }
    }
    let live = Live::start(server.rtmp(), KEY, shape(3)).unwrap();
    all_live(&server, &platforms);
    pause(secs(2));
    assert_eq!(live.stop().error, None);
    let stopped = Instant::now();
    until("every broadcast ended", secs(9), || {
        let ended = |platform: &StandIn| platform.broadcasts().iter().all(|b| b.ended.is_some());
        platforms.all.iter().all(|(_, platform)| ended(platform))
    });
    println!("every broadcast ended {:?} after the encoder's goodbye", stopped.elapsed());
    for (name, platform) in &platforms.all {
        let (sessions, broadcasts) = (platform.sessions(), platform.broadcasts());
        let wanted = if ["twitch", "ivs"].contains(name) { 2 } else { 1 };
        assert_eq!(sessions.len(), wanted, "{name}: {sessions:?}");
        sessions.iter().for_each(|session| content(name, session));
        assert_eq!(broadcasts.len(), 1, "{name}: one broadcast in all: {broadcasts:?}");
        assert!(matches!(broadcasts[0].ended, Some((_, BroadcastEnd::Goodbye))), "{broadcasts:?}");
        assert!(sessions.last().unwrap().said_goodbye(), "{name}: {sessions:?}");
        if wanted == 2 {
            assert!(matches!(sessions[0].ended, Some((_, End::Silence))), "{name}: {sessions:?}");
        }
        assert!(server.destination("main", name)["last_error"].is_null(), "{name}");
    }
    let twitch = &platforms.get("twitch").sessions()[0];
    assert_eq!(twitch.key.as_deref(), Some("live_123456_Zyxwvu?bandwidthtest=true"));
    assert!(server.panics() < 0.5);
}

/// Wrong keys: in the platform's own words where it has any, else as what it probably is.
#[test]
fn d5_each_platform_has_its_own_way_to_refuse_a_key() {
    let platforms = Platforms::new();
    let beside = Sink::healthy();
    // one that takes what comes for 2 s before it closes, beside the one of `sim` that does for 6 s
    let hasty = BadKey::TakeThenClose(secs(2));
    let hasty = StandIn::start(Profile { bad_key: hasty, ..Profile::twitch(TWITCH) }, None);
    let setup = platforms.setup(["yt-0", "live_0", "FB-0", "sk_0"]);
    let setup = setup.destination("hasty", &hasty.url("127.0.0.1"), "live_0");
    let server = setup.destination("beside", &beside.url(), "copy").start();
    let live = Live::start(server.rtmp(), KEY, shape(1)).unwrap();
    for (name, words) in [("facebook", "is invalid or has expired"), ("ivs", "is not available")] {
        until(&format!("{name} says no"), secs(10), || {
            server.destination("main", name)["last_error"].to_string().contains(words)
        });
        println!("{name}: {}", server.destination("main", name)["last_error"]);
    }
    for name in ["facebook", "ivs"] {
        server.wait_state("main", name, "rejected", secs(5));
    }
    // closed without a word: three times before it is said what it probably is
    for name in ["twitch", "hasty", "youtube"] {
        let mut view = Value::Null;
        let said =
            |view: &Value| view["last_error"].as_str().unwrap_or("").contains("probably the key");
        let from = Instant::now();
        while !said(&view) {
            assert!(from.elapsed() < secs(45), "{name} is not seen through: {view}");
            pause(millis(100));
            view = server.destination("main", name);
        }
        println!("{name}: {}", view["last_error"]);
        assert!(view["dials"].as_u64() >= Some(3), "{view}");
    }
    let asked = |name: &str| platforms.get(name).count();
    println!("dials: youtube {}", asked("youtube"));
    assert_eq!(asked("facebook"), 1, "d5: not again for 5 minutes");
    assert!(asked("ivs") <= 2, "d5: words that may mean a name in use are doubted once");
    assert!(asked("youtube") <= 10, "d4: in the first minute");
    assert_eq!(live.stop().error, None);
    beside.tally().assert_whole("d5: the one beside");
    assert_eq!(beside.count(), 1);
}

/// A platform that ends a session when the parameters change: it is dialled again with the new ones, and
/// its broadcast goes on, whether we wait for the end or redial by setting; one that bears them keeps its
/// session.
#[test]
fn c5_changed_parameters_and_platforms_that_refuse_them() {
    let platforms = Platforms::new();
    let host = "facebook.test";
    let tls = Some(platforms.authority.server(host));
    let renewed = StandIn::start(Profile::facebook("FB-2"), tls);
    let setup = platforms.setup([YOUTUBE, TWITCH, FACEBOOK, IVS]);
    let setup = setup.destination("renewed", &renewed.url(host), "FB-2");
    let server = setup.option("on_config_change = \"redial\"").start();
    let live = Live::start(server.rtmp(), KEY, shape(1)).unwrap();
    all_live(&server, &platforms);
    pause(secs(1));
    assert_eq!(live.vanish().error, None);
    let other = Shape { level: 40, ..shape(2) };
    let live = Live::start(server.rtmp(), KEY, other).unwrap();
    let facebook = platforms.get("facebook");
    until("facebook is dialled again", secs(30), || {
        facebook.count() == 2 && facebook.frames() > 30
    });
    for (name, platform) in &platforms.all {
        server.wait_state("main", name, "live", secs(5));
        let (sessions, broadcasts) = (platform.sessions(), platform.broadcasts());
        let headers: Vec<_> = sessions.iter().map(|s| s.intake.video_headers.len()).collect();
        // the header that ends the session at the one is the first of its next
        let wanted = if *name == "facebook" { &[2, 1][..] } else { &[2] };
        assert_eq!(headers, wanted, "{name}");
        assert_eq!(broadcasts.len(), 1, "{name}: {broadcasts:?}");
        assert!(broadcasts[0].ended.is_none(), "{name}: {broadcasts:?}");
    }
    assert!(matches!(facebook.sessions()[0].ended, Some((_, End::Parameters))));
    // it may believe in the old session for a while, and says so
    server.wait_state("main", "renewed", "live", secs(40));
    until("frames of the new session", secs(5), || renewed.frames() > 30);
    let sessions = renewed.sessions();
    let (first, last) = (&sessions[0], &sessions[sessions.len() - 1]);
    println!("renewed: {} dials, {:?}", sessions.len(), first.ended);
    assert!(matches!(first.ended, Some((_, End::Lost))), "c5: no goodbye: {first:?}");
    for session in [first, last] {
        content("renewed", session);
        assert_eq!(session.intake.video_headers.len(), 1, "c5: {session:?}");
    }
    assert_eq!(renewed.broadcasts().len(), 1, "c5: one broadcast");
    assert_eq!(live.stop().error, None);
}

/// A crash leaves sessions behind that some platforms believe in for a while, and refuse the next one for
/// in words that they also use for a wrong key: it is tried again soon, not after 5 minutes.
#[test]
fn d14_a_name_in_use_after_a_crash_is_our_own() {
    let platforms = Platforms::new();
    let mut server = platforms.setup([YOUTUBE, TWITCH, FACEBOOK, IVS]).start();
    let live = Live::start(server.rtmp(), KEY, shape(1)).unwrap();
    all_live(&server, &platforms);
    pause(secs(1));
    server.crash_and_restart();
    server.wait_ready();
    drop(live);
    let live = Live::start(server.rtmp(), KEY, shape(2)).unwrap();
    let crashed = Instant::now();
    let mut refused = Vec::new();
    until("all are on air again", secs(60), || {
        let views: Vec<_> =
            platforms.all.iter().map(|(name, _)| server.destination("main", name)).collect();
        for view in &views {
            // the words of the one do not tell a name in use from a wrong key: it is asked once more
            let ambiguous = view["name"] == "ivs";
            assert!(view["state"] != "rejected" || ambiguous, "{view}");
            if view["last_error_kind"] == "in_use" && !refused.contains(&view["name"]) {
                println!("{}: {} ({})", view["name"], view["last_error"], view["state"]);
                refused.push(view["name"].clone());
            }
        }
        views.iter().all(|view| view["state"] == "live")
    });
    println!("all on air again {:?} after the crash", crashed.elapsed());
    assert!(!refused.is_empty(), "those that refuse a name in use did so");
    pause(secs(1));
    for (name, platform) in &platforms.all {
        let sessions = platform.sessions();
        content(name, &sessions[0]);
        content(name, sessions.last().unwrap());
        assert_eq!(platform.broadcasts().len(), 1, "{name}: the broadcast goes on");
    }
    assert_eq!(live.stop().error, None);
}

/// A platform that speaks TLS alone is never spoken to without it, and one asked for by a number
/// instead of a name is shown as what is wrong.
#[test]
fn platforms_that_demand_tls_are_not_reached_without() {
    let platforms = Platforms::new();
    let plain = platforms.get("youtube").url("youtube.test").replace("rtmps:", "rtmp:");
    let number = platforms.get("ivs").url("127.0.0.1");
    let resolver = format!("resolver = \"{}\"", platforms.names.address);
    let trust = format!("ca_file = \"{}\"", platforms.authority.file().display());
    let setup = Setup::new().egress(&resolver).egress(&trust).stream("main", KEY);
    let setup = setup.destination("plain", &plain, YOUTUBE);
    let server = setup.destination("number", &number, IVS).start();
    let live = Live::start(server.rtmp(), KEY, shape(1)).unwrap();
    for name in ["plain", "number"] {
        until(&format!("{name} fails"), secs(10), || {
            !server.destination("main", name)["last_error"].is_null()
        });
        let view = server.destination("main", name);
        println!("{name}: {}", view["last_error"]);
        assert_ne!(view["state"], "live", "{view}");
    }
    pause(millis(500));
    for session in platforms.get("youtube").sessions() {
        assert!(matches!(session.ended, Some((_, End::Transport))), "{session:?}");
        assert!(session.key.is_none(), "no key without encryption: {session:?}");
    }
    assert!(platforms.get("ivs").sessions().iter().all(|session| session.key.is_none()));
    assert_eq!(live.stop().error, None);
}
