"""What is measured: the suites, and the order of their measurements.

What belongs here: counts, times and arguments, as data. What must not: processes, or arithmetic on
what came out. A `Case` is one measurement; a group is the cases that are compared with each other,
which run next to each other, each run beginning with another of them.
"""
from dataclasses import dataclass, field

FLOOR = "floor"
FLOOR_4 = "floor, 4 pictures"
FLOOR_TOLD = "floor, spoken to"  # by its subscribers, as a server is
PLAIN = "plain"  # the forms that Enhanced ones are held against
ONE_TRACK = "one track"
RATE = 800  # joins per second while the viewers of a stream gather
READERS = 20  # viewers that read every picture
RELAY = ("relay",)  # how the floor of many streams works: from one socket to another
QUICK_SECONDS = 112  # of `--quick`, without building

# suite, what it is; the order of the report
TITLES = {
    "p1-viewers": "One stream of 2.5 Mbit/s to N viewers",
    "p1-merged-50": "The same with writes merged for 50 ms",
    "p1-merged-100": "The same with writes merged for 100 ms",
    "p1-low": "One stream of 400 kbit/s to N viewers",
    "p3-streams": "N streams with one viewer each",
    "p4-push": "One stream to N RTMP destinations",
    "p4-tls": "One stream to N RTMPS destinations",
    "p5-quiet": "Joins to a quiet server, 40 a second, until the first picture",
    "p5-picture": "N viewers that join without pause, until the first picture",
    "p5-start": "N viewers that join without pause, until Play.Start",
    "p6-rest": "The server at rest",
    "p6-viewers": "N viewers of a stream that sends nothing",
    "p6-publishers": "N publishers that send nothing",
    "p6-stalled": "N viewers that stop reading after their first picture, beside 20 that read",
    "p7-viewers": "One Enhanced stream (hvc1, Opus) to N viewers, beside a plain one of the same sizes",
    "p7-streams": "N Enhanced streams with one viewer each, beside plain ones of the same sizes",
    "p7-tracks": "Six video tracks in one connection to N viewers of all, beside one track",
    "p8-api": "N streams with five destinations each: the API, and pages that are open",
}


@dataclass(frozen=True)
class Case:
    """One measurement. `args` are the load tool's, `floor` those of its floor."""

    suite: str
    server: str
    n: int
    args: tuple
    seconds: float
    floor: tuple = ()
    merge_ms: int = 0
    destinations: int = 0
    tls: bool = False
    streams: int = 0  # in the file, for the API
    clip: str = "2350k"
    form: str = ""  # what is published, if it is compared with another form at the same server
    takes: int = field(default=0)  # open files that each side needs

    @property
    def label(self):
        """The server, and what it was given if that is not what the suite is about."""
        return "%s, %s" % (self.server, self.form) if self.form else self.server


def case(suite, server, n, args, **more):
    """A case with its length and its needs worked out from the arguments."""
    given = dict(zip(args[::2], args[1::2]))
    people = sum(given.get(k, 0) for k in ("--subs", "--raw-subs", "--pubs", "--churn"))
    joining = people / given.get("--rate", 400)
    times = sum(given.get(k, 0) for k in ("--warm", "--settle", "--time"))
    if server == "nginx" and "--subs" in given and given.get("--goal") != "status":
        times += 2  # its viewers wait for the next key picture
    publishing = 0 if "--raw-subs" in given else 0.3
    takes = max(people, given.get("--sinks", 0)) + 200
    return Case(suite, server, n, tuple(args), 1.5 + publishing + joining + times, takes=takes, **more)


class Plan:
    """The groups of one run, for the servers and sizes that were asked for."""

    def __init__(self, servers, sizes, window, quick=False):
        self.servers = servers
        self.sizes = sizes
        self.window = window
        self.quick = quick

    def groups(self):
        parts = self.quick_parts() if self.quick else self.parts()
        return [group for part in parts for group in part if group]

    def parts(self):
        return [
            [self.viewers(n) for n in self.sizes],
            [self.merged(1000, ms) for ms in (50, 100)],
            [self.low(n) for n in (1000, 4000)],
            [self.streams(n) for n in (50, 100, 200)],
            [self.push(n) for n in (10, 25, 50)],
            [self.push_tls(50)],
            [self.quiet(self.servers), self.joins("p5-picture", "frame", self.servers)],
            [self.joins("p5-start", "status", self.servers)],
            [self.rest(), self.idle_viewers(), self.idle_publishers(), self.stalled()],
            [self.enhanced("p7-viewers", 1, 200), self.enhanced("p7-streams", 100, 100), self.tracks(50)],
            [self.api(500)],
        ]

    def quick_parts(self):
        """Most wanted first: what does not fit into the time is left out, and said so."""
        own = [s for s in self.servers if s == "manycast"]
        return [
            [self.viewers(n)[:-1] for n in self.sizes],
            [self.push(50), self.push_tls(50)],
            [self.quiet(own), self.joins("p5-picture", "frame", own), self.rest()],
            [self.merged(500, 100)],
        ]

    def floor(self, suite, n, sockets, how=("--batch", 1), told=False, **more):
        """The bare loop, to as many sockets, read in the same way."""
        args = ["--raw-subs", n] + sockets + ["--time", self.window] + (["--raw-says", 1] if told else [])
        label = FLOOR_4 if how == ("--batch", 4) else FLOOR_TOLD if told else FLOOR
        return case(suite, label, n, args, floor=tuple(how), **more)

    def crowd(self):
        return ["--settle", 1, "--rate", RATE, "--probes", READERS]

    def fan_out(self, suite, n, servers, floors, **more):
        args = ["--subs", n, "--warm", 2] + self.crowd() + ["--time", self.window]
        group = [case(suite, s, n, args, **more) for s in servers]
        return group + [self.floor(suite, n, self.crowd(), how, **more) for how in floors]

    def viewers(self, n):
        return self.fan_out("p1-viewers", n, self.servers, [("--batch", 1), ("--batch", 4)])

    def merged(self, n, ms):
        own = [s for s in self.servers if s == "manycast"]
        suite = "p1-merged-%d" % ms
        return self.fan_out(suite, n, own, [("--merge-ms", ms)], merge_ms=ms)

    def low(self, n):
        group = self.fan_out("p1-low", n, self.servers, [("--batch", 1)], clip="336k")
        return group + [self.floor("p1-low", n, self.crowd(), told=True, clip="336k")]

    def streams(self, n):
        args = ["--pubs", n, "--subs", n, "--warm", 2] + self.crowd() + ["--time", self.window]
        servers = self.servers if n == 200 else [s for s in self.servers if s == "manycast"]
        group = [case("p3-streams", s, n, args) for s in servers]
        # its subscribers say a byte, as players do: it is no floor of theirs otherwise
        bare = ["--pubs", n] + self.crowd() + ["--raw-says", 1]
        return group + ([self.floor("p3-streams", n, bare, RELAY)] if n == 200 else [])

    def push(self, n):
        servers = self.servers if n == 50 else [s for s in self.servers if s == "manycast"]
        return self.pushed("p4-push", n, servers, ("--batch", 1), False)

    def push_tls(self, n):
        own = [s for s in self.servers if s == "manycast"]
        return self.pushed("p4-tls", n, own, ("--batch", 1, "--mode", "tls"), True)

    def pushed(self, suite, n, servers, how, tls):
        args = ["--sinks", n, "--warm", 4, "--settle", 1, "--time", self.window]
        more = dict(tls=tls)
        group = [case(suite, s, n, args, destinations=n, **more) for s in servers if s != "nginx-64k"]
        # destinations read every picture, so the floor's sockets do
        sockets = ["--settle", 1, "--rate", RATE, "--probes", n]
        return group + [self.floor(suite, n, sockets, how, **more)]

    def own(self):
        return [s for s in self.servers if s == "manycast"]

    def watched(self, suite, n, pubs, forms):
        """One suite per form of the same clip: its name, and the load tool's words for it."""
        args = ["--pubs", pubs, "--subs", n, "--warm", 2] + self.crowd() + ["--time", self.window]
        return [case(suite, s, n, args + how, form=form) for s in self.own() for form, how in forms]

    def enhanced(self, suite, pubs, n):
        return self.watched(suite, n, pubs, [("", ["--form", "enhanced"]), (PLAIN, ["--form", "plain"])])

    def tracks(self, n):
        all_of = lambda count: ["--form", count, "--ask", "?tracks=all"]
        return self.watched("p7-tracks", n, 1, [("", all_of(6)), (ONE_TRACK, all_of(1))])

    def api(self, n):
        return [Case("p8-api", s, n, (), 24 + self.window, streams=n, takes=200) for s in self.own()]

    def quiet(self, servers):
        args = ["--subs", 60, "--rate", 40, "--probes", 60, "--warm", 3, "--settle", 0, "--time", 1]
        return [case("p5-quiet", s, 60, args) for s in servers]

    def joins(self, suite, goal, servers):
        args = ["--churn", 100, "--goal", goal, "--warm", 3, "--settle", 1, "--time", 3]
        return [case(suite, s, 100, args) for s in servers]

    def rest(self):
        args = ["--pubs", 0, "--settle", 1, "--time", 2]
        return [case("p6-rest", s, 0, args) for s in self.servers]

    def idle_viewers(self):
        args = ["--subs", 1000, "--goal", "status", "--pubs", 1, "--idle-pubs", 1]
        args += ["--rate", RATE, "--warm", 1, "--settle", 1, "--time", 3]
        return [case("p6-viewers", s, 1000, args) for s in self.servers]

    def idle_publishers(self):
        args = ["--pubs", 1000, "--idle-pubs", 1, "--warm", 1, "--settle", 1, "--time", 3]
        return [case("p6-publishers", s, 1000, args) for s in self.servers]

    def stalled(self):
        """Long enough for a server to let go of those who take nothing for 15 s."""
        args = ["--subs", 1000 + READERS, "--stall", 1, "--warm", 8] + self.crowd() + ["--time", 22]
        return [case("p6-stalled", s, 1000, args) for s in self.servers]


def wanted(group, names):
    """The group is asked for by the name of its suite or a beginning of it: p1, p1-merged."""
    suite = group[0].suite
    return not names or any(suite == x or suite.startswith(x + "-") for x in names)


def turned(group, rep):
    """Each run begins with another case, so that what drifts meets all of them."""
    k = rep % len(group)
    return group[k:] + group[:k]
