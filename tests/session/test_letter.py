"""Sessions, fetches and feeds as TensorFlow 1.x has them, text by text; and a graph that grows between runs."""
import collections
import warnings

import numpy as np
import pytest

import minitf as tf


@pytest.fixture
def sess(graph):
    with tf.Session() as sess:
        yield sess


# ---- the session ------------------------------------------------------------------------------------------------------------

def test_arguments_of_a_session(graph):
    for arguments, text in ((dict(target=3), "target must be a string, but got <class 'int'>"), (dict(target=graph), "target must be a string"),
                            (dict(graph=3), "graph must be a tf.Graph, but got <class 'int'>"), (dict(config=3), "config must be a tf.ConfigProto, but got <class 'int'>")):
        with pytest.raises(TypeError, match=text):
            tf.Session(**arguments)
    with pytest.raises(tf.errors.InvalidArgumentError, match="grpc://x"):
        tf.Session("grpc://x")
    a = tf.constant(1.0)
    assert tf.Session("local").run(a) == 1.0
    tf.Session.reset("")


def test_what_a_session_tells_of_itself(sess, graph):
    tf.constant(1.0, name="a")
    assert sess.graph is graph and sess.sess_str == b"" and [n.name for n in sess.graph_def.node] == ["a"]
    device, = sess.list_devices()
    assert (device.name, device.device_type) == ("/job:localhost/replica:0/task:0/device:CPU:0", "CPU") and device.memory_limit_bytes > 1 << 28
    with tf.Session(config=tf.ConfigProto(device_count={"CPU": 3})) as three:
        assert [d.name[-1] for d in three.list_devices()] == ["0", "1", "2"]


def test_sessions_of_other_graphs():
    a = tf.constant(1.0)
    other = tf.Session(graph=tf.Graph())
    for session, text in ((other, "Cannot use the given session to {}: the {}'s graph is different from the session's graph."),
                          (None, "Cannot use the default session to {}: the {}'s graph is different from the session's graph. Pass an explicit session to")):
        with other.as_default():
            with pytest.raises(ValueError) as e:
                a.eval(session=session)
            assert text.format("evaluate tensor", "tensor") in str(e.value)
            with pytest.raises(ValueError) as e:
                a.op.run(session=session)
            assert text.format("execute operation", "operation") in str(e.value)


def test_an_interactive_session_with_a_graph(graph):
    other = tf.Graph()
    sess = tf.InteractiveSession(graph=other)
    assert tf.get_default_graph() is other and tf.get_default_session() is sess and tf.constant(2.0).eval() == 2.0
    sess.close()
    assert tf.get_default_graph() is graph and tf.get_default_session() is None
    with pytest.raises(RuntimeError, match="Attempted to use a closed Session"):
        sess.run("Const:0")


def test_options_have_their_types(sess):
    a = tf.constant(1.0)
    for _ in range(2):
        with pytest.raises(TypeError, match="options must be a tf.RunOptions, but got <class 'int'>"):
            sess.run(a, options=3)
        with pytest.raises(TypeError, match="run_metadata must be a tf.RunMetadata, but got <class 'dict'>"):
            sess.run(a, run_metadata={})
        assert sess.run(a, options=tf.RunOptions(timeout_in_ms=10000), run_metadata=tf.RunMetadata()) == 1.0


# ---- fetches ----------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("fetch, kind, text", [
    (3, TypeError, "Fetch argument 3 has invalid type <class 'int'>, must be a string or Tensor. (Can not convert a int into a Tensor or Operation.)"),
    (None, TypeError, "Fetch argument None has invalid type <class 'NoneType'>"), ({1}, TypeError, "Fetch argument {1} has invalid type <class 'set'>"),
    ("b", ValueError, "Fetch argument 'b' cannot be interpreted as a Tensor. (The name 'b' refers to an Operation not in the graph.)"),
    ("aa:1", ValueError, "Fetch argument 'aa:1' cannot be interpreted as a Tensor. (The name 'aa:1' refers to a Tensor which does not exist."),
    (["aa:0", [None]], TypeError, "Fetch argument None"), ({"k": "z"}, ValueError, "Fetch argument 'z' cannot be")])
def test_what_can_not_be_fetched(sess, fetch, kind, text):
    tf.constant(1.0, name="aa")
    for run in (sess.run, sess.make_callable, lambda f: sess.partial_run_setup(f if isinstance(f, list) else [f])):
        with pytest.raises(kind) as e:
            run(fetch)
        assert text in str(e.value)


def test_structures_keep_their_types(sess):
    a, b = tf.constant(1.0), tf.constant(2.0)
    Pair = collections.namedtuple("Pair", "x y")
    ordered = sess.run(collections.OrderedDict([("z", a), ("b", [b])]))
    assert type(ordered) is collections.OrderedDict and list(ordered.items()) == [("z", 1.0), ("b", [2.0])]
    default = sess.run(collections.defaultdict(list, x=a))
    assert type(default) is collections.defaultdict and default == {"x": 1.0} and default["new"] == []
    ours = type("Ours", (collections.defaultdict,), {})
    default = sess.run(ours(list, x=a))
    assert type(default) is ours and default == {"x": 1.0} and default["new"] == []
    assert sess.run(Pair(a, (b, {"k": a}))) == Pair(1.0, (2.0, {"k": 1.0})) and sess.run([[], {}, ()]) == [[], {}, ()]
    assert sess.run(collections.ChainMap({"x": a})) == {"x": 1.0}


def test_classes_made_by_attrs(sess):
    class Field:
        def __init__(self, name):
            self.name = name

    class Record:                                  # what attr.s makes of a class, as far as it matters
        __attrs_attrs__ = (Field("x"), Field("y"))

        def __init__(self, x, y):
            self.x, self.y = x, y
    a = tf.constant(3.0)
    for fetches in (Record(a, {"k": a}), [Record(a, {"k": a})]):
        result = sess.run(fetches)
        result = result[0] if isinstance(result, list) else result
        assert type(result) is Record and result.x == 3.0 and result.y == {"k": 3.0}


# ---- feeds ------------------------------------------------------------------------------------------------------------------

def test_a_tensor_of_several_parts_is_fed_with_a_tuple(sess):
    slices = tf.IndexedSlices(tf.placeholder(tf.float32, [None], name="v"), tf.placeholder(tf.int32, [None], name="i"))
    for value in (([1.0, 2.0], [0, 1]), tf.IndexedSlicesValue([1.0, 2.0], [0, 1], None)):
        result = sess.run(slices, {slices: value})
        assert result.values.tolist() == [1, 2] and result.indices.tolist() == [0, 1] and result.dense_shape is None
        assert sess.run(slices.values * 2.0, {slices: value}).tolist() == [2, 4]
    for bad in ([1.0], (1.0,), ([1.0], [0], [3]), 3.0):
        with pytest.raises(ValueError, match="has the parts v:0, i:0 and is fed with a tuple of as many values"):
            sess.run(slices, {slices: bad})
    with pytest.raises(ValueError, match="v:0 is fed twice"):
        sess.run(slices, {slices: ([1.0], [0]), slices.values: [1.0]})


def test_a_feed_dict_is_a_dictionary_also_when_all_is_prepared(sess):
    x = tf.placeholder(tf.float32)
    assert sess.run(x, {x: 1.0}) == 1.0
    for bad in ([x], (x,), {x}):
        with pytest.raises(TypeError, match="feed_dict must be a dictionary of tensors and values, got"):
            sess.run(x, bad)
    assert sess.run(x, collections.ChainMap({x: 2.0})) == 2.0


def test_values_of_every_kind_that_mean_the_same(sess):
    x = tf.placeholder(tf.float64, [3], name="x")
    y = x * 2.0
    same = [[1, 2, 3], (1.0, 2.0, 3.0), range(1, 4), np.array([1, 2, 3], ">f8"), np.array([1, 2, 3], ">i2"), np.arange(1.0, 7.0)[::2][[0, 1, 2]] * 0 + [1, 2, 3],
            np.array([3.0, 2.0, 1.0])[::-1], np.float32([1, 2, 3]), np.array([[1, 2, 3]] * 2, order="F")[0]]
    for value in same:
        assert sess.run(y, {x: value}).tolist() == [2, 4, 6]
    out = sess.run(y, {x: [float("nan"), float("inf"), -0.0]})
    assert np.isnan(out[0]) and np.isinf(out[1]) and np.signbit(out[2])
    with pytest.raises(ValueError, match=r"Cannot feed value of shape \(0,\) for Tensor 'x:0', which has shape '\(3,\)'"):
        sess.run(y, {x: []})


def test_an_unfed_placeholder_says_which_and_where(sess):
    x = tf.placeholder(tf.float32, [None, 2], name="x")
    for fetch in (x, x * 2.0, [tf.constant(1.0), x]):
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"You must feed a value for placeholder tensor 'x' with dtype float32 and shape \[\?,2\]") as e:
            sess.run(fetch)
        assert "test_letter.py" in str(e.value) and e.value.op is x.op and e.value.node_def.name == "x"


# ---- partial runs and callables ---------------------------------------------------------------------------------------------

def test_handles_that_are_none(sess):
    a = tf.constant(1.0)
    for bad in ("->add:0//1/;3", None, 3):
        with pytest.raises(tf.errors.InvalidArgumentError, match="Must run 'setup' before performing partial runs!"):
            sess.partial_run(bad, a)
    with pytest.raises(TypeError, match="Can not convert a int into a Tensor"):
        sess.partial_run_setup([a], [3])


def test_make_callable(sess):
    a, b = tf.placeholder(tf.float32, [], name="a"), tf.placeholder(tf.float32, [], name="b")
    f = sess.make_callable({"sum": a + b, "both": [a, b]}, [a, "b:0"])
    assert f(1.0, 2) == {"sum": 3.0, "both": [1.0, 2.0]} and sess.make_callable([tf.no_op()])() == [None]
    for values in ((), (1.0,), (1.0, 2.0, 3.0)):
        with pytest.raises(TypeError, match=rf"This callable takes 2 values \(a:0, b:0\), got {len(values)}"):
            f(*values)
    with pytest.raises(TypeError, match="takes no options; make_callable.*accept_options=True"):
        f(1.0, 2.0, options=tf.RunOptions())
    metadata = tf.RunMetadata()
    g = sess.make_callable(a + b, [a, b], accept_options=True)
    assert g(1.0, 2.0, options=tf.RunOptions(output_partition_graphs=True), run_metadata=metadata) == 3.0 and metadata.partition_graphs
    with pytest.raises(TypeError, match="takes no nonsense"):
        g(1.0, 2.0, nonsense=1)
    for bad, text in ((a, "feed_list must be a list or tuple"), ([3], "Cannot interpret feed_dict key as Tensor")):
        with pytest.raises(TypeError, match=text):
            sess.make_callable(a, bad)


# ---- a graph that grows -----------------------------------------------------------------------------------------------------

def growth_warnings(work):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        work()
    return [w for w in caught if "The graph has grown" in str(w.message)]


@pytest.mark.parametrize("rounds, expected", [(10, 0), (11, 1), (40, 1)])
def test_a_loop_that_adds_ops_is_warned_about_once(sess, rounds, expected):
    v = tf.Variable(0.0)
    sess.run(v.initializer)

    def loop():
        for i in range(rounds):
            sess.run(v.assign(v + 1.0))                        # the line to blame
    found = growth_warnings(loop)
    assert len(found) == expected
    for warning in found:
        assert warning.filename.endswith("test_letter.py")
        for part in ("on each of the last 11 runs, by 3 operations", "'add_", "test_letter.py:", "the line to blame", "finalize()"):
            assert part in str(warning.message)


def test_growth_beside_a_prepared_run_is_seen(sess):
    a = tf.constant(1.0)

    def loop():
        for _ in range(20):
            tf.negative(a)
            sess.run(a)
    assert len(growth_warnings(loop)) == 1


def test_what_is_no_loop_is_not_warned_about(sess):
    a = tf.constant(1.0)

    def now_and_then():
        for i in range(60):
            if i % 2:
                a + 1.0
            sess.run(a)

    def at_many_lines():                                       # cells of a notebook
        for i in range(30):
            exec(compile("\n" * i + "sess.run(a + 1.0)", f"cell {i}", "exec"), dict(sess=sess, a=a))

    def before():
        b = a
        for _ in range(100):
            b = b + 1.0
        for _ in range(100):
            sess.run(b)
    for work in (now_and_then, at_many_lines, before):
        assert growth_warnings(work) == []
