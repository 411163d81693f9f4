"""A file outside the package defines an op with the public decorators: shape function, Cython kernel, NumPy kernel, gradient."""
import importlib.util
import subprocess
import sys
import sysconfig
import textwrap

import numpy as np
import pytest

import minitf as tf
from minitf.core.registry import register_gradient, register_kernel, register_op
from minitf.kernels.cpu.kernel import register_python_kernel
from minitf.ops.apply import apply_op

CYTHON_KERNEL = """
    # cython: language_level=3, boundscheck=False, wraparound=False
    from minitf.kernels.cpu.kernel cimport Kernel, float32s
    from minitf.core.errors import InvalidArgumentError

    cdef class LeakyRelu(Kernel):
        '''y = x where x > 0, else slope * x; NaN is refused, to show an error from code without the GIL.'''
        cdef float slope

        def __init__(self, attrs):
            self.slope = attrs["slope"]

        cdef int run(self) except -1 nogil:
            cdef Py_ssize_t i
            cdef float *x = float32s(self.inputs[0])
            cdef float *y = float32s(self.outputs[0])
            cdef float slope = self.slope
            for i in range(self.outputs[0].size):
                if x[i] != x[i]:
                    with gil:
                        raise InvalidArgumentError(None, None, f"x[{i}] is not a number")
                y[i] = x[i] if x[i] > 0 else slope * x[i]
            return 0
"""
SETUP = """
    from setuptools import Extension, setup
    from Cython.Build import cythonize
    import numpy
    setup(name="leaky", script_args=["--quiet", "build_ext", "--inplace"],
          ext_modules=cythonize([Extension("leaky_kernel", ["leaky_kernel.pyx"], include_dirs=[numpy.get_include()])], quiet=True))
"""


@register_op("TestLeakyRelu", inputs=["x: T"], outputs=["y: T"], attrs=["T: {float32, float64}", "slope: float = 0.1"])
def leaky_relu_shape(c):
    return [c.inputs[0]]


@register_python_kernel("TestLeakyRelu", T=["float64"])
def leaky_relu(attrs, x):
    return np.where(x > 0, x, attrs["slope"] * x)


@register_gradient("TestLeakyRelu")
def leaky_relu_gradient(op, grad):
    x, = op.inputs
    slope = tf.ones_like(x) * op.get_attr("slope")
    return grad * tf.where(tf.greater(x, 0.0), tf.ones_like(x), slope)


@pytest.fixture(scope="module")
def cython_kernel(tmp_path_factory):
    """The kernel, compiled in a folder of its own as a user would."""
    folder = tmp_path_factory.mktemp("leaky")
    (folder / "leaky_kernel.pyx").write_text(textwrap.dedent(CYTHON_KERNEL).lstrip())
    (folder / "setup.py").write_text(textwrap.dedent(SETUP))
    built = subprocess.run([sys.executable, "setup.py"], cwd=folder, capture_output=True, text=True, timeout=250)
    assert built.returncode == 0, built.stdout + built.stderr
    path = folder / f"leaky_kernel{sysconfig.get_config_var('EXT_SUFFIX')}"
    spec = importlib.util.spec_from_file_location("leaky_kernel", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    register_kernel("TestLeakyRelu", T=["float32"])(module.LeakyRelu)
    return module


@pytest.fixture
def sess(graph):
    with tf.Session(graph=graph) as sess:
        yield sess


def test_a_cython_kernel_from_another_folder(cython_kernel, sess):
    x = tf.placeholder(tf.float32, [None, 3])
    y = apply_op("TestLeakyRelu", x, slope=0.25)
    value = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    np.testing.assert_array_equal(sess.run(y, {x: value}), np.where(value > 0, value, np.float32(0.25) * value))
    grad, = tf.gradients(tf.reduce_sum(y * 2.0), x)
    np.testing.assert_array_equal(sess.run(grad, {x: value}), np.where(value > 0, 2.0, 0.5).astype(np.float32))


def test_its_error_names_the_op_and_the_line(cython_kernel, sess):
    x = tf.placeholder(tf.float32, [2])
    y = apply_op("TestLeakyRelu", x, name="leaky")          # the line that an error names
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        sess.run(y, {x: [1.0, np.nan]})
    text = str(caught.value)
    assert "x[1] is not a number" in text and "'leaky' (TestLeakyRelu)" in text and "float32[2]" in text
    assert "test_external_kernel.py" in text and "the line that an error names" in text
    np.testing.assert_array_equal(sess.run(y, {x: [1.0, -1.0]}), np.float32([1.0, -0.1]))


def test_a_numpy_kernel(sess):
    x = tf.placeholder(tf.float64, [3])
    y = apply_op("TestLeakyRelu", x, slope=0.5)
    np.testing.assert_array_equal(sess.run(y, {x: [-1.0, 0.0, 2.0]}), [-0.5, 0.0, 2.0])
    grad, = tf.gradients(y, x)
    np.testing.assert_array_equal(sess.run(grad, {x: [-1.0, 0.0, 2.0]}), [0.5, 0.5, 1.0])


def test_no_kernel_for_a_dtype_is_said_with_the_kernels_there_are(sess):
    @register_op("TestNoKernel", inputs=["x: T"], outputs=["y: T"], attrs=["T: type"])
    def shape(c):
        return [c.inputs[0]]

    tf.NotDifferentiable("TestNoKernel")
    y = apply_op("TestNoKernel", tf.constant([1.0]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="(?s)No OpKernel was registered to support Op 'TestNoKernel'.*no registered kernels"):
        sess.run(y)


def test_a_users_kernel_is_called_in_a_fused_chain_too(sess):
    """Fusion knows the package's own loops only; a kernel that somebody registered for the same type takes precedence there as well."""
    from minitf.core import registry
    calls = []

    @register_python_kernel("Softplus", T=["float64"])
    def softplus(attrs, x):
        calls.append(x.shape)
        return np.full_like(x, 7.0)

    try:
        x = tf.placeholder(tf.float64, [3])
        np.testing.assert_array_equal(sess.run(tf.nn.softplus(x * 2.0) + 1.0, {x: [1.0, 2.0, 3.0]}), [8.0, 8.0, 8.0])
        assert calls == [(3,)]
    finally:
        registry._kernels["Softplus", "CPU"].pop(0)
    np.testing.assert_allclose(sess.run(tf.nn.softplus(x * 1.0) + 1.0, {x: [0.0, 0.0, 0.0]}), 1.0 + np.log(2.0))
