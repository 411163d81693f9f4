"""Partition: from a placed program to one program per device, with Send and Recv where edges are cut.

One Recv per tensor and destination device, shared by all consumers there, so a tensor crosses once.  A control edge crosses as
an empty tensor, once per destination too.  What is known before the run (constants, feeds) is copied to every device that uses it, and
nothing is sent.  A reference does not cross: what reads a variable elsewhere receives a snapshot, taken where the variable is, and what
changes one is placed there.  Bodies of `cond` and `while_loop` are not cut, so no transfer belongs to an iteration.

Send and Recv nodes carry `key`, the name of the transfer, and `slot`, its number in the step's rendezvous.  Each device keeps the order of
the program, in which a Send comes before its Recv; so there is one order in which everything could run, and no devices wait for one
another in a circle.
"""
from ..core.dtypes import float32
from ..core.errors import InvalidArgumentError
from ..graph.program import Node, listing


class Partition:
    """What one device runs: nodes in topological order, [(fetch number, (node, output number))], and the targets that are here."""

    def __init__(self, device, nodes, fetches, targets):
        self.device, self.nodes, self.fetches, self.targets = device, nodes, fetches, targets

    def __str__(self):
        return listing(self.nodes)


def partition(program):
    """([Partition], number of transfers), devices in the order of their first node; all partitions' nodes keep the program's order."""
    devices = {}
    for node in program.nodes:
        if node.type != "_Feed" and not (node.values is not None and node.type == "Const"):
            devices.setdefault(node.device, None)
    if not devices:
        for node in program.nodes:
            devices.setdefault(node.device, None)
    if len(devices) <= 1:
        device = next(iter(devices), "")
        for node in program.nodes:
            node.device = device
        return [Partition(device, program.nodes, list(enumerate(program.fetches)), program.targets)], 0
    parts = {device: [] for device in devices}
    transfers = {}                                     # (node, output number or None for control, destination) -> Recv node
    copies = {}                                        # (node, output number, device) -> the copy of a constant or a feed there

    def here(node, index, device, user):
        """(node, output number) of a value on `device`, where `user` needs it."""
        if node.device == device and node.device in parts and not _is_copied(node):
            return node, index
        if _is_copied(node):
            copy = copies.get((node, index, device))
            if copy is None:
                copy = copies[node, index, device] = Node(node.name, node.type if node.type == "_Feed" else "Const", node.attrs if node.values is None else
                                                   {"value": node.values[index], "dtype": node.dtypes[index]},
                                                   [], [], device, node.op, [node.dtypes[index]], [node.shapes[index]])
                copy.values, copy.is_cut = node.values and [node.values[index]], node.is_cut
                if node.type == "_Feed":
                    copy.attrs = {"feed": program.feeds.index(node)}
                parts[device].append(copy)
            return copy, 0
        if node.dtypes[index].is_ref_dtype:
            raise InvalidArgumentError(None, user.op, f"'{user.name}' ({user.type}) on {device} needs the variable '{node.name}' itself, which is on "
                                       f"{node.device}: all variables that one op changes must be on one device")
        return _transfer(node, index, device), 0

    def _transfer(node, index, device):
        recv = transfers.get((node, index, device))
        if recv is None:
            name = f"edge_{node.name}_{'control' if index is None else index}"
            key = f"{node.device};{device};{name}"
            slot = len(transfers)
            dtype, shape = (float32, (0,)) if index is None else (node.dtypes[index], node.shapes[index])
            send = Node(f"{node.name}/_send_{slot}", "_Send", {"key": key, "slot": slot}, [] if index is None else [(node, index)],
                        [node] if index is None else [], node.device, node.op, [], [])
            recv = Node(f"{node.name}/_recv_{slot}", "_Recv", {"key": key, "slot": slot, "send": send}, [], [], device, node.op, [dtype], [shape])
            recv.is_cut, recv.elements = shape is None, node.elements
            transfers[node, index, device] = recv
            parts[node.device].append(send)
            parts[device].append(recv)
        return recv

    for node in program.nodes:
        if _is_copied(node):
            continue
        node.inputs = [here(n, i, node.device, node) for n, i in node.inputs]
        node.controls = [n if n.device == node.device else _transfer(n, None, node.device) for n in node.controls if not _is_copied(n)]
        parts[node.device].append(node)
    first = next(iter(parts))
    fetches = {device: [] for device in parts}
    for number, (node, index) in enumerate(program.fetches):
        device = first if _is_copied(node) else node.device
        fetches[device].append((number, here(node, index, device, node)))
    return [Partition(device, nodes, fetches[device], [t for t in program.targets if t.device == device]) for device, nodes in parts.items()], len(transfers)


def _is_copied(node):
    return node.type == "_Feed" or node.values is not None
