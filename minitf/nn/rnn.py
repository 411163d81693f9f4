"""Recurrent networks unrolled over time: one copy of the cell's ops for each step, all with the same variables.

static_rnn unrolls a cell over a list of inputs, static_bidirectional_rnn one cell forwards and another backwards.  The number of steps
is fixed when the graph is built; sequences that are shorter are told by sequence_length.
"""
import numpy as np

from ..core.swap import swappable
from ..graph import Tensor, constant_value, convert_to_tensor
from ..ops import array_ops, logical_ops, nest, reverse_ops, slice_ops
from ..ops.variable_scope import variable_scope
from .cells import RNNCell, describe, zeros_of


def static_rnn(cell, inputs, initial_state=None, dtype=None, sequence_length=None, scope=None):
    """Run a cell over a list of inputs: (list of outputs, final state).

    cell             an RNNCell
    inputs           a list of [batch, depth], one per step (or of nested tuples of such tensors)
    initial_state    of the structure of cell.state_size; zeros of `dtype` where it is not given
    sequence_length  int32 or int64 [batch]: past the end of its sequence an example's outputs are zeros, and its state stays what it was
                     at the end.  Known as a constant, it saves the selection at steps that all sequences reach, and the step itself
                     where all have ended.
    scope            the variable scope, "rnn" by default: variables are named rnn/basic_lstm_cell/kernel and so on

    TypeError and ValueError for what is not as described.

    >>> x = tf.placeholder(tf.float32, [50, 20, 65])
    >>> outputs, state = tf.nn.static_rnn(tf.nn.rnn_cell.BasicLSTMCell(128), tf.unstack(x, axis=1), dtype=tf.float32)     # 20 of [50, 128]
    """
    outputs, states = unroll(cell, inputs, initial_state, dtype, sequence_length, scope or "rnn")
    return outputs, states[-1]


def unroll(cell, inputs, initial_state, dtype, sequence_length, scope):
    """static_rnn, with the states of all steps: (list of outputs, list of states)."""
    _check_cell(cell)
    inputs = _steps(inputs)
    with variable_scope(scope) as opened:
        state = _first_state(cell, inputs[0], initial_state, dtype)
        ends = None if sequence_length is None else _Ends(cell, inputs[0], sequence_length, _dtype_of(state))
        outputs, states = [], []
        for time, value in enumerate(inputs):
            if time > 0:
                opened.reuse_variables()
            if ends is None:
                output, state = cell(value, state)
            else:
                output, state = ends.step(cell, time, value, state)
            outputs.append(output)
            states.append(state)
        return outputs, states


def static_bidirectional_rnn(cell_fw, cell_bw, inputs, initial_state_fw=None, initial_state_bw=None, dtype=None, sequence_length=None, scope=None):
    """A cell that reads the inputs forwards and another that reads them backwards: (outputs, final state forwards, final state backwards).

    Each output is [batch, cell_fw.output_size + cell_bw.output_size], what both made of that step's input.  With sequence_length, each
    sequence is turned round within its own length.  The arguments are those of static_rnn; the scopes are bidirectional_rnn/fw and .../bw.
    (Schuster and Paliwal, 1997.)
    """
    _check_cell(cell_fw, "cell_fw")
    _check_cell(cell_bw, "cell_bw")
    inputs = _steps(inputs)
    with variable_scope(scope or "bidirectional_rnn"):
        with variable_scope("fw") as opened:
            forwards, state_fw = static_rnn(cell_fw, inputs, initial_state_fw, dtype, sequence_length, opened)
        with variable_scope("bw") as opened:
            turned = reverse_steps(inputs, sequence_length)
            backwards, state_bw = static_rnn(cell_bw, turned, initial_state_bw, dtype, sequence_length, opened)
        outputs = []
        for one, other in zip(forwards, reverse_steps(backwards, sequence_length)):
            pairs = zip(nest.flatten(one), nest.flatten(other))
            outputs.append(nest.pack(one, [slice_ops.concat(pair, 1) for pair in pairs]))
        return outputs, state_fw, state_bw


@swappable
def copy_through(time, sequence_length, old, new):
    """For each example of a batch: `new` while its sequence lasts, `old` from its end on.

    time is the step's number from 0 on: an example of length 2 takes the new value at steps 0 and 1.
    """
    return logical_ops.where(array_ops.fill([array_ops.shape(new)[0]], time) < sequence_length, new, old)


def reverse_steps(steps, sequence_length=None):
    """A list of steps in reverse order; with sequence_length [batch], each example's first steps, and the rest where it is."""
    if sequence_length is None:
        return list(reversed(steps))
    turned = []
    for leaves in zip(*map(nest.flatten, steps)):            # one leaf at all times
        in_time = reverse_ops.reverse_sequence(slice_ops.stack(leaves), sequence_length, seq_axis=0, batch_axis=1)
        turned.append(slice_ops.unstack(in_time, len(steps)))
    return [nest.pack(step, leaves) for step, leaves in zip(steps, zip(*turned))]


class _Ends:
    """The ends of the sequences, and what a step gives when some have ended."""

    def __init__(self, cell, first, sequence_length, dtype):
        lengths = convert_to_tensor(sequence_length, name="sequence_length")
        if not lengths.dtype.is_integer:
            raise TypeError(f"sequence_length must be int32 or int64, got {lengths.dtype.base_dtype.name}")
        batch = nest.flatten(first)[0].get_shape()[0]
        if not lengths.get_shape().is_compatible_with([batch]):
            raise ValueError(f"sequence_length must be a vector of length batch_size, which is {batch} here, got shape {lengths.get_shape()}")
        self.lengths = array_ops.identity(lengths, name="sequence_length")
        known = constant_value(lengths)
        self.shortest, self.longest = (None, None) if known is None or not known.size else (int(np.min(known)), int(np.max(known)))
        self.zero_output = nest.pack(cell.output_size, [zeros_of(_batch_size(first), size, dtype) for size in nest.flatten(cell.output_size)])

    def step(self, cell, time, value, state):
        if self.longest is not None and time >= self.longest:
            return self.zero_output, state
        output, new_state = cell(value, state)
        if self.shortest is not None and time < self.shortest:
            return output, new_state
        return self._select(time, self.zero_output, output), self._select(time, state, new_state)

    def _select(self, time, old, new):
        pairs = zip(nest.flatten(old), nest.flatten(new))
        return nest.pack(new, [copy_through(np.asarray(time, self.lengths.dtype.as_numpy_dtype), self.lengths, *pair) for pair in pairs])


def _check_cell(cell, name="cell"):
    if not isinstance(cell, RNNCell) and not (callable(cell) and hasattr(cell, "state_size") and hasattr(cell, "output_size")):
        raise TypeError(f"{name} must be an RNNCell, got {cell!r}")


def _steps(inputs):
    """The inputs as a list of tensors, one per step."""
    if isinstance(inputs, Tensor):
        raise TypeError(f"inputs must be a list, a tensor for each step, got one tensor {inputs.get_shape()}: tf.unstack(inputs, axis=1) gives the list "
                        "where axis 1 is time")
    if not isinstance(inputs, (list, tuple)):
        raise TypeError(f"inputs must be a list, a tensor for each step, got {inputs!r}")
    if not inputs:
        raise ValueError("inputs must not be empty: one tensor for each step")
    return [nest.pack(step, [convert_to_tensor(leaf, name="inputs") for leaf in nest.flatten(step)]) for step in inputs]


def _first_state(cell, first, state, dtype):
    for leaf in nest.flatten(first):
        shape = leaf.get_shape()
        if shape.ndims is None or not shape.ndims:
            raise ValueError(f"each of inputs must be [batch, ...] of known rank, got {leaf}")
        if shape.ndims > 1 and None in shape.as_list()[1:]:
            raise ValueError(f"Input size (the depth of inputs) must be known while the graph is built, got shape {shape}: give the placeholder a shape, "
                             "as in tf.placeholder(tf.float32, [None, 20, 128]), or use set_shape")
    if state is None:
        if dtype is None:
            raise ValueError("If no initial_state is provided, dtype must be: static_rnn(cell, inputs, dtype=tf.float32)")
        return cell.zero_state(_batch_size(first), dtype)
    if _outline(state) != _outline(cell.state_size):
        raise ValueError(f"initial_state must have the structure of the cell's state_size, {cell.state_size}, got {describe(state)}; "
                         "cell.zero_state(batch, dtype) makes one")
    return nest.pack(state, [convert_to_tensor(leaf, name="initial_state") for leaf in nest.flatten(state)])


def _outline(structure):
    """How a structure is nested, with None for each leaf: a list does for a tuple."""
    return tuple(map(_outline, structure)) if isinstance(structure, (list, tuple)) else None


def _batch_size(first):
    leaf = nest.flatten(first)[0]
    static = leaf.get_shape()[0].value
    return array_ops.shape(leaf)[0] if static is None else static


def _dtype_of(state):
    return nest.flatten(state)[0].dtype.base_dtype
