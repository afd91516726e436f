"""One safetensors file holds all that a run needs to go on: weights, optimizer, random state, and as strings where
it stands.

No pickle. Written whole or not at all; its digests are checked before a tensor of it is used.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from aigc_data.errors import TrainError

NAME = "checkpoint.safetensors"
PARTS = ("model", "optimizer", "rng")


def save_checkpoint(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, *, metadata: Mapping[str, str]
) -> None:
    """Replace `path` by the present state, atomically. `metadata` gains a SHA-256 for each part.

    Raises TrainError when it cannot be written; what stood at `path` before stays whole.
    """
    tensors = {f"model.{name}": p.detach() for name, p in model.named_parameters()}
    for name, p in model.named_parameters():
        for key, value in optimizer.state[p].items():
            tensors[f"optimizer.{name}.{key}"] = value
    tensors["rng.cpu"] = torch.get_rng_state()
    tensors = {k: v.cpu().contiguous() for k, v in tensors.items()}
    digests = {f"{part}_sha256": _digest(tensors, part) for part in PARTS}
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        save_file(tensors, temporary, metadata={**metadata, **digests})
        with temporary.open("rb+") as file:
            _sort_header(file)
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except (OSError, SafetensorError) as error:
        temporary.unlink(missing_ok=True)
        reason = " ".join(str(error).split())
        raise TrainError(
            f"the checkpoint of step {metadata.get('step')} cannot be written: {reason}; {kept(path)}",
            expected=f"room for {sum(t.nbytes for t in tensors.values()):,} bytes in {path.parent}",
            do="make room, then give the same command: it goes on from the last checkpoint",
        ) from error


def kept(path: Path) -> str:
    """What a failure leaves, in words."""
    if not path.is_file():
        return "no checkpoint yet"
    return f"the checkpoint of step {read_metadata(path)['step']} is whole and stays"


def read_metadata(path: Path) -> dict[str, str]:
    """The strings of a checkpoint. Raises TrainError when it is none."""
    return _open(path, ())[1]


def load_checkpoint(path: Path, *, parts: Iterable[str] = PARTS) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors (on the CPU, by their full names) and strings. Raises TrainError when a part's digest does not hold."""
    tensors, metadata = _open(path, tuple(parts))
    for part in parts:
        seen, expected = _digest(tensors, part), metadata.get(f"{part}_sha256", "")
        if seen != expected:
            raise TrainError(
                f"{path}: the {part} tensors have SHA-256 {seen}",
                expected=expected or "a digest in the checkpoint's metadata",
                do="restore the file, or delete it and train again",
            )
    return tensors, metadata


def restore(model: nn.Module, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put a checkpoint's tensors back: weights, optimizer state, and the CPU's random state."""
    load_weights(model, tensors)
    for name, p in model.named_parameters():
        prefix = f"optimizer.{name}."
        state = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        # AdamW keeps its step count on the CPU, as a float32 scalar.
        optimizer.state[p] = {k: v.clone() if k == "step" else v.to(p.device, copy=True) for k, v in state.items()}
    torch.set_rng_state(tensors["rng.cpu"].clone())


def load_weights(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copy the `model.` tensors into a model. Raises TrainError when names or shapes do not fit."""
    own = {f"model.{name}": p for name, p in model.named_parameters()}
    given = {name: t for name, t in tensors.items() if name.startswith("model.")}
    wrong = sorted(
        n for n in own.keys() | given.keys() if n not in own or n not in given or own[n].shape != given[n].shape
    )
    if wrong:
        raise TrainError(
            f"the checkpoint does not fit the model at {wrong[0]}",
            expected="the tensors that its config asks for",
        )
    with torch.no_grad():
        for name, p in own.items():
            p.copy_(given[name])


def _open(path: Path, parts: tuple[str, ...]) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            names = [n for n in file.keys() if n.split(".", 1)[0] in parts]  # noqa: SIM118 (it is no mapping)
            return {n: file.get_tensor(n) for n in names}, dict(file.metadata() or {})
    except (OSError, SafetensorError) as error:
        reason = " ".join(str(error).split())
        raise TrainError(
            f"{path} cannot be read: {reason}", expected="the checkpoint of a run", do="train the run again"
        ) from error


def _digest(tensors: Mapping[str, Tensor], part: str) -> str:
    h = hashlib.sha256()
    for name in sorted(n for n in tensors if n.startswith(f"{part}.")):
        t = tensors[name]
        h.update(f"{name} {t.dtype} {tuple(t.shape)}\n".encode())
        h.update(t.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return h.hexdigest()


def _sort_header(file: BinaryIO) -> None:
    """Sort the metadata's keys, which the library writes in a random order: the same state is the same bytes."""
    size = int.from_bytes(file.read(8), "little")
    header = json.loads(file.read(size))
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    raw = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode().ljust(size)
    if len(raw) == size:  # the format pads with spaces; a header that grew would move the tensors
        file.seek(8)
        file.write(raw)
        file.flush()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
