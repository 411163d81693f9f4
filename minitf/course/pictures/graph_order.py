"""The order of the boxes within each layer, with as few crossings of edges as can be found quickly.

An edge over several layers passes each between them at a waypoint, so that it has a place of its own there.  All edges of one tensor share
waypoints as long as they go the same way.  What is in a frame stays together, and two frames side by side have the same order in all layers.
"""
from bisect import bisect_left, insort
from math import fsum

from .graph_layers import frames_around


# Up to which number of items and links: (sweeps from each beginning, passes of exchanges).
_EFFORTS = [(1500, (24, 8)), (6000, (12, 3)), (20000, (6, 1)), (float("inf"), (3, 0))]


class Link:
    """A piece of an edge between two layers: from the item below to the item above.

    port   the index, or None if it leads down
    edges  indices of those that it is a piece of
    pull   how much it wants its ends near each other: the less, the longer the edges are that it is a piece of
    """
    __slots__ = ("below", "above", "port", "edges", "pull")

    def __init__(self, below, above, port):
        self.below, self.above, self.port, self.edges, self.pull = below, above, port, [], 0


class Rows:
    """Items in layers.  An item is a box (its index), or a waypoint (the indices that follow).

    layer, frame  of each item; the frame is an index, or `root` for what is in none
    links         [Link]; up[item], down[item] are those that leave the item upwards and downwards
    paths         of each edge, its links from the lower end to the upper
    spans         of each frame (lowest layer, highest layer)
    children      [{frame: [item or frame]}] of each layer, in order from left to right.  A frame is written as -1 - index.
    """

    def __init__(self, sketch, layer, down):
        self.sketch, self.count = sketch, len(sketch.boxes)
        self.root = len(sketch.frames)
        self.layer = list(layer)
        self.frame = [self.root if box.frame is None else box.frame for box in sketch.boxes]
        self.height = max(layer, default=-1) + 1
        self.chains = [frames_around(sketch, box.frame) for box in sketch.boxes]
        self.spans = [(self.height, -1)] * self.root
        for chain, r in zip(self.chains, layer):
            for f in chain:
                self.spans[f] = min(self.spans[f][0], r), max(self.spans[f][1], r)
        self.links, self.up, self.down = [], [[] for _ in layer], [[] for _ in layer]
        self.paths = []
        self._waypoints, self._links = {}, {}
        for index, edge in enumerate(sketch.edges):
            source = sketch.ports[edge.port].box
            if (source, edge.target) in down:
                self._path(index, edge.target, source, None)
            else:
                self._path(index, source, edge.target, edge.port)
        self.children = [{} for _ in range(self.height)]
        for f, (low, high) in enumerate(self.spans):
            for r in range(low, high + 1):
                self.children[r].setdefault(self.parent(f), []).append(-1 - f)
                self.children[r].setdefault(f, [])
        for item, (r, f) in enumerate(zip(self.layer, self.frame)):
            self.children[r].setdefault(f, []).append(item)

    def _path(self, edge, low, high, port):
        """The links of one edge, by way of one waypoint in every layer between its ends."""
        item, path, first, last = low, [], self.layer[low] + 1, self.layer[high]
        trunk, waypoints = ("down", edge) if port is None else port, self._waypoints
        for r, frame in zip(range(first, last), self._frames_on_the_way(low, high, first, last)):
            key = trunk, r, frame
            waypoint = waypoints.get(key)
            if waypoint is None:
                waypoint = waypoints[key] = len(self.layer)
                self.layer.append(r)
                self.frame.append(frame)
                self.up.append([])
                self.down.append([])
            path.append(self._link(item, waypoint, port, edge))
            item = waypoint
        path.append(self._link(item, high, port, edge))
        pull = 1 / len(path)
        for link in path:
            link.edges.append(edge)
            if link.pull < pull:
                link.pull = pull
        self.paths.append(path)

    def _link(self, below, above, port, edge):
        key = (below, above, port, edge if above < self.count or port is None else None)
        link = self._links.get(key)
        if link is None:
            link = self._links[key] = Link(below, above, port)
            self.links.append(link)
            self.up[below].append(link)
            self.down[above].append(link)
        return link

    def _frames_on_the_way(self, low, high, first, last):
        """The frames for an edge's waypoints in the layers first .. last - 1.

        It is what the edge leaves or comes to, as long as that is still around; else the innermost frame that holds both ends.
        """
        one, other = self.chains[low], self.chains[high]
        k = 0
        while k < min(len(one), len(other)) and one[k] == other[k]:
            k += 1
        both = one[k - 1] if k else self.root
        ends = [(self.spans[f][1], f) for f in one[k:]]         # the layer after which the edge has left the frame
        begins = [(self.spans[f][0], f) for f in other[k:]]     # the layer from which on it is in the frame
        left, come = max(ends, default=(-1, 0))[0], min(begins, default=(last, 0))[0]
        result = []
        for r in range(first, last):
            if r <= left and r < come:
                result.append([f for end, f in ends if end >= r][-1])
            elif left < r and come <= r:
                result.append([f for begin, f in begins if begin <= r][-1])
            else:
                result.append(both)
        return result

    def parent(self, f):
        """The frame around a frame, or root."""
        parent = self.sketch.frames[f].parent
        return self.root if parent is None else parent

    def depth(self, f):
        """How many frames a frame is nested in, itself included."""
        return len(frames_around(self.sketch, f))

    def freeze(self):
        """Sets above, below: of each item [(item at the other end, pull, how far beside that)]; all links are there.

        Inputs stand side by side in their order, if nothing else decides.
        """
        self.above = [[] for _ in self.layer]
        self.below = [[(k.below, k.pull, 0) for k in links] for links in self.down]
        for links in self.down:
            for place, k in enumerate(sorted(links, key=lambda k: k.edges[0])):
                self.above[k.below].append((k.above, k.pull, 0.5 * place))

    def flat(self, r, frames=False):
        """The items of a layer from left to right; frames=True: with -1 - f where frame f begins, and again where it ends."""
        result, stack = [], [iter(self.children[r].get(self.root, ()))]
        open_frames = []
        while stack:
            for child in stack[-1]:
                if child >= 0:
                    result.append(child)
                    continue
                if frames:
                    result.append(child)
                open_frames.append(child)
                stack.append(iter(self.children[r][-1 - child]))
                break
            else:
                stack.pop()
                if open_frames and frames:
                    result.append(open_frames[-1])
                if open_frames:
                    open_frames.pop()
        return result


# ---- crossings --------------------------------------------------------------------------------------------------------------

class Places:
    """item: the place in its layer of each item.  sides: of each layer {frame: (place where it begins, place where it ends)}."""

    def __init__(self, rows):
        self.rows, self.item, self.sides = rows, [0] * len(rows.layer), [{} for _ in range(rows.height)]
        for r in range(rows.height):
            self.number(r)

    def number(self, r):
        """Numbers a layer anew, from left to right."""
        sides, begun = self.sides[r], {}
        for place, item in enumerate(self.rows.flat(r, frames=True)):
            if item >= 0:
                self.item[item] = place
            elif -1 - item in begun:
                sides[-1 - item] = begun[-1 - item], place
            else:
                begun[-1 - item] = place

    def crossings(self, r):
        """How many pairs of links between layer r and the next cross, and of links with the sides of frames."""
        item, above = self.item, self.rows.above
        ends = [(item[i], item[end]) for i in self.rows.flat(r) for end, _, _ in above[i]]
        for f, (begin, end) in self.sides[r].items():
            if f in self.sides[r + 1]:
                ends += zip((begin, end), self.sides[r + 1][f])
        ends.sort()
        seen, total = [], 0
        for _, end in ends:
            total += len(seen) - bisect_left(seen, end + 1)
            insort(seen, end)
        return total


# ---- sweeps -----------------------------------------------------------------------------------------------------------------

def order(rows, widths):
    """Sorts rows.children.  widths: of each item, to guess where it will be."""
    size = len(rows.layer) + len(rows.links)
    sweeps, passes = next(effort for limit, effort in _EFFORTS if size < limit)
    rows.freeze()
    best, least = None, None
    for start in (_depth_first(rows), _depth_first(rows, mirrored=True), list(range(len(rows.layer))))[:3 if size < 1500 else 1]:
        at = [float(x) for x in start]
        centre = _centres(rows, at)
        for r in range(rows.height):
            _arrange(rows, r, at, centre)
            _place(rows, r, at, widths, None)
        worse = 0
        for sweep in range(sweeps):
            upwards = sweep % 2 == 0
            for r in range(rows.height) if upwards else range(rows.height - 1, -1, -1):
                wanted = _wanted(rows, r, at, upwards)
                _arrange(rows, r, wanted, centre)
                _place(rows, r, at, widths, wanted)
            centre = _centres(rows, at)
            for r in range(rows.height):
                _arrange(rows, r, at, centre)
            places = Places(rows)
            found = sum(map(places.crossings, range(rows.height - 1))), round(fsum([abs(at[k.below] - at[k.above]) for k in rows.links]), 3)
            if least is None or found < least:
                least, best, worse = found, ([{f: list(c) for f, c in row.items()} for row in rows.children], centre), 0
            else:
                worse += 1
                if worse == 6:
                    break
    if best is not None:
        rows.children, centre = best
        _exchange_neighbours(rows, passes)
        if _exchange_frames(rows, centre, passes):
            _exchange_neighbours(rows, passes)


def _depth_first(rows, mirrored=False):
    """[number] of each item in the order in which a walk from the results to what they need leaves it, first inputs first."""
    number, seen = {}, [False] * len(rows.layer)
    for root in [i for i in range(rows.count) if not rows.up[i]]:
        stack = [(root, False)]
        while stack:
            item, done = stack.pop()
            if done:
                number[item] = len(number)
            elif not seen[item]:
                seen[item] = True
                stack.append((item, True))
                below = [k.below for k in sorted(rows.down[item], key=lambda k: k.edges[0]) if not seen[k.below]]
                stack += [(b, False) for b in (below if mirrored else below[::-1])]
    return [number.get(i, len(rows.layer)) * (-1 if mirrored else 1) for i in range(len(rows.layer))]


def _wanted(rows, r, at, upwards):
    """{item: where it would be best for its links to the layer below (or above)}."""
    wanted, near = {}, rows.below if upwards else rows.above
    for item in rows.flat(r):
        total = place = 0.0
        for other, pull, beside in near[item]:
            total += pull
            place += (at[other] + beside) * pull
        wanted[item] = place / total if total else at[item]
    return wanted


def _centres(rows, at):
    """[the mean position of all items] of each frame: all layers sort frames by the same numbers."""
    total, number = [0.0] * rows.root, [0] * rows.root
    for item, f in enumerate(rows.frame):
        while f != rows.root:
            total[f] += at[item]
            number[f] += 1
            f = rows.parent(f)
    return [(t / n, f) for f, (t, n) in enumerate(zip(total, number))]


def _arrange(rows, r, wanted, centre):
    for children in rows.children[r].values():
        if len(children) > 1:
            children.sort(key=lambda c: (round(wanted[c], 6), -1) if c >= 0 else (round(centre[-1 - c][0], 6), centre[-1 - c][1]))


def _place(rows, r, at, widths, wanted):
    """Sets `at` for a layer: side by side in their order, and as a whole where they are best."""
    items, x = rows.flat(r), 0.0
    for item in items:
        at[item] = x + widths[item] / 2
        x += widths[item]
    shift = fsum([wanted[i] - at[i] for i in items]) / len(items) if wanted and items else -x / 2
    for item in items:
        at[item] += shift


# ---- exchanges of neighbours ------------------------------------------------------------------------------------------------

def _exchange_neighbours(rows, passes):
    """Exchanges neighbours in a layer as long as that leaves fewer crossings; never two frames, whose order is that of all layers."""
    places = Places(rows)
    for _ in range(passes):
        better = False
        for r in range(rows.height):
            for children in rows.children[r].values():
                for i in range(len(children) - 1):
                    a, b = children[i], children[i + 1]
                    if (a >= 0 or b >= 0) and _gain(rows, r, a, b, places) > 0:
                        children[i], children[i + 1] = b, a
                        places.number(r)
                        better = True
        if not better:
            break


def _gain(rows, r, left, right, places):
    """How many crossings less there are if `right` stands before `left`."""
    gain = 0
    for near, other in ((rows.below, r - 1), (rows.above, r + 1)):
        if 0 <= other < rows.height:
            ends = sorted(_ends(rows, r, right, near, other, places))
            for x in _ends(rows, r, left, near, other, places):
                gain += bisect_left(ends, x) - (len(ends) - bisect_left(ends, x + 1))
    return gain


def _ends(rows, r, child, near, other, places):
    """Where, in the layer next to it, the links and the sides end that belong to a child of a frame in layer r."""
    result, stack = [], [child]
    while stack:
        child = stack.pop()
        if child >= 0:
            result += [places.item[end] for end, _, _ in near[child]]
        else:
            result += places.sides[other].get(-1 - child, ())
            stack += rows.children[r][-1 - child]
    return result


def _exchange_frames(rows, centre, passes):
    """Exchanges neighbouring frames in all layers that have both, as long as that leaves fewer crossings; returns whether it did so at all."""
    inside, changed, places = {}, False, Places(rows)
    for f in range(rows.root):
        inside.setdefault(rows.parent(f), []).append(f)
    for parent, frames in inside.items():
        frames.sort(key=lambda f: (round(centre[f][0], 6), f))
        for _ in range(passes):
            better = False
            for i in range(len(frames) - 1):
                a, b = frames[i], frames[i + 1]
                both = range(max(rows.spans[a][0], rows.spans[b][0]), min(rows.spans[a][1], rows.spans[b][1]) + 1)
                if not both:
                    continue
                near = range(max(both[0] - 1, 0), min(both[-1] + 1, rows.height - 1))
                before = sum(map(places.crossings, near))
                _exchange(rows, both, parent, a, b, places)
                if sum(map(places.crossings, near)) < before:
                    better = changed = True
                    frames[i], frames[i + 1] = b, a
                else:
                    _exchange(rows, both, parent, a, b, places)
            if not better:
                break
    return changed


def _exchange(rows, layers, parent, a, b, places):
    for r in layers:
        children = rows.children[r][parent]
        i, j = children.index(-1 - a), children.index(-1 - b)
        children[i], children[j] = children[j], children[i]
        places.number(r)
