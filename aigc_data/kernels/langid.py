"""The naive Bayes model of py3langid, and the lines of a text.

The model (Lui and Baldwin 2011 and 2012, "langid.py") is a finite automaton over bytes whose states may name a
feature, and a table of log probabilities by feature and language.
"""

from __future__ import annotations

import math

import numpy as np

from aigc_data.kernels.flags import inlined, kernel

GROUP = 8  # texts that are walked side by side: each step of one waits for memory
UNIT = 2.0**-11  # of the weights: half the memory, and exact, for they are above -16 and of half precision


@inlined
def _visit(data, offsets, group, moves, states, visited, found):  # type: ignore[no-untyped-def]
    """Walk the automaton over the texts of a group side by side; their features, one after the other."""
    size, longest = min(GROUP, len(offsets) - 1 - group), np.int64(0)
    at_state = np.zeros(GROUP, np.int64)
    found[:] = 0
    for lane in range(size):
        longest = max(longest, offsets[group + lane + 1] - offsets[group + lane])
    if longest > visited.shape[1]:
        visited = np.empty((GROUP, longest), np.int32)
    for step in range(longest):
        for lane in range(size):
            at = offsets[group + lane] + step
            if at < offsets[group + lane + 1]:
                state = np.int64(moves[np.int64(states[at_state[lane], 0]) + np.int64(data[at])])
                at_state[lane] = state
                feature = states[state, 1]
                if feature >= 0:
                    visited[lane, found[lane]] = feature
                    found[lane] += 1
    return visited


@kernel
def naive_bayes(data, offsets, model):  # type: ignore[no-untyped-def]
    """float32[n, languages]: log probabilities of each text's language, softened by the square root of its length.

    data uint8[], offsets int64[n + 1]; model is (next state uint32[256 r], states int32[s, 2]: where a state's row
    begins and its feature or -1, weights int16[features, languages] in units of UNIT, prior float32[languages]). As
    py3langid 0.4 with `norm_probs`: the weight of a feature that was seen c times is log(1 + c). A text without
    features is equally likely in all.
    """
    moves, states, weights, prior = model
    scores = np.empty((len(offsets) - 1, len(prior)), np.float32)
    seen = np.zeros(len(weights), np.int32)
    visited, found = np.empty((GROUP, 1024), np.int32), np.zeros(GROUP, np.int64)
    for index in range(len(offsets) - 1):
        lane = index % GROUP
        if lane == 0:
            visited = _visit(data, offsets, index, moves, states, visited, found)
        mine, features = scores[index], visited[lane, : found[lane]]
        for feature in features:
            seen[feature] += 1
        for language in range(len(prior)):
            mine[language] = prior[language] if len(features) else np.float32(0)
        for feature in features:
            if seen[feature]:
                weight = np.float32(math.log1p(np.float32(seen[feature])) * UNIT)
                seen[feature] = 0
                line = weights[feature]
                for language in range(len(prior)):
                    mine[language] += weight * np.float32(line[language])
        _soften(mine, math.sqrt(max(offsets[index + 1] - offsets[index], 1)))
    return scores


@inlined
def _soften(scores, temperature):  # type: ignore[no-untyped-def]
    """Log of the softmax of scores / temperature, in place."""
    best = scores[0]
    for value in scores:
        best = max(best, value)
    total = 0.0
    for place in range(len(scores)):
        scores[place] = (scores[place] - best) / temperature
        total += math.exp(scores[place])
    shift = math.log(total)
    for place in range(len(scores)):
        scores[place] -= shift


@kernel
def split_lines(data, offsets, rows):  # type: ignore[no-untyped-def]
    """int64[k] each of the k lines of the named rows: place in `rows`, start and end in bytes, start and end in code
    points of the row; a line ends behind its line feed.

    data uint8[], offsets int64[n + 1], rows int64[m].
    """
    count = np.int64(0)
    for row in rows:
        for at in range(offsets[row], offsets[row + 1]):
            count += data[at] == 10
        count += offsets[row + 1] > offsets[row] and data[offsets[row + 1] - 1] != 10
    places, starts = np.empty(count, np.int64), np.empty(count, np.int64)
    ends, firsts, lasts = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.int64)
    line = np.int64(0)
    for index in range(len(rows)):
        start, end = offsets[rows[index]], offsets[rows[index] + 1]
        first, read = np.int64(0), np.int64(0)
        for at in range(start, end):
            read += (data[at] & 0xC0) != 0x80
            if data[at] == 10 or at + 1 == end:
                places[line], starts[line], ends[line], firsts[line] = index, start, at + 1, first
                lasts[line] = read
                start, first = at + 1, read
                line += 1
    return places, starts, ends, firsts, lasts


@kernel
def join_lines(places, labels, weights, least):  # type: ignore[no-untyped-def]
    """int64[k]: a label for each of k lines, so that runs of equal labels weigh `least` or more each.

    places int64[k] (the text of each line, ascending), labels int64[k] with -1 for a line that says nothing, weights
    int64[k]. A line that says nothing joins the run before it, and so does a run that is too light; what has no run
    before it joins the next. A text without a run that is heavy enough gets -1 throughout.
    """
    joined = labels.copy()
    begin = np.int64(0)
    while begin < len(places):
        end = begin
        while end < len(places) and places[end] == places[begin]:
            end += 1
        current, run, weight = np.int64(-1), begin, np.int64(0)
        kept = np.int64(-1)  # the label of the last run that is heavy enough
        at = begin
        while at <= end:
            if at == end or (labels[at] >= 0 and labels[at] != current):
                if weight >= least and current >= 0:
                    kept = current
                for line in range(run, at):
                    joined[line] = kept
                if at == end:
                    break
                current, run, weight = labels[at], at, np.int64(0)
            weight += weights[at]
            at += 1
        for line in range(end - 1, begin - 1, -1):  # what stands before the first run that is heavy enough
            if joined[line] >= 0:
                kept = joined[line]
            else:
                joined[line] = kept
        begin = end
    return joined
