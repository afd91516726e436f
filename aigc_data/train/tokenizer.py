"""Byte-level BPE: any text in, the same bytes out; learned from the train split alone.

The end-of-text token is no entry of the tokenizer: it is the id one past its last, so that no text can spell it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from aigc_data.errors import TrainError
from aigc_data.train.release import Document

#: Text beyond this teaches a vocabulary of ≤ 65,536 little, and counting it takes memory.
SAMPLE_BYTES = 64 << 20
#: Longer tokens are rulers and tables ("======"), not language.
LONGEST_TOKEN = 32


def train_tokenizer(documents: Iterable[Document], *, vocab_size: int, text_bytes: int) -> Tokenizer:
    """Learn at most `vocab_size - 1` tokens (one id is left for end-of-text) from `documents`.

    Deterministic without a seed: BPE counts words, so the order of documents is nothing to it, and equal counts are
    merged in order of token ids, which start as the 256 byte symbols. Of more than 64 MiB (`text_bytes` is what
    there is) the documents with the smallest hashed ids are taken, whatever shard they stand in.
    (Sennrich et al. 2016, arXiv:1508.07909; the byte alphabet is GPT-2's.)
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - 1,
        min_frequency=2,
        show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        max_token_length=LONGEST_TOKEN,
    )
    share = 1.0 if text_bytes <= SAMPLE_BYTES else SAMPLE_BYTES / text_bytes
    tokenizer.train_from_iterator((d.text for d in documents if document_key(d.id) < share * 2**64), trainer)
    return tokenizer


def load_tokenizer(path: Path, *, digest: str) -> Tokenizer:
    """Read a saved tokenizer. Raises TrainError when the file is missing or is not the one with this SHA-256."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise TrainError(
            f"{path} cannot be read ({error.strerror})",
            expected="the run's tokenizer",
            do="train the run again",
        ) from error
    if (seen := hashlib.sha256(raw).hexdigest()) != digest:
        raise TrainError(f"{path} has SHA-256 {seen}", expected=digest, do="train the run again")
    return Tokenizer.from_str(raw.decode())


def tokenizer_digest(tokenizer: Tokenizer) -> str:
    """SHA-256 (hex) of the tokenizer's JSON, which is what stands in the run's tokenizer.json."""
    return hashlib.sha256(tokenizer.to_str(pretty=False).encode()).hexdigest()


def end_of_text(tokenizer: Tokenizer) -> int:
    """Id of the token that parts documents; a model over this tokenizer has this many ids and one."""
    return tokenizer.get_vocab_size()


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> list[np.ndarray]:
    """Ids of each text without end-of-text, as uint16 (uint32 where the ids need it)."""
    dtype = token_dtype(tokenizer)
    return [np.asarray(e.ids, dtype=dtype) for e in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]


def token_dtype(tokenizer: Tokenizer) -> np.dtype:
    """The smallest of uint16 and uint32 that holds every id, end-of-text included."""
    return np.dtype(np.uint16 if end_of_text(tokenizer) < 2**16 else np.uint32)


def token_bytes(tokenizer: Tokenizer) -> list[bytes]:
    """The bytes of each id; end-of-text, the last, has none."""
    table = {symbol: byte for byte, symbol in _byte_symbols()}
    names = (tokenizer.id_to_token(i) or "" for i in range(end_of_text(tokenizer)))
    return [bytes(table[symbol] for symbol in name) for name in names] + [b""]


def document_key(record_id: str) -> int:
    """64 uniform bits of a record id: what orders and samples documents, so that layout in shards does not."""
    return int.from_bytes(hashlib.sha256(record_id.encode()).digest()[:8], "little")


def _byte_symbols() -> Iterator[tuple[int, str]]:
    """GPT-2's printable stand-in for each byte: itself where printable, else the next code point from 256 on."""
    printable = {
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    }
    spare = 256
    for byte in range(256):
        yield byte, chr(byte if byte in printable else spare)
        spare += byte not in printable
