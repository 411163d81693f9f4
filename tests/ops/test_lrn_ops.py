"""Local response normalisation as an op: values whatever is known of the shape, and what bad arguments are told."""
import numpy as np
import pytest

import minitf as tf

from .forms import check


def test_values():
    x = np.random.default_rng(0).standard_normal((2, 3, 1, 6))
    near = (abs(np.arange(6)[:, None] - np.arange(6)) <= 2).astype(float)
    check(lambda x: tf.nn.lrn(x, 2, 1.5, 0.3, 0.75), x / (1.5 + 0.3 * (x * x) @ near) ** 0.75, x, close=1e-12)
    check(lambda x: tf.nn.local_response_normalization(x), x / np.sqrt(1 + (x * x) @ np.ones((6, 6))), x, close=1e-12)
    assert tf.nn.lrn is tf.nn.local_response_normalization


def test_what_bad_arguments_are_told():
    with pytest.raises(ValueError, match="Shape must be rank 4 but is rank 3"):
        tf.nn.lrn(tf.ones([2, 3, 4]))
    with pytest.raises(ValueError, match="'depth_radius' of op type LRN must be at least 0, got -1"):
        tf.nn.lrn(tf.ones([1, 2, 3, 4]), -1)
    with pytest.raises(TypeError, match="not in the list of allowed values"):
        tf.nn.lrn(tf.ones([1, 2, 3, 4], tf.int32))
    assert tf.nn.lrn(tf.placeholder(tf.float32)).shape.as_list() == [None] * 4
