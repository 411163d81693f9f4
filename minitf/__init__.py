"""minitf: TensorFlow's graph mode, rebuilt to be read.

    import minitf as tf

gives the names of TensorFlow 1.x.  What is public is listed here; any other name is an AttributeError that tells the nearest ones.
"""
try:
    from .core import buffers as _compiled
except ImportError as error:
    raise ImportError("minitf's compiled modules are missing, or were compiled for another Python: run `make` in its folder. "
                      "`make doctor` there says what else is missing.") from error
from .core import errors
from .core.config import ConfigProto, GPUOptions, GraphOptions, OptimizerOptions, RunMetadata, RunOptions
from .core.devices import DeviceSpec
from .core.dtypes import DType, as_dtype, bool, complex64, complex128, double, float32, float64, int8, int16, int32, int64, string, uint8
from .core.errors import OpError
from .core.nearest import no_attribute as _no_attribute
from .core.protos import CLASSES as _PROTOS, proto as _proto
from .core.shapes import Dimension, TensorShape, dimension_value
from .core.swap import ACTIVE as _swap
from .graph import (Graph, GraphKeys, Operation, Tensor, add_to_collection, add_to_collections, colocate_with, container, control_dependencies,
                    convert_to_tensor, device, get_collection, get_collection_ref, get_default_graph, graph_util, import_graph_def,
                    name_scope, register_tensor_conversion_function, reset_default_graph)
from .graph.tensor_proto import make_ndarray
from .ops import operators, variable_parts
from .ops.accumulator_ops import ConditionalAccumulator, ConditionalAccumulatorBase, SparseConditionalAccumulator
from .ops.array_ops import (broadcast_static_shape, broadcast_to, expand_dims, fill, identity, ones, ones_like, rank, reshape, shape, size,
                            squeeze, stop_gradient, transpose, zeros, zeros_like)
from .ops.blocks_ops import batch_to_space, batch_to_space_nd, depth_to_space, space_to_batch, space_to_batch_nd, space_to_depth
from .ops.check_ops import (add_check_numerics_ops, assert_equal, assert_greater, assert_greater_equal, assert_integer, assert_less, assert_less_equal,
                            assert_negative, assert_non_negative, assert_non_positive, assert_none_equal, assert_positive, assert_rank,
                            assert_rank_at_least, assert_rank_in, assert_type, check_numerics, is_non_decreasing, is_numeric_tensor,
                            is_strictly_increasing, verify_tensor_all_finite)
from .ops.clip_ops import clip_by_average_norm, clip_by_global_norm, clip_by_norm, clip_by_value, global_norm
from .ops.complex_ops import angle, complex, conj, fft, fft2d, fft3d, ifft, ifft2d, ifft3d, imag, real
from .ops.conditions import case, cond
from .ops.constant_op import constant, make_tensor_proto, placeholder, placeholder_with_default
from .ops.contraction_ops import einsum, tensordot
from .ops.control_ops import group, no_op, tuple
from .ops.counting_ops import bincount, confusion_matrix, count_nonzero, histogram_fixed_width, histogram_fixed_width_bins
from .ops.cumulative_ops import cumprod, cumsum
from .ops.data_flow_ops import FIFOQueue, PaddingFIFOQueue, PriorityQueue, QueueBase, RandomShuffleQueue
from .ops.gather_ops import boolean_mask, gather
from .ops.grid_ops import bitcast, broadcast_dynamic_shape, identity_n, meshgrid, sequence_mask, shape_n
from .ops.indexed_slices import IndexedSlices, IndexedSlicesValue, convert_to_tensor_or_indexed_slices
from .ops.init_ops import (constant_initializer, glorot_normal_initializer, glorot_uniform_initializer, ones_initializer,
                           orthogonal_initializer, random_normal_initializer, random_uniform_initializer, truncated_normal_initializer,
                           uniform_unit_scaling_initializer, variance_scaling_initializer, zeros_initializer)
from .ops.io_ops import matching_files
from .ops.linalg_ops import (cholesky, cholesky_solve, matrix_determinant, matrix_inverse, matrix_solve, matrix_solve_ls,
                             matrix_triangular_solve, norm, qr, self_adjoint_eig, self_adjoint_eigvals, svd)
from .ops.logical_ops import (equal, greater, greater_equal, less, less_equal, logical_and, logical_not, logical_or, logical_xor, not_equal,
                              where)
from .ops.logging_ops import Assert, Print
from .ops.loops import while_loop
from .ops.math_ops import (abs, accumulate_n, add, add_n, cast, ceil, div, divide, exp, floor, floor_div, floordiv, floormod,
                           is_finite, is_nan, log, log1p, maximum, minimum, mod, multiply, negative, pow, realdiv, reciprocal, rsqrt,
                           saturate_cast, scalar_mul, sigmoid, sign, sqrt, square, squared_difference, subtract, tanh, to_complex64,
                           to_complex128, to_double, to_float, to_int32, to_int64, truediv)
from .ops.matmul_ops import cross, matmul, sparse_matmul
from .ops.matrix_ops import (diag, diag_part, eye, matrix_band_part, matrix_diag, matrix_diag_part, matrix_set_diag, matrix_transpose,
                             trace)
from .ops.nd_ops import gather_nd, scatter_nd
from .ops.pad_ops import pad
from .ops.partitioned_variables import (PartitionedVariable, fixed_size_partitioner, min_max_variable_partitioner,
                                        variable_axis_size_partitioner)
from .ops.parts_ops import dynamic_partition, dynamic_stitch, listdiff, setdiff1d, unique_with_counts
from .ops.random_ops import (multinomial, random_crop, random_gamma, random_normal, random_poisson, random_shuffle, random_uniform,
                             truncated_normal)
from .ops.random_seed import get_seed, set_random_seed
from .ops.reduction_ops import (arg_max, arg_min, argmax, argmin, reduce_all, reduce_any, reduce_logsumexp, reduce_max, reduce_mean,
                                reduce_min, reduce_prod, reduce_sum)
from .ops.reverse_ops import reverse, reverse_sequence, reverse_v2
from .ops.rounding_ops import is_inf, rint, round, truncatediv, truncatemod
from .ops.script_ops import py_func
from .ops.segment_ops import (segment_max, segment_mean, segment_min, segment_prod, segment_sum, sparse_segment_mean, sparse_segment_sqrt_n,
                              sparse_segment_sum, unsorted_segment_max, unsorted_segment_mean, unsorted_segment_min, unsorted_segment_prod,
                              unsorted_segment_sqrt_n, unsorted_segment_sum)
from .ops.sequence_ops import invert_permutation, lin_space, linspace, one_hot, range, unique
from .ops.slice_ops import concat, parallel_stack, slice, split, stack, tile, unstack
from .ops.sparse_ops import (sparse_add, sparse_concat, sparse_reduce_sum, sparse_reorder, sparse_reshape, sparse_retain, sparse_slice,
                             sparse_split, sparse_tensor_dense_matmul, sparse_tensor_to_dense, sparse_to_dense, sparse_transpose)
from .ops.sparse_tensor import SparseTensor, SparseTensorValue, sparse_placeholder
from .ops.special_ops import betainc, digamma, div_no_nan, erf, erfc, expm1, igamma, igammac, lbeta, lgamma, log_sigmoid, polygamma, zeta
from .ops.state_ops import (assign, assign_add, assign_sub, count_up_to, scatter_add, scatter_div, scatter_max, scatter_min, scatter_mul,
                            scatter_nd_add, scatter_nd_sub, scatter_nd_update, scatter_sub, scatter_update)
from .ops.strided_slice_ops import strided_slice
from .ops.string_ops import (as_string, decode_csv, decode_raw, reduce_join, string_join, string_split, string_to_hash_bucket,
                             string_to_hash_bucket_fast, string_to_number, substr)
from .ops.trig_ops import acos, acosh, asin, asinh, atan, atan2, atanh, cos, cosh, sin, sinh, tan
from .ops.variable_scope import (AUTO_REUSE, VariableScope, create_partitioned_variables, get_local_variable, get_variable,
                                 get_variable_scope, no_regularizer, op_scope, variable_op_scope, variable_scope)
from .ops.variables import (Variable, all_variables, assert_variables_initialized, global_variables, global_variables_initializer,
                            initialize_all_variables, initialize_local_variables, initialize_variables, is_variable_initialized,
                            local_variables, local_variables_initializer, model_variables, moving_average_variables,
                            report_uninitialized_variables, trainable_variables, variables_initializer)
from .autodiff import (AggregationMethod, NoGradient, NotDifferentiable, RegisterGradient, UnconnectedGradients, explain_gradient, gradients,
                       hessians)
from .session import InteractiveSession, Session, get_default_session
from .platform import app, compat, flags, gfile, python_io
from .platform import tf_logging as logging
from . import image, initializers, layers, linalg, losses, math, nn, placement, summary, test, timeline, train

__version__ = "0.1.0"
newaxis = None


def __getattr__(name):
    if name in _PROTOS:
        return _proto(name)
    raise _no_attribute(__name__, name, globals())


if _swap:
    from .course.swap import from_environment
    from_environment()
