"""The recipe of dedupe."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from aigc_data.recipe.base import Language, Params, Share, Stage
from aigc_data.recipe.sources import Format


class Evaluation(Params):
    """One evaluation set that records must not hold."""

    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="the set's name in reports")
    path: str = Field(min_length=1, description="a file, a folder, a glob, or an fsspec URL, as of a source")
    format: Format = Field("auto", description="as of a source")
    text: tuple[str, ...] = Field(
        ("text",), min_length=1, description="fields that hold text, each looked for by itself: question, answer"
    )
    id: str | None = Field(None, description="the field that names an item in reports; else its place in the file")
    encoding: str = Field("utf-8", description="as of a source")


class Published(Params):
    """An earlier release whose records are not to be released again."""

    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="its name in reports")
    path: str = Field(min_length=1, description="the folder of the release, `data/releases/<id>` of any workspace")


class Repeats(Params):
    """Lines and paragraphs that stand in many records: navigation, licence headers, signatures."""

    records: int = Field(
        0, ge=0, description="records, near-duplicates counted once, that hold a line before it is cut; 0 cuts none"
    )
    units: tuple[Literal["line", "paragraph"], ...] = Field(
        ("line", "paragraph"), min_length=1, description="what is counted"
    )
    min_tokens: int = Field(10, ge=1, description="tokens of a line or paragraph below which it is never cut")

    @model_validator(mode="after")
    def _several(self) -> Repeats:
        if self.records == 1:
            raise ValueError("records is 1: every line stands in one record; 20 is usual, 0 cuts none")
        return self


class Substrings(Params):
    """Runs of tokens that stand in an earlier record too, whatever stands around them."""

    tokens: int = Field(0, ge=0, description="tokens of a run before it is cut, 50 is usual; 0 cuts none")
    groups: int = Field(1, ge=1, description="parts of equal size, by id, inside which runs are looked for")


class Planted(Params):
    """Known copies by which every run measures how many duplicates it finds."""

    records: int = Field(
        60, ge=0, description="records of each language that are edited and looked for; 0 measures none"
    )
    languages: tuple[Language, ...] = Field(("en", "zh"), description="ISO 639 codes of the records that are edited")
    min_tokens: int = Field(50, ge=5, description="tokens of a record that is edited; 20,000 at most")
    rates: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        (0.005, 0.01, 0.02, 0.04), description="shares of the tokens that are edited"
    )


class Semantic(Params):
    """Duplicates in meaning, by embeddings; off without a model and a field."""

    model: str | None = Field(None, description="folder of a sentence-transformers model; never downloaded")
    field: str | None = Field(None, description="a `meta` field of the sources with each record's embedding")
    threshold: Share = Field(0.95, description="cosine similarity from which two records are duplicates")
    clusters: int = Field(0, ge=0, description="k of the k-means; 0 goes by the number of records")
    seed: int = Field(1, ge=0, description="of the k-means")

    @property
    def on(self) -> bool:
        """Whether embeddings are asked for."""
        return bool(self.model or self.field)

    @model_validator(mode="after")
    def _one_origin(self) -> Semantic:
        if self.model and self.field:
            raise ValueError("model and field are both given: embeddings come from one of them")
        return self


class DedupeMeasure(Params):
    """How near-duplicates are found."""

    threshold: Share = Field(0.8, description="Jaccard similarity from which two texts are near-duplicates")
    recall: Share = Field(0.98, description="of pairs at the threshold; sets bands and rows")
    group_threshold: Share = Field(0.5, description="estimated similarity that keeps two texts in one split")
    ngram: int = Field(5, ge=1, le=32, description="tokens in a shingle")
    permutations: int = Field(128, ge=16, le=512, description="MinHash values of a sketch, a byte each")
    seed: int = Field(1, ge=0, lt=1 << 32, description="of the permutations")
    fold_han: bool = Field(False, description="compare traditional Chinese characters as simplified ones")
    repeats: Repeats = Repeats()
    substrings: Substrings = Substrings()
    planted: Planted = Planted()
    semantic: Semantic = Semantic()
    against: tuple[Published, ...] = Field((), description="earlier releases; see `against[]`")
    evaluations: tuple[Evaluation, ...] = Field((), description="sets to keep clear of; see `evaluations[]`")
    evaluation_ngram: int = Field(13, ge=1, le=64, description="tokens in a shingle shared with an evaluation item")
    evaluation_min_tokens: int = Field(8, ge=1, description="tokens of an item below which it is not looked for")

    @model_validator(mode="after")
    def _groups_are_looser(self) -> DedupeMeasure:
        if self.group_threshold > self.threshold:
            raise ValueError("group_threshold is above threshold: groups must be looser than clusters")
        return self

    @model_validator(mode="after")
    def _names_differ(self) -> DedupeMeasure:
        for what in (self.against, self.evaluations):
            names = [one.name for one in what]
            twice = sorted({n for n in names if names.count(n) > 1})
            if twice:
                raise ValueError(f"names must differ, seen twice: {', '.join(twice)}")
        return self


class DedupeRules(Params):
    """Which findings drop a record. Duplicates within the corpus are the gate's to elect among."""

    min_tokens_left: int = Field(20, ge=0, description="tokens that cuts must leave of a record")
    drop_published: bool = Field(True, description="a record that is in a release of `against` goes")
    drop_contaminated: bool = Field(
        True, description="a record that holds an evaluation item goes; else it is reported"
    )
    containment: Share = Field(0.8, description="share of an item's shingles from which a record holds it")
    hits: int = Field(1, ge=1, description="shingles of an item that a record must share beside")


class Dedupe(Stage):
    """The dedupe stage."""

    measure: DedupeMeasure = DedupeMeasure()
    rules: DedupeRules = DedupeRules()
