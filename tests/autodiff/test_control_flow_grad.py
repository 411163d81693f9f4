"""Gradients through cond and while_loop, against finite differences in float64."""
import numpy as np
import pytest

import minitf as tf

X = np.array([0.3, 0.7, -1.2])


def differences(sess, y, x, at, step=1e-5):
    """d sum(y) / dx by central differences."""
    result = np.zeros_like(at)
    for i in np.ndindex(at.shape):
        ahead, behind = at.copy(), at.copy()
        ahead[i] += step
        behind[i] -= step
        result[i] = (np.sum(sess.run(y, {x: ahead})) - np.sum(sess.run(y, {x: behind}))) / (2 * step)
    return result


def check(session, function, at=X, second=False, shape=None):
    x = tf.placeholder(tf.float64, at.shape if shape is None else shape)
    y = function(x)
    grad, = tf.gradients(y, x)
    np.testing.assert_allclose(session.run(grad, {x: at}), differences(session, y, x, at), rtol=1e-5, atol=1e-8)
    if second:
        again, = tf.gradients(grad * grad, x)
        np.testing.assert_allclose(session.run(again, {x: at}), differences(session, grad * grad, x, at), rtol=1e-5, atol=1e-7)


def loop(n, body, *start):
    return tf.while_loop(lambda i, *v: i < n, lambda i, *v: (i + 1, *body(i, *v)), [0, *start])[1:]


@pytest.mark.parametrize("sign", [1., -1.])
@pytest.mark.parametrize("shape", [None, [None]], ids=["static", "dynamic"])
@pytest.mark.parametrize("then, other", [
    (lambda x: tf.exp(x) * x, lambda x: tf.square(x)),
    (lambda x: tf.exp(x) * x, lambda x: tf.constant(np.ones(3))),                       # only one branch uses x
    (lambda x: tf.cond(x[0] < 0., lambda: x, lambda: tf.tanh(x) * x[1]), lambda x: x),      # a cond in a cond; x as it is
    (lambda x: tf.gather(x, [0, 0, 2]), lambda x: x * tf.reduce_sum(x)),                # IndexedSlices become dense
], ids=["both", "one", "nested", "gather"])
def test_cond(session, then, other, sign, shape):
    check(session, lambda x: tf.cond(tf.reduce_sum(x) * sign < 0., lambda: then(x), lambda: other(x)), second=True, shape=shape)


def test_third_derivative_of_cond(session):
    x = tf.placeholder(tf.float64, [])
    y = tf.cond(x > 0., lambda: x ** 4., lambda: tf.exp(2. * x))
    for _ in range(3):
        y, = tf.gradients(y, x)
    np.testing.assert_allclose([session.run(y, {x: v}) for v in (2., -1.)], [48., 8. * np.exp(-2.)])


def test_cond_with_several_results_and_integers(session):
    def both(x):
        a, k, b = tf.cond(x[0] > 0., lambda: (x * 2., tf.constant(1), x[:2]), lambda: (x * 3., tf.constant(2), tf.square(x[1:])))
        return tf.reduce_sum(a * a) * tf.cast(k, tf.float64) + tf.reduce_sum(b)
    check(session, both, second=True)
    check(session, both, -X, second=True)


LOOPS = {
    "captured": lambda x: loop(4, lambda i, a: [tf.sigmoid(a) * x], x)[0],
    "carried": lambda x: loop(4, lambda i, a: [tf.tanh(a) * a], x)[0],
    "no iteration": lambda x: loop(0, lambda i, a: [tf.tanh(a) * x], x)[0],
    "constant variable": lambda x: loop(3, lambda i, a, b: [a * b + x, b], x, 2. * x)[0],
    "exchange": lambda x: tf.add_n(list(loop(3, lambda i, a, b: [b * 1.5, tf.tanh(a)], x, x * x))),
    "same twice": lambda x: tf.add_n(list(loop(3, lambda i, a, b: [a * b, a * b], x, x))),
    "cond in a loop": lambda x: loop(4, lambda i, a: [tf.cond(i < 2, lambda: a * x, lambda: tf.tanh(a) + x)], x)[0],
    "loop in a loop": lambda x: loop(3, lambda i, a: [loop(i, lambda j, b: [tf.sigmoid(b) * a], a)[0] + x], x)[0],
    "loop in a cond": lambda x: tf.cond(tf.reduce_sum(x) < 0., lambda: loop(4, lambda i, a: [tf.sigmoid(a) * x], x)[0], lambda: tf.square(x)),
    "loop, cond, loop": lambda x: loop(3, lambda i, a: [tf.cond(i < 2, lambda: loop(2, lambda j, b: [b * tf.sigmoid(x)], a)[0], lambda: a * x)], x)[0],
    "condition on a value": lambda x: tf.while_loop(lambda a: tf.reduce_sum(a * a) < 50., lambda a: a * 1.5 + x, [x]),
    "iteration counts": lambda x: loop(3, lambda i, a: [a * tf.cast(i + 1, tf.float64) + x], x)[0],
    "rows": lambda x: loop(3, lambda i, s: [s + x[i] * x[i] * x], tf.zeros([3], tf.float64))[0],
    "matrix": lambda x: loop(3, lambda i, a: [tf.tanh(tf.matmul(a, tf.reshape(x, [3, 1]) * tf.reshape(x, [1, 3])))], tf.reshape(x, [1, 3]))[0],
}


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("shape", [None, [None]], ids=["static", "dynamic"])
def test_while_loop(session, name, shape):
    check(session, LOOPS[name], shape=shape)


def test_growing_loop_variable(session):
    check(session, lambda x: tf.square(tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.concat([a * 2., x], 0)), [0, x], [[], [None]])[1]))


def test_second_order_through_a_loop_is_refused(session):
    x = tf.placeholder(tf.float64, [])
    grad, = tf.gradients(loop(3, lambda i, a: [a * x], x)[0], x)
    with pytest.raises(TypeError, match="Second-order gradient for while loops not supported."):
        tf.gradients(grad, x)


def test_back_prop_false_cuts(session):
    x = tf.placeholder(tf.float64, [])
    y = tf.while_loop(lambda a: a < 5., lambda a: a * x, [x], back_prop=False)
    assert tf.gradients(y, x) == [None]
    assert session.run(tf.gradients(y * x, x)[0], {x: 2.}) == 8.


def test_gradient_inside_a_body(session):
    x = tf.placeholder(tf.float64, [])

    def newton(a):
        f = a * a - x
        return a - f / tf.gradients(f, a)[0]
    root = tf.while_loop(lambda a: tf.abs(a * a - x) > 1e-12, newton, [x])
    assert abs(session.run(root, {x: 2.}) - np.sqrt(2.)) < 1e-10
    y = tf.cond(x > 0., lambda: tf.gradients(x ** 3. * x, x)[0], lambda: tf.constant(0., tf.float64))      # with respect to what is around it
    assert session.run(y, {x: 2.}) == 32.


def test_training_inside_a_branch(session):
    w, on = tf.Variable(2.), tf.placeholder(tf.bool, [])
    for optimizer in (tf.train.GradientDescentOptimizer(0.5), tf.train.AdamOptimizer(0.5)):
        train = tf.cond(on, lambda: optimizer.minimize(tf.square(w - 1.)), lambda: tf.no_op())
        session.run(tf.global_variables_initializer())
        assert session.run([train, w.value()], {on: False})[0] == np.False_ and session.run(w) == 2.
        session.run(train, {on: True})
        assert session.run(w) < 2.


# ---- what can not be computed again -----------------------------------------------------------------------------------------

def mask(x):
    return tf.random_uniform(tf.shape(x), 0.5, 1.5, dtype=tf.float64)


MASKS = {
    "cond": lambda x: tf.cond(x[0] > 0., lambda: x * mask(x), lambda: x * 2.),
    "loop": lambda x: loop(3, lambda i, a: [a * mask(a)], x)[0],
    "cond in a loop": lambda x: loop(4, lambda i, a: [tf.cond(i < 2, lambda: a * mask(a), lambda: 3. * a)], x)[0],
    "loop in a cond": lambda x: tf.cond(x[0] > 0., lambda: loop(3, lambda i, a: [a * mask(a)], x)[0], lambda: x * mask(x)),
    "loop in a loop": lambda x: loop(3, lambda i, a: [tf.while_loop(lambda b: tf.random_uniform([]) < 0.7, lambda b: b * mask(b), [a])], x)[0],
    "function": lambda x: loop(3, lambda i, a: [a * tf.reshape(tf.py_func(lambda: np.random.rand(3) + 0.5, [], tf.float64), [3])], x)[0],
}


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("shape", [[3], [None]], ids=["static", "dynamic"])
def test_random_numbers_are_those_of_the_forward_run(session, name, shape):
    """y is x times random numbers, so its gradient is y / x with the very numbers of that step."""
    x = tf.placeholder(tf.float64, shape)
    y = MASKS[name](x)
    grad, = tf.gradients(y, x)
    seen = set()
    for at in (X, -X, X, X):
        result, slope = session.run([y, grad], {x: at})
        np.testing.assert_allclose(slope, result / at)
        seen.add(slope.tobytes())
    assert len(seen) > 1


def test_random_numbers_in_the_second_derivative(session):
    x = tf.placeholder(tf.float64, [3])
    y = tf.cond(x[0] > 0., lambda: x * x * mask(x), lambda: x)
    grad, = tf.gradients(y, x)
    second, = tf.gradients(grad, x)
    a, b, c = session.run([y, grad, second], {x: X})
    np.testing.assert_allclose(b, 2 * a / X)
    np.testing.assert_allclose(c, 2 * a / X / X)


def test_variables(session):
    w = tf.Variable(2., dtype=tf.float64)
    x = tf.placeholder(tf.float64, [])

    def update(a):
        with tf.control_dependencies([w.assign_add(1.)]):
            return a * w.read_value()
    session.run(w.initializer)
    for y, at_3, at_minus_1 in ((tf.cond(x > 0., lambda: w * w * x, lambda: x), 12., 0.),
                                (tf.cond(x > 0., lambda: w.read_value() * w * x, lambda: x), 12., 0.),
                                (loop(3, lambda i, a: [a * w], x)[0], 36., -12.), (loop(3, lambda i, a: [a * w.read_value()], x)[0], 36., -12.)):
        grad, = tf.gradients(y, w)
        assert [session.run(grad, {x: v}) for v in (3., -1.)] == [at_3, at_minus_1]
    y = loop(3, lambda i, a: [update(a)], x)[0]
    grads = tf.gradients(y, [x, w])
    value, by_x, by_w = session.run([y, *grads], {x: 3.})           # 3 * 3 * 4 * 5, with what was read then
    assert (value, by_x, by_w, session.run(w)) == (180., 60., 3 * (4 * 5 + 3 * 5 + 3 * 4), 5.)


def test_a_gradient_made_later_leaves_prepared_programs_alone(session):
    x = tf.placeholder(tf.float64, [3])
    y, z = MASKS["loop in a cond"](x), MASKS["cond in a loop"](x)
    session.run([y, z], {x: X})
    grads = [tf.gradients(t, x)[0] for t in (y, z)]
    for _ in range(2):
        a, b, c, d = session.run([y, z, *grads], {x: X})
        np.testing.assert_allclose([c, d], [a / X, b / X])
        session.run([y, z], {x: X})
    again = [tf.gradients(t * 2., x)[0] for t in (y, z)]
    a, b, c, d = session.run([y, z, *again], {x: X})
    np.testing.assert_allclose([c, d], [2 * a / X, 2 * b / X])


def test_only_what_the_gradient_needs_is_kept(session):
    """A sum's versions are not, nor the counter; the factor's are."""
    x = tf.placeholder(tf.float64, [3])
    total, factor = loop(5, lambda i, s, a: [s + a, a * x], tf.zeros([3], tf.float64), x)
    tf.gradients(total, x)
    saved = total.op.attrs["body"].outputs[3:3 + total.op.attrs["saved"]]
    assert [t.op.type for t in saved] == ["Argument"] and saved[0] is total.op.attrs["body"].inputs[2]
