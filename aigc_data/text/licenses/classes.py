"""What a licence permits, in one word: the axis on which the policy decides and duplicates are ranked."""

from __future__ import annotations

import re
from functools import lru_cache

from aigc_data.text.licenses.names import (
    ALL_RIGHTS_RESERVED,
    GUTENBERG,
    NON_COMMERCIAL,
    PUBLIC_DOMAIN,
    RESEARCH_ONLY,
    categories,
)

#: From the least to the most restrictive. "proprietary" is all rights reserved, or terms of its own.
CLASSES = (
    "public-domain",
    "permissive",
    "attribution",
    "share-alike",
    "no-derivatives",
    "non-commercial",
    "research-only",
    "proprietary",
    "unknown",
)
UNKNOWN = "unknown"

_EXACT = {
    PUBLIC_DOMAIN: "public-domain",
    GUTENBERG: "public-domain",
    ALL_RIGHTS_RESERVED: "proprietary",
    NON_COMMERCIAL: "non-commercial",
    RESEARCH_ONLY: "research-only",
    "WTFPL": "permissive",
    "LicenseRef-BSD": "permissive",
    "LicenseRef-OANC": "permissive",
    "LicenseRef-MulanPubL-2.0": "share-alike",
    "LicenseRef-OpenRAIL": "proprietary",
    "LicenseRef-model-terms": "proprietary",
    "LicenseRef-custom-terms": "proprietary",
    "C-UDA-1.0": "research-only",  # computational use only
}
#: Licences of data and texts that ask for attribution; in code the notice that a permissive licence asks for is less.
_ATTRIBUTION = re.compile(r"ODC-By-|CDLA-Permissive-|OGL-|etalab-|NLOD-|DL-DE-BY-|OGDL-|O-UDA-")
_NON_COMMERCIAL = re.compile(r"-NC-|-NC\Z|Noncommercial|NonCommercial|PolyForm-Noncommercial")
_CATEGORIES = {
    "Public Domain": "public-domain",
    "Permissive": "permissive",
    "Copyleft": "share-alike",
    "Copyleft Limited": "share-alike",
    "Proprietary Free": "proprietary",
    "Free Restricted": "proprietary",
    "Source-available": "proprietary",
    "Commercial": "proprietary",
}


@lru_cache(maxsize=4096)
def class_of_licence(name: str) -> str:
    """The class of one identifier; "unknown" for what neither SPDX nor we know."""
    if name in _EXACT:
        return _EXACT[name]
    stem = name.removeprefix("LicenseRef-")
    if stem.startswith("CC-BY"):
        if "-NC" in stem:
            return "non-commercial"
        return "no-derivatives" if "-ND" in stem else "share-alike" if "-SA" in stem else "attribution"
    if name.startswith("LicenseRef-"):
        return UNKNOWN
    if name not in categories():
        return UNKNOWN
    if _NON_COMMERCIAL.search(name):
        return "non-commercial"
    if _ATTRIBUTION.match(name):
        return "attribution"
    return _CATEGORIES.get(categories()[name], UNKNOWN)


def strictest(names: list[str]) -> str:
    """The most restrictive of some classes: what AND means."""
    return max(names, key=CLASSES.index)


def most_liberal(names: list[str]) -> str:
    """The least restrictive of some classes, "unknown" only when all are: what OR means."""
    return min(names, key=CLASSES.index)
