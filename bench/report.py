#!/usr/bin/env python3
"""Tables from the JSON lines that run.py wrote: `python3 bench/report.py FILE...`.

What belongs here: arithmetic over runs and Markdown. What must not: measuring.
"""
import json
import statistics
import sys
from collections import defaultdict

FLOOR = "floor b1"

METHOD = """\
Method. Everything ran on one machine over loopback, server and load tool side by side on the same
cores, so compare ratios inside this page and do not read the absolute figures as the capacity of a
server. The input is a 20 s FLV clip in a loop (1280x720, 30 pictures a second, x264 at 2.35 Mbit/s,
a key picture every 2 s, AAC at 128 kbit/s), published in real time with the clock and a sequence
number in each picture. Each server is a fresh process for each measurement; the servers and the
floor take turns, and the whole is repeated: a cell is the median over the runs (least - most).
CPU is the time all threads of the server spent on a core in the measured window; GB is what the
receivers took from their sockets in it. Of the viewers, 20 read every picture (latency, losses,
gaps) and the rest let the kernel discard what comes, to keep the tool cheap.
The floor is a bare loop that sends the same bytes at the same times to the same number of sockets
with no protocol: b1 one write per picture, b4 one write per four pictures (cheaper, but a picture
waits for three more). "Ratio" divides a run by the floor b1 of the same run: 1.00 is what nobody
can beat at that latency with that system call.
"""

MB = 1 / 1024.0
LATENCY = [
    ("latency p50 ms", "latency_ms.p50", 1, 1),
    ("latency p99 ms", "latency_ms.p99", 1, 1),
    ("longest gap ms", "max_gap_ms", 0, 1),
]
COST = [
    ("CPU s/GB", "cpu_s_per_gb", 3, 1),
    ("ratio", "RATIO", 2, 1),
    ("Mbit/s", "mbit_s", 0, 1),
    ("peak RSS MB", "rss_peak_kb", 1, MB),
]
LOSSES = [(k, "SUM", k, 1) for k in ("lost", "stalls", "failed", "closed")]
JOIN = [
    ("joins/s", "churn_per_s", 0, 1),
    ("CPU ms/join", "cpu_ms_per_conn", 3, 1),
    ("first picture p50 ms", "ttff_ms.p50", 1, 1),
    ("first picture p99 ms", "ttff_ms.p99", 1, 1),
    ("Play.Start p50 ms", "status_ms.p50", 1, 1),
    ("failed", "SUM", "failed", 1),
]
IDLE = [
    ("RSS before MB", "rss_start_kb", 1, MB),
    ("RSS peak MB", "rss_peak_kb", 1, MB),
    ("kB each", "EACH", 1, 1),
    ("failed", "SUM", "failed", 1),
    ("closed", "SUM", "closed", 1),
]
TTFF = [("first picture p50 ms", "ttff_ms.p50", 1, 1), ("first picture p99 ms", "ttff_ms.p99", 1, 1)]

SUITES = [
    ("p1", "One stream to N viewers over RTMP", COST + LATENCY + LOSSES + TTFF),
    ("p3", "N streams with one viewer each", COST[:1] + COST[2:] + LATENCY + LOSSES),
    (
        "p4",
        "One stream pushed to N destinations (latency and losses as the destinations see them; "
        "for the floor, N sockets that take the same bytes)",
        COST
        + [
            ("latency p50 ms", "sink_latency_ms.p50", 1, 1),
            ("latency p99 ms", "sink_latency_ms.p99", 1, 1),
            ("lost", "SUM", "sink_lost", 1),
            ("stalls", "SUM", "sink_stalls", 1),
            ("destinations", "sinks", 0, 1),
        ],
    ),
    ("p5-picture", "Joins to the first picture, N viewers that come and go", JOIN),
    ("p5-start", "Joins to Play.Start, N viewers that come and go", JOIN),
    ("p6-viewers", "Memory of N viewers of a stream that sends nothing", IDLE),
    ("p6-publishers", "Memory of N publishers that send nothing", IDLE),
]


def get(row, path):
    for key in path.split("."):
        row = row.get(key) if isinstance(row, dict) else None
        if isinstance(row, dict) and row.get("n") == 0:  # nothing was seen
            return None
    return row


def numbers(rows, path, floors):
    """One figure per run; the ratio pairs a run with the floor of the same run."""
    if path == "RATIO":
        pairs = [(r["cpu_s_per_gb"], floors.get(r["rep"])) for r in rows if "cpu_s_per_gb" in r]
        return [a / b for a, b in pairs if b]
    if path == "EACH":
        return [(r["rss_peak_kb"] - r["rss_start_kb"]) / r["n"] for r in rows]
    found = [get(r, path) for r in rows]
    return [v for v in found if isinstance(v, (int, float))]


def cell(rows, column, floors):
    _, path, digits, scale = column
    if path == "SUM":
        return str(sum(get(r, digits) or 0 for r in rows))
    values = sorted(v * scale for v in numbers(rows, path, floors))
    if not values:
        return "-"
    show = lambda v: "%.*f" % (digits, v)
    middle, least, most = show(statistics.median(values)), show(values[0]), show(values[-1])
    return middle if least == most else "%s (%s - %s)" % (middle, least, most)


def table(suite, title, columns, rows):
    mine = [r for r in rows if r["suite"] == suite]
    if not mine:
        return []
    groups = defaultdict(list)
    for r in mine:
        groups[(r["n"], r["server"])].append(r)
    floors = {}
    for r in mine:
        if r["server"] == FLOOR and "error" not in r:
            floors.setdefault(r["n"], {})[r["rep"]] = r["cpu_s_per_gb"]
    out = ["", "### %s: %s" % (suite, title), ""]
    out.append("| N | server | runs | %s |" % " | ".join(c[0] for c in columns))
    out.append("|---" * (3 + len(columns)) + "|")
    for (n, server), group in sorted(groups.items(), key=lambda kv: kv[0]):
        good = [r for r in group if "error" not in r]
        cells = [cell(good, c, floors.get(n, {})) for c in columns] if good else ["-"] * len(columns)
        out.append("| %d | %s | %d | %s |" % (n, server, len(good), " | ".join(cells)))
    for r in mine:
        if "error" in r:
            words = " ".join(str(r["error"]).split())
            out += ["", "Run %d of %s at N = %d: %s" % (r["rep"] + 1, r["server"], r["n"], words)]
    return out


def render(rows):
    """The whole page."""
    heads = [r for r in rows if r["suite"] == "machine"]
    out = ["# Bench", ""]
    for h in heads:
        out.append("%(when)s, %(cpu)s, %(cores)d cores, %(kernel)s, %(nginx)s, manycast %(commit)s, " % h
                   + "load average %.1f at the start, window %d s." % (h["load1"], h["window"]))
    out += ["", METHOD.rstrip()]
    for suite, title, columns in SUITES:
        out += table(suite, title, columns, rows)
    loads = [r["load1"] for r in rows if r["suite"] != "machine" and "load1" in r]
    if loads:
        out += ["", "Load average while measuring: %.1f - %.1f (the bench itself is part of it)."
                % (min(loads), max(loads))]
    return "\n".join(out) + "\n"


def read(paths):
    rows = []
    for path in paths:
        with open(path) as f:
            rows += [json.loads(line) for line in f if line.strip()]
    return rows


if __name__ == "__main__":
    sys.stdout.write(render(read(sys.argv[1:])))
