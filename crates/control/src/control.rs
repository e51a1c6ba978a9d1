//! The handle that everything is asked through.
//!
//! Belongs here: making it, reading the file anew, the end. Edits are in `edit`, what is shown in
//! `view`, what is handed on in `apply`.

use crate::check::MAX_STREAMS;
use crate::def::{AIR, FileDefs, ON, Registry, Rows, join};
use crate::events::{Desk, Follow, Happening, Herald, Job, NewEvent};
use crate::history::History;
use crate::live::Live;
use crate::watch::Watch;
use crate::{ControlError, ServerFinding, apply};
use arc_swap::ArcSwap;
use manycast_auth::{AccessGate, AccessKey, Actor, RetiredKey, StreamKeys};
use manycast_hub::Hub;
use manycast_media::StreamName;
use manycast_net_rtmp::ClientSettings;
use manycast_restream::Restream;
use manycast_store::{Store, UnixMs};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

/// Rehearsals under way at a time.
pub(crate) const REHEARSALS: usize = 4;
/// How long what waits may take to be written at the end.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What it works with.
pub struct Parts {
    /// The Streams.
    pub hub: Arc<Hub>,
    /// The Destinations.
    pub restream: Arc<Restream>,
    /// Who may publish and play.
    pub gate: Arc<AccessGate>,
    /// The stream keys of the database.
    pub keys: StreamKeys,
    /// The database.
    pub store: Store,
    /// How rehearsals connect: as deliveries do.
    pub client: ClientSettings,
}

/// What a reload did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// Streams that are new.
    pub added: Vec<StreamName>,
    /// Streams that are gone.
    pub removed: Vec<StreamName>,
}

/// What is held while something is changed: one change at a time.
#[derive(Default)]
pub(crate) struct Books {
    pub(crate) rows: Rows,
    pub(crate) keys: HashMap<String, Vec<AccessKey>>,
    /// Keys that were withdrawn lately.
    pub(crate) retired: Vec<RetiredKey>,
}

/// What is defined and what is applied. See the [crate](crate).
pub struct Control {
    pub(crate) hub: Arc<Hub>,
    pub(crate) restream: Arc<Restream>,
    pub(crate) gate: Arc<AccessGate>,
    pub(crate) keys: StreamKeys,
    pub(crate) store: Store,
    pub(crate) client: ArcSwap<ClientSettings>,
    pub(crate) file: ArcSwap<FileDefs>,
    pub(crate) registry: ArcSwap<Registry>,
    pub(crate) books: tokio::sync::Mutex<Books>,
    /// Held while the whole picture is handed on, so that an older one never comes after a newer.
    pub(crate) applying: Mutex<()>,
    pub(crate) live: Mutex<Live>,
    pub(crate) history: Mutex<History>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) revision: watch::Sender<u64>,
    pub(crate) rehearsals: Arc<Semaphore>,
    pub(crate) epoch: Instant,
    /// The server ends: what encoders do now says nothing of what people want afterwards.
    pub(crate) draining: AtomicBool,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    end: watch::Sender<bool>,
}

/// Now, on the runtime's clock.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl Control {
    /// Reads what the database holds, joins it with the file, applies it, and begins to watch. Must
    /// be called within the runtime.
    ///
    /// # Errors
    /// The database could not be read.
    pub async fn start(parts: Parts, file: FileDefs) -> Result<Arc<Self>, ControlError> {
        let Parts { hub, restream, gate, keys, store, client } = parts;
        let rows = Rows {
            streams: store.streams().await?,
            destinations: store.destinations().await?,
            runtime: store.runtime().await?,
        };
        let retired = keys.retired().await?;
        let books = Books { keys: keys.access_all().await?, retired, rows };
        let (desk, waiting) = Desk::new(store.clone());
        let (end, ending) = watch::channel(false);
        let control = Arc::new(Self {
            hub,
            restream,
            gate,
            keys,
            store,
            client: ArcSwap::from_pointee(client),
            file: ArcSwap::from_pointee(file),
            registry: ArcSwap::default(),
            books: tokio::sync::Mutex::default(),
            applying: Mutex::default(),
            live: Mutex::new(Live::new()),
            history: Mutex::default(),
            desk: desk.clone(),
            revision: watch::Sender::new(0),
            rehearsals: Arc::new(Semaphore::new(REHEARSALS)),
            epoch: now(),
            draining: AtomicBool::new(false),
            tasks: Mutex::default(),
            end,
        });
        // Before anything is applied, so that no change of a destination is missed.
        let watch = Watch::new(control.clone());
        control.keep_out_again().await?;
        let mut held = control.books.lock().await;
        *held = books;
        control.refresh(&mut held);
        control.forget_spent(&mut held).await;
        drop(held);
        let tasks = [tokio::spawn(watch.run(ending)), tokio::spawn(desk.write(waiting))];
        control.tasks.lock().extend(tasks);
        Ok(control)
    }

    /// Takes a file that was read anew. Streams that are gone end; nobody else notices (G1).
    ///
    /// # Errors
    /// None at present; the file was checked by its reader.
    pub async fn reload(
        self: &Arc<Self>,
        by: Option<&Actor>,
        file: FileDefs,
    ) -> Result<Reloaded, ControlError> {
        let by = by.map(|actor| actor.name.clone());
        let mut books = self.books.lock().await;
        let streams = file.streams.len();
        self.file.store(Arc::new(file));
        let reloaded = self.refresh(&mut books);
        self.forget_spent(&mut books).await;
        drop(books);
        self.desk.happened(vec![Happening::ConfigReloaded { by, streams }]);
        Ok(reloaded)
    }

    /// Forgets choices that say nothing any more. While the books are held, so that none is forgotten
    /// that a person makes meanwhile.
    async fn forget_spent(&self, books: &mut Books) {
        let registry = self.registry.load_full();
        for [stream, destination, field] in &registry.spent {
            match self.store.note_runtime(stream, destination, field, None).await {
                Ok(()) => books.rows.put_choice(stream, destination, field, None),
                Err(error) => {
                    tracing::warn!(stream, destination, %error, "a choice that is spent is kept");
                }
            }
        }
    }

    /// Joins anew what the file and the database say, and applies it.
    pub(crate) fn refresh(&self, books: &mut Books) -> Reloaded {
        let registry = join(&self.file.load(), &books.rows);
        let remembered: BTreeMap<_, _> = books
            .rows
            .runtime
            .iter()
            .filter(|row| row.field == AIR && row.destination.is_empty())
            .map(|row| (row.stream.as_str(), row.value == ON))
            .collect();
        let one = self.applying.lock();
        let before = self.registry.swap(Arc::new(registry));
        let registry = self.registry.load();
        let chosen = |name: &StreamName| remembered.get(name.as_str()).copied();
        self.live.lock().sync(&registry, now(), chosen);
        let reloaded = apply::all(self, &before, &registry, books);
        drop(one);
        self.changed();
        reloaded
    }

    /// Hands on who is fed, after the air of a Stream changed.
    pub(crate) fn apply_air(&self) {
        let _one = self.applying.lock();
        self.restream.apply(apply::specs(&self.registry.load(), &self.live.lock()));
    }

    pub(crate) fn changed(&self) {
        self.revision.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Rises whenever something that is shown of a Stream by itself may have changed: definitions
    /// and states. Figures move without it.
    #[must_use]
    pub fn revision(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Whether figures move: somebody sends, watches or waits to.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.hub.streams().iter().any(|stream| stream.is_live() || stream.viewers() > 0)
    }

    /// Whether a Stream of this name is defined. All others are forgotten by the hub's sweep.
    #[must_use]
    pub fn is_defined(&self, name: &StreamName) -> bool {
        self.registry.load().stream(name.as_str()).is_some()
    }

    /// How rehearsals connect from now on.
    pub fn set_client(&self, client: ClientSettings) {
        self.client.store(Arc::new(client));
    }

    /// Has `herald` told of everything that happens; once.
    pub fn set_herald(&self, herald: Arc<dyn Herald>) {
        self.desk.set_herald(herald);
    }

    /// Writes an event of another part of the server down. Never waits; lost when the disk stands
    /// still.
    pub fn tell(&self, event: NewEvent) {
        self.desk.hand_in(Job::Told(UnixMs::now(), event));
    }

    /// Follows events: first those after `after`, at most 1,000, then each as it comes.
    pub async fn follow(&self, after: Option<i64>) -> Follow {
        self.desk.follow(after).await
    }

    /// Events that could not be kept since the start.
    #[must_use]
    pub fn lost_events(&self) -> u64 {
        self.desk.lost()
    }

    /// The time of the day at an instant.
    #[must_use]
    pub fn wall(&self, at: Instant) -> SystemTime {
        wall(at)
    }

    /// What is wrong with what is defined.
    #[must_use]
    pub fn findings(&self) -> Vec<ServerFinding> {
        let registry = self.registry.load();
        let shadowed = registry.shadowed.iter().map(|name| ServerFinding {
            code: "shadowed",
            stream: name.to_string(),
            sentence: format!(
                "The stream {name} is defined in {} and in the database: that of the file holds.",
                registry.path.display()
            ),
            remedy: format!(
                "Rename the one in {}, or remove it there to have the other back.",
                registry.path.display()
            ),
        });
        let destinations = registry.streams.iter().flat_map(|stream| {
            stream.destinations.iter().filter(|one| one.unreadable).map(move |one| ServerFinding {
                code: "key_unreadable",
                stream: stream.name.to_string(),
                sentence: format!(
                    "The key of {} cannot be opened with the server's vault key: it is not fed.",
                    one.name
                ),
                remedy: "Enter the key again, or restore the vault key from a backup.".to_owned(),
            })
        });
        shadowed.chain(destinations).collect()
    }

    /// The Streams that are defined, in the order in which they are shown.
    #[must_use]
    pub fn defined_names(&self) -> Vec<StreamName> {
        self.registry.load().streams.iter().map(|stream| stream.name.clone()).collect()
    }

    /// How many Streams and Destinations are defined.
    #[must_use]
    pub fn counted(&self) -> (usize, usize) {
        let registry = self.registry.load();
        let destinations = registry.streams.iter().map(|stream| stream.destinations.len()).sum();
        (registry.streams.len(), destinations)
    }

    /// How many more Streams may be made.
    #[must_use]
    pub fn room(&self) -> usize {
        MAX_STREAMS.saturating_sub(self.registry.load().streams.len())
    }

    /// The server begins to say goodbye: who is wanted on air is remembered as it is now, however
    /// long that takes.
    pub fn begin_to_drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Writes what waits and ends. Does not end Streams or Destinations.
    pub async fn shutdown(&self) {
        self.end.send_replace(true);
        let tasks = std::mem::take(&mut *self.tasks.lock());
        for (n, mut task) in tasks.into_iter().enumerate() {
            if n == 1 {
                self.desk.close(LAST_WORDS).await; // the watcher has said all
            }
            if tokio::time::timeout(LAST_WORDS, &mut task).await.is_err() {
                task.abort();
            }
        }
    }
}

/// The time of the day at an instant.
pub(crate) fn wall(at: Instant) -> SystemTime {
    let (now, wall) = (now(), SystemTime::now());
    match now.checked_duration_since(at) {
        Some(ago) => wall.checked_sub(ago).unwrap_or(wall),
        None => wall.checked_add(at.duration_since(now)).unwrap_or(wall),
    }
}
