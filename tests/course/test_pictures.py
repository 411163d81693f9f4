"""What a picture of a graph promises is read back from its SVG: where boxes, frames, edges and texts are."""
import functools
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import minitf as tf
import minitf.session.prune
from minitf.course.pictures.graph_layers import components
from minitf.course.pictures.graph_layout import Layout
from minitf.course.pictures.graph_sizes import Sizes
from minitf.course.pictures.graph_sketch import Sketch
from minitf.course.pictures.graph_text import shape_label, shorten, text_width, value_label
from minitf.course.pictures.network_simplex import network_simplex
from minitf.course.pictures import draw, draw_program, ladder, lanes, loss_surface, show_images, show_source
from minitf.course.pictures.programs import boxes_of
from minitf.course.pictures.separation import separate

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "examples"))
SVG = "{http://www.w3.org/2000/svg}"


# ---- a graph like the course's own ----------------------------------------------------------------------------------------

class Tensor:
    def __init__(self, op, shape):
        self.op, self.shape, self.name = op, shape, op.name + ":0"


class Op:
    def __init__(self, graph, name, type="Add", inputs=(), controls=(), shape=(2, None), **attrs):
        self.graph, self.name, self.type, self.inputs, self.controls, self.attrs = graph, name, type, list(inputs), list(controls), attrs
        self.output = Tensor(self, shape)
        graph.operations.append(self)


class Graph:
    def __init__(self):
        self.operations = []


@st.composite
def graphs(draw):
    """Up to 40 operations in scopes up to three deep, with shapes, variables, control edges, and inputs that are taken twice."""
    graph = Graph()
    scopes = draw(st.lists(st.sampled_from(["a/", "b/", "a/c/", "a/c/d/", "e/f/", "g_with_a_long_name/", "b/op3/"]), min_size=1, max_size=4))
    for i in range(draw(st.integers(1, 40))):
        earlier = graph.operations
        inputs = draw(st.lists(st.sampled_from(earlier), max_size=3)) if earlier else []
        controls = draw(st.lists(st.sampled_from(earlier), max_size=1)) if earlier and draw(st.integers(0, 4)) == 0 else []
        type = draw(st.sampled_from(["Add", "MatMul", "Assign"])) if inputs else draw(st.sampled_from(["Placeholder", "Const", "Variable", "Range"]))
        shape = draw(st.sampled_from([(), (3,), (None, 784), (12, 34, 56)]))
        Op(graph, draw(st.sampled_from(["", *scopes])) + f"op{i}", type, [o.output for o in inputs], controls, shape, value=np.zeros(shape and (2, 2)))
    return graph


# ---- reading a picture back -------------------------------------------------------------------------------------------------

class Drawn:
    """boxes, frames {name: (left, top, right, bottom)}; texts [(words, left, top, right, bottom, name of the box or None)]; lines [[(x, y)]]."""

    def __init__(self, picture):
        self.root = ElementTree.fromstring(picture._repr_svg_())
        self.boxes, self.frames, self.texts, self.lines, self.titles = {}, {}, [], [], set()
        inner = self.root.find(f"{SVG}g")
        for element in inner:
            kind = element.get("class")
            if kind == "frame":
                self.frames[element[0].text.rstrip("/")] = _rectangle(element)
            elif kind == "box":
                name = re.split(r" = |/: ", element[0].text)[0]
                assert name not in self.boxes
                self.boxes[name] = _outline(element)
                self.texts += [_text(t, name) for t in element.iter(f"{SVG}text")]
            elif kind == "edge":
                self.lines += _lines(element.get("d"))
            elif element.tag == f"{SVG}text":
                self.texts.append(_text(element, None))
                if element.get("stroke"):               # the title of a frame, which lies on a light ground of its own
                    self.titles.add(element.text)

    def check(self):
        boxes, frames = list(self.boxes.items()), list(self.frames.items())
        for i, (name, box) in enumerate(boxes):
            for other, another in boxes[:i]:
                assert not _overlap(box, another), f"{name} overlaps {other}"
            for scope, frame in frames:
                if _is_in(name, scope, self.boxes):
                    assert _contains(frame, box), f"{name} is outside its frame {scope}"
                else:
                    assert not _overlap(frame, box), f"{name} is in a frame that is not its own, {scope}"
        for i, (name, frame) in enumerate(frames):
            for other, another in frames[:i]:
                if name.startswith(other + "/"):
                    assert _contains(another, frame)
                elif other.startswith(name + "/"):
                    assert _contains(frame, another)
                else:
                    assert not _overlap(frame, another), f"the frames {name} and {other} overlap"
        points = np.array([p for line in self.lines for p in line]).reshape(-1, 2)
        for name, (left, top, right, bottom) in boxes:
            inside = (points > [left + .5, top + .5]).all(1) & (points < [right - .5, bottom - .5]).all(1)
            assert not inside.any(), f"an edge passes through {name}"
        labels = []
        for words, left, top, right, bottom, box in self.texts:
            if box is None and words not in self.titles:
                struck = (points > [left + .3, top + .3]).all(1) & (points < [right - .3, bottom - .3]).all(1)
                assert not struck.any(), f"an edge passes through the label {words}"
            if box is not None:
                assert self.boxes[box][0] <= left and right <= self.boxes[box][2], f"{words} is wider than its box {box}"
                assert self.boxes[box][1] <= top and bottom <= self.boxes[box][3], f"{words} is higher than its box {box}"
            else:
                for name, other in boxes:
                    assert not _overlap((left, top, right, bottom), other), f"the label {words} covers {name}"
                for words_, *other in labels:
                    assert not _overlap((left, top, right, bottom), other), f"the labels {words} and {words_} overlap"
                labels.append((words, left, top, right, bottom))


def _rectangle(element):
    x, y, w, h = (float(element.get(k)) for k in ("x", "y", "width", "height"))
    return x, y, x + w, y + h


def _outline(group):
    rectangles = [_rectangle(r) for r in group.iter(f"{SVG}rect")]
    if rectangles:
        return (*np.min(rectangles, axis=0)[:2], *np.max(rectangles, axis=0)[2:])
    path = next(group.iter(f"{SVG}path")).get("d")
    numbers = [float(n) for n in re.findall(r"-?[\d.]+", path)]
    if "A" in path:                                     # a cylinder
        (x, y), right, bottom = numbers[:2], numbers[7], float(re.search(r"V(-?[\d.]+)", path)[1])
        return x, y - 4, right, bottom + 4
    return numbers[5], numbers[1], numbers[2], numbers[4]


def _text(element, box):
    size, bold = float(element.get("font-size")), element.get("font-weight") == "bold"
    wide = _measured(element.text, bold) * size
    x, y, anchor = float(element.get("x")), float(element.get("y")), element.get("text-anchor")
    left = x - wide if anchor == "end" else x if anchor == "start" else x - wide / 2
    return element.text, left, y - .75 * size, left + wide, y + .2 * size, box


@functools.lru_cache(None)
def _font(bold):
    """The face that matplotlib brings along, which is wider than those of most browsers."""
    from matplotlib import font_manager, ft2font
    font = ft2font.FT2Font(font_manager.findfont(font_manager.FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")))
    font.set_size(100, 72)
    return font


@functools.lru_cache(None)
def _measured(text, bold):
    """The width of a text, in sizes of the font."""
    return sum(_font(bold).load_char(ord(c)).linearHoriAdvance for c in text) / 65536 / 100


def _lines(path):
    """Points along each piece of a path of moves, lines and curves."""
    pieces, here, steps = [], None, np.linspace(0, 1, 40)[:, None]
    for command, numbers in re.findall(r"([MLC])([^MLC]*)", path):
        points = np.array([p.split(",") for p in numbers.split()], float)
        if command == "M":
            pieces.append([points[0]])
        elif command == "L":
            pieces[-1].extend(here + (points[0] - here) * steps)
        else:
            a, b, c, d = here, *points
            pieces[-1].extend((1 - steps) ** 3 * a + 3 * steps * (1 - steps) ** 2 * b + 3 * steps ** 2 * (1 - steps) * c + steps ** 3 * d)
        here = points[-1]
    return pieces


def _overlap(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _contains(a, b):
    return a[0] <= b[0] and a[1] <= b[1] and b[2] <= a[2] and b[3] <= a[3]


def _is_in(name, scope, boxes):
    return name.startswith(scope + "/") or name == scope


# ---- nothing overlaps -------------------------------------------------------------------------------------------------------

@settings(max_examples=60)
@given(graphs(), st.sampled_from(["up", "right"]), st.booleans(), st.data())
def test_random_graphs(graph, direction, values, data):
    scopes = sorted({op.name.rpartition("/")[0] for op in graph.operations} - {""})
    collapse = data.draw(st.just(True) | st.lists(st.sampled_from(scopes), unique=True) if scopes else st.just(()))
    texts = {op.output: "1.25" for op in graph.operations[::3]} if values else None
    slopes = {op.output: "-7.5" for op in graph.operations[::2]} if values else None
    feeds = data.draw(st.lists(st.sampled_from(graph.operations), max_size=2))
    highlight = data.draw(st.lists(st.sampled_from(graph.operations), max_size=3))
    Drawn(draw(graph, "title", highlight, collapse, direction, texts, feeds, slopes=slopes, legend=True)).check()


@pytest.fixture(scope="module")
def mnist():
    import mnist_model
    with tf.Graph().as_default():
        return mnist_model.MnistModel(20)


@pytest.mark.parametrize("direction", ["up", "right"])
@pytest.mark.parametrize("collapse", [(), ("gradients",), ("gradients", "Adam"), ("hidden", "gradients/softmax"), True])
def test_mnist_model(mnist, collapse, direction):
    drawn = Drawn(draw(mnist.loss.graph, "MnistModel", collapse=collapse, direction=direction))
    drawn.check()
    assert ("gradients" in drawn.frames) == (collapse not in [("gradients",), ("gradients", "Adam"), True])
    assert ("gradients" in drawn.boxes) != ("gradients" in drawn.frames)


def test_all_of_the_mnist_model(mnist):
    drawn = Drawn(draw(mnist.loss.graph, details=True))
    drawn.check()
    assert set(drawn.boxes) == {op.name for op in mnist.loss.graph.get_operations()}


@settings(max_examples=30)
@given(graphs(), st.booleans())
def test_each_edge_leads_from_its_box_to_its_target(graph, collapse):
    sketch = Sketch(graph, collapse=collapse)
    sizes = Sizes(sketch, True)
    layout = Layout(sketch, sizes)
    course = dict(zip(layout.rows.links, layout.courses))
    for edge, path in zip(sketch.edges, layout.rows.paths):
        source, target = sketch.ports[edge.port].box, edge.target
        low, high = (source, target) if path[0].port is not None else (target, source)
        assert path[0].below == low and path[-1].above == high
        courses = [course[link] for link in path]
        for one, other in zip(courses, courses[1:]):
            assert (one[3], one[5]) == (other[0], other[1])
        for box, across, along, side in ((low, courses[0][0], courses[0][1], 1), (high, courses[-1][3], courses[-1][5], -1)):
            assert abs(across - layout.boxes[box][0]) < sizes.half[box]
            assert along == layout.boxes[box][1] + side * sizes.depth[box] / 2
    wanted = {(i.op.name, op.name) for op in graph.operations for i in op.inputs} | {(c.name, op.name) for op in graph.operations for c in op.controls}
    names = [box.name for box in sketch.boxes]
    if not collapse:
        assert {(names[sketch.ports[e.port].box], names[e.target]) for e in sketch.edges} == wanted


def test_a_diamond_is_symmetrical():
    graph = Graph()
    a = Op(graph, "a", "Placeholder")
    b, c = Op(graph, "b", inputs=[a.output]), Op(graph, "c", inputs=[a.output])
    Op(graph, "d", "Mul", inputs=[b.output, c.output])
    boxes = Drawn(draw(graph)).boxes
    centre = {name: (box[0] + box[2]) / 2 for name, box in boxes.items()}
    assert centre["a"] == pytest.approx(centre["d"], abs=1) and centre["b"] + centre["c"] == pytest.approx(2 * centre["a"], abs=1)
    assert boxes["a"][1] > boxes["b"][1] == boxes["c"][1] > boxes["d"][1]


def test_a_chain_is_straight():
    graph = Graph()
    h = Op(graph, "h", "Placeholder")
    w = Op(graph, "w", "Variable")
    for t in range(30):
        x = Op(graph, f"x{t}", "Placeholder")
        h = Op(graph, f"step{t}", "MatMul", [h.output, w.output])
        h = Op(graph, f"add{t}", "Add", [h.output, x.output])
    drawn = Drawn(draw(graph))
    drawn.check()
    assert len({(drawn.boxes[f"{name}{t}"][0] + drawn.boxes[f"{name}{t}"][2]) / 2 for t in range(30) for name in ("step", "add")}) == 1
    sideways = Drawn(draw(graph, direction="right"))
    sideways.check()
    assert all(sideways.boxes[f"step{t}"][0] < sideways.boxes[f"add{t}"][0] < sideways.boxes[f"step{t + 1}"][0] for t in range(29))


def test_2000_operations():
    graph = Graph()
    h, w = Op(graph, "h", "Placeholder"), Op(graph, "w", "Variable")
    for t in range(666):
        h = Op(graph, f"s{t}/mul", "MatMul", [h.output, w.output])
        h = Op(graph, f"s{t}/add", "Add", [h.output, Op(graph, f"b{t}", "Const").output])
    began = time.process_time()
    picture = draw(graph)
    assert time.process_time() - began < 20             # about 1 s; the machine may be busy
    assert repr(picture) == "<picture of a graph: 2000 boxes>"


# ---- the same bytes, and good ones ------------------------------------------------------------------------------------------

def test_same_bytes_in_every_process():
    program = """
import sys, hashlib
sys.path.insert(0, "examples")
import minitf as tf, mnist_model
from minitf.course.pictures import draw
assert "matplotlib.pyplot" in sys.modules        # the example's own import
g = tf.Graph()
with g.as_default():
    m = mnist_model.MnistModel(20)
print([hashlib.sha256(draw(g, collapse=c, highlight=[m.loss]).svg.encode()).hexdigest() for c in ((), True)])
"""
    found = {subprocess.run([sys.executable, "-c", program], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True,
                            check=True).stdout for seed in ("1", "2")}
    assert len(found) == 1


def test_no_import_before_it_is_needed():
    program = "import sys, minitf.course.pictures; print([m for m in ('matplotlib', 'IPython') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_names_are_escaped_and_nothing_has_an_id(tmp_path):
    graph = Graph()
    name = "<&>\"'/a]]>"
    Op(graph, "out", "Add<T>", [Op(graph, name, "Placeholder").output])
    picture = draw(graph, title="a < b & c", values={graph.operations[0].output: "<1>", "out": "&"})
    drawn = Drawn(picture)
    drawn.check()
    assert {t[0] for t in drawn.texts} == {name, "out", "Add<T>", "<1>", "2×?", "&"}
    assert not re.search(r"\b(id|href|url)\b", re.sub(r"<title>.*?</title>", "", picture.svg))
    picture.save(tmp_path / "picture.svg")
    assert (tmp_path / "picture.svg").read_text(encoding="utf-8") == picture._repr_svg_()


def test_repr_has_no_address():
    graph = Graph()
    Op(graph, "one", "Placeholder")
    assert repr(draw(graph)) == "<picture of a graph: 1 box>"
    assert repr(draw([])) == "<picture of a graph: 0 boxes>"
    ElementTree.fromstring(draw([]).svg)


# ---- what is drawn ----------------------------------------------------------------------------------------------------------

@pytest.fixture
def layer():
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 3], name="x")
        w = tf.Variable(tf.zeros([3, 2]), name="w")
        y = tf.reduce_sum(tf.nn.relu(tf.matmul(x, w), name="h"), 1, name="y")
        tf.global_variables_initializer()
    return graph, x, w, y


def words(picture):
    return [t[0] for t in Drawn(picture).texts]


def test_reads_initialisers_and_arguments_are_folded(layer):
    graph, *_ = layer
    drawn = Drawn(draw(graph))
    assert list(drawn.boxes) == ["x", "w", "MatMul", "h", "y"]
    assert {"w", "y", "Sum, axis 1", "Relu", "3×2", "?×3", "?×2"} <= set(words(draw(graph)))
    assert {op.name for op in graph.get_operations()} == set(Drawn(draw(graph, details=True)).boxes)


def test_a_group_of_initialisers_is_drawn_when_it_is_asked_for(layer):
    graph, *_ = layer
    assert {"init", "w/Assign", "w"} <= set(Drawn(draw([graph.get_operation_by_name("init")])).boxes)


def test_the_part_that_tensors_need(layer):
    graph, x, w, y = layer
    h = graph.get_operation_by_name("h")
    assert list(Drawn(draw([h])).boxes) == ["x", "w", "MatMul", "h"]
    assert list(Drawn(draw(w)).boxes) == ["w"]
    assert list(Drawn(draw(y, feeds={h.outputs[0]: 0})).boxes) == ["h", "y"]
    assert list(Drawn(draw(y, feeds=["h:0"])).boxes) == ["h", "y"]
    assert {"fed", "Relu"} <= set(words(draw(y, feeds=[h.outputs[0]])))
    assert list(Drawn(draw([y, graph.get_operation_by_name("MatMul")], feeds=[h.outputs[0]])).boxes) == ["x", "w", "MatMul", "h", "y"]


def test_what_can_not_be_drawn(layer):
    graph, x, *_ = layer
    with tf.Graph().as_default():
        other = tf.constant(1.0)
    with pytest.raises(TypeError, match="draw takes a graph, or a list of its tensors and operations, not int"):
        draw([1])
    with pytest.raises(ValueError, match="one graph at a time"):
        draw([x, other])
    with pytest.raises(ValueError, match="direction is \"up\" or \"right\", not 'down'"):
        draw(graph, direction="down")
    with pytest.raises(ValueError, match="There is no operation 'MatMull' to highlight. The nearest names are MatMul"):
        draw(graph, highlight=["MatMull"])
    with pytest.raises(ValueError, match="There is no scope 'ww' to collapse. The nearest names are w"):
        draw(graph, collapse="ww")
    with pytest.raises(ValueError, match="There is no tensor 'h:1' to give a value to: 'h' has 1 outputs"):
        draw(graph, values={"h:1": 3})


def test_collapsed_scopes_say_what_is_in_them(mnist):
    graph = mnist.loss.graph
    for collapse in [("gradients", "Adam"), True]:
        texts = words(draw(graph, collapse=collapse))
        assert f"{sum(op.name.startswith('gradients/') for op in graph.get_operations())} ops" in texts
    assert "12 ops, 10 variables" in words(draw(graph, collapse=["Adam/"]))
    assert "hidden/weights/Adam" not in Drawn(draw(graph, collapse="Adam")).boxes
    assert "hidden/weights/Adam" in Drawn(draw(graph, collapse="gradients")).boxes
    assert "4 tensors" in words(draw(graph, collapse=("gradients", "Adam")))


def test_an_operation_stands_in_the_frame_of_its_name(mnist):
    drawn = Drawn(draw(mnist.loss.graph))
    assert _contains(drawn.frames["Adam"], drawn.boxes["Adam"])
    assert "predictions" not in drawn.frames             # the axis in that scope is folded, and one box needs no frame


def test_highlight_and_values(layer):
    graph, x, w, y = layer
    picture = draw(graph, highlight=[w, "h"], values={x: "given", y: 2.5, w: np.array([1, 2]), "h": 7, "MatMul:0": 1 / 3})
    bold = {e[0].text.split(" = ")[0] for e in Drawn(picture).root.iter(f"{SVG}g") if e.get("class") == "box" and
            any(t.get("font-weight") == "bold" and t.get("font-size") == "12" for t in e.iter(f"{SVG}text"))}
    assert bold == {"w", "h"}
    assert {"given", "2.5", "[1, 2]", "7", "0.3333"} <= set(words(picture))


def test_the_value_of_a_result_is_written_too():
    graph = Graph()
    a = Op(graph, "a", "Placeholder", shape=())
    b = Op(graph, "b", "Add", [a.output, a.output], shape=())
    assert {"3", "6"} <= set(words(draw(graph, values={a.output: 3, b.output: 6})))


# ---- edges that write, edges that are cut ------------------------------------------------------------------------------------

WRITE = "#a06000"


def edges_of(sketch):
    """{(name of the source, name of the target, kind of the port, state)} and the number of edges."""
    names = [box.name for box in sketch.boxes]
    return {(names[sketch.ports[e.port].box], names[e.target], sketch.ports[e.port].kind, e.state) for e in sketch.edges}, len(sketch.edges)


def heads(picture, colour):
    """The points of the arrow heads of a colour."""
    paths = ElementTree.fromstring(picture.svg).find(f"{SVG}g").findall(f"{SVG}path")
    return [tuple(map(float, re.match(r"M([-\d.]+),([-\d.]+)", p.get("d")).groups())) for p in paths if p.get("fill") == colour]


@pytest.fixture
def counter():
    graph = Graph()
    v = Op(graph, "v", "Variable")
    add = Op(graph, "add", "Add", [v.output, v.output])
    Op(graph, "step", "Assign", [v.output, add.output])
    return graph


@pytest.mark.parametrize("direction", ["up", "right"])
def test_a_write_has_a_line_of_its_own_and_its_head_at_the_variable(counter, direction):
    assert edges_of(Sketch(counter)) == ({("v", "add", "data", "plain"), ("v", "step", "write", "plain"), ("add", "step", "data", "plain")}, 4)
    picture = draw(counter, direction=direction)
    left, top, right, bottom = Drawn(picture).boxes["v"]
    (x, y), = heads(picture, WRITE)
    assert left < x < right and y == top if direction == "up" else top < y < bottom and x == right
    assert len(heads(picture, "#5b6570")) == 3          # of what add and step take
    for x, y in heads(picture, "#5b6570"):
        assert not (left <= x <= right and top <= y <= bottom)
    written, = [e for e in ElementTree.fromstring(picture.svg).iter(f"{SVG}path") if e.get("class") == "edge" and e.get("stroke") == WRITE]
    reads = [e for e in ElementTree.fromstring(picture.svg).iter(f"{SVG}path") if e.get("class") == "edge" and e.get("stroke") != WRITE]
    points = np.concatenate([np.array(line) for e in reads for line in _lines(e.get("d"))])
    nearest = min(np.abs(points - p).sum(1).min() for line in _lines(written.get("d")) for p in line)
    assert nearest > 5                                  # they begin 18 apart, and never meet


def test_which_operations_write():
    with tf.Graph().as_default() as graph:
        v = tf.Variable(tf.zeros([2]), name="v")
        loss = tf.reduce_sum(v * v, name="loss")
        tf.train.AdamOptimizer(0.1, name="train").minimize(loss)
        tf.scatter_add(v, [0], [1.0], name="scatter")
        tf.assign_add(tf.assign(v, [1.0, 2.0], name="first"), [1.0, 1.0], name="second")
        tf.is_variable_initialized(v)
    edges, _ = edges_of(Sketch(graph))
    written = {(s, t) for s, t, kind, _ in edges if kind == "write"}
    assert {("v", "train/update_v/ApplyAdam"), ("v/train", "train/update_v/ApplyAdam")} <= written
    assert {("v", "scatter"), ("v", "first"), ("first", "second")} <= written
    assert ("v", "IsVariableInitialized", "data", "plain") in edges and ("v", "mul", "data", "plain") in edges
    assert all(s in ("v", "first") or s.startswith(("v/", "train/")) or "power" in s for s, _ in written)
    picture = draw([graph.get_operation_by_name("second")])
    Drawn(picture).check()
    assert len(heads(picture, WRITE)) == 3              # at v, and at both ends of what first hands on to second


def test_what_is_not_highlighted_can_be_read(counter):
    picture = draw(counter, highlight=["add"])
    colours = set(re.findall(r'<text[^>]* fill="(#\w+)"', picture.svg)) | set(re.findall(r'stroke="(#\w+)"', picture.svg))
    for colour in colours - {"#ffffff"}:
        parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (c / 12.92 if c <= .03928 else ((c + .055) / 1.055) ** 2.4 for c in parts)
        assert 1.05 / (.2126 * red + .7152 * green + .0722 * blue + .05) >= 3, colour


@pytest.mark.parametrize("given", [{"values": {"b": "fed 10"}}, {"values": {"b:0": "fed 10"}}, {"feeds": ["b"]}, {"feeds": ["b"], "values": {"b": 10}}])
def test_a_feed_cuts_the_edges_into_it_and_is_used(given):
    graph = Graph()
    a = Op(graph, "a", "Const", shape=())
    b = Op(graph, "b", "Mul", [a.output, a.output], shape=())
    c = Op(graph, "c", "Add", [a.output, b.output], shape=())
    Op(graph, "d", "Neg", [b.output], shape=())
    edges, _ = edges_of(Sketch(graph, highlight=["a", "c"], **given))
    assert edges == {("a", "b", "data", "cut"), ("a", "c", "data", "bold"), ("b", "c", "data", "bold"), ("b", "d", "data", "faint")}
    picture = draw(graph, highlight=["a", c], legend=True, **given)
    Drawn(picture).check()
    assert ("fed" if given == {"feeds": ["b"]} else "fed 10") in words(picture) and {"cut by a feed", "placeholder, or fed"} <= legend(picture)


def test_a_result_that_nobody_takes_has_a_line():
    graph = Graph()
    a = Op(graph, "a", "Placeholder", shape=())
    Op(graph, "scalar", "Neg", [a.output], shape=())
    Op(graph, "vector", "Neg", [a.output], shape=(3,))
    Op(graph, "nothing", "NoOp", shape=(), controls=[a])
    sketch = Sketch(graph)
    taken = {e.port for e in sketch.edges}
    assert [sketch.boxes[p.box].name for i, p in enumerate(sketch.ports) if i not in taken] == ["scalar", "vector"]
    for direction in ("up", "right"):
        drawn = Drawn(draw(graph, direction=direction, values={"vector:0": "a rather long value"}))
        drawn.check()
        assert len(drawn.lines) == 5


def test_values_and_slopes_stand_on_either_side_of_the_line():
    graph = Graph()
    a = Op(graph, "a", "Placeholder", shape=(2,))
    Op(graph, "b", "Neg", [a.output], shape=())
    for direction, axis in (("up", 1), ("right", 2)):
        picture = draw(graph, direction=direction, values={a.output: 0.5}, slopes={a.output: -3, "b": 1.0})
        drawn = Drawn(picture)
        drawn.check()
        place = {t[0]: t[axis] for t in drawn.texts}
        assert place["0.5"] < place["-3"] and {"2", "1"} <= set(place)
        colour = {e.text: e.get("fill") for e in drawn.root.iter(f"{SVG}text")}
        assert colour["-3"] == colour["1"] != colour["0.5"]
    with pytest.raises(ValueError, match="There is no operation 'c' to give a slope to"):
        draw(graph, slopes={"c": 1})


def legend(picture):
    return {e.text for e in ElementTree.fromstring(picture.svg).findall(f"{SVG}text")}


def test_the_legend_tells_the_forms_that_occur(counter, mnist):
    assert legend(draw(counter)) == set()
    assert legend(draw(counter, legend=True)) == {"variable", "operation", "tensor", "write"}
    assert legend(draw(mnist.loss.graph, collapse=True, legend=True)) == {"placeholder", "operation", "collapsed scope", "tensor", "write"}
    Op(counter, "last", "NoOp", controls=counter.operations[-1:])
    assert "control edge" in legend(draw(counter, legend=True))
    assert legend(draw([], legend=True)) == set()


def test_one_colour_for_each_device():
    with tf.Graph().as_default() as graph:
        with tf.device("/cpu:0"):
            x = tf.placeholder(tf.float32, name="x")
        assert "/device:CPU:0" not in re.sub("<title>.*?</title>", "", draw(graph).svg)
        with tf.device("/cpu:1"):
            tf.nn.relu(x)
    picture = draw(graph)
    assert all(picture.svg.count(f">/device:CPU:{i}<") == 1 for i in (0, 1))


def test_control_edges_are_dashed_and_frames_can_be_left_out():
    graph = Graph()
    a = Op(graph, "s/a", "NoOp")
    Op(graph, "s/b", "NoOp", controls=[a])
    assert "stroke-dasharray" in draw(graph).svg
    assert list(Drawn(draw(graph)).frames) == ["s"] and not Drawn(draw(graph, frames=False)).frames
    assert list(Drawn(draw(graph, frames=False)).boxes) == ["s/a", "s/b"]


def test_branches_and_loops_are_boxes():
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [2], name="x")
        tf.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, tf.cond(i > 1, lambda: v * 2, lambda: v)), [tf.constant(0), x])
    Drawn(draw(graph)).check()


# ---- texts ------------------------------------------------------------------------------------------------------------------

def test_widths_are_those_of_a_wide_face():
    for bold in (False, True):
        for c in [chr(i) for i in range(32, 127)] + list("×…−→"):
            assert text_width(c, 100, bold) >= 100 * _measured(c, bold) - 1, c


def test_labels():
    assert [shape_label(s) for s in ((), (3,), (None, 784), None, (None,))] == ["", "3", "?×784", "", "?"]
    assert [shape_label(tf.TensorShape(s)) for s in ([], [None, 784], None)] == ["", "?×784", ""]
    assert [value_label(v) for v in ("text", 3, 0.12345, np.float32(2), np.array([[1.5]]), (1, 2), b"x", True)] == \
        ["text", "3", "0.1235", "2", "[[1.5]]", "[1, 2]", "x", "True"]
    assert shorten("abcdefghij", 10) == "abcdefghij" and shorten("abcdefghijk", 7) == "abc…ijk"


# ---- what the layout is made of ---------------------------------------------------------------------------------------------

@given(st.integers(2, 9), st.data())
def test_network_simplex_is_best(count, data):
    edges = [(0, node, 0, 0) for node in range(1, count)]
    for _ in range(data.draw(st.integers(0, 16))):
        tail, head = sorted(data.draw(st.lists(st.integers(0, count - 1), min_size=2, max_size=2, unique=True)))
        edges.append((tail, head, data.draw(st.integers(0, 2)), data.draw(st.integers(0, 5))))
    ranks = network_simplex(count, edges)
    assert min(ranks) == 0 and all(ranks[h] - ranks[t] >= length for t, h, length, _ in edges)
    cost, rows = np.zeros(count), np.zeros((len(edges), count))
    for row, (t, h, _, weight) in zip(rows, edges):
        cost[[t, h]] += -weight, weight
        row[[t, h]] = 1, -1
    best = linprog(cost, rows, [-e[2] for e in edges], bounds=[(0, 0)] + [(None, None)] * (count - 1)).fun
    assert cost @ ranks == pytest.approx(best, abs=1e-6)


def test_network_simplex_refuses():
    assert network_simplex(0, []) == []
    with pytest.raises(ValueError, match="cycle"):
        network_simplex(2, [(0, 1, 1, 1), (1, 0, 1, 1)])
    with pytest.raises(ValueError, match="do not connect"):
        network_simplex(3, [(0, 1, 1, 1)])


@given(st.integers(1, 8), st.data())
def test_separate_keeps_distances(count, data):
    wanted = data.draw(st.lists(st.integers(-20, 20), min_size=count, max_size=count))
    weights = data.draw(st.lists(st.sampled_from([1, 2, 7]), min_size=count, max_size=count))
    distances = data.draw(st.dictionaries(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(lambda p: p[0] < p[1]),
                                          st.integers(-2, 9), max_size=12) if count > 1 else st.just({}))
    places = separate(wanted, weights, [(a, b, d) for (a, b), d in distances.items()], list(range(count)))
    assert all(places[b] - places[a] >= d - 1e-6 for (a, b), d in distances.items())
    if not distances:
        assert places == wanted


def test_separate_is_best_on_a_line():
    assert separate([0, 0, 9], [1, 1, 1], [(0, 1, 4), (1, 2, 4)], [0, 1, 2]) == pytest.approx([-2, 2, 9])
    assert separate([0, 0], [3, 1], [(0, 1, 4)], [0, 1]) == pytest.approx([-1, 3])


def test_components():
    part = components(6, [(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 3), (4, 5)])
    assert part[0] == part[1] == part[2] != part[3] == part[4] != part[5]


# ---- show_source ------------------------------------------------------------------------------------------------------------

def shown(capsys, *things):
    show_source(*things)
    return capsys.readouterr().out


def test_source_of_a_function(capsys):
    text = shown(capsys, minitf.session.prune.needed)
    head, blank, *lines = text.rstrip("\n").split("\n")
    first = int(re.fullmatch(r"minitf/session/prune\.py, line (\d+)", head)[1])
    file = (ROOT / "minitf/session/prune.py").read_text().split("\n")
    assert not blank and lines == [f"{i}  {file[i - 1]}".rstrip() for i in range(first, first + len(lines))]
    assert "def needed(" in text and str(ROOT) not in text


def test_source_of_methods_classes_and_properties(capsys):
    assert re.match(r"minitf/session/session\.py, line \d+\n\n *\d+  def run\(", shown(capsys, tf.Session.run))
    assert "class Tensor:" in shown(capsys, tf.Tensor)
    assert re.search(r"\d+  @property\n\d+  def node_def\(self\):", shown(capsys, tf.Operation.node_def))
    assert shown(capsys, minitf.session.prune.needed, tf.Tensor).count("minitf/") == 2


def test_source_behind_a_decorator(capsys):
    @functools.wraps(minitf.session.prune.needed)
    def chosen(*args, **kwargs):
        return minitf.session.prune.needed(*args, **kwargs)
    assert "def needed(" in shown(capsys, chosen) and "def needed(" in shown(capsys, functools.partial(minitf.session.prune.needed, ()))


def test_source_of_cython(capsys):
    text = shown(capsys, "minitf/kernels/cpu/nn.pyx", "Softmax", "largest")
    assert re.match(r"minitf/kernels/cpu/nn\.pyx, line \d+\n\n\d+  cdef class Softmax\(RowKernel\):", text)
    assert "cdef real largest(const real *x, Py_ssize_t n)" in text and text.rstrip().endswith("return top")
    assert "def forward_row" not in text and text.count("cdef class") == 1
    assert re.search(r"\d+  cdef int run\(self\)", shown(capsys, "minitf/kernels/cpu/nn.pyx", "Softmax.run"))
    from minitf.core.crc32c import crc32c
    assert re.match(r"minitf/core/crc32c\.pyx, line \d+\n", shown(capsys, crc32c))


def test_source_of_cuda(capsys):
    text = shown(capsys, "minitf/kernels/gpu/common.cuh", "over_block", "Add")
    assert re.match(r"minitf/kernels/gpu/common\.cuh, line \d+\n\n\d+  // ", text) and re.search(r"\d+  template .* T over_block\(T value\) \{\n", text)
    assert text.count("\n\n") == 3 and re.search(r"\n\d+  }\n\nminitf/kernels/gpu/common\.cuh, line \d+\n\n\d+  struct Add .*};\n$", text)


def test_source_of_a_file(capsys):
    text = shown(capsys, "minitf/core/swap.py")
    assert text.startswith("minitf/core/swap.py, line 1\n\n") and text.count("\n") == 2 + (ROOT / "minitf/core/swap.py").read_text().count("\n")


def test_source_that_is_not_there():
    with pytest.raises(FileNotFoundError, match=r"no file minitf/session/prun\.py\. The nearest are minitf/session/prune\.py"):
        show_source("minitf/session/prun.py")
    with pytest.raises(ValueError, match=r"common\.cuh defines no over_blok\. The nearest are .*over_block"):
        show_source("minitf/kernels/gpu/common.cuh", "over_blok")
    with pytest.raises(ValueError, match=r"minitf/kernels/cpu/nn\.pyx defines no Softmacks\. The nearest are .*Softmax"):
        show_source("minitf/kernels/cpu/nn.pyx", "Softmacks")
    with pytest.raises(TypeError, match="There is no source of len: show_source takes functions"):
        show_source(len)
    with pytest.raises(TypeError, match="There is no source of 3"):
        show_source(3)


# ---- plots ------------------------------------------------------------------------------------------------------------------

@pytest.fixture
def plt():
    import matplotlib
    backend = matplotlib.get_backend()
    import matplotlib.pyplot as plt
    plt.switch_backend("Agg")
    yield plt
    plt.close("all")
    plt.switch_backend(backend)


def drawn_width(plt):
    figure = plt.gcf()
    figure.canvas.draw()
    return figure.get_size_inches()[0] * figure.dpi


@pytest.mark.parametrize("count, form, columns, signed", [(1, (28, 28), None, False), (23, (784,), None, False), (10, (28, 28), 5, True), (3, (1, 5, 7), 3, True)])
def test_show_images(plt, count, form, columns, signed):
    images = np.random.default_rng(0).normal(size=(count, *form))
    assert show_images(images, titles=range(count), columns=columns, signed=signed) is None
    assert drawn_width(plt) <= 800
    pictures = [image for axis in plt.gcf().axes for image in axis.images]
    assert len(pictures) == count and len({image.get_clim() for image in pictures}) == 1
    if signed:
        low, high = pictures[0].get_clim()
        assert low == -high == pytest.approx(-np.abs(images).max())


def test_show_images_refuses(plt):
    with pytest.raises(ValueError, match=r"Image 0 has the shape \[5\]"):
        show_images(np.zeros((3, 5)))
    with pytest.raises(ValueError, match="2 images and 1 titles"):
        show_images(np.zeros((2, 4, 4)), titles=["a"])
    with pytest.raises(ValueError, match="no image"):
        show_images([])


def test_loss_surface(plt):
    path = [[1.5, 1.0], [0.5, 0.2], [0.1, 0.0]]
    assert loss_surface(lambda x, y: x * x + 10 * y * y, (-2, 2), (-1, 1), {"descent": path, "other": path[:1]}, names=("w", "b"), steps=21) is None
    axis = plt.gca()
    assert drawn_width(plt) <= 800 and (axis.get_xlabel(), axis.get_ylabel()) == ("w", "b")
    assert [t.get_text() for t in axis.get_legend().get_texts()] == ["descent", "other"]
    np.testing.assert_array_equal(axis.lines[0].get_xydata(), path)
    loss_surface(lambda x, y: 1.0, (0, 1), (0, 1), steps=3)          # without a slope there are no lines
    drawn_width(plt)


def test_ladder(plt):
    assert ladder(["loops", "NumPy", "worse"], [2.0, 0.004, 9.0], "a product") is None
    assert drawn_width(plt) <= 800
    texts = [t.get_text() for t in plt.gca().texts]
    assert texts == ["2 s", "4 ms   500 times as fast", "9 s   4.5 times as slow"]
    assert plt.gca().get_xscale() == "log" and [t.get_text() for t in plt.gca().get_yticklabels()] == ["loops", "NumPy", "worse"]
    with pytest.raises(ValueError, match="above zero"):
        ladder(["a"], [0])
    with pytest.raises(ValueError, match="2 names and 1 times"):
        ladder(["a", "b"], [1])


def test_lanes(plt):
    bars = [("/gpu:1", 3.0, 6.0, "b", "two"), ("/cpu:0", 0.0, 2.0, "a", "one"), ("/gpu:1", 6.0, 6.01, "b", "no room for this")]
    assert lanes(bars, "a step", {"a": "first", "b": "second"}, arrows=[("/cpu:0", 2.0, "/gpu:1", 3.0)]) is None
    figure, axis = plt.gcf(), plt.gca()
    assert drawn_width(plt) <= 800 and axis.get_title() == "a step"
    assert [t.get_text() for t in axis.get_yticklabels()] == ["/cpu:0", "/gpu:1"]           # in the order of their names
    assert sorted((b.get_x(), round(b.get_x() + b.get_width(), 2), b.get_y() + b.get_height() / 2) for b in axis.patches) == [(0, 2, 0), (3, 6, 1), (6, 6.01, 1)]
    assert [t.get_text() for t in axis.texts if t.get_text()] == ["two", "one"]
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["first", "second"]
    assert len({b.get_facecolor() for b in axis.patches}) == 2
    lanes(bars, order=["/gpu:1", "/gpu:0", "/cpu:0"])
    drawn_width(plt)
    assert [t.get_text() for t in plt.gca().get_yticklabels()] == ["/gpu:1", "/gpu:0", "/cpu:0"]


def test_a_program_is_drawn_by_device_and_a_send_gives_nothing():
    Value = namedtuple("Value", "op shape")

    class Op:
        def __init__(self, type, name, inputs=(), controls=()):
            self.type, self.name, self.inputs, self.controls = type, name, inputs, controls
            self.output = Value(self, (2,))
    Instruction = namedtuple("Instruction", "device kind what peer", defaults=[""])
    fed = Op("Placeholder", "fed").output
    a = Op("Tanh", "a", [fed])
    b = Op("Add", "b", [a.output, fed], [a])
    program = [Instruction("/cpu:0", "Compute", a), Instruction("/cpu:0", "Send", a.output, "/gpu:0"), Instruction("/cpu:0", "Send", a, "/gpu:0"),
               Instruction("/gpu:0", "Recv", a.output, "/cpu:0"), Instruction("/gpu:0", "Recv", a, "/cpu:0"), Instruction("/gpu:0", "Compute", b)]
    boxes = {box.name: box for box in boxes_of(program).operations}
    assert set(boxes) == {"fed", "a", "send", "send_1", "recv", "recv_1", "fed_1", "b"}
    assert not boxes["send"].outputs and boxes["send"].inputs == [boxes["a"]] and boxes["send_1"].controls == [boxes["a"]]
    assert boxes["recv"].controls == [boxes["send"]] and boxes["recv_1"].controls == [boxes["send_1"]]
    assert boxes["b"].inputs == [boxes["recv"], boxes["fed_1"]] and boxes["b"].controls == [boxes["recv_1"]]
    whole, part = draw_program(program).svg, draw_program(program, only="/gpu:0").svg
    colour = re.search(r'<rect[^>]*fill="(#\w+)"[^>]*/>\s*<text[^>]*>/gpu:0', whole).group(1)
    assert f'fill="{colour}"' in part and "/cpu:0<" not in part
