"""A candidate's manifest, and how the candidate becomes the published release.

A published release is immutable: when the same files come out again, only `data/releases/manifest.json` is written,
which points to the latest release and says under `made` how the present inputs make it. Nothing is removed before
what takes its place is there, so that a killed publication is taken up again without rendering a row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from aigc_data.columns import LAYERS, RELEASE, SPLITS
from aigc_data.errors import IntegrityError, StageError
from aigc_data.expectations import as_json, judge, refuse_on_failure
from aigc_data.hashing import digest_file, digest_of, release_digest
from aigc_data.recipe import Recipe
from aigc_data.store.files import TEMPORARY, remove_tree, remove_unlisted, sync_folder, write_json
from aigc_data.store.funnel import funnel
from aigc_data.store.release_rows import merge_counts
from aigc_data.store.workspace import MANIFEST, Workspace

#: What of a manifest tells how the rows were come by, and not what they are.
_MADE = (
    *(
        "name",
        "description",
        "born_dropped",
        "pii_acted_on",
        "residual_pii",
        "models",
        "recipe",
        "code",
        "parents",
        "funnel",
    ),
    *("metrics", "expectations"),
)


def recipe_digest(recipe: Recipe) -> str:
    """The digest of what the recipe says about the data: not where sources lie, not who runs it, not the training."""
    plain = recipe.model_dump(mode="json")
    for name in ("workers", "memory_mb", "schedule", "train"):
        del plain[name]
    for source in plain["sources"]:
        del source["path"]
    return digest_of(plain)


def release_key(inputs: Mapping[str, Any], recipe: str, code: str) -> str:
    """What a release is made from: digests of the layers' manifests, of the recipe and of the code."""
    return digest_of({"inputs": dict(inputs), "recipe": recipe, "code": code})


def candidate_folder(workspace: Workspace, key: str) -> Path:
    """Where the release that `key` stands for is rendered: a later run finds there what a killed one finished."""
    return workspace.releases / f"{TEMPORARY}{key[:16]}"


def aside(candidate: Path) -> Path:
    """Where lies what is known of a candidate and not published with it. It outlives the candidate's renaming."""
    return candidate.with_name(f"{candidate.name}.rows")


def candidate_manifest(
    workspace: Workspace,
    recipe: Recipe,
    shards: Mapping[str, dict[str, Any]],
    *,
    sorted_digests: bytes,
    inputs: Mapping[str, Any],
    code: str,
) -> dict[str, Any]:
    """The manifest of the rendered shards, with the verdicts of the candidate's expectations.

    Raises StageError when rows are missing, GateError when a critical expectation is not met.
    """
    rows = sum(s["rows"] for s in shards.values())
    schema = [(f.name, str(f.type)) for f in RELEASE]
    manifest: dict[str, Any] = {
        "id": release_digest(schema, rows, [sorted_digests]),
        "name": recipe.name,
        "description": recipe.description,
        "schema": schema,
        "rows": rows,
        "tokens": sum(s["tokens"] for s in shards.values()),
        "text_bytes": sum(s["text_bytes"] for s in shards.values()),
        "files": {n: {k: s[k] for k in ("sha256", "rows", "bytes", "split")} for n, s in shards.items()},
        "splits": {split: _sum_of(s for s in shards.values() if s["split"] == split) for split in SPLITS},
        "counts": merge_counts(s["counts"] for s in shards.values()),
        "born": _sum_of(s for s in shards.values() if s["born"]),
        "born_dropped": _total(s["dropped"] for s in shards.values()),
        "pii_acted_on": _total(s["acted_on"] for s in shards.values()),
        "residual_pii": _total(s["residual"] for s in shards.values()),
        "models": _models(workspace),
        "recipe": {"digest": recipe_digest(recipe)},
        "code": code,
        "parents": {**inputs, "release": _parent_id(workspace, recipe)},
    }
    manifest["funnel"] = funnel(workspace, manifest)
    _check_conservation(workspace, manifest)
    metrics = {
        "rows": rows,
        "train_rows": manifest["splits"]["train"]["rows"],
        "validation_rows": manifest["splits"]["validation"]["rows"],
        "test_rows": manifest["splits"]["test"]["rows"],
        "born_rows": manifest["born"]["rows"],
        "tokens": manifest["tokens"],
        "residual_pii_spans": sum(manifest["residual_pii"].values()),
        "empty_texts": sum(s["empty_texts"] for s in shards.values()),
    }
    verdicts = judge(metrics, recipe.release.expectations, [])
    manifest["metrics"], manifest["expectations"] = metrics, as_json(verdicts)
    write_json(workspace.private / "release-expectations.json", manifest["expectations"])
    refuse_on_failure("release", verdicts)
    return manifest


def _models(workspace: Workspace) -> list[list[str]]:
    """(parameter, file, SHA-256) of each model and list that the layers were made with."""
    found = []
    for stage in LAYERS:
        models = (workspace.manifest(workspace.layer(stage)) or {}).get("models", {})
        found += [[f"{stage}.measure.{name}", *file] for name, files in models.items() for file in files]
    return found


def _check_conservation(workspace: Workspace, manifest: dict[str, Any]) -> None:
    gate, born = workspace.manifest(workspace.layer("gate")) or {}, workspace.manifest(workspace.born) or {}
    dropped = sum(manifest["born_dropped"].values())
    if manifest["rows"] != gate["kept"] + born["rows"] - dropped:
        raise StageError(
            f"the release has {manifest['rows']} rows",
            expected=f"{gate['kept']} living + {born['rows']} born - {dropped} born and dropped",
        )


def _parent_id(workspace: Workspace, recipe: Recipe) -> str | None:
    folder = recipe.gate.parent_splits
    manifest = workspace.manifest(workspace.root / folder) if folder else None
    return manifest["id"] if manifest else None


def _sum_of(shards: Iterable[dict[str, Any]]) -> dict[str, int]:
    found = list(shards)
    return {name: sum(s[name] for s in found) for name in ("rows", "tokens", "text_bytes")}


def _total(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(sorted(total.items()))


def publish(workspace: Workspace, manifest: dict[str, Any], key: str) -> None:
    """Give the candidate its name, unless the same files have it already, and point to it.

    The same rows laid out in other shards take the place of the old ones.
    """
    folder, final = candidate_folder(workspace, key), workspace.releases / manifest["id"]
    published = _trusted(workspace, manifest["id"])
    if published is None or _digests(published) != _digests(manifest):
        remove_unlisted(folder, [*manifest["files"], MANIFEST])
        write_json(folder / MANIFEST, manifest)
        write_json(
            aside(folder) / MANIFEST, manifest
        )  # so that take_up knows it from a manifest that was tampered with
        old = workspace.releases / f"{TEMPORARY}old-{manifest['id'][:16]}"
        if final.exists():
            remove_tree(old)
            final.rename(old)
        folder.rename(final)
        sync_folder(workspace.releases)
        for name, entry in manifest["files"].items():
            workspace.digests.learn(final / name, entry["sha256"])
    _point_to(workspace, manifest, key)
    clean(workspace)


def _point_to(workspace: Workspace, manifest: Mapping[str, Any], key: str) -> None:
    id_ = manifest["id"]
    pointer = {
        "stage": "release",
        "key": key,
        "latest": id_,
        "manifest": workspace.digests.of(workspace.releases / id_ / MANIFEST),
        "rows": manifest["rows"],
        "files": {f"{id_}/{name}": digest for name, digest in _digests(manifest).items()},
        "made": {name: manifest[name] for name in _MADE},
    }
    workspace.write_manifest(workspace.releases, pointer)


def take_up(workspace: Workspace, key: str) -> dict[str, Any] | None:
    """Point to a whole published release that was made from what `key` stands for; its manifest, None without one.

    Such a release is there when a run was killed before it could point to it, or when a recipe is taken back.
    """
    if not workspace.releases.is_dir():
        return None
    intent = aside(candidate_folder(workspace, key)) / MANIFEST
    intended = digest_file(intent) if intent.is_file() else None
    for folder in sorted(workspace.releases.iterdir()):
        manifest = _trusted(workspace, folder.name, intended) if folder.is_dir() else None
        if manifest is None or _key_in(manifest) != key:
            continue
        write_json(workspace.private / "release-expectations.json", manifest["expectations"])
        _point_to(workspace, manifest, key)
        clean(workspace)
        return manifest
    return None


def current_release(workspace: Workspace, key: str) -> dict[str, Any] | None:
    """The manifest of the latest release if it was made from what `key` stands for and is whole."""
    pointer = workspace.manifest(workspace.releases)
    return _trusted(workspace, pointer["latest"]) if pointer and pointer["key"] == key else None


def as_made_now(workspace: Workspace, release: Mapping[str, Any]) -> dict[str, Any]:
    """A release's manifest; of the latest one, with how the present inputs make it, where that has changed since."""
    pointer = workspace.manifest(workspace.releases)
    made = pointer["made"] if pointer and pointer["latest"] == release["id"] else {}
    return {**release, **made}


def leftovers(workspace: Workspace) -> list[Path]:
    """What killed or refused runs left between the releases."""
    return sorted(workspace.releases.glob(f"{TEMPORARY}*"))


def clean(workspace: Workspace) -> None:
    """Delete what killed or refused runs left between the releases."""
    for left in leftovers(workspace):
        if left.is_dir():
            remove_tree(left)
        else:
            left.unlink()


def _trusted(workspace: Workspace, id_: str, intended: str | None = None) -> dict[str, Any] | None:
    """The manifest of a published release if it and every file are as they were written, else None.

    Of the latest release the digest of the manifest is known: the pointer has it, or a killed publication meant it.
    """
    path = workspace.releases / id_ / MANIFEST
    if id_.startswith(TEMPORARY) or not path.is_file():
        return None
    try:
        manifest = workspace.manifest(path.parent)
        pointer = workspace.manifest(workspace.releases)
    except IntegrityError:
        return None  # damaged: it is made again
    if manifest is None or manifest.get("id") != id_:
        return None
    known = {pointer["manifest"], intended} if pointer and pointer["latest"] == id_ else None
    if known and workspace.digests.of(path) not in known:
        return None
    whole = all(workspace.digests.matches(path.parent / n, digest) for n, digest in _digests(manifest).items())
    return manifest if whole else None


def _key_in(manifest: Mapping[str, Any]) -> str:
    inputs = {name: digest for name, digest in manifest["parents"].items() if name != "release"}
    return release_key(inputs, manifest["recipe"]["digest"], manifest["code"])


def _digests(manifest: Mapping[str, Any]) -> dict[str, str]:
    return {name: entry["sha256"] for name, entry in manifest["files"].items()}
