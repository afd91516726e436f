"""The counts against plain Python: regular expressions over characters, and datatrove's loops."""

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
from aigc_data.text.quality.words import (
    PHRASES_EN,
    PHRASES_ZH,
    STOP_WORDS_EN,
    STOP_WORDS_ZH,
    phrase_table,
    stop_table,
    terminal_table,
)

TERMINALS = set(map(chr, terminal_table()))
CITATION = re.compile(r"\[[0-9]*\]|\[edit\]|\[citation needed\]")


def flags(character: str) -> int:
    return int(flags_of(ord(character), TABLES))


def tokens_of(text: str) -> list[str]:
    marked = "".join(c if flags(c) & WORD else f"\n{c}\n" if flags(c) & UNSPACED else "\n" for c in text)
    return [token for token in marked.split("\n") if token]


def written(gram: list[str], chinese: bool) -> str:
    """The n-gram with blanks, in Chinese only between two words."""
    text = gram[0]
    for before, token in itertools.pairwise(gram):
        text += " " * bool(not chinese or (flags(before[0]) & WORD and flags(token[0]) & WORD)) + token
    return text


def top_ngram(tokens: list[str], n: int, chinese: bool) -> int:
    """datatrove, filters/gopher_repetition_filter.py, find_top_duplicate; in Chinese only what occurs twice."""
    counts = Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))
    if not counts or (chinese and max(counts.values()) < 2):
        return 0
    gram, times = counts.most_common(1)[0]
    return times * len(written(list(gram), chinese))


def dup_ngram(tokens: list[str], n: int) -> int:
    """datatrove, utils/text.py, find_all_duplicate."""
    seen, chars, at = set(), 0, 0
    while at < len(tokens) - n + 1:
        gram = tuple(tokens[at : at + n])
        if gram in seen:
            chars += sum(map(len, gram))
            at += n
        else:
            seen.add(gram)
            at += 1
    return chars


def duplicates(elements: list[str]) -> tuple[int, int]:
    """datatrove, filters/gopher_repetition_filter.py, find_duplicates."""
    seen, count, chars = set(), 0, 0
    for element in elements:
        if element in seen:
            count, chars = count + 1, chars + len(element)
        seen.add(element)
    return count, chars


def ellipses(text: str, chinese: bool) -> int:
    dots = sum(len(run) // 3 for run in re.findall(r"\.+|。+" if chinese else r"\.+", text))
    return dots + (sum((len(run) + 1) // 2 for run in re.findall("…+", text)) if chinese else text.count("…"))


def trim(line: str) -> str:
    while line and flags(line[-1]) & SPACE:
        line = line[:-1]
    return line


def sentences(line: str) -> int:
    """Pieces with a token between marks: 。！？ and, before a blank, .?! with the quotes behind it."""
    marks = re.compile(r"""[.?!؟।][.?!؟।"')\]’”»]*(?=\s|$)|[。！？｡۔]""")
    cited, line = CITATION.sub("", line), ""
    for at, c in enumerate(cited):  # the stop behind a single letter is none
        word = flags(cited[at - 1]) if at else 0
        alone = at < 2 or not flags(cited[at - 2]) & WORD
        line += "\x00" if c == "." and word & WORD and word & LETTER and alone else c
    return sum(any(flags(c) & (WORD | UNSPACED) for c in piece) for piece in marks.split(line))


def c4_line(line: str, chinese: bool) -> dict[str, int]:
    bare = line.lstrip()
    words = bare.split()
    low, found = bare.lower(), {}
    if chinese:
        found["long_word_lines"] = any(len(t) > 1000 for t in tokens_of(bare))
        found["bare_lines"] = not flags(bare[-1]) & TERMINAL or bool(re.search(r"(\.\.\.|。。。|…)$", bare))
        found["few_word_lines"] = len(tokens_of(bare)) < 5
    else:
        left = CITATION.sub("", bare)
        found["long_word_lines"] = any(len(word) > 1000 for word in words)
        found["bare_lines"] = not left.endswith((".", "?", "!", '"', "'")) or left.endswith("...")
        found["few_word_lines"] = len(words) < 3
    policies = [p for p, bit in PHRASES_EN if bit == 1] + [*PHRASES_ZH, "使用cookie", "使用 cookie"] * chinese
    found["javascript_lines"] = "javascript" in low
    found["policy_lines"] = any(p in low for p in policies)
    found["lorem_lines"] = "lorem ipsum" in low
    found["brace_lines"] = "{" in bare
    found["sentences"] = sentences(bare)
    cut = found["long_word_lines"] or found["bare_lines"] or found["few_word_lines"]
    found["c4_marks"] = 0 if cut else found["lorem_lines"] + (found["brace_lines"] and not found["javascript_lines"])
    found["c4_lines"] = not (cut or found["javascript_lines"] or found["policy_lines"])
    found["c4_sentences"] = found["c4_lines"] * found["sentences"]
    return {name: int(value) for name, value in found.items()}


def is_bullet(line: str, chinese: bool) -> bool:
    shapes = r"[•‣⁃∙·\u25a0-\u25ff]|[-*+–][ \t]" if chinese else "[•-]"
    return bool(re.match(shapes, line.lstrip()))


def width(line: str, chinese: bool) -> int:
    return sum(3 if chinese and flags(c) & UNSPACED else 1 for c in line)


def reference(text: str, chinese: bool) -> dict[str, int]:
    tokens = tokens_of(text)
    every = [trim(line) for line in text.split("\n")]
    lines = [line for line in every if line]
    paragraphs = [part for part in re.split("\n{2,}", "\n".join(every).strip("\n")) if part]
    ending = r"(\.\.\.|。。。|…)$" if chinese else r"(\.\.\.|…)$"
    stop_words = STOP_WORDS_ZH if chinese else [(word,) for word in STOP_WORDS_EN]
    found = {
        "chars": len(text),
        "tokens": len(tokens),
        "token_chars": sum(map(len, tokens)),
        "alpha_tokens": sum(any(flags(c) & LETTER for c in token) for token in tokens),
        "stop_words": sum(any(form in tokens for form in forms) for forms in stop_words),
        "newlines": text.count("\n"),
        "hashes": text.count("#"),
        "ellipses": ellipses(text, chinese),
        "citations": sum(len(CITATION.findall(line)) for line in lines),
        "all_lines": text.count("\n") + (text != "" and text[-1] != "\n"),
        "bullet_lines": sum(is_bullet(line, chinese) for line in lines),
        "ellipsis_lines": sum(bool(re.search(ending, line)) for line in lines),
        "terminal_lines": sum(bool(flags(x[-1]) & TERMINAL) if chinese else x[-1] in TERMINALS for x in lines),
        "short_lines": sum(width(line, chinese) <= 30 for line in lines),
        "menu_lines": sum(
            width(x, True) <= 30 and not flags(x[-1]) & TERMINAL and x[-1] not in ",:;，、：" for x in lines
        ),
        "lines": len(lines),
        "paragraphs": len(paragraphs),
    }
    judged = [c4_line(line, chinese) for line in lines]
    found |= {name: sum(line[name] for line in judged) for name in c4_line("x", chinese)}
    found["dup_lines"], found["dup_line_chars"] = duplicates(lines)
    found["dup_paragraphs"], found["dup_paragraph_chars"] = duplicates(paragraphs)
    found |= {f"top_{n}gram": top_ngram(tokens, n, chinese) for n in (2, 3, 4)}
    return found | {f"dup_{n}gram": dup_ngram(tokens, n) for n in range(5, 11)}


def counts(*texts: str, zh: bool = False) -> list[dict[str, int]]:
    return counted(pa.array(texts, pa.large_string()), zh)


def counted(texts: pa.Array, zh: bool) -> list[dict[str, int]]:
    words = (terminal_table(), phrase_table(), stop_table())
    raw = k.measure(*text_buffers(texts), np.full(len(texts), zh), TABLES, *words)
    return [dict(zip(k.COUNTS, row, strict=True)) for row in raw.tolist()]


PIECES = [
    *(
        "the ",
        ",",
        ": ",
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
    ),
    *(
        ".",
        "#",
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
    ),
    *("？", "a b a b a b ", "是是是", "[1]", "[edit]", "[", "]", "{", "JavaScript", "javascripts ", "lorem ipsum"),
    *("the cookie policy", "Privacy Policy", "uses cookies", "because cookies", "隐私政策", "使用 Cookie", "用户协议"),
    *('"', "'", ")", "J. ", "p. ", "x" * 40, "؟ ", "   ", "!?", ". ", "? "),
]


@settings(deadline=None, max_examples=300)
@given(st.booleans(), st.lists(st.lists(st.sampled_from(PIECES), max_size=60).map("".join), max_size=3))
def test_measure__is_the_plain_reference(zh: bool, texts: list[str]) -> None:
    assert counts(*texts, zh=zh) == [reference(text, zh) for text in texts]


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 4), st.integers(0, 2**32), st.integers(0, 200), st.booleans())
def test_measure__repetitive_texts(letters: int, seed: int, length: int, zh: bool) -> None:
    drawn = np.random.default_rng(seed).integers(0, letters, length)
    text = "".join("数据质量"[n] if zh else "ab" * (n + 1) + " " for n in drawn)
    assert counts(text, zh=zh) == [reference(text, zh)]


@pytest.mark.parametrize(
    ("text", "zh", "expected"),
    [
        ("", False, {"chars": 0, "tokens": 0, "lines": 0, "paragraphs": 0, "all_lines": 0, "sentences": 0}),
        ("一二三\n四五\n\n一二三\n四五", True, {"lines": 4, "dup_lines": 2, "paragraphs": 2, "dup_paragraph_chars": 6}),
        ("to be or not to be", False, {"tokens": 6, "stop_words": 2, "top_2gram": 10, "top_3gram": 8}),
        ("The The the", False, {"stop_words": 1, "top_2gram": 7}),
        ("数据数据数据", True, {"tokens": 6, "top_2gram": 6, "top_3gram": 6, "dup_5gram": 0}),
        ("一二三四五六，一二三四五六。", True, {"dup_5gram": 5, "dup_6gram": 6, "dup_7gram": 0}),
        ("一二三四五六七八九十\n短\n短句。\n诗句，\n", True, {"short_lines": 4, "menu_lines": 2, "newlines": 4}),
        ("一二三四五六七八九十百\n", True, {"short_lines": 0}),
        ("一二三四五六七八九十百\n", False, {"short_lines": 1}),
        ("a line of thirty characters ok\na line of thirty-one characters", False, {"short_lines": 1}),
        ("- item\n• 项目\n-5 degrees\n——破折号\n* x", True, {"bullet_lines": 3}),
        ("- item\n• 项目\n-5 degrees\n——破折号\n* x", False, {"bullet_lines": 3}),
        ("他说……\nWait...\nend.\n等等。。。", True, {"ellipsis_lines": 3, "ellipses": 3, "terminal_lines": 4}),
        ("他说……\nWait...\nend.\n等等。。。", False, {"ellipsis_lines": 2, "ellipses": 3, "terminal_lines": 3}),
        ("于是於是", True, {"stop_words": 2}),
        ("It is 3.14, says J. Doe. Is it? (Yes.) Good", False, {"sentences": 4}),
        ("好吗？好。不好！v1.2 很好", True, {"sentences": 4}),
        ("  indented\n  indented\nindented", False, {"dup_lines": 1, "dup_line_chars": 10}),
        ("It was so.[12][edit]\nIt was so. [1]\nWas it...", False, {"citations": 3, "bare_lines": 2, "c4_lines": 1}),
        ("We use cookies here.\nYou may because cookies crumble.", False, {"policy_lines": 2, "c4_lines": 0}),
        ("本站使用Cookie。\n请阅读隐私政策和用户协议。\n我们讨论政策。", True, {"policy_lines": 2, "c4_lines": 1}),
        ("请阅读隐私政策。", False, {"policy_lines": 0}),
        ("NodeJavaScriptX rules the web.", False, {"javascript_lines": 1, "c4_lines": 0}),
        ("A set {a, b} is finite.\nint f() {\nLorem Ipsum dolor sit.", False, {"brace_lines": 2, "c4_marks": 2}),
        ("x" * 1001 + " is a long word.\n" + "y" * 1000 + " is none.", False, {"long_word_lines": 1, "c4_lines": 1}),
        ("字" * 1001 + "。", True, {"long_word_lines": 0, "c4_lines": 1}),
    ],
)  # fmt: skip
def test_measure__literal(text: str, zh: bool, expected: dict[str, int]) -> None:
    found = counts(text, zh=zh)[0]
    assert {name: found[name] for name in expected} == expected


def test_measure__slices_and_scratch_are_clean() -> None:
    long = "数据质量决定模型质量。" * 50
    array = pa.array(["x", long, "ab ab", long, ""], pa.large_string())
    assert counted(array.slice(1, 3), True) == [counts(t, zh=True)[0] for t in (long, "ab ab", long)]


def test_measure__long_texts_take_time_in_proportion() -> None:
    # One line of a million characters, nothing but breaks, marks alone, one token, `[` without an end.
    for text in (
        "数据" * 500_000,
        "\n" * 1_000_000,
        "\u0301" * 1_000_000,
        "a" * 1_000_000,
        "[1" * 500_000,
        "]" * 1_000_000,
    ):
        assert counts(text)[0]["chars"] == len(text)
