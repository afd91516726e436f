"""Where things lie in a workspace, and the manifests that say what is whole."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from aigc_data.errors import UsageError
from aigc_data.store.files import Digests, read_json, write_json

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Workspace:
    """A folder with params.yaml, data/, runs/ and .aigc/."""

    root: Path

    @property
    def params(self) -> Path:
        """The recipe."""
        return self.root / "params.yaml"

    @property
    def data(self) -> Path:
        """All that the stages write."""
        return self.root / "data"

    @property
    def base(self) -> Path:
        """Canonical records, immutable."""
        return self.data / "base"

    @property
    def quarantine(self) -> Path:
        """What could not be read."""
        return self.data / "quarantine"

    @property
    def born(self) -> Path:
        """The second base: rows that augment made."""
        return self.data / "born"

    @property
    def releases(self) -> Path:
        """Published releases, one folder an id."""
        return self.data / "releases"

    @property
    def runs(self) -> Path:
        """Training runs."""
        return self.root / "runs"

    @property
    def cards(self) -> Path:
        """Generated data cards, one folder a release name."""
        return self.root / "datacards"

    @property
    def private(self) -> Path:
        """Timings and caches: never digested, never versioned."""
        return self.root / ".aigc"

    def layer(self, stage: str) -> Path:
        """The folder of a stage's layer."""
        return self.data / "layers" / stage

    def measure_file(self, stage: str, shard: str) -> Path:
        """The measures of one shard."""
        return self.layer(stage) / "measure" / f"{shard}.parquet"

    def reason_file(self, stage: str, shard: str) -> Path:
        """The judgement of one shard."""
        return self.layer(stage) / "reason" / f"{shard}.parquet"

    def base_file(self, shard: str) -> Path:
        """The base rows of one shard."""
        return self.base / f"{shard}.parquet"

    @cached_property
    def digests(self) -> Digests:
        """The remembered digests of this workspace's files."""
        return Digests(self.private / "digests.json")

    def manifest(self, folder: Path) -> dict[str, Any] | None:
        """The manifest of a folder, None when the stage has not finished there."""
        path = folder / MANIFEST
        return read_json(path) if path.is_file() else None

    def write_manifest(self, folder: Path, manifest: dict[str, Any]) -> str:
        """Write a folder's manifest, last of all its files; returns its digest."""
        digest = write_json(folder / MANIFEST, manifest)
        self.digests.learn(folder / MANIFEST, digest)
        self.digests.save()
        return digest

    def shards(self) -> list[Shard]:
        """The base shards in name order; raises UsageError before the first ingest."""
        manifest = self.manifest(self.base)
        if manifest is None:
            raise UsageError(
                f"{self.base} has no manifest", expected="an ingested base", do="run `aigc-data stage ingest`"
            )
        return [
            Shard(name.removesuffix(".parquet"), f["sha256"], f["rows"])
            for name, f in sorted(manifest["files"].items())
        ]


@dataclass(frozen=True)
class Shard:
    """One base shard as the manifest describes it."""

    name: str
    sha256: str
    rows: int


def find_workspace(folder: Path) -> Workspace:
    """The workspace at `folder` or above it; raises UsageError when there is none."""
    for candidate in (folder.resolve(), *folder.resolve().parents):
        if (candidate / "params.yaml").is_file():
            return Workspace(candidate)
    raise UsageError(
        f"no params.yaml in {folder} or above",
        expected="a workspace",
        do="run `aigc-data init DIR`, or pass --workspace",
    )
