"""Which languages and script a text is in: Han, Kana and Hangul by counting, everything else by two voters, fastText's
lid.176 and py3langid.

langdetect is a sampled reference that is recorded and never decides: it calls half of all Chinese texts something else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from langdetect import DetectorFactory, LangDetectException, detect

from aigc_data.kernels.codepoints import TABLES
from aigc_data.kernels.samples import sample_words
from aigc_data.kernels.scripts import count_scripts
from aigc_data.text.arrow import strings_from, text_buffers
from aigc_data.text.language import model as language_model
from aigc_data.text.language import vote as language_vote
from aigc_data.text.language.lines import LEAST_SHARE, parts_of, runs_of, shares_of
from aigc_data.text.language.scripts import HAN, HANGUL, HANT, KANA, NONE, SCRIPTS, script_names, script_table
from aigc_data.text.language.weights import EAST_ASIAN, LANGUAGES, UND, Weights, other_scripts, weigh_scripts, written

SURE = 0.95  # from it on lid.176 is believed alone, on FEW letters or more
FEW = 60
UNSURE = 0.65  # below it both read again, LONGER times as many letters: names and code fill many a start
LONGER = 5
MIXED = 0.75  # below it a text of MANY letters is looked at line by line
MANY = 120
_BLOCK = 8192  # rows at a time, so that a table of rows and languages stays small


@dataclass(frozen=True)
class Identified:
    """For n texts: ISO 639 codes and ISO 15924 scripts (string), score and zh_share (float32, 0..1).

    `shares` (columns.SHARES) are each text's languages by their letters, largest first; `lines` (columns.LINES_OF) the
    runs of lines in one language, in code points, of texts that switch; `vote` (string) is py3langid's answer where it
    was asked for the language of the text, "" elsewhere.
    """

    lang: pa.StringArray
    score: np.ndarray
    script: pa.StringArray
    zh_share: np.ndarray
    shares: pa.ListArray
    lines: pa.ListArray
    vote: pa.StringArray


def identify(texts: pa.Array | pa.ChunkedArray, *, letters: int) -> Identified:
    """Languages and script of n strings.

    Where Han, Kana and Hangul weigh as much as the letters of all other words (EAST_ASIAN each) or more, the text is
    Japanese if Kana exceed a tenth of them, Korean if Hangul exceed a half, else Chinese, Cantonese included; the
    score is their share by weight, so never below 0.5. Else lid.176 reads some `letters` letters of the text. Where it
    is not SURE, or the text has FEW letters, py3langid reads the same, and the score is how likely both make it among
    the languages that are written in the text's scripts; where that is UNSURE both read LONGER times as many. Where
    they cannot name the rest (below 0.5: listings), Han, Kana and Hangul decide from a tenth of the letters on, and
    the score is what the voters left. A text of several scripts, whose parts seem to differ or that the voters are not
    sure of is looked at line by line: its language is then the one with the largest share. A text without letters is
    "und" with score 0.
    """
    data, offsets = text_buffers(texts)
    blocks = [_identify(data, offsets[at : at + _BLOCK + 1], letters) for at in range(0, len(offsets) - 1, _BLOCK)]
    return _joined(blocks or [_identify(data, offsets[:1], letters)])


def second_opinion(text: str) -> str:
    """langdetect's code for a text ("zh-cn", "en", …), "und" where it finds nothing to go by; the same at
    every call."""
    # The factory's seed is the library's only way to a repeatable answer; it is set to the same constant each
    # time.
    DetectorFactory.seed = 0
    try:
        return str(detect(text[:500]))
    except LangDetectException:
        return "und"


def _identify(data: np.ndarray, offsets: np.ndarray, letters: int) -> Identified:
    counts = count_scripts(data, offsets[:-1], offsets[1:], script_table(), len(SCRIPTS))
    counts[:, NONE] = 0
    weights = weigh_scripts(data, offsets[:-1], offsets[1:], counts)
    total = weights.east + weights.rest
    asked = np.flatnonzero((weights.rest > 0) & (~weights.decided | (weights.rest >= LEAST_SHARE * total)))
    rest, likely = np.full(len(total), UND), np.zeros(len(total), np.float32)
    vote, differ = np.full(len(total), -1), np.zeros(len(total), bool)
    rest[asked], likely[asked], vote[asked], differ[asked] = _ask_again(data, offsets, asked, counts, letters)
    # Formulas and listings: letters that nobody can name beside Han.
    some = (weights.east > 0) & (10 * weights.east >= weights.east + EAST_ASIAN * weights.rest)
    formulas = ~weights.decided & some & (likely < 0.5)
    rest[formulas | (weights.decided & (likely < 0.5))] = UND
    named = weights.decided | formulas
    lang = np.where(named, weights.language, rest)
    score = np.where(weights.decided, weights.east / np.maximum(total, 1), np.where(formulas, 1 - likely, likely))
    score = score.astype(np.float32)

    rows = np.flatnonzero(_mixed(counts, weights, likely, differ))
    parts = parts_of(data, offsets, rows, east=weights.language[rows], rest=rest[rows])
    shares = _shares(weights, rest)
    shares[rows] = parts.weights
    # What lines say of a text is more than what a sample says, unless it is that nobody can name it.
    place, largest = np.arange(len(total)), shares[:, :UND].argmax(axis=1)
    other = (shares[place, largest] > shares[place, lang]) & ~formulas & (lang != UND)
    lang[other] = largest[other]
    score[other] = (shares[place, largest] / np.maximum(total, 1))[other]

    names = np.array(LANGUAGES, dtype=object)
    votes = np.where((vote >= 0) & ~weights.decided, np.append(names, "")[vote], "")
    east = named & (lang == weights.language)
    han = counts[:, HAN : HANT + 1].sum(axis=1)
    return Identified(
        lang=pa.array(names[lang], pa.string()),
        score=score,
        script=pa.array(script_names(counts, names[lang], east), pa.string()),
        zh_share=(han / np.maximum(counts.sum(axis=1), 1)).astype(np.float32),
        shares=shares_of(shares),
        lines=runs_of(parts, rows, len(total)),
        vote=pa.array(votes, pa.string()),
    )


def _shares(weights: Weights, rest: np.ndarray) -> np.ndarray:
    """float64[n, languages with "und"]: what a text's letters weigh, by the language of each half."""
    shares, place = np.zeros((len(rest), len(LANGUAGES))), np.arange(len(rest))
    shares[place, weights.language] = weights.east
    shares[place, rest] += weights.rest
    return shares


Answer = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _ask_again(data: np.ndarray, offsets: np.ndarray, rows: np.ndarray, counts: np.ndarray, letters: int) -> Answer:
    """`_ask`, and again with more letters where that leaves doubts: few rows, so that a longer look costs little."""
    language, likely, vote, differ = _ask(data, offsets, rows, counts, letters)
    unsure = np.flatnonzero((likely < UNSURE) & (counts[rows].sum(axis=1) > letters))
    language[unsure], likely[unsure], vote[unsure], differ[unsure] = _ask(
        data, offsets, rows[unsure], counts, LONGER * letters
    )
    return language, likely, vote, differ


def _ask(data: np.ndarray, offsets: np.ndarray, rows: np.ndarray, counts: np.ndarray, letters: int) -> Answer:
    """(language int64, likelihood float32, py3langid's answer int64 or -1 where it was not asked, whether parts differ
    bool) of what the named rows hold besides Han, Kana and Hangul."""
    others = counts[rows] * other_scripts()  # an English article that opens with a Chinese title is read as English
    # A script counts from a fifth of the letters on: web text mixes look-alikes of Latin and Cyrillic.
    allowed = (5 * others >= others.sum(axis=1, keepdims=True)) @ written()
    sample, at = sample_words(data, offsets[rows], offsets[rows + 1], script_table(), other_scripts(), TABLES, letters)
    first, differ = language_model.log_probabilities(sample, at)
    language, likely = first.argmax(axis=1), np.exp(first.max(axis=1))
    vote = np.full(len(rows), -1)
    weak = np.flatnonzero((likely < SURE) | (others.sum(axis=1) < FEW))
    if not len(weak):  # so that py3langid's model is read where it is needed only
        return language, likely, vote, differ
    second = language_vote.log_probabilities(*_picked(sample, at, weak))
    both = language_vote.weigh(first[weak], second, np.diff(at)[weak], allowed[weak])
    language[weak], likely[weak] = both.argmax(axis=1), both.max(axis=1)
    vote[weak] = np.where(second.max(axis=1) > np.log(0.02), second.argmax(axis=1), UND)
    nothing = likely == 0
    language[nothing] = UND
    return language, likely, vote, differ


def _picked(data: np.ndarray, offsets: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return text_buffers(strings_from(data, offsets).take(pa.array(rows)))


def _mixed(counts: np.ndarray, weights: Weights, likely: np.ndarray, differ: np.ndarray) -> np.ndarray:
    """bool[n]: texts in which two scripts have a share, whose parts seem to differ, or that the voters are not sure
    of."""
    total = weights.east + weights.rest
    least = np.maximum(LEAST_SHARE * total, 1)
    others = counts[:, HANGUL + 1 :]
    scripts = (np.minimum(weights.east, weights.rest) >= least) | (others.sum(axis=1) - others.max(axis=1) >= least)
    # Kana are three fifths of Japanese prose, Hangul nearly all of Korean.
    kana, hangul = EAST_ASIAN * counts[:, KANA], EAST_ASIAN * counts[:, HANGUL]
    eastern = ((kana >= least) & (kana <= 0.55 * weights.east)) | ((hangul >= least) & (hangul <= 0.95 * weights.east))
    doubtful = ~weights.decided & ((likely < MIXED) | differ)
    return (scripts | eastern | doubtful) & (total >= MANY)


def _joined(blocks: Sequence[Identified]) -> Identified:
    return Identified(
        lang=pa.concat_arrays([block.lang for block in blocks]),
        score=np.concatenate([block.score for block in blocks]),
        script=pa.concat_arrays([block.script for block in blocks]),
        zh_share=np.concatenate([block.zh_share for block in blocks]),
        shares=pa.concat_arrays([block.shares for block in blocks]),
        lines=pa.concat_arrays([block.lines for block in blocks]),
        vote=pa.concat_arrays([block.vote for block in blocks]),
    )
