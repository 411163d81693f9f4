"""The placer: which device each node of a program runs on.

Constraints first, as the white paper has them (section 4.3): a node's device request may be partial; nodes that share a variable or were
colocated form a group (union-find), and a group goes where every member can.  Among the feasible devices the first is taken.
"""
from ..core.devices import canonical_name, matches, parse_device
from ..core.errors import InvalidArgumentError
from ..core.registry import find_kernel, is_resource, kernels_of

DATA_ONLY = ("_Feed", "_ReadVariable", "Const")      # every device can hold data


def place(nodes, devices, allow_soft_placement=False, fixed=None):
    """Set node.device to a full device name for every node.

    devices  full names, the preferred first
    fixed    {node name: device} of stateful nodes that an earlier run placed: they stay
    InvalidArgumentError if a group has no feasible device: it names the members, what they ask for, and the kernels there are.
    """
    if len(devices) == 1 and not any(n.device for n in nodes):
        for node in nodes:
            node.device = devices[0]
        return
    for group in _groups(nodes):
        device = _first_feasible(group, devices, allow_soft_placement, fixed or {})
        for node in group:
            node.device = device


def _groups(nodes):
    """Lists of nodes that must share a device, in the order of their first members."""
    parent = {}

    def find(node):
        while parent.get(node, node) is not node:
            parent[node] = parent.get(parent[node], parent[node])
            node = parent[node]
        return node

    by_name = {n.op.name: n for n in nodes if n.op is not None and n.type != "_Feed" and not n.name.endswith("/snapshot")}
    for node in nodes:
        for n, i in node.inputs:
            if n.dtypes[i].is_ref_dtype:
                parent[find(node)] = find(n)
        for name in node.op.colocation if node.op is not None else ():
            if name in by_name:
                parent[find(node)] = find(by_name[name])
    groups = {}
    for node in nodes:
        groups.setdefault(find(node), []).append(node)
    return groups.values()


def _first_feasible(group, devices, soft, fixed):
    for node in group:
        if node.name in fixed:
            return fixed[node.name]
    requests = {}
    for n in group:
        if n.device:
            requests.setdefault(canonical_name(n.device), n)
    feasible = devices
    for request, node in requests.items():
        spec = parse_device(request)
        matching = [d for d in devices if matches(spec, d)]
        if not matching and not soft:
            raise InvalidArgumentError(None, node.op, f"Cannot assign a device to node '{node.name}': Could not satisfy explicit device specification "
                                       f"'{request}' because no devices matching that specification are registered in this process; "
                                       f"available devices: {', '.join(devices)}")
        if matching:
            both = [d for d in feasible if d in matching]
            if not both and not soft:
                others = "; ".join(f"'{n.name}' asks for '{r}'" for r, n in requests.items())
                raise InvalidArgumentError(None, node.op, f"Cannot assign a device to node '{node.name}': Could not satisfy explicit device specification "
                                           f"'{request}' because the node was colocated with a group of nodes that required incompatible device: {others}")
            feasible = both or feasible
    able = [d for d in feasible if all(_has_kernel(n, d) for n in group)]
    if not able and soft:
        able = [d for d in devices if all(_has_kernel(n, d) for n in group)]
    if not able:
        device = feasible[0] if feasible else devices[0]
        node = next(n for n in group if not _has_kernel(n, device))
        have = "\n".join(f"  {k}" for k in kernels_of(node.type)) or "  <no registered kernels>"
        raise InvalidArgumentError(None, node.op, f"Cannot assign a device to node '{node.name}' ({node.type}): no supported kernel for "
                                   f"{parse_device(device).device_type} devices is available. Registered kernels:\n{have}")
    return able[0]


def _has_kernel(node, device):
    return node.type in DATA_ONLY or is_resource(node.type) or find_kernel(node.type, node.attrs, parse_device(device).device_type) is not None
