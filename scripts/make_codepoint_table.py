"""Write aigc_data/kernels/data/codepoints.npz, the table that classes and folds every code point.

    pip install opencc==1.4.2     # in an environment of its own: the package does not need it
    python scripts/make_codepoint_table.py

The table is shipped, because `unicodedata` differs between Python releases and a record's tokens may not.
Categories and scripts come from the `regex` package (newest Unicode), lower case and width from the running
Python. Run it again only to move to a newer Unicode version on purpose: every sketch and every count changes
with it. The pairs of traditional and simplified characters come from the dictionaries of OpenCC, which its
package ships beside a tool that writes them as text.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import unicodedata
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import regex

WORD, UNSPACED, LETTER, DIGIT, SPACE, TERMINAL, HAN = (1 << i for i in range(7))
PAGE = 256
TARGET = Path(__file__).parent.parent / "aigc_data" / "kernels" / "data" / "codepoints.npz"

#: Scripts written without spaces between words: each of their letters and marks is a token of its own.
UNSPACED_SCRIPTS = (
    *("Han", "Hiragana", "Katakana", "Bopomofo", "Yi", "Nushu", "Tangut", "Khitan_Small_Script"),
    *("Thai", "Lao", "Khmer", "Myanmar", "Tai_Le", "New_Tai_Lue", "Tai_Tham", "Tai_Viet"),
    *("Javanese", "Balinese", "Egyptian_Hieroglyphs", "Cuneiform"),
)
#: Shared by kana scripts, so their script property is Common or Inherited.
KANA_SHARED = {0x3006, *range(0x3031, 0x3036), 0x303C, 0x3099, 0x309A, 0x30FC, 0xFF70, 0xFF9E, 0xFF9F}
#: Planes 2 and 3 are reserved for Han: letters added there later are classed already.
HAN_PLANES = ((0x20000, 0x2FFFD), (0x30000, 0x3FFFD))
#: Marks that pick a glyph and are no part of a word; with them an emoji would be a word.
VARIATION_SELECTORS = ((0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
TERMINALS = ".!?\"'…。！？；．｡”’」』﹂﹄»‼⁇⁈⁉⋯؟۔।॥။።"
#: Dictionaries of OpenCC: traditional to simplified (the second one to characters that few fonts have), and what
#: Taiwan and Hong Kong write to OpenCC's own traditional form.
SIMPLIFY, REGIONAL = ("TSCharactersExt", "TSCharacters"), ("TWVariantsRev", "HKVariantsRev")


def flags_of(code_point: int, patterns: dict[str, regex.Pattern]) -> int:
    """The flags of one code point."""
    if 0xD800 <= code_point <= 0xDFFF:
        return 0
    c = chr(code_point)

    def has(name: str) -> bool:
        return patterns[name].match(c) is not None

    flags = SPACE * has("space") | TERMINAL * (c in TERMINALS)
    if any(a <= code_point <= b for a, b in VARIATION_SELECTORS):
        return flags
    if has("han") or any(a <= code_point <= b for a, b in HAN_PLANES):
        return flags | HAN | LETTER | UNSPACED
    flags |= LETTER * has("letter") | DIGIT * has("digit")
    if has("part"):
        alone = (has("unspaced") or code_point in KANA_SHARED) and not has("digit")
        flags |= UNSPACED if alone else WORD
    return flags


def folded(code_point: int) -> int:
    """Width, then simple lower case, both one code point to one."""
    if 0xD800 <= code_point <= 0xDFFF:
        return code_point
    width = unicodedata.decomposition(chr(code_point)).split()
    if len(width) == 2 and width[0] in ("<wide>", "<narrow>"):
        code_point = int(width[1], 16)
    # U+0130 alone lower-cases to two code points; its simple mapping is the first of them.
    return ord(chr(code_point).lower()[0])


def opencc_dictionary(name: str) -> dict[str, str]:
    """The first, most usual candidate of each single character in one of OpenCC's dictionaries."""
    spec = find_spec("opencc")
    if spec is None or spec.origin is None:
        raise SystemExit("the package opencc is not installed: pip install opencc==1.4.2")
    share = Path(spec.origin).parent / "clib"
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "dictionary.txt")
        stored = share / "share" / "opencc" / f"{name}.ocd2"
        tool = [str(share / "bin" / "opencc_dict"), "-i", str(stored), "-o", str(text), "-f", "ocd2", "-t", "text"]
        subprocess.run(tool, check=True)
        lines = text.read_text(encoding="utf-8").splitlines()
    entries = dict(line.split("\t") for line in lines if line)
    return {key: values.split(" ")[0] for key, values in entries.items() if len(key) == 1}


def simplified() -> dict[str, str]:
    """Traditional and variant characters to the simplified one, no target being a key.

    Where the simplified form depends on the word (乾 is 干, in 乾隆 乾; 徵 is 征, in 宫商角徵羽 徵), the candidate that
    OpenCC puts first, the most frequent one, is taken for all words. Both sides of a comparison are folded, so such
    a word still equals itself: what is lost is a difference, seldom a match.
    """
    pairs: dict[str, str] = {}
    for name in SIMPLIFY:
        pairs.update(opencc_dictionary(name))
    pairs = {one: other for one, other in pairs.items() if one != other}
    targets = set(pairs.values())
    for name in REGIONAL:
        for one, other in opencc_dictionary(name).items():
            # 么 is the simplified form of 麼 and Hong Kong's form of 幺: the first counts.
            if one not in pairs and one not in targets:
                pairs[one] = pairs.get(other, other)
    for one in pairs:
        while pairs[one] in pairs:
            pairs[one] = pairs[pairs[one]]
    return {one: other for one, other in pairs.items() if one != other}


def main() -> None:
    """Build both levels and the Han pairs, and write them."""
    patterns = {
        "space": regex.compile(r"\p{White_Space}"),
        "letter": regex.compile(r"\p{L}"),
        "digit": regex.compile(r"\p{Nd}"),
        "part": regex.compile(r"[\p{L}\p{N}\p{Mn}\p{Mc}]"),
        "han": regex.compile(r"(?=[\p{L}\p{N}\p{So}])\p{Script=Han}"),
        "unspaced": regex.compile("[" + "".join(rf"\p{{Script={s}}}" for s in UNSPACED_SCRIPTS) + "]"),
    }
    pages = np.zeros(0x110000 // PAGE, np.uint16)
    known: dict[bytes, int] = {}
    flags, deltas = [], []
    for page in range(len(pages)):
        codes = range(page * PAGE, (page + 1) * PAGE)
        page_flags = np.array([flags_of(c, patterns) for c in codes], np.uint8)
        page_deltas = np.array([folded(c) - c for c in codes], np.int32)
        key = page_flags.tobytes() + page_deltas.tobytes()
        if key not in known:
            known[key] = len(known)
            flags.append(page_flags)
            deltas.append(page_deltas)
        pages[page] = known[key]
    TARGET.parent.mkdir(exist_ok=True)
    han = np.array(sorted((ord(one), ord(other)) for one, other in simplified().items()), np.int32)
    table = {"pages": pages, "flags": np.concatenate(flags), "deltas": np.concatenate(deltas), "han": han}
    np.savez_compressed(TARGET, **table)
    digest = hashlib.sha256(b"".join(part.tobytes() for part in table.values())).hexdigest()
    print(f"set DIGEST in aigc_data/kernels/codepoints.py to {digest}")
    print(
        f"{len(known)} pages, {len(han)} Han pairs of OpenCC {version('opencc')}, {TARGET.stat().st_size} bytes, "
        f"regex {regex.__version__}, "
        f"Unicode {unicodedata.unidata_version} (case, width), Python {sys.version.split()[0]}"
    )


if __name__ == "__main__":
    main()
