"""Labelled sets as a command names them: a file of any format that ingest reads, and which of its fields are what.

    FILE,text=tweet,label=class,positive=0+1,type=functionality,lang=en,name=davidson

`text` and `label` are `text` and `label` where they are left out, `positive` is `1`; rows with another label are
negative. `true`, 1 and 1.0 are one label, `false`, 0 and 0.0 another, written as text or not. Without `lang` each
text's language is identified; `type` names a field of functional tests.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa

from aigc_data.errors import SourceError, UsageError
from aigc_data.hashing import digest_file
from aigc_data.recipe import Source
from aigc_data.sources.inputs import list_inputs
from aigc_data.sources.reading import read_file
from aigc_data.text.language.identify import identify

_WITH_FIELDS = {"jsonl", "csv", "tsv", "parquet"}
_LETTERS = 160
_LABELS_SHOWN = 10


@dataclass(frozen=True)
class SetSpec:
    """Where a labelled set lies and what its fields are called; "" for what it has not."""

    path: str
    name: str = ""
    text: str = "text"
    label: str = "label"
    positive: str = "1"
    type: str = ""
    lang: str = ""
    format: str = "auto"

    @property
    def positives(self) -> frozenset[str]:
        """The labels of the positive class."""
        return frozenset(_label(label) for label in self.positive.split("+"))


@dataclass(frozen=True)
class LabelledSet:
    """n rows: texts (large_string), labels (bool[n]), langs and types (string; types "" where the set has none).

    `lost` counts rows without a text or a label, and what could not be read.
    """

    name: str
    digest: str
    texts: pa.Array
    labels: np.ndarray
    langs: pa.Array
    types: pa.Array
    lost: int


def parse_spec(argument: str) -> SetSpec:
    """A SetSpec of `FILE,key=value,…`. Raises UsageError for a key that is none, or one given twice."""
    path, *pairs = argument.split(",")
    known = [field.name for field in fields(SetSpec) if field.name != "path"]
    given: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if key not in known or not equals or not value or key in given:
            raise UsageError(f"`{pair}` in `{argument}`", expected=f"FILE and then, once each, {'=…, '.join(known)}=…")
        given[key] = value
    if not path:
        raise UsageError(f"`{argument}` names no file", expected="FILE,text=…,label=…")
    if given.get("format", "auto") not in ("auto", *_WITH_FIELDS):
        raise UsageError(
            f"`{argument}`: no format {given['format']}", expected=f"one of {', '.join(sorted(_WITH_FIELDS))}"
        )
    return SetSpec(path, **given)


def read_set(spec: SetSpec) -> LabelledSet:
    """Read a set.

    Raises SourceError where there is no such file, or where no row has both a text and a label, and UsageError where
    all rows are of one class.
    """
    path = Path(spec.path).resolve()
    if not path.exists():
        raise SourceError(f"there is no file or folder {spec.path}", do="mend the path")
    name = spec.name or path.name.split(".")[0]
    meta = tuple(dict.fromkeys(field for field in (spec.label, spec.type) if field))
    source = Source(name="set", path=path.name, format=spec.format, text=spec.text, meta=meta)
    texts: list[str] = []
    facts: list[dict[str, object]] = []
    lost = 0
    for file in list_inputs(source, path.parent):
        if file.format not in _WITH_FIELDS:
            raise SourceError(f"{file.relative} has no fields to label by", expected=", ".join(sorted(_WITH_FIELDS)))
        for chunk in read_file(file, source, max_record_bytes=16 << 20, chunk_bytes=8 << 20):
            lost += len(chunk.lost)
            for text, stored in zip(chunk.rows["text"].to_pylist(), chunk.rows["meta"].to_pylist(), strict=True):
                row = orjson.loads(stored) if stored else {}
                if not text or row.get(spec.label) in (None, ""):
                    lost += 1
                    continue
                texts.append(text)
                facts.append(row)
    if not texts:
        raise SourceError(
            f"no row of {spec.path} has a text in `{spec.text}` and a label in `{spec.label}`",
            do="name the fields: FILE,text=…,label=…",
        )
    array = pa.array(texts, pa.large_string())
    labels = _positive([_label(row[spec.label]) for row in facts], spec)
    types = pa.array([str(row.get(spec.type) or "") if spec.type else "" for row in facts], pa.string())
    langs = pa.array([spec.lang] * len(texts), pa.string()) if spec.lang else _identified(array)
    return LabelledSet(name, _digest(path), array, labels, langs, types, lost)


def _label(value: object) -> str:
    """A label as it is compared: 1 for True, `true` and 1.0."""
    if isinstance(value, bool):
        return str(int(value))
    text = str(value).strip()
    if re.fullmatch(r"-?[0-9]+\.0+", text):
        text = text.partition(".")[0]
    return {"true": "1", "false": "0", "-0": "0"}.get(text.lower(), text)


def _positive(labels: list[str], spec: SetSpec) -> np.ndarray:
    positives = spec.positives
    found = np.array([label in positives for label in labels])
    if found.all() or not found.any():
        seen = Counter(labels).most_common()
        shown = ", ".join(f"`{label[:20]}` × {count}" for label, count in seen[:_LABELS_SHOWN])
        more = f" and {len(seen) - _LABELS_SHOWN} more" if len(seen) > _LABELS_SHOWN else ""
        raise UsageError(
            f"{spec.path} has no {'negative' if found.all() else 'positive'} row; its labels in `{spec.label}` are "
            f"{shown}{more}",
            expected=f"rows labelled {' or '.join(sorted(positives))}, and others",
            do="name the labels of the positive class: positive=A+B",
        )
    return found


def _digest(path: Path) -> str:
    return digest_file(path) if path.is_file() else ""


def _identified(texts: pa.Array) -> pa.Array:
    return identify(texts, letters=_LETTERS).lang
