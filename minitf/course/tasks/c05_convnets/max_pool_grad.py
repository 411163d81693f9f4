import numpy as np

from minitf.course.task import Task, close, equal

task = Task(
    "Max pooling backwards, where windows overlap",
    function="max_pool_grad",
    replaces="kernel MaxPoolGrad T=float64",
    hints=["Four loops over images, rows, columns and channels of g are fine to begin with: cut the window out of the image, find its "
           "greatest, add.",
           "np.argmax of a window gives the first of its greatest, and the first NaN if there is one. Cut the window so that it holds "
           "pixels of the "
           "image only: rows from max(0, begin) to min(h, begin + taps).",
           "Windows over channels are windows along columns, if you write the channels of each pixel as a row: image.reshape(1, -1, "
           "channels, 1). "
           "g likewise, and the result back into the image's shape."],
    why="""Where windows overlap, a program that assigns in place of adding loses slopes without a word, and the network still learns, a
        little worse: no error tells it, and finite differences do. GPU kernels that add from many threads at once get the sum right, but
        in an order that changes from run to run, and so does the last digit; cuDNN has a slower one beside it that does not
        (CUDNN_POOLING_MAX_DETERMINISTIC).""")


def backwards(mine, x, y, g, ksize, strides, padding):
    x, y, g = np.array(x), np.array(y), np.array(g)
    for a in (x, y, g):
        a.flags.writeable = False
    attrs = {"ksize": tuple(ksize), "strides": tuple(strides), "padding": padding, "data_format": "NHWC"}
    return np.asarray(mine.max_pool_grad(attrs, x, y, g))


def in_the_package(mine, x, g, ksize, strides, padding):
    with tf.Graph().as_default(), tf.Session() as sess:
        image = tf.constant(x)
        return sess.run(tf.gradients(tf.nn.max_pool(image, ksize, strides, padding), image, tf.constant(g))[0])


def windows(shape, ksize, strides, padding):
    """For each window: (its place in pooled, the slices of the image), both for one image; over channels too."""
    sides = []
    for size, taps, stride in zip(shape[1:], ksize[1:], strides[1:]):
        count = -(-size // stride) if padding == "SAME" else (size - taps) // stride + 1
        before = max(0, (count - 1) * stride + taps - size) // 2 if padding == "SAME" else 0
        sides.append([slice(max(0, i * stride - before), min(size, i * stride - before + taps)) for i in range(count)])
    return [((i, j, k), (r, c, d)) for i, r in enumerate(sides[0]) for j, c in enumerate(sides[1]) for k, d in enumerate(sides[2])]


def compare(run, random, x, ksize, strides, padding, what, package=False):
    """Window by window; of each, the first place in the order of memory at which the greatest stands."""
    ksize, strides = [1, *ksize, 1][:4], [1, *strides, 1][:4]
    all_windows = windows(x.shape, ksize, strides, padding)
    pooled = [1 + max(w[0][k] for w in all_windows) if all_windows else -(-x.shape[k + 1] // strides[k + 1]) for k in range(3)]
    y, g = np.zeros((len(x), *pooled)), random.integers(1, 100, (len(x), *pooled)).astype(float)
    wanted = np.zeros(x.shape)
    for n in range(len(x)):
        for to, here in all_windows:
            block = x[n][here]
            y[n][to] = block.max()
            first = np.nonzero((block == y[n][to]) if block.max() == block.max() else np.isnan(block))
            wanted[n][here][tuple(axis[0] for axis in first)] += g[n][to]
    got = run(in_the_package, x, g, ksize, strides, padding) if package else run(backwards, x, y, g, ksize, strides, padding)
    close(got, wanted, f"{what}: images {list(x.shape)}, windows {ksize}, strides {strides}, {padding}")


def without_ties(random, shape):
    return random.permutation(int(np.prod(shape))).reshape(shape).astype(float) - 20


@task.check(1, "windows that overlap, or leave pixels out",
            hint="Count the slopes that you hand out: their sum is that of g. A pixel in the middle of four windows may be the greatest "
                 "of each.")
def overlapping(run, random):
    for shape, ksize, strides in [((2, 4, 6, 3), (2, 2), (2, 2)), ((2, 7, 7, 2), (3, 3), (2, 2)), ((1, 5, 6, 4), (3, 2), (1, 1)),
                                  ((1, 9, 9, 1), (2, 2), (3, 4))]:
        compare(run, random, without_ties(random, shape), ksize, strides, "VALID", "no ties")
    compare(run, random, without_ties(random, (2, 7, 7, 2)), (3, 3), (2, 2), "VALID", "tf.gradients of a max pooling", package=True)


@task.check(0.5, "padding, which is neither 0 nor minus infinity",
            hint="Let all pixels be negative: does a zero of the padding win? Let them be minus infinity: which pixel comes first?")
def padding(run, random):
    for shape, ksize, strides in [((2, 5, 5, 3), (3, 3), (2, 2)), ((1, 6, 7, 2), (2, 2), (1, 1)), ((1, 3, 2, 2), (5, 5), (1, 1))]:
        compare(run, random, without_ties(random, shape) - 500, ksize, strides, "SAME", "negative numbers")
        x = random.standard_normal(shape)
        x[:, :2, :2] = -np.inf
        compare(run, random, x, ksize, strides, "SAME", "minus infinity in a corner")


@task.check(0.5, "ties, to the first of them row by row",
            hint="With few different numbers in the image, nearly every window has a tie. One of them gets the slope: which, if rows are "
                 "read one after the other?")
def ties(run, random):
    for shape, ksize, strides, how in [((2, 6, 6, 2), (2, 2), (2, 2), "VALID"), ((2, 7, 6, 3), (3, 3), (2, 1), "SAME"),
                                       ((1, 4, 5, 2), (4, 5), (1, 1), "VALID")]:
        compare(run, random, random.integers(0, 3, shape).astype(float), ksize, strides, how, "ties")


@task.check(0.5, "windows over channels",
            hint="With ksize (1, 1, 1, 3), channels 0, 1 and 2 of a pixel are one window. Rows and columns stay as they are.")
def depth(run, random):
    x = random.integers(0, 4, (2, 3, 2, 12)).astype(float)
    for k in (3, 4):
        compare(run, random, x, (1, 1, k), (1, 1, k), "VALID", "windows over channels")


@task.check(0.5, "NaN, and images of which there is nothing",
            hint="Every comparison with a NaN is false. And a sum over no windows is 0, in the image's shape.")
def special(run, random):
    x = random.standard_normal((1, 6, 6, 3))
    x[0, 1, 1, 0] = x[0, 1, 2, 0] = x[0, 3, 4, 1] = x[0, 5, 5, 2] = np.nan
    compare(run, random, x, (3, 3), (2, 2), "SAME", "NaN")
    for shape in [(0, 4, 4, 2), (2, 4, 4, 0), (2, 0, 3, 2), (2, 3, 0, 2)]:
        compare(run, random, np.zeros(shape), (2, 2), (2, 1), "SAME", "nothing")
        got = run(backwards, np.zeros((0, 4, 4, 1)), np.zeros((0, 2, 2, 1)), np.zeros((0, 2, 2, 1)), (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        equal(list(got.shape), [0, 4, 4, 1], "the shape of the slopes of no images")
