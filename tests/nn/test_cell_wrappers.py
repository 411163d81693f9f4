"""Layers, dropout, embeddings, projections and devices around cells."""
import numpy as np
import pytest

import minitf as tf
from minitf.nn.cell_wrappers import variational_dropout

cells = tf.nn.rnn_cell


class Echo(cells.RNNCell):
    """Output and new state are input and input: what a wrapper does to them is seen alone."""

    def __init__(self, n):
        super().__init__()
        self.n = n

    state_size = property(lambda self: cells.LSTMStateTuple(self.n, self.n))
    output_size = property(lambda self: self.n)

    def call(self, inputs, state):
        return inputs + 0, cells.LSTMStateTuple(inputs + 0, inputs + 0)


def run_echo(session, steps=3, runs=1, batch=50, n=40, **options):
    """Values of (output, c, h) for each step of each run, of inputs that are ones."""
    cell = cells.DropoutWrapper(Echo(n), **options)
    state, fetched = cell.zero_state(batch, tf.float32), []
    for _ in range(steps):
        output, state = cell(tf.ones([batch, n]), state)
        fetched.append((output, state.c, state.h))
    return [session.run(fetched) for _ in range(runs)]


def test_dropout_is_where_it_is_asked_for(session):
    for place, dropped in [("input", (True, True, True)), ("output", (True, False, False)), ("state", (False, False, True))]:
        values = run_echo(session, **{place + "_keep_prob": 0.25})[0]
        for step in values:
            for value, is_dropped in zip(step, dropped):
                assert set(np.unique(value)) == ({0, 4} if is_dropped else {1})
                assert abs(value.mean() - 1) < 0.2                # 2000 numbers of deviation 1.7
        assert not np.array_equal(values[0][2], values[1][2]) or not dropped[2]


def test_a_seed_makes_dropout_reproducible(session):
    def masks(seed):
        with tf.Graph().as_default(), tf.Session() as sess:
            return run_echo(sess, runs=2, input_keep_prob=0.5, output_keep_prob=0.5, seed=seed)
    one, again, other = masks(5), masks(5), masks(6)
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other) and not np.array_equal(one[0], one[1])               # and the runs of a session differ
    assert not np.array_equal(one[0][0][0], one[0][1][0])                                      # and the steps of a run


def test_variational_dropout_drops_the_same_at_every_step(session):
    for run in run_echo(session, runs=2, output_keep_prob=0.5, state_keep_prob=0.5, variational_recurrent=True, dtype=tf.float32, seed=1):
        for output, c, h in run:
            np.testing.assert_array_equal(output, run[0][0])
            np.testing.assert_array_equal(h, run[0][2])
            np.testing.assert_array_equal(output, output[:1].repeat(len(output), 0))
            assert set(np.unique(output)) == {0, 2} and set(np.unique(c)) == {1}
        assert not np.array_equal(run[0][0], run[0][2])                                        # output and state have masks of their own
    value, noise = tf.constant([[1., 2., 3.]]), tf.constant([[.2, .49, .51]])
    np.testing.assert_array_equal(session.run(variational_dropout(value, noise, 0.5)), [[2, 4, 0]])


def test_what_dropout_refuses_and_leaves_alone():
    for text, options in [("Parameter input_keep_prob must be between 0 and 1: 1.5", dict(input_keep_prob=1.5)), ("dtype must be provided", dict(variational_recurrent=True)),
                          ("input_size must be provided", dict(input_keep_prob=0.5, variational_recurrent=True, dtype=tf.float32))]:
        with pytest.raises(ValueError, match=text):
            cells.DropoutWrapper(Echo(1), **options)
    with pytest.raises(TypeError, match="The parameter cell is not a RNNCell, got 3"):
        cells.DropoutWrapper(3)
    with tf.Graph().as_default() as graph:
        cell = cells.DropoutWrapper(Echo(2), 1.0, tf.constant(1.0))
        cell(tf.ones([1, 2]), cell.zero_state(1, tf.float32))
        assert not any(op.type == "RandomUniform" for op in graph.get_operations())            # 1 is known, though a tensor


def test_dropout_by_a_fed_probability_and_a_filter(session):
    keep = tf.placeholder(tf.float32, [])
    cell = cells.DropoutWrapper(Echo(30), state_keep_prob=keep, dropout_state_filter_visitor=lambda part: True)
    _, state = cell(tf.ones([20, 30]), cell.zero_state(20, tf.float32))
    for value in session.run(state, {keep: 0.5}):
        assert set(np.unique(value)) == {0, 2}
    np.testing.assert_array_equal(session.run(state.c, {keep: 1.0}), np.ones((20, 30)))


def test_layers_pass_outputs_on(session):
    x = tf.constant(np.random.RandomState(0).standard_normal((2, 3)), tf.float32)
    one, two = cells.GRUCell(4), cells.BasicLSTMCell(5)
    layers = cells.MultiRNNCell([one, two])
    state = layers.zero_state(2, tf.float32)
    output, new = layers(x, state)
    middle, first = one(x, state[0])                      # the same cells by hand: they know their variables
    top, second = two(middle, state[1])
    session.run(tf.global_variables_initializer())
    for a, b in [(output, top), (new[0], first), (new[1].c, second.c)]:
        np.testing.assert_array_equal(*session.run([a, b]))


def test_packed_layers_hold_the_same(session):
    def build(packed):
        with tf.variable_scope("model", reuse=packed):
            layers = cells.MultiRNNCell([cells.BasicLSTMCell(n, state_is_tuple=not packed) for n in (2, 3)], state_is_tuple=not packed)
            return layers, *tf.nn.static_rnn(layers, [tf.ones([2, 4])] * 3, dtype=tf.float32)
    _, outputs, state = build(False)
    layers, again, packed = build(True)
    session.run(tf.global_variables_initializer())
    assert layers.state_size == 10
    np.testing.assert_array_equal(*session.run([outputs[-1], again[-1]]))
    np.testing.assert_array_equal(session.run(packed), np.concatenate([part for layer in session.run(state) for part in layer], 1))


def test_what_layers_refuse():
    with pytest.raises(TypeError, match="cells must be a list or tuple"):
        cells.MultiRNNCell(cells.GRUCell(2))
    with pytest.raises(ValueError, match="Must specify at least one cell"):
        cells.MultiRNNCell([])
    with pytest.raises(ValueError, match="make the cells with state_is_tuple=False"):
        cells.MultiRNNCell([cells.BasicLSTMCell(2)], state_is_tuple=False)
    same = cells.GRUCell(2)
    with pytest.warns(UserWarning, match="will share weights"):
        cells.MultiRNNCell([same, same])
    layers = cells.MultiRNNCell([cells.GRUCell(2), cells.GRUCell(2)])
    with pytest.raises(ValueError, match=r"a tuple of as many states, got \(1, 2\)"):
        layers(tf.zeros([1, 2]), tf.zeros([1, 2]))


def test_embedding_wrapper(session):
    cell = cells.EmbeddingWrapper(cells.BasicRNNCell(3), embedding_classes=6, embedding_size=4)
    outputs, _ = tf.nn.static_rnn(cell, [tf.constant([1, 5]), tf.constant([[0], [1]])], dtype=tf.float32)
    assert {v.op.name for v in tf.global_variables()} == {f"rnn/embedding_wrapper/{w}" for w in ("embedding", "basic_rnn_cell/kernel", "basic_rnn_cell/bias")}
    session.run(tf.global_variables_initializer())
    table, kernel = [session.run(v) for v in cell.variables[:2]]
    assert table.shape == (6, 4) and np.abs(table).max() < 3 ** .5
    np.testing.assert_allclose(session.run(outputs[0]), np.tanh(table[[1, 5]] @ kernel[:4]), rtol=1e-5)
    with pytest.raises(ValueError, match="must be > 0: 0, 4"):
        cells.EmbeddingWrapper(cells.GRUCell(2), 0, 4)


def test_projections(session):
    x = np.random.RandomState(0).standard_normal((2, 3)).astype(np.float32)
    before, after = cells.InputProjectionWrapper(Echo(4), 4, tf.nn.relu), cells.OutputProjectionWrapper(Echo(3), 4)
    into, _ = before(x, before.zero_state(2, tf.float32))
    out, state = after(x, after.zero_state(2, tf.float32))
    session.run(tf.global_variables_initializer())
    np.testing.assert_allclose(session.run(into), np.maximum(x @ session.run(before.kernel), 0), rtol=1e-5)
    np.testing.assert_allclose(session.run(out), x @ session.run(after.kernel), rtol=1e-5)
    assert before.output_size == 4 and after.output_size == 4 and after.state_size == (3, 3)
    np.testing.assert_array_equal(session.run(state.h), x)


def test_residual(session):
    inner = cells.GRUCell(3)
    x, state = tf.ones([2, 3]), tf.zeros([2, 3])
    output, _ = cells.ResidualWrapper(inner)(x, state)
    own, _ = cells.ResidualWrapper(inner, lambda inputs, outputs: outputs * 2)(x, state)
    session.run(tf.global_variables_initializer())
    plain = session.run(inner(x, state)[0])
    np.testing.assert_array_equal(session.run(output), plain + 1)
    np.testing.assert_array_equal(session.run(own), plain * 2)
    with pytest.raises(ValueError, match=r"their shapes must be equal, got \(2, 4\) and \(2, 3\)"):
        cells.ResidualWrapper(cells.GRUCell(3))(tf.ones([2, 4]), state)


def test_each_layer_on_a_device_of_its_own():
    layers = cells.MultiRNNCell([cells.DeviceWrapper(cells.BasicLSTMCell(4), f"/cpu:{i}") for i in range(2)])
    x = np.ones((2, 3), np.float32)
    outputs, state = tf.nn.static_rnn(layers, [tf.constant(x)] * 3, dtype=tf.float32)
    assert {op.device for op in tf.get_default_graph().get_operations() if op.type == "MatMul"} == {"/device:CPU:0", "/device:CPU:1"}
    assert [v.device for v in layers.variables] == ["/device:CPU:0"] * 2 + ["/device:CPU:1"] * 2
    with tf.Session(config=tf.ConfigProto(device_count={"CPU": 2})) as sess:
        sess.run(tf.global_variables_initializer())
        assert sess.run(outputs[-1]).shape == (2, 4)
