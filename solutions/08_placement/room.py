"""Room for it (5 points)

A GPU has less memory than its machine.  A placer that does not ask whether there is room sends everything to the fastest device, and the
run dies.  Write the chapter's greedy placer with a limit for each device.

Write `place_within`.

    times       {node: {device: time}}: the devices on which a node may run are the keys, in the order in which ties are broken.  The nodes
                come in an order in which each stands behind those that it needs
    inputs      {node: [node]}: whose results it needs; each at most once
    nbytes      {node: bytes of its result}
    latency, bandwidth      a result takes latency + nbytes / bandwidth from one device to another
    limits      {device: bytes}; a device that is not in it has room for everything
    returns     {node: (device, start, end)}, in the order in which they were placed
    MemoryError     whose text has the node's name, if there is room for a node on no device

Time is that of the chapter.  A node is ready when all that it needs has ended; nodes are placed in the order in which they become ready,
and of those that become ready at the same time, the first in `times`.  A node goes where it ends first, of the devices that have room.

What takes room: a result does, on its own device and on each to which it is carried, from the moment when the node that makes it (or that
it is carried for) is placed, until the last of the nodes that need it has been placed, wherever that is.  A result that nobody needs takes
room for ever: it will be fetched.  Placing a node takes room for its own result and for each of its inputs that is not on that device yet;
for a moment its inputs and its result are there together.  A result takes room once on a device, however many users it has there.

Example: a makes 60 bytes in 1 on either device, b needs a and makes 60 bytes in 1 on "g", in 10 on "c"; limits {"g": 100, "c": 1000}.  Then
a goes to "g", (0, 1); for b there is no room on "g": 60 + 60 > 100.  With latency 2 and bandwidth 30, a is on "c" at 1 + 2 + 60 / 30 = 5,
and b goes to "c", (5, 15).

make grade CH=08
"""
import heapq


def place_within(times, inputs, nbytes, latency, bandwidth, limits):
    """{node: (device, start, end)}; MemoryError if a node finds no room."""
    ### BEGIN SOLUTION
    rank = {node: k for k, node in enumerate(times)}
    users = {node: {n for n in times if node in inputs[n]} for node in times}
    waits = {node: set(inputs[node]) for node in times}
    placed, clock = {}, {}
    holds = {}                                          # device -> the results that take room there
    heap = [(0.0, rank[node], node) for node in times if not waits[node]]
    heapq.heapify(heap)
    while heap:
        _, _, node = heapq.heappop(heap)
        plans = []
        for k, (device, time) in enumerate(times[node].items()):
            here = holds.setdefault(device, set())
            if sum(nbytes[n] for n in here | {node, *inputs[node]}) > limits.get(device, float("inf")):
                continue
            there = [placed[n][2] + (latency + nbytes[n] / bandwidth) * (placed[n][0] != device) for n in inputs[node]]
            start = max([clock.get(device, 0.0), *there])
            plans.append((start + time, k, device, start))
        if not plans:
            raise MemoryError(f"no device has room for {node}")
        end, _, device, start = min(plans)
        placed[node], clock[device] = (device, start, end), end
        holds[device] |= {node, *inputs[node]}
        for source in inputs[node]:
            users[source].discard(node)
            if not users[source]:
                for kept in holds.values():
                    kept.discard(source)
        for user in [n for n in times if node in waits[n]]:
            waits[user].discard(node)
            if not waits[user]:
                heapq.heappush(heap, (max(placed[n][2] for n in inputs[user]), rank[user], user))
    return placed
    ### END SOLUTION
