import pyarrow as pa
import pytest

from aigc_data import columns
from aigc_data.text.language.identify import identify

EN = "The weather is fine today, let us go for a walk in the park with all of our friends.\n"
FR = "Le temps est beau aujourd'hui, allons nous promener dans le parc avec tous nos amis.\n"
ZH = "今天天气很好，我们和朋友们一起去公园散步吧，晚上再回家吃饭。\n"
JA = "今日は天気がいいので、友達と一緒に公園を散歩して、夜は家に帰って食べましょう。\n"
RU = "Сегодня хорошая погода, пойдём гулять в парк вместе со всеми нашими друзьями.\n"
KO = "오늘은 날씨가 좋으니 친구들과 함께 공원에 산책하러 갑시다. 저녁에는 집에 갑시다.\n"


def runs(text: str) -> list[tuple[str, str]]:
    found = identify(pa.array([text]), letters=160)
    assert found.lines.type == columns.LINES_OF
    return [(run["lang"], text[run["start"] : run["end"]]) for run in found.lines.to_pylist()[0]]


@pytest.mark.parametrize(
    ("one", "two", "langs"),
    [
        (ZH, EN, ("zh", "en")),
        (EN, FR, ("en", "fr")),
        (EN, RU, ("en", "ru")),
        (JA, ZH, ("ja", "zh")),
        (KO, EN, ("ko", "en")),
    ],
)
def test_lines__of_documents_that_switch(one: str, two: str, langs: tuple[str, str]) -> None:
    assert runs(one * 2 + two * 2 + one) == [(langs[0], one * 2), (langs[1], two * 2), (langs[0], one)]


@pytest.mark.parametrize(
    "text", [EN * 3, ZH * 3, EN + "\n\n" + EN, EN + "OK\n" + EN, ZH + "TiDB 5.4\n" + ZH, "", "\n\n"]
)
def test_lines__of_documents_in_one_language_are_none(text: str) -> None:
    assert runs(text) == []


def test_lines__short_and_blank_ones_join_the_run_before() -> None:
    assert runs(ZH * 2 + "\nOK\n" + EN * 2) == [("zh", ZH * 2 + "\nOK\n"), ("en", EN * 2)]


def test_lines__han_alone_in_a_japanese_text_is_japanese() -> None:
    assert runs(JA * 2 + "東京都千代田区丸の内\n東京大学法学部卒業\n" + JA) == []


def test_lines__code_in_a_chinese_text_is_no_language() -> None:
    code = "    $ tiup cluster check <cluster-name> --user root [-p] [-i /home/root/.ssh/gcp_rsa]\n"
    assert runs(ZH * 2 + code * 2 + ZH) == []
    formula = "\\left(\\frac{a}{m}\\right):=\\prod_{i=1}^k\\left(\\frac{a}{p_i}\\right)^{\\alpha_i}\\quad\\mathbb{R}\n"
    found = identify(pa.array([ZH + formula * 5, ZH * 4 + EN + formula * 5]), letters=160)
    assert found.shares.to_pylist()[0] == [{"lang": "zh", "share": 1.0}]
    assert [(row["lang"], round(row["share"], 1)) for row in found.shares.to_pylist()[1]] == [("zh", 0.9), ("en", 0.1)]


def test_lines__shares_are_by_lines() -> None:
    found = identify(pa.array([EN * 3 + FR]), letters=160)
    assert found.lang.to_pylist() == ["en"]
    assert [(row["lang"], round(row["share"], 1)) for row in found.shares.to_pylist()[0]] == [("en", 0.7), ("fr", 0.3)]


def test_lines__neighbours_are_not_told_apart_line_by_line() -> None:
    text = (
        "Predsjednik je danas izjavio da će vlada donijeti odluku sljedeće sedmice.\n"
        "Građani su se okupili ispred općine i tražili rješenje problema s vodom.\n"
        "Nastavnici kažu da su uslovi u školama bolji nego prethodnih godina.\n"
    )
    assert runs(text * 2) == []
