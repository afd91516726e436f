"""Contamination: which items of evaluation sets a text holds, by shared shingles.

Each item of a set is cut into shingles of `ngram` tokens; a record holds an item to the extent of the distinct
shingles of the item that stand in it (containment, Broder 1997, section 2). Two verdicts are usual, and both can be
read off a hit: any shared shingle, or a containment from 0.8.

Choices, and where they come from:

- 13 tokens: GPT-3 (Brown et al. 2020, arXiv:2005.14165, appendix C) and DCLM take 13-grams, datatrove 12
  (`NGramsDecontConfig.n_grams`), PaLM (Chowdhery et al. 2022, section 8) 8-grams of which 70 % must be found.
- 0.8: Llama 2 (Touvron et al. 2023, arXiv:2307.09288, appendix A.6) calls a sample dirty from 80 % of its tokens.
- 8 tokens at least: GPT-3 shortens N to the length of short items, but not below 8, because of spurious hits.

Tokens are those of the package (folded words, one Han character), so case, width, punctuation, spaces and line
breaks do not matter. 13 Han characters are some eight words: a Chinese shingle says less than an English one, and
needs the containment more.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.columns import CONTAMINATION
from aigc_data.errors import IntegrityError
from aigc_data.kernels import codepoints
from aigc_data.kernels.contamination import anchor_filter, item_shingles, shared_items
from aigc_data.text.arrow import strings_from, text_buffers

#: A shingle that more items hold is a phrase of the set's template; see `contamination`.
COMMON = 256
#: Keys that a word of a filter holds on the average at most: three bits of 64 for each let 0.5 % of others through.
KEYS_A_WORD = 4
_FORMAT = 1


@dataclass(frozen=True)
class Index:
    """What records are looked up in: read-only numpy arrays, which workers can map from one folder.

    h distinct shingle keys over m items; items are numbered by (size, set, item). `parameters` is (format, ngram,
    min_tokens, fold_han, common). `set_counts` has for each set the items that are looked for and those that are too
    short. Strings are UTF-8 bytes and offsets.
    """

    parameters: np.ndarray  # int64[5]
    lengths: np.ndarray  # int64[]: shingle lengths in use
    keys: np.ndarray  # uint64[h], sorted
    starts: np.ndarray  # int64[2^b + 1]: the first key whose b highest bits are at least so much
    filter: np.ndarray  # uint64[2^c]: anchors of items with shingles of `ngram` tokens
    short_filter: np.ndarray  # uint64[2^d]: anchors of shorter items
    list_offsets: np.ndarray  # int64[h + 1]
    listed: np.ndarray  # int32[]: the items of each key
    common_offsets: np.ndarray  # int64[m + 1]
    common: np.ndarray  # int32[]: the common keys of each item
    sizes: np.ndarray  # int32[m]: distinct shingles of each item
    name_ranks: np.ndarray  # int32[m]: order by (set, item)
    set_numbers: np.ndarray  # int32[m]
    item_data: np.ndarray  # uint8[]
    item_offsets: np.ndarray  # int64[m + 1]
    set_data: np.ndarray  # uint8[]
    set_offsets: np.ndarray  # int64[s + 1]
    set_counts: np.ndarray  # int64[s, 2]

    @property
    def ngram(self) -> int:
        """Tokens in a shingle."""
        return int(self.parameters[1])

    def sets(self) -> dict[str, dict[str, int]]:
        """Per set the `items` that are looked for and those that are `too_short` for it, by names in order."""
        names = strings_from(self.set_data, self.set_offsets).to_pylist()
        counts = self.set_counts.tolist()
        return {name: {"items": n, "too_short": short} for name, (n, short) in zip(names, counts, strict=True)}

    def save(self, folder: Path) -> None:
        """Write one .npy file a field into `folder`, which is made; the same index gives the same bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        for field in fields(self):
            np.save(folder / f"{field.name}.npy", getattr(self, field.name), allow_pickle=False)


def load(folder: Path) -> Index:
    """The index that `Index.save` wrote, its files mapped and not read.

    Raises IntegrityError when a file is missing or cut short, or when the format is another one.
    """
    loaded = {}
    for field in fields(Index):
        path = folder / f"{field.name}.npy"
        try:
            # asarray: kernels are compiled for arrays, of which a memmap is a subclass.
            loaded[field.name] = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
        except (OSError, ValueError, EOFError) as error:
            raise IntegrityError(
                f"{path.name} of the contamination index cannot be read ({type(error).__name__})",
                expected="the files that one build wrote",
                do=f"delete {folder.name}/ and build the index again",
            ) from error
    if loaded["parameters"][0] != _FORMAT:
        raise IntegrityError(
            f"a contamination index of format {loaded['parameters'][0]}",
            expected=f"format {_FORMAT}",
            do=f"delete {folder.name}/ and build the index again",
        )
    return Index(**loaded)


def build_index(
    items: pa.Table, *, ngram: int = 13, min_tokens: int = 8, fold_han: bool = False, common: int = COMMON
) -> Index:
    """The index of evaluation items: columns `set`, `item` and `text`, rows in any order.

    An item with fewer than `ngram` tokens is one shingle of all of them; one with fewer than `min_tokens` is not looked
    for, but counted in `Index.sets`: "What is AI?" stands in too many texts to say anything. `fold_han` makes
    traditional and simplified Chinese the same. `common` bounds the work that a shingle of many items makes.
    """
    data, offsets = text_buffers(items["text"])
    tables = codepoints.tables(fold_han)
    keys, rows, widths = item_shingles(data, offsets, tables, ngram, min_tokens)
    sizes = np.diff(rows)
    set_names, set_numbers = _ranked(items["set"])
    _, item_ranks = _ranked(items["item"])
    used = np.flatnonzero(widths)
    least = keys[rows[used]]  # settles the order of items of one name and size
    used = used[np.lexsort([least, item_ranks[used], set_numbers[used], sizes[used]])]
    number = np.zeros(len(widths), np.int64)
    number[used] = np.arange(len(used))

    distinct, list_offsets, listed = _lists(keys, np.repeat(number, sizes))
    common_offsets, common_keys = _common(list_offsets, listed, len(used), common)
    lengths = np.unique(widths[used])
    filters = []
    for own, anchor, _ in _groups(lengths, ngram):
        mine = np.isin(widths, own)
        anchors = int((sizes[mine] + widths[mine] - anchor).sum())
        filters.append(anchor_filter(data, offsets, tables, widths, own, anchor, 1 << _bits(anchors)))
    bits = _bits(len(distinct))
    buckets = np.arange(1 << bits, dtype=np.uint64)
    by_name = np.lexsort([item_ranks[used], set_numbers[used]])
    name_ranks = np.empty(len(used), np.int64)
    name_ranks[by_name] = np.arange(len(used))
    looked_for = np.bincount(set_numbers[used], minlength=len(set_names))
    given = np.bincount(set_numbers, minlength=len(set_names))
    item_data, item_offsets = text_buffers(items["item"].take(pa.array(used)))
    set_data, set_offsets = text_buffers(set_names)
    arrays = Index(
        parameters=np.array([_FORMAT, ngram, min_tokens, fold_han, common], np.int64),
        lengths=lengths,
        keys=distinct,
        starts=np.append(np.searchsorted(distinct, buckets << np.uint64(64 - bits)), len(distinct)).astype(np.int64),
        filter=filters[0],
        short_filter=filters[1],
        list_offsets=list_offsets,
        listed=listed,
        common_offsets=common_offsets,
        common=common_keys,
        sizes=sizes[used].astype(np.int32),
        name_ranks=name_ranks.astype(np.int32),
        set_numbers=set_numbers[used].astype(np.int32),
        item_data=item_data,
        item_offsets=item_offsets,
        set_data=set_data,
        set_offsets=set_offsets,
        set_counts=np.stack([looked_for, given - looked_for], axis=1).astype(np.int64),
    )
    for field in fields(arrays):
        getattr(arrays, field.name).setflags(write=False)
    return arrays


def contamination(texts: pa.Array | pa.ChunkedArray, index: Index, *, most: int = 20) -> pa.ListArray:
    """For each text the items of which it holds at least one shingle: columns.CONTAMINATION, `[]` for none.

    `hits` counts the distinct shingles of the item that stand in the text, `containment` is their share of all distinct
    shingles of the item. Best first: by containment, hits, set, item; `most` at most. A text with fewer tokens than an
    item's shingles holds none of them: a fragment of an item is no hit.

    Both numbers are exact for every item that is reported. Linear in the text: a shingle that more than `common` items
    hold (`build_index`) finds the `common` smallest of them alone, so that a text costs at most so many steps for each
    distinct shingle that hits, and not 50,000 for a template's. Missed is thus an item all of whose shingles
    in the text are held by `common` smaller items each.
    """
    if most < 1:
        raise ValueError(f"most is {most}, expected 1 or more")
    if not len(index.lengths):
        return pa.array([[]] * len(texts), CONTAMINATION)
    groups = _groups(index.lengths, index.ngram)
    rows, found, hits = shared_items(
        *text_buffers(texts),
        codepoints.tables(bool(index.parameters[3])),
        tuple((*group, words) for group, words in zip(groups, (index.filter, index.short_filter), strict=True)),
        (index.keys, index.starts),
        (index.list_offsets, index.listed, index.common_offsets, index.common),
        (index.sizes, index.name_ranks),
        int(index.parameters[4]),
        most,
    )
    places = pa.array(found)
    sets = strings_from(index.set_data, index.set_offsets).take(pa.array(index.set_numbers[found]))
    items = strings_from(index.item_data, index.item_offsets).take(places)
    containment = (hits / index.sizes[found]).astype(np.float32)
    columns = [sets.cast(pa.string()), items.cast(pa.string()), pa.array(hits), pa.array(containment)]
    return pa.ListArray.from_arrays(
        pa.array(rows.astype(np.int32)),
        pa.StructArray.from_arrays(columns, fields=list(CONTAMINATION.value_type)),
        type=CONTAMINATION,
    )


def _groups(lengths: np.ndarray, ngram: int) -> list[tuple[np.ndarray, int, int]]:
    """(lengths, anchor, stride) of full shingles and of shorter ones.

    The shortest length of a group is `anchor + stride - 1`. The longer the anchor, the rarer it is met by chance; the
    longer the stride, the fewer are looked up.
    """
    full, short = lengths[lengths == ngram], lengths[lengths < ngram]
    least = int(short[0]) if len(short) else 1
    groups = []
    for own, shortest, stride in ((full, ngram, max(ngram // 2, 1)), (short, least, max((least + 1) // 3, 1))):
        own = np.ascontiguousarray(own)
        own.setflags(write=False)
        groups.append((own, shortest - stride + 1, stride))
    return groups


def _bits(keys: int) -> int:
    return max(10, (keys // KEYS_A_WORD).bit_length())


def _lists(keys: np.ndarray, items: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(distinct keys sorted, offsets int64[h + 1], items int32[]): the items of each key in order."""
    distinct, key_of, counts = np.unique(keys, return_inverse=True, return_counts=True)
    pairs = key_of.astype(np.uint64) << np.uint64(32) | items.astype(np.uint64)
    pairs.sort()
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return distinct, offsets, pairs.astype(np.uint32).astype(np.int32)


def _common(offsets: np.ndarray, listed: np.ndarray, items: int, common: int) -> tuple[np.ndarray, np.ndarray]:
    """(offsets int64[items + 1], keys int32[]): of each item the keys that more than `common` items hold."""
    lengths = np.diff(offsets)
    key_of = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    many = np.repeat(lengths > common, lengths)
    owners, key_of = listed[many], key_of[many]
    order = np.argsort(owners, kind="stable")
    counts = np.bincount(owners, minlength=items)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), key_of[order]


def _ranked(names: pa.ChunkedArray) -> tuple[pa.Array, np.ndarray]:
    """The distinct names in order of their UTF-8 bytes, and the place of each row's name among them (int64[n])."""
    if not len(names):
        return pa.array([], pa.string()), np.zeros(0, np.int64)
    distinct = pc.unique(names).sort()
    return distinct, pc.index_in(names, distinct).to_numpy().astype(np.int64)
