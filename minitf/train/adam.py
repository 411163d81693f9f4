"""Adam (Kingma & Ba, 2015): steps scaled by running averages of the gradient and of its square."""
from ..graph import colocate_with, control_dependencies, convert_to_tensor
from ..ops import control_ops, math_ops
from .single_op import SingleOpOptimizer


class AdamOptimizer(SingleOpOptimizer):
    """With t the number of the step, g the gradient, and m and v starting at 0:

        m     = beta1 * m + (1 - beta1) * g
        v     = beta2 * v + (1 - beta2) * g * g
        rate  = learning_rate * sqrt(1 - beta2^t) / (1 - beta1^t)
        var  -= rate * m / (sqrt(v) + epsilon)

    This is the form before section 2.1 of the paper, where epsilon is the paper's "epsilon hat".  The powers of the betas are
    variables, advanced after all updates.  A sparse gradient means the same as the dense one: rows that it mentions twice are
    added up first, and rows that it does not mention decay and move as with a gradient of 0.
    """
    _op_type = "ApplyAdam"

    def __init__(self, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, use_locking=False, name="Adam"):
        super().__init__(use_locking, name, learning_rate=learning_rate, beta1=beta1, beta2=beta2, epsilon=epsilon)

    def _get_beta_accumulators(self, graph):
        return self._get_non_slot_variable("beta1_power", graph), self._get_non_slot_variable("beta2_power", graph)

    def _create_slots(self, var_list):
        first = min(var_list, key=lambda v: v.name)
        dtype = max((v.dtype.base_dtype for v in var_list), key=lambda d: d.size)
        for name in ("beta1", "beta2"):
            beta = self._call_if_callable(self._hyper[name])
            self._create_non_slot_variable(lambda: self._in_dtype(beta, convert_to_tensor(beta), dtype), f"{name}_power", first)
        for var in var_list:
            self._zeros_slot(var, "m", self._name)
            self._zeros_slot(var, "v", self._name)

    def _inputs(self, var, grad, learning_rate, beta1, beta2, epsilon):
        powers = [math_ops.cast(power, var.dtype.base_dtype) for power in self._get_beta_accumulators(var.graph)]
        return [self.get_slot(var, "m"), self.get_slot(var, "v"), *powers, learning_rate, beta1, beta2, epsilon, *grad]

    def _finish(self, update_ops, name_scope):
        """After all updates, the powers go on to the next step."""
        power1, power2 = self._get_beta_accumulators(update_ops[0].graph.outermost)
        _, beta1, beta2, _ = self._in(power1.dtype.base_dtype)
        with control_dependencies(update_ops), colocate_with(power1.op):
            advances = [power1.assign(power1 * beta1, use_locking=self._use_locking).op, power2.assign(power2 * beta2, use_locking=self._use_locking).op]
        return control_ops.group(*update_ops, *advances, name=name_scope)
