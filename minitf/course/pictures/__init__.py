"""Pictures for the notebooks: a graph as boxes and edges, the package's own source, images, the path of a descent, a ladder of speeds.

    draw(graph, collapse=("gradients",))
    show_source(minitf.session.prune.needed)
"""
from pathlib import Path

from .graph_sketch import Sketch
from .graph_svg import svg
from .plots import ladder, lanes, loss_surface, show_images  # noqa: F401
from .programs import boxes_of
from .source_text import show_source  # noqa: F401


class Picture:
    """A drawn graph.  A notebook shows it; save writes it to an .svg file."""

    def __init__(self, text, boxes):
        self.svg, self.boxes = text, boxes

    def _repr_svg_(self):
        return self.svg

    def save(self, path):
        """Write the SVG file."""
        Path(path).write_text(self.svg, encoding="utf-8")

    def __repr__(self):
        return f"<picture of a graph: {self.boxes} box{'es' * (self.boxes != 1)}>"


def draw(what, title="", highlight=(), collapse=(), direction="up", values=None, feeds=(), details=False, shapes=True, frames=True,
         slopes=None, legend=False, devices=()):
    """A picture of a graph, or of the part of one that some tensors and operations need.

    A box is an operation.  A line leads from a tensor to each operation that takes it, where it has its arrow head.  An operation that writes
    a variable (Assign, AssignAdd, Apply..., Scatter...) is connected to it by an amber line of its own, and its head is at the variable.
    Dashed lines are control edges: order only.

    what       a graph (minitf's or the course's own), a tensor or operation, or a list of these
    title      a line above the picture
    highlight  operations, tensors or names that are drawn bold, and the others grey
    collapse   names of scopes to draw as one box each, with the number of operations in it, and of the variables that are not trained and that
               it alone uses; True: all outermost scopes
    direction  where the data flow: "up" or "right"
    values     {tensor, operation or name: text or number}: written, in blue, beside the tensor ("x:0") or in the box ("x").  A text that begins
               with "fed" says that it is given: its box is slanted as a placeholder's, and the edges into it are cut
    feeds      tensors that are given, too; of these, what only they need is not drawn, unless `what` is a graph
    details    True: draw the reads and initial values of variables, and constants that are the argument of one op (an axis, a shape), too
    shapes     whether to write static shapes beside the tensors
    frames     whether to draw frames around name scopes
    slopes     {tensor, operation or name: text or number}: written, in red, on the other side of the tensor's line than its value
    legend     True: tell below the picture what the forms in it mean
    devices    boxes are coloured by device if there are several; given names of devices have the first colours, also if there is only one
    """
    if direction not in ("up", "right"):
        raise ValueError(f"direction is \"up\" or \"right\", not {direction!r}")
    drawing = Sketch(what, feeds, highlight, collapse, values, details, shapes, frames, slopes)
    return Picture(svg(drawing, title, direction, legend, devices), len(drawing.boxes))


def draw_program(program, title="", only=None):
    """A picture of the instructions of chapter 08: boxes for them all, coloured by device; dashed lines lead from a Send to its Recv.

    only    a device: what it alone runs, in the colour that it has in the whole
    """
    devices = sorted({i.device for i in program})
    graph = boxes_of([i for i in program if only in (None, i.device)])
    return draw(graph, title, direction="right", devices=devices)
