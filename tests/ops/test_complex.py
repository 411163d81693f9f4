"""Complex numbers: every op against NumPy in complex128, and gradients against differences of the real and imaginary parts."""
import numpy as np
import pytest

import minitf as tf
from minitf.autodiff import check_gradient

COMPLEX = ("complex64", "complex128")


def numbers(*shape, dtype="complex128", seed=0):
    rng = np.random.default_rng(seed)
    return np.asarray(rng.uniform(-1, 1, shape) + 1j * rng.uniform(-1, 1, shape)).astype(dtype)


def run(function, *arrays):
    with tf.Graph().as_default(), tf.Session() as sess:
        known, unknown = [tf.placeholder(a.dtype, a.shape) for a in arrays], [tf.placeholder(a.dtype) for a in arrays]
        y, z = function(*known), function(*unknown)
        value, other = sess.run([y, z], dict(zip(known + unknown, arrays * 2)))
        assert y.get_shape().as_list() == list(np.shape(value)) and np.asarray(value).dtype == y.dtype.as_numpy_dtype
        np.testing.assert_array_equal(value, other)
        return value


UNARY = {"negative": np.negative, "square": np.square, "sqrt": np.sqrt, "exp": np.exp, "log": np.log, "sin": np.sin, "cos": np.cos, "tanh": np.tanh,
         "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "reciprocal": lambda x: 1 / x, "conj": np.conj, "real": np.real, "imag": np.imag, "abs": np.abs,
         "angle": np.angle, "zeros_like": np.zeros_like, "ones_like": np.ones_like, "identity": lambda x: x}
BINARY = {"add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide, "div": np.divide, "equal": np.equal, "not_equal": np.not_equal,
          "pow": np.power}


@pytest.mark.parametrize("dtype", COMPLEX)
@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_argument(name, dtype):
    for shape in ((), (1,), (3, 4), (0,), (2, 0, 3)):
        x = numbers(*shape, dtype=dtype)
        np.testing.assert_allclose(run(getattr(tf, name), x), UNARY[name](x.astype("complex128")), rtol=1e-5 if dtype == "complex64" else 1e-12)


@pytest.mark.parametrize("dtype", COMPLEX)
@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_arguments(name, dtype):
    for shapes in (((3, 4), (3, 4)), ((3, 4), ()), ((3, 1), (1, 4)), ((0, 3), (3,))):
        x, y = numbers(*shapes[0], dtype=dtype), numbers(*shapes[1], dtype=dtype, seed=1)
        expected = BINARY[name](x.astype("complex128"), y.astype("complex128"))
        np.testing.assert_allclose(run(getattr(tf, name), x, y), expected, rtol=1e-4 if dtype == "complex64" else 1e-11)


@pytest.mark.parametrize("dtype", COMPLEX)
def test_sums_products_and_moves(dtype):
    x, close = numbers(3, 4, 2, dtype=dtype), lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4 if dtype == "complex64" else 1e-11)
    for keep in (False, True):
        close(run(lambda v: tf.reduce_sum(v, [0, 2], keep), x), x.sum((0, 2), keepdims=keep))
        close(run(lambda v: tf.reduce_mean(v, 1, keep), x), x.mean(1, keepdims=keep))
        close(run(lambda v: tf.reduce_prod(v, 1, keep), x), x.prod(1, keepdims=keep))
    close(run(lambda v: tf.add_n([v, v, v]), x), 3 * x)
    for function, expected in ((lambda v: tf.transpose(v, [2, 0, 1]), x.transpose(2, 0, 1)), (lambda v: tf.reshape(v, [6, 4]), x.reshape(6, 4)),
                               (lambda v: v[1:, 2], x[1:, 2]), (lambda v: tf.concat([v, v], 1), np.concatenate([x, x], 1)),
                               (lambda v: tf.gather(v, [2, 0]), x[[2, 0]]), (lambda v: tf.tile(v, [1, 2, 1]), np.tile(x, (1, 2, 1))),
                               (lambda v: tf.broadcast_to(v[:1], [3, 4, 2]), np.broadcast_to(x[:1], (3, 4, 2))), (lambda v: tf.stack([v, v]), np.stack([x, x])),
                               (lambda v: tf.matrix_transpose(v, conjugate=True), x.conj().swapaxes(1, 2)), (tf.matrix_diag, x[..., None] * np.eye(2)),
                               (lambda v: tf.where([True, False, True], v, -v), np.where(np.array([True, False, True])[:, None, None], x, -x))):
        np.testing.assert_array_equal(run(function, x), expected)


@pytest.mark.parametrize("dtype", COMPLEX)
@pytest.mark.parametrize("batch", [(), (5,)])
def test_matmul(dtype, batch):
    a, b = numbers(*batch, 2, 3, dtype=dtype), numbers(*batch, 3, 4, dtype=dtype, seed=1)
    turned = lambda x: np.ascontiguousarray(np.swapaxes(x, -1, -2))
    tolerance = 1e-4 if dtype == "complex64" else 1e-11
    np.testing.assert_allclose(run(tf.matmul, a, b), a @ b, rtol=tolerance)
    np.testing.assert_allclose(run(lambda x, y: tf.matmul(x, y, transpose_a=True, transpose_b=True), turned(a), turned(b)), a @ b, rtol=tolerance)
    np.testing.assert_allclose(run(lambda x, y: tf.matmul(x, y, adjoint_a=True, adjoint_b=True), turned(a).conj(), turned(b).conj()), a @ b, rtol=tolerance)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("dtype", COMPLEX)
def test_fourier_transforms(axes, dtype):
    suffix = "" if axes == 1 else f"{axes}d"
    for shape in ((4, 3, 5), (2, 4, 3, 1), (0, 3, 2)):
        x = numbers(*shape, dtype=dtype)
        expected = np.fft.fftn(x, axes=range(-axes, 0)) if x.size else x
        forward, back = getattr(tf, f"fft{suffix}"), getattr(tf, f"ifft{suffix}")
        np.testing.assert_allclose(run(forward, x), expected, atol=1e-5 if dtype == "complex64" else 1e-12)
        np.testing.assert_allclose(run(lambda v: back(forward(v)), x), x, atol=1e-6 if dtype == "complex64" else 1e-14)
    with pytest.raises(ValueError, match=f"at least rank {axes}"):
        forward(np.complex64(1))


def test_types():
    assert tf.complex64.as_datatype_enum == 8 and tf.complex128.as_datatype_enum == 18 and tf.complex64.is_complex and not tf.float32.is_complex
    assert tf.complex64.real_dtype is tf.float32 and tf.complex128.real_dtype is tf.float64 and tf.int32.real_dtype is tf.int32
    assert tf.constant(1j).dtype is tf.complex128 and tf.constant([1j], tf.complex64).dtype is tf.complex64 and tf.constant(2, tf.complex64).dtype is tf.complex64
    with pytest.raises(TypeError, match="Expected float32"):
        tf.constant(1j, tf.float32)
    with pytest.raises(TypeError, match="Cannot find minimum"):
        tf.complex64.min
    x = tf.placeholder("float32")
    with pytest.raises(TypeError, match="not compatible with Tensor type float32"), tf.Session() as sess:
        sess.run(x, {x: 1j})
    assert tf.complex(1.0, 2.0).dtype is tf.complex64 and tf.complex(np.float64(1), np.float64(2)).dtype is tf.complex128
    with pytest.raises(TypeError, match="incorrect types: float32 float64"):
        tf.complex(1.0, np.float64(2))
    r = tf.constant(1.0)
    assert tf.conj(r) is r and tf.real(r) is r
    with pytest.raises(TypeError, match="not in the list of allowed values"):
        tf.maximum(1j, 2j)


def test_infinite_parts_stay_apart():
    assert run(tf.complex, np.array([1.0]), np.array([np.inf])).tolist() == [complex(1, np.inf)]


@pytest.mark.parametrize("dtype", COMPLEX)
def test_casts(dtype):
    x = numbers(3, dtype=dtype)
    for target in COMPLEX:
        np.testing.assert_array_equal(run(lambda v: tf.cast(v, target), x), x.astype(target))
    np.testing.assert_array_equal(run(tf.to_double, x), x.real.astype("f8"))
    np.testing.assert_array_equal(run(lambda v: tf.cast(v, tf.bool), np.array([0, 1j, 1]).astype(dtype)), [False, True, True])
    np.testing.assert_array_equal(run(lambda v: tf.cast(v, dtype), np.arange(3, dtype="i4")), np.arange(3).astype(dtype))
    assert tf.to_complex64(1.0).dtype is tf.complex64 and tf.to_complex128(1.0).dtype is tf.complex128


def test_a_graph_with_complex_constants_travels():
    with tf.Graph().as_default() as graph:
        tf.constant([1 + 2j, 3j], name="several"), tf.constant(2 - 1j, tf.complex64, name="one")
        message = graph.as_graph_def()
    with tf.Graph().as_default() as copy, tf.Session() as sess:
        tf.import_graph_def(message, name="")
        assert sess.run("several:0").tolist() == [1 + 2j, 3j] and sess.run("one:0") == np.complex64(2 - 1j)
    assert copy is not graph


def test_variables_hold_complex_numbers():
    v = tf.Variable([1j, 2.0], dtype=tf.complex64)
    with tf.Session() as sess:
        sess.run(v.initializer)
        assert sess.run(v.assign(v * 2.0)).tolist() == [2j, 4]


def parts(y):
    return tf.stack([tf.real(y), tf.imag(y)]) if y.dtype.is_complex else y


def of_parts(function):
    """A function of complex tensors as one of their real and imaginary parts, which differences can check."""
    def real_function(*xs):
        return parts(function(*[tf.complex(re, im) for re, im in zip(xs[::2], xs[1::2])]))
    return real_function


GRADIENTS = {
    "add": (tf.add, [(2, 3), (3,)]), "subtract": (tf.subtract, [(2, 3), ()]), "multiply": (tf.multiply, [(2, 3), (3,)]), "divide": (tf.divide, [(2, 3), (2, 1)]),
    "negative": (tf.negative, [(3,)]), "square": (tf.square, [(3,)]), "sqrt": (tf.sqrt, [(3,)]), "exp": (tf.exp, [(3,)]), "log": (tf.log, [(3,)]),
    "sin": (tf.sin, [(3,)]), "cos": (tf.cos, [(3,)]), "tanh": (tf.tanh, [(3,)]), "sigmoid": (tf.sigmoid, [(3,)]), "reciprocal": (tf.reciprocal, [(3,)]),
    "pow": (tf.pow, [(3,), (3,)]), "conj": (tf.conj, [(3,)]), "real": (tf.real, [(3,)]), "imag": (tf.imag, [(3,)]), "abs": (tf.abs, [(3,)]), "angle": (tf.angle, [(3,)]),
    "sum": (lambda x: tf.reduce_sum(x, 1) ** 2.0, [(2, 3)]), "mean": (lambda x: tf.reduce_mean(x, 1) ** 2.0, [(2, 3)]), "prod": (lambda x: tf.reduce_prod(x, 1), [(2, 3)]),
    "matmul": (tf.matmul, [(2, 3), (3, 2)]), "turned matmul": (lambda a, b: tf.matmul(a, b, True, True), [(3, 2), (2, 3)]),
    "adjoint matmul": (lambda a, b: tf.matmul(a, b, adjoint_a=True, adjoint_b=True), [(3, 2), (2, 3)]), "batches": (tf.matmul, [(2, 2, 3), (2, 3, 2)]),
    "adjoint batches": (lambda a, b: tf.matmul(a, b, adjoint_a=True), [(2, 3, 2), (2, 3, 2)]), "turned batches": (lambda a, b: tf.matmul(a, b, False, True), [(2, 2, 3), (2, 2, 3)]),
    "fft": (lambda x: tf.fft(x) ** 2.0, [(2, 4)]), "ifft": (lambda x: tf.ifft(x) ** 2.0, [(2, 4)]), "fft2d": (lambda x: tf.fft2d(x) ** 2.0, [(3, 4)]),
    "ifft3d": (lambda x: tf.ifft3d(x) ** 2.0, [(2, 3, 2)]), "cast": (lambda x: tf.cast(tf.cast(tf.real(x), tf.complex128) * x, tf.float64), [(3,)]),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients(name):
    function, shapes = GRADIENTS[name]
    with tf.Graph().as_default(), tf.Session():
        for known in (True, False):
            check_gradient(of_parts(function), *[s for shape in shapes for s in (shape, shape)], domain=(0.3, 1.5), known_shapes=known, tolerance=1e-5)


def test_gradients_of_complex_ys_need_a_start():
    x = tf.constant([1j, 2.0])
    with pytest.raises(TypeError, match="Gradients of complex tensors must set grad_ys"):
        tf.gradients(x * x, x)
    with tf.Session() as sess:
        assert sess.run(tf.gradients(x * x, x, grad_ys=tf.ones([2], tf.complex128))[0]).tolist() == [-2j, 4]
        zero = tf.constant([0j, 3 + 4j])
        np.testing.assert_allclose(sess.run(tf.gradients(tf.abs(zero), zero)[0]), [0, .6 + .8j])
