"""Rules of the mathematical ops against central differences, first and second derivatives; each line of a table is a case."""
import numpy as np
import pytest

import minitf as tf
from minitf.autodiff import check_gradient

INSIDE, ABOVE, POSITIVE = (-0.8, 0.8), (1.3, 3.0), (0.4, 2.0)
UNARY = {
    "sin": (tf.sin, (-2, 2)), "cos": (tf.cos, (-2, 2)), "tan": (tf.tan, (-1, 1)), "asin": (tf.asin, INSIDE), "acos": (tf.acos, INSIDE),
    "atan": (tf.atan, (-2, 2)), "sinh": (tf.sinh, (-2, 2)), "cosh": (tf.cosh, (-2, 2)), "asinh": (tf.asinh, (-2, 2)), "acosh": (tf.acosh, ABOVE),
    "atanh": (tf.atanh, INSIDE), "erf": (tf.erf, (-2, 2)), "erfc": (tf.erfc, (-2, 2)), "expm1": (tf.expm1, (-2, 2)), "lgamma": (tf.lgamma, POSITIVE),
    "digamma": (tf.digamma, POSITIVE), "log_sigmoid": (tf.log_sigmoid, (-2, 2)), "polygamma": (lambda x: tf.polygamma(tf.constant(2.0, tf.float64), x), ABOVE),
    "igamma": (lambda x: tf.igamma(tf.constant(1.7, tf.float64), x), POSITIVE), "igammac": (lambda x: tf.igammac(tf.constant(1.7, tf.float64), x), POSITIVE),
    "zeta": (lambda x: tf.zeta(tf.constant(2.5, tf.float64), x), POSITIVE),
    "betainc": (lambda x: tf.betainc(tf.constant(1.2, tf.float64), tf.constant(2.3, tf.float64), x), (0.2, 0.8)),
}


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("shape", [(3, 4), (), (1,), (0,), (2, 0, 3)], ids=str)
def test_unary(name, shape):
    function, domain = UNARY[name]
    for known in (True, False):
        check_gradient(function, shape, domain=domain, known_shapes=known)


BINARY = {"atan2": tf.atan2, "xlogy": tf.math.xlogy, "xdivy": tf.math.xdivy, "div_no_nan": tf.div_no_nan}
BROADCASTS = [((3, 4), (3, 4)), ((3, 4), (4,)), ((), (3, 4)), ((3, 1), (1, 4)), ((0, 3), (3,)), ((2, 0), ())]


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("shapes", BROADCASTS, ids=str)
def test_binary(name, shapes):
    for known in (True, False):
        check_gradient(BINARY[name], *shapes, domain=POSITIVE, known_shapes=known)


def test_parameters_that_broadcast():
    a = tf.constant([[0.7], [1.5]], tf.float64)
    for function in (tf.igamma, tf.igammac, lambda a, x: tf.zeta(a + 1.0, x), lambda a, x: tf.polygamma(tf.constant([[1.0], [2.0]], tf.float64), x)):
        for known in (True, False):
            check_gradient(lambda x: function(a, x), (3,), domain=POSITIVE, known_shapes=known)
    for known in (True, False):
        check_gradient(lambda x: tf.betainc(tf.constant([0.7, 1.5], tf.float64), tf.constant(2.0, tf.float64), x), (), domain=(0.2, 0.8), known_shapes=known)


def test_truncatemod():
    check_gradient(tf.truncatemod, points=[[5.3, -7.1, 2.2], [2.0, 3.0, -1.5]])


def test_zero_where_a_careless_rule_would_be_nan():
    x, y = tf.constant([0.0, 2.0], tf.float64), tf.constant([0.0, 3.0], tf.float64)
    gx, gy = tf.gradients(tf.math.xlogy(x, y), [x, y])
    np.testing.assert_allclose(gx.eval(), [0, np.log(3)])
    np.testing.assert_allclose(gy.eval(), [0, 2 / 3])
    gx, gy = tf.gradients(tf.div_no_nan(y, x), [y, x])
    np.testing.assert_allclose(gx.eval(), [0, 0.5])
    np.testing.assert_allclose(gy.eval(), [0, -0.75])
    assert tf.gradients(tf.rint(x), x) == tf.gradients(tf.round(x), x) == [None]


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("shape, axis", [((5,), 0), ((3, 4), 1), ((3, 4), -2), ((2, 3, 2), 1), ((1, 3), 0), ((0, 3), 0), ((3, 0), 0)])
def test_running_sums_and_products(shape, axis, exclusive, reverse):
    for function in (tf.cumsum, tf.cumprod):
        for known in (True, False):
            check_gradient(lambda x: function(x, axis, exclusive, reverse) ** 2.0, shape, domain=POSITIVE, known_shapes=known)


@pytest.mark.parametrize("exclusive", [False, True])
def test_running_products_with_zeros(exclusive):
    points = [[[2.0, 0.0, 3.0, 4.0, 5.0], [0.0, 0.0, 1.5, 2.0, 0.0], [1.0, 2.0, 3.0, 4.0, 0.0]]]
    for reverse in (False, True):
        check_gradient(lambda x: tf.cumprod(x, 1, exclusive, reverse), points=points)


MATRICES = [((3, 2), (2, 4)), ((5, 3, 2), (5, 2, 4)), ((2, 3, 1, 4), (2, 3, 4, 2)), ((0, 3, 2), (0, 2, 4)), ((2, 3, 0), (2, 0, 4)), ((2, 0, 3), (2, 3, 2))]


@pytest.mark.parametrize("ta", [False, True])
@pytest.mark.parametrize("tb", [False, True])
@pytest.mark.parametrize("a, b", MATRICES, ids=str)
def test_products_of_matrices(a, b, ta, tb):
    a, b = (a[:-2] + a[:-3:-1] if ta else a), (b[:-2] + b[:-3:-1] if tb else b)
    for known in (True, False):
        check_gradient(lambda x, y: tf.matmul(x, y, ta, tb), a, b, known_shapes=known)
        check_gradient(lambda x, y: tf.matmul(x, y, adjoint_a=ta, adjoint_b=tb), a, b, known_shapes=known)


CONTRACTIONS = [
    ("tensordot 1", lambda x, y: tf.tensordot(x, y, 1), (2, 3, 4), (4, 5)), ("tensordot 0", lambda x, y: tf.tensordot(x, y, 0), (2, 3), (4,)),
    ("tensordot pairs", lambda x, y: tf.tensordot(x, y, [[1, 2], [2, 0]]), (2, 3, 4), (4, 5, 3)),
    ("cross", tf.cross, (4, 3), (4, 3)),
    ("einsum", lambda x, y: tf.einsum("bij,bkj->ikb", x, y), (2, 3, 4), (2, 5, 4)), ("einsum sums", lambda x, y: tf.einsum("ij,kl->l", x, y), (2, 3), (4, 5)),
    ("outer", lambda x, y: tf.einsum("i,j->ij", x, y), (2,), (3,)), ("dot", lambda x, y: tf.einsum("i,i->", x, y), (3,), (3,)),
]


@pytest.mark.parametrize("function, a, b", [case[1:] for case in CONTRACTIONS], ids=[case[0] for case in CONTRACTIONS])
def test_contractions(function, a, b):
    check_gradient(function, a, b)


IDS, UNSORTED = [0, 0, 2, 2, 2], [[2, 0], [-1, 2], [0, 2]]
SORTED = {name: getattr(tf, f"segment_{name}") for name in ("sum", "mean", "prod", "min", "max")}
SCATTERED = {name: getattr(tf, f"unsorted_segment_{name}") for name in ("sum", "mean", "prod", "min", "max", "sqrt_n")}


@pytest.mark.parametrize("name", SORTED)
@pytest.mark.parametrize("shape", [(5,), (5, 2), (5, 2, 3), (5, 0)], ids=str)
def test_segments(name, shape):
    for known in (True, False):
        check_gradient(lambda x: SORTED[name](x, IDS) ** 2.0, shape, domain=POSITIVE, known_shapes=known)
    check_gradient(lambda x: SORTED[name](x, np.zeros(0, "i4")), (0, 2))


@pytest.mark.parametrize("name", SCATTERED)
@pytest.mark.parametrize("shape", [(3, 2), (3, 2, 4)], ids=str)
def test_unsorted_segments(name, shape):
    for known in (True, False):
        check_gradient(lambda x: SCATTERED[name](x, UNSORTED, 3)[:] if known else SCATTERED[name](x, UNSORTED, 3), shape, domain=POSITIVE, known_shapes=known)


def test_unsorted_extremes_of_nothing_do_not_move():
    check_gradient(lambda x: tf.gather(tf.unsorted_segment_max(x, [0, 2, 0], 4), [0, 2]), (3, 2))


@pytest.mark.parametrize("name", ["sum", "mean", "sqrt_n"])
def test_sparse_segments(name):
    function = getattr(tf, f"sparse_segment_{name}")
    for known in (True, False):
        for num in (None, 4):
            check_gradient(lambda x: function(x, [3, 0, 0, 1], [0, 0, 2, 2], num_segments=num) ** 2.0, (4, 2), known_shapes=known)


def test_segment_products_with_zeros():
    point = [[2.0, 0.0], [3.0, 0.0], [0.0, 5.0], [4.0, 6.0]]
    check_gradient(lambda x: tf.segment_prod(x, [0, 0, 1, 1]), points=[point], order=1)
    check_gradient(lambda x: tf.unsorted_segment_prod(x, [0, 0, 1, 1], 2), points=[point], order=1)


def test_ties_of_an_extreme_share():
    x = tf.constant([[1.0], [3.0], [3.0], [5.0]])
    for y in (tf.segment_max(x, [0, 0, 0, 1]), tf.unsorted_segment_max(x, [0, 0, 0, 1], 2)):
        np.testing.assert_array_equal(tf.gradients(y, x)[0].eval(), [[0], [.5], [.5], [1]])


def definite(x):
    """A symmetric positive definite matrix for each matrix x."""
    return tf.matmul(x, x, transpose_b=True) + 2.0 * tf.eye(3, dtype=tf.float64)


def upper(x):
    return tf.matrix_band_part(x, 0, -1) + 2.0 * tf.eye(3, dtype=tf.float64)


LINALG = [
    ("diag", lambda x: tf.diag(x) ** 2.0, [(2, 3)]), ("diag_part", tf.diag_part, [(2, 3, 2, 3)]), ("matrix_diag", tf.matrix_diag, [(2, 3)]),
    ("matrix_diag_part", tf.matrix_diag_part, [(2, 3, 4)]), ("matrix_set_diag", lambda x, d: tf.matrix_set_diag(x, d) ** 2.0, [(2, 4, 3), (2, 3)]),
    ("matrix_band_part", lambda x: tf.matrix_band_part(x, 1, 0) ** 2.0, [(2, 4, 3)]), ("trace", lambda x: tf.trace(x) ** 2.0, [(2, 3, 3)]),
    ("matrix_transpose", lambda x: tf.matrix_transpose(x) ** 2.0, [(2, 4, 3)]),
    ("inverse", lambda x: tf.matrix_inverse(definite(x)), [(2, 3, 3)]), ("adjoint inverse", lambda x: tf.matrix_inverse(upper(x), adjoint=True), [(2, 3, 3)]),
    ("determinant", lambda x: tf.matrix_determinant(definite(x)), [(2, 3, 3)]), ("slogdet", lambda x: tf.linalg.slogdet(upper(x))[1], [(2, 3, 3)]),
    ("logdet", lambda x: tf.linalg.logdet(definite(x)), [(2, 3, 3)]), ("cholesky", lambda x: tf.cholesky(definite(x)), [(2, 3, 3)]),
    ("solve", lambda x, b: tf.matrix_solve(upper(x), b), [(2, 3, 3), (2, 3, 2)]),
    ("adjoint solve", lambda x, b: tf.matrix_solve(upper(x), b, adjoint=True), [(2, 3, 3), (2, 3, 2)]),
    ("cholesky_solve", lambda x, b: tf.cholesky_solve(tf.cholesky(definite(x)), b), [(3, 3), (3, 2)]),
    ("eigenvalues", lambda x: tf.self_adjoint_eigvals(definite(x)), [(2, 3, 3)]),
    ("eigenvectors", lambda x: tf.self_adjoint_eig(definite(x))[1] ** 2.0, [(3, 3)]),
    ("eigen", lambda x: tf.self_adjoint_eig(definite(x))[0] * 2.0, [(3, 3)]), ("singular values", lambda x: tf.svd(x, compute_uv=False), [(2, 4, 3)]),
    ("singular vectors", lambda x: tf.concat([v ** 2.0 for v in tf.svd(x)[1:]], -2), [(2, 4, 3)]),
    ("wide singular vectors", lambda x: tf.concat([v ** 2.0 for v in tf.svd(x)[1:]], -2), [(2, 4)]),
    ("qr", lambda x: tf.concat(tf.qr(x), -2) ** 2.0, [(2, 4, 3)]), ("square qr", lambda x: tf.concat(tf.qr(x, True), -2), [(3, 3)]),
    ("least squares", lambda x, b: tf.matrix_solve_ls(x, b, 0.1), [(4, 2), (4, 3)]), ("underdetermined", lambda x, b: tf.matrix_solve_ls(x, b, 0.1), [(2, 4), (2, 3)]),
    ("norm", lambda x: tf.norm(x), [(2, 3)]), ("norm 3", lambda x: tf.norm(x, 3, 1), [(2, 3)]), ("norm 1 of matrices", lambda x: tf.norm(x, 1, [0, 1]), [(2, 3)]),
    ("norm 2 of matrices", lambda x: tf.norm(x, 2, [0, 2]), [(2, 3, 4)]), ("norm inf", lambda x: tf.norm(x, np.inf, 1), [(2, 3)]),
]


@pytest.mark.parametrize("function, shapes", [case[1:] for case in LINALG], ids=[case[0] for case in LINALG])
def test_linear_algebra(function, shapes):
    check_gradient(function, *shapes, tolerance=1e-5)


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("adjoint", [False, True])
def test_triangular_solve(lower, adjoint):
    """With what it does not read filled in: that has no influence."""
    for known in (True, False):
        check_gradient(lambda x, b: tf.matrix_triangular_solve(x + 2.0 * np.eye(3), b, lower, adjoint), (2, 3, 3), (2, 3, 2), known_shapes=known)


def test_factors_without_a_rule():
    wide, tall = tf.ones([2, 3]), tf.ones([3, 2])
    for function, x in ((tf.qr, wide), (lambda x: tf.qr(x, True), tall), (tf.qr, tf.placeholder("float32", [None, 2]))):
        with pytest.raises(LookupError, match="defined for Qr only where"):
            tf.gradients(function(x)[0], x)
    with pytest.raises(LookupError, match="full_matrices=True"):
        tf.gradients(tf.svd(wide, full_matrices=True)[1], wide)
    weights = tf.constant([1.0, 2.0])
    assert tf.gradients(tf.bincount([1, 2], weights), weights) == [None]
