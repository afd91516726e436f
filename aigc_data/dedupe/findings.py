"""What the layer found beside duplicates, counted for its manifest and the card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc

from aigc_data.dedupe.index import Track
from aigc_data.dedupe.layer import enough
from aigc_data.recipe import Dedupe, DedupeRules
from aigc_data.store import parquet
from aigc_data.store.workspace import Workspace

_COLUMNS = ("cuts", "contamination", "published_in")


@dataclass(frozen=True)
class _Job:
    workspace: Workspace
    shard: str
    rules: DedupeRules


@dataclass(frozen=True)
class _Counted:
    cuts: dict[str, int]
    against: dict[str, int]
    found: dict[str, set[str]]  # items of each set that some record holds
    records: dict[str, int]  # records that hold an item of a set


def count_findings(
    workspace: Workspace, params: Dedupe, items: dict[str, dict[str, Any]], track: Track
) -> dict[str, Any]:
    """Manifest keys `cuts`, `against` and `contamination`; each only where the recipe asks for it."""
    measure = params.measure
    cutting = bool(measure.repeats.records or measure.substrings.tokens)
    if not (cutting or measure.against or measure.evaluations):
        return {}
    jobs = [_Job(workspace, s.name, params.rules) for s in workspace.shards()]
    counted = list(track("dedupe: count", _count, jobs))
    said: dict[str, Any] = {}
    if cutting:
        said["cuts"] = {k: sum(c.cuts.get(k, 0) for c in counted) for k in ("rows", "characters")}
    if measure.against:
        said["against"] = {p.name: sum(c.against.get(p.name, 0) for c in counted) for p in measure.against}
    if measure.evaluations:
        said["contamination"] = {
            "dropped": params.rules.drop_contaminated,
            "containment": params.rules.containment,
            "sets": [
                {
                    "set": name,
                    **sizes,
                    "items_found": len(set().union(*(c.found.get(name, set()) for c in counted))),
                    "records": sum(c.records.get(name, 0) for c in counted),
                }
                for name, sizes in sorted(items.items())
            ],
        }
    return said


def _count(job: _Job) -> _Counted:
    path = job.workspace.measure_file("dedupe", job.shard)
    rows = parquet.read(path, [f"dedupe.{n}" for n in _COLUMNS]).rename_columns(list(_COLUMNS))
    cuts = rows["cuts"].combine_chunks()
    spans = pc.list_flatten(cuts)
    lengths = pc.subtract(pc.struct_field(spans, "end"), pc.struct_field(spans, "start"))
    names = pc.value_counts(rows["published_in"].combine_chunks()).to_pylist()
    lists = rows["contamination"].combine_chunks()
    hits = pc.list_flatten(lists)
    held = enough(hits, job.rules)
    sets = np.asarray(pc.struct_field(hits, "set").to_pylist(), object)[held]
    items = np.asarray(pc.struct_field(hits, "item").to_pylist(), object)[held]
    parents = pc.list_parent_indices(lists).to_numpy()[held]
    return _Counted(
        {"rows": int((np.diff(cuts.offsets.to_numpy()) > 0).sum()), "characters": pc.sum(lengths).as_py() or 0},
        {n["values"]: n["counts"] for n in names if n["values"]},
        {name: set(items[sets == name].tolist()) for name in set(sets.tolist())},
        {name: len(np.unique(parents[sets == name])) for name in set(sets.tolist())},
    )
