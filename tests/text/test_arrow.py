from itertools import pairwise

import pyarrow as pa
import pytest

from aigc_data.text.arrow import strings_from, text_buffers

TEXTS = ["one", "", "二三", "😀x", "last"]


def read(array):
    data, offsets = text_buffers(array)
    return [bytes(data[a:b]).decode() for a, b in pairwise(offsets)]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_text_buffers__reads_every_string_type(kind):
    assert read(pa.array(TEXTS, kind)) == TEXTS


def test_text_buffers__honours_slices_and_chunks():
    array = pa.array(TEXTS, pa.large_string())
    assert read(array.slice(1, 3)) == TEXTS[1:4]
    assert read(pa.chunked_array([array.slice(3), array.slice(0, 2)])) == TEXTS[3:] + TEXTS[:2]
    assert read(pa.array(TEXTS).slice(2)) == TEXTS[2:]
    assert read(pa.array(TEXTS).dictionary_encode()) == TEXTS


def test_text_buffers__reads_nulls_as_empty_even_when_they_own_bytes():
    full = pa.array(["ab", "cd", "ef"], pa.large_string())
    masked = pa.LargeStringArray.from_buffers(3, full.buffers()[1], full.buffers()[2], pa.py_buffer(b"\x05"))
    assert masked.to_pylist() == ["ab", None, "ef"]
    assert read(masked) == ["ab", "", "ef"]
    assert read(pa.array([None, None], pa.string())) == ["", ""]


@pytest.mark.parametrize(
    "empty",
    [pa.array([], pa.large_string()), pa.array([], pa.string()), pa.chunked_array([], pa.large_string())],
)
def test_text_buffers__of_no_rows_has_one_offset(empty):
    data, offsets = text_buffers(empty)
    assert len(offsets) == 1
    assert not data.flags.writeable
    assert not offsets.flags.writeable


def test_text_buffers__refuses_what_is_not_text():
    with pytest.raises(TypeError, match="expected strings, saw int64"):
        text_buffers(pa.array([1]))


def test_strings_from__undoes_text_buffers():
    array = pa.array(TEXTS, pa.large_string())
    assert strings_from(*text_buffers(array)).to_pylist() == TEXTS
    assert strings_from(*text_buffers(array.slice(2, 2))).to_pylist() == TEXTS[2:4]
