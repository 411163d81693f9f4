"""Which devices a node may run on: what was asked for, where there are kernels, and who must be together (white paper, section 4.3).

Nodes that must share a device form a group (union-find):

* what takes a reference to a variable is with the variable;
* what was made under tf.colocate_with(x) is with x.

A group asks for what its members ask for together, and may go where every member has a kernel.  Requests that contradict one another are an
error, in TensorFlow's words, with the group, who joined it and why, and the kernels there are.  (A cond or a loop goes to the variables
that it changes: it runs wholly on one device, whatever was asked for.)  With soft placement they are not: types
that differ are forgotten, and where no device fits, the type and the index are, never the job or the task.
"""
from ..core.devices import asks_for_gpu, canonical_name, common_device, matches, parse_device
from ..core.errors import InvalidArgumentError
from ..core.registry import find_kernel, is_resource, kernels_of, op_def

SHAPES_ONLY = ("BroadcastGradientArgs",)            # shapes out of shapes: on a CPU, where a GPU was asked for
DATA_ONLY = ("_Feed", "_ReadVariable", "Const")      # every device can hold data
MOST = 20                     # members of a group that an error lists


class Group:
    """Nodes that share a device.

    members   [node], in the order of the program
    links     [(node, other, why)]: why each joined.  why: 'takes a reference to' or 'loc:@name'
    request   what the members ask for together, canonical; '' is anything
    home      the device that an earlier run has placed a member on, or None
    devices   where all members may run, the preferred first
    rejected  {device: why not there}
    error     InvalidArgumentError, if there is no such device; it is raised by whoever needs one
    """
    __slots__ = ("members", "links", "request", "home", "devices", "rejected", "error")

    def __init__(self, members, links):
        self.members, self.links = members, links
        self.request, self.home, self.devices, self.rejected, self.error = "", None, [], {}, None

    def debug_info(self):
        """Who is in the group, what each asks for, why it joined, and which device types have kernels; '' for a node alone."""
        if len(self.members) < 2:
            return ""
        types = {}
        for n in self.members:
            kinds = {"any"} if n.type in DATA_ONLY or is_resource(n.type) else {k.device_type for k in kernels_of(n.type) if k.serves(n.attrs)}
            types[n.type] = types.get(n.type, kinds) & kinds
        lines = ["", "Colocation Debug Info:", "Colocation group had the following types and devices:"]
        lines += [f"{type_}: {' '.join(sorted(kinds)) or 'none'}" for type_, kinds in types.items()]
        lines.append("Colocation members and user-requested devices:")
        shown = sorted(self.members, key=lambda n: not n.device)[:MOST]         # first those that ask for something
        lines += [f"  {self.describe(n)}" for n in shown]
        return "\n".join([*lines, *[f"  … {len(self.members) - MOST} more"] * (len(self.members) > MOST)])

    def describe(self, node):
        """A member, the device that it asks for, and why it joined."""
        why = dict.fromkeys(f"it {why} '{other.name}'" if why == REFERENCE else f"of {why}" for n, other, why in self.links if n is node)
        return f"'{node.name}' ({node.type}) {canonical_name(node.device) or '(any)'}" + (f", because {' and '.join(why)}" if why else "")


REFERENCE = "takes a reference to"


def groups_of(nodes, devices, soft=False, fixed=None):
    """[Group] of the nodes, in the order of their first members.

    devices  full names, the preferred first
    fixed    {name of a node: device} of what an earlier run has placed: it stays
    """
    groups = _joined(nodes)
    for group in groups:
        _find_devices(group, devices, soft, fixed or {})
    return groups


def _joined(nodes):
    """The groups, by union-find."""
    parent, links = {}, []

    def find(node):
        while parent.get(node, node) is not node:
            parent[node] = parent.get(parent[node], parent[node])
            node = parent[node]
        return node

    def join(node, other, why):
        links.append((node, other, why))
        parent[find(node)] = find(other)

    first = {n.op.name: n for n in nodes if n.op is not None and n.type != "_Feed" and not n.name.endswith("/snapshot")}      # of loc:@name
    for node in nodes:
        for n, i in node.inputs:
            if n.dtypes[i].is_ref_dtype:
                join(node, n, REFERENCE)
        for name in node.op.colocation if node.op is not None else ():
            other = first.setdefault(name, node)        # x itself need not be in the program
            if other is not node:
                join(node, other, f"loc:@{name}")
    members = {}
    for node in nodes:
        members.setdefault(find(node) if parent else node, []).append(node)
    groups = {root: Group(those, []) for root, those in members.items()}
    for link in links:
        groups[find(link[0])].links.append(link)
    return list(groups.values())


def _find_devices(group, devices, soft, fixed):
    """Fill in what follows from a group's members."""
    for n in sorted(group.members, key=_yields):
        if n.device:
            try:
                group.request = common_device(group.request, _asked(n), soft) if group.request else canonical_name(_asked(n))
            except ValueError as error:
                if _yields(n):
                    continue
                group.error = _conflict(group, n, str(error))
                group.rejected = {d: _unmet(group, d) for d in devices}
                return
        if group.home is None:
            group.home = fixed.get(n.name)
    if group.home is not None:
        placed = next(n.name for n in group.members if n.name in fixed)
        group.rejected = {d: f"'{placed}' was placed on {group.home} by an earlier run" for d in devices if d != group.home}
        group.devices = [group.home]
        asks = next((n for n in group.members if n.device and not matches(n.device, group.home) and not _yields(n)), None)
        if asks is not None and not soft:
            group.devices, group.error = [], _conflict(group, asks, _contradiction(group.home, asks.device))
        return
    types = {d: parse_device(d).device_type for d in devices}
    lacking = {type_: [n for n in group.members if not has_kernel(n, type_)] for type_ in types.values()}
    matching = [d for d in devices if matches(group.request, d)] if group.request else devices
    group.devices = [d for d in matching if not lacking[types[d]]]
    if not group.devices and soft:
        spec = parse_device(group.request)
        spec.device_type = spec.device_index = None
        group.devices = [d for d in devices if matches(spec, d) and not lacking[types[d]]]
    for d in devices:
        if d not in group.devices:
            without = dict.fromkeys(f"'{n.name}' ({n.type})" for n in lacking[types[d]][:3])
            group.rejected[d] = _unmet(group, d) or (f"no {types[d]} kernel for {', '.join(without)}" if without else f"the group asks for {group.request}")
    if not group.devices:
        group.error = _no_device(group, devices, matching, lacking)


def _asked(node):
    """What a node asks for.  What only works out shapes runs on the host beside a GPU, as TensorFlow's GPU kernels of such ops do."""
    if node.type not in SHAPES_ONLY or not asks_for_gpu(node.device):
        return node.device
    spec = parse_device(node.device)
    spec.device_type, spec.device_index = "CPU", None
    return spec.to_string()


def _yields(node):
    """Whether what a node asks for counts less than what the variables do that it works on: a cond or a loop, which runs wholly on one device."""
    return node.type[0] != "_" and op_def(node.type).has_bodies


def _unmet(group, device):
    """Who asks for another device; '' if nobody does."""
    asked = dict.fromkeys(f"'{n.name}' asks for {canonical_name(n.device)}" for n in group.members if n.device and not matches(n.device, device))
    return "; ".join(list(asked)[:3])


def is_data(node):
    """Whether any device can hold it, without a kernel."""
    return node.type in DATA_ONLY or is_resource(node.type)


def has_kernel(node, device_type):
    return is_data(node) or node.values is not None or node.type == "NoOp" or find_kernel(node.type, node.attrs, device_type) is not None


def _contradiction(a, b):
    try:
        common_device(a, b)
    except ValueError as error:
        return str(error)
    return f"'{canonical_name(a)}' is not '{canonical_name(b)}'"


def _conflict(group, node, text):
    """The error where a node asks for another device than the group that it is in."""
    link = next((link for link in group.links if link[0] is node), None) or next(link for link in group.links if link[1] is node)
    if link[2] == REFERENCE:
        text = (f"Nodes were connected by a reference connection (requiring them to be on the same device), but the two nodes were assigned two "
                f"different devices: {text}")
    else:
        text = f"Cannot colocate nodes '{link[0].name}' and '{link[1].name}': {text}"
    return InvalidArgumentError(None, node.op, f"Cannot assign a device to node '{node.name}': {text}{group.debug_info()}")


def _no_device(group, devices, matching, lacking):
    """The error where no device meets the request, or none of those that do has the kernels."""
    node = next((n for n in group.members if n.device), group.members[0])
    available = f"available devices: {', '.join(devices)}"
    explicit = f"Cannot assign a device to node '{node.name}': Could not satisfy explicit device specification '{canonical_name(node.device)}' "
    if not matching:
        if group.request == canonical_name(node.device):
            why = f"because no devices matching that specification are registered in this process; {available}"
        else:
            why = f"because the node was colocated with a group of nodes that required incompatible device '{group.request}'; {available}"
        return InvalidArgumentError(None, node.op, explicit + why + group.debug_info())
    types = list(dict.fromkeys(parse_device(d).device_type for d in matching))
    without = lacking[types[0]][0]
    have = "\n".join(f"  {k}" for k in kernels_of(without.type)) or "  <no registered kernels>"
    if all(without in nodes for nodes in lacking.values()):
        text = (f"Cannot assign a device to node '{without.name}': No OpKernel was registered to support Op '{without.type}' with these attrs.  "
                f"Registered devices: [{', '.join(lacking)}], Registered kernels:\n{have}{group.debug_info()}")
    elif group.request:
        text = (f"{explicit}because no supported kernel for {', '.join(types)} devices is available.{group.debug_info()}\n"
                f"Registered kernels of {without.type}:\n{have}")
    else:
        other = next(n for nodes in lacking.values() for n in nodes if n is not without)
        text = (f"Cannot colocate nodes '{without.name}' and '{other.name}' because no device type supports both of those nodes and the other "
                f"nodes colocated with them.{group.debug_info()}")
    return InvalidArgumentError(None, without.op, text)
