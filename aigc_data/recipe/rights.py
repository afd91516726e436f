"""The recipe of pii and license."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from aigc_data.recipe.base import Params, Region, Stage

LicenseClass = Literal[
    "public-domain",
    "permissive",
    "attribution",
    "share-alike",
    "no-derivatives",
    "non-commercial",
    "research-only",
    "proprietary",
    "unknown",
]
PiiKind = Literal["email", "phone", "cn_resident_id", "bank_card", "ip"]


class PiiMeasure(Params):
    """Which kinds are looked for."""

    kinds: tuple[PiiKind, ...] = Field(
        ("email", "phone", "cn_resident_id", "bank_card", "ip"), description="kinds of personal data to look for"
    )
    regions: tuple[Region, ...] = Field(("CN", "US"), description="national phone numbers, ISO 3166 regions")


class PiiRules(Params):
    """Which findings drop the record; all others are rendered as `actions` says."""

    drop_kinds: tuple[PiiKind, ...] = Field((), description="a record with a sure span of one of these kinds goes")
    max_spans_per_1000_tokens: float = Field(200.0, ge=0, description="denser texts are lists of people")
    dense_from: int = Field(10, ge=1, description="spans below which a text is never called dense")


class LicenseMeasure(Params):
    """How licences are read."""

    detect_bytes: int = Field(2048, ge=0, description="head and tail of a text in which notices are looked for")


class LicenseRules(Params):
    """The policy: which licence classes may be released. Unknown is not, unless it is named here."""

    allow: tuple[LicenseClass, ...] = Field(
        ("public-domain", "permissive", "attribution", "share-alike"),
        description="licence classes that may be released",
    )
    on_conflict: Literal["stricter", "drop"] = Field(
        "stricter",
        description="where source and text disagree: the stricter of the two classes counts, or the record goes",
    )


class Pii(Stage):
    """The pii stage."""

    measure: PiiMeasure = PiiMeasure()
    rules: PiiRules = PiiRules()


class License(Stage):
    """The license stage."""

    measure: LicenseMeasure = LicenseMeasure()
    rules: LicenseRules = LicenseRules()
