"""Gates that see the memory (3 points)

When the output gate is shut, h is 0, and the gates of the next step know nothing of what is in the memory.  Gers and Schmidhuber (2000)
gave them a view of it, one weight for each unit and gate: peepholes.  With them a cell learns to measure time.

Write `peephole_step`.

    gates            float tensor [batch, 4n]: what the gates i, j, f, o have before their functions, in this order, side by side
    c                [batch, n], the memory
    forget_bias      a number, added to f
    w_i, w_f, w_o    [n], the peepholes
    cell_clip        None, or a positive number: then the new memory is kept between -cell_clip and cell_clip
    activation       of j and of the memory on its way out
    returns          (new c, new h), both [batch, n]

    new c = sigmoid(f + forget_bias + w_f * c) * c + sigmoid(i + w_i * c) * activation(j)
    new h = sigmoid(o + w_o * new c) * activation(new c)

i and f see the memory as it was, o sees it as it is now, clipped if it is to be clipped.

Example: one unit, gates all 0, c = 2, forget_bias 0, w_i = w_f = w_o = 1, no clip: f is open by sigmoid(2) = 0.8808, j is 0, so the new c
is 1.7616; o is open by sigmoid(1.7616) = 0.8534, and the new h is 0.8534 * tanh(1.7616) = 0.8045.  With cell_clip = 1 the new c is 1, and
the new h 0.7311 * tanh(1) = 0.5568.

Replaces minitf.nn.lstm_cells.peephole_step.     make grade CH=06
"""
import minitf as tf


def peephole_step(gates, c, forget_bias, w_i, w_f, w_o, cell_clip=None, activation=tf.tanh):
    """(new c, new h)"""
    raise NotImplementedError("write this")
