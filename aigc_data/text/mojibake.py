"""Text that was decoded with the wrong code page: found by a table, repaired by ftfy and, for Chinese, by
going back through GBK.

ftfy runs at some 4 MB/s, so only rows with a pair of code points that could be the bytes of one UTF-8
sequence reach it.
"""

from __future__ import annotations

import re
from functools import cache

import ftfy
import numpy as np
import pyarrow as pa
from ftfy.chardata import CHARMAP_ENCODINGS

from aigc_data.kernels.scrub import ALONE, OPEN, PAGE_MASK, SEEN_MOJIBAKE, TAIL_SHIFT, inspect
from aigc_data.text.arrow import text_buffers

#: Only the wrong decoding is undone. Everything else ftfy offers either rewrites good Chinese (full-width
#: punctuation, curly quotes) or is done by the cleaning pass itself.
CONFIG = ftfy.TextFixerConfig(
    explain=False,
    unescape_html=False,
    uncurl_quotes=False,
    fix_character_width=False,
    fix_latin_ligatures=False,
    fix_line_breaks=False,
    fix_surrogates=False,
    remove_control_chars=False,
    remove_terminal_escapes=False,
    normalization=None,
)

#: What `，` `。` `的` and `“` become when their UTF-8 is read as GBK, from an even or an odd byte on: hardly
#: ever written on purpose.
GBK_CLUES = "锛銆鐨鈥紝殑"
_HAN = re.compile(r"[\u4e00-\u9fff]")
#: 锟斤拷 is U+FFFD twice, saved as UTF-8 and read as GBK; the others are the fill patterns 0xCC, 0xCD and
#: 0xDD read as GBK.
_LOST = re.compile("\ufffd+|(?:锟斤拷)+(?:锟斤?)?|烫{3,}|屯{3,}|葺{3,}|(?:ï¿½)+")


#: The bit of latin-1 is free: what it would say, windows-1252 says too, and its control characters count alone.
_BOXED = CHARMAP_ENCODINGS.index("latin-1")


@cache
def clue_table() -> np.ndarray:
    """uint32[0x110000] for kernels.scrub.inspect: which code points may be a first or a later byte, in which
    code page."""
    table = np.zeros(0x110000, np.uint32)
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
                table[code_point] |= 1 << page
                # Two neighbours in a drawn box are no mojibake: a box's line counts only behind something else.
                table[code_point] |= 0 if boxed else 1 << _BOXED
            elif byte < 0xC0:
                table[code_point] |= 1 << ((_BOXED if boxed else page) + TAIL_SHIFT)
    table[0xFFFD] |= PAGE_MASK << TAIL_SHIFT
    for character in "ÂÃÅÎÐÙâãð":  # ftfy knows sequences whose 0xA0 became a space, or whose bytes became "?"
        table[ord(character)] |= OPEN
    table[0x80:0xA0] |= ALONE
    for character in GBK_CLUES:
        table[ord(character)] |= ALONE
    table.setflags(write=False)
    return table


def repair(text: str) -> str:
    """`text` with wrong decodings undone line by line; what cannot be undone without loss stays as it is."""
    if any(clue in text for clue in GBK_CLUES):
        text = "\n".join(_from_gbk(line) for line in text.split("\n"))
    # ftfy works line by line too, at 4 MB/s: most lines of a text with a suspicious pair have none themselves.
    lines = text.split("\n")
    for i in np.flatnonzero(inspect(*text_buffers(pa.array(lines, pa.large_string())), clue_table()) & SEEN_MOJIBAKE):
        lines[i] = ftfy.fix_text(lines[i], CONFIG)
    return "\n".join(lines)


def _from_gbk(line: str) -> str:
    if not any(clue in line for clue in GBK_CLUES):
        return line
    try:
        # Code page 936 has the euro sign at 0x80, where GB 18030 has nothing.
        back = b"\x80".join(part.encode("gb18030") for part in line.split("€")).decode("utf-8")
    except UnicodeError:  # it was Chinese after all, or bytes were lost on the way
        return line
    return back if _HAN.search(back) else line


def lost_share(texts: pa.Array, lengths: np.ndarray) -> np.ndarray:
    """float32[n]: characters that stand for lost ones (U+FFFD, 锟斤拷, 烫烫烫, …) / `lengths`, the characters
    of each text."""
    share = np.zeros(len(texts), np.float32)
    for row in np.flatnonzero(inspect(*text_buffers(texts), _lost_table())):  # few rows hold any of it
        lost = sum(len(match) for match in _LOST.findall(texts[int(row)].as_py()))
        share[row] = lost / lengths[row]
    return share


@cache
def _lost_table() -> np.ndarray:
    table = np.zeros(0x110000, np.uint32)
    table[[ord(character) for character in "\ufffd锟烫屯葺½"]] = ALONE
    table.setflags(write=False)
    return table
