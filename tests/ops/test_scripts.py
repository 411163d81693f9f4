"""py_func, Print, Assert, check_numerics and the assertions."""
import threading
import warnings

import numpy as np
import pytest

import minitf as tf
from minitf.graph.wire import from_json, to_json


def run(*args, **kwargs):
    with tf.Session() as sess:
        return sess.run(*args, **kwargs)


class TestPyFunc:
    def test_values_dtypes_and_strings(self):
        x = tf.placeholder(tf.float32, [None])
        double, count, word = tf.py_func(lambda a, s: (a * 2, a.size, s + b"!"), [x, "hey"], [tf.float32, tf.int64, tf.string])
        got = run([double, count, word, tf.reduce_sum(double)], {x: [1, 2, 3]})
        assert got[0].tolist() == [2, 4, 6] and got[1] == 3 and got[2] == b"hey!" and got[3] == 12
        assert double.shape.ndims is None

    def test_one_result_none_and_a_list(self):
        seen = []
        op = tf.py_func(seen.append, [tf.constant(3)], [])
        assert isinstance(op, tf.Operation)
        assert run(op) is None and seen == [3]
        assert run(tf.py_func(lambda: np.float32(4), [], tf.float32)) == 4
        assert run(tf.py_func(lambda: [1, 2], [], [tf.int32, tf.float64])) == [1, 2.0]

    def test_its_arrays_are_its_own(self):
        kept = []
        x = tf.constant([1., 2.]) * tf.placeholder_with_default(2., [])
        y = tf.py_func(lambda a: kept.append(a) or a, [x], tf.float32)
        with tf.Session() as sess:
            sess.run([y, x * 3.])
            kept[0][:] = 7
            assert sess.run(y).tolist() == [2, 4]

    @pytest.mark.parametrize("raised, kind", [(ValueError("bad"), tf.errors.InvalidArgumentError), (StopIteration(), tf.errors.OutOfRangeError),
                                              (KeyError("k"), tf.errors.UnknownError), (NotImplementedError("n"), tf.errors.UnimplementedError),
                                              (MemoryError("m"), tf.errors.ResourceExhaustedError)])
    def test_what_it_raises_is_the_ops_error(self, raised, kind):
        def fail(x):
            raise raised
        y = tf.py_func(fail, [1.], tf.float32, name="failing")
        with pytest.raises(kind, match=rf"{type(raised).__name__}(.|\n)*'failing' \(PyFunc\)(.|\n)*test_scripts.py") as caught:
            run(y)
        assert caught.value.op is y.op

    def test_wrong_results(self):
        with pytest.raises(tf.errors.InvalidArgumentError, match="returns 2 values, but expects to see 1 values."):
            run(tf.py_func(lambda: (1, 2), [], [tf.int32])[0])
        with pytest.raises(tf.errors.InvalidArgumentError, match="0-th value returned by pyfunc_.* is float64, but expects float32"):
            run(tf.py_func(lambda: np.zeros(2), [], tf.float32))
        with pytest.raises(ValueError, match="callable"):
            tf.py_func(3, [], tf.float32)

    def test_stateful_ones_run_each_time_and_are_never_merged(self):
        calls = []
        a, b = (tf.py_func(lambda: calls.append(1) or np.float32(len(calls)), [], tf.float32) for _ in range(2))
        with tf.Session() as sess:
            assert sorted(sess.run([a, b])) == [1, 2]
            assert sess.run(a) == 3

    def test_it_does_not_travel(self):
        y = tf.py_func(lambda: np.float32(1), [], tf.float32, name="y")
        text = to_json(tf.get_default_graph()).replace(y.op.get_attr("token"), "pyfunc_999999")
        with tf.Session(graph=from_json(text)) as sess, pytest.raises(tf.errors.InvalidArgumentError, match="callback pyfunc_999999 is not found"):
            sess.run("y:0")

    def test_gradients_stop(self):
        x = tf.constant(1.)
        assert tf.gradients(tf.py_func(lambda a: a, [x], tf.float32), x) == [None]

    def test_on_a_device_of_its_own(self):
        with tf.device("/cpu:1"):
            thread = tf.py_func(lambda: np.int64(threading.get_ident()), [], tf.int64)
        with tf.Session(config=tf.ConfigProto(device_count={"CPU": 2})) as sess:
            assert sess.run(tf.identity(thread)) != threading.get_ident()


class TestPrint:
    def test_what_it_prints(self, capfd):
        x = tf.placeholder(tf.float32, [None, None])
        y = tf.Print(x, [x, tf.shape(x), "text"], "see: ")
        assert run(y, {x: [[1, 2], [3, 4.5]]}).tolist() == [[1, 2], [3, 4.5]]
        assert capfd.readouterr().err == "see: [[1.0 2.0][3.0]...][2 2][text]\n"
        run(tf.Print(1., [tf.range(5), tf.zeros([0])], summarize=-1))
        assert capfd.readouterr().err == "[0 1 2 3 4][]\n"

    def test_first_n_counts_by_session_whatever_is_fed(self, capfd):
        x = tf.placeholder(tf.int32, [None])
        y = tf.Print(x, [x], first_n=2)
        for _ in range(2):
            with tf.Session() as sess:
                for n in range(1, 5):
                    sess.run(y, {x: np.arange(n)})
            assert capfd.readouterr().err == "[0]\n[0 1]\n"

    def test_its_gradient_is_the_identity(self):
        x = tf.constant([1., 2.])
        grad, other = tf.gradients(tf.Print(x * x, [x]), [x, tf.constant(1.)])
        assert run(grad).tolist() == [2, 4] and other is None


class TestAssert:
    def test_it_fails_with_the_data(self):
        p = tf.placeholder(tf.bool, [])
        check = tf.Assert(p, ["x is", tf.range(4)], summarize=2, name="check")
        with tf.control_dependencies([check]):
            y = tf.constant(1.) + 1.
        assert run(y, {p: True}) == 2
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"assertion failed: \[x is\] \[0 1...\](.|\n)*'check' \(Assert\)"):
            run(y, {p: False})

    @pytest.mark.parametrize("check, good, bad", [
        (tf.assert_equal, ([1, 2], [1, 2]), ([1, 2], [1, 3])), (tf.assert_less, (1, [2, 3]), (2, [2, 3])),
        (tf.assert_less_equal, (2, [2, 3]), (3, [2, 3])), (tf.assert_greater, (3, 2), (2, 2)), (tf.assert_greater_equal, (2, 2), (1, 2)),
        (tf.assert_none_equal, (1, 2), (2, 2)), (tf.assert_positive, ([1, 2],), ([1, 0],)), (tf.assert_negative, (-1,), (0,)),
        (tf.assert_non_negative, (0,), (-1,)), (tf.assert_non_positive, (0,), (1,))])
    def test_relations(self, check, good, bad):
        fed = [tf.placeholder(tf.int32) for _ in good]
        op = check(*fed, message="mine")
        assert run(op, dict(zip(fed, good))) is None
        with pytest.raises(tf.errors.InvalidArgumentError, match="assertion failed: .mine. .Condition x"):
            run(op, dict(zip(fed, bad)))
        assert run(check(*good)) is None
        with pytest.raises(ValueError, match="mine Condition x .* y did not hold"):
            check(*bad, message="mine")

    def test_ranks_types_and_order(self):
        p = tf.placeholder(tf.float32)
        for check, good, bad in ((tf.assert_rank, 2, 1), (tf.assert_rank_at_least, 1, 3), (tf.assert_rank_in, (1, 2), (0, 1))):
            x = tf.zeros([2, 2])
            assert run(check(x, good)) is None and run(check(p, good), {p: [[1]]}) is None
            with pytest.raises(ValueError, match="must have rank"):
                check(x, bad)
            with pytest.raises(tf.errors.InvalidArgumentError, match="must have rank"):
                run(check(p, bad), {p: [[1]]})
        assert run(tf.assert_type(p, tf.float32)) is None and run(tf.assert_integer(tf.constant(1))) is None
        with pytest.raises(TypeError, match="must be of type"):
            tf.assert_type(p, tf.int32)
        with pytest.raises(TypeError, match="Expected 'x' to be integer type"):
            tf.assert_integer(p)
        assert run([tf.is_non_decreasing(p), tf.is_strictly_increasing(p)], {p: [1, 1, 2]}) == [True, False]
        assert run([tf.is_non_decreasing(p), tf.is_strictly_increasing(p)], {p: [3]}) == [True, True]
        assert tf.is_numeric_tensor(p) and not tf.is_numeric_tensor(tf.constant("a")) and not tf.is_numeric_tensor(3)


class TestCheckNumerics:
    @pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
    @pytest.mark.parametrize("bad, text", [([np.nan], "NaN"), ([np.inf], "Inf"), ([-np.inf], "Inf"), ([np.inf, np.nan], "Inf and NaN")])
    def test_what_it_finds(self, dtype, bad, text):
        p = tf.placeholder(dtype, [None])
        y = tf.check_numerics(p, "here")
        good = np.array([0, -0., 1, dtype.max, dtype.min, 1e-310] * 5, dtype.as_numpy_dtype)
        assert np.array_equal(run(y, {p: good}), good)
        assert run(y, {p: np.zeros(0)}).size == 0
        for at in range(0, 30, 7):
            with pytest.raises(tf.errors.InvalidArgumentError, match=f"^here : Tensor had {text} values"):
                run(y, {p: np.insert(good, at, bad)})

    def test_gradients_are_checked_too(self):
        x = tf.placeholder(tf.float32, [])
        grad, = tf.gradients(tf.check_numerics(tf.sqrt(x), "y"), x, tf.constant(np.float32("inf")))
        with pytest.raises(tf.errors.InvalidArgumentError, match="detected in gradient. : Tensor had Inf"):
            run(grad, {x: 1})

    def test_all_of_a_graph(self):
        x = tf.placeholder(tf.float32, [])
        y = tf.log(x, name="logarithm") + 1.
        checks = tf.add_check_numerics_ops()
        assert run([y, checks], {x: 1}) == [1, None]
        with pytest.raises(tf.errors.InvalidArgumentError, match="logarithm:0 : Tensor had Inf values"):
            run([y, checks], {x: 0})
