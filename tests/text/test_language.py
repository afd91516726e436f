import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_data.text.han_variants import SIMPLIFIED_ONLY, TRADITIONAL_ONLY
from aigc_data.text.language import identify as language
from aigc_data.text.language.identify import identify, second_opinion

ENGLISH = "A model is only as good as the data it was trained on, so every step of curation has to be measured. "
TECHNICAL = "使用 `pip install torch` 安装，然后运行 python train.py --config base.yaml --output demo 开始训练模型。"


def one(text: str) -> tuple[str, str, float, float]:
    found = identify(pa.array([text], pa.large_string()), letters=160)
    return found.lang[0].as_py(), found.script[0].as_py(), float(found.score[0]), float(found.zh_share[0])


@pytest.mark.parametrize(
    ("text", "lang", "script"),
    [
        (ENGLISH, "en", "Latn"),
        ("数据决定了模型的上限，这是我们多年来得到的经验。", "zh", "Hans"),
        ("資料決定了模型的上限，這是我們多年來得到的經驗。", "zh", "Hant"),
        ("床前明月光", "zh", "Han"),
        ("佢哋喺度傾緊偈，唔知幾時先至返嚟。我哋聽日再嚟過啦，你話好唔好呀？", "zh", "Hant"),
        ("東京は日本の首都であり、世界最大の都市の一つです。", "ja", "Jpan"),
        ("데이터의 품질이 모델의 품질을 결정한다.", "ko", "Kore"),
        (
            "Les données décident de la qualité du modèle, et c'est pourquoi il faut mesurer chaque étape.",
            "fr",
            "Latn",
        ),
        ("Качество модели определяется данными, на которых она была обучена.", "ru", "Cyrl"),
        ("جودة البيانات تحدد جودة النموذج الذي تم تدريبه عليها", "ar", "Arab"),
        (ENGLISH + "The Chinese word for data is 数据 (shùjù).", "en", "Latn"),
        ("《数据》 " + ENGLISH * 2, "en", "Latn"),
        (TECHNICAL, "zh", "Hans"),
    ],
)
def test_identify__literal(text: str, lang: str, script: str) -> None:
    seen = one(text)
    assert seen[:2] == (lang, script)
    assert 0.5 <= seen[2] <= 1


def test_identify__chinese_mathematics_is_chinese() -> None:
    formula = r"$$\sum_{k=0}^{n}\binom{n}{k}x^{k}=\left(1+x\right)^{n},\quad\mathbb{R}\lbrack x\rbrack$$ "
    lang, _, score, share = one("由二项式定理：" + formula + "系数为整数。")
    assert 0.1 <= share < 0.2
    assert (lang, score >= 0.5) == ("zh", True)


@pytest.mark.parametrize("text", ["", "12345 !?", "😀"])
def test_identify__no_letters(text: str) -> None:
    assert one(text) == ("und", "Zyyy", 0.0, 0.0)


def test_identify__zh_share_is_of_letters() -> None:
    assert one("数据ab 12，")[3] == pytest.approx(0.5)


def test_identify__reads_on_where_it_is_unsure() -> None:
    names = "Xyqz Brnk, Vladko Grmek, Zdeněk Škrt, foo_bar, qux, Øystein Å, Nguyễn Văn, kwargs, Łódź, zsh, mkdir\n" * 2
    lang, _, score, _ = one(names + ENGLISH * 8)
    assert (lang, score >= 0.5) == ("en", True)


def test_identify__rows_do_not_depend_on_each_other() -> None:
    texts = [ENGLISH, "数据", "", "東京は日本の首都です"]
    assert identify(pa.array(texts, pa.large_string()), letters=160).lang.to_pylist() == [
        one(text)[0] for text in texts
    ]
    assert len(identify(pa.array([], pa.large_string()), letters=160).lang) == 0


def test_variants__are_apart() -> None:
    assert not SIMPLIFIED_ONLY & TRADITIONAL_ONLY
    assert len(SIMPLIFIED_ONLY) == len(TRADITIONAL_ONLY) > 400


def test_second_opinion__repeats_itself() -> None:
    assert second_opinion(ENGLISH) == "en"
    assert second_opinion("12345") == "und"
    assert len({second_opinion("数据决定了模型的上限 data") for _ in range(5)}) == 1


def test_identify__short_questions_are_english() -> None:
    questions = ["How do I locate my card?", "what is my balance", "Is there a fee?", "Why was I charged twice?"]
    found = identify(pa.array(questions), letters=160)
    assert found.lang.to_pylist() == ["en"] * 4
    assert found.score.min() >= 0.5
    assert identify(pa.array([q.upper() for q in questions]), letters=160).lang.to_pylist() == ["en"] * 4


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("Ελληνικά είναι αυτά εδώ", "el"),
        ("ქართული ენა", "ka"),
        ("ภาษาไทยเป็นภาษาที่สวยงาม", "th"),
        ("MoHroлд бaйraa xyBийH эMHэлrүүд дoTpooc CoHrдo Tacapxaй л дaa.", "mn"),  # half of it in Latin look-alikes
        ("ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ", "und"),  # a script that no language of the models is written in
    ],
)
def test_identify__a_language_is_written_in_the_script(text: str, lang: str) -> None:
    assert one(text)[0] == lang


def test_identify__asks_the_second_voter_where_the_first_is_not_sure() -> None:
    sure = "This is a long and plain English sentence about the weather of the last week in the north of England. " * 2
    found = identify(pa.array([sure, "Kde je nádraží?", "数据决定了模型的上限", ""]), letters=160)
    assert found.vote.to_pylist() == ["", "cs", "", ""]


def test_identify__mixed_documents_follow_the_larger_share() -> None:
    zh, en = "数据决定了模型的上限，所以每一步都要测量。", "The data decide what the model can be, so measure them."
    found = identify(pa.array([zh + en, zh + 3 * en, zh]), letters=160)
    assert found.lang.to_pylist() == ["zh", "en", "zh"]
    shares = [[(row["lang"], round(row["share"], 2)) for row in rows] for rows in found.shares.to_pylist()]
    assert shares == [[("zh", 0.64), ("en", 0.36)], [("en", 0.63), ("zh", 0.37)], [("zh", 1.0)]]
    assert found.lines.to_pylist() == [[], [], []]


def test_identify__addresses_and_code_beside_chinese_do_not_count() -> None:
    note = "- 支持多种负载均衡策略 [#465](https://github.com/example/proxy/issues/465) @[someone](https://github.com/someone)\n"
    found = identify(pa.array([note * 5]), letters=160)
    assert (found.lang[0].as_py(), found.shares.to_pylist()[0][0]["share"] > 0.9) == ("zh", True)


def test_identify__many_rows_as_few(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [ENGLISH, TECHNICAL, "", ENGLISH + "\n" + TECHNICAL * 3, "Où est la gare ?", "東京は日本の首都です"] * 4
    whole = identify(pa.array(texts), letters=160)
    monkeypatch.setattr(language, "_BLOCK", 5)
    parts = identify(pa.array(texts), letters=160)
    assert (whole.lang, whole.shares, whole.lines, whole.vote) == (parts.lang, parts.shares, parts.lines, parts.vote)
    assert whole.score.tobytes() == parts.score.tobytes()
    turned = identify(pa.array(texts[::-1]), letters=160)
    assert turned.score[::-1].tobytes() == whole.score.tobytes()
    assert turned.shares.to_pylist()[::-1] == whole.shares.to_pylist()


@settings(deadline=None, max_examples=40)  # the first example may compile
@given(st.lists(st.text(max_size=80), max_size=3))
def test_identify__any_text(texts: list[str]) -> None:
    found = identify(pa.array(texts, pa.large_string()), letters=160)
    for text, shares, lines, score in zip(
        texts, found.shares.to_pylist(), found.lines.to_pylist(), found.score.tolist(), strict=True
    ):
        assert 0 <= score <= 1
        assert sum(row["share"] for row in shares) < 1.0001
        assert [row["share"] for row in shares] == sorted((row["share"] for row in shares), reverse=True)
        assert all(0 <= row["start"] < row["end"] <= len(text) for row in lines)


def test_identify__hostile_texts_end() -> None:
    hostile = [
        "\n" * 100_000,
        "\u0301" * 200_000,
        "a" * 1_000_000,
        "a b " * 250_000,
        "é\n" * 200_000,
        "中a\n" * 100_000,
    ]
    found = identify(pa.array(hostile, pa.large_string()), letters=160)
    assert found.lang.to_pylist()[:2] == ["und", "und"]
    assert found.lang.to_pylist()[-1] == "zh"
