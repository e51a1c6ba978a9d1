//! The gate as transports see it.

mod refused;

use super::key::KNOWN;
use super::*;
use manycast_hub::WindowLimits;
use std::net::SocketAddr;
use std::time::Instant;

const MAIN: &str = "sk_main_0123456789";
const SIDE: &str = "sk_side_0123456789";
const T0: UnixMs = UnixMs(1_800_000_000_000);

fn secret(text: &str) -> Secret {
    Secret::new(text)
}

fn login(user: &str, password: &str) -> Login {
    Login { user: secret(user), password: secret(password) }
}

fn file_key(text: &str) -> AccessKey {
    AccessKey::from_file(secret(text))
}

/// A key as the database has it.
fn row_key(id: &str, text: &str) -> AccessKey {
    AccessKey {
        id: Some(id.to_owned()),
        label: format!("label of {id}"),
        material: KeyMaterial::Sha256 {
            digest: crate::random::hash(text),
            prefix: text.chars().take(8).collect(),
        },
        expires_at: None,
        addresses: Vec::new(),
        known_addresses: Vec::new(),
    }
}

fn stream(name: &str, keys: Vec<AccessKey>) -> StreamAccess {
    StreamAccess {
        name: StreamName::new(name).unwrap(),
        keys,
        login: None,
        play: true,
        takeover: Takeover::default(),
    }
}

/// `main` may be watched, `side` may not.
fn two() -> AccessTable {
    let side = StreamAccess {
        play: false,
        takeover: Takeover::Always,
        ..stream("side", vec![file_key(SIDE)])
    };
    AccessTable { streams: vec![stream("main", vec![file_key(MAIN)]), side], ..Default::default() }
}

fn with_keys(keys: Vec<AccessKey>) -> AccessTable {
    AccessTable { streams: vec![stream("main", keys)], ..Default::default() }
}

fn gate(table: AccessTable) -> Arc<AccessGate> {
    timed(table).0
}

fn timed(table: AccessTable) -> (Arc<AccessGate>, Clock) {
    let clock = Clock::fixed(T0);
    let gate = AccessGate::with_clock(Hub::new(), clock.clone());
    gate.apply(table);
    (gate, clock)
}

fn request(action: Action, name: &str) -> AccessRequest {
    AccessRequest {
        action,
        protocol: "rtmp",
        app: "live".to_owned(),
        name: secret(name),
        keys: Vec::new(),
        query: Secret::default(),
        user: None,
        login: None,
        peer: "192.0.2.1:5000".parse().unwrap(),
        secure: false,
        client: manycast_hub::ClientFacts::default(),
    }
}

fn from(peer: &str, key: &str) -> AccessRequest {
    let peer = SocketAddr::new(peer.parse().unwrap(), 5000);
    AccessRequest { peer, ..request(Action::Publish, key) }
}

fn ask(gate: &AccessGate, action: Action, name: &str) -> Result<Grant, DenialKind> {
    gate.decide(&request(action, name)).map_err(|denial| denial.kind)
}

fn publish(gate: &AccessGate, key: &str) -> Result<Grant, DenialKind> {
    ask(gate, Action::Publish, key)
}

fn is_over(grant: &mut Grant) -> Option<String> {
    let mut revoked = std::pin::pin!(grant.lease.revoked());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match revoked.as_mut().poll(&mut context) {
        std::task::Poll::Ready(reason) => Some(reason.to_string()),
        std::task::Poll::Pending => None,
    }
}

/// Everything that it hears.
#[derive(Default)]
struct Ear(Mutex<Vec<Attempt>>);

impl GateObserver for Ear {
    fn attempted(&self, attempt: &Attempt) {
        self.0.lock().push(attempt.clone());
    }
}

fn heard(gate: &AccessGate) -> Arc<Ear> {
    let ear = Arc::new(Ear::default());
    gate.observe(ear.clone());
    ear
}

#[test]
fn c4_only_a_whole_key_opens_a_stream() {
    let gate = gate(two());
    let grant = publish(&gate, MAIN).unwrap();
    assert_eq!(grant.stream.name().as_str(), "main");
    let grant = publish(&gate, &format!("{SIDE}?bitrate=1")).unwrap();
    assert_eq!(grant.stream.name().as_str(), "side");
    assert_eq!(grant.takeover, Takeover::Always);
    for wrong in ["", "main", "sk_main_012345678", "sk_main_01234567899", "SK_MAIN_0123456789", "?"]
    {
        let denied = publish(&gate, wrong).map(|_| ()).unwrap_err();
        assert_eq!(denied, DenialKind::UnknownKey, "{wrong:?}");
    }
    let denied = gate.counters().denied().find(|(a, r, _)| (*a, *r) == ("publish", "unknown_key"));
    assert_eq!(denied.map(|(_, _, n)| n), Some(6));
}

/// Where encoders put a key that have no field for one, or use it for the name.
#[test]
fn section9_a_key_elsewhere_in_the_address_opens_the_stream() {
    let gate = gate(two());
    let publish = |name: &str, keys: &[&str]| {
        let keys = keys.iter().map(|key| secret(key)).collect();
        let answer = gate.decide(&AccessRequest { keys, ..request(Action::Publish, name) });
        answer.map(|grant| grant.stream.name().to_string()).map_err(|denial| denial.kind)
    };
    assert_eq!(publish("main", &["main", MAIN]).as_deref(), Ok("main"));
    assert_eq!(publish("anything", &["x", SIDE]).as_deref(), Ok("side"));
    assert_eq!(publish("", &["", MAIN]).as_deref(), Ok("main"));
    assert_eq!(publish(MAIN, &[MAIN, SIDE]).as_deref(), Ok("main"), "the name comes first");
    assert_eq!(publish("main", &["main", SIDE]), Err(DenialKind::UnknownKey), "not the named one");
    assert_eq!(publish("main", &["main", "wrong"]), Err(DenialKind::UnknownKey));
}

#[test]
fn section8_4_a_stream_with_a_user_takes_nobody_else() {
    let table = |password: &str| {
        let mut table = two();
        table.streams[0].login = Some(login("crew", password));
        table
    };
    let gate = gate(table("sesame"));
    let publish_as = |user: Option<&str>, login: Option<Login>| {
        let user = user.map(Secret::new);
        let asked = AccessRequest { user, login, ..request(Action::Publish, MAIN) };
        gate.decide(&asked).map_err(|denial| denial.kind)
    };
    let mut publishing = publish_as(Some("crew"), None).unwrap();
    assert!(publish_as(None, Some(login("crew", "sesame"))).is_ok());
    for (user, login) in [
        (None, None),
        (Some("guest"), None),
        (Some(""), None),
        (None, Some(login("crew", "sesam"))),
        (None, Some(login("guest", "sesame"))),
    ] {
        assert_eq!(publish_as(user, login).map(|_| ()), Err(DenialKind::Forbidden));
    }
    assert!(publish(&gate, SIDE).is_ok(), "it asks for no user");
    assert!(ask(&gate, Action::Play, "main").is_ok(), "viewers are not asked");
    gate.apply(table("sesame"));
    assert_eq!(is_over(&mut publishing), None);
    gate.apply(table("another"));
    assert!(is_over(&mut publishing).is_some(), "its password was changed");
}

#[test]
fn section8_4_open_names_have_a_user_of_their_own() {
    let mut table = AccessTable { open: true, open_login: Some(login("all", "sesame")), ..two() };
    table.streams[0].login = table.open_login.clone();
    table.streams[1].login = Some(login("own", "knock"));
    let gate = gate(table);
    for (name, user, admitted) in [
        (MAIN, "all", true),
        (MAIN, "own", false),
        (SIDE, "own", true),
        (SIDE, "all", false),
        ("guest", "all", true),
        ("guest", "own", false),
    ] {
        let asked = AccessRequest { user: Some(secret(user)), ..request(Action::Publish, name) };
        assert_eq!(gate.decide(&asked).is_ok(), admitted, "{name} {user}");
    }
}

#[test]
fn j4_viewers_ask_by_name_and_never_by_key() {
    let gate = gate(two());
    assert!(ask(&gate, Action::Play, "main").is_ok());
    assert!(ask(&gate, Action::Play, "main?token=x").is_ok());
    for (name, want) in [
        ("side", DenialKind::Forbidden),
        ("nobody", DenialKind::UnknownStream),
        (MAIN, DenialKind::UnknownStream),
        ("main~720p", DenialKind::UnknownStream),
        ("../main", DenialKind::UnknownStream),
        ("", DenialKind::UnknownStream),
    ] {
        assert_eq!(ask(&gate, Action::Play, name).map(|_| ()), Err(want), "{name:?}");
    }
}

#[test]
fn an_open_server_takes_any_name_within_bounds() {
    let gate = gate(AccessTable { open: true, ..two() });
    assert_eq!(ask(&gate, Action::Play, "guest").map(|_| ()), Err(DenialKind::UnknownStream));
    let grant = publish(&gate, "guest").unwrap();
    assert_eq!(grant.stream.name().as_str(), "guest");
    assert!(ask(&gate, Action::Play, "guest").is_ok());
    assert_eq!(publish(&gate, "a b").map(|_| ()), Err(DenialKind::UnknownKey));
    assert_eq!(publish(&gate, "").map(|_| ()), Err(DenialKind::UnknownKey));
    let grants: Vec<_> = (0..MAX_OPEN * 2).map(|n| publish(&gate, &format!("n{n}"))).collect();
    let full = grants.iter().filter(|g| matches!(g, Err(DenialKind::Full))).count();
    assert!(full >= MAX_OPEN - 2, "{full}");
    assert!(publish(&gate, MAIN).is_ok());
}

#[test]
fn a_stream_without_a_key_is_not_opened_by_an_empty_one() {
    let gate = gate(AccessTable { open: true, ..with_keys(vec![file_key("")]) });
    assert!(publish(&gate, "").is_err());
    assert_eq!(publish(&gate, "main").unwrap().stream.name().as_str(), "main");
}

#[test]
fn the_number_of_publishers_is_bounded() {
    let gate = gate(AccessTable { publishers: Some(1), ..two() });
    let grant = publish(&gate, MAIN).unwrap();
    let publisher = grant.stream.publish(Instant::now(), grant.takeover, "probe").unwrap();
    assert_eq!(publish(&gate, SIDE).map(|_| ()), Err(DenialKind::Full));
    assert!(publish(&gate, MAIN).is_ok(), "it may return");
    drop(publisher);
    assert!(publish(&gate, SIDE).is_ok());
}

#[test]
fn g1_another_table_ends_what_it_would_not_have_let_in_and_nothing_else() {
    type Change = fn(&mut AccessTable);
    let rows: [(&str, Change, bool, bool); 8] = [
        ("nothing", |_| {}, false, false),
        ("key of another", |t| t.streams[1].keys = vec![file_key("x")], false, false),
        ("takeover", |t| t.streams[0].takeover = Takeover::Always, false, false),
        ("limits", |t| t.window = WindowLimits::default(), false, false),
        ("one more key", |t| t.streams[0].keys.push(row_key("1", "more")), false, false),
        ("its key", |t| t.streams[0].keys = vec![file_key("x")], true, false),
        ("not watched", |t| t.streams[0].play = false, false, true),
        ("removed", |t| drop(t.streams.remove(0)), true, true),
    ];
    for (what, change, publisher, viewer) in rows {
        let gate = gate(two());
        let mut publishing = publish(&gate, MAIN).unwrap();
        let mut playing = ask(&gate, Action::Play, "main").unwrap();
        let mut table = two();
        change(&mut table);
        gate.apply(table);
        assert_eq!(is_over(&mut publishing).is_some(), publisher, "{what}");
        assert_eq!(is_over(&mut playing).is_some(), viewer, "{what}");
    }
}

#[test]
fn g1_an_open_server_that_closes_ends_its_guests() {
    let open = || AccessTable { open: true, ..two() };
    let gate = gate(open());
    let mut guest = publish(&gate, "guest").unwrap();
    let mut viewer = ask(&gate, Action::Play, "guest").unwrap();
    let mut main = publish(&gate, MAIN).unwrap();
    gate.apply(open());
    assert_eq!((is_over(&mut guest), is_over(&mut viewer)), (None, None));
    gate.apply(two());
    assert!(is_over(&mut guest).is_some() && is_over(&mut viewer).is_some());
    assert_eq!(is_over(&mut main), None);
}

/// Two encoders with a key each: to withdraw one ends one.
#[test]
fn j7_a_session_belongs_to_the_key_that_it_came_in_with() {
    let keys = || vec![file_key(MAIN), row_key("1", "first"), row_key("2", "second")];
    let gate = gate(with_keys(keys()));
    let mut sessions: Vec<Grant> =
        [MAIN, "first", "second"].map(|key| publish(&gate, key).unwrap()).into();
    let over = |sessions: &mut Vec<Grant>| -> Vec<bool> {
        sessions.iter_mut().map(|grant| is_over(grant).is_some()).collect()
    };
    assert!(gate.key_in_use("1") && gate.keys_in_use().len() == 2);
    gate.apply(with_keys(keys()));
    assert_eq!(over(&mut sessions), [false, false, false]);
    let mut without_first = keys();
    without_first.remove(1);
    gate.apply(with_keys(without_first));
    assert_eq!(over(&mut sessions), [false, true, false]);
    assert_eq!(gate.keys_in_use(), HashSet::from(["2".to_owned()]));
    drop(sessions);
    assert!(!gate.key_in_use("2"));
}

/// Old and new hold side by side; when the old one's time is over, whoever is in with it stays.
#[test]
fn j7_rotation_cuts_nobody() {
    let (gate, clock) = timed(with_keys(vec![row_key("1", "old")]));
    let mut live = publish(&gate, "old").unwrap();
    let grace = Duration::from_secs(600);
    let old = || AccessKey { expires_at: Some(T0.plus(grace)), ..row_key("1", "old") };
    let both = || with_keys(vec![old(), row_key("2", "new")]);
    gate.apply(both());
    assert!(publish(&gate, "old").is_ok(), "within the grace");
    let mut next = publish(&gate, "new").unwrap();
    clock.advance(grace);
    assert_eq!(publish(&gate, "old").map(|_| ()), Err(DenialKind::UnknownKey));
    gate.apply(both());
    assert_eq!((is_over(&mut live), is_over(&mut next)), (None, None));
    gate.apply(with_keys(vec![row_key("2", "new")]));
    assert!(is_over(&mut live).is_some());
    assert_eq!(is_over(&mut next), None);
}

/// A request that was decided by the old table while the new one was applied gets no lasting lease.
#[test]
fn j7_a_lease_taken_after_the_key_was_withdrawn_is_over() {
    let gate = gate(with_keys(vec![row_key("1", "old")]));
    let before = gate.table.load_full();
    gate.apply(with_keys(Vec::new()));
    let mut late = gate.publish(&before, &request(Action::Publish, "old")).ok().unwrap().grant;
    assert!(is_over(&mut late).is_some());
}

#[test]
fn a_key_may_be_bound_to_addresses() {
    let bound = |nets: &[&str]| {
        let addresses = nets.iter().map(|net| net.parse().unwrap()).collect();
        with_keys(vec![AccessKey { addresses, ..row_key("1", "key") }])
    };
    let gate = gate(bound(&["192.0.2.0/24", "2001:db8::/32"]));
    for (peer, admitted) in [
        ("192.0.2.200", true),
        ("::ffff:192.0.2.7", true),
        ("2001:db8::7", true),
        ("198.51.100.1", false),
        ("2001:db9::7", false),
    ] {
        assert_eq!(gate.decide(&from(peer, "key")).is_ok(), admitted, "{peer}");
    }
    let mut near = gate.decide(&from("192.0.2.7", "key")).unwrap();
    let mut far = gate.decide(&from("2001:db8::7", "key")).unwrap();
    gate.apply(bound(&["192.0.2.0/24"]));
    assert_eq!(is_over(&mut near), None);
    assert!(is_over(&mut far).is_some(), "it may no longer be used from there");
}

/// What is wrong about a key is for those who run the server.
#[test]
fn c4_strangers_hear_the_same_whatever_is_wrong_with_a_key() {
    let expired = AccessKey { expires_at: Some(T0), ..row_key("1", "expired") };
    let net = "198.51.100.0/24".parse().unwrap();
    let bound = AccessKey { addresses: vec![net], ..row_key("2", "elsewhere") };
    let gate = gate(with_keys(vec![expired, bound]));
    let ear = heard(&gate);
    let answers: Vec<Denial> = ["expired", "elsewhere", "unknown"]
        .map(|key| gate.decide(&request(Action::Publish, key)).map(|_| ()).unwrap_err())
        .into();
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let heard = ear.0.lock();
    let reasons: Vec<_> = heard
        .iter()
        .map(|attempt| match &attempt.outcome {
            AttemptOutcome::Refused { reason, .. } => (*reason, attempt.key.is_some()),
            AttemptOutcome::Admitted { .. } => panic!("nobody was let in"),
        })
        .collect();
    assert_eq!(
        reasons,
        [
            (RefusalReason::ExpiredKey, true),
            (RefusalReason::AddressNotAllowed, true),
            (RefusalReason::UnknownKey, false)
        ]
    );
}

/// An open server does not take an expired key for a name, which would be shown.
#[test]
fn j1_an_expired_key_is_no_name() {
    let expired = AccessKey { expires_at: Some(T0), ..row_key("1", "expiredkey") };
    let gate = gate(AccessTable { open: true, ..with_keys(vec![expired]) });
    assert_eq!(publish(&gate, "expiredkey").map(|_| ()), Err(DenialKind::UnknownKey));
    assert!(gate.hub.get(&StreamName::new("expiredkey").unwrap()).is_none());
}

#[test]
fn a_new_address_of_a_known_key_is_told_once() {
    let known =
        AccessKey { known_addresses: vec!["192.0.2.1".parse().unwrap()], ..row_key("1", "known") };
    let gate = gate(with_keys(vec![known, row_key("2", "never-used")]));
    let ear = heard(&gate);
    for (peer, key, new) in [
        ("192.0.2.1", "known", false),
        ("192.0.2.2", "known", true),
        ("192.0.2.2", "known", false),
        ("2001:db8::1", "known", true),
        ("2001:db8::2", "known", false),
        ("192.0.2.9", "never-used", false),
        ("192.0.2.8", "never-used", true),
    ] {
        gate.decide(&from(peer, key)).unwrap();
        let last = ear.0.lock().last().unwrap().clone();
        assert_eq!(last.outcome, AttemptOutcome::Admitted { new_address: new }, "{peer} {key}");
        assert_eq!((last.at, last.stream.unwrap().as_str()), (T0, "main"));
    }
    let known = |id| gate.known_addresses(id).len();
    assert_eq!((known("1"), known("2"), known("3")), (3, 2, 0));
    for n in 0..=255 {
        gate.decide(&from(&format!("198.51.100.{n}"), "known")).unwrap();
    }
    assert_eq!(known("1"), KNOWN, "bounded");
    gate.apply(with_keys(vec![row_key("1", "known")]));
    assert_eq!(known("1"), KNOWN, "another table forgets nothing");
}

fn kept(address: IpAddr, span: Duration, why: &str) -> Block {
    let (why, by) = (why.to_owned(), "olga".to_owned());
    Block { address, since: T0, until: T0.plus(span), why, by }
}

#[test]
fn c7_a_blocked_address_is_ended_and_kept_out_until_its_time_is_over() {
    let (gate, clock) = timed(AccessTable { open: true, ..two() });
    let mut bad = gate.decide(&from("192.0.2.66", MAIN)).unwrap();
    let mut guest = gate.decide(&from("192.0.2.66", "guest")).unwrap();
    let mut good = gate.decide(&from("192.0.2.7", SIDE)).unwrap();
    let span = Duration::from_secs(600);
    gate.block(kept("192.0.2.66".parse().unwrap(), span, "spam"));
    assert!(is_over(&mut bad).unwrap().contains("blocked"));
    assert!(is_over(&mut guest).is_some());
    assert_eq!(is_over(&mut good), None);
    let kind = |action, peer: &str| {
        let asked = AccessRequest { action, ..from(peer, MAIN) };
        gate.decide(&asked).map(|_| ()).map_err(|denial| denial.kind)
    };
    assert_eq!(kind(Action::Publish, "192.0.2.66"), Err(DenialKind::Forbidden));
    assert_eq!(kind(Action::Play, "::ffff:192.0.2.66"), Err(DenialKind::Forbidden));
    assert_eq!(kind(Action::Publish, "192.0.2.7"), Ok(()));
    let blocks = gate.blocks();
    assert_eq!((blocks.len(), blocks[0].until, blocks[0].why.as_str()), (1, T0.plus(span), "spam"));
    clock.advance(span);
    assert_eq!(kind(Action::Publish, "192.0.2.66"), Ok(()));
    assert!(gate.blocks().is_empty());
    gate.block(kept("2001:db8::1".parse().unwrap(), span * 3, ""));
    assert_eq!(kind(Action::Publish, "2001:db8::ffff"), Err(DenialKind::Forbidden));
    assert!(gate.unblock("2001:db8::7".parse().unwrap()));
    assert!(!gate.unblock("2001:db8::7".parse().unwrap()));
    assert_eq!(kind(Action::Publish, "2001:db8::ffff"), Ok(()));
}

#[test]
fn blocks_are_bounded() {
    let gate = gate(two());
    for n in 0..5000u32 {
        let span = Duration::from_secs(u64::from(n) + 1);
        gate.block(kept(IpAddr::from(n.to_be_bytes()), span, ""));
    }
    let blocks = gate.blocks();
    assert_eq!(blocks.len(), 4096);
    assert!(blocks[0].until > T0.plus(Duration::from_secs(900)), "those that end first have gone");
}

/// B11: guessing gets slow, the right key never does.
#[tokio::test(start_paused = true)]
async fn b11_wrong_keys_wait_and_the_right_one_does_not() {
    let gate = gate(two());
    let timed = async |key: &str| {
        let start = tokio::time::Instant::now();
        let admitted = gate.admit(request(Action::Publish, key)).await.is_ok();
        (admitted, start.elapsed().as_secs())
    };
    for _ in 0..10 {
        assert_eq!(timed("wrong").await, (false, 0));
    }
    assert_eq!(timed("wrong").await, (false, 1));
    assert_eq!(timed("wrong").await, (false, 2));
    assert_eq!(timed("wrong").await, (false, 2));
    assert_eq!(timed(MAIN).await, (true, 0));
    let other = gate.admit(from("192.0.2.77", "wrong"));
    let start = tokio::time::Instant::now();
    assert!(other.await.is_err());
    assert_eq!(start.elapsed(), Duration::ZERO, "others do not wait");
}

#[test]
fn refused_attempts_are_kept_within_bounds() {
    let gate = gate(two());
    for n in 0..2 * ATTEMPTS {
        let _ = publish(&gate, &format!("wrong{n}"));
    }
    assert_eq!(gate.attempts().len(), ATTEMPTS);
    let _ = publish(&gate, MAIN);
    assert_eq!(gate.attempts().len(), ATTEMPTS, "those that were let in are not among them");
}
