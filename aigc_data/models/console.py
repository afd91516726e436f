"""What the commands of `aigc-data quality` print."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from aigc_data.hashing import canonical_json
from aigc_data.models.reading import read_texts
from aigc_data.models.report import interval
from aigc_data.models.training import evaluate, fit_reference, train_quality
from aigc_data.text.models import classifier


def train(good: str, bad: str, to: Path, *, field: str, lang: str, pooled: bool, seed: int) -> Iterator[str]:
    """Train on the texts at two paths; the lines to print."""
    options = classifier.Options(pooled=pooled, seed=seed)
    good_texts, bad_texts = (read_texts(path, field=field, lang=lang) for path in (good, bad))
    model, written = train_quality(good_texts, bad_texts, to, options=options)
    report = model.facts["report"]
    for name, (positive, negative) in report["training"]["too_few"].items():
        yield f"{name}: no weights, {positive} good and {negative} bad texts are fewer than {options.min_examples}"
    yield from _lines(report["held_out"])
    yield from _written(written)


def fit(reference: str, to: Path, *, field: str, lang: str) -> Iterator[str]:
    """Fit language models to the texts at a path; the lines to print."""
    models, written = fit_reference(read_texts(reference, field=field, lang=lang), to)
    for name, facts in models.facts["languages"].items():
        if "skipped" in facts:
            yield f"{name}: no model, {facts['bytes']:,} bytes are fewer than {models.options.min_bytes:,}"
            continue
        held = models.facts["report"]["held_out"]["languages"].get(name)
        bits = ""
        if held:
            shares = ", ".join(f"{held['percentiles'][share]} ({share} %)" for share in ("50", "90", "99"))
            bits = f"; {held['texts']} held-out texts take at most {shares} bits a character"
        yield f"{name}: {facts['ngrams']:,} n-grams of {facts['texts']:,} texts{bits}"
    yield from _written(written)


def judge(model: Path, good: str, bad: str, *, field: str, lang: str, to: Path | None) -> Iterator[str]:
    """Judge a model by the texts at two paths; the lines to print."""
    loaded = classifier.load(model, purpose=classifier.QUALITY)
    found = evaluate(loaded, *(read_texts(path, field=field, lang=lang) for path in (good, bad)))
    yield from _lines(found)
    if to is not None:
        to.write_bytes(canonical_json(found) + b"\n")
        yield from _written([to])


def _lines(found: dict[str, Any]) -> Iterator[str]:
    for part, figures in found["parts"].items():
        precision = interval(figures["bad_precision_at_recall"]["precision"])
        yield (
            f"{part}: {figures['good']} good, {figures['bad']} bad; ROC-AUC {interval(figures['roc_auc'])}; "
            f"precision for bad at 90 % recall {precision}"
        )
    if not found["parts"]:
        yield "no language has texts of both classes to judge by"
    if found["unread"]:
        yield f"{found['unread']} texts are in languages without weights"


def _written(paths: Iterable[Path]) -> Iterator[str]:
    yield from (f"wrote {path}" for path in paths)
