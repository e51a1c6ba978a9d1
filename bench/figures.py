"""The arithmetic of the report: figures per run, ratios within a run, medians, growth, bars.

What belongs here: numbers from rows. What must not: measuring, or how numbers are shown. A row is
what the load tool printed plus suite, server, n and rep. A figure that a row does not have is None,
never 0: a histogram without entries, a run without its floor.
"""
import statistics
from collections import defaultdict
from dataclasses import dataclass

from suites import FLOOR, ONE_TRACK, PLAIN, TITLES

WINDOW_MB = 24 * 1024 * 1024 / 1e6  # limits.window_bytes, as shipped
KB = 1024 / 1000.0  # /proc counts in 1024 bytes


def get(row, path):
    """A value by its path; None where it is missing, or of a histogram that saw nothing."""
    for key in path.split("."):
        row = row.get(key) if isinstance(row, dict) else None
        if isinstance(row, dict) and row.get("n") == 0:
            return None
    return row if isinstance(row, (int, float)) else None


def delay(row, quantile):
    """Of viewers, or of destinations where there are some."""
    at_sink = get(row, "sink_latency_ms." + quantile)
    return at_sink if at_sink is not None else get(row, "latency_ms." + quantile)


def over(a, b):
    return a / b if a is not None and b else None


def minus(a, b):
    return a - b if a is not None and b is not None else None


def cores(row):
    return over(get(row, "cpu_s"), get(row, "window_s"))


def each_kb(row):
    """Memory per idle peer; the base of viewers is the server with their publisher."""
    base = "rss_start_kb" if row["suite"] == "p6-publishers" else "rss_pub_kb"
    grown = over(minus(get(row, "rss_peak_kb"), get(row, base)), row["n"])
    return grown * KB if grown is not None else None


def grown_mb(row):
    grown = minus(get(row, "rss_peak_kb"), get(row, "rss_pub_kb"))
    return grown * KB / 1000 if grown is not None else None


def mb(path):
    return lambda row, _: None if get(row, path) is None else get(row, path) * KB / 1000


LOSSES = ("lost", "stalls", "failed", "closed", "sink_lost", "sink_stalls")


def losses(row):
    return sum(get(row, key) or 0 for key in LOSSES)


def delivered(row):
    """Bytes that arrived, of those that were published and had to arrive that often."""
    copies = 1 if row["suite"] == "p3-streams" else row["n"]
    published = get(row, "pub_mb")
    return over(get(row, "gb"), published * copies / 1000) if published and copies else None


def floor_of(peers):
    return peers.get(FLOOR) or {}


def nginx_of(peers):
    return peers.get("nginx") or {}


def form_of(peers, form):
    return peers.get("manycast, " + form) or {}


# name: (words, unit, digits, function of a row and of what ran beside it by server)
FIGURES = {
    "cost": ("CPU", "s/GB", 3, lambda r, _: get(r, "cpu_s_per_gb") or None),
    "ratio": ("CPU to floor", "x", 2, lambda r, p: over(get(r, "cpu_s_per_gb"), get(floor_of(p), "cpu_s_per_gb"))),
    "nginx_ratio": ("CPU to nginx", "x", 2, lambda r, p: over(get(r, "cpu_s_per_gb"), get(nginx_of(p), "cpu_s_per_gb"))),
    "plain_ratio": ("CPU to plain", "x", 2, lambda r, p: over(get(r, "cpu_s_per_gb"), get(form_of(p, PLAIN), "cpu_s_per_gb"))),
    "track_ratio": ("CPU to one track", "x", 2, lambda r, p: over(cores(r), cores(form_of(p, ONE_TRACK)))),
    "p50": ("delay p50", "ms", 1, lambda r, _: delay(r, "p50")),
    "p99": ("delay p99", "ms", 1, lambda r, _: delay(r, "p99")),
    "p50_ratio": ("p50 to floor", "x", 2, lambda r, p: over(delay(r, "p50"), delay(floor_of(p), "p50"))),
    "p99_ratio": ("p99 to floor", "x", 2, lambda r, p: over(delay(r, "p99"), delay(floor_of(p), "p99"))),
    "gap": ("longest gap", "ms", 0, lambda r, _: get(r, "max_gap_ms")),
    "rate": ("delivered", "Mbit/s", 0, lambda r, _: get(r, "mbit_s")),
    "delivered": ("of published", "x", 3, lambda r, _: delivered(r)),
    "tool": ("load tool CPU", "cores", 2, lambda r, _: over(get(r, "load_cpu_s"), get(r, "window_s"))),
    "cores": ("CPU", "cores", 3, lambda r, _: cores(r)),
    "losses": ("losses", "", 0, lambda r, _: losses(r)),
    "rss": ("memory", "MB", 1, mb("rss_peak_kb")),
    "rest": ("memory", "MB", 1, mb("rss_start_kb")),
    "each": ("memory each", "kB", 1, lambda r, _: each_kb(r)),
    "grown": ("memory added", "MB", 1, lambda r, _: grown_mb(r)),
    "first50": ("first picture p50", "ms", 1, lambda r, _: get(r, "ttff_ms.p50")),
    "first99": ("first picture p99", "ms", 1, lambda r, _: get(r, "ttff_ms.p99")),
    "start50": ("Play.Start p50", "ms", 1, lambda r, _: get(r, "status_ms.p50")),
    "start99": ("Play.Start p99", "ms", 1, lambda r, _: get(r, "status_ms.p99")),
    "join_cpu": ("CPU per join", "ms", 3, lambda r, _: get(r, "cpu_ms_per_conn") or None),
    "joins": ("joins", "/s", 0, lambda r, _: get(r, "churn_per_s")),
    "list50": ("list p50", "ms", 1, lambda r, _: get(r, "list_ms.p50")),
    "list99": ("list p99", "ms", 1, lambda r, _: get(r, "list_ms.p99")),
    "edit99": ("switch p99", "ms", 1, lambda r, _: get(r, "edit_ms.p99")),
    "told99": ("shown on a page p99", "ms", 0, lambda r, _: get(r, "told_ms.p99")),
    "alone": ("CPU alone", "cores", 3, lambda r, _: get(r, "alone_cores")),
    "page": ("CPU per open page", "cores", 4, lambda r, _: get(r, "page_cores")),
    "reset": ("let go", "", 0, lambda r, _: get(r, "reset")),
}

FAN_OUT = ["cost", "ratio", "cores", "p50", "p99", "gap", "rate", "delivered", "losses", "rss", "tool"]
PUSH = ["cost", "ratio", "cores", "p50", "p99", "rate", "delivered", "losses", "rss", "tool"]
ENHANCED = ["cost", "plain_ratio", "cores", "p50", "p99", "rate", "losses", "rss", "tool"]
COLUMNS = {
    "p1-viewers": FAN_OUT + ["first50"],
    "p1-merged-50": FAN_OUT,
    "p1-merged-100": FAN_OUT,
    "p1-low": FAN_OUT,
    "p3-streams": ["cost", "nginx_ratio", "ratio", "cores", "p50", "p99", "rate", "delivered", "losses", "rss", "tool"],
    "p4-push": PUSH,
    "p4-tls": PUSH,
    "p5-quiet": ["first50", "first99", "start50", "start99", "losses"],
    "p5-picture": ["joins", "join_cpu", "first50", "first99", "start50", "losses"],
    "p5-start": ["joins", "join_cpu", "start50", "start99", "losses"],
    "p6-rest": ["rest", "cores"],
    "p6-viewers": ["each", "rss", "losses"],
    "p6-publishers": ["each", "rss", "losses"],
    "p6-stalled": ["grown", "rss", "reset", "p50", "p99", "losses"],
    "p7-viewers": ENHANCED,
    "p7-streams": ENHANCED,
    "p7-tracks": ["cost", "track_ratio"] + ENHANCED[2:],
    "p8-api": ["list50", "list99", "edit99", "told99", "cores", "alone", "page", "rss", "losses"],
}


def spread(values):
    """Least, middle and most of the runs, and all of them."""
    found = [v for v in values if v is not None]
    if not found:
        return None
    middle = statistics.median(found)
    return dict(median=middle, min=min(found), max=max(found), values=found)


def summary(rows):
    """One entry per suite, n and server: its figures over the runs, and what went wrong."""
    beside, groups = defaultdict(dict), defaultdict(list)
    for r in rows:
        if r["suite"] not in TITLES:
            continue
        groups[(r["suite"], r["n"], r["server"])].append(r)
        if "error" not in r:
            beside[(r["suite"], r["n"], r["rep"])][r["server"]] = r
    out = []
    for (suite, n, server), group in groups.items():
        good = [r for r in group if "error" not in r]
        found = {}
        for name in FIGURES:
            at = FIGURES[name][3]
            found[name] = spread([at(r, beside[(suite, n, r["rep"])]) for r in good])
        bad = [dict(run=r["rep"] + 1, why=" ".join(str(r["error"]).split())) for r in group if "error" in r]
        figures = {k: v for k, v in found.items() if v}
        out.append(dict(suite=suite, n=n, server=server, runs=len(good), figures=figures, errors=bad))
    order = list(TITLES)
    return sorted(out, key=lambda e: (order.index(e["suite"]), e["n"], rank(e["server"]), e["server"]))


def rank(server):
    return 0 if server == "manycast" else 2 if server.startswith("floor") else 1


# suite, what grows, as a word for one of them
GROWING = [("p1-viewers", "viewer"), ("p1-low", "viewer at 400 kbit/s"), ("p3-streams", "stream"), ("p4-push", "destination")]


def fit(points):
    """Least squares of y over x with equal weights: fixed part, slope, and r squared."""
    n = len(points)
    mx, my = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    sxx = sum((x - mx) ** 2 for x, _ in points)
    slope = sum((x - mx) * (y - my) for x, y in points) / sxx
    base = my - slope * mx
    total = sum((y - my) ** 2 for _, y in points)
    rest = sum((y - base - slope * x) ** 2 for x, y in points)
    return base, slope, 1 - rest / total if total else 1.0


def growth(entries):
    """Lines through the CPU over the counts, for servers measured at three counts or more."""
    out = []
    for suite, what in GROWING:
        for server in sorted({e["server"] for e in entries if e["suite"] == suite}, key=lambda s: (rank(s), s)):
            mine = [e for e in entries if (e["suite"], e["server"]) == (suite, server) and "cores" in e["figures"]]
            if len({e["n"] for e in mine}) < 3:
                continue
            points = [(e["n"], y) for e in mine for y in e["figures"]["cores"]["values"]]
            base, slope, r2 = fit(points)
            residuals = []
            for e in mine:
                measured, line = e["figures"]["cores"]["median"], base + slope * e["n"]
                off = (measured - line) / measured if measured else 0.0
                residuals.append(dict(n=e["n"], measured=measured, line=line, off=off))
            line = dict(suite=suite, what=what, server=server, base=base, slope=slope, r2=r2)
            out.append(dict(line, points=points, residuals=residuals))
    return out


@dataclass(frozen=True)
class Bar:
    """A figure that manycast is to reach: at most `limit`, or at least."""

    what: str
    suite: str
    n: int
    figure: str
    limit: float
    least: bool = False


def fan_out_bars():
    out = []
    for suite, n, words in [
        ("p1-viewers", 100, "100 viewers"),
        ("p1-viewers", 500, "500 viewers"),
        ("p1-viewers", 1000, "1,000 viewers"),
        ("p1-low", 1000, "1,000 viewers at 400 kbit/s"),
        ("p1-low", 4000, "4,000 viewers at 400 kbit/s"),
    ]:
        out.append(Bar(words + ": CPU to the floor's", suite, n, "ratio", 1.15))
        out.append(Bar(words + ": p50 delay to the floor's", suite, n, "p50_ratio", 1.5))
        out.append(Bar(words + ": p99 delay to the floor's", suite, n, "p99_ratio", 1.5))
    for ms in (50, 100):
        words = "1,000 viewers, merged %d ms: CPU to the floor merged alike" % ms
        out.append(Bar(words, "p1-merged-%d" % ms, 1000, "ratio", 1.2))
    many = [("p1-viewers", 2000, "2,000 viewers"), ("p1-low", 4000, "4,000 viewers at 400 kbit/s")]
    for suite, n, words in many:
        out.append(Bar(words + ": stalls and losses", suite, n, "losses", 0))
        # a window may begin or end within a large picture
        out.append(Bar(words + ": bytes that arrive", suite, n, "delivered", 0.98, True))
    return out


BARS = fan_out_bars() + [
    Bar("50 RTMP destinations: CPU to the floor's", "p4-push", 50, "ratio", 1.2),
    Bar("50 RTMP destinations: p50 delay", "p4-push", 50, "p50", 5),
    Bar("50 RTMPS destinations: CPU to a bare TLS loop's", "p4-tls", 50, "ratio", 1.3),
    Bar("200 streams with a viewer each: CPU to nginx-rtmp's", "p3-streams", 200, "nginx_ratio", 0.6),
    Bar("Join to a quiet server: first picture p50", "p5-quiet", 60, "first50", 5),
    Bar("100 joining without pause: first picture p99", "p5-picture", 100, "first99", 50),
    Bar("100 joining without pause: CPU per join", "p5-picture", 100, "join_cpu", 0.15),
    Bar("Idle viewer: memory", "p6-viewers", 1000, "each", 12),
    Bar("Idle publisher beside its Window: memory", "p6-publishers", 1000, "each", 16),
    Bar("Server at rest: memory", "p6-rest", 0, "rest", 20),
    # no more than a plain one; a run differs from the next by some hundredths
    Bar("Enhanced stream to 200 viewers: CPU per GB to a plain one's", "p7-viewers", 200, "plain_ratio", 1),
    Bar("100 Enhanced streams with a viewer each: CPU per GB to plain ones'", "p7-streams", 100, "plain_ratio", 1),
    Bar("Six tracks in one connection to 50 viewers: CPU to one track's", "p7-tracks", 50, "track_ratio", 6),
    Bar("500 streams, 2,500 destinations: a list of 200, p99", "p8-api", 500, "list99", 50),
    Bar("500 streams, 2,500 destinations: until a page shows a switch, p99", "p8-api", 500, "told99", 2000),
    Bar("500 streams, 2,500 destinations: CPU of an open page without news", "p8-api", 500, "page", 0.001),
    Bar("1,000 stalled viewers: memory that they add (the bound of a Window)", "p6-stalled", 1000, "grown", WINDOW_MB),
]


def judge(bar, found):
    """A word that keeps what the runs agree on apart from what lies within their spread."""
    if found is None:
        return "not measured"
    good = lambda v: v >= bar.limit if bar.least else v <= bar.limit
    if all(map(good, found["values"])):
        return "reached"
    if not any(map(good, found["values"])):
        return "missed"
    return "reached by the median" if good(found["median"]) else "missed by the median"


def bars(entries):
    mine = {(e["suite"], e["n"]): e["figures"] for e in entries if e["server"] == "manycast"}
    out = []
    for bar in BARS:
        found = mine.get((bar.suite, bar.n), {}).get(bar.figure)
        row = dict(what=bar.what, suite=bar.suite, n=bar.n, figure=bar.figure, limit=bar.limit)
        row.update(least=bar.least, unit=FIGURES[bar.figure][1], found=found, verdict=judge(bar, found))
        out.append(row)
    return out


def document(rows):
    """Everything there is to say about a run, as one JSON document."""
    heads = [r for r in rows if r["suite"] == "machine"]
    entries = summary(rows)
    skipped = [{k: r[k] for k in ("what", "n", "why")} for r in rows if r["suite"] == "skipped"]
    return dict(
        format="manycast-bench 1",
        machine=heads[0] if heads else {},
        summary=entries,
        bars=bars(entries),
        growth=growth(entries),
        skipped=skipped,
        load=spread([r.get("load1") for r in rows if r["suite"] in TITLES]),
        rows=rows,
    )
