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
    raise NotImplementedError("write this")
