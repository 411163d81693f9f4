"""SingleOpOptimizer: an optimizer whose update of a variable is one op, which has a dense and a sparse form."""
from ..graph import convert_to_tensor
from ..ops.apply import apply_op
from .optimizer import Optimizer


class SingleOpOptimizer(Optimizer):
    """A subclass names the op, and says with _inputs() what goes into it.

    The dense form takes the gradient as one input; the sparse one, "Sparse" and the same name, its values and its indices there.
    """
    _op_type = None

    def __init__(self, use_locking, name, **hyper):
        """hyper: the hyper-parameters by name, in the order in which _inputs() will get them; numbers, tensors, or functions giving one."""
        super().__init__(use_locking, name)
        self._hyper = hyper
        self._hyper_tensors = {}

    def _inputs(self, var, grad, *hyper):
        """The op's inputs behind the variable.  grad: [gradient], or [values, indices]; hyper: tensors in the variable's dtype."""
        raise NotImplementedError()

    def _op_attrs(self):
        return {}

    def _prepare(self):
        self._hyper_tensors = {name: convert_to_tensor(self._call_if_callable(value), name=name) for name, value in self._hyper.items()}

    def _in(self, dtype):
        """The hyper-parameters as tensors of that dtype."""
        return [self._in_dtype(self._hyper[name], tensor, dtype) for name, tensor in self._hyper_tensors.items()]

    def _apply(self, op_type, var, grad):
        inputs = self._inputs(var, grad, *self._in(var.dtype.base_dtype))
        return apply_op(op_type, var, *inputs, use_locking=self._use_locking, **self._op_attrs()).op

    def _apply_dense(self, grad, var):
        return self._apply(self._op_type, var, [grad])

    def _apply_sparse(self, grad, var):
        return self._apply("Sparse" + self._op_type, var, [grad.values, grad.indices])

    def _apply_sparse_adding_up(self, grad, var):
        inputs = self._inputs(var, [grad.values, grad.indices], *self._in(var.dtype.base_dtype))
        return apply_op("Sparse" + self._op_type, var, *inputs, use_locking=self._use_locking, _adds_up=True, **self._op_attrs()).op
