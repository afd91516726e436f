"""Addresses as browsers read them, as far as a block list needs it: one spelling of a host, one of a path.

After the URL standard of WHATWG (https://url.spec.whatwg.org, host parsing and the basic URL parser): `https:evil.com`,
`http:\\\\evil.com` and `http://ev%69l.com` open evil.com. Host names go through UTS #46, non-transitional as browsers
have it, so that faß.de and fass.de are two. Unlike the standard, repeated slashes of a path are one here: servers
serve the same page.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import unquote

import idna

#: Addresses whose host stands plainly there, as RE2: nearly all. What is left goes through `plain`.
PLAIN = (
    r"^(?i:https?)://(?:[A-Za-z0-9_-]+\.)+[A-Za-z][A-Za-z0-9-]*\.?(?::[0-9]*)?"
    r"(?:/[^\\\t\r\n?#]*)?(?:[?#][^\t\r\n]*)?$"
)
#: Characters of a host name beyond which there is none (RFC 1035 has 253 octets, escapes are three for one).
_LONGEST = 4 * 253
_SPECIAL = re.compile(r"(?:https?|ftp|wss?):[/\\]*", re.IGNORECASE)
_OTHER = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?![0-9]*(?:[/?#]|$))|[A-Za-z][A-Za-z0-9+.-]*://")
_BLANK = re.compile(r"^[\x00-\x20]+|[\x00-\x20]+$|[\t\r\n]")
_FORBIDDEN = re.compile(r"[\x00-\x20#%/:<>?@\[\\\]^|]")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")


def plain(address: str) -> str:
    """An address as `https://host/path`, the host in ASCII; unchanged where its scheme is none of the web's."""
    text = _BLANK.sub("", address)
    scheme = _SPECIAL.match(text)
    if scheme:
        text = text[scheme.end() :]
    elif _OTHER.match(text):
        return address
    else:
        text = re.sub(r"^[/\\]{2,}", "", text)
    stop = re.search(r"[/\\?#]", text)
    authority, rest = (text[: stop.start()], text[stop.start() :]) if stop else (text, "")
    name = authority.rpartition("@")[2]
    name = name[: name.find("]") + 1] if name.startswith("[") else name.partition(":")[0]
    found = host(name)
    path, mark, query = _parted(rest)
    return f"https://{f'[{found}]' if ':' in found else found}{path.replace(chr(92), '/')}{mark}{query}"


def host(name: str) -> str:
    """One spelling of a host: ASCII in lower case, IPv4 as four numbers, IPv6 compressed and without brackets.

    "" for a name that is longer than any host.
    """
    if len(name) > _LONGEST:
        return ""
    if ":" in name:
        try:
            return ipaddress.IPv6Address(name.removeprefix("[").removesuffix("]").partition("%")[0]).compressed
        except ValueError:
            return name.lower()
    bare = unquote(name)
    if _FORBIDDEN.search(bare):
        return name.lower()  # browsers open nothing
    name = mapped(bare)
    name = ".".join(_ascii(label) for label in name.split("."))
    return _ipv4(name) or name


def mapped(name: str) -> str:
    """A host name after the mapping of UTS #46: lower case, composed, with plain dots; as it was where that fails."""
    if name.isascii():
        return name.lower()
    try:
        return idna.uts46_remap(name, std3_rules=False, transitional=False)
    except idna.IDNAError:
        return name.lower()


def unicode_of(name: str) -> str:
    """A host name with its `xn--` labels as the letters they stand for."""
    return ".".join(_letters(label) for label in name.split("."))


def path_of(path: str) -> str:
    """A path, perhaps with query and fragment: escapes undone, dot segments resolved, repeated slashes one."""
    path, mark, query = _parted(path)
    segments: list[str] = []
    parts = unquote(path).split("/")
    for number, segment in enumerate(parts):
        last = number == len(parts) - 1
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
        if last and segment in ("", ".", ".."):
            segments.append("")
    return "/" + "/".join(segments) + mark + unquote(query)


def _parted(rest: str) -> tuple[str, str, str]:
    mark = re.search(r"[?#]", rest)
    return (rest[: mark.start()], mark.group(), rest[mark.end() :]) if mark else (rest, "", "")


def _ascii(label: str) -> str:
    return label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")


def _letters(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        letters = label[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        return label
    return letters if _ascii(mapped(letters)) == label else label


def _ipv4(name: str) -> str:
    """`127.0.0.1` for 0x7f.1, 2130706433, 0177.0.0.1; "" for what is no such address."""
    parts = name.removesuffix(".").split(".")
    if len(parts) > 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        return ""
    try:
        numbers = [_number(part) for part in parts]
    except ValueError:
        return ""
    *heads, tail = numbers
    if any(number > 255 for number in heads) or tail >= 256 ** (5 - len(numbers)):
        return ""
    value = tail + sum(number << 8 * (3 - place) for place, number in enumerate(heads))
    return str(ipaddress.IPv4Address(value))


def _number(part: str) -> int:
    if len(part) > 20:
        raise ValueError("more than an address holds")
    if part[:2].lower() == "0x":
        return int(part[2:] or "0", 16)
    return int(part, 8) if part.startswith("0") and len(part) > 1 else int(part)
