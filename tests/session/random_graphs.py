"""A recipe (recipes.py) as a graph, on one device or cut over several, and its evaluation with NumPy."""
import contextlib

import numpy as np

import minitf as tf

from .recipes import BINARY, COMPARE, LARGE, REDUCE, UNARY, data


class Built:
    """A recipe as a graph of its own: graph, feeds {placeholder: number of its step}, fetches, variables, ends (the last access of each).

    cut, names: whether each step is on the device of that name that its recipe says
    gradients: fetch also those of the floats among the fetches with respect to feeds and variables; "colocated": on their ops' devices.
    """

    def __init__(self, recipe, cut=False, gradients=None, names=("/cpu:0", "/cpu:1", "/cpu:2", "/cpu:3")):
        self.recipe, self.graph, self.feeds, self.variables = recipe, tf.Graph(), {}, {}
        self.last_write, self.reads_since = {}, {}
        tensors = []
        with self.graph.as_default():
            for number, (kind, operands, parameters, device) in enumerate(recipe.steps):
                with tf.device(names[device]) if cut else contextlib.nullcontext():
                    tensors.append(self._step(number, kind, [tensors[k] for k in operands], parameters, *recipe.types[number]))
            self.fetches = [tensors[k] for k in recipe.fetches]
            if gradients:
                ys = [t for t in self.fetches if t.dtype.is_floating]
                xs = [x for x in [*self.feeds, *self.variables.values()] if x.dtype.is_floating]
                found = tf.gradients(ys, xs, colocate_gradients_with_ops=gradients == "colocated") if ys and xs else []
                self.fetches += [tf.convert_to_tensor(g) for g in found if g is not None]
            self.ends = [op for v in self.variables.values() for op in self.last_write.get(v, []) + self.reads_since.get(v, [])]

    def run(self, config, rounds=2):
        """[results of each round, then the variables' last values]; a step that hangs is an error that says where."""
        config.operation_timeout_in_ms = 20000
        with tf.Session(graph=self.graph, config=config) as sess:
            for v in self.variables.values():
                sess.run(v.initializer)
            results = []
            for k in range(rounds):
                feeds = {t: data(self.recipe.steps[n][2] + k, *self.recipe.types[n]) for t, n in self.feeds.items()}
                results.append(sess.run(self.fetches + [op.op if hasattr(op, "op") else op for op in self.ends], feeds)[:len(self.fetches)])
            return [*results, sess.run(list(self.variables.values()))]

    def _step(self, number, kind, x, p, dtype, shape):
        if kind == "feed":
            t = tf.placeholder(dtype, shape if self.recipe.steps[number][3] % 2 else [None] * len(shape))
            self.feeds[t] = number
            return t
        if kind == "constant":
            return tf.constant(data(p, dtype, shape))
        if kind == "variable":
            self.variables[number] = tf.Variable(data(p, dtype, shape))
            return self.variables[number]
        if kind == "access":
            return self._access(p, *x)
        if kind == "reshape":
            return tf.reshape(x[0], [-1, *shape[1:]] if p else shape)
        if kind == "mask":
            return tf.reduce_sum(tf.boolean_mask(x[0], x[0] > 0) * 2)
        if kind == "loop":
            step = lambda i, a: (i + 1, a * tf.constant(0.5, dtype) + tf.cast(i, dtype) if a.dtype.is_floating else a + tf.cast(i, dtype))
            return tf.while_loop(lambda i, a: i < p, step, [0, x[0]])[1]
        if kind == "branch":
            return tf.cond(tf.reduce_all(x[0]), lambda: x[1] + x[2], lambda: x[1] - x[2])
        if kind == "logic":
            return tf.logical_not(tf.logical_and(*x)) if p == "not" else {"and": tf.logical_and, "or": tf.logical_or}[p](*x)
        return {"unary": lambda: UNARY[p][0](x[0]), "binary": lambda: BINARY[p][0](*x), "compare": lambda: COMPARE[p][0](*x),
                "select": lambda: tf.where(*x), "cast": lambda: tf.cast(x[0], dtype), "matmul": lambda: tf.matmul(*x, *p),
                "reduce": lambda: REDUCE[p[0]][0](x[0], list(p[1]), keep_dims=p[2]), "transpose": lambda: tf.transpose(x[0], p),
                "concat": lambda: tf.concat(x, p), "slice": lambda: tf.slice(x[0], *p), "tile": lambda: tf.tile(x[0], p),
                "gather": lambda: tf.gather(x[0], p), "unstack": lambda: tf.unstack(x[0], p[1])[p[0]]}[kind]()

    def _access(self, kind, v, value=None):
        """Every access waits for the last write by a control edge, and a write for the reads since."""
        if kind == "start":
            return v.value()
        before, reads = self.last_write.get(v, []), self.reads_since.setdefault(v, [])
        if kind == "read":
            with tf.control_dependencies(before):
                reads.append(v.read_value())
            return reads[-1]
        with tf.control_dependencies(before + reads), tf.colocate_with(v.op):
            write = getattr(v, kind)(value)
            with tf.control_dependencies([write]):
                after = v.read_value()
        self.last_write[v], self.reads_since[v] = [write], [after]
        return after


def evaluate(recipe, rounds=2):
    """What Built.run should give: [per round [(value, bound of the error, or None where nothing is promised)], variables' last values]."""
    with np.errstate(all="ignore"):
        state = {n: (data(p, *recipe.types[n]), 0.0) for n, (kind, _, p, _) in enumerate(recipe.steps) if kind == "variable"}
        results = []
        for k in range(rounds):
            start, values = dict(state), []
            for n, (kind, operands, p, _) in enumerate(recipe.steps):
                dtype, shape = recipe.types[n]
                if kind == "feed":
                    value, error = data(p + k, dtype, shape), 0.0
                elif kind == "constant":
                    value, error = data(p, dtype, shape), 0.0
                elif kind == "variable":
                    value, error = start[n]
                elif kind == "access":
                    value, error = _access(p, operands, values, state, start)
                else:
                    value, error = _compute(kind, [values[o] for o in operands], p, dtype, shape)
                values.append((np.asarray(value, dtype), error))
            results.append([values[f] for f in recipe.fetches])
        return [*results, list(state.values())]


def _access(kind, operands, values, state, start):
    v = operands[0]
    if kind == "start":
        return start[v]
    if kind != "read":
        (old, old_error), (x, error) = state[v], values[operands[1]]
        if kind != "assign":
            x = old + x if kind == "assign_add" else old - x
            error = None if None in (old_error, error) else _rounded(x, old_error + error)
        state[v] = np.asarray(x, old.dtype), error
    return state[v]


def _largest(*arrays):
    return max(float(np.max(np.abs(a), initial=0)) for a in arrays)


def _rounded(value, error, times=8, scale=None):
    """The error once the result has been rounded; None for values that are too large to compare."""
    if value.dtype.kind != "f":
        return error
    most = _largest(value) if scale is None else scale
    return None if not np.isfinite(most) or most > LARGE else error + times * np.finfo(value.dtype).eps * most


def _compute(kind, inputs, p, dtype, shape):
    x = [value for value, _ in inputs]
    errors = [error for _, error in inputs]
    if kind in ("compare", "select", "mask", "logic", "branch"):          # an error may turn a decision round
        decides = errors[:1] if kind in ("select", "mask", "branch") else errors
        exact = all(e == 0.0 for e in decides) and None not in errors
        if kind == "branch":
            value = x[1] + x[2] if np.all(x[0]) else x[1] - x[2]
            return value, _rounded(value, errors[1] + errors[2], 8, _largest(*x[1:], value)) if exact else None
        value = {"compare": lambda: COMPARE[p][1](*x), "select": lambda: np.where(*x), "mask": lambda: np.sum(x[0][x[0] > 0] * 2, dtype=dtype),
                 "logic": lambda: ~(x[0] & x[1]) if p == "not" else x[0] & x[1] if p == "and" else x[0] | x[1]}[kind]()
        return value, max(errors) if exact else None
    value = {"unary": lambda: UNARY[p][1](x[0]), "binary": lambda: BINARY[p][1](*x), "cast": lambda: x[0].astype(dtype),
             "matmul": lambda: (x[0].T if p[0] else x[0]) @ (x[1].T if p[1] else x[1]), "reduce": lambda: _reduce(x[0], *p),
             "reshape": lambda: x[0].reshape(shape), "transpose": lambda: x[0].transpose(p), "concat": lambda: np.concatenate(x, p),
             "slice": lambda: x[0][tuple(slice(b, b + n) for b, n in zip(*p))], "tile": lambda: np.tile(x[0], p),
             "gather": lambda: x[0][p], "unstack": lambda: x[0][p[0]], "loop": lambda: _loop(x[0], p)}[kind]()
    if None in errors:
        return value, None
    value = np.asarray(value)
    if value.dtype.kind != "f":
        return value, max(errors)
    most = [_largest(a) for a in x]
    if kind == "unary":
        return value, _rounded(value, errors[0] * UNARY[p][2](most[0]), 8, max(most[0], _largest(value)))
    if kind == "binary":
        scale = {"mul": errors[0] * most[-1] + errors[-1] * most[0], "sqdiff": 2 * sum(errors) * sum(most)}.get(p, sum(errors))
        return value, _rounded(value, scale, 8, max(*most, _largest(value), sum(most) ** 2 if p == "sqdiff" else 0))
    if kind == "matmul":
        inner = x[0].shape[0 if p[0] else 1]
        return value, _rounded(value, inner * (errors[0] * most[1] + errors[1] * most[0]), 4 * inner, inner * most[0] * most[1])
    if kind == "reduce":
        n = max(x[0].size // max(value.size, 1), 1) if p[0] in ("sum", "mean") else 1
        return value, _rounded(value, n * errors[0], 4 * n, n * most[0])
    if kind == "loop":
        return value, _rounded(value, errors[0], 8 * p, most[0] + p)
    return value, _rounded(value, max(errors), 4 if kind == "cast" else 0)


def _loop(x, times):
    for i in range(times):
        x = x * x.dtype.type(0.5) + x.dtype.type(i) if x.dtype.kind == "f" else x + x.dtype.type(i)
    return x


def _reduce(x, kind, axes, keep):
    options = {"dtype": x.dtype} if kind in ("sum", "mean") else {}
    return REDUCE[kind][1](x, axis=tuple(axes), keepdims=keep, **options)
