//! The file and the database as one list.
//!
//! Belongs here: who wins a name clash, and what a row means. Pure.

use super::words::{announce, backup_mode, config_change, takeover, tracks};
use super::{BackupDef, DestinationDef, FileDefs, ManagedBy, Remote, Start, StreamDef};
use manycast_hub::{Announce, ConfigChange, Login, Secret, Takeover, WantedTracks};
use manycast_media::StreamName;
use manycast_restream::DestinationId as Seat;
use manycast_store::{DestinationId, DestinationRow, Kept, RuntimeRow, StreamId, StreamRow};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Duration;

/// The field of a run-time choice: whether a Destination of the file is fed.
pub(crate) const ENABLED: &str = "enabled";
/// The field of a run-time choice: whether a Stream is wanted on air.
pub(crate) const AIR: &str = "air";
/// The words of both.
pub(crate) const ON: &str = "on";
pub(crate) const OFF: &str = "off";

/// What the database holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    pub(crate) streams: Vec<StreamRow>,
    pub(crate) destinations: Vec<DestinationRow>,
    pub(crate) runtime: Vec<RuntimeRow>,
}

/// People's choices at run time about what the file defines.
pub(crate) type Choices = BTreeMap<(String, String), bool>;

/// Where a definition is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin<Id> {
    File,
    Row { id: Id, version: i64 },
}

impl<Id> Origin<Id> {
    pub(crate) fn managed_by(&self) -> ManagedBy {
        match self {
            Self::File => ManagedBy::File,
            Self::Row { .. } => ManagedBy::Database,
        }
    }

    pub(crate) fn version(&self) -> i64 {
        match self {
            Self::File => 0,
            Self::Row { version, .. } => *version,
        }
    }
}

/// One Stream as it is defined, wherever.
#[derive(Clone, Debug)]
pub(crate) struct Defined {
    pub(crate) name: StreamName,
    pub(crate) origin: Origin<StreamId>,
    pub(crate) title: String,
    pub(crate) start: Start,
    /// Of the file; those of the database are auth's.
    pub(crate) key: Option<Secret>,
    pub(crate) login: Option<Login>,
    pub(crate) play: bool,
    pub(crate) takeover: Takeover,
    pub(crate) reconnect_window: Duration,
    pub(crate) hold_on_stop: bool,
    pub(crate) notes: String,
    pub(crate) destinations: Vec<Destination>,
}

/// One Destination as it is defined, wherever.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    /// In the API: the row's id, or the name in the file.
    pub(crate) id: String,
    /// In the restream service.
    pub(crate) seat: Seat,
    pub(crate) origin: Origin<DestinationId>,
    pub(crate) name: String,
    pub(crate) service: Option<String>,
    pub(crate) remote: Remote,
    pub(crate) backup: Option<BackupDef>,
    pub(crate) config_change: ConfigChange,
    pub(crate) announce: Announce,
    pub(crate) tracks: WantedTracks,
    /// People's wish.
    pub(crate) enabled: bool,
    /// A secret of it cannot be opened: it cannot be fed.
    pub(crate) unreadable: bool,
    pub(crate) position: i64,
    pub(crate) notes: String,
}

/// Everything that is defined, in the order in which it is shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registry {
    pub(crate) path: PathBuf,
    pub(crate) streams: Vec<Defined>,
    /// Streams of the database whose name the file takes.
    pub(crate) shadowed: Vec<StreamName>,
    index: HashMap<String, usize>,
    /// Run-time choices that say no more than the file does by now, or that are about nothing any
    /// more: Stream, Destination, field.
    pub(crate) spent: Vec<[String; 3]>,
}

impl Rows {
    /// Takes a row that was written.
    pub(crate) fn put_stream(&mut self, row: StreamRow) {
        self.streams.retain(|one| one.id != row.id);
        self.streams.push(row);
        self.streams.sort_by_key(|row| row.position);
    }

    /// Takes a row that was written.
    pub(crate) fn put_destination(&mut self, row: DestinationRow) {
        self.destinations.retain(|one| one.id != row.id);
        self.destinations.push(row);
        self.destinations.sort_by_key(|row| (row.stream_id, row.position));
    }

    /// Takes a run-time choice that was written.
    pub(crate) fn put_choice(
        &mut self,
        stream: &str,
        destination: &str,
        field: &str,
        value: Option<&str>,
    ) {
        let same = |row: &RuntimeRow| {
            row.stream == stream && row.destination == destination && row.field == field
        };
        self.runtime.retain(|row| !same(row));
        self.runtime.extend(value.map(|value| RuntimeRow {
            stream: stream.to_owned(),
            destination: destination.to_owned(),
            field: field.to_owned(),
            value: value.to_owned(),
        }));
    }
}

impl Registry {
    pub(crate) fn stream(&self, name: &str) -> Option<&Defined> {
        self.streams.get(*self.index.get(name)?)
    }
}

impl Defined {
    /// By id, else by name.
    pub(crate) fn destination(&self, id: &str) -> Option<&Destination> {
        let by = |matches: fn(&Destination, &str) -> bool| {
            self.destinations.iter().find(|one| matches(one, id))
        };
        by(|one, id| one.id == id).or_else(|| by(|one, id| one.name == id))
    }
}

/// Joins what the file defines with what the database does. The file wins a clash of names.
pub(crate) fn join(file: &FileDefs, rows: &Rows) -> Registry {
    let choices = choices(&rows.runtime);
    let mut spent = Vec::new();
    let mut streams: Vec<_> =
        file.streams.iter().map(|stream| of_file(stream, &choices, &mut spent)).collect();
    let mut shadowed = Vec::new();
    for row in &rows.streams {
        // The schema holds names that were checked; another one cannot be published to.
        let Ok(name) = StreamName::new(&row.name) else { continue };
        if file.streams.iter().any(|stream| stream.name == name) {
            shadowed.push(name);
            continue;
        }
        let mut stream = stream_of_row(name, row);
        let own = rows.destinations.iter().filter(|one| one.stream_id == row.id);
        stream.destinations = own.map(|one| of_row(&stream.name, one)).collect();
        streams.push(stream);
    }
    let names = streams.iter().map(|stream| stream.name.to_string());
    let index: HashMap<String, usize> = names.zip(0..).collect();
    let about_nothing = |row: &&RuntimeRow| match index.get(&row.stream) {
        None => true,
        // only those of the file have choices beside their definition
        Some(at) => {
            let here = |one: &Destination| {
                one.name == row.destination && matches!(one.origin, Origin::File)
            };
            !row.destination.is_empty() && !streams[*at].destinations.iter().any(here)
        }
    };
    let orphans = rows.runtime.iter().filter(about_nothing);
    spent.extend(
        orphans.map(|row| [row.stream.clone(), row.destination.clone(), row.field.clone()]),
    );
    Registry { path: file.path.clone(), streams, shadowed, index, spent }
}

fn choices(rows: &[RuntimeRow]) -> Choices {
    let enabled = rows.iter().filter(|row| row.field == ENABLED);
    enabled.map(|row| ((row.stream.clone(), row.destination.clone()), row.value == ON)).collect()
}

fn of_file(stream: &StreamDef, choices: &Choices, spent: &mut Vec<[String; 3]>) -> Defined {
    let destination = |(n, one): (usize, &DestinationDef)| {
        let place = (stream.name.to_string(), one.name.clone());
        let choice = choices.get(&place).copied();
        if choice == Some(one.enabled) {
            let (stream, destination) = place;
            spent.push([stream, destination, ENABLED.to_owned()]);
        }
        Destination {
            id: one.name.clone(),
            seat: Seat::new(&stream.name, &one.name),
            origin: Origin::File,
            name: one.name.clone(),
            service: one.service.clone(),
            remote: one.remote.clone(),
            backup: one.backup.clone(),
            config_change: one.config_change,
            announce: one.announce,
            tracks: one.tracks,
            enabled: choice.unwrap_or(one.enabled),
            unreadable: false,
            position: i64::try_from(n).unwrap_or(i64::MAX),
            notes: String::new(),
        }
    };
    Defined {
        name: stream.name.clone(),
        origin: Origin::File,
        title: stream.title.clone(),
        start: stream.start,
        key: (!stream.key.is_empty()).then(|| stream.key.clone()),
        login: stream.login.clone(),
        play: stream.play,
        takeover: stream.takeover,
        reconnect_window: stream.reconnect_window,
        hold_on_stop: stream.hold_on_stop,
        notes: String::new(),
        destinations: stream.destinations.iter().enumerate().map(destination).collect(),
    }
}

/// What a row says, without its Destinations.
pub(crate) fn stream_of_row(name: StreamName, row: &StreamRow) -> Defined {
    Defined {
        name,
        origin: Origin::Row { id: row.id, version: row.version },
        title: row.title.clone(),
        start: Start::of(&row.start),
        key: None,
        login: None,
        play: row.play,
        takeover: takeover(&row.takeover),
        reconnect_window: Duration::from_millis(
            u64::try_from(row.reconnect_window_ms).unwrap_or(0),
        ),
        hold_on_stop: row.hold_on_stop,
        notes: row.notes.clone(),
        destinations: Vec::new(),
    }
}

/// What a row says.
pub(crate) fn of_row(stream: &StreamName, row: &DestinationRow) -> Destination {
    let id = row.id.to_string();
    let sealed = [&row.key, &row.password, &row.backup_key, &row.backup_password];
    let remote = Remote {
        url: row.url.clone(),
        key: row.key.secret().cloned().unwrap_or_default(),
        login: login(row.user.as_deref(), &row.password),
    };
    let backup = row.backup_url.as_ref().map(|url| BackupDef {
        remote: Remote {
            url: url.clone(),
            key: row.backup_key.secret().unwrap_or(&remote.key).clone(),
            login: login(row.backup_user.as_deref(), &row.backup_password)
                .or_else(|| remote.login.clone()),
        },
        mode: backup_mode(&row.backup_mode),
    });
    Destination {
        seat: Seat::new(stream, &id),
        id,
        origin: Origin::Row { id: row.id, version: row.version },
        name: row.name.clone(),
        service: row.service.clone(),
        remote,
        backup,
        config_change: config_change(&row.config_change),
        announce: announce(&row.announce),
        tracks: tracks(row.video_track.as_deref(), row.audio_track.as_deref()),
        enabled: row.enabled,
        unreadable: sealed.iter().any(|kept| matches!(kept, Kept::Unreadable)),
        position: row.position,
        notes: row.notes.clone(),
    }
}

fn login(user: Option<&str>, password: &Kept) -> Option<Login> {
    let password = password.secret()?.clone();
    Some(Login { user: Secret::new(user?), password })
}

#[cfg(test)]
mod tests {
    use super::*;
    use manycast_hub::WindowLimits;
    use manycast_store::UnixMs;

    fn file(destinations: &[(&str, bool)]) -> FileDefs {
        let one = |(name, enabled): &(&str, bool)| DestinationDef {
            name: (*name).to_owned(),
            service: None,
            remote: Remote { url: "rtmp://a.example/l".into(), key: Secret::new("k"), login: None },
            backup: None,
            config_change: ConfigChange::Headers,
            announce: Announce::Auto,
            tracks: WantedTracks::default(),
            enabled: *enabled,
        };
        let stream = StreamDef {
            name: StreamName::new("both").unwrap(),
            title: "of the file".into(),
            start: Start::Auto,
            key: Secret::default(),
            login: None,
            play: true,
            takeover: Takeover::Always,
            reconnect_window: Duration::ZERO,
            hold_on_stop: false,
            destinations: destinations.iter().map(one).collect(),
        };
        FileDefs {
            path: "x.toml".into(),
            streams: vec![stream],
            open: true,
            login: None,
            publishers: None,
            window: WindowLimits::default(),
        }
    }

    fn row(name: &str, position: i64) -> StreamRow {
        StreamRow {
            id: StreamId::new(),
            name: name.into(),
            title: name.into(),
            start: "manual".into(),
            play: false,
            takeover: "when_silent".into(),
            reconnect_window_ms: 1500,
            hold_on_stop: true,
            notes: String::new(),
            position,
            created_at: UnixMs(0),
            version: 3,
        }
    }

    #[test]
    fn the_file_wins_a_clash_and_comes_first() {
        let mut rows = Rows::default();
        for (name, position) in [("second", 2), ("both", 0), ("first", 1)] {
            rows.put_stream(row(name, position));
        }
        let registry = join(&file(&[("a", true)]), &rows);
        let names: Vec<_> = registry.streams.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["both", "first", "second"]);
        assert_eq!(registry.shadowed.len(), 1);
        let both = registry.stream("both").unwrap();
        assert_eq!((both.title.as_str(), both.origin.version()), ("of the file", 0));
        assert!(both.key.is_none(), "an empty key opens nothing");
        let first = registry.stream("first").unwrap();
        assert_eq!((first.start, first.takeover), (Start::Manual, Takeover::WhenSilent));
        assert_eq!(first.reconnect_window, Duration::from_millis(1500));
        assert_eq!((first.origin.managed_by(), first.origin.version()), (ManagedBy::Database, 3));
    }

    #[test]
    fn a_choice_at_run_time_holds_until_the_file_says_the_same() {
        let mut rows = Rows::default();
        rows.put_choice("both", "a", ENABLED, Some(OFF));
        rows.put_choice("both", "gone", ENABLED, Some(OFF));
        rows.put_choice("both", "", AIR, Some(OFF));
        rows.put_choice("removed", "", AIR, Some(ON));
        rows.put_choice("removed", "a", ENABLED, Some(OFF));
        for (said, spent) in [(true, 3), (false, 4)] {
            let registry = join(&file(&[("a", said), ("b", said)]), &rows);
            let both = registry.stream("both").unwrap();
            let enabled: Vec<_> = both.destinations.iter().map(|one| one.enabled).collect();
            assert_eq!(enabled, [false, said]);
            assert_eq!(registry.spent.len(), spent);
            let gone = |[stream, destination, _]: &[String; 3]| {
                stream == "removed" || destination == "gone" || (!said && destination == "a")
            };
            assert!(registry.spent.iter().all(gone), "{:?}", registry.spent);
            assert_eq!(both.destination("a").unwrap().seat.as_str(), "both/a");
        }
        rows.put_choice("both", "a", ENABLED, None);
        assert_eq!(rows.runtime.len(), 4);
    }
}
