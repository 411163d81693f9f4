"""Random programs as recipes: what is computed from what, without saying by whom.

A recipe is drawn from a seed and a number of ops; a shorter one with the same seed begins alike, so that hypothesis can shrink.
"""
import copy
import random

import numpy as np

import minitf as tf

FLOATS, INTS = ("float32", "float64"), ("int32", "int64")
LARGE = 1e12                  # floats beyond this are compared between runs, not with NumPy

# name -> (TensorFlow, NumPy, by what an error of the input is multiplied, given the largest input)
UNARY = {
    "tanh": (tf.tanh, np.tanh, lambda m: 1), "neg": (tf.negative, np.negative, lambda m: 1), "abs": (tf.abs, np.abs, lambda m: 1),
    "square": (tf.square, np.square, lambda m: 2 * m), "identity": (tf.identity, lambda x: x, lambda m: 1),
    "sigmoid": (tf.sigmoid, lambda x: 1 / (1 + np.exp(-x)), lambda m: 1), "relu": (tf.nn.relu, lambda x: np.maximum(x, 0), lambda m: 1),
    "stop": (tf.stop_gradient, lambda x: x, lambda m: 1),
}
INT_UNARY = ("neg", "abs", "square", "identity", "stop")
BINARY = {
    "add": (tf.add, np.add), "sub": (tf.subtract, np.subtract), "mul": (tf.multiply, np.multiply), "max": (tf.maximum, np.maximum),
    "min": (tf.minimum, np.minimum), "operator": (lambda a, b: a + b, np.add), "sqdiff": (tf.squared_difference, lambda a, b: (a - b) * (a - b)),
}
COMPARE = {"less": (tf.less, np.less), "greater_equal": (tf.greater_equal, np.greater_equal), "equal": (tf.equal, np.equal)}
REDUCE = {"sum": (tf.reduce_sum, np.sum), "mean": (tf.reduce_mean, np.mean), "maxed": (tf.reduce_max, np.max), "mined": (tf.reduce_min, np.min)}


class Recipe:
    """steps: [(kind, operands, parameters, device)]; types: the (dtype, shape) of what each step gives; fetches: numbers of steps."""

    def __init__(self, seed, n_ops, start_reads=True, masks=True, bodies=True):
        self.random = random.Random(seed)
        self.steps, self.types, self.written = [], [], set()
        self.start_reads, self.masks, self.bodies = start_reads, masks, bodies
        for _ in range(self.random.randint(1, 3)):
            self._source("feed")
        for _ in range(self.random.randint(0, 2)):
            self._source("constant")
        for _ in range(self.random.randint(0, 2)):
            self._source("variable", FLOATS + INTS)
        for _ in range(n_ops):
            while not self._try():
                pass
        others = [k for k in range(len(self.steps) - 1) if self.steps[k][0] != "variable"]
        self.fetches = [len(self.steps) - 1] + self.random.sample(others, min(len(others), self.random.randint(0, 6)))

    def on_other_devices(self, seed):
        """The same program with other devices for its steps."""
        other, draw = copy.copy(self), random.Random(seed)
        other.steps = [(*step[:3], draw.randrange(4)) for step in self.steps]
        return other

    # ---- drawing ----------------------------------------------------------------------------------------------------------

    def _shape(self):
        return tuple(self.random.choice((1, 2, 3, 5)) for _ in range(self.random.choice((0, 1, 1, 2, 2, 2, 3))))

    def _add(self, kind, operands, parameters, dtype, shape):
        self.steps.append((kind, operands, parameters, self.random.randrange(4)))
        self.types.append((dtype, tuple(shape)))
        return True

    def _source(self, kind, dtypes=FLOATS + INTS + ("bool",)):
        dtype = self.random.choice(("float32",) * 3 + dtypes)
        self._add(kind, (), self.random.randrange(1 << 30), dtype, self._shape())

    def _pick(self, condition):
        fitting = [k for k, (dtype, shape) in enumerate(self.types) if self.steps[k][0] != "variable" and condition(dtype, shape)]
        if not fitting:
            return None
        return self.random.choice(fitting[-6:] if self.random.random() < 0.6 else fitting)      # mostly recent ones: depth

    def _try(self):
        kind = self.random.choice(("unary", "unary", "binary", "binary", "binary", "compare", "logic", "select", "cast", "matmul", "reduce", "reduce",
                                   "reshape", "transpose", "concat", "slice", "tile", "gather", "unstack", "access", "access", "mask", "loop", "branch"))
        return getattr(self, "_" + kind)()

    def _unary(self):
        a = self._pick(lambda d, s: d != "bool")
        if a is None:
            return False
        dtype, shape = self.types[a]
        return self._add("unary", (a,), self.random.choice(tuple(UNARY) if dtype in FLOATS else INT_UNARY), dtype, shape)

    def _pair(self, condition=lambda d: True):
        """Two operands of one dtype that broadcast, and the shape they broadcast to."""
        a = self._pick(lambda d, s: condition(d))
        if a is None:
            return None
        dtype, shape = self.types[a]
        b = self._pick(lambda d, s: d == dtype and _broadcast(s, shape) is not None)
        a, b = (a, b) if self.random.random() < 0.5 else (b, a)
        return a, b, dtype, _broadcast(shape, self.types[b if self.types[b][1] != shape else a][1])

    def _binary(self):
        pair = self._pair(lambda d: d != "bool")
        return pair is not None and self._add("binary", pair[:2], self.random.choice(tuple(BINARY)), *pair[2:])

    def _compare(self):
        pair = self._pair(lambda d: d != "bool")
        return pair is not None and self._add("compare", pair[:2], self.random.choice(tuple(COMPARE)), "bool", pair[3])

    def _logic(self):
        pair = self._pair(lambda d: d == "bool")
        return pair is not None and self._add("logic", pair[:2], self.random.choice(("and", "or", "not")), "bool", pair[3])

    def _select(self):
        a = self._pick(lambda d, s: True)
        b = self._pick(lambda d, s: (d, s) == self.types[a])
        c = self._pick(lambda d, s: (d, s) == ("bool", self.types[a][1]))
        return c is not None and self._add("select", (c, a, b), None, *self.types[a])

    def _cast(self):
        a = self._pick(lambda d, s: True)
        dtype, shape = self.types[a]
        return self._add("cast", (a,), None, self.random.choice(FLOATS if dtype in FLOATS else FLOATS + INTS), shape)

    def _matmul(self):
        a = self._pick(lambda d, s: d in FLOATS and len(s) == 2)
        if a is None:
            return False
        dtype, shape = self.types[a]
        ta, tb = self.random.random() < 0.5, self.random.random() < 0.5
        inner, rows = shape[::-1] if not ta else shape
        b = self._pick(lambda d, s: d == dtype and len(s) == 2 and s[1 if tb else 0] == inner)
        return b is not None and self._add("matmul", (a, b), (ta, tb), dtype, (rows, self.types[b][1][0 if tb else 1]))

    def _reduce(self):
        a = self._pick(lambda d, s: d != "bool" and len(s) > 0)
        if a is None:
            return False
        dtype, shape = self.types[a]
        kind, keep = self.random.choice([k for k in REDUCE if dtype in FLOATS or k != "mean"]), self.random.random() < 0.4
        axes = tuple(sorted(self.random.sample(range(len(shape)), self.random.randint(1, len(shape)))))
        left = [1 if k in axes else d for k, d in enumerate(shape) if keep or k not in axes]
        return self._add("reduce", (a,), (kind, axes, keep), dtype, left)

    def _reshape(self):
        a = self._pick(lambda d, s: True)
        dtype, shape = self.types[a]
        dims = [d for d in shape if d != 1]
        self.random.shuffle(dims)
        if len(dims) > 1 and self.random.random() < 0.5:
            dims[:2] = [dims[0] * dims[1]]
        for _ in range(self.random.randint(0, 3 - len(dims)) if len(dims) < 3 else 0):
            dims.insert(self.random.randint(0, len(dims)), 1)
        return self._add("reshape", (a,), self.random.random() < 0.3 and len(dims) > 0, dtype, dims)

    def _transpose(self):
        a = self._pick(lambda d, s: len(s) > 1)
        if a is None:
            return False
        dtype, shape = self.types[a]
        perm = self.random.sample(range(len(shape)), len(shape))
        return self._add("transpose", (a,), perm, dtype, [shape[p] for p in perm])

    def _concat(self):
        a = self._pick(lambda d, s: 0 < len(s) and max(s) < 30)
        if a is None:
            return False
        dtype, shape = self.types[a]
        axis = self.random.randrange(len(shape))
        b = self._pick(lambda d, s: d == dtype and len(s) == len(shape) and all(s[k] == shape[k] for k in range(len(s)) if k != axis) and s[axis] < 30)
        return self._add("concat", (a, b), axis, dtype, [d + self.types[b][1][axis] if k == axis else d for k, d in enumerate(shape)])

    def _slice(self):
        a = self._pick(lambda d, s: len(s) > 0)
        if a is None:
            return False
        dtype, shape = self.types[a]
        size = [self.random.randint(1, d) for d in shape]
        return self._add("slice", (a,), ([self.random.randint(0, d - n) for d, n in zip(shape, size)], size), dtype, size)

    def _tile(self):
        a = self._pick(lambda d, s: 0 < len(s) and np.prod(s) < 60)
        if a is None:
            return False
        times = [self.random.choice((1, 1, 2)) for _ in self.types[a][1]]
        return self._add("tile", (a,), times, self.types[a][0], [d * n for d, n in zip(self.types[a][1], times)])

    def _gather(self):
        a = self._pick(lambda d, s: len(s) > 0)
        if a is None:
            return False
        dtype, shape = self.types[a]
        rows = [self.random.randrange(shape[0]) for _ in range(self.random.randint(1, 4))]
        return self._add("gather", (a,), rows, dtype, (len(rows), *shape[1:]))

    def _unstack(self):
        a = self._pick(lambda d, s: len(s) > 0 and s[0] > 1)
        return a is not None and self._add("unstack", (a,), (self.random.randrange(self.types[a][1][0]), self.types[a][1][0]), self.types[a][0], self.types[a][1][1:])

    def _mask(self):
        """A shape that depends on values, made to disappear again by a reduction."""
        a = self._pick(lambda d, s: d in INTS and len(s) == 1) if self.masks else None
        return a is not None and self.random.random() < 0.3 and self._add("mask", (a,), None, self.types[a][0], ())

    def _loop(self):
        a = self._pick(lambda d, s: d != "bool") if self.bodies else None
        return a is not None and self._add("loop", (a,), self.random.randint(0, 3), *self.types[a])

    def _branch(self):
        a = self._pick(lambda d, s: d != "bool") if self.bodies else None
        b = self._pick(lambda d, s: (d, s) == self.types[a]) if a is not None else None
        c = self._pick(lambda d, s: d == "bool")
        return None not in (b, c) and self._add("branch", (c, a, b), None, *self.types[a])

    def _access(self):
        variables = [k for k, step in enumerate(self.steps) if step[0] == "variable"]
        if not variables:
            return False
        v = self.random.choice(variables)
        kind = self.random.choice(("read", "read", "start", "assign", "assign_add", "assign_sub"))
        if kind == "start" and not self.start_reads:
            return False
        if kind in ("read", "start"):
            return self._add("access", (v,), kind, *self.types[v])
        a = self._pick(lambda d, s: (d, s) == self.types[v])
        return a is not None and self._add("access", (v, a), kind, *self.types[v])


def _broadcast(a, b):
    try:
        return np.broadcast_shapes(a, b)
    except ValueError:
        return None


def data(seed, dtype, shape):
    """Values with zeros of both signs and equal ones among them."""
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if dtype in INTS:
        return np.asarray(rng.integers(-9, 10, shape), dtype)
    values = np.asarray(np.round(rng.standard_normal(shape), 2), dtype)
    return np.where(rng.random(shape) < 0.1, np.asarray(-0.0 if seed % 2 else 0.0, dtype), values)
