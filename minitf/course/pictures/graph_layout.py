"""Where everything in a picture stands: boxes, frames and edges.

No edge meets a box that is not its own, and no two boxes or frames overlap, by the way the picture is made: each layer is a band of its own,
in which edges run straight along the flow, each at a distance from its neighbours; they bend in the channels between the bands only.

All coordinates are (across, along): the data flow along, from 0 on.  The picture turns that upwards or to the right.
"""
from collections import Counter

from .graph_across import BETWEEN_BOXES, coordinates
from .graph_along import Bands, frames_across
from .graph_layers import layers
from .graph_order import Places, Rows, order
from .graph_straight import Straight, ends_of, ports_across

_NEARLY = 9                                     # a line that is less off than this is made straight


class Layout:
    """width, length  of all of it, which begins at (0, 0)
    boxes          (across, along) of each centre
    frames         (low, high, begin, end) of each: across, and along
    ports          how far across each is from the centre of its box
    rows           the graph_order.Rows: layers, links
    courses        (a, begin, bend, b, bent, end) of each link: straight at `a` across from begin to bend along, aside to `b` at bent, straight to end
    leaving        of each layer, where across links leave it
    """

    def __init__(self, sketch, sizes):
        """sketch: a graph_sketch.Sketch; sizes: its graph_sizes.Sizes."""
        layer, down = layers(sketch)
        downwards = Counter(e.target for e in sketch.edges if (sketch.ports[e.port].box, e.target) in down)
        for b, number in downwards.items():
            sizes.widen(b, number)
        self.rows = rows = Rows(sketch, layer, down)
        waypoints = [(1, 1)] * (len(rows.layer) - rows.count)
        reach = [sizes.reach(b) for b in range(rows.count)] + waypoints
        order(rows, [low + high + BETWEEN_BOXES for low, high in reach])
        places = Places(rows)
        self.ports = ports_across(rows, sizes, places.item)
        reach = [sizes.reach(b, self.ports) for b in range(rows.count)] + waypoints
        straight = Straight(rows, places)
        leave, arrive = ends_of(rows, sizes, places.item, self.ports, straight.links)

        def aside(link):
            return abs(across[link.below] + leave[link] - across[link.above] - arrive[link])

        across, borders = coordinates(rows, sizes, reach, straight.links, leave, arrive)
        if straight.choose_all([k for k in rows.links if aside(k) < _NEARLY]):
            across, borders = coordinates(rows, sizes, reach, straight.links, leave, arrive, across)
        frames = frames_across(rows, sizes, reach, across, borders)
        self._set(sizes, reach, across, frames, Bands(rows, sizes, [aside(k) for k in rows.links]), leave, arrive)

    def _set(self, sizes, reach, across, frames, bands, leave, arrive):
        rows = self.rows
        least = min([x - low for x, (low, _) in zip(across, reach)] + [low for low, _ in frames], default=0)
        self.width = max([x + high for x, (_, high) in zip(across, reach)] + [high for _, high in frames], default=0) - least
        self.length = bands.end[-1] if bands.end else 0
        across = [x - least for x in across]
        self.boxes = [(across[b], bands.centre[rows.layer[b]]) for b in range(rows.count)]
        self.frames = [(low - least, high - least, *along) for (low, high), along in zip(frames, bands.frame)]
        self.courses, self.leaving = [], [[] for _ in range(rows.height)]
        for k in rows.links:
            r = rows.layer[k.below]
            a, b = across[k.below] + leave[k], across[k.above] + arrive[k]
            begin = bands.centre[r] + sizes.depth[k.below] / 2 if k.below < rows.count else bands.begin[r]
            end = bands.centre[r + 1] - sizes.depth[k.above] / 2 if k.above < rows.count else bands.begin[r + 1]
            self.courses.append((a, begin, bands.end[r], b, bands.begin[r + 1], end))
            self.leaving[r].append(a)
