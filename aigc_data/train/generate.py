"""Sample text from a checkpoint. What it writes is labelled as generated, in the text and in its metadata.

China's labelling measures and GB 45438-2025 ask for an explicit label that a reader sees and an implicit one in the
metadata (`AIGC`); the EU AI Act, Art. 50(2), for a machine-readable mark.
"""

from __future__ import annotations

import codecs
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from aigc_data.errors import TrainError, UsageError
from aigc_data.train.checkpoint import NAME, load_checkpoint, load_weights
from aigc_data.train.config import canonical_json, config_from
from aigc_data.train.model import Model
from aigc_data.train.tokenizer import encode, end_of_text, load_tokenizer, token_bytes

LABEL = "[AI 生成 / AI-generated]"


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen: temperature 0 takes the likeliest; `top_p` is nucleus sampling (Holtzman et al.
    2020).
    """

    temperature: float = 0.8
    top_p: float = 0.95
    max_tokens: int = 128
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= 10:
            raise UsageError(f"temperature is {self.temperature}", expected="0 to 10")
        if not 0 < self.top_p <= 1:
            raise UsageError(f"top-p is {self.top_p}", expected="more than 0, at most 1")
        if self.max_tokens < 1:
            raise UsageError(f"max tokens is {self.max_tokens}", expected="1 or more")


@dataclass(frozen=True)
class Generation:
    """A prompt and what the model wrote after it; `text` is both, under the visible label unless switched off."""

    prompt: str
    completion: str
    text: str
    metadata: dict[str, Any]


@dataclass(frozen=True)
class Loaded:
    """A checkpoint ready to sample or score: evaluation mode, on its device."""

    model: Model
    tokenizer: Tokenizer
    metadata: dict[str, str]


def load_run(run_dir: Path, *, device: str = "cpu") -> Loaded:
    """Read a run's checkpoint and tokenizer, digests verified. Raises TrainError naming the file that does not hold."""
    run_dir = Path(run_dir)
    tensors, metadata = load_checkpoint(run_dir / NAME, parts=("model",))
    try:
        config, vocabulary, digest = (
            config_from(json.loads(metadata["config"])),
            int(metadata["vocabulary"]),
            metadata["tokenizer"],
        )
    except (KeyError, ValueError) as error:
        raise TrainError(
            f"{run_dir / NAME} lacks {error}", expected="config, vocabulary, tokenizer", do="train again"
        ) from error
    tokenizer = load_tokenizer(run_dir / "tokenizer.json", digest=digest)
    model = Model(config, vocabulary=vocabulary)
    load_weights(model, tensors)
    return Loaded(model.to(device).eval(), tokenizer, metadata)


def generate(
    run_dir: Path,
    prompts: Sequence[str],
    *,
    sampling: Sampling | None = None,
    label: bool = True,
    producer: str = "",
    device: str = "cpu",
) -> list[Generation]:
    """One generation for each prompt. The same run, prompt and sampling give the same text on the same machine.

    `producer` is who answers for the content (the metadata's ContentProducer). Raises TrainError for a broken run.
    """
    loaded, how = load_run(run_dir, device=device), sampling or Sampling()
    results = []
    for prompt in prompts:
        completion = "".join(stream(loaded, prompt, sampling=how))
        text = f"{LABEL}\n{prompt}{completion}" if label else prompt + completion
        results.append(
            Generation(
                prompt,
                completion,
                text,
                metadata(loaded, prompt, completion, sampling=how, producer=producer),
            )
        )
    return results


def stream(loaded: Loaded, prompt: str, *, sampling: Sampling) -> Iterator[str]:
    """The completion as it is written, in whole characters, without the prompt and without the label: show LABEL
    before it.

    Bytes that are no UTF-8 become U+FFFD; a character left unfinished at the end is left out.
    """
    pieces = token_bytes(loaded.tokenizer)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for token in tokens(loaded, prompt, sampling=sampling):
        if text := decoder.decode(pieces[token]):
            yield text


@torch.inference_mode()
def tokens(loaded: Loaded, prompt: str, *, sampling: Sampling) -> Iterator[int]:
    """Ids after the prompt, until end-of-text or `max_tokens`; beyond the context the model sees its last half."""
    model, eot = loaded.model, end_of_text(loaded.tokenizer)
    device, context = model.embedding.device, model.config.context
    source = torch.Generator().manual_seed(sampling.seed)
    ids = [eot, *encode(loaded.tokenizer, [prompt])[0].tolist()][-context:]
    cache = model.cache()
    unread = ids
    for _ in range(sampling.max_tokens):
        if cache.length + len(unread) > context:
            cache, unread = model.cache(), ids[-max(1, context // 2) :]
        logits = model(torch.tensor([unread], device=device), cache)[0, -1]
        token = choose(logits.float().cpu(), sampling, source)
        if token == eot:
            return
        yield token
        ids.append(token)
        unread = [token]


def choose(logits: Tensor, sampling: Sampling, source: torch.Generator) -> int:
    """One id from logits (vocabulary,): the likeliest at temperature 0, else drawn from the smallest set holding
    `top_p`.
    """
    if sampling.temperature == 0:
        return int(logits.argmax())
    shares, order = torch.softmax(logits.double() / sampling.temperature, dim=-1).sort(descending=True, stable=True)
    shares[shares.cumsum(0) - shares >= sampling.top_p] = 0.0
    return int(order[torch.multinomial(shares, 1, generator=source)])


def metadata(loaded: Loaded, prompt: str, completion: str, *, sampling: Sampling, producer: str) -> dict[str, Any]:
    """The implicit label: GB 45438-2025's `AIGC` object, and which run and release wrote it. The prompt is hashed, not
    kept.
    """
    run = loaded.metadata.get("run", "")
    about = {"run": run, "prompt": prompt, "completion": completion, "sampling": sampling.__dict__}
    return {
        "AIGC": {
            "Label": "1",
            "ContentProducer": producer,
            "ProduceID": hashlib.sha256(canonical_json(about).encode()).hexdigest()[:32],
            "ReservedCode1": "",
            "ContentPropagator": "",
            "PropagateID": "",
            "ReservedCode2": "",
        },
        "run": run,
        "release": loaded.metadata.get("release", ""),
        "step": loaded.metadata.get("step", ""),
        "sampling": dict(sampling.__dict__),
    }
