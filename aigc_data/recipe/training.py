"""The recipe of a training run, and of the schedule."""

from __future__ import annotations

from pydantic import Field

from aigc_data.recipe.base import Params


class TrainParams(Params):
    """One training run. The defaults take about a minute on two cores."""

    vocab_size: int = Field(4096, ge=257, le=65_536, description="tokens of the tokenizer, end-of-text counted")
    context: int = Field(128, ge=16, le=8192, description="tokens of a sequence")
    layers: int = Field(4, ge=1, le=48, description="Transformer blocks")
    heads: int = Field(4, ge=1, le=64, description="attention heads of a block")
    width: int = Field(128, ge=16, le=4096, description="of the residual stream; a multiple of twice `heads`")
    batch: int = Field(8, ge=1, description="sequences a step")
    steps: int = Field(600, ge=1, description="optimizer steps")
    warmup: int = Field(50, ge=0, description="steps over which the learning rate rises")
    learning_rate: float = Field(5e-3, gt=0, description="the highest; it falls to a tenth by a cosine")
    weight_decay: float = Field(0.1, ge=0, description="of AdamW, on matrices only")
    clip: float = Field(1.0, gt=0, description="norm that gradients are cut to")
    checkpoint_every: int = Field(150, ge=1, description="steps between two checkpoints")
    seed: int = Field(0, description="of weights and data order")
    prompts: tuple[str, ...] = Field(
        ("数据是", "The data"), description="what the samples at the end of a training begin with"
    )


class Schedule(Params):
    """When `flows/schedule.py` runs the flow."""

    cron: str | None = Field("0 3 * * *", description="five fields, in UTC")
    interval_seconds: float | None = Field(None, gt=0, description="seconds between two starts; wins over `cron`")
