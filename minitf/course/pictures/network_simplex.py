"""Network simplex: whole-numbered ranks that make the edges of a graph as short as they can be together.

Gansner, Koutsofios, North and Vo, "A technique for drawing directed graphs", IEEE Transactions on Software Engineering 19(3), 1993.

A spanning tree of tight edges (those as short as they may be) fixes all ranks.  If an edge of the tree is taken out, the part of the graph at
its tail could move away from the other part; whether that is worth it is the weight of the edges that get shorter, less that of the edges
that get longer.  While there is an edge for which it is, the parts move until another edge between them is tight, which takes its place.
"""
import heapq


def network_simplex(count, edges, pivots=10 ** 9):
    """[rank of 0 .. count - 1], the least of them 0.

    edges    [(tail, head, length, weight)]: rank[head] - rank[tail] is at least `length`; the sum of weight * (rank[head] - rank[tail])
             is made least.  Without edges that connect them all, add a node that does.
    pivots   stop after so many exchanges, with ranks that hold the lengths but need not be the best
    ValueError if the edges form a cycle.
    """
    if not count:
        return []
    rank = longest_paths(count, edges)
    _settle(count, edges, rank)
    parent, order = _tight_tree(count, edges, rank)
    excess = [0] * count                                # weights of the edges out of a node less those into it
    for tail, head, _, weight in edges:
        excess[tail] += weight
        excess[head] -= weight
    for _ in range(pivots):
        below = list(excess)                            # the same for the subtree of each node: edges inside it cancel
        for node in reversed(order[1:]):
            tail, head, _, _ = edges[parent[node]]
            below[head if tail == node else tail] += below[node]
        worst, leaving = 0, None
        for node in order[1:]:
            gain = -below[node] if edges[parent[node]][0] == node else below[node]
            if gain > worst:
                worst, leaving = gain, node
        if leaving is None:
            break
        _exchange(edges, rank, parent, order, leaving)
        order = _ordered(edges, parent, order[0])
    least = min(rank)
    return [r - least for r in rank]


def longest_paths(count, edges):
    """[rank]: of each node the length of the longest path to it, and at least 0.  ValueError if the edges form a cycle."""
    after, order = in_order(count, edges)
    rank = [0] * count
    for node in order:
        for head, length in after[node]:
            rank[head] = max(rank[head], rank[node] + length)
    return rank


def in_order(count, edges):
    """([(head, length)] of each node, the nodes in an order in which edges lead forwards).  ValueError if they form a cycle."""
    after, missing = [[] for _ in range(count)], [0] * count
    for tail, head, length, _ in edges:
        after[tail].append((head, length))
        missing[head] += 1
    order = [node for node in range(count) if not missing[node]]
    for node in order:                                  # grows while it is gone through
        for head, _ in after[node]:
            missing[head] -= 1
            if not missing[head]:
                order.append(head)
    if len(order) < count:
        raise ValueError("the edges form a cycle")
    return after, order


def _settle(count, edges, rank):
    """Moves each node alone as far as its own edges want it: a good beginning, where most nodes are right already."""
    above, below, pull = [[] for _ in range(count)], [[] for _ in range(count)], [0] * count
    for tail, head, length, weight in edges:
        above[tail].append((head, length))
        below[head].append((tail, length))
        pull[tail] += weight
        pull[head] -= weight
    order = sorted(range(count), key=lambda node: rank[node])
    for _ in range(2):
        for node in reversed(order):
            if pull[node] > 0:
                rank[node] = min(rank[head] - length for head, length in above[node])
        for node in order:
            if pull[node] < 0:
                rank[node] = max(rank[tail] + length for tail, length in below[node])


def _tight_tree(count, edges, rank):
    """(parent edge of each node, nodes in an order that has parents first); changes `rank` so that all these edges are tight.

    The tree moves as a whole until the nearest edge out of it or into it is tight, and takes the node at its other end.  `shift` is how far
    it has moved, so the distances in the two heaps stay true.
    """
    touching = [[] for _ in range(count)]
    for e, (tail, head, _, _) in enumerate(edges):
        touching[tail].append(e)
        touching[head].append(e)
    parent, order, inside = [None] * count, [], [False] * count
    outward, inward, shift = [], [], 0
    node = 0
    while True:
        inside[node] = True
        order.append(node)
        rank[node] -= shift
        for e in touching[node]:
            tail, head, length, _ = edges[e]
            if tail == node and not inside[head]:
                heapq.heappush(outward, (rank[head] - length - rank[node], e))
            elif head == node and not inside[tail]:
                heapq.heappush(inward, (rank[node] - length - rank[tail], e))
        if len(order) == count:
            break
        while outward and inside[edges[outward[0][1]][1]]:
            heapq.heappop(outward)
        while inward and inside[edges[inward[0][1]][0]]:
            heapq.heappop(inward)
        if not outward and not inward:
            raise ValueError("the edges do not connect all nodes")
        if outward and (not inward or outward[0][0] - shift <= inward[0][0] + shift):
            shift, e = outward[0]
            node = edges[e][1]
        else:
            shift, e = -inward[0][0], inward[0][1]
            node = edges[e][0]
        parent[node] = e
    for node in order:
        rank[node] += shift
    return parent, order


def _exchange(edges, rank, parent, order, leaving):
    """Takes the edge above `leaving` out of the tree, moves its subtree, and hangs that by the edge which gets tight first."""
    inside = [False] * len(rank)
    inside[leaving] = True
    for node in order[1:]:
        tail, head, _, _ = edges[parent[node]]
        if inside[head if tail == node else tail] and node != leaving:
            inside[node] = True
    tail_moves = edges[parent[leaving]][0] == leaving   # the tail's side goes down, or the head's side up
    least, entering = None, None
    for e, (tail, head, length, _) in enumerate(edges):
        if inside[tail] != inside[head] and inside[head] == tail_moves:
            slack = rank[head] - rank[tail] - length
            if least is None or slack < least:
                least, entering = slack, e
    step = -least if tail_moves else least
    for node, moves in enumerate(inside):
        if moves:
            rank[node] += step
    tail, head, _, _ = edges[entering]
    node, edge = (tail if inside[tail] else head), entering
    while True:                                         # the path from there up to `leaving` now hangs the other way round
        above = parent[node]
        parent[node] = edge
        if node == leaving:
            break
        tail, head, _, _ = edges[above]
        node, edge = (head if tail == node else tail), above


def _ordered(edges, parent, root):
    """All nodes of the tree, parents first."""
    children = [[] for _ in parent]
    for node, e in enumerate(parent):
        if e is not None:
            tail, head, _, _ = edges[e]
            children[head if tail == node else tail].append(node)
    order = [root]
    for node in order:
        order.extend(children[node])
    return order
