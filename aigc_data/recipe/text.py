"""The recipe of clean and quality."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from aigc_data.recipe.base import Language, Off, Params, Share, Stage


class CleanMeasure(Params):
    """What cleaning does to the text."""

    normalize: Literal["NFC", "NFKC", "none"] = Field("NFC", description="Unicode normalisation form")
    repair_mojibake: bool = Field(True, description="undo wrong decodings, such as UTF-8 read as Latin-1 or as GBK")
    html_remnants: bool = Field(True, description="remove tags and character references that an extraction left")
    cut_lines: tuple[Literal["boilerplate", "policy", "repeated"], ...] = Field(
        ("boilerplate", "policy", "repeated"), description="kinds of lines that are cut; the document stays"
    )
    repeated_line_tokens: int = Field(30, ge=1, description="tokens below which a line is never cut as repeated")
    fold_han: Literal["keep", "simplified"] = Field(
        "keep", description="`simplified` writes traditional Chinese in simplified characters (extra `zh`)"
    )
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


class QualityMeasure(Params):
    """Models that are asked beside the signals, all of which are measured."""

    classifier: str | Off = Field(
        "off", min_length=1, description="a model of `aigc-data quality train`; gives `model_score`"
    )
    perplexity: str | Off = Field(
        "off", min_length=1, description="a model of `aigc-data quality fit`; gives `perplexity`"
    )


class QualityThresholds(Params):
    """Bounds of one language; `off` switches a rule off, 0 is a bound like any other. docs/signals.md has sources."""

    line_rules_from: int = Field(5, ge=1, description="lines below which shares of lines are not judged")
    token_rules_from: int = Field(50, ge=0, description="tokens below which shares of tokens are not judged")
    stop_words_from: int = Field(50, ge=0, description="tokens below which stop words are not counted on")

    min_tokens: int | Off = Field(4, description="tokens")
    max_tokens: int | Off = Field(100_000, description="tokens")
    min_mean_token_length: float | Off = Field(2.5, description="characters a token")
    max_mean_token_length: float | Off = Field(10.0, description="characters a token")
    max_symbol_ratio: float | Off = Field(0.1, description="`#` or ellipses, the more of the two, a token")
    max_bullet_lines: float | Off = Field(0.9, description="share of lines that begin with a bullet")
    max_ellipsis_lines: float | Off = Field(0.3, description="share of lines that end in an ellipsis")
    min_alpha_ratio: float | Off = Field(0.6, description="share of tokens with a letter")
    min_stop_words: int | Off = Field(2, description="different stop words")
    min_sentences: int | Off = Field("off", description="sentences; the rest of a line is one")
    max_sentence_tokens: float | Off = Field(50.0, description="tokens a sentence")
    min_terminal_lines: float | Off = Field(0.04, description="share of lines that end as a sentence does")
    max_short_lines: float | Off = Field("off", description="share of lines of at most 30 characters")
    max_menu_lines: float | Off = Field(0.75, description="share of lines as short that end in no mark or comma")
    max_newline_ratio: float | Off = Field(0.5, description="line feeds a token")
    max_dup_lines: float | Off = Field(0.4, description="share of lines that stood before")
    max_dup_line_chars: float | Off = Field(0.25, description="share of characters in such lines")
    max_char_dup_ratio: float | Off = Field("off", description="the same, of the characters that are no line feeds")
    max_dup_paragraphs: float | Off = Field(0.3, description="share of paragraphs that stood before")
    max_dup_paragraph_chars: float | Off = Field(0.2, description="share of characters in such paragraphs")
    max_top_2gram: float | Off = Field(0.20, description="share of characters in the most frequent 2-gram")
    max_top_3gram: float | Off = Field(0.18, description="share of characters in the most frequent 3-gram")
    max_top_4gram: float | Off = Field(0.16, description="share of characters in the most frequent 4-gram")
    max_dup_5gram: float | Off = Field(0.15, description="share of characters in 5-grams that stood before")
    max_dup_6gram: float | Off = Field(0.14, description="share of characters in 6-grams that stood before")
    max_dup_7gram: float | Off = Field(0.13, description="share of characters in 7-grams that stood before")
    max_dup_8gram: float | Off = Field(0.12, description="share of characters in 8-grams that stood before")
    max_dup_9gram: float | Off = Field(0.11, description="share of characters in 9-grams that stood before")
    max_dup_10gram: float | Off = Field(0.10, description="share of characters in 10-grams that stood before")
    max_lorem_lines: float | Off = Field(0.2, description="share of lines with `lorem ipsum`")
    max_javascript_lines: float | Off = Field(0.2, description="share of lines that name JavaScript")
    max_policy_lines: float | Off = Field(0.2, description="share of lines on cookies, privacy or terms of use")
    max_brace_lines: float | Off = Field("off", description="share of lines with `{`")
    max_c4_marks: int | Off = Field("off", description="filler text and `{` in lines that C4's line rules leave")
    min_c4_sentences: int | Off = Field("off", description="sentences in lines that C4's line rules leave")
    min_model_score: int | Off = Field("off", description="0 to 1000, how likely the classifier calls the text good")
    max_perplexity: float | Off = Field("off", description="bits a character")


class ChineseThresholds(QualityThresholds):
    """The same rules with bounds for Chinese, where a Han character is a token; re-derived for such tokens."""

    token_rules_from: int = 80
    stop_words_from: int = 300

    min_tokens: int | Off = 8
    max_tokens: int | Off = 170_000
    min_mean_token_length: float | Off = 1.0
    max_mean_token_length: float | Off = 3.5
    max_bullet_lines: float | Off = 0.95
    min_alpha_ratio: float | Off = 0.75
    min_stop_words: int | Off = 4
    max_sentence_tokens: float | Off = 250.0
    min_terminal_lines: float | Off = 0.005
    max_newline_ratio: float | Off = 0.35
    max_dup_lines: float | Off = 0.5
    max_dup_line_chars: float | Off = 0.3
    max_dup_paragraphs: float | Off = 0.45
    max_dup_paragraph_chars: float | Off = 0.25
    max_top_2gram: float | Off = 0.20
    max_top_3gram: float | Off = 0.22
    max_top_4gram: float | Off = 0.24
    max_dup_5gram: float | Off = 0.41
    max_dup_6gram: float | Off = 0.40
    max_dup_7gram: float | Off = 0.40
    max_dup_8gram: float | Off = 0.40
    max_dup_9gram: float | Off = 0.40
    max_dup_10gram: float | Off = 0.39


class QualityRules(Params):
    """Thresholds a language; texts in other languages are judged by `en`."""

    en: QualityThresholds = QualityThresholds()
    zh: ChineseThresholds = ChineseThresholds()


class Clean(Stage):
    """The clean stage."""

    measure: CleanMeasure = CleanMeasure()
    rules: CleanRules = CleanRules()


class Quality(Stage):
    """The quality stage."""

    measure: QualityMeasure = QualityMeasure()
    rules: QualityRules = QualityRules()
