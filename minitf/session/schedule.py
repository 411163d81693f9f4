"""Schedule: the order in which a device executes its nodes.

The order of creation is topological, and close to what the user meant.  Four rules change it:
* parts of a cut plan come one after the other (Node.level);
* a Send comes right behind what it sends, and a Recv as late as its first consumer allows;
* among unordered nodes, a variable is read before it is written;
* a write comes as early as that permits, so that a gradient is used while it is warm and its memory is free again.
"""
from ..core.registry import op_def


def schedule(nodes):
    """The nodes in execution order."""
    order = _reads_first(nodes)
    order = _writes_early(order)
    if any(n.type in ("_Send", "_Recv") for n in order):
        order = _transfers(order)
    if any(n.level > 1 for n in order):
        order.sort(key=lambda n: n.level)
    return order


def writes(node):
    """The variable nodes that a node may change."""
    if node.type == "_ReadVariable":
        return ()
    return [n for n, i in node.inputs if n.dtypes[i].is_ref_dtype]


def _reads_first(nodes):
    """Snapshots that wait for nothing are taken before anything else happens: they cost nothing, and are those of the step's start."""
    early = [n for n in nodes if n.type in ("VariableV2", "Const", "_Feed") and not n.controls]
    placed = set(early)
    reads = [n for n in nodes if n.type == "_ReadVariable" and not n.controls and n.inputs[0][0] in placed]
    if not early:
        return list(nodes)
    placed.update(reads)
    return early + reads + [n for n in nodes if n not in placed]


def _writes_early(order):
    writers = [n for n in order if writes(n) and op_def(n.type).is_stateful]
    if not writers:
        return order
    place = {n: k for k, n in enumerate(order)}
    last_use = {}                                       # variable -> the place of the last node that touches it or a snapshot of it
    snapshot_of = {}
    earliest = dict(place)
    for k, node in enumerate(order):
        variables = [variable_of(n) for n in writes(node)]
        if node.type == "_ReadVariable":
            snapshot_of[node] = variable_of(node.inputs[0][0])
            variables = [snapshot_of[node]]
        if variables and node.type != "_ReadVariable" and op_def(node.type).is_stateful:
            waits_for = [earliest.get(n, 0) for n, _ in node.inputs] + [earliest.get(n, 0) for n in node.controls]      # not here: before a cut
            waits_for += [last_use[v] for v in variables if v in last_use]
            earliest[node] = max(waits_for, default=k)
        for n, _ in node.inputs:
            if n in snapshot_of:
                variables.append(snapshot_of[n])
        for v in variables:
            last_use[v] = max(last_use.get(v, 0), earliest[node])
    return sorted(order, key=lambda n: (earliest[n], place[n]))


def variable_of(node):
    """The VariableV2 node behind a ref, through the Assigns it came by."""
    while node.type != "VariableV2" and node.inputs and node.inputs[0][0].dtypes[node.inputs[0][1]].is_ref_dtype:
        node = node.inputs[0][0]
    return node


def _transfers(order):
    """Sends behind their producers, Recvs before their first consumers (and before that consumer's other late inputs)."""
    sends, recvs = {}, set()
    for node in order:
        if node.type == "_Send":
            sends.setdefault(node.inputs[0][0] if node.inputs else node.controls[0], []).append(node)
        elif node.type == "_Recv":
            recvs.add(node)
    result, received = [], set()

    def receive(node):
        if node in recvs and node not in received:
            received.add(node)
            result.append(node)
            result.extend(sends.get(node, ()))

    for node in order:
        if node in recvs:
            continue
        for n, _ in node.inputs:
            receive(n)
        for n in node.controls:
            receive(n)
        if node.type != "_Send":                        # a Send is a consumer too: of what is received only to be sent on
            result.append(node)
            result.extend(sends.get(node, ()))
    for node in order:                                  # a Recv that is only fetched
        receive(node)
    return result
