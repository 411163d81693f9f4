"""Cells made of other cells: several in layers, and one with something before, after or around it.

MultiRNNCell and the wrappers with variables have a scope of their own, in which the inner cell's lies
(multi_rnn_cell/cell_0/basic_lstm_cell); DropoutWrapper, ResidualWrapper and DeviceWrapper leave the inner cell's names as they are.
"""
import hashlib
import math
import numbers
import warnings

from ..graph import constant_value, convert_to_tensor, device
from ..ops import array_ops, embedding_ops, init_ops, nest, nn_ops, random_ops, slice_ops
from ..ops.apply import apply_op
from ..ops.variable_scope import get_variable, get_variable_scope, variable_scope
from .cells import RNNCell, describe, known, linear
from .lstm_cells import LSTMStateTuple


class MultiRNNCell(RNNCell):
    """Cells in layers: each takes the output of the one before as its input.  The output is the last one's.

    state_is_tuple  True: the state is the tuple of the layers' states; False: one tensor with all of them side by side, for cells whose own
                    states are single tensors
    Each layer needs a cell of its own.  The same one twice has the same weights in both layers, which is hardly meant: a warning says so.

    >>> cell = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.BasicLSTMCell(200) for _ in range(2)])
    """

    def __init__(self, cells, state_is_tuple=True):
        super().__init__()
        if not isinstance(cells, (list, tuple)):
            raise TypeError(f"cells must be a list or tuple, got {cells!r}")
        if not cells:
            raise ValueError("Must specify at least one cell for MultiRNNCell.")
        self._cells, self._state_is_tuple = list(cells), state_is_tuple
        self._warn_of_one_cell()
        if not state_is_tuple and any(isinstance(cell.state_size, tuple) for cell in cells):
            raise ValueError("Some cells have tuples as states, but state_is_tuple=False asks for one tensor: make the cells with state_is_tuple=False "
                             f"too.  State sizes are: {[cell.state_size for cell in cells]}")

    def _warn_of_one_cell(self):
        if len({id(cell) for cell in self._cells}) < len(self._cells):
            warnings.warn("MultiRNNCell: at least two layers are the same cell object and will share weights; make a cell for each layer, "
                          "[BasicLSTMCell(n) for _ in range(layers)]", stacklevel=3)

    @property
    def state_size(self):
        sizes = tuple(cell.state_size for cell in self._cells)
        return sizes if self._state_is_tuple else sum(sizes)

    output_size = property(lambda self: self._cells[-1].output_size)

    def zero_state(self, batch_size, dtype):
        if not self._state_is_tuple:
            return super().zero_state(batch_size, dtype)
        return tuple(cell.zero_state(batch_size, dtype) for cell in self._cells)

    def call(self, inputs, state):
        states = self._states(state)
        new = []
        for i, (cell, old) in enumerate(zip(self._cells, states)):
            with variable_scope(self._layer_scope(i)):
                inputs, state = cell(inputs, old)
            new.append(state)
        return inputs, tuple(new) if self._state_is_tuple else slice_ops.concat(new, 1)

    def _states(self, state):
        if not self._state_is_tuple:
            return slice_ops.split(state, [cell.state_size for cell in self._cells], axis=1)
        if not isinstance(state, (list, tuple)) or len(state) != len(self._cells):
            raise ValueError(f"the state of a MultiRNNCell of {len(self._cells)} layers is a tuple of as many states, got {describe(state)}; "
                             "cell.zero_state(batch, dtype) makes one")
        return state

    def _layer_scope(self, i):
        return f"cell_{i}"


class _Around(RNNCell):
    """A wrapper without variables: sizes, variables and scope are the inner cell's."""

    def __init__(self, cell):
        super().__init__()
        if not isinstance(cell, RNNCell):
            raise TypeError(f"The parameter cell is not a RNNCell, got {cell!r}")
        self._cell = cell

    state_size = property(lambda self: self._cell.state_size)
    output_size = property(lambda self: self._cell.output_size)
    scope_name = property(lambda self: self._cell.scope_name)
    variables = property(lambda self: self._cell.variables)
    trainable_variables = property(lambda self: self._cell.trainable_variables)

    def zero_state(self, batch_size, dtype):
        return self._cell.zero_state(batch_size, dtype)


class DropoutWrapper(_Around):
    """Dropout on the way into a cell, out of it, and on its state: each number is kept with the given probability, and divided by it.

    input_keep_prob, output_keep_prob, state_keep_prob  floats or scalar tensors; of an LSTM's state only h is dropped from, never the memory c
    variational_recurrent  True: the same mask at every step of a run, and for all examples of the batch (Gal and Ghahramani, 2016); then dtype
                           must be given, and input_size where inputs are dropped
    seed   makes the masks reproducible, and different at each call of the cell and at each of the three places
    dropout_state_filter_visitor  a function of a part of the state that says, in the structure of that part, what to drop from; by default h alone

    Only the outputs: tf.nn.rnn_cell.DropoutWrapper(cell, output_keep_prob=0.5), as in Zaremba, Sutskever and Vinyals (2014).
    """

    def __init__(self, cell, input_keep_prob=1.0, output_keep_prob=1.0, state_keep_prob=1.0, variational_recurrent=False, input_size=None, dtype=None,
                 seed=None, dropout_state_filter_visitor=None):
        super().__init__(cell)
        if dropout_state_filter_visitor is not None and not callable(dropout_state_filter_visitor):
            raise TypeError("dropout_state_filter_visitor must be callable")
        self._keep = {"input": _probability("input_keep_prob", input_keep_prob), "state": _probability("state_keep_prob", state_keep_prob),
                      "output": _probability("output_keep_prob", output_keep_prob)}
        self._seed, self._filter, self._calls, self._noise = seed, dropout_state_filter_visitor or _only_h, 0, None
        if variational_recurrent:
            if dtype is None:
                raise ValueError("When variational_recurrent=True, dtype must be provided")
            if self._drops("input") and input_size is None:
                raise ValueError("When variational_recurrent=True and input_keep_prob < 1.0 or is unknown, input_size must be provided")
            sizes = {"input": input_size, "state": cell.state_size, "output": cell.output_size}
            self._noise = {place: [random_ops.random_uniform([1, *_sizes(size)], dtype=dtype, seed=self._seed_of(place, i))
                                   for i, size in enumerate(nest.flatten(sizes[place]))] for place in sizes if self._drops(place)}

    wrapped_cell = property(lambda self: self._cell)

    def __call__(self, inputs, state, scope=None):
        self._calls += 1
        inputs = self._dropped("input", inputs)
        output, new_state = self._cell(inputs, state, scope)
        new_state = self._dropped("state", new_state, nest.flatten(_filtered(new_state, self._filter)))
        return self._dropped("output", output), new_state

    def _drops(self, place):
        keep = self._keep[place]
        return not isinstance(keep, numbers.Real) or keep < 1

    def _dropped(self, place, values, wanted=None):
        """values, nested, with dropout on the leaves that are wanted (all, by default)."""
        if not self._drops(place):
            return values
        leaves = []
        for i, leaf in enumerate(nest.flatten(values)):
            if wanted is not None and not wanted[i]:
                leaves.append(leaf)
            elif self._noise is None:
                leaves.append(nn_ops.dropout(leaf, self._keep[place], seed=self._seed_of(f"{place}_{self._calls}", i)))
            else:
                leaves.append(variational_dropout(convert_to_tensor(leaf), self._noise[place][i], self._keep[place]))
        return nest.pack(values, leaves)

    def _seed_of(self, place, i):
        """A seed for one mask: two with the same seed would be the same mask."""
        if self._seed is None:
            return None
        return int(hashlib.md5(f"{self._seed}{place}_{i}".encode()).hexdigest()[:8], 16) & 0x7FFFFFFF


def variational_dropout(x, noise, keep_prob):
    """Dropout with a given noise, uniform in [0, 1): x / keep_prob where noise < keep_prob, else 0.

    noise is broadcast to x, [1, n] to [batch, n]; because every step is given the same one, every step drops the same units.
    """
    keep_prob = convert_to_tensor(keep_prob, x.dtype.base_dtype)
    kept = apply_op("Floor", keep_prob + (1 - noise))
    return x / keep_prob * kept


class ResidualWrapper(_Around):
    """The cell's output plus its input, which must be of the same shape (Wu et al., 2016); residual_fn(inputs, outputs) in place of the sum."""

    def __init__(self, cell, residual_fn=None):
        super().__init__(cell)
        self._residual_fn = residual_fn

    def __call__(self, inputs, state, scope=None):
        outputs, new_state = self._cell(inputs, state, scope)
        if self._residual_fn is not None:
            return self._residual_fn(inputs, outputs), new_state
        leaves = []
        for x, y in zip(nest.flatten(inputs), nest.flatten(outputs)):
            x = convert_to_tensor(x)
            if not x.get_shape().is_compatible_with(y.get_shape()):
                raise ValueError(f"ResidualWrapper adds the inputs to the outputs: their shapes must be equal, got {x.get_shape()} and {y.get_shape()}")
            leaves.append(x + y)
        return nest.pack(outputs, leaves), new_state


class DeviceWrapper(_Around):
    """The cell on a device: its ops, variables and zero states.  One per layer of a MultiRNNCell puts each layer on a device of its own."""

    def __init__(self, cell, device):
        super().__init__(cell)
        self._device = device

    def __call__(self, inputs, state, scope=None):
        with device(self._device):
            return self._cell(inputs, state, scope)

    def zero_state(self, batch_size, dtype):
        with device(self._device):
            return self._cell.zero_state(batch_size, dtype)


class EmbeddingWrapper(RNNCell):
    """A cell whose inputs are ids [batch] or [batch, 1]: it looks up their rows of a table `embedding` [embedding_classes, embedding_size].

    The table begins uniform with variance 1, unless an initializer is given or the variable scope has one.
    """

    def __init__(self, cell, embedding_classes, embedding_size, initializer=None, reuse=None):
        super().__init__(reuse=reuse)
        if not isinstance(cell, RNNCell):
            raise TypeError(f"The parameter cell is not RNNCell, got {cell!r}")
        if embedding_classes <= 0 or embedding_size <= 0:
            raise ValueError(f"Both embedding_classes and embedding_size must be > 0: {embedding_classes}, {embedding_size}.")
        self._cell, self._classes, self._size, self._initializer = cell, embedding_classes, embedding_size, initializer

    state_size = property(lambda self: self._cell.state_size)
    output_size = property(lambda self: self._cell.output_size)

    def zero_state(self, batch_size, dtype):
        return self._cell.zero_state(batch_size, dtype)

    def call(self, inputs, state):
        bound = math.sqrt(3)
        initializer = self._initializer or get_variable_scope().initializer or init_ops.random_uniform_initializer(-bound, bound)
        dtype = nest.flatten(state)[0].dtype.base_dtype
        table = get_variable(self._names.get("embedding", "embedding"), [self._classes, self._size], dtype, initializer)
        return self._cell(embedding_ops.embedding_lookup(table, array_ops.reshape(inputs, [-1])), state)


class InputProjectionWrapper(RNNCell):
    """A cell before which the inputs go through a layer of num_proj units: activation(inputs kernel + bias); no activation by default."""

    def __init__(self, cell, num_proj, activation=None, input_size=None, reuse=None):
        super().__init__(reuse=reuse)
        if not isinstance(cell, RNNCell):
            raise TypeError(f"The parameter cell is not RNNCell, got {cell!r}")
        self._cell, self._num_proj, self._activation = cell, num_proj, activation

    state_size = property(lambda self: self._cell.state_size)
    output_size = property(lambda self: self._cell.output_size)

    def zero_state(self, batch_size, dtype):
        return self._cell.zero_state(batch_size, dtype)

    def build(self, depth):
        self.kernel = self._variable("kernel", [known(self, depth), self._num_proj])
        self.bias = self._variable("bias", [self._num_proj], init_ops.zeros_initializer())

    def call(self, inputs, state):
        projected = linear([inputs], self.kernel, self.bias)
        return self._cell(self._activation(projected) if self._activation else projected, state)


class OutputProjectionWrapper(RNNCell):
    """A cell after which the outputs go through a layer of output_size units: activation(outputs kernel + bias); no activation by default.

    Where the steps are independent of one another, as in a loss, it is faster to join the outputs of all steps and to do this once.
    """

    def __init__(self, cell, output_size, activation=None, reuse=None):
        super().__init__(reuse=reuse)
        if not isinstance(cell, RNNCell):
            raise TypeError(f"The parameter cell is not RNNCell, got {cell!r}")
        if output_size < 1:
            raise ValueError(f"Parameter output_size must be > 0: {output_size}.")
        self._cell, self._output_size, self._activation = cell, output_size, activation

    state_size = property(lambda self: self._cell.state_size)
    output_size = property(lambda self: self._output_size)

    def zero_state(self, batch_size, dtype):
        return self._cell.zero_state(batch_size, dtype)

    def build(self, depth):
        self.kernel = self._variable("kernel", [self._cell.output_size, self._output_size])
        self.bias = self._variable("bias", [self._output_size], init_ops.zeros_initializer())

    def call(self, inputs, state):
        outputs, state = self._cell(inputs, state)
        projected = linear([outputs], self.kernel, self.bias)
        return (self._activation(projected) if self._activation else projected), state


def _probability(name, value):
    """A keep probability: a tensor as it is, unless its value is known."""
    constant = value if isinstance(value, numbers.Real) else constant_value(convert_to_tensor(value))
    if constant is None:
        return value
    if not 0 <= constant <= 1:
        raise ValueError(f"Parameter {name} must be between 0 and 1: {constant}")
    return float(constant)


def _sizes(size):
    return [size] if isinstance(size, numbers.Integral) else size.as_list()


def _only_h(part):
    """Which parts of a state are dropped from: of an LSTM's, h; else all."""
    return LSTMStateTuple(c=False, h=True) if isinstance(part, LSTMStateTuple) else True


def _filtered(state, visitor):
    """The structure of a state with a bool for each leaf, by a function that may answer for a whole part."""
    wanted = visitor(state)
    if isinstance(state, (list, tuple)) and not isinstance(wanted, (list, tuple)):
        if wanted is True:
            return nest.pack(state, nest.flatten([_filtered(part, visitor) for part in state]))
        return nest.pack(state, [False] * len(nest.flatten(state)))
    return wanted
