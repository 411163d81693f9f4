"""Schedule: the order in which a device executes its nodes.

The order of creation is topological, and close to what the user meant.  Five rules change it:
* parts of a cut plan come one after the other (Node.level);
* a Send comes right behind what it sends, and a Recv as late as its first consumer allows: what has been received takes memory until
  its last use, so a device that asks for everything at its start holds everything at once (white paper, section 5.2).  Nor is it
  ever slower: a device waits at its Recvs, and one that comes later makes fewer ops wait;
* among unordered nodes, a variable is read before it is written;
* a write comes as early as that permits, so that a gradient is used while it is warm and its memory is free again; but behind
  the uses of a snapshot that was taken before it, so that nobody else holds the value and it is changed in place;
* among unordered nodes, a queue (or an accumulator) is filled before it is emptied: a device runs one instruction at a time, and would wait for what comes later.
"""
import heapq

from ..core.registry import is_resource, op_def
from ..core.swap import swappable
from .optimise import is_view

ENQUEUES = ("QueueEnqueue", "QueueEnqueueMany", "AccumulatorApplyGradient", "SparseAccumulatorApplyGradient")
DEQUEUES = ("QueueDequeue", "QueueDequeueMany", "QueueDequeueUpTo", "AccumulatorTakeGradient", "SparseAccumulatorTakeGradient")
FAR = 256                     # nodes behind a write that are looked at: with more, it may cost a copy of the variable


def schedule(nodes):
    """The nodes in execution order."""
    order = _reads_first(nodes)
    order = _fill_first(_uses_first(_writes_early(order)))
    if any(n.type in ("_Send", "_Recv") for n in order):
        order = _transfers(order)
    if any(n.level > 1 for n in order):
        order.sort(key=lambda n: n.level)
    return order


def writes(node):
    """The variable nodes that a node may change."""
    if node.type == "_ReadVariable":
        return ()
    return [n for n, i in node.inputs if n.dtypes[i].is_ref_dtype and variable_of(n).type == "VariableV2"]


def _reads_first(nodes):
    """Snapshots that wait for nothing are taken before anything else happens: they cost nothing, and are those of the step's start."""
    early = [n for n in nodes if (n.type in ("Const", "_Feed") or is_resource(n.type)) and not n.controls]
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


def _uses_first(order):
    """Writes behind the uses of earlier snapshots, as far as no use waits for the write, directly or through another device."""
    place = {n: k for k, n in enumerate(order)}
    writers = {n for n in order if writes(n) and op_def(n.type).is_stateful}
    if not writers:
        return order
    users = {n: [] for n in order}
    for node in order:
        for n in [n for n, _ in node.inputs] + node.controls:
            if n in users:
                users[n].append(node)
    held = {}                                           # variable -> [(place of the last use, uses)] of the snapshots so far
    is_late = False
    for node in order:
        if node.type == "_ReadVariable":
            uses = _users(node, users)
            held.setdefault(variable_of(node), []).append((max((place[u] for u in uses), default=0), uses))
        elif node in writers:
            for v in dict.fromkeys(variable_of(n) for n in writes(node)):
                held[v] = [(last, uses) for last, uses in held.get(v, ()) if last > place[node]]
                late = [u for _, uses in held[v] for u in uses if place[u] > place[node]]
                behind = _behind(node, users) if late else None
                for user in dict.fromkeys(late) if behind is not None else ():
                    if user not in behind:              # so that this edge closes no circle
                        users[user].append(node)
                        is_late = True
    return _in_order(order, place, users) if is_late else order


def _fill_first(order):
    """Enqueues before the dequeues of the same queue that were made before them, where nothing, here or on another device, puts them behind."""
    dequeues = {}
    for node in order:
        if node.type in DEQUEUES:
            dequeues.setdefault(variable_of(node.inputs[0][0]), []).append(node)
    if not dequeues:
        return order
    place = {n: k for k, n in enumerate(order)}
    users = {n: [] for n in order}
    for node in order:
        for n in [n for n, _ in node.inputs] + node.controls:
            if n in users:
                users[n].append(node)
    is_late = False
    for node in order:
        if node.type in ENQUEUES:
            for dequeue in dequeues.get(variable_of(node.inputs[0][0]), ()):
                behind = _behind(dequeue, users) if place[dequeue] < place[node] else None
                if behind is not None and node not in behind:
                    users[node].append(dequeue)
                    is_late = True
    return _in_order(order, place, users) if is_late else order


def _users(read, users):
    """The nodes that use a snapshot, also through a view of it."""
    found, stack = [], [read]
    while stack:
        for user in users[stack.pop()]:
            found.append(user)
            if is_view(user):
                stack.append(user)
    return found


def _behind(node, users):
    """The nodes that come after a node; None if there are too many, or if another device waits for one of them."""
    found, stack = {node}, [node]
    while stack:
        for user in users[stack.pop()]:
            if user not in found:
                if user.type == "_Send" or len(found) > FAR:
                    return None
                found.add(user)
                stack.append(user)
    return found


def _in_order(order, place, users):
    """The topological order by `users` that is nearest to the one there is."""
    missing = dict.fromkeys(order, 0)
    for following in users.values():
        for user in following:
            missing[user] += 1
    ready = [place[n] for n in order if not missing[n]]
    heapq.heapify(ready)
    result = []
    while ready:
        node = order[heapq.heappop(ready)]
        result.append(node)
        for user in users[node]:
            missing[user] -= 1
            if not missing[user]:
                heapq.heappush(ready, place[user])
    return result


def variable_of(node):
    """The node behind a ref, of a variable or a queue, through the Assigns it came by."""
    while node.inputs and node.inputs[0][0].dtypes[node.inputs[0][1]].is_ref_dtype:
        node = node.inputs[0][0]
    return node


@swappable
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
