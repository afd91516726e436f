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
from ftfy.fixes import fix_c1_controls

from aigc_data.kernels.scrub import ALONE, SEEN_MOJIBAKE, inspect
from aigc_data.text.arrow import text_buffers
from aigc_data.text.cleaning.mojibake_clues import GBK_CLUES, clue_table, pair_table

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

#: Scripts whose letters two accented Latin ones can spell (`ßª`, N'Ko): a line in them would have more than a few.
_RARE = re.compile("[\u0700-\u085f]")
_SOME = 4
_LINE_BREAK = re.compile("([\n\v\f\r\u2028\u2029])")  # U+0085 is an ellipsis of Windows-1252 here
_HAN = re.compile(r"[\u4e00-\u9fff]")
#: 锟斤拷 is U+FFFD twice, saved as UTF-8 and read as GBK; the others are the fill patterns 0xCC, 0xCD and
#: 0xDD read as GBK.
_LOST = re.compile("\ufffd+|(?:锟斤拷)+(?:锟斤?)?|烫{3,}|屯{3,}|葺{3,}|(?:ï¿½)+")


def repair(text: str) -> str:
    """`text` with wrong decodings undone line by line; what cannot be undone without loss stays as it is, and so does a
    line that would gain single letters of a script that is not its own."""
    # Lines and what is between them. ftfy works line by line too, at 4 MB/s: most lines of a text with a suspicious
    # pair have none themselves.
    lines = _LINE_BREAK.split(text)
    if any(clue in text for clue in GBK_CLUES):
        lines = [_from_gbk(line) for line in lines]
    buffers = text_buffers(pa.array(lines, pa.large_string()))
    for i in np.flatnonzero(inspect(*buffers, clue_table(), pair_table()) & SEEN_MOJIBAKE):
        fixed = ftfy.fix_text(lines[i], CONFIG)
        if 0 < len(_RARE.findall(fixed)) - len(_RARE.findall(lines[i])) < _SOME:
            fixed = fix_c1_controls(lines[i])  # these are wrong in any case, and U+0085 would break the line
        lines[i] = fixed
    return "".join(lines)


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
    for row in np.flatnonzero(
        inspect(*text_buffers(texts), _lost_table(), pair_table()) & SEEN_MOJIBAKE
    ):  # few rows hold any of it
        lost = sum(len(match) for match in _LOST.findall(texts[int(row)].as_py()))
        share[row] = lost / lengths[row]
    return share


@cache
def _lost_table() -> np.ndarray:
    table = np.zeros(0x110000, np.uint64)
    table[[ord(character) for character in "\ufffd锟烫屯葺½"]] = ALONE
    table.setflags(write=False)
    return table
