//! What people may ask for: every field checked, all faults told at once.
//!
//! Belongs here: from what was sent to values that can be stored, with a sentence and a remedy for
//! each field that cannot be taken. Must not come here: the database, what is applied.

use crate::address;
use crate::def::{BackupDef, Remote, Start};
use crate::services::service;
use crate::{ControlError, FieldError};
use manycast_auth::is_invisible;
use manycast_dial::{Dialer, Target};
use manycast_hub::{Announce, ConfigChange, Login, Secret, Takeover};
use manycast_media::{StreamName, TrackKind, TrackRule};
use manycast_restream::BackupMode;
use std::time::Duration;

/// Streams that the database may hold.
pub(crate) const MAX_STREAMS: usize = 1000;
/// Destinations of one Stream.
pub(crate) const MAX_DESTINATIONS: usize = 50;
const MAX_TITLE: usize = 100;
const MAX_NOTES: usize = 4000;
const MAX_NAME: usize = 64;
const MAX_KEY: usize = 512;
const MAX_WINDOW: Duration = Duration::from_secs(3600);

/// A Stream to be made.
#[derive(Clone, Debug, Default)]
pub struct NewStream {
    /// What viewers ask for: 1 to 64 of `[A-Za-z0-9._-]`. It never changes.
    pub name: String,
    /// What people call it; the name if none is given.
    pub title: Option<String>,
    /// What brings it on air; `auto`.
    pub start: Option<Start>,
    /// Whether it may be watched here; yes.
    pub play: Option<bool>,
    /// What happens when a second encoder comes; it waits until the first is silent.
    pub takeover: Option<Takeover>,
    /// How long destinations are held for an encoder that is away; 30 s, at most an hour.
    pub reconnect_window: Option<Duration>,
    /// Whether they are so after an orderly end too; no.
    pub hold_on_stop: Option<bool>,
    /// Of people, for people.
    pub notes: Option<String>,
}

/// What to change of a Stream; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct StreamPatch {
    /// See [`NewStream`].
    pub title: Option<String>,
    /// See [`NewStream`].
    pub start: Option<Start>,
    /// See [`NewStream`].
    pub play: Option<bool>,
    /// See [`NewStream`].
    pub takeover: Option<Takeover>,
    /// See [`NewStream`].
    pub reconnect_window: Option<Duration>,
    /// See [`NewStream`].
    pub hold_on_stop: Option<bool>,
    /// See [`NewStream`].
    pub notes: Option<String>,
    /// Its place in the list.
    pub position: Option<i64>,
}

/// A second address to be set.
#[derive(Clone, Debug, Default)]
pub struct NewBackup {
    /// As [`NewDestination::url`].
    pub url: String,
    /// The key there; without one, that of the first address.
    pub key: Option<Secret>,
    /// When it is fed.
    pub mode: BackupMode,
}

/// A Destination to be made.
#[derive(Clone, Debug, Default)]
pub struct NewDestination {
    /// Unique in its Stream.
    pub name: String,
    /// The key of a known service.
    pub service: Option<String>,
    /// The address. It may hold the key and `USER:PASSWORD@`, which are taken out of it.
    pub url: String,
    /// The key, if the address does not hold it.
    pub key: Option<Secret>,
    /// Who we are there.
    pub user: Option<String>,
    /// With the user.
    pub password: Option<Secret>,
    /// A second address.
    pub backup: Option<NewBackup>,
    /// What happens when the encoder's codec configuration changes.
    pub config_change: Option<ConfigChange>,
    /// Whether it is told what we can.
    pub announce: Option<Announce>,
    /// Which picture it gets.
    pub video_track: Option<String>,
    /// Which sound it gets.
    pub audio_track: Option<String>,
    /// Whether it is fed; yes.
    pub enabled: Option<bool>,
    /// Of people, for people.
    pub notes: Option<String>,
}

/// What to change of a Destination; `None` stays as it is, `Some(None)` is taken away.
#[derive(Clone, Debug, Default)]
pub struct DestinationPatch {
    /// See [`NewDestination`].
    pub name: Option<String>,
    /// See [`NewDestination`].
    pub service: Option<Option<String>>,
    /// See [`NewDestination`]. Without a key in it or beside it the key stays.
    pub url: Option<String>,
    /// See [`NewDestination`].
    pub key: Option<Secret>,
    /// See [`NewDestination`]; taken away, the password goes with it.
    pub user: Option<Option<String>>,
    /// See [`NewDestination`].
    pub password: Option<Option<Secret>>,
    /// See [`NewDestination`]; without a key in it or beside it, the backup's key stays if there is one.
    pub backup: Option<Option<NewBackup>>,
    /// See [`NewDestination`].
    pub config_change: Option<ConfigChange>,
    /// See [`NewDestination`].
    pub announce: Option<Announce>,
    /// See [`NewDestination`].
    pub video_track: Option<Option<String>>,
    /// See [`NewDestination`].
    pub audio_track: Option<Option<String>>,
    /// See [`NewDestination`].
    pub enabled: Option<bool>,
    /// See [`NewDestination`].
    pub notes: Option<String>,
}

/// Collects what is wrong.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<FieldError>);

impl Faults {
    pub(crate) fn add(
        &mut self,
        field: &str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.0.push(FieldError::new(field, message, remedy));
    }

    /// `value` if nothing was wrong.
    pub(crate) fn or<T>(self, value: T) -> Result<T, ControlError> {
        if self.0.is_empty() { Ok(value) } else { Err(ControlError::Invalid(self.0)) }
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The name of a new Stream.
pub(crate) fn stream_name(text: &str, faults: &mut Faults) -> Option<StreamName> {
    // A path of a URL swallows these.
    if !text.is_empty() && text.bytes().all(|b| b == b'.') {
        faults.add("name", "is made of dots alone", "write it like main");
        return None;
    }
    StreamName::new(text)
        .map_err(|error| faults.add("name", error.to_string(), "write it like main"))
        .ok()
}

pub(crate) fn title(text: &str, faults: &mut Faults) {
    let blank = !text.is_empty() && text.trim().is_empty();
    if blank || text.chars().count() > MAX_TITLE || text.chars().any(is_invisible) {
        let what = "is longer than 100 characters, made of blanks, or holds invisible characters";
        faults.add("title", what, "write it like Sunday service");
    }
}

pub(crate) fn notes(text: &str, faults: &mut Faults) {
    // joiners stand in the words of some languages
    let fine = ['\n', '\r', '\t', '\u{200c}', '\u{200d}'];
    let odd = |c: char| is_invisible(c) && !fine.contains(&c);
    if text.chars().count() > MAX_NOTES || text.chars().any(odd) {
        faults.add(
            "notes",
            "is longer than 4,000 characters or holds invisible characters",
            "shorten it, or write it anew",
        );
    }
}

pub(crate) fn window(window: Duration, faults: &mut Faults) {
    if window > MAX_WINDOW {
        faults.add("reconnect_window_s", "is longer than an hour", "give at most 3600 seconds");
    }
}

pub(crate) fn destination_name(text: &str, faults: &mut Faults) {
    if text.trim().is_empty() || text.chars().count() > MAX_NAME || text.chars().any(is_invisible) {
        let what = "is empty, longer than 64 characters, or holds invisible characters";
        faults.add("name", what, "write it like YouTube");
    }
}

pub(crate) fn service_key(key: Option<&str>, faults: &mut Faults) {
    if key.is_some_and(|key| service(key).is_none()) {
        faults.add("service", "is not known here", "choose one from the list of services, or none");
    }
}

/// The choice of a Track, in its one normal form.
pub(crate) fn track(kind: TrackKind, words: &str, faults: &mut Faults) -> Option<String> {
    match TrackRule::parse(kind, words) {
        Ok(rule) => Some(rule.to_string()),
        Err(error) => {
            let (field, remedy) = match kind {
                TrackKind::Audio => ("audio_track", "write it like 1"),
                TrackKind::Video | TrackKind::Data => {
                    ("video_track", "write it like largest up to 720p")
                }
            };
            faults.add(field, format!("is not understood: {error}"), remedy);
            None
        }
    }
}

fn key(field: &str, key: &Secret, faults: &mut Faults) {
    let text = key.expose();
    if text.is_empty() {
        faults.add(field, "is empty", "copy the key from the platform's page");
    } else if text.len() > MAX_KEY {
        faults.add(field, "is longer than 512 bytes", "copy the key alone");
    } else if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        faults.add(field, "holds blanks or control characters", "remove them");
    }
}

/// Who we are there: both or none.
fn login(user: Option<&str>, password: Option<&Secret>, faults: &mut Faults) -> Option<Login> {
    match (user, password) {
        (None, None) => None,
        (Some(_), None) => {
            faults.add("password", "is missing", "give it, or take the user away");
            None
        }
        (None, Some(_)) => {
            faults.add("user", "is missing", "give it, or take the password away");
            None
        }
        (Some(user), Some(password)) => {
            if !manycast_rtmp::auth::is_user(user) {
                let remedy = "use up to 64 letters, digits, '.', '-', '_' and '@'";
                faults.add("user", "is no user name that RTMP can carry", remedy);
            }
            let text = password.expose();
            if text.is_empty() || text.len() > 512 || text.chars().any(char::is_control) {
                let what = "is empty, longer than 512 bytes, or holds control characters";
                faults.add("password", what, "give another one");
            }
            Some(Login { user: Secret::new(user), password: password.clone() })
        }
    }
}

/// An address as people give it.
pub(crate) struct Given<'a> {
    pub(crate) url: &'a str,
    pub(crate) key: Option<&'a Secret>,
    /// The key that holds if neither of the two gives one.
    pub(crate) or_key: Option<&'a Secret>,
    pub(crate) user: Option<&'a str>,
    pub(crate) password: Option<&'a Secret>,
}

/// What the fields of an address are called.
pub(crate) struct Fields {
    pub(crate) url: &'static str,
    pub(crate) key: &'static str,
}

pub(crate) const MAIN: Fields = Fields { url: "url", key: "key" };
pub(crate) const BACKUP: Fields = Fields { url: "backup.url", key: "backup.key" };

/// Reads an address strictly, with key and user taken out of it, and asks the egress gate about
/// what can be told before the dial.
pub(crate) fn remote(
    given: &Given<'_>,
    fields: &Fields,
    dialer: &Dialer,
    faults: &mut Faults,
) -> Option<Remote> {
    if let Some(given) = given.key {
        key(fields.key, given, faults);
    }
    let own = login(given.user, given.password, faults);
    let read = match address::remote(given.url, given.key.or(given.or_key)) {
        Ok(read) => read,
        Err((what, remedy)) => {
            faults.add(fields.url, what, remedy);
            return None;
        }
    };
    match Target::parse(&read.url) {
        Err(error) => {
            faults.add(fields.url, error.to_string(), "write it like rtmp://HOST/APPLICATION")
        }
        Ok(target) => {
            if let Err(error) = dialer.check(&target.host, target.port) {
                let remedy =
                    "if this is meant, list the address in egress.allow of the configuration";
                faults.add(fields.url, error.reason(), remedy);
            }
        }
    }
    let said = read.login.as_ref().map(|login| Login {
        user: Secret::new(&login.user().expose()),
        password: Secret::new(&login.password().expose()),
    });
    let known = given.key.or(given.or_key).cloned();
    let Some(key) = known.or(read.key) else {
        faults.add(fields.key, "is missing", "copy the key from the platform's page");
        return None;
    };
    Some(Remote { url: read.url, key, login: said.or(own) })
}

/// A second address. `kept`: what is there already.
pub(crate) fn backup(
    new: &NewBackup,
    main: Option<&Remote>,
    kept: Option<&Remote>,
    dialer: &Dialer,
    faults: &mut Faults,
) -> Option<BackupDef> {
    let or_key = kept.or(main).map(|remote| &remote.key);
    // An address that carries a key of its own is read without one beside it.
    let own = || address::remote(&new.url, None).is_ok_and(|read| read.key.is_some());
    let bare = main.is_none_or(|main| depth(&new.url) > depth(&main.url)) && own();
    let or_key = or_key.filter(|_| !bare);
    let given = Given { url: &new.url, key: new.key.as_ref(), or_key, user: None, password: None };
    let mut remote = remote(&given, &BACKUP, dialer, faults)?;
    remote.login = remote.login.or_else(|| main.and_then(|main| main.login.clone()));
    if main.is_some_and(|main| main.url == remote.url && main.key.matches(&remote.key)) {
        let remedy = "give the platform's backup address, or another key";
        faults.add(BACKUP.url, "is the first address with the same key", remedy);
        return None;
    }
    Some(BackupDef { remote, mode: new.mode })
}

/// Parts of the path.
pub(crate) fn depth(url: &str) -> usize {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.split('?').next().unwrap_or_default();
    path.trim_end_matches('/').matches('/').count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use manycast_dial::{Gate, Resolver, Tuning};

    fn dialer() -> Dialer {
        Dialer::new(Resolver::system(), Gate::new(Vec::new(), Vec::new()), Tuning::default())
    }

    fn read(url: &str, key: Option<&str>, user: Option<&str>) -> Result<Remote, Vec<String>> {
        let (key, password) = (key.map(Secret::new), user.map(|_| Secret::new("pw")));
        let given =
            Given { url, key: key.as_ref(), or_key: None, user, password: password.as_ref() };
        let mut faults = Faults::default();
        let remote = remote(&given, &MAIN, &dialer(), &mut faults);
        match faults.or(()) {
            Ok(()) => Ok(remote.unwrap()),
            Err(ControlError::Invalid(errors)) => {
                assert!(errors.iter().all(|error| !error.remedy.is_empty()));
                Err(errors.into_iter().map(|error| error.field).collect())
            }
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn k1_k4_addresses_are_read_strictly_and_judged_by_the_egress_gate() {
        for (url, key, user, want) in [
            ("rtmps://a.example/live", Some("k"), None, Ok("rtmps://a.example/live")),
            ("rtmp://a.example/live/k", None, None, Ok("rtmp://a.example/live")),
            ("rtmp://u:p@a.example/live/k", None, None, Ok("rtmp://a.example/live")),
            ("rtmp://a.example/live", Some("k"), Some("crew"), Ok("rtmp://a.example/live")),
            ("rtmp://a.example/live", None, None, Err("url")),
            ("rtmp://127.0.0.1/live", Some("k"), None, Err("url")),
            ("rtmp://[::ffff:10.0.0.1]/live", Some("k"), None, Err("url")),
            ("rtmp://169.254.169.254/live", Some("k"), None, Err("url")),
            ("http://a.example/live", Some("k"), None, Err("url")),
            ("file:///etc/passwd", Some("k"), None, Err("url")),
            ("rtmp://a.example/live", Some("a b"), None, Err("key")),
            ("rtmp://a.example/live", Some(""), None, Err("key")),
            ("rtmp://a.example/live", Some("k"), Some("a b"), Err("user")),
        ] {
            let got = read(url, key, user);
            let shown = got.as_ref().map(|remote| remote.url.as_str());
            let shown = shown.map_err(|fields| fields.join(" "));
            assert_eq!(shown, want.map_err(ToOwned::to_owned), "{url} {key:?}");
        }
        let taken = read("rtmp://u:p@a.example/live/k?x=1", None, None).unwrap();
        assert_eq!(taken.key.expose(), "k?x=1");
        assert_eq!(taken.login.unwrap().user.expose(), "u");
    }

    #[test]
    fn a_backup_takes_the_key_of_the_first_address_unless_it_has_its_own() {
        let main = Remote {
            url: "rtmps://a.example/live2".into(),
            key: Secret::new("first"),
            login: None,
        };
        for (url, key, want) in [
            ("rtmps://b.example/live2?backup=1", None, Some("first")),
            ("rtmps://b.example/live2", Some("second"), Some("second")),
            ("rtmps://b.example/live2/third", None, Some("third")),
            ("rtmps://a.example/live2", None, None),
            ("rtmps://a.example/live2", Some("other"), Some("other")),
        ] {
            let new = NewBackup {
                url: url.into(),
                key: key.map(Secret::new),
                mode: BackupMode::Failover,
            };
            let mut faults = Faults::default();
            let got = backup(&new, Some(&main), None, &dialer(), &mut faults);
            let key = got.as_ref().map(|backup| backup.remote.key.expose());
            assert_eq!(key, want, "{url}: {faults:?}");
            assert_eq!(faults.is_empty(), want.is_some());
        }
    }

    #[test]
    fn words_for_people_are_bounded() {
        let long = "x".repeat(5000);
        let fields = |check: &dyn Fn(&mut Faults)| {
            let mut faults = Faults::default();
            check(&mut faults);
            faults.0.len()
        };
        for (text, bad) in [("main", 0), ("..", 1), ("", 1), ("a~b", 1), ("caf\u{e9}", 1)] {
            assert_eq!(fields(&|f| drop(stream_name(text, f))), bad, "{text}");
        }
        for (text, bad) in [("YouTube", 0), ("  ", 1), ("a\u{202e}b", 1), (long.as_str(), 1)] {
            assert_eq!(fields(&|f| destination_name(text, f)), bad, "{text}");
        }
        for (text, bad) in [
            ("", 0),
            ("Caf\u{e9} \u{2764}\u{fe0f}", 0),
            (" \u{a0}", 1),
            ("a\u{2066}b", 1),
            ("a\u{e0041}b", 1),
            ("a\u{1ffff}b", 1),
        ] {
            assert_eq!(fields(&|f| title(text, f)), bad, "{text:?}");
            let blank = text.trim().is_empty();
            assert_eq!(fields(&|f| notes(text, f)), if blank { 0 } else { bad }, "{text:?}");
        }
        assert_eq!(fields(&|f| notes("two\nlines, \u{645}\u{6cc}\u{200c}\u{62e}", f)), 0);
        assert_eq!(fields(&|f| notes(&long, f)), 1);
        assert_eq!(fields(&|f| title(&long, f)), 1);
        assert_eq!(fields(&|f| window(Duration::from_secs(3601), f)), 1);
        let video = |words| fields(&|f| drop(track(TrackKind::Video, words, f)));
        let audio = |words| fields(&|f| drop(track(TrackKind::Audio, words, f)));
        assert_eq!((video("portrait"), audio("2"), video("largest up to 720p")), (0, 0, 0));
        assert_eq!((video("best"), audio("portrait"), video("1&audio_track=2")), (1, 1, 1));
    }
}
