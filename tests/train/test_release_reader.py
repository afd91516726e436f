import json
from pathlib import Path

import pytest
from release_builder import document, write_release

from aigc_data.errors import IntegrityError
from aigc_data.train.release import open_release


def edit(release: Path, **changes: object) -> None:
    path = release / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes), encoding="utf-8")


def test_open_release__reads_a_split_in_file_order(release: Path) -> None:
    opened = open_release(release)
    assert list(opened.documents("train")) == [document(n) for n in range(40)]
    assert [d.lang for d in opened.documents("validation")] == ["zh", "en"] * 3
    assert opened.recipe_digest == "cd" * 32


def test_open_release__names_a_tampered_shard_with_both_digests(release: Path) -> None:
    shard = release / "train/00001.parquet"
    expected = json.loads((release / "manifest.json").read_text())["files"]["train/00001.parquet"]["sha256"]
    raw = bytearray(shard.read_bytes())
    raw[len(raw) // 2] ^= 1
    shard.write_bytes(raw)
    with pytest.raises(
        IntegrityError, match=rf"shard train/00001.parquet has SHA-256 [0-9a-f]{{64}}; expected {expected}"
    ):
        open_release(release)


def test_open_release__refuses_a_missing_shard(release: Path) -> None:
    (release / "validation/00002.parquet").unlink()
    with pytest.raises(IntegrityError, match=r"shard validation/00002.parquet cannot be read"):
        open_release(release)


def test_open_release__refuses_a_folder_without_manifest(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match=r"no readable manifest\.json"):
        open_release(tmp_path)


def test_open_release__refuses_a_wrong_row_count(release: Path) -> None:
    edit(release, rows=47)
    with pytest.raises(IntegrityError, match="`rows` is 47; expected 48"):
        open_release(release)


@pytest.mark.parametrize("name", ["../outside.parquet", "/etc/outside.parquet", "a\\..\\b.parquet"])
def test_open_release__refuses_paths_out_of_the_release(release: Path, name: str) -> None:
    edit(release, files={name: {"sha256": "0" * 64, "rows": 1, "split": "train"}})
    with pytest.raises(IntegrityError, match="names the file"):
        open_release(release)


@pytest.mark.parametrize("raw", ["", "[]", '{"id": "x"}', "{", "\u0000"])
def test_open_release__refuses_a_broken_manifest(release: Path, raw: str) -> None:
    (release / "manifest.json").write_text(raw, encoding="utf-8")
    with pytest.raises(IntegrityError, match=r"manifest\.json"):
        open_release(release)


def test_documents__refuses_a_row_of_another_split(tmp_path: Path) -> None:
    folder = write_release(tmp_path, [("train", [document(1)])])
    files = json.loads((folder / "manifest.json").read_text())["files"]
    files["train/00000.parquet"]["split"] = "validation"
    edit(folder, files=files)
    with pytest.raises(IntegrityError, match=r"train/00000.parquet has rows of split \['train'\]; expected validation"):
        list(open_release(folder).documents("validation"))
