from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from released import EMAIL, PHONE, id_of, released

from aigc_data.errors import IntegrityError, UsageError
from aigc_data.lineage import checkpoint_metadata, find_release, runs_of, show_record, trace
from aigc_data.store.files import write_json
from aigc_data.store.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return released(tmp_path_factory.mktemp("lineage"))


def write_checkpoint(path: Path, metadata: dict[str, str]) -> None:
    header = json.dumps({"__metadata__": metadata, "x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})
    path.write_bytes(struct.pack("<Q", len(header)) + header.encode() + b"\0\0\0\0")


@pytest.fixture
def run(workspace: Workspace) -> Path:
    _, release = find_release(workspace)
    folder = workspace.runs / "abc123"
    folder.mkdir(parents=True, exist_ok=True)
    order = {"run": "abc123", "release": {"id": release["id"], "recipe_digest": "r"}, "config": {"steps": 3}}
    write_json(folder / "run.json", order)
    write_json(folder / "metrics.json", {"train_loss": 1.5, "validation": {"bits_per_byte": 2.0}})
    write_checkpoint(folder / "checkpoint.safetensors", {"release": release["id"], "step": "3"})
    return folder


@pytest.mark.parametrize(("key", "value"), [("mail", EMAIL), ("手机", PHONE)])
def test_show_record__hides_personal_data_unless_asked(workspace: Workspace, key: str, value: str) -> None:
    shown = show_record(workspace, id_of(key)[:12])
    assert value not in json.dumps(shown, ensure_ascii=False)
    assert EMAIL not in json.dumps(shown, ensure_ascii=False)
    assert shown["layers"]["pii"]["spans"]
    raw = show_record(workspace, id_of(key), raw=True)
    assert value in raw["base"]["text"]
    assert value in raw["layers"]["clean"]["text"]


def test_show_record__says_which_copy_was_kept(workspace: Workspace) -> None:
    both = [show_record(workspace, id_of(key)) for key in ("en-0", "copy-0")]
    assert sorted(r["verdict"] for r in both) == ["gate:duplicate", "lives"]
    assert len({r["kept_copy"] for r in both}) == 1
    assert [bool(r["releases"]) for r in both] == [r["verdict"] == "lives" for r in both]


@pytest.mark.parametrize(
    ("key", "reason"), [("短", "quality:min-tokens"), ("nc", "license:non-commercial"), ("taken", "gate:takedown")]
)
def test_show_record__names_the_reasons(workspace: Workspace, key: str, reason: str) -> None:
    record = show_record(workspace, id_of(key))
    assert record["verdict"] == reason
    assert reason in record["reasons"]
    assert record["kept_copy"] is None
    assert record["releases"] == []


def test_show_record__finds_born_children_and_the_born_row(workspace: Workspace) -> None:
    parents = [show_record(workspace, id_of(f"en-{n}")) for n in range(12)]
    child = next(c for parent in parents for c in parent["born"])
    row = show_record(workspace, child["id"][:16])
    assert row["born_row"]["variant"] == "typo"
    assert row["born_row"]["parent"] in {p["id"] for p in parents}


@pytest.mark.parametrize(("prefix", "seen"), [("xyz", "no record id"), ("", "no record id"), ("0" * 32, "begins with")])
def test_show_record__refuses_what_names_no_record(workspace: Workspace, prefix: str, seen: str) -> None:
    with pytest.raises(UsageError, match=seen):
        show_record(workspace, prefix)


def _shared_digit() -> str:
    digits = [id_of(f"{lang}-{n}")[0] for lang in ("en", "zh") for n in range(12)]
    return max(digits, key=digits.count)


def test_show_record__refuses_a_shared_prefix(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match=r"ids begin with .*give more digits"):
        show_record(workspace, _shared_digit())


def test_trace__goes_from_release_to_runs_and_back(workspace: Workspace, run: Path) -> None:
    _, release = find_release(workspace)
    there = trace(workspace, release["id"][:10])
    assert [r["name"] for r in there["runs"]] == ["abc123"]
    assert there["release"]["rows"] == release["rows"]
    for thing in ("abc123", "runs/abc123", str(run)):
        back = trace(workspace, thing)
        assert (back["kind"], back["release"]["id"], back["release"]["here"]) == ("run", release["id"], True)
    assert back["run"]["checkpoints"] == ["checkpoint.safetensors"]


def test_trace__reads_a_checkpoint(workspace: Workspace, run: Path) -> None:
    _, release = find_release(workspace)
    found = trace(workspace, "runs/abc123/checkpoint.safetensors")
    assert (found["kind"], found["release"]["id"]) == ("checkpoint", release["id"])


def test_trace__says_that_a_release_is_not_here(workspace: Workspace, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "x.safetensors", {"release": "f" * 64})
    assert trace(workspace, str(tmp_path / "x.safetensors"))["release"] == {"id": "f" * 64, "here": False}


@pytest.mark.parametrize("thing", ["no-such-run", "0" * 64])
def test_trace__refuses_what_is_nothing(workspace: Workspace, thing: str) -> None:
    with pytest.raises(UsageError, match=r"no such release|no release, run or checkpoint"):
        trace(workspace, thing)


def test_runs_of__are_those_of_the_release_alone(workspace: Workspace, run: Path) -> None:
    assert runs_of(workspace, "0" * 64) == []


@pytest.mark.parametrize("data", [b"", b"PK\3\4", struct.pack("<Q", 1 << 62) + b"{}", struct.pack("<Q", 2) + b"[]"])
def test_checkpoint_metadata__refuses_other_files(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.safetensors").write_bytes(data)
    with pytest.raises(IntegrityError, match="no safetensors file"):
        checkpoint_metadata(tmp_path / "x.safetensors")
