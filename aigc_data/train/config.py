"""What one training run is told: a plain frozen value, so that a run needs neither pydantic nor the recipe."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aigc_data.errors import TrainError


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """One run: model, data order and schedule. Same names and defaults as the recipe's `train` section, less `prompts`.

    `vocab_size` counts the end-of-text token; `context` is in tokens; `batch` is sequences a step, so that one step is
    `batch * context` tokens. Raises TrainError where a value cannot work.
    """

    vocab_size: int = 4096
    context: int = 128
    layers: int = 4
    heads: int = 4
    width: int = 128
    batch: int = 8
    steps: int = 600
    warmup: int = 50
    learning_rate: float = 5e-3
    weight_decay: float = 0.1
    clip: float = 1.0
    checkpoint_every: int = 150
    seed: int = 0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check_number(field.name, getattr(self, field.name), whole=field.type == "int")
        _bounds("vocab_size", self.vocab_size, 257, 65_536)
        for name in ("context", "layers", "heads", "width", "batch", "steps", "checkpoint_every"):
            _bounds(name, getattr(self, name), 1, None)
        for name in ("warmup", "weight_decay", "seed"):
            _bounds(name, getattr(self, name), 0, None)
        for name in ("learning_rate", "clip"):
            if not getattr(self, name) > 0:
                raise TrainError(f"train.{name} is {getattr(self, name)}", expected="more than 0")
        if self.width % (2 * self.heads):
            raise TrainError(
                f"train.width is {self.width} with {self.heads} heads",
                expected="a width that is a multiple of twice the heads (rotary embeddings turn pairs)",
                do="change train.width or train.heads",
            )

    @property
    def tokens(self) -> int:
        """Tokens that the whole run is trained on, repeats counted."""
        return self.steps * self.batch * self.context

    def as_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return dataclasses.asdict(self)


def config_from(values: Mapping[str, Any]) -> TrainConfig:
    """A config from parsed JSON; `prompts`, which belong to the recipe's section but to no run, are passed over.

    Raises TrainError naming an unknown key and the nearest known one.
    """
    names = [f.name for f in dataclasses.fields(TrainConfig)]
    for key in values:
        if key not in names and key != "prompts":
            near = difflib.get_close_matches(str(key), names, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"one of {', '.join(names)}"
            raise TrainError(f"unknown key `{key}` in the training config", expected=hint)
    return TrainConfig(**{k: v for k, v in values.items() if k in names})


def canonical_json(value: Any) -> str:
    """JSON without white space, keys sorted, UTF-8 characters as they are. (The standard library's: this folder needs
    no other.)
    """
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def run_id(release_id: str, config: TrainConfig) -> str:
    """16 hex digits of the SHA-256 of release id and config: no clock, no host, so that the same order is the same
    run.
    """
    order = canonical_json({"release": release_id, "config": config.as_dict()})
    return hashlib.sha256(order.encode()).hexdigest()[:16]


def _check_number(name: str, value: Any, *, whole: bool) -> None:
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise TrainError(f"train.{name} is {value!r}", expected="a whole number" if whole else "a number")


def _bounds(name: str, value: float, low: float, high: float | None) -> None:
    if value < low or (high is not None and value > high):
        span = f"{low} or more" if high is None else f"{low} to {high}"
        raise TrainError(f"train.{name} is {value}", expected=span)
