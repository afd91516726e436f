import pyarrow as pa

from aigc_data import columns
from aigc_data.recipe import LicenseMeasure, LicenseRules
from aigc_data.stages.license import STAGE, measure

NC_NOTICE = "正文。本文采用知识共享署名-非商业性使用 4.0 国际许可协议。"


def measured(*rows: tuple[str | None, str], **params: int) -> pa.Table:
    table = {
        "license_declared": pa.array([declared for declared, _ in rows], pa.string()),
        "clean.text": pa.array([text for _, text in rows], pa.large_string()),
    }
    return measure(pa.table(table), LicenseMeasure(**params))


def test_measure__has_the_schema() -> None:
    rows = measured(("MIT License", "text"), (None, ""))
    assert rows.schema == columns.LICENSE == STAGE.schema
    assert measured().num_rows == 0
    assert measured().schema == columns.LICENSE


def test_measure__declared_detected_and_both() -> None:
    rows = measured(
        ("CC BY 4.0", "plain text"),
        (None, NC_NOTICE),
        ("知识共享 署名 4.0", NC_NOTICE),
        ("cc-by-nc-4.0", NC_NOTICE),
        (None, "nothing"),
        ("something odd", "nothing"),
    ).to_pydict()
    assert rows["license"] == [
        "CC-BY-4.0",
        "CC-BY-NC-4.0",
        "CC-BY-4.0 AND CC-BY-NC-4.0",
        "CC-BY-NC-4.0",
        "NOASSERTION",
        "NOASSERTION",
    ]
    assert rows["license_class"] == ["attribution", *["non-commercial"] * 3, "unknown", "unknown"]
    assert rows["declared"] == ["CC-BY-4.0", "NOASSERTION", "CC-BY-4.0", "CC-BY-NC-4.0", "NOASSERTION", "NOASSERTION"]
    assert rows["detected"] == ["", *["CC-BY-NC-4.0"] * 3, "", ""]
    assert rows["conflict"] == [False, False, True, False, False, False]
    assert rows["evidence"] == ["declared", "detected", "both", "both", "none", "none"]
    assert NC_NOTICE[rows["notice_start"][1] : rows["notice_end"][1]] == "知识共享署名-非商业性使用 4.0"
    assert rows["notice_start"][4] == rows["notice_end"][4] == -1


def test_measure__detection_can_be_switched_off() -> None:
    assert measured((None, NC_NOTICE), detect_bytes=0)["detected"].to_pylist() == [""]


def test_judge__policy() -> None:
    rows = measured(("MIT", "x"), (None, "x"), ("CC BY 4.0", NC_NOTICE), (None, "版权所有"), ("公有领域", "x"))
    assert STAGE.judge(rows, LicenseRules()).to_pylist() == [
        None,
        "license:unknown",
        "license:non-commercial",
        "license:proprietary",
        None,
    ]
    both = LicenseRules(allow=("permissive", "non-commercial", "unknown"), on_conflict="drop")
    assert STAGE.judge(rows, both).to_pylist() == [
        None,
        None,
        "license:conflict",
        "license:proprietary",
        "license:public-domain",
    ]
    assert STAGE.judge(rows.slice(0, 0), both).to_pylist() == []
    assert STAGE.judge(pa.concat_tables([rows.slice(3), rows.slice(0, 2)]), LicenseRules()).to_pylist() == [
        "license:proprietary",
        None,
        None,
        "license:unknown",
    ]
