"""A tiny release, built by hand as the release stage lays it out."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from aigc_data.train.release import Document

ENGLISH = (
    "The quick brown fox jumps over the lazy dog, and the dog does not mind at all. ",
    "Data is the key to every model that writes, draws or speaks. ",
    "A release is a folder of shards with one digest for each of them. ",
)
CHINESE = (
    "数据是生成式人工智能的关键，没有好的数据就没有好的模型。",
    "春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。",
    "每一个发布版本都有清单，清单里写着每个文件的摘要。",
)


def document(n: int) -> Document:
    texts, lang = (ENGLISH, "en") if n % 2 else (CHINESE, "zh")
    text = f"{n}. " + "".join(texts[(n + k) % 3] for k in range(4))
    return Document(hashlib.sha256(text.encode()).hexdigest()[:32], text, lang, "hand")


def write_shard(folder: Path, name: str, documents: Sequence[Document], split: str) -> dict:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {
        "id": pa.array([d.id for d in documents], pa.string()),
        "text": pa.array([d.text for d in documents], pa.large_string()),
        "lang": pa.array([d.lang for d in documents], pa.string()),
        "source": pa.array([d.source for d in documents], pa.string()),
        "split": pa.array([split] * len(documents), pa.string()),
    }
    pq.write_table(pa.table(columns), path, compression="zstd", write_page_checksum=True)
    raw = path.read_bytes()
    return {
        "sha256": hashlib.sha256(raw).hexdigest(),
        "rows": len(documents),
        "bytes": len(raw),
        "split": split,
    }


def write_release(
    folder: Path, shards: Sequence[tuple[str, Sequence[Document]]], *, release_id: str = "ab" * 32
) -> Path:
    """`shards`: (split, documents) each."""
    files = {
        f"{split}/{n:05}.parquet": write_shard(folder, f"{split}/{n:05}.parquet", documents, split)
        for n, (split, documents) in enumerate(shards)
    }
    manifest = {
        "id": "ab" * 32,
        "rows": sum(f["rows"] for f in files.values()),
        "files": files,
        "recipe": {"digest": "cd" * 32},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder
