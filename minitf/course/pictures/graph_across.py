"""Coordinates across the flow: everything near to what it is linked with, and at its distance from its neighbours."""
from math import fsum

from .network_simplex import in_order, longest_paths
from .separation import separate

BETWEEN_BOXES, BESIDE_WAYPOINTS, BETWEEN_WAYPOINTS, BESIDE_FRAMES = 20, 13, 9, 14
_FRAME, _MIDDLE = 8, 0.02                       # weights: how much a frame wants to be narrow, and everything to be in the middle
_ROUNDS = 100, 100_000                          # at most; variables and constraints in all rounds together


def coordinates(rows, sizes, reach, straight, leave, arrive, begin=None):
    """([coordinate of each item], [(low, high)] of each frame).

    rows           the graph_order.Rows
    reach          (to the left, to the right) of each item
    straight       {link}: what these connect is one variable; so are the two sides of each frame
    leave, arrive  {link: how far it begins, ends beside the centre of its box}
    begin          coordinates of the items that are not far off

    Least squares by rounds: each variable goes half the way to the mean of where its links want it, then all go back to their distances.
    Sums are exact ones, so that every version of Python gives the same picture.
    """
    variable, offset, count = _variables(rows, straight, leave, arrive)
    low, high = count, count + rows.root                # + the index of a frame
    total = count + 2 * rows.root
    distances = _distances(rows, sizes, reach, variable, offset, low, high)
    constraints = [(a, b, d) for (a, b), d in distances.items()]
    ordered, at = _start(total, constraints)
    near = [[] for _ in range(total)]                   # of each variable: (other, by how much it should be to the right of it, weight)
    for k in rows.links:
        a, b = variable[k.below], variable[k.above]
        if a != b:
            d, weight = offset[k.below] + leave[k] - offset[k.above] - arrive[k], _weight(rows, k)
            near[a].append((b, -d, weight))
            near[b].append((a, d, weight))
    for f in range(rows.root):
        near[low + f].append((high + f, -sizes.frame_width(f), _FRAME))
        near[high + f].append((low + f, sizes.frame_width(f), _FRAME))
    weights = [fsum([w for _, _, w in n]) + _MIDDLE for n in near]
    rounds = max(6, min(_ROUNDS[0], _ROUNDS[1] // (total + len(constraints) + 1)))
    if begin:
        rounds = rounds // 2
        for item, v in enumerate(variable):
            at[v] = begin[item] - offset[item]
    for _ in range(rounds):
        middle = fsum(at) / total if total else 0
        wanted = [(_MIDDLE * middle + fsum([w * (at[o] + d) for o, d, w in n])) / weight for n, weight in zip(near, weights)]
        at = separate([(x + y) / 2 for x, y in zip(wanted, at)], weights, constraints, ordered)
    at = _whole(at, constraints, ordered)
    return [at[v] + o for v, o in zip(variable, offset)], [(at[low + f], at[high + f]) for f in range(rows.root)]


def _variables(rows, straight, leave, arrive):
    """([variable of each item], [how far the item is to the right of it], number of variables): one for each straight line of items."""
    variable, offset, count = [None] * len(rows.layer), [0.0] * len(rows.layer), 0
    upwards = {k.below: k for k in straight}
    for item in sorted(range(len(rows.layer)), key=lambda i: rows.layer[i]):
        if variable[item] is None:
            variable[item] = count
            while item in upwards:
                k = upwards[item]
                variable[k.above], offset[k.above] = count, offset[item] + leave[k] - arrive[k]
                item = k.above
            count += 1
    return variable, offset, count


def _distances(rows, sizes, reach, variable, offset, low, high):
    """{(a, b): how far b is to the right of a, at least}, a and b variables; those of the sides of frame f are low + f and high + f."""
    result = {(low + f, high + f): sizes.frame_width(f) for f in range(rows.root)}

    def side(child, which):
        """(variable, distance from it) of a child's left (0) or right (1) side."""
        if child < 0:
            return (low, high)[which] - 1 - child, 0
        return variable[child], offset[child] + (-reach[child][0], reach[child][1])[which]

    def apart(left, right, gap):
        (a, da), (b, db) = left, right
        result[a, b] = max(result.get((a, b), 0), da - db + gap)

    for row in rows.children:
        for f, children in row.items():
            if f != rows.root and children:
                apart((low + f, 0), side(children[0], 0), sizes.pad_low)
                apart(side(children[-1], 1), (high + f, 0), sizes.pad_high)
            for a, b in zip(children, children[1:]):
                apart(side(a, 1), side(b, 0), _gap(rows, a, b))
    return result


def _gap(rows, a, b):
    """The distance to keep between two neighbours."""
    if a < 0 or b < 0:
        return BESIDE_FRAMES
    return (BETWEEN_BOXES, BESIDE_WAYPOINTS, BETWEEN_WAYPOINTS)[(a >= rows.count) + (b >= rows.count)]


def _weight(rows, link):
    """How much a link wants to be straight: between waypoints the most, where it leaves a frame the least, and a source's less than others."""
    if link.below >= rows.count and link.above >= rows.count:
        return 4 if rows.frame[link.below] == rows.frame[link.above] else 0.3
    return link.pull * (2 if rows.down[link.below] else 1)


def _start(count, constraints):
    """(variables in topological order, the mean of the leftmost and the rightmost places that keep all distances)."""
    edges = [(a, b, d, 0) for a, b, d in constraints]
    left = longest_paths(count, edges)
    right = longest_paths(count, [(b, a, d, 0) for a, b, d in constraints])
    most = max(left, default=0)
    return in_order(count, edges)[1], [(x + most - y) / 2 for x, y in zip(left, right)]


def _whole(at, constraints, ordered):
    """The places, rounded; what rounding has brought too close is moved on."""
    at, after = [float(round(x)) for x in at], [[] for _ in at]
    for a, b, d in constraints:
        after[a].append((b, d))
    for v in ordered:
        for b, d in after[v]:
            at[b] = max(at[b], at[v] + d)
    return at
