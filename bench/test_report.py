#!/usr/bin/env python3
"""The arithmetic of report.py: medians, ratios of the same run, failed runs."""
import unittest

import report


def row(server, rep, cpu, **more):
    base = dict(suite="p1", server=server, n=500, rep=rep, cpu_s_per_gb=cpu, mbit_s=1280, rss_peak_kb=2048)
    base.update(latency_ms=dict(p50=2.0, p99=4.0), max_gap_ms=40, lost=1, load1=1.0)
    base.update(more)
    return base


class Tables(unittest.TestCase):
    def line(self, rows, server):
        page = report.render(rows)
        found = [l for l in page.splitlines() if l.startswith("| 500 | %s |" % server)]
        self.assertEqual(len(found), 1, page)
        return [c.strip() for c in found[0].strip("|").split("|")]

    def test_the_ratio_pairs_a_run_with_its_own_floor(self):
        rows = [row("floor b1", 0, 0.5), row("floor b1", 1, 1.0), row("floor b1", 2, 2.0)]
        # written in another order than the floors
        rows += [row("manycast", 2, 2.0), row("manycast", 0, 1.0), row("manycast", 1, 1.5)]
        cells = self.line(rows, "manycast")
        self.assertEqual(cells[3], "1.500 (1.000 - 2.000)")
        self.assertEqual(cells[4], "1.50 (1.00 - 2.00)")

    def test_a_run_without_its_floor_has_no_ratio(self):
        cells = self.line([row("floor b1", 1, 0.5), row("manycast", 0, 1.0)], "manycast")
        self.assertEqual(cells[4], "-")

    def test_losses_add_up_and_one_run_is_shown_plain(self):
        cells = self.line([row("nginx", 0, 1.0), row("nginx", 1, 1.0)], "nginx")
        self.assertEqual(cells[2], "2")
        self.assertEqual(cells[3], "1.000")
        self.assertEqual(cells[7], "2.0")
        self.assertEqual(cells[10], "2")

    def test_a_failed_run_is_told_and_not_counted(self):
        rows = [row("nginx", 0, 1.0), dict(suite="p1", server="nginx", n=500, rep=1, error="it\nfell")]
        self.assertEqual(self.line(rows, "nginx")[2], "1")
        self.assertIn("Run 2 of nginx at N = 500: it fell", report.render(rows))

    def test_a_histogram_without_entries_is_no_zero(self):
        nothing = row("nginx", 0, 1.0, latency_ms=dict(n=0, p50=0.0, p99=0.0))
        self.assertEqual(self.line([nothing], "nginx")[7], "-")

    def test_memory_is_per_peer(self):
        idle = row("nginx", 0, 0, suite="p6-viewers", rss_start_kb=48)
        self.assertEqual(self.line([idle], "nginx")[5], "4.0")


if __name__ == "__main__":
    unittest.main(argv=["test_report.py", "-q"])
