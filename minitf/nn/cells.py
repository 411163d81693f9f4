"""Recurrent cells: what computes one step of a recurrent network, (inputs, state) -> (output, new state), and owns its variables.

RNNCell is the base, and says how a cell finds its variables; BasicRNNCell and GRUCell are the cells without a separate memory.  The LSTM is
in lstm_cells.py, cells around other cells are in cell_wrappers.py, and rnn.py unrolls a cell over time.
"""
import contextlib
import re

from ..core.shapes import TensorShape, as_shape
from ..core.swap import swappable
from ..graph import GraphKeys, convert_to_tensor, get_default_graph, name_scope
from ..ops import array_ops, init_ops, matmul_ops, nest, nn_ops, slice_ops
from ..ops.math_ops import sigmoid, tanh
from ..ops.variable_scope import AUTO_REUSE, get_variable, variable_scope


class RNNCell:
    """One step of a recurrent network.

        output, new_state = cell(inputs, state)

    inputs is [batch, depth]; state has the structure of cell.state_size with [batch, size] for each size, and cell.zero_state makes
    one; output is [batch, cell.output_size].

    The variables are made at the first call, in a variable scope that is named after the class (BasicLSTMCell: "basic_lstm_cell")
    and lies in the scope that is open then.  The cell keeps that scope, so each later call uses the same variables: this is what
    shares weights over the steps of time.  Another cell has other variables, and where its scope would be the same one,
    get_variable's ValueError says so.

    A subclass defines state_size, output_size and call(inputs, state), and makes its variables in build(depth) or, by get_variable, in
    call.  One that defines __call__(inputs, state, scope=None) instead does without all of this.

    name   the scope's name, if not the class's
    reuse  True: the variables must exist already, under the same names
    dtype  of the variables; by default that of the inputs
    """
    built = False
    _scope = _graph = _name = _reuse = _dtype = None
    _names = {}                       # other names for the variables: minitf.v0 has those of 2015

    def __init__(self, name=None, reuse=None, dtype=None):
        self._name, self._reuse, self._dtype = name, reuse, dtype

    @property
    def state_size(self):
        """The size of the state: an int or a TensorShape, or a nested tuple of them."""
        raise NotImplementedError(f"{type(self).__name__} must define state_size")

    @property
    def output_size(self):
        """The size of the output: an int or a TensorShape."""
        raise NotImplementedError(f"{type(self).__name__} must define output_size")

    def build(self, depth):
        """Make the variables, for inputs whose last dimension is `depth`."""

    def call(self, inputs, state):
        """(output, new state)"""
        raise NotImplementedError(f"{type(self).__name__} must define call(inputs, state)")

    def __call__(self, inputs, state, scope=None):
        """(output, new state) of one step.  scope: a name or VariableScope for the variables, which counts at the first call."""
        inputs = nest.pack(inputs, [convert_to_tensor(leaf, name="inputs") for leaf in nest.flatten(inputs)])
        with self._entered(scope):
            if not self.built:
                self._dtype_of(nest.flatten(inputs)[0])
                self.build(_depth(self, nest.flatten(inputs)[0]))
            result = self.call(inputs, state)
            self.built = True
            return result

    def zero_state(self, batch_size, dtype):
        """A state of zeros.  batch_size: an int or a scalar int tensor."""
        with name_scope(type(self).__name__ + "ZeroState", values=[batch_size]):
            return nest.pack(self.state_size, [zeros_of(batch_size, size, dtype) for size in nest.flatten(self.state_size)])

    name = property(lambda self: self._name or snake_case(type(self).__name__))
    scope_name = property(lambda self: self._scope and self._scope.name)
    dtype = property(lambda self: self._dtype)

    @property
    def variables(self):
        """The cell's variables, those of cells inside it too, in the order in which they were made; none before the first call."""
        return list(self.__dict__.get("_variables", ()))

    @property
    def trainable_variables(self):
        """Those of the variables that an optimizer changes."""
        trainable = {id(v) for v in self._graph.get_collection(GraphKeys.TRAINABLE_VARIABLES)} if self._graph is not None else ()
        return [v for v in self.variables if id(v) in trainable]

    weights = property(lambda self: self.variables)
    trainable_weights = property(lambda self: self.trainable_variables)

    @contextlib.contextmanager
    def _entered(self, scope):
        """The scope of the variables: found at the first call, and entered again, with reuse, at each later one."""
        graph = get_default_graph().outermost
        if self._scope is None:
            if scope is None and self._reuse:
                scope = self.name                 # a name that were made unique could not be found again
            with variable_scope(scope, self.name, custom_getter=self._noted) as found:
                self._scope, self._graph = found, graph
        elif self._graph is not graph:
            raise ValueError(f"{type(self).__name__} {self._scope.name!r} has its variables in another graph; make a new cell for each graph")
        # A first call that raised an error may have made variables: they are the next one's.
        reuse = True if self.built else AUTO_REUSE if self.__dict__.get("_variables") else self._reuse
        with variable_scope(self._scope, reuse=reuse, auxiliary_name_scope=False) as entered, \
                name_scope(entered.original_name_scope):
            yield

    def _noted(self, getter, *args, **kwargs):
        variable = getter(*args, **kwargs)
        known = self.__dict__.setdefault("_variables", [])
        if not any(variable is v for v in known):
            known.append(variable)
        return variable

    def _dtype_of(self, inputs):
        if self._dtype is None:
            self._dtype = inputs.dtype.base_dtype

    def _variable(self, name, shape, initializer=None, partitioner=None):
        return get_variable(self._names.get(name, name), shape, self._dtype, initializer, partitioner=partitioner)


class BasicRNNCell(RNNCell):
    """output = new state = activation([inputs, state] kernel + bias), the activation tanh by default (Elman, 1990).

    >>> cell = tf.nn.rnn_cell.BasicRNNCell(8)
    >>> output, state = cell(tf.zeros([2, 3]), cell.zero_state(2, tf.float32))         # kernel [3 + 8, 8], both results [2, 8]
    """

    def __init__(self, num_units, activation=None, reuse=None, name=None, dtype=None):
        super().__init__(name, reuse, dtype)
        self._num_units, self._activation = num_units, activation or tanh

    state_size = property(lambda self: self._num_units)
    output_size = property(lambda self: self._num_units)

    def build(self, depth):
        self.kernel = self._variable("kernel", [known(self, depth) + self._num_units, self._num_units])
        self.bias = self._variable("bias", [self._num_units], init_ops.zeros_initializer())

    def call(self, inputs, state):
        one_tensor(self, state)
        output = rnn_step(inputs, state, self.kernel, self.bias, self._activation)
        return output, output


class GRUCell(RNNCell):
    """The gated recurrent unit (Cho et al., EMNLP 2014, section 2.3; the gates act as in its first version).

    The reset gate r is applied to the state before the product, and the update gate u mixes the old state with the candidate:
    new = u * state + (1 - u) * candidate.  Variables gates/kernel [depth + n, 2n] and gates/bias, which begins as ones, so that a new
    cell rather keeps its state; candidate/kernel [depth + n, n] and candidate/bias.
    """

    def __init__(self, num_units, activation=None, reuse=None, kernel_initializer=None, bias_initializer=None, name=None, dtype=None):
        super().__init__(name, reuse, dtype)
        self._num_units, self._activation = num_units, activation or tanh
        self._kernel_initializer, self._bias_initializer = kernel_initializer, bias_initializer

    state_size = property(lambda self: self._num_units)
    output_size = property(lambda self: self._num_units)

    def build(self, depth):
        n = self._num_units
        rows, bias = known(self, depth) + n, self._bias_initializer
        self.gate_kernel = self._variable("gates/kernel", [rows, 2 * n], self._kernel_initializer)
        self.gate_bias = self._variable("gates/bias", [2 * n], bias or init_ops.constant_initializer(1.0))
        self.candidate_kernel = self._variable("candidate/kernel", [rows, n], self._kernel_initializer)
        self.candidate_bias = self._variable("candidate/bias", [n], bias or init_ops.zeros_initializer())

    def call(self, inputs, state):
        one_tensor(self, state)
        state = gru_step(inputs, state, self.gate_kernel, self.gate_bias, self.candidate_kernel, self.candidate_bias, self._activation)
        return state, state


def rnn_step(inputs, state, kernel, bias, activation):
    """The new state of a plain recurrent network."""
    return activation(linear([inputs, state], kernel, bias))


@swappable
def gru_step(inputs, state, gate_kernel, gate_bias, candidate_kernel, candidate_bias, activation):
    """The new state of a gated recurrent unit; of the gates, r has the left half of the columns and u the right one."""
    r, u = slice_ops.split(sigmoid(linear([inputs, state], gate_kernel, gate_bias)), 2, axis=1)
    candidate = activation(linear([inputs, r * state], candidate_kernel, candidate_bias))
    return u * state + (1 - u) * candidate


def linear(parts, kernel, bias):
    """[part, part, ...] kernel + bias: the parts side by side, for one product instead of several."""
    return nn_ops.bias_add(matmul_ops.matmul(slice_ops.concat(parts, 1), kernel), bias)


def zeros_of(batch_size, size, dtype):
    """Zeros of [batch] + size, where size is an int or a shape, and batch_size an int or a tensor."""
    sizes = as_shape(size).as_list() if isinstance(size, (TensorShape, list)) else [int(size)]
    return array_ops.zeros([batch_size, *sizes], dtype)


def snake_case(name):
    """BasicLSTMCell -> basic_lstm_cell"""
    return re.sub("([a-z])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z0-9]+)", r"\1_\2", name)).lower()


def _depth(cell, inputs):
    shape = inputs.get_shape()
    return None if not shape.ndims else shape.as_list()[-1]


def known(cell, depth):
    """The depth of the inputs, which a cell with a kernel must know."""
    if depth is None:
        raise ValueError(f"{type(cell).__name__} must know the last dimension of its inputs, which says how many rows its kernel has: "
                         "give the placeholder a shape, as in tf.placeholder(tf.float32, [None, 128]), or use set_shape")
    return depth


def one_tensor(cell, state):
    """Refuse a state that is not a single tensor."""
    if isinstance(state, (list, tuple, dict)):
        raise ValueError(f"the state of {type(cell).__name__} is one tensor [batch, {cell.state_size}], got {describe(state)}")


def describe(state):
    """A state in the words of an error: its structure, with the shapes of its tensors."""
    if isinstance(state, (list, tuple)):
        return f"{type(state).__name__}({', '.join(map(describe, state))})"
    return str(state.get_shape()) if hasattr(state, "get_shape") else repr(state)
