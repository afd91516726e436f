"""fastText's supervised model with a hierarchical softmax over bags of words and their character n-grams (Joulin et al.
2016, "Bag of tricks" and "FastText.zip"), for lid.176."""

from __future__ import annotations

import math

import numpy as np

from aigc_data.kernels.flags import inlined, kernel

SHORTEST, LONGEST = 2, 4  # characters of an n-gram
BUCKETS = 2_000_000
LINE = 8  # known words and n-grams from which on a line says what it is: few n-grams were kept
END = 0  # the row of "</s>", which ends every text
FNV_BASIS, FNV_PRIME = np.uint32(2166136261), np.uint32(16777619)


@inlined
def _fnv(value, byte):  # type: ignore[no-untyped-def]
    """One step of FNV-1a as fastText has it: the byte is taken with its sign."""
    signed = np.uint32(byte) | np.uint32(0xFFFFFF00) if byte >= 0x80 else np.uint32(byte)
    return np.uint32((value ^ signed) * FNV_PRIME)


@inlined
def _slot(key, buckets):  # type: ignore[no-untyped-def]
    """The row of a bucket, -1 where it was pruned away; open addressing, an empty slot holds -1."""
    mask = len(buckets) - 1
    place = ((np.int64(key) * 0x9E3779B1) >> 15) & mask
    while buckets[place, 0] >= 0:
        if buckets[place, 0] == key:
            return buckets[place, 1]
        place = (place + 1) & mask
    return np.int32(-1)


@inlined
def _word(data, begin, end, hashed, words):  # type: ignore[no-untyped-def]
    """The row of a word of the vocabulary, -1 for any other."""
    hashes, ids, letters, starts = words
    mask = len(ids) - 1
    place = np.int64(hashed) & mask
    while ids[place] >= 0:
        word = ids[place]
        if hashes[place] == hashed and starts[word + 1] - starts[word] == end - begin:
            same = True
            for at in range(end - begin):
                if letters[starts[word] + at] != data[begin + at]:
                    same = False
                    break
            if same:
                return word
        place = (place + 1) & mask
    return np.int32(-1)


@inlined
def _add(hidden, line):  # type: ignore[no-untyped-def]
    for place in range(len(hidden)):
        hidden[place] += line[place]


@inlined
def _add_ngrams(data, begin, end, hidden, weights, buckets):  # type: ignore[no-untyped-def]
    """Add the rows of the n-grams of `<word>`; how many."""
    added = 0
    size = end - begin + 2
    for start in range(size):
        byte = np.uint8(0x3C) if start == 0 else np.uint8(0x3E) if start == size - 1 else data[begin + start - 1]
        if (byte & 0xC0) == 0x80:
            continue
        hashed, letters, at = FNV_BASIS, 0, start
        while at < size and letters < LONGEST:
            while True:  # one character: its first byte and those that go on
                byte = np.uint8(0x3C) if at == 0 else np.uint8(0x3E) if at == size - 1 else data[begin + at - 1]
                hashed = _fnv(hashed, byte)
                at += 1
                if at >= size - 1 or (data[begin + at - 1] & 0xC0) != 0x80:
                    break
            letters += 1
            if letters >= SHORTEST:
                row = _slot(np.int32(hashed % np.uint32(BUCKETS)), buckets)
                if row >= 0:
                    _add(hidden, weights[row])
                    added += 1
    return added


@inlined
def _likely(hidden, added, last, tree):  # type: ignore[no-untyped-def]
    """The label of a sum of `added` rows and that of the end at one half or above, else -1."""
    left, right, output = tree
    labels = len(left) + 1
    node, likely = np.int64(labels - 2), 1.0
    while True:
        product = np.float32(0)
        for place in range(len(hidden)):
            product += output[node, place] * (hidden[place] + last[place])
        share = 1.0 / (1.0 + math.exp(-product / (added + 1)))
        child = np.int64(right[node] if share > 0.5 else left[node])
        likely *= max(share, 1.0 - share)
        if likely < 0.5 or child < labels:
            return child if likely >= 0.5 else np.int64(-1)
        node = child - labels


@kernel
def subword_scores(data, offsets, model, least):  # type: ignore[no-untyped-def]
    """(float32[n, labels], bool[n]): probabilities of each text's label, 0 for those below `least`; and whether two
    of its lines of LINE known words and n-grams or more have different labels, each at one half or above.

    data uint8[] of words between blanks and line feeds, offsets int64[n + 1]; model is (weights float32[rows,
    dimensions], int32[slots, 2] of buckets, -1 for none, and their rows, (FNV-1a uint32[slots], word int32[slots] with
    -1 for none, the words' bytes uint8[], their offsets int64[words + 1]), (left int32[labels - 1], right int32[labels
    - 1], output float32[labels - 1, dimensions])), the children of an inner node being labels below `labels`, else
    inner nodes.
    """
    weights, buckets, words, tree = model
    left, right, output = tree
    labels = len(left) + 1
    scores = np.zeros((len(offsets) - 1, labels), np.float32)
    differ = np.zeros(len(offsets) - 1, np.bool_)
    reached = np.zeros(labels - 1, np.float64)
    hidden, line = np.empty(weights.shape[1], np.float32), np.empty(weights.shape[1], np.float32)
    for index in range(len(offsets) - 1):
        hidden[:] = 0
        line[:] = 0
        added, before, seen, at, end = 0, 0, np.int64(-1), offsets[index], offsets[index + 1]
        while at < end:
            start, hashed = at, FNV_BASIS
            while at < end and data[at] != 32 and data[at] != 10:
                hashed = _fnv(hashed, data[at])
                at += 1
            if at > start:
                row = _word(data, start, at, hashed, words)
                if row >= 0:
                    _add(line, weights[row])
                    added += 1
                added += _add_ngrams(data, start, at, line, weights, buckets)
            if at == end or data[at] == 10:
                _add(hidden, line)
                if added - before >= LINE:
                    label = _likely(line, added - before, weights[END], tree)
                    differ[index] |= seen >= 0 and label >= 0 and label != seen
                    seen = label if label >= 0 else seen
                line[:] = 0
                before = added
            at += 1
        _add(hidden, weights[END])
        for place in range(len(hidden)):
            hidden[place] /= np.float32(added + 1)
        reached[labels - 2] = 1.0
        for node in range(labels - 2, -1, -1):  # a child stands before its parent, the root last
            likely = reached[node]
            reached[node] = 0.0
            if likely < least:
                continue
            product = np.float32(0)
            for place in range(len(hidden)):
                product += output[node, place] * hidden[place]
            share = 1.0 / (1.0 + math.exp(-product))
            for child, part in ((left[node], 1.0 - share), (right[node], share)):
                value = likely * (part + 1e-5)
                if child >= labels:
                    reached[child - labels] = value
                elif value >= least:
                    scores[index, child] = value
    return scores, differ
