#!/usr/bin/env python3
"""Makes the vectors of this folder anew: make.py FFMPEG [FFPROBE]

FFMPEG has to write Enhanced FLV (8 or newer) and to have libx264, libx265, libvvenc, libaom, SVT-AV1, libvpx, libopus and
libmp3lame. Of each stream it keeps the configuration record as NAME.config and the first frame as NAME.frame, as they
stand in the FLV tags, and prints what ffprobe says of the same stream: the tables of the tests are checked against that.
"""
import json, pathlib, subprocess, sys, tempfile

HERE = pathlib.Path(__file__).parent
HDR = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
BT2020 = "-vf setparams=range=tv:color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc"
BT709 = "-vf setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
HLG = "-vf setparams=range=tv:color_primaries=bt2020:color_trc=arib-std-b67:colorspace=bt2020nc"
V = lambda size, rate, rest, source="color=c=0x305070": f"-f lavfi -i {source}:s={size}:r={rate}:d=1 {rest}"
A = lambda rest, layout="stereo", rate=48000: (
    f"-f lavfi -i anullsrc=channel_layout={layout}:sample_rate={rate}:d=0.5 {rest}")

VECTORS = {
    "h264_high": V("1920x1080", "30000/1001", f"-c:v libx264 -bf 2 -pix_fmt yuv420p {BT709}"),
    "h264_interlaced": V("720x576", "25", "-c:v libx264 -flags +ildct+ilme -x264-params tff=1 -pix_fmt yuv420p -vf setsar="
                         "64/45,setparams=field_mode=tff:color_primaries=bt470bg:color_trc=bt470bg:colorspace=bt470bg"),
    "h264_intra_refresh": V("320x240", "25", "-c:v libx264 -g 12 -bf 0 -x264-params intra-refresh=1 -pix_fmt yuv420p"),
    "h264_open_gop": V("320x240", "25", "-c:v libx264 -g 12 -x264-params open-gop=1 -pix_fmt yuv420p"),
    "h264_baseline": V("320x180", "30", "-c:v libx264 -profile:v baseline -tune zerolatency -pix_fmt yuv420p"),
    "h264_422_10": V("640x360", "50", "-c:v libx264 -pix_fmt yuv422p10le"),
    "h264_444_full": V("322x182", "24", "-c:v libx264 -pix_fmt yuvj444p"),
    "h264_hdr_hrd": V("640x360", "60", f"-c:v libx264 -pix_fmt yuv420p10le {BT2020} -b:v 1M -maxrate 1M -bufsize 1M "
                      f"-x264-params nal-hrd=cbr:filler=0:pic-struct=1:mastering-display={HDR}:cll=1000,400"),
    "hevc_main": V("1918x1080", "30", f"-c:v libx265 -pix_fmt yuv420p {BT709} -x265-params info=0"),
    "hevc_hlg": V("640x360", "50", f"-c:v libx265 -pix_fmt yuv420p10le {HLG} -x265-params info=0:open-gop=1:keyint=12"),
    "vvc_main": V("320x182", "30", f"-c:v libvvenc -preset faster -pix_fmt yuv420p10le {BT709}"),
    "hevc_hdr": V("1280x720", "60000/1001", f"-c:v libx265 -pix_fmt yuv420p10le {BT2020} "
                  f"-x265-params master-display={HDR}:max-cll=1000,400:hdr10=1:info=0:repeat-headers=1"),
    "hevc_422_12": V("640x360", "25", "-c:v libx265 -pix_fmt yuv422p12le -vf setsar=4/3 -x265-params bframes=0:info=0"),
    "hevc_444": V("640x360", "25", "-c:v libx265 -pix_fmt yuv444p -x265-params scaling-list=default:info=0"),
    "av1_main": V("1280x720", "30", f"-c:v libaom-av1 -cpu-used 8 -pix_fmt yuv420p {BT709}"),
    "av1_444": V("322x182", "25", "-c:v libaom-av1 -cpu-used 8 -pix_fmt yuv444p -color_range pc"),
    "av1_422_12": V("322x182", "25", "-c:v libaom-av1 -cpu-used 8 -strict experimental -pix_fmt yuv422p12le"),
    "av1_mono": V("320x240", "25", "-c:v libaom-av1 -cpu-used 8 -pix_fmt gray"),
    "av1_hdr": V("640x360", "30", f"-c:v libsvtav1 -preset 12 -pix_fmt yuv420p10le {BT2020} -svtav1-params "
                 "mastering-display=G(0.265,0.69)B(0.15,0.06)R(0.68,0.32)WP(0.3127,0.329)L(1000,0.005):"
                 "content-light=1000,400"),
    "vp9_main": V("1280x720", "30", f"-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuv420p {BT709}"),
    "vp9_444": V("322x182", "25", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuv444p"),
    "vp9_hdr": V("640x360", "25", f"-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuv420p10le {BT2020}"),
    "vp9_440_12": V("320x180", "25", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuv440p12le"),
    "vp8": V("640x360", "30", "-c:v libvpx -deadline realtime -cpu-used 8 -pix_fmt yuv420p"),
    "aac_stereo": A("-c:a aac"),
    "aac_mono": A("-c:a aac", "mono", 44100),
    "aac_51": A("-c:a aac", "5.1"),
    "aac_71": A("-c:a aac", "7.1"),
    "aac_pce_quad": A("-c:a aac", "quad"),
    "aac_pce_61_back": A("-c:a aac", "6.1(back)"),
    "aac_pce_51_side": A("-c:a aac", "5.1(side)"),
    "opus_stereo": A("-c:a libopus"),
    "opus_mono": A("-c:a libopus -frame_duration 10", "mono"),
    "opus_51": A("-c:a libopus", "5.1"),
    "flac_stereo": A("-c:a flac -sample_fmt s16", "stereo", 44100),
    "flac_51_24": A("-c:a flac -sample_fmt s32 -bits_per_raw_sample 24", "5.1", 96000),
    "ac3_51": A("-c:a ac3 -b:a 448k", "5.1(side)"),
    "ac3_stereo": A("-c:a ac3 -b:a 96k", "stereo", 32000),
    "eac3_51": A("-c:a eac3 -b:a 384k", "5.1(side)"),
    "eac3_mono": A("-c:a eac3 -b:a 64k", "mono", 44100),
    "mp3_stereo": A("-c:a libmp3lame -b:a 128k", "stereo", 44100),
    "mp3_mono_lsf": A("-c:a libmp3lame -b:a 48k -write_xing 0", "mono", 22050),
}
CONTAINER = {"vvc_main": "mp4", "vp8": "ivf"}
LATER = ("h264_open_gop", "hevc_hlg")
TIMED = {b"avc1", b"hvc1", b"vvc1"}


def tags(flv):
    at = 13
    while at + 11 <= len(flv):
        size = int.from_bytes(flv[at + 1:at + 4], "big")
        yield flv[at], flv[at + 11:at + 11 + size]
        at += size + 15


def parts(flv):
    """The configuration and the frames of the one track."""
    config, frames = b"", []
    for kind, body in tags(flv):
        if kind == 9 and body[0] & 0x80:
            packet, four_cc = body[0] & 15, body[1:5]
            if packet == 0:
                config = body[5:]
            elif packet in (1, 3):
                frames.append(body[8 if packet == 1 and four_cc in TIMED else 5:])
        elif kind == 9:
            config, frames = (body[5:], frames) if body[1] == 0 else (config, frames + [body[5:]] * (body[1] == 1))
        elif kind == 8 and body[0] >> 4 == 9:
            config, frames = (body[5:], frames) if body[0] & 15 == 0 else (config, frames + [body[5:]] * (body[0] & 15 == 1))
        elif kind == 8 and body[0] >> 4 == 10:
            config, frames = (body[2:], frames) if body[1] == 0 else (config, frames + [body[2:]])
        elif kind == 8:
            frames.append(body[1:])
    return config, frames


def packets(ffprobe, path):
    told = subprocess.run([ffprobe, "-loglevel", "error", "-of", "json", "-show_packets", path],
                          capture_output=True, text=True, check=True).stdout
    whole = pathlib.Path(path).read_bytes()
    return whole, [whole[int(p["pos"]):int(p["pos"]) + int(p["size"])] for p in json.loads(told)["packets"]]


def elements(name, quiet, ffprobe, path):
    """Configuration and frames; ffmpeg writes no FLV of some codecs: those come from a file that can hold them."""
    if name == "vvc_main":
        whole, frames = packets(ffprobe, path)
        box = whole.index(b"vvcC")
        size = int.from_bytes(whole[box - 4:box], "big")
        return whole[box + 4:box - 4 + size], frames
    if name == "vp8":
        ivf, at, frames = pathlib.Path(path).read_bytes(), 32, []
        while at < len(ivf):
            size = int.from_bytes(ivf[at:at + 4], "little")
            frames.append(ivf[at + 12:at + 12 + size])
            at += 12 + size
        return b"", frames
    flv = path.replace(".mkv", ".flv")
    subprocess.run([*quiet, "-i", path, "-c", "copy", flv], check=True)
    return parts(pathlib.Path(flv).read_bytes())


def main():
    ffmpeg, ffprobe = sys.argv[1], (sys.argv[2:] + ["ffprobe"])[0]
    only = sys.argv[3:]
    with tempfile.TemporaryDirectory() as folder:
        for name, arguments in VECTORS.items():
            if only and name not in only:
                continue
            quiet = [ffmpeg, "-hide_banner", "-loglevel", "error", "-y"]
            mkv = f"{folder}/{name}.{CONTAINER.get(name, 'mkv')}"
            try:
                subprocess.run([*quiet, *arguments.split(), mkv], check=True)
                config, frames = elements(name, quiet, ffprobe, mkv)
            except subprocess.CalledProcessError:
                print(f"{name}: FAILED")
                continue
            if config:
                (HERE / f"{name}.config").write_bytes(config)
            # of these the second place to start, which is no IDR picture
            frame = frames[12] if name == "h264_intra_refresh" else max(frames[1:], key=len) if name in LATER else frames[0]
            (HERE / f"{name}.frame").write_bytes(frame)
            probe = subprocess.run([ffprobe, "-loglevel", "error", "-of", "json", "-show_streams", "-show_frames",
                                    "-read_intervals", "%+#1", mkv], capture_output=True, text=True).stdout
            probe = json.loads(probe)
            keep = ("profile", "level", "width", "height", "sample_aspect_ratio", "pix_fmt", "color_range", "color_space",
                    "color_transfer", "color_primaries", "r_frame_rate", "has_b_frames", "field_order", "sample_rate",
                    "channels", "channel_layout", "bits_per_raw_sample", "bit_rate")
            said = {k: v for k, v in probe["streams"][0].items() if k in keep}
            said["side"] = [s for f in probe.get("frames", []) for s in f.get("side_data_list", [])]
            print(f"{name}: config {len(config)}, frame {len(frames[0])}: {json.dumps(said)}")


main()
