"""The picture of a graph as SVG text: the same bytes each time, without ids, scripts, style sheets or fonts of its own."""
import re
from html import escape

from .graph_layout import Layout
from .graph_sizes import EDGE, LABEL, LINE, NOTE, TITLE, Sizes
from .graph_sketch import STATES
from .graph_text import text_width

# Colours that also those tell apart who see red and green alike: tints of Okabe and Ito's.
_KINDS = {"op": "#e9f1fa", "variable": "#fdefc9", "constant": "#f4f4f4", "placeholder": "#dcf0e6", "scope": "#e6e4f3"}
_DEVICES = ["#cfe4f7", "#fbd9a6", "#bfe5d6", "#f3cfe0", "#f6f0a8", "#d9d9d9", "#f5c3ab", "#c9c6ea"]
_PAPER, _INK, _LINE, _QUIET, _VALUE, _SLOPE, _WRITE = "#ffffff", "#222222", "#5b6570", "#6b7580", "#0b5cad", "#c0183c", "#a06000"
_FAINT = {_INK: "#858b92", _LINE: "#8a9097", _QUIET: "#858b92", _WRITE: "#b07d2b"}      # of what stays behind; at least 3:1 to white
_BOLD = {_LINE: "#38404a"}
_WIDTHS = {"cut": "1.2", "faint": "1.2", "plain": "1.2", "bold": "2"}
_FACES = "Helvetica,Arial,'DejaVu Sans',sans-serif"
_MARGIN, _HEAD, _ENTRY = 14, 24, 18             # around it all; the height of the title; of a line of the legend
_SCROLLED = 1600                                # a picture this wide is not made to fit the page, where nobody could read it


def svg(sketch, title="", direction="up", legend=False, devices=()):
    """The SVG text of a graph_sketch.Sketch."""
    return _Drawing(sketch, title, direction == "up", legend, devices).text()


def _number(x):
    """At most one digit behind the point."""
    text = f"{x:.1f}"
    return text[:-2] if text.endswith(".0") else text


def _tag(name, inside="", **attributes):
    """An element as text.  A name's _ stands for -, numbers are rounded, and what is None is left out."""
    text = "".join(f' {key.rstrip("_").replace("_", "-")}="{value if isinstance(value, str) else _number(value)}"'
                   for key, value in attributes.items() if value is not None)
    return f"<{name}{text}>{inside}</{name}>" if inside else f"<{name}{text}/>"


def _words(text):
    """Text as it may stand in XML."""
    return escape(re.sub("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "?", text))


class _Drawing:
    """Turns (across, along) of the layout into x and y, and everything into elements."""

    def __init__(self, sketch, title, upwards, legend, devices):
        self.sketch, self.title, self.upwards = sketch, title, upwards
        self.sizes = Sizes(sketch, upwards)
        self.layout = Layout(sketch, self.sizes)
        used = sorted({b.device for b in sketch.boxes})
        colours = {d: _DEVICES[i % len(_DEVICES)] for i, d in enumerate(dict.fromkeys([*devices, *used]))}
        self.devices = {d: colours[d] for d in used} if len(used) > 1 or devices else {}
        self.legend = _Legend(sketch) if legend else None

    def text(self):
        across, along = self.layout.width, self.layout.length
        width, height = (across, along) if self.upwards else (along, across)
        wide = max([width, text_width(self.title, 13, True)] + [30 + text_width(d or "any device", 11) for d in self.devices])
        rows = self.legend.rows(wide) if self.legend else []
        wide = max([wide] + [row[-1][0] + row[-1][2] for row in rows[:1]])
        top = _MARGIN + _HEAD * bool(self.title)
        entries = len(self.devices) + len(rows)
        full_width, full_height = wide + 2 * _MARGIN, top + height + _MARGIN + _ENTRY * entries + 4 * bool(entries)
        inside = [_tag("rect", width=full_width, height=full_height, fill=_PAPER)]
        if self.title:
            inside.append(_tag("text", _words(self.title), x=full_width / 2, y=_MARGIN + 9, font_size="13", font_weight="bold", fill=_INK))
        graph = self.frames() + self.edges() + self.boxes() + self.labels() + self.titles()
        place = f"translate({_number(_MARGIN + (wide - width) / 2)},{_number(top)})"
        inside.append(_tag("g", "\n" + "\n".join(graph) + "\n", transform=place))
        for i, (device, colour) in enumerate(self.devices.items()):
            y = top + height + 14 + _ENTRY * i
            inside.append(_tag("rect", x=_MARGIN, y=y, width=22, height=12, rx=3, fill=colour, stroke=_LINE))
            inside.append(_tag("text", _words(device or "any device"), x=_MARGIN + 30, y=y + 10, font_size="11", text_anchor="start", fill=_INK))
        for i, row in enumerate(rows, len(self.devices)):
            for x, form, _ in row:
                inside.append(self.legend.entry(form, _MARGIN + x, top + height + 14 + _ENTRY * i))
        return _tag("svg", "\n" + "\n".join(inside) + "\n", xmlns="http://www.w3.org/2000/svg", width=full_width, height=full_height,
                    viewBox=f"0 0 {_number(full_width)} {_number(full_height)}", font_family=_FACES, text_anchor="middle",
                    style="max-width:100%;height:auto" if full_width < _SCROLLED else None) + "\n"

    def point(self, across, along):
        """(x, y) as numbers."""
        return (across, self.layout.length - along) if self.upwards else (along, across)

    def at(self, across, along):
        """The same as text."""
        x, y = self.point(across, along)
        return f"{_number(x)},{_number(y)}"

    def port(self, p):
        """(across, along) of a port, on the side of its box."""
        b = self.sketch.ports[p].box
        across, along = self.layout.boxes[b]
        return across + self.layout.ports[p], along + self.sizes.depth[b] / 2

    # ---- frames -------------------------------------------------------------------------------------------------------------

    def frames(self):
        result = []
        for f in sorted(range(len(self.sketch.frames)), key=self.layout.rows.depth):
            low, high, begin, end = self.layout.frames[f]
            (x0, y0), (x1, y1) = self.point(low, begin), self.point(high, end)
            result.append(_tag("rect", _tag("title", _words(self.sketch.frames[f].name + "/")), class_="frame", x=min(x0, x1), y=min(y0, y1),
                               width=abs(x1 - x0), height=abs(y1 - y0), rx=7, fill=_LINE, fill_opacity="0.06", stroke="#aab2ba"))
        return result

    def titles(self):
        """The names of the frames: where no edge passes, if there is such a place."""
        result = []
        for f, frame in enumerate(self.sketch.frames):
            low, high, begin, end = self.layout.frames[f]
            if self.upwards:
                x, wide = low + 8, text_width(frame.title, TITLE)
                for passing in sorted(a for a in self.layout.leaving[self.layout.rows.spans[f][1]] if low < a < high):
                    if passing > x + wide + 3:
                        break
                    x = max(x, passing + 4)
                x, y = self.point(x if x + wide <= high - 6 else low + 8, end - 13)
            else:
                x, y = self.point(low + 14, begin + 8)
            result.append(_tag("text", _words(frame.title), x=x, y=y, font_size=TITLE, text_anchor="start", fill=_QUIET, stroke="#f4f5f6",
                               stroke_width="3", paint_order="stroke", stroke_linejoin="round"))
        return result

    # ---- edges --------------------------------------------------------------------------------------------------------------

    def edges(self):
        """The lines, then the tips of the arrows and the marks where edges are cut."""
        rows, sketch = self.layout.rows, self.sketch
        lines, tips = {}, {}                            # (state, port) -> [path]; element -> state
        for link, course in zip(rows.links, self.layout.courses):
            a, begin, bend, b, bent, end = course
            state = max([sketch.edges[e].state for e in link.edges], key=STATES.index)
            p = sketch.edges[link.edges[0]].port
            port = sketch.ports[p]
            lines.setdefault((STATES.index(state), p), []).append(self.line(*course))
            source, target = ((link.below, a, begin, -1), (link.above, b, end, 1))[::1 if link.port is not None else -1]
            if target[0] < rows.count and state == "cut":
                tips[self.cross((a + b) / 2, (bend + bent) / 2)] = 0
            heads = [source] * (port.kind == "write") + [target] * (port.kind != "write" or sketch.boxes[port.box].kind == "op")
            for item, across, along, sense in heads:
                if item < rows.count:
                    tip = self.tip(across, along, sense, _stroke(port, state))
                    tips[tip] = max(tips.get(tip, 0), STATES.index(state))
        for p, port in enumerate(sketch.ports):         # a result that nobody takes
            if p not in self.sizes.taken:
                across, along = self.port(p)
                path = f"M{self.at(across, along)}L{self.at(across, along + self.sizes.stub(p) - 1)}"
                lines[STATES.index(sketch.boxes[port.box].state), p] = [path]
        result = []
        for (number, p), paths in sorted(lines.items()):
            port, state = sketch.ports[p], STATES[number]
            dashes = "1.5 3" if state == "cut" else "4 3" if port.kind == "control" else None
            width = "1.6" if port.kind == "write" and state != "bold" else _WIDTHS[state]
            result.append(_tag("path", class_="edge", d="".join(paths), fill="none", stroke=_stroke(port, state), stroke_width=width,
                               stroke_dasharray=dashes))
        return result + sorted(tips, key=tips.get)

    def line(self, a, begin, bend, b, bent, end):
        """The path of a course of the layout."""
        if a == b:
            return f"M{self.at(a, begin)}L{self.at(b, end)}"
        middle = (bend + bent) / 2
        first, last = f"L{self.at(a, bend)}" if bend != begin else "", f"L{self.at(b, end)}" if end != bent else ""
        return f"M{self.at(a, begin)}{first}C{self.at(a, middle)} {self.at(b, middle)} {self.at(b, bent)}{last}"

    def tip(self, across, along, sense, colour):
        """An arrow's tip that ends there, along the flow (sense 1) or against it (-1)."""
        path = f"M{self.at(across, along)}L{self.at(across - 3.5, along - 7 * sense)}L{self.at(across + 3.5, along - 7 * sense)}z"
        return _tag("path", d=path, fill=colour)

    def cross(self, across, along):
        """The mark of an edge that is cut there."""
        path = "".join(f"M{self.at(across - 3.5, along - d)}L{self.at(across + 3.5, along + d)}" for d in (3.5, -3.5))
        return "".join(_tag("path", d=path, stroke=colour, stroke_width=width) for colour, width in ((_PAPER, "4.5"), (_LINE, "1.6")))

    def labels(self):
        """Values before the line that leaves a port, slopes and shapes behind it."""
        result = []
        for p, port in enumerate(self.sketch.ports):
            x, y = self.point(*self.port(p))
            state = self.sketch.boxes[port.box].state
            if port.value:
                x_, y_, anchor = (x - 4, y - 3.5, "end") if self.upwards else (x + 9, y - 4, "start")
                result.append(_tag("text", _words(port.value), x=x_, y=y_, text_anchor=anchor, font_size=EDGE, font_weight="bold", fill=_VALUE))
            x_, y_ = (x + 5.5, y - 3.5) if self.upwards else (x + 9, y + 10.5)
            if port.slope:
                result.append(_tag("text", _words(port.slope), x=x_, y=y_, text_anchor="start", font_size=EDGE, font_weight="bold", fill=_SLOPE))
            if port.shape:
                result.append(_tag("text", _words(port.shape), x=x_ + self.sizes.before_shape(port), y=y_, text_anchor="start", font_size=EDGE,
                                   fill=_colour(_QUIET, state)))
        return result

    # ---- boxes --------------------------------------------------------------------------------------------------------------

    def boxes(self):
        result = []
        for b, box in enumerate(self.sketch.boxes):
            x, y = self.point(*self.layout.boxes[b])
            w, h = self.sizes.width[b], self.sizes.height[b]
            fill = "#fbfbfb" if box.state == "faint" else self.devices.get(box.device) or _KINDS[box.kind]
            style = {"fill": fill, "stroke": _colour(_LINE, box.state), "stroke_width": "2" if box.state == "bold" else "1"}
            inside = _tag("title", _words(box.tip)) + _outline(box.kind, x - w / 2, y - h / 2, w, h, self.upwards, style)
            notes = [(note, _QUIET, None) for note in box.notes] + [(box.value, _VALUE, "bold")] * bool(box.value)
            y += 4 - LINE / 2 * len(notes) + {"variable": 2, "scope": 1}.get(box.kind, 0)
            inside += _tag("text", _words(box.label), x=x, y=y, font_size=LABEL, fill=_colour(_INK, box.state),
                           font_weight="bold" if box.state == "bold" else None)
            for i, (note, colour, weight) in enumerate(notes):
                inside += _tag("text", _words(note), x=x, y=y + LINE * (i + 1), font_size=NOTE, fill=_colour(colour, box.state), font_weight=weight)
            result.append(_tag("g", inside, class_="box"))
        return result


def _colour(colour, state):
    return {"cut": _FAINT, "faint": _FAINT, "plain": {}, "bold": _BOLD}[state].get(colour, colour)


def _stroke(port, state):
    """The colour of a port's edges."""
    return _colour(_WRITE if port.kind == "write" else _LINE, state)


def _outline(kind, x, y, w, h, upwards, style, slant=8, rim=4, corner=9):
    """The form says what a box is: a cylinder keeps its value, a slanted box is fed, one with corners never changes, a pile is a scope."""
    n = _number
    if kind == "variable":
        r = rim                                         # half the height of the ellipses
        side = f"M{n(x)},{n(y + r)}A{n(w / 2)},{r} 0 0 1 {n(x + w)},{n(y + r)}V{n(y + h - r)}A{n(w / 2)},{r} 0 0 1 {n(x)},{n(y + h - r)}Z"
        front = f"M{n(x)},{n(y + r)}A{n(w / 2)},{r} 0 0 0 {n(x + w)},{n(y + r)}"
        return _tag("path", d=side, **style) + _tag("path", d=front, fill="none", stroke=style["stroke"], stroke_width="0.8")
    if kind == "placeholder":
        outline = _tag("path", d=f"M{n(x + slant)},{n(y)}H{n(x + w)}L{n(x + w - slant)},{n(y + h)}H{n(x)}Z", stroke_linejoin="round", **style)
        if not upwards:                                 # from the slant on to where edges begin
            outline += _tag("path", d=f"M{n(x + w - 4)},{n(y + h / 2)}H{n(x + w)}", stroke=style["stroke"], stroke_width="1.2")
        return outline
    if kind == "scope":
        return "".join(_tag("rect", x=x + d, y=y + 4 - d, width=w - 4, height=h - 4, rx=corner - 4 if corner > 4 else 2, **style) for d in (4, 2, 0))
    return _tag("rect", x=x, y=y, width=w, height=h, rx=2 if kind == "constant" else corner, **style)


class _Legend:
    """The forms that occur in a sketch, each with what it stands for, in rows below the picture."""

    def __init__(self, sketch):
        kinds, states = {box.kind for box in sketch.boxes}, {edge.state for edge in sketch.edges}
        lines = {sketch.ports[e.port].kind for e in sketch.edges if e.state != "cut"}
        present = [("placeholder", "placeholder, or fed" if "cut" in states else "placeholder", kinds), ("variable", "variable", kinds),
                   ("constant", "constant", kinds), ("op", "operation", kinds), ("scope", "collapsed scope", kinds),
                   ("data", "tensor", lines), ("write", "write", lines), ("control", "control edge", lines), ("cut", "cut by a feed", states)]
        self.forms = [(form, words) for form, words, found in present if form in found]

    def rows(self, wide):
        """[[(x, (form, words), width)]]: in columns, as many as fit, and at least two."""
        if not self.forms:
            return []
        column = max(32 + text_width(words, NOTE) for _, words in self.forms) + 16
        rows = -(-len(self.forms) // max(2, int((wide + 16) // column)))
        count = -(-len(self.forms) // rows)                     # so that the last row is about as full as the others
        cells = [(i % count * column, form, column - 16) for i, form in enumerate(self.forms)]
        return [cells[i:i + count] for i in range(0, len(cells), count)]

    def entry(self, form, x, y):
        """One form and its words, with the upper left corner there."""
        form, words = form
        if form in _KINDS:
            sign = _outline(form, x + 2, y, 22, 12, True, {"fill": _KINDS[form], "stroke": _LINE, "stroke_width": "1"}, slant=4, rim=2.5, corner=4)
        else:
            colour, width = (_WRITE, "1.6") if form == "write" else (_FAINT[_LINE], "1.2") if form == "cut" else (_LINE, "1.2")
            dashes = {"control": "4 3", "cut": "1.5 3"}.get(form)
            sign = _tag("path", d=f"M{_number(x)},{_number(y + 6)}h26", stroke=colour, stroke_width=width, stroke_dasharray=dashes)
            tip, back = (x, x + 7) if form == "write" else (x + 26, x + 19)
            sign += _tag("path", d=f"M{_number(tip)},{_number(y + 6)}L{_number(back)},{_number(y + 2.5)}V{_number(y + 9.5)}z", fill=colour)
        return sign + _tag("text", _words(words), x=x + 32, y=y + 9.5, font_size=NOTE, text_anchor="start", fill=_INK)
