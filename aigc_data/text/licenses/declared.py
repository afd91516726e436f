"""What a source declares: a name, an expression, or a sentence that is a notice."""

from __future__ import annotations

from functools import lru_cache

from aigc_data.text.licenses.expressions import NOASSERTION, join, normalise
from aigc_data.text.licenses.notices import read_notices, telling

_MAX_SENTENCE = 10_000


@lru_cache(maxsize=65_536)
def declared_licence(declared: str | None) -> str:
    """The SPDX expression of a licence field, "NOASSERTION" when it is empty or not understood. Never raises.

    A field that is no name and no expression may still say it in a sentence ("Licensed under …", 仅供非商业使用).
    """
    found = normalise(declared or "")
    if found != NOASSERTION or not declared or len(declared) > _MAX_SENTENCE:
        return found
    return join([notice.expression for notice in telling(list(read_notices(declared)))])
