"""pairs, verify and resolve over literal and over planted near-duplicates, in both languages."""

import numpy as np
import pyarrow as pa
import pytest

from aigc_data import columns
from aigc_data.recipe import DedupeMeasure
from aigc_data.text.dedupe import pairs as dedupe
from aigc_data.text.dedupe.bands import plan
from aigc_data.text.dedupe.pairs import EXACT, GROUP, LINK, band_pairs, cuts, pairs, resolve, shingle_sets, verify
from aigc_data.text.dedupe.sketch import fixed_rows, least_matches, sketch
from aigc_data.text.tokens import tokens_of

PARAMS = DedupeMeasure()
ENGLISH = (
    "The quick wit of the market is that data is the key and models come after it because whoever holds clean "
    "licensed text can train again next year while those who hold only weights must wait for somebody else to "
    "share what they have gathered cleaned labelled and paid for over many patient seasons of careful work"
)
CHINESE = (
    "数据是关键所在模型只在其后谁掌握了干净而有授权的文本谁就能在明年重新训练而只握有权重的人只好等待别人分享他们多年来"
    "耐心收集清洗标注并且付费的成果这就是为什么本项目把每一步的价值都量出来再决定要不要保留它"
)


def similarity(left, right, n=5):
    a, b = ({tuple(t[i : i + n]) for i in range(max(len(t) - n + 1, 1))} for t in (tokens_of(left), tokens_of(right)))
    return len(a & b) / len(a | b)


def run(texts, ranks=None, params=PARAMS):
    """(candidates, links, components) of texts that are numbered by `ranks`."""
    ranks = np.arange(len(texts)) if ranks is None else np.asarray(ranks)
    array = pa.array(texts, pa.large_string())
    sketches = sketch(array, params)
    row = np.argsort(ranks)
    candidates = pairs(sketches, ranks, params)
    left, right = (row[candidates[name].to_numpy()] for name in ("a", "b"))
    short = sketches["tokens"].to_numpy() <= params.ngram
    links, _ = verify(candidates, shingle_sets(array, params), short, left, right, params)
    return candidates, links, resolve(links, candidates, len(texts), params)


def listed(table):
    return [tuple(row.values()) for row in table.to_pylist()]


def planted(count, share, seed=0, length=200):
    """`count` pairs of random texts, half of them Chinese, of which `share` of the tokens (one run) is
    replaced."""
    rng = np.random.RandomState(seed)
    texts = []
    for i in range(count):
        words = rng.randint(0, 5000, length)
        other = words.copy()
        other[: int(length * share)] = rng.randint(5000, 10000, int(length * share))
        for row in (words, other):
            texts.append("".join(chr(0x4E00 + w) for w in row) if i % 2 else " ".join(f"w{w}" for w in row))
    return texts


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
def test_dedupe__links_a_changed_copy_with_its_exact_similarity(text):
    changed = text.replace("data", "text").replace("数据", "语料")
    expected = similarity(text, changed)
    assert 0.8 <= expected < 1
    candidates, links, parts = run([text, changed])
    assert [row[:3] for row in listed(candidates)] == [(0, 1, LINK | GROUP)]
    assert listed(links) == [(0, 1, pytest.approx(expected, abs=1e-6), "jaccard")]
    assert parts["cluster"].to_pylist() == parts["group"].to_pylist() == [0, 0]
    assert parts["exact"].to_pylist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "copy"),
    [(ENGLISH, ENGLISH.upper() + "!!"), (CHINESE, "  " + CHINESE + "。\n"), ("Yes.", "yes"), ("好的。", "好的！")],
)
def test_dedupe__links_exact_copies_that_differ_in_case_and_separators(text, copy):
    candidates, links, parts = run([text, "something else entirely", copy])
    assert listed(candidates) == [(0, 2, EXACT, 1.0)]
    assert listed(links) == [(0, 2, 1.0, "exact")]
    assert parts["exact"].to_pylist() == parts["cluster"].to_pylist() == [0, 1, 0]


def test_dedupe__short_and_tokenless_texts_are_no_copies_of_each_other():
    texts = ["Yes.", "No, thanks.", "好的。", "谢谢", "", "", "!?", "。。", "😀", "😀"]
    candidates, links, parts = run(texts)
    assert candidates.num_rows == links.num_rows == 0
    assert parts["cluster"].to_pylist() == parts["group"].to_pylist() == list(range(10))


def test_dedupe__copies_join_through_their_smallest_rank_alone():
    changed = ENGLISH.replace("data", "text")
    candidates, links, parts = run([ENGLISH, changed, ENGLISH + ".", changed + "!", ENGLISH.upper()])
    assert [row[:2] for row in listed(candidates)] == [(0, 1), (0, 2), (0, 4), (1, 3)]
    assert links["method"].to_pylist() == ["jaccard", "exact", "exact", "exact"]
    assert parts["exact"].to_pylist() == [0, 1, 0, 1, 0]
    assert parts["cluster"].to_pylist() == [0] * 5


@pytest.mark.parametrize(("share", "linked", "grouped"), [(0.05, True, True), (0.2, False, True), (0.8, False, False)])
def test_dedupe__clusters_the_near_and_groups_the_looser(share, linked, grouped):
    texts = planted(40, share)
    true = [similarity(a, b) for a, b in zip(texts[::2], texts[1::2], strict=True)]
    _, links, parts = run(texts)
    cluster, group = parts["cluster"].to_numpy(), parts["group"].to_numpy()
    assert {s >= 0.8 for s in true} == {linked}
    assert {s >= 0.55 for s in true} == {grouped}
    assert (cluster[::2] == cluster[1::2]).tolist() == [linked] * 40
    assert (group[::2] == group[1::2]).tolist() == [grouped] * 40
    assert len(set(cluster[::2])) == len(set(group[::2])) == 40
    assert [row[2] for row in listed(links)] == pytest.approx(true if linked else [], abs=1e-6)


def test_pairs__finds_at_the_threshold_what_the_recipe_promises():
    texts = planted(300, 0.1)  # similarity about 0.81
    true = np.array([similarity(a, b) for a, b in zip(texts[::2], texts[1::2], strict=True)])
    assert 0.8 <= true.min() <= true.max() < 0.83
    _, links, _ = run(texts)
    assert links.num_rows >= 0.98 * 300


def test_pairs__groups_at_the_group_threshold_what_it_states():
    texts = planted(300, 0.325)  # similarity about 0.5
    true = np.array([similarity(a, b) for a, b in zip(texts[::2], texts[1::2], strict=True)])
    assert abs(true.mean() - 0.5) < 0.01
    group = run(texts)[2]["group"].to_numpy()
    stated = plan(PARAMS)[1].recall * 0.977  # GROUP_ERRORS
    assert stated - 0.06 <= (group[::2] == group[1::2]).mean() < 1  # 3 standard errors of 300 pairs


def test_dedupe__does_not_depend_on_the_order_of_rows():
    texts = [*planted(30, 0.1), *planted(30, 0.3, 1), ENGLISH, ENGLISH, CHINESE, CHINESE + "！", ""]
    mixed = np.random.RandomState(0).permutation(len(texts))
    candidates, links, parts = run(texts)
    other = run([texts[i] for i in mixed], ranks=mixed)
    assert other[0].equals(candidates)
    assert sorted(listed(other[1])) == sorted(listed(links))
    assert other[2].equals(parts)


def test_pairs__reads_sketches_in_chunks():
    texts = planted(10, 0.05)
    whole = sketch(pa.array(texts, pa.large_string()), PARAMS)
    cut = pa.concat_tables([whole.slice(0, 7), whole.slice(7, 0), whole.slice(7)])
    one, other = (listed(pairs(t, np.arange(20), PARAMS)) for t in (whole, cut))
    assert len(one) >= 10
    assert one == other


def test_pairs__of_one_text_many_times_is_a_star():
    candidates, links, parts = run([ENGLISH] * 5000)
    assert candidates["a"].to_pylist() == [0] * 4999
    assert links.num_rows == 4999
    assert set(parts["exact"].to_pylist()) == {0}


def test_pairs__of_one_template_many_times_stays_linear():
    texts = [f"{ENGLISH} number {i}" for i in range(2000)]
    candidates, _, parts = run(texts)
    assert set(parts["cluster"].to_pylist()) == {0}
    assert candidates.num_rows < 30 * 2000


def test_dedupe__of_no_rows():
    candidates, links, parts = run([])
    assert candidates.schema == columns.DEDUPE_CANDIDATES
    assert links.schema == columns.DEDUPE_LINKS
    assert (candidates.num_rows, links.num_rows, parts.num_rows) == (0, 0, 0)


def candidates_of(*rows):
    return pa.table([pa.array(c) for c in zip(*rows, strict=True)], schema=columns.DEDUPE_CANDIDATES)


def test_verify__keeps_links_at_or_above_the_threshold_only():
    texts = pa.array(["a b c d e f g h", "a b c d e f g h i", "a b c d e f g x y", "z"], pa.large_string())
    asked = candidates_of((10, 11, LINK, 0.9), (10, 12, LINK | GROUP, 0.9), (10, 13, GROUP, 0.9), (7, 8, EXACT, 1.0))
    ends = np.array([0, 0, 0, -1]), np.array([1, 2, 3, -1])
    params = DedupeMeasure(threshold=0.8)
    assert similarity(texts[0].as_py(), texts[1].as_py()) == 0.8
    links, unlike = verify(asked, shingle_sets(texts, params), np.zeros(4, bool), *ends, params)
    assert listed(links) == [(10, 11, pytest.approx(0.8), "jaccard"), (7, 8, 1.0, "exact")]
    assert listed(unlike) == [(10, 12, 0.5, "jaccard")]
    stricter = DedupeMeasure(threshold=0.81)
    links, unlike = verify(asked, shingle_sets(texts, stricter), np.zeros(4, bool), *ends, stricter)
    assert listed(links) == [(7, 8, 1.0, "exact")]
    assert [row[:2] for row in listed(unlike)] == [(10, 11), (10, 12)]


def test_verify__of_a_very_long_text_is_its_estimate_and_says_so(monkeypatch):
    monkeypatch.setattr(dedupe, "MOST_SHINGLES", 10)
    texts = pa.array([ENGLISH, ENGLISH + " more", "a b c d e f"], pa.large_string())
    asked = candidates_of((0, 1, LINK, 0.93), (0, 2, LINK, 0.7))
    links, unlike = verify(
        asked, shingle_sets(texts, PARAMS), np.zeros(3, bool), np.array([0, 0]), np.array([1, 2]), PARAMS
    )
    assert listed(links) == [(0, 1, pytest.approx(0.93), "estimate")]
    assert unlike.num_rows == 0


def test_resolve__joins_groups_by_links_and_group_candidates_and_bears_repeats():
    links = pa.table(
        [[1, 2, 2], [2, 3, 3], [0.9, 1.0, 1.0], ["jaccard", "exact", "exact"]], schema=columns.DEDUPE_LINKS
    )
    candidates = candidates_of((3, 4, GROUP, 0.6), (3, 4, GROUP | LINK, 0.6), (0, 5, LINK, 0.7))
    parts = resolve(links, candidates, 6, PARAMS)
    assert parts["cluster"].to_pylist() == [0, 1, 1, 1, 4, 5]
    assert parts["group"].to_pylist() == [0, 1, 1, 1, 1, 5]
    assert parts["exact"].to_pylist() == [0, 1, 2, 2, 4, 5]


def test_cuts__lie_the_stated_standard_errors_from_the_thresholds():
    near, sure, loose = cuts(PARAMS)
    error, loose_error = (0.8 * 0.2 / 128) ** 0.5, (0.5 * 0.5 / 128) ** 0.5
    assert near == least_matches(0.8 - 3 * error, 128)
    assert sure == least_matches(0.8 + 3 * error, 128)
    assert loose == least_matches(0.5 - 2 * loose_error, 128)
    assert cuts(DedupeMeasure(threshold=1.0)) == (128, 128, loose)


def test_band_pairs__looks_later_records_up_and_lets_them_change_nothing():
    texts = [ENGLISH, CHINESE, ENGLISH + " indeed", CHINESE + "而已", "nothing of the kind stands anywhere else at all"]
    sketches = sketch(pa.array(texts, pa.large_string()), PARAMS)
    keys = fixed_rows(sketches["link_bands"], "<u4")
    sig8 = fixed_rows(sketches["sig8"], "u1")

    def found(own, references):
        pairs = set()
        for band in keys.T:
            entries = band.astype(np.uint64) << np.uint64(32) | np.arange(5, dtype=np.uint64)
            one, _, _ = band_pairs(entries, lambda ranks: sig8[ranks], False, own, PARAMS, references)
            pairs |= {(int(p) >> 32, int(p) & 0xFFFFFFFF) for p in one}
        return pairs

    assert found(5, 0) == {(0, 2), (1, 3)}  # a corpus of five
    assert found(2, 3) == {(0, 2), (1, 3)}  # two, compared with an earlier release of three
    assert found(2, 0) == {(0, 2), (1, 3)}  # two, in which three later ones are looked up
    assert found(0, 2) == set()  # nothing of one's own
    assert found(1, 1) == {(0, 2)}  # an earlier release of one is not compared with later ones
