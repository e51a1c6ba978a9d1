//! Which Tracks a viewer gets, and from where: what its address asks for, what it said of itself.
//!
//! ```text
//! asks for nothing, says nothing           default Tracks    shared bytes
//! tracks=all, or says that it takes more   all Tracks        shared bytes
//! speaks of other things than ModEx        either of these   bytes shared with its like
//! any other rule, or names its codecs      as the rule says  headers of its own
//! ```
//!
//! Belongs here: the choice between them. Must not come here: rules (crate `media`), sending.

use crate::egress::{Egress, Share};
use manycast_media::{RuleError, TrackKind, TrackRules, TrackSet};
use manycast_rtmp::session::Capabilities;
use std::sync::Arc;

/// What a viewer is to get.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    rules: TrackRules,
    /// What it said that it can, if it said anything.
    peer: Option<Arc<Capabilities>>,
}

impl Wish {
    /// Of a viewer whose address has these queries; of those that contradict the last one counts.
    pub(crate) fn new(
        queries: [&str; 2],
        peer: Option<Arc<Capabilities>>,
    ) -> Result<Self, RuleError> {
        let takes_several = peer.as_ref().and_then(|peer| peer.takes_tracks()) == Some(true);
        let query = queries.join("&");
        let rules = match TrackRules::from_query(&query)? {
            rules if rules == TrackRules::default() && takes_several && !is_asked(&query) => {
                TrackRules::ALL
            }
            rules => rules,
        };
        Ok(Self { rules, peer })
    }

    /// The bytes that it can share with others, if it can.
    pub(crate) fn share(&self, tracks: &TrackSet) -> Option<Share> {
        if self.peer.as_ref().is_some_and(|peer| !peer.takes_all()) {
            return None;
        }
        let all = self.rules == TrackRules::ALL;
        let is_shared = all || self.rules == TrackRules::default() && has_firsts(tracks);
        let mod_ex = self.peer.as_ref().is_none_or(|peer| peer.takes_mod_ex());
        is_shared.then_some(Share { all, mod_ex })
    }

    pub(crate) fn egress(&self) -> Egress {
        Egress::new(self.rules, self.peer.clone())
    }

    /// Whether the bytes that it shares are those of the first Tracks alone, which may end.
    pub(crate) fn is_of_firsts(&self) -> bool {
        self.rules == TrackRules::default()
    }
}

/// Whether Tracks are spoken of at all.
fn is_asked(query: &str) -> bool {
    let keys = query.split('&').filter_map(|pair| pair.split_once('=')).map(|(key, _)| key);
    keys.into_iter().any(|key| matches!(key, "tracks" | "video_track" | "audio_track"))
}

/// Whether the default Track of each kind that flows has the number zero, as the shared bytes have it.
fn has_firsts(tracks: &TrackSet) -> bool {
    [TrackKind::Video, TrackKind::Audio].into_iter().all(|kind| {
        let mut of_kind = tracks.tracks.iter().filter(|track| track.id.kind == kind).peekable();
        of_kind.peek().is_none() || of_kind.any(|track| track.id.index == 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(four_cc: &[&str], caps_ex: u32) -> Option<Arc<Capabilities>> {
        let four_cc = four_cc.iter().map(|&name| name.to_owned()).collect();
        Some(Arc::new(Capabilities { four_cc, caps_ex, ..Capabilities::default() }))
    }

    /// E-RTMP v2 "Multitrack": hardly any player announces that it takes several.
    #[test]
    fn negotiation_a_viewer_shares_bytes_unless_it_asks_for_something_of_its_own() {
        let (several, mod_ex) = (Capabilities::MULTITRACK, Capabilities::MOD_EX);
        let (own, first, all) = (None, Some(Share::DEFAULT), Some(Share::ALL));
        let plain = |share: Option<Share>| share.map(|share| Share { mod_ex: false, ..share });
        for (app, name, peer, want) in [
            ("", "", None, first),
            ("", "token=x", None, first),
            ("", "tracks=all", None, all),
            ("tracks=all", "", None, all),
            ("tracks=all", "tracks=default", None, first),
            ("", "audio_track=2", None, own),
            ("", "", said(&[], several), plain(all)),
            ("", "", said(&[], several | mod_ex), all),
            ("", "tracks=default", said(&[], several | mod_ex), first),
            ("", "tracks=default", said(&[], several), plain(first)),
            ("", "", said(&[], Capabilities::RECONNECT), plain(first)),
            ("", "", said(&["*"], 0), plain(first)),
            ("", "", said(&["hvc1"], 0), own),
            ("", "tracks=all", said(&["hvc1"], several), own),
            ("", "", Some(Arc::new(Capabilities::forwarder())), all),
        ] {
            let wish = Wish::new([app, name], peer.clone()).unwrap();
            assert_eq!(wish.share(&TrackSet::default()), want, "{app:?} {name:?} {peer:?}");
        }
        assert!(Wish::new(["", "audio_track=x"], None).is_err());
    }

    #[test]
    fn a_stream_without_a_first_track_is_not_shared_as_default() {
        use manycast_media::{Codec, Track, TrackId};
        let mut tracks = TrackSet::default();
        let id = TrackId { index: 2, ..TrackId::AUDIO };
        tracks.insert(Track { id, codec: Codec::Aac, config: None });
        assert_eq!(Wish::default().share(&tracks), None);
        tracks.insert(Track { id: TrackId::AUDIO, codec: Codec::Aac, config: None });
        assert_eq!(Wish::default().share(&tracks), Some(Share::DEFAULT));
    }
}
