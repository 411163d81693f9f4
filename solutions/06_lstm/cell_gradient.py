"""The way back through an LSTM step (6 points)

A step of the LSTM as one op, LSTMBlockCell, is faster than the twenty that it replaces, and so is the way back as one op,
LSTMBlockCellGrad.  Nobody differentiates such an op for you: work its gradient out by hand, and write its kernel.

Forwards, with z the four parts [i, j, f, o] of  [x, h_prev] w + b,  all of them [batch, n], this was computed:

    i  = sigmoid(z_i + wci * cs_prev)              f  = sigmoid(z_f + forget_bias + wcf * cs_prev)             ci = tanh(z_j)
    cs = f * cs_prev + i * ci                      kept between -cell_clip and cell_clip, if cell_clip is above 0
    o  = sigmoid(z_o + wco * cs)                   co = tanh(cs)                                               h = o * co

without the terms of wci, wcf and wco (the peepholes) where use_peephole is False.

    attrs           "use_peephole" (bool) and "cell_clip" (float; 0 or less: no clip)
    x, cs_prev, h_prev, w, wci, wcf, wco, b         what the step was given; x, h_prev, w and b are not needed here
    i, cs, f, o, ci, co                             what it computed, as above
    cs_grad, h_grad                                 the gradients of cs and of h that arrive from behind, [batch, n] each
    returns         a tuple of five arrays:
        cs_prev_grad    [batch, n], the gradient of cs_prev
        dicfo           [batch, 4n], the gradients of z_i, z_j, z_f, z_o, side by side
        wci_grad, wcf_grad, wco_grad       [n], summed over the batch; zeros where use_peephole is False

cs has effects on three sides: cs_grad is the one of the next step; the others go by h and, with peepholes, by o.  Where cs was clipped (cs
is at -cell_clip or cell_clip) it did not depend on i, f, ci and cs_prev, so nothing goes back to them through it.

Example: one unit, no peepholes, no clip, z all 0, forget_bias 0, cs_prev = 2.  Then i = f = o = 0.5, ci = 0, cs = 1, co = 0.7616, h =
0.3808.  With cs_grad = 0 and h_grad = 1: cs receives o * (1 - co * co) = 0.2100, cs_prev half of that, 0.1050; z_i 0, for ci is 0; z_j
0.1050; z_f 0.2100 * 2 * 0.25 = 0.1050; z_o 0.7616 * 0.25 = 0.1904.

All arrays are float64, none may be written to, and there may be no example.     Replaces the kernel of LSTMBlockCellGrad for float64.

make grade CH=06
"""
import numpy as np


def lstm_block_cell_grad(attrs, x, cs_prev, h_prev, w, wci, wcf, wco, b, i, cs, f, o, ci, co, cs_grad, h_grad):
    """(cs_prev_grad, dicfo, wci_grad, wcf_grad, wco_grad); no argument may be changed, so no `cs_grad += ...`."""
    ### BEGIN SOLUTION
    peephole, clip = attrs["use_peephole"], attrs["cell_clip"]
    to_o = h_grad * co * o * (1 - o)
    to_cs = cs_grad + h_grad * o * (1 - co * co)
    if peephole:
        to_cs = to_cs + to_o * wco
    if clip > 0:
        to_cs = np.where(np.abs(cs) < clip, to_cs, 0)
    to_i = to_cs * ci * i * (1 - i)
    to_j = to_cs * i * (1 - ci * ci)
    to_f = to_cs * cs_prev * f * (1 - f)
    to_cs_prev = to_cs * f
    if peephole:
        to_cs_prev = to_cs_prev + to_i * wci + to_f * wcf
        views = (to_i * cs_prev).sum(axis=0), (to_f * cs_prev).sum(axis=0), (to_o * cs).sum(axis=0)
    else:
        views = np.zeros_like(wci), np.zeros_like(wcf), np.zeros_like(wco)
    return (to_cs_prev, np.concatenate([to_i, to_j, to_f, to_o], axis=1), *views)
    ### END SOLUTION
