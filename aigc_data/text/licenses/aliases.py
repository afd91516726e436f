"""Names of licences that are neither SPDX identifiers nor described by their words, as people write them into fields.

A line is an identifier and then its names, in lower case and without blanks and marks, as `names` squashes them.
"""

from __future__ import annotations

#: "-" is what people write to say nothing.
_TABLE = """
-                             unknown none other na nan null unspecified noassertion nolicense nolicence
-                             various custom see tbd 未知 无 其他 未声明 不详
LicenseRef-public-domain      publicdomain pd publicdomainmark inpublicdomain publicdomaininusa
LicenseRef-public-domain      usgovernmentwork usgov 公有领域 公共领域 公有領域 公眾領域 公众领域 公版
LicenseRef-public-domain      版权已过期
LicenseRef-Project-Gutenberg  gutenberg projectgutenberg 古腾堡 古登堡计划
LicenseRef-all-rights-reserved allrightsreserved copyrighted proprietary commercial closed 版权所有
LicenseRef-all-rights-reserved 保留所有权利 保留一切权利 版權所有 专有 商业授权
LicenseRef-non-commercial     noncommercial noncommercialuse noncommercialonly noncommercialuseonly 非商业
LicenseRef-non-commercial     非商业使用 仅供非商业使用 禁止商用
LicenseRef-research-only      researchonly researchuseonly academic academiconly
LicenseRef-research-only      academicresearchpurposesonly academicuseonly forresearchuseonly 仅供研究
LicenseRef-research-only      仅限学术 仅供学术研究 仅供研究使用 学术研究
MIT                           mit expat x11expat
Apache-2.0                    apache apache2 asl2 asl20 apachev2 阿帕奇20 阿帕奇2
LicenseRef-BSD                bsd bsdstyle
BSD-3-Clause                  bsd3 newbsd modifiedbsd revisedbsd 3clausebsd bsdnew
BSD-2-Clause                  bsd2 simplifiedbsd freebsd 2clausebsd
AGPL-3.0-or-later             agpl
MPL-2.0                       mozillapublic20 mpl mpl2
EPL-1.0                       eclipsepublic10 epl1
EPL-2.0                       eclipsepublic20 epl2
AFL-1.1                       academicfree11
AFL-1.2                       academicfree12
AFL-2.0                       academicfree20
AFL-2.1                       academicfree21
AFL-3.0                       academicfree30
CC-PDM-1.0                    publicdomainmark10 ccpdm pdm
C-UDA-1.0                     computationaluseofdataagreement cuda
BSL-1.0                       boost
Artistic-2.0                  artistic
WTFPL                         wtfpl2 wtfpl20 dowhatthefuckyouwanttopublic
ODbL-1.0                      odbl opendatabase opendatabase10 opendatacommonsopendatabase odcodbl odcodbl10
ODbL-1.0                      开放数据库
ODC-By-1.0                    odcby opendatacommonsattribution opendatacommonsattribution10 odcattribution
PDDL-1.0                      pddl odcpddl opendatacommonspublicdomaindedicationand
PDDL-1.0                      publicdomaindedicationand
CDLA-Permissive-1.0           cdlapermissive communitydataagreementpermissive10
CDLA-Permissive-2.0           communitydataagreementpermissive20
CDLA-Sharing-1.0              cdlasharing communitydataagreementsharing10
etalab-2.0                    etalab
OGL-UK-3.0                    opengovernment30 ogl30
MulanPSL-2.0                  mulanpsl mulanpsl2 mulanpermissive2 mulanpermissive20 木兰宽松 木兰宽松2
MulanPSL-2.0                  木兰宽松20 木兰宽松第2版
MulanPSL-1.0                  mulanpsl1 mulanpermissive1 木兰宽松1 木兰宽松第1版
LicenseRef-MulanPubL-2.0      mulanpubl2 mulanpubl20 木兰公共 木兰公共2 木兰公共第2版
LicenseRef-OANC               oanc americannationalcorpus
LicenseRef-OpenRAIL           openrail openrailm bigscienceopenrailm creativemlopenrailm bigscienceopenrail
LicenseRef-OpenRAIL           bigsciencebloomrail10 bigcodeopenrailm
LicenseRef-model-terms        llama2 llama3 llama31 metallama3community llama2community gemma openai
LicenseRef-model-terms        anthropic
LicenseRef-custom-terms       lmsyschat1mdataset ai2impactlowrisk ai2impactmediumrisk
"""


def _read() -> dict[str, str]:
    table: dict[str, str] = {}
    for line in _TABLE.strip().splitlines():
        identifier, *names = line.split()
        table |= dict.fromkeys(names, "" if identifier == "-" else identifier)
    return table


#: Squashed name → identifier; "" for names that say nothing.
ALIASES = _read()
