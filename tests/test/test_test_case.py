"""tf.test.TestCase: each assertion passes what it should and fails what it should; sessions, seeds, folders."""
import os
import random
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import minitf as tf


class Case(tf.test.TestCase):
    def runTest(self):
        pass


@pytest.fixture
def case():
    case = Case()
    case.setUp()
    yield case
    case.tearDown()
    case.doCleanups()


CLOSE = [("assertAllClose", ([1.0, np.nan], [1.0 + 1e-7, np.nan])), ("assertAllClose", ({"a": [1.0], "b": (2.0, [3.0, 4.0])}, {"a": [1.0], "b": (2.0, [3.0, 4.0])})),
         ("assertAllClose", ([np.ones(2), np.ones(3)], [np.ones(2), np.ones(3)])), ("assertAllClose", (1.0, 1.5, 0, 0.6)),
         ("assertAllEqual", ([[1, 2]], np.array([[1, 2]]))), ("assertAllEqual", ([b"a"], np.array([b"a"], object))), ("assertAllEqual", (np.nan, np.nan)),
         ("assertNotAllClose", ([1.0], [1.1])), ("assertNotAllEqual", ([1], [2])), ("assertAllCloseAccordingToType", (np.float32([1.0]), [1.0000001])),
         ("assertNear", (1.0, 1.05, 0.1)), ("assertNear", (np.inf, np.inf, 0.0)), ("assertArrayNear", ([1.0, 2.0], [1.05, 1.95], 0.1)),
         ("assertNDArrayNear", (np.ones(2), np.ones(2) * 1.01, 0.1)), ("assertAllGreater", ([1, 2], 0)), ("assertAllLess", ([1, 2], 3)),
         ("assertAllGreaterEqual", ([1, 2], 1)), ("assertAllLessEqual", ([1, 2], 2)), ("assertAllInRange", ([1, 2], 1, 2)), ("assertAllInSet", ([1, 2, 1], [1, 2])),
         ("assertStartsWith", ("abc", "ab")), ("assertDeviceEqual", ("/cpu:0", "/device:CPU:0"))]
FAR = [("assertAllClose", ([1.0], [1.1]), "1.1"), ("assertAllClose", ([1.0], [1.0, 1.0]), "Shape mismatch"), ("assertAllClose", ([np.nan], [1.0]), "nan"),
       ("assertAllClose", ({"a": {"b": [1.0]}}, {"a": {"b": [2.0]}}), r"at \['a'\]\['b'\]"), ("assertAllClose", ({"a": 1}, {"b": 1}), "'a'"),
       ("assertAllClose", ({"a": 1}, [1]), "A dict is compared with no dict"), ("assertAllClose", ([np.ones(2), np.ones(3)], [np.ones(2), 2 * np.ones(3)]), r"at \[1\]"),
       ("assertAllEqual", ([1, 2], [1, 3]), "3"), ("assertAllEqual", ([1], [[1]]), "Shape mismatch"), ("assertNotAllClose", ([1.0], [1.0]), "close at all elements"),
       ("assertNotAllEqual", ([1], [1]), "equal at all elements"), ("assertAllCloseAccordingToType", (np.float64([1.0]), [1.0001]), "1.0001"),
       ("assertNear", (1.0, 1.2, 0.1), r"1.0 != 1.2 \+/- 0.1"), ("assertNear", (np.nan, 1.0, 0.1), "nan"), ("assertArrayNear", ([1.0], [1.0, 2.0], 1), "1 != 2"),
       ("assertArrayNear", ([1.0, 2.0], [1.0, 3.0], 0.1), "element 1"), ("assertNDArrayNear", (np.ones(2), np.zeros(2), 0.1), "apart"),
       ("assertAllGreater", ([1, 2], 1), "1 not greater"), ("assertAllLess", ([1, 2], 2), "2 not less"), ("assertAllGreaterEqual", ([1], 2), "1 not greater"),
       ("assertAllLessEqual", ([1], 0), "1 not less"), ("assertAllInRange", ([1, 2], 1, 2, True), r"\[1\] outside of \(1, 2\]"),
       ("assertAllInSet", ([1, 5], [1]), r"1 unique element\(s\) are not in the set"), ("assertStartsWith", ("abc", "b"), "does not start with"),
       ("assertDeviceEqual", ("/cpu:0", "/cpu:1"), "CPU:1")]


@pytest.mark.parametrize("name, arguments", CLOSE)
def test_what_passes(case, name, arguments):
    getattr(case, name)(*arguments)


@pytest.mark.parametrize("name, arguments, message", FAR)
def test_what_fails(case, name, arguments, message):
    with pytest.raises(AssertionError, match=message):
        getattr(case, name)(*arguments)


def test_a_tolerance_goes_with_the_less_precise_dtype(case):
    case.assertAllCloseAccordingToType(np.float32([1.0]), np.float64([1.0005]), float_rtol=1e-3)
    with pytest.raises(AssertionError):
        case.assertAllCloseAccordingToType(np.float64([1.0]), np.float64([1.0005]), float_rtol=1e-3)


def test_tensors_and_messages(case):
    case.assertAllClose(tf.constant([1.0, 2.0]) * 2.0, [2.0, 4.0])
    case.assertAllEqual({"x": tf.constant([3])}, {"x": [3]})
    case.assertShapeEqual(np.ones((2, 3)), tf.placeholder(tf.float32, [2, 3]))
    with pytest.raises(AssertionError, match="the fourth layer"):
        case.assertAllClose(tf.constant([1.0]), [2.0], msg="the fourth layer")
    with pytest.raises(AssertionError):
        case.assertShapeEqual(np.ones((2, 3)), tf.placeholder(tf.float32, [3, 2]))
    with pytest.raises(TypeError, match="must be a Numpy ndarray"):
        case.assertShapeEqual([1], tf.constant([1]))


def test_errors_of_ops(case):
    x = tf.placeholder(tf.float32, [None], name="x")
    y = x + tf.constant([1.0, 2.0])
    with case.test_session():
        with case.assertRaisesOpError("Incompatible shapes"):
            y.eval({x: [1.0, 2.0, 3.0]})
        with case.assertRaisesOpError(lambda e: e.error_code == tf.errors.INVALID_ARGUMENT):
            y.eval({x: [1.0, 2.0, 3.0]})
        with pytest.raises(AssertionError, match="does not match 'out of memory'"):
            with case.assertRaisesOpError("out of memory"):
                y.eval({x: [1.0, 2.0, 3.0]})
        with pytest.raises(AssertionError, match="not raised"):
            with case.assertRaisesOpError("anything"):
                y.eval({x: [1.0, 2.0]})
    with pytest.raises(AssertionError, match="OpError.* was expected, got ValueError: no"):
        with case.assertRaisesOpError("no"):
            raise ValueError("no")
    with case.assertRaisesWithPredicateMatch(ValueError, "n+o"):
        raise ValueError("nno")


def test_protos(case):
    pytest.importorskip("tensorboard")
    from minitf.core.protos import proto
    event = proto("Event")(step=3)
    case.assertProtoEquals("step: 3", event)
    case.assertProtoEquals(proto("Event")(step=3), event)
    with pytest.raises(AssertionError, match="step: 4"):
        case.assertProtoEquals("step: 4", event)


def test_test_session_is_the_same_in_all_blocks_of_a_test(case):
    v = tf.Variable(1.0)
    with case.test_session() as first:
        v.initializer.run()
    with case.test_session() as second:
        assert second is first and v.eval() == 1.0 and tf.get_default_session() is first
    with case.session() as third:
        assert third is not first
        with case.assertRaisesOpError("uninitialized"):
            v.eval()
    assert case.evaluate({"v": v}) == {"v": 1.0}
    other = tf.Graph()
    with case.test_session(graph=other) as session:
        assert session.graph is other is tf.get_default_graph()
    case.tearDown()
    with pytest.raises(RuntimeError, match="closed"):
        first.run(v)


def test_each_test_begins_with_an_empty_graph_and_the_same_seeds(case):
    def draw():
        case.setUp()
        assert tf.get_default_graph().get_operations() == []
        return random.random(), np.random.rand(), float(case.evaluate(tf.random_uniform([])))

    assert draw() == draw()
    with tf.Graph().as_default() as outer:
        tf.constant(1.0)
        inner = Case()
        inner.setUp()
        assert tf.get_default_graph() is not outer
        inner.tearDown()
        inner.doCleanups()
        assert tf.get_default_graph() is outer


def test_folders(case):
    folder = case.get_temp_dir()
    assert folder == case.get_temp_dir() != Case().get_temp_dir() and os.listdir(folder) == []
    assert os.path.dirname(folder) == tf.test.get_temp_dir()
    assert os.path.isdir(tf.test.test_src_dir_path("kernels/cpu"))


@pytest.mark.parametrize("setting", ["", "off", "emulate:2"])
def test_a_gpu_is_told_of_where_there_is_one_or_an_emulated_one_is_asked_for(setting, monkeypatch):
    monkeypatch.setenv("MINITF_GPU", setting)
    real = tf.test.is_gpu_available(cuda_only=True)
    there = setting == "emulate:2" or real and setting != "off"
    assert tf.test.gpu_device_name() == there * "/device:GPU:0" and tf.test.is_gpu_available() == there and tf.test.is_built_with_cuda() == real


def test_gradients_are_checked(case):
    with case.test_session():
        x = tf.constant([[0.5, 0.25]])
        y = tf.square(x)
        assert tf.test.compute_gradient_error(x, [1, 2], y, [1, 2]) < 1e-2
        by_rule, by_difference = tf.test.compute_gradient(x, [1, 2], y, [1, 2], x_init_value=np.array([[0.5, 0.25]]))
        np.testing.assert_allclose(by_rule, np.diag([1.0, 0.5]), rtol=1e-6)
        np.testing.assert_allclose(by_difference, by_rule, atol=1e-3)


def test_main_runs_the_tests_of_the_file(tmp_path):
    program = tmp_path / "square_test.py"
    program.write_text(textwrap.dedent("""
        import minitf as tf
        tf.flags.DEFINE_float("expected", 4.0, "of 2")
        class SquareTest(tf.test.TestCase):
            def test_square(self):
                with self.test_session():
                    self.assertAllClose(tf.square(2.0).eval(), tf.flags.FLAGS.expected)
            def test_folder(self):
                print("folder", tf.test.get_temp_dir())
        if __name__ == "__main__":
            tf.test.main()
    """))
    good = subprocess.run([sys.executable, str(program), "-v"], capture_output=True, text=True)
    assert good.returncode == 0 and "Ran 2 tests" in good.stderr and "test_square" in good.stderr, good.stderr
    assert not os.path.exists(good.stdout.split()[1]), "the folder outlives the process"
    bad = subprocess.run([sys.executable, str(program), "--expected=5", "SquareTest.test_square"], capture_output=True, text=True)
    assert bad.returncode == 1 and "Ran 1 test" in bad.stderr and "FAILED" in bad.stderr, bad.stderr
