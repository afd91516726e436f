"""What a page and its server say about use: licences and opt-outs, raw, each with the place where it was seen.

Nothing is judged here. The JSON object that `Signals.json` gives holds lists of {"at": place, "value": as written}:

- `license`: licence links and statements ("a[rel]", "link[rel]", "a[href]", "meta:dcterms.license", "json-ld:Article",
  "http:link", …; a bare link to a Creative Commons licence is "a[href]")
- `robots`: directives for crawlers ("meta:robots", "meta:googlebot", "http:x-robots-tag"), with `noai` and the like
- `tdm-reservation`, `tdm-policy`: W3C TDMRep ("meta:…", "http:…")
- `content-usage`: IETF aipref ("http:content-usage", "meta:…")
- `copyright`: notices and holders ("meta:copyright", "json-ld:WebPage", …)
- `generated`: labels of generated content ("meta:aigc", as GB 45438-2025 asks for)
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from aigc_data.hashing import canonical_json

#: A page may repeat itself; more than this is no information.
MAX_VALUES, MAX_CHARS = 16, 1024
LICENSE_META = ("dcterms.license", "dc.license", "dc.rights", "dcterms.rights", "cc:license", "license")
_COPYRIGHT_META = (
    "copyright",
    "dcterms.rightsholder",
    "dcterms.accessrights",
    "rights",
    "og:copyright",
    "rights-standard",
)
_TDM = ("tdm-reservation", "tdm-policy")
#: Names of crawlers that pages address; TDMRep and aipref have names of their own.
_AGENT = re.compile(r"robots|[\w.-]*(?:bot|spider|crawler|slurp|-extended)|anthropic-ai|claude-\w+|cohere-ai|\w+-ai")
_NO_AI = re.compile(r"(?<![a-z])no(?:image)?ai(?![a-z])", re.I)
_LINK = re.compile(r"<([^<>]*)>([^<]*)")
_REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.I)
_GENERATED = ("aigc", "ai-content-declaration", "ai-generated")


class Signals:
    """Collects what was seen: a class because it is asked and added to from several places of a page."""

    def __init__(self) -> None:
        self._seen: dict[str, list[dict[str, str]]] = {}

    def add(self, kind: str, at: str, value: str) -> None:
        """One signal; blank ones, repeated ones and those past the bounds are left out."""
        value = " ".join(value.split())[:MAX_CHARS]
        found = self._seen.setdefault(kind, []) if value else []
        entry = {"at": at[:MAX_CHARS], "value": value}
        if value and len(found) < MAX_VALUES and entry not in found:
            found.append(entry)

    def first(self, kind: str) -> str | None:
        """The first value of a kind."""
        return next((entry["value"] for entry in self._seen.get(kind, [])), None)

    def json(self) -> str | None:
        """The object as canonical JSON; None where nothing was seen."""
        return canonical_json(self._seen).decode() if self._seen else None


def add_fields(signals: Signals, fields: Iterable[tuple[str, str]]) -> None:
    """What HTTP header fields (lower-case names, in their order) say."""
    for name, value in fields:
        if name == "x-robots-tag":
            signals.add("robots", "http:x-robots-tag", value)
        elif name in _TDM or name == "content-usage":
            signals.add(name, f"http:{name}", value)
        elif name == "link":
            for target, parameters in _LINK.findall(value):
                if (rel := _REL.search(parameters)) and "license" in (rel[1] or rel[2] or "").lower().split():
                    signals.add("license", "http:link", target)


def add_meta(signals: Signals, name: str, content: str) -> None:
    """What one meta element says; `name` in small letters."""
    at = f"meta:{name}"
    if name in LICENSE_META:
        signals.add("license", at, content)
    elif name in _COPYRIGHT_META:
        signals.add("copyright", at, content)
    elif name in _TDM or name == "content-usage":
        signals.add(name, at, content)
    elif name in _GENERATED:
        signals.add("generated", at, content)
    elif _AGENT.fullmatch(name) or _NO_AI.search(content):
        signals.add("robots", at, content)
