"""The few texts that a card shows: rendered without personal data, cut short, with nothing invisible left in them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from aigc_data import render
from aigc_data.cards.model import Excerpt
from aigc_data.lineage import HIDE_ALL, pii_measure
from aigc_data.store import stack
from aigc_data.store.workspace import Workspace

LENGTH = 300  # code points

#: From this confidence on a span is taken for personal data.
SURE = 50
_READS = (
    *("id", "source", *render.READS, "clean.lang", "clean.script", "quality.tokens"),
    *("gate.reason", "gate.duplicate_of", "gate.similarity", "gate.method", "pii.reason"),
)
_KEPT = "\n\u200c\u200d"
_INVISIBLE = {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}


def read_excerpts(workspace: Workspace, ids: Iterable[str], *, length: int = LENGTH) -> dict[str, Excerpt]:
    """The excerpt of each record; an id that no base row has is left out."""
    wanted = pa.array(sorted(set(ids)), pa.string())
    pii = pii_measure(workspace)
    found: dict[str, Excerpt] = {}
    for shard in workspace.shards() if len(wanted) else []:
        if not pc.any(pc.is_in(stack.read_rows(workspace, shard, ["id"])["id"], wanted)).as_py():
            continue
        rows = stack.read_rows(workspace, shard, _READS)
        rows = rows.filter(pc.is_in(rows["id"], wanted))
        texts = render.render_texts(rows, pii, HIDE_ALL).to_pylist()
        facts = rows.drop_columns(["clean.text"]).to_pylist()
        for row, text in zip(facts, texts, strict=True):
            found[row["id"]] = _excerpt(row, text, length)
    return found


def _excerpt(row: Mapping[str, Any], text: str, length: int) -> Excerpt:
    verdict = str(row["gate.reason"] or "lives")
    withheld = "" if verdict == "lives" else _withheld(row, verdict)
    shown = "" if withheld else visible(text[:length])
    return Excerpt(
        id=str(row["id"]),
        source=str(row["source"]),
        lang=str(row["clean.lang"]),
        script=str(row["clean.script"]),
        tokens=row["quality.tokens"],
        verdict=verdict,
        text=shown,
        cut=not withheld and len(text) > length,
        withheld=withheld,
        duplicate_of=str(row["gate.duplicate_of"]),
        similarity=row["gate.similarity"],
        method=str(row["gate.method"]),
    )


def _withheld(row: Mapping[str, Any], verdict: str) -> str:
    """Why a dropped row's text is not shown: what is left when numbers go are often names and addresses."""
    if verdict == "gate:takedown":
        return "taken down"
    if row["pii.reason"] is not None:
        return "refused for its personal data"
    return "it held personal data" if any(s["confidence"] >= SURE for s in row["pii.spans"]) else ""


def visible(text: str) -> str:
    """The text with control, format and unassigned characters written out, so that none can reorder or hide a line.

    Newlines stay, and the two joiners that emoji and some scripts need; a tab becomes a space.
    """
    return "".join(c if c in _KEPT or unicodedata.category(c) not in _INVISIBLE else _written(c) for c in text)


def _written(character: str) -> str:
    return " " if character == "\t" else f"\\u{{{ord(character):x}}}"
