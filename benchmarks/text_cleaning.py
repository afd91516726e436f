"""Cleaning: its rate with everything on, what it cuts and changes in good text and in web pages, and hostile strings.

    python benchmarks/text_cleaning.py DATA [--peers FOLDER]

DATA holds text_web, quality, lid, text_html, text_en, text_zh, neardup and bad_input. No peer needs an environment of
its own: ftfy is a dependency, and datatrove has no cleaner but its formatter around ftfy.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import re
import tarfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import ftfy
import numpy as np
import pyarrow as pa
import zstandard
from measuring import best_of, conditions, megabytes, table
from resiliparse.extract.html2text import extract_plain_text

from aigc_data.recipe import CleanMeasure
from aigc_data.text.cleaning.clean import Cleaned, changed_rules, clean
from aigc_data.text.cleaning.lines import KINDS
from aigc_data.text.cleaning.mojibake import CONFIG, repair

#: Bytes of text that the slow peer gets.
SAMPLE = 2_000_000


def report(data: Path, peers: Path | None) -> str:
    """The tables as Markdown. `peers` is not needed."""
    pages, good = web_pages(data), good_texts(data)
    web = [*_json(data / "text_web/hplt_web_en_zh.jsonl.zst"), *_json(data / "quality/hplt_web_labelled.jsonl.zst")]
    web += _json(data / "lid/hplt_web_186_languages.jsonl.zst")
    mixed = {"mixed web: the next two": web + pages, "HPLT web, 186 languages": web, "HTML pages, extracted": pages}
    parts = [
        conditions(),
        rates({**mixed, **{name: good[name] for name in ("PEPs", "OI-wiki", "TiDB docs", "WikiText")}}),
    ]
    parts += [changes({"HTML pages, extracted": pages, "HPLT web, 186 languages": web, **good}), examples(pages)]
    return "\n\n".join([*parts, mojibake(data), hostile(data)])


def rates(corpora: dict[str, list[str]]) -> str:
    """CPU rates on one core; the baseline is ftfy in the same configuration, which does less."""
    rows = []
    for name, texts in corpora.items():
        array, size = pa.array(texts, pa.large_string()), megabytes(texts)
        few = _sample(texts)
        clean_all(array)
        whole, plain, slow = best_of(
            4,
            lambda array=array: clean_all(array),
            lambda array=array: clean(array, form="NFC", mojibake=True),
            lambda few=few: [ftfy.fix_text(text, CONFIG._replace(normalization="NFC")) for text in few],
        )
        baseline = megabytes(few) / slow[1]
        rows.append((name, size, size / whole[1], size / plain[1], baseline, size / whole[1] / baseline))
    head = ("texts", "MB", "all rules, MB/s", "characters only, MB/s", "ftfy alone, MB/s", "all rules : ftfy")
    return "### Rates, CPU seconds on one core\n\n" + table(head, rows)


def changes(corpora: dict[str, list[str]]) -> str:
    """Lines that are cut, by kind, and texts that the other rules change."""
    rows = []
    for name, texts in corpora.items():
        done = clean_all(pa.array(texts, pa.large_string()))
        kinds = Counter(cut["kind"] for cuts in done.cuts.to_pylist() for cut in cuts)
        lines = sum(len([line for line in text.split("\n") if line.strip()]) for text in texts)
        cut_docs = sum(bool(cuts) for cuts in done.cuts.to_pylist())
        rules = Counter(rule for row in changed_rules(done.masks).to_pylist() for rule in row)
        rows.append(
            (
                name,
                len(texts),
                lines,
                *(kinds[kind] for kind in KINDS),
                cut_docs,
                rules["mojibake"],
                rules["html"],
                rules["nfc"],
            )
        )
    head = ("texts", "n", "lines", *(f"cut: {kind}" for kind in KINDS), "texts with a cut", "mojibake", "html", "nfc")
    return "### What is cut and changed, by the defaults\n\n" + table(head, rows)


def examples(texts: list[str]) -> str:
    """The lines that are cut most often."""
    done = clean_all(pa.array(texts, pa.large_string()))
    seen: Counter[tuple[str, str]] = Counter()
    for text, cuts in zip(texts, done.cuts.to_pylist(), strict=True):
        seen.update((cut["kind"], text[cut["start"] : cut["end"]].strip()[:90].replace("|", "/")) for cut in cuts)
    rows = [(kind, line, n) for which in KINDS for (kind, line), n in seen.most_common() if kind == which]
    per_kind = [row for which in KINDS for row in [row for row in rows if row[0] == which][:10]]
    return "### Lines that are cut most often in HTML pages\n\n" + table(("kind", "line", "times"), per_kind)


def mojibake(data: Path) -> str:
    """ftfy's own cases: how many come out right, by us and by ftfy in our configuration."""
    cases = json.loads((data / "bad_input/ftfy_mojibake_cases.json").read_text("utf-8"))
    rows = []
    for kind, group in cases.items():
        ours = [repair(case["original"]) for case in group]
        theirs = [ftfy.fix_text(case["original"], CONFIG) for case in group]
        right = sum(a == case["fixed"] for a, case in zip(ours, group, strict=True))
        same = sum(a == b for a, b in zip(ours, theirs, strict=True))
        rows.append((kind, len(group), right, same))
    return "### ftfy's cases\n\n" + table(("cases", "n", "as ftfy's defaults", "as ftfy in our configuration"), rows)


def hostile(data: Path) -> str:
    """Hostile strings: no exception, and a second cleaning changes nothing."""
    folder = data / "bad_input"
    naughty = json.loads((folder / "naughty_strings.json").read_text("utf-8"))
    stress = (folder / "kuhn_utf8_test.txt").read_bytes().decode("utf-8", "replace")
    sets = {
        "naughty strings": naughty,
        "UTF-8 stress test, whole and line by line": [stress, *stress.split("\n")],
        "5 MB of sentences": ["The data were all. 数据决定上限。\n" * 120_000],
        "one line of 1,000,000 letters": ["x" * 1_000_000],
        "1,000,000 line feeds": ["\n" * 1_000_000],
        "a letter and 1,000,000 marks out of order": ["e" + "\u0301\u0323" * 500_000],
        "300,000 open tags": ["<a " * 300_000],
        "100,000 boilerplate lines and one more": ["x\n" + "Read more\n" * 100_000],
    }
    rows = []
    for name, texts in sets.items():
        start = time.process_time()
        once = clean_all(pa.array(texts, pa.large_string()))
        seconds = time.process_time() - start
        rows.append((name, len(texts), seconds, clean_all(once.texts).texts == once.texts))
    return "### Hostile strings\n\n" + table(("strings", "n", "CPU seconds", "twice is once"), rows)


def clean_all(texts: pa.Array) -> Cleaned:
    """By the recipe's defaults."""
    tokens = CleanMeasure().repeated_line_tokens
    return clean(texts, form="NFC", mojibake=True, html=True, cut_lines=KINDS, repeated_tokens=tokens)


def web_pages(data: Path) -> list[str]:
    """Main text of pages: LibreOffice's help in two languages, and readability's pages with and without navigation."""
    pages = [extract_plain_text(page) for page in _json(data / "text_html/libreoffice_help_en_zh.jsonl.zst", "html")]
    for page in _members(data / "text_html/readability_pages.tar.xz", "source.html"):
        pages += [extract_plain_text(page), extract_plain_text(page, main_content=True)]
    return pages


def good_texts(data: Path) -> dict[str, list[str]]:
    """Texts that nobody would cut a line from."""
    wiki = (
        zstandard.ZstdDecompressor().decompressobj().decompress((data / "text_en/wikitext2_valid.txt.zst").read_bytes())
    )
    plays = gzip.decompress((data / "text_en/tinyshakespeare.txt.gz").read_bytes()).decode()
    return {
        "PEPs": list(_members(data / "text_en/python_peps.tar.xz", ".rst")),
        "WikiText": re.split(r"\n(?= = [^=].* = \n)", wiki.decode()),
        "Shakespeare, 20 kB each": [plays[at : at + 20_000] for at in range(0, len(plays), 20_000)],
        "English Web Treebank": list(_json(data / "text_en/ewt_web_docs.jsonl.zst")),
        "Gutenberg chapters": list(_json(data / "neardup/gutenberg_chapters.jsonl.zst")),
        "OI-wiki": list(_json(data / "text_zh/oi_wiki.jsonl.zst")),
        "TiDB docs": list(_json(data / "text_zh/tidb_docs_zh.jsonl.zst")),
        "Chinese fortunes": list(_json(data / "text_zh/fortunes_zh.jsonl.zst")),
        "Chinese poetry": list(_poems(data / "text_zh/chinese_poetry_json.tar.xz")),
        "Chinese Wikipedia sentences": list(_json(data / "neardup/zh_wikipedia_hans_hant_pairs.jsonl.zst")),
    }


def _sample(texts: list[str]) -> list[str]:
    """Every k-th text, SAMPLE bytes or so."""
    step = max(1, int(megabytes(texts) * 1e6 / SAMPLE))
    return texts[:: int(np.ceil(step))]


def _json(path: Path, field: str = "text") -> Iterator[str]:
    with path.open("rb") as raw:
        for line in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(raw), encoding="utf-8"):
            yield json.loads(line)[field]


def _members(path: Path, suffix: str) -> Iterator[str]:
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile() and member.name.endswith(suffix):
                yield (archive.extractfile(member) or io.BytesIO()).read().decode("utf-8", "replace")


def _poems(path: Path) -> Iterator[str]:
    for text in _members(path, ".json"):
        try:
            rows = json.loads(text)
        except json.JSONDecodeError:  # a few of the files are no JSON
            continue
        for row in rows if isinstance(rows, list) else []:
            lines = row.get("paragraphs") if isinstance(row, dict) else None
            if isinstance(lines, list) and all(isinstance(line, str) for line in lines):
                yield "\n".join([str(row.get("title", "")), str(row.get("author", "")), *lines])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--peers", type=Path)
    args = parser.parse_args()
    print(report(args.data, args.peers))
