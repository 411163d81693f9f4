import numpy as np

from minitf.course.task import Task, close, equal, expect

task = Task(
    "The gradient to the image, with strides and dilation",
    function="image_gradient",
    replaces="kernel Conv2DBackpropInput T=float64",
    hints=["For one tap (a, b), the share of all windows at once is g @ filter[a, b].T: [n, places, places, channels]. On which rows of "
           "the image does "
           "it lie? Write them as a slice with a step.",
           "Make the image larger than it is: zeros before and behind, enough for every tap of every window. Add all shares there, and "
           "cut the image "
           "out at the end. Without a stride that is what the chapter does.",
           "Enlarged, a side has (places - 1) * stride + (taps - 1) * dilation + 1 rows or size + before, whichever is more; tap a of all "
           "windows lies at "
           "a * dilation, a * dilation + stride, ...: the slice [a * dilation : a * dilation + (places - 1) * stride + 1 : stride]. Mind "
           "places = 0."],
    why="""This op is also what is called a transposed convolution, or deconvolution, when it is used forwards: it makes images larger, in
        networks that draw or that mark each pixel. With stride 2 and 3 taps some pixels lie in four windows and some in one, which shows
        as a checkerboard in what such a network draws (Odena and others, 2016). The package's kernel cuts the image into stride times
        stride groups of pixels that meet the same taps, and each group is a plain convolution.""")


def slopes(mine, sizes, w, g, strides, dilations, padding):
    w, g = np.array(w), np.array(g)
    w.flags.writeable = g.flags.writeable = False
    attrs = {"strides": (1, *strides, 1), "dilations": (1, *dilations, 1), "padding": padding, "data_format": "NHWC"}
    return np.asarray(mine.image_gradient(attrs, np.array(sizes, np.int32), w, g))


def steps(mine, sizes, w, g):
    """How many lines of Python the function runs, at stride 1, VALID."""
    import sys
    count, file = 0, mine.image_gradient.__code__.co_filename

    def trace(frame, event, arg):
        nonlocal count
        if event == "line" and frame.f_code.co_filename == file:
            count += 1
        return trace
    sys.settrace(trace)
    try:
        mine.image_gradient({"strides": (1, 1, 1, 1), "dilations": (1, 1, 1, 1), "padding": "VALID"}, np.array(sizes, np.int32), w, g)
    finally:
        sys.settrace(None)
    return count


def through_package(mine, x, w, g, strides, padding):
    with tf.Graph().as_default(), tf.Session() as sess:
        image = tf.constant(x)
        return sess.run(tf.gradients(tf.nn.conv2d(image, tf.constant(w), [1, *strides, 1], padding), image, tf.constant(g))[0])


def side(size, taps, stride, dilation, padding):
    """(places, zeros before)"""
    reach = (taps - 1) * dilation + 1
    if padding == "VALID":
        return (size - reach) // stride + 1, 0
    places = -(-size // stride)
    return places, max(0, (places - 1) * stride + reach - size) // 2


def by_transposing(sizes, w, places, strides, dilations, padding):
    """The convolution along rows and along columns as matrices of 0 and 1, one for each tap: its transpose is the gradient."""
    maps = []
    for k in (0, 1):
        taps = np.zeros((w.shape[k], places[k], sizes[k + 1]))
        before = side(sizes[k + 1], w.shape[k], strides[k], dilations[k], padding)[1]
        for t, i in np.ndindex(w.shape[k], places[k]):
            pixel = i * strides[k] + t * dilations[k] - before
            if 0 <= pixel < sizes[k + 1]:
                taps[t, i, pixel] = 1
        maps.append(taps)
    return maps


def case(random, sizes, taps, filters, strides, dilations, padding):
    w = random.standard_normal((*taps, sizes[3], filters))
    places = [side(sizes[k + 1], taps[k], strides[k], dilations[k], padding)[0] for k in (0, 1)]
    g = random.standard_normal((sizes[0], *places, filters))
    rows, columns = by_transposing(sizes, w, places, strides, dilations, padding)
    return w, g, np.einsum("nijf,abcf,aiy,bjx->nyxc", g, w, rows, columns, optimize=True)


def compare(run, random, sizes, taps, filters, strides=(1, 1), dilations=(1, 1), padding="SAME"):
    w, g, wanted = case(random, sizes, taps, filters, strides, dilations, padding)
    close(run(slopes, sizes, w, g, strides, dilations, padding), wanted,
          f"image {list(sizes)}, filter {list(w.shape)}, strides {strides}, dilations {dilations}, {padding}", rtol=1e-9, atol=1e-10)


@task.check(1, "stride 1, both paddings",
            hint="The middle of the image lies in as many windows as the filter has taps. Do you add, or assign? And where do the zeros "
                 "before the "
                 "image end?")
def plain(run, random):
    for padding in "SAME", "VALID":
        for taps in [(1, 1), (2, 2), (3, 3), (2, 4)]:
            compare(run, random, (2, 6, 5, 3), taps, 4, padding=padding)
    w, g, wanted = case(random, (2, 7, 8, 2), (3, 2), 3, (1, 1), (1, 1), "SAME")
    close(run(through_package, random.standard_normal((2, 7, 8, 2)), w, g, (1, 1), "SAME"), wanted, "tf.gradients of a float64 "
                                                                                                    "convolution", rtol=1e-9)


@task.check(1, "strides, where some pixels lie in no window",
            hint="Take the example. The last pixel gets 0: the result has no place for a window that holds it.")
def strides(run, random):
    for padding in "SAME", "VALID":
        for sizes, taps, how in [((2, 6, 7, 3), (3, 3), (2, 2)), ((1, 8, 9, 2), (2, 3), (3, 1)), ((2, 7, 7, 2), (1, 1), (2, 3)),
                                 ((1, 9, 8, 1), (2, 2), (4, 5))]:
            compare(run, random, sizes, taps, 2, how, padding=padding)


@task.check(1, "dilation, with strides and without",
            hint="Two taps with dilation 3 lie three pixels apart, and the window reaches over four: the zeros before the image hang on "
                 "that.")
def dilations(run, random):
    for padding in "SAME", "VALID":
        for taps, how, apart in [((2, 3), (1, 1), (3, 2)), ((3, 2), (2, 1), (2, 3)), ((3, 3), (2, 2), (2, 2)), ((1, 2), (3, 2), (4, 1))]:
            compare(run, random, (2, 9, 8, 2), taps, 3, how, apart, padding)


@task.check(0.5, "filters larger than the image, and sizes of 0",
            hint="With SAME there are zeros enough for any filter; most of its taps then meet no pixel at all. A sum of nothing is 0.")
def edges(run, random):
    for taps, how, apart in [((5, 5), (1, 1), (1, 1)), ((4, 6), (2, 2), (1, 1)), ((3, 3), (1, 2), (4, 3))]:
        compare(run, random, (2, 2, 3, 2), taps, 3, how, apart)
    for sizes, filters in [((0, 4, 4, 2), 3), ((2, 4, 4, 0), 3), ((2, 4, 4, 2), 0), ((2, 0, 4, 2), 3), ((2, 4, 0, 2), 3)]:
        compare(run, random, sizes, (3, 3), filters)
    compare(run, random, (1, 1, 1, 2), (1, 1), 2, padding="VALID")


@task.check(0.5, "few steps of Python",
            hint="Are there loops over places? Over the nine taps they are enough.")
def fast(run, random):
    sizes = (1, 62, 62, 2)
    w, g, wanted = case(random, sizes, (3, 3), 2, (1, 1), (1, 1), "VALID")
    close(run(slopes, sizes, w, g, (1, 1), (1, 1), "VALID"), wanted, "an image of 62 by 62 pixels, 3 by 3 taps", rtol=1e-9, atol=1e-10)
    count = run(steps, sizes, w, g)
    equal(type(count).__name__, "int", "the number of steps")
    expect(0 < count <= 300, f"it took {count} steps of Python; 300 are the most")
