"""Plan: what one device executes, as data.

A plan is a flat list of instructions over numbered buffers, in the order of execution.  It is immutable, and shared by all the steps that
run it; what changes during a step (memory, pointers, the program counter) belongs to an activation (executor.pyx).
"""
import math

import numpy as np

from ..core.devices import device_type_of
from ..core.dtypes import as_dtype
from ..core.errors import InvalidArgumentError
from ..core.registry import find_kernel, is_resource, kernel_or_error
from ..kernels.cpu.elementwise import program_of
from .fuse import reusable_inputs
from .live_bytes import live_bytes, lives
from .memory import aligned, assign_offsets, live_maximum
from .optimise import is_view
from .report import located

HAND_OVER = 4096              # bytes: a larger fetched result is handed to the caller, a smaller one copied, which is cheaper
CHECK_EVERY = 2e7             # bytes of traffic (some milliseconds) between two looks at signals
HOUSEKEEPING = ("Take", "Release", "Synchronize")       # instructions about memory: they compute nothing


class BufferSpec:
    """One numbered buffer of a plan.

    kind    "arena"   at `offset` of the activation's arena
            "own"     a counted storage of its own, for the whole step: it is handed to the caller
            "sent"    a counted storage that it takes when it is computed: the device that receives it uses it where it is
            "const"   the array `value`, part of the plan
            "feed"    the caller's array
            "bound"   whatever an instruction puts there: a variable's snapshot, a received tensor, a result of unknown size
            "import"  a value of an earlier part of a cut plan
            "ref"     the variable or queue `node`
            "view"    the bytes of buffer `root` under another shape

    is_host  of a plan of a GPU: it lies in the host's memory, where the caller's arrays come from and go to
    """
    __slots__ = ("number", "name", "dtype", "shape", "kind", "root", "value", "node", "offset", "first", "last", "is_host")

    def __init__(self, number, name, dtype, shape, kind):
        self.number, self.name, self.dtype, self.shape, self.kind = number, name, dtype, shape, kind
        self.root, self.value, self.node, self.offset, self.first, self.last = number, None, None, None, None, None
        self.is_host = False

    @property
    def nbytes(self):
        """Bytes of the elements; None for a size that only the run will tell."""
        return None if self.shape is None else math.prod(self.shape) * self.dtype.size


class Instruction:
    """kind: Compute, Send, Recv, Read (a snapshot of a variable), View (at run time), Take (a storage for a result), Release; on a GPU also
    CopyIn (a feed), CopyOut (a fetched value), Synchronize (wait until all that the plan has queued is done)."""
    __slots__ = ("kind", "node", "kernel_def", "inputs", "outputs")

    def __init__(self, kind, node, inputs, outputs, kernel_def=None):
        self.kind, self.node, self.inputs, self.outputs, self.kernel_def = kind, node, inputs, outputs, kernel_def


class Plan:
    """See the module.  feeds, fetches: [(number, buffer number)]; imports, exports: {(node, output number): buffer number}."""

    def __init__(self, device, buffers, instructions, feeds, fetches, imports, exports):
        self.device, self.buffers, self.instructions = device, buffers, instructions
        self.feeds, self.fetches, self.imports, self.exports = feeds, fetches, imports, exports
        self.arena_bytes = self.live_maximum = 0
        self.work = 0.0               # bytes of traffic that its time is worth
        self.stops = []               # positions before which the executor looks for signals and for an abort; the last is the end
        self.rest = None              # what follows a cut: a compile.Rest

    @property
    def peak_bytes(self):
        """The most bytes that are alive at one instruction: in the arena, in storages of their own, and received.

        A result whose size only the run tells counts as nothing.  What is sent counts until its last use here, though it stays in memory
        until its receivers have used it: with them it counts as received.
        """
        return max(live_bytes(lives(self, lambda buffer: 0), len(self.instructions))[0], default=0)


def make_plan(device, order, fetches, exports, hand_over=HAND_OVER):
    """The Plan of nodes in execution order.  fetches: [(number, (node, output))]; exports: pairs that a later part needs.

    hand_over: a fetched result of more bytes gets a storage of its own.
    """
    return _Builder(device, order, fetches, exports, hand_over).build()


class _Builder:
    def __init__(self, device, order, fetches, exports, hand_over):
        self.device, self.order, self.fetches, self.exports, self.hand_over = device, order, fetches, exports, hand_over
        self.is_gpu = device_type_of(device) == "GPU"
        self.buffers, self.number = [], {}                # (node, output) -> buffer number
        self.code = []

    def build(self):
        self.handed, self.sent = (set(), set()) if self.is_gpu else self._escaping()
        for node in self.order:
            self._add(node)
        fetches = [(number, self._value(pair)) for number, pair in self.fetches]
        if self.is_gpu:
            fetches = self._bring_to_host(fetches)
        exports = {pair: self._value(pair) for pair in self.exports}
        kept = {self.buffers[b].root for _, b in fetches} | {self.buffers[b].root for b in exports.values()}
        self._insert_releases(kept)
        if self.is_gpu and self.order:
            self.code.append(Instruction("Synchronize", self.order[-1], [], []))
        self._set_lives(kept)
        self._reuse_inputs(kept)
        of_kind = lambda kind: [b for b in self.buffers if b.kind == kind]
        plan = Plan(self.device, self.buffers, self.code, [(b.node.attrs["feed"], b.number) for b in of_kind("feed")], fetches,
                    {b.value: b.number for b in of_kind("import")}, exports)
        arena = of_kind("arena")
        lives = [(b.first, b.last, aligned(b.nbytes)) for b in arena]
        offsets, plan.arena_bytes = assign_offsets(lives)
        plan.live_maximum = live_maximum(lives)
        for b, offset in zip(arena, offsets):
            b.offset = offset
        plan.stops, plan.work = _stops(self.code, self.buffers)
        return plan

    # ---- buffers ----------------------------------------------------------------------------------------------------------

    def _new(self, pair, kind):
        node, index = pair
        name = node.name if index == 0 else f"{node.name}:{index}"
        shape = node.shapes[index]
        buffer = BufferSpec(len(self.buffers), name, as_dtype(node.dtypes[index]).base_dtype, shape, kind)
        buffer.node = node
        self.buffers.append(buffer)
        self.number[pair] = buffer.number
        return buffer

    def _value(self, pair):
        """The number of the buffer that holds a value; constants, feeds, imports and variables get theirs at their first use."""
        number = self.number.get(pair)
        if number is not None:
            return number
        node, index = pair
        if node.values is not None:
            buffer = self._new(pair, "const")
            buffer.value = np.require(node.values[index], buffer.dtype.as_numpy_dtype, "C")
        elif node.type == "_Import":
            buffer = self._new(pair, "import")
            buffer.value = node.attrs["pair"]
        elif node.type == "_Feed":
            buffer = self._new(pair, "feed")
            if self.is_gpu:
                buffer.is_host = True
                host, buffer = buffer, self._new(pair, "bound" if buffer.shape is None else "arena")
                self.code.append(Instruction("CopyIn", node, [host.number], [buffer.number]))
        elif is_resource(node.type):
            buffer = self._new(pair, "ref")
            buffer.shape = ()
        else:
            raise AssertionError(f"{node} has no buffer")
        return buffer.number

    def _escaping(self):
        """(values to be handed to the caller or to a queue, values to be sent): they have a storage that is not in the arena."""
        source = {(n, 0): n.inputs[0] for n in self.order if n.values is None and is_view(n)}

        def root(pair):
            while pair in source:
                pair = source[pair]
            return pair

        def is_large(pair):
            shape = pair[0].shapes[pair[1]]
            return shape is not None and np.prod(shape, dtype=np.int64) * pair[0].dtypes[pair[1]].size > self.hand_over

        sent = {root(n.inputs[0]) for n in self.order if n.type == "_Send" and n.inputs}
        kept = {root(pair) for _, pair in self.fetches} | {root(pair) for pair in self.exports}
        held = {root(pair) for _, pair in self.fetches if is_large(pair)} | {root(pair) for n in self.order if self._keeps(n) for pair in n.inputs if is_large(pair)}
        return held | sent & kept, sent - kept - held

    def _keeps(self, node):
        """Whether the kernel of a node may hold its inputs behind the step."""
        if not node.inputs or not node.inputs[0][0].dtypes[node.inputs[0][1]].is_ref_dtype or node.type[0] == "_":
            return False
        kernel_def = find_kernel(node.type, node.attrs, device_type_of(self.device))
        return kernel_def is not None and kernel_def.keeps

    def _bring_to_host(self, fetches):
        """The fetches, each copied to the host where something has the value only on the device."""
        copies = {}
        for _, number in fetches:
            if number not in copies:
                source = self.buffers[number]
                copy = BufferSpec(len(self.buffers), source.name, source.dtype, source.shape, "bound")
                copy.node, copy.is_host = source.node, True
                self.buffers.append(copy)
                copies[number] = copy.number
                self.code.append(Instruction("CopyOut", source.node, [number], [copy.number]))
        return [(k, copies[number]) for k, number in fetches]

    # ---- instructions -----------------------------------------------------------------------------------------------------

    def _add(self, node):
        if node.values is not None or node.type in ("_Feed", "_Import", "NoOp") or is_resource(node.type):
            return
        inputs = [self._value(pair) for pair in node.inputs]
        if node.type == "_Send":
            self.code.append(Instruction("Send", node, inputs, []))
        elif node.type == "_Recv":
            self.code.append(Instruction("Recv", node, [], [self._new((node, 0), "bound").number]))
        elif node.type == "_ReadVariable":
            node.attrs = {"shape": node.shapes[0]}
            self.code.append(Instruction("Read", node, inputs, [self._new((node, 0), "bound").number], kernel_or_error("_ReadVariable", {}, "CPU", node.name)))
        elif is_view(node):
            self._add_view(node, inputs[0])
        else:
            try:
                kernel_def = kernel_or_error(node.type, node.attrs, device_type_of(self.device), node.name)
            except InvalidArgumentError as error:
                raise located(error, node.op)
            outputs = []
            for i, dtype in enumerate(node.dtypes):
                if dtype.is_ref_dtype:                    # the same variable, after this op
                    self.number[node, i] = inputs[0]
                    outputs.append(inputs[0])
                else:
                    kind = "bound" if node.shapes[i] is None or dtype.holds_objects or kernel_def.binds else "own" if (node, i) in self.handed else \
                        "sent" if (node, i) in self.sent else "arena"
                    outputs.append(self._new((node, i), kind).number)
                    if kind == "sent":
                        self.code.append(Instruction("Take", node, [outputs[-1]], []))
            self.code.append(Instruction("Compute", node, inputs, outputs, kernel_def))

    def _add_view(self, node, source):
        root = self.buffers[source].root
        buffer = self._new((node, 0), "view")
        buffer.root = root
        if self.buffers[root].kind not in ("arena", "const"):          # memory that moves from step to step
            self.code.append(Instruction("View", node, [source], [buffer.number]))

    def _insert_releases(self, kept):
        """A counted buffer is given back behind its last use, so that an update of a variable finds nobody holding it."""
        last = {}
        for k, instruction in enumerate(self.code):
            for b in instruction.inputs + instruction.outputs:
                last[self.buffers[b].root] = k
        due = {}
        for root, k in last.items():
            if self.buffers[root].kind in ("bound", "sent") and root not in kept:
                due.setdefault(k, []).append(root)
        code = []
        for k, instruction in enumerate(self.code):
            code.append(instruction)
            if k in due:
                code.extend(Instruction("Release", self.buffers[root].node, [root], []) for root in due[k])
        self.code = code

    def _set_lives(self, kept):
        for k, instruction in enumerate(self.code):
            for b in instruction.outputs:
                root = self.buffers[self.buffers[b].root]
                root.first = k if root.first is None else root.first
                root.last = max(root.last or 0, k)
            for b in instruction.inputs:
                root = self.buffers[self.buffers[b].root]
                root.last = max(root.last or 0, k)
        for root in kept:
            self.buffers[root].last = len(self.code)

    def _reuse_inputs(self, kept):
        """Let a result take over the memory of an input that is not needed any more, where the kernel allows it."""
        views = {}
        for b in self.buffers:
            views.setdefault(b.root, []).append(b)
        for k, instruction in enumerate(self.code):
            choices = _in_place(instruction)
            if not choices:
                continue
            readers = {}                                # root -> the buffers through which this instruction reads it
            for b in instruction.inputs:
                readers.setdefault(self.buffers[b].root, set()).add(b)
            for number, candidates in choices:
                out = self.buffers[number]
                if out.kind != "arena":
                    continue
                for source in map(self.buffers.__getitem__, candidates):
                    root = self.buffers[source.root]
                    if root.kind == "arena" and root.last == k and root.first < k and source.shape == out.shape and source.dtype is out.dtype \
                            and root.nbytes == out.nbytes and readers[root.number] == {source.number} and root.number not in kept:
                        out.kind = "view"
                        for b in views[number]:
                            b.root = root.number
                        views[root.number] += views.pop(number)
                        root.last = out.last
                        readers[root.number] = None     # taken: no second result may lie there
                        if number in kept:
                            kept.add(root.number)
                        break


def _in_place(instruction):
    """[(output buffer, [input buffers whose memory it may take over])]."""
    node, inputs, outputs = instruction.node, instruction.inputs, instruction.outputs
    if instruction.kind != "Compute" or not outputs or not instruction.kernel_def.in_place:
        return []
    if node.type == "_Fused":
        program, operands = node.attrs["program"], node.attrs["operands"]
        ins = {k: inputs[arg] for k, (kind, arg) in enumerate(operands) if kind == "in"}
        outs = {k: outputs[arg] for k, (kind, arg) in enumerate(operands) if kind == "out"}
    else:
        program = program_of(node.type, len(inputs))
        ins, outs = dict(enumerate(inputs)), {len(inputs): outputs[0]}
        if program is None:
            return [(outputs[0], inputs)]
    reusable = reusable_inputs(program, ins, outs)
    return [(buffer, [ins[k] for k in reusable[operand]]) for operand, buffer in outs.items()]


def _stops(code, buffers):
    """(where to look for signals: after every few milliseconds of estimated work, and at the end; the work of all)."""
    stops, work, total = [], 0.0, 0.0
    for k, instruction in enumerate(code):
        sizes = [buffers[b].nbytes or 0 for b in instruction.inputs + instruction.outputs]
        work += sum(sizes)
        if instruction.kind == "Compute" and "MatMul" in instruction.node.type and sizes:
            work += (sizes[0] * sizes[-1] * (sizes[1] or 1)) ** 0.5 / 8
        if instruction.kind == "Compute" and not isinstance(instruction.kernel_def.kernel, type):     # Python code: who knows how long
            work = 2 * CHECK_EVERY
        if work > CHECK_EVERY:
            stops.append(k + 1)
            total, work = total + work, 0.0
    return stops if stops and stops[-1] == len(code) else stops + [len(code)], total + work
