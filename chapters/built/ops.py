"""An op is a name, a rule for shapes, and a kernel.

Made from the cells of chapters/01_ops.py that are tagged `built`: change them there, then `make notebooks`.
"""
import numpy as np


OPS = {}


class Op:
    """What a name stands for: shape(*shapes, **attrs) is the rule, kernel(*arrays, **attrs) computes."""
    def __init__(self, name, shape, kernel):
        self.name, self.shape, self.kernel = name, shape, kernel


def op(name, shape):
    """Decorate a kernel: registers the op."""
    def register(kernel):
        OPS[name] = Op(name, shape, kernel)
        return kernel
    return register


def broadcast(a, b):
    """The shape of an element-wise result.  None is a size not known yet."""
    rank = max(len(a), len(b))
    a, b = (1,) * (rank - len(a)) + tuple(a), (1,) * (rank - len(b)) + tuple(b)
    for m, n in zip(a, b):
        if m not in (1, n, None) and n not in (1, None):
            raise ValueError(f"shapes {a} and {b} do not broadcast")
    return tuple(n if m == 1 else m if n in (1, None) else n for m, n in zip(a, b))


@op("Add", broadcast)
def add(x, y):
    return x + y


@op("Sub", broadcast)
def sub(x, y):
    return x - y


@op("Mul", broadcast)
def mul(x, y):
    return x * y


def matmul_shape(a, b, transpose_a=False, transpose_b=False):
    """[m, k] and [k, n] give [m, n]; a is [k, m] and b is [n, k] where they are to be transposed."""
    rows, inner = a[::-1] if transpose_a else a
    inner_b, columns = b[::-1] if transpose_b else b
    if None not in (inner, inner_b) and inner != inner_b:
        raise ValueError(f"MatMul: {a} times {b}: {inner} columns meet {inner_b} rows")
    return rows, columns


@op("MatMul", matmul_shape)
def matmul(a, b, transpose_a=False, transpose_b=False):
    return (a.T if transpose_a else a) @ (b.T if transpose_b else b)


@op("Relu", lambda x: x)
def relu(x):
    return np.maximum(x, 0)


@op("Softmax", lambda x: x)
def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@op("Xent", lambda logits, labels: ())
def xent(logits, labels):
    """The mean cross entropy between softmax(logits) and labels, both [batch, classes]."""
    z = logits - logits.max(axis=1, keepdims=True)
    return np.mean(np.log(np.exp(z).sum(axis=1)) - (z * labels).sum(axis=1))
