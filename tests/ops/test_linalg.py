"""Products and contractions of tensors, and linear algebra, against NumPy in float64: stacks of matrices, empty ones, what is refused."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minitf as tf

FLOATS = ("float32", "float64")


def numbers(*shape, dtype="float64", seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(dtype)


def run(function, *arrays):
    """The values with known shapes, and the same with unknown ones."""
    with tf.Graph().as_default(), tf.Session() as sess:
        known, unknown = [tf.placeholder(a.dtype, a.shape) for a in arrays], [tf.placeholder(a.dtype) for a in arrays]
        y, z = function(*known), function(*unknown)
        single = isinstance(y, tf.Tensor)
        ys, zs = ([y], [z]) if single else (y, z)
        values, others = sess.run([list(ys), list(zs)], dict(zip(known + unknown, arrays * 2)))
        for y, z, value, other in zip(ys, zs, values, others):
            assert y.get_shape().as_list() == list(np.shape(value)) and z.get_shape().is_compatible_with(np.shape(other))
            assert np.array_equal(value, other) and np.asarray(value).dtype == y.dtype.as_numpy_dtype
        return values[0] if single else values


def close(actual, expected):
    expected, single = np.asarray(expected), np.asarray(actual).dtype == np.float32
    largest = np.abs(expected).max(initial=1)
    np.testing.assert_allclose(actual, expected, rtol=1e-4 if single else 1e-9, atol=largest * (1e-5 if single else 1e-11))


def t(x):
    return np.swapaxes(x, -1, -2)


@pytest.mark.parametrize("dtype", FLOATS + ("int32", "int64"))
@pytest.mark.parametrize("batch", [(), (3,), (2, 3), (0,), (2, 0), (1, 1)], ids=str)
def test_matmul(batch, dtype):
    for m, k, n in ((2, 3, 4), (1, 1, 1), (0, 3, 2), (2, 0, 3), (2, 3, 0), (70, 33, 65), (5, 130, 3)):
        a, b = ((numbers(*batch, *shape, seed=i) * 9).astype(dtype) for i, shape in enumerate(((m, k), (k, n))))
        expected = a.astype("f8") @ b.astype("f8")
        close(run(tf.matmul, a, b), expected)
        close(run(lambda x, y: tf.matmul(x, y, transpose_a=True), t(a).copy(), b), expected)
        close(run(lambda x, y: tf.matmul(x, y, transpose_b=True), a, t(b).copy()), expected)
        close(run(lambda x, y: tf.matmul(x, y, adjoint_a=True, adjoint_b=True), t(a).copy(), t(b).copy()), expected)


def test_matmul_arguments():
    a, b, v = tf.ones([2, 3]), tf.ones([5, 2, 3]), tf.placeholder("float32")
    assert tf.matmul(a, a, transpose_b=True).op.type == "MatMul" and tf.matmul(b, b, transpose_b=True).op.type == "BatchMatMul"
    assert tf.matmul(a, a, a_is_sparse=True, transpose_b=True).op.type == "MatMul" and tf.matmul(v, a, transpose_b=True).op.type == "MatMul"
    assert tf.matmul([[1.0, 2.0]], [[3.0], [4.0]]).get_shape() == [1, 1] and tf.matmul([[1.0, 2.0]], tf.ones([2, 1], tf.float64)).dtype is tf.float64
    assert tf.matmul(a, [[1.0], [2.0], [3.0]], name="product").op.name == "product" and (b @ tf.ones([5, 3, 1])).op.name == "matmul"
    with pytest.raises(ValueError, match="Only one of transpose_a and adjoint_a can be True."):
        tf.matmul(a, a, transpose_a=True, adjoint_a=True)
    with pytest.raises(ValueError, match="Only one of transpose_b"):
        tf.matmul(a, a, transpose_b=True, adjoint_b=True)
    with pytest.raises(ValueError, match="rank 2 but is rank 3"):
        tf.matmul(b, a)
    with pytest.raises(ValueError, match="equal rank"):
        tf.matmul(b, tf.ones([1, 5, 3, 2]))
    with pytest.raises(ValueError, match="Dimensions must be equal, but are 5 and 4"):
        tf.matmul(b, tf.ones([4, 3, 2]))
    with pytest.raises(ValueError, match="Dimensions must be equal, but are 3 and 2"):
        tf.matmul(b, tf.ones([5, 2, 3]))


TENSORDOTS = [((2, 3), (3, 4), 1), ((2, 3, 4), (3, 4, 5), 2), ((2, 3), (4,), 0), ((2, 3, 4), (4, 5, 3), [[1, 2], [2, 0]]), ((3, 2), (3, 4), [0, 0]),
              ((2, 3, 4), (4, 5, 3), [[-1], [0]]), ((0, 3), (3, 2), 1), ((2, 0), (0, 2), 1), ((3,), (3,), 1)]


@pytest.mark.parametrize("a, b, axes", TENSORDOTS, ids=str)
def test_tensordot(a, b, axes):
    x, y = numbers(*a), numbers(*b, seed=1)
    with tf.Session() as sess:
        known = tf.tensordot(x, y, axes)
        expected = np.tensordot(x, y, axes)
        assert known.get_shape() == expected.shape
        close(sess.run(known), expected)
        p, q = tf.placeholder("float64", [None] * len(a)), tf.placeholder("float64", [None] * len(b))
        close(sess.run(tf.tensordot(p, q, axes), {p: x, q: y}), expected)


@pytest.mark.parametrize("axes, message", [(3, "must not be larger"), (-1, "at least 0"), ([[0], [0, 1]], "Different number"), ([[0]], "length 2"),
                                           ([[2], [0]], "range")])
def test_tensordot_errors(axes, message):
    with pytest.raises(ValueError, match=message):
        tf.tensordot(tf.ones([2, 2]), tf.ones([2, 2]), axes)


EQUATIONS = ["ij,jk->ik", "ij,jk", "i,j->ij", "i,i->", "ij->ji", "ij->", "ij->j", "bij,bjk->bik", "bij,bkj->kbi", "abc,cd,de->abe", "ij,ij,ij->ij", "ijk,j->ik",
             "i,ij,j->", "ij,kl->jl", "ab,ab->ba", "ij , jk -> ik", "abcd,dbe->aec"]


@pytest.mark.parametrize("equation", EQUATIONS)
def test_einsum(equation):
    terms = equation.replace(" ", "").partition("->")[0].split(",")
    arrays = [numbers(*[2 + ord(c) % 5 for c in term], seed=i) for i, term in enumerate(terms)]
    expected = np.einsum(equation, *arrays)
    with tf.Session() as sess:
        known = tf.einsum(equation, *arrays)
        assert known.get_shape() == expected.shape
        close(sess.run(known), expected)
        fed = [tf.placeholder("float64", [None] * a.ndim) for a in arrays]
        close(sess.run(tf.einsum(equation, *fed), dict(zip(fed, arrays))), expected)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_einsum_of_any_two(data):
    sizes = {label: data.draw(st.integers(0, 3)) for label in "abcd"}
    terms = [data.draw(st.lists(st.sampled_from("abcd"), unique=True, max_size=4)) for _ in range(2)]
    output = data.draw(st.lists(st.sampled_from(sorted(set(terms[0] + terms[1])) or [""]), unique=True))
    equation = f"{''.join(terms[0])},{''.join(terms[1])}->{''.join(output)}"
    arrays = [numbers(*[sizes[label] for label in term]) for term in terms]
    with tf.Graph().as_default(), tf.Session() as sess:
        close(sess.run(tf.einsum(equation, *arrays)), np.einsum(equation, *arrays))


@pytest.mark.parametrize("equation, n, message", [("ij,jk->ik", 1, "Got 1 arguments"), ("ii->i", 1, "more than once"), ("...i->i", 1, "not supported"),
                                                  ("ij->k", 1, "no operand"), ("i1->i", 1, "incorrect format"), ("ijk->i", 1, "names 3 axes"),
                                                  ("ij,ik->jk", 2, None), ("ij,ji->i", 2, "sizes 3 and 2")])
def test_einsum_errors(equation, n, message):
    arrays = [tf.ones([2, 3])] * n
    if message is None:
        assert tf.einsum(equation, *arrays).get_shape() == [3, 3]
        return
    with pytest.raises(ValueError, match=message):
        tf.einsum(equation, *arrays)
    with pytest.raises(TypeError, match="invalid keyword"):
        tf.einsum("ij->ji", arrays[0], optimize=True)


def test_cross():
    a, b = numbers(4, 2, 3), numbers(4, 2, 3, seed=1)
    close(run(tf.cross, a, b), np.cross(a, b))
    assert run(tf.cross, np.array([1, 0, 0], "i4"), np.array([0, 1, 0], "i4")).tolist() == [0, 0, 1]
    with pytest.raises(ValueError, match="3-element vectors"):
        tf.cross(tf.ones([2]), tf.ones([2]))


TYPES = FLOATS + ("int32", "int64", "int8", "int16", "uint8", "bool")


@pytest.mark.parametrize("dtype", TYPES)
def test_diagonals_and_bands(dtype):
    for batch in ((), (2,), (2, 3), (0,)):
        d, x, wide = (np.asarray(numbers(*batch, *shape) * 9).astype(dtype) for shape in ((3,), (3, 3), (2, 4)))
        square = np.zeros(batch + (3, 3), dtype)
        square[..., range(3), range(3)] = d
        close_exact = np.testing.assert_array_equal
        close_exact(run(tf.matrix_diag, d), square)
        close_exact(run(tf.matrix_diag_part, x), np.diagonal(x, axis1=-2, axis2=-1))
        close_exact(run(tf.matrix_diag_part, wide), np.diagonal(wide, axis1=-2, axis2=-1))
        replaced = x.copy()
        replaced[..., range(3), range(3)] = d
        close_exact(run(tf.matrix_set_diag, x, d), replaced)
        close_exact(run(tf.matrix_transpose, wide), t(wide))
        for lower, upper in ((0, 0), (-1, 0), (0, -1), (1, 2), (-1, -1), (5, 0)):
            band = np.tril(np.triu(wide, -lower if lower >= 0 else -9), upper if upper >= 0 else 9)
            close_exact(run(lambda v: tf.matrix_band_part(v, lower, upper), wide), band)
        if dtype != "bool":
            close_exact(run(tf.trace, x), np.trace(x, axis1=-2, axis2=-1).astype(dtype))
    d = (numbers(2, 3) * 9).astype(dtype)
    whole = run(tf.diag, d)
    assert whole.shape == (2, 3, 2, 3) and all(whole[i, j, i, j] == d[i, j] for i in range(2) for j in range(3))
    assert np.count_nonzero(whole) == np.count_nonzero(d)
    np.testing.assert_array_equal(run(tf.diag_part, whole), d)


def test_eye():
    with tf.Session() as sess:
        for arguments, expected in (((3,), np.eye(3)), ((2, 4), np.eye(2, 4)), ((4, 2), np.eye(4, 2)), ((0,), np.eye(0))):
            assert tf.eye(*arguments).get_shape() == expected.shape
            np.testing.assert_array_equal(sess.run(tf.eye(*arguments)), expected)
        assert sess.run(tf.eye(2, 3, batch_shape=[5, 1])).shape == (5, 1, 2, 3) and tf.eye(2, dtype=tf.int32).dtype is tf.int32
        rows, batch = tf.placeholder("int32", []), tf.placeholder("int32", [1])
        np.testing.assert_array_equal(sess.run(tf.eye(rows, rows + 1, batch_shape=batch), {rows: 2, batch: [3]}), [np.eye(2, 3)] * 3)


def test_shapes_that_do_not_fit():
    for build, message in ((lambda: tf.diag_part(tf.ones([2, 3])), "must be equal"), (lambda: tf.diag_part(tf.ones([2, 3, 2])), "even and non-zero rank"),
                           (lambda: tf.matrix_diag(1.0), "at least rank 1"), (lambda: tf.matrix_set_diag(tf.ones([3, 3]), [1.0, 2.0]), "3 and 2"),
                           (lambda: tf.matrix_inverse(tf.ones([2, 3])), "2 and 3"), (lambda: tf.cholesky(tf.ones([3])), "at least rank 2"),
                           (lambda: tf.matrix_solve(tf.eye(2), tf.ones([3, 1])), "2 and 3"), (lambda: tf.matrix_transpose(tf.ones([3])), "rank >= 2"),
                           (lambda: tf.matrix_solve(tf.eye(2, batch_shape=[2]), tf.ones([2, 1])), "equal rank"),
                           (lambda: tf.matrix_set_diag(tf.ones([2, 3, 3]), tf.ones([3])), "one dimension less")):
        with pytest.raises(ValueError, match=message):
            build()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("batch", [(), (2,), (2, 3), (0,)], ids=str)
def test_solutions_and_factors(batch, dtype):
    x = numbers(*batch, 4, 4, dtype=dtype) + 3 * np.eye(4, dtype=dtype)
    rhs = numbers(*batch, 4, 2, dtype=dtype, seed=1)
    spd = (x @ t(x) + np.eye(4)).astype(dtype)
    wide, lower, upper = x.astype("f8"), np.tril(x).astype("f8"), np.triu(x).astype("f8")
    close(run(tf.matrix_inverse, x), np.linalg.inv(wide))
    close(run(lambda v: tf.matrix_inverse(v, adjoint=True), x), t(np.linalg.inv(wide)))
    close(run(tf.matrix_determinant, x), np.linalg.det(wide))
    for actual, expected in zip(run(tf.linalg.slogdet, x), np.linalg.slogdet(wide)):
        close(actual, expected)
    close(run(tf.linalg.logdet, spd), np.linalg.slogdet(spd.astype("f8"))[1])
    close(run(tf.matrix_solve, x, rhs), np.linalg.solve(wide, rhs.astype("f8")))
    close(run(lambda a, b: tf.matrix_solve(a, b, adjoint=True), x, rhs), np.linalg.solve(t(wide), rhs.astype("f8")))
    close(run(tf.matrix_triangular_solve, x, rhs), np.linalg.solve(lower, rhs.astype("f8")))
    close(run(lambda a, b: tf.matrix_triangular_solve(a, b, lower=False), x, rhs), np.linalg.solve(upper, rhs.astype("f8")))
    close(run(lambda a, b: tf.matrix_triangular_solve(a, b, adjoint=True), x, rhs), np.linalg.solve(t(lower), rhs.astype("f8")))
    close(run(tf.cholesky, spd), np.linalg.cholesky(spd.astype("f8")))
    close(run(lambda a, b: tf.cholesky_solve(tf.cholesky(a), b), spd, rhs), np.linalg.solve(spd.astype("f8"), rhs.astype("f8")))
    e, v = run(tf.self_adjoint_eig, spd)
    close(e, np.linalg.eigvalsh(spd.astype("f8")))
    close(v @ (e[..., None] * t(v)), spd)
    close(run(tf.self_adjoint_eigvals, spd), e)


@pytest.mark.parametrize("m, n", [(4, 3), (3, 4), (3, 3), (1, 3), (3, 0)])
@pytest.mark.parametrize("full", [False, True])
def test_svd_and_qr(m, n, full):
    for batch in ((), (2,)):
        x = numbers(*batch, m, n)
        s, u, v = run(lambda a: tf.svd(a, full), x)
        k = min(m, n)
        assert u.shape == batch + (m, m if full else k) and v.shape == batch + (n, n if full else k)
        close((u[..., :k] * s[..., None, :]) @ t(v[..., :k]), x)
        close(run(lambda a: tf.svd(a, compute_uv=False), x), s)
        q, r = run(lambda a: tf.qr(a, full), x)
        close(q @ r, x)
        close(t(q) @ q, np.broadcast_to(np.eye(q.shape[-1]), batch + (q.shape[-1],) * 2))


@pytest.mark.parametrize("regularizer", [0.0, 0.3])
def test_least_squares(regularizer):
    for m, n in ((5, 3), (3, 5), (3, 3)):
        x, b = numbers(2, m, n), numbers(2, m, 2, seed=1)
        with tf.Session() as sess:
            actual = sess.run(tf.matrix_solve_ls(x, b, regularizer))
        for i in range(2):
            close(actual[i], np.linalg.pinv(x[i]) @ b[i] if not regularizer else np.linalg.solve(x[i].T @ x[i] + regularizer * np.eye(n), x[i].T @ b[i]))


def test_matrices_that_have_no_solution():
    singular, p = np.array([[1.0, 2.0], [2.0, 4.0]]), tf.placeholder("float64", [2, 2])
    with tf.Session() as sess:
        for y, message in ((tf.matrix_inverse(p), "Input is not invertible."), (tf.matrix_solve(p, tf.ones([2, 1], tf.float64)), "not invertible"),
                           (tf.cholesky(p - 5.0), "Cholesky decomposition was not successful"),
                           (tf.matrix_triangular_solve(p - 1.0, tf.ones([2, 1], tf.float64)), "not invertible")):
            with pytest.raises(tf.errors.InvalidArgumentError, match=message):
                sess.run(y, {p: singular})


@pytest.mark.parametrize("axis, orders", [(None, ["euclidean", 1, 2, 3.5, np.inf]), (1, ["euclidean", 1, 2, 3.5, np.inf]), (-1, [1]),
                                          ((0, 2), ["euclidean", "fro", 1, 2, np.inf]), ((2, 1), ["fro", 1, 2, np.inf]), ([0], [2])])
def test_norms(axis, orders):
    x = numbers(3, 4, 2)
    for order in orders:
        wanted = {"euclidean": "fro" if isinstance(axis, tuple) else None}.get(order, order)
        flat = x.ravel() if axis is None else x
        for keep in (False, True):
            expected = np.linalg.norm(flat, wanted, axis=axis[0] if isinstance(axis, list) else axis, keepdims=keep)
            with tf.Session() as sess:
                actual = sess.run(tf.norm(x, order, axis, keepdims=keep))
            close(actual, expected.reshape(1, 1, 1) if axis is None and keep else expected)


@pytest.mark.parametrize("order, axis", [("fro", 1), (3, (0, 1)), (-1, 0), ("other", None), (2, (0, 0)), (2, (0, 1, 2))])
def test_norms_that_are_refused(order, axis):
    with pytest.raises(ValueError, match="'ord' must be|'axis' must be"):
        tf.norm(tf.ones([2, 2, 2]), order, axis)


def test_namespaces():
    assert tf.linalg.inv is tf.matrix_inverse and tf.linalg.eigh is tf.self_adjoint_eig and tf.linalg.diag is tf.matrix_diag
    assert tf.math.sin is tf.sin and tf.math.segment_sum is tf.segment_sum
    for module in (tf.linalg, tf.math):
        with pytest.raises(AttributeError, match="nothing_of_this_name"):
            module.nothing_of_this_name
