import numpy as np
import pyarrow as pa
import pytest

from aigc_data import columns
from aigc_data.recipe import DedupeMeasure
from aigc_data.text.dedupe import sketch as module
from aigc_data.text.dedupe.sketch import estimate, exact_representatives, fixed_rows, least_matches, sketch

PARAMS = DedupeMeasure()
TEXTS = [
    "Data is the key.",
    "DATA is, the key!",
    "数据是关键。",
    "数据，是关键",
    "",
    "。!",
    "data is the keys",
    "ｄａｔａ　is the key",
]


def sketched(texts, params=PARAMS):
    return sketch(pa.array(texts, pa.large_string()), params)


def test_sketch__has_the_columns_of_its_schema_row_for_row():
    table = sketched(TEXTS)
    assert table.schema == columns.DEDUPE_SKETCH
    assert table["tokens"].to_pylist() == [4, 4, 5, 5, 0, 0, 4, 4]
    assert table["shingles"].to_pylist() == [1, 1, 1, 1, 0, 0, 1, 1]
    assert fixed_rows(table["link_bands"], "<u4").shape == (8, 17)
    assert fixed_rows(table["group_bands"], "<u4").shape == (8, 30)
    assert fixed_rows(table["sig8"], "u1").shape == (8, 128)


def test_sketch__exact_is_the_folded_token_stream():
    table = sketched(TEXTS)
    exact = list(zip(table["exact_hi"].to_pylist(), table["exact_lo"].to_pylist(), strict=True))
    assert exact[0] == exact[1] == exact[7]
    assert exact[2] == exact[3]
    assert len({exact[0], exact[2], exact[6]}) == 3


def test_sketch__tells_word_borders_and_order_apart():
    table = sketched(["ab c", "a bc", "abc", "c ab", "中ab", "中a b", "a中b"])
    for half in ("exact_hi", "exact_lo"):
        assert len(set(table[half].to_pylist())) == 7


def test_sketch__takes_at_most_400_bytes_a_record():
    table = sketched([f"text number {i}" for i in range(1000)])
    assert table.nbytes / 1000 <= 400


def test_sketch__is_the_same_for_any_chunks_and_slices():
    whole = sketched(TEXTS)
    array = pa.array(["x", *TEXTS], pa.string())
    assert sketch(array.slice(1), PARAMS).equals(whole)
    assert sketch(pa.chunked_array([TEXTS[:3], [], TEXTS[3:]], pa.large_string()), PARAMS).equals(whole)
    assert pa.concat_tables([sketched(TEXTS[:3]), sketched(TEXTS[3:])]).combine_chunks().equals(whole)


def test_sketch__of_no_rows_and_of_nulls():
    assert sketched([]).num_rows == 0
    assert sketched([]).schema == columns.DEDUPE_SKETCH
    assert sketched([None]).equals(sketched([""]))


def test_sketch__changes_with_the_seed_and_the_permutations_only_where_it_should():
    one, other = sketched(TEXTS), sketched(TEXTS, DedupeMeasure(seed=2))
    assert one["exact_hi"].equals(other["exact_hi"])
    assert not one["sig8"].equals(other["sig8"])
    assert fixed_rows(sketched(TEXTS, DedupeMeasure(permutations=64))["sig8"], "u1").shape == (8, 64)


def test_fixed_rows__reads_slices_and_several_chunks(monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 300)  # two signatures a chunk
    table = sketched(TEXTS)
    assert table["sig8"].num_chunks == 4
    whole = fixed_rows(table["sig8"], "u1")
    assert whole.tolist() == [list(row) for row in table["sig8"].to_pylist()]
    assert fixed_rows(table.slice(1, 4)["sig8"], "u1").tolist() == whole[1:5].tolist()


def test_exact_representatives__are_the_smallest_ranks_whatever_the_order():
    high, low = np.array([5, 5, 1, 5, 1, 9, 9], np.uint64), np.array([1, 1, 2, 1, 2, 0, 0], np.uint64)
    tokens, ranks = np.array([3, 3, 1, 3, 1, 0, 0]), np.array([4, 2, 6, 3, 0, 5, 1], np.uint64)
    expected = np.array([2, 2, 0, 2, 0, 5, 1])
    assert exact_representatives(high, low, tokens, ranks).tolist() == expected.tolist()
    mixed = np.random.RandomState(0).permutation(7)
    assert (
        exact_representatives(high[mixed], low[mixed], tokens[mixed], ranks[mixed]).tolist() == expected[mixed].tolist()
    )


def test_exact_representatives__look_at_all_128_bits():
    high, low = np.array([5, 5, 5, 5], np.uint64), np.array([1, 2, 1, 2], np.uint64)
    assert exact_representatives(high, low, np.ones(4), np.arange(4)).tolist() == [0, 1, 0, 1]
    assert exact_representatives(high[:0], low[:0], np.zeros(0), np.zeros(0)).tolist() == []


def test_estimate__is_freed_of_chance_agreement():
    assert estimate(np.array([0, 128]), 128).tolist() == [0.0, 1.0]
    assert estimate(np.array([64.5]), 128)[0] == pytest.approx(0.5 + 0.0, abs=0.002)
    rng = np.random.RandomState(0)
    unlike = (rng.randint(0, 256, (4000, 128)) == rng.randint(0, 256, (4000, 128))).sum(axis=1)
    assert (unlike.mean() / 128 - 1 / 256) * 256 / 255 == pytest.approx(0, abs=5e-4)


@pytest.mark.parametrize("similarity", [0.0, 0.1, 0.5, 0.69, 0.8, 1.0])
def test_least_matches__is_where_the_estimate_reaches_the_similarity(similarity):
    least = least_matches(similarity, 128)
    assert estimate(np.array([least]), 128)[0] >= similarity - 1e-9
    if similarity > 0:
        assert estimate(np.array([least - 1]), 128)[0] < similarity
