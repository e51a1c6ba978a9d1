//! What a side says that it can (E-RTMP v1 `fourCcList`; v2 Enhancing `NetConnection` connect).
//!
//! Belongs here: the type, and what follows from what was said and from what was not.
//! Must not come here: the properties that it travels in, see `command/connect.rs`.

use super::MediaKind;

/// Names of codecs in enhanced tags (E-RTMP v2 Enhanced Video, Enhanced Audio).
const VIDEO: [&str; 6] = ["avc1", "hvc1", "vvc1", "av01", "vp08", "vp09"];
const AUDIO: [&str; 6] = ["mp4a", "Opus", "fLaC", "ac-3", "ec-3", ".mp3"];

/// The name that stands for every codec.
const ALL: &str = "*";

/// What a peer said about itself in `connect`, or in the result of it. The default is what most say:
/// nothing, which excludes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// E-RTMP v1 `fourCcList`: codecs, `*` for all.
    pub four_cc: Vec<String>,
    /// E-RTMP v2 `videoFourCcInfoMap`: codecs, `*` for all, with their flags.
    pub video: Vec<(String, u32)>,
    /// E-RTMP v2 `audioFourCcInfoMap`, likewise.
    pub audio: Vec<(String, u32)>,
    /// E-RTMP v2 `capsEx`; 0 when not said.
    pub caps_ex: u32,
    /// `audioCodecs` bits of the legacy formats, 0 when not said.
    pub audio_codecs: u32,
    /// `videoCodecs` bits of the legacy formats, 0 when not said.
    pub video_codecs: u32,
    /// `videoFunction` bits, 0 when not said.
    pub video_function: u32,
}

impl Capabilities {
    /// `capsEx`: follows a reconnect request, or sends one.
    pub const RECONNECT: u32 = 1;
    /// `capsEx`: several tracks in one connection.
    pub const MULTITRACK: u32 = 2;
    /// `capsEx`: passes over extensions of a message.
    pub const MOD_EX: u32 = 4;
    /// `capsEx`: times finer than a millisecond.
    pub const NANOSECONDS: u32 = 8;

    /// `videoFunction`: pictures may be asked for from another place.
    pub const CLIENT_SEEK: u32 = 1;
    /// `videoFunction`: HDR.
    pub const HDR: u32 = 2;
    /// `videoFunction`: metadata packets of pictures.
    pub const VIDEO_METADATA: u32 = 4;
    /// `videoFunction`: large scale tiles of AV1.
    pub const LARGE_SCALE_TILE: u32 = 8;

    /// `FourCcInfoMask`: decodes it.
    pub const CAN_DECODE: u32 = 1;
    /// `FourCcInfoMask`: encodes it.
    pub const CAN_ENCODE: u32 = 2;
    /// `FourCcInfoMask`: passes it on.
    pub const CAN_FORWARD: u32 = 4;

    /// What Manycast is, as a server and as a client: it passes on every codec and every message
    /// untouched, in any number of tracks, and knows how to change over to another connection. v1
    /// knows names only, and servers of that time compare them, so all of them are listed.
    #[must_use]
    pub fn forwarder() -> Self {
        let all = || vec![(ALL.to_owned(), Self::CAN_FORWARD)];
        Self {
            four_cc: VIDEO.iter().chain(&AUDIO).map(|&name| name.to_owned()).collect(),
            video: all(),
            audio: all(),
            caps_ex: Self::RECONNECT | Self::MULTITRACK | Self::MOD_EX | Self::NANOSECONDS,
            video_function: Self::HDR | Self::VIDEO_METADATA | Self::LARGE_SCALE_TILE,
            ..Self::default()
        }
    }

    /// Whether the peer said anything of Enhanced RTMP.
    #[must_use]
    pub fn is_enhanced(&self) -> bool {
        let said = [&self.video, &self.audio].iter().any(|map| !map.is_empty());
        said || !self.four_cc.is_empty() || self.caps_ex != 0
    }

    /// Whether a bit of `capsEx` is set.
    #[must_use]
    pub fn has(&self, bit: u32) -> bool {
        self.caps_ex & bit != 0
    }

    /// Whether the peer takes messages of a kind in this codec; `None` when it said nothing of that.
    ///
    /// A map tells all of its kind. A list tells of a kind if it names one of its codecs: lists of
    /// v1 name pictures alone. Who only encodes a codec does not take it.
    #[must_use]
    pub fn takes(&self, kind: MediaKind, four_cc: &str) -> Option<bool> {
        let (map, names) = match kind {
            MediaKind::Video => (&self.video, &VIDEO),
            MediaKind::Audio => (&self.audio, &AUDIO),
            MediaKind::Data => return None,
        };
        if !map.is_empty() {
            let own = map.iter().filter(|(name, _)| name == four_cc || name == ALL);
            return Some(own.fold(0, |all, (_, flags)| all | flags) & Self::TAKES != 0);
        }
        let listed = |wanted: &str| self.four_cc.iter().any(|name| name == wanted);
        if listed(ALL) {
            return Some(true);
        }
        let speaks = names.iter().any(|name| listed(name));
        speaks.then(|| listed(four_cc))
    }

    /// Whether there is no codec that the peer is known not to take.
    #[must_use]
    pub fn takes_all(&self) -> bool {
        let all =
            |kind, names: &[&str]| names.iter().all(|name| self.takes(kind, name) != Some(false));
        all(MediaKind::Video, &VIDEO) && all(MediaKind::Audio, &AUDIO)
    }

    /// Whether the peer has a codec by name, and cannot take it: for codecs that have a form of old
    /// too, of which lists and maps need not speak.
    #[must_use]
    pub fn rules_out(&self, kind: MediaKind, four_cc: &str) -> bool {
        let map = if kind == MediaKind::Video { &self.video } else { &self.audio };
        map.iter().any(|(name, _)| name == four_cc) && self.takes(kind, four_cc) == Some(false)
    }

    /// Whether the peer takes more than one track of a kind; `None` when it said nothing of Enhanced
    /// RTMP at all. Who speaks of v1 alone knows of no others.
    #[must_use]
    pub fn takes_tracks(&self) -> Option<bool> {
        self.is_enhanced().then(|| self.has(Self::MULTITRACK))
    }

    /// Whether messages go to the peer with what modifies them (E-RTMP v2 "ModEx"): it announced that
    /// it steps over that, or it said nothing of Enhanced RTMP at all. v1 has none of it. The bit of the nanoseconds says what a
    /// peer makes of one kind of prefix, not that it finds its way past it: without the bit of the
    /// prefixes it is worth nothing, and with it a peer steps over kinds that it does not use.
    #[must_use]
    pub fn takes_mod_ex(&self) -> bool {
        !self.is_enhanced() || self.has(Self::MOD_EX)
    }

    const TAKES: u32 = Self::CAN_DECODE | Self::CAN_FORWARD;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> Capabilities {
        let four_cc = names.iter().map(|&name| name.to_owned()).collect();
        Capabilities { four_cc, ..Capabilities::default() }
    }

    fn video(entries: &[(&str, u32)]) -> Capabilities {
        let video = entries.iter().map(|&(name, flags)| (name.to_owned(), flags)).collect();
        Capabilities { video, ..Capabilities::default() }
    }

    #[test]
    fn negotiation_who_announces_nothing_excludes_nothing() {
        let nothing = Capabilities::default();
        for (kind, name) in [(MediaKind::Video, "av01"), (MediaKind::Audio, "Opus")] {
            assert_eq!(nothing.takes(kind, name), None);
            assert!(!nothing.rules_out(kind, name));
        }
        assert_eq!((nothing.takes_tracks(), nothing.is_enhanced()), (None, false));
        assert!(nothing.takes_all() && Capabilities::forwarder().takes_all());
        assert!(!list(&["hvc1"]).takes_all() && !video(&[("*", 2)]).takes_all());
    }

    #[test]
    fn negotiation_lists_and_maps_say_what_is_taken() {
        use MediaKind::{Audio, Video};
        for (peer, kind, name, taken) in [
            (list(&["hvc1", "av01"]), Video, "hvc1", Some(true)),
            (list(&["hvc1", "av01"]), Video, "vp09", Some(false)),
            (list(&["hvc1", "av01"]), Audio, "Opus", None),
            (list(&["hvc1", "Opus"]), Audio, "opus", Some(false)),
            (list(&["*"]), Audio, "Opus", Some(true)),
            (list(&["xxxx"]), Video, "hvc1", None),
            (video(&[("*", 4)]), Video, "vvc1", Some(true)),
            (video(&[("*", 4), ("hvc1", 0)]), Video, "hvc1", Some(true)),
            (video(&[("hvc1", 1)]), Video, "hvc1", Some(true)),
            (video(&[("hvc1", 1)]), Video, "av01", Some(false)),
            (video(&[("hvc1", 2)]), Video, "hvc1", Some(false)),
            (video(&[("*", 2)]), Video, "hvc1", Some(false)),
            (video(&[("hvc1", 1)]), Audio, "Opus", None),
            (Capabilities::forwarder(), Video, "hvc1", Some(true)),
            (Capabilities::forwarder(), Audio, "ec-3", Some(true)),
        ] {
            assert_eq!(peer.takes(kind, name), taken, "{peer:?} {name}");
        }
        let both = Capabilities { video: video(&[("av01", 4)]).video, ..list(&["hvc1"]) };
        assert_eq!(both.takes(Video, "hvc1"), Some(false), "v2 tells more than v1");
        assert!(video(&[("avc1", 2)]).rules_out(Video, "avc1"));
        assert!(!video(&[("hvc1", 1)]).rules_out(Video, "avc1"), "it is not spoken of");
    }

    #[test]
    fn negotiation_several_tracks_need_the_bit_once_anything_is_said() {
        let bits = |caps_ex| Capabilities { caps_ex, ..Capabilities::default() };
        assert_eq!(bits(Capabilities::MULTITRACK).takes_tracks(), Some(true));
        assert_eq!(bits(Capabilities::RECONNECT).takes_tracks(), Some(false));
        assert_eq!(list(&["hvc1"]).takes_tracks(), Some(false));
    }

    #[test]
    fn negotiation_prefixes_need_their_own_bit_once_anything_is_said() {
        let bits = |caps_ex| Capabilities { caps_ex, ..Capabilities::default() };
        for (peer, taken) in [
            (bits(0), true),
            (bits(Capabilities::MOD_EX), true),
            (bits(Capabilities::MOD_EX | Capabilities::NANOSECONDS), true),
            (bits(Capabilities::NANOSECONDS), false),
            (bits(Capabilities::MULTITRACK), false),
            (list(&["hvc1"]), false),
            (Capabilities::forwarder(), true),
        ] {
            assert_eq!(peer.takes_mod_ex(), taken, "{peer:?}");
        }
    }
}
