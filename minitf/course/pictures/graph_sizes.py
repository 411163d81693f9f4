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
        """(before, after): the room across that the labels beside a port need."""
        port = self.sketch.ports[p]
        if self.upwards:
            return (text_width(port.value, EDGE, True) + 5 if port.value else 0), (text_width(port.shape, EDGE) + 6 if port.shape else 0)
        return (12 if port.value else 0), (12 if port.shape else 0)

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

    def reach(self, b, distance=None):
        """(low, high): how far the box and the labels at its ports reach from its centre across.  distance: of each port, if that is known."""
        ports = self._ports[b]
        low = high = self.half[b]
        for p, d in zip(ports, [distance[p] for p in ports] if distance else self.spread(ports)):
            before, after = self._labels(p)
            low, high = max(low, before - d + 2 if before else 0), max(high, after + d + 2 if after else 0)
        return low, high

    def room(self, b):
        """How much room along the flow the labels at the box's ports need."""
        ports = [self.sketch.ports[p] for p in self._ports[b]]
        if not any(port.value or port.shape for port in ports):
            return 0
        return 13 if self.upwards else max(max(text_width(port.value, EDGE, True), text_width(port.shape, EDGE)) for port in ports) + 13

    def frame_width(self, f):
        """The least size of a frame across, for its title."""
        return text_width(self.sketch.frames[f].title, TITLE) + 18 if self.upwards else 30

    def frame_length(self, f):
        """The least size of a frame along the flow, for its title."""
        return 0 if self.upwards else text_width(self.sketch.frames[f].title, TITLE) + 18
