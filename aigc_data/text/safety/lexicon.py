"""Lexicons: lists of terms with a category, a weight and languages, read from TSV, matched all at once.

    # comment
    term <TAB> category <TAB> weight <TAB> languages

`category` is an id of categories.CATEGORIES or `allow`; `weight` is 1 to 10 (how seldom a text with the term is one to
keep), 5 where it is left out; `languages` are codes with commas between, `*` or nothing for all. A term may stand on
several lines, for other languages each; one that names a language goes there before one for all. A file that is named
later wins over one named earlier in the languages that it names for a term, or in all, so that a list of one's own can
re-file a term or allow it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.errors import StageError
from aigc_data.kernels.codepoints import UNSPACED, WORD, tables
from aigc_data.kernels.lexicon import JOINERS, MOST_JOINERS, build_trie, find_terms
from aigc_data.kernels.substrings import token_hashes
from aigc_data.text.arrow import text_buffers
from aigc_data.text.safety.categories import ALLOW, CATEGORIES

#: The list that ships with the package; data/README.md has its origin.
BUILTIN = Path(__file__).parent / "data" / "terms.tsv"
DEFAULT_WEIGHT, MAX_WEIGHT = 5, 10
#: A longer term would make a text of its repeated beginning slow to search, and no list needs one.
MOST_TOKENS = 64
_ANY = "*"
_ALL_BITS = np.uint64(0xFFFFFFFFFFFFFFFF)
_OTHER = 63  # the bit of languages that no term names


class Term(NamedTuple):
    """One entry: `languages` are codes, () for every language but those `without`; `place` is "file:line"."""

    text: str
    category: str
    weight: int
    languages: tuple[str, ...]
    place: str
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """Matches in order of row and place (int64[k] each; `firsts`, `lasts` in code points) and tokens (int64[n])."""

    rows: np.ndarray
    terms: np.ndarray
    firsts: np.ndarray
    lasts: np.ndarray
    tokens: np.ndarray


@dataclass(frozen=True)
class Lexicon:
    """Terms in the order in which their numbers are given out; matching folds case, width and Han variants."""

    terms: tuple[Term, ...]

    def find(self, texts: pa.Array | pa.ChunkedArray, langs: pa.Array | pa.ChunkedArray) -> Found:
        """All matches in n texts, whose languages are n strings; a null text has none.

        From left to right the longest term is taken and the search goes on behind it. Terms of category `allow` are
        taken and left out of the result. Linear in the text for terms of at most MOST_TOKENS tokens.
        """
        data, offsets = text_buffers(texts)
        languages = self._row_bits(langs)
        found, tokens = find_terms(
            data, offsets, tables(fold_han=True), self._trie, self._bits, self._masked, languages
        )
        found = found[~self._allowed[found[:, 1]]] if len(self.terms) else found
        rows, numbers, firsts, lasts = np.ascontiguousarray(found.T)
        return Found(rows, numbers, firsts, lasts, tokens)

    @cached_property
    def weights(self) -> np.ndarray:
        """Weight of each term, int64[t]."""
        return np.array([term.weight for term in self.terms], np.int64)

    @cached_property
    def categories(self) -> pa.StringArray:
        """Category of each term."""
        return pa.array([term.category for term in self.terms], pa.string())

    @cached_property
    def _allowed(self) -> np.ndarray:
        return np.array([term.category == ALLOW for term in self.terms], bool)

    @cached_property
    def _masked(self) -> np.ndarray:
        return np.array(["*" in term.text for term in self.terms], bool)

    @cached_property
    def _languages(self) -> tuple[str, ...]:
        return tuple(sorted({code for term in self.terms for code in (*term.languages, *term.without)}))

    @cached_property
    def _bits(self) -> np.ndarray:
        bit = {code: np.uint64(1) << np.uint64(place) for place, code in enumerate(self._languages)}
        named = [sum(int(bit[code]) for code in term.languages) for term in self.terms]
        others = [int(_ALL_BITS) - sum(int(bit[code]) for code in term.without) for term in self.terms]
        return np.array([some or rest for some, rest in zip(named, others, strict=True)], np.uint64)

    def _row_bits(self, langs: pa.Array | pa.ChunkedArray) -> np.ndarray:
        if isinstance(langs, pa.ChunkedArray):
            langs = langs.combine_chunks()
        known = pc.index_in(langs, pa.array(self._languages, langs.type))
        return np.uint64(1) << pc.fill_null(known, _OTHER).to_numpy(zero_copy_only=False).astype(np.uint64)

    @cached_property
    def _trie(self) -> tuple[np.ndarray, ...]:
        data, offsets = text_buffers(pa.array([term.text for term in self.terms], pa.large_string()))
        words, ends = token_hashes(data, offsets, tables(fold_han=True), np.arange(len(self.terms)))
        bits = max(6, int(2 * len(words) + 1).bit_length())
        return tuple(build_trie(words, ends, bits, self._masked))


def load(paths: Iterable[Path], *, builtin: bool = True) -> Lexicon:
    """The built-in terms (unless `builtin` is false) and those of the files, later ones winning.

    Raises StageError naming file and line for a row that cannot be used: not UTF-8, no such category, a weight that is
    none, a term without a letter or digit, or with a character that matching does not see.
    """
    merged: dict[str, dict[str, Term]] = {}
    for path in [*([BUILTIN] if builtin else []), *paths]:
        for key, entries in _own(path).items():
            merged[key] = entries if _ANY in entries else merged.get(key, {}) | entries
    terms = tuple(term for entries in merged.values() for term in _terms(entries))
    if len({code for term in terms for code in term.languages}) >= _OTHER:
        raise StageError(f"the lexicons name {_OTHER} languages or more", do=f"write `{_ANY}` for all languages")
    return Lexicon(terms)


def _own(path: Path) -> dict[str, dict[str, Term]]:
    """Key of a term → language (or _ANY) → the line of one file that counts there."""
    own: dict[str, dict[str, Term]] = {}
    for key, term in _read(path):
        entries = own.setdefault(key, {})
        for language in term.languages or (_ANY,):
            twin = entries.get(language)
            if twin is not None and twin.category != term.category:
                raise StageError(
                    f"{term.place} files a term under `{term.category}` that {twin.place} files under "
                    f"`{twin.category}`",
                    do="keep one of the two lines",
                )
            if twin is None or term.weight > twin.weight:
                entries[language] = term
    return own


def _terms(entries: dict[str, Term]) -> Iterable[Term]:
    """The terms of one key: languages with the same category and weight share one."""
    alike: dict[tuple[str, int], list[str]] = {}
    for language, term in entries.items():
        alike.setdefault((term.category, term.weight), []).append(language)
    named = {language for language in entries if language != _ANY}
    for languages in alike.values():
        first = entries[languages[0]]
        if _ANY in languages:
            yield first._replace(languages=(), without=tuple(sorted(named - set(languages))))
        else:
            yield first._replace(languages=tuple(sorted(languages)))


def _read(path: Path) -> Iterable[tuple[str, Term]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise StageError(f"{path} is not UTF-8 at byte {error.start}", do="save the lexicon as UTF-8") from error
    except OSError as error:
        raise StageError(
            f"lexicon {path} cannot be read: {error.strerror}", do="mend `safety.measure.lexicons`"
        ) from error
    for number, line in enumerate(lines, 1):
        # "# " is a comment; "#word" may be a term.
        if not line.strip() or line.startswith("# ") or line.strip() == "#":
            continue
        yield _parse(line, f"{path.name}:{number}")


def _parse(line: str, place: str) -> tuple[str, Term]:
    cells = [cell.strip() for cell in line.split("\t")]
    if not 2 <= len(cells) <= 4:
        raise StageError(
            f"{place} has {len(cells)} columns", expected="term, category, weight, languages and tabs between"
        )
    text, category, weight, languages = [*cells, "", ""][:4]
    if category != ALLOW and category not in CATEGORIES:
        raise StageError(
            f"{place} names a category `{category}`", expected=f"`{ALLOW}` or one of {', '.join(CATEGORIES)}"
        )
    if weight and not (weight.isascii() and weight.isdigit() and 1 <= int(weight) <= MAX_WEIGHT):
        raise StageError(f"{place} has the weight `{weight}`", expected=f"a whole number from 1 to {MAX_WEIGHT}")
    codes = () if languages in ("", _ANY) else tuple(sorted({code.strip() for code in languages.split(",")}))
    if not all(code.isascii() and code.islower() and 2 <= len(code) <= 3 for code in codes):
        raise StageError(
            f"{place} names languages `{languages}`", expected=f"ISO 639 codes with commas between, or `{_ANY}`"
        )
    return _key(text, place), Term(text, category, int(weight or DEFAULT_WEIGHT), codes, place)


def _key(text: str, place: str) -> str:
    """The folded tokens of a term, joined: what two spellings of one term share."""
    pages, flags, deltas = tables(fold_han=True)
    tokens, word, gap = [], "", 0
    for character in text:
        code = ord(character)
        at = int(pages[code >> 8]) * 256 + (code & 255)
        if flags[at] & (WORD | UNSPACED):
            gap = 0
            word += chr(code + int(deltas[at]))
            if flags[at] & WORD:
                continue
            tokens += [word[:-1], word[-1]]
        else:
            gap += 1
            tokens.append(word)
            if code not in JOINERS or gap > MOST_JOINERS:
                raise StageError(
                    f"{place} has a term with `{character}` in it, which no match can see",
                    expected="letters and digits, with at most three blanks, hyphens, apostrophes or asterisks between",
                )
        word = ""
    tokens = [token for token in [*tokens, word] if token]
    if "*" in text and any(character.isspace() for character in text):
        raise StageError(f"{place} has blanks in a term with asterisks", expected="asterisks inside one word: `f*ck`")
    if "*" in text and len(tokens) == 1:
        raise StageError(
            f"{place} has asterisks at the end of a term alone, which would match `{tokens[0]}`",
            expected="asterisks inside the word: `f*ck`",
        )
    if not 1 <= len(tokens) <= MOST_TOKENS:
        raise StageError(f"{place} has a term of {len(tokens)} tokens", expected=f"1 to {MOST_TOKENS}")
    return ("*" if "*" in text else " ").join(tokens)
