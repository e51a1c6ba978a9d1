//! What can be asked for, in words, and what it means for the Tracks there are.

use super::{Choice, Facts, Selection};
use crate::{Track, TrackKind, TrackSet};
use std::fmt;

/// The longest value that is looked at, in bytes.
const MAX_WORDS: usize = 64;

/// How pictures are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Orientation {
    /// Higher than wide.
    Portrait,
    /// At least as wide as high.
    Landscape,
}

/// A preference among video Tracks, by the size of their pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PictureRule {
    /// Only pictures of this shape.
    pub shape: Option<Orientation>,
    /// Only pictures whose shorter side has at most as many pixels, so that 720p means the same for
    /// both shapes.
    pub up_to: Option<u32>,
    /// The smallest of those, not the largest.
    pub smallest: bool,
}

/// Which Tracks of one kind are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TrackRule {
    /// The default Track: the lowest number that can be played.
    #[default]
    Default,
    /// The one with this number, and no other in its place.
    Number(u8),
    /// The one whose pictures are preferred; video only.
    Picture(PictureRule),
    /// All of them.
    All,
    /// None of them.
    None,
}

/// What somebody asks for of a Stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TrackRules {
    /// Of the video Tracks.
    pub video: TrackRule,
    /// Of the audio Tracks.
    pub audio: TrackRule,
}

/// Why words are no rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Of `video_track`.
    #[error(
        "video_track is a number from 0 to 255, default, all, none, or a rule such as \
         \"largest up to 720p\", \"smallest\" or \"portrait\""
    )]
    Video,
    /// Of `audio_track`.
    #[error("audio_track is a number from 0 to 255, default, all or none")]
    Audio,
    /// Of `tracks`.
    #[error("tracks is one of default, all, video and audio")]
    Tracks,
}

impl TrackRules {
    /// Everything, as it came.
    pub const ALL: Self = Self { video: TrackRule::All, audio: TrackRule::All };

    /// The rules in the query of an address: `tracks`, `video_track` and `audio_track`, of which the
    /// latter two count more. Other keys are not looked at; of a repeated one the last counts.
    ///
    /// # Errors
    /// [`RuleError`] with the words that are understood.
    pub fn from_query(query: &str) -> Result<Self, RuleError> {
        let pairs =
            query.trim_start_matches('?').split('&').filter_map(|pair| pair.split_once('='));
        let last = |key: &str| pairs.clone().filter(|(k, _)| *k == key).map(|(_, v)| v).next_back();
        let mut rules = last("tracks").map_or(Ok(Self::default()), Self::of_tracks)?;
        if let Some(words) = last("video_track") {
            rules.video = TrackRule::parse(TrackKind::Video, words)?;
        }
        if let Some(words) = last("audio_track") {
            rules.audio = TrackRule::parse(TrackKind::Audio, words)?;
        }
        Ok(rules)
    }

    fn of_tracks(words: &str) -> Result<Self, RuleError> {
        let (video, audio) = match normal(words).as_deref() {
            Some("default") => (TrackRule::Default, TrackRule::Default),
            Some("all") => (TrackRule::All, TrackRule::All),
            Some("video") => (TrackRule::Default, TrackRule::None),
            Some("audio") => (TrackRule::None, TrackRule::Default),
            _ => return Err(RuleError::Tracks),
        };
        Ok(Self { video, audio })
    }

    /// What is taken of the Tracks that flow. A kind without Tracks gives what is taken once its
    /// default Track comes.
    #[must_use]
    pub fn choose(&self, set: &TrackSet, facts: impl Fn(&Track) -> Facts) -> Selection {
        let choice = |kind, rule: TrackRule| {
            let of_kind = set.tracks.iter().filter(|track| track.id.kind == kind);
            rule.choose(&of_kind.map(|track| (track.id.index, facts(track))).collect::<Vec<_>>())
        };
        Selection {
            video: choice(TrackKind::Video, self.video),
            audio: choice(TrackKind::Audio, self.audio),
            data: true,
        }
    }

    /// What will be taken of the video Tracks once those flow too that were announced.
    pub(super) fn prefer(&self, set: &TrackSet, facts: impl Fn(&Track) -> Facts) -> Choice {
        let all = set.tracks.iter().chain(&set.announced);
        let video = all.filter(|track| track.id.kind == TrackKind::Video);
        let mut video: Vec<_> = video.map(|track| (track.id.index, facts(track))).collect();
        video.sort_by_key(|(index, _)| *index);
        self.video.choose(&video)
    }
}

impl TrackRule {
    /// The rule that these words mean for Tracks of this kind. Letters in either case; spaces,
    /// dashes, underlines, `+` and `%20` between words are the same.
    ///
    /// ```text
    /// default | all | none | NUMBER
    /// [portrait | landscape] [largest | smallest] [up to] [NUMBERp]       video only, one at least
    /// ```
    ///
    /// # Errors
    /// [`RuleError`] with the words that are understood.
    pub fn parse(kind: TrackKind, words: &str) -> Result<Self, RuleError> {
        let words = normal(words);
        let rule = words.as_deref().and_then(|words| match words {
            "default" => Some(Self::Default),
            "all" => Some(Self::All),
            "none" => Some(Self::None),
            _ if words.starts_with(|c: char| c.is_ascii_digit()) && !words.ends_with('p') => {
                words.parse().ok().map(Self::Number)
            }
            _ if kind == TrackKind::Video => PictureRule::parse(words).map(Self::Picture),
            _ => None,
        });
        rule.ok_or(if kind == TrackKind::Video { RuleError::Video } else { RuleError::Audio })
    }

    /// `tracks`: number and facts, in the order of the numbers.
    fn choose(self, tracks: &[(u8, Facts)]) -> Choice {
        let playable = || tracks.iter().filter(|(_, facts)| facts.playable);
        let default = || match playable().next() {
            Some((index, _)) => Choice::One(*index),
            None if tracks.is_empty() => Choice::One(0),
            None => Choice::None,
        };
        match self {
            Self::None => Choice::None,
            Self::All => Choice::All,
            Self::Number(index) => Choice::One(index),
            Self::Default => default(),
            Self::Picture(rule) => {
                let sized = playable().filter_map(|(index, facts)| Some((*index, facts.size?)));
                rule.choose(&sized.collect::<Vec<_>>()).map_or_else(default, Choice::One)
            }
        }
    }
}

impl PictureRule {
    /// Words in normal form.
    fn parse(words: &str) -> Option<Self> {
        let mut rule = Self::default();
        let mut words = words.split(' ').peekable();
        words.peek()?;
        rule.shape = match words.peek() {
            Some(&"portrait") => Some(Orientation::Portrait),
            Some(&"landscape") => Some(Orientation::Landscape),
            _ => None,
        };
        if rule.shape.is_some() {
            words.next();
        }
        if matches!(words.peek(), Some(&"largest" | &"smallest")) {
            rule.smallest = words.next() == Some("smallest");
        }
        if words.peek() == Some(&"up") {
            words.next();
            (words.next() == Some("to")).then_some(())?;
            words.peek()?;
        }
        if let Some(lines) = words.next() {
            let lines = lines.strip_suffix('p')?;
            let digits = lines.bytes().all(|b| b.is_ascii_digit());
            rule.up_to = Some(lines.parse().ok().filter(|lines| digits && *lines > 0)?);
        }
        words.next().is_none().then_some(rule)
    }

    /// The number of the Track that is preferred. If all that have the right shape are too large,
    /// the smallest of them.
    fn choose(self, tracks: &[(u8, (u32, u32))]) -> Option<u8> {
        let shaped = || {
            tracks.iter().filter(|(_, (width, height))| match self.shape {
                None => true,
                Some(Orientation::Portrait) => height > width,
                Some(Orientation::Landscape) => width >= height,
            })
        };
        let area = |(_, (width, height)): &(u8, (u32, u32))| u64::from(*width) * u64::from(*height);
        let short = |(_, (width, height)): &(u8, (u32, u32))| (*width).min(*height);
        let fits = || shaped().filter(|track| self.up_to.is_none_or(|most| short(track) <= most));
        let found = match self.smallest {
            // the first of equals, so the last from behind
            false => fits().rev().max_by_key(|track| area(track)),
            true => fits().min_by_key(|track| area(track)),
        };
        found.or_else(|| shaped().min_by_key(|track| area(track))).map(|(index, _)| *index)
    }
}

/// Lower case, one space between words; `None` for what is too long to be a rule, or has a sign.
fn normal(words: &str) -> Option<String> {
    if words.len() > MAX_WORDS || words.starts_with(['-', '+']) {
        return None;
    }
    let spaced = words.replace("%20", " ").to_ascii_lowercase();
    let words = spaced.split([' ', '-', '_', '+']).filter(|word| !word.is_empty());
    Some(words.collect::<Vec<_>>().join(" "))
}

impl fmt::Display for TrackRule {
    /// In the words that [`TrackRule::parse`] understands.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::All => f.write_str("all"),
            Self::None => f.write_str("none"),
            Self::Number(index) => write!(f, "{index}"),
            Self::Picture(rule) => rule.fmt(f),
        }
    }
}

impl fmt::Display for PictureRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shape {
            Some(Orientation::Portrait) => f.write_str("portrait ")?,
            Some(Orientation::Landscape) => f.write_str("landscape ")?,
            None => {}
        }
        f.write_str(if self.smallest { "smallest" } else { "largest" })?;
        self.up_to.map_or(Ok(()), |lines| write!(f, " up to {lines}p"))
    }
}
