"""Symbolic gradients: `gradients()` adds ops to the graph, one rule per op type in the *_grad.py files."""
from ..core.registry import not_differentiable as NotDifferentiable
from ..core.registry import register_gradient as RegisterGradient
from ..ops.indexed_slices import IndexedSlices
from . import array_grad, check_grad, conv_grad, math_grad, nn_grad, reduction_grad, state_grad
from .check import check_gradient, compute_gradient, compute_gradient_error
from .explain import explain_gradient
from .gradients import AggregationMethod, UnconnectedGradients, gradients, hessians
