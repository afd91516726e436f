"""How values are written on a card: names of languages and scripts, numbers, sizes, bounds; for both renderings."""

from __future__ import annotations

from aigc_data.cards.model import CardModel, Expectation, Recall

LANGUAGES = {
    **{"en": "English", "zh": "Chinese", "ja": "Japanese", "ko": "Korean", "ru": "Russian", "fr": "French"},
    **{"de": "German", "es": "Spanish", "it": "Italian", "pt": "Portuguese", "ar": "Arabic", "vi": "Vietnamese"},
    **{"nl": "Dutch", "pl": "Polish", "tr": "Turkish", "id": "Indonesian", "th": "Thai", "hi": "Hindi"},
    "und": "undetermined",
}
SCRIPTS = {
    **{"Hans": "Han, simplified", "Hant": "Han, traditional", "Han": "Han, either", "Hani": "Han, either"},
    **{"Latn": "Latin", "Cyrl": "Cyrillic", "Arab": "Arabic", "Grek": "Greek", "Hebr": "Hebrew", "Deva": "Devanagari"},
    **{"Jpan": "Japanese", "Kore": "Korean", "Thai": "Thai", "Zyyy": "no script"},
}
KINDS = {
    "email": "e-mail addresses",
    "phone": "telephone numbers",
    "cn_resident_id": "Chinese resident identity numbers",
    "bank_card": "bank card numbers",
    "ip": "IP addresses",
}
CLASSES = {
    "public-domain": "no conditions",
    "permissive": "keep the notice",
    "attribution": "name the author",
    "share-alike": "pass on under the same terms",
    "non-commercial": "no commercial use",
    "no-derivatives": "no changed versions",
    "unknown": "nothing is known",
}


def language(code: str) -> str:
    """`zh` → `Chinese`; an unknown code stays as it is."""
    return LANGUAGES.get(code, code)


def kind(code: str) -> str:
    """`phone` → `Telephone numbers`."""
    name = KINDS.get(code, code)
    return name[:1].upper() + name[1:]


def looked_for(card: CardModel) -> str:
    """The kinds of personal data that were looked for, and whose telephone numbers."""
    others = "only with + or 00, or beside a word for telephone"
    national = f"national numbers of {', '.join(card.regions)}; others {others}" if card.regions else others
    shown = [KINDS.get(k, k) + (f" ({national})" if k == "phone" else "") for k in card.looked_for]
    return ", ".join(shown) or "nothing"


def tag(lang: str, script: str) -> str:
    """BCP 47 tag for the `lang` attribute, which decides the shapes of Han characters."""
    if lang == "zh":
        return {"Hans": "zh-Hans", "Hant": "zh-Hant"}.get(script, "zh")
    return lang


def size(count: int) -> str:
    """Bytes in decimal units."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def share(part: float, whole: float) -> str:
    """A percentage that never rounds something to nothing, or nearly all to all."""
    if not whole or not part:
        return "0 %"
    percent = 100 * part / whole
    if percent < 0.1:
        return "< 0.1 %"
    if 99.9 < percent < 100:
        return "> 99.9 %"
    return f"{percent:.1f} %"


def number(value: float | None) -> str:
    """Whole numbers with separators, others to six significant digits."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.6g}"


def bound(e: Expectation) -> str:
    """What an expectation asks for."""
    parts = [f"≥ {number(e.min)}" if e.min is not None else "", f"≤ {number(e.max)}" if e.max is not None else ""]
    return " and ".join(p for p in parts if p)


def similarities(r: Recall) -> str:
    """The range of similarity of a row of the planted sample."""
    if r.kind == "exact":
        return "1, other form"
    return f"{r.low_edge:.2f} and more" if r.kind == "threshold" else f"{r.low_edge:.2f} to {r.to:.2f}"


def interval(r: Recall) -> str:
    """The bounds of a recall in per cent; nothing is known of no pair."""
    return f"{100 * r.low:.1f} – {100 * r.high:.1f} %" if r.pairs else "–"
