"""cond, case and while_loop: values, which ops run, shapes, and what the errors say."""
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minitf as tf


@pytest.fixture
def sess():
    with tf.Graph().as_default(), tf.Session() as session:
        yield session


# ---- cond -------------------------------------------------------------------------------------------------------------------

def test_the_branch_that_is_chosen_gives_the_value(sess):
    x = tf.placeholder(tf.float32, [])
    y = tf.cond(x < 0., lambda: -x, lambda: tf.sqrt(x))
    assert sess.run([y], {x: -3.}) == [3.] and sess.run(y, {x: 4.}) == 2.
    assert y.get_shape() == [] and y.dtype is tf.float32


def test_exactly_the_taken_branch_runs(sess):
    calls, p = [], tf.placeholder(tf.bool, [])

    def noting(name):
        def note(value):
            calls.append(name)
            return value
        return lambda: tf.py_func(note, [tf.constant(1.)], tf.float32)
    y = tf.cond(p, noting("true"), noting("false"))
    for value in (True, False, False, True):
        sess.run(y, {p: value})
    assert calls == ["true", "false", "false", "true"]


def test_only_the_taken_branch_assigns(sess):
    p, x = tf.placeholder(tf.bool, []), tf.placeholder(tf.float32, [])
    v, w = tf.Variable(1., name="v"), tf.Variable(2., name="w")
    after = tf.cond(p, lambda: tf.assign(v, x), lambda: tf.assign_add(w, x))
    sess.run(tf.global_variables_initializer())
    assert sess.run(after, {p: True, x: 5.}) == 5. and sess.run([v, w]) == [5., 2.]
    assert sess.run(after, {p: False, x: 5.}) == 7. and sess.run([v, w]) == [5., 7.]


def test_an_outer_tensor_is_computed_whichever_branch_is_taken_and_the_user_is_told(sess):
    p, v = tf.placeholder(tf.bool, []), tf.Variable(1.)
    outside = tf.identity(tf.assign_add(v, 1.))
    with pytest.warns(UserWarning, match="'AssignAdd' .AssignAdd. runs whichever branch is taken"):
        y = tf.cond(p, lambda: outside, lambda: tf.constant(0.))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tf.cond(p, lambda: v.value(), lambda: tf.random_uniform([]))        # reads and random numbers change nothing
    sess.run(v.initializer)
    assert sess.run(y, {p: False}) == 0. and sess.run(v) == 2.


@pytest.mark.parametrize("make, value", [
    (lambda x: [x, x + 1.], [2., 3.]), (lambda x: (x, [x + 1., {"b": x, "a": -x}]), (2., [3., {"b": 2., "a": -2.}])),
    (lambda x: {"k": x}, {"k": 2.}), (lambda x: [x], 2.), (lambda x: ((x,),), (2.,))])
def test_results_are_nested_as_the_functions_return_them(sess, make, value):
    p, x = tf.placeholder(tf.bool, []), tf.placeholder(tf.float32, [])
    y = tf.cond(p, lambda: make(x), lambda: make(x * 2.))
    assert sess.run(y, {p: True, x: 2.}) == value


def test_strict_keeps_lists_of_one(sess):
    y = tf.cond(tf.constant(True), lambda: [tf.constant(1.)], lambda: [tf.constant(2.)], strict=True)
    assert isinstance(y, list) and sess.run(y) == [1.]


def test_a_function_may_return_an_operation(sess):
    p, v = tf.placeholder(tf.bool, []), tf.Variable(1.)
    done = tf.cond(p, lambda: v.assign_add(1.).op, lambda: tf.no_op())
    sess.run(v.initializer)
    assert [sess.run([done, v], {p: p_})[0] for p_ in (True, False, True)] == [True, False, True] and sess.run(v) == 3.


def test_static_shape_is_what_the_branches_have_in_common(sess):
    p = tf.placeholder(tf.bool, [])
    y = tf.cond(p, lambda: tf.zeros([2, 3]), lambda: tf.zeros([2, 4]))
    assert y.get_shape().as_list() == [2, None]
    z = tf.reduce_sum(y + 1.)                         # what follows is compiled for the shape that comes
    assert sess.run(z, {p: True}) == 6. and sess.run(z, {p: False}) == 8.
    assert tf.cond(p, lambda: tf.zeros([2]), lambda: tf.zeros([])).get_shape().ndims is None


def test_what_is_known_outside_is_known_inside(sess):
    n = tf.constant(3)
    y = tf.cond(tf.placeholder_with_default(True, []), lambda: tf.zeros([n, 2]), lambda: tf.ones([n, 2]))
    assert y.get_shape() == [3, 2]
    x = tf.placeholder(tf.float32, [None, 5])
    z = tf.cond(tf.reduce_sum(x) > 0., lambda: tf.zeros([tf.shape(x)[1]]), lambda: tf.ones([5]))
    assert z.get_shape() == [5]


def test_a_branch_whose_shapes_do_not_fit_fails_only_if_it_is_taken(sess):
    x = tf.placeholder(tf.float32, [None])
    y = tf.cond(tf.equal(tf.size(x), 4), lambda: tf.reshape(x, [2, 2]), lambda: tf.zeros([2, 2]))
    assert sess.run(y, {x: [1, 2, 3, 4]}).tolist() == [[1, 2], [3, 4]]
    assert sess.run(y, {x: [1, 2, 3]}).tolist() == [[0, 0], [0, 0]]


def test_shapes_that_depend_on_values(sess):
    p, n = tf.placeholder(tf.bool, []), tf.placeholder(tf.int32, [])
    y = tf.reduce_sum(tf.cond(p, lambda: tf.ones([n, 2]), lambda: tf.ones([n + 1]))) * 2.
    for value, size, total in ((True, 3, 12.), (False, 3, 8.), (True, 5, 20.), (True, 3, 12.)):
        assert sess.run(y, {p: value, n: size}) == total


def test_errors_of_cond():
    with tf.Graph().as_default():
        p, one = tf.placeholder(tf.bool, []), lambda: tf.constant(1.)
        with pytest.raises(TypeError, match="pred must not be a Python bool"):
            tf.cond(True, one, one)
        with pytest.raises(TypeError, match="true_fn must be callable"):
            tf.cond(p, tf.constant(1.), one)
        with pytest.raises(TypeError, match="false_fn argument required"):
            tf.cond(p, one)
        with pytest.raises(TypeError, match="true_fn and fn1 may not be set simultaneously"):
            tf.cond(p, one, one, fn1=one)
        with pytest.raises(ValueError, match="fn1 and fn2 must return the same number of results."):
            tf.cond(p, lambda: [tf.constant(1.), tf.constant(2.)], one)
        with pytest.raises(ValueError, match="Outputs of fn1 and fn2 must have the same type: float32, int32"):
            tf.cond(p, one, lambda: tf.constant(1))
        with pytest.raises(TypeError, match="nested differently"):
            tf.cond(p, lambda: [one(), one()], lambda: (one(), one()))
        with pytest.raises(TypeError, match="bool tensor"):
            tf.cond(tf.constant(1.), one, one)
        with pytest.raises(ValueError, match="must be a scalar"):
            tf.cond(tf.constant([True]), one, one)
        assert tf.cond(p, fn1=one, fn2=one).dtype is tf.float32


def test_what_is_inside_can_not_be_used_fetched_or_fed_outside(sess):
    inside = []

    def leak():
        inside.append(tf.constant(1.) + 1.)
        return inside[0]
    y = tf.cond(tf.constant(True), leak, lambda: tf.constant(2.))
    with pytest.raises(ValueError, match="Operation 'cond/add' has been marked as not fetchable."):
        sess.run(inside[0])
    with pytest.raises(ValueError, match="Operation 'cond/add' has been marked as not fetchable"):
        sess.run("cond/add:0")
    with pytest.raises(TypeError, match="not fetchable"):
        sess.run(y, {inside[0]: 1.})
    with pytest.raises(ValueError, match="only what the body returns can be used outside it"):
        tf.identity(inside[0])
    with pytest.raises(ValueError, match="inside a branch or loop body"):
        tf.cond(tf.constant(True), lambda: inside[0] * 2., lambda: tf.constant(2.))


# ---- case -------------------------------------------------------------------------------------------------------------------

def test_case_takes_the_first_that_is_true(sess):
    x = tf.placeholder(tf.int32, [])
    y = tf.case([(x < 1, lambda: tf.constant(10)), (x < 2, lambda: tf.constant(20)), (x < 3, lambda: x * 100)], default=lambda: tf.constant(-1))
    assert [sess.run(y, {x: v}) for v in (0, 1, 2, 3)] == [10, 20, 200, -1]
    assert sess.run(tf.case({x > 1: lambda: tf.constant(1)}, default=lambda: tf.constant(0)), {x: 5}) == 1


def test_case_without_default_and_exclusive(sess):
    x = tf.placeholder(tf.int32, [])
    y = tf.case([(x < 1, lambda: tf.constant(10)), (x > 5, lambda: tf.constant(20))])
    assert sess.run(y, {x: 0}) == 10 and sess.run(y, {x: 6}) == 20
    with pytest.raises(tf.errors.InvalidArgumentError, match="None of the conditions evaluated as True"):
        sess.run(y, {x: 3})
    z = tf.case([(x > 1, lambda: tf.constant(10)), (x > 5, lambda: tf.constant(20))], default=lambda: tf.constant(0), exclusive=True)
    assert sess.run(z, {x: 3}) == 10 and sess.run(z, {x: 0}) == 0
    with pytest.raises(tf.errors.InvalidArgumentError, match="More than one condition evaluated as True"):
        sess.run(z, {x: 9})
    with pytest.raises(TypeError, match="pred must be Tensor of type bool"):
        tf.case([(True, lambda: tf.constant(1))])
    with pytest.raises(TypeError, match="must be a 2-tuple"):
        tf.case([(x > 1, lambda: x, 3)])


# ---- while_loop -------------------------------------------------------------------------------------------------------------

def test_a_loop(sess):
    i, total = tf.while_loop(lambda i, s: i < 10, lambda i, s: (i + 1, s + i), [0, 0])
    assert sess.run([i, total]) == [10, 45]
    n = tf.placeholder(tf.int32, [])
    one = tf.while_loop(lambda i: i < n, lambda i: i * 2 + 1, [0])
    assert isinstance(one, tf.Tensor) and [sess.run(one, {n: v}) for v in (0, 1, 100)] == [0, 1, 127]
    assert isinstance(tf.while_loop(lambda i: i < n, lambda i: [i + 1], [0], return_same_structure=True), list)


def test_nested_loop_variables(sess):
    pair = {"a": tf.constant(1.), "b": (tf.constant(2.), [tf.constant([3., 4.])])}
    i, out = tf.while_loop(lambda i, d: i < 2, lambda i, d: (i + 1, {"a": d["a"] + d["b"][0], "b": (d["b"][0] * 2., [d["b"][1][0] + d["a"]])}), [0, pair])
    result = sess.run(out)
    assert result["a"] == 7. and result["b"][0] == 8. and result["b"][1][0].tolist() == [7., 8.]


def test_variables_pass_each_other(sess):
    x = tf.placeholder(tf.float32, [2])
    out = tf.while_loop(lambda i, a, b, c: i < 5, lambda i, a, b, c: (i + 1, b, a, c), [0, x, x * 2., x * 3.])
    assert [v.tolist() for v in sess.run(out[1:], {x: [1, 2]})] == [[2, 4], [1, 2], [3, 6]]
    out = tf.while_loop(lambda i, a, b: i < 3, lambda i, a, b: (i + 1, a + 1., a + 1.), [0, x, x])
    assert [v.tolist() for v in sess.run(out[1:], {x: [1, 2]})] == [[4, 5], [4, 5]]


def test_maximum_iterations(sess):
    forever = lambda *args: True
    assert sess.run(tf.while_loop(forever, lambda i: i + 2, [0], maximum_iterations=4)) == 8
    n = tf.placeholder(tf.int32, [])
    i, d = tf.while_loop(forever, lambda i, d: (i + 1, {"x": d["x"] * 2}), [0, {"x": 1}], maximum_iterations=n)
    assert sess.run([i, d], {n: 3}) == [3, {"x": 8}]
    with pytest.raises(ValueError, match="maximum_iterations must be a scalar"):
        tf.while_loop(forever, lambda i: i + 2, [0], maximum_iterations=[1, 2])


def test_growing_shapes(sess):
    x = tf.placeholder(tf.int32, [None])
    i, grown = tf.while_loop(lambda i, a: i < 4, lambda i, a: (i + 1, tf.concat([a, [i]], 0)), [0, x], shape_invariants=[[], [None]])
    assert grown.get_shape().as_list() == [None]
    assert sess.run(grown * 2, {x: [7]}).tolist() == [14, 0, 2, 4, 6] and sess.run(grown, {x: []}).tolist() == [0, 1, 2, 3]


def test_variables_assigned_in_a_loop(sess):
    v = tf.Variable(1.)

    def body(i):
        with tf.control_dependencies([v.assign_add(tf.cast(i, tf.float32))]):
            return tf.identity(i) + 1
    loop = tf.while_loop(lambda i: i < 4, body, [0])
    seen = tf.while_loop(lambda i, s: i < 3, lambda i, s: (i + 1, s + v.assign_add(1.)), [0, 0.])[1]
    sess.run(v.initializer)
    assert sess.run([loop]) == [4] and sess.run(v) == 7.
    assert sess.run(seen) == 8. + 9. + 10. and sess.run(v) == 10.


def test_variables_made_inside_are_made_once_outside(sess):
    p = tf.constant(True)

    def layer(x):
        with tf.variable_scope("layer", reuse=tf.AUTO_REUSE):
            return x * tf.get_variable("w", [], initializer=tf.constant_initializer(3.)) + tf.Variable(lambda: tf.constant(1.), name="b")
    y = tf.cond(p, lambda: layer(tf.constant(2.)), lambda: layer(tf.constant(5.)))
    z = tf.while_loop(lambda i, a: i < 2, lambda i, a: (i + 1, layer(a)), [0, 1.])[1]
    assert [v.name for v in tf.global_variables()][0] == "layer/w:0" and all(v.graph is sess.graph for v in tf.global_variables())
    sess.run(tf.global_variables_initializer())
    assert sess.run([y, z]) == [7., 13.]
    with pytest.raises(ValueError, match="is from inside a control-flow construct"):
        tf.cond(p, lambda: tf.Variable(tf.constant(1.) + 1.), lambda: tf.constant(1.))


def test_control_dependencies_reach_out_of_a_body(sess):
    v = tf.Variable(0.)
    before = v.assign(5.)

    def read():
        with tf.control_dependencies([before.op]):
            return v.read_value()
    y = tf.cond(tf.constant(True), read, lambda: tf.constant(0.))
    with tf.control_dependencies([before]):
        z = tf.while_loop(lambda i, a: i < 1, lambda i, a: (i + 1, v.read_value()), [0, 0.])[1]
    sess.run(v.initializer)
    assert sess.run(y) == 5.
    sess.run(v.initializer)
    assert sess.run(z) == 5.


def test_random_numbers_differ_from_iteration_to_iteration_and_repeat_with_a_seed():
    def draw():
        with tf.Graph().as_default(), tf.Session() as sess:
            tf.set_random_seed(3)
            a = tf.while_loop(lambda i, s: i < 4, lambda i, s: (i + 1, tf.concat([s, tf.random_uniform([1])], 0)), [0, tf.zeros([0])],
                              shape_invariants=[[], [None]])[1]
            b = tf.cond(tf.constant(True), lambda: tf.random_uniform([4]), lambda: tf.random_uniform([4]))
            return sess.run([a, b])
    a, b = draw()
    assert len(set(a) | set(b)) == 8
    assert np.array_equal(draw(), [a, b])


def test_errors_of_while_loop():
    with tf.Graph().as_default():
        body, go_on = lambda i: i + 1, lambda i: i < 3
        with pytest.raises(TypeError, match="cond must be callable"):
            tf.while_loop(True, body, [0])
        with pytest.raises(TypeError, match="body must be callable"):
            tf.while_loop(go_on, 1, [0])
        with pytest.raises(ValueError, match="No loop variables provided"):
            tf.while_loop(lambda: True, lambda: (), [])
        with pytest.raises(TypeError, match="parallel_iterations must be a positive integer"):
            tf.while_loop(go_on, body, [0], parallel_iterations=0)
        with pytest.raises(ValueError, match="Number of inputs and outputs of body must match loop_vars: 1, 2"):
            tf.while_loop(go_on, lambda i: (i, i), [0])
        with pytest.raises(TypeError, match="enters the loop with dtype int32, but has dtype float32 after one iteration"):
            tf.while_loop(go_on, lambda i: tf.cast(i, tf.float32), [0])
        with pytest.raises(ValueError, match=r"enters the loop with shape \(1,\), but has shape \(2,\) after one iteration"):
            tf.while_loop(lambda a: True, lambda a: tf.concat([a, a], 0), [tf.zeros([1])])
        with pytest.raises(ValueError, match="The shape invariant specified for .* is not compatible with the initial shape"):
            tf.while_loop(lambda a: True, lambda a: a, [tf.zeros([2])], shape_invariants=[tf.TensorShape([3])])
        with pytest.raises(ValueError, match="nested as loop_vars are"):
            tf.while_loop(lambda a: True, lambda a: a, [tf.zeros([2])], shape_invariants=[[2], [3]])
        with pytest.raises(TypeError, match="must return a bool scalar"):
            tf.while_loop(lambda a: a, lambda a: a, [tf.zeros([])])
        with pytest.raises(ValueError, match="same nested structure"):
            tf.while_loop(lambda a, b: True, lambda a, b: [(a, b[0])], [0, [1]])


def test_strings_go_round_too(sess):
    out = tf.while_loop(lambda i, s: i < 2, lambda i, s: (i + 1, tf.cond(i < 1, lambda: tf.constant([b"a", b"b"]), lambda: s)), [0, tf.constant([b"x", b"y"])])[1]
    assert sess.run(out).tolist() == [b"a", b"b"]


# ---- random programs --------------------------------------------------------------------------------------------------------

class Numbers:
    """The operations of a random program on NumPy arrays and Python control flow."""
    @staticmethod
    def cond(p, a, b):
        return a() if p else b()

    @staticmethod
    def loop(n, body, values):
        for k in range(n):
            values = body(np.int32(k), values)
        return values
    maximum = staticmethod(np.maximum)
    total = staticmethod(np.sum)


class Tensors:
    """The same on tensors."""
    cond = staticmethod(tf.cond)

    @staticmethod
    def loop(n, body, values):
        return tf.while_loop(lambda k, v: k < n, lambda k, v: (k + 1, body(k, v)), [0, list(values)])[1]
    maximum = staticmethod(tf.maximum)

    @staticmethod
    def total(x):
        return tf.reduce_sum(x)


def program(recipe, m, values):
    """Run a recipe, a nested list of instructions, on the values (two vectors)."""
    for kind, which, inner, other in recipe:
        x, y = values[which], values[1 - which]
        if kind == "add":
            new = x + y
        elif kind == "mix":
            new = m.maximum(x * np.float32(0.5), y - x)
        elif kind == "swap":
            values = [values[1], values[0]]
            continue
        elif kind == "cond":
            values = m.cond(m.total(x) > m.total(y), lambda v=values: program(inner, m, list(v)), lambda v=values: program(other, m, list(v)))
            values = list(values)
            continue
        else:
            def body(k, v):
                return program(inner, m, [v[0] * np.float32(0.5), v[1]])
            values = list(m.loop(which + 2, body, list(values)))
            continue
        values = [new, values[1]] if which == 0 else [values[0], new]
    return list(values)


recipes = st.recursive(
    st.lists(st.tuples(st.sampled_from(["add", "mix", "swap"]), st.integers(0, 1), st.just([]), st.just([])), max_size=4),
    lambda inner: st.lists(st.tuples(st.sampled_from(["add", "mix", "cond", "loop"]), st.integers(0, 1), inner, inner), max_size=3), max_leaves=6)


@settings(max_examples=40, deadline=None)
@given(recipes, st.lists(st.integers(-4, 4), min_size=6, max_size=6), st.booleans())
def test_random_programs(recipe, numbers, known_shapes):
    with tf.Graph().as_default(), tf.Session() as sess:
        values = [np.array(numbers[:3], np.float32), np.array(numbers[3:], np.float32)]
        xs = [tf.placeholder(tf.float32, [3] if known_shapes else [None]) for _ in range(2)]
        result = [tf.identity(t) for t in program(recipe, Tensors, list(xs))]
        for sign in (1., -1.):
            fed = [v * np.float32(sign) for v in values]
            np.testing.assert_array_equal(sess.run(result, dict(zip(xs, fed))), program(recipe, Numbers, fed))


def test_a_body_runs_on_one_device(sess):
    p = tf.placeholder(tf.bool, [])

    def on(device):
        with tf.device(device):
            return tf.constant(1.) + 1.
    assert tf.cond(p, lambda: on("/cpu:1"), lambda: tf.constant(0.)).op.device == "/device:CPU:1"
    with tf.device("/cpu:0"), pytest.warns(UserWarning, match="asks for device /device:CPU:1, but 'cond_1' .StatelessIf. runs wholly on one device, /device:CPU:0"):
        tf.cond(p, lambda: on("/cpu:1"), lambda: tf.constant(0.))


def test_a_variable_whose_shape_a_branch_changes(sess):
    p, v = tf.placeholder(tf.bool, []), tf.Variable(tf.zeros([2]), validate_shape=False)

    def grow():
        with tf.control_dependencies([tf.assign(v, tf.ones([3]), validate_shape=False)]):
            return v.read_value()
    y = tf.cond(p, grow, lambda: v.read_value() + 1.)
    sess.run(v.initializer)
    assert [sess.run(y, {p: q}).tolist() for q in (False, True, False)] == [[1, 1], [1, 1, 1], [2, 2, 2]]
    assert sess.run(v * 2.).tolist() == [2, 2, 2]


# ---- conditions whose shape only the run knows ------------------------------------------------------------------------------

@pytest.mark.parametrize("fed", [[], [True], [[True, False]]])
def test_a_condition_that_is_no_scalar_is_refused_in_the_run(sess, fed):
    p = tf.placeholder(tf.bool)
    chosen = tf.cond(p, lambda: tf.constant(1), lambda: tf.constant(2))
    looped = tf.while_loop(lambda i: tf.logical_and(p, i < 3), lambda i: i + 1, [0])
    assert sess.run([chosen, looped], {p: True}) == [1, 3]
    for result in (chosen, looped):
        with pytest.raises(tf.errors.InvalidArgumentError, match="must be a bool scalar, but it has shape"):
            sess.run(result, {p: fed})
