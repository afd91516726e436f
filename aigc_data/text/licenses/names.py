"""One licence, however it is written → its SPDX identifier, or a `LicenseRef-` of ours for what SPDX does not list.

Chinese and English names, URLs, Hugging Face identifiers and SPDX identifiers in any case. Nothing here knows
`AND` and `OR`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from license_expression import get_license_index

from aigc_data.text.licenses.aliases import ALIASES

PUBLIC_DOMAIN = "LicenseRef-public-domain"
GUTENBERG = "LicenseRef-Project-Gutenberg"
ALL_RIGHTS_RESERVED = "LicenseRef-all-rights-reserved"
NON_COMMERCIAL = "LicenseRef-non-commercial"
RESEARCH_ONLY = "LicenseRef-research-only"

_WORDS = re.compile(
    r"\b(?:the|public licen[cs]e|dataset licen[cs]e|licen[cs]es?|version|ver|international|unported|generic|deed)\b"
    r"|\bv\.? ?(?=\d)"
)
_WORDS_ZH = re.compile(
    r"许可证|许可协议|许可|授权协议|授权|协议|條款|条款|開源|开源|版本|國際|国际版?|公共许可|本地化?版"
)


def _squash(text: str) -> str:
    """Lower case, without the words and marks that names differ in."""
    text = unicodedata.normalize("NFKC", text).lower()
    return re.sub(r"[^\w]|_", "", _WORDS_ZH.sub("", _WORDS.sub("", text)))


@lru_cache(maxsize=1)
def categories() -> dict[str, str]:
    """SPDX identifier → ScanCode's category ("Permissive", "Copyleft", …), for the licences that SPDX lists."""
    return {
        key: entry["category"]
        for entry in get_license_index()
        for key in (*entry.get("other_spdx_license_keys", ()), entry.get("spdx_license_key"))
        if key and not entry["is_exception"]
    }


@lru_cache(maxsize=1)
def _identifiers() -> dict[str, str]:
    """Lower-case identifier, and squashed identifier → identifier in use (GPL-3.0+ is GPL-3.0-or-later)."""
    known: dict[str, str] = {}
    # Where two identifiers squash to one, the alphabetically first keeps it: the result depends on no order of reading.
    for entry in sorted(get_license_index(), key=lambda e: e.get("spdx_license_key") or "", reverse=True):
        name = entry.get("spdx_license_key")
        if not name or entry["is_exception"] or name.startswith("LicenseRef-"):
            continue
        for key in (*entry.get("other_spdx_license_keys", ()), name):
            known[_squash(key)] = known[key.lower()] = name
    return known


_CC = re.compile(
    r"creative\s*commons?|creativecommons\.org|知识共享|知識共享|創用|创用"
    r"|(?<![a-z0-9])cc(?![a-z]{2})|\Aattribution[ -]",
    re.I,
)
_CC_ZERO = re.compile(
    r"cc[\s_-]?0|cc[\s_-]?zero|publicdomain/zero|commons\s+zero|zero\s+(?:v?1|universal)|零\s*1\.0", re.I
)
_CC_MARK = re.compile(r"publicdomain/mark|public\s+domain\s+mark|pdm", re.I)
_CC_PARTS = (
    ("NC", re.compile(r"(?<![a-z])nc(?![a-z])|non[\s-]?commercial|非商业|非商業", re.I)),
    ("ND", re.compile(r"(?<![a-z])nd(?![a-z])|no[\s-]?deriv|禁止演绎|禁止演繹|禁止改作", re.I)),
    ("SA", re.compile(r"(?<![a-z])sa(?![a-z])|share[\s-]?alike|相同方式", re.I)),
)
_CC_BY = re.compile(r"(?<![a-z])by(?![a-z])|attribution|署名|姓名标示|姓名標示", re.I)
_CC_VERSION = re.compile(r"(?<![\d.])([1-4]\.[05])(?![\d])")
_CC_PORT = re.compile(r"/\d\.\d/([a-z]{2,3})(?:[/?#]|$)|-\d\.\d-([a-z]{2,3})$", re.I)


def creative_commons(text: str) -> str | None:
    """Identifier of the Creative Commons licence that `text` names or links to; None when it is about none."""
    text = unicodedata.normalize("NFKC", text)
    if not _CC.search(text):
        return None
    if _CC_ZERO.search(text):
        return "CC0-1.0"
    if _CC_MARK.search(text):
        return "CC-PDM-1.0"
    parts = [name for name, pattern in _CC_PARTS if pattern.search(text)]
    if not parts and not _CC_BY.search(text):
        return None
    if "ND" in parts and "SA" in parts:
        parts.remove("SA")
    stem = "-".join(["CC", "BY", *parts])
    version = _CC_VERSION.search(text)
    if version is None:
        return f"LicenseRef-{stem}"
    name = f"{stem}-{version[1]}"
    port = _CC_PORT.search(text)
    ported = f"{name}-{(port[1] or port[2]).upper()}" if port else name
    known = categories()
    return ported if ported in known else name if name in known else f"LicenseRef-{name}"


_GNU = re.compile(
    r"(?<![a-z])(?:(?P<kind>affero|lesser|library)(?:\s+gnu)?\s+(?:general\s+public|gpl)"
    r"|(?P<short>agpl|lgpl|gfdl|fdl|gpl)|general\s+public|(?P<free>free\s+documentation))",
    re.I,
)
_GNU_VERSION = re.compile(r"(?<![\d.])(\d)(?:\.(\d))?(?:\.0)?(?![\d])")
_GNU_KINDS = {"affero": "AGPL", "agpl": "AGPL", "lesser": "LGPL", "library": "LGPL", "lgpl": "LGPL"}
#: Without a version the licence itself says: any version ever published.
_GNU_ANY = {
    "GPL": "GPL-1.0-or-later",
    "LGPL": "LGPL-2.0-or-later",
    "AGPL": "AGPL-1.0-or-later",
    "GFDL": "GFDL-1.1-or-later",
}


def gnu(text: str) -> str | None:
    """Identifier of the GNU licence that `text` names; None when it names none."""
    found = _GNU.search(text)
    if found is None or len(text) > 200:
        return None
    word = (found["kind"] or found["short"] or found["free"] or "").lower()
    kind = _GNU_KINDS.get(word, "GFDL" if "f" in word else "GPL")
    version = _GNU_VERSION.search(text, found.end())
    if version is None:
        return _GNU_ANY[kind]
    later = re.search(r"later|\+|以上|更高|之后", text[version.end() :])
    name = f"{kind}-{version[1]}.{version[2] or 0}-{'or-later' if later else 'only'}"
    return name if name in categories() else None


_URLS = (
    (
        re.compile(
            r"(?:opensource\.org/licenses?|choosealicense\.com/licenses|spdx\.org/licenses)"
            r"/([\w.+-]{1,60}?)(?:\.html|\.php|\.json)?/?$",
            re.I,
        ),
        None,
    ),
    (re.compile(r"apache\.org/licenses/license-(\d\.\d)", re.I), "Apache-{}"),
    (re.compile(r"mozilla\.org/(?:en-us/)?mpl/(\d\.\d)", re.I), "MPL-{}"),
    (re.compile(r"gnu\.org/(?:licenses/|copyleft/)(?:old-licenses/)?((?:a|l)?gpl|fdl)-?(\d(?:\.\d)?)?", re.I), "gnu"),
    (re.compile(r"opendatacommons\.org/licenses/by", re.I), "ODC-By-1.0"),
    (re.compile(r"opendatacommons\.org/licenses/odbl", re.I), "ODbL-1.0"),
    (re.compile(r"opendatacommons\.org/licenses/pddl", re.I), "PDDL-1.0"),
    (re.compile(r"unlicense\.org", re.I), "Unlicense"),
    (re.compile(r"wtfpl\.net", re.I), "WTFPL"),
    (re.compile(r"coscl\.org\.cn/mulanpsl2", re.I), "MulanPSL-2.0"),
    (re.compile(r"coscl\.org\.cn/mulanpsl(?!2)", re.I), "MulanPSL-1.0"),
    (re.compile(r"gutenberg\.(?:org|net)/(?:license|policy/license)", re.I), GUTENBERG),
)
_REFERENCE = re.compile(r"(?:DocumentRef-[A-Za-z0-9.-]{1,100}:)?LicenseRef-[A-Za-z0-9.-]{1,100}\Z")
_MAX_NAME = 300


@lru_cache(maxsize=8192)
def identify(name: str) -> str | None:
    """Identifier of the licence that `name` is as a whole: an identifier, a listed name, a URL.

    "" when it says that there is none; None when it is not known.
    """
    name = _trimmed(name)
    if not name or len(name) > _MAX_NAME:
        return "" if not name else None
    if _REFERENCE.match(name):
        return name
    known = _identifiers()
    if (found := known.get(name.lower())) is not None:
        return found
    if re.search(r"https?://|www\.|\.(?:org|com|net|cn)/", name, re.I):
        return None if re.search(r"\s", name) else _from_url(name)
    squashed = _squash(name)
    if squashed in ALIASES:
        return ALIASES[squashed]
    if (found := known.get(squashed)) is not None:
        return found
    # "MIT License (MIT)", "BSD 3-Clause (New)": once more without what stands in brackets.
    bare = _trimmed(re.sub(r"[(（][^()（）]{0,80}[)）]", " ", name))
    return identify(bare) if bare and bare != name else None


@lru_cache(maxsize=8192)
def family(name: str) -> str | None:
    """Identifier of the Creative Commons or GNU licence that the words in `name` describe; None for others."""
    name = _trimmed(name)
    if not name or len(name) > _MAX_NAME:
        return None
    return creative_commons(name) or gnu(name)


def _trimmed(name: str) -> str:
    return name.strip().strip("\"'`“”《》「」[]<>").strip()


def _from_url(url: str) -> str | None:
    if (found := creative_commons(url)) is not None:
        return found
    for pattern, target in _URLS:
        match = pattern.search(url.rstrip("/"))
        if match is None:
            continue
        if target is None:
            return identify(match[1])
        if target == "gnu":
            return gnu(f"{match[1].lower().replace('fdl', 'gfdl')} {match[2] or ''}")
        return target.format(*match.groups())
    return None
