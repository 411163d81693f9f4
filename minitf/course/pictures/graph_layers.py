"""Which layer each box stands in: edges lead from lower layers to higher ones, frames are as low as they can be, and one above the other
where the data flow from one to the other.
"""
from .network_simplex import network_simplex


def layers(sketch):
    """([layer of each box], {(source, target)} of the edges that lead down).

    Scopes that are drawn as one box each can depend on each other in a circle, which the operations in them never do: then some edges lead down.
    """
    edges = {}                                          # (source, target) -> number of edges
    for edge in sketch.edges:
        pair = sketch.ports[edge.port].box, edge.target
        edges[pair] = edges.get(pair, 0) + 1
    count = len(sketch.boxes)
    part = components(count, list(edges))
    down = {(s, t) for s, t in edges if part[s] == part[t] and s > t}
    lengths = {}
    for (s, t), number in edges.items():
        pair = (t, s) if (s, t) in down else (s, t)
        lengths[pair] = lengths.get(pair, 0) + number
    constraints, nodes = _constraints(sketch, lengths)
    ranks = network_simplex(nodes, constraints, max(50, 600_000 // (nodes + len(constraints))))
    ranks = ranks[:count]
    used = {r: i for i, r in enumerate(sorted(set(ranks)))}
    return [used[r] for r in ranks], down


def _constraints(sketch, lengths):
    """([(tail, head, length, weight)], number of nodes) for network_simplex.

    The nodes are the boxes; then the first and the last layer of each frame, as nodes of their own; then one that is before all others.
    Data that flow from one of two neighbours to the other (frames, or boxes that share no frame) put all of the one below all of the other,
    unless that makes a circle.
    """
    count, frames = len(sketch.boxes), sketch.frames
    first, last = count, count + len(frames)            # + the index of a frame
    root = count + 2 * len(frames)
    result = [(root, node, 0, 0) for node in range(root)]
    compact = 2 + sum(lengths.values())                 # no edge is worth a taller frame
    for f, frame in enumerate(frames):
        result.append((first + f, last + f, 0, compact))
        if frame.parent is not None:
            result += [(first + frame.parent, first + f, 0, 0), (last + f, last + frame.parent, 0, 0)]
    for b, box in enumerate(sketch.boxes):
        if box.frame is not None:
            result += [(first + box.frame, b, 0, 0), (b, last + box.frame, 0, 0)]
    result += [(s, t, 1, weight) for (s, t), weight in lengths.items()]
    chains = [frames_around(sketch, box.frame) for box in sketch.boxes]
    apart = {}
    for s, t in lengths:
        k = 0
        while k < min(len(chains[s]), len(chains[t])) and chains[s][k] == chains[t][k]:
            k += 1
        pair = (last + chains[s][k] if k < len(chains[s]) else s, first + chains[t][k] if k < len(chains[t]) else t)
        if pair != (s, t):
            apart[pair] = k
    while apart:                                        # from the innermost scopes on, those in a circle may stand side by side
        part = components(root + 1, [(e[0], e[1]) for e in result] + list(apart))
        circular = [pair for pair in apart if part[pair[0]] == part[pair[1]]]
        if not circular:
            break
        deepest = max(apart[pair] for pair in circular)
        for pair in circular:
            if apart[pair] == deepest:
                del apart[pair]
    return result + [(tail, head, 1, 0) for tail, head in apart], root + 1


def frames_around(sketch, frame):
    """The frames around one, itself included, outermost first; [] for None."""
    chain = []
    while frame is not None:
        chain.append(frame)
        frame = sketch.frames[frame].parent
    return chain[::-1]


def components(count, edges):
    """[number] of the strongly connected component of each of 0 .. count - 1: equal where each leads to the other.  Tarjan's, iteratively."""
    after = [[] for _ in range(count)]
    for tail, head in edges:
        after[tail].append(head)
    number, low, part, stack, path = [None] * count, [0] * count, [None] * count, [], []
    visited = parts = 0
    for start in range(count):
        if number[start] is not None:
            continue
        path.append((start, iter(after[start])))
        number[start] = low[start] = visited
        visited += 1
        stack.append(start)
        while path:
            node, rest = path[-1]
            for head in rest:
                if number[head] is None:
                    number[head] = low[head] = visited
                    visited += 1
                    stack.append(head)
                    path.append((head, iter(after[head])))
                    break
                if part[head] is None:
                    low[node] = min(low[node], number[head])
            else:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
                if low[node] == number[node]:
                    while True:
                        member = stack.pop()
                        part[member] = parts
                        if member == node:
                            break
                    parts += 1
    return part
