"""JAX, each step one jitted function; what is updated is donated, so that it is updated in place."""
import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
if os.environ.get("OMP_NUM_THREADS", "1") == "1":
    os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"
import jax  # noqa: E402: the variables must be set before
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

from .. import data  # noqa: E402

VERSION = jax.__version__


def to_numpy(value):
    return None if value is None else np.asarray(value)


def chain(multiply):
    def setup():
        @jax.jit
        def f(x, c):
            y = x
            for i in range(data.CHAIN_LENGTH):
                y = y * c if multiply and i % 2 else y + c
            return y
        x, c = np.float32(1), np.float32(0.5)
        return lambda: float(f(x, c))
    return setup


def fetch_variables():
    a, b, f = jnp.ones((2, 2)), jnp.ones((2, 2)), jax.jit(jnp.add)
    return lambda: np.asarray(f(a, b))


def fetch_fed():
    a, array, f = jnp.ones((2, 2)), np.ones((2, 2), np.float32), jax.jit(jnp.add)
    return lambda: np.asarray(f(array, a))


def power_method():
    d = data.power()
    A, state = jnp.asarray(d["A"]), [jnp.array(d["x"])]
    norm = jax.jit(lambda x: jnp.sqrt(jnp.sum(jnp.square(A @ x))))

    def advance(x):
        y = A @ x
        return y / jnp.sqrt(jnp.sum(jnp.square(y)))
    advance = jax.jit(advance, donate_argnums=0)

    def step():
        x = state[0]
        for _ in range(data.POWER_RUNS):
            x = advance(x)
        state[0] = x
        return float(norm(x))
    return step


def mlp(batch):
    def setup():
        d = data.mlp(batch)
        state = [[jnp.array(d[name]) for name in ("W1", "b1", "W2", "b2")]]

        def loss(parameters, x, y):
            W1, b1, W2, b2 = parameters
            logits = jax.nn.relu(x @ W1 + b1) @ W2 + b2
            return -jnp.sum(y * jax.nn.log_softmax(logits), -1).mean()

        def train(parameters, x, y):
            value, gradients = jax.value_and_grad(loss)(parameters, x, y)
            return [p - data.MLP_LEARNING_RATE * g for p, g in zip(parameters, gradients)], value
        train = jax.jit(train, donate_argnums=0)

        def step():
            state[0], value = train(state[0], d["x"], d["y"])
            jax.block_until_ready(state[0])
            return float(value)
        return step
    return setup


def adam():
    d = data.adam()
    b1, b2 = data.ADAM["beta1"], data.ADAM["beta2"]
    g = jnp.asarray(d["g"])

    def update(p, m, v, rate, g):
        m = m + (1 - b1) * (g - m)
        v = v + (1 - b2) * (g * g - v)
        return p - rate * m / (jnp.sqrt(v) + data.ADAM["epsilon"]), m, v
    update = jax.jit(update, donate_argnums=(0, 1, 2))
    state, runs = [jnp.array(d["p"]), jnp.zeros_like(g), jnp.zeros_like(g)], [0]

    def step():
        runs[0] += 1
        t = runs[0]
        rate = np.float32(data.ADAM["learning_rate"] * (1 - b2 ** t) ** 0.5 / (1 - b1 ** t))
        state[:] = jax.block_until_ready(update(*state, rate, g))
        return float(jnp.abs(state[0]).mean()) if t <= 3 else None
    return step


def kernel(name, inputs):
    def setup():
        arguments = [jnp.asarray(a) for a in inputs.values()]
        f = jax.jit({"tanh_1m": jnp.tanh,
                     "sigmoid_1m": jax.nn.sigmoid,
                     "exp_1m": jnp.exp,
                     "softmax_128x10k": lambda x: jax.nn.softmax(x, 1),
                     "biasadd_1k": jnp.add,
                     "transpose_1k": jnp.transpose,
                     "nhwc2nchw": lambda x: jnp.transpose(x, (0, 3, 1, 2)),
                     "sum_ax0_1k": lambda x: x.sum(0),
                     "sum_ax1_1k": lambda x: x.sum(1)}.get(name, jnp.matmul))
        return lambda: jax.block_until_ready(f(*arguments))
    return setup


WORKLOADS = dict(add1000=chain(False), addmul1000=chain(True), fetch_var=fetch_variables, fetch_feed=fetch_fed,
                 power1000=power_method, mlp_b16=mlp(16), mlp_b128=mlp(128), adam_10m=adam)
WORKLOADS.update((name, kernel(name, inputs)) for name, inputs in data.micro().items())
