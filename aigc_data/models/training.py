"""`aigc-data quality train`, `fit` and `evaluate`: files in, a model and its report out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.errors import UsageError
from aigc_data.hashing import canonical_json, digest_file
from aigc_data.models.judging import judge
from aigc_data.models.reading import Texts
from aigc_data.models.report import write_page
from aigc_data.text.models import classifier, perplexity
from aigc_data.text.models.classifier_training import deal, train

#: One text in so many is held out and judged by.
PARTS = 5


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
        "training": model.facts,
        "files": {"good": _files(good), "bad": _files(bad)},
        "held_out": judge(model, held["text"], labels[~inside], held["lang"]),
    }
    model = classifier.Classifier(
        model.options, model.languages, model.weights, model.biases, model.calibration, model.facts | {"report": report}
    )
    classifier.save(to, model)
    return model, [to, *_write(report, to)]


def fit_reference(
    reference: Texts, to: Path, *, options: perplexity.Options | None = None
) -> tuple[perplexity.LanguageModels, list[Path]]:
    """Language models of reference texts, and the files that were written: the models, and a report as JSON.

    The report says how many bits a character the models take on one text in ten that was kept from a model like them.
    """
    _check_target(to)
    options = options or perplexity.Options()
    held = _every_tenth(reference.texts)
    facts: dict[str, Any] = {}
    if 0 < held.sum() < len(held):
        models = perplexity.fit(
            reference.texts.filter(pa.array(~held)), reference.langs.filter(pa.array(~held)), options=options
        )
        facts = _bits(models, reference.texts.filter(pa.array(held)), reference.langs.filter(pa.array(held)))
    models = perplexity.fit(reference.texts, reference.langs, options=options)
    report = {"what": "perplexity", "fit": models.facts, "files": {"reference": _files(reference)}, "held_out": facts}
    models = perplexity.LanguageModels(
        models.options, models.languages, models.tables, models.unseen, models.facts | {"report": report}
    )
    perplexity.save(to, models)
    path = to.with_name(to.name.removesuffix(".safetensors") + ".json")
    path.write_bytes(canonical_json(report | {"model_sha256": digest_file(to)}) + b"\n")
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
    table = table.group_by(["lang", "text"]).aggregate([("good", "min"), ("good", "max")])
    both = pc.sum(pc.not_equal(table["good_min"], table["good_max"])).as_py()
    if both:
        raise UsageError(
            f"{both} texts are among the good and among the bad",
            expected="each text in one of the two",
            do="take them out of one of the two",
        )
    table = table.select(["lang", "text", "good_min"]).rename_columns(["lang", "text", "good"])
    return table.sort_by([("lang", "ascending"), ("text", "ascending")]).combine_chunks()


def _every_tenth(texts: pa.ChunkedArray) -> np.ndarray:
    """Texts whose length and bytes say so, the same in any order: bool[n]."""
    from xxhash import xxh3_64_intdigest

    # A loop, because Arrow has no hash to offer; some 0.3 µs a text.
    return np.array([xxh3_64_intdigest(text) % 10 == 0 for text in texts.cast(pa.large_binary()).to_pylist()], bool)


def _bits(models: perplexity.LanguageModels, texts: pa.ChunkedArray, langs: pa.ChunkedArray) -> dict[str, Any]:
    bits = models.bits(texts, langs)
    names = np.asarray(langs.to_pylist(), object)
    found = {}
    for lang in models.languages:
        mine = bits[(names == lang) & ~np.isnan(bits)]
        if len(mine):
            shares = [round(float(value), 4) for value in np.percentile(mine, [1, 5, 50, 95, 99])]
            found[lang] = {"texts": len(mine), "percentiles_1_5_50_95_99": shares}
    return found


def _files(texts: Texts) -> dict[str, Any]:
    rows = sum(file["rows"] for file in texts.files)
    # Without their paths: a moved folder gives the same model.
    files = sorted(texts.files, key=lambda file: (file["sha256"], file["name"]))
    return {"rows": rows, "lost": texts.lost, "files": files}


def _write(report: dict[str, Any], to: Path) -> list[Path]:
    stem = to.name.removesuffix(".safetensors")
    report = report | {"model_sha256": digest_file(to)}
    listed, page = to.with_name(f"{stem}.json"), to.with_name(f"{stem}.html")
    listed.write_bytes(canonical_json(report) + b"\n")
    write_page(page, to.name, report)
    return [listed, page]


def _check_target(to: Path) -> None:
    if to.suffix != ".safetensors":
        raise UsageError(f"the model's name is {to.name}", expected="a name in .safetensors", do="mend --to")
