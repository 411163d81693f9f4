"""Queues: what goes in and comes out, their shapes, and what is refused."""
import numpy as np
import pytest

import minitf as tf
from minitf.core.errors import CancelledError, InvalidArgumentError, OutOfRangeError


def run(*fetches, feeds=None):
    """The values of fetches, one after another, in a session of their own."""
    with tf.Session() as sess:
        return [sess.run(f, feeds) for f in fetches]


def fails(sess, kind, text, fetches, feeds=None):
    with pytest.raises(kind) as e:
        sess.run(fetches, feeds)
    assert e.value.message == text
    return e.value


# ---- elements -----------------------------------------------------------------------------------------------------------------

DTYPES = [tf.float32, tf.float64, tf.int8, tf.uint8, tf.int16, tf.int32, tf.int64, tf.bool, tf.complex64, tf.complex128, tf.string]


def some(dtype, shape):
    rng = np.random.default_rng(1)
    if dtype is tf.string:
        return np.array([f"s{k}".encode() * k for k in range(int(np.prod(shape)))], object).reshape(shape)
    values = rng.integers(0, 100, shape)
    return (values + 1j * values[::-1] if dtype.is_complex else values).astype(dtype.as_numpy_dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
def test_any_dtype_by_every_way(dtype):
    """In singly and in a batch, out singly, in a batch, and what is left; the values are fed, so they are the caller's memory."""
    q = tf.FIFOQueue(20, [dtype, tf.int32], [[3, 2], []])
    one, batch = tf.placeholder(dtype, [3, 2]), tf.placeholder(dtype, [None, 3, 2])
    put, many = q.enqueue([one, 7]), q.enqueue_many([batch, tf.range(tf.shape(batch)[0])])
    get, two, rest = q.dequeue(), q.dequeue_many(2), q.dequeue_up_to(9)
    values = some(dtype, [6, 3, 2])
    with tf.Session() as sess:
        fed = values[0].copy()
        sess.run(put, {one: fed})
        fed[...] = values[5]                          # the queue has its own
        sess.run(many, {batch: values[1:]})
        np.testing.assert_array_equal(sess.run(get)[0], values[0])
        got, numbers = sess.run(two)
        np.testing.assert_array_equal(got, values[1:3])
        np.testing.assert_array_equal(numbers, [0, 1])
        assert got.dtype == dtype.as_numpy_dtype
        sess.run(q.close())
        np.testing.assert_array_equal(sess.run(rest)[0], values[3:])


def test_what_comes_out_is_not_changed_by_what_comes_later():
    """A batch that was enqueued in one piece is taken apart, while its storage is used again."""
    q = tf.FIFOQueue(20, tf.float32, [[2000]])
    x = tf.placeholder(tf.float32, [3, 2000])
    put, get = q.enqueue_many(x + 1.), q.dequeue()
    with tf.Session() as sess:
        for k in range(4):
            sess.run(put, {x: np.full([3, 2000], k)})
        got = [sess.run(get) for _ in range(12)]
        assert [v[0] for v in got] == [k + 1 for k in range(4) for _ in range(3)] and all(np.ptp(v) == 0 for v in got)


def test_elements_of_unknown_shape_may_differ():
    q = tf.FIFOQueue(5, [tf.float32, tf.string])
    x, s = tf.placeholder(tf.float32), tf.placeholder(tf.string)
    a, b = q.dequeue()
    y = tf.reduce_sum(a * 2.) + tf.cast(tf.size(b), tf.float32)
    assert a.shape.ndims is None
    with tf.Session() as sess:
        for shape in ([], [3], [2, 2]):
            sess.run(q.enqueue([x, s]), {x: np.ones(shape), s: np.full(shape, "a")})
        assert [sess.run(y) for _ in range(3)] == [3, 9, 12]


def test_padding():
    q = tf.PaddingFIFOQueue(10, [tf.int32, tf.string, tf.float32], [[None, None], [None], [2]])
    x, s = tf.placeholder(tf.int32, [None, None]), tf.placeholder(tf.string, [None])
    put, batch = q.enqueue([x, s, [1., 2.]]), q.dequeue_many(3)
    assert [t.shape.as_list() for t in batch] == [[3, None, None], [3, None], [3, 2]]
    with tf.Session() as sess:
        values = [np.arange(1, 7).reshape(2, 3), np.arange(1, 5).reshape(4, 1), np.zeros([0, 5], int)]
        for v, names in zip(values, (["a"], [], ["b", "cc", ""])):
            sess.run(put, {x: v, s: names})
        a, b, c = sess.run(batch)
        expected = np.zeros([3, 4, 5], int)
        for k, v in enumerate(values):
            expected[k, :v.shape[0], :v.shape[1]] = v
        np.testing.assert_array_equal(a, expected)
        assert b.tolist() == [[b"a", b"", b""], [b"", b"", b""], [b"b", b"cc", b""]] and c.shape == (3, 2)
        sess.run(q.enqueue_many([np.ones([2, 1, 2], int), [["x"], ["y"]], np.ones([2, 2], np.float32)]))
        assert [v.tolist() for v in sess.run(q.dequeue())] == [[[1, 1]], [b"x"], [1, 1]]
        none = sess.run(q.dequeue_many(0))
        assert [v.shape for v in none] == [(0, 0, 0), (0, 0), (0, 2)]


def test_random_order():
    """Every element once, in another order, at least min_after_dequeue of them kept back; the same with the same seed."""
    def drawn(seed, graph_seed=None):
        with tf.Graph().as_default():
            tf.set_random_seed(graph_seed) if graph_seed is not None else None
            q = tf.RandomShuffleQueue(100, 5, tf.int32, [[]], seed=seed)
            get, size = q.dequeue(), q.size()
            with tf.Session() as sess:
                sess.run(q.enqueue_many([np.arange(50)]))
                got = [int(sess.run(get)) for _ in range(45)]
                with pytest.raises(tf.errors.DeadlineExceededError, match="has 5 of 1 asked for, and 5 must stay while it is open"):
                    sess.run(get, options=tf.RunOptions(timeout_in_ms=50))
                sess.run(q.close())
                got += sess.run(q.dequeue_many(5)).tolist()
                assert sess.run(size) == 0
                return got
    orders = [drawn(1), drawn(1), drawn(2), drawn(None), drawn(None), drawn(None, 3), drawn(None, 3)]
    assert all(sorted(o) == list(range(50)) for o in orders)
    assert orders[0] == orders[1] and orders[5] == orders[6] and len({tuple(o) for o in orders}) == 5


def test_every_order_of_a_shuffle_is_equally_likely():
    q = tf.RandomShuffleQueue(4, 0, tf.int32, [[]], seed=3)
    put, get = q.enqueue_many([[0, 1, 2]]), q.dequeue_many(3)
    counts = {}
    with tf.Session() as sess:
        for _ in range(1200):
            sess.run(put)
            order = tuple(sess.run(get).tolist())
            counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 6 and all(abs(count - 200) < 60 for count in counts.values()), counts       # 4.6 standard deviations


def test_priorities():
    q = tf.PriorityQueue(20, [tf.string], [[]])
    p, s = tf.placeholder(tf.int64, [None]), tf.placeholder(tf.string, [None])
    many, get, batch = q.enqueue_many([p, s]), q.dequeue(), q.dequeue_many(4)
    assert q.dtypes == [tf.int64, tf.string] and [t.shape.as_list() for t in batch] == [[4], [4]]
    with tf.Session() as sess:
        sess.run(many, {p: [5, -1, 5, 2 ** 40, 0], s: list("abcde")})
        assert sess.run(get) == [-1, b"b"]
        sess.run(many, {p: [5, 1], s: list("fg")})
        first, names = sess.run(batch)
        assert first.tolist() == [0, 1, 5, 5] and names.tolist() == [b"e", b"g", b"a", b"c"]       # equals as they came
        assert sess.run(get) == [5, b"f"]
        keys = np.random.default_rng(0).integers(-50, 50, 20)
        sess.run(get)
        sess.run(many, {p: keys, s: [str(k) for k in range(20)]})
        got = sess.run(q.dequeue_many(20))
        order = np.argsort(keys, kind="stable")
        assert got[0].tolist() == keys[order].tolist() and [int(v) for v in got[1]] == order.tolist()


def test_names_make_elements_dicts():
    q = tf.FIFOQueue(5, [tf.float32, tf.int32], [[2], []], names=["image", "label"])
    with tf.Session() as sess:
        sess.run(q.enqueue({"label": 3, "image": [1., 2.]}))
        sess.run(q.enqueue_many({"image": [[3., 4.], [5., 6.]], "label": [4, 5]}))
        one, two = sess.run(q.dequeue()), sess.run(q.dequeue_many(2))
        assert one["label"] == 3 and one["image"].tolist() == [1, 2] and two["label"].tolist() == [4, 5]
    with pytest.raises(ValueError, match="You must enqueue a dictionary in a Queue with names"):
        q.enqueue([[1., 2.], 3])
    with pytest.raises(ValueError, match="Keys in dictionary to enqueue do not match names of Queue"):
        q.enqueue({"image": [1., 2.]})


def test_any_number_of_elements():
    q = tf.FIFOQueue(-1, tf.int32, [[]])
    with tf.Session() as sess:
        for _ in range(3):
            sess.run(q.enqueue_many([np.arange(1000)]))
        np.testing.assert_array_equal(sess.run(q.dequeue_many(2500)), np.concatenate([np.arange(1000), np.arange(1000), np.arange(500)]))
        assert sess.run(q.size()) == 500


def test_a_ring_that_grows_keeps_its_order():
    q = tf.FIFOQueue(-1, tf.int32, [[]])
    x, n = tf.placeholder(tf.int32, [None]), tf.placeholder(tf.int32, [])
    put, get = q.enqueue_many(x), q.dequeue_many(n)
    rng, first, last = np.random.default_rng(0), 0, 0
    with tf.Session() as sess:
        for _ in range(40):
            more = int(rng.integers(0, 30))
            sess.run(put, {x: np.arange(last, last + more)})
            last += more
            some = int(rng.integers(0, last - first + 1))
            assert sess.run(get, {n: some}).tolist() == list(range(first, first + some))
            first += some


# ---- static shapes and names --------------------------------------------------------------------------------------------------

def test_shapes_that_are_known_before_the_run():
    q = tf.FIFOQueue(9, [tf.float32, tf.int32], [[2], []], name="q")
    n = tf.placeholder(tf.int32, [])
    shapes = [[t.shape.as_list() for t in element] for element in (q.dequeue(), q.dequeue_many(3), q.dequeue_up_to(3), q.dequeue_many(n))]
    assert shapes == [[[2], []], [[3, 2], [3]], [[None, 2], [None]], [[None, 2], [None]]]
    assert [q.dequeue()[0].op.name, q.dequeue_many(3)[0].op.name, q.size().op.name, q.close().name, q.is_closed().op.name, q.enqueue([[1., 2.], 1]).name,
            q.enqueue_many([[[1., 2.]], [1]]).name, q.name] == ["q_Dequeue_1", "q_DequeueMany_2", "q_Size", "q_Close", "q_Is_Closed", "q_enqueue", "q_EnqueueMany", "q"]
    assert tf.FIFOQueue(9, tf.float32).dequeue().shape.ndims is None
    with tf.Session() as sess:                        # n decides the shape: a plan for each
        sess.run(q.enqueue_many([np.ones([5, 2]), np.arange(5)]))
        y = tf.reduce_sum(q.dequeue_many(n)[0], 0)
        assert sess.run(y, {n: 2}).tolist() == [2, 2] and sess.run(y, {n: 3}).tolist() == [3, 3]


def test_a_batch_goes_to_where_it_was_planned():
    q = tf.FIFOQueue(9, tf.float32, [[4]], name="q")
    with tf.Session() as sess:
        table = str(sess.explain(q.dequeue_many(3) * 2.))
        assert "arena +" in table.partition("QueueDequeueMany")[2].partition("\n")[0]


# ---- what is refused ----------------------------------------------------------------------------------------------------------

def test_shapes_that_do_not_fit():
    q = tf.FIFOQueue(9, [tf.float32, tf.int32], [[2], []], name="q")
    x, y = tf.placeholder(tf.float32), tf.placeholder(tf.int32)
    put, many = q.enqueue([x, y]), q.enqueue_many([x, y])
    ones = np.ones
    with tf.Session() as sess:
        fails(sess, InvalidArgumentError, "Shape mismatch in tuple component 0. Expected [2], got [3]", put, {x: ones(3), y: 1})
        fails(sess, InvalidArgumentError, "Shape mismatch in tuple component 1. Expected [], got [1]", put, {x: ones(2), y: [1]})
        fails(sess, InvalidArgumentError, "Shape mismatch in tuple component 0. Expected [3,2], got [3,3]", many, {x: ones([3, 3]), y: [1, 2, 3]})
        fails(sess, InvalidArgumentError, "All input tensors must have the same size in the 0th dimension. Component 1 has 2, and should have 3", many,
              {x: ones([3, 2]), y: [1, 2]})
        fails(sess, InvalidArgumentError, "enqueue_many takes tensors of at least one dimension, component 0 is a scalar", many, {x: 1., y: 1})
        assert sess.run(q.size()) == 0
        p = tf.PaddingFIFOQueue(9, tf.float32, [[None, 2]])
        fails(sess, InvalidArgumentError, "Shape mismatch in tuple component 0. Expected [?,2], got [3,3]", p.enqueue(x), {x: ones([3, 3])})
        free = tf.FIFOQueue(9, tf.float32)
        for take in (free.dequeue_many(2), free.dequeue_up_to(2)):
            fails(sess, InvalidArgumentError, "FIFOQueue's DequeueMany and DequeueUpTo require the components to have specified shapes.", take)
        for take in (q.dequeue_many(y), q.dequeue_up_to(y)):
            fails(sess, InvalidArgumentError, "The number of elements must be >= 0, got -1", take, {y: -1})
    with pytest.raises(ValueError, match=r"Shapes \(3,\) and \(2,\) are"):
        q.enqueue([[1., 2., 3.], 1])
    with pytest.raises(TypeError, match="Expected int32"):
        q.enqueue([[1., 2.], 1.5])
    with pytest.raises(ValueError, match="has 2 components, got 1"):
        q.enqueue([[1., 2.]])
    with pytest.raises(ValueError, match="must be >= 0, got -1"):
        q.dequeue_many(-1)


@pytest.mark.parametrize("make, error, text", [
    (lambda: tf.FIFOQueue(3, tf.int32, [[None]]), ValueError, "All shapes must be fully defined"),
    (lambda: tf.FIFOQueue(3, [tf.int32, tf.int32], [[]]), ValueError, "Queue shapes must have the same length as dtypes"),
    (lambda: tf.FIFOQueue(3, tf.int32, "x"), TypeError, "Shapes must be a TensorShape or a list or tuple of TensorShapes"),
    (lambda: tf.FIFOQueue(3, tf.int32, names=["a", "b"]), ValueError, "List of names must have the same length"),
    (lambda: tf.FIFOQueue(3, []), ValueError, "component_types"),
    (lambda: tf.PaddingFIFOQueue(3, tf.int32, None), ValueError, "When providing partial shapes, a list of shapes must be provided."),
    (lambda: tf.PaddingFIFOQueue(3, [tf.int32] * 2, [[None]]), ValueError, "Shapes must be provided for all components, but received 2 dtypes and 1 shapes."),
    (lambda: tf.PaddingFIFOQueue(3, tf.int32, [tf.TensorShape(None)]), ValueError, "All shapes must have a defined rank"),
    (lambda: tf.QueueBase.from_list(0, []), TypeError, "A list of queues expected"),
    (lambda: tf.QueueBase.from_list(0, [tf.FIFOQueue(3, tf.int32), tf.FIFOQueue(3, tf.int64)]), TypeError, "Queues do not have matching component dtypes."),
])
def test_what_can_not_be_made(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_a_closed_queue():
    q = tf.FIFOQueue(3, tf.int32, [[]], name="q")
    few = "FIFOQueue 'q' is closed and has insufficient elements (requested {}, current size {})"
    with tf.Session() as sess:
        sess.run(q.enqueue_many([[1, 2]]))
        assert not sess.run(q.is_closed())
        sess.run(q.close())
        assert sess.run(q.is_closed())
        fails(sess, CancelledError, "FIFOQueue 'q' is closed.", q.enqueue(3))
        fails(sess, CancelledError, "Queue 'q' is already closed.", q.close())
        sess.run([q.close(cancel_pending_enqueues=True), q.enqueue_many([np.zeros([0], np.int32)])])
        error = fails(sess, OutOfRangeError, few.format(3, 2), q.dequeue_many(3))
        assert error.op.type == "QueueDequeueMany" and "test_queues.py" in str(error)
        assert sess.run(q.size()) == 2 and sess.run(q.dequeue_up_to(5)).tolist() == [1, 2] and sess.run(q.dequeue_many(0)).shape == (0,)
        for take, n in ((q.dequeue(), 1), (q.dequeue_up_to(2), 2)):
            fails(sess, OutOfRangeError, few.format(n, 0), take)


@pytest.mark.parametrize("least, text", [(-1, "min_after_dequeue -1 must be >= 0"), (3, "min_after_dequeue 3 must be < capacity 3"), (2, None)])
def test_min_after_dequeue(least, text):
    q = tf.RandomShuffleQueue(3, least, tf.int32)
    with tf.Session() as sess:
        if text:
            fails(sess, InvalidArgumentError, text, q.size())
        else:
            assert sess.run(q.size()) == 0


def test_a_handle_is_no_variable_and_a_variable_no_handle():
    q, v = tf.FIFOQueue(3, tf.string, [[]], name="q"), tf.Variable("a", name="v")
    from minitf.ops.apply import apply_op
    with tf.Session() as sess:
        for wrong in (q.queue_ref, tf.identity(q.queue_ref), tf.cond(tf.constant(True), lambda: tf.identity(q.queue_ref), lambda: tf.constant("")),
                      tf.assign(q.queue_ref, "b")):
            with pytest.raises(InvalidArgumentError, match="'q' is no variable but the handle of a FIFOQueue"):
                sess.run(wrong)
        with pytest.raises(InvalidArgumentError, match="'v' is no queue, but a variable"):
            sess.run(apply_op("QueueDequeue", v, component_types=[tf.string]))
        with pytest.raises(InvalidArgumentError, match=r"has component types \[string\], and is given or asked for \[int32\]"):
            sess.run(apply_op("QueueDequeue", q.queue_ref, component_types=[tf.int32]))
    with pytest.raises(TypeError, match="requires a reference of dtype string"):
        apply_op("QueueSize", tf.Variable(1.)._ref())


# ---- one queue, several handles -----------------------------------------------------------------------------------------------

def test_handles_that_share_a_name_are_one_queue():
    a, b = (tf.FIFOQueue(3, tf.int32, [[]], shared_name="s") for _ in range(2))
    with tf.container("other"):
        c = tf.FIFOQueue(3, tf.int32, [[]], shared_name="s")
    assert run(a.enqueue(1), b.size(), c.size())[1:] == [1, 0]
    shuffled = [tf.RandomShuffleQueue(3, 1, tf.int32, shared_name="r") for _ in range(2)]
    run([q.size() for q in shuffled])


F = lambda *args, **more: tf.FIFOQueue(*args, shared_name="s", **more)
R = lambda *args, **more: tf.RandomShuffleQueue(*args, shared_name="s", **more)


@pytest.mark.parametrize("make, text", [
    (lambda: (F(3, tf.int32), F(4, tf.int32)), "has capacity 3 but requested capacity was 4."),
    (lambda: (F(3, tf.int32), F(3, tf.int64)), "has component types [int32] but requested component types were [int64]."),
    (lambda: (F(3, tf.int32, [[]]), F(3, tf.int32)), "has component shapes [()] but requested component shapes were []."),
    (lambda: (F(3, tf.int32, name="f"), R(3, 1, tf.int32, name="r")), "has type 'FIFOQueue' that does not match type of Node 'r': RandomShuffleQueue."),
    (lambda: (R(3, 1, tf.int32), R(3, 2, tf.int32)), "has min_after_dequeue 1 but requested min_after_dequeue was 2."),
    (lambda: (R(3, 1, tf.int32, seed=1), R(3, 1, tf.int32, seed=2)), "has random seeds (87654321, 1) but requested seeds are (87654321, 2)."),
])
def test_handles_that_share_a_name_must_agree(make, text):
    a, b = make()
    with tf.Session() as sess:
        sess.run(a.size())
        fails(sess, InvalidArgumentError, f"Shared queue 's' {text}", b.size())


def test_one_of_several_queues():
    queues = [tf.FIFOQueue(5, [tf.int32, tf.float32], [[], [2]], names=["a", "b"], name=f"q{k}") for k in range(3)]
    index = tf.placeholder(tf.int32, [])
    x = tf.placeholder(tf.int32, [])
    q = tf.QueueBase.from_list(index, queues)
    put, get, many, size, shut = q.enqueue({"a": x, "b": [1., 2.]}), q.dequeue(), q.dequeue_many(2), q.size(), q.close()
    assert get["b"].shape.as_list() == [2] and many["b"].shape.as_list() == [2, 2]
    with tf.Session() as sess:
        for k in (0, 1, 2, 2, 2):
            sess.run(put, {index: k, x: 10 + k})
        assert [sess.run(size, {index: k}) for k in range(3)] == [1, 1, 3] and sess.run([own.size() for own in queues]) == [1, 1, 3]
        assert sess.run(get, {index: 1})["a"] == 11 and sess.run(many, {index: 2})["a"].tolist() == [12, 12]
        sess.run(shut, {index: 2})
        assert sess.run([own.is_closed() for own in queues]) == [False, False, True]
        with pytest.raises(InvalidArgumentError, match="there are 3 queues, and the index is"):
            sess.run(size, {index: 3})


# ---- the graph's wire forms, gradients ----------------------------------------------------------------------------------------

def test_queues_go_through_graph_defs_and_json():
    q = tf.RandomShuffleQueue(5, 1, [tf.float32, tf.string], [[2], []], seed=1, name="q")
    q.enqueue_many([[[1., 2.], [3., 4.], [5., 6.]], ["a", "b", "c"]], name="put")
    q.dequeue_many(2, name="get")
    q.close(name="shut")
    one = tf.get_default_graph()
    graphs = [tf.Graph(), tf.Graph.from_json(one.to_json())]
    with graphs[0].as_default():
        tf.import_graph_def(one.as_graph_def(), name="")
    results = []
    for graph in [one, *graphs]:
        with tf.Session(graph=graph) as sess:
            assert graph.get_tensor_by_name("get:0").shape.as_list() == [2, 2]
            sess.run("put")
            results.append([v.tolist() for v in sess.run(["get:0", "get:1"])])
            sess.run("shut")
            with pytest.raises(CancelledError):
                sess.run("put")
    assert results[0] == results[1] == results[2]


def test_newer_graph_defs_have_the_same_ops_under_other_names():
    q = tf.FIFOQueue(5, tf.int32, [[]], name="q")
    q.enqueue(3, name="put")
    q.dequeue(name="get")
    message = tf.get_default_graph().as_graph_def()
    for node in message.node:
        if "Queue" in node.op:
            node.op += "V2"
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(message, name="")
        with tf.Session() as sess:
            sess.run("put")
            assert sess.run("get:0") == 3 and graph.get_operation_by_name("get").type == "QueueDequeue"


def test_gradients_stop_at_queues():
    q = tf.FIFOQueue(5, tf.float32, [[]])
    v = tf.Variable(2.)
    with tf.control_dependencies([q.enqueue(v)]):
        got = q.dequeue()
    assert tf.gradients(got * 3., v) == [None] and tf.gradients(got * v, got) != [None]
