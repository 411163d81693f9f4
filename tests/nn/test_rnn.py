"""static_rnn and static_bidirectional_rnn: lengths against a loop in NumPy, names, and what is refused."""
import numpy as np
import pytest

import minitf as tf
from minitf.nn.rnn import copy_through, reverse_steps

from . import numpy_cells

cells = tf.nn.rnn_cell
STEPS, BATCH, DEPTH, N = 6, 4, 3, 5
X = np.random.RandomState(3).standard_normal((STEPS, BATCH, DEPTH))
LENGTHS = [6, 0, 3, 1]


def given(cell, session, seed):
    """Give the cell's variables values, and return them."""
    random = np.random.RandomState(seed)
    values = [random.standard_normal(v.get_shape().as_list()) * 0.7 for v in cell.variables]
    session.run([tf.assign(v, value) for v, value in zip(cell.variables, values)])
    return values


def loop(x, lengths, kernel, bias):
    """(outputs, c, h) of an LSTM, example by example and step by step."""
    outputs = np.zeros((STEPS, BATCH, N))
    c, h = np.zeros((BATCH, N)), np.zeros((BATCH, N))
    for b in range(BATCH):
        for time in range(lengths[b]):
            c[b:b + 1], h[b:b + 1] = numpy_cells.lstm(x[time, b:b + 1], c[b:b + 1], h[b:b + 1], kernel, bias)
            outputs[time, b] = h[b]
    return outputs, c, h


@pytest.mark.parametrize("lengths", [LENGTHS, [STEPS] * BATCH, [2, 2, 2, 2], [0] * BATCH])
@pytest.mark.parametrize("form", ["constant", "fed", "int64"])
def test_lengths_against_a_loop(session, lengths, form):
    cell = cells.BasicLSTMCell(N)
    fed = tf.constant(lengths, tf.int64 if form == "int64" else tf.int32) if form != "fed" else tf.placeholder_with_default(np.int32(lengths), [None])
    outputs, state = tf.nn.static_rnn(cell, tf.unstack(tf.constant(X)), dtype=tf.float64, sequence_length=fed)
    expected, c, h = loop(X, lengths, *(given(cell, session, 1) if cell.variables else (np.zeros((DEPTH + N, 4 * N)), np.zeros(4 * N))))
    np.testing.assert_allclose(session.run(tf.stack(outputs)), expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(session.run(state), [c, h], rtol=1e-12, atol=1e-15)


def test_known_lengths_save_work():
    def selections(lengths):
        with tf.Graph().as_default() as g:
            tf.nn.static_rnn(cells.GRUCell(2), [tf.zeros([2, 3])] * 5, dtype=tf.float32, sequence_length=lengths)
            types = [op.type for op in g.get_operations()]
            return types.count("Select"), types.count("Tanh")
    assert selections([3, 4]) == (2, 4)                    # step 3 alone is one that one of the two reaches; step 4 none
    assert selections([5, 5]) == (0, 5)


def test_gradients_stop_at_the_ends(session):
    x = [tf.constant(step) for step in X]
    cell = cells.GRUCell(N)
    outputs, state = tf.nn.static_rnn(cell, x, dtype=tf.float64, sequence_length=tf.placeholder_with_default(np.int32(LENGTHS), [None]))
    given(cell, session, 1)
    grads = session.run(tf.gradients([tf.reduce_sum(tf.stack(outputs)), tf.reduce_sum(tf.square(state))], x))
    for time in range(STEPS):
        for b in range(BATCH):
            assert np.any(grads[time][b]) == (time < LENGTHS[b])


def test_weights_are_those_of_every_step(session):
    cell = cells.BasicRNNCell(N)
    outputs, _ = tf.nn.static_rnn(cell, [tf.constant(step) for step in X], dtype=tf.float64)
    assert [v.op.name for v in tf.global_variables()] == ["rnn/basic_rnn_cell/kernel", "rnn/basic_rnn_cell/bias"]
    given(cell, session, 2)
    slope, = tf.gradients(tf.reduce_sum(outputs[-1]), cell.kernel)
    at, bias = session.run([cell.kernel, cell.bias])
    direction, small = np.random.RandomState(5).standard_normal(at.shape), 1e-6

    def total(kernel):
        h = np.zeros((BATCH, N))
        for step in X:
            h = numpy_cells.rnn(step, h, kernel, bias)
        return h.sum()
    difference = (total(at + small * direction) - total(at - small * direction)) / (2 * small)
    assert np.sum(session.run(slope) * direction) == pytest.approx(difference, rel=1e-6)


def test_initial_state_and_scope(session):
    cell = cells.BasicLSTMCell(N)
    first = cells.LSTMStateTuple(tf.ones([BATCH, N], tf.float64), tf.zeros([BATCH, N], tf.float64))
    outputs, state = tf.nn.static_rnn(cell, [tf.constant(X[0])], first, scope="mine")
    values = given(cell, session, 4)
    c, h = numpy_cells.lstm(X[0], np.ones((BATCH, N)), np.zeros((BATCH, N)), *values)
    np.testing.assert_allclose(session.run([state.c, outputs[0]]), [c, h], rtol=1e-12)
    assert cell.kernel.op.name == "mine/basic_lstm_cell/kernel"
    again, _ = tf.nn.static_rnn(cell, [tf.constant(X[0])], [first.c, first.h], scope="other")             # a list does, and the weights are the same
    np.testing.assert_array_equal(*session.run([again[0], outputs[0]]))


def test_another_network_needs_another_scope():
    x = [tf.zeros([1, 2])]
    tf.nn.static_rnn(cells.GRUCell(2), x, dtype=tf.float32)
    with pytest.raises(ValueError, match="Variable rnn/gru_cell/gates/kernel already exists, disallowed"):
        tf.nn.static_rnn(cells.GRUCell(2), x, dtype=tf.float32)
    tf.nn.static_rnn(cells.GRUCell(2), x, dtype=tf.float32, scope="rnn_2")
    with tf.variable_scope(tf.get_variable_scope(), reuse=True):
        tf.nn.static_rnn(cells.GRUCell(2), x, dtype=tf.float32)
    assert len(tf.global_variables()) == 8


@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_bidirectional_against_numpy(session, lengths):
    forwards, backwards = cells.BasicLSTMCell(N), cells.BasicLSTMCell(N)
    outputs, state_fw, state_bw = tf.nn.static_bidirectional_rnn(forwards, backwards, [tf.constant(step) for step in X], dtype=tf.float64, sequence_length=lengths)
    assert [cell.scope_name for cell in (forwards, backwards)] == [f"bidirectional_rnn/{d}/basic_lstm_cell" for d in ("fw", "bw")]
    ends = lengths or [STEPS] * BATCH
    turned = X.copy()
    for b, n in enumerate(ends):
        turned[:n, b] = X[:n, b][::-1]
    one, c_fw, h_fw = loop(X, ends, *given(forwards, session, 1))
    other, c_bw, h_bw = loop(turned, ends, *given(backwards, session, 2))
    for b, n in enumerate(ends):
        other[:n, b] = other[:n, b][::-1].copy()
    np.testing.assert_allclose(session.run(outputs), np.concatenate([one, other], 2), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(session.run([*state_fw, *state_bw]), [c_fw, h_fw, c_bw, h_bw], rtol=1e-12, atol=1e-15)


def test_reverse_steps_and_copy_through(session):
    steps = [tf.constant([[t, 10. + t]]) for t in range(4)]
    assert reverse_steps(steps) == steps[::-1]
    np.testing.assert_array_equal(session.run(tf.stack(reverse_steps(steps, [3])))[:, 0, 0], [2, 1, 0, 3])
    nested = [(step, step * 2) for step in steps]
    np.testing.assert_array_equal(session.run(reverse_steps(nested, [2])[0][1]), [[2, 22]])
    old, new = tf.zeros([3, 2]), tf.ones([3, 2])
    np.testing.assert_array_equal(session.run(copy_through(np.int32(1), tf.constant([0, 1, 2]), old, new))[:, 0], [0, 0, 1])


def refuses(text, *arguments, kind=ValueError, **options):
    with pytest.raises(kind) as e:
        tf.nn.static_rnn(*arguments, **options)
    assert text in str(e.value), str(e.value)


def test_what_is_refused():
    cell, x = cells.BasicLSTMCell(2), tf.zeros([4, 3])
    refuses("cell must be an RNNCell, got 3", 3, [x], kind=TypeError)
    refuses("inputs must be a list, a tensor for each step, got one tensor (4, 3)", cell, x, kind=TypeError)
    refuses("inputs must not be empty", cell, [])
    refuses("If no initial_state is provided, dtype must be", cell, [x])
    refuses("got shape (?, ?)", cell, [tf.placeholder(tf.float32, [None, None])], dtype=tf.float32)
    refuses("of known rank", cell, [tf.placeholder(tf.float32)], dtype=tf.float32)
    refuses("initial_state must have the structure of the cell's state_size, LSTMStateTuple(c=2, h=2), got (4, 4)", cell, [x], tf.zeros([4, 4]))
    refuses("sequence_length must be a vector of length batch_size, which is 4 here, got shape (3,)", cell, [x], dtype=tf.float32, sequence_length=[1, 1, 1])
    refuses("got shape ()", cell, [x], dtype=tf.float32, sequence_length=1)
    refuses("sequence_length must be int32 or int64, got float32", cell, [x], dtype=tf.float32, sequence_length=[1., 1., 1., 1.], kind=TypeError)


def test_a_restored_run_goes_on_bit_for_bit(tmp_path):
    x = np.random.RandomState(0).standard_normal((8, 3, 4)).astype(np.float32)

    def build():
        cell = cells.MultiRNNCell([cells.LSTMCell(4, use_peepholes=True), cells.GRUCell(4)])
        outputs, _ = tf.nn.static_rnn(cell, tf.unstack(tf.placeholder(tf.float32, [8, 3, 4], name="x")), dtype=tf.float32)
        loss = tf.reduce_mean(tf.square(tf.stack(outputs) - 0.3), name="loss")
        return loss, tf.train.AdamOptimizer(0.01).minimize(loss)

    def run(sess, loss, train, n):
        return [sess.run([loss, train], {"x:0": x})[0] for _ in range(n)]
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(3)
        loss, train = build()
        sess.run(tf.global_variables_initializer())
        run(sess, loss, train, 3)
        path = tf.train.Saver().save(sess, str(tmp_path / "model"))
        unbroken = run(sess, loss, train, 3)
    with tf.Graph().as_default(), tf.Session() as sess:
        loss, train = build()
        tf.train.Saver().restore(sess, path)
        assert run(sess, loss, train, 3) == unbroken and unbroken[2] < unbroken[0]
