"""The counts against plain Python: regular expressions over characters, and datatrove's two n-gram loops."""

import itertools
import re
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_data.kernels import quality as k
from aigc_data.kernels.codepoints import LETTER, SPACE, TABLES, TERMINAL, UNSPACED, WORD, flags_of
from aigc_data.text.arrow import text_buffers
from aigc_data.text.quality import STOP_WORDS_EN, STOP_WORDS_ZH, _stop_table


def flags(character: str) -> int:
    return int(flags_of(ord(character), TABLES))


def tokens_of(text: str) -> list[str]:
    marked = "".join(c if flags(c) & WORD else f"\n{c}\n" if flags(c) & UNSPACED else "\n" for c in text)
    return [token for token in marked.split("\n") if token]


def folded(token: str) -> str:
    return token.lower()


def written(gram: list[str]) -> str:
    """The n-gram as it is written: a blank between two words."""
    text = gram[0]
    for before, token in itertools.pairwise(gram):
        text += " " * bool(flags(before[0]) & WORD and flags(token[0]) & WORD) + token
    return text


def top_ngram(tokens: list[str], n: int) -> int:
    grams = [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
    counts = Counter(tuple(map(folded, gram)) for gram in grams)
    most = max(counts.values(), default=0)
    if most < 2:
        return 0
    return max(most * len(written(list(gram))) for gram in counts if counts[gram] == most)


def dup_ngram(tokens: list[str], n: int) -> int:
    """datatrove, utils/text.py, find_all_duplicate."""
    seen, chars, at = set(), 0, 0
    while at < len(tokens) - n + 1:
        gram = tuple(map(folded, tokens[at : at + n]))
        if gram in seen:
            chars += sum(map(len, gram))
            at += n
        else:
            seen.add(gram)
            at += 1
    return chars


def duplicates(elements: list[tuple[str, int]]) -> tuple[int, int]:
    """datatrove, filters/gopher_repetition_filter.py, find_duplicates."""
    seen, count, chars = set(), 0, 0
    for element, size in elements:
        if element in seen:
            count, chars = count + 1, chars + size
        seen.add(element)
    return count, chars


def ellipses(text: str) -> int:
    dots = sum(len(run) // 3 for run in re.findall(r"\.+|。+", text))
    return dots + sum((len(run) + 1) // 2 for run in re.findall("…+", text))


def trim(line: str) -> str:
    while line and flags(line[0]) & SPACE:
        line = line[1:]
    while line and flags(line[-1]) & SPACE:
        line = line[:-1]
    return line


def reference(text: str) -> dict[str, int]:
    tokens = tokens_of(text)
    every = [trim(line) for line in text.split("\n")]
    lines = [line for line in every if line]
    paragraphs = [
        part.split("\x00") for part in re.sub("\x00{2,}", "\n", "\x00".join(every)).strip("\x00\n").split("\n")
    ]
    paragraphs = [part for part in paragraphs if part != [""]]
    words = {folded(token) for token in tokens}
    found = {
        "chars": len(text),
        "tokens": len(tokens),
        "token_chars": sum(map(len, tokens)),
        "alpha_tokens": sum(any(flags(c) & LETTER for c in token) for token in tokens),
        "stop_words_en": len(words & set(STOP_WORDS_EN)),
        "stop_words_zh": sum(any(form in words for form in forms) for forms in STOP_WORDS_ZH),
        "newlines": text.count("\n"),
        "hashes": text.count("#"),
        "ellipses": ellipses(text),
        "lines": len(lines),
        "bullet_lines": sum(bool(re.match(r"[•‣⁃∙·\u25a0-\u25ff]|[-*+–][ \t]", line)) for line in lines),
        "ellipsis_lines": sum(bool(re.search(r"(\.\.\.|。。。|…)$", line)) for line in lines),
        "terminal_lines": sum(bool(flags(line[-1]) & TERMINAL) for line in lines),
        "short_lines": sum(sum(3 if flags(c) & UNSPACED else 1 for c in line) <= 30 for line in lines),
        "paragraphs": len(paragraphs),
    }
    found["dup_lines"], found["dup_line_chars"] = duplicates([(line, len(line)) for line in lines])
    sizes = [("\n".join(part), sum(map(len, part))) for part in paragraphs]
    found["dup_paragraphs"], found["dup_paragraph_chars"] = duplicates(sizes)
    found |= {f"top_{n}gram": top_ngram(tokens, n) for n in (2, 3, 4)}
    return found | {f"dup_{n}gram": dup_ngram(tokens, n) for n in range(5, 11)}


def counts(*texts: str) -> list[dict[str, int]]:
    raw = k.measure(*text_buffers(pa.array(texts, pa.large_string())), TABLES, *_stop_table())
    return [dict(zip(k.COUNTS, row, strict=True)) for row in raw.tolist()]


PIECES = [
    "the ",
    "The",
    "data",
    " of",
    " 2026 ",
    "数据",
    "的",
    "后",
    "後",
    "质量",
    "，",
    "。",
    "。。。",
    "……",
    "…",
    "...",
    ".",
    "#",
]
PIECES += [
    "\n",
    "\n\n",
    " \n",
    "- ",
    "-",
    "* ",
    "•",
    "■",
    "　",
    " ",
    "\t",
    "”",
    "é",
    "データ",
    "한국 ",
    "😀",
    "!",
    "？",
    "a b a b a b ",
    "是是是",
]


@settings(deadline=None, max_examples=300)
@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=60).map("".join), max_size=3))
def test_measure__is_the_plain_reference(texts: list[str]) -> None:
    assert counts(*texts) == [reference(text) for text in texts]


@settings(deadline=None)
@given(st.integers(2, 4), st.integers(0, 2**32), st.integers(0, 200), st.sampled_from(["ab", "数据"]))
def test_measure__repetitive_texts(letters: int, seed: int, length: int, script: str) -> None:
    drawn = np.random.default_rng(seed).integers(0, letters, length)
    words = [script * (n + 1) if script == "ab" else "数据质量"[n] for n in drawn]
    text = " ".join(words)
    assert counts(text) == [reference(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {"chars": 0, "tokens": 0, "lines": 0, "paragraphs": 0}),
        ("一二三\n四五\n\n一二三\n四五", {"lines": 4, "dup_lines": 2, "paragraphs": 2, "dup_paragraph_chars": 5}),
        ("to be or not to be", {"tokens": 6, "stop_words_en": 2, "top_2gram": 10, "top_3gram": 0}),
        ("数据数据数据", {"tokens": 6, "top_2gram": 6, "top_3gram": 6, "dup_5gram": 0}),
        ("一二三四五六，一二三四五六。", {"dup_5gram": 5, "dup_6gram": 6, "dup_7gram": 0}),
        ("一二三四五六七八九十\n短\n", {"short_lines": 2, "newlines": 2}),
        ("一二三四五六七八九十百\n", {"short_lines": 0}),
        ("a line of thirty characters ok\na line of thirty-one characters", {"short_lines": 1}),
        ("- item\n• 项目\n-5 degrees\n——破折号", {"bullet_lines": 2}),
        ("他说……\nWait...\nend.\n等等。。。", {"ellipsis_lines": 3, "ellipses": 3, "terminal_lines": 4}),
        ("于是於是", {"stop_words_zh": 2}),
    ],
)
def test_measure__literal(text: str, expected: dict[str, int]) -> None:
    found = counts(text)[0]
    assert {name: found[name] for name in expected} == expected


def test_measure__slices_and_scratch_are_clean() -> None:
    long = "数据质量决定模型质量。" * 50
    array = pa.array(["x", long, "ab ab", long, ""], pa.large_string())
    raw = k.measure(*text_buffers(array.slice(1, 3)), TABLES, *_stop_table())
    assert [dict(zip(k.COUNTS, row, strict=True)) for row in raw.tolist()] == [
        counts(t)[0] for t in (long, "ab ab", long)
    ]
