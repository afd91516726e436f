"""The recipe of gate, augment and release."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from aigc_data.recipe.base import Params, Share
from aigc_data.recipe.rights import LicenseClass, PiiKind


class Expectation(Params):
    """One bound on one metric of the gate's or the release's metrics table."""

    metric: str = Field(description="a number of the stage's metrics table; a name that is none is an error")
    min: float | None = Field(None, description="the least that is good enough")
    max: float | None = Field(None, description="the most that is good enough; one of the two bounds must be given")
    severity: Literal["critical", "warning"] = Field(
        "critical", description="`critical` refuses the release, `warning` is shown on the card"
    )

    @model_validator(mode="after")
    def _has_a_bound(self) -> Expectation:
        if self.min is None and self.max is None:
            raise ValueError("an expectation needs min, max or both: without a bound it could never fail")
        return self


class GateParams(Params):
    """Who lives, how the living are split, and what must hold before a release."""

    license_order: tuple[LicenseClass, ...] = Field(
        ("public-domain", "permissive", "attribution", "share-alike"),
        description="among duplicates the record whose licence class stands first stays; classes not named come last",
    )
    validation_share: Share = Field(0.02, description="share of the groups that go to validation")
    test_share: Share = Field(0.02, description="share of the groups that go to test")
    split_seed: int = Field(0, description="of the hash that splits the groups")
    parent_splits: str | None = Field(None, description="a parent release's folder, whose split map is kept")
    takedown: str | None = Field(None, description="a text file of ids, content digests and groups to take down")
    expectations: tuple[Expectation, ...] = Field(
        (
            Expectation(metric="living_rows", min=1),
            Expectation(metric="living_share", min=0.01),
            Expectation(metric="quarantine_share", max=0.5),
            Expectation(metric="unknown_license_share", max=0.0),
            Expectation(metric="duplicate_share", max=0.95),
            Expectation(metric="empty_sources", max=0, severity="warning"),
            Expectation(metric="largest_group_share", max=0.5, severity="warning"),
        ),
        description="what must hold of the living rows; a list here replaces the default one",
    )

    @model_validator(mode="after")
    def _something_is_left_to_train_on(self) -> GateParams:
        if self.validation_share + self.test_share >= 1:
            raise ValueError("validation_share and test_share leave nothing for train: their sum must be below 1")
        return self


class AugmentParams(Params):
    """Seeded text variants of living train rows."""

    variants: tuple[Literal["typo", "sentence_drop", "sentence_swap", "width"], ...] = Field(
        (), description="kinds of variants to make; none by default"
    )
    per_record: int = Field(1, ge=1, le=8, description="variants of each kind that a chosen record gets at most")
    share: Share = Field(0.1, description="share of the living train rows that get variants")
    seed: int = Field(0, description="of the choice of records and of the changes")


class ReleaseParams(Params):
    """How living rows are rendered and written."""

    actions: dict[PiiKind, Literal["redact", "mask", "keep"]] = Field(
        default_factory=dict, description="per kind of personal data; what is not named is redacted"
    )
    min_pii_confidence: int = Field(50, ge=0, le=100, description="spans below it are left as they are")
    shard_text_bytes: int = Field(
        32 << 20,
        ge=1 << 12,
        description="text bytes that a release shard aims at; the release id does not depend on it",
    )
    expectations: tuple[Expectation, ...] = Field(
        (
            Expectation(metric="rows", min=1),
            Expectation(metric="residual_pii_spans", max=0),
            Expectation(metric="empty_texts", max=0),
            Expectation(metric="train_rows", min=1),
        ),
        description="what must hold of the release as rendered; a list here replaces the default one",
    )
