"""Fitting a character n-gram model: interpolated modified Kneser-Ney, pruned to a size.

Chen and Goodman 1999, "An empirical study of smoothing techniques for language modeling", equations 25 to 27; the
unigrams are interpolated with a uniform distribution over 2^17 characters, some as many as Unicode has. Pruning is by
weighted difference (Seymore and Rosenfeld 1996, "Scalable backoff language models", section 3), and what a context's
lost n-grams held goes to its back-off weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from aigc_data.kernels.charlm import SCALE, SHIFT, START, fill, gram_keys

#: Bits of a character of which nothing is known.
UNIFORM = 17.0
#: Slots of a table for each n-gram, at least: fewer would take less memory and longer to look up.
SLOTS = 4


class Model(NamedTuple):
    """What `kernels.charlm.score_rows` reads: a table of 2^b slots, and the scaled cost of an unseen character."""

    table: np.ndarray  # uint64[2^b]
    unseen: int
    grams: int  # n-grams in the table
    seen: int  # different n-grams before pruning


@dataclass
class _Order:
    """The different n-grams of one length, by key."""

    keys: np.ndarray  # uint64[k], ascending
    counts: np.ndarray  # int64[k]: occurrences, of shorter n-grams the different characters before them
    raw: np.ndarray  # int64[k]: occurrences
    prefix: np.ndarray  # int64[k]: place of the n-gram without its last character in the order below
    suffix: np.ndarray  # int64[k]: and without its first; -1 in the lowest order
    chance: np.ndarray  # float64[k]
    lower: np.ndarray  # float64[k]: of the suffix, what interpolation adds in parts


def fit_symbols(symbols: np.ndarray, order: int, entries: int) -> Model:
    """The model of `symbols` (uint32[m], see kernels.charlm) with n-grams of up to `order`, at most `entries` of them.

    All single characters stay, whatever `entries` says. Symbols must hold a character.
    """
    orders = _counted(symbols, order)
    discounts = [_discounts(one.counts) for one in orders]
    backoffs, unseen = _interpolate(orders, discounts)
    seen = sum(len(one.keys) for one in orders)
    if seen > entries:
        kept = _kept(orders, backoffs, entries)
        backoffs = _renormalised(orders, kept, backoffs)
    else:
        kept = [np.ones(len(one.keys), bool) for one in orders]
    return _table(orders, kept, backoffs, unseen, seen)


def _counted(symbols: np.ndarray, order: int) -> list[_Order]:
    keys_at = gram_keys(symbols, order)
    starts = symbols == START
    orders: list[_Order] = []
    for n in range(order):
        ends = np.flatnonzero(keys_at[n])
        keys, first, raw = np.unique(keys_at[n][ends], return_index=True, return_counts=True)
        places = ends[first]
        none = np.full(len(keys), -1)
        if n:
            below = orders[n - 1].keys
            prefix = np.searchsorted(below, keys_at[n - 1][places - 1])
            suffix = np.searchsorted(below, keys_at[n - 1][places])
            # Kneser and Ney: what counts below the highest order is after how many different characters. What begins
            # at the START of a text has none before it and keeps its occurrences.
            begins = starts[_first_places(orders[n - 1], keys_at[n - 1]) - (n - 1)]
            after = np.bincount(suffix, minlength=len(below))
            orders[n - 1].counts = np.where(begins, orders[n - 1].raw, after)
        else:
            prefix, suffix = none, none
        zeros = np.zeros(len(keys))
        orders.append(_Order(keys, raw.copy(), raw, prefix, suffix, zeros, zeros.copy()))
    # A START is a context and never predicted.
    alone = np.searchsorted(orders[0].keys, keys_at[0][np.flatnonzero(starts)[:1]])
    orders[0].counts[alone] = 0
    return orders


def _first_places(one: _Order, keys_at: np.ndarray) -> np.ndarray:
    ends = np.flatnonzero(keys_at)
    _, first = np.unique(keys_at[ends], return_index=True)
    return ends[first]


def _discounts(counts: np.ndarray) -> np.ndarray:
    """float64[4]: what is taken from counts of 0, 1, 2, and 3 or more (Chen and Goodman, equation 26)."""
    n = np.bincount(np.minimum(counts, 5), minlength=6).astype(float)
    if not (n[1] and n[2]):
        return np.array([0, 0.5, 0.5, 0.5])
    y = n[1] / (n[1] + 2 * n[2])
    found = [0.0] + [k - (k + 1) * y * n[k + 1] / n[k] if n[k] else k / 2 for k in (1, 2, 3)]
    return np.array([np.clip(d, 0.05 * k, 0.95 * k) for k, d in enumerate(found)])


def _interpolate(orders: list[_Order], discounts: list[np.ndarray]) -> tuple[list[np.ndarray], float]:
    """Fill in `chance` and `lower`; returns the back-off weights of each order's n-grams as contexts, and the chance
    of an unseen character."""
    backoffs = [np.ones(len(one.keys)) for one in orders]
    unseen = 0.0
    for n, one in enumerate(orders):
        taken = discounts[n][np.minimum(one.counts, 3)]
        contexts = len(orders[n - 1].keys) if n else 1
        context = one.prefix if n else np.zeros(len(one.keys), np.int64)
        whole = np.bincount(context, one.counts, contexts)
        left = np.bincount(context, taken, contexts) / np.maximum(whole, 1)
        if n:
            backoffs[n - 1] = np.where(whole > 0, left, 1.0)
            one.lower = orders[n - 1].chance[one.suffix]
        else:
            one.lower = np.full(len(one.keys), 2.0**-UNIFORM)
            unseen = float(left[0] * 2.0**-UNIFORM)
        one.chance = (one.counts - taken) / np.maximum(whole, 1)[context] + left[context] * one.lower
    return backoffs, unseen


def _kept(orders: list[_Order], backoffs: list[np.ndarray], entries: int) -> list[np.ndarray]:
    """Which n-grams stay: those whose loss would cost the text most; with an n-gram its prefix."""
    worth = [np.full(len(orders[0].keys), np.inf)]
    for n, one in enumerate(orders[1:], start=1):
        worth.append(one.raw * np.log2(one.chance / (backoffs[n - 1][one.prefix] * one.lower)))
    for n in range(len(orders) - 1, 1, -1):
        np.maximum.at(worth[n - 1], orders[n].prefix, worth[n])
    room = entries - len(worth[0])
    every = np.concatenate(worth[1:]) if len(worth) > 1 else np.zeros(0)
    if room <= 0:
        bound = np.inf
    else:
        bound = np.partition(every, len(every) - room - 1)[len(every) - room - 1]
    return [np.ones(len(worth[0]), bool), *[w > bound for w in worth[1:]]]


def _renormalised(orders: list[_Order], kept: list[np.ndarray], backoffs: list[np.ndarray]) -> list[np.ndarray]:
    """The back-off weights with which the kept n-grams and what they leave sum to 1 in every context."""
    out = [np.ones(len(one.keys)) for one in orders]
    pruned = orders[0].chance  # what the pruned model says of each n-gram of the order below
    for n, one in enumerate(orders[1:], start=1):
        lower = pruned[one.suffix]
        contexts = len(orders[n - 1].keys)
        mine = kept[n]
        held = np.bincount(one.prefix[mine], one.chance[mine], contexts)
        below = np.bincount(one.prefix[mine], lower[mine], contexts)
        all_kept = np.bincount(one.prefix, ~mine, contexts) == 0
        weight = np.maximum(1 - held, 1e-9) / np.maximum(1 - below, 1e-9)
        out[n - 1] = np.where(held == 0, 1.0, np.where(all_kept, np.minimum(weight, 1e9), weight))
        pruned = np.where(mine, one.chance, out[n - 1][one.prefix] * lower)
    return out


def _table(orders: list[_Order], kept: list[np.ndarray], backoffs: list[np.ndarray], unseen: float, seen: int) -> Model:
    keys = np.concatenate([one.keys[mine] for one, mine in zip(orders, kept, strict=True)])
    chance = np.concatenate([one.chance[mine] for one, mine in zip(orders, kept, strict=True)])
    weight = np.concatenate([one[mine] for one, mine in zip(backoffs, kept, strict=True)])
    costs = np.clip(np.rint(-np.log2(np.maximum(chance, 2.0**-63)) * SCALE), 0, 65535).astype(np.int64)
    steps = np.clip(np.rint(np.log2(np.maximum(weight, 2.0**-31)) * SCALE), -SHIFT, SHIFT - 1).astype(np.int64)
    table = np.zeros(1 << max(int(SLOTS * len(keys) - 1).bit_length(), 4), np.uint64)
    fill(table, keys, costs, steps + SHIFT)
    return Model(table, round(-np.log2(unseen) * SCALE), len(keys), seen)
