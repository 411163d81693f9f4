"""Reductions: Sum, Mean, Max, Min, Prod, All, Any over any axes; BiasAddGrad and L2Loss.

As on the CPU, neighbouring axes that are both reduced or both kept are merged, and each group of reduced axes is one pass over
[outer, n, inner], the last group first.  A pass that would keep too few blocks busy is cut into parts of its n, whose results a second
launch brings together.  How it is cut follows from the shape alone: no atomic additions, the same bits in every run and on every device.
"""
from ...core.errors import InvalidArgumentError
from .call import FLOATS, NUMBERS, THREADS, blocks_for, register_gpu_kernel, typed
from .teams import power_above

BLOCKS = 1024                 # that keep a GPU busy: 8 for each of 128 processors
WORTH = 16                    # elements for a thread, at least, where a pass is cut
CLOSE = 512                   # bytes of a page [n, inner] whose columns single threads read: they stay in the L1 cache
SECTOR = 32                   # bytes that memory gives at once: so much of a row one thread may read by itself


def passes_of(shape, axes):
    """[(outer, n, inner)]: the passes that reduce the axes (a set of ints >= 0) of a shape.

    >>> passes_of([8, 3, 5, 7], {0, 2, 3})
    [(24, 35, 1), (1, 8, 3)]
    """
    groups = []                        # [size, is reduced], alternating
    for d, size in enumerate(shape):
        if size == 1:
            continue
        if groups and groups[-1][1] is (d in axes):
            groups[-1][0] *= size
        else:
            groups.append([size, d in axes])
    sizes, passes = [size for size, _ in groups], []
    for at in reversed([k for k, (_, reduced) in enumerate(groups) if reduced]):
        passes.append((_product(sizes[:at]), sizes[at], _product(sizes[at + 1:])))
        sizes[at] = 1
    return passes


def _product(sizes):
    total = 1
    for n in sizes:
        total *= n
    return total


def cut(n, blocks, turn):
    """(parts, length): how n elements of each of so many blocks, whose threads take `turn` of them at a time, are cut into parts."""
    parts = max(1, min(BLOCKS // max(1, blocks), n // (turn * WORTH)))
    length = max(1, -(-n // parts))
    return max(1, -(-n // length)), length


def reduce_pass(call, op, source, target, shape, count=1):
    """Queue target [outer, inner] = op over the n of source [outer, n, inner].

    op      "sum", "squares", "prod", "max" or "min"
    count   what a total is divided by
    """
    outer, n, inner = shape
    dtype, results = source.dtype, outer * inner
    close = n * inner * dtype.size <= (CLOSE if inner > 1 else SECTOR)
    beside = inner >= 32 and (n <= WORTH or results >= BLOCKS * THREADS // 4)      # neighbouring threads read neighbours
    if close or beside:
        return call.launch(typed(op + "_few", dtype), blocks_for(results), THREADS, source, target, results, n, inner, count)
    if inner == 1 and n <= 8 * THREADS:
        lanes = power_above(n)
        return call.launch(typed(op + "_rows", dtype), blocks_for(outer, THREADS // lanes), THREADS, source, target, outer, n, lanes, count)
    width = power_above(inner)
    tiles = outer * -(-inner // width)
    parts, length = cut(n, tiles, THREADS // width)
    partial = target if parts == 1 else call.scratch(dtype, [parts * results])
    blocks, divisor = blocks_for(tiles * parts, 1), count if parts == 1 else 1
    if inner == 1:
        call.launch(typed(op + "_long", dtype), blocks, THREADS, source, partial, outer, n, parts, length, divisor)
    else:
        call.launch(typed(op + "_columns", dtype), blocks, THREADS, source, partial, outer, n, inner, parts, length, width, divisor)
    if parts > 1:
        reduce_pass(call, _AGAIN.get(op, op), partial, target, (outer, parts, 1) if inner == 1 else (1, parts, results), count)


_AGAIN = {"squares": "sum"}            # what brings partial results together


def reduce_axes(call, op, x, out, axes, mean=False):
    """Queue out = op over the axes (a set of ints >= 0) of x, or the mean."""
    count = _product([x.shape[d] for d in axes]) if mean else 1
    passes = passes_of(x.shape, axes) if x.size else [(out.size, 0, 1)]
    if not passes:
        return call.copy(out, x)
    for k, shape in enumerate(passes):
        last = k == len(passes) - 1
        target = out if last else call.scratch(x.dtype, [shape[0] * shape[2]])
        reduce_pass(call, op, x, target, shape, count if last else 1)
        x = target


def axes_of(call):
    """The set of axes that the second input lists."""
    x, axes = call.inputs[0], call.inputs[1].value.ravel().tolist()
    rank = len(x.shape)
    for axis in axes:
        if not -rank <= axis < rank:
            raise InvalidArgumentError(None, None, f"Invalid reduction dimension ({axis} for input with {rank} dimension(s)")
    return {axis % rank for axis in axes}


def _register(op_type, op, source, **constraints):
    @register_gpu_kernel(op_type, source=source, **constraints)
    def reduce(call):
        reduce_axes(call, op, call.inputs[0], call.outputs[0], axes_of(call), op_type == "Mean")


_register("Sum", "sum", "reduce_sum.cu", T=NUMBERS)
_register("Mean", "sum", "reduce_sum.cu", T=NUMBERS)
_register("Prod", "prod", "reduce_prod.cu", T=NUMBERS)
_register("Max", "max", "reduce_max.cu", T=NUMBERS)
_register("Min", "min", "reduce_min.cu", T=NUMBERS)
_register("Any", "max", "reduce_max.cu")
_register("All", "min", "reduce_min.cu")


@register_gpu_kernel("BiasAddGrad", source="reduce_sum.cu", T=NUMBERS)
def bias_add_grad(call):
    """The sum over all axes but the last."""
    x = call.inputs[0]
    reduce_axes(call, "sum", x, call.outputs[0], set(range(len(x.shape) - 1)))


@register_gpu_kernel("L2Loss", source="reduce_sum.cu", T=FLOATS)
def l2_loss(call):
    """Half the sum of the squares."""
    t = call.inputs[0]
    reduce_pass(call, "squares", t, call.outputs[0], (1, t.size, 1), count=2)
