import pyarrow as pa
import pytest

from aigc_data.text.cleaning.clean import changed_rules, clean
from aigc_data.text.cleaning.lines import KINDS

EN = "The storm reached the coast in the early morning hours."
ZH = "暴风雨在清晨时分抵达了沿海地区。"


def cut(*lines: str, kinds: tuple[str, ...] = KINDS, tokens: int = 10) -> tuple[list[str], list[tuple[str, str]]]:
    """(lines left, (kind, base text) of each cut) of the lines between two good ones."""
    text = "\n".join([EN, *lines, ZH])
    done = clean(pa.array([text]), form="NFC", mojibake=True, cut_lines=kinds, repeated_tokens=tokens)
    spans = [(c["kind"], text[c["start"] : c["end"]]) for c in done.cuts[0].as_py()]
    left = done.texts[0].as_py().split("\n")
    assert (left[0], left[-1]) == (EN, ZH)
    return left[1:-1], spans


@pytest.mark.parametrize(
    "line",
    [
        "Back to top", "↑ Return to Top", "Skip to content", "Share this:", "Share on Facebook", "Share this article",
        "Share Facebook Twitter LinkedIn", "Follow us on Twitter and Facebook", "Print this page",
        "Printer-friendly version",
        "Read more...", "» View all comments", "Continue reading →", "Leave a Reply", "Post a Comment",
        "Log in to reply",
        "Previous post: A walk in the park", "Next article", "« Previous | Next »", "Related Posts", "3 comments",
        "Home | About Us | Contact | Privacy Policy", "Terms of Use | Privacy Policy", "Advertisement",
        "Proudly powered by WordPress", "Page 3 of 17",
        "Your email address will not be published.",
        "Notify me of follow-up comments by email.", "Subscribe to our weekly newsletter", "Loading...",
        "责任编辑：张三", "（责任编辑：李四 王五）", "责编", "上一篇：论数据的质量", "下一篇", "上一页 1 2 3 下一页",
        "[返回顶部]", "返回首页",
        "分享到：", "分享到：微信 新浪微博 QQ空间", "【打印】【关闭】", "打印本页", "扫描二维码关注我们",
        "关注微信公众号：数据时代", "点击阅读原文", "查看更多>>",
        "京ICP备12345678号-1", "京公网安备 11010802012345号", "相关阅读", "热门推荐：", "评论(12)", "暂无评论",
        "登录后才能发表评论",
        "首页 | 关于我们 | 联系我们 | 网站地图", "您现在的位置：首页 > 新闻 > 国际", "浏览次数：123",
        "本文链接：http://example.com/1.html",
        "責任編輯：張三", "上一篇：論數據的質量", "返回頂部", "相關閱讀",
    ],
)  # fmt: skip
def test_boilerplate__goes(line: str) -> None:
    assert cut(line) == ([], [("boilerplate", line)])


@pytest.mark.parametrize(
    "line",
    [
        "Please enable JavaScript to view the comments.", "JavaScript is disabled in your browser.",
        "This site requires JavaScript.", "Your browser does not support HTML5 video.", "This website uses cookies.",
        "We use cookies to give you the best experience on our website.", "Accept all cookies", "Privacy Policy",
        "Terms of Use and Privacy Notice", "By continuing to browse the site you are agreeing to our use of cookies.",
        "By signing up you agree to our Terms of Service and Privacy Policy.", "Read our privacy policy",
        "We respect your privacy and will never share your address.", "This site is protected by reCAPTCHA.",
        "本网站使用Cookie来改善您的浏览体验。", "继续浏览即表示您同意我们使用cookies", "请启用JavaScript后刷新页面",
        "您的浏览器版本过低，请升级",
        "注册即表示您已阅读并同意《用户协议》", "用户协议 和 隐私政策", "《隐私政策》",
        "免责声明：以上内容与本站无关。", "本文仅代表作者个人观点。",
        "如有侵权，请联系我们删除。", "本網站使用Cookie來改善您的瀏覽體驗。",
    ],
)  # fmt: skip
def test_policy__goes(line: str) -> None:
    assert cut(line) == ([], [("policy", line)])


@pytest.mark.parametrize(
    "line",
    [
        # What a text says of its rights.
        "© 2012-2015 Example Inc.", "Copyright (c) 2012 by Jane Doe", "TERMS AND CONDITIONS", "免责条款",
        "By exercising any rights to the work you accept and agree to be bound by the terms of this license.",
        "By copying you agree to the terms and conditions of this License.",
        "使用本作品即表示您同意《用户协议》和本许可协议的条款。",
        # Speaks of cookies and terms, and not for a site.
        "We use cookies in this recipe: crush ten of them and mix with butter.",
        "We use cookies in chapter 4 to keep a session in our Django application.",
        "Please enable JavaScript, he joked, and she laughed.",
        "我们使用Cookie的历史可以追溯到1994年。", "我们使用饼干（Cookie）做蛋糕底。", "请启用JavaScript后再做练习。",
        "“注册即表示同意《用户协议》，这样的条款无效”，法官说。", "如有侵权行为，请联系警方处理，律师提醒。",
        "免责声明：法律术语，指当事人约定免除责任的条款。", "编辑：一种职业，负责修改稿件。",
        # Topical, or a sentence that only begins like boilerplate.
        "The top of the page was torn, and he went back to top it up.",
        "Share prices fell by three per cent on Monday.",
        "Print this on both sides of the sheet and fold it twice before you cut the edges.", "Copyright",
        "Read more books, she told them, and you will see more of the world.", "Like this:", "# Related posts",
        "Cookies are small files that a server sends to a browser.", "Bake the cookies for ten minutes.",
        "In terms of use, the second tool is simpler.", "A privacy policy must say which data are collected, and why.",
        "JavaScript is a language that runs in browsers.", "The court held that the terms of use were not binding.",
        "I like JavaScript more than you do.", "Home is where the heart is", "Next page please, said the judge.",
        "上一页讲到，数据的质量决定了模型的上限。", "他分享到的经验对我们很有帮助。",
        "我们在首页介绍了这个项目的历史和目标。", "编辑部设在上海。",
        "隐私政策应当说明收集哪些数据，以及为什么收集。", "责任编辑的工作十分辛苦，他们常常加班到深夜。", "## 推荐阅读",
        "关闭窗口后，冷风就吹不进来了。",
        "浏览器通过 Cookie 保存会话状态。", "用户协议的法律效力在学界存在争议。", "返回列表中最大的元素。", "打印",
        "最新",
        # The licence stage reads these, or a licence is named.
        "All rights reserved.", "© 2012 Example Inc. All rights reserved.", "版权所有，未经授权不得转载。",
        "版权所有 © 2012 某公司",
        "© 2012 Jane Doe, CC BY-SA 4.0", "Copyright (c) 2012 Jane Doe, Public Domain",
        "This page is licensed under CC BY-SA 4.0, see our terms of use.",
        "本网站内容采用知识共享署名 4.0 许可协议，使用条款。",
    ],
)  # fmt: skip
def test_good_lines__stay(line: str) -> None:
    assert cut(line) == ([line], [])


def test_repeated__a_sentence_that_stood_before() -> None:
    english = "We have to test every step of it before we go on from here."
    chinese = "每一个步骤都必须经过仔细的检查。"
    assert cut(english, "x", english, chinese, chinese) == (
        [english, "x", chinese],
        [("repeated", english), ("repeated", chinese)],
    )
    assert cut(english, english, kinds=("policy",)) == ([english, english], [])
    assert cut(chinese, chinese, tokens=16)[0] == [chinese, chinese]
    assert cut(chinese, chinese, tokens=15)[0] == [chinese]


@pytest.mark.parametrize(
    "line",
    [
        "the end of a wrapped sentence that begins on the line before.",
        "And the beginning of a sentence that goes on on the next",
        "This introduces what follows, a list or a listing of some sort:",
        "    An indented line is code, or a quotation, and its repeats are meant.",
        "| a | row of a table | with several | cells in it | and more |.",
        "Call `f(x)` again and again until there is nothing left to do.",
        "其中每一行的含义如下所示，下文不再重复说明：",
    ],
)
def test_repeated__what_is_no_sentence_of_its_own_stays(line: str) -> None:
    assert cut(line, "x", line)[0] == [line, "x", line]


def test_a_text_of_which_nothing_would_be_left_keeps_its_lines() -> None:
    texts = ["Read more\n\nShare this:\n", "Back to top", "分享到：\n返回首页", f"Read more\n{EN}"]
    done = clean(pa.array(texts), form="NFC", mojibake=True, cut_lines=KINDS)
    assert done.texts.to_pylist() == ["Read more\n\nShare this:", "Back to top", "分享到：\n返回首页", EN]
    assert [len(cuts) for cuts in done.cuts.to_pylist()] == [0, 0, 0, 1]
    assert changed_rules(done.masks).to_pylist() == [["whitespace"], [], [], ["boilerplate"]]


@pytest.mark.parametrize(
    ("text", "left", "gone"),
    [
        # Code points of the base text, whatever cleaning changed around the line.
        ("\ufeffcafe\u0301.\r\n\r\n Read  more\u200b\r\n\r\n\r\nDone.", "café.\n\nDone.", " Read  more\u200b"),
        ("It doesnâ€™t matter.\rBack to top\r数据", "It doesn’t matter.\n数据", "Back to top"),
        ("One&nbsp;two.<br>Share this:<br/>Three.<p>End.</p>", "One\xa0two.\nThree.\nEnd.", "Share this:"),
        ("schÃ¶n und grÃ¼n.\u2028 分享到： \u2028好的。", "schön und grün.\n好的。", " 分享到： "),
        ("Ã\x85ngstrÃ¶m was here.\nRead more\nEnd.", "Ångström was here.\nEnd.", "Read more"),
        ("A.\n\x1b[1mRead more\x1b[0m\nB.", "A.\nB.", "\x1b[1mRead more\x1b[0m"),
        ("Read more\n    indented\nB.", "indented\nB.", "Read more"),
        # U+0085 was an ellipsis in Windows-1252, and is no line break.
        ("Well\x85 yes\nBack to top\nno\x85", "Well… yes\nno…", "Back to top"),
        ("他说\x85好\n返回顶部\n他走了\x85", "他说…好\n他走了…", "返回顶部"),
        ("Well\x85 yes ßª\x85\nBack to top\nno\x85", "Well… yes ßª…\nno…", "Back to top"),
        # A tag that stays begins no line; one that goes may hold a line break, or stand in a line that ends elsewhere.
        ("&#203;\n<p>\nBack to top\r<p>", "Ë\n<p>\n<p>", "Back to top"),
        (
            "\u202e\x1b\u202e<p>\n责任编辑：张三\r\n<td>\n \n\x85\n \n晴天。\nä¸\xad<br>\x00",
            "<p>\n\n…\n\n晴天。\n中",
            "责任编辑：张三",
        ),
        ("<a\nhref='x'>A.</a><br>Read <a\nhref='y'>more</a>\nB.", "A.\nB.", "Read <a\nhref='y'>more</a>"),
        ("A.<br>分享<b>到：\n好</b>的。<br>", "A.\n好的。", "分享<b>到："),
        # A line break that was itself decoded wrongly: the line is a part of what stood on one.
        ("A.\nRead moreâ€¨End.\nB.", "A.\nEnd.\nB.", "Read more"),
        ("A.\nEnd.â€¨返回顶部\nB.", "A.\nEnd.\nB.", "返回顶部"),
        ("A&nbsp;B.\nShare this via text\x1b[31m\u0301\nC.", "A\xa0B.\nC.", "Share this via text\x1b[31m\u0301"),
        # A terminal's title runs over a line separator.
        ("A.\u2028\x1b]0;t\u2028u\x07Read more\nB.", "A.\nB.", "\x1b]0;t\u2028u\x07Read more"),
    ],
)  # fmt: skip
def test_cuts__are_spans_of_the_base_text(text: str, left: str, gone: str) -> None:
    done = clean(pa.array([text]), form="NFC", mojibake=True, html=True, cut_lines=KINDS)
    assert done.texts[0].as_py() == left
    assert [text[c["start"] : c["end"]] for c in done.cuts[0].as_py()] == [gone]


def test_cuts__a_text_in_which_a_line_is_not_found_keeps_its_lines() -> None:
    """The reference stays, for the text turned out to speak of tags; in its line alone it is a remnant."""
    text = "A.<br>B.\n\x1b[31mtag\n<b>x\r&amp;amp;如有侵权请联系我们删除\nRead more\nC."
    done = clean(pa.array([text, f"{EN}\nRead more"]), form="NFC", mojibake=True, html=True, cut_lines=KINDS)
    assert done.texts.to_pylist() == ["A.\nB.\ntag\n<b>x\n&amp;amp;如有侵权请联系我们删除\nRead more\nC.", EN]
    assert [len(cuts) for cuts in done.cuts.to_pylist()] == [0, 1]
    assert changed_rules(done.masks).to_pylist() == [["html", "control", "newline"], ["boilerplate"]]


def test_cuts__many_rows_slices_and_nulls() -> None:
    texts = pa.chunked_array(
        [["drop", f"{EN}\nRead more\n{ZH}"], [None, "", f"{ZH}\n上一篇：甲\n{EN}\n下一篇：乙"]]
    ).slice(1)
    done = clean(texts, form="NFC", mojibake=True, cut_lines=KINDS)
    assert done.texts.to_pylist() == [f"{EN}\n{ZH}", "", "", f"{ZH}\n{EN}"]
    starts = [[(c["kind"], c["start"]) for c in cuts] for cuts in done.cuts.to_pylist()]
    assert starts == [[("boilerplate", len(EN) + 1)], [], [], [("boilerplate", 17), ("boilerplate", 24 + len(EN))]]
    alone = clean(texts.slice(3), form="NFC", mojibake=True, cut_lines=KINDS)
    assert alone.cuts.to_pylist() == done.cuts.to_pylist()[3:]
