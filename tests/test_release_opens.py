"""A release opens as it is with the readers that people have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import polars as pl
import pyarrow.dataset as ds
import pytest
from pipeline_runs import release_id
from released import released

from aigc_data.columns import RELEASE
from aigc_data.store.workspace import Workspace


@pytest.fixture
def folder(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    workspace: Workspace = released(tmp_path / "workspace")
    path = workspace.releases / release_id(workspace)
    manifest = workspace.manifest(path)
    assert manifest is not None
    return path, manifest


def test_polars__reads_all_rows_of_a_split(folder: tuple[Path, dict[str, Any]]) -> None:
    path, manifest = folder
    frame = pl.read_parquet(path / "train" / "*.parquet")
    assert frame.height == manifest["splits"]["train"]["rows"] > 0
    assert frame.columns == RELEASE.names


def test_pyarrow__reads_all_rows_in_the_declared_schema(folder: tuple[Path, dict[str, Any]]) -> None:
    path, manifest = folder
    table = ds.dataset([path / name for name in manifest["files"]]).to_table()
    assert table.num_rows == manifest["rows"]
    assert table.schema.equals(RELEASE)


def test_datasets__finds_the_splits(folder: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    path, manifest = folder
    loaded = datasets.load_dataset("parquet", data_dir=str(path), cache_dir=str(tmp_path / "cache"))
    rows = {split: numbers["rows"] for split, numbers in manifest["splits"].items() if numbers["rows"]}
    assert {split: loaded[split].num_rows for split in loaded} == rows
