"""The report as one HTML file that needs nothing else: no script, no font, no picture from elsewhere.

What belongs here: the page, its words for each plot, its style. What must not: arithmetic, or the shapes
of plots (plot.py). Light and dark follow the reader's setting; the colours are those of the dashboard.
"""
import os
from html import escape

import plot
import report
from figures import FIGURES
from suites import TITLES

STYLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "page.css")

# suite: the figures that are plotted
PLOTS = {
    "p1-viewers": ["cost", "delay"],
    "p1-merged-50": ["cost", "delay"],
    "p1-merged-100": ["cost", "delay"],
    "p1-low": ["cost", "delay"],
    "p3-streams": ["cost", "delay"],
    "p4-push": ["cost", "delay"],
    "p4-tls": ["cost", "delay"],
    "p5-quiet": ["first"],
    "p5-picture": ["join_cpu", "first"],
    "p5-start": ["join_cpu", "start"],
    "p6-rest": ["rest"],
    "p6-viewers": ["each"],
    "p6-publishers": ["each"],
    "p6-stalled": ["grown", "delay"],
    "p7-viewers": ["cost", "delay"],
    "p7-streams": ["cost", "delay"],
    "p7-tracks": ["cost", "delay"],
    "p8-api": ["list"],
}
PAIRS = {
    "list": ("list50", "list99", "A list of 200, p50 (mark) to p99 (end of the line), log scale"),
    "delay": ("p50", "p99", "Delay, p50 (mark) to p99 (end of the line), log scale"),
    "first": ("first50", "first99", "Connect to first picture, p50 (mark) to p99 (end of the line), log scale"),
    "start": ("start50", "start99", "Connect to Play.Start, p50 (mark) to p99 (end of the line), log scale"),
}
CAPTIONS = {
    "cost": "CPU seconds per delivered GB, median and range of the runs",
    "join_cpu": "CPU of the server per join, median and range of the runs",
    "rest": "Memory of a fresh server, median and range of the runs",
    "each": "Memory per peer, median and range of the runs",
    "grown": "Memory added since before the viewers came, median and range of the runs",
}
VERDICTS = {
    "reached": "ok",
    "reached by the median": "near",
    "missed by the median": "near",
    "missed": "miss",
    "not measured": "none",
}


def tag(name, content, **attributes):
    given = "".join(' %s="%s"' % (k.rstrip("_").replace("_", "-"), escape(str(v), True)) for k, v in attributes.items())
    return "<%s%s>%s</%s>" % (name, given, content, name)


def table(head, lines, name):
    left = {"server", "suite", "what", "off the line at N", "each adds"}
    side = ["l" if h in left else "r" for h in head]
    row = lambda cell, line: "<tr>" + "".join(
        '<%s class="%s">%s</%s>' % (cell, s, escape(c), cell) for c, s in zip(line, side)
    ) + "</tr>"
    body = tag("thead", row("th", head)) + tag("tbody", "".join(row("td", line) for line in lines))
    return tag("div", tag("table", body), class_="scroll", tabindex=0, role="region", aria_label=name)


def row_of(entry, name, several):
    """One row of a strip: a figure with its spread, or a pair of quantiles."""
    label = ("%s at %s" % (entry["server"], report.number(entry["n"], 0))) if several else entry["server"]
    figures = entry["figures"]
    if name in PAIRS:
        low, high = (figures.get(k) for k in PAIRS[name][:2])
        if not (low and high):
            return None
        digits = FIGURES[PAIRS[name][0]][2]
        words = "%s / %s" % tuple(report.number(f["median"], digits) for f in (low, high))
        return dict(label=label, server=entry["server"], at=low["median"], low=low["median"], high=high["median"], words=words)
    found = figures.get(name)
    if not found:
        return None
    words = report.words(found, FIGURES[name][2])
    if name == "cost":  # short enough for a phone; the table has the range in figures
        words = report.number(found["median"], 2)
        if "ratio" in figures and entry["server"] != "floor":
            words += ", %s x floor" % report.number(figures["ratio"]["median"], 2)
    return dict(label=label, server=entry["server"], at=found["median"], low=found["min"], high=found["max"], words=words)


def strip(entries, name):
    several = len({e["n"] for e in entries}) > 1
    rows, last = [], None
    for e in entries:
        row = row_of(e, name, several)
        if row:
            row["first"] = e["n"] != last
            last = e["n"]
            rows.append(row)
    if not rows:
        return ""
    caption = PAIRS[name][2] if name in PAIRS else CAPTIONS[name]
    unit = FIGURES[PAIRS[name][0] if name in PAIRS else name][1]
    return tag("figure", tag("figcaption", escape(caption)) + plot.strip(rows, unit, caption, name in PAIRS))


def suite_section(suite, doc):
    mine = [e for e in doc["summary"] if e["suite"] == suite]
    if not mine:
        return ""
    plots = "".join(strip(mine, name) for name in PLOTS[suite])
    head, lines = report.suite_table(suite, mine)
    title = tag("h2", escape(TITLES[suite]) + " " + tag("small", suite))
    return tag("section", title + tag("div", plots, class_="plots") + table(head, lines, TITLES[suite]), id=suite)


def bars(doc):
    measured = [b for b in doc["bars"] if b["found"]]
    if not measured:
        return ""
    items = []
    for b in measured:
        state = VERDICTS[b["verdict"]]
        found = report.words(b["found"], FIGURES[b["figure"]][2])
        parts = tag("span", escape(b["what"]), class_="what")
        parts += tag("span", plot.bullet(b["found"], b["limit"], state), class_="shape")
        parts += tag("span", escape("%s, %s" % (found, report.limit(b))), class_="figure")
        parts += tag("span", escape(b["verdict"]), class_="verdict s-" + state)
        items.append(tag("li", parts))
    rest = len(doc["bars"]) - len(measured)
    words = "The line in the middle of each strip is the limit; the mark is the median, the bar the range of the runs."
    words += " %d more were not measured in this run." % rest if rest else ""
    text = tag("p", escape(words), class_="note")
    return tag("section", tag("h2", "What is to be reached") + text + tag("ul", "".join(items), class_="bars"), id="bars")


def growth(doc):
    if not doc["growth"]:
        return ""
    plots = []
    for suite in sorted({g["suite"] for g in doc["growth"]}, key=list(TITLES).index):
        series = [g for g in doc["growth"] if g["suite"] == suite]
        caption = "%s: CPU in cores over N" % TITLES[suite]
        drawn = plot.lines(series, "cores", caption)
        plots.append(tag("figure", tag("figcaption", escape(caption)) + legend(series) + drawn))
    head, lines = report.growth_table(doc["growth"])
    words = "A straight line through all runs, and how far the median at each count lies from it."
    text = tag("h2", "Growth") + tag("p", words, class_="note")
    return tag("section", text + tag("div", "".join(plots), class_="plots") + table(head, lines, "Growth"), id="growth")


def legend(series):
    items = []
    for server in dict.fromkeys(s["server"] for s in series):
        shape = '<svg width="14" height="14" aria-hidden="true">%s</svg>' % plot.mark(plot.kind(server), "50%", 7)
        items.append(tag("span", shape + escape(server)))
    return tag("div", "".join(items), class_="legend")


def settings(doc):
    given = doc["machine"].get("settings", {})
    parts = [tag("h3", escape(name)) + tag("pre", escape(text.strip())) for name, text in given.items()]
    if not parts:
        return ""
    return tag("details", tag("summary", "Settings of the servers") + "".join(parts))


def render(doc):
    """The whole page."""
    with open(STYLE) as f:
        style = f.read()
    head = report.machine_lines(doc)
    top = tag("h1", "Manycast bench") + "".join(tag("p", escape(line)) for line in head)
    troubles = "".join(tag("li", escape(t)) for t in report.troubles(doc))
    method = tag("h2", "Method") + tag("ul", "".join(tag("li", escape(m)) for m in report.METHOD), class_="read")
    body = tag("header", top) + bars(doc)
    body += "".join(suite_section(s, doc) for s in TITLES) + growth(doc)
    body += tag("section", tag("h2", "Failed or left out") + tag("ul", troubles, class_="read")) if troubles else ""
    body += tag("section", method + settings(doc), id="method")
    meta = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    title = tag("title", "Manycast bench, " + escape(str(doc["machine"].get("when", ""))))
    return '<!doctype html>\n<html lang="en">' + tag("head", meta + title + tag("style", style)) + tag("body", tag("main", body)) + "</html>\n"
