"""Tensors of strings: made, fed, moved about, kept in variables, fetched, and freed."""
import gc
import json
import sys

import numpy as np
import pytest

import minitf as tf
from minitf.core.buffers import allocator_stats
from minitf.graph.wire import from_json, to_json


def run(*args, **kwargs):
    with tf.Session() as sess:
        return sess.run(*args, **kwargs)


def test_constants_are_bytes():
    assert tf.constant("abc").dtype == tf.string
    assert run(tf.constant("abc")) == b"abc"
    assert run(tf.constant("Grüße")) == "Grüße".encode()
    both = run(tf.constant([["a", b"b\0c"], ["", "d"]]))
    assert both.dtype == object and both.tolist() == [[b"a", b"b\0c"], [b"", b"d"]]
    assert run(tf.constant(np.array(["x", "yy"]))).tolist() == [b"x", b"yy"]


@pytest.mark.parametrize("value, dtype", [("a", tf.float32), (["a", "b"], tf.int32), (3, tf.string), (["a", 3], None)])
def test_text_and_numbers_do_not_mix(value, dtype):
    with pytest.raises(TypeError):
        tf.constant(value, dtype)


def test_feeds():
    p = tf.placeholder(tf.string, [None])
    y = tf.concat([p, ["end"]], 0)
    for fed in (["a", "b"], [b"a", b"b"], np.array(["a", "b"]), np.array(["a", b"b"], object)):
        assert run(y, {p: fed}).tolist() == [b"a", b"b", b"end"]
    assert run(y, {p: np.empty(0, object)}).tolist() == [b"end"]
    with pytest.raises(TypeError, match="string"):
        run(y, {p: [1, 2]})
    with pytest.raises(ValueError, match="Cannot feed value of shape"):
        run(y, {p: "a"})


def test_array_ops():
    x = np.array([[b"a", b"b", b"c"], [b"d", b"e", b"f"]], object)
    p = tf.placeholder(tf.string, [None, None])
    cases = [
        (p, x), (tf.identity(p), x), (tf.reshape(p, [3, -1]), x.reshape(3, 2)), (tf.expand_dims(p, 1), x[:, None]),
        (tf.squeeze(tf.expand_dims(p, 0), [0]), x), (tf.stack([p, p], 1), np.stack([x, x], 1)), (tf.unstack(tf.reshape(p, [2, 3]), axis=1)[2], x[:, 2]),
        (tf.concat([p, p], 1), np.concatenate([x, x], 1)), (tf.tile(p, [2, 1]), np.tile(x, (2, 1))), (tf.slice(p, [0, 1], [2, -1]), x[:, 1:]),
        (tf.gather(p, [[1, 0]]), x[[[1, 0]]]), (tf.transpose(p), x.T), (tf.fill([2, 2], "z"), np.full((2, 2), b"z", object)),
        (tf.where([True, False], p, tf.tile([["-"]], [2, 3])), np.where([[True], [False]], x, b"-")),
        (tf.equal(p, "a"), x == b"a"), (tf.not_equal(p, "a"), x != b"a"), (p[1], x[1]),
    ]
    got = run([t for t, _ in cases], {p: x})
    for value, (tensor, wanted) in zip(got, cases):
        assert value.dtype == wanted.dtype and value.tolist() == wanted.tolist(), tensor
    assert run([tf.shape(p), tf.size(p), tf.rank(p)], {p: x})[0].tolist() == [2, 3]
    values, places = run(tf.unique(tf.reshape(p, [-1])), {p: [["b", "a", "b"]]})
    assert values.tolist() == [b"b", b"a"] and places.tolist() == [0, 1, 0]


def test_no_byte_is_lost_when_values_are_folded():
    x = tf.constant(["a\0", "b\0\0"])
    whole, one = run([tf.concat([x, x], 0), tf.reshape(tf.slice(x, [1], [1]), [])])
    assert whole.tolist() == [b"a\0", b"b\0\0"] * 2 and one == b"b\0\0"


def test_variables_and_devices():
    with tf.device("/cpu:1"):
        v = tf.Variable(["a", "b"])
        old = v.read_value()
    with tf.control_dependencies([old]):
        change = tf.assign(v, tf.stack([v[1], "c"]))
    with tf.Session(config=tf.ConfigProto(device_count={"CPU": 2})) as sess:
        sess.run(v.initializer)
        with tf.device("/cpu:0"):
            there = tf.concat([old, ["x"]], 0)
        assert sess.run([there, change.op])[0].tolist() == [b"a", b"b", b"x"]
        assert sess.run(v).tolist() == [b"b", b"c"]


def test_kernels_that_move_bytes_do_not_serve_strings():
    with pytest.raises(tf.errors.InvalidArgumentError, match="No OpKernel was registered to support Op 'ZerosLike'"):
        run(tf.zeros_like(tf.placeholder_with_default(tf.constant(["a"]), [None])))


def test_a_wire_form():
    x = tf.constant([["a", b"\xff\0"]], name="x")
    graph = from_json(to_json(tf.get_default_graph()))
    with tf.Session(graph=graph) as sess:
        assert sess.run("x:0").tolist() == [[b"a", b"\xff\0"]]
    wire = json.loads(to_json(tf.get_default_graph()))
    for bad in (["YQ=="], ["YQ==", 3], ["YQ==", "?"], "YQ=="):
        wire["nodes"][0]["attrs"]["value"]["data"] = bad
        with pytest.raises(ValueError):
            from_json(json.dumps(wire))


def test_every_reference_is_given_back():
    word = b"a word that nobody else holds %d" % id(object())
    p = tf.placeholder(tf.string, [None])
    v = tf.Variable(["-"], validate_shape=False)
    y = tf.concat([tf.tile(p, [3]), tf.gather(p, tf.range(tf.size(p)))], 0)
    assign = tf.assign(v, y, validate_shape=False)
    with tf.Session() as sess:
        sess.run(v.initializer)
        feed = {p: np.array([word, word], object)}
        sess.run([y, assign.op], feed)
        sess.run(v.initializer)
        gc.collect()
        before, live = sys.getrefcount(word), allocator_stats()[2]
        for _ in range(50):
            result = sess.run([y, assign.op], feed)[0]
            assert result.tolist() == [word] * 8
        del result
        sess.run(v.initializer)
        gc.collect()
        assert sys.getrefcount(word) == before
        assert allocator_stats()[2] == live
