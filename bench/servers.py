"""Servers under measurement: how each is configured, started and ended.

What belongs here: processes and their files. What must not: what is measured, or how it is shown.
Everything listens on loopback; only processes started here are ended, each by its own pid.
"""
import glob
import os
import shutil
import signal
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
LOAD = os.path.join(HERE, "rtmp-load", "target", "release", "rtmp-load")
MANYCAST = os.path.join(ROOT, "target", "release", "manycast")

SINKS = ["127.0.1.%d:1950" % (i + 1) for i in range(50)]
# what the publisher of a pushed stream sends as its key: the prefix, and the number of the stream
PUSH_PREFIX = "sk_bench_"

PORTS = {"manycast": 19350, "nginx": 19351, "nginx-64k": 19356, "floor": 19349}


def manycast_config(push):
    text = """[rtmp]
listen = "127.0.0.1:%d"
open = true
[http]
listen = "127.0.0.1:18080"
""" % PORTS["manycast"]
    if push:
        text += """[egress]
allow = ["127.0.0.0/8"]
[[stream]]
name = "pushed"
key = "%s0"
""" % PUSH_PREFIX
        for i, sink in enumerate(SINKS):
            text += """[[stream.destination]]
name = "sink %d"
url = "rtmp://%s/live"
key = "s0"
""" % (i + 1, sink)
    return text


def nginx_module():
    places = ["/usr/lib/nginx/modules", "/usr/share/nginx/modules", "/usr/lib64/nginx/modules"]
    found = [p for d in places for p in glob.glob(d + "/ngx_rtmp_module.so")]
    return found[0] if found else None


def nginx_binary():
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")


def command(name, run, push):
    """The command line of a server; its files are written to the folder `run`."""
    if name == "manycast":
        config = os.path.join(run, "manycast.toml")
        with open(config, "w") as f:
            f.write(manycast_config(push))
        return [MANYCAST, "serve", "--config", config, "--data-dir", os.path.join(run, "data")]
    with open(os.path.join(HERE, "conf", name + ".conf")) as f:
        text = f.read()
    text = text.replace("@RUN@", run).replace("@RTMP_SO@", nginx_module())
    text = text.replace("@PUSH@", " ".join("push rtmp://%s/live;" % s for s in SINKS))
    config = os.path.join(run, name + ".conf")
    with open(config, "w") as f:
        f.write(text)
    return [nginx_binary(), "-p", run, "-c", config]


def missing(name):
    """Why a server cannot be measured here, or nothing."""
    if name == "manycast" and not os.access(MANYCAST, os.X_OK):
        return "target/release/manycast is not built: make build"
    if name.startswith("nginx") and not (nginx_binary() and nginx_module()):
        return "nginx with its RTMP module is not installed: scripts/setup bench"
    return None


def started_at(pid):
    """When a process started, in clock ticks: with the pid, its identity."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return None


def family(pid):
    """A process and its descendants."""
    out, todo = [], [pid]
    while todo:
        p = todo.pop()
        out.append(p)
        for path in glob.glob("/proc/%d/task/*/children" % p):
            try:
                with open(path) as f:
                    todo += [int(x) for x in f.read().split()]
            except OSError:
                pass
    return out


def listens(port, process, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 0.5).close()
            return True
        except OSError:
            time.sleep(0.1)
    return False


class Server:
    """A fresh process of a server for one measurement."""

    def __init__(self, name, run, push=False, floor=None):
        self.port = PORTS[name]
        self.log_path = os.path.join(run, name + ".out")
        argv = floor if floor else command(name, run, push)
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            argv, cwd=run, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log
        )
        self.ok = listens(self.port, self.process)
        time.sleep(0.5)
        self.pids = family(self.process.pid)

    def why(self):
        """The last words of a server that did not start."""
        with open(self.log_path, "rb") as f:
            return f.read()[-300:].decode(errors="replace").strip()

    def stop(self):
        known = {p: started_at(p) for p in family(self.process.pid)}
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                pass
        for pid, born in known.items():
            if born is not None and started_at(pid) == born:
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
        self.process.wait()
        self.log.close()
