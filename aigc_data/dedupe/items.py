"""The items of the recipe's evaluation sets, read once and kept as an index that workers map."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from aigc_data.codedigest import code_digest
from aigc_data.hashing import digest_of
from aigc_data.recipe import DedupeMeasure, Evaluation, Source
from aigc_data.sources.evaluations import ITEMS, read_items
from aigc_data.sources.inputs import content_digest, list_inputs
from aigc_data.store.files import read_json, remove_tree, write_json
from aigc_data.store.workspace import Workspace
from aigc_data.text.dedupe.contamination import build_index

_DONE = "counts.json"
#: A longer record of an evaluation set is counted as lost.
MOST_BYTES = 16 << 20


@dataclass(frozen=True)
class Items:
    """`digest` says what the items are, "" for none; `counts` has for each set what was read."""

    digest: str
    folder: Path
    counts: dict[str, dict[str, Any]] = field(default_factory=dict)


def find_items(workspace: Workspace, params: DedupeMeasure) -> Items:
    """What the recipe's evaluation sets are at this moment, without reading them but for their digests."""
    if not params.evaluations:
        return Items("", workspace.private)
    sets = []
    for evaluation in params.evaluations:
        files = [
            [f.relative, f.format, f.compression, content_digest(f, workspace.digests)]
            for f in list_inputs(_as_source(evaluation), workspace.root)
        ]
        sets.append({**evaluation.model_dump(mode="json", exclude={"path"}), "files": files})
    modules = ("aigc_data.sources.evaluations", "aigc_data.text.dedupe.contamination")
    code = [code_digest(module, ("pyarrow", "numpy")) for module in modules]
    shingles = [params.evaluation_ngram, params.evaluation_min_tokens, params.fold_han]
    digest = digest_of({"sets": sets, "shingles": shingles, "code": code})
    folder = workspace.private / "dedupe" / f"items-{digest[:16]}"
    return Items(digest, folder, read_json(folder / _DONE) if (folder / _DONE).is_file() else {})


def index_items(workspace: Workspace, params: DedupeMeasure) -> Items:
    """The same with their index in `folder`; raises SourceError when a set cannot be read."""
    items = find_items(workspace, params)
    for other in (workspace.private / "dedupe").glob("items-*"):
        if other != items.folder or not items.counts:
            remove_tree(other)
    if not items.digest or items.counts:
        return items
    tables, lost = [], {}
    for evaluation in params.evaluations:
        table, lost[evaluation.name] = read_items(evaluation, workspace.root, max_record_bytes=MOST_BYTES)
        tables.append(table)
    index = build_index(
        pa.concat_tables([ITEMS.empty_table(), *tables]),
        ngram=params.evaluation_ngram,
        min_tokens=params.evaluation_min_tokens,
        fold_han=params.fold_han,
    )
    items.folder.mkdir(parents=True)
    index.save(items.folder)
    counts = {name: {**sizes, "lost": sum(lost[name].values())} for name, sizes in index.sets().items()}
    write_json(items.folder / _DONE, counts)
    return Items(items.digest, items.folder, counts)


def _as_source(evaluation: Evaluation) -> Source:
    return Source(name=evaluation.name, path=evaluation.path, format=evaluation.format, encoding=evaluation.encoding)
