"""The rule report as one self-contained HTML page, in the card's dress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aigc_data.cards.page import environment

#: Languages with a smaller share of the rows share one line.
_SMALL = 0.01


def render_rules(name: str, report: Mapping[str, Any]) -> str:
    """The page's HTML, from `RuleReport.as_json`."""
    stages: dict[str, list[Any]] = {}
    for rule in report["rules"]:
        stages.setdefault(rule["rule"].partition(":")[0], []).append({**rule, "places": _places(rule, report["rows"])})
    often = [rule for rule in report["rules"] if rule["flags"] and rule["hits"]]
    never = [rule for rule in report["rules"] if not rule["hits"]]
    page = environment().get_template("rules.html")
    return page.render(name=name, report=report, stages=stages, often=often, never=never)


def _places(rule: Mapping[str, Any], rows: int) -> list[Mapping[str, Any]]:
    languages = [{**share, "kind": "language"} for share in _folded(rule["languages"], rows)]
    return [*languages, *({**share, "kind": "source"} for share in rule["sources"])]


def _folded(shares: Sequence[Mapping[str, Any]], rows: int) -> Sequence[Mapping[str, Any]]:
    large = [s for s in shares if s["rows"] >= _SMALL * rows]
    small = [s for s in shares if s["rows"] < _SMALL * rows]
    if len(small) < 2:
        return shares
    rest = {key: sum(s[key] for s in small) for key in ("hits", "rows")} | {"name": f"{len(small)} others"}
    return [*large, rest]
