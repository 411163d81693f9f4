"""Momentum: steps along a running sum of the gradients."""
from .single_op import SingleOpOptimizer


class MomentumOptimizer(SingleOpOptimizer):
    """With accum starting at 0 (slot "momentum"):

        accum  = momentum * accum + g
        var   -= learning_rate * accum

    use_nesterov: var -= learning_rate * (g + momentum * accum), the step of Sutskever et al. (2013), for which the variable is the
    point that the gradient was taken at.  Of a sparse gradient only the rows that it mentions change, in accum as well.
    """
    _op_type = "ApplyMomentum"

    def __init__(self, learning_rate, momentum, use_locking=False, name="Momentum", use_nesterov=False):
        super().__init__(use_locking, name, learning_rate=learning_rate, momentum=momentum)
        self._use_nesterov = use_nesterov

    def _create_slots(self, var_list):
        for var in var_list:
            self._zeros_slot(var, "momentum", self._name)

    def _inputs(self, var, grad, learning_rate, momentum):
        return [self.get_slot(var, "momentum"), learning_rate, *grad, momentum]

    def _op_attrs(self):
        return {"use_nesterov": self._use_nesterov}
