import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_data.kernels.scripts import count_scripts, sample_letters
from aigc_data.text.arrow import strings_from, text_buffers
from aigc_data.text.han_variants import SIMPLIFIED_ONLY, TRADITIONAL_ONLY
from aigc_data.text.language import SCRIPTS, _script_table, identify, second_opinion

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


@settings(deadline=None)  # the first example may compile
@given(st.text(max_size=60), st.integers(2, 40))
def test_sample_letters__takes_the_start_and_the_middle(text: str, quota: int) -> None:
    data, offsets = text_buffers(pa.array(["pad", text], pa.large_string()))
    table = _script_table()
    wanted = (table >= 0)[: len(SCRIPTS)].copy()
    wanted[0] = False
    rows = text_buffers(pa.array([""]))[1][1:] + 1
    sample = strings_from(*sample_letters(data, offsets, rows, table, wanted, quota))[0].as_py()
    letters = [c for c in text if table[ord(c)]]
    taken = [c for c in sample if c != " "]
    assert len(taken) <= quota
    assert taken[: quota // 2] == letters[: min(quota // 2, len(taken))]
    if len(letters) <= quota // 2:
        assert taken == letters
    counts = count_scripts(data, offsets, table, len(SCRIPTS))[1]
    assert (counts.sum(), counts[1:].sum()) == (len(text), len(letters))
