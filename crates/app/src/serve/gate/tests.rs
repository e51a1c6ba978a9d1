//! The gate as transports see it.

use super::*;
use std::path::Path;
use std::time::Instant;

const FILE: &str = r#"
[[stream]]
name = "main"
key = "sk_main_0123456789"
[[stream]]
name = "closed"
key = "sk_closed_0123456789"
play = false
takeover = "always"
"#;

fn config(text: &str) -> Config {
    crate::config::read(Path::new("x.toml"), text.as_bytes(), []).unwrap().config
}

fn gate(text: &str) -> Arc<ConfigGate> {
    let gate = ConfigGate::new(Hub::new());
    gate.apply(&config(text));
    gate
}

fn request(action: Action, name: &str) -> AccessRequest {
    AccessRequest {
        action,
        protocol: "rtmp",
        app: "live".to_owned(),
        name: Secret::new(name),
        keys: Vec::new(),
        query: Secret::default(),
        user: None,
        login: None,
        peer: "127.0.0.1:5000".parse().unwrap(),
        secure: false,
        client: manycast_hub::ClientFacts::default(),
    }
}

fn ask(gate: &ConfigGate, action: Action, name: &str) -> Result<Grant, DenialKind> {
    let request = request(action, name);
    gate.decide(&request).map_err(|denial| denial.kind)
}

fn is_over(grant: &mut Grant) -> Option<String> {
    let mut revoked = std::pin::pin!(grant.lease.revoked());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match revoked.as_mut().poll(&mut context) {
        std::task::Poll::Ready(reason) => Some(reason.to_string()),
        std::task::Poll::Pending => None,
    }
}

#[test]
fn c4_only_a_whole_key_opens_a_stream() {
    let gate = gate(FILE);
    let grant = ask(&gate, Action::Publish, "sk_main_0123456789").unwrap();
    assert_eq!(grant.stream.name().as_str(), "main");
    let grant = ask(&gate, Action::Publish, "sk_closed_0123456789?bitrate=1").unwrap();
    assert_eq!(grant.stream.name().as_str(), "closed");
    assert_eq!(grant.takeover, Takeover::Always);
    for wrong in ["", "main", "sk_main_012345678", "sk_main_01234567899", "SK_MAIN_0123456789", "?"]
    {
        let denied = ask(&gate, Action::Publish, wrong).map(|_| ()).unwrap_err();
        assert_eq!(denied, DenialKind::UnknownKey, "{wrong:?}");
    }
    let denied = gate.counters.denied().find(|(a, r, _)| (*a, *r) == ("publish", "unknown_key"));
    assert_eq!(denied.map(|(_, _, n)| n), Some(6));
}

/// Where encoders put a key that have no field for one, or use it for the name.
#[test]
fn section9_a_key_elsewhere_in_the_address_opens_the_stream() {
    let gate = gate(FILE);
    let publish = |name: &str, keys: &[&str]| {
        let keys = keys.iter().map(|key| Secret::new(key)).collect();
        let answer = gate.decide(&AccessRequest { keys, ..request(Action::Publish, name) });
        answer.map(|grant| grant.stream.name().to_string()).map_err(|denial| denial.kind)
    };
    let (main, closed) = ("sk_main_0123456789", "sk_closed_0123456789");
    assert_eq!(publish("main", &["main", main]).as_deref(), Ok("main"));
    assert_eq!(publish("anything", &["x", closed]).as_deref(), Ok("closed"));
    assert_eq!(publish("", &["", main]).as_deref(), Ok("main"));
    assert_eq!(publish(main, &[main, closed]).as_deref(), Ok("main"), "the name comes first");
    assert_eq!(
        publish("main", &["main", closed]),
        Err(DenialKind::UnknownKey),
        "not the named one"
    );
    assert_eq!(publish("main", &["main", "wrong"]), Err(DenialKind::UnknownKey));
}

#[test]
fn section8_4_a_stream_with_a_user_takes_nobody_else() {
    let text =
        FILE.replace("name = \"main\"", "name = \"main\"\nuser = \"crew\"\npassword = \"sesame\"");
    let login = |user: &str, password: &str| {
        Some(Login { user: Secret::new(user), password: Secret::new(password) })
    };
    let gate = gate(&text);
    let publish = |user: Option<&str>, login: Option<Login>| {
        let user = user.map(Secret::new);
        let asked = AccessRequest { user, login, ..request(Action::Publish, "sk_main_0123456789") };
        gate.decide(&asked).map(|_| ()).map_err(|denial| denial.kind)
    };
    assert_eq!(publish(Some("crew"), None), Ok(()));
    assert_eq!(publish(None, login("crew", "sesame")), Ok(()));
    for (user, login) in [
        (None, None),
        (Some("guest"), None),
        (Some(""), None),
        (None, login("crew", "sesam")),
        (None, login("guest", "sesame")),
    ] {
        assert_eq!(publish(user, login), Err(DenialKind::Forbidden));
    }
    assert!(ask(&gate, Action::Publish, "sk_closed_0123456789").is_ok(), "it asks for no user");
    assert!(ask(&gate, Action::Play, "main").is_ok(), "viewers are not asked");
    let mut publishing = gate
        .decide(&AccessRequest {
            user: Some(Secret::new("crew")),
            ..request(Action::Publish, "sk_main_0123456789")
        })
        .unwrap();
    gate.apply(&config(&text));
    assert_eq!(is_over(&mut publishing), None);
    gate.apply(&config(&text.replace("sesame", "another")));
    assert!(is_over(&mut publishing).is_some(), "its password was changed");
}

#[test]
fn section8_4_the_user_of_the_listener_holds_where_a_stream_names_none() {
    let text = format!("[rtmp]\nopen = true\nuser = \"all\"\npassword = \"sesame\"\n{FILE}")
        .replace("play = false", "user = \"own\"\npassword = \"knock\"");
    let gate = gate(&text);
    let publish = |name: &str, user: &str| {
        let asked =
            AccessRequest { user: Some(Secret::new(user)), ..request(Action::Publish, name) };
        gate.decide(&asked).is_ok()
    };
    for (name, user, admitted) in [
        ("sk_main_0123456789", "all", true),
        ("sk_main_0123456789", "own", false),
        ("sk_closed_0123456789", "own", true),
        ("sk_closed_0123456789", "all", false),
        ("guest", "all", true),
        ("guest", "own", false),
    ] {
        assert_eq!(publish(name, user), admitted, "{name} {user}");
    }
}

#[test]
fn viewers_ask_by_name_and_never_by_key() {
    let gate = gate(FILE);
    assert!(ask(&gate, Action::Play, "main").is_ok());
    assert!(ask(&gate, Action::Play, "main?token=x").is_ok());
    for (name, want) in [
        ("closed", DenialKind::Forbidden),
        ("nobody", DenialKind::UnknownStream),
        ("sk_main_0123456789", DenialKind::UnknownStream),
        ("main~720p", DenialKind::UnknownStream),
        ("../main", DenialKind::UnknownStream),
        ("", DenialKind::UnknownStream),
    ] {
        assert_eq!(ask(&gate, Action::Play, name).map(|_| ()), Err(want), "{name:?}");
    }
}

#[test]
fn an_open_server_takes_any_name_within_bounds() {
    let gate = gate(&format!("[rtmp]\nopen = true\n{FILE}"));
    assert_eq!(ask(&gate, Action::Play, "guest").map(|_| ()), Err(DenialKind::UnknownStream));
    let grant = ask(&gate, Action::Publish, "guest").unwrap();
    assert_eq!(grant.stream.name().as_str(), "guest");
    assert!(ask(&gate, Action::Play, "guest").is_ok());
    assert_eq!(ask(&gate, Action::Publish, "a b").map(|_| ()), Err(DenialKind::UnknownKey));
    assert_eq!(ask(&gate, Action::Publish, "").map(|_| ()), Err(DenialKind::UnknownKey));
    let grants: Vec<_> =
        (0..MAX_OPEN * 2).map(|n| ask(&gate, Action::Publish, &format!("n{n}"))).collect();
    let full = grants.iter().filter(|g| matches!(g, Err(DenialKind::Full))).count();
    assert!(full >= MAX_OPEN - 2, "{full}");
    assert!(ask(&gate, Action::Publish, "sk_main_0123456789").is_ok());
}

#[test]
fn a_stream_without_a_key_is_not_opened_by_an_empty_one() {
    let gate = gate("[rtmp]\nopen = true\n[[stream]]\nname = \"main\"\n");
    assert!(ask(&gate, Action::Publish, "").is_err());
    assert_eq!(ask(&gate, Action::Publish, "main").unwrap().stream.name().as_str(), "main");
}

#[test]
fn the_number_of_publishers_is_bounded() {
    let gate = gate(&format!("[limits]\npublishers = 1\n{FILE}"));
    let grant = ask(&gate, Action::Publish, "sk_main_0123456789").unwrap();
    let publisher = grant.stream.publish(Instant::now(), grant.takeover, "probe").unwrap();
    let full = ask(&gate, Action::Publish, "sk_closed_0123456789").map(|_| ());
    assert_eq!(full, Err(DenialKind::Full));
    assert!(ask(&gate, Action::Publish, "sk_main_0123456789").is_ok(), "it may return");
    drop(publisher);
    assert!(ask(&gate, Action::Publish, "sk_closed_0123456789").is_ok());
}

#[test]
fn g1_a_reload_ends_what_it_would_not_have_let_in_and_nothing_else() {
    for (from, to, publisher, viewer) in [
        ("", "", false, false),
        ("sk_closed_0123456789", "sk_other_0123456789", false, false),
        ("takeover = \"always\"", "", false, false),
        ("sk_main_0123456789", "sk_other_0123456789", true, false),
        ("name = \"main\"", "name = \"main\"\nplay = false", false, true),
        ("name = \"main\"", "name = \"other\"", true, true),
    ] {
        let gate = gate(FILE);
        let mut publishing = ask(&gate, Action::Publish, "sk_main_0123456789").unwrap();
        let mut playing = ask(&gate, Action::Play, "main").unwrap();
        gate.apply(&config(&FILE.replace(from, to)));
        assert_eq!(is_over(&mut publishing).is_some(), publisher, "{from} -> {to}");
        assert_eq!(is_over(&mut playing).is_some(), viewer, "{from} -> {to}");
    }
}

#[test]
fn g1_an_open_server_that_closes_ends_its_guests() {
    let open = format!("[rtmp]\nopen = true\n{FILE}");
    let gate = gate(&open);
    let mut guest = ask(&gate, Action::Publish, "guest").unwrap();
    let mut main = ask(&gate, Action::Publish, "sk_main_0123456789").unwrap();
    gate.apply(&config(&open));
    assert_eq!(is_over(&mut guest), None);
    gate.apply(&config(FILE));
    assert!(is_over(&mut guest).is_some());
    assert_eq!(is_over(&mut main), None);
}
