"""Adadelta (Zeiler, 2012): Adagrad with a running mean for the sum, and steps in the units of the variable."""
from .single_op import SingleOpOptimizer


class AdadeltaOptimizer(SingleOpOptimizer):
    """With accum and accum_update starting at 0 (slots of those names):

        accum        = rho * accum + (1 - rho) * g * g
        update       = sqrt(accum_update + epsilon) / sqrt(accum + epsilon) * g
        accum_update = rho * accum_update + (1 - rho) * update * update
        var         -= learning_rate * update

    The paper has learning_rate = 1.  Of a sparse gradient only the rows that it mentions change.
    """
    _op_type = "ApplyAdadelta"

    def __init__(self, learning_rate=0.001, rho=0.95, epsilon=1e-8, use_locking=False, name="Adadelta"):
        super().__init__(use_locking, name, lr=learning_rate, rho=rho, epsilon=epsilon)

    def _create_slots(self, var_list):
        for var in var_list:
            self._zeros_slot(var, "accum", self._name)
            self._zeros_slot(var, "accum_update", self._name)

    def _inputs(self, var, grad, lr, rho, epsilon):
        return [self.get_slot(var, "accum"), self.get_slot(var, "accum_update"), lr, rho, epsilon, *grad]
