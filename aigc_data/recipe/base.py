"""What all sections of the recipe share: refusing unknown keys, and `off` spelled out."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

Off = Literal["off"]  # the value that switches a bound or an option off: `min_tokens: off`


class Params(BaseModel):
    """A small frozen set of parameters; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _off_is_spelled_out(cls, value: Any, info: ValidationInfo) -> Any:
        # Before any other reading: `off` is false in YAML 1.1, and false would pass for the number 0.
        if Off not in get_args(cls.model_fields[str(info.field_name)].annotation):
            return value
        if value is None:
            raise ValueError("null is no value; write `off` to switch it off, or leave the key out for its default")
        if value is True:
            raise ValueError("`on` is no value; leave the key out for its default")
        return "off" if value is False else value


Share = Annotated[float, Field(ge=0, le=1)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
Region = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]


class Stage(Params):
    """`measure` opens the text; `rules` only re-judges."""
