//! Everything that can happen, with its kind, severity and sentence.
//!
//! Belongs here: the words. `docs/control.md` lists the kinds; a test reads it.

use super::{NewEvent, RefusedFacts, Severity};
use manycast_media::StreamName;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

/// An encoder, as far as it told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncoderFacts {
    /// Its address and port.
    pub address: String,
    /// What it calls itself; may be empty.
    pub software: String,
}

/// A Destination, or its second address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationFacts {
    /// Its Stream.
    pub stream: StreamName,
    /// Its id in the API.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Which of the known services it is.
    pub service: Option<String>,
    /// Whether it is the second address that this is about.
    pub backup: bool,
}

/// A stream key, as far as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFacts {
    /// Of the row; none for the file's.
    pub id: Option<String>,
    /// What people call it.
    pub label: String,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// An encoder sends, and none did.
    StreamStarted {
        /// The Stream.
        stream: StreamName,
        /// Who sends.
        encoder: EncoderFacts,
    },
    /// The encoder ended, or did not come back.
    StreamStopped {
        /// The Stream.
        stream: StreamName,
        /// Why, for people.
        reason: String,
        /// Since it started.
        lasted: Duration,
        /// Starts since the one that was told: more than 1 where it came and went many times.
        times: u32,
    },
    /// The encoder vanished or fell silent; destinations are held for it.
    InputLost {
        /// The Stream.
        stream: StreamName,
        /// Why, for people.
        reason: String,
        /// How long they are held.
        held_for: Duration,
    },
    /// It is back.
    InputBack {
        /// The Stream.
        stream: StreamName,
        /// How long it was away.
        away: Duration,
        /// Losses since the last event of this kind.
        times: u32,
        /// Who sends.
        encoder: EncoderFacts,
    },
    /// The first destination has accepted.
    WentLive {
        /// The Stream.
        stream: StreamName,
        /// Whose press it was.
        by: Option<String>,
    },
    /// Nothing goes out any more.
    Ended {
        /// The Stream.
        stream: StreamName,
        /// Whose press it was.
        by: Option<String>,
        /// The time on air.
        lasted: Duration,
    },
    /// A destination has accepted and acknowledged media.
    DestinationLive {
        /// Which.
        destination: DestinationFacts,
        /// Since the first dial.
        took: Duration,
    },
    /// Trouble that the server mends by trying again.
    DestinationFailing {
        /// Which.
        destination: DestinationFacts,
        /// Why, for people.
        reason: String,
        /// The kind of failure.
        error_kind: &'static str,
        /// Failures since the server began.
        failures: u64,
        /// When it is tried again.
        next_dial: Option<SystemTime>,
    },
    /// Trouble that a person has to mend.
    DestinationRejected {
        /// Which.
        destination: DestinationFacts,
        /// Why, in the far end's words where it had some.
        reason: String,
        /// The kind of failure.
        error_kind: &'static str,
    },
    /// It is live again.
    DestinationRecovered {
        /// Which.
        destination: DestinationFacts,
        /// Since the trouble began.
        away: Duration,
        /// How often it failed meanwhile.
        times: u32,
    },
    /// It was live, and is not fed any more.
    DestinationStopped {
        /// Which.
        destination: DestinationFacts,
        /// Why, for people.
        reason: String,
    },
    /// A stream key was used from where it was never used before.
    KeyNewAddress {
        /// The Stream.
        stream: StreamName,
        /// The key.
        key: KeyFacts,
        /// From where.
        address: IpAddr,
    },
    /// A publisher was not let in.
    PublishRefused {
        /// The Stream that it meant, if that is known.
        stream: Option<StreamName>,
        /// Who, why, how often.
        facts: Box<RefusedFacts>,
    },
    /// The audience changed; once a minute at most.
    ViewerCount {
        /// The Stream.
        stream: StreamName,
        /// Now.
        viewers: u64,
        /// The most since the last event of this kind.
        peak: u64,
    },
    /// The coach found something.
    FindingNew {
        /// The Stream.
        stream: StreamName,
        /// The rule's id.
        rule: &'static str,
        /// Whether viewers suffer now.
        error: bool,
        /// What is wrong.
        sentence: String,
        /// Which setting mends it.
        remedy: &'static str,
    },
    /// What the coach found is mended.
    FindingMended {
        /// The Stream.
        stream: StreamName,
        /// The rule's id.
        rule: &'static str,
        /// How long it was so.
        lasted: Duration,
    },
    /// The configuration file was read again.
    ConfigReloaded {
        /// By whom.
        by: Option<String>,
        /// Streams defined by it now.
        streams: usize,
    },
}

impl Happening {
    /// The kinds, in the order of the document.
    pub const KINDS: [&str; 17] = [
        "stream.started",
        "stream.stopped",
        "stream.input_lost",
        "stream.input_back",
        "stream.went_live",
        "stream.ended",
        "destination.live",
        "destination.failing",
        "destination.rejected",
        "destination.recovered",
        "destination.stopped",
        "key.new_address",
        "publish.refused",
        "viewer.count",
        "finding.new",
        "finding.mended",
        "config.reloaded",
    ];

    /// The documented kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::StreamStarted { .. } => "stream.started",
            Self::StreamStopped { .. } => "stream.stopped",
            Self::InputLost { .. } => "stream.input_lost",
            Self::InputBack { .. } => "stream.input_back",
            Self::WentLive { .. } => "stream.went_live",
            Self::Ended { .. } => "stream.ended",
            Self::DestinationLive { .. } => "destination.live",
            Self::DestinationFailing { .. } => "destination.failing",
            Self::DestinationRejected { .. } => "destination.rejected",
            Self::DestinationRecovered { .. } => "destination.recovered",
            Self::DestinationStopped { .. } => "destination.stopped",
            Self::KeyNewAddress { .. } => "key.new_address",
            Self::PublishRefused { .. } => "publish.refused",
            Self::ViewerCount { .. } => "viewer.count",
            Self::FindingNew { .. } => "finding.new",
            Self::FindingMended { .. } => "finding.mended",
            Self::ConfigReloaded { .. } => "config.reloaded",
        }
    }

    /// How much it matters.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Self::StreamStarted { .. }
            | Self::InputBack { .. }
            | Self::WentLive { .. }
            | Self::DestinationLive { .. }
            | Self::DestinationRecovered { .. }
            | Self::FindingMended { .. } => Severity::Good,
            Self::InputLost { .. }
            | Self::DestinationFailing { .. }
            | Self::KeyNewAddress { .. }
            | Self::PublishRefused { stream: Some(_), .. }
            | Self::FindingNew { error: false, .. } => Severity::Warning,
            Self::DestinationRejected { .. } | Self::FindingNew { error: true, .. } => {
                Severity::Act
            }
            Self::StreamStopped { .. }
            | Self::Ended { .. }
            | Self::DestinationStopped { .. }
            | Self::ViewerCount { .. }
            | Self::PublishRefused { stream: None, .. }
            | Self::ConfigReloaded { .. } => Severity::Info,
        }
    }

    /// The Stream that it is about.
    #[must_use]
    pub fn stream(&self) -> Option<&StreamName> {
        match self {
            Self::StreamStarted { stream, .. }
            | Self::StreamStopped { stream, .. }
            | Self::InputLost { stream, .. }
            | Self::InputBack { stream, .. }
            | Self::WentLive { stream, .. }
            | Self::Ended { stream, .. }
            | Self::KeyNewAddress { stream, .. }
            | Self::ViewerCount { stream, .. }
            | Self::FindingNew { stream, .. }
            | Self::FindingMended { stream, .. } => Some(stream),
            Self::PublishRefused { stream, .. } => stream.as_ref(),
            Self::ConfigReloaded { .. } => None,
            _ => self.destination().map(|destination| &destination.stream),
        }
    }

    /// The Destination that it is about.
    #[must_use]
    pub fn destination(&self) -> Option<&DestinationFacts> {
        match self {
            Self::DestinationLive { destination, .. }
            | Self::DestinationFailing { destination, .. }
            | Self::DestinationRejected { destination, .. }
            | Self::DestinationRecovered { destination, .. }
            | Self::DestinationStopped { destination, .. } => Some(destination),
            _ => None,
        }
    }

    fn by(&self) -> Option<&String> {
        match self {
            Self::WentLive { by, .. }
            | Self::Ended { by, .. }
            | Self::ConfigReloaded { by, .. } => by.as_ref(),
            _ => None,
        }
    }

    fn address(&self) -> Option<String> {
        match self {
            Self::StreamStarted { encoder, .. } | Self::InputBack { encoder, .. } => {
                Some(encoder.address.clone()).filter(|address| !address.is_empty())
            }
            Self::KeyNewAddress { address, .. } => Some(address.to_string()),
            Self::PublishRefused { facts, .. } => facts.address.map(|one| one.to_string()),
            _ => None,
        }
    }

    /// The sentence for people. No address of anybody in it: not all may see those.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::StreamStarted { encoder, .. } if encoder.software.is_empty() => {
                "The encoder is connected.".to_owned()
            }
            Self::StreamStarted { encoder, .. } => {
                format!("The encoder is connected: {}.", encoder.software)
            }
            Self::StreamStopped { reason, lasted, times, .. } if *times > 1 => {
                let lasted = spell(*lasted);
                format!("The input ended: {reason}. It had started {times} times in {lasted}.")
            }
            Self::StreamStopped { reason, lasted, .. } => {
                format!("The input ended after {}: {reason}.", spell(*lasted))
            }
            Self::InputLost { reason, held_for, .. } => {
                let held = spell(*held_for);
                format!("The input was lost: {reason}. Destinations are held for {held}.")
            }
            Self::InputBack { away, times: 1, .. } => {
                format!("The input is back after {}.", spell(*away))
            }
            Self::InputBack { away, times, .. } => {
                format!("The input is steady again. It was lost {times} times in {}.", spell(*away))
            }
            Self::WentLive { .. } => "The stream is on air.".to_owned(),
            Self::Ended { by: Some(by), lasted, .. } => {
                format!("The broadcast was ended by {by} after {}.", spell(*lasted))
            }
            Self::Ended { lasted, .. } => format!("The broadcast ended after {}.", spell(*lasted)),
            Self::ViewerCount { viewers: 1, .. } => "1 viewer.".to_owned(),
            Self::ViewerCount { viewers, .. } => format!("{viewers} viewers."),
            Self::KeyNewAddress { key, .. } => {
                format!("The key {} was used from a new address.", name_of(key))
            }
            Self::FindingNew { sentence, .. } => sentence.clone(),
            Self::FindingMended { rule, lasted, .. } => {
                let what = rule.replace('_', " ");
                format!("Mended after {}: {what}.", spell(*lasted))
            }
            Self::PublishRefused { facts, .. } => facts.text(),
            Self::ConfigReloaded { .. } => "The configuration was read again.".to_owned(),
            _ => self.destination_text(),
        }
    }

    fn destination_text(&self) -> String {
        let name = self.destination().map(|facts| match facts.backup {
            true => format!("{} (backup)", facts.name),
            false => facts.name.clone(),
        });
        let name = name.unwrap_or_default();
        match self {
            Self::DestinationFailing { reason, .. } => {
                format!("{name} is failing: {reason}. It is tried again.")
            }
            Self::DestinationRejected { reason, error_kind: "unfed", .. } => {
                format!("{name} gets nothing: {reason}.")
            }
            Self::DestinationRejected { reason, .. } => format!("{name} refuses: {reason}."),
            Self::DestinationRecovered { away, times, .. } if *times > 1 => {
                format!("{name} is live again. It failed {times} times in {}.", spell(*away))
            }
            Self::DestinationRecovered { away, .. } => {
                format!("{name} is live again after {}.", spell(*away))
            }
            Self::DestinationStopped { reason, .. } => format!("{name} stopped: {reason}."),
            _ => format!("{name} is live."),
        }
    }

    /// What programs need; a JSON object.
    #[must_use]
    pub fn data(&self) -> Value {
        let mut data = match self {
            Self::StreamStarted { encoder, .. } => json!({ "software": encoder.software }),
            Self::StreamStopped { reason, lasted, times, .. } => {
                json!({ "reason": reason, "lasted_s": lasted.as_secs(), "times": times })
            }
            Self::InputLost { reason, held_for, .. } => {
                json!({ "reason": reason, "held_for_s": held_for.as_secs() })
            }
            Self::InputBack { away, times, encoder, .. } => {
                json!({ "away_ms": ms(*away), "times": times, "software": encoder.software })
            }
            Self::Ended { lasted, .. } => json!({ "lasted_s": lasted.as_secs() }),
            Self::DestinationLive { took, .. } => json!({ "took_ms": ms(*took) }),
            Self::DestinationFailing { reason, error_kind, failures, .. } => {
                json!({ "reason": reason, "error_kind": error_kind, "failures": failures })
            }
            Self::DestinationRejected { reason, error_kind, .. } => {
                json!({ "reason": reason, "error_kind": error_kind })
            }
            Self::DestinationRecovered { away, times, .. } => {
                json!({ "away_ms": ms(*away), "times": times })
            }
            Self::DestinationStopped { reason, .. } => json!({ "reason": reason }),
            Self::KeyNewAddress { key, .. } => json!({ "key": key.id, "label": key.label }),
            Self::PublishRefused { facts, .. } => facts.data(),
            Self::ViewerCount { viewers, peak, .. } => json!({ "viewers": viewers, "peak": peak }),
            Self::FindingNew { rule, remedy, .. } => json!({ "rule": rule, "remedy": remedy }),
            Self::FindingMended { rule, lasted, .. } => {
                json!({ "rule": rule, "lasted_s": lasted.as_secs() })
            }
            Self::ConfigReloaded { streams, .. } => json!({ "streams": streams }),
            Self::WentLive { .. } => json!({}),
        };
        if let (Some(facts), Some(data)) = (self.destination(), data.as_object_mut()) {
            data.insert("destination".into(), facts.id.clone().into());
            data.insert("backup".into(), facts.backup.into());
        }
        data
    }

    pub(crate) fn event(&self) -> NewEvent {
        NewEvent {
            kind: self.kind().to_owned(),
            stream: self.stream().map(ToString::to_string),
            destination: self.destination().map(|facts| facts.name.clone()),
            actor: self.by().cloned(),
            address: self.address(),
            severity: self.severity(),
            text: self.text(),
            data: self.data(),
        }
    }
}

fn name_of(key: &KeyFacts) -> &str {
    match (&key.id, key.label.as_str()) {
        (None, "") => "of the configuration file",
        (Some(_), "") => "without a label",
        (_, label) => label,
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A time as people say it.
fn spell(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_documented() {
        let document = include_str!("../../../../docs/control.md");
        for kind in Happening::KINDS {
            assert!(document.contains(&format!("| `{kind}` |")), "{kind}");
        }
    }

    #[test]
    fn times_are_told_as_people_say_them() {
        for (seconds, want) in [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (7320, "2 h 2 min")] {
            assert_eq!(spell(Duration::from_secs(seconds)), want);
        }
    }

    #[test]
    fn i_no_sentence_holds_an_address_of_a_person() {
        let stream = StreamName::new("main").unwrap();
        let encoder = EncoderFacts { address: "203.0.113.9:5000".into(), software: "OBS".into() };
        let key = KeyFacts { id: Some("1".into()), label: "Phone".into() };
        for happening in [
            Happening::StreamStarted { stream: stream.clone(), encoder },
            Happening::KeyNewAddress { stream, key, address: "203.0.113.9".parse().unwrap() },
        ] {
            let event = happening.event();
            assert!(!event.text.contains("203.0") && !event.data.to_string().contains("203.0"));
            assert!(event.address.is_some_and(|address| address.starts_with("203.0.113.9")));
        }
    }
}
