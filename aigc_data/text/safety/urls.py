"""Block lists of domains, addresses and patterns, and which addresses and links they block.

One entry a line, `#` or `!` begins a comment:

    evil.com              the domain and all below it: www.evil.com, never notevil.com
    *.evil.com            what is below it only
    0.0.0.0 evil.com      a hosts file, one or more names a line; ||evil.com^ as ad blockers write it
    evil.com/casino       addresses of that host (with or without www.) whose path is /casino or below it
    evil.com/*/casino     the same with a pattern: * is any run of characters

Scheme, port and letter case of the host do not matter, and `bücher.de` and `xn--bcher-kva.de` are one. Addresses are
read as browsers read them (`text.safety.addresses`); the case of a path matters.

Lists for ad blockers hold rules that say nothing of a whole host: exceptions (`@@good.com`), rules for elements of a
page (`evil.com##.ad`), rules with options that narrow them (`||evil.com^$third-party`). Those are skipped and counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.errors import StageError
from aigc_data.kernels.codepoints import TABLES
from aigc_data.kernels.links import build_table, hash_hosts, match_addresses, match_texts
from aigc_data.text.arrow import text_buffers
from aigc_data.text.safety import addresses as spelling

#: How much of an address is compared with the path of an entry.
LONGEST_PATH = 2048
_LOCAL = {"localhost", "localhost.localdomain", "local", "broadcasthost", "ip6-localhost", "ip6-loopback", "0.0.0.0"}
_IP = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*(?:%\w+)?")
#: What begins a list for ad blockers, and what parts a page from the elements that a rule hides there.
_HEADER = re.compile(r"\[Adblock[^\]]*\]", re.IGNORECASE)
_ELEMENTS = re.compile(r"#[@?$%]*#")
_HOST = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?|_[\w-]{0,62})(?:\.[\w-]{1,63})*", re.UNICODE)
_PLAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
#: Options of ad blockers' rules that leave a rule one of the whole host; any other narrows it.
_WIDE_OPTIONS = {"all", "doc", "document", "important", "match-case"}
_END_OF_PATH = re.compile(rb"[\s\"'<>\\^`{|}]|[\x80-\xff]")


class Entry(NamedTuple):
    """One line of a list: `host` as Unicode, `path` "" for a domain; `below` where the host itself is not meant."""

    list: str
    host: str
    path: str
    below: bool

    @property
    def kind(self) -> str:
        """ "domain", "prefix" or "pattern"."""
        return "domain" if not self.path else "pattern" if "*" in self.path else "prefix"


@dataclass(frozen=True)
class BlockList:
    """Entries of all lists, in the order of the files and their lines; `skipped`: lines of a list that are rules for
    something else than a host or a path."""

    entries: Sequence[Entry]
    skipped: Mapping[str, int] = field(default_factory=dict)

    def addresses(self, urls: pa.Array | pa.ChunkedArray) -> pa.StringArray:
        """For each of n addresses `list:kind` of the first entry that blocks it, "" for none and for null."""
        data, offsets = text_buffers(_spelled(urls))
        first: dict[int, int] = {}
        for row, entry, _ in self._blocked(data, offsets, match_addresses(data, offsets, TABLES, self._table)):
            first[row] = min(first.get(row, entry), entry)
        out = np.full(len(offsets) - 1, "", object)
        for row, entry in first.items():
            out[row] = f"{self.entries[entry].list}:{self.entries[entry].kind}"
        return pa.array(out, pa.string())

    def links(self, texts: pa.Array | pa.ChunkedArray) -> np.ndarray:
        """How many blocked addresses stand in each of n texts (int64[n])."""
        data, offsets = text_buffers(texts)
        found = match_texts(data, offsets, TABLES, self._table, False)
        places = {(row, place) for row, _, place in self._blocked(data, offsets, found)}
        if self._wide:
            found = match_texts(data, offsets, TABLES, self._table, True)
            places |= {(row, place) for row, _, place in self._blocked(data, offsets, found)}
        return np.bincount([row for row, _ in places], minlength=len(offsets) - 1)

    def _blocked(self, data: np.ndarray, offsets: np.ndarray, found: np.ndarray) -> Iterator[tuple[int, int, int]]:
        # One step a hit: an address under a listed host is rare.
        _, ends, owners = self._keys
        for row, hashed, whole, first, last in found.tolist():
            for entry in owners[ends[hashed] : ends[hashed + 1]].tolist():
                one = self.entries[entry]
                if one.below and whole:
                    continue
                if not one.path or _under(one, bool(whole), data, first, last, int(offsets[row + 1])):
                    yield row, entry, last

    @cached_property
    def _keys(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(distinct hashes uint64[h], ends int64[h + 1], entries int64[k]): those of hash i are
        `entries[ends[i]:ends[i + 1]]`. A host is hashed as Unicode and as Punycode,
        and with www. where it has a path."""
        names = [entry.host for entry in self.entries]
        owners = list(range(len(names)))
        for number, entry in enumerate(self.entries):
            if entry.path or not entry.host.isascii():
                forms = {entry.host, spelling.host(entry.host)}
                forms |= {f"www.{form}" for form in forms} if entry.path else set()
                more = sorted(forms - {entry.host})
                names += more
                owners += [number] * len(more)
        hashes = hash_hosts(*text_buffers(pa.array(names, pa.large_string())), TABLES)
        order = np.lexsort((owners, hashes))
        distinct, starts = np.unique(hashes[order], return_index=True)
        return distinct, np.append(starts, len(order)), np.array(owners, np.int64)[order]

    @cached_property
    def _table(self) -> tuple[np.ndarray, np.ndarray]:
        hashes = self._keys[0]
        return tuple(build_table(hashes, max(4, int(2 * len(hashes) + 1).bit_length())))

    @cached_property
    def _wide(self) -> bool:
        return any(not entry.host.isascii() for entry in self.entries)


def _under(entry: Entry, whole: bool, data: np.ndarray, first: int, last: int, end: int) -> bool:
    """Whether the address whose host is data[first:last] is that host and its path is the entry's, or below it."""
    if not whole:
        return False
    rest = data[last : min(end, last + LONGEST_PATH)].tobytes()
    if rest[:1] == b"]":
        rest = rest[1:]
    rest = re.sub(rb"^\.?(?::[0-9]*)?", b"", rest, count=1)
    if rest[:1] != b"/":
        return False
    stop = _END_OF_PATH.search(rest) if entry.path.isascii() else None
    path = spelling.path_of(rest[: stop.start() if stop else None].decode("utf-8", "ignore"))
    if "*" in entry.path:
        return _like(path, entry.path)
    return path.startswith(entry.path) and (
        entry.path.endswith("/") or path[len(entry.path) :][:1] in ("", *"/?#.,;:!)")
    )


def _like(path: str, pattern: str) -> bool:
    """Whether `path` begins as `pattern` says. The pieces between asterisks are looked for from left to right, each at
    its first place, so that the time is linear in the path for each piece."""
    head, *rest = pattern.split("*")
    if not path.startswith(head):
        return False
    at = len(head)
    for piece in rest:
        found = path.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _spelled(urls: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """The addresses, those that are not plainly written in one spelling."""
    odd = pc.and_(pc.is_valid(urls), pc.invert(pc.fill_null(pc.match_substring_regex(urls, spelling.PLAIN), True)))
    if not pc.any(odd).as_py():
        return urls
    # A loop over the odd addresses, which are few: parsing them has no kernel. Some 10 µs each.
    mended = pa.array([spelling.plain(url) for url in urls.filter(odd).to_pylist()], urls.type)
    if isinstance(urls, pa.ChunkedArray):
        urls, odd = pa.concat_arrays(urls.chunks), pa.concat_arrays(odd.chunks)
    return pc.replace_with_mask(urls, odd, mended)


def load(paths: Iterable[Path]) -> BlockList:
    """Read lists; a list's name is its file's without the suffix.

    Raises StageError naming file and line for a line that is none of the forms above, and no rule of an ad blocker.
    """
    skipped: Counter[str] = Counter()
    return BlockList([entry for path in paths for entry in _read(path, skipped)], skipped)


def _read(path: Path, skipped: Counter[str]) -> Iterator[Entry]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise StageError(f"{path} is not UTF-8 at byte {error.start}", do="save the list as UTF-8") from error
    except OSError as error:
        raise StageError(f"list {path} cannot be read: {error.strerror}", do="mend `safety.measure.urls`") from error
    for_blockers = False
    for number, line in enumerate(lines, 1):
        if _PLAIN.fullmatch(line) and "xn--" not in line:  # nearly all lines of the long lists
            yield Entry(path.stem, line, "", False)
            continue
        text = line.partition(" #")[0].partition("\t#")[0].strip()
        if _HEADER.fullmatch(text):
            for_blockers = True
            continue
        if not text or text[0] in "#!":
            continue
        rule = _of_blocker(text, for_blockers)
        if rule is None:
            yield from _parse(text, path.stem, f"{path.name}:{number}")
            continue
        entry = _entry_or_none(rule, path.stem) if rule else None
        if entry is None:
            skipped[path.stem] += 1
        else:
            yield entry


def _parse(text: str, name: str, place: str) -> Iterator[Entry]:
    words = text.split()
    if len(words) > 1:
        if not _IP.fullmatch(words[0]):
            raise StageError(f"{place} has blanks in it", expected="one entry a line, or a line of a hosts file")
        for word in words[1:]:
            if word.lower() not in _LOCAL and not word.lower().startswith("ip6-"):
                yield _entry(word, name, place)
        return
    yield _entry(text, name, place)


def _of_blocker(text: str, known: bool) -> str | None:
    """The address that a rule of an ad blocker blocks as a whole, "" for a rule of another kind, None for no such
    rule; `known` where the list says that it is one of rules."""
    if text.startswith("@@") or _ELEMENTS.search(text):
        return ""
    if not text.startswith("|") and "^" not in text and "$" not in text.partition("/")[0]:
        return "" if known else None
    address, _, options = text.partition("$")
    if options and not set(options.split(",")) <= _WIDE_OPTIONS:
        return ""
    return address.lstrip("|").removesuffix("|").removesuffix("^")


def _entry(text: str, name: str, place: str) -> Entry:
    entry = _entry_or_none(text, name)
    if entry is None:
        raise StageError(
            f"{place} is no entry of a block list",
            expected="a domain, an address, a line of a hosts file; * in front of a domain or inside a path only",
        )
    return entry


def _entry_or_none(text: str, name: str) -> Entry | None:
    address = re.sub(r"^(?:[A-Za-z][A-Za-z0-9+.-]*:)?//", "", text)
    host, slash, path = address.partition("/")
    if "@" in host and address == text:
        return None  # an address of mail: its host is not what is meant
    host = host.rpartition("@")[2]
    below = host.startswith("*.")
    host = host.removeprefix("*.").removeprefix(".")
    if host.startswith("["):
        host = host[1 : host.find("]")]
    elif host.count(":") == 1:
        host = re.sub(r":[0-9]*$", "", host)
    host = spelling.unicode_of(spelling.host(host).rstrip("."))
    if not (_IP.fullmatch(host) or (_HOST.fullmatch(host) and len(host) <= 253)) or (below and path):
        return None
    path = spelling.path_of(path) if slash else ""
    # A bare slash adds nothing to a domain; with a scheme in front it is how people write the domain itself.
    return Entry(name, host.removeprefix("www.") if len(path) > 1 else host, path if len(path) > 1 else "", below)
