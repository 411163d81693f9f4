"""Who waits for whom (4 points)

The chapter's `drive` notices when everybody waits.  But the programs alone tell it, before anything has run, and they tell where the fault
is: of thirty devices that stand still, two may wait for each other, and all the others only for these two.

Write `find_circle`.

    programs    {device: [(kind, key, peer)]}.  kind "send": puts the value of that key there for the peer, and never waits.  kind "recv":
                waits until that peer has sent this device this key.  Any other kind needs nobody, and key and peer are "".
                Every device that something is sent to has a program.  A device goes through its list in order.  Each key is sent to a
                device at most once, and received there at most once.
    returns     [] if all programs come to their ends.  Else a list of (device, key, peer), each a device that stands for ever at the recv
                of that key from that peer:
                  * a circle: the peer of each is the device of the next one, and that of the last the device of the first, and
                    each one's send stands in its peer's program, further on.  It begins with the first of its devices by name
                  * or one entry alone, if the peer's program has no such send at all.

If there are several faults, return one of them.  Devices that wait for a circle and are not in it are not named.  A device may wait for
itself: that is a circle of one.  Five thousand devices, each of which waits for another, must not take longer than a second.

Example, with a third device that only waits for the circle:

    find_circle({"A": [("recv", "y", "B"), ("send", "x", "B"), ("send", "x", "C")],
                 "B": [("recv", "x", "A"), ("run", "", ""), ("send", "y", "A")],
                 "C": [("recv", "x", "A")]})                                     [("A", "y", "B"), ("B", "x", "A")]

make grade CH=08
"""


def find_circle(programs):
    """[(device, key, peer)] of those that wait in a circle, or of one that waits for what is never sent; [] if all is well."""
    ### BEGIN SOLUTION
    at, sent, todo = dict.fromkeys(programs, 0), set(), list(programs)
    while todo:
        device = todo.pop()
        for kind, key, peer in programs[device][at[device]:]:
            if kind == "recv" and (peer, key, device) not in sent:
                break
            at[device] += 1
            if kind == "send":
                sent.add((device, key, peer))
                if peer != device and programs[peer][at[peer]:at[peer] + 1] == [("recv", key, device)]:
                    todo.append(peer)
    stuck = {device: programs[device][k] for device, k in at.items() if k < len(programs[device])}
    device, path = next(iter(stuck), None), {}
    while device is not None and device not in path:
        _, key, peer = stuck[device]
        path[device] = device, key, peer
        if ("send", key, device) not in programs.get(peer, ()):
            return [path[device]]
        device = peer
    circle = list(path.values())[list(path).index(device):] if path else []
    first = circle.index(min(circle)) if circle else 0
    return circle[first:] + circle[:first]
    ### END SOLUTION
