"""`aigc-data quality train`, `fit` and `evaluate`: files in, a model and its report out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.errors import UsageError
from aigc_data.hashing import digest_file
from aigc_data.models.judging import judge
from aigc_data.models.reading import Texts
from aigc_data.models.report import write_page
from aigc_data.text.models import classifier, perplexity
from aigc_data.text.models.classifier_training import deal, train

#: One text in so many is held out and judged by.
PARTS = 5
#: Which of the held-out texts' bits a character a report names, in per cent.
PERCENTILES = (1, 5, 50, 90, 95, 99)


def train_quality(
    good: Texts, bad: Texts, to: Path, *, options: classifier.Options | None = None
) -> tuple[classifier.Classifier, list[Path]]:
    """A classifier of good and bad texts, and the files that were written: the model, a report as JSON and as a page.

    A fifth of the texts is held out, near-duplicates on one side, and only judged by; figures are of the very model
    that is written. The same texts give the same bytes, whatever their order.
    """
    _check_target(to)
    options = options or classifier.Options()
    table = _labelled(good, bad)
    labels = table["good"].to_numpy()
    part = deal(table["text"], labels, PARTS, seed=options.seed)
    inside = part != 0
    learnt, held = table.filter(pa.array(inside)), table.filter(pa.array(~inside))
    model = train(learnt["text"], labels[inside], learnt["lang"], options=options)
    report = {
        "what": "classifier",
        "held_out": judge(model, held["text"], labels[~inside], held["lang"]),
        "training": model.facts,
        "files": {"good": _files(good), "bad": _files(bad)},
    }
    model = classifier.Classifier(
        model.options,
        model.languages,
        model.weights,
        model.biases,
        model.calibration,
        model.facts | {"purpose": classifier.QUALITY, "report": report},
    )
    classifier.save(to, model)
    return model, [to, *_write(report, to)]


def fit_reference(
    reference: Texts, to: Path, *, options: perplexity.Options | None = None
) -> tuple[perplexity.LanguageModels, list[Path]]:
    """Language models of reference texts, and the files that were written: the models, and a report as JSON.

    The report says how many bits a character one text in ten takes, near-duplicates on one side. A model fitted to the
    other nine says so; the one that is written has seen them all.
    """
    _check_target(to)
    options = options or perplexity.Options()
    table = pa.table({"lang": reference.langs, "text": reference.texts})
    table = table.sort_by([("lang", "ascending"), ("text", "ascending")]).combine_chunks()
    held = _every_tenth(table["text"])
    facts: dict[str, Any] = {"model": "of the other texts, not the one that was written", "languages": {}}
    if 0 < held.sum() < len(held):
        learnt, kept = table.filter(pa.array(~held)), table.filter(pa.array(held))
        models = perplexity.fit(learnt["text"], learnt["lang"], options=options)
        facts["languages"] = _bits(models, kept["text"], kept["lang"])
    models = perplexity.fit(reference.texts, reference.langs, options=options)
    report = {"what": "perplexity", "held_out": facts, "fit": models.facts, "files": {"reference": _files(reference)}}
    models = perplexity.LanguageModels(
        models.options, models.languages, models.tables, models.unseen, models.facts | {"report": report}
    )
    perplexity.save(to, models)
    path = to.with_name(to.name.removesuffix(".safetensors") + ".json")
    _write_json(path, report, to)
    return models, [to, path]


def evaluate(model: classifier.Classifier, good: Texts, bad: Texts) -> dict[str, Any]:
    """What the model is worth on other texts (see `judging.judge`)."""
    table = _labelled(good, bad)
    return judge(model, table["text"], table["good"].to_numpy(), table["lang"])


def _labelled(good: Texts, bad: Texts) -> pa.Table:
    """The texts of both classes, each once, in an order of their own. A text in both is an error: it says nothing."""
    parts = [
        pa.table({"lang": one.langs, "text": one.texts, "good": pa.array([label] * len(one.texts), pa.bool_())})
        for one, label in ((good, True), (bad, False))
    ]
    table = pa.concat_tables(parts)
    # By the text alone: languages may have been named for one class and identified for the other.
    classes = table.group_by(["text"]).aggregate([("good", "min"), ("good", "max")])
    both = pc.sum(pc.not_equal(classes["good_min"], classes["good_max"])).as_py()
    if both:
        raise UsageError(
            f"{both} texts are among the good and among the bad",
            expected="each text in one of the two",
            do="take them out of one of the two",
        )
    table = table.group_by(["lang", "text", "good"]).aggregate([])
    return table.sort_by([("lang", "ascending"), ("text", "ascending")]).combine_chunks()


def _every_tenth(texts: pa.ChunkedArray) -> np.ndarray:
    """A tenth of the texts, near-duplicates on one side: bool[n], the same for texts in the same order."""
    return deal(texts, np.zeros(len(texts), bool), 10, seed=0) == 0


def _bits(models: perplexity.LanguageModels, texts: pa.ChunkedArray, langs: pa.ChunkedArray) -> dict[str, Any]:
    bits = models.bits(texts, langs)
    names = np.asarray(langs.to_pylist(), object)
    found = {}
    for lang in models.languages:
        mine = bits[(names == lang) & ~np.isnan(bits)]
        if len(mine):
            values = np.percentile(mine, PERCENTILES)
            shares = {str(share): round(float(bits), 4) for share, bits in zip(PERCENTILES, values, strict=True)}
            found[lang] = {"texts": len(mine), "percentiles": shares}
    return found


def _files(texts: Texts) -> dict[str, Any]:
    rows = sum(file["rows"] for file in texts.files)
    # Without their paths: a moved folder gives the same model.
    files = sorted(texts.files, key=lambda file: (file["sha256"], file["name"]))
    return {"rows": rows, "lost": texts.lost, "files": files}


def _write(report: dict[str, Any], to: Path) -> list[Path]:
    stem = to.name.removesuffix(".safetensors")
    listed, page = to.with_name(f"{stem}.json"), to.with_name(f"{stem}.html")
    write_page(page, to.name, _write_json(listed, report, to))
    return [listed, page]


def _write_json(path: Path, report: dict[str, Any], model: Path) -> dict[str, Any]:
    """The report with the model's digest, written in the order of its keys: figures first, lists of files last."""
    report = {"what": report["what"], "model_sha256": digest_file(model), **report}
    path.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2) + b"\n")
    return report


def _check_target(to: Path) -> None:
    if to.suffix != ".safetensors":
        raise UsageError(f"the model's name is {to.name}", expected="a name in .safetensors", do="mend --to")
