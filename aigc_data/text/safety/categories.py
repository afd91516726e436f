"""What a term of a lexicon is filed under.

Two sets of ids stand side by side. The plain words are ours; `A.1.a` … `A.5.b` are the 31 risks that TC260-003-2024
(annex A; kept by GB/T 45654-2025) asks a keyword library to be sorted by, here in short words of our own: the text of
the standard decides, not this table. `counts_as` says under which of the 31 a term of ours would be filed.
"""

from __future__ import annotations

from typing import NamedTuple

#: The category of a term that means nothing: what it matches is passed over (`妈妈的` hides `妈的`).
ALLOW = "allow"


class Category(NamedTuple):
    """An id, what it covers, and the id of the 31 risks that it counts as ("" where it is none of them)."""

    id: str
    covers: str
    counts_as: str = ""


OWN = (
    Category("profanity", "coarse words that need no victim"),
    Category("insult", "words that call somebody something", "A.4.a"),
    Category("hate.race", "slurs and contempt for people of an ethnic group", "A.2.a"),
    Category("hate.religion", "for people of a belief", "A.2.b"),
    Category("hate.nation", "for people of a country", "A.2.c"),
    Category("hate.region", "for people of a region", "A.2.d"),
    Category("hate.gender", "for women, men, trans people", "A.2.e"),
    Category("hate.orientation", "for gay, lesbian, bisexual people", "A.2.i"),
    Category("hate.age", "for people of an age", "A.2.f"),
    Category("hate.work", "for people of an occupation", "A.2.g"),
    Category("hate.health", "for disabled or ill people", "A.2.h"),
    Category("hate.other", "for any other group", "A.2.i"),
    Category("sexual", "pornography and offers of sex", "A.1.f"),
    Category("violence", "threats, and calls for violence", "A.1.f"),
    Category("terror", "praise of terrorism or extremism, and recruiting for it", "A.1.d"),
    Category("self-harm", "calls for suicide or self-injury", "A.4.a"),
    Category("gambling", "offers of gambling", "A.1.h"),
    Category("drugs", "offers of drugs", "A.1.h"),
    Category("weapons", "offers of weapons", "A.1.h"),
    Category("fraud", "offers of forged papers, laundering, scams", "A.1.h"),
)

RISKS = (
    Category("A.1.a", "incites to subvert state power or overthrow the socialist system"),
    Category("A.1.b", "endangers national security and interests, harms the country's image"),
    Category("A.1.c", "incites secession, undermines unity and social stability"),
    Category("A.1.d", "promotes terrorism or extremism"),
    Category("A.1.e", "promotes ethnic hatred"),
    Category("A.1.f", "promotes violence, obscenity, pornography"),
    Category("A.1.g", "spreads false and harmful information"),
    Category("A.1.h", "other content that laws and regulations forbid"),
    Category("A.2.a", "discriminates by ethnic group"),
    Category("A.2.b", "discriminates by belief"),
    Category("A.2.c", "discriminates by country"),
    Category("A.2.d", "discriminates by region"),
    Category("A.2.e", "discriminates by gender"),
    Category("A.2.f", "discriminates by age"),
    Category("A.2.g", "discriminates by occupation"),
    Category("A.2.h", "discriminates by health"),
    Category("A.2.i", "discriminates otherwise"),
    Category("A.3.a", "infringes intellectual property"),
    Category("A.3.b", "violates business ethics"),
    Category("A.3.c", "discloses trade secrets"),
    Category("A.3.d", "uses algorithms, data or platforms for monopoly or unfair competition"),
    Category("A.3.e", "other violations in business"),
    Category("A.4.a", "endangers others' physical or mental health"),
    Category("A.4.b", "infringes portrait rights"),
    Category("A.4.c", "infringes reputation"),
    Category("A.4.d", "infringes honour"),
    Category("A.4.e", "infringes privacy"),
    Category("A.4.f", "infringes rights in personal information"),
    Category("A.4.g", "infringes other rights of others"),
    Category("A.5.a", "inaccurate: gravely against scientific common sense"),
    Category("A.5.b", "unreliable: not wrong, and of no help to the user"),
)

CATEGORIES = {category.id: category for category in (*OWN, *RISKS)}


def covers(rule: str, category: str) -> bool:
    """Whether a rule on `rule` is about a term of `category`: `hate` and `A.1` stand for all ids below them."""
    return category == rule or category.startswith(f"{rule}.")
