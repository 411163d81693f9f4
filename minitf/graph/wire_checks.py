"""What every reader of graphs checks of its nodes, whatever form they come in: their inputs, their outputs, and an order they can be made in."""
import heapq

from .wire_values import cut

MOST_OUTPUTS = 1 << 18        # of all "N * T" outputs in a graph: a number of few digits makes so many


def expected_inputs(where, definition, attrs, count):
    """[(argument, dtype)], one per input of a node that has so many; ValueError if the op type takes another number."""
    expected = []
    for arg in definition.inputs:
        if arg.is_type_list:
            expected.extend((arg, dtype) for dtype in attrs[arg.type_attr])
            continue
        dtype = arg.dtype if arg.dtype is not None else attrs[arg.type_attr]
        n = attrs[arg.number_attr] if arg.number_attr else 1
        if not 0 <= n <= count + 1:
            raise ValueError(f"{where}: its attribute '{arg.number_attr}' is {n}, and it has {count} inputs")
        expected.extend([(arg, dtype)] * n)
    if count != len(expected):
        raise ValueError(f"{where}: it takes {len(expected)} inputs ({', '.join(a.name for a in definition.inputs)}), got {count}")
    return expected


def check_outputs(where, definition, attrs, budget):
    """Take the listed outputs of a node from [how many more there may be]."""
    for arg in definition.outputs:
        if arg.number_attr:
            count = attrs[arg.number_attr]
            if not 0 <= count <= budget[0]:
                raise ValueError(f"{where}: it would have {count} outputs '{arg.name}'; all such of a graph together are at most {MOST_OUTPUTS}")
            budget[0] -= count


def in_order(nodes, by_name):
    """The nodes with each behind what it needs, otherwise as they stand.  ValueError for what is missing, and for a cycle."""
    waits, behind = {}, {}
    for place, node in enumerate(nodes):
        needed = node.needs()
        for name in needed:
            if name not in by_name:
                raise ValueError(f"{node.where}: it needs '{cut(name)}', which is not in the graph")
            behind.setdefault(name, []).append(place)
        waits[place] = len(needed)
    ready = [place for place, count in waits.items() if count == 0]
    order = []
    while ready:
        node = nodes[heapq.heappop(ready)]
        order.append(node)
        for place in behind.get(node.name, ()):
            waits[place] -= 1
            if waits[place] == 0:
                heapq.heappush(ready, place)
    if len(order) < len(nodes):
        left = {n.name for n in nodes} - {n.name for n in order}
        path, name = {}, min(left, key=lambda n: by_name[n].where)
        while name not in path:
            path[name] = None
            name = next(n for n in by_name[name].needs() if n in left)
        circle = list(path)[list(path).index(name):] + [name]
        shown = circle if len(circle) <= 8 else circle[:4] + ["..."] + circle[-3:]
        raise ValueError(f"The graph has a cycle: {' needs '.join(map(cut, shown))}")
    return order
