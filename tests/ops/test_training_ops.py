"""The optimizers' ops: static shapes, and what is refused while the graph is built."""
import pytest

import minitf as tf
from minitf.ops.apply import apply_op
from minitf.ops.training_ops import UPDATES


def inputs(name, shape, grad_shape, indices_shape=None):
    """Inputs of an op of UPDATES whose variable and slots have one shape."""
    slots, others, _ = UPDATES[name]
    values = [tf.Variable(tf.placeholder(tf.float32, shape), validate_shape=False) for _ in range(1 + len(slots))]
    for other in others.split():
        if other in ("grad", "delta"):
            values.append(tf.placeholder(tf.float32, grad_shape))
            if indices_shape is not None:
                values.append(tf.placeholder(tf.int64, indices_shape))
        else:
            values.append(tf.placeholder(tf.int64 if other == "global_step" else tf.float32, []))
    return values


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default():
        yield


@pytest.mark.parametrize("name", UPDATES)
def test_static_shapes(name):
    assert apply_op(name, *inputs(name, [3, 2], [None, 2])).get_shape() == [3, 2]
    assert apply_op(name, *inputs(name, None, [3, 2])).get_shape() == [3, 2]
    for shape, grad, indices in (([3, 2], [4, 2], [4]), ([3, None], [None, 2], [4]), ([3, 2], None, None), ([3], [4], [None])):
        assert apply_op("Sparse" + name, *inputs(name, shape, grad, indices or [None])).get_shape().as_list() == shape
    assert apply_op("Sparse" + name, *inputs(name, None, [2, 2], [2])).get_shape().ndims is None


@pytest.mark.parametrize("name", UPDATES)
def test_refusals(name):
    with pytest.raises(ValueError, match="Dimensions must be equal, but are 3 and 2"):
        apply_op(name, *inputs(name, [3, 2], [2, 2]))
    for shape, grad, indices, message in (([3, 2], [4, 3], [4], r"The gradient's rows must have the shape of the variable's, got var: \[3,2\], grad: \[4,3\]"),
                                          ([3, 2], [4], [4], "The gradient's rows"), ([], [4], [4], "The gradient's rows"), ([3, 2], [], [4], "The gradient's rows"),
                                          ([3, 2], [4, 2], [5], "Dimensions must be equal, but are 5 and 4"), ([3, 2], [4, 2], [2, 2], "Shape must be rank 1 but is rank 2")):
        with pytest.raises(ValueError, match=message):
            apply_op("Sparse" + name, *inputs(name, shape, grad, indices))
    rates = inputs(name, [3], [3])
    rates[next(i for i in range(1 + len(UPDATES[name][0]), len(rates)) if rates[i].get_shape().ndims == 0)] = tf.placeholder(tf.float32, [1])
    with pytest.raises(ValueError, match="Shape must be rank 0 but is rank 1"):
        apply_op(name, *rates)
