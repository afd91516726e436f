"""The card as one self-contained HTML page: no script, nothing loaded from elsewhere, everything escaped."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from aigc_data.cards import svg, words
from aigc_data.cards.model import CardModel

_SECTIONS = (
    *(("funnel", "Funnel"), ("reasons", "Reasons"), ("languages", "Languages"), ("sources", "Sources")),
    *(
        ("licences", "Licences"),
        ("personal", "Personal data"),
        ("duplicates", "Duplicates"),
        ("found", "How well found"),
        ("lengths", "Lengths"),
    ),
    *(("expectations", "Expectations"), ("quarantine", "Quarantine"), ("examples", "Examples")),
    *(("statements", "Statements"), ("provenance", "Provenance"), ("files", "Files")),
)


def render_page(card: CardModel) -> str:
    """The page's HTML."""
    sections = [s for s in _SECTIONS if s[0] != "found" or card.duplicates.recalls]
    return environment().get_template("page.html").render(card=card, sections=sections, **_words(card))


def _words(card: CardModel) -> dict[str, Any]:
    lengths = [f"{b.low:,}" for b in card.lengths]
    scores = [f"{b.low}" for b in card.scores]
    return {
        "length_chart": svg.columns(
            lengths,
            [b.rows for b in card.lengths],
            "Kept rows by length in tokens",
            axis="tokens a row, from (each column doubles)",
        ),
        "score_chart": svg.columns(
            scores, [b.rows for b in card.scores], "Kept rows by quality score", axis="quality score, from (0 to 1000)"
        ),
        "dropped": {step.stage: sum(n for _, n in step.dropped) for step in card.funnel},
    }


def environment() -> Environment:
    """Templates with everything escaped, and the words and bars that they use."""
    environment = Environment(
        loader=PackageLoader("aigc_data.cards"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals.update(
        bar=svg.bar, share=words.share, tag=words.tag, bound=words.bound, looked_for=words.looked_for
    )
    environment.globals.update(similarities=words.similarities, interval=words.interval)
    environment.filters.update(
        number=words.number,
        short=svg.short,
        size=words.size,
        language=words.language,
        script=lambda code: words.SCRIPTS.get(code, code),
        kind=words.kind,
        terms=lambda name: words.CLASSES.get(name, ""),
    )
    return environment
