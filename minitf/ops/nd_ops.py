"""Slices found by several coordinates each: gather_nd takes them, scatter_nd adds them up."""
from ..core.registry import register_op
from ..core.shapes import TensorShape
from .apply import apply_op
from .array_ops import int_vector
from .shape_fns import INDEX, NUMBER, UNKNOWN, argument, at_least, show, sizes, with_rank


def nd_slices(c, array, indices):
    """The shape of the slices of input `array` that the rows of input `indices` point at: indices.shape[:-1] + array.shape[depth:]."""
    shape, places = c.inputs[array], at_least(c, indices, 1)
    if places is None or places[-1] is None or shape.ndims is None:
        return UNKNOWN
    depth = places[-1]
    if depth > shape.ndims:
        raise ValueError(f"The last dimension of {argument(c, indices)} must be at most the rank of {argument(c, array)}")
    return TensorShape(tuple(places[:-1]) + shape.tuple[depth:])


@register_op("GatherNd", ["params: Tparams", "indices: Tindices"], ["output: Tparams"], ["Tparams: type", f"Tindices: {INDEX}"])
def gather_nd_shape(c):
    return [nd_slices(c, 0, 1)]


@register_op("ScatterNd", ["indices: Tindices", "updates: T", "shape: Tindices"], ["output: T"], [f"T: {NUMBER}", f"Tindices: {INDEX}"])
def scatter_nd_shape(c):
    with_rank(c, 2, 1)
    shape, places = sizes(c, 2), at_least(c, 0, 1)
    if places is not None and places[-1] is not None and shape.ndims is not None:
        if places[-1] > shape.ndims:
            raise ValueError(f"The last dimension of {argument(c, 0)} must be at most the rank of the result, whose shape is {show(shape)}")
        expected = TensorShape(tuple(places[:-1]) + shape.tuple[places[-1]:])
        if not expected.is_compatible_with(c.inputs[1]):
            raise ValueError(f"Must have updates.shape = indices.shape[:-1] + shape[indices.shape[-1]:] = {show(expected)}, got {argument(c, 1)}")
    return [shape]


def gather_nd(params, indices, name=None):
    """result[i...] = params[indices[i..., 0], indices[i..., 1], ...]: shape indices.shape[:-1] + params.shape[indices.shape[-1]:].

    indices: int32 or int64; a row that points outside is an InvalidArgumentError at run time.

    >>> tf.gather_nd([[1, 2], [3, 4]], [[0, 0], [1, 1]]), tf.gather_nd([[1, 2], [3, 4]], [[1]])      # [1, 4], [[3, 4]]
    """
    return apply_op("GatherNd", params, indices, name=name)


def scatter_nd(indices, updates, shape, name=None):
    """Zeros of the given shape, to which updates[i...] is added at [indices[i..., 0], indices[i..., 1], ...].

    A place that is named twice gets both.  One outside is an InvalidArgumentError at run time.

    >>> tf.scatter_nd([[4], [1], [4]], [9, 10, 11], [6])         # [0, 10, 0, 0, 20, 0]
    """
    return apply_op("ScatterNd", indices, updates, int_vector(shape), name=name)
