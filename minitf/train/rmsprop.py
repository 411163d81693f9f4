"""RMSProp (Tieleman and Hinton, 2012): steps scaled by a running root mean square of the gradient."""
from .single_op import SingleOpOptimizer


class RMSPropOptimizer(SingleOpOptimizer):
    """With ms starting at 1 (slot "rms") and mom at 0 (slot "momentum"):

        ms   = decay * ms + (1 - decay) * g * g
        mom  = momentum * mom + learning_rate * g / sqrt(ms + epsilon)
        var -= mom

    centered: the root is of ms - mg * mg + epsilon, with mg the running mean of g (slot "mg", from 0): the variance in place of the
    mean square.  Of a sparse gradient only the rows that it mentions change, and only their slots decay.
    """

    def __init__(self, learning_rate, decay=0.9, momentum=0.0, epsilon=1e-10, use_locking=False, centered=False, name="RMSProp"):
        super().__init__(use_locking, name, learning_rate=learning_rate, decay=decay, momentum=momentum, epsilon=epsilon)
        self._centered = centered
        self._op_type = "ApplyCenteredRMSProp" if centered else "ApplyRMSProp"

    def _create_slots(self, var_list):
        for var in var_list:
            self._filled_slot(var, 1.0, "rms", self._name)
            if self._centered:
                self._zeros_slot(var, "mg", self._name)
            self._zeros_slot(var, "momentum", self._name)

    def _inputs(self, var, grad, learning_rate, decay, momentum, epsilon):
        slots = [self.get_slot(var, name) for name in (("mg", "rms", "momentum") if self._centered else ("rms", "momentum"))]
        return [*slots, learning_rate, decay, momentum, epsilon, *grad]
