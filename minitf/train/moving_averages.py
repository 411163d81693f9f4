"""Moving averages: of the variables a model trains, for use in their place, and of tensors."""
import numbers

from ..core.dtypes import float32, float64
from ..core.swap import swappable
from ..graph import GraphKeys, Tensor, add_to_collection, colocate_with, control_dependencies, convert_to_tensor, get_default_graph, name_scope
from ..ops import control_ops, math_ops, state_ops
from ..ops.apply import apply_op
from ..ops.init_ops import zeros_initializer
from ..ops.variable_scope import get_variable, variable_scope
from ..ops.variables import Variable, global_variables, moving_average_variables, trainable_variables
from . import slot_creator


@swappable
def assign_moving_average(variable, value, decay, zero_debias=True, name=None):
    """Let variable = decay * variable + (1 - decay) * value, written as variable -= (1 - decay) * (variable - value); returns the reference.

    Variables are read where this stands: behind the ops that open control_dependencies blocks name.
    zero_debias: for a variable that started at 0, which pulls its first averages down.  The average is kept in a variable "biased" beside
    it, and `variable` is that divided by 1 - decay^t after t updates (section 3 of Kingma and Ba, 2015).
    """
    with name_scope(name, "AssignMovingAvg", [variable, value, decay]) as scope, colocate_with(variable.op):
        dtype = variable.dtype.base_dtype
        rate = convert_to_tensor(1.0 - decay, dtype=dtype if isinstance(decay, numbers.Real) else None, name="decay")
        rate = math_ops.cast(rate, dtype)
        value = _now(value)
        if not zero_debias:
            return state_ops.assign_sub(variable, (_now(variable) - value) * rate, name=scope)
        biased, steps = _debias_variables(variable)
        updated = state_ops.assign_sub(biased, (_now(biased) - value) * rate)
        count = state_ops.assign_add(steps, 1)
        return state_ops.assign(variable, updated / (1.0 - math_ops.pow(1.0 - rate, count)), name=scope)


def weighted_moving_average(value, decay, weight, truediv=True, collections=None, name=None):
    """moving average of value * weight / moving average of weight.

    truediv=False divides as the dtypes do; collections: of the two variables, by default GLOBAL_VARIABLES.
    """
    with variable_scope(name, "WeightedMovingAvg", [value, weight, decay]):
        averages = []
        for tensor, label in ((value * weight, "value_x_weight"), (convert_to_tensor(weight), "weight")):
            average = get_variable(label, tensor.get_shape(), tensor.dtype.base_dtype, zeros_initializer(), trainable=False,
                                   collections=[GraphKeys.GLOBAL_VARIABLES] if collections is None else collections)
            averages.append(assign_moving_average(average, tensor, decay, zero_debias=False))
        return (math_ops.truediv if truediv else math_ops.divide)(*averages)


class ExponentialMovingAverage:
    """Keeps, for each variable, a shadow of it that follows slowly: shadow -= (1 - decay) * (shadow - variable).

    A model is often better at the averages than at the last values.

        ema = tf.train.ExponentialMovingAverage(decay=0.9999)
        with tf.control_dependencies([train_op]):
            train_op = ema.apply([w, b])
        ...
        saver = tf.train.Saver(ema.variables_to_restore())         # when evaluating: w and b are restored from their averages

    decay        a number or tensor, near 1
    num_updates  a count, usually the global step: the decay is then min(decay, (1 + num_updates) / (10 + num_updates)), so that the
                 first averages follow faster
    zero_debias  corrects averages of tensors for their start at 0 (a variable's average starts at its initial value)
    """

    def __init__(self, decay, num_updates=None, zero_debias=False, name="ExponentialMovingAverage"):
        self._decay, self._num_updates, self._zero_debias, self._name = decay, num_updates, zero_debias, name
        self._averages = {}               # variable or tensor -> its shadow

    @property
    def name(self):
        return self._name

    def apply(self, var_list=None):
        """An op that updates the averages of the variables and tensors in var_list, by default of all trainable variables.

        The shadows are made when a variable is seen first; it is added to collection MOVING_AVERAGE_VARIABLES then.
        TypeError if one is neither float32 nor float64.
        """
        var_list = trainable_variables() if var_list is None else list(var_list)
        debiased = set()
        for var in var_list:
            if not isinstance(var, (Variable, Tensor)):
                raise TypeError(f"Averages are of variables and tensors, got {var!r}")
            if var.dtype.base_dtype not in (float32, float64):
                raise TypeError(f"The variables must be float32 or float64: {var.name}")
            if var not in self._averages:
                with control_dependencies(None):
                    self._averages[var] = self._shadow(var)
                if self._zero_debias and not isinstance(var, Variable):
                    debiased.add(var)
        with name_scope(self._name) as scope:
            decay = self._decay
            if self._num_updates is not None:
                updates = math_ops.cast(_now(self._num_updates), float32)
                decay = math_ops.minimum(convert_to_tensor(decay, dtype=float32, name="decay"), (1.0 + updates) / (10.0 + updates))
            updates = [assign_moving_average(self._averages[var], var, decay, var in debiased).op for var in var_list]
            return control_ops.group(*updates, name=scope)

    def _shadow(self, var):
        if isinstance(var, Variable):
            add_to_collection(GraphKeys.MOVING_AVERAGE_VARIABLES, var)
            return slot_creator.create_slot(var, var.initialized_value(), self._name)
        return slot_creator.create_zeros_slot(var, self._name, colocate_with_primary=var.op.type == "VariableV2")

    def average(self, var):
        """The variable that holds the average of `var`, or None."""
        return self._averages.get(var)

    def average_name(self, var):
        """The name under which the average of `var` is saved: here that of its shadow, and in a graph without it what apply() would name it."""
        if var in self._averages:
            return self._averages[var].op.name
        return get_default_graph().unique_name(f"{var.op.name}/{self._name}", mark_as_used=False)

    def variables_to_restore(self, moving_avg_variables=None):
        """{name in the checkpoint: variable}: variables with averages by the averages' names, all others by their own.

        moving_avg_variables: those that have averages; by default the trainable ones and collection MOVING_AVERAGE_VARIABLES.
        """
        averaged = trainable_variables() + moving_average_variables() if moving_avg_variables is None else list(moving_avg_variables)
        names = {self.average_name(v): v for v in dict.fromkeys(averaged)}
        taken = {v.name for v in averaged}
        for v in global_variables():
            if v.name not in taken:
                names.setdefault(v.op.name, v)
        return names


def _now(value):
    """A variable's value at this place of the control flow, where its usual snapshot may be older; anything else as it is."""
    return value.read_value() if isinstance(value, Variable) else convert_to_tensor(value)


def _debias_variables(variable):
    """New variables `biased` and `local_step`, named after the variable scope and the variable."""
    dtype = variable.dtype.base_dtype
    with control_dependencies(None), variable_scope(variable.op.name) as scope:
        used = {v.op.name for v in global_variables()}

        def free(name):
            count, unique = 0, name
            while f"{scope.name}/{unique}" in used and not scope.reuse:
                count += 1
                unique = f"{name}_{count}"
            return unique

        return (get_variable(free("biased"), variable.get_shape(), dtype, zeros_initializer(), trainable=False),
                get_variable(free("local_step"), [], dtype, zeros_initializer(), trainable=False))
