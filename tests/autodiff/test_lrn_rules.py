"""The rules of local response normalisation against central differences."""
import pytest

import minitf as tf
from minitf.autodiff import check_gradient


@pytest.mark.parametrize("radius, bias, alpha, beta", [(0, 1, 1, 0.5), (1, 2, 0.5, 0.75), (2, 1, 0.1, 1.5), (9, 1, 1, 0.5)])
@pytest.mark.parametrize("shape", [(2, 2, 1, 5), (1, 1, 1, 1), (0, 2, 2, 3)], ids=str)
@pytest.mark.parametrize("known_shapes", [True, False])
def test_lrn(radius, bias, alpha, beta, shape, known_shapes):
    check_gradient(lambda x: tf.nn.lrn(x, radius, bias, alpha, beta) ** 2.0, shape, known_shapes=known_shapes)


def test_third_derivative():
    check_gradient(lambda x: tf.nn.lrn(x, 1, 1.0, 0.5, 0.75), (1, 2, 1, 4), order=3, delta=1e-5, tolerance=1e-5)
