"""Every optimizer, step by step, against NumPy in float64: dense gradients, and sparse ones with repeated rows."""
import numpy as np
import pytest

import minitf as tf

from . import numpy_optimizers as reference

STEPS = 8
train = tf.train
# name -> (the optimizer, given the global step; its reference, given the shape)
OPTIMIZERS = {
    "sgd": (lambda t: train.GradientDescentOptimizer(0.05), lambda s: reference.GradientDescent(s, rate=0.05)),
    "momentum": (lambda t: train.MomentumOptimizer(0.02, 0.8), lambda s: reference.Momentum(s, rate=0.02, momentum=0.8)),
    "nesterov": (lambda t: train.MomentumOptimizer(0.02, 0.8, use_nesterov=True),
                 lambda s: reference.Momentum(s, rate=0.02, momentum=0.8, nesterov=True)),
    "adagrad": (lambda t: train.AdagradOptimizer(0.3, 0.5), lambda s: reference.Adagrad(s, rate=0.3, initial=0.5)),
    "rmsprop": (lambda t: train.RMSPropOptimizer(0.05), lambda s: reference.RMSProp(s, rate=0.05)),
    "rmsprop_momentum": (lambda t: train.RMSPropOptimizer(0.05, 0.7, 0.6, 0.01),
                         lambda s: reference.RMSProp(s, rate=0.05, decay=0.7, momentum=0.6, epsilon=0.01)),
    "rmsprop_centered": (lambda t: train.RMSPropOptimizer(0.05, 0.8, 0.5, 0.1, centered=True),
                         lambda s: reference.RMSProp(s, rate=0.05, decay=0.8, momentum=0.5, epsilon=0.1, centered=True)),
    "adadelta": (lambda t: train.AdadeltaOptimizer(1.0, 0.9, 1e-3), lambda s: reference.Adadelta(s, rate=1.0, rho=0.9, epsilon=1e-3)),
    "ftrl": (lambda t: train.FtrlOptimizer(0.3), lambda s: reference.Ftrl(s, rate=0.3)),
    "ftrl_l1_l2": (lambda t: train.FtrlOptimizer(0.3, initial_accumulator_value=0.2, l1_regularization_strength=0.5, l2_regularization_strength=0.1),
                   lambda s: reference.Ftrl(s, rate=0.3, initial=0.2, l1=0.5, l2=0.1)),
    "ftrl_power": (lambda t: train.FtrlOptimizer(0.3, learning_rate_power=-0.8, l1_regularization_strength=0.1),
                   lambda s: reference.Ftrl(s, rate=0.3, power=-0.8, l1=0.1)),
    "ftrl_shrinkage_beta": (lambda t: train.FtrlOptimizer(0.3, l2_shrinkage_regularization_strength=0.2, l1_regularization_strength=0.1, beta=0.4),
                            lambda s: reference.Ftrl(s, rate=0.3, shrinkage=0.2, l1=0.1, beta=0.4)),
    "proximal_sgd": (lambda t: train.ProximalGradientDescentOptimizer(0.05, 0.3, 0.2),
                     lambda s: reference.ProximalGradientDescent(s, rate=0.05, l1=0.3, l2=0.2)),
    "proximal_adagrad": (lambda t: train.ProximalAdagradOptimizer(0.3, 0.2, 0.3, 0.2),
                         lambda s: reference.ProximalAdagrad(s, rate=0.3, initial=0.2, l1=0.3, l2=0.2)),
    "adagrad_da": (lambda t: train.AdagradDAOptimizer(0.3, t, 0.2, 0.05, 0.01),
                   lambda s: reference.AdagradDA(s, rate=0.3, initial=0.2, l1=0.05, l2=0.01)),
    "adam": (lambda t: train.AdamOptimizer(0.1, 0.8, 0.95, 1e-3), lambda s: reference.Adam(s, rate=0.1, beta1=0.8, beta2=0.95, epsilon=1e-3)),
}
TOLERANCE = {tf.float32: 2e-4, tf.float64: 1e-9}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_dense(session, name, dtype):
    make, oracle = OPTIMIZERS[name]
    start = np.random.RandomState(0).randn(5, 7)
    x, step = tf.Variable(start.astype(dtype.as_numpy_dtype)), tf.train.get_or_create_global_step()
    weights = np.linspace(0.1, 2, 35).reshape(5, 7)
    op = make(step).minimize(tf.reduce_sum(tf.constant(weights, dtype) * tf.square(x)), global_step=step)
    oracle, expected = oracle(start.shape), x_as_stored(start, dtype)
    session.run(tf.global_variables_initializer())
    for _ in range(STEPS):
        expected = oracle.step(expected, 2 * weights * expected)
        session.run(op)
        np.testing.assert_allclose(x.eval(), expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
    assert np.abs(expected - start).max() > 0.01, "the optimizer hardly moved: nothing was tested"


@pytest.mark.parametrize("dtype, index_dtype", [(tf.float32, tf.int64), (tf.float64, tf.int32)])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_sparse(session, name, dtype, index_dtype):
    make, oracle = OPTIMIZERS[name]
    start = np.random.RandomState(0).randn(6, 2, 3)
    x, step = tf.Variable(start.astype(dtype.as_numpy_dtype)), tf.train.get_or_create_global_step()
    ids = tf.placeholder(index_dtype, [None])
    optimizer = make(step)
    grads = optimizer.compute_gradients(tf.reduce_sum(tf.square(tf.gather(x, ids))), [x])
    assert isinstance(grads[0][0], tf.IndexedSlices)
    op = optimizer.apply_gradients(grads, step)
    oracle, expected = oracle(start.shape), x_as_stored(start, dtype)
    session.run(tf.global_variables_initializer())
    for chosen in ([1], [5, 0, 5], [], [2, 2, 2, 2], [0, 1, 2, 3, 4, 5], [3, 1, 3], [5], [4, 0]):
        chosen = np.array(chosen, int)
        expected = oracle.rows(expected, chosen, 2 * expected[chosen])
        session.run(op, {ids: chosen})
        np.testing.assert_allclose(x.eval(), expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


def x_as_stored(x, dtype):
    return x.astype(dtype.as_numpy_dtype).astype(np.float64)


SLOTS = {
    "momentum": {"momentum": "w/Momentum"}, "adagrad": {"accumulator": "w/Adagrad"},
    "rmsprop": {"rms": "w/RMSProp", "momentum": "w/RMSProp_1"},
    "rmsprop_centered": {"rms": "w/RMSProp", "mg": "w/RMSProp_1", "momentum": "w/RMSProp_2"},
    "adadelta": {"accum": "w/Adadelta", "accum_update": "w/Adadelta_1"}, "ftrl": {"accum": "w/Ftrl", "linear": "w/Ftrl_1"},
    "sgd": {}, "proximal_sgd": {}, "proximal_adagrad": {"accumulator": "w/ProximalAdagrad"},
    "adagrad_da": {"gradient_accumulator": "w/AdagradDA", "gradient_squared_accumulator": "w/AdagradDA_1"},
    "adam": {"m": "w/Adam", "v": "w/Adam_1"},
}


@pytest.mark.parametrize("name", SLOTS)
def test_slots_are_named_as_in_checkpoints_of_tensorflow(name):
    w, step = tf.Variable([1.0, 2.0], name="w"), tf.train.create_global_step()
    optimizer = OPTIMIZERS[name][0](step)
    with tf.name_scope("anywhere"):
        optimizer.minimize(tf.reduce_sum(w * w), step)
    assert optimizer.get_slot_names() == sorted(SLOTS[name])
    assert {slot: optimizer.get_slot(w, slot).op.name for slot in SLOTS[name]} == SLOTS[name]
    for slot in SLOTS[name]:
        kept = optimizer.get_slot(w, slot)
        assert kept not in tf.trainable_variables() and kept in tf.global_variables()
    others = ["beta1_power", "beta2_power"] if name == "adam" else []
    assert [v.op.name for v in optimizer.variables()] == sorted([*SLOTS[name].values(), *others])


def test_two_optimizers_of_one_variable_keep_apart(session):
    w = tf.Variable([1.0], name="w")
    first, second = tf.train.MomentumOptimizer(0.1, 0.9), tf.train.MomentumOptimizer(0.1, 0.9)
    for optimizer in (first, second):
        optimizer.minimize(tf.reduce_sum(w * w))
    assert second.get_slot(w, "momentum").op.name == "w/Momentum_1"


def test_ftrl_slots_with_names_of_their_own():
    w = tf.Variable([1.0], name="w")
    optimizer = tf.train.FtrlOptimizer(0.1, accum_name="squares", linear_name="sums")
    optimizer.minimize(tf.reduce_sum(w * w))
    assert [optimizer.get_slot(w, s).op.name for s in ("accum", "linear")] == ["w/squares", "w/sums"]


def test_first_values_of_slots(session):
    w = tf.Variable([[1.0, 2.0]], name="w")
    optimizers = [tf.train.AdagradOptimizer(0.1, 0.25), tf.train.RMSPropOptimizer(0.1, centered=True), tf.train.FtrlOptimizer(0.1, initial_accumulator_value=0.5)]
    for optimizer in optimizers:
        optimizer.minimize(tf.reduce_sum(w * w))
    session.run(tf.global_variables_initializer())
    got = {(o.get_name(), s): o.get_slot(w, s).eval().tolist() for o in optimizers for s in o.get_slot_names()}
    ones = np.ones((1, 2))
    assert got == {("Adagrad", "accumulator"): (0.25 * ones).tolist(), ("RMSProp", "rms"): ones.tolist(), ("RMSProp", "mg"): (0 * ones).tolist(),
                   ("RMSProp", "momentum"): (0 * ones).tolist(), ("Ftrl", "accum"): (0.5 * ones).tolist(), ("Ftrl", "linear"): (0 * ones).tolist()}


def test_slots_of_a_variable_without_a_static_shape(session):
    w = tf.Variable(tf.placeholder_with_default(np.float32([3.0, 4.0]), [None]), validate_shape=False, name="w")
    op = tf.train.AdagradOptimizer(1.0, 0.5).minimize(tf.reduce_sum(w * w))
    session.run(tf.global_variables_initializer())
    session.run(op)
    np.testing.assert_allclose(w.eval(), [3 - 6 / np.sqrt(36.5), 4 - 8 / np.sqrt(64.5)], rtol=1e-6)


def test_hyper_parameters_as_tensors_and_functions(session):
    x, rate = tf.Variable([1.0, -2.0]), tf.placeholder(tf.float64, [])
    op = tf.train.MomentumOptimizer(rate, lambda: 0.5).minimize(tf.reduce_sum(x * x))
    oracle, expected = reference.Momentum((2,), rate=None, momentum=0.5), np.array([1.0, -2.0])
    session.run(tf.global_variables_initializer())
    for oracle.rate in (0.1, 0.2, 0.05):
        expected = oracle.step(expected, 2 * expected)
        session.run(op, {rate: oracle.rate})
        np.testing.assert_allclose(x.eval(), expected, rtol=1e-6)


def test_a_number_is_not_rounded_to_float32_for_a_float64_variable(session):
    x = tf.Variable(np.float64(1.0))
    op = tf.train.MomentumOptimizer(0.1, 0.0).minimize(x)
    session.run(tf.global_variables_initializer())
    session.run(op)
    assert x.eval() == 1.0 - 0.1


@pytest.mark.parametrize("make, message", [
    (lambda: tf.train.AdagradOptimizer(0.1, 0.0), "initial_accumulator_value must be positive: 0.0"),
    (lambda: tf.train.ProximalAdagradOptimizer(0.1, -1.0), "initial_accumulator_value must be positive: -1.0"),
    (lambda: tf.train.AdagradDAOptimizer(0.1, 0, 0.0), "initial_gradient_squared_accumulator_value must be positive: 0.0"),
    (lambda: tf.train.FtrlOptimizer(0.1, 0.5), "learning_rate_power 0.500000 needs to be negative or zero"),
    (lambda: tf.train.FtrlOptimizer(0.1, initial_accumulator_value=-1.0), "initial_accumulator_value -1.000000 needs to be positive or zero"),
    (lambda: tf.train.FtrlOptimizer(0.1, l1_regularization_strength=-1.0), "l1_regularization_strength -1.000000 needs to be positive or zero"),
    (lambda: tf.train.FtrlOptimizer(0.1, l2_regularization_strength=-1.0), "l2_regularization_strength -1.000000 needs to be positive or zero"),
    (lambda: tf.train.FtrlOptimizer(0.1, l2_shrinkage_regularization_strength=-1.0), "l2_shrinkage_regularization_strength -1.000000 needs"),
])
def test_hyper_parameters_that_make_no_sense(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("name", ["momentum", "adagrad", "rmsprop_centered", "ftrl", "proximal_sgd", "adam"])
def test_an_index_outside_is_refused_and_changes_nothing(session, name):
    x, step, ids = tf.Variable(np.ones((4, 2), np.float32)), tf.train.get_or_create_global_step(), tf.placeholder(tf.int32, [None])
    op = OPTIMIZERS[name][0](step).apply_gradients([(tf.IndexedSlices(tf.ones([2, 2]), ids), x)])
    session.run(tf.global_variables_initializer())
    with pytest.raises(tf.errors.InvalidArgumentError, match="Index 4 at offset 1 in indices is out of range"):
        session.run(op, {ids: [0, 4]})
    assert (x.eval() == 1).all()
