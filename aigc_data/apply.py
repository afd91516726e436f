"""One stage on one file, without a workspace: one row out for each row in, under bare column names.

The text is taken as given (no cleaning before), so that offsets point into what the caller has. Ids stay Python values
from the reader to the writer, so that a number comes out as a number and a string as a string.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from aigc_data.apply_output import Id, JsonlOutput, ParquetOutput, Part
from aigc_data.errors import SourceError, UsageError
from aigc_data.hashing import record_id
from aigc_data.pipeline import load_stage
from aigc_data.recipe import Recipe, Source
from aigc_data.runner import located_params
from aigc_data.sources.chunks import Rows
from aigc_data.sources.inputs import InputFile, list_inputs
from aigc_data.sources.reading import Chunk, Lost, read_file
from aigc_data.stage import Map
from aigc_data.store.files import publish, temporary_name

STAGES = ("clean", "dedupe", "pii", "license", "quality", "safety")
_CHUNK = 4 << 20
_OWN_IDS = {"jsonl", "csv", "tsv", "parquet"}
_SHOWN = 20


@dataclass(frozen=True)
class Applied:
    """What came of it: rows written, rows with a reason, and what could not be parsed (also in a file beside)."""

    rows: int
    reasons: dict[str, int]
    lost: int
    lost_file: Path | None


def apply_stage(
    name: str,
    input_path: Path,
    output: Path,
    *,
    recipe: Recipe | None = None,
    root: Path = Path(),
    source: dict[str, Any],
) -> Applied:
    """Run the stage `name` over `input_path`; `source` overrides how it is read (text, id, license_field,
    format, …); paths of models and lists in the recipe start at `root`.

    A record that was parsed but cannot be taken (no text field, …) has a row with the reason `input:…`, measured as an
    empty text. Raises UsageError for a stage that cannot stand alone, an output suffix that is none of .jsonl and
    .parquet, and a field that no record has; SourceError when nothing can be read.
    """
    _check(name, input_path, output)
    if recipe is None:
        recipe = Recipe(name="apply", sources=(Source(name="input", path=str(input_path)),))
    reader = _Reader(input_path, source, recipe.ingest.max_record_bytes)
    parts = _dedupe(reader, recipe) if name == "dedupe" else _map(name, reader, recipe, root)
    rows, reasons = _write(output, parts, reader)
    lost_file = output.with_name(f"{output.name}.quarantine.jsonl")
    lost_file.unlink(missing_ok=True)
    if reader.lost:
        lines = [
            orjson.dumps({"file": f, "position": x.position, "reason": x.reason, "detail": x.detail})
            for f, x in reader.lost
        ]
        lost_file.write_bytes(b"\n".join(lines) + b"\n")
    return Applied(rows, reasons, len(reader.lost), lost_file if reader.lost else None)


def _check(name: str, input_path: Path, output: Path) -> None:
    if name not in STAGES:
        raise UsageError(f"stage `{name}` cannot be applied to a file", expected=f"one of {', '.join(STAGES)}")
    if output.suffix not in (".jsonl", ".parquet"):
        raise UsageError(
            f"{output.name} ends in {output.suffix or 'nothing'}",
            expected="an output that ends in .jsonl or .parquet",
        )
    if not input_path.exists():
        raise UsageError(f"there is no {input_path}", expected="an input file")
    if output.resolve() == input_path.resolve():
        raise UsageError("input and output are the same file", do="name another output")


@dataclass(frozen=True)
class _Records:
    """Records in file order: their ids, why they cannot be taken (mostly None), and `columns.RAW`."""

    ids: list[Id]
    refused: list[str | None]
    rows: pa.Table


class _Reader:
    """The records of a file or folder with their ids as the input has them; what cannot be parsed gathers in `lost`."""

    def __init__(self, path: Path, overrides: dict[str, Any], max_record_bytes: int) -> None:
        path = path.resolve()
        fields = {"id": "id", "license_field": "license", "url_field": "url", **overrides}
        self.source, self._root, self._max = _source(path, fields), path.parent, max_record_bytes
        self.lost: list[tuple[str, Lost]] = []
        self.has_text = self.has_key = False  # in any record
        self.fields: dict[str, None] = {}  # those of records without the text's

    def __iter__(self) -> Iterator[_Records]:
        for file in list_inputs(self.source, self._root):
            occurrences: Counter[str] = Counter()
            for chunk in self.chunks(file, self.source):
                self._look(file, chunk)
                if records := _records(chunk, file.relative, occurrences):
                    yield records

    def chunks(self, file: InputFile, source: Source) -> Iterator[Chunk]:
        if file.format not in _OWN_IDS:
            source = source.model_copy(update={"id": None, "license_field": None})
        return read_file(file, source, max_record_bytes=self._max, chunk_bytes=_CHUNK)

    def _look(self, file: InputFile, chunk: Chunk) -> None:
        self.lost += [(file.relative, lost) for lost in chunk.lost if lost.record is None]
        parsed = [lost for lost in chunk.lost if lost.record is not None and lost.reason != "no-text-field"]
        self.has_text = self.has_text or bool(chunk.rows.num_rows or parsed)
        named = file.format in _OWN_IDS and any(key is not None for key in chunk.keys)
        self.has_key = self.has_key or file.format not in _OWN_IDS or named
        for lost in chunk.lost:
            if lost.fields and len(self.fields) <= _SHOWN:
                self.fields |= dict.fromkeys(lost.fields[: _SHOWN + 1])

    def check_fields(self) -> None:
        """Raise UsageError where the text's field, or an id's that is not the usual one, is in no record."""
        if not self.has_text and self.fields:
            raise _no_field("text", self.source.text, self.fields)
        if self.has_text and not self.has_key and self.source.id not in (None, "id"):
            raise _no_field("id", str(self.source.id), self._all_fields())

    def _all_fields(self) -> dict[str, None]:
        """The names in the first file: a reader that looks for a text field that cannot be there names them."""
        file = list_inputs(self.source, self._root)[0]
        chunk = next(iter(self.chunks(file, self.source.model_copy(update={"text": "\0"}))))
        return dict.fromkeys(name for lost in chunk.lost[:_SHOWN] for name in lost.fields)


def _source(path: Path, fields: dict[str, Any]) -> Source:
    try:
        return Source(name="input", path=str(path), **fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"`{first['loc'][0]}`: {first['msg']}, saw {first['input']!r}") from error


#: What a field is called, and not what stands in one: the first row of a table without a header may be personal data.
_NAME = re.compile(r"[A-Za-z_\u4e00-\u9fff][\w.-]{0,39}")


def _no_field(what: str, name: str, seen: dict[str, None]) -> UsageError:
    names = [field for field in seen if _NAME.fullmatch(field)]
    if len(names) < len(seen):
        expected = f"a header or keys that are names; saw {len(seen)} columns, {len(names)} of them with one"
    else:
        expected = "one of " + ", ".join(repr(n) for n in names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    return UsageError(
        f"no record has a field {name!r} for the {what}", expected=expected, do=f"name it with --{what}-field"
    )


def _records(chunk: Chunk, relative: str, occurrences: Counter[str]) -> _Records | None:
    """Rows and parsed losses of a chunk side by side, in their order; None for neither."""
    rows, keys = chunk.rows, chunk.keys
    refused: list[str | None] = [None] * len(keys)
    made = Rows(relative, _CHUNK)
    places = []
    for place, lost in zip(chunk.places, chunk.lost, strict=True):
        if lost.record is not None:
            made.add(None, lost.record, lost.position)
            refused.append(f"input:{lost.reason}")
            places.append(2 * place)
    if places:
        more = made.take()
        order = np.argsort(np.array([*range(1, 2 * len(keys) + 1, 2), *places]), kind="stable")
        rows = pa.concat_tables([rows, more.rows]).take(order)
        both = keys + more.keys
        keys, refused = [both[i] for i in order], [refused[i] for i in order]
    if not keys:
        return None
    ids = list[Id]()
    for key, digest in zip(keys, rows["sha256"].to_pylist(), strict=True):
        if key is None:
            key = record_id("content", "input", relative, digest, occurrences[digest])
            occurrences[digest] += 1
        ids.append(key)
    return _Records(ids, refused, rows)


def _map(name: str, reader: _Reader, recipe: Recipe, root: Path) -> Iterator[Part]:
    stage = load_stage(name)
    assert isinstance(stage, Map)
    params = getattr(recipe, name)
    located = located_params(stage, params.measure, root.resolve())
    for records in reader:
        measured = stage.measure(_columns_for(stage, records, recipe), located)
        judged = stage.judge(
            measured.select([f.name for f in stage.schema if not pa.types.is_large_string(f.type)]),
            params.rules,
        )
        reason = pc.coalesce(pa.array(records.refused, pa.string()), judged)
        yield {"id": records.ids, "reason": reason} | dict(zip(measured.column_names, measured.columns, strict=True))


def _columns_for(stage: Map, records: _Records, recipe: Recipe) -> pa.Table:
    from aigc_data.text.language.identify import identify

    rows = records.rows
    text = pc.fill_null(rows["text"], "")
    letters = recipe.clean.measure.language_chars
    made: dict[str, Callable[[], Any]] = {
        "id": lambda: pa.array([str(id_) for id_ in records.ids], pa.string()),
        "clean.text": lambda: text,
        "clean.lang": lambda: identify(text.combine_chunks(), letters=letters).lang,
    }
    return pa.table([made[n]() if n in made else rows[n] for n in stage.reads], names=list(stage.reads))


def not_used(name: str, recipe: Recipe) -> list[str]:
    """The settings of a recipe that need a workspace, and that `apply` passes over."""
    if name != "dedupe":
        return []
    measure = recipe.dedupe.measure
    asked = {
        "against": measure.against,
        "evaluations": measure.evaluations,
        "repeats": measure.repeats.records,
        "substrings": measure.substrings.tokens,
        "semantic": measure.semantic.on,
    }
    return [f"dedupe.measure.{key}" for key, value in asked.items() if value]


def _dedupe(reader: _Reader, recipe: Recipe) -> Iterator[Part]:
    """All rows at once. They are compared under the rank of their id, so that each has its own, whatever ids hold."""
    from aigc_data.text.dedupe.election import compare

    ids, refused, texts = list[Id](), list[str | None](), list[pa.ChunkedArray]()
    for records in reader:
        ids += records.ids
        refused += records.refused
        texts.append(records.rows["text"])
    if not ids:
        return
    numbers = all(isinstance(id_, int) for id_ in ids)
    by_id = sorted(range(len(ids)), key=ids.__getitem__ if numbers else lambda i: str(ids[i]))
    ranks = np.empty(len(ids), np.int64)
    ranks[by_id] = np.arange(len(ids))
    text = pc.fill_null(pa.chunked_array([c for t in texts for c in t.chunks], pa.large_string()), "")
    found = compare(text, pa.array([f"{rank:012d}" for rank in ranks.tolist()], pa.string()), recipe.dedupe.measure)
    named = {
        name: [ids[by_id[int(rank)]] if rank else None for rank in found[name].to_pylist()]
        for name in ("cluster", "group", "duplicate_of")
    }
    copies = pa.array(["gate:duplicate" if id_ is not None else None for id_ in named["duplicate_of"]], pa.string())
    reason = pc.coalesce(pa.array(refused, pa.string()), copies)
    yield {"id": ids, "reason": reason, **named, "similarity": found["similarity"]}


def _write(output: Path, parts: Iterator[Part], reader: _Reader) -> tuple[int, dict[str, int]]:
    output.parent.mkdir(parents=True, exist_ok=True)
    temporary, rows, reasons = temporary_name(output), 0, Counter[str]()
    writer = ParquetOutput(temporary) if output.suffix == ".parquet" else JsonlOutput(temporary)
    try:
        try:
            for part in parts:
                rows += len(part["id"])
                reasons.update(part["reason"].drop_null().to_pylist())
                writer.write(part)
        finally:
            writer.close()
        reader.check_fields()
        if not rows:
            raise _nothing(reader.lost)
        publish(temporary, output)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return rows, dict(sorted(reasons.items()))


def _nothing(lost: list[tuple[str, Lost]]) -> SourceError:
    seen = "nothing"
    if lost:
        seen = f"{len(lost)} unreadable; the first, {lost[0][1].position}: {lost[0][1].reason}, {lost[0][1].detail}"
    return SourceError(f"no record of the input could be read ({seen})", do="look at the format, and at --text-field")
