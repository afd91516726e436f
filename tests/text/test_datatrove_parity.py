"""English signals and verdicts against datatrove's own, as data/datatrove/SOURCES.md says they were made."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from aigc_data.text.quality.rules import FILTERS, PUBLISHED, failures, measured, rule_names
from aigc_data.text.quality.signals import signals

ROWS: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parent / "data" / "datatrove" / "golden.jsonl").read_text(encoding="utf-8").splitlines()
]
TEXTS = pa.array([row["text"] for row in ROWS], pa.large_string())


@pytest.mark.parametrize("name", sorted(ROWS[0]["values"]))
def test_signals__english_values_are_datatroves(name: str) -> None:
    ours = signals(TEXTS, np.zeros(len(ROWS), bool))[name]
    for row, value in zip(ROWS, ours.tolist(), strict=True):
        same = value == pytest.approx(row["values"][name], rel=1e-6)
        assert same != (name in row.get("differs", [])), row["text"]


def test_signals__glued_words_are_no_repetition() -> None:
    """datatrove joins the words of a 5-gram without blanks, so that `ab c d e f` has `a bc d e f` for its copy."""
    (row,) = [row for row in ROWS if "differs" in row]
    ours = signals(pa.array([row["text"]], pa.large_string()), np.zeros(1, bool))
    assert (ours["dup_5gram"][0], row["values"]["dup_5gram"]) == (0, pytest.approx(6 / 22))


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_published__english_verdicts_are_datatroves(name: str) -> None:
    langs = pa.chunked_array([pa.array(["en"] * len(ROWS), pa.string())])
    broken = failures(measured(pa.chunked_array([TEXTS]), langs), PUBLISHED)
    rules = [rule for field, rule in rule_names() if field in FILTERS[name]]
    ours = np.any([broken[rule].to_numpy() for rule in rules], axis=0)
    theirs = np.array([row["verdicts"][name] != "" for row in ROWS])
    assert [row["text"] for row, a, b in zip(ROWS, ours, theirs, strict=True) if a != b] == []
    assert 0 < theirs.sum() < len(ROWS)  # a filter that drops all or nothing would prove nothing
