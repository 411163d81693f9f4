"""Conditional accumulators: gradients of several workers, added up until there are enough of them.

An accumulator has a global step.  A gradient comes with the step for which it was computed, and one from an earlier step than the
accumulator's is dropped.  Whoever takes waits until enough gradients are there, gets their mean, and by that begins the next step.
Synchronous replicas are built of these: Chen, Pan, Monga, Bengio and Jozefowicz, "Revisiting Distributed Synchronous SGD", 2016, section 3.
"""
from ..core.dtypes import as_dtype, int64
from ..core.registry import register_op
from ..core.shapes import TensorShape, as_shape
from ..graph import convert_to_tensor
from .apply import apply_op
from .indexed_slices import IndexedSlices
from .math_ops import cast
from .shape_fns import FLOAT, SCALAR, UNKNOWN, with_rank

_STATE = [f"dtype: {FLOAT}", "shape: shape", "container: string = ''", "shared_name: string = ''",
          "reduction_type: {'MEAN', 'SUM'} = 'MEAN'"]
_DTYPE = [f"dtype: {FLOAT}"]

for _name in ("ConditionalAccumulator", "SparseConditionalAccumulator"):
    register_op(_name, [], ["handle: Ref(string)"], _STATE, is_stateful=True)(lambda c: [SCALAR])


@register_op("AccumulatorApplyGradient", ["handle: Ref(string)", "local_step: int64", "gradient: dtype"], [], _DTYPE, is_stateful=True)
def _apply_shape(c):
    with_rank(c, 1, 0)
    _declared(c, "ConditionalAccumulator")               # a stale gradient may have any shape: the kernel looks
    return []


@register_op("AccumulatorTakeGradient", ["handle: Ref(string)", "num_required: int32"], ["average: dtype"], _DTYPE, is_stateful=True)
def _take_shape(c):
    with_rank(c, 1, 0)
    return [_declared(c, "ConditionalAccumulator")]


register_op("AccumulatorNumAccumulated", ["handle: Ref(string)"], ["num_accumulated: int32"], is_stateful=True)(lambda c: [SCALAR])


@register_op("AccumulatorSetGlobalStep", ["handle: Ref(string)", "new_global_step: int64"], [], is_stateful=True)
def _set_global_step_shape(c):
    with_rank(c, 1, 0)
    return []


@register_op("SparseAccumulatorApplyGradient",
             ["handle: Ref(string)", "local_step: int64", "gradient_indices: int64", "gradient_values: dtype", "gradient_shape: int64"], [],
             [*_DTYPE, "has_known_shape: bool"], is_stateful=True)
def _sparse_apply_shape(c):
    with_rank(c, 1, 0)
    _declared(c, "SparseConditionalAccumulator")
    return []


@register_op("SparseAccumulatorTakeGradient", ["handle: Ref(string)", "num_required: int32"],
             ["indices: int64", "values: dtype", "shape: int64"], _DTYPE, is_stateful=True)
def _sparse_take_shape(c):
    """Values may have more dimensions than the accumulator's shape tells; so only the first is known for sure."""
    with_rank(c, 1, 0)
    _declared(c, "SparseConditionalAccumulator")
    return [[None], UNKNOWN, [None]]


def _declared(c, kind):
    """The shape of the gradients of the accumulator that the first input refers to."""
    found, attrs = c.resource(0)
    if found != kind:
        raise ValueError(f"'{c.name}' ({c.op_type}) is for a {kind}, but its handle is of a {found}")
    return as_shape(attrs["shape"])


class ConditionalAccumulatorBase:
    """What dense and sparse accumulators have in common.

    dtype            float32 or float64
    shape            of a gradient, as far as it is known; None: nothing is
    accumulator_ref  the reference tensor of the accumulator's op
    """

    def __init__(self, dtype, shape, accumulator_ref):
        self._dtype, self._shape, self._ref_tensor = as_dtype(dtype), as_shape(shape), accumulator_ref
        self._name = accumulator_ref.op.name.rpartition("/")[2]

    @property
    def accumulator_ref(self):
        """The reference tensor, which the ops on the accumulator take."""
        return self._ref_tensor

    @property
    def name(self):
        return self._name

    @property
    def dtype(self):
        return self._dtype

    def num_accumulated(self, name=None):
        """How many gradients have been added up since the last were taken: an int32 scalar."""
        return apply_op("AccumulatorNumAccumulated", self._ref_tensor, name=name or f"{self._name}_NumAccumulated")

    def set_global_step(self, new_global_step, name=None):
        """Set the accumulator's global step; to one before its own it is set too, with a warning in the log.  Returns the operation."""
        return apply_op("AccumulatorSetGlobalStep", self._ref_tensor, _step(new_global_step), name=name)


class ConditionalAccumulator(ConditionalAccumulatorBase):
    """Adds up dense gradients, and gives their mean when there are enough.

    dtype           float32 or float64
    shape           of a gradient, as far as it is known
    shared_name     under which sessions of a server share it; None: the op's own name
    reduction_type  "MEAN", or "SUM"

    >>> gradients = tf.ConditionalAccumulator(tf.float32, [2])
    >>> add = gradients.apply_grad([1., 2.], local_step=0)
    >>> mean = gradients.take_grad(2)      # a step that runs this waits until `add` has run twice
    """

    def __init__(self, dtype, shape=None, shared_name=None, name="conditional_accumulator", reduction_type="MEAN"):
        super().__init__(dtype, shape, _make("ConditionalAccumulator", dtype, shape, shared_name, name, reduction_type))

    def apply_grad(self, grad, local_step=0, name=None):
        """Add a gradient, unless local_step is before the accumulator's global step: then nothing happens.  Returns the operation.

        ValueError if the static shape of grad is not the accumulator's; in the run, InvalidArgumentError if the shape is not.
        """
        grad = convert_to_tensor(grad, self._dtype)
        grad.get_shape().assert_is_compatible_with(self._shape)
        return apply_op("AccumulatorApplyGradient", self._ref_tensor, _step(local_step), grad, name=name)

    def take_grad(self, num_required, name=None):
        """The mean of the gradients added so far, once there are num_required: until then, the step that asks waits.

        With it the accumulator is empty again and its global step is one more.  Who asks first is served first.
        In the run, InvalidArgumentError if num_required is below 1.
        """
        return apply_op("AccumulatorTakeGradient", self._ref_tensor, num_required, name=name, dtype=self._dtype)


class SparseConditionalAccumulator(ConditionalAccumulatorBase):
    """Adds up sparse gradients, each some rows of a tensor, and gives the mean of each row over the gradients that had it.

    The arguments are those of ConditionalAccumulator.

    >>> gradients = tf.SparseConditionalAccumulator(tf.float32, [100, 2])
    >>> add = gradients.apply_indexed_slices_grad(tf.IndexedSlices([[1., 2.]], [7]))
    >>> mean = gradients.take_indexed_slices_grad(1)
    """

    def __init__(self, dtype, shape=None, shared_name=None, name="sparse_conditional_accumulator", reduction_type="MEAN"):
        super().__init__(dtype, shape, _make("SparseConditionalAccumulator", dtype, shape, shared_name, name, reduction_type))

    def apply_indexed_slices_grad(self, grad, local_step=0, name=None):
        """apply_grad() of the parts of IndexedSlices."""
        return self.apply_grad(grad.indices, grad.values, grad.dense_shape, local_step, name)

    def apply_grad(self, grad_indices, grad_values, grad_shape=None, local_step=0, name=None):
        """Add a sparse gradient, unless local_step is before the accumulator's global step.  Returns the operation.

        grad_indices  [n], integers: the numbers of the rows.  One that comes twice stands for the sum of its rows.
        grad_values   [n, ...]: the rows
        grad_shape    of the dense gradient, if it is known
        In the run, InvalidArgumentError if the three do not fit one another, the accumulator's shape, or the gradients before.
        """
        known = grad_shape is not None
        shape = cast(convert_to_tensor(grad_shape), int64) if known else convert_to_tensor([], int64)
        return apply_op("SparseAccumulatorApplyGradient", self._ref_tensor, _step(local_step), cast(convert_to_tensor(grad_indices), int64),
                        convert_to_tensor(grad_values, self._dtype), shape, name=name, has_known_shape=known)

    def take_grad(self, num_required, name=None):
        """(indices, values, shape) of the mean, once there are num_required gradients: the rows that any of them had, in order.

        As ConditionalAccumulator.take_grad().  shape: -1 where a dimension is known from nothing that was given.
        """
        return tuple(apply_op("SparseAccumulatorTakeGradient", self._ref_tensor, num_required, name=name, dtype=self._dtype))

    def take_indexed_slices_grad(self, num_required, name=None):
        """take_grad() as IndexedSlices."""
        indices, values, shape = self.take_grad(num_required, name)
        return IndexedSlices(values, indices, shape)


def _make(op_type, dtype, shape, shared_name, name, reduction_type):
    return apply_op(op_type, name=name, dtype=as_dtype(dtype), shape=TensorShape(shape), shared_name=shared_name or "",
                    reduction_type=reduction_type)


def _step(value):
    return cast(convert_to_tensor(value), int64)
