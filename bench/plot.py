"""Plots as SVG that need nothing else: marks on a scale, lines through points, a figure beside its limit.

What belongs here: shapes. What must not: which figures are shown, or colours (page.py's style sheet has
the classes). Widths are percentages and everything else is pixels, so that a plot fits a phone without
its text getting smaller.
"""
from html import escape
from math import ceil, floor, log10

LEFT, WIDTH = 1.5, 96.5  # of the width, so that marks at the ends are whole
ROW = 42  # height of a row: words above, marks below
AXIS = 22


def step(most, count):
    """A round step that gives about so many ticks up to `most`."""
    rough = most / count
    unit = 10.0 ** floor(log10(rough))
    return next(unit * k for k in (1, 2, 5, 10) if unit * k >= rough * 0.999)


def ticks(most, count=4):
    """Round values from 0 on; the last is not under `most`."""
    if not most > 0:
        return [0.0, 1.0]
    by = step(most, count)
    out = [0.0]
    while out[-1] < most * 0.999:
        out.append(by * len(out))
    return out


def plain(value):
    """A tick's words: no more digits than it has."""
    return "{:,.0f}".format(value) if value >= 1000 else "%.4g" % value


def decades(least, most):
    """Powers of ten around what there is, for a logarithmic scale."""
    low = floor(log10(max(least, most / 1e6)) + 1e-9)
    high = max(ceil(log10(most) - 1e-9), low + 1)
    return [10.0**k for k in range(low, high + 1)]


def percent(part):
    return "%.2f%%" % (LEFT + WIDTH * min(max(part, 0.0), 1.0))


def place(value, most):
    return percent(value / most)


def place_log(value, scale):
    least, most = log10(scale[0]), log10(scale[-1])
    return percent((log10(max(value, scale[0])) - least) / (most - least))


def mark(kind, x, y):
    """Shape and colour tell the kinds apart: a circle is manycast, a square a peer, a diamond the floor."""
    shapes = {
        "own": '<circle r="5.5"/>',
        "peer": '<rect x="-5" y="-5" width="10" height="10"/>',
        "floor": '<path d="M0-6.5 6.5 0 0 6.5-6.5 0z"/>',
        "floor4": '<path class="hollow" d="M0-6 6 0 0 6-6 0z"/>',
    }
    return '<svg x="%s" y="%.1f" overflow="visible" class="k-%s">%s</svg>' % (x, y, kind, shapes[kind])


def kind(server):
    if server == "manycast":
        return "own"
    if server.startswith("floor"):
        return "floor" if server == "floor" else "floor4"
    return "peer"


def picture(height, what, parts):
    head = '<svg class="plot" width="100%%" height="%d" role="img" aria-label="%s">' % (height, escape(what, True))
    return head + "".join(parts) + "</svg>"


def axis(scale, at, bottom, unit):
    out = []
    for t in scale:
        x = at(t)
        at_end = ' text-anchor="end"' if t == scale[-1] else ' text-anchor="middle"' if t != scale[0] else ""
        words = plain(t) + (" " + unit if t == scale[-1] and unit else "")
        out.append('<line class="grid" x1="%s" x2="%s" y1="0" y2="%d"/>' % (x, x, bottom))
        out.append('<text class="tick" x="%s" y="%d"%s>%s</text>' % (x, bottom + 15, at_end, escape(words)))
    return out


def strip(rows, unit, what, log=False):
    """Rows of a label, a mark and a range: dicts with label, server, at, low, high and words.

    A row with `first` has a rule above it. A logarithmic scale is for what spans decades.
    """
    if not rows:
        return ""
    most = max(r["high"] for r in rows)
    if log and most > 0:
        scale = decades(min(r["low"] for r in rows), most)
        at = lambda v: place_log(v, scale)
    else:
        scale = ticks(most)
        at = lambda v: place(v, scale[-1])
    bottom = ROW * len(rows) + 4
    out = axis(scale, at, bottom, unit)
    for i, r in enumerate(rows):
        top = ROW * i
        k, y = kind(r["server"]), top + 30
        if r.get("first") and i:
            out.append('<line class="rule" x1="0" x2="100%%" y1="%d" y2="%d"/>' % (top, top))
        out.append('<text class="label" x="0" y="%d">%s</text>' % (top + 15, escape(r["label"])))
        out.append('<text class="value" x="100%%" y="%d" text-anchor="end">%s</text>' % (top + 15, escape(r["words"])))
        low, high = at(r["low"]), at(r["high"])
        out.append('<line class="range k-%s" x1="%s" x2="%s" y1="%d" y2="%d"/>' % (k, low, high, y, y))
        out.append(mark(k, at(r["at"]), y))
    return picture(bottom + AXIS, what, out)


def lines(series, y_unit, what):
    """Points and the straight line through them: dicts with server, points, base and slope."""
    height, top = 230, 14
    xs = ticks(max(x for s in series for x, _ in s["points"]))
    ys = ticks(max(y for s in series for _, y in s["points"]))
    down = lambda y: top + height * (1 - min(max(y / ys[-1], 0.0), 1.02))
    out = []
    for t in ys:
        out.append('<line class="grid" x1="0" x2="100%%" y1="%.1f" y2="%.1f"/>' % (down(t), down(t)))
        if t:
            words = plain(t) + (" " + y_unit if t == ys[-1] else "")
            out.append('<text class="tick" x="0" y="%.1f">%s</text>' % (down(t) + 12, escape(words)))
    for t in xs:
        at_end = ' text-anchor="end"' if t == xs[-1] else ' text-anchor="middle"' if t else ""
        out.append('<text class="tick" x="%s" y="%d"%s>%s</text>' % (place(t, xs[-1]), top + height + 16, at_end, plain(t)))
    for s in series:
        k, end = kind(s["server"]), max(x for x, _ in s["points"])
        y1, y2 = down(s["base"]), down(s["base"] + s["slope"] * end)
        ends = (place(0, xs[-1]), y1, place(end, xs[-1]), y2)
        out.append('<line class="fit k-%s" x1="%s" y1="%.1f" x2="%s" y2="%.1f"/>' % ((k,) + ends))
        out += [mark(k, place(x, xs[-1]), down(y)) for x, y in s["points"]]
    return picture(top + height + AXIS, what, out)


def bullet(found, limit, good):
    """A figure's range beside its limit, which is the line in the middle."""
    most = 2 * limit or 1
    low, high, at = (place(found[k], most) for k in ("min", "max", "median"))
    parts = ['<line class="track" x1="0" x2="100%" y1="9" y2="9"/>']
    parts.append('<line class="limit" x1="%s" x2="%s" y1="1" y2="17"/>' % ((place(limit, most),) * 2))
    parts.append('<line class="range v-%s" x1="%s" x2="%s" y1="9" y2="9"/>' % (good, low, high))
    parts.append('<svg x="%s" y="9" overflow="visible" class="v-%s"><circle r="5"/></svg>' % (at, good))
    return '<svg class="bullet" width="100%" height="18" aria-hidden="true">' + "".join(parts) + "</svg>"
