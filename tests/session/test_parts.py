"""A run of element-wise ops reads the pieces of something larger where they lie: same bits, no Slice, and only where nobody else wants them."""
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import minitf as tf
from minitf.core import registry
from minitf.kernels.cpu.elementwise import Elementwise
from minitf.kernels.cpu.kernel import PythonKernel, run_kernel
from tests.session.plan_oracle import check


def session(optimise=True):
    level = tf.OptimizerOptions.L1 if optimise else tf.OptimizerOptions.L0
    return tf.Session(config=tf.ConfigProto(graph_options=tf.GraphOptions(optimizer_options=tf.OptimizerOptions(opt_level=level))))


def plan_of(fetches, feed):
    with session() as sess:
        plan, = sess.explain(fetches, feed).plans
        return plan


def slices(fetches, feed):
    """How many Slices a run executes by themselves."""
    return sum(i.node.type == "Slice" for i in plan_of(fetches, feed).instructions)


def agrees(fetches, feed):
    """Bit for bit."""
    results = []
    for optimise in (True, False):
        with session(optimise) as sess:
            results.append(sess.run(fetches, feed))
    for one, other in zip(*results):
        np.testing.assert_array_equal(one, other)


def fed(shape, feed, dtype="float32"):
    t = tf.placeholder(dtype, shape)
    feed[t] = np.random.default_rng(len(feed)).standard_normal(shape).astype(dtype)
    return t


def whole(shape, feed):
    """Something that is computed, and then cut up."""
    return tf.reverse(fed(shape, feed), [0])


def test_the_gates_of_a_cell():
    feed = {}
    i, j, f, o = tf.split(tf.matmul(fed([5, 3], feed), fed([3, 80], feed)), 4, 1)
    c = fed([5, 20], feed) * tf.sigmoid(f + 1.0) + tf.sigmoid(i) * tf.tanh(j)
    fetches = [c, tf.tanh(c) * tf.sigmoid(o)]
    assert slices(fetches, feed) == 0
    agrees(fetches, feed)
    fused, = [i for i in plan_of(fetches, feed).instructions if i.node.type == "_Fused"]
    assert [n.type for n in fused.node.attrs["members"]].count("Slice") == 4
    with session() as sess:
        assert "[0:5, 40:60]" in str(sess.explain(fetches, feed))


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2 ** 32 - 1))
def test_any_boxes(seed):
    """Boxes of one shape out of arrays of any larger shapes, with whole arrays and rows among the operands; memory is planned right."""
    random = np.random.default_rng(seed)
    shape = tuple(random.integers(1, [7, 40, 9, 70][k], endpoint=True) for k in range(random.integers(1, 4)))
    with tf.Graph().as_default():
        feed, terms = {}, []
        for _ in range(random.integers(2, 6)):
            before, behind = (random.integers(0, 4, len(shape)) for _ in range(2))
            terms.append(tf.slice(whole([*(before + shape + behind)], feed), before, shape))
        terms += [whole(shape, feed), fed(shape[-1:], feed)]
        random.shuffle(terms)
        total, results = terms[0], []
        for term in terms[1:]:
            total = [tf.add, tf.multiply, tf.maximum][random.integers(3)](tf.sigmoid(total), term)
            if random.random() < 0.4:
                results.append(total)
        fetches = [total, *(tf.reduce_sum(tf.reverse(r, [0])) for r in results if r.shape == shape)]
        agrees(fetches, feed)
        check(plan_of(fetches, feed), slack=1.5)


def test_what_stays_a_slice():
    """What is fetched, read by someone else, or waited for; what begins where only the run tells; and the part of another run too."""
    feed = {}
    x, y = whole([6, 30], feed), fed([6, 10], feed)

    def run_of(part, y=y):
        return tf.tanh(part * y) + y

    part = tf.slice(x, [0, 10], [6, 10])
    assert slices(run_of(part), feed) == 0
    assert slices([run_of(part), part], feed) == 1
    assert slices([run_of(part), tf.reduce_sum(part)], feed) == 1
    begin = tf.placeholder(tf.int32, [2])
    unknown = tf.slice(x, begin, [6, 10])
    feed[begin] = [0, 3]
    assert slices(run_of(unknown), feed) == 1
    with tf.control_dependencies([part]):
        late = tf.reverse(y, [1])
    assert slices([run_of(part), late], feed) == 1
    twice = [run_of(part), tf.exp(run_of(part, tf.matmul(run_of(part), np.ones([10, 10], "float32"))))]
    assert slices(twice, feed) == 1
    for fetches in (run_of(part), [part, run_of(part)], run_of(unknown), [run_of(part), late], twice):
        agrees(fetches if isinstance(fetches, list) else [fetches], feed)


def test_a_piece_of_a_variable():
    v = tf.Variable(np.arange(60, dtype="float32").reshape(6, 10))
    y = tf.exp(tf.slice(v, [1, 2], [3, 4])) * tf.placeholder_with_default(np.float32(2), [])
    with tf.control_dependencies([y]):
        change = tf.assign(v, tf.zeros([6, 10]))
    with session() as sess:
        sess.run(v.initializer)
        found, _ = sess.run([y, change])
        np.testing.assert_allclose(found, 2 * np.exp(np.arange(60, dtype="float32").reshape(6, 10)[1:4, 2:6]), rtol=1e-6)
        np.testing.assert_array_equal(sess.run(y), np.full([3, 4], 2.0))


def test_the_kernel_reads_no_more_than_the_box():
    a = np.full([4, 6, 8], np.nan, "float32")
    a[1:3, 2:5, 4:7] = np.arange(18).reshape(2, 3, 3)
    attrs = {"program": [("Neg", 1, 0, None, None), ("Square", 1, 1, None, None)], "operands": [("part", (0, (1, 2, 4))), ("out", 0)]}
    result, = run_kernel(Elementwise, attrs, [a], [(2, 3, 3)], [tf.float32])
    np.testing.assert_array_equal(result, np.arange(18).reshape(2, 3, 3) ** 2)
    for begin in ((3, 2, 4), (1, -1, 4), (1, 2)):
        with pytest.raises(ValueError, match="part of"):
            run_kernel(Elementwise, {**attrs, "operands": [("part", (0, begin)), ("out", 0)]}, [a], [(2, 3, 3)], [tf.float32])




def test_a_kernel_of_the_users_is_called(monkeypatch):
    """As in fusing: whoever registers a Slice or a MatMul of their own finds it run."""
    feed = {}
    y = tf.tanh(tf.slice(whole([6, 30], feed), [0, 10], [6, 10])) + 1.0
    total = tf.add_n([tf.matmul(fed([2, 30], feed), fed([2, 40], feed), transpose_a=True) for _ in range(3)])
    assert slices(y, feed) == 0 and {i.node.type for i in plan_of(total, feed).instructions if i.kind == "Compute"} == {"_MatMulSum"}

    class Other(PythonKernel):
        pass

    for op_type in ("Slice", "MatMul"):
        monkeypatch.setitem(registry._kernels, (op_type, "CPU"), [registry.KernelDef(op_type, "CPU", {}, Other, False, False, False, False)])
    assert slices(y, feed) == 1 and "_MatMulSum" not in {i.node.type for i in plan_of(total, feed).instructions}
