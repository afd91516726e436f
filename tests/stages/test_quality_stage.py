import pyarrow as pa
import pytest

from aigc_data import columns
from aigc_data.recipe import ChineseThresholds, QualityMeasure, QualityRules, QualityThresholds
from aigc_data.stages.quality import STAGE, checks, measure
from aigc_data.text.quality.rules import FILTERS, PUBLISHED, rule_names

ENGLISH = """\
A data set is only as good as the care that went into it, and that care has to be measured.
We took the articles of one encyclopedia and read a sample of them before we set any threshold.
Most of the pages were fine, but some had been copied from a menu, and others were lists of names.
Every rule that we wrote was tried with and without its bound, to see which texts it would cost us.
What was left is smaller than the raw crawl, and the models that were trained on it are better.
"""
CHINESE = """\
数据集的好坏取决于整理它的人花了多少心思，而这些心思是可以量化的。
我们先从一部百科全书里抽取了一批条目，通读之后才确定各条规则的阈值。
多数页面没有问题，但也有一些是从导航栏里复制来的，还有一些只是人名的罗列。
每写一条规则，我们都会比较有它和没有它时的结果，看看会失去哪些文本。
最后留下的数据比原始网页少得多，可是用它训练出来的模型反而更好。
"""


def table(*rows: tuple[str, str]) -> pa.Table:
    texts, langs = zip(*rows, strict=True) if rows else ((), ())
    return pa.table({"clean.text": pa.array(texts, pa.large_string()), "clean.lang": pa.array(langs, pa.string())})


def reason(text: str, lang: str, **bounds: object) -> str | None:
    rules = QualityRules(en=QualityThresholds(**bounds), zh=ChineseThresholds(**bounds))
    return STAGE.judge(measure(table((text, lang)), QualityMeasure()), rules)[0].as_py()


@pytest.mark.parametrize(("text", "lang"), [(ENGLISH, "en"), (CHINESE, "zh")])
def test_judge__prose_stays(text: str, lang: str) -> None:
    assert reason(text, lang) is None


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("床前明月光，\n疑是地上霜。\n举头望明月，\n低头思故乡。", "zh"),
        ("千里之行，始于足下。", "zh"),
        ("To be, or not to be, that is the question.", "en"),
        ("ROMEO:\nIs the day so young?\n\nBENVOLIO:\nBut new struck nine.\n\nROMEO:\nAy me! sad hours.", "en"),
    ],
)  # fmt: skip
def test_judge__short_texts_that_are_good_stay(text: str, lang: str) -> None:
    assert reason(text, lang) is None


LONG_LINE = {"en": "is in the list of many other words that stand in a row and of no end ", "zh": "一个没有停顿的长句"}


@pytest.mark.parametrize(
    ("english", "chinese", "rule"),
    [
        ("Yes.", "是的。", "min-tokens"),
        ("a to I be " * 20, "的", "min-mean-token-length"),
        ("supercalifragilistic " * 60, "internationalization " * 90 + "的是在了", "max-mean-token-length"),
        (ENGLISH + "# " * 40, CHINESE + "# " * 60, "symbol-ratio"),
        (ENGLISH.replace("\n", "...\n"), CHINESE.replace("\n", "……\n"), "ellipsis-lines"),
        ("- " + ENGLISH.strip().replace("\n", "\n- "), "- " + CHINESE.strip().replace("\n", "\n- "), "bullet-lines"),
        (ENGLISH + "12345 " * 90, CHINESE + "12 " * 120, "min-alpha-ratio"),
        ("apple banana cherry orange lemon grape " * 12, "北京上海广州深圳天津重庆武汉成都" * 20, "min-stop-words"),
        (LONG_LINE["en"] * 5, LONG_LINE["zh"] * 40, "sentence-tokens"),
        (ENGLISH.replace(".\n", "\n"), CHINESE.replace("。\n", "\n"), "min-terminal-lines"),
        (ENGLISH + "Sign up now\nMy cart\n" * 15, CHINESE + "立即注册\n购物车\n" * 15, "menu-lines"),
        (ENGLISH.replace(" ", "\n"), CHINESE.replace("，", "\n" * 30 + "，"), "newline-ratio"),
        (ENGLISH * 2, CHINESE * 3, "dup-lines"),
        (ENGLISH.replace("\n", " ") * 3, CHINESE.replace("\n", "") * 3, "dup-5gram"),
        (ENGLISH + "Lorem ipsum dolor.\n" * 2, CHINESE + "Lorem ipsum dolor.\n" * 2, "lorem-lines"),
        (ENGLISH + "Turn on JavaScript.\n" * 2, CHINESE + "请启用JavaScript。\n" * 2, "javascript-lines"),
        (ENGLISH + "See our privacy policy.\n" * 2, CHINESE + "请阅读用户协议。\n" * 2, "policy-lines"),
    ],
)
def test_judge__each_rule_in_both_languages(english: str, chinese: str, rule: str) -> None:
    # What stands before the rule in the order is switched off where the same text breaks it too.
    earlier = [field for field, name in rule_names()]
    earlier = earlier[: [name for _, name in rule_names()].index(rule)]
    for text, lang in ((english, "en"), (chinese, "zh")):
        if rule == "min-mean-token-length" and lang == "zh":
            continue  # no Chinese token is shorter than one character
        kept = dict.fromkeys(earlier, "off") | {"token_rules_from": 50, "stop_words_from": 50}
        assert reason(text, lang, **kept) == f"quality:{rule}", lang


@pytest.mark.parametrize(
    ("english", "chinese", "bounds", "rule"),
    [
        (ENGLISH, CHINESE, {"min_sentences": 6}, "min-sentences"),
        (ENGLISH + "So they say.\n" * 3, CHINESE + "他们说，\n" * 3, {"max_short_lines": 0.2}, "short-lines"),
        (ENGLISH + "Yes, they do.\n" * 2, CHINESE + "正是如此。\n" * 2, {"max_char_dup_ratio": 0.01}, "char-dup-ratio"),
        (ENGLISH + "A set {a, b} is one.\n", CHINESE + "集合{a, b}是一个集。\n", {"max_brace_lines": 0}, "brace-lines"),
        (ENGLISH + "A set {a, b} is one.\n", CHINESE + "集合{a, b}是一个集。\n", {"max_c4_marks": 0}, "c4-marks"),
        (ENGLISH, CHINESE, {"min_c4_sentences": 6}, "min-c4-sentences"),
    ],
)  # fmt: skip
def test_judge__rules_that_are_off_by_default(english: str, chinese: str, bounds: dict[str, object], rule: str) -> None:
    for text, lang in ((english, "en"), (chinese, "zh")):
        assert reason(text, lang) is None
        assert reason(text, lang, **bounds) == f"quality:{rule}"


def test_judge__first_rule_in_order_is_named() -> None:
    assert reason("", "zh") == "quality:min-tokens"
    assert reason("", "zh", min_tokens="off") == "quality:min-mean-token-length"


def test_judge__off_is_off_and_zero_is_a_bound() -> None:
    off: dict[str, object] = {field: "off" for field, _ in rule_names()}
    assert reason("", "en", **off) is None
    text = ENGLISH + ENGLISH.splitlines()[0]
    assert reason(text, "en", **off | {"max_dup_lines": 0}) == "quality:dup-lines"
    assert reason(ENGLISH, "en", **off | {"max_dup_lines": 0}) is None
    assert reason(text, "en", **off | {"max_dup_lines": 1 / 6}) is None  # at the bound


def test_judge__few_lines_have_no_shares() -> None:
    title = "数据的质量和模型的上限是有关系的" * 2
    text = CHINESE.replace("\n", "") + "\n" + title
    assert reason(text, "zh", min_terminal_lines=0.9) is None
    assert reason(text, "zh", min_terminal_lines=0.9, line_rules_from=1) == "quality:min-terminal-lines"


def test_judge__few_tokens_have_no_shares() -> None:
    text = "Call 555 1234 or 555 1235 now."
    assert reason(text, "en") is None
    assert reason(text, "en", token_rules_from=0) == "quality:min-alpha-ratio"
    assert reason(text, "en", stop_words_from=7) == "quality:min-stop-words"
    assert reason(text, "en", stop_words_from=8) is None


def test_judge__thresholds_follow_the_language() -> None:
    measured = measure(table((CHINESE, "zh"), (CHINESE, "en"), (ENGLISH, "fr")), QualityMeasure())
    assert measured["rules"].to_pylist() == ["zh", "en", "en"]
    assert STAGE.judge(measured, QualityRules()).to_pylist() == [None, "quality:min-mean-token-length", None]


def test_checks__a_column_for_each_rule_that_is_on_in_either_language() -> None:
    measured = measure(table((ENGLISH, "en"), ("是", "zh")), QualityMeasure())
    assert set(checks(measured, QualityRules()).column_names) < {name for _, name in rule_names()}
    rules = QualityRules(en=QualityThresholds(max_brace_lines=0.5))
    found = checks(measured, rules)
    assert "brace-lines" in found.column_names
    assert "c4-marks" not in found.column_names
    assert found["min-tokens"].to_pylist() == [False, True]


def test_published__is_on_wherever_a_filter_names_it() -> None:
    named = [field for fields in FILTERS.values() for field in fields]
    assert {field for field, _ in rule_names() if getattr(PUBLISHED.en, field) != "off"} == set(named)
    measured = measure(table((ENGLISH, "en"), (CHINESE, "zh"), (CHINESE[:20], "zh")), QualityMeasure())
    assert STAGE.judge(measured, PUBLISHED).to_pylist() == [None, None, "quality:min-tokens"]


def test_rule_names__every_bound_has_a_column_and_a_name() -> None:
    pairs = list(rule_names())
    assert len({name for _, name in pairs}) == len(pairs) == len(QualityThresholds.model_fields) - 3
    assert {field.partition("_")[2] for field, _ in pairs} <= set(columns.QUALITY.names)
    names = [name for _, name in pairs]
    assert (names[0], "max-tokens" in names, "dup-5gram" in names) == ("min-tokens", True, True)


def test_measure__schema_chunks_and_no_rows() -> None:
    rows = table((ENGLISH, "en"), (CHINESE, "zh"), ("", "und"))
    measured = measure(rows, QualityMeasure())
    assert measured.schema == columns.QUALITY == STAGE.schema
    chunked = pa.concat_tables([rows.slice(0, 1), rows.slice(1)])
    assert measure(chunked, QualityMeasure()) == measured
    assert measure(rows.slice(1, 1), QualityMeasure()).to_pylist() == measured.slice(1, 1).to_pylist()
    nothing = measure(table(), QualityMeasure())
    assert (nothing.schema, STAGE.judge(nothing, QualityRules()).to_pylist()) == (columns.QUALITY, [])
