"""The dedupe stage on a workspace: the same verdicts for any layout, memory, workers and history."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from corpus import corpus, near
from pipeline_runs import bytes_of, run_all
from prose import chinese, english

from aigc_data.dedupe import layer as layer_module
from aigc_data.dedupe import verification
from aigc_data.errors import GateError, IntegrityError, RecipeError
from aigc_data.pipeline import is_fresh, run_stage
from aigc_data.pool import LocalPool
from aigc_data.store import parquet, stack
from aigc_data.store.contamination import held_items
from aigc_data.text.tokens import tokens_of

#: No planted sample: its cost is not what these tests are about.
PLAIN = {"planted": {"records": 0}}
SMALL = {"ingest": {"shard_text_bytes": 8192, "batch_bytes": 8192}}


def run_dedupe(workspace: Any, recipe: Any, *, each: Any = map) -> dict[str, tuple[Any, ...]]:
    """id → what the layer says, with the pairs of links/ and unlike/ under two names of their own."""
    for stage in ("ingest", "clean", "dedupe"):
        run_stage(stage, workspace, recipe, each=each)
    return layer(workspace)


def layer(workspace: Any) -> dict[str, tuple[Any, ...]]:
    names = ("cluster", "group", "exact", "cuts", "contamination", "published_in", "published_similarity")
    columns = ["id", *(f"dedupe.{n}" for n in names), "dedupe.reason"]
    rows = [r for s in workspace.shards() for r in stack.read_rows(workspace, s, columns).to_pylist()]
    said = {row.pop("id"): tuple(str(v) for v in row.values()) for row in rows}
    folder = workspace.layer("dedupe")
    return said | {
        kind: tuple(str(r) for r in parquet.read(folder / kind / "00000.parquet").to_pylist())
        for kind in ("links", "unlike")
    }


def test_dedupe__finds_families_and_leaves_what_has_no_tokens_alone(make_workspace: Any) -> None:
    workspace, recipe = make_workspace({"a.jsonl": corpus(range(4))}, dedupe={"measure": PLAIN})
    said = run_dedupe(workspace, recipe)
    clusters = [v[0] for k, v in said.items() if k not in ("links", "unlike")]
    assert sorted(clusters.count(c) for c in set(clusters)) == [1, 1] + [4] * 8
    assert not [v for k, v in said.items() if k not in ("links", "unlike") and v[-1] != "None"]
    # Copies of one content are known by it: only the first of them is put into buckets and compared.
    pairs = parquet.read(workspace.layer("dedupe") / "links" / "00000.parquet").to_pylist()
    copies = {k for k, v in said.items() if k not in ("links", "unlike") and v[2] != k}
    assert len(copies) == sum(p["method"] == "exact" for p in pairs) == 8
    assert not [p for p in pairs if p["method"] != "exact" and {p["a"], p["b"]} & copies]
    manifest = workspace.manifest(workspace.layer("dedupe"))
    assert manifest["groups"]["clusters"] == 8
    assert manifest["groups"]["sizes"]["3-5"] == 8
    assert all(0.7 < one["radius"] <= 1 for one in manifest["groups"]["largest"])


@pytest.mark.parametrize("sections", [SMALL, {"memory_mb": 16}], ids=["shards", "memory"])
def test_dedupe__layout_of_shards_and_memory_change_nothing(
    make_workspace: Any, monkeypatch: pytest.MonkeyPatch, sections: dict[str, Any]
) -> None:
    one = run_dedupe(*make_workspace({"a.jsonl": corpus(range(12))}, folder="one", dedupe={"measure": PLAIN}))
    workspace, recipe = make_workspace(
        {"a.jsonl": corpus(range(12))[::-1]}, folder="other", dedupe={"measure": PLAIN}, **sections
    )
    if "memory_mb" in sections:
        # As if the memory were a thousand times smaller: many ranges of keys, merges and blocks.
        recipe = recipe.model_copy(update={"memory_mb": _Tiny(16)})
    assert run_dedupe(workspace, recipe) == one


class _Tiny(int):
    """Megabytes that are kilobytes when they are counted."""

    def __lshift__(self, bits: int) -> int:
        return int(self) << 9


def test_dedupe__workers_change_no_byte(make_workspace: Any) -> None:
    made = []
    for name in ("one", "two"):
        workspace, recipe = make_workspace({"a.jsonl": corpus(range(8))}, folder=name, **SMALL)
        if name == "one":
            run_dedupe(workspace, recipe)
        else:
            with LocalPool(2) as pool:
                run_dedupe(workspace, recipe, each=pool.each)
        made.append(bytes_of(workspace.layer("dedupe")))
    assert made[0] == made[1]


def test_dedupe__new_records_are_compared_as_if_all_had_come_at_once(
    make_workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = corpus(range(8)), corpus(range(6, 12), copies=3)
    new = [{**row, "id": f"new-{row['id']}"} for row in new]
    whole = run_dedupe(*make_workspace({"a.jsonl": old, "b.jsonl": new}, folder="whole", dedupe={"measure": PLAIN}))
    workspace, recipe = make_workspace({"a.jsonl": old}, folder="grown", dedupe={"measure": PLAIN})
    run_dedupe(workspace, recipe)
    make_workspace({"b.jsonl": new}, folder="grown", dedupe={"measure": PLAIN})
    compared: list[int] = []
    real = verification._compare
    monkeypatch.setattr(verification, "_compare", lambda job: compared.append(len(job.pairs)) or real(job))
    assert run_dedupe(workspace, recipe) == whole
    assert 0 < sum(compared) < sum("jaccard" in pair for pair in whole["links"] + whole["unlike"])


def test_dedupe__goes_without_its_caches(make_workspace: Any) -> None:
    workspace, recipe = make_workspace({"a.jsonl": corpus(range(6))})
    run_dedupe(workspace, recipe)
    before = bytes_of(workspace.layer("dedupe"))
    shutil.rmtree(workspace.private / "dedupe")
    (workspace.layer("dedupe") / "manifest.json").unlink()
    (workspace.layer("dedupe") / "links" / "00000.parquet").unlink()
    run_stage("dedupe", workspace, recipe)
    assert bytes_of(workspace.layer("dedupe")) == before


@pytest.mark.parametrize("moment", ["index", "pairs", "verify", "layer", "judge"])
def test_dedupe__killed_anywhere_ends_in_the_same_bytes(make_workspace: Any, moment: str) -> None:
    workspace, recipe = make_workspace({"a.jsonl": corpus(range(6))}, **SMALL)
    for stage in ("ingest", "clean"):
        run_stage(stage, workspace, recipe)
    other = shutil.copytree(workspace.root, workspace.root.with_name("killed"))
    run_stage("dedupe", workspace, recipe)
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom aigc_data.pipeline import open_workspace, run_stage\n"
        f"stop = lambda what, n, total: n and what.endswith({moment!r}) and os.kill(os.getpid(), signal.SIGKILL)\n"
        "run_stage('dedupe', *open_workspace(Path(sys.argv[1])), progress=stop)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(other)], check=False)
    assert done.returncode == -signal.SIGKILL
    killed = type(workspace)(other)
    assert not is_fresh("dedupe", killed, recipe)
    run_stage("dedupe", killed, recipe)
    assert bytes_of(killed.layer("dedupe")) == bytes_of(workspace.layer("dedupe"))
    assert not (killed.private / "dedupe" / "scratch").exists()


def test_dedupe__second_run_writes_nothing(make_workspace: Any) -> None:
    workspace, recipe = make_workspace({"a.jsonl": corpus(range(4))})
    run_dedupe(workspace, recipe)
    before = {p: p.stat().st_mtime_ns for p in workspace.layer("dedupe").rglob("*")}
    assert run_stage("dedupe", workspace, recipe).written == 0
    assert {p: p.stat().st_mtime_ns for p in workspace.layer("dedupe").rglob("*")} == before


def test_dedupe__planted_copies_are_found_in_both_languages(make_workspace: Any) -> None:
    workspace, recipe = make_workspace({"a.jsonl": corpus(range(12))})
    plain, other = make_workspace({"a.jsonl": corpus(range(12))}, folder="plain", dedupe={"measure": PLAIN})
    said = run_dedupe(workspace, recipe)
    assert said == run_dedupe(plain, other)  # held apart from the data
    rows = {r["lang"]: r for r in workspace.manifest(workspace.layer("dedupe"))["planted"] if r["kind"] == "threshold"}
    assert set(rows) == {"en", "zh", "all"}
    for row in rows.values():
        assert row["pairs"] >= 40
        assert row["recall"] >= 0.98
        assert row["low"] < row["recall"] <= row["high"]
    assert rows["all"]["pairs"] == rows["en"]["pairs"] + rows["zh"]["pairs"]
    same = [r for r in workspace.manifest(workspace.layer("dedupe"))["planted"] if r["kind"] == "exact"]
    assert {r["recall"] for r in same} == {1.0}


def test_dedupe__a_chain_removes_nothing_that_is_unlike(make_workspace: Any) -> None:
    words, other = ([chr(first + n) for n in range(120)] for first in (0x5000, 0x6000))
    chain = [" ".join([*other[: 8 * step], *words[8 * step :]]) for step in range(4)]  # neighbours 0.81, next 0.7
    rows = [{"id": f"link-{n}", "text": text} for n, text in enumerate(chain)]
    workspace, recipe = make_workspace(
        {"a.jsonl": rows},
        quality={"rules": {"zh": {"min_stop_words": "off", "max_sentence_tokens": "off"}}},
        gate={"expectations": []},
        release={"expectations": []},
    )
    run_all(workspace, recipe)
    names = ["id", "text", "dedupe.cluster", "gate.reason", "gate.duplicate_of", "gate.similarity"]
    said = [row for s in workspace.shards() for row in stack.read_rows(workspace, s, names).to_pylist()]
    assert len({r["dedupe.cluster"] for r in said}) == 1  # one cluster of four
    text = {row["id"]: row["text"] for row in said}
    gone = [r for r in said if r["gate.reason"] == "gate:duplicate"]
    assert 0 < len(gone) < 3
    for row in gone:
        assert jaccard(text[row["id"]], text[row["gate.duplicate_of"]]) >= 0.8
        assert row["gate.similarity"] >= 0.8
    kept = [r["id"] for r in said if r["gate.reason"] is None]
    assert all(jaccard(text[a], text[b]) < 0.8 for a in kept for b in kept if a < b)


def jaccard(one: str, other: str) -> float:
    a, b = ({tuple(t.split()[i : i + 5]) for i in range(len(t.split()) - 4)} for t in (one, other))
    return len(a & b) / len(a | b)


# --- earlier releases ---


def test_against__drops_what_an_earlier_release_has(make_workspace: Any, documents: Any) -> None:
    first, recipe = make_workspace({"a.jsonl": documents[:8] + documents[12:20]}, folder="first")
    run_all(first, recipe)
    latest = first.manifest(first.releases)["latest"]
    again = [
        {"id": "same-en", "text": documents[0]["text"].upper()},
        {"id": "near-en", "text": near(documents[1]["text"], 3)},
        {"id": "same-zh", "text": documents[12]["text"] + "！"},
        {"id": "near-zh", "text": near(documents[13]["text"], 5)},
        {"id": "twice", "text": near(documents[1]["text"], 3) + " ?"},
        {"id": "new-en", "text": english(50)},
        {"id": "new-zh", "text": chinese(50)},
    ]
    against = [{"name": "v1", "path": f"../first/data/releases/{latest}"}]
    workspace, recipe = make_workspace({"a.jsonl": again}, folder="second", dedupe={"measure": {"against": against}})
    run_dedupe(workspace, recipe)
    rows = {}
    for shard in workspace.shards():
        names = ["locator", "text", "dedupe.published_in", "dedupe.published_as", "dedupe.published_similarity"]
        for row in stack.read_rows(workspace, shard, [*names, "dedupe.reason", "dedupe.cluster", "id"]).to_pylist():
            rows[next(r["id"] for r in again if r["text"] == row["text"])] = row
    published = {name for name, row in rows.items() if row["dedupe.reason"] == "dedupe:published"}
    assert published == {"same-en", "near-en", "same-zh", "near-zh", "twice"}
    assert {rows[n]["dedupe.published_in"] for n in published} == {"v1"}
    assert rows["same-en"]["dedupe.published_similarity"] == 1
    assert 0.8 <= rows["near-zh"]["dedupe.published_similarity"] < 1
    known = {row["id"]: row for row in released(first, latest)}
    assert known[rows["near-zh"]["dedupe.published_as"]]["text"] == documents[13]["text"]
    assert rows["new-en"]["dedupe.cluster"] == rows["new-en"]["id"]
    assert workspace.manifest(workspace.layer("dedupe"))["against"] == {"v1": 5}
    # Only reported when the recipe says so, and no text is opened for it.
    kept, recipe = make_workspace(
        {}, folder="second", dedupe={"measure": {"against": against}, "rules": {"drop_published": False}}
    )
    before = (kept.layer("dedupe") / "links" / "00000.parquet").stat().st_mtime_ns
    run_stage("dedupe", kept, recipe)
    assert (kept.layer("dedupe") / "links" / "00000.parquet").stat().st_mtime_ns == before
    assert kept.manifest(kept.layer("dedupe"))["reasons"] == {}


def released(workspace: Any, release: str) -> list[dict[str, Any]]:
    folder = workspace.releases / release
    return [row for name in workspace.manifest(folder)["files"] for row in parquet.read(folder / name).to_pylist()]


def test_against__refuses_a_folder_that_is_no_release_and_a_changed_shard(make_workspace: Any, documents: Any) -> None:
    first, recipe = make_workspace({"a.jsonl": documents}, folder="first")
    run_all(first, recipe)
    second, recipe = make_workspace(
        {"a.jsonl": documents}, folder="second", dedupe={"measure": {"against": [{"name": "v1", "path": "raw"}]}}
    )
    with pytest.raises(RecipeError, match=r"`dedupe\.measure\.against` names raw for 'v1', which is no release"):
        run_dedupe(second, recipe)
    folder = first.releases / first.manifest(first.releases)["latest"]
    shard = folder / next(iter(first.manifest(folder)["files"]))
    shard.write_bytes(shard.read_bytes() + b"x")
    second, recipe = make_workspace(
        {}, folder="second", dedupe={"measure": {"against": [{"name": "v1", "path": str(folder)}]}}
    )
    with pytest.raises(IntegrityError, match="is not what the release's manifest says"):
        run_dedupe(second, recipe)


# --- evaluation sets ---

QUESTION = "Which of the following best explains why the tide comes later each day along the same stretch of coast?"
FRAGE = "下列关于潮汐每天在同一段海岸推迟到来的原因的说法中正确的是哪一项请说明理由"


def test_evaluations__what_holds_an_item_is_contaminated(make_workspace: Any, documents: Any, tmp_path: Path) -> None:
    rows = documents[:4] + documents[12:16]
    rows += [
        {"id": "quotes-en", "text": documents[5]["text"] + "\n" + QUESTION.upper() + "\n" + documents[6]["text"]},
        {"id": "quotes-zh", "text": documents[17]["text"] + "。" + "，".join(FRAGE) + documents[18]["text"]},
        {"id": "half-en", "text": " ".join(QUESTION.split()[:16]) + " " + documents[7]["text"]},
    ]
    evaluation = tmp_path / "workspace" / "evals" / "exam.jsonl"
    evaluation.parent.mkdir(parents=True)
    lines = [f'{{"qid": "q1", "question": "{QUESTION}"}}', f'{{"qid": "q2", "question": "{FRAGE}"}}']
    evaluation.write_text("\n".join([*lines, '{"qid": "q3", "question": "What is AI?"}']) + "\n", encoding="utf-8")
    section = {"evaluations": [{"name": "exam", "path": "evals/exam.jsonl", "text": ["question"], "id": "qid"}]}
    workspace, recipe = make_workspace({"a.jsonl": rows}, dedupe={"measure": section})
    run_dedupe(workspace, recipe)
    texts = {row["text"]: row["id"] for row in rows}
    found = {}
    for shard in workspace.shards():
        for row in stack.read_rows(workspace, shard, ["text", "dedupe.contamination", "dedupe.reason"]).to_pylist():
            found[texts[row["text"]]] = row
    assert {n for n, row in found.items() if row["dedupe.reason"]} == {"quotes-en", "quotes-zh"}
    assert {row["dedupe.reason"] for row in found.values()} == {None, "dedupe:contaminated"}
    hit = found["quotes-zh"]["dedupe.contamination"]
    assert [(h["set"], h["item"].split("#")[0], h["containment"]) for h in hit] == [("exam", "q2", 1.0)]
    assert 0 < found["half-en"]["dedupe.contamination"][0]["containment"] < 0.8
    said = workspace.manifest(workspace.layer("dedupe"))["contamination"]
    assert said["sets"][0] == {
        "set": "exam", "items": 2, "too_short": 1, "lost": 0, "items_found": 2, "records": 2,
    }  # fmt: skip
    held = held_items(workspace).to_pylist()
    assert [(h["set"], round(h["containment"], 2), h["reason"]) for h in held[:2]] == [
        ("exam", 1.0, "dedupe:contaminated")
    ] * 2
    assert {h["item"].split("#")[0] for h in held} == {"q1", "q2"}
    assert held[-1]["reason"] is None
    # A looser rule judges again; a changed set looks again.
    loose, recipe = make_workspace({}, dedupe={"measure": section, "rules": {"containment": 0.1}})
    run_stage("dedupe", loose, recipe)
    assert loose.manifest(loose.layer("dedupe"))["reasons"] == {"dedupe:contaminated": 3}
    evaluation.write_text('{"qid": "q1", "question": "nothing that any of the records here would ever hold"}\n')
    assert not is_fresh("dedupe", loose, recipe)
    run_stage("dedupe", loose, recipe)
    assert loose.manifest(loose.layer("dedupe"))["reasons"] == {}


# --- cuts ---


def test_repeats__boilerplate_is_cut_from_every_record(make_workspace: Any, documents: Any) -> None:
    footer = "All content on this site is available under the terms given on the licence page of the project."
    header = "本站全部内容均按照许可协议页面所列的条款提供，转载请注明出处。"
    rows = [
        {"id": row["id"], "text": f"{header}\n{row['text']}\n{footer}" if n % 2 else row["text"]}
        for n, row in enumerate(documents)
    ]
    rows.append({"id": "nothing else", "text": f"{header}\n\n{footer}\n"})
    workspace, recipe = make_workspace(
        {"a.jsonl": rows}, dedupe={"measure": {"repeats": {"records": 10}, **PLAIN}}, **SMALL
    )
    run_all(workspace, recipe)
    assert workspace.manifest(workspace.layer("dedupe"))["reasons"] == {"dedupe:boilerplate": 1}
    said = workspace.manifest(workspace.layer("dedupe"))["cuts"]
    assert said["rows"] == 13
    assert said["characters"] >= 12 * (len(footer) + len(header))
    out = released(workspace, workspace.manifest(workspace.releases)["latest"])
    assert all(row["tokens"] == len(tokens_of(row["text"])) for row in out)
    texts = {row["text"] for row in out}
    assert texts
    assert not [t for t in texts if footer in t or header in t]
    assert texts <= {row["text"] for row in documents}


def test_substrings__a_run_that_an_earlier_record_has_is_cut(make_workspace: Any, documents: Any) -> None:
    shared = " ".join(f"shared{n}" for n in range(60))
    rows = [{"id": "one", "text": documents[0]["text"] + " " + shared + " tail of the first"}]
    rows += [{"id": "two", "text": shared + " and " + documents[1]["text"]}, *documents[2:6], *documents[12:16]]
    measured = {"substrings": {"tokens": 50}, **PLAIN}
    workspace, recipe = make_workspace({"a.jsonl": rows}, dedupe={"measure": measured}, **SMALL)
    run_dedupe(workspace, recipe)
    cut = []
    for shard in workspace.shards():
        for row in stack.read_rows(workspace, shard, ["id", "clean.text", "dedupe.cuts"]).to_pylist():
            cut += [(row["id"], row["clean.text"][c["start"] : c["end"]], c["kind"]) for c in row["dedupe.cuts"]]
    ids = sorted(
        row["id"] for s in workspace.shards() for row in stack.read_rows(workspace, s, ["id", "text"]).to_pylist()
        if "shared1 " in row["text"]
    )  # fmt: skip
    assert [(i, k) for i, _, k in cut] == [(ids[1], "substring")]
    assert cut[0][1].strip() == shared


# --- meaning ---


def test_semantic__embeddings_of_the_sources_link_what_means_the_same(make_workspace: Any, documents: Any) -> None:
    pytest.importorskip("torch")
    rows = [{**row, "vector": [float(n == k) for k in range(24)]} for n, row in enumerate(documents)]
    rows[20]["vector"] = [*rows[3]["vector"][:-1], 0.05]
    measured = {"semantic": {"field": "vector"}, **PLAIN}
    workspace, recipe = make_workspace(
        {"a.jsonl": rows}, source={"meta": ["vector"]}, dedupe={"measure": measured}, **SMALL
    )
    run_all(workspace, recipe)
    links = parquet.read(workspace.layer("dedupe") / "links" / "00000.parquet").to_pylist()
    assert [(link["method"], round(link["similarity"], 3)) for link in links] == [("semantic", 0.999)]
    gone = [
        row
        for s in workspace.shards()
        for row in stack.read_rows(workspace, s, ["gate.reason", "gate.method"]).to_pylist()
        if row["gate.reason"]
    ]
    assert gone == [{"gate.reason": "gate:duplicate", "gate.method": "semantic"}]


def test_sketch__takes_at_most_400_bytes_a_record(make_workspace: Any) -> None:
    workspace, recipe = make_workspace({"a.jsonl": [{"id": str(n), "text": english(n)} for n in range(2000)]})
    run_dedupe(workspace, recipe)
    sizes = [p.stat().st_size for p in (workspace.layer("dedupe") / "sketch").iterdir()]
    rows = sum(pq.read_metadata(p).num_rows for p in (workspace.layer("dedupe") / "sketch").iterdir())
    assert rows == 2000
    assert sum(sizes) / rows <= 400
    assert os.listdir(workspace.private / "dedupe") == ["verdicts"]


def test_gate__refuses_a_release_whose_duplicates_were_not_found_well_enough(make_workspace: Any) -> None:
    bars = [{"metric": "dedupe_recall_low", "min": 0.5}, {"metric": "dedupe_recall.zh", "min": 0.9}]
    sections = {"gate": {"expectations": bars}, "release": {"expectations": []}}
    workspace, recipe = make_workspace({"a.jsonl": corpus(range(12))}, **sections)
    run_all(workspace, recipe)
    metrics = workspace.manifest(workspace.layer("gate"))["metrics"]
    assert 0.9 < metrics["dedupe_recall_low"] < metrics["dedupe_recall"] <= 1
    # What was not measured meets no bar.
    workspace, recipe = make_workspace({}, dedupe={"measure": PLAIN}, **sections)
    with pytest.raises(GateError, match="dedupe_recall_low"):
        run_all(workspace, recipe)


def test_fold_han__matches_both_scripts_only_when_asked(make_workspace: Any) -> None:
    rows = [
        {
            "id": "hans",
            "text": "数据是关键所在，谁掌握了干净而有授权的文本，谁就能在明年重新训练，这个时代的发展说明了问题。" * 2,
        },
        {
            "id": "hant",
            "text": "數據是關鍵所在，誰掌握了乾淨而有授權的文本，誰就能在明年重新訓練，這個時代的發展說明了問題。" * 2,
        },
    ]
    found = []
    for fold in (False, True):
        workspace, recipe = make_workspace(
            {"a.jsonl": rows}, folder=f"fold-{fold}", dedupe={"measure": {"fold_han": fold, **PLAIN}}
        )
        said = run_dedupe(workspace, recipe)
        found.append(len({v[0] for k, v in said.items() if k not in ("links", "unlike")}))
    assert found == [2, 1]


def test_repeats__copies_of_one_article_are_one_article(make_workspace: Any, documents: Any) -> None:
    rows = documents[:6] + documents[12:18]
    rows += [{"id": f"same-{n}", "text": documents[20]["text"]} for n in range(15)]
    lines = [english(n) for n in range(40, 46)]
    rows += [{"id": f"daily-{n}", "text": "\n".join([*lines, f"Updated on day {n} of the month."])} for n in range(15)]
    measured = {"repeats": {"records": 10}, **PLAIN}
    workspace, recipe = make_workspace({"a.jsonl": rows}, dedupe={"measure": measured}, **SMALL)
    run_all(workspace, recipe)
    assert workspace.manifest(workspace.layer("dedupe"))["cuts"]["rows"] == 0
    texts = [row["text"] for row in released(workspace, workspace.manifest(workspace.releases)["latest"])]
    assert texts.count(documents[20]["text"]) == 1
    assert sum(text.startswith(lines[0]) and lines[5] in text for text in texts) == 1


def test_repeats__of_what_is_left_a_stump_goes(make_workspace: Any, documents: Any) -> None:
    notice = "This page is part of the archive and is kept for reference only by the editors of it."
    rows = [{"id": f"stump-{n}", "text": f"{notice}\n{english(60 + n)[:90]}"} for n in range(12)] + documents
    section = {"measure": {"repeats": {"records": 10}, **PLAIN}}
    for least, gone in ((20, 12), (0, 0)):
        workspace, recipe = make_workspace(
            {"a.jsonl": rows}, dedupe={**section, "rules": {"min_tokens_left": least}}, folder=f"least-{least}"
        )
        run_dedupe(workspace, recipe)
        assert workspace.manifest(workspace.layer("dedupe"))["reasons"].get("dedupe:boilerplate", 0) == gone


def test_substrings__near_duplicates_are_left_to_the_gate(make_workspace: Any) -> None:
    rows = []
    for n in range(8):  # one of each pair may not be released, whichever has the smaller id
        rows += [{"id": f"free-{n}", "text": english(n), "rights": "CC0-1.0"}]
        rows += [{"id": f"kept-{n}", "text": near(english(n), 2), "rights": "LicenseRef-proprietary"}]
    workspace, recipe = make_workspace(
        {"a.jsonl": rows},
        source={"license": "LicenseRef-proprietary", "license_field": "rights"},
        dedupe={"measure": {"substrings": {"tokens": 30}, **PLAIN}},
        gate={"expectations": []},
    )
    run_all(workspace, recipe)
    texts = {row["text"] for row in released(workspace, workspace.manifest(workspace.releases)["latest"])}
    assert texts == {english(n) for n in range(8)}


def test_against__knows_a_record_whose_text_was_redacted_in_the_release(make_workspace: Any) -> None:
    mails = " ".join(f"write to anna.smith{n}@mailhost.com about it" for n in range(4))
    rows = [{"id": f"en-{n}", "text": english(n)[:400] + " " + mails} for n in range(4)]
    first, recipe = make_workspace({"a.jsonl": rows}, folder="first")
    run_all(first, recipe)
    out = released(first, latest := first.manifest(first.releases)["latest"])
    assert len(out) == 4
    assert not [row for row in out if "mailhost" in row["text"]]
    again = [*rows[:3], {"id": "en-3", "text": chinese(3)}]  # another text under the same key is another record
    against = {"against": [{"name": "v1", "path": f"../first/data/releases/{latest}"}], **PLAIN}
    second, recipe = make_workspace({"a.jsonl": again}, folder="second", dedupe={"measure": against})
    run_dedupe(second, recipe)
    assert second.manifest(second.layer("dedupe"))["reasons"] == {"dedupe:published": 3}


def test_against__finds_exact_copies_in_any_crowd(make_workspace: Any) -> None:
    rows = [{"id": str(n), "text": f"{english(1)} number {n} of many"} for n in range(400)]
    sections = {"gate": {"expectations": []}, "release": {"expectations": []}}
    strict = {"measure": {"threshold": 0.99, "group_threshold": 0.98, **PLAIN}}
    first, recipe = make_workspace({"a.jsonl": rows}, folder="first", dedupe=strict, **sections)
    run_all(first, recipe)
    latest = first.manifest(first.releases)["latest"]
    published = {row["id"] for row in released(first, latest)}
    against = {
        "measure": {**strict["measure"], "against": [{"name": "v1", "path": f"../first/data/releases/{latest}"}]}
    }
    # Other keys: nothing but the texts says that they are known.
    renamed = [{"id": f"again-{row['id']}", "text": row["text"]} for row in rows]
    second, recipe = make_workspace({"a.jsonl": renamed}, folder="second", dedupe=against, **sections)
    run_dedupe(second, recipe)
    assert len(published) > 300
    assert second.manifest(second.layer("dedupe"))["reasons"]["dedupe:published"] >= len(published)


def test_semantic__a_link_to_one_of_several_copies_holds_for_all(make_workspace: Any, documents: Any) -> None:
    rows = [{**row, "vector": [float(n == k) for k in range(24)]} for n, row in enumerate(documents)]
    copies = [{**rows[3], "id": f"copy-{n}", "vector": [0.0] * 23 + [float(n + 1)]} for n in range(3)]
    copies[1]["vector"] = rows[20]["vector"]  # the link is with one copy alone
    measured = {"semantic": {"field": "vector"}, **PLAIN}
    workspace, recipe = make_workspace(
        {"a.jsonl": rows + copies}, source={"meta": ["vector"]}, dedupe={"measure": measured}
    )
    run_all(workspace, recipe)
    texts = [row["text"] for row in released(workspace, workspace.manifest(workspace.releases)["latest"])]
    assert (rows[3]["text"] in texts) + (rows[20]["text"] in texts) == 1
    assert len(texts) == len(set(texts))


def test_judgements__are_made_again_when_their_code_changes(
    make_workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, recipe = make_workspace({"a.jsonl": corpus(range(3))}, dedupe={"measure": PLAIN})
    run_dedupe(workspace, recipe)
    folder = workspace.layer("dedupe")
    (workspace.layer("dedupe") / "manifest.json").unlink()
    asked: list[str] = []
    monkeypatch.setattr(layer_module, "code_digest", lambda module, libraries: asked.append(module) or "other code")
    monkeypatch.setattr(layer_module, "checks", lambda rows, rules: pa.table({"new": [True] * len(rows)}))
    run_stage("dedupe", workspace, recipe)
    assert asked
    assert set(workspace.manifest(folder)["reasons"]) == {"dedupe:new"}


def test_dedupe__a_night_after_one_without_any_pair(make_workspace: Any) -> None:
    workspace, recipe = make_workspace({"a.jsonl": [{"id": "a", "text": english(1)}, {"id": "b", "text": chinese(1)}]})
    run_dedupe(workspace, recipe)
    alike = [{"id": f"{n}", "text": f"{english(5)} The end, {n}."} for n in range(3)]
    (workspace.root / "raw" / "a.jsonl").write_text("".join(f"{orjson.dumps(row).decode()}\n" for row in alike))
    said = run_dedupe(workspace, recipe)
    assert len({said[i][0] for i in said if i not in ("links", "unlike")}) == 1
