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

from suites import RELAY

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
LOAD = os.path.join(HERE, "rtmp-load", "target", "release", "rtmp-load")
MANYCAST = os.path.join(ROOT, "target", "release", "manycast")

# destinations are accepted at one port of these addresses
SINKS = ["127.0.1.%d" % (i + 1) for i in range(50)]
SINK_PORT = {False: 1950, True: 1951}
# what the publisher of a pushed stream sends as its key: the prefix, and the number of the stream
PUSH_PREFIX = "sk_bench_"

# dashboard and API of a server with many streams
API_PORT = 18081

# where publishers come to the floor of many streams
RELAY_PORT = 19348

PORTS = {"manycast": 19350, "nginx": 19351, "nginx-64k": 19356, "floor": 19349}


def sinks(count, tls=False):
    return ["%s:%d" % (host, SINK_PORT[tls]) for host in SINKS[:count]]


def many_streams(count):
    """Streams with five destinations each, as a file has them; nobody sends."""
    text = ""
    for i in range(count):
        text += '[[stream]]\nname = "stream-%03d"\nkey = "%s%03d"\n' % (i, PUSH_PREFIX, i)
        for d in range(5):
            text += '[[stream.destination]]\nname = "place %d"\nurl = "rtmp://127.0.0.1:9/live"\nkey = "s%d"\n' % (d, d)
    return text


def manycast_config(destinations=0, tls=False, merge_ms=0, certificates="", streams=0):
    text = """[rtmp]
listen = "127.0.0.1:%d"
open = true
""" % PORTS["manycast"]
    if merge_ms:
        text += 'merge = "%dms"\n' % merge_ms
    text += """[http]
listen = "%s"
[https]
listen = "off"
[metrics]
listen = "127.0.0.1:18080"
""" % ("127.0.0.1:%d" % API_PORT if streams else "off")
    if streams:
        return text + many_streams(streams)
    if destinations:
        text += """[egress]
allow = ["127.0.0.0/8"]
"""
        if tls:
            text += 'ca_file = "%s/cert.pem"\n' % certificates
        text += """[[stream]]
name = "pushed"
key = "%s0"
""" % PUSH_PREFIX
    for i, sink in enumerate(sinks(destinations, tls)):
        text += """[[stream.destination]]
name = "sink %d"
url = "%s://%s/live"
key = "s0"
""" % (i + 1, "rtmps" if tls else "rtmp", sink)
    return text


def nginx_config(name, run, destinations=0):
    with open(os.path.join(HERE, "conf", name + ".conf")) as f:
        text = f.read()
    text = text.replace("@RUN@", run).replace("@RTMP_SO@", nginx_module() or "")
    return text.replace("@PUSH@", " ".join("push rtmp://%s/live;" % s for s in sinks(destinations)))


def nginx_module():
    places = ["/usr/lib/nginx/modules", "/usr/share/nginx/modules", "/usr/lib64/nginx/modules"]
    found = [p for d in places for p in glob.glob(d + "/ngx_rtmp_module.so")]
    return found[0] if found else None


def nginx_binary():
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")


def put(path, text):
    with open(path, "w") as f:
        f.write(text)
    return path


def command(case, run):
    """The command line of a server; its files are written to the folder `run`."""
    if case.server == "manycast":
        text = manycast_config(case.destinations, case.tls, case.merge_ms, run, case.streams)
        config = put(os.path.join(run, "manycast.toml"), text)
        return [MANYCAST, "serve", "--config", config, "--data-dir", os.path.join(run, "data")]
    if case.floor == RELAY:
        argv = [LOAD, "relay", "--rtmp", "127.0.0.1:%d" % PORTS["floor"], "--publishers", "127.0.0.1:%d" % RELAY_PORT]
        return argv + ["--time", str(int(case.seconds) + 60)]
    if case.floor:
        argv = [LOAD, "floor", "--flv", source(case.clip), "--rtmp", "127.0.0.1:%d" % PORTS["floor"]]
        argv += [str(x) for x in case.floor] + ["--time", str(int(case.seconds) + 60)]
        return argv + (["--tls", run] if case.tls else [])
    text = nginx_config(case.server, run, case.destinations)
    return [nginx_binary(), "-p", run, "-c", put(os.path.join(run, case.server + ".conf"), text)]


def source(clip):
    """Where the input of a bitrate is."""
    return os.path.join(ROOT, ".cache", "bench-%s.flv" % clip)


def missing(name):
    """Why a server cannot be measured here, or nothing."""
    if name == "manycast" and not os.access(MANYCAST, os.X_OK):
        return "target/release/manycast is not built (make build)"
    if name.startswith("nginx") and not (nginx_binary() and nginx_module()):
        return "nginx with its RTMP module is not installed (scripts/setup bench)"
    return None


def can_merge(run):
    """Why manycast cannot merge writes, or nothing: older ones do not know the setting."""
    config = put(os.path.join(run, "merge.toml"), manycast_config(merge_ms=50))
    argv = [MANYCAST, "check", "--config", config]
    r = subprocess.run(argv, env=clean_env(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=10)
    said = r.stdout.decode(errors="replace").strip()
    if r.returncode == 0:
        return None
    return "this manycast takes no merge in [rtmp] (%s)" % said.split(os.sep)[-1][:200]


def clean_env():
    """Without the variables that would win over the files."""
    return {k: v for k, v in os.environ.items() if not k.startswith("MANYCAST_")}


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


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 0.5).close()
        return True
    except OSError:
        return False


def is_free(port, seconds=20):
    """Nothing listens there; another bench that runs on this machine gets time to go on."""
    end = time.monotonic() + seconds
    while answers(port):
        if time.monotonic() > end:
            return False
        time.sleep(0.3)
    return True


def listens(port, process, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        if answers(port):
            return True
        time.sleep(0.1)
    return False


class Server:
    """A fresh process of a server for one measurement."""

    def __init__(self, case, run):
        name = "floor" if case.floor else case.server
        self.port = PORTS[name]
        self.process = None
        self.pids = []
        self.log_path = os.path.join(run, name + ".out")
        self.log = open(self.log_path, "wb")
        self.ok = is_free(self.port)
        if not self.ok:
            self.log.write(b"another program listens at port %d" % self.port)
            return
        self.process = subprocess.Popen(
            command(case, run),
            cwd=run,
            env=clean_env(),
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )
        self.ok = listens(self.port, self.process)
        time.sleep(0.5)
        self.pids = family(self.process.pid)

    def ended(self):
        return self.process is None or self.process.poll() is not None

    def why(self):
        """The last words of a server that did not start or did not stay."""
        self.log.flush()
        with open(self.log_path, "rb") as f:
            return f.read()[-300:].decode(errors="replace").strip()

    def stop(self):
        if self.process is None:
            return self.log.close()
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
