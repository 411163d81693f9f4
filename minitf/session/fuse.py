"""Fuse: turn runs of element-wise nodes over one shape into single instructions.

The fused instruction is a small program over operands: the node's inputs, its outputs, and temporaries of one block each.  The
kernel runs it block by block, so what passes from step to step stays in the L1 cache, and memory is read and written once.
Each step rounds as the separate kernel would, so fusion changes no bit of a result.

A run need not be contiguous: nodes in between that do not feed it are moved behind it.

A Slice that only one run reads becomes part of it: the kernel reads the piece out of the whole, block by block.  (The four gates of an
LSTM's step are such pieces.)
"""
import bisect
import functools
from collections import deque

from ..core.registry import find_kernel
from ..graph.program import Node
from ..core.devices import device_type_of
from ..kernels.cpu.array import Slice
from ..kernels.cpu.elementwise import Elementwise, IN_PLACE, program_of, supports
from ..kernels.gpu import elementwise as gpu_elementwise
from .specialise import is_known

WINDOW = 24                  # nodes that may be moved behind a run
MOST_STEPS = 48              # more operands than this would not share the L1 cache
MOST_STEPS_SMALL = 4096      # except on a CPU where an operand is but a few bytes; a GPU's launch has room for some hundred operands
SMALL = 64                   # elements


def fuse(order, kept):
    """The order with runs fused.  kept: values {(node, output number)} that must exist after the run (fetches, exports).

    Returns (order, moved), where moved maps (node, output number) of a fused node's member to the fused node's output.
    """
    consumers, awaited = {}, set()
    for node in order:
        awaited.update(node.controls)
        for n, i in node.inputs:
            consumers.setdefault((n, i), []).append(node)
    result, moved = [], {}
    queue = deque(order)
    while queue:
        node = queue.popleft()
        if not _fusable(node):
            result.append(node)
            continue
        run, behind = _grow(node, queue)
        if len(run) == 1:
            result.append(node)
        else:
            slices = [n for n in result[-WINDOW:] if _is_part(n, run, consumers, awaited) and (n, 0) not in kept]
            result[-WINDOW:] = [n for n in result[-WINDOW:] if n not in slices]
            fused, outputs = _fused_node(run, slices, consumers, kept)
            moved.update(outputs)
            result.append(fused)
        queue.extendleft(reversed(behind))
    for node in result:
        if moved:
            node.inputs = [moved.get(pair, pair) for pair in node.inputs]
            node.controls = [moved.get((n, 0), (n, 0))[0] for n in node.controls]
    return result, moved


def _fusable(node):
    return len(node.dtypes) == 1 and node.values is None and is_known(node.shapes[0]) and \
        _supports(node.type, tuple([n.dtypes[i].base_dtype for n, i in node.inputs]), node.dtypes[0]) and \
        all([is_known(n.shapes[i]) for n, i in node.inputs]) and _is_ours(find_kernel(node.type, node.attrs, device_type_of(node.device)))


def _is_ours(kernel_def):
    """Whether it is the package's kernel that would run: one that a user has registered for the same type must be called."""
    if kernel_def is None:
        return False
    kernel = kernel_def.kernel
    return issubclass(kernel, Elementwise) if isinstance(kernel, type) else getattr(kernel, "describe", None) in gpu_elementwise.plain_kernels


_supports = functools.lru_cache(maxsize=None)(supports)


def _grow(first, queue):
    """(run, behind): the longest run that starts with `first`, and the nodes to move behind it; both are taken off the queue."""
    shape, level = first.shapes[0], first.level
    size = 1
    for d in shape:
        size *= d
    most = MOST_STEPS_SMALL if size <= SMALL and device_type_of(first.device) == "CPU" else MOST_STEPS
    run, behind, blocked = [first], [], set()
    while queue and len(behind) < WINDOW and len(run) < most:
        node = queue[0]
        if node.level != level:
            break
        joins = node.shapes and node.shapes[0] == shape and _fusable(node) and \
            not any(n in blocked for n, _ in node.inputs) and not any(n in blocked for n in node.controls)
        queue.popleft()
        if joins:
            run.append(node)
        else:
            behind.append(node)
            blocked.add(node)
    return run, behind


def _is_part(node, run, consumers, awaited):
    """Whether a node cuts a known box of the run's shape out of something larger, for the run alone."""
    if node.type != "Slice" or node.values is not None or node.controls or node in awaited or node.shapes[0] != run[0].shapes[0]:
        return False
    source, begin = node.inputs[0], node.inputs[1][0].values
    whole = source[0].shapes[source[1]]
    if begin is None or source[0].dtypes[source[1]].is_ref_dtype or not is_known(whole) or whole == node.shapes[0]:
        return False
    kernel_def = find_kernel("Slice", node.attrs, device_type_of(node.device))
    if kernel_def is None or kernel_def.kernel is not Slice:
        return False
    return all(0 <= first <= size - n for first, n, size in zip(begin[node.inputs[1][1]], node.shapes[0], whole)) and \
        all(c in run for c in consumers.get((node, 0), ()))


def _fused_node(run, slices, consumers, kept):
    """(the fused node, {(member, 0): (fused node, output number)} for the members whose results are needed outside)."""
    members = {*run, *slices}
    last_step = {}
    for k, node in enumerate(run):
        for pair in node.inputs:
            last_step[pair] = k
    outside = [n for n in run if (n, 0) in kept or any(c not in members for c in consumers.get((n, 0), ()))]
    if not outside:                                     # a result nobody reads: keep the last, which has a place to go
        outside = [run[-1]]
    inputs = list(dict.fromkeys(pair for n in run for pair in n.inputs if pair[0] not in members))
    operands = [("in", k) for k in range(len(inputs))] + [("out", k) for k in range(len(outside))]
    place = {pair: k for k, pair in enumerate(inputs)}
    place.update({(n, 0): len(inputs) + k for k, n in enumerate(outside)})
    inputs.extend(dict.fromkeys(n.inputs[0] for n in slices if n.inputs[0] not in inputs))
    for node in slices:
        begin, index = node.inputs[1]
        place[node, 0] = len(operands)
        operands.append(("part", (inputs.index(node.inputs[0]), tuple(map(int, begin.values[index])))))
    free = {}                                           # dtype -> numbers of temporaries whose value nobody needs any more
    program = []

    def temporary(dtype):
        spare = free.setdefault(dtype, [])
        if not spare:
            operands.append(("temp", dtype))
            return len(operands) - 1
        return spare.pop()

    for k, node in enumerate(run):
        steps = program_of(node.type, len(node.inputs))
        done = [pair for pair in dict.fromkeys(node.inputs) if last_step[pair] == k and operands[place[pair]][0] == "temp"]
        at_once = IN_PLACE and len(steps) == 1
        if at_once:                                     # the result may overwrite an operand that is read in the same step
            _release(done, operands, place, free)
        if (node, 0) not in place:
            place[node, 0] = temporary(node.dtypes[0])
        local = [place[pair] for pair in node.inputs] + [place[node, 0]]
        n_temporaries = max(x for _, *numbers in steps for x in numbers if x is not None) + 1 - len(local)
        inner = [temporary(node.dtypes[0]) for _ in range(n_temporaries)]
        local += inner
        free.setdefault(node.dtypes[0], []).extend(inner)
        if not at_once:
            _release(done, operands, place, free)
        program.extend((op, *(None if x is None else local[x] for x in numbers)) for op, *numbers in steps)
    name = run[-1].name if len(outside) == 1 else f"{run[0].name}..{run[-1].name}"
    controls = list(dict.fromkeys(c for n in run for c in n.controls if c not in members))
    fused = Node(name, "_Fused", {"program": program, "operands": operands, "members": slices + run}, inputs, controls, run[0].device, run[-1].op,
                 [n.dtypes[0] for n in outside], [n.shapes[0] for n in outside])
    fused.level = run[0].level
    return fused, {(n, 0): (fused, k) for k, n in enumerate(outside)}


def _release(pairs, operands, place, free):
    for pair in pairs:
        free.setdefault(operands[place[pair]][1], []).append(place[pair])


def reusable_inputs(program, inputs, outputs):
    """{output operand: [input operands whose memory it may take over]}: those last read no later than it is first written."""
    first_write, last_read = {}, {}
    for k, (_, out, *read) in enumerate(program):
        first_write.setdefault(out, k)
        for operand in read:
            last_read[operand] = k
    by_last = sorted(inputs, key=lambda operand: last_read.get(operand, -1))
    ends = [last_read.get(operand, -1) for operand in by_last]
    # the few read last before the write are enough to choose from, and are the likeliest to be free only now
    return {out: by_last[:bisect.bisect_right(ends, first_write[out])][-8:] for out in outputs}
