"""The one pass over a shard's text: its sketches, its repeated lines, and the evaluation items that it holds.

Each of the three is a file of its own with a key of its own, so that a changed setting opens the text for that one
alone, and a run that was killed goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from aigc_data.codedigest import code_digest
from aigc_data.columns import CONTAMINATION, DEDUPE_SKETCH
from aigc_data.dedupe.index import Track
from aigc_data.dedupe.parts import BaseTexts, ReleaseTexts
from aigc_data.dedupe.planting import best_of, choose_rows
from aigc_data.errors import IntegrityError, RecipeError
from aigc_data.hashing import digest_of
from aigc_data.recipe import DedupeMeasure, Published
from aigc_data.runner import checked, entry_of, fresh_entry
from aigc_data.store import parquet
from aigc_data.store.files import read_json
from aigc_data.store.workspace import MANIFEST, Shard, Workspace
from aigc_data.text.dedupe.bands import plan
from aigc_data.text.dedupe.contamination import contamination, load
from aigc_data.text.dedupe.repeats import line_hashes
from aigc_data.text.dedupe.sketch import sketch

LIBRARIES = ("numba", "numpy")

#: Records for the planted sample that the driver keeps before it looks which are the best.
_WAITING = 4096
#: Items that are told of one record: more than a page of a benchmark holds.
MOST_ITEMS = 1000

LINES = pa.schema([pa.field("hash", pa.uint64(), nullable=False), pa.field("row", pa.uint32(), nullable=False)])
CONTAMINATED = pa.schema([pa.field("contamination", CONTAMINATION, nullable=False)])

#: Manifest entries by file name.
Files = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Shelf:
    """Texts that lie together, and what is to be made of them: file name → key."""

    texts: BaseTexts | ReleaseTexts
    rows: int
    footer: dict[str, Any]  # what the files are made from
    wanted: dict[str, str] = field(default_factory=dict)


def shelves(workspace: Workspace, params: DedupeMeasure, clean: Mapping[str, str], items: str) -> Iterator[Shelf]:
    """What is wanted of each base shard; `clean` are the digests of its measures, `items` that of the evaluation
    items."""
    made = _keys(params, items)
    for shard in workspace.shards():
        read = {"base": shard.sha256, "measures": {"clean": clean.get(shard.name)}}
        wanted = {f"{kind}/{shard.name}.parquet": digest_of({**made[kind], **read}) for kind in made}
        yield Shelf(BaseTexts(workspace, shard), shard.rows, read, wanted)


def published_shelves(workspace: Workspace, params: DedupeMeasure) -> Iterator[Shelf]:
    """What is wanted of each shard of the releases that the recipe names; raises RecipeError for a folder that is
    none, IntegrityError for a shard that is not what the release's manifest says."""
    made = _keys(params, "")["sketch"]
    for published in params.against:
        folder = workspace.root / published.path
        for number, (name, entry) in enumerate(sorted(release_files(folder, published).items())):
            if not workspace.digests.matches(folder / name, entry["sha256"]):
                raise IntegrityError(
                    f"{folder / name} is not what the release's manifest says",
                    expected=f"SHA-256 {entry['sha256'][:12]}…",
                    do="fetch that release again",
                )
            read = {"release": entry["sha256"]}
            wanted = {f"against/{published.name}-{number:05d}.parquet": digest_of({**made, **read})}
            yield Shelf(ReleaseTexts(folder / name), entry["rows"], read, wanted)


def release_files(folder: Path, published: Published) -> dict[str, dict[str, Any]]:
    """The shards that a release's manifest lists; raises RecipeError when the folder is no release."""
    if not (folder / MANIFEST).is_file() or "id" not in (manifest := read_json(folder / MANIFEST)):
        raise RecipeError(
            f"`dedupe.measure.against` names {published.path} for {published.name!r}, which is no release",
            expected="a folder `data/releases/<id>` with its manifest.json",
            do="mend `path`; it starts at the folder of params.yaml",
        )
    files: dict[str, dict[str, Any]] = manifest["files"]
    return files


def _keys(params: DedupeMeasure, items: str) -> dict[str, dict[str, Any]]:
    link, group = plan(params)
    made: dict[str, dict[str, Any]] = {
        "sketch": {
            # Not the thresholds themselves: two of them with the same bands ask for the same sketches.
            "params": [*link[:2], *group[:2], params.ngram, params.permutations, params.seed, params.fold_han],
            "code": code_digest("aigc_data.text.dedupe.sketch", LIBRARIES),
        }
    }
    if params.repeats.records:
        made["lines"] = {
            "params": [*params.repeats.units, params.repeats.min_tokens],
            "code": code_digest("aigc_data.text.dedupe.repeats", LIBRARIES),
        }
    if items:
        made["contamination"] = {"items": items, "code": code_digest("aigc_data.text.dedupe.contamination", LIBRARIES)}
    return made


@dataclass(frozen=True)
class _Job:
    workspace: Workspace
    shelf: Shelf
    stale: tuple[str, ...]
    params: DedupeMeasure
    items: Path  # folder of the index of evaluation items


def read_texts(
    workspace: Workspace, shelved: Sequence[Shelf], params: DedupeMeasure, items: Path, old: Files, track: Track
) -> tuple[Files, dict[str, pa.Table]]:
    """Make what is wanted and not there yet; returns the entries of all, and by shard what a shard that was sketched
    has for the planted sample (planting.CHOSEN), while its texts were at hand."""
    folder = workspace.layer("dedupe")
    files: Files = {}
    chosen: dict[str, pa.Table] = {}
    jobs = []
    for shelf in shelved:
        stale = []
        for name, key in shelf.wanted.items():
            entry = fresh_entry(workspace, folder, name, key, old)
            if entry:
                files[name] = entry
            else:
                stale.append(name)
        if stale:
            jobs.append(_Job(workspace, shelf, tuple(stale), params, items))
    waiting = 0
    for job, (entries, table) in zip(jobs, track("dedupe: texts", _read, jobs), strict=True):
        files |= entries
        if table is not None and isinstance(job.shelf.texts, BaseTexts):
            chosen[job.shelf.texts.shard.name] = table
            waiting += len(table)
            if waiting > _WAITING:  # one of them holds the best of all, the others nothing
                best = best_of(list(chosen.values()), params)
                chosen = {**dict.fromkeys(chosen, best.slice(0, 0)), job.shelf.texts.shard.name: best}
                waiting = len(best)
    return files, chosen


def _read(job: _Job) -> tuple[Files, pa.Table | None]:
    texts, done, chosen = job.shelf.texts.read(), {}, None
    for name in job.stale:
        table = _made(name.split("/", 1)[0], texts, job)
        if name.startswith("sketch/") and isinstance(job.shelf.texts, BaseTexts) and job.params.planted.records:
            chosen = choose_rows(job.shelf.texts, table["tokens"].to_numpy(), job.params, texts)
        path, key = job.workspace.layer("dedupe") / name, job.shelf.wanted[name]
        written = parquet.write(path, table, footer={"key": key, **job.shelf.footer})
        done[name] = entry_of(job.workspace, path, key, written)
    return done, chosen


def _made(kind: str, texts: pa.ChunkedArray, job: _Job) -> pa.Table:
    repeats = job.params.repeats
    if kind == "lines":
        found = line_hashes(texts, units=repeats.units, min_tokens=repeats.min_tokens)
        return pa.table([pa.array(column) for column in found], schema=LINES)
    shard = Shard(kind, "", job.shelf.rows)
    if kind == "contamination":
        found = contamination(texts, load(job.items), most=MOST_ITEMS)
        return checked(pa.table([found], names=["contamination"]), CONTAMINATED, shard, "dedupe")
    return checked(sketch(texts, job.params), DEDUPE_SKETCH, shard, "dedupe")


def no_rows(kind: pa.DataType, rows: int) -> pa.Array:
    """A list column of empty lists."""
    offsets = pa.array(np.zeros(rows + 1, np.int32))
    return pa.ListArray.from_arrays(offsets, pa.array([], kind.value_type), type=kind)
