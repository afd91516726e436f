"""IP addresses, version 4 (RFC 791, dotted decimal) and 6 (RFC 4291 §2.2)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from aigc_data.text.pii.finding import CONTEXT, Finding

_QUAD = re.compile(r"(?<![\d.])(?=(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})(?!\d|\.\d))")
#: A word that says "version" right before the number.
_VERSION = re.compile(
    r"(?:\b(?:version|ver|release|build|firmware|revision|rev|section|clause|chapter)\b\.?|\bv|版本号?|固件|版|章|节|条款)"
    r"\W{0,3}(?:is|was|to|from|number|no|为|是|到|至)?\W{0,3}\Z",
    re.IGNORECASE | re.ASCII,
)
_ADDRESS = re.compile(
    r"(?<![a-z])ip(?![a-z])|ipv[46]|address|host|server|client|gateway|地址|服务器|主机|登录|來源|来源", re.I
)
_COLONS = re.compile(r"[0-9A-Fa-f:]+(?::\d{1,3}(?:\.\d{1,3}){3})?")
_GLOBAL_6 = ipaddress.IPv6Network("2000::/3")  # IANA: the global unicast space handed out so far

#: Confidence of an address that names no one: private, loopback, link-local, documentation, multicast,
#: reserved.
NOBODY = 30


def find_ipv4(text: str, start: int, end: int, _digits: int) -> Iterator[Finding]:
    """IPv4 addresses in the run of digits text[start:end]; four-part version numbers stay below the release
    threshold.
    """
    for match in _QUAD.finditer(text, start, end):
        first, last = match.span(1)
        value = match[1]
        octets = [int(part) for part in value.split(".")]
        if max(octets) > 255 or not any(octets) or any(p[0] == "0" and len(p) > 1 for p in value.split(".")):
            continue
        before = text[first - 1] if first else " "
        after = text[last] if last < len(text) else " "
        if before == "_" or after == "_" or (after.isascii() and after.isalpha()):
            continue
        glued = before in "-vV" and first > 1 and text[first - 2].isascii() and text[first - 2].isalnum()
        if before.isascii() and before.isalpha() and before not in "vV":
            continue
        lead = text[max(0, first - CONTEXT) : first]
        if glued or before in "vV" or _VERSION.search(lead) or (after == "-" and text[last + 1 : last + 2].isalpha()):
            yield Finding(first, last, "ip", "version-like", 20)
        elif not ipaddress.IPv4Address(value).is_global or octets[0] >= 224:
            yield Finding(first, last, "ip", "reserved", NOBODY)
        elif max(octets) < 32 and not _ADDRESS.search(lead):
            yield Finding(first, last, "ip", "section-like", 40)
        else:
            yield Finding(first, last, "ip", "syntax", 85)


def find_ipv6(text: str, start: int, end: int, _digits: int) -> Iterator[Finding]:
    """The IPv6 address in the colon-hex run text[start:end]; times, scopes (`a::b`) and slices are not
    addresses.
    """
    before = text[start - 1] if start else " "
    match = _COLONS.match(text, start, end)
    if match is None or (before.isascii() and (before.isalnum() or before == "_")):
        return
    last = match.end()
    value = match[0]
    if value.endswith(":") and not value.endswith("::"):
        value, last = value[:-1], last - 1  # "from 2001:…:1: timeout"
    after = text[last] if last < len(text) else " "
    if after.isascii() and (after.isalnum() or after == "_"):
        return
    try:
        address = ipaddress.IPv6Address(value)
    except ipaddress.AddressValueError:
        return
    if address.is_unspecified:
        return
    groups = sum(bool(group) for group in value.split(":"))
    named = _ADDRESS.search(text[max(0, start - CONTEXT) : start]) is not None
    is_public = address in _GLOBAL_6 and address.is_global
    if address.ipv4_mapped is not None:
        is_public = address.ipv4_mapped.is_global
    if is_public and (groups >= 3 or named):
        yield Finding(start, last, "ip", "syntax", 90)
    elif len(value) >= 32 and groups == 8 and not (address.is_private or address.is_multicast or address.is_link_local):
        yield Finding(
            start, last, "ip", "syntax", 70
        )  # unassigned space, written in full: invented rather than something else
    else:
        yield Finding(start, last, "ip", "reserved", NOBODY)
