"""The fused LSTM: against NumPy in float64, against the cell made of single ops, and by finite differences."""
import numpy as np
import pytest

import minitf as tf
from minitf.kernels.cpu.parallel import set_threads
from minitf.ops.lstm_ops import lstm_block_cell

from . import numpy_cells

cells = tf.nn.rnn_cell
FORMS = {"plain": {}, "no forget bias": dict(forget_bias=0.0), "peepholes": dict(use_peephole=True), "clip": dict(cell_clip=0.3),
         "all": dict(use_peephole=True, cell_clip=0.3, forget_bias=0.5)}


def arguments(batch, depth, n, seed=0):
    """x, cs_prev, h_prev, w, wci, wcf, wco, b as float64 arrays."""
    random = np.random.RandomState(seed)
    shapes = [(batch, depth), (batch, n), (batch, n), (depth + n, 4 * n), (n,), (n,), (n,), (4 * n,)]
    return [random.standard_normal(shape) * 0.7 for shape in shapes]


def as_lstm_cell(options):
    return {"use_peepholes" if k == "use_peephole" else k: v for k, v in options.items()}


@pytest.mark.parametrize("sizes", [(3, 4, 5), (1, 1, 1), (2, 0, 3), (0, 4, 5), (3, 4, 0), (50, 17, 33), (70, 3, 64)])
@pytest.mark.parametrize("form", FORMS)
def test_against_numpy(session, form, sizes):
    options = FORMS[form]
    x, c, h, w, wci, wcf, wco, b = arguments(*sizes)
    peepholes = (wci, wcf, wco) if options.get("use_peephole") else (0, 0, 0)
    expected_c, expected_h = numpy_cells.lstm(x, c, h, w, b, options.get("forget_bias", 1.0), peepholes, options.get("cell_clip"))
    for dtype, tolerance in ((tf.float64, 1e-12), (tf.float32, 2e-5)):
        i, cs, f, o, ci, co, new = session.run(lstm_block_cell(*[tf.constant(a, dtype) for a in (x, c, h, w, wci, wcf, wco, b)], **options))
        np.testing.assert_allclose(cs, expected_c, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(new, expected_h, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(co, np.tanh(cs), rtol=1e-5)
        np.testing.assert_allclose(new, o * co, rtol=1e-5)
        if "cell_clip" not in options:
            np.testing.assert_allclose(cs, i * ci + f * c, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype, tolerance", [(tf.float32, 1e-6), (tf.float64, 1e-14)])
def test_fused_and_unfused_agree(session, form, dtype, tolerance):
    """Four steps of 40 x 60: outputs with the same bits, gradients to rounding."""
    values = np.random.RandomState(0).standard_normal((4, 40, 60))

    def run(make, options):
        with tf.variable_scope(None, "model"):
            x, cell = tf.constant(values, dtype), make(33, **options)
            outputs, state = tf.nn.static_rnn(cell, tf.unstack(x), dtype=dtype)
            variables = sorted(cell.variables, key=lambda v: v.op.name)
            random = np.random.RandomState(1)
            session.run([tf.assign(v, random.standard_normal(v.get_shape().as_list()) * 0.2) for v in variables])
            loss = tf.add_n([tf.reduce_mean(tf.square(part)) * (1 + i) for i, part in enumerate([*outputs, *state])])
            return [v.op.name.partition("/")[2] for v in variables], session.run([*outputs, *state]), session.run(tf.gradients(loss, [x, *variables]))
    names, outputs, gradients = run(cells.LSTMCell, as_lstm_cell(FORMS[form]))
    fused_names, fused_outputs, fused_gradients = run(cells.LSTMBlockCell, FORMS[form])
    assert names == fused_names
    for a, b in zip(outputs, fused_outputs):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(gradients, fused_gradients):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * np.abs(a).max())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("known", [True, False])
def test_gradients_by_finite_differences(session, form, known):
    values = arguments(3, 2, 4, seed=3)
    tensors = [tf.constant(a) if known else tf.placeholder_with_default(a, [None] * a.ndim) for a in values]
    outputs = lstm_block_cell(*tensors, **FORMS[form])
    loss = tf.reduce_sum(tf.square(outputs[1])) + tf.reduce_sum(outputs[6] * np.arange(12.).reshape(3, 4))
    for place, (tensor, value) in enumerate(zip(tensors, values)):
        if 4 <= place <= 6 and not FORMS[form].get("use_peephole"):
            assert tf.gradients(loss, tensor) == [None]
        else:
            assert tf.test.compute_gradient_error(tensor, value.shape, loss, [], value, delta=1e-6) < 1e-7, place


def test_only_cs_or_only_h_may_be_used(session):
    tensors = [tf.constant(a) for a in arguments(2, 3, 4)]
    outputs = lstm_block_cell(*tensors)
    both = session.run(tf.gradients([outputs[1], outputs[6]], tensors[3])[0])
    np.testing.assert_allclose(both, session.run(tf.gradients(outputs[1], tensors[3])[0] + tf.gradients(outputs[6], tensors[3])[0]), rtol=1e-12)


def test_what_has_no_gradient_says_so():
    tensors = [tf.constant(a) for a in arguments(2, 3, 4)]
    outputs = lstm_block_cell(*tensors)
    with pytest.raises(ValueError, match="gradients for its outputs cs and h alone, not for f: use BasicLSTMCell"):
        tf.gradients(outputs[2], tensors[0])
    slope, = tf.gradients(outputs[6], tensors[0])
    with pytest.raises(LookupError, match="No second derivatives are defined for LSTMBlockCell .*use BasicLSTMCell or LSTMCell"):
        tf.gradients(slope, tensors[0])


@pytest.mark.parametrize("place, shape, text", [
    (0, (2, 3, 1), "Shape must be rank 2 but is rank 3 for x"), (1, (3, 4), "Dimensions must be equal, but are 2 and 3 for x: [2,3], cs_prev: [3,4]"),
    (2, (2, 5), "Dimensions must be equal, but are 4 and 5"), (3, (6, 16), "w needs a row for each of x's 3 columns and h_prev's 4, got w: [6,16]"),
    (3, (7, 15), "Dimensions must be equal, but are 15 and 16 for w: [7,15], b: [16]"), (4, (5,), "Dimensions must be equal, but are 4 and 5"),
    (7, (4, 4), "Shape must be rank 1 but is rank 2 for b")])
def test_shapes_that_do_not_fit(place, shape, text):
    tensors = [tf.constant(a) for a in arguments(2, 3, 4)]
    tensors[place] = tf.zeros(shape, tf.float64)
    with pytest.raises(ValueError) as e:
        lstm_block_cell(*tensors)
    assert text in str(e.value), str(e.value)


def test_four_columns_for_a_unit():
    tensors = [tf.constant(a) for a in arguments(2, 3, 4)]
    tensors[3], tensors[7] = tf.zeros([7, 12], tf.float64), tf.zeros([12], tf.float64)
    with pytest.raises(ValueError, match="need 4 columns for each of the 4 units"):
        lstm_block_cell(*tensors)


def test_threads_do_not_change_a_bit(session):
    values = [a.astype(np.float32) for a in arguments(128, 60, 160)]
    tensors = [tf.constant(a) for a in values]
    outputs = lstm_block_cell(*tensors, use_peephole=True)
    fetches = [*outputs, *tf.gradients([outputs[1], outputs[6]], tensors)]
    before = set_threads(1)
    try:
        one = session.run(fetches)
        set_threads(3)
        three = session.run(fetches)
    finally:
        set_threads(before)
    for a, b in zip(one, three):
        np.testing.assert_array_equal(a, b)


def test_extreme_gates_stay_finite(session):
    """Gates of ±1000: sigmoid and tanh are 0 or ±1, and nothing is NaN; NaN itself comes through."""
    x, c, h, w, wci, wcf, wco, b = [a.astype(np.float32) for a in arguments(4, 3, 5)]
    for big in (1000., -1000.):
        outputs = session.run(lstm_block_cell(x, c, h, w * 0, wci, wcf, wco, b * 0 + np.float32(big)))
        assert all(np.isfinite(a).all() for a in outputs)
    x[1, 1] = np.nan
    assert np.isnan(session.run(lstm_block_cell(x, c, h, w, wci, wcf, wco, b))[6]).any(1).tolist() == [False, True, False, False]


def test_a_cell_learns(session):
    """To say what it read two steps before, as LSTMCell does with the same first weights."""
    def train(make):
        with tf.Graph().as_default(), tf.Session() as sess, tf.variable_scope("model", initializer=tf.random_uniform_initializer(-.3, .3, seed=2)):
            x = tf.placeholder(tf.int32, [20, 8])
            outputs, _ = tf.nn.static_rnn(make(16), tf.unstack(tf.one_hot(x, 4), axis=1), dtype=tf.float32)
            logits = tf.reshape(tf.stack(outputs[2:], 1), [-1, 16]) @ tf.get_variable("w", [16, 4])
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.reshape(x[:, :-2], [-1]), logits=logits))
            step = tf.train.AdamOptimizer(0.03).minimize(loss)
            sess.run(tf.global_variables_initializer())
            random = np.random.RandomState(0)
            return [sess.run([loss, step], {x: random.randint(4, size=(20, 8))})[0] for _ in range(150)]
    fused, plain = train(cells.LSTMBlockCell), train(lambda n: cells.LSTMCell(n))
    np.testing.assert_allclose(fused[:5], plain[:5], rtol=1e-5)
    assert fused[-1] < 0.1 and plain[-1] < 0.1
