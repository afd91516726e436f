"""The recipe: pydantic models of params.yaml. Unknown keys are errors, with a suggestion.

Each stage has `measure` (changing it opens the text again) and `rules` (changing it only re-judges). Values enter the
freshness keys as parameters, which is why this module is left out of the stages' code digests.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from aigc_data.errors import RecipeError


class Params(BaseModel):
    """A small frozen set of parameters; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


Share = Annotated[float, Field(ge=0, le=1)]
Format = Literal["auto", "jsonl", "csv", "tsv", "parquet", "text", "markdown", "html", "warc", "wet"]
LicenseClass = Literal[
    "public-domain",
    "permissive",
    "attribution",
    "share-alike",
    "no-derivatives",
    "non-commercial",
    "research-only",
    "proprietary",
    "unknown",
]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
Region = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
PiiKind = Literal["email", "phone", "cn_resident_id", "bank_card", "ip"]


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


class IngestParams(Params):
    """How input files become base shards."""

    shard_text_bytes: int = Field(16 << 20, ge=1 << 12, description="text bytes a base shard holds at most")
    max_record_bytes: int = Field(16 << 20, ge=1 << 10, description="a longer record goes to quarantine")
    batch_bytes: int = Field(64 << 20, ge=1 << 12, description="raw bytes that one batch of small files aims at")


class CleanMeasure(Params):
    """What cleaning does to the text."""

    normalize: Literal["NFC", "NFKC", "none"] = Field("NFC", description="Unicode normalisation form")
    repair_mojibake: bool = Field(True, description="undo wrong decodings, such as UTF-8 read as Latin-1 or as GBK")
    langdetect_sample: Share = Field(0.0005, description="share of records on which langdetect gives a second opinion")
    language_chars: int = Field(160, ge=80, le=2000, description="letters of a text that the language model reads")


class CleanRules(Params):
    """What cleaning refuses."""

    languages: tuple[Language, ...] = Field(
        ("en", "zh"), description="ISO 639 codes that are kept; `und` is no language"
    )
    min_lang_score: Share = Field(0.4, description="sureness of the language below which a text goes")
    max_replacement_share: Share = Field(0.01, description="U+FFFD and the like, as a share of the characters")
    min_replacements: int = Field(2, ge=1, description="lost characters below which a text is never called garbled")


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


class PiiMeasure(Params):
    """Which kinds are looked for."""

    kinds: tuple[PiiKind, ...] = Field(
        ("email", "phone", "cn_resident_id", "bank_card", "ip"), description="kinds of personal data to look for"
    )
    regions: tuple[Region, ...] = Field(("CN", "US"), description="national phone numbers, ISO 3166 regions")


class PiiRules(Params):
    """Which findings drop the record; all others are rendered as `actions` says."""

    drop_kinds: tuple[PiiKind, ...] = Field((), description="a record with a sure span of one of these kinds goes")
    max_spans_per_1000_tokens: float = Field(200.0, ge=0, description="denser texts are lists of people")
    dense_from: int = Field(10, ge=1, description="spans below which a text is never called dense")


class LicenseMeasure(Params):
    """How licences are read."""

    detect_bytes: int = Field(2048, ge=0, description="head and tail of a text in which notices are looked for")


class LicenseRules(Params):
    """The policy: which licence classes may be released. Unknown is not, unless it is named here."""

    allow: tuple[LicenseClass, ...] = Field(
        ("public-domain", "permissive", "attribution", "share-alike"),
        description="licence classes that may be released",
    )
    on_conflict: Literal["stricter", "drop"] = Field(
        "stricter",
        description="where source and text disagree: the stricter of the two classes counts, or the record goes",
    )


class QualityMeasure(Params):
    """Nothing to choose yet: all signals are measured."""


class QualityThresholds(Params):
    """Bounds of one language; `None` switches a rule off, 0 is a bound like any other. docs/signals.md has sources."""

    line_rules_from: int = Field(5, ge=1, description="lines below which shares of lines are not judged")

    min_tokens: int | None = Field(50, description="tokens")
    max_tokens: int | None = Field(100_000, description="tokens")
    min_mean_token_length: float | None = Field(3.0, description="characters a token")
    max_mean_token_length: float | None = Field(10.0, description="characters a token")
    max_symbol_ratio: float | None = Field(0.1, description="`#` or ellipses, the more of the two, a token")
    max_bullet_lines: float | None = Field(0.9, description="share of lines that begin with a bullet")
    max_ellipsis_lines: float | None = Field(0.3, description="share of lines that end in an ellipsis")
    min_alpha_ratio: float | None = Field(0.8, description="share of tokens with a letter")
    min_stop_words: int | None = Field(2, description="different stop words")
    min_terminal_lines: float | None = Field(0.12, description="share of lines that end as a sentence does")
    max_short_lines: float | None = Field(0.67, description="share of lines at most 30 wide, a Han character being 3")
    max_newline_ratio: float | None = Field(0.3, description="line feeds a token")
    max_dup_lines: float | None = Field(0.3, description="share of lines that stood before")
    max_dup_line_chars: float | None = Field(0.2, description="share of characters in such lines")
    max_dup_paragraphs: float | None = Field(0.3, description="share of paragraphs that stood before")
    max_dup_paragraph_chars: float | None = Field(0.2, description="share of characters in such paragraphs")
    max_top_2gram: float | None = Field(0.20, description="share of characters in the most frequent 2-gram")
    max_top_3gram: float | None = Field(0.18, description="share of characters in the most frequent 3-gram")
    max_top_4gram: float | None = Field(0.16, description="share of characters in the most frequent 4-gram")
    max_dup_5gram: float | None = Field(0.15, description="share of characters in 5-grams that stood before")
    max_dup_6gram: float | None = Field(0.14, description="share of characters in 6-grams that stood before")
    max_dup_7gram: float | None = Field(0.13, description="share of characters in 7-grams that stood before")
    max_dup_8gram: float | None = Field(0.12, description="share of characters in 8-grams that stood before")
    max_dup_9gram: float | None = Field(0.11, description="share of characters in 9-grams that stood before")
    max_dup_10gram: float | None = Field(0.10, description="share of characters in 10-grams that stood before")


class ChineseThresholds(QualityThresholds):
    """The same rules with bounds for Chinese, where a Han character is a token; re-derived for such tokens."""

    min_tokens: int | None = 80
    max_tokens: int | None = 170_000
    min_mean_token_length: float | None = 1.0
    max_mean_token_length: float | None = 3.5
    min_stop_words: int | None = 4
    min_terminal_lines: float | None = 0.05
    max_newline_ratio: float | None = 0.178
    max_dup_lines: float | None = 0.4
    max_top_2gram: float | None = 0.22
    max_top_3gram: float | None = 0.21
    max_top_4gram: float | None = 0.20
    max_dup_5gram: float | None = 0.30
    max_dup_6gram: float | None = 0.27
    max_dup_7gram: float | None = 0.24
    max_dup_8gram: float | None = 0.20
    max_dup_9gram: float | None = 0.19
    max_dup_10gram: float | None = 0.18


class QualityRules(Params):
    """Thresholds a language; texts in other languages are judged by `en`."""

    en: QualityThresholds = QualityThresholds()
    zh: ChineseThresholds = ChineseThresholds()


class Expectation(Params):
    """One bound on one metric of the gate's or the release's metrics table."""

    metric: str = Field(description="a number of the stage's metrics table; a name that is none is an error")
    min: float | None = Field(None, description="the least that is good enough")
    max: float | None = Field(None, description="the most that is good enough; one of the two bounds must be given")
    severity: Literal["critical", "warning"] = Field(
        "critical", description="`critical` refuses the release, `warning` is shown on the card"
    )

    @model_validator(mode="after")
    def _has_a_bound(self) -> Expectation:
        if self.min is None and self.max is None:
            raise ValueError("an expectation needs min, max or both: without a bound it could never fail")
        return self


class GateParams(Params):
    """Who lives, how the living are split, and what must hold before a release."""

    license_order: tuple[LicenseClass, ...] = Field(
        ("public-domain", "permissive", "attribution", "share-alike"),
        description="among duplicates the record whose licence class stands first stays; classes not named come last",
    )
    validation_share: Share = Field(0.02, description="share of the groups that go to validation")
    test_share: Share = Field(0.02, description="share of the groups that go to test")
    split_seed: int = Field(0, description="of the hash that splits the groups")
    parent_splits: str | None = Field(None, description="a parent release's folder, whose split map is kept")
    takedown: str | None = Field(None, description="a text file of ids, content digests and groups to take down")
    expectations: tuple[Expectation, ...] = Field(
        (
            Expectation(metric="living_rows", min=1),
            Expectation(metric="living_share", min=0.01),
            Expectation(metric="quarantine_share", max=0.5),
            Expectation(metric="unknown_license_share", max=0.0),
            Expectation(metric="duplicate_share", max=0.95),
            Expectation(metric="empty_sources", max=0, severity="warning"),
            Expectation(metric="largest_group_share", max=0.5, severity="warning"),
        ),
        description="what must hold of the living rows; a list here replaces the default one",
    )

    @model_validator(mode="after")
    def _something_is_left_to_train_on(self) -> GateParams:
        if self.validation_share + self.test_share >= 1:
            raise ValueError("validation_share and test_share leave nothing for train: their sum must be below 1")
        return self


class AugmentParams(Params):
    """Seeded text variants of living train rows."""

    variants: tuple[Literal["typo", "sentence_drop", "sentence_swap", "width"], ...] = Field(
        (), description="kinds of variants to make; none by default"
    )
    per_record: int = Field(1, ge=1, le=8, description="variants of each kind that a chosen record gets at most")
    share: Share = Field(0.1, description="share of the living train rows that get variants")
    seed: int = Field(0, description="of the choice of records and of the changes")


class ReleaseParams(Params):
    """How living rows are rendered and written."""

    actions: dict[PiiKind, Literal["redact", "mask", "keep"]] = Field(
        default_factory=dict, description="per kind of personal data; what is not named is redacted"
    )
    min_pii_confidence: int = Field(50, ge=0, le=100, description="spans below it are left as they are")
    shard_text_bytes: int = Field(
        32 << 20,
        ge=1 << 12,
        description="text bytes that a release shard aims at; the release id does not depend on it",
    )
    expectations: tuple[Expectation, ...] = Field(
        (
            Expectation(metric="rows", min=1),
            Expectation(metric="residual_pii_spans", max=0),
            Expectation(metric="empty_texts", max=0),
            Expectation(metric="train_rows", min=1),
        ),
        description="what must hold of the release as rendered; a list here replaces the default one",
    )


class Stage(Params):
    """`measure` opens the text; `rules` only re-judges."""


class Clean(Stage):
    """The clean stage."""

    measure: CleanMeasure = CleanMeasure()
    rules: CleanRules = CleanRules()


class Dedupe(Stage):
    """The dedupe stage."""

    measure: DedupeMeasure = DedupeMeasure()
    rules: DedupeRules = DedupeRules()


class Pii(Stage):
    """The pii stage."""

    measure: PiiMeasure = PiiMeasure()
    rules: PiiRules = PiiRules()


class License(Stage):
    """The license stage."""

    measure: LicenseMeasure = LicenseMeasure()
    rules: LicenseRules = LicenseRules()


class Quality(Stage):
    """The quality stage."""

    measure: QualityMeasure = QualityMeasure()
    rules: QualityRules = QualityRules()


class TrainParams(Params):
    """One training run. The defaults take about a minute on two cores."""

    vocab_size: int = Field(4096, ge=257, le=65_536, description="tokens of the tokenizer, end-of-text counted")
    context: int = Field(128, ge=16, le=8192, description="tokens of a sequence")
    layers: int = Field(4, ge=1, le=48, description="Transformer blocks")
    heads: int = Field(4, ge=1, le=64, description="attention heads of a block")
    width: int = Field(128, ge=16, le=4096, description="of the residual stream; a multiple of twice `heads`")
    batch: int = Field(8, ge=1, description="sequences a step")
    steps: int = Field(600, ge=1, description="optimizer steps")
    warmup: int = Field(50, ge=0, description="steps over which the learning rate rises")
    learning_rate: float = Field(5e-3, gt=0, description="the highest; it falls to a tenth by a cosine")
    weight_decay: float = Field(0.1, ge=0, description="of AdamW, on matrices only")
    clip: float = Field(1.0, gt=0, description="norm that gradients are cut to")
    checkpoint_every: int = Field(150, ge=1, description="steps between two checkpoints")
    seed: int = Field(0, description="of weights and data order")
    prompts: tuple[str, ...] = Field(
        ("数据是", "The data"), description="what the samples at the end of a training begin with"
    )


class Schedule(Params):
    """When `flows/schedule.py` runs the flow."""

    cron: str | None = Field("0 3 * * *", description="five fields, in UTC")
    interval_seconds: float | None = Field(None, gt=0, description="seconds between two starts; wins over `cron`")


class Recipe(Params):
    """params.yaml as a whole."""

    name: str = Field(min_length=1, pattern=r"^[a-z0-9][a-z0-9._-]*$", description="names the card's folder")
    description: str = Field("", description="one sentence for the card")
    sources: tuple[Source, ...] = Field(min_length=1, description="at least one; see `sources[]`")
    workers: int = Field(
        0, ge=0, description="worker processes; 0 is one a core. It never changes a byte of the result"
    )
    memory_mb: int = Field(
        1024,
        ge=16,
        description="megabytes that a worker takes for the wide steps of dedupe. It never changes a byte of the result",
    )
    ingest: IngestParams = IngestParams()
    clean: Clean = Clean()
    dedupe: Dedupe = Dedupe()
    pii: Pii = Pii()
    license: License = License()
    quality: Quality = Quality()
    gate: GateParams = GateParams()
    augment: AugmentParams = AugmentParams()
    release: ReleaseParams = ReleaseParams()
    train: TrainParams = TrainParams()
    schedule: Schedule = Schedule()

    @model_validator(mode="after")
    def _sources_have_their_own_names(self) -> Recipe:
        names = [s.name for s in self.sources]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"source names must differ, seen twice: {', '.join(twice)}")
        return self


def load_recipe(path: Path) -> Recipe:
    """Read params.yaml.

    Raises RecipeError naming the file, the key, what was seen and, for an unknown key, the nearest known one.
    """
    if not path.is_file():
        raise RecipeError(
            f"no recipe at {path}", expected="a params.yaml", do="run `aigc-data init DIR` or name the folder"
        )
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not YAML: {' '.join(str(error).split())}", do="mend the line named") from error
    if not isinstance(raw, Mapping):
        raise RecipeError(f"{path} holds {type(raw).__name__}", expected="a mapping of keys to values")
    return parse_recipe(raw, where=str(path))


def parse_recipe(raw: Mapping[str, Any], *, where: str = "recipe") -> Recipe:
    """Validate a mapping; raises RecipeError with the first problem and a suggestion for misspelt keys."""
    # `quality:` with nothing behind it is how YAML writes a section that has the defaults.
    given = {key: {} if value is None and key in _SECTIONS else value for key, value in raw.items()}
    try:
        return Recipe.model_validate(given)
    except ValidationError as error:
        raise RecipeError(f"{where}: {_describe(error)}") from error


def _describe(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"]) or "(top level)"
    if first["type"] == "extra_forbidden":
        *parents, last = first["loc"]
        near = difflib.get_close_matches(str(last), _known_keys(tuple(parents)), n=1) or _deeper(
            tuple(parents), str(last)
        )
        hint = f", did you mean `{near[0]}`?" if near else ""
        return f"unknown key `{key}`{hint}"
    seen = first.get("input")
    shown = f", saw {seen!r}" if isinstance(seen, str | int | float | bool) or seen is None else ""
    wanted = (
        first["msg"]
        .removeprefix("Value error, ")
        .replace("valid tuple", "list")
        .replace("valid dictionary or instance of ", "mapping of ")
    )
    return f"`{key}`: {wanted}{shown}"


def _deeper(parents: tuple[Any, ...], key: str) -> list[str]:
    """The path of a key that stands one section further down (`clean.languages` is `clean.rules.languages`)."""
    for section in _known_keys(parents):
        inner = (*parents, section)
        if key in _known_keys(inner) and _known_keys(inner) != _known_keys(parents):
            return [".".join(str(part) for part in (*inner, key))]
    return []


def _known_keys(parents: tuple[Any, ...]) -> list[str]:
    model: Any = Recipe
    for part in parents:
        if isinstance(part, int):
            continue
        field = model.model_fields[part]
        model = next((a for a in _models_in(field.annotation)), model)
    return list(model.model_fields)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for arg in getattr(annotation, "__args__", ()) for m in _models_in(arg)]


_SECTIONS = frozenset(name for name, field in Recipe.model_fields.items() if isinstance(field.default, Params))
