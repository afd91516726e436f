"""Inline SVG: bars that line up with the numbers beside them, and a histogram. Each says in words what it shows."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

_WIDTH = 1000  # of a bar's own coordinates: it is stretched to its cell


def bar(parts: Sequence[tuple[str, float]], whole: float, title: str) -> Markup:
    """A horizontal bar of (CSS class, value) parts on a track of length `whole`."""
    drawn, x = [], 0.0
    for name, value in parts:
        width = _WIDTH * value / whole if whole else 0.0
        if value > 0:
            width = max(width, 3.0)  # one row of a million is still there
            drawn.append(
                Markup('<rect class="{}" x="{}" width="{}" height="10"/>').format(name, _number(x), _number(width))
            )
        x += width
    return Markup(
        '<svg class="bar" role="img" viewBox="0 0 {w} 10" preserveAspectRatio="none"><title>{title}</title>'
        '<rect class="track" width="{w}" height="10"/>{parts}</svg>'
    ).format(w=_WIDTH, title=title, parts=Markup("").join(drawn))


def columns(labels: Sequence[str], values: Sequence[int], title: str, *, axis: str) -> Markup:
    """A histogram: one column a label, its value above it, the axis named below."""
    width, height, top, left = 720, 190, 22, 8
    foot = 40
    step = (width - 2 * left) / max(len(values), 1)
    most = max(values, default=0) or 1
    drawn = []
    for i, (label, value) in enumerate(zip(labels, values, strict=True)):
        tall = (height - top - foot) * value / most
        tall = max(tall, 1.5) if value else 0.0
        x, y = left + i * step, height - foot - tall
        middle = x + step / 2
        drawn.append(
            Markup('<rect class="kept" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>').format(
                _number(x + 2), _number(y), _number(step - 4), _number(tall), f"{label}: {value:,}"
            )
        )
        if value:
            drawn.append(_text(middle, y - 6, short(value), "value"))
        drawn.append(_text(middle, height - foot + 16, label, "label"))
    drawn.append(_text(width / 2, height - 4, axis, "axis"))
    line = Markup('<line class="base" x1="{}" x2="{}" y1="{y}" y2="{y}"/>').format(left, width - left, y=height - foot)
    return Markup('<svg class="chart" role="img" viewBox="0 0 {} {}"><title>{}</title>{}{}</svg>').format(
        width, height, title, Markup("").join(drawn), line
    )


def _text(x: float, y: float, text: str, name: str) -> Markup:
    return Markup('<text class="{}" x="{}" y="{}" text-anchor="middle">{}</text>').format(
        name, _number(x), _number(y), escape(text)
    )


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def short(value: float) -> str:
    """A number in at most four characters and a unit: 950, 1.2k, 34M."""
    for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            scaled = value / size
            return f"{scaled:.1f}".rstrip("0").rstrip(".") + unit if scaled < 100 else f"{scaled:.0f}{unit}"
    return f"{value:.0f}"
