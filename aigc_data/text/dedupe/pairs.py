"""Near-duplicates over a whole corpus: candidates from band keys, exact verification, components.

Records are numbered by the rank of their id, so that nothing depends on how rows lie in shards. The four
steps follow Broder (1997) and Leskovec, Rajaraman, Ullman, chapter 3, with three changes: exact copies are
collapsed before LSH, a bucket is led by its smallest ranks in place of all pairs, and no link stands
without a comparison of the two texts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data import columns
from aigc_data.kernels import codepoints
from aigc_data.kernels.buckets import lead_buckets, query_buckets, shared_entries, without_loners
from aigc_data.kernels.jaccard import jaccard_pairs, sorted_sets
from aigc_data.kernels.shingles import shingle_rows
from aigc_data.kernels.unionfind import smallest_of_component
from aigc_data.recipe import DedupeMeasure
from aigc_data.text.arrow import text_buffers
from aigc_data.text.dedupe.bands import band_curve, plan
from aigc_data.text.dedupe.sketch import estimate, exact_representatives, fixed_rows, least_matches

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

#: Rows of an index that one query is compared with in a bucket: one link is enough, and a bucket's rows are alike.
MOST_REFERENCES = 16


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


def found_curve(similarity: float, params: DedupeMeasure) -> tuple[float, float, float]:
    """The chance that a pair shares a band of either set, that its texts are then compared, and that it is grouped.

    Bands and agreeing values are taken as independent, which understates the last two: both come of one signature.
    """
    link, group = plan(params)
    near, _, loose = cuts(params)
    missed = (1 - band_curve(link.bands, link.rows, similarity)) * (1 - band_curve(group.bands, group.rows, similarity))
    any_band = 1 - float(missed)
    agree = similarity * 255 / 256 + 1 / 256
    return (
        any_band,
        any_band * _at_least(near, params.permutations, agree),
        any_band * _at_least(loose, params.permutations, agree),
    )


def _at_least(least: int, n: int, share: float) -> float:
    """The chance of `least` successes or more of n (binomial)."""
    return min(1.0, math.fsum(math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(least, n + 1)))


def kinds(matches: np.ndarray, params: DedupeMeasure) -> np.ndarray:
    """What candidates are proposed as (uint8[m], bits of LINK and GROUP), by how many 8-bit values agree."""
    near, _, loose = cuts(params)
    return ((matches >= near) * LINK + (matches >= loose) * GROUP).astype(np.uint8)


def pairs(sketches: pa.Table, ranks: np.ndarray, params: DedupeMeasure) -> pa.Table:
    """The candidates of a table in memory (columns.DEDUPE_CANDIDATES), each pair once, sorted by (a, b), a < b.

    `sketches` holds all rows (columns.DEDUPE_SKETCH), in any order, with distinct `ranks` (integers[n], n <
    2^32). EXACT pairs are (smallest rank, copy); the rest are pairs of such smallest ranks. LINK asks for
    verification, GROUP stands by its estimate. Over shards that do not fit into memory, `aigc_data.dedupe` does the
    same with `band_pairs`.
    """
    ranks = np.asarray(ranks, np.uint64)
    high, low, tokens = (sketches[n].to_numpy() for n in ("exact_hi", "exact_lo", "tokens"))
    first = exact_representatives(high, low, tokens, ranks)
    copies = np.flatnonzero(first != ranks)
    enters = (first == ranks) & (tokens > 0)
    sig8 = fixed_rows(sketches["sig8"], "u1")
    place = np.empty(len(ranks), np.int64)
    place[ranks.astype(np.int64)] = np.arange(len(ranks))
    found = []
    for loose, name in enumerate(("link_bands", "group_bands")):
        for keys in fixed_rows(sketches[name], "<u4").T:
            entries = shared_entries(np.ascontiguousarray(keys), ranks.astype(np.uint32), enters, 0, 1 << 32)
            found.append(band_pairs(entries, lambda members: sig8[place[members]], bool(loose), len(ranks), params)[:2])
    near, matches = distinct_pairs([f[0] for f in found], [f[1] for f in found])
    left = np.concatenate([first[copies], near >> np.uint64(32)])
    right = np.concatenate([ranks[copies], near & np.uint64(0xFFFFFFFF)])
    kind = np.concatenate([np.full(len(copies), EXACT, np.uint8), kinds(matches, params)])
    guesses = np.concatenate([np.ones(len(copies)), estimate(matches, params.permutations)]).astype(np.float32)
    by_pair = np.lexsort((right, left))
    return pa.table([c[by_pair] for c in (left, right, kind, guesses)], schema=columns.DEDUPE_CANDIDATES)


def band_pairs(
    entries: np.ndarray,
    signatures: Callable[[np.ndarray], np.ndarray],
    loose: bool,
    own: int,
    params: DedupeMeasure,
    references: int = 0,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Candidates of one band: (pairs uint64[m] as `rank << 32 | rank`, matches int16[m], rows compared).

    `entries` (uint64[]) is `key << 32 | rank`, in any order, and is sorted in place; `signatures(ranks)` returns
    uint8[k, K] for ascending ranks, and is asked only for those that share a key. `loose` is True for a band of the
    group set. Ranks below `own` are clustered. The `references` ranks behind them are only compared with own ones,
    which are looked up there; ranks behind those are looked up among the own ones, and change nothing for them.
    """
    near, sure, group = cuts(params)
    entries.sort()
    entries = entries[: without_loners(entries)]
    members, local = np.unique(entries & np.uint64(0xFFFFFFFF), return_inverse=True)
    entries = (entries & np.uint64(0xFFFFFFFF00000000)) | local.astype(np.uint64)
    sig8 = signatures(members.astype(np.int64))
    ends = np.searchsorted(members, [own, own + references]).tolist()
    mine = entries if ends[0] == len(members) else entries[local < ends[0]]
    found = [lead_buckets(mine, sig8, min(near, group), group if loose else sure)]
    if ends[1] > ends[0]:
        found.append(query_buckets(entries, sig8, (ends[0], ends[1]), (0, ends[0]), near, MOST_REFERENCES))
    if ends[1] < len(members):
        later = (ends[1], len(members))
        found.append(query_buckets(entries, sig8, (0, ends[0]), later, min(near, group), MOST_REFERENCES))
    places = np.concatenate([f[0] for f in found])
    matches = np.concatenate([f[1] for f in found])
    first, second = members[places >> np.uint64(32)], members[places & np.uint64(0xFFFFFFFF)]
    return (first << np.uint64(32)) | second, matches, len(members)


def distinct_pairs(near: Sequence[np.ndarray], matches: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of several bands, each once, ascending, with their matches: alike pairs share most of their keys."""
    if not near:
        return np.zeros(0, np.uint64), np.zeros(0, np.int16)
    distinct, index = np.unique(np.concatenate(near), return_index=True)
    return distinct, np.concatenate(matches)[index]


def asks_for_text(candidates: pa.Table) -> np.ndarray:
    """bool[m]: the candidates whose two texts `verify` compares; the others stand as they are."""
    return (candidates["kind"].to_numpy() & LINK) > 0


def shingle_sets(texts: pa.Array | pa.ChunkedArray, params: DedupeMeasure) -> tuple[np.ndarray, np.ndarray]:
    """(hashes uint32[], offsets int64[n + 1]): the sorted, distinct shingle hashes of n texts.

    A text with more than MOST_SHINGLES shingles gets none.
    """
    return sorted_sets(
        *shingle_rows(*text_buffers(texts), codepoints.tables(params.fold_han), params.ngram, MOST_SHINGLES)
    )


def verify(
    candidates: pa.Table,
    sets: tuple[np.ndarray, np.ndarray],
    short: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    params: DedupeMeasure,
) -> tuple[pa.Table, pa.Table]:
    """Links among the candidates, and the pairs that were compared and fall short: two tables of columns.DEDUPE_LINKS,
    in their order.

    `sets` are the `shingle_sets` of this table's texts, `short` (bool[n]) says which are one shingle of all their
    tokens; `left` and `right` (int64[m]) index them for each of the m candidates (columns.DEDUPE_CANDIDATES), and are
    read only where `asks_for_text`. A link has an exact Jaccard similarity of shingle sets at or above the threshold;
    where either text has more than MOST_SHINGLES shingles, its estimate. EXACT candidates are links as they are; GROUP
    candidates are none.
    """
    kind = candidates["kind"].to_numpy()
    similarity = candidates["estimate"].to_numpy().astype(np.float32)
    method = np.where(kind & EXACT, "exact", "estimate").astype(object)
    asked = np.flatnonzero(asks_for_text(candidates))
    exact = similarities(sets, short, np.asarray(left, np.int64)[asked], np.asarray(right, np.int64)[asked])
    counted = ~np.isnan(exact)
    similarity[asked[counted]] = exact[counted]
    method[asked[counted]] = "jaccard"
    alike = similarity >= np.float32(params.threshold)
    linked = (kind & EXACT > 0) | ((kind & LINK > 0) & alike)

    def chosen(rows: np.ndarray) -> pa.Table:
        a, b = (candidates[name].filter(pa.array(rows)) for name in ("a", "b"))
        return pa.table([a, b, similarity[rows], pa.array(method[rows], pa.string())], schema=columns.DEDUPE_LINKS)

    return chosen(linked), chosen(~alike & (method == "jaccard"))


def similarities(
    sets: tuple[np.ndarray, np.ndarray], short: np.ndarray, left: np.ndarray, right: np.ndarray
) -> np.ndarray:
    """Exact Jaccard similarity (float64[m]) of the `shingle_sets` at `left` and `right`; NaN where one was too long.

    A candidate has tokens, so an empty set here is one of more than MOST_SHINGLES. Two texts that are `short` (bool[n]:
    one shingle of all their tokens) and of different content are unlike, whatever the 32 bits of their one hash: among
    a million of them a hundred pairs share it. Exact copies do not come here.
    """
    hashes, offsets = sets
    sizes = np.diff(offsets)
    out = jaccard_pairs(hashes, offsets, left, right)
    out[(sizes[left] == 0) | (sizes[right] == 0)] = np.nan
    out[short[left] & short[right]] = 0
    return out


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
