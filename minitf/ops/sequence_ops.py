"""Ops that make or undo numberings: ranges, permutations, one-hot rows, the distinct values of a vector."""
import math

import numpy as np

from ..core.dtypes import as_dtype
from ..core.registry import register_op
from ..core.shapes import TensorShape
from ..graph import convert_to_tensor, name_scope
from .apply import apply_op
from .constant_op import constant
from .shape_fns import INDEX, NUMBER, SMALL, axis_in, value_from_constants, with_rank


@register_op("Range", ["start: Tidx", "limit: Tidx", "delta: Tidx"], ["output: Tidx"], [f"Tidx: {NUMBER} = int32"])
def range_shape(c):
    for i in (0, 1, 2):
        with_rank(c, i, 0)
    start, limit, delta = c.constant(0), c.constant(1), c.constant(2)
    if start is None or limit is None or delta is None:
        return [TensorShape([None])]
    start, limit, delta = start.item(), limit.item(), delta.item()
    if not all(map(math.isfinite, (start, limit, delta))):
        raise ValueError(f"Requires finite start, limit and delta: {start}/{limit}/{delta}")
    if delta == 0:
        raise ValueError("Requires delta != 0")
    if (limit - start) * delta < 0:
        raise ValueError(f"Requires start {'<=' if delta > 0 else '>='} limit when delta {'>' if delta > 0 else '<'} 0: {start}/{limit}")
    if isinstance(start, int):
        return [TensorShape([-((start - limit) // delta)])]
    return [TensorShape([math.ceil(abs((limit - start) / delta))])]


def _range_value(c, start, limit, delta):
    return np.arange(start, limit, delta, dtype=start.dtype) if delta and abs(limit - start) <= SMALL * abs(delta) else None


value_from_constants("Range", _range_value)


@register_op("InvertPermutation", ["x: T"], ["y: T"], [f"T: {INDEX} = int32"])
def invert_permutation_shape(c):
    return [TensorShape(with_rank(c, 0, 1))]


value_from_constants("InvertPermutation", lambda c, x: np.argsort(x).astype(x.dtype))


@register_op("OneHot", ["indices: TI", "depth: int32", "on_value: T", "off_value: T"], ["output: T"],
             ["T: type", "TI: {uint8, int32, int64} = int64", "axis: int = -1"])
def one_hot_shape(c):
    for i in (1, 2, 3):
        with_rank(c, i, 0)
    shape, depth = c.inputs[0], c.constant(1)
    if shape.ndims is None:
        return [shape]
    if depth is not None and depth < 0:
        raise ValueError(f"depth must be non-negative, got {depth}")
    dims = shape.as_list()
    at = axis_in(c.attrs["axis"], len(dims) + 1, c)
    return [TensorShape(dims[:at] + [None if depth is None else int(depth)] + dims[at:])]


@register_op("Unique", ["x: T"], ["y: T", "idx: out_idx"], ["T: type", f"out_idx: {INDEX} = int32"], is_dynamic=True)
def unique_shape(c):
    return [TensorShape([None]), TensorShape(with_rank(c, 0, 1))]


def range(start, limit=None, delta=1, dtype=None, name="range"):
    """start, start + delta, ... below limit; range(n) counts from 0.

    The dtype is the widest among the arguments', in the order int32, int64, float32, float64, unless given.
    """
    if limit is None:
        start, limit = 0, start
    with name_scope(name, "range", [start, limit, delta]) as name:
        arguments = [convert_to_tensor(value, dtype=dtype, name=n) for value, n in ((start, "start"), (limit, "limit"), (delta, "delta"))]
        if dtype is None:
            order = ["int32", "int64", "float32", "float64"]
            widest = max((a.dtype.base_dtype for a in arguments), key=lambda d: order.index(d.name))
            arguments = [a if a.dtype.base_dtype == widest else apply_op("Cast", a, DstT=widest) for a in arguments]
        return apply_op("Range", *arguments, name=name)


def linspace(start, stop, num, name=None):
    """num evenly spaced numbers from start to stop, both included.  num: a Python int."""
    with name_scope(name, "LinSpace", [start, stop]) as name:
        start = convert_to_tensor(start, name="start")
        stop = convert_to_tensor(stop, dtype=start.dtype.base_dtype, name="stop")
        dtype = start.dtype.base_dtype
        if not dtype.is_floating:
            raise TypeError(f"Value passed to parameter 'start' has DataType {dtype.name}, not in list of allowed values: float32, float64")
        if num < 1:
            raise ValueError(f"Requires num > 0: {num}")
        # The weights are exact at both ends, so the first and last elements are start and stop themselves.
        weights = np.linspace(0, 1, num, dtype=dtype.as_numpy_dtype)
        return apply_op("Add", apply_op("Mul", start, constant(1 - weights, dtype)), apply_op("Mul", stop, constant(weights, dtype)), name=name)


lin_space = linspace


def one_hot(indices, depth, on_value=None, off_value=None, axis=None, dtype=None, name=None):
    """Each index i becomes a vector of length `depth` with on_value (1) at i and off_value (0) elsewhere, along `axis` (-1).

    An index outside [0, depth) gives off_value everywhere.  dtype: that of on_value and off_value if given, else float32.
    """
    with name_scope(name, "one_hot", [indices, depth, on_value, off_value]) as name:
        given = [convert_to_tensor(v, dtype=dtype).dtype.base_dtype for v in (on_value, off_value) if v is not None]
        if len(given) == 2 and given[0] != given[1]:
            raise TypeError(f"dtype {given[0].name} of on_value does not match dtype {given[1].name} of off_value")
        dtype = as_dtype(dtype or (given[0] if given else "float32"))
        one, zero = dtype.as_numpy_dtype(1), dtype.as_numpy_dtype(0)
        on_value = convert_to_tensor(one if on_value is None else on_value, dtype=dtype, name="on_value")
        off_value = convert_to_tensor(zero if off_value is None else off_value, dtype=dtype, name="off_value")
        return apply_op("OneHot", convert_to_tensor(indices, name="indices"), depth, on_value, off_value,
                        axis=-1 if axis is None else axis, name=name)


def invert_permutation(x, name=None):
    """y with y[x[i]] = i, for a vector x that holds 0..n-1 in some order."""
    return apply_op("InvertPermutation", x, name=name)


def unique(x, out_idx="int32", name=None):
    """(y, idx): the distinct elements of a vector in order of first appearance, and for each element its place in y."""
    return apply_op("Unique", x, out_idx=out_idx, name=name)
