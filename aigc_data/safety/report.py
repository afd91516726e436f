"""What the filters find in labelled sets: the classifier at some thresholds, the terms, and the defaults' verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aigc_data.recipe import SafetyRules
from aigc_data.safety.sets import LabelledSet, SetSpec, read_set
from aigc_data.store.files import write_json
from aigc_data.text.models import classifier
from aigc_data.text.models.classifier import Classifier
from aigc_data.text.safety import lexicon, rules
from aigc_data.text.safety.evaluation import Agreement, Rate, agreement, auc, by_type
from aigc_data.text.safety.lexicon import Lexicon

THRESHOLDS = (500, 700, 900)


def flags_of(
    one: LabelledSet, model: Classifier | None, terms: Lexicon, thresholds: Sequence[int] = THRESHOLDS
) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """(filter → which rows it flags (bool[n]), scores in thousandths (float[n], nan without a model's language))."""
    counted = rules.count(terms.find(one.texts, one.langs), terms)
    flags = {
        "any term": counted.terms > 0,
        "terms, default rule": rules.is_dense(counted.density, counted.weight, SafetyRules()),
    }
    if model is None:
        return flags, None
    scores = model.score(one.texts, one.langs) * 1000
    flags |= {f"model over {bound}": np.nan_to_num(scores, nan=-1) > bound for bound in thresholds}
    return flags, scores


def evaluate(
    sets: Sequence[LabelledSet],
    model: Classifier | None,
    terms: Lexicon,
    *,
    thresholds: Sequence[int] = THRESHOLDS,
) -> list[dict[str, Any]]:
    """One entry a set: its figures and, where it has types, those of each functional test. JSON all through."""
    out = []
    for one in sets:
        flags, scores = flags_of(one, model, terms, thresholds)
        scored = np.zeros(0, bool) if scores is None else ~np.isnan(scores)
        entry: dict[str, Any] = {
            "set": one.name,
            "rows": len(one.labels),
            "positives": int(one.labels.sum()),
            "unscored": int((~scored).sum()) if scores is not None else None,
            "auc": auc(scores[scored], one.labels[scored])._asdict() if scores is not None else None,
            "filters": {name: _plain(agreement(found, one.labels)) for name, found in flags.items()},
        }
        types = np.asarray(one.types.to_pylist(), object)
        if len(types) and any(types):
            entry["tests"] = {
                name: [row._asdict() | {"flagged": row.flagged._asdict()} for row in by_type(found, one.labels, types)]
                for name, found in flags.items()
            }
        out.append(entry)
    return out


def _plain(found: Agreement) -> dict[str, Any]:
    return {name: value._asdict() if isinstance(value, Rate) else value for name, value in found._asdict().items()}


def as_markdown(entries: Sequence[Mapping[str, Any]]) -> str:
    """The figures as Markdown tables: one of all sets, and one a set with functional tests."""
    lines = ["| set | rows (positive) | filter | precision | recall | F1 | ROC-AUC |", "|---|---|---|---|---|---|---|"]
    for entry in entries:
        for name, found in entry["filters"].items():
            area = _rate(entry["auc"]) if entry["auc"] and name.startswith("model") else ""
            figures = " | ".join(_rate(found[what]) for what in ("precision", "recall", "f1"))
            lines.append(f"| {entry['set']} | {entry['rows']} ({entry['positives']}) | {name} | {figures} | {area} |")
    for entry in entries:
        if "tests" not in entry:
            continue
        names = list(entry["tests"])
        lines += ["", f"Share of rows flagged, by functional test of {entry['set']}:", ""]
        lines += ["| test | label | rows | " + " | ".join(names) + " |", "|" + "---|" * (3 + len(names))]
        for place, row in enumerate(entry["tests"][names[0]]):
            label = "positive" if row["positives"] == row["rows"] else "mixed" if row["positives"] else "negative"
            shares = " | ".join(f"{entry['tests'][name][place]['flagged']['value']:.2f}" for name in names)
            lines.append(f"| {row['type']} | {label} | {row['rows']} | {shares} |")
    return "\n".join(lines)


def _rate(found: Mapping[str, float]) -> str:
    if found["value"] != found["value"]:
        return "–"
    return f"{found['value']:.3f} [{found['low']:.2f}, {found['high']:.2f}]"


def show(
    model: str,
    specs: Sequence[SetSpec],
    lexicons: Sequence[Path],
    builtin: bool,
    thresholds: Sequence[int],
    target: Path | None,
) -> str:
    """What `safety evaluate` prints; writes the figures to `target` where one is named. `model` is a path or `off`."""
    trained = None if model == "off" else classifier.load(Path(model), purpose=classifier.SAFETY)
    terms = lexicon.load(lexicons, builtin=builtin)
    entries = evaluate([read_set(spec) for spec in specs], trained, terms, thresholds=thresholds or THRESHOLDS)
    if target is not None:
        write_json(target, entries)
    return as_markdown(entries)
