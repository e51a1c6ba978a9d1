#!/usr/bin/env python3
"""Measures manycast beside nginx-rtmp and the bare-send floor of the machine. It only measures.

usage: python3 bench/run.py [--quick] [--runs N] [--suites p1,p4-tls] [--sizes 100,500,1000,2000]
                            [--servers manycast,nginx] [--window SECONDS] [--out FILE.json] [--list]

Suites are named by a beginning of their name: p1 (viewers, merged, low), p3 (streams), p4 (push,
tls), p5 (joins), p6 (memory), p7 (Enhanced RTMP), p8 (API); --list shows all. --quick is one run of the most important ones
planned for two minutes. Prints tables; writes one JSON document, and a Markdown and an HTML report.

What belongs here: options, and running one measurement after the other. What must not: what is
measured (suites.py), or arithmetic (figures.py). Loopback only, bounded in time and count.
"""
import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time

import api
import machine
import report
from servers import HERE, LOAD, PORTS, PUSH_PREFIX, RELAY_PORT, Server, can_merge, missing, sinks, source
from suites import QUICK_SECONDS, RELAY, TITLES, Plan, turned, wanted

SPARE_FILES = 300


def say(text):
    print("bench: " + text, flush=True)


def stop(text):
    say(text)
    sys.exit(1)


def make_clip(rate):
    """An input, made once: 20 s of a moving test picture with noise, and a tone."""
    path = source(rate)
    if os.path.exists(path):
        return
    if not shutil.which("ffmpeg"):
        stop("ffmpeg is not installed, and the input clip is not there yet: scripts/setup bench")
    say("making the input clip of %s" % rate)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    part = path + ".part"
    small = rate != "2350k"
    video = "-vf noise=alls=12:allf=t -c:v libx264 -preset veryfast -tune zerolatency -profile:v high"
    bits = "-b:v %s -maxrate %s -bufsize %s -g 60 -keyint_min 60 -sc_threshold 0 -bf 0" % (rate, rate, rate)
    sound = "-c:a aac -b:a %s -ac 2 -f flv" % ("64k" if small else "128k")
    subprocess.run(
        ["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-y", "-f", "lavfi", "-i"]
        + ["testsrc2=size=%s:rate=30" % ("640x360" if small else "1280x720")]
        + ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", "20"]
        + (video + " " + bits + " -pix_fmt yuv420p " + sound).split()
        + [part],
        check=True,
        timeout=300,
    )
    os.rename(part, path)


class Bench:
    """Runs cases and keeps a journal, so that what was measured outlives an interruption."""

    def __init__(self, journal, run):
        self.journal = journal
        self.run = run
        self.rows = []

    def emit(self, row):
        row["load1"] = os.getloadavg()[0]
        self.rows.append(row)
        with open(self.journal, "a") as f:
            f.write(json.dumps(row) + "\n")

    def skip(self, suite, n, why):
        say("without %s%s: %s" % (suite, " at N = %d" % n if n else "", why))
        self.emit(dict(suite="skipped", what=suite, n=n, why=why))

    def load(self, case, server):
        """One measurement of the load tool; its figures, or why there are none."""
        argv = [LOAD, "bench", "--flv", source(case.clip), "--rtmp", "127.0.0.1:%d" % server.port]
        argv += ["--pid", ",".join(map(str, server.pids))] + [str(a) for a in case.args]
        if case.tls:
            argv += ["--tls", self.run]
        if case.floor == RELAY:
            argv += ["--relay", "127.0.0.1:%d" % RELAY_PORT]
        if case.destinations:
            argv += ["--sink", sinks(1, case.tls)[0]]
            argv += ["--prefix", PUSH_PREFIX] if case.server == "manycast" else ["--app", "push"]
        limit = case.seconds + 60
        try:
            r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=limit)
            return json.loads(r.stdout.decode().strip().splitlines()[-1])
        except subprocess.TimeoutExpired:
            return dict(error="the load tool took more than %d s" % limit)
        except (ValueError, IndexError):
            return dict(error=r.stderr.decode(errors="replace")[-300:] or "the load tool said nothing")

    def ask(self, case, server):
        """One measurement of the API; its figures, or why there are none."""
        try:
            seconds = case.seconds - 24
            return api.measure(server.pids, os.path.join(self.run, "data"), case.n, seconds)
        except (OSError, ValueError, KeyError, subprocess.SubprocessError, api.http.client.HTTPException) as e:
            return dict(error="%s: %s" % (type(e).__name__, e))

    def measure(self, case, rep):
        server = Server(case, self.run)
        try:
            if server.ok:
                row = self.ask(case, server) if case.streams else self.load(case, server)
                if server.ended():
                    row["error"] = "the server ended by itself: " + server.why()
            else:
                row = dict(error="did not start: " + server.why())
        finally:
            server.stop()
        row.update(suite=case.suite, server=case.label, n=case.n, rep=rep)
        self.emit(row)
        shown = ["cpu_s_per_gb", "mbit_s", "rss_peak_kb", "failed", "lost", "sinks", "churn_per_s", "error"]
        figures = " ".join("%s=%s" % (k, row[k]) for k in shown if row.get(k))
        say("run %d %s N=%d %s: %s" % (rep + 1, case.suite, case.n, case.label, figures))


def options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = lambda text: [x for x in text.split(",") if x]
    p.add_argument("--quick", action="store_true", help="one run, planned for two minutes")
    p.add_argument("--runs", type=int, help="how often all of it (3)")
    p.add_argument("--suites", type=names, default=[])
    p.add_argument("--sizes", type=lambda text: [int(x) for x in names(text)], help="viewers in p1-viewers")
    p.add_argument("--servers", type=names, default=["manycast", "nginx"], help="also: nginx-64k")
    p.add_argument("--window", type=int, help="seconds that are measured (8)")
    p.add_argument("--out", default=os.path.join(HERE, "out", time.strftime("%Y%m%d-%H%M%S.json")))
    p.add_argument("--list", action="store_true", help="show what would be measured, and how long it takes")
    o = p.parse_args()
    o.runs = min(max(o.runs or (1 if o.quick else 3), 1), 20)
    o.sizes = [min(max(n, 1), 4000) for n in o.sizes or ([500] if o.quick else [100, 500, 1000])]
    o.window = min(max(o.window or (4 if o.quick else 8), 2), 60)
    if not set(o.servers) <= set(PORTS) - {"floor"}:
        p.error("unknown server; known are manycast, nginx and nginx-64k")
    if any(not any(t == s or t.startswith(s + "-") for t in TITLES) for s in o.suites):
        p.error("unknown suite; known are " + ", ".join(TITLES))
    return o


def open_files(want):
    """Raise the limit of open files as far as it goes; returns it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < want:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (want, want))
            return want
        except (ValueError, OSError):
            want = hard
    if soft < want:
        resource.setrlimit(resource.RLIMIT_NOFILE, (want, hard))
    return max(soft, want)


def fitting(groups, bench, files):
    """The groups that this machine and this server can run; says what is left out, and why."""
    no_merge = None
    if any(c.merge_ms for g in groups for c in g):
        no_merge = can_merge(bench.run)
    fit = []
    for group in groups:
        suite, n, need = group[0].suite, group[0].n, max(c.takes for c in group) + SPARE_FILES
        if any(c.merge_ms for c in group) and no_merge:
            bench.skip(suite, n, no_merge)
        elif need > files:
            why = "it takes %d open files and %d are allowed (ulimit -n)" % (need, files)
            bench.skip(suite, n, why)
        else:
            fit.append(group)
    return fit


def build():
    if not shutil.which("cargo"):
        stop("cargo is not in PATH: run `make bench`, or scripts/setup build")
    tool = os.path.join(HERE, "rtmp-load", "Cargo.toml")
    argv = ["cargo", "build", "--release", "--locked", "--quiet", "--manifest-path", tool]
    if subprocess.run(argv).returncode != 0:
        stop("the load tool could not be built")


def run_all(o, groups, journal, run):
    subprocess.run([LOAD, "cert", "--dir", run], check=True, timeout=20)
    for clip in sorted({c.clip for g in groups for c in g}):
        make_clip(clip)
    deadline = time.monotonic() + QUICK_SECONDS if o.quick else None
    bench = Bench(journal, run)
    files = open_files(max(c.takes for g in groups for c in g) + SPARE_FILES)
    bench.emit(machine.describe(o, files))
    groups = fitting(groups, bench, files)
    try:
        for rep in range(o.runs):
            for group in groups:
                if deadline and time.monotonic() + sum(c.seconds for c in group) > deadline:
                    bench.skip(group[0].suite, group[0].n, "no time was left in the two minutes")
                    continue
                for case in turned(group, rep):
                    bench.measure(case, rep)
    except KeyboardInterrupt:
        bench.skip("the rest", 0, "it was interrupted")
    return bench.rows


def main():
    o = options()
    groups = [g for g in Plan(o.servers, o.sizes, o.window, o.quick).groups() if wanted(g, o.suites)]
    seconds = o.runs * sum(c.seconds for g in groups for c in g)
    if o.list:
        for c in (c for g in groups for c in g):
            print("%-14s N=%-5d %-19s %4.0f s" % (c.suite, c.n, c.label, c.seconds))
    if not groups:
        stop("nothing to measure: no suite of that name here")
    length = "%.0f minutes" % (seconds / 60) if seconds > 150 else "%.0f seconds" % seconds
    runs = "%d runs" % o.runs if o.runs > 1 else "one run"
    say("%s of %d measurements, about %s" % (runs, sum(map(len, groups)), length))
    if o.list:
        return 0
    for why in filter(None, map(missing, o.servers)):
        stop(why)
    build()
    base = os.path.splitext(os.path.abspath(o.out))[0]
    os.makedirs(os.path.dirname(base), exist_ok=True)
    run = tempfile.mkdtemp(prefix="manycast-bench-")
    try:
        rows = run_all(o, groups, base + ".jsonl", run)
    finally:
        shutil.rmtree(run, ignore_errors=True)
    print()
    print(report.write(rows, base))
    os.remove(base + ".jsonl")
    names = ", ".join(os.path.relpath(base + x) for x in (".json", ".md", ".html"))
    say("wrote " + names)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
