//! A new configuration for a running server: taken as a whole or refused as a whole (G1, G2).

use super::Server;
use super::wiring::Wiring;
use crate::config::{self, Config, Loaded, StreamChange};
use std::path::Path;

impl Server {
    /// Reads the file again. A bad one changes nothing and is reported by log and status.
    pub(super) async fn reload(&self, wiring: &mut Wiring) {
        let file = self.file.clone();
        let loaded = tokio::task::spawn_blocking(move || {
            (config::load(file.as_deref()), file.is_some_and(|file| is_empty(&file)))
        });
        let loaded = loaded.await.map(|(loaded, empty)| loaded.map(|loaded| (loaded, empty)));
        match loaded {
            Ok(Ok((_, true))) => {
                let words = "the configuration file is empty, as one that was cut off is: nothing is changed. If that is meant, put a comment into it";
                self.facts.refused(words.to_owned());
                tracing::error!("reload refused: {words}");
            }
            Ok(Ok((loaded, false))) => self.take(loaded, wiring).await,
            Ok(Err(refused)) => {
                // first: who reads the log looks at the status next
                self.facts.refused(refused.to_string());
                for fault in &refused.faults {
                    tracing::error!("reload refused, nothing is changed: {fault}");
                }
            }
            Err(error) => {
                self.facts.refused("the configuration could not be read: see the log".to_owned());
                tracing::error!("reload failed, nothing is changed: {error}");
            }
        }
    }

    async fn take(&self, Loaded { config, warnings }: Loaded, wiring: &mut Wiring) {
        for warning in &warnings {
            tracing::warn!("{warning}");
        }
        let old = self.facts.current();
        let change = Config::diff(&old, &config);
        for setting in &change.restart {
            tracing::warn!(setting, "changed in the file; it holds after a restart only");
        }
        let restart = change.restart.iter().map(|setting| (*setting).to_owned()).collect();
        self.facts.loaded(config.applied_to(&old), restart);
        let config = self.facts.current();
        self.logging.set_level(config.log.level);
        wiring.apply(&config, self).await;
        change.streams.iter().for_each(tell);
        let (streams, live) = (change.streams.len(), change.live.join(", "));
        tracing::info!(changed_streams = streams, changed_settings = live, "reloaded");
    }
}

/// A file without a byte would end every Stream that it defined.
fn is_empty(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|found| found.len() == 0)
}

fn tell(change: &StreamChange) {
    match change {
        StreamChange::Added(name) => tracing::info!(stream = %name, "stream added"),
        StreamChange::Removed(_) => {} // told where it is removed
        StreamChange::Rekeyed(name) => tracing::info!(stream = %name, "stream key changed"),
        StreamChange::Closed(name) => tracing::info!(stream = %name, "closed to viewers"),
        StreamChange::Edited(name) => tracing::info!(stream = %name, "stream changed"),
    }
}
