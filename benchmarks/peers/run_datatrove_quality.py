"""datatrove's Gopher, C4 and FineWeb filters: verdicts, and the very values that they compare, text for text.

    python run_datatrove_quality.py TEXTS.parquet FOUND.json LANGUAGE WORDS

LANGUAGE is a code of datatrove's (eng, cmn_Hani). WORDS is `own` (spaCy's words and sentences, as datatrove comes) or
`ours`: the file's column `tokens` is taken for the words of each `text`, and sentences are counted as the package
counts them. In both cases the filters are the released ones; nothing of them is written again here.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import regex
from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    c4_filters,
    fineweb_quality_filter,
    gopher_quality_filter,
    gopher_repetition_filter,
)

_WORD = r"\p{L}\p{N}\p{Mn}\p{Mc}"
_SOLID = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}"  # each character is a token, so none is an initial
_BOUNDARY = regex.compile(
    rf"""(?:(?<!(?<![{_WORD}])[\p{{L}}--[{_SOLID}]])\.|[?!؟।])[.?!؟।"')\]’”»]*(?=\s)|[。！？｡۔]""", regex.V1
)
_TOKEN = regex.compile(rf"[{_WORD}]")

#: C4's line rules one at a time: (our signal, arguments, the statistic that counts its lines).
_NONE: dict[str, Any] = {
    "filter_no_terminal_punct": False, "min_num_sentences": -1, "min_words_per_line": -1, "max_word_length": -1,
    "filter_lorem_ipsum": False, "filter_javascript": False, "filter_curly_bracket": False, "filter_policy": False,
}  # fmt: skip
_LINE_RULES = (
    ("long_word_lines", {"max_word_length": 1000}, "line-filter-too_long_word"),
    ("bare_lines", {"filter_no_terminal_punct": True}, "line-filter-no_terminal_punc"),
    ("few_word_lines", {"min_words_per_line": 3}, "line-filter-too_few_words"),
    ("javascript_lines", {"filter_javascript": True}, "line-filter-javascript"),
    ("policy_lines", {"filter_policy": True}, "line-filter-policy"),
)


class Probe(float):
    """A bound that nothing breaks and that keeps what it was compared with."""

    __array_ufunc__ = None  # numpy's numbers leave the comparison to this class
    seen: float | None = None

    def __lt__(self, other: Any) -> bool:
        self.seen = float(other)
        return False

    __gt__ = __lt__


def _our_sentences(line: str, _language: str) -> list[str]:
    return [part for part in _BOUNDARY.split(line) if _TOKEN.search(part)]


def _values(text: str, language: str) -> dict[str, float]:
    """What the filters compare with their bounds, under the names of our signals."""
    names = ("min_doc_words", "min_avg_word_length", "max_bullet_lines_ratio", "max_ellipsis_lines_ratio")
    probes = {name: Probe(1) for name in (*names, "max_non_alpha_words_ratio", "min_stop_words")}
    symbols: list[float] = []

    class Symbols(Probe):  # compared twice: hashes, then ellipses
        def __lt__(self, other: Any) -> bool:
            symbols.append(float(other))
            return False

        __gt__ = __lt__

    GopherQualityFilter(
        **probes, max_doc_words=None, max_avg_word_length=None, max_symbol_word_ratio=Symbols(1), language=language
    ).filter(Document(text, "0"))
    top, dup = {n: Probe(1) for n in (2, 3, 4)}, {n: Probe(1) for n in range(5, 11)}
    shares = [Probe(1) for _ in range(4)]
    GopherRepetitionFilter(
        *shares, top_n_grams=tuple(top.items()), dup_n_grams=tuple(dup.items()), language=language
    ).filter(Document(text, "0"))
    fine = {name: Probe(1) for name in ("line_punct_thr", "short_line_thr", "char_duplicates_ratio", "new_line_ratio")}
    FineWebQualityFilter(**fine, language=language).filter(Document(text, "0"))
    return {
        "tokens": probes["min_doc_words"].seen,
        "mean_token_length": probes["min_avg_word_length"].seen,
        "symbol_ratio": max(symbols),
        "bullet_lines": probes["max_bullet_lines_ratio"].seen,
        "ellipsis_lines": probes["max_ellipsis_lines_ratio"].seen,
        "alpha_ratio": probes["max_non_alpha_words_ratio"].seen,
        "stop_words": probes["min_stop_words"].seen,
        "dup_lines": shares[0].seen,
        "dup_paragraphs": shares[1].seen,
        "dup_line_chars": shares[2].seen,
        "dup_paragraph_chars": shares[3].seen,
        **{f"top_{n}gram": probe.seen or 0.0 for n, probe in top.items()},
        **{f"dup_{n}gram": probe.seen for n, probe in dup.items()},
        "terminal_lines": fine["line_punct_thr"].seen,
        "short_lines": fine["short_line_thr"].seen,
        "char_dup_ratio": fine["char_duplicates_ratio"].seen,
        "newline_ratio": fine["new_line_ratio"].seen,
        **_c4_values(text, language),
    }  # type: ignore[return-value]


def _c4_values(text: str, language: str) -> dict[str, float]:
    lines = [line for line in text.splitlines() if line.strip()]
    solid = "\n".join(lines)
    found: dict[str, float] = {}
    for name, options, statistic in _LINE_RULES:
        rule = C4QualityFilter(**(_NONE | options), language=language)
        rule.filter(Document(solid, "0"))
        found[name] = rule.stats.stats[statistic].total / len(lines)
    whole = C4QualityFilter(min_num_sentences=Probe(1), filter_lorem_ipsum=False, filter_curly_bracket=False)
    whole.language = language
    whole.filter(Document(solid, "0"))
    found["c4_lines"] = whole.stats.stats["line-kept"].total / len(lines)
    found["c4_sentences"] = whole.min_num_sentences.seen
    return found


def main() -> None:
    source, target, language, words = sys.argv[1:5]
    columns = pq.read_table(source).to_pydict()
    texts, timed = columns["text"], words == "own"
    warm = "One sentence that is here to load what the filters need. " * 20
    if words == "ours":
        given = dict(zip(texts, columns["tokens"], strict=True)) | {warm: warm.split()}
        for module in (gopher_quality_filter, gopher_repetition_filter, fineweb_quality_filter):
            module.split_into_words = lambda text, _language: given[text]
        c4_filters.split_into_sentences = _our_sentences
    filters = {
        "gopher-quality": GopherQualityFilter(language=language),
        "gopher-repetition": GopherRepetitionFilter(language=language),
        "c4": C4QualityFilter(language=language),
        "fineweb": FineWebQualityFilter(language=language),
    }
    for rule in filters.values():  # what is loaded at first use is no part of the rate
        rule.filter(Document(warm, "0"))
    verdicts: dict[str, list[str]] = {name: [] for name in filters}
    cpu = time.process_time()
    for text in texts:
        for name, rule in filters.items():
            outcome = rule.filter(Document(text, "0"))  # a new one each: C4 rewrites the text
            verdicts[name].append("" if outcome is True else outcome[1])
    seconds = time.process_time() - cpu
    values = [_values(text, language) for text in texts] if not timed else []
    found = {"verdicts": verdicts, "values": values, "cpu": seconds, "version": version("datatrove")}
    Path(target).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
