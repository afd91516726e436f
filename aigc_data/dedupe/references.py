"""Which records of the corpus an earlier release has, beyond what looks alike in the bands.

A release holds texts as they were rendered, without personal data and without what was cut. Its records are known by
their ids too, and exact copies by the hash of their content.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aigc_data.dedupe.index import EXACT_BYTES, Index, Track, key_ranges
from aigc_data.dedupe.parts import Numbering
from aigc_data.dedupe.verification import ESTIMATE, EXACT, Verdicts
from aigc_data.recipe import DedupeMeasure
from aigc_data.text.dedupe.sketch import estimate


@dataclass(frozen=True)
class _Job:
    index: Index
    low: int
    high: int


def same_contents(index: Index, track: Track, memory: int) -> Verdicts:
    """Pairs of a record that stands for its exact copies and the first reference of the same content."""
    ranges = key_ranges((index.own + index.references) * EXACT_BYTES, memory)
    jobs = [_Job(index, low, high) for low, high in ranges]
    pairs = np.concatenate([np.zeros(0, np.uint64), *track("dedupe: references", _same, jobs)])
    return Verdicts(pairs, np.ones(len(pairs), np.float32), np.full(len(pairs), EXACT, np.uint8))


def _same(job: _Job) -> np.ndarray:
    index, own, end = job.index, job.index.own, job.index.own + job.index.references
    mine = index.in_range(0, own, job.low, job.high)
    theirs = index.in_range(own, end, job.low, job.high)
    content, ranks = index.content(), index.ranks()
    joined = np.concatenate([content[theirs], content[mine]])
    # Stable, references first: a record's content is known when its run of equal ones begins with a reference.
    order = np.lexsort((joined[:, 1], joined[:, 0]))
    new = np.ones(len(order), np.bool_)
    new[1:] = (joined[order[1:]] != joined[order[:-1]]).any(axis=1)
    begins = order[np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))] if len(order) else order
    known = (order >= len(theirs)) & (begins < len(theirs))
    record = ranks[mine[order[known] - len(theirs)]].astype(np.uint64)
    reference = ranks[theirs[begins[known]]].astype(np.uint64)
    return record << np.uint64(32) | reference


def same_records(
    index: Index, numbering: Numbering, ids: np.ndarray, first: np.ndarray, params: DedupeMeasure
) -> Verdicts:
    """Pairs of a record and the reference of the same id (`ids`, uint64[references, 2]), where their signatures are
    alike at `group_threshold`: what redaction and cuts left of it. A text that was replaced under its key is another.
    """
    joined = np.concatenate([numbering.ids, ids])
    order = np.lexsort((joined[:, 1], joined[:, 0]))
    same = np.flatnonzero((joined[order[1:]] == joined[order[:-1]]).all(axis=1)) if len(order) > 1 else np.zeros(0, int)
    record, reference = order[same], order[same + 1]  # stable: the corpus' own comes first
    own = (record < index.own) & (reference >= index.own)
    record, reference = record[own], reference[own]
    matches = (index.signatures(record) == index.signatures(reference)).sum(axis=1)
    similarity = estimate(matches, params.permutations).astype(np.float32)
    alike = similarity >= np.float32(params.group_threshold)
    pairs = first[record[alike]].astype(np.uint64) << np.uint64(32) | reference[alike].astype(np.uint64)
    return Verdicts(pairs, similarity[alike], np.full(int(alike.sum()), ESTIMATE, np.uint8))
