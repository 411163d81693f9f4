"""How wide a text is, without a font: a picture must be the same on every machine, and its texts must fit their boxes on each.

The widths are those of DejaVu Sans, which is wider than Arial, Helvetica and the other faces that a reader's browser may take instead.
"""

# Thousandths of the font's size; 1000 for what is not listed, which nothing ordinary exceeds.
_WIDTHS = {
    275: "'", 280: "ijlI", 296: "J", 320: " ,.·", 340: "/:;\\|", 362: "-", 392: "()[]ft", 412: "r!", 462: '"', 502: "*_`", 525: "z∂s",
    552: "cL", 580: "kF?", 594: "vxyλ", 616: "aeoTYPπ", 637: "0123456789$bdghnpqu{}ESση", 662: "Kα", 686: "ABVXZΔ", 698: "CR", 735: "U",
    752: "HN", 790: "DGOQ&", 822: "w", 840: "#+<=>^~×→≤≥−", 866: "M", 952: "%", 990: "mW",
}
_WIDTH = {c: width for width, characters in _WIDTHS.items() for c in characters}
_BOLD = 1.1, 55                         # the bold face is no wider than this factor and so many thousandths more


def text_width(text, size, bold=False):
    """Pixels, rounded up to a whole one: no less than what any of the usual sans-serif faces needs."""
    factor, more = _BOLD if bold else (1, 0)
    return int(sum(_WIDTH.get(c, 1000) * factor + more for c in text) * size / 1000) + 1


def shorten(text, limit):
    """The text, or its beginning and its end around an ellipsis if it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    head = limit // 2
    return f"{text[:head]}…{text[len(text) - (limit - head - 1):]}"


def shape_label(shape):
    """A static shape as it is written at an edge: "?×784"; "" for a scalar and for a shape of unknown rank."""
    dims = getattr(shape, "dims", shape)
    if dims is None:
        return ""
    sizes = [getattr(d, "value", d) for d in dims]
    if len(sizes) == 1:
        return "?" if sizes[0] is None else f"{sizes[0]}"
    return "×".join("?" if s is None else str(s) for s in sizes)


def value_label(value):
    """A value as it is written at an edge or in a box: a text as it is, a number with at most four digits, a small array in brackets."""
    if isinstance(value, str):
        return value
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(value_label(v) for v in value) + "]"
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)
