import numpy as np

from minitf.course.task import Task, close, equal, expect

task = Task(
    "A mean of what is there",
    function="avg_pool",
    replaces="kernel AvgPool T=float64",
    hints=["Begin with VALID: tap (a, b) of all windows at once is one slice of the image, with steps of the stride. Add up the slices of "
           "all taps, "
           "and divide by how many there are.",
           "With SAME, put zeros around the image first. The sums are right then. What could tell you, for each place, how many of its "
           "taps lie "
           "inside? Something that is 1 inside and 0 outside goes the same way.",
           "Pool an image of ones [1, rows, columns, 1] with the same zeros and the same sum over taps: that is the number of pixels "
           "inside, for "
           "each place. Zeros times infinity never occur, for nothing is multiplied."],
    why="""Caffe counted the padding, Torch could do both, and PyTorch has a switch for it (count_include_pad, which is True unless you say
        otherwise): a network that is carried over without looking gets darker edges, and nobody notices but the accuracy. The gradient
        hands each pixel g divided by the same number. Pooling the ones is a trick worth remembering: whatever a linear op does at edges,
        what it does to an image of ones says it.""")


def pooled(mine, x, ksize, strides, padding):
    x = np.array(x)
    x.flags.writeable = False
    with np.errstate(all="ignore"):
        attrs = {"ksize": (1, *ksize, 1), "strides": (1, *strides, 1), "padding": padding, "data_format": "NHWC"}
        return np.asarray(mine.avg_pool(attrs, x))


def steps(mine, x, ksize, strides, padding):
    """How many lines of Python the function runs."""
    import sys
    count = 0

    def trace(frame, event, arg):
        nonlocal count
        if event == "line" and frame.f_code.co_filename == mine.avg_pool.__code__.co_filename:
            count += 1
        return trace
    sys.settrace(trace)
    try:
        mine.avg_pool({"ksize": (1, *ksize, 1), "strides": (1, *strides, 1), "padding": padding}, x)
    finally:
        sys.settrace(None)
    return count


def in_the_package(mine, x, ksize, strides, padding):
    with tf.Graph().as_default(), tf.Session() as sess:
        return sess.run(tf.nn.avg_pool(tf.constant(x), ksize, strides, padding))


def means(x, ksize, strides, padding):
    """Window by window."""
    n, h, w, channels = x.shape
    sides = []
    for size, taps, stride in zip((h, w), ksize, strides):
        count = -(-size // stride) if padding == "SAME" else (size - taps) // stride + 1
        before = max(0, (count - 1) * stride + taps - size) // 2 if padding == "SAME" else 0
        sides.append([range(max(0, i * stride - before), min(size, i * stride - before + taps)) for i in range(count)])
    y = np.zeros((n, len(sides[0]), len(sides[1]), channels))
    for i, rows in enumerate(sides[0]):
        for j, columns in enumerate(sides[1]):
            y[:, i, j] = x[:, rows.start:rows.stop, columns.start:columns.stop].mean(axis=(1, 2))
    return y


def compare(run, random, shape, ksize, strides, padding):
    x = random.standard_normal(shape)
    close(run(pooled, x, ksize, strides, padding), means(x, ksize, strides, padding),
          f"images {list(shape)}, windows {ksize}, strides {strides}, {padding}", rtol=1e-11, atol=1e-12)


@task.check(0.5, "windows inside the image",
            hint="Windows of 2 by 2, stride 2, on 4 by 4 pixels: four means of four pixels. Then a stride that is not the window.")
def valid(run, random):
    for shape, ksize, strides in [((2, 4, 4, 3), (2, 2), (2, 2)), ((1, 7, 9, 2), (3, 2), (1, 2)), ((3, 5, 5, 1), (5, 5), (1, 1)),
                                  ((2, 9, 8, 4), (2, 3), (3, 4))]:
        compare(run, random, shape, ksize, strides, "VALID")
    x = random.standard_normal((2, 6, 7, 3))
    close(run(in_the_package, x, [1, 3, 2, 1], [1, 2, 1, 1], "VALID"), means(x, (3, 2), (2, 1), "VALID"), "tf.nn.avg_pool of a float64 "
                                                                                                          "tensor",
          rtol=1e-11)


@task.check(1, "at the edges, the mean of what is inside",
            hint="Pool an image of ones: every mean must be 1, at the corners too.")
def edges(run, random):
    got = run(pooled, np.arange(1.0, 6.0).reshape(1, 1, 5, 1), (1, 3), (1, 2), "SAME")
    close(got, np.array([1.5, 3, 4.5]).reshape(1, 1, 3, 1), "the example")
    for shape, ksize in [((2, 5, 5, 3), (3, 3)), ((1, 6, 4, 2), (5, 3)), ((2, 3, 8, 1), (1, 5))]:
        compare(run, random, shape, ksize, (1, 1), "SAME")


@task.check(0.5, "the odd zero is behind, and windows may be larger than the image",
            hint="With an even window or a stride, the number of zeros may be odd. Which pixels does the first window of 2 by 2 hold, "
                 "stride 1?")
def uneven(run, random):
    for shape, ksize, strides in [((2, 5, 5, 3), (2, 2), (1, 1)), ((1, 7, 8, 2), (4, 2), (2, 1)), ((1, 6, 9, 2), (3, 3), (2, 2)),
                                  ((2, 2, 3, 1), (5, 6), (1, 1)), ((1, 8, 7, 2), (2, 1), (3, 4)), ((1, 1, 1, 2), (4, 4), (2, 2))]:
        compare(run, random, shape, ksize, strides, "SAME")


@task.check(0.5, "nothing, and numbers that are not finite",
            hint="An infinity may reach only the windows that it lies in: nothing is subtracted from it, and it is multiplied with no 0.")
def special(run, random):
    for shape in [(0, 4, 4, 2), (2, 4, 4, 0), (2, 0, 3, 2), (2, 3, 0, 2)]:
        compare(run, random, shape, (2, 2), (1, 2), "SAME")
    x = random.standard_normal((1, 6, 6, 3))
    x[0, 2, 3, 0], x[0, 4, 1, 1], x[0, 5, 5, 2] = np.inf, np.nan, -np.inf
    close(run(pooled, x, (3, 3), (1, 1), "SAME"), means(x, (3, 3), (1, 1), "SAME"), "an image with infinities and a NaN", rtol=1e-11)


@task.check(0.5, "few steps of Python",
            hint="A loop over 100 by 100 places takes 10,000 steps. How many windows are there, and how many taps has one?")
def fast(run, random):
    x = random.standard_normal((1, 100, 100, 2))
    close(run(pooled, x, (3, 3), (1, 1), "SAME"), means(x, (3, 3), (1, 1), "SAME"), "100 by 100 pixels", rtol=1e-11, atol=1e-12)
    count = run(steps, x, (3, 3), (1, 1), "SAME")
    equal(type(count).__name__, "int", "the number of steps")
    expect(0 < count <= 200, f"it took {count} steps of Python; 200 are the most")
