"""What must hold before the first step, and what a run says of itself: its order."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import Tokenizer

from aigc_data.errors import TrainError
from aigc_data.train.checkpoint import NAME, read_metadata
from aigc_data.train.config import TrainConfig, canonical_json, run_id
from aigc_data.train.data import Tokens, load_tokens
from aigc_data.train.evaluate import METHOD
from aigc_data.train.record import read_json
from aigc_data.train.release import Document, Release
from aigc_data.train.tokenizer import end_of_text, load_tokenizer, tokenizer_digest, train_tokenizer


class Progress(NamedTuple):
    """What a bar shows. `phase`: verify, tokenize, train, evaluate; `total` is None where it is not known."""

    phase: str
    done: int
    total: int | None
    loss: float | None = None
    tokens_per_second: float | None = None


Report = Callable[[Progress], None]


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a run folder for this process. Raises TrainError when another one trains in it."""
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # let go by the system when the process dies
        except BlockingIOError as error:
            raise TrainError(f"another process is training in {folder}", do="wait for it, or end it") from error
        yield


def refuse_another_order(folder: Path, release: Release, config: TrainConfig) -> None:
    """A run folder belongs to one release and one config. Raises TrainError, naming each difference, for another."""
    if not (folder / "run.json").is_file():
        if (folder / NAME).is_file():
            raise TrainError(
                f"{folder} has a checkpoint but no run.json",
                expected="the run's own record",
                do="train it again elsewhere",
            )
        return
    order = read_json(folder / "run.json")
    before = {"release": order.get("release", {}).get("id"), **order.get("config", {})}
    now = {"release": release.id, **config.as_dict()}
    changed = [f"{k}: {before.get(k)} → {now.get(k)}" for k in {**before, **now} if before.get(k) != now.get(k)]
    if changed:
        raise TrainError(
            f"{folder} belongs to another order ({', '.join(changed)})",
            expected="the release and config that it was begun with",
            do="restore them, or train in a folder of its own",
        )


def tokenizer_for(release: Release, config: TrainConfig, folder: Path, cache: Path) -> Tokenizer:
    """The run's own once it has a checkpoint; else the cached one of this release and size; else a new one."""
    own = folder / "tokenizer.json"
    if (folder / NAME).is_file():
        return load_tokenizer(own, digest=read_metadata(folder / NAME).get("tokenizer", ""))
    shelf = cache / f"{release.id[:16]}-{config.vocab_size}"
    shelf.mkdir(parents=True, exist_ok=True)
    found = sorted(shelf.glob("tokenizer-*.json"))
    if found:
        tokenizer = load_tokenizer(found[0], digest=found[0].stem.removeprefix("tokenizer-"))
    else:
        text_bytes = sum(len(d.text.encode()) for d in release.documents("train"))
        tokenizer = train_tokenizer(release.documents("train"), vocab_size=config.vocab_size, text_bytes=text_bytes)
        _write_text(shelf / f"tokenizer-{tokenizer_digest(tokenizer)}.json", tokenizer.to_str(pretty=False))
    _write_text(own, tokenizer.to_str(pretty=False))
    return tokenizer


def tokens_for(release: Release, tokenizer: Tokenizer, cache: Path, report: Report) -> Tokens:
    """The train split as ids, from the cache or written to it."""
    rows = sum(s.rows for s in release.shards if s.split == "train")
    folder = cache / f"{release.id[:16]}-tokens-{tokenizer_digest(tokenizer)[:16]}"
    return load_tokens(
        lambda: release.documents("train"),
        tokenizer,
        folder,
        progress=lambda n: report(Progress("tokenize", n, rows)),
    )


def _write_text(path: Path, text: str) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def identity(release: Release, config: TrainConfig, tokenizer: Tokenizer) -> dict[str, str]:
    """What every checkpoint of the run says of itself."""
    return {
        "format": "aigc-data checkpoint 1",
        "run": run_id(release.id, config),
        "release": release.id,
        "manifest_sha256": release.manifest_sha256,
        "recipe": release.recipe_digest,
        "tokenizer": tokenizer_digest(tokenizer),
        "vocabulary": str(end_of_text(tokenizer) + 1),
        "config": canonical_json(config.as_dict()),
    }


def describe(
    release: Release,
    config: TrainConfig,
    *,
    who: Mapping[str, str],
    tokens: Tokens,
    per_epoch: int,
    held_out: Sequence[Document],
    parameters: int,
    revisions: Mapping[str, str | None],
    sessions: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """What stands in run.json: all that went into the run. A resumed run has one session more."""
    return {
        "run": who["run"],
        "release": {
            "id": release.id,
            "manifest_sha256": release.manifest_sha256,
            "recipe_digest": release.recipe_digest,
        },
        "revisions": {"git": revisions.get("git"), "dvc": revisions.get("dvc")},
        "config": config.as_dict(),
        "seeds": {"model": config.seed, "order": config.seed},
        "tokenizer": {"sha256": who["tokenizer"], "vocabulary": int(who["vocabulary"])},
        "parameters": parameters,
        "train": {
            "documents": len(tokens.keys),
            "bytes": tokens.text_bytes,
            "tokens": int(tokens.starts[-1]),
            "tokens_seen": config.tokens,
            "epochs": round(config.steps * config.batch / per_epoch, 4),
        },
        "validation": {
            "documents": len(held_out),
            "bytes": sum(len(d.text.encode()) for d in held_out),
            "method": METHOD,
        },
        "sessions": list(sessions),
    }
