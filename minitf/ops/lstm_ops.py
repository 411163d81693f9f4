"""The LSTM cell as one op: LSTMBlockCell computes a step, LSTMBlockCellGrad what goes back through its gates.

Both keep what the gates were, [batch, n] each: i, f and o after the sigmoid, ci = tanh(j), cs the new memory and co = tanh(cs).  The gates
lie in the columns of w and b in the order i, j, f, o, which is that of BasicLSTMCell's kernel.
"""
from ..core.registry import register_op
from ..core.shapes import TensorShape
from .apply import apply_op
from .shape_fns import FLOAT, argument, merge_dims, with_rank

WEIGHTS = ["w: T", "wci: T", "wcf: T", "wco: T", "b: T"]


def _sizes(c):
    """(batch, units) of x, cs_prev, h_prev, w, wci, wcf, wco, b, which are inputs 0 to 7; ValueError if they do not fit together."""
    (batch, depth), units = with_rank(c, 0, 2), None
    for i in (1, 2):
        rows, columns = with_rank(c, i, 2)
        batch, units = merge_dims(c, batch, rows, 0, i), merge_dims(c, units, columns, 1, i)
    rows, columns = with_rank(c, 3, 2)
    for i in (4, 5, 6):
        units = merge_dims(c, units, with_rank(c, i, 1)[0], 1, i)
    columns = merge_dims(c, columns, with_rank(c, 7, 1)[0], 3, 7)
    if None not in (units, columns) and columns != 4 * units:
        raise ValueError(f"{c.op_type}: w and b need 4 columns for each of the {units} units of cs_prev, got {argument(c, 3)}, {argument(c, 7)}")
    if None not in (units, rows, depth) and rows != depth + units:
        raise ValueError(f"{c.op_type}: w needs a row for each of x's {depth} columns and h_prev's {units}, got {argument(c, 3)}")
    return batch, units if units is not None else None if columns is None else columns // 4


@register_op("LSTMBlockCell", ["x: T", "cs_prev: T", "h_prev: T", *WEIGHTS], ["i: T", "cs: T", "f: T", "o: T", "ci: T", "co: T", "h: T"],
             ["forget_bias: float = 1.0", "cell_clip: float = 3.0", "use_peephole: bool = False", f"T: {FLOAT}"])
def lstm_block_cell_shape(c):
    return [TensorShape(_sizes(c))] * 7


@register_op("LSTMBlockCellGrad", ["x: T", "cs_prev: T", "h_prev: T", *WEIGHTS, "i: T", "cs: T", "f: T", "o: T", "ci: T", "co: T", "cs_grad: T", "h_grad: T"],
             ["cs_prev_grad: T", "dicfo: T", "wci_grad: T", "wcf_grad: T", "wco_grad: T"],
             ["use_peephole: bool", "cell_clip: float = -1.0", f"T: {FLOAT}"])
def lstm_block_cell_grad_shape(c):
    """cell_clip: where cs was clipped nothing goes back.  TensorFlow's op does not have it, and lets the gradient through there."""
    batch, units = _sizes(c)
    for i in range(8, 16):
        rows, columns = with_rank(c, i, 2)
        batch, units = merge_dims(c, batch, rows, 1, i), merge_dims(c, units, columns, 1, i)
    return [TensorShape([batch, units]), TensorShape([batch, None if units is None else 4 * units])] + [TensorShape([units])] * 3


def lstm_block_cell(x, cs_prev, h_prev, w, wci, wcf, wco, b, forget_bias=1.0, cell_clip=None, use_peephole=False, name=None):
    """(i, cs, f, o, ci, co, h) of a step: x [batch, depth], cs_prev and h_prev [batch, n], w [depth + n, 4n], wci, wcf, wco [n], b [4n].

    forget_bias is added to the forget gate; cs is kept within ±cell_clip, if that is given; wci, wcf, wco count with use_peephole only.
    Gradients flow back from cs and h.
    """
    return apply_op("LSTMBlockCell", x, cs_prev, h_prev, w, wci, wcf, wco, b, forget_bias=float(forget_bias),
                    cell_clip=-1.0 if cell_clip is None else float(cell_clip), use_peephole=bool(use_peephole), name=name)
