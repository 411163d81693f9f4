"""x + y and the other Python operators, for tensors and for what converts to them (variables).

`==` stays identity, so that tensors can be looked up in sets and dicts; tf.equal compares values.
"""
from ..graph import Tensor
from . import indexing, logical_ops, math_ops, matmul_ops
from .apply import apply_op


def _operation(op_type, name):
    def forward(x, y):
        return apply_op(op_type, x, y, name=name)

    def backward(x, y):
        return apply_op(op_type, y, x, name=name)
    return forward, backward


def _reversed(function):
    return lambda x, y: function(y, x)


def _matmul(a, b):
    return matmul_ops.matmul(a, b, name="matmul")


OPERATORS = {
    "getitem": indexing.getitem, "neg": math_ops.negative, "abs": math_ops.abs, "invert": logical_ops.logical_not,
    "lt": logical_ops.less, "le": logical_ops.less_equal, "gt": logical_ops.greater, "ge": logical_ops.greater_equal,
    "truediv": math_ops.truediv, "rtruediv": _reversed(math_ops.truediv),
    "matmul": _matmul, "rmatmul": _reversed(_matmul),
}
for _method, _op_type, _name in (("add", "Add", "add"), ("sub", "Sub", "sub"), ("mul", "Mul", "mul"), ("floordiv", "FloorDiv", "floordiv"),
                                 ("mod", "FloorMod", "mod"), ("pow", "Pow", "pow"), ("and", "LogicalAnd", "and"),
                                 ("or", "LogicalOr", "or"), ("xor", "NotEqual", "LogicalXor")):
    OPERATORS[_method], OPERATORS["r" + _method] = _operation(_op_type, _name)


def install_operators(cls, convert=None):
    """Set the operator methods on a class; convert(self) -> Tensor, where the class is not Tensor itself."""
    for name, function in OPERATORS.items():
        setattr(cls, f"__{name}__", function if convert is None else _converted(function, convert))


def _converted(function, convert):
    return lambda self, *others: function(convert(self), *others)


install_operators(Tensor)
