"""tf.math: the mathematical functions once more, and those that TensorFlow 1.x has only here."""
from .core.nearest import no_attribute as _no_attribute
from .ops.check_ops import is_non_decreasing, is_strictly_increasing
from .ops.complex_ops import angle, conj, imag, real
from .ops.counting_ops import bincount, confusion_matrix, count_nonzero
from .ops.cumulative_ops import cumprod, cumsum
from .ops.logical_ops import (equal, greater, greater_equal, less, less_equal, logical_and, logical_not, logical_or, logical_xor, not_equal)
from .ops.math_ops import (abs, accumulate_n, add, add_n, ceil, divide, exp, floor, floordiv, floormod, is_finite, is_nan, log, log1p, maximum,
                           minimum, mod, multiply, negative, pow, reciprocal, rsqrt, scalar_mul, sigmoid, sign, sqrt, square, squared_difference,
                           subtract, tanh, truediv)
from .ops.nn_ops import in_top_k, l2_normalize, log_softmax, softmax, softplus, zero_fraction
from .ops.reduction_ops import (argmax, argmin, reduce_all, reduce_any, reduce_logsumexp, reduce_max, reduce_mean, reduce_min, reduce_prod,
                                reduce_sum)
from .ops.rounding_ops import is_inf, rint, round
from .ops.segment_ops import (segment_max, segment_mean, segment_min, segment_prod, segment_sum, unsorted_segment_max, unsorted_segment_mean,
                              unsorted_segment_min, unsorted_segment_prod, unsorted_segment_sqrt_n, unsorted_segment_sum)
from .ops.sequence_ops import invert_permutation
from .ops.special_ops import (betainc, digamma, erf, erfc, expm1, igamma, igammac, lbeta, lgamma, log_sigmoid, polygamma, xdivy, xlogy, zeta)
from .ops.special_ops import div_no_nan as divide_no_nan
from .ops.top_k_ops import top_k
from .ops.trig_ops import acos, acosh, asin, asinh, atan, atan2, atanh, cos, cosh, sin, sinh, tan


def __getattr__(name):
    raise _no_attribute(__name__, name, globals())
