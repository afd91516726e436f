"""For each rule: how often it fires, where, what it alone removes, beside which others, and three examples."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from aigc_data.cards.excerpts import read_excerpts
from aigc_data.pool import Each
from aigc_data.recipe import Recipe
from aigc_data.rules.broken import JUDGED, broken, check_complete, measures, rules_in_force
from aigc_data.store import stack
from aigc_data.store.population import Named, named
from aigc_data.store.workspace import Shard, Workspace

#: A language or source with fewer rows says nothing about a share.
ENOUGH = 50
#: Above this share a rule removes most of what it sees, which is rarely meant.
TOO_OFTEN = 0.5
_OTHERS = 3
_NAMED = 5
#: Rows that are looked at for each example that is shown: the text of some is withheld.
_SPARE = 4
_EXCERPT = 160  # code points


@dataclass(frozen=True)
class Share:
    """How many of some rows break a rule."""

    name: str
    hits: int
    rows: int


@dataclass(frozen=True)
class Example:
    """A row that breaks the rule, without personal data; `withheld` says why its text is not shown."""

    id: str
    source: str
    lang: str
    text: str
    withheld: str


@dataclass(frozen=True)
class RuleFacts:
    """One rule. `first` rows have it as their reason, `alone` ones break no other rule of any stage."""

    rule: str  # `stage:rule`
    hits: int
    rows: int
    first: int
    alone: int
    languages: tuple[Share, ...]
    sources: tuple[Share, ...]
    beside: tuple[tuple[str, int], ...]  # the rules that most often fire on the same rows
    flags: tuple[str, ...]
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True)
class RuleReport:
    """All rules that are switched on, in the order in which a row's reason is sought; `together[i][j]` rows break both
    rule i and rule j."""

    rows: int
    broken: int  # rows that break any rule
    rules: tuple[RuleFacts, ...]
    together: tuple[tuple[int, ...], ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass
class _Counts:
    """What one shard adds: counts by rule, and by rule and language or source; ids of some examples."""

    rules: list[str]
    rows: int
    broken: int
    first: np.ndarray  # int64[rules]
    alone: np.ndarray
    together: np.ndarray  # int64[rules, rules]; its diagonal are the hits
    lang: dict[str, np.ndarray] = field(default_factory=dict)  # name → [rows, hits of each rule]
    source: dict[str, np.ndarray] = field(default_factory=dict)
    ids: list[list[tuple[bool, str]]] = field(default_factory=list)  # (breaks other rules too, id), the best first


@dataclass(frozen=True)
class _Job:
    workspace: Workspace
    shard: Shard
    rules: tuple[tuple[str, Any], ...]
    examples: int


def rule_report(workspace: Workspace, recipe: Recipe, *, examples: int = 3, each: Each = map) -> RuleReport:
    """The report over the layers as they are, each stage by the rules that it was judged by.

    The gate's own reasons (duplicates, takedowns) are no rules on a row. Raises UsageError before a finished run.
    """
    check_complete(workspace)
    rules = tuple((stage, rules_in_force(workspace, recipe, stage)) for stage in JUDGED)
    jobs = [_Job(workspace, shard, rules, _SPARE * examples) for shard in workspace.shards()]
    total = _added(list(each(_count, jobs)), _SPARE * examples)
    wanted = {id_ for ids in total.ids for _, id_ in ids}
    shown = read_excerpts(workspace, wanted, length=_EXCERPT) if wanted else {}
    facts = []
    for index, rule in enumerate(total.rules):
        chosen = sorted((shown[id_] for _, id_ in total.ids[index]), key=lambda x: bool(x.withheld))[:examples]
        made = tuple(Example(x.id, x.source, x.lang, x.text, x.withheld) for x in chosen)
        facts.append(_facts(total, index, rule, made))
    return RuleReport(total.rows, total.broken, tuple(facts), tuple(map(tuple, total.together.tolist())))


def _count(job: _Job) -> _Counts:
    tables = [broken(measures(job.workspace, job.shard, stage), stage, rules) for stage, rules in job.rules]
    names = [name for table in tables for name in table.column_names]
    hit = np.stack([column.to_numpy() for table in tables for column in table.columns], axis=1)
    facts = stack.read_rows(job.workspace, job.shard, ("id", "source", "clean.lang"))
    per_row = hit.sum(axis=1)
    ones = hit.astype(np.float32)  # a shard has far fewer than 2^24 rows, so that sums are exact
    first = np.bincount(hit.argmax(axis=1)[per_row > 0], minlength=len(names))
    counts = _Counts(
        rules=names,
        rows=len(hit),
        broken=int((per_row > 0).sum()),
        first=first,
        alone=hit[per_row == 1].sum(axis=0),
        together=(ones.T @ ones).astype(np.int64),
        lang=_by_name(named([facts["clean.lang"]]), hit),
        source=_by_name(named([facts["source"]]), hit),
    )
    ids = np.array(facts["id"].to_pylist(), object)
    for rule in range(len(names)):
        rows = np.flatnonzero(hit[:, rule])
        # Ids are hashes: the smallest are a sample. Rows that nothing else removes show a rule best.
        both = zip((per_row[rows] > 1).tolist(), ids[rows].tolist(), strict=True)
        counts.ids.append(heapq.nsmallest(job.examples, both))
    return counts


def _by_name(column: Named, hit: np.ndarray) -> dict[str, np.ndarray]:
    sums = np.zeros((len(column.names), hit.shape[1] + 1), np.int64)
    np.add.at(sums, column.codes, np.concatenate([np.ones((len(hit), 1), np.int64), hit], axis=1))
    return dict(zip(column.names, sums, strict=True))


def _added(parts: Sequence[_Counts], examples: int) -> _Counts:
    total = parts[0]
    for part in parts[1:]:
        total.rows += part.rows
        total.broken += part.broken
        total.first = total.first + part.first
        total.alone = total.alone + part.alone
        total.together = total.together + part.together
        for mine, theirs in ((total.lang, part.lang), (total.source, part.source)):
            for name, sums in theirs.items():
                mine[name] = mine[name] + sums if name in mine else sums
        total.ids = [heapq.nsmallest(examples, [*a, *b]) for a, b in zip(total.ids, part.ids, strict=True)]
    return total


def _facts(total: _Counts, index: int, rule: str, examples: tuple[Example, ...]) -> RuleFacts:
    hits = int(total.together[index, index])
    languages, sources = _shares(total.lang, index), _shares(total.source, index)
    with_it = total.together[index].copy()
    with_it[index] = 0
    order = np.argsort(-with_it, kind="stable")[:_OTHERS]
    return RuleFacts(
        rule=rule,
        hits=hits,
        rows=total.rows,
        first=int(total.first[index]),
        alone=int(total.alone[index]),
        languages=languages,
        sources=sources,
        beside=tuple((total.rules[other], int(with_it[other])) for other in order if with_it[other]),
        flags=_flags(hits, total.rows, languages),
        examples=examples,
    )


def _shares(sums: dict[str, np.ndarray], index: int) -> tuple[Share, ...]:
    """By rows, the most first."""
    shares = [Share(name, int(row[1 + index]), int(row[0])) for name, row in sums.items()]
    return tuple(sorted(shares, key=lambda s: (-s.rows, s.name)))


def _flags(hits: int, rows: int, languages: Sequence[Share]) -> tuple[str, ...]:
    if rows and not hits:
        return ("never fires",)
    flags = ["fires on over half of the rows"] if hits > TOO_OFTEN * rows else []
    names = [s.name for s in languages if s.rows >= ENOUGH and s.hits > TOO_OFTEN * s.rows]
    more = f" and {len(names) - _NAMED} more languages" if len(names) > _NAMED else ""
    return (*flags, *([f"fires on over half of {', '.join(names[:_NAMED])}{more}"] if names else []))
