#!/usr/bin/env python3
"""The arithmetic and the words of the report, from fixed rows. Nothing is measured here."""
import json
import os
import re
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import figures
import page
import plot
import report
import servers
import suites


def row(server, rep, cpu, **more):
    """What the load tool prints, plus what run.py adds."""
    base = dict(suite="p1-viewers", server=server, n=500, rep=rep, cpu_s_per_gb=cpu, mbit_s=1280, load1=1.0)
    base.update(cpu_s=cpu * 0.8, window_s=5.0, rss_start_kb=8000, rss_pub_kb=9000, rss_peak_kb=20000)
    base.update(latency_ms=dict(n=9, p50=2.0, p99=4.0), max_gap_ms=40, lost=0, stalls=0, failed=0, closed=0)
    base.update(more)
    return base


MACHINE = dict(suite="machine", when="2026-01-02 03:04 UTC", cpu="A <fast> one", cores=2, kernel="Linux 1")
MACHINE.update(memory_mb=2048, open_files=20000, versions=dict(manycast="v1", nginx="1.22", ffmpeg="5"))
MACHINE.update(options=dict(runs=3, window=8), settings=dict(manycast="[rtmp]\n"))


def entry(rows, server, suite="p1-viewers", n=500):
    found = [e for e in figures.summary(rows) if (e["suite"], e["server"], e["n"]) == (suite, server, n)]
    assert len(found) == 1, found
    return found[0]


def middle(rows, server, figure, **where):
    found = entry(rows, server, **where)["figures"].get(figure)
    return found and (found["median"], found["min"], found["max"])


class Figures(unittest.TestCase):
    def test_the_ratio_pairs_a_run_with_its_own_floor(self):
        rows = [row("floor", 0, 0.5), row("floor", 1, 1.0), row("floor", 2, 2.0)]
        # written in another order than the floors
        rows += [row("manycast", 2, 2.0), row("manycast", 0, 1.0), row("manycast", 1, 1.5)]
        self.assertEqual(middle(rows, "manycast", "cost"), (1.5, 1.0, 2.0))
        self.assertEqual(middle(rows, "manycast", "ratio"), (1.5, 1.0, 2.0))
        self.assertEqual(entry(rows, "manycast")["figures"]["ratio"]["values"], [1.0, 2.0, 1.5])

    def test_a_run_without_its_floor_has_no_ratio(self):
        rows = [row("floor", 1, 0.5), row("manycast", 0, 1.0)]
        self.assertIsNone(middle(rows, "manycast", "ratio"))
        failed = [dict(suite="p1-viewers", server="floor", n=500, rep=0, error="it fell")]
        self.assertIsNone(middle(failed + [row("manycast", 0, 1.0)], "manycast", "ratio"))

    def test_a_failed_run_is_told_and_not_counted(self):
        rows = [row("nginx", 0, 1.0), dict(suite="p1-viewers", server="nginx", n=500, rep=1, error="it\nfell")]
        found = entry(rows, "nginx")
        self.assertEqual(found["runs"], 1)
        self.assertEqual(found["errors"], [dict(run=2, why="it fell")])

    def test_a_histogram_without_entries_is_no_zero(self):
        nothing = row("nginx", 0, 1.0, latency_ms=dict(n=0, p50=0.0, p99=0.0))
        self.assertIsNone(middle([nothing], "nginx", "p50"))

    def test_delay_is_that_of_destinations_where_there_are_some(self):
        pushed = row("manycast", 0, 1.0, sink_latency_ms=dict(n=5, p50=0.7, p99=3.0), latency_ms=dict(n=0))
        self.assertEqual(middle([pushed], "manycast", "p50"), (0.7, 0.7, 0.7))

    def test_delays_are_held_against_the_floor_of_the_same_run(self):
        rows = [row("floor", r, 1.0, latency_ms=dict(n=9, p50=4.0, p99=10.0 * (r + 1))) for r in (0, 1)]
        rows += [row("manycast", r, 1.0, latency_ms=dict(n=9, p50=2.0, p99=30.0)) for r in (0, 1)]
        self.assertEqual(middle(rows, "manycast", "p50_ratio"), (0.5, 0.5, 0.5))
        self.assertEqual(middle(rows, "manycast", "p99_ratio"), (2.25, 1.5, 3.0))

    def test_what_was_delivered_is_held_against_what_was_published(self):
        self.assertEqual(middle([row("nginx", 0, 1.0, gb=1.0, pub_mb=4.0)], "nginx", "delivered"), (0.5, 0.5, 0.5))
        apart = row("nginx", 0, 1.0, suite="p3-streams", gb=0.6, pub_mb=600)
        self.assertEqual(middle([apart], "nginx", "delivered", suite="p3-streams"), (1.0, 1.0, 1.0))
        self.assertIsNone(middle([row("floor", 0, 1.0, gb=1.2, pub_mb=0)], "floor", "delivered"))

    def test_a_form_is_held_against_the_other_of_the_same_run(self):
        where = dict(suite="p7-viewers", n=200)
        rows = [row("manycast, plain", r, c, **where) for r, c in ((0, 0.5), (1, 1.0))]
        rows += [row("manycast", r, c, **where) for r, c in ((1, 1.1), (0, 0.5))]
        self.assertEqual(entry(rows, "manycast", **where)["figures"]["plain_ratio"]["values"], [1.1, 1.0])
        where = dict(suite="p7-tracks", n=50)
        rows = [row("manycast, one track", 0, 1.0, cpu_s=0.5, **where), row("manycast", 0, 1.0, cpu_s=2.5, **where)]
        self.assertEqual(middle(rows, "manycast", "track_ratio", **where), (5.0, 5.0, 5.0))
        self.assertIsNone(middle(rows[1:], "manycast", "track_ratio", **where))

    def test_forms_of_a_clip_are_measured_at_the_same_server(self):
        plan = suites.Plan(["manycast", "nginx"], [], 8)
        cases = [c for group in plan.groups() for c in group if c.suite.startswith("p7-")]
        self.assertEqual({c.server for c in cases}, {"manycast"})
        labels = [c.label for c in cases]
        self.assertEqual(labels, ["manycast", "manycast, plain"] * 2 + ["manycast", "manycast, one track"])

    def test_every_kind_of_loss_adds_up(self):
        lossy = row("nginx", 0, 1.0, lost=1, stalls=2, failed=3, closed=4, sink_lost=5, sink_stalls=6)
        self.assertEqual(middle([lossy], "nginx", "losses"), (21, 21, 21))

    def test_memory_is_per_peer_beside_what_was_there(self):
        viewers = row("manycast", 0, 0, suite="p6-viewers", n=1000)
        self.assertAlmostEqual(middle([viewers], "manycast", "each", suite="p6-viewers", n=1000)[0], 11 * 1.024)
        publishers = row("manycast", 0, 0, suite="p6-publishers", n=1000)
        found = middle([publishers], "manycast", "each", suite="p6-publishers", n=1000)
        self.assertAlmostEqual(found[0], 12 * 1.024)

    def test_manycast_comes_first_and_the_floor_last(self):
        rows = [row(s, 0, 1.0) for s in ("floor", "nginx", "floor, 4 pictures", "manycast")]
        order = [e["server"] for e in figures.summary(rows)]
        self.assertEqual(order, ["manycast", "nginx", "floor", "floor, 4 pictures"])


class Growth(unittest.TestCase):
    def rows(self, cores):
        return [row("manycast", 0, 1.0, n=n, cpu_s=c, window_s=1.0) for n, c in cores]

    def test_a_straight_line_is_found_exactly(self):
        line = figures.growth(figures.summary(self.rows([(100, 0.15), (500, 0.55), (1000, 1.05)])))[0]
        self.assertAlmostEqual(line["slope"], 0.001)
        self.assertAlmostEqual(line["base"], 0.05)
        self.assertAlmostEqual(line["r2"], 1.0)
        self.assertTrue(all(abs(r["off"]) < 1e-9 for r in line["residuals"]))

    def test_what_bends_upward_leaves_residuals_of_one_sign_at_the_ends(self):
        line = figures.growth(figures.summary(self.rows([(100, 0.1), (500, 0.9), (1000, 3.0)])))[0]
        signs = [r["off"] > 0 for r in line["residuals"]]
        self.assertEqual(signs, [True, False, True])
        self.assertLess(line["r2"], 0.99)

    def test_two_counts_are_no_line(self):
        self.assertEqual(figures.growth(figures.summary(self.rows([(100, 0.1), (500, 0.5)]))), [])


class Bars(unittest.TestCase):
    def verdict(self, ratios):
        rows = [row("floor", i, 1.0) for i in range(len(ratios))]
        rows += [row("manycast", i, r) for i, r in enumerate(ratios)]
        found = [b for b in figures.bars(figures.summary(rows)) if b["found"] and b["figure"] == "ratio"]
        self.assertEqual(len(found), 1)
        return found[0]["verdict"]

    def test_what_the_runs_do_not_agree_on_is_said(self):
        for ratios, word in [
            ([1.1, 1.15, 1.0], "reached"),
            ([1.1, 1.0, 1.3], "reached by the median"),
            ([1.1, 1.2, 1.3], "missed by the median"),
            ([1.2, 1.2, 1.3], "missed"),
        ]:
            self.assertEqual(self.verdict(ratios), word, ratios)

    def test_what_was_not_measured_is_no_success(self):
        self.assertEqual({b["verdict"] for b in figures.bars([])}, {"not measured"})

    def test_at_least_is_not_at_most(self):
        rows = [row("manycast", 0, 1.0, n=2000, gb=4.0, pub_mb=2.5)]
        found = [b for b in figures.bars(figures.summary(rows)) if b["figure"] == "delivered" and b["found"]]
        self.assertEqual([b["verdict"] for b in found], ["missed"])

    def test_each_bar_is_of_a_suite_and_a_figure_that_is_measured(self):
        sizes = [100, 500, 1000, 2000]
        planned = {(c.suite, c.n) for g in suites.Plan(["manycast"], sizes, 8).groups() for c in g}
        for bar in figures.BARS:
            self.assertIn((bar.suite, bar.n), planned, bar.what)
            self.assertIn(bar.figure, figures.FIGURES, bar.what)


def many_rows():
    rows = [MACHINE, dict(suite="skipped", what="p1-merged-50", n=1000, why="it cannot <merge>")]
    for rep in range(3):
        for n in (100, 500, 1000):
            drift = 1 + rep / 10
            rows.append(row("manycast", rep, 1.0 * drift, n=n, cpu_s=n * drift / 1000))
            rows.append(row("nginx", rep, 2.0 * drift, n=n))
            rows.append(row("floor", rep, 0.9 * drift, n=n))
    for suite in suites.TITLES:
        extra = dict(ttff_ms=dict(n=3, p50=1.0, p99=9.0), status_ms=dict(n=3, p50=1.0, p99=8.0), cpu_ms_per_conn=0.1)
        extra.update(list_ms=dict(n=3, p50=2.0, p99=9.0))
        rows.append(row("manycast", 0, 1.0, suite=suite, n=0 if suite == "p6-rest" else 60, reset=7, **extra))
    rows.append(dict(suite="p4-push", server="nginx", n=50, rep=0, error="<b>no</b> & never"))
    return rows


class Tables(unittest.TestCase):
    def line(self, text, start):
        found = [l for l in text.splitlines() if re.match(start, l)]
        self.assertTrue(found, text)
        return [c.strip() for c in found[0].strip("|").split("|")]

    def test_a_figure_shows_its_spread(self):
        text = report.tables(figures.document(many_rows()))
        cells = self.line(text, r"\| 500 +\| manycast")
        self.assertEqual(cells[2:5], ["3", "1.100 (1.000 - 1.200)", "1.11"])

    def test_what_failed_or_was_left_out_is_a_sentence(self):
        text = report.tables(figures.document(many_rows()))
        self.assertIn("Run 1 of nginx in p4-push at N = 50 failed: <b>no</b> & never", text)
        self.assertIn("Left out: p1-merged-50 at N = 1000, because it cannot <merge>.", text)

    def test_one_run_is_said_to_show_no_spread(self):
        alone = dict(MACHINE, options=dict(runs=1, window=3))
        self.assertIn("One run:", report.tables(figures.document([alone, row("nginx", 0, 1.0)])))

    def test_limits_are_words(self):
        say = lambda limit, unit, least=False: report.limit(dict(limit=limit, unit=unit, least=least))
        self.assertEqual(say(1.15, "x"), "at most 1.15 x")
        self.assertEqual(say(1.5, "x"), "at most 1.5 x")
        self.assertEqual(say(50, "ms"), "at most 50 ms")
        self.assertEqual(say(0.001, "cores"), "at most 0.001 cores")
        self.assertEqual(say(0, ""), "at most 0")
        self.assertEqual(say(0.99, "x", True), "at least 0.99 x")

    def test_columns_line_up(self):
        head, *lines = report.markdown(["a", "bb"], [["1", "long one"], ["22", "x|y"]])
        self.assertEqual({len(l) for l in lines}, {len(head)})
        self.assertIn("x/y", lines[-1])


class Strict(HTMLParser):
    """Every tag is closed in order, and nothing is fetched from anywhere."""

    VOID = {"meta"}

    def __init__(self):
        super().__init__()
        self.open = []
        self.text = []

    def handle_starttag(self, name, attributes):
        assert not {"src", "href"} & {k for k, _ in attributes}, attributes
        assert name not in {"script", "link", "img"}, name
        if name not in self.VOID:
            self.open.append(name)

    def handle_startendtag(self, name, attributes):
        pass

    def handle_endtag(self, name):
        assert self.open and self.open[-1] == name, (self.open, name)
        self.open.pop()

    def handle_data(self, data):
        self.text.append(data)


class Page(unittest.TestCase):
    def setUp(self):
        self.html = page.render(figures.document(many_rows()))

    def test_it_is_whole_and_needs_nothing_else(self):
        parser = Strict()
        parser.feed(self.html)
        self.assertEqual(parser.open, [])
        text = " ".join(parser.text)
        for words in list(suites.TITLES.values()) + report.METHOD + ["A <fast> one", "<b>no</b> & never"]:
            self.assertIn(words, text)
        for address in ("http:", "https:", "@import", "url("):
            self.assertNotIn(address, self.html)

    def test_each_suite_has_a_plot(self):
        for suite in suites.TITLES:
            section = self.html.split('id="%s"' % suite)[1].split("</section>")[0]
            self.assertIn('class="plot"', section, suite)

    def test_plots_are_well_formed_and_inside_their_frame(self):
        drawn = re.findall(r"<svg class=\"(?:plot|bullet)\".*?</svg>(?=<(?!/|svg|text|line))|<figure>.*?</figure>", self.html)
        self.assertGreater(len(drawn), len(suites.TITLES))
        for found in drawn:
            tree = ElementTree.fromstring(found)
            for shape in tree.iter():
                for key in ("x", "x1", "x2"):
                    value = shape.get(key, "0%")
                    if value.endswith("%"):
                        self.assertTrue(0 <= float(value[:-1]) <= 100, found)

    def test_both_themes_have_the_same_names(self):
        with open(page.STYLE) as f:
            style = f.read()
        light, dark = style.split("@media (prefers-color-scheme: dark)", 1)
        names = lambda text: set(re.findall(r"(--[a-z0-9-]+):", text))
        self.assertEqual(names(light) - {"--font", "--mono"}, names(dark))
        used = set(re.findall(r"var\((--[a-z0-9-]+)\)", style))
        self.assertLessEqual(used, names(light))


class Plots(unittest.TestCase):
    def test_ticks_are_round_and_reach_the_most(self):
        for most, want in [(1.0, [0, 0.5, 1.0]), (3.1, [0, 1, 2, 3, 4]), (0.07, [0, 0.02, 0.04, 0.06, 0.08]), (0, [0, 1])]:
            got = plot.ticks(most)
            self.assertEqual(len(got), len(want), got)
            for a, b in zip(got, want):
                self.assertAlmostEqual(a, b)

    def test_decades_hold_everything(self):
        for least, most, want in [(0.2, 350, [0.1, 1, 10, 100, 1000]), (1, 10, [1, 10]), (5, 5, [1, 10]), (0, 100, None)]:
            got = plot.decades(least, most)
            self.assertTrue(got[0] <= max(least, most / 1e6) * 1.0001 and got[-1] >= most, got)
            if want:
                self.assertEqual([round(t, 6) for t in got], want)

    def test_places_keep_their_order(self):
        scale = [0.1, 1.0, 10.0]
        far = [float(plot.place_log(v, scale)[:-1]) for v in (0, 0.1, 0.5, 1, 10, 99)]
        self.assertEqual(far, sorted(far))
        self.assertAlmostEqual(far[3], plot.LEFT + plot.WIDTH / 2)


class Files(unittest.TestCase):
    def test_a_document_and_a_journal_give_the_same_report(self):
        with tempfile.TemporaryDirectory() as folder:
            base = os.path.join(folder, "r")
            text = report.write(many_rows(), base)
            with open(base + ".jsonl", "w") as f:
                f.writelines(json.dumps(r) + "\n" for r in many_rows())
            for end in (".json", ".jsonl"):
                self.assertEqual(report.tables(figures.document(report.read(base + end))), text)
            with open(base + ".json") as f:
                doc = json.load(f)
            self.assertEqual(doc["format"], "manycast-bench 1")
            self.assertTrue({"machine", "summary", "bars", "growth", "skipped", "rows", "method"} <= set(doc))


class Plans(unittest.TestCase):
    def test_the_quick_one_fits_into_two_minutes(self):
        groups = suites.Plan(["manycast", "nginx"], [500], 4, quick=True).groups()
        seconds = sum(c.seconds for g in groups for c in g if not c.merge_ms)
        self.assertLess(seconds, suites.QUICK_SECONDS)

    def test_what_is_compared_stands_together_and_takes_turns(self):
        for group in suites.Plan(["manycast", "nginx"], [100], 8).groups():
            self.assertEqual(len({(c.suite, c.n) for c in group}), 1)
            self.assertEqual(len({c.label for c in group}), len(group))
            firsts = {suites.turned(group, rep)[0].label for rep in range(len(group))}
            self.assertEqual(len(firsts), len(group))

    def test_the_floor_is_read_as_the_servers_are(self):
        """As many sockets, and as many of them read in full; destinations all are."""
        for group in suites.Plan(["manycast"], [100], 8).groups():
            given = [dict(zip(c.args[::2], c.args[1::2])) for c in group]
            floors = [g for c, g in zip(group, given) if c.floor]
            for c, g in zip(group, given):
                for f in floors:
                    if c.floor:
                        continue
                    self.assertEqual(f["--raw-subs"], g.get("--sinks") or g["--subs"])
                    self.assertEqual(f["--probes"], g.get("--sinks") or g["--probes"])
                    self.assertEqual(f["--time"], g["--time"])

    def test_a_floor_that_is_spoken_to_stands_beside_the_silent_one_and_is_none_for_a_ratio(self):
        groups = [g for g in suites.Plan(["manycast"], [], 8).groups() if g[0].suite == "p1-low"]
        self.assertEqual(len(groups), 2)
        for group in groups:
            told = {c.server: dict(zip(c.args[::2], c.args[1::2])).get("--raw-says") for c in group if c.floor}
            self.assertEqual(told, {suites.FLOOR: None, suites.FLOOR_TOLD: 1})
        rows = [row(s, 0, cost) for s, cost in (("floor", 1.0), ("floor, spoken to", 2.0), ("manycast", 3.0))]
        ratios = {e["server"]: e["figures"]["ratio"]["median"] for e in figures.summary(rows)}
        self.assertEqual(ratios, {"manycast": 3.0, "floor": 1.0, "floor, spoken to": 2.0})

    def test_suites_are_chosen_by_a_beginning(self):
        groups = suites.Plan(["manycast", "nginx"], [100], 8).groups()
        chosen = lambda *names: {g[0].suite for g in groups if suites.wanted(g, list(names))}
        self.assertEqual(chosen("p1-merged"), {"p1-merged-50", "p1-merged-100"})
        self.assertEqual(chosen("p4-tls", "p6-rest"), {"p4-tls", "p6-rest"})
        self.assertEqual(chosen(), set(suites.TITLES))


class Servers(unittest.TestCase):
    def test_the_settings_hold_what_the_case_needs(self):
        plain = servers.manycast_config()
        self.assertNotIn("merge", plain)
        self.assertNotIn("destination", plain)
        full = servers.manycast_config(3, True, 50, "/run/x")
        self.assertEqual(full.count("[[stream.destination]]"), 3)
        self.assertIn('merge = "50ms"', full.split("[http]")[0])
        self.assertIn('ca_file = "/run/x/cert.pem"', full)
        self.assertIn('url = "rtmps://127.0.1.3:1951/live"', full)

    def test_everything_stays_on_loopback(self):
        for text in (servers.manycast_config(50, True), servers.nginx_config("nginx", "/run/x", 50)):
            for address in re.findall(r"\d+\.\d+\.\d+\.\d+", text):
                self.assertTrue(address.startswith("127."), address)


if __name__ == "__main__":
    unittest.main(argv=["test_report.py", "-q"])
