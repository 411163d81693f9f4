"""Gradients of running sums and products."""
from ..core.registry import register_gradient
from ..graph import constant_value
from ..ops import array_ops, cumulative_ops, math_ops, slice_ops


@register_gradient("Cumsum")
def _cumsum(op, grad):
    """Element k is in the sums from k on: the running sum from the other end."""
    exclusive, reverse = op.get_attr("exclusive"), op.get_attr("reverse")
    return cumulative_ops.cumsum(grad, op.inputs[1], exclusive, not reverse), None


@register_gradient("Cumprod")
def _cumprod(op, grad):
    """dx[k] = P[k] s[k], where P[k] is the product of the elements before k and s[k] = grad[k] + x[k+1] s[k+1].

    With a known number of elements the recurrence is solved in log2(n) doubling steps (Hillis & Steele, 1986), so zeros are no special case,
    in second derivatives either.  Otherwise the products are divided by the element, which is right where none is zero.
    """
    x, axis = op.inputs
    exclusive, reverse = op.get_attr("exclusive"), op.get_attr("reverse")
    known, rank = constant_value(axis), x._shape.ndims
    n = None if known is None or rank is None else x._shape.tuple[int(known) % rank]
    if n is None:
        total = cumulative_ops.cumsum(op.outputs[0] * grad, axis, exclusive, not reverse)
        return math_ops.realdiv(total, x), None
    if n == 0:
        return array_ops.zeros_like(x), None
    line = _Line(int(known) % rank, rank, n, reverse)
    before = cumulative_ops.cumprod(x, axis, True, reverse)
    s = line.ahead(grad, 1, 0.0) if exclusive else grad
    factor, step = line.ahead(x, 1, 1.0), 1
    while step < n:
        s = s + factor * line.ahead(s, step, 0.0)
        factor = factor * line.ahead(factor, step, 1.0)
        step *= 2
    return before * s, None


class _Line:
    """The axis along which products run, and their direction."""

    def __init__(self, axis, rank, n, reverse):
        self.axis, self.rank, self.n, self.reverse = axis, rank, n, reverse

    def ahead(self, x, k, beyond):
        """Each element replaced by the one k places further on; `beyond` where there is none."""
        begin, size = [0] * self.rank, [-1] * self.rank
        begin[self.axis], size[self.axis] = 0 if self.reverse else k, self.n - k
        kept = slice_ops.slice(x, begin, size)
        begin[self.axis], size[self.axis] = 0, k
        edge = slice_ops.slice(x, begin, size)
        filled = array_ops.ones_like(edge) if beyond else array_ops.zeros_like(edge)
        return slice_ops.concat([filled, kept] if self.reverse else [kept, filled], self.axis)
