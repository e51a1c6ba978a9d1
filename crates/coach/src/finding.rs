//! One finding, as it is shown.

use crate::Rule;
use manycast_media::TrackId;
use std::borrow::Cow;

/// How much a finding matters. The greater, the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; the stream works.
    Note,
    /// Some viewers or platforms suffer, or soon will.
    Warning,
    /// Viewers see or hear nothing, or not what they should.
    Error,
}

impl Severity {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::Note, Self::Warning, Self::Error];

    /// The stable name used in the status API and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Something that is wrong with what an encoder sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which rule found it.
    pub rule: Rule,
    /// The Track that it speaks of; `None`: the Stream as a whole.
    pub track: Option<TrackId>,
    /// What is wrong, with the figure that was measured.
    pub sentence: String,
    /// Which setting mends it.
    pub remedy: Cow<'static, str>,
}

impl Finding {
    /// Fills the rule's sentence: each `{name}` in it with its figure.
    pub(crate) fn new(rule: Rule, track: Option<TrackId>, figures: &[(&str, String)]) -> Self {
        let mut sentence = rule.sentence().to_owned();
        for (name, figure) in figures {
            sentence = sentence.replace(&format!("{{{name}}}"), figure);
        }
        debug_assert!(!sentence.contains('{'), "a figure is missing: {sentence}");
        Self { rule, track, sentence, remedy: rule.remedy().into() }
    }

    /// With a remedy for this very case, in words that begin small and have no full stop.
    pub(crate) fn mended_by(self, words: &str) -> Self {
        let mut rest = words.chars();
        let first = rest.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
        Self { remedy: format!("{first}{}.", rest.as_str()).into(), ..self }
    }
}
