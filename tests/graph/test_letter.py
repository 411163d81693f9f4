"""Names, scopes, elements, control edges and the rest of a graph's interface, as TensorFlow 1.x has them, text by text."""
import traceback

import numpy as np
import pytest

import minitf as tf
from minitf.core.registry import register_op
from minitf.ops.apply import apply_op

register_op("TestStored", [], ["y: float32"], ["container: string = ''", "shared_name: string = ''"], is_stateful=True)(lambda c: [[]])


def named(name):
    return tf.constant(1.0, name=name).op.name


# ---- names ------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["a", ".a", "0a", "a/b", "a.b-c_d", "A"])
def test_valid_names(name):
    assert named(name) == name and named(name) == name + "_1"


@pytest.mark.parametrize("name", ["_a", "a b", "-a", "a$", "a\\b", ">a", "/a", "é", "a:0", "^a"])
def test_names_that_are_none(name, graph):
    with pytest.raises(ValueError, match=f"'{''.join(chr(92) + c if c in '$^' + chr(92) else c for c in name)}' is not a valid node name"):
        named(name)
    assert graph.version == 0


def test_numbers_behind_names_do_not_collide(graph):
    assert [named(n) for n in ("a_1", "a", "a", "a", "a_1", "a_1")] == ["a_1", "a", "a_2", "a_3", "a_1_1", "a_1_2"]
    assert graph.unique_name("new") == "new" and graph.unique_name("new", mark_as_used=False) == graph.unique_name("new") == "new_1"
    with tf.name_scope("s"):
        assert graph.unique_name("x") == "s/x"


def test_name_scopes(graph):
    with tf.name_scope("h") as scope:
        assert scope == "h/" and named("c") == "h/c" and graph.get_name_scope() == "h"
        with tf.name_scope("i") as inner:
            assert inner == "h/i/" and graph.get_name_scope() == "h/i"
            with tf.name_scope(None) as root:
                assert root == "" and named("top") == "top"
            with tf.name_scope("") as root:
                assert root == "" and named("top") == "top_1"
            with tf.name_scope("else/") as other:
                assert other == "else/" and named("c") == "else/c"
    with tf.name_scope("h") as again:
        assert again == "h_1/" and named("c") == "h_1/c"
    with tf.name_scope(scope) as back:
        assert back == "h/" and named("c") == "h/c_1"
    assert graph.get_name_scope() == ""
    named("op")
    with tf.name_scope("op") as scope:
        assert scope == "op_1/"


def test_name_scope_as_the_name_of_an_op():
    with tf.name_scope("q") as scope:
        assert tf.add(1.0, 2.0, name=scope).op.name == "q" and named(scope) == "q_1"
    with tf.name_scope("q") as scope:
        assert scope == "q_2/" and tf.identity(1.0, name=scope).op.name == "q_2"


@pytest.mark.parametrize("name", ["_x", "x y", "/", "-a", "$", "a b/"])
def test_names_that_are_no_scope(name, graph):
    with pytest.raises(ValueError, match=f"'{'[$]' if name == '$' else name}' is not a valid scope name"), tf.name_scope(name):
        pass
    assert graph.get_name_scope() == "" and tf.get_default_graph() is graph
    with tf.name_scope("a"), tf.name_scope("_x") as scope:                 # inside another one a name may begin so
        assert scope == "a/_x/"


def test_default_name_and_values(graph):
    x = tf.constant(1.0)
    for arguments, expected in (((None, "d", [x]), "d/"), (("n", "d"), "n/"), ((None, "d"), "d_1/"), (("", "d"), ""), ((None, None), ""), (("n",), "n_1/")):
        with tf.name_scope(*arguments) as scope:
            assert scope == expected
    scope = tf.name_scope("z", "d", [x, None, 3.0])
    assert scope.name == "z" and tf.name_scope(None, "d").name == "d"
    for expected in ("z/", "z_1/"):                                        # one object may be entered again, also inside itself
        with scope as opened:
            assert opened == expected
    with pytest.raises(ValueError, match="At least one of name .None. and default_name .None. must be provided."), tf.name_scope(None, None, [x]):
        pass
    with tf.Graph().as_default() as other:
        y = tf.constant(1.0, name="y")
    with tf.name_scope("o", values=[y]):
        assert tf.get_default_graph() is other
    with pytest.raises(ValueError, match=r'Tensor\("y:0", shape=\(\), dtype=float32\) must be from the same graph as Tensor\("Const:0"'), tf.name_scope("o", values=[x, y]):
        pass
    assert tf.get_default_graph() is graph
    with pytest.raises(KeyError), tf.name_scope("err"):
        raise KeyError
    assert graph.get_name_scope() == ""


# ---- finding elements -------------------------------------------------------------------------------------------------------

FORM = r'Tensor names must be of the form "<op_name>:<output_index>"\.'


@pytest.mark.parametrize("ask, kind, text", [
    (lambda g: g.as_graph_element("b"), KeyError, "The name 'b' refers to an Operation not in the graph."),
    (lambda g: g.as_graph_element("b:0"), KeyError, "The name 'b:0' refers to a Tensor which does not exist. The operation, 'b', does not exist in the graph."),
    (lambda g: g.as_graph_element("aa:1"), KeyError, "The name 'aa:1' refers to a Tensor which does not exist. The operation, 'aa', exists but only has 1 outputs."),
    (lambda g: g.as_graph_element("aa:x"), ValueError, "The name 'aa:x' looks a like a Tensor name, but is not a valid one. " + FORM),
    (lambda g: g.as_graph_element("aa:0:0"), ValueError, "looks a like a Tensor name, but is not a valid one"),
    (lambda g: g.as_graph_element("aa", allow_operation=False), ValueError, "The name 'aa' refers to an Operation, not a Tensor. " + FORM),
    (lambda g: g.as_graph_element("aa:0", allow_tensor=False), ValueError, "Name 'aa:0' appears to refer to a Tensor, not a Operation."),
    (lambda g: g.as_graph_element(3), TypeError, "Can not convert a int into a Tensor or Operation."),
    (lambda g: g.as_graph_element("aa", False, False), ValueError, "allow_tensor and allow_operation can't both be False."),
    (lambda g: g.as_graph_element(g.get_operation_by_name("aa"), allow_operation=False), TypeError, "Can not convert a Operation into a Tensor."),
    (lambda g: g.as_graph_element(g.get_tensor_by_name("aa:0"), allow_tensor=False), TypeError, "Can not convert a Tensor into a Operation."),
    (lambda g: g.get_operation_by_name("aa:0"), ValueError, "Name 'aa:0' appears to refer to a Tensor, not a Operation."),
    (lambda g: g.get_operation_by_name("aaa"), KeyError, "not in the graph. The nearest names are aa"),
    (lambda g: g.get_operation_by_name(3), TypeError, r"Operation names are strings \(or similar\), not int."),
    (lambda g: g.get_tensor_by_name("aa"), ValueError, "refers to an Operation, not a Tensor"),
    (lambda g: g.get_tensor_by_name(""), ValueError, r"The name '' looks like an \(invalid\) Operation name, not a Tensor. " + FORM),
    (lambda g: g.get_tensor_by_name(3), TypeError, r"Tensor names are strings \(or similar\), not int."),
])
def test_elements_that_are_not_there(graph, ask, kind, text):
    named("aa")
    with pytest.raises(kind, match=text):
        ask(graph)


def test_elements_of_another_graph(graph):
    a = tf.constant(1.0, name="a")
    with tf.Graph().as_default() as other:
        c = tf.constant(1.0, name="c")
    with pytest.raises(ValueError, match=r'Tensor\("c:0", shape=\(\), dtype=float32\) must be from the same graph as Tensor\("a:0"'):
        tf.add(a, c)
    for element in (c, c.op):
        with pytest.raises(ValueError, match="is not an element of this graph"):
            graph.as_graph_element(element)
    assert other.as_graph_element("c:0") is c and other.as_graph_element(c.op) is c.op


# ---- the graph itself -------------------------------------------------------------------------------------------------------

def test_a_finalized_graph_takes_nothing(graph):
    a = tf.constant(1.0)
    graph.finalize()
    assert graph.finalized
    for add in (lambda: tf.constant(1.0), lambda: a + 1.0, lambda: graph.add_to_collection("k", a), lambda: tf.get_variable("v", [1])):
        with pytest.raises(RuntimeError, match="Graph is finalized and cannot be modified."):
            add()
    assert tf.get_collection("k") == [] and graph.version == 1
    with tf.Session() as sess:
        assert sess.run(a) == 1.0


def test_default_graphs(graph):
    assert tf.get_default_graph() is graph
    with pytest.raises(AssertionError, match="nested graphs"):
        tf.reset_default_graph()
    with tf.Graph().as_default() as inner:
        assert tf.get_default_graph() is inner
        with graph.as_default():
            assert tf.get_default_graph() is graph
    assert tf.get_default_graph() is graph and not graph.building_function


def test_collections(graph):
    a, b = tf.constant(1.0, name="a"), tf.constant(1.0, name="b/a")
    for value in (a, b, 3):
        tf.add_to_collection("k", value)
    assert tf.get_collection("k") == [a, b, 3] and tf.get_collection("none") == []
    assert [tf.get_collection("k", scope) for scope in ("a", "b", ".*a", "c")] == [[a], [b], [a, b], []]
    tf.get_collection("k").append(4)
    assert tf.get_collection("k") == [a, b, 3]
    tf.get_collection_ref("k").append(4)
    assert tf.get_collection("k")[-1] == 4 and graph.get_all_collection_keys() == graph.collections == ["k"]
    graph.clear_collection("k")
    assert tf.get_collection("k") == [] and graph.collections == []
    tf.add_to_collections(["x", "y", "x"], 1)
    tf.add_to_collections("xy", 2)
    assert [tf.get_collection(k) for k in ("x", "y", "xy")] == [[1], [1], [2]]


def test_containers():
    with tf.container("one"):
        a = apply_op("TestStored")
        with tf.get_default_graph().container("two"):
            v = tf.Variable(1.0)
        b = apply_op("TestStored", container="mine")
    assert [op.get_attr("container") for op in (a.op, v.op, b.op, tf.Variable(1.0).op)] == ["one", "two", "mine", ""]


def test_variables_in_two_containers_are_two():
    with tf.container("one"):
        v = tf.Variable(1.0, name="v")
    w = apply_op("VariableV2", name="w", shape=[], dtype=tf.float32, shared_name="v")
    with tf.Session() as sess:
        sess.run(v.initializer)
        assert sess.run(v) == 1.0
        with pytest.raises(tf.errors.FailedPreconditionError):
            sess.run(w)


def test_feeding_and_fetching_may_be_prevented(graph):
    a, b = tf.constant(1.0, name="a"), tf.constant(2.0, name="b")
    assert graph.is_feedable(a) and graph.is_fetchable(a) and graph.is_fetchable(a.op)
    graph.prevent_feeding(a)
    graph.prevent_fetching(a.op)
    assert not graph.is_feedable(a) and not graph.is_fetchable(a) and not graph.is_fetchable(a.op) and graph.is_feedable(b)
    with tf.Session() as sess:
        with pytest.raises(ValueError, match=r'Tensor Tensor\("a:0", shape=\(\), dtype=float32\) may not be fed.'):
            sess.run(b, {a: 1.0})
        for fetch in (a, "a:0", "a", [b, a.op], {"k": (a,)}):
            with pytest.raises(ValueError, match="Operation 'a' has been marked as not fetchable."):
                sess.run(fetch)
        assert sess.run(a + b) == 3.0


def test_gradient_override_map_takes_strings(graph):
    for bad in ([1], {1: "a"}, {"a": 1}, None):
        with pytest.raises(TypeError, match="op_type_map must be a dictionary mapping strings to strings"), graph.gradient_override_map(bad):
            pass
    with graph.gradient_override_map({"Square": "One"}):
        with graph.gradient_override_map({"Tanh": "Two"}):
            assert [f(tf.constant(1.0)).op.get_attr("_gradient_op_type") for f in (tf.square, tf.tanh)] == ["One", "Two"]
    with pytest.raises(ValueError, match="has no attr named '_gradient_op_type'"):
        tf.square(1.0).op.get_attr("_gradient_op_type")


# ---- control edges ----------------------------------------------------------------------------------------------------------

def waits(x):
    return [c.name for c in getattr(x, "op", x).control_inputs]


def test_control_dependencies():
    a = tf.constant(1.0, name="a")
    with tf.control_dependencies([a]):
        b = tf.constant(2.0, name="b")
        c = tf.add(b, b, name="c")
        with tf.control_dependencies([c]):
            d, e, f = tf.constant(2.0), tf.identity(b), tf.identity(c)
        with tf.control_dependencies(None):
            z = tf.constant(2.0)
            with tf.control_dependencies([b]):
                y = tf.constant(2.0)
    assert [waits(t) for t in (b, c, d, e, f, z, y)] == [["a"], [], ["a", "c"], ["c"], [], [], ["b"]]
    with tf.control_dependencies([a]):
        assert waits(tf.identity(a)) == [] and waits(tf.add(a, z)) == []           # an input is waited for anyway
    with tf.control_dependencies([]):
        assert waits(tf.no_op()) == []


def test_what_may_be_waited_for(graph):
    a, v = tf.constant([1.0], name="a"), tf.Variable(1.0, name="v")
    slices = tf.IndexedSlices(a, tf.constant([0], name="i"))
    for items, expected in (([a, a.op, a], ["a"]), ([v], ["v"]), ([slices], ["a"]), (["a"], ["a"]), (("a:0",), ["a"])):
        with tf.control_dependencies(items):
            assert waits(tf.no_op()) == expected
    for bad, kind in ((a, TypeError), ([3], TypeError), (["nope"], KeyError), (a.op, TypeError)):
        with pytest.raises(kind), tf.control_dependencies(bad):
            pass
    with tf.Graph().as_default():
        with pytest.raises(ValueError, match="not an element"), tf.control_dependencies([a]):
            pass
    assert waits(tf.no_op()) == []


# ---- operations and tensors -------------------------------------------------------------------------------------------------

def test_operations(graph):
    x = tf.placeholder(tf.float32, [None, 2], name="x")
    m = tf.matmul(x, x, transpose_b=True, name="m")
    op = m.op
    assert (op.type, op.name, list(op.inputs), op.outputs, op.control_inputs, op.device, op.graph) == ("MatMul", "m", [x, x], [m], [], "", graph)
    assert op.get_attr("transpose_b") is True and op.get_attr("T") is tf.float32 and op.values() == (m,) and op.op_def.name == "MatMul"
    with pytest.raises(ValueError, match=r"Operation 'm' has no attr named 'nope'. \(MatMul has T, transpose_a, transpose_b.\)"):
        op.get_attr("nope")
    assert m.consumers() == [] and x.consumers() == [op, op] and op.colocation_groups() == ["loc:@m"]
    assert repr(m) == "<tf.Tensor 'm:0' shape=(?, ?) dtype=float32>" and repr(op) == "<tf.Operation 'm' type=MatMul>"
    assert op.traceback[-1][3] == 'm = tf.matmul(x, x, transpose_b=True, name="m")' and "in test_operations" in traceback.format_list(op.traceback)[-1]
    with pytest.raises(ValueError, match="Cannot execute operation using `run\\(\\)`: No default session is registered. Use `with sess.as_default\\(\\)` or pass an "
                                         "explicit session to `run\\(session=sess\\)`"):
        op.run()
    assert op.run(session=tf.Session(), feed_dict={x: np.ones((1, 2))}) is None


def test_tensors_print_what_is_known():
    with tf.device("/cpu:0"):
        a = tf.placeholder(tf.int32, name="a")
    b = tf.placeholder(tf.float32, [None, 3], name="b")
    assert str(a) == 'Tensor("a:0", dtype=int32, device=/device:CPU:0)' and str(b) == 'Tensor("b:0", shape=(?, 3), dtype=float32)'


def test_set_shape():
    a = tf.placeholder(tf.float32)
    for shape, expected in (([None, 3], (None, 3)), ([2, None], (2, 3)), (None, (2, 3))):
        a.set_shape(shape)
        assert a.shape.tuple == a.get_shape().tuple == expected
    for bad, text in (([3, 3], r"Shapes \(2, 3\) and \(3, 3\) are not compatible"), ([2], r"Shapes \(2, 3\) and \(2,\) are not compatible")):
        with pytest.raises(ValueError, match=text):
            a.set_shape(bad)


def test_a_tensor_is_not_a_value():
    a = tf.placeholder(tf.float32, [2], name="a")
    for use in (bool, lambda t: not t, lambda t: t and t, lambda t: 1 if t else 2, lambda t: t in [a + 1.0, t] and t > a and bool(t < a)):
        with pytest.raises(TypeError, match=r"Using a `tf.Tensor` as a Python `bool` is not allowed. Use `if t is not None:` instead of `if t:`"):
            use(a)
    for use in (iter, list, lambda t: [i for i in t], tuple, sum):
        with pytest.raises(TypeError, match="'Tensor' object is not iterable."):
            use(a)
    for use in (len, float, int, np.array, np.sin, range):
        with pytest.raises(TypeError):
            use(a)
    assert a == a and a != a + 0.0 and {a: 1}[a] == 1 and a in [a]
    with pytest.raises(AttributeError):
        a.name = "b"
    with pytest.raises(ValueError, match="Cannot evaluate tensor using `eval\\(\\)`: No default session is registered. Use `with sess.as_default\\(\\)` or pass an "
                                         "explicit session to `eval\\(session=sess\\)`"):
        a.eval()


# ---- conversion -------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("value, dtype, kind, text", [
    (object(), None, TypeError, "Cannot convert <object object at .* with type <class 'object'> to Tensor: no conversion function registered."),
    (None, None, ValueError, "None values not supported."), ({}, None, TypeError, "no conversion function registered"),
    ([1, "a"], None, TypeError, "Failed to convert"), ([1.0, 2], tf.int32, TypeError, "Expected int32"), ([[1], [1, 2]], None, ValueError, "rows of different lengths"),
    (1.5, tf.int32, TypeError, "Expected int32, got 1.5 of type 'float' instead.")])
def test_values_that_are_no_tensors(value, dtype, kind, text):
    with pytest.raises(kind, match=text):
        tf.convert_to_tensor(value, dtype)


def test_tensors_are_not_cast():
    one, two = tf.constant(1.0, name="one"), tf.constant(2, name="two")
    with pytest.raises(ValueError, match=r"Tensor conversion requested dtype int32 for Tensor with dtype float32: <tf.Tensor 'one:0' shape=\(\) dtype=float32>"):
        tf.convert_to_tensor(one, tf.int32)
    with pytest.raises(TypeError, match="Cannot convert a list containing a tensor of dtype <dtype: 'int32'> to <dtype: 'float32'> .Tensor is: <tf.Tensor 'two:0'"):
        tf.convert_to_tensor([one, two])
    with pytest.raises(TypeError, match="Input 'y' of 'Mul' Op has type float32 that does not match type int32 of argument 'x'."):
        two * one
    assert tf.convert_to_tensor([one, 2.0]).shape.as_list() == [2]


def test_preferred_dtype():
    assert tf.convert_to_tensor(3, preferred_dtype=tf.float64).dtype is tf.float64
    assert tf.convert_to_tensor(3.5, preferred_dtype=tf.int32).dtype is tf.float32
    assert tf.convert_to_tensor(3, tf.int64, preferred_dtype=tf.float64).dtype is tf.int64


def test_the_registry_of_conversions(monkeypatch):
    from minitf.graph import convert
    monkeypatch.setattr(convert, "_conversions", list(convert._conversions))

    class A:
        pass

    class B(A):
        pass
    made = []

    def giving(name, result=None):
        def convert(value, dtype=None, name_=None, as_ref=False, **kwargs):
            made.append(name)
            return tf.constant(1.0) if result is None else result
        return convert
    tf.register_tensor_conversion_function(A, giving("a"))
    tf.register_tensor_conversion_function(B, giving("b"))                 # of equal priority the first one registered
    tf.convert_to_tensor(B())
    tf.register_tensor_conversion_function((int, B), giving("low", NotImplemented), 50)
    tf.convert_to_tensor(B())
    assert made == ["a", "low", "a"]
    with pytest.raises(RuntimeError, match=r"Conversion function .* returned incompatible dtype: requested = int32, actual = float32"):
        tf.convert_to_tensor(A(), tf.int32)
    tf.register_tensor_conversion_function(B, giving("bad", 3), 10)
    with pytest.raises(RuntimeError, match="returned non-Tensor: 3"):
        tf.convert_to_tensor(B())
    for bad in ((3, giving("x")), (B, 3), ((B, 3), giving("x"))):
        with pytest.raises(TypeError, match="base_type must be a type|conversion_func must be callable"):
            tf.register_tensor_conversion_function(*bad)


# ---- shapes -----------------------------------------------------------------------------------------------------------------

def test_shapes_as_messages_and_sums():
    for dims in (None, [], [None, 3], [0]):
        shape = tf.TensorShape(dims)
        assert tf.TensorShape(shape.as_proto()).tuple == shape.tuple and isinstance(shape.as_proto(), tf.TensorShapeProto)
    assert (tf.TensorShape([1]) + [None]).tuple == (1, None) and ([2] + tf.TensorShape([1])).tuple == (2, 1)
    assert (tf.TensorShape(None) + [1]).tuple is None
    assert [tf.dimension_value(d) for d in (tf.Dimension(3), tf.Dimension(None), 3, None)] == [3, None, 3, None]
