"""Gradients of reductions: what was added up is spread out again."""
from ..core.registry import not_differentiable, register_gradient
from ..ops import array_ops, logical_ops, math_ops, reduction_ops, slice_ops
from ..ops.complex_ops import conj
from .broadcasting import reduced_axes, reduced_count, restore_axes, shape_of

for _op_type in ("All", "Any", "ArgMax", "ArgMin"):
    not_differentiable(_op_type)


@register_gradient("Sum")
def _sum(op, grad):
    return _spread(op, grad), None


@register_gradient("Mean")
def _mean(op, grad):
    """The gradient of the sum, over the number of elements: divided before it is spread, where it is smaller."""
    count = reduced_count(op)
    if not isinstance(count, int):
        count = math_ops.cast(count, grad.dtype)
    return _spread(op, math_ops.realdiv(grad, count)), None


def _spread(op, grad):
    """grad, of the reduced shape, repeated along the reduced axes."""
    if reduced_axes(op) == []:
        return grad
    return array_ops.broadcast_to(restore_axes(op, grad), shape_of(op.inputs[0]))


@register_gradient("Max")
@register_gradient("Min")
def _extreme(op, grad):
    """grad goes to the elements that are the extreme; several share it equally."""
    x = op.inputs[0]
    chosen = math_ops.cast(logical_ops.equal(restore_axes(op, op.outputs[0]), x), grad.dtype)
    ties = reduction_ops.reduce_sum(chosen, op.inputs[1], True)
    return chosen * math_ops.realdiv(restore_axes(op, grad), ties), None


@register_gradient("Prod")
def _prod(op, grad):
    """For each element the product of the others, times grad.

    With a known number of elements the products before and after each are computed in log2(n) doubling steps (Hillis & Steele,
    1986): no division, so zeros are no special case, in second derivatives either.
    """
    axes, count = reduced_axes(op), reduced_count(op)
    grad = restore_axes(op, grad)
    if axes is None or not isinstance(count, int):
        return grad * conj(_others_by_division(op)), None
    if count < 2:
        return grad * array_ops.ones_like(op.inputs[0]), None
    x = op.inputs[0]
    rank = x._shape.ndims
    order = [axis for axis in range(rank) if axis not in axes] + axes
    if order != list(range(rank)):
        x = array_ops.transpose(x, order)
    rows = array_ops.reshape(x, [-1, count])
    others = array_ops.reshape(_products(rows, count, True) * _products(rows, count, False), shape_of(x))
    if order != list(range(rank)):
        others = array_ops.transpose(others, [order.index(axis) for axis in range(rank)])
    return grad * conj(others), None


def _products(rows, n, before):
    """[m, n]: for each element of a row the product of those before it (or after it)."""
    def shifted(x, k):
        start = 0 if before else k
        ones = array_ops.ones_like(slice_ops.slice(x, [0, 0], [-1, k]))
        kept = slice_ops.slice(x, [0, start], [-1, n - k])
        return slice_ops.concat([ones, kept] if before else [kept, ones], 1)

    result, k = shifted(rows, 1), 1
    while k < n - 1:
        result, k = result * shifted(result, k), 2 * k
    return result


def _others_by_division(op):
    """The product of the other elements, where their number is not known: of the nonzero ones, divided by the element itself.

    Its own derivative is right where no element is zero.
    """
    x, axes = op.inputs
    is_zero = logical_ops.equal(x, 0.0)
    zeros = math_ops.cast(is_zero, x.dtype.base_dtype)
    nonzero = logical_ops.where(is_zero, array_ops.ones_like(x), x)
    count = reduction_ops.reduce_sum(zeros, axes, True)
    product = reduction_ops.reduce_prod(nonzero, axes, True)
    none = math_ops.cast(logical_ops.equal(count, 0.0), x.dtype.base_dtype)
    one = math_ops.cast(logical_ops.equal(count, 1.0), x.dtype.base_dtype)
    return math_ops.realdiv(product * (zeros * one + (1.0 - zeros) * none), nonzero)
