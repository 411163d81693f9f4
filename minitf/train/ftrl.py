"""FTRL-Proximal (McMahan et al., "Ad click prediction: a view from the trenches", 2013): follow the regularised leader, per coordinate."""
from .single_op import SingleOpOptimizer


class FtrlOptimizer(SingleOpOptimizer):
    """With accum starting at initial_accumulator_value (slot "accum") and linear at 0 (slot "linear"), and p = -learning_rate_power:

        new     = accum + g * g
        linear += g - (new^p - accum^p) / learning_rate * var
        var     = the w that minimises  linear * w + new^p / (2 * learning_rate) * w^2 + l1 * |w| + l2 * w^2
                = -sign(linear) * max(|linear| - l1, 0) / (new^p / learning_rate + 2 * l2)
        accum   = new

    learning_rate_power                   -0.5 in the paper; 0 or less
    l2_shrinkage_regularization_strength  adds 2 * it * var to the gradient in `linear` alone: a penalty of size that accum does not count
    beta                                  the paper's: adds beta / (2 * learning_rate) to l2
    accum_name, linear_name               suffixes of the slots' names; by default the optimizer's name
    Of a sparse gradient only the rows that it mentions change.  ValueError if a strength or the initial value is negative, or the power positive.
    """

    def __init__(self, learning_rate, learning_rate_power=-0.5, initial_accumulator_value=0.1, l1_regularization_strength=0.0,
                 l2_regularization_strength=0.0, use_locking=False, name="Ftrl", accum_name=None, linear_name=None,
                 l2_shrinkage_regularization_strength=0.0, beta=None):
        for label, value in (("initial_accumulator_value", initial_accumulator_value), ("l1_regularization_strength", l1_regularization_strength),
                             ("l2_regularization_strength", l2_regularization_strength)):
            if value < 0.0:
                raise ValueError(f"{label} {value:f} needs to be positive or zero")
        if learning_rate_power > 0.0:
            raise ValueError(f"learning_rate_power {learning_rate_power:f} needs to be negative or zero")
        if l2_shrinkage_regularization_strength < 0.0:
            raise ValueError(f"l2_shrinkage_regularization_strength {l2_shrinkage_regularization_strength:f} needs to be positive or zero")
        shrinks = l2_shrinkage_regularization_strength > 0.0
        super().__init__(use_locking, name, learning_rate=learning_rate, l1_regularization_strength=l1_regularization_strength,
                         l2_regularization_strength=l2_regularization_strength,
                         **({"l2_shrinkage_regularization_strength": l2_shrinkage_regularization_strength} if shrinks else {}),
                         learning_rate_power=learning_rate_power, beta=0.0 if beta is None else beta)
        self._op_type = "ApplyFtrlV2" if shrinks else "ApplyFtrl"
        self._initial_accumulator_value, self._accum_name, self._linear_name = initial_accumulator_value, accum_name, linear_name

    def _create_slots(self, var_list):
        for var in var_list:
            self._filled_slot(var, self._initial_accumulator_value, "accum", self._accum_name or self._name)
            self._zeros_slot(var, "linear", self._linear_name or self._name)

    def _inputs(self, var, grad, learning_rate, l1, l2, *others):
        *others, beta = others
        if self._hyper["beta"]:
            l2 = l2 + beta / (learning_rate * 2.0)
        return [self.get_slot(var, "accum"), self.get_slot(var, "linear"), *grad, learning_rate, l1, l2, *others]
