"""Random tensors.  The op holds seeds (see random_seed); its place in the stream is state of the session."""
import numpy as np

from ..core.dtypes import as_dtype, float32
from ..core.registry import register_op
from ..core.shapes import TensorShape
from ..graph import Tensor, constant_value, convert_to_tensor, name_scope
from . import array_ops
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


@register_op("RandomShuffle", ["value: T"], ["output: T"], ["T: type", "seed: int = 0", "seed2: int = 0"], is_stateful=True)
def random_shuffle_shape(c):
    return [c.inputs[0]]


@register_op("Multinomial", ["logits: T", "num_samples: int32"], ["output: output_dtype"],
             [f"T: {FLOAT}", "seed: int = 0", "seed2: int = 0", f"output_dtype: {INDEX} = int64"], is_stateful=True)
def multinomial_shape(c):
    rows, _ = with_rank(c, 0, 2)
    with_rank(c, 1, 0)
    n = c.constant(1)
    if n is not None and n < 0:
        raise ValueError(f"num_samples should be nonnegative, got {n}")
    return [TensorShape([rows, None if n is None else int(n)])]


def _shape_and_parameter(c):
    """The shape that the first input denotes, followed by that of the second."""
    return [random_shape(c)[0].concatenate(c.inputs[1])]


register_op("RandomGamma", ["shape: S", "alpha: T"], ["output: T"], [f"S: {INDEX} = int32", f"T: {FLOAT}", "seed: int = 0", "seed2: int = 0"],
            is_stateful=True)(_shape_and_parameter)
register_op("RandomPoisson", ["shape: S", "rate: R"], ["output: dtype"],
            [f"S: {INDEX} = int32", f"R: {FLOAT}", "dtype: {float32, float64, int32, int64} = float32", "seed: int = 0", "seed2: int = 0"],
            is_stateful=True)(_shape_and_parameter)


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


def _seeds(seed):
    seed, seed2 = get_seed(seed)
    return {"seed": seed or 0, "seed2": seed2 or 0}


def random_shuffle(value, seed=None, name=None):
    """The slices of the first dimension in random order, all orders equally likely.  Gradients do not pass."""
    return apply_op("RandomShuffle", value, name=name, **_seeds(seed))


def random_crop(value, size, seed=None, name=None):
    """A block of the given size at a random place in `value`.  An error if value is smaller: ValueError, or InvalidArgumentError in the run.

    >>> tf.random_crop(image, [24, 24, 3])
    """
    with name_scope(name, "random_crop", [value, size]) as name:
        value = convert_to_tensor(value, name="value")
        size = convert_to_tensor(size, dtype="int32", name="size")
        shape = array_ops.shape(value)
        whole, wanted = constant_value(shape), constant_value(size)
        if whole is not None and wanted is not None and (len(whole) != len(wanted) or (whole < wanted).any()):
            raise ValueError(f"Need value.shape >= size, got {whole.tolist()} and {wanted.tolist()}")
        places = apply_op("Add", apply_op("Sub", shape, size), 1)
        offset = apply_op("FloorMod", random_uniform(array_ops.shape(shape), maxval=2 ** 31 - 1, dtype="int32", seed=seed), places)
        return apply_op("Slice", value, offset, size, name=name)


def multinomial(logits, num_samples, seed=None, name=None, output_dtype=None):
    """[batch, num_samples] of int64: for each row of logits, which are log-probabilities but for a constant, classes drawn at random.

    >>> tf.multinomial(tf.log([[10.0, 10.0]]), 5)            # five times 0 or 1
    """
    return apply_op("Multinomial", logits, num_samples, name=name, output_dtype=output_dtype or "int64", **_seeds(seed))


def random_gamma(shape, alpha, beta=None, dtype=float32, seed=None, name=None):
    """Gamma distributed numbers of shape `shape` + alpha.shape: with density proportional to x ** (alpha - 1) * exp(-beta * x).

    alpha, beta: floats of dtype, of shapes that broadcast; beta is 1 if None.  Gradients do not reach alpha.
    """
    with name_scope(name, "random_gamma", [shape, alpha, beta]) as name:
        alpha = convert_to_tensor(alpha, dtype=dtype, name="alpha")
        beta = convert_to_tensor(1.0 if beta is None else beta, dtype=dtype, name="beta")
        alpha = apply_op("Mul", alpha, apply_op("OnesLike", beta))
        sample = apply_op("RandomGamma", convert_to_tensor(int_vector(shape), name="shape"), alpha, **_seeds(seed))
        least = np.finfo(sample.dtype.as_numpy_dtype).tiny          # 0 would make log(x) infinite
        return apply_op("Maximum", apply_op("RealDiv", sample, beta), least, name=name)


def random_poisson(lam, shape, dtype=float32, seed=None, name=None):
    """Poisson distributed numbers of shape `shape` + lam.shape, with means lam.  dtype: float32, float64, int32 or int64."""
    with name_scope(name, "random_poisson", [lam, shape]) as name:
        lam = convert_to_tensor(lam, name="lam")
        return apply_op("RandomPoisson", convert_to_tensor(int_vector(shape), name="shape"), lam, dtype=dtype, name=name, **_seeds(seed))
