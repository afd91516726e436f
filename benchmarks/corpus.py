"""Builds a mixed Chinese and English corpus of a wanted size from a folder of real data: real text first, varied
copies only
to reach the size.

    python benchmarks/corpus.py DATA OUT --megabytes 100

DATA is searched for the kinds of files that it may hold (`*.jsonl.zst`, `*.tar.xz`, `*.txt.gz`, …); no file is
required. OUT gets
JSON Lines of at most 16 MB in `raw/en`, `raw/zh` and `raw/mixed`, HTML pages in `raw/html`, and a params.yaml.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import random
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import yaml
import zstandard

_HAN = re.compile(r"[㐀-鿿]")
_PIECE = re.compile(r"[A-Za-z0-9]+|[㐀-鿿]|\s+|.", re.S)
_FILE_BYTES = 16 << 20


def real_documents(data: Path) -> Iterator[str]:
    """Every text of the folder, a document each, in a fixed order."""
    for path in sorted(data.rglob("*")):
        if not path.is_file() or {"sealed", "noncommercial", "bad_input", "images", "audio"} & set(path.parts):
            continue
        name = path.name
        if name.endswith(".jsonl.zst"):
            yield from _json_lines(zstandard.ZstdDecompressor().stream_reader(path.open("rb")))
        elif name.endswith((".txt.zst", ".txt.gz", ".tsv.zst", ".tsv.gz", ".csv.gz")):
            raw = path.read_bytes()
            plain = (
                gzip.decompress(raw)
                if name.endswith(".gz")
                else zstandard.ZstdDecompressor().decompressobj().decompress(raw)
            )
            yield from _paragraphs(plain.decode("utf-8", "replace"))
        elif name.endswith((".tar.xz", ".tar.gz")):
            yield from _members(path)


def _json_lines(stream: io.BufferedIOBase) -> Iterator[str]:
    for line in io.TextIOWrapper(stream, encoding="utf-8"):
        row = json.loads(line)
        for key in ("text", "html", "content", "card", "body", "naturalParagraph"):
            if isinstance(row.get(key), str):
                yield row[key]
                break


def _members(path: Path) -> Iterator[str]:
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile() and member.name.endswith((".rst", ".txt", ".md", ".json", ".html", ".yml")):
                text = (archive.extractfile(member) or io.BytesIO()).read().decode("utf-8", "replace")
                yield from _poems(text) if member.name.endswith(".json") else [text]


def _poems(text: str) -> Iterator[str]:
    try:
        rows = json.loads(text)
    except json.JSONDecodeError:
        return
    for row in rows if isinstance(rows, list) else []:
        lines = row.get("paragraphs") if isinstance(row, dict) else None
        if isinstance(lines, list) and all(isinstance(line, str) for line in lines):
            yield "\n".join([str(row.get("title", "")), str(row.get("author", "")), *lines])


def _paragraphs(text: str) -> Iterator[str]:
    for start in range(0, len(text), 3000):
        yield text[start : start + 3000]


def varied(text: str, seed: int) -> str:
    """The words of a text in another order within its lines, the lines shuffled, one word in six from elsewhere in
    it: no
    near-duplicate of the text."""
    rng = random.Random(seed)
    lines = text.split("\n")
    rng.shuffle(lines)
    words = [p for p in _PIECE.findall(text[:4000]) if p.strip()] or ["x"]
    out = []
    for line in lines:
        pieces = _PIECE.findall(line)
        for i in range(0, len(pieces) - 3, 3):
            if rng.random() < 0.5:
                pieces[i], pieces[i + 2] = pieces[i + 2], pieces[i]
            if rng.random() < 0.5:
                pieces[i + 1] = words[int(rng.random() * len(words))]
        out.append("".join(pieces))
    return "\n".join(out)


class _Files:
    """JSON Lines files of about 16 MB a kind, and HTML pages as files of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._open, self._sizes, self._count = folder, dict[str, io.BufferedWriter](), dict[str, int](), 0
        self.bytes = 0

    def add(self, text: str) -> None:
        raw = text.encode("utf-8", "replace")
        self.bytes += len(raw)
        self._count += 1
        if text.lstrip()[:200].lower().startswith(("<!doctype", "<html")):
            path = self._folder / "html" / f"{self._count // 500:04d}" / f"{self._count:07d}.html"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(raw)
            return
        han = len(_HAN.findall(text[:2000])) / max(len(text[:2000]), 1)
        kind = "zh" if han > 0.3 else "en" if han < 0.01 else "mixed"
        if self._sizes.get(kind, _FILE_BYTES) >= _FILE_BYTES:
            if kind in self._open:
                self._open[kind].close()
            path = self._folder / kind / f"part-{self._count:07d}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open[kind], self._sizes[kind] = path.open("wb"), 0
        row = json.dumps({"id": f"{kind}-{self._count}", "text": raw.decode()}, ensure_ascii=False).encode() + b"\n"
        self._open[kind].write(row)
        self._sizes[kind] += len(row)

    def close(self) -> None:
        for file in self._open.values():
            file.close()


def build(data: Path, out: Path, megabytes: float) -> int:
    """Write the corpus and its params.yaml; returns the UTF-8 bytes of its texts."""
    wanted = megabytes * 1e6
    files = _Files(out / "raw")
    # Spread over the whole folder, so that a small corpus is as mixed as a large one.
    documents = list(real_documents(data))
    random.Random(0).shuffle(documents)
    generation = 0
    while files.bytes < wanted and documents:
        for i, text in enumerate(documents):
            files.add(text if generation == 0 else varied(text, generation * 1_000_003 + i))
            if files.bytes >= wanted:
                break
        generation += 1
    files.close()
    kinds = [k for k in ("en", "zh", "mixed", "html") if (out / "raw" / k).is_dir()]
    sources = [
        {"name": k, "path": f"raw/{k}", "license": "CC-BY-SA-4.0", **({} if k == "html" else {"id": "id"})}
        for k in kinds
    ]
    recipe = {"name": "benchmark", "sources": sources}
    (out / "params.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")
    return files.bytes


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--megabytes", type=float, default=100)
    args = parser.parse_args()
    print(f"{build(args.data, args.out, args.megabytes) / 1e6:.1f} MB of text in {args.out}")
