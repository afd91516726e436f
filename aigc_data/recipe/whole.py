"""params.yaml as a whole."""

from __future__ import annotations

from pydantic import Field, model_validator

from aigc_data.recipe.base import Params
from aigc_data.recipe.dedupe import Dedupe
from aigc_data.recipe.release import AugmentParams, GateParams, ReleaseParams
from aigc_data.recipe.rights import License, Pii
from aigc_data.recipe.safety import Safety
from aigc_data.recipe.sources import IngestParams, Source
from aigc_data.recipe.text import Clean, Quality
from aigc_data.recipe.training import Schedule, TrainParams


class Recipe(Params):
    """params.yaml as a whole."""

    name: str = Field(min_length=1, pattern=r"^[a-z0-9][a-z0-9._-]*$", description="names the card's folder")
    description: str = Field("", description="one sentence for the card")
    sources: tuple[Source, ...] = Field(min_length=1, description="at least one; see `sources[]`")
    workers: int = Field(
        0, ge=0, description="worker processes; 0 is one a core. It never changes a byte of the result"
    )
    memory_mb: int = Field(
        1024,
        ge=16,
        description="megabytes that a worker takes for the wide steps of dedupe. It never changes a byte of the result",
    )
    ingest: IngestParams = IngestParams()
    clean: Clean = Clean()
    dedupe: Dedupe = Dedupe()
    pii: Pii = Pii()
    license: License = License()
    quality: Quality = Quality()
    safety: Safety = Safety()
    gate: GateParams = GateParams()
    augment: AugmentParams = AugmentParams()
    release: ReleaseParams = ReleaseParams()
    train: TrainParams = TrainParams()
    schedule: Schedule = Schedule()

    @model_validator(mode="after")
    def _sources_have_their_own_names(self) -> Recipe:
        names = [s.name for s in self.sources]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"source names must differ, seen twice: {', '.join(twice)}")
        return self

    @model_validator(mode="after")
    def _bounds_on_models_have_one(self) -> Recipe:
        quality, safety = self.quality, self.safety
        for model, bound in (("classifier", "min_model_score"), ("perplexity", "max_perplexity")):
            for lang in ("en", "zh"):
                if getattr(getattr(quality.rules, lang), bound) != "off" and getattr(quality.measure, model) == "off":
                    raise ValueError(
                        f"quality.rules.{lang}.{bound} is set and quality.measure.{model} is off: name a model"
                    )
        if safety.rules.max_model_score != "off" and safety.measure.classifier == "off":
            raise ValueError("safety.rules.max_model_score is set and safety.measure.classifier is off: name a model")
        return self
