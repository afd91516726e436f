"""The planted sample: known copies, held apart from the data, by which a run measures how much it finds.

They go through the same buckets, the same comparison of signatures and the same verification as the data, as records
that came later: what is already there decides, and does not change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from aigc_data.dedupe.candidates import Candidates
from aigc_data.dedupe.index import Track
from aigc_data.dedupe.outcome import Components
from aigc_data.dedupe.parts import BaseTexts, Numbering, Part, starts_of
from aigc_data.dedupe.verification import Verdicts
from aigc_data.recipe import DedupeMeasure
from aigc_data.store import parquet, stack
from aigc_data.text.dedupe import GROUP, kinds, shingle_sets
from aigc_data.text.planted import choose, plant, report, true_similarity
from aigc_data.text.sketch import sketch

_LOW = np.uint64(0xFFFFFFFF)
NAME = "planted"


@dataclass(frozen=True)
class Sample:
    """The copies, in their order: which record of the corpus each is of (rank), in which language, how alike."""

    part: Part
    original: np.ndarray  # int64[copies]
    lang: list[str]
    similarity: np.ndarray  # float64[copies], exact Jaccard


@dataclass(frozen=True)
class _ChooseJob:
    part: Part
    texts: BaseTexts
    params: DedupeMeasure


def plant_sample(
    folder: Path,
    parts: Sequence[Part],
    numbering: Numbering,
    params: DedupeMeasure,
    track: Track,
) -> Sample:
    """Choose records of each language, edit them, and leave sketch and evidence of the copies in `folder`."""
    jobs = [_ChooseJob(p, p.texts, params) for p in parts if isinstance(p.texts, BaseTexts)]
    starts, chosen, lang = starts_of(parts), [], []
    for start, (rows, names) in zip(starts, track("dedupe: sample", _choose, jobs), strict=False):
        chosen.append(start + rows)
        lang.append(names)
    places = np.concatenate([np.zeros(0, np.int64), *chosen])
    names = np.concatenate([np.zeros(0, object), *lang])
    ids = numbering.ids[numbering.rank[places]]
    # What each shard would choose holds what is chosen among all of them.
    best = choose(ids, names, np.full(len(ids), params.planted.min_tokens), per_language=params.planted.records,
                  min_tokens=params.planted.min_tokens, seed=params.seed)  # fmt: skip
    best = best[np.argsort(numbering.rank[places[best]])]  # by rank: the layout of shards does not show
    places, names = places[best], names[best]
    texts = _texts_at(parts, places)
    copies = plant(texts, names.tolist(), numbering.ids[numbering.rank[places]], rates=params.planted.rates,
                   seed=params.seed)  # fmt: skip
    of = copies["original"].to_numpy()
    similarity = true_similarity(texts.take(copies["original"]), copies["text"], params)
    path = folder / f"{NAME}.sketch.parquet"
    parquet.write(path, sketch(copies["text"], params), footer={})
    values, offsets = shingle_sets(copies["text"], params)
    np.save(folder / f"{NAME}.values.npy", values, allow_pickle=False)
    np.save(folder / f"{NAME}.offsets.npy", offsets, allow_pickle=False)
    original = numbering.rank[places].astype(np.int64)[of]
    return Sample(Part(NAME, copies.num_rows, path), original, names[of].tolist(), similarity)


def _choose(job: _ChooseJob) -> tuple[np.ndarray, np.ndarray]:
    """(rows int64[], languages) of one shard's candidates for the sample."""
    from aigc_data.ids import to_numbers

    rows = stack.read_rows(job.texts.workspace, job.texts.shard, ("id", "clean.lang"))
    names = np.asarray(rows["clean.lang"].to_pylist(), object)
    tokens = parquet.read(job.part.sketch, ["tokens"])["tokens"].to_numpy().copy()
    tokens[~np.isin(names, job.params.planted.languages)] = 0
    planted = job.params.planted
    chosen = choose(to_numbers(rows["id"]), names, tokens, per_language=planted.records,
                    min_tokens=planted.min_tokens, seed=job.params.seed)  # fmt: skip
    chosen = np.sort(chosen)
    return chosen, names[chosen]


def _texts_at(parts: Sequence[Part], places: np.ndarray) -> pa.LargeStringArray:
    """The texts at some places (int64[]), in their order."""
    starts, pieces = starts_of(parts), []
    order = np.argsort(places)
    part = np.searchsorted(starts, places[order], side="right") - 1
    for number in np.unique(part).tolist():
        mine = places[order][part == number] - starts[number]
        texts = parts[number].texts
        assert texts is not None
        pieces.append(texts.read(mine))
    joined = pa.chunked_array([c for p in pieces for c in p.chunks], pa.large_string()).combine_chunks()
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    return joined.take(pa.array(back))


def measure(
    sample: Sample,
    links: Verdicts,
    candidates: Sequence[Candidates],
    found: Components,
    params: DedupeMeasure,
    begin: int,
) -> list[dict[str, Any]]:
    """Recall by language and similarity (text.planted.report); `begin` is the rank of the first copy.

    At or above the threshold a copy is found by a verified link to a record of its original's cluster; below it, by a
    group candidate in its original's group.
    """
    hit = np.zeros(len(sample.original), np.bool_)
    own = links.where(links.right >= begin)
    hit[own.right - begin] |= found.cluster[own.left] == found.cluster[sample.original[own.right - begin]]
    grouped = hit.copy()
    for part in candidates:
        pairs = np.asarray(part.pairs())
        mine = ((pairs & _LOW) >= begin) & (kinds(np.asarray(part.matches()), params) & GROUP > 0)
        left, copy = (pairs[mine] >> np.uint64(32)).astype(np.int64), (pairs[mine] & _LOW).astype(np.int64) - begin
        same = found.group[left] == found.group[sample.original[copy]]
        grouped[copy[same]] = True
    hit = np.where(sample.similarity >= params.threshold, hit, grouped)
    return report(sample.lang, sample.similarity, hit, threshold=params.threshold)
