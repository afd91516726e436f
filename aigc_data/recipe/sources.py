"""The recipe of ingest: where records come from."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from aigc_data.recipe.base import Params

Format = Literal["auto", "jsonl", "csv", "tsv", "parquet", "text", "markdown", "html", "warc", "wet"]


class Source(Params):
    """One source: where it lies, how to read it, what it declares about itself."""

    name: str = Field(
        min_length=1,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="the source's own name; part of every record id, so a new name is a new set of records",
    )
    path: str = Field(min_length=1, description="a file, a folder, a glob, or an fsspec URL")
    format: Format = Field("auto", description="`auto` goes by the suffix, after .gz, .zst, .xz or .bz2 is taken off")
    text: str = Field("text", description="the field that holds the text (jsonl, csv, tsv, parquet)")
    id: str | None = Field(None, description="the field that holds the record's own key")
    license: str | None = Field(None, description="the licence that the source as a whole declares")
    license_field: str | None = Field(None, description="a field with the record's own licence; wins over `license`")
    url_field: str | None = Field(None, description="a field with the address of the record")
    created_field: str | None = Field(
        None, description="a field with the date of the record; kept as written, personal data in it is rendered"
    )
    meta: tuple[str, ...] = Field((), description="further fields to keep, as a JSON object")
    encoding: str = Field("utf-8", description="of text, markdown, csv, tsv and jsonl; html and warc say their own")
    markup: Literal["plain", "html"] = Field(
        "plain", description="`html`: the text field of jsonl, csv, tsv or parquet holds pages, which are extracted"
    )
    extractor: Literal["resiliparse", "trafilatura"] = Field(
        "resiliparse", description="what takes the main text out of pages; trafilatura is cleaner and far slower"
    )


class IngestParams(Params):
    """How input files become base shards."""

    shard_text_bytes: int = Field(16 << 20, ge=1 << 12, description="text bytes a base shard holds at most")
    max_record_bytes: int = Field(16 << 20, ge=1 << 10, description="a longer record goes to quarantine")
    batch_bytes: int = Field(64 << 20, ge=1 << 12, description="raw bytes that one batch of small files aims at")
