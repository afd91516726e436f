"""Where to look for mojibake: tables for a kernel that lets through nothing that ftfy would repair.

ftfy repairs a line where two things come together: characters that are the bytes of a UTF-8 sequence in one of its
code pages, and a pair of neighbours that hardly ever stand together ("badness"). Its regular expression for the
second reads 8 MB/s; a table of pairs, wider than the expression, spares it nearly all lines.
"""

from __future__ import annotations

import re
from functools import cache

import numpy as np
from ftfy.badness import MOJIBAKE_CATEGORIES
from ftfy.chardata import CHARMAP_ENCODINGS

from aigc_data.kernels.scrub import (
    ALONE,
    LISTED,
    LONG_SHIFT,
    OPEN_LONG,
    OPEN_PAIR,
    PAGE_MASK,
    PAIR_SHIFT,
    SECOND_SHIFT,
    TAIL_SHIFT,
    UNLIKELY,
)

#: What `，` `。` `的` and `“` become when their UTF-8 is read as GBK, from an even or an odd byte on: hardly
#: ever written on purpose.
GBK_CLUES = "锛銆鐨鈥紝殑"

#: The bit of latin-1 is free: what it would say, windows-1252 says too, and its control characters count alone.
_BOXED = CHARMAP_ENCODINGS.index("latin-1")

_ACCENTED = "{lower_accented}{upper_accented}"
_ASIDE = "{start_punctuation}{end_punctuation}"
#: Of each alternative of ftfy.badness.BADNESS_RE two neighbours without which it cannot match, as the insides of two
#: character classes. C1 controls count alone, œ is as good as a pair, and what ends in a blank the
#: kernel looks at (OPEN_PAIR).
_PAIRS = (
    (f"{{bad}}{_ACCENTED}{{box}}{_ASIDE}{{currency}}{{numeric}}{{law}}{{lower_common}}{{upper_common}}", "{bad}"),
    ("{bad}", f"{_ACCENTED}{{box}}{_ASIDE}{{currency}}{{numeric}}{{law}}"),
    ("{lower_accented}{lower_common}{box}{end_punctuation}{currency}{numeric}", "{upper_accented}"),
    ("{box}{end_punctuation}{currency}{numeric}", "{lower_accented}"),
    (f"{_ACCENTED}{{box}}{{end_punctuation}}", "{currency}"),
    ("{upper_accented}{box}", "{numeric}{law}°"),
    ("{start_punctuation}", "{numeric}"),
    ("{end_punctuation}", "{start_punctuation}"),
    ("{currency}{numeric}{box}{upper_accented}", "{start_punctuation}"),
    ("{box}", "{kaomoji}{end_punctuation}"),
    (f"{_ACCENTED}{{currency}}{{numeric}}{_ASIDE}{{law}}", "{box}"),
    (_ACCENTED, _ASIDE),
    ("ÂÃÎÐ", f"€œŠš¢£Ÿž\xa0\xad®©°·»¡–—´{_ASIDE}"),
    ("ØÙ", "{common}{currency}{bad}{numeric}{start_punctuation}ŸŠ®°µ»"),
    ("×à", "²³µ¹¼½¾"),
    ("√", "±∂†≠®™´≤≥¥µø"),
    ("≈", "°¢"),
    ("‚", "Äâó"),
    ("вВ", "Ђ"),
    ("ВГРСΒΓΞΟ", f"{{bad}}{_ASIDE}{{currency}}°µ"),
    ("β", "€"),
    ("ā", "€"),
)


@cache
def clue_table() -> np.ndarray:
    """uint64[0x110000] for kernels.scrub.inspect: which code points may be a first or a later byte, in which
    code page."""
    table = np.zeros(0x110000, np.uint64)

    def mark(code_point: int, page: int, shift: int) -> None:
        table[code_point] |= np.uint64(1 << page + shift)

    for page, encoding in enumerate(CHARMAP_ENCODINGS):
        if page == _BOXED:
            continue
        for byte in range(0x80, 0xF5):
            try:
                code_point = ord(bytes([byte]).decode(encoding))
            except UnicodeDecodeError:  # iso-8859-2 and the like leave bytes undefined
                continue
            boxed = 0x2500 <= code_point < 0x2580
            if byte >= 0xC2:
                shift = PAIR_SHIFT if byte < 0xE0 else LONG_SHIFT
                mark(code_point, page, shift)
                # Two neighbours in a drawn box are no mojibake: a box's line counts only behind something else.
                if not boxed:
                    mark(code_point, _BOXED, shift)
            elif byte < 0xC0:
                mark(code_point, _BOXED if boxed else page, TAIL_SHIFT)
    table[0xFFFD] |= np.uint64(PAGE_MASK << TAIL_SHIFT)
    # ftfy knows sequences whose 0xA0 became a space, or whose bytes became "?"; œ is rare but before a letter.
    for characters, bit in (("ÂÃÅÎÐÙ", OPEN_PAIR), ("âãð", OPEN_LONG), ("Œœ", UNLIKELY)):
        table[[ord(character) for character in characters]] |= np.uint64(bit)
    table[0x80:0xA0] |= np.uint64(ALONE)
    table[[ord(character) for character in GBK_CLUES]] |= np.uint64(ALONE)
    table[:0x10000][pair_table() != 0] |= np.uint64(LISTED)
    table.setflags(write=False)
    return table


@cache
def pair_table() -> np.ndarray:
    """uint64[0x10000] for kernels.scrub.inspect: of which unlikely pairs a code point may be the first (low half), and
    of which the second (high half)."""
    table = np.zeros(0x10000, np.uint64)
    characters = "".join(map(chr, range(0x80, 0xD800))) + "".join(map(chr, range(0xE000, 0x10000)))
    for place, pair in enumerate(_PAIRS):
        for side, shift in zip(pair, (0, SECOND_SHIFT), strict=True):
            members = re.findall(f"[{side.format(**MOJIBAKE_CATEGORIES)}]", characters)
            table[[ord(character) for character in members]] |= np.uint64(1 << place + shift)
    table.setflags(write=False)
    return table
