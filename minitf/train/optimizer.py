"""Optimizer: from a loss to an op that changes the variables once.

    opt = tf.train.GradientDescentOptimizer(0.1)
    train_op = opt.minimize(loss)

does in one call what may be done in two, with a look at the gradients, or a change to them, in between:

    grads_and_vars = opt.compute_gradients(loss, [w, b])
    train_op = opt.apply_gradients([(tf.clip_by_norm(g, 5.0), v) for g, v in grads_and_vars])

A subclass says how one variable is updated: _apply_dense(grad, var) and _apply_sparse(grad, var), with what it keeps beside each
variable made in _create_slots(var_list), its hyper-parameters made tensors in _prepare(), and what it does once a step in _finish().
"""
import numbers

from ..autodiff import explain_gradient, gradients
from ..core.dtypes import float32, float64
from ..core.swap import swappable
from ..graph import GraphKeys, Tensor, colocate_with, control_dependencies, get_default_graph, here, name_scope, outermost
from ..ops import array_ops, control_ops, segment_ops, math_ops, sequence_ops, state_ops
from ..ops.constant_op import constant
from ..ops.indexed_slices import IndexedSlices, convert_to_tensor_or_indexed_slices
from ..ops.variables import Variable, trainable_variables
from . import slot_creator


class Optimizer:
    """Base class of the optimizers.

    gate_gradients says what must be complete before a gradient is used:
        GATE_NONE   nothing
        GATE_OP     all gradients of the same op
        GATE_GRAPH  all gradients
    Reads of variables are snapshots here, so an update can never be seen by a gradient that is still being computed: GATE_OP, which
    guards against that in TensorFlow, adds no edges.
    """
    GATE_NONE = 0
    GATE_OP = 1
    GATE_GRAPH = 2

    def __init__(self, use_locking, name):
        """use_locking: accepted; updates always hold the variable's lock.  name: prefix of the ops' names."""
        if not name:
            raise ValueError("Must specify the optimizer name")
        self._use_locking, self._name = use_locking, name
        self._slots = {}                  # slot name -> {variable's op: variable}
        self._non_slots = {}              # (name, graph) -> variable

    def get_name(self):
        return self._name

    def minimize(self, loss, global_step=None, var_list=None, gate_gradients=GATE_OP, aggregation_method=None,
                 colocate_gradients_with_ops=False, name=None, grad_loss=None):
        """An op that changes the variables to make `loss` smaller, then adds 1 to global_step if one is given.

        var_list: the variables; by default those in GraphKeys.TRAINABLE_VARIABLES.
        ValueError if the loss depends on none of them.
        """
        grads_and_vars = self.compute_gradients(loss, var_list, gate_gradients, aggregation_method, colocate_gradients_with_ops, grad_loss)
        if all(g is None for g, _ in grads_and_vars):
            raise ValueError("No gradients provided for any variable, check your graph for ops that do not support gradients, between "
                             f"variables {[str(v) for _, v in grads_and_vars]} and loss {loss}.\n{explain_gradient(loss, grads_and_vars[0][1])}")
        return self.apply_gradients(grads_and_vars, global_step, name)

    def compute_gradients(self, loss, var_list=None, gate_gradients=GATE_OP, aggregation_method=None,
                          colocate_gradients_with_ops=False, grad_loss=None):
        """[(gradient, variable)]: a gradient is a Tensor, IndexedSlices, or None where the loss does not depend on the variable."""
        if gate_gradients not in (Optimizer.GATE_NONE, Optimizer.GATE_OP, Optimizer.GATE_GRAPH):
            raise ValueError("gate_gradients must be one of: Optimizer.GATE_NONE, Optimizer.GATE_OP, Optimizer.GATE_GRAPH.  "
                             f"Not {gate_gradients}")
        self._assert_valid_dtypes([loss])
        if grad_loss is not None:
            self._assert_valid_dtypes([grad_loss])
        variables = trainable_variables() if var_list is None else list(var_list) if isinstance(var_list, (list, tuple)) else [var_list]
        if not variables:
            raise ValueError("No variables to optimize.")
        for v in variables:
            if not isinstance(v, Variable):
                raise TypeError(f"Argument is not a variable: {v}")
        grads = gradients(loss, variables, grad_ys=grad_loss, aggregation_method=aggregation_method,
                          colocate_gradients_with_ops=colocate_gradients_with_ops)
        if gate_gradients == Optimizer.GATE_GRAPH and any(g is not None for g in grads):
            grads = control_ops.tuple(grads)
        self._assert_valid_dtypes([v for g, v in zip(grads, variables) if g is not None])
        return list(zip(grads, variables))

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        """An op that updates each variable with its gradient; pairs whose gradient is None are left out.

        global_step, if given, is incremented after all updates.  ValueError if there is nothing to update.
        """
        pairs = [(g if g is None else self._as_gradient(g), v) for g, v in grads_and_vars]
        if not pairs:
            raise ValueError("No variables provided.")
        for _, v in pairs:
            if not isinstance(v, Variable):
                raise TypeError(f"Variable must be a tf.Variable: {v}")
        used = [(g, v) for g, v in pairs if g is not None]
        if not used:
            raise ValueError(f"No gradients provided for any variable: {[str(v) for _, v in pairs]}.")
        graph = here(used[0][1].graph)
        with graph.as_default():
            with outermost(), control_dependencies(None), name_scope(None):
                self._create_slots([v for _, v in used])
            with name_scope(name, self._name) as scope:
                self._prepare()
                updates = []
                for grad, var in used:
                    with name_scope(f"update_{var.op.name}"), colocate_with(var.op):
                        updates.append(self._update(grad, var))
                train_op = self._finish(updates, scope if global_step is None else "update")
                if global_step is not None:
                    with control_dependencies([train_op]), colocate_with(global_step.op):
                        train_op = state_ops.assign_add(global_step, 1, name=scope).op
        if train_op not in graph.get_collection_ref(GraphKeys.TRAIN_OP):
            graph.add_to_collection(GraphKeys.TRAIN_OP, train_op)
        return train_op

    def get_slot(self, var, name):
        """The variable kept beside `var` under that name, or None."""
        return self._slots.get(name, {}).get(var.op)

    def get_slot_names(self):
        return sorted(self._slots)

    def variables(self):
        """Every variable that the optimizer keeps, those of the default graph, sorted by name."""
        kept = list(self._non_slots.values()) + [v for slots in self._slots.values() for v in slots.values()]
        return sorted((v for v in kept if v.graph is get_default_graph()), key=lambda v: v.op.name)

    @staticmethod
    def _as_gradient(grad):
        try:
            return convert_to_tensor_or_indexed_slices(grad)
        except TypeError:
            raise TypeError(f"Gradient must be convertible to a Tensor or IndexedSlices, or None: {grad}") from None

    def _update(self, grad, var):
        if isinstance(grad, IndexedSlices):
            return self._apply_sparse_duplicate_indices(grad, var)
        return self._apply_dense(grad, var)

    def _assert_valid_dtypes(self, tensors):
        for t in tensors:
            if not isinstance(t, (Tensor, Variable, IndexedSlices)):
                raise TypeError(f"The loss must be a tensor, got {t!r}")
            if t.dtype.base_dtype not in self._valid_dtypes():
                raise ValueError(f"Invalid type {t.dtype.base_dtype.name} for {t.name}, expected: {[d.name for d in self._valid_dtypes()]}.")

    # ---- for subclasses ---------------------------------------------------------------------------------------------------

    def _valid_dtypes(self):
        return float32, float64

    def _create_slots(self, var_list):
        """Make the slots of these variables that are not there yet."""

    def _prepare(self):
        """Make tensors of the hyper-parameters, inside the optimizer's name scope."""

    def _apply_dense(self, grad, var):
        """The op that updates `var` with a gradient tensor."""
        raise NotImplementedError()

    def _apply_sparse(self, grad, var):
        """The op that updates `var` with IndexedSlices in which no index occurs twice."""
        raise NotImplementedError()

    def _apply_sparse_adding_up(self, grad, var):
        """The op that updates `var` with any IndexedSlices, if there is one whose kernel adds up the rows; else None.

        It spares ops whose outputs are as long as there are different rows: a plan is cut behind these, and what follows planned anew for each length.
        """

    @swappable
    def _apply_sparse_duplicate_indices(self, grad, var):
        """The op that updates `var` with any IndexedSlices.

        Rows that occur several times are added up first: an update that is not linear in the gradient must see the whole of it.
        """
        op = self._apply_sparse_adding_up(grad, var)
        if op is not None:
            return op
        indices, place = sequence_ops.unique(grad.indices)
        values = segment_ops.unsorted_segment_sum(grad.values, place, array_ops.size(indices))
        return self._apply_sparse(IndexedSlices(values, indices, grad.dense_shape), var)

    def _finish(self, update_ops, name_scope):
        """The op that stands for the whole update, under that name."""
        return control_ops.group(*update_ops, name=name_scope)

    def _zeros_slot(self, var, slot_name, op_name):
        """The slot of `var` under slot_name, made with zeros and named op_name if it is not there yet."""
        return self._filled_slot(var, 0, slot_name, op_name)

    def _filled_slot(self, var, value, slot_name, op_name):
        """The same, made with `value` in every element."""
        return self._slot(var, slot_name, lambda: slot_creator.create_filled_slot(var, value, op_name))

    def _get_or_make_slot(self, var, val, slot_name, op_name):
        """The same, made with the tensor val."""
        return self._slot(var, slot_name, lambda: slot_creator.create_slot(var, val, op_name))

    def _get_or_make_slot_with_initializer(self, var, initializer, shape, dtype, slot_name, op_name):
        """The same, made with initializer(shape, dtype)."""
        return self._slot(var, slot_name, lambda: slot_creator.create_slot_with_initializer(var, initializer, shape, dtype, op_name))

    def _slot(self, var, slot_name, make):
        slots = self._slots.setdefault(slot_name, {})
        if var.op not in slots:
            slots[var.op] = make()
        return slots[var.op]

    def _create_non_slot_variable(self, initial_value, name, colocate_with):
        """A variable that belongs to the optimizer rather than to one of its variables: one per graph and name."""
        key = name, colocate_with.graph
        if key not in self._non_slots:
            with colocate_with.graph.colocate_with(colocate_with.op):
                self._non_slots[key] = Variable(initial_value, name=name, trainable=False)
        return self._non_slots[key]

    def _get_non_slot_variable(self, name, graph=None):
        return self._non_slots.get((name, graph))

    @staticmethod
    def _in_dtype(value, tensor, dtype):
        """A hyper-parameter in a variable's dtype.  One given as a number is converted anew: its float32 tensor has lost digits."""
        if tensor.dtype.base_dtype is dtype:
            return tensor
        return constant(value, dtype) if isinstance(value, numbers.Real) else math_ops.cast(tensor, dtype)

    @staticmethod
    def _call_if_callable(value):
        """A hyper-parameter may be given as a function, which is called when it is needed."""
        return value() if callable(value) and not isinstance(value, (Tensor, Variable)) else value
