"""Which pieces of edges are straight lines, and where on its boxes each edge leaves and arrives."""
from bisect import bisect_left


class Straight:
    """The links that are to be straight lines, no two of which cross, nor a frame's side.

    Waypoints are in line with each other, unless an edge leaves a frame there.  A box is in line with another that is clearly the next:
    no other takes its result as early, and no other result that the next one takes is as far from the beginning.

    links  {link: True}, in the order of choice
    """

    def __init__(self, rows, places):
        """rows: a graph_order.Rows; places: its graph_order.Places."""
        self.rows, self.links, self._place = rows, {}, places.item
        self._has_above, self._has_below = set(), set()
        self._taken = [sorted(pair for f in here if f in above for pair in zip(here[f], above[f]))
                       for here, above in zip(places.sides, places.sides[1:])]          # of each layer, pairs of places here and in the next
        main = _main_paths(rows)
        self.choose_all(links[0] for links in main if len(links) == 1)
        above, height = {}, [0] * len(rows.layer)       # how many layers of waypoints follow
        inner = [k for k in rows.links if k.below >= rows.count and k.above >= rows.count and rows.frame[k.below] == rows.frame[k.above]]
        for k in inner:
            above.setdefault(k.below, []).append(k)
        for item in sorted(above, key=lambda i: -rows.layer[i]):
            height[item] = max(1 + height[k.above] for k in above[item])
        self.choose_all(sorted(inner, key=lambda k: -height[k.below]))
        self.choose_all(k for links in main for k in links)

    def choose_all(self, links):
        """Adds those of the links that cross none of the chosen, in this order; returns how many."""
        before = len(self.links)
        for link in links:
            pair, taken = (self._place[link.below], self._place[link.above]), self._taken[self.rows.layer[link.below]]
            i = bisect_left(taken, pair)
            crossing = i and taken[i - 1][1] >= pair[1] or i < len(taken) and taken[i][1] <= pair[1]
            if not crossing and link.below not in self._has_above and link.above not in self._has_below:
                taken.insert(i, pair)
                self._has_above.add(link.below)
                self._has_below.add(link.above)
                self.links[link] = True
        return len(self.links) - before


def _main_paths(rows):
    """The links of those edges that go from a box to the one which is clearly next."""
    sketch, layer = rows.sketch, rows.layer
    sources = {b for b in range(rows.count) if not rows.down[b]}
    after, before = [{} for _ in range(rows.count)], [{} for _ in range(rows.count)]
    for e, path in enumerate(rows.paths):
        if path[0].port is not None and sketch.ports[path[0].port].kind == "data":
            low, high = path[0].below, path[-1].above
            after[low].setdefault(high, e)
            before[high].setdefault(low, e)
    depth = [0] * rows.count                            # the longest path to a box
    for b in sorted(range(rows.count), key=lambda b: layer[b]):
        depth[b] = max((1 + depth[s] for s in before[b]), default=0)

    def only(candidates, key):
        least = min(map(key, candidates), default=None)
        found = [c for c in candidates if key(c) == least]
        return found[0] if len(found) == 1 else None

    result = []
    for b in range(rows.count):
        t = only(after[b], lambda t: depth[t])
        if t is not None and only([s for s in before[t] if s not in sources] or before[t], lambda s: -depth[s]) == b:
            result.append(rows.paths[after[b][t]])
    return result


def ports_across(rows, sizes, place):
    """[distance of each port from its box's centre]: side by side in the order of where they lead to in the next layer."""
    ports = rows.sketch.ports
    ends = [[] for _ in ports]
    for links in rows.up[:rows.count]:
        for link in links:
            if link.port is not None:
                ends[link.port].append(place[link.above])
    of_box = {}
    for p, port in enumerate(ports):
        of_box.setdefault(port.box, []).append(p)
    distance = [0] * len(ports)
    for mine in of_box.values():
        mine.sort(key=lambda p: (sum(ends[p]) / len(ends[p]) if ends[p] else 0, p))
        for p, d in zip(mine, sizes.spread(mine)):
            distance[p] = d
    return distance


def ends_of(rows, sizes, place, port, straight):
    """({link: distance from the centre of the item below}, the same of the item above).

    Edges that lead down leave the top of the lower box beyond its ports, and arrive among the others at the upper one.
    """
    leave = {k: port[k.port] if k.below < rows.count and k.port is not None else 0 for k in rows.links}
    arrive = dict.fromkeys(rows.links, 0)
    for b in range(rows.count):
        downward = sorted([k for k in rows.up[b] if k.port is None], key=lambda k: (place[k.above], k.edges[0]))
        leave.update((k, sizes.beyond(b, port) + 9 * (i + 1)) for i, k in enumerate(downward))
        links = sorted(rows.down[b], key=lambda k: (place[k.below], leave[k], k.edges[0]))
        arrive.update(zip(links, _fan(links, sizes.half[b], straight)))
    return leave, arrive


def _fan(links, half, straight):
    """Distances from the centre of a box for links side by side: 0 for a straight one, or for the middle of them all."""
    centre = next((i for i, k in enumerate(links) if k in straight), (len(links) - 1) / 2)
    most = max(centre, len(links) - 1 - centre)
    step = min(14, (half - 6) / most) if most > 0 else 0
    return [(i - centre) * step for i in range(len(links))]
