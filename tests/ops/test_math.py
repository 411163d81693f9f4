"""Names, dtypes and operators of ops made through the public functions."""
import numpy as np
import pytest

import minitf as tf


def types(tensor):
    return tensor.op.type, tensor.dtype


def test_default_names(names):
    x = tf.placeholder("float32", [2, 2], name="x")
    built = [x + x, x - x, x * x, x / x, x // x, x % x, x ** x, -x, abs(x), x < x, tf.add(x, x), tf.matmul(x, x), tf.reduce_sum(x, [0]), tf.stack([x, x]),
             tf.concat([x, x], 0), tf.nn.relu(x), tf.transpose(x), tf.reshape(x, [4]), tf.negative(x, name="minus")]
    assert [t.op.name for t in built] == ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "Neg", "Abs", "Less", "Add", "MatMul", "Sum",
                                          "stack", "concat", "Relu", "transpose", "Reshape", "minus"]
    assert (x + x).op.name == "add_1"
    with tf.name_scope("layer"):
        assert tf.matmul(x, x).op.name == "layer/MatMul"
        assert tf.nn.dropout(x, 0.5).op.name == "layer/dropout"


def test_composite_ops_keep_their_parts_in_a_scope_of_their_name(names):
    x = tf.placeholder("float32", [2, 2], name="x")
    assert tf.nn.l2_normalize(x, 1, name="unit").op.name == "unit"
    assert all(n == "x" or n == "unit" or n.startswith("unit/") for n in names())


def test_operators_have_the_right_operand_order():
    x = tf.placeholder("float32", [2], name="x")
    for t, op_type in ((1 - x, "Sub"), (1 / x, "RealDiv"), (1 // x, "FloorDiv"), (2 % x, "FloorMod"), (2 ** x, "Pow")):
        assert t.op.type == op_type and t.op.inputs[1] is x
    array = np.ones(2, np.float32)
    assert (array * x).op.type == "Mul" and (array * x).op.inputs[1] is x
    scalar = np.float32(2) * x
    assert scalar.op.type == "Mul" and scalar.op.inputs[1] is x
    b = tf.placeholder("bool")
    assert [(b & b).op.type, (b | b).op.type, (~b).op.type, (b ^ b).op.type] == ["LogicalAnd", "LogicalOr", "LogicalNot", "NotEqual"]
    assert (x == x) is True and x in {x}


def test_python_numbers_adopt_the_other_operands_dtype():
    for dtype in (tf.float64, tf.int64, tf.int32, tf.float32):
        x = tf.placeholder(dtype, [2])
        assert (x + 1).dtype is dtype and (1 + x).dtype is dtype and tf.maximum(x, 0).dtype is dtype


def test_nothing_is_promoted_silently():
    a, b = tf.placeholder("float32", [2]), tf.placeholder("int32", [2])
    with pytest.raises(TypeError, match="Input 'y' of 'Mul' Op has type int32 that does not match type float32 of argument 'x'"):
        tf.multiply(a, b)
    with pytest.raises(TypeError):
        b + 1.5
    with pytest.raises(TypeError, match="same dtype"):
        a / b
    with pytest.raises(TypeError, match="not in the list of allowed values"):
        tf.sqrt(b)
    with pytest.raises(TypeError):
        tf.logical_and(a, a)
    with pytest.raises(TypeError):
        tf.gather(a, a)


def test_division():
    i, f = tf.placeholder("int32", [2]), tf.placeholder("float32", [2])
    assert types(i / i) == ("RealDiv", tf.float64) and types(f / 2) == ("RealDiv", tf.float32)
    assert types(tf.div(i, i)) == ("FloorDiv", tf.int32) and types(tf.div(f, f)) == ("RealDiv", tf.float32)
    assert types(tf.div(7, 2)) == ("FloorDiv", tf.int32) and types(tf.div(7.0, 2)) == ("RealDiv", tf.float32)
    assert types(i // 2) == ("FloorDiv", tf.int32) and types(tf.truediv(3, 2)) == ("RealDiv", tf.float64)
    assert (i / i).op.name.startswith("truediv")


def test_cast():
    x = tf.placeholder("float32", [2])
    assert tf.cast(x, tf.float32) is x
    assert tf.to_int64(x).dtype is tf.int64 and tf.to_float(3).dtype is tf.float32 and tf.cast(x, "bool").dtype is tf.bool
    assert tf.saturate_cast(x, tf.uint8).dtype is tf.uint8


def test_reductions_accept_old_and_new_argument_names():
    x = tf.placeholder("float32", [2, 3])
    assert tf.reduce_sum(x, reduction_indices=[1]).get_shape() == [2]
    assert tf.reduce_sum(x, 1, keep_dims=True).get_shape() == [2, 1]
    assert tf.reduce_sum(x, 1, keepdims=True).get_shape() == [2, 1]
    assert tf.reduce_sum(x, 1, True).get_shape() == [2, 1]
    assert tf.argmax(x, dimension=1).get_shape() == [2] and tf.argmax(x).get_shape() == [3]
    assert tf.expand_dims(x, dim=0).get_shape() == [1, 2, 3] and tf.squeeze(tf.zeros([1, 2]), squeeze_dims=[0]).get_shape() == [2]
    with pytest.raises(ValueError, match="both"):
        tf.reduce_sum(x, 1, reduction_indices=1)
    with pytest.raises(ValueError, match="both"):
        tf.argmax(x, 1, dimension=1)


def test_shape_size_rank_are_constants_where_known():
    x, y = tf.placeholder("float32", [2, 3]), tf.placeholder("float32", [None, 3])
    assert [t.op.type for t in (tf.shape(x), tf.size(x), tf.rank(x), tf.rank(y))] == ["Const"] * 4
    assert [t.op.type for t in (tf.shape(y), tf.size(y), tf.rank(tf.placeholder("float32")))] == ["Shape", "Size", "Rank"]
    assert tf.shape(x, out_type=tf.int64).dtype is tf.int64 and tf.shape(y, out_type=tf.int64).dtype is tf.int64
    assert tf.shape(tf.constant(1.0)).get_shape() == [0]
    assert tf.reshape(tf.zeros([1]), []).get_shape() == []


def test_zeros_and_ones():
    assert tf.zeros([2, 3]).op.type == "Const" and tf.zeros([2, 3]).dtype is tf.float32
    assert tf.ones([1000, 1000], tf.int32).op.type == "Fill"
    assert tf.zeros([]).get_shape() == [] and tf.zeros([0, 3]).get_shape() == [0, 3] and tf.ones(3).get_shape() == [3]
    assert tf.zeros([2], tf.bool).dtype is tf.bool
    x = tf.placeholder("float64", [None, 2])
    assert tf.zeros_like(x).op.type == "ZerosLike" and tf.ones_like(x, tf.int32).dtype is tf.int32
    assert tf.zeros(tf.shape(x)).get_shape().as_list() == [None, 2]


def test_range_takes_the_widest_dtype():
    assert tf.range(3).dtype is tf.int32 and tf.range(3.0).dtype is tf.float32 and tf.range(0, tf.constant(3, tf.int64)).dtype is tf.int64
    assert tf.range(0, 5, 2, dtype=tf.float64).dtype is tf.float64


def test_one_hot_dtype():
    assert tf.one_hot([0], 3).dtype is tf.float32 and tf.one_hot([0], 3, 5, 0).dtype is tf.int32
    assert tf.one_hot([0], 3, dtype=tf.bool).dtype is tf.bool and tf.one_hot([0], 3, on_value=True, off_value=False).dtype is tf.bool


def test_stateful_and_alias_flags():
    from minitf.core.registry import op_def
    for name in ("VariableV2", "Assign", "AssignAdd", "ScatterSub", "ApplyAdam", "RandomUniform", "TruncatedNormal", "RandomUniformInt"):
        assert op_def(name).is_stateful, name
    for name in ("Reshape", "ExpandDims", "Squeeze", "Identity", "StopGradient"):
        assert op_def(name).is_alias, name
    for name in ("Add", "Mul", "SquaredDifference", "Equal", "LogicalAnd"):
        assert op_def(name).is_commutative, name
    for name in ("Sub", "Maximum", "Minimum", "AddN"):        # the order decides the sign of a zero, the rounding of a sum
        assert not op_def(name).is_commutative, name
    assert op_def("Where").is_dynamic and op_def("Unique").is_dynamic


def test_seeds():
    seeds = lambda t: (t.op.attrs["seed"], t.op.attrs["seed2"])
    assert seeds(tf.random_uniform([2])) == (0, 0)
    assert seeds(tf.random_uniform([2], seed=5)) == (87654321, 5)
    tf.set_random_seed(3)
    assert seeds(tf.random_uniform([2], seed=5)) == (3, 5)
    a, b = tf.random_uniform([2]), tf.random_uniform([2])
    assert seeds(a)[0] == seeds(b)[0] == 3 and seeds(a) != seeds(b)
    with pytest.raises(ValueError, match="maxval"):
        tf.random_uniform([2], dtype=tf.int32)
    assert tf.random_uniform([2], maxval=10, dtype=tf.int32).op.type == "RandomUniformInt"
    assert tf.random_normal([2], stddev=0.1).op.type == "Add" and tf.truncated_normal([2]).op.type == "TruncatedNormal"


def test_group_tuple_and_dependencies():
    x, y = tf.constant(1.0, name="x"), tf.constant(2.0, name="y")
    g = tf.group(x, [y.op])
    assert g.type == "NoOp" and set(g.control_inputs) == {x.op, y.op}
    assert tf.group().type == "NoOp" and tf.no_op(name="nothing").name == "nothing"
    a, nothing, b = tf.tuple([x, None, y])
    assert nothing is None and a.op.type == "Identity" and a.op.control_inputs == b.op.control_inputs
    with tf.device("/cpu:1"):
        z = tf.constant(3.0)
    spread = tf.group(x, y, z)
    assert len(spread.control_inputs) == 2 and all(op.type == "NoOp" for op in spread.control_inputs)
    with pytest.raises(TypeError, match="Expected operation"):
        tf.group(3)


def test_indexed_slices_become_dense():
    x = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    slices = tf.IndexedSlices(x, tf.constant([0, 2]), tf.constant([5, 2]))
    dense = tf.convert_to_tensor(slices)
    assert dense.op.type == "UnsortedSegmentSum" and dense.get_shape() == [5, 2]
    assert (slices.dtype, slices.get_shape().as_list()) == (tf.float32, [5, 2])
    with pytest.raises(ValueError, match="without dense_shape"):
        tf.convert_to_tensor(tf.IndexedSlices(x, tf.constant([0, 2])))


def test_clip():
    x = tf.placeholder("float32", [2, 3], name="x")
    slices = tf.IndexedSlices(x, tf.constant([0, 1]), tf.constant([5, 3]))
    (a, nothing, s), norm = tf.clip_by_global_norm([x, None, slices], 5.0)
    assert nothing is None and a.get_shape() == [2, 3] and isinstance(s, tf.IndexedSlices) and norm.get_shape() == []
    assert tf.clip_by_value(x, -1, 1).get_shape() == [2, 3] and tf.clip_by_norm(x, 1.0).get_shape() == [2, 3]
    with pytest.raises(TypeError):
        tf.global_norm(x)


def test_embedding_lookup():
    table = tf.zeros([10, 4])
    ids = tf.placeholder("int64", [None, 3])
    assert tf.nn.embedding_lookup(table, ids).get_shape().as_list() == [None, 3, 4]
    for strategy in ("mod", "div"):
        assert tf.nn.embedding_lookup([table, table], ids, strategy).get_shape().as_list() == [None, 3, 4]
    assert tf.nn.embedding_lookup(table, ids, max_norm=1.0).get_shape().as_list() == [None, 3, 4]
    with pytest.raises(ValueError, match="partition strategy"):
        tf.nn.embedding_lookup([table, table], ids, "by name")


def test_index_errors():
    x = tf.placeholder("float32", [2, 3])
    for key in (1.0, "a", True, tf.constant(1.0)):
        with pytest.raises(TypeError):
            x[key]
    with pytest.raises(ValueError, match="ellips"):
        x[..., ...]


@pytest.mark.parametrize("module, name, near", [(tf, "reduce_summ", "reduce_sum"), (tf.nn, "sofmax", "softmax"), (tf.train, "AdamOptimiser", "AdamOptimizer"),
                                                (tf.errors, "InvalidArgument", "InvalidArgumentError")])
def test_unknown_names_propose_near_ones(module, name, near):
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'; the nearest names are .*{near}"):
        getattr(module, name)


@pytest.mark.parametrize("value, dtype, kind, text", [
    (2 ** 63, None, ValueError, "9223372036854775808 does not fit into int64"), (2 ** 70, None, ValueError, "does not fit into int64"),
    ([1, -2 ** 70], "int32", ValueError, "does not fit into int32"), (300, "uint8", ValueError, "300 does not fit into uint8"),
    (None, None, TypeError, "not numbers"), (np.array([1, 2], object), None, TypeError, "not numbers"), ("text", "int32", TypeError, "Expected int32"),
    (1.5, "int32", TypeError, "Expected int32, got 1.5"), ([[1], [2, 3]], None, ValueError, "rows of different lengths")])
def test_what_no_constant_can_hold(value, dtype, kind, text):
    with pytest.raises(kind, match=text):
        tf.constant(value, dtype)


def test_large_python_ints_are_floats_where_floats_are_wanted():
    for value in (2 ** 63, 2 ** 70, -2 ** 70):
        assert tf.constant(value, "float64").op.attrs["value"] == float(value)


def test_numpy_can_not_take_a_tensor():
    x, v = tf.placeholder("float32", [2], name="x"), tf.Variable([1.0, 2.0], name="v")
    for take in (np.array, np.asarray, np.sum, np.exp, lambda t: np.dot(np.ones(2), t), lambda t: np.array([t, t])):
        for t in (x, v):
            with pytest.raises(TypeError, match=f"has no values before a session runs it.*'{t.name[0]}"):
                take(t)
    assert isinstance(np.ones(2, np.float32) * x, tf.Tensor) and isinstance(np.float32(2) * v, tf.Tensor)
