"""Near-duplicates over a whole corpus: candidates from band keys, exact verification, components.

Records are numbered by the rank of their id, so that nothing depends on how rows lie in shards. The four
steps follow Broder (1997) and Leskovec, Rajaraman, Ullman, chapter 3, with three changes: exact copies are
collapsed before LSH, a bucket is led by its smallest ranks in place of all pairs, and no link stands
without a comparison of the two texts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data import columns
from aigc_data.kernels import codepoints
from aigc_data.kernels.buckets import lead_buckets
from aigc_data.kernels.jaccard import jaccard_pairs, sorted_sets
from aigc_data.kernels.shingles import shingle_rows
from aigc_data.kernels.unionfind import smallest_of_component
from aigc_data.recipe import DedupeMeasure
from aigc_data.text.arrow import text_buffers
from aigc_data.text.sketch import estimate, exact_representatives, fixed_rows, least_matches

#: What a candidate was proposed as; bits, because one pair may be both of the last two.
EXACT, LINK, GROUP = 1, 2, 4

#: Texts with more shingles are compared by their signatures: exact sets of them would not fit beside a block.
MOST_SHINGLES = 200_000

#: Standard errors of the estimate by which a candidate may fall short of the threshold and still be
#: verified, and by which it must exceed it to leave its bucket before it is. 3 lose 0.13 % of the pairs
#: that lie at the threshold.
LINK_ERRORS = 3.0

#: The same for groups, whose candidates nobody verifies: pairs somewhat below the threshold are grouped
#: too, which keeps them in one split and does no harm, so that pairs at it are not lost to chance. 2 lose
#: 2.3 % of those.
GROUP_ERRORS = 2.0


def cuts(params: DedupeMeasure) -> tuple[int, int, int]:
    """Agreeing 8-bit values from which a pair is verified, leaves its bucket unverified, and is grouped.

    The cuts lie LINK_ERRORS below and above `threshold`, and GROUP_ERRORS below `group_threshold`. With the
    default recipe that finds 99.8 % of the pairs at similarity 0.8 and groups 85 % of those at 0.5 and 98 %
    at 0.6.
    """
    size = params.permutations
    link, group = (math.sqrt(t * (1 - t) / size) for t in (params.threshold, params.group_threshold))
    return (
        least_matches(max(params.threshold - LINK_ERRORS * link, 0), size),
        least_matches(min(params.threshold + LINK_ERRORS * link, 1), size),
        least_matches(max(params.group_threshold - GROUP_ERRORS * group, 0), size),
    )


def pairs(sketches: pa.Table, ranks: np.ndarray, partition: int, partitions: int, params: DedupeMeasure) -> pa.Table:
    """Candidates of one partition of the keys: a table of columns.DEDUPE_CANDIDATES, sorted by (a, b), a < b.

    `sketches` holds all rows (columns.DEDUPE_SKETCH), in any order, with distinct `ranks` (integers[n], n <
    2^32). A partition is an equal share of the key space, so the union over partitions is the same for any
    number of them; a pair appears once in a partition, and may appear in several. EXACT pairs are (smallest
    rank, copy); the rest are pairs of such smallest ranks. LINK asks for verification, GROUP stands by its
    estimate.
    """
    ranks = np.asarray(ranks, np.uint64)
    near, sure, loose = cuts(params)
    high, low, tokens = (sketches[n].to_numpy() for n in ("exact_hi", "exact_lo", "tokens"))
    first = exact_representatives(high, low, tokens, ranks)
    copies = np.flatnonzero((first != ranks) & _in_partition(high >> np.uint64(32), partition, partitions))
    # Rows that enter the buckets, by rank: from here on they are named by their place in `rows`.
    rows = np.flatnonzero((first == ranks) & (tokens > 0))
    rows = rows[np.argsort(ranks[rows])]
    sig8 = fixed_rows(sketches["sig8"], "u1")
    found = [
        _band_pairs(keys[rows], rows, sig8, min(near, loose), leaves, partition, partitions)
        for name, leaves in (("link_bands", sure), ("group_bands", loose))
        for keys in fixed_rows(sketches[name], "<u4").T
    ]
    found_pairs, matches = _distinct([f[0] for f in found], [f[1] for f in found])
    guess = estimate(matches, params.permutations)
    link, group = matches >= near, matches >= loose
    left = np.concatenate([first[copies], ranks[rows[found_pairs >> np.uint64(32)]]])
    right = np.concatenate([ranks[copies], ranks[rows[found_pairs & np.uint64(0xFFFFFFFF)]]])
    kind = np.concatenate([np.full(len(copies), EXACT), link * LINK + group * GROUP]).astype(np.uint8)
    guesses = np.concatenate([np.ones(len(copies)), guess]).astype(np.float32)
    by_pair = np.lexsort((right, left))
    return pa.table([c[by_pair] for c in (left, right, kind, guesses)], schema=columns.DEDUPE_CANDIDATES)


def merge(parts: Sequence[pa.Table]) -> pa.Table:
    """The candidates of several partitions, each pair once, sorted by (a, b).

    To be done before `verify`: a pair of near-identical texts shares most of its keys, and is found in as many
    partitions.
    """
    both = pa.concat_tables([columns.DEDUPE_CANDIDATES.empty_table(), *parts])
    a, b = both["a"].to_numpy(), both["b"].to_numpy()
    order = np.lexsort((b, a))
    new = np.ones(len(order), np.bool_)
    new[1:] = (np.diff(a[order]) != 0) | (np.diff(b[order]) != 0)
    return both.take(pa.array(order[new]))


def asks_for_text(candidates: pa.Table) -> np.ndarray:
    """bool[m]: the candidates whose two texts `verify` compares; the others stand as they are."""
    return (candidates["kind"].to_numpy() & LINK) > 0


def shingle_sets(texts: pa.Array | pa.ChunkedArray, params: DedupeMeasure) -> tuple[np.ndarray, np.ndarray]:
    """(hashes uint32[], offsets int64[n + 1]): the sorted, distinct shingle hashes of n texts.

    A text with more than MOST_SHINGLES shingles gets none.
    """
    return sorted_sets(*shingle_rows(*text_buffers(texts), codepoints.TABLES, params.ngram, MOST_SHINGLES))


def verify(
    candidates: pa.Table,
    sets: tuple[np.ndarray, np.ndarray],
    left: np.ndarray,
    right: np.ndarray,
    params: DedupeMeasure,
) -> pa.Table:
    """Links among the candidates: a table of columns.DEDUPE_LINKS, in their order.

    `sets` are the `shingle_sets` of this block's texts; `left` and `right` (int64[m]) index them for each of the m
    candidates (columns.DEDUPE_CANDIDATES), and are read only where `asks_for_text`. A link has an exact
    Jaccard similarity of shingle sets at or above the threshold; where either text has more than
    MOST_SHINGLES shingles, its estimate. EXACT candidates are links as they are; GROUP candidates are none.
    """
    kind = candidates["kind"].to_numpy()
    similarity = candidates["estimate"].to_numpy().astype(np.float64)
    method = np.where(kind & EXACT, "exact", "estimate").astype(object)
    asked = np.flatnonzero(asks_for_text(candidates))
    hashes, rows = sets
    i, j = np.asarray(left, np.int64)[asked], np.asarray(right, np.int64)[asked]
    sizes = np.diff(rows)
    # A candidate has tokens, so an empty set here is one that was too long.
    counted = (sizes[i] > 0) & (sizes[j] > 0)
    similarity[asked[counted]] = jaccard_pairs(hashes, rows, i[counted], j[counted])
    method[asked[counted]] = "jaccard"
    linked = (kind & EXACT > 0) | ((kind & LINK > 0) & (similarity >= params.threshold))
    chosen = candidates.select(["a", "b"]).filter(pa.array(linked))
    return pa.table(
        [
            chosen["a"],
            chosen["b"],
            similarity[linked].astype(np.float32),
            pa.array(method[linked], pa.string()),
        ],
        schema=columns.DEDUPE_LINKS,
    )


def resolve(links: pa.Table, candidates: pa.Table, n: int, params: DedupeMeasure) -> pa.Table:
    """Components over the ranks 0..n-1: a table of `cluster`, `group` and `exact` (uint64[n]), in rank order.

    Each is the smallest rank of the record's component: of all `links` (columns.DEDUPE_LINKS), of these and
    the GROUP `candidates` (columns.DEDUPE_CANDIDATES, others are passed over), of exact copies. Repeated
    pairs do no harm.
    """
    a, b = (links[name].to_numpy().astype(np.int64) for name in ("a", "b"))
    grouped = candidates.filter(pc.not_equal(pc.bit_wise_and(candidates["kind"], pa.scalar(GROUP, pa.uint8())), 0))
    group_a, group_b = (grouped[name].to_numpy().astype(np.int64) for name in ("a", "b"))
    copies = pc.equal(links["method"], "exact").to_numpy()
    parts = {
        "cluster": smallest_of_component(n, a, b),
        "group": smallest_of_component(n, np.concatenate([a, group_a]), np.concatenate([b, group_b])),
        "exact": smallest_of_component(n, a[copies], b[copies]),
    }
    return pa.table({name: pa.array(ranks.astype(np.uint64)) for name, ranks in parts.items()})


def _band_pairs(
    keys: np.ndarray,
    rows: np.ndarray,
    sig8: np.ndarray,
    emit: int,
    absorb: int,
    partition: int,
    partitions: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Candidate pairs (place << 32 | place) of one band and their matches; `keys` belong to `rows`."""
    keys = keys.astype(np.uint64)
    mine = np.flatnonzero(_in_partition(keys, partition, partitions))
    entries = (keys[mine] << np.uint64(32)) | mine.astype(np.uint64)
    entries.sort()
    return lead_buckets(entries, rows, sig8, emit, absorb)


def _in_partition(keys: np.ndarray, partition: int, partitions: int) -> np.ndarray:
    return (keys * np.uint64(partitions)) >> np.uint64(32) == np.uint64(partition)


def _distinct(near: list[np.ndarray], matches: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    if not near:
        return np.zeros(0, np.uint64), np.zeros(0, np.int16)
    distinct, index = np.unique(np.concatenate(near), return_index=True)
    return distinct, np.concatenate(matches)[index]
