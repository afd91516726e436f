"""Telephone numbers: national plans by structure, everything else by context and `phonenumbers`.

A bare run of digits is a telephone number only when a national plan leaves no doubt (Chinese mobile numbers).
All other shapes need the separators of the plan, a plus sign, or a word such as "phone" or 电话: tables, dates
and serial numbers are far more frequent than telephone numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import phonenumbers

from aigc_data.text.pii.finding import CONTEXT, Finding, is_glued

_CN_MOBILE = re.compile(
    r"(?<!\d)(?=((?:(?:\+|00)?\(?86\)?[ -]{0,2})?1[3-9]\d(?:\d{8}|([ -])\d{4}\2\d{4}|[ -]\d{8}))(?!\d))"
)
_CN_LANDLINE = re.compile(
    r"(?<!\d)(?=(\(0\d{2,3}\) ?-?[2-9]\d{2,3}[ -]?\d{4}(?:-\d{1,6})?"
    r"|0\d{2,3}-[2-9]\d{2,3}[ -]?\d{4}(?:-\d{1,6})?)(?!\d))"
)
_US = re.compile(
    r"(?<!\d)(?=((?:\+?1[ .-]?)?(?:\([2-9]\d{2}\)[ -]?|[2-9]\d{2}-|[2-9]\d{2}\.)[2-9]\d{2}[. -]\d{4})(?!\d))"
)
_PLUS = re.compile(r"\+ ?\(?[1-9]\d{0,2}\)?(?:[ .()-]{0,3}\d){5,14}(?!\d)")
_ABROAD = re.compile(r"(?<!\d)0{2}[1-9]\d{0,2}[ .()-](?:[ .()-]{0,3}\d){6,14}(?!\d)")
_ANY = re.compile(r"\(?\d(?:[ .()-]{0,3}\d){6,14}(?!\d)")
_EXTENSION = re.compile(r" ?(?:x|ext\.?|转|轉|分机|分機) ?\d{1,6}(?!\d)", re.I)
_DATE = re.compile(r"(?:19|20)\d\d[-. ]?(?:0?[1-9]|1[0-2])[-. ]?(?:0?[1-9]|[12]\d|3[01])(?!\d)")

#: A word that makes a telephone number likely anywhere in the code points before it.
_NEAR = re.compile(
    r"(?<![a-z])(?:phones?|tel|telephone|mobile|cell|cellphone|call|calling|fax|whatsapp|sms|dial|contact|reach|hotline"
    r"|answering at|messages? (?:to|on))(?![a-z])|registered"
    r"|电话|電話|手机|手機|联系|聯繫|聯絡|致电|致電|拨打|撥打|热线|熱線|传真|傳真|座机|短信|微信|来电",
    re.I,
)
#: A label right before it, or the kind of line right after it.
_LABEL = re.compile(
    r"(?:(?<![a-z])(?:phone|tel|telephone|mobile|cell|cellphone|fax|whatsapp|hotline)(?: ?(?:number|no|num))?"
    r"|answering at"
    r"|messages? (?:to|on)(?: my)?(?: registered)?"
    r"|(?:电话|電話|手机|手機|联系方式|热线|熱線|传真|傳真|座机)(?:号码?|號碼?)?)"
    r"[\s.:#\"'=是为為]{0,4}\Z",
    re.I,
)
_AFTER = re.compile(r"[ (-]{0,2}(?:office|fax|mobile|cell|home)(?![a-z])", re.I)


def find_phones(text: str, start: int, end: int, digits: int, *, regions: tuple[str, ...]) -> Iterator[Finding]:
    """Telephone numbers in the run text[start:end], with the opening bracket or plus sign before it and an
    extension after.

    `regions` are the ISO 3166 countries whose national numbers are understood.
    """
    while start > 0 and text[start - 1] in "+(":
        start -= 1
    if start > 1 and text[start - 1] == " " and text[start - 2] == "+":
        start -= 2
    found = list(_structured(text, start, end, regions))
    if not found and digits <= 15:
        found = list(_by_context(text, start, end, regions))
    for one in found:
        extension = _EXTENSION.match(text, one.end)
        yield one._replace(end=extension.end()) if extension else one


def _structured(text: str, start: int, end: int, regions: tuple[str, ...]) -> Iterator[Finding]:
    if "+" in text[max(0, start - 1) : end]:
        for match in _PLUS.finditer(text, start, end):
            yield from _international(text, match.start(), match.end(), match[0])
    if "CN" in regions:
        yield from _chinese(text, start, end)
    if "US" in regions:
        yield from _american(text, start, end)
    for match in _ABROAD.finditer(text, start, end):
        yield from _international(text, match.start(), match.end(), "+" + match[0][2:])


def _chinese(text: str, start: int, end: int) -> Iterator[Finding]:
    for match in _CN_MOBILE.finditer(text, start, end):
        first, last = match.span(1)
        if _is_piece(text, first, last) and not _is_labelled(text, first, last):
            continue
        if (
            match[2]
            and _is_row_of_numbers(text, first, last)
            and not _NEAR.search(text, max(0, first - CONTEXT), first)
        ):
            continue
        if first > 0 and text[first - 1] == "+":
            first -= 1
        yield Finding(first, last, "phone", *_plan(re.sub(r"\D", "", match[1])[-11:], "CN", otherwise=70))
    for match in _CN_LANDLINE.finditer(text, start, end):
        if not _is_piece(text, *match.span(1)) and _is_valid(match[1], "CN"):
            yield Finding(*match.span(1), "phone", "numbering-plan", 85)


def _american(text: str, start: int, end: int) -> Iterator[Finding]:
    for match in _US.finditer(text, start, end):
        first, last = match.span(1)
        if _is_piece(text, first, last):
            continue
        yield Finding(first, last, "phone", *_plan(match[1], "US", otherwise=60))


def _international(text: str, start: int, end: int, value: str) -> Iterator[Finding]:
    """The number behind a plus sign: the greedy match is shortened blank by blank, as the next number may
    follow it.
    """
    if start > 0 and text[start - 1].isascii() and (text[start - 1].isalnum() or text[start - 1] in "_+"):
        return
    whole, possible = value, False
    while value:
        try:
            number = phonenumbers.parse(value, None)
        except phonenumbers.NumberParseException:
            return
        if phonenumbers.is_valid_number(number):
            yield Finding(start, end - len(whole) + len(value), "phone", "numbering-plan", 90)
            return
        possible = possible or (value == whole and phonenumbers.is_possible_number(number))
        value = value[: value.rfind(" ")] if " " in value[4:] else ""
    if possible and (_NEAR.search(text, max(0, start - CONTEXT), start) or _AFTER.match(text, end) or " " in whole):
        yield Finding(start, end, "phone", "length", 60)


def _by_context(text: str, start: int, end: int, regions: tuple[str, ...]) -> Iterator[Finding]:
    if not (_NEAR.search(text, max(0, start - CONTEXT), start) or _AFTER.match(text, end)):
        return
    match = _ANY.match(text, start, end)
    if match is None or _DATE.match(text, match.start()) or match[0].count(".") == 1:
        return
    first, last = match.span()
    labelled = _is_labelled(text, first, last)
    if _is_piece(text, first, last) and not labelled:
        return
    if any(_is_valid(match[0], region) for region in regions):
        yield Finding(first, last, "phone", "numbering-plan", 75)
    elif labelled:
        yield Finding(first, last, "phone", "context", 60)
    elif re.search(r"[ -]", match[0]):
        yield Finding(first, last, "phone", "context", 55)


def _is_labelled(text: str, first: int, last: int) -> bool:
    return bool(_LABEL.search(text[max(0, first - CONTEXT) : first]) or _AFTER.match(text, last))


def _is_piece(text: str, first: int, last: int) -> bool:
    extension = _EXTENSION.match(text, last)
    return is_glued(text, first, extension.end() if extension else last)


def _is_row_of_numbers(text: str, first: int, last: int) -> bool:
    """Does a further number stand a blank away, so that the grouping may be that of a table?"""
    before, after = text[max(0, first - 2) : first], text[last : last + 2]
    return bool(re.match(r"\d[ -]\Z", before) or re.match(r"[ -]\d", after))


def _plan(value: str, region: str, *, otherwise: int) -> tuple[str, int]:
    return ("numbering-plan", 90) if _is_valid(value, region) else ("pattern", otherwise)


def _is_valid(value: str, region: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(value, region))
    except phonenumbers.NumberParseException:
        return False
