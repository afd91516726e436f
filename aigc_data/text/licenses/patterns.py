"""What licence notices look like, in English and Chinese. All repeats are bounded, or over one class of characters."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from aigc_data.text.licenses.expressions import NOASSERTION, normalise
from aigc_data.text.licenses.names import (
    GUTENBERG,
    NON_COMMERCIAL,
    PUBLIC_DOMAIN,
    RESEARCH_ONLY,
    creative_commons,
    gnu,
)

#: A text without any of these holds no notice. ASCII in lower case; the search ignores its case.
TRIGGERS = (
    "creativecommons.org",
    "creative commons",
    "creative\ncommons",
    "cc by",
    "cc-by",
    "cc0",
    "知识共享",
    "知識共享",
    "創用",
    "创用",
    "spdx-license-identifier",
    "public domain",
    "public\ndomain",
    "公有领域",
    "公共领域",
    "公有領域",
    "公眾領域",
    "permission is hereby granted",
    "license",
    "licence",
    "general public",
    "free documentation",
    "许可",
    "許可",
    "授权",
    "授權",
    "rights reserved",
    "版权所有",
    "版權所有",
    "保留所有",
    "保留一切",
    "未经",
    "未經",
    "project gutenberg",
    "this ebook",
    "noncommercial",
    "non-commercial",
    "non commercial",
    "non\ncommercial",
    "commercial use",
    "commercial\nuse",
    "commercial purpose",
    "非商业",
    "非商業",
    "商用",
    "商业用途",
    "商业使用",
    "商業用途",
    "商業使用",
    "商业目的",
    "商業目的",
    "协议",
    "協議",
    "开源",
    "gpl",
    " mit ",
    " mit.",
    "apache",
    "bsd",
    "mozilla",
    "research purpose",
    "research use",
    "academic use",
    "academic purpose",
    "for academic",
    "for research",
    "学术",
    "學術",
    "科研",
    "研究",
)


class Pattern(NamedTuple):
    """A notice: one of `words` must be there (lower case), `regex` finds it, `meaning` gives its expression or ""."""

    words: tuple[str, ...]
    regex: re.Pattern[str]
    meaning: Callable[[re.Match[str]], str]


def _compiled(*parts: str) -> re.Pattern[str]:
    return re.compile("".join(parts), re.IGNORECASE | re.MULTILINE)


def _creative_commons(match: re.Match[str]) -> str:
    return creative_commons(match[0]) or ""


def _gnu(match: re.Match[str]) -> str:
    return gnu(" ".join(match[0].split())) or ""


def _spdx(match: re.Match[str]) -> str:
    found = normalise(match[1].strip(" */#-<>\t"))
    return "" if found == NOASSERTION else found


def _public_domain(match: re.Match[str]) -> str:
    return f"{PUBLIC_DOMAIN} OR CC0-1.0" if "cc0" in match[0].lower() else PUBLIC_DOMAIN


def _always(expression: str) -> Callable[[re.Match[str]], str]:
    return lambda _: expression


_CC_PART = (
    r"(?:non[\s-]?commercial|share[\s-]?alike|no[\s-]?deriv\w{0,6}"
    r"|非商业性?(?:使用)?|非商業性?|相同方式(?:共享|分享)|禁止(?:演绎|演繹|改作))"
)
_THIS = r"\bthis\s+(?:document|work|text|file|book|e-?book|article|software|code|page|program|pep|specification|site)"
_ONLY_ZH = r"(?:仅供|僅供|仅限|僅限|只供|限于|仅用于|僅用於|只能用于|仅可用于)"

PATTERNS = (
    Pattern(
        ("creativecommons.org",),
        _compiled(r"(?:https?://)?(?:www\.)?creativecommons\.org/(?:licenses|publicdomain)/[a-z0-9.+/-]{2,40}"),
        _creative_commons,
    ),
    Pattern(
        ("commons", "知识共享", "知識共享", "创用", "創用"),
        _compiled(
            r"(?:creative\s{1,3}commons|知识共享|知識共享|創用\s?cc|创用\s?cc)[\s“\"《（(:]{0,4}",
            r"(?:attribution|署名|姓名标示|姓名標示|by)",
            rf"(?:[\s\-–—/、,，()（）“”]{{0,4}}{_CC_PART}){{0,3}}(?:[^\n.。]{{0,30}}?\d\.\d)?",
        ),
        _creative_commons,
    ),
    Pattern(
        ("cc by", "cc-by"),
        _compiled(r"(?<![A-Za-z0-9-])cc[\s-]by(?:[\s-](?:nc|sa|nd)){0,3}[\s-]?\d\.\d"),
        _creative_commons,
    ),
    Pattern(
        ("cc by", "cc-by", "cc0"),
        _compiled(
            r"(?:under|采用|遵循|使用|以)\s{0,3}(?:the\s+|a\s+)?(?:cc[\s-]by(?:[\s-](?:nc|sa|nd)){0,3}|cc0)(?!\w)"
        ),
        _creative_commons,
    ),
    Pattern(("spdx-license",), _compiled(r"spdx-license-identifier:\s{0,3}([^\n\r]{1,120})"), _spdx),
    Pattern(
        ("public",),
        _compiled(
            _THIS,
            r"\s+(?:has\s+been|is|was)\s+(?:hereby\s+)?(?:(?:placed|dedicated|released)\s+)?",
            r"(?:in|into|to)\s+the\s+public\s+domain(?:[^.]{0,40}CC0[-\s]?1\.0[^.]{0,60})?",
        ),
        _public_domain,
    ),
    Pattern(
        ("公有", "公共", "公眾"),
        _compiled(
            r"本(?:文|作品|文档|文件|書|书|页面|頁面|站|网站|项目)[^。\n]{0,12}(?:公有领域|公共领域|公有領域|公眾領域)"
        ),
        _public_domain,
    ),
    Pattern(
        ("hereby granted",),
        _compiled(
            r"permission\s+is\s+hereby\s+granted,\s+free\s+of\s+charge,\s+to\s+any\s+person\s+obtaining\s+a\s+copy"
        ),
        _always("MIT"),
    ),
    Pattern(
        ("gnu",),
        _compiled(
            r"GNU\s+(?:Affero\s+|Lesser\s+|Library\s+)?General\s+Public\s+License[^()]{0,120}?version\s+\d(?:\.\d)?",
            r"(?:[\s\S]{0,60}?any\s+later\s+version)?",
        ),
        _gnu,
    ),
    Pattern(
        ("gnu",),
        _compiled(r"GNU\s+Free\s+Documentation\s+License,?\s+version\s+\d\.\d(?:\s+or\s+any\s+later\s+version)?"),
        _gnu,
    ),
    Pattern(
        ("gutenberg", "this ebook"),
        _compiled(
            r"this\s+ebook\s+is\s+for\s+the\s+use\s+of\s+anyone\s+anywhere",
            r"|(?:terms\s+of\s+the|full)\s+project\s+gutenberg(?:-tm|™)?\s+license",
        ),
        _always(GUTENBERG),
    ),
    Pattern(
        ("commercial",),
        _compiled(
            r"\b(?:only|solely|free|exclusively)\s+(?:\w{1,12}\s+){0,4}?",
            r"non[\s-]?commercial\s+(?:\w{1,14}\s+){0,3}?(?:use|purposes?)",
            r"|\bfor\s+(?:\w{1,12},?\s+(?:and|or)\s+)?non[\s-]?commercial\s+(?:\w{1,14}\s+){0,2}?(?:use|purposes?)\s+only",
            r"|\b(?:no|not\s+for)\s+commercial\s+(?:use|purposes?)",
            r"|\bcommercial\s+use\s+(?:of\s+\w{1,12}(?:\s+\w{1,12})?\s+)?is\s+(?:strictly\s+)?",
            r"(?:prohibited|forbidden|not\s+(?:allowed|permitted))",
        ),
        _always(NON_COMMERCIAL),
    ),
    Pattern(
        ("商",),
        _compiled(
            _ONLY_ZH,
            r"[^。\n]{0,10}非商[业業]",
            r"|(?:禁止|不得(?!限制)|严禁|嚴禁|谢绝|请勿|不可)[^。\n]{0,10}(?:商业|商業|商用)(?:性)?(?:用途|使用|目的)?",
        ),
        _always(NON_COMMERCIAL),
    ),
    Pattern(
        ("academic", "research", "学", "學", "研"),
        _compiled(
            r"\bfor\s+(?:non-?commercial\s+)?(?:academic|research)(?:\s+(?:and|or)\s+\w{1,14})?\s+(?:use|purposes?)\s+only",
            r"|\b(?:only|solely)\s+for\s+(?:academic|research)\s",
            r"|" + _ONLY_ZH + r"[^。\n]{0,8}(?:学术|學術|科研|研究)",
        ),
        _always(RESEARCH_ONLY),
    ),
)

#: After these words a licence is named, in up to 90 characters; other words may follow it.
STATEMENTS = (
    _compiled(
        r"\b(?:licen[cs]ed|(?:re)?distributed|released|(?:made\s+)?available|published|provided|shared|offered|covered)",
        r"\s{1,4}(?:\w{1,12}\s{1,4}){0,2}?(?:under|with|by)\s{1,4}",
        r"(?:the\s+)?(?:terms\s+(?:and\s+conditions\s+)?of\s+)?((?:the\s+|an?\s+)?[\w(\"'“][^\n;<>]{1,90})",
    ),
    _compiled(
        r"^[#*>\-/;. \t]{0,12}(?:licen[cs]e|许可证|许可协议|授权协议|版权协议|許可證|授權)",
        r"\s{0,3}[:：=]\s{0,3}([^\n]{2,90})",
    ),
    _compiled(
        r"^[#*>\-/;. \t]{0,12}((?:the\s+)?(?:MIT|ISC|BSD|Apache|Mozilla|GNU)\s[^\n]{0,60}?licen[cs]e",
        r"(?:,?\s+version\s+[\d.]+)?)\s*$",
    ),
)
#: Between these words stands a licence and nothing else.
STATEMENT_ZH = _compiled(
    r"(?:采用|採用|遵循|依据|依據|依照|根据|根據|基于|基於|使用|按照|遵守|以)\s{0,3}([^。，,\n]{2,50}?)\s{0,3}",
    r"(?:许可|許可|授权|授權|协议|協議|发布|發布|开源|共享)",
)
#: What follows such words and has none of these names no licence that is known.
NAMES = _compiled(
    r"licen[cs]e|gpl|mit\b|bsd|apache|mozilla|mpl|creative|\bcc|public\s+domain|isc\b|mulan|木兰|odbl|odc|gfdl|zlib",
    r"|wtfpl|eupl|epl|cdla",
)
#: Boilerplate that stands above permissive licences too: it counts when nothing else was said.
RESERVED = _compiled(
    r"all\s+rights\s+reserved|版权所有|版權所有|保留(?:所有|一切)(?:权利|權利)",
    r"|未[经經][^。\n]{0,12}(?:授权|授權|许可|許可|允许|允許|同意)[^。\n]{0,10}(?:不得|禁止|请勿|請勿|严禁|嚴禁)",
)
