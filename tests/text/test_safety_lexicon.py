"""Terms: what matches, where, in which language; held to a plain search over tokens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_data.errors import StageError
from aigc_data.recipe import SAFETY_CATEGORIES
from aigc_data.text.safety import lexicon
from aigc_data.text.safety.categories import ALLOW, CATEGORIES, OWN, RISKS, covers
from aigc_data.text.safety.lexicon import Lexicon
from aigc_data.text.tokens import tokens_of


def listed(tmp_path: Path, *lines: str, name: str = "own.tsv") -> Path:
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def own(tmp_path: Path, *lines: str) -> Lexicon:
    return lexicon.load([listed(tmp_path, *lines)], builtin=False)


def hits(terms: Lexicon, *texts: str | None, lang: str = "en") -> list[list[tuple[str, str]]]:
    """For each text, each match as it stands there and the term it is."""
    found = terms.find(pa.array(texts, pa.string()), pa.array([lang] * len(texts)))
    out: list[list[tuple[str, str]]] = [[] for _ in texts]
    for row, term, first, last in zip(found.rows, found.terms, found.firsts, found.lasts, strict=True):
        out[row].append(((texts[row] or "")[first:last], terms.terms[term].text))
    return out


def test_find__words_are_whole_and_han_is_anywhere(tmp_path: Path) -> None:
    terms = own(tmp_path, "ass\tinsult", "傻瓜\tinsult", "tmd\tprofanity")
    assert hits(terms, "an assassin, ＡＳＳ! bass", "你这个傻瓜真傻", "你tmd真傻 atmd", None, "") == [
        [("ＡＳＳ", "ass")],
        [("傻瓜", "傻瓜")],
        [("tmd", "tmd")],
        [],
        [],
    ]


def test_find__case_width_and_variants_are_one(tmp_path: Path) -> None:
    terms = own(tmp_path, "澳门赌场\tgambling", "Free Spins\tgambling")
    assert hits(terms, "澳門賭場，澳门赌场", "ＦＲＥＥ　ｓｐｉｎｓ, free-SPINS") == [
        [("澳門賭場", "澳门赌场"), ("澳门赌场", "澳门赌场")],
        [("ＦＲＥＥ　ｓｐｉｎｓ", "Free Spins"), ("free-SPINS", "Free Spins")],
    ]
    assert hits(own(tmp_path, "賭場\tgambling"), "赌场") == [[("赌场", "賭場")]]


def test_find__the_longest_term_wins_and_allow_hides(tmp_path: Path) -> None:
    terms = own(tmp_path, "妈的\tprofanity", "妈妈的\tallow", "去死\tself-harm", "你去死吧\tself-harm")
    assert hits(terms, "妈妈的妈的", "你去死吧去死") == [
        [("妈的", "妈的")],
        [("你去死吧", "你去死吧"), ("去死", "去死")],
    ]
    assert [t.category for t in terms.terms].count(ALLOW) == 1


def test_find__gaps_are_bridged_only_inside_a_clause(tmp_path: Path) -> None:
    terms = own(tmp_path, "傻瓜\tinsult", "kill all\tviolence")
    assert hits(terms, "傻 瓜", "傻***瓜", "傻——瓜", "傻，瓜", "傻\n瓜", "傻    瓜", "kill. all", "kill  all") == [
        [("傻 瓜", "傻瓜")],
        [("傻***瓜", "傻瓜")],
        [],
        [],
        [],
        [],
        [],
        [("kill  all", "kill all")],
    ]


def test_find__asterisks_of_a_term_must_stand_there(tmp_path: Path) -> None:
    terms = own(tmp_path, "a**hole\tinsult", "f*ck\tprofanity")
    assert hits(terms, "a**hole, a hole, a-hole", "F*CK f ck f**ck") == [
        [("a**hole", "a**hole")],
        [("F*CK", "f*ck"), ("f**ck", "f*ck")],
    ]


def test_find__languages(tmp_path: Path) -> None:
    terms = own(tmp_path, "slut\tinsult\t5\ten,zh", "博彩\tgambling\t5\t*", "dick\tinsult\t5\tzh")
    text = "slut 博彩 dick"
    assert [[t for _, t in hits(terms, text, lang=lang)[0]] for lang in ("en", "zh", "sv", "und")] == [
        ["slut", "博彩"],
        ["slut", "博彩", "dick"],
        ["博彩"],
        ["博彩"],
    ]


def test_find__positions_are_code_points_and_rows_stay_apart(tmp_path: Path) -> None:
    terms = own(tmp_path, "傻瓜\tinsult")
    texts = pa.chunked_array([["x", "😀é傻瓜"], ["傻", "瓜"]], pa.large_string())
    found = terms.find(texts.slice(1), pa.chunked_array([["zh"], ["zh", "zh"]]))
    assert (found.rows.tolist(), found.firsts.tolist(), found.lasts.tolist()) == ([0], [2], [4])
    assert found.tokens.tolist() == [3, 1, 1]


def plain(terms: list[list[str]], tokens: list[str]) -> list[tuple[int, int, int]]:
    """(place, term, tokens) of leftmost, longest matches."""
    out, place = [], 0
    while place < len(tokens):
        fitting = [(len(t), -i) for i, t in enumerate(terms) if tokens[place : place + len(t)] == t]
        if not fitting:
            place += 1
            continue
        length, i = max(fitting)
        out.append((place, -i, length))
        place += length
    return out


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("甲乙丙"), min_size=1, max_size=4), min_size=1, max_size=6, unique_by="".join),
    st.text("甲乙丙丁", max_size=40),
)
def test_find__is_the_plain_search(words: list[list[str]], text: str) -> None:
    terms = Lexicon(tuple(lexicon.Term("".join(w), "insult", 1, (), "x:1") for w in words))
    found = terms.find(pa.array([text], pa.string()), pa.array(["zh"]))
    got = list(zip(found.firsts.tolist(), found.terms.tolist(), (found.lasts - found.firsts).tolist(), strict=True))
    assert got == plain(words, tokens_of(text))


def test_find__repetition_takes_linear_time(tmp_path: Path) -> None:
    terms = own(tmp_path, " ".join(["a"] * 64) + "\tinsult", "啊" * 64 + "\tinsult")
    for text in ("a " * 200_000, "啊" * 300_000, "a" * 1_000_000, "́" * 500_000, "\n" * 500_000):
        assert hits(terms, text + "b")[0][:1] == hits(terms, text[:256])[0][:1]


def test_load__later_files_win(tmp_path: Path) -> None:
    first = listed(tmp_path, "# first", "", "博彩\tgambling\t3", "賭場\tgambling", "赌场\tgambling\t9", name="a.tsv")
    second = listed(tmp_path, "博彩\tA.1.h\t7\tzh", name="b.tsv")
    terms = lexicon.load([first, second], builtin=False).terms
    assert [(t.text, t.category, t.weight, t.languages) for t in terms] == [
        ("博彩", "gambling", 3, ()),
        ("博彩", "A.1.h", 7, ("zh",)),
        ("赌场", "gambling", 9, ()),
    ]
    assert [hits_by_category(terms, "博彩", lang) for lang in ("zh", "en")] == [["A.1.h"], ["gambling"]]
    third = listed(tmp_path, "博彩\tallow", name="c.tsv")
    assert [t.category for t in lexicon.load([first, second, third], builtin=False).terms] == ["allow", "gambling"]


def hits_by_category(terms: tuple[lexicon.Term, ...], text: str, lang: str) -> list[str]:
    found = Lexicon(terms).find(pa.array([text]), pa.array([lang]))
    return [terms[i].category for i in found.terms]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("chat\tinsult\t5\tfr", "chat\tinsult\t5\tde"), {"fr": ["insult"], "de": ["insult"], "en": []}),
        (("chat\tinsult\t5\tfr", "chat\tsexual\t5\tde"), {"fr": ["insult"], "de": ["sexual"], "en": []}),
        (("chat\tinsult\t5\t*", "chat\tallow\t5\tfr"), {"fr": [], "de": ["insult"]}),
        (("聊天\tinsult\t5\tzh", "聊天\tinsult\t9\tja"), {"zh": ["insult"], "ja": ["insult"], "en": []}),
    ],
)
def test_load__one_term_for_several_languages(
    tmp_path: Path, lines: tuple[str, ...], expected: dict[str, list[str]]
) -> None:
    terms = own(tmp_path, *lines).terms
    word = lines[0].partition("\t")[0]
    assert {lang: hits_by_category(terms, word, lang) for lang in expected} == expected


@pytest.mark.parametrize("turned", [False, True])
def test_find__masked_and_plain_spelling_are_two_terms(tmp_path: Path, turned: bool) -> None:
    lines = ["f*ck\tprofanity", "f ck\tinsult", "傻*瓜\tinsult", "傻瓜\tallow"]
    terms = own(tmp_path, *(reversed(lines) if turned else lines))
    assert hits(terms, "f*ck", "f**ck", "f ck f-ck", "傻*瓜", "傻瓜") == [
        [("f*ck", "f*ck")],
        [("f**ck", "f*ck")],
        [("f ck", "f ck"), ("f-ck", "f ck")],
        [("傻*瓜", "傻*瓜")],
        [],
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("word", "own.tsv:2 has 1 columns"),
        ("word\that", "names a category `hat`"),
        ("word\thate", "names a category `hate`"),
        ("word\tinsult\t11", "weight `11`"),
        ("word\tinsult\t１", "weight `１`"),
        ("word\tinsult\t5\tEnglish", "names languages"),
        ("a$$\tinsult", "with `$` in it"),
        ("---\tinsult", "0 tokens"),
        ("f*ck you\tinsult", "blanks in a term with asterisks"),
        ("f***\tinsult", "asterisks at the end of a term alone"),
        ("x " * 65 + "\tinsult", "65 tokens"),
        ("Good\tsexual", "own.tsv:2 files a term under `sexual` that own.tsv:1 files under `insult`"),
    ],
)
def test_load__says_what_is_wrong_and_where(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(StageError) as error:
        own(tmp_path, "good\tinsult", line)
    assert said in str(error.value)


def test_load__unreadable_files(tmp_path: Path) -> None:
    (tmp_path / "gbk.tsv").write_bytes("赌场\tgambling\n".encode("gbk"))
    for name in ("gbk.tsv", "missing.tsv"):
        with pytest.raises(StageError, match=name):
            lexicon.load([tmp_path / name], builtin=False)
    assert lexicon.load([], builtin=False).find(pa.array(["x"]), pa.array(["en"])).tokens.tolist() == [1]


def test_builtin__loads_in_both_languages() -> None:
    terms = lexicon.load([])
    assert len(terms.terms) > 1500
    scripts = [any("一" <= c <= "鿿" for c in t.text) for t in terms.terms]
    assert min(scripts.count(True), scripts.count(False)) > 700
    assert {t.category for t in terms.terms} <= {c.id for c in OWN} | {ALLOW}
    assert [[t for _, t in row] for row in hits(terms, "go kill yourself", "请讲妈妈的故事")] == [
        ["go kill yourself"],
        [],
    ]


TOPICAL = (
    "The court sentenced the dealer for selling cocaine; police had found heroin and two pistols in his flat.",
    "Breast cancer screening lowers mortality. Sexual health clinics test for chlamydia, gonorrhoea and syphilis.",
    "In 1937 the Nanjing Massacre killed hundreds of thousands of civilians; many women were raped.",
    "Suicide is preventable. If you are thinking of killing yourself, call a crisis line; talking helps.",
    "How can I kill a Python process? How do I shoot a photo, and what is fraud?",
    "A garden hoe, a faggot of sticks, the dyke by the sea, cock and hen, a fag end, chinks in the wall.",
    "法院以贩卖毒品罪判处被告人有期徒刑十五年，缴获海洛因和冰毒若干。",
    "艾滋病主要通过性行为传播，使用安全套可以预防。乳腺癌筛查能降低死亡率。",
    "一九三七年十二月南京大屠杀，数十万平民遇难，许多妇女遭到强奸。",
    "如果你有自杀的念头，请拨打心理援助热线，和家人朋友谈一谈。",
    "公安机关提醒：刷单返利都是诈骗，不要出租银行卡，警惕网络赌博。",
    "清代禁止赌博，犯者杖八十。六合县在南京以北，绿茶产于江南。",
)


def test_builtin__topical_texts_stay(tmp_path: Path) -> None:
    from aigc_data.recipe import SafetyRules
    from aigc_data.text.safety.rules import count, is_dense

    terms = lexicon.load([])
    texts = pa.array([*TOPICAL, *[text * 20 for text in TOPICAL]], pa.string())
    langs = pa.array(["en" if text.as_py().isascii() else "zh" for text in texts])
    counted = count(terms.find(texts, langs), terms)
    assert not is_dense(counted.density, counted.weight, SafetyRules()).any()
    spam = "澳门新葡京娱乐城 注册送彩金，真人百家乐，时时彩平台，六合彩开奖直播"
    counted = count(terms.find(pa.array([spam]), pa.array(["zh"])), terms)
    assert is_dense(counted.density, counted.weight, SafetyRules()).all()


def test_categories__are_those_of_the_recipe() -> None:
    assert tuple(CATEGORIES) == SAFETY_CATEGORIES
    assert len(RISKS) == 31
    assert all(c.counts_as in {"", *(r.id for r in RISKS)} for c in OWN)
    assert covers("hate", "hate.race")
    assert covers("A.1", "A.1.h")
    assert not covers("hat", "hate.race")


def test_numbers__count_once_and_each_time(tmp_path: Path) -> None:
    from aigc_data.text.safety.rules import count

    terms = own(tmp_path, "甲乙\tinsult\t3", "丙丁\tinsult\t4")
    counted = count(terms.find(pa.array(["甲乙甲乙丙丁", "", "甲乙"]), pa.array(["zh"] * 3)), terms)
    assert counted.terms.tolist() == [3, 0, 1]
    assert counted.weight.tolist() == [7, 0, 3]
    assert np.allclose(counted.density, [10000 / 6, 0, 1500])
