"""draw.py: draws the result of bench.py as SVG: bars of the ratios to the fastest peer, and for each case how the time of
a piece of work changes with 1x, 10x and 100x the work."""
import math
from xml.sax.saxutils import escape

WIDTH, MARGIN = 1000, 24
BAR, LABELS, PEERS = 22, 290, 200  # height of a row, width of the names before and after the bars
PANEL_WIDTH, PANEL_HEIGHT, PER_ROW, AXIS = 232, 150, 4, 52
LINE = 15  # of a legend
STYLE = """
svg { --back: #ffffff; --text: #1b1f24; --soft: #59636e; --grid: #d8dee4; --fast: #1a7f5a; --slow: #b3541e;
      --c0: #0b61c4; --c1: #8a3fc7; --c2: #0d7d86; --c3: #59636e; --c4: #a8641a; }
@media (prefers-color-scheme: dark) {
  svg { --back: #14181d; --text: #e8edf2; --soft: #a0abb7; --grid: #333c46; --fast: #4cc38a; --slow: #f0965a;
        --c0: #6cb0ff; --c1: #cf9bff; --c2: #55cdd6; --c3: #a0abb7; --c4: #e5ad62; } }
text { font: 12px system-ui, "DejaVu Sans", sans-serif; fill: var(--text); }
.soft { fill: var(--soft); } .end { text-anchor: end; } .middle { text-anchor: middle; }
.title { font-size: 16px; font-weight: 600; } .name { font-weight: 600; }
.grid { stroke: var(--grid); } .one { stroke: var(--text); } .curve { fill: none; stroke-width: 2; }
.peer { stroke-dasharray: 5 3; }
.spread { stroke: var(--text); stroke-width: 1.5; } .back { fill: var(--back); }
"""


class Scale:
    """Maps low..high logarithmically to start..end."""

    def __init__(self, low, high, start, end):
        self.low, self.high, self.start, self.end = low, high, start, end

    def __call__(self, value):
        value = min(max(value, self.low), self.high)
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.end - self.start)

    def decades(self):
        return [10.0 ** power for power in range(round(math.log10(self.low)), round(math.log10(self.high)) + 1)]


def decades_around(values):
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return 10.0 ** low, 10.0 ** max(high, low + 1)


def text(x, y, words, kind=""):
    return '<text x="%.1f" y="%.1f" class="%s">%s</text>' % (x, y, kind, escape(words))


def stroke(x1, y1, x2, y2, kind):
    return '<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>' % (x1, y1, x2, y2, kind)


def short(words, most):
    return words if len(words) <= most else words[:most - 1] + "…"


def seconds(value):
    for unit, size in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size * 0.999:
            return "%g %s" % (round(value / size, 3), unit)
    return "%g ns" % round(value / 1e-9, 3)


def bars(rows, top):
    """The ratios of the rows. Returns the drawing and where it ends."""
    ratios = [row["peer"][what]["median"] for row in rows for what in ("wall", "cpu")]
    x = Scale(*decades_around([0.5, 2] + ratios), MARGIN + LABELS, WIDTH - MARGIN - PEERS)
    bottom = top + 16 + BAR * len(rows)
    out = []
    for tick in x.decades():
        out += [stroke(x(tick), top + 8, x(tick), bottom, "one" if tick == 1 else "grid"),
                text(x(tick), top, "%gx" % tick, "soft middle")]
    y = top + 16
    for row in rows:
        wall, middle = row["peer"]["wall"], y + BAR / 2
        at = x(wall["median"])
        out += [text(MARGIN + LABELS - 10, middle + 4, short("%s: %s" % (row["case"], row["side"]), 42), "end"),
                '<rect x="%.1f" y="%.1f" width="%.1f" height="%d" rx="2" fill="var(--%s)"/>' % (
                    min(at, x(1)), y + 4, max(abs(at - x(1)), 1), BAR - 8, "slow" if wall["median"] > 1 else "fast"),
                stroke(x(wall["min"]), middle, x(wall["max"]), middle, "spread"),
                '<circle cx="%.1f" cy="%.1f" r="3.5" fill="var(--back)" stroke="var(--text)" stroke-width="1.5"/>' % (
                    x(row["peer"]["cpu"]["median"]), middle),
                text(WIDTH - MARGIN - PEERS + 56, middle + 4, "%.2f" % wall["median"], "name end"),
                text(WIDTH - MARGIN - PEERS + 62, middle + 4, short("of " + row["peer"]["side"], 24), "soft")]
        y += BAR
    return out, bottom


def panel(title, curves, left, top):
    """How the time of a piece of work changes with the work. curves: {(name, kind): [(n, seconds of a piece)]}"""
    points = [point for curve in curves.values() for point in curve]
    x = Scale(min(n for n, _ in points), max(n for n, _ in points), left + AXIS, left + PANEL_WIDTH - 22)
    y = Scale(*decades_around([each for _, each in points]), top + PANEL_HEIGHT, top + 24)
    out = [text(left + AXIS, top + 12, title, "name")]
    for tick in y.decades():
        out += [stroke(x.start, y(tick), x.end, y(tick), "grid"), text(x.start - 6, y(tick) + 4, seconds(tick), "soft end")]
    for n in sorted({n for n, _ in points}):
        out.append(text(x(n), top + PANEL_HEIGHT + 20, format(n, ",") if n < 10000 else "%gk" % (n / 1000),
                        "soft middle"))
    for i, ((name, kind), curve) in enumerate(curves.items()):
        color, legend = "var(--c%d)" % (i % 5), top + PANEL_HEIGHT + 26 + LINE * (i + 1)
        at = [(x(n), y(each)) for n, each in sorted(curve)]
        out += ['<polyline points="%s" class="curve %s" stroke="%s"/>' % (
                    " ".join("%.1f,%.1f" % p for p in at), kind, color),
                *('<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>' % (*p, color) for p in at),
                '<polyline points="%.1f,%.1f %.1f,%.1f" class="curve %s" stroke="%s"/>' % (
                    x.start, legend - 4, x.start + 18, legend - 4, kind, color),
                text(x.start + 24, legend, short(name, 24), "soft")]
    return out


def growth(results, top):
    """A panel for each case of several sizes. Returns the drawing and where it ends."""
    cases = {}
    for row in results:
        if row["kind"] in ("ours", "peer"):
            cases.setdefault(row["case"], {}).setdefault((row["side"], row["kind"]), []).append(
                (row["n"], row["wall"]["median"] / row["n"]))
    cases = {name: curves for name, curves in cases.items() if max(map(len, curves.values())) > 1}
    out, height = [], 0
    for i, (name, curves) in enumerate(cases.items()):
        if i % PER_ROW == 0:
            top, height = top + height, 0
        out += panel(name, curves, MARGIN + i % PER_ROW * (PANEL_WIDTH + 8), top)
        height = max(height, PANEL_HEIGHT + 26 + LINE * len(curves) + 34)
    return out, top + height


def draw(results, path):
    """Writes the drawing of the lines of a result."""
    results = list(results)
    largest = {}
    for row in results:
        if row["kind"] == "ours" and "peer" in row:
            side = row["case"], row["side"]
            largest[side] = max(largest.get(side, row), row, key=lambda one: one["n"])
    out, y = [], MARGIN + 14
    if largest:
        out += [text(MARGIN, y, "Time beside the fastest other program that does the same work", "title"),
                text(MARGIN, y + 20, "left of 1x is faster; the line is the spread of the turns, the ring is processor time",
                     "soft")]
        drawn, y = bars(list(largest.values()), y + 50)
        out += drawn
        y += 44
    out += [text(MARGIN, y, "Time of one piece of work, as the work grows", "title"),
            text(MARGIN, y + 20, "a level line: twice the work takes twice the time", "soft")]
    drawn, y = growth(results, y + 44)
    out += drawn
    newest = max(results, key=lambda row: row["time"], default=None)
    if newest:
        out.append(text(MARGIN, y + 8, "%s, %d cores of %s, %s" % (newest["commit"], newest["cores"], newest["machine"],
                                                                 newest["time"]), "soft"))
    with open(path, "w", encoding="utf-8") as f:
        f.write('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img">\n<title>Speed of the av programs'
                '</title>\n<style>%s</style>\n<rect width="100%%" height="100%%" class="back"/>\n' % (
                    WIDTH, y + MARGIN, STYLE))
        f.write("\n".join(out) + "\n</svg>\n")
