"""The workloads with convolutions, in TensorFlow 1.x style like workloads.py, and their data.

    conv3x3_fwd conv3x3_bwd   3x3 filters over [16, 28, 28, 64], 64 to 64 channels; bwd: both gradients, without the forward pass
    conv5x5_fwd conv5x5_bwd   5x5 filters over [64, 14, 14, 32], 32 to 64 channels
    max_pool                  2x2 of [64, 28, 28, 32], forward and backward
    lenet_b64                 one SGD step of two conv5x5 + pool and two dense layers on a fed batch of digits; the loss fetched
    cifar_b32                 the same with four conv3x3 on a batch of 32x32 coloured images
"""
import numpy as np

ORDER = ["conv3x3_fwd", "conv3x3_bwd", "conv5x5_fwd", "conv5x5_bwd", "max_pool", "lenet_b64", "cifar_b32"]
CONVOLUTIONS = {"conv3x3": ((16, 28, 28, 64), (3, 3, 64, 64)), "conv5x5": ((64, 14, 14, 32), (5, 5, 32, 64))}
POOLED = (64, 28, 28, 32)
# image, then the layers: filters [rows, columns, in, out], "pool", or [in, out] of a dense layer
NETS = {"lenet_b64": ((64, 28, 28, 1), [(5, 5, 1, 32), "pool", (5, 5, 32, 64), "pool", (3136, 512), (512, 10)]),
        "cifar_b32": ((32, 32, 32, 3), [(3, 3, 3, 32), (3, 3, 32, 32), "pool", (3, 3, 32, 64), (3, 3, 64, 64), "pool", (4096, 512), (512, 10)])}
LEARNING_RATE = 0.001


def convolution_data(name):
    """x, w and g, a gradient of the output."""
    random = np.random.default_rng(8)
    x, w = CONVOLUTIONS[name]
    return dict(x=random.standard_normal(x, np.float32), w=random.standard_normal(w, np.float32) * np.float32(0.1),
                g=random.standard_normal((*x[:3], w[3]), np.float32))


def pool_data():
    random = np.random.default_rng(9)
    n, h, w, c = POOLED
    return dict(x=random.standard_normal(POOLED, np.float32), g=random.standard_normal((n, h // 2, w // 2, c), np.float32))


def net_data(name):
    """x, y one-hot, and a (weights, biases) for each layer but the poolings."""
    random = np.random.default_rng(10)
    image, layers = NETS[name]
    parameters = [(random.standard_normal(s, np.float32) * np.float32(np.prod(s[:-1]) ** -0.5), np.zeros(s[-1], np.float32))
                  for s in layers if s != "pool"]
    return random.random(image, np.float32), np.eye(10, dtype=np.float32)[random.integers(0, 10, image[0])], parameters


def computed(b, *tensors):
    """A step that fetches the tensors the first time, to be compared, and later only computes them."""
    session, runs, compute = b.session(), [0], [t.op for t in tensors]

    def step():
        runs[0] += 1
        if runs[0] == 1:
            return np.concatenate([np.ravel(value) for value in session.run(list(tensors))])
        session.run(compute)
    return step


def convolution(b, name, backward):
    tf = b.tf
    x, w, g = (b.variable(array, trainable=False) for array in convolution_data(name).values())
    y = tf.nn.conv2d(x, w, [1, 1, 1, 1], "SAME")
    return computed(b, *tf.gradients(y, [x, w], grad_ys=tf.identity(g))) if backward else computed(b, y)


def max_pool(b):
    tf = b.tf
    x, g = (b.variable(array, trainable=False) for array in pool_data().values())
    y = tf.nn.max_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
    return computed(b, y, *tf.gradients(y, x, grad_ys=tf.identity(g)))


def net(b, name):
    tf, (images, labels, parameters) = b.tf, net_data(name)
    x, y = tf.placeholder(tf.float32, images.shape), tf.placeholder(tf.float32, labels.shape)
    hidden, variables = x, iter([(b.variable(w), b.variable(bias)) for w, bias in parameters])
    for layer in NETS[name][1]:
        if layer == "pool":
            hidden = tf.nn.max_pool(hidden, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
            continue
        w, bias = next(variables)
        if len(layer) == 4:
            hidden = tf.nn.conv2d(hidden, w, [1, 1, 1, 1], "SAME")
        else:
            hidden = tf.matmul(tf.reshape(hidden, [images.shape[0], layer[0]]), w)
        hidden = tf.nn.bias_add(hidden, bias)
        if layer[-1] != 10:
            hidden = tf.nn.relu(hidden)
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=hidden))
    train = tf.train.GradientDescentOptimizer(LEARNING_RATE).minimize(loss)
    session, feed = b.session(), {x: images, y: labels}
    return lambda: float(session.run([train, loss], feed)[1])


def builders():
    """{name: (function of a Builder, its further arguments)}"""
    each = {f"{name}_{way}": (convolution, name, way == "bwd") for name in CONVOLUTIONS for way in ("fwd", "bwd")}
    each.update((name, (net, name)) for name in NETS)
    each["max_pool"] = (max_pool,)
    return each
