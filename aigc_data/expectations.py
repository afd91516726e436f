"""The adapter to Great Expectations: a metrics table in, verdicts without raw values out.

Great Expectations judges one row of metrics and one row a layer file (never texts), in an ephemeral context with its
progress bars and analytics off. Its Data Docs are not used: they write values unescaped and load remote assets;
the card
renders these verdicts instead. The import takes seconds, so it happens inside the function.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from aigc_data.errors import GateError, RecipeError, StageError
from aigc_data.recipe import Expectation


@dataclass(frozen=True)
class Verdict:
    """One expectation and what became of it; `by` is the distance to the bound that was missed, 0 when it was met."""

    expectation: str
    metric: str
    min: float | None
    max: float | None
    seen: float
    by: float
    severity: str
    success: bool

    def line(self) -> str:
        """The verdict in words."""
        bound = " and ".join(b for b in (_bound("≥", self.min), _bound("≤", self.max)) if b)
        state = "met" if self.success else f"missed by {self.by:.6g}"
        return f"{self.metric} {bound}: saw {self.seen:.6g}, {state}"


def _bound(sign: str, value: float | None) -> str:
    return "" if value is None else f"{sign} {value:g}"


def judge(
    metrics: Mapping[str, float], expectations: Sequence[Expectation], layers: Sequence[Mapping[str, Any]]
) -> list[Verdict]:
    """Validate metrics and the layers' metadata.

    `layers` has one mapping a file with the keys file, rows, base_rows, base, base_expected. Every layer file must
    have as
    many rows as its base shard and name its digest; that is expected always, whatever the recipe says.
    Raises RecipeError for a metric that does not exist, with the nearest name.
    """
    for expectation in expectations:
        if expectation.metric not in metrics:
            near = difflib.get_close_matches(expectation.metric, metrics, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"one of {', '.join(sorted(metrics))}"
            raise RecipeError(f"an expectation names the metric `{expectation.metric}`, which is not measured", do=hint)
    unmeasured = sorted(name for name, value in metrics.items() if value != value)
    if unmeasured:  # Great Expectations takes a missing value for a met bound
        raise StageError(f"metrics {', '.join(unmeasured)} are not numbers", expected="a finite value for every metric")
    gx, context = _great_expectations()
    import pandas as pd

    verdicts = []
    table = pd.DataFrame([{name: float(value) for name, value in metrics.items()}])
    suite = [
        gx.expectations.ExpectColumnValuesToBeBetween(column=e.metric, min_value=e.min, max_value=e.max)
        for e in expectations
    ]
    for expectation, success in zip(expectations, _validate(gx, context, "metrics", table, suite), strict=True):
        seen = float(metrics[expectation.metric])
        verdicts.append(
            Verdict(
                "expect_column_values_to_be_between",
                expectation.metric,
                expectation.min,
                expectation.max,
                seen,
                0.0 if success else _distance(seen, expectation),
                expectation.severity,
                success,
            )
        )
    return verdicts + _judge_layers(gx, context, layers)


def _judge_layers(gx: Any, context: Any, layers: Sequence[Mapping[str, Any]]) -> list[Verdict]:
    if not layers:
        return []
    import pandas as pd

    table = pd.DataFrame([dict(row) for row in layers])
    pairs = (("layer_rows_differ", "rows", "base_rows"), ("layer_base_differs", "base", "base_expected"))
    suite = [gx.expectations.ExpectColumnPairValuesToBeEqual(column_A=a, column_B=b) for _, a, b in pairs]
    verdicts = []
    for (name, a, b), success in zip(pairs, _validate(gx, context, "layers", table, suite), strict=True):
        wrong = float((table[a] != table[b]).sum())
        verdicts.append(
            Verdict("expect_column_pair_values_to_be_equal", name, None, 0.0, wrong, wrong, "critical", success)
        )
    return verdicts


def _validate(gx: Any, context: Any, name: str, table: Any, suite: list[Any]) -> list[bool]:
    if not suite:
        return []
    asset = context.data_sources.add_pandas(name).add_dataframe_asset(name)
    batch = asset.add_batch_definition_whole_dataframe(name)
    expectations = context.suites.add(gx.ExpectationSuite(name=name, expectations=suite))
    definition = context.validation_definitions.add(gx.ValidationDefinition(name=name, data=batch, suite=expectations))
    # Counts, never values: a result may end in a log.
    quiet = {"result_format": "SUMMARY", "partial_unexpected_count": 0}
    result = definition.run(batch_parameters={"dataframe": table}, result_format=quiet)
    broken = [r for r in result.results if r.exception_info and r.exception_info.get("raised_exception")]
    if broken:
        raise GateError(
            f"Great Expectations could not judge {name}",
            expected="a verdict",
            do="look at the metrics' types",
        )
    # Results come in the order of the suite, which is not promised: match them by their configuration.
    found = {_identity(r.expectation_config.kwargs): bool(r.success) for r in result.results}
    return [found[_identity(e.configuration.kwargs)] for e in suite]


def _identity(kwargs: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((k, repr(v)) for k, v in kwargs.items() if k != "batch_id" and v is not None))


def _great_expectations() -> tuple[Any, Any]:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "False")
    import great_expectations as gx

    context: Any = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    return gx, context


def _distance(seen: float, expectation: Expectation) -> float:
    if expectation.min is not None and seen < expectation.min:
        return expectation.min - seen
    if expectation.max is not None and seen > expectation.max:
        return seen - expectation.max
    return 0.0


def refuse_on_failure(stage: str, verdicts: Sequence[Verdict], *, because: str = "") -> None:
    """Raise GateError naming every critical expectation that failed, by how much, and why most rows left."""
    failed = [v.line() for v in verdicts if not v.success and v.severity == "critical"]
    if failed:
        raise GateError(
            f"{stage} refused the release: "
            + "; ".join(failed)
            + (f"; most rows left by {because}" if because else ""),
            do=f"look at `aigc-data status`, mend the sources or the recipe, or change `{stage}.expectations`",
        )


def as_json(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """The verdicts as plain values."""
    return [asdict(v) for v in verdicts]
