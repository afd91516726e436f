import hashlib
import time
import unicodedata

import numba
import numpy as np
import pytest

from aigc_data.kernels import codepoints as cp
from aigc_data.text.han_variants import _PAIRS


@numba.njit
def _class_all(codes, tables, flags, folded):
    for i in range(len(codes)):
        flags[i] = cp.flags_of(codes[i], tables)
        folded[i] = cp.fold(codes[i], tables)


def classed(text, tables=cp.TABLES):
    codes = np.array([ord(c) for c in text], np.int64)
    flags, folded = np.zeros(len(codes), np.uint8), np.zeros(len(codes), np.int64)
    _class_all(codes, tables, flags, folded)
    return flags.tolist(), "".join(map(chr, folded))


def all_of(tables):
    codes = np.arange(0x110000)
    flags, folded = np.zeros(len(codes), np.uint8), np.zeros_like(codes)
    _class_all(codes, tables, flags, folded)
    return flags, folded


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


def test_digest__is_that_of_the_shipped_tables():
    assert hashlib.sha256(b"".join(part.tobytes() for part in (*cp.TABLES, cp.HAN_PAIRS))).hexdigest() == cp.DIGEST


def test_digest__of_the_plain_tables_is_what_it_was_before_han_was_folded():
    assert cp.tables(fold_han=False) is cp.TABLES
    was = "7fdbfb133f77f06e419aa94d449c9af2189f0aec2854292000bcc2cf3c22d884"
    assert hashlib.sha256(b"".join(part.tobytes() for part in cp.TABLES)).hexdigest() == was


@pytest.mark.parametrize(
    ("traditional", "simplified"),
    [
        ("資料是關鍵、模型其次。", "资料是关键、模型其次。"),
        ("為爲裡裏裹臺台檯颱", "为为里里裹台台台台"),
        ("頭髮發乾乾隆著名看著", "头发发干干隆着名看着"),
        ("么麼幺薴苧苎衞衛卫", "么么幺苎苎苎卫卫卫"),
        ("\U00020000アＡＢ한 Data", "\U00020000アab한 data"),
    ],
)
def test_tables__fold_traditional_han_to_simplified(traditional, simplified):
    assert classed(traditional, cp.tables(fold_han=True))[1] == simplified
    assert classed(simplified, cp.tables(fold_han=True))[1] == simplified


def test_tables__with_han_folding_change_nothing_else():
    flags, plain = all_of(cp.TABLES)
    same_flags, folded = all_of(cp.tables(fold_han=True))
    assert (flags == same_flags).all()
    expected = np.arange(0x110000)
    expected[cp.HAN_PAIRS[:, 0]] = cp.HAN_PAIRS[:, 1]
    assert (folded == expected[plain]).all()
    assert (expected[folded] == folded).all()


def test_tables__pair_han_with_han_of_the_same_class():
    flags, plain = all_of(cp.TABLES)
    one, other = cp.HAN_PAIRS.T
    assert len(one) > 3000
    assert (np.diff(one) > 0).all()
    assert (flags[one] == flags[other]).all()
    assert (flags[one] & cp.HAN > 0).all()
    assert (plain[one] == one).all()
    assert not np.isin(other, one).any()


def test_tables__are_of_one_type_so_that_kernels_compile_once():
    for plain, folding in zip(cp.TABLES, cp.tables(fold_han=True), strict=True):
        assert numba.typeof(plain) == numba.typeof(folding)
    assert cp.tables(fold_han=True) is cp.tables(fold_han=True)


def test_tables__agree_with_the_pairs_that_tell_the_two_standards_apart():
    pairs = _PAIRS.split()
    assert len(pairs) > 500
    folded = classed("".join(pair[1] for pair in pairs), cp.tables(fold_han=True))[1]
    assert folded == "".join(pair[0] for pair in pairs)


def test_load__takes_a_few_milliseconds():
    start = time.process_time()
    cp._load()
    cp._simplifying.__wrapped__()
    assert time.process_time() - start < 0.05
