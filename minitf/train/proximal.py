"""Proximal steps (Duchi and Singer, 2009): a gradient step, then the exact minimum of the step's distance plus an l1 and an l2 penalty.

Weights become exactly 0 where the penalty outweighs the gradient, which descent on the penalised loss never reaches.
"""
from .single_op import SingleOpOptimizer


class ProximalGradientDescentOptimizer(SingleOpOptimizer):
    """x = var - learning_rate * g;  var = sign(x) * max(|x| - learning_rate * l1, 0) / (1 + learning_rate * l2)."""
    _op_type = "ApplyProximalGradientDescent"

    def __init__(self, learning_rate, l1_regularization_strength=0.0, l2_regularization_strength=0.0, use_locking=False,
                 name="ProximalGradientDescent"):
        super().__init__(use_locking, name, learning_rate=learning_rate, l1_regularization_strength=l1_regularization_strength,
                         l2_regularization_strength=l2_regularization_strength)

    def _inputs(self, var, grad, learning_rate, l1, l2):
        return [learning_rate, l1, l2, *grad]


class ProximalAdagradOptimizer(SingleOpOptimizer):
    """The proximal step with Adagrad's rate in place of the learning rate: learning_rate / sqrt(accum), after accum += g * g.

    accum (slot "accumulator") starts at initial_accumulator_value; ValueError if that is not positive.
    """
    _op_type = "ApplyProximalAdagrad"

    def __init__(self, learning_rate, initial_accumulator_value=0.1, l1_regularization_strength=0.0, l2_regularization_strength=0.0,
                 use_locking=False, name="ProximalAdagrad"):
        if initial_accumulator_value <= 0.0:
            raise ValueError(f"initial_accumulator_value must be positive: {initial_accumulator_value}")
        super().__init__(use_locking, name, learning_rate=learning_rate, l1_regularization_strength=l1_regularization_strength,
                         l2_regularization_strength=l2_regularization_strength)
        self._initial_accumulator_value = initial_accumulator_value

    def _create_slots(self, var_list):
        for var in var_list:
            self._filled_slot(var, self._initial_accumulator_value, "accumulator", self._name)

    def _inputs(self, var, grad, learning_rate, l1, l2):
        return [self.get_slot(var, "accumulator"), learning_rate, l1, l2, *grad]
