"""Random tensors.  The op holds seeds (see random_seed); its place in the stream is state of the session."""
from ..core.dtypes import as_dtype, float32
from ..core.registry import register_op
from ..graph import Tensor, convert_to_tensor, name_scope
from .apply import apply_op
from .array_ops import int_vector
from .random_seed import get_seed
from .shape_fns import FLOAT, INDEX, sizes, with_rank


def random_shape(c):
    """The shape that the first input denotes."""
    with_rank(c, 0, 1)
    return [sizes(c, 0)]


for _name in ("RandomUniform", "RandomStandardNormal", "TruncatedNormal"):
    register_op(_name, ["shape: T"], ["output: dtype"], [f"T: {INDEX} = int32", f"dtype: {FLOAT} = float32", "seed: int = 0", "seed2: int = 0"],
                is_stateful=True)(random_shape)


@register_op("RandomUniformInt", ["shape: T", "minval: Tout", "maxval: Tout"], ["output: Tout"],
             [f"T: {INDEX} = int32", f"Tout: {INDEX}", "seed: int = 0", "seed2: int = 0"], is_stateful=True)
def random_uniform_int_shape(c):
    with_rank(c, 1, 0)
    with_rank(c, 2, 0)
    low, high = c.constant(1), c.constant(2)
    if low is not None and high is not None and low >= high:
        raise ValueError(f"Need minval < maxval, got {low} >= {high}")
    return random_shape(c)


def _standard(op_type, shape, dtype, seed, name=None):
    seed, seed2 = get_seed(seed)
    return apply_op(op_type, int_vector(shape), dtype=dtype, seed=seed or 0, seed2=seed2 or 0, name=name)


def _normal(op_type, default_name, shape, mean, stddev, dtype, seed, name):
    with name_scope(name, default_name, [shape, mean, stddev]) as name:
        if not isinstance(mean, Tensor) and not isinstance(stddev, Tensor) and (mean, stddev) == (0, 1):
            return _standard(op_type, shape, dtype, seed, name)
        return apply_op("Add", apply_op("Mul", _standard(op_type, shape, dtype, seed), stddev, name="mul"), mean, name=name)


def random_uniform(shape, minval=0, maxval=None, dtype=float32, seed=None, name=None):
    """Uniform numbers in [minval, maxval); maxval is 1 for floats, and must be given for integers."""
    dtype = as_dtype(dtype).base_dtype
    if maxval is None:
        if dtype.is_integer:
            raise ValueError(f"Must specify maxval for integer dtype {dtype.name}")
        maxval = 1
    with name_scope(name, "random_uniform", [shape, minval, maxval]) as name:
        if dtype.is_integer:
            seed, seed2 = get_seed(seed)
            minval, maxval = convert_to_tensor(minval, dtype=dtype, name="min"), convert_to_tensor(maxval, dtype=dtype, name="max")
            return apply_op("RandomUniformInt", int_vector(shape), minval, maxval, seed=seed or 0, seed2=seed2 or 0, name=name)
        if not isinstance(minval, Tensor) and not isinstance(maxval, Tensor) and (minval, maxval) == (0, 1):
            return _standard("RandomUniform", shape, dtype, seed, name)
        minval, maxval = convert_to_tensor(minval, dtype=dtype, name="min"), convert_to_tensor(maxval, dtype=dtype, name="max")
        unit = _standard("RandomUniform", shape, dtype, seed)
        return apply_op("Add", apply_op("Mul", unit, apply_op("Sub", maxval, minval, name="sub"), name="mul"), minval, name=name)


def random_normal(shape, mean=0.0, stddev=1.0, dtype=float32, seed=None, name=None):
    """Normally distributed numbers."""
    return _normal("RandomStandardNormal", "random_normal", shape, mean, stddev, dtype, seed, name)


def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=float32, seed=None, name=None):
    """Normally distributed numbers, drawn again where they are more than two standard deviations from the mean."""
    return _normal("TruncatedNormal", "truncated_normal", shape, mean, stddev, dtype, seed, name)
