"""Groups and requests: who must be together, where a group may go, and TensorFlow's words where it may go nowhere."""
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import minitf as tf
from minitf.core.devices import common_device, full_name, matches
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import register_kernel, register_op
from minitf.graph.program import Node
from minitf.ops.apply import apply_op
from minitf.placement.constraints import groups_of
from minitf.placement.cost_model import CostModel
from minitf.placement.placer import place

CPUS = [full_name("CPU", i) for i in range(3)]
MIXED = [full_name("GPU", 0), full_name("CPU", 0), full_name("CPU", 1)]

register_op("TestOnGpu", ["x: T"], ["y: T"], ["T: type"])(lambda c: [c.inputs[0]])
register_kernel("TestOnGpu", "GPU")(object)
register_op("TestOnBoth", ["x: T"], ["y: T"], ["T: type"])(lambda c: [c.inputs[0]])
register_kernel("TestOnBoth", "GPU")(object)
register_kernel("TestOnBoth", "CPU")(object)
register_op("TestOnCpuAlone", ["x: T"], ["y: T"], ["T: type"])(lambda c: [c.inputs[0]])
register_kernel("TestOnCpuAlone", "CPU")(object)


def node(name, type_="TestOnBoth", inputs=(), device="", colocation=(), ref=False):
    dtype = tf.float32.as_ref if ref else tf.float32
    op = SimpleNamespace(name=name, colocation=list(colocation), source="", original_op=None)
    return Node(name, type_, {"T": tf.float32}, [(n, 0) for n in inputs], [], device, op, [dtype], [(2,)])


def variable(name, device=""):
    return node(name, "VariableV2", device=device, ref=True)


def names(group):
    return [n.name for n in group.members]


def error_of(nodes, devices=CPUS, soft=False, fixed=None):
    errors = [g.error for g in groups_of(nodes, devices, soft, fixed) if g.error is not None]
    assert len(errors) == 1
    return errors[0].message


# ---- groups -----------------------------------------------------------------------------------------------------------------

def test_references_and_colocation_make_groups():
    v = variable("v")
    assign = node("assign", inputs=[v], ref=True)
    then = node("then", inputs=[assign])
    x, y = node("x"), node("y", colocation=["x"])
    z, other = node("z", colocation=["y"]), node("other", inputs=[then])
    a, b = node("a", colocation=["gone"]), node("b", colocation=["gone"])            # what they name is not in the program
    groups = groups_of([v, assign, then, x, y, z, other, a, b], CPUS)
    assert [names(g) for g in groups] == [["v", "assign", "then"], ["x", "y", "z"], ["other"], ["a", "b"]]
    assert groups[0].describe(then) == "'then' (TestOnBoth) (any), because it takes a reference to 'assign'"
    assert groups[1].describe(y) == "'y' (TestOnBoth) (any), because of loc:@x" and groups[1].describe(x) == "'x' (TestOnBoth) (any)"
    assert all(g.devices == CPUS and g.error is None for g in groups)


def test_a_group_asks_for_what_its_members_ask_for_together():
    v = variable("v", "/task:0")
    use = node("use", inputs=[v], device="/cpu:*")
    last = node("last", device="/device:*:1", colocation=["use"])
    group, = groups_of([v, use, last], CPUS)
    assert group.request == "/task:0/device:CPU:1" and group.devices == [CPUS[1]]
    assert group.rejected == {CPUS[0]: "'last' asks for /device:*:1", CPUS[2]: "'last' asks for /device:*:1"}


def test_where_there_are_kernels():
    only, both = node("only", "TestOnGpu"), node("both")
    first, second = groups_of([only, both], MIXED)
    assert first.devices == MIXED[:1] and first.rejected[MIXED[1]] == "no CPU kernel for 'only' (TestOnGpu)"
    assert second.devices == MIXED
    together, = groups_of([node("v", "VariableV2", ref=True), node("w", "TestOnGpu", colocation=["v"])], MIXED)
    assert together.devices == MIXED[:1]


# ---- what is said -----------------------------------------------------------------------------------------------------------

def test_no_such_device():
    assert error_of([node("a", device="/cpu:7")]) == (
        "Cannot assign a device to node 'a': Could not satisfy explicit device specification '/device:CPU:7' because no devices matching that "
        f"specification are registered in this process; available devices: {', '.join(CPUS)}")


def test_no_kernel_on_the_device_asked_for():
    assert error_of([node("a", "TestOnGpu", device="/cpu:0")], MIXED) == (
        "Cannot assign a device to node 'a': Could not satisfy explicit device specification '/device:CPU:0' because no supported kernel for CPU "
        "devices is available.\nRegistered kernels of TestOnGpu:\n  device='GPU'")


def test_no_kernel_at_all():
    assert error_of([node("a", "TestOnGpu")]) == (
        "Cannot assign a device to node 'a': No OpKernel was registered to support Op 'TestOnGpu' with these attrs.  Registered devices: [CPU], "
        "Registered kernels:\n  device='GPU'")


def test_a_reference_that_would_cross():
    v = variable("v", "/cpu:0")
    text = error_of([v, node("add", inputs=[v], device="/cpu:1", ref=True)])
    assert text == (
        "Cannot assign a device to node 'add': Nodes were connected by a reference connection (requiring them to be on the same device), but the "
        "two nodes were assigned two different devices: Cannot merge devices with incompatible ids: '/device:CPU:0' and '/device:CPU:1'\n"
        "Colocation Debug Info:\nColocation group had the following types and devices:\nVariableV2: any\nTestOnBoth: CPU GPU\n"
        "Colocation members and user-requested devices:\n  'v' (VariableV2) /device:CPU:0\n"
        "  'add' (TestOnBoth) /device:CPU:1, because it takes a reference to 'v'")


def test_a_colocation_that_contradicts():
    text = error_of([node("a", device="/cpu:0"), node("b", device="/gpu:0", colocation=["a"])], MIXED)
    assert text.startswith("Cannot assign a device to node 'b': Cannot colocate nodes 'b' and 'a': Cannot merge devices with incompatible types: "
                           "'/device:CPU:0' and '/device:GPU:0'\nColocation Debug Info:")
    assert "'b' (TestOnBoth) /device:GPU:0, because of loc:@a" in text


def test_what_a_group_asks_for_together_is_not_there():
    text = error_of([node("a", device="/cpu:*"), node("b", device="/device:*:5", colocation=["a"])])
    assert text.startswith("Cannot assign a device to node 'a': Could not satisfy explicit device specification '/device:CPU:*' because the node was "
                           f"colocated with a group of nodes that required incompatible device '/device:CPU:5'; available devices: {', '.join(CPUS)}")


def test_no_device_type_has_all_the_kernels():
    text = error_of([node("a", "TestOnGpu"), node("b", "TestOnCpuAlone", colocation=["a"])], MIXED)
    assert text.startswith("Cannot colocate nodes 'b' and 'a' because no device type supports both of those nodes and the other nodes colocated with them.")
    assert "TestOnGpu: GPU\nTestOnCpuAlone: CPU" in text


def test_of_a_large_group_those_that_ask_for_something_are_shown():
    v = variable("v", "/cpu:0")
    text = error_of([v, *(node(f"n{k}", inputs=[v]) for k in range(40)), node("last", inputs=[v], device="/cpu:1")])
    assert "'last' (TestOnBoth) /device:CPU:1" in text and text.endswith("  … 22 more")


# ---- soft placement, and what was placed before -------------------------------------------------------------------------------

def test_soft_placement():
    def where(*nodes, devices=MIXED):
        group, = groups_of(nodes, devices, soft=True)
        return [MIXED.index(d) for d in group.devices]
    assert where(node("a", device="/cpu:7")) == [0, 1, 2] and where(node("a", device="/gpu:3"), devices=MIXED[1:]) == [1, 2]
    assert where(node("a", "TestOnGpu", device="/cpu:0")) == [0]
    assert where(node("a", device="/gpu:0"), node("b", device="/cpu:1", colocation=["a"])) == [0, 1, 2]
    assert where(node("a", device="/cpu:0"), node("b", device="/cpu:1", colocation=["a"])) == [1, 2]
    assert "no devices matching" in error_of([node("a", device="/job:worker/cpu:0")], soft=True)
    assert "incompatible jobs" in error_of([node("a", device="/job:worker"), node("b", device="/job:ps", colocation=["a"])], soft=True)


def test_what_was_placed_before_stays():
    v = variable("v")
    group, = groups_of([v, node("use", inputs=[v])], CPUS, fixed={"v": CPUS[2]})
    assert group.devices == [CPUS[2]] and group.home == CPUS[2]
    assert group.rejected[CPUS[0]] == f"'v' was placed on {CPUS[2]} by an earlier run"
    late = [v, node("use", inputs=[v], device="/cpu:1")]
    text = error_of(late, fixed={"v": CPUS[2]})
    assert "Nodes were connected by a reference connection" in text and f"incompatible ids: '{CPUS[2]}' and '/device:CPU:1'" in text
    assert groups_of(late, CPUS, soft=True, fixed={"v": CPUS[2]})[0].devices == [CPUS[2]]


# ---- any program --------------------------------------------------------------------------------------------------------------

REQUESTS = st.sampled_from(["", "", "", "/cpu:*", "/cpu:0", "/cpu:1", "/gpu:0", "/gpu:*", "/device:*:1", "/task:0", "/job:localhost", "/job:other"])


@st.composite
def programs(draw):
    nodes = []
    for k in range(draw(st.integers(1, 12))):
        sources = draw(st.lists(st.sampled_from(nodes), max_size=2, unique=True)) if nodes else []
        kind = draw(st.sampled_from(["variable", "both", "both", "both", "gpu"]))
        device = draw(REQUESTS)
        if kind == "variable":
            nodes.append(variable(f"n{k}", device))
        else:
            with_ = [draw(st.sampled_from(nodes)).name] if nodes and draw(st.integers(0, 3)) == 0 else []
            nodes.append(node(f"n{k}", "TestOnGpu" if kind == "gpu" else "TestOnBoth", sources, device, with_))
    return nodes


def joined(nodes):
    """The groups, found by looking again and again."""
    groups = [{n} for n in nodes]
    by_name = {n.name: n for n in nodes}
    pairs = [(n, m) for n in nodes for m, i in n.inputs if m.dtypes[i].is_ref_dtype] + [(n, by_name[c]) for n in nodes for c in n.op.colocation]
    for a, b in pairs:
        first, second = next(g for g in groups if a in g), next(g for g in groups if b in g)
        if first is not second:
            groups.remove(second)
            first |= second
    return groups


@given(programs(), st.booleans(), st.booleans())
def test_every_placement_meets_all_requests_and_keeps_groups_together(nodes, soft, with_model):
    try:
        place(nodes, MIXED, soft, model=CostModel() if with_model else None)
    except InvalidArgumentError:
        assert any(not any(all(matches(n.device, d) and (n.type != "TestOnGpu" or "GPU" in d) for n in g) for d in MIXED) for g in joined(nodes))
        return
    for group in joined(nodes):
        assert len({n.device for n in group}) == 1
        device = next(iter(group)).device
        assert device in MIXED and not (any(n.type == "TestOnGpu" for n in group) and "CPU" in device)


@given(programs(), st.booleans())
def test_without_soft_placement_every_request_is_met(nodes, with_model):
    asked = {n: n.device for n in nodes}
    try:
        place(nodes, MIXED, model=CostModel() if with_model else None)
    except InvalidArgumentError:
        return
    assert all(matches(request, n.device) for n, request in asked.items())
    for group in joined(nodes):
        request = ""
        for n in group:
            request = common_device(request, asked[n])
        possible = [d for d in MIXED if matches(request, d) and ("GPU" in d or all(n.type != "TestOnGpu" for n in group))]
        assert next(iter(group)).device in (possible if with_model else possible[:1])


# ---- in a session -------------------------------------------------------------------------------------------------------------

def test_a_variable_is_placed_by_all_of_the_graph_and_not_by_what_runs_first():
    with tf.Graph().as_default(), tf.Session(config=tf.ConfigProto(device_count={"CPU": 2})) as sess:
        v = tf.Variable(1.0, name="v")
        with tf.device("/cpu:1"):
            add = tf.assign_add(v, 1.0, name="add")
        sess.run(v.initializer)
        assert sess.run(add) == 2 and sess._runtime.placed == {"v": CPUS[1]}
        with tf.device("/cpu:0"):
            late = tf.assign_add(v, 1.0, name="late")
        with pytest.raises(tf.errors.InvalidArgumentError, match="late.*connected by a reference connection"):
            sess.run(late)
        assert sess.run(v) == 2


def test_another_groups_conflict_does_not_stop_a_run():
    with tf.Graph().as_default(), tf.Session(config=tf.ConfigProto(device_count={"CPU": 2})) as sess:
        with tf.device("/cpu:5"):
            apply_op("TestOnGpu", tf.constant(1.0))
        v, w = tf.Variable(1.0, name="v"), tf.Variable(1.0, name="w")
        for i in range(2):
            with tf.device(f"/cpu:{i}"):
                tf.assign_add(w, 1.0)
        sess.run([v.initializer, w.initializer])
        assert sess.run(v) == 1


def test_a_cond_goes_to_the_variable_that_it_changes():
    with tf.Graph().as_default(), tf.Session(config=tf.ConfigProto(device_count={"CPU": 2})) as sess:
        with tf.device("/cpu:1"):
            v = tf.Variable(1.0, name="v")
        x = tf.placeholder(tf.float32, [])
        with tf.device("/cpu:0"):
            y = tf.cond(x > 0, lambda: tf.assign_add(v, x), lambda: tf.identity(x), name="y")
        sess.run(v.initializer)
        assert sess.run(y, {x: 2.0}) == 3 and sess._runtime.placed == {"v": CPUS[1]}
