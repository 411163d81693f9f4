"""Slice, StridedSlice and the adjoint of StridedSlice: a box of a whole array, and that box in an array of zeros.

Where a slice begins may be known only when the step runs, and on the device.  Then one thread looks first, checks, and leaves the place to the
kernel that moves the box; what does not fit is told after the step, in the CPU kernel's words.  Where the beginning is known now, it costs nothing.
"""
import ctypes
import math

from ...core.dtypes import int64
from ...core.errors import InvalidArgumentError
from ...core.strided import NEW, SHRINK, layout
from .call import register_gpu_kernel, typed
from .moves import frame, move, move_at
from .words import MOVED, strides_of

MOST_DIMENSIONS = 8


class Slice(ctypes.Structure):
    _fields_ = [("rank", ctypes.c_int), *[(name, ctypes.c_int * MOST_DIMENSIONS) for name in ("size", "taken", "stride")]]


class StridedAxis(ctypes.Structure):
    """place: in begin, end and strides.  size and stride: of the whole array.  step, count: of the elements taken."""
    _fields_ = [(name, ctypes.c_int) for name in ("place", "shrinks", "has_begin", "has_end", "size", "stride", "step", "count")]


class StridedSlice(ctypes.Structure):
    _fields_ = [("rank", ctypes.c_int), ("axes", StridedAxis * MOST_DIMENSIONS)]


@register_gpu_kernel("Slice", source="moves.cu", T=MOVED)
def slice_(call):
    x, begin, y = call.inputs[0], call.inputs[1], call.outputs[0]
    strides, row = strides_of(x.shape), (ctypes.c_int * MOST_DIMENSIONS)
    axes = list(zip(y.shape, strides_of(y.shape), strides))

    def low(value, k):
        return f"Expected begin[{k}] in [0, {x.shape[k]}], but got {value}"

    def large(value, k):
        return f"Expected size[{k}] in [0, {x.shape[k] - value}], but got {y.shape[k]}"

    if begin.value is not None:
        first = begin.value.tolist()
        for k in reversed(range(len(first))):
            if not 0 <= first[k] <= x.shape[k]:
                raise InvalidArgumentError(None, None, low(first[k], k))
            if y.shape[k] > x.shape[k] - first[k]:
                raise InvalidArgumentError(None, None, large(first[k], k))
        move(call, y, x, axes, since=sum(n * step for n, step in zip(first, strides)))
        return
    place = call.scratch(int64, (1,))
    call.launch(typed("slice_begin", begin.dtype), 1, 1, place, begin, Slice(len(x.shape), row(*x.shape), row(*y.shape), row(*strides)),
                call.flag(low), call.flag(large))
    move_at(call, y, x, axes, place, math.gcd(*[step for step, n, taken in zip(strides, x.shape, y.shape) if taken < n]))


@register_gpu_kernel("StridedSlice", source="moves.cu", T=MOVED)
def strided_slice(call):
    x, begin, end, strides = call.inputs
    y = call.outputs[0]
    axes = _axes(call.attrs, x, y, begin, strides)
    sizes = strides_of(y.shape)
    box = [(axis.count, 0 if out is None else sizes[out], axis.step * axis.stride) for axis, out in axes]
    if begin.value is not None and end.value is not None:
        firsts = _firsts(axes, begin.value.tolist(), end.value.tolist())
        move(call, y, x, box, since=sum(first * axis.stride for first, (axis, _) in zip(firsts, axes)))
    else:
        move_at(call, y, x, box, _found(call, axes, begin, end), _grain(axes))


@register_gpu_kernel("StridedSliceGrad", source="moves.cu", T=MOVED)
def strided_slice_grad(call):
    _, begin, end, strides, dy = call.inputs
    dx = call.outputs[0]
    axes = _axes(call.attrs, dx, dy, begin, strides)
    sizes = strides_of(dy.shape)
    steps = [0 if out is None else sizes[out] for _, out in axes]
    if begin.value is not None and end.value is not None:
        framed, since = [], 0
        for (axis, _), step, first in zip(axes, steps, _firsts(axes, begin.value.tolist(), end.value.tolist())):
            if axis.step < 0 and axis.count:                     # from its last element on, which lies before the others
                first, since, step = first + (axis.count - 1) * axis.step, since + (axis.count - 1) * step, -step
            framed.append((axis.size, first, axis.count, abs(axis.step), step))
        frame(call, dx, dy, framed, since=since)
    else:
        call.zero(dx)
        box = [(axis.count, axis.step * axis.stride, step) for (axis, _), step in zip(axes, steps)]
        move_at(call, dx, dy, box, _found(call, axes, begin, end), _grain(axes), into_target=True)


def _axes(attrs, whole, part, begin, strides):
    """[(StridedAxis, the part's axis, or None for an index)] of the whole array's axes."""
    mask = attrs.get
    try:
        kinds = layout(len(whole.shape), begin.size, mask("ellipsis_mask", 0), mask("new_axis_mask", 0), mask("shrink_axis_mask", 0))
    except ValueError as error:
        raise InvalidArgumentError(None, None, str(error)) from None
    steps, axes, out, stride = strides.value.tolist(), [], 0, strides_of(whole.shape)
    for kind, place in kinds:
        if kind == NEW:
            out += 1
            continue
        k, shrinks = len(axes), kind == SHRINK
        step = 1 if place is None or shrinks else steps[place]
        if step == 0:
            raise InvalidArgumentError(None, None, f"strides[{place}] must be non-zero")
        step = max(-2**31 + 1, min(step, 2**31 - 1))             # beyond the axis is beyond it, and then one element at most is taken
        has_begin, has_end = (place is not None and not mask(name, 0) >> place & 1 for name in ("begin_mask", "end_mask"))
        axes.append((StridedAxis(-1 if place is None else place, shrinks, has_begin, has_end, whole.shape[k], stride[k], step,
                                 1 if shrinks else part.shape[out]), None if shrinks else out))
        out += not shrinks
    return axes


def _outside(value, k):
    return f"slice index {value} of dimension {k} out of bounds."


def _other(axes):
    return lambda count, k: (f"The slice takes {count} of the {axes[k][0].size} elements of dimension {k}, "
                             f"and the shape of the other side says {axes[k][0].count}")


def _firsts(axes, begin, end):
    """The index at which the slice starts, for each axis of the whole array."""
    firsts = []
    for k, (axis, _) in enumerate(axes):
        if axis.shrinks:
            first = begin[axis.place]
            if not -axis.size <= first < axis.size:
                raise InvalidArgumentError(None, None, _outside(first, k))
            firsts.append(first % axis.size)
            continue
        taken = range(*slice(begin[axis.place] if axis.has_begin else None, end[axis.place] if axis.has_end else None, axis.step).indices(axis.size))
        if len(taken) != axis.count:
            raise InvalidArgumentError(None, None, _other(axes)(len(taken), k))
        firsts.append(taken.start if axis.count else 0)
    return firsts


def _found(call, axes, begin, end):
    """The place of the slice's first element, which a kernel finds."""
    place = call.scratch(int64, (1,))
    described = StridedSlice(len(axes), (StridedAxis * MOST_DIMENSIONS)(*[axis for axis, _ in axes]))
    call.launch(typed("strided_begin", begin.dtype), 1, 1, place, begin, end, described, call.flag(_outside), call.flag(_other(axes)))
    return place


def _grain(axes):
    """What the place of the first element is a multiple of: the distances along the axes that are not taken whole."""
    return math.gcd(*[axis.stride for axis, _ in axes if axis.count != axis.size or axis.step != 1])
