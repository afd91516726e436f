from __future__ import annotations

from pathlib import Path

import fsspec
import pytest

from aigc_data.errors import SourceError
from aigc_data.recipe import Source
from aigc_data.sources import list_inputs


def source(path: str, **more: str) -> Source:
    return Source.model_validate({"name": "s", "path": path, **more})


def fill(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")


def test_list_inputs__folder_is_recursive_sorted_and_skips_hidden_files(tmp_path: Path) -> None:
    fill(tmp_path / "raw", "b.txt", "a/z.md", "a/.hidden.txt", ".git/c.txt", "中文.jsonl.gz")
    files = list_inputs(source("raw"), tmp_path)
    assert [(f.relative, f.format, f.compression) for f in files] == [
        ("a/z.md", "markdown", ""),
        ("b.txt", "text", ""),
        ("中文.jsonl.gz", "jsonl", "gz"),
    ]
    assert files[0].location == str(tmp_path / "raw/a/z.md")
    assert files[0].size == 1


@pytest.mark.parametrize(
    ("path", "relative"), [("raw/a.txt", "a.txt"), ("raw/*/x.txt", "d/x.txt"), ("raw/**/x.txt", "d/x.txt")]
)
def test_list_inputs__identity_stays_when_the_workspace_moves(tmp_path: Path, path: str, relative: str) -> None:
    for place in ("here", "there"):
        fill(tmp_path / place / "raw", "a.txt", "d/x.txt")
    here, there = (list_inputs(source(path), tmp_path / place) for place in ("here", "there"))
    assert [f.relative for f in here] == [f.relative for f in there] == [relative]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.ndjson.zst", "jsonl"),
        ("a.CSV", "csv"),
        ("a.tab", "tsv"),
        ("a.rst.xz", "markdown"),
        ("a.htm.bz2", "html"),
        ("a.warc.gz", "warc"),
        ("a.warc.wet.gz", "wet"),
        ("a.json", "unknown"),
        ("a", "unknown"),
        ("a.gz", "unknown"),
    ],
)
def test_list_inputs__suffix_below_the_compression_names_the_format(tmp_path: Path, name: str, kind: str) -> None:
    fill(tmp_path, name)
    assert list_inputs(source("."), tmp_path)[0].format == kind
    assert list_inputs(source(".", format="text"), tmp_path)[0].format == "text"


def test_list_inputs__links_that_leave_the_root_are_not_followed(tmp_path: Path) -> None:
    fill(tmp_path, "outside/secret.txt", "raw/a.txt")
    (tmp_path / "raw/out.txt").symlink_to(tmp_path / "outside/secret.txt")
    (tmp_path / "raw/folder").symlink_to(tmp_path / "outside")
    (tmp_path / "raw/in.txt").symlink_to(tmp_path / "raw/a.txt")
    assert [f.relative for f in list_inputs(source("raw"), tmp_path)] == ["a.txt", "in.txt"]
    assert [f.relative for f in list_inputs(source("raw/*.txt"), tmp_path)] == ["a.txt", "in.txt"]


def test_list_inputs__memory_url_lists_below_its_root() -> None:
    fs = fsspec.filesystem("memory")
    fs.pipe({"/bucket/d/a.jsonl": b"{}", "/bucket/b.txt": b"xy", "/bucket/.c.txt": b""})
    files = list_inputs(source("memory://bucket"), Path("/nowhere"))
    assert [(f.relative, f.location, f.size) for f in files] == [
        ("b.txt", "memory:///bucket/b.txt", 2),
        ("d/a.jsonl", "memory:///bucket/d/a.jsonl", 2),
    ]
    assert [f.relative for f in list_inputs(source("memory://bucket/*/*.jsonl"), Path())] == ["d/a.jsonl"]
    assert [f.relative for f in list_inputs(source("memory://bucket/b.txt"), Path())] == ["b.txt"]
    fs.rm("/bucket", recursive=True)


def test_list_inputs__file_url_is_a_path(tmp_path: Path) -> None:
    fill(tmp_path, "a.txt")
    assert list_inputs(source(f"file://{tmp_path}/a.txt"), Path("/nowhere"))[0].location == f"{tmp_path}/a.txt"


@pytest.mark.parametrize("path", ["missing.txt", "missing/*.txt", "empty", "memory://missing"])
def test_list_inputs__nothing_found_says_what_was_looked_for(tmp_path: Path, path: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=r"no file matches '|holds no file") as caught:
        list_inputs(source(path), tmp_path)
    assert path in str(caught.value)


def test_list_inputs__refuses_unknown_schemes_chains_and_encodings(tmp_path: Path) -> None:
    fill(tmp_path, "a.txt")
    for path, said in (("nosuch://x/y", "cannot be listed"), ("zip://a::memory://b", "chains file systems")):
        with pytest.raises(SourceError, match=said):
            list_inputs(source(path), tmp_path)
    for name in ("klingon", "hex"):
        with pytest.raises(SourceError, match="no text encoding"):
            list_inputs(source("a.txt", encoding=name), tmp_path)
