"""Gradient descent: var -= learning_rate * gradient."""
from ..graph import convert_to_tensor
from ..ops import state_ops
from ..ops.apply import apply_op
from .optimizer import Optimizer


class GradientDescentOptimizer(Optimizer):
    """The plain gradient step.  learning_rate: a number, a tensor (a placeholder or a schedule, for instance), or a function giving one."""

    def __init__(self, learning_rate, use_locking=False, name="GradientDescent"):
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._learning_rate_tensor = None

    def _prepare(self):
        self._learning_rate_tensor = convert_to_tensor(self._call_if_callable(self._learning_rate), name="learning_rate")

    def _rate(self, var):
        return self._in_dtype(self._learning_rate, self._learning_rate_tensor, var.dtype.base_dtype)

    def _apply_dense(self, grad, var):
        return apply_op("ApplyGradientDescent", var, self._rate(var), grad, use_locking=self._use_locking).op

    def _apply_sparse_duplicate_indices(self, grad, var):
        # The step is linear in the gradient, so a row that occurs twice may be subtracted twice.
        return state_ops.scatter_sub(var, grad.indices, grad.values * self._rate(var), use_locking=self._use_locking).op
