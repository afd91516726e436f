"""The folder of a run: what went in, how it went, what came out. Written so that `dvc metrics` and `dvc plots` read it.

run.json            release, revisions, recipe digest, config, seeds, versions, hardware, token counts, sessions
metrics.json        the figures at the end
metrics.jsonl       one line a step: loss (nats a token), learning rate, gradient norm
plots/loss.tsv      step, loss
plots/validation.tsv  step, mean loss since the row before, bytes scored, bits per byte: all and per language
timings.json        seconds and tokens a second: apart, because all else is the same when a run is repeated
dvclive/            the same through DVCLive, where that is installed
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import logging
import os
import platform
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from aigc_data.errors import TrainError
from aigc_data.train.evaluate import Evaluation

_log = logging.getLogger(__name__)

PACKAGES = ("aigc-data", "torch", "numpy", "pyarrow", "tokenizers", "safetensors")


class Record:
    """Writes into one run folder of `steps` steps. Open it at the step that the run starts from: rows of later steps,
    left by a kill, are cut off, and the last step's validation, which follows its checkpoint, is made again."""

    def __init__(self, folder: Path, *, step: int, steps: int, languages: Sequence[str]):
        self._languages = list(languages)
        (folder / "plots").mkdir(parents=True, exist_ok=True)
        self._steps = _reopen(folder / "metrics.jsonl", "", _json_step, step)
        self._loss = _reopen(folder / "plots" / "loss.tsv", "step\tloss", _tsv_step, step)
        header = "\t".join(["step", "train_loss", "bytes", "all", *self._languages])
        path = folder / "plots" / "validation.tsv"
        self._validation = _reopen(path, header, _tsv_step, min(step, steps - 1))
        self._live = _open_live(folder / "dvclive")
        if self._live is not None:
            self._validation.flush()
            for line in path.read_text(encoding="utf-8").splitlines()[1:]:
                self._show_live(line)

    def step(self, step: int, **figures: float) -> None:
        """One step's figures; `loss` among them."""
        self._steps.write(json.dumps({"step": step, **figures}) + "\n")
        self._loss.write(f"{step}\t{figures['loss']:.6g}\n")

    def validation(self, step: int, evaluation: Evaluation, *, train_loss: float) -> None:
        """Bits per byte at a step, beside the mean loss of the steps since the one before."""
        scores = [evaluation.overall, *(evaluation.languages.get(name) for name in self._languages)]
        figures = [train_loss, *(s.bits_per_byte if s else None for s in scores)]
        cells = ["nan" if f is None else f"{f:.6g}" for f in figures]
        line = "\t".join([str(step), cells[0], str(evaluation.overall.bytes), *cells[1:]])
        self._validation.write(line + "\n")
        self._show_live(line)

    def _show_live(self, line: str) -> None:
        if self._live is None:
            return
        step, train_loss, _, *figures = line.split("\t")
        self._live.step = int(step)
        self._live.log_metric("train_loss", float(train_loss))
        for name, figure in zip(["all", *self._languages], figures, strict=True):
            if figure != "nan":
                self._live.log_metric(f"bits_per_byte/{name}", float(figure))
        # Not next_step() and end(): they write signal files into the repository around the run.
        self._live.make_summary()

    def flush(self) -> None:
        """Bring every row to the disk, before the checkpoint that claims them."""
        for file in (self._steps, self._loss, self._validation):
            file.flush()
            os.fsync(file.fileno())

    def close(self) -> None:
        """Close the files."""
        for file in (self._steps, self._loss, self._validation):
            file.close()


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object whole or not at all, keys in the order given."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object of a run. Raises TrainError naming the file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainError(
            f"{path} cannot be read ({error})", expected="a file of a run", do="train the run again"
        ) from error
    if not isinstance(value, dict):
        raise TrainError(f"{path} holds {type(value).__name__}", expected="a JSON object", do="train the run again")
    return value


def environment(device: torch.device) -> dict[str, Any]:
    """Versions and hardware that a session runs on; no host name, no path."""
    accelerator = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    return {
        "python": platform.python_version(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu(),
        "threads": torch.get_num_threads(),
        "device": device.type,
        "precision": "bfloat16 autocast" if device.type == "cuda" else "float32",
        "accelerator": accelerator,
        "cuda": torch.version.cuda if accelerator else None,
    }


def _version(package: str) -> str | None:
    # torch says its local label ("+cpu"), which the metadata may not.
    if package == "torch":
        return str(torch.__version__)
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu() -> str:
    table = Path("/proc/cpuinfo")
    if table.is_file():
        for line in table.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


def _reopen(path: Path, header: str, step_of: Any, last: int) -> Any:
    """Open for appending, keeping the rows of steps up to `last`; a torn last line goes."""
    kept = [header] if header else []
    if last and path.is_file():
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
        kept += [line for line in lines[len(kept) :] if (step := step_of(line)) is not None and step <= last]
    file = path.open("w", encoding="utf-8")
    file.writelines(line + "\n" for line in kept)
    return file


def _json_step(line: str) -> int | None:
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return None


def _tsv_step(line: str) -> int | None:
    first = line.split("\t", 1)[0]
    return int(first) if first.isdigit() else None


def _open_live(folder: Path) -> Any:
    if importlib.util.find_spec("dvclive") is None:
        return None
    with _environ("DVC_STUDIO_OFFLINE", "true"):
        # Set before the import too: DVCLive would offer the run to a remote service if the machine has a
        # token for it.
        from dvclive import Live
        from scmrepo.exceptions import SCMError

        try:
            live = Live(str(folder), report=None, save_dvc_exp=False, dvcyaml=None)
        except (SCMError, sqlite3.Error, OSError) as error:
            # A repository without a commit, or DVC's shared cache databases held by somebody else: the run's own
            # record is whole without this copy of it.
            _log.warning("no DVCLive record: %s", error)
            return None
    # It opens the repository around the run for its experiments, which are off, and keeps two databases open.
    repository = getattr(live, "_dvc_repo", None)
    if repository is not None:
        repository.close()
    return live


@contextmanager
def _environ(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
