"""get_variable and variable_scope as TensorFlow 1.x has them, rule by rule and text by text."""
import numpy as np
import pytest

import minitf as tf


def refuses(text, *arguments, kind=ValueError, **options):
    with pytest.raises(kind) as e:
        tf.get_variable(*arguments, **options)
    assert text in str(e.value), str(e.value)
    return str(e.value)


def test_errors_show_both_lines_and_near_names():
    with tf.variable_scope("layer1"):
        tf.get_variable("weights", [1])                                # the first line
        text = refuses("Variable layer1/weights already exists, disallowed. Did you mean to set reuse=True in VarScope? Originally defined at:", "weights", [1])
        assert "test_letter.py" in text and "in test_errors_show_both_lines_and_near_names" in text
    with tf.variable_scope("layer1", reuse=True):
        refuses("Variable layer1/weigths does not exist, or was not created with tf.get_variable(). Did you mean to set reuse=None in VarScope? "
                "The nearest names are layer1/weights.", "weigths", [1])
        refuses("Trying to share variable layer1/weights, but specified shape (3,) and found shape (1,).", "weights", [3])
        refuses("Trying to share variable layer1/weights, but specified dtype int32 and found dtype float32.", "weights", [1], tf.int32)


@pytest.mark.parametrize("outer, inner, expected", [
    (None, None, None), (None, False, None), (None, True, True), (None, tf.AUTO_REUSE, tf.AUTO_REUSE), (False, None, False), (True, None, True), (True, False, True),
    (True, tf.AUTO_REUSE, tf.AUTO_REUSE), (tf.AUTO_REUSE, None, tf.AUTO_REUSE), (tf.AUTO_REUSE, False, tf.AUTO_REUSE), (tf.AUTO_REUSE, True, True)])
def test_reuse_is_inherited_and_not_switched_off(outer, inner, expected):
    with tf.variable_scope("a", reuse=outer) as a, tf.variable_scope("b", reuse=inner) as b:
        assert bool(b.reuse) is bool(expected) and (b.reuse is tf.AUTO_REUSE) is (expected is tf.AUTO_REUSE)
    assert not tf.get_variable_scope().reuse
    with tf.variable_scope(a) as again:                                # by object: as it was
        assert again.reuse == a.reuse
    with tf.variable_scope("a") as by_name:                            # by name: anew
        assert not by_name.reuse


def test_reuse_variables_holds_until_the_scope_ends():
    with tf.variable_scope("a"):
        v = tf.get_variable("v", [1])
        tf.get_variable_scope().reuse_variables()
        assert tf.get_variable("v") is v
        with tf.variable_scope("b") as inner:
            assert inner.reuse is True
    with tf.variable_scope("a"):
        refuses("already exists", "v", [1])


@pytest.mark.parametrize("arguments, options, text", [
    (("",), {}, "get_variable needs a name"), ((None,), {}, "get_variable needs a name"), ((3, [1]), {}, "get_variable needs a name, got 3"),
    (("x y", [1]), {}, "'x y' is not a valid scope name"), (("v",), {}, "Shape of a new variable (v) must be fully defined, but instead was <unknown>."),
    (("v", [None, 2]), {}, "Shape of a new variable (v) must be fully defined, but instead was (?, 2)."), (("v", [-1]), {}, "Dimension -1 must be >= 0"),
    (("v", [1]), dict(initializer=np.ones(1)), "If initializer is a constant, do not specify shape."),
    (("v", [2]), dict(initializer="zeros"), "If initializer is a constant, do not specify shape."),
    (("v",), dict(initializer=tf.zeros_initializer), "must be fully defined"), (("v",), dict(initializer=lambda shape, dtype: 1.0), "must be fully defined"),
    (("v",), dict(initializer=np.int32(3), dtype=tf.float64), "Initializer type '<dtype: 'int32'>' and explicit dtype '<dtype: 'float64'>' don't match.")])
def test_what_no_variable_can_be_made_of(arguments, options, text):
    refuses(text, *arguments, **options)
    assert tf.global_variables() == []


@pytest.mark.parametrize("options, dtype, shape", [
    (dict(initializer=[1.0, 2.0]), tf.float32, [2]), (dict(initializer=3), tf.int32, []), (dict(initializer=np.float64(3)), tf.float64, []),
    (dict(initializer=3, dtype=tf.float64), tf.float64, []), (dict(initializer=lambda: tf.zeros([2])), tf.float32, [2]), (dict(shape=3), tf.float32, [3]),
    (dict(shape=[]), tf.float32, []), (dict(shape=[2], dtype="int64"), tf.int64, [2]), (dict(shape=[2], dtype=tf.bool), tf.bool, [2]),
    (dict(shape=[0, 2], dtype=tf.string), tf.string, [0, 2]), (dict(shape=tf.TensorShape([2]), initializer=tf.ones_initializer), tf.float32, [2])])
def test_dtypes_and_shapes_of_new_variables(options, dtype, shape):
    v = tf.get_variable("v", **options)
    assert v.dtype.base_dtype is dtype and v.shape.as_list() == shape
    with tf.Session() as sess:
        sess.run(v.initializer)
        assert sess.run(v).shape == tuple(shape)


def test_names_of_variables_and_of_ops():
    with tf.name_scope("n"), tf.variable_scope("foo"), tf.name_scope("m"):
        v = tf.get_variable("v", [1])
        assert [v.name, v.op.name, v.value().name, v.initializer.name] == ["foo/v:0", "foo/v", "foo/v/read:0", "foo/v/Assign"]
        assert v.initial_value.name.startswith("foo/v/Initializer/") and tf.constant(1.0).op.name == "n/foo/m/Const"
    with tf.variable_scope("foo"):
        assert tf.constant(1.0).op.name == "foo/Const" and tf.get_variable("w", [1]).name == "foo/w:0"
    with tf.variable_scope("foo"):
        assert tf.constant(1.0).op.name == "foo_1/Const" and tf.get_variable("x", [1]).name == "foo/x:0"
    with tf.variable_scope("a/b") as scope:
        assert (scope.name, scope.original_name_scope, tf.get_variable("v", [1]).name) == ("a/b", "a/b/", "a/b/v:0")
    with tf.variable_scope("") as root:
        assert (root.name, tf.get_variable("root", [1]).name, tf.constant(1.0).op.name) == ("", "root:0", "Const")


def test_a_scope_entered_again_by_object():
    with tf.variable_scope("a") as a:
        pass
    with tf.variable_scope("b"), tf.variable_scope(a) as again:
        assert (again.name, again.original_name_scope) == ("a", "a/")
        assert (tf.get_variable("v", [1]).name, tf.constant(1.0).op.name) == ("a/v:0", "b/a/Const")
    with tf.variable_scope(a):
        assert tf.constant(1.0).op.name == "a_1/Const"
    with tf.variable_scope(a, auxiliary_name_scope=False), tf.name_scope(a.original_name_scope):
        assert tf.constant(1.0).op.name == "a/Const"
    with tf.variable_scope("c", auxiliary_name_scope=False):
        assert (tf.get_variable("v", [1]).name, tf.constant(1.0).op.name) == ("c/v:0", "Const")


def test_default_names():
    for expected in ("d", "d_1", "d_2"):
        with tf.variable_scope(None, "d") as scope:
            assert scope.name == expected and tf.get_variable("w", [1]).name == expected + "/w:0"
    with tf.variable_scope("x", "d") as scope:
        assert scope.name == "x"
    for _ in range(2):                                                 # inside a scope that is entered again, they come out the same
        with tf.variable_scope("out", reuse=tf.AUTO_REUSE):
            for expected in ("out/in", "out/in_1"):
                with tf.variable_scope(None, "in") as scope:
                    assert scope.name == expected
    for arguments, options, kind in (((None,), {}, TypeError), ((None, "d"), dict(reuse=True), ValueError), ((3,), {}, TypeError), ((None, "x y"), {}, ValueError)):
        with pytest.raises(kind), tf.variable_scope(*arguments, **options):
            pass
    with pytest.raises(TypeError, match="VariableScope: name_or_scope must be a string or VariableScope"), tf.variable_scope(3):
        pass
    assert tf.get_variable_scope().name == "" and tf.get_default_graph().get_name_scope() == ""


def test_defaults_of_a_scope_are_inherited_and_overridden():
    ini, getter = tf.constant_initializer(3.0), lambda getter, *args, **kwargs: getter(*args, **kwargs)
    with tf.variable_scope("a", initializer=ini, regularizer=tf.nn.l2_loss, caching_device="/cpu:1", dtype=tf.float64, custom_getter=getter, use_resource=True,
                           partitioner=tf.fixed_size_partitioner(2)) as a:
        with tf.variable_scope("b") as b:
            pass
        with tf.variable_scope("c", initializer=tf.zeros_initializer(), dtype=tf.int32, caching_device="/cpu:2") as c:
            pass
    assert b.initializer is ini and b.regularizer is tf.nn.l2_loss and b.caching_device == "/cpu:1" and b.dtype is tf.float64 and b.use_resource is True
    assert b.partitioner is a.partitioner is not None and b.custom_getter is getter
    assert c.initializer is not ini and c.dtype is tf.int32 and c.caching_device == "/cpu:2" and c.regularizer is tf.nn.l2_loss
    root = tf.get_variable_scope()
    assert (root.initializer, root.regularizer, root.caching_device, root.partitioner, root.custom_getter, root.dtype) == (None,) * 5 + (tf.float32,)
    with tf.variable_scope("s") as s:
        s.set_initializer(ini), s.set_dtype(tf.float64), s.set_caching_device("/cpu:1"), s.set_regularizer(tf.nn.l2_loss), s.set_use_resource(False)
        v = tf.get_variable("v", [2])
        assert v.dtype.base_dtype is tf.float64 and v.value().device == "/device:CPU:1" and v.initial_value.op.get_attr("value").tolist() == [3, 3]
        tf.get_variable("w", [2], regularizer=tf.no_regularizer)
        s.set_partitioner(tf.fixed_size_partitioner(2))
        assert len(list(tf.get_variable("p", [4]))) == 2
        assert [t.op.name for t in tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)][0] == "s/v/Regularizer/L2Loss"
        assert not any("s/w/" in t.op.name for t in tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES))


def test_what_a_scope_holds():
    tf.get_variable("out", [1])
    with tf.variable_scope("a.b") as scope:
        v, w = tf.get_variable("v", [1]), tf.get_variable("w", [1], trainable=False)
        u = tf.get_local_variable("u", [1])
    with tf.variable_scope("axb"):
        tf.get_variable("v", [1])
    assert scope.global_variables() == [v, w] and scope.trainable_variables() == [v] and scope.local_variables() == [u]
    assert len(tf.get_variable_scope().global_variables()) == 4 and scope.get_collection(tf.GraphKeys.GLOBAL_VARIABLES) == [v, w]


def test_custom_getters_wrap_from_the_inside():
    calls = []

    def getter(tag):
        def get(getter, name, *args, **kwargs):
            calls.append((tag, name, sorted(kwargs)[:3]))
            return tf.identity(getter(name, *args, **kwargs), name=tag)
        return get
    with tf.variable_scope("a", custom_getter=getter("outer")):
        with tf.variable_scope("b", custom_getter=getter("inner")):
            assert tf.get_variable("v", [1]).op.name == "inner"
    assert calls == [("inner", "a/b/v", ["caching_device", "collections", "dtype"]), ("outer", "a/b/v", ["caching_device", "collections", "dtype"])]
    assert tf.get_variable("z", [1], custom_getter=getter("own")).op.name == "own" and [v.name for v in tf.global_variables()] == ["a/b/v:0", "z:0"]


def test_a_partitioned_variable_is_found_again():
    with tf.variable_scope("s", partitioner=tf.fixed_size_partitioner(3)):
        w = tf.get_variable("w", [7, 2])
    assert [v.name for v in w] == [f"s/w/part_{i}:0" for i in range(3)] and [v.shape.as_list() for v in w] == [[3, 2], [2, 2], [2, 2]]
    for partitioner in (None, tf.fixed_size_partitioner(3)):
        with tf.variable_scope("s", reuse=True, partitioner=partitioner):
            assert tf.get_variable("w", [7, 2]) is w


def test_assign_says_both_shapes():
    v, p = tf.Variable([1.0, 2.0]), tf.placeholder(tf.float32)
    with pytest.raises(ValueError, match=r"Assign requires shapes of both tensors to match. lhs shape= \[2\] rhs shape= \[3\]"):
        v.assign([1.0, 2.0, 3.0])
    update = v.assign(p)
    with tf.Session() as sess, pytest.raises(tf.errors.InvalidArgumentError, match=r"Assign requires shapes of both tensors to match. lhs shape= \[2\] rhs shape= \[3\]"):
        sess.run(update, {p: [1.0, 2.0, 3.0]})
