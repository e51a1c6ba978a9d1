//! Headers of audio codecs in the forms that the vectors do not have.

use manycast_codec::{
    ChannelLayout, RecordError, ac3, describe, describe_frame, examine, flac, mp3, opus,
};
use manycast_media::Codec;

#[test]
fn opus_records_in_their_two_forms() {
    let head = b"OpusHead\x01\x02\x38\x01\x80\xBB\x00\x00\x00\x00\x00";
    let boxed = [0, 2, 0x01, 0x38, 0, 0, 0xBB, 0x80, 0, 0, 0];
    let want =
        opus::OpusHead { channels: 2, pre_skip: 312, input_sample_rate: 48_000, mapping_family: 0 };
    assert_eq!(opus::OpusHead::parse(head), Ok(want));
    assert_eq!(opus::OpusHead::parse(&boxed), Ok(want));
    // E-RTMP v2: a record may be empty
    let empty = describe(Codec::Opus, &[]).unwrap();
    let audio = empty.as_audio().unwrap();
    assert_eq!((audio.sample_rate, audio.channels), (48_000, None));
    // family 255 names no loudspeakers
    let discrete = [&head[..9], &[12], &head[10..18], &[255]].concat();
    let found = describe(Codec::Opus, &discrete).unwrap();
    let audio = found.as_audio().unwrap();
    assert_eq!((audio.channels, audio.layout), (Some(12), None));
    let silent = [&head[..9], &[0], &head[10..]].concat();
    for broken in [&head[..12], &silent, &[7; 11]] {
        assert!(describe(Codec::Opus, broken).is_none(), "{broken:?}");
    }
}

#[test]
fn opus_packets_tell_their_duration() {
    // RFC 6716 table 2, at 48 kHz
    for (config, samples) in [
        (0, 480),
        (1, 960),
        (2, 1920),
        (3, 2880),
        (11, 2880),
        (12, 480),
        (13, 960),
        (15, 960),
        (16, 120),
        (17, 240),
        (18, 480),
        (31, 960),
    ] {
        let toc = opus::Toc::parse(&[config << 3, 0]).unwrap();
        assert_eq!((toc.samples, toc.stereo), (samples, false), "config {config}");
        let two = opus::Toc::parse(&[config << 3 | 0b101, 0]).unwrap();
        assert_eq!((two.samples, two.stereo), (samples * 2, true), "config {config}");
    }
    // code 3: counted, at most 120 ms
    assert_eq!(opus::Toc::parse(&[0xFB, 6]).unwrap().samples, 5760);
    for none in [&[][..], &[0xFB], &[0xFB, 0], &[0xFB, 7]] {
        assert_eq!(opus::Toc::parse(none), None, "{none:?}");
    }
    let stereo = describe_frame(Codec::Opus, None, &[0xFC]).unwrap();
    assert_eq!(stereo.as_audio().unwrap().layout, Some(ChannelLayout::STEREO));
}

/// 44.1 kHz, stereo, 16 bits, blocks of 4096.
const STREAMINFO: [u8; 34] = {
    let mut block = [0; 34];
    (block[0], block[2]) = (0x10, 0x10);
    (block[10], block[11], block[12], block[13]) = (0x0A, 0xC4, 0x42, 0xF0);
    block
};

#[test]
fn flac_records_in_their_forms() {
    let header = [0x80, 0, 0, 34];
    let bare = STREAMINFO.to_vec();
    let block = [&header[..], &STREAMINFO].concat();
    let marked = [b"fLaC", &block[..]].concat();
    let boxed = [&[0; 4], &block[..]].concat();
    for record in [&bare, &block, &marked, &boxed] {
        let info = flac::StreamInfo::parse(record).unwrap();
        assert_eq!((info.sample_rate, info.channels, info.bit_depth), (44_100, 2, 16));
        let found = describe(Codec::Flac, record).unwrap();
        assert_eq!(found.as_audio().unwrap().frame_samples, Some(4096));
    }
    let mut no_rate = bare.clone();
    no_rate[10..13].fill(0);
    let mut other_block = block.clone();
    other_block[0] = 4;
    for broken in [&bare[..20], &marked[..20], &no_rate, &other_block, &[]] {
        assert!(describe(Codec::Flac, broken).is_none());
    }
}

#[test]
fn flac_frames_have_to_pass_their_checksum() {
    // 4096 samples, 44.1 kHz, left and side, 16 bits, frame 0
    let header = [0xFF, 0xF8, 0xC9, 0x88, 0x00, 0xB2];
    let crc = header[..5].iter().fold(0_u8, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc, _| if crc & 0x80 == 0 { crc << 1 } else { crc << 1 ^ 7 })
    });
    let good = [&header[..5], &[crc, 0]].concat();
    let found = flac::FrameHeader::parse(&good).unwrap();
    let want = flac::FrameHeader {
        block: 4096,
        sample_rate: Some(44_100),
        channels: 2,
        bit_depth: Some(16),
    };
    assert_eq!(found, want);
    for at in 0..40 {
        let mut bent = good.clone();
        bent[at / 8] ^= 1 << (at % 8);
        assert_eq!(flac::FrameHeader::parse(&bent), None, "bit {at}");
    }
}

#[test]
fn boxes_of_ac3() {
    // TS 102 366 F.4: 48 kHz, bsid 8, 3/2 with LFE, 448 kbit/s
    let found = describe(Codec::Ac3, &[0x10, 0x3D, 0xE0]).unwrap();
    let audio = found.as_audio().unwrap();
    assert_eq!((audio.sample_rate, audio.bitrate), (48_000, Some(448_000)));
    assert_eq!(audio.layout, Some(ChannelLayout::FIVE_ONE_SIDE));
    // F.6: 384 kbit/s, one program, 48 kHz, 3/2 with LFE; then the same with object audio
    let found = describe(Codec::Eac3, &[0x0C, 0x00, 0x20, 0x0F, 0x00]).unwrap();
    let audio = found.as_audio().unwrap();
    assert_eq!((audio.channels, audio.profile.as_deref()), (Some(6), None));
    let found = describe(Codec::Eac3, &[0x0C, 0x00, 0x20, 0x0F, 0x00, 0x01, 0x10]).unwrap();
    assert_eq!(found.as_audio().unwrap().profile.as_deref(), Some("Dolby Atmos"));
    // a dependent substream: the frames tell how many channels come of it
    let found = describe(Codec::Eac3, &[0x0C, 0x00, 0x20, 0x0F, 0x02, 0x00]).unwrap();
    assert_eq!(
        (found.as_audio().unwrap().channels, found.as_audio().unwrap().layout),
        (None, None)
    );
    let reserved = examine(Codec::Ac3, &[0xD0, 0x3D, 0xE0]).unwrap_err();
    assert_eq!(reserved.error, RecordError::OutOfRange("fscod"));
}

#[test]
fn dependent_substreams_add_their_channels() {
    // independent: 64 bytes, 48 kHz, 6 blocks, 3/2 with LFE, bsid 16
    let mut own = vec![0x0B, 0x77, 0x00, 31, 0b0011_1111, 16 << 3];
    own.resize(64, 0);
    // dependent: 32 bytes, 2/0, a map with the pair behind the listener (bit 6)
    let mut more =
        vec![0x0B, 0x77, 0b0100_0000, 15, 0b0011_0100, 16 << 3, 0b0001_0000, 0b0010_0000, 0];
    more.resize(32, 0);
    let both = [own.clone(), more].concat();
    let parsed = ac3::SyncFrame::parse(&both[64..]).unwrap();
    assert_eq!((parsed.dependent, parsed.length, parsed.channels), (true, 32, 2));
    let alone = describe_frame(Codec::Eac3, None, &own).unwrap();
    assert_eq!(alone.as_audio().unwrap().layout, Some(ChannelLayout::FIVE_ONE_SIDE));
    let found = describe_frame(Codec::Eac3, None, &both).unwrap();
    let audio = found.as_audio().unwrap();
    assert_eq!((audio.layout, audio.channels), (Some(ChannelLayout::SEVEN_ONE), Some(8)));
    assert_eq!((audio.frame_samples, audio.bitrate), (Some(1536), Some(24_000)));
}

#[test]
fn low_rates_and_free_formats_of_mp3() {
    for (header, rate, bitrate, samples, length) in [
        // MPEG-1, 128 kbit/s, 44.1 kHz, padded
        ([0xFF, 0xFB, 0x92, 0x00], 44_100, Some(128_000), 1152, Some(418)),
        // MPEG-2, 64 kbit/s, 24 kHz; MPEG-2.5, 8 kbit/s, 8 kHz
        ([0xFF, 0xF3, 0x84, 0xC0], 24_000, Some(64_000), 576, Some(192)),
        ([0xFF, 0xE3, 0x18, 0xC0], 8000, Some(8000), 576, Some(72)),
        // free format
        ([0xFF, 0xFB, 0x00, 0x00], 44_100, None, 1152, None),
    ] {
        let found = mp3::FrameHeader::parse(&header).unwrap();
        assert_eq!((found.sample_rate, found.bitrate), (rate, bitrate), "{header:02X?}");
        assert_eq!((found.samples, found.length), (samples, length), "{header:02X?}");
    }
    // no sync, reserved version, layer II, bit rate 15, reserved rate, short
    for other in [
        &[0xFE, 0xFB, 0x92, 0][..],
        &[0xFF, 0xEB, 0x92, 0],
        &[0xFF, 0xFD, 0x92, 0],
        &[0xFF, 0xFB, 0xF2, 0],
        &[0xFF, 0xFB, 0x9E, 0],
        &[0xFF, 0xFB, 0x92],
    ] {
        assert_eq!(mp3::FrameHeader::parse(other), None, "{other:02X?}");
    }
}
