"""top_k: the greatest elements of each row, and where they stand."""
import collections

from ..core.registry import register_op
from ..core.shapes import TensorShape
from .apply import apply_op
from .shape_fns import UNKNOWN, argument, at_least, with_rank

TopKV2 = collections.namedtuple("TopKV2", ["values", "indices"])


@register_op("TopKV2", ["input: T", "k: int32"], ["values: T", "indices: int32"],
             ["sorted: bool = True", "T: {float32, float64, int32, int64, int16, int8, uint8}"])
def top_k_shape(c):
    dims = at_least(c, 0, 1)
    with_rank(c, 1, 0)
    k = c.constant(1)
    if k is not None and k < 0:
        raise ValueError(f"Need k >= 0, got {k}")
    if dims is None:
        return [UNKNOWN, UNKNOWN]
    if None not in (k, dims[-1]) and k > dims[-1]:
        raise ValueError(f"input must have last dimension >= k = {k} but is {dims[-1]} for {argument(c, 0)}")
    shape = TensorShape(dims[:-1] + [None if k is None else int(k)])
    return [shape, shape]


def top_k(input, k=1, sorted=True, name=None):
    """(values, indices): the k greatest elements of each row of the last dimension, and their places (int32) in it.

    In descending order, whatever `sorted` says; of equal elements that with the lower index comes first, and NaN comes last.
    """
    return TopKV2(*apply_op("TopKV2", input, k, sorted=sorted, name=name))
