"""Optimizers against the same formulas in NumPy, step by step."""
import numpy as np
import pytest

import minitf as tf

from .numpy_optimizers import Adam

STEPS = 20


def quadratic(x):
    """A loss with a gradient that changes from step to step: sum(k x^2) with k = 1, 2, ..."""
    weights = np.arange(1.0, np.prod(x.get_shape().as_list()) + 1).reshape(x.get_shape().as_list())
    return tf.reduce_sum(tf.cast(tf.constant(weights), x.dtype.base_dtype) * tf.square(x)), 2 * weights


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
def test_gradient_descent(session, dtype):
    start = np.array([[1.0, -2.0], [0.5, 3.0]])
    x = tf.Variable(start.astype(dtype.as_numpy_dtype))
    loss, slope = quadratic(x)
    train = tf.train.GradientDescentOptimizer(0.05).minimize(loss)
    session.run(tf.global_variables_initializer())
    for _ in range(STEPS):
        start = start - 0.05 * slope * start
        session.run(train)
        np.testing.assert_allclose(x.eval(), start, rtol=1e-5 if dtype == tf.float32 else 1e-12)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
def test_adam(session, dtype):
    start = np.array([[1.0, -2.0], [0.5, 3.0]])
    x = tf.Variable(start.astype(dtype.as_numpy_dtype))
    loss, slope = quadratic(x)
    train = tf.train.AdamOptimizer(0.1).minimize(loss)
    reference = Adam(start.shape, rate=0.1)
    session.run(tf.global_variables_initializer())
    for _ in range(STEPS):
        start = reference.step(start, slope * start)
        session.run(train)
        np.testing.assert_allclose(x.eval(), start, rtol=1e-3 if dtype == tf.float32 else 1e-9)      # 1 - 0.999^t loses digits in float32, in TensorFlow too


def test_adam_with_other_parameters_and_two_variables(session):
    a0, b0 = np.array([1.0, 2.0]), np.array([[3.0], [-1.0]])
    a, b = tf.Variable(a0), tf.Variable(b0)
    loss = tf.reduce_sum(tf.matmul(tf.reshape(a, [1, 2]), b) ** 2.0)
    train = tf.train.AdamOptimizer(learning_rate=tf.constant(0.05), beta1=0.7, beta2=0.9, epsilon=0.1).minimize(loss)
    for_a, for_b = [Adam(x.shape, rate=0.05, beta1=0.7, beta2=0.9, epsilon=0.1) for x in (a0, b0)]
    session.run(tf.global_variables_initializer())
    for _ in range(STEPS):
        product = a0 @ b0[:, 0]
        a0, b0 = for_a.step(a0, 2 * product * b0[:, 0]), for_b.step(b0, 2 * product * a0[:, None])
        session.run(train)
        np.testing.assert_allclose(a.eval(), a0, rtol=1e-6)
        np.testing.assert_allclose(b.eval(), b0, rtol=1e-6)


def lookup_loss(table, ids):
    """sum of squares of the rows looked up; row i's gradient is 2 * row for every time it occurs."""
    return tf.reduce_sum(tf.square(tf.gather(table, ids)))


def test_sparse_and_dense_adam_agree(session):
    """One table is looked up, the other is multiplied by the one-hot matrix of the same ids."""
    start, ids = np.random.RandomState(0).randn(5, 2), [3, 1, 3]
    sparse, dense = tf.Variable(start, name="sparse"), tf.Variable(start, name="dense")
    one_hot = tf.constant(np.eye(5)[ids])
    loss = lookup_loss(sparse, ids) + tf.reduce_sum(tf.square(tf.matmul(one_hot, dense)))
    train = tf.train.AdamOptimizer(0.1).minimize(loss)
    session.run(tf.global_variables_initializer())
    for _ in range(STEPS):
        session.run(train)
    np.testing.assert_allclose(sparse.eval(), dense.eval(), rtol=1e-6)


def test_learning_rate_as_placeholder_and_as_function(session):
    x = tf.Variable(1.0)
    rate = tf.placeholder(tf.float32, [])
    train = tf.train.GradientDescentOptimizer(rate).minimize(x * 3.0)
    late = tf.train.GradientDescentOptimizer(lambda: 0.25).minimize(x * 4.0)
    session.run(x.initializer)
    session.run(train, {rate: 0.5})
    assert x.eval() == -0.5
    session.run(late)
    assert x.eval() == -1.5


def test_a_learning_rate_of_another_dtype_is_cast(session):
    x = tf.Variable(np.float64(1.0))
    train = tf.train.GradientDescentOptimizer(tf.constant(0.5)).minimize(x * x)
    session.run(x.initializer)
    session.run(train)
    assert x.eval() == 0.0


def test_global_step_is_counted_after_all_updates(session):
    x, y = tf.Variable(1.0), tf.Variable(2.0)
    step = tf.Variable(0, trainable=False, name="global_step")
    train = tf.train.GradientDescentOptimizer(0.1).minimize(x * y, global_step=step, name="go")
    updates = {op for op in train.graph.get_operations() if op.type == "ApplyGradientDescent"}
    found, stack = set(), [train]
    while stack:
        op = stack.pop()
        found.add(op)
        stack += [c for c in [*op.control_inputs, *(t.op for t in op.inputs)] if c not in found]
    assert len(updates) == 2 and updates <= found
    assert train.name == "go" and train.type == "AssignAdd"
    session.run(tf.global_variables_initializer())
    for n in range(1, 4):
        session.run(train)
        assert step.eval() == n
    assert train in tf.get_collection(tf.GraphKeys.TRAIN_OP)


def test_names_of_slots():
    with tf.name_scope("model"):
        w = tf.Variable([1.0], name="w")
    v = tf.Variable([1.0], name="v")
    optimizer = tf.train.AdamOptimizer()
    with tf.name_scope("training"):
        train = optimizer.minimize(tf.reduce_sum(w * v))
    assert optimizer.get_slot_names() == ["m", "v"]
    assert [optimizer.get_slot(x, s).op.name for x in (w, v) for s in ("m", "v")] == ["model/w/Adam", "model/w/Adam_1", "v/Adam", "v/Adam_1"]
    assert [x.op.name for x in optimizer.variables()] == ["beta1_power", "beta2_power", "model/w/Adam", "model/w/Adam_1", "v/Adam", "v/Adam_1"]
    assert train.name == "training/Adam" and optimizer.get_name() == "Adam"
    assert [x.op.name for x in tf.trainable_variables()] == ["model/w", "v"]
    assert optimizer.get_slot(w, "momentum") is None
    again = optimizer.minimize(tf.reduce_sum(w + v))
    assert again.name == "Adam" and len(optimizer.variables()) == 6


def test_slots_live_with_their_variable():
    with tf.device("/device:CPU:1"):
        w = tf.Variable([1.0], name="w")
    optimizer = tf.train.AdamOptimizer()
    optimizer.minimize(tf.reduce_sum(w * w))
    update = tf.get_default_graph().get_operation_by_name("Adam/update_w/ApplyAdam")
    assert {optimizer.get_slot(w, "m").device, optimizer.get_slot(w, "v").device, update.device} == {w.device}


def test_two_steps_of_the_client_compose_with_clipping(session):
    x = tf.Variable([3.0, 4.0])
    optimizer = tf.train.GradientDescentOptimizer(1.0)
    pairs = optimizer.compute_gradients(0.5 * tf.reduce_sum(x * x))
    train = optimizer.apply_gradients([(tf.clip_by_norm(g, 1.0), v) for g, v in pairs])
    session.run(tf.global_variables_initializer())
    session.run(train)
    np.testing.assert_allclose(x.eval(), [3 - 0.6, 4 - 0.8], rtol=1e-6)


def test_a_variable_that_the_loss_does_not_depend_on_is_left_alone(session):
    x, other = tf.Variable(1.0), tf.Variable(5.0)
    optimizer = tf.train.AdamOptimizer()
    pairs = optimizer.compute_gradients(x * x)
    assert pairs[1] == (None, other)
    train = optimizer.apply_gradients(pairs)
    session.run(tf.global_variables_initializer())
    session.run(train)
    assert other.eval() == 5.0 and optimizer.get_slot(other, "m") is None


def test_grad_loss_var_list_and_gates(session):
    x, y = tf.Variable(2.0), tf.Variable(3.0)
    optimizer = tf.train.GradientDescentOptimizer(0.1)
    session.run(tf.global_variables_initializer())
    for gate in (tf.train.Optimizer.GATE_NONE, tf.train.Optimizer.GATE_OP, tf.train.Optimizer.GATE_GRAPH):
        pairs = optimizer.compute_gradients(x * y, var_list=[y, x], gate_gradients=gate, grad_loss=tf.constant(10.0))
        assert session.run([g for g, _ in pairs]) == [20.0, 30.0]
    with pytest.raises(ValueError, match="gate_gradients must be one of: Optimizer.GATE_NONE, Optimizer.GATE_OP, Optimizer.GATE_GRAPH.  Not 7"):
        optimizer.compute_gradients(x * y, gate_gradients=7)


def test_refusals():
    optimizer = tf.train.GradientDescentOptimizer(0.1)
    with pytest.raises(ValueError, match="No variables to optimize"):
        optimizer.minimize(tf.constant(1.0))
    x, n = tf.Variable(1.0, name="x"), tf.Variable(1, name="n")
    with pytest.raises(ValueError, match="(?s)No gradients provided for any variable, check your graph for ops that do not support gradients, "
                                         r"between variables .*<tf.Variable 'x:0'.* and loss .*Floor.* has no derivative"):
        optimizer.minimize(tf.floor(x), var_list=[x])
    with pytest.raises(ValueError, match="No gradients provided for any variable.*'n:0'"):
        optimizer.minimize(x * 2.0, var_list=[n])
    with pytest.raises(ValueError, match="Invalid type int32 for .*, expected: "):
        optimizer.compute_gradients(x * 2.0, grad_loss=tf.constant(1))
    with pytest.raises(ValueError, match="Invalid type int32"):
        optimizer.minimize(tf.constant(1), var_list=[x])
    with pytest.raises(TypeError, match="The loss must be a tensor, got <function"):
        optimizer.minimize(lambda: x * 2.0)
    with pytest.raises(TypeError, match="Argument is not a variable"):
        optimizer.minimize(x * 2.0, var_list=[tf.constant(1.0)])
    with pytest.raises(ValueError, match="No variables provided"):
        optimizer.apply_gradients([])
    with pytest.raises(ValueError, match="No gradients provided for any variable: .*'x:0'"):
        optimizer.apply_gradients([(None, x)])
    with pytest.raises(TypeError, match="Gradient must be convertible to a Tensor or IndexedSlices, or None"):
        optimizer.apply_gradients([(object(), x)])
    with pytest.raises(TypeError, match="Variable must be a tf.Variable"):
        optimizer.apply_gradients([(tf.constant(1.0), tf.constant(2.0))])
    with pytest.raises(ValueError, match="Must specify the optimizer name"):
        tf.train.GradientDescentOptimizer(0.1, name="")
    with pytest.raises(NotImplementedError):
        tf.train.Optimizer(False, "Plain").minimize(x * 2.0, var_list=[x])


def test_an_optimizer_of_the_users_own(session):
    class SignDescent(tf.train.Optimizer):
        def __init__(self, rate):
            super().__init__(False, "SignDescent")
            self.rate = rate

        def _apply_dense(self, grad, var):
            return var.assign_sub(self.rate * tf.sign(grad)).op

    x = tf.Variable([1.0, -2.0])
    train = SignDescent(0.5).minimize(tf.reduce_sum(x * x))
    session.run(tf.global_variables_initializer())
    session.run(train)
    assert x.eval().tolist() == [0.5, -1.5]


def test_repeated_rows_are_added_up_before_an_update_that_is_not_linear(session):
    class Squared(tf.train.Optimizer):
        def __init__(self):
            super().__init__(False, "Squared")

        def _apply_sparse(self, grad, var):
            return var.scatter_sub(tf.IndexedSlices(tf.square(grad.values), grad.indices)).op

    table = tf.Variable([1.0, 1.0, 1.0])
    train = Squared().minimize(tf.reduce_sum(tf.gather(table, [2, 0, 2, 2])))
    session.run(tf.global_variables_initializer())
    session.run(train)
    assert table.eval().tolist() == [0.0, 1.0, 1.0 - 9.0]


def test_logistic_regression_learns(session):
    random = np.random.RandomState(0)
    points = random.randn(200, 2)
    labels = (points @ [1.0, -2.0] > 0.3).astype(np.int64)
    x, y = tf.placeholder(tf.float32, [None, 2]), tf.placeholder(tf.int64, [None])
    w, b = tf.Variable(tf.zeros([2, 2])), tf.Variable(tf.zeros([2]))
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=tf.matmul(x, w) + b))
    train = tf.train.AdamOptimizer(0.1).minimize(loss)
    session.run(tf.global_variables_initializer())
    losses = [session.run([loss, train], {x: points, y: labels})[0] for _ in range(100)]
    assert losses[0] == pytest.approx(np.log(2), rel=1e-5) and losses[-1] < 0.15
