"""license: what a record's source declares and what its content says, as one SPDX expression and one class."""

from __future__ import annotations

from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from aigc_data import columns
from aigc_data.recipe import LicenseMeasure, LicenseRules
from aigc_data.stage import Map
from aigc_data.text.licenses import CLASSES, NOASSERTION, class_of, declared_licence, find_notices, join


def measure(rows: pa.Table, params: LicenseMeasure) -> pa.Table:
    """columns.LICENSE of each row's `license_declared` and of the notices in its `clean.text`."""
    notices = find_notices(rows["clean.text"], reach=params.detect_bytes)
    # Every step below is cached per distinct value; a shard has a handful of them.
    declared = [declared_licence(value) for value in rows["license_declared"].to_pylist()]
    combined = [_combine(*pair) for pair in zip(declared, notices.expressions, strict=True)]
    names = ("license", "license_class", "conflict", "evidence")
    measured = {name: [row[i] for row in combined] for i, name in enumerate(names)} | {
        "declared": declared,
        "detected": notices.expressions,
        "notice_start": notices.starts,
        "notice_end": notices.ends,
    }
    return pa.table(
        {field.name: pa.array(measured[field.name], field.type) for field in columns.LICENSE}, columns.LICENSE
    )


@lru_cache(maxsize=65_536)
def _combine(declared: str, detected: str) -> tuple[str, str, bool, str]:
    """(license, license_class, conflict, evidence); where the two disagree both hold, so that the stricter counts."""
    if declared == NOASSERTION:
        licence = detected or NOASSERTION
        return licence, class_of(licence), False, "detected" if detected else "none"
    if not detected:
        return declared, class_of(declared), False, "declared"
    if class_of(declared) == class_of(detected):
        return declared, class_of(declared), False, "both"
    licence = join([declared, detected])
    return licence, class_of(licence), True, "both"


def checks(measured: pa.Table, rules: LicenseRules) -> pa.Table:
    """`conflict` where the recipe drops those, and one rule for each class that is not allowed."""
    classes = measured["license_class"]
    broken = {"conflict": measured["conflict"]} if rules.on_conflict == "drop" else {}
    broken |= {name: pc.equal(classes, name) for name in CLASSES if name not in rules.allow}
    table = measured.select([])  # keeps the number of rows where no rule is on
    for name, column in broken.items():
        table = table.append_column(name, column)
    return table


STAGE = Map(
    name="license",
    reads=("license_declared", "clean.text"),
    schema=columns.LICENSE,
    measure=measure,
    checks=checks,
    libraries=("license-expression", "boolean.py", "polars"),
)
