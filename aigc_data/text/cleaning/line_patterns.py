"""What boilerplate and policy lines look like, in English and Chinese.

A boilerplate line is a phrase of a page's frame and little else: patterns must match the whole line. A policy line
addresses the reader or speaks for the site ("this site uses cookies"): an article about cookies has none. Lines come
in lower case and in simplified characters. All repeats are bounded, or over one class of characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import product
from typing import NamedTuple


class Rule(NamedTuple):
    """`triggers`: a line without any of them is none (lower case, simplified); `whole`: one of them matches the line
    from end to end; `part`: one of them is found in it."""

    triggers: tuple[str, ...]
    whole: re.Pattern[str]
    part: re.Pattern[str]


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


def _notice(*patterns: str) -> re.Pattern[str]:
    """One of the patterns, in a line that neither quotes nor speaks of a licence: its terms are what a text says of its
    rights."""
    alone = r"^(?![\"'“”‘’「『《]|.{0,400}(?:licen[cs]|许可|著作权))"
    return re.compile(rf"{alone}.{{0,400}}?(?:{_any_of(*patterns).pattern})")


def _joined(firsts: Iterable[str], seconds: Iterable[str]) -> list[str]:
    return ["".join(both) for both in product(firsts, seconds)]


_NOTHING = re.compile(r"(?!)")
_SITES = (
    r"(?:facebook|twitter|linkedin|pinterest|whats\s?app|google\s?\+|google plus|reddit|tumblr|e-?mail|messenger"
    r"|telegram|x"
    r"|instagram|youtube|digg|delicious|stumbleupon|pocket|line|weibo|wechat|rss|print|more)"
)
_SEPARATOR = r"\s{0,4}[|/·•»›>\-–—,:：、;&\s]\s{0,4}"
_NAVIGATION = (
    r"(?:home ?page|home|about(?: us)?|contact(?: us)?|help(?: cent(?:er|re))?|faqs?|log ?in|sign ?in|sign ?up|register"
    r"|site"
    r" ?map|privacy(?: policy| statement| notice)?|terms(?: (?:of|and) (?:use|service|conditions))?|terms & conditions"
    r"|advertise(?: with us)?|careers|press|rss(?: feed)?|subscribe|disclaimer|imprint|legal(?: notices?)?"
    r"|cookie policy"
    r"|cookies|feedback|my account|search|blog|news|copyright|accessibility|jobs)"
)
_TARGETS = (
    r"(?:微信好友|微信朋友圈|微信|新浪微博|腾讯微博|微博|朋友圈|qq空间|qq好友|qq|人人网?|豆瓣网?|开心网?|百度贴吧|贴吧"
    r"|facebook|twitter|line"
    r"|好友|更多|复制链接|收藏|点赞|打印|邮件|手机)"
)
_BUTTON = (
    r"(?:打印(?:本页|本文|此页|文章)?|关闭(?:窗口|本页|此页)?|收藏(?:本页|本文|本站|此页)?|推荐给?(?:好友|朋友)?"
    r"|加入收藏|设为首页|返回(?:顶部|首页|列表"
    r"|上页|上一页|目录)?|我要(?:纠错|评论|投稿)|发表评论|查看评论|进入论坛|字[体号]|大|中|小|举报|纠错|分享|点赞"
    r"|复制链接|繁体(?:中文|版)?|简体(?:中文|版)?|english)"
)
_ZH_NAVIGATION = (
    r"(?:首页|网站首页|关于我们|关于本站|联系我们|联系方式|网站地图|站点地图|友情链接|免责声明|隐私(?:政策|声明|条款"
    r"|保护)|版权声明|法律声明|广告服务|广告合作"
    r"|商务合作|诚聘英才|人才招聘|招聘信息|加入我们|帮助中心|意见反馈|客服中心|客户服务|服务条款|使用条款|用户协议"
    r"|会员注册|登录|登陆|注册|免费注册|设为首页"
    r"|加入收藏|新闻中心|产品中心|公司简介|企业文化|在线留言|rss订阅|手机版|移动版|电脑版|收藏本站|网站导航)"
)
_ZH_BETWEEN = r"[\s|｜/·•\-–—>»、,，:：]{1,6}"

BOILERPLATE = Rule(
    triggers=(
        "to top", "to the top", "top of ", "skip to", "jump to", "tweet this", "follow us", "like us", "like loading",
        "send to", "continue reading", "cancel reply", "leave a ", "add to ", "find us", "join us", "you may also",
        "you might also", "about us", "contact us", "privacy", "terms", "sitemap", "site map", "faq", "login", "log in",
        "sign in", "careers", "disclaimer", "imprint", "home | ", "home about", "advertisement", "sponsored",
        "powered by",
        "copyright", "©", "(c)", "click here to", "your email", "your e-mail", "required fields", "notify me",
        "newsletter",
        "mailing list", "rss feed", "permalink", "loading", "please wait", "continue reading", "more from this",
        "print version", "printable", "printer-friendly", "printer friendly",
        *_joined(("share", "like", "tweet", "print", "email", "e-mail"), (" this", " it", " on ", " via ")),
        *_joined(("pin", "save", "rate"), (" this", " it", " on ", " via ")),
        *_joined(("share", "share:", "share on", "share |"), (" facebook", " twitter", " email", " e-mail")),
        *_joined(("share", "share:", "share on", "share |"), (" print", " more")),
        *_joined(("read", "view", "show", "see", "load"), (" more", " all", " the full")),
        *_joined(("previous", "next", "older", "newer"), (" post", " article", " page", " stor", " entr")),
        *_joined(("previous", "next", "older", "newer"), (" topic", " thread")),
        *_joined(("previous", "prev"), (" next", " |", " /", " ·", " •", " »", "/next")),
        *_joined(("related",), (" posts", " stories", " articles")),
        *_joined(("post", "add", "write"), (" a comment", " a reply")),
        *_joined((*"0123456789", "no"), (" comment", " repl", " like", " share")),
        *(f"page {digit}" for digit in range(1, 10)),
        "责任编辑", "责编", "编辑:", "编辑：", "审核:", "审核：", "责任校对", "二维码", "公众号", "关注我们",
        "关注本站", "关注官方", "关注微",
        "原文", "全文", "版权所有", "icp", "公网安备", "猜你喜欢", "大家都在看", "留言", "条评论", "评论(", "评论（",
        "登录", "登陆",
        "关于我们", "联系我们", "网站地图", "友情链接", "网站首页", "诚聘英才", "广告服务", "版权声明", "帮助中心",
        "设为首页", "加入收藏",
        "意见反馈", "关闭窗口", "关闭本", "收藏本", "收藏此", "我要纠错", "我要评论", "查看评论", "复制链接", "字号",
        "大 中 小", "加载中",
        "位置:", "位置：", "位置是", "本文链接", "本文地址", "本文网址", "本文永久", "尾页", "末页", "首页 ",
        *_joined(("打印",), ("本", "此", "文章", "】", "]", " ", "|", "｜", "/", "·")),
        *_joined(("上", "下", "前", "后"), ("一篇", "一页", "一章", "一条", "一则")),
        *_joined(("返回", "回到"), ("页面", "顶部", "首页", "页首", "列表", "上一页", "上页", "目录", "网站")),
        *_joined(("分享",), ("到", "至", "给", "本文", "此文", "文章", "链接", ":", "：", " ")),
        *_joined(("查看", "阅读", "展开", "浏览", "点击"), ("更多", "剩余")),
        *_joined(("相关", "热门", "推荐", "最新", "精彩"), ("阅读", "文章", "新闻", "推荐", "资讯")),
        *_joined(("相关", "热门", "推荐", "最新", "精彩"), ("评论", "专题", "标签", "帖子", "内容推荐")),
        *_joined(("暂无", "全部", "网友", "发表", "添加"), ("评论", "留言")),
        *_joined(("浏览", "阅读", "点击", "访问"), ("次数", "量:", "量：", "数:", "数：", ":", "：")),
    ),
    whole=_any_of(
        r"(?:back|return|go|scroll) to (?:the )?top(?: of (?:the |this )?page)?|top of (?:the |this )?page",
        r"(?:skip|jump) to (?:the )?(?:main )?(?:content|navigation|search|footer|sidebar|menu)"
        r"(?:[\s,:]{1,3}(?:navigation|search|content)){0,2}|jump to",
        rf"(?:share|post|pin|save|tweet|like|send)(?: (?:this|it))?(?: (?:article|page|post|story|entry|link|video"
        rf"|product))?"
        rf" (?:on|to|via|with|by)(?: {_SITES}(?:{_SEPARATOR}{_SITES}){{0,12}}| (?:a )?friends?)?",
        r"(?:share|tweet|print|e-?mail|pin|bookmark) (?:this|it)(?: (?:article|page|post|story|entry|link|video))?"
        r"(?: (?:on|to|via|with) .{0,30})?|(?:like|save|rate) this (?:article|page|post|story|entry|link|video)",
        rf"share(?:{_SEPARATOR}{_SITES}){{2,12}}",
        r"printer[- ]friendly(?: version| page)?|print(?:able)? version",
        rf"(?:follow|like|join|find) us on {_SITES}(?:(?:{_SEPARATOR}| and ){_SITES}){{0,6}}|like loading",
        r"(?:read|view|show|see|load) (?:more|all|the full (?:article|story|post))(?: (?:posts|comments|articles"
        r"|stories|news|results))?",
        r"continue reading|(?:leave|post|add|write) a (?:comment|reply)(?: cancel reply)?|cancel reply",
        r"(?:log|sign) in (?:or (?:register|sign up) )?to (?:reply|comment|post(?: (?:a )?comments?)?)",
        r"add to (?:cart|basket|wish ?list|favou?rites|compare)",
        r"(?:previous|next|older|newer) (?:post|article|page|story|entry|topic|thread)s?(?:[:：] .{1,80})?",
        rf"(?:previous|prev|next)(?:{_SEPARATOR}(?:previous|prev|next|home|up)){{1,3}}",
        r"related (?:posts|stories|articles)|you (?:may|might) also like|more from this author",
        rf"{_NAVIGATION}(?:{_SEPARATOR}{_NAVIGATION}){{2,20}}",
        rf"{_NAVIGATION}(?:\s{{0,4}}[|·•»›]\s{{0,4}}{_NAVIGATION}){{1,20}}",
        r"advertisements?(?: continue reading below)?|continue reading below|sponsored(?: links| content| post)?",
        r"(?:proudly )?powered by (?:wordpress|blogger|vbulletin|phpbb|drupal|joomla|shopify|disqus|discuz).{0,60}",
        r"page \d{1,5} of \d{1,5}",
        r"(?:no|\d{1,6}) (?:comments?|replies|likes|shares)(?: so far| yet)?",
        r"click here to (?:subscribe|print|login|log in|register|sign up|read more|view more|share|comment)"
        r"(?: .{0,40})?",
        r"your e-?mail(?: address)? will not be (?:published|shared)(?:\. required fields are marked)?"
        r"|required fields are marked",
        r"notify me of (?:new|follow-?up) (?:posts|comments)(?: (?:by|via) e-?mail)?",
        r"(?:subscribe|sign up) (?:to|for) (?:our|the) .{0,24}(?:newsletters?|mailing list|rss feed)(?: .{0,60})?",
        r"(?:this (?:entry|article|post) was )?posted in .{1,80} bookmark the permalink|loading|please wait",
        # Chinese
        r"(?:本文)?(?:责任编辑|责编|编辑|责任校对|审核)[:：]\s{0,2}[^\s,，.。;；、]{1,8}(?:\s[^\s,，.。;；]{1,6}){0,2}|(?:责任编辑|责编)"
        r"(?:[:：].{0,20})?",
        r"[上下后前]一(?:篇|页|章|条|则)(?:文章|新闻|主题)?[:：]\s{0,2}.{1,60}",
        rf"(?:[上下后前]一(?:篇|页|章|条|则)|首页|尾页|末页|目录|返回列表|第?\d{{1,4}}页?)(?:{_ZH_BETWEEN}"
        rf"(?:[上下后前]一(?:篇|页|章|条|则)|首页|尾页"
        r"|末页|目录|返回列表|第?\d{1,4}页?|\.{3})){1,20}|[上下]一(?:篇|页|章|条)",
        r"(?:返回|回到)(?:页面)?(?:顶部|首页|页首|列表|上一页|上页|目录|网站首页)",
        rf"(?:一键)?分享(?:到|至|给|本文|此文|文章|链接)(?:[:：])?(?:[\s,，、|/·]{{0,4}}{_TARGETS}){{0,16}}",
        rf"分享[:：]?(?:[\s,，、|/·]{{0,4}}{_TARGETS}){{2,16}}",
        rf"{_BUTTON}(?:[\s|｜/·】【\]\[()（）:：]{{1,6}}{_BUTTON}){{1,12}}|(?:打印|关闭|收藏)(?:本页|本文|窗口|此页)",
        r"(?:请)?(?:用微信|微信)?(?:扫描|扫一扫|长按|识别)(?:下方|上方|左侧|右侧|文末|以下|右边)?(?:的)?"
        r"(?:微信)?二维码.{0,30}",
        r"(?:欢迎|敬请|请)?关注(?:我们的|本站|我们)?(?:官方)?(?:微信公众号|微信公众平台|微信|公众号|微博)"
        r"(?:[:：].{0,20}|.{0,12})",
        r"(?:点击|点此|查看|阅读|展开|浏览)+(?:此处|这里)?(?:阅读|查看)?(?:原文|全文|更多|剩余全文|更多评论|更多内容)",
        r"版权所有.{0,60}"
        r"|.{0,70}[a-z京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼港澳台]\s?icp\s?[备证].{0,40}",
        r".{0,60}公网安备.{0,30}",
        r"(?:相关|热门|推荐|最新|精彩)(?:阅读|文章|新闻|推荐|资讯|评论|专题|标签|帖子|内容推荐)|猜你喜欢|大家都在看",
        r"(?:评论|留言)\s?[(（]?\d{1,7}[)）]?(?:条)?|(?:\d{1,7}|暂无|全部|最新|网友)条?(?:评论|留言)|(?:发表|添加|我要)"
        r"(?:评论|留言)",
        r"(?:请|您)?(?:需要)?(?:先)?登[录陆](?:后|并)?(?:才能|方可|可以|即可)?(?:发表)?(?:评论|回复|留言).{0,10}",
        rf"{_ZH_NAVIGATION}(?:{_ZH_BETWEEN}{_ZH_NAVIGATION}){{2,20}}",
        r"(?:您|你)?(?:现在|目前|当前)?(?:的)?(?:所在)?位置(?:是)?[:：].{0,60}[>»›].{0,60}",
        r"(?:本文)?(?:浏览|阅读|点击|访问)(?:次数|量|数)?[:：]\s?\d{1,9}\s?次?",
        r"本文(?:链接|地址|网址|永久链接)[:：].{0,100}|(?:正在)?加载中?",
    ),
    part=_NOTHING,
)  # fmt: skip

_OURS = r"\b(?:we|our|us|this (?:web ?)?(?:site|page|service|store|shop|forum|blog)|the (?:web ?)?site)\b"
_YOU = r"\b(?:you|your|please|i)\b"
_TERMS = (
    r"(?:privacy (?:policy|notice|statement)|terms (?:of (?:use|service)|and conditions|& conditions)|cookies? "
    r"(?:policy|notice"
    r"|settings|preferences)|user agreement|legal notice|terms)"
)
_ZH_TERMS = (
    r"(?:用户(?:服务|使用|注册)?协议|服务(?:条款|协议)|使用条款|隐私(?:政策|条款|声明|协议|权政策)"
    r"|免责(?:声明|条款)|法律声明|cookies?政策|用户须知)"
)
_ZH_NAMED = rf"[《【“\"「]?{_ZH_TERMS}[》】”\"」]?"

POLICY = Rule(
    triggers=(
        "javascript", "java script", "cookie", "privacy", "terms of ", "terms and", "terms &", "our terms",
        "your browser", "your web browser", "user agreement", "legal notice", "recaptcha",
        "协议", "条款", "隐私", "免责", "法律声明", "用户须知", "个人观点", "作者观点", "侵权", "侵犯", "浏览器",
    ),
    whole=_any_of(
        # One name alone may be the heading of the terms themselves.
        r"(?:privacy|cookies?) (?:policy|notice|settings|preferences)",
        rf"{_TERMS}(?:(?:{_SEPARATOR}| and ){_TERMS}){{1,6}}",
        r"[《【“\"「]?(?:隐私|cookies?)政策[》】”\"」]?",
        rf"{_ZH_NAMED}(?:(?:{_ZH_BETWEEN}|\s{{0,2}}(?:和|及|与|以及)\s{{0,2}})?{_ZH_NAMED}){{1,6}}",
    ),
    part=_notice(
        r"(?:please|you (?:must|need to|have to|should)|your browser).{0,60}(?:enable|turn on|activate"
        r"|allow)[a-z ]{0,20} java ?script"
        r"(?:\s?[.!]?$|.{0,80}\b(?:browser|site|page|view|continue|use|using|works?|function|experience|features?)\b)",
        r"java ?script (?:is|must be|seems to be|appears to be|has been|needs to be) .{0,40}(?:your (?:web )?browser"
        r"|you|this (?:web ?)?(?:site|page))",
        r"this (?:web ?)?(?:site|page|feature|content|form|video|application) (?:requires|needs"
        r"|works best with)[a-z ]{0,20} java ?script",
        r"your (?:web )?browser (?:does not|doesn.t) (?:support|have) .{0,30}(?:java ?script|html5|iframes|video|audio"
        r"|cookies)",
        rf"{_OURS}.{{0,60}}\b(?:uses?|using|utili[sz]es?|stores?|places?|sets?) .{{0,60}}\bcookies?\b"
        r"(?=.{0,300}\b(?:you|your|visitors?|users?|experience|consent|traffic|personali[sz]e|analytics|preferences)\b"
        r"|[^,;:]{0,40}$)",
        r"(?:by (?:continuing|using|browsing|clicking|visiting|accessing|closing|scrolling)"
        r"|if you continue).{0,140}\bcookies?\b",
        r"\bcookies? (?:help us|allow us|enable us)|(?:accept|reject|allow|manage)(?: all| our| your)? cookies$",
        r"\bcookies?\b.{0,160}(?:by (?:continuing|using) (?:to use |to browse )?(?:this|our|the) (?:web ?)?site"
        r"|more info.{0,20}accept)",
        rf"(?:by (?:using|continuing|signing|submitting|clicking|creating|registering|entering|subscribing|accessing"
        rf"|joining"
        rf"|posting|checking)|{_YOU}.{{0,40}}(?:agree|accept|acknowledge|consent)|use of this (?:web ?)?(?:site"
        rf"|page)).{{0,160}}"
        r"(?:privacy (?:policy|notice|statement)|terms (?:of (?:use|service)|and conditions|& conditions)|cookie policy"
        r"|user agreement)",
        r"(?:read|see|view|review|visit|check)(?: also)? our (?:full )?(?:privacy|cookie|terms"
        r"|data protection)\b.{0,40}$",
        r"we (?:respect|value|care about|protect) your privacy|your privacy is important to us",
        r"protected by recaptcha",
        # Chinese
        r"(?:本网?站|我们|本页面|本平台|该网站|此网站).{0,24}(?:使用|采用|运用|通过).{0,16}cookies?"
        r"(?:[\s。！!.]{0,2}$|.{0,120}(?:您|你|体验|本站|本网站|同意|流量|偏好|用户))",
        r"(?:继续|点击|使用|浏览).{0,24}(?:浏览|使用|访问|同意|接受|表示).{0,40}cookies?",
        r"(?:请|您|你|浏览器).{0,16}(?:启用|开启|打开|允许|禁用|支持)了?.{0,12}java ?script"
        r"(?:[\s。！!.]{0,2}$|.{0,60}(?:浏览|网站|本站|页面|网页|查看|访问|正常|功能))",
        r"(?:您|你)的?(?:使用的)?浏览器(?:版本)?(?:不支持|过低|太低|太旧|已过时)",
        rf"(?:您|你|我|本人|注册|登[录陆]|点击|勾选).{{0,30}}(?:同意|接受|遵守|阅读|视为).{{0,30}}{_ZH_NAMED}",
        rf"(?:同意|接受|遵守|阅读)(?:并同意|并接受|了|本站|以下|我们的|本网站)?.{{0,8}}{_ZH_NAMED}\s?$",
        r"^.{0,8}免责(?:声明|条款)[:：].{0,200}(?:本站|本网|本文|本平台|我们|仅供|不代表|转载|不承担)",
        r"(?:本文|文章|以上|内容|文中)[^。]{0,16}(?:仅|只|纯属|属于?|系)[^。]{0,4}(?:代表|属)?[^。]{0,2}作者[^。]{0,4}"
        r"(?:个人)?(?:的)?(?:观点|意见|看法)",
        r"(?:如有|若有|如|若|涉及|认为)[^。]{0,16}(?:侵权|侵犯)[^。]{0,24}(?:联系|告知|通知|来信|来电)[^。]{0,24}"
        r"(?:删除|撤下|下架|更正|我们|本站|小编)",
    ),
)  # fmt: skip


#: Rules in the order in which a line's kind is sought.
RULES = {"boilerplate": BOILERPLATE, "policy": POLICY}
_FRAME = " \t\u3000-–—=_*#>»›→←«‹↑^|/·•:：.。!！…,，【】[]()（）《》「」+&~～▲△▼▶◀"


#: Bytes of a line beyond which it is none of a rule's.
LONGEST = {"boilerplate": 160, "policy": 400}


def is_of(rule: Rule, line: str) -> bool:
    """Whether a line in lower case and simplified characters is one of these; a heading or a comment (`#`) never is."""
    bare = line.strip(_FRAME)
    if line.startswith("#"):
        return False
    return bool(rule.whole.fullmatch(bare) or rule.whole.fullmatch(line.strip()) or rule.part.search(bare))
