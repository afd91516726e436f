"""E-mail addresses: RFC 5321 §4.1.2 dot-strings in ASCII or full-width characters, with a dotted host name.

Quoted local parts and addresses in other scripts are not looked for. Only ASCII can belong to an address, so
that it ends where a Chinese sentence goes on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from aigc_data.text.pii.finding import Finding

MAX_LOCAL = 64  # RFC 5321 §4.5.3.1.1
LEFT, RIGHT = MAX_LOCAL + 2, 260  # code points around the at sign that are read

_LOCAL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._%+'-")
_HOST = re.compile(
    r"((?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8})([A-Za-z]{2,24}|xn--[A-Za-z0-9]{2,40})(?![A-Za-z0-9])"
)
#: `logo@2x.png` is a file. Suffixes that are also country codes (py, rs, sh, md, …) stay hosts.
_FILES = re.compile(
    r"(?:png|jpe?g|gif|webp|svg|bmp|ico|css|html?|php|json|ya?ml|xml|txt|csv|exe|dll|jar|java|cpp|tar|zip)\Z", re.I
)
_REMOTE_PATH = re.compile(r":[A-Za-z0-9_~./-]*[A-Za-z_~/]")


def find_email(text: str, at: int, _end: int, _digits: int) -> Iterator[Finding]:
    """The address around the at sign at code point `at` of folded `text`, if there is one."""
    start = at
    while start > 0 and at - start <= MAX_LOCAL and text[start - 1] in _LOCAL:
        start -= 1
    if at - start > MAX_LOCAL:
        return
    while start < at and not (text[start].isalnum() or text[start] == "_"):
        start += 1
    local = text[start:at]
    host = _HOST.match(text, at + 1)
    if not local or local[-1] == "." or ".." in local or host is None or _FILES.match(host[2]):
        return
    # git@host:owner/repository addresses a machine.
    remote = local.lower() in ("git", "hg", "svn") and _REMOTE_PATH.match(text, host.end()) is not None
    yield Finding(start, host.end(), "email", "syntax", 40 if remote else 95)
