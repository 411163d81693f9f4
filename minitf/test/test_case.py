"""TestCase: unittest's, with sessions, with seeds, and with assertions about arrays."""
import contextlib
import random
import re
import tempfile
import types
import unittest

import numpy as np

from ..core.devices import canonical_name
from ..core.errors import OpError
from ..graph import Graph, Tensor, get_default_graph, reset_default_graph
from ..graph.default_graphs import default_graphs
from ..ops.random_seed import DEFAULT_GRAPH_SEED, set_random_seed
from ..ops.variables import Variable
from ..session import Session, get_default_session
from .temporary import get_temp_dir


class _NotATest:
    """A method whose name begins with "test".  On the class it cannot be called, so those who collect tests pass it by."""

    def __init__(self, function):
        self.function = function

    def __get__(self, instance, owner=None):
        return self if instance is None else types.MethodType(self.function, instance)


class TestCase(unittest.TestCase):
    """Each test begins with an empty default graph, with the seeds of the graph, of NumPy and of `random` set.

    Arrays may be given as lists, numbers, or tensors, which are evaluated; structures of lists, tuples and dicts are compared part by part.
    NaNs in the same places are equal.
    """

    def __init__(self, methodName="runTest"):
        super().__init__(methodName)
        self._cached_session = self._temp_dir = None

    def setUp(self):
        self._close_session()
        random.seed(DEFAULT_GRAPH_SEED)
        np.random.seed(DEFAULT_GRAPH_SEED)
        if default_graphs.stack:                          # inside a `with graph.as_default()` of the runner's
            stack = contextlib.ExitStack()
            self.addCleanup(stack.close)
            stack.enter_context(Graph().as_default())
        else:
            reset_default_graph()
        set_random_seed(DEFAULT_GRAPH_SEED)

    def tearDown(self):
        self._close_session()

    def _close_session(self):
        if self._cached_session is not None:
            self._cached_session.close()
            self._cached_session = None

    # ---- running ----------------------------------------------------------------------------------------------------------

    def get_temp_dir(self):
        """A folder for this test's files, empty at first; removed when the process ends."""
        if self._temp_dir is None:
            self._temp_dir = tempfile.mkdtemp(dir=get_temp_dir())
        return self._temp_dir

    @contextlib.contextmanager
    def session(self, graph=None, config=None, use_gpu=False, force_gpu=False):
        """A new session, the default one in the block.  graph: by default the default graph.

        use_gpu allows ops to be placed on a GPU, force_gpu demands it: where there is none, the run fails.
        """
        graph = get_default_graph() if graph is None else graph
        with graph.as_default(), Session(graph=graph, config=config) as session, _on_device(graph, use_gpu, force_gpu):
            yield session

    @contextlib.contextmanager
    def cached_session(self, graph=None, config=None, use_gpu=False, force_gpu=False):
        """As session(); but without a graph it is the same session each time, so variables keep their values from block to block of a test."""
        if graph is not None:
            with self.session(graph, config, use_gpu, force_gpu) as session:
                yield session
            return
        if self._cached_session is None or self._cached_session.graph is not get_default_graph():
            self._close_session()
            self._cached_session = Session(config=config)
        session = self._cached_session
        with session.graph.as_default(), session.as_default(), _on_device(session.graph, use_gpu, force_gpu):
            yield session

    test_session = _NotATest(cached_session)

    def evaluate(self, tensors):
        """The values of tensors, in any structure, in the default session, or else in test_session()."""
        session = get_default_session()
        if session is not None:
            return session.run(tensors)
        with self.cached_session() as session:
            return session.run(tensors)

    def _array(self, value):
        if isinstance(value, (Tensor, Variable)):
            value = self.evaluate(value)
        return np.asarray(value)

    # ---- arrays -----------------------------------------------------------------------------------------------------------

    def assertAllClose(self, a, b, rtol=1e-6, atol=1e-6, msg=None):
        """|a - b| <= atol + rtol * |b| everywhere, for arrays of one shape."""
        self._compare(a, b, lambda x, y, where: self._assert_close(x, y, rtol, atol, where), msg)

    def assertAllCloseAccordingToType(self, a, b, rtol=1e-6, atol=1e-6, float_rtol=1e-6, float_atol=1e-6, half_rtol=1e-3, half_atol=1e-3, msg=None):
        """assertAllClose with the tolerances of the less precise of the two dtypes."""
        def close(x, y, where):
            r, t = rtol, atol
            for dtype, least in ((np.float32, (float_rtol, float_atol)), (np.float16, (half_rtol, half_atol))):
                if dtype in (x.dtype, y.dtype):
                    r, t = max(r, least[0]), max(t, least[1])
            self._assert_close(x, y, r, t, where)
        self._compare(a, b, close, msg)

    def assertNotAllClose(self, a, b, rtol=1e-6, atol=1e-6, msg=None):
        """The opposite of assertAllClose."""
        try:
            self.assertAllClose(a, b, rtol, atol)
        except AssertionError:
            return
        self.fail(self._formatMessage(msg, "The two values are close at all elements"))

    def assertAllEqual(self, a, b, msg=None):
        """Two arrays of one shape with the same elements."""
        self._compare(a, b, self._assert_equal, msg)

    def assertNotAllEqual(self, a, b, msg=None):
        """The opposite of assertAllEqual."""
        try:
            self.assertAllEqual(a, b)
        except AssertionError:
            return
        self.fail(self._formatMessage(msg, "The two values are equal at all elements"))

    def assertAllGreater(self, a, comparison_target):
        self.assertGreater(self._array(a).min().item(), comparison_target)

    def assertAllLess(self, a, comparison_target):
        self.assertLess(self._array(a).max().item(), comparison_target)

    def assertAllGreaterEqual(self, a, comparison_target):
        self.assertGreaterEqual(self._array(a).min().item(), comparison_target)

    def assertAllLessEqual(self, a, comparison_target):
        self.assertLessEqual(self._array(a).max().item(), comparison_target)

    def assertAllInRange(self, target, lower_bound, upper_bound, open_lower_bound=False, open_upper_bound=False):
        """Every element lies in the interval, whose ends belong to it unless they are open."""
        x = self._array(target)
        inside = (x > lower_bound if open_lower_bound else x >= lower_bound) & (x < upper_bound if open_upper_bound else x <= upper_bound)
        if not inside.all():
            self.fail(f"{x[~inside][:10]} outside of {'(' if open_lower_bound else '['}{lower_bound}, {upper_bound}{')' if open_upper_bound else ']'}")

    def assertAllInSet(self, target, expected_set):
        strange = set(self._array(target).ravel().tolist()) - set(expected_set)
        if strange:
            self.fail(f"{len(strange)} unique element(s) are not in the set {expected_set}: {sorted(strange)[:10]}")

    def assertNDArrayNear(self, ndarray1, ndarray2, err, msg=None):
        """The norm of the difference is less than err."""
        distance = np.linalg.norm(self._array(ndarray1) - self._array(ndarray2))
        if not distance < err:
            self.fail(self._formatMessage(msg, f"The arrays are {distance} apart, {err} was allowed"))

    def assertArrayNear(self, farray1, farray2, err, msg=None):
        """Two sequences of numbers of one length, each pair at most err apart."""
        self.assertEqual(len(farray1), len(farray2), msg)
        for i, (f1, f2) in enumerate(zip(farray1, farray2)):
            self.assertNear(float(f1), float(f2), err, msg or f"element {i}")

    def assertNear(self, f1, f2, err, msg=None):
        """Two numbers at most err apart."""
        if not (f1 == f2 or abs(f1 - f2) <= err):
            self.fail(f"{f1!r} != {f2!r} +/- {err!r}" + (f" ({msg})" if msg is not None else ""))

    def assertShapeEqual(self, np_array, tf_tensor, msg=None):
        """An array has the static shape of a tensor."""
        if not isinstance(np_array, (np.ndarray, np.generic)):
            raise TypeError("np_array must be a Numpy ndarray or Numpy scalar")
        if not isinstance(tf_tensor, (Tensor, Variable)):
            raise TypeError("tf_tensor must be a Tensor")
        self.assertEqual(list(np_array.shape), tf_tensor.get_shape().as_list(), msg)

    def _compare(self, a, b, compare, msg, path=""):
        place = "; ".join(text for text in (path and f"at {path}", msg) if text)
        if isinstance(a, dict) or isinstance(b, dict):
            if not (isinstance(a, dict) and isinstance(b, dict)):
                self.fail(self._formatMessage(place or None, f"A dict is compared with no dict: {type(a).__name__} and {type(b).__name__}"))
            self.assertEqual(sorted(a), sorted(b), place)
            for key in a:
                self._compare(a[key], b[key], compare, msg, f"{path}[{key!r}]")
        elif _is_structure(a) and _is_structure(b):
            self.assertEqual(len(a), len(b), place)
            for i, (x, y) in enumerate(zip(a, b)):
                self._compare(x, y, compare, msg, f"{path}[{i}]")
        else:
            x, y = self._array(a), self._array(b)
            self.assertEqual(x.shape, y.shape, self._formatMessage(place or None, f"Shape mismatch: expected {x.shape}, got {y.shape}"))
            compare(x, y, place)

    @staticmethod
    def _assert_close(x, y, rtol, atol, place):
        np.testing.assert_allclose(x, y, rtol=rtol, atol=atol, err_msg=place)

    @staticmethod
    def _assert_equal(x, y, place):
        np.testing.assert_array_equal(x, y, err_msg=place)

    # ---- errors and the rest ----------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def assertRaisesWithPredicateMatch(self, exception_type, expected_err_re_or_predicate):
        """The block raises exception_type, and the predicate holds for the exception, or the regular expression is found in its text."""
        try:
            yield
        except Exception as error:
            if not isinstance(error, exception_type):
                raise AssertionError(f"{exception_type} was expected, got {type(error).__name__}: {error}") from error
            wanted = expected_err_re_or_predicate
            if not (wanted(error) if callable(wanted) else re.search(wanted, f"{getattr(error, 'message', '')}\n{error}")):
                raise AssertionError(f"Exception of type {type(error).__name__}: {error}, does not match {wanted!r}") from error
        else:
            self.fail(f"{getattr(exception_type, '__name__', exception_type)} not raised")

    def assertRaisesOpError(self, expected_err_re_or_predicate):
        """assertRaisesWithPredicateMatch(tf.OpError, ...)"""
        return self.assertRaisesWithPredicateMatch(OpError, expected_err_re_or_predicate)

    def assertStartsWith(self, actual, expected_start, msg=None):
        if not actual.startswith(expected_start):
            self.fail(self._formatMessage(msg, f"{actual!r} does not start with {expected_start!r}"))

    def assertDeviceEqual(self, device1, device2, msg=None):
        """Two device names mean the same device."""
        self.assertEqual(canonical_name(device1), canonical_name(device2), msg)

    def assertProtoEquals(self, expected_message_maybe_ascii, message, msg=None):
        """Two protobuf messages of one type are equal; the expected one may be its text."""
        expected = expected_message_maybe_ascii
        if isinstance(expected, str):
            from google.protobuf import text_format
            expected = text_format.Parse(expected, type(message)())
        self.assertEqual(type(expected), type(message), msg)
        if expected != message:
            self.fail(self._formatMessage(msg, f"The messages differ.\nexpected:\n{expected}\ngot:\n{message}"))


def _on_device(graph, use_gpu, force_gpu):
    """The device in whose scope a session's block stands: without a GPU being allowed, the CPU; else wherever the op has a kernel."""
    if force_gpu:
        return graph.device("/device:GPU:0")
    return contextlib.nullcontext() if use_gpu else graph.device("/device:CPU:0")


def _is_structure(value):
    """Whether a list or tuple holds several arrays, rather than the rows of one."""
    if not isinstance(value, (list, tuple)):
        return False
    if any(isinstance(v, (dict, np.ndarray, Tensor, Variable)) for v in value):
        return True
    try:
        return np.asarray(value).dtype == object
    except ValueError:                                    # rows of different lengths
        return True
