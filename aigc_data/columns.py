"""Names and Arrow types of every column, in one place.

On disk a layer's columns are called `stage.column`; in code a stage sees its own columns under bare names.
Text is `large_string` everywhere: kernels read 64-bit offsets, and one shard may exceed 2 GiB of text only by accident.
"""

from __future__ import annotations

import pyarrow as pa

TEXT = pa.large_string()

#: What ingest writes: one immutable row a record.
BASE = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),  # 32 hex digits, see hashing.record_id
        pa.field("sha256", pa.string(), nullable=False),  # content digest of the raw record
        pa.field("text", TEXT),
        pa.field("source", pa.string(), nullable=False),
        pa.field("locator", pa.string(), nullable=False),  # where in which file; never part of the identity
        pa.field("url", pa.string()),
        pa.field("license_declared", pa.string()),
        pa.field(
            "rights", pa.string()
        ),  # JSON object: licence links and opt-outs as the page or its server states them
        pa.field("created", pa.string()),  # ISO 8601 as the source states it
        pa.field("meta", pa.string()),  # JSON object of the remaining fields that the recipe asks for
    ]
)

#: What a reader yields, before ingest has given it an id.
RAW = pa.schema(
    [
        pa.field("key", pa.string()),  # the record's own key, null where it has none
        *[BASE.field(n) for n in ("sha256", "text", "locator", "url", "license_declared", "rights", "created", "meta")],
    ]
)

#: What could not be read: one row a lost record or byte range.
QUARANTINE = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),  # path relative to the source's root
        pa.field("position", pa.string(), nullable=False),  # "line 12", "byte 4096-8191", "record 3", "file"
        pa.field("reason", pa.string(), nullable=False),  # short slug: "bad-json", "bad-utf8", "truncated", …
        pa.field("detail", pa.string(), nullable=False),  # what was seen, without raw content
        pa.field("id", pa.string()),  # these three for key collisions alone
        pa.field("sha256", pa.string()),
        pa.field("fields", pa.string()),  # digest of url, licence, rights, date and meta
    ]
)

SPAN = pa.struct(
    [
        pa.field("kind", pa.string()),
        pa.field("start", pa.int64()),  # code points into the text that was scanned
        pa.field("end", pa.int64()),
        pa.field("validator", pa.string()),  # what confirmed it: "mod11-2", "luhn", "numbering-plan", "syntax", …
        pa.field("confidence", pa.int16()),  # 0..100
    ]
)

#: Whole lines, or runs of lines, of a text.
LINES_OF = pa.list_(
    pa.struct([pa.field("lang", pa.string()), pa.field("start", pa.int64()), pa.field("end", pa.int64())])
)

#: Shares of a text's letters by language, the largest first.
SHARES = pa.list_(pa.struct([pa.field("lang", pa.string()), pa.field("share", pa.float32())]))

#: What was cut out of a text: in order, without overlaps; positions are code points.
CUTS = pa.list_(
    pa.struct(
        [
            pa.field("kind", pa.string()),  # clean: "boilerplate" | "policy" | "repeated"; dedupe: "line" | …
            pa.field("start", pa.int64()),
            pa.field("end", pa.int64()),
        ]
    )
)

CLEAN = pa.schema(
    [
        pa.field("text", TEXT, nullable=False),
        pa.field(
            "chars", pa.int64(), nullable=False
        ),  # code points of the text: what judges "empty" without opening it
        pa.field("lang", pa.string(), nullable=False),  # ISO 639-1/3, "und" when nothing can be said
        pa.field("lang_score", pa.float32(), nullable=False),  # 0..1
        pa.field("script", pa.string(), nullable=False),  # "Hans", "Hant", "Han", "Latn", …, "Zyyy" for none
        pa.field("zh_share", pa.float32(), nullable=False),  # Han code points / letters
        pa.field("lang_shares", SHARES, nullable=False),  # from 0.05 of the letters on; [] without letters
        pa.field("lang_lines", LINES_OF, nullable=False),  # runs of lines, code points; [] where one language is all
        pa.field("lang_vote", pa.string(), nullable=False),  # py3langid's opinion where it was asked, "" elsewhere
        pa.field(
            "changed", pa.list_(pa.string()), nullable=False
        ),  # names of the rules that changed the text; [] for none
        pa.field("cuts", CUTS, nullable=False),  # lines of the BASE text that were cut; [] for none
        pa.field("replacement_share", pa.float32(), nullable=False),  # U+FFFD and 锟斤拷-like characters / characters
        pa.field("lang_second", pa.string(), nullable=False),  # langdetect's opinion on the sample, "" when not sampled
    ]
)

DEDUPE_SKETCH = pa.schema(
    [
        pa.field("exact_hi", pa.uint64(), nullable=False),  # 128-bit hash of the normalised text
        pa.field("exact_lo", pa.uint64(), nullable=False),
        pa.field("tokens", pa.int64(), nullable=False),
        pa.field("shingles", pa.int64(), nullable=False),
        # Little-endian uint32 keys and uint8 values, as many as the recipe's bands ask for: one length for all rows.
        pa.field("link_bands", pa.binary(), nullable=False),
        pa.field("group_bands", pa.binary(), nullable=False),
        pa.field("sig8", pa.binary(), nullable=False),  # the low 8 bits of each MinHash value
    ]
)

#: Pairs of ranks (a < b) that one partition of the band keys proposes; `kind` is bits of text.dedupe.EXACT, LINK,
#: GROUP.
DEDUPE_CANDIDATES = pa.schema(
    [
        pa.field("a", pa.uint64(), nullable=False),
        pa.field("b", pa.uint64(), nullable=False),
        pa.field("kind", pa.uint8(), nullable=False),
        pa.field("estimate", pa.float32(), nullable=False),  # Jaccard similarity estimated from sig8
    ]
)

#: Verified pairs of ranks (a < b); LINKS with ids in place of ranks.
DEDUPE_LINKS = pa.schema(
    [
        pa.field("a", pa.uint64(), nullable=False),
        pa.field("b", pa.uint64(), nullable=False),
        pa.field("similarity", pa.float32(), nullable=False),
        pa.field("method", pa.string(), nullable=False),
    ]
)

#: Evaluation items of which a record holds at least one shingle, the best first.
CONTAMINATION = pa.list_(
    pa.struct(
        [
            pa.field("set", pa.string()),
            pa.field("item", pa.string()),
            pa.field("hits", pa.int32()),  # distinct shingles shared
            pa.field("containment", pa.float32()),  # hits / distinct shingles of the item
        ]
    )
)

DEDUPE = pa.schema(
    [
        pa.field("cluster", pa.string(), nullable=False),  # smallest id of the component of verified links
        pa.field("group", pa.string(), nullable=False),  # smallest id of the component at the looser similarity
        pa.field("exact", pa.string(), nullable=False),  # smallest id among exact copies (itself when alone)
        pa.field("cuts", CUTS, nullable=False),  # of `clean.text`: "line" | "paragraph" | "substring"
        pa.field("tokens_left", pa.int64(), nullable=False),  # of the text without its cuts
        pa.field("contamination", CONTAMINATION, nullable=False),
        pa.field("published_in", pa.string(), nullable=False),  # name of the earlier release, "" for none
        pa.field("published_as", pa.string(), nullable=False),  # id of the most similar record there, "" for none
        pa.field("published_similarity", pa.float32(), nullable=False),  # to that record, 0 for none
    ]
)

LINKS = pa.schema(
    [
        pa.field("a", pa.string(), nullable=False),
        pa.field("b", pa.string(), nullable=False),
        pa.field("similarity", pa.float32(), nullable=False),
        pa.field("method", pa.string(), nullable=False),  # "exact" | "jaccard" | "estimate" | "semantic"
    ]
)

PII = pa.schema(
    [
        pa.field("spans", pa.list_(SPAN), nullable=False),  # in order, without overlaps; [] for none
        pa.field(
            "tokens", pa.int64(), nullable=False
        ),  # of the text that was scanned: what density is measured against
    ]
)

LICENSE = pa.schema(
    [
        pa.field("license", pa.string(), nullable=False),  # SPDX expression that counts, or "NOASSERTION"
        pa.field("license_class", pa.string(), nullable=False),  # see text.licenses.CLASSES
        pa.field("declared", pa.string(), nullable=False),  # what the source declares, normalised; or "NOASSERTION"
        pa.field("detected", pa.string(), nullable=False),  # expression found in the content, "" for none
        pa.field("conflict", pa.bool_(), nullable=False),  # declared and detected disagree
        pa.field("evidence", pa.string(), nullable=False),  # "declared" | "detected" | "both" | "none"
        pa.field("notice_start", pa.int64(), nullable=False),  # code points into the text, -1 when nothing was detected
        pa.field("notice_end", pa.int64(), nullable=False),
    ]
)

QUALITY = pa.schema(
    [
        pa.field("rules", pa.string(), nullable=False),  # which threshold table applies: "en" | "zh"
        pa.field("score", pa.int16(), nullable=False),  # 0..1000; docs/signals.md defines each signal
        pa.field("chars", pa.int64(), nullable=False),
        pa.field("tokens", pa.int64(), nullable=False),
        pa.field("lines", pa.int64(), nullable=False),  # blank ones left out
        pa.field("sentences", pa.int64(), nullable=False),
        pa.field("sentence_tokens", pa.float32(), nullable=False),  # tokens / sentences
        pa.field("mean_token_length", pa.float32(), nullable=False),
        pa.field("symbol_ratio", pa.float32(), nullable=False),  # "#" or ellipses, the more, / tokens
        pa.field("bullet_lines", pa.float32(), nullable=False),
        pa.field("ellipsis_lines", pa.float32(), nullable=False),
        pa.field("alpha_ratio", pa.float32(), nullable=False),  # tokens with a letter / tokens
        pa.field("stop_words", pa.int64(), nullable=False),  # distinct stop words of the table present
        pa.field("terminal_lines", pa.float32(), nullable=False),  # lines ending in terminal punctuation
        pa.field("short_lines", pa.float32(), nullable=False),  # at most 30 characters; zh: 30 wide, Han 3
        pa.field("menu_lines", pa.float32(), nullable=False),  # at most 30 wide and ending in no mark or comma
        pa.field("newline_ratio", pa.float32(), nullable=False),  # newlines / tokens
        pa.field("dup_lines", pa.float32(), nullable=False),
        pa.field("dup_line_chars", pa.float32(), nullable=False),
        pa.field("char_dup_ratio", pa.float32(), nullable=False),  # FineWeb's: the same / characters but line feeds
        pa.field("dup_paragraphs", pa.float32(), nullable=False),
        pa.field("dup_paragraph_chars", pa.float32(), nullable=False),
        *[pa.field(f"top_{n}gram", pa.float32(), nullable=False) for n in (2, 3, 4)],
        *[pa.field(f"dup_{n}gram", pa.float32(), nullable=False) for n in range(5, 11)],
        # What C4 cuts lines for, as shares of the lines, and what it drops texts for.
        pa.field("long_word_lines", pa.float32(), nullable=False),  # with a word of over 1000 characters
        pa.field("bare_lines", pa.float32(), nullable=False),  # without a sentence's end, or ending in an ellipsis
        pa.field("few_word_lines", pa.float32(), nullable=False),  # under 3 words, in Chinese 5 tokens
        pa.field("javascript_lines", pa.float32(), nullable=False),
        pa.field("policy_lines", pa.float32(), nullable=False),  # on cookies, privacy, terms of use
        pa.field("lorem_lines", pa.float32(), nullable=False),
        pa.field("brace_lines", pa.float32(), nullable=False),
        pa.field("citations", pa.int64(), nullable=False),  # "[12]", "[edit]"
        pa.field("c4_lines", pa.float32(), nullable=False),  # that C4's line rules leave
        pa.field("c4_marks", pa.int64(), nullable=False),  # filler text and braces in lines that they leave
        pa.field("c4_sentences", pa.int64(), nullable=False),  # in lines that they leave
        # Of models, -1 where none is asked for or it does not know the language: no rule reads that.
        pa.field("model_score", pa.int16(), nullable=False),  # 0..1000: how likely the classifier calls it good
        pa.field("perplexity", pa.float32(), nullable=False),  # bits a character
    ]
)

GATE = pa.schema(
    [
        pa.field("duplicate_of", pa.string(), nullable=False),  # id of the kept row, "" for none
        pa.field("similarity", pa.float32(), nullable=False),  # to that row; 0 for none
        pa.field("method", pa.string(), nullable=False),  # how it was verified, "" for none
        pa.field("split", pa.string(), nullable=False),  # "train" | "validation" | "test"
    ]
)

#: A layer's judgement: null keeps the row, else `stage:rule`.
REASON = pa.field("reason", pa.string())

BORN = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("parent", pa.string(), nullable=False),
        pa.field("variant", pa.string(), nullable=False),
        pa.field("k", pa.int32(), nullable=False),
        pa.field("text", TEXT, nullable=False),
        *[pa.field(n, pa.string()) for n in ("source", "url", "license", "license_class", "created", "group", "lang")],
    ]
)

#: A released row. No floats, no position, nothing that depends on how shards were laid out.
RELEASE = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("text", TEXT, nullable=False),
        pa.field("lang", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("license", pa.string(), nullable=False),
        pa.field("license_class", pa.string(), nullable=False),
        pa.field("created", pa.string()),
        pa.field("group", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("parent", pa.string()),
        pa.field("quality", pa.int16(), nullable=False),
        pa.field("tokens", pa.int64(), nullable=False),
        pa.field("meta", pa.string()),
    ]
)

SPLITS = ("train", "validation", "test")

TERM_SPAN = pa.struct(
    [
        pa.field("category", pa.string()),  # an id of text.safety.CATEGORIES
        pa.field("term", pa.int32()),  # its number in the lexicons that were used; the term itself stands there alone
        pa.field("start", pa.int64()),  # code points into clean.text
        pa.field("end", pa.int64()),
    ]
)

SAFETY = pa.schema(
    [
        pa.field("spans", pa.list_(TERM_SPAN), nullable=False),  # terms of the lexicons, in order, without overlaps
        pa.field("terms", pa.int64(), nullable=False),  # how many those are
        pa.field("weight", pa.int64(), nullable=False),  # of the different terms among them, each counted once
        pa.field("tokens", pa.int64(), nullable=False),
        pa.field("density", pa.float32(), nullable=False),  # weight of all spans a 1,000 tokens
        pa.field("model_score", pa.int16(), nullable=False),  # 0..1000; -1 without a model for the row's language
        pa.field("blocked", pa.string(), nullable=False),  # list and kind of the entry that blocks the url, "" for none
        pa.field("blocked_links", pa.int64(), nullable=False),  # blocked addresses in the text
    ]
)

#: The stages that keep a layer, in the order in which a row's first reason is sought.
LAYERS = ("clean", "dedupe", "pii", "license", "quality", "safety", "gate")


def on_disk(stage: str, schema: pa.Schema) -> pa.Schema:
    """The schema with every name prefixed `stage.`, as it stands in a layer's file."""
    return pa.schema([f.with_name(f"{stage}.{f.name}") for f in schema])
