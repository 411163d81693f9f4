"""Are the gradients right?  Comparison with finite differences, element by element or along one random direction.

All functions evaluate in the default session, in whose graph the tensors must be.
"""
import numpy as np

from ..graph import convert_to_tensor
from ..ops import array_ops, constant_op, slice_ops
from .gradients import UnconnectedGradients, gradients


def compute_gradient(x, x_shape, y, y_shape, x_init_value=None, delta=1e-3, init_targets=None, extra_feed_dict=None):
    """(theoretical, numerical): the Jacobian dy/dx by gradients() and by central differences, arrays [x's size, y's size].

    x               a tensor, or a list of them (with lists of shapes and initial values); then a list of pairs is returned
    x_init_value    the point; random in [0, 1) if None
    delta           the step of the differences
    init_targets    operations to run first
    extra_feed_dict what else to feed
    """
    for target in init_targets if isinstance(init_targets, (list, tuple)) else [init_targets]:
        if target is not None:
            target.run()
    several = isinstance(x, (list, tuple))
    xs, shapes = (list(x), x_shape) if several else ([x], [x_shape])
    values = x_init_value if several else [x_init_value]
    values = [None] * len(xs) if values is None else values
    points = [np.random.random_sample(shape) if v is None else np.asarray(v) for v, shape in zip(values, shapes)]
    feeds = {**(extra_feed_dict or {}), **{t: p.astype(t.dtype.as_numpy_dtype) for t, p in zip(xs, points)}}
    pairs = [(_jacobian_by_gradients(t, feeds, y, y_shape), _jacobian_by_differences(t, feeds, y, y_shape, delta)) for t in xs]
    return pairs if several else pairs[0]


def compute_gradient_error(x, x_shape, y, y_shape, x_init_value=None, delta=1e-3, init_targets=None, extra_feed_dict=None):
    """The largest difference between the two Jacobians of compute_gradient; 0 if they are empty."""
    pairs = compute_gradient(x, x_shape, y, y_shape, x_init_value, delta, init_targets, extra_feed_dict)
    pairs = pairs if isinstance(pairs, list) else [pairs]
    return max([float(np.abs(t - n).max()) for t, n in pairs if t.size] or [0.0])


def _jacobian_by_gradients(x, feeds, y, y_shape):
    """Column j is dx for a dy that is 1 at element j and 0 elsewhere."""
    dy = constant_op.placeholder(y.dtype.base_dtype, y_shape)
    dx = convert_to_tensor(gradients(y, x, grad_ys=dy, unconnected_gradients=UnconnectedGradients.ZERO)[0])
    unit = np.zeros(y_shape, y.dtype.as_numpy_dtype)
    jacobian = np.zeros((feeds[x].size, unit.size), x.dtype.as_numpy_dtype)
    for j in range(unit.size):
        unit.flat[j] = 1
        jacobian[:, j] = dx.eval({**feeds, dy: unit}).ravel()
        unit.flat[j] = 0
    return jacobian


def _jacobian_by_differences(x, feeds, y, y_shape, delta):
    point = feeds[x].copy()
    jacobian = np.zeros((point.size, int(np.prod(y_shape))), x.dtype.as_numpy_dtype)
    for i in range(point.size):
        here = point.flat[i]
        point.flat[i] = here + delta
        above = y.eval({**feeds, x: point})
        point.flat[i] = here - delta
        below = y.eval({**feeds, x: point})
        point.flat[i] = here
        jacobian[i] = ((above - below) / (2 * delta)).ravel()
    return jacobian


def check_gradient(fn, *shapes, seed=0, order=2, domain=(-1.0, 1.0), points=None, known_shapes=True, delta=1e-6, tolerance=1e-6,
                   extra_feed_dict=None):
    """Compare gradients of fn with central differences by inner products, up to derivatives of the given order, in float64.

    For a random direction v and a random weight w per output element, <v, gradient of sum(w y)> must be
    (sum(w y(x + delta v)) - sum(w y(x - delta v))) / (2 delta): two evaluations check all elements at once.

    fn            takes one tensor per shape and returns a tensor
    domain        the inputs are drawn from this interval, unless `points` gives them
    known_shapes  False: build the graph without telling it any shape
    extra_feed_dict  what else to feed
    Returns the largest error, relative to the larger of 1 and the value; AssertionError if it exceeds the tolerance.
    The next order is checked on the gradients, all inputs' in one vector.  (The idea is that of HIPS autograd's check_grads.)
    """
    random = np.random.RandomState(seed)
    points = [random.uniform(*domain, size=shape) for shape in shapes] if points is None else [np.asarray(p, np.float64) for p in points]
    xs = [constant_op.placeholder(np.float64, p.shape if known_shapes else None) for p in points]
    feeds = {**(extra_feed_dict or {}), **dict(zip(xs, points))}
    y, worst = convert_to_tensor(fn(*xs)), 0.0
    for n in range(1, order + 1):
        weight = random.uniform(-1, 1, size=y.eval(feeds).shape)
        direction = [random.uniform(-1, 1, size=p.shape) for p in points]
        grads = gradients(y, xs, grad_ys=constant_op.constant(weight), unconnected_gradients=UnconnectedGradients.ZERO)
        grads = [convert_to_tensor(g) for g in grads]
        by_rule = 0.0
        for x, g, v in zip(xs, grads, direction):
            value = g.eval(feeds)
            if value.shape != v.shape:
                raise AssertionError(f"derivative {n}: the gradient has shape {value.shape}, the input {v.shape}")
            by_rule += np.vdot(value, v)
        above, below = (y.eval({**feeds, **{x: p + step * v for x, p, v in zip(xs, points, direction)}}) for step in (delta, -delta))
        by_difference = np.vdot(weight, (above - below) / (2 * delta))
        error = abs(by_rule - by_difference) / max(1.0, abs(by_difference))
        if not error <= tolerance:
            raise AssertionError(f"derivative {n}: the rules give {by_rule!r} along a random direction, differences give {by_difference!r}")
        worst = max(worst, error)
        y = slice_ops.concat([array_ops.reshape(g, [-1]) for g in grads], 0)
    return worst
