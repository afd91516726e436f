"""Model-based quality: how well the classifier and the language models tell what people called unnatural, how fast.

    python benchmarks/text_models.py DATA

DATA/quality/hplt_web_labelled.jsonl.zst has human labels, sms_spam_en.tsv.gz ham and spam; DATA/text_en, text_zh are
what the language models are fitted on, DATA/text_web what is scored for speed. What is missing is left out.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import zstandard
from corpus import real_documents
from measuring import best_of, conditions, megabytes, table

from aigc_data.models.metrics import Estimate, calibration_error, precision_at_recall, roc_auc
from aigc_data.recipe import QualityRules
from aigc_data.text.language.identify import identify
from aigc_data.text.models import perplexity
from aigc_data.text.models.classifier_training import deal, train
from aigc_data.text.quality.rules import PUBLISHED, failures, measured
from aigc_data.text.tokens import count_tokens

FOLDS = 5
#: The labels' names of languages, as the package calls them.
CODES = {"eng": "en", "zho": "zh", "deu": "de", "rus": "ru", "pes": "fa", "ast": "ast"}
#: Longest n-grams that are compared.
ORDERS = (3, 4, 5)
HEADER = ("what scores", "texts", "unnatural", "ROC-AUC (95 %)", "precision at 90 % recall (95 %)", "calibration error")


def report(data: Path, peers: Path | None = None) -> str:
    """Markdown: what is told apart, and at what speed. No peer is asked: the published rules are ours, held to
    datatrove's."""
    parts = [conditions()]
    labelled, spam = data / "quality" / "hplt_web_labelled.jsonl.zst", data / "quality" / "sms_spam_en.tsv.gz"
    models = _reference(data)
    if labelled.is_file():
        rows = list(_json_lines(labelled))
        parts += ["### What people called unnatural", _unnatural(rows, models)]
        parts += ["### Perplexity, fitted on the natural texts of the other folds", _natural(rows)]
    if spam.is_file():
        parts += ["### SMS spam", _spam(spam)]
    parts += ["### Speed", _speed(data, models)]
    return "\n\n".join(parts)


def _unnatural(rows: list[dict], models: perplexity.LanguageModels | None) -> str:
    texts = pa.array([row["text"] for row in rows], pa.large_string())
    good = np.array([row["unnatural"] == 0 for row in rows])
    langs = [CODES.get(row["lang_predicted"][:3], row["lang_predicted"][:3]) for row in rows]
    names = np.array(langs, object)
    together = _cross_validated(texts, good, ["*"] * len(rows))
    own = _cross_validated(texts, good, langs)
    signals = measured(pa.chunked_array([texts]), pa.chunked_array([pa.array(langs)]))
    broken = {
        "published rules broken": _broken(signals, PUBLISHED),
        "our rules broken": _broken(signals, QualityRules()),
    }
    bits = models.bits(texts, langs) if models else np.full(len(rows), np.nan)
    lines = []
    for part in ("all 22", "en", "zh", "de", "ru", "fa"):
        inside = np.ones(len(rows), bool) if part == "all 22" else names == part
        lines.append(_line(f"{part}: classifier, all languages in one", -together[inside], ~good[inside]))
        if part != "all 22":
            mine = inside & ~np.isnan(own)
            if mine.any():
                lines.append(_line(f"{part}: classifier, this language alone", -own[mine], ~good[mine]))
        for name, count in broken.items():
            lines.append(_line(f"{part}: {name}", count[inside].astype(float), ~good[inside], probability=False))
            lines.append(_line(f"{part}: {name}, any", (count[inside] > 0) * 1.0, ~good[inside], probability=False))
        if not np.isnan(bits[inside]).all():
            read = inside & ~np.isnan(bits)
            lines.append(_line(f"{part}: perplexity", bits[read].astype(float), ~good[read], probability=False))
    return table(HEADER, lines)


def _natural(rows: list[dict]) -> str:
    """ROC-AUC for each length of n-grams, of languages with ten unnatural texts or more."""
    texts = pa.array([row["text"] for row in rows], pa.large_string())
    bad = np.array([row["unnatural"] == 1 for row in rows])
    names = np.array([CODES.get(row["lang_predicted"][:3], row["lang_predicted"][:3]) for row in rows], object)
    fold = np.array([int(row["id"], 16) % FOLDS for row in rows])
    shown = [name for name in sorted(set(names.tolist())) if bad[names == name].sum() >= 10]
    lines = []
    for order in ORDERS:
        bits = np.full(len(rows), np.nan)
        for part in range(FOLDS):
            learnt, asked = (fold != part) & ~bad, fold == part
            options = perplexity.Options(order=order)
            models = perplexity.fit(texts.filter(pa.array(learnt)), names[learnt].tolist(), options=options)
            bits[asked] = models.bits(texts.filter(pa.array(asked)), names[asked].tolist())
        found = [roc_auc(bits[names == name], bad[names == name]).value for name in shown]
        lines.append((order, *(f"{value:.3f}" for value in found), f"{np.mean(found):.3f}"))
    return table(("n-grams of up to", *shown, "mean"), lines)


def _broken(signals: pa.Table, rules: QualityRules) -> np.ndarray:
    found = failures(signals, rules)
    return np.sum([column.to_numpy() for column in found.columns], axis=0)


def _spam(path: Path) -> str:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [row for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row[0] in ("ham", "spam")]
    texts = pa.array([row[1] for row in rows], pa.large_string())
    good = np.array([row[0] == "ham" for row in rows])
    lines = [_line("classifier", -_cross_validated(texts, good, ["en"] * len(rows)), ~good)]
    for name, rules in (("published rules broken", PUBLISHED), ("our rules broken", QualityRules())):
        signals = measured(pa.chunked_array([texts]), pa.chunked_array([pa.array(["en"] * len(rows))]))
        lines.append(_line(name, _broken(signals, rules).astype(float), ~good, probability=False))
    return table(("what scores", "texts", "spam", *HEADER[3:]), lines)


def _cross_validated(texts: pa.Array, good: np.ndarray, langs: list[str]) -> np.ndarray:
    """The chance of being good (float64[n]) by models that have not seen a text's fold; nan where there is none."""
    # In an order of their own, because parts are dealt by it.
    order = np.array(sorted(range(len(texts)), key=lambda row: (langs[row], texts[row].as_py())))
    part = np.empty(len(order), np.int64)
    part[order] = deal(texts.take(pa.array(order)), good[order], FOLDS, seed=7)
    out = np.full(len(good), np.nan)
    names = np.array(langs, object)
    for fold in range(FOLDS):
        inside = part != fold
        model = train(texts.filter(pa.array(inside)), good[inside], names[inside].tolist())
        out[~inside] = model.score(texts.filter(pa.array(~inside)), names[~inside].tolist())
    return out


def _line(name: str, scores: np.ndarray, bad: np.ndarray, *, probability: bool = True) -> tuple[object, ...]:
    error = calibration_error(np.clip(1 + scores, 0, 1), bad) if probability else None  # scores are minus chances
    return (
        name, len(bad), int(bad.sum()), _shown(roc_auc(scores, bad)), _shown(precision_at_recall(scores, bad)), error,
    )  # fmt: skip


def _shown(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} ({estimate.low:.3f}–{estimate.high:.3f})"


def _speed(data: Path, models: perplexity.LanguageModels | None) -> str:
    path = data / "text_web" / "hplt_web_en_zh.jsonl.zst"
    if not path.is_file():
        return "No web texts."
    rows = list(_json_lines(path))
    lines = []
    for lang in ("en", "zh"):
        found = [row["text"] for row in rows if row["lang_predicted"].startswith({"en": "eng", "zh": "zho"}[lang])]
        labels = np.array([number % 3 == 0 for number in range(len(found))])
        model = train(pa.array(found, pa.large_string()), labels, [lang] * len(found))
        texts = pa.array(found * 8, pa.large_string())
        langs = pa.array([lang] * len(texts))
        works = [
            ("count tokens (baseline)", lambda texts=texts: count_tokens(texts)),
            ("classifier", lambda texts=texts, langs=langs, model=model: model.score(texts, langs)),
        ]
        if models is not None and lang in models.languages:
            works.append(("perplexity", lambda texts=texts, langs=langs: models.bits(texts, langs)))
        size = megabytes(texts.to_pylist())
        for (name, _), (_, cpu) in zip(works, best_of(7, *(work for _, work in works)), strict=True):
            lines.append((lang, name, size, size / cpu))
    return table(("language", "what", "MB", "MB/s a core"), lines)


def _reference(data: Path) -> perplexity.LanguageModels | None:
    texts = [text for name in ("text_en", "text_zh") if (data / name).is_dir() for text in real_documents(data / name)]
    if not texts:
        return None
    found = pa.array(texts, pa.large_string())
    return perplexity.fit(found, identify(found, letters=160).lang)


def _json_lines(path: Path) -> Iterator[dict]:
    with zstandard.ZstdDecompressor().stream_reader(path.open("rb")) as stream:
        yield from (json.loads(line) for line in io.TextIOWrapper(stream, encoding="utf-8"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--peers", type=Path)
    args = parser.parse_args()
    print(report(args.data, args.peers))
