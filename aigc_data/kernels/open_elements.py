"""Which elements of a page are open: the rules of HTML's tree construction that matter for depth (WHATWG HTML, 13.2.4
and 13.2.6), on hashes of names.

`stack[:size]` are the open elements. `names[:listed]` are the formatting elements that come back in every block until
they are closed, `whole` their hashes with attributes, `open_at` where each stands in the stack (-1: not open),
`weights` what opening it again costs. Arrays are changed in place, lengths are returned.
"""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.flags import inlined, kernel

#: Counts of a page, see `markup.scan_markup`.
ELEMENTS, DEPTH, ATTRIBUTES, PAIRS, NAMES = 0, 1, 2, 3, 4
SEED, PRIME = np.uint64(14695981039346656037), np.uint64(1099511628211)


def hash_of(name: str) -> np.uint64:
    """The hash of a name in small letters (FNV-1a)."""
    with np.errstate(over="ignore"):
        value = SEED
        for byte in name.encode():
            value = (value ^ np.uint64(byte)) * PRIME
    return value


def set_of(names: str) -> np.ndarray:
    """The hashes of names with blanks between them, sorted (uint64[n])."""
    return np.sort(np.array([hash_of(name) for name in names.split()], np.uint64))


#: Elements whose content is text up to their own end tag.
RAW = set_of("script style textarea title xmp iframe noembed noframes")
_FORMATTING = set_of("a b big code em font i nobr s small strike strong tt u")
#: Elements that are never open, or of which the start tag changes nothing after the first.
_FLAT = set_of("area base br col embed hr img input link meta param source track wbr colgroup caption html head body")
#: Parts of a table: each ends what is open in the one before.
_CELLS = set_of("td th tr tbody thead tfoot")
#: Elements that no end tag of a plain element reaches across; those in _WALLS stop every end tag but their own.
_SPECIAL = set_of(
    "address applet article aside blockquote button center details dir div dl fieldset figcaption figure footer form "
    "frameset h1 h2 h3 h4 h5 h6 header hgroup li dd dt p listing main marquee menu nav noscript object ol plaintext "
    "pre search section select summary table template title ul foreignobject desc mi mo mn ms mtext annotation-xml"
)
_WALLS = set_of("applet marquee object table template title foreignobject desc mi mo mn ms mtext annotation-xml")
#: Special elements whose end tag is read like a plain element's.
_PLAIN_END = set_of("noscript plaintext frameset title foreignobject desc mi mo mn ms mtext annotation-xml")
#: Elements whose start tag ends a paragraph.
_ENDS_P = set_of(
    "address article aside blockquote center details dialog dir div dl fieldset figcaption figure footer header hgroup "
    "main menu nav ol p search section summary ul h1 h2 h3 h4 h5 h6 pre listing form li dd dt plaintext xmp table hr"
)
#: Elements of HTML that end a drawing or a formula which they stand in (13.2.6.5).
BREAKOUT = set_of(
    "b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li listing menu meta "
    "nobr ol p pre ruby s small span strong strike sub sup table tt u ul var"
)
#: Elements of SVG and MathML whose content is HTML again.
_HTML_AGAIN = set_of("foreignobject desc title mi mo mn ms mtext annotation-xml")
_ANNOTATION = set_of("rt rp rb rtc")
_RUBY, _FORM, FRAMESET = hash_of("ruby"), hash_of("form"), hash_of("frameset")
SVG, MATH, _A, _SELECT = hash_of("svg"), hash_of("math"), hash_of("a"), hash_of("select")
_P, _LI, _DD, _DT = hash_of("p"), hash_of("li"), hash_of("dd"), hash_of("dt")
_DIV, _ADDRESS, _BUTTON = hash_of("div"), hash_of("address"), hash_of("button")
_TABLE, _TEMPLATE, _OPTION, _OPTGROUP = (hash_of(name) for name in ("table", "template", "option", "optgroup"))


@inlined
def among(name, names):  # type: ignore[no-untyped-def]
    """Whether a hash is in a sorted array of them."""
    at = np.searchsorted(names, name)
    return at < names.size and names[at] == name


@kernel
def holds(stack, size, name):  # type: ignore[no-untyped-def]
    """Whether an element of that name is open."""
    return np.any(stack[:size] == name)


@kernel
def close(stack, size, name):  # type: ignore[no-untyped-def]
    """The size of the stack after an end tag of that name (WHATWG HTML, 13.2.6.4.7)."""
    special = among(name, _SPECIAL) and not among(name, _PLAIN_END)
    for at in range(size - 1, -1, -1):
        if stack[at] == name:
            return at
        if among(stack[at], _WALLS) or (not special and among(stack[at], _SPECIAL)):
            return size
    return size


@kernel
def _table(stack, size):  # type: ignore[no-untyped-def]
    """Where the innermost table stands, -1 where there is none."""
    for at in range(size - 1, -1, -1):
        if stack[at] == _TABLE:
            return at
        if stack[at] == _TEMPLATE:
            break
    return -1


@kernel
def _without_p(stack, size):  # type: ignore[no-untyped-def]
    """The size of the stack after an open paragraph has ended."""
    for at in range(size - 1, -1, -1):
        if stack[at] == _P:
            return at
        if stack[at] == _BUTTON or among(stack[at], _WALLS):
            break
    return size


@kernel
def _implied(stack, size, name):  # type: ignore[no-untyped-def]
    """The size of the stack after what a start tag ends without an end tag (13.2.6.4.7)."""
    if name in (_LI, _DD, _DT):
        for at in range(size - 1, -1, -1):
            if stack[at] == name or (name != _LI and (stack[at] == _DD or stack[at] == _DT)):
                size = at
                break
            plain = stack[at] == _DIV or stack[at] == _ADDRESS or stack[at] == _P
            if not plain and among(stack[at], _SPECIAL):
                break
    if among(name, _ENDS_P):
        size = _without_p(stack, size)
    if size > 0 and name in (_OPTION, _OPTGROUP) and stack[size - 1] == _OPTION:
        size -= 1
    if size > 1 and among(name, _ANNOTATION) and among(stack[size - 1], _ANNOTATION) and stack[size - 2] == _RUBY:
        size -= 1
    return size


@kernel
def foreign_from(stack, size):  # type: ignore[no-untyped-def]
    """Where the `svg` or `math` stands by whose rules the next tag is read, -1 for HTML's rules."""
    for at in range(size - 1, -1, -1):
        if stack[at] == SVG or stack[at] == MATH:
            return at
        if among(stack[at], _HTML_AGAIN):
            return -1
    return -1


@kernel
def may_be_raw(stack, size):  # type: ignore[no-untyped-def]
    """Inside of SVG, MathML and lists of options, the content of `style` and the like is markup."""
    for at in range(size):
        if stack[at] == SVG or stack[at] == MATH or stack[at] == _SELECT or stack[at] == FRAMESET:
            return False
    return True


@kernel
def forget(open_at, listed, size):  # type: ignore[no-untyped-def]
    """Formatting elements at or above `size` are no longer open."""
    for entry in range(listed):
        if open_at[entry] >= size:
            open_at[entry] = -1


@kernel
def _take_out(stack, size, open_at, listed, at):  # type: ignore[no-untyped-def]
    """Takes one element out of the stack; those above it stay."""
    for place in range(at, size - 1):
        stack[place] = stack[place + 1]
    for entry in range(listed):
        if open_at[entry] == at:
            open_at[entry] = -1
        elif open_at[entry] > at:
            open_at[entry] -= 1
    return size - 1


@kernel
def _drop(names, whole, open_at, weights, listed, entry):  # type: ignore[no-untyped-def]
    """The length of the list without one entry."""
    for place in range(entry, listed - 1):
        names[place], whole[place] = names[place + 1], whole[place + 1]
        open_at[place], weights[place] = open_at[place + 1], weights[place + 1]
    return listed - 1


@kernel
def _end_formatting(stack, size, names, whole, open_at, weights, listed, name):  # type: ignore[no-untyped-def]
    """(size, listed) after the end tag of a formatting element, which may stand below an open block (13.2.6.4.7)."""
    entry = listed - 1
    while entry >= 0 and names[entry] != name:
        entry -= 1
    if entry < 0:
        return close(stack, size, name), listed
    at = open_at[entry]
    if at >= 0:
        blocked = False
        for place in range(at + 1, size):
            if among(stack[place], _WALLS):
                return size, listed
            blocked = blocked or among(stack[place], _SPECIAL)
        if blocked:
            size = _take_out(stack, size, open_at, listed, at)
        else:
            size = at
    return size, _drop(names, whole, open_at, weights, listed, entry)


@kernel
def reopen(stack, size, names, open_at, weights, listed, out, limit):  # type: ignore[no-untyped-def]
    """The size of the stack after the formatting elements that are not open have been opened again (13.2.4.3)."""
    for entry in range(listed):
        if open_at[entry] < 0 and size <= limit:
            stack[size], open_at[entry] = names[entry], size
            size += 1
            out[ELEMENTS] += weights[entry]
    return size


@kernel
def _open_formatting(stack, size, names, whole, open_at, weights, listed, name, value, weight):  # type: ignore[no-untyped-def]
    """(size, listed) after its start tag. The list keeps three that are alike."""
    copies, first = 0, -1
    for entry in range(listed - 1, -1, -1):
        if whole[entry] == value:
            copies, first = copies + 1, entry
    if copies >= 3:
        listed = _drop(names, whole, open_at, weights, listed, first)
    names[listed], whole[listed], open_at[listed], weights[listed] = name, value, size, weight
    stack[size] = name
    return size + 1, listed + 1


@kernel
def end_tag(stack, size, names, whole, open_at, weights, listed, name):  # type: ignore[no-untyped-def]
    """(size, listed) after an end tag."""
    if name == _FORM:
        for at in range(size - 1, -1, -1):
            if stack[at] == _FORM:
                return _take_out(stack, size, open_at, listed, at), listed
        return size, listed
    if among(name, _FORMATTING):
        size, listed = _end_formatting(stack, size, names, whole, open_at, weights, listed, name)
    else:
        size = close(stack, size, name)
    forget(open_at, listed, size)
    return size, listed


@kernel
def start_tag(stack, size, names, whole, open_at, weights, listed, name, value, weight, out, limit):  # type: ignore[no-untyped-def]
    """(size, listed) after a start tag that is read by HTML's rules."""
    if among(name, _CELLS):
        table = _table(stack, size)
        if table < 0:
            return size, listed
        size = table + 1
    elif among(name, _FORMATTING) or not among(name, _SPECIAL):
        if name == _A:
            size, listed = _end_formatting(stack, size, names, whole, open_at, weights, listed, name)
            forget(open_at, listed, size)
        size = reopen(stack, size, names, open_at, weights, listed, out, limit)
    size = _implied(stack, size, name)
    forget(open_at, listed, size)
    if among(name, _FLAT):
        return size, listed
    if among(name, _FORMATTING):
        return _open_formatting(stack, size, names, whole, open_at, weights, listed, name, value, weight)
    stack[size] = name
    return size + 1, listed
