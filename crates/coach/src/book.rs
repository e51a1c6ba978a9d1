//! Every rule with its words. docs/health.md shows this table, and a test holds it to it.
//!
//! Belongs here: ids, severities, sentences, remedies. Ids are stable: programs read them. Must not
//! come here: when a rule strikes; that is the judge's, and `when` says it in words.

use crate::Severity::{self, Error, Note, Warning};

/// The setting that most encoders need.
const SET_INTERVAL: &str = "Set the keyframe interval to 2 s (OBS: Settings, Output, Streaming, Keyframe Interval; ffmpeg: -g with twice the frame rate).";
const USUAL_CODECS: &str = "Set the encoder to H.264 and AAC (OBS: Settings, Output, Streaming, Video Encoder and Audio Encoder; ffmpeg: -c:v libx264 -c:a aac).";
const LOWER_BITRATE: &str = "Set the video bitrate below what the uplink carries and use a cable in place of Wi-Fi (OBS: Settings, Output, Streaming, Video Bitrate; Settings, Advanced, Dynamically change bitrate).";

/// The words of one rule.
struct Words {
    rule: Rule,
    id: &'static str,
    severity: Severity,
    when: &'static str,
    sentence: &'static str,
    remedy: &'static str,
}

macro_rules! book {
    ($($(#[$doc:meta])* $rule:ident, $id:literal, $severity:expr, $when:literal, $sentence:literal, $remedy:expr;)+) => {
        /// What the coach looks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Rule {
            $($(#[$doc])* $rule,)+
        }

        impl Rule {
            /// All of them, in the order of the document.
            pub const ALL: &[Self] = &[$(Self::$rule,)+];

            fn words(self) -> &'static Words {
                const BOOK: &[Words] = &[$(Words {
                    rule: Rule::$rule,
                    id: $id,
                    severity: $severity,
                    when: $when,
                    sentence: $sentence,
                    remedy: $remedy,
                },)+];
                let found = BOOK.iter().find(|words| words.rule == self);
                found.expect("every rule has its words: one macro makes both")
            }
        }
    };
}

impl Rule {
    /// The stable name used in the status API and metrics.
    #[must_use]
    pub fn id(self) -> &'static str {
        self.words().id
    }

    /// How much it matters.
    #[must_use]
    pub fn severity(self) -> Severity {
        self.words().severity
    }

    /// When it strikes, for the document.
    #[must_use]
    pub fn when(self) -> &'static str {
        self.words().when
    }

    /// What is wrong; figures stand as `{name}`.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        self.words().sentence
    }

    /// Which setting mends it.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        self.words().remedy
    }
}

book! {
    /// Nothing comes at all.
    Silent, "silent", Error,
    "nothing came for 2 s",
    "Nothing has come from the encoder for {idle}.",
    "Look at the encoder and at its network; if it pauses on purpose, all is well.";
    /// Pictures without a configuration.
    NoCodecConfig, "no_codec_config", Error,
    "pictures come and their decoder configuration does not",
    "Pictures come without their decoder configuration: nobody can show them.",
    "Restart the encoder's output; if it is built on ffmpeg, add -flags +global_header.";
    /// No key frame.
    WaitingForKeyFrame, "waiting_for_key_frame", Error,
    "no key frame for 10 s, or none yet",
    "No key frame comes: whoever joins sees nothing.",
    SET_INTERVAL;
    /// A Gop is larger than the Window.
    GopTooLarge, "gop_too_large", Error,
    "a group of pictures is larger than what is kept",
    "The pictures since the last key frame are more than is kept: whoever joins waits for the next one.",
    SET_INTERVAL;
    /// Pictures stopped, sound goes on.
    VideoStopped, "video_stopped", Error,
    "no picture for 5 s while sound comes",
    "No picture has come for {idle}, while sound goes on.",
    "Look at the encoder's video source, then restart its output.";
    /// Sound stopped, pictures go on.
    AudioStopped, "audio_stopped", Error,
    "an audio track came, and nothing of it for 3 s while pictures come",
    "No sound has come for {idle}, while pictures go on.",
    "Look at the encoder's audio device (OBS: Settings, Audio), then restart its output; a pause should be sent as silence.";
    /// One of several Tracks stopped, others go on.
    TrackEnded, "track_ended", Warning,
    "one of several video or audio tracks has ended: the encoder said so, or nothing came of it for 5 s while another came",
    "Nothing has come of this track for {idle}, while others of its kind go on: who chose it by a rule gets another one, who asked for its number gets nothing.",
    "Look at the encoder's source or output for this track; if it was ended on purpose, all is well.";
    /// Frames that are not what their Track says.
    FramesDamaged, "frames_damaged", Error,
    "the newest frame of a track is cut, in another form than was announced, or of another codec",
    "Players will show or play nothing of this track: {fault}.",
    "Restart the encoder; if it stays, update it or choose another one; the remedy for the very case stands with the finding.";
    /// A configuration that nobody can read.
    ConfigUnreadable, "config_unreadable", Warning,
    "the configuration of a track cannot be read",
    "Players may fail at this track: {fault}.",
    "Choose another profile or another encoder and restart the output (OBS: Settings, Output, Streaming, Profile: high; Audio Encoder: AAC); the remedy for the very case stands with the finding.";
    /// Something nobody knows.
    CodecUnknown, "codec_unknown", Warning,
    "a track is `opaque`",
    "This track is coded in a way unknown here: it is passed on untouched, and few can play it.",
    USUAL_CODECS;
    /// A codec of the past.
    CodecOld, "codec_old", Warning,
    "`h263`, `screen`, `vp6`, `speex`, `nellymoser`, `g711a`, `g711u`, `pcm` or `adpcm`",
    "Hardly any player or platform takes {codec} any more.",
    USUAL_CODECS;
    /// A profile that browsers cannot show.
    ProfileUnplayable, "profile_unplayable", Warning,
    "H.264 of more than 8 bits, or of other colour than 4:2:0",
    "Browsers and platforms cannot show H.264 in the profile {profile}.",
    "Set 8 bits and 4:2:0 (OBS: Settings, Advanced, Color Format: NV12; ffmpeg: -pix_fmt yuv420p).";
    /// Width or height odd.
    PictureSizeOdd, "picture_size_odd", Warning,
    "width or height is odd",
    "The picture measures {width}x{height}: decoders and platforms stumble over an odd side.",
    "Set an output size with even sides (OBS: Settings, Video, Output (Scaled) Resolution; ffmpeg: -s).";
    /// Fields.
    Interlaced, "interlaced", Warning,
    "pictures may be coded as fields",
    "The pictures are interlaced: platforms and browsers show combs, or refuse them.",
    "Set progressive output, and deinterlacing on the source (OBS: right-click the source, Deinterlacing; ffmpeg: -vf bwdif).";
    /// Chroma that few take.
    ChromaUnusual, "chroma_unusual", Warning,
    "another codec than H.264 with other colour than 4:2:0",
    "The colour is {chroma}: most platforms and players take 4:2:0 alone.",
    "Set 4:2:0 (OBS: Settings, Advanced, Color Format: NV12 or P010; ffmpeg: -pix_fmt yuv420p or p010le).";
    /// HDR that is not taken for HDR.
    HdrUnusual, "hdr_unusual", Warning,
    "HDR (`dynamic_range` is `PQ` or `HLG`) in H.264, or in 8 bits",
    "The pictures are HDR ({range}) in a form that platforms do not take for HDR: colours will look washed out.",
    "Set HEVC or AV1 with 10 bits for HDR, or no HDR at all (OBS: Settings, Advanced, Color Format: P010, or Color Space: Rec. 709).";
    /// HDR.
    Hdr, "hdr", Note,
    "HDR in HEVC, AV1 or VP9 with 10 bits",
    "The pictures are HDR ({range}): only platforms and players that know it show them as meant, others show washed out colours.",
    "Set SDR if viewers are not meant to see HDR (OBS: Settings, Advanced, Color Space: Rec. 709, Color Format: NV12).";
    /// All sample values.
    FullRange, "full_range", Note,
    "the bitstream says full range",
    "The colours use the full range: many players show them with crushed blacks.",
    "Set the color range to limited (OBS: Settings, Advanced, Color Range: Limited; ffmpeg: -color_range tv with a scale filter).";
    /// Pixels that are not square.
    PixelsNotSquare, "pixels_not_square", Note,
    "the sample aspect ratio is not 1:1",
    "Pixels are not square: some players show the picture squeezed.",
    "Set an output size of the shape of the picture, such as 1024x576 in place of 720x576 (OBS: Settings, Video, Output (Scaled) Resolution; ffmpeg: -vf scale, setsar=1).";
    /// More than 60 pictures per second.
    PicturesFast, "pictures_fast", Note,
    "the bitstream declares more than 60 pictures per second",
    "{declared} pictures per second are declared: most platforms take 60 at most.",
    "Set 30 or 60 frames per second (OBS: Settings, Video, Common FPS Values; ffmpeg: -r).";
    /// Surround.
    ChannelsMany, "channels_many", Note,
    "more than two channels",
    "The sound has {channels} channels: many platforms take stereo alone.",
    "Set stereo (OBS: Settings, Audio, Channels; ffmpeg: -ac 2), or send surround as a second audio track.";
    /// HE-AAC.
    AudioHighEfficiency, "audio_high_efficiency", Note,
    "HE-AAC, with or without parametric stereo",
    "The sound is {profile}: some platforms take AAC-LC alone.",
    "Set AAC-LC with 128 kbit/s or more (OBS: Settings, Output, Audio Track; ffmpeg: -profile:a aac_low).";
    /// Neither 44.1 nor 48 kHz.
    SampleRateUnusual, "sample_rate_unusual", Warning,
    "sound is neither 44.1 nor 48 kHz",
    "The sound has {rate} samples per second: platforms take 44100 and 48000.",
    "Set the sample rate to 48 kHz (OBS: Settings, Audio, Sample Rate; ffmpeg: -ar 48000).";
    /// 250 pictures per Gop.
    KeyFramesAuto, "key_frames_auto", Warning,
    "`key_frame_interval` is over 4.1 s, and the last one had 250 pictures, the default of most encoders",
    "Key frames are {interval} apart, 250 pictures: the interval is on automatic.",
    "Set the keyframe interval to 2 s; 0 means automatic (OBS: Settings, Output, Streaming, Keyframe Interval; ffmpeg: -g with twice the frame rate).";
    /// More than 4 s per Gop.
    KeyFramesFar, "key_frames_far", Warning,
    "`key_frame_interval` is over 4.1 s",
    "Key frames are {interval} apart: whoever joins waits that long, and platforms want 2 s, 4 s at most.",
    SET_INTERVAL;
    /// Gops of different lengths.
    KeyFramesUnsteady, "key_frames_unsteady", Note,
    "at least 4 intervals are known, they drift by more than 0.5 s and a quarter of the longest, and neither of the two rules above holds",
    "Key frames come unsteadily, from {shortest} to {longest} apart: segments and quality switches want them even.",
    "Set the keyframe interval to 2 s and switch off scene cuts (OBS: Settings, Output, Streaming, x264 Options: scenecut=0; ffmpeg: -sc_threshold 0).";
    /// Many B-frames.
    BFrames, "b_frames", Note,
    "more than 2 B-frames in a row",
    "The encoder sends {count} B-frames in a row: each adds delay, some platforms take 2 at most, low-latency ones none.",
    "Set B-frames to 2, or to 0 for low latency (OBS: Settings, Output, Streaming, Max B-frames, or x264 Options: bframes=2; ffmpeg: -bf 2).";
    /// Fewer pictures than declared.
    FrameRateLow, "frame_rate_low", Warning,
    "over at least 5 s less than 90 % of the frame rate that the bitstream declares, half of it (fields) excepted",
    "{measured} pictures per second come, {declared} are declared.",
    "The encoder does not keep up: choose a faster preset, a smaller picture or a lower frame rate (OBS: Settings, Output, Streaming, CPU Usage Preset; Settings, Video, Common FPS Values).";
    /// Gaps between pictures.
    FrameRateUneven, "frame_rate_uneven", Note,
    "in 3 or more of 10 s two pictures are more than 2.5 times the mean distance apart",
    "Pictures are left out: gaps of up to {gap} in {seconds} of the last 10 seconds.",
    "Set a constant frame rate, and a lower bitrate if the encoder reports dropped frames (OBS: Settings, Video, Common FPS Values; Settings, Output, Streaming, Video Bitrate).";
    /// Slower than real time.
    TooSlow, "too_slow", Warning,
    "over at least 8 s `speed` is below 0.9",
    "The encoder sends {speed} s of stream per second: players and platforms run dry.",
    "Set a lower video bitrate if the uplink is full, a faster preset or a smaller picture if the processor is (OBS: View, Stats tells which; Settings, Output, Streaming).";
    /// Too few bits for the picture.
    BitrateLow, "bitrate_low", Note,
    "over 10 s less than 0.03 bits per pixel, 0.015 for HEVC, VVC, AV1 and VP9, unless the picture is frozen",
    "{bitrate} is thin for {width}x{height} at {rate} pictures per second: movement turns into blocks, about {wanted} would suit.",
    "Set a higher video bitrate or a smaller picture (OBS: Settings, Output, Streaming, Video Bitrate; Settings, Video, Output (Scaled) Resolution).";
    /// Too many bits for the picture.
    BitrateHigh, "bitrate_high", Note,
    "over 10 s more than 0.5 bits per pixel, 0.3 for HEVC, VVC, AV1 and VP9, and more than 2 Mbit/s",
    "{bitrate} is more than {width}x{height} at {rate} pictures per second can show, about {wanted} would do: slow viewers fall behind and platforms may refuse it.",
    "Set a lower video bitrate (OBS: Settings, Output, Streaming, Video Bitrate; ffmpeg: -b:v).";
    /// Bursts.
    BitrateUnsteady, "bitrate_unsteady", Warning,
    "one of 10 s has more than 2.5 times the mean, the mean is at least 300 kbit/s, key frames are at most 4.1 s apart, the picture is not frozen and nothing came late",
    "The bitrate swings: {peak} in one second, {mean} on average; slow viewers and platforms cannot follow.",
    "Set a constant bitrate (OBS: Settings, Output, Streaming, Rate Control: CBR; ffmpeg: -maxrate and -bufsize as large as -b:v).";
    /// The picture stands.
    VideoFrozen, "video_frozen", Warning,
    "`still` of a video track is 10 s or more",
    "The picture has not changed for {time}.",
    "Look at the camera or the captured window; if nothing is meant to move, all is well.";
    /// No audio track.
    AudioMissing, "audio_missing", Warning,
    "pictures have come for 5 s and no sound at all",
    "There is no sound: some platforms and players refuse a stream without it.",
    "Add an audio track, a silent one if need be (OBS: Settings, Audio, and Settings, Output, Streaming, Audio Track; ffmpeg: -f lavfi -i anullsrc).";
    /// Nothing to be heard.
    AudioSilent, "audio_silent", Warning,
    "`still` of an audio track is 10 s or more",
    "The sound has been silent, or one even tone, for {time}.",
    "Look at the mixer: is a microphone muted or the wrong device chosen (OBS: Audio Mixer; Settings, Audio, Mic/Auxiliary Audio)?";
    /// Sound drifts from the pictures.
    AvOffsetGrowing, "av_offset_growing", Warning,
    "`av_offset` is over 100 ms either way, and over 50 ms of it came since the stream began",
    "Sound arrives {offset} {side} the pictures of the same time, {drift} more than at first: they drift apart.",
    "Give sound and picture one clock: set the sample rate of the encoder to that of the device (OBS: Settings, Audio, Sample Rate) and restart the output.";
    /// Sound far from the pictures.
    AvOffsetLarge, "av_offset_large", Note,
    "`av_offset` is over 500 ms either way and does not grow",
    "Sound arrives {offset} {side} the pictures of the same time: players have to hold back that much.",
    "Set the same delay for both (OBS: Advanced Audio Properties, Sync Offset: 0), and a shorter look-ahead if there is one (OBS: x264 Options: rc-lookahead=0; ffmpeg: -tune zerolatency).";
    /// Uneven arrival.
    JitterHigh, "jitter_high", Warning,
    "after 10 s, `jitter` of the first video track, else of the first audio track, is over 100 ms",
    "Frames arrive unevenly, by {jitter} on average: the network between encoder and server wavers.",
    LOWER_BITRATE;
    /// Frames after their time.
    FramesLate, "frames_late", Warning,
    "after 10 s, of the same track at least 5 frames in 10 s, and one in 20, came over 500 ms late",
    "{late} of the last {frames} frames came more than half a second late: the way from the encoder to the server stalls.",
    LOWER_BITRATE;
    /// The clock leaps.
    ClockJumps, "clock_jumps", Warning,
    "a time stamp leapt or stepped back in the last 60 s",
    "The encoder's clock is unsteady (leaps: {rebased}, steps back: {levelled}), the last time {ago} ago.",
    "Restart the encoder's output, and let one clock stamp everything (OBS: audio source, Properties, Use Device Timestamps: off; ffmpeg: -stream_loop in place of starting over).";
}
