"""Writes aigc_data/sources/data/common_characters.txt: the characters that texts of a script use most.

    python scripts/make_common_characters.py LABELLED.tsv.zst PAIRS.jsonl.zst

LABELLED has the columns lang, kind, text; PAIRS has JSON objects with `script` (Hans or Hant) and `text`. The file that
is committed was made from the Chinese, Japanese and Korean texts of lingua's test data (Apache-2.0; sentences of the
Leipzig corpora) and the simplified and traditional sentences of Chinese Wikipedia (CC BY-SA). It holds no sentence,
only counts turned into an order of characters.
"""

from __future__ import annotations

import io
import json
import sys
from collections import Counter
from pathlib import Path

import zstandard

TARGET = Path(__file__).parents[1] / "aigc_data" / "sources" / "data" / "common_characters.txt"
#: Enough to be half of any running text, few enough to be a small part of a code page.
KEPT = 250


def main() -> None:
    """Count, and write one line a script."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in ("Hans", "Hant", "Jpan", "Hang")}
    for line in _lines(sys.argv[1]):
        lang, _, text = line.rstrip("\n").split("\t", 2)
        for name in {"zh": ["Hans"], "ja": ["Jpan"], "ko": ["Hang"]}.get(lang, []):
            counts[name].update(c for c in text if _counts(c))
    for line in _lines(sys.argv[2]):
        row = json.loads(line)
        counts[row["script"]].update(c for c in row["text"] if _counts(c))
    TARGET.parent.mkdir(exist_ok=True)
    rows = [
        name + " " + "".join(c for c, _ in sorted(found.items(), key=lambda f: (-f[1], f[0]))[:KEPT])
        for name, found in counts.items()
    ]
    TARGET.write_text("\n".join(rows) + "\n", encoding="utf-8")


def _lines(path: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(Path(path).open("rb")), encoding="utf-8")


def _counts(character: str) -> bool:
    return "぀" <= character <= "ヿ" or "一" <= character <= "鿿" or "가" <= character <= "힣"


if __name__ == "__main__":
    main()
