import numpy as np
import pyarrow as pa
import pytest

from aigc_data.text.quality.signals import REFERENCE, _score, signals

PROSE = {
    "en": "The data decide how good the model can be, and that is what we have to measure with care. " * 1,
    "zh": "数据的质量决定了模型的上限，而训练的方法只是在接近这个上限，这是我们多年的经验。",
}


def one(text: str, lang: str = "en") -> dict[str, float]:
    found = signals(pa.array([text], pa.large_string()), np.array([lang == "zh"]))
    return {name: column[0].item() for name, column in found.items()}


def test_signals__ratios_literal() -> None:
    found = one("# 数据\n\n- data ab\n- data ab\n", "zh")
    assert (found["chars"], found["tokens"], found["lines"], found["sentences"]) == (26, 6, 3, 3)
    expected = {"mean_token_length": 14 / 6, "symbol_ratio": 1 / 6, "bullet_lines": 2 / 3, "newline_ratio": 4 / 6}
    expected |= {"dup_lines": 1 / 3, "dup_line_chars": 9 / 26, "top_2gram": 14 / 26, "alpha_ratio": 1, "short_lines": 1}
    expected |= {"char_dup_ratio": 9 / 22, "sentence_tokens": 2, "bare_lines": 1, "c4_lines": 0}
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-6), name


def test_signals__datatrove_divides_bullets_and_ellipses_by_blank_lines_too() -> None:
    assert one("- data ab\n\n- data...\n\ndata", "en")["bullet_lines"] == pytest.approx(2 / 5)
    assert one("- data ab\n\n- data...\n\ndata", "zh")["ellipsis_lines"] == pytest.approx(1 / 3)


def test_signals__symbols_are_the_more_frequent_of_the_two() -> None:
    assert one("# a ## b ...")["symbol_ratio"] == pytest.approx(3 / 2)
    assert one("一……二……# 三", "zh")["symbol_ratio"] == pytest.approx(2 / 3)
    assert one("一……二……# 三", "en")["symbol_ratio"] == pytest.approx(4 / 3)


def test_signals__stop_words_are_of_the_table_asked_for() -> None:
    assert one("the 的 of 是 有", "en")["stop_words"] == 2
    assert one("the 的 of 是 有", "zh")["stop_words"] == 3
    assert one("佢嘅嘢喺度", "zh")["stop_words"] == 3


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("text", ["", " \n", "，。！"])
def test_signals__nothing_to_divide_by(text: str, lang: str) -> None:
    found = one(text, lang)
    assert found["tokens"] == found["mean_token_length"] == found["top_2gram"] == found["sentence_tokens"] == 0


def test_signals__overlapping_ngrams_may_exceed_the_text() -> None:
    assert one("ha " * 100)["top_2gram"] == pytest.approx(99 * 5 / 300)
    assert one("哈" * 100, "zh")["top_4gram"] == pytest.approx(97 * 4 / 100)


def test_signals__an_ngram_that_occurs_once_counts_in_english_alone() -> None:
    assert one("quite short")["top_2gram"] == 1
    assert one("床前明月光", "zh")["top_2gram"] == 0


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_score__prefers_the_better_copy(lang: str) -> None:
    good = "".join(f"{PROSE[lang]}{n}\n" for n in range(10, 20))
    with_menu = good + ("Home\nLogin\n" if lang == "en" else "首页\n登录\n") * 10
    assert 0 <= one("", lang)["score"] < one(with_menu, lang)["score"] < one(good, lang)["score"] <= 1000


def test_score__is_monotone_in_every_signal() -> None:
    names = [(name, side) for group in REFERENCE for name, side, _, _ in group]
    middle = {name: np.array([0.2, 0.2]) for name, _ in names}
    for name, side in names:
        worse_better = np.array([0.1, 0.3] if side > 0 else [0.3, 0.1]) * (1000 if name == "tokens" else 1)
        low, high = _score({**middle, name: worse_better}, np.array([True, True])).tolist()
        assert low <= high, name
