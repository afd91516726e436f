"""What follows from the verdicts: components, who is published already, and how large and how wide clusters are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aigc_data.dedupe.candidates import Candidates
from aigc_data.dedupe.index import Index
from aigc_data.dedupe.verification import Verdicts
from aigc_data.ids import to_hex
from aigc_data.kernels.unionfind import flatten, join
from aigc_data.recipe import DedupeMeasure
from aigc_data.text.dedupe.pairs import GROUP, kinds
from aigc_data.text.dedupe.sketch import estimate

_LOW = np.uint64(0xFFFFFFFF)
#: Clusters that the manifest names, the largest first.
LARGEST = 10
#: Bounds of the classes of cluster sizes: up to and including.
SIZES = ((2, 2), (3, 5), (6, 10), (11, 100), (101, None))


@dataclass(frozen=True)
class Components:
    """By rank of the corpus (uint32[own] each): the smallest rank of what hangs together."""

    cluster: np.ndarray
    group: np.ndarray
    exact: np.ndarray


def components(
    index: Index, first: np.ndarray, links: Verdicts, candidates: Sequence[Candidates], params: DedupeMeasure
) -> Components:
    """Clusters of the corpus' own `links`, groups of these and of the group candidates; `first` (uint32[own]) is the
    smallest rank among exact copies."""
    own = index.own
    cluster = np.arange(own, dtype=np.uint32)
    copies = np.flatnonzero(first != cluster)
    join(cluster, first[copies], copies)
    join(cluster, links.left, links.right)
    group = cluster.copy()
    flatten(cluster)
    for found in candidates:
        pairs = np.asarray(found.pairs())
        alike = (kinds(np.asarray(found.matches()), params) & GROUP > 0) & ((pairs & _LOW) < own)
        join(group, pairs[alike] >> np.uint64(32), pairs[alike] & _LOW)
    flatten(group)
    return Components(cluster, group, first)


def best_published(index: Index, verdicts: Verdicts, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each rank of the corpus the most similar record of an earlier release: (place among the references or -1,
    int64[own]; similarity, float32[own]). Exact copies share it."""
    place, similarity = np.full(index.own, -1, np.int64), np.zeros(index.own, np.float32)
    # The best comes last, so that it stands: by similarity, then by the smaller place.
    order = np.lexsort((-verdicts.right, verdicts.similarity))
    place[verdicts.left[order]] = verdicts.right[order] - index.own
    similarity[verdicts.left[order]] = verdicts.similarity[order]
    return place[first], similarity[first]


def cluster_sizes(index: Index, ids: np.ndarray, found: Components) -> dict[str, Any]:
    """How many clusters of which size, and of the largest the radius: the smallest similarity, by signatures, of a
    member to the record that names it."""
    counts = np.bincount(found.cluster, minlength=index.own) if index.own else np.zeros(0, np.int64)
    sizes = counts[counts > 1]
    named = {
        (str(low) if low == high else f"{low}-{high}" if high else f">{low - 1}"): int(
            ((sizes >= low) & (sizes <= (high or sizes.max(initial=0)))).sum()
        )
        for low, high in SIZES
    }
    largest = []
    for leader in np.lexsort((np.arange(len(counts)), -counts))[:LARGEST].tolist():
        if counts[leader] < 2:
            break
        members = np.flatnonzero(found.cluster == leader)
        largest.append(
            {
                "cluster": to_hex(ids[leader : leader + 1])[0].as_py(),
                "rows": int(counts[leader]),
                "radius": round(_radius(index, leader, members), 4),
            }
        )
    return {"clusters": len(sizes), "rows": int(sizes.sum()), "sizes": named, "largest": largest}


def _radius(index: Index, leader: int, members: np.ndarray) -> float:
    middle = index.signatures(np.array([leader]))
    least = index.permutations
    for start in range(0, len(members), 1 << 16):
        same = (index.signatures(members[start : start + (1 << 16)]) == middle).sum(axis=1)
        least = min(least, int(same.min()))
    return float(estimate(np.array(least), index.permutations))
