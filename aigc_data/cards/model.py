"""What a card says: plain values, filled from manifests and layers by `build`, shown by `huggingface` and `page`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Origin = Literal["computed", "declared", "missing"]


@dataclass(frozen=True)
class Statement:
    """What only a person can say; `text` is "not stated" and says where to state it while it is missing."""

    key: str
    title: str
    text: str
    origin: Origin


@dataclass(frozen=True)
class Count:
    """Rows, tokens and text bytes under one name."""

    name: str
    rows: int
    tokens: int
    bytes: int


@dataclass(frozen=True)
class Step:
    """One stage of the funnel: `came_in` = `kept` + dropped; `born` rows join after it."""

    stage: str
    came_in: int
    kept: int
    born: int
    dropped: tuple[tuple[str, int], ...]
    found: tuple[tuple[str, int], ...]  # what it saw, or did, beside dropping

    @property
    def found_as(self) -> str:
        """What `found` counts: of pii the spans that were acted on in released rows, not all that were seen."""
        return "acted on" if self.stage == "pii" else "found"


@dataclass(frozen=True)
class SourceFacts:
    """One source: what it is said to be, and how many of its records came how far."""

    name: str
    origin: str
    origin_from: Origin
    hosts: tuple[str, ...]  # of the rows' URLs, most frequent first
    declared: tuple[str, ...]  # licences as the source writes them, most frequent first
    files: int
    read: int
    quarantined: int
    rows: int
    kept: int
    tokens: int  # of the kept rows
    released: int  # rows, born ones too
    absent: str  # why no row is released, "" when one is


@dataclass(frozen=True)
class LicenceRow:
    """Rows with one declared and one detected licence."""

    declared: str  # as the source writes it, "" for none
    detected: str  # "" for none
    license: str
    license_class: str
    rows: int
    kept: int
    conflicts: int


@dataclass(frozen=True)
class ReasonCount:
    """A rule: rows that it hits at all, and rows for which it was the first."""

    reason: str
    all: int
    first: int


@dataclass(frozen=True)
class PersonalData:
    """Spans of one kind: found in the whole base, in kept rows, acted on in them, and still found in the release."""

    kind: str
    found: int
    rows: int
    in_kept: int
    acted_on: int
    residual: int


@dataclass(frozen=True)
class Bin:
    """Kept rows whose token count lies in [low, high), and what they hold together."""

    low: int
    high: int
    rows: int
    tokens: int


@dataclass(frozen=True)
class Expectation:
    """One verdict of the gate or the release; `margin` is the distance to the nearest bound, negative when missed."""

    stage: str
    metric: str
    min: float | None
    max: float | None
    seen: float
    margin: float
    severity: str
    success: bool


@dataclass(frozen=True)
class Quarantined:
    """Records of one file that were lost for one reason."""

    source: str
    file: str
    reason: str
    records: int


@dataclass(frozen=True)
class Piece:
    """A run of a text that is compared with another one: in both, only in this one, only in the other."""

    kind: Literal["same", "ins", "del"]
    text: str


@dataclass(frozen=True)
class Excerpt:
    """The beginning of one record, rendered without personal data; `text` is "" when it is `withheld`."""

    id: str
    source: str
    lang: str
    script: str
    tokens: int
    verdict: str
    text: str
    cut: bool
    withheld: str = ""  # why
    duplicate_of: str = ""
    similarity: float = 0.0
    method: str = ""  # how the similarity was verified
    pieces: tuple[Piece, ...] = ()  # of the text, beside the first member of its cluster


@dataclass(frozen=True)
class Cluster:
    """A component of verified near-duplicates; `size` counts all members, `members` shows some."""

    name: str
    size: int
    kept: int
    radius: float | None  # smallest similarity of a member to the one that names it
    members: tuple[Excerpt, ...]


@dataclass(frozen=True)
class Examples:
    """Excerpts under one heading."""

    title: str
    rows: tuple[Excerpt, ...]


@dataclass(frozen=True)
class File:
    """One file of the release."""

    name: str
    split: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Run:
    """One training run on the release."""

    name: str
    steps: int | None
    parameters: int | None
    train_loss: float | None
    bits_per_byte: float | None
    done: bool


@dataclass(frozen=True)
class Recall:
    """Planted copies of one language in one range of similarity [low_edge, to), and how many were found.

    `kind` is "bucket", "exact" for copies with the original's tokens, "threshold" for all at or above the threshold;
    `low` and `high` bound the share with 95 % confidence. `lang` is "all" over all languages.
    """

    lang: str
    kind: str
    low_edge: float
    to: float
    pairs: int
    found: int
    low: float
    high: float


@dataclass(frozen=True)
class Evaluation:
    """An evaluation set: its items, those too short to be looked for, those found, and the records that hold them."""

    name: str
    items: int
    too_short: int
    items_found: int
    records: int


@dataclass(frozen=True)
class Duplicates:
    """Near-duplicates over the whole base; what the recipe did not ask for is empty or None."""

    clusters: int  # of two rows and more
    rows: int  # in them
    dropped: int
    threshold: float | None
    largest: tuple[Cluster, ...]
    sizes: tuple[tuple[str, int], ...]  # clusters by their number of records: "3-5" → how many
    recalls: tuple[Recall, ...]
    cut_rows: int | None  # records that lost repeated lines, paragraphs or runs
    cut_characters: int | None
    evaluations: tuple[Evaluation, ...]
    evaluations_dropped: bool  # a record that holds an item of one goes
    published: tuple[tuple[str, int], ...]  # earlier release → records that it has already


@dataclass(frozen=True)
class CardModel:
    """All that a card says."""

    id: str
    name: str
    description: str
    schema: tuple[tuple[str, str], ...]
    rows: int
    tokens: int
    text_bytes: int
    born_rows: int
    read: int
    base_rows: int
    verdict: str  # "passed" | "passed with warnings" | "refused"
    splits: tuple[Count, ...]
    languages: tuple[Count, ...]
    scripts: tuple[Count, ...]
    licences: tuple[Count, ...]
    licence_classes: tuple[Count, ...]
    licence_rows: tuple[LicenceRow, ...]
    licence_rows_left_out: int
    conflicts: int
    sources: tuple[SourceFacts, ...]
    funnel: tuple[Step, ...]
    reasons: tuple[ReasonCount, ...]
    lengths: tuple[Bin, ...]
    scores: tuple[Bin, ...]
    personal: tuple[PersonalData, ...]
    looked_for: tuple[str, ...]  # kinds of personal data
    regions: tuple[str, ...]  # ISO 3166, whose national telephone numbers are understood
    duplicates: Duplicates
    expectations: tuple[Expectation, ...]
    quarantined: tuple[Quarantined, ...]
    quarantined_left_out: int
    parents: tuple[tuple[str, str], ...]
    recipe: str
    code: str
    stages: tuple[tuple[str, str], ...]  # stage, digest of its code
    models: tuple[tuple[str, str, str], ...]  # parameter, file, SHA-256 of the models and lists that judged
    files: tuple[File, ...]
    runs: tuple[Run, ...]
    dropped_examples: tuple[Examples, ...]
    kept_examples: tuple[Examples, ...]
    statements: tuple[Statement, ...]

    def statement(self, key: str) -> Statement:
        """The statement of a key."""
        return next(s for s in self.statements if s.key == key)
