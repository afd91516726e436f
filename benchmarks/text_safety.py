"""Safety filters on labelled sets that they have not seen, on good documents, and how fast they are.

    python benchmarks/text_safety.py DATA

DATA holds the labelled sets in `safety/` and good texts beside them. The classifier learns from four fifths of some
sets (near-duplicates on one side) and is held against the rest of those and against all others.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import random
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import zstandard
from measuring import best_of, conditions, table

from aigc_data.recipe import SafetyRules
from aigc_data.safety.report import as_markdown, evaluate
from aigc_data.safety.sets import LabelledSet, parse_spec, read_set
from aigc_data.safety.training import train_on
from aigc_data.text.models.classifier import Classifier
from aigc_data.text.models.classifier_training import deal
from aigc_data.text.safety import lexicon, rules, urls
from aigc_data.text.safety.lexicon import Lexicon, Term

LEARNT = (
    "davidson_en.csv.gz,text=tweet,label=class,positive=0+1,lang=en",
    "cold_zh_train.csv.gz,text=TEXT,lang=zh",
    "swsr_zh.csv.gz,text=comment_text,lang=zh",
)
FOREIGN = (
    "surge_toxicity_en.csv.gz,label=is_toxic,positive=Toxic,lang=en",
    "hatecheck_en.csv.gz,text=test_case,label=label_gold,positive=hateful,type=functionality,lang=en",
    "xstest_prompts_en.csv.gz,text=prompt,positive=unsafe,type=type,lang=en",
    "cold_zh_dev.csv.gz,text=TEXT,lang=zh",
    "hatecheck_zh.csv.gz,text=test_case,label=label_gold,positive=hateful,type=functionality,lang=zh",
)
BOUNDS = (500, 900)


def report(data: Path, peers: Path | None = None) -> str:
    """All tables as Markdown."""
    learnt = [read_set(parse_spec(f"{data / 'safety'}/{one}")) for one in LEARNT]
    foreign = [read_set(parse_spec(f"{data / 'safety'}/{one}")) for one in FOREIGN]
    inner, outer = zip(*[split(one) for one in learnt], strict=True)
    start = time.process_time()
    model = train_on(inner)
    seconds = time.process_time() - start
    terms = lexicon.load([])
    found = evaluate([*outer, *foreign], model, terms, thresholds=BOUNDS)
    rows = sum(len(one.labels) for one in inner)
    parts = [
        conditions(),
        f"## Labelled sets\n\nThe model learnt {rows:,} rows in {seconds:.1f} CPU seconds; a set named `… (held out)` "
        "is the fifth that it did not see of a set that it learnt from, all others are foreign to it.",
        as_markdown(found),
        "## Good documents\n\nTexts that should stay, and unsorted web text (`web …`), which holds gambling and "
        "pornography: numbers of rows.",
        good_documents(data, model, terms),
        "## Speed",
        speeds(data, terms),
    ]
    return "\n\n".join(parts)


def split(one: LabelledSet) -> tuple[LabelledSet, LabelledSet]:
    """Four fifths to learn from and one to look at, near-duplicates together."""
    order = np.argsort(np.asarray(one.texts.to_pylist(), object), kind="stable")
    part = np.empty(len(order), np.int64)
    part[order] = deal(one.texts.take(pa.array(order)), one.labels[order], 5, seed=1)
    return _rows(one, part != 0, one.name), _rows(one, part == 0, f"{one.name} (held out)")


def _rows(one: LabelledSet, mask: np.ndarray, name: str) -> LabelledSet:
    keep = pa.array(mask)
    texts, langs, types = (values.filter(keep) for values in (one.texts, one.langs, one.types))
    return LabelledSet(name, one.digest, texts, one.labels[mask], langs, types, 0)


def good_documents(data: Path, model: Classifier, terms: Lexicon) -> str:
    """How many texts of each corpus the filters flag."""
    rows = []
    for name, lang, texts in corpora(data):
        array, langs = pa.array(texts, pa.large_string()), pa.array([lang] * len(texts))
        counted = rules.count(terms.find(array, langs), terms)
        dropped = rules.is_dense(counted.density, counted.weight, SafetyRules())
        scores = np.nan_to_num(model.score(array, langs) * 1000, nan=-1)
        over = [int((scores > bound).sum()) for bound in BOUNDS]
        rows.append([name, len(texts), int((counted.terms > 0).sum()), int(dropped.sum()), *over])
    return table(["texts", "rows", "any term", "terms, default rule", *[f"model over {b}" for b in BOUNDS]], rows)


def corpora(data: Path) -> Iterator[tuple[str, str, list[str]]]:
    """(name, language, texts)."""
    yield "WikiText-2, 4,000 characters each", "en", _cut(_zst(data / "text_en/wikitext2_valid.txt.zst"))
    yield "Python PEPs", "en", _members(data / "text_en/python_peps.tar.xz")
    plays = gzip.decompress((data / "text_en/tinyshakespeare.txt.gz").read_bytes()).decode()
    yield "Shakespeare, 4,000 characters each", "en", _cut(plays)
    yield "Gutenberg chapters", "en", _lines(data / "neardup/gutenberg_chapters.jsonl.zst")
    yield "English Web Treebank", "en", _lines(data / "text_en/ewt_web_docs.jsonl.zst")
    yield "OI-wiki", "zh", _lines(data / "text_zh/oi_wiki.jsonl.zst")
    yield "TiDB documentation", "zh", _lines(data / "text_zh/tidb_docs_zh.jsonl.zst")
    yield "fortunes, Chinese", "zh", _lines(data / "text_zh/fortunes_zh.jsonl.zst")
    yield "classical poetry", "zh", _poems(data / "text_zh/chinese_poetry_json.tar.xz")
    web = [json.loads(line) for line in _zst(data / "text_web/hplt_web_en_zh.jsonl.zst").splitlines()]
    for lang in sorted({row["lang_predicted"] for row in web}):
        texts = [row["text"] for row in web if row["lang_predicted"] == lang]
        yield f"web {lang}", "en" if lang.startswith("eng") else "zh", texts


def _zst(path: Path) -> str:
    return io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(path.open("rb")), encoding="utf-8").read()


def _lines(path: Path) -> list[str]:
    return [json.loads(line)["text"] for line in _zst(path).splitlines()]


def _cut(text: str) -> list[str]:
    return [text[i : i + 4000] for i in range(0, len(text), 4000)]


def _members(path: Path) -> list[str]:
    with tarfile.open(path) as archive:
        return [
            (archive.extractfile(m) or io.BytesIO()).read().decode("utf-8", "replace") for m in archive if m.isfile()
        ]


def _poems(path: Path) -> list[str]:
    out = []
    for text in _members(path):
        rows = json.loads(text) if text.lstrip().startswith("[") else []
        out += ["\n".join(map(str, row["paragraphs"])) for row in rows if isinstance(row.get("paragraphs"), list)]
    return out


def speeds(data: Path, terms: Lexicon) -> str:
    """CPU time on one core, the best of several, beside Aho-Corasick over the same terms on the same texts."""
    many = Lexicon((*terms.terms, *_invented(10_000)))
    lists, seconds = _million()
    out = []
    for name, wanted in (("English", "en"), ("Chinese", "zh")):
        texts = [text for _, lang, some in corpora(data) if lang == wanted for text in some if len(text) > 200]
        random.Random(0).shuffle(texts)
        array, langs = pa.array(texts, pa.large_string()), pa.array([wanted] * len(texts))
        for what, work in _works(array, langs, terms, many, lists).items():
            work()
            _, cpu = best_of(3, work)[0]
            out.append([name, what, array.nbytes / 1e6, array.nbytes / 1e6 / cpu])
    read = f"A list of 1,000,000 domains is read and hashed in {seconds:.1f} CPU seconds."
    return table(["texts", "work", "MB", "MB/s per core"], out) + f"\n\n{read}"


def _works(
    array: pa.Array, langs: pa.Array, terms: Lexicon, many: Lexicon, lists: urls.BlockList
) -> dict[str, Callable[[], object]]:
    series, patterns = pl.Series(array), [term.text.lower() for term in terms.terms]
    return {
        f"terms, {len(terms.terms):,}": lambda: terms.find(array, langs),
        f"terms, {len(many.terms):,}": lambda: many.find(array, langs),
        "polars find_many: no boundaries, no folding": lambda: series.str.find_many(patterns, leftmost=True),
        "links against 1,000,000 domains": lambda: lists.links(array),
    }


def _invented(count: int) -> list[Term]:
    draw = random.Random(1)
    return [
        Term("".join(chr(draw.randrange(0x4E00, 0x9FA6)) for _ in range(draw.randrange(2, 6))), "A.1.h", 5, (), "x:1")
        for _ in range(count)
    ]


def _million() -> tuple[urls.BlockList, float]:
    draw = random.Random(2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "many.txt")
        path.write_text("\n".join(f"{draw.getrandbits(48):x}.example{i % 97}.com" for i in range(1_000_000)))
        start = time.process_time()
        lists = urls.load([path])
        lists.links(pa.array(["evil.com"]))
    return lists, time.process_time() - start


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--peers", type=Path)
    given = parser.parse_args()
    print(report(given.data, given.peers))
