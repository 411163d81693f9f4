"""What an error of a run tells: the op, its type, its inputs, and the line of the program that made it."""
import copy
import pickle
import traceback

import numpy as np
import pytest

import minitf as tf
from minitf.core.registry import register_op
from minitf.kernels.cpu.kernel import register_python_kernel
from minitf.ops.apply import apply_op

from .graphs import devices, plans, probe, unoptimised

register_op("TestRaise", ["x: T", "y: T"], ["z: T"], ["T: type", "code: int"], is_stateful=True)(lambda c: [c.inputs[0]])
ERRORS = [ValueError("a value"), KeyError("a key"), ZeroDivisionError("by zero"), RuntimeError("line one\nline two"),
          tf.errors.OutOfRangeError(None, None, "the end"), MemoryError(), TypeError("a type"), StopIteration("over")]


@register_python_kernel("TestRaise")
def _raise(attrs, x, y):
    raise copy.copy(ERRORS[attrs["code"]])


register_op("TestLiar", ["x: T"], ["y: T"], ["T: type", "kind: string"], is_stateful=True)(lambda c: [c.inputs[0]])


@register_python_kernel("TestLiar")
def _liar(attrs, x):
    return {"shape": np.zeros(7), "count": (x, x), "text": "text", "none": None}[attrs["kind"]]


@pytest.fixture(params=["one device", "two devices", "not optimised"])
def sess(request, graph):
    config = {"one device": devices(1), "two devices": devices(2), "not optimised": unoptimised(2)}[request.param]
    with tf.Session(config=config) as sess:
        yield sess


def away(sess):
    return tf.device(f"/cpu:{len(sess.list_devices()) - 1}")


def failure(sess, fetch, feeds, kind=tf.errors.OpError):
    with pytest.raises(kind) as e:
        sess.run(fetch, feeds)
    with pytest.raises(kind) as again:                          # a second run, from the cache, says the same
        sess.run(fetch, feeds)
    assert str(again.value) == str(e.value) and again.value is not e.value
    return e.value


@pytest.mark.parametrize("code", range(len(ERRORS)))
def test_an_exception_in_a_python_kernel(sess, code):
    x = tf.placeholder(tf.float32, [None, 3], name="left")
    with away(sess):
        bad = apply_op("TestRaise", x * 2.0, tf.ones([4]), code=code, name="bad")      # the line that is to blame
    raised = ERRORS[code]
    error = failure(sess, bad, {x: np.ones((2, 3))})
    if isinstance(raised, tf.errors.OpError):
        assert type(error) is type(raised) and error.message == raised.message
    else:
        assert type(error) is (tf.errors.InvalidArgumentError if isinstance(raised, (ValueError, TypeError)) else tf.errors.UnknownError)
        assert type(raised).__name__ in error.message and str(raised) in error.message
        assert type(error.__cause__) is type(raised)
    assert error.op is bad.op and error.error_code == type(error)(None, None, "").error_code
    assert error.node_def == bad.op.node_def
    text = str(error)
    for part in ("'bad' (TestRaise)", f"/device:CPU:{len(sess.list_devices()) - 1}", "float32[2,3]", "float32[4]", "test_errors.py:", "the line that is to blame"):
        assert part in text, (part, text)
    assert sess.run(x, {x: np.ones((1, 3))}).shape == (1, 3)


def test_an_error_of_a_kernel_of_the_package(sess):
    params, index = tf.placeholder(tf.float32, [None, 2]), tf.placeholder(tf.int32, [None])
    with away(sess):
        picked = tf.gather(params, index, name="picked")
    ok = {params: np.ones((3, 2)), index: [0, 2]}
    assert sess.run(picked, ok).shape == (2, 2)
    error = failure(sess, picked * 2.0, {params: np.ones((3, 2)), index: [0, 5]}, tf.errors.InvalidArgumentError)
    assert error.op is picked.op and error.error_code == tf.errors.INVALID_ARGUMENT
    for part in ("5", "'picked' (Gather)", "float32[3,2]", "int32[2]", "test_errors.py"):
        assert part in str(error)
    assert sess.run(picked, ok).shape == (2, 2)


def test_what_a_kernel_refuses_before_it_runs(sess):
    """An arg max over nothing: known once the shape is, before the first element, also behind a cut."""
    x = tf.placeholder(tf.float32, [None])
    with away(sess):
        direct, behind = tf.argmax(x, 0, name="direct"), tf.argmax(tf.boolean_mask(x, x > 0.0), 0, name="behind")
    for bad, value in ((direct, []), (behind, []), (behind, [-1, -2])):
        assert sess.run(bad, {x: [1, 3, 2]}) == 1
        error = failure(sess, bad, {x: value}, tf.errors.InvalidArgumentError)
        assert error.op is bad.op and f"'{bad.op.name}' (ArgMax)" in str(error) and "float32[0]" in str(error) and "test_errors.py" in str(error)


def test_shapes_that_do_not_fit_when_they_are_known(sess):
    """Found before anything runs, and told like an error of the run."""
    x, y = tf.placeholder(tf.float32), tf.placeholder(tf.float32, [None, 2])
    ran = []
    with away(sess):
        total = tf.add(probe(x, ran.append), y, name="total")
    product = tf.matmul(y, y, name="product")
    error = failure(sess, total, {x: np.ones((3, 3)), y: np.ones((3, 2))}, tf.errors.InvalidArgumentError)
    assert error.op is total.op and "'total' (Add) of float32[3,3], float32[3,2]" in str(error) and "test_errors.py" in str(error) and not ran
    error = failure(sess, product, {y: np.ones((3, 2))}, tf.errors.InvalidArgumentError)
    assert error.op is product.op and "'product' (MatMul) of float32[3,2], float32[3,2]" in str(error)
    assert sess.run(product, {y: np.ones((2, 2))}).shape == (2, 2) and sess.run(total, {x: 1.0, y: np.ones((3, 2))}).shape == (3, 2)


@pytest.mark.parametrize("build, size", [
    (lambda n: tf.fill(n, 1.0), [2 ** 31 - 1] * 2), (lambda n: tf.fill(n, 1.0) + 1.0, [2 ** 31 - 1, 2 ** 31 - 1, 4]),
    (lambda n: tf.random_normal(n), [2 ** 30, 2 ** 30, 16]), (lambda n: tf.tile(tf.ones([1024, 1024]), n), [2 ** 21, 2 ** 21]),
    (lambda n: tf.range(0.0, tf.cast(n[0], tf.float32), 1e-30), [1]), (lambda n: tf.random_normal(n), [2 ** 16, 2 ** 25])])
def test_more_memory_than_there_is(sess, build, size):
    """Also where the number of bytes does not fit 64 bits."""
    n = tf.placeholder(tf.int32, [len(size)])
    result = tf.reduce_sum(build(n))                            # the line to blame, or the one above
    text = str(failure(sess, result, {n: size}, tf.errors.ResourceExhaustedError))
    assert "OOM" in text and "bytes" in text and "test_errors.py" in text
    assert sess.run(tf.constant(1.0)) == 1


def test_what_a_fused_instruction_was_made_of(graph):
    """An element-wise op that fails inside a fused run is still found: integer division by zero."""
    x = tf.placeholder(tf.int32, [None])
    y = tf.add(x, 1, name="first")
    z = tf.floordiv(y, x, name="division")
    w = tf.add(z, y, name="last")
    with tf.Session() as sess:
        assert sess.run(w, {x: [1, 2]}).tolist() == [4, 4]
        fused = [i.node for p in plans(sess, w, {x: [1, 2]}) for i in p.instructions if i.node.type == "_Fused"]
        try:
            sess.run(w, {x: [1, 0]})
        except tf.errors.InvalidArgumentError as error:
            assert "ivision by zero" in str(error) and "test_errors.py" in str(error)
            if fused and len(fused[0].attrs["members"]) > 1:
                assert "fused from: " in str(error) and "'division' (FloorDiv)" in str(error)
            else:
                assert error.op is z.op
        else:
            pytest.fail("1 // 0 raised nothing")


def test_gradient_ops_name_the_op_they_belong_to(sess):
    params, index = tf.placeholder(tf.float32, [None, 2]), tf.placeholder(tf.int32, [None])
    summed = tf.unsorted_segment_sum(params, index, 3, name="summed")             # the forward op
    slope, = tf.gradients(summed, params, grad_ys=tf.placeholder_with_default(np.ones((3, 2), np.float32), [3, 2]))
    assert slope.op.original_op is summed.op
    error = failure(sess, slope, {params: np.ones((2, 2)), index: [0, 7]}, tf.errors.InvalidArgumentError)
    assert error.op.original_op is summed.op and "a gradient of: 'summed' (UnsortedSegmentSum)" in str(error) and "the forward op" in str(error)
    # and those of a gradient of a gradient name both
    x = tf.placeholder(tf.float32, [])
    first, = tf.gradients(tf.tanh(x, name="forward"), x)
    second, = tf.gradients(first, x)
    origins, op = [], second.op
    while op is not None:
        origins.append(op)
        op = op.original_op
    assert len(origins) >= 2


@pytest.mark.parametrize("kind, text", [("shape", "returned shape (7,), its shape function promised (3,)"), ("count", "returned 2 arrays, the op has 1 outputs"),
                                        ("text", ""), ("none", "returned 0 arrays")])
def test_a_python_kernel_that_does_not_keep_its_word(sess, kind, text):
    x = tf.placeholder(tf.float32, [None])
    bad = apply_op("TestLiar", x, kind=kind, name="bad")
    error = failure(sess, bad, {x: [1, 2, 3]})
    assert error.op is bad.op and text in str(error)


def test_a_python_kernel_may_not_change_its_inputs(sess):
    def overwrite(x):
        x[...] = 0
    bad = probe(tf.constant([1.0, 2.0]) * tf.placeholder_with_default(1.0, []), overwrite, name="bad")
    assert "read-only" in str(failure(sess, bad, None))


def test_errors_can_be_pickled_and_hold_no_step(sess):
    x = tf.placeholder(tf.float32, [None])
    error = failure(sess, apply_op("TestRaise", x, x, code=0, name="bad"), {x: np.ones(3)})
    other = pickle.loads(pickle.dumps(error))
    assert type(other) is type(error) and str(other) == str(error) and other.error_code == error.error_code and other.op is None
    assert "TestRaise" in "".join(traceback.format_exception(error))


def test_what_the_user_did_wrong_is_no_op_error(sess):
    a = tf.constant(1.0)
    for call, kind in ((lambda: sess.run(3), TypeError), (lambda: sess.run("b:0"), ValueError), (lambda: sess.run(a, {"b:0": 1}), TypeError),
                       (lambda: sess.run(a, {a: "text"}), TypeError), (lambda: sess.run(a, {a: [1, 2]}), ValueError)):
        with pytest.raises(kind) as e:
            call()
        assert not isinstance(e.value, tf.errors.OpError)


def test_the_line_is_the_users_also_behind_helpers(sess):
    def layer(x, n):
        return apply_op("TestRaise", x, tf.zeros([n]), code=0)                    # inside the helper

    x = tf.placeholder(tf.float32, [None])
    bad = layer(x, 5)                                                             # its caller
    text = str(failure(sess, bad, {x: [1]}))
    assert "inside the helper" in text and text.count("called at: ") == 1 and "# its caller" in text.splitlines()[-1]
    caller, helper = bad.op.traceback[-2:]                                        # the innermost comes last, as in a traceback
    assert helper[2] == "layer" and caller[2] == "test_the_line_is_the_users_also_behind_helpers"
    assert caller.lineno - helper.lineno == 3 and "# its caller" in caller.line
