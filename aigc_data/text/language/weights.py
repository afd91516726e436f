"""The languages that can be told apart, the scripts that they are written in, and what scripts alone decide."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from aigc_data.kernels.codepoints import TABLES
from aigc_data.kernels.samples import count_prose
from aigc_data.text.language.scripts import HAN, HANGUL, HANT, KANA, SCRIPTS, script_table

_BOTH = """
af am an ar arz as az ba bcl be bg bn br bs ca cs cy da de el en eo es et eu fa fi fr fy ga gd gl gn
gom gu he hi hr ht hu hy id is it ja jv ka kk km kn ko ku ky la lb lo lt lv mg mk ml mn mr ms mt my
ne nl nn no oc or pa pl ps pt qu ro ru sa si sk sl so sq sr sv sw ta te tg th tk tl tr tt ug uk ur
uz vec vi vo wa yo zh
"""
_FIRST = """
ast av azb bar bh bo bpy bxr cbk ce ceb ckb co cv diq dsb dty dv eml frr gsw gv hif hsb ia ie ilo io
jbo krc kv kw lez li lmo lrc mai mhr min mrj mwl myv mzn nah nap nds new os pam pfl pms pnb rm rue
sah sc scn sco sd su tyv vep vls war xal xmf yi
"""
_SECOND = "ace ary crh dz ext fo fuv gcf gcr grc guw ha hbo ig kab kik lg lij ln ltg nso om pcm rw sdh se sn st xh zu"
#: Every language that either voter knows, as ISO 639-1 or, where that has no code, 639-3; the last is no language.
LANGUAGES = (*sorted(_BOTH.split() + _FIRST.split() + _SECOND.split()), "und")
UND = len(LANGUAGES) - 1
PLACE = {name: place for place, name in enumerate(LANGUAGES)}
#: Languages that only lid.176 knows, and only py3langid.
FIRST_ONLY = np.array([name in _FIRST.split() for name in LANGUAGES[:-1]])
SECOND_ONLY = np.array([name in _SECOND.split() for name in LANGUAGES[:-1]])
#: The models' own codes where they are others. Serbo-Croatian ("sh") is shared out among the three.
RENAMED = {
    "als": ("gsw",), "sh": ("bs", "hr", "sr"), "yue": ("zh",), "wuu": ("zh",), "gug": ("gn",), "uzs": ("uz",),
}  # fmt: skip
#: Languages by the scripts that they are written in; those that are not named are written in Latin letters.
_WRITTEN = {
    "Cyrl": "av az ba be bg bs bxr ce crh cv kk krc ku kv ky lez mhr mk mn mrj myv os ro ru rue sah sr tg tk tt tyv "
    "ug uk uz xal",
    "Arab": "ar ary arz az azb ckb crh fa jv kk ku ky lrc ms mzn pa pnb ps sd sdh tg tk ug ur uz",
    "Latn": "az bs crh jv kk ku ms ro sr tk tt uz ug",
    "Deva": "bh dty gom hi hif mai mr ne new sa sd", "Beng": "as bn bpy", "Hebr": "he hbo yi", "Ethi": "am",
    "Grek": "el grc", "Tibt": "bo dz", "Geor": "ka xmf", "Armn": "hy", "Guru": "pa", "Gujr": "gu", "Orya": "or",
    "Taml": "ta", "Telu": "te", "Knda": "gom kn", "Mlym": "ml", "Sinh": "si", "Thai": "th", "Laoo": "lo", "Mymr": "my",
    "Khmr": "km", "Thaa": "dv", "Mong": "mn", "Han": "zh", "Jpan": "ja", "Kore": "ko",
}  # fmt: skip

#: Letters of a word that one Han, Kana or Hangul carries as much as: 3.4 in the Declaration of Human Rights, 2.8 in
#: Tatoeba's sentences in Chinese and English; the rest of the way because letters in a Chinese text are more often
#: names, code and markup than sentences.
EAST_ASIAN = 4


@dataclass(frozen=True)
class Weights:
    """Of n texts, by script: `east` (int64[n], Han, Kana and Hangul, EAST_ASIAN each) and `rest` (int64[n], other
    letters; beside Han, Kana and Hangul those of words only, without addresses, code and formulas), which of Chinese,
    Japanese and Korean they are (int64[n], meant where `east` > 0), and whether that is the larger half (bool[n])."""

    east: np.ndarray
    rest: np.ndarray
    language: np.ndarray
    decided: np.ndarray


def weigh_scripts(
    data: np.ndarray, starts: np.ndarray, ends: np.ndarray, counts: np.ndarray, whole: np.ndarray | None = None
) -> Weights:
    """The scripts of n texts data[starts[i]:ends[i]] (uint8[], int64[n]) with their counts (int64[n, scripts]), or of
    n lines of the texts with the numbers `whole` (int64[n]).

    Japanese if Kana exceed a tenth of Han, Kana and Hangul, Korean if Hangul exceed a half, else Chinese, Cantonese
    included.
    """
    han, kana, hangul = counts[:, HAN : HANT + 1].sum(axis=1), counts[:, KANA], counts[:, HANGUL]
    east = han + kana + hangul
    language = np.where(kana * 10 > east, PLACE["ja"], np.where(hangul * 2 > east, PLACE["ko"], PLACE["zh"]))
    rest = counts[:, HANGUL + 1 :].sum(axis=1)
    among = east > 0 if whole is None else np.bincount(whole, weights=east)[whole] > 0
    both = np.flatnonzero(among & (rest > 0))
    rest[both] = count_prose(data, starts[both], ends[both], script_table(), other_scripts(), TABLES)
    return Weights(EAST_ASIAN * east, rest, language, (east > 0) & (EAST_ASIAN * east >= rest))


@cache
def other_scripts() -> np.ndarray:
    """bool[scripts]: letters that are not Han, Kana or Hangul."""
    other = np.arange(len(SCRIPTS)) > HANGUL
    other.setflags(write=False)
    return other


@cache
def written() -> np.ndarray:
    """bool[scripts, languages without "und"]: whether a language is written in a script."""
    allowed = np.zeros((len(SCRIPTS), UND), bool)
    elsewhere: set[str] = set()
    for script, names in _WRITTEN.items():
        allowed[SCRIPTS.index(script), [PLACE[name] for name in names.split()]] = True
        elsewhere |= set(names.split())
    allowed[SCRIPTS.index("Latn"), [PLACE[name] for name in LANGUAGES[:-1] if name not in elsewhere]] = True
    allowed.setflags(write=False)
    return allowed
