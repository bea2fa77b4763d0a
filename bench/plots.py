"""Plots as SVG, without a library: bars for what Ottla is ahead by, lines for what grows."""

import html
import math

COLORS = {"kafka": "#b0b7c3", "ottla": "#1f6feb"}
INK, GRID, MET, MISSED = "#24292f", "#d8dee4", "#1a7f37", "#bc4c00"
FONT = "font-family='sans-serif' font-size='12'"


def text(x, y, words, anchor="start", color=INK, more=""):
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' fill='{color}' {more}>{html.escape(words)}</text>"


def line(x1, y1, x2, y2, color=GRID, width=1, more=""):
    return f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' stroke='{color}' stroke-width='{width}' {more}/>"


def document(width, height, parts):
    return (f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' height='{height}' {FONT}>"
            f"<rect width='100%' height='100%' fill='white'/>" + "".join(parts) + "</svg>\n")


def number(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def factors(rows):
    """Every metric with a goal and a factor over Kafka, on a logarithmic scale; a tick where the goal is."""
    bars = [(f"{name}: {metric}", found) for name, row in rows.items() for metric, found in row.get("metrics", {}).items()
            if found.get("goal") and found.get("factor", 0) > 0]
    if not bars:
        return None
    left, width, step, top = 300, 940, 22, 50
    low = min(0.5, *(found["factor"] for _, found in bars))
    high = max(10.0, *(found["factor"] for _, found in bars), *(found.get("goal_factor", 1) for _, found in bars))

    def x(value):
        return left + (width - left - 80) * math.log(value / low) / math.log(high / low)
    height = top + step * len(bars) + 20
    parts = [text(left, 20, "Ottla ahead of Kafka 3.9.1 by a factor of (the line is the goal)", more="font-weight='bold'")]
    tick = 10.0 ** math.ceil(math.log10(low))
    while tick <= high:
        parts += [line(x(tick), top - 8, x(tick), height - 15), text(x(tick), top - 12, f"{tick:g}", "middle")]
        tick *= 10
    for i, (label, found) in enumerate(bars):
        y = top + step * i
        begin, end = sorted((x(1.0), x(found["factor"])))
        color = {True: MET, False: MISSED, None: COLORS["ottla"]}[found.get("met")]
        parts += [text(left - 8, y + 13, label, "end"),
                  f"<rect x='{begin:.1f}' y='{y + 3}' width='{max(end - begin, 1):.1f}' height='{step - 8}' fill='{color}'/>",
                  text(max(end, x(found.get("goal_factor", 1))) + 5, y + 13, number(found["factor"]))]
        if found.get("goal_factor"):
            parts.append(line(x(found["goal_factor"]), y, x(found["goal_factor"]), y + step - 2, INK, 2))
    parts.append(line(x(1.0), top - 8, x(1.0), height - 15, INK))
    return document(width, height, parts)


def growth(title, series):
    """Medians over sizes, both axes logarithmic."""
    points = {system: [(float(size), told["median"]) for size, told in sizes.items()] for system, sizes in series.items()}
    sizes = sorted({size for line_ in points.values() for size, _ in line_})
    values = [max(value, 0.1) for line_ in points.values() for _, value in line_]
    decades = (math.floor(math.log10(min(values))), max(math.ceil(math.log10(max(values))), math.floor(math.log10(min(values))) + 1))
    width, height, left, bottom, top = 560, 320, 70, 280, 40

    def x(size):
        span = math.log(sizes[-1] / sizes[0]) if len(sizes) > 1 else 1
        return left + (width - left - 60) * math.log(size / sizes[0]) / span

    def y(value):
        return bottom - (bottom - top) * (math.log10(max(value, 0.1)) - decades[0]) / (decades[1] - decades[0])
    parts = [text(left, 22, title, more="font-weight='bold'"), line(left, bottom, width - 40, bottom, INK)]
    for value in (10.0 ** decade for decade in range(decades[0], decades[1] + 1)):
        parts += [line(left, y(value), width - 40, y(value)), text(left - 6, y(value) + 4, number(value), "end")]
    parts += [text(x(size), bottom + 18, f"{size:g}", "middle") for size in sizes]
    for i, (system, line_) in enumerate(points.items()):
        path = " ".join(f"{x(size):.1f},{y(value):.1f}" for size, value in line_)
        parts += [f"<polyline points='{path}' fill='none' stroke='{COLORS[system]}' stroke-width='2.5'/>"]
        parts += [f"<circle cx='{x(size):.1f}' cy='{y(value):.1f}' r='3' fill='{COLORS[system]}'/>" for size, value in line_]
        parts += [text(left + 90 * i, bottom + 36, system, color=COLORS[system], more="font-weight='bold'")]
    return document(width, height, parts)


def write(rows, directory):
    """factors.svg, and growth-*.svg for every metric that was measured over sizes."""
    directory.mkdir(parents=True, exist_ok=True)
    drawn = factors(rows)
    if drawn:
        (directory / "factors.svg").write_text(drawn)
    for name, row in rows.items():
        for metric, found in row.get("metrics", {}).items():
            if "series" in found:
                file = "".join(letter if letter.isalnum() else "-" for letter in f"{name}-{metric.split(' (')[0]}".lower())
                (directory / f"{file}.svg").write_text(growth(f"{name}: {metric}", found["series"]))
