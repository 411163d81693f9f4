"""Where ops go: requests, groups that must stay together, and what is said when that can not be."""
import numpy as np
import pytest

import minitf as tf
from minitf.core.registry import register_kernel, register_op
from minitf.kernels.cpu.kernel import register_python_kernel
from minitf.ops.apply import apply_op
from session.graphs import probe

CPU = "/job:localhost/replica:0/task:0/device:CPU:%d"

register_op("TestNowhere", ["x: T"], ["y: T"], ["T: type"])(lambda c: [c.inputs[0]])
register_op("TestElsewhere", ["x: T"], ["y: T"], ["T: {float32, int32}"])(lambda c: [c.inputs[0]])
register_kernel("TestElsewhere", "GPU", T=["float32"])(object)
register_op("TestOnlyFloat", ["x: T"], ["y: T"], ["T: type"])(lambda c: [c.inputs[0]])
register_python_kernel("TestOnlyFloat", T=["float32"])(lambda attrs, x: x)


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


def session(n, **fields):
    return tf.Session(config=tf.ConfigProto(device_count={"CPU": n}, **fields))


def placed(sess, fetches, feed_dict=None):
    """{name of an op: the device it runs on}, of a run that is prepared and not done."""
    executable, _, feeds = sess._prepare(fetches, feed_dict)
    parts = executable.variant(feeds).program
    return {node.name: part.device for part in parts for node in part.nodes}


def ones(name):
    """A 1 that nothing knows before the run."""
    return probe(tf.constant(1.0, name=name + "_one"), lambda x: None, name=name)


def test_device_names():
    with session(3) as sess:
        assert [d.name if hasattr(d, "name") else d for d in sess.list_devices()] == [CPU % i for i in range(3)]
    with session(1) as sess:
        assert len(sess.list_devices()) == 1
    with tf.Session() as sess:
        assert len(sess.list_devices()) == 1
    for n in (0, -1):
        with pytest.raises(tf.errors.InvalidArgumentError, match="at least 1"):
            session(n)


@pytest.mark.parametrize("request_, index", [
    ("/cpu:1", 1), ("/device:CPU:1", 1), ("/CPU:1", 1), ("cpu:1", 1), ("/job:localhost/replica:0/task:0/device:CPU:1", 1), ("/job:localhost", 0),
    ("/task:0/cpu:1", 1), ("/cpu:*", 0), ("/cpu", 0), ("", 0), (None, 0), ("/cpu:0", 0),
])
def test_requests_may_be_partial(request_, index):
    try:
        with tf.device(request_):
            a = ones("a")
    except ValueError:
        assert request_ in ("cpu:1",)                          # no device name in TensorFlow either
        return
    with session(2) as sess:
        assert placed(sess, a)["a"] == CPU % index and sess.run(a) == 1


def test_the_innermost_request_wins_and_none_forgets():
    with tf.device("/cpu:1"):
        a = ones("a")
        with tf.device("/cpu:0"):
            b = ones("b")
        with tf.device("/job:localhost"):
            c = ones("c")
        with tf.device(None):
            d = ones("d")
        with tf.device(lambda op: "/cpu:0" if op.type == "TestProbe" else ""):
            e = ones("e")
    with session(2) as sess:
        where = placed(sess, [a, b, c, d, e])
        assert [where[n] for n in "abcde"] == [CPU % i for i in (1, 0, 1, 0, 0)]


def test_what_has_no_request_goes_to_the_first_device():
    with tf.device("/cpu:2"):
        a = ones("a")
    b = tf.negative(a, name="b")
    with session(3) as sess:
        where = placed(sess, b)
        assert where["a"] == CPU % 2 and where["b"] == CPU % 0 and sess.run(b) == -1


@pytest.mark.parametrize("bad", ["/cpu:7", "/gpu:7", "/job:worker", "/task:3/cpu:0"])
def test_a_device_that_is_not_there(bad):
    with tf.device(bad):
        a = ones("a")
    with session(2) as sess:
        for _ in range(2):
            with pytest.raises(tf.errors.InvalidArgumentError) as e:
                sess.run(a)
            text = str(e.value)
            assert "Cannot assign a device to node 'a" in text and "Could not satisfy explicit device specification" in text
            assert "because no devices matching that specification are registered in this process" in text
            assert f"available devices: {CPU % 0}, {CPU % 1}" in text
            assert e.value.op.name.startswith("a")
        assert sess.run(ones("b")) == 1
    with session(2, allow_soft_placement=True) as sess:        # the type and the index may be others, the job and the task may not
        if bad in ("/job:worker", "/task:3/cpu:0"):
            with pytest.raises(tf.errors.InvalidArgumentError, match="no devices matching that specification"):
                sess.run(a)
        else:
            assert sess.run(a) == 1


@pytest.mark.parametrize("bad", ["/cpu:x", "/tcpu:1/", "/job:1", "/cpu:0/cpu:1", "/cpu:0/gpu:0"])
def test_what_is_no_device_name(bad):
    with pytest.raises(ValueError):
        with tf.device(bad):
            ones("a")


def test_no_kernel():
    one = tf.constant(1.0)
    for op_type, text in (("TestNowhere", "<no registered kernels>"), ("TestElsewhere", "device='GPU'; T in [float32]")):
        y = apply_op(op_type, one, name="y")
        for n in (1, 2):
            with session(n) as sess, pytest.raises(tf.errors.InvalidArgumentError) as e:
                sess.run(y)
            assert "'y" in str(e.value) and op_type in str(e.value) and text in str(e.value)
            assert e.value.op is y.op
    y = apply_op("TestOnlyFloat", tf.constant(1), name="z")
    with session(2) as sess:
        assert sess.run(apply_op("TestOnlyFloat", one)) == 1
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"T in \[float32\]"):
            sess.run(y)


# ---- groups -----------------------------------------------------------------------------------------------------------------


def test_what_changes_a_variable_is_with_it():
    with tf.device("/cpu:1"):
        v = tf.Variable(1.0, name="v")
    add = v.assign_add(1.0)
    then = tf.assign_sub(add, 5.0, name="then")
    with session(2) as sess:
        where = placed(sess, [add, then, v.initializer])
        assert {where[n] for n in ("v", "v/Assign", add.op.name, "then")} == {CPU % 1}
        sess.run(v.initializer)
        assert sess.run(then) == -3


def test_a_variable_may_be_read_on_any_device():
    """Reading takes a snapshot, which may cross: it does not pull the variable along."""
    for home in (None, "/cpu:2"):
        with tf.Graph().as_default(), session(4) as sess:
            with tf.device(home):
                v = tf.Variable([1.0, 2.0])
            reads = []
            for i in (1, 2, 3):
                with tf.device(f"/cpu:{i}"):
                    reads += [tf.identity(v), v.read_value() + float(i), tf.negative(v)]
            sess.run(v.initializer)
            got = sess.run(reads)
            for i in range(3):
                np.testing.assert_array_equal(got[3 * i], [1, 2])
                np.testing.assert_array_equal(got[3 * i + 1], np.array([1, 2]) + i + 1)
                np.testing.assert_array_equal(got[3 * i + 2], [-1, -2])
            assert placed(sess, reads)[v.op.name] == CPU % (2 if home else 0)


def test_a_conflict_within_a_group_names_who_asked_for_what():
    with tf.device("/cpu:0"):
        v = tf.Variable(1.0, name="v")
    with tf.device("/cpu:1"):
        add = tf.assign_add(v, 1.0, name="add")
    with session(2) as sess:
        with pytest.raises(tf.errors.InvalidArgumentError) as e:
            sess.run(add)
        text = str(e.value)
        assert ("Nodes were connected by a reference connection (requiring them to be on the same device), but the two nodes were assigned two "
                "different devices: Cannot merge devices with incompatible ids: '/device:CPU:0' and '/device:CPU:1'") in text
        assert "Colocation Debug Info:\nColocation group had the following types and devices:\nVariableV2: any\nAssignAdd: CPU GPU\n" in text
        assert "'v' (VariableV2) /device:CPU:0\n" in text and "'add' (AssignAdd) /device:CPU:1, because it takes a reference to 'v'" in text
        sess.run(v.initializer)                                 # the session goes on
    with session(2, allow_soft_placement=True) as sess:
        sess.run(v.initializer)
        assert sess.run(add) == 2


def test_colocate_with():
    with tf.device("/cpu:1"):
        a = ones("a")
    with tf.device("/cpu:0"), tf.colocate_with(a):
        b = tf.negative(a, name="b")
    with tf.colocate_with(b):
        c = tf.negative(b, name="c")
    with session(2) as sess:
        where = placed(sess, c)
        assert where["a"] == where["b"] == where["c"] == CPU % 1 and sess.run(c) == 1
        assert placed(sess, c, {b: 1.0})["c"] == CPU % 1        # also when the other is not in the program


def test_colocate_with_blocks_add_up():
    with tf.device("/cpu:1"):
        a = ones("a")
    b = ones("b")
    with tf.colocate_with(a):
        with tf.device(None):
            c = tf.negative(b, name="c")
        with tf.colocate_with(b):
            d = tf.negative(b, name="d")
        with tf.colocate_with(b, ignore_existing=True):
            e = tf.negative(b, name="e")
        with tf.colocate_with(None, ignore_existing=True):
            f = tf.negative(b, name="f")
    assert [(t.op.colocation_groups(), t.device) for t in (c, d, e, f)] == [
        (["loc:@a"], "/device:CPU:1"), (["loc:@a", "loc:@b"], "/device:CPU:1"), (["loc:@b"], ""), (["loc:@f"], "")]
    with session(2) as sess:
        where = placed(sess, [c, d, e, f])
        assert where["b"] == where["d"] == where["c"] == where["e"] == CPU % 1 and where["f"] == CPU % 0
    with pytest.raises(ValueError, match="Trying to reset colocation .op is None. but ignore_existing is not True"):
        with tf.colocate_with(None):
            pass
    with pytest.raises(TypeError, match="Can not convert a int into a Tensor or Operation"):
        with tf.colocate_with(3):
            pass


def test_a_device_asked_for_inside_colocate_with_wins_if_it_contradicts():
    with tf.device("/cpu:1"):
        a = ones("a")
    source = ones("source")
    with tf.colocate_with(a):
        with tf.device("/cpu:0"), pytest.warns(UserWarning, match="Tried to colocate b with an op a that had a different device: /device:CPU:0 vs "
                                               "/device:CPU:1. Ignoring colocation property."):
            b = tf.negative(source, name="b")
        with tf.device("/job:localhost"):
            c = ones("c")
    assert b.op.colocation_groups() == ["loc:@b"] and c.device == "/job:localhost/device:CPU:1"
    with session(2) as sess:
        where = placed(sess, [b, c])
        assert where["b"] == CPU % 0 and where["c"] == CPU % 1


def test_what_holds_state_keeps_its_device():
    """A variable placed by one run stays there in the next, whatever that run asks for."""
    v = tf.Variable(1.0, name="v")
    with session(2) as sess:
        sess.run(v.initializer)
        assert placed(sess, v)["v"] == CPU % 0
        with tf.device("/cpu:1"):
            read = tf.identity(v)
        assert sess.run(read) == 1 and placed(sess, read)["v"] == CPU % 0


def test_log_device_placement(capsys):
    with tf.device("/cpu:1"):
        a = ones("a")
    with session(2, log_device_placement=True) as sess:
        sess.run(a)
    assert f"a: (TestProbe): {CPU % 1}" in capsys.readouterr().out


def test_partition_graphs_are_shown_on_request():
    with tf.device("/cpu:1"):
        a = ones("a")
    with tf.device("/cpu:0"):
        b = tf.negative(a)
    with session(2) as sess:
        metadata = tf.RunMetadata()
        sess.run(b, options=tf.RunOptions(output_partition_graphs=True), run_metadata=metadata)
        assert len(metadata.partition_graphs) == 2
        first, second = map(str, metadata.partition_graphs)
        assert "_Send" in first and "_Recv" in second and all("float32" in part and " = " in part for part in (first, second))
