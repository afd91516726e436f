import hashlib
import time
import unicodedata

import numba
import numpy as np
import pytest

from aigc_data.kernels import codepoints as cp


@numba.njit
def _class_all(codes, tables, flags, folded):
    for i in range(len(codes)):
        flags[i] = cp.flags_of(codes[i], tables)
        folded[i] = cp.fold(codes[i], tables)


def classed(text):
    codes = np.array([ord(c) for c in text], np.int64)
    flags, folded = np.zeros(len(codes), np.uint8), np.zeros(len(codes), np.int64)
    _class_all(codes, cp.TABLES, flags, folded)
    return flags.tolist(), "".join(map(chr, folded))


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("aZéßΩжאب한", cp.WORD | cp.LETTER),
        ("0９٣๑", cp.WORD | cp.DIGIT),
        ("²Ⅳ½", cp.WORD),
        ("\u0301\u0930\u093f"[0], cp.WORD),
        ("中龥々〇\U00020000\U00030000\U0003fffd⼀", cp.UNSPACED | cp.LETTER | cp.HAN),
        ("あアーｱก", cp.UNSPACED | cp.LETTER),
        ("\u0e34\u3099", cp.UNSPACED),
        (" \n\t\u3000\u00a0\u2028", cp.SPACE),
        (".!?。！？；”’」…", cp.TERMINAL),
        ("😀\ufe0f\u200d,，_-\x00\ud800\U0010ffff", 0),
    ],
)
def test_flags_of__classes_both_scripts_and_the_rest(text, flags):
    assert classed(text)[0] == [flags] * len(text)


def test_fold__lowers_and_narrows_one_to_one():
    assert classed("Ａｂ９！ÀΣİ中ｶ한\ud800")[1] == "ab9!àσi中カ한\ud800"


def test_fold__is_idempotent_over_all_code_points():
    codes = np.arange(0x110000)
    once, twice = np.zeros_like(codes), np.zeros_like(codes)
    _class_all(codes, cp.TABLES, np.zeros(len(codes), np.uint8), once)
    _class_all(once, cp.TABLES, np.zeros(len(codes), np.uint8), twice)
    assert (once == twice).all()


def test_flags_of__agree_with_the_categories_of_assigned_code_points():
    codes = np.arange(0x110000)
    flags = np.zeros(len(codes), np.uint8)
    _class_all(codes, cp.TABLES, flags, np.zeros_like(codes))
    categories = [unicodedata.category(chr(c)) for c in codes]
    letters = np.array([c in ("Lu", "Ll", "Lt", "Lm", "Lo") for c in categories])
    digits = np.array([c == "Nd" for c in categories])
    assert ((flags & cp.LETTER) > 0)[letters].all()
    assert ((flags & cp.DIGIT) > 0)[digits].all()
    assert not ((flags & cp.WORD > 0) & (flags & cp.UNSPACED > 0)).any()
    assert ((flags & cp.UNSPACED) > 0)[(flags & cp.HAN) > 0].all()


def test_digest__is_that_of_the_shipped_table():
    assert hashlib.sha256(b"".join(part.tobytes() for part in cp.TABLES)).hexdigest() == cp.DIGEST


def test_load__takes_a_few_milliseconds():
    start = time.process_time()
    cp._load()
    assert time.process_time() - start < 0.05
