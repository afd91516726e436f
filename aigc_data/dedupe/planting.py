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
import pyarrow.compute as pc

from aigc_data.dedupe.candidates import Candidates
from aigc_data.dedupe.index import Track
from aigc_data.dedupe.outcome import Components
from aigc_data.dedupe.parts import BaseTexts, Numbering, Part
from aigc_data.dedupe.verification import Verdicts
from aigc_data.ids import to_numbers
from aigc_data.recipe import DedupeMeasure
from aigc_data.store import parquet, stack
from aigc_data.store.population import find_ranks
from aigc_data.text.dedupe.pairs import GROUP, kinds, shingle_sets
from aigc_data.text.dedupe.planted import choose, plant, report, true_similarity
from aigc_data.text.dedupe.sketch import sketch

_LOW = np.uint64(0xFFFFFFFF)
NAME = "planted"
#: A longer record is not edited: the copies are made token by token on the driver.
MOST_TOKENS = 20_000


@dataclass(frozen=True)
class Sample:
    """The copies, in their order: which record of the corpus each is of (rank), in which language, how alike."""

    part: Part
    original: np.ndarray  # int64[copies]
    lang: list[str]
    similarity: np.ndarray  # float64[copies], exact Jaccard


#: Records that may be edited: which they are, and their texts where they were at hand.
CHOSEN = pa.schema(
    [
        pa.field("high", pa.uint64()),  # the id
        pa.field("low", pa.uint64()),
        pa.field("lang", pa.string()),
        pa.field("shard", pa.string()),
        pa.field("row", pa.int64()),
        pa.field("text", pa.large_string()),
    ]
)


def choose_rows(
    texts: BaseTexts, tokens: np.ndarray, params: DedupeMeasure, read: pa.ChunkedArray | None = None
) -> pa.Table:
    """CHOSEN of one shard: what is chosen among all shards is chosen in its own. `tokens` (integers[n]) are the
    numbers of tokens of its records, `read` their texts if they have been read."""
    rows = stack.read_rows(texts.workspace, texts.shard, ("id", "clean.lang"))
    allowed = pc.is_in(rows["clean.lang"], pa.array(params.planted.languages)).to_numpy()
    able = np.flatnonzero(allowed & (tokens >= params.planted.min_tokens) & (tokens <= MOST_TOKENS))
    ids, lang = to_numbers(rows["id"].take(pa.array(able))), rows["clean.lang"].take(pa.array(able))
    own = able[_choose(ids, lang, params)] if len(able) else able
    ids, lang = to_numbers(rows["id"].take(pa.array(own))), rows["clean.lang"].take(pa.array(own))
    text = pa.nulls(len(own), pa.large_string()) if read is None else read.take(pa.array(own)).combine_chunks()
    shard = pa.repeat(pa.scalar(texts.shard.name), len(own))
    return pa.table([ids[:, 0], ids[:, 1], lang, shard, own, text], schema=CHOSEN)


def best_of(tables: Sequence[pa.Table], params: DedupeMeasure) -> pa.Table:
    """The sample of the union of several CHOSEN."""
    both = pa.concat_tables([CHOSEN.empty_table(), *tables])
    return both.take(pa.array(_choose(_ids(both), both["lang"], params))) if len(both) else both


def _choose(ids: np.ndarray, lang: pa.ChunkedArray, params: DedupeMeasure) -> np.ndarray:
    names = np.asarray(lang.to_pylist(), object)
    least = params.planted.min_tokens
    return choose(
        ids, names, np.full(len(ids), least), per_language=params.planted.records, min_tokens=least, seed=params.seed
    )


def _ids(chosen: pa.Table) -> np.ndarray:
    return np.stack([chosen["high"].to_numpy(), chosen["low"].to_numpy()], axis=1)


@dataclass(frozen=True)
class _ChooseJob:
    part: Part
    texts: BaseTexts
    params: DedupeMeasure


def plant_sample(
    folder: Path,
    parts: Sequence[Part],
    numbering: Numbering,
    chosen: dict[str, pa.Table],
    params: DedupeMeasure,
    track: Track,
) -> Sample:
    """Edit the chosen records, and leave sketch and evidence of the copies in `folder`. `chosen` has CHOSEN of the
    shards that were read in this run, several of them maybe under one name; the others choose from their sketches."""
    jobs = [_ChooseJob(p, p.texts, params) for p in parts if isinstance(p.texts, BaseTexts)]
    jobs = [job for job in jobs if job.texts.shard.name not in chosen]
    tables = [t for t in chosen.values() if len(t)] + list(track("dedupe: sample", _choose_again, jobs))
    best = best_of(tables, params)
    by_id = np.lexsort((best["low"].to_numpy(), best["high"].to_numpy()))  # the layout of shards does not show
    best = best.take(pa.array(by_id))
    texts = _with_texts(best, {p.texts.shard.name: p.texts for p in parts if isinstance(p.texts, BaseTexts)})
    names, ids = best["lang"].to_pylist(), _ids(best)
    copies = plant(texts, names, ids, rates=params.planted.rates, seed=params.seed)
    of = copies["original"].to_numpy()
    similarity = true_similarity(texts.take(copies["original"]), copies["text"], params)
    path = folder / f"{NAME}.sketch.parquet"
    parquet.write(path, sketch(copies["text"], params), footer={})
    values, offsets = shingle_sets(copies["text"], params)
    np.save(folder / f"{NAME}.values.npy", values, allow_pickle=False)
    np.save(folder / f"{NAME}.offsets.npy", offsets, allow_pickle=False)
    original = find_ranks(numbering.ids, ids)[of]
    return Sample(Part(NAME, copies.num_rows, path), original, [names[i] for i in of.tolist()], similarity)


def _choose_again(job: _ChooseJob) -> pa.Table:
    tokens = parquet.read(job.part.sketch, ["tokens"])["tokens"].to_numpy()
    return choose_rows(job.texts, tokens, job.params)


def _with_texts(chosen: pa.Table, shards: dict[str, BaseTexts]) -> pa.LargeStringArray:
    """The texts of CHOSEN, those that are not at hand read from their shards."""
    texts: dict[int, str] = dict(enumerate(chosen["text"].to_pylist()))
    missing = [i for i, text in texts.items() if text is None]
    of = np.asarray(chosen["shard"].to_pylist(), object)[missing]
    for name in sorted(set(of.tolist())):
        mine = np.asarray(missing)[of == name]
        rows = chosen["row"].to_numpy()[mine]
        order = np.argsort(rows)
        for i, text in zip(mine[order].tolist(), shards[name].read(rows[order]).to_pylist(), strict=True):
            texts[i] = text
    return pa.array([texts[i] for i in range(len(chosen))], pa.large_string())


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
    same = found.cluster[own.left] == found.cluster[sample.original[own.right - begin]]
    hit[own.right[same] - begin] = True
    grouped = hit.copy()
    for part in candidates:
        pairs = np.asarray(part.pairs())
        mine = ((pairs & _LOW) >= begin) & (kinds(np.asarray(part.matches()), params) & GROUP > 0)
        left, copy = (pairs[mine] >> np.uint64(32)).astype(np.int64), (pairs[mine] & _LOW).astype(np.int64) - begin
        same = found.group[left] == found.group[sample.original[copy]]
        grouped[copy[same]] = True
    hit = np.where(sample.similarity >= params.threshold, hit, grouped)
    return report(sample.lang, sample.similarity, hit, threshold=params.threshold)
