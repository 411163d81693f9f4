"""One expression in several forms: with constants, with shapes partly known, with nothing known; each must give the same."""
import numpy as np

import minitf as tf


def check(build, expected, *arrays, ranks=True, static=True, close=None):
    """The value of build(*tensors) is `expected` (an array or list of them) however much is known of the shapes of its arguments.

    ranks   it can be built for tensors of unknown rank too
    static  its static shape is complete where the arguments' shapes are
    close   relative tolerance; None: equal bits
    """
    several = isinstance(expected, (list, tuple))
    wanted = [np.asarray(e) for e in (expected if several else [expected])]
    for shapes in ("constant", "known", "partly", "unknown") if ranks else ("constant", "known", "partly"):
        with tf.Graph().as_default(), tf.Session() as sess:
            tensors, feed = [], {}
            for a in arrays:
                a = np.asarray(a)
                if shapes == "constant":
                    tensors.append(tf.constant(a))
                    continue
                shape = {"known": a.shape, "partly": [None] * a.ndim, "unknown": None}[shapes]
                tensors.append(tf.placeholder(a.dtype, shape))
                feed[tensors[-1]] = a
            results = build(*tensors)
            results = list(results) if several else [results]
            assert len(results) == len(wanted)
            for tensor, value, want in zip(results, sess.run(results, feed), wanted):
                assert tensor.get_shape().is_compatible_with(want.shape), (shapes, tensor.get_shape(), want.shape)
                if static and shapes in ("constant", "known"):
                    assert tensor.get_shape().is_fully_defined(), (shapes, tensor)
                assert value.dtype == want.dtype and tensor.dtype.base_dtype == want.dtype, (shapes, value.dtype, want.dtype)
                if close is None:
                    np.testing.assert_array_equal(value, want, err_msg=shapes)
                else:
                    np.testing.assert_allclose(value, want, rtol=close, atol=close, err_msg=shapes)
