"""Models of one safetensors file: arrays, and one JSON object of facts under the key `aigc_data`.

One key, because the format keeps several in no order: the same model is the same bytes. Nothing in it is code.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from aigc_data.errors import IntegrityError, UsageError
from aigc_data.hashing import canonical_json

KEY = "aigc_data"


def write_model(
    path: Path, kind: str, version: int, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]
) -> None:
    """Replace `path` by a model of this kind, whole or not at all. Raises OSError when there is no room."""
    from safetensors.numpy import save

    facts = {**facts, "kind": kind, "version": version, "arrays_sha256": digest_of_arrays(arrays)}
    header = canonical_json(facts).decode()
    data = save({name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}, metadata={KEY: header})
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_model(path: Path, kind: str, version: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the facts of a model file of this kind, written in this version's format or an earlier one.

    Raises UsageError for a missing file, one of another kind and a newer one, IntegrityError for a damaged one.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise UsageError(f"there is no file {path}", expected=f"a {kind}", do="mend the path, or make the model")
    try:
        with safe_open(path, framework="numpy") as file:
            header = (file.metadata() or {}).get(KEY)
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
    except SafetensorError as error:
        raise damaged(path, kind, " ".join(str(error).split())) from error
    try:
        facts = json.loads(header) if header is not None else None
    except ValueError as error:
        raise damaged(path, kind, "its facts are no JSON") from error
    if not isinstance(facts, dict) or facts.get("kind") != kind:
        what = facts.get("kind") if isinstance(facts, dict) else None
        raise UsageError(
            f"{path} is {f'a {what}' if what else 'a safetensors file of another program'}",
            expected=f"a {kind}",
            do="name a model that this package wrote for this purpose",
        )
    if not isinstance(facts.get("version"), int) or facts["version"] > version:
        raise UsageError(
            f"{path} has format version {facts.get('version')}",
            expected=f"{version} or less",
            do="take a newer aigc-data, or train the model again with this one",
        )
    if facts.get("arrays_sha256") != digest_of_arrays(arrays):
        raise damaged(path, kind, "its numbers are not those that were written")
    return arrays, facts


def digest_of_arrays(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over names, types, shapes and numbers: the format itself would let a flipped bit pass."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(canonical_json([name, str(array.dtype), list(array.shape)]))
        digest.update(array.tobytes())
    return digest.hexdigest()


def damaged(path: Path, kind: str, why: str) -> IntegrityError:
    """The error for a file that is no whole model."""
    return IntegrityError(
        f"{path}: {why}", expected=f"a whole {kind}", do="copy the file again, or train the model anew"
    )
