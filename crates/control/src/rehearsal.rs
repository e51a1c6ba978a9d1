//! Trying an address without going live: step by step, with a plain sentence.
//!
//! ```text
//! resolve - connect - tls - handshake - connect_app     the way of a delivery, over the same gate
//! publish                                               never: the key is checked when it is live
//! ```
//! Belongs here: the steps and what is said of them. Must not come here: how one connects
//! (`net-rtmp`), what may be dialled (`dial`).

mod sentence;

use crate::ControlError;
use crate::check::{self, Faults, Given, MAIN};
use crate::control::{Control, now};
use crate::def::Remote;
use crate::edit::entry;
use crate::services::service;
use manycast_auth::Actor;
use manycast_dial::{Host, Target as DialTarget};
use manycast_hub::{Announce, Fault, LinkEnd, Secret, Stage, Target};
use manycast_net_rtmp::{Address, ClientSettings};
use manycast_restream::shown_words;
use manycast_rtmp::auth::Login;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// All of it together.
const BOUND: Duration = Duration::from_secs(10);
/// Redirects that are followed.
const REDIRECTS: usize = 3;

/// What is to be tried.
#[derive(Clone, Debug)]
pub enum RehearsalOf {
    /// A Destination that is defined.
    Stored {
        /// Its Stream.
        stream: String,
        /// Its id or name.
        destination: String,
        /// Its second address.
        backup: bool,
    },
    /// What stands in a form.
    Unsaved {
        /// The key of a known service.
        service: Option<String>,
        /// The address, perhaps with key and user in it.
        url: String,
        /// The key, if it is there already.
        key: Option<Secret>,
        /// Who we are there.
        user: Option<String>,
        /// With the user.
        password: Option<Secret>,
    },
}

/// A step on the way to a platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Looking up the name.
    Resolve,
    /// Opening the connection.
    Connect,
    /// Encryption, and the certificate.
    Tls,
    /// Whether it speaks RTMP.
    Handshake,
    /// Whether it takes the application.
    ConnectApp,
    /// The key; never tried.
    Publish,
}

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    /// All is well.
    Ok,
    /// Here it ended.
    Failed,
    /// Not needed at this address.
    Skipped,
    /// Not reached, or not to be tried.
    NotTried,
}

impl Step {
    /// All of them, in their order.
    pub const ALL: [Self; 6] =
        [Self::Resolve, Self::Connect, Self::Tls, Self::Handshake, Self::ConnectApp, Self::Publish];

    /// The word of the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Handshake => "handshake",
            Self::ConnectApp => "connect_app",
            Self::Publish => "publish",
        }
    }

    fn stage(self) -> Option<Stage> {
        match self {
            Self::Resolve => Some(Stage::Resolving),
            Self::Connect => Some(Stage::Connecting),
            Self::Tls => Some(Stage::Securing),
            Self::Handshake => Some(Stage::Handshake),
            Self::ConnectApp => Some(Stage::Publishing),
            Self::Publish => None,
        }
    }
}

impl StepState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Failed, Self::Skipped, Self::NotTried];

    /// The word of the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::NotTried => "not_tried",
        }
    }
}

/// One step and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RehearsalStep {
    /// Which.
    pub step: Step,
    /// What came of it.
    pub state: StepState,
    /// How long it took.
    pub ms: u64,
    /// In a sentence.
    pub detail: String,
}

/// What a rehearsal found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsal {
    /// All steps, in order.
    pub steps: Vec<RehearsalStep>,
    /// Whether everything up to the key works.
    pub ok: bool,
    /// The whole in a sentence.
    pub sentence: String,
    /// What to do, if anything.
    pub remedy: Option<String>,
}

/// An address as it is tried.
struct Trial {
    remote: Remote,
    announce: Announce,
    /// What people call the far end.
    name: String,
    /// For the audit log.
    subject: String,
}

impl Control {
    /// Tries an address as a delivery would, up to the key, within 10 s. Four at a time.
    ///
    /// # Errors
    /// What is wrong with the form; no such Destination; four are under way; the database, which
    /// keeps who asked.
    pub async fn rehearse(&self, by: &Actor, what: RehearsalOf) -> Result<Rehearsal, ControlError> {
        let trial = self.trial(what)?;
        let Ok(_place) = self.rehearsals.clone().try_acquire_owned() else {
            let sentence = "four rehearsals are under way already".to_owned();
            return Err(ControlError::Busy { sentence });
        };
        self.store.audit(entry(by, "destination.rehearse", &trial.subject)).await?;
        let settings = self.client.load_full();
        Ok(rehearse(&settings, trial).await)
    }

    fn trial(&self, what: RehearsalOf) -> Result<Trial, ControlError> {
        match what {
            RehearsalOf::Stored { stream, destination, backup } => {
                let (stream, one) = Self::place(&self.registry.load(), &stream, &destination)?;
                let remote = match (backup, one.backup) {
                    (false, _) => one.remote,
                    (true, Some(backup)) => backup.remote,
                    (true, None) => return Err(ControlError::NotFound { what: "backup address" }),
                };
                let subject = format!("{}/{}", stream.name, one.name);
                Ok(Trial { remote, announce: one.announce, name: one.name, subject })
            }
            RehearsalOf::Unsaved { service: known, url, key, user, password } => {
                let mut faults = Faults::default();
                check::service_key(known.as_deref(), &mut faults);
                // A key that is not there yet hinders nothing: it is not tried.
                let none = Secret::new("\0");
                let given = Given {
                    url: &url,
                    key: key.as_ref(),
                    or_key: key.is_none().then_some(&none),
                    user: user.as_deref(),
                    password: password.as_ref(),
                };
                let dialer = &self.client.load().dialer;
                let remote = check::remote(&given, &MAIN, dialer, &mut faults);
                let missing = ControlError::NotFound { what: "address" };
                let remote = faults.or(remote)?.ok_or(missing)?;
                let host = place(&remote.url).0;
                let name = known.as_deref().and_then(service).map(|one| one.name.clone());
                let subject = host.clone();
                let announce = Announce::default();
                Ok(Trial { remote, announce, name: name.unwrap_or(host), subject })
            }
        }
    }
}

/// Host and port of an address that was checked.
fn place(url: &str) -> (String, u16, bool, bool) {
    match DialTarget::parse(url) {
        Ok(target) => {
            let literal = matches!(target.host, Host::Ip(_));
            (target.host.to_string(), target.port, target.scheme.is_tls(), literal)
        }
        Err(_) => (String::new(), 0, false, false),
    }
}

/// When each stage began.
type Marks = Arc<Mutex<Vec<(Stage, Instant)>>>;

async fn rehearse(settings: &ClientSettings, mut trial: Trial) -> Rehearsal {
    let deadline = tokio::time::Instant::now() + BOUND;
    let mut redirects = 0;
    loop {
        let marks = Marks::default();
        let tried = attempt(settings, &trial, &marks);
        let late = || LinkEnd::new(Fault::ConnectTimeout, "there was no answer within 10 s");
        let end = match tokio::time::timeout_at(deadline, tried).await {
            Ok(Ok(_)) => None,
            Ok(Err(end)) => Some(end),
            Err(_) => Some(late()),
        };
        let redirect = end.as_ref().and_then(|end| end.redirect.clone());
        if let Some(redirect) = redirect.filter(|_| redirects < REDIRECTS) {
            redirects += 1;
            redirect.expose().clone_into(&mut trial.remote.url);
            continue;
        }
        return told(&trial, &marks.lock(), end, now());
    }
}

async fn attempt(
    settings: &ClientSettings,
    trial: &Trial,
    marks: &Marks,
) -> Result<std::net::SocketAddr, LinkEnd> {
    let Remote { url, key, login } = &trial.remote;
    let login = login
        .as_ref()
        .and_then(|login| Login::new(login.user.expose(), login.password.expose()).ok());
    let address = Address::with_key(url, key.expose())?.or_login(login);
    let reach = |stage| marks.lock().push((stage, now()));
    manycast_net_rtmp::rehearse(settings, &address, trial.announce, reach).await
}

/// The steps and the sentence.
fn told(
    trial: &Trial,
    marks: &[(Stage, Instant)],
    end: Option<LinkEnd>,
    ended: Instant,
) -> Rehearsal {
    let (host, port, encrypted, literal) = place(&trial.remote.url);
    let target = Target {
        login: trial.remote.login.clone(),
        ..Target::new(&trial.remote.url, trial.remote.key.clone())
    };
    let far = sentence::Far { name: &trial.name, host: &host, port, encrypted };
    let end = end.map(|end| LinkEnd { message: shown_words(&end.message, &target), ..end });
    let last = marks.iter().map(|(stage, _)| *stage).max();
    let begun = |stage: Stage| marks.iter().find(|(own, _)| *own == stage).map(|(_, at)| *at);
    let step = |step: Step| {
        let Some(stage) = step.stage() else { return far.never(step) };
        let Some(from) = begun(stage) else { return far.unreached(step) };
        if step == Step::Resolve && literal && last > Some(stage) {
            return far.skipped(step);
        }
        let after = marks.iter().filter(|(own, _)| *own > stage).map(|(_, at)| *at).min();
        let took = after.unwrap_or(ended).saturating_duration_since(from);
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        match &end {
            Some(end) if after.is_none() => far.failed(step, ms, &end.message),
            _ => far.well(step, ms),
        }
    };
    let steps = Step::ALL.into_iter().map(step).collect();
    let (sentence, remedy) = match &end {
        None => (far.all_well(), None),
        Some(end) => far.cause(end, last),
    };
    Rehearsal { steps, ok: end.is_none(), sentence, remedy }
}

#[cfg(test)]
mod tests;
