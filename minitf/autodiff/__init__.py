"""Symbolic gradients: `gradients()` adds ops to the graph, one rule per op type in the *_grad.py files."""
from ..core.registry import not_differentiable as NotDifferentiable
from ..core.registry import not_differentiable as NoGradient
from ..core.registry import register_gradient as RegisterGradient
from ..ops.indexed_slices import IndexedSlices
from . import accumulator_grad
from . import activation_grad
from . import activation_grad, array_grad, image_grad, parts_grad, sparse_grad, strided_slice_grad
from . import batch_norm_grad
from . import check_grad
from . import complex_grad
from . import conv_grad
from . import control_flow_grad
from . import counting_grad
from . import cumulative_grad
from . import data_flow_grad
from . import io_grad
from . import linalg_grad
from . import lrn_grad
from . import lstm_grad
from . import math_grad
from . import matrix_grad
from . import nn_grad
from . import parts_grad
from . import reduction_grad
from . import rounding_grad
from . import segment_grad
from . import special_grad
from . import state_grad
from . import strided_slice_grad
from . import trig_grad
from .check import check_gradient, compute_gradient, compute_gradient_error
from .explain import explain_gradient
from .gradients import AggregationMethod, UnconnectedGradients, gradients, hessians
