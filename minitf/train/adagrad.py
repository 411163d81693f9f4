"""Adagrad (Duchi, Hazan and Singer, 2011): steps that shrink, per element, with what has been seen of the gradient; and its dual averaging form."""
from ..graph import convert_to_tensor
from ..ops import math_ops
from .single_op import SingleOpOptimizer


class AdagradOptimizer(SingleOpOptimizer):
    """With accum starting at initial_accumulator_value (slot "accumulator"):

        accum += g * g
        var   -= learning_rate * g / sqrt(accum)

    Of a sparse gradient only the rows that it mentions change.  ValueError if initial_accumulator_value is not positive.
    """
    _op_type = "ApplyAdagrad"

    def __init__(self, learning_rate, initial_accumulator_value=0.1, use_locking=False, name="Adagrad"):
        if initial_accumulator_value <= 0.0:
            raise ValueError(f"initial_accumulator_value must be positive: {initial_accumulator_value}")
        super().__init__(use_locking, name, learning_rate=learning_rate)
        self._initial_accumulator_value = initial_accumulator_value

    def _create_slots(self, var_list):
        for var in var_list:
            self._filled_slot(var, self._initial_accumulator_value, "accumulator", self._name)

    def _inputs(self, var, grad, learning_rate):
        return [self.get_slot(var, "accumulator"), learning_rate, *grad]


class AdagradDAOptimizer(SingleOpOptimizer):
    """Adagrad by dual averaging: a variable follows from the sums of its gradients, so with l1 it is exactly 0 where they cancel.

        G  += g                (slot "gradient_accumulator", from 0)
        GG += g * g            (slot "gradient_squared_accumulator", from initial_gradient_squared_accumulator_value)
        var = -learning_rate * sign(G) * max(|G| - l1 * t, 0) / (l2 * t * learning_rate + sqrt(GG))

    where t is global_step + 1: a variable or tensor that the caller advances.
    """
    _op_type = "ApplyAdagradDA"

    def __init__(self, learning_rate, global_step, initial_gradient_squared_accumulator_value=0.1, l1_regularization_strength=0.0,
                 l2_regularization_strength=0.0, use_locking=False, name="AdagradDA"):
        if initial_gradient_squared_accumulator_value <= 0.0:
            raise ValueError(f"initial_gradient_squared_accumulator_value must be positive: {initial_gradient_squared_accumulator_value}")
        super().__init__(use_locking, name, learning_rate=learning_rate, l1_regularization_strength=l1_regularization_strength,
                         l2_regularization_strength=l2_regularization_strength)
        self._global_step, self._initial_squared = global_step, initial_gradient_squared_accumulator_value

    def _create_slots(self, var_list):
        for var in var_list:
            self._zeros_slot(var, "gradient_accumulator", self._name)
            self._filled_slot(var, self._initial_squared, "gradient_squared_accumulator", self._name)

    def _inputs(self, var, grad, learning_rate, l1, l2):
        step = math_ops.to_int64(convert_to_tensor(self._global_step)) + 1
        return [self.get_slot(var, "gradient_accumulator"), self.get_slot(var, "gradient_squared_accumulator"), *grad,
                learning_rate, l1, l2, step]
