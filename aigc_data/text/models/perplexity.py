"""How surprising a text is, character by character, to a model of good texts in its language: bits a character.

Models of characters need no tokens, and read every language alike. As a filter of web text: Wenzek et al. 2020
("CCNet", arXiv:1911.00359, section 4.2), there with a 5-gram model of pieces of words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.errors import UsageError
from aigc_data.kernels.charlm import LONGEST, SCALE, read_symbols, score_rows
from aigc_data.kernels.codepoints import TABLES
from aigc_data.text.arrow import text_buffers
from aigc_data.text.models.kneser_ney import fit_symbols
from aigc_data.text.models.model_file import damaged, read_model, write_model

KIND = "character language model"
VERSION = 1


@dataclass(frozen=True)
class Options:
    """How a model is fitted. Raises UsageError for what is out of range."""

    order: int = 4  # longest n-gram, in characters; 5 is slower and tells no more apart (docs/quality_models.md)
    entries: int = 1 << 18  # n-grams of a language that are kept; a table of them takes 32 bytes each or more
    bytes: int = 64 << 20  # UTF-8 bytes of a language that are counted
    min_bytes: int = 20_000  # below which a language gets no model

    def __post_init__(self) -> None:
        checks = {
            "order": 1 <= self.order <= LONGEST,
            "entries": 1 << 8 <= self.entries <= 1 << 26,
            "bytes": 1 <= self.bytes <= 1 << 31,
            "min_bytes": self.min_bytes >= 1,
        }
        for name, good in checks.items():
            if not good:
                raise UsageError(f"{name} is {getattr(self, name)}", expected=f"what Options.{name} allows")


@dataclass(frozen=True)
class LanguageModels:
    """One model a language, in order of their names; arrays are not to be written to."""

    options: Options
    languages: tuple[str, ...]
    tables: tuple[np.ndarray, ...]  # uint64[2^b] each; see kernels.charlm
    unseen: np.ndarray  # int64[languages]: the scaled cost of a character that the reference has not
    facts: dict[str, Any] = field(default_factory=dict)  # JSON: what it was fitted on

    def bits(self, texts: pa.Array | pa.ChunkedArray, langs: Sequence[str] | pa.Array | pa.ChunkedArray) -> np.ndarray:
        """Bits a character (float32[n]); nan where the language has no model, and for texts without characters."""
        if not isinstance(langs, pa.Array | pa.ChunkedArray):
            langs = pa.array(list(langs), pa.string())
        found = pc.index_in(langs.cast(pa.string()), pa.array(self.languages, pa.string()))
        models = pc.fill_null(found, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        out = np.full(len(models), np.nan, np.float32)
        data, offsets = text_buffers(texts)
        for index, table in enumerate(self.tables):
            rows = np.flatnonzero(models == index)
            costs, counts = score_rows(data, offsets, TABLES, rows, table, self.options.order, self.unseen[index])
            out[rows] = np.where(counts > 0, costs / np.maximum(counts, 1) / SCALE, np.nan)
        return out


def fit(
    texts: pa.Array | pa.ChunkedArray,
    langs: Sequence[str] | pa.Array | pa.ChunkedArray,
    *,
    options: Options | None = None,
) -> LanguageModels:
    """Models of n texts, one for each language that has `min_bytes` of them. The order of the rows changes nothing.

    Of a language with more than `bytes` of text, texts are taken in the order of their hashes until there are so many.
    Raises UsageError when no language has enough.
    """
    options = options or Options()
    if not isinstance(langs, pa.Array | pa.ChunkedArray):
        langs = pa.array(list(langs), pa.string())
    if len(texts) != len(langs):
        raise UsageError(f"{len(texts)} texts and {len(langs)} languages", expected="as many")
    table = pa.table({"lang": langs.cast(pa.string()), "text": texts.cast(pa.large_string())})
    table = table.filter(pc.and_(table["lang"].is_valid(), table["text"].is_valid()))
    languages, tables, unseen, facts = [], [], [], {}
    for lang in sorted(pc.unique(table["lang"]).to_pylist()):
        chosen, size = _chosen(table.filter(pc.equal(table["lang"], lang))["text"], options.bytes)
        if size < options.min_bytes:
            facts[lang] = {"bytes": size, "texts": len(chosen), "skipped": "too little text"}
            continue
        model = fit_symbols(read_symbols(*text_buffers(chosen), TABLES), options.order, options.entries)
        languages.append(lang)
        tables.append(model.table)
        unseen.append(model.unseen)
        facts[lang] = {"bytes": size, "texts": len(chosen), "ngrams": model.grams, "ngrams_seen": model.seen}
    if not languages:
        raise UsageError(
            "no language has enough text for a model",
            expected=f"at least {options.min_bytes:,} bytes of texts in one language",
            do="add texts, or lower min_bytes",
        )
    return LanguageModels(options, tuple(languages), tuple(tables), np.array(unseen, np.int64), {"languages": facts})


def save(path: Path, models: LanguageModels) -> None:
    """Write the models: for each language its table (uint64)."""
    arrays = {f"{lang}.table": table for lang, table in zip(models.languages, models.tables, strict=True)}
    facts = {"options": asdict(models.options), "languages": list(models.languages), "facts": models.facts}
    write_model(path, KIND, VERSION, arrays | {"unseen": models.unseen}, facts)


def load(path: Path) -> LanguageModels:
    """The models of a file. Raises UsageError for a file that is none or newer, IntegrityError for damage."""
    arrays, header = read_model(path, KIND, VERSION)
    try:
        named = {f.name for f in fields(Options)} & header["options"].keys()
        options = Options(**{name: header["options"][name] for name in named})
        languages = tuple(header["languages"])
        tables = tuple(arrays[f"{lang}.table"] for lang in languages)
        unseen = arrays["unseen"].astype(np.int64).reshape(len(languages))
        facts = dict(header["facts"])
    except (KeyError, TypeError, ValueError, UsageError) as error:
        raise damaged(path, KIND, f"its parts do not fit together ({type(error).__name__})") from error
    for table in tables:
        # A full table would be searched for ever.
        if table.dtype != np.uint64 or table.ndim != 1 or len(table) & (len(table) - 1) or table.all():
            raise damaged(path, KIND, "a table is not one of 2^b slots with room")
    return LanguageModels(options, languages, tables, unseen, facts)


def _chosen(texts: pa.ChunkedArray, most: int) -> tuple[pa.ChunkedArray, int]:
    """The texts in an order of their own, as many as `most` bytes hold but one at least; and their bytes."""
    # Sorting by text first makes equal hashes harmless; the hash keeps a cut from following the alphabet.
    texts = texts.take(pc.sort_indices(texts))
    sizes = pc.binary_length(texts).to_numpy()
    if sizes.sum() > most:
        order = np.argsort(_hashes(texts), kind="stable")
        keep = order[: max(1, int(np.searchsorted(np.cumsum(sizes[order]), most, side="right")))]
        texts, sizes = texts.take(pa.array(keep)), sizes[keep]
    return texts, int(sizes.sum())


def _hashes(texts: pa.ChunkedArray) -> np.ndarray:
    from xxhash import xxh3_64_intdigest

    # A loop, because Arrow has no hash to offer; some 0.3 µs a text.
    return np.array([xxh3_64_intdigest(text) for text in texts.cast(pa.large_binary()).to_pylist()], np.uint64)
