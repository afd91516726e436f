import pyarrow as pa
import pytest

from aigc_data import columns
from aigc_data.recipe import CleanMeasure, CleanRules
from aigc_data.stages.clean import STAGE, checks, measure

judge = STAGE.judge

ENGLISH = "A model is only as good as the data it was trained on, and that is why every step has to be measured."
CHINESE = "数据决定了模型的上限，这是我们多年来得到的经验。"


def rows(*texts: str | None) -> pa.Table:
    ids = [f"{number:032x}" for number in range(len(texts))]
    return pa.table({"id": pa.array(ids, pa.string()), "text": pa.array(texts, pa.large_string())})


def reasons(table: pa.Table, **rules: object) -> list[str | None]:
    return judge(measure(table, CleanMeasure()), CleanRules(**rules)).to_pylist()


def test_judge__literal_rows() -> None:
    garbled = "锟斤拷锟斤拷锟斤拷" + CHINESE
    french = "Les données décident de la qualité du modèle, et c'est pourquoi il faut mesurer chaque étape."
    table = rows(ENGLISH, CHINESE, None, " \n\u200b", garbled, "ab\ufffd\ufffdcd", french, "123")
    assert reasons(table) == [
        None, None, "clean:empty", "clean:empty",
        "clean:garbled", "clean:garbled", "clean:language", "clean:language",
    ]  # fmt: skip
    assert reasons(table, languages=("en", "zh", "fr", "und"), min_lang_score=0)[-2:] == [None, None]
    assert reasons(table, max_replacement_share=1)[4] is None


def test_judge__score_and_bounds() -> None:
    table = pa.table(
        {
            "chars": [1000, 1000, 1000],
            "lang": ["en", "zh", "en"],
            "lang_score": pa.array([0.65, 0.6499, 0.9], pa.float32()),
            "replacement_share": pa.array([0.01, 0.0, 0.0101], pa.float32()),
        }
    )
    rules = CleanRules(min_lang_score=0.65, max_replacement_share=0.01)
    assert judge(table, rules).to_pylist() == [None, "clean:language-score", "clean:garbled"]
    nothing_lost = CleanRules(min_lang_score=0, max_replacement_share=0)
    assert judge(table, nothing_lost).to_pylist() == ["clean:garbled", None, "clean:garbled"]
    # One lost character at the end of a short text was a cut, not a wrong code page: 1 of 50, and 2 of 50.
    short = table.slice(0, 2).set_column(0, "chars", pa.array([50, 50]))
    short = short.set_column(3, "replacement_share", pa.array([0.02, 0.04], pa.float32()))
    assert judge(short, CleanRules()).to_pylist() == [None, "clean:garbled"]


def test_measure__schema_rows_and_input() -> None:
    table = rows("a  b", None, CHINESE)
    before = table.to_pylist()
    measured = measure(table, CleanMeasure())
    assert measured.schema == columns.CLEAN == STAGE.schema
    assert measured["text"].to_pylist() == ["a b", "", CHINESE]
    assert measured["changed"].to_pylist() == [["whitespace"], [], []]
    assert table.to_pylist() == before
    assert measure(table.slice(0, 0), CleanMeasure()).schema == columns.CLEAN
    assert measure(table.slice(2), CleanMeasure())["lang"].to_pylist() == ["zh"]
    assert judge(measured.slice(0, 0), CleanRules()).type == pa.string()


@pytest.mark.parametrize(("share", "expected"), [(0.0, ["", ""]), (1.0, ["en", "und"])])
def test_measure__second_opinion_is_sampled_by_id(share: float, expected: list[str]) -> None:
    assert measure(rows(ENGLISH, "123"), CleanMeasure(langdetect_sample=share))["lang_second"].to_pylist() == expected


def test_measure__second_opinion_never_decides() -> None:
    table = rows(CHINESE, ENGLISH, "数据 data")
    asked, unasked = (measure(table, CleanMeasure(langdetect_sample=share)) for share in (1.0, 0.0))
    assert asked.drop(["lang_second"]) == unasked.drop(["lang_second"])


def test_measure__does_not_depend_on_order() -> None:
    table = rows(ENGLISH, CHINESE, "x\x00y", "schÃ¶n", None)
    turned = measure(table.take([4, 3, 2, 1, 0]), CleanMeasure(langdetect_sample=0.5))
    assert turned.take([4, 3, 2, 1, 0]).to_pylist() == measure(table, CleanMeasure(langdetect_sample=0.5)).to_pylist()


def test_checks__are_known_for_every_rule() -> None:
    table = rows(ENGLISH, None, "\ufffd\ufffd" + CHINESE, "Les données décident de la qualité du modèle, oui.")
    broken = checks(measure(table, CleanMeasure()), CleanRules())
    assert broken.to_pydict() == {
        "empty": [False, True, False, False],
        "garbled": [False, False, True, False],
        "language": [False, True, False, True],
        "language-score": [False, True, False, False],
    }


def test_measure__cuts_lines_and_says_which() -> None:
    text = f"{ENGLISH}\r\nRead more\r\n{CHINESE}\r\n{CHINESE}\r\n本网站使用Cookie。"
    table = rows(text, "數據決定了模型的上限，這是我們多年來得到的經驗。<br>他們說完了。")
    measured = measure(table, CleanMeasure(repeated_line_tokens=10))
    assert measured["text"].to_pylist()[0] == f"{ENGLISH}\n{CHINESE}"
    cuts = measured["cuts"].to_pylist()
    assert [(c["kind"], text[c["start"] : c["end"]]) for c in cuts[0]] == [
        ("boilerplate", "Read more"),
        ("repeated", CHINESE),
        ("policy", "本网站使用Cookie。"),
    ]
    assert measured["changed"].to_pylist()[0] == ["newline", "boilerplate", "policy", "repeated"]
    assert cuts[1] == []
    kept = measure(table, CleanMeasure(cut_lines=(), html_remnants=False))
    assert kept["text"].to_pylist() == [text.replace("\r\n", "\n"), table["text"][1].as_py()]
    short = measure(table, CleanMeasure(cut_lines=("repeated",)))  # from 30 tokens on: a refrain stays
    assert short["cuts"].to_pylist() == [[], []]


def test_measure__folds_han_before_the_language_is_told() -> None:
    pytest.importorskip("opencc")
    table = rows("數據決定了模型的上限，這是我們多年來得到的經驗。")
    assert measure(table, CleanMeasure())["script"].to_pylist() == ["Hant"]
    folded = measure(table, CleanMeasure(fold_han="simplified"))
    assert (folded["script"].to_pylist(), folded["changed"].to_pylist()) == (["Hans"], [["han"]])
