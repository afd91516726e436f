"""The layer's files: measures and reasons a shard, links with their ids.

A shard's file whose content is the same stays as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.codedigest import code_digest
from aigc_data.columns import CONTAMINATION, DEDUPE, LINKS, on_disk
from aigc_data.dedupe.cutting import cuts_of
from aigc_data.dedupe.index import Track
from aigc_data.dedupe.outcome import Components
from aigc_data.dedupe.parts import BaseTexts, Numbering
from aigc_data.dedupe.texts import Files, no_rows
from aigc_data.dedupe.verification import METHODS, Verdicts
from aigc_data.hashing import digest_of
from aigc_data.ids import to_hex
from aigc_data.recipe import DedupeRules
from aigc_data.runner import checked, dump, entry_of, fresh_entry, write_reasons
from aigc_data.stage import first_reasons
from aigc_data.store import parquet
from aigc_data.store.workspace import Shard, Workspace
from aigc_data.text.dedupe.cuts import any_cut, apply_cuts
from aigc_data.text.tokens import count_tokens

#: Part of every measure's key: another number means that the same content is written in another way.
FORMAT = 1


@dataclass(frozen=True)
class Published:
    """By rank of the corpus: the name of the earlier release that has the record (index into `names`, -1 for none),
    the record's id there, and how similar the two are."""

    names: tuple[str, ...]
    name: np.ndarray  # int16[own]
    ids: np.ndarray  # uint64[own, 2]
    similarity: np.ndarray  # float32[own]


@dataclass(frozen=True)
class _MeasureJob:
    workspace: Workspace
    shard: Shard
    folder: Path
    start: int
    lines: Path | None
    substrings: pa.Table  # of this shard
    names: tuple[str, ...]
    clean: str | None
    contaminated: bool
    old: dict[str, Any] | None


def write_measures(
    workspace: Workspace,
    folder: Path,
    numbering: Numbering,
    found: Components,
    published: Published | None,
    lines: dict[int, Path],
    substrings: pa.Table,
    clean: dict[str, str],
    contaminated: bool,
    old: Files,
    track: Track,
) -> Files:
    """One measure file a shard: components named by their smallest id, and what else was found."""
    for name, column in (("cluster", found.cluster), ("group", found.group), ("exact", found.exact)):
        np.save(folder / f"{name}.npy", column, allow_pickle=False)
    np.save(folder / "ids.npy", numbering.ids, allow_pickle=False)
    np.save(folder / "own-ranks.npy", numbering.rank, allow_pickle=False)
    if published is not None:
        for name in ("name", "ids", "similarity"):
            np.save(folder / f"published-{name}.npy", getattr(published, name), allow_pickle=False)
    jobs, start = [], 0
    places = substrings["place"].to_numpy()
    for number, shard in enumerate(workspace.shards()):
        low, high = np.searchsorted(places, [start, start + shard.rows]).tolist()
        jobs.append(
            _MeasureJob(
                workspace,
                shard,
                folder,
                start,
                lines.get(number),
                substrings.take(pa.array(np.arange(low, high))),  # a slice would travel as the whole
                published.names if published else (),
                clean.get(shard.name),
                contaminated,
                old.get(f"measure/{shard.name}.parquet"),
            )
        )
        start += shard.rows
    return {
        f"measure/{job.shard.name}.parquet": entry
        for job, entry in zip(jobs, track("dedupe: layer", _write_measure, jobs), strict=True)
    }


def _write_measure(job: _MeasureJob) -> dict[str, Any]:
    workspace, shard = job.workspace, job.shard
    rank = _loaded(job, "own-ranks")[job.start : job.start + shard.rows]
    ids = _loaded(job, "ids")
    numbers = [ids[_loaded(job, name)[rank]] for name in ("cluster", "group", "exact")]
    cuts = cuts_of(shard.rows, job.lines, job.substrings, job.start)
    left = _tokens_left(job, cuts)
    evaluations: Any = no_rows(CONTAMINATION, shard.rows)
    if job.contaminated:
        path = workspace.layer("dedupe") / "contamination" / f"{shard.name}.parquet"
        evaluations = parquet.read(path, ["contamination"])["contamination"].combine_chunks()
    name = np.full(shard.rows, -1, np.int16)
    as_, similarity = np.zeros((shard.rows, 2), np.uint64), np.zeros(shard.rows, np.float32)
    if job.names:
        name, as_, similarity = (_loaded(job, f"published-{n}")[rank] for n in ("name", "ids", "similarity"))
    key = digest_of(
        {
            "format": FORMAT,
            "base": shard.sha256,
            "clean": job.clean,
            "content": _digest([*numbers, name, as_, similarity, left], [cuts, evaluations]),
            "names": job.names,
        }
    )
    file = f"measure/{shard.name}.parquet"
    known = {file: job.old} if job.old else {}
    entry = fresh_entry(workspace, workspace.layer("dedupe"), file, key, known)
    if entry:
        return entry
    there = pa.array(name >= 0)
    names = pa.array(["", *job.names], pa.string()).take(pa.array(name.astype(np.int64) + 1))
    columns = [*map(to_hex, numbers), cuts, left, evaluations, names, pc.if_else(there, to_hex(as_), ""), similarity]
    table = checked(pa.table(columns, names=DEDUPE.names), DEDUPE, shard, "dedupe")
    path = workspace.measure_file("dedupe", shard.name)
    footer = {"key": key, "base": shard.sha256, "measures": {"clean": job.clean}}
    disk = on_disk("dedupe", DEDUPE)
    return entry_of(workspace, path, key, parquet.write(path, table.rename_columns(disk.names), footer=footer))


def _tokens_left(job: _MeasureJob, cuts: pa.Array) -> np.ndarray:
    """Tokens (int64) of each text without its cuts; only the texts that are cut are read for it."""
    sketch = job.workspace.layer("dedupe") / "sketch" / f"{job.shard.name}.parquet"
    tokens = parquet.read(sketch, ["tokens"])["tokens"].to_numpy().copy()
    rows = np.flatnonzero(any_cut(cuts))
    if len(rows):
        texts = BaseTexts(job.workspace, job.shard).read(rows)
        tokens[rows] = count_tokens(apply_cuts(texts, cuts.take(pa.array(rows))))
    return tokens


def _loaded(job: _MeasureJob, name: str) -> np.ndarray:
    return np.asarray(np.load(job.folder / f"{name}.npy", mmap_mode="r", allow_pickle=False))


def _digest(arrays: Sequence[np.ndarray], lists: Sequence[pa.Array]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
    for one in lists:
        digest.update(np.ascontiguousarray(pc.list_value_length(one).to_numpy(zero_copy_only=False)).data.cast("B"))
        for field in pc.list_flatten(one).flatten():
            digest.update(repr(field.to_pylist()).encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class _JudgeJob:
    workspace: Workspace
    shard: Shard
    rules: DedupeRules
    key: str


def write_judgements(workspace: Workspace, measures: Files, rules: DedupeRules, old: Files, track: Track) -> Files:
    """One reason file a shard, where it is not what the measures and the rules ask for."""
    files: Files = {}
    jobs = []
    for shard in workspace.shards():
        name = f"reason/{shard.name}.parquet"
        measure = measures[f"measure/{shard.name}.parquet"]["key"]
        key = digest_of({"measure": measure, "rules": dump(rules), "code": code_digest("aigc_data.dedupe.layer", ())})
        entry = fresh_entry(workspace, workspace.layer("dedupe"), name, key, old)
        if entry:
            files[name] = entry
        else:
            jobs.append(_JudgeJob(workspace, shard, rules, key))
    for name, entry in track("dedupe: judge", _write_judgement, jobs):
        files[name] = entry
    return files


def _write_judgement(job: _JudgeJob) -> tuple[str, dict[str, Any]]:
    path = job.workspace.measure_file("dedupe", job.shard.name)
    columns = parquet.read(path, [f"dedupe.{n}" for n in CHECKED]).rename_columns(CHECKED)
    reason = first_reasons("dedupe", checks(columns, job.rules))
    return write_reasons(job.workspace, "dedupe", job.shard, reason, job.key)


#: The measures that `checks` looks at.
CHECKED = ["published_in", "contamination", "cuts", "tokens_left"]


def checks(columns: pa.Table, rules: DedupeRules) -> pa.Table:
    """The rules that a row breaks, from the columns CHECKED: published, contaminated, boilerplate."""
    broken = columns.select([])
    if rules.drop_published:
        broken = broken.append_column("published", pc.not_equal(columns["published_in"], ""))
    if rules.drop_contaminated:
        broken = broken.append_column("contaminated", pa.array(contaminated(columns["contamination"], rules)))
    short = columns["tokens_left"].to_numpy() < max(rules.min_tokens_left, 1)
    return broken.append_column("boilerplate", pa.array(any_cut(columns["cuts"]) & short))


def contaminated(hits: pa.ChunkedArray, rules: DedupeRules) -> np.ndarray:
    """bool[n]: the rows with an evaluation item at or above the rules' containment and hits."""
    lists = hits.combine_chunks()
    held = np.zeros(len(lists), np.bool_)
    held[pc.list_parent_indices(lists).to_numpy()[enough(pc.list_flatten(lists), rules)]] = True
    return held


def enough(hits: pa.StructArray, rules: DedupeRules) -> np.ndarray:
    """bool[m]: which hits are as many, and as much of the item, as the rules ask for."""
    containment, count = (pc.struct_field(hits, n).to_numpy() for n in ("containment", "hits"))
    return (containment >= np.float32(rules.containment)) & (count >= rules.hits)


def write_links(workspace: Workspace, ids: np.ndarray, links: Verdicts, name: str, key: str) -> Files:
    """Pairs of the corpus with their ids, in the order of ranks."""
    order = np.argsort(links.pairs, kind="stable")

    def part(start: int) -> pa.Table:
        some = links.where(order[start : start + _LINKS_AT_ONCE])
        method = pa.DictionaryArray.from_arrays(pa.array(some.method), pa.array(METHODS)).dictionary_decode()
        return pa.table([to_hex(ids[some.left]), to_hex(ids[some.right]), some.similarity, method], schema=LINKS)

    path = workspace.layer("dedupe") / name
    parts = map(part, range(0, max(len(order), 1), _LINKS_AT_ONCE))
    return {name: entry_of(workspace, path, key, parquet.write_parts(path, LINKS, parts, footer={"key": key}))}


_LINKS_AT_ONCE = 64 * parquet.ROW_GROUP
