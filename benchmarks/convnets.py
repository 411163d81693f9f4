"""The workloads with convolutions, in TensorFlow 1.x style like workloads.py, and their data.

    conv3x3_fwd conv3x3_bwd   3x3 filters over [16, 28, 28, 64], 64 to 64 channels; bwd: both gradients, without the forward pass
    conv5x5_fwd conv5x5_bwd   5x5 filters over [64, 14, 14, 32], 32 to 64 channels
    max_pool                  2x2 of [64, 28, 28, 32], forward and backward
    lenet_b64                 one SGD step of two conv5x5 + pool and two dense layers on a fed batch of digits; the loss fetched
    cifar_b32                 the same with four conv3x3 on a batch of 32x32 coloured images
    alexnet_fwd               the last layer of AlexNet (A. Krizhevsky, One weird trick, 2014, arXiv 1404.5997) on 8 images of 227x227; its mean size is fetched
    alexnet_fwdbwd            the same with the mean cross entropy, which is fetched, and the gradients of all 16 parameters
"""
import numpy as np

ORDER = ["conv3x3_fwd", "conv3x3_bwd", "conv5x5_fwd", "conv5x5_bwd", "max_pool", "lenet_b64", "cifar_b32", "alexnet_fwd", "alexnet_fwdbwd"]
CONVOLUTIONS = {"conv3x3": ((16, 28, 28, 64), (3, 3, 64, 64)), "conv5x5": ((64, 14, 14, 32), (5, 5, 32, 64))}
POOLED = (64, 28, 28, 32)


def _conv(size, channels, filters, stride=1, padding="SAME"):
    return "conv", (size, size, channels, filters), stride, padding


def _pool(size, stride=2, padding="SAME"):
    return "pool", size, stride, padding


# (images, layers): a convolution has its filter [rows, columns, in, out], a dense layer [in, out]; all but the last are rectified
NETS = {"lenet_b64": ((64, 28, 28, 1), [_conv(5, 1, 32), _pool(2), _conv(5, 32, 64), _pool(2), ("dense", (3136, 512)), ("dense", (512, 10))]),
        "cifar_b32": ((32, 32, 32, 3), [_conv(3, 3, 32), _conv(3, 32, 32), _pool(2), _conv(3, 32, 64), _conv(3, 64, 64), _pool(2),
                                        ("dense", (4096, 512)), ("dense", (512, 10))]),
        "alexnet": ((8, 227, 227, 3), [_conv(11, 3, 64, 4, "VALID"), _pool(3, 2, "VALID"), _conv(5, 64, 192), _pool(3, 2, "VALID"),
                                       _conv(3, 192, 384), _conv(3, 384, 256), _conv(3, 256, 256), _pool(3, 2, "VALID"),
                                       ("dense", (9216, 4096)), ("dense", (4096, 4096)), ("dense", (4096, 1000))])}
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
    shapes = [layer[1] for layer in layers if layer[0] != "pool"]
    parameters = [(random.standard_normal(s, np.float32) * np.float32(np.prod(s[:-1]) ** -0.5), np.zeros(s[-1], np.float32)) for s in shapes]
    classes = shapes[-1][-1]
    return random.random(image, np.float32), np.eye(classes, dtype=np.float32)[random.integers(0, classes, image[0])], parameters


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


def logits_of(tf, x, layers, variables):
    """The last layer's output; variables: (weights, biases) for each layer but the poolings."""
    rest = iter(variables)
    for layer in layers:
        if layer[0] == "pool":
            _, size, stride, padding = layer
            x = tf.nn.max_pool(x, [1, size, size, 1], [1, stride, stride, 1], padding)
            continue
        w, bias = next(rest)
        if layer[0] == "conv":
            _, _, stride, padding = layer
            x = tf.nn.conv2d(x, w, [1, stride, stride, 1], padding)
        else:
            x = tf.matmul(tf.reshape(x, [-1, layer[1][0]]), w)
        x = tf.nn.bias_add(x, bias)
        if layer is not layers[-1]:
            x = tf.nn.relu(x)
    return x


def net(b, name):
    tf, (images, labels, parameters) = b.tf, net_data(name)
    x, y = tf.placeholder(tf.float32, images.shape), tf.placeholder(tf.float32, labels.shape)
    logits = logits_of(tf, x, NETS[name][1], [(b.variable(w), b.variable(bias)) for w, bias in parameters])
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=logits))
    train = tf.train.GradientDescentOptimizer(LEARNING_RATE).minimize(loss)
    session, feed = b.session(), {x: images, y: labels}
    return lambda: float(session.run([train, loss], feed)[1])


def alexnet(b, backward):
    tf, (images, labels, parameters) = b.tf, net_data("alexnet")
    variables = [(b.variable(w), b.variable(bias)) for w, bias in parameters]
    logits = logits_of(tf, b.variable(images, trainable=False), NETS["alexnet"][1], variables)
    if backward:
        seen = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=b.variable(labels, trainable=False), logits=logits))
        compute = [g.op for g in tf.gradients(seen, [v for pair in variables for v in pair])]
    else:
        seen, compute = tf.reduce_mean(tf.abs(logits)), [logits.op]
    session = b.session()
    return lambda: float(session.run(compute + [seen])[-1])


def builders():
    """{name: (function of a Builder, its further arguments)}"""
    each = {f"{name}_{way}": (convolution, name, way == "bwd") for name in CONVOLUTIONS for way in ("fwd", "bwd")}
    each.update((name, (net, name)) for name in ("lenet_b64", "cifar_b32"))
    each.update(alexnet_fwd=(alexnet, False), alexnet_fwdbwd=(alexnet, True))
    each["max_pool"] = (max_pool,)
    return each
