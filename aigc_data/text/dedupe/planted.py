"""Planted near-duplicates: copies of a sample with known edits, to measure on every run how many duplicates are found.

The copies stand beside the data and never in it. Who is in the sample and what becomes of it depends on record ids, a
seed and the sample itself, so that any layout of the same records is measured on the same copies. The sample is a
handful of records a language; that is why the edits may loop over texts in Python.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from aigc_data.errors import StageError
from aigc_data.hashing import seed_of
from aigc_data.ids import order_of, to_hex
from aigc_data.kernels import codepoints
from aigc_data.kernels.codepoints import UNSPACED, WORD
from aigc_data.kernels.jaccard import jaccard_pairs, sorted_sets
from aigc_data.kernels.shingles import shingle_rows
from aigc_data.recipe import DedupeMeasure
from aigc_data.text.arrow import text_buffers
from aigc_data.text.tokens import tokens_of

RATES = (0.01, 0.02, 0.04, 0.08)
#: What `plant` returns. `rate` is 0 for the copy that differs in form alone.
PLANTED = pa.schema(
    [
        pa.field("original", pa.int64(), nullable=False),
        pa.field("rate", pa.float32(), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),  # "form" | "tokens" | "deleted" | "appended"
    ]
)
#: Lower edges of the similarity buckets of a report; the threshold becomes one more.
EDGES = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)
#: The language of a report's rows over all languages.
ALL = "all"
#: Two-sided 95 % quantile of the normal distribution.
_Z = 1.959963984540054
_BLOCKS = 0.25  # share of the copies that lose or gain one block
_WIDEN = {n: n + 0xFEE0 for n in range(0x21, 0x7F)}
_MARKS = str.maketrans("，。！？；：（）“”‘’,.!?;:()\"'-", ",.!?;:()\"\"''，。！？；：（）“‘—")


class _Parts(NamedTuple):
    """A text as gap, token, gap, …, token, gap: joined in turn they are the text again."""

    gaps: list[str]  # one more than tokens
    tokens: list[str]  # as written, not folded
    words: list[bool]  # False for a token of an unspaced script

    def joined(self) -> str:
        return "".join(a + b for a, b in zip(self.gaps, self.tokens, strict=False)) + self.gaps[-1]


def choose(
    ids: np.ndarray, lang: np.ndarray, tokens: np.ndarray, *, per_language: int, min_tokens: int, seed: int
) -> np.ndarray:
    """The sample's rows (int64[m]), by language, then in an order that is as good as random.

    `ids` (uint64[n, 2], see ids.to_numbers) are all different, `lang` (strings or numbers [n]) and `tokens`
    (integers[n]) belong to them. Of each language the `per_language` records of `min_tokens` tokens and more whose
    hash of id and seed is smallest, or as many as there are. Neither the order of rows nor other records' languages
    matter, and the sample of a union is the sample of the samples: `choose` may go shard by shard and then over what
    was chosen.
    """
    rows = np.flatnonzero(np.asarray(tokens) >= min_tokens)
    rows = rows[order_of(ids[rows])]
    with np.errstate(over="ignore"):
        mixed = _mixed(_mixed(ids[rows, 0] + np.uint64(seed % (1 << 64))) ^ ids[rows, 1])
    names, codes = np.unique(np.asarray(lang)[rows], return_inverse=True)
    ordered = np.lexsort((mixed, codes))  # stable: of equal hashes the smaller id
    starts = np.searchsorted(codes[ordered], np.arange(len(names)))
    place = np.arange(len(rows)) - starts[codes[ordered]] if len(rows) else rows
    return rows[ordered[place < per_language]].astype(np.int64)


def plant(
    texts: pa.Array | pa.ChunkedArray,
    lang: Sequence[Any],
    ids: np.ndarray,
    *,
    rates: Sequence[float] = RATES,
    seed: int,
) -> pa.Table:
    """Copies of n texts: a table of PLANTED, one row for each original and rate, by both; `original` is the text's row.

    A rate is the share of tokens (at least one) that are replaced, left out, put in or swapped with their neighbour;
    in one copy of four they are one block, left out or appended. What is put in comes from the same text or another
    text of the sample in the same language. Text between tokens stays; only where two words would run together comes a
    space. A rate of 0 stands for a copy that differs in case, width, punctuation, white space and line breaks alone:
    its tokens, hence its shingles, are the original's, and so it must be found. A text without tokens has no copies.

    `lang` and `ids` (uint64[n, 2]) belong to the texts. The edits of a copy depend on its id, the rate, the seed and
    the texts of the sample, not on their order. Raises StageError for a rate that is not above 0 and below 1.
    """
    wrong = [rate for rate in rates if not 0 < rate < 1]
    if wrong:
        raise StageError(f"planted copies at the rates {wrong}", expected="shares of tokens between 0 and 1")
    parts = [_parts(text or "") for text in texts.to_pylist()]
    names = to_hex(ids).to_pylist()
    stock = _Stock(parts, list(lang), names)
    rows: list[tuple[int, float, str, str]] = []
    for i, original in enumerate(parts):
        if not original.tokens:
            continue
        dice = random.Random(seed_of(names[i], "form", seed))
        rows.append((i, 0.0, _reformed(original, dice).joined(), "form"))
        for rate in rates:
            dice = random.Random(seed_of(names[i], str(rate), seed))
            kind, copy = _edited(original, rate, dice, stock, i)
            rows.append((i, rate, copy.joined(), kind))
    return pa.table([pa.array([row[k] for row in rows], field.type) for k, field in enumerate(PLANTED)], schema=PLANTED)


def true_similarity(
    originals: pa.Array | pa.ChunkedArray, copies: pa.Array | pa.ChunkedArray, params: DedupeMeasure
) -> np.ndarray:
    """Exact Jaccard similarity (float64[n]) of the shingle sets of n originals and their n copies, row by row."""
    both = pa.concat_arrays([_one(originals), _one(copies)])
    count = len(both) // 2
    if 2 * count != len(both) or len(originals) != count:
        raise StageError(f"{len(originals)} originals and {len(copies)} copies", expected="as many of both")
    most = np.iinfo(np.int64).max
    sets = sorted_sets(*shingle_rows(*text_buffers(both), codepoints.tables(params.fold_han), params.ngram, most))
    return np.asarray(jaccard_pairs(*sets, np.arange(count), np.arange(count, 2 * count)))


def report(lang: Sequence[Any], similarity: np.ndarray, found: np.ndarray, *, threshold: float) -> list[dict[str, Any]]:
    """Recall by language and similarity, as plain values for a manifest.

    `similarity` (float[n], see `true_similarity`) and `found` (bool[n]) belong to the planted pairs in the languages
    `lang`. A row is {"lang", "kind", "from", "to", "pairs", "found", "recall", "low", "high"}; `low` and `high` bound
    the recall with 95 % confidence. Of each language, then of ALL: a row of kind "bucket" for each [from, to) that
    holds a pair, one of kind "exact" for pairs of similarity 1, and always one of kind "threshold" for all pairs at or
    above the threshold. Buckets and "exact" have no pair in common. Without a pair recall is None, between 0 and 1.
    """
    edges = sorted({*EDGES, float(threshold)})
    names, similarity = np.array([str(name) for name in lang], object), np.asarray(similarity, np.float64)
    found, rows = np.asarray(found, np.bool_), []
    for name in [*sorted(set(names)), ALL]:
        own = np.ones(len(names), np.bool_) if name == ALL else names == name
        for low, high in zip(edges, [*edges[1:], 1.0], strict=True):
            inside = own & (similarity >= low) & (similarity < high)
            if inside.any():
                rows.append(_row(name, "bucket", low, high, inside, found))
        same = own & (similarity >= 1)
        if same.any():
            rows.append(_row(name, "exact", 1.0, 1.0, same, found))
        rows.append(_row(name, "threshold", float(threshold), 1.0, own & (similarity >= threshold), found))
    return rows


def wilson(found: int, pairs: int) -> tuple[float, float]:
    """The 95 % score interval of a proportion; (0, 1) of nothing.

    Wilson 1927, J. Am. Stat. Assoc. 22, 209–212; recommended also near 0 and 1 by Brown, Cai and DasGupta 2001,
    Statistical Science 16(2), 101–133, section 3.1.1.
    """
    if not pairs:
        return 0.0, 1.0
    share, z2 = found / pairs, _Z * _Z
    middle = (share + z2 / (2 * pairs)) / (1 + z2 / pairs)
    half = _Z * math.sqrt(share * (1 - share) / pairs + z2 / (4 * pairs * pairs)) / (1 + z2 / pairs)
    # Exactly 0 and 1 where nothing or everything was found, which rounding would miss.
    return (max(middle - half, 0.0) if found else 0.0), (min(middle + half, 1.0) if found < pairs else 1.0)


def _row(lang: str, kind: str, low: float, high: float, inside: np.ndarray, found: np.ndarray) -> dict[str, Any]:
    pairs, hits = int(inside.sum()), int((inside & found).sum())
    interval = wilson(hits, pairs)
    return {
        "lang": lang,
        "kind": kind,
        "from": low,
        "to": high,
        "pairs": pairs,
        "found": hits,
        "recall": round(hits / pairs, 4) if pairs else None,
        "low": round(interval[0], 4),
        "high": round(interval[1], 4),
    }


class _Stock:
    """Where new tokens come from: the sample's own words and characters, by language and class."""

    def __init__(self, parts: list[_Parts], lang: list[Any], names: list[str]) -> None:
        self.parts, self.lang = parts, lang
        tokens: dict[tuple[Any, bool], set[str]] = {}
        texts: dict[Any, list[tuple[str, int]]] = {}
        for i, part in enumerate(parts):
            for token, word in zip(part.tokens, part.words, strict=True):
                tokens.setdefault((lang[i], word), set()).add(token)
            if part.tokens:
                texts.setdefault(lang[i], []).append((names[i], i))
        # Sorted, so that the order of the sample does not matter.
        self.tokens = {key: sorted(values) for key, values in tokens.items()}
        self.texts = {key: [i for _, i in sorted(values)] for key, values in texts.items()}

    def token(self, i: int, word: bool, dice: random.Random) -> str:
        """A token of a class, from the text i or from its language's vocabulary."""
        part = self.parts[i]
        if dice.random() < 0.5:
            for _ in range(8):  # most texts are of one class; a rare class is looked up in the vocabulary
                k = _draw(dice, len(part.tokens))
                if part.words[k] == word:
                    return part.tokens[k]
        known = self.tokens[self.lang[i], word]
        return known[_draw(dice, len(known))]

    def other(self, i: int, dice: random.Random) -> _Parts:
        """A text of the same language, another one if there is another."""
        others = [k for k in self.texts[self.lang[i]] if k != i] or [i]
        return self.parts[others[_draw(dice, len(others))]]


def _edited(original: _Parts, rate: float, dice: random.Random, stock: _Stock, i: int) -> tuple[str, _Parts]:
    count = max(1, round(rate * len(original.tokens)))
    if dice.random() < _BLOCKS:
        if dice.random() < 0.5 and count < len(original.tokens):
            return "deleted", _without_block(original, count, dice)
        return "appended", _with_block(original, count, stock.other(i, dice), dice)
    return "tokens", _with_edits(original, count, dice, stock, i)


def _with_edits(original: _Parts, count: int, dice: random.Random, stock: _Stock, i: int) -> _Parts:
    gaps, tokens, words = list(original.gaps), list(original.tokens), original.words
    untouched = list(range(len(tokens)))
    touched: set[int] = set()
    while count > 0 and untouched:
        place = _draw(dice, len(untouched))
        untouched[place], untouched[-1] = untouched[-1], untouched[place]
        k = untouched.pop()
        if k in touched:
            continue
        edit, after = _draw(dice, 4), k + 1
        swaps = after < len(tokens) and after not in touched and words[k] == words[after]
        if edit == 3 and count >= 2 and swaps and _folded(tokens[k]) != _folded(tokens[after]):
            tokens[k], tokens[after] = tokens[after], tokens[k]
            touched.add(after)
            count -= 1
        elif edit == 2:
            tokens[k] += (" " if words[k] else "") + stock.token(i, words[k], dice)
        elif edit == 1 and len(original.tokens) > 1:
            tokens[k] = ""
        else:
            tokens[k] = _different(tokens[k], words[k], dice, stock, i)
        touched.add(k)
        count -= 1
    return _apart(gaps, tokens, words)


def _different(token: str, word: bool, dice: random.Random, stock: _Stock, i: int) -> str:
    """Another token of the same class; the token twice where the sample has no other."""
    for _ in range(16):
        found = stock.token(i, word, dice)
        if _folded(found) != _folded(token):
            return found
    return token + token


def _without_block(original: _Parts, count: int, dice: random.Random) -> _Parts:
    start = _draw(dice, len(original.tokens) - count + 1)
    tokens = list(original.tokens)
    gaps = list(original.gaps)
    for k in range(start, start + count):
        tokens[k] = ""
        gaps[k + 1] = gaps[k + 1] if k + 1 == start + count else ""
    return _apart(gaps, tokens, original.words)


def _with_block(original: _Parts, count: int, other: _Parts, dice: random.Random) -> _Parts:
    count = min(count, len(other.tokens))
    start = _draw(dice, len(other.tokens) - count + 1)
    gaps = [*original.gaps[:-1], original.gaps[-1] + "\n\n", *other.gaps[start + 1 : start + count], ""]
    tokens = [*original.tokens, *other.tokens[start : start + count]]
    return _Parts(gaps, tokens, [*original.words, *other.words[start : start + count]])


def _apart(gaps: list[str], tokens: list[str], words: list[bool]) -> _Parts:
    """Parts after deletions (empty tokens): a space where two words would run together."""
    kept_gaps, kept_tokens, kept_words = [gaps[0]], list[str](), list[bool]()
    start = 0
    for hole in [*(k for k, token in enumerate(tokens) if not token), len(tokens)]:
        # Up to the next hole everything stays as it is, but for the gap that a hole before it left.
        if hole > start:
            if words[start] and kept_words and kept_words[-1] and not kept_gaps[-1]:
                kept_gaps[-1] = " "
            kept_tokens += tokens[start:hole]
            kept_words += words[start:hole]
            kept_gaps += gaps[start + 1 : hole + 1]
        if hole < len(tokens):
            kept_gaps[-1] += gaps[hole + 1]
        start = hole + 1
    return _Parts(kept_gaps, kept_tokens, kept_words)


def _reformed(original: _Parts, dice: random.Random) -> _Parts:
    """The same tokens, folded, in another form; at least one place is changed."""
    gaps, tokens = list(original.gaps), list(original.tokens)
    for k, token in enumerate(tokens):
        form = _draw(dice, 8)
        if form > 2:
            continue
        changed = token.upper() if form == 0 else token.title() if form == 1 else token.translate(_WIDEN)
        if changed != token and _folded(changed) == _folded(token):
            tokens[k] = changed
    for k, gap in enumerate(gaps[1:-1], 1):
        form = _draw(dice, 8)
        if form == 0:
            gaps[k] = gap.translate(_MARKS)
        elif form == 1:
            gaps[k] = gap.replace(" ", "\n") or "\n"
        elif form == 2 and gap:
            gaps[k] = gap + " "
    gaps[-1] += "\n"
    return _Parts(gaps, tokens, original.words)


def _parts(text: str) -> _Parts:
    """The tokens of a text (see text.tokens) as written, and what stands between them."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.int64)
    pages, flags, _ = codepoints.TABLES
    of_point = flags[(pages[points >> 8].astype(np.int64) << 8) | (points & 255)]
    word, unspaced = (of_point & WORD) > 0, (of_point & UNSPACED) > 0
    begins = np.flatnonzero(unspaced | (word & ~np.concatenate([[False], word[:-1]])))
    ends_word = np.flatnonzero(word & ~np.concatenate([word[1:], [False]]))
    is_word = word[begins]
    ends = begins + 1
    ends[is_word] = ends_word + 1
    edges = [0, *np.stack([begins, ends], 1).reshape(-1).tolist(), len(text)]
    pieces = [text[a:b] for a, b in pairwise(edges)]
    return _Parts(pieces[0::2], pieces[1::2], is_word.tolist())


@lru_cache(maxsize=1 << 16)
def _folded(token: str) -> tuple[str, ...]:
    return tuple(tokens_of(token))


def _draw(dice: random.Random, below: int) -> int:
    """A number of 0..below - 1; `random()` alone has a fixed sequence across versions of Python."""
    return int(dice.random() * below)


def _mixed(z: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _one(texts: pa.Array | pa.ChunkedArray) -> pa.Array:
    whole = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    return whole.cast(pa.large_string())
