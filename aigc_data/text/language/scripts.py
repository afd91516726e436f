"""Scripts of letters and of texts (ISO 15924)."""

from __future__ import annotations

from functools import cache

import numpy as np

from aigc_data.kernels.codepoints import HAN as HAN_FLAG
from aigc_data.kernels.codepoints import LETTER, TABLES
from aigc_data.text.han_variants import SIMPLIFIED_ONLY, TRADITIONAL_ONLY

NONE, HAN, HANS, HANT, KANA, HANGUL = range(6)
#: ISO 15924 codes by script number; the first six are counted apart and named by `script_names`.
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


def script_names(counts: np.ndarray, lang: np.ndarray, decided: np.ndarray) -> np.ndarray:
    """ISO 15924 code of the most frequent script; for Chinese whether simplified or traditional forms
    prevail."""
    others = counts.copy()
    others[:, HAN] = counts[:, HAN : HANT + 1].sum(axis=1)
    others[:, [HANS, HANT]] = 0
    names = np.array(SCRIPTS, dtype=object)
    script = names[np.where(others.sum(axis=1) > 0, others.argmax(axis=1), NONE)]
    simplified, traditional = counts[:, HANS], counts[:, HANT]
    chinese = lang == "zh"
    script[chinese] = "Han"
    script[chinese & (simplified > 2 * traditional)] = "Hans"
    script[chinese & (traditional > 2 * simplified)] = "Hant"
    script[decided & (lang == "ja")] = "Jpan"
    script[decided & (lang == "ko")] = "Kore"
    return script


@cache
def script_table() -> np.ndarray:
    """uint8[0x110000]: the script number of each letter, 0 for what is no letter."""
    pages, flags, _ = TABLES
    every = np.arange(0x110000)
    properties = flags[(pages[every >> 8].astype(np.int64) << 8) | (every & 255)]
    letter = (properties & LETTER) != 0
    table = np.where(letter, np.uint8(len(SCRIPTS) - 1), np.uint8(NONE))
    for name, first, last in _RANGES:
        part = slice(first, last + 1)
        table[part] = np.where(letter[part], np.uint8(SCRIPTS.index(name)), table[part])
    table[letter & ((properties & HAN_FLAG) != 0)] = HAN
    for characters, number in ((SIMPLIFIED_ONLY, HANS), (TRADITIONAL_ONLY, HANT)):
        table[[ord(character) for character in characters]] = number
    table.setflags(write=False)
    return table
