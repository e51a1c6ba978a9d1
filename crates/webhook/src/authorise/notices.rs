//! Telling others that a session is over: in the background, bounded, as well as it goes.

use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::question::{self, Call, Caller, Ruling};
use super::{Active, Counts, count};
use crate::endpoint::Endpoint;

/// Ends that may wait to be told.
const WAITING: usize = 1_024;
/// Ends that are told at a time.
const AT_ONCE: usize = 8;
/// Waits before it is tried again.
const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];

/// Counts a session that somebody is to be told of, until that is done.
pub(super) struct Open(Arc<watch::Sender<usize>>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open = open.saturating_sub(1));
    }
}

struct Job {
    /// Held until it is done.
    _open: Open,
    active: Arc<Active>,
    caller: Arc<Caller>,
    told: Vec<(Call, Endpoint)>,
}

/// What is to be told.
pub(super) struct Notices {
    jobs: OnceLock<mpsc::Sender<Job>>,
    open: Arc<watch::Sender<usize>>,
    counts: Arc<Counts>,
}

impl Notices {
    pub(super) fn new(counts: Arc<Counts>) -> Self {
        Self { jobs: OnceLock::new(), open: Arc::new(watch::channel(0).0), counts }
    }

    /// Begins to tell; once.
    pub(super) fn start(&self, runtime: &Handle) {
        self.jobs.get_or_init(|| {
            let (jobs, waiting) = mpsc::channel(WAITING);
            runtime.spawn(run(waiting, self.counts.clone()));
            jobs
        });
    }

    /// A session begins that somebody is to be told of.
    pub(super) fn open(&self) -> Open {
        self.open.send_modify(|open| *open += 1);
        Open(self.open.clone())
    }

    /// It is over.
    pub(super) fn tell(
        &self,
        open: Open,
        active: Arc<Active>,
        caller: Arc<Caller>,
        told: Vec<(Call, Endpoint)>,
    ) {
        let job = Job { _open: open, active, caller, told };
        let taken = self.jobs.get().is_some_and(|jobs| jobs.try_send(job).is_ok());
        if !taken {
            count(&self.counts.untold);
        }
    }

    /// Resolves when there is nothing left to tell. Cancel-safe.
    pub(super) async fn all_told(&self) {
        let _ = self.open.subscribe().wait_for(|open| *open == 0).await;
    }
}

async fn run(mut waiting: mpsc::Receiver<Job>, counts: Arc<Counts>) {
    let mut running = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = running.join_next() => {}
            job = waiting.recv(), if running.len() < AT_ONCE => {
                let Some(job) = job else { break };
                running.spawn(tell(job, counts.clone()));
            }
        }
    }
    while running.join_next().await.is_some() {}
}

/// One after the other, each a few times: the word that it is over must not come before.
async fn tell(job: Job, counts: Arc<Counts>) {
    for (call, endpoint) in &job.told {
        let mut waits = WAITS.iter();
        while let Err(words) = once(&job, *call, endpoint).await {
            let Some(wait) = waits.next() else {
                count(&counts.untold);
                tracing::warn!(call = call.word(), "nobody takes the word of an end: {words}");
                break;
            };
            tokio::time::sleep(*wait).await;
        }
    }
}

/// Whoever answers at all has heard it.
async fn once(job: &Job, call: Call, endpoint: &Endpoint) -> Result<(), String> {
    let settings = &job.active.settings;
    let (client, within) = (&job.active.client, settings.timeout);
    match question::ask(client, settings.style, endpoint, call, &job.caller, within).await {
        Ruling::Silent(words) => Err(words),
        _ => Ok(()),
    }
}
