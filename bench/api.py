"""The API and its live pages with many streams: what requests take, and what they cost the server.

What belongs here: asking, and the figures of one measurement. What must not: starting servers. A token
is made at the server's data directory, as its operator would.
"""
import http.client
import json
import os
import socket
import subprocess
import threading
import time
import urllib.parse

from servers import API_PORT, MANYCAST, clean_env

REST = 4  # seconds without anybody, and with open pages
PAGES = 10  # pages that are open
LISTS = 40  # requests a second: a page of 200 streams, a page of 200 destinations, one stream, in turn
EDITS = 2  # switches of a destination a second
TICKS = os.sysconf("SC_CLK_TCK")


class Client:
    """One connection that is kept, and begun anew when the server ended it."""

    def __init__(self, token):
        self.head = {"Authorization": "Bearer " + token}
        self.http = None

    def begin(self, method, path):
        if self.http is None:
            self.http = http.client.HTTPConnection("127.0.0.1", API_PORT, timeout=20)
        self.http.request(method, "/api/v1/" + path, headers=self.head)
        return self.http.getresponse()

    def ask(self, method, path):
        """The body of an answer of 2xx, and how long it took in ms."""
        began = time.monotonic()
        try:
            answer = self.begin(method, path)
        except http.client.RemoteDisconnected:  # it ends connections that nobody used for a while
            self.http, began = None, time.monotonic()
            answer = self.begin(method, path)
        body = answer.read()
        took = (time.monotonic() - began) * 1000
        if answer.status >= 300:
            raise OSError("%s %s: %d %s" % (method, path, answer.status, body[:200]))
        if answer.getheader("Connection") == "close":
            self.http.close()
            self.http = None
        return json.loads(body) if body else None, took


class Page(threading.Thread):
    """Reads live updates as a browser does; notes when each picture of all streams was there."""

    def __init__(self, token):
        super().__init__(daemon=True)
        self.socket = socket.create_connection(("127.0.0.1", API_PORT), timeout=30)
        head = "GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n\r\n"
        self.socket.sendall((head % (API_PORT, token)).encode())
        self.came = []
        self.start()

    def run(self):
        # a message is a megabyte here: it is searched, not parsed, so that reading takes no time
        marks, tail, at = (b"event: streams\n", b"\n\n"), b"", 0
        try:
            while piece := self.socket.recv(1 << 20):
                tail += piece
                while (found := tail.find(marks[at])) >= 0:
                    tail = tail[found + len(marks[at]):]
                    if at == 1:
                        self.came.append(time.monotonic())
                    at = 1 - at
                tail = tail[-len(marks[at]):]
        except OSError:
            pass  # it was closed

    def close(self):
        self.socket.close()

    def after(self, when):
        """When the first picture of all streams came after a moment."""
        return next((at for at in list(self.came) if at > when), None)


def cpu(pids):
    """CPU seconds that the processes used so far."""
    total = 0
    for pid in pids:
        with open("/proc/%d/stat" % pid) as f:
            total += sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13]))
    return total / TICKS


def rss_kb(pids):
    with open("/proc/%d/status" % pids[0]) as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def spent(pids, seconds):
    """Cores in use over a time."""
    before, began = cpu(pids), time.monotonic()
    time.sleep(seconds)
    return (cpu(pids) - before) / (time.monotonic() - began)


def times(values):
    values = sorted(values)
    at = lambda q: values[min(int(len(values) * q), len(values) - 1)] if values else 0.0
    return dict(n=len(values), p50=at(0.5), p99=at(0.99), max=at(1.0))


def token(data):
    argv = [MANYCAST, "token", "create", "--role", "owner", "--data-dir", data, "--json"]
    said = subprocess.run(argv, env=clean_env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20)
    try:
        return json.loads(said.stdout)["token"]
    except (ValueError, KeyError):
        raise OSError("no token: " + said.stderr.decode(errors="replace")[-300:])


def everything(client, what):
    """All items of a list, page by page."""
    items, after = [], ""
    while after is not None:
        page, _ = client.ask("GET", what + "?limit=200" + ("&after=" + urllib.parse.quote(after, safe="") if after else ""))
        items += page["items"]
        after = page["next"]
    return items


def work(client, page, destinations, seconds):
    """Lists and switches for so long; what each took, and until a page showed it."""
    lists, edits, told = [], [], []
    paths = ["streams?limit=200", "destinations?limit=200", "streams/" + destinations[0]["stream"]]
    end, turn = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        next_at = time.monotonic() + 1 / LISTS
        lists.append(client.ask("GET", paths[turn % len(paths)])[1])
        if turn % (LISTS // EDITS) == 0:
            one = destinations[(turn * 37) % len(destinations)]
            verb = "disable" if one["enabled"] else "enable"
            one["enabled"] = not one["enabled"]
            asked = time.monotonic()
            path = "streams/%s/destinations/%s/%s" % (one["stream"], urllib.parse.quote(one["id"]), verb)
            edits.append(client.ask("POST", path)[1])
            told.append(asked)
        turn += 1
        time.sleep(max(0, next_at - time.monotonic()))
    time.sleep(2.5)
    shown = [(page.after(asked), asked) for asked in told]
    return lists, edits, [(at - asked) * 1000 for at, asked in shown if at], sum(1 for at, _ in shown if not at)


def measure(pids, data, count, seconds):
    """One measurement: the server alone, with open pages, and with work."""
    key = token(data)
    client = Client(key)
    streams, destinations = everything(client, "streams"), everything(client, "destinations")
    if (len(streams), len(destinations)) != (count, 5 * count):
        raise OSError("%d streams and %d destinations are listed" % (len(streams), len(destinations)))
    row = dict(rss_start_kb=rss_kb(pids), alone_cores=spent(pids, REST))
    pages = [Page(key) for _ in range(PAGES)]
    time.sleep(2)
    row["page_cores"] = (spent(pids, REST) - row["alone_cores"]) / PAGES
    before, began = cpu(pids), time.monotonic()
    lists, edits, told, lost = work(client, pages[0], destinations, seconds)
    row.update(cpu_s=cpu(pids) - before, window_s=time.monotonic() - began, rss_peak_kb=rss_kb(pids))
    row.update(list_ms=times(lists), edit_ms=times(edits), told_ms=times(told), lost=lost)
    for one in pages:
        one.close()
    return row
