"""SVG as text: elements, numbers, words, the tip of an arrow."""
import math
import re
from html import escape


def number(x):
    """At most one digit behind the point."""
    text = f"{x:.1f}"
    return text[:-2] if text.endswith(".0") else text


def words(text):
    """Text as it may stand in XML."""
    return escape(re.sub("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "?", text))


def tag(name, inside="", **attributes):
    """An element as text.  A name's _ stands for -, numbers are rounded, and what is None is left out."""
    text = "".join(f' {key.rstrip("_").replace("_", "-")}="{value if isinstance(value, str) else number(value)}"'
                   for key, value in attributes.items() if value is not None)
    return f"<{name}{text}>{inside}</{name}>" if inside else f"<{name}{text}/>"


def titled(path, told):
    """A path with a tooltip."""
    return f'<path d="{path}"><title>{words(told)}</title></path>'


def tip(x0, y0, x1, y1):
    """The head of an arrow, as more of its path."""
    length = math.hypot(x1 - x0, y1 - y0) or 1
    dx, dy = (x1 - x0) / length, (y1 - y0) / length
    corners = [(x1 - 5 * dx + side * 2 * dy, y1 - 5 * dy - side * 2 * dx) for side in (1, -1)]
    return f"M{number(x1)} {number(y1)}" + "".join(f"L{number(x)} {number(y)}" for x, y in corners) + "z"
