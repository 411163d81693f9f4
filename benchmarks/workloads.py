"""The workloads, written once in TensorFlow 1.x style; `tf` is handed in, so minitf and TensorFlow run the same lines.

    add1000 addmul1000     1,000 scalar ops in a chain, two scalars fed, the result fetched
    fetch_var fetch_feed   the sum of two 2x2 variables; of a fed 2x2 array and a variable
    power1000              1,000 runs of x := A x / |A x| on a 5x5 matrix, nothing fed or fetched; then the norm
    mlp_b16 mlp_b128       one SGD step of 784-200-10 on a fed batch; the loss fetched
    adam_10m               one Adam step on 10 million parameters with a constant gradient
    tanh_1m ... matmul_N   one kernel on variables; the result is computed, not fetched
    conv3x3_fwd ...        with convolutions: convnets.py
    ptb_small ...          with recurrent networks and tables of words: language.py
"""
import numpy as np

from . import convnets, data, language

ORDER = (["add1000", "addmul1000", "fetch_var", "fetch_feed", "power1000", "mlp_b16", "mlp_b128", "adam_10m",
          "tanh_1m", "sigmoid_1m", "exp_1m", "softmax_128x10k", "biasadd_1k", "transpose_1k", "nhwc2nchw", "sum_ax0_1k", "sum_ax1_1k"]
         + [f"matmul_{n}" for n in data.MATMUL_SIZES] + convnets.ORDER + language.ORDER)


class Builder:
    """What a workload builds with: the module, and variables whose large initial values arrive by feed, not as constants."""

    def __init__(self, tf, new_session):
        self.tf, self.new_session, self.loads = tf, new_session, []

    def variable(self, array, trainable=True):
        tf = self.tf
        if array.size <= 1000:
            return tf.Variable(array, trainable=trainable)
        value = tf.placeholder(tf.float32, array.shape)
        variable = tf.Variable(tf.zeros(array.shape), trainable=trainable)
        self.loads.append((tf.assign(variable, value).op, {value: array}))
        return variable

    def session(self):
        session = self.new_session()
        session.run(self.tf.global_variables_initializer())
        for op, feed in self.loads:
            session.run(op, feed)
        return session


def chain(b, multiply):
    tf = b.tf
    x, c = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, [])
    y = x
    for i in range(data.CHAIN_LENGTH):
        y = y * c if multiply and i % 2 else y + c
    session, feed = b.session(), {x: np.float32(1), c: np.float32(0.5)}
    return lambda: float(session.run(y, feed))


def fetch_variables(b):
    z = b.variable(np.ones((2, 2), np.float32)) + b.variable(np.ones((2, 2), np.float32))
    session = b.session()
    return lambda: session.run(z)


def fetch_fed(b):
    x = b.tf.placeholder(b.tf.float32, [2, 2])
    z = x + b.variable(np.ones((2, 2), np.float32))
    session, array = b.session(), np.ones((2, 2), np.float32)
    return lambda: session.run(z, {x: array})


def power_method(b):
    tf, d = b.tf, data.power()
    A, x = b.variable(d["A"]), b.variable(d["x"])
    y = tf.matmul(A, x)
    norm = tf.sqrt(tf.reduce_sum(tf.square(y)))
    advance = tf.assign(x, y / norm).op
    session = b.session()

    def step():
        for _ in range(data.POWER_RUNS):
            session.run(advance)
        return float(session.run(norm))
    return step


def mlp(b, batch):
    tf, d = b.tf, data.mlp(batch)
    x, y = tf.placeholder(tf.float32, [batch, 784]), tf.placeholder(tf.float32, [batch, 10])
    W1, b1, W2, b2 = (b.variable(d[name]) for name in ("W1", "b1", "W2", "b2"))
    hidden = tf.nn.relu(tf.matmul(x, W1) + b1)
    logits = tf.matmul(hidden, W2) + b2
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=logits))
    train = tf.train.GradientDescentOptimizer(data.MLP_LEARNING_RATE).minimize(loss)
    session, feed = b.session(), {x: d["x"], y: d["y"]}
    return lambda: float(session.run([train, loss], feed)[1])


def adam(b):
    tf, d = b.tf, data.adam()
    p, g = b.variable(d["p"]), b.variable(d["g"], trainable=False)
    train = tf.train.AdamOptimizer(**data.ADAM).apply_gradients([(tf.identity(g), p)])
    size = tf.reduce_mean(tf.abs(p))
    session, runs = b.session(), [0]

    def step():
        session.run(train)
        runs[0] += 1
        return float(session.run(size)) if runs[0] <= 3 else None
    return step


def kernel(b, name, inputs):
    tf = b.tf
    v = {key: b.variable(array, trainable=False) for key, array in inputs.items()}
    y = {"tanh_1m": lambda: tf.tanh(v["x"]),
         "sigmoid_1m": lambda: tf.sigmoid(v["x"]),
         "exp_1m": lambda: tf.exp(v["x"]),
         "softmax_128x10k": lambda: tf.nn.softmax(v["x"]),
         "biasadd_1k": lambda: tf.nn.bias_add(v["x"], v["b"]),
         "transpose_1k": lambda: tf.transpose(v["x"]),
         "nhwc2nchw": lambda: tf.transpose(v["x"], [0, 3, 1, 2]),
         "sum_ax0_1k": lambda: tf.reduce_sum(v["x"], 0),
         "sum_ax1_1k": lambda: tf.reduce_sum(v["x"], 1)}.get(name, lambda: tf.matmul(v["x"], v["y"]))()
    session, runs, compute = b.session(), [0], y.op

    def step():
        runs[0] += 1
        return session.run(y) if runs[0] == 1 else session.run(compute)
    return step


def make(tf, new_session):
    """{name: set-up}; a set-up builds the workload in a graph of its own and returns the step."""
    def in_graph(build, *arguments):
        def setup():
            with tf.Graph().as_default():
                return build(Builder(tf, new_session), *arguments)
        return setup

    workloads = dict(add1000=in_graph(chain, False), addmul1000=in_graph(chain, True), fetch_var=in_graph(fetch_variables),
                     fetch_feed=in_graph(fetch_fed), power1000=in_graph(power_method), mlp_b16=in_graph(mlp, 16),
                     mlp_b128=in_graph(mlp, 128), adam_10m=in_graph(adam))
    for name, inputs in data.micro().items():
        workloads[name] = in_graph(kernel, name, inputs)
    for name, (build, *arguments) in {**convnets.builders(), **language.builders()}.items():
        workloads[name] = in_graph(build, *arguments)
    return workloads
