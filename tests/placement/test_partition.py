"""Cutting a program into one per device: what crosses, how often, and in which order things happen."""
import warnings

import numpy as np
import pytest

import minitf as tf
from minitf.session import pipeline
from session.graphs import devices, probe, same_bits


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


def on(i):
    return tf.device(f"/cpu:{i}")


@pytest.fixture
def sess(graph):
    with tf.Session(config=tf.ConfigProto(device_count={"CPU": 3})) as sess:
        yield sess


def transfers(sess, fetches, feed_dict=None):
    """[(source, destination, name of the edge)] of a run that is prepared and not done."""
    executable, _, feeds = sess._prepare(fetches, feed_dict)
    variant = executable.variant(feeds)
    sends = [i.node.attrs["key"] for p in variant.plans for i in p.instructions if i.kind == "Send"]
    recvs = [i.node.attrs["key"] for p in variant.plans for i in p.instructions if i.kind == "Recv"]
    assert sorted(sends) == sorted(recvs) == sorted(variant.keys) and len(set(sends)) == len(sends)
    return sorted((a[-1], b[-1], name) for a, b, name in (key.split(";") for key in sends))


def source(name):
    return probe(tf.constant([1.0, 2.0]), lambda x: None, name=name) * 3.0


def test_one_transfer_per_tensor_and_destination(sess):
    with on(0):
        a = tf.negative(source("x"), name="a")
    with on(1):
        users = [a + float(i) for i in range(5)] + [tf.add(a, a)]
    with on(2):
        other = tf.exp(a)
    assert transfers(sess, users + [other]) == [("0", "1", "edge_a_0"), ("0", "2", "edge_a_0")]
    got = sess.run(users + [other])
    for i in range(5):
        np.testing.assert_array_equal(got[i], np.array([-3, -6]) + i)
    np.testing.assert_array_equal(got[5], [-6, -12])


def test_only_what_is_needed_crosses(sess):
    with on(0):
        a, b = tf.negative(source("x"), name="a"), tf.exp(source("y"), name="b")
    with on(1):
        c, d = tf.square(a), tf.square(b)
    assert transfers(sess, c) == [("0", "1", "edge_a_0")] and transfers(sess, d) == [("0", "1", "edge_b_0")]
    assert transfers(sess, c, {a: [1.0, 1.0]}) == [] and transfers(sess, [a, b]) == []


def test_each_output_crosses_by_itself(sess):
    with on(0):
        parts = tf.unstack(source("x") * 1.0, name="parts")
    with on(1):
        c = parts[1] * 2.0
    assert transfers(sess, c) == [("0", "1", "edge_parts_1")] and sess.run(c) == 12


def test_what_is_known_or_fed_is_not_sent(sess):
    x = tf.placeholder(tf.float32, [2])
    with on(0):
        known, shape = tf.constant([1.0, 2.0]) * 2.0, tf.shape(x)
        a = known + x
    with on(1):
        b = known * x * tf.cast(shape[0], tf.float32)
    with on(2):
        c = x - known
    feed = {x: np.array([5, 6], np.float32)}
    assert transfers(sess, [a, b, c], feed) == []
    got = sess.run([a, b, c, x, known], feed)
    for g, want in zip(got, ([7, 10], [20, 48], [3, 2], [5, 6], [2, 4])):
        np.testing.assert_array_equal(g, want)


def test_back_and_forth(sess):
    with on(0):
        a = tf.negative(source("x"), name="a")
    with on(1):
        b = tf.square(a, name="b")
    with on(0):
        c = tf.add(a, b, name="c")
    with on(2):
        d = tf.add(b, c, name="d")
    with on(1):
        e = tf.add(d, a, name="e")
    assert len(transfers(sess, e)) == 5
    np.testing.assert_array_equal(sess.run(e), 2 * np.array([9, 36]) + 2 * np.array([-3, -6]))


@pytest.mark.parametrize("optimised", [True, False])
def test_views_and_empty_arrays_cross(graph, optimised):
    config = tf.ConfigProto(device_count={"CPU": 2})
    config.graph_options.optimizer_options.opt_level = tf.OptimizerOptions.L1 if optimised else tf.OptimizerOptions.L0
    x = tf.placeholder(tf.float32, [None, 2])
    with on(0):
        fed_view, view = tf.reshape(x, [-1]), tf.reshape(x * 2.0, [2, -1])
        flag, count = tf.greater(x, 1.0), tf.cast(x, tf.int64)
    with on(1):
        results = [fed_view + 1.0, tf.transpose(view), tf.logical_not(flag), count + 1, tf.reshape(view, [-1]), tf.identity(fed_view)]
    with tf.Session(config=config) as sess:
        for value in (np.arange(8).reshape(4, 2), np.zeros((0, 2)), np.ones((1, 2)), np.arange(4000).reshape(2000, 2)):
            v = value.astype(np.float32)
            got = sess.run(results, {x: v})
            for g, want in zip(got, (v.ravel() + 1, (v * 2).reshape(2, v.size // 2).T, ~(v > 1), v.astype(np.int64) + 1, v.ravel() * 2, v.ravel())):
                np.testing.assert_array_equal(g, want)


# ---- control edges ----------------------------------------------------------------------------------------------------------


def test_control_edges_cross_once_per_destination(sess):
    v = tf.Variable(0.0, name="v")
    with on(1):
        a = tf.exp(probe(tf.constant(1.0), lambda x: None), name="a")
    with on(0), tf.control_dependencies([a]):
        first, second = tf.assign_add(v, 1.0), tf.assign_add(v, 2.0)
    with on(2), tf.control_dependencies([a]):
        third = tf.no_op()
    assert transfers(sess, [first, second]) == [("1", "0", "edge_a_control")]
    assert transfers(sess, [first, second, third])[:1] == [("1", "0", "edge_a_control")]
    sess.run(v.initializer)
    sess.run([first, second, third])
    assert sess.run(v) == 3


def test_a_step_over_three_devices_follows_its_control_edges(sess):
    """A relay: each device changes its own variable to what the one before left, waiting for it by a control edge only."""
    variables = []
    for i in range(3):
        with on(i):
            variables.append(tf.Variable(float(i), name=f"v{i}"))
    previous, ops = [], []
    for lap in range(5):
        for i in range(3):
            with on(i), tf.control_dependencies(previous):
                before = variables[i - 1].read_value()
                ops.append(tf.assign(variables[i], before * 2.0 + 1.0))
                previous = [ops[-1]]
    init = tf.group(*[v.initializer for v in variables])
    want = [0.0, 1.0, 2.0]
    for lap in range(5):
        for i in range(3):
            want[i] = want[i - 1] * 2 + 1
    for _ in range(20):
        sess.run(init)
        sess.run(ops[-1])
        assert sess.run(variables) == want


def test_a_control_edge_on_a_constant_made_inside_the_block_counts(sess):
    """`with control_dependencies([update]): y = x * 2.0` waits for the update, though only the constant 2.0 got the edge."""
    x = tf.placeholder(tf.float32, [])
    for home, away in ((0, 0), (0, 1)):
        with on(home):
            v = tf.Variable(0.0)
        update = tf.assign_add(v, 1.0)
        with on(away), tf.control_dependencies([update]):
            y = x * 2.0
            c = tf.constant(7.0)
            s = tf.shape(x)
            z = tf.zeros([2]) + 1.0
        sess.run(v.initializer)
        for count, fetch in enumerate((y, c, s, z, c.op), 1):
            sess.run(fetch, {x: 3.0})
            assert sess.run(v) == count, fetch


def test_groups_over_devices(sess):
    with on(0):
        a = tf.Variable(1.0)
    with on(1):
        b = tf.Variable(2.0)
    init = tf.group(a.initializer, b.initializer)
    swap = tf.group(a.assign(b), b.assign(a))
    sess.run(init)
    for want in ([2, 1], [1, 2]):                               # both reads are of the step's start
        sess.run(swap)
        assert sess.run([a, b]) == want


# ---- what does not cross ----------------------------------------------------------------------------------------------------


def test_a_reference_does_not_cross(sess, monkeypatch):
    """A placer that puts an update on another device than its variable; placement/constraints.py would not."""
    v = tf.Variable(1.0, name="v")
    with on(1):
        x = probe(tf.constant(1.0), lambda x: None)
    add = tf.assign_add(v, x, name="add")
    place = pipeline.place

    def torn(nodes, devices, *more):
        place(nodes, devices, *more)
        for node in nodes:
            if node.name == "add":
                node.device = devices[2]
    monkeypatch.setattr(pipeline, "place", torn)
    with pytest.raises(tf.errors.InvalidArgumentError, match="'add' .AssignAdd. on .*CPU:2 needs the variable 'v' itself, which is on .*CPU:0") as e:
        sess.run(add)
    assert e.value.op.name == "add" and "test_partition.py" in str(e.value)


def test_a_variable_is_read_where_it_is_and_what_was_read_crosses_once(sess):
    """Reads asked for on another device, gradients that are colocated with such a read, and a read behind an update elsewhere."""
    with on(2):
        v = tf.Variable([1.0, 2.0], name="v")
    with on(1):
        here = tf.identity(v, name="here")
        squares = [here * v, tf.reduce_sum(v * v), v.read_value() + 1.0]
    assert transfers(sess, squares[:2]) == [("2", "1", "edge_v/read_0")]
    assert [edge[:2] for edge in transfers(sess, squares)] == [("2", "1")] * 2                  # read_value() is a read of its own
    gradient, = tf.gradients(tf.reduce_sum(here * here * v), v, colocate_gradients_with_ops=True)
    with on(0):
        one = probe(tf.constant([1.0, 1.0]), lambda x: None)
    with tf.control_dependencies([v.assign_add(one)]), on(1):
        after = v.read_value() * 2.0
    sess.run(v.initializer)
    np.testing.assert_array_equal(sess.run(gradient), [3, 12])
    np.testing.assert_array_equal(sess.run(squares[2]), [2, 3])
    got = sess.run([after, squares[1]])
    np.testing.assert_array_equal(got[0], [4, 6])
    assert got[1] == 5                                          # of the step's start


@pytest.mark.parametrize("threads", [0, 1])
def test_loops_and_branches_elsewhere_than_what_they_use(threads):
    """A body runs on one device; what it takes and gives crosses, with what it gives gradients too."""
    x = tf.placeholder(tf.float32, [3])
    with on(0):
        v, start = tf.Variable([1.0, 2.0, 3.0]), tf.tanh(x)
    with on(1):
        n, turned = tf.cast(tf.reduce_sum(x), tf.int32), x * 2.0
    with on(2):
        loop = tf.while_loop(lambda i, a: i < n, lambda i, a: (i + 1, a * turned + v), [0, start])[1]
    with on(3):
        branch = tf.cond(loop[0] > 3.0, lambda: loop * v, lambda: loop - turned)
    with on(1):
        y = tf.reduce_sum(branch * branch)
    results = {}
    for colocate in (False, True):
        with on(0), warnings.catch_warnings():
            warnings.simplefilter("error")                      # that a loop's gradient asks for two devices
            fetches = [loop, branch, y, *tf.gradients(y, [x, v], colocate_gradients_with_ops=colocate)]
        for config in (devices(1, allow_soft_placement=True), devices(4, inter_op_parallelism_threads=threads)):
            with tf.Session(config=config) as session:
                session.run(v.initializer)
                for fed in ([1.0, 0.5, 0.5], [0.2, 0.2, 0.6], [2.0, 1.0, 0.0]):
                    results.setdefault((colocate, tuple(fed)), []).append(session.run(fetches, {x: fed}))
    for one, four in results.values():
        assert all(same_bits(a, b) for a, b in zip(one, four, strict=True))
    assert len({tuple(r[0][1]) for r in results.values()}) == 3


@pytest.mark.parametrize("colocate", [False, True])
@pytest.mark.parametrize("optimizer", [lambda: tf.train.GradientDescentOptimizer(0.1), lambda: tf.train.MomentumOptimizer(0.1, 0.9),
                                       lambda: tf.train.AdamOptimizer(0.01)], ids=["sgd", "momentum", "adam"])
def test_training_over_devices_gives_the_bits_of_one(optimizer, colocate):
    """A layer on each device, its variables too; what updates them is where they are."""
    rng = np.random.RandomState(0)
    x, target = tf.placeholder(tf.float32, [8, 6]), tf.placeholder(tf.int32, [8])
    hidden, layers = x, []
    for i, units in enumerate((7, 5, 6, 4)):
        with on(i):
            layers.append([tf.Variable((rng.randn(hidden.get_shape().as_list()[1], units) / 2).astype(np.float32)), tf.Variable(tf.zeros([units]))])
            hidden = tf.matmul(hidden, layers[-1][0]) + layers[-1][1]
            hidden = tf.nn.relu(hidden) if i < 3 else hidden
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=hidden))
    train = optimizer().minimize(loss, colocate_gradients_with_ops=colocate)
    feed, found = {x: rng.randn(8, 6), target: rng.randint(0, 4, 8)}, []
    for config in (devices(1, allow_soft_placement=True), devices(4), devices(4, inter_op_parallelism_threads=2)):
        with tf.Session(config=config) as session:
            session.run(tf.global_variables_initializer())
            losses = [session.run([loss, train], feed)[0] for _ in range(6)]
            found.append([*losses, *session.run(tf.global_variables())])
            if config.device_count["CPU"] == 4:
                wanted = {f"{layers[i][k].op.name}": str(i) for i in range(4) for k in range(2)}
                placed = {name: device[-1] for name, device in session._runtime.placed.items()}
                assert all(placed[name] == i for name, i in wanted.items())
                assert all(placed[name] == i for v, i in wanted.items() for name in placed if name.startswith(v + "/"))        # slots
    assert found[0][5] < found[0][0]
    for other in found[1:]:
        assert all(same_bits(a, b) for a, b in zip(found[0], other, strict=True))
