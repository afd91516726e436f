"""Numbers with a check digit: the Chinese resident identity number and bank cards."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from aigc_data.text.pii.finding import CONTEXT, Finding, is_glued

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
#: First two digits of a division code, GB/T 2260.
_PROVINCES = frozenset(
    str(n) for r in ((11, 16), (21, 24), (31, 38), (41, 47), (50, 55), (61, 66), (71, 72), (81, 84)) for n in range(*r)
)
_RESIDENT = re.compile(
    r"(?<!\d)(?=(\d{3}[ -]?\d{3}[ -]?\d{4}[ -]?\d{4}[ -]?\d{3}[\dXx]"
    r"|\d{4}([ -])\d{4}\2\d{4}\2\d{4}\2\d[\dXx])(?![0-9A-Za-z]))"
)
_RESIDENT_OLD = re.compile(r"(?<!\d)(?=(\d{6}[ -]?\d{6}[ -]?\d{3})(?!\d))")
_RESIDENT_WORDS = re.compile(
    r"身份证|身份證|公民身份|居民身份|证件号|證件號"
    r"|identity (?:card|number)|id (?:card|number|no)|resident id|national id",
    re.I,
)

_CARD = re.compile(
    r"(?<!\d)(?=(\d{12,19}|\d{4}([ -])\d{4}\2\d{4}\2\d{1,4}(?:\2\d{1,3})?|\d{4}([ -])\d{6}\3\d{4,5})(?!\d))"
)
_CARD_WORDS = re.compile(
    r"银行卡|銀行卡|卡号|卡號|储蓄卡|借记卡|信用卡|银联|账号|帐号|賬號|(?<![a-z])(?:card|visa|mastercard|amex|unionpay|debit)",
    re.I,
)


def check_digit_gb11643(body: str) -> str:
    """Check character of the first 17 digits: GB 11643-1999, ISO 7064:1983 MOD 11-2."""
    return "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True)) % 11]


def is_luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B: the double-add-double check over a string of digits."""
    total = sum(map(int, digits[-1::-2]))
    return (total + sum((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)[int(d)] for d in digits[-2::-2])) % 10 == 0


def issuer_of(digits: str) -> str:
    """Card scheme of a number by its first digits and length (ISO/IEC 7812 issuer ranges), "" for none
    known.
    """
    n, four = len(digits), int(digits[:4])
    if digits[:2] == "62" and 16 <= n <= 19:
        return "unionpay"
    if digits[0] == "4" and n in (13, 16, 19):
        return "visa"
    if (51 <= four // 100 <= 55 or 2221 <= four <= 2720) and n == 16:
        return "mastercard"
    if four // 100 in (34, 37) and n == 15:
        return "amex"
    if (four == 6011 or 644 <= four // 10 <= 659) and 16 <= n <= 19:
        return "discover"
    if 3528 <= four <= 3589 and 16 <= n <= 19:
        return "jcb"
    if (300 <= four // 10 <= 305 or four // 100 in (36, 38, 39)) and n == 14:
        return "diners"
    return ""


def find_resident_id(text: str, start: int, end: int, digits: int) -> Iterator[Finding]:
    """Resident identity numbers in the run text[start:end], the check character X one further."""
    if digits < 15:
        return
    stop = min(len(text), end + 1)
    named = _RESIDENT_WORDS.search(text, max(0, start - CONTEXT), start) is not None
    for match in _RESIDENT.finditer(text, start, min(len(text), stop + 1)):
        value = match[1].replace(" ", "").replace("-", "")
        if match.end(1) > stop or not _is_born(value[:2], value[6:14]):
            continue
        if check_digit_gb11643(value[:17]) == value[17].upper():
            yield Finding(*match.span(1), "cn_resident_id", "mod11-2", 99)
        elif named:
            yield Finding(*match.span(1), "cn_resident_id", "shape", 60)
    if named and digits < 18:  # before 1999: two digits of the year, no check digit
        for match in _RESIDENT_OLD.finditer(text, start, stop):
            value = match[1].replace(" ", "").replace("-", "")
            if _is_born(value[:2], "19" + value[6:12]) and not is_glued(text, *match.span(1)):
                yield Finding(*match.span(1), "cn_resident_id", "shape", 60)


def _is_born(province: str, day: str) -> bool:
    if province not in _PROVINCES or not 1850 <= int(day[:4]) <= 2099:
        return False
    try:
        datetime.date(int(day[:4]), int(day[4:6]), int(day[6:]))
    except ValueError:
        return False
    return True


def find_card(text: str, start: int, end: int, digits: int) -> Iterator[Finding]:
    """Bank card numbers in the run text[start:end]: the Luhn check, and a known issuer or a word that says
    card.

    Twelve (Maestro) and thirteen digits (old Visa; also every article number) need the word.
    """
    if digits < 12:
        return
    named: bool | None = None
    for match in _CARD.finditer(text, start, end):
        value = match[1].replace(" ", "").replace("-", "")
        if not 12 <= len(value) <= 19 or len(set(value)) == 1 or not is_luhn(value):
            continue
        if named is None:
            named = _CARD_WORDS.search(text, max(0, start - CONTEXT), start) is not None
        issuer = issuer_of(value) if len(value) > 13 or named else ""
        if issuer and (named or not is_glued(text, *match.span(1))):
            yield Finding(*match.span(1), "bank_card", "luhn+issuer", 95 if named else 85)
        elif named and not is_glued(text, *match.span(1)):
            yield Finding(*match.span(1), "bank_card", "luhn", 60)
