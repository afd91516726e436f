"""Quality signals: how fast, the same as datatrove's or not, and which real texts the bounds drop.

    python benchmarks/text_signals.py DATA [--peers FOLDER]
    python benchmarks/text_signals.py --golden tests/text/data/datatrove/golden.jsonl --peers FOLDER

DATA is a folder of real texts, FOLDER holds an environment `datatrove` (peers/make.sh). The second form computes the
values of the parity test again, for the texts that stand in the file.
"""

from __future__ import annotations

import argparse
import gzip
import html
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from measuring import PEERS, best_of, conditions, python_of, table

from aigc_data.kernels.codepoints import TABLES, UNSPACED, WORD
from aigc_data.recipe import CleanMeasure, QualityRules
from aigc_data.stages.clean import measure as clean
from aigc_data.text.quality.rules import FILTERS, PUBLISHED, failures, measured, rule_names
from aigc_data.text.quality.signals import signals

SHARD_MB = 20
SMALLEST = 300  # characters; the dump's redirects are no articles


@dataclass(frozen=True)
class Texts:
    """One set: what kind of text it is, in which language, and the texts as the quality stage reads them."""

    name: str
    kind: str  # encyclopedic, technical, literary, web, natural, unnatural
    lang: str
    texts: pa.Array


def corpora(data: Path) -> list[Texts]:
    """Every set of the folder, cleaned by the clean stage."""
    found = []
    for name, kind, lang, raw in _raw(data):
        texts = [text for text in raw if text.strip()]
        rows = pa.table({"id": [str(n) for n in range(len(texts))], "text": pa.array(texts, pa.large_string())})
        cleaned = clean(rows, CleanMeasure(langdetect_sample=0))["text"].combine_chunks()
        found.append(Texts(name, kind, lang, cleaned))
    return found


def _raw(data: Path) -> Iterator[tuple[str, str, str, list[str]]]:
    wiki = (
        zstandard.ZstdDecompressor().decompressobj().decompress((data / "text_en/wikitext2_valid.txt.zst").read_bytes())
    )
    yield "WikiText-2 articles", "encyclopedic", "en", re.split(r"\n(?= = [^=\n]+ = \n)", wiki.decode())
    dump = gzip.decompress((data / "text_en/enwik5.xml.gz").read_bytes()).decode("utf-8", "replace")
    pages = [html.unescape(page) for page in re.findall(r"<text[^>]*>(.*?)(?:</text>|$)", dump, re.S)]
    yield "enwik, wiki markup", "encyclopedic", "en", [page for page in pages if len(page) >= SMALLEST]
    yield "Python PEPs", "technical", "en", list(_members(data / "text_en/python_peps.tar.xz"))
    plays = gzip.decompress((data / "text_en/tinyshakespeare.txt.gz").read_bytes()).decode().split("\n\n")
    yield (
        "Shakespeare, ten speeches each",
        "literary",
        "en",
        ["\n\n".join(plays[n : n + 10]) for n in range(0, len(plays), 10)],
    )
    yield (
        "Gutenberg chapters",
        "literary",
        "en",
        [row["text"] for row in _rows(data / "neardup/gutenberg_chapters.jsonl.zst")],
    )
    yield "English Web Treebank", "web", "en", [row["text"] for row in _rows(data / "text_en/ewt_web_docs.jsonl.zst")]
    pairs = _rows(data / "neardup/zh_wikipedia_hans_hant_pairs.jsonl.zst")
    yield "Chinese Wikipedia, sentences", "encyclopedic", "zh", [row["text"] for row in pairs]
    yield "OI-wiki", "technical", "zh", [row["text"] for row in _rows(data / "text_zh/oi_wiki.jsonl.zst")]
    tidb = _rows(data / "text_zh/tidb_docs_zh.jsonl.zst")
    yield "TiDB documentation", "technical", "zh", [row["text"] for row in tidb if "release" not in row["id"]]
    yield "TiDB release notes", "technical", "zh", [row["text"] for row in tidb if "release" in row["id"]]
    yield (
        "Sayings (fortunes-zh)",
        "literary",
        "zh",
        [row["text"] for row in _rows(data / "text_zh/fortunes_zh.jsonl.zst")],
    )
    yield "Chinese poetry, each ninth", "literary", "zh", list(_poems(data / "text_zh/chinese_poetry_json.tar.xz"))[::9]
    web = _rows(data / "text_web/hplt_web_en_zh.jsonl.zst")
    for code, name in (
        ("eng_Latn", "English"),
        ("zho_Hans", "simplified"),
        ("zho_Hant", "traditional"),
        ("yue_Hant", "Cantonese"),
    ):
        lang = "en" if code == "eng_Latn" else "zh"
        yield f"HPLT web, {name}", "web", lang, [row["text"] for row in web if row["lang_predicted"] == code]
    labelled = [row for row in _rows(data / "quality/hplt_web_labelled.jsonl.zst") if str(row["lang_correct"]) == "1"]
    for lang, code in (("en", "eng"), ("zh", "zho")):
        for kind, label in (("natural", "0"), ("unnatural", "1")):
            rows = [r for r in labelled if r["lang_predicted"].startswith(code) and str(r["unnatural"]) == label]
            yield f"HPLT labelled {kind}", kind, lang, [row["text"] for row in rows]


def _rows(path: Path) -> list[dict[str, Any]]:
    raw = zstandard.ZstdDecompressor().stream_reader(path.open("rb")).read()
    return [json.loads(line) for line in raw.decode().splitlines()]


def _members(path: Path) -> Iterator[str]:
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file:
                yield file.read().decode("utf-8", "replace")


def _poems(path: Path) -> Iterator[str]:
    for text in _members(path):
        try:
            rows = json.loads(text)
        except json.JSONDecodeError:
            continue
        for row in rows if isinstance(rows, list) else []:
            lines = row.get("paragraphs") if isinstance(row, dict) else None
            if isinstance(lines, list) and all(isinstance(line, str) for line in lines):
                yield "\n".join(lines)


def our_tokens(texts: Sequence[str]) -> list[list[str]]:
    """The package's tokens as strings, by a regular expression made of its code point table."""
    pages, flags, _ = TABLES
    every = flags[(pages.astype(np.int64)[:, None] << 8 | np.arange(256)).ravel()]

    def of(flag: int) -> str:
        edges = np.flatnonzero(np.diff(np.concatenate([[0], (every & flag > 0).astype(np.int8), [0]])))
        return "[" + "".join(f"\\U{a:08x}-\\U{b - 1:08x}" for a, b in edges.reshape(-1, 2)) + "]"

    pattern = re.compile(f"{of(WORD)}+|{of(UNSPACED)}")
    return [pattern.findall(text) for text in texts]


def datatrove(python: Path, texts: Sequence[str], language: str, words: str) -> dict[str, Any]:
    """What peers/run_datatrove_quality.py says of these texts."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "texts.parquet", Path(folder) / "found.json"
        given = our_tokens(texts) if words == "ours" else [[] for _ in texts]
        pq.write_table(pa.table({"text": pa.array(texts, pa.large_string()), "tokens": given}), source)
        command = [str(python), str(PEERS / "run_datatrove_quality.py"), str(source), str(target), language, words]
        process = subprocess.run(command, capture_output=True, text=True)
        if process.returncode:
            sys.exit(f"datatrove failed:\n{process.stderr[-3000:]}")
        return json.loads(target.read_text())  # type: ignore[no-any-return]


def speed(sets: Sequence[Texts], python: Path | None) -> str:
    """MB of text a second and core: all signals and the verdict of all rules, beside datatrove's four filters."""
    rows = []
    for name, lang, kinds in (
        ("English web", "en", ("web", "natural", "unnatural")),
        ("English prose and documentation", "en", ("encyclopedic", "technical", "literary")),
        ("Chinese web", "zh", ("web", "natural", "unnatural")),
        ("Chinese prose and documentation", "zh", ("encyclopedic", "technical", "literary")),
    ):
        alone = [text for s in sets if s.lang == lang and s.kind in kinds for text in s.texts.to_pylist() if text]
        size = sum(len(text.encode()) for text in alone) / 1e6
        # As many as a shard holds: what a call costs of itself is spread over them.
        times = max(1, round(SHARD_MB / size))
        texts = pa.chunked_array([pa.array(alone * times, pa.large_string())])
        langs = pa.chunked_array([pa.array([lang] * len(texts), pa.string())])
        chinese = np.full(len(texts), lang == "zh")
        works = (
            lambda t=texts, z=chinese: signals(t, z),
            lambda t=texts, g=langs: failures(measured(t, g), QualityRules()),
        )
        (_, cpu), (_, judged) = best_of(7, *works)
        rates = (size * times / cpu, size * times / judged)
        theirs = None
        if python:
            # Every so many texts, so that datatrove's part takes some seconds.
            sample = alone[:: max(1, int(size / 1.5))]
            found = datatrove(python, sample, "eng" if lang == "en" else "cmn_Hani", "own")
            theirs = sum(len(text.encode()) for text in sample) / 1e6 / found["cpu"]
        rows.append((name, len(alone), size, *rates, theirs, rates[1] / theirs if theirs else None))
    header = ("texts", "n", "MB", "signals, MB/s", "and all verdicts, MB/s", "datatrove, MB/s", "ratio")
    return table(header, rows)


def parity(sets: Sequence[Texts], python: Path) -> str:
    """Values and verdicts beside datatrove's on the English texts: on our tokens, and on its own words."""
    texts = [text for s in sets if s.lang == "en" for text in s.texts.to_pylist()]
    texts = [text for text, tokens in zip(texts, our_tokens(texts), strict=True) if tokens]
    same = datatrove(python, texts, "eng", "ours")
    ours = signals(pa.array(texts, pa.large_string()), np.zeros(len(texts), bool))
    differ = {name: _differing(same["values"], ours[name], name) for name in same["values"][0]}
    values = "; ".join(f"`{name}` in {n}" for name, n in differ.items() if n) or "none"
    broken = _broken(pa.array(texts, pa.large_string()))
    own = datatrove(python, texts, "eng", "own")
    rows, why = [], list[str]()
    for name, fields in [*FILTERS.items(), ("all four", _all_fields())]:
        names = [rule for field, rule in rule_names() if field in fields]
        mine = np.any([broken[rule].to_numpy() for rule in names], axis=0)
        row: list[object] = [name, float(mine.mean())]
        for found in (same, own):
            verdicts = found["verdicts"]
            theirs = np.array(verdicts[name]) != "" if name in verdicts else _any(verdicts)
            row += [int((mine != theirs).sum()), float((mine == theirs).mean() * 100)]
        rows.append(row)
        if name in own["verdicts"]:
            theirs = own["verdicts"][name]
            unlike = Counter(
                reason or "we alone" for reason, a in zip(theirs, mine, strict=True) if (reason != "") != a
            )
            why.append(f"{name}: " + ", ".join(f"{reason} {n}" for reason, n in unlike.most_common(3)))
    header = ("filter", "we drop", "disagree, same tokens", "agree, %", "disagree, spaCy's words", "agree, %")
    kinds = f"{len(texts):,} texts, {len(differ)} signals. Values that differ on the same tokens: {values}.\n\n"
    return kinds + table(header, rows) + "\n\nOn spaCy's words they differ for: " + "; ".join(why) + "."


def _all_fields() -> tuple[str, ...]:
    return tuple(field for fields in FILTERS.values() for field in fields)


def _any(verdicts: dict[str, list[str]]) -> np.ndarray:
    return np.any([np.array(found) != "" for found in verdicts.values()], axis=0)  # type: ignore[no-any-return]


def _broken(texts: pa.Array) -> pa.Table:
    langs = pa.chunked_array([pa.array(["en"] * len(texts), pa.string())])
    return failures(measured(pa.chunked_array([texts]), langs), PUBLISHED)


def _differing(values: Sequence[dict[str, float]], ours: np.ndarray, name: str) -> int:
    theirs = np.array([value[name] for value in values], float)
    return int((np.abs(theirs - ours) > 1e-6 * np.maximum(theirs, 1)).sum())


def dropped(sets: Sequence[Texts]) -> str:
    """Which share of each set the default and the published bounds drop."""
    langs = pa.chunked_array([pa.array([s.lang] * len(s.texts), pa.string()) for s in sets])
    columns = measured(pa.chunked_array([s.texts for s in sets]), langs)
    bounds = np.cumsum([0, *(len(s.texts) for s in sets)])
    ours, theirs = failures(columns, QualityRules()), failures(columns, PUBLISHED)
    mine = np.stack([column.to_numpy() for column in ours.columns], axis=1)
    published = np.stack([column.to_numpy() for column in theirs.columns], axis=1).any(axis=1)
    rows, sums = [], dict[tuple[str, str], list[int]]()
    for s, start, end in zip(sets, bounds, bounds[1:], strict=False):
        hits = mine[start:end]
        most = [
            f"{ours.column_names[n]} {hits[:, n].sum()}" for n in np.argsort(-hits.sum(axis=0))[:3] if hits[:, n].any()
        ]
        gone = int(hits.any(axis=1).sum())
        total = sums.setdefault((s.lang, s.kind), [0, 0])
        total[0], total[1] = total[0] + end - start, total[1] + gone
        share = 100 * published[start:end].mean()
        rows.append((s.lang, s.kind, s.name, end - start, 100 * gone / (end - start), share, ", ".join(most)))
    header = ("", "kind", "texts", "n", "dropped, %", "published bounds, %", "rules that hit most")
    whole = [(lang, kind, n, 100 * gone / n) for (lang, kind), (n, gone) in sorted(sums.items())]
    return table(header, rows) + "\n\n" + table(("", "kind", "n", "dropped, %"), whole)


def report(data: Path, peers: Path | None) -> str:
    """The tables of this part."""
    sets, python = corpora(data), python_of(peers, "datatrove")
    parts = [conditions(), "### Speed", speed(sets, python)]
    if python:
        parts += ["### Parity with datatrove (English)", parity(sets, python)]
    return "\n\n".join([*parts, "### What the bounds drop", dropped(sets)])


def golden(path: Path, python: Path) -> None:
    """Write datatrove's values and verdicts beside the texts of a JSON Lines file (fields origin, text)."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    found = datatrove(python, [row["text"] for row in rows], "eng", "ours")
    with path.open("w", encoding="utf-8") as file:
        for n, row in enumerate(rows):
            verdicts = {name: reasons[n] for name, reasons in found["verdicts"].items()}
            kept = {name: row[name] for name in ("origin", "text", "differs") if name in row}
            new = kept | {"datatrove": found["version"], "verdicts": verdicts, "values": found["values"][n]}
            file.write(json.dumps(new, ensure_ascii=False) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--golden", type=Path)
    args = parser.parse_args()
    python = python_of(args.peers, "datatrove")
    if args.golden:
        if python is None:
            parser.error("--golden needs --peers with an environment `datatrove`")
        golden(args.golden, python)
    elif args.data:
        print(report(args.data, args.peers))
    else:
        parser.error("name a folder of texts, or --golden FILE")


if __name__ == "__main__":
    main()
