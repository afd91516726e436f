from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from pipeline_runs import run_all
from prose import english
from released import ATTACK, EMAIL, PHONE, id_of, released

from aigc_data.cards import CardModel, build_card, write_card
from aigc_data.cards.build import _absent, _compared, _duplicates
from aigc_data.cards.excerpts import read_excerpts, visible
from aigc_data.cards.huggingface import (
    HUB_LICENCES,
    escape_markdown,
    front_matter,
    licence,
    render_readme,
    size_category,
)
from aigc_data.cards.model import Cluster, Count, Duplicates, Excerpt, Step
from aigc_data.cards.page import render_page
from aigc_data.cards.svg import bar, short
from aigc_data.cards.tally import Tally
from aigc_data.cards.words import looked_for, share
from aigc_data.errors import IntegrityError, RecipeError, UsageError
from aigc_data.recipe import load_recipe
from aigc_data.store.files import read_json, write_json
from aigc_data.store.workspace import MANIFEST, Workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return released(tmp_path_factory.mktemp("card"))


@pytest.fixture(scope="module")
def card(workspace: Workspace) -> CardModel:
    return build_card(workspace)


@pytest.fixture(scope="module")
def texts(workspace: Workspace) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in write_card(workspace)}


class Page(HTMLParser):
    """Every tag with its attributes, and the tags that were never closed."""

    VOID = ("meta", "br")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_build_card__counts_add_up(card: CardModel) -> None:
    assert card.rows == sum(f.rows for f in card.files) == sum(c.rows for c in card.splits)
    assert card.rows == sum(c.rows for c in card.languages) == sum(c.rows for c in card.licences)
    kept = card.rows - card.born_rows + card.funnel[-1].came_in - card.funnel[-1].kept
    assert kept == sum(s.kept for s in card.sources) == sum(b.rows for b in card.lengths)
    assert kept == sum(b.rows for b in card.scores) == sum(r.kept for r in card.licence_rows)
    assert card.read == card.base_rows + sum(q.records for q in card.quarantined)
    assert sum(r.first for r in card.reasons) == card.base_rows - kept
    for step in card.funnel:
        assert step.came_in == step.kept + sum(n for _, n in step.dropped)


def test_build_card__tells_all_reasons_beside_the_first(card: CardModel) -> None:
    reasons = {r.reason: (r.all, r.first) for r in card.reasons}
    assert reasons["gate:takedown"] == (1, 1)
    assert reasons["license:non-commercial"] == (1, 1)
    assert all(first <= found for found, first in reasons.values())


def test_build_card__tells_sources_licences_and_quarantine(card: CardModel) -> None:
    (source,) = card.sources
    assert (source.name, source.files, source.quarantined) == ("raw", 3, 1)
    assert source.declared[0] == "CC0-1.0"
    assert set(source.hosts) == {"example.org", "[IP]"}
    assert [(q.file, q.reason, q.records) for q in card.quarantined] == [("part-1.jsonl", "bad-json", 1)]
    declared = {r.declared: (r.license_class, r.rows, r.kept) for r in card.licence_rows}
    assert declared["CC-BY-NC-4.0"] == ("non-commercial", 1, 0)
    assert declared["<b>as | is</b>"] == ("unknown", 1, 0)


def test_build_card__tells_personal_data_found_and_left(card: CardModel) -> None:
    found = {p.kind: (p.found, p.in_kept, p.acted_on, p.residual) for p in card.personal}
    assert found["email"] == (2, 1, 1, 0)
    assert found["phone"] == (1, 1, 1, 0)


def test_render__funnel_parts_reasons_from_findings_and_names_what_was_acted_on(card: CardModel) -> None:
    steps = (
        Step("clean", 9, 6, 0, (("clean:garbled", 3),), (("langdetect_asked", 13),)),
        Step("pii", 6, 5, 0, (("pii:dense", 1),), (("email", 2), ("phone", 1))),
        Step("dedupe", 5, 5, 2, (), (("near", 4),)),
    )
    readme, page = (render(replace(card, funnel=steps)) for render in (render_readme, render_page))
    assert "| clean:garbled 3; found langdetect asked 13 |" in readme
    assert "| pii:dense 1; acted on email 2, phone 1 |" in readme
    assert "| found near 4; 2 rows were born |" in readme
    assert "<span>garbled 3</span> <br><span>found:</span> <span>langdetect asked 13</span>" in page
    assert "<span>dense 1</span> <br><span>acted on:</span> <span>email 2</span>" in page
    assert Page(page).open == []


def test_write_card__tells_which_personal_data_was_looked_for(card: CardModel, texts: dict[str, str]) -> None:
    others = "only with + or 00, or beside a word for telephone"
    phones = f"e-mail addresses, telephone numbers (national numbers of CN, US; others {others}), Chinese resident"
    for text in texts.values():
        assert f"Looked for: {phones}" in text
        assert "What these detectors cannot find, such as names, is not counted, in the residual neither." in text
    fewer = replace(card, looked_for=("phone", "ip"), regions=())
    assert looked_for(fewer) == f"telephone numbers ({others}), IP addresses"
    assert looked_for(replace(card, looked_for=())) == "nothing"


def test_build_card__reads_what_was_looked_for_from_the_layer(tmp_path: Path) -> None:
    workspace = _run_again(tmp_path, {"pii": {"measure": {"kinds": ["phone"], "regions": ["US"]}}})
    card = build_card(workspace)
    assert (card.looked_for, card.regions) == (("phone",), ("US",))


def test_write_card__marks_a_source_without_a_released_row(tmp_path: Path) -> None:
    rows = [orjson.dumps({"text": english(80 + n)}) for n in range(2)]
    files = {"forbidden": b"\n".join([*rows, b"{broken"])}
    workspace = _run_again(tmp_path, {}, files)
    forbidden, raw = build_card(workspace).sources
    assert (forbidden.rows, forbidden.kept, forbidden.released) == (2, 0, 0)
    assert forbidden.absent == "license:non-commercial, 2 of 3 records"
    assert (raw.absent, raw.released >= raw.kept > 0) == ("", True)
    readme, page = (path.read_text(encoding="utf-8") for path in write_card(workspace))
    assert "1 of 2 declared sources have rows in the release." in readme
    assert "| forbidden (**no row released**: license:non-commercial, 2 of 3 records) |" in readme
    assert "<dt>Sources</dt><dd>1<small>of 2 declared</small></dd>" in page
    mark = '<span class="badge missing">no row released</span>'
    assert page.count(mark) == 1
    assert f'forbidden {mark}<span class="sub bad">license:non-commercial, 2 of 3 records</span>' in page


@pytest.mark.parametrize(
    ("files", "reasons", "why"),
    [
        (0, {}, "no file was found"),
        (2, {("b", "clean:short"): 4}, "its files hold no record"),
        (1, {("a", "bad-json"): 1}, "bad-json, 1 of 1 record"),
    ],
)
def test_absent__tells_the_main_reason(files: int, reasons: dict[tuple[str, str], int], why: str) -> None:
    assert _absent("a", files, Counter(reasons)) == why


def _run_again(folder: Path, changes: dict[str, Any], files: dict[str, bytes] | None = None) -> Workspace:
    """The released workspace with other parameters, and with more sources of a licence that is not allowed."""
    workspace = released(folder)
    recipe = yaml.safe_load((workspace.root / "params.yaml").read_text(encoding="utf-8")) | changes
    for name, data in (files or {}).items():
        (workspace.root / name).mkdir()
        (workspace.root / name / "part.jsonl").write_bytes(data)
        recipe["sources"].append({"name": name, "path": name, "license": "CC-BY-NC-4.0"})
    (workspace.root / "params.yaml").write_text(yaml.safe_dump(recipe, allow_unicode=True), encoding="utf-8")
    run_all(workspace, load_recipe(workspace.root / "params.yaml"))
    return workspace


def test_build_card__tells_clusters(card: CardModel) -> None:
    assert (card.duplicates.clusters, card.duplicates.rows, card.duplicates.dropped) == (4, 8, 4)
    for cluster in card.duplicates.largest:
        assert (cluster.size, cluster.kept) == (2, 1)
        kept, dropped = cluster.members
        assert (kept.verdict, dropped.verdict) == ("lives", "gate:duplicate")
        assert dropped.duplicate_of == kept.id


DEDUPE: dict[str, Any] = {
    "params": {"measure": {"threshold": 0.8}},
    "groups": {
        "clusters": 7,
        "rows": 30,
        "sizes": {"11-100": 1, "2": 4, "3-5": 2, "6-10": 0, ">100": 0},
        "largest": [{"cluster": "c1", "rows": 14, "radius": 0.8125}],
    },
    "planted": [
        {"lang": "zh", "kind": "bucket", "from": 0.8, "to": 0.85, "pairs": 10, "found": 9, "recall": 0.9, "low": 0.5958,
         "high": 0.9821},
        {"lang": "zh", "kind": "exact", "from": 1.0, "to": 1.0, "pairs": 4, "found": 4, "recall": 1.0, "low": 0.5101,
         "high": 1.0},
        {"lang": "zh", "kind": "threshold", "from": 0.8, "to": 1.0, "pairs": 14, "found": 13, "recall": 0.9286,
         "low": 0.6853, "high": 0.9873},
        {"lang": "all", "kind": "threshold", "from": 0.8, "to": 1.0, "pairs": 0, "found": 0, "recall": None, "low": 0.0,
         "high": 1.0},
    ],
    "cuts": {"rows": 3, "characters": 1234},
    "contamination": {
        "dropped": False,
        "sets": [{"set": "ceval|<i>", "items": 1346, "too_short": 5, "items_found": 2, "records": 6}],
    },
    "against": {"v3": 17, "v2": 0},
}  # fmt: skip


def _member(name: str, text: str, **facts: Any) -> Excerpt:
    verdict = "gate:duplicate" if facts else "lives"
    return Excerpt(name * 16, "raw", "zh", "Hans", 9, verdict, text, False, **facts)


def _said(dedupe: dict[str, Any]) -> Duplicates:
    members = [_member("a1", "潮水进来的船只 side by side <b>"), _member("b2", "潮水退去的船只 side to side <b>",
               duplicate_of="a1" * 16, similarity=0.875, method="jaccard")]  # fmt: skip
    members.append(_member("c3", "", withheld="it held personal data", duplicate_of="a1" * 16))
    clusters = (Cluster("c1", 14, 1, 0.8125, _compared(members)),)
    return _duplicates(Tally(), {"dedupe": dedupe, "gate": {"reasons": {}}}, clusters)


def test_duplicates__takes_what_the_manifest_says() -> None:
    said = _said(DEDUPE)
    assert said.threshold == 0.8
    assert said.sizes == (("2", 4), ("3-5", 2), ("6-10", 0), ("11-100", 1), (">100", 0))
    assert [(r.lang, r.kind, r.low_edge, r.to, r.pairs, r.found) for r in said.recalls] == [
        ("zh", "bucket", 0.8, 0.85, 10, 9),
        ("zh", "exact", 1.0, 1.0, 4, 4),
        ("zh", "threshold", 0.8, 1.0, 14, 13),
        ("all", "threshold", 0.8, 1.0, 0, 0),
    ]
    assert (said.cut_rows, said.cut_characters) == (3, 1234)
    assert [(e.name, e.items, e.too_short, e.items_found, e.records) for e in said.evaluations] == [
        ("ceval|<i>", 1346, 5, 2, 6)
    ]
    assert said.published == (("v2", 0), ("v3", 17))


def test_render__tells_how_well_duplicates_were_found_and_what_was_cut(card: CardModel) -> None:
    card = replace(card, duplicates=_said(DEDUPE))
    readme, page = render_readme(card), render_page(card)
    assert "| Chinese | 0.80 to 0.85 | 10 | 9 | 90.0 % | 59.6 – 98.2 % |" in readme
    assert "| Chinese | 1, other form | 4 | 4 | 100.0 % | 51.0 – 100.0 % |" in readme
    assert "| all languages | 0.80 and more | 0 | 0 | – | – |" in readme
    assert "| 11 to 100 | 1 |\n| more than 100 | 0 |" in readme
    assert "| ceval\\|&lt;i&gt; | 1,346 | 5 | 2 | 6 |" in readme
    assert "1,234 characters cut out of 3 records" in readme
    assert "Already in v3: 17 records." in readme
    assert "How well were duplicates found?" in readme
    assert '<td class="n">10</td><td class="n">9</td><td class="n">90.0 %</td><td class="n">59.6 – 98.2 %</td>' in page
    assert "ceval|&lt;i&gt;" in page
    assert "is reported, and stays" in page
    assert "1,234 characters cut out of 3 records" in page
    assert "<li>Already in <code>v3</code>: 17 records.</li>" in page
    assert 'href="#found"' in page
    assert Page(page).open == []


def test_render__shows_clusters_side_by_side_with_their_differences(card: CardModel) -> None:
    card = replace(card, duplicates=_said(DEDUPE))
    readme, page = render_readme(card), render_page(card)
    assert (
        "潮水<del>进来</del><ins>退去</ins>的船只 side <del>by</del><ins>to</ins> side &lt;b&gt;</blockquote>" in page
    )
    assert "radius 0.81" in page
    assert "0.88 like <code>a1a1a1a1a1a1</code>, by jaccard" in page
    assert "Not shown: it held personal data." in page
    dropped = "潮水<del>进来</del><ins>退去</ins>的船只 side <del>by</del><ins>to</ins> side &lt;b&gt; |"
    assert f"| gate:duplicate | 0.88 like `a1a1a1a1a1a1`, by jaccard | {dropped}" in readme
    assert "not shown: it held personal data" in readme


def test_render__says_nothing_of_what_was_not_asked_for(card: CardModel) -> None:
    card = replace(card, duplicates=replace(_said({"params": {}}), largest=()))
    for text in (render_readme(card), render_page(card)):
        assert "How well were duplicates found" not in text
        assert "cut out of" not in text
        assert "Already in" not in text
        assert "valuation set" not in text
        assert "in a cluster" not in text
    assert 'href="#found"' not in render_page(card)


def test_build_card__compares_the_members_of_a_cluster(card: CardModel) -> None:
    for cluster in card.duplicates.largest:
        kept, dropped = cluster.members
        assert {p.kind for p in kept.pieces} == {"same"}
        assert dropped.method == "exact"
        assert dropped.pieces == kept.pieces


def test_build_card__chooses_the_smallest_ids(card: CardModel) -> None:
    kept = {e.title: [x.id for x in e.rows] for e in card.kept_examples}
    assert set(kept) == {"en", "zh"}
    assert all(ids == sorted(ids) and len(ids) == 2 for ids in kept.values())
    assert {e.title for e in card.dropped_examples} == {r.reason for r in card.reasons if r.first}


def test_build_card__refuses_layers_of_another_state(tmp_path: Path) -> None:
    workspace = released(tmp_path)
    manifest = read_json(workspace.layer("quality") / MANIFEST)
    write_json(workspace.layer("quality") / MANIFEST, {**manifest, "code": "0" * 64})
    with pytest.raises(IntegrityError, match="the manifest of `quality` is"):
        build_card(workspace)


def test_build_card__refuses_an_unknown_release(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="no such release"):
        build_card(workspace, "0000")


def test_build_card__shows_runs(tmp_path: Path) -> None:
    workspace = released(tmp_path)
    release = read_json(workspace.releases / MANIFEST)["latest"]
    order = {"run": "r1", "release": {"id": release}, "config": {"steps": 7}, "parameters": 1234}
    write_json(workspace.runs / "r1" / "run.json", order)
    write_json(workspace.runs / "other" / "run.json", {**order, "release": {"id": "0" * 64}})
    write_json(workspace.runs / "r1" / "metrics.json", {"train_loss": 1.5, "validation": {"bits_per_byte": 2.25}})
    (run,) = build_card(workspace).runs
    assert (run.name, run.steps, run.parameters, run.bits_per_byte, run.done) == ("r1", 7, 1234, 2.25, True)


@pytest.mark.parametrize("key", ["taken", "short-mail"])
def test_read_excerpts__withholds_what_was_dropped_and_is_personal(workspace: Workspace, key: str) -> None:
    excerpt = read_excerpts(workspace, [id_of(key)])[id_of(key)]
    assert excerpt.text == ""
    assert excerpt.withheld


@pytest.mark.parametrize(("key", "value"), [("mail", EMAIL), ("手机", PHONE)])
def test_read_excerpts__hides_personal_data_in_kept_rows(workspace: Workspace, key: str, value: str) -> None:
    excerpt = read_excerpts(workspace, [id_of(key)], length=10_000)[id_of(key)]
    assert excerpt.verdict == "lives"
    assert value not in excerpt.text
    assert "[EMAIL]" in excerpt.text or "[PHONE]" in excerpt.text


def test_read_excerpts__cuts_at_code_points(workspace: Workspace) -> None:
    excerpt = read_excerpts(workspace, [id_of("zh-1")], length=20)[id_of("zh-1")]
    assert (len(excerpt.text), excerpt.cut) == (20, True)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202eb", "a\\u{202e}b"),
        ("nul\0\x1b[31m", "nul\\u{0}\\u{1b}[31m"),
        ("tab\tline\nnext", "tab line\nnext"),
        ("家庭👨\u200d👩", "家庭👨\u200d👩"),
        ("bom\ufeff\u00ad", "bom\\u{feff}\\u{ad}"),
    ],
)
def test_visible__writes_out_what_cannot_be_seen(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_write_card__gives_the_same_bytes_anywhere(workspace: Workspace, texts: dict[str, str], tmp_path: Path) -> None:
    other = released(tmp_path)
    assert {p.name: p.read_text(encoding="utf-8") for p in write_card(other)} == texts
    for text in texts.values():
        assert str(workspace.root) not in text
        assert not re.search(r"20\d\d-\d\d-\d\dT", text)


def test_write_card__holds_no_personal_value(texts: dict[str, str]) -> None:
    for text in texts.values():
        for value in (EMAIL, "anna.lee", PHONE, "127.0.0.9", "Taken down at the author"):
            assert value not in text


def test_write_card__page_loads_and_runs_nothing(texts: dict[str, str]) -> None:
    page = Page(texts["index.html"])
    assert page.open == []
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "iframe", "object", "embed", "link", "img", "base", "form"}
    attributes = {name for _, attrs in page.tags for name in attrs}
    assert not {a for a in attributes if a.startswith("on")} | (attributes & {"src", "action", "style"})
    assert all(a["href"].startswith("#") for t, a in page.tags if t == "a")
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert "url(" not in texts["index.html"]
    assert "@import" not in texts["index.html"]


def test_write_card__page_escapes_texts_and_declared_values(texts: dict[str, str]) -> None:
    html = texts["index.html"]
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    assert "&lt;b&gt;as | is&lt;/b&gt;" in html
    assert "Two languages | &lt;i&gt;and&lt;/i&gt; markup." in html
    assert ATTACK.split()[0] + " " not in re.sub(r"&lt;", "", html)
    assert "\u202e" not in html


def test_write_card__page_is_accessible(texts: dict[str, str]) -> None:
    html = texts["index.html"]
    page = Page(html)
    assert html.count("<table") == html.count("<caption>") > 10
    assert all(a.get("scope") in {"col", "row", "rowgroup"} for t, a in page.tags if t == "th")
    assert all("aria-hidden" in a or a.get("role") == "img" for t, a in page.tags if t == "svg")
    assert len(re.findall(r'<svg class="(?:bar|chart)"[^>]*><title>', html)) == html.count('role="img"')
    assert 'lang="zh-Hans"' in html
    ids = {a["id"] for _, a in page.tags if "id" in a}
    assert {a["href"][1:] for t, a in page.tags if t == "a"} == ids


def test_write_card__readme_has_front_matter_of_the_hub(card: CardModel, texts: dict[str, str]) -> None:
    _, front, body = texts["README.md"].split("---\n", 2)
    meta = yaml.safe_load(front)
    assert meta == front_matter(card)
    assert meta["language"] == [c.name for c in card.languages]
    assert meta["license"] == "cc0-1.0"
    assert meta["size_categories"] == ["n<1K"]
    assert meta["task_categories"] == ["text-generation"]
    info = meta["dataset_info"]
    assert sum(s["num_examples"] for s in info["splits"]) == card.rows
    assert [s["name"] for s in info["splits"]] == [f["split"] for f in meta["configs"][0]["data_files"]]
    assert {f["name"]: f["dtype"] for f in info["features"]}["text"] == "string"
    for heading in (
        "## Uses",
        "## Dataset Structure",
        "### Curation Rationale",
        "### Personal and Sensitive Information",
    ):
        assert f"\n{heading}\n" in body
    assert "<b>" not in body
    assert "as \\| is" in body


def test_write_card__statements_are_missing_until_declared(tmp_path: Path) -> None:
    workspace = released(tmp_path)
    folder = workspace.cards / "harbour"
    readme, _ = write_card(workspace)
    assert (
        "*(missing)* Not stated. State it as `rationale:` in datacards/harbour/statements.yaml." in readme.read_text()
    )
    said = {"rationale": "为了测试 <script>", "sources": {"raw": "the harbour's log"}}
    (folder / "statements.yaml").write_text(yaml.safe_dump(said, allow_unicode=True), encoding="utf-8")
    readme, page = write_card(workspace)
    assert "*(declared)* 为了测试 &lt;script&gt;" in readme.read_text(encoding="utf-8")
    assert "为了测试 &lt;script&gt;" in page.read_text(encoding="utf-8")
    assert "the harbour&#39;s log" in page.read_text(encoding="utf-8")
    assert build_card(workspace).statement("uses").origin == "missing"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("rational: x", "did you mean `rationale`"),
        ("uses: [1]", "`uses` holds list"),
        ("- x", "holds list"),
        ("a: [", "not YAML"),
    ],
)
def test_write_card__refuses_statements_that_cannot_be_used(tmp_path: Path, text: str, seen: str) -> None:
    workspace = released(tmp_path)
    (workspace.cards / "harbour").mkdir(parents=True)
    (workspace.cards / "harbour" / "statements.yaml").write_text(text)
    with pytest.raises(RecipeError, match=re.escape(seen)):
        write_card(workspace)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("Apache-2.0",), {"license": "apache-2.0"}),
        (("GPL-3.0-only",), {"license": "gpl-3.0"}),
        (("ODC-By-1.0",), {"license": "odc-by"}),
        (("LicenseRef-x",), {"license": "other", "license_name": "licenseref-x"}),
        (("MIT", "CC0-1.0"), {"license": "other", "license_name": "mixed-see-card"}),
    ],
)
def test_licence__is_spelt_as_the_hub_does(names: tuple[str, ...], expected: dict[str, str]) -> None:
    found = licence(tuple(Count(n, 1, 1, 1) for n in names))
    assert {k: v for k, v in found.items() if k != "license_link"} == expected
    assert ("license_link" in found) == (found["license"] == "other")
    assert found["license"] in {*HUB_LICENCES.values(), "other"}


@pytest.mark.parametrize(("rows", "name"), [(999, "n<1K"), (1000, "1K<n<10K"), (10**12, "n>1T")])
def test_size_category__has_the_hubs_bounds(rows: int, name: str) -> None:
    assert size_category(rows) == name


def test_escape_markdown__leaves_no_markup_and_no_new_line() -> None:
    assert escape_markdown("a|b\n<i>[x](y)*_`") == "a\\|b &lt;i&gt;\\[x\\](y)\\*\\_\\`"
    assert escape_markdown("https://x.org @you") == "https\\://x.org \\@you"


def test_bar__parts_fill_the_track_in_order() -> None:
    drawn = str(bar([("kept", 1), ("drop", 3)], 4, "<t>"))
    assert re.findall(r'class="(\w+)" x="(\d+)" width="(\d+)"', drawn) == [("kept", "0", "250"), ("drop", "250", "750")]
    assert "<title>&lt;t&gt;</title>" in drawn
    assert 'class="kept"' not in str(bar([("kept", 0)], 0, ""))


def test_short__and_share_never_round_something_to_nothing() -> None:
    assert [short(n) for n in (0, 950, 1200, 34_000_000, 731_435)] == ["0", "950", "1.2k", "34M", "731k"]
    assert [share(*n) for n in ((0, 0), (0, 5), (1, 100_000), (99_999, 100_000), (1, 4), (4, 4))] == [
        *("0 %", "0 %", "< 0.1 %", "> 99.9 %", "25.0 %", "100.0 %"),
    ]
