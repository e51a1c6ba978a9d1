#!/usr/bin/env python3
"""The report of a bench: tables, one JSON document, one HTML file.

usage: python3 bench/report.py FILE.json|FILE.jsonl [--out BASE]

Prints the tables of what run.py measured, and with --out writes BASE.json, BASE.md and BASE.html
again. What belongs here: words and tables. What must not: measuring, arithmetic (figures.py), or
the looks of the page (page.py).
"""
import argparse
import json
import sys

import page
from figures import COLUMNS, FIGURES, document
from suites import TITLES

METHOD = [
    "Everything ran on one machine over loopback, with the servers and the load tool side by side on the same cores. Compare ratios within this "
    "page; the absolute figures are not the capacity of a server, and other load on the machine moves them.",
    "The input is a 20 s FLV clip in a loop: 1280x720, 30 pictures a second, x264 at 2.35 Mbit/s with a key picture every 2 s, AAC at 128 kbit/s "
    "(for 400 kbit/s: 640x360, 336 and 64 kbit/s). It is published in real time, with the clock and a sequence number inside each picture: delay, "
    "losses and order are read from the pictures that arrive. \"Of published\" is what arrived against what should have.",
    "The floor is a bare loop that sends the same bytes at the same times to as many sockets, with no protocol and no state per viewer: one write "
    "per picture, the audio with the next picture. \"Floor, 4 pictures\" writes four at once, which costs less and makes a picture wait for three "
    "more. In the merged suites the floor merges by the same rule as the server: at least so long between two writes to a socket. For RTMPS it is "
    "the same loop over TLS with the same library. Its sockets are read in the same way as those of the servers beside it. \"Floor, spoken to\" is "
    "the floor towards subscribers that say one byte first: to a connection on which both sides have spoken, as a player's, Linux acknowledges more "
    "often within the sender's write and less often at the reader's read, and the sender pays for it. Ratios are to the silent one. The floor "
    "of 200 streams passes on what it reads from one socket to another, in two threads, one read and one write per picture.",
    "CPU is the time that all threads of the server spent on a core in the window (schedstat, in nanoseconds); on loopback the receiving half of "
    "TCP is part of it, for the floor as well. A GB is what the receivers took from their sockets, 10^9 bytes. The ratio divides a run by the floor "
    "of the same run.",
    "Each measurement has a fresh process. Those that are compared run next to each other, each run begins with another of them, and the whole "
    "is repeated. A figure is the median of the runs (least - most); with one run there is no spread to see. A bar that only some of "
    "the runs reach is said to be reached or missed by the median. Where server and load tool together take all cores, cost and delay say who keeps "
    "up, not what a viewer costs.",
    "Of the viewers, 20 read every picture; the others let the kernel discard what comes every 10 ms, to keep the load tool cheap. Destinations, "
    "and the sockets of their floor, are read in full. Losses adds up pictures lost, gaps of more than a second, connections that failed and "
    "connections that the server closed.",
    "Memory is resident memory (VmRSS) of all processes of the server, 1 MB = 10^6 bytes; what the kernel holds in socket buffers is not in it. Per "
    "idle peer it is the growth divided by their number. nginx runs one worker with its defaults; it keeps no Gop, so its viewers wait for the next "
    "key picture.",
    "Growth: a straight line through the CPU of all runs over the count, by least squares with equal weights. \"Off the line\" is the median "
    "at a count against the line there. A line through few counts is no proof; large residuals of one sign at the ends would be a disproof.",
]


def number(value, digits):
    return "{:,.{}f}".format(value, digits)


def words(found, digits):
    """median (least - most), short where all are the same."""
    if not found:
        return "-"
    parts = [number(found[k], digits) for k in ("median", "min", "max")]
    return parts[0] if parts[1] == parts[2] else "%s (%s - %s)" % tuple(parts)


def title(figure):
    name, unit = FIGURES[figure][:2]
    return name if unit == "x" else (name + " " + unit).strip()


def limit(bar):
    text = "%s %s" % ("at least" if bar["least"] else "at most", number(bar["limit"], 0 if bar["limit"] >= 10 else 4))
    return (text.rstrip("0").rstrip(".") if "." in text else text) + (" " + bar["unit"] if bar["unit"] else "")


def suite_table(suite, entries):
    """Head and lines of one suite; columns that nobody has a figure for are left out."""
    mine = [e for e in entries if e["suite"] == suite]
    columns = [c for c in COLUMNS[suite] if any(c in e["figures"] for e in mine)]
    head = ["N", "server", "runs"] + [title(c) for c in columns]
    lines = [
        [number(e["n"], 0), e["server"], str(e["runs"])] + [words(e["figures"].get(c), FIGURES[c][2]) for c in columns]
        for e in mine
    ]
    return head, lines


def bar_table(bars):
    head = ["what", "limit", "measured", "verdict"]
    lines = []
    for b in bars:
        lines.append([b["what"], limit(b), words(b["found"], FIGURES[b["figure"]][2]), b["verdict"]])
    return head, lines


def growth_table(lines):
    head = ["suite", "server", "each adds", "fixed part", "r squared", "off the line at N"]
    out = []
    for g in lines:
        off = ", ".join("%s: %+.1f %%" % (number(r["n"], 0), r["off"] * 100) for r in g["residuals"])
        each = "%.3f ms CPU a second per %s" % (g["slope"] * 1000, g["what"])
        out.append([g["suite"], g["server"], each, "%.1f ms" % (g["base"] * 1000), "%.4f" % g["r2"], off])
    return head, out


def markdown(head, lines):
    """A table whose columns line up, so that it reads well in a terminal too."""
    cells = [[c.replace("|", "/") for c in line] for line in [head] + lines]
    widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
    rows = ["| " + " | ".join(c.ljust(w) for c, w in zip(line, widths)) + " |" for line in cells]
    return [rows[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|"] + rows[1:]


def machine_lines(doc):
    m = doc["machine"]
    if not m:
        return []
    v, o = m.get("versions", {}), m.get("options", {})
    memory = " with %.0f GB" % (m["memory_mb"] / 1024) if "memory_mb" in m else ""
    out = ["%s: %s, %d cores%s, %s." % (m["when"], m["cpu"], m["cores"], memory, m["kernel"])]
    out.append("manycast %s; nginx %s; input by ffmpeg %s." % (v.get("manycast"), v.get("nginx"), v.get("ffmpeg")))
    runs = "%d runs" % o["runs"] if o.get("runs") != 1 else "One run: nothing here says how much the figures vary"
    out.append("%s. Window %d s, %d open files." % (runs, o.get("window", 0), m.get("open_files", 0)))
    if doc["load"]:
        load = (doc["load"]["min"], doc["load"]["max"])
        out.append("Load average while measuring: %.1f - %.1f (the bench is part of it)." % load)
    return out


def troubles(doc):
    """What failed and what was left out, one sentence each."""
    out = []
    for e in doc["summary"]:
        for bad in e["errors"]:
            out.append("Run %d of %s in %s at N = %s failed: %s" % (bad["run"], e["server"], e["suite"], e["n"], bad["why"]))
    for s in doc["skipped"]:
        at = " at N = %d" % s["n"] if s["n"] else ""
        out.append("Left out: %s%s, because %s." % (s["what"], at, s["why"].rstrip(".")))
    return out


def tables(doc):
    """The page as Markdown."""
    out = ["# Bench", ""] + machine_lines(doc)
    measured = [b for b in doc["bars"] if b["found"]]
    if measured:
        out += ["", "## What is to be reached", ""] + markdown(*bar_table(measured))
    for suite, text in TITLES.items():
        head, lines = suite_table(suite, doc["summary"])
        if lines:
            out += ["", "## %s: %s" % (suite, text), ""] + markdown(head, lines)
    if doc["growth"]:
        out += ["", "## Growth", ""] + markdown(*growth_table(doc["growth"]))
    if troubles(doc):
        out += ["", "## Failed or left out", ""] + ["- " + t for t in troubles(doc)]
    return "\n".join(out + ["", "## Method", ""] + ["- " + m for m in METHOD]) + "\n"


def write(rows, base):
    """Writes the three files; returns the tables."""
    doc = document(rows)
    doc["method"] = METHOD
    text = tables(doc)
    pages = {".json": json.dumps(doc, indent=1) + "\n", ".md": text, ".html": page.render(doc)}
    for end, content in pages.items():
        with open(base + end, "w") as f:
            f.write(content)
    return text


def read(path):
    """The rows of a document, or of the journal of a run that was interrupted."""
    with open(path) as f:
        if path.endswith(".jsonl"):
            return [json.loads(line) for line in f if line.strip()]
        return json.load(f)["rows"]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("file")
    p.add_argument("--out", help="write BASE.json, BASE.md and BASE.html")
    o = p.parse_args()
    rows = read(o.file)
    print(write(rows, o.out) if o.out else tables(document(rows)))


if __name__ == "__main__":
    sys.exit(main())
