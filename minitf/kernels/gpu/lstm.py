"""The LSTM cell and its pass backward.  See lstm.cu."""
from .call import FLOATS, THREADS, blocks_for, register_gpu_kernel, typed

TILE = 32                    # rows and units of a block


@register_gpu_kernel("LSTMBlockCell", source="lstm.cu", T=FLOATS)
def lstm_cell(call):
    """x, cs_prev, h_prev, w, wci, wcf, wco, b -> i, cs, f, o, ci, co, h."""
    x, cs_prev = call.inputs[:2]
    (rows, depth), n, number = x.shape, cs_prev.shape[1], x.dtype.as_numpy_dtype
    call.launch(typed("lstm_cell", x.dtype), (-(-n // TILE), -(-rows // TILE)), THREADS, *call.inputs, *call.outputs, rows, depth, n,
                number(call.attrs["forget_bias"]), number(call.attrs["cell_clip"]), call.attrs["use_peephole"])


@register_gpu_kernel("LSTMBlockCellGrad", source="lstm.cu", T=FLOATS)
def lstm_cell_grad(call):
    """x, cs_prev, h_prev, w, wci, wcf, wco, b, i, cs, f, o, ci, co, cs_grad, h_grad -> cs_prev_grad, dicfo, wci_, wcf_, wco_grad."""
    _, cs_prev, _, _, wci, wcf, wco, _, i, cs, *others = call.inputs
    cs_prev_grad, dicfo, *peephole_grads = call.outputs
    (rows, n), number, peephole = cs_prev.shape, cs_prev.dtype.as_numpy_dtype, call.attrs["use_peephole"]
    call.launch(typed("lstm_cell_grad", cs_prev.dtype), blocks_for(rows * n), THREADS, cs_prev, wci, wcf, wco, i, cs, *others,
                cs_prev_grad, dicfo, rows, n, number(call.attrs["cell_clip"]), peephole)
    if peephole:
        call.launch(typed("lstm_peephole_grad", cs_prev.dtype), (-(-n // TILE), 3), THREADS, dicfo, cs_prev, cs, *peephole_grads, rows, n)
        return
    for grad in peephole_grads:
        call.zero(grad)
