//! What encoders write, in both encodings, and what may not disturb.

use super::*;
use crate::testing::bytes;

fn read(notation: &str) -> Option<ColorInfo> {
    VideoMetadata::read(&bytes(notation)).color_info()
}

const CONFIG: &str = "000B 'colorConfig' 03 0008 'bitDepth' 00 4024000000000000 \
    000E 'colorPrimaries' 00 4022000000000000 \
    0017 'transferCharacteristics' 00 4030000000000000 \
    0012 'matrixCoefficients' 00 4022000000000000 000009";

#[test]
fn color_info_is_read_and_written() {
    let body = bytes(&format!("02 0009 'colorInfo' 03 {CONFIG} 000009"));
    let info = VideoMetadata::read(&body).color_info().unwrap();
    let want = ColorInfo {
        bit_depth: Some(10),
        primaries: Some(9),
        transfer: Some(16),
        matrix: Some(9),
        ..ColorInfo::default()
    };
    assert_eq!(info, want);
    assert!(info.is_hdr() && !info.is_reset());
    assert_eq!(info.write(), body);
}

#[test]
fn light_levels_and_the_display_are_read_and_written() {
    let info = ColorInfo {
        transfer: Some(18),
        content_light: Some(ContentLight { max_fall: Some(400.0), max_cll: Some(1000.0) }),
        mastering: Some(MasteringDisplay {
            red: Some((0.68, 0.32)),
            green: Some((0.265, 0.69)),
            blue: Some((0.15, 0.06)),
            white: Some((0.3127, 0.329)),
            max_luminance: Some(1000.0),
            min_luminance: Some(0.0001),
        }),
        ..ColorInfo::default()
    };
    assert_eq!(VideoMetadata::read(&info.write()).color_info(), Some(info));
    // as one encoder writes it: no more than the two luminances
    let only = "02 0009 'colorInfo' 03 0007 'hdrMdcv' 03 000C 'maxLuminance' 00 408F400000000000 \
        000009 000009";
    let display = read(only).unwrap().mastering.unwrap();
    assert_eq!((display.max_luminance, display.red), (Some(1000.0), None));
}

/// E-RTMP v2 "Metadata Frame": `undefined` or an empty object takes back what was said.
#[test]
fn color_info_is_reset_by_undefined_or_by_an_empty_object() {
    for notation in
        ["02 0009 'colorInfo' 06", "02 0009 'colorInfo' 03 000009", "06 13 'colorInfo' 00"]
    {
        assert!(read(notation).unwrap().is_reset(), "{notation}");
    }
    assert_eq!(ColorInfo::default().write(), bytes("02 0009 'colorInfo' 06"));
}

#[test]
fn color_info_comes_in_amf3_too() {
    let config = "0A 0B 01 17 'colorConfig' 0A 01 11 'bitDepth' 04 0A \
        2F 'transferCharacteristics' 05 4032000000000000 01 01";
    for notation in [
        format!("06 13 'colorInfo' {config}"),
        format!("11 06 13 'colorInfo' 11 {config}"),
        format!("02 0009 'colorInfo' 11 {config}"),
    ] {
        let info = read(&notation).unwrap_or_else(|| panic!("{notation}"));
        assert_eq!((info.bit_depth, info.transfer), (Some(10), Some(18)), "{notation}");
    }
}

#[test]
fn pairs_keep_their_order_and_the_last_of_a_name_rules() {
    let first = "02 0009 'colorInfo' 06 02 0001 'x' 05";
    let body = bytes(&format!("{first} 02 0009 'colorInfo' 03 {CONFIG} 000009"));
    let metadata = VideoMetadata::read(&body);
    let names: Vec<_> = metadata.entries.iter().map(|(name, _)| name.to_string_lossy()).collect();
    assert_eq!(names, ["colorInfo", "x", "colorInfo"]);
    assert_eq!(metadata.color_info().unwrap().bit_depth, Some(10));
}

/// E-RTMP T11, T12: nothing in a metadata packet is an error.
#[test]
fn trap_t11_t12_odd_metadata_says_less() {
    for (notation, want) in [
        ("", None),
        ("02 0009 'colorInfo'", None),
        ("02 0003 'abc' 05", None),
        ("05 02 0009 'colorInfo' 06", None),
        ("FFFFFF", None),
        ("06", None),
        ("06 FFFFFFFF", None),
        ("02 0009 'colorInfo' 00 3FF0000000000000", Some(ColorInfo::default())),
        ("02 0009 'colorInfo' 02 0003 'HDR'", Some(ColorInfo::default())),
    ] {
        assert_eq!(read(notation), want, "{notation}");
    }
    // numbers that are none: fractions, beyond a code, negative, not a number
    for number in ["3FF8000000000000", "4070000000000000", "BFF0000000000000", "7FF8000000000000"] {
        let info = read(&format!(
            "02 0009 'colorInfo' 03 000B 'colorConfig' 03 0008 'bitDepth' 00 {number} 000009 000009"
        ));
        assert_eq!(info, Some(ColorInfo::default()), "{number}");
    }
}
