"""The recipe of safety."""

from __future__ import annotations

import difflib
from typing import Annotated

from pydantic import Field, field_validator

from aigc_data.recipe.base import Off, Params, Stage

#: Ids under which terms of lexicons are filed; text.safety.categories says what each covers, a test holds them alike.
SAFETY_CATEGORIES = (
    *("profanity", "insult", "hate.race", "hate.religion", "hate.nation", "hate.region", "hate.gender"),
    *("hate.orientation", "hate.age", "hate.work", "hate.health", "hate.other", "sexual", "violence", "terror"),
    *("self-harm", "gambling", "drugs", "weapons", "fraud"),
    *[f"A.{part}.{letter}" for part, count in enumerate((8, 9, 5, 7, 2), 1) for letter in "abcdefghi"[:count]],
)


class SafetyMeasure(Params):
    """What is looked for: terms of lexicons, addresses of block lists, a classifier's opinion."""

    builtin: bool = Field(True, description="look for the terms that ship with the tool, see docs/safety.md")
    lexicons: tuple[str, ...] = Field((), description="TSV files of one's own terms; a later file wins over an earlier")
    urls: tuple[str, ...] = Field((), description="block lists of domains, addresses and patterns")
    classifier: str | Off = Field("off", description="a model of `aigc-data safety train`")


class SafetyRules(Params):
    """Which findings drop a record. The defaults leave texts that only speak of something."""

    drop_blocked: bool = Field(True, description="a record whose `url` is in a block list goes")
    max_blocked_links: Annotated[int, Field(ge=0)] | Off = Field(
        "off", description="blocked addresses that a text may hold"
    )
    max_model_score: Annotated[int, Field(ge=0, le=1000)] | Off = Field(
        "off", description="of the classifier; texts without a score pass"
    )
    max_terms: dict[str, Annotated[int, Field(ge=0)]] = Field(
        default_factory=dict,
        description="terms that a text may hold of a category, by its id or the front of some: {hate: 0, A.1: 2}",
    )
    max_density: Annotated[float, Field(ge=0)] | Off = Field(
        20.0, description="weight of terms a 1,000 tokens; judged with `min_weight`"
    )
    min_weight: int = Field(
        12, ge=1, description="of a text's different terms together, below which density is not judged"
    )

    @field_validator("max_terms")
    @classmethod
    def _known(cls, value: dict[str, int]) -> dict[str, int]:
        for category in value:
            if not any(one == category or one.startswith(f"{category}.") for one in SAFETY_CATEGORIES):
                near = difflib.get_close_matches(category, SAFETY_CATEGORIES, n=1)
                raise ValueError(
                    f"there is no category `{category}`" + (f", did you mean `{near[0]}`?" if near else "")
                )
        return value


class Safety(Stage):
    """The safety stage."""

    measure: SafetyMeasure = SafetyMeasure()
    rules: SafetyRules = SafetyRules()
