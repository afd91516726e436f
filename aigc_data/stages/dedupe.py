"""dedupe: verified links between near-duplicates, and the cluster, group and exact class of every record.

Beside: which records an earlier release has, which hold evaluation items, and what is cut as repeated. It elects
nobody among the corpus' own duplicates; the gate does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from aigc_data import columns
from aigc_data.codedigest import code_digest
from aigc_data.dedupe import cutting, layer, meaning, planting
from aigc_data.dedupe.candidates import find_candidates
from aigc_data.dedupe.findings import count_findings
from aigc_data.dedupe.index import build_index
from aigc_data.dedupe.items import Items, find_items, index_items
from aigc_data.dedupe.outcome import best_published, cluster_sizes, components
from aigc_data.dedupe.parts import BaseTexts, Part, ReleaseTexts, number
from aigc_data.dedupe.references import same_contents, same_records
from aigc_data.dedupe.texts import Files, Shelf, published_shelves, read_texts, shelves
from aigc_data.dedupe.verification import EXACT, JACCARD, Known, Verdicts, verify
from aigc_data.hashing import digest_of
from aigc_data.ids import to_numbers
from aigc_data.recipe import DedupeMeasure
from aigc_data.runner import (
    Context,
    Report,
    barrier_report,
    dump,
    files_are,
    finish_layer,
    layer_manifest,
    parent_digests,
)
from aigc_data.stage import Barrier
from aigc_data.store import parquet
from aigc_data.store.files import remove_tree
from aigc_data.store.workspace import MANIFEST
from aigc_data.text.dedupe.bands import plan

LIBRARIES = ("numba", "numpy", "pyarrow")
READS = ("clean.text", "clean.lang")
LINKS, UNLIKE = "links/00000.parquet", "unlike/00000.parquet"


def run(context: Context) -> Report:
    """Bring the layer up to date; texts that were sketched, and pairs that were compared, are not looked at again."""
    started = time.perf_counter()
    workspace, folder = context.workspace, context.workspace.layer("dedupe")
    old = workspace.manifest(folder) or {}
    if is_fresh(context):
        return barrier_report(STAGE, started, 0, _shards(old["files"]), old["rows"], old["reasons"])
    track = _tracker(context)
    items = index_items(workspace, context.params.measure)
    wanted, key = _wanted(context, items)
    texts, chosen = read_texts(workspace, wanted, context.params.measure, items.folder, old.get("files", {}), track)
    if old.get("made_of") == key and _whole(context, old["files"]):
        files = {name: entry for name, entry in old["files"].items() if not name.startswith("reason/")}
        found: dict[str, Any] = {name: old[name] for name in ("groups", "planted") if name in old}
    else:
        try:
            files, found = _resolve(context, texts, chosen, wanted, key, old.get("files", {}))
        finally:
            remove_tree(workspace.private / "dedupe" / "scratch")
    measures = {name: entry for name, entry in files.items() if name.startswith("measure/")}
    rules = context.params.rules
    judged = layer.write_judgements(workspace, measures, rules, old.get("files", {}), track)
    manifest = layer_manifest("dedupe", context.params, {**files, **judged}, context.code(LIBRARIES))
    manifest |= {"made_of": key, **found, **count_findings(workspace, context.params, items.counts, track)}
    finish_layer(workspace, folder, manifest, seconds=time.perf_counter() - started)
    changed = {n.split("/", 1)[1] for n, entry in manifest["files"].items() if _changed(n, entry, old)}
    fresh = _shards(manifest["files"]) - len(changed)
    return barrier_report(STAGE, started, len(changed), fresh, manifest["rows"], manifest["reasons"])


def _changed(name: str, entry: dict[str, Any], old: dict[str, Any]) -> bool:
    return name.startswith(("measure/", "reason/")) and old.get("files", {}).get(name) != entry


def is_fresh(context: Context) -> bool:
    """Whether the layer was made from the texts, releases and evaluation items that are there, and is whole."""
    workspace = context.workspace
    manifest = workspace.manifest(workspace.layer("dedupe"))
    ready = (workspace.base / MANIFEST).is_file() and (workspace.layer("clean") / MANIFEST).is_file()
    if manifest is None or not ready or manifest.get("params") != dump(context.params):
        return False
    _, key = _wanted(context, find_items(workspace, context.params.measure))
    return manifest.get("made_of") == key and _whole(context, manifest["files"])


def _wanted(context: Context, items: Items) -> tuple[list[Shelf], str]:
    """What is made of each shard's text, and the key of all that the measures depend on."""
    workspace, params = context.workspace, context.params.measure
    clean = parent_digests(workspace, ["clean"])["clean"]
    wanted = [*shelves(workspace, params, clean, items.digest), *published_shelves(workspace, params)]
    key = digest_of(
        {
            "params": dump(params),
            "code": context.code(LIBRARIES),
            "texts": [shelf.wanted for shelf in wanted],
            "model": meaning.model_digest(workspace, params.semantic),
        }
    )
    return wanted, key


def _whole(context: Context, files: Files) -> bool:
    """Whether the files that measures and judgements consist of are those that the manifest lists."""
    shards = [s.name for s in context.workspace.shards()]
    needed = {f"{kind}/{name}.parquet" for kind in ("measure", "reason") for name in shards} | {LINKS, UNLIKE}
    if not needed <= set(files):
        return False
    return files_are(
        context.workspace, context.workspace.layer("dedupe"), files, {name: f["key"] for name, f in files.items()}
    )


def _resolve(
    context: Context, texts: Files, chosen: dict[str, pa.Table], wanted: list[Shelf], key: str, old: Files
) -> tuple[Files, dict[str, Any]]:
    """From sketches to links, components and cuts; returns the layer's files but the reasons, and what was found."""
    workspace, params = context.workspace, context.params.measure
    folder, track, memory = workspace.private / "dedupe" / "scratch", _tracker(context), context.recipe.memory_mb << 20
    remove_tree(folder)
    folder.mkdir(parents=True)
    parts = [_part(workspace.layer("dedupe"), shelf, i) for i, shelf in enumerate(wanted)]
    own = [p for p in parts if isinstance(p.texts, BaseTexts)]
    numbering = number(workspace)
    references = sum(p.rows for p in parts[len(own) :])
    sample = None
    if params.planted.records:
        sample = planting.plant_sample(folder, own, numbering, chosen, params, track)
        parts = [*parts, sample.part]
    link, group = plan(params)
    shape = (link.bands, group.bands, params.permutations)
    index, first = build_index(folder, parts, numbering, references, shape, params.ngram, track, memory)
    candidates = find_candidates(index, params, track, memory)
    known = Known(workspace.private / "dedupe" / "verdicts", _verdict_key(context))
    verdicts = verify(index, parts, candidates, params, known, track, memory)
    alike = verdicts.similarity >= np.float32(params.threshold)
    links = verdicts.where(alike)
    own_pairs = (verdicts.pairs & np.uint64(0xFFFFFFFF)) < index.own
    apart = verdicts.where(~alike & (verdicts.method == JACCARD) & own_pairs)
    del verdicts
    mine = links.where(links.right < index.own)
    if params.semantic.on:
        meant = meaning.semantic_links(folder, workspace.root, own, numbering, params.semantic, track)
        mine = Verdicts.joined([mine, meaning.between_contents(meant, first)])
    found = components(index, first, mine, candidates, params)
    copies = np.flatnonzero(first != np.arange(index.own))
    exact = first[copies].astype(np.uint64) << np.uint64(32) | copies.astype(np.uint64)
    ones = np.ones(len(copies), np.float32)
    mine = Verdicts.joined([mine, Verdicts(exact, ones, np.full(len(copies), EXACT, np.uint8))])
    files = dict(texts)
    files |= layer.write_links(workspace, numbering.ids, mine, LINKS, key)
    # The gate asks about pairs of one cluster alone.
    apart = apart.where(apart.inside(found.cluster))
    files |= layer.write_links(workspace, numbering.ids, apart, UNLIKE, key)
    published = None
    if references:
        there = links.where((links.right >= index.own) & (links.right < index.own + references))
        ids = _ids_of(wanted[len(own) :])
        there = Verdicts.joined(
            [there, same_contents(index, track, memory), same_records(index, numbering, ids, first, params)]
        )
        published = _published(context, index.own, wanted[len(own) :], ids, *best_published(index, there, first))
    lines: dict[int, Path] = {}
    if params.repeats.records:
        hashes = [n for shelf in wanted for n in shelf.wanted if n.startswith("lines/")]
        counted, rows = [workspace.layer("dedupe") / n for n in hashes], sum(texts[n]["rows"] for n in hashes)
        stands = (found.cluster == np.arange(index.own))[numbering.rank]
        repeated = cutting.repeated_hashes(folder, own, counted, stands, rows, params, track, memory)
        lines = cutting.cut_lines(folder, own, counted, repeated, params, track)
    substrings = pa.table({"place": pa.array([], pa.int64()), "cuts": pa.array([], columns.CUTS)})
    if params.substrings.tokens:
        substrings = cutting.cut_substrings(folder, own, numbering, found.cluster, params, track)
    clean = parent_digests(workspace, ["clean"])["clean"]
    contaminated = any(name.startswith("contamination/") for name in texts)
    files |= layer.write_measures(
        workspace, folder, numbering, found, published, lines, substrings, clean, contaminated, old, track
    )
    said: dict[str, Any] = {"groups": cluster_sizes(index, numbering.ids, found)}
    if sample is not None:
        said["planted"] = planting.measure(sample, links, candidates, found, params, index.own + references)
    return files, said


def _part(folder: Path, shelf: Shelf, number: int) -> Part:
    sketch = next(name for name in shelf.wanted if name.startswith(("sketch/", "against/")))
    return Part(f"part-{number:06d}", shelf.rows, folder / sketch, shelf.texts)


def _ids_of(wanted: list[Shelf]) -> np.ndarray:
    """The ids (uint64[m, 2]) of the records of earlier releases, in the order of their shelves."""
    ids = [to_numbers(parquet.read(s.texts.path, ["id"])["id"]) for s in wanted if isinstance(s.texts, ReleaseTexts)]
    return np.concatenate([np.empty((0, 2), np.uint64), *ids])


def _published(
    context: Context, own: int, wanted: list[Shelf], ids: np.ndarray, place: np.ndarray, similarity: np.ndarray
) -> layer.Published:
    """Names and ids of the records of earlier releases."""
    names = tuple(p.name for p in context.params.measure.against)
    of = [next(iter(s.wanted)).removeprefix("against/").rpartition("-")[0] for s in wanted]
    name_of = np.repeat([names.index(n) for n in of], [s.rows for s in wanted]).astype(np.int16)
    hit = place >= 0
    name, as_ = np.full(own, -1, np.int16), np.zeros((own, 2), np.uint64)
    name[hit], as_[hit] = name_of[place[hit]], ids[place[hit]]
    return layer.Published(names, name, as_, similarity)


def _verdict_key(context: Context) -> str:
    """What an exact similarity of two contents depends on."""
    params: DedupeMeasure = context.params.measure
    code = code_digest("aigc_data.text.dedupe.pairs", LIBRARIES)
    return digest_of({"ngram": params.ngram, "fold_han": params.fold_han, "code": code})


def _tracker(context: Context) -> Callable[[str, Callable[[Any], Any], list[Any]], Iterable[Any]]:
    return lambda what, function, jobs: context.track(what, context.each(function, jobs), len(jobs))


def _shards(files: Files) -> int:
    return sum(1 for name in files if name.startswith("measure/"))


STAGE = Barrier(
    name="dedupe",
    run=run,
    fresh=is_fresh,
    libraries=LIBRARIES,
    reads=READS,
    checks=layer.checks,
    checked=tuple(layer.CHECKED),
)
