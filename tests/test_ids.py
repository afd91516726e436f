from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from aigc_data.errors import IntegrityError
from aigc_data.hashing import record_id
from aigc_data.ids import order_of, ranks_of, repeated, to_hex, to_numbers

IDS = [record_id("x", n) for n in range(500)] + ["0" * 32, "f" * 32, "00" * 15 + "10"]


def test_to_numbers__round_trips_and_sorts_as_the_hex_does() -> None:
    numbers = to_numbers(pa.array(IDS))
    assert to_hex(numbers).to_pylist() == IDS
    assert [IDS[i] for i in order_of(numbers)] == sorted(IDS)
    assert [sorted(IDS)[r] for r in ranks_of(numbers)] == IDS


def test_to_numbers__honours_slices_and_chunks() -> None:
    sliced = pa.array(IDS).slice(3, 5)
    assert to_hex(to_numbers(sliced)).to_pylist() == IDS[3:8]
    chunked = pa.chunked_array([IDS[:2], IDS[2:4]])
    assert to_hex(to_numbers(chunked)).to_pylist() == IDS[:4]
    assert to_numbers(pa.array([], pa.string())).shape == (0, 2)


@pytest.mark.parametrize("bad", [["short"], ["G" * 32], [None], ["0" * 31 + "中"]])
def test_to_numbers__refuses_what_is_no_id(bad: list[str | None]) -> None:
    with pytest.raises(IntegrityError):
        to_numbers(pa.array(bad, pa.string()))


def test_repeated__names_each_id_that_occurs_more_than_once() -> None:
    assert repeated(to_numbers(pa.array([*IDS, IDS[7], IDS[7], IDS[9]]))) == {IDS[7], IDS[9]}
    assert repeated(np.empty((0, 2), np.uint64)) == set()
