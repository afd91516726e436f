"""Languages of a text in parts: shares of its letters, and runs of lines in one language."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from aigc_data import columns
from aigc_data.kernels.codepoints import TABLES
from aigc_data.kernels.langid import join_lines, split_lines
from aigc_data.kernels.samples import sample_words
from aigc_data.kernels.scripts import count_scripts
from aigc_data.text.language.model import read_only
from aigc_data.text.language.scripts import HANS, KANA, SCRIPTS, script_table
from aigc_data.text.language.vote import log_probabilities
from aigc_data.text.language.weights import (
    EAST_ASIAN,
    FIRST_ONLY,
    LANGUAGES,
    PLACE,
    UND,
    Weights,
    other_scripts,
    weigh_scripts,
    written,
)

LEAST_SHARE = 0.05
_SURE = np.log(0.9)
_LETTERS = 20  # weight from which on a line speaks for a language of its own
_RUN = 40  # weight from which on a run of lines stands
_CANDIDATE = 40  # weight of its sure lines from which on a language is one of a text's
_HAN_ONLY = 80  # weight of Han without Kana that is Chinese in a Japanese text: 20 characters
_MARGIN = 1.0  # natural logarithm of odds below which a line says nothing, and
_LIKELY = np.log(0.3)  # of its likelihood among all languages
#: Languages that are taken for each other line by line: at most one of a group is one of a text's.
_ALIKE = (
    "bs hr sr", "da nn no", "id ms jv su min ace", "cs sk", "gl pt", "ast es an ext", "bh dty gom hi mai mr ne new sa",
    "ar ary arz fa", "be ru rue uk", "oc ca", "af nl li vls", "de bar gsw lb nds", "en pcm sco", "rw kik lg",
    "nso st xh zu sn", "bg mk", "az tr crh", "tt ba kk ky", "fr wa gcf gcr", "it vec lij lmo nap scn co sc",
)  # fmt: skip


@dataclass(frozen=True)
class Parts:
    """Of m texts: weight (float64[m, languages with "und"]), and the runs: row int64[r] among the m, language int64[r],
    start and end int64[r] in code points. A text without runs is in one language, as far as lines tell."""

    weights: np.ndarray
    row: np.ndarray
    language: np.ndarray
    start: np.ndarray
    end: np.ndarray


def parts_of(data: np.ndarray, offsets: np.ndarray, rows: np.ndarray, *, east: np.ndarray, rest: np.ndarray) -> Parts:
    """The languages of the lines of the named rows.

    data uint8[], offsets int64[n + 1], rows int64[m]; east and rest int64[m] are the languages that the text as a whole
    gives to its Han, Kana and Hangul, and to its other letters. A line is Chinese, Japanese or Korean by its scripts;
    else py3langid chooses among the languages that have enough sure lines in the text.
    """
    place, starts, ends, first, last = split_lines(data, offsets, rows)
    counts = count_scripts(data, read_only(starts), read_only(ends), script_table(), len(SCRIPTS))
    weights = weigh_scripts(data, starts, ends, counts, place)
    labels = np.full(len(place), -1, np.int64)
    is_east = weights.decided & (weights.east >= _LETTERS)
    labels[is_east] = _east_lines(weights, counts, east[place])[is_east]
    other = np.flatnonzero(~weights.decided & (weights.rest >= _LETTERS))
    labels[other] = _model_lines(
        data, starts[other], ends[other], counts[other], weights.rest[other], place[other], rest
    )
    weight = weights.east + weights.rest
    joined = join_lines(place, labels, weight, _RUN)
    shares = np.zeros((len(rows), len(LANGUAGES)))
    of_east, of_rest = _halves(joined, east[place], rest[place])
    np.add.at(shares, (place, of_east), weights.east)
    np.add.at(shares, (place, of_rest), weights.rest)
    return Parts(shares, *_runs(place, joined, first, last))


def shares_of(weights: np.ndarray) -> pa.ListArray:
    """columns.SHARES of n texts by their weights (float64[n, languages with "und"]): from LEAST_SHARE on, largest
    first, then by name."""
    total = weights.sum(axis=1)
    shares = (weights / np.maximum(total, 1)[:, None]).astype(np.float32)
    row, language = np.nonzero(shares >= np.float32(LEAST_SHARE))
    order = np.lexsort((language, -shares[row, language], row))
    row, language = row[order], language[order]
    values = _structs(columns.SHARES, lang=_names(language), share=pa.array(shares[row, language]))
    return pa.ListArray.from_arrays(_offsets(row, len(weights)), values, type=columns.SHARES)


def runs_of(parts: Parts, rows: np.ndarray, size: int) -> pa.ListArray:
    """columns.LINES_OF of `size` texts, of which `rows` were looked at."""
    order = np.argsort(rows[parts.row], kind="stable")
    values = _structs(
        columns.LINES_OF,
        lang=_names(parts.language[order]),
        start=pa.array(parts.start[order]),
        end=pa.array(parts.end[order]),
    )
    return pa.ListArray.from_arrays(_offsets(rows[parts.row[order]], size), values, type=columns.LINES_OF)


def _east_lines(weights: Weights, counts: np.ndarray, of_text: np.ndarray) -> np.ndarray:
    """The language of each line that its scripts decide; -1 where a Japanese text's line is in Han alone."""
    found = weights.language.copy()
    japanese, chinese = PLACE["ja"], PLACE["zh"]
    # Japanese has some of the simplified forms (国, 会), Chinese has them everywhere.
    simplified = (counts[:, HANS] >= 3) & (5 * EAST_ASIAN * counts[:, HANS] >= weights.east)
    found[(of_text == japanese) & (found == chinese) & (weights.east < _HAN_ONLY) & ~simplified] = -1
    # One Kana in a Chinese line is an ornament (の), not a language.
    ornament = (of_text == chinese) & (found == japanese) & (counts[:, KANA] < 4)
    found[ornament] = chinese
    return found


def _model_lines(
    data: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    counts: np.ndarray,
    letters: np.ndarray,
    place: np.ndarray,
    rest: np.ndarray,
) -> np.ndarray:
    """int64[k]: the language of k lines of letters, -1 where they do not say."""
    if not len(starts):
        return np.zeros(0, np.int64)
    sample, sample_offsets = sample_words(data, starts, ends, script_table(), other_scripts(), TABLES, 160)
    scores = log_probabilities(sample, sample_offsets)
    scores = np.where(written()[(counts * other_scripts()).argmax(axis=1)], scores, -np.inf)
    best = scores.argmax(axis=1)
    sure = scores.max(axis=1) >= _SURE
    support = np.zeros((len(rest), UND))
    np.add.at(support, (place[sure], best[sure]), letters[sure])
    candidates = _candidates(support, rest)
    chosen = np.where(candidates[place], scores, -np.inf)
    label = chosen.argmax(axis=1)
    top = chosen.max(axis=1)
    chosen[np.arange(len(label)), label] = -np.inf
    label[(top < _LIKELY) | (chosen.max(axis=1) > top - _MARGIN)] = -1
    # Where the voter does not know the text's language, it cannot tell where another one begins.
    unknown = np.append(FIRST_ONLY, False)[rest[place]]
    label[unknown] = rest[place][unknown]
    return label


def _candidates(support: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """bool[m, languages]: those with enough sure lines, one of a group of like ones, and the text's own."""
    enough = support * (support >= _CANDIDATE) * (support >= LEAST_SHARE * support.sum(axis=1, keepdims=True))
    own = np.flatnonzero(rest != UND)
    enough[own, rest[own]] += 1e12
    for group in _ALIKE:
        members = [PLACE[name] for name in group.split()]
        part = enough[:, members]
        enough[:, members] = part * (np.arange(len(members)) == part.argmax(axis=1)[:, None])
    return enough > 0


def _halves(joined: np.ndarray, east: np.ndarray, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which language a line's Han, Kana and Hangul count for, and which its other letters."""
    by_script = np.isin(joined, [PLACE["zh"], PLACE["ja"], PLACE["ko"]])
    return np.where(by_script, joined, east), np.where(by_script | (joined < 0), rest, joined)


def _runs(
    place: np.ndarray, joined: np.ndarray, first: np.ndarray, last: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Runs of lines of one language in the texts that have two or more."""
    if not len(place):
        return (np.zeros(0, np.int64),) * 4
    new = np.concatenate([[True], (place[1:] != place[:-1]) | (joined[1:] != joined[:-1])])
    begins = np.flatnonzero(new)
    lasts = np.concatenate([begins[1:], [len(place)]]) - 1
    switching = np.bincount(place[begins], minlength=place[-1] + 1)[place[begins]] > 1
    begins, lasts = begins[switching], lasts[switching]
    return place[begins], joined[begins], first[begins], last[lasts]


def _names(languages: np.ndarray) -> pa.Array:
    return pa.array(LANGUAGES, pa.string()).take(pa.array(languages, pa.int64()))


def _structs(kind: pa.ListType, **fields: pa.Array) -> pa.StructArray:
    return pa.StructArray.from_arrays([fields[f.name] for f in kind.value_type], fields=list(kind.value_type))


def _offsets(row: np.ndarray, size: int) -> pa.Array:
    return pa.array(np.concatenate([[0], np.cumsum(np.bincount(row, minlength=size))]).astype(np.int32))
