"""Cut the example corpus: `python scripts/make_examples.py FOLDER [examples/raw]`.

FOLDER holds the collections that examples/SOURCES.md names. The same input gives the same files. What is
written by hand (`nc/`, `unknown/`) is left alone.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import json
import random
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

Record = dict[str, Any]


def read_jsonl(path: Path) -> Iterator[Record]:
    """Records of a .jsonl.zst file."""
    with path.open("rb") as raw, zstandard.ZstdDecompressor().stream_reader(raw) as stream:
        yield from (json.loads(line) for line in io.TextIOWrapper(stream, "utf-8"))


def read_tar(path: Path) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the regular files of an archive."""
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile() and (stream := archive.extractfile(member)):
                yield member.name, stream.read()


def rank(name: str) -> str:
    """A stable shuffle: sort by the digest of the name."""
    return hashlib.sha256(name.encode()).hexdigest()


def write(path: Path, data: str | bytes) -> None:
    """Write bytes or UTF-8 text; .gz is written without a time, .zst at a fixed level."""
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = data.encode() if isinstance(data, str) else data
    if path.suffix == ".gz":
        raw = gzip.compress(raw, 9, mtime=0)
    elif path.suffix == ".zst":
        raw = zstandard.ZstdCompressor(level=19).compress(raw)
    path.write_bytes(raw)


def write_jsonl(path: Path, records: list[Record]) -> None:
    """One JSON object a line."""
    write(path, "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records))


def write_table(path: Path, records: list[Record], delimiter: str) -> None:
    """CSV or TSV with RFC 4180 quoting."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(records[0]), delimiter=delimiter, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(records)
    write(path, out.getvalue())


def up_to(records: list[Any], size: int, length: Any) -> list[Any]:
    """The first records that together stay below `size`."""
    taken, total = [], 0
    for record in records:
        total += length(record)
        if total > size:
            break
        taken.append(record)
    return taken


def english(data: Path, out: Path) -> list[Record]:
    """PEPs, plays, web documents, news at three levels, editions of novels. Returns copies for the mirror."""
    peps = sorted(read_tar(data / "text_en/python_peps.tar.xz"), key=lambda m: rank(m[0]))
    peps = up_to([p for p in peps if 8_000 < len(p[1]) < 45_000], 560_000, lambda p: len(p[1]))
    for name, raw in peps:
        write(out / "peps" / Path(name).name, raw)

    play = gzip.decompress((data / "text_en/tinyshakespeare.txt.gz").read_bytes()).decode()
    speeches, parts = play.split("\n\n"), [""]
    for speech in speeches:
        parts[-1] += speech + "\n\n"
        if len(parts[-1]) > 11_000:
            parts.append("")
    for number, part in enumerate(parts[:24], 1):
        write(out / "shakespeare" / f"part-{number:02}.txt.gz", part.rstrip() + "\n")

    web = [r for r in read_jsonl(data / "text_en/ewt_web_docs.jsonl.zst") if len(r["text"]) > 200]
    write_table(out / "ewt.tsv", [{k: r[k] for k in ("doc_id", "genre", "text")} for r in web], "\t")

    news = sorted(
        read_jsonl(data / "neardup/onestop_english_levels.jsonl.zst"),
        key=lambda r: (rank(r["story"]), r["level"]),
    )
    news = up_to(news, 480_000, lambda r: len(r["text"].encode()))
    write_table(out / "onestop.csv", [{k: r[k] for k in ("story", "level", "text")} for r in news], ",")

    chapters: dict[str, list[Record]] = {}
    for r in read_jsonl(data / "neardup/gutenberg_chapters.jsonl.zst"):
        chapters.setdefault(r["cluster"], []).append(r)
    chosen = sorted((c for c in chapters if len(chapters[c]) >= 3), key=rank)[:25]
    editions = [
        {"id": f"{r['cluster']}@{r['edition']}", **r}
        for c in chosen
        for r in chapters[c][:4]
        if len(r["text"]) < 40_000
    ]
    write_jsonl(out / "gutenberg.jsonl.zst", editions)
    copies = [
        {
            "text": raw.decode(),
            "license": "CC0-1.0",
            "url": f"https://peps.python.org/{Path(name).stem}/",
            "date": "2024-05-01",
        }
        for name, raw in peps[:3]
    ]
    return copies + [{"text": r["text"], "license": "LicenseRef-public-domain"} for r in editions[:2]]


def chinese(data: Path, out: Path) -> list[Record]:
    """OI-wiki, TiDB documents, poetry, simplified/traditional pairs, sayings. Returns some for the mirror."""
    wiki = sorted(read_jsonl(data / "text_zh/oi_wiki.jsonl.zst"), key=lambda r: rank(r["id"]))
    wiki = up_to(
        [r for r in wiki if 3_000 < len(r["text"].encode()) < 40_000],
        780_000,
        lambda r: len(r["text"].encode()),
    )
    for r in wiki:
        write(out / "oi_wiki" / Path(r["id"]).relative_to("docs"), r["text"])

    docs = sorted(read_jsonl(data / "text_zh/tidb_docs_zh.jsonl.zst"), key=lambda r: rank(r["id"]))
    docs = up_to([r for r in docs if not r["id"].startswith(".")], 800_000, lambda r: len(r["text"].encode()))
    write_jsonl(out / "tidb.jsonl.gz", [{"path": r["id"], "text": r["text"]} for r in docs])

    poems = []
    for name, raw in read_tar(data / "text_zh/chinese_poetry_json.tar.xz"):
        for p in json.loads(raw):
            lines = p.get("paragraphs") or p.get("para") or []
            text = "\n".join(lines)
            if len(text) > 60:
                title = p.get("title") or p.get("rhythmic") or p.get("chapter") or ""
                poems.append(
                    {
                        "text": text,
                        "title": title,
                        "author": p.get("author") or "",
                        "part": name.split("/")[0],
                    }
                )
    poems = up_to(sorted(poems, key=lambda p: rank(p["part"] + p["text"])), 330_000, lambda p: len(p["text"].encode()))
    (out / "poetry").mkdir(parents=True, exist_ok=True)
    pq.write_table(
        pa.Table.from_pylist(poems),
        out / "poetry" / "poems.parquet",
        compression="zstd",
        write_page_checksum=True,
        row_group_size=400,
    )

    sentences: dict[str, list[str]] = {"Hans": [], "Hant": []}
    for r in read_jsonl(data / "neardup/zh_wikipedia_hans_hant_pairs.jsonl.zst"):
        sentences[r["script"]].append(r["text"])
    pairs = [
        {"id": f"{script}-{start // 5:03}", "script": script, "text": "\n".join(texts[start : start + 5])}
        for script, texts in sentences.items()
        for start in range(0, 300, 5)
    ]
    write_jsonl(out / "hans_hant.jsonl", pairs)

    sayings = sorted(read_jsonl(data / "text_zh/fortunes_zh.jsonl.zst"), key=lambda r: rank(str(r["id"])))
    sayings = up_to([r for r in sayings if len(r["text"]) > 80], 70_000, lambda r: len(r["text"].encode()))
    write_jsonl(out / "fortunes.jsonl.zst", [{"text": r["text"]} for r in sayings])
    copies = [{"text": r["text"], "license": "CC-BY-SA-4.0", "url": None, "date": "2024-06-01"} for r in wiki[:3]]
    return [*copies, {"text": docs[0]["text"], "license": "CC-BY-SA-3.0"}]


def web(data: Path, out: Path) -> None:
    """Help pages in both languages, a guide for several machines, extraction tests, one WARC and its WET."""
    pages: dict[str, dict[str, str]] = {}
    for r in read_jsonl(data / "text_html/libreoffice_help_en_zh.jsonl.zst"):
        if 4_000 < len(r["html"]) < 16_000:
            pages.setdefault(r["id"], {})[r["lang"]] = r["html"]
    for name in sorted((p for p in pages if len(pages[p]) == 2), key=rank)[:10]:
        for lang, html in pages[name].items():
            write(out / "help" / lang / name, html)

    sections: dict[str, list[Record]] = {}
    for r in read_jsonl(data / "neardup/install_guide_html.jsonl.zst"):
        sections.setdefault(r["cluster"], []).append(r)
    for lang in ("en|", "zh_CN|"):
        full = [
            c
            for c in sections
            if c.startswith(lang) and len(sections[c]) >= 4 and 5_000 < len(sections[c][0]["html"]) < 14_000
        ]
        for cluster in sorted(full, key=rank)[:4]:
            for r in sections[cluster]:
                write(out / "guide" / r["id"], r["html"])

    made_up = [
        "003-metadata-preferred",
        "basic-tags-cleaning",
        "base-url",
        "normalize-spaces",
        "remove-extra-brs",
        "remove-script-tags",
        "replace-brs",
        "rtl-1",
        "replace-font-tags",
        "missing-paragraphs",
        "social-buttons",
        "visibility-hidden",
    ]
    for name, raw in read_tar(data / "text_html/readability_pages.tar.xz"):
        folder, _, file = name.removeprefix("./").rpartition("/")
        if file == "source.html" and folder in made_up:
            write(out / "readability" / f"{folder}.html", raw)
    for name in ("whirlwind.warc.gz", "whirlwind.warc.wet.gz"):
        (out / "crawl").mkdir(parents=True, exist_ok=True)
        (out / "crawl" / name).write_bytes((data / "text_html" / name).read_bytes())


def personal(data: Path, out: Path) -> None:
    """Synthetic English sentences five to a record, and invented Chinese letters."""
    rows = [r["full_text"] for r in read_jsonl(data / "pii/presidio_synth_v2.jsonl.zst")]
    rows.sort(key=rank)
    records = [{"id": f"synth-{i // 5:03}", "text": " ".join(rows[i : i + 5])} for i in range(0, 400, 5)]
    write_jsonl(out / "presidio.jsonl", records)
    write_jsonl(out / "letters_zh.jsonl", [letter(k) for k in range(40)])


# Card numbers that payment providers publish for tests; addresses of RFC 2606 and RFC 5737.
CARDS = [
    "4111111111111111",
    "4242424242424242",
    "5555555555554444",
    "5105105105105100",
    "4012888888881881",
    "6200000000000005",
    "6011111111111117",
    "3530111333300000",
]
PEOPLE = [
    "赵安之",
    "钱若水",
    "孙一鸣",
    "李清禾",
    "周望舒",
    "吴知行",
    "郑见山",
    "王听雨",
    "冯南星",
    "陈半夏",
    "褚云起",
    "卫长风",
]
CITIES = ["北京市东城区", "上海市静安区", "广州市越秀区", "成都市锦江区", "西安市碑林区", "杭州市西湖区"]
TOPICS = (
    "上周寄来的显微镜少了一片载物台夹子，目镜上也有划痕，请安排换货或者补寄配件",
    "我想把下个月的体检改到月底的星期五上午，同行的还有我的父亲，他需要轮椅和一位护工",
    "社区图书馆的借书证到期了，续办时系统提示资料不全，请告诉我还缺哪一份材料",
    "我们学校打算借用体育馆办一场羽毛球比赛，大约六十人参加，希望周末两天都能用",
    "老房子的燃气表读数和账单对不上，三月份多算了四十多立方，请派人上门核对",
    "昨天在高铁上遗失了一只灰色的双肩包，里面有笔记本电脑和几本专业书，车次见附件",
    "报名的书法班换了老师，上课时间和我上班冲突，想转到晚上的篆刻班，差价可以补",
    "网上买的茶叶包装破损，茶叶受潮，味道明显不对，希望退货退款，运费由商家承担",
    "申请的公租房已经排到号了，可是短信里的看房时间是工作日，能不能改到星期六下午",
    "孩子转学需要开具学籍证明，原来的班主任已经退休，请问应该找哪个科室办理",
)
CLOSINGS = (
    "如果白天打不通，请在晚上七点以后再联系，谢谢。",
    "收到以后麻烦回一封邮件确认，辛苦各位。",
    "资料仅用于办理这一件事，请不要转给别的部门。",
    "如需补充材料请直接告知，我会尽快送到窗口。",
)
AREAS = ("110101", "310106", "440104", "510104", "610103", "330106")
LOGIN = "登录地址显示为 {ip}，"


def letter(k: int) -> Record:
    """An invented letter to a help desk. Its resident number has a valid checksum, born 1901–1909."""
    r = random.Random(k)
    who, city = r.randrange(len(PEOPLE)), r.randrange(len(CITIES))
    born = f"190{r.randrange(1, 10)}{r.randrange(1, 13):02}{r.randrange(1, 29):02}"
    body = f"{AREAS[city]}{born}{r.randrange(1, 999):03}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    number = body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]
    phone = f"{r.choice(('138', '139', '186'))}0000{r.randrange(10_000):04}"
    facts = [
        f"我的身份证号是{number}，",
        f"手机号是{phone}，",
        f"邮箱是reader{k:02}@example.com，",
        f"付款用的银行卡号为{r.choice(CARDS)}，",
        LOGIN.format(ip=f"203.0.113.{r.randrange(1, 255)}"),
    ]
    known = "".join(facts[i] for i in sorted(r.sample(range(len(facts)), r.randrange(2, 5))))
    first, second = r.sample(TOPICS, 2)
    text = (
        f"您好，我叫{PEOPLE[who]}，住在{CITIES[city]}。{first}。{known}请按这些资料核对。"
        f"另外还有一件事想一并咨询：{second}。{r.choice(CLOSINGS)}"
    )
    return {"id": f"letter-{k:02}", "text": text}


def foreign(data: Path, out: Path) -> None:
    """The declaration of human rights in four languages, and texts whose encoding was mistaken once."""
    wanted = {"eng", "cmn_hans", "cmn_hant", "deu", "rus"}
    for name, raw in read_tar(data / "lid/udhr_unicode.tar.xz"):
        code = Path(name).stem
        if code in wanted:
            write(out / "udhr" / f"{code}.txt", raw)
    texts = [r["text"] for r in read_jsonl(data / "text_zh/oi_wiki.jsonl.zst")][100:103]
    garbled = [{"text": t[:600].encode().decode("latin-1")} for t in texts]
    curly = "The editor’s note said “do not trust the encoding that a page declares” — and it was right. "
    more = "Quotes, dashes and accents such as café and naïve suffer first; the rest of the sentence survives. "
    garbled.append({"text": (curly + more * 2).encode().decode("cp1252", "ignore")})
    write_jsonl(out / "mojibake.jsonl", garbled)


def broken(out: Path) -> None:
    """Input that ends in quarantine, some rows of it in base."""
    good = "This file is sound up to the place where it was cut on purpose.\n"
    write(
        out / "bad_utf8.txt",
        "前半段是好的 UTF-8，".encode() + b"\xff\xfe\xc3\x28" + "后半段也是。\n".encode(),
    )
    packed = gzip.compress((good * 200 + rank("noise") * 50).encode(), 9, mtime=0)
    write(out / "truncated.txt.gz.cut", packed[: len(packed) // 2])
    (out / "truncated.txt.gz.cut").rename(out / "truncated.txt.gz")
    lines = "".join(
        json.dumps(
            {"text": f"Line {n} of a stream that breaks off. 第 {n} 行，数据流在后面断开。{rank(str(n))}"},
            ensure_ascii=False,
        )
        + "\n"
        for n in range(400)
    )
    packed = gzip.compress(lines.encode(), 9, mtime=0)
    write(out / "truncated.jsonl.cut", packed[: len(packed) * 2 // 3])
    (out / "truncated.jsonl.cut").rename(out / "truncated.jsonl.gz")
    write(
        out / "malformed.jsonl",
        '{"text": "A sound record before the malformed one."}\n{"text": "the quote never closes}\n'
        '{"text": NaN}\n["not", "an", "object"]\n{"body": "no text field"}\n{"text": 42}\n\n'
        '{"text": "坏行之后的好记录，照样要读出来。"}\n{"text": "lone \\ud800 surrogate"}\n',
    )
    write(out / "empty.txt", b"")
    write(out / "notes.xyz", "A suffix that no reader knows.\n")
    write(out / "wrong_width.csv", "id,text\n1,a sound row\n2,one,field too many\n3\n")


def main() -> None:
    """Cut everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path, nargs="?", default=Path(__file__).parent.parent / "examples/raw")
    args = parser.parse_args()
    mirror = english(args.data, args.out) + chinese(args.data, args.out)
    fields = ("text", "license", "url", "date")
    write_jsonl(args.out / "mirror.jsonl", [{f: r.get(f) for f in fields} for r in mirror])
    web(args.data, args.out)
    personal(args.data, args.out)
    foreign(args.data, args.out)
    broken(args.out / "broken")


if __name__ == "__main__":
    main()
