"""NumPy by hand: forward and backward written out, updates in place, results into arrays that exist already."""
import numpy as np

from .. import data

VERSION = np.__version__


def to_numpy(value):
    return value


def chain(multiply):
    def setup():
        x, c = np.float32(1), np.float32(0.5)

        def step():
            y = x
            for i in range(data.CHAIN_LENGTH):
                y = y * c if multiply and i % 2 else y + c
            return float(y)
        return step
    return setup


def add_2x2():
    a, b = np.ones((2, 2), np.float32), np.ones((2, 2), np.float32)
    return lambda: a + b


def power_method():
    d = data.power()
    A, state = d["A"], [d["x"]]

    def step():
        x = state[0]
        for _ in range(data.POWER_RUNS):
            y = A @ x
            x = y / np.sqrt((y * y).sum())
        state[0] = x
        y = A @ x
        return float(np.sqrt((y * y).sum()))
    return step


def cross_entropy(logits, y):
    """Mean cross entropy over the batch, and its gradient with respect to the logits."""
    z = logits - logits.max(1, keepdims=True)
    e = np.exp(z)
    total = e.sum(1, keepdims=True)
    loss = float(((np.log(total) - z) * y).sum() / len(y))
    return loss, (e / total - y) / np.float32(len(y))


def mlp(batch):
    def setup():
        d = data.mlp(batch)
        x, y, W1, b1, W2, b2 = (d[name] for name in ("x", "y", "W1", "b1", "W2", "b2"))
        rate = np.float32(data.MLP_LEARNING_RATE)

        def step():
            h = x @ W1
            h += b1
            np.maximum(h, 0, out=h)
            loss, d_logits = cross_entropy(h @ W2 + b2, y)
            dh = d_logits @ W2.T
            dh *= h > 0
            W2[...] -= rate * (h.T @ d_logits)
            b2[...] -= rate * d_logits.sum(0)
            W1[...] -= rate * (x.T @ dh)
            b1[...] -= rate * dh.sum(0)
            return loss
        return step
    return setup


def adam(block=1 << 15):
    """Block by block, so that what is read stays in the cache from one pass to the next."""
    d = data.adam()
    p, g = d["p"], d["g"]
    m, v, scratch = np.zeros_like(p), np.zeros_like(p), np.empty(block, np.float32)
    b1, b2 = data.ADAM["beta1"], data.ADAM["beta2"]
    runs = [0]

    def step():
        runs[0] += 1
        t = runs[0]
        rate = np.float32(data.ADAM["learning_rate"] * (1 - b2 ** t) ** 0.5 / (1 - b1 ** t))
        for i in range(0, len(p), block):
            gi, mi, vi = g[i:i + block], m[i:i + block], v[i:i + block]
            s = scratch[:len(gi)]
            np.subtract(gi, mi, out=s)
            s *= np.float32(1 - b1)
            mi += s
            np.multiply(gi, gi, out=s)
            s -= vi
            s *= np.float32(1 - b2)
            vi += s
            np.sqrt(vi, out=s)
            s += np.float32(data.ADAM["epsilon"])
            np.divide(mi, s, out=s)
            s *= rate
            p[i:i + block] -= s
        return float(np.abs(p).mean(dtype=np.float64)) if t <= 3 else None
    return step


def sigmoid(x, out):
    np.negative(x, out=out)
    np.exp(out, out=out)
    out += 1
    np.reciprocal(out, out=out)
    return out


def softmax(x, out):
    np.subtract(x, x.max(1, keepdims=True), out=out)
    np.exp(out, out=out)
    out /= out.sum(1, keepdims=True)
    return out


def transpose(x, out):
    out[...] = x.T
    return out


def kernel(name, inputs):
    def setup():
        x, other = inputs["x"], inputs.get("b", inputs.get("y"))
        out = np.empty_like(x[0] if name.startswith("sum") else x)
        return {"tanh_1m": lambda: np.tanh(x, out=out),
                "sigmoid_1m": lambda: sigmoid(x, out),
                "exp_1m": lambda: np.exp(x, out=out),
                "softmax_128x10k": lambda: softmax(x, out),
                "biasadd_1k": lambda: np.add(x, other, out=out),
                "transpose_1k": lambda: transpose(x, out),
                "nhwc2nchw": lambda: np.ascontiguousarray(x.transpose(0, 3, 1, 2)),
                "sum_ax0_1k": lambda: np.sum(x, 0, out=out),
                "sum_ax1_1k": lambda: np.sum(x, 1, out=out)}.get(name, lambda: np.matmul(x, other, out=out))
    return setup


WORKLOADS = dict(add1000=chain(False), addmul1000=chain(True), fetch_var=add_2x2, fetch_feed=add_2x2, power1000=power_method,
                 mlp_b16=mlp(16), mlp_b128=mlp(128), adam_10m=adam)
WORKLOADS.update((name, kernel(name, inputs)) for name, inputs in data.micro().items())
