"""Convolutional networks of the talks, as graphs: LeNet, AlexNet, Overfeat, OxfordNet (VGG) and GoogLeNet.

    with tf.Graph().as_default() as graph:
        logits = nets.alexnet(tf.placeholder(tf.float32, [None, 224, 224, 3]))
        sum(v.shape.num_elements() for v in tf.trainable_variables())         61100840

Each takes images [n, rows, columns, channels], rows and columns known, and gives logits [n, classes].  `width` scales all channels but the
logits: at 0.25 a layer has a sixteenth of the weights.  Nothing runs and no weight takes memory until a session initializes the variables.
Dropout and local response normalisation, which have no weights, are left out.
"""
import minitf as tf


def conv(x, filters, size, stride=1, padding="SAME", name="conv"):
    """A convolution with size x size taps, its bias, and the rectifier."""
    with tf.name_scope(name):
        weights = _weights([size, size, x.shape[3].value, filters], size * size * x.shape[3].value)
        maps = tf.nn.conv2d(x, weights, [1, stride, stride, 1], padding)
        return tf.nn.relu(tf.nn.bias_add(maps, tf.Variable(tf.zeros([filters]), name="biases")))


def pool(x, size=2, stride=2, padding="VALID"):
    """The greatest number of each size x size window."""
    return tf.nn.max_pool(x, [1, size, size, 1], [1, stride, stride, 1], padding)


def flat(x):
    """Images as vectors."""
    return tf.reshape(x, [-1, x.shape[1:].num_elements()])


def dense(x, units, name="dense"):
    """A layer in which every unit sees every input; no rectifier."""
    with tf.name_scope(name):
        weights = _weights([x.shape[1].value, units], x.shape[1].value)
        return tf.matmul(x, weights) + tf.Variable(tf.zeros([units]), name="biases")


def _weights(shape, fan_in):
    """Random weights that keep the size of rectified signals (He et al., 2015)."""
    return tf.Variable(tf.truncated_normal(shape, stddev=(2 / fan_in) ** 0.5), name="weights")


def _classify(x, units, classes):
    """Rectified dense layers of so many units, then the logits."""
    for n in units:
        x = tf.nn.relu(dense(x, n))
    return dense(x, classes, "logits")


def lenet(x, classes=10):
    """LeNet-5 with rectifiers and max pooling.  (LeCun et al., Gradient-based learning applied to document recognition, 1998.)"""
    x = pool(conv(x, 6, 5))
    x = pool(conv(x, 16, 5, padding="VALID"))
    return _classify(flat(x), [120, 84], classes)


def alexnet(x, width=1, classes=1000):
    """AlexNet for one processor.  (Krizhevsky, Sutskever, Hinton, 2012; Krizhevsky, One weird trick, 2014, whose channels these are.)"""
    x = pool(conv(x, int(64 * width), 11, 4), 3)
    x = pool(conv(x, int(192 * width), 5), 3)
    for filters in 384, 256, 256:
        x = conv(x, int(filters * width), 3)
    return _classify(flat(pool(x, 3)), [int(4096 * width)] * 2, classes)


def overfeat(x, width=1, classes=1000):
    """Overfeat, the fast model.  (Sermanet et al., 2014.)"""
    x = pool(conv(x, int(96 * width), 11, 4, "VALID"))
    x = pool(conv(x, int(256 * width), 5, 1, "VALID"))
    for filters in 512, 1024, 1024:
        x = conv(x, int(filters * width), 3)
    return _classify(flat(pool(x)), [int(3072 * width), int(4096 * width)], classes)


def vgg(x, depth=11, width=1, classes=1000):
    """OxfordNet with 11 (VGG-A), 16 or 19 layers.  (Simonyan and Zisserman, 2014.)"""
    repeats = {11: (1, 1, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}[depth]
    for filters, times in zip((64, 128, 256, 512, 512), repeats):
        for _ in range(times):
            x = conv(x, int(filters * width), 3)
        x = pool(x)
    return _classify(flat(x), [int(4096 * width)] * 2, classes)


def inception(x, one, reduce3, three, reduce5, five, pooled, name="inception"):
    """An Inception module: four ways to look at the same pixels, side by side in the channels.  The numbers are channels."""
    with tf.name_scope(name):
        return tf.concat([conv(x, one, 1), conv(conv(x, reduce3, 1), three, 3), conv(conv(x, reduce5, 1), five, 5),
                          conv(pool(x, 3, 1, "SAME"), pooled, 1)], 3)


# Channels of the nine modules; 0: a pooling that halves the image.
GOOGLENET = [(64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64), 0,
             (192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64), (128, 128, 256, 24, 64, 64), (112, 144, 288, 32, 64, 64),
             (256, 160, 320, 32, 128, 128), 0, (256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)]


def googlenet(x, width=1, classes=1000):
    """GoogLeNet without its two auxiliary outputs.  (Szegedy et al., Going deeper with convolutions, 2015.)"""
    x = pool(conv(x, int(64 * width), 7, 2), 3, 2, "SAME")
    x = pool(conv(conv(x, int(64 * width), 1), int(192 * width), 3), 3, 2, "SAME")
    for channels in GOOGLENET:
        x = inception(x, *[max(1, int(n * width)) for n in channels]) if channels else pool(x, 3, 2, "SAME")
    return dense(tf.reduce_mean(x, [1, 2]), classes, "logits")
