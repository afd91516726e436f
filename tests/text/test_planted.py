"""The planted sample: who is chosen, what is edited, and what is reported, in both languages."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prose import chinese, english

from aigc_data.errors import StageError
from aigc_data.recipe import DedupeMeasure
from aigc_data.text.dedupe.planted import (
    ALL,
    PLANTED,
    RATES,
    _apart,
    _parts,
    choose,
    plant,
    report,
    true_similarity,
    wilson,
)
from aigc_data.text.tokens import tokens_of

TEXTS = [english(n) for n in range(12)] + [chinese(n) for n in range(12)]
LANG = np.array(["en"] * 12 + ["zh"] * 12)
MIXED = "用Python写的Ｃode，don’t：ｶﾞ行。\r\nＡ１ naïve Straße İstanbul ﬁn ② 123,456.7 家庭👨\u200d👩 สวัสดี"


def numbers(count, seed=0):
    return np.random.default_rng(seed).integers(0, 1 << 63, (count, 2), np.uint64)


def planted(texts=TEXTS, lang=LANG, ids=None, **options):
    return plant(pa.array(texts), lang, numbers(len(texts)) if ids is None else ids, seed=7, **options)


def overlap(left, right, n=5):
    a, b = ({tuple(t[i : i + n]) for i in range(max(len(t) - n + 1, 1))} for t in (tokens_of(left), tokens_of(right)))
    return len(a & b) / len(a | b)


def test_choose__takes_so_many_of_each_language_and_all_where_there_are_fewer():
    ids, lang = numbers(1000), np.array(["en"] * 900 + ["zh"] * 95 + ["fr"] * 5)
    tokens = np.full(1000, 60)
    tokens[995:998] = 49
    rows = choose(ids, lang, tokens, per_language=50, min_tokens=50, seed=0)
    assert dict(zip(*np.unique(lang[rows], return_counts=True), strict=True)) == {"en": 50, "fr": 2, "zh": 50}
    assert (tokens[rows] >= 50).all()
    assert len(set(rows)) == len(rows)


def test_choose__depends_on_ids_and_seed_alone():
    ids, lang, tokens = numbers(3000), np.array(["en", "zh", "zh"] * 1000), np.arange(3000) % 200
    options = {"per_language": 40, "min_tokens": 30}
    rows = choose(ids, lang, tokens, **options, seed=0)
    order = np.random.default_rng(1).permutation(3000)
    again = choose(ids[order], lang[order], tokens[order], **options, seed=0)
    assert np.array_equal(ids[rows], ids[order][again])
    by_shard = [s[choose(ids[s], lang[s], tokens[s], **options, seed=0)] for s in np.array_split(order, 7)]
    shards = np.concatenate(by_shard)
    merged = shards[choose(ids[shards], lang[shards], tokens[shards], **options, seed=0)]
    assert np.array_equal(merged, rows)
    assert not np.array_equal(choose(ids, lang, tokens, **options, seed=1), rows)


def test_choose__of_nothing_is_nothing():
    rows = choose(numbers(0), np.array([], str), np.array([], np.int64), per_language=5, min_tokens=1, seed=0)
    assert (rows.dtype, len(rows)) == (np.int64, 0)


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_parts__are_the_text_and_its_tokens(text):
    parts = _parts(text)
    assert parts.joined() == text
    assert [t for token in parts.tokens for t in tokens_of(token)] == tokens_of(text)
    assert all(len(tokens_of(token)) == 1 for token in parts.tokens)
    assert not any(tokens_of(gap) for gap in parts.gaps)


def test_plant__makes_one_copy_for_each_rate_and_one_in_another_form():
    copies = planted()
    assert copies.schema == PLANTED
    assert copies["original"].to_pylist() == [i for i in range(24) for _ in range(5)]
    assert copies["rate"].to_pylist()[:5] == [np.float32(r) for r in (0, *RATES)]
    assert set(copies["kind"].to_pylist()) == {"form", "tokens", "deleted", "appended"}
    for original, rate, text, kind in zip(*(c.to_pylist() for c in copies.columns), strict=True):
        assert text != TEXTS[original]
        assert (tokens_of(text) == tokens_of(TEXTS[original])) == (kind == "form") == (rate == 0)


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
def test_plant__edits_the_stated_share_of_tokens(rate):
    for original, _, text, kind in zip(*(c.to_pylist() for c in planted(rates=[rate]).columns), strict=True):
        if kind == "form":
            continue
        before, after = tokens_of(TEXTS[original]), tokens_of(text)
        wanted = max(1, round(rate * len(before)))
        assert 1 <= distance(before, after) <= wanted
        if kind == "deleted":
            assert len(after) == len(before) - wanted
        if kind == "appended":
            assert after[: len(before)] == before
            assert len(after) == len(before) + wanted


def distance(a, b):
    """Edit distance of two token lists (Wagner and Fischer)."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(last + (x != y), row[j] + 1, row[j - 1] + 1)
    return row[-1]


def test_plant__takes_new_tokens_from_texts_of_the_language():
    known = {lang: {t for i, text in enumerate(TEXTS) if LANG[i] == lang for t in tokens_of(text)} for lang in LANG}
    for original, text in zip(*(planted(rates=[0.3]).select(["original", "text"]).to_pydict().values()), strict=True):
        assert set(tokens_of(text)) <= known[LANG[original]]


def test_plant__leaves_what_stands_between_tokens():
    text = "One,  two;\tthree -- four\n\nfive. 一、二；三 四"
    copies = plant(pa.array([text]), ["en"], numbers(1), rates=[0.12], seed=3).filter(pa.array([False, True]))
    (copy,) = copies["text"].to_pylist()
    for gap in (",  ", ";\t", " -- ", "\n\n", ". ", "、", "；", " 四"):
        assert gap in copy or gap == " 四"


def test_apart__keeps_words_apart_and_nothing_else():
    assert _apart(["<", "", "", ">"], ["ab", "", "cd"], [True, False, True]).joined() == "<ab cd>"
    assert _apart(["<", "", "", ">"], ["一", "", "cd"], [False, False, True]).joined() == "<一cd>"
    assert _apart(["<", ", ", " ", ">"], ["ab", "", "cd"], [True, True, True]).joined() == "<ab,  cd>"


def test_plant__depends_on_the_sample_and_not_on_its_order():
    ids, order = numbers(24), np.random.default_rng(2).permutation(24)
    one = planted(ids=ids)
    other = planted([TEXTS[i] for i in order], LANG[order], ids[order])
    by_id = {(i, r): t for i, r, t in zip(*(one[n].to_pylist() for n in ("original", "rate", "text")), strict=True)}
    for i, r, t in zip(*(other[n].to_pylist() for n in ("original", "rate", "text")), strict=True):
        assert by_id[int(order[i]), r] == t
    seeded = plant(pa.array(TEXTS), LANG, ids, seed=8)
    assert seeded["text"] != one["text"]


def test_plant__of_texts_without_tokens_or_other_tokens():
    texts = ["", "。。。", None, "一", "word"]
    copies = plant(pa.array(texts, pa.string()), ["zh"] * 5, numbers(5), rates=[0.5], seed=0)
    rows = [(i, t) for i, r, t in zip(*(copies[n].to_pylist() for n in ("original", "rate", "text")), strict=True) if r]
    assert [i for i, _ in rows] == [3, 4]
    assert all(tokens_of(t) != tokens_of(texts[i]) for i, t in rows)
    assert plant(pa.array([], pa.string()), [], numbers(0), seed=0).num_rows == 0


def test_plant__refuses_a_rate_that_is_no_share():
    with pytest.raises(StageError, match=r"\[0, 1\.5\]"):
        plant(pa.array(["x"]), ["en"], numbers(1), rates=[0, 0.5, 1.5], seed=0)


@settings(deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=60), min_size=1, max_size=4), st.integers(0, 99))
def test_plant__form_never_changes_a_token(texts, seed):
    texts = [*texts, MIXED]
    copies = plant(pa.array(texts), ["zh"] * len(texts), numbers(len(texts)), rates=[0.1], seed=seed)
    for original, text, kind in zip(*(copies[n].to_pylist() for n in ("original", "text", "kind")), strict=True):
        assert (tokens_of(text) == tokens_of(texts[original])) == (kind == "form")


def test_true_similarity__is_that_of_the_shingle_sets():
    copies = planted()
    originals = pa.array(TEXTS).take(copies["original"].combine_chunks())
    seen = true_similarity(originals, copies["text"], DedupeMeasure())
    pairs = zip(originals.to_pylist(), copies["text"].to_pylist(), strict=True)
    assert seen.tolist() == pytest.approx([overlap(a, b) for a, b in pairs])
    assert (seen[np.array(copies["kind"].to_pylist()) == "form"] == 1).all()
    with pytest.raises(StageError, match="2 originals and 1 copies"):
        true_similarity(pa.array(["a", "b"]), pa.array(["a"]), DedupeMeasure())


def test_report__counts_pairs_of_each_language_and_bucket():
    lang = ["zh", "zh", "zh", "en", "en", "en"]
    similarity = np.array([1.0, 0.97, 0.3, 0.82, 0.8499, 0.75])
    found = np.array([True, False, False, True, True, False])
    rows = report(lang, similarity, found, threshold=0.8)
    seen = [(r["lang"], r["kind"], r["from"], r["to"], r["pairs"], r["found"], r["recall"]) for r in rows]
    assert seen == [
        ("en", "bucket", 0.7, 0.8, 1, 0, 0.0),
        ("en", "bucket", 0.8, 0.85, 2, 2, 1.0),
        ("en", "threshold", 0.8, 1.0, 2, 2, 1.0),
        ("zh", "bucket", 0.95, 1.0, 1, 0, 0.0),
        ("zh", "exact", 1.0, 1.0, 1, 1, 1.0),
        ("zh", "threshold", 0.8, 1.0, 2, 1, 0.5),
        (ALL, "bucket", 0.7, 0.8, 1, 0, 0.0),
        (ALL, "bucket", 0.8, 0.85, 2, 2, 1.0),
        (ALL, "bucket", 0.95, 1.0, 1, 0, 0.0),
        (ALL, "exact", 1.0, 1.0, 1, 1, 1.0),
        (ALL, "threshold", 0.8, 1.0, 4, 3, 0.75),
    ]
    assert (rows[-1]["low"], rows[-1]["high"]) == (0.3006, 0.9544)


def test_report__cuts_a_bucket_at_the_threshold_and_says_when_nothing_was_measured():
    rows = report(["en"] * 2, np.array([0.74, 0.76]), np.array([False, True]), threshold=0.75)
    assert [(r["from"], r["to"], r["found"]) for r in rows[:3]] == [(0.7, 0.75, 0), (0.75, 0.8, 1), (0.75, 1.0, 1)]
    (nothing,) = report([], np.array([]), np.array([]), threshold=0.8)
    assert (nothing["lang"], nothing["pairs"], nothing["recall"]) == (ALL, 0, None)
    assert (nothing["low"], nothing["high"]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("found", "pairs", "low", "high"),
    [  # Brown, Cai and DasGupta's formula by hand; 10/10 and 0/10: z²/(n + z²) = 0.2775
        (0, 0, 0.0, 1.0),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (5, 10, 0.2366, 0.7634),
        (980, 1000, 0.9693, 0.9870),
    ],
)
def test_wilson__interval(found, pairs, low, high):
    assert wilson(found, pairs) == pytest.approx((low, high), abs=5e-5)
