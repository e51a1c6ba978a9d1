//! Asking another server who may publish and play.
//!
//! ```text
//! AccessRequest -> inner Gate -no-> no
//!                      | yes
//!                      v
//!                  question -> HttpClient -> answer: yes | yes, under this name | no
//!                      | nobody answers in time
//!                      v
//!                  memory (a yes to the same asker, whose session runs or ended just now), else as configured
//! the session ends -> notices: on_publish_done, on_play_done, on_done
//! ```
//!
//! Belongs here: the order of these, and the wrapper around a Gate. Must not come here: the words of
//! each style (`question`), keys and where they are kept (the inner Gate's).
//!
//! The questions carry stream keys, since that is what such hooks decide by. They are never logged.

mod memory;
mod notices;
mod question;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use manycast_hub::{
    AccessRequest, Action, Admission, Denial, DenialKind, Gate, Grant, LeaseHolder, Secret,
    TurnedAway, TurnedAwayFor,
};
use manycast_media::StreamName;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::client::HttpClient;
use crate::endpoint::Endpoint;
use crate::task::Task;
use memory::{Mark, Memory};
use notices::Notices;
use question::{Call, Caller, Ruling};

/// Questions about publishing at a time, and as many about playing: a crowd of viewers keeps no
/// encoder waiting.
const ASKING: usize = 64;

/// Where is asked, and where is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hooks {
    /// Asked before a publisher is let in.
    pub on_publish: Option<Endpoint>,
    /// Asked before a viewer is let in.
    pub on_play: Option<Endpoint>,
    /// Told that a publisher's session is over.
    pub on_publish_done: Option<Endpoint>,
    /// Told that a viewer's session is over.
    pub on_play_done: Option<Endpoint>,
    /// Told that either is over.
    pub on_done: Option<Endpoint>,
}

/// The form of questions and answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// A form, answered by a status.
    #[default]
    NginxRtmp,
    /// JSON, answered by a code.
    Srs,
}

/// What happens when nobody answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Nobody is let in.
    #[default]
    Deny,
    /// Whoever the inner Gate lets in is let in.
    Allow,
}

/// How others are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorise {
    /// Whom.
    pub hooks: Hooks,
    /// In which form.
    pub style: Style,
    /// How long an answer may take, from the look-up of the name to its last byte.
    pub timeout: Duration,
    /// What happens when none comes.
    pub on_failure: OnFailure,
    /// For how long after its end a session that was let in may come back while nobody answers.
    /// Zero: not at all.
    pub cache: Duration,
}

impl Default for Authorise {
    fn default() -> Self {
        Self {
            hooks: Hooks::default(),
            style: Style::default(),
            timeout: Duration::from_secs(3),
            on_failure: OnFailure::default(),
            cache: Duration::from_secs(10),
        }
    }
}

impl Authorise {
    fn asked(&self, action: Action) -> Option<&Endpoint> {
        match action {
            Action::Publish => self.hooks.on_publish.as_ref(),
            Action::Play => self.hooks.on_play.as_ref(),
        }
    }

    /// Whom to tell of an end, with the call.
    fn told(&self, action: Action) -> Vec<(Call, Endpoint)> {
        let (call, own) = match action {
            Action::Publish => (Call::PublishDone, &self.hooks.on_publish_done),
            Action::Play => (Call::PlayDone, &self.hooks.on_play_done),
        };
        let own = own.clone().map(|endpoint| (call, endpoint));
        let both = self.hooks.on_done.clone().map(|endpoint| (Call::Done, endpoint));
        own.into_iter().chain(both).collect()
    }
}

/// Answers that were counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Yes, renamed ones included.
    pub allowed: u64,
    /// No.
    pub refused: u64,
    /// No answer, and nothing remembered.
    pub unanswered: u64,
    /// No answer, and a yes was remembered.
    pub remembered: u64,
    /// Ends that nobody could be told of.
    pub untold: u64,
}

#[derive(Debug, Default)]
struct Counts {
    allowed: AtomicU64,
    refused: AtomicU64,
    unanswered: AtomicU64,
    remembered: AtomicU64,
    untold: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// The settings in force, and what is needed to act on them.
struct Active {
    settings: Authorise,
    client: HttpClient,
    /// Where questions are asked: whoever admits may be on a thread of its own.
    runtime: Handle,
}

/// A Gate that asks another server after the one that it wraps has said yes.
pub struct Authorised<G> {
    inner: Arc<G>,
    remote: Arc<Remote>,
}

struct Remote {
    active: ArcSwapOption<Active>,
    memory: Mutex<Memory>,
    asking: [Semaphore; 2],
    next_client: AtomicU64,
    counts: Arc<Counts>,
    notices: Notices,
}

impl<G: Gate> Authorised<G> {
    /// Wraps a Gate. Until settings are applied, that one alone decides.
    #[must_use]
    pub fn new(inner: Arc<G>) -> Arc<Self> {
        let counts = Arc::<Counts>::default();
        let remote = Remote {
            active: ArcSwapOption::empty(),
            memory: Mutex::default(),
            asking: [Semaphore::new(ASKING), Semaphore::new(ASKING)],
            next_client: AtomicU64::new(1),
            notices: Notices::new(counts.clone()),
            counts,
        };
        Arc::new(Self { inner, remote: Arc::new(remote) })
    }

    /// The Gate inside.
    #[must_use]
    pub fn inner(&self) -> &Arc<G> {
        &self.inner
    }

    /// From now on these settings hold. Sessions that run go on. Must be called inside the runtime
    /// that questions are to be asked on.
    pub fn apply(&self, settings: Option<Authorise>, client: HttpClient) {
        let remote = &self.remote;
        let same = match (&settings, remote.active.load().as_deref()) {
            (Some(new), Some(old)) => *new == old.settings,
            (None, None) => true,
            _ => false,
        };
        if !same {
            remote.memory.lock().forget_all();
        }
        let runtime = Handle::current();
        remote.notices.start(&runtime);
        let active = settings.map(|settings| Arc::new(Active { settings, client, runtime }));
        remote.active.store(active);
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> Asked {
        let counts = &self.remote.counts;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Asked {
            allowed: read(&counts.allowed),
            refused: read(&counts.refused),
            unanswered: read(&counts.unanswered),
            remembered: read(&counts.remembered),
            untold: read(&counts.untold),
        }
    }

    /// Waits until everybody is told of the sessions that are over, within `bound`.
    pub async fn finish(&self, bound: Duration) {
        let _ = tokio::time::timeout(bound, self.remote.notices.all_told()).await;
    }
}

impl<G: Gate> Gate for Authorised<G> {
    fn admit(&self, request: AccessRequest) -> Admission<'_> {
        Box::pin(async move {
            let Some(active) = self.remote.active.load_full() else {
                return self.inner.admit(request).await;
            };
            let grant = self.inner.admit(request.clone()).await?;
            let client_id = self.remote.next_client.fetch_add(1, Ordering::Relaxed);
            let caller = Arc::new(Caller { client_id, request });
            let (grant, mark) = self.consult(&active, &caller, grant).await?;
            Ok(self.remote.attend(&active, &caller, grant, mark))
        })
    }

    fn turned_away(&self, told: &TurnedAway) {
        self.inner.turned_away(told);
    }
}

impl<G: Gate> Authorised<G> {
    /// The grant after the other server was asked, and what is to be remembered of its answer.
    async fn consult(
        &self,
        active: &Arc<Active>,
        caller: &Arc<Caller>,
        grant: Grant,
    ) -> Result<(Grant, Option<Mark>), Denial> {
        let action = caller.request.action;
        if active.settings.asked(action).is_none() {
            return Ok((grant, None));
        }
        let remote = &self.remote;
        let mark = Mark::of(&caller.request);
        let peer = caller.request.peer;
        match remote.ask(active, caller).await {
            Ruling::Yes => {
                count(&remote.counts.allowed);
                Ok((grant, remote.remember(active, mark, None)))
            }
            Ruling::As(name) => {
                let grant = self.renamed(caller, grant, &name).await?;
                count(&remote.counts.allowed);
                Ok((grant, remote.remember(active, mark, Some(name))))
            }
            Ruling::No(words) => {
                count(&remote.counts.refused);
                remote.memory.lock().forget(&mark);
                tracing::info!(%peer, ?action, "refused by the authorisation service: {words}");
                self.tell(&caller.request, TurnedAwayFor::Service, &grant);
                let message = "the authorisation service of this server said no".to_owned();
                Err(Denial { kind: DenialKind::Forbidden, message })
            }
            Ruling::Silent(words) => {
                let known = remote.memory.lock().recall(&mark, Instant::now());
                if let Some(name) = known {
                    count(&remote.counts.remembered);
                    tracing::warn!(%peer, ?action, "let in again, as before; no answer: {words}");
                    let grant = match &name {
                        Some(name) => self.renamed(caller, grant, name).await?,
                        None => grant,
                    };
                    return Ok((grant, remote.remember(active, mark, name)));
                }
                count(&remote.counts.unanswered);
                tracing::warn!(%peer, ?action, "the authorisation service does not answer: {words}");
                match active.settings.on_failure {
                    OnFailure::Allow => Ok((grant, None)),
                    OnFailure::Deny => {
                        self.tell(&caller.request, TurnedAwayFor::ServiceSilent, &grant);
                        Err(silent())
                    }
                }
            }
        }
    }

    /// Tells the inner Gate of a publisher that it let in and that is refused all the same.
    fn tell(&self, request: &AccessRequest, why: TurnedAwayFor, grant: &Grant) {
        if request.action == Action::Publish {
            let stream = Some(grant.stream.name().clone());
            self.inner.turned_away(&TurnedAway::of(request, why, stream));
        }
    }

    /// The grant for a Stream of another name, if the inner Gate would give it to whoever asks for
    /// that name.
    async fn renamed(
        &self,
        caller: &Caller,
        grant: Grant,
        name: &StreamName,
    ) -> Result<Grant, Denial> {
        if grant.stream.name() == name {
            return Ok(grant);
        }
        drop(grant);
        let name = Secret::new(name.as_str());
        let request = AccessRequest { keys: vec![name.clone()], name, ..caller.request.clone() };
        self.inner.admit(request).await.map_err(|denial| {
            let message = format!("under the name that the service gives: {denial}");
            Denial { message, ..denial }
        })
    }
}

fn silent() -> Denial {
    let message = "the authorisation service of this server does not answer: try again later";
    Denial { kind: DenialKind::Full, message: message.to_owned() }
}

impl Remote {
    /// Asks, on the runtime's threads, and within the time that is configured.
    async fn ask(self: &Arc<Self>, active: &Arc<Active>, caller: &Arc<Caller>) -> Ruling {
        let (remote, runtime) = (self.clone(), active.runtime.clone());
        let (active, caller) = (active.clone(), caller.clone());
        let asking = runtime.spawn(async move {
            let settings = &active.settings;
            let action = caller.request.action;
            let Some(endpoint) = settings.asked(action) else { return Ruling::Yes };
            let (call, lane) = match action {
                Action::Publish => (Call::Publish, 0),
                Action::Play => (Call::Play, 1),
            };
            let deadline = Instant::now() + settings.timeout;
            let Ok(_turn) = timeout_at(deadline, remote.asking[lane].acquire()).await else {
                return Ruling::Silent("too many questions are waiting already".to_owned());
            };
            let left = deadline.saturating_duration_since(Instant::now());
            question::ask(&active.client, settings.style, endpoint, call, &caller, left).await
        });
        let ruling = Task(asking).await;
        ruling.unwrap_or_else(|_| Ruling::Silent("an error inside this server".to_owned()))
    }

    /// Keeps a yes for a session that begins now.
    fn remember(&self, active: &Active, mark: Mark, name: Option<StreamName>) -> Option<Mark> {
        let keep = active.settings.cache;
        let now = Instant::now();
        let kept = !keep.is_zero() && self.memory.lock().begun(&mark, name, now);
        kept.then_some(mark)
    }

    /// Follows a session to its end, if anybody wants to hear of that.
    fn attend(
        self: &Arc<Self>,
        active: &Arc<Active>,
        caller: &Arc<Caller>,
        grant: Grant,
        mark: Option<Mark>,
    ) -> Grant {
        let told = active.settings.told(caller.request.action);
        if told.is_empty() && mark.is_none() {
            return grant;
        }
        let holder = LeaseHolder::new();
        let lease = holder.lease();
        let (remote, active, caller) = (self.clone(), active.clone(), caller.clone());
        let open = (!told.is_empty()).then(|| self.notices.open());
        let runtime = active.runtime.clone();
        let mut inner = grant.lease;
        runtime.spawn(async move {
            let revoked = tokio::select! {
                why = inner.revoked() => Some(why),
                () = holder.released() => None,
            };
            if let Some(why) = revoked {
                holder.revoke(&why);
                holder.released().await;
            }
            if let Some(mark) = mark {
                let until = Instant::now() + active.settings.cache;
                remote.memory.lock().ended(&mark, until);
            }
            if let Some(open) = open {
                remote.notices.tell(open, active, caller, told);
            }
        });
        Grant { lease, ..grant }
    }
}

#[cfg(test)]
mod tests;
