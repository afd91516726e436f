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
[2001:0db8::0001]
faß.de
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
        ("https:evil.com", "domain"),
        ("http:/evil.com/x", "domain"),
        ("http:\\\\evil.com\\x", "domain"),
        ("http://good.com\\@evil.com", ""),
        ("http://ev%69l.com", "domain"),
        ("http://evil.com%2f", ""),
        ("http://%E4%BE%8B%E5%AD%90.%E4%B8%AD%E5%9B%BD/", "domain"),
        (" ht\ttp://ev\til.c\nom/x ", "domain"),
        ("evil.com:443", "domain"),
        ("http://user:pa/ss@evil.com", ""),
        ("http://pages.net//casino/", "prefix"),
        ("http://pages.net/a/../casino/", "prefix"),
        ("http://pages.net/a/%2E%2e/./casino/", "prefix"),
        ("http://pages.net\\casino\\", "prefix"),
        ("http://pages.net/casino/../x", ""),
        ("http://0x1.2.0x304/", "domain"),
        ("http://16909060/", "domain"),
        ("http://16909061/", ""),
        ("http://[2001:DB8:0::1]:80/", "domain"),
        ("http://[2001:db8::2]/", ""),
        ("http://faß.de", "domain"),
        ("http://xn--fa-hia.de", "domain"),
        ("http://fass.de", ""),
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
        ("evil.com.Then go", 1),
        ("see www.evil.com.A site", 1),
        ("good.com.Then evil.com.cn", 0),
        ("evil.com.then", 0),
        ("_evil.com_ 和 __evil.com__", 2),
        ("-evil.com 访问-evil.com-", 2),
        ("not_evil.com not-evil.com evil.com-x", 0),
        ("http://pages.net/a/..//casino/x", 1),
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
    ["evil.com good.com", "ad*.evil.com", "*.evil.com/path", "user@evil.com", "-.com", "a..b", "evil.com,bad.com"],
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


@pytest.mark.parametrize(
    ("line", "blocks", "skipped"),
    [
        ("@@good.com", [], 1),
        ("@@||good.com^", [], 1),
        ("||evil.com^$third-party", [], 1),
        ("||evil.com^$document,important", ["evil.com"], 0),
        ("||evil.com^$domain=good.com", [], 1),
        ("|https://evil.com^|", ["evil.com"], 0),
        ("||evil.com^*banner", [], 1),
        ("good.com##.banner", [], 1),
        ("good.com#@#.banner", [], 1),
        ("[Adblock Plus 2.0]\n/banner/*\n||例子.中国^", ["例子.中国"], 1),
        ("## a title ##\nevil.com", ["evil.com"], 0),
        ("evil.com/a$b", ["evil.com"], 0),
    ],
)
def test_load__rules_of_ad_blockers(tmp_path: Path, line: str, blocks: list[str], skipped: int) -> None:
    found = blocked(tmp_path, line)
    assert [entry.host for entry in found.entries] == blocks
    assert found.skipped == ({"adult": skipped} if skipped else {})


def test_load__an_address_of_mail_is_no_host(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"adult\.txt:1 is no entry"):
        blocked(tmp_path, "user@gmail.com")


def test_addresses__spelling_keeps_rows_and_chunks(tmp_path: Path) -> None:
    urls = pa.chunked_array([["http://good.com", None], ["https:evil.com", "http://evil.com"]], pa.string())
    assert blocked(tmp_path).addresses(urls).to_pylist() == ["", "", "adult:domain", "adult:domain"]
