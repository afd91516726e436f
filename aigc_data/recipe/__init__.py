"""The recipe: pydantic models of params.yaml. Unknown keys are errors, with a suggestion.

Each stage has `measure` (changing it opens the text again) and `rules` (changing it only re-judges). Values enter the
freshness keys as parameters, which is why this module is left out of the stages' code digests.
"""

from __future__ import annotations

from aigc_data.recipe.base import Language, Off, Params, Region, Share, Stage
from aigc_data.recipe.dedupe import (
    Dedupe,
    DedupeMeasure,
    DedupeRules,
    Evaluation,
    Planted,
    Published,
    Repeats,
    Semantic,
    Substrings,
)
from aigc_data.recipe.loading import load_recipe, parse_recipe, with_value
from aigc_data.recipe.release import AugmentParams, Expectation, GateParams, ReleaseParams
from aigc_data.recipe.rights import (
    License,
    LicenseClass,
    LicenseMeasure,
    LicenseRules,
    Pii,
    PiiKind,
    PiiMeasure,
    PiiRules,
)
from aigc_data.recipe.safety import SAFETY_CATEGORIES, Safety, SafetyMeasure, SafetyRules
from aigc_data.recipe.sources import Format, IngestParams, Source
from aigc_data.recipe.text import (
    ChineseThresholds,
    Clean,
    CleanMeasure,
    CleanRules,
    Quality,
    QualityMeasure,
    QualityRules,
    QualityThresholds,
)
from aigc_data.recipe.training import Schedule, TrainParams
from aigc_data.recipe.whole import Recipe

__all__ = [
    "SAFETY_CATEGORIES",
    "AugmentParams",
    "ChineseThresholds",
    "Clean",
    "CleanMeasure",
    "CleanRules",
    "Dedupe",
    "DedupeMeasure",
    "DedupeRules",
    "Evaluation",
    "Expectation",
    "Format",
    "GateParams",
    "IngestParams",
    "Language",
    "License",
    "LicenseClass",
    "LicenseMeasure",
    "LicenseRules",
    "Off",
    "Params",
    "Pii",
    "PiiKind",
    "PiiMeasure",
    "PiiRules",
    "Planted",
    "Published",
    "Quality",
    "QualityMeasure",
    "QualityRules",
    "QualityThresholds",
    "Recipe",
    "Region",
    "ReleaseParams",
    "Repeats",
    "Safety",
    "SafetyMeasure",
    "SafetyRules",
    "Schedule",
    "Semantic",
    "Share",
    "Source",
    "Stage",
    "Substrings",
    "TrainParams",
    "load_recipe",
    "parse_recipe",
    "with_value",
]
