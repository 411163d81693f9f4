"""Session.run: what may be fetched, which ops run, and whose the results are."""
import collections

import numpy as np
import pytest

import minitf as tf

from .graphs import mark, probe


@pytest.fixture
def sess(graph):
    with tf.Session() as sess:
        yield sess


# ---- fetch structures -------------------------------------------------------------------------------------------------------


def test_the_form_of_the_fetches_is_that_of_the_results(sess):
    a, b = tf.constant(1.0), tf.constant([2, 3])
    Pair = collections.namedtuple("Pair", "first second")
    ordered = sess.run(collections.OrderedDict([("z", a), ("y", [b])]))
    assert type(ordered) is collections.OrderedDict and list(ordered) == ["z", "y"]
    got = sess.run({"x": [a, (b, a)], "y": Pair(b, {"deep": a}), "none": []})
    assert type(got) is dict and type(got["x"]) is list and type(got["x"][1]) is tuple and type(got["y"]) is Pair
    assert got["x"][0] == got["x"][1][1] == got["y"].second["deep"] == 1.0
    np.testing.assert_array_equal(got["y"].first, [2, 3])
    assert got["none"] == []


def test_structures_that_look_alike_to_a_cache_are_told_apart(sess):
    """Each form twice and in turn: a form must not be answered with what was prepared for another."""
    a, p = tf.constant(1.0), tf.placeholder_with_default(5.0, [])
    for _ in range(2):
        assert sess.run(a) == 1.0
        assert sess.run([a]) == [1.0]
        assert sess.run((a,)) == (1.0,)
        assert sess.run([(a,)]) == [(1.0,)]
        assert sess.run(((a,),)) == ((1.0,),)
        assert sess.run([[a]]) == [[1.0]]
        assert sess.run([a], {p: 7.0}) == [1.0]
        assert sess.run(((a,), p)) == ((1.0,), 5.0)
        assert sess.run([a, p]) == [1.0, 5.0]
        assert sess.run((a, None or p), {p: 7.0}) == (1.0, 7.0)


def test_empty_structures(sess):
    tf.constant(1.0)
    assert sess.run([]) == [] and sess.run(()) == () and sess.run({}) == {} and sess.run([[], {"a": ()}]) == [[], {"a": ()}]


def test_scalars_are_numpy_scalars_and_dtypes_are_kept(sess):
    for dtype in ("float32", "float64", "int32", "int64"):
        assert type(sess.run(tf.constant(1, dtype))) is np.dtype(dtype).type
        assert sess.run(tf.constant([1], dtype)).dtype == dtype
    assert type(sess.run(tf.constant(True))) is np.bool_
    assert sess.run(tf.constant(np.zeros((2, 0, 3)))).shape == (2, 0, 3)


def test_operations_give_none_and_names_stand_for_their_elements(sess):
    a = tf.constant([1.0, 2.0], name="a")
    op = tf.group(a, name="both")
    assert sess.run(op) is None and sess.run([op, a.op]) == [None, None] and sess.run("both") is None
    got = sess.run(["a:0", a, "both"])
    np.testing.assert_array_equal(got[0], got[1])
    assert got[2] is None
    np.testing.assert_array_equal(sess.run("a:0"), [1, 2])


def test_a_tensor_fetched_twice_is_computed_once(sess):
    calls = []
    a = probe(tf.constant(1.0), calls.append)
    assert sess.run([a, a, {"again": a}]) == [1.0, 1.0, {"again": 1.0}] and len(calls) == 1
    assert sess.run([a, a.op, a]) == [1.0, None, 1.0] and len(calls) == 2


@pytest.mark.parametrize("bad, kind, text", [
    (None, TypeError, "Fetch argument None has invalid type <class 'NoneType'>, must be a string or Tensor"),
    ([None], TypeError, "Fetch argument None has invalid type"),
    (3, TypeError, "Fetch argument 3 has invalid type <class 'int'>"),
    ("nothing:0", ValueError, "Fetch argument 'nothing:0' cannot be interpreted as a Tensor. (The name 'nothing:0' refers to a Tensor which does not exist"),
    ("somethin", ValueError, "The nearest names are something"),
    ("something:1", ValueError, "exists but only has 1 outputs"),
])
def test_what_can_not_be_fetched(sess, bad, kind, text):
    tf.constant(1.0, name="something")
    for _ in range(2):
        with pytest.raises(kind) as e:
            sess.run(bad)
        assert text in str(e.value)


def test_an_element_of_another_graph_can_not_be_fetched_or_fed(sess):
    here = tf.constant(1.0)
    with tf.Graph().as_default():
        other = tf.constant(1.0)
    with pytest.raises(ValueError, match="is not an element of this graph"):
        sess.run(other)
    with pytest.raises(TypeError, match="Cannot interpret feed_dict key as Tensor: .*not an element of this graph"):
        sess.run(here, {other: 1.0})


# ---- which ops run ----------------------------------------------------------------------------------------------------------


def test_only_what_the_fetches_need_runs(sess):
    ran = []
    watched = lambda x, label: probe(x, lambda _: ran.append(label))
    a = watched(tf.constant(1.0), "a")
    b = watched(a, "b")
    c = watched(a, "c")
    d = watched(b + c, "d")
    with tf.control_dependencies([c]):
        e = watched(tf.constant(2.0), "e")
        f = mark(lambda: ran.append("f"))

    def runs(fetches, feeds=None):
        ran.clear()
        sess.run(fetches, feeds)
        return "".join(sorted(ran))

    for _ in range(2):
        assert runs(a) == "a" and runs(b) == "ab" and runs(d) == "abcd" and runs(e) == "ace" and runs(f) == "acf"
        assert runs([]) == "" and runs([b, e]) == "abce" and runs(d.op) == "abcd"
        assert runs(d, {a: 5.0}) == "bcd"
        assert runs(d, {b: 5.0}) == "acd"                     # a is still needed by c
        assert runs(d, {b: 5.0, c: 1.0}) == "d" and runs(d, {d: 1.0}) == ""
        assert runs(e, {c: 1.0}) == "ace"                     # a control edge from an op stays when its output is fed
        assert runs([d, d.op], {b: 0.0, c: 0.0}) == "d"


def test_order_is_by_data_and_control_edges(sess):
    ran = []
    first = mark(lambda: ran.append(1))
    with tf.control_dependencies([first]):
        second = probe(tf.constant(0.0), lambda _: ran.append(2))
    with tf.control_dependencies([second]):
        third = mark(lambda: ran.append(3))
    sess.run([third, second, first])
    assert ran == [1, 2, 3]


# ---- whose the results are --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [3, 40, 5000])                    # copied, and handed over
def test_results_are_the_callers_own_and_stay(sess, n):
    x = tf.placeholder(tf.float32, [n])
    v = tf.Variable(np.arange(n, dtype=np.float32))
    c = tf.constant(np.arange(n, dtype=np.float32))
    fed = np.arange(n, dtype=np.float32)
    fetches = [x, v, c, v.value(), x * 2.0, tf.identity(c), tf.reshape(x, [-1, 1]), tf.reshape(x * 2.0, [1, n])]
    sess.run(v.initializer)
    first = sess.run(fetches, {x: fed})
    kept = [np.copy(f) for f in first]
    for result in first:
        assert result.flags.writeable and result.flags.c_contiguous
        result[...] = -1                                        # changes nothing but this array
    np.testing.assert_array_equal(fed, np.arange(n))
    second = sess.run(fetches, {x: fed})
    for k, s in zip(kept, second):
        np.testing.assert_array_equal(k, s)
    for _ in range(3):
        sess.run(fetches, {x: fed + 1})
    sess.run(v.assign(-c))
    for k, s in zip(kept, second):                              # no later run wrote into what was handed out
        np.testing.assert_array_equal(k, s)


@pytest.mark.parametrize("n", [3, 5000])
def test_two_results_of_one_run_share_no_memory(sess, n):
    x = tf.placeholder(tf.float32, [n])
    y = x * 2.0
    whole, row, same, also = sess.run([y, tf.reshape(y, [1, n]), tf.identity(y), x * 2.0], {x: np.ones(n, np.float32)})
    whole[:] = 0
    for other in (row, same, also):
        assert np.all(other == 2)


def test_results_outlive_their_session(graph):
    with tf.Session() as sess:
        big = sess.run(tf.fill([5000], 3.0) + tf.placeholder_with_default(1.0, []))
    del sess
    assert np.all(big == 4)


def test_fed_and_fetched_gives_what_was_fed(sess):
    x, y = tf.placeholder(tf.float32, [2]), tf.constant([1.0, 1.0])
    fed = np.array([5, 6], np.float32)
    got = sess.run([x, y, x + y], {x: fed, y: fed})
    for g, want in zip(got, (fed, fed, 2 * fed)):
        np.testing.assert_array_equal(g, want)
    got[0][:] = 0
    np.testing.assert_array_equal(fed, [5, 6])


def test_make_callable(sess):
    x = tf.placeholder(tf.float32)
    double = sess.make_callable(x * 2.0, [x])
    assert double(3.0) == 6.0 and double(np.float32(4)) == 8.0
    np.testing.assert_array_equal(double([1, 2]), [2, 4])
