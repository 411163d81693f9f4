"""Symbolic gradients: `gradients()` adds ops to the graph, one rule per op type in the *_grad.py files."""
from ..core.registry import not_differentiable as NotDifferentiable
from ..core.registry import register_gradient as RegisterGradient
from ..ops.indexed_slices import IndexedSlices
from . import (activation_grad, array_grad, check_grad, counting_grad, cumulative_grad, linalg_grad, math_grad, matrix_grad, nn_grad,
               parts_grad, reduction_grad, rounding_grad, segment_grad, special_grad, state_grad, strided_slice_grad, trig_grad)
from .check import check_gradient, compute_gradient, compute_gradient_error
from .explain import explain_gradient
from .gradients import AggregationMethod, UnconnectedGradients, gradients, hessians
