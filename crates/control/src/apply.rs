//! The whole picture, handed to those who carry it out.
//!
//! ```text
//! gate      a withdrawn key ends its session      first, so that nobody comes in meanwhile
//! hub       Streams that are gone are closed, new ones opened
//! restream  compared by id: only what changed is touched (D12)
//! ```

use crate::control::{Books, Control, Reloaded, now};
use crate::def::{Defined, Destination, FileDefs, Registry, Remote};
use crate::live::Live;
use manycast_auth::{AccessKey, AccessTable, StreamAccess};
use manycast_hub::Target;
use manycast_restream::{Backup, DestinationSpec, Timings};
use std::time::Duration;

/// Applies `registry` in place of `before`.
pub(crate) fn all(
    control: &Control,
    before: &Registry,
    registry: &Registry,
    books: &Books,
) -> Reloaded {
    let file = control.file.load();
    control.gate.apply(table(&file, registry, books));
    let mut reloaded = Reloaded::default();
    let missing = |from: &Registry, in_: &Registry| {
        let gone = from.streams.iter().filter(|one| in_.stream(one.name.as_str()).is_none());
        gone.map(|one| one.name.clone()).collect::<Vec<_>>()
    };
    for name in missing(before, registry) {
        control.hub.close(&name, now(), "this stream was removed from the server");
        tracing::info!(stream = %name, "stream removed");
        reloaded.removed.push(name);
    }
    for name in missing(registry, before) {
        control.hub.open(&name, file.window);
        reloaded.added.push(name);
    }
    control.restream.apply(specs(registry, &control.live.lock()));
    reloaded
}

/// Who may publish and play.
pub(crate) fn table(file: &FileDefs, registry: &Registry, books: &Books) -> AccessTable {
    let access = |stream: &Defined| {
        let own = stream.key.iter().map(|key| AccessKey::from_file(key.clone()));
        let kept = books.keys.get(stream.name.as_str()).into_iter().flatten().cloned();
        StreamAccess {
            name: stream.name.clone(),
            keys: own.chain(kept).collect(),
            login: stream.login.clone().or_else(|| file.login.clone()),
            play: stream.play,
            takeover: stream.takeover,
        }
    };
    AccessTable {
        streams: registry.streams.iter().map(access).collect(),
        open: file.open,
        open_login: file.login.clone(),
        publishers: file.publishers,
        window: file.window,
        retired: books.retired.clone(),
    }
}

/// Who is fed.
pub(crate) fn specs(registry: &Registry, live: &Live) -> Vec<DestinationSpec> {
    let of = |stream: &Defined| {
        let wanted = live.is_wanted(stream);
        stream.destinations.iter().map(|one| spec(stream, one, wanted)).collect::<Vec<_>>()
    };
    registry.streams.iter().flat_map(of).collect()
}

fn spec(stream: &Defined, one: &Destination, wanted: bool) -> DestinationSpec {
    let target = |remote: &Remote| Target {
        login: remote.login.clone(),
        config_change: one.config_change,
        announce: one.announce,
        tracks: one.tracks,
        ..Target::new(&remote.url, remote.key.clone())
    };
    let mut spec = DestinationSpec::new(stream.name.clone(), &one.name, target(&one.remote));
    spec.id = one.seat.clone();
    let backup = one.backup.as_ref();
    spec.backup = backup.map(|backup| Backup { target: target(&backup.remote), mode: backup.mode });
    spec.enabled = one.enabled && wanted && !one.unreadable;
    let reconnect_window = stream.reconnect_window;
    let orderly_window = if stream.hold_on_stop { reconnect_window } else { Duration::ZERO };
    spec.timings = Timings { reconnect_window, orderly_window, ..spec.timings };
    spec
}
