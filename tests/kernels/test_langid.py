import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py3langid.langid import LanguageIdentifier

from aigc_data.kernels.codepoints import TABLES
from aigc_data.kernels.langid import join_lines, naive_bayes, split_lines
from aigc_data.kernels.samples import count_prose, sample_words
from aigc_data.text.arrow import strings_from, text_buffers
from aigc_data.text.language.scripts import script_table
from aigc_data.text.language.vote import _model
from aigc_data.text.language.weights import other_scripts

SENTENCES = [
    "Where is the train station?",
    "Où est la gare, s'il vous plaît ?",
    "Wo ist hier der Bahnhof, bitte? Ich muss heute noch nach Köln.",
    "Где находится вокзал?",
    "火车站在哪里？",
    "東京は日本の首都です。",
    "기차역이 어디에 있습니까?",
    "أين محطة القطار؟",
    "สถานีรถไฟอยู่ที่ไหน",
    "Hvar er lestarstöðin? " * 12,
    "a",
    "",
    "123 456",
]
# Words, code, capitals, Chinese, Thai, line feeds.
MIXED = st.text(st.sampled_from(list("abcdeÉñжλกไ中文あ한ABC019 /_.,，。\n\u3000'-")), max_size=60)


def columns(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    return text_buffers(pa.array(texts, pa.large_string()))


def sampled(text: str, quota: int) -> str:
    data, offsets = columns(["before ", text])
    sample = sample_words(data, offsets[1:2].copy(), offsets[2:].copy(), script_table(), other_scripts(), TABLES, quota)
    return str(strings_from(*sample)[0].as_py())


def test_naive_bayes__as_the_package() -> None:
    package = LanguageIdentifier.from_model_file("data/model.npz.xz", norm_probs=True)
    scores = np.exp(naive_bayes(*columns(SENTENCES), _model()[0]))
    names = package.nb_classes
    for text, row in zip(SENTENCES, scores, strict=True):
        merged: dict[str, float] = {}
        for name, value in zip(names, row.tolist(), strict=True):
            merged[name] = merged.get(name, 0) + value
        assert merged == pytest.approx(dict(package.rank(text)), abs=1e-4), text


def test_sample_words__literal() -> None:
    assert sampled("Visit https://a.org/x  or  mail me@b.org\nin 2024, please.", 100) == "Visit or mail in please."
    assert sampled("3.14/2 x_1", 100) == "3.14/2 x_1"  # nothing else is there to read
    assert sampled("THE END OF IT, É", 100) == "the end of it, é"
    assert sampled("The word 数据（shùjù） is data。", 100) == "The word shùjù is data"
    assert sampled("สถานีรถไฟ5แห่ง", 100) == "สถานีรถไฟ5แห่ง"  # a sentence, not a word with a digit
    assert sampled("数据，。", 100) == ""


def test_sample_words__reads_three_places() -> None:
    text = "alpha " * 20 + "omega " * 20
    assert sampled(text, 20) == "alpha alpha\nomega\nomega"
    assert len(sampled("x" * 10_000, 100)) < 250


@settings(deadline=None, max_examples=60)
@given(MIXED, st.integers(2, 30))
def test_sample_words__takes_words_in_their_order(text: str, quota: int) -> None:
    words = re.split(r"[\s\u3000，。中文あ한]+", text.lower())
    left = iter(words)
    for word in sampled(text, quota).lower().split():
        assert any(word in other for other in left)


def prose_of(text: str) -> int:
    words = re.split(r"[\s\u3000，。中文あ한]+", text)
    unspaced = set("กไ")
    return sum(
        sum(c.isalpha() for c in word)
        for word in words
        if unspaced & set(word) or not re.search(r"[\d/_#<=>@\\{|}]", word)
    )


@settings(deadline=None, max_examples=60)
@given(st.lists(MIXED, max_size=4))
def test_count_prose__as_the_plain_reference(texts: list[str]) -> None:
    data, offsets = columns(texts)
    counts = count_prose(data, offsets[:-1].copy(), offsets[1:].copy(), script_table(), other_scripts(), TABLES)
    assert counts.tolist() == [prose_of(text) for text in texts]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(st.sampled_from(list("aé中😀\n\r")), max_size=12), max_size=4))
def test_split_lines__as_python_splits(texts: list[str]) -> None:
    data, offsets = columns(["pad\n", *texts])
    rows = np.arange(1, len(texts) + 1)
    place, starts, ends, first, last = (array.tolist() for array in split_lines(data, offsets, rows))
    expected = [(i, line) for i, text in enumerate(texts) for line in re.findall(r"[^\n]*\n|[^\n]+", text)]
    assert [(p, bytes(data[s:e]).decode()) for p, s, e in zip(place, starts, ends, strict=True)] == expected
    assert [texts[p][a:b] for p, a, b in zip(place, first, last, strict=True)] == [line for _, line in expected]


def joined_plainly(labels: list[int], weights: list[int], least: int) -> list[int]:
    runs: list[list[int]] = []  # label, weight, lines
    for label, weight in zip(labels, weights, strict=True):
        if not runs or (label >= 0 and label != runs[-1][0]):
            runs.append([label, 0, 0])
        runs[-1][1] += weight
        runs[-1][2] += 1
    kept = [label if weight >= least and label >= 0 else None for label, weight, _ in runs]
    out: list[int] = []
    for i, (_, _, lines) in enumerate(runs):
        before = [label for label in kept[: i + 1] if label is not None]
        after = [label for label in kept[i:] if label is not None]
        out += [before[-1] if before else after[0] if after else -1] * lines
    return out


@settings(deadline=None, max_examples=100)
@given(st.lists(st.lists(st.tuples(st.integers(-1, 2), st.integers(0, 5)), max_size=8), max_size=3), st.integers(1, 6))
def test_join_lines__as_the_plain_reference(texts: list[list[tuple[int, int]]], least: int) -> None:
    place = np.array([i for i, text in enumerate(texts) for _ in text], np.int64)
    labels = np.array([label for text in texts for label, _ in text], np.int64)
    weights = np.array([weight for text in texts for _, weight in text], np.int64)
    expected = [x for text in texts for x in joined_plainly([a for a, _ in text], [b for _, b in text], least)]
    assert join_lines(place, labels, weights, least).tolist() == expected
