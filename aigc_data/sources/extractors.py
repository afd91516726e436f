"""The main text of a page, by resiliparse or by trafilatura, within bounds on what they are given."""

from __future__ import annotations

import re
from importlib.util import find_spec

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLParserException, HTMLTree

from aigc_data.errors import SourceError
from aigc_data.sources.chunks import UnusableError

#: trafilatura builds its own tree and goes over it many times: some seconds for a page of this size.
TRAFILATURA_CHARS, TRAFILATURA_ELEMENTS = 4_000_000, 100_000
#: Module, and the package that it needs and does not always bring (lxml has moved its cleaner out).
_NEEDED = {"trafilatura": "trafilatura", "lxml_html_clean": "lxml-html-clean"}


#: A text node of one character, or of one reference. resiliparse 2.0 loses such a node where it looks for the main
#: content and the character is one of three bytes: 我<b>爱</b>你 becomes nothing.
_LONE = re.compile(r">(\s*+)([\u0800-\uffff]|&#?\w{1,31};)(\s*+)(?=<)")
#: Stands beside such a character until the text is out; a private character that pages hardly ever hold.
MARK = "\uf0fe"


def require(extractor: str, source: str) -> None:
    """Raises SourceError where the extractor that a source names is not installed."""
    missing = [package for module, package in _NEEDED.items() if extractor == "trafilatura" and not find_spec(module)]
    if missing:
        raise SourceError(
            f"source {source!r}: extractor `trafilatura` needs {' and '.join(missing)}",
            expected="the optional packages of `web`",
            do="pip install 'aigc-data[web]', or set `extractor: resiliparse`",
        )


def parse(html: str) -> HTMLTree:
    """The tree, with MARK beside lone characters. Raises UnusableError "bad-html" where the parser gives up."""
    if not html.isascii() or "&" in html:
        html = _LONE.sub(rf">\1\2{MARK}\3", html)
    try:
        return HTMLTree.parse(html)
    except HTMLParserException as error:
        raise UnusableError("bad-html", f"the parser gives up on {len(html)} characters") from error


def unmarked(text: str) -> str:
    """What was taken from a tree of `parse`, as the page has it."""
    return text if text.isascii() else text.replace(MARK, "")


def main_text(html: str, tree: HTMLTree, elements: int, extractor: str) -> str:
    """The main text without blanks around it, empty where there is none.

    Raises UnusableError "too-complex" for a page over trafilatura's bounds.
    """
    if extractor == "resiliparse":
        return unmarked(str(extract_plain_text(tree, main_content=True))).strip()
    if len(html) > TRAFILATURA_CHARS or elements > TRAFILATURA_ELEMENTS:
        raise UnusableError(
            "too-complex",
            f"{len(html)} characters, {elements} elements; trafilatura is given up to "
            f"{TRAFILATURA_CHARS} and {TRAFILATURA_ELEMENTS}",
        )
    from trafilatura import extract

    # No metadata, so that no dates are searched for; no de-duplication, which remembers other pages. The default
    # settings ask the network for nothing.
    return (extract(html, include_comments=False, deduplicate=False) or "").strip()
