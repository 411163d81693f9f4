"""Adam (Kingma & Ba, 2015): steps scaled by running averages of the gradient and of its square."""
from ..graph import colocate_with, control_dependencies, convert_to_tensor
from ..ops import control_ops, math_ops
from ..ops.apply import apply_op
from .optimizer import Optimizer


class AdamOptimizer(Optimizer):
    """With t the number of the step, g the gradient, and m and v starting at 0:

        m     = beta1 * m + (1 - beta1) * g
        v     = beta2 * v + (1 - beta2) * g * g
        rate  = learning_rate * sqrt(1 - beta2^t) / (1 - beta1^t)
        var  -= rate * m / (sqrt(v) + epsilon)

    This is the form before section 2.1 of the paper, where epsilon is the paper's "epsilon hat".  The powers of the betas are
    variables, advanced after all updates.  A sparse gradient means the same as the dense one: rows that it mentions twice are
    added up first, and rows that it does not mention decay and move as with a gradient of 0.
    """

    def __init__(self, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, use_locking=False, name="Adam"):
        super().__init__(use_locking, name)
        self._values = learning_rate, beta1, beta2, epsilon
        self._tensors = None

    def _get_beta_accumulators(self, graph):
        return self._get_non_slot_variable("beta1_power", graph), self._get_non_slot_variable("beta2_power", graph)

    def _create_slots(self, var_list):
        first = min(var_list, key=lambda v: v.name)
        dtype = max((v.dtype.base_dtype for v in var_list), key=lambda d: d.size)
        for name, beta in (("beta1_power", self._values[1]), ("beta2_power", self._values[2])):
            beta = self._call_if_callable(beta)
            self._create_non_slot_variable(lambda: self._in_dtype(beta, convert_to_tensor(beta), dtype), name, first)
        for var in var_list:
            self._zeros_slot(var, "m", self._name)
            self._zeros_slot(var, "v", self._name)

    def _prepare(self):
        names = "learning_rate", "beta1", "beta2", "epsilon"
        self._tensors = [convert_to_tensor(self._call_if_callable(value), name=name) for value, name in zip(self._values, names)]

    def _parameters(self, dtype):
        """[learning rate, beta1, beta2, epsilon] in a dtype."""
        return [self._in_dtype(value, tensor, dtype) for value, tensor in zip(self._values, self._tensors)]

    def _apply_dense(self, grad, var):
        dtype = var.dtype.base_dtype
        powers = [math_ops.cast(power, dtype) for power in self._get_beta_accumulators(var.graph)]
        return apply_op("ApplyAdam", var, self.get_slot(var, "m"), self.get_slot(var, "v"), *powers, *self._parameters(dtype), grad,
                        use_locking=self._use_locking).op

    def _apply_sparse_duplicate_indices(self, grad, var):
        # Every row of m, v and var changes anyway, so one pass of the dense kernel is less work than the same in sparse pieces.
        return self._apply_dense(convert_to_tensor(grad), var)

    def _finish(self, update_ops, name_scope):
        """After all updates, the powers go on to the next step."""
        power1, power2 = self._get_beta_accumulators(update_ops[0].graph)
        _, beta1, beta2, _ = self._parameters(power1.dtype.base_dtype)
        with control_dependencies(update_ops), colocate_with(power1.op):
            advances = [power1.assign(power1 * beta1, use_locking=self._use_locking).op, power2.assign(power2 * beta2, use_locking=self._use_locking).op]
        return control_ops.group(*update_ops, *advances, name=name_scope)
