"""HTML to text: the main content of a page, and what the page says about itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from urllib.parse import urljoin

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding
from resiliparse.parse.html import HTMLTree

from aigc_data.hashing import canonical_json
from aigc_data.recipe import Source
from aigc_data.sources.chunks import Chunk, Facts, Lost, Rows, UnusableError
from aigc_data.sources.documents import whole_file
from aigc_data.sources.inputs import InputFile
from aigc_data.sources.streams import bom_encoding

#: Browsers stop nesting at 512 elements; extraction takes time in the square of the depth (8,000 deep: 1 s).
MAX_DEPTH = 512
#: The parser compares every attribute with all before it (40,000 in one tag: 5 s).
MAX_ATTRIBUTES = 2_000
#: An element takes some 300 bytes of tree.
MAX_TAGS = 1_000_000
#: Tags that HTML lets go without an end, so that counting them says nothing about depth.
_OPEN_ENDED = (
    "p|li|dt|dd|td|th|tr|tbody|thead|tfoot|colgroup|caption|option|optgroup|rt|rp|html|head|body|"
    "area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr"
)
_TAG = re.compile(rf"<(/?)(?!(?:{_OPEN_ENDED})\b)[a-zA-Z][^\s/>]*")
_LONG_TAG = re.compile(rf"<[a-zA-Z][^<]{{{2 * MAX_ATTRIBUTES},}}")
_LICENSE_META = ("dcterms.license", "dc.license", "dc.rights", "dcterms.rights", "cc:license", "license")
_DATE_META = (
    "article:published_time",
    "dcterms.created",
    "dcterms.date",
    "dc.date",
    "date",
    "datepublished",
    "pubdate",
)


def read_html(file: InputFile, source: Source, *, max_record_bytes: int, chunk_bytes: int) -> Iterator[Chunk]:
    """One page is one record; the digest is that of the file's bytes."""
    rows = Rows(file.relative, chunk_bytes)
    raw = whole_file(file, max_record_bytes)
    if isinstance(raw, Lost):
        rows.lose(raw)
    else:
        try:
            text, facts = page(raw, Facts(license=source.license))
            rows.add(text.encode(), facts, "", sha256(raw).hexdigest())
        except UnusableError as error:
            rows.lose(Lost("file", error.reason, error.detail))
    yield rows.take()


def page(raw: bytes, known: Facts, *, charset: str | None = None) -> tuple[str, Facts]:
    """The main text of a page, and `known` completed by what the page states: url, date, licence link, title.

    The page's own licence link wins over the source's, as every record's own does. `charset` is what HTTP
    declared. Raises UnusableError: "no-content" for a page without text, "too-complex" for markup that
    would take minutes.
    """
    html = decode(raw, charset)
    _refuse_complex(html)
    tree = HTMLTree.parse(html)
    text = extract_plain_text(tree, main_content=True).strip()
    if not text:
        raise UnusableError("no-content", f"no main content in {len(raw)} bytes of HTML")
    return _unicode(text), _completed(tree, known)


def decode(raw: bytes, charset: str | None = None) -> str:
    """Decode a page: byte order mark, HTTP's charset, the page's own, a guess, in this order (WHATWG HTML,
    13.2.3.2).

    Bytes without a character become U+FFFD; clean judges how many may stay.
    """
    name = bom_encoding(raw) or charset or detect_encoding(raw, from_html_meta=True) or "utf-8"
    try:
        return bytes_to_str(raw, name, errors="replace")
    except LookupError:
        return bytes_to_str(raw, "utf-8", errors="replace")


def _refuse_complex(html: str) -> None:
    tags = html.count("<")
    if tags > MAX_TAGS:
        raise UnusableError("too-complex", f"over {MAX_TAGS} tags")
    if tags > MAX_DEPTH:
        depth = deepest = 0
        for tag in _TAG.finditer(html):
            depth = max(depth - 1, 0) if tag[1] else depth + 1
            deepest = max(deepest, depth)
        if deepest > MAX_DEPTH:
            raise UnusableError("too-complex", f"elements nested over {MAX_DEPTH} deep")
    for tag in _LONG_TAG.finditer(html):
        if len(tag[0].split()) > MAX_ATTRIBUTES:
            raise UnusableError("too-complex", f"a tag with over {MAX_ATTRIBUTES} attributes")


def _completed(tree: HTMLTree, known: Facts) -> Facts:
    if tree.document is None:
        return known
    metas: dict[str, str] = {}
    for node in tree.document.get_elements_by_tag_name("meta"):
        name = node.getattr("name") or node.getattr("property") or node.getattr("itemprop")
        if name and (content := (node.getattr("content") or "").strip()):
            metas.setdefault(name.lower(), content)
    url = known.url or _link(tree, "link", "canonical") or metas.get("og:url")
    declared = _link(tree, "link", "license") or _link(tree, "a", "license")
    declared = declared or next((metas[m] for m in _LICENSE_META if m in metas), None)
    if declared and url and declared.startswith("/") and "://" in url:
        declared = urljoin(url, declared)
    title = _unicode(" ".join((tree.title or "").split()))
    return replace(
        known,
        url=_clean(url),
        created=known.created or _clean(next((metas[m] for m in _DATE_META if m in metas), None)),
        license=_clean(declared) or known.license,
        meta=canonical_json({"title": title}).decode() if title else known.meta,
    )


def _link(tree: HTMLTree, tag: str, rel: str) -> str | None:
    # A selector, not a walk: each node that Python sees costs 6 µs, and a page has hundreds of links.
    node = tree.document.query_selector(f'{tag}[rel~="{rel}" i][href]:not([href=""])') if tree.document else None
    return (node.getattr("href") or "").strip() or None if node else None


def _clean(value: str | None) -> str | None:
    return _unicode(value)[:2_048] if value else None


def _unicode(text: str) -> str:
    # A character reference such as &#xD800; can leave half a character behind.
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
