"""A classifier's report as one self-contained HTML page: no script, nothing loaded from elsewhere, all escaped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

#: Languages that get charts, those with most good and bad texts first; the table has all of them.
CHARTS = 8
_SIZE, _EDGE = 260, 34  # of a chart's square, and of the room for its labels

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1b;
  background: #fff; }
table { border-collapse: collapse; margin: 1rem 0; } th, td { padding: .25rem .75rem; text-align: right; }
th:first-child, td:first-child { text-align: left; } thead th { border-bottom: 1px solid #888; }
section { display: flex; flex-wrap: wrap; gap: 1.5rem; } figure { margin: 0; } figcaption { font-size: .85rem; }
svg { width: 294px; height: 294px; } .frame { fill: none; stroke: #888; } .even { stroke: #bbb; stroke-dasharray: 4 4; }
.curve { fill: none; stroke: #0b62a4; stroke-width: 2; } .dot { fill: #0b62a4; } .bar { stroke: #0b62a4; }
text { font-size: 11px; fill: #444; }
@media (prefers-color-scheme: dark) { body { color: #e6e6e6; background: #161616; } text { fill: #bbb; }
  .curve, .bar { stroke: #6db3e8; } .dot { fill: #6db3e8; } .even { stroke: #555; } }
"""

_PAGE = Markup("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}: how good it is</title>
<style>{style}</style>
</head>
<body>
<h1>{name}</h1>
<p>Trained on {good:,} good and {bad:,} bad texts, each once; judged by the {held:,} that were held out, near-duplicates
on one side. {unread:,} held-out texts are in languages without weights. Intervals are of 95&nbsp;%.</p>
<table>
<thead><tr><th>Language</th><th>Good</th><th>Bad</th><th>ROC-AUC</th><th>Precision for bad at {recall:.0%} recall</th>
<th>Calibration error</th></tr></thead>
<tbody>
{rows}</tbody>
</table>
{charts}
<p>Model file: SHA-256 <code>{digest}</code>.</p>
</body>
</html>
""")
_ROW = Markup("<tr><td>{}</td><td>{:,}</td><td>{:,}</td><td>{}</td><td>{}</td><td>{:.3f}</td></tr>\n")
_CHARTS = Markup("<h2>{}</h2>\n<section>{}{}</section>\n")
_FIGURE = Markup(
    '<figure><svg role="img" viewBox="0 0 {w} {w}"><title>{title}</title>'
    '<rect class="frame" x="{e}" y="8" width="{s}" height="{s}"/>'
    '<line class="even" x1="{e}" y1="{low}" x2="{right}" y2="8"/>{parts}'
    '<text x="{e}" y="{foot}">0</text><text x="{right}" y="{foot}" text-anchor="end">1</text>'
    '<text x="{middle}" y="{foot}" text-anchor="middle">{x}</text>'
    '<text x="{beside}" y="{low}" text-anchor="end">0</text>'
    '<text x="{beside}" y="18" text-anchor="end">1</text></svg><figcaption>{caption}</figcaption></figure>'
)


def write_page(path: Path, name: str, report: dict[str, Any]) -> None:
    """Write the page of a report of `models.training`; `name` is the model's."""
    path.write_text(render(name, report), encoding="utf-8")


def render(name: str, report: dict[str, Any]) -> str:
    """The page's HTML."""
    parts = report["held_out"]["parts"]
    training = report["training"]["languages"]
    # By the rarer class, which is what a curve hangs on.
    charted = sorted(parts, key=lambda part: -min(parts[part]["good"], parts[part]["bad"]))[:CHARTS]
    every = parts.get("all", {"good": 0, "bad": 0, "bad_precision_at_recall": {"recall": 0.9}})
    # The pooled weights have seen the texts of every language.
    own = [training["*"]] if "*" in training else list(training.values())
    return str(
        _PAGE.format(
            name=name,
            style=Markup(_STYLE),
            good=sum(facts["positive"] for facts in own),
            bad=sum(facts["negative"] for facts in own),
            held=every["good"] + every["bad"],
            unread=report["held_out"]["unread"],
            recall=every["bad_precision_at_recall"]["recall"],
            rows=Markup("").join(_row(part, figures) for part, figures in parts.items()),
            charts=Markup("").join(
                _CHARTS.format(part, _reliability(parts[part]["reliability"]), _roc(parts[part]["roc"]))
                for part in charted
            ),
            digest=report["model_sha256"],
        )
    )


def _row(part: str, figures: dict[str, Any]) -> Markup:
    precision = figures["bad_precision_at_recall"]["precision"]
    return _ROW.format(
        part,
        figures["good"],
        figures["bad"],
        interval(figures["roc_auc"]),
        interval(precision),
        figures["calibration_error"],
    )


def interval(estimate: Sequence[float | None]) -> str:
    """`0.91 (0.88 to 0.94)`, or a dash where there is nothing to say."""
    value, low, high = estimate
    return "–" if value is None else f"{value:.3f} ({low:.3f} to {high:.3f})"


def _reliability(bins: list[dict[str, Any]]) -> Markup:
    drawn = []
    for one in bins:
        x, (y, low, high) = _x(one["predicted"]), (_y(value) for value in one["found"])
        drawn.append(Markup('<line class="bar" x1="{x}" x2="{x}" y1="{}" y2="{}"/>').format(low, high, x=x))
        drawn.append(
            Markup('<circle class="dot" cx="{}" cy="{}" r="3.5"><title>{}</title></circle>').format(
                x, y, f"{one['rows']:,} texts: predicted {one['predicted']:.2f}, found {one['found'][0]:.2f}"
            )
        )
    caption = "Of texts with this score, so many are good: on the line where the score is a probability."
    return _figure("Reliability", "score", Markup("").join(drawn), caption)


def _roc(points: list[list[float]]) -> Markup:
    line = " ".join(f"{_x(x)},{_y(y)}" for x, y in points)
    caption = "Share of good texts above a cut, over the share of bad ones above it (ROC)."
    return _figure("ROC", "bad texts", Markup('<polyline class="curve" points="{}"/>').format(line), caption)


def _figure(title: str, x: str, parts: Markup, caption: str) -> Markup:
    return _FIGURE.format(
        w=_SIZE + _EDGE,
        s=_SIZE - 8,
        e=_EDGE - 8,
        right=_x(1),
        low=_y(0),
        foot=_y(0) + 18,
        middle=_x(0.5),
        beside=_EDGE - 12,
        title=title,
        x=x,
        parts=parts,
        caption=caption,
    )


def _x(share: float) -> float:
    return round(_EDGE - 8 + (_SIZE - 8) * min(max(share, 0), 1), 2)


def _y(share: float) -> float:
    return round(8 + (_SIZE - 8) * (1 - min(max(share, 0), 1)), 2)
