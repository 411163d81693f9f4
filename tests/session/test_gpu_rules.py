"""Every gradient rule's examples once more, on a GPU: values and derivatives are those of the CPU's kernels, whose rules finite differences check.

All examples of a table are one graph, and so one compilation.
"""
import numpy as np
import pytest

import minitf as tf
from autodiff import test_array_rules, test_math_rules, test_nn_rules, test_rules
from minitf.ops.apply import apply_op

from .test_gpu import two_gpus                                # noqa: F401: a fixture


ON_CPUS_ONLY = ("digamma", "lgamma", "polygamma", "igamma", "igammac", "zeta", "betainc")        # or their gradients are
OF_SIZES_ONLY_THE_RUN_KNOWS = ("dynamic_partition", "dynamic_partition, all parts", "dynamic_stitch", "boolean_mask")


def unary():
    cases = {name: (lambda x, name=name: apply_op(name, x), domain) for name, domain in test_rules.UNARY.items()}
    cases.update((name, case) for name, case in test_math_rules.UNARY.items() if name not in ON_CPUS_ONLY)
    cases.update((name, (getattr(tf.nn, name), domain)) for name, domain in test_nn_rules.ACTIVATIONS.items())
    for name, (function, domain) in cases.items():
        for shape in [(3, 4), (), (0,), (1,), (33, 7)]:
            if name != "crelu" or shape:
                yield f"{name}{shape}", function, [shape], domain


def binary():
    tables = [(lambda name: lambda x, y: apply_op(name, x, y), test_rules.BINARY), (lambda name: getattr(tf.math, name, None) or getattr(tf, name), dict.fromkeys(test_math_rules.BINARY, (0.3, 2.0)))]
    for make, table in tables:
        for name, domain in table.items():
            for shapes in [*test_rules.BROADCASTS, ((17, 1, 5), (3, 1))]:
                yield f"{name}{shapes}", make(name), shapes, domain


def array():
    for name, function, shape, *_ in [*test_array_rules.CASES, *test_rules.ARRAY]:
        if name not in OF_SIZES_ONLY_THE_RUN_KNOWS:
            yield name, function, [shape], (0.3, 2.0)


def reductions():
    for shape, axes in test_rules.REDUCTIONS:
        for reduce in (tf.reduce_sum, tf.reduce_mean, tf.reduce_max, tf.reduce_min, tf.reduce_prod, tf.reduce_logsumexp):
            for keep in (False, True):
                yield f"{reduce.__name__}{shape}{axes}{keep}", lambda x, f=reduce, a=axes, k=keep: f(x, a, keep_dims=k), [shape], (0.3, 2.0)
    for shape in [(3, 4), (2, 3, 4), (1, 1), (40, 300)]:
        yield f"softmax{shape}", tf.nn.softmax, [shape], (-2, 2)
        yield f"log_softmax{shape}", tf.nn.log_softmax, [shape], (-2, 2)


def products():
    for a, b in [((3, 4), (4, 5)), ((1, 70), (70, 33)), ((65, 3), (3, 130)), ((2, 0), (0, 3)), ((0, 2), (2, 3))]:
        yield f"matmul{a}{b}", tf.matmul, [a, b], (-1, 1)
        yield f"matmul, b turned {a}{b}", lambda x, y: tf.matmul(x, y, transpose_b=True), [a, b[::-1]], (-1, 1)
        yield f"matmul, a turned {a}{b}", lambda x, y: tf.matmul(x, y, transpose_a=True), [a[::-1], b], (-1, 1)
    for a, b in test_math_rules.MATRICES:
        yield f"batches {a}{b}", tf.matmul, [a, b], (-1, 1)
    for stride, padding in [(1, "SAME"), (2, "VALID"), (3, "SAME")]:
        yield f"conv {stride} {padding}", lambda x, w, s=stride, p=padding: tf.nn.conv2d(x, w, [1, s, s, 1], p), [(2, 7, 6, 3), (3, 2, 3, 5)], (-1, 1)
        yield f"depthwise {stride} {padding}", lambda x, w, s=stride, p=padding: tf.nn.depthwise_conv2d(x, w, [1, s, s, 1], p), [(2, 7, 6, 3), (3, 2, 3, 2)], (-1, 1)
        for pool in (tf.nn.max_pool, tf.nn.avg_pool):
            yield f"{pool.__name__} {stride} {padding}", lambda x, f=pool, s=stride, p=padding: f(x, [1, 3, 2, 1], [1, s, s, 1], p), [(2, 7, 6, 3)], (-1, 1)
    yield "lrn", lambda x: tf.nn.lrn(x, depth_radius=2), [(2, 3, 4, 7)], (-1, 1)


@pytest.mark.parametrize("table", [unary, binary, array, reductions, products], ids=lambda t: t.__name__)
def test_as_on_the_cpu(table):
    def run(device):
        rng, fetches, feeds = np.random.default_rng(0), {}, {}
        with tf.Graph().as_default(), tf.device(device):
            for name, function, shapes, (low, high) in table():
                xs = [tf.placeholder(tf.float64, shape) for shape in shapes]
                for x, shape in zip(xs, shapes):
                    feeds[x] = rng.uniform(low, high, shape)
                y = function(*xs)
                weights = tf.constant(rng.uniform(0.5, 1.5, y.shape.as_list()))
                gradients = tf.gradients(y, xs, weights)
                fetches.update({(name, "value"): y, **{(name, k): tf.convert_to_tensor(g) for k, g in enumerate(gradients) if g is not None}})
            with tf.Session(config=tf.ConfigProto(allow_soft_placement=device == "/cpu:0")) as sess:
                values = sess.run(list(fetches.values()), feeds)
                kinds = {i.node.device.split(":")[-2] for p in sess.explain(list(fetches.values()), feeds).plans for i in p.instructions if i.kind == "Compute"}
                return dict(zip(fetches, values)), kinds

    wanted, _ = run("/cpu:0")
    found, kinds = run("/gpu:0")
    assert kinds == {"GPU"} and found.keys() == wanted.keys()
    for key, want in wanted.items():
        np.testing.assert_allclose(found[key], want, rtol=1e-11, atol=1e-13, err_msg=str(key))
