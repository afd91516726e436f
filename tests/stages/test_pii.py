import pyarrow as pa

from aigc_data import columns
from aigc_data.recipe import PiiMeasure, PiiRules
from aigc_data.stages.pii import STAGE, measure


def measured(*texts: str) -> pa.Table:
    return measure(pa.table({"clean.text": pa.array(texts, pa.large_string())}), PiiMeasure())


def test_measure__has_the_schema() -> None:
    rows = measured("手机13812345678", "nothing", "")
    assert rows.schema == columns.PII == STAGE.schema
    rows.validate(full=True)
    assert rows["spans"].to_pylist() == [
        [{"kind": "phone", "start": 2, "end": 13, "validator": "numbering-plan", "confidence": 90}],
        [],
        [],
    ]
    assert rows["tokens"].to_pylist() == [3, 1, 0]
    assert measured().num_rows == 0


def test_measure__chunks_and_slices() -> None:
    text = pa.chunked_array(
        [pa.array(["x", "邮箱a@b.cn"], pa.large_string()), pa.array(["call (212) 555-0123"], pa.large_string())]
    )
    rows = measure(pa.table({"clean.text": text}).slice(1), PiiMeasure(kinds=("email",)))
    assert [[s["kind"] for s in row] for row in rows["spans"].to_pylist()] == [["email"], []]


def test_judge__drops_the_kinds_named() -> None:
    rows = measured("身份证11010519491231002X", "mail a@b.cn", "127.0.0.1", "", "邮箱a@b.cn，身份证11010519491231002X")
    assert STAGE.judge(rows, PiiRules()).to_pylist() == [None] * 5
    rules = PiiRules(drop_kinds=("cn_resident_id", "email", "ip"))
    expected = ["pii:cn_resident_id", "pii:email", None, None, "pii:cn_resident_id"]
    assert STAGE.judge(rows, rules).to_pylist() == expected
    table = pa.concat_tables([rows.slice(3), rows.slice(0, 3)])
    assert STAGE.judge(table, rules).to_pylist() == expected[3:] + expected[:3]
    assert STAGE.judge(rows.slice(0, 0), rules).to_pylist() == []


def test_judge__lists_of_people_are_dense() -> None:
    people = "".join(f"张三 1381234{n:04d}，" for n in range(5000, 5012))
    staff = "".join(f"Jo Doe a{n}@b.com " for n in range(12))
    letter = "He wrote from a@b.com. " + "A long letter about the weather follows here. " * 3
    rows = measured(people, staff, letter, "a@b.cn c@d.cn")
    assert STAGE.judge(rows, PiiRules(max_spans_per_1000_tokens=100)).to_pylist() == [
        "pii:dense",
        "pii:dense",
        None,
        None,
    ]
    assert STAGE.judge(rows, PiiRules(max_spans_per_1000_tokens=1000)).to_pylist() == [None] * 4
    assert STAGE.judge(rows, PiiRules(max_spans_per_1000_tokens=100, dense_from=2)).to_pylist()[3] == "pii:dense"
