"""Strings that have broken other programs, through every function that reads texts: no exception, no hang, an answer a
row, and no good character changed."""

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from prose import chinese, english

from aigc_data.recipe import DedupeMeasure
from aigc_data.text.augment import sentence_drop, sentence_swap, typo, width
from aigc_data.text.cleaning.clean import clean
from aigc_data.text.cleaning.lines import KINDS
from aigc_data.text.cleaning.mojibake import lost_share
from aigc_data.text.dedupe.contamination import build_index, contamination
from aigc_data.text.dedupe.repeats import cut_repeats, line_hashes
from aigc_data.text.dedupe.sketch import sketch
from aigc_data.text.dedupe.substrings import repeated_substrings
from aigc_data.text.language.identify import identify, second_opinion
from aigc_data.text.licenses.declared import declared_licence
from aigc_data.text.licenses.notices import find_notices
from aigc_data.text.models import classifier_training, perplexity
from aigc_data.text.pii import find_spans, redact
from aigc_data.text.quality.signals import signals
from aigc_data.text.safety import lexicon, urls
from aigc_data.text.tokens import count_tokens, list_tokens

DATA = Path(__file__).parent / "data"
NAUGHTY: list[str] = json.loads((DATA / "naughty_strings.json").read_text("utf-8"))
GARBLED: list[str] = [case["original"] for case in json.loads((DATA / "ftfy_cases.json").read_text("utf-8"))]
#: What a decoder has to refuse (Kuhn's stress test by kinds): lone and missing continuation bytes, impossible bytes,
#: overlong forms, surrogates, noncharacters.
BROKEN = [
    raw.decode("utf-8", "replace")
    for raw in (
        bytes(range(0x80, 0xC0)), b"\xc3 \xe0\xa0 \xf0\x90\x80 \xf7\xbf\xbf", b"\xfe\xfe\xff\xff",
        b"\xc0\xaf\xe0\x80\xaf",
        b"\xf0\x80\x80\xaf\xf8\x80\x80\x80\xaf", b"\xed\xa0\x80\xed\xb0\x80", b"\xef\xbf\xbe\xef\xbf\xbf", b"\xc0\x80",
        b"\xce\xba\xe1\xbd\xb9\xcf\x83", b"\xf4\x90\x80\x80", bytes(range(256)),
    )
]  # fmt: skip
LONG = [
    "x" * 1_000_000,
    "\n" * 500_000,
    "\r\n" * 100_000,
    "e" + "\u0301\u0323" * 100_000,  # marks out of order
    "\u0301" * 100_000,
    "The data were all. 数据决定上限。\n" * 120_000,  # 5 MB
    "<a " * 50_000,
    "&amp;" * 50_000,
    "&lt;b" * 50_000,
    "Ã©â€™" * 20_000,
    "锛屼" * 30_000,
    "\x1b]" * 50_000,
    "Read more\n" * 10_000,
    "每一个步骤都必须经过仔细的检查。\n" * 20_000,
    "1" * 200_000,
    "a@" * 50_000,
    "\u200b\u200d" * 50_000,
    "\U000e0061" * 20_000,
    "ᄒ" * 50_000 + "ᅡ" * 50_000,
    "http://" * 20_000,
]
SHORT = ["", None, " ", *NAUGHTY, *GARBLED, *BROKEN]


def texts_of(values: list[str | None]) -> pa.Array:
    return pa.array(values, pa.large_string())


def everything(texts: pa.Array) -> pa.LargeStringArray:
    return clean(texts, form="NFC", mojibake=True, html=True, cut_lines=KINDS).texts


def as_language(texts: pa.Array) -> pa.Array:
    return pa.array(["zh" if row % 2 else "en" for row in range(len(texts))], pa.string())


FUNCTIONS: dict[str, Callable[[pa.Array], object]] = {
    "clean": everything,
    "clean, other form": lambda t: clean(t, form="NFKC", mojibake=False).texts,
    "lost_share": lambda t: lost_share(t, np.ones(len(t), np.int64)),
    "identify": lambda t: identify(t, letters=160).lang,
    "signals": lambda t: signals(t, np.arange(len(t)) % 2 == 0)["tokens"],
    "find_spans": lambda t: find_spans(t)[0],
    "redact": lambda t: redact(t, find_spans(t)[0], actions={}),
    "find_notices": lambda t: find_notices(t, reach=2048).expressions,
    "sketch": lambda t: sketch(t, DedupeMeasure()),
    "cut_repeats": lambda t: cut_repeats(t, np.unique(line_hashes(t, min_tokens=1)[0]), min_tokens=1),
    "repeated_substrings": lambda t: repeated_substrings(t, np.arange(len(t)), tokens=5),
    "count_tokens": count_tokens,
    "list_tokens": list_tokens,
    "contamination": lambda t: contamination(
        t,
        build_index(pa.table({"set": ["s"], "item": ["1"], "text": ["is data the key, and is it 数据是关键 or not"]})),
    ),
    "lexicon": lambda t: lexicon.load([]).find(t, as_language(t)).tokens,
    "block list": lambda t: urls.BlockList(()).links(t),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function__short_strings(name: str) -> None:
    assert len(FUNCTIONS[name](texts_of(SHORT))) == len(SHORT)  # type: ignore[arg-type]
    cleaned = everything(texts_of(SHORT))
    assert len(FUNCTIONS[name](cleaned)) == len(SHORT)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function__long_texts(name: str) -> None:
    assert len(FUNCTIONS[name](texts_of(LONG))) == len(LONG)  # type: ignore[arg-type]


def test_models__score_them_all() -> None:
    texts = texts_of([english(n) for n in range(30)] + [chinese(n) for n in range(30)])
    langs = pa.array(["en"] * 30 + ["zh"] * 30)
    few = classifier_training.Options(min_examples=5, folds=2, buckets=1 << 12)
    model = classifier_training.train(texts, np.arange(60) % 2 == 0, langs, options=few)
    reference = perplexity.fit(texts, langs, options=perplexity.Options(min_bytes=1000))
    for values in (SHORT, LONG):
        hostile = texts_of(values)
        score = model.score(hostile, as_language(hostile))
        bits = reference.bits(hostile, as_language(hostile))
        assert len(score) == len(bits) == len(values)
        assert ((score >= 0) & (score <= 1)).all()
        assert (bits[~np.isnan(bits)] >= 0).all()


def test_functions_of_one_string() -> None:
    for text in [text for text in SHORT if text is not None] + LONG[:1]:
        assert declared_licence(text)
        for change in (typo, sentence_swap):
            assert sorted(change(text, 1)) == sorted(text)
        assert len(sentence_drop(text, 1)) <= len(text)
        assert len(width(text, 1)) == len(text)
    for text in SHORT[3:60]:
        assert second_opinion(text or "")


def good(text: str) -> str:
    """What nobody would call invisible, in NFC."""
    unseen = ("Cc", "Cf", "Zs", "Zl", "Zp", "Cn")
    return "".join(c for c in unicodedata.normalize("NFC", text) if unicodedata.category(c) not in unseen)


def test_clean__changes_no_good_character_of_the_naughty_strings() -> None:
    done = clean(texts_of(NAUGHTY), form="NFC", mojibake=True, html=True, cut_lines=KINDS)
    for before, after in zip(NAUGHTY, done.texts.to_pylist(), strict=True):
        if "\x1b" not in before:  # a terminal escape is spelt in good characters
            assert good(after) == good(before)


def test_clean__twice_is_once_for_all_of_them() -> None:
    once = everything(texts_of([*SHORT, *LONG]))
    assert everything(once) == once
