"""What a page says about itself: title, address, date, licence, and its signals about use.

Read from the tags that `scan_markup` noted, and not from the parsed tree: a selector walks the whole tree again, for
each match anew, and looking for all of these costs as much as extracting the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html import unescape
from typing import Any
from urllib.parse import urljoin

import numpy as np
import orjson

from aigc_data.hashing import canonical_json
from aigc_data.sources.chunks import Facts
from aigc_data.sources.encodings import whole
from aigc_data.sources.rights import LICENSE_META, Signals, add_meta

#: One tag or one block of linked data that is longer is not read.
MAX_TAG, MAX_LINKED_DATA = 16 << 10, 256 << 10
#: Objects of linked data read in a page.
MAX_OBJECTS = 64
_MAX_CHARS = 2048
#: Targets of links that lead nowhere: they declare nothing.
_NOWHERE = re.compile(r"#|(?:javascript|data|mailto|tel|about|blob):(?!\s)", re.I)
#: One half of a character in JSON that stands alone, which strict parsers refuse, or a whole escape, to be kept.
_ESCAPE = re.compile(
    rb"\\u[Dd][89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f][0-9A-Fa-f]{2}|(\\u[Dd][89A-Fa-f][0-9A-Fa-f]{2})|\\.", re.S
)
_ATTRIBUTE = re.compile(r"([^\s=>\"'/<]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+)))?")
_TITLE_META = ("og:title", "dc.title", "dcterms.title", "twitter:title")
_DATE_META = (
    "article:published_time",
    "dcterms.created",
    "dcterms.date",
    "dc.date",
    "date",
    "datepublished",
    "pubdate",
)
_DATES_LINKED = ("datePublished", "dateCreated", "uploadDate")
#: Linked data about a picture in the page is not about the page.
_PARTS = ("imageobject", "videoobject", "audioobject", "mediaobject", "person", "organization", "breadcrumblist")


@dataclass
class _Found:
    """What the tags of one page hold; of what is said twice the first."""

    signals: Signals
    metas: dict[str, str] = field(default_factory=dict)
    linked: dict[str, str] = field(default_factory=dict)
    license: str | None = None
    license_is_link: bool = False
    canonical: str | None = None
    base: str | None = None
    time: str | None = None
    objects: int = 0


def complete(known: Facts, page: bytes, tags: np.ndarray, *, title: str, signals: Signals) -> Facts:
    """`known`, completed by what the page states; what is known already stays, but for the licence: the page's own
    statement wins over the source's, as every record's own does.

    `page` is UTF-8, `tags` what `scan_markup` noted in it, `title` that of the tree; `signals` may hold what HTTP said,
    and has the page's afterwards. The page's own date is `created` where none is known, else `published` in meta.
    """
    of_server = _somewhere(signals.first("license"))
    found = _Found(signals)
    for start, end, last, in_figure in tags.tolist():
        if end - start <= MAX_TAG:
            _read(found, page, start, end, last, bool(in_figure))
    metas, linked = found.metas, found.linked
    base = _joined(known.url or found.canonical or "", found.base)
    stated = found.canonical or metas.get("og:url") or linked.get("url")
    url = known.url or (_joined(base, stated) if stated else None)
    of_meta = next((metas[name] for name in LICENSE_META if _somewhere(metas.get(name))), None)
    declared = found.license or of_meta or linked.get("license") or of_server
    is_link = found.license_is_link if found.license else not (of_meta or linked.get("license"))
    address = base or url or ""
    if declared and "://" in address and (is_link or declared.startswith(("/", "./", "../"))):
        declared = _joined(address, declared)
    date = _first(metas, _DATE_META) or linked.get("date") or found.time
    title = " ".join((title or _first(metas, _TITLE_META) or linked.get("title") or "").split())
    more = {"title": title, "published": date if known.created else None}
    return replace(
        known,
        url=_stored(url),
        created=known.created or _stored(date),
        license=_stored(declared) or known.license,
        meta=_merged(known.meta, {name: _stored(value) for name, value in more.items() if value}),
        rights=signals.json(),
    )


def _read(found: _Found, page: bytes, start: int, end: int, last: int, in_figure: bool) -> None:
    text = page[start:end].decode("utf-8", "replace").strip("<>")
    name, *rest = text.split(None, 1)
    name, given = name.lower(), dict(_attributes(rest[0] if rest else ""))
    if name == "meta":
        _read_meta(found, given)
    elif name == "base":
        found.base = found.base or given.get("href")
    elif name == "time":
        found.time = found.time or given.get("datetime")
    elif name == "script":
        media_type = given.get("type", "").partition(";")[0].strip().lower()
        if last - end <= MAX_LINKED_DATA and media_type == "application/ld+json":
            _read_linked(found, page[end:last])
    else:
        _read_link(found, name, given, in_figure)


def _attributes(text: str) -> Iterator[tuple[str, str]]:
    """Name and value; of two with one name the parser keeps the first, so they come in reverse."""
    for match in reversed(list(_ATTRIBUTE.finditer(text))):
        value = match[2] or match[3] or match[4] or ""
        yield match[1].lower(), (unescape(value) if "&" in value else value).strip()


def _read_meta(found: _Found, given: dict[str, str]) -> None:
    content = given.get("content", "")
    name = (given.get("name") or given.get("property") or given.get("itemprop") or "").lower()
    if name and content:
        found.metas.setdefault(name, content)
        add_meta(found.signals, name, content)


def _read_link(found: _Found, tag: str, given: dict[str, str], in_figure: bool) -> None:
    link = given.get("href") or given.get("resource") or given.get("src") or ""
    target = link or given.get("content") or ""
    at = f"figure {tag}" if in_figure else tag
    rel = given.get("rel", "").lower().split()
    if not target:
        return
    if "canonical" in rel and tag == "link":
        found.canonical = found.canonical or target
    for attribute in ("rel", "itemprop", "property"):
        names = given.get(attribute, "").lower().split()
        if any(n == "license" or n.endswith((":license", "/license", "#license")) for n in names):
            if not found.license and not in_figure and _somewhere(target):
                found.license, found.license_is_link = target, bool(link)
            found.signals.add("license", f"{at}[{attribute}]", target)
            return
    if "creativecommons.org/" in target.lower():
        found.signals.add("license", f"{at}[href]", target)


def _read_linked(found: _Found, data: bytes) -> None:
    """JSON-LD: the objects at the top, in `@graph`, and in `mainEntity`; what is nested deeper speaks of parts."""
    try:
        value = orjson.loads(_ESCAPE.sub(_whole_escape, data.strip()) if b"\\u" in data else data.strip())
    except orjson.JSONDecodeError:
        return
    waiting = [value]
    while waiting and found.objects < MAX_OBJECTS:
        value = waiting.pop(0)
        if isinstance(value, list):
            waiting.extend(value[:MAX_OBJECTS])
        elif isinstance(value, dict):
            found.objects += 1
            _read_object(found, value)
            waiting.extend(value[name] for name in ("@graph", "mainEntity") if name in value)


def _whole_escape(match: re.Match[bytes]) -> bytes:
    return b"\\ufffd" if match[1] else match[0]


def _read_object(found: _Found, value: dict[str, Any]) -> None:
    kinds = _texts(value.get("@type")) or ["Thing"]
    at = f"json-ld:{kinds[0]}"
    for licence in _texts(value.get("license")):
        found.signals.add("license", at, licence)
    for name in ("copyrightNotice", "copyrightHolder", "copyrightYear", "usageInfo"):
        for text in _texts(value.get(name)):
            found.signals.add("copyright", at, text)
    if any(kind.lower() in _PARTS for kind in kinds):
        return
    for name, keys in (
        ("license", ("license",)),
        ("date", _DATES_LINKED),
        ("title", ("headline",)),
        ("url", ("url",)),
    ):
        texts = [text for key in keys for text in _texts(value.get(key)) if name != "license" or _somewhere(text)]
        if texts:
            found.linked.setdefault(name, texts[0])


def _texts(value: Any) -> list[str]:
    """The strings that a value of linked data stands for: itself, the address or name of an object, or of several."""
    if isinstance(value, list):
        return [text for item in value[:8] if not isinstance(item, list) for text in _texts(item)]
    if isinstance(value, dict):
        return _texts(next((value[k] for k in ("@id", "url", "name", "@value") if isinstance(value.get(k), str)), None))
    if isinstance(value, int) and not isinstance(value, bool):
        return [str(value)]
    return [value.strip()] if isinstance(value, str) and value.strip() else []


def _first(values: dict[str, str], names: tuple[str, ...]) -> str | None:
    return next((values[name] for name in names if name in values), None)


def _somewhere(target: str | None) -> str | None:
    """The target of a link, or a statement; None for one that leads nowhere."""
    return target if target and not _NOWHERE.match(target.strip()) else None


def _joined(base: str, target: str | None) -> str:
    """The target as seen from the base; as written where one of them is no address."""
    if not target:
        return base
    try:
        return urljoin(base, target)
    except ValueError:
        return target


def _merged(meta: str | None, more: dict[str, str | None]) -> str | None:
    """Fields of the record win over the page's."""
    if not more:
        return meta
    return canonical_json({**more, **(orjson.loads(meta) if meta else {})}).decode()


def _stored(value: str | None) -> str | None:
    return whole(value)[:_MAX_CHARS] if value else None
