from __future__ import annotations

from typing import Any

import pytest

from aigc_data.sources import Lost


def texts(rows: list[dict[str, Any]]) -> list[Any]:
    return [r["text"] for r in rows]


@pytest.mark.parametrize(("name", "mark"), [("a.csv", ","), ("a.tsv", "\t")])
def test_read_table__quoted_fields_hold_line_breaks_delimiters_and_quotes(read: Any, name: str, mark: str) -> None:
    data = 'id,text,lic\r\n1,"a ""b"", c\r\n第二行\n",MIT\r\n\r\n2,,\r\n3,last,"ISC"'.replace(",", mark)
    rows, lost = read(name, data.encode(), id="id", license="CC0-1.0", license_field="lic")
    assert lost == []
    assert texts(rows) == [f'a "b"{mark} c\r\n第二行\n', "", "last"]
    assert [r["key"] for r in rows] == ["1", "2", "3"]
    assert [r["license_declared"] for r in rows] == ["MIT", "CC0-1.0", "ISC"]
    assert [r["locator"] for r in rows] == [f"{name}#line=2", f"{name}#line=6", f"{name}#line=7"]


def test_read_table__rows_of_the_wrong_width_are_lost(read: Any) -> None:
    rows, lost = read("a.csv", b"id,text\n1,a\n2\n3,c,d\n4,e\n")
    assert texts(rows) == ["a", "e"]
    assert lost == [
        Lost("line 3", "wrong-width", "1 fields, the header has 2"),
        Lost("line 4", "wrong-width", "3 fields, the header has 2"),
    ]


def test_read_table__broken_quoting_costs_one_record(read: Any) -> None:
    rows, lost = read("a.csv", b'id,text\n1,"a"b\n2,5" pipe\n3,"open\n4,x\n')
    assert texts(rows) == ['5" pipe']
    assert [(x.position, x.reason) for x in lost] == [("line 2", "bad-csv"), ("line 4-5", "bad-csv")]


def test_read_table__quote_that_never_closes_is_bounded(read: Any) -> None:
    rows, lost = read("a.csv", b'id,text\n1,"' + b"xxxxxxxxx\n" * 300 + b"2,b\n", max_record_bytes=1024)
    assert texts(rows) == ["b"]
    assert (lost[0].position, lost[0].reason) == ("line 2-104", "too-long")


def test_read_table__bad_bytes_cost_the_record_and_not_the_place(read: Any) -> None:
    rows, lost = read("a.csv", b'id,text\n1,"a\xff\nb"\n2,\xe4\xb8\xad\n')
    assert texts(rows) == ["中"]
    assert lost == [Lost("line 2", "bad-utf8", "a field is not utf-8")]


def test_read_table__encodings(read: Any) -> None:
    data = "id,text\n1,中文\n"
    for encoding in ("utf-8-sig", "utf-16"):
        assert texts(read("a.csv", data.encode(encoding))[0]) == ["中文"]
    assert texts(read("a.csv", data.encode("gb18030"), encoding="gb18030")[0]) == ["中文"]
    assert texts(read("a.csv", data.replace("\n", "\r").encode())[0]) == ["中文"]


@pytest.mark.parametrize(
    ("data", "position", "reason"),
    [
        (b"a,b\n1,2\n", "line 1", "no-text-field"),
        (b"text,text\n1,2\n", "line 1", "duplicate-column"),
        (b"id,text\n", "file", "no-records"),
        (b"", "file", "empty-file"),
    ],
)
def test_read_table__file_without_usable_header_is_one_loss(read: Any, data: bytes, position: str, reason: str) -> None:
    rows, lost = read("a.csv", data)
    assert (rows, [(x.position, x.reason) for x in lost]) == ([], [(position, reason)])
