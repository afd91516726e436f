"""Train a model on a release: read `train` from top to bottom, then `_steps`, which is the loop."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from tokenizers import Tokenizer

from aigc_data.errors import TrainError
from aigc_data.train.checkpoint import NAME, kept, load_checkpoint, read_metadata, restore, save_checkpoint
from aigc_data.train.config import TrainConfig, run_id
from aigc_data.train.data import Packed, by_key
from aigc_data.train.evaluate import evaluate
from aigc_data.train.model import Model
from aigc_data.train.order import (
    Progress,
    Report,
    alone_in,
    describe,
    identity,
    refuse_another_order,
    tokenizer_for,
    tokens_for,
)
from aigc_data.train.record import Record, environment, read_json, write_json
from aigc_data.train.release import Document, open_release
from aigc_data.train.tokenizer import end_of_text

#: How much of the validation split is scored at a checkpoint; at the end of the run it is all.
INTERIM_BYTES = 128 << 10
#: The cosine ends at this share of the learning rate.
FLOOR = 0.1


@dataclass(frozen=True)
class _Run:
    """What the loop works on."""

    folder: Path
    config: TrainConfig
    device: torch.device
    tokenizer: Tokenizer
    packed: Packed
    held_out: list[Document]
    model: Model
    optimizer: torch.optim.Optimizer
    identity: Mapping[str, str]
    report: Report

    @property
    def checkpoint(self) -> Path:
        return self.folder / NAME


def train(
    release_dir: Path,
    runs_dir: Path,
    config: TrainConfig,
    *,
    revisions: Mapping[str, str | None],
    device: str | None = None,
    progress: Report | None = None,
    cache: Path | None = None,
    resume: Path | None = None,
) -> Path:
    """Train on a verified release and return the run's folder, `runs_dir/<run id>` (or `resume`, to go on in that
    folder).

    The same release and config are the same run: it goes on where it was stopped, and is only returned when it is done.
    `revisions` ("git", "dvc") are written into the record; `cache` (default `runs_dir/.cache`) keeps tokenizer and
    tokens. Raises IntegrityError when the release is not what its manifest says, and TrainError when the run cannot
    start or cannot go on; a checkpoint once written stays whole in every case.
    """
    report = progress or (lambda _: None)
    where = pick_device(device)
    release = open_release(Path(release_dir), progress=lambda n, of: report(Progress("verify", n, of)))
    folder = Path(resume) if resume else Path(runs_dir) / run_id(release.id, config)
    folder.mkdir(parents=True, exist_ok=True)
    with alone_in(folder), deterministic(where):
        refuse_another_order(folder, release, config)
        if is_done(folder):
            return folder
        cache = cache or Path(runs_dir) / ".cache"
        tokenizer = tokenizer_for(release, config, folder, cache)
        tokens = tokens_for(release, tokenizer, cache, report)

        torch.manual_seed(config.seed)
        model = Model(config, vocabulary=end_of_text(tokenizer) + 1).to(where)
        run = _Run(
            folder=folder,
            config=config,
            device=where,
            tokenizer=tokenizer,
            packed=Packed(tokens, context=config.context, seed=config.seed),
            held_out=by_key(release.documents("validation")),
            model=model,
            optimizer=make_optimizer(model, config),
            identity=identity(release, config, tokenizer),
            report=report,
        )
        start = _resume(run)
        path = folder / "run.json"
        sessions = read_json(path)["sessions"] if start else []
        order = describe(
            release,
            config,
            who=run.identity,
            tokens=tokens,
            per_epoch=run.packed.per_epoch,
            held_out=run.held_out,
            parameters=sum(p.numel() for p in model.parameters()),
            revisions=revisions,
            sessions=[*sessions, {"from_step": start, **environment(where)}],
        )
        write_json(path, order)
        rows = Record(folder, step=start, steps=config.steps, languages=sorted({d.lang for d in run.held_out}))
        try:
            seconds = _steps(run, start, rows)
            _finish(run, start, rows, seconds)
        except OSError as error:
            raise _cannot_write(run, error) from error
        finally:
            rows.close()
    return folder


def _steps(run: _Run, start: int, rows: Record) -> float:
    """The loop: batch, loss, gradient, clip, step; a checkpoint every so often. Returns the seconds it took without
    evaluation.
    """
    config, model, optimizer = run.config, run.model, run.optimizer
    sample = _sample(run.held_out)
    recent: list[float] = []  # losses since the last checkpoint
    seconds = 0.0
    model.train()
    for step in range(start + 1, config.steps + 1):
        began = time.perf_counter()
        rate = learning_rate(step, config)
        for group in optimizer.param_groups:
            group["lr"] = rate
        inputs, targets = (torch.from_numpy(a).to(run.device) for a in run.packed.batch(step - 1, config.batch))
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=run.device.type == "cuda"):
            logits = model(inputs)
        loss = F.cross_entropy(logits.float().flatten(0, 1), targets.flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = float(torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip))
        value = float(loss.detach())
        if not (math.isfinite(value) and math.isfinite(norm)):
            raise _not_a_number(run, step, value, norm)
        optimizer.step()
        recent.append(value)
        rows.step(step, loss=value, learning_rate=rate, gradient_norm=norm)
        seconds += time.perf_counter() - began
        done = (step - start) * config.batch * config.context
        run.report(Progress("train", step, config.steps, value, done / seconds))
        if step % config.checkpoint_every == 0 or step == config.steps:
            mean = math.fsum(recent) / len(recent)
            if step < config.steps:
                rows.validation(step, evaluate(model, run.tokenizer, sample), train_loss=mean)
            rows.flush()
            save_checkpoint(run.checkpoint, model, optimizer, metadata={**run.identity, **_stand(run, step, mean)})
            recent.clear()
    return seconds


def _finish(run: _Run, start: int, rows: Record, seconds: float) -> None:
    """Score every validation document and write the figures; `metrics.json`, the last, is what makes a run done."""
    began = time.perf_counter()
    final = evaluate(
        run.model, run.tokenizer, run.held_out, progress=lambda n, of: run.report(Progress("evaluate", n, of))
    )
    mean = float(read_metadata(run.checkpoint)["train_loss"])
    rows.validation(run.config.steps, final, train_loss=mean)
    rows.flush()
    done = (run.config.steps - start) * run.config.batch * run.config.context
    timings = {
        "from_step": start,
        "train_seconds": round(seconds, 3),
        "tokens_per_second": round(done / seconds) if seconds else None,
        "evaluate_seconds": round(time.perf_counter() - began, 3),
    }
    write_json(run.folder / "timings.json", timings)
    metrics = {
        "step": run.config.steps,
        "tokens": run.config.tokens,
        "train_loss": mean,
        "validation": final.as_dict(),
    }
    write_json(run.folder / "metrics.json", metrics)


def is_done(folder: Path) -> bool:
    """Whether a run folder holds a finished run."""
    return (folder / "metrics.json").is_file() and (folder / NAME).is_file()


def learning_rate(step: int, config: TrainConfig) -> float:
    """Linear from 0 over the warm-up, then a cosine down to a tenth at the last step; steps count from 1."""
    if step <= config.warmup:
        return config.learning_rate * step / config.warmup
    share = (step - config.warmup) / max(1, config.steps - config.warmup)
    return config.learning_rate * (FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * share)))


def make_optimizer(model: torch.nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) that decays matrices only: norms have nothing to forget."""
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.95), foreach=True)


def pick_device(name: str | None) -> torch.device:
    """The device asked for, else the first CUDA device, else the CPU. Raises TrainError when it is not there."""
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise TrainError(
            f"device {name!r} cannot be used: {reason}", expected="cpu, cuda or cuda:N", do="use --device cpu"
        ) from error
    return device


@contextmanager
def deterministic(device: torch.device) -> Iterator[None]:
    """Deterministic kernels and as many threads as the process may use cores; the settings are put back afterwards.

    On CUDA an operation without a deterministic kernel only warns; on the CPU it would be an error.
    """
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.get_num_threads(),
    )
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it, and reads it at its first use
    torch.use_deterministic_algorithms(True, warn_only=device.type != "cpu")
    # Nothing here reads memory that it did not write; filling it first would cost a twentieth of a step.
    setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010 (unknown to the type stubs)
    torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        torch.set_num_threads(before[2])


def _sample(documents: list[Document]) -> list[Document]:
    """The first documents in hashed order up to INTERIM_BYTES: the same at every checkpoint."""
    sample: list[Document] = []
    size = 0
    for document in documents:
        size += len(document.text.encode())
        if sample and size > INTERIM_BYTES:
            break
        sample.append(document)
    return sample


def _stand(run: _Run, step: int, train_loss: float) -> dict[str, str]:
    epoch, position = run.packed.position(step * run.config.batch)
    return {"step": str(step), "epoch": str(epoch), "position": str(position), "train_loss": repr(train_loss)}


def _resume(run: _Run) -> int:
    """Put the checkpoint back, where there is one, and return its step; 0 without one."""
    if not run.checkpoint.is_file():
        return 0
    tensors, metadata = load_checkpoint(run.checkpoint)
    for key, expected in run.identity.items():
        # The manifest may be another one of the same release: its id is over the rows, the manifest also over
        # the files.
        if key != "manifest_sha256" and metadata.get(key) != expected:
            raise TrainError(
                f"{run.checkpoint} says {key} {metadata.get(key)}",
                expected=expected,
                do="restore the file, or train again",
            )
    restore(run.model, run.optimizer, tensors)
    return int(metadata["step"])


def _not_a_number(run: _Run, step: int, loss: float, norm: float) -> TrainError:
    return TrainError(
        f"at step {step} the loss is {loss} and the gradient's norm {norm}; {kept(run.checkpoint)}",
        expected="finite numbers",
        do="lower train.learning_rate, lengthen train.warmup, or look at the release's texts",
    )


def _cannot_write(run: _Run, error: OSError) -> TrainError:
    return TrainError(
        f"{run.folder} cannot be written: {error.strerror}; {kept(run.checkpoint)}",
        expected="room on the disk",
        do="make room, then give the same command: it goes on from the last checkpoint",
    )
