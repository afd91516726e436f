"""README and docs/: tables, examples, commands, links and reasons are those of the code."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
import pytest
import typer
import yaml

import aigc_data
from aigc_data import columns
from aigc_data.cli import app
from aigc_data.pipeline import STAGES, is_fresh, load_stage
from aigc_data.recipe import (
    CleanMeasure,
    CleanRules,
    DedupeRules,
    LicenseMeasure,
    LicenseRules,
    PiiMeasure,
    PiiRules,
    QualityMeasure,
    QualityRules,
    Recipe,
    SafetyMeasure,
    SafetyRules,
    parse_recipe,
)
from aigc_data.stage import Map
from aigc_data.store.population import JUDGED
from aigc_data.text.pii import KINDS
from aigc_data.text.quality.rules import rule_names

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "docs"
PAGES = [p for p in (REPOSITORY / "README.md", *sorted(DOCS.glob("*.md"))) if p.is_file()]
COLUMNS = {
    "ingest": (columns.BASE, columns.QUARANTINE),
    "clean": (columns.CLEAN,),
    "dedupe": (columns.DEDUPE, columns.DEDUPE_SKETCH, columns.LINKS),
    "pii": (columns.PII,),
    "license": (columns.LICENSE,),
    "quality": (columns.QUALITY,),
    "safety": (columns.SAFETY,),
    "gate": (columns.GATE,),
    "augment": (columns.BORN,),
    "release": (columns.RELEASE,),
}
#: The bounds that docs/stages.md shows rules with that are off by default.
OFF_BY_DEFAULT = {
    "min_sentences": 2,
    "max_short_lines": 0.67,
    "max_char_dup_ratio": 0.01,
    "max_brace_lines": 0,
    "max_c4_marks": 0,
    "min_c4_sentences": 5,
}
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^ {4}\S.*\n?)+", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_EXAMPLE = re.compile(r"(?:\w+: )?`([^`]+)`(?: ×(\d+))?")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def recipe_table() -> Any:
    sys.path.insert(0, str(REPOSITORY / "scripts"))
    try:
        return importlib.import_module("recipe_table")
    finally:
        sys.path.remove(str(REPOSITORY / "scripts"))


def section(stage: str) -> str:
    """What docs/stages.md says of one stage."""
    return text_of(DOCS / "stages.md").split(f"\n## {stage}\n", 1)[1].split("\n## ", 1)[0]


def reason_rows() -> dict[str, list[str]]:
    """reason → the other cells of its row in docs/stages.md."""
    rows = re.findall(r"^\| `(\w+:[\w-]+)` \|(.*)\|$", text_of(DOCS / "stages.md"), re.MULTILINE)
    assert len(rows) == len({reason for reason, _ in rows})
    return {reason: [cell.strip() for cell in cells.split(" | ")] for reason, cells in rows}


# --- the recipe ---


def test_recipe_tables__are_those_of_the_models() -> None:
    table = recipe_table()
    page = text_of(DOCS / "recipe.md")
    assert page == table.page(page), "docs/recipe.md is out of date: run `python scripts/recipe_table.py --write`"


def test_recipe_tables__name_every_key() -> None:
    tables = recipe_table().tables()
    keys = [key for key, _ in recipe_table().leaves(Recipe)]
    assert len(keys) > 80
    assert all(f"| `{key.rpartition('.')[2]}` |" in tables for key in keys)


def test_examples__of_recipes_parse() -> None:
    found = [
        (page.name, parse_recipe(yaml.safe_load(block), where=page.name))
        for page in PAGES
        for language, block in _FENCED.findall(text_of(page))
        if language in ("yaml", "yml") and re.search(r"^sources:", block, re.MULTILINE)
    ]
    # None found would mean that the pattern no longer sees them.
    assert {"README.md", "recipe.md"} <= {name for name, _ in found}
    assert all(recipe.sources for _, recipe in found)


def changed(key: str, value: Any) -> Any:
    """Another value that the key may have; `value` is the one it has."""
    if isinstance(value, bool):
        return not value
    if key == "dedupe.measure.repeats.records":
        return 20  # 1 is refused
    if isinstance(value, int | float):
        return value * 0.9 if isinstance(value, float) else value + 1
    if value == "off":  # any bound, and any file will do for a model
        return "params.yaml" if key.split(".")[1] == "measure" else 1
    others = {
        "clean.measure.fold_han": "simplified",
        "safety.measure.lexicons": ["params.yaml"],
        "safety.measure.urls": ["params.yaml"],
        "safety.rules.max_terms": {"hate": 0},
        "name": "other",
        "clean.measure.normalize": "NFKC",
        "license.rules.on_conflict": "drop",
        "dedupe.measure.evaluations": [{"name": "questions", "path": "params.yaml", "format": "text"}],
        "pii.rules.drop_kinds": ["ip"],
        "augment.variants": ["width"],
        "release.actions": {"ip": "mask"},
        "gate.expectations": [{"metric": "rows", "min": 1}],
        "release.expectations": [{"metric": "rows", "min": 1}],
        "schedule.interval_seconds": 60,
    }
    return others.get(key, value[:-1] if isinstance(value, list) and value else "other")


#: The stages whose own work begins again, beside release.
FIRST = {
    "reads": {"ingest"},
    "gates": {"gate"},
    "augments": {"augment"},
    "releases": set(),
}


def test_effects__are_what_the_stages_say_of_their_freshness(make_workspace: Any, documents: Any) -> None:
    """One run, then each key of the recipe changed alone: which stages would work, of themselves, is as documented."""
    from pipeline_runs import run_all

    table = recipe_table()
    workspace, recipe = make_workspace({"a.jsonl": documents}, augment={"variants": ["typo"], "share": 0.5})
    run_all(workspace, recipe)
    plain = recipe.model_dump(mode="json")
    # A bound on a model needs one; it judges as every other bound does.
    needs_a_model = ("min_model_score", "max_perplexity", "max_model_score")
    keys = [key for key, _ in table.leaves(Recipe) if key != "sources" and not key.endswith(needs_a_model)]
    for key in keys:
        *parents, last = key.split(".")
        raw = recipe.model_dump(mode="json")
        inner, value = raw, plain
        for part in parents:
            inner, value = inner[part], value[part]
        inner[last] = changed(key, value[last])
        if key == "dedupe.measure.against":
            release = next(p for p in workspace.releases.iterdir() if p.is_dir())
            inner[last] = [{"name": "first", "path": str(release)}]
        word = table.effect_of(key)
        stale = {name for name in STAGES if not is_fresh(name, workspace, parse_recipe(raw))}
        if word in ("nothing", "trains"):
            assert not stale, key
            continue
        first = FIRST.get(word, {key.split(".")[0]})
        if key.startswith("pii.measure."):
            first = first | {"augment"}  # rendering looks for the same kinds
        assert stale == first | {"release"}, (key, word)


# --- the stages ---


@pytest.mark.parametrize("stage", STAGES)
def test_stages__columns_are_all_named(stage: str) -> None:
    missing = [n for schema in COLUMNS[stage] for n in schema.names if f"`{n}`" not in section(stage)]
    assert not missing, f"docs/stages.md, {stage}: {missing} of aigc_data/columns.py are not mentioned"


@pytest.mark.parametrize("stage", STAGES)
def test_stages__what_is_read_is_named(stage: str) -> None:
    shape = load_stage(stage)
    reads = section(stage).split("**Writes**")[0]
    for column in shape.reads:
        assert f"`{column}`" in reads, f"docs/stages.md, {stage}: reads {column}"


def everything_on(bounds: Any) -> Any:
    """The thresholds with a bound where the default is `off`."""
    off = {name: 1 for name in type(bounds).model_fields if getattr(bounds, name) == "off"}
    return bounds.model_copy(update=off)


def reasons_in_code() -> set[str]:
    """Every reason that a row can get: what the stages' checks look for when all is switched on, and the gate's own."""
    usual = QualityRules()
    rules = {
        "clean": CleanRules(),
        "dedupe": DedupeRules(),
        "pii": PiiRules(drop_kinds=KINDS),
        "license": LicenseRules(allow=(), on_conflict="drop"),
        "quality": usual.model_copy(update={n: everything_on(getattr(usual, n)) for n in ("en", "zh")}),
        "safety": SafetyRules(max_blocked_links=0, max_model_score=0),
    }
    assert tuple(rules) == JUDGED
    found = {"gate:takedown", "gate:duplicate"}
    for stage, on in rules.items():
        shape = load_stage(stage)
        schema = shape.schema if isinstance(shape, Map) else columns.DEDUPE
        assert shape.checks is not None
        found |= {f"{stage}:{rule}" for rule in shape.checks(schema.empty_table(), on).column_names}
    return found


def test_stages__reasons_are_those_of_the_code() -> None:
    found = reasons_in_code()
    assert {"clean:empty", "license:unknown", "pii:dense", "quality:min-tokens", "safety:density"} <= found
    assert set(reason_rows()) == found
    assert "`safety:<category>`" in section("safety")


def test_stages__parameters_of_reasons_are_in_the_recipe() -> None:
    keys = {key for key, _ in recipe_table().leaves(Recipe)}
    for reason, (moved_by, *examples) in reason_rows().items():
        assert len(examples) == 2, reason
        prefix = "quality.rules.zh." if reason.startswith("quality:") else ""
        named = [prefix + name for name in re.findall(r"`([\w.]+)`", moved_by) if prefix or "." in name]
        assert named or reason == "clean:empty", reason
        assert set(named) <= keys, reason
    assert {reason_rows()[f"quality:{rule}"][0] for _, rule in rule_names()} == {f"`{f}`" for f, _ in rule_names()}


def slugs() -> set[str]:
    """Every word that sources and collisions put into quarantine's `reason`."""
    found: set[str] = set()
    for path in [*(REPOSITORY / "aigc_data" / "sources").glob("*.py"), REPOSITORY / "aigc_data/store/collisions.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            found |= {word for part in _places(node) for word in _words(part)}
    return found


def _places(node: ast.AST) -> Iterator[ast.AST]:
    """Where a reason can stand: Lost(…, reason, …), an error's first argument, `reason = …`, (reason, detail)."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id == "Lost" and len(node.args) > 1:
            yield node.args[1]
        if node.func.id in ("UnusableError", "DamageError"):
            yield node.args[0]
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "reason":
        yield node.value
    if isinstance(node, ast.Dict):
        yield from (
            v
            for k, v in zip(node.keys, node.values, strict=True)
            if isinstance(k, ast.Constant) and k.value == "reason"
        )
    if isinstance(node, ast.Tuple | ast.List) and len(node.elts) == 2:
        first, second = node.elts
        if isinstance(second, ast.JoinedStr) or (isinstance(second, ast.Constant) and " " in str(second.value)):
            yield first


def _words(part: ast.AST) -> Iterator[str]:
    choices = (part.body, part.orelse) if isinstance(part, ast.IfExp) else (part,)
    for choice in choices:
        if isinstance(choice, ast.Constant) and isinstance(choice.value, str):
            yield choice.value


def test_stages__words_of_quarantine_are_those_of_the_code() -> None:
    rows = section("ingest").split("| reason | what was met |")[1].split("\n\n")[0]
    named = {word for row in rows.splitlines()[2:] for word in re.findall(r"`([\w-]+)`", row.split("|")[1])}
    assert named == slugs()


def examples() -> Iterator[tuple[str, str, str]]:
    """(reason, language, text) for every example of docs/stages.md that is a text and nothing else."""
    for reason, (_, *cells) in reason_rows().items():
        for language, cell in zip(("en", "zh"), cells, strict=True):
            if match := _EXAMPLE.fullmatch(cell):
                once = match[1].replace("\\n", "\n")
                yield reason, language, "\n".join([once] * int(match[2] or 1))


def verdict(reason: str, language: str, text: str) -> str | None:
    """What the stage says of the text; for quality with that rule alone switched on, at its default bound."""
    stage, _, rule = reason.partition(":")
    params: Any
    rules: Any
    module = importlib.import_module(f"aigc_data.stages.{stage}")
    texts = pa.array([text], pa.large_string())
    if stage == "clean":
        rows, params, rules = pa.table({"id": ["0" * 32], "text": texts}), CleanMeasure(), CleanRules()
    elif stage == "pii":
        rows, params = pa.table({"clean.text": texts}), PiiMeasure()
        rules = PiiRules(drop_kinds=(rule,) if rule in KINDS else ())
    elif stage == "license":
        rows = pa.table({"license_declared": [text], "clean.text": pa.array([""], pa.large_string())})
        params, rules = LicenseMeasure(), LicenseRules(allow=())
    elif stage == "safety":
        rows = pa.table({"clean.text": texts, "clean.lang": [language], "url": pa.nulls(1, pa.string())})
        params, rules = SafetyMeasure(), SafetyRules()
    else:
        rows, params = pa.table({"clean.text": texts, "clean.lang": [language]}), QualityMeasure()
        field = next(f for f, name in rule_names() if name == rule)
        usual = getattr(QualityRules(), language)
        bound = getattr(usual, field)
        alone = {f: "off" for f, _ in rule_names()} | {field: OFF_BY_DEFAULT[field] if bound == "off" else bound}
        held = {"line_rules_from": 1, "token_rules_from": 0, "stop_words_from": 0}
        rules = QualityRules().model_copy(update={language: usual.model_copy(update=alone | held)})
    return module.STAGE.judge(module.measure(rows, params), rules).to_pylist()[0]


@pytest.mark.parametrize(("reason", "language", "text"), examples(), ids=lambda v: v if len(v) < 40 else "text")
def test_stages__examples_get_their_reason(reason: str, language: str, text: str) -> None:
    assert verdict(reason, language, text) == reason


def test_stages__nearly_every_reason_has_an_example_that_is_judged() -> None:
    judged = {(reason, language) for reason, language, _ in examples()}
    wanted = {(reason, language) for reason in reason_rows() for language in ("en", "zh")}
    told = {
        "gate:takedown",
        "gate:duplicate",
        "license:conflict",
        "dedupe:published",
        "dedupe:contaminated",
        "dedupe:boilerplate",
        "quality:min-model-score",
        "quality:perplexity",
        "safety:blocked",
        "safety:blocked-links",
        "safety:model-score",
    }
    assert {pair for pair in wanted - judged if pair[0] not in told} == {("quality:min-mean-token-length", "zh")}


# --- commands, links, versions ---


def commands(text: str) -> Iterator[list[str]]:
    """Every `aigc-data …` in code blocks and in code inside a sentence, as words."""
    plain = _FENCED.sub("", text)
    blocks = [body for language, body in _FENCED.findall(text) if language in ("", "sh", "bash", "shell", "console")]
    blocks += [block.group() for block in _INDENTED.finditer(plain)]
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"`(aigc-data [^`]+)`", plain)
    for line in lines:
        for part in re.split(r"&&|\|\||[;|]", line.strip().removeprefix("$ ")):
            if part.strip().startswith("aigc-data"):
                yield shlex.split(part, comments=True)


def wrong_with(words: list[str]) -> str:
    """What of a command line the program does not know; "" for nothing."""
    group = typer.main.get_command(app)
    assert isinstance(group, click.Group) or hasattr(group, "commands")
    rest = [w for w in words[1:] if w != "…"]
    known = {o for p in group.params for o in p.opts} | {"--help"}
    while rest and rest[0].startswith("-"):
        if rest[0] not in known:
            return f"there is no option {rest[0]}"
        rest = rest[1:]
    if not rest:
        return ""
    if rest[0] not in group.commands:
        return f"there is no command {rest[0]}"
    command = group.commands[rest[0]]
    if hasattr(command, "commands") and rest[1:]:
        if rest[1] not in command.commands:
            return f"{rest[0]} has no command {rest[1]}"
        command, rest = command.commands[rest[1]], rest[1:]
    options = {o for p in command.params for o in (*p.opts, *p.secondary_opts)} | {"--help"}
    for word in rest[1:]:
        name = word.strip("[]").partition("=")[0]
        if name.startswith("-") and name not in options:
            return f"{rest[0]} has no option {name}"
    if rest[0] == "stage" and rest[1:] and rest[1].isalpha() and rest[1].islower() and rest[1] not in STAGES:
        return f"there is no stage {rest[1]}"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_commands__exist(page: Path) -> None:
    wrong = {shlex.join(words): found for words in commands(text_of(page)) if (found := wrong_with(words))}
    assert not wrong


def test_commands__a_wrong_one_is_seen() -> None:
    page = "```sh\naigc-data run --engin prefect  # no\n```\n\n    aigc-data publish\n\nor `aigc-data stage clear`"
    page += ", `aigc-data quality tuned`"
    assert [wrong_with(words) for words in commands(page)] == [
        "run has no option --engin",
        "there is no command publish",
        "there is no stage clear",
        "quality has no command tuned",
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links__lead_to_files(page: Path) -> None:
    targets = [t.partition("#")[0] for t in _LINK.findall(_FENCED.sub("", text_of(page))) if "://" not in t]
    missing = [t for t in targets if t and not t.startswith("mailto:") and not (page.parent / t).exists()]
    assert not missing


def test_changelog__tells_of_this_version() -> None:
    changelog = REPOSITORY / "CHANGELOG.md"
    if changelog.is_file():
        assert re.search(rf"\b{re.escape(aigc_data.__version__)}\b", text_of(changelog))
