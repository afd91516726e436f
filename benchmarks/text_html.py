"""Extraction from HTML: how fast, where the time goes, how much of the article comes out; the reading of WARC files.

    python benchmarks/text_html.py DATA

DATA holds `text_html/readability_pages.tar.xz` (pages with the article as readability's authors want it),
`text_html/libreoffice_help_en_zh.jsonl.zst` and `neardup/install_guide_html.jsonl.zst`.
"""

from __future__ import annotations

import argparse
import gzip
import io
import tarfile
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import text_encodings
from fastwarc.warc import ArchiveIterator
from measuring import best_of, table
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree
from text_encodings import json_lines
from trafilatura import extract

from aigc_data.kernels.markup import scan_markup
from aigc_data.recipe import Source
from aigc_data.sources import list_inputs, read_file
from aigc_data.sources.chunks import Facts, UnusableError
from aigc_data.sources.encodings import decode
from aigc_data.sources.page_facts import complete
from aigc_data.sources.pages import page
from aigc_data.sources.rights import Signals
from aigc_data.sources.streams import blocks
from aigc_data.sources.warc import _Bytes, _records
from aigc_data.text.tokens import tokens_of

_TIMES = 5
_RECORD = 16 << 20


def _corpora(data: Path) -> Iterator[tuple[str, list[bytes]]]:
    gold = [source for source, _ in _gold(data)]
    yield "readability pages", gold
    yield "LibreOffice help", _html(data / "text_html/libreoffice_help_en_zh.jsonl.zst")
    yield "installation guide", _html(data / "neardup/install_guide_html.jsonl.zst")


def _html(path: Path) -> list[bytes]:
    return [row["html"].encode() for row in json_lines(path)]


def _gold(data: Path) -> list[tuple[bytes, str]]:
    """(page, text of the article as expected)."""
    files: dict[str, dict[str, bytes]] = {}
    with tarfile.open(data / "text_html/readability_pages.tar.xz") as archive:
        for member in archive:
            if member.isfile():
                folder, _, name = member.name.rpartition("/")
                files.setdefault(folder, {})[name] = (archive.extractfile(member) or io.BytesIO()).read()
    both = [
        (f["source.html"], f["expected.html"]) for f in files.values() if {"source.html", "expected.html"} <= f.keys()
    ]
    return [(raw, extract_plain_text(expected.decode(), main_content=False)) for raw, expected in both]


def _extracted(raw: bytes, extractor: str) -> str:
    try:
        return page(decode(raw), Facts(), extractor=extractor)[0]
    except UnusableError:
        return ""


def _rates(data: Path) -> str:
    rows = []
    for name, pages in _corpora(data):
        texts = [raw.decode("utf-8", "replace") for raw in pages]
        size = sum(map(len, pages)) / 1e6
        few = slice(None, None, max(len(pages) // 150, 1))  # trafilatura takes its time
        works: list[Callable[[], object]] = [
            lambda pages=pages: [_extracted(raw, "resiliparse") for raw in pages],
            lambda texts=texts: [extract_plain_text(HTMLTree.parse(t), main_content=True) for t in texts],
            lambda texts=texts: [extract_plain_text(HTMLTree.parse(t), main_content=False) for t in texts],
            lambda pages=pages, few=few: [_extracted(raw, "trafilatura") for raw in pages[few]],
            lambda texts=texts, few=few: [extract(text, fast=True) for text in texts[few]],
        ]
        seconds = [cpu for _, cpu in best_of(_TIMES, *works)]
        part = sum(map(len, pages[few])) / 1e6
        rates = [size / s for s in seconds[:3]] + [part / s for s in seconds[3:]]
        rows.append((name, len(pages), size, *rates, rates[0] / rates[3]))
    header = (
        "pages", "n", "MB", "**ours, resiliparse**", "resiliparse alone", "resiliparse, all text", "ours, trafilatura",
        "trafilatura alone, fast=True", "ours: resiliparse / trafilatura",
    )  # fmt: skip
    note = (
        "MB of HTML a second of one core. Ours starts from bytes, gives text and facts, refuses what is too complex. "
        "The others start from decoded text and give text. trafilatura: up to some 150 pages of each."
    )
    return table(header, rows) + f"\n\n{note}\n"


def _steps(data: Path) -> str:
    """CPU seconds of each step a MB of HTML."""
    rows = []
    for name, pages in _corpora(data):
        texts = [decode(raw) for raw in pages]
        encoded = [text.encode() for text in texts]
        views = [np.frombuffer(raw, np.uint8) for raw in encoded]
        tags = [scan_markup(view, 512)[1] for view in views]
        trees = [HTMLTree.parse(text) for text in texts]
        steps: list[Callable[[], object]] = [
            lambda pages=pages: [decode(raw) for raw in pages],
            lambda views=views: [scan_markup(view, 512) for view in views],
            lambda texts=texts: [HTMLTree.parse(text) for text in texts],
            lambda trees=trees: [extract_plain_text(tree, main_content=True) for tree in trees],
            lambda encoded=encoded, tags=tags: [
                complete(Facts(), raw, noted, title="", signals=Signals())
                for raw, noted in zip(encoded, tags, strict=True)
            ],
        ]
        size = sum(map(len, pages)) / 1e6
        rows.append((name, *(1000 * cpu / size for _, cpu in best_of(_TIMES, *steps))))
    header = ("ms of CPU a MB", "decode", "scan (bounds, tags)", "parse", "main text", "facts")
    return table(header, rows) + "\n"


def _scores(found: str, expected: str) -> tuple[float, float, float]:
    """Precision, recall, F1 of the tokens, as bags."""
    a, b = Counter(tokens_of(found)), Counter(tokens_of(expected))
    both = sum((a & b).values())
    precision = both / max(sum(a.values()), 1)
    recall = both / max(sum(b.values()), 1)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


def _quality(data: Path) -> str:
    gold = _gold(data)
    ways: dict[str, Callable[[bytes], str]] = {
        "resiliparse (default)": lambda raw: _extracted(raw, "resiliparse"),
        "trafilatura": lambda raw: _extracted(raw, "trafilatura"),
        "resiliparse, all text": lambda raw: str(extract_plain_text(decode(raw), main_content=False)),
    }
    rows = []
    for chosen, pairs in (
        ("all", gold),
        ("over 20 kB", [(raw, text) for raw, text in gold if len(raw) > 20_000]),
    ):
        for name, way in ways.items():
            texts = [way(raw) for raw, _ in pairs]
            found = [_scores(text, expected) for text, (_, expected) in zip(texts, pairs, strict=True)]
            means = np.mean(found, axis=0)
            rows.append((chosen, len(pairs), name, *means, np.median([f[2] for f in found]), sum(not t for t in texts)))
    note = "Means over pages of precision, recall and F1 of tokens as bags, against readability's expected.html."
    return table(("pages", "n", "", "precision", "recall", "F1", "median F1", "no text"), rows) + f"\n\n{note}\n"


def _warc(data: Path) -> str:
    """Framing of WARC records, ours and fastwarc's, beside the whole way from file to rows."""
    pages = _html(data / "text_html/libreoffice_help_en_zh.jsonl.zst")[:800]
    size = sum(map(len, pages)) / 1e6
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, pack in (("plain", bytes), ("gzip", gzip.compress)):
            path = Path(folder) / ("a.warc" if name == "plain" else "a.warc.gz")
            path.write_bytes(b"".join(pack(_record(number, raw)) for number, raw in enumerate(pages)))
            source = Source(name="s", path=str(path))
            file = list_inputs(source, Path(folder))[0]
            works: list[Callable[[], object]] = [
                lambda file=file: list(_records(_Bytes(blocks(file)), _RECORD)),
                lambda path=path: [record.reader.read() for record in ArchiveIterator(path.open("rb"))],
                lambda file=file, source=source: list(
                    read_file(file, source, max_record_bytes=_RECORD, chunk_bytes=8 << 20)
                ),
            ]
            seconds = [cpu for _, cpu in best_of(_TIMES, *works)]
            share = f"{(seconds[0] - seconds[1]) / seconds[2]:.1%}"
            rows.append((name, len(pages), *(size / s for s in seconds), share))
    note = "MB of HTML a second of one core. The last column is what fastwarc's framing would save of the whole."
    header = ("WARC", "records", "framing, ours", "framing, fastwarc", "file to rows, ours", "saved")
    return table(header, rows) + f"\n\n{note}\n"


def _record(number: int, body: bytes) -> bytes:
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + body
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:{number}>\r\nWARC-Date: 2024-05-18T01:58:10Z\r\n"
        f"WARC-Target-URI: http://a.example/{number}\r\nContent-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def report(data: Path, peers: Path | None = None) -> str:
    """All tables. The peers are libraries of the project: `peers` is not needed."""
    parts = (
        ("Rates", _rates(data)),
        ("Where the time goes", _steps(data)),
        ("How much of the article", _quality(data)),
        ("WARC", _warc(data)),
        ("Encodings", text_encodings.report(data)),
    )
    return "\n".join(f"#### {title}\n\n{text}" for title, text in parts)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--peers", type=Path)
    args = parser.parse_args()
    print(report(args.data, args.peers))
