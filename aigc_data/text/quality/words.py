"""The words and marks that the quality signals look for. Data, and how kernels are given it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa

from aigc_data.kernels.line_rules import CHINESE_ONLY, LOREM, POLICY
from aigc_data.kernels.quality import hash_words
from aigc_data.text.arrow import text_buffers

#: Gopher, appendix A.1.1: a text needs two of these, written as here.
STOP_WORDS_EN = ("the", "be", "to", "of", "and", "that", "have", "with")
#: FineWeb-2's list for cmn_Hani; the forms of a word (simplified, traditional, and as Cantonese has it) are
#: one. Its `·` is left out: it is no token.
STOP_WORDS_ZH = (
    "的嘅", "年", "在喺", "月", "是係", "和", "日", "了咗", "于於", "为為", "有", "被", "人", "中", "他佢", "与與",
    "后後", "也", "而", "由",
)  # fmt: skip

#: C4's policy phrases and its filler text (tensorflow_datasets, c4_utils.py).
PHRASES_EN = (
    ("terms of use", POLICY),
    ("privacy policy", POLICY),
    ("cookie policy", POLICY),
    ("uses cookies", POLICY),
    ("use of cookies", POLICY),
    ("use cookies", POLICY),
    ("lorem ipsum", LOREM),
)
#: What stands on Chinese pages in their place. The last character is what the kernel looks for: 策 款 议 議 明.
PHRASES_ZH = (
    *("隐私政策", "隱私政策", "隐私权政策", "隱私權政策", "私隱政策", "cookie政策", "cookie 政策", "cookies政策"),
    *("使用条款", "使用條款", "服务条款", "服務條款", "用户协议", "用戶協議", "服务协议", "服務協議"),
    *("免责声明", "免責聲明", "版权声明", "版權聲明", "隐私声明", "隱私聲明"),
)

#: What may end a line in datatrove (utils/text.py, TERMINAL_PUNCTUATION), as ranges of code points: the sentence
#: marks of all scripts, without quotation marks.
TERMINALS = """
21 2E 3F 589 61D-61F 6D4 700-702 7F9 837 839 83D-83E 964-965 104A-104B 1362 1367-1368 166E 1735-1736 17D4-17D6
17D9-17DA 1803 1809 1944-1945 1AA8-1AAB 1B5A-1B5B 1B5E-1B5F 1B7D-1B7E 1C3B-1C3C 1C7E-1C7F 203C-203D 2047-2049 2E2E
2E3C 2E53-2E54 3002 A4FF A60E-A60F A6F3 A6F7 A876-A877 A8CE-A8CF A92F A9C8-A9C9 AA5D-AA5F AAF0-AAF1 ABEB FE52
FE56-FE57 FF01 FF0E FF1F FF61 10A56-10A57 10F55-10F59 10F86-10F89 11047-11048 110BE-110C1 11141-11143 111C5-111C6
111CD 111DE-111DF 11238-11239 1123B-1123C 112A9 1144B-1144C 115C2-115C3 115C9-115D7 11641-11642 1173C-1173E 11944
11946 11A42-11A43 11A9B-11A9C 11C41-11C42 11EF7-11EF8 11F43-11F44 16A6E-16A6F 16AF5 16B37-16B38 16B44 16E98 1BC9F
1DA88
"""


@cache
def stop_table() -> tuple[np.ndarray, np.ndarray, np.uint64]:
    """(keys uint64[1024], bits int64[1024], shift) for kernels.quality.measure."""
    words = [(word, index) for index, word in enumerate(STOP_WORDS_EN)]
    words += [(form, 32 + index) for index, forms in enumerate(STOP_WORDS_ZH) for form in forms]
    hashes = hash_words(*text_buffers(pa.array([word for word, _ in words], pa.large_string())))
    mask = np.uint64(1023)
    # A shift under which no two words share a slot, so that one look answers; one in three does.
    shift = next(s for s in map(np.uint64, range(54)) if len(set(hashes >> s & mask)) == len(words))
    keys, bits = np.zeros(1024, np.uint64), np.zeros(1024, np.int64)
    slots = hashes >> shift & mask
    keys[slots], bits[slots] = hashes, [1 << bit for _, bit in words]
    return keys, bits, shift


@cache
def phrase_table() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(bytes uint8[], starts int64[n + 1], pivots int64[n], bits int64[n]) for kernels.line_rules.phrase_bits."""
    entries = [(text, text.rindex(" ") + 1, bit) for text, bit in PHRASES_EN]
    # `使用 Cookie` has its last word in Latin letters, all others a Han character.
    entries += [(text, len(text) - 1, POLICY | CHINESE_ONLY) for text in PHRASES_ZH]
    entries += [(text, 2 + (" " in text), POLICY | CHINESE_ONLY) for text in ("使用cookie", "使用 cookie")]
    raw = [text.encode() for text, _, _ in entries]
    starts = np.cumsum([0, *map(len, raw)]).astype(np.int64)
    pivots = np.array([len(text[:pivot].encode()) for text, pivot, _ in entries], np.int64)
    bits = np.array([bit for _, _, bit in entries], np.int64)
    return np.frombuffer(b"".join(raw), np.uint8), starts, pivots, bits


@cache
def terminal_table() -> np.ndarray:
    """int64[]: TERMINALS, sorted."""
    ranges = [(part.partition("-")[0], part.rpartition("-")[2]) for part in TERMINALS.split()]
    return np.array([code for first, last in ranges for code in range(int(first, 16), int(last, 16) + 1)], np.int64)
