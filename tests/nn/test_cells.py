"""Each cell against NumPy in float64 and finite differences; names, sharing, and what is refused."""
import numpy as np
import pytest

import minitf as tf

from . import numpy_cells

cells = tf.nn.rnn_cell
BATCH, DEPTH, N = 3, 4, 5
random = np.random.RandomState(7)


def arrays(*shapes):
    return [random.standard_normal(shape) * 0.7 for shape in shapes]


def step(cell, x, state, dtype=tf.float64):
    """(output, state, values of the variables) of one step with random variables, as arrays."""
    leaves = [tf.constant(part, dtype) for part in state]
    given = cell.state_size
    state = type(given)(*leaves) if isinstance(given, tuple) else leaves[0]
    output, new = cell(tf.constant(x, dtype), state)
    values = [random.standard_normal(v.get_shape().as_list()) * 0.7 for v in cell.variables]
    sess = tf.get_default_session()
    sess.run([tf.assign(v, value) for v, value in zip(cell.variables, values)])
    output, new = sess.run([output, new])
    return output, new, {v.op.name.partition("/")[2]: value for v, value in zip(cell.variables, values)}


LSTMS = {
    "basic": (cells.BasicLSTMCell, {}), "no forget bias": (cells.BasicLSTMCell, dict(forget_bias=0.0)), "plain": (cells.LSTMCell, {}),
    "peepholes": (cells.LSTMCell, dict(use_peepholes=True, forget_bias=0.5)), "clip": (cells.LSTMCell, dict(cell_clip=0.3)),
    "peepholes, clip": (cells.LSTMCell, dict(use_peepholes=True, cell_clip=0.3)), "projection": (cells.LSTMCell, dict(num_proj=2)),
    "all": (cells.LSTMCell, dict(use_peepholes=True, cell_clip=0.3, num_proj=2, proj_clip=0.2))}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("which", LSTMS)
def test_lstm_against_numpy(which, packed):
    make, options = LSTMS[which]
    cell = make(N, state_is_tuple=not packed, **options)
    x, c, h = arrays((BATCH, DEPTH), (BATCH, N), (BATCH, cell.output_size))
    output, state, w = step(cell, x, [np.concatenate([c, h], 1)] if packed else [c, h])
    expected = numpy_cells.lstm(x, c, h, w["kernel"], w["bias"], options.get("forget_bias", 1.0), [w.get(f"w_{g}_diag", 0) for g in "ifo"],
                                options.get("cell_clip"), w.get("projection/kernel"), options.get("proj_clip"))
    np.testing.assert_allclose(output, expected[1], rtol=1e-12)
    np.testing.assert_allclose(state if packed else np.concatenate(state, 1), np.concatenate(expected, 1), rtol=1e-12)


def test_gru_and_rnn_against_numpy():
    x, h = arrays((BATCH, DEPTH), (BATCH, N))
    output, state, w = step(cells.GRUCell(N), x, [h])
    np.testing.assert_allclose(output, numpy_cells.gru(x, h, w["gates/kernel"], w["gates/bias"], w["candidate/kernel"], w["candidate/bias"]), rtol=1e-12)
    np.testing.assert_array_equal(output, state)
    output, state, w = step(cells.BasicRNNCell(N), x, [h])
    np.testing.assert_allclose(output, numpy_cells.rnn(x, h, w["kernel"], w["bias"]), rtol=1e-12)
    np.testing.assert_array_equal(output, state)


MAKES = {
    "rnn": lambda: cells.BasicRNNCell(3), "relu": lambda: cells.BasicRNNCell(3, activation=tf.nn.softplus), "gru": lambda: cells.GRUCell(3),
    "residual": lambda: cells.ResidualWrapper(cells.GRUCell(DEPTH)), "out": lambda: cells.OutputProjectionWrapper(cells.BasicLSTMCell(3), 2),
    "in": lambda: cells.InputProjectionWrapper(cells.BasicLSTMCell(3), 2, tf.tanh),
    "layers": lambda: cells.MultiRNNCell([cells.GRUCell(3), cells.BasicLSTMCell(2)]),
    **{name: (lambda make=make, options=options: make(3, **options)) for name, (make, options) in LSTMS.items()}}


@pytest.mark.parametrize("which", MAKES)
def test_gradients_by_finite_differences(which, session):
    """Of two steps, with respect to the inputs, the first state and every variable; second order of the first of these."""
    cell = MAKES[which]()
    x = tf.constant(arrays((2, 2, DEPTH))[0])
    state = cell.zero_state(2, tf.float64)
    first = state
    outputs = []
    for time in range(2):
        output, state = cell(x[time], state)
        outputs.append(output)
    session.run([tf.assign(v, random.standard_normal(v.get_shape().as_list()) * 0.7) for v in cell.variables])
    loss = tf.add_n([tf.reduce_sum(tf.square(part) * (1 + i)) for i, part in enumerate(outputs + flat(state))])
    for source in [x, *flat(first), *cell.variables]:
        shape = source.get_shape().as_list()
        value = session.run(source)
        tensor = source if isinstance(source, tf.Tensor) else source.value()
        assert tf.test.compute_gradient_error(tensor, shape, loss, [], value, delta=1e-6) < 2e-7, source
    slope = tf.reduce_sum(tf.square(tf.gradients(loss, x)[0]))
    assert tf.test.compute_gradient_error(x, [2, 2, DEPTH], slope, [], session.run(x), delta=1e-6) < 2e-6


def flat(state):
    return [leaf for part in state for leaf in flat(part)] if isinstance(state, tuple) else [state]


@pytest.mark.parametrize("make, names", [
    (lambda: cells.BasicLSTMCell(2), ["basic_lstm_cell/kernel", "basic_lstm_cell/bias"]),
    (lambda: cells.LSTMCell(2, use_peepholes=True, num_proj=1),
     ["lstm_cell/kernel", "lstm_cell/bias", "lstm_cell/w_f_diag", "lstm_cell/w_i_diag", "lstm_cell/w_o_diag", "lstm_cell/projection/kernel"]),
    (lambda: cells.GRUCell(2), ["gru_cell/gates/kernel", "gru_cell/gates/bias", "gru_cell/candidate/kernel", "gru_cell/candidate/bias"]),
    (lambda: cells.BasicRNNCell(2, name="mine"), ["mine/kernel", "mine/bias"]),
    (lambda: cells.MultiRNNCell([cells.BasicRNNCell(2), cells.DropoutWrapper(cells.BasicRNNCell(2), 0.5)]),
     [f"multi_rnn_cell/cell_{i}/basic_rnn_cell/{w}" for i in (0, 1) for w in ("kernel", "bias")]),
    (lambda: cells.OutputProjectionWrapper(cells.BasicRNNCell(2), 1),
     [f"output_projection_wrapper/{w}" for w in ("kernel", "bias", "basic_rnn_cell/kernel", "basic_rnn_cell/bias")])])
def test_names_of_variables(make, names):
    cell = make()
    assert cell.variables == []
    for _ in range(2):
        cell(tf.zeros([1, 2]), cell.zero_state(1, tf.float32))
    assert sorted(v.op.name for v in tf.global_variables()) == sorted(names) == sorted(v.op.name for v in cell.variables)
    assert {v.op.name for v in cell.trainable_variables} == set(names)


def test_one_cell_keeps_its_variables_and_another_has_others():
    cell, x = cells.GRUCell(2), tf.zeros([1, 2])
    state = cell.zero_state(1, tf.float32)
    with tf.variable_scope("first"):
        cell(x, state)
    with tf.variable_scope("second"):
        cell(x, state)                                   # the variables of the first call
        cells.GRUCell(2)(x, state)
        cells.GRUCell(2)(x, state)
    assert {v.op.name.rpartition("/")[0].rpartition("/")[0] for v in tf.global_variables()} == {"first/gru_cell", "second/gru_cell", "second/gru_cell_1"}
    assert cell.scope_name == "first/gru_cell" and cell.name == "gru_cell"


def test_another_cell_in_the_same_scope_is_refused_unless_reuse_says_so():
    x = tf.zeros([1, 2])

    def run(**options):
        with tf.variable_scope("rnn", reuse=options.pop("scope_reuse", None)):
            cell = cells.BasicRNNCell(2, **options)
            return cell(x, cell.zero_state(1, tf.float32)), cell.kernel
    _, kernel = run()
    with pytest.raises(ValueError, match=r"Variable rnn/basic_rnn_cell/kernel already exists, disallowed. Did you mean to set reuse=True"):
        run()
    assert run(scope_reuse=True)[1] is kernel and run(reuse=True)[1] is kernel
    with pytest.raises(ValueError, match="Variable rnn/other/kernel does not exist"):
        run(reuse=True, name="other")


def test_a_cell_belongs_to_one_graph():
    cell = cells.BasicRNNCell(2)
    cell(tf.zeros([1, 2]), tf.zeros([1, 2]))
    with tf.Graph().as_default(), pytest.raises(ValueError, match="has its variables in another graph"):
        cell(tf.zeros([1, 2]), tf.zeros([1, 2]))


def test_sizes_and_zero_states(session):
    assert cells.BasicLSTMCell(3).state_size == cells.LSTMStateTuple(3, 3) and cells.BasicLSTMCell(3, state_is_tuple=False).state_size == 6
    assert cells.LSTMCell(3, num_proj=2).state_size == (3, 2) and cells.LSTMCell(3, num_proj=2).output_size == 2
    layers = cells.MultiRNNCell([cells.GRUCell(2), cells.BasicLSTMCell(3)])
    assert layers.state_size == (2, (3, 3)) and layers.output_size == 3
    zeros = layers.zero_state(tf.placeholder_with_default(4, []), tf.float64)
    values = session.run(zeros)
    assert values[0].shape == (4, 2) and values[1].h.shape == (4, 3) and values[1].c.dtype == np.float64 and isinstance(values[1], cells.LSTMStateTuple)
    assert zeros[1].dtype is tf.float64 and zeros[0].get_shape().as_list() == [None, 2]
    with pytest.raises(TypeError, match="Inconsistent internal state"):
        cells.LSTMStateTuple(tf.zeros([1]), tf.zeros([1], tf.float64)).dtype


def test_what_is_refused():
    cell, x = cells.BasicLSTMCell(2), tf.zeros([1, 3])
    with pytest.raises(ValueError, match=r"the state of BasicLSTMCell is a pair \(c, h\) of \[batch, 2\] and \[batch, 2\], got \(1, 4\)"):
        cell(x, tf.zeros([1, 4]))
    with pytest.raises(ValueError, match=r"got tuple\(\(1, 2\), LSTMStateTuple\(\(1, 2\), \(1, 2\)\)\)"):
        cell(x, (tf.zeros([1, 2]), cell.zero_state(1, tf.float32)))
    cell(x, cell.zero_state(1, tf.float32))               # what was refused did not spoil the cell
    with pytest.raises(ValueError, match="is one tensor"):
        cells.BasicLSTMCell(2, state_is_tuple=False)(x, cell.zero_state(1, tf.float32))
    with pytest.raises(ValueError, match=r"the state of GRUCell is one tensor \[batch, 2\]"):
        cells.GRUCell(2)(x, cell.zero_state(1, tf.float32))
    with pytest.raises(ValueError, match="must know the last dimension of its inputs"):
        cells.GRUCell(2)(tf.placeholder(tf.float32), tf.zeros([1, 2]))
    with pytest.raises(NotImplementedError, match="must define state_size"):
        cells.RNNCell().zero_state(1, tf.float32)


class Counter(cells.RNNCell):
    """A user's own cell, with get_variable in call."""
    state_size = output_size = 1

    def call(self, inputs, state):
        step = tf.get_variable("step", [], initializer=tf.ones_initializer())
        return state, state + step * tf.reduce_sum(inputs, 1, keepdims=True)


class Plain(cells.RNNCell):
    """One in the manner of 2015: its own __call__, and no constructor."""
    state_size = output_size = 1

    def __init__(self):
        pass

    def __call__(self, inputs, state, scope=None):
        with tf.variable_scope(scope or "plain"):
            return state, state + tf.get_variable("step", [], initializer=tf.ones_initializer())


def test_cells_of_ones_own(session):
    x = [tf.ones([2, 3])] * 4
    cell = Counter()
    outputs, last = tf.nn.static_rnn(cell, x, dtype=tf.float32)
    again, end = tf.nn.static_rnn(Plain(), x, dtype=tf.float32)
    session.run(tf.global_variables_initializer())
    assert [v.op.name for v in cell.variables] == ["rnn/counter/step"]
    np.testing.assert_array_equal(session.run([*outputs, last])[-2:], [np.full((2, 1), 9), np.full((2, 1), 12)])
    np.testing.assert_array_equal(session.run(end), np.full((2, 1), 4))


def test_partitioned_weights_are_the_same_cell(session):
    x = tf.constant(arrays((2, 3))[0], tf.float32)
    with tf.variable_scope("a", initializer=tf.constant_initializer(0.1)):
        whole = cells.LSTMCell(4, num_proj=2)
        one = whole(x, whole.zero_state(2, tf.float32))
    with tf.variable_scope("b", initializer=tf.constant_initializer(0.1)):
        cut = cells.LSTMCell(4, num_proj=2, num_unit_shards=3, num_proj_shards=2)
        other = cut(x, cut.zero_state(2, tf.float32))
    session.run(tf.global_variables_initializer())
    assert "b/lstm_cell/kernel/part_2" in {v.op.name for v in tf.global_variables()}
    np.testing.assert_allclose(*[session.run(output) for output, _ in (one, other)], rtol=1e-6)
