import numba
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_data.kernels.utf8 import decode


@numba.njit
def _decode_all(data, out):
    position, count = 0, 0
    while position < len(data):
        code_point, width = decode(data, position)
        out[count] = code_point
        count += 1
        position += width
    return count


@settings(deadline=None)
@given(st.text())
def test_decode__gives_back_the_code_points(text):
    raw = np.frombuffer(text.encode(), np.uint8)
    out = np.zeros(len(raw), np.int64)
    assert out[: _decode_all(raw, out)].tolist() == [ord(c) for c in text]


def test_decode__reads_each_width_at_its_bounds():
    text = "\x00\x7f\x80\u07ff\u0800\uffff\U00010000\U0010ffff"
    raw = np.frombuffer(text.encode(), np.uint8)
    out = np.zeros(len(raw), np.int64)
    assert out[: _decode_all(raw, out)].tolist() == [ord(c) for c in text]
