# %% [markdown]
# # Chapter 05: Convolutional networks
#
# Convolution and max pooling as ops, computed as one matrix product, and the rules for their gradients.
#
# **The question.** A person who knows a seven knows it two pixels further to the right as well. Why should a network? And what is the
# smallest change to a network that lets it know, once and for all places?
#
# | | |
# |---|---|
# | before this | chapters 01 to 04: ops, graph, `gradients`, optimizers. Matrix products |
# | time | 2 hours of reading, 4 hours of exercises |
# | short route | leave out sections 6, 9 and 11: 80 minutes; exercises `window_count`, `receptive_field`, `max_pool_grad` |
# | stuck | `make hint TASK=05/avg_pool` gives one hint after the other; after a pass, `make diff TASK=05/avg_pool` shows our solution |
#
# ## 1. Two pixels to the right
#
# First, how bad is it? The network of chapter 04, with one hidden layer of 200 units, trained on 10,000 digits, five times over.

# %% tags=["built"]
import numpy as np

from built.autodiff import rule
from built.ops import op

# %%
import time
from pathlib import Path

import matplotlib.pyplot as plt

import minitf as tf
from built.autodiff import gradients
from built.graph import Graph, Session
from built.training import Adam
from minitf.course import nets
from minitf.course.pictures import draw, ladder, show_images, show_source
from minitf.datasets import mnist

digits = mnist(one_hot=True)
train_images, train_labels = digits.train.images[:10000], digits.train.labels[:10000]
test_images, test_labels = digits.test.images[::2], digits.test.labels[::2]              # 5,000 are enough here

def batches(images, labels, passes, size=50):
    """(images, labels, learning rate) of each batch; the order is drawn with a fixed seed, and the rate falls evenly to 0."""
    random, step, steps = np.random.default_rng(0), 0, passes * len(images) // size
    for _ in range(passes):
        for some in random.permutation(len(images)).reshape(-1, size):
            yield images[some], labels[some], 0.003 * (1 - step / steps)
            step += 1

# %%
class Trainer:
    """A network, logits = network(images), in a graph and a session of its own."""
    def __init__(self, network):
        with tf.Graph().as_default() as self.graph:
            tf.set_random_seed(0)
            self.images, self.labels = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.float32, [None, 10])
            self.rate = tf.placeholder(tf.float32, [])
            self.logits = network(self.images)
            self.loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=self.labels, logits=self.logits))
            self.train = tf.train.AdamOptimizer(self.rate).minimize(self.loss)
            self.session = tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=1))
            self.session.run(tf.global_variables_initializer())

    def fit(self, images, labels, passes=5):
        for some, their_labels, rate in batches(images, labels, passes):
            self.session.run(self.train, {self.images: some, self.labels: their_labels, self.rate: rate})
        return self

    def read(self, images):
        """The digit that it reads in each image, 1000 at a time."""
        parts = [images[k:k + 1000] for k in range(0, len(images), 1000)]
        return np.concatenate([self.session.run(self.logits, {self.images: some}) for some in parts]).argmax(1)

# %% [markdown]
# The rate is a placeholder and falls to 0, as at the end of chapter 04. `nets.dense` is a layer, weights and biases, and nothing else. The
# test digits are shifted with zeros coming in: `shifted(images, 2)` is two pixels to the right.

# %%
def mlp(x):
    return nets.dense(tf.nn.relu(nets.dense(x, 200)), 10)

def shifted(images, right):
    """The images moved to the right (to the left if that is negative); what leaves them is lost."""
    result, images = np.zeros((len(images), 28, 28), np.float32), images.reshape(-1, 28, 28)
    result[:, :, max(0, right):28 + min(0, right)] = images[:, :, max(0, -right):28 - max(0, right)]
    return result.reshape(-1, 784)

def right_share(model, images):
    return (model.read(images) == test_labels.argmax(1)).mean()

flat_model = Trainer(mlp).fit(train_images, train_labels)
shifts = range(-5, 6)
flat_shares = [right_share(flat_model, shifted(test_images, k)) for k in shifts]

# %% tags=["nbval-ignore-output"]
fig, axes = plt.subplots(3, len(shifts), figsize=(9, 3.4))
for column, k in zip(axes.T, shifts):
    moved = shifted(test_images[:3], k)
    for ax, image, read, label in zip(column, moved, flat_model.read(moved), test_labels):
        ax.imshow(image.reshape(28, 28), cmap="gray_r")
        ax.set_title(read, fontsize=11, color="black" if label[read] else "red")
        _ = ax.set(xticks=[], yticks=[])
plt.show()
fig, ax = plt.subplots(figsize=(6.5, 2.6))
ax.plot(shifts, flat_shares, "o-", color="tab:red")
_ = ax.set(xlabel="pixels to the right", ylabel="share read right", ylim=(0, 1), xticks=shifts)
plt.show()
assert flat_shares[5] > 0.94 and flat_shares[3] < 0.8 and flat_shares[7] < 0.8 and flat_shares[9] < 0.4

# %% [markdown]
# Above, three digits on their way from left to right, with what the network reads in them, red where it is wrong. Below, all test digits.
# At its place it is right on about 96 of 100. Moved by one pixel it is wrong twice as often, moved by two on three of ten, and at four
# pixels on seven of ten.
#
# No wonder. Each hidden unit has 784 weights, one for each pixel, and weight 403 knows nothing of what weight 404 has learned. Worse: the
# network does not even know which pixels are neighbours. Shuffle the pixels, all images in the same way, and to this network nothing has
# happened:

# %%
shuffle = np.random.default_rng(1).permutation(784)
shuffled = Trainer(mlp).fit(train_images[:, shuffle], train_labels)
share = right_share(shuffled, test_images[:, shuffle])
assert abs(share - flat_shares[5]) < 0.005
print("on shuffled pixels as good, within half a point")

# %% tags=["nbval-ignore-output"]
show_images([x for pair in zip(test_images[:5], test_images[:5, shuffle]) for x in pair], titles=["digit", "shuffled"] * 5, columns=10)

# %% [markdown]
# Beside each digit is what the second network was trained on. You would not learn to read from that. You know something that the network
# does not: a picture is made of small pieces, near pixels belong together, and a piece means the same at all places. The rest of the
# chapter builds that knowledge into two ops.

# %% [markdown]
# ## 2. The same weights everywhere
#
# Take a small window of weights, a *filter*, lay it on the top left corner of the image, multiply what lies on one another and add up. Move
# the filter one pixel to the right, and do the same. The sums, side by side, are again an image.
#
# $$\begin{matrix} 1 & 2 & 0 \\ 0 & 1 & 3 \\ 2 & 1 & 0 \end{matrix} \quad * \quad \begin{matrix} 1 & -1 \\ 0 & 2 \end{matrix}
# \quad = \quad \begin{matrix} 1 & 8 \\ 1 & -2 \end{matrix}$$
#
# At the top left: $1 \cdot 1 + 2 \cdot (-1) + 0 \cdot 0 + 1 \cdot 2 = 1$. This is called *convolution* (mathematicians turn the filter by
# 180 degrees first; networks do not, since the weights are learned anyway). Four weights for the whole image, where a layer of chapter 04
# would have $9 \cdot 4 = 36$.
#
# In general an image has *channels*, three if it is coloured, and there are many filters; each gives one channel of the result. The form is
# that of TensorFlow: images `[n, rows, columns, channels]`, filters `[rows, columns, channels, filters]`. Six loops for one image:

# %%
def six_loops(image, w):
    """The convolution of one image [rows, columns, channels] with filters [rows, columns, channels, filters]."""
    (h, wide, channels), (kh, kw, _, filters) = image.shape, w.shape
    y = np.zeros((h - kh + 1, wide - kw + 1, filters))
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            for f in range(filters):
                for a in range(kh):
                    for b in range(kw):
                        for c in range(channels):
                            y[i, j, f] += image[i + a, j + b, c] * w[a, b, c, f]
    return y

small = np.array([[1.0, 2, 0], [0, 1, 3], [2, 1, 0]])
taps = np.array([[1.0, -1], [0, 2]])
print(six_loops(small[:, :, np.newaxis], taps[:, :, np.newaxis, np.newaxis])[:, :, 0])

# %% [markdown]
# What can a filter see? Three of 3 by 3, written by hand, on a digit. The first one subtracts what is to the right from what is to the
# left: it answers to upright edges. The second does so from above to below. The third compares a pixel with those around it: where all
# are alike it gives 0, and a stroke of any direction is faintly red with a blue rim.

# %% tags=["nbval-ignore-output"]
upright = np.array([[1.0, 0, -1], [1, 0, -1], [1, 0, -1]])
spot = np.full((3, 3), -1 / 4)
spot[1, 1] = 2
by_hand = np.stack([upright, upright.T, spot], axis=2)[:, :, np.newaxis]
digit = test_images[0].reshape(28, 28, 1).astype(float)
maps = six_loops(digit, by_hand)
show_images([digit[:, :, 0], *maps.transpose(2, 0, 1)], titles=["image", "left - right", "above - below", "spots"], signed=True)

# %% [markdown]
# Red is positive, blue negative. Each result is called a *feature map*. And now the point of it all: a digit that has moved has the same
# features, at a place that has moved by as much.

# %%
moved = six_loops(shifted(test_images[:1], 2).reshape(28, 28, 1).astype(float), by_hand)
assert np.array_equal(moved[:, 2:], maps[:, :-2])
print("the maps of the moved digit are the maps, moved by 2")

# %% [markdown]
# Exactly, not nearly. Whatever a filter has learned at one place, it knows at all places. (The property is called *equivariance*. The
# layers after it still have to make use of it: section 5.)
#
# ### Edges and strides
#
# A filter of 3 by 3 has room at 26 of 28 places along each side, so the maps are 26 by 26: two rows are lost with each layer. That is
# padding `"VALID"`. With `"SAME"`, zeros are put around the image, so that there are as many places as pixels. And a *stride* of 2 takes
# every second place only, along both sides. Six pixels and windows of three, along one side:

# %%
for name, line, stride in ("SAME, stride 1", "01234560", 1), ("SAME, stride 2", "1234560", 2), ("VALID, stride 2", "123456", 2):
    print(f"{name:15}", *(line[i:i + 3] for i in range(0, len(line) - 2, stride)), sep="  ")

# %% [markdown]
# SAME with stride 1 has a zero on each side; with stride 2 a single zero, behind. VALID leaves the 6 out.
#
# In general: with VALID the last place begins at size − taps or before, so of 28 pixels there are $\lfloor (28 - 3) / 2 \rfloor + 1 = 13$.
# With SAME there are $\lceil 28 / 2 \rceil = 14$; the last begins at $13 \cdot 2 = 26$ and reaches to $26 + 3 = 29$, so one zero is
# missing. An odd zero goes behind.

# %% tags=["built"]
def places(size, taps, stride, padding):
    """Along one side: (at how many places the filter stands, zeros before the image, zeros behind it)."""
    if padding == "VALID":
        return (size - taps) // stride + 1, 0, 0
    count = -(-size // stride)                              # rounded up
    zeros = max(0, (count - 1) * stride + taps - size)
    return count, zeros // 2, zeros - zeros // 2


def conv_shape(x, w, stride=1, padding="VALID"):
    if x[3] != w[2]:
        raise ValueError(f"Conv2D: images {x} have {x[3]} channels, filters {w} take {w[2]}")
    rows, columns = (places(x[k + 1], w[k], stride, padding)[0] for k in (0, 1))
    return x[0], rows, columns, w[3]

# %%
for padding in "VALID", "SAME":
    for stride in 1, 2:
        found = conv_shape((None, 28, 28, 1), (3, 3, 1, 8), stride, padding)
        print(f"{padding:5} stride {stride}: {places(28, 3, stride, padding)}", found)
assert [len(range(0, 28 - 3 + 1, stride)) for stride in (1, 2)] == [26, 13]         # VALID, by listing where the filter begins

# %% [markdown]
# The batch may be unknown, `None`, as in chapter 01. With that, an op, whose kernel is the six loops for each image:

# %% tags=["built"]
def padded(x, kh, kw, stride, padding):
    """The images with zeros around them, and how many places there are along rows and columns."""
    (rows, above, below), (columns, left, right) = places(x.shape[1], kh, stride, padding), places(x.shape[2], kw, stride, padding)
    return np.pad(x, ((0, 0), (above, below), (left, right), (0, 0))), rows, columns

# %%
@op("Conv2D", conv_shape)
def loops(x, w, stride=1, padding="VALID"):
    x, rows, columns = padded(x, *w.shape[:2], stride, padding)
    return np.array([six_loops(image, w)[::stride, ::stride][:rows, :columns] for image in x])

graph = Graph()
x = graph.placeholder((None, 28, 28, 1), "images")
y = graph.create("Conv2D", x, by_hand, padding="SAME")
found = Session(graph).run(y, {x: test_images[:2].reshape(-1, 28, 28, 1)})
print("promised", y.shape, " found", found.shape)
assert np.array_equal(found[0, 1:-1, 1:-1], maps)                    # inside, the maps of before

# %% [markdown]
# It is right, and wasteful twice: Python's loops are slow, and with a stride it computes places that it then drops.
#
# ## 3. One product
#
# Chapter 01 had a ladder for matrix products, from loops in Python to BLAS, thousands of times as fast. Is a convolution a matrix product?
# Look at one pixel of the result: it is the sum over taps and channels of window times filter, a scalar product of two vectors. So write
# each window as one row of a matrix, the *patches*, and each filter as one column of another:
#
# $$\begin{pmatrix} 1 & 2 & 0 & 1 \\ 2 & 0 & 1 & 3 \\ 0 & 1 & 2 & 1 \\ 1 & 3 & 1 & 0 \end{pmatrix}
# \begin{pmatrix} 1 \\ -1 \\ 0 \\ 2 \end{pmatrix} = \begin{pmatrix} 1 \\ 8 \\ 1 \\ -2 \end{pmatrix}$$
#
# The four rows are the four windows of the example above, each read row by row. This is known as *im2col*. The patches are cut out tap by
# tap, not window by window: tap (a, b) of *all* windows is one slice of the image, so there are as few steps in Python as the filter has
# taps.

# %% tags=["built"]
def patches(x, kh, kw, stride, padding):
    """[n, rows, columns, kh, kw, channels]: the window at each place."""
    x, rows, columns = padded(x, kh, kw, stride, padding)
    result = np.empty((len(x), rows, columns, kh, kw, x.shape[3]), x.dtype)
    for a in range(kh):
        for b in range(kw):
            result[:, :, :, a, b] = x[:, a:a + (rows - 1) * stride + 1:stride, b:b + (columns - 1) * stride + 1:stride]
    return result


@op("Conv2D", conv_shape)
def conv2d(x, w, stride=1, padding="VALID"):
    """Images [n, rows, columns, channels] by filters [kh, kw, channels, filters]."""
    windows = patches(x, *w.shape[:2], stride, padding)
    product = windows.reshape(-1, w[..., 0].size) @ w.reshape(-1, w.shape[3])
    return product.reshape(*windows.shape[:3], w.shape[3])

# %%
print(patches(small.reshape(1, 3, 3, 1), 2, 2, 1, "VALID").reshape(4, 4))
print(conv2d(small.reshape(1, 3, 3, 1), taps.reshape(2, 2, 1, 1)).reshape(2, 2))

# %% [markdown]
# Three answers to one question can be held against one another: the loops, the product, and minitf's `tf.nn.conv2d`, which takes four
# strides, for the four axes of an image. Thirty random cases:

# %%
random = np.random.default_rng(2)
worst = 0.0
for _ in range(30):
    n, kh, kw, channels, filters, stride = (int(random.integers(1, m)) for m in (3, 5, 5, 4, 5, 4))
    padding = ("SAME", "VALID")[random.integers(2)]
    x = random.normal(size=(n, int(random.integers(kh, 9)), int(random.integers(kw, 9)), channels))
    w = random.normal(size=(kh, kw, channels, filters))
    first, second = loops(x, w, stride, padding), conv2d(x, w, stride, padding)
    with tf.Graph().as_default(), tf.Session() as sess:
        third = sess.run(tf.nn.conv2d(tf.constant(x), tf.constant(w), [1, stride, stride, 1], padding))
    assert first.shape == second.shape == third.shape == conv_shape(x.shape, w.shape, stride, padding)
    worst = max(worst, abs(first - second).max(), abs(first - third).max())
assert worst < 1e-12
print("30 layers: loops, product and minitf agree to 1e-12")

# %% [markdown]
# How long does each take? A layer in the middle of a network: one image of 28 by 28 with 16 channels, 32 filters of 3 by 3. That is
# $28 \cdot 28 \cdot 32$ results of $3 \cdot 3 \cdot 16 = 144$ products each: 3.6 million multiplications. The loops are timed on a part of
# the rows, and scaled. All run on one thread, in float64, and the best of several runs counts.

# %%
def best(function, times=20):
    """The least processor time of several calls."""
    found = []
    for _ in range(times):
        began = time.process_time()
        function()
        found.append(time.process_time() - began)
    return min(found)

image, w = random.normal(size=(1, 28, 28, 16)), random.normal(size=(3, 3, 16, 32))
enclosed = np.pad(image[0], ((1, 1), (1, 1), (0, 0)))
with tf.Graph().as_default():
    fed = tf.placeholder(tf.float64, image.shape)
    direct = tf.nn.conv2d(fed, tf.constant(w), [1, 1, 1, 1], "SAME")
    one_thread = tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=1))

# %% tags=["nbval-ignore-output"]
seconds = [best(lambda: six_loops(enclosed[:4], w), 1) * 14,                 # 2 of 28 rows
           best(lambda: conv2d(image, w, 1, "SAME")), best(lambda: one_thread.run(direct.op, {fed: image}))]
ladder(["six loops in Python", "im2col and one product", "minitf"], seconds, "3.6 million multiplications")
copying = best(lambda: patches(image, 3, 3, 1, "SAME"))
print(f"of im2col's {seconds[1] * 1e3:.2f} ms, {copying * 1e3:.2f} ms are spent on cutting out the patches")

# %% [markdown]
# The product is thousands of times as fast as the loops, and minitf a few times as fast as that. Im2col's weakness is memory: every
# pixel is copied once for each window that it lies in, nine times here. The patches of one image of this layer have $784 \cdot 144 =
# 112,896$ numbers where the image has 12,544. Cutting them out takes a part of the time that is not small (the last line), and a batch of
# 128 would fill 116 megabytes. Section 6 looks at how minitf does without them.

# %% [markdown]
# ## 4. Two gradients
#
# To train, the op needs a rule: given the slope $g$ of the loss by each pixel of the result, what are the slopes by the filter and by the
# image? Both can be read off the small example. Let $g$ be
#
# $$g = \begin{matrix} 1 & 0 \\ 2 & -1 \end{matrix} \qquad x = \begin{matrix} 1 & 2 & 0 \\ 0 & 1 & 3 \\ 2 & 1 & 0 \end{matrix} \qquad
# w = \begin{matrix} 1 & -1 \\ 0 & 2 \end{matrix}$$
#
# **The filter.** Its tap at the top right, the −1, was multiplied with 2, 0, 1 and 3 on the way to the four results. So its slope is
# $1 \cdot 2 + 0 \cdot 0 + 2 \cdot 1 - 1 \cdot 3 = 1$. Those four numbers are a *column* of the matrix of patches: the slopes of all taps
# are patchesᵀ times $g$, one product again:

# %%
x, w, g = small.reshape(1, 3, 3, 1), taps.reshape(2, 2, 1, 1), np.array([[1.0, 0], [2, -1]]).reshape(1, 2, 2, 1)
to_filter = patches(x, 2, 2, 1, "VALID").reshape(4, 4).T @ g.reshape(4, 1)
print("the filter's slopes:", to_filter.ravel())

# %% [markdown]
# **The image.** The pixel in the middle, the 1, lies in all four windows: under the tap 2 in the first, under 0, −1 and 1 in the others. So
# its slope is $1 \cdot 2 + 0 \cdot 0 + 2 \cdot (-1) - 1 \cdot 1 = -1$. Each window gets $g$ times the filter, and a pixel adds up what it
# gets from all its windows.

# %%
to_windows = g.reshape(4, 1) @ w.reshape(4, 1).T
print("what each window gets:", to_windows.tolist())

# %% [markdown]
# The windows' shares are patches, and have to be laid back on the image: *col2im*, the way of `patches` backwards, tap by tap. A first
# attempt turns the assignment around:

# %%
def lay_back(windows, rows, columns, add):
    image = np.zeros((3, 3))
    for a in range(2):
        for b in range(2):
            here = image[a:a + rows, b:b + columns]
            here[:] = windows[:, :, a, b] + (here if add else 0)
    return image

attempt = lay_back(to_windows.reshape(2, 2, 2, 2), 2, 2, add=False)
print(attempt)
assert attempt[1, 1] != -1

# %% [markdown]
# Nearly right, and wrong: the middle should be −1. What one tap has written the next one overwrites, wherever windows overlap. It must be
# added:

# %%
print(lay_back(to_windows.reshape(2, 2, 2, 2), 2, 2, add=True))

# %% [markdown]
# As computed by hand. Now for all channels, filters and paddings. With zeros around the image, their slopes are computed like those of
# other pixels, and cut off at the end. A stride is left to you (exercise `image_gradient`), the kernel says so; the filter's gradient takes
# strides as it is.

# %% tags=["built"]
@op("Conv2DFilterGrad", lambda x, w, g, **how: w)
def filter_gradient(x, w, g, stride=1, padding="VALID"):
    """The slopes of the filters w, given those of the result."""
    windows = patches(x, *w.shape[:2], stride, padding)
    return (windows.reshape(-1, w[..., 0].size).T @ g.reshape(-1, w.shape[3])).reshape(w.shape)


@op("Conv2DImageGrad", lambda x, w, g, **how: x)
def image_gradient(x, w, g, stride=1, padding="VALID"):
    """The slopes of the images x, given those of the result."""
    if stride != 1:
        raise NotImplementedError("the gradient to an image takes stride 1 only")
    kh, kw, *_ = w.shape
    total, rows, columns = padded(np.zeros_like(x), kh, kw, 1, padding)
    windows = (g.reshape(-1, w.shape[3]) @ w.reshape(-1, w.shape[3]).T).reshape(*g.shape[:3], kh, kw, w.shape[2])
    for a in range(kh):
        for b in range(kw):
            total[:, a:a + rows, b:b + columns] += windows[:, :, :, a, b]
    above, left = (places(x.shape[k + 1], w.shape[k], 1, padding)[1] for k in (0, 1))
    return total[:, above:above + x.shape[1], left:left + x.shape[2]]


@rule("Conv2D")
def conv_rule(op, g):
    return [op.graph.create(type, *op.inputs, g, **op.attrs) for type in ("Conv2DImageGrad", "Conv2DFilterGrad")]

# %% [markdown]
# Is it so? Finite differences, as in chapter 03: change one number by a little to either side, and see how the loss changes. Here the loss
# is the sum of the results, each times a random weight.

# %%
def checked(graph, loss, variables, random, tries=12):
    """The largest relative error of gradients at some numbers of the variables, against a step of 1e-5 to either side."""
    session, slopes, worst = Session(graph), gradients(loss, variables), 0.0
    session.initialize()
    for v, g in zip(variables, session.run(slopes)):
        value = session.values[v.op]
        for _ in range(tries):
            at, found = tuple(random.integers(value.shape)), []
            for step in 1e-5, -1e-5:
                value[at] += step
                found.append(session.run(loss))
                value[at] -= step
            worst = max(worst, abs((found[0] - found[1]) / 2e-5 - g[at]) / max(1, abs(g[at])))
    return worst

for padding in "SAME", "VALID":
    graph = Graph()
    x, w = graph.variable(random.normal(size=(2, 6, 5, 3))), graph.variable(random.normal(size=(3, 2, 3, 4)))
    y = graph.create("Conv2D", x, w, padding=padding)
    loss = graph.create("Sum", y * random.normal(size=y.shape))
    assert checked(graph, loss, [x, w], random) < 1e-8
    print(f"{padding}: 12 slopes of the images and 12 of the filters agree with finite differences to 1e-8")

# %% [markdown]
# One more look at the image's gradient, along one side. Pixels $a, b, c, d$ and a filter 1, 2, 3 make two results, with slopes 10 and
# 1. The windows hand out 10, 20, 30 from $a$ on, and 1, 2, 3 from $b$ on; in all 10, 21, 32, 3. Now lay the filter backwards, 3, 2, 1,
# on the slopes with zeros around them, 0, 0, 10, 1, 0, 0: the products are $10$, $20 + 1$, $30 + 2$, $3$. The same numbers, for
# the window that begins one pixel *before* $b$ has $b$ under its *second* tap. So the gradient is a convolution itself, with the filter
# turned by 180 degrees. Then the kernel of the forward pass can compute it, and no patches need to be laid back:

# %%
x, w = random.normal(size=(2, 6, 5, 3)), random.normal(size=(3, 2, 3, 4))
g = random.normal(size=(2, 4, 4, 4))
turned = w[::-1, ::-1].transpose(0, 1, 3, 2)                        # and filters change places with channels
around = np.pad(g, ((0, 0), (2, 2), (1, 1), (0, 0)))                # taps - 1 on each side
assert np.allclose(conv2d(around, turned), image_gradient(x, w, g))
print("convolution with the filter turned = patches laid back")

# %% [markdown]
# ## 5. Max pooling
#
# After a convolution, a network knows *where* each feature is, to the pixel. To read a digit that is more than it needs. *Max pooling* cuts
# a map into windows of 2 by 2 and keeps the greatest number of each: the feature is there, about here. A quarter of the numbers is left,
# and a shift by one pixel changes less of them.
#
# $$\begin{matrix} 1 & 2 & 0 & 1 \\ 0 & 3 & 1 & 1 \\ 0 & 0 & 5 & 1 \\ 0 & 0 & 2 & 4 \end{matrix}
# \quad \to \quad \begin{matrix} 3 & 1 \\ 0 & 5 \end{matrix}$$
#
# In NumPy, windows side by side are a matter of `reshape`: 4 rows are 2 windows of 2 rows.

# %% tags=["built"]
def in_windows(x, size):
    """[n, rows, columns, channels, size * size]: the windows side by side, each read row by row."""
    n, h, w, channels = x.shape
    cut = x.reshape(n, h // size, size, w // size, size, channels)
    return cut.transpose(0, 1, 3, 5, 2, 4).reshape(n, h // size, w // size, channels, -1)


def pool_shape(x, size=2):
    if x[1] % size or x[2] % size:
        raise ValueError(f"MaxPool: windows of {size} do not cut {x[1]} by {x[2]} pixels evenly")
    return x[0], x[1] // size, x[2] // size, x[3]


@op("MaxPool", pool_shape)
def max_pool(x, size=2):
    return in_windows(x, size).max(axis=-1)

# %%
four = np.array([[1.0, 2, 0, 1], [0, 3, 1, 1], [0, 0, 5, 1], [0, 0, 2, 4]])
print(max_pool(four.reshape(1, 4, 4, 1)).reshape(2, 2))

# %% [markdown]
# Its gradient: the greatest number of a window was passed on, so it gets the window's slope, and the others get 0. A change of theirs
# would change nothing. But look at the window at the top right: 0, 1, 1, 1. Which of the three? A first answer: whoever equals the
# greatest.

# %%
def to_all_equal(x, y, g):
    """The slope of each window, to all that equal its greatest."""
    return np.where(x == y.repeat(2, 0).repeat(2, 1), g.repeat(2, 0).repeat(2, 1), 0.0)

pooled = np.array([[3.0, 1], [0, 5]])
got = to_all_equal(four, pooled, np.ones((2, 2)))
print(got)
print("handed in: 4, handed out:", got.sum())
assert got.sum() != 4

# %% [markdown]
# Four slopes of 1 came in, nine went out. If all pixels of that window grow by 0.1, the greatest grows by 0.1, and not by 0.3. So a window
# must hand out what it got: to one of the equals, or in shares. At a tie the function has a kink, and a step to one side measures something
# else than a step to the other; any of these is right. TensorFlow and minitf give all to the *first*, row by row. So shall we: `argmax`
# finds the first.

# %% tags=["built"]
@op("MaxPoolGrad", lambda x, g, size=2: x)
def max_pool_gradient(x, g, size=2):
    """The slope of each window goes to its greatest number; to the first of equal ones."""
    windows = in_windows(x, size)
    result = np.zeros_like(windows)
    np.put_along_axis(result, windows.argmax(axis=-1)[..., np.newaxis], g[..., np.newaxis], axis=-1)
    n, h, w, channels = g.shape
    return result.reshape(n, h, w, channels, size, size).transpose(0, 1, 4, 2, 5, 3).reshape(x.shape)


@rule("MaxPool")
def max_pool_rule(op, g):
    return [op.graph.create("MaxPoolGrad", op.inputs[0], g, **op.attrs)]

# %%
print(max_pool_gradient(four.reshape(1, 4, 4, 1), np.ones((1, 2, 2, 1))).reshape(4, 4))
graph = Graph()
x = graph.variable(random.normal(size=(2, 4, 6, 3)))
y = graph.create("MaxPool", x)
assert checked(graph, graph.create("Sum", y * random.normal(size=y.shape)), [x], random) < 1e-8
print("12 slopes of random images agree with finite differences to 1e-8")

# %% [markdown]
# (Random numbers have no ties, so finite differences can check this.) Are ties rare, then? In networks they are not, for a pooling
# follows a relu, and where a whole window is negative there are four zeros. Of windows that see some ink only, since those on the white
# paper are all ties:

# %%
maps = np.maximum(conv2d(test_images[:50].reshape(-1, 28, 28, 1).astype(float), by_hand, 1, "SAME"), 0)
windows = in_windows(maps, 2)
tied = (windows == windows.max(-1, keepdims=True)).sum(-1) > 1
ink = np.repeat(in_windows(test_images[:50].reshape(-1, 28, 28, 1), 2).max(-1) > 0, 3, axis=3)
print(f"windows with a tie: {tied[ink].mean():.0%} of those with ink, {tied[~ink].mean():.0%} of the others")

# %% [markdown]
# It does little harm: the relu's own rule gives those zeros a slope of 0.
#
# (*Average pooling* takes the mean of a window in place of the greatest, and hands each pixel its share of the slope; with SAME the mean
# is that of the pixels inside the image. Exercise `avg_pool`.)
#
# One piece is missing. The last layers are those of chapter 04 and want vectors: an op that reads an image as one long row, and the way
# back.

# %% tags=["built"]
@op("Flatten", lambda x: (x[0], int(np.prod(x[1:]))))
def flatten(x):
    return x.reshape(len(x), -1)


@op("ReshapeLike", lambda x, like: like)
def reshape_like(x, like):
    return x.reshape(like.shape)


@rule("Flatten")
def flatten_rule(op, g):
    return [op.graph.create("ReshapeLike", g, op.inputs[0])]

# %% [markdown]
# A network of them. Two convolutions, each with a relu; then pooling, and scores:

# %%
def own_network(random):
    """(images, labels, logits, loss, variables)"""
    graph = Graph()
    images, labels = graph.placeholder((None, 28, 28, 1), "images"), graph.placeholder((None, 10), "labels")
    x, variables = images, []
    for name, shape, how in ("conv1", (5, 5, 1, 8), dict(stride=2, padding="SAME")), ("conv2", (5, 5, 8, 16), dict(padding="VALID")):
        w = graph.variable(random.normal(0, np.sqrt(2 / np.prod(shape[:3])), shape), f"{name}/filters")
        b = graph.variable(np.zeros(shape[3]), f"{name}/biases")
        x = graph.create("Relu", graph.create("Conv2D", x, w, name=name, **how) + b)
        variables += [w, b]
    x = graph.create("Flatten", graph.create("MaxPool", x))
    w = graph.variable(random.normal(0, np.sqrt(1 / x.shape[1]), (x.shape[1], 10)), "softmax/weights")
    b = graph.variable(np.zeros(10), "softmax/biases")
    logits = x @ w + b
    return images, labels, logits, graph.create("Xent", logits, labels), variables + [w, b]

images, labels, logits, loss, variables = own_network(np.random.default_rng(0))
draw(loss)

# %% [markdown]
# The shapes on the lines: 28 by 28 pixels, a stride of 2 makes 14 by 14 with 8 maps, 5 by 5 taps without padding leave 10 by 10 with 16
# maps, pooling 5 by 5, which are 400 numbers. It will read digits at the end of the chapter. Ask it now for the gradients of all its
# variables:

# %%
slopes = gradients(loss, variables)
session = Session(loss.op.graph)
session.initialize()
feeds = {images: test_images[:8].reshape(-1, 28, 28, 1), labels: test_labels[:8]}
print([g.shape for g in session.run(slopes, feeds)])
print("of", sum(op.type == "Conv2DImageGrad" for op in loss.op.graph.operations), "gradients to images, run:",
      sum(op.type == "Conv2DImageGrad" for plan in session.plans.values() for op in plan))

# %% [markdown]
# The first convolution has a stride, and our gradient to its image would refuse. It is in the graph and was never asked: nobody wants to
# know how a digit should change, so the session pruned it (chapter 02). Section 12 will want to know, of a net without strides.
#
# ## 6. The package's own
#
# In minitf a convolution is an op with a rule for shapes, two gradient ops, and three kernels. The shapes first. `window_count` is our
# `places`, and an exercise:

# %%
import minitf.ops.conv_ops
from minitf.autodiff import conv_grad

show_source(minitf.ops.conv_ops.conv2d_shape)

# %%
show_source(conv_grad._conv2d, conv_grad._conv2d_backprop_input)

# %% [markdown]
# The rule is ours: a gradient op for the image, one for the filter. The second one says more: the gradient of an image's gradient is a
# convolution again, so second derivatives cost no further kernel. The first input is a shape and not an image, since the sizes are all
# that is needed of it.
#
# The kernel, `minitf/kernels/cpu/conv.pyx`, writes no patches. It computes the convolution *directly*, and the trick is where the sums are
# kept. A processor multiplies and adds 8 doubles or 16 floats in one instruction (AVX-512; half of that with AVX2), and it can begin two of
# those per cycle. It can load about two vectors per cycle as well. So if every multiply-add needs two numbers from memory and stores one,
# it waits for memory. But it has 32 vector *registers*, and what is in a register needs no load.

# %% tags=["nbval-ignore-output"]
fig, (ax, below) = plt.subplots(2, 1, figsize=(8, 5.6), height_ratios=[3, 1])
for p in range(14):
    ax.add_patch(plt.Rectangle((-3, -p), 1, 0.9, color="tab:orange", alpha=0.5))
    for v in range(2):
        ax.add_patch(plt.Rectangle((v * 8, -p), 7.8, 0.9, color="tab:blue", alpha=0.35))
for v in range(2):
    ax.add_patch(plt.Rectangle((v * 8, 2), 7.8, 0.9, color="tab:green", alpha=0.45))
ax.annotate("", (8, 1), (8, 2), arrowprops=dict(arrowstyle="->"))
ax.annotate("", (0, -6), (-2, -6), arrowprops=dict(arrowstyle="->"))
ax.text(8, 3.3, "one tap, one channel, of 32 filters: 2 vectors, loaded once", ha="center", fontsize=9)
ax.text(-2.5, 1.4, "14 pixels", ha="center", fontsize=9)
ax.text(16.3, -6.5, "28 sums\nin 28 registers:\n14 pixels of a row\nby 32 filters\n(16 floats in each)", va="center", fontsize=9)
_ = ax.set(xlim=(-4, 22), ylim=(-13.5, 4))
for k in range(24):                                        # a row of six pixels of three channels, a zero pixel on each side
    below.add_patch(plt.Rectangle((k, 0), 0.9, 0.9, color="tab:orange", alpha=0.15 if k < 3 or k > 20 else 0.5))
    below.text(k + 0.45, 0.45, "0" if k < 3 or k > 20 else "rgb"[k % 3], ha="center", va="center", fontsize=8)
for first, y in (0, -1.2), (3, -2.3):
    below.add_patch(plt.Rectangle((first, y), 8.9, 0.9, color="tab:green", alpha=0.45))
    below.text(first + 9.3, y + 0.45, f"pixel {first // 3}: three taps by three channels", va="center", fontsize=8)
_ = below.set(xlim=(-1, 30), ylim=(-2.6, 1.2))
for part in ax, below:
    part.axis("off")
plt.show()

# %% [markdown]
# Above, a *tile*: 14 neighbouring pixels of the result by 32 filters are computed together. For each tap and channel, the 32 weights are
# loaded (2 vectors, green), and each of the 14 pixels (orange) is loaded into all lanes of one register and multiplied with both: $2 + 14 =
# 16$ loads for 28 multiply-adds, and no store until the sums are complete. How does that depend on the tile? The sums need registers, the
# weights too, and one more holds the pixel.

# %%
for pixels, vectors in (1, 1), (4, 1), (14, 1), (14, 2), (7, 4), (8, 4):
    needs = pixels * vectors + vectors + 1
    print(f"{pixels:2} pixels by {vectors} vectors: {(pixels + vectors) / (pixels * vectors):.2f} loads a multiply-add, {needs} registers")

# %% [markdown]
# A tile of one pixel needs two loads for each multiply-add; 14 by 2 needs little more than half a load, and 31 registers of 32. By the
# count of loads 7 by 4 is better still, but it needs 33 registers: the compiler *spills* one, it is stored and loaded again in each step,
# and 8 by 4 spills five. The kernel has tiles of several widths and takes what suits the number of filters.
#
# The other half of the trick is in the lower picture. A row of the image lies in memory pixel by pixel, the channels of each side by side,
# and a row of a filter lies likewise. So the taps of one filter row and all their channels are *one stretch*, here of nine numbers, and the
# next pixel's stretch begins one pixel further. A pixel's sum is a few such stretches, one for each row of taps. That is the whole inner
# loop, a macro of C that is made for each size P by V; `run` has the beginnings of the stretches, `apart` is the distance of two pixels:

# %%
header = (Path(minitf.__file__).parent / "kernels" / "cpu" / "conv_tile.h").read_text()
macro = header[header.index("#define DEFINE_PIXEL_TILE"):header.index("#define DEFINE_FILTER_TILE")]
print("\n".join(line.rstrip(" \\") for line in macro.rstrip().split("\n")))

# %% [markdown]
# Rows of taps above or below the image are left out of the sum. To the left and right of it there must be zeros between two stretches, so a
# band of rows, as large as the second cache holds, is copied with zeros around. Each pixel is copied once, and not once for each window.
# How fast is that? A layer like VGG's, 28 by 28 pixels, 64 channels, 64 filters of 3 by 3, has 28.9 million multiply-adds, two operations
# each. Beside it, the processor's best case: a product of two matrices by BLAS.

# %% tags=["nbval-ignore-output"]
with tf.Graph().as_default():
    fed = tf.Variable(tf.zeros([8, 28, 28, 64]))
    layer = tf.nn.conv2d(fed, tf.zeros([3, 3, 64, 64]), [1, 1, 1, 1], "SAME")
    sess = tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=1))
    sess.run(tf.global_variables_initializer())
eight, w, square = (np.ones(shape, np.float32) for shape in ((8, 28, 28, 64), (3, 3, 64, 64), (1024, 1024)))
work = 8 * 2 * 28 * 28 * 64 * 64 * 9
rates = {"minitf, convolution": work / best(lambda: sess.run(layer.op)),
         "our im2col": work / best(lambda: conv2d(eight, w, 1, "SAME"), 3),
         "BLAS, 1024 by 1024": 2 * 1024 ** 3 / best(lambda: square @ square, 5)}
for name, rate in rates.items():
    print(f"{name:20} {rate / 1e9:5.0f} billion operations a second (float32)")

# %% [markdown]
# The direct kernel runs at about the speed of a large matrix product, with no patch written. (Figures of one machine and one thread; on
# another, with other caches and another BLAS, even their order may differ.)
#
# Do ours and the package's agree? Fifty random layers: the convolution, both gradients, the pooling and its gradient, with few different
# numbers in the images, so that there are ties.

# %%
def in_ours(x, w, g, padding, pool_slopes):
    y = conv2d(x, w, 1, padding)
    return y, filter_gradient(x, w, g, 1, padding), image_gradient(x, w, g, 1, padding), max_pool(x), max_pool_gradient(x, pool_slopes)

def in_tf(x, w, g, padding, pool_slopes):
    with tf.Graph().as_default(), tf.Session() as sess:
        x, w = tf.constant(x), tf.constant(w)
        y, pooled = tf.nn.conv2d(x, w, [1, 1, 1, 1], padding), tf.nn.max_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], "VALID")
        return sess.run([y, *tf.gradients(y, [w, x], tf.constant(g)), pooled, *tf.gradients(pooled, [x], tf.constant(pool_slopes))])

worst = 0.0
for seed in range(50):
    random = np.random.default_rng(seed)
    n, rows, columns, channels, filters = random.integers(1, [4, 7, 7, 5, 20])
    x = random.integers(-2, 3, (n, 2 * rows, 2 * columns, channels)).astype(float)
    w = random.normal(size=(*random.integers(1, [min(4, 2 * rows + 1), min(4, 2 * columns + 1)]), channels, filters))
    padding = ("SAME", "VALID")[seed % 2]
    case = x, w, random.normal(size=conv_shape(x.shape, w.shape, 1, padding)), padding, random.normal(size=pool_shape(x.shape))
    worst = max(worst, *(abs(a - b).max() for a, b in zip(in_ours(*case), in_tf(*case))))
assert worst < 1e-10
print("fifty layers agree to 1e-10")

# %% [markdown]
# ## 7. An Inception module
#
# How large should a filter be: 3 by 3, or 5 by 5? GoogLeNet, which won ImageNet in 2014 (Szegedy and others, "Going deeper with
# convolutions", 2015), does not choose. Its module looks at the same pixels in four ways, and lays the maps side by side in the channels:
# `tf.concat(values, axis)` along axis 3. In minitf now, with the channels of its first module. `tf.nn.bias_add` adds one number to each
# channel; `tf.name_scope` puts a name before those of the ops made in it.

# %%
def convolution(x, filters, size):
    """size by size taps, SAME, with bias and relu."""
    shape = [size, size, x.shape[3].value, filters]
    w = tf.Variable(tf.truncated_normal(shape, stddev=(2 / np.prod(shape[:3])) ** 0.5), name="weights")
    y = tf.nn.conv2d(x, w, [1, 1, 1, 1], "SAME")
    return tf.nn.relu(tf.nn.bias_add(y, tf.Variable(tf.zeros([filters]), name="biases")))

def module(x, one, reduce3, three, reduce5, five, pooled):
    with tf.name_scope("one"):
        a = convolution(x, one, 1)
    with tf.name_scope("three"):
        b = convolution(convolution(x, reduce3, 1) if reduce3 else x, three, 3)
    with tf.name_scope("five"):
        c = convolution(convolution(x, reduce5, 1) if reduce5 else x, five, 5)
    with tf.name_scope("pool"):
        most = tf.nn.max_pool(x, [1, 3, 3, 1], [1, 1, 1, 1], "SAME")
        d = convolution(most, pooled, 1) if pooled else most
    return tf.concat([a, b, c, d], 3, name="concat")

with tf.Graph().as_default() as with_reductions:
    x = tf.placeholder(tf.float32, [None, 28, 28, 192], name="x")
    y = module(x, 64, 96, 128, 16, 32, 32)
draw(y)

# %% [markdown]
# 64, 128, 32 and 32 maps make 256. The pooling has stride 1 and gives as many pixels as it takes.
#
# And what are the two filters of 1 by 1, before the larger ones? A convolution of 1 by 1 looks at one pixel only: 192 channels go in, 16
# come out, the same matrix for every pixel. It *reduces*, so that the 5 by 5 behind it has less to do. How much less? All of that stands in
# the graph, without running it: variables have shapes, and so have results.

# %%
def parameters(graph):
    """The numbers that training can change."""
    with graph.as_default():
        return sum(v.shape.num_elements() for v in tf.trainable_variables())

def multiplications(graph):
    """Of one image: each weight of a filter is used once at each place, each of a dense layer once."""
    total = 0
    for op in graph.get_operations():
        if op.type == "Conv2D":
            _, rows, columns, _ = op.outputs[0].shape.as_list()
            total += op.inputs[1].shape.num_elements() * rows * columns
        elif op.type == "MatMul":
            total += op.inputs[1].shape.num_elements()
    return total

with tf.Graph().as_default() as without:
    _ = module(tf.placeholder(tf.float32, [None, 28, 28, 192]), 64, 0, 128, 0, 32, 0)
for name, graph in ("with", with_reductions), ("without", without):
    channels = [op for op in graph.get_operations() if op.type == "ConcatV2"][0].outputs[0].shape[3].value
    work = multiplications(graph) / 1e6
    print(f"{name:8} reductions: {parameters(graph):8,} parameters, {work:6.1f} million multiplications, {channels} channels")

# %% [markdown]
# By hand for the 5 by 5: without a reduction $5 \cdot 5 \cdot 192 \cdot 32 = 153,600$ weights; with one, $192 \cdot 16 + 5 \cdot 5 \cdot 16
# \cdot 32 = 15,872$, a tenth. The whole module has well under half of the parameters and of the work. And without the reduction behind the
# pooling, all 192 that come in go out again beside the others: 416 in place of 256.
#
# ## 8. Where the parameters are
#
# `minitf/course/nets.py` has the networks that made the field, each a dozen lines. Here are the module again, and AlexNet (Krizhevsky and
# others, 2012):

# %%
show_source(nets.inception, nets.alexnet)

# %% [markdown]
# Built as graphs, with a placeholder for images of the size that they were made for. No session, no weights: it takes milliseconds, and the
# 140 million numbers of VGG are nowhere.

# %%
NETS = {"LeNet-5": (nets.lenet, 28, 1), "AlexNet": (nets.alexnet, 224, 3), "Overfeat": (nets.overfeat, 231, 3),
        "VGG-A": (nets.vgg, 224, 3), "VGG-16": (lambda x: nets.vgg(x, 16), 224, 3), "VGG-19": (lambda x: nets.vgg(x, 19), 224, 3),
        "GoogLeNet": (nets.googlenet, 224, 3)}

def built_net(name):
    network, size, channels = NETS[name]
    with tf.Graph().as_default() as graph:
        network(tf.placeholder(tf.float32, [None, size, size, channels]))
    return graph

print("             parameters   in dense layers   multiplications   in dense layers")
for name in NETS:
    graph = built_net(name)
    products = [op.inputs[1].shape.num_elements() for op in graph.get_operations() if op.type == "MatMul"]
    total, work = parameters(graph), multiplications(graph)
    print(f"{name:10} {total:12,} {sum(products) / total:16.0%} {work / 1e6:14,.1f} million {sum(products) / work:16.0%}")

# %% [markdown]
# How does that fit what is told? *LeNet-5*: 60,000 in the paper (LeCun and others, 1998), whose second convolution did not look at all
# maps. *AlexNet*: "60 million parameters", says its paper. Ours is the later form for one GPU ("One weird trick", 2014), with 61. *VGG*: a
# slide of the talk says 180 million. The paper (Simonyan and Zisserman, 2014) and our count say 133 for the smallest, 138 for VGG-16, 144
# for VGG-19; we do not know where 180 comes from.
# *GoogLeNet*: the paper says twelve times fewer than AlexNet, which would be 5 million; without the two auxiliary outputs that it trained
# with it has 7.
#
# And look at the last column. In AlexNet and VGG, nine of ten parameters are in the dense layers at the end, and nine of ten
# multiplications are in the convolutions. A filter is used at every place, a dense weight once. GoogLeNet does away with the dense layers:
# it takes the mean of each map over all pixels, `tf.reduce_mean(x, [1, 2])`, and has one small matrix for the classes. So it is a twentieth
# of VGG-16 in parameters, and a tenth in work.

# %% [markdown]
# ## 9. The talk's table
#
# When TensorFlow came out in November 2015 it was slow at just these networks, and others measured it: S. Chintala's convnet-benchmarks,
# on one Titan X GPU. The talk shows what the next version had gained (milliseconds a batch, forward / forward and backward; "OxfordNet" is
# VGG-A; rows and columns are the talk's own, and a batch is not of the same size in all of them):
#
# | | AlexNet | OxfordNet | Overfeat |
# |---|---|---|---|
# | TensorFlow 0.5 | 97 / 336 | 573 / 1923 | 322 / 1179 |
# | TensorFlow 0.6 | 70 / 230 | 338 / 1240 | 198 / 832 |
# | time saved | 28 % / 32 % | 41 % / 36 % | 39 % / 29 % |
#
# ("Time saved" is 1 − 70/97. One slide says +39 % for AlexNet, which is 97/70 − 1, more images a second. Both are right; do not mix them.)
# In April 2016 the same benchmark took 81 milliseconds for AlexNet forward and backward, from layouts, memory and a newer cuDNN. The
# graphs were the same all the time.
#
# The same table for minitf, on one core. The nets are scaled: images of 96 by 96 and eight in a batch, a quarter of the channels.

# %%
TALK = {"AlexNet": nets.alexnet, "OxfordNet": nets.vgg, "Overfeat": nets.overfeat}
ONE_HOT = np.eye(1000, dtype=np.float32)[:8]

def prepared(network, level=tf.OptimizerOptions.L1):
    """(session, forward, forward and backward) of a net that holds eight images of noise; both have run once."""
    config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
    config.graph_options.optimizer_options.opt_level = level
    with tf.Graph().as_default():
        tf.set_random_seed(0)
        images = tf.Variable(tf.truncated_normal([8, 96, 96, 3]), trainable=False)
        loss = tf.nn.softmax_cross_entropy_with_logits(labels=tf.constant(ONE_HOT), logits=network(images, width=0.25))
        step = tf.group(*tf.gradients(loss, tf.trainable_variables()))
        sess = tf.Session(config=config)
        sess.run(tf.global_variables_initializer())
    sess.run(loss.op)
    sess.run(step)
    return sess, loss.op, step

def medians(variants, rounds=7):
    """Milliseconds of processor time of each variant, (forward, forward and backward): medians of rounds in which each runs once."""
    found = []
    for _ in range(rounds):
        found.append([[best(lambda: sess.run(op), 1) for op in ops] for sess, *ops in variants])
    return 1e3 * np.median(found, axis=0)

# %% [markdown]
# (`tf.group` makes one op that waits for all gradients.) Against one another: our im2col, and the package's kernel.
# `register_python_kernel` puts a function of NumPy under an op's name; the last one registered wins, for sessions made from then on.

# %%
from minitf.core.registry import register_kernel
from minitf.kernels.cpu import conv, conv_filter
from minitf.kernels.cpu.kernel import register_python_kernel

def how(attrs):
    return attrs["strides"][1], attrs["padding"]

def use_ours():
    register_python_kernel("Conv2D", T=["float32"])(lambda attrs, x, w: conv2d(x, w, *how(attrs)))
    register_python_kernel("Conv2DBackpropFilter", T=["float32"])(
        lambda attrs, x, shape, g: filter_gradient(x, np.empty(shape, x.dtype), g, *how(attrs)))
    register_python_kernel("Conv2DBackpropInput", T=["float32"])(
        lambda attrs, shape, w, g: image_gradient(np.empty(shape, g.dtype), w, g, *how(attrs)))

def use_theirs():
    for kernel in conv.Conv2D, conv_filter.Conv2DBackpropFilter, conv.Conv2DBackpropInput:
        register_kernel(kernel.__name__, T=["float32"])(kernel)

use_ours()
ours = [prepared(net) for net in TALK.values()]
use_theirs()
theirs = [prepared(net) for net in TALK.values()]

# %% tags=["nbval-ignore-output"]
slow, fast = np.split(medians(ours + theirs), 2)
print(f"{'milliseconds':20}" + "".join(f"{name:>18}" for name in TALK))
for name, row in ("im2col", slow), ("direct kernels", fast):
    print(f"{name:20}" + "".join(f"{f'{forward:.1f} / {both:.1f}':>18}" for forward, both in row))
print(f"{'time saved':20}" + "".join(f"{f'{a:.0%} / {b:.0%}':>18}" for a, b in 1 - fast / slow))
print(f"{'backward / forward':20}" + "".join(f"{both / forward - 1:18.1f}" for forward, both in fast))

# %% [markdown]
# (The images are synthetic noise, which changes nothing here. Each figure is a median of seven rounds, in which the variants take turns, by
# processor time on one thread.)
#
# * The kernel saves from a third to four fifths of the time. Where a network spends its time in a few large ops, little else counts.
# * The backward pass takes one and a half to two times as long as the forward pass: two products for one, as the two gradients of section
#   4 say, and the first layer has but one of them, since its gradient to the image is pruned. The tables of the talk have 2.3 to 3.2. If
#   a framework shows you 5, look for what it copies.
# * AlexNet's and Overfeat's gradients were computed by our kernels too, though their first layers have strides: pruned again.
#
# And what the session does to a graph: constants folded, equal ops merged, element-wise ops fused (L1, the default)? In such nets the
# difference of time is lost in the noise of measurement. What can be counted are the instructions of a step, and the memory for what it
# computes:

# %% tags=["nbval-ignore-output"]
for name, net in TALK.items():
    for level, optimised in ("as built (L0)", prepared(net, tf.OptimizerOptions.L0)), ("optimised (L1)", theirs[list(TALK).index(name)]):
        plan = optimised[0].explain(optimised[2])
        print(f"{name:10} {level:15} {len(plan.instructions()):4} instructions {plan.peak_bytes / 1e6:8.2f} MB")

# %% [markdown]
# A few instructions of a hundred, and not a byte. Fusing pays where there are many small ops (chapter 06 has some). *Batch normalisation*
# (Ioffe and Szegedy, 2015) is one: each channel is given mean 0 and variance 1 over the batch, then a scale and an offset that are trained.
# Written out these are eight ops that each read whole images, so `tf.nn.fused_batch_norm` has a kernel of its own. Its gradient must know
# that the mean moves too: exercise `batch_norm`.

# %% [markdown]
# ## 10. LeNet reads
#
# Back to the question of section 1. LeNet on the same 10,000 digits, five times over, with the same optimizer. So that we can look inside,
# it is written out as a class that keeps its layers; `tf.reshape` makes images of the vectors, −1 standing for what is left over, and
# `nets.pool` is a max pooling of 2 by 2.

# %%
class LeNet:
    """LeNet-5: logits [n, 10] of vectors of 784 pixels. It makes its weights when it is first called, and uses them again after that."""
    made = False

    def make(self):
        def weights(*shape, deviation=None):
            deviation = deviation or (2 / np.prod(shape[:-1])) ** 0.5
            return tf.Variable(tf.truncated_normal(shape, stddev=deviation)), tf.Variable(tf.zeros(shape[-1:]))
        self.conv1, self.conv2 = weights(5, 5, 1, 6, deviation=0.02), weights(5, 5, 6, 16)
        self.dense, self.made = [weights(400, 120), weights(120, 84), weights(84, 10)], True

    def maps(self, x, layer, padding):
        return tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, layer[0], [1, 1, 1, 1], padding), layer[1]))

    def __call__(self, x):
        if not self.made:
            self.make()
        self.first = self.maps(tf.reshape(x, [-1, 28, 28, 1]), self.conv1, "SAME")
        self.second = self.maps(nets.pool(self.first), self.conv2, "VALID")
        x, sums = tf.reshape(nets.pool(self.second), [-1, 400]), []
        for w, b in self.dense:
            sums.append(tf.matmul(x, w) + b)
            x = tf.nn.relu(sums[-1])
        self.hidden, logits = sums[1:]
        return logits

# %% [markdown]
# The filters of the first layer begin small, at 0.02: what is seen in them afterwards has been learned.

# %%
lenet = LeNet()
model = Trainer(lenet)
at_first = model.session.run(lenet.conv1[0])
print(f"{parameters(model.graph):,} parameters;", f"the flat network: {parameters(flat_model.graph):,}")

# %% tags=["nbval-ignore-output"]
model.fit(train_images, train_labels)
shares = [right_share(model, shifted(test_images, k)) for k in shifts]
fig, ax = plt.subplots(figsize=(6.5, 2.6))
ax.plot(shifts, flat_shares, "o-", color="tab:red", label="flat, 159,010 parameters")
ax.plot(shifts, shares, "s-", color="tab:blue", label="LeNet, 61,706")
_ = ax.set(xlabel="pixels to the right", ylabel="share read right", ylim=(0, 1), xticks=shifts)
ax.legend(loc="lower center")
plt.show()
print(f"at its place {shares[5]:.1%}, the flat network {flat_shares[5]:.1%}")
assert shares[5] > 0.97 and min(shares[3], shares[7]) > 0.88

# %% [markdown]
# With less than half of the parameters it makes about half of the mistakes, on digits at their place. Moved by two pixels, of which it has
# seen no example, it still reads nine of ten, where the flat one reads seven. It is not blind to a shift: the dense layers see *where* on
# a 5 by 5 grid a feature is, and at four pixels it fails on four of ten. (How much of this is the poolings' doing the curve does not say:
# for that one would train the same net with strides in their place.)
#
# On all 55,000 digits, with more maps and with dropout, the command `python examples/lenet.py` reads 99 % of the test digits.
#
# Has it really to do with neighbours? The counter-test: LeNet on the shuffled pixels of section 1, in as many
# passes.

# %% tags=["nbval-ignore-output"]
lost = right_share(Trainer(LeNet()).fit(train_images[:, shuffle], train_labels), test_images[:, shuffle])
print(f"LeNet on shuffled pixels {lost:.1%}, the flat network {share:.1%}")
assert lost < share

# %% [markdown]
# On pixels without neighbours a convolution is nothing but a network with too few weights. What a filter assumes must be true of the data.
#
# What has it learned? The six filters of the first layer, and the maps that they make of a digit, in the first layer (28 by 28) and the
# second (10 by 10):

# %% tags=["nbval-ignore-output"]
filters, first, second = model.session.run([lenet.conv1[0], lenet.first, lenet.second], {model.images: test_images[:1]})

def framed(arrays, titles, columns, **how):
    show_images(arrays, titles, columns, **how)
    for ax in plt.gcf().axes:
        if ax.images:
            ax.axis("on")
            ax.set(xticks=[], yticks=[])

framed([f[:, :, 0, k] for f in (at_first, filters) for k in range(6)],
       [f"{k}, {when}" for when in ("at first", "trained") for k in range(6)], 6, signed=True)
framed([test_images[0], *first[0].transpose(2, 0, 1)], ["image", *(f"first, {k}" for k in range(6))], 7)
framed(second[0].transpose(2, 0, 1), [f"second, {k}" for k in range(16)], 8)
print("size (root of the mean square), at first and now:", *(f"{np.sqrt(np.mean(f ** 2)):.3f}" for f in (at_first, filters)))

# %% [markdown]
# The filters were faint noise and are six times as large now. 0 and 3 ask for ink above and none below, 1 for the opposite, 4 for ink at
# the right and none at the left, like those that were written by hand; 2 and 5 are blurs. (Had they begun at $\sqrt{2 / 25} = 0.28$, the
# usual choice, they would look nearly as at first, and read as well.) In the first maps, 0 and 1 have the
# two edges of the bar, 4 the stem. In the second, coarser, some have the bar of the seven, some its stem, and some little.
#
# ## 11. Features without labels
#
# Can features be learned from the images alone, without anybody saying what they show? An *autoencoder* has its own input as its goal,
# through something narrow. Ours goes from 784 pixels to 100 numbers and back, and is given half of the pixels only: `tf.nn.dropout(x,
# keep_prob)` sets each to 0 with probability one half, and doubles the others (a *denoising*
# autoencoder; Vincent and others, 2008). To fill in what is missing, it must know what digits are made of. It is dense on
# purpose: what it finds out about near pixels comes from the images then, and not from us.

# %%
with tf.Graph().as_default() as coder:
    tf.set_random_seed(0)
    x, keep = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.float32, [])
    half = tf.nn.dropout(x, keep) * keep
    w = tf.Variable(tf.truncated_normal([784, 100], stddev=0.05))
    code = tf.nn.relu(tf.matmul(half, w) + tf.Variable(tf.zeros([100])))
    back = tf.matmul(code, w, transpose_b=True) + tf.Variable(tf.zeros([784]))
    loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=back))
    train = tf.train.AdamOptimizer(0.002).minimize(loss)
    guess = tf.sigmoid(back)
    coding = tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=1))
    coding.run(tf.global_variables_initializer())

for some, _, _ in batches(train_images, train_labels, 10):
    coding.run(train, {x: some, keep: 0.5})
print(f"loss on the test digits: {coding.run(loss, {x: test_images, keep: 0.5}):.2f}")

# %% [markdown]
# (A pixel is a number from 0 to 1, and the loss takes it as the probability of ink: `tf.sigmoid` and its cross entropy. The way back uses
# the same matrix, transposed.) Some test digits, what it was given, and what it made of that; then forty of its hundred features, each
# on a scale of its own:

# %% tags=["nbval-ignore-output"]
seen, guessed = coding.run([half, guess], {x: test_images[:10], keep: 0.5})
show_images([*test_images[:10], *seen, *guessed], columns=10)
show_images([f / abs(f).max() for f in coding.run(w).T[:40]], signed=True, columns=10)

# %% [markdown]
# Spots and strokes: a place that should be empty, blue, with red lines around it, as in the loop of a nine; or a bit of a slanted line.
# Each has its own place, since this network has no convolution. Nobody told it of nines.
#
# Are such features worth something? Suppose that only 100 of the digits have labels. A softmax regression (chapter 04) on their pixels,
# and one on their codes:

# %%
def regression(train_x, test_x, first):
    """The share of test digits read right by one matrix, trained on 100 labels, from the first on."""
    scale = train_x.std()
    with tf.Graph().as_default(), tf.Session() as sess:
        x, y = tf.placeholder(tf.float32, [None, train_x.shape[1]]), tf.placeholder(tf.float32, [None, 10])
        logits = tf.matmul(x, tf.Variable(tf.zeros([train_x.shape[1], 10]))) + tf.Variable(tf.zeros([10]))
        train = tf.train.AdamOptimizer(0.01).minimize(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=logits))
        sess.run(tf.global_variables_initializer())
        for _ in range(200):
            sess.run(train, {x: train_x / scale, y: train_labels[first:first + 100]})
        return (sess.run(logits, {x: test_x / scale}).argmax(1) == test_labels.argmax(1)).mean()

all_test, found = coding.run(code, {x: test_images, keep: 1.0}), []
for k in range(0, 500, 100):                                          # five draws of 100 digits
    few = train_images[k:k + 100]
    found.append((regression(few, test_images, k), regression(coding.run(code, {x: few, keep: 1.0}), all_test, k)))
pixels, codes = np.transpose(found)
assert codes.mean() > pixels.mean() + 0.01
print("from 100 labels, more is read on codes than on pixels, in the mean of five draws")

# %% tags=["nbval-ignore-output"]
for k, (a, b) in enumerate(found):
    print(f"draw {k}: pixels {a:.1%}, codes {b:.1%}")
print(f"mean:   pixels {pixels.mean():.1%}, codes {codes.mean():.1%}")

# %% [markdown]
# A few points, for no label at all. That was the hope of the years before 2012; with a million labelled images it was not needed for a
# while, and it has come back with a vengeance in language models, which learn from text with words taken out.
#
# ## 12. What a unit wants to see
#
# The talk shows what a unit far up in a network answers to, found "by numerical optimization". The optimizer of chapter 04 moves weights,
# so that the loss falls for a given image. Turn it around: hold the weights, and move the *image*, so that the score of a class grows. For
# that the image must be a variable, and the gradient to it is what was pruned so far. Ten images at once, one for each digit, begin as
# faint noise. The same `lenet`, with the same weights, is applied to them.

# %%
wanted = np.eye(10, dtype=np.float32)
with model.graph.as_default():
    tf.set_random_seed(1)
    dream = tf.Variable(tf.random_uniform([10, 784], 0, 0.1), trainable=False)
    probability = tf.reduce_sum(tf.nn.softmax(lenet(dream)) * wanted, 1)
    units = lenet.hidden[:, :10]
    rows = tf.reshape(dream, [10, 28, 28])
    rough = tf.reduce_sum(tf.square(rows[:, 1:] - rows[:, :-1])) + tf.reduce_sum(tf.square(rows[:, :, 1:] - rows[:, :, :-1]))
    penalty, length = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, [])
    unlike = rough + 0.1 * tf.reduce_sum(dream)

    def climbing(score):
        """An op that moves the ten images a little, so that the sum of the score grows."""
        uphill, = tf.gradients(tf.reduce_sum(score) - penalty * unlike, dream)
        uphill /= tf.reduce_max(tf.abs(uphill), 1, keepdims=True) + 1e-12
        return tf.assign(dream, tf.clip_by_value(dream + length * uphill, 0, 1))
    climb, climb_units = climbing(tf.log(probability)), climbing(units * wanted)

def dreamt(how_much, climb, steps=300):
    model.session.run(dream.initializer)
    for k in range(steps):
        model.session.run(climb, {penalty: how_much, length: 0.1 * (1 - k / steps)})
    return model.session.run([dream, probability])

# %% [markdown]
# `uphill` is the slope of the logarithm of the wanted probability, for each pixel, scaled so that the largest is 1; a step moves a pixel by
# at most a tenth, and less from step to step. `tf.clip_by_value` keeps pixels between white and black. First without a penalty.

# %% tags=["nbval-ignore-output"]
anything, sure = dreamt(0.0, climb)
show_images(anything, titles=[f"{k}: {p:.4f}" for k, p in enumerate(sure)], columns=5, size=1.4)
assert sure.min() > 0.99

# %% [markdown]
# LeNet is sure, to four digits, that these are a 0, a 1, a 2 and so on. It was never shown noise, and nobody told it that there are images
# that are no digits: it can only choose among ten. (Small noise of this kind, added to a photograph, makes an *adversarial example*;
# Szegedy and others, 2013.)
#
# To see what it looks for *in digits*, the image must be kept a little like one. Digits are smooth, neighbours are alike; and most of the
# paper is white. `rough` is the sum of the squares of the differences between neighbours, `unlike` adds a tenth of the ink, and the penalty
# is 0.003 of that:

# %% tags=["nbval-ignore-output"]
smooth, sure = dreamt(0.003, climb)
show_images(smooth, titles=[f"{k}: {p:.3f}" for k, p in enumerate(sure)], columns=5, size=1.4)
assert sure.min() > 0.99

# %% [markdown]
# Still surer than 99 % on each, and now some can be read: the 0, the 2, the 6. Of others only the part is drawn that tells the digit from
# the rest, such as the two arms of the four; and the one would fool nobody. The rest of the stroke costs ink and makes it no surer.
#
# The same for ten of the 84 units of the last hidden layer, which nobody has given a name (their sums before the relu grow, and the penalty
# is 0.1); in the title, the digit that LeNet reads in the picture:

# %% tags=["nbval-ignore-output"]
for_units, _ = dreamt(0.1, climb_units)
show_images(for_units, titles=[f"reads {k}" for k in model.read(for_units)], columns=10)

# %% [markdown]
# Half-digits: some show strokes of a two, others the loop of a nought. Such a unit puts together what the maps before it found apart, and
# the last layer adds such halves up.
#
# ## 13. The digits once more
#
# And your own framework: `own_network` of section 5, its convolution a product of patches, its gradients by our rules, Adam from chapter
# 04, in float64 and NumPy. Two passes over the 10,000 digits, with twice the learning rate.

# %% tags=["nbval-ignore-output"]
images, labels, logits, loss, variables = own_network(np.random.default_rng(0))
rate = loss.op.graph.placeholder((), "rate")
train = Adam(rate).minimize(loss, variables)
session = Session(loss.op.graph)
session.initialize()
began = time.process_time()
for some, their_labels, falling in batches(train_images, train_labels, 2):
    session.run(train, {images: some.reshape(-1, 28, 28, 1), labels: their_labels, rate: 2 * falling})
seconds = time.process_time() - began
told = np.concatenate([session.run(logits, {images: test_images[k:k + 500].reshape(-1, 28, 28, 1)}) for k in range(0, 5000, 500)]).argmax(1)
share = (told == test_labels.argmax(1)).mean()
print(f"{share:.1%} of the test digits are right, after {seconds:.0f} seconds and {sum(np.prod(v.shape) for v in variables):,} parameters")
assert share > 0.96

# %% [markdown]
# After two passes it reads more than the flat network did after five, with a twentieth of its parameters. The chapter added seven op types
# and three rules to the framework. The graph, the session, the walk backwards and the optimizer did not have to change: they have never
# known what an op computes.

# %% [markdown]
# ## Where this lives today
#
# **PyTorch**: `torch.nn.functional.conv2d` takes images as `[n, channels, rows, columns]`, filters as `[filters, channels, rows, columns]`;
# `channels_last` lays them out in memory as here. Its padding is a number for both sides; `padding="same"` works for stride 1 only. Im2col
# is there under the name `torch.nn.functional.unfold`, col2im as `fold`. On a GPU, cuDNN chooses among a dozen algorithms, some of which
# multiply in a transformed space (Winograd, FFT); `torch.backends.cudnn.benchmark = True` lets it try them. `torchvision.models` has
# AlexNet, VGG and GoogLeNet with trained weights.
#
# **JAX**: `jax.lax.conv_general_dilated` is one op for all: strides, dilation of the filter and of the image, groups. The gradient to the
# image is the same op, with the image dilated by the stride. Max pooling is `jax.lax.reduce_window` with `max`. Flax's `nn.Conv` puts
# weights to it.
#
# Both know *grouped* convolutions, of which AlexNet's two halves were the first.

# %% [markdown]
# ## Exercises
#
# The files are in `exercises/05_convnets/`. Each says in its docstring what to write, with an example. "Replaces" names what of the package
# yours stands in for: with `MINITF_SWAP=exercises/05_convnets` in the environment, minitf's networks run on your code.
#
# | file | what to write | points | replaces |
# |---|---|---|---|
# | `window_count.py` | at how many places a window stands; sizes may be unknown | 2 | `minitf.ops.conv_ops.window_count` |
# | `receptive_field.py` | how many pixels of the image a number deep in a network depends on, from any graph | 3 | |
# | `avg_pool.py` | average pooling whose windows count only what is inside the image | 3 | the kernel of AvgPool |
# | `batch_norm.py` | the gradient of batch normalisation, by hand | 4 | |
# | `max_pool_grad.py` | max pooling's gradient with windows that overlap, ties and NaN | 3 | the kernel of MaxPoolGrad |
# | `image_gradient.py` | the gradient to the image, with strides and dilation | 4 | the kernel of Conv2DBackpropInput |
# | `tile.pyx` | a convolution whose sums stay in registers, in Cython | 6 | the kernel of Conv2D |
#
#     make grade CH=05
#     make hint TASK=05/max_pool_grad
