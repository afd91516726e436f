"""In which encoding a page is written: what it declares, unless its bytes plainly say otherwise.

The order is that of browsers (WHATWG HTML, 13.2.3.2): byte order mark, HTTP's charset, the page's own, a guess. Labels
mean what browsers take them to mean (WHATWG Encoding, 4.2), with the larger set of each family: GB2312 and GBK are read
as GB18030, Big5 with the Hong Kong characters, Latin-1 as windows-1252. Browsers believe a declaration even when it is
wrong; here it is overruled by bytes that are valid UTF-8 (chance does not make them), and, among encodings that accept
nearly any bytes, by the characters that texts use most. Guesses are uchardet's, checked in the same way.
"""

from __future__ import annotations

import codecs
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

from aigc_data.sources.streams import bom_encoding

#: Bytes at the start of a page in which it may declare its encoding. Browsers stop at 1,024, real pages do not.
HEAD = 4096
#: Bytes that a guess looks at, from the runs that hold something outside ASCII.
SAMPLE = 2000
#: Shares of a text's characters that are among the 250 most used of its script: measured 0.5 to 0.8 in the right
#: encoding (0.3 in names and lists), under 0.1 in a wrong one.
SURE, LIKELY = 0.35, 0.2

_COMMENT = re.compile(rb"<!--.*?(?:-->|$)", re.S)
_META = re.compile(rb"<meta\b[^>]*?\bcharset\s*=\s*[\"']?\s*([A-Za-z0-9_:.+-]+)", re.I)
_XML = re.compile(rb"^\s*<\?xml\b[^>]*?\bencoding\s*=\s*[\"']([A-Za-z0-9_:.+-]+)", re.I)
#: From a byte outside ASCII to the next tag; `<` and `>` are no part of a character in any encoding here.
_RUN = re.compile(rb"[\x80-\xff][^<>]{0,400}")
_SHIFT_JAPANESE = re.compile(rb"\x1b\$[@B]")
#: Python's codecs for names that browsers and uchardet use.
_CODECS = {
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "euc-kr": "cp949",
    "uhc": "cp949",
    "iso8859-11": "cp874",
    "ascii": "utf-8",
}
#: Encodings of East Asia, and the script whose common characters a text in it is full of.
_SCRIPTS = {"gb18030": "Hans", "big5hkscs": "Hant", "euc_jp": "Jpan", "cp932": "Jpan", "cp949": "Hang"}
_LATIN_FALLBACK = "cp1252"
#: What is left when most letters are outside ASCII and nothing else fits: text in capitals, mostly.
_CYRILLIC_FALLBACK = "cp1251"
#: Single-byte encodings that pages are written in. uchardet knows DOS and Macintosh code pages as well, and finds them
#: in short texts where there are none.
_WRITTEN = frozenset(
    {f"cp{n}" for n in (874, *range(1250, 1259))}
    | {f"iso8859-{n}" for n in (2, 4, 5, 6, 7, 8, 13, 15)}
    | {"koi8-r", "koi8-u", "iso2022_jp"}
)

#: Bytes that are letters outside ASCII in windows-1252: signs, dots and blanks say nothing about the script.
_LATIN_LETTERS = bytes(n for n in range(0x80, 0x100) if bytes([n]).decode(_LATIN_FALLBACK, "ignore").isalpha())
#: Single-byte encodings of other scripts, and the ten letters that texts in them use most: 0.6 to 0.8 of web texts
#: (Arabic was not counted), mostly under 0.5 of accented Latin letters that are read so.
_FREQUENT = {
    name: frozenset(letters)
    for names, letters in (
        (("cp1251", "iso8859-5", "koi8-r", "koi8-u"), "оеаинтсрвлі"),
        (("cp1253", "iso8859-7"), "αάοόιίεέτσςνηήυρ"),
        (("cp1255", "iso8859-8"), "יוהלאמרתבש"),
        (("cp1256", "iso8859-6"), "اليمونرتبة"),
        (("cp874",), "รานอกเงมยล่้ัีิ"),
    )
    for name in names
}
#: Letters, and different ones, that a declaration of Latin-1 is overruled by at least.
_ENOUGH, _DIFFERENT = 12, 6


class Encoding(NamedTuple):
    """A Python codec, and how it was found: "bom", "http", "meta", "bytes" (overruled or undeclared but certain),
    "guess"."""

    name: str
    found: str


def decode(raw: bytes, charset: str | None = None) -> str:
    """The page as text; bytes without a character become U+FFFD, and clean judges how many may stay.

    `charset` is what HTTP declared.
    """
    name = encoding_of(raw, charset).name
    return whole(raw.decode(name, "replace").removeprefix("\ufeff"))


def whole(text: str) -> str:
    """The text with U+FFFD for each half of a character, which cannot be stored: a codec or a reference such as
    `&#xD800;` may leave one."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def encoding_of(raw: bytes, charset: str | None = None) -> Encoding:
    """The encoding of a page; `charset` is what HTTP declared."""
    if marked := bom_encoding(raw):
        return Encoding(marked, "bom")
    if wide := _without_mark(raw):
        return Encoding(wide, "bytes")
    declared, found = codec(charset), "http"
    if declared is None:
        declared, found = _own(raw), "meta"
    if raw.isascii():
        return _seven_bits(raw, declared, found)
    if declared in ("utf-16-le", "utf-16-be", "utf-32"):
        declared = None  # there was neither a mark nor a zero byte: browsers take such a page for UTF-8
    if _is_utf8(raw, declared):
        return Encoding("utf-8", found if declared == "utf-8" else "bytes")
    if declared not in (None, "utf-8") and not _plainly_wrong(raw, str(declared)):
        return Encoding(str(declared), found)
    guess = _guess(raw)
    if declared in (None, "utf-8"):
        return guess
    return _better(raw, Encoding(str(declared), found), guess)


def codec(label: str | None) -> str | None:
    """Python's codec for a label as browsers read it; None for a label that they do not know."""
    if not label:
        return None
    name = label.strip().lower()
    if name in ("hz-gb-2312", "hz"):
        return "hz"
    if name.replace("_", "-") in ("utf-16be", "utf-16-be"):
        return "utf-16-be"
    mapped = map_encoding_to_html5(name, fallback_utf8=False)
    if mapped is None:
        return None
    return _known(mapped)


def _known(name: str) -> str | None:
    name = _CODECS.get(name.lower(), name.lower())
    try:
        found = codecs.lookup(name).name
    except LookupError:
        return None
    return _CODECS.get(found, found)


def _own(raw: bytes) -> str | None:
    """What the page itself declares, in a meta element or an XML declaration."""
    head = raw[:HEAD]
    if b"<!--" in head:
        head = _COMMENT.sub(b"", head)
    if match := _XML.match(head):
        return codec(match[1].decode("ascii"))
    for match in _META.finditer(head):
        if name := codec(match[1].decode("ascii")):
            return name
    return None


def _without_mark(raw: bytes) -> str | None:
    """UTF-16 without a byte order mark: every second byte of its markup is zero, which no other encoding has."""
    head = raw[:1024]
    if b"\0" not in head or len(head) < 4:
        return None
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = len(head) // 2
    if odd > 4 * even and odd * 10 > half:
        return "utf-16-le"
    if even > 4 * odd and even * 10 > half:
        return "utf-16-be"
    return None


def _seven_bits(raw: bytes, declared: str | None, found: str) -> Encoding:
    if declared in ("iso2022_jp", "hz"):
        return Encoding(str(declared), found)
    if b"\x1b$" in raw and _SHIFT_JAPANESE.search(raw):
        return Encoding("iso2022_jp", "bytes")
    return Encoding("utf-8", "bytes")


def _is_utf8(raw: bytes, declared: str | None) -> bool:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return _mostly_utf8(raw)
    if declared not in _SCRIPTS:
        return True
    # Two bytes in a row that are a character of East Asia may be one of UTF-8 as well: the odds are one in seven a
    # character. Three-byte sequences, or many of two, are no chance.
    above = re.findall(r"[^\x00-\x7f]", text[:10_000])
    few = len(text) <= 10_000 and len(above) < 8 and max(above) < "\u0800"
    return not few or _familiar(_sample(raw), str(declared))[0] < LIKELY


def _mostly_utf8(raw: bytes) -> bool:
    """A page of UTF-8 with a few damaged bytes, such as a sequence that was cut."""
    text = raw.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    # Characters outside ASCII = those that UTF-8 needs more bytes for.
    good = sum(1 for _ in re.finditer(r"[^\x00-\x7f\ufffd]", text[:100_000]))
    return good >= 8 and good >= 10 * bad


def _sample(raw: bytes) -> bytes:
    parts, size = [], 0
    for run in _RUN.finditer(raw):
        parts.append(run[0])
        size += len(run[0])
        if size >= SAMPLE:
            break
    return b"\n".join(parts)


@cache
def _common() -> dict[str, frozenset[str]]:
    lines = (Path(__file__).parent / "data" / "common_characters.txt").read_text(encoding="utf-8").splitlines()
    return {name: frozenset(characters) for name, characters in (line.split(" ") for line in lines)}


def _familiar(sample: bytes, name: str) -> tuple[float, int]:
    """The share of the sample's characters that are among the most used of the encoding's script, and how many were
    judged. Characters that are lost count as unfamiliar."""
    common = _common()[_SCRIPTS[name]]
    letters = [
        c
        for c in sample.decode(name, "replace")
        if c > "\xbf" and not "\u2000" <= c <= "\u303f" and not "\uff00" <= c <= "\uff65"
    ]
    return sum(c in common for c in letters) / max(len(letters), 1), len(letters)


def _plainly_wrong(raw: bytes, declared: str) -> bool:
    """Whether a declared encoding deserves a second look; `_better` decides then. Encodings of one byte a character
    take any bytes, so they all do."""
    return declared not in _SCRIPTS or _familiar(_sample(raw), declared)[0] < SURE


def _looks_single(sample: bytes) -> bool:
    """Whether bytes outside ASCII stand as in Latin text: few, most of them between ASCII letters."""
    above = sum(byte > 0x7F for byte in sample)
    letters = sum(byte > 0x7F or chr(byte).isalpha() for byte in sample)
    return 2 * above <= letters


def _latin_letters(sample: bytes) -> tuple[int, int]:
    """Letters inside and outside ASCII, as windows-1252 reads them."""
    above = len(sample) - len(sample.translate(None, _LATIN_LETTERS))
    return sum(65 <= byte <= 90 or 97 <= byte <= 122 for byte in sample), above


def _reads_as(sample: bytes, name: str) -> bool:
    """Whether a sample that declares Latin-1 is text in another script: most of its letters are outside ASCII, they are
    letters there as well, and mostly those that the script's texts are full of."""
    inside, above = _latin_letters(sample)
    letters = [
        c for c in sample.decode(name, "replace").lower() if c > "\x7f" and (c.isalpha() or c in _FREQUENT[name])
    ]
    if above < inside or len(letters) < max(_ENOUGH, 0.9 * above) or len(set(letters)) < _DIFFERENT:
        return False
    return 2 * sum(c in _FREQUENT[name] for c in letters) >= len(letters)


def _guess(raw: bytes) -> Encoding:
    sample = _sample(raw)
    scored = sorted(((*_familiar(sample, name), name) for name in _SCRIPTS), reverse=True)
    share, judged, best = scored[0]
    found = detect_encoding(raw, html5_compatible=False)  # its own mapping calls Korean's UHC UTF-8
    name = codec(found) or _known(found or "")
    own = _familiar(sample, str(name))[0] if name in _SCRIPTS else 0.0
    if own >= LIKELY and own >= share - 0.25:
        return Encoding(str(name), "guess")
    if share >= SURE and judged >= 4:
        return Encoding(best, "guess")
    single = _looks_single(sample)
    if name in _WRITTEN or (name in _SCRIPTS and not single):
        return Encoding(str(name), "guess")
    if share >= LIKELY and judged >= 2:
        return Encoding(best, "guess")
    inside, above = _latin_letters(sample)
    return Encoding(_LATIN_FALLBACK if above <= inside else _CYRILLIC_FALLBACK, "guess")


def _better(raw: bytes, declared: Encoding, guess: Encoding) -> Encoding:
    """The guess only where it is plain: a declaration is worth more than a guess on a few bytes."""
    sample = _sample(raw)
    if guess.name in _SCRIPTS:
        share, judged = _familiar(sample, guess.name)
        stands = _familiar(sample, declared.name)[0] if declared.name in _SCRIPTS else 0.0
        plain = share >= stands + 0.15 and (judged >= 4 if share >= SURE else judged >= 20 and share >= LIKELY)
        return Encoding(guess.name, "bytes") if plain else declared
    if declared.name == _LATIN_FALLBACK and guess.name in _FREQUENT and _reads_as(sample, guess.name):
        return Encoding(guess.name, "bytes")  # a server's default on a page in Cyrillic, Greek, Thai …
    return declared
