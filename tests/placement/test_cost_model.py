"""The cost model, what a session does with it, and what explain_placement and RunMetadata.cost_graph tell."""
import numpy as np
import pytest

import minitf as tf
from minitf.core.step_stats import DeviceStepStats, NodeExecStats, NodeOutput, StepStats, TensorDescription
from minitf.graph.program import Node
from minitf.placement.static_costs import is_free, operations
from session.graphs import probe

CPU = "/job:localhost/replica:0/task:0/device:CPU:%d"
FULL = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


def session(n=2, model=None, **fields):
    return tf.Session(config=tf.ConfigProto(device_count={"CPU": n}, cost_model=model, **fields))


def node(name="a", type_="Exp", shapes=((10,),), inputs=(), **attrs):
    return Node(name, type_, attrs, list(inputs), [], "", None, [tf.float32] * len(shapes), list(shapes))


def placed(sess, fetches, feed_dict=None):
    """{name: number of its CPU} of the nodes that do something."""
    executable, _, feeds = sess._prepare(fetches, feed_dict)
    return {n.name: int(part.device[-1]) for part in executable.variant(feeds).program for n in part.nodes
            if n.values is None and n.type not in ("_Send", "_Recv", "_Feed", "Const")}


def stats_of(times, device=CPU % 0):
    """StepStats of {name or (names of a fused instruction): microseconds}."""
    found = []
    for names, time_ in times.items():
        names = [names] if isinstance(names, str) else list(names)
        output = [NodeOutput(0, TensorDescription(tf.float32, (2,), 8))]
        found.append(NodeExecStats(names[-1], 0, 0, 0, 0, 0, int(time_ * 1000), "", 0, 0, output, members=names))
    return StepStats([DeviceStepStats(device, found)])


# ---- static estimates ---------------------------------------------------------------------------------------------------------

def test_static_times():
    model = tf.placement.CostModel(multiply_adds=1000, memory_bytes=100)
    x, w = node("x", "Placeholder", [(20, 30)]), node("w", "Placeholder", [(30, 40)])
    assert model.time(node("m", "MatMul", [(20, 40)], [(x, 0), (w, 0)]), CPU % 0) == max(24000 / 1000, 4 * (600 + 1200 + 800) / 100)
    assert model.time(node("m", "MatMul", [(20, 40)], [(x, 0), (w, 0)]), CPU % 1) == 104
    assert model.time(node("e", "Exp", [(20, 30)], [(x, 0)]), CPU % 0) == 2 * 2400 / 100
    assert model.time(node("e", "Exp", [(1,)], [(node("s", "Placeholder", [(1,)]), 0)]), CPU % 0) == 1               # the least
    assert model.time(node("e", "Exp", [None]), CPU % 0) == model.time(node("e", "Exp", [(None, 2)]), CPU % 0) == 1  # not known
    for type_ in ("Const", "VariableV2", "_ReadVariable", "Reshape", "Identity", "Placeholder"):
        assert model.time(node("c", type_, [(1000, 1000)]), CPU % 0) == 0
    assert model.nbytes(node(shapes=[(2, 3), None]), 0) == 24 and model.nbytes(node(shapes=[(2, 3), None]), 1) == 1 and model.nbytes(node(), None) == 0
    gpu = tf.placement.CostModel(multiply_adds={"CPU": 1, "GPU": 1000}, memory_bytes={"CPU": 1e9, "GPU": 1e9})
    product = node("m", "MatMul", [(20, 40)], [(x, 0), (w, 0)])
    assert (gpu.time(product, CPU % 0), gpu.time(product, "/job:j/replica:0/task:0/device:GPU:0")) == (24000, 24)


def test_multiply_adds_of_products_and_convolutions_and_their_gradients():
    x = tf.placeholder(tf.float32, [8, 12, 12, 3])
    w = tf.placeholder(tf.float32, [5, 5, 3, 7])
    y = tf.nn.conv2d(x, w, [1, 1, 1, 1], "SAME")
    a, b = tf.placeholder(tf.float32, [6, 4, 5]), tf.placeholder(tf.float32, [6, 5, 3])
    product = tf.matmul(a, b)
    tf.gradients([y, product], [x, w, a, b])
    counts = {}
    for op in tf.get_default_graph().get_operations():
        made = Node(op.name, op.type, op.attrs, [], [], "", op, [t.dtype for t in op.outputs], [t.shape.tuple for t in op.outputs])
        made.inputs = [(Node("i", "Placeholder", {}, [], [], "", None, [t.dtype], [t.shape.tuple]), 0) for t in op.inputs]
        counts.setdefault(op.type, []).append((operations(made) or (0, 0))[0])
    conv = 8 * 12 * 12 * 7 * 5 * 5 * 3
    assert counts["Conv2D"] == counts["Conv2DBackpropInput"] == counts["Conv2DBackpropFilter"] == [conv]
    assert counts["BatchMatMul"] == [6 * 4 * 5 * 3] * 3


def test_a_loop_costs_what_is_in_it():
    x = tf.placeholder(tf.float32, [64, 64], name="x")
    loop = tf.while_loop(lambda i, h: i < 5, lambda i, h: (i + 1, tf.matmul(h, h)), [0, x])[1]
    branch = tf.cond(tf.reduce_sum(x) > 0, lambda: tf.matmul(x, x), lambda: x)
    with session(2, tf.placement.CostModel(multiply_adds=1000)) as sess:
        for fetch, least in ((loop, 10 * 64 ** 3 / 1000), (branch, 64 ** 3 / 1000)):
            explained = tf.placement.explain_placement(fetch.op, sess, fetch, {x: np.zeros([64, 64])})
            assert least <= explained.considered[CPU % 0][2] <= 1.2 * least + 20


# ---- learning -----------------------------------------------------------------------------------------------------------------

def test_measured_times_are_medians_and_fused_ones_are_shared():
    model = tf.placement.CostModel()
    for a in (5, 100, 7):
        model.update(stats_of({"a": a, ("b", "c", "d"): 9}), {"a": CPU % 0, "merged": CPU % 0})
    for name, expected in (("a", 7), ("b", 3), ("d", 3), ("merged", 0)):
        assert model.time(node(name), CPU % 0) == model.time(node(name), CPU % 1) == expected
    assert model.nbytes(node("a", shapes=[None]), 0) == 8 and model.nbytes(node("d", shapes=[None]), 0) == 1
    model.record("a", CPU % 1, 50.0)
    assert model.time(node("a"), CPU % 1) == 50 and model.time(node("a"), CPU % 0) == 7
    assert model.time(node("a", shapes=[(10,)]), "/job:j/replica:0/task:0/device:GPU:0") == 1               # nothing measured on a GPU
    assert "3 steps" in str(model) and "a on CPU:0" in str(model)


def test_a_node_seen_seldom_is_suppressed():
    model = tf.placement.CostModel()
    for k in range(10):
        model.update(stats_of({"a": 10, "b": 10, "c": 10, **({"rare": 1000} if k < 5 else {}), **({"often": 1000} if k < 6 else {})}))
    assert model.time(node("rare"), CPU % 0) == 1 and model.time(node("often"), CPU % 0) == 1000


def test_transfers():
    model = tf.placement.CostModel(latency={(CPU % 0, CPU % 1): 3.0}, bandwidth={(CPU % 0, CPU % 1): 100.0})
    assert model.transfer_time(1000, CPU % 0, CPU % 1) == 13 and model.transfer_time(1000, CPU % 1, CPU % 0) == 10.2
    assert model.transfer_time(1000, CPU % 1, CPU % 1) == 0


def branches(n=2, size=128, depth=3):
    """n chains of products, added up; and the feed."""
    x = tf.placeholder(tf.float32, [size, size], name="x")
    ends = []
    for b in range(n):
        h = x
        for k in range(depth):
            w = tf.Variable(tf.random_normal([size, size], seed=k), name=f"w{b}{k}")
            h = tf.matmul(h, w, name=f"m{b}{k}")
        ends.append(tf.reduce_sum(h, name=f"s{b}"))
    return tf.add_n(ends, name="y"), {x: np.ones([size, size], np.float32)}


def test_measure():
    y, feed = branches()
    with session(3) as sess:
        sess.run(tf.global_variables_initializer())
        model = tf.placement.measure(sess, y, feed, steps=3)
        with pytest.raises(ValueError, match="steps must be at least 1"):
            tf.placement.measure(sess, y, feed, steps=0)
    assert model.steps == 3 and set(model.latency) == set(model.bandwidth) == {(CPU % a, CPU % b) for a in range(3) for b in range(3) if a != b}
    assert all(0 < t < 1e6 for t in model.latency.values()) and all(b > 0 for b in model.bandwidth.values())
    m = node("m00", "MatMul", [(128, 128)])
    assert 128 ** 3 / 1e6 < model.time(m, CPU % 0) and model.time(m, CPU % 2) == model.time(m, CPU % 0)
    assert model.is_measured("s0") and model.is_measured("y") and not model.is_measured("x")
    with session(1) as sess:
        sess.run(tf.global_variables_initializer())
        assert tf.placement.measure(sess, y, feed, steps=1).latency == {}


# ---- in a session ---------------------------------------------------------------------------------------------------------------

def fixed_model(times, latency=5.0, **fields):
    """A model in which every node takes what `times` says of the first letter of its name, on any CPU."""
    class Fixed(tf.placement.CostModel):
        def time(self, node, device):
            return 0.0 if is_free(node) else times.get(node.name[0], 1.0)
    return Fixed(latency=latency, bandwidth=1e9, **fields)


def test_large_branches_are_divided_with_their_weights_and_a_small_chain_is_not():
    y, feed = branches()
    expected = None
    for times, devices in (({"m": 100.0}, 2), ({"m": 1.0}, 1)):
        with session(2, fixed_model(times)) as sess:
            sess.run(tf.global_variables_initializer())
            where = placed(sess, y, feed)
            value = sess.run(y, feed)
            assert expected is None or value == expected
            expected = value
        assert len(set(where.values())) == devices
        assert all(where[f"w{b}{k}"] == where[f"m{b}{k}"] == where[f"s{b}"] == where[f"m{b}0"] for b in range(2) for k in range(3))
        assert (where["m00"] != where["m10"]) == (devices == 2)


def test_requests_and_what_holds_state_come_first():
    y, feed = branches()
    with tf.device("/cpu:1"):
        v = tf.Variable(1.0, name="v")
        z = tf.multiply(y, v, name="z")
    with session(2, fixed_model({"m": 100.0})) as sess:
        sess.run(tf.global_variables_initializer())
        where = placed(sess, z, feed)
        assert where["z"] == where["v"] == 1 and {where["m00"], where["m10"]} == {0, 1}
        homes = dict(sess._runtime.placed)
        sess._config.cost_model = fixed_model({"m": 1.0})                  # now all on one device would be better
        again = placed(sess, [z, tf.identity(y)], feed)
        assert sess._runtime.placed == homes and all(again[name] == int(home[-1]) for name, home in homes.items())


def test_memory_limits():
    y, feed = branches()
    nbytes = 3 * 128 * 128 * 4
    for limits, devices in (({CPU % 0: 2 * nbytes}, {1}), ({CPU % 0: 5 * nbytes}, {0}), ({}, {0})):
        with session(2, fixed_model({"m": 1.0}, memory_limits=limits)) as sess:
            sess.run(tf.global_variables_initializer())
            assert set(placed(sess, y, feed).values()) == devices
            assert np.isfinite(sess.run(y, feed))
    with session(2, fixed_model({}, memory_limits={CPU % 0: 100, CPU % 1: 100})) as sess:
        with pytest.raises(tf.errors.ResourceExhaustedError, match="No device has room for 'w"):
            sess.run(tf.global_variables_initializer())


def test_one_device_is_left_alone():
    y, feed = branches()
    model = fixed_model({"m": 100.0})
    with session(1, model, placement_period=1) as sess:
        sess.run(tf.global_variables_initializer())
        assert np.isfinite(sess.run(y, feed)) and set(placed(sess, y, feed).values()) == {0} and model.steps == 0


class Told(tf.placement.CostModel):
    """A model that learns the same from every step: how long nodes take is told, not measured."""
    told = {"a": 3000.0, "b": 3000.0}

    def update(self, step_stats, nodes=None):
        for name, device in nodes.items():
            self.record(name, device, self.told.get(name, 1.0))
        self.steps += 1
        self.seen = {n.node_name for d in step_stats.dev_stats for n in d.node_stats}


def two_slow():
    """Two ops of which their type and shapes do not tell that they are slow; and a variable that counts the runs."""
    x = tf.placeholder(tf.float32, [])
    v = tf.Variable(0.0, name="v")
    count = tf.assign_add(v, 1.0, name="count")
    y = tf.add(*(probe(x, lambda value: None, name=name) for name in "ab"), name="y")
    return x, v, [y, count]


def test_a_run_is_placed_again_until_nothing_moves(capsys):
    x, v, fetches = two_slow()
    model = Told()
    with session(2, model, placement_period=3, log_device_placement=True) as sess:
        sess.run(v.initializer)
        capsys.readouterr()
        apart, home = [], sess._runtime.placed["v"]
        for _ in range(12):
            assert sess.run(fetches, {x: 2.0})[0] == 4
            where = placed(sess, fetches, {x: 2.0})
            apart.append(where["a"] != where["b"])
            assert where["v"] == where["count"] == int(home[-1])
        said = capsys.readouterr().out
        assert sess.run(v) == 12
    assert apart == [False] * 2 + [True] * 10 and {"a", "b", "y"} <= model.seen
    assert f"moves from {CPU % 0} to {CPU % 1} after 3 steps" in said and "placement after 3 steps: 1 of" in said
    assert "placement after 6 steps: 0 of" in said and "after 9 steps" not in said and model.steps == 2


def test_what_gains_next_to_nothing_does_not_move():
    x, v, fetches = two_slow()
    model = Told(latency=2900.0)
    with session(2, model, placement_period=1) as sess:
        sess.run(v.initializer)
        for _ in range(3):
            sess.run(fetches, {x: 2.0})
            assert placed(sess, fetches, {x: 2.0})["a"] == placed(sess, fetches, {x: 2.0})["b"]
        assert model.steps == 2                                              # one of each run


def test_a_session_learns_without_a_model_and_into_a_given_one():
    x, v, fetches = two_slow()
    model = tf.placement.CostModel()
    metadata = tf.RunMetadata()
    for given in (None, model):
        with session(2, given, placement_period=1) as sess:
            sess.run(v.initializer)
            for k in range(3):
                assert sess.run(fetches, {x: 1.0}, options=FULL, run_metadata=metadata) == [2, k + 1]
            assert sess._config.cost_model.is_measured("a") and metadata.step_stats is not None
    assert 1 <= model.steps <= 4


def test_a_cost_model_is_checked():
    with pytest.raises(TypeError, match="cost_model must be a tf.placement.CostModel, got 3"):
        session(2, 3)


# ---- explanations -----------------------------------------------------------------------------------------------------------------

def test_explanation_of_requests_and_groups():
    with tf.device("/cpu:1"):
        v = tf.Variable(1.0, name="v")
    add = tf.assign_add(v, 1.0, name="add")
    with session(2) as sess:
        text = str(tf.placement.explain_placement(add, sess))
        for line in ("'add' (AssignAdd), made at ", "requested device: (any)", "shares its device with 3 others:",
                     "'add' (AssignAdd) (any), because it takes a reference to 'v'", "'v' (VariableV2) /device:CPU:1", "CPU:1: feasible",
                     "CPU:0: not feasible: 'v' asks for /device:CPU:1", "choice: CPU:1, the only one"):
            assert line in text, text
        sess.run(v.initializer)
        text = str(tf.placement.explain_placement(v, sess))
        assert "requested device: /device:CPU:1" in text and "CPU:1: placed there by an earlier run, and what holds state stays" in text
        alone = tf.negative(tf.placeholder(tf.float32), name="alone")
        assert "it shares its device with no other op" in str(tf.placement.explain_placement(alone, sess))
        assert "choice: CPU:0, the first that is feasible (no cost model)" in str(tf.placement.explain_placement(alone, sess))
        with pytest.raises(ValueError, match="'alone' .Neg. is not needed for"):
            tf.placement.explain_placement(alone, sess, add)
    assert "choice: CPU:0" in str(tf.placement.explain_placement(alone)), "without any session: one CPU device"


def test_explanation_of_what_can_not_be_placed():
    with tf.device("/gpu:0"):
        a = tf.negative(tf.placeholder(tf.float32, []), name="a")
    with session(2) as sess:
        explained = tf.placement.explain_placement(a, sess)
    text = str(explained)
    assert explained.device is None and isinstance(explained.error, tf.errors.InvalidArgumentError)
    assert "requested device: /device:GPU:0" in text and "CPU:0: not feasible: 'a' asks for /device:GPU:0" in text
    assert "choice: none. Cannot assign a device to node 'a': Could not satisfy explicit device specification" in text


def test_explanation_of_what_is_in_a_body():
    x = tf.placeholder(tf.float32, [])
    inner = []
    with tf.device("/cpu:1"):
        v = tf.Variable(1.0, name="v")
    tf.cond(x > 0, lambda: inner.append(tf.assign_add(v, x, name="inner")) or tf.identity(x), lambda: tf.identity(x), name="y")
    with session(2) as sess:
        explained = tf.placement.explain_placement(inner[0], sess)
    assert explained.op.name == "y" and explained.device == CPU % 1
    assert str(explained).startswith("'y/inner' (AssignAdd) is in a body of 'y', all of which is on one device:\n'y' (If), made at ")


def test_explanation_of_costs():
    y, feed = branches()
    model = fixed_model({"m": 100.0})
    with session(2, model) as sess:
        second = sess.graph.get_operation_by_name("m10")
        explained = tf.placement.explain_placement(second, sess, y, feed)
        sess.run(tf.global_variables_initializer())
        assert explained.device == CPU % placed(sess, y, feed)["m10"]
    assert explained.considered == {CPU % 0: (pytest.approx(5, abs=5.1), 100, 200), CPU % 1: (0, 0, 100)}
    text = str(explained)
    assert "CPU:1: feasible; inputs are there at 0.0 us, it starts at 0.0, ends at 100.0" in text and "it starts at 100.0, ends at 200.0" in text
    assert "choice: CPU:1, where it ends first in the simulated step, which takes " in text
    with session(2, fixed_model({"m": 1.0})) as sess:
        assert "choice: CPU:0, as everything: the simulated step ends after 9.0 us there, and on several devices after 10.0" in str(tf.placement.explain_placement(second, sess, y, feed))
    tiny = fixed_model({"m": 100.0}, memory_limits={CPU % 1: 10})
    with session(2, tiny) as sess:
        assert "CPU:1: feasible; no room for its results" in str(tf.placement.explain_placement(sess.graph.get_operation_by_name("s0"), sess, y, feed))
    known = tf.add(tf.constant(1.0), 2.0, name="known")
    with session(2, model) as sess:
        assert "every device that uses it has a copy" in str(tf.placement.explain_placement(known, sess, known + y, feed))


# ---- RunMetadata.cost_graph ---------------------------------------------------------------------------------------------------------

def test_cost_graph():
    x = tf.placeholder(tf.float32, [100, 100], name="x")
    with tf.device("/cpu:0"):
        a = tf.matmul(x, x, name="a")
    with tf.device("/cpu:1"):
        b = tf.matmul(a, x, name="b")
        c, _ = tf.unique(tf.reshape(b, [-1]), name="c")
        d = tf.reduce_sum(c, name="d")
    metadata = tf.RunMetadata()
    with session(2) as sess:
        sess.run(d, {x: np.arange(10000.0).reshape(100, 100)}, options=FULL, run_metadata=metadata)
    nodes = {n.name: n for n in metadata.cost_graph.node}
    assert [n.id for n in metadata.cost_graph.node] == list(range(len(nodes)))
    assert nodes["a"].device == CPU % 0 and nodes["b"].device == CPU % 1 and nodes["a"].compute_cost >= 1
    out, = nodes["a"].output_info
    assert (out.size, out.shape, out.dtype, out.alias_input_port) == (40000, (100, 100), tf.float32, -1)
    send, recv = (next(n for n in metadata.cost_graph.node if kind in n.name) for kind in ("_send_", "_recv_"))
    by_id = {n.id: n for n in metadata.cost_graph.node}
    assert by_id[send.input_info[0].preceding_node] is nodes["a"] and by_id[recv.input_info[0].preceding_node] is send
    assert by_id[nodes["b"].input_info[0].preceding_node] is recv and by_id[nodes["c"].input_info[0].preceding_node] is nodes["b"]
    assert by_id[nodes["d"].input_info[0].preceding_node] is nodes["c"] and nodes["d"].is_final and not nodes["a"].is_final      # behind a cut
    assert "a on " in str(metadata.cost_graph)
