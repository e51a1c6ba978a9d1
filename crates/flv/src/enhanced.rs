//! What the enhanced headers of audio and video have in common (E-RTMP v2): the ModEx prefixes, and
//! the one or several tracks of a message.
//!
//! Belongs here: layout that does not depend on the kind of media.
//! Must not come here: packet types, composition times, codecs.

use crate::{FourCc, limits};
use bytes::{BufMut, Bytes, BytesMut};
use manycast_bits::{Reader, UnexpectedEnd, Writer};
use smallvec::SmallVec;

/// The packet type that announces a ModEx prefix, in audio and in video.
pub(crate) const MOD_EX: u8 = 7;

/// ModExType of the nanosecond offset.
const TIMESTAMP_OFFSET_NANO: u8 = 0;

/// A prefix that modifies the message it stands in (E-RTMP v2 "ModEx").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModEx {
    kind: u8,
    data: Bytes,
    /// The size was written in three bytes, although one would do.
    wide: bool,
}

impl ModEx {
    /// An offset of the presentation time, 0 to 999,999 ns; larger ones are cut to that.
    #[must_use]
    pub fn timestamp_offset(nanos: u32) -> Self {
        let [_, data @ ..] = nanos.min(999_999).to_be_bytes();
        Self { kind: TIMESTAMP_OFFSET_NANO, data: Bytes::copy_from_slice(&data), wide: false }
    }

    /// The ModExType.
    #[must_use]
    pub const fn kind(&self) -> u8 {
        self.kind
    }

    /// The offset in nanoseconds, if this is one.
    #[must_use]
    pub fn nanos(&self) -> Option<u32> {
        let nanos = Reader::new(&self.data).u24_be().ok()?;
        (self.kind == TIMESTAMP_OFFSET_NANO && nanos <= 999_999).then_some(nanos)
    }

    /// Bytes of its data.
    #[must_use]
    pub fn size(&self) -> usize {
        self.data.len()
    }

    fn write(&self, next_type: u8, out: &mut BytesMut) {
        let mut writer = Writer::new(out);
        let size_minus1 = self.data.len().saturating_sub(1);
        match u8::try_from(size_minus1) {
            Ok(size) if size < u8::MAX && !self.wide => writer.u8(size),
            _ => {
                writer.u8(u8::MAX);
                writer.u16_be(u16::try_from(size_minus1).unwrap_or(u16::MAX));
            }
        }
        writer.bytes(&self.data);
        writer.u8(self.kind << 4 | next_type & 0x0F);
    }
}

/// All ModEx prefixes of a message.
pub type ModExes = SmallVec<[ModEx; 1]>;

/// The nanoseconds that the prefixes add to the presentation time: the last offset rules, as in the
/// specification's loop.
pub(crate) fn nanos(prefixes: &[ModEx]) -> u32 {
    prefixes.iter().rev().find_map(ModEx::nanos).unwrap_or(0)
}

/// Whether the prefixes are small enough to be repeated for every track of a message.
pub(crate) fn is_repeatable(prefixes: &[ModEx]) -> bool {
    let sizes = prefixes.iter().map(ModEx::size);
    sizes.fold(0, usize::saturating_add) <= limits::MAX_REPEATED_MOD_EX
}

/// Reads prefixes while the packet type says that one follows; gives the packet type proper.
pub(crate) fn read_mod_ex(
    body: &Bytes,
    reader: &mut Reader<'_>,
    mut packet_type: u8,
) -> Option<(ModExes, u8)> {
    let mut prefixes = ModExes::new();
    while packet_type == MOD_EX {
        if prefixes.len() >= limits::MAX_MOD_EX {
            return None;
        }
        let (prefix, next) = read_one_mod_ex(body, reader).ok()?;
        prefixes.push(prefix);
        packet_type = next;
    }
    Some((prefixes, packet_type))
}

fn read_one_mod_ex(body: &Bytes, reader: &mut Reader<'_>) -> Result<(ModEx, u8), UnexpectedEnd> {
    let short = reader.u8()?;
    let wide = short == u8::MAX;
    let size_minus1 = if wide { reader.u16_be()? } else { u16::from(short) };
    let data = reader.take(usize::from(size_minus1).saturating_add(1))?;
    let next = reader.u8()?;
    Ok((ModEx { kind: next >> 4, data: body.slice_ref(data), wide }, next & 0x0F))
}

/// Writes the prefixes; what follows is of `packet_type`.
pub(crate) fn write_mod_ex(prefixes: &[ModEx], packet_type: u8, out: &mut BytesMut) {
    let mut rest = prefixes.iter().peekable();
    while let Some(prefix) = rest.next() {
        prefix.write(if rest.peek().is_some() { MOD_EX } else { packet_type }, out);
    }
}

/// How the tracks of a message are laid out (AvMultitrackType, with the plain form beside it).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// No multitrack header: track 0.
    Single,
    /// One track with its number.
    OneTrack,
    /// Several tracks of one codec.
    ManyTracks,
    /// Several tracks, each with its codec.
    ManyTracksManyCodecs,
}

impl Layout {
    const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::OneTrack),
            1 => Some(Self::ManyTracks),
            2 => Some(Self::ManyTracksManyCodecs),
            _ => None,
        }
    }

    /// AvMultitrackType; [`Layout::Single`] has none.
    pub(crate) const fn code(self) -> Option<u8> {
        match self {
            Self::Single => None,
            Self::OneTrack => Some(0),
            Self::ManyTracks => Some(1),
            Self::ManyTracksManyCodecs => Some(2),
        }
    }
}

/// One track's part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackBody {
    /// Its number; 0 in [`Layout::Single`].
    pub id: u8,
    /// Its codec.
    pub four_cc: FourCc,
    /// What stands behind the track's header: the record, or composition time and data.
    pub body: Bytes,
}

/// The tracks of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracks {
    /// Their layout.
    pub layout: Layout,
    /// In the order of the message; never empty.
    pub list: SmallVec<[TrackBody; 1]>,
}

impl Tracks {
    /// One track: plain when its number is 0, else with its number.
    #[must_use]
    pub fn one(id: u8, four_cc: FourCc, body: Bytes) -> Self {
        let layout = if id == 0 { Layout::Single } else { Layout::OneTrack };
        Self { layout, list: SmallVec::from_iter([TrackBody { id, four_cc, body }]) }
    }

    /// The track, if the message is about one only.
    #[must_use]
    pub fn only(&self) -> Option<&TrackBody> {
        match &self.list[..] {
            [track] => Some(track),
            _ => None,
        }
    }

    /// Each track by itself, as [`Tracks::one`] lays it out, in the order of their numbers.
    pub(crate) fn apart(&self) -> SmallVec<[Self; 1]> {
        let mut tracks: SmallVec<[&TrackBody; 8]> = self.list.iter().collect();
        tracks.sort_by_key(|track| track.id);
        tracks.iter().map(|t| Self::one(t.id, t.four_cc, t.body.clone())).collect()
    }

    /// The plain form: FourCC, then the rest of the message.
    pub(crate) fn read_single(body: &Bytes, mut reader: Reader<'_>) -> Option<Self> {
        let four_cc = FourCc(reader.array().ok()?);
        Some(Self {
            layout: Layout::Single,
            list: SmallVec::from_iter([TrackBody {
                id: 0,
                four_cc,
                body: body.slice_ref(reader.rest()),
            }]),
        })
    }

    /// E-RTMP v2 "Multitrack", from its first byte on; gives the real packet type too. `None` for
    /// what is reserved, cut short, over the limit, or longer in a track than the message.
    pub(crate) fn read_multi(body: &Bytes, mut reader: Reader<'_>) -> Option<(Self, u8)> {
        let first = reader.u8().ok()?;
        let layout = Layout::from_code(first >> 4)?;
        let mut four_cc = FourCc(*b"    ");
        if layout != Layout::ManyTracksManyCodecs {
            four_cc = FourCc(reader.array().ok()?);
        }
        let mut list = SmallVec::new();
        loop {
            if list.len() >= limits::MAX_TRACKS {
                return None;
            }
            list.push(read_track(body, &mut reader, layout, four_cc).ok()?);
            if reader.is_empty() {
                return Some((Self { layout, list }, first & 0x0F));
            }
        }
    }

    /// Writes everything behind the first byte and the ModEx prefixes. A track over 16 MiB, which
    /// no message can hold, is left out.
    pub(crate) fn write(&self, packet_type: u8, out: &mut BytesMut) {
        if let Some(code) = self.layout.code() {
            out.put_u8(code << 4 | packet_type & 0x0F);
        }
        let shared = self.layout != Layout::ManyTracksManyCodecs;
        if let Some(first) = self.list.first().filter(|_| shared) {
            out.put_slice(&first.four_cc.0);
        }
        for track in &self.list {
            let Some(size) = u32::try_from(track.body.len()).ok().filter(|n| *n < 1 << 24) else {
                continue;
            };
            let mut writer = Writer::new(out);
            if !shared {
                writer.bytes(&track.four_cc.0);
            }
            if self.layout != Layout::Single {
                writer.u8(track.id);
            }
            if matches!(self.layout, Layout::ManyTracks | Layout::ManyTracksManyCodecs) {
                writer.u24_be(size);
            }
            writer.bytes(&track.body);
        }
    }
}

fn read_track(
    body: &Bytes,
    reader: &mut Reader<'_>,
    layout: Layout,
    mut four_cc: FourCc,
) -> Result<TrackBody, UnexpectedEnd> {
    if layout == Layout::ManyTracksManyCodecs {
        four_cc = FourCc(reader.array()?);
    }
    let id = reader.u8()?;
    let size = match layout {
        Layout::OneTrack | Layout::Single => reader.remaining(),
        _ => usize::try_from(reader.u24_be()?).map_err(|_| UnexpectedEnd)?,
    };
    Ok(TrackBody { id, four_cc, body: body.slice_ref(reader.take(size)?) })
}

/// Bytes that the header of a message with these tracks takes at most.
pub(crate) fn header_room(prefixes: &[ModEx], tracks: &Tracks) -> usize {
    let prefixes: usize = prefixes.iter().map(|p| p.data.len().saturating_add(4)).sum();
    let tracks: usize = tracks.list.iter().map(|t| t.body.len().saturating_add(8)).sum();
    prefixes.saturating_add(tracks).saturating_add(2)
}
