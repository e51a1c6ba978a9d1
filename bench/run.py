#!/usr/bin/env python3
"""Measures manycast beside nginx-rtmp and the bare-send floor of the machine. It only measures.

usage: python3 bench/run.py [--quick] [--runs N] [--suites p1,p3,p4,p5,p6] [--sizes 100,500,1000]
                            [--servers manycast,nginx] [--window SECONDS] [--out FILE.jsonl]

Suites: p1 one stream to N viewers, p3 200 streams with a viewer each, p4 one stream pushed to 50
destinations, p5 joins, p6 memory of idle peers. --quick is one run of p1 at 500 and p4, about two
minutes. Writes JSON lines, and the tables beside them as Markdown; prints the tables.

What belongs here: which measurements, in which order. Loopback only, bounded in time and count.
"""
import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time

import report
from servers import HERE, LOAD, PORTS, PUSH_PREFIX, ROOT, SINKS, Server, missing, nginx_binary

SOURCE = os.path.join(ROOT, ".cache", "bench-src.flv")
FAST = ["--settle", 1, "--rate", 800]


def clip():
    """The input, made once: 20 s of a moving test picture with noise, and a tone."""
    if os.path.exists(SOURCE):
        return
    print("bench: making the input clip", flush=True)
    os.makedirs(os.path.dirname(SOURCE), exist_ok=True)
    part = SOURCE + ".part"
    video = "-vf noise=alls=12:allf=t -c:v libx264 -preset veryfast -tune zerolatency -profile:v high"
    rate = "-b:v 2350k -maxrate 2350k -bufsize 2350k -g 60 -keyint_min 60 -sc_threshold 0 -bf 0"
    subprocess.run(
        ["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-y"]
        + ["-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30"]
        + ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", "20"]
        + (video + " " + rate + " -pix_fmt yuv420p -c:a aac -b:a 128k -ac 2 -f flv").split()
        + [part],
        check=True,
        timeout=300,
    )
    os.rename(part, SOURCE)


def first_line(argv):
    try:
        r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=10)
        return (r.stdout.decode(errors="replace").strip().splitlines() or ["unknown"])[0]
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"


def cpu_model():
    with open("/proc/cpuinfo") as f:
        names = [line.split(":", 1)[1].strip() for line in f if line.startswith("model name")]
    return names[0] if names else platform.machine()


class Bench:
    def __init__(self, options, run):
        self.o = options
        self.run = run

    def emit(self, row):
        row["load1"] = os.getloadavg()[0]
        with open(self.o.out, "a") as f:
            f.write(json.dumps(row) + "\n")

    def machine(self):
        nginx = nginx_binary()
        version = first_line([nginx, "-v"]).replace("nginx version: ", "") if nginx else "no nginx"
        commit = first_line(["git", "-C", ROOT, "describe", "--always", "--dirty"])
        row = dict(suite="machine", when=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), cpu=cpu_model())
        row.update(cores=os.cpu_count(), kernel="Linux " + platform.release(), nginx=version)
        row.update(commit=commit, window=self.o.window)
        self.emit(row)

    def load(self, port, args, pids):
        """One measurement of the load tool; its figures, or why there are none."""
        argv = [LOAD, "bench", "--flv", SOURCE, "--rtmp", "127.0.0.1:%d" % port]
        argv += ["--pid", ",".join(map(str, pids))] + [str(a) for a in args]
        if "--time" not in argv:
            argv += ["--time", str(self.o.window)]
        try:
            r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=200)
            return json.loads(r.stdout.decode().strip().splitlines()[-1])
        except subprocess.TimeoutExpired:
            return dict(error="the load tool took more than 200 s")
        except (ValueError, IndexError):
            return dict(error=r.stderr.decode(errors="replace")[-300:] or "the load tool said nothing")

    def measure(self, suite, label, n, rep, server, args):
        try:
            if server.ok:
                row = self.load(server.port, args, server.pids)
                if server.process.poll() is not None:
                    row["error"] = "the server ended by itself: " + server.why()
            else:
                row = dict(error="did not start: " + server.why())
        finally:
            server.stop()
        row.update(suite=suite, server=label, n=n, rep=rep)
        if suite == "p4" and label.startswith("floor") and "error" not in row:
            row.update(sink_latency_ms=row["latency_ms"], sink_lost=row["lost"])
            row.update(sink_stalls=row["stalls"], sinks=row["live_end"])
        self.emit(row)
        shown = ["cpu_s_per_gb", "mbit_s", "rss_peak_kb", "failed", "lost", "sinks", "churn_per_s", "error"]
        figures = " ".join("%s=%s" % (k, row[k]) for k in shown if row.get(k))
        print("bench: run %d %s N=%d %s: %s" % (rep + 1, suite, n, label, figures), flush=True)

    def server(self, suite, name, n, rep, args, push=False):
        self.measure(suite, name, n, rep, Server(name, self.run, push), args)

    def floor(self, suite, batch, n, rep):
        argv = [LOAD, "floor", "--flv", SOURCE, "--rtmp", "127.0.0.1:%d" % PORTS["floor"]]
        argv += ["--mode", "send", "--batch", str(batch), "--time", "120"]
        args = ["--raw-subs", n] + FAST
        self.measure(suite, "floor b%d" % batch, n, rep, Server("floor", self.run, floor=argv), args)

    def p1(self, rep):
        for n in self.o.sizes:
            for s in self.o.servers:
                self.server("p1", s, n, rep, ["--subs", n, "--warm", 2] + FAST)
            self.floor("p1", 1, n, rep)
            self.floor("p1", 4, n, rep)

    def p3(self, rep):
        for s in self.o.servers:
            self.server("p3", s, 200, rep, ["--pubs", 200, "--subs", 200, "--warm", 2] + FAST)

    def p4(self, rep):
        n = len(SINKS)
        args = ["--subs", 0, "--sink", SINKS[0], "--sinks", n, "--warm", 5, "--settle", 1]
        for s in self.o.servers:
            if s == "nginx-64k":
                continue
            how = ["--prefix", PUSH_PREFIX] if s == "manycast" else ["--app", "push"]
            self.server("p4", s, n, rep, args + how, push=True)
        self.floor("p4", 1, n, rep)

    def p5(self, rep):
        for suite, goal in (("p5-picture", "frame"), ("p5-start", "status")):
            for s in self.o.servers:
                args = ["--churn", 100, "--goal", goal, "--warm", 3, "--settle", 1, "--time", 3]
                self.server(suite, s, 100, rep, args)

    def p6(self, rep):
        quiet = ["--idle-pubs", 1, "--warm", 1, "--settle", 1, "--time", 3]
        for s in self.o.servers:
            self.server("p6-viewers", s, 1000, rep, ["--subs", 1000, "--goal", "status"] + quiet)
        for s in self.o.servers:
            self.server("p6-publishers", s, 1000, rep, ["--pubs", 1000] + quiet)


def options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = lambda text: [x for x in text.split(",") if x]
    p.add_argument("--quick", action="store_true")
    p.add_argument("--runs", type=int)
    p.add_argument("--suites", type=names)
    p.add_argument("--sizes", type=lambda text: [int(x) for x in names(text)])
    p.add_argument("--servers", type=names, default=["manycast", "nginx"])
    p.add_argument("--window", type=int, default=10)
    p.add_argument("--out", default=os.path.join(HERE, "out", time.strftime("%Y%m%d-%H%M%S.jsonl")))
    o = p.parse_args()
    o.runs = min(o.runs or (1 if o.quick else 3), 20)
    o.suites = o.suites or (["p1", "p4"] if o.quick else ["p1", "p3", "p4", "p5", "p6"])
    o.sizes = o.sizes or ([500] if o.quick else [100, 500, 1000])
    o.window = min(max(o.window, 2), 60)
    known = {"p1", "p3", "p4", "p5", "p6"}
    if not set(o.suites) <= known or not set(o.servers) <= set(PORTS) - {"floor"}:
        p.error("unknown suite or server")
    return o


def raise_file_limit(want=20000):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    new = want if hard == resource.RLIM_INFINITY else min(want, hard)
    if soft < new:
        resource.setrlimit(resource.RLIMIT_NOFILE, (new, hard))
    if new < 5000:
        print("bench: only %d open files are allowed here: large N will fail" % new)


def main():
    o = options()
    raise_file_limit()
    tool = os.path.join(HERE, "rtmp-load", "Cargo.toml")
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet", "--manifest-path", tool], check=True)
    clip()
    for s in list(o.servers):
        why = missing(s)
        if why:
            print("bench: without %s: %s" % (s, why))
            o.servers.remove(s)
    os.makedirs(os.path.dirname(os.path.abspath(o.out)), exist_ok=True)
    run = tempfile.mkdtemp(prefix="manycast-bench-")
    try:
        bench = Bench(o, run)
        bench.machine()
        for rep in range(o.runs):
            for suite in o.suites:
                getattr(bench, suite)(rep)
    finally:
        shutil.rmtree(run, ignore_errors=True)
    page = report.render(report.read([o.out]))
    path = os.path.splitext(o.out)[0] + ".md"
    with open(path, "w") as f:
        f.write(page)
    print()
    print(page)
    print("bench: wrote %s and %s" % (os.path.relpath(o.out), os.path.relpath(path)))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
