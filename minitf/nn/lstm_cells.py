"""The LSTM cells (Hochreiter and Schmidhuber, 1997; with a forget gate as in Gers, Schmidhuber and Cummins, 2000).

The four gates come from one product, gates = [inputs, h] kernel + bias, and lie side by side in the order i, j, f, o:

    c' = sigmoid(f + forget_bias) * c + sigmoid(i) * tanh(j)
    h' = sigmoid(o) * tanh(c')

With one unit, c = 2, all four gates 0 and forget_bias 1: c' = 0.731 * 2 + 0.5 * 0 = 1.462, h' = 0.5 * tanh(1.462) = 0.449.
"""
import collections

from ..core.swap import swappable
from ..ops import array_ops, clip_ops, init_ops, lstm_ops, matmul_ops, slice_ops
from ..ops.math_ops import sigmoid, tanh
from ..ops.partitioned_variables import fixed_size_partitioner
from .cells import RNNCell, describe, known, linear


class LSTMStateTuple(collections.namedtuple("LSTMStateTuple", ("c", "h"))):
    """The state of an LSTM: the memory c, and the output h of the step before.  Also a state_size, with two ints."""
    __slots__ = ()

    @property
    def dtype(self):
        if self.c.dtype != self.h.dtype:
            raise TypeError(f"Inconsistent internal state: {self.c.dtype} vs {self.h.dtype}")
        return self.c.dtype


def lstm_step(gates, c, forget_bias, activation=tanh):
    """(new c, new h) from the gates [batch, 4n] and the memory c [batch, n].

    forget_bias is added to the forget gate, so that a cell whose weights are near 0 keeps its memory (Jozefowicz, Zaremba and Sutskever, 2015).
    """
    i, j, f, o = slice_ops.split(gates, 4, axis=1)
    c = sigmoid(f + forget_bias) * c + sigmoid(i) * activation(j)
    return c, sigmoid(o) * activation(c)


@swappable
def peephole_step(gates, c, forget_bias, w_i, w_f, w_o, cell_clip=None, activation=tanh):
    """lstm_step in which the gates see the memory too (Gers and Schmidhuber, 2000): i and f the old one, o the new one.

    w_i, w_f, w_o: one weight per unit, [n].  cell_clip: the new c is kept within ±cell_clip.
    """
    i, j, f, o = slice_ops.split(gates, 4, axis=1)
    c = sigmoid(f + forget_bias + w_f * c) * c + sigmoid(i + w_i * c) * activation(j)
    if cell_clip is not None:
        c = clip_ops.clip_by_value(c, -cell_clip, cell_clip)
    return c, sigmoid(o + w_o * c) * activation(c)


class BasicLSTMCell(RNNCell):
    """The LSTM as in the file's head (Zaremba, Sutskever and Vinyals, 2014), output h.

    forget_bias     added to the forget gate; set it to 0 where a program has it in the bias
    state_is_tuple  True: the state is LSTMStateTuple(c, h); False: c and h side by side in one tensor [batch, 2n], the older form
    Variables kernel [depth + n, 4n] and bias [4n], which begins as zeros.

    >>> cell = tf.nn.rnn_cell.BasicLSTMCell(128)
    >>> h, state = cell(x, cell.zero_state(50, tf.float32))            # for x [50, 65]: kernel [193, 512], h and state.c [50, 128]
    """

    def __init__(self, num_units, forget_bias=1.0, state_is_tuple=True, activation=None, reuse=None, name=None, dtype=None):
        super().__init__(name, reuse, dtype)
        self._num_units, self._forget_bias, self._state_is_tuple, self._activation = num_units, forget_bias, state_is_tuple, activation or tanh

    state_size = property(lambda self: LSTMStateTuple(self._num_units, self._num_units) if self._state_is_tuple else 2 * self._num_units)
    output_size = property(lambda self: self._num_units)

    def build(self, depth):
        self.kernel = self._variable("kernel", [known(self, depth) + self._num_units, 4 * self._num_units])
        self.bias = self._variable("bias", [4 * self._num_units], init_ops.zeros_initializer())

    def call(self, inputs, state):
        c, h = c_and_h(self, state)
        c, h = lstm_step(linear([inputs, h], self.kernel, self.bias), c, self._forget_bias, self._activation)
        return h, pack_state(self, c, h)


class LSTMCell(RNNCell):
    """The LSTM with what it may have besides (Sak, Senior and Beaufays, 2014).

    use_peepholes  the gates see the memory: variables w_f_diag, w_i_diag, w_o_diag [n]
    cell_clip      c is kept within ±cell_clip
    num_proj       h is multiplied by a matrix projection/kernel [n, num_proj], and kept within ±proj_clip if that is given: then h, the output and
                   the kernel's lower part have num_proj instead of n
    initializer    of all weights but the bias
    num_unit_shards, num_proj_shards  into how many pieces to cut the two matrices (see tf.fixed_size_partitioner)
    The other arguments and the variables kernel and bias are those of BasicLSTMCell, and its checkpoints fit, but for the scope's name.
    """

    def __init__(self, num_units, use_peepholes=False, cell_clip=None, initializer=None, num_proj=None, proj_clip=None, num_unit_shards=None,
                 num_proj_shards=None, forget_bias=1.0, state_is_tuple=True, activation=None, reuse=None, name=None, dtype=None):
        super().__init__(name, reuse, dtype)
        self._num_units, self._use_peepholes, self._cell_clip, self._initializer = num_units, use_peepholes, cell_clip, initializer
        self._num_proj, self._proj_clip, self._forget_bias, self._state_is_tuple = num_proj, proj_clip, forget_bias, state_is_tuple
        self._num_unit_shards, self._num_proj_shards, self._activation = num_unit_shards, num_proj_shards, activation or tanh

    @property
    def state_size(self):
        if self._state_is_tuple:
            return LSTMStateTuple(self._num_units, self.output_size)
        return self._num_units + self.output_size

    output_size = property(lambda self: self._num_proj or self._num_units)

    def build(self, depth):
        n, pieces = self._num_units, self._num_unit_shards and fixed_size_partitioner(self._num_unit_shards)
        self.kernel = self._variable("kernel", [known(self, depth) + self.output_size, 4 * n], self._initializer, pieces)
        self.bias = self._variable("bias", [4 * n], init_ops.zeros_initializer())
        if self._use_peepholes:
            self.w_f, self.w_i, self.w_o = [self._variable(f"w_{gate}_diag", [n], self._initializer) for gate in "fio"]
        if self._num_proj:
            pieces = self._num_proj_shards and fixed_size_partitioner(self._num_proj_shards)
            self.projection = self._variable("projection/kernel", [n, self._num_proj], self._initializer, pieces)

    def call(self, inputs, state):
        c, h = c_and_h(self, state)
        gates = linear([inputs, h], self.kernel, self.bias)
        if self._use_peepholes:
            c, h = peephole_step(gates, c, self._forget_bias, self.w_i, self.w_f, self.w_o, self._cell_clip, self._activation)
        elif self._cell_clip is not None:
            c, h = _clipped_step(gates, c, self._forget_bias, self._cell_clip, self._activation)
        else:
            c, h = lstm_step(gates, c, self._forget_bias, self._activation)
        if self._num_proj:
            h = matmul_ops.matmul(h, self.projection)
            if self._proj_clip is not None:
                h = clip_ops.clip_by_value(h, -self._proj_clip, self._proj_clip)
        return h, pack_state(self, c, h)


class LSTMBlockCell(RNNCell):
    """LSTMCell as a single op, which computes the product, the gates and the new state at once.

    cell_clip     c is kept within ±cell_clip; None: it is not
    use_peephole  the gates see the memory
    The state is LSTMStateTuple(c, h).  Variables, and so checkpoints, are those of LSTMCell with the same options, and the scope is named
    "lstm_cell" too.  Gradients are of the first order only.

    >>> cell = tf.nn.rnn_cell.LSTMBlockCell(200, forget_bias=0.0)
    """

    def __init__(self, num_units, forget_bias=1.0, cell_clip=None, use_peephole=False, dtype=None, reuse=None, name="lstm_cell"):
        super().__init__(name, reuse, dtype)
        self._num_units, self._forget_bias, self._cell_clip, self._use_peephole = num_units, forget_bias, cell_clip, use_peephole

    state_size = property(lambda self: LSTMStateTuple(self._num_units, self._num_units))
    output_size = property(lambda self: self._num_units)

    def build(self, depth):
        n = self._num_units
        self.kernel = self._variable("kernel", [known(self, depth) + n, 4 * n])
        self.bias = self._variable("bias", [4 * n], init_ops.zeros_initializer())
        if self._use_peephole:
            self.w_i, self.w_f, self.w_o = [self._variable(f"w_{gate}_diag", [n]) for gate in "ifo"]

    def call(self, inputs, state):
        c, h = c_and_h(self, state)
        peepholes = (self.w_i, self.w_f, self.w_o) if self._use_peephole else [array_ops.zeros([self._num_units], inputs.dtype)] * 3
        _, c, _, _, _, _, h = lstm_ops.lstm_block_cell(inputs, c, h, self.kernel, *peepholes, self.bias, self._forget_bias, self._cell_clip,
                                                       self._use_peephole)
        return h, LSTMStateTuple(c, h)


def _clipped_step(gates, c, forget_bias, cell_clip, activation):
    i, j, f, o = slice_ops.split(gates, 4, axis=1)
    c = clip_ops.clip_by_value(sigmoid(f + forget_bias) * c + sigmoid(i) * activation(j), -cell_clip, cell_clip)
    return c, sigmoid(o) * activation(c)


def c_and_h(cell, state):
    """The two parts of an LSTM's state, in either form; ValueError if it has another structure."""
    size = cell.state_size
    if isinstance(size, tuple):
        if not isinstance(state, (list, tuple)) or len(state) != 2 or any(isinstance(part, (list, tuple, dict)) for part in state):
            raise ValueError(f"the state of {type(cell).__name__} is a pair (c, h) of [batch, {size[0]}] and [batch, {size[1]}], got {describe(state)}. "
                             "cell.zero_state(batch, dtype) makes one; state_is_tuple=False is for c and h in one tensor")
        return state
    if isinstance(state, (list, tuple, dict)):
        raise ValueError(f"the state of {type(cell).__name__} with state_is_tuple=False is one tensor [batch, {size}], c and h side by side, "
                         f"got {describe(state)}")
    return slice_ops.split(state, [cell._num_units, size - cell._num_units], axis=1)


def pack_state(cell, c, h):
    """The state in the cell's form."""
    return LSTMStateTuple(c, h) if isinstance(cell.state_size, tuple) else slice_ops.concat([c, h], 1)
