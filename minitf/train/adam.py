"""Adam (Kingma & Ba, 2015): steps scaled by running averages of the gradient and of its square."""
from ..graph import colocate_with, control_dependencies, convert_to_tensor
from ..ops import control_ops, math_ops, state_ops
from ..ops.apply import apply_op
from .optimizer import Optimizer


class AdamOptimizer(Optimizer):
    """With t the number of the step, g the gradient, and m and v starting at 0:

        m     = beta1 * m + (1 - beta1) * g
        v     = beta2 * v + (1 - beta2) * g * g
        rate  = learning_rate * sqrt(1 - beta2^t) / (1 - beta1^t)
        var  -= rate * m / (sqrt(v) + epsilon)

    This is the form before section 2.1 of the paper, where epsilon is the paper's "epsilon hat".  The powers of the betas are
    variables, advanced after all updates.  A sparse gradient is dense for m and v: rows that it does not mention decay and
    move as with a gradient of 0.
    """

    def __init__(self, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, use_locking=False, name="Adam"):
        super().__init__(use_locking, name)
        self._learning_rate, self._beta1, self._beta2, self._epsilon = learning_rate, beta1, beta2, epsilon
        self._tensors = None

    def _get_beta_accumulators(self, graph):
        return self._get_non_slot_variable("beta1_power", graph), self._get_non_slot_variable("beta2_power", graph)

    def _create_slots(self, var_list):
        first = min(var_list, key=lambda v: v.name)
        self._create_non_slot_variable(self._call_if_callable(self._beta1), "beta1_power", first)
        self._create_non_slot_variable(self._call_if_callable(self._beta2), "beta2_power", first)
        for var in var_list:
            self._zeros_slot(var, "m", self._name)
            self._zeros_slot(var, "v", self._name)

    def _prepare(self):
        named = {"learning_rate": self._learning_rate, "beta1": self._beta1, "beta2": self._beta2, "epsilon": self._epsilon}
        self._tensors = [convert_to_tensor(self._call_if_callable(value), name=name) for name, value in named.items()]

    def _parameters(self, var):
        """[learning rate, beta1, beta2, epsilon, beta1_power, beta2_power] in the variable's dtype."""
        powers = self._get_beta_accumulators(var.graph)
        return [math_ops.cast(t, var.dtype.base_dtype) for t in (*self._tensors, *powers)]

    def _apply_dense(self, grad, var):
        rate, beta1, beta2, epsilon, power1, power2 = self._parameters(var)
        return apply_op("ApplyAdam", var, self.get_slot(var, "m"), self.get_slot(var, "v"), power1, power2, rate, beta1, beta2, epsilon,
                        grad, use_locking=self._use_locking).op

    def _apply_sparse(self, grad, var):
        rate, beta1, beta2, epsilon, power1, power2 = self._parameters(var)
        m = self._decayed_average(self.get_slot(var, "m"), beta1, grad.indices, grad.values)
        v = self._decayed_average(self.get_slot(var, "v"), beta2, grad.indices, math_ops.square(grad.values))
        rate = rate * math_ops.sqrt(1.0 - power2) / (1.0 - power1)
        update = state_ops.assign_sub(var, rate * m / (math_ops.sqrt(v) + epsilon), use_locking=self._use_locking)
        return control_ops.group(update, m, v)

    def _decayed_average(self, slot, beta, indices, rows):
        """slot = beta * slot + (1 - beta) * rows at the indices; the reference afterwards."""
        decayed = state_ops.assign(slot, slot * beta, use_locking=self._use_locking)
        return state_ops.scatter_add(decayed, indices, rows * (1.0 - beta), use_locking=self._use_locking)

    def _finish(self, update_ops, name_scope):
        """After all updates, the powers go on to the next step."""
        power1, power2 = self._get_beta_accumulators(update_ops[0].graph)
        _, beta1, beta2, _ = self._tensors
        with control_dependencies(update_ops), colocate_with(power1.op):
            advances = [power1.assign(power1 * beta1, use_locking=self._use_locking).op, power2.assign(power2 * beta2, use_locking=self._use_locking).op]
        return control_ops.group(*update_ops, *advances, name=name_scope)
