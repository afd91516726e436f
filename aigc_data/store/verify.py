"""Hold every byte and every count of a workspace to what its manifests promise.

All is read anew: the cache of digests is never asked. What is wrong comes back as values, one a finding, so that
one damaged file does not hide the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow.compute as pc

from aigc_data.errors import AigcDataError, IntegrityError
from aigc_data.hashing import digest_file
from aigc_data.store import parquet
from aigc_data.store.files import TEMPORARY, read_json
from aigc_data.store.verify_release import Complain, check_release
from aigc_data.store.workspace import MANIFEST, Workspace

_RUN = "run `aigc-data run`: it makes again what is missing or damaged"
_PULL = "fetch it again (`dvc pull`), or delete it and run `aigc-data run`"


@dataclass(frozen=True)
class Problem:
    """One finding; `path` is relative to what was verified."""

    path: str
    seen: str
    expected: str
    do: str

    def line(self) -> str:
        """The finding in words."""
        return f"{self.path}: {self.seen}; expected {self.expected}; to mend it: {self.do}"


def verify_workspace(workspace: Workspace) -> list[Problem]:
    """Verify base, quarantine, every layer, the born rows and every release; [] when all is as promised.

    Reads every listed file once for its digest, and the columns that are counted a second time.
    """
    problems: list[Problem] = []
    say = _complainer(problems, workspace.root)
    base = _check_folder(workspace.base, say)
    quarantine = _check_folder(workspace.quarantine, say)
    if base is None:
        say(
            workspace.base / MANIFEST,
            "missing",
            "the manifest of an ingested base",
            "run `aigc-data stage ingest`",
        )
        return problems
    _check_ingest(workspace, base, quarantine, say)
    layers_folder = workspace.data / "layers"
    found = sorted(p for p in layers_folder.iterdir() if p.is_dir()) if layers_folder.is_dir() else []
    layers = {folder.name: _check_folder(folder, say) for folder in found}
    for stage, layer in layers.items():
        if layer is not None:
            _check_layer(workspace, stage, layer, base, layers, say)
    born = _check_folder(workspace.born, say)
    if born is not None:
        _equal(say, workspace.born / MANIFEST, "rows", born.get("rows"), _sum(born["files"], "rows"))
    _check_releases(workspace, say)
    return problems


def verify_release(folder: Path) -> list[Problem]:
    """Verify one release's folder alone, wherever it lies; [] when it is what its manifest says."""
    problems: list[Problem] = []
    say = _complainer(problems, folder)
    manifest = _check_folder(folder, say)
    if manifest is None:
        if not problems:
            say(folder / MANIFEST, "missing", "the manifest of a release", "name a folder data/releases/<id>")
        return problems
    _guarded(say, folder, lambda: check_release(folder, manifest, say))
    return problems


def _complainer(problems: list[Problem], root: Path) -> Complain:
    def say(path: Path, seen: str, expected: str, do: str) -> None:
        inside = path.is_relative_to(root)
        name = path.relative_to(root).as_posix() if inside else path.name
        problems.append(Problem(name, seen.replace(f"{root}/", ""), expected.replace(f"{root}/", ""), do))

    return say


def _guarded(say: Complain, path: Path, check: Callable[[], None]) -> None:
    """Run a check whose reading may itself find damage, or a manifest without what it should hold."""
    try:
        check()
    except AigcDataError as error:
        say(path, error.seen, error.expected or "a readable file", error.do or _PULL)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        seen = f"the manifest does not have the form of a manifest ({type(error).__name__}: {error})"
        say(path / MANIFEST if path.is_dir() else path, seen, "what the stage writes", _RUN)


def _check_folder(folder: Path, say: Complain) -> dict[str, Any] | None:
    """Digest, size and row count of every file a folder's manifest lists, and files that it does not list."""
    if not folder.is_dir():
        return None
    path = folder / MANIFEST
    if not path.is_file():
        if any(p.is_file() for p in folder.rglob("*")):
            say(
                path,
                "missing, though the folder has files",
                "a manifest, written last by a finished stage",
                _RUN,
            )
        return None
    try:
        manifest = read_json(path)
    except IntegrityError as error:
        say(path, error.seen, "a manifest", _PULL)
        return None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        say(path, "a manifest without `files`", "the names and digests of the files", _PULL)
        return None
    listed = {}
    for name, entry in sorted(manifest["files"].items()):
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts or "\\" in name:
            say(path, f"a file named {name!r}", "a path inside the folder", "do not use this data")
            continue
        listed[name] = entry
        _guarded(say, folder / name, lambda n=name, e=entry: _check_file(folder / n, e, say))  # type: ignore[misc]
    for unlisted in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = unlisted.relative_to(folder).as_posix()
        if name != MANIFEST and name not in listed:
            left = any(part.startswith(TEMPORARY) for part in PurePosixPath(name).parts)
            seen = "left behind by a run that was killed" if left else "a file that no manifest lists"
            say(unlisted, seen, "only listed files", "delete it; a run of the stage does so too")
    return {**manifest, "files": listed}


def _check_file(path: Path, entry: Mapping[str, Any], say: Complain) -> None:
    if not path.is_file():
        say(path, "missing", f"SHA-256 {entry['sha256']}", _PULL)
        return
    seen = digest_file(path)
    if seen != entry["sha256"]:
        say(path, f"SHA-256 {seen}", str(entry["sha256"]), _PULL)
        return  # its counts say nothing more
    if "bytes" in entry:
        _equal(say, path, "bytes", path.stat().st_size, entry["bytes"])
    if path.suffix == ".parquet":
        _equal(say, path, "rows", parquet.footer(path)["rows"], entry["rows"])


def _check_ingest(workspace: Workspace, base: dict[str, Any], quarantine: dict[str, Any] | None, say: Complain) -> None:
    path = workspace.base / MANIFEST

    def check() -> None:
        lost = sum(base["quarantined"].values())
        _equal(say, path, "rows", base["rows"], _sum(base["files"], "rows"))
        _equal(say, path, "records read", base["read"], base["rows"] + lost)
        for file, entry in base["files"].items():
            if "text_bytes" in entry and (workspace.base / file).is_file():
                _equal(
                    say,
                    workspace.base / file,
                    "text bytes",
                    parquet.footer(workspace.base / file).get("text_bytes"),
                    entry["text_bytes"],
                )
        if quarantine is None:
            say(
                workspace.quarantine,
                "no usable manifest",
                f"{lost} quarantined records",
                "run `aigc-data stage ingest`",
            )
            return
        counted: dict[str, int] = {}
        for name in quarantine["files"]:
            if (workspace.quarantine / name).is_file():
                for reason, n in _counts(workspace.quarantine / name, "reason").items():
                    counted[reason] = counted.get(reason, 0) + n
        _equal(
            say,
            workspace.quarantine / MANIFEST,
            "records by reason",
            dict(sorted(counted.items())),
            base["quarantined"],
        )

    _guarded(say, workspace.base, check)


def _check_layer(
    workspace: Workspace,
    stage: str,
    layer: dict[str, Any],
    base: dict[str, Any],
    layers: Mapping[str, dict[str, Any] | None],
    say: Complain,
) -> None:
    folder = workspace.layer(stage)

    def check() -> None:
        wanted = {f"{kind}/{shard}" for shard in base["files"] for kind in ("measure", "reason")}
        for name in sorted(wanted - set(layer["files"])):
            say(
                folder / name,
                "not listed",
                "one file of judgement for each base shard",
                f"run `aigc-data stage {stage}`",
            )
        totals: dict[str, int] = {}
        for name in sorted(wanted & set(layer["files"])):
            if not (folder / name).is_file():
                continue
            shard = name.split("/", 1)[1]
            foot = parquet.footer(folder / name)
            _equal(say, folder / name, "rows", foot["rows"], base["files"][shard]["rows"])
            _equal(say, folder / name, "made from base shard", foot.get("base"), base["files"][shard]["sha256"])
            for parent, digest in (foot.get("measures") or {}).items():
                now = ((layers.get(parent) or {}).get("files", {}).get(f"measure/{shard}") or {}).get("sha256")
                _equal(say, folder / name, f"made from `{parent}` measures", digest, now)
            if name.startswith("reason/"):
                counted = _counts(folder / name, f"{stage}.reason")
                _equal(say, folder / name, "reasons", counted, layer["files"][name].get("reasons", {}))
                for reason, n in counted.items():
                    totals[reason] = totals.get(reason, 0) + n
        path = folder / MANIFEST
        _equal(say, path, "rows", layer["rows"], base["rows"])
        _equal(say, path, "reasons", dict(sorted(layer["reasons"].items())), dict(sorted(totals.items())))
        _equal(say, path, "kept rows", layer["kept"], layer["rows"] - sum(totals.values()))

    _guarded(say, folder, check)


def _check_releases(workspace: Workspace, say: Complain) -> None:
    folder = workspace.releases
    if not folder.is_dir():
        return
    for path in sorted(p for p in folder.iterdir() if p.is_dir()):
        if path.name.startswith(TEMPORARY):
            say(
                path,
                "a candidate that was not published",
                "only releases",
                "run `aigc-data run`: it goes on with it, or deletes it",
            )
            continue
        release = _check_folder(path, say)
        if release is not None:
            _guarded(say, path, lambda p=path, r=release: check_release(p, r, say))  # type: ignore[misc]
            _equal(say, path / MANIFEST, "id", release.get("id"), path.name)
    pointer = workspace.manifest(folder)
    if pointer is not None:
        _guarded(say, folder, lambda: _check_pointer(folder, pointer, say))


def _check_pointer(folder: Path, pointer: dict[str, Any], say: Complain) -> None:
    latest = folder / pointer["latest"] / MANIFEST
    if not latest.is_file():
        say(
            folder / MANIFEST,
            f"names release {pointer['latest']}, which is not there",
            "a published release",
            _RUN,
        )
        return
    _equal(say, latest, "SHA-256", digest_file(latest), pointer["manifest"])
    release = read_json(latest)
    _equal(say, folder / MANIFEST, "rows", pointer["rows"], release["rows"])
    files = {f"{pointer['latest']}/{name}": entry["sha256"] for name, entry in release["files"].items()}
    if files != pointer["files"]:
        say(folder / MANIFEST, "other files than the release it names", "the same names and digests", _RUN)


def _counts(path: Path, column: str) -> dict[str, int]:
    values = parquet.read(path, [column])[column].drop_null()
    return dict(sorted((str(c["values"]), int(c["counts"])) for c in pc.value_counts(values).to_pylist()))


def _sum(files: Mapping[str, Mapping[str, Any]], name: str) -> int:
    return sum(int(entry[name]) for entry in files.values())


def _equal(say: Complain, path: Path, what: str, seen: Any, expected: Any) -> None:
    if seen != expected:
        say(path, f"{what}: {_short(seen)}", _short(expected), _PULL if path.suffix == ".parquet" else _RUN)


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {v}" for k, v in value.items()) or "none"
    return str(value)
