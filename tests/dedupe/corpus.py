"""A corpus of near-duplicates in two languages, made of the literal prose."""

from __future__ import annotations

from typing import Any

from prose import chinese, english


def near(text: str, k: int) -> str:
    """A copy with one passage changed, another one for each k."""
    return text[: 20 + 3 * k] + ("另有一句" if text[0] > "\u4e00" else " in passing ") + text[20 + 3 * k :]


def family(n: int, copies: int, chinese_text: bool) -> list[dict[str, Any]]:
    """One document and near copies of it."""
    text = chinese(n) if chinese_text else english(n)
    name = f"{'zh' if chinese_text else 'en'}-{n}"
    return [{"id": name, "text": text}] + [{"id": f"{name}-{k}", "text": near(text, k)} for k in range(copies)]


def corpus(families: range, copies: int = 2) -> list[dict[str, Any]]:
    """Families in both languages, an exact copy of each first document, and texts without tokens."""
    rows = [row for n in families for zh in (False, True) for row in family(n, copies, zh)]
    copied = [{"id": f"{row['id']}-copy", "text": row["text"] + " !"} for row in rows[:: copies + 1]]
    empty = [{"id": f"empty-{families.start}", "text": "。。。"}, {"id": f"blank-{families.start}", "text": "..."}]
    return rows + copied + empty
