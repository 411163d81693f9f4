"""Variables changed row by row and place by place, counted up, cut into pieces; initializers; what has no value yet."""
import numpy as np
import pytest

import minitf as tf

NUMBERS = [np.float32, np.float64, np.int32, np.int64]
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def session(graph):
    with tf.Session() as sess:
        yield sess


def variable(value):
    v = tf.Variable(value)
    v.initializer.run()
    return v


HOW = {"update": lambda a, b: b, "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": lambda a, b: (a / b).astype(a.dtype),
       "min": np.minimum, "max": np.maximum}


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("indices, shape", [([2, 0, 2], (4, 3)), ([[1, 1], [0, 3]], (4,)), ([], (2, 3)), (1, (3, 1)), ([0, 1], (2, 0))], ids=str)
def test_scatter(how, dtype, indices, shape, session):
    indices = np.array(indices, np.int64)
    start = RNG.integers(-20, 20, shape).astype(dtype)
    updates = RNG.integers(1, 9, indices.shape + shape[1:]).astype(dtype)
    v, expected = variable(start), start.copy()
    for place in np.ndindex(indices.shape):
        expected[indices[place]] = HOW[how](expected[indices[place]], updates[place])
    result = session.run(getattr(tf, f"scatter_{how}")(v, indices, updates))
    np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(v.eval(), expected)


def test_scatter_with_nan_and_by_zero(session):
    v = variable(np.float32([1, np.nan, 3]))
    np.testing.assert_array_equal(session.run(tf.scatter_max(v, [0, 1, 2], [np.nan, 1, 5])), [np.nan, np.nan, 5])
    np.testing.assert_array_equal(session.run(tf.scatter_div(v, [2], [0.0])), [np.nan, np.nan, np.inf])
    n = variable(np.int32([8, -2**31]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="Integer division by zero"):
        session.run(tf.scatter_div(n, [0, 1], [2, 0]))
    assert n.eval().tolist() == [8, -2**31]
    assert session.run(tf.scatter_div(n, [0, 1], [-3, -1])).tolist() == [-2, -2**31]


@pytest.mark.parametrize("how", ["update", "add", "sub"])
@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("indices, shape", [([[2, 0], [0, 1], [2, 0]], (4, 3)), ([[1], [3]], (4, 2)), ([1, 2], (2, 3)), (np.zeros((0, 2)), (2, 3))], ids=str)
def test_scatter_nd(how, dtype, indices, shape, session):
    indices = np.array(indices, np.int32)
    start = RNG.integers(-20, 20, shape).astype(dtype)
    updates = RNG.integers(1, 9, indices.shape[:-1] + shape[indices.shape[-1]:]).astype(dtype)
    v, expected = variable(start), start.copy()
    for place in np.ndindex(indices.shape[:-1]):
        at = tuple(indices[place])
        expected[at] = HOW[how](expected[at], updates[place])
    np.testing.assert_array_equal(session.run(getattr(tf, f"scatter_nd_{how}")(v, indices, updates)), expected)
    method = {"update": v.scatter_nd_update, "add": v.scatter_nd_add, "sub": v.scatter_nd_sub}[how]
    session.run(method(indices, updates))
    if how == "update":
        np.testing.assert_array_equal(v.eval(), expected)


def test_scatter_nd_refuses(session):
    v = variable(np.zeros((2, 3), np.float32))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"indices\[1\] = \[2, 0\] does not index into shape \[2,3\]"):
        session.run(tf.scatter_nd_add(v, [[0, 0], [2, 0]], [1.0, 2.0]))
    assert not v.eval().any()
    with pytest.raises(ValueError, match="Must have updates.shape"):
        tf.scatter_nd_update(v, [[0, 0]], [[1.0]])


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_count_up_to(dtype, session):
    v = variable(dtype(0))
    count = v.count_up_to(3)
    assert [session.run(count) for _ in range(3)] == [0, 1, 2] and count.dtype == dtype
    for op in (count, tf.count_up_to(v, 3)):
        with pytest.raises(tf.errors.OutOfRangeError, match="Reached limit of 3"):
            session.run(op)
    assert v.eval() == 3
    with pytest.raises(ValueError, match="rank 0"):
        tf.count_up_to(tf.Variable([1, 2]), 3)
    with pytest.raises(TypeError, match="allowed values"):
        tf.count_up_to(tf.Variable(1.0), 3)


def test_count_up_to_of_an_uninitialized_variable(session):
    with pytest.raises(tf.errors.FailedPreconditionError, match="uninitialized value counter"):
        session.run(tf.Variable(0, name="counter").count_up_to(2))


def test_uninitialized_variables(session):
    a, b = tf.Variable(1.0, name="a"), tf.Variable([2.0], name="b")
    c = tf.get_local_variable("c", [2])
    assert c in tf.local_variables() and c not in tf.trainable_variables() + tf.global_variables()
    report, check = tf.report_uninitialized_variables(), tf.assert_variables_initialized()
    assert session.run(report).tolist() == [b"a", b"b", b"c"]
    with pytest.raises(tf.errors.FailedPreconditionError):
        session.run(check)
    session.run([a.initializer, c.initializer])
    assert session.run(report).tolist() == [b"b"]
    session.run(b.initializer)
    assert session.run(report).tolist() == [] and session.run(check) is None
    assert tf.report_uninitialized_variables([]).eval().shape == (0,) and tf.assert_variables_initialized([]) is None


def test_initial_values_from_other_variables_in_one_step(session):
    w = tf.get_variable("w", initializer=lambda shape, dtype: tf.fill(shape, 3.0), shape=[2])
    twice = tf.Variable(w * 2.0)
    chain = tf.Variable(lambda: twice + w)
    late = tf.Variable(chain.initialized_value() + 1.0)
    session.run(tf.global_variables_initializer())
    assert late.eval().tolist() == [10, 10]


def test_variable_arguments():
    assert tf.Variable([1.0], expected_shape=[1]).shape == [1]
    with pytest.raises(ValueError, match="expected shape"):
        tf.Variable([1.0, 2.0], expected_shape=[1])
    with pytest.raises(ValueError, match="variable_def"):
        tf.Variable(variable_def=object())
    v = tf.Variable(1.0)
    with pytest.raises(TypeError, match="not iterable"):
        iter(v)


@pytest.mark.parametrize("strategy", ["mod", "div"])
def test_partitioned_variables(strategy, session):
    with tf.variable_scope("layer", partitioner=tf.fixed_size_partitioner(3)):
        table = tf.get_variable("table", [7, 2], initializer=tf.random_normal_initializer(seed=1))
        bias = tf.get_variable("bias", [])
    assert isinstance(table, tf.PartitionedVariable) and isinstance(bias, tf.Variable)
    assert [v.op.name for v in table] == ["layer/table/part_0", "layer/table/part_1", "layer/table/part_2"]
    assert [v.shape.as_list() for v in table] == [[3, 2], [2, 2], [2, 2]] and table.get_shape() == [7, 2] and len(table) == 3
    assert table.name == "layer/table" and tf.trainable_variables() == [*table, bias]
    with tf.variable_scope("layer", reuse=True, partitioner=tf.fixed_size_partitioner(3)):
        assert tf.get_variable("table", [7, 2]) is table
    session.run(table.initializer)
    whole = session.run(tf.convert_to_tensor(table))
    np.testing.assert_array_equal(whole, np.concatenate(session.run(list(table))))
    np.testing.assert_array_equal(session.run(table * 2.0), whole * 2)
    ids = np.array([[6, 0], [3, 3]])
    np.testing.assert_array_equal(session.run(tf.nn.embedding_lookup(table, ids, "div")), whole[ids])
    if strategy == "mod":
        rows = session.run(tf.nn.embedding_lookup(table, [0, 1, 2, 3], strategy))
        np.testing.assert_array_equal(rows, whole[[0, 3, 5, 1]])
    grads = tf.gradients(tf.reduce_sum(tf.nn.embedding_lookup(table, ids, "div")), list(table))
    assert [session.run(tf.convert_to_tensor(g)).sum() for g in grads] == [2, 4, 2]


def test_partitioned_variables_refuse():
    three = tf.fixed_size_partitioner(3)
    tf.get_variable("plain", [6])
    tf.get_variable("cut", [6], partitioner=three)
    for build, message in ((lambda: tf.get_variable("plain", [6], partitioner=three), "unpartitioned version"),
                           (lambda: tf.get_variable("cut", [6]), "partitioned version"),
                           (lambda: tf.get_variable("cut", [6], partitioner=three), "already exists"),
                           (lambda: tf.get_variable("a", [6], partitioner=3), "must be callable"),
                           (lambda: tf.get_variable("b", [6, 6], partitioner=lambda shape, dtype: [2, 2]), "one dimension"),
                           (lambda: tf.get_variable("c", [2], partitioner=lambda shape, dtype: [3]), "3 pieces"),
                           (lambda: tf.get_variable("d", [2], partitioner=lambda shape, dtype: [1, 1]), "rank"),
                           (lambda: tf.get_variable("e", [None], partitioner=three), "fully defined")):
        with pytest.raises(ValueError, match=message):
            build()


def test_partitioners():
    shape = tf.TensorShape([100, 8])
    assert tf.fixed_size_partitioner(4)(shape=shape, dtype=tf.float32) == [4, 1]
    assert tf.variable_axis_size_partitioner(800)(shape, tf.float32) == [4, 1]
    assert tf.variable_axis_size_partitioner(800, max_shards=3)(shape, tf.float64) == [3, 1]
    assert tf.variable_axis_size_partitioner(1, axis=1)(shape, tf.float32) == [1, 8]
    assert tf.min_max_variable_partitioner(10, min_slice_size=1000)(shape, tf.float32) == [4, 1]
    assert tf.min_max_variable_partitioner(2, axis=1, min_slice_size=1)(shape, tf.float32) == [1, 2]
    assert tf.min_max_variable_partitioner(10)(shape, tf.float32) == [1, 1]
    pieces = tf.create_partitioned_variables([10, 4], [3, 1], tf.zeros_initializer(), name="pieces")
    assert [p.shape.as_list() for p in pieces] == [[4, 4], [3, 4], [3, 4]]


def test_a_piece_is_scaled_as_the_whole(session):
    for initializer, deviation in ((tf.glorot_uniform_initializer(seed=1), (2 / 1004) ** 0.5), (tf.initializers.he_normal(seed=1), (2 / 1000) ** 0.5)):
        table = tf.get_variable(f"t{deviation}", [1000, 4], initializer=initializer, partitioner=tf.fixed_size_partitioner(10))
        session.run(table.initializer)
        assert abs(session.run(table.as_tensor()).std() / deviation - 1) < 0.05
    eye = tf.get_variable("eye", [5, 3], initializer=tf.initializers.identity(2.0), partitioner=tf.fixed_size_partitioner(2))
    session.run(eye.initializer)
    np.testing.assert_array_equal(session.run(eye.as_tensor()), 2 * np.eye(5, 3))


@pytest.mark.parametrize("shape", [(4, 4), (6, 3), (3, 6), (2, 3, 4), (1, 1)], ids=str)
def test_orthogonal(shape, session):
    for dtype in (tf.float32, tf.float64):
        q = session.run(tf.orthogonal_initializer(gain=2.0, seed=3)(shape, dtype)).reshape(-1, shape[-1]) / 2
        small = q.T @ q if q.shape[0] >= q.shape[1] else q @ q.T
        np.testing.assert_allclose(small, np.eye(len(small)), atol=1e-5)
    with pytest.raises(ValueError, match="two-dimensional"):
        tf.orthogonal_initializer()([3])


@pytest.mark.parametrize("name", ["variance_scaling", "glorot_normal", "glorot_uniform", "lecun_normal", "lecun_uniform", "he_normal", "he_uniform"])
def test_variances(name, session):
    x = session.run(getattr(tf.initializers, name)(seed=1)([200, 300]))
    n = {"variance_scaling": 1 / 200, "glorot_normal": 2 / 500, "glorot_uniform": 2 / 500, "lecun_normal": 1 / 200, "lecun_uniform": 1 / 200}.get(name, 2 / 200)
    assert abs(x.var() / n - 1) < 0.05 and abs(x.mean()) < 0.002


def test_old_scopes():
    with tf.variable_op_scope([], "scope", "default") as scope:
        assert tf.get_variable("v", [1]).op.name == "scope/v" and scope.name == "scope"
    with tf.op_scope([], None, "named"):
        assert tf.constant(1).op.name == "named/Const"
    with tf.variable_scope("r", regularizer=lambda v: tf.reduce_sum(v)):
        tf.get_variable("a", [2])
        tf.get_variable("b", [2], regularizer=tf.no_regularizer)
        tf.get_variable("c", [4], partitioner=tf.fixed_size_partitioner(2))
    assert len(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)) == 3
