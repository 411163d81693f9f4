"""tf.models.rnn.rnn_cell of 2015, tf.nn.rnn_cell of 0.7 and 0.8: cells that were functions of the scope they were called in.

Such a cell remembers no variables: it asks for them at each call, in a scope named after its class (BasicLSTMCell/Linear/Matrix), and the
scopes around it say whether they are new or shared.  So MultiRNNCell([cell] * 2) is two layers with weights of their own (Cell0, Cell1),
and a loop over time calls tf.get_variable_scope().reuse_variables() after its first step.  States are single tensors, an LSTM's c and h
side by side, unless state_is_tuple=True.
"""
import contextlib

import minitf as tf

from ....nn import cell_wrappers, cells, lstm_cells
from ....nn.cells import RNNCell
from ....nn.lstm_cells import LSTMStateTuple


class _OfItsScope:
    """How a cell of 2015 finds its variables."""

    @contextlib.contextmanager
    def _entered(self, scope):
        self.built = False
        with tf.variable_scope(scope or type(self).__name__):
            yield

    def _dtype_of(self, inputs):
        self._dtype = inputs.dtype.base_dtype


class BasicRNNCell(_OfItsScope, cells.BasicRNNCell):
    """tf.nn.rnn_cell.BasicRNNCell of today."""
    _names = {"kernel": "Linear/Matrix", "bias": "Linear/Bias"}

    def __init__(self, num_units, input_size=None, activation=tf.tanh):
        super().__init__(num_units, activation)


class GRUCell(_OfItsScope, cells.GRUCell):
    """tf.nn.rnn_cell.GRUCell of today; one bias began as 1, the other as 0 then too."""
    _names = {"gates/kernel": "Gates/Linear/Matrix", "gates/bias": "Gates/Linear/Bias", "candidate/kernel": "Candidate/Linear/Matrix",
              "candidate/bias": "Candidate/Linear/Bias"}

    def __init__(self, num_units, input_size=None, activation=tf.tanh):
        super().__init__(num_units, activation)


class BasicLSTMCell(_OfItsScope, lstm_cells.BasicLSTMCell):
    """tf.nn.rnn_cell.BasicLSTMCell of today, with state_is_tuple=False."""
    _names = {"kernel": "Linear/Matrix", "bias": "Linear/Bias"}

    def __init__(self, num_units, forget_bias=1.0, input_size=None, state_is_tuple=False, activation=tf.tanh):
        super().__init__(num_units, forget_bias, state_is_tuple, activation)


class LSTMCell(_OfItsScope, lstm_cells.LSTMCell):
    """tf.nn.rnn_cell.LSTMCell of today, with state_is_tuple=False."""
    _names = {"kernel": "W_0", "bias": "B", "w_f_diag": "W_F_diag", "w_i_diag": "W_I_diag", "w_o_diag": "W_O_diag", "projection/kernel": "W_P_0"}

    def __init__(self, num_units, input_size=None, use_peepholes=False, cell_clip=None, initializer=None, num_proj=None, num_unit_shards=1,
                 num_proj_shards=1, forget_bias=1.0, state_is_tuple=False, activation=tf.tanh):
        shards = [None if n == 1 else n for n in (num_unit_shards, num_proj_shards)]
        super().__init__(num_units, use_peepholes, cell_clip, initializer, num_proj, None, *shards, forget_bias, state_is_tuple, activation)


class MultiRNNCell(_OfItsScope, cell_wrappers.MultiRNNCell):
    """tf.nn.rnn_cell.MultiRNNCell of today, with state_is_tuple=False; the same cell may stand for several layers."""

    def __init__(self, cells, state_is_tuple=False):
        super().__init__(cells, state_is_tuple)

    def _warn_of_one_cell(self):
        pass

    def _layer_scope(self, i):
        return f"Cell{i}"


class DropoutWrapper(cell_wrappers.DropoutWrapper):
    """tf.nn.rnn_cell.DropoutWrapper of today: of inputs and outputs."""

    def __init__(self, cell, input_keep_prob=1.0, output_keep_prob=1.0, seed=None):
        super().__init__(cell, input_keep_prob, output_keep_prob, seed=seed)


class EmbeddingWrapper(_OfItsScope, cell_wrappers.EmbeddingWrapper):
    """tf.nn.rnn_cell.EmbeddingWrapper of today; without a size, the embedding is as wide as the inner cell's state."""

    def __init__(self, cell, embedding_classes=0, embedding_size=None, initializer=None, embedding=None):
        if embedding is not None:
            raise ValueError("EmbeddingWrapper: a given embedding is not supported; look its rows up with tf.nn.embedding_lookup before the cell")
        super().__init__(cell, embedding_classes, embedding_size or _width(cell), initializer)


class InputProjectionWrapper(_OfItsScope, cell_wrappers.InputProjectionWrapper):
    """tf.nn.rnn_cell.InputProjectionWrapper of today."""
    _names = {"kernel": "Linear/Matrix", "bias": "Linear/Bias"}

    def __init__(self, cell, num_proj, input_size=None):
        super().__init__(cell, num_proj)


class OutputProjectionWrapper(_OfItsScope, cell_wrappers.OutputProjectionWrapper):
    """tf.nn.rnn_cell.OutputProjectionWrapper of today."""
    _names = {"kernel": "Linear/Matrix", "bias": "Linear/Bias"}

    def __init__(self, cell, output_size):
        super().__init__(cell, output_size)


def linear(args, output_size, bias, bias_start=0.0, scope=None):
    """[a, b, ...] Matrix + Bias for tensors [batch, n] side by side, the variables in the scope "Linear"; without Bias where bias is False."""
    args = list(args) if isinstance(args, (list, tuple)) else [args]
    if not args:
        raise ValueError("`args` must be specified")
    depths = [arg.get_shape().with_rank(2).as_list()[1] for arg in args]
    if None in depths:
        raise ValueError(f"Linear expects shape[1] of arguments: {[str(arg.get_shape()) for arg in args]}")
    with tf.variable_scope(scope or "Linear"):
        matrix = tf.get_variable("Matrix", [sum(depths), output_size], args[0].dtype.base_dtype)
        product = tf.matmul(args[0] if len(args) == 1 else tf.concat(args, 1), matrix)
        if not bias:
            return product
        return product + tf.get_variable("Bias", [output_size], args[0].dtype.base_dtype, tf.constant_initializer(bias_start))


def _width(cell):
    size = cell.state_size
    while isinstance(size, tuple):
        size = size[0]
    return size
