"""Tags and character references that a bad extraction left in a text.

They go only where the rest of the text speaks of no markup: a text with code, Markdown or the words of the trade is
left as it is, and so is a line that shows an escaped tag. A tag is a name of HTML, written out on one line.
"""

from __future__ import annotations

import html
import re

#: Elements that begin a new line, and those that stand inside one.
_BLOCKS = (
    "address|article|aside|blockquote|br|center|dd|div|dl|dt|fieldset|figcaption|figure|footer|form|h[1-6]|header|hr|li"
    "|main|nav|ol|p|pre|section|table|tbody|tfoot|thead|tr|ul"
)
_INLINE = (
    "td|th|a|abbr|acronym|b|big|button|cite|em|font|i|iframe|img|input|label|nobr|o:p|q|s|small|span|strike|strong|sub|sup|tt|u"
    "|wbr"
)
_ATTRIBUTES = (
    r"""(?:\s+[a-z][\w:-]{0,30}(?:\s?=\s?(?:"[^"<>\n]{0,800}"|'[^'<>\n]{0,800}'|[^\s"'<>=`]{1,800}))?){0,16}"""
)
_TAG = re.compile(rf"<(/?)({_BLOCKS}|{_INLINE})({_ATTRIBUTES})\s{{0,3}}/?>", re.IGNORECASE)
_COMMENT = re.compile(r"<!--[^<\n]{0,500}?-->")

#: Signs that a text is about markup, or holds code: then nothing is a remnant.
_TRADE = re.compile(
    r"`|\]\(|^\s*\||::=|<\?|<!DOCTYPE|</?(?:html|head|body|code|script|style|title|meta|textarea|svg|xml)\b|\{\{"
    r"|\bon[a-z]{4,18}\s?=|javascript:|vbscript:|\balert\(|\bexpression\(|=\s?\\x"
    r"|\b(?:x?html\d?|x[ms]l|sgml|svg|markdown|mark-?up|entit(?:y|ies)|escap(?:e|ed|es|ing)|tags?|charset|unicode|dom"
    r"|css"
    r"|attributes?|placeholders?|syntax|regexp?|parsers?|templates?)\b"
    r"|标签|標籤|实体|實體|转义|轉義|字符编码|占位|语法|語法|正则|正則|模板|属性|屬性|元素",
    re.IGNORECASE | re.MULTILINE,
)

#: What references stand for; the rest of HTML's 2,000 names are as likely those of variables (`&int;`, `&part;`).
_NAMES = {
    name: html.unescape(f"&{name};")
    for name in (
        "nbsp ensp emsp thinsp quot apos lsquo rsquo sbquo ldquo rdquo bdquo laquo raquo lsaquo rsaquo ndash mdash "
        "hellip middot bull dagger euro pound cent yen deg plusmn frac12 frac14 frac34 sup2 sup3 ordf ordm iexcl "
        "iquest trade lt gt copy reg sect szlig aelig AElig oelig OElig oslash Oslash aring Aring ccedil Ccedil ntilde "
        "Ntilde eth thorn scaron Scaron "
        + " ".join(f"{letter}{mark}" for mark in ("acute", "grave", "circ", "uml", "tilde") for letter in "aeiouAEIOU")
    ).split()
    if html.unescape(f"&{name};") != f"&{name};"
}  # fmt: skip
_AMPERSAND = r"(?:amp|#0{0,3}38|#x0{0,3}26);"
_REFERENCE = re.compile(
    rf"&(?:{_AMPERSAND}){{0,64}}(?:({'|'.join(sorted(_NAMES))})|#(\d{{2,7}})|#[xX]([0-9a-fA-F]{{2,6}}));|&"
    rf"(?:{_AMPERSAND})+"
)
#: A tag shown on purpose, or one that a decoded `>` would end.
_SHOWN = re.compile(rf"(?:&(?:{_AMPERSAND}){{0,64}}(?:lt|#0{{0,3}}60|#x0{{0,3}}3c);|<)[a-z/!?]", re.IGNORECASE)


def are_evident(text: str) -> bool:
    """Whether tags and character references in `text` can be nothing but remnants."""
    return not _TRADE.search(text)


def end_tags(text: str) -> frozenset[str]:
    """Names of the end tags in `text`."""
    return frozenset(match[2].lower() for match in _TAG.finditer(text) if match[1])


def lines_laid_bare(text: str, ends: frozenset[str]) -> str:
    """A text of the same length with line feeds where a tag that `strip_remnants` takes begins a new line, and without
    the line breaks inside its other tags and its comments."""
    text = _COMMENT.sub(lambda match: "x" * len(match[0]), text)

    def laid_bare(match: re.Match[str]) -> str:
        by = _without(match, ends)
        return by if by == match[0] else ("\n" if by == "\n" else "x") * len(match[0])

    return _TAG.sub(laid_bare, text)


def strip_remnants(text: str, ends: frozenset[str] = frozenset()) -> str:
    """`text` without tags and comments, and with character references as the characters that they stand for.

    A tag that begins a new line becomes a line feed, a cell's a blank. `<x>` of one letter goes only beside its `</x>`:
    it is a placeholder as often. `ends` are names of end tags that stand beside it in the text that it is a part of.
    """
    if "<!--" in text:
        text = _COMMENT.sub("", text)
    if "<" in text:
        ends |= end_tags(text)
        text = _TAG.sub(lambda match: _without(match, ends), text)
    if "&" in text:
        text = "\n".join(
            _REFERENCE.sub(_character, line) if "&" in line and not _SHOWN.search(line) else line
            for line in text.split("\n")
        )
    return text


def _without(match: re.Match[str], ends: frozenset[str]) -> str:
    name = match[2].lower()
    if len(name) == 1 and not match[3] and name not in ends:
        return match[0]
    if name in ("td", "th"):
        return " "
    return "\n" if _IS_BLOCK.fullmatch(name) else ""


_IS_BLOCK = re.compile(_BLOCKS)


def _character(match: re.Match[str]) -> str:
    name, decimal, hexadecimal = match.groups()
    if name:
        return _NAMES[name]
    if decimal or hexadecimal:
        code_point = int(decimal) if decimal else int(hexadecimal, 16)
        # Windows-1252 by number, as browsers read it; what is no character stays as it was written.
        shown = html.unescape(f"&#{code_point};") if 0x20 <= code_point < 0x110000 else ""
        return shown if shown and shown != "\ufffd" else match[0]
    return "&"
