"""How large boxes, labels and frames are, across the flow and along it, for a picture whose data flow upwards or to the right."""
from .graph_text import text_width

LABEL, NOTE, EDGE, TITLE = 12, 10, 9.5, 10.5                # sizes of the fonts
LINE = 12                                                   # from one line of a box to the next
_HEADING = 15                                               # the room that a frame has for its title


class Sizes:
    """width, height  of each box, as they are seen
    half, depth    of each box: half its size across, its whole size along
    taken          the ports that edges begin at
    pad_low, pad_high, pad_begin, pad_end  between a frame and what is in it: on either side across, before and behind
    """

    def __init__(self, sketch, upwards):
        self.sketch, self.upwards = sketch, upwards
        self.taken = {e.port for e in sketch.edges}
        self.pad_low, self.pad_high = (9, 9) if upwards else (8 + _HEADING, 9)
        self.pad_begin, self.pad_end = (9, 7 + _HEADING) if upwards else (10, 10)
        self._ports, arriving = [[] for _ in sketch.boxes], [0] * len(sketch.boxes)
        for p, port in enumerate(sketch.ports):
            self._ports[port.box].append(p)
        for edge in sketch.edges:
            arriving[edge.target] += 1
        self.width, self.height = [], []
        for box, ports, edges in zip(sketch.boxes, self._ports, arriving):
            texts = [text_width(box.label, LABEL, box.state == "bold"), text_width(box.value, NOTE, True), *[text_width(n, NOTE) for n in box.notes]]
            width = max(44, max(texts) + 18 + {"placeholder": 14, "scope": 4}.get(box.kind, 0))
            height = 26 + LINE * (len(box.notes) + bool(box.value)) + 4 * (box.kind == "variable")
            side = max(self._widest(ports), 9 * min(edges, 16))
            self.width.append(max(width, side) if upwards else width)
            self.height.append(height if upwards else max(height, side))
        self.half = [size / 2 for size in (self.width if upwards else self.height)]
        self.depth = self.height if upwards else self.width

    def _labels(self, p):
        """(before, after): the room across that the labels beside a port need: its value before, its slope and shape after."""
        port = self.sketch.ports[p]
        if self.upwards:
            return (text_width(port.value, EDGE, True) + 5 if port.value else 0), (self.after(port) + 6 if port.slope or port.shape else 0)
        return (12 if port.value else 0), (12 if port.slope or port.shape else 0)

    def before_shape(self, port):
        """How much further on the shape is written, since the slope is there."""
        return text_width(port.slope, EDGE, True) + 6 if port.slope else 0

    def after(self, port):
        """The width of slope and shape together."""
        return self.before_shape(port) + text_width(port.shape, EDGE) if port.shape else text_width(port.slope, EDGE, True)

    def spread(self, ports):
        """Distances from the centre for ports side by side, so that their labels have room."""
        labels = [self._labels(p) for p in ports]
        places = [0]
        for (_, after), (before, _) in zip(labels, labels[1:]):
            places.append(places[-1] + max(6, after) + max(6, before) + 6)
        return [x - places[-1] / 2 for x in places] if labels else []

    def _widest(self, ports):
        """The size of a box with room for these ports, whatever their order."""
        return sum(max(6, before) + max(6, after) + 6 for before, after in map(self._labels, ports)) if len(ports) > 1 else 0

    def widen(self, b, number):
        """Makes a box so large that as many edges may lead down to it beyond the labels at its ports."""
        ports = self._ports[b]
        after = max([self._labels(p)[1] for p in ports], default=0)
        self.half[b] = max(self.half[b], self._widest(ports) / 2 + after + 9 * number + 6)
        (self.width if self.upwards else self.height)[b] = 2 * self.half[b]

    def beyond(self, b, distance):
        """How far from the centre of a box the labels at its ports end; distance: of each port."""
        return max([distance[p] + self._labels(p)[1] for p in self._ports[b]], default=-9)

    def reach(self, b, distance=None):
        """(low, high): how far the box and the labels at its ports reach from its centre across.  distance: of each port, if that is known."""
        ports = self._ports[b]
        low = high = self.half[b]
        for p, d in zip(ports, [distance[p] for p in ports] if distance else self.spread(ports)):
            before, after = self._labels(p)
            low, high = max(low, before - d + 2 if before else 0), max(high, after + d + 2 if after else 0)
        return low, high

    def room(self, b):
        """How much room along the flow the labels at the box's ports need, and the lines of results that nobody takes."""
        return max([self.stub(p) for p in self._ports[b] if p not in self.taken or any(self._labels(p))], default=0)

    def stub(self, p):
        """How long a line has to be for the labels beside it."""
        port = self.sketch.ports[p]
        return 13 if self.upwards or not any(self._labels(p)) else max(text_width(port.value, EDGE, True), self.after(port)) + 13

    def frame_width(self, f):
        """The least size of a frame across, for its title."""
        return text_width(self.sketch.frames[f].title, TITLE) + 18 if self.upwards else 30

    def frame_length(self, f):
        """The least size of a frame along the flow, for its title."""
        return 0 if self.upwards else text_width(self.sketch.frames[f].title, TITLE) + 18
