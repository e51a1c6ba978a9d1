//! What was told of a Stream's audience and of its coach's findings.

use super::damper::{Damper, Recovery};
use crate::events::Happening;
use manycast_coach::{Finding, Rule, Severity};
use manycast_media::{StreamName, TrackId};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The audience is told at most this often.
const AUDIENCE: Duration = Duration::from_secs(60);
/// Findings of one Stream that are followed.
const MAX_FINDINGS: usize = 64;
/// Looks in a row that agree before it is told.
const LOOKS: u8 = 2;

/// The audience.
#[derive(Debug, Default)]
pub(super) struct ViewerBook {
    told: Option<(Instant, u64)>,
    peak: u64,
}

impl ViewerBook {
    pub(super) fn look(
        &mut self,
        now: Instant,
        stream: &StreamName,
        viewers: u64,
    ) -> Option<Happening> {
        self.peak = self.peak.max(viewers);
        let before = self.told.map_or(0, |(_, before)| before);
        let due = self.told.is_none_or(|(at, _)| now.saturating_duration_since(at) >= AUDIENCE);
        if !due || viewers == before && self.peak <= before {
            return None;
        }
        self.told = Some((now, viewers));
        let peak = std::mem::replace(&mut self.peak, viewers);
        Some(Happening::ViewerCount { stream: stream.clone(), viewers, peak })
    }
}

/// One finding over time.
#[derive(Debug, Default)]
struct Record {
    damper: Damper,
    /// Looks in a row that found it, or that did not.
    found: u8,
    missing: u8,
}

/// What the coach found. Notes are not followed: they are no trouble.
#[derive(Debug, Default)]
pub(super) struct FindingBook(BTreeMap<(Rule, Option<TrackId>), Record>);

impl FindingBook {
    /// Takes one look of the coach, some seconds after the last.
    pub(super) fn look(
        &mut self,
        now: Instant,
        stream: &StreamName,
        findings: &[Finding],
    ) -> Vec<Happening> {
        let mut told = Vec::new();
        for finding in findings.iter().filter(|one| one.rule.severity() >= Severity::Warning) {
            let key = (finding.rule, finding.track);
            if self.0.len() >= MAX_FINDINGS && !self.0.contains_key(&key) {
                continue;
            }
            let record = self.0.entry(key).or_default();
            (record.found, record.missing) = (record.found.saturating_add(1), 0);
            if record.found >= LOOKS && record.damper.trouble(now) {
                told.push(Happening::FindingNew {
                    stream: stream.clone(),
                    rule: finding.rule.id(),
                    error: finding.rule.severity() == Severity::Error,
                    sentence: finding.sentence.clone(),
                    remedy: finding.rule.remedy(),
                });
            }
        }
        for ((rule, track), record) in &mut self.0 {
            if findings.iter().any(|one| one.rule == *rule && one.track == *track) {
                continue;
            }
            (record.found, record.missing) = (0, record.missing.saturating_add(1));
            let recovery = if record.missing >= LOOKS { record.damper.well(now) } else { None };
            if let Some(Recovery { away, .. }) = recovery {
                let (stream, rule) = (stream.clone(), rule.id());
                told.push(Happening::FindingMended { stream, rule, lasted: away });
            }
        }
        told
    }

    /// The encoder is gone: nothing of it is mended by that.
    pub(super) fn clear(&mut self, now: Instant) {
        for record in self.0.values_mut() {
            record.damper.forget(now);
            (record.found, record.missing) = (0, 0);
        }
    }
}
