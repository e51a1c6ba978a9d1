//! `[[stream]]` and `[[stream.destination]]`.

use super::fault::Place;
use super::login::{self, Pair, Users};
use super::section::{Section, Set};
use super::types::{BackupConfig, Config, DestinationConfig, RemoteConfig, StreamConfig};
use manycast_control::{Start, address};
use manycast_dial::{Gate, Refusal};
use manycast_hub::{Announce, ConfigChange, Login, Secret, Takeover, WantedTracks};
use manycast_media::{StreamName, TrackKind, TrackRule};
use manycast_restream::BackupMode;
use std::time::Duration;

const RECONNECT_WINDOW: Duration = Duration::from_secs(30);
/// The longest key, in bytes. Platforms' own are below 200.
const MAX_KEY: usize = 512;
/// Shorter keys of encoders can be guessed.
const SHORT_KEY: usize = 12;
/// The longest name of a destination, in characters.
const MAX_NAME: usize = 64;
/// The longest title of a stream, in characters.
const MAX_TITLE: usize = 100;

/// What was read so far, for telling doubles.
#[derive(Default)]
struct Known {
    names: Vec<(StreamName, Place)>,
    keys: Vec<(Secret, Place)>,
    /// Addresses of destinations, with the names of these.
    remotes: Vec<(RemoteConfig, String)>,
    users: Users,
}

/// Reads all Streams into `config`.
pub(super) fn read(root: &mut Section<'_>, config: &mut Config) {
    let mut known = Known::default();
    if let Some(login) = config.rtmp.login.clone() {
        let pair = Pair::Good(login, root.place().clone());
        let _ = known.users.take(root, pair); // the first of all contradicts nobody
    }
    for section in root.sections("stream", "[[stream]]") {
        if let Some(stream) = stream(section, config, &mut known) {
            config.streams.push(stream);
        }
    }
}

fn stream(mut at: Section<'_>, config: &Config, known: &mut Known) -> Option<StreamConfig> {
    let name = stream_name(&mut at, known);
    let title = title(&mut at);
    let start = at.word("start", &[("auto", Start::Auto), ("manual", Start::Manual)]);
    let key = stream_key(&mut at, config, name.as_ref(), known);
    let pair = login::read(&mut at);
    let login = known.users.take(&at, pair);
    let play = at.flag("play").is_none_or(|flag| flag.value);
    let words = [("when-silent", Takeover::WhenSilent), ("always", Takeover::Always)];
    let takeover = at.word("takeover", &words).unwrap_or_default();
    let bounds = (Duration::ZERO, Duration::from_secs(3600));
    let window = at.duration("reconnect_window", "30s", bounds);
    let hold_on_stop = at.word("on_stop", &[("end", false), ("hold", true)]).unwrap_or_default();
    let mut destinations: Vec<(DestinationConfig, Place)> = Vec::new();
    for section in at.sections("destination", "[[stream.destination]]") {
        if let Some(one) = destination(section, config, &destinations) {
            destinations.push(one);
        }
    }
    for (one, place) in &destinations {
        warn_of_doubles(&at, one, place, known);
    }
    at.finish();
    Some(StreamConfig {
        name: name?,
        title: title?,
        start: start.unwrap_or_default(),
        key: key?,
        login: login.ok()?,
        play,
        takeover,
        reconnect_window: window.unwrap_or(RECONNECT_WINDOW),
        hold_on_stop,
        destinations: destinations.into_iter().map(|(one, _)| one).collect(),
    })
}

fn stream_name(at: &mut Section<'_>, known: &mut Known) -> Option<StreamName> {
    let Some(Set { place, value }) = at.text("name", "main") else {
        if !at.has("name") {
            at.missing("name", "add name = \"main\": viewers ask for rtmp://HOST/live/main");
        }
        return None;
    };
    let name = match StreamName::new(&value) {
        Ok(name) => name,
        Err(_) if value.contains('~') => {
            let what = "holds a '~', which is reserved for names that Manycast makes itself";
            at.fault(&place, "name", what, "use a '-' instead");
            return None;
        }
        Err(error) => {
            at.fault(&place, "name", &error.to_string(), "write it like name = \"main\"");
            return None;
        }
    };
    if let Some((_, first)) = known.names.iter().find(|(other, _)| *other == name) {
        let what = format!("is the name of another stream too ({})", show(first));
        at.fault(&place, "name", &what, "give each stream a name of its own");
        return None;
    }
    known.names.push((name.clone(), place));
    Some(name)
}

/// What people call it. `None`: it is wrong.
fn title(at: &mut Section<'_>) -> Option<String> {
    let Some(Set { place, value }) = at.text("title", "Sunday service") else {
        return (!at.has("title")).then(String::new);
    };
    if value.chars().count() > MAX_TITLE || value.chars().any(char::is_control) {
        let what = "is longer than 100 characters or holds control characters";
        at.fault(&place, "title", what, "write it like title = \"Sunday service\"");
        return None;
    }
    Some(value)
}

fn stream_key(
    at: &mut Section<'_>,
    config: &Config,
    name: Option<&StreamName>,
    known: &mut Known,
) -> Option<Secret> {
    let Some(Set { place, value }) = at.text("key", "sk_...") else {
        if config.rtmp.open {
            return Some(Secret::default());
        }
        if !at.has("key") {
            at.missing("key", "add key = \"...\": the encoder's stream key, long and random");
        }
        return None;
    };
    if let Some((what, remedy)) = bad_key(&value) {
        at.fault(&place, "key", what, remedy);
        return None;
    }
    if value.contains('?') {
        let remedy = "use letters, digits, '_' and '-': what follows a '?' is not part of a key";
        at.fault(&place, "key", "holds a '?'", remedy);
        return None;
    }
    let key = Secret::new(&value);
    let mut first = None;
    for (other, place) in &known.keys {
        if other.matches(&key) {
            first = Some(place.clone());
        }
    }
    if let Some(first) = first {
        let what = format!("is the key of another stream too ({})", show(&first));
        at.fault(&place, "key", &what, "give each stream a key of its own");
        return None;
    }
    if name.is_some_and(|name| Secret::new(name.as_str()).matches(&key)) {
        let what = "is the same as the name, which every viewer knows";
        at.warn(&place, "key", what, "use a long random key");
    } else if value.len() < SHORT_KEY {
        let what = format!("has fewer than {SHORT_KEY} characters and can be guessed");
        at.warn(&place, "key", &what, "use a long random key");
    }
    known.keys.push((key.clone(), place));
    Some(key)
}

fn bad_key(key: &str) -> Option<(&'static str, &'static str)> {
    if key.is_empty() {
        Some(("is empty", "write the key between the quotes"))
    } else if key.len() > MAX_KEY {
        Some(("is longer than 512 bytes", "use a shorter one"))
    } else if key.chars().any(|c| c.is_control() || c.is_whitespace()) {
        Some(("holds blanks or control characters", "remove them"))
    } else {
        None
    }
}

fn destination(
    mut at: Section<'_>,
    config: &Config,
    others: &[(DestinationConfig, Place)],
) -> Option<(DestinationConfig, Place)> {
    let name = destination_name(&mut at, others);
    let main = remote(&mut at, config, &Names { url: "url", key: "key" }, None);
    if main == Found::Nothing && !at.has("url") {
        at.missing("url", "add url = \"rtmps://HOST/APPLICATION\"");
    }
    let words = [("headers", ConfigChange::Headers), ("redial", ConfigChange::Redial)];
    let config_change = at.word("on_config_change", &words).unwrap_or_default();
    let words =
        [("auto", Announce::Auto), ("none", Announce::Nothing), ("full", Announce::Everything)];
    let announce = at.word("announce", &words).unwrap_or_default();
    let tracks = tracks(&mut at);
    let own = login::read(&mut at);
    let wrong = matches!(own, Pair::Wrong);
    let own = own.login();
    let main = with_login(main, own.as_ref());
    let backup = backup(&mut at, config, &main, own.as_ref());
    let enabled = at.flag("enabled").is_none_or(|flag| flag.value);
    let place = at.place().clone();
    at.finish();
    let Found::Good(remote) = main else { return None };
    let (name, backup) = (name.filter(|_| !wrong)?, backup?);
    let tracks = tracks?;
    let destination =
        DestinationConfig { name, remote, backup, config_change, announce, tracks, enabled };
    Some((destination, place))
}

/// `video_track`, `audio_track`. `None`: one of them is wrong.
fn tracks(at: &mut Section<'_>) -> Option<WantedTracks> {
    let mut rule = |name, kind, sample| {
        let Some(Set { place, value }) = at.text(name, sample) else {
            return (!at.has(name)).then_some(None);
        };
        match TrackRule::parse(kind, &value) {
            Ok(rule) => Some(Some(rule)),
            Err(error) => {
                let remedy = format!("write it like {name} = \"{sample}\"");
                at.fault(&place, name, &format!("is not understood: {error}"), &remedy);
                None
            }
        }
    };
    let video = rule("video_track", TrackKind::Video, "largest up to 720p");
    let audio = rule("audio_track", TrackKind::Audio, "1");
    Some(WantedTracks { video: video?, audio: audio? })
}

/// Platforms take one session per key: of two destinations one is refused for ever.
fn warn_of_doubles(at: &Section<'_>, one: &DestinationConfig, place: &Place, known: &mut Known) {
    let backup = one.backup.as_ref().map(|backup| &backup.remote);
    for remote in [Some(&one.remote), backup].into_iter().flatten() {
        if let Some((_, other)) = known.remotes.iter().find(|(other, _)| other == remote) {
            let what = format!("has the address and the key of destination {other} too");
            at.warn(place, "url", &what, "platforms take one session per key: remove one of them");
        }
        known.remotes.push((remote.clone(), one.name.clone()));
    }
}

/// The second address. `None`: it is wrong.
fn backup(
    at: &mut Section<'_>,
    config: &Config,
    main: &Found,
    login: Option<&Login>,
) -> Option<Option<BackupConfig>> {
    let words = [("failover", BackupMode::Failover), ("both", BackupMode::Both)];
    let mode = at.word("backup", &words);
    let names = Names { url: "backup_url", key: "backup_key" };
    // A primary that has its key in the path has a backup that does so too.
    let key = match main {
        Found::Good(remote) if at.has("key") => Some(&remote.key),
        Found::Good(_) | Found::Nothing | Found::Wrong => None,
    };
    match with_login(remote(at, config, &names, key), login) {
        Found::Good(remote) => {
            if matches!(main, Found::Good(main) if *main == remote) {
                let place = at.place().clone();
                let remedy = "give the platform's backup address, or another key";
                at.fault(&place, "backup_url", "is the primary with the same key", remedy);
                return None;
            }
            Some(Some(BackupConfig { remote, mode: mode.unwrap_or_default() }))
        }
        Found::Nothing => {
            if mode.is_some() {
                at.missing("backup_url", "add backup_url = \"...\", or remove backup");
            }
            Some(None)
        }
        Found::Wrong => None,
    }
}

/// An address that may be there.
#[derive(PartialEq)]
enum Found {
    Nothing,
    Wrong,
    Good(RemoteConfig),
}

/// The user of the settings, where the address names none itself.
fn with_login(found: Found, login: Option<&Login>) -> Found {
    match found {
        Found::Good(remote) => {
            let login = remote.login.clone().or_else(|| login.cloned());
            Found::Good(RemoteConfig { login, ..remote })
        }
        other => other,
    }
}

/// What the settings of an address are called.
struct Names {
    url: &'static str,
    key: &'static str,
}

/// Reads an address and its key. `default_key` holds if neither setting gives one.
fn remote(
    at: &mut Section<'_>,
    config: &Config,
    names: &Names,
    default_key: Option<&Secret>,
) -> Found {
    let url = at.text(names.url, "rtmps://a.rtmps.youtube.com/live2");
    let key = at.text(names.key, "abcd-1234");
    if let Some(Set { place, value }) = &key
        && let Some((what, remedy)) = bad_key(value)
    {
        at.fault(place, names.key, what, remedy);
        return Found::Wrong;
    }
    let given = key.as_ref().map(|key| Secret::new(&key.value));
    let Some(Set { place, value }) = url else {
        if let Some(Set { place, .. }) = key.filter(|_| default_key.is_some()) {
            at.fault(&place, names.key, "has no address to go with", "add backup_url = \"...\"");
            return Found::Wrong;
        }
        return Found::Nothing;
    };
    match address::remote(&value, given.as_ref().or(default_key)) {
        Ok(remote) => {
            hints(at, config, (names.url, &place), &remote);
            match given.or(remote.key).or_else(|| default_key.cloned()) {
                Some(key) => {
                    let login = remote.login.as_ref().map(login::of);
                    Found::Good(RemoteConfig { url: remote.url, key, login })
                }
                None => Found::Wrong,
            }
        }
        Err((what, remedy)) => {
            at.fault(&place, names.url, what, remedy);
            Found::Wrong
        }
    }
}

/// What can be told before the dial, where the check that counts is made.
fn hints(
    at: &Section<'_>,
    config: &Config,
    (url, place): (&str, &Place),
    remote: &address::Remote,
) {
    let Some(literal) = remote.literal else { return };
    let gate = Gate::new(config.egress.allow.clone(), config.listens());
    if let Err(refusal) = gate.judge(literal) {
        let remedy = match refusal.remedy(literal) {
            Some(entry) => format!("if this is meant, add \"{entry}\" to allow in [egress]"),
            None => "no destination can be there".to_owned(),
        };
        let what = match refusal {
            Refusal::OwnPort => "is a port of this very server and will be refused",
            _ => "is an inside address and will be refused",
        };
        at.warn(place, url, what, &remedy);
    } else if remote.encrypted && !literal.ip().is_loopback() {
        let remedy = "use the name that the certificate is for";
        at.warn(place, url, "is encrypted and has an IP address for a host", remedy);
    }
}

fn destination_name(at: &mut Section<'_>, others: &[(DestinationConfig, Place)]) -> Option<String> {
    let Some(Set { place, value }) = at.text("name", "YouTube") else {
        if !at.has("name") {
            at.missing("name", "add name = \"YouTube\", or whatever you call it");
        }
        return None;
    };
    let bad = manycast_auth::is_invisible;
    if value.trim().is_empty() || value.chars().count() > MAX_NAME || value.chars().any(bad) {
        let what = "is empty, longer than 64 characters, or holds invisible characters";
        at.fault(&place, "name", what, "write it like name = \"YouTube\"");
        return None;
    }
    if let Some((_, first)) = others.iter().find(|(other, _)| other.name == value) {
        let what = format!("is the name of another destination too ({})", show(first));
        at.fault(&place, "name", &what, "give each destination of a stream a name of its own");
        return None;
    }
    Some(value)
}

fn show(place: &Place) -> String {
    match place {
        Place::At { line, .. } => format!("line {line}"),
        Place::Variable(name) => format!("variable {name}"),
        Place::File => "elsewhere".to_owned(),
    }
}
