"""Initializers: objects that make the first value of a variable from its shape and dtype.

    initializer(shape, dtype=None, partition_info=None) -> Tensor

partition_info is passed for a piece of a larger variable (see partitioned_variables.PartitionInfo): those whose scale depends on the shape
take that of the whole.
"""
import math

import numpy as np

from ..core.dtypes import as_dtype, float32
from ..core.registry import register_op
from ..core.swap import swappable
from . import array_ops, random_ops
from .apply import apply_op
from .constant_op import constant
from .shape_fns import unchanged


class Initializer:
    """The base of all initializers; subclasses set self.dtype and define __call__."""

    def __call__(self, shape, dtype=None, partition_info=None):
        raise NotImplementedError

    def get_config(self):
        """The constructor's arguments, as a dict of plain values."""
        return {k: getattr(v, "name", v) for k, v in vars(self).items()}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class Zeros(Initializer):
    """All zeros."""

    def __init__(self, dtype=float32):
        self.dtype = as_dtype(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        return array_ops.zeros(shape, dtype or self.dtype)


class Ones(Initializer):
    """All ones."""

    def __init__(self, dtype=float32):
        self.dtype = as_dtype(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        return array_ops.ones(shape, dtype or self.dtype)


class Constant(Initializer):
    """A given value: a number, or a list or ndarray whose elements fill the shape in row-major order (the last one repeated)."""

    def __init__(self, value=0, dtype=float32, verify_shape=False):
        self.value, self.dtype, self.verify_shape = value, as_dtype(dtype), verify_shape

    def __call__(self, shape, dtype=None, partition_info=None):
        return constant(self.value, dtype=dtype or self.dtype, shape=shape, verify_shape=self.verify_shape)


class RandomUniform(Initializer):
    """Uniform in [minval, maxval)."""

    def __init__(self, minval=0, maxval=None, seed=None, dtype=float32):
        self.minval, self.maxval, self.seed, self.dtype = minval, maxval, seed, as_dtype(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        return random_ops.random_uniform(shape, self.minval, self.maxval, dtype or self.dtype, seed=self.seed)


class RandomNormal(Initializer):
    """Normally distributed."""

    def __init__(self, mean=0.0, stddev=1.0, seed=None, dtype=float32):
        self.mean, self.stddev, self.seed, self.dtype = mean, stddev, seed, _floating(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        return random_ops.random_normal(shape, self.mean, self.stddev, dtype or self.dtype, seed=self.seed)


class TruncatedNormal(Initializer):
    """Normally distributed, but never further than two standard deviations from the mean."""

    def __init__(self, mean=0.0, stddev=1.0, seed=None, dtype=float32):
        self.mean, self.stddev, self.seed, self.dtype = mean, stddev, seed, _floating(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        return random_ops.truncated_normal(shape, self.mean, self.stddev, dtype or self.dtype, seed=self.seed)


class UniformUnitScaling(Initializer):
    """Uniform in ±factor * sqrt(3 / inputs): what goes through the layer keeps its variance (Sussillo and Abbott, 2014)."""

    def __init__(self, factor=1.0, seed=None, dtype=float32):
        self.factor, self.seed, self.dtype = factor, seed, _floating(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        inputs = max(1, math.prod(_whole(shape, partition_info)[:-1]))
        limit = self.factor * math.sqrt(3.0 / inputs)
        return random_ops.random_uniform(shape, -limit, limit, dtype or self.dtype, seed=self.seed)


class VarianceScaling(Initializer):
    """Variance scale / n, where n is the number of a unit's inputs ("fan_in"), outputs ("fan_out"), or their mean ("fan_avg").

    distribution: "truncated_normal" (at two standard deviations; "normal" is an old name of it), "untruncated_normal" or "uniform".
    """
    _INSIDE = 0.87962566103423978         # the deviation of a standard normal variable that is truncated at -2 and 2

    def __init__(self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None, dtype=float32):
        if scale <= 0:
            raise ValueError("`scale` must be positive float.")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(f"Invalid `mode` argument: {mode}")
        distribution = "truncated_normal" if distribution == "normal" else distribution
        if distribution not in ("truncated_normal", "untruncated_normal", "uniform"):
            raise ValueError(f"Invalid `distribution` argument: {distribution}")
        self.scale, self.mode, self.distribution, self.seed, self.dtype = scale, mode, distribution, seed, _floating(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        fan_in, fan_out = fans(_whole(shape, partition_info))
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, n)
        dtype = dtype or self.dtype
        if self.distribution == "truncated_normal":
            return random_ops.truncated_normal(shape, 0.0, math.sqrt(variance) / self._INSIDE, dtype, seed=self.seed)
        if self.distribution == "untruncated_normal":
            return random_ops.random_normal(shape, 0.0, math.sqrt(variance), dtype, seed=self.seed)
        limit = math.sqrt(3.0 * variance)
        return random_ops.random_uniform(shape, -limit, limit, dtype, seed=self.seed)


class GlorotUniform(VarianceScaling):
    """Uniform in ±sqrt(6 / (inputs + outputs)), also called Xavier (Glorot and Bengio, AISTATS 2010); get_variable's default."""

    def __init__(self, seed=None, dtype=float32):
        super().__init__(1.0, "fan_avg", "uniform", seed, dtype)

    def get_config(self):
        return {"seed": self.seed, "dtype": self.dtype.name}


class GlorotNormal(VarianceScaling):
    """Truncated normal with variance 2 / (inputs + outputs)."""

    def __init__(self, seed=None, dtype=float32):
        super().__init__(1.0, "fan_avg", "truncated_normal", seed, dtype)

    def get_config(self):
        return {"seed": self.seed, "dtype": self.dtype.name}


class Orthogonal(Initializer):
    """A matrix with orthonormal rows or columns, whichever are fewer, times gain; of more dimensions, the last one is the columns'.

    The Q factor of a random normal matrix, with the signs that make it uniform (Saxe, McClelland and Ganguli, 2014; Mezzadri, 2007).
    """

    def __init__(self, gain=1.0, seed=None, dtype=float32):
        self.gain, self.seed, self.dtype = gain, seed, _floating(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        if len(shape) < 2:
            raise ValueError("The tensor to initialize must be at least two-dimensional")
        rows, columns = math.prod(int(d) for d in shape[:-1]), int(shape[-1])
        random = random_ops.random_normal([max(rows, columns), min(rows, columns)], dtype=dtype or self.dtype, seed=self.seed)
        q = apply_op("OrthonormalColumns", random)
        if rows < columns:
            q = array_ops.transpose(q)
        return apply_op("Mul", array_ops.reshape(q, [int(d) for d in shape]), self.gain)


class Identity(Initializer):
    """gain on the diagonal of a matrix, 0 elsewhere."""

    def __init__(self, gain=1.0, dtype=float32):
        self.gain, self.dtype = gain, _floating(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        whole = _whole(shape, partition_info)
        if len(whole) != 2:
            raise ValueError("Identity matrix initializer can only be used for 2D matrices.")
        row, column = (0, 0) if partition_info is None else partition_info.var_offset
        eye = np.eye(whole[0], whole[1], dtype=(as_dtype(dtype) if dtype else self.dtype).as_numpy_dtype) * self.gain
        return constant(eye[row:row + shape[0], column:column + shape[1]], dtype or self.dtype)


register_op("OrthonormalColumns", ["input: T"], ["output: T"], ["T: {float32, float64}"])(unchanged)


def _floating(dtype):
    dtype = as_dtype(dtype)
    if not dtype.is_floating:
        raise TypeError(f"Cannot create initializer for non-floating point type {dtype.name}.")
    return dtype


def _whole(shape, partition_info):
    """The shape of the variable that a piece of this shape belongs to."""
    return [int(d) for d in (shape if partition_info is None else partition_info.full_shape)]


@swappable
def fans(shape):
    """(inputs, outputs) of a unit with weights of this shape: [in, out], or for a convolution [..., in, out]."""
    shape = [int(d) for d in shape]
    if len(shape) < 2:
        n = float(np.prod(shape))
        return n, n
    receptive = float(math.prod(shape[:-2]))
    return receptive * shape[-2], receptive * shape[-1]


zeros_initializer = Zeros
ones_initializer = Ones
constant_initializer = Constant
random_uniform_initializer = RandomUniform
random_normal_initializer = RandomNormal
truncated_normal_initializer = TruncatedNormal
uniform_unit_scaling_initializer = UniformUnitScaling
variance_scaling_initializer = VarianceScaling
glorot_uniform_initializer = GlorotUniform
glorot_normal_initializer = GlorotNormal
orthogonal_initializer = Orthogonal


def lecun_normal(seed=None):
    """Truncated normal with variance 1 / inputs (LeCun, Bottou, Orr and Müller, 1998)."""
    return VarianceScaling(1.0, "fan_in", "truncated_normal", seed)


def lecun_uniform(seed=None):
    """Uniform with variance 1 / inputs."""
    return VarianceScaling(1.0, "fan_in", "uniform", seed)


def he_normal(seed=None):
    """Truncated normal with variance 2 / inputs, for layers of relus (He, Zhang, Ren and Sun, 2015)."""
    return VarianceScaling(2.0, "fan_in", "truncated_normal", seed)


def he_uniform(seed=None):
    """Uniform with variance 2 / inputs."""
    return VarianceScaling(2.0, "fan_in", "uniform", seed)
