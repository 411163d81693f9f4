"""The gradient of the fused LSTM cell: one op for the gates, and the two products that any layer's gradient has."""
from ..core.registry import register_gradient
from ..ops import slice_ops
from ..ops.apply import apply_op
from .broadcasting import shape_of
from .nn_grad import is_zero


@register_gradient("LSTMBlockCell")
def _lstm_block_cell(op, *grads):
    """From cs and h; what the other outputs hold is for this function, and gradients of them are refused."""
    for place in (0, 2, 3, 4, 5):
        if not is_zero(grads[place]):
            raise ValueError(f"LSTMBlockCell ({op.name!r}) has gradients for its outputs cs and h alone, not for {op.op_def.outputs[place].name}: "
                             "use BasicLSTMCell, whose gates are tensors like any other")
    x, cs_prev, h_prev, w, wci, wcf, wco, b = op.inputs
    i, cs, f, o, ci, co, _ = op.outputs
    cs_prev_grad, dicfo, wci_grad, wcf_grad, wco_grad = apply_op(
        "LSTMBlockCellGrad", *op.inputs, i, cs, f, o, ci, co, grads[1], grads[6], use_peephole=op.attrs["use_peephole"], cell_clip=op.attrs["cell_clip"])
    into = apply_op("MatMul", dicfo, w, transpose_b=True)
    depth, units = x.get_shape()[-1].value, h_prev.get_shape()[-1].value
    if None in (depth, units):
        depth = apply_op("Slice", shape_of(x), [1], [1])
        x_grad = apply_op("Slice", into, [0, 0], slice_ops.concat([[-1], depth], 0))
        h_grad = apply_op("Slice", into, slice_ops.concat([[0], depth], 0), [-1, -1])
    else:
        x_grad, h_grad = slice_ops.split(into, [depth, units], axis=1)
    w_grad = apply_op("MatMul", slice_ops.concat([x, h_prev], 1), dicfo, transpose_a=True)
    peepholes = (wci_grad, wcf_grad, wco_grad) if op.attrs["use_peephole"] else (None, None, None)
    return x_grad, cs_prev_grad, h_grad, w_grad, *peepholes, apply_op("BiasAddGrad", dicfo)


@register_gradient("LSTMBlockCellGrad")
def _lstm_block_cell_grad(op, *grads):
    raise LookupError(f"No second derivatives are defined for LSTMBlockCell (operation {op.name!r}): use BasicLSTMCell or LSTMCell, which have the same "
                      "variables and are made of ops with derivatives of any order")
