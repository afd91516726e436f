from __future__ import annotations

from pathlib import Path

import pytest
from prose import chinese, english
from released import EMAIL, id_of, released
from small_workspace import small

from aigc_data.cards.rules_page import render_rules
from aigc_data.errors import UsageError
from aigc_data.recipe import load_recipe, parse_recipe
from aigc_data.rules.report import RuleFacts, RuleReport, rule_report
from aigc_data.store import stack
from aigc_data.store.population import JUDGED
from aigc_data.store.workspace import Workspace


def report_of(workspace: Workspace) -> RuleReport:
    return rule_report(workspace, load_recipe(workspace.params))


def rule(report: RuleReport, name: str) -> RuleFacts:
    return next(r for r in report.rules if r.rule == name)


def test_rule_report__counts_each_rule_alone_and_beside_others(tmp_path: Path) -> None:
    rows = [{"id": f"en-{n}", "text": english(n)} for n in range(4)] + [{"id": "好", "text": chinese(1)}]
    rows += [{"id": "short", "text": "A short line, and that is all."}, {"id": "短", "text": "就这么短的一句话。"}]
    rows += [{"id": "nc", "text": english(9), "license": "CC-BY-NC-4.0"}]
    rows += [{"id": "short-nc", "text": "Short, and not for sale, says the author.", "license": "CC-BY-NC-4.0"}]
    bounds = {"min_tokens": 20, "min_terminal_lines": "off", "min_stop_words": "off"}
    workspace, recipe = small(tmp_path, rows, quality={"rules": {"en": bounds, "zh": bounds}})
    report = rule_report(workspace, recipe)
    short, nc = rule(report, "quality:min-tokens"), rule(report, "license:non-commercial")
    assert (report.rows, report.broken) == (9, 4)
    assert (short.hits, short.first, short.alone) == (3, 2, 2)
    assert (nc.hits, nc.first, nc.alone) == (2, 2, 1)
    assert short.beside == (("license:non-commercial", 1),)
    assert nc.beside == (("quality:min-tokens", 1),)
    assert {(s.name, s.hits, s.rows) for s in short.languages} == {("en", 2, 7), ("zh", 1, 2)}
    assert [(s.name, s.hits, s.rows) for s in short.sources] == [("raw", 3, 9)]
    assert short.flags == ()
    assert rule(report, "clean:empty").flags == ("never fires",)
    i, j = (k for k, r in enumerate(report.rules) if r in (short, nc))
    assert report.together[i][j] == report.together[j][i] == 1
    assert {e.id for e in short.examples[:2]} == {id_of("short"), id_of("短")}  # what it alone removes comes first
    assert short.examples[2].id == id_of("short-nc")


def test_rule_report__agrees_with_the_reasons(tmp_path: Path) -> None:
    workspace = released(tmp_path)
    report = report_of(workspace)
    names = [f"{stage}.reason" for stage in JUDGED]
    reasons = [r for shard in workspace.shards() for r in stack.read_rows(workspace, shard, names).to_pylist()]
    firsts = [next((v for v in row.values() if v), None) for row in reasons]
    assert report.broken == sum(f is not None for f in firsts)
    for facts in report.rules:
        assert facts.first == firsts.count(facts.rule), facts.rule
        assert facts.alone <= facts.first <= facts.hits
        assert facts.hits == sum(s.hits for s in facts.languages) == sum(s.hits for s in facts.sources)


def test_rule_report__is_by_the_rules_that_judged(tmp_path: Path) -> None:
    workspace = released(tmp_path)
    before = report_of(workspace)
    recipe = load_recipe(workspace.params)
    looser = parse_recipe({**recipe.model_dump(mode="json"), "clean": {"rules": {"languages": ["en"]}}})
    assert rule_report(workspace, looser) == before


def test_rule_report__a_rule_that_removes_most_of_a_language_is_flagged(tmp_path: Path) -> None:
    rows = [{"id": f"zh-{n}", "text": chinese(n)} for n in range(60)]
    rows += [{"id": f"en-{n}", "text": english(n)} for n in range(70)]
    workspace, recipe = small(tmp_path, rows, quality={"rules": {"zh": {"min_tokens": 5000}}})
    flags = rule(rule_report(workspace, recipe), "quality:min-tokens").flags
    assert flags == ("fires on over half of zh",)


def test_rule_report__examples_hold_no_personal_data_and_the_page_no_markup(tmp_path: Path) -> None:
    workspace = released(tmp_path)
    report = report_of(workspace)
    page = render_rules("harbour <b>", report.as_json())
    assert EMAIL not in page
    assert "<script>" not in page
    assert "harbour &lt;b&gt;" in page
    shown = [e for r in report.rules for e in r.examples]
    assert any(e.withheld for e in shown)
    assert any(e.text for e in shown)


def test_rule_report__before_a_run_says_so(tmp_path: Path) -> None:
    workspace = released(tmp_path)
    (workspace.layer("gate") / "manifest.json").unlink()
    with pytest.raises(UsageError, match="the gate has not judged yet"):
        report_of(workspace)
