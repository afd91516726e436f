"""How often a page's encoding is found: real texts in a page's frame, transcoded, with and without a declaration.

    python benchmarks/text_encodings.py DATA

DATA holds `lid/hplt_web_186_languages.jsonl.zst`, `text_web/hplt_web_en_zh.jsonl.zst` (web texts by language) and
`text_html/libreoffice_help_en_zh.jsonl.zst` (whole pages). The characters that the guess knows as common were
counted in other texts.
"""

from __future__ import annotations

import argparse
import html
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import opencc
import zstandard
from measuring import table
from resiliparse.parse.encoding import bytes_to_str, detect_encoding

from aigc_data.sources.encodings import decode

#: Python's codec, the label that a page would have, and the languages of the texts.
ENCODINGS = (
    ("gb18030", "gb2312", ("zho_Hans",)),
    ("big5hkscs", "big5", ("zho_Hant",)),
    ("euc_jp", "euc-jp", ("jpn_Jpan",)),
    ("cp932", "shift_jis", ("jpn_Jpan",)),
    ("cp949", "euc-kr", ("kor_Hang",)),
    ("cp1252", "iso-8859-1", ("fra_Latn", "deu_Latn", "spa_Latn", "por_Latn", "ita_Latn", "swe_Latn", "fin_Latn")),
    ("cp1251", "windows-1251", ("rus_Cyrl", "ukr_Cyrl", "bul_Cyrl")),
    ("koi8_r", "koi8-r", ("rus_Cyrl",)),
    ("iso8859_2", "iso-8859-2", ("pol_Latn", "ces_Latn", "hun_Latn", "slk_Latn")),
    ("cp1250", "windows-1250", ("pol_Latn", "ces_Latn", "hun_Latn", "slk_Latn")),
    ("cp1253", "windows-1253", ("ell_Grek",)),
    ("cp1254", "windows-1254", ("tur_Latn",)),
    ("utf-16", "utf-16", ("zho_Hans", "eng_Latn")),
    ("utf-16-le", "utf-16", ("zho_Hans", "rus_Cyrl")),
    ("utf-8", "utf-8", ("zho_Hans", "rus_Cyrl", "fra_Latn", "jpn_Jpan")),
)
_MARK = "<!--meta-->"


def json_lines(path: Path) -> list[dict[str, str]]:
    """The objects of a .jsonl.zst file."""
    with path.open("rb") as stream:
        lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(stream), encoding="utf-8")
        return [json.loads(line) for line in lines]


def web_texts(data: Path) -> dict[str, list[str]]:
    """Web texts by language and script."""
    found: dict[str, list[str]] = {}
    for name in ("lid/hplt_web_186_languages.jsonl.zst", "text_web/hplt_web_en_zh.jsonl.zst"):
        for row in json_lines(data / name):
            found.setdefault(row["lang_predicted"], []).append(row["text"])
    return found


def _full(text: str) -> str:
    paragraphs = "".join(f"<p>{html.escape(line)}</p>\n" for line in text.split("\n") if line.strip())
    return (
        f'<!DOCTYPE html>\n<html><head>{_MARK}<title>{html.escape(text[:30])}</title>\n<link rel="stylesheet" '
        f'href="main.css"><script>var menu = 1;</script></head>\n<body><div id="nav"><a href="/">Home</a></div>\n'
        f'<div class="content">{paragraphs}</div></body></html>'
    )


def _short(text: str) -> str:
    """Forty characters around the first one outside ASCII."""
    text = re.sub(r"\s+", " ", text)
    start = max(next((m.start() for m in re.finditer(r"[^\x00-\x7f]", text)), 0) - 10, 0)
    return (
        f"<html><head>{_MARK}<title>x</title></head><body><p>{html.escape(text[start : start + 40])}</p></body></html>"
    )


def _pages(data: Path) -> Iterator[tuple[str, str, str, list[str]]]:
    """(codec, label, kind, pages with a mark where the declaration goes)."""
    texts = web_texts(data)
    for name, label, languages in ENCODINGS:
        chosen = [text for lang in languages for text in texts.get(lang, [])[: 200 // len(languages) + 1]]
        yield name, label, "text of some 1,000 characters", [_full(text) for text in chosen]
        yield name, label, "40 characters", [_short(text) for text in chosen]
    help_pages = json_lines(data / "text_html/libreoffice_help_en_zh.jsonl.zst")
    chinese = [row["html"] for row in help_pages if row["lang"] == "zh"]
    chinese = [re.sub(r"<meta http-equiv=\"Content-Type\"[^>]*>", _MARK, page) for page in chinese]
    yield "gb18030", "gb2312", "LibreOffice help", chinese
    convert = opencc.OpenCC("s2t").convert
    yield "big5hkscs", "big5", "LibreOffice help", [convert(page) for page in chinese]


def _plain(raw: bytes) -> str:
    """What resiliparse does by itself."""
    return bytes_to_str(raw, detect_encoding(raw, from_html_meta=True) or "utf-8", errors="replace")


def _right(pages: list[str], codec: str, label: str | None, read: Callable[[bytes], str]) -> float:
    good = 0
    for page in pages:
        page = page.replace(_MARK, f'<meta charset="{label}">' if label else "")
        raw = page.encode(codec, "xmlcharrefreplace")
        good += read(raw) == raw.decode(codec)
    return 100 * good / max(len(pages), 1)


def report(data: Path) -> str:
    """A table of the share of pages that come out as they went in, character for character."""
    rows = []
    for codec, label, kind, pages in _pages(data):
        pages = [p for p in pages if codec.startswith("utf-16") or not p.encode(codec, "xmlcharrefreplace").isascii()]
        wrong = "gb2312" if codec == "utf-8" else "utf-8"
        shares = [_right(pages, codec, declared, decode) for declared in (None, label, wrong, "iso-8859-1")]
        shares += [_right(pages, codec, declared, _plain) for declared in (None, label)]
        rows.append((codec, kind, len(pages), *(f"{share:.1f}" for share in shares)))
    header = ("encoding", "pages", "n", "undeclared", "declared", "declared as another ¹", "declared as Latin-1")
    note = (
        "% of pages whose text is right character for character. ¹ as UTF-8; UTF-8 as GB2312. The last two columns are "
        "resiliparse's own detection and decoding."
    )
    return table((*header, "resiliparse, undeclared", "resiliparse, declared"), rows) + f"\n\n{note}\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    print(report(parser.parse_args().data))
