"""Random programs as data, run by either library: `python programs.py tensorflow programs.json results.pkl` is the other half of the test.

A program is a list of steps.  A step is {"op": name, "args": [...], "kwargs": {...}}, where an argument {"t": k} is the result of step k and anything else
is itself; step {"op": "placeholder"} also has the value that is fed.  A step that fails has no result, and steps that would use it are not made.
"""
import json
import pickle
import random
import sys

import numpy as np

UNARY = ["abs", "negative", "square", "exp", "tanh", "sigmoid", "sign", "floor", "ceil", "log1p", "reciprocal", "identity", "zeros_like", "ones_like",
         "sin", "cos", "nn.relu", "nn.softplus", "nn.elu", "nn.softsign", "nn.relu6", "stop_gradient", "expm1", "round", "is_finite", "rsqrt", "log", "sqrt"]
BINARY = ["add", "subtract", "multiply", "maximum", "minimum", "squared_difference", "div", "truediv", "floordiv", "mod", "pow"]
COMPARE = ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal"]
REDUCE = ["reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "reduce_prod", "reduce_logsumexp"]


class Maker:
    """Draws programs.  Shapes are followed roughly, so that most steps succeed; some are meant to fail."""

    def __init__(self, seed):
        self.draw = random.Random(seed)
        self.values = np.random.RandomState(seed)
        self.steps, self.known = [], []                  # known[k]: (shape, dtype) as far as the maker can tell, or None

    def program(self, length):
        for _ in range(self.draw.randint(2, 4)):
            self.placeholder()
        while len(self.steps) < length:
            self.draw.choice([self.unary, self.binary, self.binary, self.compare, self.reduce, self.reduce, self.reshape, self.transpose, self.concat,
                              self.slice, self.matmul, self.gather, self.stack, self.softmax, self.argmax, self.cast, self.expand, self.tile,
                              self.pad, self.cumsum, self.where, self.segment, self.one_hot, self.strided, self.split, self.squeeze, self.placeholder,
                              self.reverse, self.top_k, self.bias, self.gather_nd, self.shapes])()
        return self.steps

    # ---- parts ------------------------------------------------------------------------------------------------------------

    def placeholder(self):
        rank = self.draw.choice([0, 1, 1, 2, 2, 2, 3])
        shape = [self.draw.choice([1, 2, 3, 4]) for _ in range(rank)]
        dtype = self.draw.choice(["float64", "float64", "float64", "float32", "int32"])
        value = self.values.randint(-3, 4, shape) if dtype == "int32" else self.values.uniform(-2, 2, shape)
        static = None if self.draw.random() < .1 else [None if self.draw.random() < .25 else d for d in shape]
        self._step("placeholder", [dtype], {"shape": static}, (tuple(shape), dtype), value=np.asarray(value, dtype).tolist())

    def _step(self, op, args, kwargs=None, known=None, **more):
        self.steps.append({"op": op, "args": args, "kwargs": kwargs or {}, **more})
        self.known.append(known)

    def pick(self, floating=None, ranks=None, fits=None):
        """A step whose result is wanted, or, now and then, any."""
        found = [k for k, v in enumerate(self.known) if v is not None and (floating is None or (v[1][:5] == "float") == floating)
                 and (ranks is None or len(v[0]) in ranks) and (fits is None or fits(v))]
        if self.draw.random() < .04 or not found:
            found = [k for k, v in enumerate(self.known) if v is not None]
        k = self.draw.choice(found)
        return {"t": k}, *self.known[k]

    def other(self, shape, dtype):
        """An operand to broadcast with."""
        def fits(v):
            return v[1] == dtype and all(a == b or 1 in (a, b) for a, b in zip(reversed(v[0]), reversed(shape)))
        return self.pick(fits=fits)

    def axis(self, rank):
        return self.draw.randint(-rank, max(rank - 1, 0)) if self.draw.random() > .03 else rank + 1

    # ---- steps ------------------------------------------------------------------------------------------------------------

    def unary(self):
        t, shape, dtype = self.pick(floating=True if self.draw.random() < .9 else None)
        self._step(self.draw.choice(UNARY), [t], {}, (shape, dtype))

    def binary(self):
        t, shape, dtype = self.pick()
        u, shape2, dtype2 = self.other(shape, dtype)
        if self.draw.random() < .15:
            u, shape2, dtype2 = self.draw.choice([2, -1, 3]), (), dtype
        op = self.draw.choice(BINARY if dtype != "int32" else ["add", "subtract", "multiply", "maximum", "minimum", "squared_difference"])
        self._step(op, [t, u], {}, self._broadcast(shape, shape2, dtype) if dtype == dtype2 else None)

    def compare(self):
        t, shape, dtype = self.pick()
        u, shape2, dtype2 = self.other(shape, dtype)
        self._step(self.draw.choice(COMPARE), [t, u], {}, None)

    def _broadcast(self, a, b, dtype):
        try:
            return np.broadcast_shapes(a, b), dtype
        except ValueError:
            return None

    def reduce(self):
        t, shape, dtype = self.pick(ranks=(1, 2, 3))
        axes = self.draw.choice([None, [self.axis(len(shape))], self.axis(len(shape)), list(range(len(shape)))])
        keep = self.draw.random() < .3
        self._step(self.draw.choice(REDUCE[:-1] if dtype == "int32" else REDUCE), [t], {"axis": axes, "keepdims": keep}, self._reduced(shape, axes, keep, dtype))

    def _reduced(self, shape, axes, keep, dtype):
        try:
            return np.zeros(shape).sum(axis=tuple(axes) if isinstance(axes, list) else axes, keepdims=keep).shape, dtype
        except ValueError:
            return None

    def reshape(self):
        t, shape, dtype = self.pick()
        size = int(np.prod(shape))
        target = self.draw.choice([[-1], [size], [1, -1], [size, 1], [-1, 2], [size + 1]])
        fits = target != [size + 1] and (target != [-1, 2] or size % 2 == 0)
        self._step("reshape", [t, target], {}, (np.zeros(shape).reshape(target).shape, dtype) if fits else None)

    def transpose(self):
        t, shape, dtype = self.pick(ranks=(2, 3))
        perm = list(range(len(shape)))
        self.draw.shuffle(perm)
        if self.draw.random() < .5:
            perm = perm[::-1] if self.draw.random() < .5 else perm
            self._step("transpose", [t], {"perm": perm}, (tuple(shape[p] for p in perm), dtype))
        else:
            self._step("transpose", [t], {}, (shape[::-1], dtype))

    def concat(self):
        t, shape, dtype = self.pick(ranks=(1, 2, 3))
        axis = self.axis(len(shape))
        u, shape2, dtype2 = self.pick(fits=lambda v: v[1] == dtype and len(v[0]) == len(shape) and all(
            a == b for i, (a, b) in enumerate(zip(v[0], shape)) if -len(shape) <= axis < len(shape) and i != axis % len(shape)))
        try:
            known = np.concatenate([np.zeros(shape), np.zeros(shape2)], axis).shape, dtype
        except ValueError:
            known = None
        self._step("concat", [[t, u], axis], {}, known if dtype == dtype2 else None)

    def slice(self):
        t, shape, dtype = self.pick(ranks=(1, 2, 3))
        shape = shape or (1,)                            # of a scalar: an error; TensorFlow does not know the dtype of no numbers, minitf does
        begin = [self.draw.randint(0, d - 1) if d else 0 for d in shape]
        size = [self.draw.choice([-1, d - b]) for d, b in zip(shape, begin)]
        if self.draw.random() < .05 and size:
            size[0] = 9
        self._step("slice", [t, begin, size], {}, (tuple(d - b for d, b in zip(shape, begin)), dtype) if 9 not in size else None)

    def strided(self):
        t, shape, dtype = self.pick(ranks=(1, 2, 3))
        step = self.draw.choice([1, 2, -1, -2])
        begin, end = self.draw.choice([(None, None), (0, 2), (-1, None), (1, 9), (None, -1)])
        rows = range(shape[0])[slice(begin, end, step)] if shape else []
        self._step("index", [t, begin, end, step], {}, ((len(rows),) + tuple(shape[1:]), dtype) if shape and len(rows) else None)

    def matmul(self):
        t, shape, dtype = self.pick(floating=True, ranks=(2,))
        ta, tb = self.draw.random() < .4, self.draw.random() < .4
        inner = shape[0 if ta else 1] if len(shape) == 2 else 0
        u, shape2, dtype2 = self.pick(fits=lambda v: v[1] == dtype and len(v[0]) == 2 and v[0][1 if tb else 0] == inner)
        good = len(shape) == len(shape2) == 2 and dtype == dtype2 and shape2[1 if tb else 0] == inner
        self._step("matmul", [t, u], {"transpose_a": ta, "transpose_b": tb}, ((shape[1 if ta else 0], shape2[0 if tb else 1]), dtype) if good else None)

    def gather(self):
        t, shape, dtype = self.pick(ranks=(1, 2, 3))
        n = shape[0] if shape else 1
        indices = [self.draw.randint(0, max(n - 1, 0)) for _ in range(3)]
        if self.draw.random() < .05:
            indices[0] = 7
        self._step("gather", [t, indices], {}, ((3,) + tuple(shape[1:]), dtype) if shape and max(indices) < n else None)

    def gather_nd(self):
        t, shape, dtype = self.pick(ranks=(2, 3))
        indices = [[self.draw.randint(0, max(d - 1, 0)) for d in shape[:2]] for _ in range(2)]
        self._step("gather_nd", [t, indices], {}, ((2,) + tuple(shape[2:]), dtype) if len(shape) >= 2 and 0 not in shape[:2] else None)

    def stack(self):
        t, shape, dtype = self.pick(ranks=(0, 1, 2))
        axis = self.draw.randint(-len(shape) - 1, len(shape))
        self._step("stack", [[t, t]], {"axis": axis}, (np.stack([np.zeros(shape)] * 2, axis).shape, dtype))

    def split(self):
        t, shape, dtype = self.pick(ranks=(1, 2, 3))
        axis = self.draw.randrange(len(shape)) if shape else 0
        number = shape[axis] if shape and shape[axis] else 2
        self._step("split_first", [t, number, axis], {}, None)

    def softmax(self):
        t, shape, dtype = self.pick(floating=True, ranks=(1, 2, 3))
        self._step(self.draw.choice(["nn.softmax", "nn.log_softmax"]), [t], {}, (shape, dtype) if shape else None)

    def bias(self):
        t, shape, dtype = self.pick(floating=True, ranks=(2, 3))
        u, shape2, dtype2 = self.pick(fits=lambda v: v[1] == dtype and v[0] == tuple(shape[-1:]))
        self._step("nn.bias_add", [t, u], {}, (shape, dtype) if dtype == dtype2 and tuple(shape[-1:]) == tuple(shape2) and len(shape) > 1 else None)

    def argmax(self):
        t, shape, dtype = self.pick(ranks=(1, 2, 3))
        self._step(self.draw.choice(["argmax", "argmin"]), [t, self.axis(len(shape))], {}, None)

    def top_k(self):
        t, shape, dtype = self.pick(ranks=(1, 2))
        self._step("top_values", [t, self.draw.choice([1, 2])], {}, None)

    def cast(self):
        t, shape, dtype = self.pick()
        to = self.draw.choice(["float32", "float64", "int32"])
        self._step("cast", [t, to], {}, (shape, to) if not (dtype[:5] == "float" and to == "int32") else None)

    def expand(self):
        t, shape, dtype = self.pick(ranks=(0, 1, 2))
        axis = self.draw.randint(-len(shape) - 1, len(shape))
        self._step("expand_dims", [t, axis], {}, (np.expand_dims(np.zeros(shape), axis).shape, dtype))

    def squeeze(self):
        t, shape, dtype = self.pick(fits=lambda v: 1 in v[0])
        axes = [i for i, d in enumerate(shape) if d == 1][:1] or [0]
        self._step("squeeze", [t], {"axis": axes}, None)

    def tile(self):
        t, shape, dtype = self.pick(ranks=(1, 2))
        times = [self.draw.choice([1, 2]) for _ in shape]
        self._step("tile", [t, times], {}, (tuple(d * n for d, n in zip(shape, times)), dtype) if shape else None)

    def pad(self):
        t, shape, dtype = self.pick(ranks=(1, 2))
        self._step("pad", [t, [[1, 0]] * len(shape)], {}, (tuple(d + 1 for d in shape), dtype) if shape else None)

    def cumsum(self):
        t, shape, dtype = self.pick(ranks=(1, 2))
        self._step(self.draw.choice(["cumsum", "cumprod"]), [t], {"axis": self.axis(len(shape)), "exclusive": self.draw.random() < .5, "reverse": self.draw.random() < .5}, None)

    def where(self):
        t, shape, dtype = self.pick()
        u, shape2, dtype2 = self.pick(fits=lambda v: v == (shape, dtype))
        self._step("positive_or", [t, u], {}, (shape, dtype) if (shape, dtype) == (shape2, dtype2) else None)

    def segment(self):
        t, shape, dtype = self.pick(ranks=(1, 2))
        ids = sorted(self.draw.randint(0, 2) for _ in range(shape[0] if shape else 1))
        if self.draw.random() < .5:
            self._step("unsorted_segment_sum", [t, ids, 3], {}, None)
        else:
            self._step("segment_sum", [t, ids], {}, None)

    def one_hot(self):
        self._step("one_hot", [[self.draw.randint(-1, 3) for _ in range(3)], 3], {}, None)

    def reverse(self):
        t, shape, dtype = self.pick(ranks=(1, 2, 3))
        self._step("reverse", [t, [self.axis(len(shape))]], {}, None)

    def shapes(self):
        t, shape, dtype = self.pick()
        self._step(self.draw.choice(["shape", "size", "rank"]), [t], {}, None)


def make(count, seed=0):
    """`count` programs of 8 to 30 steps."""
    programs = []
    for k in range(count):
        maker = Maker(seed * 100003 + k)
        programs.append(maker.program(maker.draw.randint(8, 30)))
    return programs


# ---- running ----------------------------------------------------------------------------------------------------------------

def special(tf):
    """Steps that are more than one call."""
    return {
        "index": lambda t, begin, end, step: t[begin:end:step],
        "split_first": lambda t, number, axis: tf.split(t, number, axis)[0],
        "top_values": lambda t, k: tf.nn.top_k(t, k)[0],
        "positive_or": lambda t, u: tf.where(tf.greater(t, tf.zeros_like(t)), t, u),
    }


def run(tf, program, config=None):
    """What a program does: per step ("error", class) or ("shape", dtype, static shape), then values and gradients or ("error", class)."""
    own = special(tf)
    graph = tf.Graph()
    told, tensors, feeds, grads = [], [], {}, []
    with graph.as_default():
        for step in program:
            try:
                args = [_argument(a, tensors) for a in step["args"]]
            except LookupError:
                tensors.append(None)
                told.append(("not made",))
                continue
            try:
                made = (own.get(step["op"]) or _public(tf, step["op"]))(*args, **step["kwargs"])
            except (ValueError, TypeError, KeyError, IndexError, NotImplementedError) as error:
                tensors.append(None)
                told.append(("error", type(error).__name__, str(error)[:200]))
                continue
            if step["op"] == "placeholder":
                feeds[made] = np.asarray(step["value"], step["args"][0])
            tensors.append(made)
            shape = made.get_shape()
            told.append(("shape", made.dtype.name, None if shape.ndims is None else tuple(shape.as_list())))
        floats = [t for t in tensors if t is not None and t.dtype.name in ("float32", "float64")]
        loss = sum_of(tf, floats)
        inputs = [t for t in feeds if t.dtype.name in ("float32", "float64")]
        try:
            grads = tf.gradients(loss, inputs) if inputs and loss is not None else []
        except (LookupError, ValueError, TypeError) as error:
            grads, told = [], told + [("gradient error", type(error).__name__, str(error)[:200])]
        with tf.Session(graph=graph, config=config) as sess:
            found = values_of(tf, sess, [t for t in tensors + grads if t is not None], feeds)
    values = [None if t is None else found.pop(0) for t in tensors]
    return told, values, [None if g is None else found.pop(0) for g in grads]


def sum_of(tf, floats):
    """A scalar that everything takes part in, smoothly bounded so that large values do not drown small ones."""
    parts = [tf.reduce_sum(tf.sin(tf.cast(t, tf.float64))) for t in floats]
    return tf.add_n(parts) if parts else None


def values_of(tf, sess, tensors, feeds):
    """A value or ("error", class) for each: all in one run, or, where that fails, the two halves by themselves."""
    try:
        return [np.asarray(v) for v in sess.run(tensors, feeds)]
    except tf.errors.OpError as error:
        if len(tensors) == 1:
            return [("error", type(error).__name__, error.message[:200])]
        half = len(tensors) // 2
        return values_of(tf, sess, tensors[:half], feeds) + values_of(tf, sess, tensors[half:], feeds)


def _argument(a, tensors):
    if isinstance(a, dict):
        if tensors[a["t"]] is None:
            raise LookupError
        return tensors[a["t"]]
    return [_argument(x, tensors) for x in a] if isinstance(a, list) else a


def _public(tf, name):
    found = tf
    for part in name.split("."):
        found = getattr(found, part)
    return found


def main(library, programs, results):
    config = None
    if library == "tensorflow":
        import tensorflow
        tf = tensorflow.compat.v1
        tf.disable_eager_execution()
        tf.logging.set_verbosity(tf.logging.ERROR)
        config = tf.ConfigProto()                        # its graph optimizer removes reshapes that would fail
        config.graph_options.rewrite_options.disable_meta_optimizer = True
    else:
        import minitf as tf
    with open(programs) as file:
        found = [run(tf, p, config) for p in json.load(file)]
    with open(results, "wb") as file:
        pickle.dump(found, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
