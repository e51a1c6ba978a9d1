//! The certificates of the server: one store for HTTPS and RTMPS, followed while it runs.
//!
//! ```text
//! files      looked at every two seconds, read again when they changed
//! self-made  the names of the machine are looked at every half minute, the end of its time with them
//! ```
//! A certificate that cannot be taken leaves the old one in force, and log, status and metrics say so.
//! Belongs here: when to look. Must not come here: what a certificate is (the `tls` crate).

use super::names;
use crate::config::{Certificate, Config};
use anyhow::{Context, Result};
use manycast_tls::{MaterialError, ServerTls, fingerprint_text};
use manycast_web::CertificateFacts;
use parking_lot::Mutex;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// The names of the machine are looked at each time so many looks have passed.
const LOOKS_PER_NAMES: u32 = 15;

/// The certificates in use.
#[derive(Debug)]
pub(super) struct Certificates {
    https: Option<Arc<ServerTls>>,
    rtmps: Option<Arc<ServerTls>>,
    trouble: Mutex<Trouble>,
}

/// Why a newer certificate could not be taken.
#[derive(Debug, Default)]
struct Trouble {
    /// Seen once: files may be in the middle of being replaced.
    suspected: Option<String>,
    /// Seen again, and told.
    told: Option<String>,
}

impl Certificates {
    /// Reads or makes what the listeners of the configuration need. `data` is where a self-signed
    /// one is kept.
    pub(super) fn open(config: &Config, data: Option<&Path>) -> Result<Arc<Self>> {
        let https = config.https.listen.map(|_| &config.https.certificate);
        let rtmps = config.rtmps.as_ref().map(|rtmps| &rtmps.certificate);
        let same = https.is_some() && https == rtmps;
        let https = https.map(|wanted| open(wanted, data).context("https")).transpose()?;
        let rtmps = match rtmps {
            Some(_) if same => https.clone(),
            Some(wanted) => Some(open(wanted, data).context("rtmps")?),
            None => None,
        };
        Ok(Arc::new(Self { https, rtmps, trouble: Mutex::default() }))
    }

    /// What HTTPS shows.
    pub(super) fn https(&self) -> Option<Arc<ServerTls>> {
        self.https.clone()
    }

    /// What RTMPS shows.
    pub(super) fn rtmps(&self) -> Option<Arc<ServerTls>> {
        self.rtmps.clone()
    }

    /// Each certificate once.
    fn each(&self) -> impl Iterator<Item = &Arc<ServerTls>> {
        let both = self.https.as_ref().zip(self.rtmps.as_ref());
        let shared = both.is_some_and(|(https, rtmps)| Arc::ptr_eq(https, rtmps));
        self.https.iter().chain(self.rtmps.iter().filter(move |_| !shared))
    }

    /// Says in the log who the server is.
    pub(super) fn tell(&self) {
        for tls in self.each() {
            tell("certificate", tls);
        }
    }

    /// What the status shows: that of HTTPS, or else that of RTMPS.
    pub(super) fn facts(&self) -> Option<CertificateFacts> {
        let identity = self.each().next()?.identity();
        Some(CertificateFacts {
            fingerprint: fingerprint_text(&identity.fingerprint),
            names: identity.names,
            not_after: identity.not_after,
            self_signed: identity.self_signed,
            problem: self.trouble.lock().told.clone(),
        })
    }

    /// Reads everything again, as a reload asks. Reads files.
    pub(super) fn reload(&self) {
        let results: Vec<_> = self.each().map(renew).collect();
        // Who asks for a reload has finished writing.
        self.trouble.lock().suspected = results.iter().find_map(Clone::clone);
        self.judge(results);
    }

    /// Takes what changed. Reads files.
    fn look(&self, with_names: bool) {
        if with_names {
            let names = names::of_machine();
            self.each().for_each(|tls| tls.set_names(names.clone()));
        }
        let due = |tls: &&Arc<ServerTls>| with_names || tls.is_outdated();
        self.judge(self.each().filter(due).map(renew).collect());
    }

    /// Follows the results of a look; one that found nothing to do leaves none.
    fn judge(&self, results: Vec<Option<String>>) {
        let mut trouble = self.trouble.lock();
        match results.iter().find_map(Clone::clone) {
            Some(why) if trouble.suspected.as_ref() == Some(&why) => {
                if trouble.told.as_ref() != Some(&why) {
                    tracing::error!("the certificate stays as it was: {why}");
                    trouble.told = Some(why);
                }
            }
            Some(why) => trouble.suspected = Some(why),
            None if results.is_empty() => {}
            None => *trouble = Trouble::default(),
        }
    }

    /// Looks for changes until it is dropped.
    pub(super) async fn follow(self: Arc<Self>) {
        if self.each().next().is_none() {
            return std::future::pending().await;
        }
        let mut tick = tokio::time::interval(LOOK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut looks: u32 = 0;
        loop {
            tick.tick().await;
            looks = looks.wrapping_add(1);
            let (own, with_names) = (self.clone(), looks.is_multiple_of(LOOKS_PER_NAMES));
            let _ = tokio::task::spawn_blocking(move || own.look(with_names)).await;
        }
    }
}

fn open(wanted: &Certificate, data: Option<&Path>) -> Result<Arc<ServerTls>> {
    let tls = match wanted {
        Certificate::Files { cert, key } => ServerTls::from_files(cert, key)?,
        Certificate::SelfSigned => {
            let data = data.context("a self-signed certificate needs --data-dir")?;
            ServerTls::self_signed(data, &names::of_machine())?
        }
    };
    Ok(Arc::new(tls))
}

/// Reads a certificate again; why that could not be, if it could not.
fn renew(tls: &Arc<ServerTls>) -> Option<String> {
    match tls.reload() {
        Ok(true) => tell("the certificate is another one now", tls),
        Ok(false) => {}
        Err(error) => return Some(MaterialError::to_string(&error)),
    }
    None
}

fn tell(what: &str, tls: &ServerTls) {
    let identity = tls.identity();
    let sha256 = fingerprint_text(&identity.fingerprint);
    let names = identity.names.join(", ");
    tracing::info!(self_signed = identity.self_signed, %sha256, names, "{what}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn opened(text: &str, data: &Path) -> Arc<Certificates> {
        let config = config::read(&data.join("x.toml"), text.as_bytes(), []).unwrap().config;
        Certificates::open(&config, Some(data)).unwrap()
    }

    /// Copies a self-signed certificate of this name to `c.pem` and `k.pem`.
    fn put(folder: &Path, name: &str) {
        let made = tempfile::tempdir().unwrap();
        ServerTls::self_signed(made.path(), &[name.to_owned()]).unwrap();
        for (from, to) in [("tls-cert.pem", "c.pem"), ("tls-key.pem", "k.pem")] {
            std::fs::copy(made.path().join(from), folder.join(to)).unwrap();
        }
    }

    #[test]
    fn one_certificate_serves_both_and_names_this_machine() {
        let folder = tempfile::tempdir().unwrap();
        let all = opened("[rtmps]\n", folder.path());
        assert!(Arc::ptr_eq(&all.https().unwrap(), &all.rtmps().unwrap()));
        assert_eq!(all.each().count(), 1);
        let facts = all.facts().unwrap();
        assert!(facts.self_signed && facts.problem.is_none());
        for name in names::of_machine() {
            assert!(facts.names.contains(&name), "{name} in {:?}", facts.names);
        }
        let off = opened("[https]\nlisten = \"off\"\n", folder.path());
        assert!(off.facts().is_none() && off.https().is_none() && off.rtmps().is_none());
    }

    #[test]
    fn a_bad_pair_is_told_at_the_second_look_and_the_old_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "one.example");
        let text = "[https]\ncert = \"c.pem\"\nkey = \"k.pem\"\n[rtmps]\nself_signed = true\n";
        let all = opened(text, folder.path());
        assert_eq!(all.each().count(), 2);
        let first = all.facts().unwrap();
        assert_eq!(first.names, ["one.example"]);

        std::fs::write(folder.path().join("k.pem"), "cut off").unwrap();
        all.look(false);
        assert_eq!(all.facts().unwrap().problem, None, "it may be in the middle of a change");
        all.look(false);
        let facts = all.facts().unwrap();
        assert!(facts.problem.unwrap().contains("k.pem"), "told at the second look");
        assert_eq!(facts.fingerprint, first.fingerprint);

        put(folder.path(), "two.example");
        all.look(false);
        let facts = all.facts().unwrap();
        assert_eq!((facts.names, facts.problem), (vec!["two.example".to_owned()], None));

        std::fs::write(folder.path().join("c.pem"), "cut off").unwrap();
        all.reload();
        assert!(all.facts().unwrap().problem.unwrap().contains("c.pem"), "a reload asks now");
    }
}
