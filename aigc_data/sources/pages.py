"""HTML to text: the main content of a page, and what the page says about itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np

from aigc_data.recipe import Source
from aigc_data.sources.chunks import Chunk, Facts, Lost, Rows, UnusableError, own_license
from aigc_data.sources.documents import whole_file
from aigc_data.sources.encodings import decode, whole
from aigc_data.sources.extractors import main_text, parse, unmarked
from aigc_data.sources.inputs import InputFile
from aigc_data.sources.page_facts import complete
from aigc_data.sources.rights import Signals

#: Browsers stop nesting at 512 elements; extraction takes time in the square of the depth (8,000 deep: 1 s).
MAX_DEPTH = 512
#: The parser compares every attribute with all before it in its tag (40,000 in one: 5 s), and every option with all
#: before it in its list (20,000: 2.4 s). The bound on both together is some 0.2 s.
MAX_ATTRIBUTES, MAX_PAIRS = 2_000, 25_000_000
#: The parser's table of names has a fixed width (40,000 different ones: 1.2 s, 80,000: 6 s).
MAX_NAMES = 10_000
#: An element takes some 300 bytes of tree.
MAX_ELEMENTS = 1_000_000
#: Options with their text, which is no content, and tags around them.
_OPTION = re.compile(r"</?opt(?:ion|group)\b[^<>]*>[^<]*", re.I)


def read_html(file: InputFile, source: Source, *, max_record_bytes: int, chunk_bytes: int) -> Iterator[Chunk]:
    """One page is one record; the digest is that of the file's bytes."""
    rows = Rows(file.relative, chunk_bytes)
    raw = whole_file(file, max_record_bytes)
    if isinstance(raw, Lost):
        rows.lose(raw)
    else:
        try:
            text, facts = page(decode(raw), Facts(license=source.license), extractor=source.extractor)
            rows.add(text.encode(), facts, "", sha256(raw).hexdigest())
        except UnusableError as error:
            rows.lose(Lost("file", error.reason, error.detail))
    yield rows.take()


def page(
    html: str, known: Facts, *, extractor: str = "resiliparse", signals: Signals | None = None
) -> tuple[str, Facts]:
    """The main text of a page, and `known` completed by what the page states, see `page_facts.complete`.

    `signals` are those that HTTP gave. Raises UnusableError: "no-content" for a page without text, "too-complex" for
    markup that would take minutes, "bad-html" where the parser gives up.
    """
    # Numba, which the kernel brings, takes 0.2 s to import: who reads no page does not wait for it.
    from aigc_data.kernels.markup import scan_markup
    from aigc_data.kernels.open_elements import DEPTH, ELEMENTS, PAIRS

    data = html.encode()
    counts, tags = scan_markup(np.frombuffer(data, np.uint8), MAX_DEPTH)
    if counts[PAIRS] > MAX_PAIRS or counts[DEPTH] > MAX_DEPTH:
        # A page may offer all places of a country, in groups without end tags: it is read without them.
        html = _OPTION.sub("", html)
        data = html.encode()
        counts, tags = scan_markup(np.frombuffer(data, np.uint8), MAX_DEPTH)
    _refuse_complex(counts)
    elements = int(counts[ELEMENTS])
    tree = parse(html)
    text = main_text(html, tree, elements, extractor)
    if not text:
        raise UnusableError("no-content", f"no main content in {len(data)} bytes of HTML")
    facts = complete(known, data, tags, title=whole(unmarked(tree.title or "")), signals=signals or Signals())
    return whole(text), facts


def page_in_field(value: bytes, facts: Facts, fields: Mapping[str, Any], source: Source) -> tuple[bytes, Facts, str]:
    """(text, facts, digest of the value) of a page that a record holds in its text field.

    The record's own fields win over what the page states. A value that is not UTF-8 (a column of bytes) is decoded as a
    page is. Raises UnusableError as `page` does.
    """
    text, found = page(decode(value), facts, extractor=source.extractor)
    declared = own_license(fields, source) or found.license
    return text.encode(), replace(found, license=declared), sha256(value).hexdigest()


def _refuse_complex(counts: np.ndarray) -> None:
    elements, depth, attributes, pairs, names = counts.tolist()
    if depth > MAX_DEPTH:
        raise UnusableError("too-complex", f"elements nested over {MAX_DEPTH} deep")
    if elements > MAX_ELEMENTS:
        raise UnusableError("too-complex", f"over {MAX_ELEMENTS} elements")
    if attributes > MAX_ATTRIBUTES:
        raise UnusableError("too-complex", f"a tag with over {MAX_ATTRIBUTES} attributes")
    if pairs > MAX_PAIRS:
        raise UnusableError("too-complex", f"over {MAX_PAIRS} pairs of attributes of one tag or options of one list")
    if names > MAX_NAMES:
        raise UnusableError("too-complex", f"over {MAX_NAMES} names of tags and attributes")
