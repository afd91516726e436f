"""Declared licences, their classes, and notices in texts, in both languages."""

import time

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_data.text.licenses import CLASSES, NOASSERTION, class_of, declared_licence, find_notices, join, normalise


@pytest.mark.parametrize(
    ("declared", "expression", "licence_class"),
    [
        ("mit", "MIT", "permissive"),
        ("The MIT License (MIT)", "MIT", "permissive"),
        ("Apache License, Version 2.0", "Apache-2.0", "permissive"),
        ("BSD 3-Clause License", "BSD-3-Clause", "permissive"),
        ("bsd", "LicenseRef-BSD", "permissive"),
        ("木兰宽松许可证，第2版", "MulanPSL-2.0", "permissive"),
        ("http://license.coscl.org.cn/MulanPSL2", "MulanPSL-2.0", "permissive"),
        ("https://opensource.org/licenses/MIT", "MIT", "permissive"),
        ("https://www.apache.org/licenses/LICENSE-2.0.txt", "Apache-2.0", "permissive"),
        ("CC BY 4.0", "CC-BY-4.0", "attribution"),
        ("知识共享 署名 4.0 国际", "CC-BY-4.0", "attribution"),
        ("odc-by", "ODC-By-1.0", "attribution"),
        ("cc-by-sa-4.0", "CC-BY-SA-4.0", "share-alike"),
        ("知识共享署名-相同方式共享 4.0", "CC-BY-SA-4.0", "share-alike"),
        ("https://creativecommons.org/licenses/by-sa/3.0/deed.zh", "CC-BY-SA-3.0", "share-alike"),
        ("http://creativecommons.org/licenses/by/3.0/us/", "CC-BY-3.0-US", "attribution"),
        ("CC BY-SA", "LicenseRef-CC-BY-SA", "share-alike"),
        ("GPL v3 or any later version", "GPL-3.0-or-later", "share-alike"),
        ("gpl-3.0", "GPL-3.0-only", "share-alike"),
        ("GNU Lesser General Public License, version 2.1", "LGPL-2.1-only", "share-alike"),
        ("https://www.gnu.org/licenses/old-licenses/gpl-2.0.html", "GPL-2.0-only", "share-alike"),
        ("GFDL", "GFDL-1.1-or-later", "share-alike"),
        ("MPL 2.0", "MPL-2.0", "share-alike"),
        ("odbl", "ODbL-1.0", "share-alike"),
        ("cc-by-nd-4.0", "CC-BY-ND-4.0", "no-derivatives"),
        ("Attribution-NonCommercial-ShareAlike 4.0 International", "CC-BY-NC-SA-4.0", "non-commercial"),
        ("知识共享 署名-非商业性使用-禁止演绎 3.0 中国大陆", "CC-BY-NC-ND-3.0", "non-commercial"),
        ("仅供非商业使用", "LicenseRef-non-commercial", "non-commercial"),
        ("Academic Research Purposes Only", "LicenseRef-research-only", "research-only"),
        ("CC0", "CC0-1.0", "public-domain"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0", "public-domain"),
        ("公有领域", "LicenseRef-public-domain", "public-domain"),
        ("Public domain in the USA.", "LicenseRef-public-domain", "public-domain"),
        ("Unlicense", "Unlicense", "public-domain"),
        ("pddl", "PDDL-1.0", "public-domain"),
        ("https://www.gutenberg.org/license", "LicenseRef-Project-Gutenberg", "public-domain"),
        ("版权所有", "LicenseRef-all-rights-reserved", "proprietary"),
        ("openrail", "LicenseRef-OpenRAIL", "proprietary"),
        ("MIT OR gpl-2.0+", "MIT OR GPL-2.0-or-later", "permissive"),
        ("mit and (apache-2.0 or cc-by-nc-4.0)", "MIT AND (Apache-2.0 OR CC-BY-NC-4.0)", "permissive"),
        ("MIT AND cc-by-nc-4.0", "MIT AND CC-BY-NC-4.0", "non-commercial"),
        ("LicenseRef-ours OR MIT", "LicenseRef-ours OR MIT", "permissive"),
        ("LicenseRef-ours AND MIT", "LicenseRef-ours AND MIT", "unknown"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0", "share-alike"),
        ("['mit', 'cc-by-4.0']", "CC-BY-4.0 AND MIT", "attribution"),
        ("", NOASSERTION, "unknown"),
        ("unknown", NOASSERTION, "unknown"),
        ("other", NOASSERTION, "unknown"),
        ("未知", NOASSERTION, "unknown"),
        ("see https://example.org/terms", NOASSERTION, "unknown"),
        ("MIT or something", NOASSERTION, "unknown"),
        ("mit and (apache-2.0 or", NOASSERTION, "unknown"),
        ("()", NOASSERTION, "unknown"),
        ("(" * 900 + "MIT" + ")" * 900, NOASSERTION, "unknown"),
    ],
)
def test_normalise__spdx_and_class(declared: str, expression: str, licence_class: str) -> None:
    assert normalise(declared) == expression
    assert class_of(expression) == licence_class
    assert normalise(expression) == expression


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(
        st.text(max_size=80),
        st.lists(
            st.sampled_from(
                [
                    "mit",
                    "gpl",
                    "cc",
                    "by-sa",
                    "4.0",
                    "(",
                    ")",
                    "AND",
                    "or",
                    "WITH",
                    "+",
                    "-",
                    ",",
                    "/",
                    "知识共享",
                    "署名",
                    "https://",
                    ".org",
                    "公有领域",
                    "v2",
                ]
            )
        ).map(" ".join),
    )
)
def test_normalise__never_raises(text: str) -> None:
    expression = normalise(text)
    assert class_of(expression) in CLASSES
    assert class_of(declared_licence(text)) in CLASSES
    assert class_of(text) in CLASSES


def test_declared_licence__sentences() -> None:
    assert declared_licence('Licensed under the Apache License, Version 2.0 (the "License")') == "Apache-2.0"
    assert declared_licence("本数据集仅供学术研究使用") == "LicenseRef-research-only"
    assert declared_licence(None) == NOASSERTION


def test_join__sorts_and_brackets() -> None:
    assert join(["MIT", "CC0-1.0 OR MIT", "MIT", NOASSERTION, ""]) == "(CC0-1.0 OR MIT) AND MIT"
    assert join([]) == NOASSERTION


def detected(text: str, reach: int = 2048) -> tuple[str, str]:
    found = find_notices(pa.array([text], pa.large_string()), reach=reach)
    start, end = int(found.starts[0]), int(found.ends[0])
    return found.expressions[0], text[start:end] if start >= 0 else ""


@pytest.mark.parametrize(
    ("text", "expression", "notice"),
    [
        (
            "𠮷正文。\n本文采用知识共享署名-相同方式共享 4.0 国际许可协议。",
            "CC-BY-SA-4.0",
            "知识共享署名-相同方式共享 4.0",
        ),
        ("This work is under CC BY-NC 4.0.", "CC-BY-NC-4.0", "CC BY-NC 4.0"),
        (
            "<a href='https://creativecommons.org/licenses/by/4.0/'>x</a>",
            "CC-BY-4.0",
            "https://creativecommons.org/licenses/by/4.0/",
        ),
        (
            "Licensed under the Creative Commons\nAttribution-ShareAlike 3.0 Unported.",
            "CC-BY-SA-3.0",
            "Creative Commons\nAttribution-ShareAlike 3.0",
        ),
        (
            "# SPDX-License-Identifier: MIT OR Apache-2.0\ncode",
            "MIT OR Apache-2.0",
            "SPDX-License-Identifier: MIT OR Apache-2.0",
        ),
        (
            "This document has been placed in the public domain.",
            "LicenseRef-public-domain",
            "This document has been placed in the public domain",
        ),
        ("本作品已进入公有领域。", "LicenseRef-public-domain", "本作品已进入公有领域"),
        ("MIT License\n\nCopyright (c) 2020 A. All rights reserved.", "MIT", "MIT License"),
        (
            "Permission is hereby granted, free of charge, to any person obtaining a copy of",
            "MIT",
            "Permission is hereby granted, free of charge, to any person obtaining a copy",
        ),
        (
            'Licensed under the Apache License, Version 2.0 (the "License");',
            "Apache-2.0",
            "Licensed under the Apache License, Version 2.0",
        ),
        ("本项目采用 MIT 许可证开源", "MIT", "采用 MIT 许可"),
        ("代码采用 MIT 协议", "MIT", "采用 MIT 协议"),
        ("Released under GPL v3.", "GPL-3.0-only", "Released under GPL v3"),
        (
            "the GNU General Public License as published by the Free Software Foundation; "
            "either version 3 of the License, or (at your option) any later version.",
            "GPL-3.0-or-later",
            None,
        ),
        ("Copyright 2020 X Inc. All rights reserved.", "LicenseRef-all-rights-reserved", "All rights reserved"),
        ("版权所有，未经许可不得转载。", "LicenseRef-all-rights-reserved", "版权所有"),
        ("资料仅供非商业用途。", "LicenseRef-non-commercial", "仅供非商业"),
        ("For non-commercial use only.", "LicenseRef-non-commercial", "For non-commercial use only"),
        (
            "This eBook is for the use of anyone anywhere in the United States",
            "LicenseRef-Project-Gutenberg",
            "This eBook is for the use of anyone anywhere",
        ),
    ],
)
def test_find_notices__finds(text: str, expression: str, notice: str | None) -> None:
    assert detected(text)[0] == expression
    if notice is not None:
        assert detected(text)[1] == notice


@pytest.mark.parametrize(
    "text",
    [
        "Scholars compare the MIT licence with the GPL; many prefer licences that ask for less.",
        "许可证是一种法律文件，研究者比较了多种授权方式。",
        "The company released under pressure a new commercial product for academic readers.",
        "任何人不得限制程序用于商业用途。",
        "Die Lizenz und das Recht",
        "",
    ],
)
def test_find_notices__leaves_mentions_alone(text: str) -> None:
    assert detected(text) == ("", "")


def test_find_notices__head_and_tail_only() -> None:
    notice, filler = "Licensed under the MIT License.", "汉字😀 and words. " * 400
    assert detected(notice + filler, 512)[0] == "MIT"
    assert detected(filler + notice, 512) == ("MIT", "Licensed under the MIT License")
    assert detected(filler + notice + filler, 512)[0] == ""
    assert detected(notice, 0)[0] == ""
    assert detected("😀" * 300 + "本文属于公有领域" + "😀" * 300, 601)[0] == ""


def test_find_notices__shapes_slices_nulls() -> None:
    texts = pa.array(["x", None, "All rights reserved", "CC0", "采用 CC BY-SA 4.0 许可"], pa.string())
    found = find_notices(texts.slice(1), reach=64)
    assert found.expressions == ["", "LicenseRef-all-rights-reserved", "", "CC-BY-SA-4.0"]
    assert found.starts.tolist() == [-1, 0, -1, 0]
    assert find_notices(pa.array([], pa.large_string()), reach=64).expressions == []


@pytest.mark.parametrize(
    "piece",
    [
        "license ",
        "licensed under ",
        "creative commons ",
        "this ",
        "GNU General Public License ",
        "采用许可",
        "non-commercial use ",
    ],
)
def test_find_notices__hostile_text(piece: str) -> None:
    texts = pa.array([piece * 100_000], pa.large_string())
    start = time.process_time()
    find_notices(texts, reach=4096)
    declared_licence(piece * 600)
    assert time.process_time() - start < 5
