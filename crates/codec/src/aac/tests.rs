//! Records of real encoders in every form, and what must be refused.

use super::*;

/// Object type, core rate, rate, channels, samples of a frame; SBR, PS, "may have SBR".
type Row = (u8, u32, u32, Option<u8>, Option<u32>, (bool, bool, bool));

#[test]
fn records_of_real_encoders() {
    let plain = (false, false, false);
    let (he, he2) = ((true, false, false), (true, true, false));
    let rows: [(&[u8], Row, &str); 18] = [
        (&[0x11, 0x90], (2, 48000, 48000, Some(2), Some(1024), plain), "mp4a.40.2"),
        (&[0x12, 0x10], (2, 44100, 44100, Some(2), Some(1024), plain), "mp4a.40.2"),
        // SBR ruled out
        (&[0x12, 0x10, 0x56, 0xE5, 0], (2, 44100, 44100, Some(2), Some(1024), plain), "mp4a.40.2"),
        (&[0x13, 0x10, 0x56, 0xE5, 0], (2, 24000, 24000, Some(2), Some(1024), plain), "mp4a.40.2"),
        // implicit signalling: only the frames would tell
        (&[0x13, 0x10], (2, 24000, 24000, Some(2), Some(1024), (false, false, true)), "mp4a.40.2"),
        // trailing zero padding
        (&[0x11, 0x88, 0, 0, 0, 0], (2, 48000, 48000, Some(1), Some(1024), plain), "mp4a.40.2"),
        // 960 samples in a frame
        (&[0x11, 0x94], (2, 48000, 48000, Some(2), Some(960), plain), "mp4a.40.2"),
        // HE-AAC, explicit: core 22050, SBR to 44100
        (&[0x2B, 0x92, 0x08, 0], (2, 22050, 44100, Some(2), Some(2048), he), "mp4a.40.5"),
        // HE-AAC v2, explicit: mono core, stereo out
        (&[0xEB, 0x8A, 0x08, 0], (2, 22050, 44100, Some(2), Some(2048), he2), "mp4a.40.29"),
        // HE-AAC, backward compatible: 24000 core, SBR to 48000
        (&[0x13, 0x10, 0x56, 0xE5, 0x98], (2, 24000, 48000, Some(2), Some(2048), he), "mp4a.40.5"),
        // HE-AAC v2, backward compatible: 24000 mono core, SBR to 48000, PS
        (
            &[0x13, 0x08, 0x56, 0xE5, 0x9D, 0x48, 0x80],
            (2, 24000, 48000, Some(2), Some(2048), he2),
            "mp4a.40.29",
        ),
        (&[0x11, 0xB0], (2, 48000, 48000, Some(6), Some(1024), plain), "mp4a.40.2"),
        (&[0x11, 0xB8], (2, 48000, 48000, Some(8), Some(1024), plain), "mp4a.40.2"),
        // a program config element that ends early
        (&[0x11, 0x80, 0x04, 0xC8], (2, 48000, 48000, None, Some(1024), plain), "mp4a.40.2"),
        // 24-bit rate
        (
            &[0x17, 0x80, 0x5D, 0xC0, 0x10],
            (2, 48000, 48000, Some(2), Some(1024), plain),
            "mp4a.40.2",
        ),
        // low delay: 512 samples; enhanced low delay with SBR at twice the rate
        (&[0xB9, 0x90], (23, 48000, 48000, Some(2), Some(512), plain), "mp4a.40.23"),
        (&[0xF8, 0xEC, 0x21, 0x80], (39, 24000, 48000, Some(1), Some(1024), he), "mp4a.40.39"),
        // xHE-AAC
        (&[0xF9, 0x46, 0x40], (42, 48000, 48000, Some(2), None, plain), "mp4a.40.42"),
    ];
    for (record, want, string) in rows {
        let config = AudioSpecificConfig::parse(record).unwrap();
        let found = (
            config.object_type,
            config.core_sample_rate,
            config.sample_rate,
            config.channels,
            config.frame_samples,
            (config.sbr, config.ps, config.may_have_sbr),
        );
        assert_eq!(found, want, "{record:02X?}");
        assert_eq!(config.rfc6381(), string);
        assert!(config.layout.is_none_or(|layout| Some(layout.channels()) == config.channels));
    }
}

#[test]
fn records_too_short_or_reserved_are_refused() {
    for record in [&[][..], &[0x12], &[0x16, 0xFF], &[0x17, 0, 0, 0, 0x10], &[0, 0], &[0x11, 0xF8]]
    {
        assert!(AudioSpecificConfig::parse(record).is_err(), "{record:02X?}");
    }
}

#[test]
fn adts_headers_are_told_from_raw_frames() {
    let header = [0xFF, 0xF1, 0x4C, 0x80, 0x01, 0x3F, 0xFC];
    let frame = [&header[..], &[0x21, 0x10]].concat();
    let found = AdtsHeader::parse(&frame).unwrap();
    assert_eq!((found.object_type, found.sample_rate, found.header_length), (2, 48000, 7));
    assert_eq!(found.layout, Some(ChannelLayout::STEREO));
    // its own length has to be right
    assert_eq!(AdtsHeader::parse(&frame[..8]), None);
    assert_eq!(AdtsHeader::parse(&[0x21, 0x10, 0x04]), None);
    let described = describe_frame(&frame).unwrap();
    assert_eq!(described.as_audio().unwrap().channels, Some(2));
    assert_eq!(described.rfc6381.as_deref(), Some("mp4a.40.2"));
}
