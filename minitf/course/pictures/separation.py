"""Places on a line that keep their distances, each as near as possible to where it would like to be.

Dwyer, Marriott and Stuckey, "Fast node overlap removal", Graph Drawing 2005: variables whose constraints are tight move together, as one block.
"""
import heapq


def separate(wanted, weights, constraints, order):
    """[place] near `wanted` with place[b] - place[a] >= distance for all (a, b, distance): the least weighted sum of squares, or close to it.

    order: of the variables, each after those which must be on its left (topological).
    The method is given its variables from left to right, so it leans to one side a little; the mean with its mirror image leans to none.
    """
    one = _separated(wanted, weights, constraints, order)
    mirrored = _separated([-w for w in wanted], weights, [(b, a, d) for a, b, d in constraints], order[::-1])
    return [(x - y) / 2 for x, y in zip(one, mirrored)]


def _separated(wanted, weights, constraints, order):
    count = len(wanted)
    left_of = [[] for _ in range(count)]                # of each variable: (the other, distance)
    for a, b, distance in constraints:
        left_of[b].append((a, distance))
    block = list(range(count))                          # of each variable; a block is named after one of its variables
    offset = [0.0] * count                              # of a variable from its block's position
    members = [[v] for v in range(count)]
    position = list(wanted)
    weight = list(weights)
    pulls = [[] for _ in range(count)]                  # of each block: a heap of (shift - lower bound of its position, left, right, distance)
    shift = [0.0] * count
    for v in order:
        pulls[v] = [(-(position[block[a]] + offset[a] + d), a, v, d) for a, d in left_of[v]]
        heapq.heapify(pulls[v])
        b = v
        while True:
            heap = pulls[b]
            while heap:                                 # what is on top may be out of date: then its place is further down
                bound, a, right, d = heap[0]
                if block[a] == b:
                    heapq.heappop(heap)
                    continue
                now = -(position[block[a]] + offset[a] + d - offset[right]) + shift[b]
                if now > bound + 1e-9:
                    heapq.heapreplace(heap, (now, a, right, d))
                    continue
                break
            if not heap:
                break
            bound, a, right, d = heap[0]
            least = position[block[a]] + offset[a] + d - offset[right]
            if position[b] >= least - 1e-9:
                break
            heapq.heappop(heap)
            b = _merge(block[a], b, offset[a] + d - offset[right], block, offset, members, position, weight, pulls, shift)
    return [position[block[v]] + offset[v] for v in range(count)]


def _merge(left, right, distance, block, offset, members, position, weight, pulls, shift):
    """Makes one block of two, the right one's position `distance` to the right of the left one's; returns its name."""
    total = weight[left] + weight[right]
    place = (weight[left] * position[left] + weight[right] * (position[right] - distance)) / total        # of the left one's origin
    if len(members[left]) >= len(members[right]):
        keep, gone, moved = left, right, distance
    else:
        keep, gone, moved = right, left, -distance
        place += distance
    for v in members[gone]:
        block[v] = keep
        offset[v] += moved
    members[keep] += members[gone]
    members[gone] = []
    one, of_one, other, of_other = pulls[keep], shift[keep], pulls[gone], shift[gone] - moved
    if len(one) < len(other):
        one, of_one, other, of_other = other, of_other, one, of_one
    for bound, a, v, d in other:
        heapq.heappush(one, (bound - of_other + of_one, a, v, d))
    pulls[keep], pulls[gone], shift[keep] = one, [], of_one
    weight[keep], position[keep] = total, place
    return keep
