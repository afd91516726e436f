"""Licence expressions: SPDX 2.3 annex D, read from whatever a source declares."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from boolean.boolean import ParseError
from license_expression import AND, OR, ExpressionError, LicenseSymbol, LicenseWithExceptionSymbol, Licensing

from aigc_data.text.licenses.classes import UNKNOWN, class_of_licence, most_liberal, strictest
from aigc_data.text.licenses.names import family, identify

NOASSERTION = "NOASSERTION"

_MAX_EXPRESSION = 2000
_MAX_PIECES = 100  # brackets nest no deeper than this, and parsing recurses
_OPERATOR = re.compile(r"([()]|(?<![\w-])(?:AND|OR|WITH|and|or|with)(?![\w-]))")
_LATER = re.compile(r",?\s*\(?\bor\s*\(?(?:at your option\)?)?\s*(?:any\s+)?(?:later|newer)(?:\s+versions?)?\)?", re.I)
_LIST = re.compile(r"\s*[,;|、，；]\s*|\s+/\s+")
#: No known symbols: any identifier is a symbol, and which ones exist is for `names` to say.
_LICENSING = Licensing(quiet=True)


@lru_cache(maxsize=65_536)
def normalise(declared: str) -> str:
    """The SPDX expression of a declared licence, or "NOASSERTION" when it is empty or cannot be understood.

    A name, a URL, an identifier, an expression of them with AND, OR, WITH and brackets, or a list (read as AND:
    each may
    apply). An expression with one operand that is not known says nothing as a whole. Never raises.
    """
    text = " ".join(declared.split())
    if not text or len(text) > _MAX_EXPRESSION:
        return NOASSERTION
    whole = identify(text)
    if whole is not None:
        return whole or NOASSERTION
    text = _LATER.sub("+", text)
    pieces = [piece.strip() for piece in _OPERATOR.split(text) if piece.strip()]
    if len(pieces) > _MAX_PIECES:
        return NOASSERTION
    if any(_OPERATOR.fullmatch(piece) for piece in pieces) and (found := _expression(pieces)):
        return found
    if any(piece.upper() in ("AND", "OR", "WITH") for piece in pieces):
        return NOASSERTION
    parts = [_operand(part) for part in _LIST.split(text.strip("[]")) if part.strip()]
    if len(parts) > 1 and all(parts):
        return join([part for part in parts if part])
    return family(text) or NOASSERTION


def _operand(text: str) -> str | None:
    found = identify(text)
    return family(text) if found is None else found


def join(names: list[str]) -> str:
    """The AND of some expressions, each named once, in alphabetical order."""
    unique = sorted({n for n in names if n and n != NOASSERTION})
    if len(unique) < 2:
        return unique[0] if unique else NOASSERTION
    return " AND ".join(f"({name})" if " OR " in name else name for name in unique)


def _expression(pieces: list[str]) -> str:
    words = []
    for at, piece in enumerate(pieces):
        if _OPERATOR.fullmatch(piece):
            words.append(piece.upper())
            continue
        # What follows WITH is an exception, which no table of ours spells.
        name = piece if at and pieces[at - 1].upper() == "WITH" else _operand(piece)
        if not name or " " in name:
            return ""
        words.append(name)
    parsed = _parse(" ".join(words))
    return "" if parsed is None else parsed.render()


def _parse(expression: str) -> Any:
    # The library raises ExpressionError and ParseError as documented; for other malformed input (30.4) IndexError, as
    # for "()", AttributeError, TypeError, and AssertionError from boolean.py, as for "(AND 0".
    try:
        return _LICENSING.parse(expression)
    except (ExpressionError, ParseError, IndexError, AttributeError, TypeError, AssertionError):
        return None


@lru_cache(maxsize=65_536)
def class_of(expression: str) -> str:
    """The class of an SPDX expression: AND takes the most, OR the least restrictive operand; WITH that of its
    licence."""
    if expression == NOASSERTION or not expression:
        return UNKNOWN
    parsed = _parse(expression)
    return UNKNOWN if parsed is None else _class(parsed)


def _class(node: object) -> str:
    if isinstance(node, AND):
        return strictest([_class(arg) for arg in node.args])
    if isinstance(node, OR):
        return most_liberal([_class(arg) for arg in node.args])
    if isinstance(node, LicenseWithExceptionSymbol):
        return _class(node.license_symbol)
    return class_of_licence(node.key) if isinstance(node, LicenseSymbol) else UNKNOWN
