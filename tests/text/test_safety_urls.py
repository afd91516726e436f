"""Block lists: what an entry blocks, in an address and in a text; held to plain splitting at dots."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_data.errors import StageError
from aigc_data.text.safety import urls
from aigc_data.text.safety.urls import BlockList, Entry

LIST = """\ufeff# adult and gambling
! as ad blockers write comments
evil.com
0.0.0.0 ads.example.org tracker.net  # two hosts
127.0.0.1 localhost
*.sub.io
||spam.cn^
https://pages.net/casino/
pages.net/*/slots
bücher.de
例子.中国
1.2.3.4
http://user@Port.org:8080
www.only.org
xn--mnchen-3ya.de
"""


def blocked(tmp_path: Path, text: str = LIST) -> BlockList:
    path = tmp_path / "adult.txt"
    path.write_text(text, encoding="utf-8")
    return urls.load([path])


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("http://evil.com", "domain"),
        ("https://a.b.evil.com/x", "domain"),
        ("HTTPS://user:pass@WWW.Evil.COM:8080/x?y#z", "domain"),
        ("evil.com/x", "domain"),
        ("//evil.com", "domain"),
        ("http://evil.com.", "domain"),
        ("http://ｅｖｉｌ．ｃｏｍ/", "domain"),
        ("http://evil。com/", "domain"),
        ("https://notevil.com", ""),
        ("https://evil.com.cn", ""),
        ("http://evil.com@good.com/", ""),
        ("http://good.com/?u=http://evil.com", ""),
        ("http://good.com/evil.com", ""),
        ("http://com/", ""),
        ("http://tracker.net", "domain"),
        ("http://localhost/", ""),
        ("http://sub.io", ""),
        ("http://a.sub.io", "domain"),
        ("http://www.spam.cn", "domain"),
        ("http://pages.net/casino/1", "prefix"),
        ("http://www.pages.net:80/casino/", "prefix"),
        ("http://pages.net/%63asino/1", "prefix"),
        ("http://pages.net/casinos", ""),
        ("http://pages.net/CASINO/1", ""),
        ("http://pages.net", ""),
        ("http://shop.pages.net/casino/1", ""),
        ("http://pages.net/a/b/slots?x", "pattern"),
        ("http://xn--bcher-kva.de/", "domain"),
        ("http://BÜCHER.de", "domain"),
        ("http://www.例子.中国/路", "domain"),
        ("http://münchen.de/", "domain"),
        ("http://a.xn--mnchen-3ya.de/", "domain"),
        ("http://1.2.3.4:80/", "domain"),
        ("http://port.org", "domain"),
        ("http://only.org", ""),
        ("http://www.only.org", "domain"),
        ("http://[::1]/", ""),
        ("http://", ""),
        ("", ""),
        (None, ""),
        ("." * 1000, ""),
        ("http://" + "a." * 500 + "evil.com", ""),
    ],
)
def test_addresses__by_labels(tmp_path: Path, address: str | None, kind: str) -> None:
    assert blocked(tmp_path).addresses(pa.array([address], pa.string())).to_pylist() == [kind and f"adult:{kind}"]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("访问evil.com看看", 1),
        ("see www.evil.com, notevil.com, evil.comx and http://a.evil.com/x.", 2),
        ("wait...evil.com...", 1),
        ("mail a@evil.com, evil.com@good.com", 1),
        ("http://pages.net/casino/1, pages.net/x", 1),
        ("到http://www.pages.net/a/slots看", 1),
        ("我们 例子.中国 和去例子.中国", 1),
        ("3.14 e.g. 1.2.3.4", 1),
        ("evil .com evil. com", 0),
        (None, 0),
    ],
)
def test_links__in_texts(tmp_path: Path, text: str | None, count: int) -> None:
    assert blocked(tmp_path).links(pa.array(["evil.com", text, ""], pa.string())).tolist() == [1, count, 0]


def test_links__hostile_texts_take_linear_time(tmp_path: Path) -> None:
    texts = ["." * 1_000_000, "a." * 500_000, "a" * 1_000_000 + ".com", "é" * 500_000 + ".com", "evil.com/" * 100_000]
    assert blocked(tmp_path).links(pa.array(texts)).tolist() == [0, 0, 0, 0, 100_000]


def plain(names: list[str], hosts: list[str]) -> list[bool]:
    """Whether a host or one of its parents is listed."""
    return [any(".".join(host.split(".")[i:]) in names for i in range(host.count(".") + 1)) for host in hosts]


LABELS = st.lists(st.sampled_from(["a", "b", "ab", "com", "cn"]), min_size=2, max_size=5).map(".".join)


@settings(max_examples=60, deadline=None)
@given(st.lists(LABELS, max_size=5, unique=True), st.lists(LABELS, min_size=1, max_size=5))
def test_addresses__are_those_of_plain_splitting(names: list[str], hosts: list[str]) -> None:
    lists = BlockList([Entry("x", name, "", False) for name in names])
    expected = plain(names, hosts)
    found = lists.addresses(pa.array([f"http://{host}/" for host in hosts]))
    assert [bool(one) for one in found.to_pylist()] == expected
    assert lists.links(pa.array([" 和".join(hosts)])).tolist() == [sum(expected)]


@pytest.mark.parametrize(
    "line",
    ["evil.com good.com", "ad*.evil.com", "*.evil.com/path", "@@||good.com^", "-.com", "a..b", "evil.com^$popup"],
)
def test_load__says_what_is_wrong_and_where(tmp_path: Path, line: str) -> None:
    with pytest.raises(StageError, match=r"adult\.txt:2"):
        blocked(tmp_path, f"evil.com\n{line}\n")


def test_load__the_first_entry_names_the_list(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.hosts").write_text("0.0.0.0 evil.com\n")
    lists = urls.load([tmp_path / "two.hosts", tmp_path / "one.hosts"])
    assert lists.addresses(pa.array(["http://evil.com/"])).to_pylist() == ["two:domain"]
    assert urls.load([]).addresses(pa.array(["http://evil.com/"])).to_pylist() == [""]
    with pytest.raises(StageError, match="missing"):
        urls.load([tmp_path / "missing.txt"])
